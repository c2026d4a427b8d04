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

/// What is known of an account, from which a review is made.
#[derive(Clone, Debug)]
pub struct Facts {
    /// When the account was asked.
    pub taken_at: Timestamp,
    /// Where it was asked.
    pub base_url: String,
    /// A user who has not logged in for so long is dormant.
    pub dormant_after: Duration,
    /// What it cost of the quota, in calls.
    pub calls: u64,
    /// Every user, with their logins.
    pub users: Vec<(Arc<User>, History)>,
    /// Every group, or why they could not be read.
    pub groups: Result<Vec<Arc<Group>>, String>,
    /// What a reader should know besides.
    pub notes: Vec<String>,
}

/// An access review.
///
/// Serialized, it is the `audit.json` of the command. No password is in it: UltraCart sends none, and
/// [`User`] reads none.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Review {
    /// The version of this structure, `1`.
    pub schema_version: &'static str,
    /// When the account was asked.
    #[serde(serialize_with = "as_text")]
    pub taken_at: Timestamp,
    /// Where it was asked; without anything that could be a credential.
    pub base_url: String,
    /// The server's name, with its port if it has one.
    pub host: String,
    /// A user who has not logged in for so long is dormant.
    #[serde(rename = "dormant_after_seconds", serialize_with = "as_seconds")]
    pub dormant_after: Duration,
    /// What it cost of the quota, in calls.
    pub calls: u64,
    /// What is missing, and why. Empty if the review is complete.
    pub incomplete: Vec<Incomplete>,
    /// After which kind of error no more histories were asked for, if that was so: a 401, a 410, or the last of several
    /// in a row. It is not serialized; `incomplete` says it in words.
    #[serde(skip)]
    pub stopped_by: Option<ErrorKind>,
    /// What a reader should know besides.
    pub notes: Vec<String>,
    /// The result of every check, gravest first.
    pub findings: Vec<Finding>,
    /// Every group, also those that only users' memberships tell of.
    pub groups: Vec<ReviewedGroup>,
    /// Every user.
    pub users: Vec<ReviewedUser>,
}

/// Something that the review could not find out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Incomplete {
    /// What is missing.
    pub what: String,
    /// Why.
    pub why: String,
}

/// A user, and what is made of them.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct ReviewedUser {
    /// As UltraCart has them. Logins that came with the list are in `history` instead.
    #[serde(serialize_with = "as_object")]
    pub user: Arc<User>,
    /// The groups they are a member of, as positions in [`Review::groups`].
    pub groups: Vec<usize>,
    /// What they may do.
    pub permissions: Vec<HeldPermission>,
    /// Their logins.
    pub history: History,
}

/// A permission that a user has.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct HeldPermission {
    /// The permission's name.
    pub name: Text,
    /// For visual grouping only.
    pub permission_group: Option<Text>,
    /// What grants it.
    #[serde(flatten)]
    pub held: Held,
}

/// What grants a permission.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "held", rename_all = "snake_case")]
pub enum Held {
    /// Groups that the user is in; there may be a grant to the user besides.
    ThroughGroup {
        /// Positions in [`Review::groups`].
        groups: Vec<usize>,
    },
    /// The user has it, and no group of theirs grants it.
    Outside,
    /// The user has it, and what their groups grant is not known.
    Unknown,
}

/// A group, and who is in it.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct ReviewedGroup {
    /// As UltraCart has it, or as much as users' memberships say.
    #[serde(serialize_with = "as_object")]
    pub group: Arc<Group>,
    /// Whether it came with the list of groups; else only users' memberships tell of it.
    pub listed: bool,
    /// Its members, as positions in [`Review::users`].
    pub members: Vec<usize>,
}

/// A user's logins of the last 90 days, which is as long as UltraCart keeps them.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum History {
    /// They are known.
    Read {
        /// How they came.
        source: Source,
        /// When they came.
        #[serde(serialize_with = "as_text")]
        read_at: Timestamp,
        /// The logins, in the order they came in.
        #[serde(serialize_with = "as_list")]
        logins: Arc<[UserLogin]>,
    },
    /// They are not known.
    Unreadable {
        /// Why.
        reason: String,
    },
}

/// How a history came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// With the list of users, at no cost.
    List,
    /// By a call of its own.
    Call,
    /// From the checkpoint of a run that was broken off.
    Checkpoint,
}

impl Review {
    /// Whether nothing is missing.
    pub fn is_complete(&self) -> bool {
        self.incomplete.is_empty()
    }

    /// The result of this check.
    pub fn finding(&self, kind: FindingKind) -> Option<&Finding> {
        self.findings.iter().find(|finding| finding.kind == kind)
    }

    /// The user at this position.
    pub fn user_ref(&self, position: usize) -> Option<UserRef> {
        self.users.get(position).map(|user| UserRef::new(position, &user.user))
    }

    /// The group at this position.
    pub fn group_ref(&self, position: usize) -> Option<GroupRef> {
        self.groups.get(position).map(|group| GroupRef::new(position, &group.group))
    }
}

impl ReviewedUser {
    /// The logins, if they are known.
    pub fn logins(&self) -> Option<&[UserLogin]> {
        match &self.history {
            History::Read { logins, .. } => Some(logins),
            History::Unreadable { .. } => None,
        }
    }

    /// The latest login whose time can be read.
    pub fn last_login(&self) -> Option<&UserLogin> {
        days::latest(self.logins()?)
    }

    /// The permissions that grant the use of the API: those with the word `api` in their name.
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
