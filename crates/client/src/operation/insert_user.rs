//! `insert_user`: inserts a user.

use ultracart_model::{User, UserResponse};
use ultracart_transport::{ApiResponse, Call, Error, ErrorKind};

use super::decode::{decode, required};
use super::{Operation, body};

/// `POST /user/users`
pub(crate) struct InsertUser<'a>(pub(crate) &'a User);

impl Operation for InsertUser<'_> {
    type Output = User;

    fn call(&self) -> Result<Call, Error> {
        self.0.validate().map_err(|error| Error::new(ErrorKind::InvalidRequest, error.to_string()))?;
        Ok(Call::insert("insert_user", "/user/users", body(self.0)?))
    }

    fn decode(&self, response: &ApiResponse) -> Result<User, Error> {
        required(decode::<UserResponse>(response)?.user, "user")
    }
}
