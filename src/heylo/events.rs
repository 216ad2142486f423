//! Events, and who attended them.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::{self, DeserializeOwned, Deserializer};
use serde_json::{Map, Value, json};

use super::community::Community;
use super::record::{decode, id_of};
use crate::error::Result;
use crate::nullable::null_as_default;
use crate::page::{Cursor, CursorList, Sealed, Walk, list_name};
use crate::pipeline::retry::Safety;
use crate::time::Timestamp;

/// An event.
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
    /// Decodes the event into a type of the caller's own. [`Walk::typed`] does so for all.
    ///
    /// # Errors
    ///
    /// [`Unreadable`](crate::ErrorKind::Unreadable) where it does not fit.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// #[derive(serde::Deserialize)]
    /// struct Meetup {
    ///     title: String,
    /// }
    ///
    /// # fn main() -> heysync::Result<()> {
    /// let client = heysync::heylo::Client::from_env()?;
    /// for meetup in client.community("abc123").events().typed::<Meetup>() {
    ///     println!("{}", meetup?.title);
    /// }
    /// # Ok(())
    /// # }
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
    /// The record's `id`, if it has one.
    pub fn id(&self) -> Option<String> {
        id_of(&self.json, &["id"])
    }

    /// Decodes the record into a type of the caller's own.
    ///
    /// # Errors
    ///
    /// [`Unreadable`](crate::ErrorKind::Unreadable) where it does not fit.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T> {
        decode(&self.json)
    }
}

#[derive(Deserialize)]
struct AttendanceAnswer {
    #[serde(deserialize_with = "null_as_default")]
    attendance: Vec<Attendance>,
}

/// A walk over the events of a community, ordered by their start.
pub type Events<T = Event> = Walk<Cursor<EventList>, T>;

/// The listing behind [`Events`].
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
        // Sorted, since the map is so only where no other crate has `serde_json` keep the order.
        let sorted: BTreeMap<&String, &Value> = self.parameters.iter().collect();
        let filters = format!("{community} {}", json!(sorted));
        list_name("heylo/communityEvents", &filters)
    }

    fn call_name(&self) -> String {
        "POST /apiv1-fetch communityEvents".to_owned()
    }

    fn fetch(&self, after: Option<&str>, items: u32) -> Result<Vec<Value>> {
        let mut fields = self.parameters.clone();
        fields.insert("batchSize".to_owned(), items.into());
        fields.extend(after.map(|id| ("lastEventId".to_owned(), id.into())));
        let call = self
            .community
            .call("apiv1-fetch", "communityEvents", fields)?
            .safety(Safety::Read);
        self.community
            .check(&[])
            .map_err(|refused| refused.with_call(call.name()))?;
        let answer: EventsAnswer = self.community.client().send(&call)?;
        Ok(answer.events)
    }

    fn id(item: &Value) -> Option<String> {
        id_of(item, &EVENT_ID)
    }
}

impl<T> Walk<Cursor<EventList>, T> {
    /// Only events that start after this moment. Sent as milliseconds, in `startTimestamp`.
    pub fn starting_after(self, moment: Timestamp) -> Events<T> {
        self.parameter("startTimestamp", moment.as_millisecond())
    }

    /// Only events that start before this moment. Sent as milliseconds, in `endTimestamp`.
    pub fn ending_before(self, moment: Timestamp) -> Events<T> {
        self.parameter("endTimestamp", moment.as_millisecond())
    }

    /// A parameter that this crate does not know. Setting one starts the walk anew.
    pub fn parameter(self, name: &str, value: impl Into<Value>) -> Events<T> {
        let value = value.into();
        self.change(|pager| drop(pager.list_mut().parameters.insert(name.to_owned(), value)))
    }
}

impl Community {
    /// Lists the events, ordered by their start.
    ///
    /// Calls `POST /apiv1-fetch`, `communityEvents`, in batches of 100. Nothing is sent before the first
    /// event is asked for. It ends at an empty batch, since Heylo does not say that a short one is the
    /// last: one request more than there are batches.
    pub fn events(&self) -> Events {
        let list = EventList {
            community: self.clone(),
            parameters: Map::new(),
        };
        Walk::new(Cursor::new(list))
    }

    /// Lists who attended an event.
    ///
    /// Calls `POST /apiv1-fetch`, `eventAttendance`.
    ///
    /// # Errors
    ///
    /// See [`ErrorKind`](crate::ErrorKind).
    pub fn attendance(&self, event_id: &str) -> Result<Vec<Attendance>> {
        let call = self.read("eventAttendance", &[("eventId", event_id)])?;
        let answer: AttendanceAnswer = self.client().send(&call)?;
        Ok(answer.attendance)
    }
}
