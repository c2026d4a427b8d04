//! Messages for input that a write command cannot use. No write is made.

use crate::account::Account;
use crate::support::{Home, RunOutput};

#[test]
fn wrong_input_says_what_to_do() {
    let home = Home::without_account();
    home.write("broken.json", "{\"login\": \"s3cret\"");
    home.write("list.json", "[]");
    home.write("other.json", "{\"user_id\": 8, \"group_oid\": 9}");
    home.write("empty", "\n");
    home.write("two", "s3cret\ns3cret\n");
    let ran = |arguments: &[&str]| home.run(arguments).failure(&home);
    let messages: Vec<String> = [
        &["users", "insert"][..],
        &["users", "update", "7"],
        &["groups", "insert"],
        &["groups", "update", "7"],
        &["users", "insert", "--file", "none.json"],
        &["users", "insert", "--file", "broken.json"],
        &["groups", "insert", "--file", "list.json"],
        &["users", "update", "7", "--file", "other.json"],
        &["groups", "update", "7", "--file", "other.json"],
        &["users", "update", "7", "--password-file", "none"],
        &["users", "update", "7", "--password-file", "empty"],
        &["users", "update", "7", "--password-file", "two"],
        &["users", "update", "7", "--file", "-", "--password-file", "-"],
    ]
    .map(ran)
    .into();
    insta::assert_snapshot!(messages.join("\n"), @r"
    2
    error: no field of the new user is given
      help: give --login and --email, or --file; `ultracart users insert --help` has examples

    2
    error: no change is given
      help: give a flag such as --phone, or --file; `ultracart users update --help` has examples

    2
    error: no field of the new group is given
      help: give --name, or --file; `ultracart groups insert --help` has examples

    2
    error: no change is given
      help: give a flag such as --name, or --file; `ultracart groups update --help` has examples

    2
    error: none.json cannot be read
      why: No such file or directory (os error 2)

    2
    error: broken.json holds no valid user in JSON
      why: EOF while parsing an object at line 1 column 18
      help: `ultracart users get ID --format json` shows the format

    2
    error: list.json holds no valid group in JSON
      why: invalid type: sequence, expected an object (Group) at line 1 column 0
      help: `ultracart groups get ID --format json` shows the format

    2
    error: the file holds user 8, not user 7
      help: use the ID 8, or correct `user_id` in the file

    2
    error: the file holds group 9, not group 7
      help: use the OID 9, or correct `group_oid` in the file

    2
    error: none cannot be read
      why: No such file or directory (os error 2)

    2
    error: empty holds no valid password
      why: empty is empty
      help: write the password on one line and nothing else

    2
    error: two holds no valid password
      why: two has a line break or a control character within the password
      help: write the password on one line and nothing else

    2
    error: the user and the password cannot both be read from stdin
    ");
    assert!(!messages.concat().contains("s3cret"));
}

#[test]
fn unknown_name_changes_nothing() {
    let account = Account::new();
    let home = account.home();
    let before = account.sim.user(7);
    let ran = |arguments: &[&str]| -> RunOutput { home.run(arguments) };
    let messages: Vec<String> = [
        &["users", "update", "7", "--phone", "1", "--group", "Marketting"][..],
        &["users", "update", "7", "--phone", "1", "--revoke", "order_view"],
        &["users", "update", "7", "--phone", "1", "--group", "99999"],
        &["users", "insert", "--login", "ada", "--group", "Marketting"],
    ]
    .map(|arguments| ran(arguments).failure(&home))
    .into();
    insta::assert_snapshot!(messages.join("\n"), @r"
    2
    error: there is no group `Marketting`
      why: nothing was changed
      help: did you mean `Marketing`?

    2
    error: there is no permission `order_view`
      why: nothing was changed
      help: did you mean `orders_view`?

    2
    error: there is no group `99999`
      why: nothing was changed
      help: the groups are `Administrators`, `Customer Service`, `Warehouse`, `Marketing`, `Finance`, `Developers`, `Merchandising`, `Purchasing`, `Wholesale`, `Affiliates`, `Reviews`, `Seasonal Staff`

    2
    error: there is no group `Marketting`
      why: nothing was changed
      help: did you mean `Marketing`?
    ");
    assert_eq!(account.sim.user(7), before);
    assert_eq!(account.sim.users().len(), 20);
}

#[test]
fn too_long_email_makes_no_call() {
    let account = Account::new();
    let home = account.home();
    let email = format!("{}@example.com", "a".repeat(150));
    let ran = home.run(&["users", "insert", "--login", "ada", "--email", &email]);
    insta::assert_snapshot!(ran.failure(&home), @r"
    2
    error: `email` has 162 characters; UltraCart accepts at most 150
    ");
    assert_eq!(account.sim.calls(), 0);
}
