//! Every order in which a load, a write and a reader can take their steps, by loom.
//!
//! The modules under test are the client's own, over loom's atomics and locks.

#![expect(clippy::unwrap_used, reason = "tests")]

#[expect(dead_code, reason = "only what takes part in publishing is tested here")]
#[path = "../src/cache/generations.rs"]
mod generations;
#[path = "../src/cache/slots.rs"]
mod slots;

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
use slots::Slots;
use sync::{AtomicU64, Mutex, Ordering};

/// A server with one number, and a cache for it: what was remembered, with its generation, for each of two threads.
struct World {
    server: AtomicU64,
    generations: Generations,
    table: Mutex<()>,
    remembered: Slots<Option<(u64, u64)>>,
}

impl World {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            server: AtomicU64::new(0),
            generations: Generations::new(),
            table: Mutex::new(()),
            remembered: Slots::new(2, || None),
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
        publish(&mut *self.table.lock().unwrap(), generation, required, |()| {
            self.remembered.all().iter_mut().for_each(|place| **place = Some((generation, value)));
        });
    }

    /// What one thread finds, and then the other.
    fn read(&self) -> [Option<u64>; 2] {
        [0, 1].map(|thread| {
            let (generation, value) = (*self.remembered.of(thread))?;
            (generation >= self.generations.of(1)).then_some(value)
        })
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
    fn is_new(world: &World) {
        assert!(world.read().iter().all(|value| value.is_none_or(|value| value == 1)));
    }
    let write = |world: &World| {
        world.write();
        is_new(world);
    };
    in_every_order(World::load, write, is_new);
}

#[test]
fn of_two_loads_the_newer_one_stays() {
    let write_and_load = |world: &World| {
        world.write();
        world.load();
    };
    in_every_order(World::load, write_and_load, |world| assert_eq!(world.read(), [Some(1); 2]));
}

#[test]
fn writes_beside_each_other_are_both_seen() {
    let write_and_read = |world: &World| {
        world.write();
        world.load();
        assert!(world.read().iter().all(|value| value.is_none_or(|value| value >= 1)));
    };
    in_every_order(World::write, write_and_read, |world| {
        assert!(world.read().iter().all(|value| value.is_none_or(|value| value == 2)));
    });
}

#[test]
fn nobody_finds_what_is_older_than_what_another_thread_has_found() {
    let load_what_others_have_changed = |world: &World| {
        world.load();
        world.server.fetch_add(1, Ordering::SeqCst);
        world.load();
    };
    let read = |world: &World| {
        let [first, second] = world.read();
        assert!(second >= first);
    };
    in_every_order(load_what_others_have_changed, read, |world| assert_eq!(world.read(), [Some(1); 2]));
}
