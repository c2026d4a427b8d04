//! The findings, gravest first, and the checks that found nothing.

use maud::{Markup, html};
use ultracart_client::audit::{Finding, Subject, Who};

use super::super::text::{name, number, percent};
use super::page::Page;
use super::svg;

/// The page tells of so many users of one finding; `users.csv` has them all.
const TOLD: usize = 500;
/// And of so many items of one user.
const ITEMS: usize = 12;
/// So few are shown without asking.
const OPEN: usize = 5;

/// The section.
pub(super) fn section(page: &Page<'_>) -> Markup {
    let (found, clear): (Vec<&Finding>, Vec<&Finding>) =
        page.review.findings.iter().partition(|finding| !finding.subjects.is_empty());
    html! {
        section id="findings" aria-labelledby="findings-title" {
            h2 id="findings-title" { "Findings" }
            p.lead {
                @if found.is_empty() { "None of the " (clear.len()) " checks found anything." }
                @else { (found.len()) " of " (found.len() + clear.len()) " checks found something, gravest first." }
            }
            @for finding in found { (card(page, finding)) }
            @if !clear.is_empty() {
                h3.quiet { "Checked, and nothing found" }
                ul.clear {
                    @for finding in clear {
                        li id=(finding.kind.as_str()) {
                            @if let Some(why) = &finding.not_judged {
                                (svg::mark("low"))
                                span { (finding.title) }
                                span.not-judged { (name(why)) }
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
            @if let Some(why) = &finding.not_judged {
                p.not-judged { strong { "Not judged. " } (name(why)) }
            }
            details open[finding.subjects.len() <= OPEN] {
                summary { "Show " (counted(&finding.subjects)) }
                ul.subjects {
                    @for subject in finding.subjects.iter().take(TOLD) { (row(page, subject)) }
                }
                @if finding.subjects.len() > TOLD {
                    p.more {
                        (number(finding.subjects.len() - TOLD)) " more are in " code { "audit.json" } " and "
                        code { "users.csv" } " (column " code { "findings" } ")."
                    }
                }
            }
        }
    }
}

/// How much of the account the finding is about.
fn extent(page: &Page<'_>, finding: &Finding, class: &str) -> Markup {
    let (part, whole, what) = if finding.kind.counts_groups() {
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

/// `1 user`, `2 addresses`: the subjects of a finding, which are all of one type.
fn counted(subjects: &[Subject]) -> String {
    let noun = subjects.first().map_or("users", |subject| subject.who.noun(subjects.len()));
    format!("{} {noun}", number(subjects.len()))
}

/// A subject of any type, also of one that this page does nothing special for.
fn row(page: &Page<'_>, subject: &Subject) -> Markup {
    let full_name = match &subject.who {
        Who::User(user) => user.full_name.as_deref(),
        _ => None,
    };
    let is_address = matches!(subject.who, Who::IpAddress { .. });
    html! {
        li {
            span.who.address[is_address] {
                (name(&subject.who.label()))
                @if let Some(full_name) = full_name { span.aside { (name(full_name)) } }
            }
            span.detail { (name(&subject.detail)) }
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
                @for item in items.take(ITEMS) { span.chip { (name(item.as_ref())) } " " }
                @if all > ITEMS { span.more { "and " (number(all - ITEMS)) " more" } }
            }
        }
    }
}
