//! A group as the account keeps it. Who is in it is kept with the users.

use ultracart_model::{Group, Notification, Permission};

use super::catalogue::Selection;

#[derive(Clone, Debug)]
pub(crate) struct GroupRow {
    /// Without the lists below.
    pub(crate) group: Group,
    pub(crate) permissions: Selection<Permission>,
    pub(crate) notifications: Selection<Notification>,
}

impl GroupRow {
    /// A group that grants nothing.
    pub(crate) fn new() -> Self {
        Self {
            group: Group::new(),
            permissions: Selection::Catalogue(0),
            notifications: Selection::Catalogue(0),
        }
    }

    /// The group just as the object says, but for its users.
    pub(crate) fn just_as(mut group: Group) -> Self {
        let permissions = group.permissions.take().map_or(Selection::Unset, Selection::Given);
        let notifications = group.notifications.take().map_or(Selection::Unset, Selection::Given);
        group.users = None;
        for name in ["permissions", "notifications", "users"] {
            group.extra.remove(name);
        }
        Self { group, permissions, notifications }
    }

    pub(crate) fn set_permissions(&mut self, sent: Option<Vec<Permission>>) {
        self.permissions = Selection::completed(sent.unwrap_or_default());
    }

    pub(crate) fn set_notifications(&mut self, sent: Option<Vec<Notification>>) {
        self.notifications = Selection::completed(sent.unwrap_or_default());
    }
}
