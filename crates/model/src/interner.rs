//! Shares the memory of repeated strings.

use crate::Text;

/// Number of buckets at first, a power of two.
const FIRST_BUCKETS: usize = 32;
/// Maximum number of buckets, a power of two.
const MAX_BUCKETS: usize = 512;

/// A cache of recently decoded texts: equal texts share their memory.
///
/// An account repeats the same few permission names thousands of times. A bucket has two texts, so a look-up
/// compares at most twice, whatever the document contains.
#[derive(Debug, Default)]
pub(crate) struct Interner {
    buckets: Vec<[Option<Text>; 2]>,
    /// Number of texts inserted since buckets were last added. Buckets are added when a new text finds its
    /// bucket full, but only if this number exceeds the number of buckets.
    inserted: usize,
}

impl Interner {
    /// Returns the cached text that equals `text`, or inserts it.
    pub(crate) fn intern(&mut self, text: &str) -> Text {
        let hash = hash(text);
        match self.buckets.get(index(hash, self.buckets.len())) {
            Some([Some(known), _] | [_, Some(known)]) if known == text => known.clone(),
            _ => self.insert(text, hash),
        }
    }

    /// Inserts a text. This code is not part of `intern`, so that `intern` stays fast for known texts.
    #[cold]
    #[inline(never)]
    fn insert(&mut self, text: &str, hash: u64) -> Text {
        if self.buckets.is_empty() {
            self.buckets.resize(FIRST_BUCKETS, [None, None]);
        } else if self.inserted > self.buckets.len()
            && self.buckets.len() < MAX_BUCKETS
            && self.buckets[index(hash, self.buckets.len())][1].is_some()
        {
            self.grow();
        }
        self.inserted += 1;
        let new = Text::from(text);
        self.put(new.clone(), hash);
        new
    }

    /// Puts a text into its bucket. If the bucket is full, drops the older of its two texts.
    #[inline]
    fn put(&mut self, text: Text, hash: u64) {
        let index = index(hash, self.buckets.len());
        let bucket = &mut self.buckets[index];
        bucket[1] = bucket[0].replace(text);
    }

    fn grow(&mut self) {
        let more = vec![[None, None]; self.buckets.len() * 4];
        self.inserted = 0;
        for text in std::mem::replace(&mut self.buckets, more).into_iter().flatten().flatten() {
            let hash = hash(&text);
            self.put(text, hash);
        }
    }
}

/// Returns the position of a hash's bucket. `buckets` is the number of buckets, a power of two.
fn index(hash: u64, buckets: usize) -> usize {
    usize::try_from(hash >> 40).unwrap_or_default() & buckets.wrapping_sub(1)
}

/// Hashes the length of a text and its first, middle and last 8 bytes. A text of at most 16 bytes is hashed
/// completely.
pub(crate) fn hash(text: &str) -> u64 {
    let bytes = text.as_bytes();
    let word = if let (Some(first), Some(last)) = (bytes.first_chunk::<8>(), bytes.last_chunk::<8>()) {
        let middle = if bytes.len() > 16 { bytes[bytes.len() / 2 - 4..].first_chunk() } else { None };
        let middle = middle.map_or(0, |middle| u64::from_le_bytes(*middle));
        mix(mix(u64::from_le_bytes(*first)) ^ middle) ^ u64::from_le_bytes(*last)
    } else if let (Some(first), Some(last)) = (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        u64::from(u32::from_le_bytes(*first)) << 32 | u64::from(u32::from_le_bytes(*last))
    } else {
        bytes.iter().fold(0, |word, byte| word << 8 | u64::from(*byte))
    };
    mix(word ^ (bytes.len() as u64) << 56)
}

/// Mixes the bits of a word: each bit of the result depends on all of them.
fn mix(word: u64) -> u64 {
    let (low, high) = word.carrying_mul(0x9e37_79b9_7f4a_7c15, 0);
    low ^ high
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_text_shares_memory() {
        let mut interner = Interner::default();
        let names: Vec<_> = (0..200).map(|n| format!("permission_number_{n}")).collect();
        for name in &names {
            assert_eq!(interner.intern(name), name.as_str());
        }
        let second: Vec<_> = names.iter().map(|name| interner.intern(name)).collect();
        let third: Vec<_> = names.iter().map(|name| interner.intern(name)).collect();
        let shared = second.iter().zip(&third).filter(|(a, b)| a.as_ptr() == b.as_ptr()).count();
        assert!(shared > 180, "{shared} of 200");
    }

    #[test]
    fn few_texts_need_no_more_buckets() {
        let mut interner = Interner::default();
        (0..FIRST_BUCKETS).for_each(|n| drop(interner.intern(&format!("text {n}"))));
        assert_eq!(interner.buckets.len(), FIRST_BUCKETS);
    }

    #[test]
    fn many_texts_reach_the_maximum_of_buckets() {
        let mut interner = Interner::default();
        for n in 0..100_000 {
            let text = n.to_string();
            assert_eq!(interner.intern(&text), text.as_str());
        }
        assert_eq!(interner.buckets.len(), MAX_BUCKETS);
        assert_eq!(interner.intern(""), "");
    }

    #[test]
    fn texts_of_24_bytes_that_differ_hash_differently() {
        let text = "abcdefghijklmnopqrstuvwx";
        for length in 0..=text.len() {
            for at in 0..length {
                let other = format!("{}-{}", &text[..at], &text[at + 1..length]);
                assert_ne!(hash(&text[..length]), hash(&other), "{other}");
            }
        }
    }
}
