//! What Heylo holds: communities with their members, roles, events and invites.

use std::time::SystemTime;

use serde_json::{Map, Value, json};

use crate::sandbox::calendar;

/// All of a sandbox's Heylo.
///
/// It is plain data: [`change`](crate::sandbox::Sandbox::change) hands it out to be changed, and
/// [`state`](crate::sandbox::Sandbox::state) gives a copy to look into.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct World {
    /// The communities, in no order that matters.
    pub communities: Vec<Community>,
    /// The keys that are accepted. Where there are none, every key is.
    pub keys: Vec<String>,
    /// How the service does what the vendor's page leaves open.
    pub settings: Settings,
    pub(crate) invites_sent: u64,
}

/// How the service does what the vendor's page leaves open.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Settings {
    /// Whether pages hold about half of what was asked for. Default: no, as many as there are.
    pub short_pages: bool,
    /// Whether the event `lastEventId` comes back as the first of the page. Default: no.
    pub inclusive_cursor: bool,
    /// Where an event carries its id.
    pub event_id: EventId,
    /// What removing a member and inviting answer on success.
    pub acknowledgement: Acknowledgement,
    /// Whether the answer to a role's update leaves out who was in the role, or out of it, already.
    /// Default: no, it names everybody whom Heylo did not drop.
    pub names_only_changes: bool,
    /// Whether inviting answers 201. Default: no, 200.
    pub invite_is_created: bool,
    /// Whether removing somebody who is not there succeeds. Default: no, 404.
    pub absent_is_removed: bool,
}

/// Where an event carries its id.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum EventId {
    /// In `id`.
    #[default]
    Id,
    /// In `eventId`.
    EventId,
    /// In `id`, as a number where it is one.
    Number,
}

/// What removing a member and inviting answer on success.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Acknowledgement {
    /// `{"success": true}`, and the id of an invite.
    #[default]
    Json,
    /// `OK`, as plain text.
    Text,
    /// No body.
    Empty,
}

/// A group with its people and events.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Community {
    /// Its id: `communityId`.
    pub id: String,
    /// Everybody in it, hidden and inactive members included.
    pub members: Vec<Member>,
    /// Its roles.
    pub roles: Vec<Role>,
    /// Its events, in any order.
    pub events: Vec<Event>,
    /// The invites that are pending.
    pub invites: Vec<Invite>,
}

/// Somebody in a community.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Member {
    /// The stable id in the caller's own system: `userId`.
    pub user_id: String,
    /// Whether roles can be given to them.
    pub standing: Standing,
}

/// What kind of a member somebody is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Standing {
    /// They can be given roles.
    #[default]
    Active,
    /// They can be given roles, too.
    Hidden,
    /// An update of a role drops them silently.
    Inactive,
}

/// A role and who has it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Role {
    /// Its id: `roleId`.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// The ids of those who have it, in the order they got it.
    pub member_ids: Vec<String>,
}

/// An event and who said what about coming.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Event {
    /// Its id.
    pub id: String,
    /// When it begins. It is sent as `startTimestamp`, in milliseconds: a made-up name, as the vendor's page
    /// names no field of an event.
    pub start: SystemTime,
    /// Its other fields, as they are sent.
    pub fields: Map<String, Value>,
    /// The attendance records, as they are sent; the vendor's page names no field.
    pub attendance: Vec<Value>,
}

/// An invite that was sent and not yet answered.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Invite {
    /// Its number, from 1.
    pub id: u64,
    /// Whom it is for.
    pub user_id: String,
    /// The `member` of the request, as it came.
    pub member: Value,
    /// Where answers to the e-mail go, where that was said.
    pub reply_to_email: Option<String>,
    /// Whether no e-mail was to be sent.
    pub suppress_emails: bool,
}

impl World {
    /// The community of that id.
    pub fn community(&self, id: &str) -> Option<&Community> {
        self.communities.iter().find(|community| community.id == id)
    }

    /// The community of that id, to be changed.
    pub fn community_mut(&mut self, id: &str) -> Option<&mut Community> {
        let mut communities = self.communities.iter_mut();
        communities.find(|community| community.id == id)
    }
}

impl Community {
    /// A community with nobody and nothing in it.
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

    /// Whether a role can be given to this user: an active or hidden member.
    pub(crate) fn can_have_roles(&self, user_id: &str) -> bool {
        let member = self.members.iter().find(|member| member.user_id == user_id);
        member.is_some_and(|member| member.standing != Standing::Inactive)
    }
}

impl Member {
    /// An active member.
    pub fn new(user_id: impl Into<String>) -> Member {
        Member { user_id: user_id.into(), standing: Standing::Active }
    }

    /// The member with another standing.
    pub fn standing(mut self, standing: Standing) -> Member {
        self.standing = standing;
        self
    }
}

impl Role {
    /// A role that nobody has yet, named like its id.
    pub fn new(id: impl Into<String>) -> Role {
        let id = id.into();
        Role { name: id.clone(), id, member_ids: Vec::new() }
    }

    /// The role under another name.
    pub fn name(mut self, name: &str) -> Role {
        self.name = name.to_owned();
        self
    }

    /// Gives the role to these.
    pub fn members<I: Into<String>>(mut self, ids: impl IntoIterator<Item = I>) -> Role {
        self.member_ids.extend(ids.into_iter().map(Into::into));
        self
    }

    pub(crate) fn to_json(&self) -> Value {
        json!({"id": self.id, "name": self.name})
    }
}

impl Event {
    /// An event without further fields that nobody said anything about.
    pub fn new(id: impl Into<String>, start: SystemTime) -> Event {
        Event { id: id.into(), start, fields: Map::new(), attendance: Vec::new() }
    }

    /// Adds a field.
    pub fn field(mut self, name: &str, value: impl Into<Value>) -> Event {
        self.fields.insert(name.to_owned(), value.into());
        self
    }

    /// Adds a record of attendance: somebody's `userId` and their `status`.
    pub fn attended(mut self, user_id: &str, status: &str) -> Event {
        let record = json!({"userId": user_id, "status": status});
        self.attendance.push(record);
        self
    }

    /// Events are ordered by their start, and those that start together by their id.
    pub(crate) fn place(&self) -> (i64, &str) {
        (calendar::to_millis(self.start), &self.id)
    }

    pub(crate) fn to_json(&self, style: EventId) -> Value {
        let mut event = self.fields.clone();
        let name = match style {
            EventId::EventId => "eventId",
            EventId::Id | EventId::Number => "id",
        };
        let id = match self.id.parse::<u64>() {
            // An id like 007 would come back as another one.
            Ok(number) if style == EventId::Number && number.to_string() == self.id => {
                number.into()
            }
            _ => Value::from(self.id.as_str()),
        };
        event.insert(name.to_owned(), id);
        let start = calendar::to_millis(self.start);
        event.insert("startTimestamp".to_owned(), start.into());
        Value::Object(event)
    }
}
