//! `insert_group`: inserts a group.

use ultracart_model::{Group, GroupResponse};
use ultracart_transport::{ApiResponse, Call, Error};

use super::decode::{decode, required};
use super::{Operation, body};

/// `POST /user/groups`
pub(crate) struct InsertGroup<'a>(pub(crate) &'a Group);

impl Operation for InsertGroup<'_> {
    type Output = Group;

    fn call(&self) -> Result<Call, Error> {
        Ok(Call::insert("insert_group", "/user/groups", body(self.0)?))
    }

    fn decode(&self, response: &ApiResponse) -> Result<Group, Error> {
        required(decode::<GroupResponse>(response)?.group, "group")
    }
}
