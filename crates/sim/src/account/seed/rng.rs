//! A small deterministic random number generator.

/// The splitmix64 generator. It returns the same numbers on every machine.
#[derive(Clone, Debug)]
pub(crate) struct Rng(u64);

impl Rng {
    /// Creates a generator whose numbers depend on the seed and the index.
    pub(crate) fn new(seed: u64, index: u64) -> Self {
        let mut first = Self(seed ^ index.wrapping_mul(0xd6e8_feb8_6659_fd93));
        Self(first.next())
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Returns a random number below `end`, or 0 if `end` is 0.
    pub(super) fn below(&mut self, end: u8) -> u8 {
        u8::try_from(self.next() % u64::from(end.max(1))).unwrap_or_default()
    }

    /// Returns a random item.
    pub(super) fn pick<T: Copy, const N: usize>(&mut self, items: &[T; N]) -> T {
        items[usize::from(self.below(u8::try_from(N).unwrap_or(u8::MAX)))]
    }
}
