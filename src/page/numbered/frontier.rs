//! Which part of a numbered list was read, and which page to request next.
//!
//! A number of positions from the top is enough, since items are added at the top and since a fall of the total is never
//! smaller than the movement of what lies below. The frontier moves down with the pages that are taken in, and up by each fall
//! of the total; a gap before it moves up with it.

use crate::page::progress::PageRequest;
use crate::page::seen::Key;

/// How many items the pages of the server have.
#[derive(Clone, Copy, Debug, Default)]
pub(super) enum Size {
    /// As many as are requested, as far as is known.
    #[default]
    AsRequested,
    Known(u32),
    /// The length of a page, since the server does not report its size: it may be a little wrong.
    Counted(u32),
}

impl Size {
    pub(super) fn or(self, requested: u32) -> u32 {
        match self {
            Size::AsRequested => requested,
            Size::Known(items) | Size::Counted(items) => items,
        }
    }

    /// The size after a page of so many items that was not counted. A server that was counted once may have to be again.
    pub(super) fn then(self, items: u32) -> Size {
        if self.is_counted() { Size::Counted(items) } else { Size::Known(items) }
    }

    pub(super) fn is_counted(self) -> bool {
        matches!(self, Size::Counted(_))
    }
}

/// How far from the top of the list the iteration is.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Frontier {
    /// This many positions from the top are behind.
    pub(super) behind: u64,
    /// This many of them were yielded by an earlier iterator, and are not in `seen`.
    pub(super) inherited: u64,
    pub(super) total: Option<u64>,
    /// How far the frontier is expected to move up with the next response, judging by recent ones.
    pub(super) unrest: u64,
    /// The part behind it that must be read again.
    pub(super) gap: Option<Gap>,
}

/// The part of a list in which pages left out items that their own numbers count, as the list may have changed while the
/// server put a page together.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gap {
    /// How many positions lie before all those items.
    pub(super) start: u64,
    /// The first item of the next page that left none out. Those that are missing come before it, wherever it moves.
    pub(super) next: Option<Key>,
}

impl Frontier {
    /// Moves up as far as items may have moved up unseen; returns whether the list has changed at all.
    ///
    /// A fall of the total is the only sign of a deletion, and never smaller than that movement: new items are added at
    /// the top ("newest first") and push back down.
    pub(super) fn follow(&mut self, total: Option<u64>) -> bool {
        let before = self.total.or(total).unwrap_or_default();
        let now = total.unwrap_or(before);
        self.total = total.or(self.total);
        let fall = before.saturating_sub(now);
        self.turn_back(fall);
        self.inherited = self.inherited.saturating_sub(fall);
        self.unrest = fall.max(self.unrest / 2);
        before != now
    }

    /// Moves up by so many positions.
    pub(super) fn turn_back(&mut self, positions: u64) {
        self.behind = self.behind.saturating_sub(positions);
        if let Some(gap) = &mut self.gap {
            gap.start = gap.start.saturating_sub(positions);
        }
    }

    /// The page to request, of at most so many items: of those that hold the expected place of the frontier, the one
    /// that reaches furthest.
    pub(super) fn page(&self, largest: u32) -> PageRequest {
        let expected = self.behind.saturating_sub(self.unrest.min(u64::from(largest / 2)));
        let holding = |per_page: u32| PageRequest {
            number: (expected / u64::from(per_page)).saturating_add(1),
            per_page,
        };
        let end = |page: &PageRequest| page.number.saturating_mul(page.per_page.into());
        let smaller = 1..if self.unrest > 0 { largest } else { 1 };
        let smaller = smaller.map(holding).max_by_key(end);
        smaller.filter(|page| end(page) > end(&holding(largest))).unwrap_or(holding(largest))
    }
}
