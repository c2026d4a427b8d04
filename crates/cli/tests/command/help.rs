//! The help texts.

use crate::support::Home;

#[test]
fn every_help_text_matches_its_snapshot() {
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
        let help = home.stdout(&arguments);
        assert!(help.contains("\nExamples:\n  "), "{command} has no example");
        // The global options are the same in every help text: one snapshot of them is enough.
        let help = if command.is_empty() { help } else { without_global_options(&help) };
        let name = if command.is_empty() { "ultracart".to_owned() } else { command.replace(' ', "_") };
        insta::assert_snapshot!(name, help);
    }
}

fn without_global_options(help: &str) -> String {
    let (before, rest) = help.split_once("Global options:\n").unwrap();
    let after = rest.split_once("\n\n").map_or("", |(_, after)| after);
    // In a long help text the options are separated by empty lines.
    let after = after.find("Examples:").map_or("", |start| &after[start..]);
    format!("{before}{after}")
}

#[test]
fn completions_exist_for_every_shell() {
    let home = Home::empty();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = home.stdout(&["completions", shell]);
        assert!(script.contains("ultracart") && script.contains("password-file"), "{shell}");
    }
}

#[test]
fn version_flag_prints_the_package_version() {
    assert_eq!(Home::empty().stdout(&["--version"]), concat!("ultracart ", env!("CARGO_PKG_VERSION"), "\n"));
}
