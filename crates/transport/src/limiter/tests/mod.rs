//! Tests of the limiter in virtual time.

mod clocks;
mod constraints;
mod evidence;
mod permits;
mod properties;
mod rejections;
mod sharing;
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

/// A configuration that allows three calls in 30 seconds and a hundred an hour, without spare calls.
fn small_windows() -> config::Limiter {
    config::Limiter {
        spare: 0,
        windows: vec![Window::new(3, S(30)), Window::new(100, HOUR)],
        ..config::Limiter::default()
    }
}

/// Time since the start of the limiter's clock.
fn now(limiter: &Limiter) -> Duration {
    limiter.clock().now().since(Instant::START)
}

async fn acquire(limiter: &Limiter) -> Permit {
    limiter.acquire(&AcquireRequest::default()).await.unwrap()
}

/// Makes a call that takes no time. Returns the time at which it was sent.
async fn call(limiter: &Limiter, outcome: Outcome) -> Duration {
    call_taking(limiter, Duration::ZERO, outcome).await
}

/// Makes a call that takes `service_time`. Returns the time at which it was sent.
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

/// The remaining calls of each window: first the application's windows, then those of the IP address.
async fn remaining(limiter: &Limiter) -> Vec<u32> {
    limiter.snapshot().await.unwrap().windows.iter().map(|window| window.remaining).collect()
}
