//! The parts of a single-flight load: which load of a key is current ([`table`]), which failed a moment ago
//! ([`failures`]), and the task that runs a load to its end ([`task`]).

pub(super) mod failures;
pub(super) mod request;
pub(super) mod table;
pub(super) mod task;
