//! What an answer says: a value, or why there is none.

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::json;

/// An answer whose status is success but whose body is not what was asked for.
#[derive(Debug)]
pub(crate) struct Unreadable {
    /// Asking again may help: the body was no JSON at all, as when a proxy answers with a page.
    pub(crate) may_pass: bool,
    pub(crate) source: serde_json::Error,
}

/// Reads a body as JSON of one type. An empty one is read as `null`, for types that take that.
pub(crate) fn json<T: DeserializeOwned>(body: &[u8]) -> Result<T, Unreadable> {
    let is_empty = body.is_empty();
    let text = if is_empty { b"null" } else { body };
    json::from_slice(text)
        .map_err(|source| Unreadable { may_pass: is_empty || !source.is_data(), source })
}

/// Takes any body for a success.
pub(crate) fn nothing(_body: &[u8]) -> Result<(), Unreadable> {
    Ok(())
}

/// The message in an error's body, in any of the shapes that such services use.
pub(crate) fn message(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    match json::from_slice::<Value>(body) {
        Ok(json) => told(&json).unwrap_or_else(|| text.trim().to_owned()),
        Err(_) if looks_like_markup(&text) => title(&text).unwrap_or_default().to_owned(),
        Err(_) => text.trim().to_owned(),
    }
}

/// Whether a body is an error in the service's own shape, and not a page of something in between.
pub(crate) fn is_own_error(body: &[u8]) -> bool {
    json::from_slice::<Value>(body).is_ok_and(|json| told(&json).is_some())
}

/// What a success says that is none: an error in the service's own shape, or the title of a page. Nothing
/// else of it, which may be people's data.
pub(crate) fn excuse(body: &[u8]) -> Option<String> {
    match json::from_slice::<Value>(body) {
        Ok(json) => told(&json),
        Err(_) => title(&String::from_utf8_lossy(body)).map(str::to_owned),
    }
}

/// `message`, `error`, `error.message` or `detail`, whichever is there; Heylo documents none of them,
/// Heylerts documents `detail`. Where `error` stands beside `message` it is but the status in words.
fn told(json: &Value) -> Option<String> {
    ["message", "error", "detail"].into_iter().filter_map(|name| json.get(name)).find_map(said)
}

fn said(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => (!text.trim().is_empty()).then(|| text.clone()),
        Value::Object(object) => object.get("message")?.as_str().map(str::to_owned),
        Value::Array(problems) => validation(problems),
        _ => None,
    }
}

/// FastAPI's list of rejected parameters, as one line: `query.per_page: Input should be …`.
fn validation(problems: &[Value]) -> Option<String> {
    let lines: Vec<String> = problems.iter().filter_map(problem).collect();
    (!lines.is_empty()).then(|| lines.join("; "))
}

fn problem(problem: &Value) -> Option<String> {
    let told = problem.get("msg").and_then(Value::as_str).or(problem.as_str())?;
    let steps = problem.get("loc").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let place: Vec<String> = steps
        .iter()
        .map(|step| step.as_str().map_or_else(|| step.to_string(), str::to_owned))
        .collect();
    Some(if place.is_empty() { told.to_owned() } else { format!("{}: {told}", place.join(".")) })
}

fn looks_like_markup(text: &str) -> bool {
    text.trim_start().starts_with('<')
}

fn title(page: &str) -> Option<&str> {
    let lower = page.to_ascii_lowercase();
    let start = lower.find("<title>")? + "<title>".len();
    let end = start + lower[start..].find("</title>")?;
    page.get(start..end).map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_is_found_in_every_known_shape() {
        for (body, expected) in [
            (r#"{"error": "no such group"}"#, "no such group"),
            (r#"{"message": "no such group"}"#, "no such group"),
            (r#"{"error": {"code": 5, "message": "no such group"}}"#, "no such group"),
            (r#"{"error": true, "message": "no such group"}"#, "no such group"),
            (r#"{"detail": "Not Found"}"#, "Not Found"),
            (
                r#"{"statusCode": 400, "error": "Bad Request", "message": "no such group"}"#,
                "no such group",
            ),
            (r#"{"message": " ", "error": "no such group"}"#, "no such group"),
            ("\u{feff}{\"error\": \"no such group\"}", "no such group"),
            (r#"{"other": 1}"#, r#"{"other": 1}"#),
            ("plain words\n", "plain words"),
            ("", ""),
            ("<html><head><TITLE> 502 Bad Gateway</title></head></html>", "502 Bad Gateway"),
            ("<p>oh", ""),
            ("\u{130}<title>x", "\u{130}<title>x"),
        ] {
            assert_eq!(message(body.as_bytes()), expected, "{body}");
        }
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
    fn a_body_may_begin_with_a_byte_order_mark() {
        assert_eq!(json::<u8>("\u{feff}7".as_bytes()).ok(), Some(7));
    }

    #[test]
    fn an_empty_body_is_nothing_for_whoever_takes_nothing() {
        assert!(json::<()>(b"").is_ok());
        assert_eq!(json::<Option<u8>>(b"").ok(), Some(None));
        assert!(json::<u8>(b"").is_err_and(|unreadable| unreadable.may_pass));
    }

    #[test]
    fn a_success_that_is_none_says_why_and_shows_no_data() {
        for (body, expected) in [
            (r#"{"error": "no such group"}"#, Some("no such group")),
            ("<html><title>Sign in</title>", Some("Sign in")),
            (r#"{"email": "ada@example.com"}"#, None),
            ("ada@example.com", None),
            ("", None),
        ] {
            assert_eq!(excuse(body.as_bytes()).as_deref(), expected, "{body}");
        }
    }

    #[test]
    fn a_page_is_not_the_services_own_error() {
        assert!(is_own_error(br#"{"detail": "Not Found"}"#));
        assert!(!is_own_error(b"<html>Not Found</html>"));
        assert!(!is_own_error(b"{}"));
        assert!(!is_own_error(b""));
    }
}
