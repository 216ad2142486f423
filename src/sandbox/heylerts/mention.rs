//! A mention.

use std::time::SystemTime;

use serde_json::{Value, json};

use crate::sandbox::wall_clock::{self, TimestampFormat};

/// A mention that an alert found.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
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
    /// The text around the keyword.
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
