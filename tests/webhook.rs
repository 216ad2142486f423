//! The deliveries that a verifier accepts, and those that it rejects.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use heysync::ErrorKind;
use heysync::heylerts::webhook::{
    Claim, Delivery, DuplicateGuard, EventName, SIGNATURE_HEADER, Verifier, WebhookError, sign,
    signature_of,
};
use heysync::http::{HeaderMap, HeaderValue};
use proptest::prelude::*;
use serde_json::json;

const SECRET: &str = "wh-7f3a";
const BODY: &[u8] =
    br#"{"event":"mention.created","mention":{"id":"m1","url":"https://example.com/"}}"#;

fn verifier() -> Verifier {
    Verifier::new(SECRET).expect("a secret")
}

fn verify(body: &[u8], signature: impl AsRef<[u8]>) -> Result<Delivery, WebhookError> {
    verifier().verify(body, Some(signature))
}

fn tag(body: &[u8]) -> Vec<u8> {
    bytes(&sign(SECRET, body))
}

fn bytes(hex: &str) -> Vec<u8> {
    let byte = |at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex");
    (0..hex.len()).step_by(2).map(byte).collect()
}

#[test]
fn signing_agrees_with_rfc_4231() {
    let long_key = vec![0xaa; 131];
    let counting: Vec<u8> = (1..=25).collect();
    let vectors: [(&[u8], &[u8], &str); 7] = [
        (&[0x0b; 20], b"Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
        (b"Jefe", b"what do ya want for nothing?", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
        (&[0xaa; 20], &[0xdd; 50], "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"),
        (&counting, &[0xcd; 50], "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"),
        // This one is truncated to 128 bits.
        (&[0x0c; 20], b"Test With Truncation", "a3b6167473100ee06e0c796c2955552b"),
        (&long_key, b"Test Using Larger Than Block-Size Key - Hash Key First", "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"),
        (&long_key, b"This is a test using a larger than block-size key and a larger than block-size data. The key needs to be hashed before being used by the HMAC algorithm.", "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"),
    ];
    for (key, data, expected) in vectors {
        assert_eq!(sign(key, data)[..expected.len()], *expected);
    }
}

#[test]
fn a_signature_of_rfc_4231_verifies() {
    let verifier = Verifier::new("Jefe").expect("a secret");
    let signature = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
    let read = verifier.verify(b"what do ya want for nothing?", Some(signature));
    assert!(matches!(read, Err(WebhookError::NotJson(_))), "{read:?}");
}

#[test]
fn every_encoding_is_accepted() {
    let tag = tag(BODY);
    let hex = sign(SECRET, BODY);
    let other = "00".repeat(32);
    for signature in [
        hex.clone(),
        hex.to_uppercase(),
        format!("sha256={hex}"),
        format!("sha256={}", hex.to_uppercase()),
        format!("  {hex}\t"),
        STANDARD.encode(&tag),
        STANDARD_NO_PAD.encode(&tag),
        URL_SAFE.encode(&tag),
        URL_SAFE_NO_PAD.encode(&tag),
        format!("sha256={}", STANDARD.encode(&tag)),
        format!(" {} ", URL_SAFE_NO_PAD.encode(&tag)),
        format!("{other},{hex}"),
        format!("{hex} , sha256={other}"),
        format!("nonsense, {}", STANDARD.encode(&tag)),
    ] {
        assert!(verify(BODY, &signature).is_ok(), "{signature}");
    }
}

#[test]
fn the_header_is_accepted_as_servers_give_it() {
    let hex = sign(SECRET, BODY);
    let value = HeaderValue::from_str(&hex).expect("a header");
    assert!(verifier().verify(BODY, Some(&value)).is_ok());
    assert!(verifier().verify(BODY, Some(hex.as_bytes())).is_ok());
    assert!(verifier().verify(BODY, Some(hex.as_str())).is_ok());
    assert!(verifier().verify(BODY, Some(hex)).is_ok());
}

#[test]
fn a_genuine_signature_is_found_whether_the_header_comes_once_or_beside_another() {
    let value = |text: &str| HeaderValue::from_str(text).expect("a header");
    let genuine = sign(SECRET, BODY);
    for values in [vec![&*genuine], vec!["of a proxy", &genuine], vec![&genuine, "of a proxy"]] {
        let mut headers = HeaderMap::new();
        for text in &values {
            headers.append(SIGNATURE_HEADER, value(text));
        }
        assert!(verifier().verify(BODY, signature_of(&headers)).is_ok(), "{values:?}");
    }
    let without = verifier().verify(BODY, signature_of(&HeaderMap::new()));
    assert!(matches!(without, Err(WebhookError::Missing)), "{without:?}");
}

#[test]
fn missing_malformed_and_wrong_signatures_are_distinguished() {
    let missing = [None, Some(""), Some("  ")].map(|header| verifier().verify(BODY, header));
    for rejected in missing {
        assert!(matches!(rejected, Err(WebhookError::Missing)), "{rejected:?}");
    }
    let hex = sign(SECRET, BODY);
    for header in [
        "sha256=",
        ",",
        "abc",
        &hex[..63],
        &format!("{hex}0"),
        &format!("sha1={hex}"),
        &format!("sha256={hex}="),
        &hex.replace(|c: char| c.is_ascii_digit(), "g"),
        &STANDARD.encode(tag(BODY)).replace('=', "=="),
    ] {
        let rejected = verify(BODY, header);
        assert!(matches!(rejected, Err(WebhookError::Malformed)), "{header}: {rejected:?}");
    }
    let rejected = verify(BODY, b"\xff\xfe\x00");
    assert!(matches!(rejected, Err(WebhookError::Malformed)), "{rejected:?}");
    for header in ["00".repeat(32), sign("another", BODY), sign(SECRET, b"another")] {
        let rejected = verify(BODY, &header);
        assert!(matches!(rejected, Err(WebhookError::Mismatch)), "{header}: {rejected:?}");
    }
}

#[test]
fn every_changed_bit_of_the_body_is_rejected() {
    let signature = sign(SECRET, BODY);
    for (at, bit) in bits(BODY) {
        let mut body = BODY.to_vec();
        body[at] ^= bit;
        let rejected = verify(&body, &signature);
        assert!(matches!(rejected, Err(WebhookError::Mismatch)), "byte {at}, bit {bit}");
    }
}

#[test]
fn every_changed_bit_of_the_signature_is_rejected() {
    let tag = tag(BODY);
    for (at, bit) in bits(&tag) {
        let mut changed = tag.clone();
        changed[at] ^= bit;
        let rejected = verify(BODY, STANDARD.encode(&changed));
        assert!(matches!(rejected, Err(WebhookError::Mismatch)), "byte {at}, bit {bit}");
    }
}

#[test]
fn every_changed_bit_of_the_header_is_rejected_unless_it_is_the_case_of_a_hex_digit() {
    let tag = tag(BODY);
    let hex = sign(SECRET, BODY);
    for header in [
        hex.clone(),
        format!("sha256={hex}"),
        STANDARD.encode(&tag),
        STANDARD_NO_PAD.encode(&tag),
        URL_SAFE.encode(&tag),
    ] {
        for (at, bit) in bits(header.as_bytes()) {
            let mut changed = header.clone().into_bytes();
            changed[at] ^= bit;
            let same_hex = header.ends_with(&hex)
                && at >= header.len() - hex.len()
                && changed.eq_ignore_ascii_case(header.as_bytes());
            assert_eq!(verify(BODY, &changed).is_ok(), same_hex, "{header}: byte {at}, bit {bit}");
        }
    }
}

fn bits(bytes: &[u8]) -> impl Iterator<Item = (usize, u8)> {
    (0..bytes.len()).flat_map(|at| (0..8).map(move |bit| (at, 1 << bit)))
}

#[test]
fn while_a_secret_is_rotated_both_match_and_the_index_is_returned() {
    let verifier = Verifier::with_secrets(["new", "old"]).expect("secrets");
    for (index, secret) in ["new", "old"].iter().enumerate() {
        let delivery = verifier.verify(BODY, Some(sign(secret, BODY)));
        assert_eq!(delivery.map(|delivery| delivery.secret_index()).ok(), Some(index));
    }
    let both = format!("{},{}", sign("old", BODY), sign("new", BODY));
    let delivery = verifier.verify(BODY, Some(both));
    assert_eq!(delivery.map(|delivery| delivery.secret_index()).ok(), Some(0));
    let rejected = verifier.verify(BODY, Some(sign("older", BODY)));
    assert!(matches!(rejected, Err(WebhookError::Mismatch)));
}

#[test]
fn empty_secrets_are_rejected() {
    let kind = |made: heysync::Result<Verifier>| made.map(|_| ()).map_err(|error| error.kind());
    assert_eq!(kind(Verifier::new("")), Err(ErrorKind::Configuration));
    assert_eq!(kind(Verifier::new(" \n")), Err(ErrorKind::Configuration));
    assert_eq!(kind(Verifier::with_secrets(["a", ""])), Err(ErrorKind::Configuration));
    assert_eq!(kind(Verifier::with_secrets::<[&str; 0]>([])), Err(ErrorKind::Configuration));
    assert_eq!(kind(Verifier::new([0xff, 0x00])), Ok(()));
}

#[test]
fn secrets_that_sign_like_the_empty_one_are_rejected() {
    for zeros in [&b"\0"[..], &[0; 32], &[0; 100], b"\0 \n"] {
        let made = Verifier::new(zeros).map(|_| ()).map_err(|error| error.kind());
        assert_eq!(made, Err(ErrorKind::Configuration), "{zeros:?}");
    }
    assert_eq!(sign("", BODY), sign([0; 32], BODY));
}

#[test]
fn neither_secrets_nor_signatures_show() {
    let hex = sign(SECRET, BODY);
    let delivery = verify(BODY, &hex).expect("a genuine delivery");
    let rejected = verify(BODY, "00".repeat(32)).expect_err("a wrong signature");
    let malformed = verify(BODY, "00").expect_err("a malformed signature");
    let shown =
        format!("{:?} {delivery:?} {rejected:?} {rejected} {malformed:?} {malformed}", verifier());
    for secret in [SECRET, &hex, &STANDARD_NO_PAD.encode(tag(BODY))] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[test]
fn a_body_that_is_too_large_is_rejected_before_its_signature_is_parsed() {
    let verifier = verifier().max_body(BODY.len() - 1);
    let rejected = verifier.verify(BODY, None::<&str>).expect_err("too large");
    assert!(matches!(rejected, WebhookError::TooLarge { bytes, max, .. } if bytes == max + 1));
    assert!(verifier.max_body(BODY.len()).verify(BODY, Some(sign(SECRET, BODY))).is_ok());
}

#[test]
fn a_signed_body_that_is_not_json_is_an_error_after_the_signature() {
    let deep = "[".repeat(100_000);
    for body in [&b""[..], b" ", b"\xff\xfe", b"{\"event\":", b"mention.created", deep.as_bytes()] {
        let rejected = verify(body, sign(SECRET, body));
        assert!(matches!(rejected, Err(WebhookError::NotJson(_))), "{rejected:?}");
        let rejected = verify(body, sign("another", body));
        assert!(matches!(rejected, Err(WebhookError::Mismatch)), "{rejected:?}");
    }
}

#[test]
fn json_of_any_shape_is_a_delivery() {
    for body in ["{}", "[]", "null", "7", r#""mention.created""#, r#"{"event":{"event":{}}}"#] {
        let delivery = verify(body.as_bytes(), sign(SECRET, body.as_bytes())).expect(body);
        assert_eq!(delivery.event(), None, "{body}");
        assert!(matches!(delivery.mention(), Ok(None)), "{body}");
        assert_eq!(delivery.json().to_string(), body);
    }
}

#[test]
fn genuine_json_that_rust_cannot_hold_costs_a_character_or_a_number_and_not_the_delivery() {
    let mention = |text: &str| format!(r#"{{"event":"mention.created","mention":{text}}}"#);
    for (body, place, expected) in [
        (mention(r#"{"id":"m1","title":"Run \ud83d"}"#), "/mention/title", json!("Run \u{fffd}")),
        (mention(r#"{"id":"m1","\udc00":1}"#), "/mention/\u{fffd}", json!(1)),
        (
            mention(r#"{"id":"m1","relevance_score":1e400}"#),
            "/mention/relevance_score",
            json!(null),
        ),
        (mention(r#"{"id":"m1","id":"m2","title":"T"}"#), "/mention/id", json!("m2")),
        (format!("\u{feff}{}", mention(r#"{"id":"m1"}"#)), "/mention/id", json!("m1")),
        (
            mention(r#"{"id":123456789012345678901234567890}"#),
            "/mention/id",
            json!("123456789012345678901234567890"),
        ),
    ] {
        let delivery = verify(body.as_bytes(), sign(SECRET, body.as_bytes())).expect(&body);
        assert_eq!(delivery.event(), Some(&EventName::MentionCreated), "{body}");
        assert_eq!(delivery.json().pointer(place), Some(&expected), "{body}");
        assert!(matches!(delivery.mention(), Ok(Some(_))), "{body}");
        // The signature is that of the raw bytes, and of no others.
        let mended = delivery.json().to_string();
        assert!(verify(mended.as_bytes(), sign(SECRET, body.as_bytes())).is_err(), "{body}");
    }
}

#[test]
fn two_events_whose_ids_differ_in_the_last_of_many_digits_are_two() {
    let guard = DuplicateGuard::default();
    for last in 0..2 {
        let body = format!(r#"{{"event_id":12345678901234567890{last},"weight":1e30}}"#);
        let delivery = verify(body.as_bytes(), sign(SECRET, body.as_bytes())).expect("genuine");
        assert_eq!(delivery.id(), Some(&format!("12345678901234567890{last}")[..]));
        assert_eq!(delivery.json()["weight"], json!(1e30));
        let Claim::New(handling) = guard.claim(&delivery) else { panic!("{body}") };
        handling.done();
    }
}

#[test]
fn a_signature_alone_is_verified_whatever_the_body_is() {
    let verifier = Verifier::with_secrets(["new", "old"]).expect("secrets").max_body(8);
    for body in [&b""[..], b"not JSON", b"\xff"] {
        let index = verifier.verify_signature(body, Some(sign("old", body)));
        assert_eq!(index.ok(), Some(1), "{body:?}");
        let rejected = verifier.verify_signature(body, Some(sign("other", body)));
        assert!(matches!(rejected, Err(WebhookError::Mismatch)), "{rejected:?}");
    }
    let rejected = verifier.verify_signature(b"too large", None::<&str>);
    assert!(matches!(rejected, Err(WebhookError::TooLarge { .. })), "{rejected:?}");
    let rejected = verifier.verify_signature(b"", None::<&str>);
    assert!(matches!(rejected, Err(WebhookError::Missing)), "{rejected:?}");
}

#[test]
fn a_repeated_header_is_verified_joined_by_commas_in_any_order() {
    let hex = sign(SECRET, BODY);
    let (other, foreign) = (sign("other", BODY), "of a proxy");
    for values in [[&hex[..], &other], [&other, &hex], [foreign, &hex], ["", &hex], [&hex, &hex]] {
        assert!(verify(BODY, values.join(",")).is_ok(), "{values:?}");
        assert!(verify(BODY, values.join(", ")).is_ok(), "{values:?}");
    }
    assert!(verify(BODY, [&other[..], foreign].join(",")).is_err());
}

#[test]
fn a_duplicate_is_recognized_also_if_it_is_signed_with_the_other_secret() {
    let verifier = Verifier::with_secrets(["new", "old"]).expect("secrets");
    let guard = DuplicateGuard::default();
    let claim = |body: &[u8], secret: &str| {
        let delivery = verifier.verify(body, Some(sign(secret, body))).expect("genuine");
        match guard.claim(&delivery) {
            Claim::New(handling) => {
                handling.done();
                true
            }
            _ => false,
        }
    };
    assert!(claim(BODY, "old"));
    assert!(!claim(BODY, "old"));
    assert!(!claim(BODY, "new"));
    assert!(claim(b"{}", "new"));
}

#[test]
fn a_delivery_decodes_into_the_event_the_mention_and_the_callers_type() {
    #[derive(serde::Deserialize)]
    struct Own {
        event: EventName,
    }
    let delivery = verify(BODY, sign(SECRET, BODY)).expect("a genuine delivery");
    assert_eq!(delivery.event(), Some(&EventName::MentionCreated));
    let mention = delivery.mention().expect("readable").expect("a mention");
    assert_eq!((mention.id.as_str(), mention.url.as_str()), ("m1", "https://example.com/"));
    let own: Own = delivery.decode().expect("readable");
    assert_eq!(own.event, EventName::MentionCreated);
    let rejected = delivery.decode::<Vec<u8>>();
    assert!(matches!(rejected, Err(WebhookError::Undecodable(_))));
}

#[test]
fn no_error_quotes_a_value_of_the_payload() {
    #[derive(Debug, serde::Deserialize)]
    #[allow(dead_code, reason = "it is never decoded")]
    struct Own {
        author: u64,
    }
    let body = br#"{"author": "ada@example.com", "url": "x", "title": {"ada@example.com": 1}}"#;
    let delivery = verify(body, sign(SECRET, body)).expect("a genuine delivery");
    let mention = delivery.mention().expect_err("no id");
    for error in [delivery.decode::<Own>().expect_err("a string"), mention] {
        let source = std::error::Error::source(&error).expect("a cause").to_string();
        let shown = format!("{error:?} {error:#?} {error} {source}");
        assert!(!shown.contains("ada@"), "{shown}");
        let error = heysync::Error::from(error);
        assert!(!error.report().contains("ada@"), "{}", error.report());
        assert!(!format!("{error:#?}").contains("ada@"), "{error:#?}");
    }
    // Made by a program of its own.
    let raw = serde_json::from_str::<u64>(r#""ada@example.com""#).expect_err("a string");
    let error = heysync::Error::from(WebhookError::Undecodable(raw));
    assert!(error.report().contains("expected u64"), "{}", error.report());
    assert!(!error.report().contains("ada@"), "{}", error.report());
}

#[test]
fn each_error_has_a_status_and_a_hint_and_does_not_print_its_cause() {
    let status = |rejected: Result<Delivery, WebhookError>| {
        rejected.map(|_| ()).map_err(|error| error.status().as_u16())
    };
    assert_eq!(status(verifier().verify(BODY, None::<&str>)), Err(401));
    assert_eq!(status(verify(BODY, "abc")), Err(401));
    assert_eq!(status(verify(BODY, "00".repeat(32))), Err(401));
    assert_eq!(status(verify(&vec![b' '; 1024 * 1024 + 1], "abc")), Err(413));
    assert_eq!(status(verify(b"", sign(SECRET, b""))), Err(400));

    let error = verify(b"", sign(SECRET, b"")).expect_err("no JSON");
    let cause = std::error::Error::source(&error).expect("a cause").to_string();
    assert!(!error.to_string().contains(&cause), "{error}: {cause}");
    assert!(error.hint().is_some_and(|hint| !hint.is_empty() && !hint.ends_with('.')));
}

#[test]
fn a_rejected_delivery_becomes_an_error_of_a_call_with_its_kind_hint_and_cause() {
    let receive = |body: &[u8], signature: String| -> heysync::Result<Delivery> {
        Ok(verify(body, signature)?)
    };
    let error = receive(BODY, "00".repeat(32)).expect_err("a wrong signature");
    assert_eq!(error.kind(), heysync::ErrorKind::Unauthorized);
    assert_eq!(error.to_string(), "the signature does not match the body");
    assert!(error.hint().is_some_and(|hint| hint.contains("raw bytes")), "{error:?}");
    let error = receive(b"", sign(SECRET, b"")).expect_err("no JSON");
    assert_eq!(error.kind(), heysync::ErrorKind::Unreadable);
    assert!(std::error::Error::source(&error).is_some());
}

proptest! {
    #[test]
    fn no_header_and_no_body_panics(body: Vec<u8>, header in proptest::option::of(any::<Vec<u8>>())) {
        prop_assert!(verifier().verify(&body, header.as_ref()).is_err());
    }

    #[test]
    fn no_header_of_likely_characters_panics(header in "(sha256=)?[0-9a-fA-F+/_=, -]{0,140}") {
        prop_assert!(verify(BODY, &header).is_err());
    }

    #[test]
    fn no_signed_body_panics(body in ".*") {
        let read = verify(body.as_bytes(), sign(SECRET, body.as_bytes()));
        prop_assert!(matches!(read, Ok(_) | Err(WebhookError::NotJson(_))));
        if let Ok(delivery) = read {
            drop(delivery.mention());
        }
    }

    #[test]
    fn no_signed_payload_panics(payload in object(object(any::<Option<u8>>()))) {
        let body = serde_json::json!(payload).to_string();
        let delivery = verify(body.as_bytes(), sign(SECRET, body.as_bytes())).expect("genuine");
        drop(delivery.mention());
        prop_assert_eq!(delivery.into_json(), serde_json::json!(payload));
    }

    #[test]
    fn whatever_is_signed_verifies_with_that_secret_and_no_other(
        secret in "[!-~]{1,100}",
        other in "[!-~]{1,60}",
        text: String,
    ) {
        prop_assume!(secret != other);
        let body = serde_json::json!({ "text": text }).to_string();
        let signature = sign(&secret, body.as_bytes());
        let with = |secret: &str| Verifier::new(secret).expect("a secret");
        prop_assert!(with(&secret).verify(body.as_bytes(), Some(&signature)).is_ok());
        prop_assert!(with(&other).verify(body.as_bytes(), Some(&signature)).is_err());
    }
}

/// An object with fields of a payload.
fn object<S: Strategy>(value: S) -> impl Strategy<Value = BTreeMap<String, S::Value>> {
    let field = "event|type|id|event_id|url|title|data|mention|mention_id|payload|object";
    proptest::collection::btree_map(field, value, 0..6)
}
