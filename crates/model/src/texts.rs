//! Texts that come again and again.

use crate::Text;

/// How many pairs of places there are at first, and how many at the most.
const FEW: usize = 32;
const MANY: usize = 512;

/// The texts that were read last. One that comes again shares its memory with the first: an account repeats the same few
/// names of permissions thousands of times.
///
/// There are two places for each text, so that no document, whatever stands in it, makes a text cost more than two
/// comparisons.
#[derive(Debug, Default)]
pub(crate) struct Texts {
    pairs: Vec<[Option<Text>; 2]>,
    /// How many texts were remembered since there are so many places. A short answer needs no more of them, though some
    /// pair is full.
    remembered: usize,
}

impl Texts {
    pub(crate) fn get(&mut self, text: &str) -> Text {
        let hash = hash(text);
        match self.pairs.get(index(hash, self.pairs.len())) {
            Some([Some(known), _] | [_, Some(known)]) if known == text => known.clone(),
            _ => self.remember(text, hash),
        }
    }

    /// Apart, so that what is seldom does not make what is usual slower.
    #[cold]
    #[inline(never)]
    fn remember(&mut self, text: &str, hash: u64) -> Text {
        if self.pairs.is_empty() {
            self.pairs.resize(FEW, [None, None]);
        } else if self.remembered > self.pairs.len()
            && self.pairs.len() < MANY
            && self.pairs[index(hash, self.pairs.len())][1].is_some()
        {
            self.grow();
        }
        self.remembered += 1;
        let new = Text::from(text);
        self.put(new.clone(), hash);
        new
    }

    #[inline]
    fn put(&mut self, text: Text, hash: u64) {
        let index = index(hash, self.pairs.len());
        let places = &mut self.pairs[index];
        places[1] = places[0].replace(text);
    }

    fn grow(&mut self) {
        let more = vec![[None, None]; self.pairs.len() * 4];
        self.remembered = 0;
        for text in std::mem::replace(&mut self.pairs, more).into_iter().flatten().flatten() {
            let hash = hash(&text);
            self.put(text, hash);
        }
    }
}

/// Where a text has its places among so many pairs, a power of two.
fn index(hash: u64, pairs: usize) -> usize {
    usize::try_from(hash >> 40).unwrap_or_default() & pairs.wrapping_sub(1)
}

/// A number that most texts do not share. It looks at 24 bytes at the most.
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

/// Every bit of the result depends on every bit of the word.
fn mix(word: u64) -> u64 {
    let (low, high) = word.carrying_mul(0x9e37_79b9_7f4a_7c15, 0);
    low ^ high
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_comes_again_is_the_same() {
        let mut texts = Texts::default();
        let names: Vec<_> = (0..200).map(|n| format!("permission_number_{n}")).collect();
        for name in &names {
            assert_eq!(texts.get(name), name.as_str());
        }
        let again: Vec<_> = names.iter().map(|name| texts.get(name)).collect();
        let once_more: Vec<_> = names.iter().map(|name| texts.get(name)).collect();
        let shared = again.iter().zip(&once_more).filter(|(a, b)| a.as_ptr() == b.as_ptr()).count();
        assert!(shared > 180, "{shared} of 200");
    }

    #[test]
    fn a_short_answer_needs_few_places() {
        let mut texts = Texts::default();
        (0..FEW).for_each(|n| drop(texts.get(&format!("text {n}"))));
        assert_eq!(texts.pairs.len(), FEW);
    }

    #[test]
    fn it_remembers_so_many_and_no_more() {
        let mut texts = Texts::default();
        for n in 0..100_000 {
            let text = n.to_string();
            assert_eq!(texts.get(&text), text.as_str());
        }
        assert_eq!(texts.pairs.len(), MANY);
        assert_eq!(texts.get(""), "");
    }

    #[test]
    fn texts_that_differ_anywhere_in_24_bytes_have_different_numbers() {
        let text = "abcdefghijklmnopqrstuvwx";
        for length in 0..=text.len() {
            for at in 0..length {
                let other = format!("{}-{}", &text[..at], &text[at + 1..length]);
                assert_ne!(hash(&text[..length]), hash(&other), "{other}");
            }
        }
    }
}
