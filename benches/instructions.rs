//! How many instructions does it take to decode, to call, to hit?
//!
//! callgrind counts them; they repeat to within a few in ten thousand where times wobble by a tenth, and CI compares them
//! with `baseline.json` (`tests/checks/instructions.sh`). What it counts is what the thread does inside the function
//! that is measured: neither what comes before it nor the server, which is another thread. Decoding includes dropping
//! what was decoded. A call is made when the connection is warm, and the count is that of ten. A hit is polled once,
//! without a runtime, as whoever awaits it does, and the count is that of a thousand.
#![expect(
    clippy::unwrap_used,
    missing_docs,
    reason = "a benchmark may fail, and its harness is made by macros"
)]

use std::hint::black_box;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use gungraun::{Callgrind, LibraryBenchmarkConfig, library_benchmark, library_benchmark_group, main};
use serde::de::DeserializeOwned;
use tokio::runtime::{Builder, Runtime};
use ultracart_benches::callers::{Bare, Chain, Ours, Raw};
use ultracart_benches::peers::dropping;
use ultracart_benches::{UNKNOWN, server, user_body, users_body};
use ultracart_client::UserApi;
use ultracart_model::UsersResponse;

const CALLS: u32 = 10;

/// So many that those at which the kernel has just written its coarse clock make no difference.
const HITS: u32 = 1_000;

/// A body that has been decoded once, so that the allocator has nothing left to tidy up but what decoding leaves.
fn users<T: DeserializeOwned>(unknown: usize) -> Vec<u8> {
    let body = users_body(1_000, unknown).unwrap();
    decode_and_drop::<T>(&body);
    body
}

fn decode_and_drop<T: DeserializeOwned>(body: &[u8]) {
    drop(black_box(serde_json::from_slice::<T>(black_box(body)).unwrap()));
}

#[library_benchmark]
#[bench::without_unknown(users::<UsersResponse>(0))]
#[bench::with_47_unknown(users::<UsersResponse>(UNKNOWN))]
fn decode_ours(body: Vec<u8>) -> Vec<u8> {
    decode_and_drop::<UsersResponse>(&body);
    body
}

#[library_benchmark]
#[bench::without_unknown(users::<dropping::UsersResponse>(0))]
#[bench::with_47_unknown(users::<dropping::UsersResponse>(UNKNOWN))]
fn decode_derive(body: Vec<u8>) -> Vec<u8> {
    decode_and_drop::<dropping::UsersResponse>(&body);
    body
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

fn bare() -> (Runtime, Bare) {
    let server = server::serve(&user_body().unwrap()).unwrap();
    let runtime = runtime();
    let bare = runtime.block_on(Bare::connect(server)).unwrap();
    runtime.block_on(bare.get_user()).unwrap();
    (runtime, bare)
}

#[library_benchmark]
#[bench::ten(bare())]
fn call_hyper((runtime, bare): (Runtime, Bare)) -> (Runtime, Bare) {
    for _ in 0..CALLS {
        runtime.block_on(bare.get_user()).unwrap();
    }
    (runtime, bare)
}

fn raw() -> (Runtime, Raw) {
    let server = server::serve(&user_body().unwrap()).unwrap();
    let (runtime, raw) = (runtime(), Raw::new(server).unwrap());
    runtime.block_on(raw.get_user()).unwrap();
    (runtime, raw)
}

#[library_benchmark]
#[bench::ten(raw())]
fn call_reqwest_derive((runtime, raw): (Runtime, Raw)) -> (Runtime, Raw) {
    for _ in 0..CALLS {
        runtime.block_on(raw.get_user()).unwrap();
    }
    (runtime, raw)
}

fn chain() -> (Runtime, Chain) {
    let server = server::serve(&user_body().unwrap()).unwrap();
    let (runtime, chain) = (runtime(), Chain::new(server).unwrap());
    runtime.block_on(chain.get_user()).unwrap();
    (runtime, chain)
}

#[library_benchmark]
#[bench::ten(chain())]
fn call_middleware((runtime, chain): (Runtime, Chain)) -> (Runtime, Chain) {
    for _ in 0..CALLS {
        runtime.block_on(chain.get_user()).unwrap();
    }
    (runtime, chain)
}

fn ours() -> (Runtime, Ours) {
    let server = server::serve(&user_body().unwrap()).unwrap();
    let (runtime, ours) = (runtime(), Ours::new(server).unwrap());
    runtime.block_on(ours.get_user()).unwrap();
    (runtime, ours)
}

#[library_benchmark]
#[bench::ten(ours())]
fn call_ours((runtime, ours): (Runtime, Ours)) -> (Runtime, Ours) {
    for _ in 0..CALLS {
        runtime.block_on(ours.get_user()).unwrap();
    }
    (runtime, ours)
}

fn cached() -> UserApi {
    let server = server::serve(&users_body(1_000, 0).unwrap()).unwrap();
    let api = Ours::cached(server).unwrap();
    runtime().block_on(api.get_users()).unwrap();
    now(api.get_users()).unwrap();
    api
}

/// What a future that has nothing to wait for gives.
fn now<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => unreachable!("it waits"),
    }
}

#[library_benchmark]
#[bench::thousand(cached())]
fn hit(api: UserApi) -> UserApi {
    for _ in 0..HITS {
        drop(black_box(now(api.get_users()).unwrap()));
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
    // Only instructions are compared; to simulate a cache would take twice as long.
    config = LibraryBenchmarkConfig::default().tool(Callgrind::with_args(["--cache-sim=no"])),
    library_benchmark_groups = [decode, call, cache]
);
