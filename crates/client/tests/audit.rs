//! Access reviews of a simulated account, with and without faults.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::{Response, StatusCode};
use tokio::sync::Notify;
use ultracart_client::audit::{FindingKind, History, Observer, Plan, Progress, Review, Source};
use ultracart_client::config::Oauth;
use ultracart_client::{Client, Config, ErrorKind, UserApi};
use ultracart_sim::{Fault, Histories, Operation, Sim, SimBuilder};

fn sim(users: u32) -> SimBuilder {
    Sim::builder().users(users).groups(3).simple_key("key").latency(Duration::from_secs(1))
}

/// Returns an API without retries, so that each injected fault makes a call fail.
fn api(sim: &Sim) -> UserApi {
    let mut config = Config::default();
    config.retry.max_attempts = 1;
    Client::builder().config(config).simple_key("key").service(sim.service()).build().unwrap().user_api()
}

/// The reports that a [`RecordingObserver`] received.
#[derive(Debug, Default)]
struct Reports {
    plans: Mutex<Vec<Plan>>,
    progress: Mutex<Vec<Progress>>,
    /// Number of histories after which `reached` is notified.
    target: u32,
    reached: Notify,
}

/// An observer that records every report.
#[derive(Clone, Debug, Default)]
struct RecordingObserver(Arc<Reports>);

impl RecordingObserver {
    fn with_target(histories: u32) -> Self {
        Self(Arc::new(Reports { target: histories, ..Reports::default() }))
    }

    fn plan(&self) -> Plan {
        let plans = self.0.plans.lock().unwrap();
        assert_eq!(plans.len(), 1, "reported once");
        plans[0].clone()
    }
}

impl Observer for RecordingObserver {
    fn on_plan(&self, plan: &Plan) {
        assert!(self.0.progress.lock().unwrap().is_empty(), "reported before the first history");
        self.0.plans.lock().unwrap().push(plan.clone());
    }

    fn on_history_done(&self, progress: &Progress) {
        self.0.progress.lock().unwrap().push(*progress);
        if progress.done == self.0.target {
            self.0.reached.notify_one();
        }
    }
}

fn sources(review: &Review) -> Vec<Option<Source>> {
    let source = |history: &History| match history {
        History::Read { source, .. } => Some(*source),
        History::Unreadable { .. } => None,
    };
    review.users.iter().map(|user| source(&user.history)).collect()
}

fn reason(review: &Review, position: usize) -> &str {
    match &review.users[position].history {
        History::Unreadable { reason } => reason,
        History::Read { .. } => panic!("user {position} is read"),
    }
}

#[tokio::test(start_paused = true)]
async fn each_history_costs_one_call_as_forecast() {
    // With this latency, the quota determines how long the review takes.
    let sim = sim(1_050).latency(Duration::from_millis(5)).build();
    let observer = RecordingObserver::default();
    let review = api(&sim).audit().observer(observer.clone()).run().await.unwrap();
    let took = sim.elapsed();

    assert!(review.is_complete(), "{:?}", review.incomplete);
    assert_eq!((sim.calls(), review.calls), (1_052, 1_052));
    assert_eq!(sources(&review), vec![Some(Source::Call); 1_050]);
    for user in sim.users() {
        let reviewed = review.users.iter().find(|reviewed| reviewed.user.user_id == user.user_id).unwrap();
        assert_eq!(reviewed.logins().unwrap(), user.login_histories.unwrap());
    }
    let plan = observer.plan();
    assert_eq!((plan.users, plan.from_list, plan.from_checkpoint, plan.calls), (1_050, 0, 0, 1_050));
    let off = took.abs_diff(plan.forecast.done_in()).as_secs_f64() / took.as_secs_f64();
    assert!(off < 0.1, "forecast {:?}, took {took:?}", plan.forecast);
    let progress = observer.0.progress.lock().unwrap();
    assert_eq!(progress.len(), 1_050);
    let last = progress.last().unwrap();
    assert_eq!((last.done, last.total, last.failed, last.calls_spent), (1_050, 1_050, 0, 1_052));
    assert_eq!(last.time_left, Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn histories_in_user_list_cost_no_call() {
    let sim = sim(5).histories_in_list(Histories::All).build();
    let observer = RecordingObserver::default();
    let review = api(&sim).audit().observer(observer.clone()).run().await.unwrap();
    assert_eq!((sim.calls(), observer.plan().calls, observer.plan().from_list), (2, 0, 5));
    assert_eq!(sources(&review), [Some(Source::List); 5]);
}

#[tokio::test(start_paused = true)]
async fn review_reads_past_the_cache() {
    let sim = sim(3).build();
    let api = api(&sim);
    let id = api.get_users().await.unwrap()[0].user_id.unwrap();
    let oid = api.get_groups().await.unwrap()[0].group_oid.unwrap();
    api.get_user_logins(id).await.unwrap();
    sim.edit_user(id, |user| user.full_name = Some("Renamed elsewhere".into()));
    sim.edit_group(oid, |group| group.name = Some("Renamed elsewhere".into()));
    sim.set_logins(id, []);

    let before = sim.calls();
    let review = api.audit().run().await.unwrap();
    assert_eq!((sim.calls() - before, review.calls), (2 + 3, 2 + 3));
    assert_eq!(review.users[0].user.full_name.as_deref(), Some("Renamed elsewhere"));
    assert_eq!(review.users[0].logins(), Some(&[][..]));
    assert_eq!(review.groups[0].group.name.as_deref(), Some("Renamed elsewhere"));
    // The review's reads were cached.
    assert_eq!(api.get_users().await.unwrap()[0].full_name.as_deref(), Some("Renamed elsewhere"));
    assert_eq!(sim.calls() - before, 2 + 3);
}

#[tokio::test(start_paused = true)]
async fn failed_user_list_fails_the_review() {
    let sim = sim(5).build();
    sim.fault(Fault::status_500().on(Operation::GetUsers));
    let error = api(&sim).audit().run().await.unwrap_err();
    assert_eq!((error.kind(), sim.calls()), (ErrorKind::Server, 1));
}

#[tokio::test(start_paused = true)]
async fn failed_group_list_leaves_incomplete_review() {
    let sim = sim(5).build();
    sim.fault(Fault::status_500().on(Operation::GetGroups));
    let review = api(&sim).audit().run().await.unwrap();
    assert_eq!(review.incomplete.len(), 1);
    assert_eq!(review.incomplete[0].what, "the list of groups");
    assert!(review.incomplete[0].why.contains("500"), "{}", review.incomplete[0].why);
    assert_eq!(sources(&review), [Some(Source::Call); 5]);
    assert!(review.finding(FindingKind::GroupWithoutMembers).unwrap().not_checked.is_some());
}

#[tokio::test(start_paused = true)]
async fn unaccepted_credential_at_groups_fails_review() {
    for (fault, kind) in [
        (Fault::unauthorized_401(), ErrorKind::Unauthorized),
        (Fault::gone_410(), ErrorKind::ApplicationDisabled),
    ] {
        let sim = sim(5).build();
        sim.fault(fault.on(Operation::GetGroups));
        let error = api(&sim).audit().run().await.unwrap_err();
        assert_eq!((error.kind(), sim.calls()), (kind, 2));
    }
}

#[tokio::test(start_paused = true)]
async fn failed_history_keeps_the_others() {
    let sim = sim(8).build();
    sim.fault(Fault::status_500().on(Operation::GetUserLogins).nth(3));
    let observer = RecordingObserver::default();
    let review = api(&sim).audit().observer(observer.clone()).run().await.unwrap();
    let mut expected = [Some(Source::Call); 8];
    expected[2] = None;
    assert_eq!(sources(&review), expected);
    assert!(reason(&review, 2).contains("500"), "{}", reason(&review, 2));
    assert_eq!(review.incomplete.len(), 1);
    assert_eq!(observer.0.progress.lock().unwrap().last().unwrap().failed, 1);
    let unreadable = review.finding(FindingKind::HistoryUnreadable).unwrap();
    assert_eq!(unreadable.users().into_iter().collect::<Vec<_>>(), [2]);
    assert!(!review.finding(FindingKind::Dormant).unwrap().users().contains(&2));
}

#[tokio::test(start_paused = true)]
async fn no_history_is_requested_after_401_or_410() {
    for (fault, status, kind) in [
        (Fault::unauthorized_401(), "401", ErrorKind::Unauthorized),
        (Fault::gone_410(), "410", ErrorKind::ApplicationDisabled),
    ] {
        let sim = sim(8).build();
        sim.fault(fault.on(Operation::GetUserLogins).nth(4));
        let review = api(&sim).audit().run().await.unwrap();
        assert_eq!(sim.calls(), 2 + 4);
        assert_eq!(sources(&review)[2..], [Some(Source::Call), None, None, None, None, None]);
        assert!(reason(&review, 3).contains(status), "{}", reason(&review, 3));
        assert!(reason(&review, 7).starts_with("not requested "), "{}", reason(&review, 7));
        assert_eq!(review.stopped_by, Some(kind));
        assert!(!serde_json::to_string(&review).unwrap().contains("stopped_by"), "not serialized");
    }
}

/// Returns a simulated account and an API with OAuth. The first call of this operation gets a 401.
fn api_with_expired_token(operation: Operation, configure: impl FnOnce(&mut Oauth)) -> (Sim, UserApi) {
    let sim = sim(8).oauth("app", "r0").build();
    sim.fault(Fault::unauthorized_401().on(operation));
    let mut config = Config::default();
    let mut oauth = Oauth::default();
    oauth.client_id = "app".into();
    configure(&mut oauth);
    config.auth.oauth = Some(oauth);
    let client = Client::builder().config(config).service(sim.service()).build().unwrap();
    (sim, client.user_api())
}

/// Returns a simulated account and an API with OAuth. The first call of this operation gets a 401, and the
/// token refresh that follows fails with `fault`.
fn api_without_token(operation: Operation, fault: Fault) -> (Sim, UserApi) {
    let (sim, api) = api_with_expired_token(operation, |oauth| oauth.refresh_token = Some("r0".into()));
    sim.fault(fault.on(Operation::OauthAccessToken).nth(2).always());
    (sim, api)
}

/// An observer that creates a directory at this path before the first history is read, so that no file can be
/// written there.
#[derive(Debug)]
struct PathBlocker(PathBuf);

impl Observer for PathBlocker {
    fn on_plan(&self, _: &Plan) {
        std::fs::create_dir(&self.0).unwrap();
    }
}

fn token_calls(sim: &Sim) -> usize {
    sim.requests().iter().filter(|request| request.operation == Some(Operation::OauthAccessToken)).count()
}

#[tokio::test(start_paused = true)]
async fn no_history_is_requested_without_a_token() {
    let mut invalid_grant = Response::new(r#"{"error":"invalid_grant"}"#.into());
    *invalid_grant.status_mut() = StatusCode::BAD_REQUEST;
    for (fault, kind, text) in [
        (Fault::gone_410(), ErrorKind::ApplicationDisabled, "410 Gone"),
        (Fault::response(invalid_grant), ErrorKind::Oauth, "invalid_grant"),
    ] {
        let (sim, api) = api_without_token(Operation::GetUserLogins, fault.clone());
        let review = api.audit().run().await.unwrap();
        assert_eq!((sim.calls(), token_calls(&sim)), (2 + 1, 2), "{text}");
        assert!(reason(&review, 0).contains(text), "{}", reason(&review, 0));
        assert!(reason(&review, 7).starts_with("not requested "), "{}", reason(&review, 7));

        let (sim, api) = api_without_token(Operation::GetGroups, fault);
        assert_eq!(api.audit().run().await.unwrap_err().kind(), kind);
        assert_eq!((sim.calls(), token_calls(&sim)), (2, 2), "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn no_history_is_requested_if_token_is_not_stored() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("token");
    std::fs::write(&path, "r0").unwrap();
    let from_file = |oauth: &mut Oauth| oauth.refresh_token_file = Some(path);
    let (sim, api) = api_with_expired_token(Operation::GetUserLogins, from_file);
    let review = api.audit().observer(PathBlocker(dir.path().join("token.new"))).run().await.unwrap();
    assert_eq!((sim.calls(), token_calls(&sim)), (2 + 1, 1));
    assert!(reason(&review, 0).contains("nothing was sent"), "{}", reason(&review, 0));
    assert!(reason(&review, 1).starts_with("not requested "), "{}", reason(&review, 1));
}

#[tokio::test(start_paused = true)]
async fn no_history_is_requested_after_five_failures() {
    let sim = sim(20).build();
    sim.fault(Fault::html_502().on(Operation::GetUserLogins).nth(2).times(2));
    sim.fault(Fault::html_502().on(Operation::GetUserLogins).nth(6).times(5));
    let review = api(&sim).audit().run().await.unwrap();
    let read = sources(&review).iter().filter(|source| source.is_some()).count();
    // One success, two failures, two successes, five failures.
    assert_eq!((sim.calls(), read), (2 + 10, 3));
    assert!(reason(&review, 19).contains("5 failures in a row"), "{}", reason(&review, 19));
    assert_eq!(review.stopped_by, Some(ErrorKind::Server));
}

#[tokio::test(start_paused = true)]
async fn failures_of_single_users_do_not_stop_review() {
    let sim = sim(8).build();
    let fault = Fault::error(StatusCode::BAD_REQUEST, "no such user");
    sim.fault(fault.on(Operation::GetUserLogins).times(7));
    let review = api(&sim).audit().run().await.unwrap();
    assert_eq!(sim.calls(), 2 + 8);
    assert_eq!(sources(&review)[7], Some(Source::Call));
    assert_eq!(review.stopped_by, None);
}

/// Runs a review with a checkpoint, and drops the review after this number of histories.
async fn interrupt_review(sim: &Sim, path: &Path, after: u32) {
    let observer = RecordingObserver::with_target(after);
    let run = api(sim).audit().checkpoint(path).observer(observer.clone()).run();
    tokio::select! {
        biased;
        () = observer.0.reached.notified() => {}
        review = run => panic!("the review ended before it was interrupted: {review:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn resumed_review_requests_only_missing_histories() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("checkpoint");
    let sim = sim(10).build();
    interrupt_review(&sim, &path, 4).await;

    let removed = sim.users()[1].user_id.unwrap();
    assert!(sim.remove_user(removed));
    let before = sim.calls();
    let observer = RecordingObserver::default();
    let review = api(&sim).audit().resume(&path).observer(observer.clone()).run().await.unwrap();
    assert!(review.is_complete(), "{:?}", review.incomplete);
    let mut expected = [Some(Source::Checkpoint); 9];
    expected[3..].fill(Some(Source::Call));
    assert_eq!(sources(&review), expected);
    assert_eq!((observer.plan().from_checkpoint, observer.plan().calls), (3, 6));
    // The call that was in flight when the first run was dropped may have ended in between.
    assert!((2 + 6..=2 + 7).contains(&(sim.calls() - before)), "{}", sim.calls() - before);
    for (reviewed, user) in review.users.iter().zip(sim.users()) {
        assert_eq!(reviewed.logins().unwrap(), user.login_histories.unwrap());
    }
}

#[tokio::test(start_paused = true)]
async fn resumed_review_requests_failed_histories_again() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("checkpoint");
    let sim = sim(6).build();
    sim.fault(Fault::status_500().on(Operation::GetUserLogins).nth(2));
    assert!(!api(&sim).audit().resume(&path).run().await.unwrap().is_complete());
    let before = sim.calls();
    let review = api(&sim).audit().resume(&path).run().await.unwrap();
    assert!(review.is_complete());
    assert_eq!(sim.calls() - before, 2 + 1);
    assert_eq!(sources(&review)[1], Some(Source::Call));
}

#[tokio::test(start_paused = true)]
async fn bad_checkpoint_line_costs_one_call_and_is_noted() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("checkpoint");
    let sim = sim(6).build();
    api(&sim).audit().checkpoint(&path).run().await.unwrap();
    let content = std::fs::read_to_string(&path).unwrap();
    let mut lines: Vec<&str> = content.lines().collect();
    lines[3] = &lines[3][..20];
    std::fs::write(&path, lines.join("\n") + "\n").unwrap();

    let before = sim.calls();
    let review = api(&sim).audit().resume(&path).run().await.unwrap();
    assert!(review.is_complete());
    assert_eq!(sim.calls() - before, 2 + 1);
    let mut expected = [Some(Source::Checkpoint); 6];
    expected[2] = Some(Source::Call);
    assert_eq!(sources(&review), expected);
    let expected = "1 line of the checkpoint could not be read. The login histories were requested again.";
    assert!(review.notes.iter().any(|note| note == expected), "{:?}", review.notes);
}

#[tokio::test(start_paused = true)]
async fn unusable_checkpoint_costs_no_call() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("diary");
    std::fs::write(&path, "Dear diary\n").unwrap();
    let sim = sim(2).build();
    for audit in [api(&sim).audit().checkpoint(&path), api(&sim).audit().resume(&path)] {
        assert_eq!(audit.run().await.unwrap_err().kind(), ErrorKind::InvalidConfig);
    }
    assert_eq!(sim.calls(), 0);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "Dear diary\n");
}

#[tokio::test(start_paused = true)]
async fn checkpoint_and_review_contain_no_credential() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("checkpoint");
    let sim = Sim::builder().users(2).groups(1).simple_key("only-for-this-test").build();
    let client = Client::builder().simple_key("only-for-this-test").service(sim.service()).build().unwrap();
    let review = client.user_api().audit().checkpoint(&path).run().await.unwrap();
    let written = std::fs::read_to_string(&path).unwrap() + &serde_json::to_string(&review).unwrap();
    assert!(!written.contains("only-for-this-test"));
    assert_eq!(written.matches("ultracart_audit_checkpoint").count(), 1);
}
