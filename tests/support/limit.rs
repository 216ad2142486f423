//! A limit for tests that hang.

use std::process;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

/// Longer than any test takes on a busy machine.
const LIMIT: Duration = Duration::from_secs(120);

/// Ends the process with an error, and with the name of the test, unless it is dropped within the limit.
///
/// Every server and every set of clients in these modules holds one.
#[derive(Debug)]
pub(crate) struct Limit(Sender<()>);

impl Limit {
    pub(crate) fn start() -> Limit {
        Limit::of(LIMIT)
    }

    pub(crate) fn of(limit: Duration) -> Limit {
        let (sender, dropped) = mpsc::channel();
        let test = thread::current().name().unwrap_or("a test").to_owned();
        thread::spawn(move || {
            if dropped.recv_timeout(limit) == Err(RecvTimeoutError::Timeout) {
                eprintln!("{test} hangs: it takes more than {limit:?}");
                process::exit(101);
            }
        });
        Limit(sender)
    }
}
