//! A stored group. Its memberships are stored with the users.

use ultracart_model::{Group, Notification, Permission};

use super::catalogue::Selection;

#[derive(Clone, Debug)]
pub(crate) struct GroupRow {
    /// The group without its permissions, notifications and users.
    pub(crate) group: Group,
    pub(crate) permissions: Selection<Permission>,
    pub(crate) notifications: Selection<Notification>,
}

impl GroupRow {
    /// Creates a group without a name, in which no permission and no notification is selected.
    pub(crate) fn new() -> Self {
        Self {
            group: Group::new(),
            permissions: Selection::Catalogue(0),
            notifications: Selection::Catalogue(0),
        }
    }

    /// Creates a group exactly as given, except that its `users` are dropped.
    pub(crate) fn from_object(mut group: Group) -> Self {
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
