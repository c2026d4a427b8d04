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
                for (name, value) in self.extra.entries() {
                    if !self.is_set(name) {
                        map.serialize_entry(name, value)?;
                    }
                }
                map.end()
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                use $crate::object::Spelling;

                #[expect(non_camel_case_types, reason = "each variant is named like the field that it stands for")]
                enum Field {
                    $($field(Spelling),)*
                    Unknown(Box<str>),
                }

                impl<'de> serde::Deserialize<'de> for Field {
                    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                        struct Name;
                        impl serde::de::Visitor<'_> for Name {
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
                                    unknown => Field::Unknown(unknown.into()),
                                })
                            }
                        }
                        deserializer.deserialize_identifier(Name)
                    }
                }

                struct Object;
                impl<'de> serde::de::Visitor<'de> for Object {
                    type Value = $name;
                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str(concat!("an object (", stringify!($name), ")"))
                    }
                    fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<$name, A::Error> {
                        // One for each spelling: another than the documented one stands back, whichever comes first.
                        let mut spelled = [$name::default(), $name::default()];
                        let mut extra = Vec::new();
                        while let Some(field) = map.next_key::<Field>()? {
                            match field {
                                $(
                                    Field::$field(spelling) => object!(
                                        @read spelled[spelling as usize].$field, map $(, $write_only)?
                                    ),
                                )*
                                Field::Unknown(name) => extra.push($crate::Extra::read(name, &mut map)?),
                            }
                        }
                        let [mut object, other] = spelled;
                        $(object.$field = object.$field.or(other.$field);)*
                        object.extra = $crate::Extra::from_entries(extra);
                        Ok(object)
                    }
                }
                deserializer.deserialize_map(Object)
            }
        }
    };
    (@read $place:expr, $map:ident) => {
        // A null says nothing, so it takes nothing away.
        if let Some(value) = $map.next_value()? {
            $place = Some(value);
        }
    };
    (@read $place:expr, $map:ident, write_only) => {{
        let serde::de::IgnoredAny = $map.next_value()?;
        $place = None;
    }};
}
