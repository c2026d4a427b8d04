//! Promise 2: concurrent misses of one key share one call.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use tower_service::Service;
use ultracart_client::{CachePolicy, Client, Config, ErrorKind};
use ultracart_sim::{Fault, Operation, Sim, SimService, Webhook};

use crate::support::{
    Account, MINUTE, SECOND, hold_permit, no_retries, run_until_idle, spawn, user_id, wait_until_rejected,
};
use crate::{client, two_at_a_time};

#[tokio::test(start_paused = true)]
async fn thousand_callers_share_one_call() {
    let sim = Sim::builder().users(5).latency(SECOND).build();
    let client = client(&sim, Config::default());
    let api = client.user_api();
    let read = || spawn(&api, |api| async move { api.get_users().await.unwrap().len() });
    let callers: Vec<_> = (0..1_000).map(|_| read()).collect();
    // The first caller, the leader of the load, is cancelled.
    run_until_idle().await;
    callers[0].abort();
    for caller in callers.into_iter().skip(1) {
        assert_eq!(caller.await.unwrap(), 5);
    }
    assert_eq!(sim.calls(), 1);
    let stats = client.cache_snapshot().users;
    assert_eq!((stats.misses, stats.joins + stats.hits, stats.calls_saved), (1, 999, 999));
}

#[tokio::test(start_paused = true)]
async fn rejected_load_serves_reader_after_change() {
    let account = Account::with(Sim::builder().users(5), Webhook::new(), two_at_a_time());
    let (api, sim) = (&account.api, &account.sim);
    sim.fault(Fault::too_many_requests().on(Operation::GetUsers));
    let read = spawn(api, |api| async move { api.get_users().await.unwrap().calls() });
    for _ in 0..100 {
        tokio::time::advance(Duration::from_millis(10)).await;
    }
    // The rejected load waits. A newer load takes its place, and each reader reports the calls of the load
    // that it started.
    assert_eq!((sim.calls(), read.is_finished()), (1, false));
    account.rename(account.id(1), "Ada L.");
    account.deliver();
    let users = api.get_users().await.unwrap();
    assert_eq!(users.get(account.id(1)).unwrap().full_name.as_deref(), Some("Ada L."));
    assert_eq!((read.await.unwrap(), users.calls(), sim.calls()), (1, 1, 2));
    assert_eq!(account.client.cache_snapshot().users.discarded, 0);
}

#[tokio::test(start_paused = true)]
async fn rejected_load_serves_a_refresh() {
    let sim = Sim::builder().users(5).build();
    let api = client(&sim, Config::default()).user_api();
    sim.fault(Fault::too_many_requests().on(Operation::GetUsers));
    let read = spawn(&api, |api| async move { api.get_users().await.map(drop) });
    wait_until_rejected(&sim).await;
    api.cache_policy(CachePolicy::Refresh).get_users().await.unwrap();
    read.await.unwrap().unwrap();
    assert_eq!(sim.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn queued_load_serves_readers_after_a_change() {
    let account = Account::new(Sim::builder().users(5));
    let (api, sim, id) = (&account.api, &account.sim, account.id(1));
    hold_permit(sim, api, 10 * SECOND).await;
    let before = spawn(api, |api| async move { api.get_users().await });
    run_until_idle().await;
    account.rename(id, "Ada L.");
    account.deliver();
    let after = spawn(api, |api| async move { api.get_users().await });
    let refresh = api.cache_policy(CachePolicy::Refresh);
    let refreshed = spawn(&refresh, |api| async move { api.get_users().await });
    for read in [before, after, refreshed] {
        let users = read.await.unwrap().unwrap();
        assert_eq!(users.get(id).unwrap().full_name.as_deref(), Some("Ada L."));
    }
    assert_eq!(account.name(id).await, "Ada L.");
    assert_eq!(sim.calls(), 2, "one for the groups, and one for the users");
}

#[tokio::test(start_paused = true)]
async fn dropped_leader_leaves_the_load_to_followers() {
    // The leader is cancelled after the load was sent, or while the load waits for its permit.
    for is_queued in [false, true] {
        let sim = Sim::builder().users(5).build();
        let api = client(&sim, Config::default()).user_api();
        if is_queued {
            hold_permit(&sim, &api, 10 * SECOND).await;
        }
        sim.fault(Fault::slow_body(3 * SECOND).on(Operation::GetUsers));
        let read = || spawn(&api, |api| async move { api.get_users().await.unwrap().len() });
        let readers: Vec<_> = (0..20).map(|_| read()).collect();
        run_until_idle().await;
        assert_eq!(sim.calls(), 1);
        readers[0].abort();
        for reader in readers.into_iter().skip(1) {
            assert_eq!(reader.await.unwrap(), 5);
        }
        assert_eq!(sim.calls(), 1 + u64::from(is_queued));
    }
}

#[tokio::test(start_paused = true)]
async fn queued_load_without_callers_is_not_sent() {
    let sim = Sim::builder().users(5).build();
    let api = client(&sim, Config::default()).user_api();
    let holder = hold_permit(&sim, &api, 10 * SECOND).await;
    let read = spawn(&api, |api| async move { api.get_users().await.map(drop) });
    run_until_idle().await;
    read.abort();
    holder.await.unwrap();
    tokio::time::advance(MINUTE).await;
    run_until_idle().await;
    assert_eq!(sim.calls(), 1);
    // The withdrawn load is not cached as a failure.
    assert_eq!(api.get_users().await.unwrap().calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn failed_load_saves_no_calls() {
    let sim = Sim::builder().users(5).latency(SECOND).build();
    let client = client(&sim, no_retries());
    let api = client.user_api();
    sim.fault(Fault::status_500().on(Operation::GetUsers));
    let readers: Vec<_> =
        (0..10).map(|_| spawn(&api, |api| async move { api.get_users().await.map(drop) })).collect();
    for reader in readers {
        assert_eq!(reader.await.unwrap().unwrap_err().kind(), ErrorKind::Server);
    }
    let stats = client.cache_snapshot().users;
    assert_eq!((stats.misses, stats.joins, stats.calls_saved, sim.calls()), (1, 9, 0, 1));
}

#[tokio::test(start_paused = true)]
async fn readers_of_one_user_share_one_call() {
    let sim = Sim::builder().users(5).latency(SECOND).build();
    let api = client(&sim, Config::default()).user_api();
    let id = user_id(&sim, 0);
    let users = (0..20).map(|_| spawn(&api, move |api| async move { api.get_user(id).await.map(drop) }));
    let users: Vec<_> = users.collect();
    let logins =
        (0..20).map(|_| spawn(&api, move |api| async move { api.get_user_logins(id).await.map(drop) }));
    for reader in users.into_iter().chain(logins.collect::<Vec<_>>()) {
        reader.await.unwrap().unwrap();
    }
    assert_eq!(sim.calls(), 2);
}

/// A service that panics at the first request, and then passes requests on.
#[derive(Clone)]
struct PanicsOnce {
    inner: SimService,
    requests: Arc<AtomicU32>,
}

impl Service<Request<Bytes>> for PanicsOnce {
    type Response = <SimService as Service<Request<Bytes>>>::Response;
    type Error = <SimService as Service<Request<Bytes>>>::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Bytes>) -> Self::Future {
        let (mut inner, requests) = (self.inner.clone(), Arc::clone(&self.requests));
        Box::pin(async move {
            tokio::task::yield_now().await;
            if requests.fetch_add(1, Ordering::Relaxed) == 0 {
                // `panic!` would print a message.
                std::panic::resume_unwind(Box::new("as the test says"));
            }
            inner.call(request).await
        })
    }
}

#[tokio::test(start_paused = true)]
async fn panicking_load_is_one_error_for_all_callers() {
    let sim = Sim::builder().users(5).build();
    let requests = Arc::new(AtomicU32::new(0));
    let service = PanicsOnce { inner: sim.service(), requests: Arc::clone(&requests) };
    let client = Client::builder().simple_key(sim.simple_key().expose()).service(service).build().unwrap();
    let api = client.user_api();
    let readers: Vec<_> =
        (0..20).map(|_| spawn(&api, |api| async move { api.get_users().await.map(drop) })).collect();
    for reader in readers {
        assert_eq!(reader.await.unwrap().unwrap_err().kind(), ErrorKind::Internal);
    }
    assert_eq!(api.get_users().await.unwrap_err().kind(), ErrorKind::Internal);
    assert_eq!(requests.load(Ordering::Relaxed), 1);
    tokio::time::advance(5 * SECOND).await;
    assert_eq!(api.get_users().await.unwrap().len(), 5);
}
