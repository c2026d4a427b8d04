//! A stored user.

use std::collections::BTreeSet;

use jiff::Timestamp;
use ultracart_model::{GroupOid, NewPassword, Notification, Permission, User, UserLogin};

use super::catalogue::Selection;
use super::seed::SeededHistory;

#[derive(Clone, Debug)]
pub(crate) struct UserRow {
    /// The user without its permissions, notifications, groups, login history and new passwords.
    pub(crate) user: User,
    pub(crate) permissions: Selection<Permission>,
    pub(crate) notifications: Selection<Notification>,
    /// The groups that the user is a member of.
    pub(crate) groups: BTreeSet<GroupOid>,
    pub(crate) history: History,
    pub(crate) password: Option<NewPassword>,
    pub(crate) ftp_password: Option<NewPassword>,
}

#[derive(Clone, Debug)]
pub(crate) enum History {
    /// The history is generated each time it is read.
    Seeded(SeededHistory),
    Given(Vec<UserLogin>),
}

impl History {
    pub(super) fn logins(&self, login: Option<&str>, started_at: Timestamp) -> Vec<UserLogin> {
        match self {
            Self::Seeded(history) => history.logins(login.unwrap_or_default(), started_at),
            Self::Given(logins) => logins.clone(),
        }
    }
}

impl UserRow {
    /// Creates a user without groups and logins, for whom no permission and no notification is selected.
    pub(crate) fn new() -> Self {
        Self {
            user: User::new(),
            permissions: Selection::Catalogue(0),
            notifications: Selection::Catalogue(0),
            groups: BTreeSet::new(),
            history: History::Given(Vec::new()),
            password: None,
            ftp_password: None,
        }
    }

    /// Creates a user as given. If the list of permissions or of notifications is missing, responses omit it,
    /// too. Memberships without a `group_oid` are dropped.
    pub(crate) fn from_object(mut user: User) -> Self {
        let mut row = Self::new();
        row.permissions = user.permissions.take().map_or(Selection::Unset, Selection::Given);
        row.notifications = user.notifications.take().map_or(Selection::Unset, Selection::Given);
        let memberships = user.groups.take().unwrap_or_default();
        row.groups = memberships
            .into_iter()
            .filter(|membership| membership.member == Some(true))
            .filter_map(|membership| membership.group_oid)
            .collect();
        row.history = History::Given(user.login_histories.take().unwrap_or_default());
        row.password = user.change_password_to.take();
        row.ftp_password = user.change_ftp_password_to.take();
        row.user = without_lists(user);
        row
    }

    pub(crate) fn set_permissions(&mut self, sent: Option<Vec<Permission>>) {
        self.permissions = Selection::completed(sent.unwrap_or_default());
    }

    pub(crate) fn set_notifications(&mut self, sent: Option<Vec<Notification>>) {
        self.notifications = Selection::completed(sent.unwrap_or_default());
    }
}

/// Removes the fields of `extra` that the row stores separately. Otherwise a response would contain them
/// twice, or would contain a new password.
fn without_lists(mut user: User) -> User {
    let owned = [
        "permissions",
        "notifications",
        "groups",
        "login_histories",
        "change_password_to",
        "change_ftp_password_to",
    ];
    for name in owned {
        if user.extra.get(name).is_some() {
            user.extra.remove(name);
        }
    }
    user
}
