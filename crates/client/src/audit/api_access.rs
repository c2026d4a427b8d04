//! Recognizes the permissions that allow the use of the API.

/// Returns whether a permission allows the use of the API, judged by its name.
///
/// UltraCart publishes no list of permissions. So a permission counts if `api` is a word of its name, as in
/// `api_access`, `API Keys` or `restApiUser`, but not in `capital` or `rapid_orders`.
pub(super) fn grants_api(permission: &str) -> bool {
    let chars: Vec<char> = permission.chars().collect();
    let is_lower = |at: usize| chars.get(at).is_some_and(|c| c.is_lowercase());
    let mut word = String::new();
    for (at, &c) in chars.iter().enumerate() {
        let after_lower = at > 0 && is_lower(at - 1);
        // The `U` of `APIUser` starts a word; the `I` of `APIs` does not.
        let before_lower = is_lower(at + 1) && (chars[at + 1] != 's' || is_lower(at + 2));
        let starts_word = c.is_uppercase() && (after_lower || before_lower);
        if !c.is_alphabetic() || starts_word {
            if is_api(&word) {
                return true;
            }
            word.clear();
        }
        if c.is_alphabetic() {
            word.extend(c.to_lowercase());
        }
    }
    is_api(&word)
}

fn is_api(word: &str) -> bool {
    word == "api" || word == "apis"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grants_api_matches_api_as_whole_word() {
        for name in [
            "api",
            "API Access",
            "rest_api",
            "restApiUser",
            "RESTAPIUser_api",
            "api2",
            "Manage APIs",
            "HTTPApi",
        ] {
            assert!(grants_api(name), "{name}");
        }
        for name in ["", "capital", "rapid_orders", "Apiary", "application", "a_p_i"] {
            assert!(!grants_api(name), "{name}");
        }
    }
}
