//! Fixtures that several modules share.

mod account;

use std::time::Duration;

pub(crate) use account::Account;
use tokio::task::JoinHandle;
use ultracart_client::UserApi;
use ultracart_client::model::{Group, UserId};
use ultracart_sim::{Fault, Sim};

pub(crate) const SECOND: Duration = Duration::from_secs(1);
pub(crate) const MINUTE: Duration = Duration::from_mins(1);

/// Makes a call in a task of its own.
pub(crate) fn spawn<T, F>(api: &UserApi, call: impl FnOnce(UserApi) -> F) -> JoinHandle<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    tokio::spawn(call(api.clone()))
}

/// A reply with this list, whatever the account has by then.
pub(crate) fn list_reply(name: &str, objects: &impl serde::Serialize) -> Fault {
    let body = serde_json::json!({ "success": true, name: objects }).to_string();
    Fault::answer(http::Response::new(body.into()))
}

/// Waits until a call has been answered with a 429.
pub(crate) async fn until_rejected(sim: &Sim) {
    let rejected = || sim.requests().iter().any(|request| request.status.is_some_and(|status| status == 429));
    while !rejected() {
        tokio::time::advance(Duration::from_millis(10)).await;
    }
}

/// The name of a user as their group has it.
pub(crate) fn name_in(group: &Group, id: UserId) -> Option<&str> {
    group.users.iter().flatten().find(|user| user.user_id == Some(id))?.full_name.as_deref()
}
