//! Mentions: what was found.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::client::Client;
use super::listing::Listing;
use super::open_enum::open_enum;
use crate::json::null_as_default;
use crate::page::{Numbered, Walk};
use crate::pipeline::call::Call;
use crate::time::Timestamp;

/// A place that mentions a keyword.
///
/// Which fields may be null is not documented, so all but the id and the address may be missing here.
#[derive(Clone, Debug, Deserialize)]
#[non_exhaustive]
pub struct Mention {
    /// Its id, a UUID as text.
    pub id: String,
    /// The id of the alert that found it.
    pub alert_id: Option<String>,
    /// Where it was found.
    pub source: Option<Source>,
    /// Its address.
    #[serde(default, deserialize_with = "null_as_default")]
    pub url: String,
    /// Its title.
    pub title: Option<String>,
    /// The words around the keyword.
    pub snippet: Option<String>,
    /// Who wrote it, such as `u/example`.
    pub author: Option<String>,
    /// Its tone.
    pub sentiment: Option<Sentiment>,
    /// How much it is about the keyword. Not documented; `0.87` is shown, so from 0 to 1.
    pub relevance_score: Option<f64>,
    /// When it was found.
    pub found_at: Option<Timestamp>,
    /// When it was published.
    pub published_at: Option<Timestamp>,
    /// Whether somebody chose to ignore it. Listings leave such out.
    pub ignored: Option<bool>,
    /// The fields that this crate does not know.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

open_enum! {
    /// Where mentions are found.
    Source {
        /// The web, by Brave's search.
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
        /// It speaks well.
        Positive = "positive",
        /// Neither.
        Neutral = "neutral",
        /// It speaks badly.
        Negative = "negative",
    }
}

/// A walk over mentions, newest first, as [`Client::mentions`] makes it.
///
/// Set the filters before the first mention is asked for; a filter that is set later starts the walk anew.
/// Different filters hold together (not documented; decided), and the same one again replaces what was set.
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
pub type Mentions<T = Mention> = Walk<Numbered<Listing<Mention>>, T>;

impl<T> Walk<Numbered<Listing<Mention>>, T> {
    /// Lists only mentions that the alert with this id found. Sent as `alert_id`.
    ///
    /// An empty id is refused when the first mention is asked for, since it would list all.
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
    pub fn alert(self, id: impl Into<String>) -> Mentions<T> {
        self.parameter("alert_id", id)
    }

    /// Lists only mentions from this source. Sent as `source`; a text will do, such as `"reddit"`.
    pub fn source(self, source: impl Into<Source>) -> Mentions<T> {
        self.parameter("source", source.into().as_str())
    }

    /// Lists only mentions of this tone. Sent as `sentiment`; a text will do, such as `"negative"`.
    pub fn sentiment(self, sentiment: impl Into<Sentiment>) -> Mentions<T> {
        self.parameter("sentiment", sentiment.into().as_str())
    }

    /// Lists only mentions since this moment. Sent as `since`, in RFC 3339 with `Z`.
    ///
    /// It is not documented whether it counts when a mention was found or when it was published, nor
    /// whether the moment itself belongs to it. A script that reads what is new begins a little earlier
    /// than it ended the last time, and leaves out the ids that it knows.
    ///
    /// # Examples
    ///
    /// ```
    /// use heysync::Timestamp;
    ///
    /// # use heysync::{Config, heylerts, sandbox};
    /// # let config = Config::new().transport(sandbox::Heylerts::demo()).clock(sandbox::TestClock::new());
    /// # let client = heylerts::Client::with_config("hlt_key", config)?;
    /// let noon: Timestamp = "2026-05-07T12:00:00Z".parse()?;
    /// assert_eq!(client.mentions().since(noon).count(), 8);
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn since(self, moment: Timestamp) -> Mentions<T> {
        self.parameter("since", moment.to_string())
    }
}

impl Client {
    /// Lists the mentions of all alerts, newest first, without those that are ignored.
    ///
    /// Calls `GET /mentions`, in pages of 100, the most that Heylerts gives (its own default is 20).
    /// Nothing is sent before the first mention is asked for. A request that fails is one `Err`, and ends
    /// the walk; see [`page`](crate::page).
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
        Listing::walk(self, "heylerts/mentions", Call::get(["mentions"]))
    }
}
