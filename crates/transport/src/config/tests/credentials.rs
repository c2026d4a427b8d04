//! How credentials are shown, replaced and kept.

use std::path::PathBuf;

use super::{Case, env, file};

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
