//! How long does decoding a list of 1,000 users take?
//!
//! The peers are `serde_json::Value` and two sets of types that have the same fields and use serde's derive.
//! One set drops unknown fields, the other keeps them (`flatten`). All decode the same bytes completely, and
//! the time includes dropping the result. They decode two bodies: one without unknown fields, and one with 47
//! in each user.
//!
//! If the environment variable `BENCH_PYTHON` names a Python interpreter with UltraCart's client, only that
//! client and `ultracart-model` are compared (`benches/python/run.sh`).
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark may panic, and prints its results"
)]

use std::hint::black_box;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group};
use serde_json::Value;
use ultracart_benches::peers::{dropping, keeping};
use ultracart_benches::{UNKNOWN_FIELDS, users_body};
use ultracart_model::UsersResponse;

fn decode(criterion: &mut Criterion) {
    for (name, unknown) in [("decode", 0), ("decode unknown", UNKNOWN_FIELDS)] {
        let body = users_body(1_000, unknown).unwrap();
        let mut group = criterion.benchmark_group(name);
        group.sample_size(50).throughput(Throughput::Bytes(body.len() as u64));
        group.bench_function("ultracart-model", |b| {
            b.iter(|| serde_json::from_slice::<UsersResponse>(&body).unwrap());
        });
        group.bench_function("derive, drops", |b| {
            b.iter(|| serde_json::from_slice::<dropping::UsersResponse>(&body).unwrap());
        });
        group.bench_function("derive, flatten", |b| {
            b.iter(|| serde_json::from_slice::<keeping::UsersResponse>(&body).unwrap());
        });
        group.bench_function("Value", |b| {
            b.iter(|| serde_json::from_slice::<Value>(&body).unwrap());
        });
        group.finish();
    }
}

/// Compares `ultracart-model` with UltraCart's Python client. Both times are the fastest of several runs.
fn compare_with_python(python: &str) {
    let body = users_body(1_000, 0).unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/python/decode.py");
    let mut command = Command::new(python);
    let mut process = command.arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    process.stdin.take().unwrap().write_all(&body).unwrap();
    let output = process.wait_with_output().unwrap();
    let theirs: f64 = String::from_utf8(output.stdout).unwrap().trim().parse().unwrap();
    let ours = (0..50).map(|_| time_decoding(&body)).min().unwrap().as_secs_f64();
    println!("UltraCart's Python client: {:.1} ms, ultracart-model: {:.2} ms", theirs * 1e3, ours * 1e3);
    println!("{:.0} times as fast", theirs / ours);
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]
fn time_decoding(body: &[u8]) -> Duration {
    let start = Instant::now();
    drop(black_box(serde_json::from_slice::<UsersResponse>(black_box(body)).unwrap()));
    start.elapsed()
}

criterion_group!(benches, decode);

fn main() {
    if let Ok(path) = std::env::var("BENCH_PYTHON") {
        return compare_with_python(&path);
    }
    benches();
    Criterion::default().configure_from_args().final_summary();
}
