//! Servers whose windows differ from the documented ones.

use std::time::Duration;

use ultracart_client::config::Window as Configured;
use ultracart_client::limiter::Snapshot;
use ultracart_sim::{SimBuilder, Window};

use super::{MS, S, TENTH, build, config, optimum, small_account, spend};
use crate::client;

type Kind = fn(u32, Duration) -> Window;
const KINDS: [(&str, Kind); 3] = [
    ("leaky bucket", Window::leaky_bucket),
    ("sliding log", Window::sliding_log),
    ("fixed window", Window::fixed_window),
];

/// Waits until `start`, then makes this many calls. The client's windows are [`TENTH`], and `burst` has the
/// burst of each. Returns the number of rejections, the time that the calls took, and the limiter's snapshot
/// at the end.
async fn spend_against(
    server: SimBuilder,
    start: Duration,
    burst: [Option<u32>; 2],
    calls: usize,
) -> (u64, Duration, Snapshot) {
    let sim = build(server.latency(MS(40)));
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
            let server = small_account().windows(TENTH.map(|(calls, per)| kind(calls, per)));
            let (rejections, took, _) = spend_against(server, start, [Some(20), Some(200)], 2_200).await;
            assert_eq!(rejections, 0, "{name} from {start:?}");
            // The burst is a fifth of each window, so the rate is a fifth lower.
            assert!(took < S(8_640 * 3), "{name}: {took:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn other_server_costs_one_429_a_window() {
    for (name, kind) in KINDS {
        let server = small_account().windows(TENTH.map(|(calls, per)| kind(calls, per)));
        let (rejections, _, known) = spend_against(server, S(0), [None, None], 2_200).await;
        let learned = known.windows.iter().filter(|window| window.learned).count() as u64 / 2;
        assert_eq!(rejections, learned, "{name}");
        assert_eq!(learned, if name == "leaky bucket" { 0 } else { 2 }, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn earlier_fixed_window_costs_four_429s_at_most() {
    for start in [1, 180, 350, 359, 8_000] {
        let server = small_account().windows(TENTH.map(|(calls, per)| Window::fixed_window(calls, per)));
        let (rejections, ..) = spend_against(server, S(start), [None, None], 2_200).await;
        // From its own calls, the client cannot tell this window from a leaky bucket that another program
        // also uses.
        assert!(rejections <= 2 * 4, "from {start} s: {rejections} for two windows");
    }
}

#[tokio::test(start_paused = true)]
async fn halved_quota_is_learned_from_the_first_429() {
    for (name, kind) in KINDS {
        let server = small_account().windows(TENTH.map(|(calls, per)| kind(calls / 2, per)));
        let (rejections, took, known) = spend_against(server, S(0), [None, None], 1_200).await;
        assert!(rejections <= 2 * 2, "{name}: {rejections}");
        assert!(
            known.windows.iter().all(|window| window.learned && window.window.calls * 2 <= 1_000),
            "{known:?}"
        );
        let best = optimum(&TENTH.map(|(calls, per)| (calls / 2, per)), vec![MS(65); 1_200]);
        assert!(name != "leaky bucket" || took < best.mul_f64(1.01), "{took:?} against {best:?}");
    }
}
