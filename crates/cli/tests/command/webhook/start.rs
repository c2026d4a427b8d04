//! Arguments of the `webhook` command and the authentication of deliveries.

use super::{ADA, PASSWORD, WebhookProcess, basic, read_line};
use crate::support::Home;

#[cfg(unix)]
#[test]
fn delivery_with_wrong_password_is_declined() {
    use std::os::unix::fs::PermissionsExt as _;
    let with_variable = Home::empty().var("ULTRACART_WEBHOOK_PASSWORD", PASSWORD);
    let with_file = Home::empty().var("ULTRACART_WEBHOOK_PASSWORD", "another");
    let file = with_file.write("password", format!("{PASSWORD}\n"));
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    for (home, arguments) in [
        (with_variable, &["--user", "hook"][..]),
        (with_file, &["--user", "hook", "--password-file", "password"]),
    ] {
        let hook = WebhookProcess::start(&home.var("RUST_LOG", "trace"), arguments);
        assert_eq!(hook.post(Some(&basic(PASSWORD)), ADA).0, 200);
        let mut responses = String::new();
        for authorization in [None, Some(basic("another")), Some(basic(""))] {
            let (status, response) = hook.post(authorization.as_deref(), "secret content");
            assert_eq!(status, 401);
            assert!(response.contains("www-authenticate: Basic realm=\"webhook\"\r\n"), "{response}");
            responses.push_str(&response);
        }
        let (status, response) = hook.post(Some(&basic(PASSWORD)), "secret content");
        assert_eq!(status, 400);
        responses.push_str(&response);
        let (code, stdout, stderr) = hook.stop("INT");
        assert_eq!(code, Some(0));
        assert_eq!(stdout.matches("TIME").count(), 2 + 1, "{stdout}");
        let warning =
            "warning: a delivery from 127.0.0.1 was declined: the credentials are missing or wrong\n";
        assert_eq!(stderr.matches(warning).count(), 3, "{stderr}");
        for text in [&responses, &stdout, &stderr] {
            for secret in [PASSWORD, &basic(PASSWORD)["Basic ".len()..], "secret content"] {
                assert!(!text.contains(secret), "{text}");
            }
        }
    }
}

#[cfg(unix)]
#[test]
fn password_file_readable_by_others_is_warned_about() {
    use std::os::unix::fs::PermissionsExt as _;
    let home = Home::empty();
    let file = home.write("password", PASSWORD);
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    let (_, _, stderr) =
        WebhookProcess::start(&home, &["--user", "hook", "--password-file", "password"]).stop("INT");
    insta::assert_snapshot!(stderr, @"warning: password contains a credential and other users can access it (mode 644); run `chmod 600 password`");
}

#[test]
fn receiver_with_bad_authentication_does_not_start() {
    let password = |value| Home::empty().var("ULTRACART_WEBHOOK_PASSWORD", value);
    let home = Home::empty();
    let messages: Vec<String> = [
        (&password(PASSWORD), &[][..]),
        (&password(PASSWORD), &["--no-auth", "--listen", "0.0.0.0:0"]),
        (&password(PASSWORD), &["--no-auth", "--listen", "[::]:0"]),
        (&home, &["--user", "hook"]),
        (&password(""), &["--user", "hook"]),
        (&home, &["--user", "hook", "--password-file", "-"]),
        (&home, &["--user", "hook", "--password-file", "none"]),
        (&password(PASSWORD), &["--user", "ho:ok"]),
    ]
    .map(|(home, arguments)| {
        let ran = home.run(&[&["webhook"], arguments].concat());
        assert!(!ran.stderr.contains(PASSWORD));
        ran.failure(home)
    })
    .into();
    insta::assert_snapshot!(messages.join("\n"), @r"
    2
    error: no authentication is configured for deliveries
      why: anyone who finds the address could send false events
      help: give --user, and the password in ULTRACART_WEBHOOK_PASSWORD or --password-file
      help: or give --no-auth, to try the command on this machine

    2
    error: 0.0.0.0:0 is reachable from other machines, and --no-auth would accept deliveries from all of them
      help: give --user and a password, or listen on 127.0.0.1

    2
    error: [::]:0 is reachable from other machines, and --no-auth would accept deliveries from all of them
      help: give --user and a password, or listen on 127.0.0.1

    2
    error: --user needs a password
      help: set ULTRACART_WEBHOOK_PASSWORD, or give --password-file

    2
    error: ULTRACART_WEBHOOK_PASSWORD holds no valid password
      why: the value is empty or not UTF-8

    2
    error: stdin holds no valid password
      why: stdin is empty
      help: write the password on one line and nothing else

    2
    error: none cannot be read
      why: No such file or directory (os error 2)

    2
    error: the name of --user contains a colon
      why: in HTTP Basic authentication a colon ends the name
    ");
    for arguments in [
        &["--user", "hook", "--no-auth"][..],
        &["--no-auth", "--password-file", "-"],
        &["--no-auth", "--listen", "localhost:0"],
    ] {
        assert_eq!(home.run(&[&["webhook"], arguments].concat()).code, Some(2), "{arguments:?}");
    }
}

#[cfg(unix)]
#[test]
fn reachable_address_is_warned_about() {
    let home = Home::empty().var("ULTRACART_WEBHOOK_PASSWORD", PASSWORD);
    let mut child = home.command(&["webhook", "--user", "hook", "--listen", "0.0.0.0:0"]).spawn().unwrap();
    assert!(read_line(child.stdout.as_mut().unwrap()).starts_with("webhooks at http://0.0.0.0:"));
    crate::support::signal(&child, "INT");
    let stderr = String::from_utf8(child.wait_with_output().unwrap().stderr).unwrap();
    insta::assert_snapshot!(stderr, @"warning: 0.0.0.0:0 is reachable from other machines, and deliveries are not encrypted: run a TLS proxy, and listen on an address that only the proxy can reach");
}

#[test]
fn receiver_on_a_used_port_is_an_error() {
    let hook = WebhookProcess::start_without_auth();
    let ran = Home::empty().run(&["webhook", "--no-auth", "--listen", &hook.addr]);
    insta::assert_snapshot!(ran.failure(&Home::empty()), @r"
    1
    error: the command cannot listen on 127.0.0.1:PORT
      why: Address already in use (os error 98)
      help: --listen 127.0.0.1:PORT selects a free port
    ");
}
