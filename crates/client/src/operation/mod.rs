//! The operations as plain data: what each one sends, and what it makes of the answer. No I/O.

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
use ultracart_transport::{Answer, Call, Error, ErrorKind};

/// One of the eleven.
pub(crate) trait Operation {
    /// What it gives.
    type Output;

    /// What is sent.
    fn call(&self) -> Result<Call, Error>;

    /// What it makes of an answer whose status is a success.
    fn decode(&self, answer: &Answer) -> Result<Self::Output, Error>;
}

/// The body of a write.
fn body(object: &impl Serialize) -> Result<Bytes, Error> {
    let json = serde_json::to_vec(object).map_err(|error| {
        Error::new(ErrorKind::InvalidRequest, "it cannot be written as JSON").with_source(error)
    })?;
    Ok(json.into())
}

#[cfg(test)]
mod tests;
