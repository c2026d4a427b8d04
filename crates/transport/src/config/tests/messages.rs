//! The messages for invalid settings.

use super::{Case, file_problems};
use crate::config::{Layers, Transport};

#[test]
fn value_out_of_range_is_reported() {
    let problems_of =
        |toml: &[&str]| toml.iter().map(|toml| file_problems(toml)).collect::<Vec<_>>().join("\n");
    insta::assert_snapshot!(problems_of(&[
        "limiter.max_concurrency = 0",
        "limiter.max_concurrency = 65",
        "limiter.guard_gap = \"61s\"",
        "limiter.windows = []",
        "limiter.windows = [{ calls = 0, per = \"1h\" }]",
        "limiter.windows = [{ calls = 9, per = \"0s\" }]",
        "limiter.windows = [{ calls = 9, per = \"1h\", burst = 10 }]",
        "limiter.windows = [{ calls = 9, per = \"1h\", burst = 0 }]",
        "limiter.windows = [{ calls = 9, per = \"1h\", burst = 3 }]",
        "limiter.windows = [{ calls = 1000, per = \"1h\", burst = 995 }]",
        "limiter.windows = [{ per = \"1h\" }]",
        "limiter.spare = 1000",
        "retry.max_attempts = 0",
        "retry.max_attempts = 101",
        "retry.base_delay = \"2m\"",
        "retry.max_delay = \"2h\"",
        "http.connect_timeout = \"0s\"",
        "http.request_timeout = \"25h\"",
        "http.max_body = 1023",
        "api.version = \"\"",
        "api.version = \"2017 03\\n\"",
    ]), @r#"
    `limiter.max_concurrency` is 0 (file config.toml); expected a whole number from 1 to 64
    `limiter.max_concurrency` is 65 (file config.toml); expected a whole number from 1 to 64
    `limiter.guard_gap` is 1m 1s (file config.toml); expected a time with a unit, up to `1m`, such as `25ms`
    `limiter.windows` is [] (file config.toml); expected a list with at least one window, such as [{ calls = 1000, per = "1h" }]
    `limiter.windows[0].calls` is 0 (file config.toml); expected a whole number from 1 up
    `limiter.windows[0].per` is 0s (file config.toml); expected a time with a unit, from `1ms` to `366d`, such as `1h`
    `limiter.windows[0].burst` is 10 (file config.toml); expected a whole number from 1 to 99% of the window's `calls`, or exactly `calls`
    `limiter.windows[0].burst` is 0 (file config.toml); expected a whole number from 1 to 99% of the window's `calls`, or exactly `calls`
    `limiter.spare` is 3, which reserves every call: `limiter.windows[0]` allows 3 at once (default); expected a whole number from 0 up, below the `burst` of every window
    `limiter.windows[0].burst` is 995, which leaves 5 calls to spread over the window, too few for the burst (file config.toml); expected a whole number from 1 to 99% of the window's `calls`, or exactly `calls`
    `limiter.windows[0].calls` is missing (file config.toml); expected a whole number from 1 up
    `limiter.spare` is 1000, which reserves every call: `limiter.windows[0]` allows 1000 at once (file config.toml); expected a whole number from 0 up, below the `burst` of every window
    `retry.max_attempts` is 0 (file config.toml); expected a whole number from 1 to 100
    `retry.max_attempts` is 101 (file config.toml); expected a whole number from 1 to 100
    `retry.base_delay` is 2m, which is longer than `retry.max_delay` (1m) (file config.toml); expected a time with a unit, up to `retry.max_delay`, such as `500ms`
    `retry.max_delay` is 2h (file config.toml); expected a time with a unit, up to `1h`, such as `60s`
    `http.connect_timeout` is 0s (file config.toml); expected a time with a unit, from `1ms` to `1h`, such as `30s`
    `http.request_timeout` is 1d 1h (file config.toml); expected a time with a unit, from `1ms` to `1d`, such as `1m`
    `http.max_body` is 1023 (file config.toml); expected a whole number of bytes, from 1024 up
    `api.version` is "" (file config.toml); expected visible ASCII characters, such as `2017-03-01`
    `api.version` is "2017 03\n" (file config.toml); expected visible ASCII characters, such as `2017-03-01`
    "#);
}

#[test]
fn value_of_wrong_type_is_reported() {
    let problems_of =
        |toml: &[&str]| toml.iter().map(|toml| file_problems(toml)).collect::<Vec<_>>().join("\n");
    insta::assert_snapshot!(problems_of(&[
        "limiter.max_concurrency = \"2\"",
        "limiter.max_concurrency = 1.5",
        "limiter.max_concurrency = -1",
        "limiter.max_concurrency = 4294967296",
        "limiter.max_concurrency = true",
        "limiter.guard_gap = 25",
        "limiter.guard_gap = \"25\"",
        "limiter.guard_gap = \"a while\"",
        "limiter.windows = 3",
        "limiter.windows = [3]",
        "limiter.windows = [{ calls = \"many\", per = \"1h\" }]",
        "limiter = 3",
        "api.base_url = [\"https://example.com\"]",
        "api.version = 2017-03-01",
        "api.version = \"x\\u001b[31m\\u202e\\u0000\" \napi.base_url = 1",
        &format!("retry.deadline = \"{}\"", "x".repeat(100)),
    ]), @r#"
    `limiter.max_concurrency` is "2" (file config.toml); expected a whole number from 1 to 64
    `limiter.max_concurrency` is 1.5 (file config.toml); expected a whole number from 1 to 64
    `limiter.max_concurrency` is -1 (file config.toml); expected a whole number from 1 to 64
    `limiter.max_concurrency` is 4294967296 (file config.toml); expected a whole number from 1 to 64
    `limiter.max_concurrency` is true (file config.toml); expected a whole number from 1 to 64
    `limiter.guard_gap` is 25 (file config.toml); expected a time with a unit, up to `1m`, such as `25ms`
    `limiter.guard_gap` is "25" (file config.toml); expected a time with a unit, up to `1m`, such as `25ms`
    `limiter.guard_gap` is "a while" (file config.toml); expected a time with a unit, up to `1m`, such as `25ms`
    `limiter.windows` is 3 (file config.toml); expected a list with at least one window, such as [{ calls = 1000, per = "1h" }]
    `limiter.windows[0]` is 3 (file config.toml); expected a list with at least one window, such as [{ calls = 1000, per = "1h" }]
    `limiter.windows[0].calls` is "many" (file config.toml); expected a whole number from 1 up
    `limiter` is 3 (file config.toml); expected a table: `[limiter]` and then `key = value`
    `api.base_url` is a list (file config.toml); expected an https:// URL without user name, password, query or fragment (http:// only for localhost)
    `api.version` is a date without quotes (file config.toml); expected visible ASCII characters, such as `2017-03-01`
    `api.base_url` is 1 (file config.toml); expected an https:// URL without user name, password, query or fragment (http:// only for localhost)
    `api.version` is "x\u{1b}[31m\u{202e}\0" (file config.toml); expected visible ASCII characters, such as `2017-03-01`
    `retry.deadline` is "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"… (file config.toml); expected a time with a unit, up to `366d`, such as `10m`
    "#);
}

#[test]
fn unknown_key_suggests_the_nearest_key() {
    let problems_of =
        |toml: &[&str]| toml.iter().map(|toml| file_problems(toml)).collect::<Vec<_>>().join("\n");
    insta::assert_snapshot!(problems_of(&[
        "limiter.max_concurency = 2",
        "limiter.maxConcurrency = 2",
        "limitter.max_concurrency = 2",
        "max_concurrency = 2",
        "retry.spare = 2",
        "limiter.colour = \"red\"",
        "colour = \"red\"",
        "limiter.windows = [{ calls = 9, per = \"1h\", bursts = 2 }]",
        "auth.oauth.clientid = \"app\"",
        "auth.oauth.nothing = \"app\"",
    ]), @r"
    `limiter.max_concurency` is not a setting (file config.toml); did you mean `limiter.max_concurrency`?
    `limiter.maxConcurrency` is not a setting (file config.toml); did you mean `limiter.max_concurrency`?
    `limitter` is not a section (file config.toml); did you mean `limiter`?
    `max_concurrency` is not a section (file config.toml); did you mean `limiter.max_concurrency`?
    `retry.spare` is not a setting (file config.toml); did you mean `limiter.spare`?
    `limiter.colour` is not a setting (file config.toml); `limiter` has `max_concurrency`, `spare`, `guard_gap`, `quarantine`, `max_wait`, `windows` and `address_windows`
    `colour` is not a section (file config.toml); the sections are `api`, `auth`, `limiter`, `retry` and `http`
    `limiter.windows[0].bursts` is not a setting (file config.toml); did you mean `limiter.windows[0].burst`?
    `auth.oauth.clientid` is not a setting (file config.toml); did you mean `auth.oauth.client_id`?
    `auth.oauth.client_id` is missing; expected the application's client id
    `auth.oauth.nothing` is not a setting (file config.toml); `auth.oauth` has `client_id`, `refresh_token` and `refresh_token_file`
    `auth.oauth.client_id` is missing; expected the application's client id
    ");
}

#[test]
fn all_problems_are_reported_at_once() {
    let case = Case::new()
        .file("colour = 1\n[limiter]\nspare = \"x\"\nmax_concurency = 2\n[retry]\nmax_attempts = 0")
        .env("ULTRACART_HTTP__MAX_BODY", "1")
        .env("ULTRACART_SIMPLEKEY", "1")
        .flag("api.base_url", "ftp://example.com", "--base-url");
    insta::assert_snapshot!(case.problems(), @r#"
    the environment variable ULTRACART_SIMPLEKEY is not a setting; did you mean ULTRACART_SIMPLE_KEY?
    `colour` is not a section (file config.toml); the sections are `api`, `auth`, `limiter`, `retry` and `http`
    `limiter.max_concurency` is not a setting (file config.toml); did you mean `limiter.max_concurrency`?
    `limiter.spare` is "x" (file config.toml); expected a whole number from 0 up, below the `burst` of every window
    `api.base_url` is ftp://example.com, which does not start with https:// (flag --base-url); expected an https:// URL without user name, password, query or fragment (http:// only for localhost)
    `retry.max_attempts` is 0 (file config.toml); expected a whole number from 1 to 100
    `http.max_body` is 1 (environment variable ULTRACART_HTTP__MAX_BODY); expected a whole number of bytes, from 1024 up
    "#);
    let error: crate::Error = case.load().unwrap_err().into();
    assert_eq!(error.kind(), crate::ErrorKind::InvalidConfig);
    assert_eq!(error.to_string().lines().count(), 1);
}

#[test]
fn unreadable_file_is_reported() {
    let case = Case::new();
    let mut messages: Vec<String> = [case.path(), case.folder.path().to_owned()]
        .map(|path| {
            let error = Layers::new().file(path).load::<Transport>().unwrap_err();
            error.to_string().replace(&case.folder.path().display().to_string(), "FOLDER")
        })
        .into();
    for toml in [
        "[auth]\nsimple_key = \"s3cret",
        "[auth]\nsimple_key = s3cret",
        "[auth]\nsimple_key: s3cret",
        "[auth]\nsimple_key = 's3cret'\nsimple_key = 's3cret'",
        "[auth]\nsimple_key = \"s3cret\\q\"",
    ] {
        messages.push(file_problems(toml));
    }
    insta::assert_snapshot!(messages.join("\n"), @r#"
    the configuration cannot be used: the configuration file FOLDER/config.toml cannot be read: No such file or directory (os error 2)
    the configuration cannot be used: the configuration file FOLDER cannot be read: Is a directory (os error 21)
    the configuration file config.toml is not valid TOML, line 2, column 21: invalid basic string; write strings and durations in quotes
    the configuration file config.toml is not valid TOML, line 2, column 14: invalid string, expected `"`, `'`; write strings and durations in quotes
    the configuration file config.toml is not valid TOML, line 2, column 11: expected `.`, `=`; write strings and durations in quotes
    the configuration file config.toml is not valid TOML, line 3, column 1: duplicate key `simple_key` in table `auth`; write strings and durations in quotes
    the configuration file config.toml is not valid TOML, line 2, column 23: invalid escape sequence, expected `b`, `f`, `n`, `r`, `t`, `u`, `U`, `\`, `"`; write strings and durations in quotes
    "#);
    assert!(!messages.concat().contains("s3cret"));
}
