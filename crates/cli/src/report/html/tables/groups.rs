//! The section with the table of groups.

use maud::{Markup, html};
use ultracart_client::audit::ReviewedGroup;

use super::super::super::text::{number, untrusted};
use super::super::page::Page;
use super::{Column, Sort, Table, numeric};

/// Maximum number of members that the row of a group names.
const MAX_NAMED: usize = 15;

/// Renders the section with the table of groups.
pub(in super::super) fn section(page: &Page<'_>) -> Markup {
    Table {
        id: "groups",
        title: "Groups",
        lead: html! { "The permissions and the members of each group." },
        noun: "groups",
        rows: page.review.groups.len(),
        columns: vec![
            Column("Group", Sort::Text),
            Column("Members", Sort::Number),
            Column("Permissions", Sort::Number),
            Column("Permissions granted", Sort::Text),
            Column("Names of members", Sort::Text),
        ],
        body: html! { @for (position, group) in page.review.groups.iter().enumerate() { (row(page, position, group)) } },
    }
    .section()
}

fn row(page: &Page<'_>, position: usize, group: &ReviewedGroup) -> Markup {
    let granted: Vec<&str> = group
        .group
        .permissions
        .iter()
        .flatten()
        .filter(|permission| permission.selected == Some(true))
        .filter_map(|permission| permission.permission_name.as_deref())
        .collect();
    html! {
        tr {
            th scope="row" {
                (untrusted(&page.group(position)))
                @if !group.listed { span.aside { "not in the list of groups" } }
            }
            (numeric(group.members.len()))
            @if group.group.permissions.is_some() { (numeric(granted.len())) }
            @else { td.number data-v="-1" { span.bad { "unknown" } } }
            td.small {
                @for (at, permission) in granted.iter().enumerate() { @if at > 0 { ", " } (untrusted(permission)) }
            }
            td.small {
                @for (at, &user) in group.members.iter().take(MAX_NAMED).enumerate() {
                    @if at > 0 { ", " }
                    (untrusted(&page.user(user)))
                }
                @if group.members.len() > MAX_NAMED { " and " (number(group.members.len() - MAX_NAMED)) " more" }
                @if group.members.is_empty() { span.none { "None" } }
            }
        }
    }
}
