//! An alert.

use std::time::SystemTime;

use serde_json::{Value, json};

use crate::sandbox::wall_clock::{self, TimestampFormat};

/// An alert: a search for a keyword that runs regularly.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Alert {
    /// Its id, a UUID.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The keyword that it searches for.
    pub keyword: String,
    /// Keywords of which a mention must contain at least one.
    pub include_keywords: Vec<String>,
    /// Keywords that a mention must not contain.
    pub exclude_keywords: Vec<String>,
    /// Domains whose pages are ignored.
    pub ignore_domains: Vec<String>,
    /// The sources that it searches.
    pub sources: Vec<String>,
    /// How often it searches.
    pub frequency: String,
    /// Whether it is active.
    pub is_active: bool,
    /// When it last searched.
    pub last_checked_at: Option<SystemTime>,
    /// When it was created.
    pub created_at: SystemTime,
    /// Whether it searches X.
    pub x_enabled: bool,
    /// The URL of its webhook, if it has one.
    pub webhook_url: Option<String>,
    /// The secret that signs webhook deliveries.
    pub webhook_secret: String,
}

impl Alert {
    /// Creates an active, daily alert for all documented sources, created when the sandbox started.
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

    /// Sets the id. Without one, the alert gets a random UUID when it is added.
    pub fn id(mut self, id: impl Into<String>) -> Alert {
        self.id = id.into();
        self
    }

    /// Sets when the alert was created.
    pub fn created_at(mut self, time: SystemTime) -> Alert {
        self.created_at = time;
        self
    }

    /// Sets the webhook and the secret that signs its deliveries.
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
