//! Making a review of an account.

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
    /// An access review of the account: who may do what, and what is odd about it.
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

/// A review that is to be made; see [`UserApi::audit`].
#[derive(Clone, Debug)]
#[must_use = "nothing is asked until it is run"]
pub struct Audit {
    api: UserApi,
    dormant_after: Duration,
    place: Place,
    observer: Arc<dyn Observer>,
}

impl Audit {
    /// A user who has not logged in for so long is dormant; by default what the configuration says.
    pub fn dormant_after(mut self, duration: Duration) -> Self {
        self.dormant_after = duration;
        self
    }

    /// Keeps every history in this file as it is read. None may be in it yet; delete it when the review is where it
    /// should be.
    pub fn checkpoint(mut self, path: impl Into<PathBuf>) -> Self {
        self.place = Place::New(path.into());
        self
    }

    /// Goes on with the checkpoint of a run that was broken off or had failures, and keeps what it reads in it too.
    /// A file that is not there, or holds nothing yet, is begun.
    ///
    /// A history is taken from it for a user with the same `user_id` and login, and if it is not older than 7 days.
    pub fn resume(mut self, path: impl Into<PathBuf>) -> Self {
        self.place = Place::Resume(path.into());
        self
    }

    /// Is told what the review will cost, how far it is, and whether what was read is kept.
    pub fn observer(mut self, observer: impl Observer) -> Self {
        self.observer = Arc::new(observer);
        self
    }

    /// Makes the review.
    ///
    /// What fails does not lose the rest: the review says what is [incomplete](Review::incomplete).
    ///
    /// # Errors
    /// If the checkpoint cannot be used (nothing was asked then), the users cannot be read, or there is no credential
    /// that is accepted for the groups.
    ///
    /// # Cancel safety
    /// What was read stays in the checkpoint, unless [`Observer::on_checkpoint_lost`] was called.
    ///
    /// # Calls
    /// Two, and one for each user whose logins came neither with the list nor from the checkpoint. It makes one at
    /// a time, and after a 401, a 410, an OAuth token that cannot be had or five failures in a row that are not the
    /// user's it makes no more and says so in [`Review::stopped_by`]. What the client remembers saves none: a review is
    /// of the time when it is made.
    pub async fn run(self) -> Result<Review, Error> {
        let Self { api, dormant_after, place, observer } = self;
        let base_url = base_url(api.client().base_url());
        let checkpoint = place.open(&base_url, now(&api))?;
        let spent_before = calls_spent(&api);
        // Nothing that is remembered: the review says when it was taken.
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

/// The groups, or why they could not be read; without a credential that is accepted it ends.
async fn groups(api: &UserApi) -> Result<Result<Vec<Arc<Group>>, String>, Error> {
    match api.cache_policy(CachePolicy::Refresh).get_groups().await {
        Ok(groups) => Ok(Ok(groups.to_vec())),
        Err(error) if histories::is_about_the_credential(&error) => Err(error),
        Err(error) => Ok(Err(error.to_string())),
    }
}
