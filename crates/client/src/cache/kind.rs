//! Users and groups, for code that is the same for both.

use super::caches::Caches;
use super::generations::Generations;
use super::resource::Resource;
use crate::list::{Groups, Listing, Users};

/// A kind of object that has a list: users, or groups.
pub(crate) trait Kind: Listing {
    fn resource(caches: &Caches) -> &Resource<Self>;

    /// Returns the clock of the other kind, whose objects name objects of this one.
    fn related(caches: &Caches) -> &Generations;
}

impl Kind for Users {
    fn resource(caches: &Caches) -> &Resource<Self> {
        &caches.users
    }

    fn related(caches: &Caches) -> &Generations {
        &caches.groups.generations
    }
}

impl Kind for Groups {
    fn resource(caches: &Caches) -> &Resource<Self> {
        &caches.groups
    }

    fn related(caches: &Caches) -> &Generations {
        &caches.users.generations
    }
}
