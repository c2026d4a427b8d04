//! Fields that the API has and this crate does not know.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;

use serde::Serialize;
use serde::de::{Error as _, MapAccess};
use serde_json::value::RawValue;

/// Values nested deeper than this are refused: whoever reads them later would run out of stack.
const MAX_DEPTH: usize = 128;

/// The fields of an object that its type does not know, each with its JSON text as it came.
///
/// It is also how a caller sends what the type cannot say, an explicit `null` above all: UltraCart's own clients
/// leave unset fields out, and so does this crate unless it is asked.
///
/// ```
/// let mut user = ultracart_model::User::new().user_id(7);
/// user.extra.insert("phone", &())?;
/// assert_eq!(serde_json::to_string(&user)?, r#"{"user_id":7,"phone":null}"#);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Default)]
pub struct Extra(Box<[(Box<str>, Box<RawValue>)]>);

impl Extra {
    /// Whether there is no such field.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many such fields there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The JSON text of the field of this name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find_map(|(known, json)| (known == name).then_some(json))
    }

    /// The fields in the order in which they came: name and JSON text.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.entries().map(|(name, value)| (name, value.get()))
    }

    /// Sets a field to the JSON of `value`; a name that is there already gets the new value.
    ///
    /// A field of the object itself wins over one of the same name here, where it is set.
    ///
    /// # Errors
    /// If `value` has no JSON, as a map whose keys are not strings.
    pub fn insert(&mut self, name: &str, value: &impl Serialize) -> Result<(), InvalidExtra> {
        let value = serde_json::value::to_raw_value(value)
            .map_err(|source| InvalidExtra { name: name.to_owned(), source })?;
        if let Some((_, old)) = self.0.iter_mut().find(|(known, _)| &**known == name) {
            *old = value;
        } else {
            let mut entries = std::mem::take(&mut self.0).into_vec();
            entries.push((name.into(), value));
            self.0 = entries.into();
        }
        Ok(())
    }

    /// Takes a field away; the answer is whether it was there.
    pub fn remove(&mut self, name: &str) -> bool {
        let before = self.0.len();
        let mut entries = std::mem::take(&mut self.0).into_vec();
        entries.retain(|(known, _)| &**known != name);
        self.0 = entries.into();
        self.0.len() < before
    }

    pub(crate) fn entries(&self) -> impl Iterator<Item = (&str, &RawValue)> {
        self.0.iter().map(|(name, value)| (&**name, &**value))
    }

    /// Adds fields whose names are not here yet.
    pub(crate) fn append<'a>(&mut self, new: impl Iterator<Item = (&'a str, &'a RawValue)>) {
        let mut entries = std::mem::take(&mut self.0).into_vec();
        entries.extend(new.map(|(name, value)| (name.into(), value.to_owned())));
        self.0 = entries.into();
    }

    /// Of a name that came twice the last value counts, as in JavaScript.
    pub(crate) fn from_entries(entries: Vec<(Box<str>, Box<RawValue>)>) -> Self {
        if entries.is_empty() {
            return Self::default();
        }
        let mut last: Vec<(Box<str>, Box<RawValue>)> = Vec::with_capacity(entries.len());
        let mut places: HashMap<Box<str>, usize> = HashMap::with_capacity(entries.len());
        for (name, value) in entries {
            match places.entry(name.clone()) {
                Entry::Occupied(place) => last[*place.get()].1 = value,
                Entry::Vacant(place) => {
                    place.insert(last.len());
                    last.push((name, value));
                }
            }
        }
        Self(last.into())
    }

    pub(crate) fn read<'de, A: MapAccess<'de>>(
        name: Box<str>,
        map: &mut A,
    ) -> Result<(Box<str>, Box<RawValue>), A::Error> {
        let value: Box<RawValue> = map.next_value()?;
        if depth(value.get()) > MAX_DEPTH {
            return Err(A::Error::custom(format_args!(
                "`{name}` is nested more than {MAX_DEPTH} levels deep"
            )));
        }
        Ok((name, value))
    }
}

/// How deep the arrays and objects of a JSON text are nested.
fn depth(json: &str) -> usize {
    let (mut now, mut deepest) = (0_usize, 0);
    let (mut in_string, mut escaped) = (false, false);
    for byte in json.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => {
                now += 1;
                deepest = deepest.max(now);
            }
            b']' | b'}' if !in_string => now = now.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

impl PartialEq for Extra {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl fmt::Debug for Extra {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

/// A value that has no JSON was given to [`Extra::insert`].
#[derive(Debug)]
pub struct InvalidExtra {
    name: String,
    source: serde_json::Error,
}

impl fmt::Display for InvalidExtra {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the value for `{}` cannot be written as JSON", self.name)
    }
}

impl std::error::Error for InvalidExtra {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_does_not_count_brackets_in_strings() {
        assert_eq!(depth(r#"[{"a": "[[[\"[[", "b": [1]}]"#), 3);
        assert_eq!(depth("1.0"), 0);
    }

    #[test]
    fn insert_replaces_and_remove_takes_away() {
        let mut extra = Extra::default();
        extra.insert("a", &1).unwrap();
        extra.insert("b", &"x").unwrap();
        extra.insert("a", &()).unwrap();
        assert_eq!(extra.iter().collect::<Vec<_>>(), [("a", "null"), ("b", "\"x\"")]);
        assert!(extra.remove("a"));
        assert!(!extra.remove("a"));
        assert_eq!(extra.get("b"), Some("\"x\""));
        assert_eq!(extra.len(), 1);
    }

    #[test]
    fn a_value_without_json_is_refused() {
        let not_json = std::collections::BTreeMap::from([(vec![1], 2)]);
        let error = Extra::default().insert("bad", &not_json).unwrap_err();
        assert_eq!(error.to_string(), "the value for `bad` cannot be written as JSON");
    }
}
