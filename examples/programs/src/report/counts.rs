//! The numbers of mentions by day, source, sentiment and alert.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use heysync::Timestamp;
use heysync::heylerts::{Mention, Sentiment};

use super::page::Report;

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
    /// Counts the mentions of `report`.
    pub fn new(report: &Report<'_>) -> Counts {
        let (mentions, names) = (report.mentions, report.alert_names);
        let name_of = |mention: &Mention| -> Option<String> {
            let id = mention.alert_id.as_ref()?;
            Some(names.get(id).unwrap_or(id).clone())
        };
        let source_of = |mention: &Mention| mention.source.as_ref().map(ToString::to_string);
        let sentiment_of = |mention: &Mention| mention.sentiment.as_ref().map(ToString::to_string);
        let last = report.until.as_millisecond().div_euclid(DAY);
        Counts {
            days: by_day(mentions, last - i64::from(report.days)..=last),
            by_source: count(mentions.iter().map(source_of)),
            by_sentiment: count(mentions.iter().map(sentiment_of)),
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

/// Counts the mentions of each day of the period. One with a date outside it is not in the chart.
fn by_day(mentions: &[Mention], period: RangeInclusive<i64>) -> Vec<Day> {
    let mut days = BTreeMap::<i64, Day>::new();
    for mention in mentions {
        let Some(moment) = mention.found_at else { continue };
        let day = days.entry(moment.as_millisecond().div_euclid(DAY)).or_default();
        match mention.sentiment {
            Some(Sentiment::Negative) => day.negative += 1,
            Some(Sentiment::Positive) => day.positive += 1,
            _ => day.neutral += 1,
        }
    }
    let day = |number| Day { date: date(number), ..days.remove(&number).unwrap_or_default() };
    period.map(day).collect()
}

fn date(day: i64) -> String {
    let start = Timestamp::from_millisecond(day * DAY);
    start.map_or_else(|_| String::new(), |start| start.to_string().chars().take(10).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_day_of_the_period_is_counted_and_no_other() {
        let at = |moment: &str| {
            let mut mention = Mention::default();
            mention.found_at = moment.parse().ok();
            mention
        };
        let moments = ["2026-05-08T23:59:59Z", "2026-05-06T00:00:00Z", "2026-05-08T00:00:00Z"];
        let wrong_clock = "9999-01-01T00:00:00Z";
        let mentions: Vec<_> = moments.into_iter().chain([wrong_clock]).map(at).collect();
        let counts = Counts::new(&Report {
            title: "",
            days: 3,
            until: "2026-05-08T12:00:00Z".parse().expect("a time"),
            mentions: &mentions,
            alert_names: &BTreeMap::new(),
            listed: 0,
        });
        let days: Vec<_> = counts.days.iter().map(|day| (&day.date[8..], day.total())).collect();
        assert_eq!(days, [("05", 0), ("06", 1), ("07", 0), ("08", 2)]);
        assert_eq!(counts.by_source, [("unknown".to_owned(), 4)]);
    }
}
