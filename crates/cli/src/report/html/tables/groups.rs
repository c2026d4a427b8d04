//! The table of groups.

use maud::{Markup, html};
use ultracart_client::audit::ReviewedGroup;

use super::super::super::text::{name, number};
use super::super::page::Page;
use super::{Column, Sort, Table, numeric};

/// Members of a group who are named.
const NAMED: usize = 15;

/// The section.
pub(in super::super) fn section(page: &Page<'_>) -> Markup {
    Table {
        id: "groups",
        title: "Groups",
        lead: html! { "What each group grants, and to whom." },
        rows_are: "groups",
        rows: page.review.groups.len(),
        columns: vec![
            Column("Group", Sort::Text),
            Column("Members", Sort::Number),
            Column("Permissions", Sort::Number),
            Column("Grants", Sort::Text),
            Column("Who is in it", Sort::Text),
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
                (name(&page.group(position)))
                @if !group.listed { span.aside { "only known from users" } }
            }
            (numeric(group.members.len()))
            @if group.group.permissions.is_some() { (numeric(granted.len())) }
            @else { td.number data-v="-1" { span.bad { "unread" } } }
            td.small {
                @for (at, permission) in granted.iter().enumerate() { @if at > 0 { ", " } (name(permission)) }
            }
            td.small {
                @for (at, &user) in group.members.iter().take(NAMED).enumerate() {
                    @if at > 0 { ", " }
                    (name(&page.user(user)))
                }
                @if group.members.len() > NAMED { " and " (number(group.members.len() - NAMED)) " more" }
                @if group.members.is_empty() { span.none { "Nobody" } }
            }
        }
    }
}
