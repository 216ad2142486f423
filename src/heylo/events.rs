//! Events, and the attendance at them.

use serde::de::{self, DeserializeOwned, Deserializer};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;

use super::client::Community;
use super::listing::{self, Names};
use super::record::{decode, id_of, whole, with_id};
use crate::error::{Error, Result};
use crate::json::vec_without_nulls;
use crate::page::Pager;
use crate::time::Timestamp;

/// An event of a community.
///
/// Heylo documents no field of it, so it is kept whole: read a field of [`json`](Event::json), or
/// [`decode`](Event::decode) it into a type of your own. It is written as the JSON that it came as.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Event {
    /// The id: the field `id` or `eventId`, whichever Heylo sends.
    pub id: String,
    /// All fields.
    pub json: Value,
}

const EVENT_ID: [&str; 2] = ["id", "eventId"];

impl Event {
    /// Creates an event from its JSON, as for the tests of your own program.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if it has neither `id` nor `eventId`.
    ///
    /// # Examples
    ///
    /// ```
    /// use heysync::heylo::Event;
    /// use heysync::serde_json::json;
    ///
    /// let event = Event::from_json(json!({"id": "e1", "title": "Tempo run"}))?;
    /// assert_eq!(event.id, "e1");
    /// assert_eq!(json!(event)["title"], "Tempo run");
    /// assert!(Event::from_json(json!({"title": "no id"})).is_err());
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn from_json(json: Value) -> Result<Event> {
        let id = id_of(&json, &EVENT_ID).ok_or_else(|| Error::invalid("the event has no id"))?;
        Ok(Event { id, json })
    }

    /// Decodes the event into a type of your own. [`Pager::decode_as`] does so for all events of a list.
    ///
    /// # Errors
    ///
    /// [`Unreadable`](crate::ErrorKind::Unreadable) if it does not fit. The error's source names the field and what was
    /// expected, without a value of the event.
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
    /// # let community = heylo::Client::with_config("key", config)?.community("harbour-runners");
    /// let first = community.events().next().expect("a community with events")?;
    /// let meetup: Meetup = first.decode()?;
    /// println!("{} at {:?}", meetup.title, meetup.location);
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T> {
        decode(&self.json)
    }
}

impl Serialize for Event {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        with_id(&self.json, &self.id, &EVENT_ID).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Event {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Event, D::Error> {
        Event::from_json(whole(deserializer)?)
            .map_err(|refused| de::Error::custom(refused.message()))
    }
}

/// A record of a person's attendance at an event.
///
/// Heylo documents no field of it, so it is kept whole. It is written as the JSON that it came as.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Attendance {
    /// The record's `id`, if it has one; a number as its digits.
    pub id: Option<String>,
    /// All fields.
    pub json: Value,
}

const ATTENDANCE_ID: [&str; 1] = ["id"];

impl Attendance {
    /// Creates a record from its JSON, as for the tests of your own program.
    ///
    /// # Examples
    ///
    /// ```
    /// use heysync::heylo::Attendance;
    /// use heysync::serde_json::json;
    ///
    /// let record = Attendance::from_json(json!({"id": 7, "status": "going"}));
    /// assert_eq!(record.id.as_deref(), Some("7"));
    /// ```
    pub fn from_json(json: Value) -> Attendance {
        Attendance { id: id_of(&json, &ATTENDANCE_ID), json }
    }

    /// Decodes the record into a type of your own.
    ///
    /// # Errors
    ///
    /// [`Unreadable`](crate::ErrorKind::Unreadable) if it does not fit.
    ///
    /// # Examples
    ///
    /// With the fields that your own community's responses have:
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
    /// # let community = heylo::Client::with_config("key", config)?.community("harbour-runners");
    /// let mut going = Vec::new();
    /// for record in community.attendance("event-001")? {
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

impl Serialize for Attendance {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let id = self.id.as_deref().unwrap_or_default();
        with_id(&self.json, id, &ATTENDANCE_ID).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Attendance {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Attendance, D::Error> {
        whole(deserializer).map(Attendance::from_json)
    }
}

#[derive(Deserialize)]
struct AttendanceResponse {
    #[serde(deserialize_with = "vec_without_nulls")]
    attendance: Vec<Attendance>,
}

/// An iterator over the events of a community, ordered by their start, as [`Community::events`] returns it.
///
/// Set the filters before the first event is requested: one that is set later, or after
/// [`resume_at`](Pager::resume_at), is an error of the kind [`InvalidInput`](crate::ErrorKind::InvalidInput), and the
/// only item that comes.
pub type Events<T = Event> = Pager<Event, T>;

const EVENTS: Names = Names {
    kind: "communityEvents",
    cursor: "lastEventId",
    read: |body| listing::page(body, "events", &EVENT_ID),
};

impl<T> Pager<Event, T> {
    /// Lists only events that start after this moment, not at it: `startTimestamp`.
    ///
    /// A [`Timestamp`] or a [`SystemTime`](std::time::SystemTime) will do. It is sent as milliseconds since 1970;
    /// fractions of a millisecond are cut off. [`Timestamp::UNIX_EPOCH`] is a start before all events. A moment before
    /// the year 1 makes the first item an error and sends nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// use heysync::Timestamp;
    ///
    /// # use heysync::{Config, heylo, sandbox};
    /// # let config = Config::new().transport(sandbox::Heylo::demo()).clock(sandbox::TestClock::new());
    /// # let community = heylo::Client::with_config("key", config)?.community("harbour-runners");
    /// let may: Timestamp = "2026-05-01T00:00:00Z".parse()?;
    /// let june: Timestamp = "2026-06-01T00:00:00Z".parse()?;
    /// let events = community.events().starting_after(may).starting_before(june);
    /// assert_eq!(events.count(), 10);
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn starting_after(self, moment: impl Into<Timestamp>) -> Events<T> {
        let moment = moment.into();
        self.filter_by_time("startTimestamp", moment, moment.as_millisecond())
    }

    /// Lists only events that start before this moment: `endTimestamp`. Their start counts, not their end.
    ///
    /// A [`Timestamp`] or a [`SystemTime`](std::time::SystemTime) will do. It is sent as milliseconds since 1970. A
    /// moment before the year 1 is rejected as by [`starting_after`](Pager::starting_after).
    pub fn starting_before(self, moment: impl Into<Timestamp>) -> Events<T> {
        let moment = moment.into();
        self.filter_by_time("endTimestamp", moment, moment.as_millisecond())
    }

    /// Sets a filter that this crate does not know, as a field of the request's JSON beside `type` and
    /// `communityId`. A field that is set again replaces the earlier one.
    ///
    /// # Examples
    ///
    /// ```
    /// # use heysync::{Config, heylo, sandbox};
    /// # let config = Config::new().transport(sandbox::Heylo::demo()).clock(sandbox::TestClock::new());
    /// # let community = heylo::Client::with_config("key", config)?.community("harbour-runners");
    /// let drafts = community.events().parameter("includeDrafts", true);
    /// assert!(drafts.count() > 100);
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn parameter(self, name: impl AsRef<str>, value: impl Into<Value>) -> Events<T> {
        self.filter_by(name.as_ref(), value.into())
    }
}

impl Community {
    /// Lists the events, ordered by their start.
    ///
    /// Calls `POST /apiv1-fetch`, `communityEvents`, in batches of 100, the most that Heylo sends (its own default is
    /// 50). Nothing is sent before the first event is requested. A request that fails is one `Err` and finishes the
    /// iterator; see [`page`](crate::page).
    ///
    /// # Examples
    ///
    /// The first events now, and the rest in a later run:
    ///
    /// ```
    /// # use heysync::{Config, heylo, sandbox};
    /// # let config = Config::new().transport(sandbox::Heylo::demo()).clock(sandbox::TestClock::new());
    /// # let community = heylo::Client::with_config("key", config)?.community("harbour-runners");
    /// let mut events = community.events();
    /// for event in events.by_ref().take(3) {
    ///     println!("{}", event?.id);
    /// }
    /// let saved = events.position().to_string(); // one line, to be kept in a file
    ///
    /// let rest = community.events().resume_at(&saved.parse()?)?;
    /// assert_eq!(rest.count(), 127);
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn events(&self) -> Events {
        listing::pager(self, EVENTS)
    }

    /// Lists the attendance records of an event, all in one response.
    ///
    /// Calls `POST /apiv1-fetch`, `eventAttendance`.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if an id is empty; otherwise see [`ErrorKind`](crate::ErrorKind).
    ///
    /// # Examples
    ///
    /// ```
    /// # use heysync::{Config, heylo, sandbox};
    /// # let config = Config::new().transport(sandbox::Heylo::demo()).clock(sandbox::TestClock::new());
    /// # let community = heylo::Client::with_config("key", config)?.community("harbour-runners");
    /// let records = community.attendance("event-001")?;
    /// let maybe = records.iter().filter(|record| record.json["status"] == "maybe");
    /// println!("{} responses, {} of them maybe", records.len(), maybe.count());
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn attendance(&self, event_id: impl AsRef<str>) -> Result<Vec<Attendance>> {
        let call = self.read("eventAttendance", &[("eventId", event_id.as_ref())]);
        let response: AttendanceResponse = self.client().send(&call)?;
        Ok(response.attendance)
    }
}
