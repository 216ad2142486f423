//! The reaction to refusals: the pause after a 429, and the distance between requests.

use super::moment::{Nanos, Opening};
use super::status::WaitReason;

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
/// If the server admitted less than this part of the rate, somebody else takes whatever there is, and a client that
/// goes slower gets nothing.
const CROWDED: f64 = 0.3;
/// After so many refusals that each followed a single success, the server is taken to allow no burst at all.
const NO_BURST: u32 = 4;
/// After so many more of them although requests are spread out, or so many misses, that was wrong.
const WRONG: u32 = 3;
/// A client that was refused nothing for so many periods has a part of its own, however small.
const LASTING: f64 = 6.0;
/// Round trips may differ by this part of a period; what is more than that is no reason to spread requests further.
const VARIATION: u64 = 20;
/// With each round trip, the shortest and the longest one come nearer to it by one part in so many.
const FADING: u64 = 32;
/// In a crowd, one request at a time: the next one waits for the response of the last, for so long.
const PATIENCE: Nanos = 1_000_000_000;

/// Spreads requests out.
///
/// A first refusal leaves the speed nearly as it was, and only spreads the requests evenly. If another one follows,
/// the speed becomes what the server admitted before it. It rises again after nine periods without a refusal, and
/// after ten the client is at full speed. A refusal within ten periods of that brings back the speed that was good.
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

/// The memory of refusals.
#[cfg_attr(feature = "share", derive(serde::Serialize, serde::Deserialize))]
#[derive(Clone, Copy, Debug)]
struct Strain {
    speed: Speed,
    /// The end of the last pause, and ten periods after it.
    since: Nanos,
    over: Nanos,
    /// Whether the last refusal came although next to nothing was admitted.
    crowded: bool,
    /// How many refusals in a row each followed a single success.
    singles: u32,
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

    /// The part of the rate at `now`; `None` if requests are not spread out.
    fn part(&self, now: Nanos, period: Nanos) -> Option<f64> {
        let (Speed::Part(part) | Speed::Even(part)) = self.speed else {
            return None;
        };
        let left = MEMORY as f64 - STEADY;
        let rise = ((self.periods(now, period) - STEADY) / left).clamp(0.0, 1.0);
        Some(part + (1.0 - part) * rise).filter(|_| now < self.over)
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
    fn remembered(&self, strain: Option<Strain>, period: Nanos) -> Strain {
        let (since, crowded) = (self.pause_end, self.is_crowded());
        let first = Strain {
            speed: if crowded { Speed::Alone } else { Speed::Part(FIRST) },
            since,
            over: since.saturating_add(period.saturating_mul(MEMORY)),
            crowded,
            singles: 0,
            is_tried: false,
            is_starved: self.misses > NEAR,
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
            Speed::Part(part) => Speed::Part(self.admitted.min(part * SLOWER).max(CROWDED)),
            Speed::Alone => Speed::Part(self.admitted.min(SLOWER)),
        }
    }
}

impl Pace {
    pub(crate) fn new(share: Nanos, period: Nanos, chosen: bool) -> Pace {
        Pace { share, period, chosen, strain: None, last: None, trips: None }
    }

    /// Another share or period is in force.
    pub(crate) fn adjust(&mut self, share: Nanos, period: Nanos) {
        (self.share, self.period) = (share, period);
    }

    /// Forgets the refusals if their time is over.
    pub(crate) fn settle(&mut self, now: Nanos) {
        let echo = self.period.saturating_mul(MEMORY);
        self.strain.take_if(|strain| strain.over.saturating_add(echo) <= now);
    }

    /// Returns whether the client is at full speed.
    pub(crate) fn is_calm(&self, now: Nanos) -> bool {
        self.strain.is_none_or(|strain| strain.over <= now)
    }

    /// Returns whether somebody else takes whatever there is.
    pub(crate) fn is_crowded(&self, now: Nanos) -> bool {
        self.strain.is_some_and(|strain| strain.speed == Speed::Alone && now < strain.over)
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
        part.map_or(0, |part| match part < FIRST {
            true => (self.share as f64 / part * longer) as Nanos,
            false => self.share,
        })
    }

    fn variation(&self) -> Nanos {
        let (shortest, longest) = self.trips.unwrap_or((0, 0));
        longest.saturating_sub(shortest).min(self.period / VARIATION)
    }

    /// A response arrived after so long.
    fn answered(&mut self, trip: Nanos) {
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
            strain.since = now;
            strain.over = now.saturating_add(self.period.saturating_mul(MEMORY));
        }
    }
}

/// A pause for which the server names no length doubles from one refusal to the next, up to this many periods.
const LONGEST: u64 = 16;

/// A client whose requests succeeded a moment ago asks again at the same moment of each window for so many times.
const NEAR: u32 = 4;
/// One that knows no such moment looks for it sooner.
const UNKNOWN: u32 = 3;

/// Lets requests through, stops them all after a refusal, and then lets one go first.
#[cfg_attr(feature = "share", derive(serde::Serialize, serde::Deserialize))]
#[derive(Debug)]
pub(crate) struct Cooldown {
    phase: Phase,
    pub(crate) pace: Pace,
    /// P': the pause if the server names none.
    period: Nanos,
    /// In how many periods the next pause without a name ends.
    unnamed: u64,
    /// Requests below this id were under way when the last refusal became known: theirs are the same one.
    barrier: u64,
    /// How many requests in a row tried whether the pause is over and were refused, counted from `UNKNOWN` at first.
    misses: u32,
    /// How many requests succeeded since the last refusal.
    successes: u32,
    /// How often a pause began.
    pub(crate) pauses: u64,
}

#[cfg_attr(feature = "share", derive(serde::Serialize, serde::Deserialize))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Open,
    /// Nobody until then; afterwards one.
    Paused(Nanos),
    /// This one is under way; nobody else until it has its response.
    Probing(u64),
}

/// A 429, and what is known about it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refusal {
    /// The pause that the server asked for.
    pub(crate) retry_after: Option<Nanos>,
    /// How much longer the pause is made, so that many clients do not end it at the same moment.
    pub(crate) jitter: Nanos,
    /// The part of the rate that the server had admitted within a period before; `None` if the refusal is no reason
    /// to go slower.
    pub(crate) admitted: Option<f64>,
    /// The id that the next request will have.
    pub(crate) next_id: u64,
}

impl Cooldown {
    pub(crate) fn new(period: Nanos, pace: Pace) -> Cooldown {
        Cooldown {
            phase: Phase::Open,
            pace,
            period,
            unnamed: 1,
            barrier: 0,
            misses: UNKNOWN,
            successes: 0,
            pauses: 0,
        }
    }

    /// Another share or period is in force.
    pub(crate) fn adjust(&mut self, share: Nanos, period: Nanos) {
        self.period = period;
        self.pace.adjust(share, period);
    }

    /// Forgets what is over by `now`.
    pub(crate) fn settle(&mut self, now: Nanos) {
        self.pace.settle(now);
        if self.phase == Phase::Open && self.pace.is_calm(now) {
            self.unnamed = 1;
            self.misses = UNKNOWN;
        }
    }

    /// Returns whether nothing is paused and no refusal is remembered.
    pub(crate) fn is_calm(&self, now: Nanos) -> bool {
        self.phase == Phase::Open && self.pace.is_calm(now)
    }

    /// Returns when the next request may be sent, and the `ahead`th after it.
    pub(crate) fn opening(&self, ahead: u64, now: Nanos) -> Opening {
        match self.phase {
            Phase::Open => self.pace.opening(ahead, now),
            Phase::Paused(end) => Opening {
                at: self.pace.spread(ahead, end, now),
                ..Opening::at(end, WaitReason::Paused)
            },
            Phase::Probing(_) => Opening {
                at: self.pace.spread(ahead.saturating_add(1), now, now).max(now.saturating_add(1)),
                look: None,
                reason: WaitReason::Paused,
            },
        }
    }

    /// Returns the end of the pause; `now` while one request tries.
    pub(crate) fn paused_until(&self, now: Nanos) -> Option<Nanos> {
        match self.phase {
            Phase::Open => None,
            Phase::Paused(end) => Some(end),
            Phase::Probing(_) => Some(now),
        }
    }

    pub(crate) fn granted(&mut self, id: u64, now: Nanos) {
        if let Phase::Paused(_) = self.phase {
            self.phase = Phase::Probing(id);
        }
        self.pace.granted(id, now);
    }

    /// The response to a request of `granted` arrived, and was no refusal.
    pub(crate) fn passed(&mut self, id: u64, granted: Nanos, now: Nanos) {
        self.pace.answered(now.saturating_sub(granted));
        self.successes = self.successes.saturating_add(1);
        if self.phase == Phase::Probing(id) {
            self.phase = Phase::Open;
            self.misses = 0;
            self.unnamed = 1;
            self.pace.resume(now);
        }
    }

    /// The request was never sent.
    pub(crate) fn unsent(&mut self, id: u64, now: Nanos) {
        self.pace.unsent(id);
        self.unanswered(id, now);
    }

    /// No response arrived: if it was the probe, another one tries.
    pub(crate) fn unanswered(&mut self, id: u64, now: Nanos) {
        if self.phase == Phase::Probing(id) {
            self.phase = Phase::Paused(now);
        }
    }

    /// A 429: nobody goes on until the pause is over.
    ///
    /// Returns whether it is new: not of a request that was under way when an earlier refusal became known, nor of
    /// one that tried whether the pause is over.
    pub(crate) fn refused(&mut self, id: u64, now: Nanos, refusal: Refusal) -> bool {
        let probing = self.phase == Phase::Probing(id);
        let unnamed = self.period.saturating_mul(self.unnamed);
        self.misses += u32::from(probing);
        let pause = refusal.retry_after.unwrap_or(unnamed).saturating_add(refusal.jitter);
        self.stop(pause, now);
        if id < self.barrier {
            return false;
        }
        self.pauses += 1;
        self.barrier = refusal.next_id;
        if refusal.retry_after.is_none() {
            self.unnamed = self.unnamed.saturating_mul(2).min(LONGEST);
        }
        if let Some(admitted) = refusal.admitted {
            let pause_end = now.saturating_add(pause);
            let rounded = refusal.retry_after.is_some_and(|it| it % 1_000_000_000 == 0);
            let at = now;
            let (misses, successes) = (self.misses, self.successes);
            self.pace.slow_down(Unexplained {
                admitted,
                rounded,
                probing,
                misses,
                successes,
                at,
                pause_end,
            });
        }
        self.successes = 0;
        !probing
    }

    /// How many quarters of a period (or of a second) the next pause is made longer if the request `id` was refused.
    ///
    /// A server rounds `Retry-After` up to seconds. A client that asks again just then does so at the same moment of
    /// each window as before, and finds nothing left each time if another client is a little earlier.
    pub(crate) fn quarters(&self, id: u64) -> u64 {
        const TRIED: [u64; 4] = [0, 2, 1, 3];
        let misses = self.misses(id).checked_sub(NEAR);
        misses.and_then(|it| TRIED.get(it as usize)).copied().unwrap_or(0)
    }

    /// Whether other moments have to be tried, if the request `id` was refused at `now`: all quarters were missed, or only
    /// one request gets through each time.
    pub(crate) fn is_searching(&self, id: u64, now: Nanos) -> bool {
        let singles = self.pace.strain.map_or(0, |strain| strain.singles);
        match self.misses(id) {
            0 => self.successes == 1 && singles > 0 && self.pace.is_crowded(now),
            misses => misses > NEAR + 3,
        }
    }

    /// How many requests in a row tried whether the pause is over and were refused, the request `id` among them.
    fn misses(&self, id: u64) -> u32 {
        self.misses + u32::from(self.phase == Phase::Probing(id))
    }

    fn stop(&mut self, pause: Nanos, now: Nanos) {
        let end = now.saturating_add(pause);
        let known = self.paused_until(now).unwrap_or(0);
        self.phase = Phase::Paused(end.max(known));
    }
}
