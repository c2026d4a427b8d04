//! Several credentials behind one IP address.

use super::*;

#[tokio::test(start_paused = true)]
async fn credentials_share_only_the_address_windows() {
    let shared = limiter(&small_windows());
    let (one, two) =
        (shared.for_credential(ApplicationKey([1; 32])), shared.for_credential(ApplicationKey([2; 32])));
    call(&one, Outcome::Responded).await;
    call(&one.for_credential(ApplicationKey([1; 32])), Outcome::Responded).await;
    call(&two, Outcome::Responded).await;
    assert_eq!(remaining(&one).await, [1, 98, 0, 97]);
    assert_eq!(remaining(&two).await, [2, 99, 0, 97]);
    assert_eq!((one.calls_spent(), two.calls_spent()), (2, 1));
    assert_eq!(call(&two, Outcome::Responded).await, S(10), "the address allows three calls in 30 seconds");
}

#[tokio::test(start_paused = true)]
async fn credential_without_calls_does_not_delay_another() {
    let address_windows = Some(vec![Window::new(1_000, HOUR)]);
    let shared = limiter(&config::Limiter { address_windows, ..small_windows() });
    let (one, two) =
        (shared.for_credential(ApplicationKey([1; 32])), shared.for_credential(ApplicationKey([2; 32])));
    for _ in 0..3 {
        call(&one, Outcome::Responded).await;
    }
    let waiter = tokio::spawn(async move { call(&one, Outcome::Responded).await });
    tokio::task::yield_now().await;
    assert_eq!(call(&two, Outcome::Responded).await, MS(75));
    assert_eq!(waiter.await.unwrap(), S(10));
}

#[tokio::test(start_paused = true)]
async fn named_window_is_full_in_the_scope_that_has_it() {
    let address_windows = Some(vec![Window::new(5_000, HOUR)]);
    let windows = vec![Window::new(1_000, HOUR)];
    let limiter =
        limiter(&config::Limiter { spare: 0, windows, address_windows, ..config::Limiter::default() });
    call(&limiter, rejected(None, Some(Window::new(1_000, HOUR)))).await;
    assert_eq!(remaining(&limiter).await, [0, 4_999]);
    call(&limiter, rejected(None, Some(Window::new(200, HOUR)))).await;
    let windows = limiter.snapshot().await.unwrap().windows;
    assert_eq!(windows.iter().map(|window| window.window.calls).collect::<Vec<_>>(), [200, 200]);
}

#[tokio::test(start_paused = true)]
async fn halt_fails_only_waiters_of_its_credential() {
    let shared = limiter(&small_windows());
    let (one, two) =
        (shared.for_credential(ApplicationKey([1; 32])), shared.for_credential(ApplicationKey([2; 32])));
    for _ in 0..3 {
        call(&one, Outcome::Responded).await;
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
