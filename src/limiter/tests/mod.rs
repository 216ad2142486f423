//! The rate limiter against many servers and many delays, in virtual time.

mod bench;
pub(crate) mod clock;
pub(crate) mod contract;
#[cfg(any(feature = "share", feature = "redis"))]
pub(crate) mod fleet;
mod fuzz;
mod headers;
mod herds;
mod neighbours;
#[cfg(all(feature = "share", unix))]
mod programs;
mod promise;
mod refusals;
pub(crate) mod servers;
#[cfg(all(feature = "share", unix))]
mod shared;
pub(crate) mod simulation;
#[cfg(feature = "share")]
mod written;
