//! The effect of a change on objects of the other kind and on logins.

use ultracart_model::User;

/// The effect of a change on cached values other than the object and its list. A user contains a list of its
/// groups, and a group a list of its users.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Effect {
    /// Whether objects of the other kind change, too: those that contain data of the changed object.
    pub(crate) on_related: bool,
    /// Whether the user's logins change.
    pub(crate) on_logins: bool,
}

impl Effect {
    /// The effect of a write of a group. The write can change users, since each user contains a list of the
    /// user's groups and permissions.
    pub(crate) const OF_GROUP: Self = Self { on_related: true, on_logins: false };

    /// The effect of inserting or deleting a user, or of an event that may concern any field.
    pub(crate) const OF_WHOLE_USER: Self = Self { on_related: true, on_logins: true };

    /// Returns the effect of an update that sends the fields set in `sent`. All other fields of the user stay
    /// as they are.
    pub(crate) fn of_update(sent: &User) -> Self {
        let has_name = sent.login.is_some() || sent.email.is_some() || sent.full_name.is_some();
        Self { on_related: sent.groups.is_some() || has_name, on_logins: sent.login.is_some() }
    }

    /// Returns the effect of writing a changed user back.
    pub(crate) fn of_change(before: &User, after: &User) -> Self {
        let on_logins = before.login != after.login;
        let on_related = on_logins
            || before.groups != after.groups
            || before.email != after.email
            || before.full_name != after.full_name;
        Self { on_related, on_logins }
    }
}
