//! The page: one file without network, with its style and its filter in it.

use std::collections::BTreeMap;

use heysync::Timestamp;
use heysync::heylerts::Mention;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::charts;
use super::counts::Counts;

const STYLE: &str = include_str!("style.css");
const FILTER: &str = include_str!("filter.js");
/// Nothing is loaded, and nothing but the style and the filter of the page itself is obeyed.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/// The contents of the page.
#[derive(Debug)]
pub struct Report<'a> {
    pub title: &'a str,
    /// The number of days that end at `until`.
    pub days: u32,
    pub until: Timestamp,
    pub mentions: &'a [Mention],
    pub alert_names: &'a BTreeMap<String, String>,
    /// How many of the latest mentions are listed.
    pub listed: usize,
}

/// Writes the page. Every string of a mention is escaped, and an address is a link only if it begins with `http://` or
/// `https://`.
pub fn render(report: &Report<'_>) -> String {
    let counts = Counts::new(report);
    let until: String = report.until.to_string().chars().take(10).collect();
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="color-scheme" content="light dark";
                title { (report.title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header {
                    h1 { (report.title) }
                    p { (report.mentions.len()) " mentions in the " (report.days) " days until " time { (until) } }
                }
                main { (sections(report, &counts)) }
                script { (PreEscaped(FILTER)) }
            }
        }
    };
    page.into_string()
}

fn sections(report: &Report<'_>, counts: &Counts) -> Markup {
    html! {
        @if report.mentions.is_empty() {
            p { "There are no mentions in this period." }
        } @else {
            section aria-labelledby="by-day" {
                h2 #by-day { "By day" }
                (charts::days(&counts.days))
            }
            section.columns aria-label="By source, sentiment and alert" {
                (charts::bars("By source", &counts.by_source))
                (charts::bars("By sentiment", &counts.by_sentiment))
                (charts::bars("By alert", &counts.by_alert))
            }
            section aria-labelledby="latest" {
                h2 #latest { (latest(report)) }
                (filter(counts))
                ol #mentions role="list" {
                    @for mention in report.mentions.iter().take(report.listed) {
                        (item(mention, report.alert_names))
                    }
                }
            }
        }
    }
}

fn latest(report: &Report<'_>) -> String {
    match report.mentions.len() > report.listed {
        true => format!("The latest {} of {} mentions", report.listed, report.mentions.len()),
        false => "Mentions, the latest first".to_owned(),
    }
}

/// The controls of the filter. They are hidden until the script runs, since they do nothing without it.
fn filter(counts: &Counts) -> Markup {
    html! {
        form #filter hidden role="search" {
            label { "Search " input name="words" type="search"; }
            (choice("source", "Source", &counts.by_source))
            (choice("sentiment", "Sentiment", &counts.by_sentiment))
            (choice("alert", "Alert", &counts.by_alert))
            p #shown role="status" {}
        }
    }
}

fn choice(name: &str, heading: &str, counts: &[(String, u64)]) -> Markup {
    html! {
        label {
            (heading) " "
            select name=(name) {
                option value="" { "all" }
                @for (value, _) in counts { option { (value) } }
            }
        }
    }
}

fn item(mention: &Mention, alert_names: &BTreeMap<String, String>) -> Markup {
    let source = mention.source.as_ref().map_or("unknown", |source| source.as_str());
    let sentiment = mention.sentiment.as_ref().map_or("unknown", |sentiment| sentiment.as_str());
    let alert = mention.alert_id.as_deref().unwrap_or("unknown");
    let alert = alert_names.get(alert).map_or(alert, String::as_str);
    let title =
        mention.title.as_deref().filter(|title| !title.trim().is_empty()).unwrap_or(&mention.url);
    html! {
        li data-source=(source) data-sentiment=(sentiment) data-alert=(alert) {
            h3 {
                @if is_web(&mention.url) {
                    a href=(mention.url) rel="noopener noreferrer nofollow" { bdi { (title) } }
                } @else {
                    bdi { (title) }
                }
            }
            @if let Some(snippet) = &mention.snippet { p { bdi { (snippet) } } }
            p.about {
                @if let Some(found_at) = mention.found_at { time datetime=(found_at) { (minute(found_at)) } " · " }
                (source) " · " span.(class(sentiment)) { (sentiment) } " · " bdi { (alert) }
                @if let Some(author) = &mention.author { " · " bdi { (author) } }
            }
        }
    }
}

/// Writes a moment as `2026-05-08 09:00 UTC`.
fn minute(moment: Timestamp) -> String {
    let moment: String = moment.to_string().chars().take(16).collect();
    moment.replace('T', " ") + " UTC"
}

/// A sentiment that the page has no colour for gets none.
fn class(sentiment: &str) -> &'static str {
    match sentiment {
        "negative" => "tone-negative",
        "positive" => "tone-positive",
        _ => "tone-neutral",
    }
}

fn is_web(url: &str) -> bool {
    ["http://", "https://"]
        .iter()
        .any(|scheme| url.get(..scheme.len()).is_some_and(|it| it.eq_ignore_ascii_case(scheme)))
}

#[cfg(test)]
mod tests {
    use heysync::heylerts::Source;

    use super::*;

    fn page_of(mention: Mention) -> String {
        let names = BTreeMap::new();
        render(&Report {
            title: "Mentions",
            days: 30,
            until: Timestamp::now(),
            mentions: &[mention],
            alert_names: &names,
            listed: 10,
        })
    }

    #[test]
    fn what_a_stranger_wrote_stays_text() {
        let mut mention = Mention::default();
        mention.title = Some("<script>alert(1)</script>".to_owned());
        mention.author = Some("\"><img src=x onerror=alert(1)>".to_owned());
        mention.source = Some(Source::from_string("\"onmouseover=\"alert(1)"));
        let page = page_of(mention);
        assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
        assert!(!page.contains("<img") && !page.contains("\"onmouseover"), "{page}");
    }

    #[test]
    fn only_an_address_of_the_web_is_a_link() {
        for (url, is_link) in [
            ("https://example.com/a?b=1&c=2", true),
            ("HTTP://example.com", true),
            ("javascript:alert(1)", false),
            (" javascript:alert(1)", false),
            ("data:text/html,x", false),
            ("//example.com", false),
            ("", false),
        ] {
            let mut mention = Mention::default();
            mention.url = url.to_owned();
            mention.title = Some("A title".to_owned());
            assert_eq!(page_of(mention).contains("<a href"), is_link, "{url}");
        }
    }
}
