//! The rate limiter against many servers and many delays, in virtual time.

mod clock;
mod contract;
mod headers;
mod promise;
mod refusals;
mod servers;
mod simulation;
mod threads;
