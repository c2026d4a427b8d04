//! The configuration: files, environment, flags and `config show`.

use crate::support::{Home, KEY, SimProcess};

#[test]
fn config_show_lists_the_origin_of_each_setting() {
    let home = Home::empty()
        .var("ULTRACART_SIMPLE_KEY", KEY)
        .var("ULTRACART_LIMITER__WINDOWS", r#"[{calls=500, per="1h"}]"#)
        .var("UNRELATED", "1");
    home.write(".config/ultracart/config.toml", "[limiter]\nspare = 7\n[retry]\ndeadline = \"10m\"\n");
    let shown = home.stdout(&["config", "show", "--base-url", "http://localhost:8080", "--no-cache"]);
    insta::assert_snapshot!(home.normalize(&shown), @r#"
    KEY                          VALUE                          ORIGIN
    api.base_url                 "http://localhost:8080"        flag --base-url
    api.version                  "2017-03-01"                   default
    audit.dormant_after          "90d"                          default
    auth.oauth                   (not set)                      default
    auth.simple_key              "(hidden)"                     environment variable ULTRACART_SIMPLE_KEY
    auth.simple_key_file         (not set)                      default
    cache.groups.refresh_at      0.8                            default
    cache.groups.stale_if_error  "1d"                           default
    cache.groups.ttl             "0s"                           flag --no-cache
    cache.logins.refresh_at      0.8                            default
    cache.logins.stale_if_error  "1d"                           default
    cache.logins.ttl             "0s"                           flag --no-cache
    cache.users.refresh_at       0.8                            default
    cache.users.stale_if_error   "1d"                           default
    cache.users.ttl              "0s"                           flag --no-cache
    cache.webhook_ttl            "1h"                           default
    http.connect_timeout         "10s"                          default
    http.max_body                268435456                      default
    http.request_timeout         "1m"                           default
    limiter.address_windows      (not set)                      default
    limiter.guard_gap            "25ms"                         default
    limiter.max_concurrency      1                              default
    limiter.max_wait             (not set)                      default
    limiter.quarantine           "5s"                           default
    limiter.spare                7                              file HOME/.config/ultracart/config.toml
    limiter.windows              [{ calls = 500, per = "1h" }]  environment variable ULTRACART_LIMITER__WINDOWS
    retry.base_delay             "500ms"                        default
    retry.budget                 100                            default
    retry.deadline               "10m"                          file HOME/.config/ultracart/config.toml
    retry.max_attempts           5                              default
    retry.max_delay              "1m"                           default
    retry.max_rejections         10                             default
    "#);
    let json = home.json(&["config", "show"]);
    let of =
        |key: &str| json.as_array().unwrap().iter().find(|setting| setting["key"] == key).unwrap().clone();
    assert_eq!(of("limiter.spare")["value"], 7);
    assert_eq!(of("limiter.windows")["value"][0]["calls"], 500);
    assert_eq!(of("auth.simple_key")["value"], "(hidden)");
    for (format, lines) in
        [("csv", json.as_array().unwrap().len() + 1), ("ndjson", json.as_array().unwrap().len())]
    {
        assert_eq!(home.stdout(&["config", "show", "--format", format]).lines().count(), lines, "{format}");
    }
}

#[test]
fn config_show_without_file_names_its_default_path() {
    let home = Home::empty();
    let ran = home.run(&["config", "show"]);
    assert_eq!(ran.code, Some(0));
    assert_eq!(
        home.normalize(&ran.stderr),
        "no configuration file: HOME/.config/ultracart/config.toml does not exist\n"
    );
    assert_eq!(home.run(&["config", "show", "--quiet"]).stderr, "");
}

#[test]
fn named_config_file_replaces_the_default_file() {
    let home = Home::empty();
    home.write(".config/ultracart/config.toml", "this is no TOML");
    home.write("other.toml", "limiter.spare = 1");
    home.write("third.toml", "limiter.spare = 2");
    let spare = |home: &Home, arguments: &[&str]| {
        let json = home.json(&[&["config", "show"], arguments].concat());
        json.as_array().unwrap().iter().find(|setting| setting["key"] == "limiter.spare").unwrap()["value"]
            .clone()
    };
    assert_eq!(spare(&home, &["--config", "other.toml"]), 1);
    let home = home.var("ULTRACART_CONFIG", "third.toml");
    assert_eq!(spare(&home, &[]), 2);
    assert_eq!(spare(&home, &["--config", "other.toml"]), 1);
}

#[test]
fn key_file_readable_by_others_is_warned_about() {
    let sim = SimProcess::start(&["--users", "3"]);
    let home = Home::empty().var("ULTRACART_BASE_URL", sim.base_url());
    home.write(".config/ultracart/config.toml", "auth.simple_key_file = \"key\"");
    let key = home.write(".config/ultracart/key", format!("{KEY}\n"));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = |mode| std::fs::set_permissions(&key, std::fs::Permissions::from_mode(mode)).unwrap();
        mode(0o644);
        let ran = home.run(&["users", "list"]);
        assert_eq!(ran.code, Some(0));
        insta::assert_snapshot!(home.normalize(&ran.stderr), @"warning: HOME/.config/ultracart/key contains a credential and other users can access it (mode 644); run `chmod 600 HOME/.config/ultracart/key`");
        mode(0o600);
    }
    assert_eq!(home.stdout(&["users", "list"]).lines().count(), 4);
}
