//! A process that forks: while a connection idles, and while a thread waits for a token.

#![cfg(all(unix, feature = "sandbox"))]
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up fails")]
#![allow(unsafe_code, reason = "the standard library does not fork")]

use std::env;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use heysync::http::{Request, Response};
use heysync::limiter::{Rate, TokenBucket};
use heysync::sandbox::{self, TestClock, WireResponse};
use heysync::{Config, SystemClock, heylerts};

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
    fn alarm(seconds: u32) -> u32;
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

/// Set in the process that forks while a thread waits.
const WAITS: &str = "HEYSYNC_TEST_FORK_WAITS";

#[test]
fn the_child_of_a_fork_does_not_wait_behind_the_threads_of_its_parent() {
    if env::var_os(WAITS).is_some() {
        return wait_after_fork();
    }
    let _limit = limit::Limit::start();
    let mut command = Command::new(env::current_exe().unwrap());
    let name = "the_child_of_a_fork_does_not_wait_behind_the_threads_of_its_parent";
    let output = command.args(["--exact", name, "--nocapture"]).env(WAITS, "1").output().unwrap();
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(printed.contains("\nthe child ended with 0"), "{printed}");
}

fn wait_after_fork() {
    let bucket = TokenBucket::new(Rate::new(2, Duration::from_millis(10)), SystemClock);
    let [taken, _other] = [(); 2].map(|()| bucket.try_acquire().unwrap());
    let waiting = bucket.clone();
    let waits = thread::spawn(move || waiting.acquire(None, &mut |_| {}).is_ok());
    while bucket.snapshot().waiting == 0 {
        thread::yield_now();
    }
    // SAFETY: the child only takes a token, on the one thread that it has, and then ends without running anything else.
    let process = unsafe { fork() };
    if process == 0 {
        // SAFETY: it ends the child if that waits for ever.
        unsafe { alarm(20) };
        taken.never_sent();
        let soon = Instant::now() + Duration::from_secs(5);
        let is_late = bucket.acquire(Some(soon), &mut |_| {}).is_err();
        // SAFETY: it does not return.
        unsafe { _exit(i32::from(is_late)) };
    }
    let mut status = 0;
    // SAFETY: `status` outlives the call.
    assert_eq!(unsafe { waitpid(process, &raw mut status, 0) }, process);
    println!("\nthe child ended with {status}");
    taken.never_sent();
    assert!(waits.join().unwrap());
}
