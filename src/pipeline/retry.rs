//! When a call is sent again, and how long is waited before.

use std::time::Duration;

/// What sending a call twice would do. HTTP verbs say nothing of it here: all of Heylo is `POST`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Safety {
    /// Changes nothing: may be sent again at any time.
    Read,
    /// Changes something, but a second time changes nothing more.
    Idempotent,
    /// A second time would do it twice. It is sent again only where the first certainly did nothing.
    Unsafe,
}

/// The first retry waits at most this long, each further one at most twice as long as the one before.
const FIRST: Duration = Duration::from_millis(500);
/// No backoff is longer than this.
const LONGEST: Duration = Duration::from_secs(20);

/// The longest wait before retry number `retry`, which counts from 1.
pub(crate) fn longest_backoff(retry: u32) -> Duration {
    let doubled = 1_u32
        .checked_shl(retry.saturating_sub(1))
        .unwrap_or(u32::MAX);
    FIRST.saturating_mul(doubled).min(LONGEST)
}

/// A wait before retry number `retry`, drawn evenly from nothing to the longest ("full jitter"), so that
/// many clients that failed together do not come back together.
pub(crate) fn backoff(retry: u32) -> Duration {
    longest_backoff(retry).mul_f64(fastrand::f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backoff_doubles_up_to_a_bound() {
        let waits: Vec<u128> = (1..=8)
            .map(|retry| longest_backoff(retry).as_millis())
            .collect();
        assert_eq!(waits, [500, 1000, 2000, 4000, 8000, 16000, 20000, 20000]);
        assert_eq!(longest_backoff(u32::MAX), LONGEST);
    }

    #[test]
    fn a_backoff_is_anything_up_to_the_longest() {
        let waits: Vec<Duration> = (0..1000).map(|_| backoff(3)).collect();
        assert!(waits.iter().all(|wait| *wait <= longest_backoff(3)));
        assert!(waits.iter().any(|wait| *wait < longest_backoff(3) / 4));
        assert!(waits.iter().any(|wait| *wait > longest_backoff(3) * 3 / 4));
    }
}
