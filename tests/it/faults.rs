//! What the server or the network does wrong is made good where that is right, and told where it is not.

use std::time::Duration;

use http::{Response, StatusCode};
use ultracart_client::model::{Group, User};
use ultracart_client::{Config, ErrorKind};
use ultracart_sim::{Fault, Operation, RetryAfter, Sim, UnknownId};

use crate::client;

#[tokio::test(start_paused = true)]
async fn what_can_be_made_good_is() {
    for fault in [
        Fault::status_500,
        Fault::html_502,
        Fault::cut_body,
        Fault::reset_before,
        Fault::reset_after,
        Fault::hang,
        Fault::too_many_requests,
    ] {
        let sim = Sim::builder().users(2).build();
        sim.fault(fault());
        let api = client(&sim, Config::default()).user_api();
        assert_eq!(api.get_users().await.unwrap().len(), 2, "{:?}", fault());
        assert_eq!((sim.calls(), sim.faults_left(), sim.overlaps()), (2, 0, 0), "{:?}", fault());
    }
}

#[tokio::test(start_paused = true)]
async fn an_insert_is_made_once_whatever_happens() {
    for (fault, again) in [
        (Fault::status_500(), false),
        (Fault::reset_before(), false),
        (Fault::reset_after(), false),
        (Fault::cut_body().after_effect(), false),
        (Fault::hang(), false),
        (Fault::too_many_requests(), true),
    ] {
        let sim = Sim::builder().users(2).build();
        let shown = format!("{fault:?}");
        sim.fault(fault);
        let api = client(&sim, Config::default()).user_api();
        let result = api.insert_user(&User::new().login("ada.l").email("ada@example.com")).await;
        assert_eq!(result.is_ok(), again, "{shown}");
        if let Err(error) = result {
            assert!(error.may_have_reached_server(), "{shown}");
            assert_eq!(error.attempts(), 1, "{shown}");
        }
        assert!(
            sim.users().iter().filter(|user| user.login.as_deref() == Some("ada.l")).count() <= 1,
            "{shown}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_deletion_that_took_effect_unseen_succeeds() {
    for unknown_id in [UnknownId::BadRequest, UnknownId::NotFound] {
        let sim = Sim::builder().users(2).groups(2).unknown_id(unknown_id).build();
        let api = client(&sim, Config::default()).user_api();
        let (id, oid) = (sim.users()[0].user_id.unwrap(), sim.groups()[0].group_oid.unwrap());
        sim.fault(Fault::reset_after());
        api.delete_user(id).await.unwrap();
        sim.fault(Fault::cut_body().after_effect());
        api.delete_group(oid).await.unwrap();
        assert_eq!((sim.user(id), sim.group(oid)), (None, None));
    }
}

#[tokio::test(start_paused = true)]
async fn a_deletion_that_is_refused_is_never_taken_for_done() {
    let refusal = || Fault::error(StatusCode::BAD_REQUEST, "The owner of the account cannot be deleted.");
    for earlier in
        [None, Some(Fault::too_many_requests()), Some(Fault::status_500()), Some(Fault::reset_before())]
    {
        let sim = Sim::builder().users(2).groups(2).build();
        let api = client(&sim, Config::default()).user_api();
        let (id, oid) = (sim.users()[0].user_id.unwrap(), sim.groups()[0].group_oid.unwrap());
        sim.script(earlier.clone().into_iter().chain([refusal()]));
        let error = api.delete_user(id).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BadRequest, "{earlier:?}: {error}");
        sim.script(earlier.clone().into_iter().chain([refusal()]));
        let error = api.delete_group(oid).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BadRequest, "{earlier:?}: {error}");
        assert!(sim.user(id).is_some() && sim.group(oid).is_some());
    }
}

#[tokio::test(start_paused = true)]
async fn a_wrong_version_is_not_taken_for_an_id_that_is_not_there() {
    let sim = Sim::builder().users(2).build();
    let mut config = Config::default();
    config.api.version = "2001-01-01".into();
    let api = client(&sim, config).user_api();
    let error = api.get_user(sim.users()[0].user_id.unwrap()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadRequest, "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_429_makes_everybody_wait_for_as_long_as_the_server_says() {
    for when in [RetryAfter::Seconds(120), RetryAfter::Date(Duration::from_mins(2))] {
        let sim = Sim::builder().users(2).build();
        sim.fault(Fault::too_many_requests().retry_after(when));
        let api = client(&sim, Config::default()).user_api();
        let (users, groups) = tokio::join!(api.get_users(), api.get_groups());
        assert!(users.is_ok() && groups.is_ok());
        let waited = sim.elapsed().as_secs();
        assert!((119..=122).contains(&waited), "{waited} s");
        assert_eq!(sim.calls(), 3);
    }
}

#[tokio::test(start_paused = true)]
async fn a_retry_after_that_says_nothing_is_as_good_as_none() {
    let mut waited = Vec::new();
    for when in ["soon", "-7", "7.5", "Thu, 99 Foo 2024", "\u{1}"].map(|text| RetryAfter::Text(text.into())) {
        let sim = Sim::builder().users(2).build();
        sim.fault(Fault::too_many_requests().retry_after(when));
        assert_eq!(client(&sim, Config::default()).user_api().get_users().await.unwrap().len(), 2);
        assert_eq!((sim.calls(), sim.rejections(), sim.overlaps()), (2, 0, 0));
        waited.push(sim.elapsed().as_secs());
    }
    let sim = Sim::builder().users(2).build();
    sim.fault(Fault::too_many_requests());
    client(&sim, Config::default()).user_api().get_users().await.unwrap();
    let without = sim.elapsed().as_secs();
    assert!(without > 0);
    assert_eq!(waited, [without; 5]);
}

/// The server is done a second after the caller has given up: no earlier may it be called again.
fn slow_answers() -> ([Fault; 2], Config) {
    let mut config = Config::default();
    config.http.request_timeout = Duration::from_secs(10);
    let late = Duration::from_secs(11);
    ([Fault::slow_headers(late), Fault::slow_body(late)], config)
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_takes_too_long_is_asked_for_again() {
    let (faults, config) = slow_answers();
    for fault in faults {
        let shown = format!("{fault:?}");
        let sim = Sim::builder().users(2).build();
        sim.fault(fault.clone());
        let api = client(&sim, config.clone()).user_api();
        assert_eq!(api.get_users().await.unwrap().len(), 2, "{shown}");
        assert_eq!((sim.calls(), sim.overlaps(), sim.rejections()), (2, 0, 0), "{shown}");

        sim.fault(fault.always());
        let error = api.get_user(sim.users()[0].user_id.unwrap()).await.unwrap_err();
        assert!(error.is_timeout() && error.may_have_reached_server(), "{shown}: {error}");
        assert_eq!((error.attempts(), sim.calls(), sim.overlaps()), (5, 7, 0), "{shown}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_insert_whose_answer_takes_too_long_is_made_once() {
    let (faults, config) = slow_answers();
    for fault in faults {
        let shown = format!("{fault:?}");
        let sim = Sim::builder().users(2).build();
        sim.fault(fault);
        let api = client(&sim, config.clone()).user_api();
        let error = api.insert_user(&User::new().login("ada.l")).await.unwrap_err();
        assert!(error.is_timeout() && error.may_have_reached_server(), "{shown}: {error}");
        assert_eq!((error.attempts(), sim.calls(), sim.users().len()), (1, 1, 3), "{shown}");
        // The next call waits until the server is done with it.
        assert_eq!(api.get_users().await.unwrap().len(), 3, "{shown}");
        assert_eq!((sim.calls(), sim.overlaps(), sim.rejections()), (2, 0, 0), "{shown}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_outage_ends_in_one_error_after_all_attempts() {
    let sim = Sim::builder().users(2).build();
    sim.fault(Fault::status_500().always());
    let error = client(&sim, Config::default()).user_api().get_users().await.unwrap_err();
    assert_eq!((error.kind(), error.attempts(), sim.calls()), (ErrorKind::Server, 5, 5));
}

#[tokio::test(start_paused = true)]
async fn no_attempt_starts_after_the_deadline() {
    let sim = Sim::builder().users(2).build();
    sim.fault(Fault::status_500().always());
    let mut config = Config::default();
    config.retry.max_attempts = 100;
    config.retry.deadline = Some(Duration::from_secs(30));
    let error = client(&sim, config).user_api().get_users().await.unwrap_err();
    assert!(error.attempts() > 2 && error.attempts() < 100, "{error}");
    let took = sim.elapsed();
    assert!(took <= Duration::from_secs(31), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_made_good_is_told_at_once() {
    for (fault, kind) in [
        (Fault::gone_410(), ErrorKind::ApplicationDisabled),
        (Fault::unauthorized_401(), ErrorKind::Unauthorized),
        (Fault::redirect("https://evil.example.com/"), ErrorKind::Redirect),
        (Fault::huge_body(2_000_000), ErrorKind::BodyTooLarge),
        (Fault::nested_body(100_000), ErrorKind::Decode),
        (Fault::error(StatusCode::BAD_REQUEST, "no"), ErrorKind::BadRequest),
    ] {
        let sim = Sim::builder().users(2).build();
        sim.fault(fault);
        let mut config = Config::default();
        config.http.max_body = 1_000_000;
        let error = client(&sim, config).user_api().get_users().await.unwrap_err();
        assert_eq!((error.kind(), error.operation(), sim.calls()), (kind, Some("get_users"), 1), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_200_that_is_none_is_told() {
    for (body, kind, message) in [
        (
            r#"{"success":false}"#,
            ErrorKind::Api,
            "the answer has status 200 and says that the call failed: it does not say why",
        ),
        (
            r#"{"error":{"user_message":"not\u0007 today"}}"#,
            ErrorKind::Api,
            "the answer has status 200 and says that the call failed: not  today",
        ),
        (
            "<html><body>Maintenance</body></html>",
            ErrorKind::Decode,
            "the answer is not what the API documents: it is HTML, so it came from a proxy in between and not from the API",
        ),
        ("", ErrorKind::Decode, "the answer is not what the API documents: it is empty"),
        ("{}", ErrorKind::Decode, "the answer is not what the API documents: there is no `users` in it"),
        (
            "{\"users\":[",
            ErrorKind::Decode,
            "the answer is not what the API documents: it is no JSON from line 1, column 10 on",
        ),
        (
            "{\"users\":[]} x",
            ErrorKind::Decode,
            "the answer is not what the API documents: something follows the JSON",
        ),
        (
            r#"{"users":[{"user_id":1},{"email":{"secret":1}}]}"#,
            ErrorKind::Decode,
            "the answer is not what the API documents: at `users[1].email` (line 1, column 33): expected a string",
        ),
    ] {
        let sim = Sim::builder().users(2).build();
        sim.fault(Fault::answer(Response::new(body.into())));
        let error = client(&sim, Config::default()).user_api().get_users().await.unwrap_err();
        assert_eq!((error.kind(), error.to_string()), (kind, format!("get_users: {message}")));
        assert_eq!(sim.calls(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_write_that_a_200_calls_failed_is_an_error() {
    for body in [r#"{"success":false}"#, r#"{"success":false,"error":{"user_message":"not today"}}"#] {
        let sim = Sim::builder().users(2).groups(2).build();
        sim.fault(Fault::answer(Response::new(body.into())).always());
        let api = client(&sim, Config::default()).user_api();
        let (id, oid) = (sim.users()[0].user_id.unwrap(), sim.groups()[0].group_oid.unwrap());
        let (user, group) = (User::new().login("ada.l"), Group::new().name("New"));
        let errors = [
            api.insert_user(&user).await.unwrap_err(),
            api.update_user(id, &user).await.unwrap_err(),
            api.delete_user(id).await.unwrap_err(),
            api.insert_group(&group).await.unwrap_err(),
            api.update_group(oid, &group).await.unwrap_err(),
            api.delete_group(oid).await.unwrap_err(),
        ];
        for error in &errors {
            assert_eq!(error.kind(), ErrorKind::Api, "{error}");
            assert!(error.may_have_reached_server(), "{error}");
            assert_eq!(error.to_string().ends_with("not today"), body.contains("not today"), "{error}");
        }
        assert_eq!(sim.calls(), 6, "none is made again");
    }
}

#[tokio::test(start_paused = true)]
async fn a_list_that_never_ends_is_cut_off() {
    let part = |user: u32, next: u32, total: &str| {
        let result_set = format!(r#"{{"more":true,"next_offset":{next}{total}}}"#);
        let body = format!(r#"{{"users":[{{"user_id":{user}}}],"metadata":{{"result_set":{result_set}}}}}"#);
        Fault::answer(Response::new(body.into())).on(Operation::GetUsers)
    };
    for (parts, calls, why) in [
        // The parameters are not looked at, and the first part comes again and again.
        (vec![part(1, 1, "").always()], 2, "part 2 of it brings nothing new"),
        ((1..9).map(|n| part(1, n, "")).collect(), 2, "part 2 of it brings nothing new"),
        (
            (1..9).map(|n| part(n, n, r#","total_records":2"#)).collect(),
            3,
            "3 objects have been read of the 2 that it says there are",
        ),
        ((1..999).map(|n| part(n, n, "")).collect(), 100, "100 parts of it have been read"),
    ] {
        let sim = Sim::builder().users(2).build();
        sim.script(parts);
        let error = client(&sim, Config::default()).user_api().get_users().await.unwrap_err();
        let why = format!("{why} (after {calls} calls)");
        assert_eq!(error.to_string(), format!("get_users: the list says that it goes on, and {why}"));
        assert_eq!((error.kind(), sim.calls()), (ErrorKind::PaginationLoop, calls));
    }
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_goes_away_never_makes_two_calls_overlap() {
    let sim = Sim::builder().users(2).latency(Duration::from_secs(20)).build();
    let api = client(&sim, Config::default()).user_api();
    for _ in 0..5 {
        tokio::time::timeout(Duration::from_secs(3), api.get_users()).await.unwrap_err();
    }
    // One of the five was sent; the others gave up while they waited, and cost nothing.
    let groups = api.get_groups().await.unwrap();
    assert!(!groups.is_empty());
    assert_eq!((sim.calls(), sim.overlaps(), sim.rejections()), (2, 0, 0));
}
