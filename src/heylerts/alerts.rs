//! Alerts: what is watched for.

use std::collections::HashSet;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use super::client::Client;
use super::listing;
use super::mentions::Source;
use super::open_enum::open_enum;
use crate::error::{Error, ErrorKind, Result};
use crate::json::null_as_default;
use crate::page::Pager;
use crate::pipeline::call::Call;
use crate::pipeline::retry::Safety;
use crate::time::Timestamp;

/// How often [`Client::create_alert_once`] sends its request at most.
const CREATIONS: u32 = 3;

/// A keyword that Heylerts watches for, and how.
///
/// Any field but the id may be missing or null in an answer; then it is what it would be without the setting.
#[derive(Clone, Debug, Deserialize)]
#[non_exhaustive]
pub struct Alert {
    /// Its id, a UUID as text.
    pub id: String,
    /// Its name.
    #[serde(default, deserialize_with = "null_as_default")]
    pub name: String,
    /// The word or words that are watched for.
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
    /// How many mentions it has found. Not documented whether ignored ones count.
    #[serde(default, deserialize_with = "null_as_default")]
    pub mention_count: u64,
    /// When was last searched.
    pub last_checked_at: Option<Timestamp>,
    /// When it was created.
    pub created_at: Option<Timestamp>,
    /// Whether X is searched too.
    #[serde(default, deserialize_with = "null_as_default")]
    pub x_enabled: bool,
    /// Where its webhooks go. It is set in Heylerts' dashboard; its page gives no call that does.
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

/// A field that is missing or null must not make an alert look switched off.
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
/// What is not set is not sent, and the service decides on it. A list that is set again replaces the one
/// before.
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
    /// Makes an alert called `name` that watches for `keyword`. Neither may be empty.
    pub fn new(name: impl Into<String>, keyword: impl Into<String>) -> NewAlert {
        NewAlert { name: name.into(), keyword: keyword.into(), fields: Map::new() }
    }

    /// Sets words of which a mention must have one: `include_keywords`.
    pub fn include<I: IntoIterator<Item: Into<String>>>(self, words: I) -> NewAlert {
        self.field("include_keywords", texts(words))
    }

    /// Sets words that a mention must not have: `exclude_keywords`.
    pub fn exclude<I: IntoIterator<Item: Into<String>>>(self, words: I) -> NewAlert {
        self.field("exclude_keywords", texts(words))
    }

    /// Sets domains whose mentions do not count, such as `spam.example`.
    pub fn ignore_domains<I: IntoIterator<Item: Into<String>>>(self, domains: I) -> NewAlert {
        self.field("ignore_domains", texts(domains))
    }

    /// Sets where to search. Texts will do, such as `["brave", "reddit"]`.
    pub fn sources<I: IntoIterator<Item: Into<Source>>>(self, sources: I) -> NewAlert {
        self.field("sources", source_texts(sources))
    }

    /// Sets how often to search. Only `daily` is documented.
    pub fn frequency(self, frequency: Frequency) -> NewAlert {
        self.field("frequency", frequency.as_str())
    }

    /// Sets a field that this crate does not know, or a known one in another way.
    ///
    /// # Examples
    ///
    /// ```
    /// use heysync::heylerts::NewAlert;
    ///
    /// let alert = NewAlert::new("My brand", "heysync").field("x_enabled", true);
    /// assert_eq!(serde_json::json!(alert)["x_enabled"], true);
    /// ```
    pub fn field(mut self, name: &str, value: impl Into<Value>) -> NewAlert {
        match (name, value.into()) {
            // Kept apart from the other fields, so that none is in the request twice.
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
        self.check().map_err(|refused| refused.with_call(call.name()))?;
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
    /// Makes a patch that changes nothing yet.
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
    words.into_iter().map(|word| Value::String(word.into())).collect()
}

fn source_texts<I: IntoIterator<Item: Into<Source>>>(sources: I) -> Vec<Value> {
    texts(sources.into_iter().map(|source| source.into().as_str().to_owned()))
}

/// An iterator over the alerts of an account, newest first, as [`Client::alerts`] returns it.
pub type Alerts<T = Alert> = Pager<Alert, T>;

impl<T> Pager<Alert, T> {
    /// Sets a filter that this crate does not know, as a parameter of the query.
    ///
    /// It is percent-encoded. A parameter that is set again replaces the earlier one. An empty value makes the first
    /// item an error and sends nothing, since services treat it as no filter at all. So does a filter that is set
    /// after the first item was requested, or after [`resume_at`](Pager::resume_at).
    pub fn parameter(self, name: impl AsRef<str>, value: impl AsRef<str>) -> Alerts<T> {
        self.filter_by(name.as_ref(), value.as_ref().into())
    }
}

impl Client {
    /// Lists the alerts, newest first.
    ///
    /// Calls `GET /alerts`, in pages of 100, the most that Heylerts gives (its own default is 20). Nothing
    /// is sent before the first alert is asked for. Alerts may be deleted while the walk goes on: none is
    /// left out, none comes twice. A request that fails is one `Err`, and ends the walk; see
    /// [`page`](crate::page).
    ///
    /// # Examples
    ///
    /// Deleting what never found anything, while walking over the list:
    ///
    /// ```
    /// # use heysync::{Config, heylerts, sandbox};
    /// # let config = Config::new().transport(sandbox::Heylerts::demo()).clock(sandbox::TestClock::new());
    /// # let client = heylerts::Client::with_config("hlt_key", config)?;
    /// for alert in client.alerts() {
    ///     let alert = alert?;
    ///     if alert.mention_count == 0 {
    ///         client.delete_alert(&alert.id)?;
    ///     }
    /// }
    /// assert_eq!(client.alerts().count(), 3);
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn alerts(&self) -> Alerts {
        listing::pager(self, "heylerts/alerts", Call::get(["alerts"]))
    }

    /// Gets one alert.
    ///
    /// Calls `GET /alerts/{id}`.
    ///
    /// # Errors
    ///
    /// [`NotFound`](crate::ErrorKind::NotFound) where there is none, or it is somebody else's;
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) where the id is empty or holds a slash; else see
    /// [`ErrorKind`](crate::ErrorKind).
    ///
    /// # Examples
    ///
    /// ```
    /// use heysync::ErrorKind;
    ///
    /// # use heysync::{Config, heylerts, sandbox};
    /// # let config = Config::new().transport(sandbox::Heylerts::demo()).clock(sandbox::TestClock::new());
    /// # let client = heylerts::Client::with_config("hlt_key", config)?;
    /// # let id = client.alerts().next().unwrap()?.id;
    /// let alert = client.get_alert(&id)?;
    /// println!("{}, last searched at {:?}", alert.name, alert.last_checked_at);
    ///
    /// assert_eq!(client.get_alert("no-such-id").unwrap_err().kind(), ErrorKind::NotFound);
    /// // Else this would be a GET of the whole list.
    /// assert_eq!(client.get_alert("").unwrap_err().kind(), ErrorKind::InvalidInput);
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn get_alert(&self, id: &str) -> Result<Alert> {
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
    ///
    /// # Examples
    ///
    /// ```
    /// use heysync::heylerts::{NewAlert, Source};
    ///
    /// # use heysync::{Config, heylerts, sandbox};
    /// # let config = Config::new().transport(sandbox::Heylerts::demo()).clock(sandbox::TestClock::new());
    /// # let client = heylerts::Client::with_config("hlt_key", config)?;
    /// let new = NewAlert::new("Competitor X", "competitor x").sources([Source::Reddit]);
    /// let alert = client.create_alert(&new)?;
    /// assert!(alert.is_active);
    /// assert_eq!(client.get_alert(&alert.id)?.sources, [Source::Reddit]);
    /// # Ok::<(), heysync::Error>(())
    /// ```
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
    ///
    /// # Examples
    ///
    /// The alert is created and the answer to that is lost. It is found, not created again:
    ///
    /// ```
    /// use heysync::heylerts::NewAlert;
    ///
    /// # use heysync::{Config, heylerts, sandbox};
    /// # let service = sandbox::Heylerts::demo();
    /// # let config = Config::new().transport(service.clone()).clock(sandbox::TestClock::new());
    /// # let client = heylerts::Client::with_config("hlt_key", config)?;
    /// # let lost = sandbox::Fault::Cut(sandbox::FaultPoint::AfterEffect);
    /// # service.inject_if(1, lost, |request| request.method == "POST");
    /// let alert = client.create_alert_once(&NewAlert::new("Competitor X", "competitor x"))?;
    /// assert_eq!(alert.name, "Competitor X");
    /// assert_eq!(client.alerts().count(), 4);
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn create_alert_once(&self, alert: &NewAlert) -> Result<Alert> {
        let call = alert.creation()?;
        // Two alerts may well have one name and keyword: only an id that was not there before tells.
        let before: HashSet<String> =
            self.alerts_like(alert)?.into_iter().map(|alert| alert.id).collect();
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
        alerts.filter(|alert| alert.as_ref().map_or(true, is_alike)).collect()
    }

    /// Changes what `patch` sets, and nothing else.
    ///
    /// Calls `PATCH /alerts/{id}`, and gives the alert as it is then. It is sent again where no answer
    /// came, since setting the same values twice changes nothing more.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) where nothing is set;
    /// [`NotFound`](crate::ErrorKind::NotFound) where there is no such alert; else see
    /// [`ErrorKind`](crate::ErrorKind).
    ///
    /// # Examples
    ///
    /// Pausing everything:
    ///
    /// ```
    /// use heysync::heylerts::AlertPatch;
    ///
    /// # use heysync::{Config, heylerts, sandbox};
    /// # let config = Config::new().transport(sandbox::Heylerts::demo()).clock(sandbox::TestClock::new());
    /// # let client = heylerts::Client::with_config("hlt_key", config)?;
    /// for alert in client.alerts() {
    ///     let paused = client.update_alert(&alert?.id, &AlertPatch::new().is_active(false))?;
    ///     assert!(!paused.is_active);
    /// }
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn update_alert(&self, id: &str, patch: &AlertPatch) -> Result<Alert> {
        let call = Call::patch(["alerts", id]).safety(Safety::Idempotent).json(patch)?;
        // It would cost a request and change nothing: somebody forgot to set what was meant.
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
    ///
    /// # Examples
    ///
    /// ```
    /// use heysync::ErrorKind;
    ///
    /// # use heysync::{Config, heylerts, sandbox};
    /// # let config = Config::new().transport(sandbox::Heylerts::demo()).clock(sandbox::TestClock::new());
    /// # let client = heylerts::Client::with_config("hlt_key", config)?;
    /// # let id = client.alerts().next().unwrap()?.id;
    /// client.delete_alert(&id)?;
    /// let again = client.delete_alert(&id).unwrap_err();
    /// assert_eq!(again.kind(), ErrorKind::NotFound);
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn delete_alert(&self, id: &str) -> Result<()> {
        self.send_ignoring_body(&Call::delete(["alerts", id]).removes())
    }
}
