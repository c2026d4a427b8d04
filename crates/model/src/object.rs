//! The macro that declares the objects of the API.
//!
//! serde's derive with `#[serde(flatten)]` would do most of this. But serde decodes unknown values before it
//! keeps them. Some numbers would then be written back in another form: `1.0`, `1e2` or a number of forty
//! digits.

/// Which of a field's names the JSON uses.
#[derive(Clone, Copy)]
pub(crate) enum Spelling {
    /// The documented name.
    Documented,
    /// Another name, which is also accepted.
    Alias,
}

/// Declares an object. A field is written as `field: Type = "documented name" | "alias";`. A field that ends
/// with `, write_only;` is sent but never decoded.
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
            /// Fields that this version of the crate does not declare. They are written back unchanged.
            pub extra: $crate::Extra,
        }

        impl $name {
            /// Returns an object in which no field is set.
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

            /// Returns the names on the wire of the fields that are set in `other` and not in `self`.
            ///
            /// Fields in [`extra`](Self::extra) count as set, even if they are `null`.
            ///
            /// ```
            /// use ultracart_model::User;
            ///
            /// let listed = User::new().user_id(7).email("a@example.com");
            /// let read = User::new().user_id(7).email("b@example.com").phone("555-0100");
            /// assert_eq!(listed.missing_fields(&read).collect::<Vec<_>>(), ["phone"]);
            /// ```
            pub fn missing_fields<'a>(&self, other: &'a Self) -> impl Iterator<Item = &'a str> {
                let extra: std::collections::HashSet<&str> = self.extra.iter().map(|(name, _)| name).collect();
                other.names_of_set_fields().filter(move |name| !self.is_set(name) && !extra.contains(name))
            }

            /// Returns the names on the wire of all fields that are set, each once.
            fn names_of_set_fields(&self) -> impl Iterator<Item = &str> {
                let fields = [$(self.$field.is_some().then_some($wire),)*];
                let extra = self.extra.iter().map(|(name, _)| name).filter(|name| !self.is_set(name));
                fields.into_iter().flatten().chain(extra)
            }

            /// Returns whether a declared field with this name is set. If so, a field with this name in
            /// `extra` is not sent.
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
                        map.serialize_entry(name, &$crate::extra::RawJson(json))?;
                    }
                }
                map.end()
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $crate::decode::Decode::decode(deserializer, &mut $crate::decode::Context::default())
            }
        }

        impl<'de> $crate::decode::Decode<'de> for $name {
            fn decode<D: serde::Deserializer<'de>>(
                deserializer: D,
                context: &mut $crate::decode::Context,
            ) -> Result<Self, D::Error> {
                use $crate::object::Spelling;
                use $crate::decode::{Context, Seed};

                #[expect(non_camel_case_types, reason = "each variant has the name of its field")]
                enum Field {
                    $($field(Spelling),)*
                    /// An undeclared field. Its name is already in `Context::unknown`.
                    Unknown,
                }

                struct Name<'a>(&'a mut Context);
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
                                $wire => Field::$field(Spelling::Documented),
                                $($alias => Field::$field(Spelling::Alias),)*
                            )*
                            unknown => {
                                self.0.unknown.push_name(unknown);
                                Field::Unknown
                            }
                        })
                    }
                }

                struct Object<'a>(&'a mut Context);
                impl<'de> serde::de::Visitor<'de> for Object<'_> {
                    type Value = $name;
                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str(concat!("an object (", stringify!($name), ")"))
                    }
                    fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<$name, A::Error> {
                        let context = self.0;
                        let first_unknown = context.unknown.len();
                        let mut object = $name::default();
                        // The documented name wins over an alias, in either order. Most objects have no
                        // alias.
                        let mut aliased = None::<$name>;
                        while let Some(field) = map.next_key_seed(Name(context))? {
                            match field {
                                $(
                                    Field::$field(spelling) => {
                                        let target = match spelling {
                                            Spelling::Documented => &mut object,
                                            Spelling::Alias => aliased.get_or_insert_default(),
                                        };
                                        object!(@decode target.$field, map, context $(, $write_only)?);
                                    }
                                )*
                                Field::Unknown => context.unknown.decode_value(&mut map)?,
                            }
                        }
                        if let Some(aliased) = aliased {
                            $(object.$field = object.$field.or(aliased.$field);)*
                        }
                        object.extra = context.unknown.split_off(first_unknown);
                        Ok(object)
                    }
                }
                deserializer.deserialize_map(Object(context))
            }
        }
    };
    (@decode $target:expr, $map:ident, $context:ident) => {
        // A null does not replace an earlier value of the field.
        if let Some(value) = $map.next_value_seed(Seed::<Option<_>>::new($context))? {
            $target = Some(value);
        }
    };
    (@decode $target:expr, $map:ident, $context:ident, write_only) => {{
        let serde::de::IgnoredAny = $map.next_value()?;
        $target = None;
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

    fn missing<'a>(member: &Member, other: &'a Member) -> Vec<&'a str> {
        member.missing_fields(other).collect()
    }

    #[test]
    fn missing_field_has_its_name_on_the_wire() {
        let there = member(r#"{"user_id":7,"full_name":"Ada","x":1,"y":2}"#);
        assert_eq!(missing(&Member::new(), &there), ["user_id", "fullName", "x", "y"]);
        assert_eq!(missing(&member(r#"{"user_id":8,"login":"a","y":0}"#), &there), ["fullName", "x"]);
        assert_eq!(missing(&there, &Member::new()), [""; 0]);
    }

    #[test]
    fn inserted_null_is_not_missing() {
        let here = with_extra(Member::new(), "email", None);
        let there = Member::new().email("a@example.com");
        assert_eq!(missing(&here, &there), [""; 0]);
        assert_eq!(missing(&there, &here), [""; 0]);
    }

    #[test]
    fn extra_field_hidden_by_a_set_one_is_ignored() {
        let here = with_extra(Member::new().full_name("Ada"), "fullName", Some(1));
        let there = with_extra(Member::new().full_name("Ada"), "fullName", Some(2));
        assert_eq!(missing(&Member::new(), &there), ["fullName"]);
        let other_spelling = with_extra(Member::new(), "full_name", Some(3));
        assert_eq!(missing(&here, &other_spelling), [""; 0]);
    }

    #[test]
    fn many_unknown_names_are_compared_fast() {
        // Comparing every pair of names would take ten billion comparisons.
        let extra = |from: i32| {
            let json: Vec<_> = (from..from + 100_000).map(|n| format!(r#""{n}":0"#)).collect();
            member(&format!("{{{}}}", json.join(",")))
        };
        let (here, there) = (extra(0), extra(50_000));
        assert_eq!(here.missing_fields(&there).count(), 50_000);
    }
}
