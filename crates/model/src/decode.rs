//! Decoding with a context that lives as long as one document.

use std::any::TypeId;
use std::marker::PhantomData;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, SeqAccess, Visitor};

use crate::extra::UnknownFields;
use crate::interner::Interner;
use crate::{ExpiresIn, GroupOid, LoginDts, Text, Token, UserId};

/// Capacity reserved for a list if no earlier list of the same item type had items.
const FIRST_CAPACITY: usize = 16;
/// Maximum capacity reserved for a list before its length is known.
const MAX_CAPACITY: usize = 256;

/// State shared by all objects of a document that is being decoded.
#[derive(Debug, Default)]
pub(crate) struct Context {
    pub(crate) interner: Interner,
    pub(crate) unknown: UnknownFields,
    /// For each item type, the capacity to reserve for the next list. It is the length of the latest list
    /// that had items, but at most [`MAX_CAPACITY`]. Lists of one type are often equally long. For example,
    /// every user lists all permissions.
    capacities: Vec<(TypeId, usize)>,
}

impl Context {
    /// Returns the capacity to reserve for a list of `T`.
    fn capacity<T: 'static>(&self) -> usize {
        let id = TypeId::of::<T>();
        self.capacities
            .iter()
            .find(|(known, _)| *known == id)
            .map_or(FIRST_CAPACITY, |(_, capacity)| *capacity)
    }

    /// Records the length of a list of `T`.
    fn record_length<T: 'static>(&mut self, length: usize) {
        let id = TypeId::of::<T>();
        let capacity = length.min(MAX_CAPACITY);
        match self.capacities.iter_mut().find(|(known, _)| *known == id) {
            Some((_, known)) => *known = capacity,
            None => self.capacities.push((id, capacity)),
        }
    }
}

/// A type that is decoded with the context of its document.
pub(crate) trait Decode<'de>: Sized {
    fn decode<D: Deserializer<'de>>(deserializer: D, context: &mut Context) -> Result<Self, D::Error>;
}

/// A seed that passes the context to a nested value.
pub(crate) struct Seed<'a, T>(&'a mut Context, PhantomData<T>);

impl<'a, T> Seed<'a, T> {
    pub(crate) fn new(context: &'a mut Context) -> Self {
        Self(context, PhantomData)
    }
}

impl<'de, T: Decode<'de>> DeserializeSeed<'de> for Seed<'_, T> {
    type Value = T;
    #[inline]
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        T::decode(deserializer, self.0)
    }
}

impl<'de, T: Decode<'de>> Decode<'de> for Option<T> {
    #[inline]
    fn decode<D: Deserializer<'de>>(deserializer: D, context: &mut Context) -> Result<Self, D::Error> {
        deserializer.deserialize_option(Seed::<Self>::new(context))
    }
}

impl<'de, T: Decode<'de>> Visitor<'de> for Seed<'_, Option<T>> {
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
        T::decode(deserializer, self.0).map(Some)
    }
}

/// A decoded list has no spare capacity.
impl<'de, T: Decode<'de> + 'static> Decode<'de> for Vec<T> {
    fn decode<D: Deserializer<'de>>(deserializer: D, context: &mut Context) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(Seed::<Self>::new(context))
    }
}

impl<'de, T: Decode<'de> + 'static> Visitor<'de> for Seed<'_, Vec<T>> {
    type Value = Vec<T>;
    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a sequence")
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<T>, A::Error> {
        let Some(first) = list.next_element_seed(Seed::new(self.0))? else { return Ok(Vec::new()) };
        let mut all = Vec::with_capacity(self.0.capacity::<T>());
        all.push(first);
        while let Some(next) = list.next_element_seed(Seed::new(self.0))? {
            all.push(next);
        }
        all.shrink_to_fit();
        self.0.record_length::<T>(all.len());
        Ok(all)
    }
}

impl<'de> Decode<'de> for Text {
    #[inline]
    fn decode<D: Deserializer<'de>>(deserializer: D, context: &mut Context) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Seed::<Self>::new(context))
    }
}

impl Visitor<'_> for Seed<'_, Text> {
    type Value = Text;
    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a string")
    }
    #[inline]
    fn visit_str<E: Error>(self, text: &str) -> Result<Text, E> {
        Ok(self.0.interner.intern(text))
    }
}

impl<'de> Decode<'de> for LoginDts {
    fn decode<D: Deserializer<'de>>(deserializer: D, context: &mut Context) -> Result<Self, D::Error> {
        Text::decode(deserializer, context).map(Self::from)
    }
}

/// Implements [`Decode`] for types that need no context.
macro_rules! plain {
    ($($ty:ty),*) => {
        $(
            impl<'de> Decode<'de> for $ty {
                fn decode<D: Deserializer<'de>>(deserializer: D, _: &mut Context) -> Result<Self, D::Error> {
                    Self::deserialize(deserializer)
                }
            }
        )*
    };
}

plain!(bool, i64, ExpiresIn, GroupOid, Token, UserId);
