//! The distance kept between requests, after refusals or by choice.

use super::moment::Nanos;
use super::moment::Opening;
use super::status::WaitReason;

/// So many answers without a refusal prove a pace, before anything faster is tried. More than a hundred, so
/// that a try which fails is still fewer than one request in a hundred.
const PROOF: u32 = 128;
/// The proof doubles with each try that failed, up to this.
const LONGEST_PROOF: u32 = 4096;
/// So many answers without a refusal between one step faster and the next.
const STEP: u32 = 16;
/// The largest distance, in shares of the period.
const SLOWEST: Nanos = 16;

/// Spreads requests out.
///
/// After a refusal the distance is counted **from the last answer**, which makes it hold on the server's side
/// too, whatever the network's delays. A request that is not answered within a period is no longer waited for.
#[derive(Debug)]
pub(crate) struct Pace {
    /// The period's share of one request.
    share: Nanos,
    /// Whether requests are spread out by choice as well.
    chosen: bool,
    /// The distance; 0 at full speed.
    gap: Nanos,
    /// The distance that was last proven to do; 0 where no refusal is remembered.
    proven: Nanos,
    /// The distance is at least one share until then.
    brief: Nanos,
    /// How many answers without a refusal it takes until something faster is tried.
    proof: u32,
    /// How many there were since the distance last changed.
    clean: u32,
    /// Whether something faster than `proven` is being tried.
    easing: bool,
    last: Option<Last>,
}

/// The request that was granted last.
#[derive(Debug)]
struct Last {
    id: u64,
    granted: Nanos,
    /// From when on the distance to the next one counts: its answer, or a period after its start.
    done: Nanos,
    in_flight: bool,
}

impl Pace {
    pub(crate) fn new(share: Nanos, chosen: bool) -> Pace {
        Pace {
            share,
            chosen,
            gap: 0,
            proven: 0,
            brief: 0,
            proof: PROOF,
            clean: 0,
            easing: false,
            last: None,
        }
    }

    /// The distance that is in force now, for whatever reason; 0 at full speed.
    pub(crate) fn distance(&self, now: Nanos) -> Nanos {
        let for_now = if self.chosen || now < self.brief { self.share } else { 0 };
        self.gap.max(for_now)
    }

    /// When the next request may go, and the `ahead`th after it.
    pub(crate) fn opening(&self, ahead: u64, now: Nanos) -> Opening {
        let free = Opening::at(0, WaitReason::Paced);
        let first = self.last.as_ref().map_or(free, |last| self.after(last, now));
        match ahead {
            0 => first,
            _ => Opening { at: self.spread(ahead, first.at.max(now)), ..first },
        }
    }

    /// When the `ahead`th after a request at `first` may go. A brief pace is over when its time is.
    pub(crate) fn spread(&self, ahead: u64, first: Nanos) -> Nanos {
        let after = |distance: Nanos| first.saturating_add(ahead.saturating_mul(distance));
        let briefly = after(self.distance(first)).min(self.brief);
        after(self.distance(self.brief)).max(briefly)
    }

    fn after(&self, last: &Last, now: Nanos) -> Opening {
        let chosen = match self.chosen {
            true => last.granted.saturating_add(self.share),
            false => 0,
        };
        let refused = match self.gap {
            0 => Opening::at(0, WaitReason::Paced),
            gap => last.opening(gap, now),
        };
        let briefly = last.opening(self.share, now).not_after(self.brief);
        Opening::at(chosen, WaitReason::Paced).and(refused).and(briefly)
    }

    /// A request goes; without an answer it is waited for until `patience` is over.
    pub(crate) fn granted(&mut self, id: u64, now: Nanos, patience: Nanos) {
        self.last =
            Some(Last { id, granted: now, done: now.saturating_add(patience), in_flight: true });
    }

    /// The request has its answer, or will never have one.
    pub(crate) fn done(&mut self, id: u64, now: Nanos) {
        if let Some(last) = self.last.as_mut().filter(|last| last.id == id) {
            last.done = now;
            last.in_flight = false;
        }
    }

    /// The request never left: nothing has to keep its distance from it.
    pub(crate) fn undone(&mut self, id: u64) {
        self.last.take_if(|last| last.id == id);
    }

    /// An answer came that was no refusal: from time to time, something faster is tried.
    pub(crate) fn clean(&mut self) {
        self.clean = self.clean.saturating_add(1);
        let step = if self.easing && self.gap > 0 { STEP } else { self.proof };
        if self.proven > 0 && self.clean >= step {
            self.clean = 0;
            self.faster();
        }
    }

    fn faster(&mut self) {
        if self.gap == 0 {
            // A whole proof at full speed: the refusals are forgotten.
            self.proven = 0;
            self.proof = PROOF;
        }
        self.easing = self.gap > 0;
        self.gap -= self.gap.div_ceil(8);
        if self.gap < self.share / 16 {
            self.gap = 0;
        }
    }

    /// A refusal that our own count does not explain: slower, until much has gone well.
    pub(crate) fn slower(&mut self) {
        self.clean = 0;
        if self.gap < self.proven {
            self.gap = self.proven;
            self.proof = self.proof.saturating_mul(2).min(LONGEST_PROOF);
        } else {
            let slowest = self.share.saturating_mul(SLOWEST);
            self.gap = self.gap.saturating_mul(2).clamp(self.share, slowest);
            self.proven = self.gap;
        }
        self.easing = false;
    }

    /// At least one share apart until then.
    pub(crate) fn brief(&mut self, until: Nanos) {
        self.brief = until;
    }

    /// The period's share of one request has grown.
    pub(crate) fn tighten(&mut self, share: Nanos) {
        self.share = share;
        if self.gap > 0 {
            self.gap = self.gap.max(share);
            self.proven = self.proven.max(share);
        }
    }
}

impl Last {
    fn opening(&self, gap: Nanos, now: Nanos) -> Opening {
        let look = self.done.saturating_add(gap);
        let soonest = if self.in_flight { now.saturating_add(gap) } else { look };
        Opening { at: soonest.min(look), ..Opening::at(look, WaitReason::Paced) }
    }
}
