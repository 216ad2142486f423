//! A delivery whose signature matches, and the event in it.

use std::fmt;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use super::error::WebhookError;
use super::signature::Tag;
use crate::heylerts::mentions::Mention;
use crate::heylerts::open_enum::open_enum;

/// A delivery that Heylerts signed. Only a [`Verifier`](super::Verifier) makes one.
///
/// The fields of a payload are not documented, so each is looked for in the usual places. [`json`](Delivery::json)
/// is always the whole payload, and it is what a delivery serializes as. It does not deserialize: a test builds
/// one with [`sign`](super::sign) and a verifier.
///
/// # Examples
///
/// ```
/// use heysync::heylerts::webhook::{Delivery, EventName, WebhookError};
///
/// fn handle(delivery: &Delivery) -> Result<(), WebhookError> {
///     match delivery.event() {
///         Some(EventName::MentionCreated) => match delivery.mention()? {
///             Some(mention) => println!("{:?} {}", mention.title, mention.url),
///             None => println!("a mention, in {}", delivery.json()),
///         },
///         Some(other) => println!("{other}: {}", delivery.json()),
///         None => println!("an event without a name: {}", delivery.json()),
///     }
///     Ok(())
/// }
/// # let body = br#"{"event":"mention.created","data":{"id":"m1","url":"https://example.com/","title":null}}"#;
/// # let signature = heysync::heylerts::webhook::sign("s3cret", body);
/// # let verifier = heysync::heylerts::webhook::Verifier::new("s3cret")?;
/// # let delivery = verifier.verify(body, Some(signature))?;
/// # assert!(delivery.mention()?.is_some());
/// # handle(&delivery)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq)]
pub struct Delivery {
    secret_index: usize,
    fingerprint: [u8; 32],
    event: Option<EventName>,
    id: Option<String>,
    payload: Value,
}

impl Delivery {
    /// Decodes a body whose signature matched. `tag` is the signature of one secret, the same for every body.
    pub(super) fn read(
        body: &[u8],
        secret_index: usize,
        tag: &Tag,
    ) -> Result<Delivery, WebhookError> {
        let payload = crate::json::value(body).map_err(WebhookError::NotJson)?;
        Ok(Delivery {
            secret_index,
            // Not the tag itself: kept in memory for long, that would be a valid signature.
            fingerprint: Sha256::digest(tag.as_bytes()).into(),
            event: event_name(&payload),
            id: event_id(&payload),
            payload,
        })
    }

    /// Returns the name of the event; `None` if the payload has none in any of the usual places.
    pub fn event(&self) -> Option<&EventName> {
        self.event.as_ref()
    }

    /// Returns the id of the event: `event_id`, `delivery_id`, or the `id` of an envelope around `data`,
    /// `mention` or `payload`.
    ///
    /// An `id` without an envelope is the id of a mention or an alert, and is not taken for the event's; neither
    /// is one that is also the alert's.
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// Returns the index of the secret that matched, counted from 0 in the order given to the verifier.
    pub fn secret_index(&self) -> usize {
        self.secret_index
    }

    /// Returns a hash that differs between bodies, and is the same for the same body and first secret.
    pub(super) fn fingerprint(&self) -> [u8; 32] {
        self.fingerprint
    }

    /// Returns the whole payload.
    ///
    /// The signature is checked on the raw bytes; in the JSON, a lone surrogate (`\ud83d`) becomes U+FFFD, a number
    /// out of range (`1e400`) becomes `null`, and an integer beyond 64 bits becomes a string of its digits.
    pub fn json(&self) -> &Value {
        &self.payload
    }

    /// Returns the whole payload, by value.
    pub fn into_json(self) -> Value {
        self.payload
    }

    /// Decodes the whole payload into your own type.
    ///
    /// # Errors
    ///
    /// [`Undecodable`](WebhookError::Undecodable) if it is not of that type.
    ///
    /// # Examples
    ///
    /// ```
    /// use heysync::heylerts::webhook::{Verifier, sign};
    ///
    /// #[derive(serde::Deserialize)]
    /// struct Spike {
    ///     alert_id: String,
    ///     count: u64,
    /// }
    ///
    /// let body = br#"{"event": "spike.detected", "alert_id": "a1", "count": 40}"#;
    /// let delivery = Verifier::new("s3cret")?.verify(body, Some(sign("s3cret", body)))?;
    /// let spike: Spike = delivery.decode()?;
    /// assert_eq!((spike.alert_id.as_str(), spike.count), ("a1", 40));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, WebhookError> {
        T::deserialize(&self.payload)
            .map_err(|cause| WebhookError::undecodable(cause, &self.payload))
    }

    /// Returns the mention; `None` if the payload has none in any of the usual places.
    ///
    /// These are `mention`, alone or within `data`, `payload` or `event`; and `data`, `data.object`, `payload` or the
    /// payload itself, if that has a `url` and another field of a mention.
    ///
    /// # Errors
    ///
    /// [`Undecodable`](WebhookError::Undecodable) if it is there and does not decode, for example because it has
    /// no `id`.
    pub fn mention(&self) -> Result<Option<Mention>, WebhookError> {
        let mention = mention(&self.payload).map(Mention::deserialize);
        mention.transpose().map_err(|cause| WebhookError::undecodable(cause, &self.payload))
    }
}

impl Serialize for Delivery {
    /// Writes the whole payload.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.payload.serialize(serializer)
    }
}

/// Shows the event, but not the payload: people's words do not belong in a log.
impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delivery")
            .field("event", &self.event)
            .field("id", &self.id)
            .field("secret_index", &self.secret_index)
            .finish_non_exhaustive()
    }
}

open_enum! {
    /// The name of an event.
    EventName {
        /// A mention was found.
        MentionCreated = "mention.created",
        /// Mentions arrive faster than usual.
        SpikeDetected = "spike.detected",
    }
}

/// The usual places of the event's name.
const EVENT_NAMES: [&str; 8] = [
    "/event",
    "/type",
    "/event_type",
    "/eventType",
    "/event_name",
    "/topic",
    "/event/type",
    "/event/name",
];

/// Its places if it is in none of those.
const INNER_EVENT_NAMES: [&str; 4] =
    ["/data/event", "/data/type", "/payload/event", "/payload/type"];

/// The usual places of the event's id.
const EVENT_IDS: [&str; 5] = ["/event_id", "/eventId", "/delivery_id", "/deliveryId", "/event/id"];

/// The usual names of an object inside an envelope. An `id` beside it is the event's own, unless it is the
/// alert's: taking that for the event's would make one event of all events of an alert.
const WRAPPERS: [&str; 3] = ["data", "mention", "payload"];

/// The usual places of the alert's id.
const ALERT_IDS: [&str; 7] = [
    "/alert_id",
    "/alert/id",
    "/data/alert_id",
    "/data/alert/id",
    "/payload/alert_id",
    "/payload/alert/id",
    "/mention/alert_id",
];

/// The usual places of the mention's id, if it is not in the mention.
const MENTION_IDS: [&str; 3] = ["/mention_id", "/data/mention_id", "/payload/mention_id"];

/// The usual places of an object that is a mention by its name.
const MENTIONS: [&str; 4] = ["/mention", "/data/mention", "/payload/mention", "/event/mention"];

/// The usual places of an object that is a mention if it looks like one.
const MENTIONS_BY_LOOK: [&str; 4] = ["/data/object", "/data", "/payload", ""];

/// A mention has at least one of these fields, beside its `url`.
const MENTION_FIELDS: [&str; 6] =
    ["title", "snippet", "author", "sentiment", "relevance_score", "found_at"];

/// Returns the first name that is known, else the first of any: `{"type": "mention.created", "topic": "x"}`.
pub(super) fn event_name(payload: &Value) -> Option<EventName> {
    let names = || names(payload, &EVENT_NAMES);
    names()
        .find(EventName::is_known)
        .or_else(|| names().next())
        .or_else(|| self::names(payload, &INNER_EVENT_NAMES).next())
}

fn names(payload: &Value, places: &[&str]) -> impl Iterator<Item = EventName> {
    let names = places.iter().filter_map(|place| payload.pointer(place)?.as_str());
    names.map(EventName::from_string)
}

pub(super) fn event_id(payload: &Value) -> Option<String> {
    let of_envelope = is_envelope(payload).then_some(&"/id");
    EVENT_IDS.iter().chain(of_envelope).find_map(|place| id_text(payload.pointer(place)?))
}

fn is_envelope(payload: &Value) -> bool {
    let wraps = |field: &&str| payload[*field].is_object();
    let is_alerts = |place: &&str| payload.pointer(place) == payload.get("id");
    WRAPPERS.iter().any(wraps) && !ALERT_IDS.iter().any(is_alerts)
}

/// Returns an id as a string; a number becomes its digits.
fn id_text(id: &Value) -> Option<String> {
    match id {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Returns the mention. If it shares an object with the event, its id is `mention_id`.
pub(super) fn mention(payload: &Value) -> Option<Value> {
    let found = find_mention(payload)?;
    let own = ["mention_id", "id"].map(|field| found.get(field));
    let beside = MENTION_IDS.map(|place| payload.pointer(place));
    let id = own.into_iter().chain(beside).flatten().find_map(id_text);
    let id = id.map(|id| ("id".to_owned(), Value::String(id)));
    Some(found.clone().into_iter().chain(id).collect())
}

fn find_mention(payload: &Value) -> Option<&Map<String, Value>> {
    let object = |place: &&str| payload.pointer(place)?.as_object();
    let mut by_look = MENTIONS_BY_LOOK.iter().filter_map(object);
    MENTIONS.iter().find_map(object).or_else(|| by_look.find(|object| looks_like_a_mention(object)))
}

fn looks_like_a_mention(object: &Map<String, Value>) -> bool {
    let has = |field: &&str| object.contains_key(*field);
    has(&"url") && MENTION_FIELDS.iter().any(has)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::heylerts::webhook::signature::Secret;

    fn delivery(body: &str) -> Delivery {
        let tag = Secret::new(b"secret").expect("a secret").tag(body.as_bytes());
        Delivery::read(body.as_bytes(), 0, &tag).expect("JSON")
    }

    #[test]
    fn a_mention_that_does_not_decode_is_an_error_and_the_rest_is_there() {
        let delivery = delivery(r#"{"event": "mention.created", "mention": {"title": "T"}}"#);
        let mention = delivery.mention();
        assert!(matches!(mention, Err(WebhookError::Undecodable(_))));
        assert_eq!(delivery.event(), Some(&EventName::MentionCreated));
        assert_eq!(delivery.json()["mention"]["title"], "T");
    }

    #[test]
    fn the_debug_form_shows_nothing_that_people_wrote() {
        let delivery = delivery(r#"{"event": "mention.created", "mention": {"author": "u/ada"}}"#);
        let shown = format!("{delivery:?}");
        assert!(shown.contains("MentionCreated") && !shown.contains("ada"), "{shown}");
    }

    #[test]
    fn a_delivery_serializes_as_its_whole_payload() {
        let body = r#"{"event":"spike.detected","new":{"field":[1,2.5,null]}}"#;
        assert_eq!(serde_json::to_string(&delivery(body)).expect("JSON"), body);
    }

    #[test]
    fn the_events_name_is_found_in_every_usual_place() {
        for payload in [
            json!({"event": "mention.created"}),
            json!({"type": "mention.created", "data": {}}),
            json!({"event_type": "mention.created"}),
            json!({"type": "webhook", "event": "mention.created"}),
            json!({"event": "created", "type": "mention.created"}),
            json!({"event": {"type": "mention.created"}}),
            json!({"event": {"name": "mention.created"}}),
            json!({"data": {"type": "mention.created"}}),
            json!({"event": null, "payload": {"event": "mention.created"}}),
        ] {
            let name = event_name(&payload);
            assert_eq!(name, Some(EventName::MentionCreated), "{payload}");
        }
    }

    #[test]
    fn an_unknown_name_is_kept_and_no_name_is_none() {
        let paused = json!({"event": "alert.paused", "data": {"type": "mention.created"}});
        assert_eq!(event_name(&paused), Some(EventName::from_string("alert.paused")));
        for payload in [json!({}), json!([]), json!(null), json!({"event": 7})] {
            assert_eq!(event_name(&payload), None, "{payload}");
        }
    }

    #[test]
    fn a_mention_is_found_in_every_usual_place() {
        let it = json!({"id": "m1", "url": "https://example.com/", "title": "T"});
        for payload in [
            json!({"mention": it}),
            json!({"data": it}),
            json!({"data": {"mention": it}}),
            json!({"data": {"object": it}}),
            json!({"payload": it}),
            json!({"payload": {"mention": it, "url": "x", "title": "y"}}),
            json!({"event": {"type": "mention.created", "mention": it}}),
            it.clone(),
        ] {
            assert_eq!(mention(&payload).as_ref(), Some(&it), "{payload}");
        }
    }

    #[test]
    fn an_object_that_is_no_mention_is_not_taken_for_one() {
        for payload in [
            json!({"event": "spike.detected", "id": "a1", "url": "https://heylerts.com/alerts/a1"}),
            json!({"event": "spike.detected", "data": {"id": "a1", "title": "My brand"}}),
            json!({"mention": "m1"}),
            json!({"data": []}),
            json!([]),
            json!(null),
        ] {
            assert_eq!(mention(&payload), None, "{payload}");
        }
    }

    #[test]
    fn the_mentions_id_is_distinguished_from_the_events() {
        let payload =
            json!({"id": "evt", "mention_id": 7, "url": "https://example.com/", "title": "T"});
        assert_eq!(mention(&payload).map(|mention| mention["id"].clone()), Some(json!("7")));
    }

    #[test]
    fn the_mentions_id_is_found_in_every_usual_place() {
        for payload in [
            json!({"mention": {"id": 7}}),
            json!({"mention": {"id": 7, "mention_id": null}}),
            json!({"mention_id": "7", "mention": {"url": "https://example.com/"}}),
            json!({"data": {"mention_id": "7", "mention": {"title": "T"}}}),
            json!({"mention_id": "8", "mention": {"id": "7"}}),
        ] {
            let id = mention(&payload).map(|mention| mention["id"].clone());
            assert_eq!(id, Some(json!("7")), "{payload}");
        }
    }

    #[test]
    fn an_alerts_id_is_not_taken_for_the_events() {
        for payload in [
            json!({"id": "a1", "alert_id": "a1", "data": {"count": 40}}),
            json!({"id": "a1", "alert": {"id": "a1"}, "data": {"count": 40}}),
            json!({"id": "a1", "data": {"alert_id": "a1", "count": 40}}),
            json!({"id": "a1", "payload": {"alert": {"id": "a1"}}}),
            json!({"id": "a1", "mention": {"alert_id": "a1"}}),
        ] {
            assert_eq!(event_id(&payload), None, "{payload}");
        }
    }

    #[test]
    fn an_id_is_the_events_only_if_that_is_certain() {
        let id = |payload: Value| event_id(&payload).unwrap_or_default();
        assert_eq!(id(json!({"event_id": "e1"})), "e1");
        assert_eq!(id(json!({"delivery_id": 12})), "12");
        assert_eq!(id(json!({"event": {"id": "e1"}})), "e1");
        assert_eq!(id(json!({"id": "e1", "data": {"id": "m1"}})), "e1");
        assert_eq!(id(json!({"id": "a1", "event": "spike.detected"})), "");
        assert_eq!(id(json!({"data": {"id": "m1"}})), "");
        assert_eq!(id(json!({"event_id": ""})), "");
        assert_eq!(id(json!([1])), "");
    }
}
