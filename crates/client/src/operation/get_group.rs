//! `get_group`: reads one group. The server's response may be empty.

use ultracart_model::{Group, GroupOid, GroupResponse};
use ultracart_transport::{ApiResponse, Call, Error};

use super::Operation;
use super::decode::decode;

/// `GET /user/groups/{group_oid}`. According to UltraCart's documentation the response is empty, but the
/// server may return the group. The output is `None` if the response has no group.
pub(crate) struct GetGroup(pub(crate) GroupOid);

impl Operation for GetGroup {
    type Output = Option<Group>;

    fn call(&self) -> Result<Call, Error> {
        Ok(Call::get("get_group", format!("/user/groups/{}", self.0)).bad_request_is_not_found())
    }

    fn decode(&self, response: &ApiResponse) -> Result<Option<Group>, Error> {
        if response.body.trim_ascii().is_empty() {
            return Ok(None);
        }
        Ok(decode::<GroupResponse>(response)?.group)
    }
}
