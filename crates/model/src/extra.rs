//! Fields that the API returns and this crate does not declare.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::fmt;

use serde::de::{Error as _, MapAccess};
use serde::ser::Error as _;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use crate::interner::hash;

/// Maximum nesting depth of a value. A deeper one is an error, since decoding it later could overflow the
/// stack.
const MAX_DEPTH: usize = 128;

/// The fields of an object that its type does not declare, each with its unchanged JSON text.
///
/// Fields inserted here are sent, too. A request leaves out a declared field that is `None`. To send an
/// explicit `null` instead, insert the field here.
///
/// ```
/// let mut user = ultracart_model::User::new().user_id(7);
/// user.extra.insert("phone", &())?;
/// assert_eq!(serde_json::to_string(&user)?, r#"{"user_id":7,"phone":null}"#);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Default)]
pub struct Extra(Option<Box<Entries>>);

/// The names and values of the fields, all in one string. An object that has undeclared fields usually has
/// many of them. A string for each would cost many allocations.
#[derive(Clone)]
struct Entries {
    /// Each field's name, followed by its JSON text.
    text: Box<str>,
    ends: Box<[FieldEnds]>,
}

/// The end positions of a field's name and of its JSON text, in bytes from the start of the string that holds
/// all fields.
#[derive(Clone, Copy, Debug)]
struct FieldEnds {
    name: usize,
    json: usize,
}

impl Extra {
    /// Returns whether there are no fields.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Returns the number of fields.
    pub fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |entries| entries.ends.len())
    }

    /// Returns the JSON text of the field called `name`.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find_map(|(known, json)| (known == name).then_some(json))
    }

    /// Returns the name and the JSON text of each field, in the order of the JSON object.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().flat_map(|entries| pairs(&entries.text, &entries.ends, 0))
    }

    /// Inserts a field with the JSON of `value`, or replaces its value.
    ///
    /// The object's type may declare a field of the same name. If that declared field is set, it is sent
    /// instead of this one.
    ///
    /// # Errors
    /// If `value` cannot be written as JSON, such as a map whose keys are not strings.
    pub fn insert(&mut self, name: &str, value: &impl Serialize) -> Result<(), InvalidExtra> {
        let value = serde_json::value::to_raw_value(value)
            .map_err(|source| InvalidExtra { name: name.to_owned(), source })?;
        let new = [(name, value.get())];
        *self = Self::from_pairs(self.iter().chain(new));
        Ok(())
    }

    /// Removes a field and returns whether it existed.
    pub fn remove(&mut self, name: &str) -> bool {
        let before = self.len();
        *self = Self::from_pairs(self.iter().filter(|(known, _)| *known != name));
        self.len() < before
    }

    fn from_pairs<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> Self {
        let mut all = UnknownFields::default();
        all.extend(pairs);
        all.split_off(0)
    }
}

/// Returns the name and the JSON text of each field in `text`. The first field begins at `start`.
fn pairs<'a>(
    text: &'a str,
    ends: &'a [FieldEnds],
    start: usize,
) -> impl Iterator<Item = (&'a str, &'a str)> + Clone {
    ends.iter().scan(start, move |start, ends| {
        let pair = (&text[*start..ends.name], &text[ends.name..ends.json]);
        *start = ends.json;
        Some(pair)
    })
}

/// A stack of the unknown fields of all objects that are being decoded. Fields of an inner object are above
/// those of the object that contains it.
#[derive(Debug, Default)]
pub(crate) struct UnknownFields {
    text: String,
    ends: Vec<FieldEnds>,
}

impl UnknownFields {
    /// Returns the number of fields. The next field that is pushed gets this number as its index.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Pushes the name of a field. Its value has to be pushed next.
    pub(crate) fn push_name(&mut self, name: &str) {
        self.text.truncate(self.start(self.ends.len()));
        self.text.push_str(name);
    }

    /// Decodes a value and pushes it as the value of the name that was pushed before.
    pub(crate) fn decode_value<'de, A: MapAccess<'de>>(&mut self, map: &mut A) -> Result<(), A::Error> {
        let value: Box<RawValue> = map.next_value()?;
        // Shorter values cannot be nested that deeply.
        if value.get().len() > 2 * MAX_DEPTH && nesting_depth(value.get()) > MAX_DEPTH {
            let name = &self.text[self.start(self.ends.len())..];
            return Err(A::Error::custom(format_args!(
                "`{name}` is nested more than {MAX_DEPTH} levels deep"
            )));
        }
        self.push_json(value.get());
        Ok(())
    }

    fn extend<'a>(&mut self, pairs: impl Iterator<Item = (&'a str, &'a str)>) {
        for (name, json) in pairs {
            self.push_name(name);
            self.push_json(json);
        }
    }

    fn push_json(&mut self, json: &str) {
        let name = self.text.len();
        self.text.push_str(json);
        self.ends.push(FieldEnds { name, json: self.text.len() });
    }

    /// Removes the fields from index `first` on and returns them. Of repeated fields, the last value wins, as
    /// in JavaScript.
    #[inline]
    pub(crate) fn split_off(&mut self, first: usize) -> Extra {
        if self.ends.len() == first { Extra::default() } else { self.split_off_some(first) }
    }

    fn split_off_some(&mut self, first: usize) -> Extra {
        let start = self.start(first);
        let pairs = || pairs(&self.text, &self.ends[first..], start);
        let extra = if has_duplicate(&pairs().map(|(name, _)| name)) {
            let mut last: Vec<(&str, &str)> = Vec::new();
            let mut positions: HashMap<&str, usize> = HashMap::new();
            for (name, json) in pairs() {
                match positions.entry(name) {
                    Entry::Occupied(position) => last[*position.get()].1 = json,
                    Entry::Vacant(position) => {
                        position.insert(last.len());
                        last.push((name, json));
                    }
                }
            }
            Extra::from_pairs(last.into_iter())
        } else {
            let shifted = self.ends[first..]
                .iter()
                .map(|ends| FieldEnds { name: ends.name - start, json: ends.json - start });
            Extra(Some(Box::new(Entries { text: self.text[start..].into(), ends: shifted.collect() })))
        };
        self.ends.truncate(first);
        self.text.truncate(start);
        extra
    }

    /// Returns the position in `text` where the field with the index `field` begins.
    fn start(&self, field: usize) -> usize {
        field.checked_sub(1).map_or(0, |before| self.ends[before].json)
    }
}

/// Returns whether a name occurs twice.
fn has_duplicate<'a>(names: &(impl Iterator<Item = &'a str> + Clone)) -> bool {
    /// Maximum number of names that are compared in pairs. More names are collected in a `HashSet`: comparing
    /// all pairs of a long hostile response would take too long.
    const MAX_PAIRWISE: usize = 64;
    if names.clone().nth(MAX_PAIRWISE).is_some() {
        let mut seen = HashSet::new();
        return !names.clone().all(|name| seen.insert(name));
    }
    // Most names differ in these bits of their hash, and so need no comparison.
    let mut seen = [0_u64; 16];
    for (at, name) in names.clone().enumerate() {
        let hash = hash(name);
        let (word, bit) = (&mut seen[(hash >> 60) as usize], 1 << (hash >> 54 & 63));
        if *word & bit != 0 && names.clone().take(at).any(|other| other == name) {
            return true;
        }
        *word |= bit;
    }
    false
}

/// A JSON text that is serialized as it is, not as a string.
pub(crate) struct RawJson<'a>(pub(crate) &'a str);

impl Serialize for RawJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let value: &RawValue = serde_json::from_str(self.0).map_err(S::Error::custom)?;
        value.serialize(serializer)
    }
}

/// Returns how deeply the arrays and objects of a JSON text are nested.
fn nesting_depth(json: &str) -> usize {
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

/// The error of [`Extra::insert`] for a value that cannot be written as JSON.
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
    fn nesting_depth_ignores_brackets_in_strings() {
        assert_eq!(nesting_depth(r#"[{"a": "[[[\"[[", "b": [1]}]"#), 3);
        assert_eq!(nesting_depth("1.0"), 0);
    }

    #[test]
    fn inserted_field_is_replaced_and_removed() {
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
    fn insert_of_a_value_without_json_is_an_error() {
        let not_json = std::collections::BTreeMap::from([(vec![1], 2)]);
        let error = Extra::default().insert("bad", &not_json).unwrap_err();
        assert_eq!(error.to_string(), "the value for `bad` cannot be written as JSON");
    }
}
