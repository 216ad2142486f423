//! An invented running community and a small one.

use std::time::Duration;

use serde_json::json;

use crate::sandbox::wall_clock;

use super::state::{Community, Event, Invite, Member, MemberStatus, Role, State};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const TITLES: [&str; 5] =
    ["Track night", "Long run", "Hill repeats", "Coffee run", "Trail morning"];
const PLACES: [&str; 4] = ["Harbour gate", "City stadium", "North pier", "Old mill"];
const STATUSES: [&str; 3] = ["going", "maybe", "not_going"];

/// The data of [`Heylo::demo`](crate::sandbox::Heylo::demo), the same for the same seed.
pub(crate) fn state(seed: u64) -> State {
    let mut random = fastrand::Rng::with_seed(seed);
    State {
        communities: vec![harbour_runners(&mut random), book_circle()],
        invites_sent: 1,
        ..State::default()
    }
}

fn harbour_runners(random: &mut fastrand::Rng) -> Community {
    let people: Vec<String> = (1..=40).map(|number| format!("user-{number}")).collect();
    let mut community = Community::new("harbour-runners")
        .role(Role::new("everybody").name("Everybody").members(&people[..38]))
        .role(Role::new("captains").name("Captains").members(&people[..4]))
        .role(Role::new("coaches").name("Coaches").members(&people[2..5]));
    community.members = people.iter().enumerate().map(member).collect();
    community.events = (1..=130).map(|number| event(number, &people, random)).collect();
    community.invites.push(pending_invite());
    community
}

fn member((at, id): (usize, &String)) -> Member {
    Member::new(id).status(match at {
        36 | 37 => MemberStatus::Hidden,
        38 | 39 => MemberStatus::Inactive,
        _ => MemberStatus::Active,
    })
}

/// Creates one event every third day, from about a year ago to a month ahead.
fn event(number: u32, people: &[String], random: &mut fastrand::Rng) -> Event {
    let start = wall_clock::first_day() - 360 * DAY + 3 * number * DAY;
    let mut event = Event::new(format!("event-{number:03}"), start)
        .field("title", pick(random, &TITLES))
        .field("location", pick(random, &PLACES));
    for person in people {
        if random.f32() < 0.3 {
            event = event.attended(person, pick(random, &STATUSES));
        }
    }
    event
}

fn pending_invite() -> Invite {
    let ada = json!({"userId": "user-41", "firstName": "Ada", "email": "ada@example.com"});
    Invite {
        id: 1,
        user_id: "user-41".to_owned(),
        member: ada,
        reply_to_email: None,
        suppress_emails: false,
    }
}

fn book_circle() -> Community {
    let evening = wall_clock::first_day() + 7 * DAY;
    Community::new("book-circle")
        .members(["user-1", "user-2", "user-3"])
        .role(Role::new("hosts").name("Hosts").members(["user-2"]))
        .event(Event::new("book-1", evening).field("title", "Middlemarch, part one"))
}

fn pick(random: &mut fastrand::Rng, from: &[&'static str]) -> &'static str {
    from[random.usize(..from.len())]
}
