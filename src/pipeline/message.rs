//! The message in the body of an error, in the shapes that such services and their proxies use.

use std::borrow::Cow;

use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use serde_json::{Map, Value};

use super::spelling::ENTITIES;
use super::validation::{self, is_name, joined};
use crate::json::{self, lenient};

/// The fields that may hold the message, best first. Heylo documents none of them, Heylerts documents `detail`.
///
/// If `error` comes with `message`, it is the status in words; with `error_description`, a code.
const FIELDS: [&str; 18] = [
    "message",
    "error_description",
    "errorMessage",
    "error_message",
    "errmsg",
    "faultstring",
    "error",
    "errors",
    "err",
    "fault",
    "detail",
    "reason",
    "msg",
    "title",
    "errorMessages",
    "error_messages",
    "validationErrors",
    "failures",
];

/// A page is searched for its message up to here, in bytes.
const PAGE_SEARCHED: usize = 64 * 1024;

/// The most fields that are named of JSON without a message.
const NAMES_SHOWN: usize = 8;

/// The fields that may hold the problems of a request beside its message.
const DETAILS: [&str; 12] = [
    "errors",
    "issues",
    "details",
    "detail",
    "message",
    "messages",
    "validationErrors",
    "validation_errors",
    "fieldErrors",
    "violations",
    "invalid_params",
    "invalid-params",
];

/// The names of all known entities, and all codes of characters, are shorter.
const LONGEST_ENTITY: usize = 16;

/// How deep JSON may be within strings.
const DEEPEST: u32 = 3;

/// Returns the message in an error's body; empty if there is none.
///
/// JSON without a message may be about people: of it, only the size and the names of fields are returned.
pub(crate) fn message(body: &[u8]) -> String {
    message_of(&json::text(body), DEEPEST)
}

fn message_of(text: &str, depth: u32) -> String {
    let text = text.trim();
    match json::from_slice::<Value>(text.as_bytes()) {
        Ok(Value::String(inner)) if depth > 0 => message_of(&inner, depth - 1),
        Ok(json) => message_of_json(&json, text, depth),
        Err(_) if begins_with_markup(text) => page_message(text).unwrap_or_default(),
        // Python's `{'detail': …}`, two objects in a row, and JSON that broke off.
        Err(_) if begins_like_json(lenient::unguarded(text)) => {
            let json = lenient::value(text).unwrap_or_default();
            message_of_json(&json, text, depth)
        }
        Err(_) => text.to_owned(),
    }
}

fn message_of_json(json: &Value, text: &str, depth: u32) -> String {
    let words = match json {
        Value::Array(items) => joined(items.iter().filter_map(located)),
        json => json.as_object().and_then(all_words),
    };
    match words {
        Some(words) if depth > 0 && begins_like_json(&words) => message_of(&words, depth - 1),
        Some(words) if !begins_like_json(&words) => words,
        _ if is_about_nobody(json) && (!json.is_null() || text == "null") => text.to_owned(),
        _ => without_words(json, text.len()),
    }
}

/// Whether a body is JSON without a message.
pub(crate) fn is_wordless(body: &[u8]) -> bool {
    json::from_slice::<Value>(body)
        .is_ok_and(|json| !json.is_string() && json.as_object().and_then(all_words).is_none())
}

fn begins_like_json(text: &str) -> bool {
    let text = text.trim_start();
    let in_list = text.strip_prefix('[').map(str::trim_start);
    // `[error] disk full` is text.
    text.starts_with(['{', '"']) || in_list.is_some_and(|it| it.starts_with(['{', '[', '"', '\'']))
}

/// Whether JSON holds nothing but names, numbers of up to three digits, booleans and nulls.
fn is_about_nobody(json: &Value) -> bool {
    match json {
        Value::Null | Value::Bool(_) => true,
        Value::Number(number) => number.as_i64().is_some_and(|number| number.abs() < 1000),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.iter().all(is_about_nobody),
        Value::Object(object) => {
            object.iter().all(|(name, value)| is_name(name) && is_about_nobody(value))
        }
    }
}

/// Describes JSON that holds no message.
fn without_words(json: &Value, size: usize) -> String {
    let names = json.as_object().map(|object| {
        let shown = |name: &String| if is_name(name) { name.clone() } else { "…".to_owned() };
        let names: Vec<String> = object.keys().take(NAMES_SHOWN).map(shown).collect();
        let rest = if object.len() > NAMES_SHOWN { ", …" } else { "" };
        format!(" with the fields {}{rest}", names.join(", "))
    });
    format!("no message, but {size} bytes of JSON{}", names.unwrap_or_default())
}

/// Returns whether a body is an error in a service's own shape, and not the page of a proxy.
pub(crate) fn is_own_error(body: &[u8]) -> bool {
    json::from_slice::<Value>(body).is_ok_and(|json| words(&json).is_some())
}

/// Returns whether a response is a page for a browser, such as a sign-in or maintenance page.
///
/// It is one if its body begins with markup, or if it is declared as HTML and holds a tag, unless it is JSON.
/// Frameworks declare plain text as HTML too, so the declaration alone is no proof.
pub(crate) fn is_page(headers: &HeaderMap, body: &[u8]) -> bool {
    // Most bodies are JSON, and end the search here.
    let is_like_json = matches!(body.trim_ascii_start().first(), Some(b'{' | b'[' | b'"'));
    if is_like_json && !is_declared_html(headers) {
        return false;
    }
    let text = json::text(&body[..body.len().min(PAGE_SEARCHED)]);
    if begins_with_markup(&text) {
        return true;
    }
    let is_json = || json::from_slice::<serde::de::IgnoredAny>(body).is_ok();
    (has_document(&text) || is_declared_html(headers) && has_tag(&text)) && !is_json()
}

/// Whether there is a page after something else, as after the warnings of a script.
fn has_document(text: &str) -> bool {
    let opens = |at: usize| {
        DOCUMENT.iter().any(|tag| {
            let found = text.as_bytes().get(at..at + tag.len());
            found.is_some_and(|found| found.eq_ignore_ascii_case(tag.as_bytes()))
        })
    };
    text.match_indices('<').any(|(at, _)| opens(at))
}

const DOCUMENT: [&str; 6] = ["<!doctype", "<html", "<head>", "<title>", "<body", "<script"];

fn is_declared_html(headers: &HeaderMap) -> bool {
    let declared = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let declared = declared.unwrap_or_default().trim_start();
    let is_kind =
        |kind: &str| declared.get(..kind.len()).is_some_and(|it| it.eq_ignore_ascii_case(kind));
    is_kind("text/html") || is_kind("application/xhtml")
}

/// Returns the message of a page: its title, or the first preformatted text, heading or message of XML if there is no title
/// or it is just `Error`. The rest of a page may hold personal data.
pub(crate) fn page_message(page: &str) -> Option<String> {
    let page = &page[..floor(page, PAGE_SEARCHED)];
    let lower = page.to_ascii_lowercase();
    let of = |name| element(page, &lower, name).map(plain_text).filter(|text| !text.is_empty());
    let title = of("title");
    match title.as_deref() {
        // werkzeug, Apache: the sentence is in the first paragraph.
        Some(status) if is_status(status) => {
            let sentence = of("p").filter(|text| validation::is_sentence(text));
            joined(title.into_iter().chain(sentence))
        }
        // Express: `<title>Error</title>…<pre>Cannot GET /stats</pre>`; then the errors of SOAP and of storage services.
        None | Some("Error") => {
            ["pre", "h1", "faultstring", "message", "detail"].into_iter().find_map(of).or(title)
        }
        Some(_) => title,
    }
}

/// The message in an error, and the problems of the request that it lists, each with its field.
fn all_words(object: &Map<String, Value>) -> Option<String> {
    if validation::is_by_field(object, |name| FIELDS.contains(&name)) {
        return joined(validation::by_field(object, false));
    }
    let (value, first) = first_words(object).unzip();
    let message = first.clone().filter(|_| value.is_some_and(Value::is_string));
    let is_alone = message.is_none();
    let listed = |name| details(name, object.get(name)?, is_alone);
    let wrapped = || all_words(object.get("error").filter(|_| is_alone)?.as_object()?);
    match (message, DETAILS.into_iter().find_map(listed).or_else(wrapped)) {
        (Some(message), Some(details)) if is_part(&message, &details) => Some(details),
        (Some(message), Some(details)) if is_part(&details, &message) => Some(message),
        (Some(message), Some(details)) => joined([message, details]),
        (_, details) => details.or(first).or_else(|| joined(validation::by_field(object, false))),
    }
}

/// Whether a text is in another one: Laravel counts the other problems behind the first, "(and 1 more error)".
fn is_part(text: &str, whole: &str) -> bool {
    let text = text.split_once(" (and ").map_or(text, |(first, _)| first);
    whole.contains(text.trim_end_matches('.'))
}

/// The problems that a field lists, which may list other things, unless it is known to be the message.
fn details(name: &str, value: &Value, is_alone: bool) -> Option<String> {
    let is_message = is_alone && FIELDS.contains(&name);
    match value {
        Value::Array(problems) => joined(problems.iter().filter_map(|problem| match problem {
            Value::String(text) if is_message || validation::is_sentence(text) => {
                Some(text.clone())
            }
            Value::Object(_) => located(problem),
            _ => None,
        })),
        Value::Object(fields) if first_words(fields).is_none() => {
            let is_of_errors = name.to_ascii_lowercase().contains("error");
            let lists = words_of_fields(value).filter(|_| is_of_errors);
            lists.or_else(|| joined(validation::by_field(fields, true)))
        }
        _ => None,
    }
}

/// One of the problems of a request, with its field: `query.per_page: Input should be …`
fn located(problem: &Value) -> Option<String> {
    let words = words(problem).or_else(|| validation::other_words(problem))?;
    Some(validation::located(problem, &words))
}

/// Whether a title is that of a status: `404 Not Found`
fn is_status(title: &str) -> bool {
    let digits = title.get(..3).and_then(|digits| digits.parse().ok());
    let phrase = StatusCode::from_u16(digits.unwrap_or_default()).ok();
    phrase.and_then(|status| status.canonical_reason()).is_some_and(|it| title[3..].trim() == it)
}

/// Returns the message in a JSON body.
pub(crate) fn words(json: &Value) -> Option<String> {
    words_in(json.as_object()?)
}

/// Returns the message in a JSON object.
pub(crate) fn words_in(object: &Map<String, Value>) -> Option<String> {
    first_words(object).map(|(_, words)| words)
}

/// The field that holds the message, and the message.
fn first_words(object: &Map<String, Value>) -> Option<(&Value, String)> {
    let field = |name: &str| {
        object.get(name).or_else(|| {
            let same = |(other, _): &(&String, _)| other.eq_ignore_ascii_case(name);
            object.iter().find(same).map(|(_, value)| value)
        })
    };
    let words = |value| Some((value, words_of(value)?));
    FIELDS.into_iter().filter_map(field).find_map(words)
}

fn words_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => (!text.trim().is_empty()).then(|| text.trim().to_owned()),
        Value::Object(_) => words(value).or_else(|| words_of_fields(value)),
        Value::Array(problems) => joined(problems.iter().filter_map(problem)),
        _ => None,
    }
}

/// `{"name": ["is required"]}`, by field, as `name: is required`.
fn words_of_fields(value: &Value) -> Option<String> {
    let fields = value.as_object()?.iter();
    joined(
        fields
            .filter(|(_, value)| value.is_array())
            .filter_map(|(name, value)| Some(format!("{name}: {}", words_of(value)?))),
    )
}

/// One of FastAPI's rejected parameters, or any other item of a list.
fn problem(problem: &Value) -> Option<String> {
    match problem {
        Value::String(text) => Some(text.trim().to_owned()),
        _ => Some(validation::located_by(&["loc"], problem, &words(problem)?)),
    }
}

/// `<!DOCTYPE html>`, `<html>`, `<?xml …?>`, a comment or any other tag; nothing of this begins JSON.
fn begins_with_markup(text: &str) -> bool {
    let is_blank =
        |c: char| c.is_whitespace() || c.is_control() || "\u{feff}\u{200b}\u{2060}".contains(c);
    let text = text.trim_start_matches(is_blank);
    text.starts_with('<') && has_tag(text.get(..2).unwrap_or_default())
}

/// Whether a `<` is followed by what makes it a tag: `1 < 2` is text.
fn has_tag(text: &str) -> bool {
    let opens = |pair: &[u8]| {
        pair[0] == b'<' && (pair[1].is_ascii_alphabetic() || matches!(pair[1], b'/' | b'!' | b'?'))
    };
    text.as_bytes().windows(2).any(opens)
}

/// The content of the first element of this name.
fn element<'a>(page: &'a str, lower: &str, name: &str) -> Option<&'a str> {
    let opening = format!("<{name}");
    let (at, _) = lower.match_indices(&opening).find(|(at, _)| {
        let after = lower.as_bytes().get(at + opening.len());
        after.is_some_and(|byte| *byte == b'>' || byte.is_ascii_whitespace())
    })?;
    let start = at + lower[at..].find('>')? + 1;
    let end = start + lower[start..].find(&format!("</{name}"))?;
    page.get(start..end)
}

/// The first line of a piece of a page, without tags and entities.
fn plain_text(piece: &str) -> String {
    let first = piece.split("<br").next().unwrap_or_default();
    let mut text = String::new();
    for (nth, part) in first.split('<').enumerate() {
        let shown = if nth == 0 { part } else { part.split_once('>').map_or("", |(_, text)| text) };
        text.push_str(shown);
    }
    unescaped(text.trim())
}

fn unescaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        plain.push_str(&rest[..at]);
        let (letter, length) = entity(&rest[at..]).unwrap_or((Cow::Borrowed("&"), 1));
        plain.push_str(&letter);
        rest = &rest[at + length..];
    }
    plain.push_str(rest);
    plain
}

/// The character that the entity at the beginning of `text` stands for, and the entity's length.
fn entity(text: &str) -> Option<(Cow<'static, str>, usize)> {
    let after = text.strip_prefix('&')?;
    let length = after.bytes().take(LONGEST_ENTITY).position(|byte| byte == b';')?;
    let name = &after[..length];
    let letter = match name.strip_prefix('#') {
        Some(digits) => {
            let hex = digits.strip_prefix(['x', 'X']);
            let code = match hex {
                Some(hex) => u32::from_str_radix(hex, 16),
                None => digits.parse(),
            };
            char::from_u32(code.ok()?)?
        }
        None => char::from(ENTITIES.iter().find(|(known, _)| *known == name)?.1),
    };
    Some((letter.to_string().into(), name.len() + 2))
}

/// The last boundary of a character that is not after `most` bytes.
pub(super) fn floor(text: &str, most: usize) -> usize {
    (0..=most.min(text.len())).rfind(|at| text.is_char_boundary(*at)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn the_message_is_found_in_every_known_shape() {
        for (body, expected) in [
            (r#"{"error": "no such group"}"#, "no such group"),
            (r#"{"message": "no such group"}"#, "no such group"),
            (r#"{"Message": "no such group"}"#, "no such group"),
            (r#"{"error": {"code": 5, "message": "no such group"}}"#, "no such group"),
            (r#"{"error": true, "message": "no such group"}"#, "no such group"),
            (r#"{"detail": "Not Found"}"#, "Not Found"),
            (
                r#"{"statusCode": 400, "error": "Bad Request", "message": "no such group"}"#,
                "no such group",
            ),
            (
                r#"{"error": "invalid_grant", "error_description": "no such group"}"#,
                "no such group",
            ),
            (
                r#"{"type": "about:blank", "title": "Gone", "detail": "no such group"}"#,
                "no such group",
            ),
            (r#"{"errors": ["a", {"message": "b"}, {"detail": "c"}, 7]}"#, "a; b; c"),
            (
                r#"{"errors": {"name": ["is required", "is short"], "x": 1}}"#,
                "name: is required; is short",
            ),
            (r#"{"errorMessage": "no such group", "errorType": "Error"}"#, "no such group"),
            (r#"{"message": " ", "error": "no such group"}"#, "no such group"),
            ("\u{feff}{\"error\": \"no such group\"}", "no such group"),
            (r#"{"error": "Run \ud83d", "size": 1e400}"#, "Run \u{fffd}"),
            (r#"{"error": "first", "error": "last"}"#, "last"),
            (r#"{"other": 1}"#, r#"{"other": 1}"#),
            (r#""quota""#, "quota"),
            ("plain words\n", "plain words"),
            ("", ""),
        ] {
            assert_eq!(message(body.as_bytes()), expected, "{body}");
        }
        assert_eq!(message(b"{\"error\": \"caf\xe9\"}"), "caf\u{fffd}");
    }

    #[test]
    fn the_problems_of_a_request_are_told_with_their_fields_whatever_the_framework() {
        for (body, expected) in [
            // Django REST.
            (
                r#"{"name":["This field may not be blank."],"non_field_errors":["One is enough."]}"#,
                "name: This field may not be blank; One is enough.",
            ),
            (r#"{"title":["This field is required."]}"#, "title: This field is required."),
            (
                r#"{"profile":{"name":["This field is required."]},"items":[{},{"id":["Not a valid string."]}]}"#,
                "items.1.id: Not a valid string; profile.name: This field is required.",
            ),
            (
                r#"["Only one alert is allowed here.", "Try later."]"#,
                "no message, but 49 bytes of JSON",
            ),
            // Rails.
            (
                r#"{"name":["can't be blank","is too short"],"ada@example.com":["is invalid"]}"#,
                "…: is invalid; name: can't be blank; is too short",
            ),
            // Laravel.
            (
                r#"{"message":"The given data was invalid.","errors":{"email":["The email field is required."]}}"#,
                "The given data was invalid; email: The email field is required.",
            ),
            (
                r#"{"message":"The email field is required. (and 1 more error)",
                    "errors":{"email":["The email field is required."],"name":["Too short."]}}"#,
                "email: The email field is required; name: Too short.",
            ),
            // Zod.
            (
                r#"{"issues":[{"code":"too_small","path":["user","name"],"message":"Too short"}],"name":"ZodError"}"#,
                "user.name: Too short",
            ),
            (
                r#"{"success":false,"error":{"issues":[{"path":["name"],"message":"Required"}],"name":"ZodError"}}"#,
                "name: Required",
            ),
            (r#"{"formErrors":[],"fieldErrors":{"name":["Required"]}}"#, "name: Required"),
            // express-validator, Spring, Symfony, JSON:API, class-validator, Flask, marshmallow.
            (
                r#"{"errors":[{"type":"field","msg":"Invalid value","path":"name","location":"body"}]}"#,
                "name: Invalid value",
            ),
            (
                r#"{"message":"Validation failed","errors":[{"field":"name","defaultMessage":"must not be blank"}]}"#,
                "Validation failed; name: must not be blank",
            ),
            (
                r#"{"detail":"name: is blank","violations":[{"propertyPath":"name","message":"is blank"}]}"#,
                "name: is blank",
            ),
            (
                r#"{"errors":[{"detail":"is blank","source":{"pointer":"/data/attributes/name"}}]}"#,
                "data.attributes.name: is blank",
            ),
            (
                r#"{"message":[{"property":"name","constraints":{"isNotEmpty":"name should not be empty"}}]}"#,
                "name should not be empty",
            ),
            (r#"{"message":{"name":"Name cannot be blank"}}"#, "Name cannot be blank"),
            (r#"{"errors":{"name":"is required"}}"#, "name: is required"),
            (
                r#"{"code":422,"errors":{"json":{"name":["Missing data for required field."]}}}"#,
                "json.name: Missing data for required field.",
            ),
            (
                r#"{"error":{"message":"Invalid","details":[{"field":"name","message":"is blank"}]}}"#,
                "Invalid; name: is blank",
            ),
            (
                r#"{"statusCode":400,"error":"Bad Request","message":["name must be a string","x"]}"#,
                "name must be a string; x",
            ),
            // A list of people is none of problems.
            (r#"{"error":"taken","details":["ada@example.com"]}"#, "taken"),
            (r#"{"error":"taken","details":{"emails":["ada@example.com"]}}"#, "taken"),
            (
                r#"{"members":["Ada Lovelace","Ada van Houten"]}"#,
                "no message, but 45 bytes of JSON with the fields members",
            ),
        ] {
            assert_eq!(message(body.as_bytes()), expected, "{body}");
        }
    }

    #[test]
    fn of_several_sentences_only_the_last_keeps_its_full_stop() {
        let body =
            br#"{"errors":[{"message":"It is locked."},{"message":"It is late."},"Try later."]}"#;
        assert_eq!(message(body), "It is locked; It is late; Try later.");
    }

    #[test]
    fn of_json_without_a_message_only_the_size_and_the_names_of_fields_are_shown() {
        for (body, expected) in [
            (
                r#"{"code":"E17","member":{"email":"ada@example.com"}}"#,
                "no message, but 51 bytes of JSON with the fields code, member",
            ),
            (r#"["ada@example.com"]"#, "no message, but 19 bytes of JSON"),
            (r#"[{"email": "ada@example.com"}]"#, "no message, but 30 bytes of JSON"),
            (r#"[{"error": "no"}, {"email": "ada@example.com"}]"#, "no"),
            (
                r#"{"ada@example.com": "taken", "u1": 1}"#,
                "no message, but 37 bytes of JSON with the fields …, …",
            ),
            (
                r#"{"error": {"email": "ada@example.com"}}"#,
                "no message, but 39 bytes of JSON with the fields error",
            ),
            (r#"{"phone": 15558675309}"#, "no message, but 22 bytes of JSON with the fields phone"),
            (r#"{"email": "ada@exam"#, "no message, but 19 bytes of JSON with the fields email"),
            (
                "{'email': 'ada@example.com'}",
                "no message, but 28 bytes of JSON with the fields email",
            ),
            (
                r#""{\"email\": \"ada@example.com\"}""#,
                "no message, but 28 bytes of JSON with the fields email",
            ),
            (
                r#"{"message": "{\"email\": \"ada\"}"}"#,
                "no message, but 16 bytes of JSON with the fields email",
            ),
            (r#"{"message": "{\"error\": \"no such group\"}"}"#, "no such group"),
            ("{'detail': 'no such group'}", "no such group"),
            (
                ")]}',\n{\"email\": \"ada@example.com\"}",
                "no message, but 34 bytes of JSON with the fields email",
            ),
            ("null", "null"),
            ("15558675309", "no message, but 11 bytes of JSON"),
            (r#"{"code": 17, "ok": false}"#, r#"{"code": 17, "ok": false}"#),
            ("[error] disk full", "[error] disk full"),
        ] {
            assert_eq!(message(body.as_bytes()), expected, "{body}");
        }
        let many: Map<String, Value> =
            ('a'..='z').map(|letter| (letter.to_string(), "ada@example.com".into())).collect();
        let shown = message(Value::from(many).to_string().as_bytes());
        assert!(shown.ends_with("with the fields a, b, c, d, e, f, g, h, …"), "{shown}");
    }

    #[test]
    fn the_message_of_a_page_is_its_first_heading() {
        for (body, expected) in [
            ("<html><head><TITLE> 502 Bad Gateway</title></head></html>", "502 Bad Gateway"),
            ("<title data-x=\"1\">A &amp; B &#8211; &#x43;</title>", "A & B \u{2013} C"),
            (
                "<!DOCTYPE html><title>Error</title><body><pre>Cannot GET /stats</pre>",
                "Cannot GET /stats",
            ),
            (
                "<title>Error</title><pre>Error: it is &quot;locked&quot;<br> &nbsp; &nbsp;at x.js:1</pre>",
                "Error: it is \"locked\"",
            ),
            ("<title>Error</title><h1>Not <b>now</b></h1>", "Not now"),
            ("<title>Error</title>", "Error"),
            (
                "<?xml?><Error><Code>Denied</Code><Message>Access &lt;x></Message></Error>",
                "Access <x>",
            ),
            (
                "<e:Body><e:Fault><faultstring>no such member</faultstring></e:Fault>",
                "no such member",
            ),
            ("<h1>Sign in</h1>", "Sign in"),
            (
                "<!doctype html><title>404 Not Found</title><h1>Not Found</h1><p>Alert a-1 is not yours.</p>",
                "404 Not Found; Alert a-1 is not yours.",
            ),
            ("<title>403 Forbidden</title><p>nginx</p><p>You may not.</p>", "403 Forbidden"),
            ("<title>Members</title><p>Ada is not here.</p>", "Members"),
            ("<p>oh", ""),
            ("<titles>x</titles>", ""),
            ("\u{130}<title>x", "\u{130}<title>x"),
        ] {
            assert_eq!(message(body.as_bytes()), expected, "{body}");
        }
    }

    #[test]
    fn a_long_page_is_searched_in_the_time_of_its_beginning() {
        // A search of the rest for each `&` would take minutes.
        let page = format!("<title>{}</title>", "&".repeat(2_000_000));
        assert_eq!(message(page.as_bytes()), "");
        let page = format!("<title>&amp;{}</title>", "&".repeat(60_000));
        assert_eq!(message(page.as_bytes()).len(), 60_001);
        let page = format!("<title>é</title>{}", "é".repeat(PAGE_SEARCHED));
        assert_eq!(message(page.as_bytes()), "é");
    }

    #[test]
    fn a_list_of_rejected_parameters_becomes_one_line() {
        let body = br#"{"detail": [
            {"type": "less_than_equal", "loc": ["query", "per_page"], "msg": "Input should be less"},
            {"loc": ["body", 0, "name"], "msg": "Field required"}, "odd", 7]}"#;
        assert_eq!(
            message(body),
            "query.per_page: Input should be less; body.0.name: Field required; odd"
        );
    }

    #[test]
    fn a_page_is_known_by_its_markup() {
        let is_page = |content_type: &'static str, body: &str| {
            let headers =
                HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(content_type))]);
            is_page(&headers, body.as_bytes())
        };
        for body in [
            "<!DOCTYPE html>",
            "\u{feff} \n<HTML>",
            "<!-- x --><html>",
            "<?xml version=\"1.0\"?><html xmlns=\"\">",
            "<p>one moment",
        ] {
            assert!(is_page("application/json", body), "{body}");
            assert!(is_page("text/html", body), "{body}");
        }
        assert!(is_page("Text/HTML; charset=utf-8", "Sorry, <b>down</b>"));
        assert!(is_page("application/xhtml+xml", "Sorry, <b>down</b>"));
        for (content_type, body) in [
            ("text/plain", "Sorry, <b>down</b>"),
            ("text/html", "Member removed"),
            ("text/html", "1 < 2"),
            ("text/html", ""),
            ("text/html", r#"{"name": "<b>x</b>"}"#),
            ("text/plain", "<3"),
            ("text/plain", "<"),
        ] {
            assert!(!is_page(content_type, body), "{content_type} {body}");
        }
    }

    #[test]
    fn a_page_is_not_the_services_own_error() {
        assert!(is_own_error(br#"{"detail": "Not Found"}"#));
        assert!(is_own_error(br#"{"detail": "Not Found \ud83d"}"#));
        assert!(!is_own_error(b"<html>Not Found</html>"));
        assert!(!is_own_error(b"{}"));
        assert!(!is_own_error(b""));
    }
}
