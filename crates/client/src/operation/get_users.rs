//! `get_users`: reads all users of the account.

use ultracart_model::{ResponseMetadata, User, UserId, UsersResponse};
use ultracart_transport::{ApiResponse, Call, Error};

use super::decode::{decode, required};
use super::{ListOperation, Operation, Page};

/// `GET /user/users`
pub(crate) struct GetUsers(Page);

impl ListOperation for GetUsers {
    type Item = User;

    fn page(page: Page) -> Self {
        Self(page)
    }

    fn id(user: &User) -> Option<i32> {
        user.user_id.map(UserId::get)
    }
}

impl Operation for GetUsers {
    type Output = (Vec<User>, Option<ResponseMetadata>);

    fn call(&self) -> Result<Call, Error> {
        Ok(Call::get("get_users", self.0.path("/user/users")))
    }

    fn decode(&self, response: &ApiResponse) -> Result<Self::Output, Error> {
        let response: UsersResponse = decode(response)?;
        Ok((required(response.users, "users")?, response.metadata))
    }
}
