//! A key that changes, and settings from the environment.

#![cfg(feature = "sandbox")]
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::thread;
use std::time::Duration;

use heysync::heylerts::NewAlert;
use heysync::limiter::Rate;
use heysync::sandbox::{Fault, FaultPoint, Heylerts, Services, TestClock};
use heysync::{
    Activity, CallOptions, Cancellation, Collector, Config, Error, ErrorKind, SendProgress,
    Transport, TransportError, heylerts, heylo, http,
};

#[allow(dead_code, reason = "the limit is only held")]
#[path = "support/limit.rs"]
mod limit;

use limit::Limit;

const OLD: &str = "hlt_the-old-key-0123456789";
const NEW: &str = "hlt_the-new-key-9876543210";

type Request = http::Request<Vec<u8>>;

/// A service that accepts one key at a time, in front of the sandbox, and the keys that requests had.
#[derive(Clone)]
struct Gate {
    service: Heylerts,
    accepted: Arc<Mutex<&'static str>>,
    keys: Arc<Mutex<Vec<String>>>,
}

impl Gate {
    fn new(accepted: &'static str) -> Gate {
        Gate {
            service: Heylerts::demo(),
            accepted: Arc::new(Mutex::new(accepted)),
            keys: Arc::default(),
        }
    }

    fn accept(&self, key: &'static str) {
        *self.accepted.lock().unwrap() = key;
    }

    fn keys(&self) -> Vec<String> {
        std::mem::take(&mut self.keys.lock().unwrap())
    }
}

impl Transport for Gate {
    fn send_with(
        &self,
        request: Request,
        timeout: Duration,
        progress: &mut SendProgress<'_>,
    ) -> Result<http::Response<Vec<u8>>, TransportError> {
        let key = request.headers()["x-api-key"].to_str().unwrap().to_owned();
        self.keys.lock().unwrap().push(key.clone());
        if key == *self.accepted.lock().unwrap() {
            return self.service.send_with(request, timeout, progress);
        }
        // It quotes both keys, as a careless server might.
        let body = format!(r#"{{"detail": "{key} is not {OLD} or {NEW}"}}"#);
        let response = http::Response::builder().status(401);
        Ok(response.body(body.into_bytes()).unwrap())
    }
}

/// A source that returns these keys, one after the other, and how often it was asked.
fn source(
    keys: &[&'static str],
) -> (impl Fn() -> io::Result<String> + Send + Sync + use<>, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let (keys, count) = (Mutex::new(VecDeque::from(keys.to_vec())), Arc::clone(&asked));
    let source = move || {
        count.fetch_add(1, Ordering::SeqCst);
        let key = keys.lock().unwrap().pop_front();
        key.map(str::to_owned).ok_or_else(|| io::Error::other("the vault is sealed"))
    };
    (source, asked)
}

fn client(
    gate: &Gate,
    keys: &[&'static str],
    config: Config,
) -> (heylerts::Client, Arc<AtomicUsize>) {
    let (source, asked) = source(keys);
    let config = config.transport(gate.clone()).clock(TestClock::new());
    (heylerts::Client::with_key_source(source, config).unwrap(), asked)
}

#[test]
fn after_a_401_the_call_is_sent_once_more_with_the_new_key() {
    let gate = Gate::new(OLD);
    let (client, asked) = client(&gate, &[OLD, NEW], Config::new().retries(0));
    client.stats().unwrap();
    gate.accept(NEW);
    let responses = Collector::new();
    let alert = client.with(CallOptions::new().observer(responses.clone()));
    alert.create_alert(&NewAlert::new("n", "k")).unwrap();
    assert_eq!(gate.keys(), [OLD, OLD, NEW]);
    assert_eq!(responses.last().unwrap().attempts, 2);
    client.stats().unwrap();
    assert_eq!((gate.keys(), asked.load(Ordering::SeqCst)), (vec![NEW.to_owned()], 2));
}

#[test]
fn a_renewed_key_uses_up_no_retry() {
    for (retries, failures, succeeds) in [(1, 1, true), (1, 2, false), (2, 2, true), (0, 1, false)]
    {
        let gate = Gate::new(NEW);
        gate.service.inject(failures, Fault::ServerError(FaultPoint::BeforeEffect));
        let (client, _) = client(&gate, &[OLD, NEW], Config::new().retries(retries));
        let outcome = client.stats();
        assert_eq!(outcome.is_ok(), succeeds, "{retries} {failures}: {outcome:?}");
        let sent = 1 + failures.min(retries as usize + 1) + usize::from(succeeds);
        assert_eq!(gate.keys().len(), sent, "{retries} {failures}");
    }
}

#[test]
fn a_call_that_was_cancelled_asks_for_no_key() {
    let gate = Gate::new(NEW);
    let stop = Cancellation::new();
    let handle = stop.clone();
    let config = Config::new().cancellation(&stop).observer(move |activity: &Activity<'_>| {
        if let Activity::Responded { .. } = activity {
            handle.cancel();
        }
    });
    let (client, asked) = client(&gate, &[OLD, NEW], config);
    let error = client.stats().unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Cancelled, 1));
    assert_eq!(asked.load(Ordering::SeqCst), 1, "once when the client was built");
}

#[test]
fn a_call_asks_once_and_fails_if_the_new_key_is_rejected_too() {
    let gate = Gate::new("hlt_neither");
    let (client, asked) = client(&gate, &[OLD, NEW, "hlt_neither"], Config::new());
    let error = client.stats().unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Unauthorized, 2));
    assert_eq!((gate.keys().len(), asked.load(Ordering::SeqCst)), (2, 2));
    client.stats().unwrap();
}

#[test]
fn a_source_that_fails_or_has_no_other_key_leaves_the_401_with_a_note() {
    for (keys, note) in [
        (&[OLD][..], "the key source failed: the vault is sealed"),
        (&[OLD, "  hlt_the-old-key-0123456789\n"], "the key source returned the same key"),
        (
            &[OLD, "hlt_in two words"],
            "the key source returned no usable key: the API key has white space",
        ),
        (&[OLD, "another-service"], "no usable key: the API key is no Heylerts key"),
        (&[OLD, ""], "no usable key: the API key is empty"),
    ] {
        let gate = Gate::new(NEW);
        let (client, _) = client(&gate, keys, Config::new());
        let error = client.stats().unwrap_err();
        assert_eq!((error.kind(), error.attempts()), (ErrorKind::Unauthorized, 1));
        assert!(error.to_string().contains(note), "{error}");
        assert_eq!(gate.keys(), [OLD]);
    }
}

#[test]
fn a_source_that_fails_at_first_makes_no_client() {
    let (source, _) = source(&[]);
    let error = heylo::Client::with_key_source(source, Config::new()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "the vault is sealed");
    let swapped =
        heylo::Client::with_key_source(|| Ok::<_, io::Error>(NEW.to_owned()), Config::new());
    assert_eq!(swapped.unwrap_err().kind(), ErrorKind::Configuration);
}

#[test]
fn errors_activities_and_debug_forms_hide_both_keys() {
    let gate = Gate::new("hlt_neither");
    let seen: Arc<Mutex<Vec<String>>> = Arc::default();
    let kept = Arc::clone(&seen);
    let observer = move |activity: &Activity<'_>| {
        kept.lock().unwrap().push(format!("{activity} {activity:?}"));
    };
    let (client, _) = client(&gate, &[OLD, NEW], Config::new().observer(observer));
    let error = client.stats().unwrap_err();
    let body = String::from_utf8_lossy(error.body()).into_owned();
    let shown = [format!("{error} {error:?} {error:#?} {client:?} {body}")];
    for shown in seen.lock().unwrap().iter().chain(&shown) {
        // The first attempt knows no key but the old one.
        assert!(!shown.contains(OLD), "{shown}");
    }
    assert!(!shown[0].contains(NEW), "{}", shown[0]);
    assert!(shown[0].contains("[redacted]"));
}

#[test]
fn threads_that_get_a_401_at_once_ask_once() {
    const THREADS: usize = 8;
    let gate = Gate::new(OLD);
    let at_once = Arc::new(Barrier::new(THREADS));
    let (source, asked) = source(&[OLD, NEW]);
    let (barrier, inner) = (Arc::clone(&at_once), gate.clone());
    let transport = move |request: Request, timeout: Duration| {
        let is_old =
            request.headers()["x-api-key"] == OLD && request.uri().path().ends_with("stats");
        let response = inner.send(request, timeout);
        if is_old {
            barrier.wait();
        }
        response
    };
    let config = Config::new().transport(transport).rate(Rate::unlimited());
    let client = heylerts::Client::with_key_source(source, config).unwrap();
    client.hello().unwrap();
    gate.accept(NEW);
    thread::scope(|scope| {
        let threads: Vec<_> =
            (0..THREADS).map(|_| scope.spawn(|| client.stats().unwrap())).collect();
        threads.into_iter().for_each(|thread| drop(thread.join().unwrap()));
    });
    assert_eq!(asked.load(Ordering::SeqCst), 2);
    assert_eq!(gate.keys().iter().filter(|key| **key == OLD).count(), 1 + THREADS);
}

/// Two threads get a 401. The source does not return to the first one before the second has ended by `end`, which its
/// error shows.
fn while_another_thread_asks(config: Config, options: CallOptions, end: impl FnOnce()) -> Error {
    let _limit = Limit::start();
    let gate = Gate::new(OLD);
    let (asking, returning) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
    let (is_asking, returns) = (Arc::clone(&asking), Arc::clone(&returning));
    let asked = AtomicUsize::new(0);
    let source = move || match asked.fetch_add(1, Ordering::SeqCst) {
        0 => Ok::<_, io::Error>(OLD.to_owned()),
        _ => {
            is_asking.wait();
            returns.wait();
            Ok(NEW.to_owned())
        }
    };
    let client = heylerts::Client::with_key_source(source, config.transport(gate.clone())).unwrap();
    client.stats().unwrap();
    gate.accept(NEW);
    thread::scope(|scope| {
        // Time is left to the first one when that of the second is over.
        let longer = CallOptions::new().deadline(Duration::from_secs(600));
        let first = scope.spawn(|| client.with(longer).stats());
        asking.wait();
        let second = scope.spawn(|| client.with(options).stats());
        end();
        let error = second.join().unwrap().unwrap_err();
        returning.wait();
        first.join().unwrap().unwrap();
        assert!(client.stats().is_ok());
        error
    })
}

#[test]
fn a_wait_for_the_key_that_another_thread_asks_for_ends_by_the_deadline() {
    let clock = TestClock::new();
    let config = Config::new().clock(clock.clone()).deadline(Duration::from_secs(7));
    let error = while_another_thread_asks(config, CallOptions::new(), || {});
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Unauthorized, 1));
    assert!(error.message().contains("returned no key before the deadline"), "{error}");
    assert_eq!(clock.elapsed(), Duration::from_secs(7));
}

#[test]
fn a_wait_for_the_key_that_another_thread_asks_for_ends_by_a_cancellation() {
    let stop = Cancellation::new();
    let responded = Arc::new(Barrier::new(2));
    let received = Arc::clone(&responded);
    let options = CallOptions::new().observer(move |activity: &Activity<'_>| {
        if let Activity::Responded { .. } = activity {
            received.wait();
        }
    });
    let config = Config::new().rate(Rate::unlimited());
    let error = while_another_thread_asks(config, options.cancellation(&stop), || {
        responded.wait();
        stop.cancel();
    });
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Cancelled, 1));
    assert!(cause.contains("401"), "{cause}");
}

#[test]
fn a_source_that_panics_leaves_a_client_that_works() {
    let gate = Gate::new(OLD);
    let asked = AtomicUsize::new(0);
    let source = move || match asked.fetch_add(1, Ordering::SeqCst) {
        0 => Ok::<_, io::Error>(OLD.to_owned()),
        1 => panic!("in the source"),
        _ => Ok(NEW.to_owned()),
    };
    let config = Config::new().transport(gate.clone()).clock(TestClock::new());
    let client = heylerts::Client::with_key_source(source, config).unwrap();
    gate.accept(NEW);
    let other = client.clone();
    assert!(thread::spawn(move || other.stats()).join().is_err());
    client.stats().unwrap();
}

#[test]
fn the_new_key_starts_with_what_is_left_of_the_old_ones_tokens() {
    let gate = Gate::new(OLD);
    let (client, _) = client(&gate, &[OLD, NEW], Config::new().rate(Rate::per_minute(10)));
    (0..4).for_each(|_| drop(client.stats().unwrap()));
    gate.accept(NEW);
    client.stats().unwrap();
    assert_eq!(client.bucket().snapshot().free, 4);
}

#[test]
fn clients_with_the_new_key_share_the_bucket_of_the_one_that_changed() {
    let gate = Gate::new(OLD);
    let (source, _) = source(&[OLD, NEW]);
    let config = Config::new().transport(gate.clone()).base_url("https://keys-shared.example");
    let client = heylerts::Client::with_key_source(source, config.clone()).unwrap();
    client.stats().unwrap();
    gate.accept(NEW);
    client.stats().unwrap();
    let other = heylerts::Client::with_config(NEW, config).unwrap();
    other.stats().unwrap();
    assert_eq!((client.bucket().snapshot().free, other.bucket().snapshot().free), (96, 96));
}

#[test]
fn a_key_that_others_use_already_has_their_bucket_without_the_tokens_of_the_old_one() {
    let gate = Gate::new(NEW);
    let config = Config::new().transport(gate.clone()).base_url("https://keys-in-use.example");
    let other = heylerts::Client::with_config(NEW, config.clone()).unwrap();
    (0..3).for_each(|_| drop(other.stats().unwrap()));
    gate.accept(OLD);
    let (source, _) = source(&[OLD, NEW]);
    let client = heylerts::Client::with_key_source(source, config).unwrap();
    (0..5).for_each(|_| drop(client.stats().unwrap()));
    gate.accept(NEW);
    client.stats().unwrap();
    // Three of its own, six of the old key, and the last one.
    assert_eq!(other.bucket().snapshot().free, 90);
    assert_eq!(client.bucket().snapshot().free, 90);
}

/// Set in a child of the tests of the environment.
const CHILD: &str = "HEYSYNC_TEST_ENVIRONMENT";
const CHILD_TEST: &str =
    "base_addresses_and_the_secret_come_from_the_environment_by_the_rules_of_code";

/// What the child prints: a line for each service, and one for the verifier.
fn read_environment(in_code: &str) {
    let config = || match in_code {
        "" => Config::new().transport(Services::demo()),
        url => Config::new().transport(Services::demo()).base_url(url),
    };
    let heylo = heylo::Client::from_env_with(config()).map(|it| format!("{it:?}"));
    let heylerts = heylerts::Client::from_env_with(config()).map(|it| format!("{it:?}"));
    #[cfg(feature = "webhook")]
    let verifier = heylerts::webhook::Verifier::from_env().map(|it| format!("{it:?}"));
    #[cfg(not(feature = "webhook"))]
    let verifier: heysync::Result<String> = Ok(String::new());
    for outcome in [heylo, heylerts, verifier] {
        println!("\n=> {}", outcome.unwrap_or_else(|error| error.to_string()).replace('\n', " "));
    }
}

/// The lines of a child process with these variables.
fn child(in_code: &str, variables: &[(&str, &std::ffi::OsStr)]) -> [String; 3] {
    let mut command = std::process::Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", CHILD_TEST, "--nocapture"]).env(CHILD, in_code);
    for name in ["HEYLO_BASE_URL", "HEYLERTS_BASE_URL", "HEYLERTS_WEBHOOK_SECRET"] {
        command.env_remove(name);
    }
    command.env("HEYLO_API_KEY", "a-key").env("HEYLERTS_API_KEY", "hlt_key");
    let output = command.envs(variables.iter().copied()).output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<String> =
        printed.lines().filter_map(|line| line.strip_prefix("=> ")).map(str::to_owned).collect();
    lines.try_into().expect(&printed)
}

#[test]
fn base_addresses_and_the_secret_come_from_the_environment_by_the_rules_of_code() {
    if let Ok(in_code) = std::env::var(CHILD) {
        return read_environment(&in_code);
    }
    let set = |value: &'static str| {
        ["HEYLO_BASE_URL", "HEYLERTS_BASE_URL", "HEYLERTS_WEBHOOK_SECRET"]
            .map(|name| (name, std::ffi::OsStr::new(value)))
    };
    let [heylo, heylerts, secret] = child("", &[]);
    assert!(
        heylo.contains("https://api.heylo.com") && heylerts.contains("https://heylerts.com/api/v1")
    );
    #[cfg(feature = "webhook")]
    assert_eq!(
        secret,
        "HEYLERTS_WEBHOOK_SECRET is not set: set it to the webhook secret of the alert"
    );
    let _ = secret;
    for client in &child("", &set(" https://other.example/v2 \n"))[..2] {
        assert!(client.contains("https://other.example/v2"), "{client}");
    }
    // In code it comes first, even if the variable could not be used.
    for client in &child("https://code.example/v3", &set("http://other.example"))[..2] {
        assert!(client.contains("https://code.example/v3"), "{client}");
    }
    for (value, words) in [
        ("", "is empty"),
        (" \n", "is empty"),
        ("http://other.example", "must be https"),
        ("https://me:sesame@other.example", "must hold no user name or password"),
        ("https://other.example?a=b", "must end before ? and #"),
        ("other.example", "is no address"),
    ] {
        let lines = child("", &set(value));
        for (line, name) in lines.iter().zip(["HEYLO_BASE_URL ", "HEYLERTS_BASE_URL "]) {
            assert!(line.starts_with(name) && line.contains(words), "{line}");
            assert!(!line.contains("sesame"), "{line}");
        }
        if cfg!(feature = "webhook") && value.trim().is_empty() {
            assert_eq!(lines[2], "HEYLERTS_WEBHOOK_SECRET is empty");
        }
    }
}

#[cfg(unix)]
#[test]
fn a_variable_that_is_not_unicode_is_rejected_by_its_name() {
    use std::os::unix::ffi::OsStrExt;
    let names = ["HEYLO_BASE_URL", "HEYLERTS_BASE_URL", "HEYLERTS_WEBHOOK_SECRET"];
    let lines = child("", &names.map(|name| (name, std::ffi::OsStr::from_bytes(b"https://\xff"))));
    for (line, name) in lines.iter().zip(names) {
        let is_read = cfg!(feature = "webhook") || name != "HEYLERTS_WEBHOOK_SECRET";
        assert!(!is_read || line.starts_with(name) && line.contains("not Unicode"), "{line}");
    }
}
