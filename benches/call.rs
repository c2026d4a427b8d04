//! How long does a call take, compared with plain HTTP and with clients built from other crates?
//!
//! Measures `get_user` with a response of 2.4 KB, through `ultracart-client` with all features and through
//! its peers (`callers.rs`). All use the same server and body, no TLS, one warm connection and a
//! current-thread runtime. The server runs on this machine, in another thread.
#![expect(clippy::unwrap_used, reason = "a benchmark may panic")]

use criterion::{Criterion, criterion_group, criterion_main};
use tokio::runtime::{Builder, Runtime};
use ultracart_benches::callers::{Hyper, MiddlewareStack, ReqwestDerive, UltraCart};
use ultracart_benches::{server, user_body};

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

fn call(criterion: &mut Criterion) {
    let server = server::serve(&user_body().unwrap()).unwrap();
    let mut group = criterion.benchmark_group("call");
    group.bench_function("hyper", |b| {
        let runtime = runtime();
        let hyper = runtime.block_on(Hyper::connect(server)).unwrap();
        b.iter(|| runtime.block_on(hyper.get_user()).unwrap());
    });
    group.bench_function("reqwest + derive", |b| {
        let (runtime, reqwest) = (runtime(), ReqwestDerive::new(server).unwrap());
        b.iter(|| runtime.block_on(reqwest.get_user()).unwrap());
    });
    group.bench_function("+ retry + governor", |b| {
        let (runtime, stack) = (runtime(), MiddlewareStack::new(server).unwrap());
        b.iter(|| runtime.block_on(stack.get_user()).unwrap());
    });
    group.bench_function("ultracart-client", |b| {
        let (runtime, ultracart) = (runtime(), UltraCart::new(server).unwrap());
        b.iter(|| runtime.block_on(ultracart.get_user()).unwrap());
    });
    group.finish();
}

criterion_group!(benches, call);
criterion_main!(benches);
