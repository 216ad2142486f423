//! Mentions: what was found.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::client::Client;
use super::listing::Listing;
use super::open_enum::open_enum;
use crate::nullable::null_as_default;
use crate::page::{Numbered, Walk};
use crate::pipeline::call::Call;
use crate::time::Timestamp;

/// A place that mentions a keyword.
#[derive(Clone, Debug, Deserialize)]
#[non_exhaustive]
pub struct Mention {
    /// Its id.
    pub id: String,
    /// The alert that found it.
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
    /// Who wrote it.
    pub author: Option<String>,
    /// Its tone.
    pub sentiment: Option<Sentiment>,
    /// How much it is about the keyword, from 0 to 1.
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

/// A walk over mentions, newest first. Set the filters before the first mention is asked for; a filter
/// that is set later starts the walk anew.
///
/// # Examples
///
/// ```no_run
/// use heysync::heylerts::{Sentiment, Source};
///
/// # fn main() -> heysync::Result<()> {
/// # let client = heysync::heylerts::Client::from_env()?;
/// let mut complaints = client.mentions().source(Source::Reddit).sentiment(Sentiment::Negative);
/// println!("{:?} in all", complaints.total_items()?);
/// for mention in complaints {
///     println!("{}", mention?.url);
/// }
/// # Ok(())
/// # }
/// ```
pub type Mentions<T = Mention> = Walk<Numbered<Listing<Mention>>, T>;

impl<T> Walk<Numbered<Listing<Mention>>, T> {
    /// Only mentions that the alert with this id found. An empty id is refused, since it would list all.
    pub fn alert(self, id: impl Into<String>) -> Mentions<T> {
        self.parameter("alert_id", id)
    }

    /// Only mentions from this source.
    pub fn source(self, source: impl Into<Source>) -> Mentions<T> {
        self.parameter("source", source.into().as_str())
    }

    /// Only mentions of this tone.
    pub fn sentiment(self, sentiment: impl Into<Sentiment>) -> Mentions<T> {
        self.parameter("sentiment", sentiment.into().as_str())
    }

    /// Only mentions since this moment. Not documented whether by finding or by publishing.
    pub fn since(self, moment: Timestamp) -> Mentions<T> {
        self.parameter("since", moment.to_string())
    }
}

impl Client {
    /// Lists the mentions of all alerts, newest first, without those that are ignored.
    ///
    /// Calls `GET /mentions`, in pages of 100. Nothing is sent before the first mention is asked for.
    pub fn mentions(&self) -> Mentions {
        Listing::walk(self, "heylerts/mentions", Call::get(["mentions"]))
    }
}
