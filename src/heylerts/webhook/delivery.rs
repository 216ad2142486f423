//! A delivery whose signature matched.

use std::fmt;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::error::WebhookError;
use super::payload::{self, EventName};
use super::secret::Tag;
use crate::heylerts::mentions::Mention;

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
///         Some(EventName::MentionCreated) => match delivery.mention().transpose()? {
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
/// # assert!(delivery.mention().is_some());
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
            event: payload::event_name(&payload),
            id: payload::event_id(&payload),
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
    /// The signature is checked on the raw bytes; of the JSON, a lone surrogate (`\ud83d`) becomes U+FFFD, and
    /// a number out of range (`1e400`) becomes `null`, and an integer beyond 64 bits a string of its digits.
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
        T::deserialize(&self.payload).map_err(WebhookError::Undecodable)
    }

    /// Returns the mention, if the payload carries one: as `mention`, alone or within `data`, `payload` or
    /// `event`; or as `data`, `data.object`, `payload` or the payload itself, if that has a `url` and another
    /// field of a mention.
    ///
    /// # Errors
    ///
    /// [`Undecodable`](WebhookError::Undecodable) if it is there and does not decode, for example because it has
    /// no `id`.
    pub fn mention(&self) -> Option<Result<Mention, WebhookError>> {
        let mention = payload::mention(&self.payload)?;
        Some(Mention::deserialize(mention).map_err(WebhookError::Undecodable))
    }
}

impl Serialize for Delivery {
    /// Writes the whole payload.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.payload.serialize(serializer)
    }
}

/// Shows the event, but not the payload: people's words do not belong into a log.
impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delivery")
            .field("event", &self.event)
            .field("id", &self.id)
            .field("secret_index", &self.secret_index)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heylerts::webhook::secret::Secret;

    fn delivery(body: &str) -> Delivery {
        let tag = Secret::new(b"secret").expect("a secret").tag(body.as_bytes());
        Delivery::read(body.as_bytes(), 0, &tag).expect("JSON")
    }

    #[test]
    fn a_mention_that_does_not_decode_is_an_error_and_the_rest_is_there() {
        let delivery = delivery(r#"{"event": "mention.created", "mention": {"title": "T"}}"#);
        let mention = delivery.mention();
        assert!(matches!(mention, Some(Err(WebhookError::Undecodable(_)))));
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
}
