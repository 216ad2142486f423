//! Which mentions a program reads.

use clap::Args;
use heysync::heylerts::{Mentions, Sentiment, Source};

/// The filters of mentions.
#[derive(Args, Clone, Debug)]
pub struct Filters {
    /// Only the mentions of this alert
    #[arg(long, value_name = "ID")]
    alert: Option<String>,
    /// Only mentions from this source: brave, reddit, hackernews
    #[arg(long)]
    source: Option<Source>,
    /// Only mentions of this sentiment: positive, neutral, negative
    #[arg(long)]
    sentiment: Option<Sentiment>,
}

impl Filters {
    pub fn apply(&self, mut mentions: Mentions) -> Mentions {
        if let Some(alert) = &self.alert {
            mentions = mentions.alert(alert);
        }
        if let Some(source) = &self.source {
            mentions = mentions.source(source);
        }
        if let Some(sentiment) = &self.sentiment {
            mentions = mentions.sentiment(sentiment);
        }
        mentions
    }

    /// Returns each filter as `name=value`.
    pub fn names(&self) -> Vec<String> {
        let alert = self.alert.as_ref().map(|id| format!("alert={id}"));
        let source = self.source.as_ref().map(|source| format!("source={source}"));
        let sentiment = self.sentiment.as_ref().map(|sentiment| format!("sentiment={sentiment}"));
        [alert, source, sentiment].into_iter().flatten().collect()
    }
}
