//! How much memory does a decoded list of 1,000 users hold, and how many allocations do decoding and a call take?
//!
//! The peers are those of `decode.rs` and `call.rs`, and so are the bodies. Bytes are those that were asked for; what the allocator
//! adds to each is left out, to the disadvantage of whoever makes few. The counter would disturb a measurement of time,
//! so this is a program of its own. The numbers are the same each time. `--json` prints them for `tests/checks/instructions.sh`.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark may fail, and tells on the terminal"
)]

use allocation_counter::AllocationInfo;
use serde_json::{Map, Value};
use tokio::runtime::Builder;
use ultracart_benches::callers::{Chain, Ours, Raw};
use ultracart_benches::peers::{dropping, keeping};
use ultracart_benches::{UNKNOWN, server, user_body, users_body};
use ultracart_model::UsersResponse;

/// What a decoded body holds, and what it took to make.
fn measure<T: serde::de::DeserializeOwned>(body: &[u8]) -> AllocationInfo {
    let mut decoded = None;
    let info = allocation_counter::measure(|| decoded = Some(serde_json::from_slice::<T>(body).unwrap()));
    drop(decoded);
    info
}

fn main() {
    let as_json = std::env::args().any(|argument| argument == "--json");
    let mut numbers = Map::new();
    for (case, unknown) in [("without_unknown", 0), ("with_47_unknown", UNKNOWN)] {
        let body = users_body(1_000, unknown).unwrap();
        let ours = measure::<UsersResponse>(&body);
        let rows = [
            ("ours", "ultracart-model", ours),
            ("derive", "derive, drops", measure::<dropping::UsersResponse>(&body)),
            ("flatten", "derive, flatten", measure::<keeping::UsersResponse>(&body)),
            ("value", "serde_json::Value", measure::<Value>(&body)),
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
            "", "bytes held", "ours to it", "allocations", "most bytes"
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
    let (ours, raw, chain) =
        (Ours::new(server).unwrap(), Raw::new(server).unwrap(), Chain::new(server).unwrap());
    let ours = measure_call(async || drop(ours.get_user().await.unwrap()));
    if as_json {
        numbers.insert("allocations.ours.call".to_owned(), ours.into());
        println!("{}", Value::Object(numbers));
        return;
    }
    println!("\nallocations of a call, its answer of 2.4 KB decoded");
    for (name, allocations) in [
        ("ultracart-client", ours),
        ("reqwest + derive", measure_call(async || drop(raw.get_user().await.unwrap()))),
        (
            "reqwest-middleware + reqwest-retry + governor",
            measure_call(async || drop(chain.get_user().await.unwrap())),
        ),
    ] {
        println!("{name:<46} {allocations:>12}");
    }
}

/// Allocations of a call when the connection is warm; those of the client's tasks are among them, since all of them run
/// on this thread. Of several calls the fewest count: the others have found the connection not yet back in its place.
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
