//! A resolver that does not answer.
#![cfg(target_os = "linux")]

use std::env;
use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use heysync::{ErrorKind, heylo};

use crate::fleet::{self, Meter};
use crate::limit::Limit;

/// Set in the process whose resolver does not answer.
const CHILD: &str = "HEYSYNC_TEST_RESOLVER";

/// An address that is reserved for documentation, so nobody answers there.
const NOBODY: &str = "nameserver 192.0.2.1\noptions timeout:30\n";

#[test]
fn a_resolver_that_does_not_answer_holds_nobody_up_beyond_the_deadline() {
    let _limit = Limit::start();
    if env::var_os(CHILD).is_some() {
        return asks_in_vain();
    }
    let file = env::temp_dir().join(format!("heysync-resolver-{}", std::process::id()));
    fs::write(&file, NOBODY).unwrap();
    let mut command = Command::new("unshare");
    command.args([
        "--mount",
        "sh",
        "-c",
        r#"mount --bind "$1" /etc/resolv.conf || exit 77; shift; exec "$@""#,
    ]);
    command.arg("sh").arg(&file).arg(env::current_exe().unwrap()).env(CHILD, "1");
    let test = "resolver::a_resolver_that_does_not_answer_holds_nobody_up_beyond_the_deadline";
    let child = command.args(["--exact", test]).output();
    fs::remove_file(file).unwrap();
    match child.map(|child| (child.status.code(), child.stdout)) {
        Ok((Some(0), _)) => {}
        Ok((Some(101), output)) => panic!("{}", String::from_utf8_lossy(&output)),
        _ => println!("left out: only root can replace the resolver"),
    }
}

fn asks_in_vain() {
    let meter = Meter::start(Duration::ZERO);
    let config = fleet::config("asking", "redis://redis.example.com", &meter.url());
    let client =
        heylo::Client::with_config(fleet::KEY, config.deadline(Duration::from_millis(300)))
            .unwrap();
    let begin = Instant::now();
    let error = client.community("abc").roles().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SharedLimit, "{error:?}");
    // Some seconds on top, for a machine that is busy.
    assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
}
