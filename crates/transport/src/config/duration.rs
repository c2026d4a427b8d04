//! Durations as people write them: `250ms`, `1h`, `1d`.

use std::fmt;
use std::time::Duration;

/// Shows a duration as it would be written: `1h 30m`, `90d`.
///
/// humantime counts in months and years of its own, so that 90 days would be shown as `2months 29days 2h 52m 48s`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Human(pub Duration);

impl fmt::Display for Human {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(u128, &str); 7] = [
            (86_400_000_000_000, "d"),
            (3_600_000_000_000, "h"),
            (60_000_000_000, "m"),
            (1_000_000_000, "s"),
            (1_000_000, "ms"),
            (1_000, "us"),
            (1, "ns"),
        ];
        let mut left = self.0.as_nanos();
        if left == 0 {
            return f.write_str("0s");
        }
        let mut space = "";
        for (unit, name) in UNITS {
            if left >= unit {
                write!(f, "{space}{}{name}", left / unit)?;
                left %= unit;
                space = " ";
            }
        }
        Ok(())
    }
}

/// `#[serde(with = "human_duration")]` for a `Duration`.
pub mod human_duration {
    use std::time::Duration;

    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serializer};

    /// Writes `1h 30m`.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&super::Human(*duration))
    }

    /// Reads `1h 30m`.
    ///
    /// # Errors
    /// If the text is not a duration.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        let text = String::deserialize(deserializer)?;
        humantime::parse_duration(&text)
            .map_err(|_| D::Error::custom("no duration: write `250ms`, `30s`, `1h` or `1d`"))
    }
}

/// `#[serde(with = "optional_human_duration")]` for an `Option<Duration>`; not given is `None`.
pub mod optional_human_duration {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    /// Writes `1h 30m`, or nothing.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(duration: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
        match duration {
            Some(duration) => super::human_duration::serialize(duration, serializer),
            None => serializer.serialize_none(),
        }
    }

    /// Reads `1h 30m`.
    ///
    /// # Errors
    /// If the text is not a duration.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
        #[derive(Deserialize)]
        struct Human(#[serde(with = "super::human_duration")] Duration);
        Ok(Option::<Human>::deserialize(deserializer)?.map(|Human(duration)| duration))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn it_is_shown_as_a_person_would_write_it() {
        for (duration, shown) in [
            (Duration::ZERO, "0s"),
            (Duration::from_millis(25), "25ms"),
            (Duration::from_secs(90), "1m 30s"),
            (Duration::from_hours(1), "1h"),
            (Duration::from_hours(90 * 24), "90d"),
            (Duration::from_nanos(1_000_000_001), "1s 1ns"),
        ] {
            assert_eq!(Human(duration).to_string(), shown);
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_is_read_back(seconds in 0..10_000_000_000_u64, nanos in 0..1_000_000_000_u32) {
            let duration = Duration::new(seconds, nanos);
            prop_assert_eq!(humantime::parse_duration(&Human(duration).to_string()), Ok(duration));
        }
    }
}
