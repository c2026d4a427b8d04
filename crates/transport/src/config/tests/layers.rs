//! The precedence of the layers, and settings from the environment.

use super::{Case, env_problems};
use crate::config::{Settings as _, Transport};

#[test]
fn each_layer_overrides_the_ones_before() {
    let case = Case::new()
        .file("[limiter]\nspare = 1\nguard_gap = \"1ms\"\nmax_wait = \"5m\"\n[api]\nbase_url = \"https://file.example\"")
        .env("ULTRACART_LIMITER__SPARE", "2")
        .env("ULTRACART_LIMITER__GUARD_GAP", "2ms")
        .env("ULTRACART_BASE_URL", "https://env.example")
        .flag("api.base_url", "https://flag.example", "--base-url");
    let loaded = case.load().unwrap();
    assert_eq!(loaded.config.limiter.spare, 2);
    assert_eq!(loaded.config.api.base_url, "https://flag.example");
    let shown: Vec<String> =
        loaded.settings.iter().map(|s| format!("{} = {} ({})", s.key, s.as_toml(), s.origin)).collect();
    insta::assert_snapshot!(shown.join("\n").replace(&case.path().display().to_string(), "FILE"), @r#"
    api.base_url = "https://flag.example" (flag --base-url)
    api.version = "2017-03-01" (default)
    auth.oauth =  (default)
    auth.simple_key =  (default)
    auth.simple_key_file =  (default)
    http.connect_timeout = "10s" (default)
    http.max_body = 268435456 (default)
    http.request_timeout = "1m" (default)
    limiter.address_windows =  (default)
    limiter.guard_gap = "2ms" (environment variable ULTRACART_LIMITER__GUARD_GAP)
    limiter.max_concurrency = 1 (default)
    limiter.max_wait = "5m" (file FILE)
    limiter.quarantine = "5s" (default)
    limiter.spare = 2 (environment variable ULTRACART_LIMITER__SPARE)
    limiter.windows = [{ calls = 1000, per = "1h" }, { calls = 10000, per = "1d" }] (default)
    retry.base_delay = "500ms" (default)
    retry.budget = 100 (default)
    retry.deadline =  (default)
    retry.max_attempts = 5 (default)
    retry.max_delay = "1m" (default)
    retry.max_rejections = 10 (default)
    "#);
}

#[test]
fn invalid_environment_variables_are_reported() {
    let problems_of = |pairs: &[(&str, &str)]| {
        pairs.iter().map(|(name, value)| env_problems(name, value)).collect::<Vec<_>>().join("\n")
    };
    insta::assert_snapshot!(problems_of(&[
        ("ULTRACART_LIMITER__MAX_CONCURRENCY", "many"),
        ("ULTRACART_LIMITER__MAX_CONCURRENCY", "0"),
        ("ULTRACART_LIMITER__MAX_CONCURENCY", "2"),
        ("ULTRACART_LIMITER_MAX_CONCURRENCY", "2"),
        ("ULTRACART_LIMITR__SPARE", "2"),
        ("ULTRACART_LIMITER", "2"),
        ("ULTRACART_API_KEY", "2"),
        ("ULTRACART_SIMPLEKEY", "2"),
        ("ULTRACART_SIMPLE_KEY_FILE", "key"),
        ("ULTRACART_LIMITER__WINDOWS", "[{calls=5"),
        ("ULTRACART_LIMITER__WINDOWS", "[]\n[limiter]\nspare=2"),
        ("ULTRACART_LIMITER__WINDOWS", "[{calls=0, per='1h'}]"),
        ("ULTRACART_LIMITER__WINDOWS__0__CALLS", "5"),
        ("ULTRACART_BASE_URL", "http://example.com/rest/v2"),
        ("ULTRACART_AUTH", "x"),
    ]), @r#"
    `limiter.max_concurrency` is "many" (environment variable ULTRACART_LIMITER__MAX_CONCURRENCY); expected a whole number from 1 to 64
    `limiter.max_concurrency` is 0 (environment variable ULTRACART_LIMITER__MAX_CONCURRENCY); expected a whole number from 1 to 64
    `limiter.max_concurency` is not a setting (environment variable ULTRACART_LIMITER__MAX_CONCURENCY); did you mean ULTRACART_LIMITER__MAX_CONCURRENCY?
    the environment variable ULTRACART_LIMITER_MAX_CONCURRENCY is not a setting; did you mean ULTRACART_LIMITER__MAX_CONCURRENCY?
    `limitr` is not a section (environment variable ULTRACART_LIMITR__SPARE); did you mean ULTRACART_LIMITER__…?
    the environment variable ULTRACART_LIMITER is not a setting; write two underscores between section and key, as in ULTRACART_LIMITER__SPARE
    the environment variable ULTRACART_API_KEY is not a setting; did you mean ULTRACART_SIMPLE_KEY?
    the environment variable ULTRACART_SIMPLEKEY is not a setting; did you mean ULTRACART_SIMPLE_KEY?
    the environment variable ULTRACART_SIMPLE_KEY_FILE is not a setting; did you mean ULTRACART_AUTH__SIMPLE_KEY_FILE?
    `limiter.windows` is "[{calls=5" (environment variable ULTRACART_LIMITER__WINDOWS); expected a list with at least one window, such as [{ calls = 1000, per = "1h" }]
    `limiter.windows` is "[]\n[limiter]\nspare=2" (environment variable ULTRACART_LIMITER__WINDOWS); expected a list with at least one window, such as [{ calls = 1000, per = "1h" }]
    `limiter.windows[0].calls` is 0 (environment variable ULTRACART_LIMITER__WINDOWS); expected a whole number from 1 up
    `limiter.windows` is a table (environment variable ULTRACART_LIMITER__WINDOWS__0__CALLS); expected a list with at least one window, such as [{ calls = 1000, per = "1h" }]
    `api.base_url` is http://example.com/rest/v2, which is plain HTTP to another machine, which would expose the credential (environment variable ULTRACART_BASE_URL); expected an https:// URL without user name, password, query or fragment (http:// only for localhost)
    the environment variable ULTRACART_AUTH is not a setting; write two underscores between section and key, as in ULTRACART_LIMITER__SPARE
    "#);
}

#[test]
fn variables_of_other_programs_are_ignored() {
    let case = Case::new()
        .env("PATH", "/bin")
        .env("ULTRACART_HOME", "/opt")
        .env("ULTRACART_CONFIG", "elsewhere.toml")
        .env("ULTRACARTX__Y", "1")
        .env("ultracart_limiter__spare", "x");
    assert_eq!(case.load().unwrap().config.limiter.spare, 3);
}

#[test]
fn variables_are_parsed_to_the_setting_type() {
    let case = Case::new()
        .env("ULTRACART_SIMPLE_KEY", "123456")
        .env("ULTRACART_LIMITER__WINDOWS", "[{calls=500, per=\"1h\"}, {calls = 7, per = '2d', burst = 6}]")
        .env("ULTRACART_LIMITER__MAX_WAIT", "5m")
        .env("ULTRACART_HTTP__MAX_BODY", "4096");
    let config = case.load().unwrap().config;
    assert_eq!(config.auth.simple_key.unwrap().expose(), "123456");
    assert_eq!(
        config.limiter.windows.iter().map(|w| (w.calls, w.burst)).collect::<Vec<_>>(),
        [(500, None), (7, Some(6))]
    );
    assert_eq!(config.limiter.max_wait, Some(std::time::Duration::from_mins(5)));
    assert_eq!(config.http.max_body, 4096);
}

#[test]
fn settings_in_code_are_checked() {
    let mut config = Transport::default();
    assert_eq!(config.validate(), Ok(()));
    config.limiter.max_concurrency = 0;
    let error = config.validate().unwrap_err();
    assert_eq!(error.problems()[0].key(), Some("limiter.max_concurrency"));
    assert_eq!(error.problems()[0].origin(), None);
}
