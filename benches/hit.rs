//! How long does reading a cached list of 1,000 users take, with one thread and with two?
//!
//! `ultracart-client` runs all of `UserApi::get_users`: it checks the entry's age, checks that no later
//! change invalidated it, counts the hit and creates a `Cached`. The peers return an `Arc` of the same list,
//! with the same time to live if they support one. Each hit reads the list's length and drops the list.
//!
//! Futures are polled once, since no hit waits. The threads share one cache and do nothing else.
//!
//! `http-cache-reqwest` caches undecoded HTTP responses (in moka), so each hit must decode the body. These
//! are the only hits that allocate, so only their time includes the cost of this benchmark's counting
//! allocator: a few nanoseconds for each allocation.
#![expect(clippy::unwrap_used, reason = "a benchmark may panic")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, criterion_group, criterion_main};
use http_cache_reqwest::{Cache, CacheMode, HttpCache, HttpCacheOptions, MokaManager};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use ultracart_benches::threads::{poll_once, time_concurrently};
use ultracart_client::model::UsersResponse;
use ultracart_client::{Client, Config, Served, UserApi, Users};
use ultracart_sim::{Histories, Sim};

const DAY: Duration = Duration::from_hours(24);

/// Returns a client that has cached a list of 1,000 users, and this list. Checks that hits return the same
/// list without a call or an allocation.
fn warm_client(runtime: &Runtime) -> (UserApi, Arc<Users>) {
    let sim = Sim::builder().users(1_000).histories_in_list(Histories::All).build();
    let mut config = Config::default();
    config.cache.users.ttl = DAY;
    let client =
        Client::builder().config(config).simple_key(sim.simple_key().expose()).service(sim.service());
    let api = client.build().unwrap().user_api();
    let users = runtime.block_on(api.get_users()).unwrap().into_inner();
    assert_eq!(users.len(), 1_000);

    let is_hit = || {
        let hit = poll_once(api.get_users()).unwrap();
        (hit.calls(), hit.served()) == (0, Served::Fresh) && Arc::ptr_eq(hit.as_ref(), &users)
    };
    assert!(is_hit());
    let allocations = allocation_counter::measure(|| assert!((0..1_000).all(|_| is_hit())));
    assert_eq!((allocations.count_total, sim.calls()), (0, 1));
    (api, users)
}

fn compare<T>(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, read: impl Fn() -> T + Sync) {
    for threads in [1, 2] {
        group.bench_function(BenchmarkId::new(name, threads), |b| {
            b.iter_custom(|times| time_concurrently(threads, times, &read));
        });
    }
}

fn hit(criterion: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let (api, users) = warm_client(&runtime);
    let mut group = criterion.benchmark_group("hit");
    compare(&mut group, "ultracart-client", || poll_once(api.get_users()).unwrap().len());

    let cache = moka::sync::Cache::builder().max_capacity(16).time_to_live(DAY).build();
    cache.insert(1, Arc::clone(&users));
    compare(&mut group, "moka::sync", || cache.get(&1).unwrap().len());

    let cache = moka::future::Cache::builder().max_capacity(16).time_to_live(DAY).build();
    poll_once(cache.insert(1, Arc::clone(&users)));
    compare(&mut group, "moka::future", || poll_once(cache.get(&1)).unwrap().len());

    let cache = quick_cache::sync::Cache::new(16);
    cache.insert(1, Arc::clone(&users));
    compare(&mut group, "quick_cache", || cache.get(&1).unwrap().len());

    let swap = ArcSwap::new(Arc::clone(&users));
    compare(&mut group, "ArcSwap", || swap.load_full().len());
    group.finish();

    // In a separate plot, since its times would dwarf the others.
    let mut group = criterion.benchmark_group("hit, HTTP cache");
    let requests = Arc::new(AtomicUsize::new(0));
    let url = runtime.block_on(serve(Arc::clone(&requests)));
    let client = http_cache_client();
    let read = || async {
        let body = client.get(&url).send().await.unwrap().bytes().await.unwrap();
        serde_json::from_slice::<UsersResponse>(&body).unwrap()
    };
    assert_eq!(runtime.block_on(read()).users.map(|users| users.len()), Some(1_000));
    group.sample_size(10);
    group.bench_function("http-cache-reqwest", |b| b.iter(|| runtime.block_on(read())));
    assert_eq!(requests.load(Ordering::Relaxed), 1);
    group.finish();
}

fn http_cache_client() -> reqwest_middleware::ClientWithMiddleware {
    _ = rustls::crypto::ring::default_provider().install_default();
    let network = reqwest::Client::builder().no_proxy().tls_certs_only([]).build().unwrap();
    let manager = MokaManager::default();
    let cache = HttpCache { mode: CacheMode::Default, manager, options: HttpCacheOptions::default() };
    reqwest_middleware::ClientBuilder::new(network).with(Cache(cache)).build()
}

/// Starts a server that responds with a list of 1,000 users, which clients can cache for a day. The server
/// counts connections in `requests`. Returns the server's URL.
async fn serve(requests: Arc<AtomicUsize>) -> String {
    let body = serde_json::to_vec(&ultracart_benches::users(1_000)).unwrap();
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncache-control: max-age=86400\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            requests.fetch_add(1, Ordering::Relaxed);
            // A request without a body arrives in one piece.
            _ = stream.read(&mut [0; 4096]).await;
            _ = stream.write_all(head.as_bytes()).await;
            _ = stream.write_all(&body).await;
        }
    });
    url
}

criterion_group!(benches, hit);
criterion_main!(benches);
