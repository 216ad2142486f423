//! The bucket inside a client: which rate it keeps to, and how it takes in a service's responses.

use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use heysync::http::{HeaderMap, Request, Response, StatusCode};
use heysync::limiter::Snapshot;
use heysync::limiter::{Rate, TokenBucket};
use heysync::{
    Activity, Config, ErrorKind, SendProgress, Transport, TransportError, heylerts, heylo, sandbox,
};

use crate::clock::Hand;

type Answer = Result<Response<Vec<u8>>, TransportError>;

fn with_limit_headers(limit: &str, remaining: &str) -> Answer {
    let response = Response::builder()
        .header("x-ratelimit-limit", limit)
        .header("x-ratelimit-remaining", remaining)
        .body(br#"{"roles": []}"#.to_vec());
    Ok(response.unwrap())
}

fn five_a_second(_: Request<Vec<u8>>, _: Duration) -> Answer {
    with_limit_headers("5", "4")
}

fn client(transport: impl Transport + 'static, config: Config) -> heylo::Client {
    let config = config.base_url("http://127.0.0.1:9");
    heylo::Client::with_config("abc", config.transport(transport)).unwrap()
}

/// A transport that receives the head of a response before its body.
struct SlowBody(TokenBucket);

impl Transport for SlowBody {
    fn send_with(
        &self,
        _: Request<Vec<u8>>,
        _: Duration,
        progress: &mut SendProgress<'_>,
    ) -> Answer {
        let response = with_limit_headers("5", "4")?;
        assert_eq!(self.0.snapshot().in_flight, 1);
        progress.head_received(response.status(), response.headers());
        assert_eq!(self.0.snapshot().in_flight, 0);
        Ok(response)
    }
}

#[test]
fn a_token_is_on_its_way_back_when_the_head_of_the_response_is_received() {
    let bucket = TokenBucket::new(Rate::per_second(5), Arc::new(Hand::new()));
    let config = Config::new().bucket(bucket.clone());
    let snapshot = after_a_call(SlowBody(bucket), config);
    assert_eq!((snapshot.granted, snapshot.in_flight, snapshot.free), (1, 0, 4));
}

/// The same for a server that refuses the first request.
struct SlowBodyOfAProbe(TokenBucket);

impl Transport for SlowBodyOfAProbe {
    fn send_with(
        &self,
        _: Request<Vec<u8>>,
        _: Duration,
        progress: &mut SendProgress<'_>,
    ) -> Answer {
        if self.0.snapshot().granted == 1 {
            let refusal = Response::builder().status(429).header("retry-after", "1");
            return Ok(refusal.body(Vec::new()).unwrap());
        }
        let response = with_limit_headers("5", "4")?;
        assert!(self.0.try_acquire().is_err());
        progress.head_received(response.status(), response.headers());
        self.0.try_acquire().unwrap().never_sent();
        Ok(response)
    }
}

#[test]
fn the_others_follow_when_the_head_of_the_response_to_the_first_after_a_pause_is_received() {
    let clock = Arc::new(Hand::new());
    let bucket = TokenBucket::new(Rate::per_second(5), clock.clone());
    let config = Config::new().bucket(bucket.clone()).clock(clock);
    client(SlowBodyOfAProbe(bucket.clone()), config).community("abc").roles().unwrap();
    assert_eq!((bucket.snapshot().granted, bucket.snapshot().pauses), (3, 1));
}

/// A transport that sends requests and receives no response.
fn silence(_: Request<Vec<u8>>, _: Duration) -> Answer {
    Err(TransportError::maybe_sent("nothing came back"))
}

#[test]
fn the_token_of_a_request_without_a_response_is_held_for_the_grace_that_is_set() {
    for (grace, held) in [(None, 3006), (Some(30), 31_006), (Some(0), 1006)] {
        let config = Config::new().clock(Hand::new()).retries(0);
        let config = match grace {
            Some(grace) => config.grace(Duration::from_secs(grace)),
            None => config,
        };
        let client = client(silence, config);
        client.community("abc").roles().unwrap_err();
        assert_eq!(client.bucket().snapshot().next_back, Some(Duration::from_millis(held)));
    }
}

#[test]
fn a_grace_of_more_than_a_day_is_rejected() {
    let config = Config::new().grace(Duration::from_secs(86_401));
    let error = heylo::Client::with_config("abc", config).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
}

/// What a client's bucket is like after one call.
fn after_a_call(transport: impl Transport + 'static, config: Config) -> Snapshot {
    let client = client(transport, config.clock(Hand::new()));
    client.community("abc").roles().unwrap();
    client.bucket().snapshot()
}

#[test]
fn a_lower_limit_in_a_header_is_obeyed() {
    let snapshot = after_a_call(|_, _| with_limit_headers("3", "1"), Config::new());
    assert_eq!((snapshot.rate, snapshot.held_for_others), (Rate::per_second(3), 1));
}

#[test]
fn a_limit_of_a_header_counts_in_its_own_period_and_not_in_the_rates() {
    for rate in [Rate::per_minute(100), Rate::per_minute(900)] {
        let bucket = TokenBucket::new(rate, Arc::new(Hand::new()));
        let snapshot = after_a_call(five_a_second, Config::new().bucket(bucket));
        assert_eq!(snapshot.rate, Rate::per_second(5).and(rate));
        assert_eq!(snapshot.held_for_others, 0, "{rate}");
    }
    let snapshot = after_a_call(five_a_second, Config::new().rate(Rate::per_minute(900)));
    assert_eq!(snapshot.rate, Rate::per_second(5).and(Rate::per_minute(900)));
}

#[test]
fn a_limit_in_a_chosen_period_is_not_lowered_by_the_service_saying_the_same_number() {
    let with_limit_headers = |_: Request<Vec<u8>>, _: Duration| with_limit_headers("20", "19");
    let chosen = Rate::new(20, Duration::from_millis(200));
    let snapshot = after_a_call(with_limit_headers, Config::new().rate(chosen));
    assert_eq!((snapshot.rate, snapshot.held_for_others), (chosen, 0));
}

#[test]
fn a_lower_rate_in_another_period_holds_beside_the_one_of_the_service() {
    for (chosen, kept) in [
        (Rate::per_second(2), Rate::per_second(2)),
        (Rate::per_minute(100), Rate::per_second(5).and(Rate::per_minute(100))),
        (Rate::per_minute(240).paced(), Rate::per_second(5).and(Rate::per_minute(240)).paced()),
        (Rate::per_day(50_000), Rate::per_second(5).and(Rate::per_day(50_000))),
        (Rate::unlimited(), Rate::unlimited()),
        (Rate::per_second(5).paced(), Rate::per_second(5).paced()),
        (Rate::per_second(9), Rate::per_second(9)),
        (Rate::per_minute(900), Rate::per_minute(900)),
    ] {
        let config = Config::new().rate(chosen).clock(Hand::new());
        let client = client(five_a_second, config);
        assert_eq!(client.bucket().snapshot().rate, kept, "{chosen}");
    }
}

#[test]
fn one_address_is_one_however_it_ends() {
    let client = |address| {
        let config = Config::new().base_url(address).transport(five_a_second);
        heylo::Client::with_config("ends", config).unwrap()
    };
    let [one, other, elsewhere] =
        ["/api", "/api/", "/other"].map(|path| client(format!("http://127.0.0.1:9{path}")));
    let permit = one.bucket().try_acquire().unwrap();
    assert_eq!(other.bucket().snapshot().in_flight, 1);
    assert_eq!(elsewhere.bucket().snapshot().in_flight, 0);
    permit.never_sent();
}

#[test]
fn a_401_during_a_pause_is_returned_at_once() {
    let clock = Arc::new(Hand::new());
    let bucket = TokenBucket::new(Rate::per_second(5), clock.clone());
    let pauses = bucket.clone();
    let transport = move |_: Request<Vec<u8>>, _: Duration| {
        let headers = HeaderMap::from_iter([("retry-after".parse().unwrap(), 30.into())]);
        let rejected = pauses.try_acquire();
        rejected.into_iter().for_each(|mut permit| {
            permit.responded(StatusCode::TOO_MANY_REQUESTS, &headers);
        });
        let response = Response::builder().status(401).body(Vec::new());
        Ok(response.unwrap())
    };
    let config = Config::new().bucket(bucket.clone()).clock(clock.clone());
    let client = client(transport, config.retries(4));
    let error = client.community("abc").roles().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthorized);
    assert_eq!(clock.passed(), Duration::ZERO);
    assert_eq!(bucket.snapshot().paused, Some(Duration::from_secs(30)));
}

#[test]
fn a_lower_limit_in_hello_is_obeyed_and_a_higher_one_is_not() {
    let service = sandbox::Heylerts::new();
    let config = Config::new().transport(service.clone()).clock(sandbox::TestClock::new());
    let client = heylerts::Client::with_config("hlt_told", config).expect("a client");
    let requests = || client.bucket().snapshot().rate.requests();
    for (limit, kept_to) in
        [("1000/minute", 100), ("60/minute", 60), ("a lot", 60), ("90/minute", 60)]
    {
        service.change(|setup| setup.rate_limit = limit.to_owned());
        client.hello().expect("a response");
        assert_eq!(requests(), kept_to, "{limit}");
    }
}

#[test]
fn a_429_uses_up_no_retry() {
    let (service, clock) = (sandbox::Heylerts::demo(), sandbox::TestClock::new());
    service.inject(20, sandbox::Fault::RateLimited(Some("1".to_owned())));
    let config = Config::new().transport(service.clone()).clock(clock.clone());
    let client = heylerts::Client::with_config("hlt_refused", config.retries(1)).unwrap();
    client.hello().unwrap();
    assert_eq!(service.requests().len(), 21);
    assert!(clock.elapsed() >= Duration::from_secs(20));
}

#[test]
fn a_pause_of_two_days_ends_a_call_at_once() {
    let (service, clock) = (sandbox::Heylerts::demo(), sandbox::TestClock::new());
    service.inject(1, sandbox::Fault::RateLimited(Some("172800".to_owned())));
    let config = Config::new().transport(service.clone()).clock(clock.clone());
    let client = heylerts::Client::with_config("hlt_two_days", config).unwrap();
    let error = client.hello().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RateLimited);
    assert_eq!(error.retry_after(), Some(Duration::from_secs(172_800)));
    assert_eq!((service.requests().len(), clock.elapsed()), (1, Duration::ZERO));
}

#[test]
fn a_call_of_an_observers_own_client_fails_and_the_call_that_it_observes_goes_on() {
    let kinds = Arc::new(Mutex::new(Vec::new()));
    let own = Arc::new(OnceLock::<heylerts::Client>::new());
    let (seen, itself) = (kinds.clone(), own.clone());
    let observer = move |_: &Activity<'_>| {
        let error = itself.get().unwrap().hello().unwrap_err();
        assert!(
            error.to_string().contains("an observer or a key source cannot call its own client")
        );
        seen.lock().unwrap().push(error.kind());
    };
    let config =
        Config::new().transport(sandbox::Heylerts::demo()).clock(sandbox::TestClock::new());
    let client = heylerts::Client::with_config("hlt_observed", config.observer(observer)).unwrap();
    own.set(client.clone()).unwrap();
    client.hello().unwrap();
    assert_eq!(*kinds.lock().unwrap(), [ErrorKind::InvalidInput; 3]);
}
