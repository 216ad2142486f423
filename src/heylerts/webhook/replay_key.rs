//! What a delivery is remembered by.

use sha2::{Digest as _, Sha256};

use super::delivery::Delivery;
use super::event_name::EventName;

/// A hash, so that long ids take no more room than short ones.
pub(super) type Key = [u8; 32];

/// The id of the event with its name, since the id of one kind of event may be that of another kind; else the
/// hash of the body. What is hashed with an id begins as no JSON does, and so is no body.
pub(super) fn of_delivery(delivery: &Delivery) -> Key {
    let event = delivery.event().map(EventName::as_str);
    match delivery.id() {
        Some(id) => Sha256::digest(format!("event {event:?} {id}")).into(),
        None => delivery.body_hash(),
    }
}

/// An id of the caller's own.
pub(super) fn of_own_id(id: &[u8]) -> Key {
    Sha256::digest([b"own ", id].concat()).into()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn key(body: &str) -> Key {
        of_delivery(&Delivery::read(body.as_bytes(), 0).expect("JSON"))
    }

    #[test]
    fn an_event_is_known_by_its_id_even_where_the_body_differs() {
        let first = key(r#"{"event_id":"e","sent_at":1}"#);
        assert_eq!(first, key(r#"{"event_id":"e","sent_at":2}"#));
        assert_ne!(first, key(r#"{"event_id":"f"}"#));
        assert_ne!(
            key(r#"{"event_id":"e","type":"mention.created"}"#),
            key(r#"{"event_id":"e","type":"spike.detected"}"#)
        );
    }

    #[test]
    fn an_event_without_an_id_is_known_by_its_body() {
        assert_eq!(key(r#"{"a":1}"#), key(r#"{"a":1}"#));
        assert_ne!(key(r#"{"a":1}"#), key(r#"{"a":2}"#));
        assert_ne!(key(r#"{"id":"alert","at":1}"#), key(r#"{"id":"alert","at":2}"#));
    }

    #[test]
    fn ids_bodies_and_ones_own_ids_are_not_taken_for_each_other() {
        let keys = HashSet::from([
            key("1\n "),
            key(r#"{"event":"1","event_id":" "}"#),
            key(r#"{"event":"a\nb","event_id":"c"}"#),
            key(r#"{"event":"a","event_id":"b\nc"}"#),
            of_own_id(b"1\n "),
        ]);
        assert_eq!(keys.len(), 5);
    }
}
