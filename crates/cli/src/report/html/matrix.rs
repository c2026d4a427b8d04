//! Users × permissions as a picture.
//!
//! Permissions are rows, so that their names can be read, and users are columns. Users of the same groups and
//! permissions stand side by side, so what is equal becomes one rectangle: the picture of 5,000 users has hardly
//! more in it than that of 200. What stands out is drawn last and never thinner than can be seen.

use std::cmp::Reverse;
use std::fmt::Write as _;
use std::ops::Range;

use maud::{Markup, html};

use super::super::text::{count, number, short, visible};
use super::page::Page;
use super::svg::{Rectangles, f, n};

const WIDTH: f64 = 1120.0;
const LABELS: f64 = 208.0;
const COUNTS: f64 = 112.0;
const PLOT: f64 = WIDTH - LABELS - COUNTS;
/// Where the two columns of counts end. In a wide font the head of the second is 52 wide.
const USERS: f64 = LABELS + PLOT + 44.0;
const OUTSIDE: f64 = WIDTH - 2.0;
const ROW: f64 = 17.0;
const HEADING: f64 = 33.0;
const TOP: f64 = 22.0;
/// What is held outside any group is at least so wide.
const THINNEST: f64 = 1.6;
/// Characters of a label; the clip path holds back what is wider even so.
const LONGEST: usize = 30;
/// Rows of groups; the others are in the table.
const MOST_GROUPS: usize = 40;
/// Rows of permissions; the others are in the table.
const MOST_PERMISSIONS: usize = 250;
/// More borders than that are drawn finer, or they would hide what is between them.
const FEW: usize = 40;
/// Up to so many users, a line between any two of them.
const LINED: usize = 260;

/// The section.
pub(super) fn section(page: &Page<'_>) -> Markup {
    let users = page.review.users.len();
    html! {
        section id="matrix" aria-labelledby="matrix-title" {
            h2 id="matrix-title" { "Who may do what" }
            p.lead {
                "Each column is a user, each row a group or a permission. Users with the same access stand side by side, so a role shows as a block, and an exception as a stroke."
            }
            @if users == 0 || page.permissions.is_empty() {
                p.nothing { "There is nothing to draw: no user has a permission." }
            } @else {
                (figure(page))
            }
        }
    }
}

fn figure(page: &Page<'_>) -> Markup {
    let order = Order::of(page);
    let drawing = Drawing::of(page, &order);
    let data: Vec<String> = order.users.iter().map(usize::to_string).collect();
    html! {
        figure {
            ul.legend aria-hidden="true" {
                li { (swatch("member")) "Member of the group" }
                li { (swatch("through")) "Granted through a group" }
                li { (swatch("outside")) "Held outside any group" }
                @if drawing.unknown { li { (swatch("unknown")) "Held; whether a group grants it is not known" } }
            }
            div.scroll tabindex="0" role="region" aria-label="Picture of users and permissions" {
                svg.picture.matrix id="matrix-picture" viewBox={ "0 0 " (n(WIDTH)) " " (n(drawing.height)) } role="img"
                    aria-labelledby="matrix-name matrix-text" data-users=(data.join(" "))
                    data-left=(n(LABELS)) data-width=(n(PLOT)) {
                    title id="matrix-name" { "Users and their permissions" }
                    desc id="matrix-text" { (description(page)) }
                    (drawing.markup)
                }
            }
            figcaption {
                output.readout id="matrix-readout" aria-hidden="true" {}
                p { (description(page)) " The tables below have the same in words." }
            }
        }
    }
}

fn swatch(class: &str) -> Markup {
    html! {
        svg.swatch viewBox="0 0 14 14" aria-hidden="true" focusable="false" {
            rect.track width="14" height="14" rx="2" {}
            rect.(class) width="14" height="14" rx="2" {}
        }
    }
}

/// The picture in words.
fn description(page: &Page<'_>) -> String {
    let grants: usize = page.permissions.iter().map(super::page::PermissionUse::users).sum();
    let outside: usize = page.permissions.iter().map(|held| held.outside.len()).sum();
    let most = page.permissions.iter().max_by_key(|held| held.users());
    let exception =
        page.permissions.iter().filter(|held| !held.outside.is_empty()).max_by_key(|held| held.outside.len());
    let mut text = format!(
        "{} hold {} of {}, {} of them outside any group.",
        count(page.review.users.len(), "user"),
        count(grants, "grant"),
        count(page.permissions.len(), "permission"),
        number(outside)
    );
    if let Some(most) = most {
        _ = write!(text, " The most held is {} ({}).", short(most.name, 40), count(most.users(), "user"));
    }
    if let Some(exception) = exception {
        let users = count(exception.outside.len(), "user");
        _ = write!(
            text,
            " The one most often held outside groups is {} ({users}).",
            short(exception.name, 40)
        );
    }
    text
}

/// Where everything stands.
struct Order {
    /// Users from left to right.
    users: Vec<usize>,
    /// The column of each user.
    columns: Vec<usize>,
    /// Groups from top to bottom, the largest first.
    groups: Vec<usize>,
    /// Columns before which other groups begin.
    borders: Vec<usize>,
}

impl Order {
    fn of(page: &Page<'_>) -> Self {
        let review = page.review;
        let mut groups: Vec<usize> = (0..review.groups.len()).collect();
        groups.sort_by_key(|&group| (Reverse(review.groups[group].members.len()), group));
        let mut group_ranks = vec![0; groups.len()];
        for (rank, &group) in groups.iter().enumerate() {
            group_ranks[group] = rank;
        }
        let mut held: Vec<usize> = (0..page.permissions.len()).collect();
        held.sort_by_key(|&permission| Reverse(page.permissions[permission].users()));
        // Ranks ascend in each list, so comparing lists puts those of the largest group first.
        let mut keys: Vec<(Vec<usize>, Vec<usize>)> = review
            .users
            .iter()
            .map(|user| {
                let mut ranks: Vec<usize> = user.groups.iter().map(|&group| group_ranks[group]).collect();
                ranks.sort_unstable();
                // In no group: last.
                if ranks.is_empty() {
                    ranks.push(usize::MAX);
                }
                (ranks, Vec::new())
            })
            .collect();
        for (rank, &permission) in held.iter().enumerate() {
            let permission = &page.permissions[permission];
            for &user in permission.through.iter().chain(&permission.outside).chain(&permission.unknown) {
                keys[user].1.push(rank);
            }
        }
        let mut users: Vec<usize> = (0..review.users.len()).collect();
        users.sort_by(|&a, &b| keys[a].cmp(&keys[b]));
        let mut columns = vec![0; users.len()];
        for (column, &user) in users.iter().enumerate() {
            columns[user] = column;
        }
        let borders =
            (1..users.len()).filter(|&column| keys[users[column - 1]].0 != keys[users[column]].0).collect();
        groups.truncate(MOST_GROUPS);
        Self { users, columns, groups, borders }
    }

    /// The columns of these users as runs of neighbours.
    fn runs(&self, users: &[usize]) -> Vec<Range<usize>> {
        let mut columns: Vec<usize> = users.iter().map(|&user| self.columns[user]).collect();
        columns.sort_unstable();
        let mut runs: Vec<Range<usize>> = Vec::new();
        for column in columns {
            match runs.last_mut() {
                Some(run) if run.end == column => run.end += 1,
                _ => runs.push(column..column + 1),
            }
        }
        runs
    }
}

/// The picture's inside.
struct Drawing {
    markup: Markup,
    height: f64,
    unknown: bool,
}

impl Drawing {
    fn of(page: &Page<'_>, order: &Order) -> Self {
        let mut rows = Rows {
            order,
            column: PLOT / f(order.users.len()),
            y: TOP,
            labels: Vec::new(),
            counts: Vec::new(),
            tracks: Rectangles::default(),
        };
        let mut member = Rectangles::default();
        if !order.groups.is_empty() {
            rows.heading("Groups");
        }
        for &group in &order.groups {
            let members = &page.review.groups[group].members;
            let y = rows.row(&page.group(group), members.len(), 0);
            rows.cells(&mut member, members, y, 0.0);
        }
        let groups_end = rows.y;
        let (mut through, mut outside, mut unknown) =
            (Rectangles::default(), Rectangles::default(), Rectangles::default());
        let mut heading = None;
        for held in page.permissions.iter().take(MOST_PERMISSIONS) {
            if heading != Some(held.heading) {
                heading = Some(held.heading);
                rows.heading(if held.heading.is_empty() { "Permissions" } else { held.heading });
            }
            let y = rows.row(held.name, held.users(), held.outside.len());
            rows.cells(&mut through, &held.through, y, 0.0);
            rows.cells(&mut unknown, &held.unknown, y, 0.0);
            rows.cells(&mut outside, &held.outside, y, THINNEST);
        }
        let bottom = rows.y;
        let left_out = page.permissions.len().saturating_sub(MOST_PERMISSIONS)
            + page.review.groups.len().saturating_sub(MOST_GROUPS);
        let height = bottom + if left_out > 0 { 30.0 } else { 8.0 };
        let markup = html! {
            g.counts {
                text x=(n(USERS)) y="16" text-anchor="end" { "users" }
                text.exception x=(n(OUTSIDE)) y="16" text-anchor="end" { "outside" }
            }
            (rows.tracks.path("track"))
            (member.path("member"))
            (through.path("through"))
            (unknown.path("unknown"))
            (lines(order, TOP, bottom, rows.column))
            (outside.path("outside"))
            path.divider d={ "M0 " (n(groups_end + 5.0)) "h" (n(WIDTH)) } {}
            clipPath id="matrix-labels" { rect width=(n(LABELS - 6.0)) height=(n(height)) {} }
            g clip-path="url(#matrix-labels)" { @for label in &rows.labels { (label) } }
            @for count in &rows.counts { (count) }
            @if left_out > 0 {
                text.heading x="0" y=(n(bottom + 20.0)) { (number(left_out)) " more rows are in the tables below" }
            }
            path.cursor id="matrix-cursor" d="" {}
        };
        Self { markup, height, unknown: page.permissions.iter().any(|held| !held.unknown.is_empty()) }
    }
}

/// Rows on their way down.
struct Rows<'a> {
    order: &'a Order,
    column: f64,
    y: f64,
    labels: Vec<Markup>,
    counts: Vec<Markup>,
    tracks: Rectangles,
}

impl Rows<'_> {
    fn heading(&mut self, title: &str) {
        self.labels.push(html! { text.heading x="0" y=(n(self.y + 23.0)) { (short(title, 40)) } });
        self.y += HEADING;
    }

    /// Begins a row and says where it is.
    fn row(&mut self, title: &str, users: usize, outside: usize) -> f64 {
        let y = self.y;
        let base = y + 12.0;
        let (shown, is_cut) = cut(title);
        self.labels.push(html! {
            text.label x="0" y=(n(base)) data-y=(n(y)) {
                (shown)
                @if is_cut { title { (short(title, 120)) } }
            }
        });
        self.counts.push(html! {
            text.count x=(n(USERS)) y=(n(base)) text-anchor="end" { (number(users)) }
            @if outside > 0 {
                text.count.exception x=(n(OUTSIDE)) y=(n(base)) text-anchor="end" { (number(outside)) }
            }
        });
        self.tracks.add(LABELS, y, PLOT, ROW - 3.0);
        self.y += ROW;
        y
    }

    fn cells(&self, into: &mut Rectangles, users: &[usize], y: f64, thinnest: f64) {
        for run in self.order.runs(users) {
            let width = (f(run.len()) * self.column).max(thinnest);
            let x = (LABELS + f(run.start) * self.column).min(LABELS + PLOT - width);
            into.add(x, y, width, ROW - 3.0);
        }
    }
}

/// What is shown of a title, and whether that is less than all of it.
fn cut(title: &str) -> (String, bool) {
    let title = visible(title);
    match title.char_indices().nth(LONGEST) {
        None => (title.into_owned(), false),
        Some((end, _)) => (format!("{}…", &title[..end]), true),
    }
}

/// Lines between users, and thicker ones where other groups begin.
fn lines(order: &Order, top: f64, bottom: f64, column: f64) -> Markup {
    let users = order.users.len();
    let line = |column_at: usize| format!("M{} {}V{}", n(LABELS + f(column_at) * column), n(top), n(bottom));
    let between: String = if users <= LINED { (1..users).map(line).collect() } else { String::new() };
    let borders: String = if order.borders.len() <= LINED {
        order.borders.iter().map(|&at| line(at)).collect()
    } else {
        String::new()
    };
    html! {
        @if !between.is_empty() { path.between d=(between) {} }
        @if !borders.is_empty() { path.border.fine[order.borders.len() > FEW] d=(borders) {} }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::{sample, stats};
    use super::*;

    #[test]
    fn equal_users_stand_side_by_side() {
        let review = sample::review(300, sample::Style::Usual);
        let stats = stats::of(&review);
        let page = Page::new(&review, &stats);
        let order = Order::of(&page);
        let mut sorted = order.users.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, (0..300).collect::<Vec<_>>(), "everyone has one column");
        let largest = order.groups[0];
        assert_eq!(order.runs(&review.groups[largest].members).len(), 1, "the largest group is one run");
        let runs: usize = page.permissions.iter().map(|held| order.runs(&held.through).len()).sum();
        let grants: usize = page.permissions.iter().map(|held| held.through.len()).sum();
        assert!(runs * 3 < grants, "{grants} grants are {runs} runs");
    }

    #[test]
    fn one_exception_in_five_thousand_can_be_seen() {
        let order = Order {
            users: (0..5_000).collect(),
            columns: (0..5_000).collect(),
            groups: Vec::new(),
            borders: Vec::new(),
        };
        let rows = Rows {
            order: &order,
            column: PLOT / 5_000.0,
            y: 0.0,
            labels: Vec::new(),
            counts: Vec::new(),
            tracks: Rectangles::default(),
        };
        let mut cells = Rectangles::default();
        rows.cells(&mut cells, &[4_999], 0.0, THINNEST);
        let path = cells.path("outside").into_string();
        assert!(path.contains("h1.6v14"), "{path}");
        assert!(path.contains(&format!("M{} ", n(LABELS + PLOT - THINNEST))), "inside the plot: {path}");
    }

    #[test]
    fn a_title_is_cut_by_what_is_shown() {
        assert_eq!(cut("äöü"), ("äöü".to_owned(), false));
        assert_eq!(cut(&"ä".repeat(31)), (format!("{}…", "ä".repeat(30)), true));
        assert_eq!(cut("a\u{202e}"), ("a‹U+202E›".to_owned(), false));
    }
}
