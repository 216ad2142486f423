//! Servers of every kind, read while their lists change, fail and are resumed.

use std::collections::HashSet;
use std::fmt;
use std::sync::{Arc, Mutex};

use fastrand::Rng;
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use super::model::{Change, Item, churn};
use crate::error::{CallName, Error, ErrorKind, Result};
use crate::page::pager::Pager;
use crate::page::position::Position;
use crate::page::raw_page::RawPage;
use crate::page::{Numbered, NumberedList};

const MOST_REQUESTS: usize = 2_000;

/// How many items a page has.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Size {
    AsAsked,
    AtMost(u32),
    Always(u32),
}

/// The response to a request for a page after the last one.
#[derive(Clone, Copy, Debug, PartialEq)]
enum After {
    Empty,
    Status(u16),
    LastPage,
    FirstPage,
}

/// How a server responds.
#[derive(Clone, Copy, Debug)]
struct Manner {
    size: Size,
    after: After,
    says_page: bool,
    says_size: bool,
    says_total: bool,
    says_pages: bool,
    says_more: bool,
    writes_strings: bool,
    /// It takes a full page for a sign that there is more.
    guesses: bool,
}

impl Manner {
    fn new(random: &mut Rng) -> Manner {
        let after = [404, 404, 400, 422, 410].map(After::Status);
        let after = [&after[..], &[After::Empty, After::Empty, After::LastPage]].concat();
        let other = random.u32(1..25);
        let size = [Size::AsAsked, Size::AsAsked, Size::AtMost(other), Size::Always(other)];
        let style = random.u8(..8);
        Manner {
            size: size[random.usize(..4)],
            after: after[random.usize(..after.len())],
            says_page: style < 3 || random.bool(),
            says_size: style < 3 || random.bool(),
            says_total: style < 3 || style < 6 && random.bool(),
            says_pages: style < 3 || style < 4 && random.bool(),
            says_more: style < 3 || style < 7 && random.bool(),
            writes_strings: random.u8(..8) == 0,
            guesses: random.u8(..8) == 0,
        }
    }

    fn size(&self, asked: u32) -> u32 {
        match self.size {
            Size::AsAsked => asked,
            Size::AtMost(most) => asked.min(most),
            Size::Always(size) => size,
        }
    }

    fn respond(&self, list: &[u32], page: u64, asked: u32) -> Result<Value, u16> {
        let size = u64::from(self.size(asked));
        let pages = (list.len() as u64).div_ceil(size);
        let number = match self.after {
            After::LastPage => page.min(pages.max(1)),
            After::FirstPage if page > pages => 1,
            After::Status(status) if page > pages.max(1) => return Err(status),
            _ => page,
        };
        let start = usize::try_from((number - 1) * size).unwrap_or(usize::MAX);
        let shown = list.iter().skip(start).take(size as usize);
        let items: Vec<Value> = shown.map(|id| json!({"id": id.to_string()})).collect();
        let is_full = items.len() as u64 == size;
        let has_more = if self.guesses { is_full } else { number < pages };
        let said = [
            (self.says_page, "page", json!(number)),
            (self.says_size, "per_page", json!(size)),
            (self.says_total, "total_items", json!(list.len())),
            (self.says_pages, "total_pages", json!(pages)),
            (self.says_more, "has_more", json!(has_more)),
        ];
        let mut sent = json!({"items": items, "next": "https://example.test/?page=2"});
        for (is_said, name, value) in said {
            if is_said {
                let text = Value::String(value.to_string());
                sent[name] = if self.writes_strings { text } else { value };
            }
        }
        Ok(sent)
    }
}

struct State {
    list: Vec<u32>,
    change: Change,
    random: Rng,
    /// How often the server fails.
    faults: f64,
    /// The request to which it responds with an empty page.
    mistake: usize,
    requests: usize,
}

#[derive(Clone)]
struct Server(Arc<(Manner, Mutex<State>)>);

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Server")
    }
}

impl Server {
    fn still(manner: Manner, items: u32) -> Server {
        let (change, random): (Change, _) = (Box::new(|_| ()), Rng::with_seed(0));
        let list = (0..items).rev().collect();
        let state = State { list, change, random, faults: 0.0, mistake: 0, requests: 0 };
        Server(Arc::new((manner, Mutex::new(state))))
    }

    /// A server of any kind, whose list changes, which fails now and then, and once sends an empty page by mistake.
    fn any(random: &mut Rng, seed: u64) -> Server {
        let manner = Manner::new(random);
        let server = Server::still(manner, random.u32(..60));
        let mut state = server.0.1.lock().expect("no panic before");
        if seed.is_multiple_of(2) {
            state.change =
                if manner.says_total { Box::new(churn(seed)) } else { Box::new(growth(seed)) };
        }
        state.random = random.fork();
        state.faults = if random.u8(..4) == 0 { 0.1 } else { 0.0 };
        // Without a total, nothing shows that such a page is not the end.
        state.mistake = if manner.says_total && random.bool() { random.usize(1..8) } else { 0 };
        drop(state);
        server
    }

    fn requests(&self) -> usize {
        self.0.1.lock().expect("no panic before").requests
    }

    fn list(&self) -> Vec<u32> {
        self.0.1.lock().expect("no panic before").list.clone()
    }

    fn pager(&self, page_size: u32, prefetch: u32) -> Pager<Item> {
        Pager::new(Numbered::new(self.clone())).page_size(page_size).prefetch(prefetch)
    }
}

impl NumberedList for Server {
    fn list_name(&self) -> String {
        "server 0".to_owned()
    }

    fn call_name(&self) -> CallName {
        CallName { name: "GET /server".to_owned(), operation: "list".into() }
    }

    fn unreadable(&self, _item: &Value, cause: serde_json::Error) -> Error {
        Error::new(ErrorKind::Unreadable, "odd").with_source(cause)
    }

    fn fetch(&self, number: u64, per_page: u32) -> Result<RawPage> {
        let (manner, state) = &*self.0;
        let mut state = state.lock().expect("no panic before");
        let state = &mut *state;
        state.requests += 1;
        if state.requests > 1 {
            (state.change)(&mut state.list);
        }
        if state.requests > MOST_REQUESTS {
            return Err(Error::new(ErrorKind::Deadline, "the list grows faster than it is read"));
        }
        let fails = state.random.f64() < state.faults;
        let sent = if fails { Err(503) } else { manner.respond(&state.list, number, per_page) };
        let mut page = sent.map_err(|status| {
            let kind = if status == 503 { ErrorKind::Server } else { ErrorKind::NotFound };
            let status = StatusCode::from_u16(status).expect("a status");
            Error::new(kind, "refused").with_response(status, HeaderMap::new())
        })?;
        if state.requests == state.mistake {
            page["items"] = json!([]);
        }
        Ok(RawPage::parse(page.to_string().into_bytes(), "items", &["id"]).expect("a page"))
    }

    fn set_filter(&mut self, _name: &str, _value: Value) {}
}

/// Insertions at the top: without a total, nothing would show a deletion.
fn growth(seed: u64) -> impl FnMut(&mut Vec<u32>) + Send {
    let mut random = Rng::with_seed(seed);
    let often = random.f64();
    let mut next = 1_000_000;
    move |list| {
        if random.f64() < often {
            for _ in 0..random.usize(0..4) {
                next += 1;
                list.insert(0, next);
            }
        }
    }
}

/// The ids that come, and the error if one does.
fn read(pager: impl Iterator<Item = Result<Item>>) -> (Vec<u32>, Option<Error>) {
    let (mut came, mut error) = (Vec::new(), None);
    for item in pager {
        match item {
            Ok(item) => came.push(item.id.parse().expect("a number")),
            Err(stuck) => error = Some(stuck),
        }
    }
    (came, error)
}

/// Reads a list to its end, or until it has been resumed sixty times, in pages of changing sizes; returns also how often
/// it was resumed.
fn history(server: &Server, random: &mut Rng) -> (Vec<u32>, Option<Error>, usize) {
    let (stops, changes_size) = (random.u8(..3) == 0, random.u8(..3) == 0);
    let (mut all, mut size) = (Vec::new(), random.u32(1..=20));
    let mut position: Option<Position> = None;
    for resumed in 0..60 {
        let mut pager = server.pager(size, if random.bool() { random.u32(..=8) } else { 0 });
        if let Some(position) = &position {
            let position = position.to_string().parse().expect("a position");
            pager = pager.resume_at(&position).expect("the same list");
        }
        let most = if stops { random.usize(..30) } else { usize::MAX };
        let (came, error) = read(pager.by_ref().take(most));
        let is_down = error.as_ref().is_some_and(|error| error.kind() == ErrorKind::Server);
        let is_over = error.is_none() && came.len() < most;
        all.extend(came);
        if is_over || error.is_some() && !is_down {
            return (all, error, resumed);
        }
        position = Some(pager.position());
        size = if changes_size { random.u32(1..=20) } else { size };
    }
    (all, Some(Error::invalid("stopped").with_hint("stopped")), 60)
}

#[test]
fn a_list_comes_whole_or_is_an_error_whatever_the_server_says_and_however_often_it_is_resumed() {
    let mut failed = 0;
    for seed in 0..4_000 {
        let mut random = Rng::with_seed(seed);
        let server = Server::any(&mut random, seed);
        let before: HashSet<u32> = server.list().into_iter().collect();
        let (came, error, resumed) = history(&server, &mut random);
        let distinct: HashSet<u32> = came.iter().copied().collect();
        let mut stayed = server.list().into_iter().filter(|id| before.contains(id));
        let is_whole = stayed.all(|id| distinct.contains(&id));
        let manner = server.0.0;
        assert!(is_whole || error.is_some(), "seed {seed}: {manner:?}, {came:?}");
        // Insertions and deletions can make items come again after a position, as documented.
        let may_repeat = seed % 2 == 0 && resumed > 0;
        assert!(distinct.len() == came.len() || may_repeat, "seed {seed}: {manner:?}, {came:?}");
        if let Some(error) = error {
            failed += 1;
            assert!(error.hint().is_some(), "{error}");
        }
    }
    assert!(failed < 200, "{failed} of 4,000 failed");
}

/// Servers that differ in their numbers, in the length of their pages, and in the response after the last page.
fn manners() -> Vec<Manner> {
    let mut manners = Vec::new();
    let other = [After::Empty, After::LastPage, After::FirstPage];
    for after in [404, 422].map(After::Status).into_iter().chain(other) {
        for size in [Size::AsAsked, Size::AtMost(3), Size::Always(7)] {
            manners.extend((0..32).map(|bits| Manner {
                size,
                after,
                says_page: bits & 1 > 0,
                says_size: bits & 2 > 0,
                says_total: bits & 4 > 0,
                says_more: bits & 8 > 0,
                guesses: bits & 16 > 0,
                says_pages: false,
                writes_strings: false,
            }));
        }
    }
    manners
}

#[test]
fn every_position_is_resumed_exactly_on_every_server_or_is_an_error() {
    for manner in manners() {
        // Neither numbers nor a page of another size show that such a list is whole.
        let is_mute = !manner.says_total && (!manner.says_more || manner.guesses);
        let is_evasive =
            matches!(manner.after, After::Status(422) | After::LastPage | After::FirstPage);
        let is_open = is_mute && is_evasive && manner.size != Size::AsAsked;
        for asked in [1, 2, 5, 10] {
            for items in [0, 1, 3, 7, 8, 9, 14, 15, 20] {
                for behind in 0..=items + 1 {
                    let server = Server::still(manner, items);
                    let place = format!("server 0 {behind} of ?").parse().expect("a position");
                    let pager = server.pager(asked, 0).resume_at(&place).expect("the list");
                    let (came, error) = read(pager);
                    let expected: Vec<u32> = (0..items.saturating_sub(behind)).rev().collect();
                    let case = format!("{manner:?}, {asked} asked, {behind} of {items}: {error:?}");
                    assert_eq!(came, expected, "{case}");
                    assert!(error.is_none() || is_open || behind > items, "{case}");
                    assert!(error.is_some() || behind <= items, "{case}");
                    assert!(error.is_none_or(|error| error.hint().is_some()), "{case}");
                    assert!(server.requests() < 50, "{case}");
                }
            }
        }
    }
}

/// A server without any numbers, with pages as long as requested.
const MUTE: Manner = Manner {
    size: Size::AsAsked,
    after: After::Status(404),
    says_page: false,
    says_size: false,
    says_total: false,
    says_pages: false,
    says_more: false,
    writes_strings: false,
    guesses: false,
};

#[test]
fn a_list_without_any_numbers_ends_with_its_last_page_at_the_cost_of_two_requests() {
    for after in [404, 410, 400, 422].map(After::Status).into_iter().chain([After::LastPage]) {
        for says_page in [false, true] {
            for (items, requests) in [(0, 1), (9, 3), (10, 3), (20, 4), (25, 3)] {
                let server = Server::still(Manner { after, says_page, ..MUTE }, items);
                let (came, error) = read(server.pager(10, 0));
                assert!(error.is_none(), "{after:?}: {error:?}");
                assert_eq!(came.len(), items as usize);
                let extra = usize::from(after == After::LastPage);
                assert!(server.requests() <= requests + extra, "{after:?}, {items}");
            }
        }
    }
}

#[test]
fn a_page_that_is_refused_as_far_down_as_the_server_lets_anybody_read_is_an_error_about_the_list() {
    let server =
        Server::still(Manner { size: Size::Always(10), after: After::Status(422), ..MUTE }, 30);
    let (came, error) = read(server.pager(10, 0));
    let error = error.expect("nothing shows that it is the end");
    assert_eq!((came.len(), error.status().map(|status| status.as_u16())), (30, Some(422)));
    let hint = error.hint().expect("a hint");
    assert!(hint.contains("page 4 of the list") && !hint.contains("id"), "{hint}");
}

#[test]
fn items_that_moved_up_from_a_page_that_vanished_come_also_without_totals() {
    for after in [After::Empty, After::Status(404), After::LastPage] {
        let server = Server::still(Manner { says_more: true, after, ..MUTE }, 25);
        let mut turn = 0;
        server.0.1.lock().expect("no panic before").change = Box::new(move |list| {
            turn += 1;
            if turn == 2 {
                list.drain(..6);
            }
        });
        let (came, error) = read(server.pager(10, 0));
        assert!(error.is_none(), "{after:?}: {error:?}");
        assert_eq!(came, (0..25).rev().collect::<Vec<_>>(), "{after:?}");
    }
}

/// A list of 35 whose second page comes empty once, and which has only eight items from then on.
fn shrinking(says_total: bool, says_more: bool, after: u16) -> Server {
    let after = After::Status(after);
    let server =
        Server::still(Manner { says_total, says_more, says_size: true, after, ..MUTE }, 35);
    let mut state = server.0.1.lock().expect("no panic before");
    state.mistake = 2;
    let mut turn = 0;
    state.change = Box::new(move |list| {
        turn += 1;
        if turn == 2 {
            list.truncate(8);
        }
    });
    drop(state);
    server
}

#[test]
fn a_page_that_vanishes_between_two_looks_at_it_is_the_end_or_an_error_about_the_list() {
    for after in [404, 410, 400, 422] {
        for (says_total, says_more) in [(true, true), (true, false), (false, true), (false, false)]
        {
            for prefetch in [0, 4] {
                let server = shrinking(says_total, says_more, after);
                let (came, error) = read(server.pager(10, prefetch));
                assert_eq!(came, (25..35).rev().collect::<Vec<_>>());
                assert!(error.is_none() || !says_total && after != 404, "{after}: {error:?}");
                let hint = error.and_then(|error| error.hint().map(str::to_owned));
                assert!(hint.is_none_or(|hint| hint.contains("page 2 of the list")), "{after}");
            }
        }
    }
}

#[test]
fn one_empty_page_by_mistake_is_requested_again() {
    for mistake in 1..=4 {
        let server = Server::still(Manner { says_total: true, says_size: true, ..MUTE }, 35);
        server.0.1.lock().expect("no panic before").mistake = mistake;
        let (came, error) = read(server.pager(10, 0));
        assert!(error.is_none(), "{error:?}");
        assert_eq!((came.len(), server.requests()), (35, 5), "{mistake}");
    }
}
