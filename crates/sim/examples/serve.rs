//! Serves a simulated account on the loopback address until the process is killed.
//!
//! Run it with `cargo run -p ultracart-sim --example serve -- [--port N] [--users N] [--unlimited]`. By
//! default, the system chooses a free port, and the account has 200 users and UltraCart's limits. The
//! environment variable `ULTRACART_SIMPLE_KEY` sets the simple key.

use std::error::Error;
use std::io::Write as _;

use ultracart_sim::Sim;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let (mut port, mut builder) = (0_u16, Sim::builder().users(200).record_requests(0));
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or(format!("{arg} needs a value"));
        match arg.as_str() {
            "--port" => port = value()?.parse()?,
            "--users" => builder = builder.users(value()?.parse()?),
            "--unlimited" => builder = builder.unlimited(),
            _ => return Err(format!("unknown argument {arg}").into()),
        }
    }
    if let Ok(key) = std::env::var("ULTRACART_SIMPLE_KEY") {
        builder = builder.simple_key(&key);
    }
    let sim = builder.build();
    let server = sim.bind(("127.0.0.1", port)).await?;
    let key = sim.simple_key();
    writeln!(std::io::stdout(), "simulated account at {}, simple key {}", server.base_url(), key.expose())?;
    std::future::pending().await
}
