//! Several threads at once, and runtimes that end.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use std::ops::ControlFlow;
use ultracart_transport::{EarlierAttempts, Error, ErrorKind};

use super::{Bench, Load, Loaded};
use crate::CachePolicy::{self, Refresh};
use crate::config::CacheRule;

/// Everything at once on several threads: reads of all kinds, some of which go away, changes, and time that passes.
#[test]
fn nothing_old_no_error_and_nobody_left_waiting() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).build().unwrap();
    let rule = CacheRule { refresh_at: 0.1, ..CacheRule::default() };
    let bench = Arc::new(Bench::with(&rule));
    let (version, settled) = (Arc::new(AtomicU64::new(1)), Arc::new(AtomicU64::new(1)));
    let load = {
        let version = Arc::clone(&version);
        move |load: Load| {
            let version = Arc::clone(&version);
            async move {
                tokio::task::yield_now().await;
                // As the transport does it: in a task of its own.
                let sent =
                    tokio::spawn(
                        async move { load.watch.unwrap().before_attempt(EarlierAttempts::HadNoEffect) },
                    );
                if sent.await.unwrap() == ControlFlow::Break(()) {
                    return Err(Error::new(ErrorKind::Internal, "withdrawn"));
                }
                let value = version.load(Ordering::SeqCst);
                tokio::task::yield_now().await;
                Ok(Loaded::new(value, 1))
            }
        }
    };
    let (mut errors, mut old) = (Vec::new(), 0);
    for round in 0..500_u64 {
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
                    let policy = if (round + reader) % 5 == 0 { Refresh } else { CachePolicy::Default };
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
            match runtime.block_on(read).unwrap() {
                Ok(is_new) => old += u32::from(!is_new),
                Err(error) => errors.push((round, error.to_string())),
            }
        }
    }
    assert_eq!((old, errors.len()), (0, 0), "{errors:?}");
}

#[test]
fn a_read_through_a_handle_of_a_runtime_that_has_ended_is_an_error() {
    let bench = Bench::new();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
    let handle = runtime.handle().clone();
    runtime.shutdown_background();
    let read = handle.block_on(bench.cache.get(1, CachePolicy::Default, bench.api.load()));
    assert_eq!(read.unwrap_err().kind(), ErrorKind::Internal);
}
