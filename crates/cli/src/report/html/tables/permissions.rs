//! The section with the table of permissions.

use maud::{Markup, html};

use super::super::super::text::{number, untrusted, untrusted_or_dash};
use super::super::page::Page;
use super::{Column, Sort, Table, numeric};

/// Maximum number of users that a row lists in the column `Held outside groups by`.
const MAX_NAMED: usize = 12;

/// Renders the section with the table of permissions.
pub(in super::super) fn section(page: &Page<'_>) -> Markup {
    Table {
        id: "permissions",
        title: "Permissions",
        lead: html! { "The number of users with each permission, and the users who hold it outside groups." },
        noun: "permissions",
        rows: page.permissions.len(),
        columns: vec![
            Column("Permission", Sort::Text),
            Column("Heading", Sort::Text),
            Column("Users", Sort::Number),
            Column("Through groups", Sort::Number),
            Column("Outside groups", Sort::Number),
            Column("Granted by groups", Sort::Text),
            Column("Held outside groups by", Sort::Text),
        ],
        body: html! {
            @for held in &page.permissions {
                tr {
                    th scope="row" { (untrusted(held.name)) }
                    td { (untrusted_or_dash(Some(held.heading))) }
                    (numeric(held.user_count()))
                    (numeric(held.through.len()))
                    td.number data-v=(held.outside.len()) {
                        @if held.outside.is_empty() { span.none { "0" } }
                        @else { span.exception { (number(held.outside.len())) } }
                    }
                    td.small { (page.groups(&held.groups)) }
                    td.small {
                        @for (at, &user) in held.outside.iter().take(MAX_NAMED).enumerate() {
                            @if at > 0 { ", " }
                            (untrusted(&page.user(user)))
                        }
                        @if held.outside.len() > MAX_NAMED { " and " (number(held.outside.len() - MAX_NAMED)) " more" }
                    }
                }
            }
        },
    }
    .section()
}
