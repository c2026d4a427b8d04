//! What does it cost to decode a list of 1,000 users?
//!
//! Against serde's derive with the same fields, which drops what it does not know or keeps it (`flatten`), and against a
//! `serde_json::Value`. All decode the same bytes wholly and drop the result inside the measurement: whoever decodes
//! pays for both. One body has no unknown field, the other 47 for each user.
//!
//! UltraCart's own Python client decodes the same bytes where `BENCH_PYTHON` names a Python that has it:
//! `benches/python/run.sh`.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark may fail, and tells on the terminal"
)]

use std::hint::black_box;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group};
use serde_json::Value;
use ultracart_benches::peers::{dropping, keeping};
use ultracart_benches::{UNKNOWN, users_body};
use ultracart_model::UsersResponse;

fn decode(criterion: &mut Criterion) {
    for (name, unknown) in [("decode", 0), ("decode unknown", UNKNOWN)] {
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

/// The same bytes through UltraCart's own Python client, each the best of several times.
fn python(python: &str) {
    let body = users_body(1_000, 0).unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/python/decode.py");
    let mut command = Command::new(python);
    let mut process = command.arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    process.stdin.take().unwrap().write_all(&body).unwrap();
    let output = process.wait_with_output().unwrap();
    let theirs: f64 = String::from_utf8(output.stdout).unwrap().trim().parse().unwrap();
    let ours = (0..50).map(|_| time(&body)).min().unwrap().as_secs_f64();
    println!("UltraCart's Python client: {:.1} ms, ultracart-model: {:.2} ms", theirs * 1e3, ours * 1e3);
    println!("{:.0} times as fast", theirs / ours);
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures the machine's time")]
fn time(body: &[u8]) -> Duration {
    let start = Instant::now();
    drop(black_box(serde_json::from_slice::<UsersResponse>(black_box(body)).unwrap()));
    start.elapsed()
}

criterion_group!(benches, decode);

fn main() {
    if let Ok(path) = std::env::var("BENCH_PYTHON") {
        return python(&path);
    }
    benches();
    Criterion::default().configure_from_args().final_summary();
}
