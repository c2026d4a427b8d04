//! Parts of SVG pictures.

use std::fmt::Write as _;

use maud::{Markup, html};

/// Formats a coordinate with at most two decimals. They are enough for any screen, and the file stays small.
pub(super) fn coord(coordinate: f64) -> String {
    let rounded = format!("{coordinate:.2}");
    let trimmed = rounded.trim_end_matches('0').trim_end_matches('.');
    if trimmed == "-0" { "0".to_owned() } else { trimmed.to_owned() }
}

/// Converts a count to a floating-point number, for coordinates and shares.
pub(super) fn to_f64(count: usize) -> f64 {
    // No account and no login history has as many entries as `u32::MAX`.
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

/// Rectangles of one colour, collected in a single SVG path.
#[derive(Debug, Default)]
pub(super) struct Rectangles(String);

impl Rectangles {
    pub(super) fn add(&mut self, x: f64, y: f64, width: f64, height: f64) {
        _ = write!(
            self.0,
            "M{} {}h{}v{}h-{}z",
            coord(x),
            coord(y),
            coord(width),
            coord(height),
            coord(width)
        );
    }

    pub(super) fn path(&self, class: &str) -> Markup {
        html! { @if !self.0.is_empty() { path class=(class) d=(self.0) {} } }
    }
}

/// Renders a share as a bar. The bar is hidden from screen readers, since the text next to it says the same.
pub(super) fn meter(part: usize, whole: usize, class: &str) -> Markup {
    let width = if whole == 0 { 0.0 } else { 100.0 * to_f64(part) / to_f64(whole) };
    // A small share stays visible.
    let width = if part > 0 { width.max(1.5) } else { width };
    html! {
        svg.meter.(class) viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true" focusable="false" {
            rect.track width="100" height="4" {}
            rect.fill width=(coord(width)) height="4" {}
        }
    }
}

/// Renders the symbol of a severity, or a check mark for `clear`. The symbols differ in shape, not only in
/// colour.
pub(super) fn mark(severity: &str) -> Markup {
    let path = match severity {
        "high" => "M8 1.5 15 14H1z",
        "medium" => "M8 1 15 8 8 15 1 8z",
        "clear" => "M1.5 8.5 6 13 14.5 3.5",
        _ => "M8 2a6 6 0 1 0 0 12A6 6 0 1 0 8 2z",
    };
    html! {
        svg.mark.(severity) viewBox="0 0 16 16" aria-hidden="true" focusable="false" { path d=(path) {} }
    }
}

/// Returns the distance between the lines of an axis: the smallest of the numbers 1, 2, 5, 10, 20, 50 and so
/// on that is at least a quarter of `most`.
pub(super) fn step(most: usize) -> usize {
    let mut step = 1;
    loop {
        for times in [1, 2, 5] {
            if step * times * 4 >= most {
                return step * times;
            }
        }
        step *= 10;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coordinates_have_at_most_two_decimals() {
        assert_eq!([1.0, 0.5, 0.128, -0.001, 100.0].map(coord), ["1", "0.5", "0.13", "0", "100"]);
    }

    #[test]
    fn axis_has_about_four_lines() {
        assert_eq!([0, 1, 4, 5, 9, 61, 4_000].map(step), [1, 1, 1, 2, 5, 20, 1_000]);
    }
}
