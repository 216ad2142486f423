//! The causes that a diagnosis finds when signatures do not match.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use heysync::heylerts::webhook::{
    BodyFault, Diagnosis, SecretFault, SignatureFault, Verifier, WebhookError, sign,
};
use proptest::prelude::*;

const SECRET: &str = "wh-7f3a";
const BODY: &[u8] =
    br#"{"event":"mention.created","mention":{"id":"m1","url":"https://example.com/"}}"#;

fn verifier() -> Verifier {
    Verifier::new(SECRET).expect("a secret")
}

/// The faults of the secret and of the body, if they explain the mismatch and the header has none.
fn faults(
    secret: &str,
    body: &[u8],
    signature: &str,
) -> Option<(Option<SecretFault>, Option<BodyFault>)> {
    let verifier = Verifier::with_secrets(["unrelated", secret]).expect("secrets");
    match verifier.diagnose(body, Some(signature)) {
        Diagnosis::Explained {
            secret_index: 1,
            secret_fault,
            body_fault,
            signature_fault: None,
            ..
        } => Some((secret_fault, body_fault)),
        _ => None,
    }
}

/// The fault of the body, if it alone explains why `body` does not match the signature of `sent`.
fn body_fault(sent: &[u8], body: &[u8]) -> Option<BodyFault> {
    let (secret_fault, body_fault) = faults(SECRET, body, &sign(SECRET, sent))?;
    assert_eq!(secret_fault, None);
    body_fault
}

#[test]
fn a_reserialized_body_is_diagnosed() {
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
fn a_body_whose_key_order_is_lost_is_suspected_of_being_reserialized() {
    let signature = sign(SECRET, br#"{"b": 1, "a": 2}"#);
    let diagnosis = verifier().diagnose(br#"{"a":2,"b":1}"#, Some(signature));
    let suspected = Some(BodyFault::Reserialized);
    assert!(matches!(diagnosis, Diagnosis::Unexplained { suspected: it, .. } if it == suspected));
}

#[test]
fn deeply_nested_json_is_diagnosed_in_bounded_memory() {
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
fn every_fault_of_a_secret_is_diagnosed() {
    let raw: Vec<u8> = (200..=231).collect();
    for (configured, meant, fault) in [
        ("s3cret\n", &b"s3cret"[..], SecretFault::StraySpace),
        (" s3cret", b"s3cret", SecretFault::StraySpace),
        ("\"s3cret\"", b"s3cret", SecretFault::Quoted),
        ("'s3cret'", b"s3cret", SecretFault::Quoted),
        ("736563726574", b"secret", SecretFault::Hex),
        (&STANDARD.encode(&raw), &raw, SecretFault::Base64),
        (&format!("whsec_{}", STANDARD.encode(&raw)), &raw, SecretFault::Base64),
        ("s3cret\\n", b"s3cret", SecretFault::StraySpace),
        ("`s3cret`", b"s3cret", SecretFault::Quoted),
        ("“s3cret”", b"s3cret", SecretFault::Quoted),
        ("whsec_s3cret", b"s3cret", SecretFault::PrefixAdded),
        ("\"whsec_s3cret\"", b"s3cret", SecretFault::PrefixAdded),
        ("s3cret", b"whsec_s3cret", SecretFault::PrefixLost),
        ("s3cret\u{200b}", b"s3cret", SecretFault::InvisibleCharacters),
        ("\u{feff}s3cret", b"s3cret", SecretFault::InvisibleCharacters),
        ("s3\u{2060}c\u{200d}ret", b"s3cret", SecretFault::InvisibleCharacters),
        ("\u{a0}s3cret\u{3000}", b"s3cret", SecretFault::InvisibleCharacters),
        ("s3c\nret", b"s3cret", SecretFault::InvisibleCharacters),
        ("s3\u{2011}cret", b"s3-cret", SecretFault::InvisibleCharacters),
        ("secret", b"736563726574", SecretFault::Decoded),
        ("secret", b"c2VjcmV0", SecretFault::Decoded),
    ] {
        let found = faults(configured, BODY, &sign(meant, BODY));
        assert_eq!(found, Some((Some(fault), None)), "{configured:?}");
    }
    let both = faults("s3cret ", b"{}\n", &sign("s3cret", b"{}"));
    assert_eq!(both, Some((Some(SecretFault::StraySpace), Some(BodyFault::NewlineAdded))));
}

#[test]
fn a_body_in_another_encoding_is_diagnosed() {
    let text = r#"{"title":"Café – 10 €","author":"Zoë"}"#;
    let latin = r#"{"title":"Café","author":"Zoë"}"#;
    let units = |mark: &str, order: fn(u16) -> [u8; 2]| -> Vec<u8> {
        format!("{mark}{text}").encode_utf16().flat_map(order).collect()
    };
    for mark in ["", "\u{feff}"] {
        for converted in [units(mark, u16::to_le_bytes), units(mark, u16::to_be_bytes)] {
            assert_eq!(body_fault(text.as_bytes(), &converted), Some(BodyFault::Utf16));
            assert_eq!(body_fault(&converted, text.as_bytes()), Some(BodyFault::Utf16));
        }
    }
    let latin1: Vec<u8> = latin.chars().map(|letter| letter as u8).collect();
    let windows1252 = b"{\"title\":\"Caf\xe9 \x96 10 \x80\",\"author\":\"Zo\xeb\"}".to_vec();
    for (sent, got) in [(latin, latin1), (text, windows1252)] {
        assert_eq!(body_fault(sent.as_bytes(), &got), Some(BodyFault::Latin1));
        assert_eq!(body_fault(&got, sent.as_bytes()), Some(BodyFault::Latin1));
    }
    // UTF-8 that was decoded as the wrong one, and encoded as UTF-8 again.
    let twice = r#"{"title":"CafÃ© â€“ 10 â‚¬","author":"ZoÃ«"}"#;
    assert_eq!(body_fault(text.as_bytes(), twice.as_bytes()), Some(BodyFault::Latin1));
}

#[test]
fn a_byte_order_mark_that_was_added_or_lost_is_diagnosed() {
    let marked = [b"\xEF\xBB\xBF", BODY].concat();
    assert_eq!(body_fault(BODY, &marked), Some(BodyFault::ByteOrderMarkAdded));
    assert_eq!(body_fault(&marked, BODY), Some(BodyFault::ByteOrderMarkLost));
}

#[test]
fn changed_line_breaks_are_diagnosed() {
    let (unix, windows) =
        (&b"{\n\"a\": 1,\n\"b\": 2\n}"[..], &b"{\r\n\"a\": 1,\r\n\"b\": 2\r\n}"[..]);
    assert_eq!(body_fault(unix, windows), Some(BodyFault::LineBreaks));
    assert_eq!(body_fault(windows, unix), Some(BodyFault::LineBreaks));
}

#[test]
fn a_body_inside_something_else_is_diagnosed() {
    let text = String::from_utf8(BODY.to_vec()).expect("UTF-8");
    let string = serde_json::json!(text).to_string();
    let form: String = BODY.iter().map(|byte| format!("%{byte:02X}")).collect();
    let base64 = STANDARD.encode(BODY);
    let hex: String = BODY.iter().map(|byte| format!("{byte:02x}")).collect();
    let list = BODY.iter().map(u8::to_string).collect::<Vec<_>>().join(",");
    for wrapped in [
        serde_json::json!(string).to_string(),
        string,
        serde_json::json!({"isBase64Encoded": false, "body": text}).to_string(),
        serde_json::json!({"isBase64Encoded": true, "body": base64}).to_string(),
        format!("\"{base64}\""),
        serde_json::json!({"rawBody": base64}).to_string(),
        base64,
        format!("payload={form}"),
        form,
        format!("b'{text}'"),
        serde_json::json!({"Type": "Notification", "Message": text}).to_string(),
        serde_json::json!({"type": "Buffer", "data": BODY}).to_string(),
        serde_json::json!({"body": {"type": "Buffer", "data": BODY}}).to_string(),
        serde_json::json!(BODY).to_string(),
        list,
        hex,
        format!("{:x}\r\n{text}\r\n0\r\n\r\n", BODY.len()),
    ] {
        assert_eq!(body_fault(BODY, wrapped.as_bytes()), Some(BodyFault::Wrapped), "{wrapped}");
    }
}

#[test]
fn an_escaped_body_is_diagnosed() {
    let text = String::from_utf8(BODY.to_vec()).expect("UTF-8");
    for escaped in [
        text.replace('&', "&amp;").replace('"', "&quot;"),
        text.replace('&', "&amp;").replace('"', "&#34;"),
        text.replace('"', "\\\""),
    ] {
        assert_eq!(body_fault(BODY, escaped.as_bytes()), Some(BodyFault::Escaped), "{escaped}");
    }
    let sent = "{\"title\": \"caf\u{e9} \u{1f600}\"}\n";
    let literal = r#"b'{"title": "caf\xc3\xa9 \xf0\x9f\x98\x80"}\n'"#;
    assert_eq!(body_fault(sent.as_bytes(), literal.as_bytes()), Some(BodyFault::Wrapped));
}

#[test]
fn the_rest_of_a_buffer_behind_a_body_is_diagnosed() {
    for count in [1, 40] {
        let padded = [BODY, &[0].repeat(count)].concat();
        assert_eq!(body_fault(BODY, &padded), Some(BodyFault::Padded));
    }
}

#[test]
fn a_body_that_cannot_be_restored_is_suspected_and_named() {
    let signature = sign(SECRET, BODY);
    for (body, fault, name) in [
        (&b""[..], BodyFault::Empty, "empty"),
        (b" \n", BodyFault::Empty, "empty"),
        (b"{}", BodyFault::Empty, "empty"),
        (b"[object Object]", BodyFault::Empty, "empty"),
        (b"\x1f\x8b\x08\0\0\0\0\0", BodyFault::Compressed, "gzip"),
        (b"\x78\x9c\0\0", BodyFault::Compressed, "zlib"),
        (b"BZh91AY&SY", BodyFault::Compressed, "compressed"),
        (b"\x8b\x02\x80\xff\xfe", BodyFault::NotUtf8, "Brotli"),
        (&BODY[..40], BodyFault::CutOff, "middle"),
        (b"{\"title\":\"Caf\xc3", BodyFault::CutOff, "middle"),
        (b"[object ReadableStream]", BodyFault::Empty, "empty"),
        ("{\"title\":\"Caf\u{fffd}\"}".as_bytes(), BodyFault::Lossy, "encoding"),
    ] {
        let diagnosis = verifier().diagnose(body, Some(&signature));
        assert!(diagnosis.to_string().contains(name), "{diagnosis}");
        let Diagnosis::Unexplained { suspected, is_complete: true, .. } = diagnosis else {
            panic!("{diagnosis}");
        };
        assert_eq!(suspected, Some(fault));
    }
    // If the signature is that of the empty body, nothing is wrong with it.
    assert!(matches!(verifier().diagnose(b"", Some(sign(SECRET, b""))), Diagnosis::Matches));
}

#[test]
fn a_signature_behind_a_foreign_prefix_is_diagnosed() {
    let hex = sign(SECRET, BODY);
    let tag: Vec<u8> = (0..64)
        .step_by(2)
        .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex"))
        .collect();
    let base64 = STANDARD.encode(tag);
    for signature in [&hex, &hex.to_uppercase(), &base64] {
        for around in [
            "v1=_",
            "sha256:_",
            "sha256: _",
            "SHA256=_",
            "t=12,v1=_",
            "\"_\"",
            "hmac-sha256 _",
            "SHA-256=_",
        ] {
            let header = around.replace('_', signature);
            assert!(verifier().verify(BODY, Some(&header)).is_err(), "{header}");
            let diagnosis = verifier().diagnose(BODY, Some(&header));
            let Diagnosis::Explained { secret_fault, body_fault, signature_fault, .. } = diagnosis
            else {
                panic!("{header}: {diagnosis}");
            };
            let expected = (None, None, Some(SignatureFault::ForeignPrefix));
            assert_eq!((secret_fault, body_fault, signature_fault), expected, "{header}");
        }
    }
    let diagnosis = verifier().diagnose(BODY, Some(format!("v1={}", sign("other", BODY))));
    assert!(matches!(diagnosis, Diagnosis::Unexplained { .. }), "{diagnosis}");
}

#[test]
fn a_repeated_header_is_diagnosed_as_it_is_verified_joined_by_commas() {
    let (good, other) = (sign(SECRET, BODY), "00".repeat(32));
    let verifier = verifier();
    assert!(verifier.verify(BODY, Some(format!("{other},{good}"))).is_ok());
    let diagnosis = verifier.diagnose(BODY, Some(format!("{other},{good}")));
    assert!(matches!(diagnosis, Diagnosis::Matches), "{diagnosis}");
    let diagnosis = verifier.diagnose(&[BODY, b"\n"].concat(), Some(format!("{good},{other}")));
    assert!(matches!(
        diagnosis,
        Diagnosis::Explained { body_fault: Some(BodyFault::NewlineAdded), .. }
    ));
}

#[test]
fn a_large_body_is_diagnosed_incompletely_rather_than_slowly() {
    let strings = format!("[{}1]", r#""\u00e9",1.0,"#.repeat(70_000));
    let verifier = Verifier::with_secrets(["a", "b", "c"]).expect("secrets");
    assert!(strings.len() > 900_000);
    let diagnosis = verifier.diagnose(strings.as_bytes(), Some("00".repeat(32)));
    assert!(matches!(diagnosis, Diagnosis::Unexplained { is_complete: false, .. }), "{diagnosis}");
    // A common fault is found all the same.
    let added =
        verifier.diagnose(format!("{strings}\n").as_bytes(), Some(sign("c", strings.as_bytes())));
    assert!(matches!(
        added,
        Diagnosis::Explained { body_fault: Some(BodyFault::NewlineAdded), .. }
    ));
}

#[test]
fn a_diagnosis_explains_and_accepts_nothing() {
    let verifier = verifier();
    let good = sign(SECRET, BODY);
    assert!(matches!(verifier.diagnose(BODY, Some(&good)), Diagnosis::Matches));
    let incomparable = verifier.diagnose(BODY, Some("abc"));
    assert!(matches!(incomparable, Diagnosis::Incomparable(WebhookError::Malformed)));
    let incomparable = verifier.diagnose(BODY, None::<&str>);
    assert!(matches!(incomparable, Diagnosis::Incomparable(WebhookError::Missing)));
    let unexplained = verifier.diagnose(b"not JSON", Some(&good));
    assert!(matches!(
        unexplained,
        Diagnosis::Unexplained { suspected: None, is_complete: true, .. }
    ));

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
        let explained = matches!(diagnosis, Diagnosis::Matches | Diagnosis::Explained { .. });
        prop_assert!(!explained, "{diagnosis}");
    }

    #[test]
    fn no_body_panics_when_its_signature_is_well_formed(body in "[\\[\\]{}:,\"\\\\a1 \r\né]*") {
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

/// JSON of any shape, which may look like a webhook's payload.
fn json() -> impl Strategy<Value = serde_json::Value> {
    let scalar = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<String>().prop_map(Into::into),
    ];
    scalar.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Into::into),
            proptest::collection::btree_map("event|type|id|url|data|mention|.*", inner, 0..5)
                .prop_map(|map| map.into_iter().collect::<serde_json::Map<_, _>>().into()),
        ]
    })
}
