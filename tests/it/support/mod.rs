//! Helpers that several modules of tests share.

mod account;

use std::time::Duration;

pub(crate) use account::Account;
use tokio::task::JoinHandle;
use ultracart_client::model::{Group, GroupOid, UserId};
use ultracart_client::{Config, UserApi};
use ultracart_sim::{Fault, Operation, Sim};

pub(crate) const SECOND: Duration = Duration::from_secs(1);
pub(crate) const MINUTE: Duration = Duration::from_mins(1);

/// Spawns a call on its own task.
pub(crate) fn spawn<T, F>(api: &UserApi, call: impl FnOnce(UserApi) -> F) -> JoinHandle<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    tokio::spawn(call(api.clone()))
}

/// Runs all tasks until they wait. The paused clock does not advance.
pub(crate) async fn run_until_idle() {
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
}

/// Starts a slow `get_groups` call, which holds a permit for this long.
pub(crate) async fn hold_permit(sim: &Sim, api: &UserApi, time: Duration) -> JoinHandle<()> {
    sim.fault(Fault::slow_headers(time).on(Operation::GetGroups));
    let call = spawn(api, |api| async move { drop(api.get_groups().await.unwrap()) });
    run_until_idle().await;
    call
}

pub(crate) fn user_id(sim: &Sim, index: usize) -> UserId {
    sim.users()[index].user_id.unwrap()
}

pub(crate) fn group_oid(sim: &Sim, index: usize) -> GroupOid {
    sim.groups()[index].group_oid.unwrap()
}

/// A configuration without retries.
pub(crate) fn no_retries() -> Config {
    let mut config = Config::default();
    config.retry.max_attempts = 1;
    config
}

/// A fault that responds with this list in place of the account's.
pub(crate) fn list_response(name: &str, objects: &impl serde::Serialize) -> Fault {
    let body = serde_json::json!({ "success": true, name: objects }).to_string();
    Fault::response(http::Response::new(body.into()))
}

/// Advances the clock until the account has responded with a 429.
pub(crate) async fn wait_until_rejected(sim: &Sim) {
    let rejected = || sim.requests().iter().any(|request| request.status.is_some_and(|status| status == 429));
    while !rejected() {
        tokio::time::advance(Duration::from_millis(10)).await;
    }
}

/// Returns a user's name in a group's list of members.
pub(crate) fn name_in(group: &Group, id: UserId) -> Option<&str> {
    group.users.iter().flatten().find(|user| user.user_id == Some(id))?.full_name.as_deref()
}
