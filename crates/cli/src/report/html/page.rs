//! What the sections of the page share.

use std::collections::HashMap;

use maud::{Markup, html};
use ultracart_client::audit::{FindingKind, Held, Review};

use super::super::stats::Stats;
use super::super::text::name;

/// A permission of the account, and who has it.
pub(super) struct PermissionUse<'a> {
    pub(super) name: &'a str,
    pub(super) heading: &'a str,
    /// Positions in [`Review::users`], ascending.
    pub(super) through: Vec<usize>,
    pub(super) outside: Vec<usize>,
    pub(super) unknown: Vec<usize>,
    /// Positions in [`Review::groups`], ascending.
    pub(super) groups: Vec<usize>,
}

impl PermissionUse<'_> {
    /// How many users have it.
    pub(super) fn users(&self) -> usize {
        self.through.len() + self.outside.len() + self.unknown.len()
    }
}

/// A review, with what the sections need of it.
pub(super) struct Page<'a> {
    pub(super) review: &'a Review,
    pub(super) stats: &'a [Stats<'a>],
    /// By heading, and under each the most held first.
    pub(super) permissions: Vec<PermissionUse<'a>>,
    /// The kinds of the findings that each user is in.
    pub(super) findings_of: Vec<Vec<FindingKind>>,
}

impl<'a> Page<'a> {
    pub(super) fn new(review: &'a Review, stats: &'a [Stats<'a>]) -> Self {
        let mut findings_of = vec![Vec::new(); review.users.len()];
        for finding in &review.findings {
            for user in finding.users() {
                findings_of[user].push(finding.kind);
            }
        }
        Self { review, stats, permissions: permissions(review), findings_of }
    }

    /// What to call a user.
    pub(super) fn user(&self, position: usize) -> String {
        self.review.user_ref(position).map_or_else(String::new, |user| user.label())
    }

    /// What to call a group.
    pub(super) fn group(&self, position: usize) -> String {
        self.review.group_ref(position).map_or_else(String::new, |group| group.label())
    }

    /// The names of groups, with commas.
    pub(super) fn groups(&self, positions: &[usize]) -> Markup {
        html! {
            @for (at, &group) in positions.iter().enumerate() {
                @if at > 0 { ", " }
                (name(&self.group(group)))
            }
            @if positions.is_empty() { span.none { "–" } }
        }
    }
}

/// Every permission that anyone has or any group grants, in the order of the account's own headings.
fn permissions<'a>(review: &'a Review) -> Vec<PermissionUse<'a>> {
    let mut uses: Vec<PermissionUse<'a>> = Vec::new();
    let mut headings: HashMap<&str, usize> = HashMap::new();
    let mut places: HashMap<&str, usize> = HashMap::new();
    let mut place = |uses: &mut Vec<_>, name: &'a str, heading: Option<&'a str>| {
        let heading = heading.unwrap_or_default();
        let next = headings.len();
        headings.entry(heading).or_insert(next);
        *places.entry(name).or_insert_with(|| {
            uses.push(PermissionUse {
                name,
                heading,
                through: Vec::new(),
                outside: Vec::new(),
                unknown: Vec::new(),
                groups: Vec::new(),
            });
            uses.len() - 1
        })
    };
    // Objects list every permission of the account, selected or not: that gives the order.
    for (position, group) in review.groups.iter().enumerate() {
        for permission in group.group.permissions.iter().flatten() {
            let Some(name) = permission.permission_name.as_deref() else { continue };
            let at = place(&mut uses, name, permission.permission_group.as_deref());
            let groups: &mut Vec<usize> = &mut uses[at].groups;
            if permission.selected == Some(true) && groups.last() != Some(&position) {
                groups.push(position);
            }
        }
    }
    for (position, user) in review.users.iter().enumerate() {
        for permission in &user.permissions {
            let at = place(&mut uses, &permission.name, permission.permission_group.as_deref());
            let held = &mut uses[at];
            match permission.held {
                Held::ThroughGroup { .. } => held.through.push(position),
                Held::Outside => held.outside.push(position),
                Held::Unknown => held.unknown.push(position),
            }
        }
    }
    uses.retain(|held| held.users() > 0 || !held.groups.is_empty());
    uses.sort_by_key(|held| (headings[held.heading], std::cmp::Reverse(held.users())));
    uses
}
