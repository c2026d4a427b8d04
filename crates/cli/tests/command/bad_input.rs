//! Messages for bad arguments and configuration. No call is made.

use crate::support::{Home, KEY};

fn failure(home: &Home, arguments: &[&str]) -> String {
    home.run(arguments).failure(home)
}

#[test]
fn missing_credential_is_an_error() {
    let home = Home::empty();
    insta::assert_snapshot!(failure(&home, &["users", "list"]), @r"
    2
    error: no credential is configured
      why: every call to UltraCart needs one
      help: set ULTRACART_SIMPLE_KEY to a simple key of your account
      help: or set `simple_key_file` under `[auth]` in the configuration file (HOME/.config/ultracart/config.toml)
      help: or try `ultracart audit --demo --out audit`: it reviews a simulated account, without a credential
    ");
}

#[test]
fn malformed_id_is_an_error() {
    let home = Home::without_account();
    let messages: Vec<String> =
        ["7x", "0", "2147483648", "../7"].map(|id| failure(&home, &["users", "get", id])).into();
    insta::assert_snapshot!(messages.join("\n"), @r"
    2
    error: invalid value '7x' for '<ID>': the user_id is not a number; it must be a whole number from 1 to 2147483647

    For more information, try '--help'.

    2
    error: invalid value '0' for '<ID>': the user_id is less than 1; it must be a whole number from 1 to 2147483647

    For more information, try '--help'.

    2
    error: invalid value '2147483648' for '<ID>': the user_id is too large; it must be a whole number from 1 to 2147483647

    For more information, try '--help'.

    2
    error: invalid value '../7' for '<ID>': the user_id is not a number; it must be a whole number from 1 to 2147483647

    For more information, try '--help'.
    ");
    insta::assert_snapshot!(failure(&home, &["groups", "delete", "--", "-1"]), @r"
    2
    error: invalid value '-1' for '<OID>': the group_oid is less than 1; it must be a whole number from 1 to 2147483647

    For more information, try '--help'.
    ");
}

#[test]
fn invalid_user_is_declined_without_a_call() {
    let home = Home::without_account();
    home.write("password", "the same");
    home.write("user.json", r#"{"login": "ada", "change_ftp_password_to": "the same"}"#);
    let email = "x".repeat(151);
    for arguments in [
        &["users", "update", "7", "--email", &email][..],
        &["users", "insert", "--login", "ada", "--group", "Sales", "--email", &email],
    ] {
        insta::allow_duplicates!(insta::assert_snapshot!(failure(&home, arguments), @r"
        2
        error: `email` has 151 characters; UltraCart accepts at most 150
        "));
    }
    for arguments in [
        &["users", "update", "7", "--file", "user.json", "--password-file", "password"][..],
        &["users", "insert", "--file", "user.json", "--password-file", "password"],
    ] {
        insta::allow_duplicates!(insta::assert_snapshot!(failure(&home, arguments), @r"
        2
        error: `change_ftp_password_to` must differ from `change_password_to`
        "));
    }
}

#[test]
fn unknown_setting_suggests_a_similar_one() {
    let home = Home::without_account();
    home.write("config.toml", "[limiter]\nmax_concurency = 2\n[http]\nmax_body = 1000\n");
    insta::assert_snapshot!(failure(&home, &["--config", "config.toml", "users", "list"]), @"
    2
    error: the configuration cannot be loaded
      why: `limiter.max_concurency` is not a setting (file config.toml); did you mean `limiter.max_concurrency`?
      why: `http.max_body` is 1000 (file config.toml); expected a whole number of bytes, from 1024 up
      help: correct the file, variable or flag named above; no call was made
    ");
    let home = home.var("ULTRACART_LIMITER__SPAER", "1");
    insta::assert_snapshot!(failure(&home, &["config", "show"]), @r"
    2
    error: the configuration cannot be loaded
      why: `limiter.spaer` is not a setting (environment variable ULTRACART_LIMITER__SPAER); did you mean ULTRACART_LIMITER__SPARE?
      help: correct the file, variable or flag named above; no call was made
    ");
}

#[test]
fn missing_configuration_file_is_an_error() {
    let home = Home::without_account();
    insta::assert_snapshot!(failure(&home, &["users", "list", "--config", "none.toml"]), @r"
    2
    error: the configuration cannot be loaded
      why: the configuration file none.toml cannot be read: No such file or directory (os error 2)
      help: correct the file, variable or flag named above; no call was made
    ");
}

#[test]
fn unreadable_key_file_is_an_error() {
    let home = Home::empty().var("ULTRACART_AUTH__SIMPLE_KEY_FILE", "none");
    let mut messages = vec![failure(&home, &["users", "list"])];
    let home = home.var("ULTRACART_AUTH__SIMPLE_KEY_FILE", ".");
    messages.push(failure(&home, &["users", "list"]));
    insta::assert_snapshot!(messages.join("\n"), @r"
    2
    error: the file none (`auth.simple_key_file`) cannot be read: No such file or directory (os error 2)
      help: `ultracart config show` shows every setting and where it comes from

    2
    error: the file . (`auth.simple_key_file`) cannot be read: Is a directory (os error 21)
      help: `ultracart config show` shows every setting and where it comes from
    ");
}

#[test]
fn key_with_line_break_is_an_error() {
    let home = Home::empty().var("ULTRACART_SIMPLE_KEY", &format!("{KEY}\n"));
    let mut messages = vec![failure(&home, &["users", "list"]), failure(&home, &["sim"])];
    let home = Home::empty();
    home.write("key", format!("{KEY}\n{KEY}\n"));
    let home = home.var("ULTRACART_AUTH__SIMPLE_KEY_FILE", "key");
    messages.push(failure(&home, &["users", "list", "--quiet"]));
    insta::assert_snapshot!(messages.join("\n"), @"
    2
    error: the configuration cannot be loaded
      why: `auth.simple_key` contains a line break (environment variable ULTRACART_SIMPLE_KEY); expected one line of visible ASCII characters
      help: correct the file, variable or flag named above; no call was made

    2
    error: ULTRACART_SIMPLE_KEY holds no valid simple key
      why: `auth.simple_key` contains a line break (environment variable ULTRACART_SIMPLE_KEY); expected one line of visible ASCII characters

    2
    error: the file key (`auth.simple_key_file`) contains a line break; write the credential on one line and nothing else
      help: `ultracart config show` shows every setting and where it comes from
    ");
    assert!(!messages.concat().contains(KEY));
}

#[test]
fn plain_http_to_another_machine_is_an_error() {
    let home = Home::empty().var("ULTRACART_SIMPLE_KEY", KEY);
    insta::assert_snapshot!(failure(&home, &["--base-url", "http://example.com/rest/v2", "users", "list"]), @"
    2
    error: the configuration cannot be loaded
      why: `api.base_url` is http://example.com/rest/v2, which is plain HTTP to another machine, which would expose the credential (flag --base-url); expected an https:// URL without user name, password, query or fragment (http:// only for localhost)
      help: correct the file, variable or flag named above; no call was made
    ");
}

#[test]
fn oauth_without_token_file_is_an_error() {
    let home = Home::empty()
        .var("ULTRACART_AUTH__OAUTH__CLIENT_ID", "app")
        .var("ULTRACART_AUTH__OAUTH__REFRESH_TOKEN", "t0ken");
    insta::assert_snapshot!(failure(&home, &["users", "list"]), @r"
    2
    error: `auth.oauth.refresh_token_file` is not set
      why: each token refresh replaces the refresh token, and the new one would be lost when the command ends
      help: set it to the path of a file; if the file does not exist, the first token refresh creates it
    ");
}

#[test]
fn bad_usage_exits_with_2() {
    let home = Home::without_account();
    for (arguments, message) in [
        (&["users", "lst"][..], "a similar subcommand exists: 'list'"),
        (&["users", "list", "--format", "yaml"], "[possible values: table, json, csv, ndjson]"),
        (&["audit"], "--out <DIR>"),
        (&["audit", "--demo", "--resume", "--out", "x"], "'--demo' cannot be used with '--resume'"),
        (&["users", "update", "7", "--file", "x", "--phone", "1"], "cannot be used with"),
        (&["users", "update", "7", "--file", "x", "--revoke", "y"], "cannot be used with"),
        (&["groups", "insert", "--file", "x", "--name", "y"], "cannot be used with"),
        (&["sim", "--port", "70000"], "70000 is not in 0..=65535"),
        (&["completions", "tcsh"], "[possible values: bash, elvish, fish, powershell, zsh]"),
        (&[], "Usage: ultracart [OPTIONS] <COMMAND>"),
    ] {
        let ran = home.run(arguments);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""), "{arguments:?}");
        assert!(ran.stderr.contains(message), "{arguments:?}: {}", ran.stderr);
    }
}
