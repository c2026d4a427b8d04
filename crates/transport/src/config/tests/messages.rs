//! The messages for settings that cannot be used.

use super::{Case, file};
use crate::config::{Layers, Transport};

#[test]
fn values_out_of_range() {
    let of = |toml: &[&str]| toml.iter().map(|toml| file(toml)).collect::<Vec<_>>().join("\n");
    insta::assert_snapshot!(of(&[
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
    `limiter.max_concurrency` is 0 (file config.toml); it takes a whole number from 1 to 64
    `limiter.max_concurrency` is 65 (file config.toml); it takes a whole number from 1 to 64
    `limiter.guard_gap` is 1m 1s (file config.toml); it takes a time with a unit, up to `1m`, such as `25ms`
    `limiter.windows` is [] (file config.toml); it takes a list with at least one window, such as [{ calls = 1000, per = "1h" }]
    `limiter.windows[0].calls` is 0 (file config.toml); it takes a whole number from 1 up
    `limiter.windows[0].per` is 0s (file config.toml); it takes a time with a unit, from `1ms` to `366d`, such as `1h`
    `limiter.windows[0].burst` is 10 (file config.toml); it takes a whole number from 1 to 99 in 100 of the window's `calls`, or just as many
    `limiter.windows[0].burst` is 0 (file config.toml); it takes a whole number from 1 to 99 in 100 of the window's `calls`, or just as many
    `limiter.spare` is 3, which keeps back every call: `limiter.windows[0]` lets 3 through at once (default); it takes a whole number from 0 up, below the `burst` of every window
    `limiter.windows[0].burst` is 995, which leaves 5 to be spread over the window: too few for what may go at once (file config.toml); it takes a whole number from 1 to 99 in 100 of the window's `calls`, or just as many
    `limiter.windows[0].calls` is missing (file config.toml); it takes a whole number from 1 up
    `limiter.spare` is 1000, which keeps back every call: `limiter.windows[0]` lets 1000 through at once (file config.toml); it takes a whole number from 0 up, below the `burst` of every window
    `retry.max_attempts` is 0 (file config.toml); it takes a whole number from 1 to 100
    `retry.max_attempts` is 101 (file config.toml); it takes a whole number from 1 to 100
    `retry.base_delay` is 2m, which is longer than `retry.max_delay`, which is 1m (file config.toml); it takes a time with a unit, up to `retry.max_delay`, such as `500ms`
    `retry.max_delay` is 2h (file config.toml); it takes a time with a unit, up to `1h`, such as `60s`
    `http.connect_timeout` is 0s (file config.toml); it takes a time with a unit, from `1ms` to `1h`, such as `30s`
    `http.request_timeout` is 1d 1h (file config.toml); it takes a time with a unit, from `1ms` to `1d`, such as `1m`
    `http.max_body` is 1023 (file config.toml); it takes a whole number of bytes, from 1024 up
    `api.version` is "" (file config.toml); it takes visible ASCII characters, such as `2017-03-01`
    `api.version` is "2017 03\n" (file config.toml); it takes visible ASCII characters, such as `2017-03-01`
    "#);
}

#[test]
fn values_of_the_wrong_type() {
    let of = |toml: &[&str]| toml.iter().map(|toml| file(toml)).collect::<Vec<_>>().join("\n");
    insta::assert_snapshot!(of(&[
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
    `limiter.max_concurrency` is "2" (file config.toml); it takes a whole number from 1 to 64
    `limiter.max_concurrency` is 1.5 (file config.toml); it takes a whole number from 1 to 64
    `limiter.max_concurrency` is -1 (file config.toml); it takes a whole number from 1 to 64
    `limiter.max_concurrency` is 4294967296 (file config.toml); it takes a whole number from 1 to 64
    `limiter.max_concurrency` is true (file config.toml); it takes a whole number from 1 to 64
    `limiter.guard_gap` is 25 (file config.toml); it takes a time with a unit, up to `1m`, such as `25ms`
    `limiter.guard_gap` is "25" (file config.toml); it takes a time with a unit, up to `1m`, such as `25ms`
    `limiter.guard_gap` is "a while" (file config.toml); it takes a time with a unit, up to `1m`, such as `25ms`
    `limiter.windows` is 3 (file config.toml); it takes a list with at least one window, such as [{ calls = 1000, per = "1h" }]
    `limiter.windows[0]` is 3 (file config.toml); it takes a list with at least one window, such as [{ calls = 1000, per = "1h" }]
    `limiter.windows[0].calls` is "many" (file config.toml); it takes a whole number from 1 up
    `limiter` is 3 (file config.toml); it takes settings of its own: `[limiter]` and then `key = value`
    `api.base_url` is a list (file config.toml); it takes an https:// URL without user name, password, query and fragment; http:// to this machine only
    `api.version` is a date without quotes (file config.toml); it takes visible ASCII characters, such as `2017-03-01`
    `api.base_url` is 1 (file config.toml); it takes an https:// URL without user name, password, query and fragment; http:// to this machine only
    `api.version` is "x\u{1b}[31m\u{202e}\0" (file config.toml); it takes visible ASCII characters, such as `2017-03-01`
    `retry.deadline` is "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"… (file config.toml); it takes a time with a unit, up to `366d`, such as `10m`
    "#);
}

#[test]
fn unknown_keys_and_the_nearest_known_one() {
    let of = |toml: &[&str]| toml.iter().map(|toml| file(toml)).collect::<Vec<_>>().join("\n");
    insta::assert_snapshot!(of(&[
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
    `limiter.max_concurency` is no setting (file config.toml); did you mean `limiter.max_concurrency`?
    `limiter.maxConcurrency` is no setting (file config.toml); did you mean `limiter.max_concurrency`?
    `limitter` is no section (file config.toml); did you mean `limiter`?
    `max_concurrency` is no section (file config.toml); did you mean `limiter.max_concurrency`?
    `retry.spare` is no setting (file config.toml); did you mean `limiter.spare`?
    `limiter.colour` is no setting (file config.toml); `limiter` has `max_concurrency`, `spare`, `guard_gap`, `quarantine`, `max_wait`, `windows` and `address_windows`
    `colour` is no section (file config.toml); the sections are `api`, `auth`, `limiter`, `retry` and `http`
    `limiter.windows[0].bursts` is no setting (file config.toml); did you mean `limiter.windows[0].burst`?
    `auth.oauth.clientid` is no setting (file config.toml); did you mean `auth.oauth.client_id`?
    `auth.oauth.client_id` is missing; it takes the application's client id
    `auth.oauth.nothing` is no setting (file config.toml); `auth.oauth` has `client_id`, `refresh_token` and `refresh_token_file`
    `auth.oauth.client_id` is missing; it takes the application's client id
    ");
}

#[test]
fn all_that_is_wrong_is_reported_at_once() {
    let case = Case::new()
        .file("colour = 1\n[limiter]\nspare = \"x\"\nmax_concurency = 2\n[retry]\nmax_attempts = 0")
        .env("ULTRACART_HTTP__MAX_BODY", "1")
        .env("ULTRACART_SIMPLEKEY", "1")
        .flag("api.base_url", "ftp://example.com", "--base-url");
    insta::assert_snapshot!(case.problems(), @r#"
    the environment variable ULTRACART_SIMPLEKEY is no setting; did you mean ULTRACART_SIMPLE_KEY?
    `colour` is no section (file config.toml); the sections are `api`, `auth`, `limiter`, `retry` and `http`
    `limiter.max_concurency` is no setting (file config.toml); did you mean `limiter.max_concurrency`?
    `limiter.spare` is "x" (file config.toml); it takes a whole number from 0 up, below the `burst` of every window
    `api.base_url` is ftp://example.com, which does not begin with https:// (flag --base-url); it takes an https:// URL without user name, password, query and fragment; http:// to this machine only
    `retry.max_attempts` is 0 (file config.toml); it takes a whole number from 1 to 100
    `http.max_body` is 1 (environment variable ULTRACART_HTTP__MAX_BODY); it takes a whole number of bytes, from 1024 up
    "#);
    let error: crate::Error = case.load().unwrap_err().into();
    assert_eq!(error.kind(), crate::ErrorKind::InvalidConfig);
    assert_eq!(error.to_string().lines().count(), 1);
}

#[test]
fn files_that_are_none() {
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
        messages.push(file(toml));
    }
    insta::assert_snapshot!(messages.join("\n"), @r#"
    the configuration cannot be used: the configuration file FOLDER/config.toml cannot be read: No such file or directory (os error 2)
    the configuration cannot be used: the configuration file FOLDER cannot be read: Is a directory (os error 21)
    the configuration file config.toml is no TOML, line 2, column 21: invalid basic string; texts and times stand in quotes
    the configuration file config.toml is no TOML, line 2, column 14: invalid string, expected `"`, `'`; texts and times stand in quotes
    the configuration file config.toml is no TOML, line 2, column 11: expected `.`, `=`; texts and times stand in quotes
    the configuration file config.toml is no TOML, line 3, column 1: duplicate key `simple_key` in table `auth`; texts and times stand in quotes
    the configuration file config.toml is no TOML, line 2, column 23: invalid escape sequence, expected `b`, `f`, `n`, `r`, `t`, `u`, `U`, `\`, `"`; texts and times stand in quotes
    "#);
    assert!(!messages.concat().contains("s3cret"));
}
