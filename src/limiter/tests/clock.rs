//! A clock that is moved by hand, and moves by itself when somebody sleeps.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::clock::Clock;

#[derive(Debug)]
pub(crate) struct Hand {
    origin: Instant,
    passed: Mutex<Duration>,
}

impl Hand {
    pub(crate) fn new() -> Hand {
        Hand { origin: Instant::now(), passed: Mutex::default() }
    }

    pub(crate) fn advance(&self, by: Duration) {
        *self.passed.lock().unwrap() += by;
    }

    /// Moves on to `at`, counted from the clock's beginning in nanoseconds.
    pub(crate) fn advance_to(&self, at: u64) {
        let mut passed = self.passed.lock().unwrap();
        *passed = (*passed).max(Duration::from_nanos(at));
    }

    /// How much time has passed since the clock's beginning.
    pub(crate) fn passed(&self) -> Duration {
        *self.passed.lock().unwrap()
    }
}

impl Clock for Hand {
    fn now(&self) -> Instant {
        self.origin + self.passed()
    }

    fn sleep(&self, duration: Duration) {
        self.advance(duration);
    }
}
