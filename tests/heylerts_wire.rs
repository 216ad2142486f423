//! Every operation of Heylerts over a socket: the request that is sent, and the value of the response.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

use heysync::heylerts::{
    Alert, AlertPatch, Client, Frequency, Mention, NewAlert, Plan, Sentiment, Source,
};
use heysync::page::Position;
use heysync::{Call, ErrorKind, Safety, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};

#[path = "support/wire.rs"]
mod wire;

use wire::{Scripted, Wire};

/// The line of each request, whose headers are as they must be.
fn sent(wire: &Wire) -> Vec<String> {
    let key = ("x-api-key", "hlt_wire_key");
    wire.requests().iter().for_each(|request| request.assert_headers(key));
    wire.lines()
}

/// The line and the body of the one request.
fn sent_body(wire: &Wire) -> (String, Value) {
    let [line] = sent(wire).try_into().unwrap();
    (line, wire.request().json())
}

fn moment(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// An alert as the vendor's page shows it.
fn my_brand() -> Value {
    json!({
        "id": "uuid",
        "name": "My brand",
        "keyword": "heylerts",
        "include_keywords": ["saas"],
        "exclude_keywords": ["job"],
        "ignore_domains": ["example.com"],
        "sources": ["brave", "reddit"],
        "frequency": "daily",
        "is_active": true,
        "mention_count": 42,
        "last_checked_at": "2026-05-08T12:00:00Z",
        "created_at": "2026-04-01T09:00:00Z",
        "x_enabled": false,
        "webhook_url": null,
        "webhook_configured": false
    })
}

fn assert_is_my_brand(alert: &Alert) {
    assert_eq!([&alert.id, &alert.name, &alert.keyword], ["uuid", "My brand", "heylerts"]);
    let words = [&alert.include_keywords, &alert.exclude_keywords, &alert.ignore_domains];
    assert_eq!(words, [&["saas"], &["job"], &["example.com"]]);
    assert_eq!(alert.sources, [Source::Brave, Source::Reddit]);
    assert_eq!(alert.frequency, Some(Frequency::Daily));
    assert_eq!((alert.is_active, alert.mention_count), (true, 42));
    assert_eq!(alert.last_checked_at, Some(moment("2026-05-08T12:00:00Z")));
    assert_eq!(alert.created_at, Some(moment("2026-04-01T09:00:00Z")));
    assert_eq!((alert.x_enabled, alert.webhook_configured), (false, false));
    assert_eq!(alert.webhook_url, None);
    assert!(alert.other.is_empty());
}

/// A mention as the vendor's page shows it.
fn praise() -> Value {
    json!({
        "id": "uuid",
        "alert_id": "uuid",
        "source": "reddit",
        "url": "https://...",
        "title": "...",
        "snippet": "...",
        "author": "u/example",
        "sentiment": "positive",
        "relevance_score": 0.87,
        "found_at": "2026-05-08T11:00:00Z",
        "published_at": "2026-05-08T10:30:00Z",
        "ignored": false
    })
}

/// Things with ids, and nothing else.
fn things(ids: &[&str]) -> Vec<Value> {
    ids.iter().map(|id| json!({"id": id})).collect()
}

/// The envelope of a page, as the vendor's page shows it.
fn page(items: Vec<Value>, page: u64, per_page: u64, total_items: u64) -> Scripted {
    let total_pages = total_items.div_ceil(per_page);
    Scripted::json(json!({
        "items": items, "page": page, "per_page": per_page, "total_items": total_items,
        "total_pages": total_pages, "has_more": page < total_pages,
    }))
}

fn ids(alerts: impl Iterator<Item = heysync::Result<Alert>>) -> Vec<String> {
    alerts.map(|alert| alert.unwrap().id).collect()
}

// The account.

#[test]
fn hello_returns_the_account_of_the_key() {
    let wire = Wire::new([Scripted::json(json!({
        "ok": true,
        "user": { "email": "ada@example.com", "plan": "pro" },
        "rate_limit": "100/minute",
        "docs_url": "https://heylerts.com/docs"
    }))]);
    let hello = wire.heylerts().hello().unwrap();
    assert_eq!(sent(&wire), ["GET /api/v1/hello"]);
    assert!(hello.ok);
    assert_eq!(hello.user.email.as_deref(), Some("ada@example.com"));
    assert_eq!(hello.user.plan, Plan::Pro);
    assert_eq!(hello.rate_limit.as_deref(), Some("100/minute"));
    assert_eq!(hello.docs_url.as_deref(), Some("https://heylerts.com/docs"));
}

#[test]
fn hello_decodes_if_only_the_plan_is_known() {
    let wire = Wire::new([Scripted::json(
        json!({"user": {"email": null, "plan": "galaxy"}, "rate_limit": null}),
    )]);
    let user = wire.heylerts().hello().unwrap().user;
    assert_eq!((user.email, user.plan), (None, Plan::Other("galaxy".into())));
}

#[test]
fn a_key_in_quotes_is_rejected_because_of_the_quotes() {
    for key in [
        "\"hlt_key\"",
        "'hlt_key'",
        "`hlt_key`",
        "\u{201c}hlt_key\u{201d}",
        "\u{2018}hlt_key\u{2019}",
        "hlt_key\"",
        "\"hlt_key",
        "\"key\"",
    ] {
        let error = Client::new(key).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration, "{key}");
        assert!(error.message().contains("quotes"), "{key}: {error}");
        assert!(!format!("{error} {error:?}").contains("key\""), "{key}: {error}");
    }
    let error = Client::new("sk_key").unwrap_err();
    assert!(error.message().contains("begin with hlt_"), "{error}");
}

// Lists.

#[test]
fn alerts_are_decoded_as_the_vendors_page_shows_them() {
    let wire = Wire::new([page(vec![my_brand()], 1, 20, 1)]);
    let alerts = wire.heylerts().alerts().read_all().unwrap();
    assert_eq!(sent(&wire), ["GET /api/v1/alerts?page=1&per_page=100"]);
    assert_eq!(alerts.len(), 1);
    assert_is_my_brand(&alerts[0]);
}

#[test]
fn mentions_are_decoded_as_the_vendors_page_shows_them() {
    let wire = Wire::new([page(vec![praise()], 1, 100, 1)]);
    let mentions: Vec<Mention> = wire.heylerts().mentions().read_all().unwrap();
    assert_eq!(sent(&wire), ["GET /api/v1/mentions?page=1&per_page=100"]);
    let [mention] = &mentions[..] else { panic!("one mention") };
    assert_eq!((mention.id.as_str(), mention.alert_id.as_deref()), ("uuid", Some("uuid")));
    assert_eq!((&mention.source, mention.url.as_str()), (&Some(Source::Reddit), "https://..."));
    assert_eq!((mention.title.as_deref(), mention.snippet.as_deref()), (Some("..."), Some("...")));
    assert_eq!(mention.author.as_deref(), Some("u/example"));
    assert_eq!(
        (&mention.sentiment, mention.relevance_score),
        (&Some(Sentiment::Positive), Some(0.87))
    );
    assert_eq!(mention.found_at, Some(moment("2026-05-08T11:00:00Z")));
    assert_eq!(mention.published_at, Some(moment("2026-05-08T10:30:00Z")));
    assert!(mention.other.is_empty());
}

#[test]
fn pages_are_fetched_until_there_is_no_more() {
    let wire = Wire::new([
        page(things(&["a1", "a2"]), 1, 2, 5),
        page(things(&["a3", "a4"]), 2, 2, 5),
        page(things(&["a5"]), 3, 2, 5),
    ]);
    let alerts = wire.heylerts().alerts().page_size(2);
    assert_eq!(ids(alerts), ["a1", "a2", "a3", "a4", "a5"]);
    let expected = [1, 2, 3].map(|page| format!("GET /api/v1/alerts?page={page}&per_page=2"));
    assert_eq!(sent(&wire), expected);
}

#[test]
fn pages_carry_their_numbers() {
    let wire = Wire::new([page(things(&["a1", "a2"]), 1, 2, 3), page(things(&["a3"]), 2, 2, 3)]);
    let pages: Vec<_> = wire.heylerts().alerts().page_size(2).pages().map(Result::unwrap).collect();
    let numbers = pages.iter().map(|page| {
        let items: Vec<&str> =
            page.items.iter().map(|item| item.as_ref().unwrap().id.as_str()).collect();
        (items, page.number, page.total_items, page.total_pages, page.has_more)
    });
    let expected = [
        (vec!["a1", "a2"], 1, Some(3), Some(2), Some(true)),
        (vec!["a3"], 2, Some(3), Some(2), Some(false)),
    ];
    assert_eq!(numbers.collect::<Vec<_>>(), expected);
}

#[test]
fn a_limit_is_no_page_size_and_fetches_no_page_too_many() {
    let wire =
        Wire::new([page(things(&["a1", "a2"]), 1, 2, 6), page(things(&["a3", "a4"]), 2, 2, 6)]);
    assert_eq!(ids(wire.heylerts().alerts().page_size(2).limit(3)), ["a1", "a2", "a3"]);
    assert_eq!(wire.requests().len(), 2);
    let wire = Wire::unused();
    assert!(ids(wire.heylerts().alerts().limit(0)).is_empty());
    assert!(wire.lines().is_empty());
}

/// An iterator over three alerts in pages of two, whose total has been read.
fn counted() -> (Wire, heysync::heylerts::Alerts) {
    let wire = Wire::new([page(things(&["a1", "a2"]), 1, 2, 3), page(things(&["a3"]), 2, 2, 3)]);
    let mut alerts = wire.heylerts().alerts().page_size(2);
    assert_eq!(alerts.total_items().unwrap(), Some(3));
    assert_eq!(alerts.total_items().unwrap(), Some(3));
    assert_eq!(wire.requests().len(), 1);
    (wire, alerts)
}

#[test]
fn the_total_comes_with_the_first_page_which_is_not_fetched_again() {
    let (wire, alerts) = counted();
    assert_eq!(ids(alerts), ["a1", "a2", "a3"]);
    assert_eq!(wire.requests().len(), 2);
}

#[test]
fn a_page_that_was_fetched_for_the_total_is_the_first_of_the_pages() {
    let (wire, alerts) = counted();
    let pages: Vec<_> = alerts.pages().map(Result::unwrap).collect();
    let sizes: Vec<_> = pages.iter().map(|page| (page.number, page.items.len())).collect();
    assert_eq!(sizes, [(1, 2), (2, 1)]);
    assert_eq!(wire.requests().len(), 2);
}

#[test]
fn pages_begin_with_the_rest_of_the_present_page() {
    let (wire, mut alerts) = counted();
    assert_eq!(alerts.next().unwrap().unwrap().id, "a1");
    let pages = alerts.pages().map(Result::unwrap);
    let sizes: Vec<_> = pages.map(|page| (page.number, page.items.len())).collect();
    assert_eq!(sizes, [(1, 1), (2, 1)]);
    assert_eq!(wire.requests().len(), 2);
}

#[test]
fn an_iteration_over_alerts_resumes_at_its_position() {
    let all = || page(things(&["a1", "a2", "a3"]), 1, 100, 3);
    let wire = Wire::new([all(), all()]);
    let mut alerts = wire.heylerts().alerts();
    assert_eq!(ids(alerts.by_ref().take(2)), ["a1", "a2"]);
    let position: Position = alerts.position().to_string().parse().unwrap();
    let resumed = wire.heylerts().alerts().resume_at(&position).unwrap();
    assert_eq!(ids(resumed), ["a3"]);
}

#[test]
fn a_page_size_out_of_range_is_rejected_with_nothing_sent() {
    for size in [0, 101, u32::MAX] {
        let wire = Wire::unused();
        let mentions: Vec<_> = wire.heylerts().mentions().page_size(size).collect();
        assert_eq!(mentions.len(), 1);
        assert_eq!(mentions[0].as_ref().unwrap_err().kind(), ErrorKind::InvalidInput);
        assert!(wire.lines().is_empty());
    }
}

#[test]
fn an_alert_that_does_not_decode_is_one_error_in_its_place() {
    let items = vec![json!({"id": "a1"}), json!({"name": "no id"}), json!({"id": "a3"})];
    let wire = Wire::new([page(items, 1, 100, 3)]);
    let alerts: Vec<_> = wire.heylerts().alerts().collect();
    let kept = |nth: usize| alerts[nth].as_ref().map(|alert| alert.id.as_str());
    assert_eq!((kept(0).unwrap(), kept(2).unwrap(), alerts.len()), ("a1", "a3", 3));
    let error = kept(1).unwrap_err();
    assert_eq!((error.kind(), error.body()), (ErrorKind::Unreadable, &br#"{"name":"no id"}"#[..]));
}

#[test]
fn a_list_is_decoded_into_the_callers_type() {
    #[derive(Debug, Deserialize, PartialEq)]
    struct Link {
        url: String,
    }
    let wire = Wire::new([page(vec![praise()], 1, 100, 1)]);
    let links = wire.heylerts().mentions().decode_as::<Link>().read_all().unwrap();
    assert_eq!(links, [Link { url: "https://...".into() }]);
}

// Mentions, filtered.

#[test]
fn every_filter_of_mentions_is_sent_percent_encoded() {
    let wire = Wire::new([page(vec![], 1, 100, 0)]);
    let mentions = wire
        .heylerts()
        .mentions()
        .alert("a+b/c d")
        .source(Source::HackerNews)
        .sentiment(Sentiment::Negative)
        .since(moment("2026-05-08T13:00:00.25+02:00"));
    assert!(mentions.read_all().unwrap().is_empty());
    let expected = "GET /api/v1/mentions?alert_id=a%2Bb%2Fc+d&source=hackernews&sentiment=negative\
                    &since=2026-05-08T11%3A00%3A00.25Z&page=1&per_page=100";
    assert_eq!(sent(&wire), [expected]);
}

#[test]
fn unknown_filters_are_sent_as_they_are() {
    let wire = Wire::new([page(vec![], 1, 100, 0)]);
    let mentions = wire
        .heylerts()
        .mentions()
        .source("you tube")
        .sentiment("mixed&odd=1")
        .parameter("since", "2026-05-08T13:00:00+02:00")
        .parameter("language", "d\u{e9}");
    assert!(mentions.read_all().unwrap().is_empty());
    let expected = "GET /api/v1/mentions?source=you+tube&sentiment=mixed%26odd%3D1\
                    &since=2026-05-08T13%3A00%3A00%2B02%3A00&language=d%C3%A9&page=1&per_page=100";
    assert_eq!(sent(&wire), [expected]);
}

#[test]
fn a_filter_set_again_replaces_the_one_before() {
    let wire = Wire::new([page(vec![], 1, 100, 0)]);
    let mentions = wire.heylerts().mentions().source(Source::Brave).source(Source::Reddit);
    assert!(mentions.read_all().unwrap().is_empty());
    assert_eq!(sent(&wire), ["GET /api/v1/mentions?source=reddit&page=1&per_page=100"]);
}

#[test]
fn filters_are_kept_from_page_to_page() {
    let wire = Wire::new([page(things(&["m1"]), 1, 1, 2), page(things(&["m2"]), 2, 1, 2)]);
    let mentions = wire.heylerts().mentions().alert("a1").page_size(1);
    assert_eq!(mentions.read_all().unwrap().len(), 2);
    let expected =
        [1, 2].map(|page| format!("GET /api/v1/mentions?alert_id=a1&page={page}&per_page=1"));
    assert_eq!(sent(&wire), expected);
}

// One alert.

#[test]
fn an_alert_is_requested_by_its_id() {
    let wire = Wire::new([Scripted::json(my_brand())]);
    assert_is_my_brand(&wire.heylerts().get_alert("uuid").unwrap());
    assert_eq!(sent(&wire), ["GET /api/v1/alerts/uuid"]);
}

/// The alert that the vendor's page creates.
fn competitor() -> NewAlert {
    NewAlert::new("Competitor X", "competitor x")
        .include_keywords(["launch"])
        .exclude_keywords(["job posting"])
        .ignore_domains(["spam.example"])
        .sources([Source::Brave, Source::Reddit, Source::HackerNews])
        .frequency(Frequency::Daily)
}

#[test]
fn an_alert_is_created_as_the_vendors_page_shows_it() {
    for status in [200, 201] {
        let response = json!({"id": "uuid", "name": "Competitor X"});
        let wire = Wire::new([Scripted::json(response).with_status(status)]);
        let alert = wire.heylerts().create_alert(&competitor()).unwrap();
        assert_eq!((alert.id.as_str(), alert.name.as_str()), ("uuid", "Competitor X"));
        let expected = json!({
            "name": "Competitor X",
            "keyword": "competitor x",
            "include_keywords": ["launch"],
            "exclude_keywords": ["job posting"],
            "ignore_domains": ["spam.example"],
            "sources": ["brave", "reddit", "hackernews"],
            "frequency": "daily"
        });
        assert_eq!(sent_body(&wire), ("POST /api/v1/alerts".to_owned(), expected));
    }
}

#[test]
fn a_new_alert_sends_only_the_fields_that_were_set() {
    let wire = Wire::new([Scripted::json(my_brand())]);
    let alert = NewAlert::new("n", "k").sources(["mastodon"]).field("x_enabled", true);
    wire.heylerts().create_alert(&alert).unwrap();
    let expected = json!({"name": "n", "keyword": "k", "sources": ["mastodon"], "x_enabled": true});
    assert_eq!(sent_body(&wire).1, expected);
}

#[test]
fn an_alert_without_a_name_or_keyword_is_rejected_with_nothing_sent() {
    for (name, keyword, missing) in
        [("", "k", "name"), (" ", "k", "name"), ("n", "", "keyword"), ("n", "\t", "keyword")]
    {
        let wire = Wire::unused();
        let error = wire.heylerts().create_alert(&NewAlert::new(name, keyword)).unwrap_err();
        assert_eq!((error.kind(), error.attempts()), (ErrorKind::InvalidInput, 0));
        assert_eq!(error.to_string(), format!("POST /alerts: the alert's {missing} is empty"));
        assert!(wire.lines().is_empty());
    }
}

#[test]
fn an_alert_that_is_to_be_created_once_is_listed_posted_and_if_the_response_is_lost_listed_again() {
    let alike = |ids: &[&str]| {
        let like = |id: &&str| json!({"id": id, "name": "Competitor X", "keyword": "competitor x"});
        page(ids.iter().map(like).collect(), 1, 100, ids.len() as u64)
    };
    let wire = Wire::new([alike(&["old"]), Scripted::status(502), alike(&["old", "new"])]);
    let created = wire.heylerts().create_alert_once(&competitor()).unwrap();
    assert_eq!((created.id.as_str(), created.name.as_str()), ("new", "Competitor X"));
    let list = "GET /api/v1/alerts?page=1&per_page=100";
    assert_eq!(sent(&wire), [list, "POST /api/v1/alerts", list]);
}

#[test]
fn an_alert_that_is_rejected_is_not_looked_for() {
    let rejected = Scripted::json(json!({"detail": "quota"})).with_status(403);
    let wire = Wire::new([page(vec![], 1, 100, 0), rejected]);
    let error = wire.heylerts().create_alert_once(&competitor()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Forbidden);
    assert_eq!(wire.requests().len(), 2);
}

#[test]
fn an_update_sends_only_the_fields_that_were_set() {
    let emptied =
        AlertPatch::new().exclude_keywords(Vec::<String>::new()).sources(Vec::<Source>::new());
    let all = AlertPatch::new()
        .name("n")
        .keyword("k")
        .include_keywords(["i"])
        .exclude_keywords(["e"])
        .ignore_domains(["d.example"])
        .sources([Source::Brave])
        .frequency("hourly")
        .active(true)
        .field("webhook_url", Value::Null);
    for (patch, expected) in [
        (AlertPatch::new().active(false), json!({"is_active": false})),
        (emptied, json!({"exclude_keywords": [], "sources": []})),
        (
            all,
            json!({
                "name": "n", "keyword": "k", "include_keywords": ["i"], "exclude_keywords": ["e"],
                "ignore_domains": ["d.example"], "sources": ["brave"], "frequency": "hourly",
                "is_active": true, "webhook_url": null,
            }),
        ),
    ] {
        let wire = Wire::new([Scripted::json(json!({"id": "uuid", "is_active": false}))]);
        let alert = wire.heylerts().update_alert("uuid", &patch).unwrap();
        assert_eq!((alert.id.as_str(), alert.is_active), ("uuid", false));
        assert_eq!(sent_body(&wire), ("PATCH /api/v1/alerts/uuid".to_owned(), expected));
    }
}

#[test]
fn a_patch_that_changes_nothing_is_rejected_with_nothing_sent() {
    let wire = Wire::unused();
    let error = wire.heylerts().update_alert("uuid", &AlertPatch::new()).unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::InvalidInput, 0));
    assert!(wire.lines().is_empty());
}

#[test]
fn deleting_an_alert_needs_no_body_in_the_response() {
    for response in [Scripted::status(204), Scripted::status(200), Scripted::text("gone")] {
        let wire = Wire::new([response]);
        wire.heylerts().delete_alert("uuid").unwrap();
        assert_eq!(sent(&wire), ["DELETE /api/v1/alerts/uuid"]);
        assert!(wire.request().body.is_empty());
    }
}

// Counts.

#[test]
fn stats_count_all_mentions_or_those_of_one_alert() {
    let response = Scripted::json(json!({
        "total": 137,
        "by_source": { "reddit": 42, "brave": 88, "hackernews": 7 },
        "by_sentiment": { "positive": 60, "neutral": 70, "negative": 7 },
        "by_category": { "web": 110, "social": 24, "forum": 3 }
    }));
    let wire = Wire::new([response.clone(), response]);
    let client = wire.heylerts();
    for stats in [client.stats(), client.alert_stats("a+b&page=2")].map(Result::unwrap) {
        let sources = ["reddit", "brave", "hackernews"].map(|name| stats.by_source[name]);
        let sentiments = ["positive", "neutral", "negative"].map(|name| stats.by_sentiment[name]);
        let categories = ["web", "social", "forum"].map(|name| stats.by_category[name]);
        assert_eq!(stats.total, 137);
        assert_eq!([sources, sentiments, categories], [[42, 88, 7], [60, 70, 7], [110, 24, 3]]);
    }
    assert_eq!(sent(&wire), ["GET /api/v1/stats", "GET /api/v1/stats?alert_id=a%2Bb%26page%3D2"]);
}

#[test]
fn stats_may_lack_a_breakdown() {
    for response in [
        json!({"total": 3}),
        json!({"total": 3, "by_source": null, "by_sentiment": null, "by_category": null}),
    ] {
        let wire = Wire::new([Scripted::json(response)]);
        let stats = wire.heylerts().stats().unwrap();
        assert_eq!(stats.total, 3);
        assert!(
            stats.by_source.is_empty()
                && stats.by_sentiment.is_empty()
                && stats.by_category.is_empty()
        );
    }
}

// Unknown values and fields.

#[test]
fn unknown_values_are_kept_and_sent_back_unchanged() {
    let listed = json!({"id": "a1", "sources": ["brave", "Blue Sky"], "frequency": "every 15 min"});
    let wire = Wire::new([Scripted::json(listed), Scripted::json(json!({"id": "a1"}))]);
    let client = wire.heylerts();
    let alert = client.get_alert("a1").unwrap();
    assert_eq!(alert.sources[1], Source::Other("Blue Sky".into()));
    let patch = AlertPatch::new().sources(alert.sources).frequency(alert.frequency.unwrap());
    client.update_alert("a1", &patch).unwrap();
    let expected = json!({"sources": ["brave", "Blue Sky"], "frequency": "every 15 min"});
    assert_eq!(wire.requests()[1].json(), expected);
}

#[test]
fn unknown_fields_are_kept() {
    let other = json!({"color": "red", "owner": {"id": 7}});
    let merged = |mut known: Value| {
        known.as_object_mut().unwrap().extend(other.as_object().unwrap().clone());
        known
    };
    let wire =
        Wire::new([Scripted::json(merged(my_brand())), page(vec![merged(praise())], 1, 100, 1)]);
    let client = wire.heylerts();
    assert_eq!(json!(client.get_alert("uuid").unwrap().other), other);
    assert_eq!(json!(client.mentions().next().unwrap().unwrap().other), other);
}

/// Returns the object with every field but these set to null.
fn nulled(mut object: Value, but: &[&str]) -> Value {
    let fields = object.as_object_mut().unwrap().iter_mut();
    fields
        .filter(|(name, _)| !but.contains(&name.as_str()))
        .for_each(|(_, value)| *value = Value::Null);
    object
}

#[test]
fn every_nullable_field_may_be_null_or_absent() {
    let alerts = [nulled(my_brand(), &["id", "is_active"]), json!({"id": "uuid"})];
    let mentions = [nulled(praise(), &["id"]), json!({"id": "uuid"})];
    let wire = Wire::new([page(alerts.into(), 1, 100, 2), page(mentions.into(), 1, 100, 2)]);
    let pages = |client: Client| (client.alerts().pages().next(), client.mentions().pages().next());
    let (alerts, mentions) = pages(wire.heylerts());
    for alert in alerts.unwrap().unwrap().items.into_iter().map(Result::unwrap) {
        assert!(alert.name.is_empty() && alert.sources.is_empty() && alert.is_active);
        assert_eq!((alert.frequency, alert.last_checked_at, alert.created_at), (None, None, None));
    }
    for mention in mentions.unwrap().unwrap().items.into_iter().map(Result::unwrap) {
        assert_eq!((mention.title, mention.snippet, mention.author), (None, None, None));
        assert_eq!(
            (mention.sentiment, mention.source, mention.relevance_score),
            (None, None, None)
        );
        assert_eq!((mention.published_at, mention.found_at), (None, None));
        assert_eq!((mention.alert_id, mention.url), (None, String::new()));
    }
}

#[test]
fn a_call_without_a_method_is_sent_the_same_way() {
    let wire = Wire::new([Scripted::json(json!([1, 2])), Scripted::json(json!({"ok": 1}))]);
    let client = wire.heylerts();
    let numbers: Vec<u32> = client.send(&Call::get(["trends", "a b"]).query("days", 7)).unwrap();
    assert_eq!(numbers, [1, 2]);
    let call = Call::post(["alerts", "a1", "mute"]).json(&json!({"hours": 2}));
    let response: Value = client.send(&call.safety(Safety::Idempotent)).unwrap();
    assert_eq!(response, json!({"ok": 1}));
    assert_eq!(sent(&wire), ["GET /api/v1/trends/a%20b?days=7", "POST /api/v1/alerts/a1/mute"]);
    assert_eq!(wire.requests()[1].json(), json!({"hours": 2}));
}

#[test]
fn a_call_without_a_method_may_expect_no_body() {
    let wire = Wire::new([Scripted::status(204)]);
    let call = Call::delete(["webhooks", "w1"]);
    assert!(wire.heylerts().send::<()>(&call).is_ok());
}

#[test]
fn a_call_that_cannot_have_a_body_is_rejected_with_nothing_sent() {
    let wire = Wire::unused();
    let call = Call::delete(["alerts", "a1"]).json(&json!({"force": true}));
    let rejected = wire.heylerts().send::<Value>(&call).unwrap_err();
    assert_eq!(rejected.kind(), ErrorKind::InvalidInput);
    assert!(wire.lines().is_empty());
}

// Ids that would reach another endpoint.

/// Every call that takes an alert's id as a part of its path.
fn calls_with(client: &Client, id: &str) -> [heysync::Result<()>; 3] {
    [
        client.get_alert(id).map(drop),
        client.update_alert(id, &AlertPatch::new().active(false)).map(drop),
        client.delete_alert(id),
    ]
}

#[test]
fn an_invalid_id_is_rejected_with_nothing_sent() {
    for id in ["", ".", "..", "a/b", "../stats", "a\\b", "a\nb", "\r\n", "a\0b", "\u{7f}", "\u{85}"]
    {
        let wire = Wire::unused();
        for result in calls_with(&wire.heylerts(), id) {
            let error = result.unwrap_err();
            assert_eq!((error.kind(), error.attempts()), (ErrorKind::InvalidInput, 0), "{id:?}");
        }
        assert!(wire.lines().is_empty());
    }
}

#[test]
fn a_hostile_id_is_one_segment_of_the_path_and_reaches_no_other_endpoint() {
    for (id, encoded) in [
        ("?", "%3F"),
        ("a?page=2", "a%3Fpage=2"),
        ("#", "%23"),
        ("%2e%2e", "%252e%252e"),
        ("%2E", "%252E"),
        ("...", "..."),
        ("a b", "a%20b"),
        ("\u{fc}\u{1F514}", "%C3%BC%F0%9F%94%94"),
    ] {
        let alert = || Scripted::json(json!({"id": id}));
        let wire = Wire::new([alert(), alert(), Scripted::status(204)]);
        assert!(calls_with(&wire.heylerts(), id).iter().all(Result::is_ok), "{id}");
        let expected =
            ["GET", "PATCH", "DELETE"].map(|method| format!("{method} /api/v1/alerts/{encoded}"));
        assert_eq!(sent(&wire), expected);
    }
}

#[test]
fn an_empty_filter_is_rejected_since_it_would_list_and_count_everything() {
    for id in ["", " ", "\n"] {
        let wire = Wire::unused();
        let client = wire.heylerts();
        let errors = [
            client.alert_stats(id).unwrap_err(),
            client.mentions().alert(id).next().unwrap().unwrap_err(),
            client.mentions().source(id).next().unwrap().unwrap_err(),
            client.mentions().sentiment(id).total_items().unwrap_err(),
            client.alerts().parameter("q", id).next().unwrap().unwrap_err(),
        ];
        assert!(errors.iter().all(|error| error.kind() == ErrorKind::InvalidInput));
        assert!(wire.lines().is_empty());
    }
}

#[test]
fn a_hostile_id_in_a_filter_stays_one_value() {
    let id = "../a&page=9#%2e\0";
    let wire = Wire::new([page(vec![], 1, 100, 0)]);
    assert!(wire.heylerts().mentions().alert(id).next().is_none());
    let query = "alert_id=..%2Fa%26page%3D9%23%252e%00&page=1&per_page=100";
    assert_eq!(sent(&wire), [format!("GET /api/v1/mentions?{query}")]);
}
