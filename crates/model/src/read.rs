//! How what is in an object is read: with what has been read of the document before it.

use std::any::TypeId;
use std::marker::PhantomData;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, SeqAccess, Visitor};

use crate::extra::Unknown;
use crate::texts::Texts;
use crate::{ExpiresIn, GroupOid, LoginDts, Text, Token, UserId};

/// No list is expected to be longer, and the first of its type not longer than that.
const LIKELY: usize = 256;
const FIRST: usize = 16;

/// What lives as long as a document is read.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    pub(crate) texts: Texts,
    pub(crate) unknown: Unknown,
    /// How long the last list of each type was: every user has as many permissions as the one before.
    lengths: Vec<(TypeId, usize)>,
}

impl Scratch {
    /// How long a list of this type is likely to be.
    fn likely_length<T: 'static>(&self) -> usize {
        let id = TypeId::of::<T>();
        self.lengths.iter().find(|(known, _)| *known == id).map_or(FIRST, |(_, length)| *length)
    }

    fn set_length<T: 'static>(&mut self, length: usize) {
        let id = TypeId::of::<T>();
        // Whatever one list says, the next one is believed to be long only so far.
        let length = length.min(LIKELY);
        match self.lengths.iter_mut().find(|(known, _)| *known == id) {
            Some((_, known)) => *known = length,
            None => self.lengths.push((id, length)),
        }
    }
}

/// What is read with the scratch of its document.
pub(crate) trait Read<'de>: Sized {
    fn read<D: Deserializer<'de>>(deserializer: D, scratch: &mut Scratch) -> Result<Self, D::Error>;
}

/// Reads what is inside of another.
pub(crate) struct Seed<'a, T>(&'a mut Scratch, PhantomData<T>);

impl<'a, T> Seed<'a, T> {
    pub(crate) fn new(scratch: &'a mut Scratch) -> Self {
        Self(scratch, PhantomData)
    }
}

impl<'de, T: Read<'de>> DeserializeSeed<'de> for Seed<'_, T> {
    type Value = T;
    #[inline]
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        T::read(deserializer, self.0)
    }
}

impl<'de, T: Read<'de>> Read<'de> for Option<T> {
    #[inline]
    fn read<D: Deserializer<'de>>(deserializer: D, scratch: &mut Scratch) -> Result<Self, D::Error> {
        deserializer.deserialize_option(Seed::<Self>::new(scratch))
    }
}

impl<'de, T: Read<'de>> Visitor<'de> for Seed<'_, Option<T>> {
    type Value = Option<T>;
    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a value or null")
    }
    fn visit_none<E: Error>(self) -> Result<Option<T>, E> {
        Ok(None)
    }
    fn visit_unit<E: Error>(self) -> Result<Option<T>, E> {
        Ok(None)
    }
    #[inline]
    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<T>, D::Error> {
        T::read(deserializer, self.0).map(Some)
    }
}

/// A list takes no more memory than what is in it.
impl<'de, T: Read<'de> + 'static> Read<'de> for Vec<T> {
    fn read<D: Deserializer<'de>>(deserializer: D, scratch: &mut Scratch) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(Seed::<Self>::new(scratch))
    }
}

impl<'de, T: Read<'de> + 'static> Visitor<'de> for Seed<'_, Vec<T>> {
    type Value = Vec<T>;
    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a sequence")
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<T>, A::Error> {
        let Some(first) = list.next_element_seed(Seed::new(self.0))? else { return Ok(Vec::new()) };
        let mut all = Vec::with_capacity(self.0.likely_length::<T>());
        all.push(first);
        while let Some(one) = list.next_element_seed(Seed::new(self.0))? {
            all.push(one);
        }
        all.shrink_to_fit();
        self.0.set_length::<T>(all.len());
        Ok(all)
    }
}

impl<'de> Read<'de> for Text {
    #[inline]
    fn read<D: Deserializer<'de>>(deserializer: D, scratch: &mut Scratch) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Seed::<Self>::new(scratch))
    }
}

impl Visitor<'_> for Seed<'_, Text> {
    type Value = Text;
    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a string")
    }
    #[inline]
    fn visit_str<E: Error>(self, text: &str) -> Result<Text, E> {
        Ok(self.0.texts.get(text))
    }
}

impl<'de> Read<'de> for LoginDts {
    fn read<D: Deserializer<'de>>(deserializer: D, scratch: &mut Scratch) -> Result<Self, D::Error> {
        Text::read(deserializer, scratch).map(Self::from)
    }
}

/// What has nothing in common with what was read before.
macro_rules! plain {
    ($($ty:ty),*) => {
        $(
            impl<'de> Read<'de> for $ty {
                fn read<D: Deserializer<'de>>(deserializer: D, _: &mut Scratch) -> Result<Self, D::Error> {
                    Self::deserialize(deserializer)
                }
            }
        )*
    };
}

plain!(bool, i64, ExpiresIn, GroupOid, Token, UserId);
