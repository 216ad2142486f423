//! The bodies that the server sends, and the types that the peers decode them into.

use serde::{Deserialize, Serialize};
use serde_json::json;

pub(crate) const MENTIONS: usize = 10_000;
pub(crate) const PER_PAGE: usize = 100;

pub(crate) fn hello() -> String {
    r#"{"ok":true,"user":{"email":"you@example.com","plan":"pro"},"rate_limit":"100000/second","docs_url":"https://heylerts.com/docs/api"}"#
        .to_owned()
}

pub(crate) fn alert() -> String {
    json!({
        "id": "3f2c8a34-6a1e-4d57-9d0b-0f6f1c1f2a11",
        "name": "Our brand",
        "keyword": "heysync",
        "include_keywords": ["client", "library"],
        "exclude_keywords": [],
        "ignore_domains": ["spam.example"],
        "sources": ["brave", "reddit", "hackernews"],
        "frequency": "daily",
        "is_active": true,
        "mention_count": 0,
        "last_checked_at": null,
        "created_at": "2026-05-08T11:00:00Z",
        "x_enabled": false,
        "webhook_url": null,
        "webhook_configured": false,
    })
    .to_string()
}

/// The fields in the order of the vendor's page.
fn mention(nth: usize) -> String {
    let source = ["brave", "reddit", "hackernews"][nth % 3];
    let sentiment = ["positive", "neutral", "negative"][nth % 3];
    let author = nth % 100;
    format!(
        r#"{{"id":"7d0f1b52-3c4e-4b8a-9a57-{nth:012}","alert_id":"3f2c8a34-6a1e-4d57-9d0b-0f6f1c1f2a11",\
        "source":"{source}","url":"https://www.example.com/r/rust/comments/{nth}/a_client_that_keeps_the_rate_limit/",\
        "title":"A client that keeps the rate limit, part {nth}","snippet":"We had written our own on top of ureq, \
        \"fifty lines\", and moved to heysync when it repeated items on a list that others changed meanwhile. The \
        limiter alone was worth it.","author":"u/example{author}","sentiment":"{sentiment}","relevance_score":0.87,\
        "found_at":"2026-05-08T11:00:00Z","published_at":"2026-05-08T10:31:07Z","ignored":false}}"#
    )
    .replace("\\\n        ", "")
}

/// A page of mentions, from number 1.
pub(crate) fn mentions(page: usize) -> String {
    let first = (page - 1) * PER_PAGE;
    let items: Vec<String> = (first..first + PER_PAGE).map(mention).collect();
    let (items, pages) = (items.join(","), MENTIONS / PER_PAGE);
    let has_more = page < pages;
    format!(
        r#"{{"items":[{items}],"page":{page},"per_page":{PER_PAGE},"total_items":{MENTIONS},"total_pages":{pages},"has_more":{has_more}}}"#
    )
}

fn event(nth: usize) -> String {
    let start = 1_778_238_000_000 + nth as u64 * 86_400_000;
    let end = start + 3_600_000;
    format!(
        r#"{{"id":"event-{nth:06}","communityId":"harbour-runners","title":"Tempo run, number {nth}",\
        "description":"Eight kilometres along the harbour, with three at tempo. Bring a light and something warm.",\
        "startTimestamp":{start},"endTimestamp":{end},"timeZone":"Europe/Dublin",\
        "location":{{"name":"Harbour steps","latitude":53.3438,"longitude":-6.2546}},\
        "hosts":[{{"userId":"user-001","name":"Ada"}},{{"userId":"user-002","name":"Grace"}}],"capacity":40,\
        "goingCount":17,"waitlistCount":0,"visibility":"members","isCancelled":false,\
        "imageUrl":"https://images.example.com/events/{nth}/cover.jpg","createdAt":"2026-04-01T08:00:00Z",\
        "tags":["run","tempo","evening"]}}"#
    )
    .replace("\\\n        ", "")
}

pub(crate) fn events() -> String {
    let events: Vec<String> = (0..PER_PAGE).map(event).collect();
    format!(r#"{{"events":[{}]}}"#, events.join(","))
}

#[derive(Deserialize)]
#[allow(dead_code)]
pub(crate) struct Hello {
    pub(crate) ok: bool,
    pub(crate) user: User,
    pub(crate) rate_limit: Option<String>,
    pub(crate) docs_url: Option<String>,
}

#[derive(Deserialize)]
#[allow(dead_code)]
pub(crate) struct User {
    pub(crate) email: Option<String>,
    pub(crate) plan: String,
}

#[derive(Serialize)]
pub(crate) struct NewAlert {
    pub(crate) name: &'static str,
    pub(crate) keyword: &'static str,
    pub(crate) sources: [&'static str; 2],
}

pub(crate) const NEW_ALERT: NewAlert =
    NewAlert { name: "Our brand", keyword: "heysync", sources: ["brave", "reddit"] };

#[derive(Deserialize)]
#[allow(dead_code)]
pub(crate) struct Alert {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) keyword: String,
    pub(crate) include_keywords: Vec<String>,
    pub(crate) exclude_keywords: Vec<String>,
    pub(crate) ignore_domains: Vec<String>,
    pub(crate) sources: Vec<String>,
    pub(crate) frequency: Option<String>,
    pub(crate) is_active: bool,
    pub(crate) mention_count: u64,
    pub(crate) last_checked_at: Option<String>,
    pub(crate) created_at: Option<String>,
    pub(crate) x_enabled: bool,
    pub(crate) webhook_url: Option<String>,
    pub(crate) webhook_configured: bool,
}

#[derive(Deserialize)]
#[allow(dead_code)]
pub(crate) struct Mention {
    pub(crate) id: String,
    pub(crate) alert_id: String,
    pub(crate) source: String,
    pub(crate) url: String,
    pub(crate) title: Option<String>,
    pub(crate) snippet: Option<String>,
    pub(crate) author: Option<String>,
    pub(crate) sentiment: Option<String>,
    pub(crate) relevance_score: Option<f64>,
    pub(crate) found_at: String,
    pub(crate) published_at: Option<String>,
    pub(crate) ignored: bool,
}

#[derive(Deserialize)]
#[allow(dead_code)]
pub(crate) struct MentionPage {
    pub(crate) items: Vec<Mention>,
    pub(crate) page: u64,
    pub(crate) per_page: u64,
    pub(crate) total_items: u64,
    pub(crate) total_pages: u64,
    pub(crate) has_more: bool,
}

/// An event as a caller would state it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(dead_code)]
pub(crate) struct Event {
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) description: String,
    pub(crate) start_timestamp: u64,
    pub(crate) end_timestamp: u64,
    pub(crate) location: Location,
    pub(crate) hosts: Vec<Host>,
    pub(crate) capacity: u32,
    pub(crate) going_count: u32,
    pub(crate) is_cancelled: bool,
    pub(crate) tags: Vec<String>,
}

#[derive(Deserialize)]
#[allow(dead_code)]
pub(crate) struct Location {
    pub(crate) name: String,
    pub(crate) latitude: f64,
    pub(crate) longitude: f64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(dead_code)]
pub(crate) struct Host {
    pub(crate) user_id: String,
    pub(crate) name: String,
}

#[derive(Deserialize)]
pub(crate) struct EventPage<T> {
    pub(crate) events: Vec<T>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EventRequest {
    pub(crate) r#type: &'static str,
    pub(crate) community_id: &'static str,
    pub(crate) batch_size: usize,
}

pub(crate) const EVENT_REQUEST: EventRequest = EventRequest {
    r#type: "communityEvents",
    community_id: "harbour-runners",
    batch_size: PER_PAGE,
};
