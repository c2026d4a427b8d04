//! `get_user_logins`: reads a user's logins of the last 90 days.

use ultracart_model::{UserId, UserLogin, UserLoginsResponse};
use ultracart_transport::{ApiResponse, Call, Error};

use super::Operation;
use super::decode::{decode, required};

/// `GET /user/users/{user_id}/logins`
pub(crate) struct GetUserLogins(pub(crate) UserId);

impl Operation for GetUserLogins {
    type Output = Vec<UserLogin>;

    fn call(&self) -> Result<Call, Error> {
        Ok(Call::get("get_user_logins", format!("/user/users/{}/logins", self.0)).bad_request_is_not_found())
    }

    fn decode(&self, response: &ApiResponse) -> Result<Vec<UserLogin>, Error> {
        required(decode::<UserLoginsResponse>(response)?.logins, "logins")
    }
}
