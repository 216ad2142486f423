//! A process that can start no thread.
#![cfg(all(target_os = "linux", target_pointer_width = "64"))]

use std::env;
use std::process::Command;
use std::time::Duration;

use heysync::heylo;

use crate::fleet::{self, Meter};
use crate::limit::Limit;
use crate::redis_server::RedisServer;

/// In that process: the URLs of Redis and of the service.
const REDIS: &str = "HEYSYNC_TEST_THREADS_REDIS";
const SERVICE: &str = "HEYSYNC_TEST_THREADS_SERVICE";

#[test]
fn without_a_thread_that_renews_its_lease_no_request_is_sent() {
    if let (Ok(redis), Ok(service)) = (env::var(REDIS), env::var(SERVICE)) {
        return calls_in_vain(&redis, &service);
    }
    let _limit = Limit::start();
    let Some(redis) = RedisServer::start() else {
        return;
    };
    let meter = Meter::start(Duration::ZERO);
    let test = "threads::without_a_thread_that_renews_its_lease_no_request_is_sent";
    let mut child = Command::new(env::current_exe().unwrap());
    child.args(["--exact", test, "--test-threads", "1"]);
    // No thread has room for such a stack.
    child.env("RUST_MIN_STACK", (1_u64 << 47).to_string());
    let output = child.envs([(REDIS, redis.url()), (SERVICE, meter.url())]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    assert_eq!(meter.counted(), 0);
    assert_eq!(redis.command(&["KEYS", "*:tokens"]), "*0\r\n");
}

fn calls_in_vain(redis: &str, service: &str) {
    // A new server gives no token for a period.
    let config = fleet::config("threads", redis, service).deadline(Duration::from_secs(3));
    let client = heylo::Client::with_config(fleet::KEY, config).unwrap();
    let error = client.community("abc").roles().unwrap_err();
    assert!(error.to_string().contains("no thread left"), "{error:?}");
}
