//! Refusals: the pause after one, the single request that tries again, and the pace of the rest.

use super::moment::Nanos;
use super::moment::Opening;
use super::pace::Pace;
use super::status::WaitReason;

/// A pause that follows another is twice as long, up to this (or up to the period, where that is longer).
const LONGEST_PAUSE: Nanos = 300_000_000_000;

/// Lets requests through, stops them all after a refusal, and then sends one ahead.
#[derive(Debug)]
pub(crate) struct Cooldown {
    phase: Phase,
    pub(crate) pace: Pace,
    /// P': the pause where the server names none, and how long a quiet time is.
    period: Nanos,
    /// How long the last pause was.
    pause: Nanos,
    /// A refusal before this is the last one's sequel: the pause doubles.
    uneasy: Nanos,
    /// Requests below this id were under way when the last refusal became known: theirs are the same one.
    barrier: u64,
    /// How often a pause began.
    pub(crate) pauses: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Open,
    /// Nobody until then; afterwards one.
    Paused(Nanos),
    /// This one is under way; nobody else until it has its answer.
    Probing(u64),
}

/// A 429, and what is known of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refusal {
    /// What the server asked for.
    pub(crate) retry_after: Option<Nanos>,
    /// Whether we had more requests out than we may.
    pub(crate) explained: bool,
    /// The id that the next request will have.
    pub(crate) next_id: u64,
}

impl Cooldown {
    pub(crate) fn new(period: Nanos, pace: Pace) -> Cooldown {
        Cooldown { phase: Phase::Open, pace, period, pause: 0, uneasy: 0, barrier: 0, pauses: 0 }
    }

    /// When the next request may go, and the `ahead`th after it.
    pub(crate) fn opening(&self, ahead: u64, now: Nanos) -> Opening {
        match self.phase {
            Phase::Open => self.pace.opening(ahead, now),
            Phase::Paused(end) => {
                Opening { at: self.pace.spread(ahead, end), ..Opening::at(end, WaitReason::Paused) }
            }
            Phase::Probing(_) => Opening {
                at: self.pace.spread(ahead.saturating_add(1), now).max(now.saturating_add(1)),
                look: None,
                reason: WaitReason::Paused,
            },
        }
    }

    /// For how long everybody is stopped; also while one tries again.
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
        self.pace.granted(id, now, self.period);
    }

    /// An answer came that was no refusal.
    pub(crate) fn passed(&mut self, id: u64, now: Nanos) {
        self.pace.done(id, now);
        if self.phase == Phase::Probing(id) {
            self.phase = Phase::Open;
            self.uneasy = now.saturating_add(self.period);
            self.pace.brief(self.uneasy);
        }
        if id >= self.barrier {
            self.pace.clean();
        }
    }

    /// The request never left.
    pub(crate) fn unsent(&mut self, id: u64, now: Nanos) {
        self.pace.undone(id);
        self.let_another_try(id, now);
    }

    /// No answer came.
    pub(crate) fn unanswered(&mut self, id: u64, now: Nanos) {
        self.pace.done(id, now);
        self.let_another_try(id, now);
    }

    fn let_another_try(&mut self, id: u64, now: Nanos) {
        if self.phase == Phase::Probing(id) {
            self.phase = Phase::Paused(now);
        }
    }

    /// A 429: nobody goes on until the pause is over.
    pub(crate) fn refused(&mut self, id: u64, now: Nanos, refusal: Refusal) {
        self.pace.done(id, now);
        let asked = refusal.retry_after.unwrap_or(self.period);
        if id < self.barrier {
            return self.stop(asked, now);
        }
        if self.phase != Phase::Probing(id) && !refusal.explained {
            self.pace.slower();
        }
        self.pauses += 1;
        self.barrier = refusal.next_id;
        self.pause = self.next_pause(id, asked, now);
        self.stop(self.pause, now);
    }

    fn next_pause(&self, id: u64, asked: Nanos, now: Nanos) -> Nanos {
        if self.phase != Phase::Probing(id) && now >= self.uneasy {
            return asked;
        }
        let longest = LONGEST_PAUSE.max(self.period);
        asked.max(self.pause.saturating_mul(2).min(longest))
    }

    fn stop(&mut self, pause: Nanos, now: Nanos) {
        let end = now.saturating_add(pause);
        let known = self.paused_until(now).unwrap_or(0);
        self.phase = Phase::Paused(end.max(known));
    }

    /// A lower rate: a longer period, or a larger share of it for each request.
    pub(crate) fn tighten(&mut self, period: Nanos, share: Nanos) {
        self.period = period;
        self.pace.tighten(share);
    }
}
