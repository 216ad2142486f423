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
/// A page without new items may end this often at the same item. More often, the server repeats itself.
const REPEATS: usize = 3;
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
    has_begun: bool,
    is_at_end: bool,
    /// Why the list cannot be read on after the page that was just yielded.
    dead_end: Option<&'static str>,
    /// How many pages were yielded.
    pages: u64,
    /// How many items without an id at the top of the next page were yielded by an earlier iterator.
    nameless: usize,
    /// The last items of the pages since one had something new.
    passed: Vec<Key>,
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
    /// Something new came in this pass.
    is_fruitful: bool,
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
        let is_alike = self.earlier == Some(self.content) && !self.is_fruitful;
        let is_doubtful = self.is_doubtful || self.is_reordered && self.passes == 0;
        if !is_doubtful || is_alike {
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
        let size = if self.state.has_begun { page_size.max(2) } else { page_size };
        let fetch = |cursor: Option<&str>| {
            let page = ahead.borrow_mut().page(&request, &clock, cursor, size)?;
            check_length(page.items.len(), size)?;
            Ok(Batch::new(page, size))
        };
        let state = &mut self.state;
        state.trail.room = size as usize - (size as usize).div_ceil(10);
        if state.trail.ids.is_empty() {
            state.has_begun = true;
            let top = top_of(&fetch)?;
            return Ok(Some((top, true)).filter(|(top, _)| !top.items.is_empty()));
        }
        loop {
            match Search::new(&fetch, &mut state.trail, &state.seen).run()? {
                Found::Next(batch) => return Ok(Some((batch, false))),
                Found::Top(batch) => return Ok(Some((batch, true))),
                Found::End => return Ok(None),
                Found::BackTo(index) => {
                    state.trail.ids.truncate(index + 1);
                    // The events after it may have been read before.
                    state.order.read = Some(Seen::default());
                    state.trail.was_short = true;
                }
            }
        }
    }

    /// Takes in a page; returns the items of it that are new, if there are any.
    fn take_in(&mut self, batch: Batch, is_top: bool) -> Result<Option<FetchedPage>> {
        let state = &mut self.state;
        if is_top {
            state.trail.ids.clear();
            state.trail.first = batch.items.first().map(|item| item.key);
        }
        state.order.watch(&batch, &state.seen, is_top);
        let was_short = mem::replace(&mut state.trail.was_short, !batch.is_full);
        let last = batch.items.last();
        if last.is_some_and(|last| last.id.is_none()) {
            state.dead_end = Some("the last item of a page has no id to continue after");
        }
        let last = last.map(|last| last.key);
        // The positions within the page tell it already.
        let leads_on = !is_top && !batch.has_all_in(&state.seen);
        state.trail.habits.cuts_short |= leads_on && was_short;
        state.trail.habits.follows |= leads_on;
        let page = state.page_of(batch);
        if !page.items.is_empty() {
            state.passed.clear();
            state.order.is_fruitful = true;
            state.pages += 1;
            return Ok(Some(page));
        }
        state.passed.extend(last);
        let repeats = state.passed.iter().filter(|passed| Some(**passed) == last).count();
        if repeats >= REPEATS {
            let refusal = state.trail.refusal.take();
            return Err(
                refusal.unwrap_or_else(|| no_progress("the same pages come again and again"))
            );
        }
        Ok(None)
    }
}

/// The first page of a list. An empty one may be a mistake, and is requested again.
fn top_of(fetch: &dyn Fn(Option<&str>) -> Result<Batch>) -> Result<Batch> {
    let top = fetch(None)?;
    if top.items.is_empty() { fetch(None) } else { Ok(top) }
}

impl State {
    /// Continues after an item that an earlier iterator has yielded.
    fn after(mark: &AfterItem) -> State {
        let mut state = State { start: mark.clone(), ..State::default() };
        state.trail.habits.cuts_short = mark.cuts_short;
        state.go_to_start();
        state.seen.extend(state.trail.ids.iter().map(|id| key(id)).collect());
        state.has_begun = mark.last.is_some();
        state
    }

    fn go_to_start(&mut self) {
        let AfterItem { last, before, nameless, .. } = self.start.clone();
        let has_past = before.is_some();
        let ids: Vec<Id> = [before, last].into_iter().flatten().collect();
        self.trail = Trail { ids, has_past, habits: self.trail.habits, ..Trail::default() };
        self.nameless = nameless;
    }

    /// The end of the list, or another reading of it if its order was seen to change.
    fn finish_pass(&mut self) -> Result<()> {
        self.is_at_end = !self.order.finish_pass()?;
        if !self.is_at_end {
            self.passed.clear();
            self.go_to_start();
        }
        Ok(())
    }

    /// Moves the trail to the end of a page, and keeps the new items of the page.
    fn page_of(&mut self, batch: Batch) -> FetchedPage {
        let mut mark = self.mark();
        let mut skip = mem::take(&mut self.nameless);
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
    use std::collections::HashSet;

    use std::sync::{Arc, Mutex};

    use fastrand::Rng;
    use http::{HeaderMap, StatusCode};
    use serde::Deserialize;
    use serde_json::json;

    use super::*;
    use crate::error::ErrorKind;
    use crate::page::pager::Pager;

    #[derive(Clone, Copy, Debug, PartialEq)]
    enum Unknown {
        Error(u16),
        Restart,
        Empty,
    }

    /// How a server responds where the vendor's documentation is silent.
    #[derive(Clone, Copy, Debug)]
    struct Manner {
        unknown: Unknown,
        /// The cursor's own item is sent, too.
        is_inclusive: bool,
        /// So many items before the cursor are sent again.
        overlap: usize,
        /// Pages are cut short at random, to this many items at least.
        shortest: Option<usize>,
    }

    const DOWN: StatusCode = StatusCode::SERVICE_UNAVAILABLE;

    const PLAIN: Manner =
        Manner { unknown: Unknown::Restart, is_inclusive: false, overlap: 0, shortest: None };

    type Change = Box<dyn FnMut(&mut Vec<u32>, &[u32]) + Send>;

    /// A server with a list of ids, which changes before each request but the first.
    struct Server {
        list: Vec<u32>,
        manner: Manner,
        random: Rng,
        /// Changes the list, given the ids at the end of the latest page.
        change: Change,
        latest: Vec<u32>,
        /// The cursor and the size of each request.
        requests: Vec<(Option<u32>, u32)>,
        /// How often the server fails.
        faults: f64,
        /// The request to which it responds with an empty page by mistake; 0 for none.
        mistake: usize,
        /// How many requests there were before the latest iterator.
        earlier: usize,
        /// It treats every cursor as one that it does not know.
        knows_no_cursor: bool,
    }

    impl Server {
        fn page(&mut self, after: Option<u32>, size: u32) -> Result<Vec<u32>> {
            if !self.requests.is_empty() {
                (self.change)(&mut self.list, &self.latest);
            }
            self.requests.push((after, size));
            if self.random.f64() < self.faults {
                let error = Error::new(ErrorKind::Server, "down");
                return Err(error.with_response(DOWN, HeaderMap::new()));
            }
            // An iterator that finds nothing at all has no reason to ask again.
            let is_first = after.is_none() && self.requests.len() == self.earlier + 1;
            if self.requests.len() == self.mistake && !is_first {
                return Ok(Vec::new());
            }
            let known = if self.knows_no_cursor { &[] } else { &self.list[..] };
            let at = after.map(|id| known.iter().position(|other| *other == id));
            let start = match (at, self.manner.unknown) {
                (None, _) | (Some(None), Unknown::Restart) => 0,
                (Some(Some(at)), _) if self.manner.is_inclusive => at - at.min(self.manner.overlap),
                (Some(Some(at)), _) => at + 1 - self.manner.overlap.min(at + 1),
                (Some(None), Unknown::Empty) => self.list.len(),
                (Some(None), Unknown::Error(status)) => {
                    let status = StatusCode::from_u16(status).expect("a status");
                    let error = Error::new(ErrorKind::NotFound, "no such event");
                    return Err(error.with_response(status, HeaderMap::new()));
                }
            };
            let most = size as usize;
            let length = self.manner.shortest.map_or(most, |least| {
                let least = least.min(most);
                self.random.usize(least..=most)
            });
            let page: Vec<u32> = self.list[start..].iter().copied().take(length).collect();
            self.latest = page[page.len() - page.len().min(4)..].to_vec();
            Ok(page)
        }
    }

    #[derive(Clone)]
    struct Model(Arc<Mutex<Server>>);

    impl Model {
        fn new(
            items: u32,
            manner: Manner,
            change: impl FnMut(&mut Vec<u32>, &[u32]) + Send + 'static,
        ) -> Model {
            Model(Arc::new(Mutex::new(Server {
                list: (1..=items).collect(),
                manner,
                random: Rng::with_seed(u64::from(items)),
                change: Box::new(change),
                latest: Vec::new(),
                requests: Vec::new(),
                faults: 0.0,
                mistake: 0,
                earlier: 0,
                knows_no_cursor: false,
            })))
        }

        fn still(items: u32, manner: Manner) -> Model {
            Model::new(items, manner, |_, _| ())
        }

        fn list(&self) -> Vec<u32> {
            self.0.lock().expect("no panic before").list.clone()
        }

        fn requests(&self) -> Vec<(Option<u32>, u32)> {
            self.0.lock().expect("no panic before").requests.clone()
        }

        fn delete(&self, ids: &[u32]) {
            self.0.lock().expect("no panic before").list.retain(|id| !ids.contains(id));
        }

        /// An iterator begins.
        fn begin(&self) {
            let mut server = self.0.lock().expect("no panic before");
            server.earlier = server.requests.len();
        }

        fn pager(&self, page_size: u32) -> Pager<Item> {
            Pager::new(Cursor::new(self.clone())).page_size(page_size)
        }
    }

    impl fmt::Debug for Model {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("Model")
        }
    }

    impl CursorList for Model {
        fn list_name(&self) -> String {
            "model 0".to_owned()
        }

        fn call_name(&self) -> CallName {
            CallName { name: "POST /model".to_owned(), operation: "list".into() }
        }

        fn fetch(&self, after: Option<&str>, items: u32) -> Result<RawPage> {
            let after = after.map(|id| id.parse().expect("an id"));
            let page = self.0.lock().expect("no panic before").page(after, items)?;
            let events: Vec<Value> = page.iter().map(|id| json!({"id": id.to_string()})).collect();
            Ok(raw(&json!({"events": events})))
        }

        fn set_filter(&mut self, _name: &str, _value: Value) {}

        fn unreadable(&self, _item: &Value, cause: serde_json::Error) -> Error {
            Error::new(ErrorKind::Unreadable, "odd").with_source(cause)
        }
    }

    fn raw(page: &Value) -> RawPage {
        RawPage::parse(page.to_string().into_bytes(), "events", &["id"]).expect("a page")
    }

    #[derive(Debug, Deserialize)]
    struct Item {
        id: String,
    }

    /// The ids that come, and the error if one does.
    fn read(pager: impl Iterator<Item = Result<Item>>) -> (Vec<u32>, Option<Error>) {
        let (mut ids, mut last) = (Vec::new(), None);
        for item in pager {
            assert!(last.is_none(), "something comes after {last:?}");
            match item {
                Ok(item) => ids.push(item.id.parse().expect("a number")),
                Err(error) => last = Some(error),
            }
        }
        (ids, last)
    }

    fn all(items: u32) -> Vec<u32> {
        (1..=items).collect()
    }

    const UNKNOWN: [Unknown; 5] = [
        Unknown::Restart,
        Unknown::Empty,
        Unknown::Error(404),
        Unknown::Error(400),
        Unknown::Error(500),
    ];

    /// Servers that differ in everything that the documentation leaves open.
    fn manners() -> Vec<Manner> {
        let mut manners = Vec::new();
        for unknown in UNKNOWN {
            for is_inclusive in [false, true] {
                for (overlap, shortest) in
                    [(0, None), (0, Some(1)), (2, None), (2, Some(5)), (0, Some(3))]
                {
                    // An inclusive server that sends the cursor alone cannot be read on.
                    let shortest =
                        shortest.map(|least| if is_inclusive { least.max(2) } else { least });
                    manners.push(Manner { unknown, is_inclusive, overlap, shortest });
                }
            }
        }
        manners
    }

    #[test]
    fn a_list_that_stands_still_is_read_whole_in_few_requests() {
        for is_inclusive in [false, true] {
            for items in [0, 1, 2, 3, 98, 99, 100, 101, 197, 198, 199, 200, 230, 298, 990, 2500] {
                let model = Model::still(items, Manner { is_inclusive, ..PLAIN });
                let (ids, error) = read(model.pager(100));
                assert!(error.is_none(), "{error:?}");
                assert_eq!(ids, all(items));
                let most = items.div_ceil(99) as usize + 2;
                let requests = model.requests().len();
                assert!(requests <= most, "{requests} requests for {items}, {is_inclusive}");
            }
        }
    }

    #[test]
    fn a_list_that_stands_still_is_read_whole_from_every_server() {
        for manner in manners() {
            for items in 0..40 {
                let page_size = 6 + items % 3;
                let model = Model::still(items, manner);
                // Where all of the list is in the overlap, the server seems to ignore the cursor.
                if manner.overlap > 0 && items <= 6 {
                    continue;
                }
                let (ids, error) = read(model.pager(page_size));
                assert!(error.is_none(), "{manner:?}, {items} items: {error:?}");
                assert_eq!(ids, all(items), "{manner:?}");
            }
        }
    }

    #[test]
    fn small_pages_suffice() {
        for is_inclusive in [false, true] {
            for page_size in [1, 2, 3] {
                let model = Model::still(7, Manner { is_inclusive, ..PLAIN });
                let (ids, error) = read(model.pager(page_size));
                assert!(error.is_none(), "{error:?}");
                assert_eq!((ids, model.requests()[0]), (all(7), (None, page_size)));
            }
        }
    }

    /// Insertions and deletions anywhere; deletions often where the last page ended.
    fn churn(seed: u64) -> impl FnMut(&mut Vec<u32>, &[u32]) + Send {
        let mut random = Rng::with_seed(seed);
        let (often, aimed) = (random.f64(), random.f64());
        let mut next = 1_000_000;
        move |list, latest| {
            if random.f64() > often {
                return;
            }
            for _ in 0..random.usize(0..4) {
                if random.bool() {
                    next += 1;
                    list.insert(random.usize(0..=list.len()), next);
                }
            }
            if random.f64() < aimed {
                let doomed = &latest[random.usize(0..=latest.len())..];
                list.retain(|id| !doomed.contains(id));
            }
            for _ in 0..random.usize(0..3) {
                if !list.is_empty() {
                    list.remove(random.usize(0..list.len()));
                }
            }
        }
    }

    #[test]
    fn every_item_that_stayed_comes_exactly_once_whatever_the_server_does() {
        for manner in manners() {
            for seed in 0..150 {
                let items = Rng::with_seed(seed ^ 0xfeed).u32(8..90);
                let page_size = 8 + (seed % 7) as u32;
                let model = Model::new(items, manner, churn(seed));
                let (ids, error) = read(model.pager(page_size));
                assert!(error.is_none(), "{manner:?}, seed {seed}: {error:?}");
                let distinct: HashSet<u32> = ids.iter().copied().collect();
                assert_eq!(distinct.len(), ids.len(), "{manner:?}, seed {seed}: {ids:?}");
                let list = model.list();
                let missing: Vec<&u32> =
                    list.iter().filter(|id| **id <= items && !distinct.contains(id)).collect();
                assert!(missing.is_empty(), "{manner:?}, seed {seed}: {missing:?} of {list:?}");
            }
        }
    }

    #[test]
    fn the_last_items_of_each_page_may_be_deleted() {
        for unknown in UNKNOWN {
            for doomed in 1..=4 {
                let delete = move |list: &mut Vec<u32>, latest: &[u32]| {
                    let doomed = &latest[latest.len() - doomed.min(latest.len())..];
                    list.retain(|id| !doomed.contains(id));
                };
                // Only once in a while: a list of which the end of each page goes at once is soon gone.
                let mut turn = 0;
                let change = move |list: &mut Vec<u32>, latest: &[u32]| {
                    turn += 1;
                    if turn % 5 == 1 {
                        delete(list, latest);
                    }
                };
                let model = Model::new(119, Manner { unknown, ..PLAIN }, change);
                let (ids, error) = read(model.pager(40));
                assert!(error.is_none(), "{unknown:?}, {doomed}: {error:?}");
                let distinct: HashSet<u32> = ids.iter().copied().collect();
                assert_eq!(distinct.len(), ids.len());
                assert!(
                    model.list().iter().all(|id| distinct.contains(id)),
                    "{unknown:?}, {doomed}"
                );
            }
        }
    }

    #[test]
    fn an_iterator_resumed_anywhere_on_a_still_list_yields_exactly_the_rest() {
        for manner in manners() {
            for taken in 0..=25 {
                let model = Model::still(25, manner);
                let mut first = model.pager(8);
                let mut ids = read(first.by_ref().take(taken)).0;
                let saved = first.position().to_string().parse().expect("a position");
                let (rest, error) = read(model.pager(8).resume_at(&saved).expect("the same list"));
                assert!(error.is_none(), "{manner:?}, after {taken}: {error:?}");
                ids.extend(rest);
                assert_eq!(ids, all(25), "{manner:?}, after {taken}");
            }
        }
    }

    #[test]
    fn an_iterator_resumed_on_a_changed_list_is_exact_or_fails() {
        let mut failed = 0;
        for manner in manners() {
            for seed in 0..60 {
                let mut random = Rng::with_seed(seed);
                let model = Model::still(40, manner);
                let mut first = model.pager(9);
                let mut ids = read(first.by_ref().take(random.usize(1..40))).0;
                // The last two that came are the cursors.
                let doomed = &ids[ids.len() - ids.len().min(2)..];
                let doomed: Vec<u32> = doomed.iter().copied().filter(|_| random.bool()).collect();
                model.delete(&doomed);
                let resumed = model.pager(9).resume_at(&first.position()).expect("the same list");
                let (rest, error) = read(resumed);
                ids.extend(rest);
                let distinct: HashSet<u32> = ids.iter().copied().collect();
                assert_eq!(distinct.len(), ids.len(), "{manner:?}, seed {seed}: {ids:?}");
                let is_whole = (1..=40).all(|id| distinct.contains(&id));
                assert!(is_whole || error.is_some(), "{manner:?}, seed {seed}: {ids:?}");
                if let Some(error) = error {
                    failed += 1;
                    assert!(error.hint().is_some(), "{error:?}");
                    assert!(doomed.len() == 2 || is_whole, "{manner:?}, seed {seed}: {error:?}");
                }
            }
        }
        assert!(failed > 0, "both items are gone now and then, and a past list cannot be known");
    }

    #[test]
    fn the_last_item_may_be_deleted_while_an_iterator_that_was_resumed_after_it_looks_for_the_next()
    {
        for manner in manners() {
            for nth in 1..8 {
                let model = Model::still(7, manner);
                let mut first = model.pager(9);
                let mut ids = read(first.by_ref().take(7)).0;
                let mut turn = 0;
                model.0.lock().expect("no panic before").change = Box::new(move |list, _| {
                    turn += 1;
                    if turn == nth {
                        list.pop();
                    }
                });
                let resumed = model.pager(9).resume_at(&first.position()).expect("the same list");
                let (rest, error) = read(resumed);
                ids.extend(rest);
                assert_eq!(ids, all(7), "{manner:?}, {nth}");
                // Short pages may hide that the item before it is still there.
                let may_fail = |error: Error| error.hint().is_some() && manner.shortest.is_some();
                assert!(error.is_none_or(may_fail), "{manner:?}, {nth}");
            }
        }
    }

    /// Lets the server change its list and fail now and then.
    fn disturb(model: &Model, random: &mut Rng, seed: u64) {
        let mut server = model.0.lock().expect("no panic before");
        if !seed.is_multiple_of(3) {
            server.change = Box::new(churn(seed));
        }
        server.faults = if random.u8(..3) == 0 { 0.1 } else { 0.0 };
    }

    /// Reads a list to its end, stopping and resuming now and then; returns also how often it was resumed.
    fn history(model: &Model, random: &mut Rng) -> (Vec<u32>, Option<Error>, usize) {
        let stops = random.u8(..3) == 0;
        let (mut all, mut position) = (Vec::new(), None::<Position>);
        for resumed in 0..60 {
            let prefetch = u32::from(random.u8(..8) == 0);
            let mut pager = model.pager(random.u32(6..15)).prefetch(prefetch);
            if let Some(position) = &position {
                pager = pager.resume_at(position).expect("the same list");
            }
            model.begin();
            let most = if stops { random.usize(..40) } else { usize::MAX };
            let (came, error) = read(pager.by_ref().take(most));
            let is_down = error.as_ref().and_then(Error::status) == Some(DOWN);
            let is_over = error.is_none() && came.len() < most;
            all.extend(came);
            if is_over || error.is_some() && !is_down {
                return (all, error, resumed);
            }
            position = Some(pager.position());
        }
        (all, Some(Error::invalid("stopped").with_hint("stopped")), 60)
    }

    /// Whether all that stayed comes or an error does; never does anything come twice, nor an error without a hint.
    fn is_whole_or_an_error(manner: Manner, seed: u64, errs: bool) -> bool {
        let mut random = Rng::with_seed(seed);
        let items = random.u32(0..90);
        let model = Model::still(items, manner);
        disturb(&model, &mut random, seed);
        if errs {
            model.0.lock().expect("no panic before").mistake = random.usize(2..16);
        }
        let (came, error, resumed) = history(&model, &mut random);
        let distinct: HashSet<u32> = came.iter().copied().collect();
        let is_whole = model.list().iter().all(|id| *id > items || distinct.contains(id));
        let case = format!("{manner:?}, seed {seed}: {error:?}, {came:?}");
        // A position taken while a list is read again that lost its cursors lies before some that came.
        let may_repeat = !seed.is_multiple_of(3) && resumed > 0;
        assert!(distinct.len() == came.len() || may_repeat, "{case}");
        assert!(error.as_ref().is_none_or(|error| error.hint().is_some()), "{case}");
        is_whole || error.is_some()
    }

    #[test]
    fn events_come_exactly_once_or_are_an_error_whatever_fails_and_however_often_it_is_resumed() {
        for (manner, seed) in
            manners().into_iter().flat_map(|it| (0..60).map(move |seed| (it, seed)))
        {
            assert!(is_whole_or_an_error(manner, seed, false), "{manner:?}, seed {seed}");
        }
    }

    /// If a server cuts pages short, the first one that it cuts, then the empty one, and then the one that should show the
    /// mistake, cut after the same event, look like the end of a list.
    #[test]
    fn one_empty_page_by_mistake_is_never_the_end_of_a_changing_list_but_after_a_page_cut_short() {
        let mut silent = 0;
        for (manner, seed) in
            manners().into_iter().flat_map(|it| (0..50).map(move |seed| (it, seed)))
        {
            let is_right = is_whole_or_an_error(manner, seed, true);
            assert!(is_right || manner.shortest.is_some(), "{manner:?}, seed {seed}");
            silent += u32::from(!is_right);
        }
        assert!(silent <= 5, "{silent} of 2,500");
    }

    #[test]
    fn a_server_that_refuses_every_cursor_is_an_error_with_a_hint_after_what_came() {
        for status in [400, 404, 422, 500] {
            for (items, taken) in [(3, 0), (8, 0), (30, 0), (8, 3), (30, 4), (30, 8)] {
                let model =
                    Model::still(items, Manner { unknown: Unknown::Error(status), ..PLAIN });
                let mut first = model.pager(8);
                let mut ids = read(first.by_ref().take(taken)).0;
                model.0.lock().expect("no panic before").knows_no_cursor = true;
                let rest = model.pager(8).resume_at(&first.position()).expect("the same list");
                let (came, error) = read(rest);
                ids.extend(came);
                assert_eq!(ids, all(items.min(8)), "{status}, {items}, {taken}");
                let error = error.expect("an error");
                assert_eq!(error.status().map(|status| status.as_u16()), Some(status));
                let hint = error.hint().expect("a hint");
                assert!(hint.contains("refuses to continue the list"), "{hint}");
                let requests = model.requests().len();
                assert!(requests <= 20, "{requests} requests");
            }
        }
    }

    /// A server that sorts events with equal times anew for each response, in groups of so many.
    fn shuffling(items: u32, manner: Manner, group: usize, seed: u64) -> Model {
        let mut random = Rng::with_seed(seed);
        Model::new(items, manner, move |list, _| {
            list.chunks_mut(group).for_each(|ties| random.shuffle(ties));
        })
    }

    /// Without a total, a shuffle that shows no sign between two pages cannot be noticed.
    #[test]
    fn a_list_whose_ties_are_shuffled_comes_whole_or_is_an_error_with_few_exceptions() {
        let (mut whole, mut failed, mut silent) = (0, 0, 0);
        for seed in 0..600 {
            let group = [2, 5, 12, 40][seed as usize % 4];
            let unknown = UNKNOWN[seed as usize % 5];
            let model = shuffling(137, Manner { unknown, ..PLAIN }, group, seed);
            let (ids, error) = read(model.pager([10, 20, 50][seed as usize % 3]));
            let distinct: HashSet<u32> = ids.iter().copied().collect();
            assert_eq!(distinct.len(), ids.len(), "seed {seed}: twice");
            match error {
                Some(error) => {
                    failed += 1;
                    assert!(error.hint().is_some() || error.status().is_some(), "{error:?}");
                }
                None if ids.len() == 137 => whole += 1,
                None => silent += 1,
            }
        }
        assert!(silent < 12 && whole > 150, "{whole} whole, {failed} failed, {silent} silent");
    }

    #[test]
    fn a_list_that_starts_again_after_a_deletion_is_not_taken_for_a_shuffled_one() {
        let mut turn = 0;
        let model = Model::new(60, PLAIN, move |list, latest| {
            turn += 1;
            if turn == 2 {
                let doomed = &latest[latest.len() - 2..];
                list.retain(|id| !doomed.contains(id));
            }
        });
        let (ids, error) = read(model.pager(10));
        assert!(error.is_none(), "{error:?}");
        assert_eq!(ids, all(60));
        assert!(model.requests().len() <= 14, "{} requests", model.requests().len());
    }

    #[test]
    fn an_event_that_moved_up_to_before_the_cursor_comes() {
        // 5 and 6 change places; both orders are stable.
        let mut turn = 0;
        let model = Model::new(12, PLAIN, move |list, _| {
            turn += 1;
            if turn == 1 {
                list.swap(4, 5);
            }
        });
        let (ids, error) = read(model.pager(5));
        assert!(error.is_none(), "{error:?}");
        assert_eq!(ids.iter().copied().collect::<HashSet<u32>>(), all(12).into_iter().collect());
    }

    #[test]
    fn an_event_that_is_moved_down_once_is_no_error() {
        let mut turn = 0;
        let model = Model::new(25, PLAIN, move |list, _| {
            turn += 1;
            if turn == 2 {
                let moved = list.remove(2);
                list.push(moved);
            }
        });
        let (ids, error) = read(model.pager(8));
        assert!(error.is_none(), "{error:?}");
        assert_eq!(ids.len(), 25);
        // The list was read twice: once more to make sure that its order stands.
        assert!(model.requests().len() <= 12, "{:?}", model.requests());
    }

    #[test]
    fn an_iterator_that_was_used_up_starts_again_at_the_position_it_resumes_at() {
        let model = Model::still(25, PLAIN);
        let start = model.pager(8).position();
        let mut pager = model.pager(8);
        assert_eq!(read(pager.by_ref().take(20)).0.len(), 20);
        let twentieth = pager.position();
        assert_eq!(read(pager.by_ref()).0, [21, 22, 23, 24, 25]);
        let mut pager = pager.resume_at(&twentieth).expect("the same list");
        assert_eq!(read(pager.by_ref()).0, [21, 22, 23, 24, 25]);
        let mut pages = pager.resume_at(&start).expect("the same list").pages();
        let first = pages.next().expect("a page").expect("no error");
        assert_eq!((first.number, first.items.len()), (1, 8));
        let rest = pages.flatten().map(|page| page.items.len()).sum::<usize>();
        assert_eq!(rest, 17);
    }

    /// A server by what it sends for a cursor, and for its how-many-th request.
    struct Responder<F>(F, Mutex<usize>);

    impl<F> fmt::Debug for Responder<F> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("Responder")
        }
    }

    impl<F: Fn(Option<&str>, usize) -> Value + Send + Sync> CursorList for Responder<F> {
        fn list_name(&self) -> String {
            "responder 0".to_owned()
        }

        fn call_name(&self) -> CallName {
            CallName { name: "POST /responder".to_owned(), operation: "list".into() }
        }

        fn fetch(&self, after: Option<&str>, _items: u32) -> Result<RawPage> {
            let mut requests = self.1.lock().expect("no panic before");
            *requests += 1;
            assert!(*requests < 40, "no end");
            Ok(raw(&json!({"events": (self.0)(after, *requests)})))
        }

        fn set_filter(&mut self, _name: &str, _value: Value) {}

        fn unreadable(&self, _item: &Value, cause: serde_json::Error) -> Error {
            Error::new(ErrorKind::Unreadable, "odd").with_source(cause)
        }
    }

    fn responder(
        respond: impl Fn(Option<&str>, usize) -> Value + Send + Sync + 'static,
    ) -> Pager<Value> {
        Pager::new(Cursor::new(Responder(respond, Mutex::new(0)))).page_size(3)
    }

    /// The items after a cursor, of a list whose items may have no id.
    fn behind(list: &Value, after: Option<&str>) -> Value {
        let items = list.as_array().expect("a list");
        let at = after.and_then(|id| items.iter().rposition(|item| item["id"] == id));
        json!(items[at.map_or(0, |at| at + 1)..])
    }

    /// How many items come, and the error.
    fn failure(pager: Pager<Value>) -> (usize, Error) {
        let (good, bad): (Vec<_>, Vec<_>) = pager.partition(Result::is_ok);
        assert_eq!(bad.len(), 1);
        (good.len(), bad.into_iter().find_map(Result::err).expect("an error"))
    }

    #[test]
    fn a_server_that_ignores_the_cursor_is_an_error() {
        for items in [2, 3] {
            let page: Vec<Value> = (0..items).map(|id| json!({"id": id})).collect();
            let (came, error) = failure(responder(move |_, _| json!(page)));
            assert_eq!((came, error.kind()), (items, ErrorKind::NoProgress));
            assert!(error.to_string().starts_with("POST /responder: "), "{error}");
            assert!(error.hint().is_some());
        }
    }

    #[test]
    fn pages_in_a_circle_are_an_error() {
        let (came, error) = failure(responder(|after, _| match after {
            None | Some("c" | "d") => json!([{"id": "a"}, {"id": "b"}]),
            Some(_) => json!([{"id": "c"}, {"id": "d"}]),
        }));
        assert_eq!((came, error.kind()), (4, ErrorKind::NoProgress));
    }

    #[test]
    fn an_id_that_comes_twice_comes_once() {
        for list in [
            json!([{"id": "a"}, {"id": "b"}, {"id": "a"}]),
            json!([{"id": "a"}, {"id": "b"}, {"id": "b"}]),
            json!([{"id": "a"}, {"id": "a"}, {"id": "b"}, {"id": "c"}]),
        ] {
            let listed = list.clone();
            let came: Vec<Value> =
                responder(move |after, _| behind(&listed, after)).map(Result::unwrap).collect();
            let distinct: HashSet<String> = came.iter().map(Value::to_string).collect();
            assert_eq!(distinct.len(), came.len(), "{list}: {came:?}");
            assert!(list.as_array().expect("a list").iter().all(|item| came.contains(item)));
        }
    }

    #[test]
    fn the_end_is_not_believed_if_the_last_item_went_just_before_it() {
        // Short pages hide `d` at first, and `c` is deleted between the second request and the third.
        let pager = responder(|after, nth| match (after, nth) {
            (None, _) => json!([{"id": "a"}, {"id": "b"}, {"id": "c"}]),
            (Some("b"), 2) => json!([{"id": "c"}]),
            (Some("a" | "b"), _) => json!([{"id": "d"}]),
            _ => json!([]),
        });
        let came: Vec<Value> = pager.map(|item| item.expect("an item")["id"].take()).collect();
        assert_eq!(json!(came), json!(["a", "b", "c", "d"]));
    }

    #[test]
    fn one_empty_page_by_mistake_hides_no_event() {
        for is_inclusive in [false, true] {
            for mistake in 2..20 {
                let pager = responder(move |after, nth| {
                    let next = after.map_or(0, |id| id.parse().map_or(0, |id: usize| id + 1));
                    let start = if is_inclusive { next.saturating_sub(1) } else { next };
                    let items =
                        if nth == mistake { 0..0 } else { start.min(57)..(start + 10).min(57) };
                    items.map(|id| json!({"id": id.to_string()})).collect()
                });
                let (good, bad): (Vec<_>, Vec<_>) = pager.page_size(10).partition(Result::is_ok);
                assert!(good.len() == 57 || !bad.is_empty(), "{is_inclusive}, {mistake}: {good:?}");
            }
        }
    }

    #[test]
    fn an_empty_page_by_mistake_does_not_end_the_second_reading_of_a_list_whose_order_changed() {
        let changing = || {
            let mut turn = 0;
            Model::new(25, PLAIN, move |list, _| {
                turn += 1;
                // 3 moves down, which shows; 20 moves up to before the cursor, which does not.
                if turn == 2 {
                    list[2..].rotate_left(1);
                    list[..19].rotate_right(1);
                }
            })
        };
        let model = changing();
        assert_eq!(read(model.pager(8)).0.len(), 25);
        let requests = model.requests();
        let second = requests.iter().skip(1).position(|(after, _)| after.is_none());
        let model = changing();
        model.0.lock().expect("no panic before").mistake = 2 + second.expect("a second reading");
        let (ids, error) = read(model.pager(8));
        assert!(error.is_none(), "{error:?}");
        assert_eq!(ids.len(), 25);
    }

    #[test]
    fn an_item_that_was_moved_down_after_a_position_was_taken_does_not_come_again() {
        let model = Model::still(20, PLAIN);
        let mut first = model.pager(8);
        assert_eq!(read(first.by_ref().take(5)).0, [1, 2, 3, 4, 5]);
        model.delete(&[5]);
        model.0.lock().expect("no panic before").list.push(5);
        let (rest, error) = read(model.pager(8).resume_at(&first.position()).expect("the list"));
        assert!(error.is_none(), "{error:?}");
        assert_eq!(rest, (6..=20).collect::<Vec<_>>());
    }

    #[test]
    fn a_page_that_ends_without_an_id_is_yielded_and_then_an_error() {
        let page = json!([{"id": "a"}, {"title": "nameless"}]);
        let (came, error) = failure(responder(move |_, _| page.clone()));
        assert_eq!((came, error.kind()), (2, ErrorKind::NoProgress));
    }

    #[test]
    fn items_without_an_id_are_counted_after_the_one_before_them() {
        let list = json!([{"n": 1}, {"id": "a"}, {"n": 2}, {"n": 3}, {"id": "b"}]);
        let pager = || {
            let list = list.clone();
            responder(move |after, _| behind(&list, after)).page_size(9)
        };
        for taken in 0..=5 {
            let mut first = pager();
            let mut came: Vec<Value> = first.by_ref().take(taken).flatten().collect();
            let saved: Position = first.position().to_string().parse().expect("a position");
            let rest = pager().resume_at(&saved).expect("the same list");
            came.extend(rest.map(|item| item.expect("an item")));
            assert_eq!(json!(came), list, "after {taken}: {saved}");
        }
    }

    #[test]
    fn a_page_far_larger_than_requested_is_rejected() {
        let list =
            |items: u32| (0..items).map(|id| json!({"id": id.to_string()})).collect::<Vec<_>>();
        let page = list(31);
        let (came, error) = failure(responder(move |_, _| json!(page)));
        assert_eq!((came, error.kind()), (0, ErrorKind::Unreadable));
        let page = json!(list(30));
        assert_eq!(responder(move |after, _| behind(&page, after)).flatten().count(), 30);
    }

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
