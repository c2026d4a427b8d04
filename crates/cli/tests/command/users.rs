//! The `users` command.

use serde_json::json;

use crate::account::Account;
use crate::support::{Home, SimProcess};

#[test]
fn list_works_in_every_format() {
    let sim = SimProcess::start(&["--users", "20"]);
    let home = sim.home();
    let table = home.stdout(&["users", "list"]);
    assert_eq!(table.lines().count(), 21);
    assert!(table.starts_with("ID  LOGIN"), "{table}");

    let json = home.json(&["users", "list"]);
    assert_eq!(json.as_array().unwrap().len(), 20);
    assert!(json[0]["permissions"][0]["permission_Name"].is_string(), "every field, as in the API");

    let ndjson = home.stdout(&["users", "list", "--format", "ndjson"]);
    let lines: Vec<serde_json::Value> =
        ndjson.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(serde_json::Value::from(lines), json);

    let csv = home.stdout(&["users", "list", "--format", "csv"]);
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    assert_eq!(
        reader.headers().unwrap().iter().take(3).collect::<Vec<_>>(),
        ["user_id", "login", "full_name"]
    );
    let records: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    assert_eq!(records.len(), 20);
    assert_eq!(&records[6][1], json[6]["login"].as_str().unwrap());
}

#[test]
fn get_and_logins_work_in_every_format() {
    let sim = SimProcess::start(&["--users", "20"]);
    let home = sim.home();
    let user = home.json(&["users", "get", "7"]);
    assert_eq!(user["user_id"], 7);
    let login = user["login"].as_str().unwrap();
    let table = home.stdout(&["users", "get", "7"]);
    assert!(table.starts_with("user_id"), "{table}");
    assert!(table.contains(login), "{table}");
    assert_eq!(home.stdout(&["users", "get", "7", "--format", "csv"]).lines().count(), 2);
    assert_eq!(home.stdout(&["users", "get", "7", "--format", "ndjson"]).lines().count(), 1);

    let logins = home.json(&["users", "logins", "7"]);
    let count = logins.as_array().unwrap().len();
    assert!(count > 0);
    assert!(logins[0]["login_dts"].is_string());
    for format in ["table", "csv"] {
        assert_eq!(
            home.stdout(&["users", "logins", "7", "--format", format]).lines().count(),
            count + 1,
            "{format}"
        );
    }
    assert_eq!(home.stdout(&["users", "logins", "7", "--format", "ndjson"]).lines().count(), count);
}

#[test]
fn flags_insert_update_and_delete_a_user() {
    let sim = SimProcess::start(&["--users", "20"]);
    let home = sim.home();
    let groups = home.json(&["groups", "list"]);
    let name = |index: usize| groups[index]["name"].as_str().unwrap();
    let permission = groups[0]["permissions"][0]["permission_Name"].as_str().unwrap();

    let user = home.json(&[
        "users",
        "insert",
        "--login",
        "ada",
        "--email",
        "ada@example.com",
        "--full-name",
        "Ada Lovelace",
        "--group",
        name(1),
        "--permission",
        permission,
    ]);
    let id = user["user_id"].to_string();
    assert_eq!((&user["login"], &user["full_name"]), (&json!("ada"), &json!("Ada Lovelace")));
    let member = |user: &serde_json::Value, group: &str| {
        let groups = user["groups"].as_array().unwrap();
        groups.iter().find(|one| one["name"] == group).is_some_and(|one| one["member"] == true)
    };
    assert!(member(&user, name(1)));

    let changed = home.json(&[
        "users",
        "update",
        &id,
        "--phone",
        "555-0100",
        "--group",
        name(2),
        "--remove-group",
        name(1),
        "--revoke",
        permission,
    ]);
    assert_eq!((&changed["phone"], &changed["login"]), (&json!("555-0100"), &json!("ada")));
    assert!(member(&changed, name(2)) && !member(&changed, name(1)));
    let granted = |user: &serde_json::Value| {
        let all = user["permissions"].as_array().unwrap();
        all.iter().find(|one| one["permission_Name"] == permission).is_some_and(|one| one["selected"] == true)
    };
    assert!(granted(&user) && !granted(&changed));

    let ran = home.run(&["users", "delete", &id]);
    assert_eq!(
        (ran.code, ran.stdout.as_str(), ran.stderr),
        (Some(0), "", format!("user {id} was deleted\n"))
    );
    assert_eq!(home.run(&["users", "get", &id]).code, Some(1));
}

#[test]
fn repeated_flags_all_apply() {
    let account = Account::new();
    let home = account.home();
    let groups = account.sim.groups();
    let oids = [1, 2].map(|index: usize| groups[index].group_oid.unwrap().to_string());
    let insert = ["users", "insert", "--login"];
    let permissions = ["--permission", "orders_view", "--permission", "items_view"];
    let names = [1, 2].map(|index: usize| groups[index].name.as_deref().unwrap());
    // OIDs need no list of groups; names do.
    for (login, [first, second]) in [("ada", oids.each_ref().map(String::as_str)), ("ben", names)] {
        let user =
            home.json(&[&insert[..], &[login, "--group", first, "--group", second], &permissions].concat());
        let on = |list: &str, name: &str, switch: &str| -> Vec<String> {
            let on = user[list].as_array().unwrap().iter().filter(|one| one[switch] == true);
            on.map(|one| one[name].as_str().unwrap().to_owned()).collect()
        };
        assert_eq!(on("groups", "name", "member"), names, "{login}");
        let granted = on("permissions", "permission_Name", "selected");
        assert!(["orders_view", "items_view"].iter().all(|name| granted.iter().any(|one| one == name)));
    }
}

#[test]
fn user_from_file_keeps_unknown_fields() {
    let sim = SimProcess::start(&["--users", "20"]);
    let home = sim.home();
    let mut user = home.json(&["users", "get", "7"]);
    user["full_name"] = json!("Grace Hopper");
    user["beta"] = json!({"score": [1.5, null]});
    let stored =
        home.run_with(&["users", "update", "7", "--file", "-", "--format", "json"], &user.to_string());
    assert_eq!((stored.code, stored.stderr.as_str()), (Some(0), ""));
    let stored: serde_json::Value = serde_json::from_str(&stored.stdout).unwrap();
    assert_eq!((&stored["full_name"], &stored["beta"]), (&user["full_name"], &user["beta"]));
    // An update by flags keeps the unknown field, too.
    let stored = home.json(&["users", "update", "7", "--phone", "1"]);
    assert_eq!(stored["beta"], user["beta"]);

    home.write("new.json", r#"{"login": "new", "email": "new@example.com", "beta": 1}"#);
    let stored = home.json(&["users", "insert", "--file", "new.json"]);
    assert_eq!((&stored["login"], &stored["beta"]), (&json!("new"), &json!(1)));
}

#[test]
fn update_without_change_is_not_written() {
    let account = Account::new();
    let home = account.home();
    let phone = account.sim.user(7).unwrap().phone.unwrap().to_string();
    home.stdout(&["users", "update", "7", "--phone", &phone]);
    assert_eq!(account.sim.calls(), 1);
    home.stdout(&["users", "update", "7", "--phone", "555-0199"]);
    assert_eq!(account.sim.calls(), 3);
}

#[test]
fn password_from_file_or_stdin_is_sent() {
    let account = Account::new();
    let home = account.home();
    home.write("password", "correct horse\n");
    home.stdout(&["users", "update", "7", "--password-file", "password"]);
    let ran = home.run_with(
        &["users", "insert", "--login", "ada", "--email", "ada@example.com", "--password-file", "-"],
        "battery staple",
    );
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    home.write(
        "user.json",
        r#"{"login": "bob", "email": "bob@example.com", "change_password_to": "in the file"}"#,
    );
    home.stdout(&["users", "insert", "--file", "user.json"]);
    let sent: Vec<String> = account
        .sim
        .requests()
        .iter()
        .filter_map(|request| Some(request.body()?.get("change_password_to")?.as_str()?.to_owned()))
        .collect();
    assert_eq!(sent, ["[redacted]"; 3], "the account records that a password was sent, but redacts it");
}

#[test]
fn untrusted_text_is_escaped_in_every_format() {
    let account = Account::new();
    account.sim.edit_user(7, |user| {
        user.full_name = Some("\u{1b}[2J=1+1\r\n\u{202e}evil\u{9b}0m".into());
        user.login = Some("=HYPERLINK(\"http://example.com\")".into());
        user.api_ip_address_masks = Some(vec!["192.0.2.1".into(), "=1+1".into(), "a;\"@SUM(1)".into()]);
    });
    let home = account.home();
    for arguments in [&["users", "list"][..], &["users", "get", "7"]] {
        for format in ["table", "csv", "json", "ndjson"] {
            let data = home.stdout(&[arguments, &["--format", format]].concat());
            let harmful = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
            assert!(!data.contains(harmful), "{format}: {data:?}");
        }
    }
    let csv = home.stdout(&["users", "get", "7", "--format", "csv"]);
    let record = csv::Reader::from_reader(csv.as_bytes()).records().next().unwrap().unwrap();
    assert_eq!(&record[1], "'=HYPERLINK(\"http://example.com\")");
    assert_eq!(&record[6], "192.0.2.1; '=1+1; a;\"'@SUM(1)", "where `;` separates cells");
    assert_eq!(home.json(&["users", "get", "7"])["full_name"], "\u{1b}[2J=1+1\r\n\u{202e}evil\u{9b}0m");
}

#[cfg(unix)]
#[test]
fn closed_stdout_while_writing_is_no_failure() {
    use std::io::Read as _;
    let sim = SimProcess::start(&[]);
    let home = sim.home();
    let mut child = home.command(&["users", "list", "--format", "json"]).spawn().unwrap();
    let mut first = [0; 2];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap();
    assert_eq!(&first, b"[\n");
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn closed_stdout_before_writing_is_no_failure() {
    // More data than fits into a buffer.
    let sim = SimProcess::start(&["--users", "300"]);
    let home = sim.home();
    for format in ["table", "json", "csv", "ndjson"] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = home.command(&["users", "list", "--format", format]);
        let output = command.stdout(writer).spawn().unwrap().wait_with_output().unwrap();
        assert_eq!(String::from_utf8(output.stderr).unwrap(), "", "{format}");
        assert_eq!(output.status.code(), Some(0), "{format}");
    }
}

#[test]
fn quiet_prints_errors_only() {
    let account = Account::new();
    let home = account.home();
    let ran = home.run(&["users", "delete", "7", "--quiet"]);
    assert_eq!((ran.code, ran.stdout.as_str(), ran.stderr.as_str()), (Some(0), "", ""));
    let ran = home.run(&["users", "delete", "7", "--quiet"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.stderr.starts_with("error: delete_user: "), "{}", ran.stderr);
}

#[test]
fn no_cache_is_accepted_before_and_after_command() {
    let sim = SimProcess::start(&["--users", "3"]);
    let home: Home = sim.home();
    assert_eq!(home.stdout(&["--no-cache", "users", "list"]), home.stdout(&["users", "list", "--no-cache"]));
}
