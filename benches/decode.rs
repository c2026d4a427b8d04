//! What does it cost to decode a list of 1,000 users, against a `serde_json::Value`?
//!
//! Both decode the same bytes wholly and drop the result inside the measurement.
#![expect(clippy::unwrap_used, reason = "a benchmark may fail")]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ultracart_model::UsersResponse;

fn decode(criterion: &mut Criterion) {
    let body = serde_json::to_vec(&ultracart_benches::users(1_000)).unwrap();
    let mut group = criterion.benchmark_group("decode 1,000 users");
    group.throughput(Throughput::Bytes(body.len() as u64));
    group.bench_function("ultracart-model", |b| {
        b.iter(|| serde_json::from_slice::<UsersResponse>(&body).unwrap());
    });
    group.bench_function("serde_json::Value", |b| {
        b.iter(|| serde_json::from_slice::<serde_json::Value>(&body).unwrap());
    });
    group.finish();
}

criterion_group!(benches, decode);
criterion_main!(benches);
