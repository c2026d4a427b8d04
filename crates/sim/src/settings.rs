//! Settings for behaviour that UltraCart's documentation leaves open.

use std::time::Duration;

/// Whether calls of one kind count against the windows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Count {
    /// These calls do not count.
    #[default]
    No,
    /// These calls count like any other call.
    Yes,
}

/// Whether `getGroup` responses contain the group. UltraCart documents no schema for them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GetGroupBody {
    /// The group.
    #[default]
    Present,
    /// An empty body with status 200.
    Empty,
}

/// Which users of a `getUsers` response have `login_histories`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Histories {
    /// No user. `getUser` still returns the history.
    #[default]
    None,
    /// All users.
    All,
}

/// The response status for an unknown identifier.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UnknownIdStatus {
    /// 400, as UltraCart documents.
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
    pub(crate) count_token_calls: Count,
    pub(crate) get_group_body: GetGroupBody,
    pub(crate) histories_in_list: Histories,
    pub(crate) unknown_id: UnknownIdStatus,
    pub(crate) latency: Duration,
    pub(crate) record_requests: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            merchant_id: "DEMO".to_owned(),
            page_size: None,
            max_in_flight: 1,
            concurrency_message: "concurrent requests are not allowed.".to_owned(),
            count_rejected: Count::No,
            count_token_calls: Count::No,
            get_group_body: GetGroupBody::Present,
            histories_in_list: Histories::None,
            unknown_id: UnknownIdStatus::BadRequest,
            latency: Duration::ZERO,
            record_requests: 20_000,
        }
    }
}
