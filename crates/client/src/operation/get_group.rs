//! `get_group`: one group, if the server gives it.

use ultracart_model::{Group, GroupOid, GroupResponse};
use ultracart_transport::{Answer, Call, Error};

use super::Operation;
use super::decode::decode;

/// `GET /user/groups/{group_oid}`, which is documented to return nothing, and may return the group.
pub(crate) struct GetGroup(pub(crate) GroupOid);

impl Operation for GetGroup {
    type Output = Option<Group>;

    fn call(&self) -> Result<Call, Error> {
        Ok(Call::get("get_group", format!("/user/groups/{}", self.0)).bad_request_is_not_found())
    }

    fn decode(&self, answer: &Answer) -> Result<Option<Group>, Error> {
        if answer.body.trim_ascii().is_empty() {
            return Ok(None);
        }
        Ok(decode::<GroupResponse>(answer)?.group)
    }
}
