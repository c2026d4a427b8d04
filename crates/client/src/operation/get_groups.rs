//! `get_groups`: reads all groups of the account.

use ultracart_model::{Group, GroupOid, GroupsResponse, ResponseMetadata};
use ultracart_transport::{ApiResponse, Call, Error};

use super::decode::{decode, required};
use super::{ListOperation, Operation, Page};

/// `GET /user/groups`
pub(crate) struct GetGroups(Page);

impl ListOperation for GetGroups {
    type Item = Group;

    fn page(page: Page) -> Self {
        Self(page)
    }

    fn id(group: &Group) -> Option<i32> {
        group.group_oid.map(GroupOid::get)
    }
}

impl Operation for GetGroups {
    type Output = (Vec<Group>, Option<ResponseMetadata>);

    fn call(&self) -> Result<Call, Error> {
        Ok(Call::get("get_groups", self.0.path("/user/groups")))
    }

    fn decode(&self, response: &ApiResponse) -> Result<Self::Output, Error> {
        let response: GroupsResponse = decode(response)?;
        Ok((required(response.groups, "groups")?, response.metadata))
    }
}
