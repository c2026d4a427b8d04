//! What is noted of writes, and for how long.

use std::sync::Arc;
use std::time::Duration;

use ultracart_model::{User, UserId};

use super::{MINUTE, SECOND};
use crate::cache::generations::Generations;
use crate::cache::recent::{Outcome, Recent};
use crate::list::Users;

fn stored(id: i32) -> Arc<User> {
    Arc::new(User::new().user_id(id))
}

#[test]
fn what_was_inserted_is_not_noted_for_ever() {
    let recent = Recent::default();
    let users: Vec<_> = (0..100).map(stored).collect();
    for (minute, user) in (0..).zip(&users) {
        let at = minute * MINUTE;
        recent.new_written(at);
        recent.new_is_known(at);
        recent.is::<Users>(
            user.user_id.unwrap(),
            u64::from(minute),
            at,
            Some(Outcome::Stored(Arc::clone(user))),
        );
    }
    assert_eq!(users.iter().filter(|user| Arc::strong_count(user) > 1).count(), 5);
}

#[test]
fn what_was_written_leaves_memory_when_lists_are_read_long_after() {
    let (recent, generations) = (Recent::default(), Generations::new());
    let user = stored(7);
    recent.is::<Users>(UserId::from(7), 1, SECOND, Some(Outcome::Stored(Arc::clone(&user))));
    let list = [User::new().user_id(7)].into_iter().collect();
    drop(recent.settle_users(list, Duration::from_hours(48), &generations));
    assert_eq!(Arc::strong_count(&user), 1);
}

#[test]
fn a_write_that_is_known_does_not_hide_one_that_is_not() {
    let (recent, generations) = (Recent::default(), Generations::new());
    recent.new_written(SECOND); // nobody knows how it ended
    recent.new_written(2 * SECOND);
    recent.new_is_known(2 * SECOND);
    let (_, good_until) = recent.settle_users([User::new()].into_iter().collect(), 3 * SECOND, &generations);
    assert_eq!(good_until, Some(16 * SECOND));
}

#[cfg(feature = "webhook")]
#[test]
fn the_events_of_so_many_writes_are_waited_for() {
    let (recent, generations) = (Recent::default(), Generations::new());
    let id = UserId::from(7);
    let users: Vec<_> =
        (0..10).map(|n| Arc::new(User::new().user_id(id).phone(format!("555-010{n}")))).collect();
    for (n, user) in (0..).zip(&users) {
        let (before, generation) = generations.change_after(7);
        recent.written::<Users>(id, before, generation, n * SECOND);
        recent.is::<Users>(id, generation, n * SECOND, Some(Outcome::Stored(Arc::clone(user))));
    }
    let is_known = |n: usize| recent.has_written(id, Some(&users[n]), &generations);
    // Each of the latest once, but for the last, which is what is so.
    let known: Vec<_> = (0..10).map(is_known).collect();
    assert_eq!(known, [false, true, true, true, true, true, true, true, true, true]);
    assert_eq!((is_known(8), is_known(9), is_known(9)), (false, true, true));
    // Once somebody else has changed it, none is.
    generations.change(7);
    assert!(!is_known(9) && !is_known(5));
}
