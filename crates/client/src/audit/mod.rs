//! The access review: who may do what in the account, what is odd about it, and what could not be found out.
//!
//! [`UserApi::audit`](crate::UserApi::audit) makes one of the account. The data and the findings are plain:
//! [`Review::new`] makes a review of facts from anywhere, without a call.

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
