//! The section with the table of logins, which has one row for each user.

use maud::{Markup, html};

use super::super::super::stats::Stats;
use super::super::super::text::{count, number, percent, short, untrusted};
use super::super::page::Page;
use super::users::last_login;
use super::{Column, Sort, Table, numeric};

/// Maximum number of IP addresses that are listed for a user.
const MAX_ADDRESSES: usize = 4;

/// Renders the section with the table of logins.
pub(in super::super) fn section(page: &Page<'_>) -> Markup {
    let all: usize = page.stats.iter().map(|stats| stats.logins).sum();
    Table {
        id: "logins",
        title: "Logins",
        lead: html! { "A summary of each user's logins. " code { "logins.csv" } " contains " (count(all, "login")) ", one in each row." },
        noun: "users",
        rows: page.stats.len(),
        columns: vec![
            Column("User", Sort::Text),
            Column("Logins", Sort::Number),
            Column("First", Sort::Number),
            Column("Last", Sort::Number),
            Column("Outside office hours", Sort::Number),
            Column("IP addresses", Sort::Number),
            Column("Most frequent addresses", Sort::Text),
            Column("Main browser", Sort::Text),
        ],
        body: html! { @for (position, stats) in page.stats.iter().enumerate() { (row(page, position, stats)) } },
    }
    .section()
}

fn row(page: &Page<'_>, position: usize, stats: &Stats<'_>) -> Markup {
    let mut addresses: Vec<(&str, usize)> =
        stats.addresses.iter().map(|(&address, &times)| (address, times)).collect();
    addresses.sort_by_key(|&(_, times)| std::cmp::Reverse(times));
    let agent = stats.agents.iter().max_by_key(|(_, times)| **times).map(|(agent, _)| *agent);
    html! {
        tr {
            th scope="row" { (untrusted(&page.user(position))) }
            @if stats.is_history_read { (numeric(stats.logins)) } @else { td.number data-v="-1" { span.bad { "unknown" } } }
            @match stats.first {
                Some((at, local)) => td.number data-v=(at.as_second()) { (local.date()) },
                None => td.number data-v="-99999999999" { span.none { "–" } },
            }
            (last_login(stats))
            td.number data-v=(stats.off_hours) {
                @if stats.off_hours == 0 { span.none { "0" } }
                @else { (number(stats.off_hours)) span.aside { (percent(stats.off_hours, stats.logins)) } }
            }
            (numeric(addresses.len()))
            td.small {
                @for (at, (address, times)) in addresses.iter().take(MAX_ADDRESSES).enumerate() {
                    @if at > 0 { ", " }
                    (untrusted(address)) " (" (number(*times)) ")"
                }
                @if addresses.len() > MAX_ADDRESSES { " and " (number(addresses.len() - MAX_ADDRESSES)) " more" }
            }
            td.small.agent { @if let Some(agent) = agent { (program(agent)) } }
        }
    }
}

/// Renders a user agent. A common browser is shown with its system, such as `Edge on Windows`. The text of
/// any other user agent is shown, cut to 60 characters.
fn program(agent: &str) -> Markup {
    // The order matters: the user agent of a browser also names browsers further down in this list.
    let browsers = [
        ("Edg/", "Edge"),
        ("OPR/", "Opera"),
        ("Firefox/", "Firefox"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
    ];
    let systems = [
        ("Windows", "Windows"),
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Mac OS X", "macOS"),
        ("Linux", "Linux"),
    ];
    let find = |known: &[(&str, &'static str)]| {
        known.iter().find(|(mark, _)| agent.contains(mark)).map(|(_, name)| *name)
    };
    match (find(&browsers), find(&systems)) {
        (Some(browser), Some(system)) if agent.starts_with("Mozilla/5.0 (") && agent.len() < 250 => {
            html! { (browser) " on " (system) }
        }
        _ => html! { bdi { (short(agent, 60)) } },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_browser_is_shortened_and_others_are_shown() {
        let edge = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36 Edg/126.0";
        assert_eq!(program(edge).into_string(), "Edge on Windows");
        assert_eq!(program("curl/8.5.0").into_string(), "<bdi>curl/8.5.0</bdi>");
        assert_eq!(program("<b>Firefox/ Linux").into_string(), "<bdi>&lt;b&gt;Firefox/ Linux</bdi>");
    }
}
