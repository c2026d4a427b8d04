//! Human-readable durations: `250ms`, `1h`, `1d`.

use std::fmt;
use std::time::Duration;

/// Displays a duration as it is written in the configuration: `1h 30m`, `90d`.
///
/// The `humantime` crate would display 90 days in months, as `2months 29days 2h 52m 48s`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HumanDuration(pub Duration);

impl fmt::Display for HumanDuration {
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

/// (De)serializes a `Duration` as text such as `1h 30m`, for `#[serde(with = "human_duration")]`.
pub mod human_duration {
    use std::time::Duration;

    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serializer};

    /// Serializes a duration as `1h 30m`.
    ///
    /// # Errors
    /// If the serializer fails.
    pub fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&super::HumanDuration(*duration))
    }

    /// Deserializes a duration such as `1h 30m`.
    ///
    /// # Errors
    /// If the value is not a duration.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        let text = String::deserialize(deserializer)?;
        humantime::parse_duration(&text)
            .map_err(|_| D::Error::custom("not a duration; write it as `250ms`, `30s`, `1h` or `1d`"))
    }
}

/// (De)serializes an `Option<Duration>` as text such as `1h 30m`, for `#[serde(with =
/// "optional_human_duration")]`.
pub mod optional_human_duration {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    /// Serializes a duration as text such as `1h 30m`, and `None` with `serialize_none`.
    ///
    /// # Errors
    /// If the serializer fails.
    pub fn serialize<S: Serializer>(duration: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
        match duration {
            Some(duration) => super::human_duration::serialize(duration, serializer),
            None => serializer.serialize_none(),
        }
    }

    /// Deserializes a duration such as `1h 30m`; a missing value is `None`.
    ///
    /// # Errors
    /// If the value is not a duration.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
        #[derive(Deserialize)]
        struct Wrapper(#[serde(with = "super::human_duration")] Duration);
        Ok(Option::<Wrapper>::deserialize(deserializer)?.map(|Wrapper(duration)| duration))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn human_duration_omits_zero_units() {
        for (duration, shown) in [
            (Duration::ZERO, "0s"),
            (Duration::from_millis(25), "25ms"),
            (Duration::from_secs(90), "1m 30s"),
            (Duration::from_hours(1), "1h"),
            (Duration::from_hours(90 * 24), "90d"),
            (Duration::from_nanos(1_000_000_001), "1s 1ns"),
        ] {
            assert_eq!(HumanDuration(duration).to_string(), shown);
        }
    }

    proptest! {
        #[test]
        fn displayed_duration_parses_to_the_same(seconds in 0..10_000_000_000_u64, nanos in 0..1_000_000_000_u32) {
            let duration = Duration::new(seconds, nanos);
            prop_assert_eq!(humantime::parse_duration(&HumanDuration(duration).to_string()), Ok(duration));
        }
    }
}
