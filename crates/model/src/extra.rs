//! Fields that the API has and this crate does not know.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::fmt;

use serde::de::{Error as _, MapAccess};
use serde::ser::Error as _;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use crate::texts::hash;

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
pub struct Extra(Option<Box<Entries>>);

/// One text for all, since most objects have no such field or many.
#[derive(Clone)]
struct Entries {
    /// Name, JSON text, name, JSON text …
    text: Box<str>,
    ends: Box<[Ends]>,
}

/// Where a name and its JSON text end.
#[derive(Clone, Copy, Debug)]
struct Ends {
    name: usize,
    json: usize,
}

impl Extra {
    /// Whether there is no such field.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// How many such fields there are.
    pub fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |entries| entries.ends.len())
    }

    /// The JSON text of the field of this name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find_map(|(known, json)| (known == name).then_some(json))
    }

    /// The fields in the order in which they came: name and JSON text.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().flat_map(|entries| pairs(&entries.text, &entries.ends, 0))
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
        let new = [(name, value.get())];
        *self = Self::from_pairs(self.iter().chain(new));
        Ok(())
    }

    /// Takes a field away; the answer is whether it was there.
    pub fn remove(&mut self, name: &str) -> bool {
        let before = self.len();
        *self = Self::from_pairs(self.iter().filter(|(known, _)| *known != name));
        self.len() < before
    }

    fn from_pairs<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> Self {
        let mut all = Unknown::default();
        all.extend(pairs);
        all.take(0)
    }
}

fn pairs<'a>(
    text: &'a str,
    ends: &'a [Ends],
    start: usize,
) -> impl Iterator<Item = (&'a str, &'a str)> + Clone {
    ends.iter().scan(start, move |start, ends| {
        let pair = (&text[*start..ends.name], &text[ends.name..ends.json]);
        *start = ends.json;
        Some(pair)
    })
}

/// The unknown fields of the objects that are being read, those of an inner object behind those of the one that it
/// is in.
#[derive(Debug, Default)]
pub(crate) struct Unknown {
    text: String,
    ends: Vec<Ends>,
}

impl Unknown {
    /// How many fields there are: where those of the next object begin.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The name of a field, whose value comes next.
    pub(crate) fn name(&mut self, name: &str) {
        self.text.truncate(self.start(self.ends.len()));
        self.text.push_str(name);
    }

    /// Reads the value of the field that was named last.
    pub(crate) fn value<'de, A: MapAccess<'de>>(&mut self, map: &mut A) -> Result<(), A::Error> {
        let value: Box<RawValue> = map.next_value()?;
        // A short one has no room to be deep.
        if value.get().len() > 2 * MAX_DEPTH && depth(value.get()) > MAX_DEPTH {
            let name = &self.text[self.start(self.ends.len())..];
            return Err(A::Error::custom(format_args!(
                "`{name}` is nested more than {MAX_DEPTH} levels deep"
            )));
        }
        self.json(value.get());
        Ok(())
    }

    fn extend<'a>(&mut self, pairs: impl Iterator<Item = (&'a str, &'a str)>) {
        for (name, json) in pairs {
            self.name(name);
            self.json(json);
        }
    }

    fn json(&mut self, json: &str) {
        let name = self.text.len();
        self.text.push_str(json);
        self.ends.push(Ends { name, json: self.text.len() });
    }

    /// Takes out the fields from this one on. Of a name that came twice the last value counts, as in JavaScript.
    #[inline]
    pub(crate) fn take(&mut self, first: usize) -> Extra {
        if self.ends.len() == first { Extra::default() } else { self.take_some(first) }
    }

    fn take_some(&mut self, first: usize) -> Extra {
        let start = self.start(first);
        let pairs = || pairs(&self.text, &self.ends[first..], start);
        let extra = if repeats(&pairs().map(|(name, _)| name)) {
            let mut last: Vec<(&str, &str)> = Vec::new();
            let mut places: HashMap<&str, usize> = HashMap::new();
            for (name, json) in pairs() {
                match places.entry(name) {
                    Entry::Occupied(place) => last[*place.get()].1 = json,
                    Entry::Vacant(place) => {
                        place.insert(last.len());
                        last.push((name, json));
                    }
                }
            }
            Extra::from_pairs(last.into_iter())
        } else {
            let shifted = self.ends[first..]
                .iter()
                .map(|ends| Ends { name: ends.name - start, json: ends.json - start });
            Extra(Some(Box::new(Entries { text: self.text[start..].into(), ends: shifted.collect() })))
        };
        self.ends.truncate(first);
        self.text.truncate(start);
        extra
    }

    /// Where a field begins.
    fn start(&self, field: usize) -> usize {
        field.checked_sub(1).map_or(0, |before| self.ends[before].json)
    }
}

/// Whether a name comes twice.
fn repeats<'a>(names: &(impl Iterator<Item = &'a str> + Clone)) -> bool {
    /// Of so many or fewer each may have to be compared with each, if somebody chose them to that end.
    const FEW: usize = 64;
    if names.clone().nth(FEW).is_some() {
        let mut seen = HashSet::new();
        return !names.clone().all(|name| seen.insert(name));
    }
    // Most names are told apart without a look at the others.
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

/// A JSON text as a value.
pub(crate) struct Json<'a>(pub(crate) &'a str);

impl Serialize for Json<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let value: &RawValue = serde_json::from_str(self.0).map_err(S::Error::custom)?;
        value.serialize(serializer)
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
