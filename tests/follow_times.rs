//! Mentions whose times are missing or wrong: each one comes once, as long as the list is in order.

#![cfg(feature = "sandbox")]
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use fastrand::Rng;
use heysync::heylerts::{self, Bookmark};
use heysync::sandbox::TestClock;
use heysync::{Config, Timestamp, TransportError, http};
use serde_json::{Value, json};

#[path = "support/limit.rs"]
#[allow(dead_code, reason = "it is kept until the test ends")]
mod limit;

use limit::Limit;

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;

struct Listed {
    id: u32,
    /// When it was found.
    at: i64,
    /// What the service says about that.
    said: Value,
}

/// A service that lists mentions in the order in which they were found, whatever times it writes.
struct Service {
    list: Vec<Listed>,
    now: i64,
    next: u32,
    random: Rng,
    /// How many mentions have an odd time.
    odd: f64,
    /// How many requests fail.
    faults: f64,
    /// How often the list changes between two pages.
    changes: f64,
    added: BTreeSet<u32>,
    /// How far in the future some times are.
    ahead: i64,
    /// How many mentions are late.
    late: f64,
    /// Whether late mentions are listed where they are found.
    is_by_arrival: bool,
    requests: usize,
}

/// A number of a query.
fn number(query: &str, name: &str) -> usize {
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.find(|(key, _)| *key == name).unwrap().1.parse().unwrap()
}

fn text(at: i64) -> Value {
    json!(Timestamp::from_millisecond(at).unwrap())
}

impl Service {
    fn new(seed: u64) -> Service {
        let mut random = Rng::with_seed(seed);
        let kind = random.u8(..3);
        // Two days ahead: this machine's clock is behind.
        let days_ago = [0, 10, -2][random.usize(..3)];
        let is_by_arrival = random.u8(..3) == 0;
        let mut service = Service {
            list: Vec::new(),
            now: Timestamp::now().as_millisecond() - days_ago * 24 * HOUR,
            next: 0,
            odd: [0.0, 0.1, 0.5, 1.0][random.usize(..4)],
            faults: if kind == 1 { 0.2 } else { 0.0 },
            changes: if kind == 2 { 0.3 } else { 0.0 },
            random,
            added: BTreeSet::new(),
            ahead: if days_ago == 0 { 5 * HOUR } else { 51 * 24 * HOUR },
            late: 0.25,
            is_by_arrival,
            requests: 0,
        };
        for _ in 0..service.random.usize(..60) {
            service.now += service.random.i64(0..30) * MINUTE;
            service.add(0);
        }
        service.added.clear();
        service
    }

    /// Adds a mention that is late by so much.
    fn add(&mut self, late: i64) {
        let (id, at) = (self.next, self.now - late);
        self.next += 1;
        let said = if self.random.f64() < self.odd { self.odd(at) } else { self.usual(at) };
        let place = self.list.iter().position(|other| self.is_by_arrival || other.at <= at);
        self.list.insert(place.unwrap_or(self.list.len()), Listed { id, at, said });
        self.added.insert(id);
    }

    fn usual(&mut self, at: i64) -> Value {
        let seconds = at.div_euclid(1_000);
        let forms =
            [text(at), text(seconds * 1_000), json!(seconds), json!(at), json!(seconds as f64)];
        forms[self.random.usize(..5)].clone()
    }

    fn odd(&mut self, at: i64) -> Value {
        let forms = [
            Value::Null,
            json!(""),
            json!("just now"),
            json!(0),
            json!("1970-01-01T00:00:00Z"),
            json!("0001-01-01T00:00:00Z"),
            json!("2612-01-01T00:00:00Z"),
            json!("9999-12-31T23:59:59Z"),
            text(at + self.ahead),
            text(at + 40 * 24 * HOUR),
        ];
        forms[self.random.usize(..10)].clone()
    }

    fn change(&mut self, most: usize) {
        self.now += self.random.i64(0..40) * MINUTE * self.random.i64(0..2);
        for _ in 0..self.random.usize(..=most) {
            self.now += self.random.i64(0..90) * 1_000;
            let late =
                if self.random.f64() < self.late { self.random.i64(0..54 * MINUTE) } else { 0 };
            self.add(late);
        }
        if self.random.u8(..3) == 0 {
            for _ in 0..self.random.usize(..4).min(self.list.len()) {
                let nearby = self.random.usize(1..=self.list.len()).min(8);
                self.list.remove(self.random.usize(..nearby));
            }
        }
    }

    fn page(&mut self, query: &str) -> Option<Value> {
        self.requests += 1;
        if self.random.f64() < self.changes {
            self.change(1);
        }
        if self.random.f64() < self.faults {
            return None;
        }
        let (page, size) = (number(query, "page"), number(query, "per_page"));
        let (total, start) = (self.list.len(), (page - 1) * size);
        let items: Vec<Value> = self
            .list
            .iter()
            .skip(start)
            .take(size)
            .map(|it| json!({"id": it.id.to_string(), "found_at": it.said}))
            .collect();
        Some(json!({
            "items": items, "page": page, "per_page": size, "total_items": total,
            "total_pages": total.div_ceil(size), "has_more": start + size < total,
        }))
    }
}

/// A program that reads what is new now and then, and is killed now and then.
struct Program {
    service: Arc<Mutex<Service>>,
    client: heylerts::Client,
    page_size: u32,
    saved: Bookmark,
    /// What had come when the bookmark was saved.
    came: BTreeSet<u32>,
    _limit: Limit,
}

impl Program {
    fn new(seed: u64) -> Program {
        let service = Arc::new(Mutex::new(Service::new(seed)));
        let asked = Arc::clone(&service);
        let send = move |request: http::Request<Vec<u8>>, _: Duration| {
            let page = asked.lock().unwrap().page(request.uri().query().unwrap());
            let mut response = http::Response::new(Vec::new());
            match page {
                Some(page) => *response.body_mut() = page.to_string().into_bytes(),
                None => *response.status_mut() = http::StatusCode::SERVICE_UNAVAILABLE,
            }
            Ok::<_, TransportError>(response)
        };
        let config = Config::new().clock(TestClock::new()).retries(0).transport(send);
        let client = heylerts::Client::with_config("hlt_times", config).unwrap();
        let page_size = [3, 7, 100][Rng::with_seed(seed).usize(..3)];
        let (saved, came) = Default::default();
        let mut program =
            Program { service, client, page_size, saved, came, _limit: Limit::start() };
        while program.saved == Bookmark::default() {
            program.run(usize::MAX);
        }
        program.state().added.clear();
        program
    }

    fn state(&self) -> MutexGuard<'_, Service> {
        self.service.lock().unwrap()
    }

    /// Runs until so many mentions have come or a request fails. If it is killed, no bookmark is saved.
    fn run(&mut self, most: usize) {
        let mentions = self.client.mentions().page_size(self.page_size);
        let saved: Bookmark = self.saved.to_string().parse().unwrap();
        let mut new = mentions.new_since(&saved).unwrap();
        let mut came = BTreeSet::new();
        self.state().requests = 0;
        for mention in new.by_ref().take(most).map_while(Result::ok) {
            let id: u32 = mention.id.parse().unwrap();
            assert!(!self.came.contains(&id) && came.insert(id), "{id} came twice");
        }
        self.check(came.len() + new.size_hint().0);
        let is_killed = most < usize::MAX && self.state().random.u8(..4) == 0;
        if !is_killed {
            self.saved = new.bookmark();
            self.came.append(&mut came);
        }
    }

    /// Asserts that the bookmark is short, and that no more was read than what is in it and what is new.
    fn check(&self, new: usize) {
        let (state, words) = (self.state(), self.saved.to_string().split(' ').count());
        assert!(words < 1_000, "{words}");
        let (size, is_begun) = (self.page_size as usize, self.saved != Bookmark::default());
        if is_begun && state.changes == 0.0 && state.faults == 0.0 {
            let most = (words + new + 32) / size + 2;
            assert!(state.requests <= most, "{} requests, {words} words", state.requests);
        }
    }

    /// The mentions that are listed and should have come.
    fn lost(&self) -> Vec<u32> {
        let state = self.state();
        let due = state.list.iter().map(|it| it.id).filter(|id| state.added.contains(id));
        due.filter(|id| !self.came.contains(id)).collect()
    }
}

#[test]
fn each_mention_comes_once_whatever_time_it_has() {
    for seed in 0..100 {
        let mut program = Program::new(seed);
        for _ in 0..20 {
            let mut state = program.state();
            let (added, most) = (state.random.usize(..5), state.random.usize(..4));
            state.late = [0.25, 0.25, 0.6][state.random.usize(..3)];
            state.change([1, 3, 3, 40, 120][added]);
            drop(state);
            program.run([0, 1, 5, usize::MAX][most]);
        }
        let mut state = program.state();
        (state.faults, state.changes) = (0.0, 0.0);
        drop(state);
        program.run(usize::MAX);
        assert_eq!(program.lost(), Vec::<u32>::new(), "{seed}");
    }
}

/// The ids that are new in a list of ids and times.
fn new_in(list: &[(&str, Value)], bookmark: &mut Bookmark) -> Vec<String> {
    let items = list.iter().map(|(id, time)| json!({"id": id, "found_at": time}));
    new_items(items.collect(), bookmark)
}

fn new_items(items: Vec<Value>, bookmark: &mut Bookmark) -> Vec<String> {
    let send = move |request: http::Request<Vec<u8>>, _: Duration| {
        let page = number(request.uri().query().unwrap(), "page");
        let shown: Vec<&Value> = items.iter().skip((page - 1) * 100).take(100).collect();
        let has_more = page * 100 < items.len();
        let body =
            json!({"items": shown, "page": page, "total_items": items.len(), "has_more": has_more});
        Ok::<_, TransportError>(http::Response::new(body.to_string().into_bytes()))
    };
    let config = Config::new().clock(TestClock::new()).transport(send);
    let client = heylerts::Client::with_config("hlt_times", config).unwrap();
    let mut new = client.mentions().new_since(bookmark).unwrap();
    let ids = new.by_ref().map(|mention| mention.unwrap().id).collect();
    *bookmark = new.bookmark().to_string().parse().unwrap();
    ids
}

fn at(hour: u32) -> Value {
    json!(format!("2026-05-08T{hour:02}:00:00Z"))
}

#[test]
fn half_a_reading_whose_list_became_shorter_than_that_begins_anew() {
    let (list, requests) = (Arc::new(Mutex::new(vec![0])), AtomicUsize::new(0));
    let listed = Arc::clone(&list);
    let send = move |request: http::Request<Vec<u8>>, _: Duration| {
        let page = number(request.uri().query().unwrap(), "page");
        let mut response = http::Response::new(Vec::new());
        // The third request is for the second page of the second reading.
        if requests.fetch_add(1, Ordering::Relaxed) == 2 {
            *response.status_mut() = http::StatusCode::BAD_GATEWAY;
            *listed.lock().unwrap() = vec![500, 0];
            return Ok::<_, TransportError>(response);
        }
        let list = listed.lock().unwrap();
        let shown = list.iter().skip((page - 1) * 100).take(100);
        let items = shown.map(|id| json!({"id": id.to_string(), "found_at": at(11)}));
        let items: Vec<Value> = items.collect();
        let body = json!({"items": items, "page": page, "has_more": page * 100 < list.len()});
        *response.body_mut() = body.to_string().into_bytes();
        Ok(response)
    };
    let config = Config::new().clock(TestClock::new()).transport(send).retries(0);
    let client = heylerts::Client::with_config("hlt_times", config).unwrap();
    let mut first = client.mentions().new_since(&Bookmark::default()).unwrap();
    assert!(first.next().is_none());
    *list.lock().unwrap() = (0..251).rev().collect();
    let mut follow =
        client.mentions().follow(Duration::from_secs(60)).resume_at(&first.bookmark()).unwrap();
    assert!(follow.next().unwrap().is_err());
    assert_eq!(follow.next().unwrap().unwrap().id, "500");
}

#[test]
fn a_mention_on_the_same_page_comes_though_those_above_it_are_old() {
    let mut bookmark = Bookmark::default();
    new_in(&[("m", at(11)), ("old", at(5)), ("older", at(4))], &mut bookmark);
    let list = [("m", at(11)), ("old", at(5)), ("new", at(11)), ("older", at(4))];
    assert_eq!(new_in(&list, &mut bookmark), ["new"]);
}

#[test]
fn a_mention_without_a_time_comes_once_however_much_follows_it() {
    let (a, old) = (("a", Value::Null), ("old", at(5)));
    let mut bookmark = Bookmark::default();
    new_in(&[("m", at(11)), old.clone()], &mut bookmark);
    let first = [a.clone(), ("m", at(11)), old.clone()];
    assert_eq!(new_in(&first, &mut bookmark), ["a"]);
    for hour in 12..18 {
        let id = hour.to_string();
        let list = [(&*id, at(hour)), a.clone(), ("m", at(11)), old.clone()];
        assert_eq!(new_in(&list, &mut bookmark), [&*id]);
        // Those below are deleted.
        assert!(new_in(&[(&*id, at(hour)), a.clone(), old.clone()], &mut bookmark).is_empty());
    }
    assert_eq!(new_in(&[("b", Value::Null), old], &mut bookmark), ["b"]);
}

#[test]
fn a_time_far_in_the_future_makes_no_other_mention_late() {
    let mut bookmark = Bookmark::default();
    new_in(&[("m", at(5))], &mut bookmark);
    for far in ["2612-01-01T00:00:00Z", "9999-12-31T23:59:59Z"] {
        let far_id = &far[..4];
        assert_eq!(new_in(&[(far_id, json!(far)), ("m", at(5))], &mut bookmark), [far_id]);
        for hour in 6..9 {
            let id = format!("{far_id} {hour}");
            // A list by time keeps it at the top.
            let list = [(far_id, json!(far)), (&*id, at(hour)), ("m", at(5))];
            assert_eq!(new_in(&list, &mut bookmark), [&*id]);
        }
        bookmark = Bookmark::default();
        new_in(&[("m", at(5))], &mut bookmark);
    }
}

#[test]
fn a_date_of_publication_in_the_future_makes_no_other_mention_late() {
    let mut bookmark = Bookmark::default();
    new_in(&[("m", at(5))], &mut bookmark);
    let odd = json!({"id": "odd", "published_at": "2099-01-01T00:00:00Z"});
    let mention = |id: &str, hour| json!({"id": id, "found_at": at(hour)});
    for list in [
        vec![odd.clone(), mention("m", 5)],
        vec![mention("n", 7), odd.clone(), mention("m", 5)],
        vec![mention("o", 9), mention("n", 7), odd, mention("m", 5)],
    ] {
        assert_eq!(new_items(list, &mut bookmark).len(), 1);
    }
}

#[test]
fn a_time_that_is_too_early_for_its_place_makes_a_mention_no_older() {
    let mut bookmark = Bookmark::default();
    new_in(&[("m", at(11))], &mut bookmark);
    for (nth, early) in [json!(0), json!("0001-01-01T00:00:00Z"), at(1)].into_iter().enumerate() {
        let id = nth.to_string();
        let list = [(&*id, early), ("m", at(11))];
        assert_eq!(new_in(&list, &mut bookmark), [&*id]);
        assert!(new_in(&list, &mut bookmark).is_empty());
    }
}

#[test]
fn a_list_without_any_times_is_followed() {
    let ids: Vec<String> = (0..2_000).map(|id| id.to_string()).collect();
    let mut bookmark = Bookmark::default();
    for end in (0..2_000).step_by(100) {
        let listed: Vec<(&str, Value)> =
            ids[..end].iter().rev().take(1_500).map(|id| (&**id, Value::Null)).collect();
        let expected = if end == 0 { &[][..] } else { &ids[end - 100..end] };
        assert_eq!(new_in(&listed, &mut bookmark), expected);
    }
}
