//! How the account behaves where UltraCart's documents leave it open.

use std::time::Duration;

/// Whether calls of some kind are counted by the windows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Count {
    /// They cost nothing.
    #[default]
    No,
    /// They cost as much as any other call.
    Yes,
}

/// What `getGroup` answers with: the documents declare no body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GetGroupBody {
    /// The group.
    #[default]
    Present,
    /// Nothing, with status 200.
    Empty,
}

/// Whether the users of a list bring their `login_histories`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Histories {
    /// None does; a single user still comes with theirs.
    #[default]
    None,
    /// All do.
    All,
}

/// The status for an identifier that nobody has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UnknownId {
    /// 400, as the documents have it.
    #[default]
    BadRequest,
    /// 404.
    NotFound,
}

#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) merchant_id: String,
    pub(crate) page_size: Option<usize>,
    pub(crate) max_in_flight: u32,
    pub(crate) concurrency_message: String,
    pub(crate) count_rejected: Count,
    pub(crate) count_tokens: Count,
    pub(crate) get_group_body: GetGroupBody,
    pub(crate) histories_in_list: Histories,
    pub(crate) unknown_id: UnknownId,
    pub(crate) latency: Duration,
    pub(crate) keep_requests: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            merchant_id: "DEMO".to_owned(),
            page_size: None,
            max_in_flight: 1,
            concurrency_message: "concurrent requests are not allowed.".to_owned(),
            count_rejected: Count::No,
            count_tokens: Count::No,
            get_group_body: GetGroupBody::Present,
            histories_in_list: Histories::None,
            unknown_id: UnknownId::BadRequest,
            latency: Duration::ZERO,
            keep_requests: 20_000,
        }
    }
}
