//! Retries: which calls are safe to repeat, the backoff, and the budget.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// The effect of sending a call twice. The HTTP method does not show it: every call of Heylo is a `POST`.
///
/// A request that certainly had no effect is retried whatever the safety: if there was no connection, and
/// after a 429. The safety decides if the outcome is not known: no response, or a 408, 500, 502, 503, 504 or
/// 520 to 524.
///
/// # Examples
///
/// ```
/// use heysync::{Call, Safety};
/// use heysync::serde_json::json;
///
/// let rename = json!({"type": "roleName", "communityId": "abc123", "roleId": "r1", "name": "Captains"});
/// let call = Call::post(["apiv1-update"]).json(&rename).safety(Safety::Idempotent);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Safety {
    /// Changes nothing. It is retried also if the response could not be read.
    Read,
    /// Changes something, but sending it twice changes nothing more.
    Idempotent,
    /// Sending it twice may apply it twice. It is retried only if the first attempt certainly had no effect;
    /// otherwise the error is [`OutcomeUnknown`](crate::ErrorKind::OutcomeUnknown).
    Unsafe,
}

/// For the transport, in the extensions of a request: the call was sent before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct IsRetry;

/// The longest wait before the first retry. It doubles with each further one.
const FIRST: Duration = Duration::from_millis(500);
/// The longest backoff.
const LONGEST: Duration = Duration::from_secs(20);

/// The longest wait before retry number `retry`, which counts from 1.
pub(crate) fn longest_backoff(retry: u32) -> Duration {
    let doubled = 1_u32.checked_shl(retry.saturating_sub(1)).unwrap_or(u32::MAX);
    FIRST.saturating_mul(doubled).min(LONGEST)
}

/// A random wait before retry number `retry`, from zero to the longest ("full jitter"), so that many clients
/// that failed together do not retry together.
pub(crate) fn backoff(retry: u32) -> Duration {
    longest_backoff(retry).mul_f64(fastrand::f64())
}

/// Limits the retries against a failing server: each call adds a tenth of a retry, each retry takes a whole
/// one, and at most ten are kept.
///
/// A few failures are retried as usual. If everything fails, there is one retry for ten calls.
#[derive(Debug)]
pub(crate) struct RetryBudget {
    tenths: AtomicU32,
}

/// The cost of a retry, in tenths.
const PRICE: u32 = 10;
/// The most that is kept, in tenths.
const ROOM: u32 = 10 * PRICE;

impl Default for RetryBudget {
    fn default() -> RetryBudget {
        RetryBudget { tenths: AtomicU32::new(ROOM) }
    }
}

impl RetryBudget {
    /// Adds the share of one call.
    pub(crate) fn deposit(&self) {
        self.change(|tenths| (tenths < ROOM).then_some(tenths + 1));
    }

    /// Takes one retry; returns false if none is left.
    pub(crate) fn withdraw(&self) -> bool {
        self.change(|tenths| tenths.checked_sub(PRICE))
    }

    fn change(&self, change: impl FnMut(u32) -> Option<u32>) -> bool {
        // Nothing else is read by the count, so the order against other memory does not matter.
        self.tenths.fetch_update(Ordering::Relaxed, Ordering::Relaxed, change).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;
    use std::sync::{Arc, Mutex};
    use std::time::Instant;

    use super::*;
    use crate::{Clock, Config, TransportError, heylerts};

    #[test]
    fn backoff_doubles_up_to_a_bound() {
        let waits: Vec<u128> = (1..=8).map(|retry| longest_backoff(retry).as_millis()).collect();
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

    #[test]
    fn when_everything_fails_a_tenth_of_the_calls_is_retried() {
        let budget = RetryBudget::default();
        while budget.withdraw() {}
        let retries = (0..1000).filter(|_| {
            budget.deposit();
            budget.withdraw()
        });
        assert_eq!(retries.count(), 100);
    }

    fn attempts(outcomes: &'static [Outcome], retries: u32) -> usize {
        let sent = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&sent);
        let transport = move |request: http::Request<Vec<u8>>, _| {
            let earlier = count.fetch_add(1, Ordering::Relaxed);
            assert_eq!(request.extensions().get::<IsRetry>().is_some(), earlier > 0);
            let status = match outcomes.get(earlier) {
                Some(Outcome::Refused) => {
                    let refused = TransportError::never_sent("refused");
                    return Err(refused.permanent_if_repeated());
                }
                Some(Outcome::Status(status)) => *status,
                None => 200,
            };
            let response = http::Response::builder().status(status);
            Ok(response.body(br#"{"ok": true}"#.to_vec()).expect("a response"))
        };
        let keys = AtomicUsize::new(0);
        let source = move || -> Result<String, String> {
            Ok(format!("hlt_{}", keys.fetch_add(1, Ordering::Relaxed)))
        };
        let clock = Skipping(Mutex::new(Instant::now()));
        let config = Config::new().transport(transport).clock(clock).retries(retries);
        let client = heylerts::Client::with_key_source(source, config).expect("a client");
        drop(client.hello());
        sent.load(Ordering::Relaxed)
    }

    enum Outcome {
        Status(u16),
        /// A failure that is retried once.
        Refused,
    }

    #[derive(Debug)]
    struct Skipping(Mutex<Instant>);

    impl Clock for Skipping {
        fn now(&self) -> Instant {
            *self.0.lock().expect("no panic")
        }

        fn sleep(&self, duration: Duration) {
            *self.0.lock().expect("no panic") += duration;
        }
    }

    #[test]
    fn a_429_and_a_renewed_key_take_no_retry_from_a_failure_that_is_retried_once() {
        use Outcome::{Refused, Status};
        assert_eq!(attempts(&[Refused], 4), 2);
        assert_eq!(attempts(&[Refused, Refused], 4), 2);
        assert_eq!(attempts(&[Status(429), Refused], 4), 3);
        assert_eq!(attempts(&[Status(401), Refused], 4), 3);
        assert_eq!(attempts(&[Status(401), Status(429), Refused, Refused], 4), 4);
        assert_eq!(attempts(&[Status(503), Refused], 4), 2);
        assert_eq!(attempts(&[Status(401), Status(500), Status(429), Status(500)], 2), 5);
    }

    #[test]
    fn a_budget_holds_ten_retries_at_most() {
        let budget = RetryBudget::default();
        (0..1000).for_each(|_| budget.deposit());
        assert_eq!(
            std::iter::repeat_with(|| budget.withdraw()).take_while(|paid| *paid).count(),
            10
        );
    }
}
