//! `update_group`: a group as it shall be.

use ultracart_model::{Group, GroupOid, GroupResponse};
use ultracart_transport::{Answer, Call, Error};

use super::decode::{decode, required};
use super::{Operation, body};

/// `PUT /user/groups/{group_oid}`
pub(crate) struct UpdateGroup<'a>(pub(crate) GroupOid, pub(crate) &'a Group);

impl Operation for UpdateGroup<'_> {
    type Output = Group;

    fn call(&self) -> Result<Call, Error> {
        Ok(Call::update("update_group", format!("/user/groups/{}", self.0), body(self.1)?))
    }

    fn decode(&self, answer: &Answer) -> Result<Group, Error> {
        required(decode::<GroupResponse>(answer)?.group, "group")
    }
}
