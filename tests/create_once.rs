//! `create_alert_once` never creates an alert twice, and finds the one whose response was lost.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use heysync::heylerts::{Alert, Client, NewAlert};
use heysync::http::{Request, Response, StatusCode};
use heysync::sandbox::{self, Fault, FaultPoint, TestClock};
use heysync::{Activity, Clock as _, Config, ErrorKind, Result, Transport as _, TransportError};
use serde_json::json;

#[path = "support/limit.rs"]
#[allow(dead_code, reason = "it is kept until the test ends")]
mod limit;

use limit::Limit;

type Sent = Result<Response<Vec<u8>>, TransportError>;

/// The attempt timeout of every client here.
const TIMEOUT: Duration = Duration::from_secs(1);

/// A service, the client of it, and the time that passes for both.
struct Setup {
    service: sandbox::Heylerts,
    client: Client,
    clock: TestClock,
    _limit: Limit,
}

impl Setup {
    fn new() -> Setup {
        Setup::with(|config, _| config)
    }

    fn with(configure: impl FnOnce(Config, &sandbox::Heylerts) -> Config) -> Setup {
        let clock = TestClock::new();
        let service = sandbox::Heylerts::demo().clock(clock.clone());
        let config = Config::new().transport(service.clone()).clock(clock.clone());
        let config = configure(config.attempt_timeout(TIMEOUT), &service);
        let client = Client::with_config("hlt_key", config).expect("a client");
        Setup { service, client, clock, _limit: Limit::start() }
    }

    /// A setup whose requests, without retries, go through `send`, which gets the number of each from 0.
    fn through<F>(send: F) -> Setup
    where
        F: Fn(&sandbox::Heylerts, Request<Vec<u8>>, Duration, usize) -> Sent
            + Send
            + Sync
            + 'static,
    {
        Setup::with(|config, service| {
            let (service, count) = (service.clone(), AtomicUsize::new(0));
            config.retries(0).transport(move |request, timeout| {
                send(&service, request, timeout, count.fetch_add(1, Ordering::Relaxed))
            })
        })
    }

    /// Makes the next posts fail like this, one after the other.
    fn failing(self, faults: impl IntoIterator<Item = Fault>) -> Setup {
        for fault in faults {
            self.service.inject_if(1, fault, |request| request.method == "POST");
        }
        self
    }

    /// The number of alerts with the name that every test here creates, whether lists show them or not.
    fn created(&self) -> usize {
        let state = self.service.state();
        let is_new = |name: &str| name.split_whitespace().eq(["Competitor", "X"]);
        state.alerts.iter().filter(|alert| is_new(&alert.name)).count()
    }

    fn posts(&self) -> usize {
        self.service.requests().iter().filter(|request| request.method == "POST").count()
    }
}

fn create_in(setup: &Setup) -> Result<Alert> {
    setup.client.create_alert_once(&NewAlert::new("Competitor X", "competitor x"))
}

#[test]
fn an_alert_whose_response_was_lost_is_found_at_once() {
    for fault in [Fault::Cut(FaultPoint::AfterEffect), Fault::BadGateway(FaultPoint::AfterEffect)] {
        let setup = Setup::new().failing([fault.clone()]);
        let started = setup.clock.now();
        assert_eq!(create_in(&setup).expect("the alert").name, "Competitor X", "{fault:?}");
        assert_eq!((setup.created(), setup.posts()), (1, 1), "{fault:?}");
        assert!(setup.clock.now() - started < TIMEOUT, "{fault:?}");
    }
}

#[test]
fn an_alert_whose_response_cannot_be_read_is_found() {
    for fault in [Fault::Truncated, Fault::WrongType, Fault::Oversized] {
        let setup = Setup::new().failing([fault.clone()]);
        assert_eq!(create_in(&setup).expect("the alert").name, "Competitor X", "{fault:?}");
        assert_eq!((setup.created(), setup.posts()), (1, 1), "{fault:?}");
    }
}

#[test]
fn an_alert_to_which_the_response_only_leads_is_found() {
    let setup = Setup::through(|service, request, timeout, _| {
        let is_post = request.method() == "POST";
        let mut response = service.send(request, timeout)?;
        if is_post {
            *response.status_mut() = StatusCode::SEE_OTHER;
            response.body_mut().clear();
        }
        Ok(response)
    });
    assert_eq!(create_in(&setup).expect("the alert").name, "Competitor X");
    assert_eq!((setup.created(), setup.posts()), (1, 1));
}

#[test]
fn a_request_that_is_still_running_at_its_timeout_is_waited_for_and_not_repeated() {
    for millis in [1500, 2500, 4500] {
        let setup = Setup::new();
        setup.service.change(|state| {
            state.settings.create_duration = Duration::from_millis(millis);
        });
        assert_eq!(create_in(&setup).expect("the alert").name, "Competitor X", "{millis} ms");
        assert_eq!((setup.created(), setup.posts()), (1, 1), "{millis} ms");
    }
}

#[test]
fn a_list_that_lags_behind_is_read_again() {
    for lag in [1, 2, 3] {
        let setup = Setup::new().failing([Fault::Cut(FaultPoint::AfterEffect)]);
        setup.service.change(|state| state.settings.list_lag = Duration::from_secs(lag));
        assert_eq!(create_in(&setup).expect("the alert").name, "Competitor X", "{lag} s");
        assert_eq!((setup.created(), setup.posts()), (1, 1), "{lag} s");
    }
}

#[test]
fn an_observer_receives_each_wait_before_a_look() {
    let lines: Arc<Mutex<Vec<String>>> = Arc::default();
    let kept = Arc::clone(&lines);
    let setup = Setup::with(|config, _| {
        config.observer(move |activity: &Activity<'_>| {
            if let Activity::Looking { .. } = activity {
                kept.lock().expect("no panic before").push(activity.to_string());
            }
        })
    });
    let setup = setup.failing([Fault::Cut(FaultPoint::BeforeEffect)]);
    assert_eq!(
        create_in(&setup).expect_err("nothing was created").kind(),
        ErrorKind::OutcomeUnknown
    );
    let line = |seconds| format!("POST /alerts: looking in {seconds} s whether it took effect");
    assert_eq!(*lines.lock().expect("no panic before"), [line("1.0"), line("1.0"), line("2.0")]);
}

#[test]
fn an_alert_that_is_not_found_in_time_leaves_the_outcome_unknown() {
    for fault in [Fault::Cut(FaultPoint::BeforeEffect), Fault::BadGateway(FaultPoint::BeforeEffect)]
    {
        let setup = Setup::new().failing([fault.clone()]);
        let started = setup.clock.now();
        let error = create_in(&setup).expect_err("an unknown outcome");
        assert_eq!(error.kind(), ErrorKind::OutcomeUnknown, "{fault:?}");
        assert!(error.message().contains("4.0 s later it was not in the list"), "{error}");
        assert!(error.hint().is_some_and(|hint| hint.contains("list the alerts")), "{fault:?}");
        assert_eq!((setup.created(), setup.posts()), (0, 1), "{fault:?}");
        let waited = setup.clock.now() - started;
        assert!((4 * TIMEOUT..5 * TIMEOUT + TIMEOUT / 2).contains(&waited), "{waited:?}");
    }
}

#[test]
fn looking_ends_at_the_deadline() {
    let setup = Setup::with(|config, _| config.deadline(Duration::from_millis(2500)))
        .failing([Fault::BadGateway(FaultPoint::BeforeEffect)]);
    let started = setup.clock.now();
    let error = create_in(&setup).expect_err("an unknown outcome");
    assert_eq!(error.kind(), ErrorKind::OutcomeUnknown);
    assert!(error.message().contains("2.0 s later"), "{error}");
    assert!(setup.clock.now() - started < Duration::from_millis(2500));
    assert_eq!(setup.posts(), 1);
}

#[test]
fn a_service_that_is_down_after_the_post_does_not_outlast_the_deadline() {
    let deadline = Duration::from_secs(4);
    let setup = Setup::with(|config, _| config.deadline(deadline));
    let is_late = |request: &sandbox::RequestRecord| request.method == "POST" || request.number > 1;
    setup.service.inject_if(usize::MAX, Fault::RequestDelayed(Duration::from_secs(60)), is_late);
    let started = setup.clock.now();
    let error = create_in(&setup).expect_err("an unknown outcome");
    assert_eq!(error.kind(), ErrorKind::OutcomeUnknown);
    assert!(setup.clock.now() - started <= deadline, "{:?}", setup.clock.now() - started);
    assert_eq!(setup.posts(), 1);
}

#[test]
fn a_look_that_fails_does_not_end_the_looking() {
    let setup = Setup::through(|service, request, timeout, nth| match nth {
        // The list before, the post, and the first look.
        2 => Err(TransportError::maybe_sent("the connection is gone")),
        _ => service.send(request, timeout),
    });
    let setup = setup.failing([Fault::Cut(FaultPoint::AfterEffect)]);
    assert_eq!(create_in(&setup).expect("the alert").name, "Competitor X");
    assert_eq!((setup.created(), setup.posts()), (1, 1));
}

#[test]
fn if_no_look_succeeds_the_outcome_is_unknown_and_the_last_failure_is_named() {
    let setup = Setup::through(|service, request, timeout, nth| match nth {
        0 | 1 => service.send(request, timeout),
        _ => Err(TransportError::maybe_sent("the connection is gone")),
    });
    let setup = setup.failing([Fault::Cut(FaultPoint::AfterEffect)]);
    let error = create_in(&setup).expect_err("an unknown outcome");
    assert_eq!(error.kind(), ErrorKind::OutcomeUnknown);
    assert!(error.message().contains("looking for it failed: GET /alerts"), "{error}");
    assert_eq!((setup.created(), setup.posts()), (1, 1));
}

/// Alerts of the account that cannot be decoded, in front of those of the sandbox.
fn odd_alerts(odd: serde_json::Value) -> Setup {
    Setup::through(move |service, request, timeout, _| {
        let is_list = request.method() == "GET";
        let mut response = service.send(request, timeout)?;
        if is_list {
            let mut page: serde_json::Value =
                serde_json::from_slice(response.body()).expect("JSON");
            page["items"].as_array_mut().expect("alerts").insert(0, odd.clone());
            page["total_items"] = json!(page["total_items"].as_u64().unwrap_or_default() + 1);
            *response.body_mut() = page.to_string().into_bytes();
        }
        Ok(response)
    })
}

#[test]
fn alerts_that_cannot_be_decoded_prevent_neither_creating_nor_finding_one() {
    let alike =
        json!({"name": "Competitor X", "keyword": "competitor x", "created_at": "long ago"});
    for odd in [
        json!({"id": "a", "name": "odd", "keyword": 7, "created_at": {}}),
        json!({"name": "no id"}),
        json!({"id": "b", "name": "Competitor X", "keyword": "competitor x", "created_at": "?"}),
        alike,
        json!("no object"),
    ] {
        let setup = odd_alerts(odd.clone());
        assert_eq!(create_in(&setup).expect("the alert").name, "Competitor X", "{odd}");
        let setup = odd_alerts(odd.clone()).failing([Fault::Cut(FaultPoint::AfterEffect)]);
        assert_eq!(create_in(&setup).expect("the alert").name, "Competitor X", "{odd}");
        assert_eq!((setup.created(), setup.posts()), (1, 1), "{odd}");
    }
}

#[test]
fn an_alert_is_posted_again_only_if_the_first_request_certainly_created_nothing() {
    for fault in [Fault::Unreachable, Fault::RateLimited(Some("1".to_owned()))] {
        let setup = Setup::new().failing([fault.clone(), fault.clone()]);
        assert_eq!(create_in(&setup).expect("the alert").name, "Competitor X", "{fault:?}");
        assert_eq!(setup.created(), 1, "{fault:?}");
    }
}

#[test]
fn an_empty_page_with_an_error_beside_it_is_not_taken_for_the_end_of_the_list() {
    let page = json!({
        "items": [], "page": 1, "per_page": 100, "total_items": 0, "total_pages": 0, "has_more": false,
        "error": "db down",
    });
    let setup =
        Setup::through(move |service, request, timeout, _| match request.method().as_str() {
            "GET" => Ok(Response::new(page.to_string().into_bytes())),
            _ => service.send(request, timeout),
        });
    let error = create_in(&setup).expect_err("a list that cannot be read");
    assert_eq!((error.kind(), error.message()), (ErrorKind::Rejected, "db down"));
    assert_eq!((setup.created(), setup.posts()), (0, 0));
}

#[test]
fn an_alert_that_was_there_before_is_not_taken_for_the_new_one() {
    let setup = Setup::new();
    let old = create_in(&setup).expect("the first alert");
    let setup = setup.failing([Fault::Cut(FaultPoint::AfterEffect)]);
    let new = create_in(&setup).expect("the second alert");
    assert_ne!(old.id, new.id);
    assert_eq!(setup.created(), 2);

    let setup = setup.failing([Fault::Cut(FaultPoint::BeforeEffect)]);
    let error = create_in(&setup).expect_err("an unknown outcome");
    assert_eq!((error.kind(), setup.created()), (ErrorKind::OutcomeUnknown, 2));
}

#[test]
fn a_name_whose_case_and_white_space_the_service_folds_is_found() {
    for (name, keyword) in [
        (" Competitor X ", "competitor x"),
        ("Competitor \t X", "competitor\u{a0}x"),
        ("COMPETITOR X", "Competitor X"),
        ("competitor\nx", "competitor x\n"),
    ] {
        let setup = Setup::through(|service, request, timeout, _| {
            let (head, body) = request.into_parts();
            let folded = json!({"name": "Competitor X", "keyword": "competitor x"});
            let body = if body.is_empty() { body } else { folded.to_string().into_bytes() };
            service.send(Request::from_parts(head, body), timeout)
        });
        let setup = setup.failing([Fault::BadGateway(FaultPoint::AfterEffect)]);
        let created = setup.client.create_alert_once(&NewAlert::new(name, keyword));
        assert_eq!(created.expect("the alert").name, "Competitor X", "{name:?}");
        assert_eq!((setup.created(), setup.posts()), (1, 1), "{name:?}");
    }
}
