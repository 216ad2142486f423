//! Keys and choices: which are taken, which are rejected, and where requests go.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

use std::env;
use std::ffi::OsStr;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use heysync::heylerts::NewAlert;
use heysync::heylo::NewMember;
use heysync::http::{Request, Response};
use heysync::limiter::{Rate, TokenBucket};
use heysync::sandbox::TestClock;
use heysync::{
    Config, Error, ErrorKind, Safety, Transport, TransportOptions, UreqTransport, heylerts, heylo,
};

#[path = "support/wire.rs"]
mod wire;

use wire::{Scripted, Wire};

type Opens = fn(&str, Config) -> Result<(), Error>;

const HEYLO: Opens = |key, config| heylo::Client::with_config(key, config).map(drop);
const HEYLERTS: Opens = |key, config| heylerts::Client::with_config(key, config).map(drop);

/// A configuration that needs no TLS, and leads to where nobody listens.
fn here() -> Config {
    Config::new().base_url("http://127.0.0.1:9")
}

/// The rejection of a key or a configuration.
fn rejection(opens: Opens, key: &str, config: Config) -> Error {
    let error = opens(key, config).unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Configuration, 0), "{error}");
    error
}

// Keys.

#[test]
fn white_space_around_a_key_is_dropped() {
    let responses = [Scripted::text(r#"{"roles": []}"#), Scripted::text(r#"{"total": 3}"#)];
    let wire = Wire::new(responses);
    let heylo = heylo::Client::with_config(" \tabc\r\n", wire.config()).unwrap();
    heylo.community("abc123").roles().unwrap();
    let heylerts = heylerts::Client::with_config("\nhlt_abc ", wire.config()).unwrap();
    heylerts.stats().unwrap();
    let [first, second] = wire.requests().try_into().unwrap();
    first.assert_headers(("authorization", "Bearer abc"));
    second.assert_headers(("x-api-key", "hlt_abc"));
}

#[test]
fn a_key_that_cannot_be_one_is_rejected_without_being_shown() {
    for (opens, key, why) in [
        (HEYLO, "", "is empty"),
        (HEYLERTS, " \n", "is empty"),
        (HEYLO, "Bearer sesame", "white space"),
        (HEYLERTS, "hlt_open sesame", "white space"),
        (HEYLO, "open\r\nsesame", "white space"),
        (HEYLO, "s\u{e9}same", "no key has"),
        (HEYLERTS, "hlt_s\u{e9}same", "no key has"),
        (HEYLO, "open\u{2011}sesame", "no key has"),
        (HEYLO, "open\0sesame", "no key has"),
        (HEYLO, "hlt_sesame", "a key of Heylerts"),
        (HEYLERTS, "sesame", "begin with hlt_"),
        (HEYLERTS, "HLT_sesame", "begin with hlt_"),
        (HEYLERTS, "\u{200b}hlt_sesame", "no key has"),
        (HEYLERTS, "hlt_sesame\u{200d}", "no key has"),
        (HEYLERTS, "“hlt_sesame”", "quotes"),
        (HEYLERTS, "hlt_", "nothing after"),
    ] {
        let error = rejection(opens, key, here());
        assert!(error.message().starts_with("the API key "), "{error}");
        assert!(error.message().contains(why), "{error}");
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("same"), "{shown}");
    }
}

/// Set in a child of this test, to the address that it is to call.
const CHILD: &str = "HEYSYNC_TEST_CHILD_CALLS";
const THIS_TEST: &str =
    "a_key_from_the_environment_is_used_or_rejected_with_the_name_of_its_variable";

/// What the child does: a call to each service, and a line on what became of it.
fn call_both(url: &str) {
    let config = || Config::new().base_url(url).clock(TestClock::new()).retries(0);
    let roles = |client: heylo::Client| client.community("abc123").roles();
    let heylo = heylo::Client::from_env_with(config()).and_then(roles).map(drop);
    let stats = |client: heylerts::Client| client.stats();
    let heylerts = heylerts::Client::from_env_with(config()).and_then(stats).map(drop);
    for (service, outcome) in [("heylo", heylo), ("heylerts", heylerts)] {
        println!(
            "\n{service}: {}",
            outcome.map_or_else(|error| error.to_string(), |()| "done".into())
        );
    }
}

/// What a child process with these keys in its environment prints of each service.
fn child(url: &str, heylo: Option<&OsStr>, heylerts: Option<&OsStr>) -> [String; 2] {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", THIS_TEST, "--nocapture"]).env(CHILD, url);
    for (variable, key) in [("HEYLO_API_KEY", heylo), ("HEYLERTS_API_KEY", heylerts)] {
        match key {
            Some(key) => command.env(variable, key),
            None => command.env_remove(variable),
        };
    }
    let output = command.output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    ["heylo: ", "heylerts: "].map(|service| {
        let line = printed.lines().find_map(|line| line.strip_prefix(service));
        line.expect(&printed).to_owned()
    })
}

#[test]
fn a_key_from_the_environment_is_used_or_rejected_with_the_name_of_its_variable() {
    if let Ok(url) = env::var(CHILD) {
        return call_both(&url);
    }
    let responses = [Scripted::text(r#"{"roles": []}"#), Scripted::text(r#"{"total": 3}"#)];
    let wire = Wire::new(responses);
    let key = |text: &'static str| Some(OsStr::new(text));
    assert_eq!(child(&wire.url(), key(" abc\n"), key("hlt_abc\n")), ["done", "done"]);
    let [first, second] = wire.requests().try_into().unwrap();
    first.assert_headers(("authorization", "Bearer abc"));
    second.assert_headers(("x-api-key", "hlt_abc"));

    let wire = Wire::unused();
    for (heylo, heylerts, why) in [
        (None, None, "is not set"),
        (key(" \n"), key(""), "is empty"),
        (key("a b"), key("hlt_a b"), "has white space in it"),
        (key("hlt_abc"), key("abc"), "Heylerts"),
        #[cfg(unix)]
        (not_text(), not_text(), "is not valid text"),
    ] {
        let [of_heylo, of_heylerts] = child(&wire.url(), heylo, heylerts);
        assert!(of_heylo.starts_with("HEYLO_API_KEY ") && of_heylo.contains(why), "{of_heylo}");
        assert!(
            of_heylerts.starts_with("HEYLERTS_API_KEY ") && of_heylerts.contains(why),
            "{of_heylerts}"
        );
    }
    assert!(wire.lines().is_empty());
}

#[cfg(unix)]
fn not_text() -> Option<&'static OsStr> {
    use std::os::unix::ffi::OsStrExt;
    Some(OsStr::from_bytes(b"hlt_\xff"))
}

// Addresses.

#[test]
fn a_base_address_is_the_same_with_and_without_a_slash_at_its_end() {
    for (suffix, of_heylo, of_heylerts) in [
        ("", "/apiv1-fetch", "/api/v1/stats"),
        ("/", "/apiv1-fetch", "/api/v1/stats"),
        ("/api/v1", "/api/v1/apiv1-fetch", "/api/v1/stats"),
        ("/proxy/", "/proxy/apiv1-fetch", "/proxy/stats"),
        ("/a%20b/c", "/a%20b/c/apiv1-fetch", "/a%20b/c/stats"),
    ] {
        let wire =
            Wire::new([Scripted::text(r#"{"roles": []}"#), Scripted::text(r#"{"total": 3}"#)]);
        let config = || wire.config().base_url(wire.url() + suffix);
        let heylo = heylo::Client::with_config("abc", config()).unwrap();
        heylo.community("abc123").roles().unwrap();
        let heylerts = heylerts::Client::with_config("hlt_abc", config()).unwrap();
        heylerts.stats().unwrap();
        assert_eq!(wire.lines(), [format!("POST {of_heylo}"), format!("GET {of_heylerts}")]);
    }
}

/// One call to the invite host, and one to the other.
fn invite_and_remove(config: Config) {
    let group = heylo::Client::with_config("abc", config).unwrap().community("abc123");
    group.invite(&NewMember::new("u1")).unwrap();
    group.remove_member("u1").unwrap();
}

#[test]
fn invites_use_a_host_of_their_own_if_one_is_set() {
    let (main, invites) = (Wire::new([Scripted::text("")]), Wire::new([Scripted::text("")]));
    invite_and_remove(main.config().invite_base_url(invites.url() + "/functions/"));
    assert_eq!(main.lines(), ["POST /apiv1-remove"]);
    assert_eq!(invites.lines(), ["POST /functions/apiv1-create"]);
}

#[test]
fn invites_use_the_base_address_if_only_that_is_set() {
    let wire = Wire::new([Scripted::text(""), Scripted::text("")]);
    invite_and_remove(wire.config());
    assert_eq!(wire.lines(), ["POST /apiv1-create", "POST /apiv1-remove"]);
}

/// A configuration that sends nothing, and the addresses that it would have been sent to.
fn nowhere() -> (Config, Arc<Mutex<Vec<String>>>) {
    let addresses: Arc<Mutex<Vec<String>>> = Arc::default();
    let received = addresses.clone();
    let transport = move |request: Request<Vec<u8>>, _: Duration| {
        received.lock().unwrap().push(request.uri().to_string());
        Ok(Response::new(br#"{"total": 3}"#.to_vec()))
    };
    (Config::new().clock(TestClock::new()).transport(transport), addresses)
}

#[test]
fn the_addresses_are_the_vendors_by_default() {
    let (config, addresses) = nowhere();
    invite_and_remove(config.clone());
    heylerts::Client::with_config("hlt_abc", config).unwrap().stats().unwrap();
    let expected = [
        "https://us-central1-piccup-82257.cloudfunctions.net/apiv1-create",
        "https://api.heylo.com/apiv1-remove",
        "https://heylerts.com/api/v1/stats",
    ];
    assert_eq!(*addresses.lock().unwrap(), expected);

    // The same address, given as a person or a variable may give it.
    let (config, addresses) = nowhere();
    invite_and_remove(config.base_url("https://API.heylo.com:443/"));
    assert_eq!(*addresses.lock().unwrap(), expected[..2]);

    let (config, addresses) = nowhere();
    invite_and_remove(config.invite_base_url("https://invites.example"));
    let expected = ["https://invites.example/apiv1-create", "https://api.heylo.com/apiv1-remove"];
    assert_eq!(*addresses.lock().unwrap(), expected);
}

#[test]
fn an_address_that_would_show_the_key_or_lose_something_is_rejected() {
    for (address, why) in [
        ("http://api.heylo.com", "must be https"),
        ("http://192.168.0.7:8080", "must be https"),
        ("http://localhost.example", "must be https"),
        ("http://0.0.0.0", "must be https"),
        ("ftp://api.heylo.com", "must be https"),
        ("file:///etc/passwd", "must be https"),
        ("", "is no address"),
        ("api.heylo.com", "is no address"),
        ("https://", "is no address"),
        ("https://me:sesame@api.heylo.com", "no user name"),
        ("https://api.heylo.com?key=sesame", "before ?"),
        ("https://api.heylo.com/#sesame", "before ?"),
    ] {
        for error in [
            rejection(HEYLO, "abc", Config::new().base_url(address)),
            rejection(HEYLO, "abc", Config::new().invite_base_url(address)),
            rejection(HEYLERTS, "hlt_abc", Config::new().base_url(address)),
        ] {
            assert!(error.message().contains(why), "{address}: {error}");
            assert!(!format!("{error} {error:?}").contains("sesame"), "{error:?}");
        }
    }
}

// Ranges.

#[test]
fn a_value_out_of_its_range_is_an_error_and_not_clamped() {
    let day = Duration::from_secs(24 * 60 * 60);
    let beyond = day + Duration::from_nanos(1);
    let bucket = || TokenBucket::new(Rate::per_second(1), Arc::new(TestClock::new()));
    for (config, name) in [
        (here().connect_timeout(Duration::ZERO), "connect_timeout"),
        (here().connect_timeout(beyond), "connect_timeout"),
        (here().attempt_timeout(Duration::from_micros(999)), "attempt_timeout"),
        (here().attempt_timeout(beyond), "attempt_timeout"),
        (here().deadline(Duration::ZERO), "deadline"),
        (here().deadline(Duration::MAX), "deadline"),
        (here().retries(101), "retries"),
        (here().max_body(0), "max_body"),
        (here().rate(Rate::per_second(0)), "rate"),
        (here().rate(Rate::new(1, Duration::ZERO)), "rate"),
        (here().rate(Rate::new(1, Duration::MAX)), "rate"),
        (here().rate(Rate::per_second(1)).bucket(bucket()), "rate"),
        (here().user_agent("a\nb"), "user_agent"),
    ] {
        for (opens, key) in [(HEYLO, "abc"), (HEYLERTS, "hlt_abc")] {
            let error = rejection(opens, key, config.clone());
            assert!(error.message().contains(name), "{name}: {error}");
        }
    }
    let invites = here().invite_base_url("http://127.0.0.1:9");
    assert!(rejection(HEYLERTS, "hlt_abc", invites).message().contains("invite_base_url"));
}

#[test]
fn a_value_out_of_its_range_is_an_error_for_a_transport_alone_too() {
    let options = TransportOptions::new;
    for (options, name) in [
        (options().connect_timeout(Duration::ZERO), "connect_timeout"),
        (options().connect_timeout(Duration::from_micros(999)), "connect_timeout"),
        (options().max_body(0), "max_body"),
    ] {
        let error = UreqTransport::new(options).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert!(error.message().contains(name), "{name}: {error}");
    }
    let shortest = options().connect_timeout(Duration::from_millis(1)).max_body(1);
    assert!(UreqTransport::new(shortest).is_ok());
}

#[test]
fn the_bounds_of_a_range_are_in_it() {
    let (shortest, day) = (Duration::from_millis(1), Duration::from_secs(24 * 60 * 60));
    for (time, retries, rate) in
        [(shortest, 0, Rate::new(1, shortest)), (day, 100, Rate::new(10_000, day))]
    {
        let config = here().connect_timeout(time).attempt_timeout(time).deadline(time);
        let config = config.retries(retries).max_body(1).rate(rate).clock(TestClock::new());
        HEYLO("abc", config.clone()).unwrap();
        HEYLERTS("hlt_abc", config).unwrap();
    }
}

// The name of the application.

#[test]
fn the_application_is_named_before_the_crate() {
    let own = concat!("heysync/", env!("CARGO_PKG_VERSION"));
    for (name, expected) in [
        (Some("roster-sync/1.4"), format!("roster-sync/1.4 {own}")),
        (Some(" roster (ada@example.com) "), format!("roster (ada@example.com) {own}")),
        (Some(""), own.to_owned()),
        (None, own.to_owned()),
    ] {
        let (config, response) = (Config::new(), Scripted::text(r#"{"total": 3}"#));
        let config = name.map_or(config.clone(), |name| config.user_agent(name));
        let wire = Wire::new([response]);
        let config = config.base_url(wire.url()).clock(TestClock::new());
        heylerts::Client::with_config("hlt_abc", config).unwrap().stats().unwrap();
        assert_eq!(wire.request().headers["user-agent"], expected);
    }
}

#[test]
fn the_printed_form_of_a_client_and_its_configuration_shows_no_key() {
    let heylo = heylo::Client::with_config("open-sesame", here()).unwrap();
    let heylerts = heylerts::Client::with_config("hlt_open-sesame", here()).unwrap();
    let shown = format!("{heylo:?} {:?} {heylerts:?}", heylo.community("abc123"));
    assert!(!shown.contains("open-sesame"), "{shown}");
}

#[test]
fn the_printed_form_of_a_configuration_shows_nothing_of_an_address_that_may_be_secret() {
    for address in [
        "https://me:open-sesame@api.heylo.com",
        "https://api.heylo.com?key=open-sesame",
        "https://api.heylo.com/#open-sesame",
        "https://api.heylo.com/?a=b@open-sesame",
    ] {
        let config = Config::new().base_url(address).invite_base_url(address).proxy(address);
        let shown = format!("{config:?} {config:#?}");
        assert!(!shown.contains("open-sesame") && shown.contains("api.heylo.com"), "{shown}");
    }
}

// Shared buckets.

#[test]
fn clients_with_one_key_share_a_bucket_in_every_spelling_of_the_address() {
    let open = |address: &str| {
        heylo::Client::with_config("key-of-spellings", Config::new().base_url(address)).unwrap()
    };
    let one = open("http://127.0.0.1:9");
    let permit = one.bucket().try_acquire().unwrap();
    for address in ["http://localhost:9", "http://LOCALHOST:9/", "http://[::1]:9"] {
        assert_eq!(open(address).bucket().snapshot().in_flight, 1, "{address}");
    }
    for address in ["http://127.0.0.1:10", "http://127.0.0.2:9", "http://127.0.0.1:9/other"] {
        assert_eq!(open(address).bucket().snapshot().in_flight, 0, "{address}");
    }
    drop(permit);
}

// A transport of the user's own.

#[test]
fn the_limit_of_a_body_holds_for_every_transport() {
    let config = |length: usize| {
        let transport = move |_: Request<Vec<u8>>, _: Duration| {
            let mut body = br#"{"total": 3, "id": "a-1"}"#.to_vec();
            body.resize(length, b' ');
            Ok(Response::new(body))
        };
        Config::new().transport(transport).clock(TestClock::new()).max_body(100)
    };
    let client = |length| heylerts::Client::with_config("hlt_abc", config(length)).unwrap();
    assert_eq!(client(100).stats().unwrap().total, 3);
    let error = client(101).stats().unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Unreadable, 1), "{error}");
    assert!(error.message().contains("too large"), "{error}");
    let error = client(101).create_alert(&NewAlert::new("n", "k")).unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::AppliedUnreadable, 1), "{error}");
}

#[test]
fn a_transport_learns_the_safety_of_each_call() {
    let seen: Arc<Mutex<Vec<Option<Safety>>>> = Arc::default();
    let safeties = Arc::clone(&seen);
    let transport = move |request: Request<Vec<u8>>, _: Duration| {
        safeties.lock().unwrap().push(request.extensions().get().copied());
        Ok(Response::new(br#"{"total": 3, "id": "a-1"}"#.to_vec()))
    };
    let boxed: Box<dyn Transport> = Box::new(transport);
    let config = Config::new().transport(boxed).clock(TestClock::new());
    let client = heylerts::Client::with_config("hlt_abc", config).unwrap();
    client.stats().unwrap();
    client.delete_alert("a-1").unwrap();
    client.create_alert(&NewAlert::new("n", "k")).unwrap();
    let expected = [Safety::Read, Safety::Idempotent, Safety::Unsafe].map(Some);
    assert_eq!(*seen.lock().unwrap(), expected);
}

#[cfg(not(any(feature = "rustls", feature = "native-tls")))]
#[test]
fn without_tls_an_https_address_is_an_error_that_names_the_features() {
    for (opens, key) in [(HEYLO, "abc"), (HEYLERTS, "hlt_abc")] {
        let error = rejection(opens, key, Config::new());
        assert!(error.message().contains("`rustls` or `native-tls`"), "{error}");
        opens(key, here()).unwrap();
    }
}
