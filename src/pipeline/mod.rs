//! The road every request takes.

pub(crate) mod clock;
pub mod limiter;
pub(crate) mod retry_after;
pub(crate) mod transport;
