//! A script in the style of the README, which cannot tell where it runs.

use heysync::heylerts::{AlertPatch, NewAlert, Sentiment};
use heysync::heylo::{NewMember, RoleUpdate};
use heysync::sandbox::heylo::{Acknowledgement, EventId};
use heysync::sandbox::{Services, TimeStyle, heylerts as made_alerts, heylo as made_groups};
use heysync::{Timestamp, heylerts, heylo};

use crate::setup::{Setup, WAYS, Way};

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
    let update = RoleUpdate::new().add(["user-9", "user-39"]).remove(["user-1"]);
    let change = group.role("captains").update(&update)?;
    told.push(format!("{:?} {:?}", change.added, change.ignored));
    group.remove_member("user-7")?;
    group.invite(&NewMember::new("user-42").first_name("Ada"))?;
    told.push(format!("{:?}", heylerts.hello()?.user.email));
    let alert = heylerts.create_alert(&NewAlert::new("Competitor X", "competitor x"))?;
    let paused = heylerts.update_alert(&alert.id, &AlertPatch::new().is_active(false))?;
    told.push(format!("{} {} {}", alert.id, paused.name, paused.is_active));
    for mention in heylerts.mentions().sentiment(Sentiment::Negative) {
        let mention = mention?;
        told.push(format!("{} {:?}", mention.url, mention.found_at));
    }
    told.push(heylerts.stats()?.total.to_string());
    heylerts.delete_alert(&alert.id)?;
    let missing = heylerts.get_alert(&alert.id).map_err(|error| error.to_string());
    told.push(format!("{:?}", missing.map(|alert| alert.id)));
    Ok(told)
}

/// What the script tells, and what came of it, in a world of these settings.
fn run(way: Way, settings: impl FnOnce(&Services)) -> (Vec<String>, Vec<String>, String) {
    let setup = Setup::new(way);
    settings(&setup.services);
    let told = script(&setup.heylo, &setup.heylerts).unwrap();
    assert_eq!(setup.refusals(), 0);
    let Services { heylo, heylerts } = &setup.services;
    let left = format!("{:?} {:?}", heylo.state().communities, heylerts.state().alerts);
    (told, setup.journal(), left)
}

#[test]
fn a_script_does_the_same_in_memory_and_over_a_socket() {
    let [inside, outside] = WAYS.map(|way| run(way, |_| {}));
    assert!(inside.0.len() > 50, "{inside:?}");
    assert_eq!(inside, outside);
}

#[test]
fn a_script_tells_the_same_whatever_the_vendors_pages_leave_open() {
    fn heylo(change: fn(&mut made_groups::Settings)) -> Box<dyn Fn(&Services)> {
        Box::new(move |services| services.heylo.change(|world| change(&mut world.settings)))
    }
    fn heylerts(change: fn(&mut made_alerts::Settings)) -> Box<dyn Fn(&Services)> {
        Box::new(move |services| services.heylerts.change(|world| change(&mut world.settings)))
    }
    let (told, _, left) = run(Way::InMemory, |_| {});
    let readings = [
        heylo(|it| it.short_pages = true),
        heylo(|it| it.inclusive_cursor = true),
        heylo(|it| it.event_id = EventId::EventId),
        heylo(|it| it.event_id = EventId::Number),
        heylo(|it| it.acknowledgement = Acknowledgement::Text),
        heylo(|it| it.acknowledgement = Acknowledgement::Empty),
        heylo(|it| it.names_only_changes = true),
        heylo(|it| it.invite_is_created = true),
        heylo(|it| it.absent_is_removed = true),
        heylerts(|it| it.time_style = TimeStyle::Offset),
        heylerts(|it| it.time_style = TimeStyle::Naive),
        heylerts(|it| it.create_is_ok = true),
        heylerts(|it| it.unknown_alert_is_missing = true),
        heylerts(|it| it.tells_what_is_left = true),
    ];
    for (number, reading) in readings.iter().enumerate() {
        let [inside, outside] = WAYS.map(|way| run(way, reading));
        assert_eq!((&inside.0, &inside.2), (&told, &left), "reading {number}");
        assert_eq!(inside, outside, "reading {number}");
    }
}
