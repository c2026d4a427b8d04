//! Access review: who may do what in the account, findings for an auditor, and what could not be read.
//!
//! [`UserApi::audit`](crate::UserApi::audit) reviews the account. [`Review::new`] reviews facts from any source, without a
//! call.

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
