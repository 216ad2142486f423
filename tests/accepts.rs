//! Arguments in the types that people hold: this file compiles, which is most of the test.

#![allow(clippy::needless_borrows_for_generic_args, reason = "the borrows are what is tested")]
#![cfg(feature = "sandbox")]
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use heysync::heylerts::{self, Alert, AlertPatch, NewAlert};
use heysync::heylo::{self, Bulk, Community, Gender, Month, NewMember, Role, RoleUpdate};
use heysync::{Activity, Call, Clock, Config, Date, Observer, Timestamp, Transport, sandbox};

fn client() -> heylo::Client {
    let service = sandbox::Heylo::demo().limit(None);
    let config = Config::new().transport(service).clock(sandbox::TestClock::new());
    heylo::Client::with_config("key", config).unwrap()
}

fn community() -> Community {
    client().community("harbour-runners")
}

#[test]
fn an_id_is_taken_in_every_type_of_string() {
    let client = client();
    let (text, string) = ("harbour-runners", String::from("harbour-runners"));
    for community in [
        client.community(text),
        client.community(&text),
        client.community(&&text),
        client.community(string.clone()),
        client.community(&string),
        client.community(&&string),
        client.community(Cow::Borrowed(text)),
        client.community(Box::<str>::from(text)),
        client.community(Rc::<str>::from(text)),
        client.community(Arc::<str>::from(text)),
    ] {
        assert_eq!(community.id(), text);
    }
    let community = client.community(text);
    for id in &["captains", "coaches"] {
        assert_eq!(community.role(id).role_id(), *id);
        assert_eq!(community.role(&id).role_id(), *id);
    }
    for role in community.roles().unwrap() {
        assert!(!community.role(&role.id).members().unwrap().is_empty());
        assert_eq!(community.role(role.id.clone()).role_id(), role.id);
    }
    let user_id = String::from("user-7");
    community.remove_member(&user_id).unwrap();
    community.remove_member("user-8").unwrap();
    community.remove_member(String::from("user-9")).unwrap();
}

#[test]
fn a_list_of_ids_is_taken_in_every_type_of_list() {
    let captains = community().role("captains");
    let owned = vec!["user-1".to_owned(), "user-2".to_owned()];
    let borrowed: &[&str] = &["user-1", "user-2"];
    let hashed: HashSet<String> = owned.iter().cloned().collect();
    let sorted: BTreeSet<&str> = borrowed.iter().copied().collect();
    let by_id = BTreeMap::from([("user-1", 1), ("user-2", 2)]);
    captains.set_members(borrowed).unwrap();
    captains.set_members(["user-1", "user-2"]).unwrap();
    captains.set_members(&["user-1", "user-2"]).unwrap();
    captains.set_members(&owned).unwrap();
    captains.set_members(owned.iter()).unwrap();
    captains.set_members(owned.clone()).unwrap();
    captains.set_members(&hashed).unwrap();
    captains.set_members(hashed.iter().filter(|id| id.starts_with("user"))).unwrap();
    captains.set_members(&sorted).unwrap();
    captains.set_members(by_id.keys()).unwrap();
    captains.set_members("user-1\nuser-2\n".lines()).unwrap();
    captains.set_members([Cow::Borrowed("user-1"), Cow::Owned("user-2".to_owned())]).unwrap();
    let members = captains.members().unwrap();
    assert!(captains.plan_members(&members).unwrap().is_empty());

    let update = RoleUpdate::new().add(&owned).add(borrowed).add(&hashed).add(members);
    assert_eq!(update.remove(&sorted).remove(["x"]).len(), 11);
}

#[test]
fn many_people_are_taken_owned_and_borrowed() {
    let community = community();
    let ids = vec!["user-7".to_owned(), "user-8".to_owned()];
    let people: Vec<NewMember> = ids.iter().map(NewMember::new).collect();
    let bulks: [Bulk; 8] = [
        community.invite_members(&people),
        community.invite_members(people.iter()),
        community.invite_members(people.iter().filter(|member| member.user_id() != "x")),
        community.invite_members(people.clone()),
        community.invite_members(ids.iter().map(NewMember::new)),
        community.remove_members(&ids),
        community.remove_members(["user-7", "user-8"]),
        community.remove_members(people.iter().map(NewMember::user_id)),
    ];
    assert!(bulks.iter().all(|bulk| bulk.left().len() == 2));
}

#[test]
fn a_bulk_call_is_stored_without_naming_anything_private() {
    struct Progress {
        work: Bulk,
        title: String,
    }
    let mut progress =
        Progress { work: community().remove_members(["user-7"]), title: "leaving".to_owned() };
    assert!(progress.work.next().unwrap().result.is_ok());
    assert_eq!((progress.title.as_str(), progress.work.done_count()), ("leaving", 1));
    fn is_send<T: Send>(_: &T) {}
    is_send(&progress);
}

#[test]
fn keys_names_and_paths_are_taken_in_every_type_of_string() {
    let config = || {
        let config = Config::new().clock(sandbox::TestClock::new());
        config.transport(sandbox::Services::demo())
    };
    let (text, string) = ("hlt_key", String::from("hlt_key"));
    for client in [
        heylerts::Client::with_config(text, config()).unwrap(),
        heylerts::Client::with_config(&string, config()).unwrap(),
        heylerts::Client::with_config(string.clone(), config()).unwrap(),
        heylerts::Client::with_config(Cow::Borrowed(text), config()).unwrap(),
    ] {
        let id = client.alerts().next().unwrap().unwrap().id;
        let borrowed = ["alerts", &id];
        for path in [Call::get(borrowed), Call::get(&borrowed), Call::get(&borrowed[..])] {
            assert_eq!(client.send::<Alert>(&path).unwrap().id, id);
            assert!(client.send_raw(&path).unwrap().text.contains(&id));
        }
        assert_eq!(
            Call::get(&vec!["alerts".to_owned(), id.clone()]).name(),
            Call::get(borrowed).name()
        );
    }
    let (name, value) = (String::from("note"), "x");
    let alert = NewAlert::new(&name, text).field(&name, value).field(name.clone(), &*name);
    assert_eq!(AlertPatch::new().field(&name, value), AlertPatch::new().field("note", "x"));
    assert_eq!(serde_json::to_value(alert).unwrap()["note"], "note");
    assert_eq!(NewMember::new("u").field(&name, value), NewMember::new("u").field("note", "x"));
}

#[test]
fn clocks_observers_and_transports_are_taken_in_a_box() {
    let clock: Box<dyn Clock> = Box::new(sandbox::TestClock::new());
    let observer: Box<dyn Observer> = Box::new(|_: &Activity<'_>| {});
    let transport: Box<dyn Transport> = Box::new(sandbox::Heylo::demo());
    let config = Config::new().clock(clock).observer(observer).transport(transport);
    let client = heylo::Client::with_config("boxed", config).unwrap();
    assert_eq!(client.community("harbour-runners").roles().unwrap().len(), 3);
}

#[test]
fn the_models_of_heylo_can_be_made_compared_and_written_in_a_test() {
    let role = Role::from_json(serde_json::json!({"id": "captains"})).unwrap();
    assert_eq!(serde_json::from_str::<Role>(r#"{"id":"captains"}"#).unwrap(), role);
    let member = NewMember::new("u1")
        .gender("f".parse::<Gender>().unwrap())
        .member_since("sept".parse::<Month>().unwrap(), 2024)
        .birth_date("1815-12-10".parse::<Date>().unwrap());
    let written = serde_json::to_string(&member).unwrap();
    assert_eq!(serde_json::from_str::<NewMember>(&written).unwrap(), member);
    assert_eq!(heylo::MemberChange::default(), heylo::MemberChange::default());
    assert_eq!(heylo::MemberDiff::default(), heylo::MemberDiff::default());
    assert_eq!(heysync::RawResponse::default(), heysync::RawResponse::default());
}

#[test]
fn a_moment_is_converted_from_and_to_the_types_of_the_standard_library() {
    let now = SystemTime::now();
    let moment: Timestamp = now.into();
    assert_eq!(SystemTime::from(moment), now);
    let day = Duration::from_secs(24 * 60 * 60);
    assert!(moment - day < moment && moment + day > moment);
    assert_eq!((moment + day) - moment, day);
}
