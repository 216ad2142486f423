//! Models of servers whose pages begin after a named item, and of what changes their list.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex};

use fastrand::Rng;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::error::{CallName, Error, ErrorKind, Result};
use crate::page::pager::Pager;
use crate::page::raw_page::RawPage;
use crate::page::{Cursor, CursorList};

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Unknown {
    Error(u16),
    Restart,
    Empty,
    /// It knows where the item was.
    Next,
}

/// How a server responds where the vendor's documentation is silent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Manner {
    pub(super) unknown: Unknown,
    /// The cursor's own item is sent, too.
    pub(super) is_inclusive: bool,
    /// So many items before the cursor are sent again.
    pub(super) overlap: usize,
    /// Pages are cut short at random, to this many items at least.
    pub(super) shortest: Option<usize>,
}

pub(super) const DOWN: StatusCode = StatusCode::SERVICE_UNAVAILABLE;

pub(super) const PLAIN: Manner =
    Manner { unknown: Unknown::Restart, is_inclusive: false, overlap: 0, shortest: None };

pub(super) type Change = Box<dyn FnMut(&mut Vec<u32>, &[u32]) + Send>;

/// A server with a list of ids, which changes before each request but the first.
pub(super) struct Server {
    pub(super) list: Vec<u32>,
    manner: Manner,
    random: Rng,
    /// Changes the list, given the ids at the end of the latest page.
    pub(super) change: Change,
    latest: Vec<u32>,
    /// Each deleted item, with the one that followed it.
    deleted: HashMap<u32, Option<u32>>,
    /// The cursor and the size of each request.
    requests: Vec<(Option<u32>, u32)>,
    /// How often the server fails.
    pub(super) faults: f64,
    /// The request to which it responds with an empty page by mistake; 0 for none.
    pub(super) mistake: usize,
    /// How many requests there were before the latest iterator.
    earlier: usize,
    /// It treats every cursor as one that it does not know.
    pub(super) knows_no_cursor: bool,
}

impl Server {
    fn page(&mut self, after: Option<u32>, size: u32) -> Result<Vec<u32>> {
        if !self.requests.is_empty() {
            let before = self.list.clone();
            (self.change)(&mut self.list, &self.latest);
            self.bury(&before);
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
        let start = self.start(after)?;
        let most = size as usize;
        let length = self.manner.shortest.map_or(most, |least| {
            let least = least.min(most);
            self.random.usize(least..=most)
        });
        let page: Vec<u32> = self.list[start..].iter().copied().take(length).collect();
        self.latest = page[page.len() - page.len().min(4)..].to_vec();
        Ok(page)
    }

    /// Where the page after a cursor begins.
    fn start(&self, after: Option<u32>) -> Result<usize> {
        let known = if self.knows_no_cursor { &[] } else { &self.list[..] };
        let at = after.map(|id| known.iter().position(|other| *other == id));
        Ok(match (at, self.manner.unknown) {
            (None, _) | (Some(None), Unknown::Restart) => 0,
            (Some(Some(at)), _) if self.manner.is_inclusive => at - at.min(self.manner.overlap),
            (Some(Some(at)), _) => at + 1 - self.manner.overlap.min(at + 1),
            (Some(None), Unknown::Empty) => self.list.len(),
            (Some(None), Unknown::Next) => self.place_of_deleted(after),
            (Some(None), Unknown::Error(status)) => return Err(refusal(status)),
        })
    }

    /// Keeps where those items were that the list does not have any more.
    fn bury(&mut self, before: &[u32]) {
        let (list, next) = (&self.list, before.iter().skip(1).copied().map(Some).chain([None]));
        self.deleted.extend(before.iter().copied().zip(next).filter(|(id, _)| !list.contains(id)));
    }

    /// The place of the first item that followed a deleted one and is still there.
    fn place_of_deleted(&self, mut id: Option<u32>) -> usize {
        loop {
            let at = id.map(|id| self.list.iter().position(|other| *other == id));
            match at {
                None => return self.list.len(),
                Some(Some(at)) => return at,
                Some(None) => id = id.and_then(|id| self.deleted.get(&id).copied().flatten()),
            }
        }
    }
}

fn refusal(status: u16) -> Error {
    let status = StatusCode::from_u16(status).expect("a status");
    Error::new(ErrorKind::NotFound, "no such event").with_response(status, HeaderMap::new())
}

#[derive(Clone)]
pub(super) struct Model(pub(super) Arc<Mutex<Server>>);

impl Model {
    pub(super) fn new(
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
            deleted: HashMap::new(),
            requests: Vec::new(),
            faults: 0.0,
            mistake: 0,
            earlier: 0,
            knows_no_cursor: false,
        })))
    }

    pub(super) fn still(items: u32, manner: Manner) -> Model {
        Model::new(items, manner, |_, _| ())
    }

    pub(super) fn list(&self) -> Vec<u32> {
        self.0.lock().expect("no panic before").list.clone()
    }

    pub(super) fn requests(&self) -> Vec<(Option<u32>, u32)> {
        self.0.lock().expect("no panic before").requests.clone()
    }

    pub(super) fn delete(&self, ids: &[u32]) {
        let mut server = self.0.lock().expect("no panic before");
        let before = server.list.clone();
        server.list.retain(|id| !ids.contains(id));
        server.bury(&before);
    }

    /// An iterator begins.
    pub(super) fn begin(&self) {
        let mut server = self.0.lock().expect("no panic before");
        server.earlier = server.requests.len();
    }

    pub(super) fn pager(&self, page_size: u32) -> Pager<Item> {
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

pub(super) fn raw(page: &Value) -> RawPage {
    RawPage::parse(page.to_string().into_bytes(), "events", &["id"]).expect("a page")
}

#[derive(Debug, Deserialize)]
pub(super) struct Item {
    pub(super) id: String,
}

/// The ids that come, and the error if one does.
pub(super) fn read(pager: impl Iterator<Item = Result<Item>>) -> (Vec<u32>, Option<Error>) {
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

pub(super) fn all(items: u32) -> Vec<u32> {
    (1..=items).collect()
}

pub(super) const UNKNOWN: [Unknown; 6] = [
    Unknown::Restart,
    Unknown::Empty,
    Unknown::Error(404),
    Unknown::Error(400),
    Unknown::Error(500),
    Unknown::Next,
];

/// Servers that differ in everything that the documentation leaves open.
pub(super) fn manners() -> Vec<Manner> {
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

/// A server by what it sends for a cursor, and for its how-many-th request.
pub(super) struct Responder<F>(F, Mutex<usize>);

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

pub(super) fn responder(
    respond: impl Fn(Option<&str>, usize) -> Value + Send + Sync + 'static,
) -> Pager<Value> {
    Pager::new(Cursor::new(Responder(respond, Mutex::new(0)))).page_size(3)
}

/// The items after a cursor, of a list whose items may have no id.
pub(super) fn behind(list: &Value, after: Option<&str>) -> Value {
    let items = list.as_array().expect("a list");
    let at = after.and_then(|id| items.iter().rposition(|item| item["id"] == id));
    json!(items[at.map_or(0, |at| at + 1)..])
}

/// How many items come, and the error.
pub(super) fn failure(pager: Pager<Value>) -> (usize, Error) {
    let (good, bad): (Vec<_>, Vec<_>) = pager.partition(Result::is_ok);
    assert_eq!(bad.len(), 1);
    (good.len(), bad.into_iter().find_map(Result::err).expect("an error"))
}
