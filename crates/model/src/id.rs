//! Identifiers of users and groups, as distinct types.

use std::fmt;
use std::num::IntErrorKind;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

macro_rules! id {
    ($(#[$meta:meta])* $name:ident, $field:literal) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(i32);

        impl $name {
            /// Returns the identifier as a number, as it is on the wire.
            pub const fn get(self) -> i32 {
                self.0
            }
        }

        impl From<i32> for $name {
            fn from(raw_id: i32) -> Self {
                Self(raw_id)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            /// Parses a decimal number.
            ///
            /// # Errors
            /// If the text is not a whole number from 1 to 2147483647.
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                let problem = match text.parse::<i32>() {
                    Ok(raw_id) if raw_id > 0 => return Ok(Self(raw_id)),
                    Ok(_) => "less than 1",
                    Err(error) if *error.kind() == IntErrorKind::PosOverflow => "too large",
                    Err(_) => "not a number",
                };
                Err(InvalidId { field: $field, problem })
            }
        }
    };
}

id!(
    /// Identifier of a user (`user_id`).
    ///
    /// ```
    /// use ultracart_model::UserId;
    /// assert_eq!("7".parse::<UserId>()?, UserId::from(7));
    /// # Ok::<(), ultracart_model::InvalidId>(())
    /// ```
    ///
    /// A [`GroupOid`] is a different type:
    ///
    /// ```compile_fail
    /// let user: ultracart_model::UserId = ultracart_model::GroupOid::from(7);
    /// ```
    UserId,
    "user_id"
);
id!(
    /// Identifier of a group (`group_oid`).
    GroupOid,
    "group_oid"
);

/// The error of parsing a text that is not an identifier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidId {
    field: &'static str,
    problem: &'static str,
}

impl fmt::Display for InvalidId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { field, problem } = self;
        write!(f, "the {field} is {problem}; it must be a whole number from 1 to {}", i32::MAX)
    }
}

impl std::error::Error for InvalidId {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invalid_id_error_names_the_problem() {
        for (text, problem) in [
            ("", "not a number"),
            ("7x", "not a number"),
            ("../7", "not a number"),
            ("0", "less than 1"),
            ("-7", "less than 1"),
            ("2147483648", "too large"),
        ] {
            let error = text.parse::<GroupOid>().unwrap_err();
            assert_eq!(
                error.to_string(),
                format!("the group_oid is {problem}; it must be a whole number from 1 to 2147483647"),
                "{text:?}"
            );
        }
    }
}
