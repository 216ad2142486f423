//! The data of Heylo: communities with their members, roles, events and invites.

use std::time::{Duration, SystemTime};

use serde_json::{Map, Value, json};

use crate::sandbox::wall_clock;

/// All data of a Heylo sandbox.
///
/// [`change`](crate::sandbox::Sandbox::change) gives access to it, and
/// [`state`](crate::sandbox::Sandbox::state) returns a copy.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct State {
    /// The communities, in any order.
    pub communities: Vec<Community>,
    /// The accepted keys. If there are none, every key is accepted.
    pub keys: Vec<String>,
    /// The behaviour that the vendor does not document.
    pub settings: Settings,
    pub(crate) invites_sent: u64,
}

/// The behaviour that the vendor does not document.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Settings {
    /// Whether pages contain about half of the requested number of events. Default: no.
    pub short_pages: bool,
    /// Whether a page starts with the event `lastEventId` itself. Default: no, with the one after it.
    pub inclusive_cursor: bool,
    /// The response to an unknown `lastEventId`. Default: a 404.
    pub unknown_cursor: UnknownCursor,
    /// The field of an event's id.
    pub event_id_format: EventIdFormat,
    /// The body of the response to a successful removal or invite.
    pub success_body: SuccessBody,
    /// Whether the response to a role update leaves out members who had the role already, or did not have it.
    /// Default: no, it contains every id that Heylo did not drop.
    pub update_returns_only_changes: bool,
    /// Whether an invite returns 201. Default: no, 200.
    pub invite_returns_201: bool,
    /// Whether an invite without `email` and `phoneNumber` returns 400. Default: no.
    pub invite_requires_contact: bool,
    /// How `memberSinceMonth` must be written. Default: in three letters.
    pub month_format: MonthFormat,
    /// How long an invite takes. It is created at the end, even if the client has given up. Default: no time.
    pub invite_duration: Duration,
    /// Whether the removal of a user who is no member succeeds. Default: no, 404.
    pub removal_of_absent_succeeds: bool,
}

/// The field of an event's id.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EventIdFormat {
    /// `id`.
    #[default]
    Id,
    /// `eventId`.
    EventId,
    /// `id`, as a number if it is one.
    Number,
}

/// The response to an unknown `lastEventId`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum UnknownCursor {
    /// A 404.
    #[default]
    Error,
    /// The first page.
    Restart,
    /// An empty page.
    Empty,
}

/// How `memberSinceMonth` must be written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MonthFormat {
    /// In three letters: `Jan`.
    #[default]
    Short,
    /// In full: `January`.
    Full,
    /// In three letters or in full.
    Any,
}

/// The body of the response to a successful removal or invite.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SuccessBody {
    /// `{"success": true}`, with the id of an invite.
    #[default]
    Json,
    /// `OK` in plain text.
    Text,
    /// No body.
    Empty,
}

/// A community with its members, roles and events.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
#[must_use]
pub struct Community {
    /// Its id: `communityId`.
    pub id: String,
    /// Its members, including hidden and inactive ones.
    pub members: Vec<Member>,
    /// Its roles.
    pub roles: Vec<Role>,
    /// Its events, in any order.
    pub events: Vec<Event>,
    /// Its pending invites.
    pub invites: Vec<Invite>,
}

/// A member of a community.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[must_use]
pub struct Member {
    /// The stable id in the caller's system: `userId`.
    pub user_id: String,
    /// Whether the member can have roles.
    pub status: MemberStatus,
}

/// The status of a member.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MemberStatus {
    /// The member can have roles.
    #[default]
    Active,
    /// The member can have roles, too.
    Hidden,
    /// A role update drops the member silently.
    Inactive,
}

/// A role and its members.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[must_use]
pub struct Role {
    /// Its id: `roleId`.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The ids of its members, in the order in which they got it.
    pub member_ids: Vec<String>,
}

/// An event with its attendance.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
#[must_use]
pub struct Event {
    /// Its id.
    pub id: String,
    /// When it starts. It is sent as `startTimestamp` in milliseconds: an invented name, as the vendor documents
    /// no field of an event.
    pub start: SystemTime,
    /// Its other fields, as they are sent.
    pub fields: Map<String, Value>,
    /// The attendance records, as they are sent. The vendor documents no field.
    pub attendance: Vec<Value>,
}

/// A pending invite.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Invite {
    /// Its number, from 1.
    pub id: u64,
    /// The `userId` of the invited person.
    pub user_id: String,
    /// The `member` of the request, as it was sent.
    pub member: Value,
    /// The `replyToEmail` of the request.
    pub reply_to_email: Option<String>,
    /// The `suppressEmails` of the request.
    pub suppress_emails: bool,
}

impl State {
    /// Returns the community with this id.
    pub fn community(&self, id: &str) -> Option<&Community> {
        self.communities.iter().find(|community| community.id == id)
    }

    /// Returns the community with this id, for changing it.
    pub fn community_mut(&mut self, id: &str) -> Option<&mut Community> {
        let mut communities = self.communities.iter_mut();
        communities.find(|community| community.id == id)
    }
}

impl Community {
    /// Creates an empty community.
    pub fn new(id: impl Into<String>) -> Community {
        Community { id: id.into(), ..Community::default() }
    }

    /// Adds active members.
    pub fn members<I: Into<String>>(self, ids: impl IntoIterator<Item = I>) -> Community {
        ids.into_iter().fold(self, |community, id| community.member(Member::new(id)))
    }

    /// Adds a member.
    pub fn member(mut self, member: Member) -> Community {
        self.members.push(member);
        self
    }

    /// Adds a role.
    pub fn role(mut self, role: Role) -> Community {
        self.roles.push(role);
        self
    }

    /// Adds an event.
    pub fn event(mut self, event: Event) -> Community {
        self.events.push(event);
        self
    }

    /// Whether this user can have roles: an active or hidden member.
    pub(crate) fn can_have_roles(&self, user_id: &str) -> bool {
        let member = self.members.iter().find(|member| member.user_id == user_id);
        member.is_some_and(|member| member.status != MemberStatus::Inactive)
    }
}

impl Member {
    /// Creates an active member.
    pub fn new(user_id: impl Into<String>) -> Member {
        Member { user_id: user_id.into(), status: MemberStatus::Active }
    }

    /// Sets the status.
    pub fn status(mut self, status: MemberStatus) -> Member {
        self.status = status;
        self
    }
}

impl Role {
    /// Creates a role without members, named like its id.
    pub fn new(id: impl Into<String>) -> Role {
        let id = id.into();
        Role { name: id.clone(), id, member_ids: Vec::new() }
    }

    /// Sets the name.
    pub fn name(mut self, name: impl Into<String>) -> Role {
        self.name = name.into();
        self
    }

    /// Adds members.
    pub fn members<I: Into<String>>(mut self, ids: impl IntoIterator<Item = I>) -> Role {
        self.member_ids.extend(ids.into_iter().map(Into::into));
        self
    }

    pub(crate) fn to_json(&self) -> Value {
        json!({"id": self.id, "name": self.name})
    }
}

impl Event {
    /// Creates an event without other fields and without attendance.
    pub fn new(id: impl Into<String>, start: SystemTime) -> Event {
        Event { id: id.into(), start, fields: Map::new(), attendance: Vec::new() }
    }

    /// Adds a field.
    pub fn field(mut self, name: impl Into<String>, value: impl Into<Value>) -> Event {
        self.fields.insert(name.into(), value.into());
        self
    }

    /// Adds an attendance record with a `userId` and a `status`.
    pub fn attended(mut self, user_id: impl AsRef<str>, status: impl AsRef<str>) -> Event {
        let record = json!({"userId": user_id.as_ref(), "status": status.as_ref()});
        self.attendance.push(record);
        self
    }

    /// The sort key of an event: its start, then its id.
    pub(crate) fn sort_key(&self) -> (i64, &str) {
        (wall_clock::to_millis(self.start), &self.id)
    }

    pub(crate) fn to_json(&self, style: EventIdFormat) -> Value {
        let mut event = self.fields.clone();
        let name = match style {
            EventIdFormat::EventId => "eventId",
            EventIdFormat::Id | EventIdFormat::Number => "id",
        };
        let id = match self.id.parse::<u64>() {
            // As a number, an id such as 007 would be another id.
            Ok(number) if style == EventIdFormat::Number && number.to_string() == self.id => {
                number.into()
            }
            _ => Value::from(self.id.as_str()),
        };
        event.insert(name.to_owned(), id);
        let start = wall_clock::to_millis(self.start);
        event.insert("startTimestamp".to_owned(), start.into());
        Value::Object(event)
    }
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const TITLES: [&str; 5] =
    ["Track night", "Long run", "Hill repeats", "Coffee run", "Trail morning"];
const PLACES: [&str; 4] = ["Harbour gate", "City stadium", "North pier", "Old mill"];
const STATUSES: [&str; 3] = ["going", "maybe", "not_going"];

/// The data of [`Heylo::demo`](crate::sandbox::Heylo::demo), the same for the same seed.
pub(crate) fn demo(seed: u64, today: SystemTime) -> State {
    let mut random = fastrand::Rng::with_seed(seed);
    State {
        communities: vec![harbour_runners(&mut random, today), book_circle(today)],
        invites_sent: 1,
        ..State::default()
    }
}

fn harbour_runners(random: &mut fastrand::Rng, today: SystemTime) -> Community {
    let people: Vec<String> = (1..=40).map(|number| format!("user-{number}")).collect();
    let mut community = Community::new("harbour-runners")
        .role(Role::new("everybody").name("Everybody").members(&people[..38]))
        .role(Role::new("captains").name("Captains").members(&people[..4]))
        .role(Role::new("coaches").name("Coaches").members(&people[2..5]));
    community.members = people.iter().enumerate().map(member).collect();
    let first = today.checked_sub(360 * DAY).unwrap_or(today);
    let start = |number| first + 3 * number * DAY;
    community.events =
        (1..=130).map(|number| event(number, start(number), &people, random)).collect();
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

/// There is one event every third day, from about a year ago to a month ahead.
fn event(number: u32, start: SystemTime, people: &[String], random: &mut fastrand::Rng) -> Event {
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

fn book_circle(today: SystemTime) -> Community {
    let evening = today + 7 * DAY;
    Community::new("book-circle")
        .members(["user-1", "user-2", "user-3"])
        .role(Role::new("hosts").name("Hosts").members(["user-2"]))
        .event(Event::new("book-1", evening).field("title", "Middlemarch, part one"))
}

fn pick(random: &mut fastrand::Rng, from: &[&'static str]) -> &'static str {
    from[random.usize(..from.len())]
}
