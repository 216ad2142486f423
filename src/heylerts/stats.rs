//! Counts of mentions.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::client::Client;
use crate::error::Result;
use crate::json::{count, counts};
use crate::pipeline::call::Call;

/// Counts of the mentions of one alert, or of all.
///
/// The keys are strings, since each of these sets is open: see [`Source`](super::Source) and
/// [`Sentiment`](super::Sentiment) for the known ones; categories are `web`, `social` and `forum`. A count that is
/// `null` is 0.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Stats {
    /// All mentions.
    #[serde(deserialize_with = "count")]
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
    /// count nothing instead); else see [`ErrorKind`](crate::ErrorKind).
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
