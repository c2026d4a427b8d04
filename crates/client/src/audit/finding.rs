//! Findings: the results of a review's checks, with the users, groups and IP addresses concerned.

use std::collections::BTreeSet;

use serde::Serialize;
use ultracart_model::{Group, GroupOid, Text, User, UserId};

/// Severity of a finding. Sorts the most severe first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Severity {
    /// A single stolen password or key is enough to cause damage.
    High,
    /// Access may be unintended or no longer needed, or could not be checked.
    Medium,
    /// The finding is worth checking when there is time.
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

/// Kind of a finding. Each check has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FindingKind {
    /// Users without a second factor.
    NoSecondFactor,
    /// Users who may use the API from any IP address.
    ApiFromAnyAddress,
    /// Users who have not logged in for [`Review::dormant_after`](crate::audit::Review::dormant_after), or
    /// for 90 days if that is shorter.
    Dormant,
    /// Users with permissions that none of their groups grants.
    OutsideGroups,
    /// Users whose login history, or the time of a login in it, could not be read.
    HistoryUnreadable,
    /// IP addresses from which several users logged in.
    SharedIpAddress,
    /// Users whose configuration cascades to linked accounts.
    LinkedAccounts,
    /// Users who are not a member of any group.
    UserInNoGroup,
    /// Groups that have no members.
    GroupWithoutMembers,
}

impl FindingKind {
    /// Every kind, most severe first.
    pub const ALL: [Self; 9] = [
        Self::NoSecondFactor,
        Self::ApiFromAnyAddress,
        Self::OutsideGroups,
        Self::Dormant,
        Self::HistoryUnreadable,
        Self::LinkedAccounts,
        Self::SharedIpAddress,
        Self::UserInNoGroup,
        Self::GroupWithoutMembers,
    ];

    /// Returns whether findings of this kind are about groups. All others are about users, or about the IP
    /// addresses of users.
    pub fn is_about_groups(self) -> bool {
        match self {
            Self::GroupWithoutMembers => true,
            Self::NoSecondFactor
            | Self::ApiFromAnyAddress
            | Self::Dormant
            | Self::OutsideGroups
            | Self::HistoryUnreadable
            | Self::SharedIpAddress
            | Self::LinkedAccounts
            | Self::UserInNoGroup => false,
        }
    }

    /// Returns the name of the kind in `audit.json` and `users.csv`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoSecondFactor => "no_second_factor",
            Self::ApiFromAnyAddress => "api_from_any_address",
            Self::Dormant => "dormant",
            Self::OutsideGroups => "outside_groups",
            Self::HistoryUnreadable => "history_unreadable",
            Self::SharedIpAddress => "shared_ip_address",
            Self::LinkedAccounts => "linked_accounts",
            Self::UserInNoGroup => "user_in_no_group",
            Self::GroupWithoutMembers => "group_without_members",
        }
    }
}

/// Result of one check.
///
/// A check that found nothing has a finding without subjects, so that the auditor sees every check that was
/// made.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// Kind of the finding.
    pub kind: FindingKind,
    /// Severity of the finding.
    pub severity: Severity,
    /// Headline of the finding, in the words of the report.
    pub title: String,
    /// Reason why the finding matters.
    pub why: String,
    /// Recommended action.
    pub action: String,
    /// Reason why the check could not be made at all, or could not be made for some users. `None` if
    /// everything was checked.
    pub not_checked: Option<String>,
    /// The users, groups or IP addresses concerned. Users and groups are in the order of the account's lists;
    /// IP addresses with the most users come first.
    pub subjects: Vec<Subject>,
}

impl Finding {
    /// Returns the users concerned, as positions in [`Review::users`](crate::audit::Review::users). The users
    /// of a shared IP address are included.
    pub fn users(&self) -> BTreeSet<usize> {
        self.subjects.iter().flat_map(|subject| subject.who.users()).map(|user| user.position).collect()
    }
}

/// A user, group or IP address that a finding is about, with the details.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Subject {
    /// The user, group or IP address itself.
    #[serde(flatten)]
    pub who: Who,
    /// Details in words, for example `last login 2025-06-01`.
    pub detail: String,
    /// Names of the permissions or linked accounts concerned. Empty for findings about anything else.
    pub items: Vec<String>,
}

/// The user, group or IP address that a finding is about.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Who {
    /// A user.
    User(UserRef),
    /// A group.
    Group(GroupRef),
    /// An IP address with the users who logged in from it.
    IpAddress {
        /// The IP address in its canonical form.
        ip_address: String,
        /// The users who logged in from this IP address.
        users: Vec<UserRef>,
    },
}

impl Who {
    /// Returns the name to show: the label of the user or group, or the IP address.
    pub fn label(&self) -> String {
        match self {
            Self::User(user) => user.label(),
            Self::Group(group) => group.label(),
            Self::IpAddress { ip_address, .. } => ip_address.clone(),
        }
    }

    /// Returns the noun for `n` subjects of this type, for example `user` or `users`.
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

    /// Returns the user itself, or the users of an IP address. Returns an empty slice for a group.
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
    /// Position in [`Review::users`](crate::audit::Review::users).
    pub position: usize,
    /// UltraCart's identifier of the user.
    pub user_id: Option<UserId>,
    /// Login name of the user.
    pub login: Option<Text>,
    /// Full name of the user.
    pub full_name: Option<Text>,
}

impl UserRef {
    pub(crate) fn new(position: usize, user: &User) -> Self {
        Self { position, user_id: user.user_id, login: user.login.clone(), full_name: user.full_name.clone() }
    }

    /// Returns the name to show for the user: the login name, otherwise the identifier, and a fixed text if
    /// the user has neither.
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
    /// Position in [`Review::groups`](crate::audit::Review::groups).
    pub position: usize,
    /// UltraCart's identifier of the group.
    pub group_oid: Option<GroupOid>,
    /// Name of the group.
    pub name: Option<Text>,
}

impl GroupRef {
    pub(crate) fn new(position: usize, group: &Group) -> Self {
        Self { position, group_oid: group.group_oid, name: group.name.clone() }
    }

    /// Returns the name to show for the group: its name, otherwise the identifier, and a fixed text if the
    /// group has neither.
    pub fn label(&self) -> String {
        match (&self.name, self.group_oid) {
            (Some(name), _) if !name.trim().is_empty() => name.to_string(),
            (_, Some(oid)) => format!("group {oid}"),
            _ => "a group without a name".to_owned(),
        }
    }
}
