//! `delete_user`: deletes a user.

use ultracart_model::{ErrorResponse, UserId};
use ultracart_transport::{ApiResponse, Call, Error};

use super::Operation;
use super::decode::decode;

/// `DELETE /user/users/{user_id}`
pub(crate) struct DeleteUser(pub(crate) UserId);

impl Operation for DeleteUser {
    type Output = ();

    fn call(&self) -> Result<Call, Error> {
        Ok(Call::delete("delete_user", format!("/user/users/{}", self.0)))
    }

    fn decode(&self, response: &ApiResponse) -> Result<(), Error> {
        if response.body.trim_ascii().is_empty() {
            return Ok(());
        }
        decode::<ErrorResponse>(response).map(drop)
    }
}
