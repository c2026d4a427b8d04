//! How many instructions do decoding, a call and a cache hit take?
//!
//! callgrind counts them. If the same code runs twice, the counts differ by a few hundredths of a percent,
//! whereas the times differ by 10%. CI compares the counts with `baseline.json`
//! (`tests/checks/instructions.sh`).
//!
//! A count covers one thread, inside the measured function. It includes neither the setup nor the server,
//! which runs in another thread. Decoding includes dropping the result. A call uses a warm connection, and
//! ten calls are counted. A hit is polled once, without a runtime, and a thousand hits are counted.
#![expect(
    clippy::unwrap_used,
    missing_docs,
    reason = "a benchmark may panic, and macros generate its harness"
)]

use std::hint::black_box;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use gungraun::{Callgrind, LibraryBenchmarkConfig, library_benchmark, library_benchmark_group, main};
use serde::de::DeserializeOwned;
use tokio::runtime::{Builder, Runtime};
use ultracart_benches::callers::{Hyper, MiddlewareStack, ReqwestDerive, UltraCart};
use ultracart_benches::peers::dropping;
use ultracart_benches::{UNKNOWN_FIELDS, server, user_body, users_body};
use ultracart_client::UserApi;
use ultracart_model::UsersResponse;

const CALLS: u32 = 10;

/// Number of hits that are counted together. The first hit after each update of the kernel's coarse clock
/// takes more instructions, which does not matter among so many hits.
const HITS: u32 = 1_000;

/// Returns the response body of `get_users` with 1,000 users, each with `unknown` unknown fields. Also
/// decodes the body once. So when the measurement starts, the allocator already has memory from the system.
fn decoded_once<T: DeserializeOwned>(unknown: usize) -> Vec<u8> {
    let body = users_body(1_000, unknown).unwrap();
    decode_and_drop::<T>(&body);
    body
}

fn decode_and_drop<T: DeserializeOwned>(body: &[u8]) {
    drop(black_box(serde_json::from_slice::<T>(black_box(body)).unwrap()));
}

#[library_benchmark]
#[bench::without_unknown(decoded_once::<UsersResponse>(0))]
#[bench::with_47_unknown(decoded_once::<UsersResponse>(UNKNOWN_FIELDS))]
fn decode_ours(body: Vec<u8>) -> Vec<u8> {
    decode_and_drop::<UsersResponse>(&body);
    body
}

#[library_benchmark]
#[bench::without_unknown(decoded_once::<dropping::UsersResponse>(0))]
#[bench::with_47_unknown(decoded_once::<dropping::UsersResponse>(UNKNOWN_FIELDS))]
fn decode_derive(body: Vec<u8>) -> Vec<u8> {
    decode_and_drop::<dropping::UsersResponse>(&body);
    body
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

fn hyper() -> (Runtime, Hyper) {
    let server = server::serve(&user_body().unwrap()).unwrap();
    let runtime = runtime();
    let hyper = runtime.block_on(Hyper::connect(server)).unwrap();
    runtime.block_on(hyper.get_user()).unwrap();
    (runtime, hyper)
}

#[library_benchmark]
#[bench::ten(hyper())]
fn call_hyper((runtime, hyper): (Runtime, Hyper)) -> (Runtime, Hyper) {
    for _ in 0..CALLS {
        runtime.block_on(hyper.get_user()).unwrap();
    }
    (runtime, hyper)
}

fn reqwest() -> (Runtime, ReqwestDerive) {
    let server = server::serve(&user_body().unwrap()).unwrap();
    let (runtime, reqwest) = (runtime(), ReqwestDerive::new(server).unwrap());
    runtime.block_on(reqwest.get_user()).unwrap();
    (runtime, reqwest)
}

#[library_benchmark]
#[bench::ten(reqwest())]
fn call_reqwest_derive((runtime, reqwest): (Runtime, ReqwestDerive)) -> (Runtime, ReqwestDerive) {
    for _ in 0..CALLS {
        runtime.block_on(reqwest.get_user()).unwrap();
    }
    (runtime, reqwest)
}

fn stack() -> (Runtime, MiddlewareStack) {
    let server = server::serve(&user_body().unwrap()).unwrap();
    let (runtime, stack) = (runtime(), MiddlewareStack::new(server).unwrap());
    runtime.block_on(stack.get_user()).unwrap();
    (runtime, stack)
}

#[library_benchmark]
#[bench::ten(stack())]
fn call_middleware((runtime, stack): (Runtime, MiddlewareStack)) -> (Runtime, MiddlewareStack) {
    for _ in 0..CALLS {
        runtime.block_on(stack.get_user()).unwrap();
    }
    (runtime, stack)
}

fn ultracart() -> (Runtime, UltraCart) {
    let server = server::serve(&user_body().unwrap()).unwrap();
    let (runtime, ultracart) = (runtime(), UltraCart::new(server).unwrap());
    runtime.block_on(ultracart.get_user()).unwrap();
    (runtime, ultracart)
}

#[library_benchmark]
#[bench::ten(ultracart())]
fn call_ours((runtime, ultracart): (Runtime, UltraCart)) -> (Runtime, UltraCart) {
    for _ in 0..CALLS {
        runtime.block_on(ultracart.get_user()).unwrap();
    }
    (runtime, ultracart)
}

fn warm_cache() -> UserApi {
    let server = server::serve(&users_body(1_000, 0).unwrap()).unwrap();
    let api = UltraCart::cached(server).unwrap();
    runtime().block_on(api.get_users()).unwrap();
    poll_once(api.get_users()).unwrap();
    api
}

/// Returns the value of a future that is ready when first polled.
fn poll_once<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => unreachable!("the future is not ready"),
    }
}

#[library_benchmark]
#[bench::thousand(warm_cache())]
fn hit(api: UserApi) -> UserApi {
    for _ in 0..HITS {
        drop(black_box(poll_once(api.get_users()).unwrap()));
    }
    api
}

library_benchmark_group!(name = decode, benchmarks = [decode_ours, decode_derive]);
library_benchmark_group!(
    name = call,
    benchmarks = [call_hyper, call_reqwest_derive, call_middleware, call_ours]
);
library_benchmark_group!(name = cache, benchmarks = [hit]);
main!(
    // Only instructions are compared, and simulating CPU caches would take twice as long.
    config = LibraryBenchmarkConfig::default().tool(Callgrind::with_args(["--cache-sim=no"])),
    library_benchmark_groups = [decode, call, cache]
);
