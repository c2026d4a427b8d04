//! How much memory does a decoded list of 1,000 users hold, and how many allocations do decoding and a call
//! take?
//!
//! The libraries compared and the response bodies are those of `decode.rs` and `call.rs`. Only requested
//! bytes are counted, and not the allocator's overhead for each allocation. Leaving out the overhead favours
//! types whose values take many allocations. The results are the same in each run.
//!
//! This is a separate program, since counting would disturb measurements of time. `--json` prints the results
//! for `tests/checks/instructions.sh`.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark may panic, and prints its results"
)]

use allocation_counter::AllocationInfo;
use serde_json::{Map, Value};
use tokio::runtime::Builder;
use ultracart_benches::callers::{MiddlewareStack, ReqwestDerive, UltraCart};
use ultracart_benches::peers::{dropping, keeping};
use ultracart_benches::{UNKNOWN_FIELDS, server, user_body, users_body};
use ultracart_model::UsersResponse;

/// Measures the memory that a decoded body holds, and the allocations of decoding it.
fn measure_decoding<T: serde::de::DeserializeOwned>(body: &[u8]) -> AllocationInfo {
    let mut decoded = None;
    let info = allocation_counter::measure(|| decoded = Some(serde_json::from_slice::<T>(body).unwrap()));
    drop(decoded);
    info
}

fn main() {
    let as_json = std::env::args().any(|argument| argument == "--json");
    let mut numbers = Map::new();
    for (case, unknown) in [("without_unknown", 0), ("with_47_unknown", UNKNOWN_FIELDS)] {
        let body = users_body(1_000, unknown).unwrap();
        let ours = measure_decoding::<UsersResponse>(&body);
        let rows = [
            ("ours", "ultracart-model", ours),
            ("derive", "derive, drops", measure_decoding::<dropping::UsersResponse>(&body)),
            ("flatten", "derive, flatten", measure_decoding::<keeping::UsersResponse>(&body)),
            ("value", "serde_json::Value", measure_decoding::<Value>(&body)),
        ];
        if as_json {
            numbers.extend(
                rows[..3]
                    .iter()
                    .map(|(key, _, info)| (format!("bytes.{key}.{case}"), info.bytes_current.into())),
            );
            numbers.insert(format!("allocations.ours.{case}"), ours.count_total.into());
            continue;
        }
        println!("\n1,000 users in {} bytes, {}", body.len(), case.replace('_', " "));
        println!(
            "{:<18} {:>12} {:>12} {:>12} {:>12}",
            "", "bytes held", "ours / peer", "allocations", "most bytes"
        );
        for (_, name, info) in rows {
            let share = ratio(ours.bytes_current, info.bytes_current);
            println!(
                "{name:<18} {:>12} {share:>12.2} {:>12} {:>12}",
                info.bytes_current, info.count_total, info.bytes_max
            );
        }
    }
    let server = server::serve(&user_body().unwrap()).unwrap();
    let ultracart = UltraCart::new(server).unwrap();
    let reqwest = ReqwestDerive::new(server).unwrap();
    let stack = MiddlewareStack::new(server).unwrap();
    let ours = measure_call(async || drop(ultracart.get_user().await.unwrap()));
    if as_json {
        numbers.insert("allocations.ours.call".to_owned(), ours.into());
        println!("{}", Value::Object(numbers));
        return;
    }
    println!("\nallocations of a call with a response of 2.4 KB, decoded");
    for (name, allocations) in [
        ("ultracart-client", ours),
        ("reqwest + derive", measure_call(async || drop(reqwest.get_user().await.unwrap()))),
        (
            "reqwest-middleware + reqwest-retry + governor",
            measure_call(async || drop(stack.get_user().await.unwrap())),
        ),
    ] {
        println!("{name:<46} {allocations:>12}");
    }
}

/// Counts the allocations of a call on a warm connection, including those of the client's tasks, which all
/// run on this thread. Returns the lowest count of several calls, since a call allocates more while the
/// connection is not yet back in the pool.
fn measure_call(call: impl AsyncFn()) -> u64 {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(call());
    let calls = (0..20).map(|_| allocation_counter::measure(|| runtime.block_on(call())).count_total);
    calls.min().unwrap()
}

#[expect(clippy::cast_precision_loss, reason = "counts of bytes are far below 2^52")]
fn ratio(ours: i64, theirs: i64) -> f64 {
    ours as f64 / theirs as f64
}
