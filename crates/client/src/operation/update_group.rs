//! `update_group`: updates a group.

use ultracart_model::{Group, GroupOid, GroupResponse};
use ultracart_transport::{ApiResponse, Call, Error};

use super::decode::{decode, required};
use super::{Operation, body};

/// `PUT /user/groups/{group_oid}`
pub(crate) struct UpdateGroup<'a>(pub(crate) GroupOid, pub(crate) &'a Group);

impl Operation for UpdateGroup<'_> {
    type Output = Group;

    fn call(&self) -> Result<Call, Error> {
        Ok(Call::update("update_group", format!("/user/groups/{}", self.0), body(self.1)?))
    }

    fn decode(&self, response: &ApiResponse) -> Result<Group, Error> {
        required(decode::<GroupResponse>(response)?.group, "group")
    }
}
