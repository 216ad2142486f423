//! The token bucket in clients and between threads, in virtual time.
#![allow(clippy::unwrap_used, clippy::panic)]

mod clients;
mod clock;
#[path = "../support/limit.rs"]
#[allow(dead_code, reason = "each test file uses a part of it")]
mod limit;
mod threads;
