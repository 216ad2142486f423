//! The rate limiter against many servers and many delays, in virtual time.
#![allow(clippy::unwrap_used, clippy::panic)]

mod bench;
mod clients;
mod clock;
mod contract;
mod headers;
mod promise;
mod refusals;
mod servers;
mod simulation;
mod threads;
