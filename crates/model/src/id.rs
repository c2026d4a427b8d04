//! Identifiers: a user's cannot be passed where a group's is due.

use std::fmt;
use std::num::IntErrorKind;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

macro_rules! id {
    ($(#[$meta:meta])* $name:ident, $what:literal) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(i32);

        impl $name {
            /// The number that UltraCart knows it by.
            pub const fn get(self) -> i32 {
                self.0
            }
        }

        impl From<i32> for $name {
            fn from(number: i32) -> Self {
                Self(number)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            /// # Errors
            /// If the text is not a whole number from 1 to 2147483647.
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                let problem = match text.parse::<i32>() {
                    Ok(number) if number > 0 => return Ok(Self(number)),
                    Ok(_) => "it is not above 0",
                    Err(error) if *error.kind() == IntErrorKind::PosOverflow => "it is too large",
                    Err(_) => "it is not a number",
                };
                Err(InvalidId { what: $what, problem })
            }
        }
    };
}

id!(
    /// A user's `user_id`.
    ///
    /// ```
    /// use ultracart_model::UserId;
    /// assert_eq!("7".parse::<UserId>()?, UserId::from(7));
    /// # Ok::<(), ultracart_model::InvalidId>(())
    /// ```
    ///
    /// A group's identifier is none:
    ///
    /// ```compile_fail
    /// let user: ultracart_model::UserId = ultracart_model::GroupOid::from(7);
    /// ```
    UserId,
    "user_id"
);
id!(
    /// A group's `group_oid`.
    GroupOid,
    "group_oid"
);

/// A text that is no identifier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidId {
    what: &'static str,
    problem: &'static str,
}

impl fmt::Display for InvalidId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: a {} is a whole number from 1 to {}", self.problem, self.what, i32::MAX)
    }
}

impl std::error::Error for InvalidId {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_identifier_says_why() {
        for (text, problem) in [
            ("", "it is not a number"),
            ("7x", "it is not a number"),
            ("../7", "it is not a number"),
            ("0", "it is not above 0"),
            ("-7", "it is not above 0"),
            ("2147483648", "it is too large"),
        ] {
            let error = text.parse::<GroupOid>().unwrap_err();
            assert_eq!(
                error.to_string(),
                format!("{problem}: a group_oid is a whole number from 1 to 2147483647"),
                "{text:?}"
            );
        }
    }
}
