//! Pages that are fetched ahead of the caller: as exact as without it, side by side, and with nothing left behind.

#![cfg(feature = "sandbox")]
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

use std::fmt;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, SystemTime};

use heysync::heylerts::Alert;
use heysync::limiter::Rate;
use heysync::page::{Pager, Position};
use heysync::sandbox::heylerts::Alert as Made;
use heysync::sandbox::heylo::{Community, Event};
use heysync::sandbox::{Heylerts, Heylo, Limit as ServerLimit, Services, TestClock, serve};
use heysync::{
    Activity, Collector, Config, ErrorKind, Observer, Result, SystemClock, TransportError,
    heylerts, heylo, http,
};
use proptest::prelude::*;
use serde_json::json;

#[path = "support/limit.rs"]
#[allow(dead_code, reason = "the limit is dropped, not read")]
mod limit;

use limit::Limit;

type Change = Box<dyn FnMut(&mut Vec<u32>, usize) + Send>;

/// A list of alerts in memory, newest first, that changes before each request but the first, and counts requests.
#[derive(Clone)]
struct Service(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    list: Vec<u32>,
    change: Change,
    /// The numbers and sizes of the requests, in the order in which they came.
    requests: Vec<(u64, u64)>,
    open: usize,
    /// No request gets a response before so many are open.
    together: usize,
    most_open: usize,
    /// The page that cannot be read.
    broken: Option<u64>,
}

impl Service {
    fn new(items: u32, change: impl FnMut(&mut Vec<u32>, usize) + Send + 'static) -> Service {
        let state = State {
            list: (0..items).rev().collect(),
            change: Box::new(change),
            requests: Vec::new(),
            open: 0,
            together: 0,
            most_open: 0,
            broken: None,
        };
        Service(Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new() }))
    }

    fn still(items: u32) -> Service {
        Service::new(items, |_, _| {})
    }

    fn with(&self, set: impl FnOnce(&mut State)) {
        set(&mut self.0.state.lock().unwrap());
    }

    fn client(&self) -> heylerts::Client {
        let service = self.clone();
        let transport = move |request: http::Request<Vec<u8>>, _| service.respond(&request);
        let config = Config::new().transport(transport).clock(TestClock::new()).retries(0);
        heylerts::Client::with_config("hlt_ahead", config.rate(Rate::unlimited())).unwrap()
    }

    fn requests(&self) -> Vec<(u64, u64)> {
        self.0.state.lock().unwrap().requests.clone()
    }

    fn respond(
        &self,
        request: &http::Request<Vec<u8>>,
    ) -> std::result::Result<http::Response<Vec<u8>>, TransportError> {
        let numbers: Vec<u64> = request
            .uri()
            .query()
            .unwrap()
            .split(['=', '&'])
            .filter_map(|word| word.parse().ok())
            .collect();
        let (page, per_page) = (numbers[0], numbers[1]);
        let mut state = self.0.state.lock().unwrap();
        let State { list, change, requests, .. } = &mut *state;
        if !requests.is_empty() {
            change(list, requests.len());
        }
        requests.push((page, per_page));
        state.open += 1;
        state.most_open = state.most_open.max(state.open);
        self.0.changed.notify_all();
        let is_early = |state: &mut State| page > 1 && state.most_open < state.together;
        let mut state = self.0.changed.wait_while(state, is_early).unwrap();
        state.open -= 1;
        if state.broken == Some(page) && per_page > 1 {
            return Ok(response(500, json!({"detail": "broken"})));
        }
        let first = ((page - 1) * per_page) as usize;
        let total = state.list.len();
        let items = state.list.iter().skip(first).take(per_page as usize);
        let items: Vec<_> = items.map(|id| json!({"id": id, "name": "n"})).collect();
        Ok(response(
            200,
            json!({
                "items": items,
                "page": page,
                "per_page": per_page,
                "total_items": total,
                "total_pages": (total as u64).div_ceil(per_page),
                "has_more": first + (per_page as usize) < total,
            }),
        ))
    }
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Service")
    }
}

fn response(status: u16, body: serde_json::Value) -> http::Response<Vec<u8>> {
    http::Response::builder().status(status).body(body.to_string().into_bytes()).unwrap()
}

fn ids(pager: impl Iterator<Item = Result<Alert>>) -> Vec<u32> {
    pager.map(|alert| alert.expect("an alert").id.parse().unwrap()).collect()
}

fn expected(items: u32) -> Vec<u32> {
    (0..items).rev().collect()
}

#[test]
fn pages_are_requested_side_by_side_and_delivered_in_order() {
    let _limit = Limit::start();
    let service = Service::still(60);
    service.with(|state| state.together = 4);
    assert_eq!(ids(service.client().alerts().page_size(5).prefetch(4)), expected(60));
    let mut requests = service.requests();
    requests.sort_unstable();
    // Twelve pages, the first of them again after each of the three batches.
    let pages = (1..=12).map(|page| (page, 5));
    let mut all: Vec<_> = pages.chain([(1, 1); 3]).collect();
    all.sort_unstable();
    assert_eq!(requests, all);
}

#[test]
fn one_insertion_and_one_deletion_between_two_pages_of_a_batch_lose_nothing() {
    let _limit = Limit::start();
    for moment in 1..12 {
        for ahead in 1..6 {
            let service = Service::new(30, move |list, request| {
                if request == moment {
                    // The total stays the same. Everything between the two moves by one.
                    list.insert(0, 1000);
                    list.pop();
                }
            });
            let came = ids(service.client().alerts().page_size(5).prefetch(ahead));
            let stayed = expected(30).into_iter().filter(|id| *id != 0);
            let stayed: Vec<u32> = stayed.collect();
            let known: Vec<u32> = came.iter().copied().filter(|id| stayed.contains(id)).collect();
            assert_eq!(known, stayed, "{moment} {ahead}");
        }
    }
}

#[test]
fn a_page_with_another_total_is_requested_again_though_the_list_is_as_before() {
    let _limit = Limit::start();
    let service = Service::new(30, |list, request| match request {
        1 => list.insert(0, 1000),
        2 => drop(list.remove(0)),
        _ => {}
    });
    assert_eq!(ids(service.client().alerts().page_size(5).prefetch(1)), expected(30));
    let second = service.requests().into_iter().filter(|request| *request == (2, 5));
    assert_eq!(second.count(), 2);
}

/// Changes that a list may go through before a request.
#[derive(Clone, Copy, Debug)]
enum Step {
    Insert,
    Delete(usize),
    /// Both, so that the total stays the same.
    Replace(usize),
    /// An item that was added last is deleted again.
    Withdraw,
}

fn steps() -> impl Strategy<Value = Vec<Vec<Step>>> {
    let step = prop_oneof![
        2 => Just(Step::Insert),
        2 => (0..100_usize).prop_map(Step::Delete),
        3 => (0..100_usize).prop_map(Step::Replace),
        2 => Just(Step::Withdraw),
    ];
    let quiet = Just(Vec::new());
    let busy = prop::collection::vec(step, 1..4);
    prop::collection::vec(prop_oneof![5 => quiet, 1 => busy], 0..80)
}

fn apply(step: Step, list: &mut Vec<u32>, next: &mut u32) {
    let insert = |list: &mut Vec<u32>, next: &mut u32| {
        *next += 1;
        list.insert(0, *next);
    };
    match step {
        Step::Insert => insert(list, next),
        Step::Delete(place) if !list.is_empty() => drop(list.remove(place % list.len())),
        Step::Delete(_) => {}
        Step::Replace(place) => {
            apply(Step::Delete(place), list, next);
            insert(list, next);
        }
        Step::Withdraw if list.first().is_some_and(|first| *first >= 1000) => drop(list.remove(0)),
        Step::Withdraw => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn what_stays_in_the_list_throughout_comes_exactly_once(
        steps in steps(), items in 0..80_u32, size in 4..9_u32, ahead in 1..7_u32,
    ) {
        let _limit = Limit::start();
        let (mut next, mut steps) = (1000, steps.into_iter());
        let service = Service::new(items, move |list, _| {
            for step in steps.next().unwrap_or_default() {
                apply(step, list, &mut next);
            }
        });
        let came = ids(service.client().alerts().page_size(size).prefetch(ahead));
        let mut once = came.clone();
        once.sort_unstable();
        once.dedup();
        prop_assert_eq!(once.len(), came.len(), "an item came twice: {:?}", came);
        let mut left = Vec::new();
        service.with(|state| left = state.list.iter().copied().filter(|id| *id < items).collect());
        let missing: Vec<&u32> = left.iter().filter(|id| !came.contains(id)).collect();
        prop_assert!(missing.is_empty(), "missing: {:?}", missing);
    }
}

#[test]
fn an_error_comes_in_its_place_with_the_position_before_it() {
    let _limit = Limit::start();
    let read = |ahead: u32| {
        let service = Service::still(60);
        service.with(|state| state.broken = Some(7));
        let mut pager = service.client().alerts().page_size(5).prefetch(ahead);
        let came = pager.by_ref().take_while(Result::is_ok).count();
        assert!(pager.next().is_none());
        (came, pager.position().to_string(), service.requests().len())
    };
    let (came, position, _) = read(0);
    assert_eq!((came, position.ends_with("30 of 60")), (30, true));
    for ahead in 1..=8 {
        let (again, resumable, requests) = read(ahead);
        assert_eq!((again, &resumable), (came, &position), "{ahead}");
        assert!(requests <= 7 + 2 * (ahead as usize + 1) + 7, "{ahead}: {requests}");
    }
}

#[test]
fn every_position_is_the_one_without_prefetching_and_can_be_resumed() {
    let _limit = Limit::start();
    let positions = |ahead: u32| {
        let mut pager = Service::still(23).client().alerts().page_size(4).prefetch(ahead);
        let mut positions = vec![pager.position()];
        while pager.next().is_some() {
            positions.push(pager.position());
        }
        positions
    };
    let plain = positions(0);
    assert_eq!(plain, positions(3));
    for (behind, position) in plain.iter().enumerate() {
        let pager = Service::still(23).client().alerts().page_size(4).prefetch(3);
        let rest = ids(pager.resume_at(position).unwrap());
        assert_eq!(rest, expected(23)[behind..], "{position}");
    }
}

#[test]
fn no_page_beyond_the_limit_is_requested() {
    let _limit = Limit::start();
    for limit in 1..40 {
        let service = Service::still(60);
        let came = ids(service.client().alerts().page_size(5).limit(limit).prefetch(4));
        assert_eq!(came, expected(60)[..limit as usize]);
        let furthest = service.requests().into_iter().map(|(page, _)| page).max();
        assert_eq!(furthest, Some(limit.div_ceil(5)), "{limit}");
    }
}

#[test]
fn an_iterator_that_is_dropped_has_requested_one_batch_too_many_and_leaves_nothing_open() {
    let _limit = Limit::start();
    for read in 1..30 {
        let service = Service::still(300);
        let mut pager = service.client().alerts().page_size(5).prefetch(4);
        assert_eq!(ids(pager.by_ref().take(read)).len(), read);
        drop(pager);
        service.with(|state| assert_eq!(state.open, 0));
        let pages = service.requests().into_iter().filter(|(_, size)| *size == 5).count();
        // What was proved and not read yet, and the batch under way.
        assert!(pages <= read.div_ceil(5).next_multiple_of(4) + 1 + 4, "{read}: {pages}");
    }
}

#[test]
fn an_iterator_that_is_dropped_cancels_what_waits_for_the_rate_limit_and_counts_what_was_sent() {
    let (_limit, period) = (Limit::of(Duration::from_secs(60)), Duration::from_secs(100));
    for rate in [Rate::new(3, period), Rate::new(2, period).paced()] {
        let service = Heylerts::demo();
        let responses = Collector::new();
        // In real time, so that a thread that goes on waiting is waited for.
        let config = Config::new().transport(service.clone()).observer(responses.clone());
        let config = config.deadline(10 * period);
        let client =
            heylerts::Client::with_config("hlt_dropped", config.rate(rate).clock(SystemClock));
        let client = client.unwrap();
        let mut mentions = client.mentions().page_size(10).prefetch(4);
        mentions.next().unwrap().unwrap();
        drop(mentions);
        let (ended, cancelled): (Vec<_>, Vec<_>) =
            responses.take().into_iter().partition(|it| it.error.is_none());
        assert!(cancelled.iter().all(|it| it.error == Some(ErrorKind::Cancelled)), "{cancelled:?}");
        assert_eq!(ended.len() + cancelled.len(), 5);
        let sent = service.requests().len();
        // One that was granted a token and then cancelled gives it back.
        assert_eq!((ended.len(), client.bucket().snapshot().in_flight), (sent, 0));
    }
}

#[test]
fn an_iterator_that_is_dropped_cancels_what_waits_before_a_retry() {
    let _limit = Limit::start();
    let (retries, second) = (Arc::new(Retries::default()), Arc::new(Mutex::new(0)));
    let service = Service::still(60);
    let transport = {
        let second = Arc::clone(&second);
        move |request: http::Request<Vec<u8>>, _: Duration| match request.uri().query() {
            Some(query) if !query.contains("page=1&") => {
                *second.lock().unwrap() += 1;
                let response = http::Response::builder().status(503).header("retry-after", "60");
                Ok(response.body(Vec::new()).unwrap())
            }
            _ => service.respond(&request),
        }
    };
    let config = Config::new().transport(transport).rate(Rate::unlimited()).clock(SystemClock);
    let client = heylerts::Client::with_config("hlt_d", config.observer(Arc::clone(&retries)));
    let mut alerts = client.unwrap().alerts().page_size(5).prefetch(2);
    alerts.next().unwrap().unwrap();
    retries.wait_for(2);
    drop(alerts);
    assert_eq!(*second.lock().unwrap(), 2);
}

/// Counts the retries that are announced.
#[derive(Default)]
struct Retries(Mutex<usize>, Condvar);

impl Observer for Retries {
    fn observe(&self, activity: &Activity<'_>) {
        if let Activity::Retrying { .. } = activity {
            *self.0.lock().unwrap() += 1;
            self.1.notify_all();
        }
    }
}

impl Retries {
    fn wait_for(&self, count: usize) {
        let seen = self.0.lock().unwrap();
        drop(self.1.wait_while(seen, |seen| *seen < count).unwrap());
    }
}

#[test]
fn a_list_that_changes_all_the_time_costs_few_requests_more() {
    let _limit = Limit::start();
    let requests = |ahead: u32| {
        let mut next = 1000;
        let service = Service::new(400, move |list, _| {
            next += 1;
            list.insert(0, next);
            list.pop();
        });
        drop(ids(service.client().alerts().page_size(10).prefetch(ahead)));
        service.requests().len()
    };
    let (plain, ahead) = (requests(0), requests(4));
    assert!(ahead <= 2 * plain, "{ahead} instead of {plain}");
}

#[test]
fn more_than_sixteen_pages_ahead_are_an_error_and_nothing_is_sent() {
    let service = Service::still(9);
    let error = service.client().alerts().prefetch(17).next().unwrap().unwrap_err();
    assert_eq!((error.kind(), service.requests().len()), (ErrorKind::InvalidInput, 0));
    assert!(error.to_string().contains("16"), "{error}");
    assert_eq!(ids(service.client().alerts().prefetch(16)).len(), 9);
}

fn is_movable<T: Send + Sync>(_: &T) {}

#[test]
fn an_iterator_with_pages_under_way_can_go_to_another_thread() {
    let _limit = Limit::start();
    let mut pager = Service::still(60).client().alerts().page_size(5).prefetch(4);
    assert!(pager.next().is_some());
    is_movable(&pager);
    assert_eq!(std::thread::spawn(move || ids(pager)).join().unwrap().len(), 59);
}

#[test]
fn the_rate_limit_holds_for_pages_side_by_side_and_the_time_of_a_test_goes_on() {
    let _limit = Limit::start();
    for takes_part in [false, true] {
        let clock = TestClock::new();
        let service = Heylerts::new().clock(clock.clone());
        let service = service.limit(ServerLimit::sliding_log(7, Duration::from_secs(60)));
        (0..300).for_each(|nth| drop(service.add_alert(Made::new(format!("{nth}"), "k"))));
        let config = Config::new().transport(service.clone()).clock(clock.clone());
        let config = config.rate(Rate::per_minute(7));
        let client = heylerts::Client::with_config("hlt_rate", config).unwrap();
        let participant = takes_part.then(|| clock.participant());
        assert_eq!(client.alerts().page_size(5).prefetch(4).count(), 300);
        drop(participant);
        // 60 pages and 15 requests for the first alert, 7 a minute. The clock does not know the threads that fetch
        // ahead, and may go on while one of them still runs.
        let minutes = clock.elapsed().as_secs_f64() / 60.0;
        assert!((10.0..20.0).contains(&minutes), "{minutes}");
        assert!(
            service
                .requests()
                .iter()
                .all(|request| request.status.is_some_and(|status| status == 200))
        );
        assert_eq!(client.bucket().snapshot().granted, 75);
    }
}

#[test]
fn alerts_come_over_sockets_as_without_prefetching() {
    let _limit = Limit::start();
    let server = serve(0, Services::demo()).unwrap();
    let client = |key: &str| {
        let config = Config::new().base_url(server.url()).rate(Rate::unlimited());
        heylerts::Client::with_config(key, config).unwrap()
    };
    let plain = client("hlt_plain").mentions().page_size(10).read_all().unwrap();
    let ahead = client("hlt_ahead").mentions().page_size(10).prefetch(5).read_all().unwrap();
    assert_eq!((plain.len(), plain), (137, ahead));
}

/// A club with so many events, one a day.
fn club(events: u32) -> (Heylo, heylo::Community) {
    let start = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    let day = Duration::from_secs(86_400);
    let club = (1..=events).fold(Community::new("club"), |club, number| {
        club.event(Event::new(format!("e{number}"), start + day * number))
    });
    let clock = TestClock::new();
    let service = Heylo::new().community(club).clock(clock.clone());
    let config = Config::new().transport(service.clone()).clock(clock).retries(0);
    let client = heylo::Client::with_config("ahead", config).unwrap();
    (service, client.community("club"))
}

fn event_ids<T>(pager: Pager<heylo::Event, T>) -> Vec<String>
where
    Pager<heylo::Event, T>: Iterator<Item = Result<heylo::Event>>,
{
    pager.map(|event| event.unwrap().id).collect()
}

#[test]
fn the_next_page_of_events_is_requested_while_the_caller_works() {
    let _limit = Limit::start();
    let (service, club) = club(250);
    let mut events = club.events().prefetch(1);
    assert_eq!(events.next().unwrap().unwrap().id, "e1");
    // The thread that requests it may not have begun.
    while service.requests().len() < 2 {
        std::thread::yield_now();
    }
    assert_eq!(event_ids(events).len(), 249);
}

#[test]
fn events_come_as_without_prefetching_at_the_cost_of_one_request_more() {
    let _limit = Limit::start();
    for (events, size) in [
        (0, 100),
        (1, 100),
        (99, 100),
        (100, 100),
        (101, 100),
        (250, 100),
        (37, 2),
        (37, 5),
        (20, 1),
    ] {
        let read = |ahead: u32| {
            let (service, club) = club(events);
            let came = event_ids(club.events().page_size(size).prefetch(ahead));
            (came, service.requests().len())
        };
        let ((plain, least), (ahead, requests)) = (read(0), read(4));
        assert_eq!(plain.len() as u32, events);
        assert_eq!(plain, ahead, "{events} by {size}");
        assert!(requests <= least + 1, "{events} by {size}: {requests} instead of {least}");
    }
}

#[test]
fn events_that_change_between_the_pages_come_exactly_once() {
    let _limit = Limit::start();
    for moment in 2..6 {
        let (service, club) = club(40);
        service.before(moment, |service| {
            service.change(|setup| setup.communities[0].events.retain(|event| event.id != "e17"));
        });
        let came = event_ids(club.events().page_size(10).prefetch(1));
        let mut others: Vec<String> = (1..=40).map(|number| format!("e{number}")).collect();
        others.retain(|id| id != "e17");
        let known: Vec<String> = came.into_iter().filter(|id| id != "e17").collect();
        assert_eq!(known, others, "{moment}");
    }
}

#[test]
fn a_position_of_one_iterator_is_taken_by_one_that_fetches_ahead() {
    let _limit = Limit::start();
    let (_, club) = club(40);
    let mut events = club.events().page_size(10).prefetch(1);
    assert_eq!(events.by_ref().take(13).count(), 13);
    let position: Position = events.position().to_string().parse().unwrap();
    let rest = event_ids(club.events().page_size(7).prefetch(1).resume_at(&position).unwrap());
    assert_eq!((rest.len(), rest[0].as_str()), (27, "e14"));
}
