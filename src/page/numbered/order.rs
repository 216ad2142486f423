//! Whether a numbered list keeps its order, and how often it was read to find that out.
//!
//! The first pass yields all items of a list that keeps its order. Another pass follows only a sign that some may have been missed,
//! and knows which items it has read itself. `Late` distinguishes items that were missed from those that were added meanwhile.

use std::mem;

use crate::page::seen::{Key, Seen};

/// So many items that were missed are enough.
const MOST_LATE: usize = 100;
/// So many signs of another order are no chance.
const MOST_SIGNS: u32 = 3;

/// One reading of the list.
#[derive(Debug, Default)]
pub(super) enum Pass {
    #[default]
    First,
    /// Another one of the whole list, and the items that it has read.
    Whole(Seen),
    /// One of a part in which pages left items out, up to this item or to the end of the list.
    Gap(Seen, Option<Key>),
}

impl Pass {
    /// The items of this pass. Those of the first one are all that came.
    pub(super) fn read(&self) -> Option<&Seen> {
        match self {
            Pass::First => None,
            Pass::Whole(read) | Pass::Gap(read, _) => Some(read),
        }
    }

    pub(super) fn fills_gap(&self) -> bool {
        matches!(self, Pass::Gap(..))
    }
}

/// Whether the list keeps its order, as far as it shows.
///
/// If items with equal times are sorted anew for each response, some move across the border between two pages, and
/// would be missed. The sign is a known item on a page that begins right at the frontier, while the total stands still;
/// but one insertion and one deletion look the same. So the list is read again, and an error follows only if the sign
/// comes again each time and the items do not add up to the total.
///
/// If the total changes, too, the items cannot add up. Then the proof is an item that was missed: it is new when the list
/// is read again, and in the reading after that it is still below an item of the first response. An item that was added
/// would be above, since items are added at the top.
#[derive(Debug, Default)]
pub(super) struct Order {
    /// The sign was seen in this pass.
    pub(super) is_doubtful: bool,
    /// In how many pages it was seen in all.
    pub(super) signs: u32,
    /// The total has changed since the beginning.
    pub(super) has_moved: bool,
    /// How many items were yielded, by this iterator or an earlier one.
    pub(super) yielded: u64,
    /// How many entries of the first pass were none of its own: a null, or an id that came earlier in its page.
    pub(super) idle: u64,
    pub(super) pass: Pass,
    /// How many times the whole list was read again, this pass included.
    pub(super) rereads: u32,
    /// How many times a gap was read again, this pass included.
    fills: u32,
    /// The end of the pass that came furthest.
    pub(super) furthest: u64,
    /// The first item of the list, by the first response.
    pub(super) top: Option<Key>,
    pub(super) late: Late,
}

/// The items that passes after the first found although they were there from the beginning.
#[derive(Debug, Default)]
pub(super) struct Late {
    /// The items of the first response. An item below one of them was there from the beginning.
    anchors: Vec<Key>,
    /// One of them came in this pass.
    is_anchored: bool,
    /// New items that came after one of them, in this pass.
    items: Vec<Key>,
    /// Those of the pass before that did not come in this one yet.
    earlier: Vec<Key>,
    /// One of those came after an anchor again.
    pub(super) is_proved: bool,
}

impl Order {
    /// After so many items that an earlier iterator has yielded: only their number is known.
    pub(super) fn after(yielded: u64) -> Order {
        Order { yielded, ..Order::default() }
    }

    /// Whether the sign came so often, while the total stood still, that it was hardly an insertion and a deletion each time.
    pub(super) fn seems_shuffled(&self) -> bool {
        self.signs >= MOST_SIGNS && !self.has_moved
    }

    /// Keeps the items of the first response but those that an earlier iterator has yielded.
    pub(super) fn anchor(&mut self, keys: &[Key], inherited: usize, is_top: bool) {
        if self.late.anchors.is_empty() {
            self.top = keys.first().copied().filter(|_| is_top);
            self.late.anchors = keys.iter().skip(inherited).copied().collect();
            self.late.anchors.sort_unstable();
        }
    }

    /// How many times the list was read, this pass included.
    pub(super) fn passes(&self) -> u32 {
        1 + self.rereads + self.fills
    }

    /// Keeps which items this pass has read. Of the first pass they are known anyway; it counts those that are none.
    pub(super) fn keep(&mut self, keys: &[Key], holes: u64) {
        match &mut self.pass {
            Pass::Whole(read) | Pass::Gap(read, _) => {
                let new = keys.iter().copied().filter(|key| !read.contains(*key)).collect();
                read.extend(new);
            }
            Pass::First => {
                let mut sorted = keys.to_vec();
                sorted.sort_unstable();
                let twins = sorted.windows(2).filter(|pair| pair[0] == pair[1]).count();
                self.idle += holes + twins as u64;
            }
        }
    }

    pub(super) fn begin(&mut self, pass: Pass) {
        match pass {
            Pass::First => {}
            Pass::Whole(_) => self.rereads += 1,
            Pass::Gap(..) => self.fills += 1,
        }
        (self.pass, self.is_doubtful) = (pass, false);
        self.late.begin_pass();
    }
}

impl Late {
    /// Watches a page that is read again for items that were missed.
    pub(super) fn watch(&mut self, keys: &[Key], is_new: impl Fn(usize) -> bool) {
        for (nth, key) in keys.iter().enumerate() {
            if let Some(at) = self.earlier.iter().position(|other| other == key) {
                self.is_proved |= self.is_anchored;
                self.earlier.swap_remove(at);
            }
            if self.is_anchored && is_new(nth) && self.items.len() < MOST_LATE {
                self.items.push(*key);
            }
            self.is_anchored |= self.anchors.binary_search(key).is_ok();
        }
    }

    /// Whether some came in this pass.
    pub(super) fn has_come(&self) -> bool {
        !self.items.is_empty()
    }

    fn begin_pass(&mut self) {
        (self.is_anchored, self.earlier) = (false, mem::take(&mut self.items));
    }
}
