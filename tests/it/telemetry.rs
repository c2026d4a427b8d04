//! What can be counted and measured of calls from outside.

use std::time::Duration;

use metrics_util::debugging::{DebugValue, DebuggingRecorder};
use ultracart_client::Config;
use ultracart_sim::{Fault, Sim};

use crate::client;

#[test]
fn what_is_counted_and_measured() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    metrics::with_local_recorder(&recorder, || {
        runtime.block_on(async {
            let sim = Sim::builder().users(2).latency(Duration::from_millis(200)).build();
            let api = client(&sim, Config::default()).user_api();
            sim.script([Fault::too_many_requests(), Fault::reset_before()]);
            api.get_users().await.unwrap();
            api.get_user(999.into()).await.unwrap_err();
            api.get_users().await.unwrap();
            tokio::join!(api.get_groups(), api.get_groups()).1.unwrap();
        });
    });
    let mut seen = Vec::new();
    for (key, _, _, value) in snapshotter.snapshot().into_vec() {
        let labels: Vec<_> =
            key.key().labels().map(|label| format!("{}={}", label.key(), label.value())).collect();
        let value = match value {
            DebugValue::Counter(count) => count.to_string(),
            DebugValue::Histogram(values) => format!("{} values", values.len()),
            DebugValue::Gauge(value) => value.to_string(),
        };
        seen.push(format!("{} {}: {value}", key.key().name(), labels.join(",")));
    }
    seen.sort();
    for expected in [
        "ultracart_attempts_total operation=get_user,outcome=answered: 1",
        "ultracart_attempts_total operation=get_users,outcome=answered: 1",
        "ultracart_attempts_total operation=get_users,outcome=rejected: 1",
        "ultracart_attempts_total operation=get_users,outcome=unknown: 1",
        "ultracart_call_duration_seconds operation=get_users: 1 values",
        "ultracart_cache_calls_saved_total operation=get_groups: 1",
        "ultracart_cache_calls_saved_total operation=get_users: 1",
        "ultracart_cache_reads_total operation=get_groups,outcome=join: 1",
        "ultracart_cache_reads_total operation=get_groups,outcome=miss: 1",
        "ultracart_cache_reads_total operation=get_users,outcome=hit: 1",
        "ultracart_cache_reads_total operation=get_users,outcome=miss: 1",
        "ultracart_calls_total operation=get_user,outcome=BadRequest: 1",
        "ultracart_calls_total operation=get_users,outcome=ok: 1",
        "ultracart_permit_wait_seconds bound=: 1 values",
        "ultracart_rejections_total window=1000/3600s: 1",
    ] {
        assert!(seen.iter().any(|line| line == expected), "{expected} in {seen:#?}");
    }
}
