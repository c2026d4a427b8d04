//! The URLs of calls.

use reqwest::Url;

/// Returns the base URL without a trailing slash.
pub(crate) fn without_slash(base_url: &Url) -> &str {
    base_url.as_str().trim_end_matches('/')
}

/// Joins the base URL with a path and its query. Parsing the joined text would cost three times as much.
pub(crate) fn call_url(base_url: &Url, path: &str) -> Url {
    let (path, query) = match path.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (path, None),
    };
    let mut url = base_url.clone();
    url.set_path(&[base_url.path().trim_end_matches('/'), path].concat());
    url.set_query(query);
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn call_url_equals_parsed_concatenation() {
        for base in ["https://example.com", "https://example.com/rest/v2", "http://127.0.0.1:1/rest%20v2/"] {
            let base = Url::parse(base).unwrap();
            for path in [
                "/user/users",
                "/user/users/7?_expand=a,b&x=a%20b c\"'",
                "/user/users?",
                "/user/./users/%2e%2e/\u{e9}?\u{e9}?/",
            ] {
                let parsed = Url::parse(&format!("{}{path}", without_slash(&base))).unwrap();
                assert_eq!(call_url(&base, path), parsed);
            }
        }
    }

    #[test]
    fn call_url_with_any_path_keeps_host() {
        let base = Url::parse("https://example.com").unwrap();
        for path in ["", ".evil.example", ":1/", "@evil.example/", "//evil.example/", "#"] {
            let url = call_url(&base, path);
            assert_eq!(
                (url.host_str(), url.port(), url.username()),
                (Some("example.com"), None, ""),
                "{path}"
            );
        }
    }
}
