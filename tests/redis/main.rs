//! Clients that share their tokens in a real redis-server. Without one on this machine, the tests are left out and say
//! so; with `HEYSYNC_REQUIRE_REDIS` set, they fail.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot be set up fails")]

mod fleet;
#[allow(dead_code, reason = "each test file uses a part of it")]
#[path = "../support/limit.rs"]
mod limit;
mod outages;
mod path;
mod processes;
#[path = "../support/redis_server.rs"]
mod redis_server;
mod refusals;
mod resolver;
mod returns;
mod secrets;
mod threads;
mod trials;
mod worker;
