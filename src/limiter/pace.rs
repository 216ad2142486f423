//! The distance between requests: chosen, or since refusals.

use super::moment::{Nanos, Opening};
use super::status::WaitReason;
use super::strain::{Strain, Unexplained};

/// Round trips may differ by this part of a period; what is more than that is no reason to spread requests further.
const VARIATION: u64 = 20;
/// With each round trip, the shortest and the longest one come nearer to it by one part in so many.
const FADING: u64 = 32;
/// In a crowd, one request at a time: the next one waits for the response of the last, for so long.
const PATIENCE: Nanos = 1_000_000_000;

/// Spreads requests out.
///
/// A first refusal leaves the speed nearly as it was, and only spreads the requests evenly. If another one follows,
/// the speed becomes what the server admitted before it, and at first half of the rate at least. It rises again after
/// nine periods without a refusal, and after ten the client is at full speed. A refusal within ten periods of that
/// brings back the speed that was good.
#[cfg_attr(feature = "share", derive(serde::Serialize, serde::Deserialize))]
#[derive(Debug)]
pub(crate) struct Pace {
    /// The period's share of one request.
    share: Nanos,
    /// P'.
    period: Nanos,
    /// Whether requests are spread out by choice as well.
    chosen: bool,
    strain: Option<Strain>,
    /// The request that was granted last, and when.
    last: Option<(u64, Nanos)>,
    /// The shortest and the longest round trip of late.
    trips: Option<(Nanos, Nanos)>,
}

impl Pace {
    /// Its share and period are set by [`adjust`](Pace::adjust).
    pub(crate) fn new(chosen: bool) -> Pace {
        Pace { share: 0, period: 0, chosen, strain: None, last: None, trips: None }
    }

    /// Another share or period is in force.
    pub(crate) fn adjust(&mut self, share: Nanos, period: Nanos) {
        (self.share, self.period) = (share, period);
    }

    /// Forgets the refusals if their time is over.
    pub(crate) fn settle(&mut self, now: Nanos) {
        self.strain.take_if(|strain| strain.is_forgotten(now, self.period));
    }

    /// Returns whether the client is at full speed.
    pub(crate) fn is_calm(&self, now: Nanos) -> bool {
        self.strain.is_none_or(|strain| strain.is_over(now))
    }

    /// Returns whether somebody else takes whatever there is.
    pub(crate) fn is_crowded(&self, now: Nanos) -> bool {
        self.strain.is_some_and(|strain| strain.is_crowded(now))
    }

    /// Returns whether the server seems to allow no burst at all.
    pub(crate) fn is_even(&self, now: Nanos) -> bool {
        self.strain.is_some_and(|strain| strain.is_even(now))
    }

    /// Returns whether somebody else takes whatever there is, and only one request got through before the last refusal.
    pub(crate) fn is_single(&self, now: Nanos) -> bool {
        self.is_crowded(now) && self.strain.is_some_and(|strain| strain.singles > 0)
    }

    /// Returns until when the response of the last request is awaited before the next one, if it is.
    pub(crate) fn alone_until(&self, now: Nanos) -> Option<Nanos> {
        let (_, last) = self.last.filter(|_| self.is_crowded(now))?;
        Some(last.saturating_add(PATIENCE)).filter(|end| *end > now)
    }

    /// Returns the distance that is in force at `now`, for whatever reason; 0 at full speed.
    pub(crate) fn distance(&self, now: Nanos) -> Nanos {
        self.chosen().max(self.strained(now))
    }

    fn chosen(&self) -> Nanos {
        if self.chosen { self.share } else { 0 }
    }

    /// The distance since refusals, a little longer if some requests take longer than others: in a period, the first may
    /// arrive late and the last early, and no more may arrive than were sent.
    fn strained(&self, now: Nanos) -> Nanos {
        let part = self.strain.and_then(|strain| strain.part(now, self.period));
        let longer = 1.0 + self.variation() as f64 / self.period.max(1) as f64;
        part.map_or(0, |part| match part < 1.0 {
            true => (self.share as f64 / part * longer) as Nanos,
            false => self.share,
        })
    }

    /// How much one round trip differs from another.
    pub(crate) fn variation(&self) -> Nanos {
        let (shortest, longest) = self.trips.unwrap_or((0, 0));
        longest.saturating_sub(shortest).min(self.period / VARIATION)
    }

    /// A response arrived after so long.
    pub(crate) fn answered(&mut self, trip: Nanos) {
        let (shortest, longest) = self.trips.unwrap_or((trip, trip));
        let nearer = |from: Nanos| trip.abs_diff(from) / FADING;
        let shortest = shortest.saturating_add(nearer(shortest)).min(trip);
        self.trips = Some((shortest, longest.saturating_sub(nearer(longest)).max(trip)));
    }

    /// Returns when the next request may be sent, and the `ahead`th after it.
    pub(crate) fn opening(&self, ahead: u64, now: Nanos) -> Opening {
        let first = self.last.map_or(0, |(_, last)| self.spread(1, last, now));
        let at = match ahead {
            0 => first,
            _ => self.spread(ahead, first.max(now), now),
        };
        Opening::at(at, WaitReason::Paced)
    }

    /// Returns when the `ahead`th request after one at `first` may be sent. Refusals may be forgotten before that.
    pub(crate) fn spread(&self, ahead: u64, first: Nanos, now: Nanos) -> Nanos {
        let after = |distance: Nanos| first.saturating_add(ahead.saturating_mul(distance));
        let over = self.strain.map_or(0, |strain| strain.over);
        after(self.chosen()).max(after(self.strained(first.max(now))).min(over))
    }

    /// A request is granted.
    pub(crate) fn granted(&mut self, id: u64, now: Nanos) {
        self.last = Some((id, now));
    }

    /// The request was never sent: nothing has to keep its distance from it.
    pub(crate) fn unsent(&mut self, id: u64) {
        self.last.take_if(|(last, _)| *last == id);
    }

    /// Takes in a refusal that our own count does not explain.
    pub(crate) fn slow_down(&mut self, refusal: Unexplained) {
        self.strain = Some(refusal.remembered(self.strain, self.period));
    }

    /// The pause is over: from now on the periods without a refusal count.
    pub(crate) fn resume(&mut self, now: Nanos) {
        if let Some(strain) = &mut self.strain {
            strain.resume(now, self.period);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_slow_response_is_forgotten_after_many_fast_ones() {
        const MS: Nanos = 1_000_000;
        let mut pace = Pace::new(false);
        pace.adjust(MS, 60_000 * MS);
        [100, 1000].into_iter().for_each(|trip| pace.answered(trip * MS));
        assert!(pace.variation() > 800 * MS);
        (0..200).for_each(|_| pace.answered(100 * MS));
        assert!(pace.variation() < 10 * MS);
    }

    #[test]
    fn round_trips_differ_by_a_twentieth_of_a_period_at_most() {
        let mut pace = Pace::new(false);
        pace.adjust(1, 1000);
        [100, 149].into_iter().for_each(|trip| pace.answered(trip));
        assert!((40..50).contains(&pace.variation()));
        pace.answered(900);
        assert_eq!(pace.variation(), 50);
    }
}
