//! The rate limiter against many servers and many delays, in virtual time.

mod bench;
pub(crate) mod clock;
pub(crate) mod contract;
mod fuzz;
mod headers;
mod neighbours;
mod promise;
mod refusals;
pub(crate) mod servers;
#[cfg(feature = "share")]
mod shared;
pub(crate) mod simulation;
