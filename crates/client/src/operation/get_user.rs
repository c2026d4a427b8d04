//! `get_user`: reads one user.

use ultracart_model::{User, UserId, UserResponse};
use ultracart_transport::{ApiResponse, Call, Error};

use super::Operation;
use super::decode::{decode, required};

/// `GET /user/users/{user_id}`
pub(crate) struct GetUser(pub(crate) UserId);

impl Operation for GetUser {
    type Output = User;

    fn call(&self) -> Result<Call, Error> {
        Ok(Call::get("get_user", format!("/user/users/{}", self.0)).bad_request_is_not_found())
    }

    fn decode(&self, response: &ApiResponse) -> Result<User, Error> {
        required(decode::<UserResponse>(response)?.user, "user")
    }
}
