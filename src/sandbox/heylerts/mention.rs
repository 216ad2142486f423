//! A mention.

use std::time::SystemTime;

use serde_json::{Value, json};

use crate::sandbox::wall_clock::{self, TimestampFormat};

/// Something that an alert found.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Mention {
    /// Its id, a UUID.
    pub id: String,
    /// The alert that found it.
    pub alert_id: String,
    /// Where it was found.
    pub source: String,
    /// Which of `web`, `social` and `forum` the statistics count it under.
    pub category: String,
    /// Its address.
    pub url: String,
    /// Its title.
    pub title: Option<String>,
    /// The words around the keyword.
    pub snippet: Option<String>,
    /// Who wrote it.
    pub author: Option<String>,
    /// Its tone.
    pub sentiment: Option<String>,
    /// How much it is about the keyword, from 0 to 1.
    pub relevance_score: Option<f64>,
    /// When it was found.
    pub found_at: SystemTime,
    /// When it was published.
    pub published_at: Option<SystemTime>,
    /// Whether the account's owner set it aside. Answers leave such out.
    pub ignored: bool,
}

impl Mention {
    /// A neutral mention of an alert, found by Brave when the sandbox began.
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

    /// The mention from another source, counted under that one's usual category.
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

    /// The mention with another sentiment.
    pub fn sentiment(mut self, sentiment: impl Into<String>) -> Mention {
        self.sentiment = Some(sentiment.into());
        self
    }

    /// The mention, found at another time.
    pub fn found_at(mut self, time: SystemTime) -> Mention {
        self.found_at = time;
        self
    }

    /// The mention, set aside by the account's owner.
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
