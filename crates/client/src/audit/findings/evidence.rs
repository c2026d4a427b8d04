//! The input of the checks, and how they name a subject.

use crate::audit::finding::{GroupRef, Subject, UserRef, Who};
use crate::audit::review::{Review, ReviewedGroup, ReviewedUser};

/// The input of a check.
pub(super) struct Evidence<'a> {
    pub(super) review: &'a Review,
    /// The reason why the groups could not be read, if so.
    pub(super) groups_unread: Option<&'a str>,
}

impl Evidence<'_> {
    pub(super) fn users(&self) -> impl Iterator<Item = (usize, &ReviewedUser)> {
        self.review.users.iter().enumerate()
    }

    pub(super) fn groups(&self) -> impl Iterator<Item = (usize, &ReviewedGroup)> {
        self.review.groups.iter().enumerate()
    }
}

pub(super) fn about_user(
    position: usize,
    user: &ReviewedUser,
    detail: String,
    items: Vec<String>,
) -> Subject {
    Subject { who: Who::User(UserRef::new(position, &user.user)), detail, items }
}

pub(super) fn about_group(position: usize, group: &ReviewedGroup, detail: String) -> Subject {
    Subject { who: Who::Group(GroupRef::new(position, &group.group)), detail, items: Vec::new() }
}

/// Returns a number with its noun: `1 login`, `2 logins`.
pub(super) fn count(n: usize, one: &str) -> String {
    if n == 1 { format!("1 {one}") } else { format!("{n} {one}s") }
}
