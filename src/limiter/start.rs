//! A key of which little is known: what its first requests, and those of a second burst, wait for.

use super::headers::RateLimitHeaders;
use super::moment::{Nanos, nanos};

/// While little is known about a key, a request waits for the response to the last one for so long.
const ALONE: Nanos = 1_000_000_000;

/// One more request may be under way for each so many that succeeded.
const STEP: u64 = 8;

/// So many requests of this limit are under way at most, as long as not all of it was used: if somebody else spent it,
/// no more are refused.
fn few(limit: usize) -> usize {
    (limit / 20).max(1)
}

/// Whether anything is known about the key.
#[cfg_attr(feature = "share", derive(serde::Serialize, serde::Deserialize))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum First {
    /// Nothing: no request was sent.
    Unsent,
    /// The first request is under way; the others wait for its response until then.
    Alone(u64, Nanos),
    /// The server does not say how much is left, and an earlier run may have spent most of it.
    Silent {
        successes: u64,
        /// When the last request was granted.
        last: Nanos,
        /// The tokens that were spent before the first response are back then.
        until: Nanos,
    },
    Known,
}

impl First {
    /// A request is granted at `now`.
    pub(crate) fn granted(&mut self, id: u64, now: Nanos) {
        match self {
            First::Unsent => *self = First::Alone(id, now.saturating_add(ALONE)),
            First::Silent { last, .. } => *last = now,
            _ => {}
        }
    }

    /// The request came to nothing: if it was the first, the next one is.
    pub(crate) fn unanswered(&mut self, id: u64) {
        if matches!(self, First::Alone(first, _) if *first == id) {
            *self = First::Unsent;
        }
    }

    /// A response arrived, of a server with this limit and P'.
    ///
    /// If the first request is refused, the pause may end before all that was spent is back.
    pub(crate) fn responded(
        &mut self,
        headers: &RateLimitHeaders,
        (limit, period): (usize, Nanos),
        now: Nanos,
    ) {
        let successes = match self {
            First::Known => return,
            First::Silent { successes, .. } => *successes,
            First::Unsent | First::Alone(..) => 0,
        };
        let silent = |successes, until| First::Silent { successes, last: now, until };
        *self = match headers.remaining {
            _ if headers.refused => {
                let pause = headers.retry_after.map_or(period, nanos);
                silent(0, now.saturating_add(pause).saturating_add(period.saturating_mul(2)))
            }
            None if successes + 1 < limit as u64 => {
                let successes = successes + u64::from(headers.success);
                match *self {
                    First::Silent { last, until, .. } => First::Silent { successes, last, until },
                    _ => silent(successes, now.saturating_add(period)),
                }
            }
            _ => First::Known,
        };
    }

    /// Forgets what is over by `now`.
    pub(crate) fn settle(&mut self, now: Nanos) {
        if let First::Alone(_, end) | First::Silent { until: end, .. } = *self
            && end <= now
        {
            *self = First::Known;
        }
    }

    /// Until when the next request waits for the response to one of those `in_flight`, if it does: for a second, or for
    /// the `share` of one request, as the whole limit would take too long otherwise.
    pub(crate) fn next(&self, in_flight: usize, limit: usize, share: Nanos) -> Option<Nanos> {
        match *self {
            First::Alone(_, end) => Some(end),
            First::Silent { successes, last, until } => {
                let most =
                    few(limit).min(usize::try_from(1 + successes / STEP).unwrap_or(usize::MAX));
                Some(until.min(last.saturating_add(ALONE.min(share)))).filter(|_| in_flight >= most)
            }
            First::Unsent | First::Known => None,
        }
    }
}

/// Whether the server admits a second burst of N as soon as the first is a period old.
///
/// One that weights the last window and this one does not: it admits one request, and the next a part of the period
/// later. So after the first N, requests are sent one by one, each with the response of the last or a request's share
/// later, for ten periods. That costs N - 1 round trips once: the tokens are apart from then on.
#[cfg_attr(feature = "share", derive(serde::Serialize, serde::Deserialize))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Second {
    /// Requests were sent without two periods of rest since then: so many, and the last at this moment.
    Untested {
        begin: Nanos,
        count: u64,
        last: Nanos,
    },
    Known,
}

impl Second {
    pub(crate) const NEW: Second = Second::Untested { begin: 0, count: 0, last: 0 };

    /// A request is granted at `now`.
    pub(crate) fn granted(&mut self, period: Nanos, now: Nanos) {
        let Second::Untested { begin, count, last } = *self else {
            return;
        };
        *self = match now.saturating_sub(last) < period.saturating_mul(2) {
            true if now.saturating_sub(begin) > period.saturating_mul(10) => Second::Known,
            true => Second::Untested { begin, count: count + 1, last: now },
            false => Second::Untested { begin: now, count: 1, last: now },
        };
    }

    /// Whether the first N are over as soon as `more` requests are granted.
    pub(crate) fn is_near(&self, more: usize, limit: usize) -> bool {
        matches!(*self, Second::Untested { count, .. } if count.saturating_add(more as u64) >= limit as u64)
    }

    /// When the next one may be sent if so many others are under way, if it has to wait.
    pub(crate) fn next(&self, in_flight: usize, limit: usize, share: Nanos) -> Option<Nanos> {
        match *self {
            Second::Untested { count, last, .. }
                if count >= limit as u64 && in_flight >= few(limit) =>
            {
                Some(last.saturating_add(share))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const SECOND: Nanos = 1_000_000_000;
    const SUCCESS: RateLimitHeaders = RateLimitHeaders {
        success: true,
        refused: false,
        limit: None,
        remaining: None,
        period: None,
        reset: None,
        retry_after: None,
    };

    fn after_the_first(headers: RateLimitHeaders) -> First {
        let mut first = First::Unsent;
        first.granted(0, 0);
        first.responded(&headers, (100, 60 * SECOND), SECOND);
        first
    }

    #[test]
    fn one_more_request_is_under_way_for_each_eight_that_succeeded_and_a_twentieth_at_most() {
        let mut first = after_the_first(SUCCESS);
        for successes in 1..100 {
            let most = [1, 2, 3, 4, 5].get(successes / 8).copied().unwrap_or(5);
            assert_eq!(first.next(most - 1, 100, SECOND), None, "{successes}");
            assert!(first.next(most, 100, SECOND).is_some(), "{successes}");
            first.responded(&SUCCESS, (100, 60 * SECOND), SECOND);
        }
        assert_eq!(first, First::Known);
    }

    #[test]
    fn a_slow_response_stops_the_others_for_a_second_or_a_share() {
        let mut first = after_the_first(SUCCESS);
        first.granted(1, 2 * SECOND);
        assert_eq!(first.next(1, 100, SECOND / 2), Some(2 * SECOND + SECOND / 2));
        assert_eq!(first.next(1, 100, 5 * SECOND), Some(3 * SECOND));
    }

    #[test]
    fn a_slow_response_stops_nobody_beyond_the_end_of_the_first_period() {
        let mut first = after_the_first(SUCCESS);
        first.granted(1, 61 * SECOND - 1);
        assert_eq!(first.next(1, 100, SECOND), Some(61 * SECOND));
    }

    #[test]
    fn a_response_that_is_no_success_does_not_let_more_requests_be_under_way() {
        let mut first = after_the_first(SUCCESS);
        for _ in 0..50 {
            first.responded(
                &RateLimitHeaders { success: false, ..SUCCESS },
                (100, 60 * SECOND),
                SECOND,
            );
        }
        assert!(first.next(1, 100, SECOND).is_some());
    }

    /// The state after one request at each of these moments, of a limit with a period of a second.
    fn second(moments: impl IntoIterator<Item = Nanos>) -> Second {
        let mut second = Second::NEW;
        moments.into_iter().for_each(|at| second.granted(SECOND, at));
        second
    }

    #[test]
    fn the_request_after_the_first_n_waits_for_a_response_or_a_share() {
        let next = |count: u64, in_flight| second(1..=count).next(in_flight, 5, SECOND / 5);
        assert_eq!([next(4, 1), next(5, 0)], [None; 2]);
        assert_eq!(next(5, 1), Some(5 + SECOND / 5));
    }

    #[test]
    fn a_rest_of_two_periods_ends_a_burst_and_ten_periods_without_one_end_the_care() {
        let burst = || (0..5).map(|n| 30 * SECOND + n);
        let is_slow = |it: Second| it.next(1, 5, SECOND / 5).is_some();
        assert!(is_slow(second(burst())));
        assert!(is_slow(second(burst().chain([32 * SECOND]))));
        assert!(!is_slow(second(burst().chain([33 * SECOND]))));
        assert_ne!(second((30..=40).map(|n| n * SECOND)), Second::Known);
        assert_eq!(second((30..=41).map(|n| n * SECOND)), Second::Known);
    }

    #[test]
    fn a_server_that_says_what_remains_and_the_end_of_a_period_show_what_there_is() {
        let told = RateLimitHeaders { remaining: Some(7), ..SUCCESS };
        assert_eq!(after_the_first(told), First::Known);
        let mut first = after_the_first(SUCCESS);
        first.settle(61 * SECOND - 1);
        assert_ne!(first, First::Known);
        first.settle(61 * SECOND);
        assert_eq!(first, First::Known);
    }

    #[test]
    fn after_a_refusal_of_the_first_request_few_are_sent_at_once_until_two_periods_after_the_pause()
    {
        let refusal = RateLimitHeaders { success: false, refused: true, ..SUCCESS };
        for (retry_after, pause) in [(None, 60), (Some(Duration::from_secs(600)), 600)] {
            let mut first = after_the_first(RateLimitHeaders { retry_after, ..refusal });
            assert!(first.next(1, 100, SECOND).is_some());
            let end = (1 + pause + 2 * 60) * SECOND;
            first.settle(end - 1);
            assert_ne!(first, First::Known);
            first.settle(end);
            assert_eq!(first, First::Known);
        }
    }
}
