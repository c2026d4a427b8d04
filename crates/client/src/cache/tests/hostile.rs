//! What a hostile review found. Each test says what is promised; those that fail are marked in the review's report.

use std::future::Future;
use std::sync::{Arc, mpsc};
use std::task::{Context, Waker};
use std::time::Duration;

use ultracart_model::{User, UserId};
use ultracart_transport::ErrorKind;

use super::{Answer, Bench, MINUTE, SECOND};
use crate::CachePolicy::{self, Refresh, StaleAllowed};
use crate::Served;
use crate::cache::generations::Generations;
use crate::cache::recent::{Outcome, Recent};

const DEFAULT: CachePolicy = CachePolicy::Default;
const MISSING: Answer = Answer::Failure(ErrorKind::NotFound);

/// Whether this comes to an end within a second of real time.
fn ends(work: impl FnOnce() + Send + 'static) -> bool {
    let (done, is_done) = mpsc::channel();
    std::thread::spawn(move || {
        work();
        _ = done.send(());
    });
    is_done.recv_timeout(Duration::from_secs(1)).is_ok()
}

#[test]
fn a_read_without_a_runtime_fails_and_does_not_spin() {
    assert!(ends(|| {
        let bench = Bench::new();
        let mut read = Box::pin(bench.cache.get(1, DEFAULT, bench.api.load()));
        _ = read.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    }));
}

#[test]
fn a_read_on_a_runtime_that_has_ended_fails_and_does_not_spin() {
    assert!(ends(|| {
        let bench = Bench::new();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
        let handle = runtime.handle().clone();
        runtime.shutdown_background();
        _ = handle.block_on(bench.cache.get(1, DEFAULT, bench.api.load()));
    }));
}

/// The way a program ends: the runtime goes while a task of its own is about to read.
#[test]
fn a_runtime_ends_though_a_task_on_it_is_about_to_read() {
    assert!(ends(|| {
        let bench = Bench::new();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
        let (begun, has_begun) = mpsc::channel();
        let (cache, load) = (Arc::clone(&bench.cache), bench.api.load());
        runtime.spawn(async move {
            begun.send(()).unwrap();
            std::thread::sleep(Duration::from_millis(200));
            _ = cache.get(1, DEFAULT, load).await;
        });
        has_begun.recv().unwrap();
        drop(runtime);
    }));
}

#[tokio::test]
async fn what_a_refresh_found_to_be_gone_is_not_read_after_it() {
    let bench = Bench::new();
    bench.load(1, 1).await;
    bench.clock.advance(SECOND);
    let refresh = bench.read(1, Refresh);
    bench.api.next().await.unwrap().send_and_answer(MISSING);
    assert_eq!(refresh.await.unwrap().unwrap_err().kind(), ErrorKind::NotFound);
    assert!(bench.read_now(1, DEFAULT).await.is_err(), "the server has said since that it is gone");
}

#[test]
fn what_was_inserted_is_not_noted_for_ever() {
    let recent = Recent::default();
    let users: Vec<_> = (0..1_000).map(|id| Arc::new(User::new().user_id(id))).collect();
    for (place, user) in users.iter().enumerate() {
        let place = u32::try_from(place).unwrap();
        let at = MINUTE * place;
        recent.new_written(at);
        recent.new_is_known(at);
        let id = UserId::from(i32::try_from(place).unwrap());
        recent.is::<crate::list::Users>(
            id,
            u64::from(place) + 1,
            at,
            Some(Outcome::Stored(Arc::clone(user))),
        );
    }
    let noted = users.iter().filter(|user| Arc::strong_count(user) > 1).count();
    assert!(noted < 10, "{noted} notes, of which the oldest is from 16 hours ago");
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

#[tokio::test]
async fn stale_is_told_from_fresh() {
    let bench = Bench::new();
    bench.load(1, 1).await;
    bench.generations.change(1);
    let stale = bench.read_now(1, StaleAllowed).await.unwrap();
    assert_ne!(stale.served(), Served::Fresh);
    bench.cache.clear();
    // Nothing is remembered: whoever allows stale waits for what is on its way.
    let read = bench.read(1, StaleAllowed);
    bench.api.next().await.unwrap().send_and_answer(Answer::Value(2));
    assert_eq!(*read.await.unwrap().unwrap(), 2);
    assert_eq!(bench.api.made(), 2);
}

#[test]
fn what_was_written_leaves_memory_when_lists_are_read_long_after() {
    let (recent, generations) = (Recent::default(), Generations::new());
    let user = Arc::new(User::new().user_id(7));
    recent.is::<crate::list::Users>(UserId::from(7), 1, SECOND, Some(Outcome::Stored(Arc::clone(&user))));
    let list = [User::new().user_id(7)].into_iter().collect();
    drop(recent.settle_users(list, Duration::from_hours(48), &generations));
    assert_eq!(Arc::strong_count(&user), 1);
}

/// Everything at once on several threads: reads of all kinds, some of which go away, changes, and time that passes.
#[test]
fn nothing_old_no_error_and_nobody_who_waits_for_ever() {
    use std::sync::atomic::{AtomicU64, Ordering};
    use ultracart_transport::{Error, Sending};
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).build().unwrap();
    let rule = crate::config::CacheRule { refresh_at: 0.0, ..crate::config::CacheRule::default() };
    let bench = Arc::new(Bench::with(&rule));
    let (version, settled) = (Arc::new(AtomicU64::new(1)), Arc::new(AtomicU64::new(1)));
    let load = {
        let version = Arc::clone(&version);
        move |load: crate::cache::Load| {
            let version = Arc::clone(&version);
            async move {
                tokio::task::yield_now().await;
                // As the transport does it: in a task of its own.
                let sent = tokio::spawn(async move { load.watch.unwrap().on_sending() });
                if sent.await.unwrap() == Sending::Withdraw {
                    return Err(Error::new(ErrorKind::Internal, "withdrawn"));
                }
                let value = version.load(Ordering::SeqCst);
                tokio::task::yield_now().await;
                Ok(crate::cache::Loaded::new(value, 1))
            }
        }
    };
    let (mut errors, mut old) = (Vec::new(), 0);
    for round in 0..3_000_u64 {
        let reads: Vec<_> = (0..12_u64)
            .map(|reader| {
                let (bench, load) = (Arc::clone(&bench), load.clone());
                let (version, settled) = (Arc::clone(&version), Arc::clone(&settled));
                runtime.spawn(async move {
                    match (round + reader) % 7 {
                        0 => {
                            let new = version.fetch_add(1, Ordering::SeqCst) + 1;
                            bench.generations.change(1);
                            settled.fetch_max(new, Ordering::SeqCst);
                            return Ok(true);
                        }
                        1 => bench.clock.advance(Duration::from_secs(76)),
                        _ => {}
                    }
                    let policy = if (round + reader) % 5 == 0 { Refresh } else { DEFAULT };
                    let oldest = settled.load(Ordering::SeqCst);
                    let read = bench.cache.get(1, policy, load);
                    if (round + reader) % 3 == 0 {
                        let mut read = std::pin::pin!(read);
                        let patience = async {
                            for _ in 0..reader % 4 {
                                tokio::task::yield_now().await;
                            }
                        };
                        tokio::select! {
                            biased;
                            answer = &mut read => answer.map(|answer| *answer >= oldest),
                            () = patience => Ok(true),
                        }
                    } else {
                        read.await.map(|answer| *answer >= oldest)
                    }
                })
            })
            .collect();
        for read in reads {
            // Real time: nobody may wait for ever.
            let (done, is_done) = mpsc::channel();
            runtime.spawn(async move { _ = done.send(read.await) });
            match is_done.recv_timeout(5 * SECOND).expect("it waits for ever").unwrap() {
                Ok(is_new) => old += u32::from(!is_new),
                Err(error) => errors.push((round, error.to_string())),
            }
        }
    }
    assert_eq!((old, errors.len()), (0, 0), "{errors:?}");
}
