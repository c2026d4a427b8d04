//! The kinds of errors.

/// The kind of an [`Error`](crate::Error).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The configuration is invalid. Nothing was sent.
    InvalidConfig,
    /// The request is invalid: UltraCart would not accept it. Nothing was sent.
    InvalidRequest,
    /// The value is not cached, and the cache policy forbids a call.
    NotCached,
    /// The connection could not be established. Nothing was sent.
    Connect,
    /// The complete response did not arrive within `http.request_timeout`.
    Timeout,
    /// The connection ended before the complete response had arrived.
    IncompleteResponse,
    /// The response body is longer than `http.max_body`.
    BodyTooLarge,
    /// 400: UltraCart does not accept the request.
    BadRequest,
    /// 401 or 403: UltraCart does not accept the credential.
    Unauthorized,
    /// The object does not exist.
    NotFound,
    /// 410: UltraCart disabled this application.
    ApplicationDisabled,
    /// 429: the server still rejected the call after `retry.max_rejections` retries.
    RateLimited,
    /// The wait for a permit would exceed `limiter.max_wait`. The attempt was not sent.
    MaxWait,
    /// A permit would not be available within `retry.deadline`. The attempt was not sent.
    Deadline,
    /// The server redirects the call. Redirects are not followed, since they could leak the credential.
    Redirect,
    /// A status from 500 to 599.
    Server,
    /// Any other status that is not a success.
    UnexpectedStatus,
    /// The status is a success, but the body reports a failure.
    Api,
    /// The response does not match the API's documentation.
    Decode,
    /// The server reports another page of a list, but reading on would not complete the list. For example,
    /// pages repeat, or the next page has no offset.
    PaginationLoop,
    /// A new OAuth token could not be obtained or stored.
    Oauth,
    /// A bug in this library, a failed custom middleware, or a cancelled call.
    Internal,
}
