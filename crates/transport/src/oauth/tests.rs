use std::path::Path;

use super::*;
use crate::clock::TokioClock;

const TOKENS: &[u8] = br#"{"access_token":"a1","refresh_token":"r1","expires_in":"3600"}"#;

/// Creates a session with a token file.
fn session_with_file(file: &Path) -> Session {
    let token_url = Url::parse("http://127.0.0.1/oauth/token").unwrap();
    let clock = Arc::new(TokioClock::new());
    Session::new("app".into(), token_url, None, Some(file.to_owned()), None, clock)
}

/// Creates a session with the refresh token `r0`. Returns the session and the list of stored tokens. The
/// session's callback stores a token by adding it to this list.
fn session_with_callback() -> (Session, Arc<std::sync::Mutex<Vec<String>>>) {
    let stored = Arc::new(std::sync::Mutex::new(Vec::new()));
    let stored_by_callback = Arc::clone(&stored);
    let store: StoreRefreshToken = Arc::new(move |token| {
        stored_by_callback.lock().unwrap().push(token.expose().to_owned());
        Ok(())
    });
    let token_url = Url::parse("http://127.0.0.1/oauth/token").unwrap();
    let clock = Arc::new(TokioClock::new());
    (Session::new("app".into(), token_url, Some("r0".into()), None, Some(store), clock), stored)
}

async fn refresh(session: &Session) -> Box<TokenRefresh> {
    match session.token().await.unwrap() {
        TokenStatus::RefreshDue(refresh) => refresh,
        TokenStatus::Valid(token) => panic!("{token:?} is valid"),
    }
}

fn request_body(refresh: &TokenRefresh) -> String {
    let request = refresh.request();
    String::from_utf8(request.body().unwrap().as_bytes().unwrap().to_vec()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn refresh_token_in_odd_response_is_stored() {
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
        let (session, stored) = session_with_callback();
        let first = refresh(&session).await;
        assert_eq!(request_body(&first), "client_id=app&grant_type=refresh_token&refresh_token=r0");
        let body = format!(r#"{{"refresh_token":"r1",{rest}}}"#);
        let result = first.finish(StatusCode::OK, body.as_bytes()).await;
        assert_eq!(*stored.lock().unwrap(), ["r1"], "{rest}");
        if is_usable {
            assert_eq!(result.unwrap(), "Bearer a1", "{rest}");
            session.discard(&HeaderValue::from_static("Bearer a1")).await;
        } else {
            assert_eq!(result.unwrap_err().kind(), ErrorKind::Oauth, "{rest}");
        }
        assert!(request_body(&*refresh(&session).await).ends_with("&refresh_token=r1"), "{rest}");
    }
}

#[tokio::test(start_paused = true)]
async fn invalid_expires_in_uses_default_lifetime() {
    for (expires_in, refreshed_after) in [("\"3600\"", 3_540), ("60", 54), ("\"1h\"", 540), ("null", 540)] {
        let (session, _) = session_with_callback();
        let body = format!(r#"{{"access_token":"a1","expires_in":{expires_in}}}"#);
        refresh(&session).await.finish(StatusCode::OK, body.as_bytes()).await.unwrap();
        tokio::time::advance(Duration::from_secs(refreshed_after - 1)).await;
        assert!(matches!(session.token().await.unwrap(), TokenStatus::Valid(_)), "{expires_in}");
        tokio::time::advance(Duration::from_secs(1)).await;
        refresh(&session).await;
    }
}

#[tokio::test]
async fn unwritable_refresh_token_is_stored_later() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, "r0\n").unwrap();
    let session = session_with_file(&file);
    let first = refresh(&session).await;
    // Makes both the rename and the write in place fail.
    std::fs::remove_file(folder.path().join("token.new")).unwrap();
    std::fs::remove_file(&file).unwrap();
    std::fs::create_dir(&file).unwrap();
    let error = first.finish(StatusCode::OK, TOKENS).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Oauth);
    insta::assert_snapshot!(error.to_string().replace(&file.display().to_string(), "FILE"), @"the new refresh token cannot be written to FILE: it is only in memory, and the previous one is used up; the next call tries to store it again, and if the program ends first, authorize the application again");
    assert_eq!(session.token().await.map(drop).unwrap_err().to_string(), error.to_string());
    std::fs::remove_dir(&file).unwrap();
    assert!(request_body(&*refresh(&session).await).ends_with("&refresh_token=r1"));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "r1\n");
}
