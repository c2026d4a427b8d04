//! Writes `users.csv` and `logins.csv` for spreadsheets.
//!
//! The format is RFC 4180 with every field in quotes, in UTF-8 with a byte order mark. Excel needs the mark
//! to recognize UTF-8. In Python such a file is read with the encoding `utf-8-sig`.
//!
//! Most cells contain untrusted text, and a spreadsheet runs a cell that starts like a formula. So a login
//! named `=HYPERLINK("http://…")` would attack the person who opens the file. [`csv_cell`] puts an apostrophe
//! before such a cell. In a cell with a list, each item is treated in the same way. [`csv_cell`] also shows
//! control characters as symbols, so that each row is one line. `audit.json` has the unchanged texts.

use std::borrow::Cow;
use std::io::{self, Write};

use csv::{QuoteStyle, Terminator, Writer, WriterBuilder};
use ultracart_client::audit::{Held, History, Review, Source};
use ultracart_model::{LoginDts, Text};

use super::stats::Stats;
use crate::text::csv_cell;

const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// Writes `users.csv`: one row for each user.
pub(super) fn users(review: &Review, stats: &[Stats<'_>], out: &mut dyn Write) -> io::Result<()> {
    let mut findings = vec![Vec::new(); review.users.len()];
    for finding in &review.findings {
        for user in finding.users() {
            findings[user].push(finding.kind.as_str());
        }
    }
    let mut out = writer(out)?;
    out.write_record([
        "user_id",
        "login",
        "full_name",
        "email",
        "phone",
        "second_factor",
        "api_permissions",
        "api_ip_address_masks",
        "groups",
        "permissions",
        "permissions_outside_groups",
        "linked_accounts",
        "history",
        "logins",
        "first_login",
        "last_login",
        "logins_off_hours",
        "ip_addresses",
        "findings",
    ])?;
    for (position, (reviewed, stats)) in review.users.iter().zip(stats).enumerate() {
        let user = &reviewed.user;
        let groups = reviewed.groups.iter().filter_map(|&group| review.group_ref(group));
        let outside = reviewed.permissions.iter().filter(|permission| permission.held == Held::Outside);
        let linked = user.linked_accounts.iter().flatten().filter(|account| account.selected == Some(true));
        let counted = |n: usize| if stats.is_history_read { n.to_string() } else { String::new() };
        let time =
            |at: Option<_>| at.map_or_else(String::new, |(at, _): (jiff::Timestamp, _)| at.to_string());
        row(
            &mut out,
            [
                user.user_id.map_or_else(String::new, |id| id.to_string()).into(),
                text(user.login.as_deref()),
                text(user.full_name.as_deref()),
                text(user.email.as_deref()),
                text(user.phone.as_deref()),
                Cell::Trusted(if user.has_second_factor() { "yes" } else { "no" }.into()),
                list(reviewed.api_permissions().map(|permission| permission.name.as_str())),
                list(user.api_ip_address_masks.iter().flatten().map(Text::as_str)),
                list(groups.map(|group| group.label())),
                list(reviewed.permissions.iter().map(|permission| permission.name.as_str())),
                list(outside.map(|permission| permission.name.as_str())),
                list(linked.filter_map(|account| account.merchant_id.as_deref())),
                history(&reviewed.history),
                counted(stats.logins).into(),
                time(stats.first).into(),
                time(stats.last).into(),
                counted(stats.off_hours).into(),
                list(stats.addresses.keys().copied()),
                Cell::Trusted(findings[position].join("; ").into()),
            ],
        )?;
    }
    out.flush()
}

/// Writes `logins.csv`: one row for each login.
pub(super) fn logins(review: &Review, out: &mut dyn Write) -> io::Result<()> {
    let mut out = writer(out)?;
    out.write_record([
        "user_id",
        "login",
        "login_dts",
        "time_utc",
        "ip_address",
        "user_agent",
        "logged_in_as",
    ])?;
    for reviewed in &review.users {
        let user = &reviewed.user;
        for login in reviewed.logins().unwrap_or_default() {
            let at = login.login_dts.as_ref().and_then(LoginDts::timestamp);
            row(
                &mut out,
                [
                    user.user_id.map_or_else(String::new, |id| id.to_string()).into(),
                    text(user.login.as_deref()),
                    text(login.login_dts.as_ref().map(LoginDts::as_str)),
                    at.map_or_else(String::new, |at| at.to_string()).into(),
                    text(login.ip_address.as_deref()),
                    text(login.user_agent.as_deref()),
                    text(login.login.as_deref()),
                ],
            )?;
        }
    }
    out.flush()
}

fn writer(out: &mut dyn Write) -> io::Result<Writer<&mut dyn Write>> {
    out.write_all(BYTE_ORDER_MARK)?;
    let mut builder = WriterBuilder::new();
    builder.quote_style(QuoteStyle::Always).terminator(Terminator::CRLF);
    Ok(builder.from_writer(out))
}

/// A cell of a row.
enum Cell<'a> {
    /// A number, a time or a fixed word, written unchanged.
    Trusted(Cow<'a, str>),
    /// Text that was chosen outside this program, written through [`csv_cell`].
    Untrusted(Cow<'a, str>),
}

impl From<String> for Cell<'_> {
    fn from(trusted: String) -> Self {
        Self::Trusted(trusted.into())
    }
}

fn row<const N: usize>(out: &mut Writer<&mut dyn Write>, cells: [Cell<'_>; N]) -> io::Result<()> {
    for cell in cells {
        match cell {
            Cell::Trusted(text) => out.write_field(text.as_bytes())?,
            Cell::Untrusted(text) => out.write_field(csv_cell(&text).as_bytes())?,
        }
    }
    out.write_record(None::<&[u8]>)?;
    Ok(())
}

fn text(text: Option<&str>) -> Cell<'_> {
    Cell::Untrusted(text.unwrap_or_default().into())
}

fn list<'a>(items: impl Iterator<Item = impl AsRef<str>>) -> Cell<'a> {
    let mut joined = String::new();
    for item in items {
        if !joined.is_empty() {
            joined.push_str("; ");
        }
        joined.push_str(item.as_ref());
    }
    Cell::Untrusted(joined.into())
}

fn history(history: &History) -> Cell<'_> {
    match history {
        History::Read { source: Source::List, .. } => Cell::Trusted("from the list of users".into()),
        History::Read { source: Source::Call, .. } => Cell::Trusted("read".into()),
        History::Read { source: Source::Checkpoint, .. } => Cell::Trusted("read by an earlier run".into()),
        History::Unreadable { reason } => Cell::Untrusted(format!("not read: {reason}").into()),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use ultracart_model::User;

    use super::super::{sample, stats};
    use super::*;

    fn csv(review: &Review, write: impl FnOnce(&Review, &mut dyn Write) -> io::Result<()>) -> String {
        let mut out = Vec::new();
        write(review, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn users_csv(review: &Review) -> String {
        csv(review, |review, out| users(review, &stats::of(review), out))
    }

    #[test]
    fn csv_files_of_a_small_review() {
        let review = sample::small();
        insta::assert_snapshot!("users", users_csv(&review));
        insta::assert_snapshot!("logins", csv(&review, logins));
    }

    #[test]
    fn hostile_text_stays_one_harmless_cell() {
        let review = sample::review(40, sample::Style::Hostile);
        for written in [users_csv(&review), csv(&review, logins)] {
            let rows = written.lines().count();
            let mut reader = ::csv::ReaderBuilder::new()
                .has_headers(false)
                .from_reader(written.strip_prefix('\u{feff}').unwrap().as_bytes());
            let records: Vec<_> = reader.records().map(Result::unwrap).collect();
            assert_eq!(records.len(), rows, "one line for each row");
            assert!(records.iter().skip(1).any(|record| record.iter().any(|cell| cell.starts_with('\''))));
            for cell in records.iter().flat_map(|record| record.iter()) {
                assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝']), "{cell:?}");
                assert!(!cell.chars().any(char::is_control), "{cell:?}");
            }
        }
    }

    #[test]
    fn list_items_are_no_formulas_with_any_separator() {
        let mut review = sample::small();
        let user = User::new()
            .user_id(7)
            .login("ada;=1+1")
            .full_name("ada,\"@SUM(1)")
            .api_ip_address_masks(vec!["192.0.2.1".into(), "=2+2".into(), "a; -3".into()]);
        review.users[0].user = Arc::new(user);
        review.users[0].permissions[1].name = "+4".into();
        let written = users_csv(&review);
        for item in ["ada;'=1+1", "ada,\"\"'@SUM(1)", "192.0.2.1; '=2+2; a; '-3", "; '+4"] {
            assert!(written.contains(item), "{item}: {written}");
        }
    }
}
