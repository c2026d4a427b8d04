//! What does a call cost beside what HTTP costs by itself?
//!
//! `get_user` with an answer of 2.4 KB from a server on this machine, through this workspace's client with everything on
//! and through what one could write instead (`callers.rs`). The same server, the same body, no TLS, one warm connection
//! each, and the same kind of runtime, of one thread. The server is in a thread of its own.
#![expect(clippy::unwrap_used, reason = "a benchmark may fail")]

use criterion::{Criterion, criterion_group, criterion_main};
use tokio::runtime::{Builder, Runtime};
use ultracart_benches::callers::{Bare, Chain, Ours, Raw};
use ultracart_benches::{server, user_body};

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

fn call(criterion: &mut Criterion) {
    let server = server::serve(&user_body().unwrap()).unwrap();
    let mut group = criterion.benchmark_group("call");
    group.bench_function("hyper", |b| {
        let runtime = runtime();
        let bare = runtime.block_on(Bare::connect(server)).unwrap();
        b.iter(|| runtime.block_on(bare.get_user()).unwrap());
    });
    group.bench_function("reqwest + derive", |b| {
        let (runtime, raw) = (runtime(), Raw::new(server).unwrap());
        b.iter(|| runtime.block_on(raw.get_user()).unwrap());
    });
    group.bench_function("+ retry + governor", |b| {
        let (runtime, chain) = (runtime(), Chain::new(server).unwrap());
        b.iter(|| runtime.block_on(chain.get_user()).unwrap());
    });
    group.bench_function("ultracart-client", |b| {
        let (runtime, ours) = (runtime(), Ours::new(server).unwrap());
        b.iter(|| runtime.block_on(ours.get_user()).unwrap());
    });
    group.finish();
}

criterion_group!(benches, call);
criterion_main!(benches);
