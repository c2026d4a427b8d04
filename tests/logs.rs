//! Tests that no log line, error or `Debug` output contains a credential or password.
//!
//! This is a separate test binary, because it installs a global subscriber.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::io;
use std::sync::{Arc, Mutex};

use ultracart_client::Client;
use ultracart_client::model::User;
use ultracart_sim::{Fault, Sim};

/// A writer that collects the log.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn logs_and_errors_contain_no_secret() {
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_span_events(tracing_subscriber::fmt::format::FmtSpan::FULL)
        .with_writer(move || writer.clone())
        .finish();
    tracing::subscriber::set_global_default(subscriber).unwrap();

    let sim = Sim::builder().users(3).simple_key("key-top-secret").build();
    let client = Client::builder().simple_key("key-top-secret").service(sim.service()).build().unwrap();
    let api = client.user_api();
    sim.script([Fault::too_many_requests(), Fault::status_500(), Fault::reset_before()]);
    api.get_users().await.unwrap();
    let user = User::new().login("ada.l").change_password_to("password-top-secret");
    api.insert_user(&user).await.unwrap();
    sim.fault(Fault::unauthorized_401());
    let error = api.insert_user(&user).await.unwrap_err();

    let logged = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    assert!(logged.contains("get_users") && logged.contains("429"), "{logged}");
    for shown in [logged, format!("{error} {error:?} {client:?} {api:?} {user:?}")] {
        assert!(!shown.contains("top-secret"), "{shown}");
    }
}
