//! The access review: who may do what in the account, what is odd about it, and what could not be found out.
//!
//! The data and the findings are plain: [`Review::new`] makes a review of facts from anywhere, without a call.

mod access;
mod days;
mod finding;
mod findings;
mod review;

pub use finding::{Finding, FindingKind, GroupRef, Severity, Subject, UserRef, Who};
pub use review::{
    Facts, Held, HeldPermission, History, Incomplete, Review, ReviewedGroup, ReviewedUser, Source,
};
