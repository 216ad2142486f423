//! The sandbox with the clients of the crate, in memory and over a socket.

#![cfg(feature = "sandbox")]
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

mod faults;
mod limits;
mod script;
mod server;
mod setup;
