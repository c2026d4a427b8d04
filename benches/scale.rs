//! How do the time and memory of a list and of an access review grow with the number of users?
//!
//! The responses are recorded from the simulated account beforehand, so time and memory are the client's
//! alone. A service returns them in chunks of 64 KiB, which are copied as from a network. The list of users
//! contains the login histories, so a review takes only two calls: one for the users and one for the groups.
//!
//! Time is the CPU time of the runtime's one thread; nothing waits. Memory is the most that was allocated at
//! once on that thread, including the body. Growth is linear if the time and the memory for each user are the
//! same in all rows.
//!
//! The time and the memory for each user are higher at 100,000 users than at 10,000. For the largest list,
//! the process needs 3 GB that it has not used before. The kernel must clear these new pages, which takes a
//! third of the measured time. Smaller lists reuse the memory of earlier lists. More memory is needed because
//! the body is read into a buffer that doubles its size.
//!
//! Lists of fewer users are measured in more runs. The shortest time and the highest memory of these runs
//! count. The results are printed as a table. With `--quick` or `--test`, the largest list has 10,000 users.
#![expect(clippy::unwrap_used, reason = "a benchmark may panic")]

use std::convert::Infallible;
use std::env;
use std::future::{Ready, ready};
use std::io::Write as _;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Frame;
use http_body_util::BodyExt as _;
use tokio::runtime::{Builder, Runtime};
use tower_service::Service;
use ultracart_benches::clock::cpu_timed;
use ultracart_client::{Client, Config, UserApi};
use ultracart_sim::{Histories, Sim};

const CHUNK: usize = 64 * 1_024;

/// The account's recorded response bodies, by path.
#[derive(Clone)]
struct RecordedResponses(Arc<[(&'static str, Bytes)]>);

impl RecordedResponses {
    async fn record(sim: &Sim) -> Self {
        let mut responses = Vec::new();
        for path in ["/rest/v2/user/users", "/rest/v2/user/groups"] {
            let request = Request::get(path)
                .header("X-UltraCart-Api-Version", "2017-03-01")
                .header("x-ultracart-simple-key", sim.simple_key().expose());
            let response = sim.service().call(request.body(Bytes::new()).unwrap()).await.unwrap();
            assert_eq!(response.status(), 200);
            responses.push((path, response.into_body().collect().await.unwrap().to_bytes()));
        }
        Self(responses.into())
    }
}

impl Service<Request<Bytes>> for RecordedResponses {
    type Response = Response<Chunks>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Bytes>) -> Self::Future {
        let response = self.0.iter().find(|(path, _)| *path == request.uri().path());
        ready(Ok(Response::new(Chunks(response.unwrap().1.clone()))))
    }
}

/// A body that arrives in chunks, as from a network.
struct Chunks(Bytes);

impl http_body::Body for Chunks {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let length = self.0.len().min(CHUNK);
        let chunk = self.0.split_to(length);
        Poll::Ready((length > 0).then(|| Ok(Frame::data(Bytes::copy_from_slice(&chunk)))))
    }
}

/// Returns a client with an empty cache.
fn client(responses: RecordedResponses) -> UserApi {
    let mut config = Config::default();
    config.http.max_body = u64::MAX;
    config.limiter.guard_gap = Duration::ZERO;
    Client::builder().config(config).simple_key("key").service(responses).build().unwrap().user_api()
}

/// Returns the shortest CPU time and the highest peak of allocated bytes of several runs.
fn measure(
    runtime: &Runtime,
    responses: &RecordedResponses,
    runs: u32,
    work: impl AsyncFn(UserApi),
) -> (Duration, u64) {
    let (mut best, mut bytes) = (Duration::MAX, 0);
    for _ in 0..runs {
        let api = client(responses.clone());
        let mut time = Duration::MAX;
        let memory = allocation_counter::measure(|| time = cpu_timed(|| runtime.block_on(work(api))).0);
        best = best.min(time);
        bytes = memory.bytes_max.max(bytes);
    }
    (best, bytes)
}

fn main() {
    let is_short = env::args().any(|arg| arg == "--quick" || arg == "--test");
    let sizes: &[u32] = if is_short { &[100, 1_000, 10_000] } else { &[100, 1_000, 10_000, 100_000] };
    let runtime = Builder::new_current_thread().enable_time().build().unwrap();
    let mut out = std::io::stdout().lock();
    let [users, body, time, micros, kb] = ["users", "body", "time", "µs a user", "KB a user"];
    writeln!(out, "{users:>8}{body:>12}{:>10}{time:>13}{micros:>12}{kb:>12}", "").unwrap();
    for &users in sizes {
        let sim =
            Sim::builder().users(users).histories_in_list(Histories::All).unlimited().record_requests(0);
        let responses = runtime.block_on(RecordedResponses::record(&sim.build()));
        let body = f64::from(u32::try_from(responses.0[0].1.len()).unwrap()) / 1_024.0 / f64::from(users);
        let runs = (20_000 / users).clamp(1, 20);
        let list = measure(&runtime, &responses, runs, async |api: UserApi| {
            assert_eq!(api.get_users().await.unwrap().len(), users as usize);
        });
        let review = measure(&runtime, &responses, runs, async |api: UserApi| {
            let review = api.audit().run().await.unwrap();
            assert_eq!((review.users.len(), review.calls), (users as usize, 2));
        });
        for (name, (time, bytes)) in [("list", list), ("review", review)] {
            let micros = time.as_secs_f64() * 1e6 / f64::from(users);
            let (ms, kb) = (time.as_secs_f64() * 1e3, bytes / u64::from(users) / 1_024);
            writeln!(out, "{users:>8}{body:>9.1} KB{name:>10}{ms:>10.1} ms{micros:>12.1}{kb:>12}").unwrap();
        }
    }
}
