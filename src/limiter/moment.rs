//! Time as the ledger counts it: whole nanoseconds since its bucket was created.

use std::time::{Duration, Instant};

/// A moment, or a length of time, in nanoseconds. It lasts for 584 years and saturates after that.
pub(crate) type Nanos = u64;

/// Added to every period, for servers that count a window with both its ends.
const MARGIN: Nanos = 5_000_000;

/// Returns a length of time as the ledger counts it.
pub(crate) fn nanos(duration: Duration) -> Nanos {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Returns how long after `origin` the moment `at` is, or zero if it is before.
pub(crate) fn since(origin: Instant, at: Instant) -> Nanos {
    nanos(at.saturating_duration_since(origin))
}

/// Returns the time from `now` until `at`, or zero if that is over.
pub(crate) fn until(at: Nanos, now: Nanos) -> Duration {
    Duration::from_nanos(at.saturating_sub(now))
}

/// P' = P·1.001 + 5 ms: how long a token is held after the response.
///
/// The thousandth is for two clocks that run at different speeds.
pub(crate) fn held(period: Duration) -> Nanos {
    let period = nanos(period);
    period.saturating_add(period.div_ceil(1000)).saturating_add(MARGIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_held_a_thousandth_and_five_milliseconds_longer_than_the_period() {
        assert_eq!(held(Duration::from_secs(1)), 1_006_000_000);
        assert_eq!(held(Duration::from_secs(60)), 60_065_000_000);
        assert_eq!(held(Duration::from_nanos(1)), 5_000_002);
    }

    #[test]
    fn a_time_too_long_to_count_saturates() {
        assert_eq!(nanos(Duration::MAX), u64::MAX);
        assert_eq!(held(Duration::MAX), u64::MAX);
        assert_eq!(until(3, 5), Duration::ZERO);
    }
}
