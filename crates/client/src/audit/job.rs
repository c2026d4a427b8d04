//! Reads an account and reviews it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ultracart_model::{Group, User};

use super::analysis::base_url;
use super::checkpoint::Place;
use super::histories;
use super::observer::{Nobody, Observer};
use super::review::{Facts, Review};
use super::started::{Started, calls_spent, now};
use crate::{CachePolicy, Error, UserApi};

impl UserApi {
    /// Returns an access review to configure and [`run`](Audit::run): who may do what in the account, and what to check.
    ///
    /// ```
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// # let sim = ultracart_sim::Sim::builder().users(3).simple_key("key").build();
    /// # let api = ultracart_client::Client::builder().simple_key("key").service(sim.service()).build()?.user_api();
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
            place: Place::Nowhere,
            observer: Arc::new(Nobody),
        }
    }
}

/// An access review that has not run yet; see [`UserApi::audit`].
#[derive(Clone, Debug)]
#[must_use = "nothing is asked until it is run"]
pub struct Audit {
    api: UserApi,
    dormant_after: Duration,
    place: Place,
    observer: Arc<dyn Observer>,
}

impl Audit {
    /// Sets the time without a login after which a user is dormant; by default `audit.dormant_after` of the configuration.
    pub fn dormant_after(mut self, duration: Duration) -> Self {
        self.dormant_after = duration;
        self
    }

    /// Writes every history to this file as soon as it is read. The file must hold no history yet; delete it when the
    /// review is stored.
    pub fn checkpoint(mut self, path: impl Into<PathBuf>) -> Self {
        self.place = Place::New(path.into());
        self
    }

    /// Resumes from the checkpoint of a run that was interrupted or had failures, and adds to it. A file that does not
    /// exist or is empty is created.
    ///
    /// A history is reused for a user with the same `user_id` and login if it is at most 7 days old.
    pub fn resume(mut self, path: impl Into<PathBuf>) -> Self {
        self.place = Place::Resume(path.into());
        self
    }

    /// Sets the observer of the review's cost, its progress and its checkpoint.
    pub fn observer(mut self, observer: impl Observer) -> Self {
        self.observer = Arc::new(observer);
        self
    }

    /// Reads the account and reviews it.
    ///
    /// A call that fails does not fail the review, which lists the parts that are [missing](Review::incomplete).
    ///
    /// # Errors
    /// If the checkpoint cannot be used (then no call was made), the users cannot be read, or the credential is not
    /// accepted for the groups.
    ///
    /// # Cancel safety
    /// The histories read so far stay in the checkpoint, unless [`Observer::on_checkpoint_lost`] was called.
    ///
    /// # Calls
    /// Two, and one for each user whose logins came neither with the list nor from the checkpoint, one at a time. After a
    /// 401, a 410, a failed OAuth refresh, or five failures in a row that are not about one user, it stops and says so in
    /// [`Review::stopped_by`]. The cache is not used: a review describes the account at one time.
    pub async fn run(self) -> Result<Review, Error> {
        let Self { api, dormant_after, place, observer } = self;
        let base_url = base_url(&api.client().base_url);
        let checkpoint = place.open(&base_url, now(&api))?;
        let spent_before = calls_spent(&api);
        // Past the cache: the review says when it was taken.
        let users: Vec<Arc<User>> = api.cache_policy(CachePolicy::Refresh).get_users().await?.to_vec();
        let started = Started { taken_at: now(&api), spent_before };
        let groups = groups(&api).await?;
        let asked = histories::ask(&api, &users, checkpoint, &*observer, &started).await?;
        let mut review = Review::new(Facts {
            taken_at: started.taken_at,
            base_url,
            dormant_after,
            calls: started.calls_spent(&api),
            users: users.into_iter().zip(asked.histories).collect(),
            groups,
            notes: asked.notes,
        });
        review.stopped_by = asked.stopped_by;
        Ok(review)
    }
}

/// Reads the groups. The inner error is the reason why they are missing; a credential that is not accepted is the outer one.
async fn groups(api: &UserApi) -> Result<Result<Vec<Arc<Group>>, String>, Error> {
    match api.cache_policy(CachePolicy::Refresh).get_groups().await {
        Ok(groups) => Ok(Ok(groups.to_vec())),
        Err(error) if histories::is_about_the_credential(&error) => Err(error),
        Err(error) => Ok(Err(error.to_string())),
    }
}
