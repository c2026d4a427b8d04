//! What may have been meant.

/// The candidate that is nearest to what was given, if any is near. Case and separators do not count.
pub(super) fn nearest<'a>(given: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let given = bare(given);
    let limit = (given.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&given, &bare(candidate)), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// The key that is nearest to one that is unknown: as a whole, or by its last part, for one in the wrong section.
pub(super) fn nearest_key<'a>(given: &str, known: &'a [String]) -> Option<&'a str> {
    let keys = || known.iter().map(String::as_str);
    let last = |key: &str| bare(key.rsplit('.').next().unwrap_or(key));
    let given_last = last(given);
    nearest(given, keys()).or_else(|| keys().find(|key| last(key) == given_last || last(key) == bare(given)))
}

fn bare(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// `` `a`, `b` and `c` ``.
pub(super) fn list(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [one] => format!("`{one}`"),
        [most @ .., last] => {
            let most: Vec<String> = most.iter().map(|name| format!("`{name}`")).collect();
            format!("{} and `{last}`", most.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_is_found_and_nothing_far() {
        let names = ["max_concurrency", "spare", "guard_gap"];
        for (given, expected) in [
            ("max_concurency", Some("max_concurrency")),
            ("maxConcurrency", Some("max_concurrency")),
            ("MAX-CONCURRENCY", Some("max_concurrency")),
            ("sprae", Some("spare")),
            ("gap", None),
            ("x", None),
            ("", None),
        ] {
            assert_eq!(nearest(given, names), expected, "{given}");
        }
    }

    #[test]
    fn a_key_in_the_wrong_section_is_found() {
        let known = ["limiter.spare".to_owned(), "auth.simple_key_file".to_owned()];
        assert_eq!(nearest_key("retry.spare", &known), Some("limiter.spare"));
        assert_eq!(nearest_key("simple_key_file", &known), Some("auth.simple_key_file"));
        assert_eq!(nearest_key("limiter_spare", &known), Some("limiter.spare"));
        assert_eq!(nearest_key("retry.nothing", &known), None);
    }
}
