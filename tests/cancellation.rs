//! Calls that another thread cancels, wherever they wait.

#![cfg(feature = "sandbox")]
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

use std::error::Error as _;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use heysync::heylerts::NewAlert;
use heysync::limiter::Rate;
use heysync::sandbox::{Fault, FaultPoint, Heylerts, Heylo, TestClock, serve};
use heysync::{
    Activity, Applied, Cancellation, Clock, Config, Error, ErrorKind, heylerts, heylo, http,
};

#[allow(dead_code, reason = "the limit is only held")]
#[path = "support/limit.rs"]
mod limit;

use limit::Limit;

/// Much longer than a test may take.
const AN_HOUR: Duration = Duration::from_secs(3600);
/// For tests in real time, whose waits would take longer.
const LIMIT: Duration = Duration::from_secs(30);

/// Cancels when the client reports an activity of some kind.
fn cancel_at(
    stop: &Cancellation,
    is_it: fn(&Activity<'_>) -> bool,
) -> impl Fn(&Activity<'_>) + Send + Sync + 'static {
    let stop = stop.clone();
    move |activity: &Activity<'_>| {
        if is_it(activity) {
            stop.cancel();
        }
    }
}

fn waits(activity: &Activity<'_>) -> bool {
    matches!(activity, Activity::Waiting { .. })
}

fn retries(activity: &Activity<'_>) -> bool {
    matches!(activity, Activity::Retrying { .. })
}

struct World {
    service: Heylerts,
    clock: TestClock,
    client: heylerts::Client,
}

fn world(cancelled_when: fn(&Activity<'_>) -> bool) -> World {
    let (service, clock, stop) = (Heylerts::demo(), TestClock::new(), Cancellation::new());
    let service = service.clock(clock.clone());
    let config = Config::new()
        .transport(service.clone())
        .clock(clock.clone())
        .cancellation(&stop)
        .observer(cancel_at(&stop, cancelled_when));
    let client = heylerts::Client::with_config("hlt_cancelled", config).unwrap();
    World { service, clock, client }
}

fn source(error: &Error) -> &Error {
    error.source().unwrap().downcast_ref().unwrap()
}

#[test]
fn a_pause_after_a_429_is_cancelled_and_the_429_is_the_source() {
    let World { service, clock, client } = world(waits);
    service.inject(1, Fault::RateLimited(Some("8".to_owned())));
    let error = client.stats().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    assert_eq!(error.to_string(), "GET /stats: cancelled before another attempt");
    assert_eq!(source(&error).kind(), ErrorKind::RateLimited);
    assert_eq!((error.attempts(), error.applied(), error.exit_code()), (1, Applied::No, 130));
    assert!(!error.is_temporary());
    assert_eq!(clock.elapsed(), Duration::ZERO);
}

#[test]
fn a_backoff_is_cancelled_and_an_effect_that_is_not_known_is_not_hidden() {
    let World { service, clock, client } = world(retries);
    let id = client.alerts().next().unwrap().unwrap().id;
    service.inject(1, Fault::Cut(FaultPoint::AfterEffect));
    let error = client.delete_alert(&id).unwrap_err();
    assert_eq!((error.kind(), error.applied()), (ErrorKind::Cancelled, Applied::Unknown));
    assert_eq!(source(&error).kind(), ErrorKind::NoResponse);
    assert_eq!(clock.elapsed(), Duration::ZERO);
}

#[test]
fn a_create_whose_response_was_lost_is_not_looked_for_any_longer() {
    fn lost(activity: &Activity<'_>) -> bool {
        matches!(activity, Activity::Ended { call: "POST /alerts", .. })
    }
    let World { service, clock, client } = world(lost);
    let cut = Fault::Cut(FaultPoint::AfterEffect);
    service.inject_if(1, cut, |request| request.method == "POST");
    let error = client.create_alert_once(&NewAlert::new("Tea", "tea")).unwrap_err();
    assert_eq!((error.kind(), error.applied()), (ErrorKind::Cancelled, Applied::Unknown));
    assert_eq!(source(&error).kind(), ErrorKind::OutcomeUnknown);
    assert!(error.hint().is_some_and(|hint| hint.contains("list the alerts")));
    assert_eq!(clock.elapsed(), Duration::ZERO);
}

#[test]
fn an_iterator_yields_it_once_and_keeps_its_position() {
    let (service, clock, stop) = (Heylerts::demo(), TestClock::new(), Cancellation::new());
    let config = Config::new().transport(service).clock(clock);
    let whole = heylerts::Client::with_config("hlt_whole", config.clone()).unwrap();
    let client = heylerts::Client::with_config("hlt_part", config.cancellation(&stop)).unwrap();
    let mut mentions = client.mentions().page_size(10);
    let mut ids: Vec<String> = mentions.by_ref().take(20).map(|it| it.unwrap().id).collect();
    stop.cancel();
    let error = mentions.next().unwrap().unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Cancelled, 0));
    assert!(mentions.next().is_none());
    let rest = whole.mentions().resume_at(&mentions.position()).unwrap();
    ids.extend(rest.map(|it| it.unwrap().id));
    let expected: Vec<String> = whole.mentions().map(|it| it.unwrap().id).collect();
    assert_eq!(ids, expected);
}

#[test]
fn a_request_under_way_is_not_torn() {
    let stop = Cancellation::new();
    let handle = stop.clone();
    let config = Config::new().cancellation(&stop).transport(
        move |_: http::Request<Vec<u8>>, _: Duration| {
            handle.cancel();
            Ok(http::Response::new(br#"{"total": 3}"#.to_vec()))
        },
    );
    let client = heylerts::Client::with_config("hlt_under_way", config).unwrap();
    assert_eq!(client.stats().unwrap().total, 3);
    assert_eq!(client.stats().unwrap_err().kind(), ErrorKind::Cancelled);
}

#[test]
fn a_bulk_call_ends_with_the_person_whose_call_was_cancelled() {
    let (service, stop) = (Heylo::demo(), Cancellation::new());
    let config = Config::new()
        .transport(service.clone())
        .clock(TestClock::new())
        .cancellation(&stop)
        .observer(cancel_at(&stop, waits));
    let client = heylo::Client::with_config("key", config).unwrap();
    let people = (30..40).map(|number| format!("user-{number}"));
    let mut removals = client.community("harbour-runners").remove_members(people);
    let kinds: Vec<_> =
        removals.by_ref().map(|it| it.result.err().map(|error| error.kind())).collect();
    assert_eq!(kinds, [None, None, None, None, None, Some(ErrorKind::Cancelled)]);
    // A later run sends the call for those who are left.
    assert_eq!(removals.journal().done().count(), 5);
    assert_eq!(removals.journal().unknown().count(), 0);
}

/// Every thread waits for hours: the first in the queue with a timer, the others for a signal.
fn all_waits_end(config: Config) {
    let _limit = Limit::of(LIMIT);
    let stop = Cancellation::new();
    let config = config.cancellation(&stop).deadline(24 * AN_HOUR).rate(Rate::new(1, AN_HOUR));
    let client = heylerts::Client::with_config("hlt_waiting", config).unwrap();
    client.hello().unwrap();
    thread::scope(|scope| {
        let calls: Vec<_> = (0..4).map(|_| scope.spawn(|| client.hello().unwrap_err())).collect();
        while client.bucket().snapshot().waiting < calls.len() {
            thread::yield_now();
        }
        stop.cancel();
        for call in calls {
            let error = call.join().unwrap();
            assert_eq!((error.kind(), error.attempts()), (ErrorKind::Cancelled, 0));
        }
    });
    assert_eq!(client.bucket().snapshot().waiting, 0);
}

/// A clock of the user's own, with no more than it must have.
#[derive(Debug)]
struct Plain;

impl Clock for Plain {
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn sleep(&self, duration: Duration) {
        thread::sleep(duration);
    }
}

#[test]
fn all_who_wait_for_the_limit_are_cancelled_on_the_clock_of_the_system() {
    all_waits_end(Config::new().transport(Heylerts::demo()));
}

#[test]
fn all_who_wait_for_the_limit_are_cancelled_on_a_clock_that_only_sleeps() {
    all_waits_end(Config::new().transport(Heylerts::demo()).clock(Plain));
}

/// A clock of the user's own that takes no time. It cancels in the middle of a sleep.
#[derive(Debug)]
struct CancelsInASleep {
    start: Instant,
    passed: Mutex<Duration>,
    stop: Cancellation,
}

impl Clock for CancelsInASleep {
    fn now(&self) -> Instant {
        self.start + *self.passed.lock().unwrap()
    }

    fn sleep(&self, duration: Duration) {
        let mut passed = self.passed.lock().unwrap();
        *passed += duration;
        if *passed > CANCELLED {
            self.stop.cancel();
        }
    }
}

const CANCELLED: Duration = Duration::from_millis(105);

#[test]
fn a_wait_ends_within_50_milliseconds_on_a_clock_that_only_sleeps() {
    let spent = || {
        let service = Heylerts::demo();
        (service, Rate::new(1, AN_HOUR))
    };
    let paused = || {
        let service = Heylerts::demo();
        service.inject(1, Fault::RateLimited(Some("600".to_owned())));
        (service, Rate::per_minute(100))
    };
    let failing = || {
        let service = Heylerts::demo();
        service.inject(20, Fault::BadGateway(FaultPoint::BeforeEffect));
        (service, Rate::per_minute(100))
    };
    for (service, rate) in [spent(), paused(), failing()] {
        let stop = Cancellation::new();
        let clock = Arc::new(CancelsInASleep {
            start: Instant::now(),
            passed: Mutex::default(),
            stop: stop.clone(),
        });
        let config = Config::new().transport(service).clock(Arc::clone(&clock));
        let config = config.cancellation(&stop).deadline(24 * AN_HOUR).rate(rate).retries(9);
        let client = heylerts::Client::with_config("hlt_steps", config).unwrap();
        let error = (0..2).find_map(|_| client.hello().err()).unwrap();
        assert_eq!(error.kind(), ErrorKind::Cancelled);
        let late = *clock.passed.lock().unwrap() - CANCELLED;
        assert!(late <= Duration::from_millis(50), "{late:?}");
    }
}

#[test]
fn a_pause_is_cancelled_over_a_socket() {
    let _limit = Limit::of(LIMIT);
    let service = Heylerts::demo();
    service.inject(1, Fault::RateLimited(Some("600".to_owned())));
    let server = serve(0, service).unwrap();
    let stop = Cancellation::new();
    let config = Config::new().base_url(server.url()).deadline(AN_HOUR).cancellation(&stop);
    let client = heylerts::Client::with_config("hlt_socket", config).unwrap();
    let error = thread::scope(|scope| {
        let call = scope.spawn(|| client.stats().unwrap_err());
        while client.bucket().snapshot().waiting == 0 {
            thread::yield_now();
        }
        stop.cancel();
        call.join().unwrap()
    });
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    assert_eq!(source(&error).retry_after(), Some(Duration::from_secs(600)));
}

#[test]
fn following_mentions_ends_within_a_wait_and_keeps_its_bookmark() {
    let (stop, clock) = (Cancellation::new(), TestClock::new());
    let config = Config::new().transport(Heylerts::demo()).clock(clock.clone()).cancellation(&stop);
    let client = heylerts::Client::with_config("hlt_follow", config).unwrap();
    let mut follow = client.mentions().since(std::time::UNIX_EPOCH).follow(AN_HOUR);
    let newest = follow.by_ref().take(137).map(Result::unwrap).last().unwrap();
    stop.cancel();
    let error = follow.next().unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    assert!(follow.next().is_none());
    assert_eq!(clock.elapsed(), Duration::ZERO);
    let config = Config::new().transport(Heylerts::demo()).clock(TestClock::new());
    let other = heylerts::Client::with_config("hlt_follow", config).unwrap();
    let rest = other.mentions().new_since(&follow.bookmark()).unwrap();
    assert_eq!(rest.count(), 0, "{}", newest.id);
}

#[test]
fn an_observer_can_report_a_cancelled_call_by_another_client() {
    let other = Config::new().transport(Heylerts::demo()).clock(TestClock::new());
    let other = heylerts::Client::with_config("hlt_other", other).unwrap();
    let reported = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let kept = std::sync::Arc::clone(&reported);
    let stop = Cancellation::new();
    let config = Config::new().transport(Heylerts::demo()).clock(TestClock::new());
    let config = config.cancellation(&stop).observer(move |activity: &Activity<'_>| {
        if let Activity::Ended { .. } = activity {
            kept.store(other.stats().is_ok(), std::sync::atomic::Ordering::SeqCst);
        }
    });
    let client = heylerts::Client::with_config("hlt_cancelled", config).unwrap();
    stop.cancel();
    assert_eq!(client.stats().unwrap_err().kind(), ErrorKind::Cancelled);
    assert!(reported.load(std::sync::atomic::Ordering::SeqCst));
}

/// Another process that is stopped while it holds the lock keeps it, too.
#[test]
#[cfg(feature = "share")]
fn a_wait_for_the_lock_of_a_shared_file_is_cancelled() {
    let _limit = Limit::of(LIMIT);
    let folder = std::env::temp_dir().join(format!("heysync-cancelled-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let stop = Cancellation::new();
    let config = Config::new()
        .transport(Heylerts::demo())
        .share(heysync::limiter::Share::file_in(&folder))
        .deadline(AN_HOUR)
        .cancellation(&stop);
    let client = heylerts::Client::with_config("hlt_shared", config).unwrap();
    client.hello().unwrap();
    let path = std::fs::read_dir(&folder).unwrap().next().unwrap().unwrap().path();
    let file = std::fs::File::open(path).unwrap();
    file.lock().unwrap();
    let error = thread::scope(|scope| {
        let call = scope.spawn(|| client.hello().unwrap_err());
        while client.bucket().snapshot().waiting == 0 {
            thread::yield_now();
        }
        stop.cancel();
        call.join().unwrap()
    });
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Cancelled, 0));
    file.unlock().unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
}

/// The connection of a server that has received a request and sends nothing.
#[cfg(feature = "redis")]
fn silent(listener: &std::net::TcpListener) -> std::net::TcpStream {
    use std::io::Read;

    let (mut stream, _) = listener.accept().unwrap();
    assert!(stream.read(&mut [0; 4096]).unwrap() > 0);
    stream.set_nonblocking(true).unwrap();
    stream
}

#[test]
#[cfg(feature = "redis")]
fn a_wait_for_a_redis_that_does_not_answer_is_cancelled_before_it_is_given_up() {
    use std::io::Read;

    let _limit = Limit::of(LIMIT);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("redis://{}", listener.local_addr().unwrap());
    let stop = Cancellation::new();
    let config = Config::new()
        .transport(Heylerts::demo())
        .share(heysync::limiter::Share::redis(url))
        .deadline(AN_HOUR)
        .cancellation(&stop);
    let client = heylerts::Client::with_config("hlt_redis", config).unwrap();
    let (error, mut stream) = thread::scope(|scope| {
        let call = scope.spawn(|| client.hello().unwrap_err());
        let stream = silent(&listener);
        stop.cancel();
        (call.join().unwrap(), stream)
    });
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Cancelled, 0));
    // A request that was given up would have closed its connection.
    let still_open = stream.read(&mut [0; 4096]).unwrap_err();
    assert_eq!(still_open.kind(), std::io::ErrorKind::WouldBlock);
}

#[test]
fn what_a_list_has_read_still_comes_after_a_cancellation() {
    let (stop, clock) = (Cancellation::new(), TestClock::new());
    let config = Config::new().transport(Heylerts::demo()).clock(clock).cancellation(&stop);
    let client = heylerts::Client::with_config("hlt_rest", config).unwrap();
    let mut all = client.mentions();
    let from = heysync::Timestamp::UNIX_EPOCH;
    let mut new = client.mentions().since(from).new_since(&Default::default()).unwrap();
    assert!(all.next().is_some_and(|it| it.is_ok()) && new.next().is_some_and(|it| it.is_ok()));
    stop.cancel();
    let outcomes: Vec<_> = all.map(|it| it.err().map(|error| error.kind())).collect();
    assert_eq!((outcomes.len(), outcomes[99]), (100, Some(ErrorKind::Cancelled)));
    assert!(outcomes[..99].iter().all(Option::is_none));
    // It needs no further request.
    assert_eq!(new.filter(Result::is_ok).count(), 136);
}
