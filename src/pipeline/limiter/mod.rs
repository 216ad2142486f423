//! The token bucket that keeps a client inside its service's rate limit.

mod rate;

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use http::{HeaderMap, StatusCode};

use super::clock::Clock;

pub use rate::Rate;

/// A bucket of tokens: one is taken before each request and comes back one period after its answer.
#[derive(Clone)]
pub struct TokenBucket {
    shared: Arc<Shared>,
}

struct Shared {
    rate: Rate,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    in_flight: u32,
    /// When each spent token is back, earliest first.
    returning: VecDeque<Instant>,
}

/// Why and for how long a request waits for its turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Wait {
    /// How long, as far as is known now.
    pub duration: Duration,
    /// Why.
    pub reason: WaitReason,
}

/// Why a request waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WaitReason {
    /// All tokens are taken.
    Full,
}

impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "waiting {:.1} s for the rate limit",
            self.duration.as_secs_f64()
        )
    }
}

/// A wait that could not have ended before the caller's deadline, and was not begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooLong {
    pub(crate) wait: Duration,
}

impl TokenBucket {
    /// A full bucket for `rate`, on `clock`.
    pub fn new(rate: Rate, clock: Arc<dyn Clock>) -> TokenBucket {
        let shared = Shared {
            rate,
            clock,
            state: Mutex::default(),
            changed: Condvar::new(),
        };
        TokenBucket {
            shared: Arc::new(shared),
        }
    }

    /// The bucket of everybody in this process who uses `key` with `service`.
    pub(crate) fn for_key(
        _service: &str,
        _key: &str,
        rate: Rate,
        clock: Arc<dyn Clock>,
    ) -> TokenBucket {
        TokenBucket::new(rate, clock)
    }

    /// Waits for a token, but not beyond `until`.
    pub(crate) fn acquire(
        &self,
        until: Option<Instant>,
        on_wait: &mut dyn FnMut(&Wait),
    ) -> Result<Permit, TooLong> {
        loop {
            let now = self.shared.clock.now();
            let mut state = self.shared.lock();
            while state.returning.front().is_some_and(|back| *back <= now) {
                state.returning.pop_front();
            }
            if state.in_flight as usize + state.returning.len()
                < self.shared.rate.requests() as usize
            {
                state.in_flight += 1;
                return Ok(Permit {
                    bucket: self.clone(),
                    done: false,
                });
            }
            let Some(back) = state.returning.front().copied() else {
                drop(
                    self.shared
                        .changed
                        .wait(state)
                        .unwrap_or_else(PoisonError::into_inner),
                );
                continue;
            };
            drop(state);
            let wait = back - now;
            if until.is_some_and(|until| until < back) {
                return Err(TooLong { wait });
            }
            on_wait(&Wait {
                duration: wait,
                reason: WaitReason::Full,
            });
            self.shared.clock.sleep(wait);
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for TokenBucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenBucket")
            .field("rate", &self.shared.rate)
            .finish_non_exhaustive()
    }
}

/// A token, held from before a request's first byte until its answer.
#[derive(Debug)]
pub(crate) struct Permit {
    bucket: TokenBucket,
    done: bool,
}

impl Permit {
    /// An answer came: the token is back one period from now.
    pub(crate) fn answered(mut self, _status: StatusCode, _headers: &HeaderMap) {
        self.give_back(self.bucket.period());
    }

    /// The request never left: the token is back at once.
    pub(crate) fn never_sent(mut self) {
        self.give_back(None);
    }

    fn give_back(&mut self, after: Option<Duration>) {
        let mut state = self.bucket.shared.lock();
        state.in_flight -= 1;
        if let Some(after) = after {
            let back = self.bucket.shared.clock.now() + after;
            state.returning.push_back(back);
        }
        drop(state);
        self.done = true;
        self.bucket.shared.changed.notify_all();
    }
}

impl TokenBucket {
    /// P' = P·1.001 + 5 ms, for clock error and for windows that include both their ends.
    fn period(&self) -> Option<Duration> {
        let period = self.shared.rate.period();
        Some(period + period / 1000 + Duration::from_millis(5))
    }
}

impl Drop for Permit {
    /// No answer came: the server may have counted the request late, so the token is back later still.
    fn drop(&mut self) {
        if !self.done {
            self.give_back(self.bucket.period());
        }
    }
}
