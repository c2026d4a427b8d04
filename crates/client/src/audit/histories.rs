//! Reads the login history of every user. Makes calls only for histories that neither the list of users nor
//! the checkpoint contains.

use std::sync::Arc;

use ultracart_model::User;

use super::checkpoint::Checkpoint;
use super::observer::{Observer, Plan, Progress};
use super::review::{History, Source};
use super::started::{ReviewStart, now};
use crate::{CachePolicy, Cached, Error, ErrorKind, UserApi};

/// Number of consecutive failures after which no more calls are made. A failure that concerns one user only,
/// such as a 404, counts like a success: the count starts again from 0.
const MAX_CONSECUTIVE_FAILURES: u32 = 5;

/// The login histories of all users.
pub(super) struct LoadedHistories {
    /// One history for each user, in the order of the users.
    pub(super) histories: Vec<History>,
    /// Notes for the reader of the review.
    pub(super) notes: Vec<String>,
    /// Kind of the error after which no more calls were made. `None` if no error stopped the calls.
    pub(super) stopped_by: Option<ErrorKind>,
}

/// Returns the login histories of the users. Requests those that neither the list of users nor the checkpoint
/// contains.
pub(super) async fn load(
    api: &UserApi,
    users: &[Arc<User>],
    mut checkpoint: Option<Checkpoint>,
    observer: &dyn Observer,
    start: &ReviewStart,
) -> Result<LoadedHistories, Error> {
    let known: Vec<Option<History>> =
        users.iter().map(|user| history_without_call(user, checkpoint.as_mut(), start)).collect();
    let total = u32::try_from(known.iter().filter(|history| history.is_none()).count()).unwrap_or(u32::MAX);
    let api = &api.cache_policy(CachePolicy::Refresh);
    let limiter = api.client().transport.limiter();
    observer.on_plan(&Plan {
        users: users.len(),
        from_list: count(&known, Source::List),
        from_checkpoint: count(&known, Source::Checkpoint),
        calls: total,
        forecast: limiter.forecast(total).await?,
    });

    let mut notes: Vec<String> = checkpoint.as_ref().and_then(Checkpoint::note).into_iter().collect();
    let mut failures = FailureTracker::default();
    let (mut done, mut failed) = (0, 0);
    let mut histories = Vec::with_capacity(users.len());
    for (user, known) in users.iter().zip(known) {
        let (None, Some(user_id)) = (&known, user.user_id) else {
            histories.extend(known);
            continue;
        };
        if let Some((_, reason)) = &failures.stopped {
            histories.push(History::Unreadable { reason: reason.clone() });
            continue;
        }
        let result = api.get_user_logins(user_id).await.map(Cached::into_inner);
        let read_at = now(api);
        failures.record(result.as_ref().err());
        histories.push(match result {
            Ok(logins) => {
                if let Some(Err(error)) = checkpoint.as_mut().map(|file| file.append(user, &logins, read_at))
                {
                    notes.push(format!(
                        "The checkpoint could not be written, so a resumed review would have to read some \
                         login histories again: {error}"
                    ));
                    observer.on_checkpoint_failed(&error);
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
        // A failed forecast must not discard the histories that were read.
        let time_left =
            limiter.forecast(total - done).await.map(|forecast| forecast.done_in()).unwrap_or_default();
        observer.on_history_done(&Progress {
            done,
            total,
            failed,
            calls_spent: start.calls_spent(api),
            time_left,
        });
    }
    Ok(LoadedHistories { histories, notes, stopped_by: failures.stopped.map(|(kind, _)| kind) })
}

/// Returns the history of a user for whom no call is needed or possible. Returns `None` if a call must be
/// made.
fn history_without_call(
    user: &User,
    checkpoint: Option<&mut Checkpoint>,
    start: &ReviewStart,
) -> Option<History> {
    if let Some(logins) = &user.login_histories {
        let logins = logins.as_slice().into();
        return Some(History::Read { source: Source::List, read_at: start.taken_at, logins });
    }
    if user.user_id.is_none() {
        let reason =
            "UltraCart returned the user without a user_id, so the login history cannot be requested";
        return Some(History::Unreadable { reason: reason.to_owned() });
    }
    checkpoint?.take(user)
}

fn count(known: &[Option<History>], wanted: Source) -> usize {
    let is_wanted = |history: &&Option<History>| matches!(history, Some(History::Read { source, .. }) if *source == wanted);
    known.iter().filter(is_wanted).count()
}

/// Counts failed calls and decides when to stop making calls.
#[derive(Default)]
struct FailureTracker {
    /// Number of failures in a row. A success sets it to 0, and so does a failure that concerns one user
    /// only.
    consecutive: u32,
    /// Kind of the error after which no more calls are made, and the reason to report for the remaining
    /// users. `None` while further calls are made.
    stopped: Option<(ErrorKind, String)>,
}

impl FailureTracker {
    /// Records the end of a call: its error, or `None` if it succeeded.
    fn record(&mut self, failure: Option<&Error>) {
        let Some(error) = failure else {
            self.consecutive = 0;
            return;
        };
        let concerns_one_user = matches!(
            error.kind(),
            ErrorKind::NotFound
                | ErrorKind::BadRequest
                | ErrorKind::Api
                | ErrorKind::Decode
                | ErrorKind::BodyTooLarge
        );
        self.consecutive = if concerns_one_user { 0 } else { self.consecutive + 1 };
        let reason = if is_credential_error(error) {
            Some(format!("not requested because an earlier call failed: {error}"))
        } else if self.consecutive >= MAX_CONSECUTIVE_FAILURES {
            Some(format!(
                "not requested after {MAX_CONSECUTIVE_FAILURES} failures in a row; the last one: {error}"
            ))
        } else {
            None
        };
        self.stopped = reason.map(|reason| (error.kind(), reason));
    }
}

/// Returns whether the error means that the server accepts no credential of this client, so no further call
/// can succeed.
pub(super) fn is_credential_error(error: &Error) -> bool {
    error.is_unauthorized()
        || error.is_application_disabled()
        || matches!(error.kind(), ErrorKind::Oauth | ErrorKind::InvalidConfig)
}
