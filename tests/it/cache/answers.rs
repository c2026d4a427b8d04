//! Promise 13: only whole, successful answers are cached, and never a request.

use std::time::Duration;

use ultracart_client::Config;
use ultracart_client::model::User;
use ultracart_sim::{Fault, Operation, Sim};

use crate::client;

#[tokio::test(start_paused = true)]
async fn incomplete_or_failed_list_is_not_cached() {
    for fault in [
        Fault::answer(http::Response::new(r#"{"success": false, "users": []}"#.into())),
        Fault::answer(http::Response::new(r#"{"error": {"user_message": "no"}, "users": []}"#.into())),
        Fault::answer(http::Response::new(r#"{"success": true, "users": [{"#.into())),
    ] {
        let sim = Sim::builder().users(5).build();
        let api = client(&sim, Config::default()).user_api();
        sim.fault(fault.on(Operation::GetUsers));
        api.get_users().await.unwrap_err();
        tokio::time::advance(Duration::from_secs(5)).await;
        assert_eq!(api.get_users().await.unwrap().len(), 5);
    }
}

#[tokio::test(start_paused = true)]
async fn password_of_update_user_is_not_cached() {
    let sim = Sim::builder().users(5).build();
    let api = client(&sim, Config::default()).user_api();
    let id = sim.users()[0].user_id.unwrap();
    // This one tells that the answer to a write leaves nothing out, so that it will do for a read.
    api.get_user(id).await.unwrap();
    api.update_user(id, &User::new().change_password_to("Secret-1")).await.unwrap();
    let user = api.get_user(id).await.unwrap();
    assert_eq!((user.calls(), &user.change_password_to), (0, &None));
    assert!(api.get_users().await.unwrap().iter().all(|user| user.change_password_to.is_none()));
}
