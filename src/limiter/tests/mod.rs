//! The rate limiter against many servers and many delays, in virtual time.

mod bench;
pub(crate) mod clock;
mod contract;
mod fuzz;
mod headers;
mod neighbours;
mod promise;
mod refusals;
mod servers;
mod simulation;
