//! Scripted faults and their queue.

use std::fmt::Write as _;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, LOCATION};
use http::{HeaderValue, Response, StatusCode};

use crate::response::header_value;
use crate::route::Operation;

/// A scripted fault: an error, a delay or a broken connection in place of the normal response.
///
/// By default, a fault affects the next request. [`on`](Self::on) and [`nth`](Self::nth) select a later
/// request instead. [`times`](Self::times) and [`always`](Self::always) extend the fault to more requests.
///
/// ```
/// use std::time::Duration;
/// use ultracart_sim::{Fault, Operation, RetryAfter, Sim};
///
/// let sim = Sim::builder().build();
/// sim.fault(Fault::html_502());
/// sim.script([
///     Fault::too_many_requests().retry_after(RetryAfter::Seconds(30)).on(Operation::GetUsers),
///     Fault::reset_after().on(Operation::InsertUser),
///     Fault::slow_body(Duration::from_secs(90)).nth(5).times(2),
/// ]);
/// ```
#[derive(Clone, Debug)]
#[must_use = "a fault has no effect until it is passed to `Sim::fault`"]
pub struct Fault {
    pub(crate) action: Action,
    pub(crate) takes_effect: bool,
    on: Option<Operation>,
    skip: u32,
    times: u32,
}

#[derive(Clone, Debug)]
pub(crate) enum Action {
    TooManyRequests {
        message: Option<String>,
        retry_after: RetryAfter,
    },
    /// An error in UltraCart's own form.
    Error(StatusCode, String),
    Response(Box<Response<Bytes>>),
    SlowHeaders(Duration),
    SlowBody(Duration),
    CutBody,
    HugeBody(u64),
    Reset,
    Hang,
}

/// The `Retry-After` header of a scripted 429. UltraCart does not document this header.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum RetryAfter {
    /// The response does not have the header.
    #[default]
    None,
    /// A number of seconds.
    Seconds(u64),
    /// An HTTP date, this long after the request's arrival.
    Date(Duration),
    /// This text, valid or not.
    Text(String),
}

/// Constructors and modifiers. The requested operation is carried out only if the constructor's documentation
/// says so, or with [`after_effect`](Self::after_effect).
impl Fault {
    fn new(action: Action) -> Self {
        Self { action, takes_effect: false, on: None, skip: 0, times: 1 }
    }

    /// Creates a 429 without `Retry-After`. By default, its message says that the rate of the account's first
    /// window was exceeded.
    ///
    /// The call does not count against the windows, unless the setting
    /// [`count_rejected`](crate::SimBuilder::count_rejected) is `Yes`.
    pub fn too_many_requests() -> Self {
        Self::new(Action::TooManyRequests { message: None, retry_after: RetryAfter::None })
    }

    /// Sets the message of a [`too_many_requests`](Self::too_many_requests) or an [`error`](Self::error).
    ///
    /// The message of UltraCart's 429s has the form `rate of 10000 per 86400 second(s) exceeded.` Faults of
    /// other kinds ignore the message.
    pub fn message(mut self, text: &str) -> Self {
        match &mut self.action {
            Action::TooManyRequests { message, .. } => *message = Some(text.to_owned()),
            Action::Error(_, message) => text.clone_into(message),
            _ => {}
        }
        self
    }

    /// Sets the `Retry-After` header of a [`too_many_requests`](Self::too_many_requests). Other faults ignore
    /// it.
    pub fn retry_after(mut self, when: RetryAfter) -> Self {
        if let Action::TooManyRequests { retry_after, .. } = &mut self.action {
            *retry_after = when;
        }
        self
    }

    /// Creates an error response with this status and UltraCart's error body.
    pub fn error(status: StatusCode, message: &str) -> Self {
        Self::new(Action::Error(status, message.to_owned()))
    }

    /// Creates a 500 with UltraCart's error body.
    pub fn status_500() -> Self {
        Self::error(StatusCode::INTERNAL_SERVER_ERROR, "An internal error occurred.")
    }

    /// Creates a 401 that is returned even if the credentials are valid.
    pub fn unauthorized_401() -> Self {
        Self::error(StatusCode::UNAUTHORIZED, "Invalid credentials.")
    }

    /// Creates a 410, which means that UltraCart has disabled the application.
    pub fn gone_410() -> Self {
        Self::error(StatusCode::GONE, "This application has been disabled by UltraCart.")
    }

    /// Creates a 502 with an HTML body, as from a proxy in front of UltraCart.
    pub fn html_502() -> Self {
        let html =
            "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>";
        Self::plain(StatusCode::BAD_GATEWAY, "text/html", html)
    }

    /// Creates a redirect (307) to this URL.
    pub fn redirect(url: &str) -> Self {
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = StatusCode::TEMPORARY_REDIRECT;
        response.headers_mut().insert(LOCATION, header_value(url));
        Self::response(response)
    }

    /// Creates a 200 whose body is a JSON object with arrays nested `depth` levels deep.
    pub fn nested_body(depth: usize) -> Self {
        let mut json = String::from("{\"success\":true,\"nested\":");
        json.extend(std::iter::repeat_n('[', depth));
        json.extend(std::iter::repeat_n(']', depth));
        let _ = json.write_char('}');
        Self::plain(StatusCode::OK, "application/json; charset=UTF-8", &json)
    }

    /// Creates a 200 whose body is a JSON object of at least `bytes` bytes, sent in chunks without a
    /// `Content-Length`.
    pub fn huge_body(bytes: u64) -> Self {
        Self::new(Action::HugeBody(bytes))
    }

    /// Sends this response. Its `Content-Length` and `Transfer-Encoding` headers are replaced to match the
    /// body.
    pub fn response(response: Response<Bytes>) -> Self {
        Self::new(Action::Response(Box::new(response)))
    }

    /// Delays the normal response. The operation is carried out when the request arrives.
    pub fn slow_headers(delay: Duration) -> Self {
        Self::new(Action::SlowHeaders(delay)).after_effect()
    }

    /// Sends the normal response, but its body takes this long. The operation is carried out.
    pub fn slow_body(duration: Duration) -> Self {
        Self::new(Action::SlowBody(duration)).after_effect()
    }

    /// Sends the normal response, but closes the connection halfway through its body. If the body is empty,
    /// resets the connection before the response. The operation is carried out.
    pub fn cut_body() -> Self {
        Self::new(Action::CutBody).after_effect()
    }

    /// Resets the connection. The operation is not carried out.
    pub fn reset_before() -> Self {
        Self::new(Action::Reset)
    }

    /// Carries out the operation, then resets the connection.
    pub fn reset_after() -> Self {
        Self::new(Action::Reset).after_effect()
    }

    /// Never responds.
    pub fn hang() -> Self {
        Self::new(Action::Hang)
    }

    /// Carries out the operation despite the fault, as when a proxy times out before UltraCart has responded.
    pub fn after_effect(mut self) -> Self {
        self.takes_effect = true;
        self
    }

    /// Restricts the fault to requests for this operation.
    pub fn on(mut self, operation: Operation) -> Self {
        self.on = Some(operation);
        self
    }

    /// Skips the requests before the `nth` one. They are counted from 1, beginning when the fault is
    /// scripted. With [`on`](Self::on), only requests for that operation count.
    pub fn nth(mut self, nth: u32) -> Self {
        self.skip = nth.saturating_sub(1);
        self
    }

    /// Sets how many requests the fault affects, 1 by default.
    pub fn times(mut self, times: u32) -> Self {
        self.times = times;
        self
    }

    /// Affects an unlimited number of requests, instead of 1.
    pub fn always(self) -> Self {
        self.times(u32::MAX)
    }

    fn plain(status: StatusCode, content_type: &'static str, body: &str) -> Self {
        let mut response = Response::new(Bytes::copy_from_slice(body.as_bytes()));
        *response.status_mut() = status;
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        Self::response(response)
    }
}

/// The pending faults, in the order in which they were scripted.
#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<Fault>);

impl Faults {
    pub(crate) fn extend(&mut self, faults: impl IntoIterator<Item = Fault>) {
        self.0.extend(faults.into_iter().filter(|fault| fault.times > 0));
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// Returns the number of pending faults. A fault that affects several requests counts once.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns the first fault that applies to a request, or `None`.
    ///
    /// Every fault that waits for its [`nth`](Fault::nth) request counts this request. Faults that are
    /// restricted to another operation do not count it.
    pub(crate) fn next(&mut self, operation: Option<Operation>) -> Option<Fault> {
        let mut due = None;
        for (index, fault) in self.0.iter_mut().enumerate() {
            if fault.on.is_some() && fault.on != operation {
                continue;
            }
            if fault.skip > 0 {
                fault.skip -= 1;
            } else if due.is_none() {
                due = Some(index);
            }
        }
        let index = due?;
        let fault = self.0.get_mut(index)?;
        if fault.times == u32::MAX {
            return Some(fault.clone());
        }
        fault.times -= 1;
        if fault.times > 0 { Some(fault.clone()) } else { Some(self.0.remove(index)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statuses(faults: &mut Faults, operation: Operation, requests: usize) -> Vec<Option<u16>> {
        let status = |fault: Fault| match fault.action {
            Action::Error(status, _) => status.as_u16(),
            _ => 0,
        };
        (0..requests).map(|_| faults.next(Some(operation)).map(status)).collect()
    }

    #[test]
    fn faults_affect_selected_requests_in_order() {
        let mut faults = Faults::default();
        faults.extend([
            Fault::status_500().on(Operation::GetUser).times(2),
            Fault::gone_410().nth(4),
            Fault::unauthorized_401().times(0),
        ]);
        assert_eq!(statuses(&mut faults, Operation::GetUsers, 1), [None]);
        assert_eq!(
            statuses(&mut faults, Operation::GetUser, 5),
            [Some(500), Some(500), Some(410), None, None]
        );
        assert_eq!(faults.len(), 0);
        faults.extend([Fault::status_500().always()]);
        assert_eq!(statuses(&mut faults, Operation::GetUser, 2), [Some(500), Some(500)]);
    }
}
