//! Alerts: keywords that Heylerts searches for.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use super::alert_fields::{AlertPatch, Frequency, NewAlert};
use super::client::Client;
use super::listing;
use super::mentions::Source;
use crate::cancellation::Cancelled;
use crate::clock::later;
use crate::error::{Applied, Error, ErrorKind, Result};
use crate::json::{Read, id, optional, scalar, strings, vec_without_nulls};
use crate::page::Pager;
use crate::pipeline::call::Call;
use crate::pipeline::response::{self, BadBody};
use crate::time::Timestamp;

/// The name of the list of alerts in positions.
pub(super) const ALERTS: &str = "heylerts/alerts";

/// A keyword that Heylerts searches for, and how.
///
/// Any field but the id may be missing or null in a response; it then has the value of [`Alert::default`]. An optional one
/// that cannot be read is `None`, and [`Config::on_drift`](crate::Config::on_drift) reports it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Alert {
    /// Its id, a UUID.
    #[serde(deserialize_with = "id")]
    pub id: String,
    /// Its name.
    #[serde(default, deserialize_with = "scalar")]
    pub name: String,
    /// The word or words to search for.
    #[serde(default, deserialize_with = "scalar")]
    pub keyword: String,
    /// Words of which a mention must have one.
    #[serde(default, deserialize_with = "strings")]
    pub include_keywords: Vec<String>,
    /// Words that a mention must not have.
    #[serde(default, deserialize_with = "strings")]
    pub exclude_keywords: Vec<String>,
    /// Domains whose mentions do not count.
    #[serde(default, deserialize_with = "strings")]
    pub ignore_domains: Vec<String>,
    /// The sources that the alert searches.
    #[serde(default, deserialize_with = "vec_without_nulls")]
    pub sources: Vec<Source>,
    /// How often the alert searches.
    #[serde(default, deserialize_with = "optional")]
    pub frequency: Option<Frequency>,
    /// Whether the alert searches at all. A missing value counts as true.
    #[serde(default = "yes", deserialize_with = "null_as_yes")]
    pub is_active: bool,
    /// The number of mentions that it found. Whether ignored ones count is not documented.
    #[serde(default, deserialize_with = "scalar")]
    pub mention_count: u64,
    /// When the alert was last checked.
    #[serde(default, deserialize_with = "optional")]
    pub last_checked_at: Option<Timestamp>,
    /// When the alert was created.
    #[serde(default, deserialize_with = "optional")]
    pub created_at: Option<Timestamp>,
    /// Whether the alert searches X too.
    #[serde(default, deserialize_with = "scalar")]
    pub x_enabled: bool,
    /// The address of its webhook. It is set in the dashboard; no documented call sets it.
    #[serde(default, deserialize_with = "optional")]
    pub webhook_url: Option<String>,
    /// Whether a webhook is set up.
    #[serde(default, deserialize_with = "scalar")]
    pub webhook_configured: bool,
    /// The fields that this crate does not know.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

impl Default for Alert {
    /// Makes an active alert with nothing else set, for tests.
    fn default() -> Alert {
        Alert {
            id: String::new(),
            name: String::new(),
            keyword: String::new(),
            include_keywords: Vec::new(),
            exclude_keywords: Vec::new(),
            ignore_domains: Vec::new(),
            sources: Vec::new(),
            frequency: None,
            is_active: true,
            mention_count: 0,
            last_checked_at: None,
            created_at: None,
            x_enabled: false,
            webhook_url: None,
            webhook_configured: false,
            other: Map::new(),
        }
    }
}

fn yes() -> bool {
    true
}

/// A field that is missing or null must not make an alert look switched off.
fn null_as_yes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    let given: Option<Read<bool>> = Option::deserialize(deserializer)?;
    Ok(given.is_none_or(|Read(flag)| flag))
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
    /// is sent before the first alert is requested. Alerts may be deleted during the iteration: none is
    /// skipped, none is repeated. A request that fails is one `Err`, and ends the iteration; see
    /// [`page`](crate::page).
    ///
    /// # Examples
    ///
    /// Deleting the alerts that never found anything, during the iteration:
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
        listing::pager(self, ALERTS, Call::get(["alerts"]))
    }

    /// Returns the alert with this id.
    ///
    /// Calls `GET /alerts/{id}`.
    ///
    /// # Errors
    ///
    /// [`NotFound`](crate::ErrorKind::NotFound) if there is none, or it is somebody else's;
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if the id is empty or contains a slash;
    /// [`Unreadable`](crate::ErrorKind::Unreadable) if the response is another alert; otherwise see
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
    /// println!("{}, last checked at {:?}", alert.name, alert.last_checked_at);
    ///
    /// assert_eq!(client.get_alert("no-such-id").unwrap_err().kind(), ErrorKind::NotFound);
    /// // Else this would be a GET of the whole list.
    /// assert_eq!(client.get_alert("").unwrap_err().kind(), ErrorKind::InvalidInput);
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn get_alert(&self, id: impl AsRef<str>) -> Result<Alert> {
        self.pipeline.read(&Call::get(["alerts", id.as_ref()]), &|body| read(body, id.as_ref()))
    }

    /// Creates an alert.
    ///
    /// Calls `POST /alerts`. It is sent again only if the first attempt certainly created nothing. If the response
    /// is lost, [`create_alert_once`](Client::create_alert_once) finds out whether the alert was created.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if the name or the keyword is empty;
    /// [`Forbidden`](crate::ErrorKind::Forbidden) if the plan's quota is used up (Free 2, Starter 10,
    /// Pro 50, Business 250); [`OutcomeUnknown`](crate::ErrorKind::OutcomeUnknown) if no response came;
    /// otherwise see [`ErrorKind`](crate::ErrorKind).
    ///
    /// # Examples
    ///
    /// ```
    /// use heysync::heylerts::{NewAlert, Source};
    ///
    /// # use heysync::{Config, heylerts, sandbox};
    /// # let config = Config::new().transport(sandbox::Heylerts::demo()).clock(sandbox::TestClock::new());
    /// # let client = heylerts::Client::with_config("hlt_key", config)?;
    /// let new = NewAlert::new("Competitor X", "competitor x").sources(["reddit"]);
    /// let alert = client.create_alert(&new)?;
    /// assert!(alert.is_active);
    /// assert_eq!(client.get_alert(&alert.id)?.sources, [Source::Reddit]);
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn create_alert(&self, alert: &NewAlert) -> Result<Alert> {
        self.send(&alert.to_call()?)
    }

    /// Updates an alert: changes the fields that are set in `patch`, and nothing else.
    ///
    /// Calls `PATCH /alerts/{id}`, and returns the alert with its changes. It is sent again if no response came,
    /// since setting the same values twice changes nothing more.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if nothing is set;
    /// [`NotFound`](crate::ErrorKind::NotFound) if there is no such alert;
    /// [`AppliedUnreadable`](crate::ErrorKind::AppliedUnreadable) if the response is another alert; otherwise see
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
    ///     let paused = client.update_alert(&alert?.id, &AlertPatch::new().active(false))?;
    ///     assert!(!paused.is_active);
    /// }
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn update_alert(&self, id: impl AsRef<str>, patch: &AlertPatch) -> Result<Alert> {
        let call = patch.to_call(id.as_ref())?;
        self.pipeline.read(&call, &|body| read(body, id.as_ref()))
    }

    /// Deletes an alert and all its mentions, for good.
    ///
    /// Calls `DELETE /alerts/{id}`. If an attempt gets no response and its retry finds no such alert, it counts
    /// as a success.
    ///
    /// # Errors
    ///
    /// [`NotFound`](crate::ErrorKind::NotFound) if there was no such alert to begin with; otherwise see
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
    pub fn delete_alert(&self, id: impl AsRef<str>) -> Result<()> {
        let call = Call::delete(["alerts", id.as_ref()]).removes();
        self.pipeline.read(&call, &response::nothing)
    }
}

/// Reads the alert with an id.
fn read(body: Vec<u8>, id: &str) -> Result<Alert, BadBody> {
    let alert: Alert = response::decoded(&body)?;
    match is_same_id(&alert.id, id) {
        true => Ok(alert),
        false => Err(BadBody::not_requested(body, "the response is an alert with another id")),
    }
}

/// Services may fold the case of an id, and accept a UUID in each of its written forms.
fn is_same_id(id: &str, requested: &str) -> bool {
    let (id, requested) = (id.trim(), requested.trim());
    let uuid = uuid(id);
    id.eq_ignore_ascii_case(requested) || uuid.is_some() && uuid == self::uuid(requested)
}

/// Returns the digits of a UUID.
fn uuid(id: &str) -> Option<String> {
    let bare = id.trim_start_matches("urn:uuid:").trim_matches(['{', '}']);
    let digits = bare.replace('-', "").to_ascii_lowercase();
    let is_uuid = digits.len() == 32 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    is_uuid.then_some(digits)
}

/// When an alert is looked for after its response was lost, in attempt timeouts. At once, since a gateway fails
/// in no time; then later, since a service may still work on a request that timed out, and lists may lag behind.
const LOOKS: [u32; 4] = [0, 1, 2, 4];

impl Client {
    /// Creates an alert at most once: if the response is lost, it looks for the alert instead of sending again.
    ///
    /// Calls `GET /alerts` for the alerts that exist (one request for every 100), then `POST /alerts` as
    /// [`create_alert`](Client::create_alert) does. If the outcome of that is not known, it never posts again. It
    /// looks for an alert that was not there before and has this name and keyword, in any case and white space:
    /// at once, and one, two and four [attempt timeouts](crate::Config::attempt_timeout) later, as far as they fit
    /// the [deadline](crate::Config::deadline), which holds for all these requests together.
    ///
    /// If somebody else creates an alert with the same name and keyword at the same moment, it may return theirs.
    ///
    /// # Errors
    ///
    /// Those of [`create_alert`](Client::create_alert) and [`alerts`](Client::alerts).
    /// [`OutcomeUnknown`](ErrorKind::OutcomeUnknown) if the response was lost and the alert was not found: it may
    /// still appear.
    ///
    /// # Examples
    ///
    /// The alert is created and the response is lost. It is found, not created again:
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
        let call = alert.to_call()?;
        let until = later(self.pipeline.core.clock.now(), self.pipeline.settings.deadline);
        // Two alerts may have one name and keyword: only an id that was not there before is the new one's.
        let alike = match self.alerts_like(alert, until) {
            // The list was printed, and the request that would follow it is to be printed, too.
            Err(error) if error.kind() == ErrorKind::DryRun => Vec::new(),
            alike => alike?,
        };
        let before: HashSet<String> = alike.iter().filter_map(id_of).collect();
        match self.send(&call.until(until)) {
            Err(error) if may_have_created(&error) => {
                self.find_created(alert, &before, until).map_err(|lost| lost.added_to(error))
            }
            outcome => outcome,
        }
    }

    /// Looks for the alert until it is there.
    fn find_created(
        &self,
        wanted: &NewAlert,
        before: &HashSet<String>,
        until: Instant,
    ) -> Result<Alert, Lost> {
        let lost = self.pipeline.core.clock.now();
        let timeout = self.pipeline.settings.attempt_timeout;
        let moments = LOOKS.map(|timeouts| later(lost, timeout.saturating_mul(timeouts)));
        let mut note = "there was no time left to look for it".to_owned();
        for moment in moments {
            // A look at a service that is down takes long, so its moment alone does not show that time is left.
            if moment.max(self.pipeline.core.clock.now()) >= until {
                break;
            }
            let waited = self.pipeline.wait_to_look("POST /alerts", moment);
            waited.map_err(|Cancelled| Lost::Cancelled)?;
            let looked = self.alerts_like(wanted, until);
            let is_new = |alert: &Value| id_of(alert).is_some_and(|id| !before.contains(&id));
            note = match looked.map(|alerts| alerts.into_iter().find(is_new)) {
                Ok(Some(created)) => return Alert::deserialize(&created).map_err(Lost::unreadable),
                Ok(None) => not_found(moment - lost),
                Err(error) if error.kind() == ErrorKind::Cancelled => return Err(Lost::Cancelled),
                // The alert may be there all the same, so this must not hide that the outcome is unknown.
                Err(error) => format!("looking for it failed: {error}"),
            };
        }
        Err(Lost::NotFound(note))
    }

    /// Returns the alerts with this name and keyword, however the service may have folded them. They are not decoded, so that
    /// one that cannot be hides no other.
    fn alerts_like(&self, wanted: &NewAlert, until: Instant) -> Result<Vec<Value>> {
        let wanted = [wanted.name(), wanted.keyword()].map(|s| Some(folded(s)));
        let is_alike =
            |alert: &Value| ["name", "keyword"].map(|of| alert[of].as_str().map(folded)) == wanted;
        let alerts = listing::pager::<Alert>(self, ALERTS, Call::get(["alerts"]).until(until));
        let alerts = alerts.decode_as::<Value>();
        alerts.filter(|alert| alert.as_ref().map_or(true, is_alike)).collect()
    }
}

fn id_of(alert: &Value) -> Option<String> {
    id(&alert["id"]).ok()
}

/// Why the alert was not found.
enum Lost {
    NotFound(String),
    Cancelled,
}

impl Lost {
    /// For an alert that is found and cannot be decoded.
    fn unreadable(_: serde_json::Error) -> Lost {
        Lost::NotFound("it is in the list of alerts now, and cannot be decoded".to_owned())
    }

    /// Adds it to the error after which the alert was looked for.
    fn added_to(self, error: Error) -> Error {
        match self {
            Lost::NotFound(note) => error.noting(&note),
            Lost::Cancelled => error.then_cancelled("cancelled while the alert was looked for"),
        }
    }
}

fn may_have_created(error: &Error) -> bool {
    // Also a 303, which leads to what was created.
    error.applied() != Applied::No
}

fn not_found(after: Duration) -> String {
    format!("{:.1} s later it was not in the list of alerts", after.as_secs_f64())
}

/// Services trim names, collapse white space inside them and change their case.
fn folded(string: &str) -> String {
    let words: Vec<String> = string.split_whitespace().map(str::to_lowercase).collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_written_form_of_a_uuid_is_the_same_id_and_no_other_id_is() {
        let uuid = "3f2c0000-0000-4000-8000-00000000abcd";
        let bare = uuid.replace('-', "");
        for form in [
            uuid,
            &uuid.to_uppercase(),
            &bare,
            &format!("{{{uuid}}}"),
            &format!("urn:uuid:{uuid}"),
            " 3f2c0000-0000-4000-8000-00000000abcd",
        ] {
            assert!(is_same_id(uuid, form), "{form}");
        }
        for other in ["3f2c0000-0000-4000-8000-00000000abce", "3f2c", "", "a-b"] {
            assert!(!is_same_id(uuid, other), "{other}");
        }
        assert!(is_same_id("a-b", "A-B") && !is_same_id("a-b", "ab"));
    }
}
