//! Walks over the listings of both services, which change, fail and come back.

use heysync::heylerts::Alert;
use heysync::page::Position;
use heysync::sandbox::heylerts::{Alert as Made, Mention};
use heysync::sandbox::heylo::{Community, Event};
use heysync::sandbox::{Heylerts, Heylo, Moment, TestClock, Trouble};
use heysync::{Config, Error, ErrorKind, Result, heylerts, heylo};
use serde_json::{Value, json};
use std::time::{Duration, SystemTime};

/// An account with so many alerts, `alert 1` the newest, and a client on a clock that takes no time.
fn account(alerts: usize) -> (Heylerts, heylerts::Client) {
    let clock = TestClock::new();
    let sandbox = Heylerts::new().clock(clock.clone());
    for number in (1..=alerts).rev() {
        sandbox.add_alert(Made::new(format!("alert {number}"), "keyword"));
    }
    let config = Config::new()
        .transport(sandbox.clone())
        .clock(clock)
        .retries(0);
    (
        sandbox,
        heylerts::Client::with_config("hlt_walks", config).expect("a client"),
    )
}

/// A group with so many events, and a client on a clock that takes no time.
fn group(events: u32) -> (Heylo, heylo::Community) {
    let clock = TestClock::new();
    let start = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    let day = Duration::from_secs(86_400);
    let community = (1..=events).fold(Community::new("club"), |community, number| {
        community.event(Event::new(format!("e{number}"), start + day * number))
    });
    let sandbox = Heylo::new().community(community).clock(clock.clone());
    let config = Config::new()
        .transport(sandbox.clone())
        .clock(clock)
        .retries(0);
    let client = heylo::Client::with_config("walks", config).expect("a client");
    (sandbox, client.community("club"))
}

fn names(walk: impl IntoIterator<Item = Result<Alert>>) -> Vec<String> {
    walk.into_iter()
        .map(|alert| alert.expect("an alert").name)
        .collect()
}

fn numbered(numbers: impl IntoIterator<Item = usize>) -> Vec<String> {
    numbers
        .into_iter()
        .map(|number| format!("alert {number}"))
        .collect()
}

#[test]
fn nothing_is_requested_before_the_first_item() {
    let (sandbox, client) = account(3);
    let walk = client.alerts().limit(2);
    assert!(sandbox.requests().is_empty());
    assert_eq!(names(walk).len(), 2);
    assert_eq!(sandbox.requests().len(), 1);
    assert_eq!(sandbox.requests()[0].query, "page=1&per_page=100");
}

#[test]
fn alerts_that_are_created_meanwhile_push_nothing_into_view_twice() {
    let (sandbox, client) = account(250);
    sandbox.before(2, |sandbox| {
        (0..30)
            .for_each(|number| drop(sandbox.add_alert(Made::new(format!("late {number}"), "x"))));
    });
    let came = names(client.alerts());
    assert_eq!(came, numbered(1..=250));
}

#[test]
fn alerts_that_are_deleted_meanwhile_pull_nothing_out_of_view() {
    let (sandbox, client) = account(250);
    let elsewhere = client.clone();
    let doomed: Vec<String> = elsewhere
        .alerts()
        .take(60)
        .map(|alert| alert.expect("an alert").id)
        .collect();
    let before = sandbox.requests().len();
    sandbox.before(before + 2, move |sandbox| {
        sandbox.change(|world| world.alerts.retain(|alert| !doomed.contains(&alert.id)));
    });
    assert_eq!(names(client.alerts()), numbered(1..=250));
}

#[test]
fn deleting_what_is_walked_over_deletes_all_of_it() -> Result<()> {
    let (sandbox, client) = account(230);
    for alert in client.alerts() {
        client.delete_alert(&alert?.id)?;
    }
    assert!(sandbox.state().alerts.is_empty());
    assert_eq!(sandbox.refusals(), 0);
    Ok(())
}

#[test]
fn a_list_that_stands_still_costs_as_many_requests_as_it_has_pages() {
    for (alerts, requests) in [(0, 1), (100, 1), (101, 2), (250, 3)] {
        let (sandbox, client) = account(alerts);
        assert_eq!(names(client.alerts()).len(), alerts);
        assert_eq!(sandbox.requests().len(), requests, "{alerts} alerts");
    }
}

#[test]
fn events_are_read_to_the_empty_page_however_the_service_pages() {
    for (short, inclusive) in [(false, false), (true, false), (false, true), (true, true)] {
        let (sandbox, group) = group(230);
        sandbox.change(|world| {
            world.settings.short_pages = short;
            world.settings.inclusive_cursor = inclusive;
        });
        let events = group.events().read_all().expect("all events");
        let ids: Vec<String> = events.into_iter().map(|event| event.id).collect();
        let expected: Vec<String> = (1..=230).map(|number| format!("e{number}")).collect();
        assert_eq!(ids, expected, "short {short}, inclusive {inclusive}");
    }
}

#[test]
fn one_bad_item_is_one_error_in_its_place_with_its_json_at_hand() {
    let (sandbox, client) = account(3);
    sandbox.trouble(
        1,
        Trouble::Altered(|response| {
            let mut page: Value = serde_json::from_slice(response.body()).expect("a page");
            page["items"][1] = json!({"id": 7, "name": "odd"});
            *response.body_mut() = page.to_string().into_bytes();
        }),
    );
    let outcomes: Vec<Result<Alert>> = client.alerts().collect();
    assert_eq!(outcomes.len(), 3);
    let error = outcomes[1].as_ref().expect_err("the odd one");
    assert_eq!(error.kind(), ErrorKind::Unreadable);
    assert_eq!(
        serde_json::from_slice::<Value>(error.body()).expect("JSON")["name"],
        "odd"
    );
    assert!(outcomes[0].is_ok() && outcomes[2].is_ok());
}

#[test]
fn a_failed_request_is_one_error_and_then_nothing_for_ever() {
    let (sandbox, client) = account(150);
    let fail_second = |sandbox: &Heylerts| {
        sandbox.trouble_where(usize::MAX, Trouble::BadGateway(Moment::Before), |request| {
            request.query.contains("page=2")
        });
    };
    fail_second(&sandbox);
    let mut walk = client.alerts();
    let failed = walk.by_ref().filter(Result::is_err).count();
    assert_eq!(failed, 1);
    assert!(walk.next().is_none() && walk.next().is_none());
    assert_eq!(walk.size_hint(), (0, Some(0)));
    assert_eq!(client.alerts().flatten().count(), 100);
    assert_eq!(client.alerts().filter_map(Result::ok).count(), 100);
    let collected = client.alerts().collect::<Result<Vec<_>>>();
    assert_eq!(collected.expect_err("a 502").kind(), ErrorKind::Server);
}

#[test]
fn what_was_read_is_kept_when_a_walk_fails_and_the_rest_is_read_later() {
    let (sandbox, client) = account(230);
    sandbox.trouble_where(1, Trouble::Cut(Moment::Before), |request| {
        request.query.contains("page=3")
    });
    let interrupted = client
        .alerts()
        .read_all()
        .expect_err("the third page is cut");
    assert_eq!(interrupted.items.len(), 200);
    assert_eq!(interrupted.error.kind(), ErrorKind::NoAnswer);
    let saved = interrupted.position.to_string();

    let position: Position = saved.parse().expect("a position");
    let rest = client.alerts().resume_at(&position).expect("the same list");
    assert_eq!(names(rest), numbered(201..=230));
    assert_eq!(Error::from(interrupted).kind(), ErrorKind::NoAnswer);
}

#[test]
fn a_script_that_was_killed_goes_on_behind_the_last_item_it_saw() {
    let (sandbox, group) = group(120);
    let mut walk = group.events();
    let seen: Vec<String> = walk
        .by_ref()
        .take(37)
        .map(|event| event.expect("an event").id)
        .collect();
    let saved = walk.position().to_string();
    drop(walk);

    let walk = group
        .events()
        .resume_at(&saved.parse().expect("a position"))
        .expect("the same list");
    let rest: Vec<String> = walk.map(|event| event.expect("an event").id).collect();
    assert_eq!(seen.len() + rest.len(), 120);
    assert_eq!(rest.first().map(String::as_str), Some("e38"));
    assert_eq!(sandbox.requests()[1].json()["lastEventId"], "e37");
}

#[test]
fn a_position_of_another_list_is_refused() {
    let (_, client) = account(3);
    let (_, group) = group(3);
    let alerts = client.alerts().position();
    let of_one = client.mentions().alert("a1").position();
    assert!(client.mentions().resume_at(&alerts).is_err());
    assert!(client.mentions().alert("a2").resume_at(&of_one).is_err());
    assert!(client.mentions().alert("a1").resume_at(&of_one).is_ok());
    assert!(group.events().resume_at(&alerts).is_err());
    let error = client
        .mentions()
        .resume_at(&alerts)
        .expect_err("another list");
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    for text in [
        "heylerts/alerts cbf29ce484222325 x of 3",
        "heylerts/alerts cbf29ce484222325 9",
    ] {
        let position: Position = text.parse().expect("the shape of a position");
        assert!(client.alerts().resume_at(&position).is_err(), "{text}");
    }
}

#[test]
fn pages_tell_their_numbers_and_totals() -> Result<()> {
    let (sandbox, client) = account(230);
    let mut pages = client.alerts().pages();
    let first = pages.next().expect("a page")?;
    assert_eq!((first.number, first.items.len()), (1, 100));
    assert_eq!((first.total_items, first.total_pages), (Some(230), Some(3)));
    assert_eq!(first.has_more, Some(true));
    let position = pages.position();
    let rest: Vec<usize> = pages
        .map(|page| page.map_or(0, |page| page.items.len()))
        .collect();
    assert_eq!(rest, [100, 30]);
    assert_eq!(sandbox.requests().len(), 3);
    let resumed = client.alerts().resume_at(&position)?.pages();
    assert_eq!(
        resumed
            .map(|page| page.map_or(0, |page| page.items.len()))
            .sum::<usize>(),
        130
    );
    Ok(())
}

#[test]
fn a_limit_is_not_a_page_size() -> Result<()> {
    let (sandbox, client) = account(230);
    assert_eq!(client.alerts().limit(120).count(), 120);
    assert_eq!(client.alerts().limit(0).count(), 0);
    assert_eq!(sandbox.requests().len(), 2);
    assert_eq!(client.alerts().limit(7).page_size(5).count(), 7);
    assert_eq!(sandbox.requests()[2].query, "page=1&per_page=5");
    let sizes: Vec<usize> = client
        .alerts()
        .limit(120)
        .pages()
        .flatten()
        .map(|page| page.items.len())
        .collect();
    assert_eq!(sizes, [100, 20]);
    Ok(())
}

#[test]
fn the_total_is_known_without_a_further_request() -> Result<()> {
    let (sandbox, client) = account(150);
    let mut walk = client.alerts();
    assert_eq!(walk.size_hint(), (0, None));
    assert_eq!(walk.total_items()?, Some(150));
    assert_eq!(walk.total_items()?, Some(150));
    assert_eq!(walk.size_hint(), (100, None));
    assert_eq!(walk.count(), 150);
    assert_eq!(sandbox.requests().len(), 2);
    Ok(())
}

#[test]
fn a_filter_set_late_starts_the_walk_anew() {
    let (sandbox, client) = account(1);
    let alert = sandbox.state().alerts[0].id.clone();
    for source in ["reddit", "brave", "reddit"] {
        sandbox.add_mention(Mention::new(&alert, source).source(source));
    }
    let mut walk = client.mentions();
    assert!(walk.next().is_some());
    assert_eq!(walk.source("reddit").count(), 2);
}

#[test]
fn items_are_decoded_into_the_callers_own_type() -> Result<()> {
    #[derive(serde::Deserialize)]
    struct Mine {
        id: String,
        keyword: String,
    }
    let (_, client) = account(2);
    let mine: Vec<Mine> = client.alerts().typed::<Mine>().collect::<Result<_>>()?;
    assert!(
        mine.iter()
            .all(|mine| !mine.id.is_empty() && mine.keyword == "keyword")
    );
    Ok(())
}
