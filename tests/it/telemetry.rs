//! Tests the metrics of calls and of the cache.

use std::time::Duration;

use metrics_util::debugging::{DebugValue, DebuggingRecorder};
use serde_json::json;
use ultracart_client::{CachePolicy, Clock as _, Config, TokioClock};
use ultracart_sim::{Fault, Sim};

use crate::client;
use crate::support::{MINUTE, SECOND, group_oid, no_retries, user_id};

#[test]
fn calls_and_reads_are_measured() {
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
        "ultracart_attempts_total operation=get_user,outcome=responded: 1",
        "ultracart_attempts_total operation=get_users,outcome=responded: 1",
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
        "ultracart_permit_wait_seconds constraint=: 1 values",
        "ultracart_rejections_total window=1000/3600s: 1",
    ] {
        assert!(seen.iter().any(|line| line == expected), "{expected} in {seen:#?}");
    }
}

#[tokio::test(start_paused = true)]
async fn cache_statistics_add_up() {
    let clock = TokioClock::new();
    let sim = Sim::builder().users(2).groups(2).latency(SECOND).build();
    let client = client(&sim, no_retries());
    let api = client.user_api();
    let (users, groups) =
        (async || api.get_users().await.map(drop), async || api.get_groups().await.map(drop));
    // A value that is read while the cache is cleared is not cached.
    let clear = async || {
        clock.sleep(SECOND / 2).await;
        client.clear_cache();
    };
    tokio::join!(users(), clear()).0.unwrap();
    tokio::join!(groups(), clear()).0.unwrap();
    // Of each list, two concurrent reads share a load, and a third read is a hit.
    tokio::join!(users(), users(), groups(), groups()).0.unwrap();
    users().await.unwrap();
    groups().await.unwrap();
    // When both lists are due for a refresh, the first is refreshed at once and the other at a later read.
    for users_are_first in [true, false] {
        clock.sleep(250 * SECOND).await;
        if users_are_first {
            users().await.unwrap();
            groups().await.unwrap();
        } else {
            groups().await.unwrap();
            users().await.unwrap();
        }
        clock.sleep(20 * SECOND).await;
        users().await.unwrap();
        groups().await.unwrap();
        clock.sleep(5 * SECOND).await;
    }
    // Reads single objects and logins.
    let (id, oid) = (user_id(&sim, 0), group_oid(&sim, 0));
    for _ in 0..2 {
        api.cache_policy(CachePolicy::NeverStale).get_user(id).await.unwrap();
        api.get_group(oid).await.unwrap();
        api.get_user_logins(id).await.unwrap();
    }
    // In an outage each list is read twice.
    clock.sleep(10 * MINUTE).await;
    sim.fault(Fault::status_500().always());
    for _ in 0..2 {
        users().await.unwrap();
        groups().await.unwrap();
    }
    let of_lists_and_objects = json!({
        "hits": 6, "joins": 1, "misses": 4, "stale": 2, "refreshes": 2, "refreshes_skipped": 1,
        "discarded": 1, "failures_repeated": 1, "calls_saved": 5,
    });
    let of_logins = json!({
        "hits": 1, "joins": 0, "misses": 1, "stale": 0, "refreshes": 0, "refreshes_skipped": 0,
        "discarded": 0, "failures_repeated": 0, "calls_saved": 1,
    });
    let of_all = json!({
        "hits": 13, "joins": 2, "misses": 9, "stale": 4, "refreshes": 4, "refreshes_skipped": 2,
        "discarded": 2, "failures_repeated": 2, "calls_saved": 11,
    });
    let snapshot = client.cache_snapshot();
    assert_eq!(
        (json!(snapshot.users), json!(snapshot.groups)),
        (of_lists_and_objects.clone(), of_lists_and_objects)
    );
    assert_eq!((json!(snapshot.logins), json!(snapshot.total())), (of_logins, of_all));
}
