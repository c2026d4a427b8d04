//! The operations: from a request and the account to an answer.

mod fields;
mod groups;
mod page;
mod token;
mod users;

use bytes::Bytes;
use http::{Request, StatusCode};
use jiff::Timestamp;

pub(crate) use self::token::{client_id, token};
use crate::record::has_type;
use crate::reply::{Problem, Reply};
use crate::route::Operation;
use crate::settings::{Settings, UnknownId};
use crate::sim::State;

/// What an operation has to know beside the account.
pub(crate) struct Context<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) wall: Timestamp,
    pub(crate) request: &'a Request<Bytes>,
}

/// Carries out an operation of the User API.
pub(crate) fn perform(
    operation: Operation,
    id: &str,
    state: &mut State,
    context: &Context<'_>,
) -> Result<Reply, Problem> {
    let account = &mut state.account;
    match operation {
        Operation::GetUsers => users::list(account, context),
        Operation::InsertUser => users::insert(state, context),
        Operation::GetUser => users::get(account, id_of("user_id", id)?.into(), context),
        Operation::UpdateUser => users::update(state, id_of("user_id", id)?.into(), context),
        Operation::DeleteUser => users::delete(state, id_of("user_id", id)?.into(), context),
        Operation::GetUserLogins => users::logins(account, id_of("user_id", id)?.into(), context),
        Operation::GetGroups => groups::list(account, context),
        Operation::InsertGroup => groups::insert(account, context),
        Operation::GetGroup => groups::get(account, id_of("group_oid", id)?.into(), context),
        Operation::UpdateGroup => groups::update(account, id_of("group_oid", id)?.into(), context),
        Operation::DeleteGroup => groups::delete(account, id_of("group_oid", id)?.into(), context),
        Operation::OauthAccessToken => Err(Problem::bad_request("This is no operation of the User API.")),
    }
}

impl Context<'_> {
    /// Nobody has this identifier.
    fn unknown(&self, what: &str, id: i32) -> Problem {
        let status = match self.settings.unknown_id {
            UnknownId::BadRequest => StatusCode::BAD_REQUEST,
            UnknownId::NotFound => StatusCode::NOT_FOUND,
        };
        Problem::new(status, format!("{what} {id} does not exist.")).about(id)
    }

    /// The body of a write.
    fn json(&self) -> Result<&[u8], Problem> {
        if has_type(self.request.headers(), "application/json") {
            Ok(self.request.body())
        } else {
            Err(Problem::bad_request("The Content-Type must be application/json; charset=UTF-8."))
        }
    }
}

/// The identifier in a path.
fn id_of(what: &str, text: &str) -> Result<i32, Problem> {
    text.parse().map_err(|_| Problem::bad_request(format!("{what} must be a whole number of 32 bits.")))
}

/// An answer with one object in it, which `write` writes.
fn object(name: &str, write: impl FnOnce(&mut Vec<u8>)) -> Reply {
    let mut json =
        format!(r#"{{"success":true,"metadata":{{"payload_name":"{name}"}},"{name}":"#).into_bytes();
    write(&mut json);
    json.push(b'}');
    Reply::json(StatusCode::OK, json)
}

fn deleted() -> Reply {
    Reply::empty(StatusCode::NO_CONTENT)
}
