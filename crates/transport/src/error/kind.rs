//! The kinds of errors.

/// The kind of an [`Error`](crate::Error).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The configuration cannot be used. Nothing was sent.
    InvalidConfig,
    /// UltraCart would refuse the request. Nothing was sent.
    InvalidRequest,
    /// The value is not cached, and the cache policy forbids a call.
    NotCached,
    /// The connection could not be established. Nothing was sent.
    Connect,
    /// The complete answer did not arrive within `http.request_timeout`.
    Timeout,
    /// The connection ended before the complete answer had arrived.
    IncompleteResponse,
    /// The answer is longer than `http.max_body`.
    BodyTooLarge,
    /// 400: UltraCart does not accept the request.
    BadRequest,
    /// 401: the credential is not accepted.
    Unauthorized,
    /// The object does not exist.
    NotFound,
    /// 410: UltraCart disabled this application.
    ApplicationDisabled,
    /// 429: the quota was exceeded, and waiting did not help.
    RateLimited,
    /// No permit would have come within `limiter.max_wait`. Nothing was sent.
    MaxWait,
    /// No attempt could have started within `retry.deadline`.
    Deadline,
    /// The server redirects the call. Redirects are not followed: the credential would go there too.
    Redirect,
    /// A status from 500 to 599.
    Server,
    /// Any other status that is not a success.
    UnexpectedStatus,
    /// The status is a success, and the body says that the call failed.
    Api,
    /// The answer is not what the API documents.
    Decode,
    /// A list has no end: the server keeps returning pages.
    PaginationLoop,
    /// No new OAuth token could be obtained or stored.
    Oauth,
    /// A bug, or the user's own middleware failed.
    Internal,
}
