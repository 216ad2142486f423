//! Pagination of both services over sockets: lists that change, fail and are resumed.

#![cfg(feature = "sandbox")]

use heysync::heylerts::Alert;
use heysync::page::{Pager, Position};
use heysync::sandbox::heylerts::{Alert as Made, Mention};
use heysync::sandbox::heylo::{Community, Event, UnknownCursor};
use heysync::sandbox::{Fault, FaultPoint, Heylerts, Heylo, Server, Services, TestClock, serve};
use heysync::{Config, Error, ErrorKind, Result, Timestamp, heylerts, heylo, http};
use serde_json::{Value, json};
use std::error::Error as _;
use std::time::{Duration, SystemTime};

#[path = "support/limit.rs"]
#[allow(dead_code, reason = "each test file uses a part of it")]
mod limit;

use limit::Limit;

/// An account with so many alerts, `alert 1` the newest, a client on a clock that takes no time, and what
/// lies between.
fn account(alerts: usize) -> (Heylerts, heylerts::Client, Served) {
    let clock = TestClock::new();
    let sandbox = Heylerts::new().clock(clock.clone());
    for number in (1..=alerts).rev() {
        sandbox.add_alert(Made::new(format!("alert {number}"), "keyword"));
    }
    let server = served(Services { heylerts: sandbox.clone(), ..Services::demo() });
    let config = Config::new().base_url(server.0.url()).clock(clock).retries(0);
    let client = heylerts::Client::with_config("hlt_pages", config).expect("a client");
    (sandbox, client, server)
}

/// A server, and the limit of the test that uses it.
type Served = (Server, Limit);

fn served(services: Services) -> Served {
    (serve(0, services).expect("a server"), Limit::start())
}

/// A community with so many events, a client on a clock that takes no time, and what lies between.
fn community(events: u32) -> (Heylo, heylo::Community, Served) {
    patient_community(events, 0)
}

/// The same, with so many retries.
fn patient_community(events: u32, retries: u32) -> (Heylo, heylo::Community, Served) {
    let clock = TestClock::new();
    let start = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    let day = Duration::from_secs(86_400);
    let community = (1..=events).fold(Community::new("club"), |community, number| {
        community.event(Event::new(format!("e{number}"), start + day * number))
    });
    let sandbox = Heylo::new().community(community).clock(clock.clone());
    let server = served(Services { heylo: sandbox.clone(), ..Services::demo() });
    let config = Config::new().base_url(server.0.url()).clock(clock).retries(retries);
    let client = heylo::Client::with_config("pages", config).expect("a client");
    (sandbox, client.community("club"), server)
}

fn names(pager: impl IntoIterator<Item = Result<Alert>>) -> Vec<String> {
    pager.into_iter().map(|alert| alert.expect("an alert").name).collect()
}

fn numbered(numbers: impl IntoIterator<Item = usize>) -> Vec<String> {
    numbers.into_iter().map(|number| format!("alert {number}")).collect()
}

#[test]
fn nothing_is_requested_before_the_first_item() {
    let (sandbox, client, _server) = account(3);
    let pager = client.alerts().limit(2);
    assert!(sandbox.requests().is_empty());
    assert_eq!(names(pager).len(), 2);
    assert_eq!(sandbox.requests().len(), 1);
    assert_eq!(sandbox.requests()[0].query, "page=1&per_page=100");
}

#[test]
fn alerts_that_are_created_meanwhile_push_nothing_into_view_twice() {
    let (sandbox, client, _server) = account(250);
    sandbox.before(2, |sandbox| {
        (0..30)
            .for_each(|number| drop(sandbox.add_alert(Made::new(format!("late {number}"), "x"))));
    });
    let came = names(client.alerts());
    assert_eq!(came, numbered(1..=250));
}

#[test]
fn alerts_that_are_deleted_meanwhile_pull_nothing_out_of_view() {
    let (sandbox, client, _server) = account(250);
    let elsewhere = client.clone();
    let doomed: Vec<String> =
        elsewhere.alerts().take(60).map(|alert| alert.expect("an alert").id).collect();
    let before = sandbox.requests().len();
    sandbox.before(before + 2, move |sandbox| {
        sandbox.change(|setup| setup.alerts.retain(|alert| !doomed.contains(&alert.id)));
    });
    assert_eq!(names(client.alerts()), numbered(1..=250));
}

#[test]
fn deleting_each_alert_that_comes_deletes_all() -> Result<()> {
    let (sandbox, client, _server) = account(230);
    for alert in client.alerts() {
        client.delete_alert(&alert?.id)?;
    }
    assert!(sandbox.state().alerts.is_empty());
    assert_eq!(sandbox.rate_limit_hits(), 0);
    Ok(())
}

#[test]
fn deleting_a_thousand_alerts_costs_hardly_more_than_reading_them() -> Result<()> {
    let (sandbox, client, _server) = account(1050);
    for alert in client.alerts() {
        client.delete_alert(&alert?.id)?;
    }
    assert!(sandbox.state().alerts.is_empty());
    // Eleven pages, the one that showed that the list shrinks, and a deletion each.
    assert_eq!(sandbox.requests().len(), 12 + 1050);
    assert_eq!(sandbox.rate_limit_hits(), 0);
    Ok(())
}

#[test]
fn a_list_is_read_while_somebody_else_deletes_all_the_while() {
    let (sandbox, client, _server) = account(1500);
    for number in 2..60 {
        sandbox.before(number, |sandbox| {
            sandbox.change(|setup| drop(setup.alerts.pop()));
        });
    }
    let mut came = names(client.alerts());
    assert!(sandbox.requests().len() < 30, "{}", sandbox.requests().len());
    came.sort();
    came.dedup();
    let left = sandbox.state().alerts;
    assert!(left.len() > 1450);
    assert!(left.iter().all(|alert| came.binary_search(&alert.name).is_ok()));
}

type Alteration = fn(&mut http::Response<Vec<u8>>);

/// Reads 35 alerts in pages of ten that are altered on their way: how many came, the error, the requests.
fn altered(alter: Alteration) -> (usize, Option<Error>, usize) {
    let (sandbox, client, _server) = account(35);
    sandbox.inject(usize::MAX, Fault::altered(alter));
    let (good, bad): (Vec<_>, Vec<_>) = client.alerts().page_size(10).partition(Result::is_ok);
    let error = bad.into_iter().find_map(Result::err);
    (good.len(), error, sandbox.requests().len())
}

/// Changes the page that a response holds.
fn edit(response: &mut http::Response<Vec<u8>>, change: impl FnOnce(&mut Value)) {
    let mut page = serde_json::from_slice(response.body()).expect("a page");
    change(&mut page);
    *response.body_mut() = page.to_string().into_bytes();
}

#[test]
fn a_server_that_does_not_advance_is_an_error_that_names_the_page() {
    let cases: [(Alteration, &str, usize, usize); 3] = [
        (
            |response| edit(response, |page| page["page"] = json!(1)),
            "page 2 was requested and page 1 came",
            10,
            2,
        ),
        (
            |response| {
                edit(response, |page| {
                    page["items"] = json!([{"id": "a"}, {"id": "b"}]);
                    page["has_more"] = json!(true);
                });
            },
            "another page repeats page 1",
            2,
            3,
        ),
        (
            |response| {
                edit(response, |page| {
                    if page["page"] == 3 {
                        page["items"] = json!([]);
                    }
                });
            },
            "page 3 is empty and is said not to be the last",
            20,
            4,
        ),
    ];
    for (alter, what, came, requests) in cases {
        let outcome = altered(alter);
        let error = outcome.1.expect(what);
        assert_eq!(error.kind(), ErrorKind::NoProgress);
        assert!(error.to_string().starts_with("GET /alerts: "), "{error}");
        assert!(error.to_string().contains(what), "{error}");
        assert_eq!((outcome.0, outcome.2), (came, requests), "{what}");
    }
}

#[test]
fn odd_numbers_about_a_page_do_not_spoil_its_items() {
    let cases: [Alteration; 5] = [
        |response| edit(response, |page| page["total_items"] = json!(-1)),
        |response| edit(response, |page| page["total_items"] = json!(35.5)),
        |response| edit(response, |page| page["total_items"] = json!(u64::MAX)),
        |response| edit(response, |page| page["total_pages"] = json!("four")),
        |response| {
            edit(response, |page| {
                page["per_page"] = json!(u64::MAX);
                page["page"] = json!(null);
            });
        },
    ];
    for alter in cases {
        let (came, error, requests) = altered(alter);
        assert!(error.is_none(), "{error:?}");
        assert_eq!((came, requests), (35, 4));
    }
    let (came, error, _) = altered(|response| {
        edit(response, |page| {
            page["items"] = json!(null);
            (page["has_more"], page["total_items"]) = (json!(false), json!(0));
        });
    });
    assert!(error.is_none() && came == 0, "{error:?}");
}

#[test]
fn a_list_that_stands_still_costs_as_many_requests_as_it_has_pages() {
    for (alerts, requests) in [(0, 1), (100, 1), (101, 2), (250, 3)] {
        let (sandbox, client, _server) = account(alerts);
        assert_eq!(names(client.alerts()).len(), alerts);
        assert_eq!(sandbox.requests().len(), requests, "{alerts} alerts");
    }
}

#[test]
fn events_are_read_to_the_empty_page_however_the_service_pages() {
    for (short, inclusive) in [(false, false), (true, false), (false, true), (true, true)] {
        let (sandbox, community, _server) = community(230);
        sandbox.change(|setup| {
            setup.settings.short_pages = short;
            setup.settings.inclusive_cursor = inclusive;
        });
        let events = community.events().read_all().expect("all events");
        let ids: Vec<String> = events.into_iter().map(|event| event.id).collect();
        let expected: Vec<String> = (1..=230).map(|number| format!("e{number}")).collect();
        assert_eq!(ids, expected, "short {short}, inclusive {inclusive}");
    }
}

#[test]
fn one_bad_item_is_one_error_in_its_place_with_its_json_at_hand() {
    let (sandbox, client, _server) = account(3);
    sandbox.inject(
        1,
        Fault::altered(|response| {
            let mut page: Value = serde_json::from_slice(response.body()).expect("a page");
            page["items"][1] = json!({"id": {"uuid": 7}, "name": "odd"});
            *response.body_mut() = page.to_string().into_bytes();
        }),
    );
    let outcomes: Vec<Result<Alert>> = client.alerts().collect();
    assert_eq!(outcomes.len(), 3);
    let error = outcomes[1].as_ref().expect_err("the odd one");
    assert_eq!(error.kind(), ErrorKind::Unreadable);
    assert_eq!(serde_json::from_slice::<Value>(error.body()).expect("JSON")["name"], "odd");
    assert!(outcomes[0].is_ok() && outcomes[2].is_ok());
}

#[test]
fn a_failed_request_is_one_error_and_then_nothing_for_ever() {
    let (sandbox, client, _server) = account(150);
    let fail_second = |sandbox: &Heylerts| {
        sandbox.inject_if(usize::MAX, Fault::BadGateway(FaultPoint::BeforeEffect), |request| {
            request.query.contains("page=2")
        });
    };
    fail_second(&sandbox);
    let mut pager = client.alerts();
    let failed = pager.by_ref().filter(Result::is_err).count();
    assert_eq!(failed, 1);
    assert!(pager.next().is_none() && pager.next().is_none());
    assert_eq!(pager.size_hint(), (0, Some(0)));
    assert_eq!(client.alerts().flatten().count(), 100);
    assert_eq!(client.alerts().filter_map(Result::ok).count(), 100);
    let collected = client.alerts().collect::<Result<Vec<_>>>();
    assert_eq!(collected.expect_err("a 502").kind(), ErrorKind::Server);
}

#[test]
fn items_that_came_before_an_error_are_kept_and_the_rest_is_read_later() {
    let (sandbox, client, _server) = account(230);
    sandbox.inject_if(1, Fault::Cut(FaultPoint::BeforeEffect), |request| {
        request.query.contains("page=3")
    });
    let stopped = client.alerts().read_all().expect_err("the third page is cut");
    assert_eq!(stopped.items.len(), 200);
    assert_eq!(stopped.error.kind(), ErrorKind::NoResponse);
    let cause = stopped.source().expect("a cause").to_string();
    assert_eq!(cause, stopped.error.to_string());
    assert!(!stopped.to_string().contains(&cause), "{stopped}: {cause}");
    let saved = stopped.position.to_string();

    let position: Position = saved.parse().expect("a position");
    let rest = client.alerts().resume_at(&position).expect("the same list");
    assert_eq!(names(rest), numbered(201..=230));
    assert_eq!(Error::from(stopped).kind(), ErrorKind::NoResponse);
}

#[test]
fn a_script_that_was_killed_continues_after_the_last_item_it_saw() {
    let (sandbox, community, _server) = community(120);
    let mut pager = community.events();
    let seen: Vec<String> =
        pager.by_ref().take(37).map(|event| event.expect("an event").id).collect();
    let saved = pager.position().to_string();
    drop(pager);

    let pager =
        community.events().resume_at(&saved.parse().expect("a position")).expect("the same list");
    let rest: Vec<String> = pager.map(|event| event.expect("an event").id).collect();
    assert_eq!(seen.len() + rest.len(), 120);
    assert_eq!(rest.first().map(String::as_str), Some("e38"));
    // After the last event but one, so that the last one comes again.
    assert_eq!(sandbox.requests()[1].json()["lastEventId"], "e36");
}

#[test]
fn an_iterator_is_resumed_anywhere_by_items_or_pages_with_bad_items_and_limits() {
    let (sandbox, client, _server) = account(25);
    let spoil: Alteration = |response| {
        edit(response, |page| {
            for item in page["items"].as_array_mut().expect("items") {
                if item["name"] == "alert 7" || item["name"] == "alert 10" {
                    item["is_active"] = json!("perhaps");
                }
            }
        });
    };
    sandbox.inject(usize::MAX, Fault::altered(spoil));
    let named = |alert: Result<Alert>| match alert {
        Ok(alert) => alert.name,
        Err(error) => {
            let json: Value = serde_json::from_slice(error.body()).expect("the item's JSON");
            json["name"].as_str().expect("a name").to_owned()
        }
    };
    let pager = || client.alerts().page_size(10);
    for taken in 0..=25 {
        let mut first = pager().limit(taken);
        let mut came: Vec<String> = first.by_ref().map(named).collect();
        let saved: Position = first.position().to_string().parse().expect("a position");
        let rest = pager().resume_at(&saved).expect("the same list");
        let pages = rest.pages().flat_map(|page| page.expect("a page").items);
        came.extend(pages.map(named));
        assert_eq!(came, numbered(1..=25), "after {taken}");

        let mut pages = pager().limit(taken).pages();
        let items = pages.by_ref().flat_map(|page| page.expect("a page").items);
        let mut came: Vec<String> = items.map(named).collect();
        let rest = pager().resume_at(&pages.position()).expect("the same list");
        came.extend(rest.map(named));
        assert_eq!(came, numbered(1..=25), "after {taken} in pages");
    }
}

#[test]
fn a_bad_item_that_stops_a_reading_does_not_stop_the_next() {
    let (sandbox, community, _server) = community(5);
    let nameless: Alteration = |response| {
        edit(response, |page| {
            for event in page["events"].as_array_mut().expect("events") {
                if event["id"] == "e3" {
                    *event = json!({"title": "no id"});
                }
            }
        });
    };
    sandbox.inject(usize::MAX, Fault::altered(nameless));
    let stopped = community.events().read_all().expect_err("the third has no id");
    assert_eq!(stopped.items.len(), 2);
    let rest = community.events().resume_at(&stopped.position);
    let rest = rest.expect("the same list").read_all().expect("the rest");
    let ids: Vec<String> = rest.into_iter().map(|event| event.id).collect();
    assert_eq!(ids, ["e4", "e5"]);
}

#[test]
fn a_position_is_the_same_whatever_the_order_of_the_filters() {
    let (_, community, _server) = community(0);
    let moment = |text: &str| text.parse::<Timestamp>().expect("a moment");
    let (since, until) = (moment("2026-01-01T00:00:00Z"), moment("2026-02-01T00:00:00Z"));
    let one = community.events().starting_after(since).starting_before(until);
    let other = community.events().starting_before(until).starting_after(since);
    assert_eq!(one.position(), other.position());
    assert_ne!(one.position(), community.events().position());
    let printed = community.events().position().to_string();
    assert_eq!(printed, "heylo/communityEvents 66a1fb608b8a379b start");
}

#[test]
fn a_position_of_another_list_is_rejected() {
    let (_, client, _server) = account(3);
    let (_, community, _server) = community(3);
    let alerts = client.alerts().position();
    let of_one = client.mentions().alert("a1").position();
    assert!(client.mentions().resume_at(&alerts).is_err());
    assert!(client.mentions().alert("a2").resume_at(&of_one).is_err());
    assert!(client.mentions().alert("a1").resume_at(&of_one).is_ok());
    assert!(community.events().resume_at(&alerts).is_err());
    let error = client.mentions().resume_at(&alerts).expect_err("another list");
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    for text in ["heylerts/alerts cbf29ce484222325 x of 3", "heylerts/alerts cbf29ce484222325 9"] {
        let position: Position = text.parse().expect("the shape of a position");
        assert!(client.alerts().resume_at(&position).is_err(), "{text}");
    }
}

#[test]
fn a_position_that_was_cut_off_anywhere_is_rejected_before_anything_is_sent() {
    let (sandbox, client, _server) = account(230);
    let (_, community, _server) = community(120);
    let (mut alerts, mut events) = (client.alerts(), community.events());
    let starts = [alerts.position(), events.position()];
    alerts.by_ref().take(110).for_each(drop);
    events.by_ref().take(110).for_each(drop);
    let before = sandbox.requests().len();
    for position in [alerts.position(), events.position()].into_iter().chain(starts) {
        let whole = position.to_string();
        let is_taken = |line: &str| {
            line.parse().is_ok_and(|position: Position| {
                client.alerts().resume_at(&position).is_ok()
                    || community.events().resume_at(&position).is_ok()
            })
        };
        assert!(is_taken(&whole), "{whole}");
        for end in 0..whole.len() {
            assert!(!is_taken(&whole[..end]), "{}", &whole[..end]);
        }
    }
    assert_eq!(sandbox.requests().len(), before);
}

#[test]
fn pages_have_their_numbers_and_totals() -> Result<()> {
    let (sandbox, client, _server) = account(230);
    let mut pages = client.alerts().pages();
    let first = pages.next().expect("a page")?;
    assert_eq!((first.number, first.items.len()), (1, 100));
    assert_eq!((first.total_items, first.total_pages), (Some(230), Some(3)));
    assert_eq!(first.has_more, Some(true));
    let position = pages.position();
    let rest: Vec<usize> = pages.map(|page| page.map_or(0, |page| page.items.len())).collect();
    assert_eq!(rest, [100, 30]);
    assert_eq!(sandbox.requests().len(), 3);
    let resumed = client.alerts().resume_at(&position)?.pages();
    assert_eq!(resumed.map(|page| page.map_or(0, |page| page.items.len())).sum::<usize>(), 130);
    Ok(())
}

#[test]
fn a_limit_is_not_a_page_size() -> Result<()> {
    let (sandbox, client, _server) = account(230);
    assert_eq!(client.alerts().limit(120).count(), 120);
    assert_eq!(client.alerts().limit(0).count(), 0);
    assert_eq!(sandbox.requests().len(), 2);
    assert_eq!(client.alerts().limit(7).page_size(5).count(), 7);
    assert_eq!(sandbox.requests()[2].query, "page=1&per_page=5");
    let sizes: Vec<usize> =
        client.alerts().limit(120).pages().flatten().map(|page| page.items.len()).collect();
    assert_eq!(sizes, [100, 20]);
    Ok(())
}

#[test]
fn the_total_is_known_without_a_further_request() -> Result<()> {
    let (sandbox, client, _server) = account(150);
    let mut pager = client.alerts();
    assert_eq!(pager.size_hint(), (0, None));
    assert_eq!(pager.total_items()?, Some(150));
    assert_eq!(pager.total_items()?, Some(150));
    assert_eq!(pager.size_hint(), (100, None));
    assert_eq!(pager.count(), 150);
    assert_eq!(sandbox.requests().len(), 2);
    Ok(())
}

/// The single item that comes, which must be the error of a late filter.
fn late<T: std::fmt::Debug>(outcomes: impl Iterator<Item = Result<T>>) -> Error {
    let mut outcomes: Vec<Result<T>> = outcomes.collect();
    assert_eq!(outcomes.len(), 1, "{outcomes:?}");
    let error = outcomes.remove(0).expect_err("the filter came too late");
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    error
}

#[test]
fn a_filter_set_after_the_first_item_is_one_error_and_nothing_else() {
    let (sandbox, client, _server) = account(2);
    let alert = sandbox.state().alerts[0].id.clone();
    for source in ["reddit", "brave", "reddit"] {
        sandbox.add_mention(Mention::new(&alert, source).source(source));
    }
    let mut mentions = client.mentions();
    assert!(mentions.next().is_some());
    let error = late(mentions.source("reddit"));
    assert!(error.to_string().starts_with("GET /mentions: the filter `source`"), "{error}");
    assert_eq!(sandbox.requests().len(), 1);

    let mut counted = client.mentions();
    assert_eq!(counted.total_items().expect("a total"), Some(3));
    late(counted.source("reddit").pages());
    let mut finished = client.alerts();
    finished.by_ref().for_each(drop);
    let mut finished = finished.parameter("q", "x");
    assert_eq!(finished.total_items().expect_err("late").kind(), ErrorKind::InvalidInput);
    assert!(finished.next().is_none() && finished.next().is_none());
}

#[test]
fn a_filter_set_after_resuming_is_one_error_and_nothing_is_sent() {
    let (sandbox, client, _server) = account(2);
    let position = client.alerts().position();
    late(client.alerts().resume_at(&position).expect("the same list").parameter("q", "x"));
    let resumed = client.alerts().resume_at(&position).expect("the same list");
    let rejected = resumed.parameter("q", "x").resume_at(&position);
    assert_eq!(rejected.expect_err("late").kind(), ErrorKind::InvalidInput);
    assert!(sandbox.requests().is_empty());

    let (sandbox, community, _server) = community(3);
    let mut events = community.events();
    events.next();
    let requests = sandbox.requests().len();
    late(events.parameter("drafts", true));
    assert_eq!(sandbox.requests().len(), requests);
}

#[test]
fn heylo_reports_no_total_and_gets_no_request_for_one() {
    let (sandbox, community, _server) = community(3);
    assert_eq!(community.events().total_items().expect("nothing was sent"), None);
    assert!(sandbox.requests().is_empty());
}

#[test]
fn an_iterator_that_was_used_up_starts_again_at_the_position_it_resumes_at() {
    let (sandbox, client, _server) = account(25);
    let start = client.alerts().position();
    let mut alerts = client.alerts().page_size(10).limit(12);
    assert_eq!(alerts.by_ref().count(), 12);
    let after = alerts.position();
    let mut alerts = alerts.resume_at(&after).expect("the same list");
    assert_eq!(names(alerts.by_ref()), numbered(13..=24));
    let alerts = alerts.limit(100).resume_at(&start).expect("the same list");
    assert_eq!(names(alerts), numbered(1..=25));
    assert!(sandbox.requests().iter().all(|request| request.query.ends_with("per_page=10")));
}

#[test]
fn one_function_takes_the_iterators_of_both_services() -> Result<()> {
    fn first<Item>(pager: Pager<Item>) -> Option<Result<Value>> {
        pager.decode_as().next()
    }
    fn send<T: Send>(value: T) -> T {
        value
    }
    struct Stored {
        alerts: heylerts::Alerts,
        events: heylo::Events,
    }
    let ((_, client, _one), (_, community, _other)) = (account(1), community(1));
    let stored = send(Stored { alerts: client.alerts(), events: community.events() });
    assert_eq!(first(stored.alerts).expect("an alert")?["name"], "alert 1");
    assert_eq!(first(stored.events).expect("an event")?["id"], "e1");
    Ok(())
}

#[test]
fn a_position_is_stored_as_a_string() {
    let (_, client, _server) = account(3);
    let mut alerts = client.alerts();
    alerts.next();
    let position = alerts.position();
    let stored = json!({"position": position});
    assert_eq!(stored["position"], position.to_string());
    let read: Position = serde_json::from_value(stored["position"].clone()).expect("a position");
    assert_eq!(read, position);
    assert!(serde_json::from_value::<Position>(json!("nonsense")).is_err());
}

#[test]
fn items_are_decoded_into_the_callers_own_type() -> Result<()> {
    #[derive(serde::Deserialize)]
    struct Mine {
        id: String,
        keyword: String,
    }
    let (_, client, _server) = account(2);
    let mine: Vec<Mine> = client.alerts().decode_as::<Mine>().collect::<Result<_>>()?;
    assert!(mine.iter().all(|mine| !mine.id.is_empty() && mine.keyword == "keyword"));
    Ok(())
}

#[test]
fn models_are_written_as_they_came() {
    let mention = json!({"id": "m1", "alert_id": null, "source": "mastodon", "url": "https://x.example",
        "title": "T", "snippet": null, "author": "u/a", "sentiment": "negative", "relevance_score": 0.87,
        "found_at": "2026-05-08T11:00:00Z", "published_at": null, "ignored": false, "language": "de",
        "nested": {"deep": [1, null]}});
    let read: heylerts::Mention = serde_json::from_value(mention.clone()).expect("a mention");
    assert_eq!(json!(read), mention);
    for event in [json!({"eventId": 7, "when": {"start": 1.5}}), json!({"id": "e1", "host": null})]
    {
        let read: heylo::Event = serde_json::from_value(event.clone()).expect("an event");
        assert_eq!(json!(read), event);
    }
    let record = json!({"id": 7, "status": "going", "guests": [null]});
    let read: heylo::Attendance = serde_json::from_value(record.clone()).expect("a record");
    assert_eq!(json!(read), record);
}

/// The ids of events, without the letter in front.
fn event_numbers(events: impl Iterator<Item = Result<heylo::Event>>) -> Vec<u32> {
    events.map(|event| event.expect("an event").id[1..].parse().expect("a number")).collect()
}

fn delete_events(sandbox: &Heylo, ids: &[&str]) {
    sandbox.change(|state| {
        state.communities[0].events.retain(|event| !ids.contains(&event.id.as_str()));
    });
}

#[test]
fn the_events_that_are_cursors_may_be_deleted_between_two_pages() {
    for unknown in [UnknownCursor::Error, UnknownCursor::Restart, UnknownCursor::Empty] {
        for doomed in [&["e40"][..], &["e39"], &["e39", "e40"], &["e37", "e38", "e39", "e40"]] {
            let (sandbox, community, _server) = community(119);
            sandbox.change(|state| state.settings.unknown_cursor = unknown);
            sandbox.before(2, |sandbox| delete_events(sandbox, doomed));
            let came = event_numbers(community.events().page_size(40));
            assert_eq!(came, (1..=119).collect::<Vec<_>>(), "{unknown:?}, {doomed:?}");
        }
    }
}

#[test]
fn a_position_survives_the_deletion_of_either_of_its_events() {
    for unknown in [UnknownCursor::Error, UnknownCursor::Restart, UnknownCursor::Empty] {
        for doomed in [&["e36"], &["e37"]] {
            let (sandbox, community, _server) = community(119);
            sandbox.change(|state| state.settings.unknown_cursor = unknown);
            let mut events = community.events();
            assert_eq!(events.by_ref().take(37).count(), 37);
            let saved = events.position().to_string();
            delete_events(&sandbox, doomed);
            let resumed = community.events().resume_at(&saved.parse().expect("a position"));
            let came = event_numbers(resumed.expect("the same list"));
            assert_eq!(came, (38..=119).collect::<Vec<_>>(), "{unknown:?}, {doomed:?}");
        }
    }
}

#[test]
fn a_position_whose_events_are_both_gone_is_an_error_with_a_hint() {
    for unknown in [UnknownCursor::Error, UnknownCursor::Restart, UnknownCursor::Empty] {
        let (sandbox, community, _server) = community(119);
        sandbox.change(|state| state.settings.unknown_cursor = unknown);
        let mut events = community.events();
        assert_eq!(events.by_ref().take(37).count(), 37);
        delete_events(&sandbox, &["e36", "e37"]);
        let resumed = community.events().resume_at(&events.position()).expect("the same list");
        let error = resumed.read_all().expect_err("nothing to continue from").error;
        assert!(error.hint().is_some_and(|hint| hint.contains("from its beginning")), "{error:?}");
        assert!(error.to_string().starts_with("POST /apiv1-fetch communityEvents: "), "{error}");
    }
}

#[test]
fn a_server_that_is_down_gets_one_more_request() {
    let (sandbox, community, _server) = community(119);
    let mut events = community.events().page_size(40);
    assert_eq!(events.by_ref().take(40).count(), 40);
    sandbox.inject(usize::MAX, Fault::ServerError(FaultPoint::BeforeEffect));
    let error = events.next().expect("an item").expect_err("an outage");
    assert_eq!((error.kind(), sandbox.requests().len()), (ErrorKind::Server, 3));
}

#[test]
fn an_outage_is_not_mistaken_for_a_deleted_event() {
    let (sandbox, community, _server) = community(119);
    let mut events = community.events().page_size(40);
    assert_eq!(events.by_ref().take(40).count(), 40);
    sandbox.inject(usize::MAX, Fault::BadGateway(FaultPoint::BeforeEffect));
    let error = events.next().expect("an item").expect_err("an outage");
    assert_eq!((error.kind(), sandbox.requests().len()), (ErrorKind::Server, 2));
}

#[test]
fn a_server_that_refuses_every_cursor_is_reported_in_its_own_words() {
    let (sandbox, community, _server) = community(119);
    sandbox.inject_if(usize::MAX, Fault::altered(reject), |request| {
        request.json().get("lastEventId").is_some()
    });
    let (good, bad): (Vec<_>, Vec<_>) = community.events().page_size(40).partition(Result::is_ok);
    assert_eq!((good.len(), bad.len()), (40, 1));
    let error = bad.into_iter().find_map(Result::err).expect("an error");
    assert_eq!((error.kind(), error.message()), (ErrorKind::Rejected, "paging is switched off"));
    assert!(sandbox.requests().len() < 20, "{}", sandbox.requests().len());
}

fn reject(response: &mut http::Response<Vec<u8>>) {
    *response.status_mut() = http::StatusCode::BAD_REQUEST;
    *response.body_mut() = br#"{"error": "paging is switched off"}"#.to_vec();
}

/// Changes the text of a response.
fn rewrite(response: &mut http::Response<Vec<u8>>, change: impl FnOnce(String) -> String) {
    let text = String::from_utf8(response.body().clone()).expect("a text");
    *response.body_mut() = change(text).into_bytes();
}

#[test]
fn json_that_rust_cannot_hold_costs_the_character_or_the_number_and_no_item() {
    let alterations: [Alteration; 5] = [
        |response| rewrite(response, |text| text.replacen("alert 2", r"alert \ud83d", 1)),
        |response| rewrite(response, |text| text.replacen(r#""items":["#, r#""items":[null,"#, 1)),
        |response| {
            rewrite(response, |text| text.replacen(r#""name""#, r#""odd":1e400,"name""#, 2));
        },
        |response| rewrite(response, |text| format!("\u{feff}{text}")),
        |response| {
            rewrite(response, |text| text.replacen(r#""items""#, r#""\udead":1,"items""#, 1));
        },
    ];
    for alteration in alterations {
        let (sandbox, client, _server) = account(3);
        sandbox.inject(1, Fault::altered(alteration));
        let names = names(client.alerts());
        assert_eq!((names.len(), names[0].as_str()), (3, "alert 1"));
        assert!(["alert 2", "alert \u{fffd}"].contains(&names[1].as_str()), "{names:?}");
        assert_eq!(sandbox.requests().len(), 1, "nothing is requested twice");
    }
}

#[test]
fn ids_beyond_64_bits_stay_apart() {
    let (sandbox, community, _server) = community(3);
    let huge = ["123456789012345678901234567890", "123456789012345678901234567891"];
    let alteration: Alteration = |response| {
        let page = r#"{"events": [{"id": 123456789012345678901234567890},
            {"eventId": 123456789012345678901234567891}]}"#;
        rewrite(response, |_| page.to_owned());
    };
    sandbox.inject(1, Fault::altered(alteration));
    let mut events = community.events();
    let ids: Vec<String> =
        events.by_ref().take(2).map(|event| event.expect("an event").id).collect();
    assert_eq!(ids, huge);
    let _ = events.next();
    assert_eq!(sandbox.requests()[1].json()["lastEventId"], huge[1]);
}

/// What may happen to a request in the middle of a list.
fn faults() -> [Fault; 5] {
    [
        Fault::BadGateway(FaultPoint::BeforeEffect),
        Fault::Cut(FaultPoint::AfterEffect),
        Fault::ServerError(FaultPoint::BeforeEffect),
        Fault::Truncated,
        Fault::WrongType,
    ]
}

#[test]
fn events_come_exactly_once_over_a_connection_that_fails_again_and_again() {
    let (sandbox, community, _server) = patient_community(450, 3);
    // The last one would be the same each time, and is not retried.
    for (nth, fault) in faults().into_iter().take(4).enumerate() {
        let name = format!("{fault:?}");
        let mut events = community.events();
        let mut came = event_numbers(events.by_ref().take(99 * nth + 1));
        sandbox.inject(3, fault);
        came.extend(event_numbers(events.by_ref()));
        sandbox.clear_faults();
        assert_eq!(came, (1..=450).collect::<Vec<_>>(), "{name}");
    }
}

#[test]
fn events_are_read_on_after_each_failure_and_come_exactly_once() {
    let (sandbox, community, _server) = community(450);
    let mut position = community.events().position();
    let mut came = Vec::new();
    for fault in faults() {
        let mut events = community.events().resume_at(&position).expect("the list");
        came.extend(event_numbers(events.by_ref().take(70)));
        sandbox.inject(1, fault);
        came.extend(event_numbers(events.by_ref().take_while(Result::is_ok)));
        sandbox.clear_faults();
        position = events.position();
    }
    came.extend(event_numbers(community.events().resume_at(&position).expect("the list")));
    assert_eq!(came, (1..=450).collect::<Vec<_>>());
}
