//! How long do 2,000 calls take, compared with the shortest time that the quota allows, and how many are
//! rejected?
//!
//! The clients call equal simulated accounts over TCP on loopback. An account allows one call at a time, and
//! counts calls in a leaky bucket that holds 100 calls and drains 100 a second. So 2,000 calls take at least
//! 19 s. UltraCart's own windows work the same way, but take an hour or a day to drain.
//!
//! `ultracart-client` has its default settings, except for the windows and the pause between calls. Here, the
//! bucket drains a call every 10 ms; at UltraCart, every 3.6 s. The pause is shorter in the same proportion.
//!
//! The peer is UltraCart's Python client in a plain retry loop (`python/goodput.py`) that makes as many
//! calls. It needs the packages of `tests/python/requirements.txt` in the virtual environment that `VENV`
//! names (`.venv` if the variable is not set). Without them, the peer is skipped.
//!
//! Each client runs once. The results are printed as a table. With `--quick` or `--test`, 600 calls are made.
#![expect(clippy::unwrap_used, reason = "a benchmark may panic")]

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
const WINDOW: Duration = Duration::from_secs(1);

async fn start_account() -> (Sim, Server) {
    let window = ultracart_sim::Window::leaky_bucket(BURST, WINDOW);
    let sim = Sim::builder().users(5).groups(2).windows([window]).record_requests(0).build();
    let server = sim.bind("127.0.0.1:0").await.unwrap();
    (sim, server)
}

async fn run_ultracart(sim: &Sim, server: &Server, calls: u32) {
    let mut config = Config::default();
    config.api.base_url = server.base_url();
    config.limiter.windows = vec![Window::new(BURST, WINDOW)];
    config.limiter.guard_gap = Duration::from_micros(70);
    let client = Client::builder().config(config).simple_key(sim.simple_key().expose()).build().unwrap();
    let api = client.user_api().cache_policy(CachePolicy::Bypass);
    for id in 0..calls {
        api.get_user((1 + id.cast_signed() % 5).into()).await.unwrap();
    }
}

async fn run_python(sim: &Sim, server: &Server, calls: u32, python: &Path) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("python/goodput.py");
    let mut command = Command::new(python);
    command.args(["-W", "ignore::DeprecationWarning"]).arg(script).arg(calls.to_string());
    command.env("ULTRACART_BASE_URL", server.base_url());
    command.env("ULTRACART_SIMPLE_KEY", sim.simple_key().expose());
    let output = command.output().await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Returns the virtual environment's Python interpreter; `None` if it cannot import UltraCart's client.
fn find_interpreter() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let venv = env::var_os("VENV").map_or_else(|| root.join(".venv"), PathBuf::from);
    let python = venv.join("bin/python");
    let output = std::process::Command::new(&python).args(["-c", "import ultracart"]).output();
    output.is_ok_and(|output| output.status.success()).then_some(python)
}

fn main() {
    let is_short = env::args().any(|arg| arg == "--quick" || arg == "--test");
    let calls: u32 = if is_short { 600 } else { 2_000 };
    let optimum = WINDOW / BURST * (calls - BURST);
    let runtime = Runtime::new().unwrap();
    let mut out = std::io::stdout().lock();
    writeln!(out, "goodput: {calls} calls in a bucket of 100 that drains 100 a second; {optimum:?} at best")
        .unwrap();
    writeln!(out, "{:<24}{:>10}{:>8}{:>12}{:>10}", "", "succeeded", "429s", "time", "of best").unwrap();
    let mut row = |name: &str, time: Duration, sim: &Sim| {
        let (succeeded, rejected) = (sim.calls() - sim.rejections(), sim.rejections());
        let share = optimum.as_secs_f64() / time.as_secs_f64();
        writeln!(out, "{name:<24}{succeeded:>10}{rejected:>8}{:>10.2} s{share:>10.4}", time.as_secs_f64())
            .unwrap();
        (succeeded, rejected, share)
    };

    let (sim, server) = runtime.block_on(start_account());
    let (time, ()) = timed(|| runtime.block_on(run_ultracart(&sim, &server, calls)));
    let (succeeded, rejected, _) = row("ultracart-client", time, &sim);
    assert_eq!((succeeded, rejected), (calls.into(), 0));

    if let Some(interpreter) = find_interpreter() {
        let (sim, server) = runtime.block_on(start_account());
        let (time, ()) = timed(|| runtime.block_on(run_python(&sim, &server, calls, &interpreter)));
        row("ultracart_rest_sdk", time, &sim);
    } else {
        writeln!(out, "ultracart_rest_sdk: skipped, since no Python with it was found").unwrap();
    }
}
