//! The `groups` command.

use serde_json::json;

use crate::account::Account;
use crate::support::SimProcess;

#[test]
fn list_and_get_work_in_every_format() {
    // UltraCart's documentation describes an empty body for a single group. Both responses have to work.
    for arguments in [&["--users", "20"][..], &["--users", "20", "--no-group-body"]] {
        let sim = SimProcess::start(arguments);
        let home = sim.home();
        let groups = home.json(&["groups", "list"]);
        assert_eq!(groups.as_array().unwrap().len(), 12);
        for (format, lines) in [("table", 13), ("csv", 13), ("ndjson", 12)] {
            assert_eq!(
                home.stdout(&["groups", "list", "--format", format]).lines().count(),
                lines,
                "{format}"
            );
        }
        let oid = groups[1]["group_oid"].to_string();
        assert_eq!(home.json(&["groups", "get", &oid]), groups[1]);
        let table = home.stdout(&["groups", "get", &oid]);
        assert!(table.starts_with("group_oid"), "{table}");
        assert!(table.contains(groups[1]["name"].as_str().unwrap()), "{table}");
        for (format, lines) in [("csv", 2), ("ndjson", 1)] {
            assert_eq!(
                home.stdout(&["groups", "get", &oid, "--format", format]).lines().count(),
                lines,
                "{format}"
            );
        }
    }
}

#[test]
fn flags_insert_update_and_delete_a_group() {
    let sim = SimProcess::start(&["--users", "20"]);
    let home = sim.home();
    let users = home.json(&["users", "list"]);
    let login = |index: usize| users[index]["login"].as_str().unwrap();
    let group = home.json(&["groups", "insert", "--name", "Support", "--member", login(6)]);
    let oid = group["group_oid"].to_string();
    let members = |group: &serde_json::Value| -> Vec<String> {
        let users = group["users"].as_array().unwrap();
        let members = users.iter().filter(|user| user["member"] == true);
        members.map(|user| user["login"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!((&group["name"], members(&group)), (&json!("Support"), vec![login(6).to_owned()]));

    let id = users[7]["user_id"].to_string();
    let changed = home.json(&[
        "groups",
        "update",
        &oid,
        "--name",
        "Helpdesk",
        "--member",
        &id,
        "--remove-member",
        login(6),
    ]);
    assert_eq!((&changed["name"], members(&changed)), (&json!("Helpdesk"), vec![login(7).to_owned()]));

    let mut whole = changed;
    whole["beta"] = json!([1.0]);
    let file = home.write("group.json", whole.to_string());
    let stored = home.json(&["groups", "update", &oid, "--file", file.to_str().unwrap()]);
    assert_eq!(stored["beta"], whole["beta"]);

    let ran = home.run(&["groups", "delete", &oid]);
    assert_eq!(
        (ran.code, ran.stdout.as_str(), ran.stderr),
        (Some(0), "", format!("group {oid} was deleted\n"))
    );
    assert_eq!(home.run(&["groups", "get", &oid]).code, Some(1));
}

#[test]
fn repeated_flags_all_apply() {
    let account = Account::new();
    let home = account.home();
    let users = account.sim.users();
    let ids = [6, 7].map(|index: usize| users[index].user_id.unwrap().to_string());
    let logins = [6, 7].map(|index: usize| users[index].login.as_deref().unwrap());
    // IDs need no list of users; logins do.
    for [first, second] in [ids.each_ref().map(String::as_str), logins] {
        let group = home.json(&[
            "groups",
            "insert",
            "--name",
            "Support",
            "--member",
            first,
            "--member",
            second,
            "--permission",
            "orders_view",
            "--permission",
            "items_view",
        ]);
        let on = |list: &str, name: &str, switch: &str| -> Vec<String> {
            let on = group[list].as_array().unwrap().iter().filter(|one| one[switch] == true);
            on.map(|one| one[name].as_str().unwrap().to_owned()).collect()
        };
        assert_eq!(on("users", "login", "member"), logins);
        assert_eq!(on("permissions", "permission_Name", "selected"), ["orders_view", "items_view"]);
    }
}
