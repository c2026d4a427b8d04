//! The cache as one would write it with moka alone.

use std::sync::Arc;

use moka::future::Cache;
use tokio::task::JoinHandle;
use ultracart_transport::limiter::Priority;

use super::Api;
use super::scenarios::Subject;

pub(super) struct Naive {
    api: Api,
    cache: Cache<i32, u64>,
}

impl Default for Naive {
    fn default() -> Self {
        Self { api: Api::default(), cache: Cache::new(100) }
    }
}

impl Subject for Naive {
    fn api(&self) -> &Api {
        &self.api
    }

    fn read(&self) -> JoinHandle<Option<u64>> {
        let (cache, api) = (self.cache.clone(), self.api.clone());
        tokio::spawn(async move {
            let load = async move { api.call(Priority::Foreground, None).await };
            cache.try_get_with(1, load).await.map_err(Arc::unwrap_or_clone).ok()
        })
    }

    fn change(&self) {
        let cache = self.cache.clone();
        // It waits for nobody: there is nothing to evict and no listener.
        tokio::spawn(async move { cache.invalidate(&1).await });
    }
}
