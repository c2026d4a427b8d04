//! The limiter in virtual time.

mod constraints;
mod evidence;
mod machine;
mod properties;
mod rejections;
mod sharing;
mod turns;
mod waiting;

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Mutex as StdMutex;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

use proptest::prelude::*;

use super::reservation::{Decision, Reservation};
use super::store::{Pending, Store};
use super::*;
use crate::clock::Instant;
use crate::config::Window;
use crate::error::{ErrorKind, RejectedWindow, Rejection};

const MS: fn(u64) -> Duration = Duration::from_millis;
const S: fn(u64) -> Duration = Duration::from_secs;
const HOUR: Duration = Duration::from_hours(1);

fn limiter(config: &config::Limiter) -> Limiter {
    Limiter::new(config).unwrap()
}

/// Three calls in thirty seconds and a hundred in an hour, of which none is kept back.
fn small() -> config::Limiter {
    config::Limiter {
        spare: 0,
        windows: vec![Window::new(3, S(30)), Window::new(100, HOUR)],
        ..config::Limiter::default()
    }
}

/// How long the limiter's clock has run.
fn now(limiter: &Limiter) -> Duration {
    limiter.clock().now().since(Instant::START)
}

async fn acquire(limiter: &Limiter) -> Permit {
    limiter.acquire(&AcquireRequest::default()).await.unwrap()
}

/// A call that takes no time; when it was sent.
async fn call(limiter: &Limiter, outcome: Outcome) -> Duration {
    call_taking(limiter, Duration::ZERO, outcome).await
}

async fn call_taking(limiter: &Limiter, service_time: Duration, outcome: Outcome) -> Duration {
    let mut permit = acquire(limiter).await;
    let at = now(limiter);
    permit.mark_sent();
    tokio::time::advance(service_time).await;
    permit.finish(outcome);
    at
}

fn rejected(retry_after: Option<Duration>, window: Option<Window>) -> Outcome {
    let window = window.map(|window| RejectedWindow { calls: window.calls, per: window.per });
    Outcome::Rejected(Rejection { retry_after, window })
}

async fn left(limiter: &Limiter) -> Vec<u32> {
    limiter.snapshot().await.unwrap().windows.iter().map(|window| window.remaining).collect()
}
