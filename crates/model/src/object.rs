//! How every object of the API is declared: its fields, their names on the wire, and what becomes of the rest.
//!
//! serde's derive with `#[serde(flatten)]` would do most of this, but it passes unknown values through a buffer
//! of its own, so `1.0`, `1e2` or a number of forty digits would not come back as they came.

/// How the name of a field was spelled.
#[derive(Clone, Copy)]
pub(crate) enum Spelling {
    /// As documented.
    OnTheWire,
    /// Otherwise.
    Other,
}

/// Declares an object: `field: Type = "name on the wire" | "other spelling"`, `, write_only` behind it for a
/// field that is sent and never read.
macro_rules! object {
    (
        $(#[$meta:meta])*
        pub struct $name:ident {
            $(
                $(#[$field_meta:meta])*
                $field:ident: $ty:ty = $wire:literal $(| $alias:literal)* $(, $write_only:ident)?;
            )*
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, Default, PartialEq)]
        #[non_exhaustive]
        pub struct $name {
            $($(#[$field_meta])* pub $field: Option<$ty>,)*
            /// The fields that this version does not know, written back as they came.
            pub extra: $crate::Extra,
        }

        impl $name {
            /// An object with no field set.
            pub fn new() -> Self {
                Self::default()
            }

            $(
                #[doc = concat!("Sets `", $wire, "`.")]
                #[must_use]
                pub fn $field(mut self, value: impl Into<$ty>) -> Self {
                    self.$field = Some(value.into());
                    self
                }
            )*

            /// The names on the wire of what is set in `other` and not here, in [`extra`](Self::extra) neither.
            ///
            /// What is in `extra`, a `null` too, is set.
            ///
            /// ```
            /// use ultracart_model::User;
            ///
            /// let listed = User::new().user_id(7).email("a@example.com");
            /// let read = User::new().user_id(7).email("b@example.com").phone("555-0100");
            /// assert_eq!(listed.lacks(&read).collect::<Vec<_>>(), ["phone"]);
            /// ```
            pub fn lacks<'a>(&self, other: &'a Self) -> impl Iterator<Item = &'a str> {
                let extra: std::collections::HashSet<&str> = self.extra.iter().map(|(name, _)| name).collect();
                other.names().filter(move |name| !self.is_set(name) && !extra.contains(name))
            }

            /// The names on the wire of what is set, each once.
            fn names(&self) -> impl Iterator<Item = &str> {
                let fields = [$(self.$field.is_some().then_some($wire),)*];
                let extra = self.extra.iter().map(|(name, _)| name).filter(|name| !self.is_set(name));
                fields.into_iter().flatten().chain(extra)
            }

            /// Whether a field of this name on the wire is set, and so wins over one in `extra`.
            fn is_set(&self, name: &str) -> bool {
                match name {
                    $($wire $(| $alias)* => self.$field.is_some(),)*
                    _ => false,
                }
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                use serde::ser::SerializeMap as _;
                let mut map = serializer.serialize_map(None)?;
                $(
                    if let Some(value) = &self.$field {
                        map.serialize_entry($wire, value)?;
                    }
                )*
                for (name, json) in self.extra.iter() {
                    if !self.is_set(name) {
                        map.serialize_entry(name, &$crate::extra::Json(json))?;
                    }
                }
                map.end()
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $crate::read::Read::read(deserializer, &mut $crate::read::Scratch::default())
            }
        }

        impl<'de> $crate::read::Read<'de> for $name {
            fn read<D: serde::Deserializer<'de>>(
                deserializer: D,
                scratch: &mut $crate::read::Scratch,
            ) -> Result<Self, D::Error> {
                use $crate::object::Spelling;
                use $crate::read::{Scratch, Seed};

                #[expect(non_camel_case_types, reason = "each variant is named like the field that it stands for")]
                enum Field {
                    $($field(Spelling),)*
                    /// Its name is in the scratch.
                    Unknown,
                }

                struct Name<'a>(&'a mut Scratch);
                impl<'de> serde::de::DeserializeSeed<'de> for Name<'_> {
                    type Value = Field;
                    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Field, D::Error> {
                        deserializer.deserialize_identifier(self)
                    }
                }
                impl serde::de::Visitor<'_> for Name<'_> {
                    type Value = Field;
                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str("the name of a field")
                    }
                    fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<Field, E> {
                        Ok(match name {
                            $(
                                $wire => Field::$field(Spelling::OnTheWire),
                                $($alias => Field::$field(Spelling::Other),)*
                            )*
                            unknown => {
                                self.0.unknown.name(unknown);
                                Field::Unknown
                            }
                        })
                    }
                }

                struct Object<'a>(&'a mut Scratch);
                impl<'de> serde::de::Visitor<'de> for Object<'_> {
                    type Value = $name;
                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str(concat!("an object (", stringify!($name), ")"))
                    }
                    fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<$name, A::Error> {
                        let scratch = self.0;
                        let start = scratch.unknown.len();
                        let mut object = $name::default();
                        // Another spelling than the documented one stands back, whichever comes first. Most objects
                        // have none.
                        let mut other = None::<$name>;
                        while let Some(field) = map.next_key_seed(Name(scratch))? {
                            match field {
                                $(
                                    Field::$field(spelling) => {
                                        let place = match spelling {
                                            Spelling::OnTheWire => &mut object,
                                            Spelling::Other => other.get_or_insert_default(),
                                        };
                                        object!(@read place.$field, map, scratch $(, $write_only)?);
                                    }
                                )*
                                Field::Unknown => scratch.unknown.value(&mut map)?,
                            }
                        }
                        if let Some(other) = other {
                            $(object.$field = object.$field.or(other.$field);)*
                        }
                        object.extra = scratch.unknown.take(start);
                        Ok(object)
                    }
                }
                deserializer.deserialize_map(Object(scratch))
            }
        }
    };
    (@read $place:expr, $map:ident, $scratch:ident) => {
        // A null says nothing, so it takes nothing away.
        if let Some(value) = $map.next_value_seed(Seed::<Option<_>>::new($scratch))? {
            $place = Some(value);
        }
    };
    (@read $place:expr, $map:ident, $scratch:ident, write_only) => {{
        let serde::de::IgnoredAny = $map.next_value()?;
        $place = None;
    }};
}

#[cfg(test)]
mod tests {

    use crate::GroupUserMembership as Member;

    fn member(json: &str) -> Member {
        serde_json::from_str(json).unwrap()
    }

    fn with_extra(mut member: Member, name: &str, value: Option<i32>) -> Member {
        member.extra.insert(name, &value).unwrap();
        member
    }

    fn lacks<'a>(here: &Member, there: &'a Member) -> Vec<&'a str> {
        here.lacks(there).collect()
    }

    #[test]
    fn what_an_object_lacks_is_named_as_on_the_wire() {
        let there = member(r#"{"user_id":7,"full_name":"Ada","x":1,"y":2}"#);
        assert_eq!(lacks(&Member::new(), &there), ["user_id", "fullName", "x", "y"]);
        assert_eq!(lacks(&member(r#"{"user_id":8,"login":"a","y":0}"#), &there), ["fullName", "x"]);
        assert_eq!(lacks(&there, &Member::new()), [""; 0]);
    }

    #[test]
    fn null_sent_by_a_caller_is_not_missing() {
        let here = with_extra(Member::new(), "email", None);
        let there = Member::new().email("a@example.com");
        assert_eq!(lacks(&here, &there), [""; 0]);
        assert_eq!(lacks(&there, &here), [""; 0]);
    }

    #[test]
    fn what_a_field_hides_in_extra_does_not_count() {
        let here = with_extra(Member::new().full_name("Ada"), "fullName", Some(1));
        let there = with_extra(Member::new().full_name("Ada"), "fullName", Some(2));
        assert_eq!(lacks(&Member::new(), &there), ["fullName"]);
        let other_spelling = with_extra(Member::new(), "full_name", Some(3));
        assert_eq!(lacks(&here, &other_spelling), [""; 0]);
    }

    #[test]
    fn many_unknown_names_are_compared_in_no_time() {
        // Each name with each name would be ten billion comparisons.
        let extra = |from: i32| {
            let json: Vec<_> = (from..from + 100_000).map(|n| format!(r#""{n}":0"#)).collect();
            member(&format!("{{{}}}", json.join(",")))
        };
        let (here, there) = (extra(0), extra(50_000));
        assert_eq!(here.lacks(&there).count(), 50_000);
    }
}
