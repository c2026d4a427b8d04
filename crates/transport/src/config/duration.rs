//! Durations as people write them: `250ms`, `1h`, `1d`.

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
        serializer.collect_str(&humantime::format_duration(*duration))
    }

    /// Reads `1h 30m`.
    ///
    /// # Errors
    /// If the text is not a duration.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        let text = String::deserialize(deserializer)?;
        humantime::parse_duration(&text).map_err(|_| {
            D::Error::custom(format_args!("`{text}` is no duration: write `250ms`, `30s`, `1h` or `1d`"))
        })
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
