//! Reads every user's logins, with a call for each user whose logins did not come with the list.

use std::sync::Arc;

use ultracart_model::User;

use super::checkpoint::Checkpoint;
use super::observer::{Observer, Plan, Progress};
use super::review::{History, Source};
use super::started::{Started, now};
use crate::{CachePolicy, Cached, Error, ErrorKind, UserApi};

/// Failures in a row, not about one user, after which no more calls are made.
const ENOUGH: u32 = 5;

/// The histories of all users, in the order of the users.
pub(super) struct Asked {
    pub(super) histories: Vec<History>,
    pub(super) notes: Vec<String>,
    /// The kind of the error after which no more calls were made.
    pub(super) stopped_by: Option<ErrorKind>,
}

/// Reads the histories that neither the list nor the checkpoint has.
pub(super) async fn ask(
    api: &UserApi,
    users: &[Arc<User>],
    mut checkpoint: Option<Checkpoint>,
    observer: &dyn Observer,
    started: &Started,
) -> Result<Asked, Error> {
    let known: Vec<Option<History>> =
        users.iter().map(|user| known(user, checkpoint.as_mut(), started)).collect();
    let total = u32::try_from(known.iter().filter(|history| history.is_none()).count()).unwrap_or(u32::MAX);
    let api = &api.cache_policy(CachePolicy::Refresh);
    let limiter = api.client().transport.limiter();
    observer.on_plan(&Plan {
        users: users.len(),
        with_list: count(&known, Source::List),
        resumed: count(&known, Source::Checkpoint),
        calls: total,
        forecast: limiter.forecast(total).await?,
    });

    let mut notes: Vec<String> = checkpoint.as_ref().and_then(Checkpoint::note).into_iter().collect();
    let mut patience = Patience::default();
    let (mut done, mut failed) = (0, 0);
    let mut histories = Vec::with_capacity(users.len());
    for (user, known) in users.iter().zip(known) {
        let (None, Some(user_id)) = (&known, user.user_id) else {
            histories.extend(known);
            continue;
        };
        if let Some((_, reason)) = &patience.over {
            histories.push(History::Unreadable { reason: reason.clone() });
            continue;
        }
        let answer = api.get_user_logins(user_id).await.map(Cached::into_inner);
        let read_at = now(api);
        patience.after(answer.as_ref().err());
        histories.push(match answer {
            Ok(logins) => {
                if let Some(Err(error)) = checkpoint.as_mut().map(|file| file.keep(user, &logins, read_at)) {
                    notes.push(format!(
                        "The checkpoint could not be written on, so not all can be resumed: {error}"
                    ));
                    observer.on_checkpoint_lost(&error);
                    checkpoint = None;
                }
                History::Read { source: Source::Call, read_at, logins }
            }
            Err(error) => {
                failed += 1;
                History::Unreadable { reason: error.to_string() }
            }
        });
        done += 1;
        // A failed forecast is no reason to lose what was read.
        let left =
            limiter.forecast(total - done).await.map(|forecast| forecast.done_in()).unwrap_or_default();
        observer.on_call_done(&Progress { done, total, failed, calls_spent: started.calls_spent(api), left });
    }
    Ok(Asked { histories, notes, stopped_by: patience.over.map(|(kind, _)| kind) })
}

/// Returns the history of a user for whom no call is needed or possible.
fn known(user: &User, checkpoint: Option<&mut Checkpoint>, started: &Started) -> Option<History> {
    if let Some(logins) = &user.login_histories {
        let logins = logins.as_slice().into();
        return Some(History::Read { source: Source::List, read_at: started.taken_at, logins });
    }
    if user.user_id.is_none() {
        return Some(History::Unreadable { reason: "the user came without a user_id to ask by".to_owned() });
    }
    checkpoint?.take(user)
}

fn count(known: &[Option<History>], wanted: Source) -> usize {
    let is_wanted = |history: &&Option<History>| matches!(history, Some(History::Read { source, .. }) if *source == wanted);
    known.iter().filter(is_wanted).count()
}

/// Decides when to stop.
#[derive(Default)]
struct Patience {
    /// Failures in a row that are not about one user.
    in_a_row: u32,
    /// The error to stop at, and the reason to report for the remaining users.
    over: Option<(ErrorKind, String)>,
}

impl Patience {
    fn after(&mut self, failure: Option<&Error>) {
        let Some(error) = failure else {
            self.in_a_row = 0;
            return;
        };
        // About this one user: the next call may succeed.
        let is_the_users = matches!(
            error.kind(),
            ErrorKind::NotFound
                | ErrorKind::BadRequest
                | ErrorKind::Api
                | ErrorKind::Decode
                | ErrorKind::BodyTooLarge
        );
        self.in_a_row = if is_the_users { 0 } else { self.in_a_row + 1 };
        let over = if is_about_the_credential(error) {
            Some(format!("not asked for any more after {error}"))
        } else if self.in_a_row >= ENOUGH {
            Some(format!("not asked for any more after {ENOUGH} failures in a row, the last one {error}"))
        } else {
            None
        };
        self.over = over.map(|reason| (error.kind(), reason));
    }
}

/// Returns whether no further call can succeed, since there is no credential that is accepted.
pub(super) fn is_about_the_credential(error: &Error) -> bool {
    error.is_unauthorized()
        || error.is_application_disabled()
        || matches!(error.kind(), ErrorKind::Oauth | ErrorKind::InvalidConfig)
}
