//! Several credentials behind one address.

use super::*;

#[tokio::test(start_paused = true)]
async fn credentials_share_the_address_and_have_windows_of_their_own() {
    let shared = limiter(&small());
    let (one, two) =
        (shared.for_credential(ApplicationKey([1; 32])), shared.for_credential(ApplicationKey([2; 32])));
    call(&one, Outcome::Answered).await;
    call(&one.for_credential(ApplicationKey([1; 32])), Outcome::Answered).await;
    call(&two, Outcome::Answered).await;
    assert_eq!(left(&one).await, [1, 98, 0, 97]);
    assert_eq!(left(&two).await, [2, 99, 0, 97]);
    assert_eq!((one.calls_spent(), two.calls_spent()), (2, 1));
    assert_eq!(call(&two, Outcome::Answered).await, S(10), "three calls of the address in thirty seconds");
}

#[tokio::test(start_paused = true)]
async fn a_credential_that_is_out_of_calls_does_not_hold_up_another() {
    let address_windows = Some(vec![Window::new(1_000, HOUR)]);
    let shared = limiter(&config::Limiter { address_windows, ..small() });
    let (one, two) =
        (shared.for_credential(ApplicationKey([1; 32])), shared.for_credential(ApplicationKey([2; 32])));
    for _ in 0..3 {
        call(&one, Outcome::Answered).await;
    }
    let waiter = tokio::spawn(async move { call(&one, Outcome::Answered).await });
    tokio::task::yield_now().await;
    assert_eq!(call(&two, Outcome::Answered).await, MS(75));
    assert_eq!(waiter.await.unwrap(), S(10));
}

#[tokio::test(start_paused = true)]
async fn a_429_is_charged_to_the_scope_that_has_such_a_window() {
    let address_windows = Some(vec![Window::new(5_000, HOUR)]);
    let windows = vec![Window::new(1_000, HOUR)];
    let limiter =
        limiter(&config::Limiter { spare: 0, windows, address_windows, ..config::Limiter::default() });
    call(&limiter, rejected(None, Some(Window::new(1_000, HOUR)))).await;
    assert_eq!(left(&limiter).await, [0, 4_999]);
    call(&limiter, rejected(None, Some(Window::new(200, HOUR)))).await;
    let windows = limiter.snapshot().await.unwrap().windows;
    assert_eq!(windows.iter().map(|window| window.window.calls).collect::<Vec<_>>(), [200, 200]);
}

#[tokio::test(start_paused = true)]
async fn a_disabled_application_ends_all_who_wait_with_its_credential_and_nobody_else() {
    let shared = limiter(&small());
    let (one, two) =
        (shared.for_credential(ApplicationKey([1; 32])), shared.for_credential(ApplicationKey([2; 32])));
    for _ in 0..3 {
        call(&one, Outcome::Answered).await;
    }
    let wait = |limiter: &Limiter| {
        let limiter = limiter.clone();
        tokio::spawn(async move { limiter.acquire(&AcquireRequest::default()).await.map(drop) })
    };
    let (waits, other) = ([wait(&one), wait(&one), wait(&one)], wait(&two));
    tokio::task::yield_now().await;
    one.halt(Error::new(ErrorKind::ApplicationDisabled, "410 Gone: disabled"));
    let before = now(&one);
    for waiter in waits {
        assert!(waiter.await.unwrap().unwrap_err().is_application_disabled());
    }
    assert_eq!(now(&one), before);
    other.await.unwrap().unwrap();
}
