//! How long do 2,000 calls take, against what the quota allows, and how many are refused?
//!
//! Both call the same simulated account over TCP on loopback: a leaky bucket that takes 100 calls and drains 100 a second,
//! and one call at a time. So 2,000 calls can take 19 s and no less; by UltraCart's own quota it is the same in hours. Ours
//! has its defaults but for the windows and the pause between calls, which is as much shorter (a call drains every 10 ms
//! here and every 3.6 s there). The peer is UltraCart's Python client in a plain retry loop (`python/goodput.py`), for as
//! long and for as many calls; it is left out where there is no Python with `tests/python/requirements.txt`, which is
//! looked for in `$VENV` and in `.venv`.
//!
//! One run each, as a table. `--quick` and `--test` make 600 calls.
#![expect(clippy::unwrap_used, reason = "a benchmark may fail")]

use std::env;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::process::Command;
use tokio::runtime::Runtime;
use ultracart_benches::clock::timed;
use ultracart_client::config::Window;
use ultracart_client::{CachePolicy, Client, Config};
use ultracart_sim::{Server, Sim};

const BURST: u32 = 100;
const PER: Duration = Duration::from_secs(1);

async fn account() -> (Sim, Server) {
    let window = ultracart_sim::Window::leaky_bucket(BURST, PER);
    let sim = Sim::builder().users(5).groups(2).windows([window]).keep_requests(0).build();
    let server = sim.bind("127.0.0.1:0").await.unwrap();
    (sim, server)
}

async fn ours(sim: &Sim, server: &Server, calls: u32) {
    let mut config = Config::default();
    config.api.base_url = server.base_url();
    config.limiter.windows = vec![Window::new(BURST, PER)];
    config.limiter.guard_gap = Duration::from_micros(70);
    let client = Client::builder().config(config).simple_key(sim.simple_key().expose()).build().unwrap();
    let api = client.user_api().cache_policy(CachePolicy::Bypass);
    for id in 0..calls {
        api.get_user((1 + id.cast_signed() % 5).into()).await.unwrap();
    }
}

async fn python(sim: &Sim, server: &Server, calls: u32, python: &Path) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("python/goodput.py");
    let mut command = Command::new(python);
    command.args(["-W", "ignore::DeprecationWarning"]).arg(script).arg(calls.to_string());
    command.env("ULTRACART_BASE_URL", server.base_url());
    command.env("ULTRACART_SIMPLE_KEY", sim.simple_key().expose());
    let output = command.output().await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// A Python that has UltraCart's client.
fn interpreter() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let venv = env::var_os("VENV").map_or_else(|| root.join(".venv"), PathBuf::from);
    let python = venv.join("bin/python");
    let has_it = std::process::Command::new(&python).args(["-c", "import ultracart"]).output();
    has_it.is_ok_and(|output| output.status.success()).then_some(python)
}

fn main() {
    let is_short = env::args().any(|arg| arg == "--quick" || arg == "--test");
    let calls: u32 = if is_short { 600 } else { 2_000 };
    let best = PER / BURST * (calls - BURST);
    let runtime = Runtime::new().unwrap();
    let mut out = std::io::stdout().lock();
    writeln!(out, "goodput: {calls} calls in a bucket of 100 that drains 100 a second; {best:?} at best")
        .unwrap();
    writeln!(out, "{:<24}{:>10}{:>8}{:>12}{:>10}", "", "answered", "429s", "time", "of best").unwrap();
    let mut row = |name: &str, time: Duration, sim: &Sim| {
        let (answered, refused) = (sim.calls() - sim.rejections(), sim.rejections());
        let share = best.as_secs_f64() / time.as_secs_f64();
        writeln!(out, "{name:<24}{answered:>10}{refused:>8}{:>10.2} s{share:>10.4}", time.as_secs_f64())
            .unwrap();
        (answered, refused, share)
    };

    let (sim, server) = runtime.block_on(account());
    let (time, ()) = timed(|| runtime.block_on(ours(&sim, &server, calls)));
    let (answered, refused, _) = row("ultracart-client", time, &sim);
    assert_eq!((answered, refused), (calls.into(), 0));

    if let Some(interpreter) = interpreter() {
        let (sim, server) = runtime.block_on(account());
        let (time, ()) = timed(|| runtime.block_on(python(&sim, &server, calls, &interpreter)));
        row("ultracart_rest_sdk", time, &sim);
    } else {
        writeln!(out, "ultracart_rest_sdk: not here").unwrap();
    }
}
