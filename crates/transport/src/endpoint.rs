//! The URLs of calls.

use reqwest::Url;

/// Returns the base URL without a slash at its end.
pub(crate) fn root(base_url: &Url) -> &str {
    base_url.as_str().trim_end_matches('/')
}

/// Returns the URL of a path and its query below the base URL. To parse the whole anew would cost three times as much.
pub(crate) fn below(base_url: &Url, path: &str) -> Url {
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
    fn a_call_goes_below_the_base_url() {
        for base in ["https://example.com", "https://example.com/rest/v2", "http://127.0.0.1:1/rest%20v2/"] {
            let base = Url::parse(base).unwrap();
            for path in [
                "/user/users",
                "/user/users/7?_expand=a,b&x=a%20b c\"'",
                "/user/users?",
                "/user/./users/%2e%2e/\u{e9}?\u{e9}?/",
            ] {
                let parsed = Url::parse(&format!("{}{path}", root(&base))).unwrap();
                assert_eq!(below(&base, path), parsed);
            }
        }
    }

    #[test]
    fn no_path_leads_to_another_host() {
        let base = Url::parse("https://example.com").unwrap();
        for path in ["", ".evil.example", ":1/", "@evil.example/", "//evil.example/", "#"] {
            let url = below(&base, path);
            assert_eq!(
                (url.host_str(), url.port(), url.username()),
                (Some("example.com"), None, ""),
                "{path}"
            );
        }
    }
}
