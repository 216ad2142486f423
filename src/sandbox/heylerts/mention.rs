//! A mention, and its delivery to the webhook of its alert.

use std::time::SystemTime;

use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method};
use serde_json::{Value, json};

use crate::sandbox::wall_clock::{self, TimestampFormat};

/// A mention that an alert found.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
#[must_use]
pub struct Mention {
    /// Its id, a UUID.
    pub id: String,
    /// The id of the alert that found it.
    pub alert_id: String,
    /// The source in which it was found.
    pub source: String,
    /// The category in the statistics: `web`, `social` or `forum`.
    pub category: String,
    /// Its URL.
    pub url: String,
    /// Its title.
    pub title: Option<String>,
    /// The words around the keyword.
    pub snippet: Option<String>,
    /// Its author.
    pub author: Option<String>,
    /// Its sentiment.
    pub sentiment: Option<String>,
    /// Its relevance, from 0 to 1.
    pub relevance_score: Option<f64>,
    /// When it was found.
    pub found_at: SystemTime,
    /// When it was published.
    pub published_at: Option<SystemTime>,
    /// Whether the user has ignored it. Lists and statistics leave out ignored mentions.
    pub ignored: bool,
}

impl Mention {
    /// Creates a neutral mention from Brave, found when the sandbox started.
    pub fn new(alert_id: impl Into<String>, title: impl Into<String>) -> Mention {
        let mention = Mention {
            id: String::new(),
            alert_id: alert_id.into(),
            source: String::new(),
            category: String::new(),
            url: "https://news.example/story".to_owned(),
            title: Some(title.into()),
            snippet: None,
            author: None,
            sentiment: Some("neutral".to_owned()),
            relevance_score: Some(0.5),
            found_at: wall_clock::first_day(),
            published_at: None,
            ignored: false,
        };
        mention.source("brave")
    }

    /// Sets the source, and the category of that source.
    pub fn source(mut self, source: impl Into<String>) -> Mention {
        self.source = source.into();
        self.category = match self.source.as_str() {
            "reddit" | "x" | "twitter" => "social",
            "hackernews" => "forum",
            _ => "web",
        }
        .to_owned();
        self
    }

    /// Sets the sentiment.
    pub fn sentiment(mut self, sentiment: impl Into<String>) -> Mention {
        self.sentiment = Some(sentiment.into());
        self
    }

    /// Sets when the mention was found.
    pub fn found_at(mut self, time: SystemTime) -> Mention {
        self.found_at = time;
        self
    }

    /// Marks the mention as ignored.
    pub fn ignored(mut self) -> Mention {
        self.ignored = true;
        self
    }

    pub(crate) fn to_json(&self, style: TimestampFormat) -> Value {
        let time = |time| wall_clock::iso(time, style);
        json!({
            "id": self.id,
            "alert_id": self.alert_id,
            "source": self.source,
            "url": self.url,
            "title": self.title,
            "snippet": self.snippet,
            "author": self.author,
            "sentiment": self.sentiment,
            "relevance_score": self.relevance_score,
            "found_at": time(self.found_at),
            "published_at": self.published_at.map(time),
            "ignored": self.ignored,
        })
    }
}

/// One delivery to the webhook of an alert.
///
/// The vendor documents the events and the signature, but no field of the body: the fields here are invented.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Delivery {
    /// The `webhook_url` of the alert.
    pub url: String,
    /// The id of the alert.
    pub alert_id: String,
    /// `mention.created` or `spike.detected`.
    pub event: String,
    /// The JSON body, which is signed byte by byte.
    pub body: Vec<u8>,
    /// The secret of the alert at the time of the event.
    pub secret: String,
}

impl Delivery {
    /// Builds the signed request to the webhook.
    ///
    /// `sign` gets the secret and the body, and returns the value of `X-Heylerts-Signature`: the HMAC-SHA256 of
    /// the body with the secret. With the feature `webhook`, that is `heylerts::webhook::sign`.
    #[cfg_attr(
        feature = "webhook",
        doc = r#"
# Examples

A test of a receiver with the delivery of a new mention:

```
use heysync::heylerts::webhook::{Verifier, sign};
use heysync::sandbox::Heylerts;
use heysync::sandbox::heylerts::{Alert, Mention};

let heylerts = Heylerts::new();
let alert = Alert::new("My brand", "heysync").webhook("http://localhost:9000/hook", "wh-7f3a");
let alert = heylerts.add_alert(alert);
heylerts.receive(Mention::new(&alert, "Look at this"));

let verifier = Verifier::new("wh-7f3a")?;
for delivery in heylerts.take_deliveries() {
    // Over a socket, send the request with `UreqTransport` or any other client.
    let request = delivery.to_request(|secret, body| sign(secret, body));
    let signature = request.headers().get("x-heylerts-signature");
    let received = verifier.verify(request.body(), signature.map(|it| it.as_bytes()))?;
    let mention = received.mention()?.expect("a mention");
    assert_eq!(mention.title.as_deref(), Some("Look at this"));
}
# Ok::<(), Box<dyn std::error::Error>>(())
```
"#
    )]
    pub fn to_request(&self, sign: impl FnOnce(&[u8], &[u8]) -> String) -> http::Request<Vec<u8>> {
        let signature = sign(self.secret.as_bytes(), &self.body);
        let mut request = http::Request::new(self.body.clone());
        *request.method_mut() = Method::POST;
        if let Ok(uri) = self.url.parse() {
            *request.uri_mut() = uri;
        }
        let headers = request.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Ok(signature) = HeaderValue::from_str(&signature) {
            headers.insert("x-heylerts-signature", signature);
        }
        request
    }
}
