//! Findings: the results of the checks, and their subjects.

use std::collections::BTreeSet;

use serde::Serialize;
use ultracart_model::{Group, GroupOid, Text, User, UserId};

/// The severity of a finding, gravest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Severity {
    /// One stolen password or key is enough to do harm.
    High,
    /// Access that was possibly given by mistake.
    Medium,
    /// Worth a look.
    Low,
}

impl Severity {
    /// Returns `high`, `medium` or `low`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::High => "high",
            Self::Medium => "medium",
            Self::Low => "low",
        }
    }
}

/// The kind of a finding: one for each check.
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
    /// IP addresses that several users log in from.
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

    /// Returns the name of the kind in `audit.json` and `users.csv`.
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

/// The result of one check. A check that found nothing has a finding too, without subjects: an auditor wants to know
/// what was checked.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// The kind of check.
    pub kind: FindingKind,
    /// The severity.
    pub severity: Severity,
    /// The headline.
    pub title: String,
    /// The reason why the finding matters.
    pub why: String,
    /// The recommended action.
    pub action: String,
    /// The reason why the check was not possible, or not for every user.
    pub not_judged: Option<String>,
    /// The users, groups or addresses found, in the order of the account's lists.
    pub subjects: Vec<Subject>,
}

impl Finding {
    /// Returns the users among the subjects, as positions in [`Review::users`](crate::audit::Review::users).
    pub fn users(&self) -> BTreeSet<usize> {
        self.subjects.iter().flat_map(|subject| subject.who.users()).map(|user| user.position).collect()
    }
}

/// A subject of a finding: one user, group or IP address.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Subject {
    /// The user, group or address itself.
    #[serde(flatten)]
    pub who: Who,
    /// The result for this subject, in words.
    pub detail: String,
    /// The permissions, linked accounts or address masks found.
    pub items: Vec<String>,
}

/// The user, group or IP address that a subject is.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Who {
    /// A user.
    User(UserRef),
    /// A group.
    Group(GroupRef),
    /// An IP address, and the users who log in from it.
    IpAddress {
        /// The address in its usual spelling.
        ip_address: String,
        /// The users who log in from it.
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

/// A reference to a user of the review.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct UserRef {
    /// The position in [`Review::users`](crate::audit::Review::users).
    pub position: usize,
    /// UltraCart's identifier.
    pub user_id: Option<UserId>,
    /// The login name.
    pub login: Option<Text>,
    /// The full name.
    pub full_name: Option<Text>,
}

impl UserRef {
    pub(crate) fn new(position: usize, user: &User) -> Self {
        Self { position, user_id: user.user_id, login: user.login.clone(), full_name: user.full_name.clone() }
    }

    /// Returns the name to show for the user: the login, else the identifier.
    pub fn label(&self) -> String {
        match (&self.login, self.user_id) {
            (Some(login), _) if !login.trim().is_empty() => login.to_string(),
            (_, Some(id)) => format!("user {id}"),
            _ => "a user without a login".to_owned(),
        }
    }
}

/// A reference to a group of the review.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct GroupRef {
    /// The position in [`Review::groups`](crate::audit::Review::groups).
    pub position: usize,
    /// UltraCart's identifier.
    pub group_oid: Option<GroupOid>,
    /// The group's name.
    pub name: Option<Text>,
}

impl GroupRef {
    pub(crate) fn new(position: usize, group: &Group) -> Self {
        Self { position, group_oid: group.group_oid, name: group.name.clone() }
    }

    /// Returns the name to show for the group: its name, else the identifier.
    pub fn label(&self) -> String {
        match (&self.name, self.group_oid) {
            (Some(name), _) if !name.trim().is_empty() => name.to_string(),
            (_, Some(oid)) => format!("group {oid}"),
            _ => "a group without a name".to_owned(),
        }
    }
}
