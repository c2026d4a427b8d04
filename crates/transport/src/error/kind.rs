//! The kinds of errors.

/// What went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The configuration cannot be used. Nothing was sent.
    InvalidConfig,
    /// UltraCart would refuse the request. Nothing was sent.
    InvalidRequest,
    /// It is not remembered, and no call was to be made for it.
    NotCached,
    /// No connection came about. Nothing was sent.
    Connect,
    /// The answer did not come, or not wholly, within `http.request_timeout`.
    Timeout,
    /// The connection broke off before the answer had come wholly.
    BrokenOff,
    /// The answer is longer than `http.max_body`.
    BodyTooLarge,
    /// 400: UltraCart does not accept the request.
    BadRequest,
    /// 401: the credential is not accepted.
    Unauthorized,
    /// What was asked for is not there.
    NotFound,
    /// 410: UltraCart disabled this application.
    ApplicationDisabled,
    /// 429: the quota was exceeded, and waiting did not help.
    RateLimited,
    /// A turn would not have come within `limiter.max_wait`. Nothing was sent.
    MaxWait,
    /// No attempt could have started within `retry.deadline`.
    Deadline,
    /// The server wants the call to be made elsewhere. It is not followed: the credential would go there too.
    Redirect,
    /// A status from 500 to 599.
    Server,
    /// Any other status that is no success.
    UnexpectedStatus,
    /// The status says success, and the answer says otherwise.
    Refused,
    /// The answer is not what the API documents.
    Decode,
    /// The list never ends.
    EndlessList,
    /// A new OAuth token could not be had, or could not be kept.
    Oauth,
    /// A part of this program failed: a bug, or a middleware of the user's own.
    Internal,
}
