//! Objects that are decoded and encoded again stay the same, whatever fields UltraCart adds to them.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::collections::HashMap;

use proptest::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use ultracart_model::{
    ErrorResponse, ExpiresIn, Group, GroupsResponse, LinkedAccount, Notification, OauthTokenResponse,
    Permission, User, UserLogin, UserLoginsResponse, UsersResponse,
};

fn round_trip<T: Serialize + DeserializeOwned>(json: &str) -> String {
    let object: T = serde_json::from_str(json).unwrap_or_else(|error| panic!("{error} in {json}"));
    serde_json::to_string(&object).unwrap()
}

#[test]
fn unknown_fields_round_trip_byte_for_byte() {
    let json = concat!(
        r#"{"users":[{"user_id":7,"#,
        r#""permissions":[{"permission_Name":"a","selected":true,"since":1.50}],"#,
        r#""notifications":[{"name":"n","colour":{"deep":[1e2, 12345678901234567890123]}}],"#,
        r#""groups":[{"group_oid":3,"member":true,"rank":-0.0}],"#,
        r#""linked_accounts":[{"merchant_id":"M","x":null}],"#,
        r#""login_histories":[{"login_dts":"2021-05-18T12:10:19-04:00","geo":"\u00e9"}],"#,
        r#""new":{"a":[]}}],"success":true,"metadata":{"result_set":{"more":false,"y":1},"z":2},"w":3}"#,
    );
    assert_eq!(round_trip::<UsersResponse>(json), json);
    let group = r#"{"group_oid":1,"users":[{"user_id":7,"fullName":"Ada","member":true,"q":0}],"r":[0]}"#;
    assert_eq!(round_trip::<Group>(group), group);
    let error = r#"{"error":{"user_message":"no","e":1},"warning":{"warning_code":"w","f":2}}"#;
    assert_eq!(round_trip::<ErrorResponse>(error), error);
}

#[test]
fn alias_is_written_as_the_documented_name() {
    assert_eq!(round_trip::<Permission>(r#"{"permission_name":"a"}"#), r#"{"permission_Name":"a"}"#);
    let group = round_trip::<Group>(r#"{"users":[{"full_name":"Ada"}]}"#);
    assert_eq!(group, r#"{"users":[{"fullName":"Ada"}]}"#);
}

#[test]
fn null_or_alias_does_not_replace_a_value() {
    for json in [
        r#"{"permission_Name":"orders","permission_name":null,"selected":true}"#,
        r#"{"permission_name":null,"permission_Name":"orders","selected":true}"#,
        r#"{"permission_name":"orders","permission_Name":null,"selected":true}"#,
        r#"{"permission_Name":"orders","permission_name":"other","selected":true}"#,
        r#"{"permission_name":"other","permission_Name":"orders","selected":true}"#,
        r#"{"permission_name":"other","permission_name":"orders","selected":true,"selected":null}"#,
    ] {
        let expected = r#"{"permission_Name":"orders","selected":true}"#;
        assert_eq!(round_trip::<Permission>(json), expected, "{json}");
    }
    for user in [
        r#"{"fullName":"Ada","full_name":null}"#,
        r#"{"fullName":null,"full_name":"Ada"}"#,
        r#"{"full_name":"Ada L.","fullName":"Ada"}"#,
    ] {
        let group = round_trip::<Group>(&format!(r#"{{"users":[{user}]}}"#));
        assert_eq!(group, r#"{"users":[{"fullName":"Ada"}]}"#, "{user}");
    }
    assert_eq!(round_trip::<User>(r#"{"email":"a","email":null}"#), r#"{"email":"a"}"#);
}

#[test]
fn null_is_written_only_if_inserted_into_extra() {
    let mut user: User = serde_json::from_str(r#"{"user_id":7,"email":null,"groups":null}"#).unwrap();
    assert_eq!(user.email, None);
    assert_eq!(serde_json::to_string(&user).unwrap(), r#"{"user_id":7}"#);
    user.extra.insert("email", &()).unwrap();
    assert_eq!(serde_json::to_string(&user).unwrap(), r#"{"user_id":7,"email":null}"#);
    let user = user.email("a@example.com");
    assert_eq!(serde_json::to_string(&user).unwrap(), r#"{"user_id":7,"email":"a@example.com"}"#);
}

#[test]
fn known_field_of_the_wrong_type_is_an_error() {
    for json in
        [r#"{"email":5}"#, r#"{"user_id":"7"}"#, r#"{"permissions":{}}"#, r#"{"groups":[null]}"#, "[]"]
    {
        assert!(serde_json::from_str::<User>(json).is_err(), "{json}");
    }
}

#[test]
fn password_is_never_decoded() {
    let user: User =
        serde_json::from_str(r#"{"change_password_to":"x","change_ftp_password_to":"y"}"#).unwrap();
    assert_eq!(user, User::new());
}

#[test]
fn secret_is_serialized_and_hidden_by_debug() {
    let user = User::new().change_password_to("hunter2").change_ftp_password_to("hunter3");
    let json = serde_json::to_string(&user).unwrap();
    assert_eq!(json, r#"{"change_password_to":"hunter2","change_ftp_password_to":"hunter3"}"#);
    assert!(!format!("{user:?}").contains("hunter"), "{user:?}");
    let tokens: OauthTokenResponse =
        serde_json::from_str(r#"{"access_token":"hunter2","refresh_token":"hunter3","expires_in":"3600"}"#)
            .unwrap();
    assert!(!format!("{tokens:?}").contains("hunter"), "{tokens:?}");
    assert_eq!(tokens.expires_in.map(ExpiresIn::as_secs), Some(3600));
}

#[test]
fn validate_finds_long_email_and_equal_passwords() {
    let email = |chars: usize| User::new().email("é".repeat(chars));
    assert!(email(150).validate().is_ok());
    assert_eq!(
        email(151).validate().unwrap_err().to_string(),
        "`email` has 151 characters; UltraCart accepts at most 150"
    );
    let user = User::new().change_password_to("a").change_ftp_password_to("a");
    assert!(user.validate().is_err());
    assert!(user.change_ftp_password_to("b").validate().is_ok());
}

#[test]
fn deeply_nested_field_is_an_error_with_its_name() {
    let nested = |depth: usize| format!(r#"{{"x":{}{}}}"#, "[".repeat(depth), "]".repeat(depth));
    assert!(serde_json::from_str::<User>(&nested(128)).is_ok());
    let error = serde_json::from_str::<User>(&nested(129)).unwrap_err();
    assert!(error.to_string().contains("`x` is nested more than 128 levels deep"), "{error}");
    assert!(serde_json::from_str::<User>(&nested(1_000_000)).is_err());
}

#[test]
fn repeated_field_keeps_its_last_value() {
    assert_eq!(round_trip::<User>(r#"{"x":1,"y":2,"x":3}"#), r#"{"x":3,"y":2}"#);
    assert_eq!(round_trip::<User>(r#"{"email":"a","email":"b"}"#), r#"{"email":"b"}"#);
}

#[test]
fn repeated_field_is_found_among_few_and_many() {
    for names in [2, 47, 64, 65, 1_000] {
        for repeated in [0, names / 2, names - 1] {
            let fields = |from, to| (from..to).map(|n| format!(r#""name {n}":[{n}]"#));
            let json: Vec<_> = fields(0, names).chain([format!(r#""name {repeated}":0"#)]).collect();
            let last = fields(0, repeated).chain([format!(r#""name {repeated}":0"#)]);
            let last: Vec<_> = last.chain(fields(repeated + 1, names)).collect();
            let (json, last) = (format!("{{{}}}", json.join(",")), format!("{{{}}}", last.join(",")));
            assert_eq!(round_trip::<User>(&json), last);
        }
    }
}

#[test]
fn equal_texts_share_memory_within_one_response() {
    let json = r#"{"users":[
        {"login":"ada","permissions":[{"permission_Name":"orders_view"},{"permission_Name":"items_edit"}]},
        {"login":"bob","permissions":[{"permission_Name":"orders_view"},{"permission_Name":"orders_\u0076iew"}]}
    ]}"#;
    let names = |response: UsersResponse| -> Vec<_> {
        let permissions = response.users.unwrap().into_iter().filter_map(|user| user.permissions).flatten();
        permissions.filter_map(|permission| permission.permission_name).collect()
    };
    let decode = || names(serde_json::from_str(json).unwrap());
    let (first, second) = (decode(), decode());
    assert_eq!(first, ["orders_view", "items_edit", "orders_view", "orders_view"]);
    assert_eq!(first[0].as_ptr(), first[2].as_ptr());
    assert_eq!(first[0].as_ptr(), first[3].as_ptr());
    assert_ne!(first[0].as_ptr(), second[0].as_ptr());
}

#[test]
fn decoded_list_has_no_spare_capacity() {
    let json = r#"[{"groups":[{},{},{},{},{}]},{"groups":[{}]},{"groups":[]},{"groups":[{},{},{}]}]"#;
    let response: UsersResponse = serde_json::from_str(&format!(r#"{{"users":{json}}}"#)).unwrap();
    let users = response.users.unwrap();
    let capacities = users.iter().filter_map(|user| user.groups.as_ref()).map(Vec::capacity);
    assert_eq!(capacities.collect::<Vec<_>>(), [5, 1, 0, 3]);
    assert_eq!(users.capacity(), 4);
}

#[test]
fn extra_without_fields_is_one_pointer() {
    let user: User = serde_json::from_str(r#"{"user_id":7}"#).unwrap();
    assert!(user.extra.is_empty());
    assert_eq!(size_of_val(&user.extra), size_of::<usize>());
}

/// Any JSON value.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".*".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(".*", inner, 0..6).prop_map(Value::from_iter),
        ]
    })
}

const SOME_FIELDS: [&str; 7] = ["email", "user_id", "name", "selected", "success", "login", "fullName"];

/// Any JSON object. Some of its fields have the names of declared fields, with values of any type.
fn any_object() -> impl Strategy<Value = Map<String, Value>> {
    let name = prop_oneof![
        4 => ".*".boxed(),
        1 => prop::sample::select(&SOME_FIELDS[..])
            .prop_map(str::to_owned).boxed(),
    ];
    prop::collection::btree_map(name, any_json(), 0..8).prop_map(Map::from_iter)
}

/// Checks that `object` round-trips as a `T`. Only a `null` in a declared field may be lost.
fn check_round_trip<T: Serialize + DeserializeOwned + Default>(
    object: &Map<String, Value>,
) -> Result<(), TestCaseError> {
    let text = serde_json::to_string(object).unwrap();
    let Ok(decoded) = serde_json::from_str::<T>(&text) else {
        // A declared field must be of the wrong type. Without such fields the object has to round-trip.
        let rest = object.iter().filter(|(name, _)| !SOME_FIELDS.contains(&name.as_str()));
        let rest: Map<_, _> = rest.map(|(name, value)| (name.clone(), value.clone())).collect();
        prop_assert!(rest.len() < object.len(), "no declared field is wrong: {object:?}");
        return check_round_trip::<T>(&rest);
    };
    let encoded: HashMap<String, Box<RawValue>> =
        serde_json::from_str(&serde_json::to_string(&decoded).unwrap()).unwrap();
    for (name, value) in object {
        match encoded.get(name) {
            Some(kept) => prop_assert_eq!(kept.get(), value.to_string(), "{}", name),
            None => prop_assert!(value.is_null() && SOME_FIELDS.contains(&name.as_str()), "{name} is lost"),
        }
    }
    prop_assert!(encoded.keys().all(|name| object.contains_key(name)), "{encoded:?}");
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_object_round_trips(object in any_object()) {
        check_round_trip::<User>(&object)?;
        check_round_trip::<Group>(&object)?;
        check_round_trip::<Permission>(&object)?;
        check_round_trip::<Notification>(&object)?;
        check_round_trip::<LinkedAccount>(&object)?;
        check_round_trip::<UserLogin>(&object)?;
        check_round_trip::<GroupsResponse>(&object)?;
        check_round_trip::<UserLoginsResponse>(&object)?;
    }

    #[test]
    fn unknown_fields_of_nested_objects_round_trip(object in any_object()) {
        let unknown: Map<_, _> = object.into_iter().map(|(name, value)| (format!("x{name}"), value)).collect();
        let list = json!({"users": [{"permissions": [unknown.clone()], "unknown": unknown}]}).to_string();
        prop_assert_eq!(round_trip::<UsersResponse>(&list), list);
    }

    #[test]
    fn any_login_time_parses_without_panic(text in ".*") {
        let at = ultracart_model::LoginDts::from(text.as_str());
        prop_assert_eq!(at.as_str(), text.as_str());
        let _ = (at.timestamp(), at.offset());
    }
}
