//! The review, prepared for the sections of the page.

use std::collections::HashMap;

use maud::{Markup, html};
use ultracart_client::audit::{FindingKind, Held, Review};

use super::super::stats::Stats;
use super::super::text::untrusted;

/// A permission of the account, with the users who hold it and the groups that grant it.
pub(super) struct PermissionUse<'a> {
    pub(super) name: &'a str,
    /// Heading under which UltraCart lists the permission, or an empty string.
    pub(super) heading: &'a str,
    /// Users who hold the permission through a group, as ascending positions in [`Review::users`].
    pub(super) through: Vec<usize>,
    /// Users who hold the permission directly and through no group, as ascending positions in
    /// [`Review::users`].
    pub(super) outside: Vec<usize>,
    /// Users who hold the permission in an unknown way (through a group or outside groups), as ascending
    /// positions in [`Review::users`].
    pub(super) unknown: Vec<usize>,
    /// Groups that grant the permission, as ascending positions in [`Review::groups`].
    pub(super) groups: Vec<usize>,
}

impl PermissionUse<'_> {
    /// Returns the number of users who hold the permission.
    pub(super) fn user_count(&self) -> usize {
        self.through.len() + self.outside.len() + self.unknown.len()
    }
}

/// A review with the data that several sections need.
pub(super) struct Page<'a> {
    pub(super) review: &'a Review,
    pub(super) stats: &'a [Stats<'a>],
    /// Permissions in use, sorted by heading. The headings are in the account's order. Below each heading,
    /// the permission with the most users is first.
    pub(super) permissions: Vec<PermissionUse<'a>>,
    /// For each user, in the order of [`Review::users`], the kinds of the findings about this user.
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

    /// Returns the name to show for the user at this position.
    pub(super) fn user(&self, position: usize) -> String {
        self.review.user_ref(position).map_or_else(String::new, |user| user.label())
    }

    /// Returns the name to show for the group at this position.
    pub(super) fn group(&self, position: usize) -> String {
        self.review.group_ref(position).map_or_else(String::new, |group| group.label())
    }

    /// Renders the names of groups, separated by commas.
    pub(super) fn groups(&self, positions: &[usize]) -> Markup {
        html! {
            @for (at, &group) in positions.iter().enumerate() {
                @if at > 0 { ", " }
                (untrusted(&self.group(group)))
            }
            @if positions.is_empty() { span.none { "–" } }
        }
    }
}

/// Returns every permission that a user holds or a group grants, in the order of the account's headings.
fn permissions<'a>(review: &'a Review) -> Vec<PermissionUse<'a>> {
    let mut uses: Vec<PermissionUse<'a>> = Vec::new();
    let mut headings: HashMap<&str, usize> = HashMap::new();
    let mut positions: HashMap<&str, usize> = HashMap::new();
    let mut position_of = |uses: &mut Vec<_>, name: &'a str, heading: Option<&'a str>| {
        let heading = heading.unwrap_or_default();
        let next = headings.len();
        headings.entry(heading).or_insert(next);
        *positions.entry(name).or_insert_with(|| {
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
    // Each group lists every permission of the account, selected or not. That gives the order.
    for (position, group) in review.groups.iter().enumerate() {
        for permission in group.group.permissions.iter().flatten() {
            let Some(name) = permission.permission_name.as_deref() else { continue };
            let at = position_of(&mut uses, name, permission.permission_group.as_deref());
            let groups: &mut Vec<usize> = &mut uses[at].groups;
            if permission.selected == Some(true) && groups.last() != Some(&position) {
                groups.push(position);
            }
        }
    }
    for (position, user) in review.users.iter().enumerate() {
        for permission in &user.permissions {
            let at = position_of(&mut uses, &permission.name, permission.permission_group.as_deref());
            let held = &mut uses[at];
            match permission.held {
                Held::ThroughGroup { .. } => held.through.push(position),
                Held::Outside => held.outside.push(position),
                Held::Unknown => held.unknown.push(position),
            }
        }
    }
    uses.retain(|held| held.user_count() > 0 || !held.groups.is_empty());
    uses.sort_by_key(|held| (headings[held.heading], std::cmp::Reverse(held.user_count())));
    uses
}
