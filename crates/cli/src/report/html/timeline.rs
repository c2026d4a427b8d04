//! The pictures of logins: by day over the last 90 days, and by weekday and hour.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use jiff::ToSpan as _;
use jiff::civil::{Date, Weekday};
use jiff::tz::Offset;
use maud::{Markup, html};
use ultracart_model::LoginDts;

use super::super::stats::{self, OFFICE_HOURS_END, OFFICE_HOURS_START};
use super::super::text::{count, number, percent};
use super::page::Page;
use super::svg::{self, Rectangles, coord, to_f64};

const DAYS: usize = 91;
const WIDTH: f64 = 1120.0;
const LEFT: f64 = 44.0;
const TOP: f64 = 14.0;
const HEIGHT: f64 = 190.0;
/// Format of a date, as in `Mon, 30 June 2025`.
const DATE_FORMAT: &str = "%a, %-d %B %Y";
const WEEKDAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/// Number of logins on a day.
#[derive(Clone, Copy, Debug, Default)]
struct Day {
    logins: usize,
    off_hours: usize,
}

/// Number of logins of all users, by day and by hour.
struct Counts {
    days: Vec<(Date, Day)>,
    /// Number of logins for each weekday and hour. The first weekday is Monday. Weekday and hour are in the
    /// UTC offset of the login.
    week: [[usize; 24]; 7],
    all: usize,
    off_hours: usize,
    weekend: usize,
    /// Number of logins that the picture of days does not show: their time cannot be parsed, or is not within
    /// `days`.
    not_drawn: usize,
}

impl Counts {
    fn of(page: &Page<'_>) -> Self {
        let mut by_date: BTreeMap<Date, Day> = BTreeMap::new();
        let mut offsets: BTreeMap<i32, usize> = BTreeMap::new();
        let mut counts =
            Self { days: Vec::new(), week: [[0; 24]; 7], all: 0, off_hours: 0, weekend: 0, not_drawn: 0 };
        for login in page.review.users.iter().filter_map(|user| user.logins()).flatten() {
            counts.all += 1;
            let Some((_, local)) = stats::local(login) else {
                counts.not_drawn += 1;
                continue;
            };
            let offset = login.login_dts.as_ref().and_then(LoginDts::offset).map_or(0, Offset::seconds);
            *offsets.entry(offset).or_default() += 1;
            let day = by_date.entry(local.date()).or_default();
            day.logins += 1;
            if stats::is_off_hours(local) {
                day.off_hours += 1;
                counts.off_hours += 1;
            }
            counts.weekend += usize::from(stats::is_weekend(local.weekday()));
            let weekday = usize::try_from(local.weekday().to_monday_zero_offset()).unwrap_or(0);
            let hour = usize::try_from(local.hour()).unwrap_or(0);
            counts.week[weekday][hour] += 1;
        }
        // The last day is the current date in the UTC offset of most logins.
        let usual = offsets.iter().max_by_key(|(_, times)| **times).map_or(0, |(offset, _)| *offset);
        let today =
            Offset::from_seconds(usual).unwrap_or(Offset::UTC).to_datetime(page.review.taken_at).date();
        let last = i32::try_from(DAYS - 1).unwrap_or(0);
        counts.days = (0..=last)
            .filter_map(|back| today.checked_sub((last - back).days()).ok())
            .map(|date| (date, by_date.get(&date).copied().unwrap_or_default()))
            .collect();
        let shown: usize = counts.days.iter().map(|(_, day)| day.logins).sum();
        counts.not_drawn = counts.all - shown;
        counts
    }
}

/// Renders the section with the pictures of logins.
pub(super) fn section(page: &Page<'_>) -> Markup {
    let counts = Counts::of(page);
    html! {
        section id="timeline" aria-labelledby="timeline-title" {
            h2 id="timeline-title" { "Logins over time" }
            p.lead { (description(&counts)) }
            @if counts.all > 0 {
                (by_day(&counts))
                div.pair { (by_hour(&counts)) (facts(page, &counts)) }
            }
        }
    }
}

/// Returns a description of the chart of logins by day. The description is shown above the picture, and read
/// out to people who cannot see the picture.
fn description(counts: &Counts) -> String {
    if counts.all == 0 {
        return "The review found no logins in the last 90 days.".to_owned();
    }
    let mut text = format!(
        "{} in 90 days, {} of them outside office hours ({OFFICE_HOURS_START}:00 to {OFFICE_HOURS_END}:00, Monday to Friday).",
        count(counts.all, "login"),
        percent(counts.off_hours, counts.all)
    );
    if let Some((date, day)) =
        counts.days.iter().max_by_key(|(_, day)| day.logins).filter(|(_, day)| day.logins > 0)
    {
        _ = write!(
            text,
            " The busiest day was {} with {}.",
            date.strftime("%A, %-d %B %Y"),
            count(day.logins, "login")
        );
    }
    if counts.not_drawn > 0 {
        _ = write!(
            text,
            " Not drawn: {} with an unreadable time or from before the first day.",
            count(counts.not_drawn, "login")
        );
    }
    text
}

fn by_day(counts: &Counts) -> Markup {
    let most = counts.days.iter().map(|(_, day)| day.logins).max().unwrap_or(0).max(1);
    let step = svg::step(most);
    let top = to_f64(most.div_ceil(step) * step);
    let plot = WIDTH - LEFT;
    let day_width = plot / to_f64(counts.days.len().max(1));
    let height = |logins: usize| HEIGHT * to_f64(logins) / top;
    let floor = TOP + HEIGHT;
    let mut weekends = Rectangles::default();
    let (mut office, mut off) = (Rectangles::default(), Rectangles::default());
    for (at, (date, day)) in counts.days.iter().enumerate() {
        let x = LEFT + to_f64(at) * day_width;
        if stats::is_weekend(date.weekday()) {
            weekends.add(x, TOP, day_width, HEIGHT);
        }
        let (high, low) = (height(day.logins - day.off_hours), height(day.off_hours));
        if day.logins > day.off_hours {
            office.add(x + 1.5, floor - high, day_width - 3.0, high);
        }
        if day.off_hours > 0 {
            off.add(x + 1.5, floor - high - low, day_width - 3.0, low);
        }
    }
    let lines = (0..=most.div_ceil(step)).map(|line| line * step);
    let mondays = counts.days.iter().enumerate().filter(|(_, (date, _))| date.weekday() == Weekday::Monday);
    html! {
        figure {
            ul.legend aria-hidden="true" {
                li { (swatch("office")) "In office hours" }
                li { (swatch("off")) "Outside office hours" }
                li { (swatch("weekend")) "Saturday and Sunday" }
            }
            div.scroll tabindex="0" role="region" aria-label="Picture of logins by day" {
                svg.picture.timeline viewBox={ "0 0 " (coord(WIDTH)) " " (coord(floor + 30.0)) } role="img" aria-labelledby="timeline-name timeline-text" {
                    title id="timeline-name" { "Logins by day" }
                    desc id="timeline-text" { (description(counts)) }
                    (weekends.path("weekend"))
                    @for logins in lines {
                        @let y = floor - height(logins);
                        path.grid d={ "M" (coord(LEFT)) " " (coord(y)) "H" (coord(WIDTH)) } {}
                        text.axis x=(coord(LEFT - 8.0)) y=(coord(y + 4.0)) text-anchor="end" { (number(logins)) }
                    }
                    (office.path("office"))
                    (off.path("off"))
                    @for (at, (date, _)) in mondays {
                        @let x = LEFT + to_f64(at) * day_width;
                        path.tick d={ "M" (coord(x)) " " (coord(floor)) "v6" } {}
                        @if x < WIDTH - 40.0 { text.axis x=(coord(x)) y=(coord(floor + 20.0)) { (date.strftime("%-d %b")) } }
                    }
                    // A browser shows the title as a tooltip when the user points at the day.
                    @for (at, (date, day)) in counts.days.iter().enumerate() {
                        rect.day x=(coord(LEFT + to_f64(at) * day_width)) y=(coord(TOP)) width=(coord(day_width)) height=(coord(HEIGHT)) {
                            title { (date.strftime(DATE_FORMAT)) ": " (count(day.logins, "login")) ", " (number(day.off_hours)) " outside office hours" }
                        }
                    }
                }
            }
            details.daily {
                summary { "Show the days as a table" }
                div.scroll tabindex="0" role="region" aria-label="Table of logins by day" { (table(counts)) }
            }
        }
    }
}

/// Renders the picture of days as a table, for people who cannot see the picture or cannot point at it.
fn table(counts: &Counts) -> Markup {
    html! {
        table aria-label="Logins by day" {
            thead {
                tr { th scope="col" { "Day" } th.number scope="col" { "Logins" } th.number scope="col" { "Outside office hours" } }
            }
            tbody {
                @for (date, day) in &counts.days {
                    tr {
                        th scope="row" { time datetime=(date) { (date.strftime(DATE_FORMAT)) } }
                        td.number { (number(day.logins)) }
                        td.number { (number(day.off_hours)) }
                    }
                }
            }
        }
    }
}

fn by_hour(counts: &Counts) -> Markup {
    const CELL: f64 = 24.0;
    const SIDE: f64 = 40.0;
    let most = counts.week.iter().flatten().copied().max().unwrap_or(0).max(1);
    // With square roots, a single login at 3:00 is visible next to hundreds at 10:00.
    let level = |logins: usize| match logins {
        0 => 0.0,
        _ => (6.0 * (to_f64(logins) / to_f64(most)).sqrt()).ceil(),
    };
    let mut levels: [Rectangles; 7] = Default::default();
    for (weekday, hours) in counts.week.iter().enumerate() {
        for (hour, &logins) in hours.iter().enumerate() {
            let at = (0..=6_u8).find(|&at| f64::from(at) >= level(logins)).unwrap_or(6);
            levels[usize::from(at)].add(
                SIDE + to_f64(hour) * CELL,
                8.0 + to_f64(weekday) * CELL,
                CELL - 2.0,
                CELL - 2.0,
            );
        }
    }
    let (width, height) = (SIDE + 24.0 * CELL, 8.0 + 7.0 * CELL);
    let (opens, closes) = (f64::from(OFFICE_HOURS_START), f64::from(OFFICE_HOURS_END));
    html! {
        figure {
            h3 { "Logins by weekday and hour" }
            div.scroll tabindex="0" role="region" aria-label="Picture of logins by hour" {
                svg.picture.hours viewBox={ "0 0 " (coord(width + 2.0)) " " (coord(height + 22.0)) } role="img" aria-labelledby="hours-name hours-text" {
                    title id="hours-name" { "Logins by weekday and hour" }
                    desc id="hours-text" { (hours_in_words(counts)) }
                    @for (weekday, day) in WEEKDAYS.iter().enumerate() {
                        text.axis x=(coord(SIDE - 8.0)) y=(coord(8.0 + to_f64(weekday) * CELL + 15.0)) text-anchor="end" { (day) }
                    }
                    @for (at, level) in levels.iter().enumerate() { (level.path(&format!("level-{at}"))) }
                    path.frame d={ "M" (coord(SIDE + opens * CELL - 1.0)) " 7h" (coord((closes - opens) * CELL)) "v" (coord(5.0 * CELL)) "h-" (coord((closes - opens) * CELL)) "z" } {}
                    @for hour in (0..=24_usize).step_by(6) {
                        text.axis x=(coord(SIDE + to_f64(hour) * CELL)) y=(coord(height + 16.0)) text-anchor=(if hour == 24 { "end" } else { "start" }) { (hour) ":00" }
                    }
                }
            }
            figcaption { p { "A stronger colour means more logins. The scale is by square root, so that single logins at unusual hours are visible. The frame marks office hours." } }
        }
    }
}

/// Returns a description of the picture of hours, for people who cannot see it.
fn hours_in_words(counts: &Counts) -> String {
    let hours = counts.week.iter().enumerate().flat_map(|(weekday, hours)| {
        hours.iter().enumerate().map(move |(hour, &logins)| (logins, weekday, hour))
    });
    let (most, weekday, hour) = hours.max().unwrap_or_default();
    let night: usize = counts.week.iter().flat_map(|hours| &hours[..6]).sum();
    format!(
        "The hour with the most logins is {} from {hour}:00 to {}:00, with {}. There are {} between 0:00 and 6:00.",
        WEEKDAYS[weekday],
        hour + 1,
        number(most),
        count(night, "login")
    )
}

fn facts(page: &Page<'_>, counts: &Counts) -> Markup {
    let active = page.stats.iter().filter(|stats| stats.logins > 0).count();
    let known = page.stats.iter().filter(|stats| stats.is_history_read).count();
    let addresses: std::collections::BTreeSet<&str> =
        page.stats.iter().flat_map(|stats| stats.addresses.keys().copied()).collect();
    let night: usize = counts.week.iter().flat_map(|hours| &hours[..6]).sum();
    let mostly_off_hours =
        page.stats.iter().filter(|stats| stats.logins > 4 && stats.off_hours * 2 > stats.logins).count();
    html! {
        dl.facts.tall {
            div { dt { "Users who logged in" } dd { (number(active)) span.aside { "of " (number(known)) " with a known history" } } }
            div { dt { "On weekends" } dd { (number(counts.weekend)) span.aside { (percent(counts.weekend, counts.all)) " of logins" } } }
            div { dt { "Between 0:00 and 6:00" } dd { (number(night)) span.aside { (percent(night, counts.all)) " of logins" } } }
            div { dt { "Mostly outside office hours" } dd { (number(mostly_off_hours)) span.aside { (if mostly_off_hours == 1 { "user" } else { "users" }) " with five logins or more" } } }
            div { dt { "IP addresses" } dd { (number(addresses.len())) span.aside { "from which users logged in" } } }
        }
    }
}

fn swatch(class: &str) -> Markup {
    html! {
        svg.swatch viewBox="0 0 14 14" aria-hidden="true" focusable="false" {
            rect.(class) width="14" height="14" rx="2" {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::{sample, stats};
    use super::*;

    #[test]
    fn both_pictures_contain_every_login() {
        let review = sample::review(40, sample::Style::Usual);
        let stats = stats::of(&review);
        let counts = Counts::of(&Page::new(&review, &stats));
        let by_day: usize = counts.days.iter().map(|(_, day)| day.logins).sum();
        assert_eq!(counts.days.len(), DAYS);
        assert_eq!((by_day, counts.not_drawn), (counts.all, 0));
        assert_eq!(counts.week.iter().flatten().sum::<usize>(), counts.all);
        assert_eq!(counts.all, stats.iter().map(|stats| stats.logins).sum::<usize>());
        assert!(counts.off_hours > 0 && counts.off_hours < counts.all);
    }

    #[test]
    fn table_contains_every_day_and_login() {
        let review = sample::review(40, sample::Style::Usual);
        let stats = stats::of(&review);
        let counts = Counts::of(&Page::new(&review, &stats));
        let table = table(&counts).into_string();
        let rows: Vec<&str> = table.split("<tr>").skip(2).collect();
        assert_eq!(rows.len(), DAYS);
        let numbers = |row: &str| {
            let cells = row.split("<td class=\"number\">").skip(1);
            cells.map(|cell| cell.split('<').next().unwrap().parse().unwrap()).collect::<Vec<usize>>()
        };
        let cells: Vec<Vec<usize>> = rows.iter().map(|row| numbers(row)).collect();
        assert_eq!(cells.iter().map(|cells| cells[0]).sum::<usize>(), counts.all);
        assert_eq!(cells.iter().map(|cells| cells[1]).sum::<usize>(), counts.off_hours);
        assert!(rows[0].contains("<time datetime=\"2025-04-01\">Tue, 1 April 2025</time>"), "{}", rows[0]);
    }

    #[test]
    fn login_before_first_day_is_counted_as_not_drawn() {
        let mut facts = sample::facts(40, sample::Style::Usual);
        facts.taken_at += jiff::SignedDuration::from_hours(30 * 24);
        let review = ultracart_client::audit::Review::new(facts);
        let stats = stats::of(&review);
        let counts = Counts::of(&Page::new(&review, &stats));
        let by_day: usize = counts.days.iter().map(|(_, day)| day.logins).sum();
        assert!(counts.not_drawn > 0 && by_day > 0);
        assert_eq!(by_day + counts.not_drawn, counts.all);
    }

    #[test]
    fn login_with_unreadable_time_is_not_drawn() {
        let review = sample::review(40, sample::Style::Hostile);
        let stats = stats::of(&review);
        let counts = Counts::of(&Page::new(&review, &stats));
        assert!(counts.not_drawn > 0);
        assert!(description(&counts).contains("unreadable time"), "{}", description(&counts));
    }
}
