//! Settings for some calls only, and the summary of each call.

#![cfg(feature = "sandbox")]
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use heysync::limiter::Rate;
use heysync::sandbox::{Fault, FaultPoint, Heylerts, Heylo, Services, TestClock, serve};
use heysync::{
    Activity, Call, CallOptions, CallStart, Clock, Collector, Config, ErrorKind, Observer, Safety,
    UreqTransport, heylerts, heylo, http,
};
use serde_json::{Value, json};

#[allow(dead_code, reason = "the limit is only held")]
#[path = "support/limit.rs"]
mod limit;
#[path = "support/operations.rs"]
mod operations;

use limit::Limit;
use operations::{Clients, HEYLERTS_KEY, OPERATIONS};

const SECOND: Duration = Duration::from_secs(1);

fn client(service: &Heylerts) -> heylerts::Client {
    let config = Config::new().transport(service.clone()).clock(TestClock::new());
    heylerts::Client::with_config(HEYLERTS_KEY, config).unwrap()
}

#[test]
fn a_derived_client_shares_the_bucket_the_connections_and_the_retry_budget() {
    let service = Heylerts::demo();
    let client = client(&service);
    let derived = client.with(CallOptions::new().retries(100).deadline(86_400 * SECOND));
    derived.hello().unwrap();
    assert_eq!(client.bucket().snapshot().granted, 1);
    // Ten retries are kept, and are spent by one for all.
    service.inject(100, Fault::BadGateway(FaultPoint::BeforeEffect));
    assert_eq!(derived.stats().unwrap_err().attempts(), 11);
    assert_eq!(client.stats().unwrap_err().attempts(), 1);
}

#[test]
fn each_setting_holds_for_the_derived_client_only() {
    let timeouts = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&timeouts);
    let transport = move |_: http::Request<Vec<u8>>, timeout: Duration| {
        seen.lock().unwrap().push(timeout);
        let response = http::Response::builder().status(503);
        Ok(response.body(Vec::new()).unwrap())
    };
    let config = Config::new().transport(transport).clock(TestClock::new()).retries(1);
    let client = heylerts::Client::with_config(HEYLERTS_KEY, config).unwrap();
    let options = CallOptions::new().retries(0).attempt_timeout(3 * SECOND);
    assert_eq!(client.with(options).stats().unwrap_err().attempts(), 1);
    assert_eq!(client.with(CallOptions::new()).stats().unwrap_err().attempts(), 2);
    let short = client.with(CallOptions::new().deadline(2 * SECOND).retries(0));
    assert_eq!(short.stats().unwrap_err().attempts(), 1);
    let timeouts: Vec<u64> = timeouts.lock().unwrap().iter().map(Duration::as_secs).collect();
    assert_eq!(timeouts, [3, 30, 30, 2]);
}

#[test]
fn a_deadline_for_one_call_fails_it_at_once_and_leaves_the_others() {
    let service = Heylerts::demo();
    let config = Config::new().transport(service).clock(TestClock::new()).rate(Rate::per_minute(1));
    let client = heylerts::Client::with_config(HEYLERTS_KEY, config).unwrap();
    client.hello().unwrap();
    let quick = client.with(CallOptions::new().deadline(SECOND));
    assert_eq!(quick.hello().unwrap_err().kind(), ErrorKind::Deadline);
    assert!(client.hello().is_ok());
}

#[test]
fn options_that_cannot_be_used_are_rejected_before_anything_is_sent() {
    let service = Heylerts::demo();
    let client = client(&service);
    for (options, words) in [
        (CallOptions::new().deadline(Duration::ZERO), "deadline must be"),
        (CallOptions::new().attempt_timeout(2 * 86_400 * SECOND), "attempt_timeout must be"),
        (CallOptions::new().retries(101), "retries must be"),
        (CallOptions::new().header("X-API-Key", "hlt_other"), "make another client"),
        (CallOptions::new().header("Proxy-Authorization", "Basic x"), "Config::proxy"),
        (CallOptions::new().header("Host", "example.com"), "leave it out"),
        (CallOptions::new().header("X-A", "a\r\nHost: b"), "line break"),
        (CallOptions::new().header("X A", "a"), "not the name of a header"),
        (CallOptions::new().query("", "a"), "has no name"),
    ] {
        let client = client.with(options);
        // Also if later options are good.
        for client in [client.clone(), client.with(CallOptions::new().retries(1))] {
            let error = client.stats().unwrap_err();
            assert_eq!((error.kind(), error.attempts()), (ErrorKind::InvalidInput, 0));
            assert!(error.message().contains(words), "{error}");
            assert_eq!(
                client.mentions().next().unwrap().unwrap_err().kind(),
                ErrorKind::InvalidInput
            );
        }
    }
    assert!(service.requests().is_empty());
    assert_eq!(client.bucket().snapshot().granted, 0);
}

#[test]
fn a_deadline_or_a_timeout_without_end_is_rejected_by_every_operation_and_panics_nowhere() {
    let services = Services::demo();
    let config = |clock: TestClock| Config::new().clock(clock);
    for options in [
        CallOptions::new().deadline(Duration::MAX),
        CallOptions::new().attempt_timeout(Duration::MAX),
        CallOptions::new().deadline(Duration::MAX).attempt_timeout(Duration::MAX),
    ] {
        let alerts = config(TestClock::new()).transport(services.heylerts.clone());
        let alerts = heylerts::Client::with_config(HEYLERTS_KEY, alerts).unwrap();
        let community = config(TestClock::new()).transport(services.heylo.clone());
        let community = heylo::Client::with_config("key", community).unwrap();
        let clients =
            Clients { heylerts: alerts.with(options.clone()), heylo: community.with(options) };
        for operation in &OPERATIONS {
            let error = (operation.make)(&clients).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{}: {error}", operation.name);
        }
        let once = clients.heylerts.create_alert_once(&heylerts::NewAlert::new("a", "b"));
        assert_eq!(once.unwrap_err().kind(), ErrorKind::InvalidInput);
        let ahead = clients.heylerts.mentions().prefetch(4).next().unwrap();
        assert_eq!(ahead.unwrap_err().kind(), ErrorKind::InvalidInput);
        let followed = clients.heylerts.mentions().follow(Duration::MAX).next().unwrap();
        assert_eq!(followed.unwrap_err().kind(), ErrorKind::InvalidInput);
    }
    assert!(services.heylerts.requests().is_empty() && services.heylo.requests().is_empty());
}

/// A clock that shows the last moment that the system can express.
#[derive(Debug)]
struct Doomsday(Instant);

impl Clock for Doomsday {
    fn now(&self) -> Instant {
        self.0
    }

    fn sleep(&self, _: Duration) {}
}

#[test]
fn a_clock_at_the_end_of_time_panics_nowhere() {
    let mut last = Instant::now();
    for power in (0..64).rev() {
        last = last.checked_add(Duration::from_secs(1 << power)).unwrap_or(last);
    }
    let service = Heylerts::demo();
    let config = Config::new().transport(service.clone()).clock(Doomsday(last));
    let client = heylerts::Client::with_config(HEYLERTS_KEY, config).unwrap();
    client.hello().unwrap();
    assert_eq!(client.mentions().prefetch(2).limit(3).count(), 3);
    client.create_alert_once(&heylerts::NewAlert::new("a", "b")).unwrap();
}

#[test]
fn the_headers_of_a_call_are_checked_like_those_of_options() {
    let service = Heylerts::demo();
    let client = client(&service);
    for name in ["authorization", "X-Api-Key", "Transfer-Encoding", "Cookie", "a b"] {
        let error = client.send::<Value>(&Call::get(["stats"]).header(name, "v")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{name}");
    }
    assert!(service.requests().is_empty());
}

#[test]
fn the_header_of_a_call_replaces_that_of_the_options_and_the_key_stays() {
    let service = Heylerts::demo();
    let client = client(&service)
        .with(
            CallOptions::new()
                .header("X-Tag", "options")
                .header("Accept", "application/problem+json"),
        )
        .with(CallOptions::new().header("x-other", "again").header("X-TAG", "newer"));
    client.stats().unwrap();
    let call = Call::get(["stats"]).header("X-Tag", 1).header("x-tag", 2);
    let call = call.header("Content-Type", "application/merge-patch+json");
    client.send::<Value>(&call).unwrap();
    let requests = service.requests();
    let sent = |nth: usize, name: &str| {
        let values = requests[nth].headers.get_all(name).iter();
        values.map(|value| value.to_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!((sent(0, "x-tag"), sent(1, "x-tag")), (vec!["newer".into()], vec!["2".into()]));
    assert_eq!(
        (sent(0, "x-other"), sent(0, "accept")),
        (vec!["again".into()], vec!["application/problem+json".into()])
    );
    // The log of the sandbox hides the key.
    assert_eq!(sent(1, "x-api-key").len(), 1);
    assert!(sent(1, "content-type").is_empty());
}

#[test]
fn a_retry_sends_the_same_headers() {
    let service = Heylerts::demo();
    let client = client(&service);
    service.inject(1, Fault::Cut(FaultPoint::AfterEffect));
    let call = Call::post(["alerts"])
        .json(&json!({"name": "n", "keyword": "k"}))
        .header("Idempotency-Key", "order-1")
        .safety(Safety::Idempotent);
    client.send::<Value>(&call).unwrap();
    let sent = service.requests();
    assert_eq!(sent.len(), 2);
    assert!(sent.iter().all(|request| request.headers["idempotency-key"] == "order-1"));
}

#[test]
fn communities_roles_and_lists_keep_the_options() {
    let service = Heylo::demo();
    let config = Config::new().transport(service.clone()).clock(TestClock::new());
    let client = heylo::Client::with_config("key", config).unwrap();
    let options = CallOptions::new().header("X-Tag", "t").query("trace", "a b+c");
    let community = client.with(options).community("harbour-runners");
    assert_eq!(community.events().count(), 130);
    community.role("captains").members().unwrap();
    community.invite_members([heylo::NewMember::new("u-1")]).for_each(drop);
    let requests = service.requests();
    assert!(requests.len() > 3);
    for request in requests {
        assert_eq!(
            (&request.headers["x-tag"], &*request.query),
            (&"t".parse().unwrap(), "trace=a+b%2Bc")
        );
    }
}

#[test]
fn a_query_parameter_that_the_call_sends_itself_is_rejected() {
    let service = Heylerts::demo();
    let client = client(&service);
    for name in ["page", "per_page", "source"] {
        let client = client.with(CallOptions::new().query(name, 3));
        let error = client.mentions().source("reddit").next().unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.message().contains(name), "{error}");
    }
    assert!(service.requests().is_empty());
}

#[test]
fn a_query_parameter_that_is_given_twice_is_sent_twice_and_a_derived_client_replaces_both() {
    let service = Heylerts::demo();
    let twice = client(&service).with(CallOptions::new().query("tag", "a").query("tag", "b"));
    twice.stats().unwrap();
    twice.with(CallOptions::new().query("tag", "c").query("other", 1)).stats().unwrap();
    let call = Call::get(["stats"]).query("tag", "a").query("tag", "b");
    client(&service).send::<Value>(&call).unwrap();
    let queries: Vec<String> = service.requests().into_iter().map(|it| it.query).collect();
    assert_eq!(queries, ["tag=a&tag=b", "tag=c&other=1", "tag=a&tag=b"]);
}

#[test]
fn a_position_belongs_to_the_query_parameters_of_its_list() {
    let service = Heylerts::demo();
    let client = client(&service);
    let german = client.with(CallOptions::new().query("language", "de"));
    let position = german.mentions().position();
    assert!(german.mentions().resume_at(&position).is_ok());
    assert!(client.mentions().resume_at(&position).is_err());
    assert!(
        german
            .with(CallOptions::new().header("X-Tag", "t"))
            .mentions()
            .resume_at(&position)
            .is_ok()
    );
}

#[test]
fn the_observers_of_a_client_and_of_options_receive_the_same_activities() {
    let service = Heylerts::demo();
    let seen: Arc<Mutex<Vec<String>>> = Arc::default();
    let log = |who: &'static str| {
        let seen = Arc::clone(&seen);
        move |activity: &Activity<'_>| {
            if let Activity::Ended { call, .. } = activity {
                seen.lock().unwrap().push(format!("{who} {call}"));
            }
        }
    };
    let config = Config::new().transport(service).clock(TestClock::new()).observer(log("client"));
    let client = heylerts::Client::with_config(HEYLERTS_KEY, config).unwrap();
    client.with(CallOptions::new().observer(log("options"))).stats().unwrap();
    client.hello().unwrap();
    assert_eq!(
        *seen.lock().unwrap(),
        ["client GET /stats", "options GET /stats", "client GET /hello"]
    );
}

#[test]
fn an_observer_cannot_call_a_client_that_shares_with_its_own() {
    let client = client(&Heylerts::demo());
    let (parent, failed) = (client.clone(), Arc::new(Mutex::new(None)));
    let kept = Arc::clone(&failed);
    let options = CallOptions::new().observer(move |_: &Activity<'_>| {
        *kept.lock().unwrap() = parent.stats().err().map(|error| error.kind());
    });
    client.with(options).hello().unwrap();
    assert_eq!(*failed.lock().unwrap(), Some(ErrorKind::InvalidInput));
}

#[test]
fn options_show_no_values_of_headers() {
    let options = CallOptions::new().header("X-Gateway-Token", "sesame").query("token", "sesame");
    let shown = format!("{options:?}");
    assert!(shown.contains("x-gateway-token") && !shown.contains("sesame"), "{shown}");
}

#[test]
fn no_debug_form_shows_a_secret_header_a_body_or_the_data_of_a_person() {
    #[derive(Clone, Default)]
    struct Shown(Arc<Mutex<Vec<String>>>);

    impl Observer for Shown {
        fn observe(&self, activity: &Activity<'_>) {
            self.0.lock().unwrap().push(format!("{activity:?} {activity:#?}"));
        }

        fn started(&self, call: &CallStart<'_>) {
            self.0.lock().unwrap().push(format!("{call:?} {call:#?}"));
        }
    }

    let shown = Shown::default();
    let service = Heylo::demo();
    let leaks = Fault::altered(|response| {
        response.headers_mut().insert("set-cookie", "session=s3cret".parse().unwrap());
    });
    service.inject(9, leaks);
    let config = Config::new().transport(service).clock(TestClock::new()).observer(shown.clone());
    let client = heylo::Client::with_config("key", config).unwrap();
    let ada = heylo::NewMember::new("user-42")
        .email("ada@example.com")
        .first_name("Lovelace")
        .birth_date("1815-12-10".parse().unwrap());
    client.community("harbour-runners").invite(&ada).unwrap();
    let options = CallOptions::new().header("X-Gateway-Token", "s3cret");
    let call = Call::post(["apiv1-fetch"]).json(&json!({"type": "x", "email": "ada@example.com"}));
    drop(client.with(options).send::<Value>(&call.header("X-Other-Token", "s3cret")));
    let mut all = shown.0.lock().unwrap().clone();
    assert!(
        all.iter().any(|it| it.contains("CallStart"))
            && all.iter().any(|it| it.contains("set-cookie"))
    );
    all.push(format!("{ada:?} {ada:#?}"));
    for form in all {
        for value in ["s3cret", "ada@example", "Lovelace", "1815", "107, "] {
            assert!(!form.contains(value), "{value}: {form}");
        }
    }
    assert!(format!("{ada:?}").contains(r#""user-42", fields: ["#));
}

#[test]
fn every_operation_ends_with_one_summary_with_status_headers_and_request_id() {
    for operation in OPERATIONS {
        let transport = move |_: http::Request<Vec<u8>>, _: Duration| {
            let response = http::Response::builder().status(200).header("X-Request-Id", "req-1");
            Ok(response.body(operation.good.as_bytes().to_vec()).unwrap())
        };
        let responses = Collector::new();
        let config = Config::new().transport(transport).clock(TestClock::new());
        let config = config.observer(responses.clone());
        (operation.make)(&Clients::with(config)).unwrap();
        let calls = responses.take();
        assert_eq!(calls.len(), 1, "{}", operation.call);
        assert_eq!(calls[0].call, operation.call);
        assert_eq!(calls[0].status, Some(http::StatusCode::OK));
        assert_eq!((calls[0].request_id(), calls[0].attempts), (Some("req-1"), 1));
        assert_eq!(calls[0].error, None);
    }
}

#[test]
fn a_summary_counts_attempts_and_time_with_waits() {
    let service = Heylerts::demo();
    let clock = TestClock::new();
    let responses = Collector::new();
    let config = Config::new().transport(service.clone()).clock(clock.clone());
    let config = config.rate(Rate::per_minute(1)).observer(responses.clone());
    let client = heylerts::Client::with_config(HEYLERTS_KEY, config).unwrap();
    service.inject(1, Fault::BadGateway(FaultPoint::BeforeEffect));
    client.stats().unwrap();
    let call = responses.last().unwrap();
    assert_eq!((call.attempts, call.status.unwrap().as_u16()), (2, 200));
    assert_eq!(call.elapsed, clock.elapsed());
    assert!(call.elapsed > 60 * SECOND);
}

#[test]
fn a_failed_call_ends_with_its_error_and_its_last_response() {
    let service = Heylerts::demo();
    let responses = Collector::new();
    let client = client(&service).with(CallOptions::new().observer(responses.clone()));
    client.get_alert("00000000-0000-4000-8000-000000000000").unwrap_err();
    let call = responses.last().unwrap();
    assert_eq!(
        (call.error, call.status),
        (Some(ErrorKind::NotFound), Some(http::StatusCode::NOT_FOUND))
    );
    assert!(!call.headers.is_empty());

    client.get_alert("").unwrap_err();
    let call = responses.last().unwrap();
    assert_eq!((call.error, call.status, call.attempts), (Some(ErrorKind::InvalidInput), None, 0));

    service.inject(10, Fault::Cut(FaultPoint::BeforeEffect));
    client.with(CallOptions::new().retries(0)).stats().unwrap_err();
    let call = responses.last().unwrap();
    assert_eq!((call.error, call.status, call.attempts), (Some(ErrorKind::NoResponse), None, 1));
}

#[test]
fn the_headers_of_a_summary_do_not_show_the_key() {
    let transport = |request: http::Request<Vec<u8>>, _: Duration| {
        let key = request.headers()["x-api-key"].clone();
        let response = http::Response::builder().header("X-Echo", key);
        Ok(response.body(br#"{"total": 3}"#.to_vec()).unwrap())
    };
    let responses = Collector::new();
    let config = Config::new().transport(transport).observer(responses.clone());
    heylerts::Client::with_config(HEYLERTS_KEY, config).unwrap().stats().unwrap();
    let call = responses.last().unwrap();
    assert_eq!(call.headers["x-echo"], "[redacted]");
    assert!(!format!("{call:?}").contains(HEYLERTS_KEY));
}

#[test]
fn threads_that_share_a_client_each_get_their_own_summaries() {
    let client = client(&Heylerts::demo());
    thread::scope(|scope| {
        for number in 1..=8 {
            let client = &client;
            scope.spawn(move || {
                let responses = Collector::new();
                let client = client.with(CallOptions::new().observer(responses.clone()));
                (0..number).for_each(|_| drop(client.stats().unwrap()));
                assert_eq!(responses.take().len(), number);
            });
        }
    });
}

#[test]
fn options_and_summaries_work_over_a_socket() {
    let _limit = Limit::start();
    let services = Services::demo();
    let server = serve(0, services.clone()).unwrap();
    let config = Config::new().base_url(server.url()).transport(UreqTransport::default());
    let client = heylerts::Client::with_config("hlt_options_over_a_socket", config).unwrap();
    let responses = Collector::new();
    let options = CallOptions::new().header("X-Tag", "t").observer(responses.clone());
    client.with(options).mentions().read_all().unwrap();
    let calls = responses.take();
    assert_eq!(calls.len(), 2);
    assert!(calls.iter().all(|call| call.headers["content-type"] == "application/json"));
    assert!(services.heylerts.requests().iter().all(|request| request.headers["x-tag"] == "t"));
}
