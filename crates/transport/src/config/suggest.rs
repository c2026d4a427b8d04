//! Suggestions for misspelled names.

/// Returns the candidate that is most similar to `given`, if one is similar enough. Case and separators are
/// ignored.
pub(super) fn nearest<'a>(given: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let given = normalized(given);
    let limit = (given.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&given, &normalized(candidate)), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Returns the known key that is most similar to `given`. If none is similar enough, returns a key that has
/// the same last part, such as `spare`, in another section.
pub(super) fn nearest_key<'a>(given: &str, known: &'a [String]) -> Option<&'a str> {
    let keys = || known.iter().map(String::as_str);
    let last = |key: &str| normalized(key.rsplit('.').next().unwrap_or(key));
    let given_last = last(given);
    nearest(given, keys())
        .or_else(|| keys().find(|key| last(key) == given_last || last(key) == normalized(given)))
}

/// Returns the letters and digits of a text, in lower case.
fn normalized(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Formats a list of names as `` `a`, `b` and `c` ``.
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
    fn nearest_ignores_distant_candidates() {
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
    fn nearest_key_finds_another_section() {
        let known = ["limiter.spare".to_owned(), "auth.simple_key_file".to_owned()];
        assert_eq!(nearest_key("retry.spare", &known), Some("limiter.spare"));
        assert_eq!(nearest_key("simple_key_file", &known), Some("auth.simple_key_file"));
        assert_eq!(nearest_key("limiter_spare", &known), Some("limiter.spare"));
        assert_eq!(nearest_key("retry.nothing", &known), None);
    }
}
