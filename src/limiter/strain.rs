//! The memory of refusals, and the speed that follows from them.

use super::moment::Nanos;

/// After so many periods without a refusal the client is back at full speed.
const MEMORY: u64 = 10;
/// For so many of them the speed stays as it is; then it rises.
const STEADY: f64 = 9.0;
/// The speed after a first refusal, as a part of the rate: requests are only spread evenly.
const FIRST: f64 = 1.0;
/// The speed on a server that allows no burst at all.
const EVEN: f64 = 0.9;
/// A further refusal makes the client slower by at least this factor.
const SLOWER: f64 = 0.9;
/// The first steps lead no lower than this: how much the server admitted before a refusal is a rough count, and half of
/// the rate, spread evenly, fits beside somebody who takes the other half.
const HALF: f64 = 0.5;
/// If the server admitted less than this part of the rate, somebody else takes whatever there is, and a client that
/// goes slower gets nothing.
const CROWDED: f64 = 0.3;
/// After so many refusals that each followed a single success, the server is taken to allow no burst at all.
const NO_BURST: u32 = 4;
/// After so many more of them although requests are spread out, or so many misses, that was wrong.
const WRONG: u32 = 3;
/// A client that was refused nothing for so many periods has a part of its own, however small.
const LASTING: f64 = 6.0;

/// The memory of refusals.
#[cfg_attr(feature = "share", derive(serde::Serialize, serde::Deserialize))]
#[derive(Clone, Copy, Debug)]
pub(crate) struct Strain {
    speed: Speed,
    /// The end of the last pause.
    since: Nanos,
    /// Ten periods after that.
    pub(crate) over: Nanos,
    /// Whether the last refusal came although next to nothing was admitted.
    crowded: bool,
    /// How many refusals in a row each followed a single success.
    pub(crate) singles: u32,
    /// Whether requests were spread out as for a server without bursts, and that brought nothing.
    is_tried: bool,
    /// Whether requests that tried whether the pause is over were refused again and again, or spreading requests out
    /// brought nothing.
    is_starved: bool,
}

#[cfg_attr(feature = "share", derive(serde::Serialize, serde::Deserialize))]
#[derive(Clone, Copy, Debug, PartialEq)]
enum Speed {
    /// This part of the rate, spread evenly.
    Part(f64),
    /// The same, since the server seems to allow no burst at all.
    Even(f64),
    /// One request at a time, without a distance.
    Alone,
}

/// A refusal that our own count does not explain.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unexplained {
    /// The part of the rate that the server had admitted within a period before.
    pub(crate) admitted: f64,
    /// Whether the server named a pause in whole seconds, so that the moment at which it ends is not known.
    pub(crate) rounded: bool,
    /// Whether it was the request that tried whether the pause is over.
    pub(crate) probing: bool,
    /// How many requests in a row tried that and were refused.
    pub(crate) misses: u32,
    /// Whether these are more than a client needs that knows when requests are admitted.
    pub(crate) is_lost: bool,
    /// How many requests succeeded since the last refusal.
    pub(crate) successes: u32,
    pub(crate) at: Nanos,
    /// The end of the pause that it begins.
    pub(crate) pause_end: Nanos,
}

impl Strain {
    fn periods(&self, now: Nanos, period: Nanos) -> f64 {
        now.saturating_sub(self.since) as f64 / period.max(1) as f64
    }

    /// Whether the speed is the full one.
    pub(crate) fn is_over(&self, now: Nanos) -> bool {
        self.over <= now
    }

    /// Whether all is forgotten, also the speed that was good.
    pub(crate) fn is_forgotten(&self, now: Nanos, period: Nanos) -> bool {
        self.over.saturating_add(period.saturating_mul(MEMORY)) <= now
    }

    /// Whether somebody else takes whatever there is.
    pub(crate) fn is_crowded(&self, now: Nanos) -> bool {
        self.speed == Speed::Alone && !self.is_over(now)
    }

    /// Whether the server seems to allow no burst at all.
    pub(crate) fn is_even(&self, now: Nanos) -> bool {
        matches!(self.speed, Speed::Even(_)) && !self.is_over(now)
    }

    /// The pause is over: from now on the periods without a refusal count.
    pub(crate) fn resume(&mut self, now: Nanos, period: Nanos) {
        self.since = now;
        self.over = now.saturating_add(period.saturating_mul(MEMORY));
    }

    /// The part of the rate at `now`; `None` if requests are not spread out.
    pub(crate) fn part(&self, now: Nanos, period: Nanos) -> Option<f64> {
        let (Speed::Part(part) | Speed::Even(part)) = self.speed else {
            return None;
        };
        let left = MEMORY as f64 - STEADY;
        let rise = ((self.periods(now, period) - STEADY) / left).clamp(0.0, 1.0);
        Some(part + (1.0 - part) * rise).filter(|_| !self.is_over(now))
    }
}

impl Unexplained {
    /// Whether somebody else takes whatever there is.
    pub(crate) fn is_crowded(&self) -> bool {
        self.admitted < CROWDED
    }

    /// Whether that was so at the last refusal as well, a few periods before.
    fn is_crowded_again(&self, last: &Strain, period: Nanos) -> bool {
        self.is_crowded() && last.crowded && last.periods(self.at, period) < LASTING
    }

    /// The memory of this refusal and of those before it, which left `strain`.
    pub(crate) fn remembered(&self, strain: Option<Strain>, period: Nanos) -> Strain {
        let (since, crowded) = (self.pause_end, self.is_crowded());
        let first = Strain {
            speed: if crowded { Speed::Alone } else { Speed::Part(FIRST) },
            since,
            over: since.saturating_add(period.saturating_mul(MEMORY)),
            crowded,
            singles: 0,
            is_tried: false,
            is_starved: self.is_lost,
        };
        strain.map_or(first, |last| self.continued(last, first, period))
    }

    /// The memory of this refusal, which would leave `first` alone, after one that left `last`.
    fn continued(&self, last: Strain, first: Strain, period: Nanos) -> Strain {
        let singles = match self.successes {
            _ if self.probing => last.singles,
            0 | 1 => last.singles + 1,
            _ => 0,
        };
        let seems_even = last.speed == Speed::Alone && singles >= NO_BURST && !last.is_tried;
        let is_not_even = matches!(last.speed, Speed::Even(_))
            && first.crowded
            && singles.max(self.misses) >= WRONG;
        let speed = match () {
            () if seems_even && self.rounded => Speed::Even(EVEN),
            () if seems_even => Speed::Part(EVEN),
            () if is_not_even => Speed::Alone,
            () => self.speed(last, period),
        };
        let singles = if speed == last.speed { singles } else { 0 };
        let is_tried = last.is_tried || (is_not_even && self.rounded);
        let is_in_vain =
            matches!(last.speed, Speed::Part(_)) && self.is_crowded_again(&last, period);
        let is_starved = last.is_starved || first.is_starved || is_in_vain;
        Strain { speed, singles, is_tried, is_starved, ..first }
    }

    /// The speed after this refusal, if there was another one before it.
    fn speed(&self, last: Strain, period: Nanos) -> Speed {
        let was_steady = last.periods(self.at, period) >= STEADY;
        match last.speed {
            Speed::Even(part) if self.probing || was_steady => Speed::Even(part),
            Speed::Even(part) => Speed::Even((part * SLOWER).max(CROWDED)),
            _ if self.is_crowded_again(&last, period) => Speed::Alone,
            speed if self.is_crowded() || self.probing || was_steady => speed,
            Speed::Alone if self.rounded && last.is_starved => Speed::Alone,
            Speed::Part(part) => {
                let least = if part > HALF { HALF } else { CROWDED };
                Speed::Part(self.admitted.min(part * SLOWER).max(least))
            }
            Speed::Alone => Speed::Part(self.admitted.min(SLOWER)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Nanos = 1_000_000_000;

    /// A refusal before which the server had admitted this part of the rate.
    fn refusal(admitted: f64, at: Nanos) -> Unexplained {
        Unexplained {
            admitted,
            rounded: true,
            probing: false,
            misses: 0,
            is_lost: false,
            successes: 5,
            at,
            pause_end: at + SECOND,
        }
    }

    /// Where it leads to.
    fn refused(strain: Option<Strain>, admitted: f64, at: Nanos) -> Strain {
        refusal(admitted, at).remembered(strain, SECOND)
    }

    fn part(strain: Strain) -> Option<f64> {
        strain.part(strain.since, SECOND)
    }

    #[test]
    fn a_second_refusal_leads_to_half_of_the_rate_at_least_and_only_one_at_that_speed_to_less() {
        let first = refused(None, 0.4, 0);
        let second = refused(Some(first), 0.4, 3 * SECOND);
        let third = refused(Some(second), 0.4, 6 * SECOND);
        let fourth = refused(Some(third), 0.31, 9 * SECOND);
        let parts = [first, second, third, fourth].map(part);
        assert_eq!(parts, [1.0, 0.5, 0.4, 0.31].map(Some));
    }

    #[test]
    fn the_speed_rises_in_the_tenth_period_after_the_pause() {
        let mut strain = refused(Some(refused(None, 0.4, 0)), 0.4, 3 * SECOND);
        strain.resume(20 * SECOND, SECOND);
        let part = |tenths| strain.part(20 * SECOND + tenths * SECOND / 10, SECOND);
        assert_eq!(
            [0, 50, 90, 95, 100].map(part),
            [Some(0.5), Some(0.5), Some(0.5), Some(0.75), None]
        );
    }

    #[test]
    fn a_speed_that_was_good_is_remembered_for_ten_periods_at_full_speed() {
        let strain = refused(None, 0.4, 0);
        let is = |periods: u64| strain.since + periods * SECOND;
        assert!(!strain.is_over(is(10) - 1) && strain.is_over(is(10)));
        assert!(!strain.is_forgotten(is(20) - 1, SECOND) && strain.is_forgotten(is(20), SECOND));
    }

    #[test]
    fn a_further_refusal_makes_the_client_slower_by_a_tenth_at_least() {
        let first = refused(None, 1.0, 0);
        assert_eq!(part(refused(Some(first), 1.0, 3 * SECOND)), Some(SLOWER));
    }

    #[test]
    fn two_refusals_in_a_crowd_within_six_periods_lead_to_one_request_at_a_time() {
        let first = refused(None, 0.9, 0);
        let crowded = refused(Some(first), 0.1, 3 * SECOND);
        assert_eq!(part(crowded), Some(1.0));
        let again = refused(Some(crowded), 0.1, crowded.since + 6 * SECOND - 1);
        assert!(again.is_crowded(again.since));
        let later = refused(Some(crowded), 0.1, crowded.since + 6 * SECOND);
        assert_eq!(part(later), Some(1.0));
    }

    #[test]
    fn a_client_that_sent_one_at_a_time_goes_on_so_if_it_was_starved_and_pauses_are_rounded() {
        for (is_lost, rounded, expected) in
            [(false, true, Some(0.6)), (true, false, Some(0.6)), (true, true, None)]
        {
            let alone = Unexplained { is_lost, ..refusal(0.1, 0) }.remembered(None, SECOND);
            assert!(alone.is_crowded(alone.since));
            let next = Unexplained { rounded, ..refusal(0.6, 3 * SECOND) };
            assert_eq!(part(next.remembered(Some(alone), SECOND)), expected);
        }
    }

    #[test]
    fn on_a_server_without_bursts_refusals_lead_to_three_tenths_of_the_rate_at_least() {
        let even = |part| Some(Strain { speed: Speed::Even(part), ..refused(None, 0.6, 0) });
        let probe = Unexplained { probing: true, ..refusal(0.6, 3 * SECOND) };
        assert_eq!(part(probe.remembered(even(EVEN), SECOND)), Some(EVEN));
        assert_eq!(part(refused(even(0.5), 0.6, 3 * SECOND)), Some(0.45));
        assert_eq!(part(refused(even(0.31), 0.6, 3 * SECOND)), Some(CROWDED));
    }

    #[test]
    fn a_server_that_was_wrongly_taken_for_one_without_bursts_is_not_taken_for_one_again() {
        let single = |rounded| Unexplained { rounded, successes: 1, ..refusal(0.1, 3 * SECOND) };
        let alone = Strain { singles: NO_BURST - 1, ..refused(None, 0.1, 0) };
        let even = single(true).remembered(Some(alone), SECOND);
        assert!(even.is_even(even.since));
        let exact = single(false).remembered(Some(alone), SECOND);
        assert_eq!((exact.is_even(exact.since), part(exact)), (false, Some(EVEN)));
        for rounded in [true, false] {
            let almost = Strain { singles: WRONG - 1, ..even };
            let wrong = single(rounded).remembered(Some(almost), SECOND);
            assert!(wrong.is_crowded(wrong.since));
            let next = Strain { singles: NO_BURST - 1, ..wrong };
            let again = single(true).remembered(Some(next), SECOND);
            assert_eq!(again.is_even(again.since), !rounded);
        }
    }
}
