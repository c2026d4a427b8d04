//! Access review: the permissions of every user, with findings for an auditor and a list of missing parts.
//!
//! [`UserApi::audit`](crate::UserApi::audit) configures and runs a review of the account. [`Review::new`]
//! reviews an account from objects that the caller already has, without a call.

mod access;
mod analysis;
mod api_access;
mod checkpoint;
mod days;
mod finding;
mod findings;
mod histories;
mod job;
mod observer;
mod review;
mod started;

pub use finding::{Finding, FindingKind, GroupRef, Severity, Subject, UserRef, Who};
pub use job::Audit;
pub use observer::{Observer, Plan, Progress};
pub use review::{
    Facts, Held, HeldPermission, History, Incomplete, Review, ReviewedGroup, ReviewedUser, Source,
};
