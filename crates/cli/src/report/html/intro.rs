//! The beginning and the end of the page: what was reviewed, the numbers, what is missing, and how it was done.

use std::collections::BTreeMap;

use maud::{Markup, html};
use ultracart_client::audit::{Finding, FindingKind};

use super::super::stats::{CLOSES, OPENS};
use super::super::text::{count, moment, name, number, percent};
use super::page::Page;
use super::svg;

/// What is missing for the same reason is told in one line, and of those so many.
const TOLD: usize = 30;

/// Which account, when, at what cost, and whether it is all of it.
pub(super) fn header(page: &Page<'_>) -> Markup {
    let review = page.review;
    let groups = review.groups.iter().filter(|group| group.listed).count();
    let groups = if groups == 0 && !review.groups.is_empty() { "unread".to_owned() } else { number(groups) };
    html! {
        header.top {
            div.bar {
                div {
                    p.eyebrow { "UltraCart access review" }
                    h1 { (name(&review.host)) }
                    p.taken {
                        "Taken on "
                        time datetime=(review.taken_at) { (moment(review.taken_at)) }
                    }
                }
                @if review.is_complete() {
                    p.state.complete { (svg::mark("clear")) "Complete" }
                } @else {
                    p.state.incomplete {
                        (svg::mark("high"))
                        a href="#missing" { "Incomplete: " (count(review.incomplete.len(), "thing")) " missing" }
                    }
                }
            }
            dl.facts {
                div { dt { "Users" } dd { (number(review.users.len())) } }
                div { dt { "Groups" } dd { (groups) } }
                div { dt { "Permissions in use" } dd { (number(page.permissions.len())) } }
                div { dt { "Logins in 90 days" } dd { (number(page.stats.iter().map(|stats| stats.logins).sum())) } }
                div { dt { "API calls spent" } dd { (number(usize::try_from(review.calls).unwrap_or(usize::MAX))) } }
            }
        }
    }
}

/// Where everything is.
pub(super) fn navigation() -> Markup {
    let places = [
        ("#findings", "Findings"),
        ("#matrix", "Who may do what"),
        ("#timeline", "Logins over time"),
        ("#users", "Users"),
        ("#groups", "Groups"),
        ("#permissions", "Permissions"),
        ("#logins", "Logins"),
        ("#about", "About"),
    ];
    html! {
        nav aria-label="Sections" {
            ul { @for (place, title) in places { li { a href=(place) { (title) } } } }
        }
    }
}

/// What the review could not find out, where there is something.
pub(super) fn missing(page: &Page<'_>) -> Markup {
    let mut reasons: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for incomplete in &page.review.incomplete {
        reasons.entry(&incomplete.why).or_default().push(&incomplete.what);
    }
    html! {
        @if !reasons.is_empty() {
            section.missing id="missing" aria-labelledby="missing-title" {
                h2 id="missing-title" { "What is missing" }
                p {
                    "Some calls failed. Everything else is here, and nothing below is guessed; run the review again with "
                    code { "--resume" } " to fill the gaps."
                }
                ul {
                    @for (why, whats) in reasons {
                        li {
                            @for (at, what) in whats.iter().take(TOLD).enumerate() {
                                @if at > 0 { ", " }
                                (name(what))
                            }
                            @if whats.len() > TOLD { " and " (number(whats.len() - TOLD)) " more" }
                            span.why { (name(why)) }
                        }
                    }
                }
            }
        }
    }
}

/// The numbers that tell how the account stands.
pub(super) fn summary(page: &Page<'_>) -> Markup {
    let tiles = [
        (FindingKind::NoSecondFactor, "without a second factor"),
        (FindingKind::ApiWithoutMasks, "with API access from any address"),
        (FindingKind::Dormant, "dormant"),
        (FindingKind::OutsideGroups, "with permissions outside groups"),
        (FindingKind::UserInNoGroup, "in no group"),
    ];
    let all = page.review.users.len();
    html! {
        section.summary aria-label="In numbers" {
            ul {
                @for (kind, label) in tiles {
                    @if let Some(finding) = page.review.finding(kind) {
                        (tile(finding, finding.users().len(), all, label))
                    }
                }
            }
        }
    }
}

fn tile(finding: &Finding, users: usize, all: usize, label: &str) -> Markup {
    let unknown = users == 0 && finding.not_judged.is_some();
    let class = match users {
        0 if unknown => "low",
        0 => "clear",
        _ => finding.severity.as_str(),
    };
    html! {
        li.(class) {
            a href={ "#" (finding.kind.as_str()) } {
                @if unknown {
                    span.number { "?" }
                    span.share { "not judged" }
                } @else {
                    span.number { (number(users)) }
                    span.share { (percent(users, all)) " of users" }
                }
                (svg::meter(users, all, class))
                span.label { (label) }
            }
        }
    }
}

/// How it was done, for whoever has to rely on it.
pub(super) fn about(page: &Page<'_>) -> Markup {
    let review = page.review;
    html! {
        section.about id="about" aria-labelledby="about-title" {
            h2 id="about-title" { "About this review" }
            @if !review.notes.is_empty() {
                h3 { "Notes" }
                ul { @for note in &review.notes { li { (super::super::text::short(note, 2_000)) } } }
            }
            h3 { "How to read it" }
            dl {
                dt { "Membership" }
                dd { "A user is in a group if the user's list or the group's list says so. Where the two disagree, it is noted above." }
                dt { "Permissions" }
                dd {
                    "A user may do what is selected for them and what any of their groups grants. A permission is held "
                    em { "outside" } " the groups if none of the user's groups grants it."
                }
                dt { "API access" }
                dd { "A permission grants the use of the API if " code { "api" } " is a word of its name." }
                dt { "Logins" }
                dd {
                    "UltraCart keeps them for 90 days. Days and hours are those of the clock that wrote the time down. Office hours are "
                    (OPENS) ":00 to " (CLOSES) ":00 from Monday to Friday."
                }
                dt { "Strings" }
                dd {
                    "Names, addresses and browsers were chosen by the people behind them. Characters that cannot be seen are shown as "
                    code { "‹U+…›" } ", and long texts are cut."
                }
                dt { "The whole of it" }
                dd {
                    code { "audit.json" } " has everything for machines, " code { "users.csv" } " and " code { "logins.csv" }
                    " are for spreadsheets. They hold personal data, as this page does."
                }
            }
            p.source { "Read from " code { (name(&review.base_url)) } "." }
        }
    }
}
