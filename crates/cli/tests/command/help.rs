//! What --help says.

use crate::support::Home;

#[test]
fn every_help_text() {
    let home = Home::empty();
    for command in [
        "",
        "users",
        "users list",
        "users get",
        "users logins",
        "users insert",
        "users update",
        "users delete",
        "groups",
        "groups list",
        "groups get",
        "groups insert",
        "groups update",
        "groups delete",
        "audit",
        "config",
        "config show",
        "sim",
        "webhook",
        "completions",
    ] {
        let mut arguments: Vec<&str> = command.split_whitespace().collect();
        arguments.push("--help");
        let help = home.data(&arguments);
        assert!(help.contains("\nExamples:\n  "), "{command} has no example");
        // What is the same everywhere is looked at once.
        let help = if command.is_empty() { help } else { without_global_options(&help) };
        let name = if command.is_empty() { "ultracart".to_owned() } else { command.replace(' ', "_") };
        insta::assert_snapshot!(name, help);
    }
}

fn without_global_options(help: &str) -> String {
    let (before, rest) = help.split_once("Global options:\n").unwrap();
    let after = rest.split_once("\n\n").map_or("", |(_, after)| after);
    // Of a long help each option stands on its own.
    let after = after.find("Examples:").map_or("", |start| &after[start..]);
    format!("{before}{after}")
}

#[test]
fn completions_for_every_shell() {
    let home = Home::empty();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = home.data(&["completions", shell]);
        assert!(script.contains("ultracart") && script.contains("password-file"), "{shell}");
    }
}

#[test]
fn the_version_is_that_of_the_package() {
    assert_eq!(Home::empty().data(&["--version"]), concat!("ultracart ", env!("CARGO_PKG_VERSION"), "\n"));
}
