//! Numbered pages, fetched side by side, of a list that others may change meanwhile.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use super::task::Task;
use crate::cancellation::Cancellation;
use crate::clock::Clock;
use crate::error::Result;
use crate::page::progress::PageRequest;
use crate::page::raw_page::RawPage;
use crate::page::seen::Key;

/// Fetches the page with this number, of so many items.
pub(crate) type FetchPage = Arc<dyn Fn(u64, u32) -> Result<RawPage> + Send + Sync>;

/// After a batch that was in vain, at most so many pages are read in order before the next one.
const MOST_IN_ORDER: u32 = 16;

/// Fetches the pages after the requested one side by side, a batch at a time.
///
/// The pages of a batch are used only if they show one state of the list: if each reports the same total as the state
/// before the batch, and the first page, requested again after the batch (and beside the next one), still has that total
/// and still begins with the same item. For new items are added at the top: if the total is the same and none of them is
/// there, then every item that was added meanwhile was deleted again and no other one was, so that the list was as before
/// whenever it had that total. Equal totals alone would prove nothing: one insertion and one deletion between two pages
/// lose an item. If the proof fails, the pages are read again in order.
pub(crate) struct AheadByNumber {
    /// How many pages a batch has; 0 if nothing is fetched ahead.
    pages: u32,
    /// How many items the caller takes at most.
    items: u64,
    /// The last page with items that the caller takes.
    last: u64,
    /// The state that the pages of the batches must show.
    base: Option<Base>,
    /// Pages that were proved, the next one first, and the error of the one after them.
    ready: VecDeque<(PageRequest, Result<RawPage>)>,
    batch: Option<Batch>,
    /// How many pages are to be read in order before the next batch.
    in_order: u32,
    /// How many batches in a row were in vain, as a power of two.
    vain: u32,
}

/// A state of the list, as the first page shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Base {
    total: u64,
    first: Key,
}

/// Pages under way, in their order.
struct Batch {
    first: PageRequest,
    tasks: Vec<Task<Result<RawPage>>>,
}

impl Base {
    fn of(page: &RawPage) -> Option<Base> {
        let first = page.items.first()?;
        Some(Base { total: page.numbers.total_items?, first: page.key(first) })
    }
}

/// The function that fetches pages, and the clock to wait on.
#[derive(Clone, Copy)]
pub(crate) struct Means<'a> {
    pub(crate) fetch: &'a FetchPage,
    pub(crate) clock: &'a Arc<dyn Clock>,
}

impl Means<'_> {
    fn fetch(&self, request: PageRequest) -> Result<RawPage> {
        (self.fetch)(request.number, request.per_page)
    }

    fn start(&self, request: PageRequest, stop: &Cancellation) -> Option<Task<Result<RawPage>>> {
        let fetch = Arc::clone(self.fetch);
        Task::start(self.clock, stop, move || fetch(request.number, request.per_page))
    }
}

/// The first item alone shows whether the top of the list has changed.
const TOP: PageRequest = PageRequest { number: 1, per_page: 1 };

impl AheadByNumber {
    pub(crate) fn new() -> AheadByNumber {
        AheadByNumber {
            pages: 0,
            items: u64::MAX,
            last: u64::MAX,
            base: None,
            ready: VecDeque::new(),
            batch: None,
            in_order: 0,
            vain: 0,
        }
    }

    /// Sets how many pages are fetched ahead, and how many items the caller takes at most.
    pub(crate) fn set(&mut self, pages: u32, items: u64) {
        (self.pages, self.items) = (pages, items);
    }

    /// Forgets what was fetched, and cancels what is under way.
    pub(crate) fn forget(&mut self) {
        *self = AheadByNumber { pages: self.pages, items: self.items, ..AheadByNumber::new() };
    }

    /// Returns a page, from those fetched ahead if it is one of them.
    pub(crate) fn page(&mut self, means: Means<'_>, request: PageRequest) -> Result<RawPage> {
        let pages = self.items.div_ceil(request.per_page.max(1).into());
        self.last = (request.number.saturating_sub(1)).saturating_add(pages);
        if self.batch.as_ref().is_some_and(|batch| batch.first == request) && self.ready.is_empty()
        {
            self.prove(means);
        }
        match self.ready.pop_front() {
            Some((ready, page)) if ready == request => page,
            _ => self.in_order(means, request),
        }
    }

    /// Waits for the batch, begins the next one, and makes sure meanwhile that the list has not changed.
    fn prove(&mut self, means: Means<'_>) {
        let (Some(batch), Some(base)) = (self.batch.take(), self.base) else { return };
        let first = batch.first;
        let mut pages = VecDeque::new();
        for (nth, task) in (0..).zip(batch.tasks) {
            let Some(page) = task.join() else { break };
            let shows = |page: &RawPage| page.numbers.total_items == Some(base.total);
            // The pages after one that cannot be used are of no use either: dropping cancels them.
            if !page.as_ref().map_or(true, shows) {
                return self.was_vain(None);
            }
            let is_error = page.is_err();
            pages.push_back((PageRequest { number: first.number + nth, ..first }, page));
            if is_error {
                break;
            }
        }
        let next = PageRequest { number: first.number + pages.len() as u64, ..first };
        // After a batch that was in vain, the next one has to prove itself first.
        if self.vain == 0 {
            self.start(means, next);
        }
        let top = means.fetch(TOP).ok().as_ref().and_then(Base::of);
        if top != Some(base) {
            return self.was_vain(top);
        }
        (self.ready, self.vain) = (pages, 0);
        self.start(means, next);
    }

    /// Gives up the batches, and begins anew from what the first page shows now.
    fn was_vain(&mut self, base: Option<Base>) {
        (self.base, self.batch) = (base, None);
        self.vain = (self.vain * 2).clamp(1, MOST_IN_ORDER);
        self.in_order = self.vain;
    }

    /// Fetches a page by itself, and begins a batch after it.
    fn in_order(&mut self, means: Means<'_>, request: PageRequest) -> Result<RawPage> {
        self.ready.clear();
        self.batch = None;
        self.in_order = self.in_order.saturating_sub(1);
        let is_due = self.pages > 0 && self.in_order == 0;
        let top = if is_due && self.base.is_none() && request.number > 1 {
            means.start(TOP, &Cancellation::new())
        } else {
            None
        };
        let page = means.fetch(request)?;
        if let Some(top) = top.and_then(Task::join) {
            self.base = top.ok().as_ref().and_then(Base::of);
        }
        if request.number == 1 {
            self.base = Base::of(&page);
        }
        self.base = self.base.filter(|base| page.numbers.total_items == Some(base.total));
        if is_due {
            self.start(means, PageRequest { number: request.number.saturating_add(1), ..request });
        }
        Ok(page)
    }

    /// Begins a batch with this page, of those that there are and the caller takes.
    fn start(&mut self, means: Means<'_>, first: PageRequest) {
        let Some(base) = self.base.filter(|_| self.batch.is_none()) else { return };
        let last = base.total.div_ceil(first.per_page.max(1).into()).min(self.last);
        let left = last.saturating_add(1).saturating_sub(first.number);
        let requests = (0..left.min(self.pages.into()))
            .map(|nth| PageRequest { number: first.number + nth, ..first });
        // One for all: the first that is dropped cancels those behind it.
        let stop = Cancellation::new();
        let tasks: Vec<_> = requests.map_while(|request| means.start(request, &stop)).collect();
        self.batch = (!tasks.is_empty()).then_some(Batch { first, tasks });
    }
}

impl fmt::Debug for AheadByNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AheadByNumber").field("base", &self.base).finish_non_exhaustive()
    }
}
