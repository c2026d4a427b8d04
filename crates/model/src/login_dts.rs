//! The time of a login.

use std::fmt;

use jiff::Timestamp;
use jiff::fmt::temporal::{DateTimeParser, Pieces};
use jiff::tz::Offset;
use serde::{Deserialize, Serialize};

use crate::Text;

static PARSER: DateTimeParser = DateTimeParser::new();

/// The time of a login: ISO 8601 with an offset from UTC, kept as it was received.
///
/// ```
/// use ultracart_model::LoginDts;
/// let at = LoginDts::from("2021-05-18T12:10:19-04:00");
/// assert_eq!(at.timestamp().map(|t| t.to_string()).as_deref(), Some("2021-05-18T16:10:19Z"));
/// assert_eq!(at.offset().map(|o| o.seconds()), Some(-4 * 3600));
///
/// let invalid = LoginDts::from("yesterday");
/// assert_eq!(invalid.timestamp(), None);
/// assert_eq!(invalid.as_str(), "yesterday");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LoginDts(Text);

impl LoginDts {
    /// Returns the time as it was received.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the point in time, if the text is a date and a time with an offset.
    pub fn timestamp(&self) -> Option<Timestamp> {
        PARSER.parse_timestamp(self.as_str()).ok()
    }

    /// Returns the offset from UTC, if the text has one.
    pub fn offset(&self) -> Option<Offset> {
        Pieces::parse(self.as_str()).ok()?.to_numeric_offset()
    }
}

impl<T: Into<Text>> From<T> for LoginDts {
    fn from(text: T) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for LoginDts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_forms_of_an_offset_are_parsed() {
        for text in ["2021-05-18T16:10:19Z", "2021-05-18T12:10:19-04:00", "2021-05-18T12:10:19-0400"] {
            let at = LoginDts::from(text);
            assert_eq!(at.timestamp(), Some("2021-05-18T16:10:19Z".parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn time_without_offset_has_no_timestamp() {
        assert_eq!(LoginDts::from("2021-05-18T12:10:19").timestamp(), None);
        assert_eq!(LoginDts::from("").timestamp(), None);
    }
}
