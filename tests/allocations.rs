//! Tests how many allocations a cache hit makes.
//!
//! This is a separate test binary, because it replaces the global allocator.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use ultracart_client::{CachePolicy, Client, UserApi};
use ultracart_sim::{Histories, Sim};

/// Returns the output of a future that is ready at its first poll.
fn poll_once<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => unreachable!("the read is not a hit"),
    }
}

/// Returns the number of allocations of a read.
fn count<T>(read: impl Future<Output = T>) -> u64 {
    let mut value = None;
    let count = allocation_counter::measure(|| value = Some(poll_once(read))).count_total;
    drop(value);
    count
}

fn account() -> (Sim, UserApi) {
    let sim = Sim::builder().users(1_000).histories_in_list(Histories::All).unlimited().build();
    let key = sim.simple_key();
    let client = Client::builder().simple_key(key.expose()).service(sim.service()).build().unwrap();
    (sim, client.user_api())
}

#[tokio::test]
async fn hit_allocates_nothing_and_copies_no_user() {
    let (sim, api) = account();
    let users = api.get_users().await.unwrap().into_inner();
    let id = users[500].user_id.unwrap();
    let groups = api.get_groups().await.unwrap();
    api.get_user_logins(id).await.unwrap();
    // These reads show that the lists are complete, and make the cache sort them for look-ups.
    for index in 0..2 {
        api.get_user(users[index].user_id.unwrap()).await.unwrap();
        api.get_group(groups[index].group_oid.unwrap()).await.unwrap();
    }
    let users = api.cache_policy(CachePolicy::Refresh).get_users().await.unwrap().into_inner();
    let groups = api.cache_policy(CachePolicy::Refresh).get_groups().await.unwrap();
    count(api.get_user(id));
    count(api.get_group(groups[3].group_oid.unwrap()));
    let calls = sim.calls();

    let mut object_allocations = 0;
    for _ in 0..1_000 {
        assert_eq!(count(api.get_users()), 0);
        assert_eq!(count(api.get_groups()), 0);
        object_allocations += count(api.get_user_logins(id));
        object_allocations += count(api.get_user(users[7].user_id.unwrap()));
        object_allocations += count(api.get_group(groups[5].group_oid.unwrap()));
    }
    // After every 64 reads, moka sorts its entries by age and allocates.
    assert!(object_allocations <= 3 * 1_000 / 20, "{object_allocations} allocations in 3,000 reads");
    assert_eq!(sim.calls(), calls);

    let again = api.get_users().await.unwrap();
    assert!(Arc::ptr_eq(again.as_ref(), &users));
    let user = api.get_user(users[7].user_id.unwrap()).await.unwrap();
    assert!(Arc::ptr_eq(user.as_ref(), &users[7]));
}

/// Shows that the counter works.
#[tokio::test]
async fn copy_of_a_user_is_counted() {
    let (_sim, api) = account();
    let users = api.get_users().await.unwrap();
    assert!(count(async { users[0].as_ref().clone() }) > 3);
}
