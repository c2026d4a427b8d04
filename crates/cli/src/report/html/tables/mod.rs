//! The tables. They are complete without the script, which adds sorting and filtering.

pub(super) mod groups;
pub(super) mod logins;
pub(super) mod permissions;
pub(super) mod users;

use maud::{Markup, html};

use super::super::text::number;

/// Title of a column, and how the script sorts it.
pub(super) struct Column(&'static str, Sort);

/// How the script sorts a column.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    /// Sorts by the text of the cells.
    Text,
    /// Sorts by the number in the `data-v` attribute of each cell. The column is aligned to the right.
    Number,
    /// Sorts by the number in the `data-v` attribute of each cell. The column is aligned to the left, like
    /// text.
    Tags,
}

/// A table with at most this many rows is laid out at once. A browser may postpone the layout of a longer
/// table until the table is scrolled into view.
const MAX_ROWS_LAID_OUT: usize = 1_000;

/// A section with a table.
pub(super) struct Table {
    pub(super) id: &'static str,
    pub(super) title: &'static str,
    pub(super) lead: Markup,
    /// Plural noun for the rows, as in `12 groups`.
    pub(super) noun: &'static str,
    pub(super) rows: usize,
    pub(super) columns: Vec<Column>,
    pub(super) body: Markup,
}

impl Table {
    /// Renders the section with its title, filter field and table.
    pub(super) fn section(self) -> Markup {
        let Self { id, title, lead, noun, rows, columns, body } = self;
        html! {
            section.listing.long[rows > MAX_ROWS_LAID_OUT] id=(id) aria-labelledby={ (id) "-title" } {
                div.listing-head {
                    div {
                        h2 id={ (id) "-title" } { (title) }
                        p.lead { (lead) }
                    }
                    // The script shows the field. Without the script it would do nothing.
                    div.filter hidden {
                        label for={ (id) "-filter" } { "Filter " (noun) }
                        input type="search" id={ (id) "-filter" } autocomplete="off" spellcheck="false"
                            aria-controls={ (id) "-table" };
                        output id={ (id) "-count" } for={ (id) "-filter" } aria-live="polite" {
                            (number(rows)) " " (noun)
                        }
                    }
                }
                div.scroll.rows tabindex="0" role="region" aria-labelledby={ (id) "-title" } {
                    table id={ (id) "-table" } data-rows=(noun) {
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
                    @if rows == 0 { p.nothing { "There are no " (noun) "." } }
                    // The script shows this paragraph when it hides rows of a long table.
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

/// Renders a cell with a number.
pub(super) fn numeric(n: usize) -> Markup {
    html! { td.number data-v=(n) { @if n == 0 { span.none { "0" } } @else { (number(n)) } } }
}
