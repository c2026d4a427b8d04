//! Storage of cached values that several threads read and replace.

use std::pin::Pin;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use ultracart_client::{Client, Clock, Config, Instant};
use ultracart_sim::Sim;

use crate::cache_property::manual_clock::ManualClock;
use crate::cache_property::{client, unlimited};
use crate::cache_threads::{PATIENCE, RespondingService, current_thread, runtime};
use crate::support::user_id;

/// A clock that can block a thread that reads it, until the test releases the thread.
#[derive(Debug)]
struct HoldingClock {
    clock: Arc<ManualClock>,
    hold: Mutex<Option<(Sender<()>, Receiver<()>)>>,
}

impl HoldingClock {
    /// Blocks the next thread that reads the exact time. The returned receiver gets a message when the thread
    /// is blocked. A message that is sent with the returned sender releases the thread.
    fn hold_next(&self) -> (Receiver<()>, Sender<()>) {
        let ((held, is_held), (release, released)) = (channel(), channel());
        *self.hold.lock().unwrap() = Some((held, released));
        (is_held, release)
    }
}

impl Clock for HoldingClock {
    fn now(&self) -> Instant {
        let hold = self.hold.lock().unwrap().take();
        if let Some((held, released)) = hold {
            held.send(()).unwrap();
            released.recv().unwrap();
        }
        self.clock.now()
    }

    fn coarse_now(&self) -> Instant {
        self.clock.now()
    }

    fn wall(&self) -> SystemTime {
        self.clock.wall()
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        self.clock.sleep(duration)
    }
}

#[test]
fn thousand_threads_after_each_other_share_one_list() {
    let client = client(unlimited(1), &ManualClock::new(), RespondingService::new());
    let api = client.user_api();
    let loaded = current_thread().block_on(api.get_users()).unwrap();
    for _ in 0..1_000 {
        let api = api.clone();
        let hit = std::thread::spawn(move || current_thread().block_on(api.get_users())).join().unwrap();
        assert!(Arc::ptr_eq(hit.unwrap().as_ref(), loaded.as_ref()));
    }
    assert_eq!((client.cache_snapshot().users.hits, client.calls_spent()), (1_000, 1));
}

/// While one read finds a value too old and removes it, another read may replace the value. The new value
/// must not be removed.
#[test]
fn removing_an_old_value_keeps_its_successor() {
    let sim = Sim::builder().users(5).build();
    let id = user_id(&sim, 0);
    let clock = Arc::new(HoldingClock { clock: ManualClock::new(), hold: Mutex::default() });
    let mut config = unlimited(1);
    config.api = Config::default().api;
    let builder = Client::builder().config(config).simple_key(sim.simple_key().expose());
    let client = builder.clock(Arc::clone(&clock) as _).service(sim.service()).build().unwrap();
    let api = client.user_api();
    let read = |is_list: bool| {
        runtime(1).block_on(async {
            if is_list {
                api.get_users().await.unwrap().calls()
            } else {
                api.get_user_logins(id).await.unwrap().calls()
            }
        })
    };
    for is_list in [true, false] {
        assert_eq!(read(is_list), 1);
        clock.clock.advance(Duration::from_hours(25));
        std::thread::scope(|scope| {
            let (is_held, release) = clock.hold_next();
            let slow = scope.spawn(|| read(is_list));
            is_held.recv_timeout(PATIENCE).unwrap();
            assert_eq!(read(is_list), 1);
            release.send(()).unwrap();
            assert_eq!(slow.join().unwrap(), 0);
        });
        assert_eq!(read(is_list), 0);
    }
}
