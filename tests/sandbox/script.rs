//! A script in the style of the README does the same in memory and over a socket.

use std::time::Duration;

use heysync::heylerts::{AlertPatch, NewAlert, Sentiment};
use heysync::heylo::{NewMember, RoleUpdate};
use heysync::sandbox::heylo::{EventIdFormat, MonthFormat, SuccessBody, UnknownCursor};
use heysync::sandbox::{
    Services, TimestampFormat, heylerts as heylerts_sandbox, heylo as heylo_sandbox,
};
use heysync::{Timestamp, heylerts, heylo};

use crate::setup::{Setup, WAYS, Way};

/// A script as a reader of the README might write it. Returns the lines that it prints.
fn script(heylo: &heylo::Client, heylerts: &heylerts::Client) -> heysync::Result<Vec<String>> {
    let mut lines = Vec::new();
    let community = heylo.community("harbour-runners");
    let since: Timestamp = "2026-05-01T00:00:00Z".parse()?;
    for event in community.events().starting_after(since) {
        let event = event?;
        let records = community.attendance(&event.id)?.len();
        lines.push(format!("{}: {records} records", event.json["title"]));
    }
    for role in community.roles()? {
        lines.push(format!("{} {:?}", role.id, community.role(&role.id).members()?));
    }
    let update = RoleUpdate::new().add(["user-9", "user-39"]).remove(["user-1"]);
    let change = community.role("captains").update(&update)?;
    lines.push(format!("{:?} {:?}", change.added, change.ignored));
    community.remove_member("user-7")?;
    community.invite(&NewMember::new("user-42").first_name("Ada").email("ada@example.com"))?;
    lines.push(format!("{:?}", heylerts.hello()?.user.email));
    let alert = heylerts.create_alert(&NewAlert::new("Competitor X", "competitor x"))?;
    let paused = heylerts.update_alert(&alert.id, &AlertPatch::new().active(false))?;
    lines.push(format!("{} {} {}", alert.id, paused.name, paused.is_active));
    for mention in heylerts.mentions().sentiment(Sentiment::Negative) {
        let mention = mention?;
        lines.push(format!("{} {:?}", mention.url, mention.found_at));
    }
    lines.push(heylerts.stats()?.total.to_string());
    heylerts.delete_alert(&alert.id)?;
    let missing = heylerts.get_alert(&alert.id).map_err(|error| error.message().to_owned());
    lines.push(format!("{:?}", missing.map(|alert| alert.id)));
    Ok(lines)
}

/// Runs the script with these settings. Returns its lines, the requests, and the data afterwards.
fn run(way: Way, settings: impl FnOnce(&Services)) -> (Vec<String>, Vec<String>, String) {
    let setup = Setup::new(way);
    settings(&setup.services);
    let lines = script(&setup.heylo, &setup.heylerts).unwrap();
    assert_eq!(setup.rate_limit_hits(), 0);
    let Services { heylo, heylerts } = &setup.services;
    let left = format!("{:?} {:?}", heylo.state().communities, heylerts.state().alerts);
    (lines, setup.request_log(), left)
}

#[test]
fn a_script_does_the_same_in_memory_and_over_a_socket() {
    let [inside, outside] = WAYS.map(|way| run(way, |_| {}));
    assert!(inside.0.len() > 50, "{inside:?}");
    assert_eq!(inside, outside);
}

#[test]
fn a_script_prints_the_same_with_every_undocumented_behaviour() {
    fn heylo(change: fn(&mut heylo_sandbox::Settings)) -> Box<dyn Fn(&Services)> {
        Box::new(move |services| services.heylo.change(|state| change(&mut state.settings)))
    }
    fn heylerts(change: fn(&mut heylerts_sandbox::Settings)) -> Box<dyn Fn(&Services)> {
        Box::new(move |services| services.heylerts.change(|state| change(&mut state.settings)))
    }
    let (lines, _, left) = run(Way::InMemory, |_| {});
    let behaviours = [
        heylo(|it| it.short_pages = true),
        heylo(|it| it.inclusive_cursor = true),
        heylo(|it| it.event_id_format = EventIdFormat::EventId),
        heylo(|it| it.event_id_format = EventIdFormat::Number),
        heylo(|it| it.success_body = SuccessBody::Text),
        heylo(|it| it.success_body = SuccessBody::Empty),
        heylo(|it| it.update_returns_only_changes = true),
        heylo(|it| it.invite_returns_201 = true),
        heylo(|it| it.removal_of_absent_succeeds = true),
        heylo(|it| it.unknown_cursor = UnknownCursor::Restart),
        heylo(|it| it.unknown_cursor = UnknownCursor::Empty),
        heylo(|it| it.month_format = MonthFormat::Full),
        heylo(|it| it.invite_requires_contact = true),
        heylo(|it| it.invite_duration = Duration::from_secs(3)),
        heylerts(|it| it.timestamp_format = TimestampFormat::Offset),
        heylerts(|it| it.timestamp_format = TimestampFormat::NoOffset),
        heylerts(|it| it.create_returns_200 = true),
        heylerts(|it| it.unknown_alert_returns_404 = true),
        heylerts(|it| it.sends_rate_limit_headers = true),
        heylerts(|it| it.malformed_id_returns_422 = true),
        heylerts(|it| it.unknown_filter_returns_422 = true),
        heylerts(|it| it.create_duration = Duration::from_secs(3)),
        heylerts(|it| it.list_lag = Duration::from_secs(3)),
    ];
    for (number, behaviour) in behaviours.iter().enumerate() {
        let [inside, outside] = WAYS.map(|way| run(way, behaviour));
        assert_eq!((&inside.0, &inside.2), (&lines, &left), "behaviour {number}");
        assert_eq!(inside, outside, "behaviour {number}");
    }
}
