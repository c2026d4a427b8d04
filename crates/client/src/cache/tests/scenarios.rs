//! What moka by itself gets wrong, each as a scenario that this cache stands and moka's `try_get_with` does not.

use std::sync::Arc;

use tokio::task::JoinHandle;
use ultracart_transport::ErrorKind;

use super::naive::Naive;
use super::{Answer, Api, Bench, settle};
use crate::CachePolicy;

/// A cache under test.
pub(super) trait Subject {
    fn api(&self) -> &Api;
    /// A read that has begun: the value, or nothing where it failed.
    fn read(&self) -> JoinHandle<Option<u64>>;
    /// What has been read so far is good for nothing any more.
    fn change(&self);
}

impl Subject for Bench {
    fn api(&self) -> &Api {
        &self.api
    }

    fn read(&self) -> JoinHandle<Option<u64>> {
        let read = Self::read(self, 1, CachePolicy::Default);
        tokio::spawn(async move { read.await.unwrap().ok().map(|value| *value) })
    }

    fn change(&self) {
        self.generations.change(1);
    }
}

/// What a scenario found.
type Verdict = Result<(), &'static str>;

fn verdict(is_right: bool, wrong: &'static str) -> Verdict {
    if is_right { Ok(()) } else { Err(wrong) }
}

/// Runs a scenario with both.
macro_rules! scenarios {
    ($($name:ident: $wrong:literal),* $(,)?) => { $(
        mod $name {
            #[tokio::test]
            async fn stands() {
                let subject = super::Bench::new();
                assert_eq!(super::$name(&subject).await, Ok(()));
            }

            /// The scenario can fail.
            #[tokio::test]
            async fn is_not_met_by_moka_alone() {
                let subject = super::Naive::default();
                assert_eq!(super::$name(&subject).await, Err($wrong));
            }
        }
    )* };
}

scenarios! {
    nobody_joins_a_load_from_before_a_change: "the second read made no call",
    no_load_from_before_a_change_is_remembered: "the old value came back",
    whoever_goes_away_takes_no_load_along: "the load was made twice",
    a_panic_is_one_error_for_all: "the load was made once for each",
    a_failure_is_remembered: "the load was made again at once",
}

async fn nobody_joins_a_load_from_before_a_change(subject: &impl Subject) -> Verdict {
    let before = subject.read();
    let first = subject.api().next().await.unwrap();
    _ = first.send();
    subject.change();
    let after = subject.read();
    let Some(second) = subject.api().next().await else { return Err("the second read made no call") };
    second.send_and_answer(Answer::Value(2));
    verdict(after.await.unwrap() == Some(2), "the second read got something else")?;
    first.answer(Answer::Value(1));
    verdict(before.await.unwrap() == Some(1), "the first read got something else")?;
    // Also not after the first has come back last.
    verdict(subject.read().await.unwrap() == Some(2), "the old value came back")?;
    verdict(subject.api().made() == 2, "there was another call")
}

async fn no_load_from_before_a_change_is_remembered(subject: &impl Subject) -> Verdict {
    let before = subject.read();
    let first = subject.api().next().await.unwrap();
    _ = first.send();
    subject.change();
    first.answer(Answer::Value(1));
    verdict(before.await.unwrap() == Some(1), "the first read got something else")?;
    let after = subject.read();
    let Some(second) = subject.api().next().await else { return Err("the old value came back") };
    second.send_and_answer(Answer::Value(2));
    verdict(after.await.unwrap() == Some(2), "the second read got something else")
}

async fn whoever_goes_away_takes_no_load_along(subject: &impl Subject) -> Verdict {
    let first = subject.read();
    let call = subject.api().next().await.unwrap();
    _ = call.send();
    let others: Vec<_> = (0..20).map(|_| subject.read()).collect();
    settle().await;
    first.abort();
    settle().await;
    call.answer(Answer::Value(1));
    while let Some(again) = subject.api().next().await {
        again.send_and_answer(Answer::Value(1));
    }
    for other in others {
        verdict(other.await.unwrap() == Some(1), "one of the others got something else")?;
    }
    verdict(subject.api().made() == 1, "the load was made twice")
}

async fn a_panic_is_one_error_for_all(subject: &impl Subject) -> Verdict {
    let reads: Vec<_> = (0..20).map(|_| subject.read()).collect();
    while let Some(call) = subject.api().next().await {
        call.send_and_answer(Answer::Panic);
    }
    for read in reads {
        // Where the panic comes through, the read has failed, too.
        verdict(read.await.ok().flatten().is_none(), "one of the reads got something")?;
    }
    verdict(subject.api().made() == 1, "the load was made once for each")?;
    verdict(subject.read().await.unwrap().is_none(), "a read right after it got something")?;
    verdict(subject.api().made() == 1, "the load was made again at once")
}

async fn a_failure_is_remembered(subject: &impl Subject) -> Verdict {
    let read = subject.read();
    subject.api().next().await.unwrap().send_and_answer(Answer::Failure(ErrorKind::Server));
    verdict(read.await.unwrap().is_none(), "the read got something")?;
    let again = subject.read();
    if let Some(call) = subject.api().next().await {
        call.send_and_answer(Answer::Value(1));
        again.await.unwrap();
        return Err("the load was made again at once");
    }
    verdict(again.await.unwrap().is_none(), "the second read got something")
}

/// One call for everybody, dropped first caller included, is also what it costs when a thousand come at once.
#[tokio::test]
async fn a_thousand_readers_make_one_call() {
    let bench = Arc::new(Bench::new());
    let reads: Vec<_> = (0..1_000).map(|_| Subject::read(&*bench)).collect();
    reads[0].abort();
    bench.api.next().await.unwrap().send_and_answer(Answer::Value(7));
    for read in reads.into_iter().skip(1) {
        assert_eq!(read.await.unwrap(), Some(7));
    }
    assert_eq!(bench.api.made(), 1);
    let stats = bench.cache.stats();
    assert_eq!((stats.misses, stats.joins + stats.hits, stats.calls_saved), (1, 999, 999));
}
