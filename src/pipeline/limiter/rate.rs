//! How many requests a service allows in how long.

use std::time::Duration;

/// So many requests in so long a period.
///
/// Any number from 1 to 10,000 in any period from a millisecond to a day can be used; a client refuses
/// others when it is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rate {
    requests: u32,
    period: Duration,
}

impl Rate {
    /// `requests` in every `period`.
    pub const fn new(requests: u32, period: Duration) -> Rate {
        Rate { requests, period }
    }

    /// `requests` in every second.
    pub const fn per_second(requests: u32) -> Rate {
        Rate::new(requests, Duration::from_secs(1))
    }

    /// `requests` in every minute.
    pub const fn per_minute(requests: u32) -> Rate {
        Rate::new(requests, Duration::from_secs(60))
    }

    /// How many requests a period allows.
    pub const fn requests(&self) -> u32 {
        self.requests
    }

    /// How long a period is.
    pub const fn period(&self) -> Duration {
        self.period
    }

    /// Whether the numbers are within the bounds named above.
    pub(crate) fn is_usable(&self) -> bool {
        (1..=10_000).contains(&self.requests)
            && (Duration::from_millis(1)..=Duration::from_secs(86_400)).contains(&self.period)
    }
}
