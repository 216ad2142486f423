//! Alerts: what is watched for.

use std::collections::HashSet;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use super::client::Client;
use super::listing::Listing;
use super::mentions::Source;
use super::open_enum::open_enum;
use crate::error::{Error, ErrorKind, Result};
use crate::nullable::null_as_default;
use crate::page::{Numbered, Walk};
use crate::pipeline::call::Call;
use crate::pipeline::retry::Safety;
use crate::time::Timestamp;

/// How often [`Client::create_alert_once`] sends its request at most.
const CREATIONS: u32 = 3;

/// A keyword that Heylerts watches for.
#[derive(Clone, Debug, Deserialize)]
#[non_exhaustive]
pub struct Alert {
    /// Its id.
    pub id: String,
    /// Its name.
    #[serde(default, deserialize_with = "null_as_default")]
    pub name: String,
    /// What is watched for.
    #[serde(default, deserialize_with = "null_as_default")]
    pub keyword: String,
    /// Words of which a mention must have one.
    #[serde(default, deserialize_with = "null_as_default")]
    pub include_keywords: Vec<String>,
    /// Words that a mention must not have.
    #[serde(default, deserialize_with = "null_as_default")]
    pub exclude_keywords: Vec<String>,
    /// Domains whose mentions do not count.
    #[serde(default, deserialize_with = "null_as_default")]
    pub ignore_domains: Vec<String>,
    /// Where is searched.
    #[serde(default, deserialize_with = "null_as_default")]
    pub sources: Vec<Source>,
    /// How often is searched.
    pub frequency: Option<Frequency>,
    /// Whether it is searched at all. An alert that does not say so is active.
    #[serde(default = "yes", deserialize_with = "null_as_yes")]
    pub is_active: bool,
    /// How many mentions it has found.
    #[serde(default, deserialize_with = "null_as_default")]
    pub mention_count: u64,
    /// When was last searched.
    pub last_checked_at: Option<Timestamp>,
    /// When it was created.
    pub created_at: Option<Timestamp>,
    /// Whether X is searched too.
    #[serde(default, deserialize_with = "null_as_default")]
    pub x_enabled: bool,
    /// Where its webhooks go.
    pub webhook_url: Option<String>,
    /// Whether webhooks are set up.
    #[serde(default, deserialize_with = "null_as_default")]
    pub webhook_configured: bool,
    /// The fields that this crate does not know.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

fn yes() -> bool {
    true
}

fn null_as_yes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    Option::deserialize(deserializer).map(|given| given.unwrap_or(true))
}

open_enum! {
    /// How often an alert is searched.
    Frequency {
        /// Once a day.
        Daily = "daily",
    }
}

/// An alert to create.
///
/// # Examples
///
/// ```
/// use heysync::heylerts::{Frequency, NewAlert, Source};
///
/// let alert = NewAlert::new("Competitor X", "competitor x")
///     .include(["launch"])
///     .exclude(["job posting"])
///     .ignore_domains(["spam.example"])
///     .sources([Source::Brave, Source::Reddit, Source::HackerNews])
///     .frequency(Frequency::Daily);
/// assert_eq!(serde_json::json!(alert)["exclude_keywords"][0], "job posting");
/// ```
#[derive(Clone, Debug, Default, Serialize)]
#[must_use]
pub struct NewAlert {
    name: String,
    keyword: String,
    #[serde(flatten)]
    fields: Map<String, Value>,
}

impl NewAlert {
    /// An alert called `name` that watches for `keyword`. The service decides on all that is not set.
    pub fn new(name: impl Into<String>, keyword: impl Into<String>) -> NewAlert {
        NewAlert {
            name: name.into(),
            keyword: keyword.into(),
            fields: Map::new(),
        }
    }

    /// Words of which a mention must have one.
    pub fn include<I: IntoIterator<Item: Into<String>>>(self, words: I) -> NewAlert {
        self.field("include_keywords", texts(words))
    }

    /// Words that a mention must not have.
    pub fn exclude<I: IntoIterator<Item: Into<String>>>(self, words: I) -> NewAlert {
        self.field("exclude_keywords", texts(words))
    }

    /// Domains whose mentions do not count.
    pub fn ignore_domains<I: IntoIterator<Item: Into<String>>>(self, domains: I) -> NewAlert {
        self.field("ignore_domains", texts(domains))
    }

    /// Where to search.
    pub fn sources<I: IntoIterator<Item: Into<Source>>>(self, sources: I) -> NewAlert {
        self.field("sources", source_texts(sources))
    }

    /// How often to search.
    pub fn frequency(self, frequency: Frequency) -> NewAlert {
        self.field("frequency", frequency.as_str())
    }

    /// Sets a field that this crate does not know, or a known one in another way.
    pub fn field(mut self, name: &str, value: impl Into<Value>) -> NewAlert {
        match (name, value.into()) {
            ("name", Value::String(text)) => self.name = text,
            ("keyword", Value::String(text)) => self.keyword = text,
            (name, value) => drop(self.fields.insert(name.to_owned(), value)),
        }
        self
    }

    fn creation(&self) -> Result<Call> {
        let call = Call::post(["alerts"])
            .outcome_hint("list the alerts and look for one with this name and keyword before creating it again")
            .json(self)?;
        self.check()
            .map_err(|refused| refused.with_call(call.name()))?;
        Ok(call)
    }

    fn check(&self) -> Result<()> {
        match (self.name.trim(), self.keyword.trim()) {
            ("", _) => Err(Error::invalid("the alert's name is empty")),
            (_, "") => Err(Error::invalid("the alert's keyword is empty")),
            _ => Ok(()),
        }
    }
}

/// Changes to an alert. Only what is set is sent, and only that is changed.
///
/// # Examples
///
/// ```
/// use heysync::heylerts::AlertPatch;
///
/// let patch = AlertPatch::new().is_active(false).exclude(Vec::<String>::new());
/// assert_eq!(serde_json::json!(patch).to_string(), r#"{"exclude_keywords":[],"is_active":false}"#);
/// ```
#[derive(Clone, Debug, Default, Serialize)]
#[serde(transparent)]
#[must_use]
pub struct AlertPatch {
    fields: Map<String, Value>,
}

impl AlertPatch {
    /// No change yet.
    pub fn new() -> AlertPatch {
        AlertPatch::default()
    }

    /// Changes the name.
    pub fn name(self, name: impl Into<String>) -> AlertPatch {
        self.field("name", name.into())
    }

    /// Changes what is watched for.
    pub fn keyword(self, keyword: impl Into<String>) -> AlertPatch {
        self.field("keyword", keyword.into())
    }

    /// Replaces the words of which a mention must have one; an empty list takes them all away.
    pub fn include<I: IntoIterator<Item: Into<String>>>(self, words: I) -> AlertPatch {
        self.field("include_keywords", texts(words))
    }

    /// Replaces the words that a mention must not have; an empty list takes them all away.
    pub fn exclude<I: IntoIterator<Item: Into<String>>>(self, words: I) -> AlertPatch {
        self.field("exclude_keywords", texts(words))
    }

    /// Replaces the domains whose mentions do not count; an empty list takes them all away.
    pub fn ignore_domains<I: IntoIterator<Item: Into<String>>>(self, domains: I) -> AlertPatch {
        self.field("ignore_domains", texts(domains))
    }

    /// Replaces where is searched.
    pub fn sources<I: IntoIterator<Item: Into<Source>>>(self, sources: I) -> AlertPatch {
        self.field("sources", source_texts(sources))
    }

    /// Changes how often is searched.
    pub fn frequency(self, frequency: Frequency) -> AlertPatch {
        self.field("frequency", frequency.as_str())
    }

    /// Switches the alert on or off.
    pub fn is_active(self, is_active: bool) -> AlertPatch {
        self.field("is_active", is_active)
    }

    /// Changes a field that this crate does not know, or a known one in another way.
    pub fn field(mut self, name: &str, value: impl Into<Value>) -> AlertPatch {
        self.fields.insert(name.to_owned(), value.into());
        self
    }
}

fn tidied(text: &str) -> String {
    text.trim().to_lowercase()
}

fn texts<I: IntoIterator<Item: Into<String>>>(words: I) -> Vec<Value> {
    words
        .into_iter()
        .map(|word| Value::String(word.into()))
        .collect()
}

fn source_texts<I: IntoIterator<Item: Into<Source>>>(sources: I) -> Vec<Value> {
    texts(
        sources
            .into_iter()
            .map(|source| source.into().as_str().to_owned()),
    )
}

/// A walk over the alerts of an account, newest first.
pub type Alerts<T = Alert> = Walk<Numbered<Listing<Alert>>, T>;

impl Client {
    /// Lists the alerts, newest first.
    ///
    /// Calls `GET /alerts`, in pages of 100. Nothing is sent before the first alert is asked for. Alerts
    /// may be deleted while the walk goes on: none is left out, none comes twice.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # fn main() -> heysync::Result<()> {
    /// let client = heysync::heylerts::Client::from_env()?;
    /// for alert in client.alerts() {
    ///     let alert = alert?;
    ///     println!("{}: {} mentions", alert.name, alert.mention_count);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn alerts(&self) -> Alerts {
        Listing::walk(self, "heylerts/alerts", Call::get(["alerts"]))
    }

    /// Gets one alert.
    ///
    /// Calls `GET /alerts/{id}`.
    ///
    /// # Errors
    ///
    /// [`NotFound`](crate::ErrorKind::NotFound) where there is none, or it is somebody else's; else see
    /// [`ErrorKind`](crate::ErrorKind).
    pub fn alert(&self, id: &str) -> Result<Alert> {
        self.send(&Call::get(["alerts", id]))
    }

    /// Creates an alert.
    ///
    /// Calls `POST /alerts`. It is sent again only where the first attempt certainly created nothing;
    /// [`create_alert_once`](Client::create_alert_once) goes further.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) where the name or the keyword is empty;
    /// [`Forbidden`](crate::ErrorKind::Forbidden) where the plan's quota is used up (Free 2, Starter 10,
    /// Pro 50, Business 250); [`OutcomeUnknown`](crate::ErrorKind::OutcomeUnknown) where no answer came;
    /// else see [`ErrorKind`](crate::ErrorKind).
    pub fn create_alert(&self, alert: &NewAlert) -> Result<Alert> {
        self.send(&alert.creation()?)
    }

    /// Creates an alert, and finds out what became of it where no answer came.
    ///
    /// As [`create_alert`](Client::create_alert), but where the outcome is unknown it looks for an alert
    /// with this name and keyword, in whatever case, that was not there before. Only where there is none does
    /// it send the request again, three times in all. It reads the list of alerts first, to know what was there: one
    /// request for every 100 alerts.
    ///
    /// # Errors
    ///
    /// As [`create_alert`](Client::create_alert), and those of [`alerts`](Client::alerts).
    pub fn create_alert_once(&self, alert: &NewAlert) -> Result<Alert> {
        let call = alert.creation()?;
        let before: HashSet<String> = self
            .alerts_like(alert)?
            .into_iter()
            .map(|alert| alert.id)
            .collect();
        for _ in 1..CREATIONS {
            let unknown = match self.send(&call) {
                Err(error) if error.kind() == ErrorKind::OutcomeUnknown => error,
                told => return told,
            };
            // That looking failed must not be all that is told: the alert may be there.
            let after = match self.alerts_like(alert) {
                Ok(after) => after,
                Err(error) => {
                    return Err(unknown.noting(&format!("looking for it failed: {error}")));
                }
            };
            let created = after.into_iter().find(|alert| !before.contains(&alert.id));
            if let Some(created) = created {
                return Ok(created);
            }
        }
        self.send(&call)
    }

    /// The alerts with this name and keyword, however the service may have tidied them.
    fn alerts_like(&self, wanted: &NewAlert) -> Result<Vec<Alert>> {
        let is_alike = |alert: &Alert| {
            tidied(&alert.name) == tidied(&wanted.name)
                && tidied(&alert.keyword) == tidied(&wanted.keyword)
        };
        let alerts = self.alerts();
        alerts
            .filter(|alert| alert.as_ref().map_or(true, is_alike))
            .collect()
    }

    /// Changes what `patch` sets, and nothing else.
    ///
    /// Calls `PATCH /alerts/{id}`.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) where nothing is set;
    /// [`NotFound`](crate::ErrorKind::NotFound) where there is no such alert; else see
    /// [`ErrorKind`](crate::ErrorKind).
    pub fn update_alert(&self, id: &str, patch: &AlertPatch) -> Result<Alert> {
        let call = Call::patch(["alerts", id])
            .safety(Safety::Idempotent)
            .json(patch)?;
        if patch.fields.is_empty() {
            return Err(Error::invalid("the patch changes nothing").with_call(call.name()));
        }
        self.send(&call)
    }

    /// Deletes an alert and all its mentions, for good.
    ///
    /// Calls `DELETE /alerts/{id}`. Where an attempt got no answer and the next one finds no such alert,
    /// it has succeeded.
    ///
    /// # Errors
    ///
    /// [`NotFound`](crate::ErrorKind::NotFound) where there was no such alert to begin with; else see
    /// [`ErrorKind`](crate::ErrorKind).
    pub fn delete_alert(&self, id: &str) -> Result<()> {
        self.send_for_nothing(&Call::delete(["alerts", id]).removes())
    }
}
