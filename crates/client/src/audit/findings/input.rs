//! The input of the checks, and helpers to build their subjects.

use crate::audit::finding::{GroupRef, Subject, UserRef, Who};
use crate::audit::review::{Review, ReviewedGroup, ReviewedUser};

/// Input of a check.
pub(super) struct CheckInput<'a> {
    /// The review, still without findings.
    pub(super) review: &'a Review,
    /// Reason why the list of groups could not be read, or `None` if it was read.
    pub(super) groups_error: Option<&'a str>,
}

impl CheckInput<'_> {
    pub(super) fn users(&self) -> impl Iterator<Item = (usize, &ReviewedUser)> {
        self.review.users.iter().enumerate()
    }

    pub(super) fn groups(&self) -> impl Iterator<Item = (usize, &ReviewedGroup)> {
        self.review.groups.iter().enumerate()
    }
}

pub(super) fn user_subject(
    position: usize,
    user: &ReviewedUser,
    detail: String,
    items: Vec<String>,
) -> Subject {
    Subject { who: Who::User(UserRef::new(position, &user.user)), detail, items }
}

pub(super) fn group_subject(position: usize, group: &ReviewedGroup, detail: String) -> Subject {
    Subject { who: Who::Group(GroupRef::new(position, &group.group)), detail, items: Vec::new() }
}

/// Returns a count with its noun, for example `1 login` or `2 logins`.
pub(super) fn count(n: usize, noun: &str) -> String {
    if n == 1 { format!("1 {noun}") } else { format!("{n} {noun}s") }
}
