//! OAuth: shared token refreshes, and refresh tokens that are never lost.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::{Response, StatusCode};
use ultracart_client::config::Oauth;
use ultracart_client::model::{Token, User};
use ultracart_client::{Client, Config, ErrorKind, UserApi};
use ultracart_sim::{Fault, Operation, RecordedRequest, RetryAfter, Sim};

/// A token response with an OAuth error.
fn oauth_error(status: StatusCode) -> Fault {
    let body = r#"{"error":"invalid_client","error_description":"There is no such application."}"#;
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    Fault::response(response)
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
async fn callers_share_a_refresh_stored_before_use() {
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
    // The token was stored after the token call, and before the first call that used the access token.
    assert_eq!(*stored.lock().unwrap(), [(sim.refresh_token(APP).unwrap().expose().to_owned(), 1)]);
    assert_eq!(client.calls_spent(), 4);

    // The token is refreshed a minute before it expires.
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
async fn status_401_refreshes_the_token_once() {
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
async fn unstored_refresh_token_is_not_used_nor_lost() {
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
async fn two_clients_share_a_refresh_token_file() {
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
async fn missing_file_starts_with_the_configured_token() {
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
    // The next client reads the file, because the configured token is used up.
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
async fn unwritable_file_prevents_the_token_refresh() {
    let sim = sim();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("refresh-token");
    std::fs::write(&file, "refresh-0\n").unwrap();
    let config = config(|oauth| oauth.refresh_token_file = Some(file.clone()));
    let api = Client::builder().config(config).service(sim.service()).build().unwrap().user_api();
    for name in ["refresh-token.lock", "refresh-token.new"] {
        let obstacle = folder.path().join(name);
        std::fs::create_dir_all(obstacle.join("x")).unwrap();
        let error = api.get_users().await.unwrap_err();
        assert_eq!((error.kind(), sim.requests().len()), (ErrorKind::InvalidConfig, 0));
        assert!(error.to_string().contains("nothing was sent"), "{error}");
        assert!(error.to_string().contains(&*obstacle.to_string_lossy()), "{error}");
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "refresh-0\n");
        std::fs::remove_dir_all(obstacle).unwrap();
    }
    api.get_users().await.unwrap();
    assert_eq!(std::fs::read_to_string(&file).unwrap().trim_end(), sim.refresh_token(APP).unwrap().expose());
    let left: Vec<_> =
        std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 2, "the token and its lock: {left:?}");
}

#[tokio::test(start_paused = true)]
async fn missing_scope_is_an_error_after_one_refresh() {
    let sim = Sim::builder().users(3).oauth_with_scopes(APP, "refresh-0", "user_read").build();
    let config = config(|oauth| oauth.refresh_token = Some("refresh-0".into()));
    let api = Client::builder().config(config).service(sim.service()).build().unwrap().user_api();
    assert_eq!(api.get_users().await.unwrap().len(), 3);
    let error = api.insert_user(&User::new().login("ada.l")).await.unwrap_err();
    assert!(error.is_unauthorized(), "{error}");
    assert!(error.user_message().unwrap().contains("user_write"), "{error}");
    // A 401 can mean an expired token, so the token is refreshed once.
    assert_eq!((error.attempts(), sim.calls(), token_calls(&sim)), (2, 3, 2));
    assert_eq!(sim.users().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn revoked_refresh_token_error_says_what_to_do() {
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
async fn refresh_of_a_dropped_caller_is_finished() {
    let latency = Duration::from_secs(5);
    let sim = Sim::builder().users(3).oauth(APP, "refresh-0").latency(latency).build();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("refresh-token");
    std::fs::write(&file, "refresh-0\n").unwrap();
    let config = config(|oauth| oauth.refresh_token_file = Some(file.clone()));
    let client = Client::builder().config(config).service(sim.service()).build().unwrap();
    client.finish_token_refresh().await;
    assert_eq!((sim.elapsed(), token_calls(&sim)), (Duration::ZERO, 0), "nothing is in flight");

    let api = client.user_api();
    tokio::time::timeout(Duration::from_secs(1), api.get_users()).await.unwrap_err();
    assert_eq!(token_calls(&sim), 1);
    client.finish_token_refresh().await;
    assert_eq!(sim.elapsed(), latency);
    assert_eq!(std::fs::read_to_string(&file).unwrap().trim_end(), sim.refresh_token(APP).unwrap().expose());

    assert_eq!(api.get_users().await.unwrap().len(), 3);
    assert_eq!((sim.calls(), token_calls(&sim)), (1, 1), "the call of the dropped caller was not sent");
}

#[tokio::test(start_paused = true)]
async fn dropped_callers_start_no_further_refresh() {
    let builder = Sim::builder().users(3).oauth(APP, "refresh-0").max_in_flight(4);
    let sim = builder.latency(Duration::from_secs(5)).build();
    sim.fault(Fault::status_500().on(Operation::OauthAccessToken));
    let mut config = config(|oauth| oauth.refresh_token = Some("refresh-0".into()));
    config.limiter.max_concurrency = 4;
    let client = Client::builder().config(config).service(sim.service()).build().unwrap();
    let api = client.user_api();
    let both = async { tokio::join!(api.get_users(), api.get_groups()) };
    tokio::time::timeout(Duration::from_secs(1), both).await.unwrap_err();
    client.finish_token_refresh().await;
    tokio::time::timeout(Duration::from_mins(1), std::future::pending::<()>()).await.unwrap_err();
    assert_eq!((sim.calls(), token_calls(&sim)), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn token_refresh_errors_keep_their_kind() {
    let bad_request = StatusCode::BAD_REQUEST;
    for (fault, kind, message) in [
        (Fault::gone_410(), ErrorKind::ApplicationDisabled, "has been disabled by UltraCart"),
        (oauth_error(StatusCode::GONE), ErrorKind::ApplicationDisabled, "410 Gone"),
        (Fault::unauthorized_401(), ErrorKind::Unauthorized, "401 Unauthorized: Invalid credentials."),
        (Fault::redirect("https://example.com/"), ErrorKind::Redirect, "307"),
        (oauth_error(StatusCode::UNAUTHORIZED), ErrorKind::Oauth, "There is no such application"),
        (oauth_error(bad_request), ErrorKind::Oauth, "There is no such application"),
        // The token request failed, not the request for the user. So the kind is `Oauth` instead of
        // `BadRequest` or `NotFound`.
        (Fault::error(bad_request, "no"), ErrorKind::Oauth, "the token refresh failed: 400 Bad Request: no"),
        (
            Fault::error(StatusCode::NOT_FOUND, "no"),
            ErrorKind::Oauth,
            "the token refresh failed: 404 Not Found: no",
        ),
        (Fault::nested_body(1), ErrorKind::Oauth, "status 200 and no valid access token"),
    ] {
        let sim = sim();
        let shown = format!("{fault:?}");
        sim.fault(fault.on(Operation::OauthAccessToken));
        let config = config(|oauth| oauth.refresh_token = Some("refresh-0".into()));
        let api = Client::builder().config(config).service(sim.service()).build().unwrap().user_api();
        let error = api.get_user(sim.users()[0].user_id.unwrap()).await.unwrap_err();
        assert_eq!((error.kind(), error.attempts()), (kind, 1), "{shown}");
        assert!(error.to_string().contains(message), "{shown}: {error}");
        assert!(!error.may_have_reached_server(), "{shown}");
        assert_eq!((sim.calls(), token_calls(&sim)), (0, 1), "{shown}");
        // The refresh token is still valid. A client whose application is disabled makes no further call.
        let again = api.get_users().await;
        assert_eq!(again.is_err(), kind == ErrorKind::ApplicationDisabled, "{shown}: {again:?}");
    }
}

/// Returns an API handle whose client starts with the refresh token `refresh-0`, and the list in which the
/// client stores its new refresh tokens.
fn api_with_stored_tokens(sim: &Sim, mut config: Config) -> (UserApi, Arc<Mutex<Vec<String>>>) {
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
async fn token_call_without_effect_is_retried() {
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
        let (api, stored) = api_with_stored_tokens(&sim, config(|_| {}));
        // The insert is sent after the retry, because only the token call failed.
        api.insert_user(&User::new().login("ada").email("ada@example.com")).await.unwrap();
        assert_eq!((sim.calls(), token_calls(&sim), sim.faults_left()), (1, 2, 0), "{shown}");
        assert!(sim.elapsed() >= Duration::from_secs(pause), "{shown}: {:?}", sim.elapsed());
        assert_eq!(*stored.lock().unwrap(), [sim.refresh_token(APP).unwrap().expose()], "{shown}");
    }
}

#[tokio::test(start_paused = true)]
async fn lost_token_response_needs_new_authorization() {
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
        let (api, stored) = api_with_stored_tokens(&sim, config(|_| {}));
        let error = api.insert_user(&User::new().login("ada").email("ada@example.com")).await.unwrap_err();
        // The client tried the old token once more, because it could not know that the server had used it up.
        assert_eq!((error.kind(), sim.calls(), token_calls(&sim)), (ErrorKind::Oauth, 0, 2), "{shown}");
        assert!(error.to_string().contains("authorize the application again"), "{shown}: {error}");
        assert!(!error.may_have_reached_server(), "{shown}");
        assert!(stored.lock().unwrap().is_empty(), "{shown}");
    }
}

#[tokio::test(start_paused = true)]
async fn concurrent_callers_share_one_token_refresh() {
    let latency = Duration::from_secs(1);
    let builder = Sim::builder().users(8).oauth(APP, "refresh-0").max_in_flight(5);
    let sim = builder.latency(latency).build();
    let mut config = config(|_| {});
    config.limiter.max_concurrency = 4;
    let (api, stored) = api_with_stored_tokens(&sim, config);
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
    let max_in_flight = sim.requests().iter().map(|request| request.in_flight).max();
    assert_eq!(max_in_flight, Some(3), "four at a time");

    // Four callers get a 401, and one of them refreshes the token.
    sim.expire_access_tokens();
    all().await;
    assert_eq!((sim.calls(), token_calls(&sim)), (8 + 4 + 8, 2));

    // After a failed refresh, the next caller in the queue refreshes.
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
