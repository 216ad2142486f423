//! Pages that begin after a named item, as with Heylo's `lastEventId`.

use std::cell::RefCell;
use std::fmt;
use std::mem;
use std::sync::Arc;

use serde_json::Value;

use super::position::{self, Position};
use super::prefetch::{AheadByCursor, FetchAfter};
use super::raw_page::{Numbers, RawPage};
use super::search::{Batch, BatchItem, Found, Id, Search, Trail};
use super::seen::{self, Key, Seen, key};
use super::source::{AfterItem, FetchedPage, LARGEST_PAGE, Mark, PageSource};
use super::source::{check_length, check_page_size, explained, no_progress};
use crate::clock::{Clock, SystemClock};
use crate::error::{CallName, Error, Result};

/// The ids that are kept to find the way back if the last items are deleted.
const TRAIL: usize = 128;
/// If a page without new items ends so often at the same item, the server repeats itself.
const REPEATS: usize = 4;
/// The same for a server that has refused the cursors in between.
const REPEATS_IF_REFUSED: usize = 3;
/// How often a list is read in all if its order is seen to change.
const PASSES: u32 = 6;

/// A list whose pages begin after a named item.
pub(crate) trait CursorList: fmt::Debug + Send + Sync {
    /// The name of the list and of its filters in positions.
    fn list_name(&self) -> String;

    /// The name of the call in errors.
    fn call_name(&self) -> CallName;

    /// Fetches a page of so many items after the one with the id `after`, or from the top.
    fn fetch(&self, after: Option<&str>, items: u32) -> Result<RawPage>;

    fn set_filter(&mut self, name: &str, value: Value);

    /// The error for an item that could not be decoded. Its body is the item.
    fn unreadable(&self, item: &Value, cause: serde_json::Error) -> Error;

    /// The clock that waits for what is fetched ahead.
    fn clock(&self) -> Arc<dyn Clock> {
        Arc::new(SystemClock)
    }
}

/// A source of pages that begin after a named item.
///
/// [`Search`] finds the next page. Here, items that were yielded before are left out.
#[derive(Debug)]
pub(crate) struct Cursor<L> {
    list: Arc<L>,
    ahead: AheadByCursor,
    page_size: u32,
    state: State,
}

/// The progress of an iteration.
#[derive(Debug, Default)]
struct State {
    /// The point after which the iteration began.
    start: AfterItem,
    trail: Trail,
    seen: Seen,
    order: Order,
    is_at_end: bool,
    /// Why the list cannot be read on after the page that was just yielded.
    dead_end: Option<&'static str>,
    /// How many pages were yielded.
    pages: u64,
    /// How many items without an id at the top of the next page were yielded by an earlier iterator.
    nameless: usize,
    /// The items of which one has to come before anything is yielded: an earlier iterator has yielded those before them.
    sought: Vec<Key>,
}

/// Whether the list keeps its order, as far as it shows.
///
/// If events with equal times are sorted anew for each response, some move up to before the cursor and would be missed.
/// The sign is that an item comes again after the cursor, or that another one follows the cursor than before. An event
/// that is moved, or an id that the list holds twice, looks the same. So the list is read again; an error follows only
/// if the sign comes again each time and no two readings are alike.
#[derive(Debug, Default)]
struct Order {
    /// An item came again in this pass.
    is_doubtful: bool,
    /// Another item than before followed the cursor in this pass; an item that was added there looks the same.
    is_reordered: bool,
    /// How many times the list was read before this pass.
    passes: u32,
    /// The items of this pass, unless they are all that were yielded.
    read: Option<Seen>,
    /// A hash of the items of this pass in their order.
    content: u64,
    /// The same of the pass before.
    earlier: Option<u64>,
    /// The last items of the pages of this pass since one had something new.
    passed: Vec<Key>,
}

impl Order {
    /// Watches a page, with the items that were yielded before it.
    fn watch(&mut self, batch: &Batch, seen: &Seen, is_top: bool) {
        if is_top {
            self.content = 0;
            self.read = (seen.len() > 0).then(Seen::default);
        }
        let keys = || batch.items.iter().map(|item| item.key);
        let read = self.read.as_ref().unwrap_or(seen);
        let comes_again = || keys().any(|key| Some(key) != batch.kept && read.contains(key));
        self.is_doubtful |= batch.is_proved && comes_again();
        self.is_reordered |= batch.is_reordered;
        self.content = keys().fold(self.content, |content, key| {
            content.rotate_left(5).wrapping_mul(0x0100_0000_01b3) ^ key
        });
        if let Some(read) = &mut self.read {
            let mut new: Vec<Key> = keys().filter(|key| !read.contains(*key)).collect();
            new.sort_unstable();
            new.dedup();
            read.extend(new);
        }
    }

    /// Whether an item may be missing among those that came.
    fn is_suspect(&self) -> bool {
        self.is_doubtful || self.is_reordered || self.passes > 0
    }

    /// Whether the list must be read again to make sure that nothing is missing.
    fn finish_pass(&mut self) -> Result<bool> {
        let is_alike = self.earlier == Some(self.content);
        if !(self.is_doubtful || self.is_reordered) || is_alike {
            return Ok(false);
        }
        if self.passes + 1 >= PASSES {
            return Err(no_progress("the order of the list changes from response to response")
                .with_hint(
                    "the server sorts items with equal times anew for each response: what came may not be all; narrow \
                     the list down by filters",
                ));
        }
        let (passes, earlier) = (self.passes + 1, Some(self.content));
        *self = Order { passes, earlier, read: Some(Seen::default()), ..Order::default() };
        Ok(true)
    }
}

impl<L: CursorList + 'static> Cursor<L> {
    pub(crate) fn new(list: L) -> Cursor<L> {
        Cursor {
            list: Arc::new(list),
            ahead: AheadByCursor::default(),
            page_size: LARGEST_PAGE,
            state: State::default(),
        }
    }

    fn read_on(&mut self) -> Result<Option<FetchedPage>> {
        while !self.state.is_at_end {
            if let Some(why) = self.state.dead_end {
                return Err(no_progress(why));
            }
            let Some((batch, is_top)) = self.fetch()? else {
                self.state.finish_pass()?;
                continue;
            };
            if let Some(page) = self.take_in(batch, is_top)? {
                return Ok(Some(page));
            }
        }
        Ok(None)
    }

    /// Fetches a page that has items which may be new; `None` at the end of the list.
    fn fetch(&mut self) -> Result<Option<(Batch, bool)>> {
        let (list, clock, page_size) = (Arc::clone(&self.list), self.list.clock(), self.page_size);
        let request: FetchAfter = Arc::new(move |after, items| list.fetch(after, items));
        let ahead = RefCell::new(&mut self.ahead);
        // A page of one item could hold nothing but the item that is expected to come again.
        let is_top = self.state.trail.ids.is_empty();
        let size = if is_top { page_size } else { page_size.max(2) };
        let fetch = |cursor: Option<&str>| {
            let page = ahead.borrow_mut().page(&request, &clock, cursor, size)?;
            check_length(page.items.len(), size)?;
            Ok(Batch::new(page, size))
        };
        let state = &mut self.state;
        state.trail.room = size as usize - (size as usize).div_ceil(10);
        if is_top {
            let top = top_of(&fetch, &state.seen)?;
            return Ok(Some((top, true)).filter(|(top, _)| !top.items.is_empty()));
        }
        loop {
            match Search::new(&fetch, &mut state.trail, &state.seen).run()? {
                Found::Next(batch) => return Ok(Some((batch, false))),
                Found::Top(batch) => {
                    state.seek_from_top();
                    return Ok(Some((batch, true)));
                }
                Found::End => return Ok(None),
                Found::BackTo(index) => state.go_back_to(index),
            }
        }
    }

    /// Takes in a page; returns the items of it that are new, if there are any.
    fn take_in(&mut self, mut batch: Batch, is_top: bool) -> Result<Option<FetchedPage>> {
        let state = &mut self.state;
        if is_top {
            state.trail.ids.clear();
            state.trail.habits.longest = batch.items.len().max(state.trail.habits.longest);
            state.trail.first = batch.items.first().map(|item| item.key);
        }
        state.order.watch(&batch, &state.seen, is_top);
        let was_short = mem::replace(&mut state.trail.was_short, !batch.is_full);
        let last = batch.items.last();
        if last.is_some_and(|last| last.id.is_none()) {
            state.dead_end = Some("the last item of a page has no id to continue after");
        }
        let last = last.map(|last| last.key);
        // Before `page_of`, since the positions within the page have it, too.
        let leads_on = !is_top && !batch.has_all_in(&state.seen);
        state.trail.habits.cuts_short |= leads_on && was_short;
        state.trail.habits.follows |= leads_on;
        state.pass_over(&mut batch);
        let page = state.page_of(batch);
        if !page.items.is_empty() {
            state.order.passed.clear();
            state.pages += 1;
            return Ok(Some(page));
        }
        state.check_progress(last)?;
        Ok(None)
    }
}

/// The error of a position of which nothing came although the list was read from its top.
fn lost(refusal: Option<Error>) -> Error {
    let what = "the items that the position names are not in the list any more";
    refusal
        .map_or_else(|| no_progress(what), |refusal| refusal.noting(what))
        .with_hint("read the list from its beginning, and leave out the items that you have")
}

/// The first page of a list. If the list had items before, an empty page may be a mistake, and is requested again.
fn top_of(fetch: &dyn Fn(Option<&str>) -> Result<Batch>, seen: &Seen) -> Result<Batch> {
    let top = fetch(None)?;
    if top.items.is_empty() && seen.len() > 0 { fetch(None) } else { Ok(top) }
}

impl State {
    /// Continues after an item that an earlier iterator has yielded.
    fn after(mark: &AfterItem) -> State {
        let mut state = State { start: mark.clone(), ..State::default() };
        state.trail.habits.cuts_short = mark.cuts_short;
        state.go_to_start();
        state.seen.extend(state.trail.ids.iter().map(|id| key(id.as_bytes())).collect());
        state
    }

    fn go_to_start(&mut self) {
        let AfterItem { last, before, nameless, .. } = self.start.clone();
        let has_past = before.is_some();
        let ids: Vec<Id> = [before, last].into_iter().flatten().collect();
        self.trail = Trail { ids, has_past, habits: self.trail.habits, ..Trail::default() };
        self.nameless = nameless;
    }

    /// Reads the list from its top, to find the place of the trail if it is not known what precedes it.
    fn seek_from_top(&mut self) {
        if mem::take(&mut self.trail.has_past) {
            self.sought = self.trail.ids.iter().map(|id| key(id.as_bytes())).collect();
        }
    }

    /// Shortens the trail to an item that is still there. The items after it may have been read before.
    fn go_back_to(&mut self, index: usize) {
        self.trail.ids.truncate(index + 1);
        self.trail.was_short = true;
        self.order.read = Some(Seen::default());
    }

    /// Passes over the items up to those that are sought.
    fn pass_over(&mut self, batch: &mut Batch) {
        if self.sought.is_empty() {
            return;
        }
        let found = batch.items.iter().rposition(|item| self.sought.contains(&item.key));
        if found.is_some() {
            self.sought.clear();
        }
        let passed = batch.items.drain(..found.map_or(batch.items.len(), |place| place + 1));
        for BatchItem { id, key, .. } in passed {
            self.trail.ids.extend(id.filter(|id| self.trail.ids.last() != Some(id)));
            if !self.seen.contains(key) {
                self.seen.extend(vec![key]);
            }
        }
    }

    /// The end of the list, or another reading of it if its order was seen to change.
    fn finish_pass(&mut self) -> Result<()> {
        if !self.sought.is_empty() {
            return Err(lost(self.trail.refusal.take()));
        }
        self.is_at_end = !self.order.finish_pass()?;
        if !self.is_at_end {
            self.go_to_start();
        }
        Ok(())
    }

    /// Fails if pages without new items end with the same item again and again.
    fn check_progress(&mut self, last: Option<Key>) -> Result<()> {
        let passed = &mut self.order.passed;
        passed.extend(last);
        let repeats = passed.iter().filter(|passed| Some(**passed) == last).count();
        let most = if self.trail.refusal.is_some() { REPEATS_IF_REFUSED } else { REPEATS };
        if repeats < most {
            return Ok(());
        }
        let refusal = self.trail.refusal.take();
        Err(refusal.unwrap_or_else(|| no_progress("the same pages come again and again")))
    }

    /// Moves the trail to the end of a page, and keeps the new items of the page.
    fn page_of(&mut self, batch: Batch) -> FetchedPage {
        let mut mark = self.mark();
        let mut skip = if batch.items.is_empty() { 0 } else { mem::take(&mut self.nameless) };
        let mut items = Vec::with_capacity(batch.items.len());
        let mut firsts =
            seen::firsts(batch.items.iter().map(|item| item.key)).into_iter().peekable();
        let mut fresh = Vec::with_capacity(batch.items.len());
        for (nth, BatchItem { raw, id, key }) in batch.items.into_iter().enumerate() {
            match id {
                Some(id) => {
                    self.trail.ids.extend(Some(id).filter(|id| Some(id) != mark.last.as_ref()));
                    (mark, skip) = (self.mark(), 0);
                }
                // No page can begin after an item without an id: its point is named by the item before.
                None => mark.nameless += 1,
            }
            if firsts.next_if_eq(&nth).is_some() && !self.seen.contains(key) {
                fresh.push(key);
                if skip == 0 {
                    items.push((raw.json, Mark::After(mark.clone())));
                }
            }
            skip = skip.saturating_sub(1);
        }
        self.seen.extend(fresh);
        let excess = self.trail.ids.len().saturating_sub(TRAIL);
        self.trail.ids.drain(..excess);
        let numbers = Numbers { page: Some(self.pages + 1), ..Numbers::default() };
        FetchedPage { text: batch.text, items, end: Mark::After(mark), numbers }
    }

    fn mark(&self) -> AfterItem {
        let mut latest = self.trail.ids.iter().rev().cloned();
        let (last, before) = (latest.next(), latest.next());
        AfterItem { last, before, nameless: 0, cuts_short: self.trail.habits.cuts_short }
    }
}

impl<L: CursorList + 'static> PageSource for Cursor<L> {
    fn next_page(&mut self) -> Result<Option<FetchedPage>> {
        check_page_size(self.page_size)
            .and_then(|()| self.read_on())
            .map_err(|error| explained(error, self.state.order.is_suspect()))
            .map_err(|error| error.with_call(self.list.call_name()))
    }

    fn resume_at(&mut self, position: &Position) -> Result<Mark> {
        let place = position.place_in(&self.list.list_name())?;
        let mark = parse(place).ok_or_else(Position::unreadable)?;
        self.ahead.forget();
        self.state = State::after(&mark);
        Ok(Mark::After(mark))
    }

    fn position(&self, mark: Option<&Mark>) -> Position {
        let place = match mark {
            Some(Mark::After(mark)) => print(mark),
            _ => print(&AfterItem::default()),
        };
        Position::new(self.list.list_name(), place)
    }

    fn reports_total(&self) -> bool {
        false
    }

    fn total_items(&self) -> Option<u64> {
        None
    }

    fn set_page_size(&mut self, items: u32) {
        self.page_size = items;
    }

    fn set_filter(&mut self, name: &str, value: Value) {
        // Nobody else has the list before the first request.
        if let Some(list) = Arc::get_mut(&mut self.list) {
            list.set_filter(name, value);
        }
    }

    fn set_prefetch(&mut self, pages: u32, _items: u64) {
        self.ahead.set(pages > 0);
    }

    fn call_name(&self) -> CallName {
        self.list.call_name()
    }

    fn unreadable(&self, item: &Value, cause: serde_json::Error) -> Error {
        self.list.unreadable(item, cause)
    }
}

/// Writes `start`, `after LAST` or `after LAST BEFORE`, with the number of items without an id in front if it is not 0.
/// If the server cuts pages short, the word is `after-cut`.
fn print(mark: &AfterItem) -> String {
    let mut place = match mark.nameless {
        0 => String::new(),
        nameless => format!("{nameless} "),
    };
    place.push_str(match (&mark.last, mark.cuts_short) {
        (None, _) => "start",
        (Some(_), false) => "after",
        (Some(_), true) => "after-cut",
    });
    for id in [&mark.last, &mark.before].into_iter().flatten() {
        place.push(' ');
        place.push_str(&position::encode(id));
    }
    place
}

fn parse(place: &str) -> Option<AfterItem> {
    let mut words = place.split(' ').peekable();
    let nameless = words.next_if(|word| word.starts_with(|digit: char| digit.is_ascii_digit()));
    let nameless = nameless.map_or(Some(0), |number| number.parse().ok())?;
    let kind = words.next()?;
    let ids: Vec<Id> = words.map(|id| position::decode(id).map(Id::from)).collect::<Option<_>>()?;
    let cuts_short = kind == "after-cut";
    let (last, before) = match (kind, &ids[..]) {
        ("start", []) => (None, None),
        ("after" | "after-cut", [last]) => (Some(last.clone()), None),
        ("after" | "after-cut", [last, before]) => (Some(last.clone()), Some(before.clone())),
        _ => return None,
    };
    Some(AfterItem { last, before, nameless, cuts_short })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_as_it_was_written_and_no_other_is() {
        for id in ["e1", "2 after x", " ", "start", "after", "a\nb", "e1\u{a0}", "%", "é"] {
            for before in [None, Some("first"), Some(" x ")] {
                for (nameless, cuts_short) in [(0, false), (1, true), (300, false)] {
                    let (last, before) = (Some(id.into()), before.map(Id::from));
                    let mark = AfterItem { last, before, nameless, cuts_short };
                    let place = print(&mark);
                    assert_eq!(place.trim(), place);
                    assert_eq!(parse(&place), Some(mark), "{place}");
                }
            }
        }
        assert_eq!(print(&AfterItem::default()), "start");
        for text in [
            "",
            "x",
            "7",
            "7 x",
            "-1 start",
            "1e9 start",
            "startx",
            "after",
            "after a b c",
            "after-cut",
            "start-cut",
            "start a",
        ] {
            assert!(parse(text).is_none(), "{text}");
        }
    }
}
