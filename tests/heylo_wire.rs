//! Every operation of Heylo over a socket: the request that is sent, and how the response is read.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

use std::collections::HashSet;
use std::error::Error as _;

use heysync::heylo::{
    Community, Event, Gender, MemberOutcome, Month, NewMember, Role, RoleMembers, RoleUpdate,
    RoleUpdateError,
};
use heysync::page::Position;
use heysync::{Call, Date, ErrorKind, Safety, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};

#[path = "support/wire.rs"]
mod wire;

use wire::{Scripted, Wire};

const FETCH: &str = "POST /apiv1-fetch";
const UPDATE: &str = "POST /apiv1-update";
const REMOVE: &str = "POST /apiv1-remove";
const CREATE: &str = "POST /apiv1-create";

fn community(wire: &Wire) -> Community {
    wire.heylo().community("abc123")
}

fn captains(wire: &Wire) -> RoleMembers {
    community(wire).role("captains")
}

/// The endpoint and the body of each request, whose headers are checked.
fn sent(wire: &Wire) -> Vec<(String, Value)> {
    let requests = wire.requests();
    let checked = requests.iter().map(|request| {
        request.assert_headers(("authorization", "Bearer wire-key"));
        (request.line(), request.json())
    });
    checked.collect()
}

/// A request about the community, as [`sent`] returns it.
fn request(endpoint: &str, kind: &str, mut fields: Value) -> (String, Value) {
    fields["type"] = kind.into();
    fields["communityId"] = "abc123".into();
    (endpoint.to_owned(), fields)
}

fn events(ids: &[&str]) -> Scripted {
    let events: Vec<Value> = ids.iter().map(|id| json!({"id": id})).collect();
    Scripted::json(json!({"events": events}))
}

fn ids(events: impl Iterator<Item = heysync::Result<Event>>) -> Vec<String> {
    events.map(|event| event.unwrap().id).collect()
}

/// The request for the page of events after this one, or for the first.
fn request_after(last: Option<&str>) -> (String, Value) {
    let fields = match last {
        Some(last) => json!({"batchSize": 100, "lastEventId": last}),
        None => json!({"batchSize": 100}),
    };
    request(FETCH, "communityEvents", fields)
}

fn user_ids(letter: &str, count: usize) -> Vec<String> {
    (0..count).map(|n| format!("{letter}{n}")).collect()
}

/// The response to an update that applied all of this.
fn applied(added: &[String], removed: &[String]) -> Scripted {
    Scripted::json(json!({"addedUserIds": added, "removedUserIds": removed}))
}

fn members(ids: &[&str]) -> Scripted {
    Scripted::json(json!({"memberUserIds": ids}))
}

// Events.

#[test]
fn events_are_fetched_until_a_page_is_empty_and_the_last_event_was_seen_again() {
    // Since the first page was cut short, one empty page could be a mistake.
    let pages = [&["e1", "e2"][..], &["e3"], &[], &[], &["e3"]];
    let wire = Wire::new(pages.map(events));
    assert_eq!(ids(community(&wire).events()), ["e1", "e2", "e3"]);
    let expected = [None, Some("e2"), Some("e3"), Some("e3"), Some("e2")].map(request_after);
    assert_eq!(sent(&wire), expected);
}

#[test]
fn a_short_page_of_events_is_not_taken_for_the_last() {
    let pages = [&["e1"][..], &["e2"], &["e3", "e4"], &[], &[], &["e4"]];
    let wire = Wire::new(pages.map(events));
    assert_eq!(ids(community(&wire).events().page_size(50)), ["e1", "e2", "e3", "e4"]);
    assert_eq!(wire.requests().len(), 6);
}

#[test]
fn an_event_that_comes_back_with_the_page_after_it_is_left_out() {
    let wire = Wire::new([events(&["e1", "e2"]), events(&["e2", "e3"]), events(&["e3"])]);
    assert_eq!(ids(community(&wire).events()), ["e1", "e2", "e3"]);
    let expected = [None, Some("e2"), Some("e3")].map(request_after);
    assert_eq!(sent(&wire), expected);
}

#[test]
fn every_parameter_of_events_is_sent() {
    let wire = Wire::new([events(&["e8"]), events(&[]), events(&["e8"])]);
    let moment = |text: &str| text.parse::<Timestamp>().unwrap();
    let events = community(&wire)
        .events()
        .starting_after(moment("2026-05-08T13:00:00+02:00"))
        .starting_before(moment("2026-05-08T11:00:01.5Z"))
        .parameter("includeDrafts", true)
        .page_size(7);
    assert_eq!(ids(events), ["e8"]);
    let mut fields = json!({
        "startTimestamp": 1_778_238_000_000_u64,
        "endTimestamp": 1_778_238_001_500_u64,
        "includeDrafts": true,
        "batchSize": 7,
    });
    let first = request(FETCH, "communityEvents", fields.clone());
    fields["lastEventId"] = "e8".into();
    let second = request(FETCH, "communityEvents", fields);
    assert_eq!(sent(&wire), [first.clone(), second, first]);
}

#[test]
fn nothing_is_sent_before_the_first_event_is_requested() {
    let wire = Wire::new([events(&["e1"])]);
    let mut events = community(&wire).events();
    assert!(sent(&wire).is_empty());
    assert_eq!(events.next().unwrap().unwrap().id, "e1");
    assert_eq!(sent(&wire), [request_after(None)]);
}

#[test]
fn a_limit_on_events_is_no_page_size_and_requests_no_page_too_many() {
    let wire = Wire::new([events(&["e1", "e2", "e3"])]);
    assert_eq!(ids(community(&wire).events().limit(2)), ["e1", "e2"]);
    assert_eq!(sent(&wire), [request_after(None)]);
}

#[test]
fn events_are_resumed_at_their_position() {
    let pages = [&["e1", "e2", "e3"][..], &["e2", "e3"], &[], &["e3"]];
    let wire = Wire::new(pages.map(events));
    let mut events = community(&wire).events();
    assert_eq!(ids(events.by_ref().take(2)), ["e1", "e2"]);
    let written = events.position().to_string();
    let position: Position = written.parse().unwrap();
    let resumed = community(&wire).events().resume_at(&position).unwrap();
    assert_eq!(ids(resumed), ["e3"]);
    let expected = [None, Some("e1"), Some("e3"), Some("e2")].map(request_after);
    assert_eq!(sent(&wire), expected);
}

#[test]
fn an_event_is_kept_whole_whatever_its_id_is_called() {
    let sent = [
        json!({"id": "e1", "title": "Tempo run", "host": null}),
        json!({"eventId": "e2", "spots": {"open": 3}}),
        json!({"id": 3}),
    ];
    let page = |events: &[Value]| Scripted::json(json!({"events": events, "next": 1}));
    let wire = Wire::new([page(&sent), page(&[]), page(&sent[2..])]);
    let events: Vec<Event> = community(&wire).events().read_all().unwrap();
    assert_eq!(events.iter().map(|event| &event.id).collect::<Vec<_>>(), ["e1", "e2", "3"]);
    assert_eq!(events.iter().map(|event| &event.json).collect::<Vec<_>>(), sent.each_ref());
}

#[derive(Debug, Deserialize, PartialEq)]
struct Meetup {
    id: String,
    title: String,
}

#[test]
fn events_are_decoded_into_a_type_of_ones_own_and_a_misfit_spoils_only_itself() {
    let page =
        json!([{"id": "e1", "title": "Tempo run"}, {"id": "e2"}, {"id": "e3", "title": "Picnic"}]);
    let wire = Wire::new([Scripted::json(json!({"events": page})), events(&[]), events(&["e3"])]);
    let meetups: Vec<_> = community(&wire).events().decode_as::<Meetup>().collect();
    let meetup = |id: &str, title: &str| Meetup { id: id.into(), title: title.into() };
    assert_eq!(*meetups[0].as_ref().unwrap(), meetup("e1", "Tempo run"));
    assert_eq!(*meetups[2].as_ref().unwrap(), meetup("e3", "Picnic"));
    let misfit = meetups[1].as_ref().unwrap_err();
    assert_eq!((misfit.kind(), misfit.body()), (ErrorKind::Unreadable, &br#"{"id":"e2"}"#[..]));
    assert_eq!(meetups.len(), 3);
}

#[test]
fn a_failed_page_of_events_is_one_error_and_the_end() {
    let wire = Wire::new([events(&["e1"]), Scripted::status(400)]);
    let events: Vec<_> = community(&wire).events().collect();
    assert_eq!(events.len(), 2);
    assert_eq!(events[1].as_ref().unwrap_err().kind(), ErrorKind::Rejected);
}

#[test]
fn events_that_repeat_themselves_or_cannot_be_gone_on_after_are_an_error() {
    let no_id = Scripted::json(json!({"events": [{"title": "nameless"}]}));
    for responses in
        [vec![events(&["e1", "e2"]), events(&["e1", "e2"])], vec![events(&["e1"]), no_id]]
    {
        let requests = responses.len();
        let wire = Wire::new(responses);
        let last = community(&wire).events().last().unwrap();
        assert_eq!(last.unwrap_err().kind(), ErrorKind::NoProgress);
        assert_eq!(wire.requests().len(), requests);
    }
}

#[test]
fn events_that_could_not_be_gone_on_after_are_read_again_from_a_position_before_them() {
    let nameless = Scripted::json(json!({"events": [{"id": "e1"}, {"title": "nameless"}]}));
    let wire = Wire::new([nameless, events(&["e1", "e2"])]);
    let mut list = community(&wire).events();
    let start = list.position();
    let outcomes: Vec<heysync::Result<Event>> = list.by_ref().collect();
    assert_eq!(outcomes.len(), 3);
    assert_eq!(outcomes[2].as_ref().unwrap_err().kind(), ErrorKind::NoProgress);
    let resumed = list.resume_at(&start).unwrap();
    let ids: Vec<String> = resumed.take(2).map(|event| event.unwrap().id).collect();
    assert_eq!(ids, ["e1", "e2"]);
}

// Lists in one response.

#[test]
fn attendance_is_read_for_one_event() {
    let records =
        json!([{"id": 7, "userId": "u1", "status": "going"}, {"userId": "u2", "note": null}]);
    let wire = Wire::new([Scripted::json(json!({"attendance": records}))]);
    let attendance = community(&wire).attendance("e1").unwrap();
    assert_eq!(sent(&wire), [request(FETCH, "eventAttendance", json!({"eventId": "e1"}))]);
    let kept: Vec<&Value> = attendance.iter().map(|record| &record.json).collect();
    assert_eq!(json!(kept), records);
    assert_eq!([&attendance[0].id, &attendance[1].id], [&Some("7".to_owned()), &None]);
    #[derive(Deserialize)]
    struct Record {
        #[serde(rename = "userId")]
        user: String,
    }
    assert_eq!(attendance[1].decode::<Record>().unwrap().user, "u2");
    assert_eq!(attendance[1].decode::<u32>().unwrap_err().kind(), ErrorKind::Unreadable);
}

#[test]
fn roles_are_read_and_written_whole() {
    let roles = json!([{"id": "captains", "name": "Captains"}, {"roleId": 2}, {"name": "no id"}]);
    let wire = Wire::new([Scripted::json(json!({"roles": roles}))]);
    let read = community(&wire).roles().unwrap();
    assert_eq!(sent(&wire), [request(FETCH, "communityRoles", json!({}))]);
    assert_eq!([&read[0].id, &read[1].id, &read[2].id], ["captains", "2", ""]);
    assert_eq!(json!(read), roles);
    #[derive(Deserialize)]
    struct Named {
        name: String,
    }
    assert_eq!(read[0].decode::<Named>().unwrap().name, "Captains");
    assert_eq!(read[1].decode::<Named>().err().unwrap().kind(), ErrorKind::Unreadable);
}

#[test]
fn a_null_among_the_roles_is_left_out() {
    for (roles, expected) in [
        (
            json!([null, {"id": "captains"}, null]),
            vec![Role::from_json(json!({"id": "captains"})).unwrap()],
        ),
        (json!([null]), vec![]),
        (json!(null), vec![]),
    ] {
        let wire = Wire::new([Scripted::json(json!({"roles": roles}))]);
        assert_eq!(community(&wire).roles().unwrap(), expected);
    }
}

#[test]
fn the_members_of_a_role_are_their_user_ids() {
    for (response, expected) in [
        (json!({"memberUserIds": ["u1", "u2"]}), &["u1", "u2"][..]),
        (json!({"memberUserIds": [1, "u2"], "roleId": "captains"}), &["1", "u2"]),
        (
            json!({"memberUserIds": [null, "u1", null, 18_446_744_073_709_551_615_u64]}),
            &["u1", "18446744073709551615"],
        ),
        (json!({"memberUserIds": []}), &[]),
        (json!({"memberUserIds": null}), &[]),
    ] {
        let wire = Wire::new([Scripted::json(response)]);
        assert_eq!(captains(&wire).members().unwrap(), expected);
        assert_eq!(sent(&wire), [request(FETCH, "roleMembers", json!({"roleId": "captains"}))]);
    }
}

#[test]
fn ids_beyond_64_bits_stay_apart_by_their_digits() {
    let ids = ["36893488147419103232", "36893488147419103233"];
    let wire = Wire::new([
        Scripted::text(&format!(r#"{{"memberUserIds": [{}, null, {}]}}"#, ids[0], ids[1])),
        Scripted::text(&format!(
            r#"{{"roles": [{{"id": {}}}, {{"roleId": {}}}]}}"#,
            ids[0], ids[1]
        )),
        Scripted::text(&format!(
            r#"{{"addedUserIds": [{}], "removedUserIds": [{}]}}"#,
            ids[0], ids[1]
        )),
    ]);
    assert_eq!(captains(&wire).members().unwrap(), ids);
    let roles = community(&wire).roles().unwrap();
    assert_eq!(roles.iter().map(|role| &*role.id).collect::<Vec<_>>(), ids);
    let update = RoleUpdate::new().add([ids[0]]).remove([ids[1]]);
    let change = captains(&wire).update(&update).unwrap();
    assert_eq!((&*change.added[0], &*change.removed[0]), (ids[0], ids[1]));
    assert!(change.ignored.is_empty());
}

#[test]
fn a_byte_order_mark_a_field_that_comes_twice_and_half_a_character_cost_nothing_else() {
    let wire = Wire::new([
        Scripted::text("\u{feff}{\"memberUserIds\": [\"u1\"]}"),
        Scripted::text(r#"{"memberUserIds": ["u1"], "memberUserIds": ["u2"]}"#),
        Scripted::text(
            r#"{"roles": [{"id": "r1", "name": "Run \ud83d", "id": "r2", "size": 1e400}]}"#,
        ),
        Scripted::text(r#"{"addedUserIds": ["u1"], "note": "\udead", "addedUserIds": ["u2"]}"#),
        Scripted::text("\u{feff}{\"removed\": true}"),
    ]);
    assert_eq!(captains(&wire).members().unwrap(), ["u1"]);
    assert_eq!(captains(&wire).members().unwrap(), ["u2"]);
    let role = community(&wire).roles().unwrap().remove(0);
    assert_eq!((&*role.id, &role.json["name"]), ("r2", &json!("Run \u{fffd}")));
    assert_eq!(captains(&wire).update(&RoleUpdate::new().add(["u2"])).unwrap().added, ["u2"]);
    let removed = community(&wire).remove_member("u1").unwrap();
    assert_eq!(
        (removed.json, &*removed.text),
        (Some(json!({"removed": true})), r#"{"removed": true}"#)
    );
    assert_eq!(wire.requests().len(), 5);
}

// Changing a role.

#[test]
fn an_update_sends_only_the_sides_that_are_set() {
    for (update, fields) in [
        (RoleUpdate::new().add(["u1"]), json!({"addedUserIds": ["u1"]})),
        (RoleUpdate::new().remove(["u9"]), json!({"removedUserIds": ["u9"]})),
        (
            RoleUpdate::new().add(["u1", "u2", "u1"]).remove(vec!["u9".to_owned()]),
            json!({"addedUserIds": ["u1", "u2"], "removedUserIds": ["u9"]}),
        ),
    ] {
        let wire = Wire::new([Scripted::json(fields.clone())]);
        let change = captains(&wire).update(&update).unwrap();
        assert_eq!(json!(change.added), *fields.get("addedUserIds").unwrap_or(&json!([])));
        assert_eq!(json!(change.removed), *fields.get("removedUserIds").unwrap_or(&json!([])));
        assert!(change.ignored.is_empty());
        let mut fields = fields;
        fields["roleId"] = "captains".into();
        assert_eq!(sent(&wire), [request(UPDATE, "roleMembers", fields)]);
    }
}

#[test]
fn ids_that_the_response_leaves_out_were_ignored() {
    for response in [
        json!({"addedUserIds": ["u1"], "removedUserIds": []}),
        json!({"addedUserIds": ["u1"], "removedUserIds": null}),
        json!({"addedUserIds": ["u1"]}),
    ] {
        let wire = Wire::new([Scripted::json(response)]);
        let update = RoleUpdate::new().add(["u1", "u2"]).remove(["u9"]);
        let change = captains(&wire).update(&update).unwrap();
        assert_eq!((change.added, change.removed), (vec!["u1".to_owned()], vec![]));
        assert_eq!(change.ignored, ["u2", "u9"]);
    }
}

#[test]
fn an_update_of_many_is_sent_a_hundred_a_side_at_a_time() {
    let (added, removed) = (user_ids("a", 250), user_ids("r", 120));
    let shares = [(0..100, 0..100), (100..200, 100..120), (200..250, 120..120)];
    let wire = Wire::new(shares.clone().map(|(a, r)| applied(&added[a], &removed[r])));
    let update = RoleUpdate::new().add(added.clone()).remove(removed.clone());
    let change = captains(&wire).update(&update).unwrap();
    assert_eq!((&change.added, &change.removed), (&added, &removed));
    let sides = |request: &(String, Value)| {
        let side = |name: &str| request.1.get(name).cloned();
        (side("addedUserIds"), side("removedUserIds"))
    };
    let expected = shares.map(|(a, r)| {
        let side = |ids: &[String]| Some(json!(ids)).filter(|_| !ids.is_empty());
        (side(&added[a]), side(&removed[r]))
    });
    assert_eq!(sent(&wire).iter().map(sides).collect::<Vec<_>>(), expected);
}

#[test]
fn an_update_that_fails_half_way_reports_how_far_it_came() {
    let ids = user_ids("a", 450);
    let wire = Wire::new([
        applied(&ids[..100], &[]),
        applied(&ids[100..199], &[]),
        Scripted::json(json!({"error": "no such role"})).with_status(404),
        applied(&ids[200..300], &[]),
        applied(&ids[300..400], &[]),
        applied(&ids[400..], &[]),
    ]);
    let role = captains(&wire);
    let failed: RoleUpdateError = role.update(&RoleUpdate::new().add(ids.clone())).unwrap_err();
    assert_eq!(wire.requests().len(), 3);
    assert_eq!(failed.kind(), ErrorKind::NotFound);
    assert_eq!(failed.hint(), failed.error.hint());
    assert_eq!(failed.change.added, ids[..199]);
    assert_eq!(failed.change.ignored, ids[199..200]);
    assert_eq!((failed.left.added(), failed.left.removed()), (&ids[200..], &[][..]));
    assert_eq!(failed.to_string(), "the update failed after 200 of 450 ids");
    assert_eq!(role.update(&failed.left).unwrap().added, ids[200..]);
    let error = heysync::Error::from(failed);
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains("no such role; the update failed after 200 of 450 ids"));
}

#[test]
fn the_source_of_a_failed_update_is_the_error_of_its_request_and_is_printed_once() {
    let wire = Wire::new([Scripted::text("<p>oh")]);
    let failed = captains(&wire).update(&RoleUpdate::new().add(["u1"])).unwrap_err();
    let source = failed.source().unwrap().downcast_ref::<heysync::Error>().unwrap();
    assert_eq!(source.kind(), failed.kind());
    assert!(!failed.to_string().contains(&source.to_string()), "{failed}: {source}");
}

#[test]
fn a_response_to_an_update_that_names_neither_side_does_not_mean_that_all_were_ignored() {
    for (response, kind) in [
        (json!({"error": "no such role"}), ErrorKind::Rejected),
        (json!({}), ErrorKind::AppliedUnreadable),
        (json!([]), ErrorKind::AppliedUnreadable),
    ] {
        let wire = Wire::new([Scripted::json(response.clone())]);
        let failed = captains(&wire).update(&RoleUpdate::new().add(["u1"])).unwrap_err();
        assert_eq!(failed.kind(), kind, "{response}");
        assert_eq!(failed.left.added(), ["u1"]);
    }
}

#[test]
fn an_update_that_cannot_be_meant_is_rejected_with_nothing_sent() {
    for update in [
        RoleUpdate::new(),
        RoleUpdate::new().add(["u1", " "]),
        RoleUpdate::new().remove([""]),
        RoleUpdate::new().add(["u1", "u2"]).remove(["u2"]),
    ] {
        let wire = Wire::unused();
        let error = captains(&wire).update(&update).unwrap_err().error;
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{update:?}");
        assert!(error.to_string().starts_with("POST /apiv1-update roleMembers: "), "{error}");
        assert!(wire.lines().is_empty());
    }
}

#[test]
fn setting_the_members_sends_only_the_difference() {
    let wire = Wire::new([
        members(&["u1", "u2", "u3"]),
        Scripted::json(json!({"addedUserIds": ["u4"], "removedUserIds": ["u1", "u3"]})),
    ]);
    let change = captains(&wire).set_members(["u2", "u4", "u5", "u4"]).unwrap();
    assert_eq!((change.added, change.removed), (vec!["u4".into()], vec!["u1".into(), "u3".into()]));
    assert_eq!((change.unchanged, change.ignored), (vec!["u2".into()], vec!["u5".into()]));
    let difference = json!({
        "roleId": "captains", "addedUserIds": ["u4", "u5"], "removedUserIds": ["u1", "u3"],
    });
    let expected = [
        request(FETCH, "roleMembers", json!({"roleId": "captains"})),
        request(UPDATE, "roleMembers", difference),
    ];
    assert_eq!(sent(&wire), expected);
}

#[test]
fn setting_members_who_are_members_already_changes_nothing() {
    let wire = Wire::new([members(&["u1", "u2"])]);
    let change = captains(&wire).set_members(["u2", "u1"]).unwrap();
    assert_eq!(change.unchanged, ["u1", "u2"]);
    assert_eq!(wire.lines(), [FETCH]);
}

#[test]
fn a_plan_changes_nothing_and_can_be_applied_later() {
    let wire = Wire::new([members(&["u1", "u2"]), applied(&["u3".into()], &["u1".into()])]);
    let diff = captains(&wire).plan_members(["u2", "u3"]).unwrap();
    assert_eq!(
        diff.to_string(),
        "captains of abc123: 1 to add, 1 to remove, 1 unchanged\n+ u3\n- u1"
    );
    assert_eq!(diff.unchanged, ["u2"]);
    assert_eq!(wire.lines(), [FETCH]);
    let approved = serde_json::from_value(json!(diff)).unwrap();
    assert_eq!(diff, approved);
    assert_eq!(captains(&wire).apply(&approved).unwrap().added, ["u3"]);
    assert_eq!(wire.lines(), [FETCH, UPDATE]);
}

#[test]
fn a_plan_of_another_role_is_not_applied() {
    let wire = Wire::new([members(&["u1", "u2"])]);
    let diff = captains(&wire).plan_members(["u2", "u3"]).unwrap();
    for other in [community(&wire).role("coaches"), wire.heylo().community("x").role("captains")] {
        assert_eq!(other.apply(&diff).unwrap_err().kind(), ErrorKind::InvalidInput);
    }
    assert_eq!(wire.lines(), [FETCH]);
}

#[test]
fn a_list_that_was_read_wrongly_removes_nobody() {
    for misread in ["u1\r", " u1", "\u{feff}u1", "\"u1\"", "u1,", "u1\u{a0}"] {
        let wire = Wire::new([members(&["u1", "u2"])]);
        let rejected = captains(&wire).set_members([misread, "u2"]).unwrap_err();
        assert_eq!(rejected.kind(), ErrorKind::InvalidInput, "{misread:?}");
        assert!(rejected.error.message().contains("seems to be \"u1\""), "{}", rejected.error);
        assert_eq!(wire.lines(), [FETCH]);
    }
    // An id that Heylo itself has in this form is one.
    let wire = Wire::new([members(&[" u1", "u2"])]);
    assert!(captains(&wire).plan_members([" u1", "u2"]).unwrap().is_empty());
}

#[test]
fn a_list_that_would_leave_nobody_is_rejected_and_removing_everybody_is_explicit() {
    let wire = Wire::new([members(&["u1", "u2"])]);
    let rejected = captains(&wire).set_members(Vec::<String>::new()).unwrap_err().error;
    assert_eq!(rejected.kind(), ErrorKind::InvalidInput);
    assert!(rejected.message().contains("remove_all_members"));
    assert_eq!(wire.lines(), [FETCH]);

    let wire = Wire::new([members(&["u1", "u2"]), applied(&[], &["u1".into(), "u2".into()])]);
    let change = captains(&wire).remove_all_members().unwrap();
    assert_eq!(change.removed, ["u1", "u2"]);
    let everybody = json!({"roleId": "captains", "removedUserIds": ["u1", "u2"]});
    assert_eq!(sent(&wire)[1], request(UPDATE, "roleMembers", everybody));
}

// Removing and inviting people.

#[test]
fn a_removal_succeeds_with_a_body_of_any_form() {
    let removed = json!({"removed": true});
    for (response, json, text) in [
        (Scripted::json(removed.clone()), Some(removed.clone()), r#"{"removed":true}"#),
        (Scripted::text("Member removed"), None, "Member removed"),
        (Scripted::status(200), None, ""),
        (Scripted::status(204), None, ""),
    ] {
        let wire = Wire::new([response]);
        let response = community(&wire).remove_member("user-42").unwrap();
        assert_eq!((response.json, response.text.as_str()), (json, text));
        assert_eq!(sent(&wire), [request(REMOVE, "member", json!({"userId": "user-42"}))]);
    }
}

/// The example on the vendor's page, field by field.
fn ada() -> NewMember {
    NewMember::new("user-42")
        .first_name("Ada")
        .last_name("Lovelace")
        .email("ada@example.com")
        .phone_number("+1-555-867-5309")
        .birth_date(Date::new(1815, 12, 10).unwrap())
        .gender(Gender::Female)
        .member_since(Month::May, 2024)
        .emergency_contact("Charles Babbage", "+1-555-123-4567", "Friend")
        .reply_to_email("club@example.com")
        .suppress_emails(false)
}

#[test]
fn an_invite_is_sent_as_the_vendors_page_shows_it() {
    let wire = Wire::new([Scripted::json(json!({"inviteId": "i1"})).with_status(201)]);
    let response = community(&wire).invite(&ada()).unwrap();
    assert_eq!(response.json, Some(json!({"inviteId": "i1"})));
    let expected = json!({
        "communityId": "abc123",
        "member": {
            "userId": "user-42",
            "firstName": "Ada",
            "lastName": "Lovelace",
            "email": "ada@example.com",
            "phoneNumber": "+1-555-867-5309",
            "birthDate": "1815-12-10",
            "gender": "female",
            "memberSinceMonth": "May",
            "memberSinceYear": "2024",
            "emergencyContactName": "Charles Babbage",
            "emergencyContactPhoneNumber": "+1-555-123-4567",
            "emergencyContactRelationship": "Friend"
        },
        "replyToEmail": "club@example.com",
        "suppressEmails": false,
        "type": "invite"
    });
    assert_eq!(sent(&wire), [(CREATE.to_owned(), expected)]);
}

#[test]
fn an_invite_sends_nothing_that_was_not_set() {
    let wire = Wire::new([Scripted::text("ok")]);
    let member = NewMember::new("u1").field("shirtSize", "M");
    assert_eq!(community(&wire).invite(&member).unwrap().text, "ok");
    let fields = json!({"member": {"userId": "u1", "shirtSize": "M"}});
    assert_eq!(sent(&wire), [request(CREATE, "invite", fields)]);
}

#[test]
fn genders_and_months_are_written_as_heylo_lists_them() {
    let genders = [Gender::Male, Gender::Female, Gender::NonBinary, Gender::Decline];
    assert_eq!(genders.map(Gender::as_str), ["male", "female", "non-binary", "decline"]);
    let months = [Month::January, Month::June, Month::September, Month::December];
    assert_eq!(months.map(Month::as_str), ["Jan", "Jun", "Sep", "Dec"]);
}

#[test]
fn a_month_can_be_sent_in_another_way() {
    let wire = Wire::new([Scripted::text("ok")]);
    let ada = NewMember::new("u1").member_since(Month::January, 2024);
    community(&wire).invite(&ada.field("memberSinceMonth", Month::January.name())).unwrap();
    let member = json!({"userId": "u1", "memberSinceMonth": "January", "memberSinceYear": "2024"});
    assert_eq!(sent(&wire), [request(CREATE, "invite", json!({"member": member}))]);
}

// Bulk calls.

fn kinds(outcomes: impl Iterator<Item = MemberOutcome>) -> Vec<Option<ErrorKind>> {
    outcomes.map(|outcome| outcome.result.err().map(|error| error.kind())).collect()
}

#[test]
fn a_failure_for_one_person_does_not_stop_the_others() {
    let responses = || {
        [Scripted::text("ok"), Scripted::status(400), Scripted::status(500), Scripted::text("ok")]
    };
    let people = ["u1", "u2", "u3", "u4"];

    let wire = Wire::new(responses());
    let mut removals = community(&wire).remove_members(people);
    let expected = [None, Some(ErrorKind::Rejected), Some(ErrorKind::Server), None];
    assert_eq!(kinds(removals.by_ref()), expected);
    assert_eq!((removals.done_count(), removals.failed_count(), removals.left().len()), (2, 2, 0));
    let requests = people.map(|id| request(REMOVE, "member", json!({"userId": id})));
    assert_eq!(sent(&wire), requests);

    let wire = Wire::new(responses());
    let invites = community(&wire).invite_members(people.map(NewMember::new));
    let expected = [None, Some(ErrorKind::Rejected), Some(ErrorKind::OutcomeUnknown), None];
    assert_eq!(kinds(invites), expected);
    let requests = people.map(|id| request(CREATE, "invite", json!({"member": {"userId": id}})));
    assert_eq!(sent(&wire), requests);
}

#[test]
fn a_person_who_comes_twice_is_sent_once() {
    let wire = Wire::new([Scripted::text("ok"), Scripted::text("ok")]);
    let mut removals = community(&wire).remove_members(["u1", "u2", "u1", "u2", "u1"]);
    assert_eq!((removals.left().len(), removals.size_hint()), (2, (1, Some(2))));
    let ids: Vec<String> = removals.by_ref().map(|outcome| outcome.user_id).collect();
    assert_eq!((ids.len(), removals.done_count()), (2, 2));
    assert_eq!(wire.requests().len(), 2);

    let wire = Wire::new([Scripted::text("ok")]);
    let people = ["Ada", "Bob"].map(|name| NewMember::new("u1").first_name(name));
    assert_eq!(community(&wire).invite_members(&people).count(), 1);
    assert_eq!(sent(&wire)[0].1["member"]["firstName"], "Ada");
}

#[test]
fn a_failure_that_everybody_would_meet_ends_the_rest() {
    let error = |message: &str| Scripted::json(json!({"error": message}));
    for (response, kind) in [
        (Scripted::status(401), ErrorKind::Unauthorized),
        (Scripted::status(403), ErrorKind::Forbidden),
        (Scripted::status(301), ErrorKind::Redirect),
        (error("Community not found").with_status(404), ErrorKind::NotFound),
        (error("unknown communityId").with_status(400), ErrorKind::Rejected),
    ] {
        let wire = Wire::new([response]);
        let mut removals = community(&wire).remove_members(["u1", "u2", "u3"]);
        assert_eq!(kinds(removals.by_ref()), [Some(kind)]);
        assert_eq!(removals.left().collect::<Vec<_>>(), ["u2", "u3"]);
        assert_eq!((removals.left().len(), removals.size_hint()), (2, (0, Some(0))));
        assert_eq!(removals.journal().failed().collect::<Vec<_>>(), ["u1"]);
        assert_eq!(wire.requests().len(), 1);
    }
}

#[test]
fn an_empty_community_id_is_reported_once() {
    let wire = Wire::unused();
    let mut removals = wire.heylo().community(" ").remove_members(["u1", "u2"]);
    assert_eq!(kinds(removals.by_ref()), [Some(ErrorKind::InvalidInput)]);
    let mut removals = community(&wire).remove_members(["", " ", "\t"]);
    assert_eq!(kinds(removals.by_ref()).len(), 3);
}

#[test]
fn a_person_without_a_usable_id_is_named_by_the_place_and_not_shown_as_sent() {
    let wire = Wire::new(vec![Scripted::text("ok"), Scripted::text("ok")]);
    let people = ["u1", "", "u1", "u3\t", "", "u2"].map(|id| NewMember::new(id).first_name("A"));
    let mut invites = community(&wire).invite_members(&people);
    let lines = invites.to_string();
    let lines: Vec<&str> = lines.lines().collect();
    assert_eq!(
        lines[..3],
        ["invite 2 people to abc123", "+ u1 (A)", "! the 2nd of 6 people: userId is empty",]
    );
    assert!(lines[3].starts_with("! the 4th of 6 people: userId begins or ends with"));
    assert_eq!(lines[4..], ["! the 5th of 6 people: userId is empty", "+ u2 (A)"]);

    let outcomes: Vec<_> = invites.by_ref().map(|outcome| outcome.result).collect();
    let messages = outcomes.iter().filter_map(|result| result.as_ref().err());
    let messages: Vec<&str> = messages.map(heysync::Error::message).collect();
    assert_eq!((messages.len(), outcomes.len(), wire.requests().len()), (3, 5, 2));
    assert_eq!(messages[2], "the 5th of 6 people: userId is empty");
    let removed = community(&wire).remove_members(["u1", " "]).to_string();
    let lines = "remove 1 person from abc123\n- u1\n! the 2nd of 2 people: userId is empty";
    assert_eq!(removed, lines);
}

#[test]
fn a_person_whose_birth_date_is_no_date_is_rejected_before_anything_is_sent() {
    let wire = Wire::new(vec![Scripted::text("ok")]);
    let born = |date: &str| NewMember::new("u1").field("birthDate", date);
    let error = community(&wire).invite(&born("10.12.1815")).unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::InvalidInput, 0));
    let why = "birthDate is not a date: write it YYYY-MM-DD, such as 1815-12-10";
    assert_eq!(error.to_string(), format!("POST /apiv1-create invite: {why}"));
    let people = [NewMember::new("u0"), born("1815-13-01")];
    let mut invites = community(&wire).invite_members(people);
    let why = format!("the 2nd of 2 people: {why}");
    assert_eq!(invites.to_string(), format!("invite 1 person to abc123\n+ u0\n! {why}"));
    assert!(invites.next().unwrap().result.is_ok());
    assert_eq!(invites.next().unwrap().result.unwrap_err().message(), why);
    assert_eq!(wire.requests().len(), 1);
}

#[test]
fn a_code_and_no_message_ends_the_invites_to_an_unknown_community() {
    let response = Scripted::json(json!({"code": "community_not_found"})).with_status(404);
    let wire = Wire::new(vec![response]);
    assert_eq!(kinds(community(&wire).remove_members(user_ids("u", 8))).len(), 1);
    assert_eq!(wire.requests().len(), 1);
}

#[test]
fn people_who_are_not_found_do_not_end_the_rest() {
    for message in ["Member not found", "user unknown in this community"] {
        let responses = vec![Scripted::json(json!({"error": message})).with_status(404); 8];
        let wire = Wire::new(responses);
        let ids = user_ids("u", 8);
        assert_eq!(community(&wire).remove_members(&ids).count(), 8);
        assert_eq!(wire.requests().len(), 8);
    }
    // Nor does any after a success.
    let mut responses = vec![Scripted::status(404); 8];
    responses[0] = Scripted::text("ok");
    let wire = Wire::new(responses);
    let outcomes = community(&wire).remove_members(user_ids("u", 8));
    assert_eq!(outcomes.filter(MemberOutcome::is_removed).count(), 8);
    assert_eq!(wire.requests().len(), 8);
}

#[test]
fn rejections_without_a_reason_are_checked_once_by_reading_the_roles() {
    let people = || user_ids("u", 100).into_iter().map(NewMember::new);
    let wire = Wire::new(vec![Scripted::status(404); 4]);
    let mut invites = community(&wire).invite_members(people());
    assert_eq!(invites.by_ref().count(), 3);
    assert_eq!((invites.failed_count(), invites.left().len()), (3, 97));
    assert_eq!(wire.lines(), [CREATE, CREATE, CREATE, FETCH]);

    let mut responses = vec![Scripted::status(404); 9];
    responses[3] = Scripted::json(json!({"roles": []}));
    let wire = Wire::new(responses);
    let outcomes = community(&wire).invite_members(people().take(8));
    assert_eq!(outcomes.filter(|outcome| !outcome.is_removed()).count(), 8);
    assert_eq!(wire.lines().iter().filter(|line| *line == FETCH).count(), 1);
}

#[test]
fn a_person_is_removed_already_only_if_the_community_is_known() {
    let removed = |responses: Vec<Scripted>, people: usize| -> (Vec<bool>, Vec<String>) {
        let wire = Wire::new(responses);
        let outcomes = community(&wire).remove_members(user_ids("u", people));
        (outcomes.map(|outcome| outcome.is_removed()).collect(), wire.lines())
    };
    let not_found = || Scripted::status(404);
    let roles = || Scripted::json(json!({"roles": []}));
    // The last person, too.
    assert_eq!(removed(vec![not_found(); 2], 1), (vec![false], vec![REMOVE.into(), FETCH.into()]));
    assert_eq!(removed(vec![not_found(); 2], 9).0, [false]);
    let (outcomes, lines) = removed(vec![not_found(), roles(), not_found()], 2);
    assert_eq!((outcomes, lines.len()), (vec![true; 2], 3));
    // Nothing is known of the community while it does not respond, or something else does.
    let page = || Scripted::text("<!doctype html><title>Sign in</title>");
    for roles in [Scripted::status(500), page(), Scripted::text(""), Scripted::json(json!([]))] {
        let (outcomes, _) = removed(vec![not_found(), roles, not_found(), not_found()], 3);
        assert_eq!(outcomes, [false; 3]);
    }
    // A community that the key may not read may not be ours.
    for status in [403, 404, 410, 422] {
        let (outcomes, lines) = removed(vec![not_found(), Scripted::status(status)], 9);
        assert_eq!((outcomes, lines.len()), (vec![false], 2), "{status}");
    }
    let message =
        |status, message: &str| Scripted::json(json!({"error": message})).with_status(status);
    for (response, expected) in [
        (message(404, "Member not found"), true),
        (message(404, "Community not found"), false),
        (message(400, "Member not found"), false),
        (message(403, "Member not found"), false),
    ] {
        assert_eq!(removed(vec![response], 1).0, [expected]);
    }
    // A success shows that the community is known, and no message about it is one about a person.
    let responses = vec![Scripted::text("ok"), not_found(), message(404, "Community not found")];
    assert_eq!(removed(responses, 3).0, [true, true, false]);
}

#[test]
fn the_third_server_error_in_a_row_ends_the_rest() {
    let wire = Wire::new(vec![Scripted::status(500); 3]);
    let mut invites =
        community(&wire).invite_members(user_ids("u", 9).into_iter().map(NewMember::new));
    assert_eq!(kinds(invites.by_ref()), [Some(ErrorKind::OutcomeUnknown); 3]);
    assert_eq!(invites.left().len(), 6);
    assert_eq!(invites.journal().unknown().collect::<Vec<_>>(), ["u0", "u1", "u2"]);
    assert_eq!(wire.requests().len(), 3);
}

#[test]
fn a_success_or_a_rejection_of_one_person_ends_a_row_of_server_errors() {
    let down = || vec![Scripted::status(500); 2];
    let rejected = Scripted::status(404).body(r#"{"error": "no such member"}"#);
    let between = [Scripted::text("ok"), rejected, Scripted::text("ok")];
    let wire = Wire::new(between.into_iter().flat_map(|one| [down(), vec![one]].concat()));
    let removals = community(&wire).remove_members(user_ids("u", 9));
    assert_eq!((kinds(removals).len(), wire.requests().len()), (9, 9));
}

#[test]
fn a_journal_of_other_work_is_not_resumed() {
    let rejected = Scripted::status(404).body(r#"{"error": "no such member"}"#);
    let wire = Wire::new([Scripted::text("ok"), Scripted::text("ok"), rejected]);
    let mut removals = community(&wire).remove_members(["u1", "u2"]);
    removals.next();
    let journal = removals.journal().clone();
    let elsewhere = wire.heylo().community("other").remove_members(["u1"]);
    let invites = community(&wire).invite_members([NewMember::new("u1")]);
    let mut started = community(&wire).remove_members(["u2"]);
    started.next();
    let mut failed = community(&wire).remove_members(["u3"]);
    assert!(failed.next().unwrap().result.is_err());
    for bulk in [elsewhere, invites, started, failed] {
        assert_eq!(bulk.resume_at(&journal).unwrap_err().kind(), ErrorKind::InvalidInput);
    }
}

#[test]
fn a_bulk_call_prints_what_it_will_do_and_its_debug_form_names_nobody() {
    let wire = Wire::unused();
    let ada = NewMember::new("u1").first_name("Ada").email("ada@example.com");
    let invites = community(&wire).invite_members([ada]);
    assert_eq!(invites.to_string(), "invite 1 person to abc123\n+ u1 (Ada, ada@example.com)");
    assert!(!format!("{invites:?}").contains("ada@"));
    let removals = community(&wire).remove_members(["u1", "u2"]);
    assert_eq!(removals.to_string(), "remove 2 people from abc123\n- u1\n- u2");
}

// Successes that are none.

const PAGE: &str = "<!DOCTYPE html><html><title>Down for maintenance</title></html>";

/// Bodies of a success that deny it, with the words of the denial.
fn denials() -> Vec<(Value, &'static str)> {
    vec![
        (json!({"error": "Community not found"}), "Community not found"),
        (json!({"error": {"message": "Plan expired"}}), "Plan expired"),
        (json!({"ok": false, "message": "Not now"}), "Not now"),
        (json!({"success": false, "error": "Not now"}), "Not now"),
        (json!({"error": "Not now", "memberUserIds": []}), "Not now"),
    ]
}

#[test]
fn a_success_that_denies_it_is_rejected_in_the_services_words_and_sent_once() {
    for (denial, words) in denials() {
        let wire = Wire::new(vec![Scripted::json(denial.clone()); 3]);
        let errors = [
            community(&wire).invite(&NewMember::new("u1")).unwrap_err(),
            community(&wire).remove_member("u1").unwrap_err(),
            captains(&wire).update(&RoleUpdate::new().add(["u1"])).unwrap_err().error,
        ];
        for error in errors {
            assert_eq!((error.kind(), error.message()), (ErrorKind::Rejected, words), "{denial}");
        }
        assert_eq!(wire.requests().len(), 3, "{denial}");
    }
}

#[test]
fn an_error_member_that_is_null_false_or_empty_denies_nothing() {
    for body in [
        json!({"error": null, "inviteId": "i1"}),
        json!({"error": false}),
        json!({"error": ""}),
        json!({"errors": []}),
        json!({"ok": true}),
        json!("invited"),
        json!([]),
        json!(null),
        json!(1),
    ] {
        let wire = Wire::new(vec![Scripted::json(body.clone()); 2]);
        assert!(community(&wire).invite(&NewMember::new("u1")).is_ok(), "{body}");
        assert!(community(&wire).remove_member("u1").is_ok(), "{body}");
    }
}

#[test]
fn a_page_in_place_of_a_response_counts_nobody_as_invited() {
    let wire = Wire::new([Scripted::text("ok"), Scripted::text(PAGE), Scripted::text("ok")]);
    let mut invites = community(&wire).invite_members(["u1", "u2", "u3"].map(NewMember::new));
    assert_eq!(kinds(invites.by_ref()), [None, Some(ErrorKind::OutcomeUnknown), None]);
    assert_eq!((invites.done_count(), invites.failed_count()), (2, 1));
    assert_eq!(invites.journal().unknown().collect::<Vec<_>>(), ["u2"]);
    assert_eq!(wire.requests().len(), 3);
}

#[test]
fn a_denied_invite_is_nobodys_success_and_is_retried_in_a_later_run() {
    let denial = Scripted::json(json!({"success": false, "error": "email is not valid"}));
    let wire = Wire::new([denial, Scripted::text("ok"), Scripted::text("ok")]);
    let people = ["u1", "u2"].map(NewMember::new);
    let mut invites = community(&wire).invite_members(&people);
    assert_eq!(kinds(invites.by_ref()), [Some(ErrorKind::Rejected), None]);
    assert_eq!((invites.done_count(), invites.failed_count()), (1, 1));
    let rest = community(&wire).invite_members(&people).resume_at(invites.journal()).unwrap();
    assert_eq!(rest.left().collect::<Vec<_>>(), ["u1"]);
}

#[test]
fn a_denial_that_names_the_community_ends_a_bulk_call() {
    let wire = Wire::new([Scripted::json(json!({"error": "Community not found"}))]);
    let mut removals = community(&wire).remove_members(user_ids("u", 100));
    assert_eq!(kinds(removals.by_ref()), [Some(ErrorKind::Rejected)]);
    assert_eq!(removals.left().len(), 99);
}

// Calls of the caller's own.

#[test]
fn a_call_of_the_callers_own_is_sent_in_the_same_way() {
    let body = json!({"type": "communityPolls", "communityId": "abc123"});
    let call = Call::post(["apiv1-fetch"]).query("v", "1 & 2").json(&body);
    let wire = Wire::new([Scripted::json(json!({"polls": [1]}))]);
    let polls: Value = wire.heylo().send(&call.clone().safety(Safety::Read)).unwrap();
    assert_eq!(polls, json!({"polls": [1]}));
    assert_eq!(sent(&wire), [("POST /apiv1-fetch?v=1+%26+2".to_owned(), body)]);

    let wire = Wire::new([Scripted::text("thanks")]);
    assert_eq!(wire.heylo().send_raw(&call).unwrap().text, "thanks");
}

// Ids that are rejected before anything is sent, and ids that are sent as they are.

/// Every call that takes ids, with `id` in one place and good ones in all others.
fn calls_with(wire: &Wire, id: &str) -> Vec<(&'static str, heysync::Result<()>)> {
    let (bad, good) = (wire.heylo().community(id), community(wire));
    let nothing = |result: heysync::Result<_>| result.map(drop);
    let update = RoleUpdate::new().add(["u1"]);
    vec![
        ("communityId", bad.events().next().map_or(Ok(()), |event| event.map(drop))),
        ("communityId", bad.attendance("e1").map(drop)),
        ("communityId", bad.roles().map(drop)),
        ("communityId", bad.role("r1").members().map(drop)),
        ("communityId", bad.role("r1").update(&update).map(drop).map_err(|failed| failed.error)),
        ("communityId", nothing(bad.remove_member("u1"))),
        ("communityId", nothing(bad.invite(&NewMember::new("u1")))),
        ("eventId", good.attendance(id).map(drop)),
        ("roleId", good.role(id).members().map(drop)),
        ("roleId", good.role(id).update(&update).map(drop).map_err(|failed| failed.error)),
        ("userId", nothing(good.remove_member(id))),
        ("userId", nothing(good.invite(&NewMember::new(id)))),
    ]
}

#[test]
fn an_empty_id_is_rejected_by_name_with_nothing_sent() {
    for id in ["", " ", "\t\n"] {
        let wire = Wire::unused();
        for (name, result) in calls_with(&wire, id) {
            let error = result.unwrap_err();
            assert_eq!((error.kind(), error.attempts()), (ErrorKind::InvalidInput, 0), "{error}");
            assert_eq!(error.message(), format!("{name} is empty"));
            assert!(error.to_string().starts_with("POST /apiv1-"), "{error}");
        }
        assert!(wire.lines().is_empty());
    }
}

/// A response that every operation can read.
fn anything() -> Scripted {
    Scripted::json(json!({
        "events": [], "attendance": [], "roles": [], "memberUserIds": [],
        "addedUserIds": [], "removedUserIds": [],
    }))
}

#[test]
fn a_hostile_id_stays_in_the_body_and_reaches_no_other_endpoint() {
    for id in ["..", ".", "a/b", "?", "#", "%2e%2e", "\u{fc}\u{1F3C3}", "a\nb", "a\0b", "\"},{\""] {
        let wire = Wire::new(vec![anything(); 12]);
        let calls = calls_with(&wire, id);
        let names: Vec<&str> = calls.iter().map(|(name, _)| *name).collect();
        assert!(calls.into_iter().all(|(_, result)| result.is_ok()));
        let endpoints = [
            FETCH, FETCH, FETCH, FETCH, UPDATE, REMOVE, CREATE, FETCH, FETCH, UPDATE, REMOVE,
            CREATE,
        ];
        assert_eq!(wire.lines(), endpoints);
        for ((_, body), name) in sent(&wire).iter().zip(names) {
            let place = if body[name].is_null() { &body["member"] } else { body };
            assert_eq!(place[name], id);
        }
    }
}

#[test]
fn a_page_size_out_of_bounds_is_rejected_with_nothing_sent() {
    for size in [0, 101, u32::MAX] {
        let wire = Wire::unused();
        let events: HashSet<_> = community(&wire)
            .events()
            .page_size(size)
            .map(|event| event.unwrap_err().kind())
            .collect();
        assert_eq!(events, HashSet::from([ErrorKind::InvalidInput]));
        assert!(wire.lines().is_empty());
    }
    let wire = Wire::new([events(&[]), events(&[])]);
    for size in [1, 100] {
        assert!(ids(community(&wire).events().page_size(size)).is_empty());
    }
}
