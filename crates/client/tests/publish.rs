//! Every order in which a load, a write and a reader can take their steps, by loom.
//!
//! The module under test is the client's own, over loom's atomics and locks.

#![expect(clippy::unwrap_used, reason = "tests")]

#[expect(dead_code, reason = "only what takes part in publishing is tested here")]
#[path = "../src/cache/generations.rs"]
mod generations;

mod sync {
    pub(super) use loom::sync::atomic::{AtomicU64, Ordering};
    pub(super) use loom::sync::{Mutex, MutexGuard};

    pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
        mutex.lock().unwrap()
    }
}

use generations::{Generations, publish};
use loom::sync::Arc;
use loom::thread;
use sync::{AtomicU64, Mutex, Ordering};

/// A server with one number, and a cache for it: what was remembered, with its generation.
struct World {
    server: AtomicU64,
    generations: Generations,
    remembered: Mutex<Option<(u64, u64)>>,
}

impl World {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            server: AtomicU64::new(0),
            generations: Generations::new(),
            remembered: Mutex::new(None),
        })
    }

    fn write(&self) {
        self.generations.change(1);
        self.server.fetch_add(1, Ordering::SeqCst);
        self.generations.change(1);
    }

    fn load(&self) {
        let generation = self.generations.latest();
        let value = self.server.load(Ordering::SeqCst);
        let required = || self.generations.of(1);
        publish(&mut *self.remembered.lock().unwrap(), generation, required, |place| {
            *place = Some((generation, value));
        });
    }

    /// What a reader finds.
    fn read(&self) -> Option<u64> {
        let remembered = *self.remembered.lock().unwrap();
        let (generation, value) = remembered?;
        (generation >= self.generations.of(1)).then_some(value)
    }
}

/// Runs `there` on another thread beside `here`, in every order, and then looks at what came of it.
fn in_every_order(there: fn(&World), here: fn(&World), then: fn(&World)) {
    loom::model(move || {
        let world = World::new();
        let other = thread::spawn({
            let world = Arc::clone(&world);
            move || there(&world)
        });
        here(&world);
        other.join().unwrap();
        then(&world);
    });
}

#[test]
fn whoever_reads_after_a_write_sees_nothing_from_before_it() {
    let is_new = |world: &World| assert!(world.read().is_none_or(|value| value == 1));
    let write = |world: &World| {
        world.write();
        assert!(world.read().is_none_or(|value| value == 1));
    };
    in_every_order(World::load, write, is_new);
}

#[test]
fn of_two_loads_the_newer_one_stays() {
    let write_and_load = |world: &World| {
        world.write();
        world.load();
    };
    in_every_order(World::load, write_and_load, |world| assert_eq!(world.read(), Some(1)));
}

#[test]
fn writes_beside_each_other_are_both_seen() {
    let write_and_read = |world: &World| {
        world.write();
        world.load();
        assert!(world.read().is_none_or(|value| value >= 1));
    };
    in_every_order(World::write, write_and_read, |world| {
        assert!(world.read().is_none_or(|value| value == 2));
    });
}
