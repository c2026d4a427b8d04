//! The section of findings, most severe first, with the checks that found nothing.

use maud::{Markup, html};
use ultracart_client::audit::{Finding, Subject, Who};

use super::super::text::{number, percent, untrusted};
use super::page::Page;
use super::svg;

/// Maximum number of subjects that the page lists for a finding. `audit.json` has them all.
const MAX_SUBJECTS: usize = 500;
/// Maximum number of items that the page lists for a subject.
const MAX_ITEMS: usize = 12;
/// A list of subjects is open at first if it has at most this many. A longer list opens with a click.
const MAX_OPEN: usize = 5;

/// Renders the section of findings.
pub(super) fn section(page: &Page<'_>) -> Markup {
    let (found, clear): (Vec<&Finding>, Vec<&Finding>) =
        page.review.findings.iter().partition(|finding| !finding.subjects.is_empty());
    html! {
        section id="findings" aria-labelledby="findings-title" {
            h2 id="findings-title" { "Findings" }
            p.lead {
                @if found.is_empty() { "None of the " (clear.len()) " checks found anything." }
                @else { (found.len()) " of " (found.len() + clear.len()) " checks found something. The most severe finding is first." }
            }
            @for finding in found { (card(page, finding)) }
            @if !clear.is_empty() {
                h3.quiet { "Checks that found nothing" }
                ul.clear {
                    @for finding in clear {
                        li id=(finding.kind.as_str()) {
                            @if let Some(why) = &finding.not_checked {
                                (svg::mark("low"))
                                span { (finding.title) }
                                span.not-checked { (untrusted(why)) }
                            } @else {
                                (svg::mark("clear"))
                                span { (finding.title) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn card(page: &Page<'_>, finding: &Finding) -> Markup {
    let class = finding.severity.as_str();
    let id = finding.kind.as_str();
    html! {
        article.card.(class) id=(id) aria-labelledby={ (id) "-title" } {
            header {
                p.severity { (svg::mark(class)) (class) }
                h3 id={ (id) "-title" } { (finding.title) }
                (extent(page, finding, class))
            }
            div.text {
                p { (finding.why) }
                p { strong { "What to do. " } (finding.action) }
            }
            @if let Some(why) = &finding.not_checked {
                p.not-checked { strong { "Not checked. " } (untrusted(why)) }
            }
            details open[finding.subjects.len() <= MAX_OPEN] {
                summary { "Show " (counted(&finding.subjects)) }
                ul.subjects {
                    @for subject in finding.subjects.iter().take(MAX_SUBJECTS) { (row(page, subject)) }
                }
                @if finding.subjects.len() > MAX_SUBJECTS {
                    p.more {
                        (number(finding.subjects.len() - MAX_SUBJECTS)) " more are in " code { "audit.json" } " and "
                        code { "users.csv" } " (column " code { "findings" } ")."
                    }
                }
            }
        }
    }
}

/// Renders the number and share of the account's users, or groups, that the finding concerns.
fn extent(page: &Page<'_>, finding: &Finding, class: &str) -> Markup {
    let (part, whole, what) = if finding.kind.is_about_groups() {
        (finding.subjects.len(), page.review.groups.len(), "groups")
    } else {
        (finding.users().len(), page.review.users.len(), "users")
    };
    html! {
        div.extent {
            p {
                span { strong { (number(part)) } " of " (number(whole)) " " (what) }
                span.share { (percent(part, whole)) }
            }
            (svg::meter(part, whole, class))
        }
    }
}

/// Formats the number of subjects, which are all of one type: `1 user` or `2 addresses`.
fn counted(subjects: &[Subject]) -> String {
    let noun = subjects.first().map_or("users", |subject| subject.who.noun(subjects.len()));
    format!("{} {noun}", number(subjects.len()))
}

/// Renders a subject of any type, including types that this page does not know.
fn row(page: &Page<'_>, subject: &Subject) -> Markup {
    let full_name = match &subject.who {
        Who::User(user) => user.full_name.as_deref(),
        _ => None,
    };
    let is_address = matches!(subject.who, Who::IpAddress { .. });
    html! {
        li {
            span.who.address[is_address] {
                (untrusted(&subject.who.label()))
                @if let Some(full_name) = full_name { span.aside { (untrusted(full_name)) } }
            }
            span.detail { (untrusted(&subject.detail)) }
            @if is_address { (chips(subject.who.users().iter().map(|user| page.user(user.position)))) }
            (chips(subject.items.iter()))
        }
    }
}

fn chips<T: AsRef<str>>(items: impl ExactSizeIterator<Item = T>) -> Markup {
    let all = items.len();
    html! {
        @if all > 0 {
            span.chips {
                @for item in items.take(MAX_ITEMS) { span.chip { (untrusted(item.as_ref())) } " " }
                @if all > MAX_ITEMS { span.more { "and " (number(all - MAX_ITEMS)) " more" } }
            }
        }
    }
}
