//! One client for many threads: one bucket, one pool, and nobody held up by somebody else's panic.

#![cfg(feature = "sandbox")]
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

use std::collections::BTreeSet;
use std::panic::{self, AssertUnwindSafe, RefUnwindSafe, UnwindSafe};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use heysync::http::{HeaderMap, Request, StatusCode};
use heysync::limiter::Rate;
use heysync::sandbox::{Heylerts, Heylo, TestClock};
use heysync::{
    Activity, Clock, Config, Safety, SendProgress, Transport, TransportError, UreqTransport,
    heylerts, heylo,
};

#[path = "support/sockets.rs"]
#[allow(dead_code, reason = "each test file uses a part of it")]
mod sockets;

use sockets::{
    Clients, GOOD, HEYLERTS_KEY, Limit, SAMPLES, Server, Step, head, quick, response_bytes,
};

const SECOND: Duration = Duration::from_secs(1);

fn good() -> Step {
    Step::response(200, GOOD)
}

#[test]
fn clients_can_be_used_in_code_whose_panics_are_caught() {
    fn is_unwind_safe<T: UnwindSafe + RefUnwindSafe>() {}
    is_unwind_safe::<heylo::Client>();
    is_unwind_safe::<heylo::Community>();
    is_unwind_safe::<heylo::RoleMembers>();
    is_unwind_safe::<heylerts::Client>();
    is_unwind_safe::<heysync::sandbox::Heylerts>();
    is_unwind_safe::<TestClock>();
}

#[test]
fn clients_can_be_handed_to_threads() {
    fn is_shareable<T: Clone + Send + Sync + 'static>() {}
    is_shareable::<heylo::Client>();
    is_shareable::<heylerts::Client>();
    is_shareable::<heylo::Community>();
    fn is_movable<T: Send + 'static>() {}
    is_movable::<heylo::Events>();
    is_movable::<heylerts::Mentions>();
    is_movable::<heysync::Error>();
}

#[test]
fn reads_one_after_the_other_use_one_connection() {
    let script = [
        good(),
        Step::response(404, r#"{"detail": "Not Found"}"#),
        Step::Send(head(204, &[])),
        Step::Send(response_bytes(302, &["location: /elsewhere"], "moved")),
        Step::response(200, "no JSON"),
        Step::response(429, ""),
        good(),
    ];
    let server = Server::start(script);
    let clients = Clients::with(quick(&server).retries(0));
    // A change may open another connection on a machine that stands still for most of a second.
    let reads = SAMPLES.iter().filter(|sample| sample.safety == Safety::Read);
    for sample in reads.cycle().take(21) {
        drop((sample.make)(&clients.clone()));
    }
    // Heylo and Heylerts are two clients, each with a connection of its own.
    assert_eq!((server.received().len(), server.accepted()), (21, 2));
}

#[test]
fn a_connection_is_not_used_again_after_a_status_that_servers_close_it_with() {
    for (status, connections) in [(200, 1), (404, 1), (429, 1), (408, 3), (500, 3), (503, 3)] {
        for body in ["", r#"{"detail": "no"}"#] {
            let server = Server::start([Step::response(status, body)]);
            let clients = Clients::with(quick(&server).retries(0));
            (0..3).for_each(|_| drop(clients.heylerts.stats()));
            let seen = (server.received().len(), server.accepted());
            assert_eq!(seen, (3, connections), "{status} {body:?}");
        }
    }
}

#[test]
fn a_call_after_a_500_is_not_lost_on_the_connection_that_the_server_closes() {
    // The server closes it without `Connection: close`, after an instant that leaves it open for a moment.
    for sample in SAMPLES {
        let server = Server::start([Step::Close(response_bytes(500, &[], "oh")), good()]);
        let clients = Clients::with(quick(&server).retries(0));
        drop((sample.make)(&clients));
        let second = (sample.make)(&clients);
        assert!(second.is_ok(), "{}: {second:?}", sample.name);
        assert_eq!((server.received().len(), server.accepted()), (2, 2), "{}", sample.name);
    }
}

#[test]
fn after_a_lost_response_no_older_connection_to_the_host_is_used() {
    let server = Server::start([good(), good(), Step::CUT, good()]);
    let transport = UreqTransport::default();
    let send = |on_head: &mut dyn FnMut(StatusCode, &HeaderMap)| {
        let request = Request::get(server.url()).body(Vec::new()).unwrap();
        transport.send_with(request, 30 * SECOND, &mut SendProgress::new(on_head))
    };
    let both_have_a_head = Barrier::new(2);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let wait = &mut |_, _: &HeaderMap| {
                    both_have_a_head.wait();
                };
                assert!(send(wait).is_ok());
            });
        }
    });
    assert_eq!(server.accepted(), 2);
    assert!(send(&mut |_, _| {}).is_err());
    assert!(send(&mut |_, _| {}).is_ok());
    assert_eq!((server.received().len(), server.accepted()), (4, 3));
}

#[test]
fn clones_on_threads_that_take_turns_use_one_connection() {
    let server = Server::start([good()]);
    let client = Clients::of(&server).heylerts;
    for _ in 0..8 {
        let client = client.clone();
        thread::spawn(move || client.stats().unwrap()).join().unwrap();
    }
    assert_eq!((server.received().len(), server.accepted()), (8, 1));
}

#[test]
fn threads_at_the_same_time_use_a_connection_each_and_use_it_again() {
    const THREADS: usize = 8;
    let server = Server::start([good()]);
    let client = Clients::of(&server).heylerts;
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| (0..10).for_each(|_| drop(client.stats().unwrap())));
        }
    });
    assert_eq!(server.received().len(), 10 * THREADS);
    assert!(server.accepted() <= THREADS, "{} connections", server.accepted());
}

/// The most of these moments that lie within a second.
fn most_in_a_second(moments: &[Duration]) -> usize {
    let within = |start: &Duration| {
        let window = *start..*start + SECOND;
        moments.iter().filter(|at| window.contains(at)).count()
    };
    moments.iter().map(within).max().unwrap_or_default()
}

#[test]
fn clones_on_threads_share_one_bucket() {
    let (begun, clock) = (Arc::new(Mutex::new(Vec::new())), TestClock::new());
    let (moments, time) = (Arc::clone(&begun), clock.clone());
    let config = Config::new().clock(clock.clone()).rate(Rate::per_second(5));
    let config = config.transport(move |_: http::Request<Vec<u8>>, _: Duration| {
        moments.lock().unwrap().push(time.elapsed());
        Ok(http::Response::new(GOOD.into()))
    });
    let client = Clients::with(config).heylerts;
    let participants = [(); 8].map(|()| clock.participant());
    thread::scope(|scope| {
        for participant in participants {
            let client = client.clone();
            scope.spawn(move || {
                (0..5).for_each(|_| drop(client.stats().unwrap()));
                drop(participant);
            });
        }
    });
    let begun = begun.lock().unwrap();
    assert_eq!((begun.len(), most_in_a_second(&begun)), (40, 5), "{begun:?}");
}

#[test]
fn clients_with_buckets_of_their_own_do_not_wait_for_each_other() {
    let clock = TestClock::new();
    let transport = |_: http::Request<Vec<u8>>, _: Duration| Ok(http::Response::new(GOOD.into()));
    let config = Config::new().clock(clock.clone()).transport(transport);
    let clients = Clients::with(config.rate(Rate::new(1, 60 * SECOND)));
    clients.heylerts.stats().unwrap();
    clients.heylo.community("c-1").roles().unwrap();
    assert_eq!(clock.slept(), Duration::ZERO);
}

/// Panics when it is context to, once.
#[derive(Clone, Default)]
struct Fuse(Arc<AtomicBool>);

impl Fuse {
    fn light(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    fn burn(&self) {
        assert!(!self.0.swap(false, Ordering::SeqCst), "a mistake in somebody's code");
    }
}

/// A client whose transport and whose observer, at these activities, burn the fuses.
fn fused(
    in_transport: &Fuse,
    in_observer: &Fuse,
    at: fn(&Activity<'_>) -> bool,
) -> heylerts::Client {
    let (in_transport, in_observer) = (in_transport.clone(), in_observer.clone());
    let config = Config::new().clock(TestClock::new()).rate(Rate::new(1, 60 * SECOND));
    let config = config.transport(move |_: http::Request<Vec<u8>>, _: Duration| {
        in_transport.burn();
        Ok(http::Response::new(GOOD.into()))
    });
    let config = config.observer(move |activity: &Activity<'_>| {
        if at(activity) {
            in_observer.burn();
        }
    });
    heylerts::Client::with_config(HEYLERTS_KEY, config).unwrap()
}

/// Whether a call panics, on a thread of its own.
fn panics(client: &heylerts::Client) -> bool {
    let client = client.clone();
    thread::spawn(move || client.stats()).join().is_err()
}

#[test]
fn a_transport_that_panics_holds_up_nobody_else() {
    let (in_transport, in_observer) = (Fuse::default(), Fuse::default());
    let client = fused(&in_transport, &in_observer, |_| false);
    for _ in 0..3 {
        in_transport.light();
        assert!(panics(&client));
        assert!(client.stats().is_ok());
    }
}

#[test]
fn an_observer_that_panics_holds_up_nobody_else() {
    let moments: [fn(&Activity<'_>) -> bool; 3] = [
        |activity| matches!(activity, Activity::Waiting { .. }),
        |activity| matches!(activity, Activity::Sending { .. }),
        |activity| matches!(activity, Activity::Responded { .. }),
    ];
    for moment in moments {
        let (in_transport, in_observer) = (Fuse::default(), Fuse::default());
        let client = fused(&in_transport, &in_observer, moment);
        assert!(client.stats().is_ok());
        for _ in 0..3 {
            in_observer.light();
            assert!(panics(&client));
            assert!(client.stats().is_ok());
        }
    }
}

#[test]
fn a_caller_that_catches_a_panic_can_go_on() {
    let (in_transport, in_observer) = (Fuse::default(), Fuse::default());
    let client = fused(&in_transport, &in_observer, |_| false);
    in_transport.light();
    let caught = panic::catch_unwind(AssertUnwindSafe(|| client.stats()));
    assert!(caught.is_err());
    assert!(client.stats().is_ok());
}

/// A clock on which nobody sleeps for long, so that whoever waits sees what the others do meanwhile.
#[derive(Debug)]
struct LightSleep(TestClock);

impl Clock for LightSleep {
    fn now(&self) -> Instant {
        self.0.now()
    }

    fn sleep(&self, duration: Duration) {
        self.0.advance(duration.min(Duration::from_millis(1)));
        thread::yield_now();
    }
}

#[test]
fn threads_that_wait_for_one_that_panics_go_on() {
    let (step, is_first) = (Arc::new(Barrier::new(2)), AtomicBool::new(true));
    let stepping = Arc::clone(&step);
    let config = Config::new().clock(LightSleep(TestClock::new()));
    let config = config.rate(Rate::new(1, SECOND)).deadline(3600 * SECOND);
    let config = config.transport(move |_: http::Request<Vec<u8>>, _: Duration| {
        if is_first.swap(false, Ordering::SeqCst) {
            // It holds the only token; the others come, and then it panics.
            stepping.wait();
            stepping.wait();
            panic!("a mistake in somebody's transport");
        }
        Ok(http::Response::new(GOOD.into()))
    });
    let client = heylerts::Client::with_config(HEYLERTS_KEY, config).unwrap();
    thread::scope(|scope| {
        let unlucky = scope.spawn(|| client.stats());
        step.wait();
        let others = [(); 4].map(|()| scope.spawn(|| client.stats()));
        step.wait();
        assert!(unlucky.join().is_err());
        assert!(others.into_iter().all(|other| other.join().unwrap().is_ok()));
    });
}

/// A transport that panics at one request, in front of a service.
struct Panics<T> {
    inner: T,
    at: usize,
    requests: AtomicUsize,
}

impl<T: Transport> Transport for Panics<T> {
    fn send_with(
        &self,
        request: Request<Vec<u8>>,
        timeout: Duration,
        progress: &mut SendProgress<'_>,
    ) -> Result<heysync::http::Response<Vec<u8>>, TransportError> {
        if self.requests.fetch_add(1, Ordering::SeqCst) + 1 == self.at {
            panic::resume_unwind(Box::new("at this request"));
        }
        self.inner.send_with(request, timeout, progress)
    }
}

/// Reads an iterator to its end, also after a panic.
fn read_on<T>(mut items: impl Iterator<Item = heysync::Result<T>>) -> (Vec<T>, usize) {
    let (mut came, mut panics) = (Vec::new(), 0);
    loop {
        match panic::catch_unwind(AssertUnwindSafe(|| items.next())) {
            Ok(Some(item)) => came.push(item.unwrap()),
            Ok(None) => return (came, panics),
            Err(_) => panics += 1,
        }
    }
}

#[test]
fn an_iterator_whose_request_panicked_goes_on_with_that_request() {
    let _limit = Limit::start();
    let config = |transport: Box<dyn Transport>| {
        Config::new().transport(transport).clock(TestClock::new()).rate(Rate::unlimited())
    };
    for ahead in [0, 1, 4] {
        for at in 1..=8 {
            let service = Heylerts::demo().limit(None);
            let inner = Panics { inner: service, at, requests: AtomicUsize::new(0) };
            let client = heylerts::Client::with_config("hlt_key", config(Box::new(inner))).unwrap();
            let (came, panics) = read_on(client.mentions().page_size(20).prefetch(ahead));
            let ids: BTreeSet<_> = came.iter().map(|mention| mention.id.clone()).collect();
            assert_eq!((came.len(), ids.len()), (137, 137), "{ahead} {at}");
            assert!(panics <= 1 && (ahead > 0 || at > 7 || panics == 1), "{ahead} {at}: {panics}");

            let inner = Panics { inner: Heylo::demo(), at, requests: AtomicUsize::new(0) };
            let client = heylo::Client::with_config("key", config(Box::new(inner))).unwrap();
            let events = client.community("harbour-runners").events();
            let (came, _) = read_on(events.page_size(20).prefetch(ahead));
            let ids: BTreeSet<_> = came.iter().map(|event| event.id.clone()).collect();
            assert_eq!(
                (came.len(), ids.len()),
                (expected_events(), expected_events()),
                "{ahead} {at}"
            );
        }
    }
}

fn expected_events() -> usize {
    let config = Config::new().transport(Heylo::demo()).clock(TestClock::new());
    let client = heylo::Client::with_config("key", config).unwrap();
    client.community("harbour-runners").events().count()
}
