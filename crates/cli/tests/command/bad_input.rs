//! What a user can get wrong, and what they read then. Nothing is called.

use crate::support::{Home, KEY};

fn failure(home: &Home, arguments: &[&str]) -> String {
    home.run(arguments).failure(home)
}

#[test]
fn no_credential() {
    let home = Home::empty();
    insta::assert_snapshot!(failure(&home, &["users", "list"]), @r"
    2
    error: no credential is configured
      why: UltraCart answers nobody without one
      help: set ULTRACART_SIMPLE_KEY to a simple key of your account
      help: or set `simple_key_file` under `[auth]` in the configuration file (HOME/.config/ultracart/config.toml)
      help: `ultracart audit --demo --out audit` needs none: it reviews a simulated account
    ");
}

#[test]
fn a_malformed_id() {
    let home = Home::without_account();
    let said: Vec<String> =
        ["7x", "0", "2147483648", "../7"].map(|id| failure(&home, &["users", "get", id])).into();
    insta::assert_snapshot!(said.join("\n"), @r"
    2
    error: invalid value '7x' for '<ID>': it is not a number: a user_id is a whole number from 1 to 2147483647

    For more information, try '--help'.

    2
    error: invalid value '0' for '<ID>': it is not above 0: a user_id is a whole number from 1 to 2147483647

    For more information, try '--help'.

    2
    error: invalid value '2147483648' for '<ID>': it is too large: a user_id is a whole number from 1 to 2147483647

    For more information, try '--help'.

    2
    error: invalid value '../7' for '<ID>': it is not a number: a user_id is a whole number from 1 to 2147483647

    For more information, try '--help'.
    ");
    insta::assert_snapshot!(failure(&home, &["groups", "delete", "--", "-1"]), @r"
    2
    error: invalid value '-1' for '<OID>': it is not above 0: a group_oid is a whole number from 1 to 2147483647

    For more information, try '--help'.
    ");
}

#[test]
fn what_ultracart_would_refuse() {
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
        error: `email` has 151 characters, and UltraCart takes 150 at the most
        "));
    }
    for arguments in [
        &["users", "update", "7", "--file", "user.json", "--password-file", "password"][..],
        &["users", "insert", "--file", "user.json", "--password-file", "password"],
    ] {
        insta::allow_duplicates!(insta::assert_snapshot!(failure(&home, arguments), @r"
        2
        error: `change_ftp_password_to` may not be the same as `change_password_to`
        "));
    }
}

#[test]
fn a_typo_in_the_configuration() {
    let home = Home::without_account();
    home.write("config.toml", "[limiter]\nmax_concurency = 2\n[http]\nmax_body = 1000\n");
    insta::assert_snapshot!(failure(&home, &["--config", "config.toml", "users", "list"]), @r"
    2
    error: the configuration cannot be used
      why: `limiter.max_concurency` is no setting (file config.toml); did you mean `limiter.max_concurrency`?
      why: `http.max_body` is 1000 (file config.toml); it takes a whole number of bytes, from 1024 up
      help: put it right where it was set; nothing was sent
    ");
    let home = home.var("ULTRACART_LIMITER__SPAER", "1");
    insta::assert_snapshot!(failure(&home, &["config", "show"]), @r"
    2
    error: the configuration cannot be used
      why: `limiter.spaer` is no setting (environment variable ULTRACART_LIMITER__SPAER); did you mean ULTRACART_LIMITER__SPARE?
      help: put it right where it was set; nothing was sent
    ");
}

#[test]
fn a_configuration_file_that_is_not_there() {
    let home = Home::without_account();
    insta::assert_snapshot!(failure(&home, &["users", "list", "--config", "none.toml"]), @r"
    2
    error: the configuration cannot be used
      why: the configuration file none.toml cannot be read: No such file or directory (os error 2)
      help: put it right where it was set; nothing was sent
    ");
}

#[test]
fn a_key_file_that_cannot_be_read() {
    let home = Home::empty().var("ULTRACART_AUTH__SIMPLE_KEY_FILE", "none");
    let mut said = vec![failure(&home, &["users", "list"])];
    let home = home.var("ULTRACART_AUTH__SIMPLE_KEY_FILE", ".");
    said.push(failure(&home, &["users", "list"]));
    insta::assert_snapshot!(said.join("\n"), @r"
    2
    error: the file none (`auth.simple_key_file`) cannot be read: No such file or directory (os error 2)
      help: `ultracart config show` shows every setting and where it comes from

    2
    error: the file . (`auth.simple_key_file`) cannot be read: Is a directory (os error 21)
      help: `ultracart config show` shows every setting and where it comes from
    ");
}

#[test]
fn a_key_with_a_line_break() {
    let home = Home::empty().var("ULTRACART_SIMPLE_KEY", &format!("{KEY}\n"));
    let mut said = vec![failure(&home, &["users", "list"]), failure(&home, &["sim"])];
    let home = Home::empty();
    home.write("key", format!("{KEY}\n{KEY}\n"));
    let home = home.var("ULTRACART_AUTH__SIMPLE_KEY_FILE", "key");
    said.push(failure(&home, &["users", "list", "--quiet"]));
    insta::assert_snapshot!(said.join("\n"), @r"
    2
    error: the configuration cannot be used
      why: `auth.simple_key` has a line break in it (environment variable ULTRACART_SIMPLE_KEY); it takes one line of visible ASCII characters
      help: put it right where it was set; nothing was sent

    2
    error: ULTRACART_SIMPLE_KEY holds no key
      why: `auth.simple_key` has a line break in it (environment variable ULTRACART_SIMPLE_KEY); it takes one line of visible ASCII characters

    2
    error: the file key (`auth.simple_key_file`) has a line break in it: it has to be the key on one line and nothing else
      help: `ultracart config show` shows every setting and where it comes from
    ");
    assert!(!said.concat().contains(KEY));
}

#[test]
fn plain_http_to_another_machine() {
    let home = Home::empty().var("ULTRACART_SIMPLE_KEY", KEY);
    insta::assert_snapshot!(failure(&home, &["--base-url", "http://example.com/rest/v2", "users", "list"]), @r"
    2
    error: the configuration cannot be used
      why: `api.base_url` is http://example.com/rest/v2, which is plain HTTP to another machine, where anybody on the way could read the credential (flag --base-url); it takes an https:// URL without user name, password, query and fragment; http:// to this machine only
      help: put it right where it was set; nothing was sent
    ");
}

#[test]
fn oauth_whose_next_token_would_be_lost() {
    let home = Home::empty()
        .var("ULTRACART_AUTH__OAUTH__CLIENT_ID", "app")
        .var("ULTRACART_AUTH__OAUTH__REFRESH_TOKEN", "t0ken");
    insta::assert_snapshot!(failure(&home, &["users", "list"]), @r"
    2
    error: `auth.oauth.refresh_token_file` is not set
      why: each refresh replaces the refresh token, and the next one would be lost when the command ends
      help: name a file in `refresh_token_file`: where it is not there yet, it begins with `refresh_token`
    ");
}

#[test]
fn bad_usage() {
    let home = Home::without_account();
    for (arguments, said) in [
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
        assert!(ran.stderr.contains(said), "{arguments:?}: {}", ran.stderr);
    }
}
