//! Whatever happens in whatever order: what a reader may never see, and what may never be done twice.

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use ultracart_transport::ErrorKind;

use super::{Answer, Api, Bench, Call, Read};
use crate::cache::policy::CachePolicy;
use crate::{Served, Stale};

/// So many objects.
const KEYS: usize = 2;

/// What happens next; positions are taken modulo what there is.
#[derive(Clone, Debug)]
enum Step {
    Read(usize, CachePolicy),
    /// A reader goes away.
    Drop(usize),
    /// The turn of a call comes.
    Send(usize),
    /// The server looks at what it has, for a call that was sent.
    Serve(usize),
    /// A call that was served comes back.
    Complete(usize),
    Fail(usize, ErrorKind),
    /// A write is sent, takes effect and comes back.
    BeginWrite(usize),
    ApplyWrite(usize),
    EndWrite(usize),
    /// Something is changed elsewhere, and then an event says so.
    ChangeElsewhere(usize),
    Event(usize),
    Advance(u32),
}

fn step() -> impl Strategy<Value = Step> {
    let policies = prop_oneof![
        4 => Just(CachePolicy::Default),
        1 => Just(CachePolicy::NeverStale),
        2 => Just(CachePolicy::Refresh),
        1 => Just(CachePolicy::StaleAllowed),
        1 => Just(CachePolicy::OnlyIfCached),
    ];
    let key = || 0..KEYS;
    let kinds = prop_oneof![Just(ErrorKind::Server), Just(ErrorKind::Unauthorized), Just(ErrorKind::MaxWait)];
    prop_oneof![
        6 => (key(), policies).prop_map(|(key, policy)| Step::Read(key, policy)),
        1 => any::<usize>().prop_map(Step::Drop),
        4 => any::<usize>().prop_map(Step::Send),
        4 => any::<usize>().prop_map(Step::Serve),
        4 => any::<usize>().prop_map(Step::Complete),
        1 => (any::<usize>(), kinds).prop_map(|(place, kind)| Step::Fail(place, kind)),
        2 => key().prop_map(Step::BeginWrite),
        2 => key().prop_map(Step::ApplyWrite),
        2 => key().prop_map(Step::EndWrite),
        1 => key().prop_map(Step::ChangeElsewhere),
        1 => key().prop_map(Step::Event),
        2 => (0..400_u32).prop_map(Step::Advance),
    ]
}

/// A call, and how far it is.
struct Pending {
    key: usize,
    call: Call,
    /// The number of the latest change when it was sent first.
    sent: Option<u64>,
    served: Option<u64>,
}

/// A read, and the oldest version that it may see.
struct Reader {
    key: usize,
    read: Read,
    policy: CachePolicy,
    oldest: u64,
    /// Whether nothing has happened since it began.
    is_new: bool,
}

/// One object on the server.
#[derive(Default)]
struct Object {
    api: Api,
    version: u64,
    /// The version that every read from now on has to show.
    settled: u64,
    /// Whether a write is on its way, and whether it has taken effect.
    write: Option<bool>,
    /// The version of what was changed elsewhere, before the event that says so.
    unsaid: Option<u64>,
}

/// The account, its readers and writers.
struct World {
    bench: Bench,
    objects: [Object; KEYS],
    pending: Vec<Pending>,
    readers: Vec<Reader>,
}

/// The value of an object in this version: no other object has it.
fn value(key: usize, version: u64) -> u64 {
    version * 10 + u64::from(id(key).unsigned_abs())
}

fn id(key: usize) -> i32 {
    i32::try_from(key).unwrap()
}

impl World {
    fn new() -> Self {
        let objects = Default::default();
        Self { bench: Bench::new(), objects, pending: Vec::new(), readers: Vec::new() }
    }

    async fn take(&mut self, step: Step) {
        match step {
            Step::Read(key, policy) => {
                let (cache, object) = (Arc::clone(&self.bench.cache), &self.objects[key]);
                let load = object.api.load();
                let read = tokio::spawn(async move { cache.get(id(key), policy, load).await });
                // A refresh sees nothing from before it was asked.
                let oldest = if policy == CachePolicy::Refresh { object.version } else { object.settled };
                self.readers.push(Reader { key, read, policy, oldest, is_new: true });
            }
            Step::Drop(place) => {
                if let Some(place) = place.checked_rem(self.readers.len()) {
                    self.readers.swap_remove(place).read.abort();
                }
            }
            Step::Send(place) => {
                if let Some(pending) = pick(&mut self.pending, place) {
                    _ = pending.call.send();
                    pending.sent = pending.sent.or(Some(self.bench.generations.latest()));
                    pending.served = None;
                }
            }
            Step::Serve(place) => {
                if let Some(pending) = pick(&mut self.pending, place).filter(|pending| pending.sent.is_some())
                {
                    pending.served = Some(self.objects[pending.key].version);
                }
            }
            Step::Complete(place) => {
                if let Some(place) = place.checked_rem(self.pending.len())
                    && let Some(version) = self.pending[place].served
                {
                    let Pending { key, call, .. } = self.pending.swap_remove(place);
                    call.answer(Answer::Value(value(key, version)));
                }
            }
            Step::Fail(place, kind) => {
                if let Some(place) = place.checked_rem(self.pending.len()) {
                    self.pending.swap_remove(place).call.answer(Answer::Failure(kind));
                }
            }
            Step::BeginWrite(key) => {
                if self.objects[key].write.is_none() {
                    self.bench.generations.change(id(key));
                    self.objects[key].write = Some(false);
                }
            }
            Step::ApplyWrite(key) => {
                let object = &mut self.objects[key];
                if object.write == Some(false) {
                    (object.version, object.write) = (object.version + 1, Some(true));
                }
            }
            Step::EndWrite(key) => {
                let object = &mut self.objects[key];
                if object.write.take().is_some() {
                    self.bench.generations.change(id(key));
                    object.settled = object.version;
                }
            }
            Step::ChangeElsewhere(key) => {
                let object = &mut self.objects[key];
                object.version += 1;
                object.unsaid = Some(object.version);
            }
            Step::Event(key) => {
                let object = &mut self.objects[key];
                if let Some(version) = object.unsaid.take() {
                    self.bench.generations.change(id(key));
                    object.settled = object.settled.max(version);
                }
            }
            Step::Advance(seconds) => self.bench.clock.advance(Duration::from_secs(seconds.into())),
        }
        self.look().await;
    }

    /// Takes in new calls, and looks at what the readers got.
    async fn look(&mut self) {
        for (key, object) in self.objects.iter().enumerate() {
            while let Some(call) = object.api.next().await {
                self.pending.push(Pending { key, call, sent: None, served: None });
            }
        }
        // Those that were taken back are not made.
        self.pending.retain(|pending| !pending.call.answer.is_closed());
        // One flight for each generation: of those that have not been sent, and of those that see the same changes.
        for (place, one) in self.pending.iter().enumerate() {
            let is_twin = |other: &Pending| (other.key, other.sent) == (one.key, one.sent);
            assert!(!self.pending[place + 1..].iter().any(is_twin), "two loads of what is the same");
        }
        let (done, waiting): (Vec<_>, Vec<_>) =
            self.readers.drain(..).partition(|reader| reader.read.is_finished());
        self.readers = waiting;
        for reader in done {
            let Ok(answer) = reader.read.await.unwrap() else { continue };
            let (policy, ttl, day) = (reader.policy, Duration::from_mins(5), Duration::from_hours(24));
            assert_eq!(*answer % 10, value(reader.key, 0), "another object");
            match answer.served() {
                Served::Stale(Stale::Invalidated) => assert_eq!(policy, CachePolicy::StaleAllowed),
                served => {
                    let oldest = value(reader.key, reader.oldest);
                    assert!(*answer >= oldest, "{} where {oldest} is settled", *answer);
                    let may_be_stale = matches!(policy, CachePolicy::Default | CachePolicy::StaleAllowed);
                    assert!(served == Served::Fresh || may_be_stale, "{served:?} by {policy:?}");
                    // What was waited for may have been long on its way.
                    assert!(answer.age() < ttl + day || !reader.is_new);
                    assert!(answer.age() < ttl || !reader.is_new || served != Served::Fresh);
                }
            }
        }
        self.readers.iter_mut().for_each(|reader| reader.is_new = false);
    }

    /// Nobody waits for ever.
    async fn end(mut self) {
        for _ in 0..100 {
            while let Some(Pending { key, call, .. }) = self.pending.pop() {
                call.send_and_answer(Answer::Value(value(key, self.objects[key].version)));
            }
            self.look().await;
        }
        assert!(self.readers.is_empty(), "{} readers wait for nothing", self.readers.len());
    }
}

fn pick(pending: &mut [Pending], place: usize) -> Option<&mut Pending> {
    let place = place.checked_rem(pending.len())?;
    pending.get_mut(place)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

    #[test]
    fn nothing_is_seen_from_before_and_nothing_is_loaded_twice(steps in prop::collection::vec(step(), 1..80)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let mut world = World::new();
            for step in steps {
                world.take(step).await;
            }
            world.end().await;
        });
    }
}
