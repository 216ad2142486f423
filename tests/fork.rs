//! A process that forks while a connection idles: the two never use one connection.

#![cfg(all(unix, feature = "sandbox"))]
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up fails")]
#![allow(unsafe_code, reason = "the standard library does not fork")]

use std::env;
use std::process::Command;

use heysync::http::{Request, Response};
use heysync::sandbox::{self, TestClock, WireResponse};
use heysync::{Config, heylerts};

#[path = "support/limit.rs"]
#[allow(dead_code, reason = "it is kept until the test ends")]
mod limit;

/// Set in the process that forks to the address that it calls.
const ADDRESS: &str = "HEYSYNC_TEST_FORK_CALLS";
const CALLS: usize = 30;

unsafe extern "C" {
    fn fork() -> i32;
    fn waitpid(process: i32, status: *mut i32, options: i32) -> i32;
    fn _exit(code: i32) -> !;
}

/// Responds with the alert that is requested, so that a response to the other process has another id.
fn respond(request: &Request<Vec<u8>>) -> WireResponse {
    let id = request.uri().path().rsplit('/').next().unwrap_or_default();
    let alert = format!("{{\"id\": \"{id}\", \"name\": \"n\", \"keyword\": \"k\"}}");
    WireResponse::Complete(Response::new(alert.into_bytes()))
}

#[test]
fn two_processes_after_a_fork_never_use_one_connection() {
    if let Ok(address) = env::var(ADDRESS) {
        return call_after_fork(&address);
    }
    let _limit = limit::Limit::start();
    let server = sandbox::serve(0, |request: Request<Vec<u8>>| respond(&request)).unwrap();
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", "two_processes_after_a_fork_never_use_one_connection", "--nocapture"]);
    let output = command.env(ADDRESS, server.url()).output().unwrap();
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(printed.contains("\nfailed: 0 and 0"), "{printed}");
    // One of before, which the parent goes on using, and one of the child.
    assert_eq!(server.accepted_connections(), 2);
}

fn call_after_fork(address: &str) {
    let config = Config::new().base_url(address).clock(TestClock::new()).retries(0);
    let client = heylerts::Client::with_config("hlt_fork", config).unwrap();
    client.get_alert("before").unwrap();
    // SAFETY: the child only makes calls, on the one thread that it has, and then ends without running anything else.
    let process = unsafe { fork() };
    let who = if process == 0 { "child" } else { "parent" };
    let failed = (0..CALLS).filter(|nth| client.get_alert(format!("{who}-{nth}")).is_err()).count();
    if process == 0 {
        // SAFETY: it does not return.
        unsafe { _exit(i32::try_from(failed).unwrap_or(i32::MAX)) };
    }
    let mut status = 0;
    // SAFETY: `status` outlives the call.
    assert_eq!(unsafe { waitpid(process, &raw mut status, 0) }, process);
    println!("\nfailed: {failed} and {}", status >> 8);
}
