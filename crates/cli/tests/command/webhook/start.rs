//! What the receiver needs to start, and whom it lets in.

use super::{ADA, Hook, PASSWORD, basic, line};
use crate::support::Home;

#[cfg(unix)]
#[test]
fn who_may_deliver_and_who_may_not() {
    use std::os::unix::fs::PermissionsExt as _;
    let with_variable = Home::empty().var("ULTRACART_WEBHOOK_PASSWORD", PASSWORD);
    let with_file = Home::empty().var("ULTRACART_WEBHOOK_PASSWORD", "another");
    let file = with_file.write("password", format!("{PASSWORD}\n"));
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    for (home, arguments) in [
        (with_variable, &["--user", "hook"][..]),
        (with_file, &["--user", "hook", "--password-file", "password"]),
    ] {
        let hook = Hook::start(&home.var("RUST_LOG", "trace"), arguments);
        assert_eq!(hook.post(Some(&basic(PASSWORD)), ADA).0, 200);
        let mut refused = String::new();
        for authorization in [None, Some(basic("another")), Some(basic(""))] {
            let (status, answer) = hook.post(authorization.as_deref(), "secret content");
            assert_eq!(status, 401);
            assert!(answer.contains("www-authenticate: Basic realm=\"webhook\"\r\n"), "{answer}");
            refused.push_str(&answer);
        }
        let (status, answer) = hook.post(Some(&basic(PASSWORD)), "secret content");
        assert_eq!(status, 400);
        refused.push_str(&answer);
        let (code, stdout, stderr) = hook.stop("INT");
        assert_eq!(code, Some(0));
        assert_eq!(stdout.matches("TIME").count(), 2 + 1, "{stdout}");
        let refusal = "warning: a delivery from 127.0.0.1 is refused: the credentials are missing or wrong\n";
        assert_eq!(stderr.matches(refusal).count(), 3, "{stderr}");
        for text in [&refused, &stdout, &stderr] {
            for secret in [PASSWORD, &basic(PASSWORD)["Basic ".len()..], "secret content"] {
                assert!(!text.contains(secret), "{text}");
            }
        }
    }
}

#[cfg(unix)]
#[test]
fn a_password_that_others_can_read_is_warned_of() {
    use std::os::unix::fs::PermissionsExt as _;
    let home = Home::empty();
    let file = home.write("password", PASSWORD);
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    let (_, _, stderr) = Hook::start(&home, &["--user", "hook", "--password-file", "password"]).stop("INT");
    insta::assert_snapshot!(stderr, @"warning: password holds a credential and has mode 644: others can get at it (chmod 600 password)");
}

#[test]
fn it_does_not_start_without_an_answer_to_who_may_deliver() {
    let password = |value| Home::empty().var("ULTRACART_WEBHOOK_PASSWORD", value);
    let home = Home::empty();
    let said: Vec<String> = [
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
    insta::assert_snapshot!(said.join("\n"), @r"
    2
    error: it is not said who may deliver
      why: whoever finds the address could send what never happened
      help: give --user, and the password in ULTRACART_WEBHOOK_PASSWORD or --password-file
      help: or --no-auth, to try it out on this machine

    2
    error: 0.0.0.0:0 can be reached from other machines, and --no-auth would let them all deliver
      help: give --user and a password, or listen on 127.0.0.1

    2
    error: [::]:0 can be reached from other machines, and --no-auth would let them all deliver
      help: give --user and a password, or listen on 127.0.0.1

    2
    error: there is no password to go with --user
      help: set ULTRACART_WEBHOOK_PASSWORD to it, or give --password-file

    2
    error: ULTRACART_WEBHOOK_PASSWORD holds no password
      why: it is empty, or not UTF-8

    2
    error: stdin holds no password
      why: it is empty
      help: it has to be the password on one line and nothing else

    2
    error: none cannot be read
      why: No such file or directory (os error 2)

    2
    error: the name given with --user has a colon in it
      why: HTTP's Basic authentication ends the name there
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
fn where_others_can_reach_it_a_proxy_is_asked_for() {
    let home = Home::empty().var("ULTRACART_WEBHOOK_PASSWORD", PASSWORD);
    let mut child = home.command(&["webhook", "--user", "hook", "--listen", "0.0.0.0:0"]).spawn().unwrap();
    assert!(line(child.stdout.as_mut().unwrap()).starts_with("webhooks at http://0.0.0.0:"));
    crate::support::signal(&child, "INT");
    let stderr = String::from_utf8(child.wait_with_output().unwrap().stderr).unwrap();
    insta::assert_snapshot!(stderr, @"warning: 0.0.0.0:0 can be reached from other machines, and what they send is not encrypted: put a proxy with TLS in front, and listen where it alone can reach it");
}

#[test]
fn a_port_that_is_taken_is_said() {
    let hook = Hook::open();
    let ran = Home::empty().run(&["webhook", "--no-auth", "--listen", &hook.addr]);
    insta::assert_snapshot!(ran.failure(&Home::empty()), @r"
    1
    error: 127.0.0.1:PORT cannot be listened at
      why: Address already in use (os error 98)
      help: --listen 127.0.0.1:PORT takes any port that is free
    ");
}
