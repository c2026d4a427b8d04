//! What a reader gets, by policy, age and what has happened.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use std::ops::ControlFlow;
use tokio::runtime::Runtime;
use ultracart_transport::limiter::Priority;
use ultracart_transport::{EarlierAttempts, Error, ErrorKind};

use super::{Answer, Bench, Call, Generations, Load, Loaded, Loading, MINUTE, Read, SECOND, settle};
use crate::CachePolicy::{Bypass, Default, NeverStale, OnlyIfCached, Refresh, StaleAllowed};
use crate::cache::flights::Table;
use crate::config::CacheRule;
use crate::{Served, Stale};

const FAILURE: Answer = Answer::Failure(ErrorKind::Server);
const MISSING: Answer = Answer::Failure(ErrorKind::NotFound);

#[tokio::test]
async fn an_answer_says_how_old_it_is_and_what_it_cost() {
    let bench = Bench::new();
    let loaded = bench.load(1, 7).await;
    assert_eq!((*loaded, loaded.served(), loaded.calls()), (7, Served::Fresh, 1));
    bench.clock.advance(MINUTE);
    let hit = bench.read_now(1, Default).await.unwrap();
    assert_eq!((*hit, hit.served(), hit.age(), hit.calls()), (7, Served::Fresh, MINUTE, 0));
    assert!(Arc::ptr_eq(hit.as_ref(), loaded.as_ref()));
}

#[tokio::test]
async fn its_age_begins_when_the_server_is_asked() {
    let bench = Bench::new();
    let read = bench.read(1, Default);
    let call = bench.api.next().await.unwrap();
    bench.clock.advance(MINUTE); // in the queue
    _ = call.send();
    bench.clock.advance(3 * SECOND);
    call.answer(Answer::Value(7));
    assert_eq!(read.await.unwrap().unwrap().age(), 3 * SECOND);
    bench.clock.advance(4 * MINUTE + 56 * SECOND);
    assert!(bench.read_now(1, OnlyIfCached).await.is_ok());
    bench.clock.advance(SECOND);
    assert_eq!(bench.read_now(1, OnlyIfCached).await.unwrap_err().kind(), ErrorKind::NotCached);
}

#[tokio::test]
async fn a_change_while_a_load_waits_for_its_turn_costs_no_other() {
    let bench = Bench::new();
    let before = bench.read(1, Default);
    let call = bench.api.next().await.unwrap();
    bench.generations.change(1);
    let after = bench.read(1, Default);
    let refreshed = bench.read(1, Refresh);
    assert!(bench.api.next().await.is_none());
    call.send_and_answer(Answer::Value(2));
    for read in [before, after, refreshed] {
        assert_eq!(*read.await.unwrap().unwrap(), 2);
    }
    assert_eq!(*bench.read_now(1, Default).await.unwrap(), 2);
    assert_eq!(bench.api.made(), 1);
}

#[tokio::test]
async fn a_second_attempt_sees_what_changed_since_the_first() {
    let bench = Bench::new();
    let read = bench.read(1, Default);
    let call = bench.api.next().await.unwrap();
    _ = call.send();
    bench.generations.change(1);
    _ = call.send();
    let after = bench.read(1, Default);
    assert!(bench.api.next().await.is_none());
    call.answer(Answer::Value(2));
    assert_eq!((*read.await.unwrap().unwrap(), *after.await.unwrap().unwrap()), (2, 2));
    assert_eq!(bench.cache.stats().discarded, 0);
}

#[tokio::test]
async fn a_second_attempt_is_sent_after_what_was_asked_since_the_first() {
    let bench = Bench::new();
    let read = bench.read(1, Default);
    let call = bench.api.next().await.unwrap();
    _ = call.send(); // a 429
    let refresh = bench.read(1, Refresh);
    settle().await;
    call.send_and_answer(Answer::Value(1));
    assert_eq!((*read.await.unwrap().unwrap(), *refresh.await.unwrap().unwrap()), (1, 1));
    assert_eq!(bench.api.made(), 1);
}

#[tokio::test]
async fn what_has_taken_the_place_of_a_load_that_is_sent_again_is_not_needed() {
    let bench = Bench::new();
    let (before, first) = overtaken(&bench).await;
    let after = bench.read(1, Default);
    let second = bench.api.next().await.unwrap();
    _ = first.send();
    settle().await;
    assert!(second.answer.is_closed());
    first.answer(Answer::Value(2));
    assert_eq!((*before.await.unwrap().unwrap(), *after.await.unwrap().unwrap()), (2, 2));
    assert_eq!(*bench.read_now(1, Default).await.unwrap(), 2);
    // Where that has been sent, both go on.
    let bench = Bench::new();
    let (before, first) = overtaken(&bench).await;
    let after = bench.read(1, Default);
    let second = bench.api.next().await.unwrap();
    assert_eq!((second.send(), first.send()), (ControlFlow::Continue(()), ControlFlow::Continue(())));
    second.answer(Answer::Value(2));
    first.answer(Answer::Value(3));
    assert_eq!((*before.await.unwrap().unwrap(), *after.await.unwrap().unwrap()), (3, 2));
}

#[tokio::test]
async fn what_is_over_is_not_sent_again() {
    let bench = Bench::new();
    let read = bench.read(1, Default);
    let call = bench.api.next().await.unwrap();
    _ = call.send();
    let watch = call.watch.clone().unwrap();
    call.answer(Answer::Panic);
    read.await.unwrap().unwrap_err();
    assert_eq!(watch.before_attempt(EarlierAttempts::HadNoEffect), ControlFlow::Break(()));
    bench.clock.advance(5 * SECOND);
    bench.load(1, 1).await;
}

#[tokio::test]
async fn a_discarded_load_is_counted() {
    let bench = Bench::new();
    let read = bench.read(1, Default);
    let call = bench.api.next().await.unwrap();
    _ = call.send();
    bench.generations.change(1);
    call.answer(Answer::Value(1));
    read.await.unwrap().unwrap();
    assert_eq!(bench.cache.stats().discarded, 1);
    // Other keys are as good as before.
    bench.load(2, 2).await;
    bench.generations.change(1);
    assert!(bench.read_now(2, OnlyIfCached).await.is_ok());
    bench.generations.change_all();
    assert!(bench.read_now(2, OnlyIfCached).await.is_err());
}

#[tokio::test]
async fn what_is_due_is_read_ahead_by_one_and_waited_for_by_none() {
    let bench = Bench::new();
    bench.load(1, 1).await;
    bench.clock.advance(3 * MINUTE + 59 * SECOND);
    bench.read_now(1, Default).await.unwrap();
    assert!(bench.api.next().await.is_none());
    bench.clock.advance(SECOND);
    for _ in 0..100 {
        assert_eq!(*bench.read_now(1, Default).await.unwrap(), 1);
    }
    let call = bench.api.next().await.unwrap();
    assert_eq!(call.priority, Priority::Background);
    call.send_and_answer(Answer::Value(2));
    settle().await;
    assert_eq!(*bench.read_now(1, Default).await.unwrap(), 2);
    assert_eq!((bench.api.made(), bench.cache.stats().refreshes), (2, 1));
}

#[tokio::test]
async fn whoever_asks_when_the_time_is_up_waits_for_what_is_read_ahead() {
    let bench = Bench::new();
    bench.load(1, 1).await;
    bench.clock.advance(4 * MINUTE);
    bench.read_now(1, Default).await.unwrap();
    let call = bench.api.next().await.unwrap();
    _ = call.send();
    bench.clock.advance(MINUTE);
    let late = bench.read(1, Default);
    assert!(bench.api.next().await.is_none());
    call.answer(Answer::Value(2));
    assert_eq!(*late.await.unwrap().unwrap(), 2);
}

#[tokio::test]
async fn whoever_asks_before_it_is_sent_waits_behind_nobody_who_came_later() {
    let bench = Bench::new();
    bench.load(1, 1).await;
    bench.clock.advance(4 * MINUTE);
    bench.read_now(1, Default).await.unwrap();
    let ahead = bench.api.next().await.unwrap();
    bench.generations.change(1);
    let read = bench.read(1, Default);
    let call = bench.api.next().await.unwrap();
    assert_eq!((ahead.priority, call.priority), (Priority::Background, Priority::Foreground));
    assert!(ahead.answer.is_closed(), "it is not made");
    call.send_and_answer(Answer::Value(2));
    assert_eq!(*read.await.unwrap().unwrap(), 2);
}

#[tokio::test]
async fn each_read_is_counted_and_each_load_ahead_that_was_sent() {
    let bench = Bench::new();
    let reads: Vec<_> = (0..10).map(|_| bench.read(1, Default)).collect();
    bench.api.next().await.unwrap().send_and_answer(FAILURE);
    for read in reads {
        read.await.unwrap().unwrap_err();
    }
    let stats = bench.cache.stats();
    assert_eq!((stats.misses, stats.joins, stats.calls_saved), (1, 9, 0));
    // One ahead of time gives way, and one does not.
    bench.clock.advance(5 * SECOND);
    bench.load(1, 1).await;
    for is_sent in [false, true] {
        bench.clock.advance(4 * MINUTE);
        bench.read_now(1, Default).await.unwrap();
        let ahead = bench.api.next().await.unwrap();
        if is_sent {
            ahead.send_and_answer(Answer::Value(3));
            settle().await;
        } else {
            bench.generations.change(1);
            bench.load(1, 2).await;
        }
        assert_eq!(bench.cache.stats().refreshes, u64::from(is_sent));
    }
}

#[tokio::test]
async fn a_load_that_nobody_waits_for_is_not_sent() {
    let bench = Bench::new();
    let read = bench.read(1, Default);
    let call = bench.api.next().await.unwrap();
    read.abort();
    settle().await;
    assert!(call.answer.is_closed());
    bench.load(1, 1).await;
}

#[tokio::test]
async fn a_failure_from_before_a_change_is_no_answer_after_it() {
    let bench = Bench::new();
    let read = bench.read(1, Default);
    bench.api.next().await.unwrap().send_and_answer(Answer::Failure(ErrorKind::NotFound));
    read.await.unwrap().unwrap_err();
    bench.generations.change(1);
    bench.load(1, 1).await;
}

/// A load that was sent, and then something changed.
async fn overtaken(bench: &Bench) -> (Read, Call) {
    let read = bench.read(1, Default);
    let call = bench.api.next().await.unwrap();
    _ = call.send();
    bench.generations.change(1);
    (read, call)
}

#[tokio::test]
async fn what_a_load_from_before_a_change_came_to_does_not_count_after_one_from_after_it() {
    for late in [MISSING, FAILURE, Answer::Value(1)] {
        let bench = Bench::new();
        let (before, call) = overtaken(&bench).await;
        let after = bench.read(1, Default);
        bench.api.next().await.unwrap().send_and_answer(MISSING);
        after.await.unwrap().unwrap_err();
        call.answer(late);
        _ = before.await.unwrap();
        assert!(bench.read_now(1, Default).await.unwrap_err().is_not_found());
        assert_eq!(bench.api.made(), 2);
    }
    // Nor is an outage an answer after a success, also where that was not remembered.
    let bench = Bench::new();
    let (before, call) = overtaken(&bench).await;
    let (after, later) = overtaken(&bench).await;
    later.answer(Answer::Value(1));
    after.await.unwrap().unwrap();
    call.answer(FAILURE);
    before.await.unwrap().unwrap_err();
    bench.load(1, 2).await;
}

#[tokio::test]
async fn where_the_server_answers_again_only_outages_are_forgotten() {
    let bench = Bench::new();
    for (key, failure) in [(1, FAILURE), (2, MISSING), (3, MISSING)] {
        let read = bench.read(key, Default);
        bench.api.next().await.unwrap().send_and_answer(failure);
        read.await.unwrap().unwrap_err();
    }
    bench.cache.forget_failures();
    bench.load(1, 1).await;
    bench.cache.forget_failure(2);
    bench.load(2, 2).await;
    assert!(bench.read_now(3, Default).await.unwrap_err().is_not_found());
    bench.cache.clear();
    bench.load(3, 3).await;
}

#[test]
fn not_all_failures_are_remembered_and_the_latest_are() {
    let mut table = Table::<i32, u64>::new();
    let is_remembered = |table: &Table<i32, u64>, key| table.failure(key, 0, MINUTE).is_some();
    for key in 0..100_000 {
        table.failed(key, 0, Error::new(ErrorKind::NotFound, "gone"), MINUTE);
        assert!(is_remembered(&table, key));
    }
    let remembered = (0..100_000).filter(|key| is_remembered(&table, *key)).count();
    assert!((5_000..=10_000).contains(&remembered), "{remembered}");
}

#[tokio::test]
async fn nothing_is_read_ahead_below_the_reserve() {
    let bench = Bench::new();
    bench.load(1, 1).await;
    // Of ten calls at once nine are kept back.
    let mut limiter = crate::config::Limiter::default();
    limiter.spare = 9;
    limiter.windows[0].burst = Some(10);
    bench.limiter.reconfigure(&limiter).await.unwrap();
    bench.clock.advance(4 * MINUTE);
    assert_eq!(*bench.read_now(1, Default).await.unwrap(), 1);
    assert!(bench.api.next().await.is_none());
    assert_eq!((bench.cache.stats().refreshes, bench.cache.stats().refreshes_skipped), (0, 1));
    // It is tried again, and not with every read.
    for _ in 0..100 {
        bench.read_now(1, Default).await.unwrap();
    }
    assert_eq!(bench.cache.stats().refreshes_skipped, 1);
    limiter.spare = 8;
    bench.limiter.reconfigure(&limiter).await.unwrap();
    bench.clock.advance(15 * SECOND);
    bench.read_now(1, Default).await.unwrap();
    assert_eq!(bench.api.next().await.unwrap().priority, Priority::Background);
    // Whoever needs it has it read all the same.
    let bench = Bench::new();
    bench.limiter.reconfigure(&limiter).await.unwrap();
    bench.load(1, 2).await;
}

#[tokio::test]
async fn what_is_too_old_is_better_than_an_outage_and_for_a_day() {
    let bench = Bench::new();
    bench.load(1, 1).await;
    bench.clock.advance(5 * MINUTE);
    let read = bench.read(1, Default);
    bench.api.next().await.unwrap().send_and_answer(FAILURE);
    let stale = read.await.unwrap().unwrap();
    assert_eq!((*stale, stale.served()), (1, Served::Stale(Stale::Failed(ErrorKind::Server))));
    assert_eq!((stale.age(), stale.calls()), (5 * MINUTE, 1));
    // A hundred more readers make no call.
    for _ in 0..100 {
        assert_eq!(bench.read_now(1, Default).await.unwrap().calls(), 0);
    }
    assert_eq!((bench.api.made(), bench.cache.stats().stale), (2, 101));
    assert_eq!(bench.cache.stats().failures_repeated, 100);

    bench.clock.advance(Duration::from_hours(24));
    let read = bench.read(1, Default);
    bench.api.next().await.unwrap().send_and_answer(FAILURE);
    assert_eq!(read.await.unwrap().unwrap_err().kind(), ErrorKind::Server);
}

#[tokio::test]
async fn what_is_too_old_is_nothing_where_the_server_means_it() {
    for kind in
        [ErrorKind::Unauthorized, ErrorKind::ApplicationDisabled, ErrorKind::NotFound, ErrorKind::Oauth]
    {
        let bench = Bench::new();
        bench.load(1, 1).await;
        bench.clock.advance(5 * MINUTE);
        let read = bench.read(1, Default);
        bench.api.next().await.unwrap().send_and_answer(Answer::Failure(kind));
        assert_eq!(read.await.unwrap().unwrap_err().kind(), kind);
        assert_eq!(bench.read_now(1, Default).await.unwrap_err().kind(), kind);
    }
    let bench = Bench::new();
    bench.load(1, 1).await;
    bench.clock.advance(5 * MINUTE);
    let read = bench.read(1, NeverStale);
    bench.api.next().await.unwrap().send_and_answer(FAILURE);
    assert_eq!(read.await.unwrap().unwrap_err().kind(), ErrorKind::Server);
}

#[tokio::test]
async fn what_was_invalidated_is_no_answer_to_an_outage_unless_that_is_asked_for() {
    let bench = Bench::new();
    bench.load(1, 1).await;
    bench.generations.change(1);
    let read = bench.read(1, Default);
    bench.api.next().await.unwrap().send_and_answer(FAILURE);
    assert_eq!(read.await.unwrap().unwrap_err().kind(), ErrorKind::Server);
    let stale = bench.read_now(1, StaleAllowed).await.unwrap();
    assert_eq!((*stale, stale.served()), (1, Served::Stale(Stale::Invalidated)));
    // Nor does a write that came during the outage let it through.
    let bench = Bench::new();
    bench.load(1, 1).await;
    bench.clock.advance(5 * MINUTE);
    let read = bench.read(1, Default);
    let call = bench.api.next().await.unwrap();
    _ = call.send();
    bench.generations.change(1);
    call.answer(FAILURE);
    assert!(read.await.unwrap().is_err());
}

#[tokio::test]
async fn a_failed_read_does_not_undo_the_change_before_it() {
    let bench = Bench::new();
    bench.load(1, 1).await;
    bench.generations.change(1);
    for _ in 0..3 {
        let read = bench.read(1, Default);
        bench.api.next().await.unwrap().send_and_answer(FAILURE);
        assert!(read.await.unwrap().is_err());
        bench.clock.advance(MINUTE);
    }
    assert_eq!(*bench.load(1, 2).await, 2);
}

#[tokio::test]
async fn changes_during_loads_end_in_a_value_that_is_remembered() {
    let bench = Bench::new();
    for round in 0..3 {
        let read = bench.read(1, Default);
        let call = bench.api.next().await.unwrap();
        _ = call.send();
        bench.generations.change(1);
        call.answer(Answer::Value(round));
        read.await.unwrap().unwrap();
    }
    bench.load(1, 9).await;
    assert_eq!(*bench.read_now(1, Default).await.unwrap(), 9);
}

#[tokio::test]
async fn a_failure_is_remembered_longer_each_time_until_it_works() {
    let bench = Bench::new();
    for wait in [5, 10, 20, 40, 80, 160, 300, 300] {
        let read = bench.read(1, Default);
        bench.api.next().await.unwrap().send_and_answer(FAILURE);
        assert_eq!(read.await.unwrap().unwrap_err().attempts(), 1);
        bench.clock.advance(Duration::from_millis(wait * 1_000 - 1));
        // The same error at no cost.
        let error = bench.read_now(1, Default).await.unwrap_err();
        assert_eq!((error.kind(), error.attempts()), (ErrorKind::Server, 0));
        bench.clock.advance(Duration::from_millis(1));
    }
    bench.load(1, 1).await;
    bench.generations.change(1);
    let read = bench.read(1, Default);
    bench.api.next().await.unwrap().send_and_answer(FAILURE);
    read.await.unwrap().unwrap_err();
    bench.clock.advance(5 * SECOND);
    bench.load(1, 2).await;
}

#[tokio::test]
async fn an_error_that_cost_no_call_is_not_remembered() {
    for kind in [ErrorKind::MaxWait, ErrorKind::Deadline] {
        let bench = Bench::new();
        let read = bench.read(1, Default);
        bench.api.next().await.unwrap().answer(Answer::Failure(kind));
        assert_eq!(read.await.unwrap().unwrap_err().kind(), kind);
        // One that did is: a later part of a list may not have had its turn.
        let read = bench.read(1, Default);
        bench.api.next().await.unwrap().send_and_answer(Answer::Failure(kind));
        read.await.unwrap().unwrap_err();
        assert_eq!(bench.read_now(1, Default).await.unwrap_err().kind(), kind);
    }
}

#[tokio::test]
async fn a_refresh_is_a_call_that_begins_after_it_was_asked() {
    let bench = Bench::new();
    bench.load(1, 1).await;
    let first = bench.read(1, Refresh);
    let call = bench.api.next().await.unwrap();
    _ = call.send();
    // These come too late for it, and share the next one.
    let others: Vec<_> = (0..50).map(|_| bench.read(1, Refresh)).collect();
    // This one asks for no more than is remembered.
    assert_eq!(*bench.read_now(1, Default).await.unwrap(), 1);
    call.answer(Answer::Value(2));
    assert_eq!(*first.await.unwrap().unwrap(), 2);
    bench.api.next().await.unwrap().send_and_answer(Answer::Value(3));
    for other in others {
        assert_eq!(*other.await.unwrap().unwrap(), 3);
    }
    assert_eq!(bench.api.made(), 3);
    assert_eq!(*bench.read_now(1, Default).await.unwrap(), 3);
}

#[tokio::test]
async fn a_refresh_takes_no_failure_for_an_answer() {
    let bench = Bench::new();
    let read = bench.read(1, Default);
    bench.api.next().await.unwrap().send_and_answer(FAILURE);
    read.await.unwrap().unwrap_err();
    let refresh = bench.read(1, Refresh);
    bench.api.next().await.unwrap().send_and_answer(Answer::Value(1));
    assert_eq!(*refresh.await.unwrap().unwrap(), 1);
}

#[tokio::test]
async fn a_bypass_is_nobody_elses() {
    let bench = Bench::new();
    bench.load(1, 1).await;
    let bypasses = [bench.read(1, Bypass), bench.read(1, Bypass)];
    for value in [2, 3] {
        bench.api.next().await.unwrap().answer(Answer::Value(value));
    }
    for (bypass, value) in bypasses.into_iter().zip([2, 3]) {
        let answer = bypass.await.unwrap().unwrap();
        assert_eq!((*answer, answer.calls()), (value, 1));
    }
    assert_eq!(*bench.read_now(1, Default).await.unwrap(), 1);
}

#[tokio::test]
async fn what_is_stale_is_given_at_once_where_that_is_allowed() {
    let bench = Bench::new();
    bench.load(1, 1).await;
    bench.clock.advance(5 * MINUTE);
    for _ in 0..10 {
        let stale = bench.read_now(1, StaleAllowed).await.unwrap();
        assert_eq!((*stale, stale.served()), (1, Served::Stale(Stale::Refreshing)));
    }
    bench.api.next().await.unwrap().send_and_answer(Answer::Value(2));
    settle().await;
    let fresh = bench.read_now(1, StaleAllowed).await.unwrap();
    assert_eq!((*fresh, fresh.served(), bench.api.made()), (2, Served::Fresh, 2));
}

/// What one finds to be stale may have been renewed by the time it looks for who renews it.
#[test]
fn many_who_allow_stale_make_one_call_for_a_change() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).build().unwrap();
    let bench = Bench::new();
    let calls = Arc::new(AtomicU64::new(0));
    let its_calls = Arc::clone(&calls);
    let load = move |load: Load| {
        let calls = Arc::clone(&its_calls);
        async move {
            _ = load.watch.unwrap().before_attempt(EarlierAttempts::HadNoEffect);
            Ok(Loaded::new(calls.fetch_add(1, Ordering::Relaxed) + 1, 1))
        }
    };
    runtime.block_on(async {
        bench.cache.get(1, Default, load.clone()).await.unwrap();
        for round in 2..5_000 {
            bench.generations.change(1);
            let reads: Vec<_> = (0..4)
                .map(|_| {
                    let (cache, load) = (Arc::clone(&bench.cache), load.clone());
                    tokio::spawn(async move { cache.get(1, StaleAllowed, load).await.map(drop) })
                })
                .collect();
            for read in reads {
                read.await.unwrap().unwrap();
            }
            while bench.cache.good(1).is_none() {
                tokio::task::yield_now().await;
            }
            assert_eq!(calls.load(Ordering::Relaxed), round);
        }
    });
}

#[tokio::test]
async fn nothing_is_remembered_where_that_is_set() {
    let bench = Bench::with(&CacheRule { ttl: Duration::ZERO, ..CacheRule::default() });
    for policy in [Default, NeverStale, StaleAllowed, Refresh, Bypass] {
        let read = bench.read(1, policy);
        bench.api.next().await.unwrap().answer(Answer::Value(1));
        assert_eq!(read.await.unwrap().unwrap().calls(), 1);
    }
    assert!(bench.read_now(1, OnlyIfCached).await.is_err());
}

#[tokio::test]
async fn a_burst_of_events_costs_one_reload() {
    let bench = Bench::new();
    bench.load(1, 0).await;
    let mut reads = Vec::new();
    // A second of them, and whoever reads after each.
    for _ in 0..1_000 {
        bench.generations.change(1);
        bench.surroundings.on_event();
        reads.push(bench.read(1, Default));
        bench.clock.advance(Duration::from_millis(1));
        tokio::task::yield_now().await;
    }
    assert!(bench.api.next().await.is_none());
    bench.clock.advance(Duration::from_millis(250));
    bench.api.next().await.unwrap().send_and_answer(Answer::Value(1_000));
    for read in reads {
        assert_eq!(*read.await.unwrap().unwrap(), 1_000);
    }
    assert_eq!(bench.api.made(), 2);
}

#[tokio::test]
async fn events_without_end_hold_a_reload_up_for_two_seconds() {
    let bench = Bench::new();
    bench.generations.change(1);
    bench.surroundings.on_event();
    let read = bench.read(1, Default);
    settle().await;
    for _ in 0..19 {
        bench.clock.advance(Duration::from_millis(100));
        bench.surroundings.on_event();
    }
    assert!(bench.api.next().await.is_none());
    bench.clock.advance(Duration::from_millis(100));
    bench.surroundings.on_event();
    // The next burst has begun, and whoever waited for the last waits for no other.
    bench.api.next().await.unwrap().send_and_answer(Answer::Value(1));
    read.await.unwrap().unwrap();
}

#[tokio::test]
async fn what_webhooks_tell_of_is_good_for_longer_while_they_come() {
    let bench = Bench::new();
    bench.load(1, 1).await;
    bench.surroundings.on_delivery();
    // It was read before the first one came, so it may have missed some.
    bench.clock.advance(5 * MINUTE);
    assert!(bench.read_now(1, OnlyIfCached).await.is_err());
    bench.load(1, 2).await;
    bench.clock.advance(45 * MINUTE);
    assert!(bench.read_now(1, OnlyIfCached).await.is_ok());
    bench.surroundings.on_delivery();
    bench.clock.advance(14 * MINUTE);
    assert!(bench.read_now(1, OnlyIfCached).await.is_ok());
    bench.clock.advance(MINUTE);
    assert!(bench.read_now(1, OnlyIfCached).await.is_err());
    // Once none has come for an hour they may be lost.
    bench.load(1, 3).await;
    bench.clock.advance(44 * MINUTE);
    assert!(bench.read_now(1, OnlyIfCached).await.is_ok());
    bench.clock.advance(MINUTE);
    assert!(bench.read_now(1, OnlyIfCached).await.is_err());
}

#[tokio::test]
async fn what_was_read_while_no_webhooks_came_is_good_for_no_longer_when_they_come_again() {
    let bench = Bench::new();
    bench.surroundings.on_delivery();
    bench.clock.advance(Duration::from_hours(2));
    bench.load(1, 1).await;
    bench.clock.advance(5 * MINUTE);
    bench.surroundings.on_delivery();
    assert!(bench.read_now(1, OnlyIfCached).await.is_err());
    bench.clock.advance(SECOND);
    bench.load(1, 2).await;
    bench.clock.advance(45 * MINUTE);
    assert!(bench.read_now(1, OnlyIfCached).await.is_ok());
}

/// Nobody but the test holds it any more; moka takes a moment to let go.
pub(super) fn is_let_go(bench: &Bench, held: &Arc<u64>) -> bool {
    (0..100_000).any(|_| {
        std::thread::yield_now();
        assert!(bench.cache.good(0).is_none());
        Arc::strong_count(held) == 1
    })
}

#[tokio::test]
async fn what_is_cleared_is_gone() {
    let bench = Bench::new();
    let held = bench.load(1, 1).await.into_inner();
    bench.load(2, 2).await;
    assert_eq!(Arc::strong_count(&held), 2);
    bench.generations.change_all();
    bench.cache.clear();
    assert!(is_let_go(&bench, &held));
    for policy in [OnlyIfCached, StaleAllowed] {
        let read = bench.read(1, policy);
        if policy == StaleAllowed {
            bench.api.next().await.unwrap().send_and_answer(Answer::Value(3));
        }
        assert_eq!(read.await.unwrap().is_ok(), policy == StaleAllowed);
    }
}

#[tokio::test]
async fn what_is_too_old_for_anything_leaves_memory_when_it_is_asked_for() {
    let bench = Bench::new();
    let held = bench.load(1, 1).await.into_inner();
    bench.load(2, 2).await;
    bench.clock.advance(Duration::from_hours(24) + 5 * MINUTE);
    bench.read_now(1, OnlyIfCached).await.unwrap_err();
    assert!(is_let_go(&bench, &held));
}

/// What a load comes to for a reader on another runtime, when its own comes to an end.
fn after_the_end_of_a_runtime(end: impl FnOnce(Runtime)) -> Result<u64, Error> {
    let runtime = || tokio::runtime::Builder::new_current_thread().build().unwrap();
    let (first, second) = (runtime(), runtime());
    let bench = first.block_on(async {
        let bench = Bench::new();
        bench.read(1, Default);
        settle().await;
        bench
    });
    let joined = second.spawn({
        let (cache, load) = (Arc::clone(&bench.cache), bench.api.load());
        async move { cache.get(1, Default, load).await }
    });
    second.block_on(settle());
    end(first);
    second.block_on(async {
        while let Some(call) = bench.api.next().await {
            call.send_and_answer(Answer::Value(1));
        }
        joined.await.unwrap().map(|value| *value)
    })
}

/// It takes its loads along, and nobody else: they are begun anew, on the runtime of who waits.
#[test]
fn a_runtime_that_ends_leaves_no_reader_waiting() {
    assert_eq!(after_the_end_of_a_runtime(drop).unwrap(), 1);
}

#[test]
fn a_panic_elsewhere_is_no_panic_of_a_load() {
    let unwind = |runtime| {
        let unwound = catch_unwind(AssertUnwindSafe(|| {
            let _runtime: Runtime = runtime;
            std::panic::resume_unwind(Box::new("elsewhere"));
        }));
        assert!(unwound.is_err());
    };
    assert_eq!(after_the_end_of_a_runtime(unwind).unwrap(), 1);
}

#[test]
fn without_a_runtime_a_load_is_an_error() {
    let bench = Bench::new();
    let mut read = std::pin::pin!(bench.cache.get(1, Default, bench.api.load()));
    let read = read.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    let Poll::Ready(Err(error)) = read else { panic!("it waits for nothing") };
    assert_eq!(error.kind(), ErrorKind::Internal);
}

#[tokio::test]
async fn a_load_that_was_withdrawn_is_no_failure() {
    let bench = Bench::new();
    bench.load(1, 1).await;
    bench.clock.advance(4 * MINUTE);
    let mut context = Context::from_waker(Waker::noop());
    // When its turn comes, another one has just taken its place.
    let reader = Arc::new(Mutex::new(None));
    let load = |load: Load| {
        let (cache, api, reader) = (Arc::clone(&bench.cache), bench.api.load(), Arc::clone(&reader));
        let load: Loading = Box::pin(async move {
            let mut read = Box::pin(async move { cache.get(1, Refresh, api).await });
            assert!(read.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
            assert_eq!(
                load.watch.unwrap().before_attempt(EarlierAttempts::HadNoEffect),
                ControlFlow::Break(())
            );
            *reader.lock().unwrap() = Some(read);
            Err(Error::new(ErrorKind::Internal, "withdrawn"))
        });
        load
    };
    bench.cache.get(1, Default, load).await.unwrap();
    let call = bench.api.next().await.unwrap();
    call.send_and_answer(Answer::Failure(ErrorKind::NotFound));
    settle().await;
    let mut read = reader.lock().unwrap().take().unwrap();
    assert!(matches!(read.as_mut().poll(&mut context), Poll::Ready(Err(error)) if error.is_not_found()));
    // That failure is remembered as a first one is.
    bench.clock.advance(MINUTE + 5 * SECOND);
    let mut again = std::pin::pin!(bench.cache.get(1, Default, bench.api.load()));
    assert!(again.as_mut().poll(&mut context).is_pending());
}

#[tokio::test]
async fn a_refresh_takes_what_another_one_has_brought_since() {
    let bench = Bench::new();
    let first = bench.read(1, Default);
    let call = bench.api.next().await.unwrap();
    _ = call.send();
    let mut slow = std::pin::pin!(bench.cache.get(1, Refresh, bench.api.load()));
    assert!(slow.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    let mut slower = std::pin::pin!(bench.cache.get(1, Refresh, bench.api.load()));
    assert!(slower.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    let other = bench.read(1, Refresh);
    settle().await;
    call.answer(Answer::Value(1));
    let call = bench.api.next().await.unwrap();
    _ = call.send();
    // One looks when the other is on its way, and one when it has come.
    assert!(slow.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    call.answer(Answer::Value(2));
    assert_eq!((*first.await.unwrap().unwrap(), *other.await.unwrap().unwrap()), (1, 2));
    assert_eq!((*slow.await.unwrap(), *slower.await.unwrap()), (2, 2));
    assert_eq!(bench.api.made(), 2);
}

#[tokio::test]
async fn what_failed_a_moment_ago_is_not_tried_for_nobody() {
    let bench = Bench::new();
    bench.load(1, 1).await;
    // Due at four minutes, it is tried every quarter of the fifth; each failure is remembered twice as long as the last.
    for (seconds, is_tried) in [(240, true), (15, true), (15, true), (15, false)] {
        bench.clock.advance(seconds * SECOND);
        bench.read_now(1, Default).await.unwrap();
        let call = bench.api.next().await;
        assert_eq!(call.is_some(), is_tried);
        if let Some(call) = call {
            call.send_and_answer(FAILURE);
        }
        settle().await;
    }
    // Whoever takes what is too old gets it at once, and learns why.
    bench.clock.advance(15 * SECOND);
    bench.clock.advance(5 * SECOND);
    bench.read_now(1, StaleAllowed).await.unwrap();
    bench.api.next().await.unwrap().send_and_answer(FAILURE);
    settle().await;
    for _ in 0..10 {
        let stale = bench.read_now(1, StaleAllowed).await.unwrap();
        assert_eq!(stale.served(), Served::Stale(Stale::Failed(ErrorKind::Server)));
    }
    assert!(bench.api.next().await.is_none());
    // But for an answer that is meant it is no substitute.
    bench.clock.advance(5 * MINUTE);
    bench.read_now(1, StaleAllowed).await.unwrap();
    bench.api.next().await.unwrap().send_and_answer(Answer::Failure(ErrorKind::Unauthorized));
    settle().await;
    assert_eq!(bench.read_now(1, StaleAllowed).await.unwrap_err().kind(), ErrorKind::Unauthorized);
}

#[test]
fn so_many_changes_are_told_apart_and_then_all_has_changed() {
    let generations = Generations::new();
    let first = generations.change(0);
    for id in 1..100_000 {
        generations.change(id);
    }
    assert_eq!((generations.of(0), generations.of(-1)), (first, 0));
    generations.change(0);
    assert_eq!(generations.of(-1), 0);
    // One more.
    let last = generations.change(100_000);
    for id in [-1, 0, 99_999, 100_000] {
        assert_eq!(generations.of(id), last);
    }
}

#[tokio::test]
async fn what_a_refresh_found_to_be_gone_is_not_read_after_it() {
    let bench = Bench::new();
    bench.load(1, 1).await;
    bench.clock.advance(SECOND);
    let refresh = bench.read(1, Refresh);
    bench.api.next().await.unwrap().send_and_answer(Answer::Failure(ErrorKind::NotFound));
    assert_eq!(refresh.await.unwrap().unwrap_err().kind(), ErrorKind::NotFound);
    assert!(bench.read_now(1, Default).await.is_err());
}
