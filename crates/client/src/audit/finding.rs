//! What a check found.

use std::collections::BTreeSet;

use serde::Serialize;
use ultracart_model::{Group, GroupOid, Text, User, UserId};

/// How much a finding matters, gravest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Severity {
    /// One stolen password is enough to do harm.
    High,
    /// Access that nobody may have meant to give.
    Medium,
    /// Worth a look.
    Low,
}

impl Severity {
    /// `high`, `medium` or `low`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::High => "high",
            Self::Medium => "medium",
            Self::Low => "low",
        }
    }
}

/// What was checked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FindingKind {
    /// Users without a second factor.
    NoSecondFactor,
    /// Users who may use the API from any address.
    ApiWithoutMasks,
    /// Users who have not logged in for long.
    Dormant,
    /// Permissions that none of the user's groups grants.
    OutsideGroups,
    /// Logins that could not be read.
    HistoryUnreadable,
    /// Addresses that several users log in from.
    SharedAddress,
    /// Users whose configuration cascades to other accounts.
    LinkedAccounts,
    /// Users who are in no group.
    UserInNoGroup,
    /// Groups that nobody is in.
    GroupWithoutMembers,
}

impl FindingKind {
    /// Every kind, gravest first.
    pub const ALL: [Self; 9] = [
        Self::NoSecondFactor,
        Self::ApiWithoutMasks,
        Self::OutsideGroups,
        Self::Dormant,
        Self::HistoryUnreadable,
        Self::LinkedAccounts,
        Self::SharedAddress,
        Self::UserInNoGroup,
        Self::GroupWithoutMembers,
    ];

    /// Whether a finding of this kind counts groups. All others count users.
    pub fn counts_groups(self) -> bool {
        match self {
            Self::GroupWithoutMembers => true,
            Self::NoSecondFactor
            | Self::ApiWithoutMasks
            | Self::Dormant
            | Self::OutsideGroups
            | Self::HistoryUnreadable
            | Self::SharedAddress
            | Self::LinkedAccounts
            | Self::UserInNoGroup => false,
        }
    }

    /// Its name in `audit.json` and `users.csv`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoSecondFactor => "no_second_factor",
            Self::ApiWithoutMasks => "api_without_masks",
            Self::Dormant => "dormant",
            Self::OutsideGroups => "outside_groups",
            Self::HistoryUnreadable => "history_unreadable",
            Self::SharedAddress => "shared_address",
            Self::LinkedAccounts => "linked_accounts",
            Self::UserInNoGroup => "user_in_no_group",
            Self::GroupWithoutMembers => "group_without_members",
        }
    }
}

/// The result of one check. A check that found nothing is here too, without subjects: an auditor wants to know what
/// was looked at.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// What was checked for.
    pub kind: FindingKind,
    /// How much it matters.
    pub severity: Severity,
    /// A headline.
    pub title: String,
    /// Why it matters.
    pub why: String,
    /// What to do about it.
    pub action: String,
    /// Why the check could not be made, or not for everyone.
    pub not_judged: Option<String>,
    /// Whom it is about, in the order of the account's lists.
    pub subjects: Vec<Subject>,
}

impl Finding {
    /// The users it is about, as positions in [`Review::users`](crate::audit::Review::users).
    pub fn users(&self) -> BTreeSet<usize> {
        self.subjects.iter().flat_map(|subject| subject.who.users()).map(|user| user.position).collect()
    }
}

/// One user, group or address that a finding is about.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Subject {
    /// Whom it is about.
    #[serde(flatten)]
    pub who: Who,
    /// In words, what was found.
    pub detail: String,
    /// What exactly: the names of permissions, the linked accounts, the address masks.
    pub items: Vec<String>,
}

/// Whom a finding is about.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Who {
    /// A user.
    User(UserRef),
    /// A group.
    Group(GroupRef),
    /// An address, and the users who log in from it.
    IpAddress {
        /// The address in its usual spelling.
        ip_address: String,
        /// Those who log in from it.
        users: Vec<UserRef>,
    },
}

impl Who {
    /// Returns the name to show for the subject: of a user or a group its label, else the address.
    pub fn label(&self) -> String {
        match self {
            Self::User(user) => user.label(),
            Self::Group(group) => group.label(),
            Self::IpAddress { ip_address, .. } => ip_address.clone(),
        }
    }

    /// Returns the noun for `n` subjects of this type: `user` or `users`, and so on.
    pub fn noun(&self, n: usize) -> &'static str {
        match (self, n) {
            (Self::User(_), 1) => "user",
            (Self::User(_), _) => "users",
            (Self::Group(_), 1) => "group",
            (Self::Group(_), _) => "groups",
            (Self::IpAddress { .. }, 1) => "address",
            (Self::IpAddress { .. }, _) => "addresses",
        }
    }

    /// Returns the users that the subject is or names.
    pub fn users(&self) -> &[UserRef] {
        match self {
            Self::User(user) => std::slice::from_ref(user),
            Self::IpAddress { users, .. } => users,
            Self::Group(_) => &[],
        }
    }
}

/// Which user.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct UserRef {
    /// The position in [`Review::users`](crate::audit::Review::users).
    pub position: usize,
    /// Given by UltraCart.
    pub user_id: Option<UserId>,
    /// The name to log in with.
    pub login: Option<Text>,
    /// The person's name.
    pub full_name: Option<Text>,
}

impl UserRef {
    pub(crate) fn new(position: usize, user: &User) -> Self {
        Self { position, user_id: user.user_id, login: user.login.clone(), full_name: user.full_name.clone() }
    }

    /// What to call the user: the login, else the identifier.
    pub fn label(&self) -> String {
        match (&self.login, self.user_id) {
            (Some(login), _) if !login.trim().is_empty() => login.to_string(),
            (_, Some(id)) => format!("user {id}"),
            _ => "a user without a login".to_owned(),
        }
    }
}

/// Which group.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct GroupRef {
    /// The position in [`Review::groups`](crate::audit::Review::groups).
    pub position: usize,
    /// Given by UltraCart.
    pub group_oid: Option<GroupOid>,
    /// The group's name.
    pub name: Option<Text>,
}

impl GroupRef {
    pub(crate) fn new(position: usize, group: &Group) -> Self {
        Self { position, group_oid: group.group_oid, name: group.name.clone() }
    }

    /// What to call the group: its name, else its identifier.
    pub fn label(&self) -> String {
        match (&self.name, self.group_oid) {
            (Some(name), _) if !name.trim().is_empty() => name.to_string(),
            (_, Some(oid)) => format!("group {oid}"),
            _ => "a group without a name".to_owned(),
        }
    }
}
