//! The types that make up a review.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Serialize, Serializer};
use ultracart_model::{Group, Text, User, UserLogin};

use super::api_access::grants_api;
use super::days;
use super::finding::{Finding, FindingKind, GroupRef, UserRef};
use crate::ErrorKind;

/// The objects of an account, from which [`Review::new`] makes a review.
#[derive(Clone, Debug)]
pub struct Facts {
    /// Time at which the list of users was read.
    pub taken_at: Timestamp,
    /// Base URL of the API.
    pub base_url: String,
    /// Time without a login after which a user counts as dormant.
    pub dormant_after: Duration,
    /// Number of calls that it cost to read the account, retries included.
    pub calls: u64,
    /// Every user of the account, with the login history.
    pub users: Vec<(Arc<User>, History)>,
    /// Every group of the account, or the reason why the list of groups could not be read.
    pub groups: Result<Vec<Arc<Group>>, String>,
    /// Notes for the reader of the review, for example about a checkpoint that could not be written.
    pub notes: Vec<String>,
}

/// An access review of one account.
///
/// The command `ultracart audit` writes it as `audit.json`. A review contains personal data, but no
/// passwords: UltraCart sends none, and [`User`] never reads one from a response.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Review {
    /// Version of the JSON format, `1`.
    pub schema_version: &'static str,
    /// Time at which the list of users was read.
    #[serde(serialize_with = "as_text")]
    pub taken_at: Timestamp,
    /// Base URL of the API, without the parts that can contain a credential: user name, password, query and
    /// fragment.
    pub base_url: String,
    /// Host of the base URL, with the port if the URL has one.
    pub host: String,
    /// Time without a login after which a user counts as dormant.
    #[serde(rename = "dormant_after_seconds", serialize_with = "as_seconds")]
    pub dormant_after: Duration,
    /// Number of calls that the client spent during the review. Includes retries, and calls of other callers
    /// that use the same client.
    pub calls: u64,
    /// The parts that could not be read. Empty if the review is complete.
    pub incomplete: Vec<Incomplete>,
    /// Kind of the error after which no more login histories were requested. `None` if no error stopped the
    /// calls.
    ///
    /// The error is a 401, a 410, a failed token refresh, or the fifth failure in a row. The field is not
    /// serialized; `incomplete` contains the error's text.
    #[serde(skip)]
    pub stopped_by: Option<ErrorKind>,
    /// Notes for the reader, for example about a user and a group that disagree about a membership.
    pub notes: Vec<String>,
    /// One finding for each check, most severe first.
    pub findings: Vec<Finding>,
    /// Every group of the account. Includes groups that are missing from the list of groups but appear in a
    /// user.
    pub groups: Vec<ReviewedGroup>,
    /// Every user of the account.
    pub users: Vec<ReviewedUser>,
}

/// A part of the account that could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Incomplete {
    /// The missing part, for example `the list of groups`.
    pub what: String,
    /// The reason why it could not be read.
    pub why: String,
}

/// A user with their groups, permissions and login history.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct ReviewedUser {
    /// The user as UltraCart returned it, without `login_histories`: the logins are in `history`.
    #[serde(serialize_with = "as_object")]
    pub user: Arc<User>,
    /// The user's groups, as positions in [`Review::groups`].
    pub groups: Vec<usize>,
    /// The user's permissions: those granted to the user directly, and those of the user's groups.
    pub permissions: Vec<HeldPermission>,
    /// The user's login history.
    pub history: History,
}

/// A permission that a user has.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct HeldPermission {
    /// Name of the permission.
    pub name: Text,
    /// Heading under which UltraCart lists the permission.
    pub permission_group: Option<Text>,
    /// How the user got the permission.
    #[serde(flatten)]
    pub held: Held,
}

/// How a user got a permission: from a group or directly.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "held", rename_all = "snake_case")]
pub enum Held {
    /// At least one of the user's groups grants the permission. It may be granted to the user directly, too.
    ThroughGroup {
        /// The user's groups that grant the permission, as positions in [`Review::groups`].
        groups: Vec<usize>,
    },
    /// The permission is granted to the user directly, and none of the user's groups grants it.
    Outside,
    /// The permission is granted to the user directly. Whether a group grants it, too, is unknown, because
    /// the permissions of at least one of the user's groups could not be read.
    Unknown,
}

/// A group with its members.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct ReviewedGroup {
    /// The group as UltraCart returned it. If `listed` is false, it has only an identifier and a name.
    #[serde(serialize_with = "as_object")]
    pub group: Arc<Group>,
    /// Whether the list of groups contains this group. If false, only the memberships of users mention it.
    pub listed: bool,
    /// The group's members, as positions in [`Review::users`].
    pub members: Vec<usize>,
}

/// A user's login history: the logins of the last 90 days. UltraCart keeps no older ones.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum History {
    /// The login history was read.
    Read {
        /// Where the login history was read from.
        source: Source,
        /// Time at which it was read from UltraCart.
        #[serde(serialize_with = "as_text")]
        read_at: Timestamp,
        /// The logins, in UltraCart's order.
        #[serde(serialize_with = "as_list")]
        logins: Arc<[UserLogin]>,
    },
    /// The login history could not be read.
    Unreadable {
        /// The reason why it could not be read.
        reason: String,
    },
}

/// Where a login history was read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// Read from the list of users, without a further call.
    List,
    /// Read with a `getUserLogins` call for this user.
    Call,
    /// Read from the checkpoint of an earlier run.
    Checkpoint,
}

impl Review {
    /// Returns whether every part of the account could be read.
    pub fn is_complete(&self) -> bool {
        self.incomplete.is_empty()
    }

    /// Returns the finding of this kind, or `None` if the review has none.
    pub fn finding(&self, kind: FindingKind) -> Option<&Finding> {
        self.findings.iter().find(|finding| finding.kind == kind)
    }

    /// Returns a reference to the user at this position in [`users`](Self::users), or `None` past the end.
    pub fn user_ref(&self, position: usize) -> Option<UserRef> {
        self.users.get(position).map(|user| UserRef::new(position, &user.user))
    }

    /// Returns a reference to the group at this position in [`groups`](Self::groups), or `None` past the end.
    pub fn group_ref(&self, position: usize) -> Option<GroupRef> {
        self.groups.get(position).map(|group| GroupRef::new(position, &group.group))
    }
}

impl ReviewedUser {
    /// Returns the logins, or `None` if the login history could not be read.
    pub fn logins(&self) -> Option<&[UserLogin]> {
        match &self.history {
            History::Read { logins, .. } => Some(logins),
            History::Unreadable { .. } => None,
        }
    }

    /// Returns the latest of the logins whose time can be parsed.
    pub fn last_login(&self) -> Option<&UserLogin> {
        days::latest(self.logins()?)
    }

    /// Returns the permissions that allow the use of the API: those with the word `api` in their name.
    pub fn api_permissions(&self) -> impl Iterator<Item = &HeldPermission> {
        self.permissions.iter().filter(|permission| grants_api(&permission.name))
    }
}

fn as_text<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(at)
}

fn as_seconds<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(duration.as_secs())
}

fn as_object<T: Serialize, S: Serializer>(object: &Arc<T>, serializer: S) -> Result<S::Ok, S::Error> {
    T::serialize(object, serializer)
}

fn as_list<S: Serializer>(logins: &Arc<[UserLogin]>, serializer: S) -> Result<S::Ok, S::Error> {
    <[UserLogin]>::serialize(logins, serializer)
}
