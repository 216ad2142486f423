//! Mentions: pages on which an alert's keyword was found.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::client::Client;
use super::listing;
use super::open_enum::open_enum;
use crate::json::{id, optional, optional_id, scalar};
use crate::page::Pager;
use crate::pipeline::call::Call;
use crate::time::Timestamp;

/// A page on which an alert's keyword was found.
///
/// Heylerts does not document which fields may be null, so all but the id may be missing here. One that cannot be read is
/// `None` too, and [`Config::on_drift`](crate::Config::on_drift) reports it. Written as JSON, a mention has the other fields
/// that it came with, also those that this crate does not know.
///
/// # Examples
///
/// For the tests of your own program:
///
/// ```
/// use heysync::heylerts::{Mention, Sentiment};
///
/// let mut mention = Mention::default();
/// mention.url = "https://example.com/review".to_owned();
/// mention.sentiment = Some(Sentiment::Negative);
/// assert_eq!(heysync::serde_json::json!(mention)["sentiment"], "negative");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Mention {
    /// The id, a UUID.
    #[serde(deserialize_with = "id")]
    pub id: String,
    /// The id of the alert that found it.
    #[serde(default, deserialize_with = "optional_id")]
    pub alert_id: Option<String>,
    /// The source that it was found in.
    #[serde(default, deserialize_with = "optional")]
    pub source: Option<Source>,
    /// The address of the page.
    #[serde(default, deserialize_with = "scalar")]
    pub url: String,
    /// The title of the page.
    #[serde(default, deserialize_with = "optional")]
    pub title: Option<String>,
    /// The words around the keyword.
    #[serde(default, deserialize_with = "optional")]
    pub snippet: Option<String>,
    /// The author, such as `u/example`.
    #[serde(default, deserialize_with = "optional")]
    pub author: Option<String>,
    /// The tone of the mention.
    #[serde(default, deserialize_with = "optional")]
    pub sentiment: Option<Sentiment>,
    /// How relevant it is. Not documented; the vendor's example is `0.87`, so probably from 0 to 1.
    #[serde(default, deserialize_with = "optional")]
    pub relevance_score: Option<f64>,
    /// When Heylerts found it.
    #[serde(default, deserialize_with = "optional")]
    pub found_at: Option<Timestamp>,
    /// When the page was published.
    #[serde(default, deserialize_with = "optional")]
    pub published_at: Option<Timestamp>,
    /// Whether it is ignored. Lists leave ignored mentions out.
    #[serde(default, deserialize_with = "optional")]
    pub ignored: Option<bool>,
    /// The fields that this crate does not know.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

open_enum! {
    /// The source of a mention.
    Source {
        /// The web, through Brave's search.
        Brave = "brave",
        /// Reddit.
        Reddit = "reddit",
        /// Hacker News.
        HackerNews = "hackernews",
    }
}

open_enum! {
    /// The tone of a mention.
    Sentiment {
        /// The mention is favourable.
        Positive = "positive",
        /// The mention is neither favourable nor unfavourable.
        Neutral = "neutral",
        /// The mention is unfavourable.
        Negative = "negative",
    }
}

/// An iterator over mentions, newest first, as [`Client::mentions`] returns it.
///
/// Set the filters before the first mention is requested: one that is set later, or after
/// [`resume_at`](Pager::resume_at), is an error of the kind [`InvalidInput`](crate::ErrorKind::InvalidInput), and the
/// only item that comes. Different filters are combined (not documented; decided); a filter that is set again
/// replaces the earlier one.
///
/// A mention that somebody un-ignores while the list is read enters it at its old place. It comes if that place was
/// not read yet, and else it does not; the other mentions are not affected, unless one is deleted between the same two
/// pages.
///
/// # Examples
///
/// ```
/// use heysync::heylerts::{Sentiment, Source};
///
/// # use heysync::{Config, heylerts, sandbox};
/// # let config = Config::new().transport(sandbox::Heylerts::demo()).clock(sandbox::TestClock::new());
/// # let client = heylerts::Client::with_config("hlt_key", config)?;
/// let mut complaints = client.mentions().source(Source::Reddit).sentiment(Sentiment::Negative);
/// let total = complaints.total_items()?;
/// for mention in complaints {
///     assert_eq!(mention?.source, Some(Source::Reddit));
/// }
/// # Ok::<(), heysync::Error>(())
/// ```
pub type Mentions<T = Mention> = Pager<Mention, T>;

impl<T> Pager<Mention, T> {
    /// Lists only the mentions that the alert with this id found: `alert_id`.
    ///
    /// An empty id makes the first item an error and sends nothing, since it would list the mentions of all alerts.
    /// An id that no alert has lists nothing, and is no error: [`get_alert`](Client::get_alert) fails for it.
    ///
    /// # Examples
    ///
    /// ```
    /// use heysync::ErrorKind;
    ///
    /// # use heysync::{Config, heylerts, sandbox};
    /// # let config = Config::new().transport(sandbox::Heylerts::demo()).clock(sandbox::TestClock::new());
    /// # let client = heylerts::Client::with_config("hlt_key", config)?;
    /// let brand = client.alerts().flatten().find(|alert| alert.name == "Our brand").expect("the alert");
    /// assert_eq!(client.mentions().alert(&brand.id).count() as u64, brand.mention_count);
    ///
    /// let refused = client.mentions().alert("").next().expect("one error").unwrap_err();
    /// assert_eq!(refused.kind(), ErrorKind::InvalidInput);
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn alert(self, id: impl AsRef<str>) -> Mentions<T> {
        self.parameter("alert_id", id)
    }

    /// Lists only mentions from this source: `source`. A string will do, such as `"reddit"`.
    pub fn source(self, source: impl AsRef<str>) -> Mentions<T> {
        self.parameter("source", source)
    }

    /// Lists only mentions of this tone: `sentiment`. A string will do, such as `"negative"`.
    pub fn sentiment(self, sentiment: impl AsRef<str>) -> Mentions<T> {
        self.parameter("sentiment", sentiment)
    }

    /// Lists only mentions since this moment: `since`, in RFC 3339 with `Z`. A [`Timestamp`] or a
    /// [`SystemTime`](std::time::SystemTime) will do.
    ///
    /// Heylerts does not document whether the time of finding or of publishing counts, nor whether the moment itself
    /// is included. A script that reads what is new since its last run uses [`new_since`](Pager::new_since), which
    /// yields each mention once. [`Timestamp::UNIX_EPOCH`] is a start before all mentions. A moment before the year 1
    /// makes the first item an error and sends nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::{Duration, SystemTime};
    /// use heysync::Timestamp;
    ///
    /// # use heysync::{Config, heylerts, sandbox};
    /// # let config = Config::new().transport(sandbox::Heylerts::demo()).clock(sandbox::TestClock::new());
    /// # let client = heylerts::Client::with_config("hlt_key", config)?;
    /// let noon: Timestamp = "2026-05-07T12:00:00Z".parse()?;
    /// assert_eq!(client.mentions().since(noon).count(), 8);
    ///
    /// let yesterday = SystemTime::now() - Duration::from_secs(24 * 60 * 60);
    /// let recent = client.mentions().since(yesterday);
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn since(self, moment: impl Into<Timestamp>) -> Mentions<T> {
        let moment = moment.into();
        self.filter_by_time("since", moment, moment.to_string())
    }

    /// Sets a filter that this crate does not know, as a parameter of the query.
    ///
    /// It is percent-encoded. A parameter that is set again replaces the earlier one. An empty value makes the first
    /// item an error and sends nothing, since services treat it as no filter at all.
    ///
    /// # Examples
    ///
    /// ```
    /// # use heysync::{Config, heylerts, sandbox};
    /// # let config = Config::new().transport(sandbox::Heylerts::demo()).clock(sandbox::TestClock::new());
    /// # let client = heylerts::Client::with_config("hlt_key", config)?;
    /// let german = client.mentions().parameter("language", "de");
    /// assert_eq!(german.count(), 137); // the sandbox ignores parameters that it does not know
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn parameter(self, name: impl AsRef<str>, value: impl AsRef<str>) -> Mentions<T> {
        self.filter_by(name.as_ref(), value.as_ref().into())
    }
}

impl Client {
    /// Lists the mentions of all alerts, newest first, without ignored ones.
    ///
    /// Calls `GET /mentions`, in pages of 100, the most that Heylerts sends (its own default is 20). Nothing is sent
    /// before the first mention is requested. A request that fails is one `Err` and finishes the iterator; see
    /// [`page`](crate::page).
    ///
    /// # Examples
    ///
    /// ```
    /// # use heysync::{Config, heylerts, sandbox};
    /// # let config = Config::new().transport(sandbox::Heylerts::demo()).clock(sandbox::TestClock::new());
    /// # let client = heylerts::Client::with_config("hlt_key", config)?;
    /// let mut titles = Vec::new();
    /// for mention in client.mentions().limit(120) {
    ///     titles.extend(mention?.title);
    /// }
    /// assert_eq!(titles.len(), 120);
    /// assert_eq!(client.bucket().snapshot().granted, 2); // requests
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn mentions(&self) -> Mentions {
        listing::pager(self, "heylerts/mentions", Call::get(["mentions"]))
    }
}
