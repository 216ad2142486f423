//! The rate limit of a service, counted as real servers do.

use std::time::Duration;

/// The number of requests that each key may send in a period, and how they are counted.
///
/// Rejected requests do not count against the limit.
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
    /// The number of requests that a period allows.
    pub requests: u32,
    /// The length of a period.
    pub period: Duration,
    /// The `Retry-After` of a 429.
    pub retry_after: RetryAfter,
}

/// How requests are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Algorithm {
    /// A window opens with the first request and closes a period later. Each window counts from zero.
    FixedWindow,
    /// Every request counts for one period.
    SlidingLog,
    /// A bucket holds the requests of one period and is refilled evenly.
    TokenBucket,
    /// The requests of this window, plus those of the previous one times the share of it that is less than a
    /// period old.
    SlidingWindowCounter,
}

/// The `Retry-After` of a 429.
#[derive(Clone, Debug, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RetryAfter {
    /// Whole seconds, rounded up: `Retry-After: 1`.
    Seconds,
    /// Seconds with a fraction: `Retry-After: 0.931`.
    Fraction,
    /// The date, in whole seconds: `Retry-After: Fri, 08 May 2026 12:00:01 GMT`.
    Date,
    /// No header.
    Absent,
}

impl Limit {
    /// Counts in windows that open with a request; sends `Retry-After` in whole seconds.
    pub const fn fixed_window(requests: u32, period: Duration) -> Limit {
        Limit::new(Algorithm::FixedWindow, requests, period)
    }

    /// Counts the requests of the last period; sends `Retry-After` with a fraction.
    pub const fn sliding_log(requests: u32, period: Duration) -> Limit {
        Limit::new(Algorithm::SlidingLog, requests, period).retry_after(RetryAfter::Fraction)
    }

    /// Counts by a bucket that is refilled evenly; sends `Retry-After` in whole seconds.
    pub const fn token_bucket(requests: u32, period: Duration) -> Limit {
        Limit::new(Algorithm::TokenBucket, requests, period)
    }

    /// Counts by two weighted windows; sends `Retry-After` as a date.
    pub const fn sliding_window_counter(requests: u32, period: Duration) -> Limit {
        Limit::new(Algorithm::SlidingWindowCounter, requests, period).retry_after(RetryAfter::Date)
    }

    /// Sets the style of `Retry-After`.
    pub const fn retry_after(mut self, style: RetryAfter) -> Limit {
        self.retry_after = style;
        self
    }

    const fn new(algorithm: Algorithm, requests: u32, period: Duration) -> Limit {
        Limit { algorithm, requests, period, retry_after: RetryAfter::Seconds }
    }
}
