//! The tables. They are whole without the script, which adds sorting and filtering.

pub(super) mod groups;
pub(super) mod logins;
pub(super) mod permissions;
pub(super) mod users;

use maud::{Markup, html};

use super::super::text::number;

/// A column: its title, and whether it is sorted as text or as numbers.
pub(super) struct Column(&'static str, Sort);

/// How a column is sorted. A number is in `data-v` of its cells.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    Text,
    Number,
    /// By their number, and set like text.
    Tags,
}

/// A browser may put off the layout of a longer table until somebody looks at it.
const LONG: usize = 1_000;

/// A section with a table.
pub(super) struct Table {
    pub(super) id: &'static str,
    pub(super) title: &'static str,
    pub(super) lead: Markup,
    /// What the rows are, as in `12 groups`.
    pub(super) rows_are: &'static str,
    pub(super) rows: usize,
    pub(super) columns: Vec<Column>,
    pub(super) body: Markup,
}

impl Table {
    /// The section.
    pub(super) fn section(self) -> Markup {
        let Self { id, title, lead, rows_are, rows, columns, body } = self;
        html! {
            section.listing.long[rows > LONG] id=(id) aria-labelledby={ (id) "-title" } {
                div.listing-head {
                    div {
                        h2 id={ (id) "-title" } { (title) }
                        p.lead { (lead) }
                    }
                    // Shown by the script: without it there is nothing to filter with.
                    div.filter hidden {
                        label for={ (id) "-filter" } { "Filter " (rows_are) }
                        input type="search" id={ (id) "-filter" } autocomplete="off" spellcheck="false"
                            aria-controls={ (id) "-table" };
                        output id={ (id) "-count" } for={ (id) "-filter" } aria-live="polite" {
                            (number(rows)) " " (rows_are)
                        }
                    }
                }
                div.scroll.rows tabindex="0" role="region" aria-labelledby={ (id) "-title" } {
                    table id={ (id) "-table" } data-rows=(rows_are) {
                        thead {
                            tr {
                                @for Column(title, sort) in columns {
                                    th scope="col" class=[(sort == Sort::Number).then_some("number")]
                                        data-sort=(if sort == Sort::Text { "text" } else { "number" }) { (title) }
                                }
                            }
                        }
                        tbody { (body) }
                    }
                    @if rows == 0 { p.nothing { "There are none." } }
                    // Shown by the script, where it leaves rows of a long table for later.
                    p.rest hidden {
                        output {}
                        button type="button" { "Show more" }
                        button type="button" { "Show all" }
                    }
                }
            }
        }
    }
}

/// A number in a table, sorted by its value.
pub(super) fn numeric(n: usize) -> Markup {
    html! { td.number data-v=(n) { @if n == 0 { span.none { "0" } } @else { (number(n)) } } }
}
