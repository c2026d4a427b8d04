//! Faults of the server and the network: transient ones are retried, permanent ones are reported.

use std::time::Duration;

use http::{Response, StatusCode};
use ultracart_client::model::{Group, User};
use ultracart_client::{Config, ErrorKind};
use ultracart_sim::{Fault, Operation, RetryAfter, Sim, UnknownIdStatus};

use crate::client;

#[tokio::test(start_paused = true)]
async fn transient_fault_of_a_read_is_retried() {
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
async fn insert_is_resent_only_after_a_429() {
    for (fault, is_resent) in [
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
        assert_eq!(result.is_ok(), is_resent, "{shown}");
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
async fn deletion_with_a_lost_response_succeeds() {
    for unknown_id in [UnknownIdStatus::BadRequest, UnknownIdStatus::NotFound] {
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
async fn declined_deletion_is_an_error() {
    let declined = || Fault::error(StatusCode::BAD_REQUEST, "The owner of the account cannot be deleted.");
    for earlier in
        [None, Some(Fault::too_many_requests()), Some(Fault::status_500()), Some(Fault::reset_before())]
    {
        let sim = Sim::builder().users(2).groups(2).build();
        let api = client(&sim, Config::default()).user_api();
        let (id, oid) = (sim.users()[0].user_id.unwrap(), sim.groups()[0].group_oid.unwrap());
        sim.script(earlier.clone().into_iter().chain([declined()]));
        let error = api.delete_user(id).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BadRequest, "{earlier:?}: {error}");
        sim.script(earlier.clone().into_iter().chain([declined()]));
        let error = api.delete_group(oid).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BadRequest, "{earlier:?}: {error}");
        assert!(sim.user(id).is_some() && sim.group(oid).is_some());
    }
}

#[tokio::test(start_paused = true)]
async fn wrong_api_version_is_not_a_not_found() {
    let sim = Sim::builder().users(2).build();
    let mut config = Config::default();
    config.api.version = "2001-01-01".into();
    let api = client(&sim, config).user_api();
    let error = api.get_user(sim.users()[0].user_id.unwrap()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadRequest, "{error}");
}

#[tokio::test(start_paused = true)]
async fn retry_after_delays_all_callers() {
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
async fn invalid_retry_after_is_ignored() {
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

/// Returns two faults and a configuration. Each fault makes the response end one second after the configured
/// request timeout. At that time, the quarantine has not ended yet.
fn slow_responses() -> ([Fault; 2], Config) {
    let mut config = Config::default();
    config.http.request_timeout = Duration::from_secs(10);
    let late = Duration::from_secs(11);
    ([Fault::slow_headers(late), Fault::slow_body(late)], config)
}

#[tokio::test(start_paused = true)]
async fn timed_out_read_is_retried() {
    let (faults, config) = slow_responses();
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
async fn timed_out_insert_is_not_resent() {
    let (faults, config) = slow_responses();
    for fault in faults {
        let shown = format!("{fault:?}");
        let sim = Sim::builder().users(2).build();
        sim.fault(fault);
        let api = client(&sim, config.clone()).user_api();
        let error = api.insert_user(&User::new().login("ada.l")).await.unwrap_err();
        assert!(error.is_timeout() && error.may_have_reached_server(), "{shown}: {error}");
        assert_eq!((error.attempts(), sim.calls(), sim.users().len()), (1, 1, 3), "{shown}");
        // The next call waits until the server has finished the insert.
        assert_eq!(api.get_users().await.unwrap().len(), 3, "{shown}");
        assert_eq!((sim.calls(), sim.overlaps(), sim.rejections()), (2, 0, 0), "{shown}");
    }
}

#[tokio::test(start_paused = true)]
async fn outage_is_an_error_after_all_attempts() {
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
async fn permanent_fault_is_not_retried() {
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
async fn invalid_200_response_is_an_error() {
    for (body, kind, message) in [
        (
            r#"{"success":false}"#,
            ErrorKind::Api,
            "the response has status 200 but reports a failure: it gives no reason",
        ),
        (
            r#"{"error":{"user_message":"not\u0007 today"}}"#,
            ErrorKind::Api,
            "the response has status 200 but reports a failure: not  today",
        ),
        (
            "<html><body>Maintenance</body></html>",
            ErrorKind::Decode,
            "the response is HTML, so it came from a proxy and not from the API",
        ),
        ("", ErrorKind::Decode, "the response is empty"),
        ("{}", ErrorKind::Decode, "the response has no field `users`"),
        ("{\"users\":[", ErrorKind::Decode, "the response is not valid JSON at line 1, column 10"),
        ("{\"users\":[]} x", ErrorKind::Decode, "the response has data after the JSON"),
        (
            r#"{"users":[{"user_id":1},{"email":{"secret":1}}]}"#,
            ErrorKind::Decode,
            "the response does not match the API documentation at `users[1].email` (line 1, column 33): expected a string",
        ),
    ] {
        let sim = Sim::builder().users(2).build();
        sim.fault(Fault::response(Response::new(body.into())));
        let error = client(&sim, Config::default()).user_api().get_users().await.unwrap_err();
        assert_eq!((error.kind(), error.to_string()), (kind, format!("get_users: {message}")));
        assert_eq!(sim.calls(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn failed_write_with_status_200_is_an_error() {
    for body in [r#"{"success":false}"#, r#"{"success":false,"error":{"user_message":"not today"}}"#] {
        let sim = Sim::builder().users(2).groups(2).build();
        sim.fault(Fault::response(Response::new(body.into())).always());
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
        assert_eq!(sim.calls(), 6, "no write is resent");
    }
}

#[tokio::test(start_paused = true)]
async fn endless_list_is_an_error() {
    let page = |user: u32, next: u32, total: &str| {
        let result_set = format!(r#"{{"more":true,"next_offset":{next}{total}}}"#);
        let body = format!(r#"{{"users":[{{"user_id":{user}}}],"metadata":{{"result_set":{result_set}}}}}"#);
        Fault::response(Response::new(body.into())).on(Operation::GetUsers)
    };
    for (pages, calls, why) in [
        // A server that ignores the offset sends the first page again and again.
        (vec![page(1, 1, "").always()], 2, "page 2 has no new objects"),
        ((1..9).map(|n| page(1, n, "")).collect(), 2, "page 2 has no new objects"),
        (
            (1..9).map(|n| page(n, n, r#","total_records":2"#)).collect(),
            3,
            "3 objects have been read, and the total is 2",
        ),
        ((1..999).map(|n| page(n, n, "")).collect(), 100, "100 pages are the maximum"),
    ] {
        let sim = Sim::builder().users(2).build();
        sim.script(pages);
        let error = client(&sim, Config::default()).user_api().get_users().await.unwrap_err();
        let why = format!("{why} (after {calls} requests)");
        assert_eq!(
            error.to_string(),
            format!("get_users: the server reports another page of the list, but {why}")
        );
        assert_eq!((error.kind(), sim.calls()), (ErrorKind::PaginationLoop, calls));
    }
}

#[tokio::test(start_paused = true)]
async fn dropped_callers_cause_no_overlap() {
    let sim = Sim::builder().users(2).latency(Duration::from_secs(20)).build();
    let api = client(&sim, Config::default()).user_api();
    for _ in 0..5 {
        tokio::time::timeout(Duration::from_secs(3), api.get_users()).await.unwrap_err();
    }
    // Only the first of the five calls was sent. The others were dropped in the queue.
    let groups = api.get_groups().await.unwrap();
    assert!(!groups.is_empty());
    assert_eq!((sim.calls(), sim.overlaps(), sim.rejections()), (2, 0, 0));
}
