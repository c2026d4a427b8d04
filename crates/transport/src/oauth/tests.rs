use std::path::Path;

use super::*;
use crate::clock::TokioClock;

const TOKENS: &[u8] = br#"{"access_token":"a1","refresh_token":"r1","expires_in":"3600"}"#;

/// A session that goes by a file.
fn session_of(file: &Path) -> Session {
    let token_url = Url::parse("http://127.0.0.1/oauth/token").unwrap();
    let clock = Arc::new(TokioClock::new());
    Session::new("app".into(), token_url, None, Some(file.to_owned()), None, clock)
}

/// A session that begins with the refresh token `r0`, and what it stored.
fn session() -> (Session, Arc<std::sync::Mutex<Vec<String>>>) {
    let stored = Arc::new(std::sync::Mutex::new(Vec::new()));
    let at_store = Arc::clone(&stored);
    let store: StoreToken = Arc::new(move |token| {
        at_store.lock().unwrap().push(token.expose().to_owned());
        Ok(())
    });
    let token_url = Url::parse("http://127.0.0.1/oauth/token").unwrap();
    let clock = Arc::new(TokioClock::new());
    (Session::new("app".into(), token_url, Some("r0".into()), None, Some(store), clock), stored)
}

async fn refresh(session: &Session) -> Box<Refresh> {
    match session.token().await.unwrap() {
        TokenStatus::Expired(refresh) => refresh,
        TokenStatus::Valid(token) => panic!("{token:?} was thought to be good"),
    }
}

fn sent(refresh: &Refresh) -> String {
    let request = refresh.request();
    String::from_utf8(request.body().unwrap().as_bytes().unwrap().to_vec()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_new_refresh_token_is_kept_however_odd_the_rest_of_the_answer_is() {
    for (rest, is_usable) in [
        (r#""access_token":"a1","expires_in":"3600""#, true),
        (r#""access_token":"a1","expires_in":"3600.0""#, true),
        (r#""access_token":"a1","expires_in":"""#, true),
        (r#""access_token":"a1","expires_in":-1,"merchant_id":17,"scope":["user_read"]"#, true),
        (r#""access_token":"a1","refresh_token":"r1","token_type":null,"error":{}"#, true),
        (r#""scope":"user_read""#, false),
        (r#""access_token":"","expires_in":"3600""#, false),
        (r#""access_token":17"#, false),
        (r#""access_token":"with\nbreak""#, false),
    ] {
        let (session, stored) = session();
        let first = refresh(&session).await;
        assert_eq!(sent(&first), "client_id=app&grant_type=refresh_token&refresh_token=r0");
        let body = format!(r#"{{"refresh_token":"r1",{rest}}}"#);
        let result = first.finish(StatusCode::OK, body.as_bytes()).await;
        assert_eq!(*stored.lock().unwrap(), ["r1"], "{rest}");
        if is_usable {
            assert_eq!(result.unwrap(), "Bearer a1", "{rest}");
            session.reject(&HeaderValue::from_static("Bearer a1")).await;
        } else {
            assert_eq!(result.unwrap_err().kind(), ErrorKind::Oauth, "{rest}");
        }
        assert!(sent(&*refresh(&session).await).ends_with("&refresh_token=r1"), "{rest}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_life_that_cannot_be_read_is_unknown() {
    for (expires_in, renewed_after) in [("\"3600\"", 3_540), ("60", 54), ("\"1h\"", 540), ("null", 540)] {
        let (session, _) = session();
        let body = format!(r#"{{"access_token":"a1","expires_in":{expires_in}}}"#);
        refresh(&session).await.finish(StatusCode::OK, body.as_bytes()).await.unwrap();
        tokio::time::advance(Duration::from_secs(renewed_after - 1)).await;
        assert!(matches!(session.token().await.unwrap(), TokenStatus::Valid(_)), "{expires_in}");
        tokio::time::advance(Duration::from_secs(1)).await;
        refresh(&session).await;
    }
}

#[tokio::test]
async fn a_token_whose_file_fails_after_all_is_kept_in_memory_and_stored_later() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, "r0\n").unwrap();
    let session = session_of(&file);
    let first = refresh(&session).await;
    // Neither a rename nor a write can succeed.
    std::fs::remove_file(folder.path().join("token.new")).unwrap();
    std::fs::remove_file(&file).unwrap();
    std::fs::create_dir(&file).unwrap();
    let error = first.finish(StatusCode::OK, TOKENS).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Oauth);
    insta::assert_snapshot!(error.to_string().replace(&file.display().to_string(), "FILE"), @"the new refresh token cannot be written to FILE: it is only in memory, and the one before it is used up; it is stored before the next use, but if the program ends first, the application has to be authorized again");
    assert_eq!(session.token().await.map(drop).unwrap_err().to_string(), error.to_string());
    std::fs::remove_dir(&file).unwrap();
    assert!(sent(&*refresh(&session).await).ends_with("&refresh_token=r1"));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "r1\n");
}
