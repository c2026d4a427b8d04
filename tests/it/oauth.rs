//! OAuth: one refresh for all, ahead of time, and no refresh token lost.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::{Response, StatusCode};
use ultracart_client::config::Oauth;
use ultracart_client::model::{Token, User};
use ultracart_client::{Client, Config, ErrorKind, UserApi};
use ultracart_sim::{Fault, Operation, RecordedRequest, RetryAfter, Sim};

/// A refresh that OAuth itself refuses.
fn refusal(status: StatusCode) -> Fault {
    let body = r#"{"error":"invalid_client","error_description":"There is no such application."}"#;
    let mut answer = Response::new(body.into());
    *answer.status_mut() = status;
    Fault::answer(answer)
}

const APP: &str = "app-id";

fn sim() -> Sim {
    Sim::builder().users(3).oauth(APP, "refresh-0").token_lifetime(Duration::from_hours(1)).build()
}

fn config(change: impl FnOnce(&mut Oauth)) -> Config {
    let mut oauth = Oauth::default();
    oauth.client_id = APP.into();
    change(&mut oauth);
    let mut config = Config::default();
    config.cache = ultracart_client::config::Cache::off();
    config.auth.oauth = Some(oauth);
    config
}

fn token_calls(sim: &Sim) -> usize {
    sim.requests().iter().filter(|request| request.operation == Some(Operation::OauthAccessToken)).count()
}

#[tokio::test(start_paused = true)]
async fn one_refresh_for_all_callers_and_the_new_token_is_stored_first() {
    let sim = sim();
    let stored = Arc::new(Mutex::new(Vec::new()));
    let (at_store, watched) = (Arc::clone(&stored), sim.clone());
    let client = Client::builder()
        .config(config(|oauth| oauth.refresh_token = Some("refresh-0".into())))
        .service(sim.service())
        .store_refresh_token(move |token| {
            at_store.lock().unwrap().push((token.expose().to_owned(), watched.requests().len()));
            Ok::<_, std::io::Error>(())
        })
        .build()
        .unwrap();
    let api = client.user_api();
    let (one, two, three) =
        tokio::join!(api.get_users(), api.get_groups(), api.get_user(sim.users()[0].user_id.unwrap()));
    assert!(one.is_ok() && two.is_ok() && three.is_ok());
    assert_eq!((sim.calls(), token_calls(&sim), sim.overlaps()), (3, 1, 0));
    // Stored after the token call, and before the first call that used the access token.
    assert_eq!(*stored.lock().unwrap(), [(sim.refresh_token(APP).unwrap().expose().to_owned(), 1)]);
    assert_eq!(client.calls_spent(), 4);

    // A minute before it expires it is renewed.
    tokio::time::advance(Duration::from_mins(58)).await;
    api.get_users().await.unwrap();
    assert_eq!(token_calls(&sim), 1);
    tokio::time::advance(Duration::from_mins(1)).await;
    api.get_users().await.unwrap();
    assert_eq!(token_calls(&sim), 2);
    assert_eq!(
        sim.requests().iter().filter(|request| request.status == Some(StatusCode::UNAUTHORIZED)).count(),
        0
    );
}

#[tokio::test(start_paused = true)]
async fn a_401_renews_the_token_once() {
    let sim = sim();
    let client = Client::builder()
        .config(config(|oauth| oauth.refresh_token = Some("refresh-0".into())))
        .service(sim.service());
    let api = client.build().unwrap().user_api();
    api.get_users().await.unwrap();
    sim.expire_access_tokens();
    api.get_users().await.unwrap();
    assert_eq!(token_calls(&sim), 2);

    sim.fault(Fault::unauthorized_401().on(Operation::GetUsers).always());
    let error = api.get_users().await.unwrap_err();
    assert!(error.is_unauthorized());
    assert_eq!((error.attempts(), token_calls(&sim)), (2, 3));
}

#[tokio::test(start_paused = true)]
async fn a_token_that_cannot_be_stored_is_not_used_and_not_lost() {
    let sim = sim();
    let broken = Arc::new(Mutex::new(true));
    let stored = Arc::new(Mutex::new(None));
    let (breaks, keeps) = (Arc::clone(&broken), Arc::clone(&stored));
    let client = Client::builder()
        .config(config(|oauth| oauth.refresh_token = Some("refresh-0".into())))
        .service(sim.service())
        .store_refresh_token(move |token| {
            if *breaks.lock().unwrap() {
                return Err("the disk is full");
            }
            *keeps.lock().unwrap() = Some(token.expose().to_owned());
            Ok(())
        });
    let api = client.build().unwrap().user_api();
    let error = api.get_users().await.unwrap_err();
    assert_eq!((error.kind(), sim.requests().len()), (ErrorKind::Oauth, 1));
    assert!(error.to_string().contains("it is only in memory"), "{error}");
    *broken.lock().unwrap() = false;
    api.get_users().await.unwrap();
    assert_eq!(stored.lock().unwrap().as_deref(), sim.refresh_token(APP).as_ref().map(Token::expose));
}

#[tokio::test(start_paused = true)]
async fn two_programs_go_on_from_one_file() {
    let sim = sim();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("refresh-token");
    std::fs::write(&file, "refresh-0\n").unwrap();
    let program = || {
        let config = config(|oauth| oauth.refresh_token_file = Some(file.clone()));
        Client::builder().config(config).service(sim.service()).build().unwrap().user_api()
    };
    let (one, two) = (program(), program());
    one.get_users().await.unwrap();
    two.get_users().await.unwrap();
    sim.expire_access_tokens();
    one.get_users().await.unwrap();
    assert_eq!(std::fs::read_to_string(&file).unwrap().trim_end(), sim.refresh_token(APP).unwrap().expose());
}

#[tokio::test(start_paused = true)]
async fn a_file_that_is_not_there_begins_with_the_configured_token() {
    let sim = sim();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("refresh-token");
    let program = |refresh_token: Option<&str>| {
        let config = config(|oauth| {
            oauth.refresh_token = refresh_token.map(Into::into);
            oauth.refresh_token_file = Some(file.clone());
        });
        Client::builder().config(config).service(sim.service()).build().unwrap().user_api()
    };
    let in_file = || std::fs::read_to_string(&file).unwrap().trim_end().to_owned();
    let error = program(None).get_users().await.unwrap_err();
    assert_eq!((error.kind(), sim.requests().len()), (ErrorKind::InvalidConfig, 0));

    let one = program(Some("refresh-0"));
    one.get_users().await.unwrap();
    assert_eq!(in_file(), sim.refresh_token(APP).unwrap().expose());
    // The next one goes on from the file: the configured token is used up.
    program(Some("refresh-0")).get_users().await.unwrap();
    assert_eq!((in_file().as_str(), token_calls(&sim)), (sim.refresh_token(APP).unwrap().expose(), 2));

    sim.expire_access_tokens();
    one.get_users().await.unwrap();
    std::fs::remove_file(&file).unwrap();
    sim.expire_access_tokens();
    one.get_users().await.unwrap();
    assert_eq!(in_file(), sim.refresh_token(APP).unwrap().expose());
}

#[tokio::test(start_paused = true)]
async fn no_token_is_spent_where_its_successor_could_not_be_written() {
    let sim = sim();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("refresh-token");
    std::fs::write(&file, "refresh-0\n").unwrap();
    let config = config(|oauth| oauth.refresh_token_file = Some(file.clone()));
    let api = Client::builder().config(config).service(sim.service()).build().unwrap().user_api();
    for in_the_way in ["refresh-token.lock", "refresh-token.new"] {
        let in_the_way = folder.path().join(in_the_way);
        std::fs::create_dir_all(in_the_way.join("x")).unwrap();
        let error = api.get_users().await.unwrap_err();
        assert_eq!((error.kind(), sim.requests().len()), (ErrorKind::InvalidConfig, 0));
        assert!(error.to_string().contains("nothing was sent"), "{error}");
        assert!(error.to_string().contains(&*in_the_way.to_string_lossy()), "{error}");
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "refresh-0\n");
        std::fs::remove_dir_all(in_the_way).unwrap();
    }
    api.get_users().await.unwrap();
    assert_eq!(std::fs::read_to_string(&file).unwrap().trim_end(), sim.refresh_token(APP).unwrap().expose());
    let left: Vec<_> =
        std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 2, "the token and its lock: {left:?}");
}

#[tokio::test(start_paused = true)]
async fn what_the_scopes_do_not_allow_is_refused_and_not_tried_for_ever() {
    let sim = Sim::builder().users(3).oauth_with_scopes(APP, "refresh-0", "user_read").build();
    let config = config(|oauth| oauth.refresh_token = Some("refresh-0".into()));
    let api = Client::builder().config(config).service(sim.service()).build().unwrap().user_api();
    assert_eq!(api.get_users().await.unwrap().len(), 3);
    let error = api.insert_user(&User::new().login("ada.l")).await.unwrap_err();
    assert!(error.is_unauthorized(), "{error}");
    assert!(error.user_message().unwrap().contains("user_write"), "{error}");
    // A 401 can mean that the token is too old, so another one is got, once.
    assert_eq!((error.attempts(), sim.calls(), token_calls(&sim)), (2, 3, 2));
    assert_eq!(sim.users().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_revoked_refresh_token_says_what_to_do() {
    let sim = sim();
    let client = Client::builder()
        .config(config(|oauth| oauth.refresh_token = Some("stolen".into())))
        .service(sim.service());
    let error = client.build().unwrap().user_api().get_users().await.unwrap_err();
    assert_eq!((error.kind(), sim.requests().len()), (ErrorKind::Oauth, 1));
    let shown = error.to_string();
    assert!(shown.contains("authorize the application again") && !shown.contains("stolen"), "{shown}");
}

#[tokio::test(start_paused = true)]
async fn a_refresh_whose_caller_goes_away_is_finished_and_the_call_is_not_made() {
    let latency = Duration::from_secs(5);
    let sim = Sim::builder().users(3).oauth(APP, "refresh-0").latency(latency).build();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("refresh-token");
    std::fs::write(&file, "refresh-0\n").unwrap();
    let config = config(|oauth| oauth.refresh_token_file = Some(file.clone()));
    let client = Client::builder().config(config).service(sim.service()).build().unwrap();
    client.finish_refresh().await;
    assert_eq!((sim.elapsed(), token_calls(&sim)), (Duration::ZERO, 0), "nothing is in flight");

    let api = client.user_api();
    tokio::time::timeout(Duration::from_secs(1), api.get_users()).await.unwrap_err();
    assert_eq!(token_calls(&sim), 1);
    client.finish_refresh().await;
    assert_eq!(sim.elapsed(), latency);
    assert_eq!(std::fs::read_to_string(&file).unwrap().trim_end(), sim.refresh_token(APP).unwrap().expose());

    assert_eq!(api.get_users().await.unwrap().len(), 3);
    assert_eq!((sim.calls(), token_calls(&sim)), (1, 1), "the call that nobody waited for was not sent");
}

#[tokio::test(start_paused = true)]
async fn callers_that_went_away_begin_no_further_refresh() {
    let builder = Sim::builder().users(3).oauth(APP, "refresh-0").max_in_flight(4);
    let sim = builder.latency(Duration::from_secs(5)).build();
    sim.fault(Fault::status_500().on(Operation::OauthAccessToken));
    let mut config = config(|oauth| oauth.refresh_token = Some("refresh-0".into()));
    config.limiter.max_concurrency = 4;
    let client = Client::builder().config(config).service(sim.service()).build().unwrap();
    let api = client.user_api();
    let both = async { tokio::join!(api.get_users(), api.get_groups()) };
    tokio::time::timeout(Duration::from_secs(1), both).await.unwrap_err();
    client.finish_refresh().await;
    tokio::time::timeout(Duration::from_mins(1), std::future::pending::<()>()).await.unwrap_err();
    assert_eq!((sim.calls(), token_calls(&sim)), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn an_error_of_the_token_call_is_what_it_is_for_any_call() {
    let bad_request = StatusCode::BAD_REQUEST;
    for (fault, kind, said) in [
        (Fault::gone_410(), ErrorKind::ApplicationDisabled, "has been disabled by UltraCart"),
        (refusal(StatusCode::GONE), ErrorKind::ApplicationDisabled, "410 Gone"),
        (Fault::unauthorized_401(), ErrorKind::Unauthorized, "401 Unauthorized: Invalid credentials."),
        (Fault::redirect("https://example.com/"), ErrorKind::Redirect, "307"),
        (refusal(StatusCode::UNAUTHORIZED), ErrorKind::Oauth, "There is no such application"),
        (refusal(bad_request), ErrorKind::Oauth, "There is no such application"),
        // Neither says anything of the user that was asked for.
        (Fault::error(bad_request, "no"), ErrorKind::Oauth, "no new token: 400 Bad Request: no"),
        (Fault::error(StatusCode::NOT_FOUND, "no"), ErrorKind::Oauth, "no new token: 404 Not Found: no"),
        (Fault::nested_body(1), ErrorKind::Oauth, "status 200 and is not what is documented"),
    ] {
        let sim = sim();
        let shown = format!("{fault:?}");
        sim.fault(fault.on(Operation::OauthAccessToken));
        let config = config(|oauth| oauth.refresh_token = Some("refresh-0".into()));
        let api = Client::builder().config(config).service(sim.service()).build().unwrap().user_api();
        let error = api.get_user(sim.users()[0].user_id.unwrap()).await.unwrap_err();
        assert_eq!((error.kind(), error.attempts()), (kind, 1), "{shown}");
        assert!(error.to_string().contains(said), "{shown}: {error}");
        assert!(!error.may_have_reached_server(), "{shown}");
        assert_eq!((sim.calls(), token_calls(&sim)), (0, 1), "{shown}");
        // The refresh token is as good as before; but a client whose application is disabled sends nothing more.
        let again = api.get_users().await;
        assert_eq!(again.is_err(), kind == ErrorKind::ApplicationDisabled, "{shown}: {again:?}");
    }
}

/// An API that begins with `refresh-0`, and the tokens that it stored.
fn api_that_stores(sim: &Sim, mut config: Config) -> (UserApi, Arc<Mutex<Vec<String>>>) {
    let stored = Arc::new(Mutex::new(Vec::new()));
    let at_store = Arc::clone(&stored);
    if let Some(oauth) = &mut config.auth.oauth {
        oauth.refresh_token = Some("refresh-0".into());
    }
    let client = Client::builder().config(config).service(sim.service()).store_refresh_token(move |token| {
        at_store.lock().unwrap().push(token.expose().to_owned());
        Ok::<_, std::io::Error>(())
    });
    (client.build().unwrap().user_api(), stored)
}

#[tokio::test(start_paused = true)]
async fn a_token_call_that_did_nothing_is_made_again() {
    for (fault, pause) in [
        (Fault::too_many_requests().retry_after(RetryAfter::Seconds(120)), 120),
        (Fault::status_500(), 0),
        (Fault::html_502(), 0),
        (Fault::reset_before(), 0),
        (Fault::hang(), 60),
    ] {
        let sim = sim();
        let shown = format!("{fault:?}");
        sim.fault(fault.on(Operation::OauthAccessToken));
        let (api, stored) = api_that_stores(&sim, config(|_| {}));
        // It was not the insert that failed.
        api.insert_user(&User::new().login("ada").email("ada@example.com")).await.unwrap();
        assert_eq!((sim.calls(), token_calls(&sim), sim.faults_left()), (1, 2, 0), "{shown}");
        assert!(sim.elapsed() >= Duration::from_secs(pause), "{shown}: {:?}", sim.elapsed());
        assert_eq!(*stored.lock().unwrap(), [sim.refresh_token(APP).unwrap().expose()], "{shown}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_whose_answer_was_lost_needs_a_new_authorization() {
    for fault in [
        Fault::reset_after(),
        Fault::cut_body(),
        Fault::hang().after_effect(),
        Fault::status_500().after_effect(),
        Fault::slow_headers(Duration::from_mins(2)),
        Fault::slow_body(Duration::from_mins(2)),
    ] {
        let sim = sim();
        let shown = format!("{fault:?}");
        sim.fault(fault.on(Operation::OauthAccessToken));
        let (api, stored) = api_that_stores(&sim, config(|_| {}));
        let error = api.insert_user(&User::new().login("ada").email("ada@example.com")).await.unwrap_err();
        // The old token was tried once more: nobody knew that it was used up.
        assert_eq!((error.kind(), sim.calls(), token_calls(&sim)), (ErrorKind::Oauth, 0, 2), "{shown}");
        assert!(error.to_string().contains("authorize the application again"), "{shown}: {error}");
        assert!(!error.may_have_reached_server(), "{shown}");
        assert!(stored.lock().unwrap().is_empty(), "{shown}");
    }
}

#[tokio::test(start_paused = true)]
async fn callers_at_the_same_time_wait_for_one_refresh_and_two_never_overlap() {
    let latency = Duration::from_secs(1);
    let builder = Sim::builder().users(8).oauth(APP, "refresh-0").max_in_flight(5);
    let sim = builder.latency(latency).build();
    let mut config = config(|_| {});
    config.limiter.max_concurrency = 4;
    let (api, stored) = api_that_stores(&sim, config);
    let ids: Vec<_> = sim.users().iter().map(|user| user.user_id.unwrap()).collect();
    let all = || async {
        let mut calls = tokio::task::JoinSet::new();
        for id in ids.clone() {
            let api = api.clone();
            calls.spawn(async move { api.get_user(id).await.map(drop) });
        }
        assert!(calls.join_all().await.into_iter().all(|result| result.is_ok()));
    };
    all().await;
    assert_eq!((sim.calls(), token_calls(&sim)), (8, 1));
    let most = sim.requests().iter().map(|request| request.in_flight).max();
    assert_eq!(most, Some(3), "four at a time");

    // Four are told that their token is not good any more, and one of them gets another.
    sim.expire_access_tokens();
    all().await;
    assert_eq!((sim.calls(), token_calls(&sim)), (8 + 4 + 8, 2));

    // One that fails is made again by the next in the queue, and no sooner.
    sim.expire_access_tokens();
    sim.fault(Fault::status_500().on(Operation::OauthAccessToken).times(2));
    all().await;
    assert_eq!(token_calls(&sim), 5);
    let is_token = |request: &&Arc<RecordedRequest>| request.operation == Some(Operation::OauthAccessToken);
    let requests = sim.requests();
    let at: Vec<_> = requests.iter().filter(is_token).map(|request| request.at).collect();
    assert!(at.windows(2).all(|two| two[1] >= two[0] + latency), "{at:?}");
    assert_eq!(stored.lock().unwrap().len(), 3);
    assert_eq!(stored.lock().unwrap().last().unwrap(), sim.refresh_token(APP).unwrap().expose());
}
