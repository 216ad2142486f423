//! What a build with some of the features holds.
#![cfg(not(feature = "redis"))]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot be set up fails")]

use std::io::Write;
use std::process::Command;

const OF_THIS_BUILD: [(&str, bool); 9] = [
    ("rustls", cfg!(feature = "rustls")),
    ("gzip", cfg!(feature = "gzip")),
    ("native-tls", cfg!(feature = "native-tls")),
    ("sandbox", cfg!(feature = "sandbox")),
    ("share", cfg!(feature = "share")),
    ("har", cfg!(feature = "har")),
    ("tracing", cfg!(feature = "tracing")),
    ("platform-verifier", cfg!(feature = "platform-verifier")),
    ("webhook", cfg!(feature = "webhook")),
];

#[test]
fn a_build_without_the_feature_redis_holds_nothing_of_it_and_its_tests_are_left_out() {
    // A test program shows what is printed only if a test fails, but not what is written.
    let message = b"left out: tests that need a redis-server, and the feature `redis`\n";
    let _ = std::io::stderr().write_all(message);
    let features = OF_THIS_BUILD.iter().filter(|(_, is_on)| *is_on).map(|(name, _)| *name);
    let tree = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["tree", "--offline", "--edges", "normal", "--prefix", "none"])
        .args(["--no-default-features", "--features"])
        .arg(features.collect::<Vec<_>>().join(","))
        .output()
        .unwrap();
    let crates = String::from_utf8(tree.stdout).unwrap();
    let holds = |name: &str| crates.lines().any(|it| it.split(' ').next() == Some(name));
    assert!(holds("serde_json"), "{}", String::from_utf8_lossy(&tree.stderr));
    assert!(!holds("redis"), "{crates}");
}
