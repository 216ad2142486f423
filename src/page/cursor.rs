//! Pages that go on after a named item, as Heylo's `lastEventId`.

use std::collections::HashSet;
use std::fmt;

use serde_json::Value;

use super::position::Position;
use super::source::{FetchedPage, Mark, PageInfo, PageSource};
use crate::error::{Error, ErrorKind, Result};

/// The largest page that the services give, in items.
const LARGEST_PAGE: u32 = 100;

/// A listing that goes on after a named item.
pub(crate) trait CursorList: fmt::Debug + Send + Sync {
    /// The listing and its filters, as positions name them.
    fn list_name(&self) -> String;

    /// What the call is named in errors.
    fn call_name(&self) -> String;

    fn fetch(&self, after: Option<&str>, items: u32) -> Result<Vec<Value>>;

    /// Sets a filter.
    fn set_filter(&mut self, name: &str, value: Value);

    /// The error of an item that could not be decoded, with what may be shown of it.
    fn unreadable(&self, item: &Value, cause: serde_json::Error) -> Error;

    /// The id that the next page can begin after.
    fn id(item: &Value) -> Option<String>;
}

/// Turns pages that begin after a named item, as Heylo's `lastEventId`.
///
/// Nothing says that a page with fewer items than were asked for is the last, so only an empty page is.
/// Nor is it said whether the named item comes back itself; where it does, it is left out.
///
/// Items that are added or removed behind the cursor meanwhile come or do not come as they should. Where the
/// named item itself is deleted, it is the service that decides what comes.
#[derive(Debug)]
pub(crate) struct Cursor<L> {
    list: L,
    page_size: u32,
    /// The last item of the page before: where the next one begins.
    after: Option<String>,
    /// So many items at the top of the next page were yielded before this walk was resumed.
    skipped: usize,
    /// Every item that a page has begun after.
    used: HashSet<String>,
    pages: u64,
    /// Why the walk cannot go on behind the page it has just yielded.
    dead_end: Option<&'static str>,
    is_at_end: bool,
}

impl<L: CursorList> Cursor<L> {
    pub(crate) fn new(list: L) -> Cursor<L> {
        Cursor {
            list,
            page_size: LARGEST_PAGE,
            after: None,
            skipped: 0,
            used: HashSet::new(),
            pages: 0,
            dead_end: None,
            is_at_end: false,
        }
    }

    fn fetch(&mut self) -> Result<Vec<Value>> {
        if !(1..=LARGEST_PAGE).contains(&self.page_size) {
            let refused = Error::invalid("the page size must be from 1 to 100");
            return Err(refused.with_call(self.list.call_name()));
        }
        let mut page = self.list.fetch(self.after.as_deref(), self.page_size)?;
        if self.begins_with_cursor(&page) && page.len() == 1 && self.page_size == 1 {
            // There was no room for anything else.
            self.page_size = 2;
            page = self.list.fetch(self.after.as_deref(), self.page_size)?;
        }
        // "Pass the last event ID from the previous response to fetch the next page": with it, or behind it?
        if self.begins_with_cursor(&page) {
            page.remove(0);
        }
        Ok(page)
    }

    fn begins_with_cursor(&self, page: &[Value]) -> bool {
        let first = page.first().and_then(L::id);
        first.is_some() && first == self.after
    }

    /// Moves on behind `page`, which must end somewhere new.
    fn advance(&mut self, page: &[Value]) -> Result<()> {
        let Some(last) = page.last().and_then(L::id) else {
            // The page itself is good and is yielded; the error is due when more is asked for.
            self.dead_end = Some("the last item of a page has no id to go on after");
            return Ok(());
        };
        // A server that ignores the cursor sends the first page for ever. Comparing with the page before
        // alone would not notice two that take turns.
        let is_new = self.after.as_ref() != Some(&last) && !self.used.contains(&last);
        if !is_new {
            return Err(
                self.stuck(&format!("the page after {:?} ends where one did before", self.after()))
            );
        }
        self.used.extend(self.after.replace(last));
        Ok(())
    }

    fn page_of(&mut self, page: Vec<Value>) -> FetchedPage {
        let (mut last, mut nameless) = (self.after.clone(), 0);
        let mut items = Vec::with_capacity(page.len());
        for item in page {
            // An item without an id can be yielded, but no page can begin after it: the one before counts.
            match L::id(&item) {
                Some(id) => (last, nameless) = (Some(id), 0),
                None => nameless += 1,
            }
            items.push((item, Mark::After { id: last.clone(), nameless }));
        }
        items.drain(..self.skipped.min(items.len()));
        self.skipped = 0;
        self.pages += 1;
        let info = PageInfo { number: self.pages, ..PageInfo::default() };
        FetchedPage { items, end: Mark::After { id: last, nameless }, info }
    }

    fn after(&self) -> &str {
        self.after.as_deref().unwrap_or("the beginning")
    }

    fn stuck(&self, what: &str) -> Error {
        let hint = "the list cannot be read to its end; what came before is complete up to here";
        Error::new(ErrorKind::NoProgress, what).with_call(self.list.call_name()).with_hint(hint)
    }
}

impl<L: CursorList> PageSource for Cursor<L> {
    fn next_page(&mut self) -> Result<Option<FetchedPage>> {
        if self.is_at_end {
            return Ok(None);
        }
        if let Some(why) = self.dead_end {
            return Err(self.stuck(why));
        }
        let page = self.fetch()?;
        // Not `len() < page_size`: a server that filters what it has read sends short pages in between.
        self.is_at_end = page.is_empty();
        if self.is_at_end {
            return Ok(None);
        }
        let before = self.after.clone();
        self.advance(&page)?;
        let last = std::mem::replace(&mut self.after, before);
        let fetched = self.page_of(page);
        self.after = last;
        if fetched.items.is_empty() {
            return self.next_page();
        }
        Ok(Some(fetched))
    }

    fn resume_at(&mut self, position: &Position) -> Result<Mark> {
        let place = position.place_in(&self.list.list_name())?;
        let (id, nameless) = parse(place).ok_or_else(Position::unreadable)?;
        self.after.clone_from(&id);
        self.skipped = nameless;
        (self.used, self.pages) = (HashSet::new(), 0);
        (self.dead_end, self.is_at_end) = (None, false);
        Ok(Mark::After { id, nameless })
    }

    fn position(&self, mark: Option<&Mark>) -> Position {
        let (id, nameless) = match mark {
            Some(Mark::After { id, nameless }) => (id.as_deref(), *nameless),
            _ => (None, 0),
        };
        // An id may hold spaces: it comes last, and `Position` splits no further than there.
        let place = id.map_or_else(|| "start".to_owned(), |id| format!("after {id}"));
        let place = match nameless {
            0 => place,
            more => format!("{more} {place}"),
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
        self.list.set_filter(name, value);
    }

    fn call_name(&self) -> String {
        self.list.call_name()
    }

    fn unreadable(&self, item: &Value, cause: serde_json::Error) -> Error {
        self.list.unreadable(item, cause)
    }
}

/// Reads `start` and `after ID`, perhaps with a number before it: how many items without an id lie between.
fn parse(place: &str) -> Option<(Option<String>, usize)> {
    let number = place.split_once(' ').and_then(|(number, place)| {
        let nameless = number.parse().ok()?;
        Some((nameless, place))
    });
    let (nameless, place) = number.unwrap_or((0, place));
    let id = match place {
        "start" => None,
        place => Some(place.strip_prefix("after ")?.to_owned()),
    };
    Some((id, nameless))
}

#[cfg(test)]
mod tests {
    use std::fmt;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use serde_json::json;

    use super::*;
    use crate::page::pager::Pager;

    /// A server by what it answers to a cursor and a page size.
    struct Server<F> {
        answer: F,
        requests: AtomicU32,
    }

    impl<F> fmt::Debug for Server<F> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("Server")
        }
    }

    impl<F: Fn(Option<&str>, u32) -> Vec<Value> + Send + Sync> CursorList for Arc<Server<F>> {
        fn list_name(&self) -> String {
            "model 0".to_owned()
        }

        fn call_name(&self) -> String {
            "POST /model".to_owned()
        }

        fn unreadable(&self, _item: &Value, cause: serde_json::Error) -> Error {
            Error::new(ErrorKind::Unreadable, "odd").with_source(cause)
        }

        fn fetch(&self, after: Option<&str>, items: u32) -> Result<Vec<Value>> {
            self.requests.fetch_add(1, Ordering::Relaxed);
            Ok((self.answer)(after, items))
        }

        fn set_filter(&mut self, _name: &str, _value: Value) {}

        fn id(item: &Value) -> Option<String> {
            item.as_str().map(str::to_owned)
        }
    }

    fn server<F: Fn(Option<&str>, u32) -> Vec<Value>>(answer: F) -> Arc<Server<F>> {
        Arc::new(Server { answer, requests: AtomicU32::new(0) })
    }

    const ALL: [&str; 7] = ["a", "b", "c", "d", "e", "f", "g"];

    /// What comes behind the cursor; with it where `inclusive`.
    fn behind(after: Option<&str>, inclusive: bool, items: usize) -> Vec<Value> {
        let at = after.and_then(|id| ALL.iter().position(|other| *other == id));
        let from = at.map_or(0, |at| if inclusive { at } else { at + 1 });
        ALL[from..].iter().take(items).map(|id| json!(id)).collect()
    }

    /// What came, the last error if one did, and how many requests it took.
    fn read<F: Fn(Option<&str>, u32) -> Vec<Value> + Send + Sync + 'static>(
        server: &Arc<Server<F>>,
    ) -> (String, Option<Error>, u32) {
        let (mut came, mut error) = (String::new(), None);
        for item in Pager::<String>::new(Cursor::new(Arc::clone(server))).page_size(3) {
            match item {
                Ok(id) => came.push_str(&id),
                Err(stuck) => error = Some(stuck),
            }
        }
        (came, error, server.requests.load(Ordering::Relaxed))
    }

    #[test]
    fn exclusive_and_inclusive_servers_are_read_to_the_empty_page() {
        let (came, error, requests) = read(&server(|after, n| behind(after, false, n as usize)));
        assert_eq!((came.as_str(), error.is_none(), requests), ("abcdefg", true, 4));
        let (came, error, requests) = read(&server(|after, n| behind(after, true, n as usize)));
        assert_eq!((came.as_str(), error.is_none(), requests), ("abcdefg", true, 4));
    }

    #[test]
    fn a_short_page_is_not_the_end() {
        let (came, error, requests) = read(&server(|after, _| behind(after, false, 1)));
        assert_eq!((came.as_str(), error.is_none(), requests), ("abcdefg", true, 8));
    }

    #[test]
    fn the_same_page_again_is_an_error_that_says_where() {
        let (came, error, requests) = read(&server(|_, n| behind(None, false, n as usize)));
        assert_eq!((came.as_str(), requests), ("abc", 2));
        let error = error.expect("an error");
        assert_eq!(error.kind(), ErrorKind::NoProgress);
        assert!(error.to_string().contains("after \"c\""), "{error}");
    }

    #[test]
    fn cursors_in_a_circle_are_an_error() {
        let circle = |after: Option<&str>, _| match after {
            None | Some("d") => vec![json!("a"), json!("b")],
            Some(_) => vec![json!("c"), json!("d")],
        };
        let (came, error, requests) = read(&server(circle));
        assert_eq!((came.as_str(), requests), ("abcd", 3));
        assert_eq!(error.map(|error| error.kind()), Some(ErrorKind::NoProgress));
    }

    #[test]
    fn a_page_that_ends_without_an_id_is_handed_on_and_then_an_error() {
        let (came, error, requests) = read(&server(|_, _| vec![json!("a"), json!(7)]));
        assert_eq!((came.as_str(), requests), ("a", 1));
        assert_eq!(error.map(|error| error.kind()), Some(ErrorKind::NoProgress));
    }

    #[test]
    fn pages_of_one_item_suffice_for_an_inclusive_server_too() {
        let server = server(|after, n| behind(after, true, n as usize));
        let walk = Pager::<String>::new(Cursor::new(Arc::clone(&server))).page_size(1);
        let came: Vec<String> = walk.map(|id| id.expect("an id")).collect();
        assert_eq!(came, ALL);
    }

    #[test]
    fn a_walk_goes_on_behind_items_without_an_id_too() {
        let all = [json!(1), json!("a"), json!(2), json!(3), json!("b")];
        let listed = all.to_vec();
        let server = server(move |after, _| match after {
            None => listed.clone(),
            Some("a") => listed[2..].to_vec(),
            Some(_) => Vec::new(),
        });
        for taken in 0..=all.len() {
            let walk = || Pager::<Value>::new(Cursor::new(Arc::clone(&server)));
            let mut first = walk();
            let mut came: Vec<_> = first.by_ref().take(taken).flatten().collect();
            let saved = first.position().to_string().parse().expect("a position");
            let rest = walk().resume_at(&saved).expect("the same list");
            came.extend(rest.map(|item| item.expect("any item")));
            assert_eq!(came, all, "after {taken}: {saved}");
        }
    }

    #[test]
    fn a_place_is_read_as_it_was_written_and_nothing_else_is() {
        for id in ["e1", "2 after x", " ", "start", "after", "a\nb"] {
            for nameless in [0, 1, 300] {
                let mark = Mark::After { id: Some(id.to_owned()), nameless };
                let server = server(|_, _| Vec::new());
                let saved = Cursor::new(Arc::clone(&server)).position(Some(&mark));
                let place = saved.place_in(&server.list_name()).expect("the same list");
                let read = parse(place).expect("a place");
                assert_eq!(read, (Some(id.to_owned()), nameless));
            }
        }
        for text in ["", "x", "7", "7 x", "-1 start", "1e9 start", "startx", "after"] {
            assert!(parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn a_walk_resumed_at_any_position_yields_exactly_the_rest() {
        for inclusive in [false, true] {
            let server =
                server(move |after: Option<&str>, n: u32| behind(after, inclusive, n as usize));
            for taken in 0..=ALL.len() {
                let walk = || Pager::<String>::new(Cursor::new(Arc::clone(&server))).page_size(3);
                let mut first = walk();
                let mut came: Vec<String> =
                    first.by_ref().take(taken).map(|id| id.expect("an id")).collect();
                let saved = first.position().to_string().parse().expect("a position");
                let rest = walk().resume_at(&saved).expect("the same list");
                came.extend(rest.map(|id| id.expect("an id")));
                assert_eq!(came, ALL, "after {taken}");
            }
        }
    }
}
