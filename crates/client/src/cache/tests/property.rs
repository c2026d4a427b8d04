//! Whatever happens in whatever order: what a reader may never see, and what may never be done twice.

use std::time::Duration;

use proptest::prelude::*;
use ultracart_transport::ErrorKind;

use super::{Answer, Bench, Call, Read};
use crate::cache::policy::CachePolicy;
use crate::{Served, Stale};

/// What happens next; positions are taken modulo what there is.
#[derive(Clone, Debug)]
enum Step {
    Read(CachePolicy),
    /// A reader goes away.
    Drop(usize),
    /// The turn of a call comes.
    Send(usize),
    /// The server looks at what it has, for a call that was sent.
    Serve(usize),
    /// A call that was served comes back.
    Complete(usize),
    Fail(usize),
    /// A write is sent, takes effect and comes back.
    BeginWrite,
    ApplyWrite,
    EndWrite,
    /// Something is changed elsewhere, and then an event says so.
    ChangeElsewhere,
    Event,
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
    prop_oneof![
        6 => policies.prop_map(Step::Read),
        1 => any::<usize>().prop_map(Step::Drop),
        4 => any::<usize>().prop_map(Step::Send),
        4 => any::<usize>().prop_map(Step::Serve),
        4 => any::<usize>().prop_map(Step::Complete),
        1 => any::<usize>().prop_map(Step::Fail),
        2 => Just(Step::BeginWrite),
        2 => Just(Step::ApplyWrite),
        2 => Just(Step::EndWrite),
        1 => Just(Step::ChangeElsewhere),
        1 => Just(Step::Event),
        2 => (0..400_u32).prop_map(Step::Advance),
    ]
}

/// A call, and how far it is.
struct Pending {
    call: Call,
    /// The number of the latest change when it was sent first.
    sent: Option<u64>,
    served: Option<u64>,
}

/// A read, and the oldest version that it may see.
struct Reader {
    read: Read,
    policy: CachePolicy,
    oldest: u64,
}

/// The account, its readers and writers.
struct World {
    bench: Bench,
    /// The version that the server has.
    version: u64,
    /// The version that every read from now on has to show.
    settled: u64,
    /// Whether a write is on its way, and whether it has taken effect.
    write: Option<bool>,
    /// The version of what was changed elsewhere, before the event that says so.
    unsaid: Option<u64>,
    pending: Vec<Pending>,
    readers: Vec<Reader>,
}

impl World {
    fn new() -> Self {
        Self {
            bench: Bench::new(),
            version: 1,
            settled: 0,
            write: None,
            unsaid: None,
            pending: Vec::new(),
            readers: Vec::new(),
        }
    }

    async fn take(&mut self, step: Step) {
        match step {
            Step::Read(policy) => {
                let read = self.bench.read(1, policy);
                // A refresh sees nothing from before it was asked.
                let oldest = if policy == CachePolicy::Refresh { self.version } else { self.settled };
                self.readers.push(Reader { read, policy, oldest });
            }
            Step::Drop(place) => {
                if let Some(place) = place.checked_rem(self.readers.len()) {
                    self.readers.swap_remove(place).read.abort();
                }
            }
            Step::Send(place) => {
                if let Some(pending) = pick(&mut self.pending, place) {
                    pending.call.send();
                    pending.sent = pending.sent.or(Some(self.bench.generations.latest()));
                    pending.served = None;
                }
            }
            Step::Serve(place) => {
                if let Some(pending) = pick(&mut self.pending, place).filter(|pending| pending.sent.is_some())
                {
                    pending.served = Some(self.version);
                }
            }
            Step::Complete(place) => {
                if let Some(place) = place.checked_rem(self.pending.len())
                    && let Some(version) = self.pending[place].served
                {
                    self.pending.swap_remove(place).call.answer(Answer::Value(version));
                }
            }
            Step::Fail(place) => {
                if let Some(place) = place.checked_rem(self.pending.len()) {
                    self.pending.swap_remove(place).call.answer(Answer::Failure(ErrorKind::Server));
                }
            }
            Step::BeginWrite if self.write.is_none() => {
                self.bench.generations.change(1);
                self.write = Some(false);
            }
            Step::ApplyWrite if self.write == Some(false) => {
                self.version += 1;
                self.write = Some(true);
            }
            Step::EndWrite if self.write.is_some() => {
                self.bench.generations.change(1);
                self.settled = self.version;
                self.write = None;
            }
            Step::ChangeElsewhere => {
                self.version += 1;
                self.unsaid = Some(self.version);
            }
            Step::Event => {
                if let Some(version) = self.unsaid.take() {
                    self.bench.generations.change(1);
                    self.settled = self.settled.max(version);
                }
            }
            Step::Advance(seconds) => self.bench.clock.advance(Duration::from_secs(seconds.into())),
            Step::BeginWrite | Step::ApplyWrite | Step::EndWrite => {}
        }
        self.look().await;
    }

    /// Takes in new calls, and looks at what the readers got.
    async fn look(&mut self) {
        while let Some(call) = self.bench.api.next().await {
            self.pending.push(Pending { call, sent: None, served: None });
        }
        // Those that were taken back are not made.
        self.pending.retain(|pending| !pending.call.answer.is_closed());
        // One flight for each generation: of those that have not been sent, and of those that see the same changes.
        for (place, one) in self.pending.iter().enumerate() {
            let twin = self.pending[place + 1..].iter().any(|other| other.sent == one.sent);
            assert!(!twin, "two loads of what is the same");
        }
        let (done, waiting): (Vec<_>, Vec<_>) =
            self.readers.drain(..).partition(|reader| reader.read.is_finished());
        self.readers = waiting;
        for reader in done {
            let Ok(answer) = reader.read.await.unwrap() else { continue };
            let (policy, day) = (reader.policy, Duration::from_hours(24));
            match answer.served() {
                Served::Stale(Stale::Invalidated) => assert_eq!(policy, CachePolicy::StaleAllowed),
                served => {
                    assert!(*answer >= reader.oldest, "{} where {} is settled", *answer, reader.oldest);
                    let ttl = Duration::from_mins(5);
                    match served {
                        // What was just read may have been long on its way.
                        Served::Fresh => assert!(answer.age() < ttl || policy != CachePolicy::OnlyIfCached),
                        _ => assert!(answer.age() < ttl + day),
                    }
                    let may_be_stale = matches!(policy, CachePolicy::Default | CachePolicy::StaleAllowed);
                    assert!(served == Served::Fresh || may_be_stale, "{served:?} by {policy:?}");
                }
            }
        }
    }

    /// Nobody waits for ever.
    async fn end(mut self) {
        for _ in 0..100 {
            while let Some(pending) = self.pending.pop() {
                pending.call.send_and_answer(Answer::Value(self.version));
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
