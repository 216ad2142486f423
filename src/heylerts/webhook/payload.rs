//! The name, the id and the mention of an event, looked for in a payload that is not documented.

use serde_json::{Map, Value};

use crate::heylerts::open_enum::open_enum;

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
    names.map(EventName::from)
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
    use super::*;
    use serde_json::json;

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
        assert_eq!(event_name(&paused), Some(EventName::from("alert.paused")));
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
