//! The fields of an alert that a request sends: all of a new alert, or the changes to one.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::open_enum::open_enum;
use crate::error::{Error, Result};
use crate::pipeline::call::Call;
use crate::pipeline::retry::Safety;

const OUTCOME_HINT: &str =
    "list the alerts and look for one with this name and keyword before creating it again";

open_enum! {
    /// How often an alert searches.
    Frequency {
        /// Once a day.
        Daily = "daily",
    }
}

/// An alert to create.
///
/// Only the fields that are set are sent; the service decides on the others. Setting a list again replaces
/// the list before.
///
/// # Examples
///
/// ```
/// use heysync::heylerts::{NewAlert, Source};
///
/// let alert = NewAlert::new("Competitor X", "competitor x")
///     .include_keywords(["launch"])
///     .exclude_keywords(["job posting"])
///     .ignore_domains(["spam.example"])
///     .sources([Source::Brave, Source::Reddit, Source::HackerNews])
///     .frequency("daily");
/// assert_eq!(heysync::serde_json::json!(alert)["exclude_keywords"][0], "job posting");
/// ```
///
/// Read from a file:
///
/// ```
/// use heysync::heylerts::NewAlert;
///
/// let alert: NewAlert = heysync::serde_json::from_str(r#"{"name": "My brand", "keyword": "heysync"}"#)?;
/// assert_eq!(alert, NewAlert::new("My brand", "heysync"));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
#[must_use]
pub struct NewAlert {
    fields: Map<String, Value>,
}

impl NewAlert {
    /// Describes an alert called `name` that searches for `keyword`. Neither may be empty.
    pub fn new(name: impl Into<String>, keyword: impl Into<String>) -> NewAlert {
        NewAlert::default().field("name", name.into()).field("keyword", keyword.into())
    }

    /// Sets words of which a mention must have one. Sent as `include_keywords`.
    pub fn include_keywords<I: IntoIterator<Item: AsRef<str>>>(self, words: I) -> NewAlert {
        self.field("include_keywords", strings(words))
    }

    /// Sets words that a mention must not have. Sent as `exclude_keywords`.
    pub fn exclude_keywords<I: IntoIterator<Item: AsRef<str>>>(self, words: I) -> NewAlert {
        self.field("exclude_keywords", strings(words))
    }

    /// Sets domains whose mentions do not count, such as `spam.example`. Sent as `ignore_domains`.
    pub fn ignore_domains<I: IntoIterator<Item: AsRef<str>>>(self, domains: I) -> NewAlert {
        self.field("ignore_domains", strings(domains))
    }

    /// Sets the sources to search, as values or as strings such as `["brave", "reddit"]`. Sent as `sources`.
    pub fn sources<I: IntoIterator<Item: AsRef<str>>>(self, sources: I) -> NewAlert {
        self.field("sources", strings(sources))
    }

    /// Sets how often to search, as a [`Frequency`] or as a string; only `daily` is documented. Sent as `frequency`.
    ///
    /// A string is sent as it is. Parsed into a [`Frequency`], as an option of a command line is, any other than `daily`
    /// is an error.
    pub fn frequency(self, frequency: impl AsRef<str>) -> NewAlert {
        self.field("frequency", frequency.as_ref())
    }

    /// Sets a field that this crate does not know, or gives a known one another value.
    ///
    /// # Examples
    ///
    /// ```
    /// use heysync::heylerts::NewAlert;
    ///
    /// let alert = NewAlert::new("My brand", "heysync").field("x_enabled", true);
    /// assert_eq!(heysync::serde_json::json!(alert)["x_enabled"], true);
    /// ```
    pub fn field(mut self, name: impl AsRef<str>, value: impl Into<Value>) -> NewAlert {
        self.fields.insert(name.as_ref().to_owned(), value.into());
        self
    }

    pub(super) fn name(&self) -> &str {
        self.string("name")
    }

    pub(super) fn keyword(&self) -> &str {
        self.string("keyword")
    }

    fn string(&self, field: &str) -> &str {
        self.fields.get(field).and_then(Value::as_str).unwrap_or_default()
    }

    /// # Errors
    ///
    /// `InvalidInput` if the name or the keyword is empty.
    pub(super) fn to_call(&self) -> Result<Call> {
        let call =
            Call::post(["alerts"]).safety(Safety::Unsafe).outcome_hint(OUTCOME_HINT).json(self);
        let invalid = |message: &str| Err(Error::invalid(message).with_call(&call));
        match (self.name().trim(), self.keyword().trim()) {
            ("", _) => invalid("the alert's name is empty"),
            (_, "") => invalid("the alert's keyword is empty"),
            _ => Ok(call),
        }
    }
}

/// Changes to an alert. Only the fields that are set are sent, and only those are changed.
///
/// # Examples
///
/// ```
/// use heysync::heylerts::AlertPatch;
///
/// let patch = AlertPatch::new().active(false).exclude_keywords(Vec::<String>::new());
/// assert_eq!(heysync::serde_json::json!(patch).to_string(), r#"{"exclude_keywords":[],"is_active":false}"#);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
#[must_use]
pub struct AlertPatch {
    fields: Map<String, Value>,
}

impl AlertPatch {
    /// Creates a patch that changes nothing yet.
    pub fn new() -> AlertPatch {
        AlertPatch::default()
    }

    /// Changes the name.
    pub fn name(self, name: impl Into<String>) -> AlertPatch {
        self.field("name", name.into())
    }

    /// Changes the keyword to search for.
    pub fn keyword(self, keyword: impl Into<String>) -> AlertPatch {
        self.field("keyword", keyword.into())
    }

    /// Replaces the words of which a mention must have one; an empty list removes them all.
    pub fn include_keywords<I: IntoIterator<Item: AsRef<str>>>(self, words: I) -> AlertPatch {
        self.field("include_keywords", strings(words))
    }

    /// Replaces the words that a mention must not have; an empty list removes them all.
    pub fn exclude_keywords<I: IntoIterator<Item: AsRef<str>>>(self, words: I) -> AlertPatch {
        self.field("exclude_keywords", strings(words))
    }

    /// Replaces the domains whose mentions do not count; an empty list removes them all.
    pub fn ignore_domains<I: IntoIterator<Item: AsRef<str>>>(self, domains: I) -> AlertPatch {
        self.field("ignore_domains", strings(domains))
    }

    /// Replaces the sources to search, as values or as strings.
    pub fn sources<I: IntoIterator<Item: AsRef<str>>>(self, sources: I) -> AlertPatch {
        self.field("sources", strings(sources))
    }

    /// Changes how often to search, as a value or as a string.
    pub fn frequency(self, frequency: impl AsRef<str>) -> AlertPatch {
        self.field("frequency", frequency.as_ref())
    }

    /// Switches the alert on or off. Sent as `is_active`.
    pub fn active(self, is_active: bool) -> AlertPatch {
        self.field("is_active", is_active)
    }

    /// Changes a field that this crate does not know, or gives a known one another value.
    pub fn field(mut self, name: impl AsRef<str>, value: impl Into<Value>) -> AlertPatch {
        self.fields.insert(name.as_ref().to_owned(), value.into());
        self
    }

    /// # Errors
    ///
    /// `InvalidInput` if nothing is set: it would cost a request, and somebody forgot to set something.
    pub(super) fn to_call(&self, id: &str) -> Result<Call> {
        let call = Call::patch(["alerts", id]).safety(Safety::Idempotent).json(self);
        match self.fields.is_empty() {
            true => Err(Error::invalid("the patch changes nothing").with_call(&call)),
            false => Ok(call),
        }
    }
}

fn strings<I: IntoIterator<Item: AsRef<str>>>(strings: I) -> Vec<Value> {
    strings.into_iter().map(|string| string.as_ref().into()).collect()
}
