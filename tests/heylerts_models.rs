//! Heylerts' models as data: built in a test, written and read again, and lenient about how a service writes them.

#![allow(clippy::needless_borrows_for_generic_args, reason = "the borrows are what is tested")]
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

use std::fmt::Debug;

use heysync::heylerts::{
    Alert, AlertPatch, Frequency, Hello, Mention, NewAlert, Plan, Sentiment, Source, Stats, User,
};
use heysync::{Call, ErrorKind};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

#[path = "support/wire.rs"]
mod wire;

use wire::{Scripted, Wire};

/// An alert with every documented field, and two that nobody documented.
fn alert() -> Value {
    json!({
        "id": "uuid",
        "name": "My brand",
        "keyword": "heylerts",
        "include_keywords": ["saas"],
        "exclude_keywords": ["job"],
        "ignore_domains": ["example.com"],
        "sources": ["brave", "mastodon"],
        "frequency": "hourly",
        "is_active": false,
        "mention_count": 42,
        "last_checked_at": "2026-05-08T12:00:00Z",
        "created_at": "2026-04-01T09:00:00.25Z",
        "x_enabled": true,
        "webhook_url": null,
        "webhook_configured": false,
        "color": null,
        "owner": {"id": 7, "tags": [1.5, "two"]}
    })
}

fn hello() -> Value {
    json!({
        "ok": true,
        "user": {"email": "ada@example.com", "plan": "galaxy", "seats": [1, null]},
        "rate_limit": "100/minute",
        "docs_url": null,
        "region": {"name": "eu"}
    })
}

fn stats() -> Value {
    json!({
        "total": 137,
        "by_source": {"reddit": 42, "mastodon": 95},
        "by_sentiment": {"positive": 137},
        "by_category": {},
        "by_language": {"de": 3}
    })
}

fn written_again<T: DeserializeOwned + Serialize + Clone + Debug + PartialEq>(
    json: Value,
) -> Value {
    let model: T = serde_json::from_value(json).unwrap();
    let text = serde_json::to_string(&model).unwrap();
    let read: T = serde_json::from_str(&text).unwrap();
    assert_eq!(read, model.clone(), "{text}");
    serde_json::to_value(model).unwrap()
}

#[test]
fn every_model_is_written_as_it_was_read_with_its_unknown_fields() {
    assert_eq!(written_again::<Alert>(alert()), alert());
    assert_eq!(written_again::<Hello>(hello()), hello());
    assert_eq!(written_again::<User>(hello()["user"].clone()), hello()["user"]);
    assert_eq!(written_again::<Stats>(stats()), stats());
    let new = json!({"name": "n", "keyword": "k", "x_enabled": true, "sources": ["mastodon"]});
    assert_eq!(written_again::<NewAlert>(new.clone()), new);
    let patch = json!({"is_active": false, "webhook_url": null});
    assert_eq!(written_again::<AlertPatch>(patch.clone()), patch);
    assert_eq!(written_again::<Source>(json!("mastodon")), json!("mastodon"));
}

#[test]
fn models_read_over_the_wire_are_written_as_they_came() {
    let wire = Wire::new([alert(), hello(), stats()].map(Scripted::json));
    let client = wire.heylerts();
    assert_eq!(json!(client.get_alert("uuid").unwrap()), alert());
    assert_eq!(json!(client.hello().unwrap()), hello());
    assert_eq!(json!(client.stats().unwrap()), stats());
}

#[test]
fn every_model_can_be_built_in_a_test() {
    let mut alert = Alert::default();
    alert.id = "a1".to_owned();
    alert.sources.push(Source::Reddit);
    assert!(alert.is_active);
    assert_eq!(alert, serde_json::from_value(json!({"id": "a1", "sources": ["reddit"]})).unwrap());

    let mut hello = Hello::default();
    hello.user.plan = Plan::Pro;
    assert_eq!(hello, serde_json::from_value(json!({"user": {"plan": "pro"}})).unwrap());

    let mut stats = Stats::default();
    stats.by_source.insert("reddit".to_owned(), 2);
    assert_eq!(
        stats,
        serde_json::from_value(json!({"total": 0, "by_source": {"reddit": 2}})).unwrap()
    );
    assert_eq!(NewAlert::default(), serde_json::from_value(json!({})).unwrap());
}

#[test]
fn ids_and_values_are_taken_as_people_hold_them() {
    let ids = ["a1".to_owned(), "a2".to_owned()];
    let responses = ids.iter().chain(&ids).map(|id| Scripted::json(json!({"id": id})));
    let wire = Wire::new(responses.chain([Scripted::status(204), Scripted::json(stats())]));
    let client = wire.heylerts();
    let borrowed: Vec<&str> = ids.iter().map(String::as_str).collect();
    client.get_alert(&borrowed[0]).unwrap();
    client.get_alert(ids[1].clone()).unwrap();
    client.update_alert(&ids[0], &AlertPatch::new().active(true)).unwrap();
    client.update_alert(borrowed[1], &AlertPatch::new().frequency("daily")).unwrap();
    client.delete_alert(std::borrow::Cow::Borrowed("a1")).unwrap();
    client.alert_stats(&ids[0]).unwrap();

    let daily = "daily".to_owned();
    let texts = NewAlert::new("n", "k").sources(["reddit"]).frequency(&daily);
    assert_eq!(
        texts,
        NewAlert::new("n", "k").sources([Source::Reddit]).frequency(Frequency::Daily)
    );
    let borrowed: &[&str] = &["reddit"];
    assert_eq!(
        NewAlert::new("n", "k").sources(borrowed),
        NewAlert::new("n", "k").sources(["reddit"])
    );
    let words = vec!["a".to_owned()];
    assert_eq!(
        NewAlert::new("n", "k").include_keywords(&words).exclude_keywords(["a"]),
        NewAlert::new("n", "k").include_keywords(["a"]).exclude_keywords(words),
    );
}

#[test]
fn known_values_sort_as_they_are_listed_and_unknown_ones_after_them() {
    let mut sources = ["b", "hackernews", "a", "brave"].map(Source::from_string);
    sources.sort();
    assert_eq!(sources.each_ref().map(Source::as_str), ["brave", "hackernews", "a", "b"]);
}

#[test]
fn a_command_line_tool_can_reject_a_value_that_is_not_known() {
    let error = "negatve".parse::<Sentiment>().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert_eq!(error.to_string(), r#""negatve" is not one of: positive, neutral, negative"#);
    assert_eq!("Negative".parse::<Sentiment>().unwrap(), Sentiment::Negative);

    assert!(!Sentiment::from_string("negatve").is_known());
    assert_eq!(Source::KNOWN, [Source::Brave, Source::Reddit, Source::HackerNews]);
    let plans: Vec<&'static str> = Plan::KNOWN.iter().map(Plan::as_str).collect();
    assert_eq!(plans, ["free", "starter", "pro", "business"]);
    assert!(Frequency::KNOWN.iter().all(Frequency::is_known));
}

#[test]
fn a_count_or_a_flag_may_be_written_in_another_way() {
    for (count, flag, no_flag) in [
        (json!(3), json!(true), json!(false)),
        (json!(3.0), json!(1), json!(0)),
        (json!("3"), json!("true"), json!("false")),
        (json!("3.0"), json!("1"), json!("0")),
    ] {
        let alert = json!({
            "id": "a", "mention_count": count, "x_enabled": flag, "webhook_configured": flag,
            "is_active": no_flag
        });
        let stats = json!({
            "total": count, "by_source": {"reddit": count}, "by_sentiment": {"neutral": count},
            "by_category": {"web": count}
        });
        let hello = json!({"ok": flag, "user": {"plan": "pro"}});
        let wire = Wire::new([alert, stats, hello].map(Scripted::json));
        let client = wire.heylerts();
        let alert = client.get_alert("a").unwrap();
        assert_eq!((alert.mention_count, alert.is_active), (3, false), "{count}");
        assert!(alert.x_enabled && alert.webhook_configured, "{flag}");
        let stats = client.stats().unwrap();
        let counts =
            [stats.by_source["reddit"], stats.by_sentiment["neutral"], stats.by_category["web"]];
        assert_eq!((stats.total, counts), (3, [3; 3]), "{count}");
        assert!(client.hello().unwrap().ok, "{flag}");
    }
}

#[test]
fn a_score_and_a_time_may_be_written_in_another_way() {
    for (score, time) in [
        (json!(0.87), json!("2026-05-08T11:00:00Z")),
        (json!("0.87"), json!("2026-05-08 11:00:00 UTC")),
        (json!("8.7e-1"), json!("2026-05-08 13:00:00 +0200")),
        (json!(" 0.870 "), json!("2026-05-08 11:00:00+00")),
        (json!(0.87), json!("2026-05-08 11:00:00 +0000 UTC")),
        (json!(0.87), json!("Fri, 08 May 2026 11:00:00 GMT")),
        (json!(0.87), json!(1_778_238_000_000_u64)),
        (json!(0.87), json!("1778238000000")),
        (json!(0.87), json!(1_778_238_000.0)),
    ] {
        let mention = json!({"id": "m", "relevance_score": score, "found_at": time});
        let page = json!({"items": [mention], "page": 1, "has_more": false});
        let wire = Wire::new([Scripted::json(page)]);
        let mention = wire.heylerts().mentions().next().unwrap().unwrap();
        assert_eq!(mention.relevance_score, Some(0.87), "{score}");
        let expected = "2026-05-08T11:00:00Z".parse().unwrap();
        assert_eq!(mention.found_at, Some(expected), "{time}");
    }
}

#[test]
fn an_optional_field_that_cannot_be_read_costs_the_field_and_not_the_item() {
    for odd in [json!(""), json!("soon"), json!(false), json!([2026, 5, 8]), json!({"$date": 1})] {
        let mention = json!({
            "id": "m", "url": "https://example.com", "relevance_score": odd, "found_at": odd, "published_at": odd,
            "title": {"en": "x"}, "snippet": ["x"], "author": {"name": "x"}, "source": {"id": 1}, "sentiment": [],
            "alert_id": {}, "ignored": "soon"
        });
        let alert = json!({
            "id": "a", "keyword": "k", "created_at": odd, "last_checked_at": odd, "frequency": {}, "webhook_url": []
        });
        let page = json!({"items": [mention], "page": 1, "has_more": false});
        let hello = json!({"ok": true, "user": {"email": {}, "plan": []}, "docs_url": []});
        let wire = Wire::new([page, alert, hello].map(Scripted::json));
        let client = wire.heylerts();
        let mention = client.mentions().next().unwrap().unwrap();
        let mut expected = Mention::default();
        expected.id = "m".to_owned();
        expected.url = "https://example.com".to_owned();
        assert_eq!(mention, expected, "{odd}");
        let alert = client.create_alert(&NewAlert::new("n", "k")).unwrap();
        assert_eq!((alert.id.as_str(), alert.keyword.as_str()), ("a", "k"));
        assert_eq!((alert.created_at, alert.last_checked_at), (None, None), "{odd}");
        assert_eq!((alert.frequency, alert.webhook_url), (None, None));
        assert_eq!(client.hello().unwrap().user, User::default());
    }
}

#[test]
fn a_keyword_may_be_a_number_or_a_flag() {
    let alert = r#"{"id": "a", "include_keywords": [2024, "tea", null, 7.5],
        "exclude_keywords": [36893488147419103232, true], "ignore_domains": {"0": 404}}"#;
    let alert = Wire::new([Scripted::text(alert)]).heylerts().get_alert("a").unwrap();
    assert_eq!(alert.include_keywords, ["2024", "tea", "7.5"]);
    assert_eq!(alert.exclude_keywords, ["36893488147419103232", "true"]);
    assert_eq!(alert.ignore_domains, ["404"]);
}

#[test]
fn a_list_or_an_object_may_be_written_as_php_does() {
    let alert = json!({
        "id": "a", "include_keywords": {}, "sources": {"0": "brave", "10": "hackernews", "2": "reddit"}
    });
    let stats = json!({"total": 0, "by_source": [], "by_sentiment": [], "by_category": []});
    let wire = Wire::new([alert, stats].map(Scripted::json));
    let client = wire.heylerts();
    let alert = client.get_alert("a").unwrap();
    assert_eq!(alert.include_keywords.len(), 0);
    assert_eq!(alert.sources, [Source::Brave, Source::Reddit, Source::HackerNews]);
    let stats = client.stats().unwrap();
    assert_eq!(stats.by_source.len() + stats.by_sentiment.len() + stats.by_category.len(), 0);

    let sorted = Scripted::json(json!({}))
        .body(r#"{"id": "a", "include_keywords": {"3": "x", "1": "y", "2": "z"}}"#);
    let alert = Wire::new([sorted]).heylerts().get_alert("a").unwrap();
    assert_eq!(alert.include_keywords, ["x", "y", "z"]);

    let wire = Wire::new([json!({"total": 1, "by_source": ["brave"]})].map(Scripted::json));
    let unreadable = wire.heylerts().stats().unwrap_err();
    assert_eq!(unreadable.kind(), ErrorKind::Unreadable);

    let roles = json!({"roles": {"120": {"id": "captains"}}});
    let wire = Wire::new([roles].map(Scripted::json));
    assert_eq!(wire.heylo().community("c").roles().unwrap()[0].id, "captains");

    let members = json!({"memberUserIds": {"0": "u1", "3": 7}});
    let names = json!({"memberUserIds": {"1001": "Ann", "1002": "Bob"}});
    let wire = Wire::new([members, names].map(Scripted::json));
    let community = wire.heylo().community("c");
    assert_eq!(community.role("r").members().unwrap(), ["u1", "7"]);
    let unreadable = community.role("r").members().unwrap_err();
    assert_eq!(unreadable.kind(), ErrorKind::Unreadable);
}

#[test]
fn a_null_is_no_count_no_flag_and_no_item_of_a_list() {
    let alert = json!({
        "id": "a", "mention_count": null, "x_enabled": null, "is_active": null, "sources": ["brave", null],
        "include_keywords": [null], "exclude_keywords": null
    });
    let stats = json!({"total": null, "by_source": {"reddit": null, "brave": 2}});
    let hello = json!({"ok": null, "user": {"email": null, "plan": null}, "rate_limit": null});
    let wire = Wire::new([alert, stats, hello].map(Scripted::json));
    let client = wire.heylerts();
    let alert = client.get_alert("a").unwrap();
    assert_eq!((alert.mention_count, alert.x_enabled, alert.is_active), (0, false, true));
    assert_eq!((alert.sources, alert.include_keywords.len()), (vec![Source::Brave], 0));
    let stats = client.stats().unwrap();
    assert_eq!((stats.total, stats.by_source["reddit"], stats.by_source["brave"]), (0, 0, 2));
    let hello = client.hello().unwrap();
    assert_eq!((hello.ok, hello.rate_limit, hello.user), (false, None, User::default()));
}

#[test]
fn a_rate_limit_in_another_form_costs_nothing() {
    for (limit, string) in [
        (json!(100), "100"),
        (json!(100.0), "100.0"),
        (json!({"limit": 100}), r#"{"limit":100}"#),
        (json!("unlimited"), "unlimited"),
    ] {
        let wire =
            Wire::new([Scripted::json(json!({"user": {"plan": "pro"}, "rate_limit": limit}))]);
        let client = wire.heylerts();
        assert_eq!(client.hello().unwrap().rate_limit.as_deref(), Some(string));
        assert_eq!(client.bucket().snapshot().rate, heysync::limiter::Rate::per_minute(100));
    }
}

#[test]
fn of_a_field_that_comes_twice_the_last_one_counts() {
    let wire = Wire::new([
        Scripted::text(r#"{"id":"a","name":"first","id":"b","name":"last","x":1,"x":2}"#),
        Scripted::text(r#"{"total":1,"total":2,"by_source":{"reddit":1,"reddit":2}}"#),
        Scripted::text(r#"{"ok":false,"ok":true,"user":{"plan":"free","plan":"pro"}}"#),
    ]);
    let client = wire.heylerts();
    let alert = client.get_alert("b").unwrap();
    assert_eq!((alert.name.as_str(), &alert.other["x"]), ("last", &json!(2)));
    let stats = client.stats().unwrap();
    assert_eq!((stats.total, stats.by_source["reddit"]), (2, 2));
    let hello = client.hello().unwrap();
    assert_eq!((hello.ok, hello.user.plan), (true, Plan::Pro));
}

#[test]
fn a_byte_order_mark_a_lone_surrogate_and_a_number_out_of_range_cost_at_most_themselves() {
    let wire = Wire::new([
        Scripted::text(
            "\u{feff}{\"id\":\"a\",\"name\":\"Run \\ud83d\",\"mention_count\":1e400,\"score\":1e400}",
        ),
        Scripted::text("\u{feff}{\"total\":1e400,\"by_source\":{\"\\ud83d\":1}}"),
    ]);
    let client = wire.heylerts();
    let alert = client.get_alert("a").unwrap();
    assert_eq!((alert.name.as_str(), alert.mention_count), ("Run \u{fffd}", 0));
    assert_eq!(alert.other["score"], Value::Null);
    let stats = client.stats().unwrap();
    assert_eq!((stats.total, stats.by_source["\u{fffd}"]), (0, 1));
}

#[test]
fn an_id_that_is_an_integer_is_its_digits_however_large() {
    for id in ["7", "-7", "18446744073709551615", "123456789012345678901234567890"] {
        let wire = Wire::new([Scripted::text(&format!(r#"{{"id":{id},"name":"n"}}"#))]);
        assert_eq!(wire.heylerts().get_alert(id).unwrap().id, id);
    }
}

#[test]
fn another_alert_than_the_requested_one_is_an_error() {
    let other = || Scripted::json(json!({"id": "another"}));
    let wire = Wire::new([other(), other()]);
    let client = wire.heylerts();
    let error = client.get_alert("a1").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unreadable);
    let line = "GET /alerts/a1: 200 OK: the response is an alert with another id, from ";
    assert!(error.to_string().starts_with(line), "{error}");
    assert_eq!(error.body(), br#"{"id":"another"}"#);
    let error = client.update_alert("a1", &AlertPatch::new().active(true)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AppliedUnreadable);
    assert_eq!(wire.requests().len(), 2);
}

#[test]
fn the_same_id_in_another_form_is_the_requested_alert() {
    let uuid = "3F2C0000-0000-4000-8000-00000000ABCD";
    let wire = Wire::new([Scripted::json(json!({"id": uuid.to_lowercase()}))]);
    assert_eq!(wire.heylerts().get_alert(uuid).unwrap().id, uuid.to_lowercase());
}

#[test]
fn a_response_that_is_no_alert_is_not_taken_for_one() {
    let wire = Wire::new(
        [json!({"name": "no id"}), json!({"id": null}), json!({"id": true})].map(Scripted::json),
    );
    let client = wire.heylerts();
    for _ in 0..3 {
        let error = client.get_alert("a1").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unreadable);
    }
    let call = Call::get(["stats"]);
    assert!(client.send::<Stats>(&call).is_err());
}
