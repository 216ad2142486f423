//! What is counted: mentions by day, source, sentiment and alert.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use heysync::Timestamp;
use heysync::heylerts::{Mention, Sentiment};

const DAY: i64 = 24 * 60 * 60 * 1000;

/// The numbers of mentions.
#[derive(Debug, Default)]
pub struct Counts {
    pub days: Vec<Day>,
    pub by_source: Vec<(String, u64)>,
    pub by_sentiment: Vec<(String, u64)>,
    pub by_alert: Vec<(String, u64)>,
}

/// The mentions of one day in UTC.
#[derive(Debug, Default)]
pub struct Day {
    /// The date, as `2026-05-08`.
    pub date: String,
    pub negative: u64,
    /// Neutral ones, and those without a sentiment.
    pub neutral: u64,
    pub positive: u64,
}

impl Day {
    pub fn total(&self) -> u64 {
        self.negative + self.neutral + self.positive
    }
}

impl Counts {
    /// Counts `mentions`. `alert_names` has the name of each alert by its id.
    pub fn new(mentions: &[Mention], alert_names: &BTreeMap<String, String>) -> Counts {
        let name_of = |mention: &Mention| -> Option<String> {
            let id = mention.alert_id.as_ref()?;
            Some(alert_names.get(id).unwrap_or(id).clone())
        };
        Counts {
            days: by_day(mentions),
            by_source: count(mentions.iter().map(|it| it.source.as_ref().map(ToString::to_string))),
            by_sentiment: count(
                mentions.iter().map(|it| it.sentiment.as_ref().map(ToString::to_string)),
            ),
            by_alert: count(mentions.iter().map(name_of)),
        }
    }
}

/// Counts equal values, most frequent first.
fn count(values: impl Iterator<Item = Option<String>>) -> Vec<(String, u64)> {
    let mut counts = BTreeMap::<String, u64>::new();
    for value in values {
        *counts.entry(value.unwrap_or_else(|| "unknown".to_owned())).or_default() += 1;
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| Reverse(*count));
    counts
}

/// Counts the mentions of each day, from the first to the last, days without any included.
fn by_day(mentions: &[Mention]) -> Vec<Day> {
    let day_of = |moment: Timestamp| moment.as_millisecond().div_euclid(DAY);
    let mut days = BTreeMap::<i64, Day>::new();
    for mention in mentions {
        let Some(day) = mention.found_at.map(day_of) else { continue };
        let day = days.entry(day).or_default();
        match mention.sentiment {
            Some(Sentiment::Negative) => day.negative += 1,
            Some(Sentiment::Positive) => day.positive += 1,
            _ => day.neutral += 1,
        }
    }
    let (Some((&first, _)), Some((&last, _))) = (days.first_key_value(), days.last_key_value())
    else {
        return Vec::new();
    };
    let day = |number| Day { date: date(number), ..days.remove(&number).unwrap_or_default() };
    (first..=last).map(day).collect()
}

fn date(day: i64) -> String {
    let start = Timestamp::from_millisecond(day * DAY);
    start.map_or_else(|_| String::new(), |start| start.to_string().chars().take(10).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_without_mentions_are_days_too() {
        let at = |moment: &str| {
            let mut mention = Mention::default();
            mention.found_at = moment.parse().ok();
            mention
        };
        let mentions =
            ["2026-05-08T23:59:59Z", "2026-05-06T00:00:00Z", "2026-05-08T00:00:00Z"].map(at);
        let counts = Counts::new(&mentions, &BTreeMap::new());
        let days: Vec<_> = counts.days.iter().map(|day| (day.date.as_str(), day.total())).collect();
        assert_eq!(days, [("2026-05-06", 1), ("2026-05-07", 0), ("2026-05-08", 2)]);
        assert_eq!(counts.by_source, [("unknown".to_owned(), 3)]);
    }
}
