//! The start and the end of the page: header, missing parts, key figures, and the explanation of the report.

use std::collections::BTreeMap;

use maud::{Markup, html};
use ultracart_client::audit::{Finding, FindingKind};

use super::super::stats::{OFFICE_HOURS_END, OFFICE_HOURS_START};
use super::super::text::{count, moment, number, percent, untrusted};
use super::page::Page;
use super::svg;

/// Maximum number of missing parts that are listed for one reason.
const MAX_PARTS: usize = 30;

/// Renders the header: host, time, size of the account, cost in calls, and whether the review is complete.
pub(super) fn header(page: &Page<'_>) -> Markup {
    let review = page.review;
    let groups = review.groups.iter().filter(|group| group.listed).count();
    let groups = if groups == 0 && !review.groups.is_empty() { "unknown".to_owned() } else { number(groups) };
    html! {
        header.top {
            div.bar {
                div {
                    p.eyebrow { "UltraCart access review" }
                    h1 { (untrusted(&review.host)) }
                    p.taken {
                        "Reviewed on "
                        time datetime=(review.taken_at) { (moment(review.taken_at)) }
                    }
                }
                @if review.is_complete() {
                    p.state.complete { (svg::mark("clear")) "Complete" }
                } @else {
                    p.state.incomplete {
                        (svg::mark("high"))
                        a href="#missing" { "Incomplete: " (count(review.incomplete.len(), "part")) " missing" }
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

/// Renders the links to the sections.
pub(super) fn navigation() -> Markup {
    let sections = [
        ("#findings", "Findings"),
        ("#matrix", "Who may do what"),
        ("#timeline", "Logins over time"),
        ("#users", "Users"),
        ("#groups", "Groups"),
        ("#permissions", "Permissions"),
        ("#logins", "Logins"),
        ("#about", "About this report"),
    ];
    html! {
        nav aria-label="Sections" {
            ul { @for (anchor, title) in sections { li { a href=(anchor) { (title) } } } }
        }
    }
}

/// Renders the parts of the account that could not be read, if there are any, grouped by reason.
pub(super) fn missing(page: &Page<'_>) -> Markup {
    let mut reasons: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for incomplete in &page.review.incomplete {
        reasons.entry(&incomplete.why).or_default().push(&incomplete.what);
    }
    html! {
        @if !reasons.is_empty() {
            section.missing id="missing" aria-labelledby="missing-title" {
                h2 id="missing-title" { "Missing parts" }
                p {
                    "Some calls to UltraCart failed, so the parts listed here are missing. The rest of this report is based only on data that could be read. To read the missing parts, run the review again with "
                    code { "--resume" } "."
                }
                ul {
                    @for (why, parts) in reasons {
                        li {
                            @for (at, part) in parts.iter().take(MAX_PARTS).enumerate() {
                                @if at > 0 { ", " }
                                (untrusted(part))
                            }
                            @if parts.len() > MAX_PARTS { " and " (number(parts.len() - MAX_PARTS)) " more" }
                            span.why { (untrusted(why)) }
                        }
                    }
                }
            }
        }
    }
}

/// Renders the key figures: for each of the most important findings, the number of users that it is about.
pub(super) fn summary(page: &Page<'_>) -> Markup {
    let tiles = [
        (FindingKind::NoSecondFactor, "without a second factor"),
        (FindingKind::ApiFromAnyAddress, "with API access from any IP address"),
        (FindingKind::Dormant, "without a recent login"),
        (FindingKind::OutsideGroups, "with permissions outside groups"),
        (FindingKind::UserInNoGroup, "in no group"),
    ];
    let all = page.review.users.len();
    html! {
        section.summary aria-label="Key figures" {
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
    let unknown = users == 0 && finding.not_checked.is_some();
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
                    span.share { "not checked" }
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

/// Renders the notes and the explanation of how the review was made.
pub(super) fn about(page: &Page<'_>) -> Markup {
    let review = page.review;
    html! {
        section.about id="about" aria-labelledby="about-title" {
            h2 id="about-title" { "About this report" }
            @if !review.notes.is_empty() {
                h3 { "Notes" }
                ul { @for note in &review.notes { li { (super::super::text::short(note, 2_000)) } } }
            }
            h3 { "How to read this report" }
            dl {
                dt { "Membership" }
                dd { "UltraCart lists memberships in two places: for each user and for each group. A user counts as a member if either place lists the membership. If the two disagree, the notes say so." }
                dt { "Permissions" }
                dd {
                    "A user has the permissions that were granted to the user directly, and those that any of the user's groups grants. A permission is held "
                    em { "outside groups" } " if none of the user's groups grants it."
                }
                dt { "API access" }
                dd { "UltraCart publishes no list of permissions. A permission counts as API access if its name contains the word " code { "api" } "." }
                dt { "Logins" }
                dd {
                    "UltraCart keeps login histories for 90 days. Dates and hours are in the time zone in which UltraCart recorded the login. Office hours are "
                    (OFFICE_HOURS_START) ":00 to " (OFFICE_HOURS_END) ":00 from Monday to Friday."
                }
                dt { "Names and other texts" }
                dd {
                    "Names, addresses and browsers are shown as users entered them or as their devices reported them. Invisible characters are shown as "
                    code { "‹U+…›" } ", and long texts are cut."
                }
                dt { "Other files" }
                dd {
                    code { "audit.json" } " contains the complete review for programs. " code { "users.csv" } " and " code { "logins.csv" }
                    " are for spreadsheets. Like this page, they contain personal data."
                }
            }
            p.source { "Data source: " code { (untrusted(&review.base_url)) } }
        }
    }
}
