//! An alert.

use std::time::SystemTime;

use serde_json::{Value, json};

use crate::sandbox::wall_clock::{self, TimestampFormat};

/// A search that runs again and again.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Alert {
    /// Its id, a UUID.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// What it looks for.
    pub keyword: String,
    /// Words of which one must be there, too.
    pub include_keywords: Vec<String>,
    /// Words that must not be there.
    pub exclude_keywords: Vec<String>,
    /// Sites that do not count.
    pub ignore_domains: Vec<String>,
    /// Where it looks.
    pub sources: Vec<String>,
    /// How often it looks.
    pub frequency: String,
    /// Whether it looks at all.
    pub is_active: bool,
    /// When it last looked.
    pub last_checked_at: Option<SystemTime>,
    /// When it was made.
    pub created_at: SystemTime,
    /// Whether it looks on X.
    pub x_enabled: bool,
    /// Where its webhook is, if it has one.
    pub webhook_url: Option<String>,
    /// What deliveries are signed with.
    pub webhook_secret: String,
}

impl Alert {
    /// An active, daily alert for all the usual sources, as old as the sandbox.
    pub fn new(name: impl Into<String>, keyword: impl Into<String>) -> Alert {
        Alert {
            id: String::new(),
            name: name.into(),
            keyword: keyword.into(),
            include_keywords: Vec::new(),
            exclude_keywords: Vec::new(),
            ignore_domains: Vec::new(),
            sources: ["brave", "reddit", "hackernews"].map(str::to_owned).into(),
            frequency: "daily".to_owned(),
            is_active: true,
            last_checked_at: None,
            created_at: wall_clock::first_day(),
            x_enabled: false,
            webhook_url: None,
            webhook_secret: String::new(),
        }
    }

    /// The alert with an id; without one it gets a made-up UUID when it is added.
    pub fn id(mut self, id: impl Into<String>) -> Alert {
        self.id = id.into();
        self
    }

    /// The alert, made at another time.
    pub fn created_at(mut self, time: SystemTime) -> Alert {
        self.created_at = time;
        self
    }

    /// The alert with a webhook, whose deliveries are signed with `secret`.
    pub fn webhook(mut self, url: impl Into<String>, secret: impl Into<String>) -> Alert {
        self.webhook_url = Some(url.into());
        self.webhook_secret = secret.into();
        self
    }

    pub(crate) fn to_json(&self, mention_count: usize, style: TimestampFormat) -> Value {
        let time = |time| wall_clock::iso(time, style);
        json!({
            "id": self.id,
            "name": self.name,
            "keyword": self.keyword,
            "include_keywords": self.include_keywords,
            "exclude_keywords": self.exclude_keywords,
            "ignore_domains": self.ignore_domains,
            "sources": self.sources,
            "frequency": self.frequency,
            "is_active": self.is_active,
            "mention_count": mention_count,
            "last_checked_at": self.last_checked_at.map(time),
            "created_at": time(self.created_at),
            "x_enabled": self.x_enabled,
            "webhook_url": self.webhook_url,
            "webhook_configured": self.webhook_url.is_some(),
        })
    }
}
