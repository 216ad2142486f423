//! The account that a key belongs to, and the counts of its mentions.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use super::client::Client;
use super::open_enum::open_enum;
use crate::error::Result;
use crate::json::{counts, optional, scalar};
use crate::pipeline::call::Call;

/// A key's account and limit.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Hello {
    /// Whether the key works. The call fails if it does not, so this is true.
    #[serde(default, deserialize_with = "scalar")]
    pub ok: bool,
    /// The account.
    pub user: User,
    /// The rate limit of the key, such as `100/minute`. It parses as a [`Rate`](crate::limiter::Rate).
    #[serde(default, deserialize_with = "any_as_string")]
    pub rate_limit: Option<String>,
    /// The address of the documentation.
    #[serde(default, deserialize_with = "optional")]
    pub docs_url: Option<String>,
    /// The fields that this crate does not know.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// The account that a key belongs to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct User {
    /// Its e-mail address.
    #[serde(default, deserialize_with = "optional")]
    pub email: Option<String>,
    /// Its plan; an empty [`Other`](Plan::Other) if the service names none.
    #[serde(default = "no_plan", deserialize_with = "null_as_no_plan")]
    pub plan: Plan,
    /// The fields that this crate does not know.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

impl Default for User {
    /// Creates a user without an address and without a plan.
    fn default() -> User {
        User { email: None, plan: no_plan(), other: Map::new() }
    }
}

fn no_plan() -> Plan {
    Plan::Other(String::new())
}

fn null_as_no_plan<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Plan, D::Error> {
    Ok(optional(deserializer)?.unwrap_or_else(no_plan))
}

/// The limit is a hint: in another form than documented, it must not cost the whole response.
fn any_as_string<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::Null => None,
        Value::String(string) => Some(string),
        other => Some(other.to_string()),
    })
}

open_enum! {
    /// A plan, which determines how many alerts an account can have. The quotas are those of the vendor's page.
    Plan {
        /// Two alerts, and no use of the API.
        Free = "free",
        /// Ten alerts.
        Starter = "starter",
        /// Fifty alerts.
        Pro = "pro",
        /// 250 alerts.
        Business = "business",
    }
}

impl Client {
    /// Returns the account that the key belongs to, if the key works.
    ///
    /// Calls `GET /hello`. The vendor's page recommends it as the first call of a new integration. If the
    /// response names a lower limit than the client keeps to, the client adopts it.
    ///
    /// # Errors
    ///
    /// [`Unauthorized`](crate::ErrorKind::Unauthorized) if the key does not work,
    /// [`Forbidden`](crate::ErrorKind::Forbidden) if the plan is Free; otherwise see
    /// [`ErrorKind`](crate::ErrorKind).
    ///
    /// # Examples
    ///
    /// ```
    /// use heysync::heylerts::Plan;
    ///
    /// # use heysync::{Config, heylerts, sandbox};
    /// # let config = Config::new().transport(sandbox::Heylerts::demo()).clock(sandbox::TestClock::new());
    /// # let client = heylerts::Client::with_config("hlt_key", config)?;
    /// let hello = client.hello()?;
    /// assert_eq!(hello.user.plan, Plan::Pro);
    /// assert_eq!(hello.rate_limit.as_deref(), Some("100/minute"));
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn hello(&self) -> Result<Hello> {
        let hello: Hello = self.send(&Call::get(["hello"]))?;
        // The limit may differ by plan, some day. One that does not parse changes nothing.
        let limit = hello.rate_limit.as_deref().and_then(|limit| limit.parse().ok());
        limit.into_iter().for_each(|rate| self.bucket().tighten(rate));
        Ok(hello)
    }
}

/// Counts of the mentions of one alert, or of all.
///
/// The keys are strings, since each of these sets is open: see [`Source`](super::Source) and
/// [`Sentiment`](super::Sentiment) for the known ones; categories are `web`, `social` and `forum`. A count that is
/// `null` is 0.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Stats {
    /// All mentions.
    #[serde(deserialize_with = "scalar")]
    pub total: u64,
    /// Mentions by the source that they were found in: `brave`, `reddit`, `hackernews`.
    #[serde(default, deserialize_with = "counts")]
    pub by_source: BTreeMap<String, u64>,
    /// Mentions by their tone: `positive`, `neutral`, `negative`.
    #[serde(default, deserialize_with = "counts")]
    pub by_sentiment: BTreeMap<String, u64>,
    /// Mentions by the kind of site: `web`, `social`, `forum`.
    #[serde(default, deserialize_with = "counts")]
    pub by_category: BTreeMap<String, u64>,
    /// The fields that this crate does not know.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

impl Client {
    /// Returns the counts of the mentions of all alerts.
    ///
    /// Calls `GET /stats`: one request, however many mentions there are.
    ///
    /// # Errors
    ///
    /// See [`ErrorKind`](crate::ErrorKind).
    ///
    /// # Examples
    ///
    /// ```
    /// # use heysync::{Config, heylerts, sandbox};
    /// # let config = Config::new().transport(sandbox::Heylerts::demo()).clock(sandbox::TestClock::new());
    /// # let client = heylerts::Client::with_config("hlt_key", config)?;
    /// let stats = client.stats()?;
    /// assert_eq!(stats.total, 137);
    /// for (source, count) in &stats.by_source {
    ///     println!("{source}: {count}");
    /// }
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn stats(&self) -> Result<Stats> {
        self.send(&Call::get(["stats"]))
    }

    /// Returns the counts of the mentions of one alert.
    ///
    /// Calls `GET /stats` with `alert_id`.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for an empty id, since that would count all;
    /// [`NotFound`](crate::ErrorKind::NotFound) if there is no such alert (not documented; a service may
    /// count nothing instead); otherwise see [`ErrorKind`](crate::ErrorKind).
    ///
    /// # Examples
    ///
    /// ```
    /// # use heysync::{Config, heylerts, sandbox};
    /// # let config = Config::new().transport(sandbox::Heylerts::demo()).clock(sandbox::TestClock::new());
    /// # let client = heylerts::Client::with_config("hlt_key", config)?;
    /// for alert in client.alerts() {
    ///     let alert = alert?;
    ///     let stats = client.alert_stats(&alert.id)?;
    ///     let negative = stats.by_sentiment.get("negative").copied().unwrap_or_default();
    ///     println!("{}: {negative} of {} mentions are negative", alert.name, stats.total);
    /// }
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn alert_stats(&self, alert_id: impl AsRef<str>) -> Result<Stats> {
        // `alert_id=` counts everything, or nothing, as the service pleases.
        self.send(&Call::get(["stats"]).required_query("alert_id", alert_id.as_ref()))
    }
}
