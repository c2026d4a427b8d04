//! Groups of users.

use crate::{GroupOid, Notification, Permission, Text, UserId};

object! {
    /// A group of users, which gives its members permissions and notifications.
    pub struct Group {
        /// Identifier, assigned by UltraCart.
        group_oid: GroupOid = "group_oid";
        /// Name of the group.
        name: Text = "name";
        /// All permissions, each with whether the group grants it.
        permissions: Vec<Permission> = "permissions";
        /// All notifications, each with whether the group's members receive it.
        notifications: Vec<Notification> = "notifications";
        /// All users of the account, each with whether the user is a member.
        users: Vec<GroupUserMembership> = "users";
    }
}

object! {
    /// A user of the account, and whether the user is a member of the group.
    pub struct GroupUserMembership {
        /// Identifier of the user.
        user_id: UserId = "user_id";
        /// Name with which the user logs in.
        login: Text = "login";
        /// E-mail address of the user.
        email: Text = "email";
        /// Full name of the user. On the wire the field is `fullName`, in camel case.
        full_name: Text = "fullName" | "full_name";
        /// Whether the user is a member.
        member: bool = "member";
    }
}
