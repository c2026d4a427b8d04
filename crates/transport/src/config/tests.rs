//! What people read when a setting is wrong, and which layer wins.

use std::path::PathBuf;

use super::*;

/// A file, environment variables and flags, and the folder that the file is in.
struct Case {
    folder: tempfile::TempDir,
    layers: Layers,
}

impl Case {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), layers: Layers::new() }
    }

    fn file(mut self, toml: &str) -> Self {
        let path = self.path();
        std::fs::write(&path, toml).unwrap();
        self.layers = self.layers.file(path);
        self
    }

    fn env(mut self, name: &str, value: &str) -> Self {
        self.layers = self.layers.env([(name, value)]);
        self
    }

    fn flag(mut self, key: &str, value: &str, flag: &str) -> Self {
        self.layers = self.layers.set(key, value, Origin::Flag(flag.to_owned()));
        self
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("config.toml")
    }

    fn load(&self) -> Result<Loaded<Transport>, ConfigError> {
        self.layers.clone().load()
    }

    /// Every problem on a line.
    fn problems(&self) -> String {
        let error = self.load().unwrap_err();
        let lines: Vec<String> = error.problems().iter().map(ToString::to_string).collect();
        lines.join("\n").replace(&format!("{}/", self.folder.path().display()), "")
    }
}

fn file(toml: &str) -> String {
    Case::new().file(toml).problems()
}

fn env(name: &str, value: &str) -> String {
    Case::new().env(name, value).problems()
}

#[test]
fn each_layer_lies_upon_the_one_before() {
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
fn the_environment_is_checked_too() {
    let of = |pairs: &[(&str, &str)]| {
        pairs.iter().map(|(name, value)| env(name, value)).collect::<Vec<_>>().join("\n")
    };
    insta::assert_snapshot!(of(&[
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
    `limiter.max_concurrency` is "many" (environment variable ULTRACART_LIMITER__MAX_CONCURRENCY); it takes a whole number from 1 to 64
    `limiter.max_concurrency` is 0 (environment variable ULTRACART_LIMITER__MAX_CONCURRENCY); it takes a whole number from 1 to 64
    `limiter.max_concurency` is no setting (environment variable ULTRACART_LIMITER__MAX_CONCURENCY); did you mean ULTRACART_LIMITER__MAX_CONCURRENCY?
    the environment variable ULTRACART_LIMITER_MAX_CONCURRENCY is no setting; did you mean ULTRACART_LIMITER__MAX_CONCURRENCY?
    `limitr` is no section (environment variable ULTRACART_LIMITR__SPARE); did you mean ULTRACART_LIMITER__…?
    the environment variable ULTRACART_LIMITER is no setting; two underscores stand between section and key, as in ULTRACART_LIMITER__SPARE
    the environment variable ULTRACART_API_KEY is no setting; did you mean ULTRACART_SIMPLE_KEY?
    the environment variable ULTRACART_SIMPLEKEY is no setting; did you mean ULTRACART_SIMPLE_KEY?
    the environment variable ULTRACART_SIMPLE_KEY_FILE is no setting; did you mean ULTRACART_AUTH__SIMPLE_KEY_FILE?
    `limiter.windows` is "[{calls=5" (environment variable ULTRACART_LIMITER__WINDOWS); it takes a list with at least one window, such as [{ calls = 1000, per = "1h" }]
    `limiter.windows` is "[]\n[limiter]\nspare=2" (environment variable ULTRACART_LIMITER__WINDOWS); it takes a list with at least one window, such as [{ calls = 1000, per = "1h" }]
    `limiter.windows[0].calls` is 0 (environment variable ULTRACART_LIMITER__WINDOWS); it takes a whole number from 1 up
    `limiter.windows` is a table (environment variable ULTRACART_LIMITER__WINDOWS__0__CALLS); it takes a list with at least one window, such as [{ calls = 1000, per = "1h" }]
    `api.base_url` is http://example.com/rest/v2, which is plain HTTP to another machine, where anybody on the way could read the credential (environment variable ULTRACART_BASE_URL); it takes an https:// URL without user name, password, query and fragment; http:// to this machine only
    the environment variable ULTRACART_AUTH is no setting; two underscores stand between section and key, as in ULTRACART_LIMITER__SPARE
    "#);
}

#[test]
fn variables_of_others_are_left_alone() {
    let case = Case::new()
        .env("PATH", "/bin")
        .env("ULTRACART_HOME", "/opt")
        .env("ULTRACART_CONFIG", "elsewhere.toml")
        .env("ULTRACARTX__Y", "1")
        .env("ultracart_limiter__spare", "x");
    assert_eq!(case.load().unwrap().config.limiter.spare, 3);
}

#[test]
fn texts_get_the_type_of_what_they_set() {
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

#[test]
fn a_credential_is_never_shown() {
    let mut messages = Vec::new();
    for toml in [
        "auth.simple_key = 831337",
        "auth.simple_key = [\"831337\"]",
        "auth.simple_key = \"831337\\n\"",
        "auth.simple_key = \" 831337\"",
        "auth.simple_key = \"831337é\"",
        "auth.simple_key = \"\"",
        "auth.simplekey = \"831337\"",
        "auth.oauth = \"831337\"",
        "auth = \"831337\"",
        "auth = 831337",
        "auth.oauth = { client_id = \"app\", refresh_token = 831337 }",
        "auth.oauth = { client_id = \"app\", refresh_token = \"831337\\t\" }",
        "auth.oauth = { client_id = \"app\" }",
        "auth.oauth = { refresh_token = \"831337\" }",
        "simple_key = \"831337\"",
        "api.base_url = \"https://ada:831337@example.com/\"",
        "api.base_url = \"https://example.com/?key=831337\"",
        "api.base_url = \"831337\"",
        "auth = { simple_key = \"831337\", simple_key_file = \"key\" }",
    ] {
        messages.push(file(toml));
    }
    for value in ["831337\n", "831337\r", "8313\n37", "831337\u{7f}", "831337\u{200b}", ""] {
        messages.push(env("ULTRACART_SIMPLE_KEY", value));
    }
    messages.push(
        Case::new()
            .env("ULTRACART_SIMPLE_KEY", "831337")
            .env("ULTRACART_AUTH__SIMPLE_KEY", "831337")
            .problems(),
    );
    let messages = messages.join("\n");
    insta::assert_snapshot!(messages, @r"
    `auth.simple_key` is a number (file config.toml); it takes one line of visible ASCII characters
    `auth.simple_key` is a list (file config.toml); it takes one line of visible ASCII characters
    `auth.simple_key` has a line break in it (file config.toml); it takes one line of visible ASCII characters
    `auth.simple_key` has a space or a control character in it (file config.toml); it takes one line of visible ASCII characters
    `auth.simple_key` has a character outside ASCII in it (file config.toml); it takes one line of visible ASCII characters
    `auth.simple_key` is empty (file config.toml); it takes one line of visible ASCII characters
    `auth.simplekey` is no setting (file config.toml); did you mean `auth.simple_key`?
    `auth.oauth` is a text (file config.toml); it takes a table with `client_id` and `refresh_token_file`, `refresh_token` or both
    `auth` is a text (file config.toml); it takes one of `simple_key`, `simple_key_file` and `[auth.oauth]`
    `auth` is a number (file config.toml); it takes one of `simple_key`, `simple_key_file` and `[auth.oauth]`
    `auth.oauth.refresh_token` is a number (file config.toml); it takes one line of visible ASCII characters
    `auth.oauth.refresh_token` has a space or a control character in it (file config.toml); it takes one line of visible ASCII characters
    `auth.oauth` has no refresh token (file config.toml); it takes a table with `client_id` and `refresh_token_file`, `refresh_token` or both
    `auth.oauth.client_id` is missing; it takes the application's client id
    `simple_key` is no section (file config.toml); did you mean `auth.simple_key`?
    `api.base_url` holds a user name or a password (file config.toml); it takes an https:// URL without user name, password, query and fragment; http:// to this machine only
    `api.base_url` has a query or a fragment (file config.toml); it takes an https:// URL without user name, password, query and fragment; http:// to this machine only
    `api.base_url` is no URL (file config.toml); it takes an https:// URL without user name, password, query and fragment; http:// to this machine only
    `auth` has `simple_key` and `simple_key_file`, which exclude each other (file config.toml); it takes one of `simple_key`, `simple_key_file` and `[auth.oauth]`
    `auth.simple_key` has a line break in it (environment variable ULTRACART_SIMPLE_KEY); it takes one line of visible ASCII characters
    `auth.simple_key` has a line break in it (environment variable ULTRACART_SIMPLE_KEY); it takes one line of visible ASCII characters
    `auth.simple_key` has a line break in it (environment variable ULTRACART_SIMPLE_KEY); it takes one line of visible ASCII characters
    `auth.simple_key` has a space or a control character in it (environment variable ULTRACART_SIMPLE_KEY); it takes one line of visible ASCII characters
    `auth.simple_key` has a character outside ASCII in it (environment variable ULTRACART_SIMPLE_KEY); it takes one line of visible ASCII characters
    `auth.simple_key` is empty (environment variable ULTRACART_SIMPLE_KEY); it takes one line of visible ASCII characters
    ULTRACART_SIMPLE_KEY and ULTRACART_AUTH__SIMPLE_KEY set the same; unset one of them
    ");
    assert!(!messages.contains("8313"), "{messages}");

    let loaded = Case::new().env("ULTRACART_SIMPLE_KEY", "831337").load().unwrap();
    assert!(!format!("{loaded:?}").contains("8313"));
}

#[test]
fn a_credential_takes_the_place_of_another_kind_below() {
    let oauth = "[auth.oauth]\nclient_id = \"app\"\nrefresh_token_file = \"token\"";
    let case = Case::new().file(oauth).env("ULTRACART_SIMPLE_KEY", "key");
    let auth = case.load().unwrap().config.auth;
    assert!(auth.oauth.is_none());
    assert_eq!(auth.simple_key.unwrap().expose(), "key");

    let case = Case::new().file(oauth).env("ULTRACART_AUTH__OAUTH__CLIENT_ID", "other");
    let oauth = case.load().unwrap().config.auth.oauth.unwrap();
    assert_eq!(oauth.client_id, "other");
    assert_eq!(
        oauth.refresh_token_file,
        Some(case.folder.path().join("token")),
        "relative to the file's folder"
    );
}

#[cfg(unix)]
#[test]
fn files_that_others_can_read_are_warned_of() {
    use std::os::unix::fs::PermissionsExt as _;
    let case = Case::new().file("auth.simple_key = \"s3cret\"");
    let mode =
        |path: PathBuf, mode| std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    mode(case.path(), 0o644);
    let warnings = case.load().unwrap().warnings.join("\n");
    insta::assert_snapshot!(warnings.replace(&case.path().display().to_string(), "FILE"), @"FILE holds a credential and has mode 644: others can get at it (chmod 600 FILE)");
    mode(case.path(), 0o600);
    assert!(case.load().unwrap().warnings.is_empty());

    let case = Case::new().file("auth.simple_key_file = \"key\"");
    mode(case.path(), 0o644);
    std::fs::write(case.folder.path().join("key"), "s3cret").unwrap();
    mode(case.folder.path().join("key"), 0o600);
    assert!(case.load().unwrap().warnings.is_empty(), "no credential in the file");
    mode(case.folder.path().join("key"), 0o640);
    assert_eq!(case.load().unwrap().warnings.len(), 1);
}

#[test]
fn settings_made_in_code_are_checked_by_the_same_rules() {
    let mut config = Transport::default();
    assert_eq!(config.checked(), Ok(()));
    config.limiter.max_concurrency = 0;
    let error = config.checked().unwrap_err();
    assert_eq!(error.problems()[0].key(), Some("limiter.max_concurrency"));
    assert_eq!(error.problems()[0].origin(), None);
}
