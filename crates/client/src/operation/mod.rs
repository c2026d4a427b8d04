//! The API's operations as plain data: the call that each one sends, and how it decodes the response. No I/O.

mod decode;
mod delete_group;
mod delete_user;
mod get_group;
mod get_groups;
mod get_user;
mod get_user_logins;
mod get_users;
mod insert_group;
mod insert_user;
mod page;
mod update_group;
mod update_user;

pub(crate) use delete_group::DeleteGroup;
pub(crate) use delete_user::DeleteUser;
pub(crate) use get_group::GetGroup;
pub(crate) use get_groups::GetGroups;
pub(crate) use get_user::GetUser;
pub(crate) use get_user_logins::GetUserLogins;
pub(crate) use get_users::GetUsers;
pub(crate) use insert_group::InsertGroup;
pub(crate) use insert_user::InsertUser;
pub(crate) use page::{ListOperation, Page};
pub(crate) use update_group::UpdateGroup;
pub(crate) use update_user::UpdateUser;

use bytes::Bytes;
use serde::Serialize;
use ultracart_transport::{ApiResponse, Call, Error, ErrorKind};

/// One of the API's operations.
pub(crate) trait Operation {
    /// The value that the operation returns.
    type Output;

    /// Returns the call to send.
    ///
    /// # Errors
    /// If the object to write is invalid.
    fn call(&self) -> Result<Call, Error>;

    /// Decodes a response whose status is a success.
    ///
    /// # Errors
    /// If the response cannot be decoded, or says that the call failed.
    fn decode(&self, response: &ApiResponse) -> Result<Self::Output, Error>;
}

/// Returns the body of a write: the object as JSON.
fn body(object: &impl Serialize) -> Result<Bytes, Error> {
    let json = serde_json::to_vec(object).map_err(|error| {
        Error::new(ErrorKind::InvalidRequest, "the object cannot be written as JSON").with_source(error)
    })?;
    Ok(json.into())
}

#[cfg(test)]
mod tests;
