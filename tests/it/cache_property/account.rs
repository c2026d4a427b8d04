//! An account whose users have versions.

use std::time::Duration;

use http::{Method, Request, Response, StatusCode};
use serde_json::{Value, json};
use ultracart_client::model::{User, UserId};

/// Number of users in the account.
pub(crate) const USERS: usize = 2;

/// The version of each user.
pub(crate) type Versions = [u64; USERS];

/// An account that counts the changes of each user. A user's `full_name` is its version.
#[derive(Debug)]
pub(crate) struct VersionedAccount {
    /// For each user, the times at which the versions were made, beginning with version 0.
    made_at: [Vec<Duration>; USERS],
    lists: ListFields,
}

/// The fields of the users in a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ListFields {
    /// All fields of a user that is read alone.
    All,
    /// All but `login_histories`.
    NoHistories,
}

/// What a request reads or writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    Load(Key),
    Update(usize),
}

/// What a load reads: one user or the list of users.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Key {
    User(usize),
    List,
}

/// A webhook event with a version of a user.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Event {
    pub(crate) user: usize,
    pub(crate) version: u64,
    pub(crate) author: Author,
}

/// The program that changed a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Author {
    ThisClient,
    Elsewhere,
}

impl Event {
    pub(crate) fn delivery(self) -> String {
        let user = object(self.user, self.version, ListFields::All);
        json!({"events": [{"user_update": user}]}).to_string()
    }
}

impl VersionedAccount {
    pub(crate) fn new(lists: ListFields) -> Self {
        Self { made_at: [(); USERS].map(|()| vec![Duration::ZERO]), lists }
    }

    /// Changes a user and returns the webhook event of the change.
    pub(crate) fn change(&mut self, user: usize, author: Author, now: Duration) -> Event {
        self.made_at[user].push(now);
        Event { user, version: self.versions()[user], author }
    }

    pub(crate) fn versions(&self) -> Versions {
        self.made_at.each_ref().map(|made_at| made_at.len() as u64 - 1)
    }

    /// Returns the time at which a version of a user was replaced, if it was.
    pub(crate) fn replaced_at(&self, user: usize, version: u64) -> Option<Duration> {
        self.made_at[user].get(usize::try_from(version).unwrap() + 1).copied()
    }

    /// Returns the response to a request that was processed when the users had these versions.
    pub(crate) fn response(&self, target: Target, versions: Versions) -> Response<String> {
        let body = match target {
            Target::Load(Key::User(user)) | Target::Update(user) => {
                json!({"success": true, "user": object(user, versions[user], ListFields::All)})
            }
            Target::Load(Key::List) => {
                let users: Vec<_> = (0..USERS).map(|user| object(user, versions[user], self.lists)).collect();
                json!({"success": true, "users": users})
            }
        };
        response(StatusCode::OK, &body)
    }
}

impl Target {
    pub(crate) fn of<B>(request: &Request<B>) -> Self {
        let last = request.uri().path().rsplit('/').next().unwrap();
        match last.parse::<usize>() {
            Err(_) => Self::Load(Key::List),
            Ok(id) if request.method() == Method::GET => Self::Load(Key::User(id - 1)),
            Ok(id) => Self::Update(id - 1),
        }
    }
}

pub(crate) fn id(user: usize) -> UserId {
    i32::try_from(user + 1).unwrap().into()
}

/// Returns a user's index in the account, and the version that it shows.
pub(crate) fn index_and_version(user: &User) -> (usize, u64) {
    let id = usize::try_from(user.user_id.unwrap().get()).unwrap();
    (id - 1, user.full_name.as_deref().unwrap().parse().unwrap())
}

/// Returns the JSON of a user.
fn object(user: usize, version: u64, fields: ListFields) -> Value {
    let mut object = json!({"user_id": user + 1, "full_name": version.to_string()});
    if fields == ListFields::All {
        object["login_histories"] = json!([{"ip_address": "192.0.2.7"}]);
    }
    object
}

pub(crate) fn failure(status: StatusCode) -> Response<String> {
    response(status, &json!({"error": {"user_message": "as the test says"}}))
}

fn response(status: StatusCode, body: &Value) -> Response<String> {
    Response::builder().status(status).body(body.to_string()).unwrap()
}
