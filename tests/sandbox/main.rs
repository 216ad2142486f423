//! The sandbox with the clients of the crate, in memory and over a socket.

#![cfg(feature = "sandbox")]
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

mod faults;
#[path = "../support/limit.rs"]
#[allow(dead_code, reason = "each test file uses a part of it")]
mod limit;
mod limits;
mod script;
mod server;
mod setup;
