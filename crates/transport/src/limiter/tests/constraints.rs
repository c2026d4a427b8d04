//! The constraint that a permit reports, and the deadline of a request.

use super::*;

#[tokio::test(start_paused = true)]
async fn window_ending_with_a_hold_is_the_constraint() {
    let limiter = limiter(&small_windows());
    let window = Window::new(3, S(30));
    // Without a `Retry-After` the hold lasts as long as the window is full.
    call(&limiter, rejected(None, Some(window))).await;
    let permit = acquire(&limiter).await;
    assert_eq!(now(&limiter), S(10));
    assert_eq!(permit.constraint(), Some(Constraint::Window { scope: Scope::Application, window }));
}

#[tokio::test(start_paused = true)]
async fn permit_past_its_deadline_is_not_granted() {
    let limiter = limiter(&small_windows());
    limiter.clock().sleep(S(10)).await;
    let deadline = Some(Deadline { at: Instant::START + S(5), limit: WaitLimit::RetryDeadline(S(5)) });
    let error = limiter.acquire(&AcquireRequest { deadline, ..AcquireRequest::default() }).await.unwrap_err();
    assert_eq!((error.kind(), remaining(&limiter).await), (ErrorKind::Deadline, vec![3, 100, 3, 100]));
}
