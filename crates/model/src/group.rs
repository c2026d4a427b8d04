//! Groups of users.

use crate::{GroupOid, Notification, Permission, Text, UserId};

object! {
    /// A group: what its members may do and are told of.
    pub struct Group {
        /// Given by UltraCart.
        group_oid: GroupOid = "group_oid";
        /// The group's name.
        name: Text = "name";
        /// Every permission there is, each with whether this group grants it.
        permissions: Vec<Permission> = "permissions";
        /// Every notification there is, each with whether this group's members receive it.
        notifications: Vec<Notification> = "notifications";
        /// Every user of the account, each with whether they are a member.
        users: Vec<GroupUserMembership> = "users";
    }
}

object! {
    /// A user of the account, and whether they are in the group.
    pub struct GroupUserMembership {
        /// The user.
        user_id: UserId = "user_id";
        /// The name they log in with.
        login: Text = "login";
        /// E-mail address.
        email: Text = "email";
        /// The person's name. On the wire it is `fullName`, in camel case.
        full_name: Text = "fullName" | "full_name";
        /// Whether the user is a member.
        member: bool = "member";
    }
}
