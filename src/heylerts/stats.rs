//! How many mentions there are, and of what kinds.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::client::Client;
use crate::error::Result;
use crate::json::null_as_default;
use crate::pipeline::call::Call;

/// Counts of mentions, with those of one alert or of all.
///
/// The keys are texts, since each of these sets is open: see [`Source`](super::Source) and
/// [`Sentiment`](super::Sentiment) for the known ones; categories are `web`, `social` and `forum`.
#[derive(Clone, Debug, Deserialize)]
#[non_exhaustive]
pub struct Stats {
    /// All mentions.
    pub total: u64,
    /// By where they were found: `brave`, `reddit`, `hackernews`.
    #[serde(default, deserialize_with = "null_as_default")]
    pub by_source: BTreeMap<String, u64>,
    /// By their tone: `positive`, `neutral`, `negative`.
    #[serde(default, deserialize_with = "null_as_default")]
    pub by_sentiment: BTreeMap<String, u64>,
    /// By the kind of place: `web`, `social`, `forum`.
    #[serde(default, deserialize_with = "null_as_default")]
    pub by_category: BTreeMap<String, u64>,
}

impl Client {
    /// Counts the mentions of all alerts.
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

    /// Counts the mentions of one alert.
    ///
    /// Calls `GET /stats` with `alert_id`.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for an empty id, since that would count all;
    /// [`NotFound`](crate::ErrorKind::NotFound) where there is no such alert (not documented; a service may
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
    ///     let bad = stats.by_sentiment.get("negative").copied().unwrap_or_default();
    ///     println!("{}: {bad} of {} speak badly", alert.name, stats.total);
    /// }
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn alert_stats(&self, alert_id: &str) -> Result<Stats> {
        // `alert_id=` counts everything, or nothing, as the service pleases.
        let call = Call::get(["stats"]).required_query("alert_id", alert_id);
        self.send(&call)
    }
}
