//! Shared parts of the benchmarks: response bodies, clients, a server and timers.

pub mod callers;
pub mod clock;
pub mod peers;
pub mod server;
pub mod threads;

use serde_json::{Value, json};
use ultracart_model::{
    GroupOid, Notification, Permission, User, UserGroupMembership, UserId, UserLogin, UserResponse,
    UsersResponse,
};

/// Number of unknown fields in each user, for benchmarks with unknown fields. It is somewhat more than the 38
/// known fields that the types of a user and its nested objects have together.
pub const UNKNOWN_FIELDS: usize = 47;

/// Returns the response body of `get_users` with `count` users, each with `unknown` unknown fields. The
/// values of the unknown fields are strings, numbers, booleans, nulls and objects in turn.
///
/// # Errors
/// If serialization fails, which it does not.
pub fn users_body(count: i32, unknown: usize) -> serde_json::Result<Vec<u8>> {
    let mut body = serde_json::to_value(users(count))?;
    let users = body.get_mut("users").and_then(Value::as_array_mut);
    for user in users.into_iter().flatten().filter_map(Value::as_object_mut) {
        user.extend((0..unknown).map(|n| (format!("setting_{n}"), unknown_value(n))));
    }
    serde_json::to_vec(&body)
}

/// Returns the response body of `get_user`, about 2.4 KB.
///
/// # Errors
/// If serialization fails, which it does not.
pub fn user_body() -> serde_json::Result<Vec<u8>> {
    serde_json::to_vec(&UserResponse::new().success(true).user(user(1)))
}

fn unknown_value(n: usize) -> Value {
    match n % 5 {
        0 => json!(format!("value {n}")),
        1 => json!(n),
        2 => json!(n.is_multiple_of(2)),
        3 => Value::Null,
        _ => json!({"enabled": true, "limit": 10}),
    }
}

/// Returns a list of users as UltraCart sends it. Each user has 12 permissions, 5 notifications, 5 groups and
/// 2 logins, and takes about 2.4 KB of JSON.
pub fn users(count: i32) -> UsersResponse {
    UsersResponse::new().success(true).users((1..=count).map(user).collect::<Vec<_>>())
}

fn user(id: i32) -> User {
    let permission = |n: i32| {
        Permission::new()
            .permission_group("Orders")
            .permission_name(format!("permission_number_{n}"))
            .selected((id + n) % 3 == 0)
    };
    let notification = |n: i32| {
        Notification::new()
            .name(format!("Notification {n}"))
            .notification_group("Shipping")
            .selected((id + n) % 2 == 0)
            .can_include_order(true)
            .include_order(false)
    };
    let group = |n: i32| {
        UserGroupMembership::new()
            .group_oid(GroupOid::from(n))
            .name(format!("Group {n}"))
            .member((id + n) % 4 == 0)
    };
    let login = |n: i32| {
        UserLogin::new()
            .login(format!("user{id}"))
            .login_dts(format!("2026-11-{:02}T09:30:00-05:00", n + 1))
            .ip_address(format!("203.0.113.{}", id % 250))
            .user_agent("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0")
    };
    User::new()
        .user_id(UserId::from(id))
        .login(format!("user{id}"))
        .email(format!("user{id}@example.com"))
        .full_name(format!("User Number {id}"))
        .phone("555-0100")
        .permissions((0..12).map(permission).collect::<Vec<_>>())
        .notifications((0..5).map(notification).collect::<Vec<_>>())
        .groups((1..=5).map(group).collect::<Vec<_>>())
        .login_histories((0..2).map(login).collect::<Vec<_>>())
}
