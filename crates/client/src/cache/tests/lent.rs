//! Hits that threads do not meet at, and the coarse clock that they go by.

use std::sync::Arc;
use std::time::Duration;

use super::reads::is_let_go;
use super::{Answer, Bench, MINUTE, SECOND};
use crate::CachePolicy::{self, Bypass, Default, NeverStale, OnlyIfCached, Refresh, StaleAllowed};
use crate::cache::cached::Cached;
use crate::cache::surroundings;
use crate::config::CacheRule;

const TICK: Duration = Duration::from_nanos(surroundings::TICK);

fn lent(bench: &Bench, policy: CachePolicy) -> Option<Cached<u64>> {
    bench.cache.lent_hit(1, policy).map(Cached::from)
}

#[tokio::test]
async fn every_thread_is_lent_the_same_and_counted() {
    let bench = Bench::with(&CacheRule::default());
    assert!(lent(&bench, Default).is_none());
    let loaded = bench.load(1, 7).await;
    bench.clock.advance(MINUTE);
    std::thread::scope(|scope| {
        for _ in 0..40 {
            scope.spawn(|| {
                for _ in 0..50 {
                    let hit = lent(&bench, Default).unwrap();
                    assert_eq!((*hit, hit.calls(), hit.age()), (7, 0, MINUTE));
                    assert!(Arc::ptr_eq(hit.as_ref(), loaded.as_ref()));
                    assert!(Arc::ptr_eq(&hit.clone().into_inner(), loaded.as_ref()));
                }
            });
        }
    });
    let stats = bench.cache.stats();
    assert_eq!((stats.hits, stats.misses, stats.calls_saved), (2_000, 1, 2_000));
    assert!(bench.cache.lent_hit(2, Default).is_none());
}

#[tokio::test]
async fn nothing_is_lent_where_it_was_not_to_be_looked_for() {
    let bench = Bench::with(&CacheRule::default());
    bench.load(1, 7).await;
    assert!([Default, NeverStale, StaleAllowed].iter().all(|policy| lent(&bench, *policy).is_some()));
    assert!([Refresh, Bypass, OnlyIfCached].iter().all(|policy| lent(&bench, *policy).is_none()));
}

#[tokio::test]
async fn what_has_changed_or_is_cleared_is_lent_no_more() {
    let bench = Bench::with(&CacheRule::default());
    drop(bench.load(1, 7).await);
    bench.generations.change(1);
    assert!(lent(&bench, Default).is_none());
    drop(bench.load(1, 8).await);
    let value = Arc::downgrade(lent(&bench, Default).unwrap().as_ref());
    assert_eq!(value.upgrade().as_deref(), Some(&8));
    // One who read it and goes on without it.
    std::thread::scope(|scope| scope.spawn(|| drop(lent(&bench, Default).unwrap())).join()).unwrap();
    bench.cache.clear();
    assert!(lent(&bench, Default).is_none() && value.upgrade().is_none());
}

#[tokio::test]
async fn a_value_whose_time_is_up_is_lent_no_more() {
    let bench = Bench::with(&CacheRule::default());
    let held = bench.load(1, 7).await.into_inner();
    bench.clock.advance(25 * 60 * MINUTE);
    assert!(bench.read_now(1, OnlyIfCached).await.is_err());
    assert!(lent(&bench, Default).is_none() && is_let_go(&bench, &held));
}

#[tokio::test]
async fn a_clock_that_lags_gives_out_nothing_that_is_too_old() {
    let bench = Bench::with(&CacheRule { ttl: MINUTE, refresh_at: 1.0, ..CacheRule::default() });
    *bench.clock.lag.lock().unwrap() = TICK;
    bench.load(1, 7).await;
    bench.clock.advance(59 * SECOND);
    assert_eq!(lent(&bench, Default).unwrap().age(), (59 * SECOND).saturating_sub(TICK));
    // From here on the exact time decides, up to the last moment.
    bench.clock.advance(SECOND.saturating_sub(TICK / 2));
    assert!(bench.read_now(1, NeverStale).await.is_ok());
    bench.clock.advance(TICK / 2);
    assert!(lent(&bench, Default).is_none());
    let read = bench.read(1, NeverStale);
    bench.api.next().await.unwrap().send_and_answer(Answer::Value(8));
    assert_eq!(*read.await.unwrap().unwrap(), 8);
    assert_eq!(*lent(&bench, Default).unwrap(), 8);
}
