//! One deadline for a whole call: its turn, its attempts and the pauses between them.

#![cfg(feature = "sandbox")]
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use heysync::limiter::Rate;
use heysync::sandbox::TestClock;
use heysync::{Activity, CallOptions, Config, Error, ErrorKind, TransportError, heylerts};

#[path = "support/limit.rs"]
#[allow(dead_code, reason = "it is kept until the test ends")]
mod limit;

use limit::Limit;

const SECOND: Duration = Duration::from_secs(1);
const DEADLINE: Duration = Duration::from_secs(60);

type Answer = Result<http::Response<Vec<u8>>, TransportError>;

/// A client of a server that responses as it is context to, and when each attempt began and with how much
/// time.
struct Setup {
    clock: TestClock,
    client: heylerts::Client,
    attempts: Arc<Mutex<Vec<(Duration, Duration)>>>,
    _limit: Limit,
}

impl Setup {
    /// `response` is context the number of the attempt, from 1, and may let time pass.
    fn new(
        config: Config,
        response: impl Fn(usize, &TestClock) -> Answer + Send + Sync + 'static,
    ) -> Setup {
        let (clock, attempts) = (TestClock::new(), Arc::new(Mutex::new(Vec::new())));
        let (time, begun) = (clock.clone(), Arc::clone(&attempts));
        let transport = move |_: http::Request<Vec<u8>>, timeout: Duration| {
            let number = {
                let mut begun = begun.lock().unwrap();
                begun.push((time.elapsed(), timeout));
                begun.len()
            };
            response(number, &time)
        };
        let config = config.clock(clock.clone()).transport(transport);
        Setup {
            clock,
            client: heylerts::Client::with_config("hlt_deadlines", config).unwrap(),
            attempts,
            _limit: Limit::start(),
        }
    }

    fn fails(&self) -> Error {
        self.client.stats().unwrap_err()
    }

    /// When each attempt began.
    fn begun(&self) -> Vec<Duration> {
        let attempts = self.attempts.lock().unwrap();
        attempts.iter().map(|(begun, _)| *begun).collect()
    }

    /// How much time each attempt was given.
    fn given(&self) -> Vec<Duration> {
        let attempts = self.attempts.lock().unwrap();
        attempts.iter().map(|(_, given)| *given).collect()
    }
}

fn response(status: u16, retry_after: Option<&str>) -> Answer {
    let mut response = http::Response::new(br#"{"total": 3}"#.to_vec());
    *response.status_mut() = http::StatusCode::from_u16(status).unwrap();
    if let Some(value) = retry_after {
        let value = value.parse().unwrap();
        response.headers_mut().insert("retry-after", value);
    }
    Ok(response)
}

fn one_in(period: Duration) -> Config {
    Config::new().rate(Rate::new(1, period))
}

#[test]
fn an_attempt_gets_what_is_left_and_its_own_limit_at_most() {
    let config = Config::new().deadline(DEADLINE).attempt_timeout(25 * SECOND);
    let setup = Setup::new(config.retries(100), |_, clock| {
        clock.advance(25 * SECOND);
        Err(TransportError::maybe_sent("timed out"))
    });
    assert_eq!(setup.fails().kind(), ErrorKind::NoResponse);
    let ends = setup.begun().into_iter().zip(setup.given()).map(|(begun, given)| begun + given);
    assert!(ends.clone().all(|end| end <= DEADLINE), "{:?}", setup.attempts);
    let given = setup.given();
    assert_eq!(given[..2], [25 * SECOND; 2]);
    assert_eq!(given.len(), 3);
    assert!(given[2] <= 10 * SECOND, "{given:?}");
}

#[test]
fn pauses_count_too() {
    let setup = Setup::new(Config::new().deadline(DEADLINE).retries(100), |_, clock| {
        clock.advance(SECOND);
        response(503, Some("20"))
    });
    let error = setup.fails();
    assert_eq!(error.status().unwrap().as_u16(), 503);
    // Each attempt takes a second, each pause twenty; after the third there is no room for another.
    assert_eq!(error.attempts(), 3);
    assert!(setup.clock.elapsed() <= DEADLINE);
    assert!(error.message().contains("20.0 s (before another attempt) does not fit"), "{error}");
    assert!(error.message().contains("deadline of 60.0 s"), "{error}");
}

#[test]
fn the_queue_counts_too() {
    let setup = Setup::new(one_in(40 * SECOND).deadline(DEADLINE), |number, clock| match number {
        1 => response(200, None),
        _ => {
            clock.advance(SECOND);
            response(500, None)
        }
    });
    assert!(setup.client.stats().is_ok());
    let error = setup.fails();
    // Its turn came after forty seconds, and that of the second attempt never came.
    assert_eq!((error.status().unwrap().as_u16(), error.attempts()), (500, 1));
    assert!(error.message().contains("does not fit"), "{error}");
    assert!(setup.given()[1] <= 20 * SECOND);
    assert!(setup.clock.elapsed() <= DEADLINE);
}

#[test]
fn a_permit_that_comes_too_late_is_not_waited_for_and_its_wait_is_in_a_field() {
    let setup = Setup::new(one_in(100 * SECOND).deadline(DEADLINE), |_, _| response(200, None));
    assert!(setup.client.stats().is_ok());
    let error = setup.fails();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Deadline, 0));
    // One request in 100 seconds: the token comes back P·1.001 + 5 ms after the response.
    assert_eq!(error.retry_after(), Some(Duration::from_millis(100_105)));
    assert!(error.to_string().starts_with("GET /stats: a wait of 100."), "{error}");
    assert!(error.hint().is_some());
    assert_eq!((setup.clock.slept(), setup.begun().len()), (Duration::ZERO, 1));
    // Nor does it cost anybody else a turn.
    setup.clock.advance(101 * SECOND);
    assert!(setup.client.stats().is_ok());
}

#[test]
fn a_pause_that_cannot_fit_is_not_begun() {
    let setup = Setup::new(Config::new().deadline(DEADLINE), |_, _| response(503, Some("61")));
    let error = setup.fails();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Server, 1));
    assert_eq!(error.retry_after(), Some(61 * SECOND));
    assert!(error.message().contains("61.0 s (before another attempt) does not fit"), "{error}");
    assert_eq!(setup.clock.slept(), Duration::ZERO);
}

#[test]
fn a_rate_limit_that_outlasts_the_deadline_is_reported_as_such() {
    let setup =
        Setup::new(one_in(61 * SECOND).deadline(DEADLINE), |_, _| response(429, Some("61")));
    let error = setup.fails();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::RateLimited, 1));
    assert_eq!(error.retry_after(), Some(61 * SECOND));
    assert!(error.message().contains("does not fit"), "{error}");
    assert_eq!(setup.clock.slept(), Duration::ZERO);
}

#[test]
fn there_is_no_pause_after_the_last_attempt() {
    for retries in [0, 1, 4] {
        let setup = Setup::new(Config::new().retries(retries), |_, _| response(503, Some("5")));
        assert_eq!(setup.fails().attempts(), retries + 1);
        assert_eq!(setup.begun().last(), Some(&setup.clock.elapsed()));
        assert_eq!(setup.clock.elapsed(), retries * 5 * SECOND);
    }
}

#[test]
fn a_call_that_is_not_retried_does_not_pause() {
    for status in [400, 404, 501] {
        let setup = Setup::new(Config::new(), move |_, _| response(status, Some("5")));
        assert_eq!(setup.fails().attempts(), 1);
        assert_eq!(setup.clock.slept(), Duration::ZERO);
    }
}

/// When the second attempt began, where the first was answered with this status and `Retry-After: 30`.
fn second_attempt_after(status: u16) -> Duration {
    let setup = Setup::new(Config::new(), move |number, _| match number {
        1 => response(status, Some("30")),
        _ => response(200, Some("30")),
    });
    assert!((0..3).all(|_| setup.client.stats().is_ok()), "{status}");
    let begun = setup.begun();
    assert!(begun[3] - begun[1] < 30 * SECOND, "{status}: {begun:?}");
    begun[1]
}

#[test]
fn retry_after_is_obeyed_if_the_status_gives_it_a_meaning() {
    assert!(second_attempt_after(503) >= 30 * SECOND);
    for status in [408, 500, 502, 504] {
        assert!(second_attempt_after(status) < SECOND, "{status}");
    }
    for (status, counts) in [(429, true), (503, true), (500, false), (404, false)] {
        let setup = Setup::new(Config::new().retries(0), move |_, _| response(status, Some("30")));
        assert_eq!(setup.fails().retry_after().is_some(), counts, "{status}");
    }
}

#[test]
fn a_rate_limit_is_waited_out_for_as_long_as_its_header_asks() {
    assert!(second_attempt_after(429) >= 30 * SECOND);
}

#[test]
fn a_retry_after_that_is_nonsense_is_as_none() {
    for value in ["soon", "-5", "NaN", "1e999", ""] {
        let setup = Setup::new(Config::new(), move |number, _| match number {
            1 => response(503, Some(value)),
            _ => response(200, None),
        });
        assert!(setup.client.stats().is_ok(), "{value}");
        assert!(setup.clock.elapsed() < SECOND, "{value}");
    }
}

#[test]
fn every_call_has_a_deadline_of_its_own() {
    let setup = Setup::new(Config::new().deadline(DEADLINE), |_, clock| {
        clock.advance(50 * SECOND);
        response(200, None)
    });
    assert!((0..5).all(|_| setup.client.stats().is_ok()));
    assert_eq!(setup.given(), [30 * SECOND; 5]);
}

#[test]
fn an_observer_receives_every_wait_and_its_length() {
    let context = Arc::new(Mutex::new(Vec::new()));
    let lines = Arc::clone(&context);
    let observer = move |activity: &Activity<'_>| lines.lock().unwrap().push(activity.to_string());
    let setup = Setup::new(Config::new().observer(observer), |number, _| match number {
        1 => response(503, Some("7")),
        _ => response(200, None),
    });
    assert!(setup.client.stats().is_ok());
    let context = context.lock().unwrap().join("\n");
    let expected = "GET /stats: sending\n\
        GET /stats: 503 Service Unavailable in 0 ms\n\
        GET /stats: 503 Service Unavailable: {\"total\": 3}, from heylerts.com; retrying in 7.0 s\n\
        GET /stats: sending, attempt 2\n\
        GET /stats: 200 OK in 0 ms\n\
        GET /stats: succeeded after 2 requests in 7000 ms";
    assert_eq!(context, expected);
}

#[test]
fn an_unsafe_call_of_a_short_deadline_waits_for_most_of_it() {
    let rate = Rate::new(1, Duration::from_millis(30));
    let config = Config::new().deadline(Duration::from_millis(90)).rate(rate);
    let setup = Setup::new(config, |_, _| response(500, None));
    let alert = heylerts::NewAlert::new("Competitor X", "competitor x");
    for sent in 1..=2 {
        let error = setup.client.create_alert(&alert).unwrap_err();
        assert_eq!((error.kind(), setup.begun().len()), (ErrorKind::OutcomeUnknown, sent));
    }
    assert!(setup.clock.slept() >= Duration::from_millis(30));
}

#[test]
fn a_call_that_is_part_of_an_operation_names_what_the_operation_has_left() {
    let setup = Setup::new(Config::new().deadline(Duration::from_secs(20)), |number, clock| {
        clock.advance(Duration::from_secs(8));
        match number {
            1 => {
                Ok(http::Response::new(br#"{"items": [], "page": 1, "has_more": false}"#.to_vec()))
            }
            _ => response(429, Some("8")),
        }
    });
    let alert = heylerts::NewAlert::new("Competitor X", "competitor x");
    let error = setup.client.create_alert_once(&alert).unwrap_err();
    let words = "a wait of 8.0 s (the service asked for a pause) does not fit: 16.0 s of the deadline of 20.0 s";
    assert!(error.message().contains(words), "{error}");
}

#[test]
fn a_call_is_not_sent_after_an_observer_or_a_key_source_has_used_up_its_deadline() {
    let slow = |clock: &TestClock, millis: u64, is_it: fn(&Activity<'_>) -> bool| {
        let clock = clock.clone();
        move |activity: &Activity<'_>| {
            if is_it(activity) {
                clock.advance(Duration::from_millis(millis));
            }
        }
    };
    let alert = heylerts::NewAlert::new("Competitor X", "competitor x");
    for (millis, reads, creates) in [(1900, 1, 1), (1960, 1, 0), (2000, 1, 0), (2001, 0, 0)] {
        let setup = Setup::new(Config::new().deadline(2 * SECOND), |_, _| response(403, None));
        let observer = slow(&setup.clock, millis, |it| matches!(it, Activity::Sending { .. }));
        let client = setup.client.with(CallOptions::new().observer(observer));
        let error = client.stats().unwrap_err();
        let kind = |sent| if sent == 1 { ErrorKind::Forbidden } else { ErrorKind::Deadline };
        assert_eq!((error.kind(), error.attempts()), (kind(reads), reads), "{millis}");
        let error = client.create_alert(&alert).unwrap_err();
        assert_eq!((error.kind(), error.attempts()), (kind(creates), creates), "{millis}: {error}");
        assert_eq!(setup.begun().len(), (reads + creates) as usize);
    }
    let clock = TestClock::new();
    let slow = clock.clone();
    let keys = std::sync::atomic::AtomicU32::new(0);
    let source = move || -> Result<String, String> {
        let asked = keys.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        slow.advance(Duration::from_secs(200) * asked);
        Ok(format!("hlt_{asked}"))
    };
    let transport = |_: http::Request<Vec<u8>>, _: Duration| response(401, None);
    let config = Config::new().transport(transport).clock(clock);
    let client = heylerts::Client::with_key_source(source, config).unwrap();
    let error = client.create_alert(&alert).unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Unauthorized, 1));
    assert!(error.message().contains("0.00 s of the deadline of 180.0 s were left"), "{error}");
}

#[test]
fn another_attempt_is_not_begun_at_the_last_moment_and_the_error_is_that_of_the_one_before() {
    for status in [503, 429] {
        for (left, attempts) in [(50, 1), (99, 1), (200, 2)] {
            let deadline = 20 * SECOND + Duration::from_millis(left);
            let setup = Setup::new(Config::new().deadline(deadline), move |_, clock| {
                clock.advance(Duration::from_millis(1));
                response(status, Some("20"))
            });
            let error = setup.fails();
            assert_eq!(setup.begun().len(), attempts, "{status}, {left} ms: {error}");
            assert_eq!(error.status().unwrap().as_u16(), status);
            assert!(error.message().contains("does not fit"), "{error}");
        }
    }
}

#[test]
fn a_new_key_or_a_pause_that_is_over_begins_no_attempt_at_the_last_moment() {
    for (status, wait) in [(401, None), (429, Some("0")), (503, Some("0"))] {
        for (left, attempts) in [(10, 1), (60, 1), (99, 1)].into_iter().chain([(5_000, 2)]) {
            let keys = std::sync::atomic::AtomicU32::new(0);
            let source = move || -> Result<String, String> {
                Ok(format!("hlt_{}", keys.fetch_add(1, std::sync::atomic::Ordering::SeqCst)))
            };
            let clock = TestClock::new();
            let (slow, sent) = (clock.clone(), Arc::new(Mutex::new(0)));
            let counted = Arc::clone(&sent);
            let transport = move |_: http::Request<Vec<u8>>, timeout: Duration| {
                let mut sent = counted.lock().unwrap();
                *sent += 1;
                if *sent == 1 {
                    slow.advance(10 * SECOND - Duration::from_millis(left));
                    return response(status, wait);
                }
                slow.advance(timeout);
                Err(TransportError::maybe_sent("timed out"))
            };
            let config = Config::new().transport(transport).clock(clock).deadline(10 * SECOND);
            let client =
                heylerts::Client::with_key_source(source, config.attempt_timeout(10 * SECOND))
                    .unwrap();
            let error = client.stats().unwrap_err();
            assert_eq!(*sent.lock().unwrap(), attempts, "{status}, {left} ms: {error}");
            if attempts == 1 {
                assert_eq!(error.status().map(|it| it.as_u16()), Some(status), "{error}");
                assert_eq!(error.attempts(), 1);
            }
        }
    }
}

#[test]
fn an_unsafe_call_does_not_wait_until_nothing_is_left_to_send_it_in() {
    for (deadline, attempts) in [(1012, 1), (1099, 1), (1200, 2)] {
        let config = Config::new().deadline(Duration::from_millis(deadline));
        let setup = Setup::new(config, |number, clock| {
            clock.advance(Duration::from_millis(5));
            if number == 1 { response(429, Some("1")) } else { response(500, None) }
        });
        let alert = heylerts::NewAlert::new("Competitor X", "competitor x");
        let error = setup.client.create_alert(&alert).unwrap_err();
        let kind = if attempts == 1 { ErrorKind::RateLimited } else { ErrorKind::OutcomeUnknown };
        assert_eq!((error.kind(), setup.begun().len()), (kind, attempts), "{deadline}");
        if attempts == 1 {
            assert_eq!(setup.clock.slept(), Duration::ZERO);
        }
    }
}
