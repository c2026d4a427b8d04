//! Calls of any duration are sent at the rate that the quota allows.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use ultracart_client::{Client, TokioClock};

use super::{DAY, Delays, HOUR, MS, Rng, S, Slow, build, config, optimum, small_account, spend};

const DOCUMENTED: [(u32, Duration); 2] = [(1_000, HOUR), (10_000, DAY)];

/// Makes calls with these delays under the documented quota. Returns the optimal duration divided by the real
/// one.
async fn efficiency(delays: Delays) -> f64 {
    let sim = build(small_account());
    let mut config = config();
    config.http.request_timeout = HOUR * 3;
    let calls = delays.len();
    let gap = config.limiter.guard_gap;
    let best = optimum(&DOCUMENTED, delays.iter().map(|(there, back)| *there + *back + gap));
    let slow = Slow {
        inner: sim.service(),
        delays: Arc::new(Mutex::new(delays.into_iter())),
        clock: Arc::new(TokioClock::new()),
    };
    let client = Client::builder().config(config).simple_key(sim.simple_key().expose()).service(slow);
    spend(&client.build().unwrap().user_api(), &sim, calls).await;
    assert_eq!((sim.calls(), sim.rejections(), sim.overlaps()), (calls as u64, 0, 0));
    best.as_secs_f64() / sim.elapsed().as_secs_f64()
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_calls_take_nine_hours() {
    let efficiency = efficiency(vec![Default::default(); 10_000]).await;
    assert!(efficiency > 0.999, "{efficiency}");
}

#[tokio::test(start_paused = true)]
async fn hundred_thousand_calls_take_nine_days() {
    let efficiency = efficiency(vec![Default::default(); 100_000]).await;
    assert!(efficiency > 0.999, "{efficiency}");
}

/// Delays of 1 ms to 10 s for each request and each response, most of them short.
fn jitter(calls: usize) -> Delays {
    let mut rng = Rng(0x5eed);
    let mut delay = || {
        let most = 1 << rng.below(15);
        MS((1 + rng.below(most)).min(10_000))
    };
    (0..calls).map(|_| (delay(), delay())).collect()
}

#[tokio::test(start_paused = true)]
async fn calls_of_uneven_length_cost_no_429_and_no_time() {
    let efficiency = efficiency(jitter(20_000)).await;
    assert!(efficiency > 0.999, "{efficiency}");
}

#[tokio::test(start_paused = true)]
async fn stalled_calls_cost_no_429_and_only_their_time() {
    for stall in [S(600), S(7_200)] {
        for (at, there) in [(0, true), (0, false), (999, true), (2_000, false)] {
            let mut delays = jitter(2_500);
            delays[at] = if there { (stall, MS(1)) } else { (MS(1), stall) };
            let efficiency = efficiency(delays).await;
            assert!(efficiency > 0.998, "{stall:?} at {at}: {efficiency}");
        }
    }
}
