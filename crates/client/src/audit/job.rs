//! Reads an account through the client and reviews it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ultracart_model::{Group, User};

use super::analysis::base_url_without_credentials;
use super::checkpoint::CheckpointMode;
use super::histories;
use super::observer::{NoObserver, Observer};
use super::review::{Facts, Review};
use super::started::{ReviewStart, calls_spent, now};
use crate::{CachePolicy, Error, UserApi};

impl UserApi {
    /// Returns an access review of the account, to configure and then [`run`](Audit::run).
    ///
    /// A review lists the groups, permissions and logins of every user, and findings such as users without a
    /// second factor.
    ///
    /// ```
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// # let sim = ultracart_sim::Sim::builder().users(3).simple_key("key").build();
    /// # let client = ultracart_client::Client::builder().simple_key("key").service(sim.service()).build()?;
    /// # let api = client.user_api();
    /// let review = api.audit().run().await?;
    /// for finding in &review.findings {
    ///     println!("{}: {} users", finding.title, finding.users().len());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn audit(&self) -> Audit {
        Audit {
            api: self.clone(),
            dormant_after: self.client().audit.dormant_after,
            checkpoint: CheckpointMode::Off,
            observer: Arc::new(NoObserver),
        }
    }
}

/// An access review to configure and run, made by [`UserApi::audit`].
#[derive(Clone, Debug)]
#[must_use = "a review does nothing until `run` is called"]
pub struct Audit {
    api: UserApi,
    dormant_after: Duration,
    checkpoint: CheckpointMode,
    observer: Arc<dyn Observer>,
}

impl Audit {
    /// Sets the time without a login after which a user counts as dormant.
    ///
    /// The default is `audit.dormant_after` of the configuration. UltraCart keeps login histories for 90
    /// days, so a longer time has the effect of 90 days.
    pub fn dormant_after(mut self, duration: Duration) -> Self {
        self.dormant_after = duration;
        self
    }

    /// Writes a checkpoint file at this path. Each login history that is read with a `getUserLogins` call is
    /// added to the file as soon as it arrives.
    ///
    /// [`run`](Self::run) fails if the file already contains a login history. Delete the file once the review
    /// is stored: the file contains personal data.
    pub fn checkpoint(mut self, path: impl Into<PathBuf>) -> Self {
        self.checkpoint = CheckpointMode::New(path.into());
        self
    }

    /// Resumes from the checkpoint of an earlier run that was interrupted or had failures.
    ///
    /// A login history is reused for a user with the same `user_id` and login name if it is at most 7 days
    /// old. Newly read histories are appended to the file. If the file does not exist or is empty, a new
    /// checkpoint is started in it.
    pub fn resume(mut self, path: impl Into<PathBuf>) -> Self {
        self.checkpoint = CheckpointMode::Resume(path.into());
        self
    }

    /// Sets the observer, which is called with the review's cost and its progress.
    pub fn observer(mut self, observer: impl Observer) -> Self {
        self.observer = Arc::new(observer);
        self
    }

    /// Reads the account and returns the review.
    ///
    /// A review does not fail if the groups or a login history cannot be read. [`Review::incomplete`] lists
    /// the parts that are missing.
    ///
    /// # Errors
    /// - The checkpoint cannot be used. No call was made.
    /// - The list of users cannot be read.
    /// - The list of groups cannot be read because the server does not accept the credential.
    /// - The calls for the login histories cannot be forecast, because the quota's store cannot be reached.
    ///
    /// # Cancel safety
    /// The login histories read so far stay in the checkpoint. If [`Observer::on_checkpoint_failed`] was
    /// called, the histories from that time on are missing.
    ///
    /// # Calls
    /// One for each page of the lists of users and groups, and one for each user whose login history is
    /// neither in the list of users nor in the checkpoint. The calls are made one after another. Cached
    /// values are not used, since a review describes the account at one point in time. The values that the
    /// review reads are cached.
    ///
    /// While the review reads login histories, it stops making calls after a 401, a 410, a failed token
    /// refresh, or five failures in a row. [`Review::stopped_by`] then contains the kind of the error. A
    /// failure that concerns one user only, such as a 404, counts like a success.
    pub async fn run(self) -> Result<Review, Error> {
        let Self { api, dormant_after, checkpoint, observer } = self;
        let base_url = base_url_without_credentials(&api.client().base_url);
        let checkpoint = checkpoint.open(&base_url, now(&api))?;
        let spent_before = calls_spent(&api);
        let users: Vec<Arc<User>> = api.cache_policy(CachePolicy::Refresh).get_users().await?.to_vec();
        let start = ReviewStart { taken_at: now(&api), spent_before };
        let groups = read_groups(&api).await?;
        let loaded = histories::load(&api, &users, checkpoint, &*observer, &start).await?;
        let mut review = Review::new(Facts {
            taken_at: start.taken_at,
            base_url,
            dormant_after,
            calls: start.calls_spent(&api),
            users: users.into_iter().zip(loaded.histories).collect(),
            groups,
            notes: loaded.notes,
        });
        review.stopped_by = loaded.stopped_by;
        Ok(review)
    }
}

/// Reads the list of groups.
///
/// The outer error ends the review: the credential is not accepted. The inner error is the reason why the
/// groups are missing from the review.
async fn read_groups(api: &UserApi) -> Result<Result<Vec<Arc<Group>>, String>, Error> {
    match api.cache_policy(CachePolicy::Refresh).get_groups().await {
        Ok(groups) => Ok(Ok(groups.to_vec())),
        Err(error) if histories::is_credential_error(&error) => Err(error),
        Err(error) => Ok(Err(error.to_string())),
    }
}
