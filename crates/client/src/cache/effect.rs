//! What a write or an event changes beside the object itself and its list.

use ultracart_model::User;

/// What a write or an event changes beside the object itself and its list. Users name the groups that they are in, and
/// groups name their users.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Effect {
    /// What objects of the other kind say about the object.
    pub(crate) on_related: bool,
    /// What the user's logins say about the user.
    pub(crate) on_logins: bool,
}

impl Effect {
    /// The effect of a write of a group: every user says whether it is a member, and has the group's permissions.
    pub(crate) const OF_GROUP: Self = Self { on_related: true, on_logins: false };

    /// The effect of inserting or deleting a user, or of an event that doesn't say what changed.
    pub(crate) const OF_WHOLE_USER: Self = Self { on_related: true, on_logins: true };

    /// Returns the effect of an update of a user: fields that are not sent stay as they are.
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
