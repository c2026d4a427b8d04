use super::super::super::{sample, stats};
use super::*;

#[test]
fn users_with_equal_access_are_adjacent() {
    let review = sample::review(300, sample::Style::Usual);
    let stats = stats::of(&review);
    let page = Page::new(&review, &stats);
    let order = Order::of(&page);
    let mut sorted = order.users.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, (0..300).collect::<Vec<_>>(), "each user has one column");
    let largest = order.groups[0];
    assert_eq!(order.runs(&review.groups[largest].members).len(), 1, "the largest group is one run");
    let runs: usize = page.permissions.iter().map(|held| order.runs(&held.through).len()).sum();
    let grants: usize = page.permissions.iter().map(|held| held.through.len()).sum();
    assert!(runs * 3 < grants, "{grants} grants are {runs} runs");
}

#[test]
fn single_exception_in_5000_users_is_visible() {
    let order = Order {
        users: (0..5_000).collect(),
        columns: (0..5_000).collect(),
        groups: Vec::new(),
        borders: Vec::new(),
    };
    let rows = Rows {
        order: &order,
        column_width: PLOT / 5_000.0,
        y: 0.0,
        labels: Vec::new(),
        counts: Vec::new(),
        tracks: Rectangles::default(),
    };
    let mut cells = Rectangles::default();
    rows.cells(&mut cells, &[4_999], 0.0, MIN_OUTSIDE_WIDTH);
    let path = cells.path("outside").into_string();
    assert!(path.contains("h1.6v14"), "{path}");
    assert!(
        path.contains(&format!("M{} ", coord(LABELS + PLOT - MIN_OUTSIDE_WIDTH))),
        "inside the plot: {path}"
    );
}

#[test]
fn title_is_cut_after_escaping() {
    assert_eq!(cut("äöü"), ("äöü".to_owned(), false));
    assert_eq!(cut(&"ä".repeat(31)), (format!("{}…", "ä".repeat(30)), true));
    assert_eq!(cut("a\u{202e}"), ("a‹U+202E›".to_owned(), false));
}
