//! The picture of users and permissions.
//!
//! Users are columns. Groups and permissions are rows, so that their names can be read. Users with the same
//! groups and permissions are next to each other, and their equal cells are drawn as one rectangle. So the
//! picture of 5,000 users has hardly more elements than the picture of 200 users. Cells of permissions held
//! outside groups are drawn last and with a minimum width. So even a single cell is visible.

use std::cmp::Reverse;
use std::fmt::Write as _;
use std::ops::Range;

use maud::{Markup, html};

use super::super::text::{count, number, short, visible};
use super::page::Page;
use super::svg::{Rectangles, coord, to_f64};

const WIDTH: f64 = 1120.0;
const LABELS: f64 = 208.0;
const COUNTS: f64 = 112.0;
const PLOT: f64 = WIDTH - LABELS - COUNTS;
/// Right edge of the column with the number of users. This leaves 66 units for the next column, which ends at
/// [`OUTSIDE_RIGHT`]. The heading of the next column needs 52 units in a wide font.
const USERS_RIGHT: f64 = LABELS + PLOT + 44.0;
/// Right edge of the column with the number of users who hold a permission outside groups.
const OUTSIDE_RIGHT: f64 = WIDTH - 2.0;
const ROW: f64 = 17.0;
const HEADING: f64 = 33.0;
const TOP: f64 = 22.0;
/// Minimum width of a cell for a permission held outside groups.
const MIN_OUTSIDE_WIDTH: f64 = 1.6;
/// Maximum number of characters of a label. The clip path cuts labels that are still too wide.
const MAX_LABEL: usize = 30;
/// Maximum number of rows for groups in this picture. The table of groups lists all groups.
const MAX_GROUPS: usize = 40;
/// Maximum number of rows for permissions in this picture. The table of permissions lists all permissions.
const MAX_PERMISSIONS: usize = 250;
/// Maximum number of borders between users of different groups that are drawn thick. If there are more
/// borders, all of them are drawn thin, since thick borders would hide the cells.
const MAX_THICK_BORDERS: usize = 40;
/// Lines between users are drawn only if there are at most this many users. Borders between users of
/// different groups are drawn only if there are at most this many borders.
const MAX_LINES: usize = 260;

/// Renders the section with the picture of users and permissions.
pub(super) fn section(page: &Page<'_>) -> Markup {
    let users = page.review.users.len();
    html! {
        section id="matrix" aria-labelledby="matrix-title" {
            h2 id="matrix-title" { "Who may do what" }
            p.lead {
                "Each column is a user; each row is a group or a permission. Users with the same access are side by side, so a role appears as a block and an exception as a thin line."
            }
            @if users == 0 || page.permissions.is_empty() {
                p.nothing { "There is no picture, because no user has a permission." }
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
                li { (swatch("outside")) "Held outside groups" }
                @if drawing.has_unknown { li { (swatch("unknown")) "Held; whether a group grants it is unknown" } }
            }
            div.scroll tabindex="0" role="region" aria-label="Picture of users and permissions" {
                svg.picture.matrix id="matrix-picture" viewBox={ "0 0 " (coord(WIDTH)) " " (coord(drawing.height)) } role="img"
                    aria-labelledby="matrix-name matrix-text" data-users=(data.join(" "))
                    data-left=(coord(LABELS)) data-width=(coord(PLOT)) {
                    title id="matrix-name" { "Users and their permissions" }
                    desc id="matrix-text" { (description(page)) }
                    (drawing.markup)
                }
            }
            figcaption {
                output.readout id="matrix-readout" aria-hidden="true" {}
                p { (description(page)) " The tables below contain the same data." }
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

/// Returns a description of the picture. The description is shown below the picture, and read out to people
/// who cannot see the picture.
fn description(page: &Page<'_>) -> String {
    let grants: usize = page.permissions.iter().map(super::page::PermissionUse::user_count).sum();
    let outside: usize = page.permissions.iter().map(|held| held.outside.len()).sum();
    let most = page.permissions.iter().max_by_key(|held| held.user_count());
    let exception =
        page.permissions.iter().filter(|held| !held.outside.is_empty()).max_by_key(|held| held.outside.len());
    let mut text = format!(
        "{} hold {} of {}. Held outside groups: {}.",
        count(page.review.users.len(), "user"),
        count(grants, "grant"),
        count(page.permissions.len(), "permission"),
        count(outside, "grant")
    );
    if let Some(most) = most {
        _ = write!(
            text,
            " The permission with the most users is {} ({}).",
            short(most.name, 40),
            count(most.user_count(), "user")
        );
    }
    if let Some(exception) = exception {
        let users = count(exception.outside.len(), "user");
        _ = write!(
            text,
            " The permission most often held outside groups is {} ({users}).",
            short(exception.name, 40)
        );
    }
    text
}

/// Order of the users' columns and of the groups' rows. The position of a user or group is its index in the
/// review, not its place in this order.
struct Order {
    /// Positions of the users, from left to right.
    users: Vec<usize>,
    /// The column of each user, indexed by the user's position.
    columns: Vec<usize>,
    /// Positions of the groups with the most members, largest first: at most [`MAX_GROUPS`] groups.
    groups: Vec<usize>,
    /// Columns whose user is in other groups than the user of the column to the left.
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
        held.sort_by_key(|&permission| Reverse(page.permissions[permission].user_count()));
        // The ranks in each list ascend, so sorting by them puts the members of the largest group first.
        let mut keys: Vec<(Vec<usize>, Vec<usize>)> = review
            .users
            .iter()
            .map(|user| {
                let mut ranks: Vec<usize> = user.groups.iter().map(|&group| group_ranks[group]).collect();
                ranks.sort_unstable();
                // Users in no group come last.
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
        groups.truncate(MAX_GROUPS);
        Self { users, columns, groups, borders }
    }

    /// Returns the columns of the users at these positions. Adjacent columns are joined to one range.
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

/// Content of the picture.
struct Drawing {
    markup: Markup,
    height: f64,
    /// Whether the picture has cells of the class `unknown`. If so, the legend explains the class: the user
    /// holds the permission, but it is unknown whether a group grants it.
    has_unknown: bool,
}

impl Drawing {
    fn of(page: &Page<'_>, order: &Order) -> Self {
        let mut rows = Rows {
            order,
            column_width: PLOT / to_f64(order.users.len()),
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
        for held in page.permissions.iter().take(MAX_PERMISSIONS) {
            if heading != Some(held.heading) {
                heading = Some(held.heading);
                rows.heading(if held.heading.is_empty() { "Permissions" } else { held.heading });
            }
            let y = rows.row(held.name, held.user_count(), held.outside.len());
            rows.cells(&mut through, &held.through, y, 0.0);
            rows.cells(&mut unknown, &held.unknown, y, 0.0);
            rows.cells(&mut outside, &held.outside, y, MIN_OUTSIDE_WIDTH);
        }
        let bottom = rows.y;
        let left_out = page.permissions.len().saturating_sub(MAX_PERMISSIONS)
            + page.review.groups.len().saturating_sub(MAX_GROUPS);
        let height = bottom + if left_out > 0 { 30.0 } else { 8.0 };
        let markup = html! {
            g.counts {
                text x=(coord(USERS_RIGHT)) y="16" text-anchor="end" { "users" }
                text.exception x=(coord(OUTSIDE_RIGHT)) y="16" text-anchor="end" { "outside" }
            }
            (rows.tracks.path("track"))
            (member.path("member"))
            (through.path("through"))
            (unknown.path("unknown"))
            (lines(order, TOP, bottom, rows.column_width))
            (outside.path("outside"))
            path.divider d={ "M0 " (coord(groups_end + 5.0)) "h" (coord(WIDTH)) } {}
            clipPath id="matrix-labels" { rect width=(coord(LABELS - 6.0)) height=(coord(height)) {} }
            g clip-path="url(#matrix-labels)" { @for label in &rows.labels { (label) } }
            @for count in &rows.counts { (count) }
            @if left_out > 0 {
                text.heading x="0" y=(coord(bottom + 20.0)) { (number(left_out)) " more rows are in the tables below" }
            }
            path.cursor id="matrix-cursor" d="" {}
        };
        Self { markup, height, has_unknown: page.permissions.iter().any(|held| !held.unknown.is_empty()) }
    }
}

/// Rows drawn so far, from top to bottom.
struct Rows<'a> {
    order: &'a Order,
    /// Width of a column.
    column_width: f64,
    /// Top of the next row.
    y: f64,
    labels: Vec<Markup>,
    counts: Vec<Markup>,
    tracks: Rectangles,
}

impl Rows<'_> {
    fn heading(&mut self, title: &str) {
        self.labels.push(html! { text.heading x="0" y=(coord(self.y + 23.0)) { (short(title, 40)) } });
        self.y += HEADING;
    }

    /// Adds a row for a group or permission with its number of users. `outside` is the number of users who
    /// hold the permission outside groups. Returns the y coordinate of the top of the row.
    fn row(&mut self, title: &str, users: usize, outside: usize) -> f64 {
        let y = self.y;
        let base = y + 12.0;
        let (shown, is_cut) = cut(title);
        self.labels.push(html! {
            text.label x="0" y=(coord(base)) data-y=(coord(y)) {
                (shown)
                @if is_cut { title { (short(title, 120)) } }
            }
        });
        self.counts.push(html! {
            text.count x=(coord(USERS_RIGHT)) y=(coord(base)) text-anchor="end" { (number(users)) }
            @if outside > 0 {
                text.count.exception x=(coord(OUTSIDE_RIGHT)) y=(coord(base)) text-anchor="end" { (number(outside)) }
            }
        });
        self.tracks.add(LABELS, y, PLOT, ROW - 3.0);
        self.y += ROW;
        y
    }

    fn cells(&self, into: &mut Rectangles, users: &[usize], y: f64, min_width: f64) {
        for run in self.order.runs(users) {
            let width = (to_f64(run.len()) * self.column_width).max(min_width);
            let x = (LABELS + to_f64(run.start) * self.column_width).min(LABELS + PLOT - width);
            into.add(x, y, width, ROW - 3.0);
        }
    }
}

/// Returns the title, cut to [`MAX_LABEL`] characters, and whether it was cut.
fn cut(title: &str) -> (String, bool) {
    let title = visible(title);
    match title.char_indices().nth(MAX_LABEL) {
        None => (title.into_owned(), false),
        Some((end, _)) => (format!("{}…", &title[..end]), true),
    }
}

/// Renders lines between users, and borders between users of different groups.
fn lines(order: &Order, top: f64, bottom: f64, column_width: f64) -> Markup {
    let users = order.users.len();
    let line = |column_at: usize| {
        format!("M{} {}V{}", coord(LABELS + to_f64(column_at) * column_width), coord(top), coord(bottom))
    };
    let between: String = if users <= MAX_LINES { (1..users).map(line).collect() } else { String::new() };
    let borders: String = if order.borders.len() <= MAX_LINES {
        order.borders.iter().map(|&at| line(at)).collect()
    } else {
        String::new()
    };
    html! {
        @if !between.is_empty() { path.between d=(between) {} }
        @if !borders.is_empty() { path.border.fine[order.borders.len() > MAX_THICK_BORDERS] d=(borders) {} }
    }
}

#[cfg(test)]
mod tests;
