//! `insert_group`: a new group.

use ultracart_model::{Group, GroupResponse};
use ultracart_transport::{Answer, Call, Error};

use super::decode::{decode, required};
use super::{Operation, body};

/// `POST /user/groups`
pub(crate) struct InsertGroup<'a>(pub(crate) &'a Group);

impl Operation for InsertGroup<'_> {
    type Output = Group;

    fn call(&self) -> Result<Call, Error> {
        Ok(Call::insert("insert_group", "/user/groups", body(self.0)?))
    }

    fn decode(&self, answer: &Answer) -> Result<Group, Error> {
        required(decode::<GroupResponse>(answer)?.group, "group")
    }
}
