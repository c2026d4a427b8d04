//! Servers that count otherwise than documented.

use std::time::Duration;

use ultracart_client::config::Window as Configured;
use ultracart_client::limiter::Snapshot;
use ultracart_sim::{Builder, Window};

use super::{MS, S, TENTH, account, built, config, optimum, spend};
use crate::client;

type Kind = fn(u32, Duration) -> Window;
const KINDS: [(&str, Kind); 3] = [
    ("leaky bucket", Window::leaky_bucket),
    ("sliding log", Window::sliding_log),
    ("fixed window", Window::fixed_window),
];

/// Spends a tenth of the quota on an account that counts so, from `start` on. The 429s it cost, how long it took, and what
/// the limiter knows at the end.
async fn against(
    server: Builder,
    start: Duration,
    burst: [Option<u32>; 2],
    calls: usize,
) -> (u64, Duration, Snapshot) {
    let sim = built(server.latency(MS(40)));
    tokio::time::advance(start).await;
    let mut config = config();
    config.limiter.windows = TENTH.map(|(calls, per)| Configured::new(calls, per)).to_vec();
    for (window, burst) in config.limiter.windows.iter_mut().zip(burst) {
        window.burst = burst;
    }
    let client = client(&sim, config);
    spend(&client.user_api(), &sim, calls).await;
    assert_eq!((sim.calls() - sim.rejections(), sim.overlaps()), (calls as u64, 0));
    (sim.rejections(), sim.elapsed().saturating_sub(start), client.limiter().snapshot().await.unwrap())
}

#[tokio::test(start_paused = true)]
async fn strict_mode_costs_no_429_with_any_server() {
    for (name, kind) in KINDS {
        for start in [S(0), S(77)] {
            let server = account().windows(TENTH.map(|(calls, per)| kind(calls, per)));
            let (rejections, took, _) = against(server, start, [Some(20), Some(200)], 2_200).await;
            assert_eq!(rejections, 0, "{name} from {start:?}");
            // A fifth of each window is the burst, and the rest comes a fifth slower.
            assert!(took < S(8_640 * 3), "{name}: {took:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn other_server_costs_one_429_a_window() {
    for (name, kind) in KINDS {
        let server = account().windows(TENTH.map(|(calls, per)| kind(calls, per)));
        let (rejections, _, known) = against(server, S(0), [None, None], 2_200).await;
        let learned = known.windows.iter().filter(|window| window.learned).count() as u64 / 2;
        assert_eq!(rejections, learned, "{name}");
        assert_eq!(learned, if name == "leaky bucket" { 0 } else { 2 }, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn earlier_fixed_window_costs_four_429s_at_most() {
    for start in [1, 180, 350, 359, 8_000] {
        let server = account().windows(TENTH.map(|(calls, per)| Window::fixed_window(calls, per)));
        let (rejections, ..) = against(server, S(start), [None, None], 2_200).await;
        // Our own calls do not tell it from a leaky bucket that somebody else fills, too.
        assert!(rejections <= 2 * 4, "from {start} s: {rejections} for two windows");
    }
}

#[tokio::test(start_paused = true)]
async fn halved_quota_is_learned_from_the_first_429() {
    for (name, kind) in KINDS {
        let server = account().windows(TENTH.map(|(calls, per)| kind(calls / 2, per)));
        let (rejections, took, known) = against(server, S(0), [None, None], 1_200).await;
        assert!(rejections <= 2 * 2, "{name}: {rejections}");
        assert!(
            known.windows.iter().all(|window| window.learned && window.window.calls * 2 <= 1_000),
            "{known:?}"
        );
        let best = optimum(&TENTH.map(|(calls, per)| (calls / 2, per)), vec![MS(65); 1_200]);
        assert!(name != "leaky bucket" || took < best.mul_f64(1.01), "{took:?} against {best:?}");
    }
}
