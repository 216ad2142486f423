//! The token bucket in clients and between threads, in virtual time.
#![allow(clippy::unwrap_used, clippy::panic)]

mod clients;
mod clock;
mod threads;
