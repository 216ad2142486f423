//! The road every request takes.

pub(crate) mod clock;
pub(crate) mod limiter;
pub(crate) mod transport;
