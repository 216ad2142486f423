//! The sandbox from outside: with the crate's clients, in memory and over a socket.

#![cfg(feature = "sandbox")]
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use heysync::heylerts::{AlertPatch, NewAlert, Sentiment};
use heysync::heylo::{NewMember, RoleUpdate};
use heysync::sandbox::{Heylerts, Heylo, Limit, Moment, Recorded, Services, TestClock, Trouble};
use heysync::{Config, ErrorKind, Timestamp, heylerts, heylo};

#[path = "../examples/support/serve.rs"]
mod support;

use support::{PATIENCE, serve};

const SECOND: Duration = Duration::from_secs(1);

/// A key of its own for each client: clients with one key share a token bucket, and with it a clock.
fn key(prefix: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("{prefix}{}", COUNT.fetch_add(1, Ordering::Relaxed))
}

fn heylo_client(config: Config) -> heylo::Client {
    heylo::Client::with_config(&key("key-"), config).unwrap()
}

fn heylerts_client(config: Config) -> heylerts::Client {
    heylerts::Client::with_config(&key("hlt_"), config).unwrap()
}

/// What somebody might write who read the README, and what it told them.
fn script(heylo: &heylo::Client, heylerts: &heylerts::Client) -> heysync::Result<Vec<String>> {
    let mut told = Vec::new();
    let group = heylo.community("harbour-runners");
    let since: Timestamp = "2026-05-01T00:00:00Z".parse()?;
    for event in group.events().starting_after(since) {
        let event = event?;
        let records = group.attendance(&event.id)?.len();
        told.push(format!("{}: {records} records", event.json["title"]));
    }
    for role in group.roles()? {
        told.push(format!("{} {:?}", role.id, group.role(&role.id).members()?));
    }
    let update = RoleUpdate::new()
        .add(["user-9", "user-39"])
        .remove(["user-1"]);
    let change = group.role("captains").update(&update)?;
    told.push(format!("{:?} {:?}", change.added, change.ignored));
    group.remove_member("user-7")?;
    group.invite(&NewMember::new("user-42").first_name("Ada"))?;
    told.push(format!("{:?}", heylerts.hello()?.user.email));
    let alert = heylerts.create_alert(&NewAlert::new("Competitor X", "competitor x"))?;
    let paused = heylerts.update_alert(&alert.id, &AlertPatch::new().is_active(false))?;
    told.push(format!(
        "{} {} {:?}",
        alert.id, paused.name, paused.is_active
    ));
    for mention in heylerts.mentions().sentiment(Sentiment::Negative) {
        told.push(mention?.url);
    }
    told.push(heylerts.stats()?.total.to_string());
    heylerts.delete_alert(&alert.id)?;
    let missing = heylerts.alert(&alert.id).map_err(|error| error.to_string());
    told.push(format!("{:?}", missing.map(|alert| alert.id)));
    Ok(told)
}

/// What came, without what a connection adds to it.
fn journal(services: &Services) -> Vec<String> {
    let requests = [services.heylo.requests(), services.heylerts.requests()].concat();
    let told = |request: &Recorded| format!("{request} {:?}", request.json());
    requests.iter().map(told).collect()
}

fn frozen() -> Services {
    let clock = TestClock::new();
    Services {
        heylo: Heylo::demo().clock(clock.clone()).limit(None),
        heylerts: Heylerts::demo().clock(clock).limit(None),
    }
}

#[test]
fn a_script_does_the_same_in_memory_and_over_a_socket() {
    let (inside, outside) = (frozen(), frozen());
    let config = || Config::new().clock(TestClock::new());
    let in_memory = script(
        &heylo_client(config().transport(inside.clone())),
        &heylerts_client(config().transport(inside.clone())),
    );
    let served = outside.clone();
    let server = serve(0, move |request| served.reply(request, PATIENCE)).unwrap();
    let over_socket = script(
        &heylo_client(config().base_url(server.url())),
        &heylerts_client(config().base_url(server.url())),
    );
    let told = in_memory.unwrap();
    assert!(told.len() > 50, "{told:?}");
    assert_eq!(told, over_socket.unwrap());
    assert_eq!(journal(&inside), journal(&outside));
}

#[test]
fn a_script_is_never_refused_whatever_counts_it() {
    for limit in [Limit::fixed_window, Limit::sliding_log, Limit::token_bucket] {
        let clock = TestClock::new();
        let sandbox = Heylo::demo().clock(clock.clone()).limit(limit(5, SECOND));
        let client = heylo_client(
            Config::new()
                .transport(sandbox.clone())
                .clock(clock.clone()),
        );
        let captains = client.community("harbour-runners").role("captains");
        assert!((0..60).all(|_| captains.members().is_ok()));
        assert_eq!((sandbox.refusals(), sandbox.most_in_any_window()), (0, 5));
        assert!(clock.elapsed() >= 11 * SECOND, "{clock:?}");
    }
}

#[test]
fn threads_wait_a_minute_in_no_time_and_always_alike() {
    let passed = || {
        let clock = TestClock::new();
        let sandbox = Heylerts::demo().clock(clock.clone());
        let client = heylerts_client(
            Config::new()
                .transport(sandbox.clone())
                .clock(clock.clone()),
        );
        let participants = [(); 4].map(|()| clock.participant());
        thread::scope(|scope| {
            for participant in participants {
                let client = client.clone();
                scope.spawn(move || {
                    (0..40).for_each(|_| assert!(client.hello().is_ok()));
                    drop(participant);
                });
            }
        });
        assert_eq!((sandbox.refusals(), sandbox.requests().len()), (0, 160));
        clock.elapsed()
    };
    let first = passed();
    assert!(first >= 60 * SECOND && first < 62 * SECOND, "{first:?}");
    assert_eq!([passed(), passed()], [first; 2]);
}

#[test]
fn a_walk_gets_over_troubles_and_a_list_that_changes() {
    let clock = TestClock::new();
    let sandbox = Heylerts::demo().clock(clock.clone());
    let client = heylerts_client(Config::new().transport(sandbox.clone()).clock(clock));
    let stays: Vec<String> = sandbox
        .state()
        .mentions
        .iter()
        .skip(3)
        .map(|m| m.id.clone())
        .collect();
    sandbox.trouble(1, Trouble::BadGateway(Moment::Before));
    sandbox.trouble(1, Trouble::Truncated);
    sandbox.before(4, |sandbox| {
        sandbox.change(|world| drop(world.mentions.drain(..3)));
        let alert = sandbox.state().alerts[0].id.clone();
        sandbox.receive(heysync::sandbox::heylerts::Mention::new(alert, "Just now"));
    });
    let seen: Result<Vec<_>, _> = client.mentions().map(|mention| Ok(mention?.id)).collect();
    let seen: Vec<String> = seen.map_err(|error: heysync::Error| error).unwrap();
    let ignored = |id: &String| {
        sandbox
            .state()
            .mentions
            .iter()
            .any(|m| m.id == *id && m.ignored)
    };
    for id in stays.iter().filter(|id| !ignored(id)) {
        assert_eq!(seen.iter().filter(|other| *other == id).count(), 1, "{id}");
    }
}

#[test]
fn an_invite_whose_answer_is_lost_is_sent_once() {
    let clock = TestClock::new();
    let sandbox = Heylo::demo().clock(clock.clone());
    let client = heylo_client(Config::new().transport(sandbox.clone()).clock(clock));
    sandbox.trouble(1, Trouble::Cut(Moment::After));
    let outcome = client
        .community("book-circle")
        .invite(&NewMember::new("user-42"));
    assert_eq!(outcome.unwrap_err().kind(), ErrorKind::OutcomeUnknown);
    assert_eq!(sandbox.invites("book-circle").len(), 1);
}

/// Everything that comes back over a socket until it is closed.
fn raw(services: &Services, request: &str) -> String {
    let served = services.clone();
    let server = serve(0, move |request| served.reply(request, PATIENCE)).unwrap();
    let mut stream = TcpStream::connect(server.url().trim_start_matches("http://")).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    drop(stream.read_to_end(&mut answer));
    String::from_utf8_lossy(&answer).into_owned()
}

const HELLO: &str = "GET /api/v1/hello HTTP/1.1\r\nhost: localhost\r\nx-api-key: hlt_k\r\nconnection: close\r\n\r\n";

#[test]
fn a_connection_that_is_cut_is_really_cut() {
    let services = frozen();
    for trouble in [
        Trouble::Unreachable,
        Trouble::Cut(Moment::Before),
        Trouble::Cut(Moment::After),
    ] {
        services.heylerts.trouble(1, trouble);
        assert_eq!(raw(&services, HELLO), "");
    }
    services.heylerts.trouble(1, Trouble::Truncated);
    let answer = raw(&services, HELLO);
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.contains("content-length: 124"), "{head}");
    assert_eq!(body.len(), 62);
}

#[test]
fn an_oversized_body_really_is() {
    let services = frozen();
    services.heylerts.trouble(1, Trouble::Oversized);
    assert!(raw(&services, HELLO).len() > 10 * 1024 * 1024);
}

#[test]
fn what_is_no_http_is_hung_up_on() {
    let services = frozen();
    for request in [
        "nonsense\r\n\r\n",
        "GET / HTTP/1.1\r\ncontent-length: many\r\n\r\n",
        "GET / HTTP/1.1\r\ncontent-length: 99999999999\r\n\r\n",
        "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n",
    ] {
        assert_eq!(raw(&services, request), "", "{request}");
    }
}
