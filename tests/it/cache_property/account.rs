//! An account whose users have versions.

use std::time::Duration;

use http::{Method, Request, Response, StatusCode};
use serde_json::{Value, json};
use ultracart_client::model::{User, UserId};

/// Number of users in the account.
pub(crate) const USERS: usize = 2;

/// One version for each user.
pub(crate) type Versions = [u64; USERS];

/// An account that counts the changes of each user. A user's `full_name` is its version.
#[derive(Debug)]
pub(crate) struct VersionedAccount {
    /// When each version of each user was made.
    made_at: [Vec<Duration>; USERS],
    lists: ListFields,
}

/// What a list says of each user, compared with the user read alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ListFields {
    All,
    NoHistories,
}

/// What a request asks for.
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

/// A webhook's event: a user has this version.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Event {
    pub(crate) user: usize,
    pub(crate) version: u64,
    pub(crate) author: Author,
}

/// Who has changed a user.
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

    /// Changes a user, and returns the event that tells of it.
    pub(crate) fn change(&mut self, user: usize, author: Author, now: Duration) -> Event {
        self.made_at[user].push(now);
        Event { user, version: self.versions()[user], author }
    }

    pub(crate) fn versions(&self) -> Versions {
        self.made_at.each_ref().map(|made_at| made_at.len() as u64 - 1)
    }

    /// When a version of a user was replaced by the next one, if it was.
    pub(crate) fn replaced_at(&self, user: usize, version: u64) -> Option<Duration> {
        self.made_at[user].get(usize::try_from(version).unwrap() + 1).copied()
    }

    /// The response to a request that saw these versions.
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

/// Which user of the account this is, and the version that it shows.
pub(crate) fn shown(user: &User) -> (usize, u64) {
    let id = usize::try_from(user.user_id.unwrap().get()).unwrap();
    (id - 1, user.full_name.as_deref().unwrap().parse().unwrap())
}

/// A user on the wire.
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
