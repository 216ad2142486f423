//! One key in many processes, which are really started and killed.
#![allow(clippy::unwrap_used, clippy::panic)]

mod files;
// The benchmark uses the rest.
#[allow(dead_code)]
mod herd;
mod herds;
#[allow(dead_code)]
#[path = "../support/limit.rs"]
mod limit;
mod places;
#[allow(dead_code)]
#[path = "../../src/limiter/tests/servers.rs"]
mod servers;

/// Not a test: the processes of a herd begin here.
#[test]
fn child() {
    herd::obey();
}
