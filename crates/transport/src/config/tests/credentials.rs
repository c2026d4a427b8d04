//! Credentials: messages hide them, a later layer replaces them, and a file with a credential that other
//! users can access causes a warning.

use std::path::PathBuf;

use super::{Case, env_problems, file_problems};

#[test]
fn credential_is_never_shown() {
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
        messages.push(file_problems(toml));
    }
    for value in ["831337\n", "831337\r", "8313\n37", "831337\u{7f}", "831337\u{200b}", ""] {
        messages.push(env_problems("ULTRACART_SIMPLE_KEY", value));
    }
    messages.push(
        Case::new()
            .env("ULTRACART_SIMPLE_KEY", "831337")
            .env("ULTRACART_AUTH__SIMPLE_KEY", "831337")
            .problems(),
    );
    let messages = messages.join("\n");
    insta::assert_snapshot!(messages, @r"
    `auth.simple_key` is a number (file config.toml); expected one line of visible ASCII characters
    `auth.simple_key` is a list (file config.toml); expected one line of visible ASCII characters
    `auth.simple_key` contains a line break (file config.toml); expected one line of visible ASCII characters
    `auth.simple_key` contains a space or control character (file config.toml); expected one line of visible ASCII characters
    `auth.simple_key` contains a non-ASCII character (file config.toml); expected one line of visible ASCII characters
    `auth.simple_key` is empty (file config.toml); expected one line of visible ASCII characters
    `auth.simplekey` is not a setting (file config.toml); did you mean `auth.simple_key`?
    `auth.oauth` is a string (file config.toml); expected a table with `client_id` and `refresh_token_file`, `refresh_token` or both
    `auth` is a string (file config.toml); expected one of `simple_key`, `simple_key_file` and `[auth.oauth]`
    `auth` is a number (file config.toml); expected one of `simple_key`, `simple_key_file` and `[auth.oauth]`
    `auth.oauth.refresh_token` is a number (file config.toml); expected one line of visible ASCII characters
    `auth.oauth.refresh_token` contains a space or control character (file config.toml); expected one line of visible ASCII characters
    `auth.oauth` has no refresh token (file config.toml); expected a table with `client_id` and `refresh_token_file`, `refresh_token` or both
    `auth.oauth.client_id` is missing; expected the application's client id
    `simple_key` is not a section (file config.toml); did you mean `auth.simple_key`?
    `api.base_url` contains a user name or password (file config.toml); expected an https:// URL without user name, password, query or fragment (http:// only for localhost)
    `api.base_url` contains a query or fragment (file config.toml); expected an https:// URL without user name, password, query or fragment (http:// only for localhost)
    `api.base_url` is not a URL (file config.toml); expected an https:// URL without user name, password, query or fragment (http:// only for localhost)
    `auth` sets `simple_key` and `simple_key_file`, but only one is allowed (file config.toml); expected one of `simple_key`, `simple_key_file` and `[auth.oauth]`
    `auth.simple_key` contains a line break (environment variable ULTRACART_SIMPLE_KEY); expected one line of visible ASCII characters
    `auth.simple_key` contains a line break (environment variable ULTRACART_SIMPLE_KEY); expected one line of visible ASCII characters
    `auth.simple_key` contains a line break (environment variable ULTRACART_SIMPLE_KEY); expected one line of visible ASCII characters
    `auth.simple_key` contains a space or control character (environment variable ULTRACART_SIMPLE_KEY); expected one line of visible ASCII characters
    `auth.simple_key` contains a non-ASCII character (environment variable ULTRACART_SIMPLE_KEY); expected one line of visible ASCII characters
    `auth.simple_key` is empty (environment variable ULTRACART_SIMPLE_KEY); expected one line of visible ASCII characters
    ULTRACART_SIMPLE_KEY and ULTRACART_AUTH__SIMPLE_KEY set the same key; unset one of them
    ");
    assert!(!messages.contains("8313"), "{messages}");

    let loaded = Case::new().env("ULTRACART_SIMPLE_KEY", "831337").load().unwrap();
    assert!(!format!("{loaded:?}").contains("8313"));
}

#[test]
fn credential_replaces_another_kind_below() {
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
        "the path is relative to the file's folder"
    );
}

#[cfg(unix)]
#[test]
fn accessible_credential_file_has_a_warning() {
    use std::os::unix::fs::PermissionsExt as _;
    let case = Case::new().file("auth.simple_key = \"s3cret\"");
    let mode =
        |path: PathBuf, mode| std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    mode(case.path(), 0o644);
    let warnings = case.load().unwrap().warnings.join("\n");
    insta::assert_snapshot!(warnings.replace(&case.path().display().to_string(), "FILE"), @"FILE contains a credential and other users can access it (mode 644); run `chmod 600 FILE`");
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
