//! What came, once it is known to be genuine.

use std::fmt;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::error::WebhookError;
use super::event_name::EventName;
use super::payload;
use crate::heylerts::mentions::Mention;

/// A delivery that Heylerts signed. A [`Verifier`](super::Verifier) makes it, and nothing else does.
///
/// What is not documented is looked for where it plausibly is. Nothing is missing because a field has
/// moved: [`json`](Delivery::json) is all of it.
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
#[derive(Clone)]
pub struct Delivery {
    secret_index: usize,
    body_hash: [u8; 32],
    event: Option<EventName>,
    id: Option<String>,
    payload: Value,
}

impl Delivery {
    /// Reads a body whose signature held.
    pub(super) fn read(body: &[u8], secret_index: usize) -> Result<Delivery, WebhookError> {
        let payload: Value = serde_json::from_slice(body).map_err(WebhookError::NotJson)?;
        Ok(Delivery {
            secret_index,
            body_hash: Sha256::digest(body).into(),
            event: payload::event_name(&payload),
            id: payload::event_id(&payload),
            payload,
        })
    }

    /// What it is about; `None` where the payload does not say so in any of the usual places.
    pub fn event(&self) -> Option<&EventName> {
        self.event.as_ref()
    }

    /// The id of the event: `event_id`, `delivery_id`, or the `id` of an envelope around `data`, `mention`
    /// or `payload`. An `id` in the open is that of a mention or an alert, and so is not taken for it; nor is
    /// one that is also the alert's.
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// Which of the verifier's secrets matched, counted from 0.
    pub fn secret_index(&self) -> usize {
        self.secret_index
    }

    /// The SHA-256 hash of the raw body.
    pub fn body_hash(&self) -> [u8; 32] {
        self.body_hash
    }

    /// The whole payload.
    pub fn json(&self) -> &Value {
        &self.payload
    }

    /// The whole payload, to keep.
    pub fn into_json(self) -> Value {
        self.payload
    }

    /// The payload as your own type.
    ///
    /// # Errors
    ///
    /// [`Undecodable`](WebhookError::Undecodable) where it is not like that.
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

    /// The mention, where the payload carries one: as `mention`, alone or within `data`, `payload` or
    /// `event`; or as `data`, `data.object`, `payload` or the payload itself, where that has a `url` and
    /// another field of a mention.
    ///
    /// # Errors
    ///
    /// [`Undecodable`](WebhookError::Undecodable) where it is there and yet cannot be read, as when it has
    /// no `id`.
    pub fn mention(&self) -> Option<Result<Mention, WebhookError>> {
        let mention = payload::mention(&self.payload)?;
        Some(Mention::deserialize(mention).map_err(WebhookError::Undecodable))
    }
}

/// Shows what it is about, but not the payload: a log is no place for what people write.
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

    fn delivery(body: &str) -> Delivery {
        Delivery::read(body.as_bytes(), 0).expect("JSON")
    }

    #[test]
    fn a_mention_that_cannot_be_read_says_so_and_the_rest_is_there() {
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
}
