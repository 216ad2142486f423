//! Pages that have fewer items than their own numbers call for.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use serde_json::Value;

use crate::error::{Error, ErrorKind, Result};
use crate::page::Numbered;
use crate::page::pager::Pager;
use crate::page::position::Position;
use crate::page::tests::model::{Item, Race, churn, envelope, outcome};

/// The action of a server before it responds to a request, by its number, for a page: it changes the list, and returns which
/// items it leaves out of the page, by their places in it.
type Turn = Box<dyn FnMut(&mut Vec<u32>, usize, u64) -> Vec<usize> + Send>;

/// A list behind a server that leaves items out of its pages and counts them.
struct Lossy {
    list: Arc<Mutex<Vec<u32>>>,
    requests: Arc<Mutex<usize>>,
    server: Arc<Server>,
    page_size: u32,
    pager: Pager<Item>,
}

type Server = Race<dyn Fn(u64, u32) -> Value + Send + Sync>;

fn lossy(items: u32, page_size: u32, turn: Turn) -> Lossy {
    let list = Arc::new(Mutex::new((0..items).rev().collect::<Vec<u32>>()));
    let requests = Arc::new(Mutex::new(0));
    let (served, counted) = (Arc::clone(&list), Arc::clone(&requests));
    let turn = Mutex::new(turn);
    let respond = move |page: u64, size: u32| {
        let mut list = served.lock().expect("no panic before");
        let mut nth = counted.lock().expect("no panic before");
        *nth += 1;
        let lacks = (turn.lock().expect("no panic before"))(&mut list, *nth, page);
        let mut sent = envelope(&list, page, size);
        let (items, mut at) = (sent["items"].as_array_mut().expect("items"), 0..);
        items.retain(|_| !at.next().is_some_and(|at| lacks.contains(&at)));
        sent
    };
    let server: Arc<Server> = Arc::new(Race(Box::new(respond)));
    let pager = Pager::new(Numbered::new(Arc::clone(&server))).page_size(page_size);
    Lossy { list, requests, server, page_size, pager }
}

impl Lossy {
    fn requests(&self) -> usize {
        *self.requests.lock().expect("no panic before")
    }

    fn again(&self) -> Pager<Item> {
        Pager::new(Numbered::new(Arc::clone(&self.server))).page_size(self.page_size)
    }

    /// The items that came, each once, and the error.
    fn read(&mut self) -> (HashSet<u32>, Option<Error>) {
        read(self.pager.by_ref())
    }

    /// The items below this one that are in the list and did not come.
    fn missing(&self, came: &HashSet<u32>, below: u32) -> Vec<u32> {
        let list = self.list.lock().expect("no panic before");
        list.iter().copied().filter(|id| *id < below && !came.contains(id)).collect()
    }
}

#[test]
fn any_number_of_pages_that_lack_an_item_once_come_whole() {
    for pages in [7, 8, 9, 20, 150] {
        let mut seen = HashSet::new();
        let turn = move |_: &mut Vec<u32>, _, page| {
            Vec::from_iter(seen.insert(page).then_some(page as usize % 10))
        };
        let mut server = lossy(pages * 10, 10, Box::new(turn));
        let (came, error) = server.read();
        assert!(error.is_none(), "{error:?}");
        assert_eq!(came.len(), pages as usize * 10);
        assert_eq!(server.requests(), pages as usize * 2);
    }
}

type Change = fn(&mut Vec<u32>);

/// Changes of a list of 30 between the last page and the rereading of the second.
const CHANGES: [(&str, Change); 7] = [
    ("one at the top goes", |list| drop(list.drain(..1))),
    ("nine at the top go", |list| drop(list.drain(..9))),
    ("all before go", |list| drop(list.drain(..10))),
    ("one comes and the last goes", |list| {
        list.pop();
        list.insert(0, 100);
    }),
    ("thirteen come", |list| {
        list.splice(0..0, 100..113);
    }),
    ("thirteen come and thirteen go", |list| {
        list.truncate(20);
        list.remove(0);
        list.splice(0..0, 100..111);
    }),
    ("five come and twelve go", |list| {
        list.truncate(25);
        list.drain(..7);
        list.splice(0..0, 100..105);
    }),
];

#[test]
fn an_item_that_was_left_out_comes_wherever_it_moved_before_it_is_looked_for() {
    for (what, change) in CHANGES {
        for at in 0..10 {
            let turn = move |list: &mut Vec<u32>, nth, _| {
                if nth == 4 {
                    change(list);
                }
                Vec::from_iter((nth == 2).then_some(at))
            };
            let mut server = lossy(30, 10, Box::new(turn));
            let (came, error) = server.read();
            assert!(error.is_none(), "{what}, {at}: {error:?}");
            assert_eq!(server.missing(&came, 30), [0; 0], "{what}, {at}");
            assert!(server.requests() <= 8, "{what}, {at}: {} requests", server.requests());
        }
    }
}

#[test]
fn the_pages_around_an_item_that_was_left_out_are_read_again_and_no_others() {
    for gone in [0, 1] {
        let turn = move |list: &mut Vec<u32>, nth, _| {
            if nth == 51 {
                list.drain(..gone);
            }
            Vec::from_iter((nth == 2).then_some(3))
        };
        let mut server = lossy(500, 10, Box::new(turn));
        let (came, error) = server.read();
        assert!(error.is_none() && came.len() == 500, "{} came, {error:?}", came.len());
        assert!(server.requests() <= 52 + gone, "{} requests", server.requests());
    }
}

#[test]
fn a_list_of_which_each_reading_lacks_something_is_an_error_that_states_how_much() {
    // Of each page the same item each time, and another one.
    let turn = |_: &mut Vec<u32>, nth: usize, _| vec![9, (nth - 1) / 10];
    let mut server = lossy(100, 10, Box::new(turn));
    let (came, error) = server.read();
    let error = error.expect("an error");
    assert_eq!((came.len(), error.kind()), (90, ErrorKind::NoProgress));
    assert!(error.to_string().contains("90 of 100 items came"), "{error}");
    assert!(error.hint().is_some_and(|hint| !hint.contains("complete")), "{error:?}");
    assert!(server.requests() <= 60, "{} requests", server.requests());
}

#[test]
fn a_list_that_changes_and_leaves_items_out_comes_whole_or_is_an_error() {
    let mut failed = 0;
    for seed in 0..4_000 {
        let mut random = fastrand::Rng::with_seed(seed);
        let (mut change, loss) = (churn(seed), random.f64() * random.f64());
        let items = random.u32(0..90);
        let turn = move |list: &mut Vec<u32>, nth, _| {
            if nth > 1 {
                change(list);
            }
            Vec::from_iter((random.f64() < loss).then(|| random.usize(0..10)))
        };
        let mut server = lossy(items, 4 + (seed % 9) as u32, Box::new(turn));
        let (came, error) = server.read();
        failed += u32::from(error.is_some());
        let missing = server.missing(&came, items);
        assert!(missing.is_empty() || error.is_some(), "seed {seed}: {missing:?}");
        assert!(server.requests() < 400, "seed {seed}: {} requests", server.requests());
    }
    assert!(failed < 1_600, "{failed} of 4,000 failed");
}

/// What comes, and the error.
fn read(pager: impl Iterator<Item = Result<Item>>) -> (HashSet<u32>, Option<Error>) {
    let (mut came, mut error) = (HashSet::new(), None);
    for item in pager {
        match item {
            Ok(item) => assert!(came.insert(item.id.parse().expect("a number")), "twice"),
            Err(stuck) => error = Some(stuck),
        }
    }
    (came, error)
}

#[test]
fn a_position_before_an_item_that_was_left_out_has_come_leads_to_an_error_at_the_end() {
    for taken in 1..=40 {
        // Of the second page an item and of the third page two, the first time.
        let mut seen = HashSet::new();
        let turn = move |_: &mut Vec<u32>, _, page| match (page, seen.insert(page)) {
            (2, true) => vec![4],
            (3, true) => vec![0, 9],
            _ => vec![],
        };
        let mut server = lossy(40, 10, Box::new(turn));
        let (mut came, _) = read(server.pager.by_ref().take(taken));
        let saved = server.pager.position();
        let printed: Position = saved.to_string().parse().expect("a position");
        assert_eq!(printed, saved);
        let (rest, error) = read(server.again().resume_at(&printed).expect("the list"));
        came.extend(rest);
        let Some(error) = error else {
            assert_eq!(came.len(), 40, "after {taken}, {saved}");
            continue;
        };
        assert_eq!(error.kind(), ErrorKind::NoProgress);
        assert!(error.hint().is_some_and(|hint| hint.contains("from its beginning")));
        assert!((11..=40).contains(&taken), "after {taken}: {error}");
    }
}

#[test]
fn the_position_after_the_end_of_a_list_that_was_read_again_is_an_ordinary_one() {
    let turn = |_: &mut Vec<u32>, nth, _| Vec::from_iter((nth == 1).then_some(3));
    let mut server = lossy(30, 10, Box::new(turn));
    let (came, error) = server.read();
    assert!(error.is_none() && came.len() == 30, "{error:?}");
    assert!(server.pager.position().to_string().ends_with(" 30 of 30"));
}

#[test]
fn an_item_that_is_missing_from_pages_of_unknown_size_is_an_error() {
    for left_out in [0, 3, 9] {
        let gone = (33 - left_out).to_string();
        let respond = move |page: u64, size: u32| {
            let list: Vec<u32> = (0..34).rev().collect();
            let mut sent = envelope(&list, page, size.min(9));
            sent["per_page"] = Value::Null;
            let items = sent["items"].as_array_mut().expect("items");
            items.retain(|item| item["id"].as_str() != Some(&gone));
            sent
        };
        let server = Arc::new(Race(Box::new(respond)));
        let (came, error) = outcome(Pager::new(Numbered::new(server)).page_size(10));
        let error = error.expect("an error");
        assert_eq!((came, error.kind()), (33, ErrorKind::NoProgress));
        assert!(error.to_string().contains("33 of 34 items came"), "{error}");
    }
}
