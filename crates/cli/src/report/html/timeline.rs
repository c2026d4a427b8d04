//! Logins over the 90 days as a picture, and by the hour of the week as another.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use jiff::ToSpan as _;
use jiff::civil::{Date, Weekday};
use jiff::tz::Offset;
use maud::{Markup, html};
use ultracart_model::LoginDts;

use super::super::stats::{self, CLOSES, OPENS};
use super::super::text::{count, number, percent};
use super::page::Page;
use super::svg::{self, Rectangles, f, n};

const DAYS: usize = 91;
const WIDTH: f64 = 1120.0;
const LEFT: f64 = 44.0;
const TOP: f64 = 14.0;
const HEIGHT: f64 = 190.0;
/// `Mon, 30 June 2025`.
const DAY: &str = "%a, %-d %B %Y";
const WEEKDAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/// What happened on a day.
#[derive(Clone, Copy, Debug, Default)]
struct Day {
    logins: usize,
    off_hours: usize,
}

/// The logins of everyone, counted.
struct Counts {
    days: Vec<(Date, Day)>,
    /// By weekday from Monday, and hour.
    week: [[usize; 24]; 7],
    all: usize,
    off_hours: usize,
    weekend: usize,
    /// At a time that cannot be read, or out of the 90 days.
    elsewhere: usize,
}

impl Counts {
    fn of(page: &Page<'_>) -> Self {
        let mut by_date: BTreeMap<Date, Day> = BTreeMap::new();
        let mut offsets: BTreeMap<i32, usize> = BTreeMap::new();
        let mut counts =
            Self { days: Vec::new(), week: [[0; 24]; 7], all: 0, off_hours: 0, weekend: 0, elsewhere: 0 };
        for login in page.review.users.iter().filter_map(|user| user.logins()).flatten() {
            counts.all += 1;
            let Some((_, local)) = stats::local(login) else {
                counts.elsewhere += 1;
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
        // The last day is today where most of the logins were.
        let usual = offsets.iter().max_by_key(|(_, times)| **times).map_or(0, |(offset, _)| *offset);
        let today =
            Offset::from_seconds(usual).unwrap_or(Offset::UTC).to_datetime(page.review.taken_at).date();
        let last = i32::try_from(DAYS - 1).unwrap_or(0);
        counts.days = (0..=last)
            .filter_map(|back| today.checked_sub((last - back).days()).ok())
            .map(|date| (date, by_date.get(&date).copied().unwrap_or_default()))
            .collect();
        let shown: usize = counts.days.iter().map(|(_, day)| day.logins).sum();
        counts.elsewhere = counts.all - shown;
        counts
    }
}

/// The section.
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

/// The first picture in words.
fn description(counts: &Counts) -> String {
    if counts.all == 0 {
        return "Nobody logged in in the last 90 days, or nothing is known of it.".to_owned();
    }
    let mut text = format!(
        "{} in 90 days, {} of them outside office hours ({OPENS}:00 to {CLOSES}:00, Monday to Friday).",
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
            number(day.logins)
        );
    }
    if counts.elsewhere > 0 {
        _ = write!(
            text,
            " {} at an unreadable time, or before these days, not drawn.",
            were(counts.elsewhere)
        );
    }
    text
}

fn were(logins: usize) -> String {
    if logins == 1 { "1 login was".to_owned() } else { format!("{} logins were", number(logins)) }
}

fn by_day(counts: &Counts) -> Markup {
    let most = counts.days.iter().map(|(_, day)| day.logins).max().unwrap_or(0).max(1);
    let step = svg::step(most);
    let top = f(most.div_ceil(step) * step);
    let plot = WIDTH - LEFT;
    let slot = plot / f(counts.days.len().max(1));
    let height = |logins: usize| HEIGHT * f(logins) / top;
    let floor = TOP + HEIGHT;
    let mut weekends = Rectangles::default();
    let (mut office, mut off) = (Rectangles::default(), Rectangles::default());
    for (at, (date, day)) in counts.days.iter().enumerate() {
        let x = LEFT + f(at) * slot;
        if stats::is_weekend(date.weekday()) {
            weekends.add(x, TOP, slot, HEIGHT);
        }
        let (high, low) = (height(day.logins - day.off_hours), height(day.off_hours));
        if day.logins > day.off_hours {
            office.add(x + 1.5, floor - high, slot - 3.0, high);
        }
        if day.off_hours > 0 {
            off.add(x + 1.5, floor - high - low, slot - 3.0, low);
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
                svg.picture.timeline viewBox={ "0 0 " (n(WIDTH)) " " (n(floor + 30.0)) } role="img" aria-labelledby="timeline-name timeline-text" {
                    title id="timeline-name" { "Logins by day" }
                    desc id="timeline-text" { (description(counts)) }
                    (weekends.path("weekend"))
                    @for logins in lines {
                        @let y = floor - height(logins);
                        path.grid d={ "M" (n(LEFT)) " " (n(y)) "H" (n(WIDTH)) } {}
                        text.axis x=(n(LEFT - 8.0)) y=(n(y + 4.0)) text-anchor="end" { (number(logins)) }
                    }
                    (office.path("office"))
                    (off.path("off"))
                    @for (at, (date, _)) in mondays {
                        @let x = LEFT + f(at) * slot;
                        path.tick d={ "M" (n(x)) " " (n(floor)) "v6" } {}
                        @if x < WIDTH - 40.0 { text.axis x=(n(x)) y=(n(floor + 20.0)) { (date.strftime("%-d %b")) } }
                    }
                    // Something to point at: what a day comes to, in a browser's own tooltip.
                    @for (at, (date, day)) in counts.days.iter().enumerate() {
                        rect.day x=(n(LEFT + f(at) * slot)) y=(n(TOP)) width=(n(slot)) height=(n(HEIGHT)) {
                            title { (date.strftime(DAY)) ": " (count(day.logins, "login")) ", " (number(day.off_hours)) " outside office hours" }
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

/// The first picture for whoever cannot see it, or cannot point at it.
fn table(counts: &Counts) -> Markup {
    html! {
        table aria-label="Logins by day" {
            thead {
                tr { th scope="col" { "Day" } th.number scope="col" { "Logins" } th.number scope="col" { "Outside office hours" } }
            }
            tbody {
                @for (date, day) in &counts.days {
                    tr {
                        th scope="row" { time datetime=(date) { (date.strftime(DAY)) } }
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
    // Square roots: one login at 3 in the morning is to be seen beside hundreds at 10.
    let level = |logins: usize| match logins {
        0 => 0.0,
        _ => (6.0 * (f(logins) / f(most)).sqrt()).ceil(),
    };
    let mut levels: [Rectangles; 7] = Default::default();
    for (weekday, hours) in counts.week.iter().enumerate() {
        for (hour, &logins) in hours.iter().enumerate() {
            let at = (0..=6_u8).find(|&at| f64::from(at) >= level(logins)).unwrap_or(6);
            levels[usize::from(at)].add(
                SIDE + f(hour) * CELL,
                8.0 + f(weekday) * CELL,
                CELL - 2.0,
                CELL - 2.0,
            );
        }
    }
    let (width, height) = (SIDE + 24.0 * CELL, 8.0 + 7.0 * CELL);
    let (opens, closes) = (f64::from(OPENS), f64::from(CLOSES));
    html! {
        figure {
            h3 { "By the hour of the week" }
            div.scroll tabindex="0" role="region" aria-label="Picture of logins by hour" {
                svg.picture.hours viewBox={ "0 0 " (n(width + 2.0)) " " (n(height + 22.0)) } role="img" aria-labelledby="hours-name hours-text" {
                    title id="hours-name" { "Logins by the hour of the week" }
                    desc id="hours-text" { (hours_in_words(counts)) }
                    @for (weekday, day) in WEEKDAYS.iter().enumerate() {
                        text.axis x=(n(SIDE - 8.0)) y=(n(8.0 + f(weekday) * CELL + 15.0)) text-anchor="end" { (day) }
                    }
                    @for (at, level) in levels.iter().enumerate() { (level.path(&format!("level-{at}"))) }
                    path.frame d={ "M" (n(SIDE + opens * CELL - 1.0)) " 7h" (n((closes - opens) * CELL)) "v" (n(5.0 * CELL)) "h-" (n((closes - opens) * CELL)) "z" } {}
                    @for hour in (0..=24_usize).step_by(6) {
                        text.axis x=(n(SIDE + f(hour) * CELL)) y=(n(height + 16.0)) text-anchor=(if hour == 24 { "end" } else { "start" }) { (hour) ":00" }
                    }
                }
            }
            figcaption { p { "The stronger the colour, the more, by square root, so that single logins at odd hours show. The frame is the office hours." } }
        }
    }
}

fn hours_in_words(counts: &Counts) -> String {
    let hours = counts.week.iter().enumerate().flat_map(|(weekday, hours)| {
        hours.iter().enumerate().map(move |(hour, &logins)| (logins, weekday, hour))
    });
    let (most, weekday, hour) = hours.max().unwrap_or_default();
    let night: usize = counts.week.iter().flat_map(|hours| &hours[..6]).sum();
    format!(
        "Most logins, {}, are on {} from {hour}:00 to {}:00. {} are between 0:00 and 6:00.",
        number(most),
        WEEKDAYS[weekday],
        hour + 1,
        number(night)
    )
}

fn facts(page: &Page<'_>, counts: &Counts) -> Markup {
    let active = page.stats.iter().filter(|stats| stats.logins > 0).count();
    let known = page.stats.iter().filter(|stats| stats.read).count();
    let addresses: std::collections::BTreeSet<&str> =
        page.stats.iter().flat_map(|stats| stats.addresses.keys().copied()).collect();
    let night: usize = counts.week.iter().flat_map(|hours| &hours[..6]).sum();
    let owls =
        page.stats.iter().filter(|stats| stats.logins > 4 && stats.off_hours * 2 > stats.logins).count();
    html! {
        dl.facts.tall {
            div { dt { "Users who logged in" } dd { (number(active)) span.aside { "of " (number(known)) " with a known history" } } }
            div { dt { "On weekends" } dd { (number(counts.weekend)) span.aside { (percent(counts.weekend, counts.all)) " of logins" } } }
            div { dt { "Between 0:00 and 6:00" } dd { (number(night)) span.aside { (percent(night, counts.all)) " of logins" } } }
            div { dt { "Mostly outside office hours" } dd { (number(owls)) span.aside { (if owls == 1 { "user" } else { "users" }) " with five logins or more" } } }
            div { dt { "Addresses" } dd { (number(addresses.len())) span.aside { "that anyone logged in from" } } }
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
    fn every_login_is_in_both_pictures() {
        let review = sample::review(40, sample::Style::Usual);
        let stats = stats::of(&review);
        let counts = Counts::of(&Page::new(&review, &stats));
        let by_day: usize = counts.days.iter().map(|(_, day)| day.logins).sum();
        assert_eq!(counts.days.len(), DAYS);
        assert_eq!((by_day, counts.elsewhere), (counts.all, 0));
        assert_eq!(counts.week.iter().flatten().sum::<usize>(), counts.all);
        assert_eq!(counts.all, stats.iter().map(|stats| stats.logins).sum::<usize>());
        assert!(counts.off_hours > 0 && counts.off_hours < counts.all);
    }

    #[test]
    fn the_table_has_every_day_and_every_login() {
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
    fn a_login_from_before_these_days_is_counted_and_not_drawn() {
        let mut facts = sample::facts(40, sample::Style::Usual);
        facts.taken_at += jiff::SignedDuration::from_hours(30 * 24);
        let review = ultracart_client::audit::Review::new(facts);
        let stats = stats::of(&review);
        let counts = Counts::of(&Page::new(&review, &stats));
        let by_day: usize = counts.days.iter().map(|(_, day)| day.logins).sum();
        assert!(counts.elsewhere > 0 && by_day > 0);
        assert_eq!(by_day + counts.elsewhere, counts.all);
    }

    #[test]
    fn logins_at_unreadable_times_are_counted_and_said_to_be_left_out() {
        let review = sample::review(40, sample::Style::Hostile);
        let stats = stats::of(&review);
        let counts = Counts::of(&Page::new(&review, &stats));
        assert!(counts.elsewhere > 0);
        assert!(description(&counts).contains("unreadable time"), "{}", description(&counts));
    }
}
