//! The sandbox from outside: with the crate's clients, in memory and over a socket.

#![cfg(feature = "sandbox")]
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

mod limits;
mod script;
mod server;
mod setup;
mod troubles;

#[path = "../../examples/support/serve.rs"]
mod support;
