//! The rate limit of a service, counted as real servers count.

use std::time::Duration;

/// So many requests in so long a period for each key, and how they are counted.
///
/// Refused requests do not count against the limit.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use heysync::sandbox::{self, Limit, RetryAfter};
///
/// let strict = Limit::fixed_window(2, Duration::from_secs(1)).retry_after(RetryAfter::Date);
/// let heylo = sandbox::Heylo::demo().limit(strict);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limit {
    /// How requests are counted.
    pub algorithm: Algorithm,
    /// How many a period allows.
    pub requests: u32,
    /// How long a period is.
    pub period: Duration,
    /// How a 429 says when to come back.
    pub retry_after: RetryAfter,
}

/// How requests are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Algorithm {
    /// A window opens with the first request and closes a period later; each counts from zero.
    FixedWindow,
    /// Every request counts for one period from when it came.
    SlidingLog,
    /// A bucket that holds a period's requests and is refilled evenly.
    TokenBucket,
    /// This window's requests, and those of the one before by the share of it that is still in sight.
    SlidingWindowCounter,
}

/// How a 429 says when to come back.
#[derive(Clone, Debug, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RetryAfter {
    /// Whole seconds, rounded up: `Retry-After: 1`.
    Seconds,
    /// Seconds with a fraction: `Retry-After: 0.931`.
    Fraction,
    /// The date, in whole seconds: `Retry-After: Fri, 08 May 2026 12:00:01 GMT`.
    Date,
    /// Not at all.
    Absent,
}

impl Limit {
    /// Windows that open with a request; `Retry-After` in whole seconds.
    pub const fn fixed_window(requests: u32, period: Duration) -> Limit {
        Limit::new(Algorithm::FixedWindow, requests, period)
    }

    /// A log of a period's requests; `Retry-After` with a fraction.
    pub const fn sliding_log(requests: u32, period: Duration) -> Limit {
        Limit::new(Algorithm::SlidingLog, requests, period).retry_after(RetryAfter::Fraction)
    }

    /// A bucket that is refilled evenly; `Retry-After` in whole seconds.
    pub const fn token_bucket(requests: u32, period: Duration) -> Limit {
        Limit::new(Algorithm::TokenBucket, requests, period)
    }

    /// Two windows, weighed; `Retry-After` as a date.
    pub const fn sliding_window_counter(requests: u32, period: Duration) -> Limit {
        Limit::new(Algorithm::SlidingWindowCounter, requests, period).retry_after(RetryAfter::Date)
    }

    /// Says when to come back in another way.
    pub const fn retry_after(mut self, style: RetryAfter) -> Limit {
        self.retry_after = style;
        self
    }

    const fn new(algorithm: Algorithm, requests: u32, period: Duration) -> Limit {
        Limit { algorithm, requests, period, retry_after: RetryAfter::Seconds }
    }
}
