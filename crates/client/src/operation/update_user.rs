//! `update_user`: updates a user.

use ultracart_model::{User, UserId, UserResponse};
use ultracart_transport::{ApiResponse, Call, Error, ErrorKind};

use super::decode::{decode, required};
use super::{Operation, body};

/// `PUT /user/users/{user_id}`
pub(crate) struct UpdateUser<'a>(pub(crate) UserId, pub(crate) &'a User);

impl Operation for UpdateUser<'_> {
    type Output = User;

    fn call(&self) -> Result<Call, Error> {
        self.1.validate().map_err(|error| Error::new(ErrorKind::InvalidRequest, error.to_string()))?;
        Ok(Call::update("update_user", format!("/user/users/{}", self.0), body(self.1)?))
    }

    fn decode(&self, response: &ApiResponse) -> Result<User, Error> {
        required(decode::<UserResponse>(response)?.user, "user")
    }
}
