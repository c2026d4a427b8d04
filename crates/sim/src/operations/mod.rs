//! The operations. Each takes a request and the account, and returns a response.

mod context;
mod fields;
mod groups;
mod page;
mod token;
mod users;

pub(crate) use self::context::Context;
pub(crate) use self::token::{client_id, token};
use crate::response::{ApiError, BufferedResponse};
use crate::route::Operation;
use crate::state::State;

/// Executes an operation of the User API.
pub(crate) fn perform(
    operation: Operation,
    id: &str,
    state: &mut State,
    context: &Context<'_>,
) -> Result<BufferedResponse, ApiError> {
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
        Operation::OauthAccessToken => {
            Err(ApiError::bad_request("This is not an operation of the User API."))
        }
    }
}

/// Parses the identifier in a path.
fn id_of(what: &str, text: &str) -> Result<i32, ApiError> {
    text.parse().map_err(|_| ApiError::bad_request(format!("{what} must be a whole number of 32 bits.")))
}
