//! The pause after a refusal, and the request that tries whether it is over.

use super::moment::{Nanos, Opening};
use super::pace::Pace;
use super::pauses::Unnamed;
use super::status::WaitReason;
use super::strain::Unexplained;

const SECOND: Nanos = 1_000_000_000;

/// A pause after which nobody asked for so many periods is forgotten.
const FORGOTTEN: u64 = 10;
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
    unnamed: Unnamed,
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
    /// How many requests the limit allows in a period.
    pub(crate) limit: u64,
    /// How much longer the pause is made, so that many clients do not end it at the same moment.
    pub(crate) jitter: Nanos,
    /// The part of the rate that the server had admitted within a period before; `None` if the refusal is no reason
    /// to go slower.
    pub(crate) admitted: Option<f64>,
    /// The id that the next request will have.
    pub(crate) next_id: u64,
}

impl Cooldown {
    /// Its share and period are set by [`adjust`](Cooldown::adjust).
    pub(crate) fn new(is_paced: bool) -> Cooldown {
        Cooldown {
            phase: Phase::Open,
            pace: Pace::new(is_paced),
            period: 0,
            unnamed: Unnamed::default(),
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
        if self.is_calm(now) {
            self.unnamed = Unnamed::default();
            self.misses = UNKNOWN;
        }
    }

    /// Returns whether nothing is paused and no refusal is remembered. After a pause that ended long ago, as nobody asked again,
    /// one request still goes first.
    pub(crate) fn is_calm(&self, now: Nanos) -> bool {
        self.paused_until(now).is_none() && self.pace.is_calm(now)
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

    /// Returns whether the next request goes alone, be it because it tries whether a pause is over.
    pub(crate) fn is_one_by_one(&self, now: Nanos) -> bool {
        self.phase != Phase::Open || self.pace.is_crowded(now)
    }

    /// Returns the end of the pause; `now` while one request tries.
    pub(crate) fn paused_until(&self, now: Nanos) -> Option<Nanos> {
        let long = self.period.saturating_mul(FORGOTTEN);
        match self.phase {
            Phase::Open => None,
            Phase::Paused(end) if end.saturating_add(long) <= now => None,
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
            self.unnamed.passed();
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
        self.misses += u32::from(probing);
        let pause = refusal.retry_after.unwrap_or_else(|| self.unnamed(refusal.limit));
        let pause = pause.saturating_add(refusal.jitter);
        self.stop(pause, now);
        if id < self.barrier {
            return false;
        }
        self.pauses += 1;
        self.barrier = refusal.next_id;
        if refusal.retry_after.is_none() {
            self.unnamed.refused();
        }
        if let Some(admitted) = refusal.admitted {
            self.pace.slow_down(Unexplained {
                admitted,
                rounded: refusal.retry_after.is_none_or(|it| it % SECOND == 0),
                probing,
                misses: self.misses,
                is_lost: self.misses > NEAR,
                successes: self.successes,
                at: now,
                pause_end: now.saturating_add(pause),
            });
        }
        self.successes = 0;
        !probing
    }

    /// How long a pause without a name lasts if the limit allows so many requests in a period.
    pub(crate) fn unnamed(&self, limit: u64) -> Nanos {
        self.unnamed.pause(limit, self.period)
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
        match self.misses(id) {
            0 => self.successes == 1 && self.pace.is_single(now),
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
