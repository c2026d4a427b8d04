//! The evidence that 429s provide about the server's windows.

use super::*;

/// A limiter without spare calls. The application and the IP address each have this one window.
fn limiter_with(window: Window) -> Limiter {
    limiter(&config::Limiter { spare: 0, windows: vec![window], ..config::Limiter::default() })
}

/// Sleeps until `at`, a time since the start of the limiter's clock.
async fn wait_until(limiter: &Limiter, at: Duration) {
    limiter.clock().sleep(at.saturating_sub(now(limiter))).await;
}

/// Makes successful calls, each as soon as it may be sent.
async fn make_successful_calls(limiter: &Limiter, calls: u32) {
    for _ in 0..calls {
        call(limiter, Outcome::Responded).await;
    }
}

async fn application_window(limiter: &Limiter) -> WindowSnapshot {
    limiter.snapshot().await.unwrap().windows[0]
}

#[tokio::test(start_paused = true)]
async fn rejected_call_is_not_in_the_journal() {
    let five = Window::new(5, S(100));
    let limiter = limiter_with(five);
    make_successful_calls(&limiter, 4).await;
    wait_until(&limiter, S(60)).await;
    call(&limiter, rejected(Some(S(0)), None)).await;
    // In the hundred seconds before the next rejection the server accepted these five calls, but not the one
    // at 60 s.
    wait_until(&limiter, S(101)).await;
    make_successful_calls(&limiter, 5).await;
    wait_until(&limiter, S(141)).await;
    call(&limiter, rejected(None, Some(five))).await;
    let window = application_window(&limiter).await;
    assert!(window.learned, "five calls fill a sliding window: {window:?}");
}

#[tokio::test(start_paused = true)]
async fn window_filled_by_another_program_is_not_learned() {
    let ten = Window::new(10, S(100));
    let limiter = limiter_with(ten);
    for _ in 0..8 {
        call(&limiter, rejected(Some(S(20)), Some(ten))).await;
    }
    let window = application_window(&limiter).await;
    assert_eq!((window.window, window.learned), (ten, false), "the server accepted none of our calls");
}

#[tokio::test(start_paused = true)]
async fn window_of_the_configured_size_is_not_learned() {
    let limiter = limiter_with(Window::new(1_000, HOUR));
    call(&limiter, rejected(None, Some(Window::new(1_000, HOUR)))).await;
    assert!(!application_window(&limiter).await.learned);
}

#[tokio::test(start_paused = true)]
async fn smaller_window_has_a_proportional_burst() {
    let limiter = limiter_with(Window::new(1_000, HOUR).burst(200));
    call(&limiter, rejected(None, Some(Window::new(400, HOUR)))).await;
    assert_eq!(application_window(&limiter).await.window, Window::new(400, HOUR).burst(80));
}

#[tokio::test(start_paused = true)]
async fn sliding_window_allows_no_call_for_a_period() {
    let five = Window::new(5, S(100));
    let limiter = limiter_with(five);
    make_successful_calls(&limiter, 1).await;
    wait_until(&limiter, S(25)).await;
    make_successful_calls(&limiter, 4).await;
    // A second before the first call leaves the window.
    wait_until(&limiter, S(99)).await;
    call(&limiter, rejected(Some(S(0)), Some(five))).await;
    let window = application_window(&limiter).await;
    assert_eq!((window.learned, window.next_in), (true, S(25)), "{window:?}");
}

#[tokio::test(start_paused = true)]
async fn sliding_window_burst_exceeds_the_spare_calls() {
    let config = config::Limiter { windows: vec![Window::new(100, S(100))], ..config::Limiter::default() };
    let limiter = limiter(&config);
    make_successful_calls(&limiter, 100).await;
    call(&limiter, rejected(None, Some(config.windows[0]))).await;
    assert_eq!(application_window(&limiter).await.window.burst, Some(config.spare + 1));
}

#[tokio::test(start_paused = true)]
async fn single_429_does_not_lower_the_concurrency() {
    let limiter = limiter(&config::Limiter { max_concurrency: 3, ..config::Limiter::default() });
    call(&limiter, rejected(Some(S(0)), None)).await;
    make_successful_calls(&limiter, 1).await;
    let permits = async { [acquire(&limiter).await, acquire(&limiter).await, acquire(&limiter).await] };
    let permits = tokio::time::timeout(HOUR, permits).await;
    assert!(permits.is_ok(), "no other call was in flight");
}
