//! The table of permissions.

use maud::{Markup, html};

use super::super::super::text::{name, name_or_dash, number};
use super::super::page::Page;
use super::{Column, Sort, Table, numeric};

/// Users who hold a permission outside any group and are named.
const NAMED: usize = 12;

/// The section.
pub(in super::super) fn section(page: &Page<'_>) -> Markup {
    Table {
        id: "permissions",
        title: "Permissions",
        lead: html! { "The picture above in words: how many hold each permission, and who holds it as an exception." },
        rows_are: "permissions",
        rows: page.permissions.len(),
        columns: vec![
            Column("Permission", Sort::Text),
            Column("Heading", Sort::Text),
            Column("Users", Sort::Number),
            Column("Through groups", Sort::Number),
            Column("Outside", Sort::Number),
            Column("Granted by", Sort::Text),
            Column("Held outside by", Sort::Text),
        ],
        body: html! {
            @for held in &page.permissions {
                tr {
                    th scope="row" { (name(held.name)) }
                    td { (name_or_dash(Some(held.heading))) }
                    (numeric(held.users()))
                    (numeric(held.through.len()))
                    td.number data-v=(held.outside.len()) {
                        @if held.outside.is_empty() { span.none { "0" } }
                        @else { span.exception { (number(held.outside.len())) } }
                    }
                    td.small { (page.groups(&held.groups)) }
                    td.small {
                        @for (at, &user) in held.outside.iter().take(NAMED).enumerate() {
                            @if at > 0 { ", " }
                            (name(&page.user(user)))
                        }
                        @if held.outside.len() > NAMED { " and " (number(held.outside.len() - NAMED)) " more" }
                    }
                }
            }
        },
    }
    .section()
}
