//! Events, and who attended them.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::{self, DeserializeOwned, Deserializer};
use serde_json::{Map, Value, json};

use super::community::Community;
use super::record::{decode, id_of};
use crate::error::{Error, Result};
use crate::json::null_as_default;
use crate::page::{Cursor, CursorList, Sealed, Walk, list_name};
use crate::pipeline::retry::Safety;
use crate::time::Timestamp;

/// An event of a community.
///
/// Heylo documents no field of it, so it is handed on whole: read a field of [`json`](Event::json), or
/// [`decode`](Event::decode) it into a type of your own.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Event {
    /// Its id: `id` or `eventId`, whichever Heylo sends.
    pub id: String,
    /// All of it. Heylo does not document the fields.
    pub json: Value,
}

const EVENT_ID: [&str; 2] = ["id", "eventId"];

impl Event {
    /// Decodes the event into a type of the caller's own. [`Walk::decode_as`] does so for all.
    ///
    /// # Errors
    ///
    /// [`Unreadable`](crate::ErrorKind::Unreadable) where it does not fit; the error's
    /// [`body`](crate::Error::body) is the event.
    ///
    /// # Examples
    ///
    /// ```
    /// #[derive(serde::Deserialize)]
    /// struct Meetup {
    ///     title: String,
    ///     location: Option<String>,
    /// }
    ///
    /// # use heysync::{Config, heylo, sandbox};
    /// # let config = Config::new().transport(sandbox::Heylo::demo()).clock(sandbox::TestClock::new());
    /// # let group = heylo::Client::with_config("key", config)?.community("harbour-runners");
    /// let first = group.events().next().expect("a club with events")?;
    /// let meetup: Meetup = first.decode()?;
    /// println!("{} at {:?}", meetup.title, meetup.location);
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T> {
        decode(&self.json)
    }
}

impl<'de> Deserialize<'de> for Event {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Event, D::Error> {
        let json = Value::deserialize(deserializer)?;
        let id = id_of(&json, &EVENT_ID).ok_or_else(|| de::Error::custom("the event has no id"))?;
        Ok(Event { id, json })
    }
}

/// A record of somebody's attendance at an event.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(transparent)]
#[non_exhaustive]
pub struct Attendance {
    /// All of it. Heylo does not document the fields.
    pub json: Value,
}

impl Attendance {
    /// Returns the record's `id`, if it has one. A number is taken as its text.
    pub fn id(&self) -> Option<String> {
        id_of(&self.json, &["id"])
    }

    /// Decodes the record into a type of the caller's own.
    ///
    /// # Errors
    ///
    /// [`Unreadable`](crate::ErrorKind::Unreadable) where it does not fit.
    ///
    /// # Examples
    ///
    /// Fields that you have seen in your own group's answers:
    ///
    /// ```
    /// #[derive(serde::Deserialize)]
    /// #[serde(rename_all = "camelCase")]
    /// struct Rsvp {
    ///     user_id: String,
    ///     status: String,
    /// }
    ///
    /// # use heysync::{Config, heylo, sandbox};
    /// # let config = Config::new().transport(sandbox::Heylo::demo()).clock(sandbox::TestClock::new());
    /// # let group = heylo::Client::with_config("key", config)?.community("harbour-runners");
    /// let mut going = Vec::new();
    /// for record in group.attendance("event-001")? {
    ///     let rsvp: Rsvp = record.decode()?;
    ///     if rsvp.status == "going" {
    ///         going.push(rsvp.user_id);
    ///     }
    /// }
    /// assert!(going.iter().all(|id| id.starts_with("user-")));
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T> {
        decode(&self.json)
    }
}

#[derive(Deserialize)]
struct AttendanceAnswer {
    #[serde(deserialize_with = "null_as_default")]
    attendance: Vec<Attendance>,
}

/// A walk over the events of a community, ordered by their start, as [`Community::events`] makes it.
///
/// Its settings are [`starting_after`](Walk::starting_after), [`starting_before`](Walk::starting_before) and
/// [`parameter`](Walk::parameter), beside those of every [`Walk`].
pub type Events<T = Event> = Walk<Cursor<EventList>, T>;

/// The listing behind [`Events`]: a community, and what it is filtered by.
#[derive(Clone, Debug)]
pub struct EventList {
    community: Community,
    parameters: Map<String, Value>,
}

#[derive(Deserialize)]
struct EventsAnswer {
    #[serde(deserialize_with = "null_as_default")]
    events: Vec<Value>,
}

impl Sealed for EventList {}

impl CursorList for EventList {
    fn list_name(&self) -> String {
        let community = self.community.id();
        // The batch size is not part of it: a cursor holds whatever the size of the page.
        // Sorted, since the map is so only where no other crate has `serde_json` keep the order.
        let sorted: BTreeMap<&String, &Value> = self.parameters.iter().collect();
        let filters = format!("{community} {}", json!(sorted));
        list_name("heylo/communityEvents", &filters)
    }

    fn call_name(&self) -> String {
        "POST /apiv1-fetch communityEvents".to_owned()
    }

    fn unreadable(&self, item: &Value, cause: serde_json::Error) -> Error {
        self.community.client().unreadable_item(self.call_name(), item, cause)
    }

    fn fetch(&self, after: Option<&str>, items: u32) -> Result<Vec<Value>> {
        let mut fields = self.parameters.clone();
        // Always named: "default 50" would take twice the requests, and those are what is limited.
        fields.insert("batchSize".to_owned(), items.into());
        fields.extend(after.map(|id| ("lastEventId".to_owned(), id.into())));
        let call =
            self.community.call("apiv1-fetch", "communityEvents", fields)?.safety(Safety::Read);
        self.community.check(&[]).map_err(|refused| refused.with_call(call.name()))?;
        let answer: EventsAnswer = self.community.client().send(&call)?;
        Ok(answer.events)
    }

    fn id(item: &Value) -> Option<String> {
        id_of(item, &EVENT_ID)
    }
}

impl<T> Walk<Cursor<EventList>, T> {
    /// Lists only events that start after this moment, not at it.
    ///
    /// Sent in `startTimestamp`, as milliseconds since 1970; parts of one are cut off.
    ///
    /// # Examples
    ///
    /// ```
    /// use heysync::Timestamp;
    ///
    /// # use heysync::{Config, heylo, sandbox};
    /// # let config = Config::new().transport(sandbox::Heylo::demo()).clock(sandbox::TestClock::new());
    /// # let group = heylo::Client::with_config("key", config)?.community("harbour-runners");
    /// let may: Timestamp = "2026-05-01T00:00:00Z".parse()?;
    /// let june: Timestamp = "2026-06-01T00:00:00Z".parse()?;
    /// let events = group.events().starting_after(may).starting_before(june);
    /// assert_eq!(events.count(), 10);
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn starting_after(self, moment: Timestamp) -> Events<T> {
        self.parameter("startTimestamp", moment.as_millisecond())
    }

    /// Lists only events that start before this moment. It is their start that counts, not their end.
    ///
    /// Sent in `endTimestamp`, as milliseconds since 1970.
    pub fn starting_before(self, moment: Timestamp) -> Events<T> {
        self.parameter("endTimestamp", moment.as_millisecond())
    }

    /// Sets a parameter of the request that this crate does not know.
    ///
    /// It becomes a field of the JSON body, next to `type` and `communityId`. As with every filter, setting
    /// one starts the walk anew.
    ///
    /// # Examples
    ///
    /// ```
    /// # use heysync::{Config, heylo, sandbox};
    /// # let config = Config::new().transport(sandbox::Heylo::demo()).clock(sandbox::TestClock::new());
    /// # let group = heylo::Client::with_config("key", config)?.community("harbour-runners");
    /// let drafts = group.events().parameter("includeDrafts", true);
    /// assert!(drafts.count() > 100);
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn parameter(self, name: &str, value: impl Into<Value>) -> Events<T> {
        let value = value.into();
        self.change(|pager| drop(pager.list_mut().parameters.insert(name.to_owned(), value)))
    }
}

impl Community {
    /// Lists the events, ordered by their start.
    ///
    /// Calls `POST /apiv1-fetch`, `communityEvents`, in batches of 100, the most that Heylo gives (its own
    /// default is 50). Nothing is sent before the first event is asked for. It ends at an empty batch,
    /// since Heylo does not say that a short one is the last: one request more than there are batches.
    ///
    /// A request that fails is one `Err`, and ends the walk; see [`page`](crate::page).
    ///
    /// # Examples
    ///
    /// The first few now, and the rest in a later run:
    ///
    /// ```
    /// # use heysync::{Config, heylo, sandbox};
    /// # let config = Config::new().transport(sandbox::Heylo::demo()).clock(sandbox::TestClock::new());
    /// # let group = heylo::Client::with_config("key", config)?.community("harbour-runners");
    /// let mut events = group.events();
    /// for event in events.by_ref().take(3) {
    ///     println!("{}", event?.id);
    /// }
    /// let place = events.position().to_string(); // a line of text, to be kept in a file
    ///
    /// let rest = group.events().resume_at(&place.parse()?)?;
    /// assert_eq!(rest.count(), 127);
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn events(&self) -> Events {
        let list = EventList { community: self.clone(), parameters: Map::new() };
        Walk::new(Cursor::new(list))
    }

    /// Lists the attendance records of an event, all in one answer.
    ///
    /// Calls `POST /apiv1-fetch`, `eventAttendance`.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) where an id is empty; else see
    /// [`ErrorKind`](crate::ErrorKind).
    ///
    /// # Examples
    ///
    /// ```
    /// # use heysync::{Config, heylo, sandbox};
    /// # let config = Config::new().transport(sandbox::Heylo::demo()).clock(sandbox::TestClock::new());
    /// # let group = heylo::Client::with_config("key", config)?.community("harbour-runners");
    /// let records = group.attendance("event-001")?;
    /// let maybe = records.iter().filter(|record| record.json["status"] == "maybe");
    /// println!("{} answers, {} of them maybe", records.len(), maybe.count());
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn attendance(&self, event_id: &str) -> Result<Vec<Attendance>> {
        let call = self.read("eventAttendance", &[("eventId", event_id)])?;
        let answer: AttendanceAnswer = self.client().send(&call)?;
        Ok(answer.attendance)
    }
}
