//! `delete_group`: deletes a group.

use ultracart_model::{ErrorResponse, GroupOid};
use ultracart_transport::{ApiResponse, Call, Error};

use super::Operation;
use super::decode::decode;

/// `DELETE /user/groups/{group_oid}`
pub(crate) struct DeleteGroup(pub(crate) GroupOid);

impl Operation for DeleteGroup {
    type Output = ();

    fn call(&self) -> Result<Call, Error> {
        Ok(Call::delete("delete_group", format!("/user/groups/{}", self.0)))
    }

    fn decode(&self, response: &ApiResponse) -> Result<(), Error> {
        if response.body.trim_ascii().is_empty() {
            return Ok(());
        }
        decode::<ErrorResponse>(response).map(drop)
    }
}
