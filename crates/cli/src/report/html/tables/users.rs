//! The section with the table of users.

use maud::{Markup, html};
use ultracart_client::audit::{Finding, FindingKind, Held, ReviewedUser};

use super::super::super::stats::Stats;
use super::super::super::text::{number, short, untrusted, untrusted_or_dash};
use super::super::page::Page;
use super::{Column, Sort, Table, numeric};

/// Renders the section with the table of users.
pub(in super::super) fn section(page: &Page<'_>) -> Markup {
    let rows = page.review.users.iter().zip(page.stats).enumerate();
    Table {
        id: "users",
        title: "Users",
        lead: html! { "Every user of the account. " code { "users.csv" } " contains more columns, for a spreadsheet." },
        noun: "users",
        rows: page.review.users.len(),
        columns: vec![
            Column("User", Sort::Text),
            Column("E-mail", Sort::Text),
            Column("Groups", Sort::Text),
            Column("2nd factor", Sort::Text),
            Column("API", Sort::Text),
            Column("Permissions", Sort::Number),
            Column("Logins", Sort::Number),
            Column("Last login", Sort::Number),
            Column("Findings", Sort::Tags),
        ],
        body: html! { @for (position, (user, stats)) in rows { (row(page, position, user, stats)) } },
    }
    .section()
}

fn row(page: &Page<'_>, position: usize, reviewed: &ReviewedUser, stats: &Stats<'_>) -> Markup {
    let user = &reviewed.user;
    let outside = reviewed.permissions.iter().filter(|permission| permission.held == Held::Outside).count();
    html! {
        tr data-u=(position) {
            th scope="row" {
                (untrusted(&page.user(position)))
                @if let Some(full_name) = user.full_name.as_deref() { span.aside { (untrusted(full_name)) } }
            }
            td.mail { (mail(user.email.as_deref())) }
            td.groups { (page.groups(&reviewed.groups)) }
            td { @if user.has_second_factor() { "Yes" } @else { span.bad { "None" } } }
            td.api { (api(page, position, reviewed)) }
            td.number data-v=(reviewed.permissions.len()) {
                (number(reviewed.permissions.len()))
                @if outside > 0 { span.aside.exception { (number(outside)) " outside" } }
            }
            @if stats.is_history_read { (numeric(stats.logins)) } @else { td.number data-v="-1" { span.bad { "unknown" } } }
            (last_login(stats))
            (findings(page, position))
        }
    }
}

/// Renders an e-mail address. If it has to be wrapped, the line breaks after the `@`.
fn mail(address: Option<&str>) -> Markup {
    match address.map(|address| short(address, 150)).as_deref().and_then(|address| address.split_once('@')) {
        Some((mailbox, domain)) => html! { bdi { (mailbox) "@" wbr; (domain) } },
        None => untrusted_or_dash(address),
    }
}

fn api(page: &Page<'_>, position: usize, user: &ReviewedUser) -> Markup {
    html! {
        @if user.api_permissions().next().is_none() { span.none { "–" } }
        @else if page.findings_of[position].contains(&FindingKind::ApiFromAnyAddress) { span.bad { "Any address" } }
        @else { "Restricted" }
    }
}

/// Renders the cell with the date of the last login.
pub(super) fn last_login(stats: &Stats<'_>) -> Markup {
    html! {
        @match stats.last {
            Some((at, local)) => td.number data-v=(at.as_second()) { (local.date()) },
            None => td.number data-v="-99999999999" { span.none { "–" } },
        }
    }
}

fn findings(page: &Page<'_>, position: usize) -> Markup {
    let findings = page.findings_of[position].iter().filter_map(|&kind| page.review.finding(kind));
    let tags: Vec<(&Finding, &str)> = findings.filter_map(|finding| Some((finding, tag(finding)?))).collect();
    html! {
        td.tags data-v=(tags.len()) {
            @for (finding, tag) in tags { span.tag.(finding.severity.as_str()) { (tag) } " " }
        }
    }
}

/// Returns the text of a finding in a user's row: a short name, or the finding's title if the kind has no
/// short name.
///
/// Returns `None` for a shared IP address: the row does not show this finding, since all users in an office
/// share an address.
fn tag(finding: &Finding) -> Option<&str> {
    Some(match finding.kind {
        FindingKind::SharedIpAddress => return None,
        FindingKind::NoSecondFactor => "No 2nd factor",
        FindingKind::ApiFromAnyAddress => "API from anywhere",
        FindingKind::Dormant => "No recent login",
        FindingKind::OutsideGroups => "Outside groups",
        FindingKind::HistoryUnreadable => "Logins unknown",
        FindingKind::LinkedAccounts => "Linked accounts",
        FindingKind::UserInNoGroup => "No group",
        _ => &finding.title,
    })
}
