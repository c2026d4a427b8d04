//! How do the time and the memory of a list and of a review grow with the users?
//!
//! In process, with the histories in the list, so that a review is two calls. The answers are those of the simulated
//! account, asked for beforehand, so that the time and the memory are the client's alone: each comes in pieces of 64 KiB,
//! which are copied, as from a network. Time is what the one thread of the runtime has worked; there is nothing to wait
//! for. Memory is the most that was allocated at once on that thread, the body included, counted by the allocator. Linear
//! is what has the same time and bytes for a user in each line.
//!
//! At 100,000 users it is more: of 3 GB that the process has not had before the kernel clears each page, which is a third
//! of all the time; smaller lists are read into memory that the one before has left.
//!
//! The fewer the users, the more runs, and the best time of them. A table; `--quick` and `--test` stop at 10,000 users.
#![expect(clippy::unwrap_used, reason = "a benchmark may fail")]

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
use ultracart_benches::clock::worked;
use ultracart_client::{Client, Config, UserApi};
use ultracart_sim::{Histories, Sim};

const PIECE: usize = 64 * 1_024;

/// What the account answers with, by the path.
#[derive(Clone)]
struct Recorded(Arc<[(&'static str, Bytes)]>);

impl Recorded {
    async fn of(sim: &Sim) -> Self {
        let mut answers = Vec::new();
        for path in ["/rest/v2/user/users", "/rest/v2/user/groups"] {
            let request = Request::get(path)
                .header("X-UltraCart-Api-Version", "2017-03-01")
                .header("x-ultracart-simple-key", sim.simple_key().expose());
            let answer = sim.service().call(request.body(Bytes::new()).unwrap()).await.unwrap();
            assert_eq!(answer.status(), 200);
            answers.push((path, answer.into_body().collect().await.unwrap().to_bytes()));
        }
        Self(answers.into())
    }
}

impl Service<Request<Bytes>> for Recorded {
    type Response = Response<Pieces>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Bytes>) -> Self::Future {
        let answer = self.0.iter().find(|(path, _)| *path == request.uri().path());
        ready(Ok(Response::new(Pieces(answer.unwrap().1.clone()))))
    }
}

/// A body as it comes from a network.
struct Pieces(Bytes);

impl http_body::Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let length = self.0.len().min(PIECE);
        let piece = self.0.split_to(length);
        Poll::Ready((length > 0).then(|| Ok(Frame::data(Bytes::copy_from_slice(&piece)))))
    }
}

/// A client that remembers nothing yet.
fn client(answers: Recorded) -> UserApi {
    let mut config = Config::default();
    config.http.max_body = u64::MAX;
    config.limiter.guard_gap = Duration::ZERO;
    Client::builder().config(config).simple_key("key").service(answers).build().unwrap().user_api()
}

/// The best time, and the most bytes.
fn measure(runtime: &Runtime, answers: &Recorded, runs: u32, work: impl AsyncFn(UserApi)) -> (Duration, u64) {
    let (mut best, mut bytes) = (Duration::MAX, 0);
    for _ in 0..runs {
        let api = client(answers.clone());
        let mut time = Duration::MAX;
        let memory = allocation_counter::measure(|| time = worked(|| runtime.block_on(work(api))).0);
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
        let sim = Sim::builder().users(users).histories_in_list(Histories::All).unlimited().keep_requests(0);
        let answers = runtime.block_on(Recorded::of(&sim.build()));
        let body = f64::from(u32::try_from(answers.0[0].1.len()).unwrap()) / 1_024.0 / f64::from(users);
        let runs = (20_000 / users).clamp(1, 20);
        let list = measure(&runtime, &answers, runs, async |api: UserApi| {
            assert_eq!(api.get_users().await.unwrap().len(), users as usize);
        });
        let review = measure(&runtime, &answers, runs, async |api: UserApi| {
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
