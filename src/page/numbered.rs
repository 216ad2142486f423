//! Numbered pages, newest first, read exactly while the list changes.

use std::fmt;

use serde_json::Value;

use super::position::Position;
use super::progress::{Place, Progress, Reading};
use super::seen::{Key, Seen};
use super::source::{FetchedPage, Mark, PageInfo, PageSource};
use super::span::{NumberedPage, Span};
use crate::error::{Error, ErrorKind, Result};

/// The largest page that the services give, in items.
const LARGEST_PAGE: u32 = 100;

/// A listing in numbered pages.
pub(crate) trait NumberedList: fmt::Debug + Send + Sync {
    /// The listing and its filters, as positions name them.
    fn list_name(&self) -> String;

    /// What the call is named in errors.
    fn call_name(&self) -> String;

    fn fetch(&self, number: u64, per_page: u32) -> Result<NumberedPage>;

    /// Sets a filter.
    fn set_filter(&mut self, name: &str, value: Value);

    /// The error of an item that could not be decoded, with what may be shown of it.
    fn unreadable(&self, item: &Value, cause: serde_json::Error) -> Error;
}

/// Turns numbered pages (`page`, `per_page`) of a list that others may change meanwhile.
///
/// Insertions at the top push items down onto the next page, deletions pull them up onto one that was
/// already read. So it keeps a *frontier*: that many positions from the top are behind it. It always asks
/// for the page that holds the frontier. Where an answer's `total_items` is lower than that of the answer
/// before by some d, up to d items may have slid up unseen, and the frontier moves up by d first; then, if
/// the page begins at or before it, down to the page's end. What was yielded already is left out.
///
/// While the list shrinks it expects the next answer to move the frontier up again, and asks for a page
/// that reaches back so far; else a list that loses an item before every answer could not be walked.
#[derive(Debug)]
pub(crate) struct Numbered<L> {
    list: L,
    /// How many items the caller wants in a page.
    page_size: u32,
    /// How many items pages have.
    per_page: u32,
    frontier: Frontier,
    seen: Seen,
    progress: Progress,
    is_at_end: bool,
}

/// How far from the top of the list the walk has come.
#[derive(Clone, Copy, Debug, Default)]
struct Frontier {
    /// So many positions from the top are behind.
    behind: u64,
    /// So many of them were yielded before this walk was resumed, and are not in `seen`.
    inherited: u64,
    total: Option<u64>,
    /// So far it may move up with the next answer, by what it did lately.
    unrest: u64,
}

impl Frontier {
    /// Moves up as far as items may have slid up; tells whether the list has moved at all.
    ///
    /// A fall in the total is the only sign of a deletion, and never smaller than the slide: whatever is
    /// added goes to the top ("newest first") and pushes back down.
    fn follow(&mut self, total: Option<u64>) -> bool {
        let before = self.total.or(total).unwrap_or_default();
        let now = total.unwrap_or(before);
        self.total = total.or(self.total);
        let slid = before.saturating_sub(now);
        self.behind = self.behind.saturating_sub(slid);
        self.inherited = self.inherited.saturating_sub(slid);
        self.unrest = slid.max(self.unrest / 2);
        before != now
    }

    /// The page to ask for, of at most so many items: of those that hold the place to which the frontier
    /// is expected to move, the one that reaches furthest.
    fn page(&self, largest: u32) -> Place {
        let expected = self.behind.saturating_sub(self.unrest.min(u64::from(largest / 2)));
        let holding = |per_page: u32| Place {
            number: (expected / u64::from(per_page)).saturating_add(1),
            per_page,
        };
        let end = |place: &Place| place.number.saturating_mul(place.per_page.into());
        let smaller = 1..if self.unrest > 0 { largest } else { 1 };
        let smaller = smaller.map(holding).max_by_key(end);
        smaller.filter(|place| end(place) > end(&holding(largest))).unwrap_or(holding(largest))
    }

    fn mark(&self, behind: u64) -> Mark {
        Mark::Offset { behind, total: self.total }
    }
}

impl<L: NumberedList> Numbered<L> {
    pub(crate) fn new(list: L) -> Numbered<L> {
        Numbered {
            list,
            page_size: LARGEST_PAGE,
            per_page: LARGEST_PAGE,
            frontier: Frontier::default(),
            seen: Seen::default(),
            progress: Progress::default(),
            is_at_end: false,
        }
    }

    /// Fetches the page that holds the frontier, and takes it in.
    fn step(&mut self) -> Result<Option<FetchedPage>> {
        if !(1..=LARGEST_PAGE).contains(&self.page_size) {
            let refused = Error::invalid("the page size must be from 1 to 100");
            return Err(refused.with_call(self.list.call_name()));
        }
        // Not the number after the last one: the frontier may have moved up into a page already read.
        let place = self.frontier.page(self.per_page);
        let (span, _) = self.fetch(place)?;
        self.take_in(span)
    }

    /// Fetches a page, and follows what its total says of the list: whether it has moved.
    fn fetch(&mut self, place: Place) -> Result<(Span, bool)> {
        let number = place.number;
        let asked = place.per_page.min(self.page_size);
        let page = self.list.fetch(number, asked)?;
        // The envelope repeats the number. A cache, or a server that ignores `page`, gives itself away by it.
        if let Some(other) = page.page.filter(|other| *other != number) {
            return Err(self.stuck(format!("page {number} was asked for and page {other} came")));
        }
        let has_moved = self.frontier.follow(page.total_items);
        let gives_what_was_asked = page.per_page == Some(asked.into());
        let span = Span::new(place, page);
        if !gives_what_was_asked {
            // Its pages have a size of their own: asking for another one is no use.
            (self.per_page, self.frontier.unrest) = (span.place.per_page, 0);
        }
        Ok((span, has_moved))
    }

    /// Takes in an answer; gives what of it is to be yielded, if anything is.
    fn take_in(&mut self, span: Span) -> Result<Option<FetchedPage>> {
        if span.contradicts_itself() && span.start <= self.frontier.behind {
            let number = span.place.number;
            return Err(
                self.stuck(format!("page {number} is empty and is said not to be the last"))
            );
        }
        let keys = span.keys();
        let fresh = self.fresh(span.start, &keys);
        if fresh.is_empty() || span.start > self.frontier.behind {
            let is_stale = self.check_progress(Reading::new(span.place, &keys))?;
            // Beyond the frontier there is a gap before the page: the one that holds the frontier comes first.
            if is_stale || span.start > self.frontier.behind {
                return Ok(None);
            }
        }
        self.frontier.behind = self.frontier.behind.max(span.end());
        self.is_at_end = !span.has_more();
        Ok(self.page_of(span, fresh, &keys))
    }

    /// Rules out that a page without anything new is one that the server repeats. Tells whether the list
    /// has moved meanwhile, so that the page says nothing any more.
    fn check_progress(&mut self, reading: Reading) -> Result<bool> {
        self.progress.nothing_new().map_err(|what| self.stuck(what))?;
        let Some(place) = self.progress.seems_to_repeat(&reading) else {
            return Ok(false);
        };
        let (again, has_moved) = self.fetch(place)?;
        // Where the list moved between the two, equal pages prove nothing.
        if !has_moved && reading.has_content_of(&again.keys()) {
            let number = place.number;
            return Err(self.stuck(format!("another page repeats page {number}")));
        }
        Ok(has_moved)
    }

    /// Which of a page's items were not yielded before, by their index in the page.
    fn fresh(&self, start: u64, keys: &[Key]) -> Vec<usize> {
        let is_known = |nth: usize| {
            start.saturating_add(nth as u64) < self.frontier.inherited
                || self.seen.contains(keys[nth])
                || keys[..nth].contains(&keys[nth])
        };
        (0..keys.len()).filter(|nth| !is_known(*nth)).collect()
    }

    fn page_of(&mut self, span: Span, fresh: Vec<usize>, keys: &[Key]) -> Option<FetchedPage> {
        if fresh.is_empty() {
            return None;
        }
        self.progress.something_new(Reading::new(span.place, keys));
        self.seen.extend(fresh.iter().map(|nth| keys[*nth]).collect());
        let start = span.start;
        let info = PageInfo {
            number: span.place.number,
            total_items: span.page.total_items,
            total_pages: span.page.total_pages,
            has_more: Some(span.has_more()),
        };
        let mut items: Vec<Option<Value>> = span.page.items.into_iter().map(Some).collect();
        let taken = fresh.into_iter().filter_map(|nth| {
            let item = items.get_mut(nth)?.take()?;
            let behind = start.saturating_add(nth as u64).saturating_add(1);
            Some((item, self.frontier.mark(behind)))
        });
        let items = taken.collect();
        let end = self.frontier.mark(self.frontier.behind);
        Some(FetchedPage { items, end, info })
    }

    fn stuck(&self, what: String) -> Error {
        let hint = "the list cannot be read to its end; what came before is complete up to here";
        Error::new(ErrorKind::NoProgress, what).with_call(self.list.call_name()).with_hint(hint)
    }
}

impl<L: NumberedList> PageSource for Numbered<L> {
    fn next_page(&mut self) -> Result<Option<FetchedPage>> {
        while !self.is_at_end {
            if let Some(page) = self.step()? {
                return Ok(Some(page));
            }
        }
        Ok(None)
    }

    fn resume_at(&mut self, position: &Position) -> Result<Mark> {
        let place = position.place_in(&self.list.list_name())?;
        let (behind, total) = parse(place).ok_or_else(Position::unreadable)?;
        // Of what came before only the number is known, so it is recognized by its place.
        self.frontier = Frontier { behind, inherited: behind, total, unrest: 0 };
        self.per_page = self.page_size;
        (self.seen, self.progress) = (Seen::default(), Progress::default());
        self.is_at_end = false;
        Ok(self.frontier.mark(behind))
    }

    fn position(&self, mark: Option<&Mark>) -> Position {
        let (behind, total) = match mark {
            Some(Mark::Offset { behind, total }) => (*behind, *total),
            _ => (0, None),
        };
        let total = total.map_or_else(|| "?".to_owned(), |total| total.to_string());
        Position::new(self.list.list_name(), format!("{behind} of {total}"))
    }

    fn reports_total(&self) -> bool {
        true
    }

    fn total_items(&self) -> Option<u64> {
        self.frontier.total
    }

    fn set_page_size(&mut self, items: u32) {
        (self.page_size, self.per_page) = (items, items);
    }

    fn set_filter(&mut self, name: &str, value: Value) {
        self.list.set_filter(name, value);
    }

    fn call_name(&self) -> String {
        self.list.call_name()
    }

    fn unreadable(&self, item: &Value, cause: serde_json::Error) -> Error {
        self.list.unreadable(item, cause)
    }
}

/// Reads `37 of 137`, or `37 of ?`.
fn parse(place: &str) -> Option<(u64, Option<u64>)> {
    let (behind, total) = place.split_once(" of ")?;
    let total = if total == "?" { None } else { Some(total.parse().ok()?) };
    Some((behind.parse().ok()?, total))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Arc, Mutex, MutexGuard};

    use serde::Deserialize;
    use serde_json::json;

    use super::*;
    use crate::page::pager::Pager;

    type Change = Box<dyn FnMut(&mut Vec<u32>) + Send>;
    type Respond = fn(&[u32], u64, u32) -> Value;

    /// A list, newest first, that changes before each request but the first.
    struct Model {
        list: Mutex<Vec<u32>>,
        requests: AtomicUsize,
        change: Mutex<Change>,
        respond: Respond,
    }

    impl Model {
        fn new(items: u32, change: impl FnMut(&mut Vec<u32>) + Send + 'static) -> Arc<Model> {
            Model::with(items, change, envelope)
        }

        /// A list that stands still, behind a server that responds in its own way.
        fn still(items: u32, respond: Respond) -> Arc<Model> {
            Model::with(items, |_| (), respond)
        }

        fn with(
            items: u32,
            change: impl FnMut(&mut Vec<u32>) + Send + 'static,
            respond: Respond,
        ) -> Arc<Model> {
            Arc::new(Model {
                list: Mutex::new((0..items).rev().collect()),
                requests: AtomicUsize::new(0),
                change: Mutex::new(Box::new(change)),
                respond,
            })
        }

        fn list(&self) -> MutexGuard<'_, Vec<u32>> {
            self.list.lock().expect("no panic before")
        }

        fn requests(&self) -> usize {
            self.requests.load(Ordering::Relaxed)
        }
    }

    impl fmt::Debug for Model {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("Model")
        }
    }

    /// The page as the vendor's page shows it.
    fn envelope(list: &[u32], page: u64, per_page: u32) -> Value {
        let total = list.len() as u64;
        let pages = total.div_ceil(u64::from(per_page));
        let before = (page - 1).saturating_mul(u64::from(per_page));
        let items: Vec<Value> = list
            .iter()
            .skip(usize::try_from(before).unwrap_or(usize::MAX))
            .take(per_page as usize)
            .map(|n| json!({"id": n.to_string()}))
            .collect();
        json!({"items": items, "page": page, "per_page": per_page, "total_items": total,
               "total_pages": pages, "has_more": page < pages})
    }

    /// The same, as a server would send it that leaves out what can be worked out.
    fn without_more(list: &[u32], page: u64, per_page: u32) -> Value {
        let mut sent = envelope(list, page, per_page);
        sent["has_more"] = Value::Null;
        sent
    }

    impl NumberedList for Arc<Model> {
        fn list_name(&self) -> String {
            "model 0".to_owned()
        }

        fn call_name(&self) -> String {
            "GET /model".to_owned()
        }

        fn unreadable(&self, _item: &Value, cause: serde_json::Error) -> Error {
            Error::new(ErrorKind::Unreadable, "odd").with_source(cause)
        }

        fn fetch(&self, number: u64, per_page: u32) -> Result<NumberedPage> {
            if self.requests.fetch_add(1, Ordering::Relaxed) > 0 {
                (self.change.lock().expect("no panic before"))(&mut self.list());
            }
            let page = (self.respond)(&self.list(), number, per_page);
            Ok(serde_json::from_value(page).expect("a page"))
        }

        fn set_filter(&mut self, _name: &str, _value: Value) {}
    }

    #[derive(Debug, Deserialize)]
    struct Item {
        id: String,
    }

    fn pager(model: &Arc<Model>, per_page: u32) -> Pager<Item> {
        Pager::new(Numbered::new(Arc::clone(model))).page_size(per_page)
    }

    fn ids(pager: impl Iterator<Item = Result<Item>>) -> Vec<u32> {
        pager.map(|item| item.expect("an item").id.parse().expect("a number")).collect()
    }

    /// Insertions at the top and deletions anywhere, seldom or often, few or many at once.
    fn churn(seed: u64) -> impl FnMut(&mut Vec<u32>) + Send {
        let mut random = fastrand::Rng::with_seed(seed);
        let often = random.f64();
        let many = random.usize(1..9);
        let mut next = 1_000_000;
        move |list| {
            if random.f64() > often {
                return;
            }
            let burst = if random.u8(..) < 10 { 40 } else { 0 };
            for _ in 0..random.usize(0..=many.max(burst)) {
                if random.bool() {
                    next += 1;
                    list.insert(0, next);
                } else if !list.is_empty() {
                    list.remove(random.usize(0..list.len()));
                }
            }
        }
    }

    /// Walks a list under churn; gives what stayed in it throughout, what came, and the error if any.
    fn history(seed: u64, per_page: u32) -> (Vec<u32>, Vec<u32>, Option<Error>) {
        let items = fastrand::Rng::with_seed(seed ^ 0xfeed).u32(0..60);
        let respond = if seed % 4 == 1 { without_more } else { envelope };
        let model = Model::with(items, churn(seed), respond);
        let before: HashSet<u32> = model.list().iter().copied().collect();
        let (mut came, mut error) = (Vec::new(), None);
        for item in pager(&model, per_page) {
            match item {
                Ok(item) => came.push(item.id.parse().expect("a number")),
                Err(stuck) => error = Some(stuck),
            }
        }
        let list = model.list();
        let stayed = list.iter().copied().filter(|id| before.contains(id)).collect();
        (stayed, came, error)
    }

    #[test]
    fn whatever_stayed_in_the_list_throughout_comes_exactly_once() {
        for seed in 0..20_000 {
            let (stayed, came, error) = history(seed, 4 + (seed % 9) as u32);
            assert!(error.is_none(), "seed {seed}: {error:?}");
            let distinct: HashSet<u32> = came.iter().copied().collect();
            assert_eq!(distinct.len(), came.len(), "seed {seed}: {came:?}");
            assert!(
                stayed.iter().all(|id| distinct.contains(id)),
                "seed {seed}: {stayed:?}, {came:?}"
            );
        }
    }

    /// With pages so small, a list can be pushed down by whole pages between any two requests, which is
    /// what a server does that repeats itself. Then there may be an error, but never a silent miss.
    #[test]
    fn on_the_smallest_pages_a_walk_is_exact_or_fails() {
        let mut failed = 0;
        for seed in 0..4_000 {
            let (stayed, came, error) = history(seed, 1 + (seed % 3) as u32);
            failed += u32::from(error.is_some());
            let distinct: HashSet<u32> = came.iter().copied().collect();
            assert_eq!(distinct.len(), came.len(), "seed {seed}: {came:?}");
            let is_whole = stayed.iter().all(|id| distinct.contains(id));
            assert!(is_whole || error.is_some(), "seed {seed}: {stayed:?}, {came:?}");
        }
        assert!(failed < 80, "{failed} of 4,000 failed");
    }

    #[test]
    fn deleting_what_is_walked_over_deletes_everything() {
        for (items, per_page) in [(0, 3), (1, 3), (3, 3), (10, 3), (250, 100), (7, 1)] {
            let model = Model::new(items, |_| ());
            for item in pager(&model, per_page) {
                let id = item.expect("an item").id.parse::<u32>().expect("a number");
                model.list().retain(|other| *other != id);
            }
            assert!(model.list().is_empty(), "{items} items in pages of {per_page}");
        }
    }

    #[test]
    fn a_list_that_stands_still_costs_what_a_trusting_walk_costs() {
        for (items, requests) in [(0, 1), (1, 1), (9, 1), (10, 1), (11, 2), (30, 3), (31, 4)] {
            let model = Model::new(items, |_| ());
            assert_eq!(ids(pager(&model, 10)).len(), items as usize);
            assert_eq!(model.requests(), requests, "{items} items");
        }
    }

    #[test]
    fn a_list_that_loses_an_item_before_every_answer_is_walked_to_its_end() {
        let oldest: fn(&mut Vec<u32>) = |list| list.truncate(list.len() - 1);
        let newest: fn(&mut Vec<u32>) = |list| {
            list.remove(0);
        };
        for (lose, per_page) in [(oldest, 100), (newest, 100), (oldest, 20), (newest, 30)] {
            let model = Model::new(5000, lose);
            let came = ids(pager(&model, per_page));
            let distinct: HashSet<u32> = came.iter().copied().collect();
            assert_eq!(distinct.len(), came.len());
            let list = model.list();
            assert!(list.iter().all(|id| distinct.contains(id)));
            let trusting = 5000_usize.div_ceil(per_page as usize);
            let requests = model.requests();
            assert!(
                requests < 2 * trusting,
                "{requests} requests for {trusting} pages of {per_page}"
            );
        }
    }

    #[test]
    fn deleting_what_is_walked_over_costs_hardly_more_than_the_pages_there_are() {
        let model = Model::new(1050, |_| ());
        for item in pager(&model, 100) {
            let id = item.expect("an item").id.parse::<u32>().expect("a number");
            model.list().retain(|other| *other != id);
        }
        assert!(model.list().is_empty());
        assert_eq!(model.requests(), 12);
    }

    #[test]
    fn an_item_yielded_costs_sixteen_bytes_at_most() {
        for (items, per_page) in [(50_000, 100), (20_000, 10)] {
            let model = Model::new(items, |_| ());
            let mut source = Numbered::new(Arc::clone(&model));
            source.set_page_size(per_page);
            let mut yielded = 0;
            while let Some(page) = source.next_page().expect("a page") {
                yielded += page.items.len();
                drop(page);
                let kept = source.seen.bytes() + source.progress.bytes();
                assert!(yielded < 5000 || kept <= 16 * yielded, "{kept} for {yielded}");
            }
            assert_eq!(yielded, items as usize);
        }
    }

    #[test]
    fn a_position_beyond_all_bounds_is_borne() {
        for place in [
            "18446744073709551615 of ?",
            "18446744073709551615 of 18446744073709551615",
            "0 of 18446744073709551615",
            "18446744073709551614 of 0",
        ] {
            for per_page in [1, 3, 100] {
                let model = Model::new(25, |_| ());
                let saved = format!("model 0 {place}").parse().expect("a position");
                let rest = pager(&model, per_page).resume_at(&saved).expect("the list");
                assert!(rest.count() <= 25, "{place}");
            }
        }
    }

    #[test]
    fn a_server_with_larger_pages_than_asked_for_is_followed() {
        let respond = |list: &[u32], page, _| envelope(list, page, 15);
        let model = Model::still(35, respond);
        assert_eq!(ids(pager(&model, 10)), (0..35).rev().collect::<Vec<_>>());
        let largest = |list: &[u32], page, per_page| {
            let mut sent = envelope(list, page, per_page);
            sent["per_page"] = json!(u32::MAX);
            sent
        };
        let model = Model::still(35, largest);
        assert_eq!(ids(pager(&model, 10)), (0..35).rev().collect::<Vec<_>>());
    }

    #[test]
    fn a_walk_resumed_at_any_position_yields_exactly_the_rest() {
        for taken in 0..=25 {
            let model = Model::new(25, |_| ());
            let mut first = pager(&model, 10);
            let head = ids(first.by_ref().take(taken));
            let saved = first.position().to_string().parse().expect("a position");
            let rest = ids(pager(&model, 10).resume_at(&saved).expect("the same list"));
            assert_eq!([head, rest].concat(), (0..25).rev().collect::<Vec<_>>(), "after {taken}");
        }
    }

    #[test]
    fn a_walk_resumed_behind_a_page_does_not_read_it_again_however_few_it_showed() {
        let respond = |list: &[u32], page, per_page| {
            let mut sent = envelope(list, page, per_page);
            sent["items"].as_array_mut().expect("items").pop();
            sent
        };
        let model = Model::still(30, respond);
        let mut first = pager(&model, 10);
        assert_eq!(first.by_ref().take(9).count(), 9);
        let rest = pager(&model, 10).resume_at(&first.position());
        assert_eq!(rest.expect("the same list").count(), 18);
        assert_eq!(model.requests(), 3);
    }

    #[test]
    fn a_resumed_walk_misses_nothing_that_slid_up_meanwhile() {
        for seed in 0..4000 {
            let model = Model::new(40, churn(seed));
            let before: HashSet<u32> = model.list().iter().copied().collect();
            let mut first = pager(&model, 7);
            let head: HashSet<u32> =
                ids(first.by_ref().take(seed as usize % 40)).into_iter().collect();
            let rest: HashSet<u32> =
                ids(pager(&model, 7).resume_at(&first.position()).expect("the same list"))
                    .into_iter()
                    .collect();
            let list = model.list();
            let mut stayed = list.iter().filter(|id| before.contains(id));
            assert!(stayed.all(|id| head.contains(id) || rest.contains(id)), "seed {seed}");
        }
    }

    fn failure(respond: Respond) -> (usize, Error, usize) {
        let model = Model::still(35, respond);
        let mut items = pager(&model, 10);
        let mut came = 0;
        for item in items.by_ref() {
            match item {
                Ok(_) => came += 1,
                Err(error) => {
                    assert!(items.next().is_none());
                    return (came, error, model.requests());
                }
            }
        }
        panic!("the walk ended as if all were well, after {came} items");
    }

    #[test]
    fn a_server_that_repeats_itself_is_told_from_a_list_that_moved() {
        let same_page = |list: &[u32], page, per_page| {
            let mut sent = envelope(list, 1, per_page);
            sent["page"] = json!(page);
            sent["has_more"] = json!(true);
            sent
        };
        let (came, error, requests) = failure(same_page);
        assert_eq!((came, error.kind(), requests), (10, ErrorKind::NoProgress, 3));
        assert!(error.to_string().contains("another page repeats page 1"), "{error}");
    }

    #[test]
    fn pages_in_a_circle_are_an_error() {
        let circle = |list: &[u32], page: u64, per_page| {
            let mut sent = envelope(list, (page - 1) % 2 + 1, per_page);
            sent["page"] = json!(page);
            sent
        };
        let (came, error, requests) = failure(circle);
        assert_eq!((came, error.kind(), requests), (20, ErrorKind::NoProgress, 4));
    }

    #[test]
    fn more_to_come_and_nothing_in_it_is_an_error() {
        let (came, error, _) = failure(|list, page, per_page| {
            let mut sent = envelope(list, page, per_page);
            sent["has_more"] = json!(true);
            if page == 3 {
                sent["items"] = json!([]);
            }
            sent
        });
        assert_eq!((came, error.kind()), (20, ErrorKind::NoProgress));
        assert!(error.to_string().contains("page 3"), "{error}");
    }

    #[test]
    fn another_page_than_the_one_asked_for_is_an_error() {
        let (came, error, _) =
            failure(|list, page, per_page| envelope(list, page.min(2), per_page));
        assert_eq!((came, error.kind()), (20, ErrorKind::NoProgress));
        assert!(error.to_string().contains("page 3 was asked for and page 2 came"), "{error}");
    }

    #[test]
    fn a_total_that_jumps_to_and_fro_ends_in_an_error() {
        let (_, error, requests) = failure(|list, page, per_page| {
            let mut sent = envelope(list, page, per_page);
            sent["total_items"] = json!(if page % 2 == 0 { 10 } else { 35 });
            sent
        });
        assert_eq!(error.kind(), ErrorKind::NoProgress);
        assert!(requests < 120, "{requests} requests");
    }

    #[test]
    fn a_server_with_smaller_pages_than_asked_for_is_followed() {
        let respond = |list: &[u32], page, _| envelope(list, page, 4);
        let model = Model::still(35, respond);
        assert_eq!(ids(pager(&model, 10)), (0..35).rev().collect::<Vec<_>>());
        assert_eq!(model.requests(), 9);
    }

    #[test]
    fn items_without_ids_and_envelopes_without_totals_are_walked_too() {
        let respond = |list: &[u32], page, per_page| json!({"items": envelope(list, page, per_page)["items"]});
        let model = Model::still(35, respond);
        assert_eq!(ids(pager(&model, 10)).len(), 35);
    }

    #[test]
    fn a_page_size_out_of_bounds_sends_nothing() {
        for size in [0, 101] {
            let model = Model::new(3, |_| ());
            let outcomes: Vec<_> = pager(&model, size).collect();
            assert!(
                matches!(&outcomes[..], [Err(error)] if error.kind() == ErrorKind::InvalidInput)
            );
            assert_eq!(model.requests(), 0);
        }
    }
}
