//! What is told to a person whose signatures do not match.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use heysync::heylerts::webhook::{BodyFault, Diagnosis, SecretFault, Verifier, WebhookError, sign};
use proptest::prelude::*;

const SECRET: &str = "wh-7f3a";
const BODY: &[u8] =
    br#"{"event":"mention.created","mention":{"id":"m1","url":"https://example.com/"}}"#;

fn verifier() -> Verifier {
    Verifier::new(SECRET).expect("a secret")
}

/// The faults of the secret and of the body, where they explain it.
fn faults(
    secret: &str,
    body: &[u8],
    signature: &str,
) -> Option<(Option<SecretFault>, Option<BodyFault>)> {
    let verifier = Verifier::with_secrets(["unrelated", secret]).expect("secrets");
    match verifier.diagnose(body, Some(signature)) {
        Diagnosis::Explained { secret_index, secret_fault, body_fault, .. } => {
            assert_eq!(secret_index, 1);
            Some((secret_fault, body_fault))
        }
        _ => None,
    }
}

#[test]
fn a_body_that_was_printed_again_is_diagnosed() {
    let python = r#"{"title": "caf\u00e9", "score": 1.0, "tags": [1, 2]}"#;
    let pretty =
        "{\n  \"title\": \"caf\\u00e9\",\n  \"score\": 1.0,\n  \"tags\": [\n    1,\n    2\n  ]\n}";
    let compact = r#"{"title":"caf\u00e9","score":1.0,"tags":[1,2]}"#;
    let plain = r#"{"title":"café","score":1.0,"tags":[1,2]}"#;
    let reordered = r#"{"tags": [1, 2], "title": "café", "score": 1.0}"#;
    let sorted = r#"{"score":1.0,"tags":[1,2],"title":"café"}"#;
    for (sent, got) in [
        (python, compact),
        (python, plain),
        (python, pretty),
        (pretty, plain),
        (compact, python),
        (plain, pretty),
        (sorted, reordered),
    ] {
        let found = faults(SECRET, got.as_bytes(), &sign(SECRET, sent.as_bytes()));
        assert_eq!(found, Some((None, Some(BodyFault::Reserialized))), "{sent} became {got}");
    }
}

#[test]
fn a_body_whose_order_is_lost_is_suspected_of_having_been_printed_again() {
    let signature = sign(SECRET, br#"{"b": 1, "a": 2}"#);
    let diagnosis = verifier().diagnose(br#"{"a":2,"b":1}"#, Some(signature));
    assert!(matches!(diagnosis, Diagnosis::Unexplained { looks_reserialized: true, .. }));
}

#[test]
fn json_nested_without_end_is_looked_at_in_bounded_memory() {
    let deep = ["[".repeat(200_000), "]".repeat(200_000)].concat();
    let wide = ["[".repeat(100), "1,".repeat(10_000), "1".into(), "]".repeat(100)].concat();
    for body in [deep, wide] {
        let diagnosis = verifier().diagnose(body.as_bytes(), Some("00".repeat(32)));
        assert!(matches!(diagnosis, Diagnosis::Unexplained { .. }));
    }
}

#[test]
fn a_newline_that_was_added_or_lost_is_diagnosed() {
    let diagnosed: [(&[u8], &[u8], BodyFault); 4] = [
        (b"{}", b"{}\n", BodyFault::NewlineAdded),
        (b"{}", b"{}\r\n", BodyFault::NewlineAdded),
        (b"{}\n", b"{}", BodyFault::NewlineLost),
        (b"{}\r\n", b"{}", BodyFault::NewlineLost),
    ];
    for (sent, got, fault) in diagnosed {
        let found = faults(SECRET, got, &sign(SECRET, sent));
        assert_eq!(found, Some((None, Some(fault))), "{sent:?} became {got:?}");
    }
}

#[test]
fn a_secret_that_is_not_what_it_is_meant_to_be_is_diagnosed() {
    let raw: Vec<u8> = (200..=231).collect();
    for (configured, meant, fault) in [
        ("s3cret\n", &b"s3cret"[..], SecretFault::StraySpace),
        (" s3cret", b"s3cret", SecretFault::StraySpace),
        ("\"s3cret\"", b"s3cret", SecretFault::Quoted),
        ("'s3cret'", b"s3cret", SecretFault::Quoted),
        ("736563726574", b"secret", SecretFault::Hex),
        (&STANDARD.encode(&raw), &raw, SecretFault::Base64),
        (&format!("whsec_{}", STANDARD.encode(&raw)), &raw, SecretFault::Base64),
    ] {
        let found = faults(configured, BODY, &sign(meant, BODY));
        assert_eq!(found, Some((Some(fault), None)), "{configured:?}");
    }
    let both = faults("s3cret ", b"{}\n", &sign("s3cret", b"{}"));
    assert_eq!(both, Some((Some(SecretFault::StraySpace), Some(BodyFault::NewlineAdded))));
}

#[test]
fn a_diagnosis_tells_what_there_is_to_tell_and_accepts_nothing() {
    let verifier = verifier();
    let good = sign(SECRET, BODY);
    assert!(matches!(verifier.diagnose(BODY, Some(&good)), Diagnosis::Holds));
    let incomparable = verifier.diagnose(BODY, Some("abc"));
    assert!(matches!(incomparable, Diagnosis::Incomparable(WebhookError::Malformed)));
    let incomparable = verifier.diagnose(BODY, None::<&str>);
    assert!(matches!(incomparable, Diagnosis::Incomparable(WebhookError::Missing)));
    let unexplained = verifier.diagnose(b"not JSON", Some(&good));
    assert!(matches!(unexplained, Diagnosis::Unexplained { looks_reserialized: false, .. }));

    let explained = verifier.diagnose(b"{}\n", Some(sign(SECRET, b"{}")));
    assert!(matches!(explained, Diagnosis::Explained { .. }));
    assert!(verifier.verify(b"{}\n", Some(sign(SECRET, b"{}"))).is_err());
}

#[test]
fn a_diagnosis_shows_neither_secrets_nor_signatures() {
    let expected = sign(SECRET, BODY);
    let unexplained = verifier().diagnose(BODY, Some("00".repeat(32)));
    let explained = verifier().diagnose(&[BODY, b"\n"].concat(), Some(&expected));
    for diagnosis in [unexplained, explained] {
        let shown = format!("{diagnosis:?} {diagnosis}");
        assert!(!shown.contains(SECRET) && !shown.contains(&expected), "{shown}");
    }
}

proptest! {
    #[test]
    fn no_header_and_no_body_panics(body: Vec<u8>, header in proptest::option::of(any::<Vec<u8>>())) {
        let diagnosis = verifier().diagnose(&body, header.as_ref());
        let explained = matches!(diagnosis, Diagnosis::Holds | Diagnosis::Explained { .. });
        prop_assert!(!explained, "{diagnosis}");
    }

    #[test]
    fn no_body_panics_when_it_is_really_looked_at(body in "[\\[\\]{}:,\"\\\\a1 \r\né]*") {
        let diagnosis = verifier().diagnose(body.as_bytes(), Some("00".repeat(32)));
        let unexplained = matches!(diagnosis, Diagnosis::Unexplained { .. });
        prop_assert!(unexplained, "{diagnosis}");
    }

    #[test]
    fn json_however_it_is_printed_is_diagnosed_and_never_panics(json in json(), pretty: bool) {
        let json = serde_json::json!([json]); // so that it is printed in two ways
        let compact = json.to_string();
        let indented = format!("{json:#}");
        let (sent, got) = if pretty { (indented, compact) } else { (compact, indented) };
        let found = faults(SECRET, got.as_bytes(), &sign(SECRET, sent.as_bytes()));
        let reserialized = matches!(found, Some((None, Some(BodyFault::Reserialized))));
        prop_assert!(reserialized, "{sent} became {got}: {found:?}");
    }
}

/// JSON of any shape, whose payload may look like a webhook's.
fn json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<String>().prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Into::into),
            proptest::collection::btree_map("event|type|id|url|data|mention|.*", inner, 0..5)
                .prop_map(|map| map.into_iter().collect::<serde_json::Map<_, _>>().into()),
        ]
    })
}
