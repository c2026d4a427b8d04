//! The types of a review.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Serialize, Serializer};
use ultracart_model::{Group, Text, User, UserLogin};

use super::api_access::grants_api;
use super::days;
use super::finding::{Finding, FindingKind, GroupRef, UserRef};
use crate::ErrorKind;

/// The facts about an account that a review is made from.
#[derive(Clone, Debug)]
pub struct Facts {
    /// The time at which the users were read.
    pub taken_at: Timestamp,
    /// The address of the API.
    pub base_url: String,
    /// The time without a login after which a user is dormant.
    pub dormant_after: Duration,
    /// The calls spent, retries included.
    pub calls: u64,
    /// Every user, with their logins.
    pub users: Vec<(Arc<User>, History)>,
    /// Every group, or the reason why they could not be read.
    pub groups: Result<Vec<Arc<Group>>, String>,
    /// Remarks for the reader, for example about lists that disagree.
    pub notes: Vec<String>,
}

/// An access review.
///
/// Serialized it is the command's `audit.json`. It holds no password: UltraCart sends none, and [`User`] reads none.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Review {
    /// The version of this structure, `1`.
    pub schema_version: &'static str,
    /// The time at which the users were read.
    #[serde(serialize_with = "as_text")]
    pub taken_at: Timestamp,
    /// The address of the API, without anything that could be a credential.
    pub base_url: String,
    /// The server's name, with its port if it has one.
    pub host: String,
    /// The time without a login after which a user is dormant.
    #[serde(rename = "dormant_after_seconds", serialize_with = "as_seconds")]
    pub dormant_after: Duration,
    /// The calls spent, retries included.
    pub calls: u64,
    /// The missing parts and the reasons. Empty if the review is complete.
    pub incomplete: Vec<Incomplete>,
    /// The kind of the error after which the review stopped reading histories, if it did: a 401, a 410, or the last of
    /// several errors in a row. Not serialized; `incomplete` has it in words.
    #[serde(skip)]
    pub stopped_by: Option<ErrorKind>,
    /// Remarks for the reader, for example about lists that disagree.
    pub notes: Vec<String>,
    /// The result of every check, gravest first.
    pub findings: Vec<Finding>,
    /// Every group, including those known from users' memberships alone.
    pub groups: Vec<ReviewedGroup>,
    /// Every user.
    pub users: Vec<ReviewedUser>,
}

/// A part of the review that is missing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Incomplete {
    /// The missing part.
    pub what: String,
    /// The reason.
    pub why: String,
}

/// A user with groups, permissions and logins.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct ReviewedUser {
    /// The user as read from UltraCart, except that logins are in `history`.
    #[serde(serialize_with = "as_object")]
    pub user: Arc<User>,
    /// The groups that the user is a member of, as positions in [`Review::groups`].
    pub groups: Vec<usize>,
    /// The permissions, granted to the user or to a group of theirs.
    pub permissions: Vec<HeldPermission>,
    /// The logins.
    pub history: History,
}

/// A permission that a user has.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct HeldPermission {
    /// The permission's name.
    pub name: Text,
    /// The heading under which UltraCart shows the permission.
    pub permission_group: Option<Text>,
    /// The source of the permission.
    #[serde(flatten)]
    pub held: Held,
}

/// The source of a permission: groups or the user's own list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "held", rename_all = "snake_case")]
pub enum Held {
    /// Granted to groups that the user is in, and possibly to the user, too.
    ThroughGroup {
        /// Positions in [`Review::groups`].
        groups: Vec<usize>,
    },
    /// Granted to the user, and to none of the user's groups.
    Outside,
    /// Granted to the user; the grants of the user's groups are not known.
    Unknown,
}

/// A group with its members.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct ReviewedGroup {
    /// The group as read from UltraCart, or the fields that users' memberships have.
    #[serde(serialize_with = "as_object")]
    pub group: Arc<Group>,
    /// Whether the group is in the list of groups. If not, it is known from users' memberships alone.
    pub listed: bool,
    /// The members, as positions in [`Review::users`].
    pub members: Vec<usize>,
}

/// A user's logins of the last 90 days. UltraCart keeps no older ones.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum History {
    /// The logins were read.
    Read {
        /// The source of the logins.
        source: Source,
        /// The time at which they were read.
        #[serde(serialize_with = "as_text")]
        read_at: Timestamp,
        /// The logins, in UltraCart's order.
        #[serde(serialize_with = "as_list")]
        logins: Arc<[UserLogin]>,
    },
    /// The logins could not be read.
    Unreadable {
        /// The reason.
        reason: String,
    },
}

/// The source of a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The list of users, which costs no further call.
    List,
    /// A `getUserLogins` call.
    Call,
    /// The checkpoint of an earlier run.
    Checkpoint,
}

impl Review {
    /// Returns whether nothing is missing.
    pub fn is_complete(&self) -> bool {
        self.incomplete.is_empty()
    }

    /// Returns the finding of this kind.
    pub fn finding(&self, kind: FindingKind) -> Option<&Finding> {
        self.findings.iter().find(|finding| finding.kind == kind)
    }

    /// Returns a reference to the user at this position.
    pub fn user_ref(&self, position: usize) -> Option<UserRef> {
        self.users.get(position).map(|user| UserRef::new(position, &user.user))
    }

    /// Returns a reference to the group at this position.
    pub fn group_ref(&self, position: usize) -> Option<GroupRef> {
        self.groups.get(position).map(|group| GroupRef::new(position, &group.group))
    }
}

impl ReviewedUser {
    /// Returns the logins, if they could be read.
    pub fn logins(&self) -> Option<&[UserLogin]> {
        match &self.history {
            History::Read { logins, .. } => Some(logins),
            History::Unreadable { .. } => None,
        }
    }

    /// Returns the latest login with a readable time.
    pub fn last_login(&self) -> Option<&UserLogin> {
        days::latest(self.logins()?)
    }

    /// Returns the permissions that grant the use of the API: those with the word `api` in their name.
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
