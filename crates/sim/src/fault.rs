//! What goes wrong, and when.

use std::fmt::Write as _;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, LOCATION};
use http::{HeaderValue, Response, StatusCode};

use crate::reply::header_value;
use crate::route::Operation;

/// Something that goes wrong with one request: the next one, unless [`on`](Self::on), [`nth`](Self::nth) and
/// [`times`](Self::times) say otherwise.
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
#[must_use = "a fault happens when it is given to `Sim::fault`"]
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
    Answer(Box<Response<Bytes>>),
    SlowHeaders(Duration),
    SlowBody(Duration),
    CutBody,
    HugeBody(u64),
    Reset,
    Hang,
}

/// The `Retry-After` of a scripted 429. UltraCart does not document any.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum RetryAfter {
    /// No such header.
    #[default]
    None,
    /// A number of seconds.
    Seconds(u64),
    /// The date and time of day this far from now.
    Date(Duration),
    /// Whatever it says.
    Text(String),
}

/// Each of these keeps the operation from being carried out, unless its text says otherwise.
impl Fault {
    fn new(action: Action) -> Self {
        Self { action, takes_effect: false, on: None, skip: 0, times: 1 }
    }

    /// A 429 with the text of the account's first window and no `Retry-After`. It leaves the windows as they are.
    pub fn too_many_requests() -> Self {
        Self::new(Action::TooManyRequests { message: None, retry_after: RetryAfter::None })
    }

    /// What a [`too_many_requests`](Self::too_many_requests) says, as `rate of 10000 per 86400 second(s) exceeded.`
    pub fn message(mut self, text: &str) -> Self {
        match &mut self.action {
            Action::TooManyRequests { message, .. } => *message = Some(text.to_owned()),
            Action::Error(_, message) => text.clone_into(message),
            _ => {}
        }
        self
    }

    /// When a [`too_many_requests`](Self::too_many_requests) says to come back.
    pub fn retry_after(mut self, when: RetryAfter) -> Self {
        if let Action::TooManyRequests { retry_after, .. } = &mut self.action {
            *retry_after = when;
        }
        self
    }

    /// An error of any status in UltraCart's own form.
    pub fn error(status: StatusCode, message: &str) -> Self {
        Self::new(Action::Error(status, message.to_owned()))
    }

    /// A 500 with UltraCart's error body.
    pub fn status_500() -> Self {
        Self::error(StatusCode::INTERNAL_SERVER_ERROR, "An internal error occurred.")
    }

    /// A 401 although the credentials are good.
    pub fn unauthorized_401() -> Self {
        Self::error(StatusCode::UNAUTHORIZED, "Invalid credentials.")
    }

    /// A 410: UltraCart has disabled the application.
    pub fn gone_410() -> Self {
        Self::error(StatusCode::GONE, "This application has been disabled by UltraCart.")
    }

    /// A 502 with HTML, from a proxy in front.
    pub fn html_502() -> Self {
        let html =
            "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>";
        Self::plain(StatusCode::BAD_GATEWAY, "text/html", html)
    }

    /// A redirect (307) to another address.
    pub fn redirect(url: &str) -> Self {
        let mut answer = Response::new(Bytes::new());
        *answer.status_mut() = StatusCode::TEMPORARY_REDIRECT;
        answer.headers_mut().insert(LOCATION, header_value(url));
        Self::answer(answer)
    }

    /// A JSON object with lists in it, nested so deep.
    pub fn nested_body(depth: usize) -> Self {
        let mut json = String::from("{\"success\":true,\"nested\":");
        json.extend(std::iter::repeat_n('[', depth));
        json.extend(std::iter::repeat_n(']', depth));
        let _ = json.write_char('}');
        Self::plain(StatusCode::OK, "application/json; charset=UTF-8", &json)
    }

    /// A JSON object of at least so many bytes. It comes in chunks, without a length that could be known before.
    pub fn huge_body(bytes: u64) -> Self {
        Self::new(Action::HugeBody(bytes))
    }

    /// Any answer at all. Its length and its transfer encoding are those of its body, whatever its headers say.
    pub fn answer(answer: Response<Bytes>) -> Self {
        Self::new(Action::Answer(Box::new(answer)))
    }

    /// The right answer, so much later. The operation is carried out when the request arrives.
    pub fn slow_headers(delay: Duration) -> Self {
        Self::new(Action::SlowHeaders(delay)).after_effect()
    }

    /// The right answer, whose body takes this long to come. The operation is carried out.
    pub fn slow_body(duration: Duration) -> Self {
        Self::new(Action::SlowBody(duration)).after_effect()
    }

    /// The right answer, whose body breaks off in the middle. The operation is carried out.
    pub fn cut_body() -> Self {
        Self::new(Action::CutBody).after_effect()
    }

    /// The connection is reset, and nothing has happened.
    pub fn reset_before() -> Self {
        Self::new(Action::Reset)
    }

    /// The operation is carried out, and then the connection is reset.
    pub fn reset_after() -> Self {
        Self::new(Action::Reset).after_effect()
    }

    /// No answer ever comes.
    pub fn hang() -> Self {
        Self::new(Action::Hang)
    }

    /// The operation is carried out all the same, as behind a proxy that gave up too early.
    pub fn after_effect(mut self) -> Self {
        self.takes_effect = true;
        self
    }

    /// Only requests for this operation are meant.
    pub fn on(mut self, operation: Operation) -> Self {
        self.on = Some(operation);
        self
    }

    /// It happens to the n-th request that is meant, counted from 1, and not to those before.
    pub fn nth(mut self, nth: u32) -> Self {
        self.skip = nth.saturating_sub(1);
        self
    }

    /// It happens this many times.
    pub fn times(mut self, times: u32) -> Self {
        self.times = times;
        self
    }

    /// It happens every time from then on.
    pub fn always(self) -> Self {
        self.times(u32::MAX)
    }

    fn plain(status: StatusCode, content_type: &'static str, body: &str) -> Self {
        let mut answer = Response::new(Bytes::copy_from_slice(body.as_bytes()));
        *answer.status_mut() = status;
        answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        Self::answer(answer)
    }
}

/// The faults that have yet to happen, in the order in which they were scripted.
#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<Fault>);

impl Faults {
    pub(crate) fn extend(&mut self, faults: impl IntoIterator<Item = Fault>) {
        self.0.extend(faults.into_iter().filter(|fault| fault.times > 0));
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// How many there are; one that happens several times counts once.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The first fault that is due for a request. Those behind it count the request too.
    pub(crate) fn next(&mut self, operation: Option<Operation>) -> Option<Fault> {
        let mut due = None;
        for (place, fault) in self.0.iter_mut().enumerate() {
            if fault.on.is_some() && fault.on != operation {
                continue;
            }
            if fault.skip > 0 {
                fault.skip -= 1;
            } else if due.is_none() {
                due = Some(place);
            }
        }
        let place = due?;
        let fault = self.0.get_mut(place)?;
        if fault.times == u32::MAX {
            return Some(fault.clone());
        }
        fault.times -= 1;
        if fault.times > 0 { Some(fault.clone()) } else { Some(self.0.remove(place)) }
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
    fn faults_happen_in_order_to_the_requests_that_are_meant() {
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
