//! Tests of the cache's promises through the public interface.
//!
//! Each file tests one promise or a part of it. The table in `crates/client/src/cache/mod.rs` lists the
//! promises.

mod changes;
mod coarse_clock;
mod dependencies;
mod failures;
mod hits;
mod lagging_lists;
mod loads;
mod members;
mod personal_data;
mod policies;
mod refresh;
mod responses;
mod stale;
mod webhook_ttl;
mod webhooks;
mod writes;

use std::time::Duration;

use ultracart_client::{Clock as _, TokioClock, UserApi};

/// Reads users and groups every minute of a day. Before each minute's reads, calls `each_minute` with the
/// number of the minute.
async fn read_for_a_day(api: &UserApi, mut each_minute: impl FnMut(u32)) {
    let clock = TokioClock::new();
    for minute in 0..24 * 60 {
        each_minute(minute);
        assert_eq!(api.get_users().await.unwrap().len(), 50);
        assert_eq!(api.get_groups().await.unwrap().len(), 12);
        clock.sleep(Duration::from_mins(1)).await;
    }
}
