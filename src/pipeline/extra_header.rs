//! Headers that a caller adds: which are accepted.

use http::header::{
    ACCEPT_ENCODING, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE,
    EXPECT, HOST, TE, TRAILER, TRANSFER_ENCODING, UPGRADE, USER_AGENT,
};
use http::{HeaderName, HeaderValue};

const KEY: &str = "the client sends its own key: to use another one, make another client";
const COOKIES: &str = "the services know a program by its key alone, and a cookie could be somebody's session: leave it out";
const FRAMING: &str = "it is set for each request by the client and its connection: leave it out";
const METHOD: &str = "the method of a call decides how it is retried: choose it by Call::new";
const ADDRESS: &str = "it would make another call of this one: state the path by Call::new, and the host by Config::base_url";

/// The headers that carry authentication, beside those that begin with `proxy-`.
const AUTHENTICATION: [&str; 8] = [
    "authorization",
    "x-authorization",
    "x-forwarded-authorization",
    "x-api-key",
    "api-key",
    "apikey",
    "x-auth-token",
    "x-access-token",
];

const COOKIE: [&str; 3] = ["cookie", "cookie2", "set-cookie"];

/// The headers that describe a body or a connection, or belong to one hop.
const FRAMES: [HeaderName; 11] = [
    HOST,
    CONTENT_LENGTH,
    TRANSFER_ENCODING,
    CONTENT_ENCODING,
    CONTENT_RANGE,
    ACCEPT_ENCODING,
    CONNECTION,
    TE,
    TRAILER,
    UPGRADE,
    EXPECT,
];
const FRAMES_WITHOUT_NAME: [&str; 3] = ["keep-alive", "http2-settings", "trailers"];

const METHODS: [&str; 5] = [
    "x-http-method-override",
    "x-http-method",
    "x-method-override",
    "x-method",
    "x-original-method",
];

/// Servers that know them take the address from them.
const ADDRESSES: [&str; 3] = ["x-original-url", "x-rewrite-url", "x-forwarded-host"];

/// The most bytes of a name with its value: a connection does not send more in one line. Servers accept less, often 8 KiB.
const LONGEST: usize = 64 * 1024;

/// Reads a header that a caller adds, or returns why it is rejected. The reason does not show the value, which may
/// be a secret.
pub(super) fn parse(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), String> {
    let name = HeaderName::try_from(name).map_err(|_| {
        format!("{name:?} is not the name of a header: letters, digits and hyphens make one")
    })?;
    if let Some(why) = refusal(&name) {
        return Err(format!("the header {name} cannot be set: {why}"));
    }
    let value = value.trim_matches([' ', '\t']);
    if name.as_str().len() + value.len() > LONGEST {
        return Err("a header of more than 64 KiB cannot be sent".to_owned());
    }
    let parsed = HeaderValue::from_str(value).ok().filter(|_| value.is_ascii());
    let value = parsed.ok_or_else(|| {
        let why = "has a character that a header cannot have, such as a line break or an umlaut";
        format!("the value of the header {name} {why}")
    })?;
    if name == CONTENT_TYPE && !is_json(&value) {
        return Err("the header content-type has to name a kind of JSON, such as application/json"
            .to_owned());
    }
    Ok((name, value))
}

fn refusal(name: &HeaderName) -> Option<&'static str> {
    let text = name.as_str();
    match () {
        () if text.starts_with("proxy-") => {
            Some("it belongs to the connection: give a proxy and its password to Config::proxy")
        }
        () if AUTHENTICATION.contains(&text) => Some(KEY),
        () if COOKIE.contains(&text) => Some(COOKIES),
        () if FRAMES.contains(name) || FRAMES_WITHOUT_NAME.contains(&text) => Some(FRAMING),
        () if METHODS.contains(&text) => Some(METHOD),
        () if ADDRESSES.contains(&text) => Some(ADDRESS),
        () if *name == USER_AGENT => Some("name your application by Config::user_agent"),
        () => None,
    }
}

/// Whether a media type is `application/json` or one that ends in `+json`.
fn is_json(media_type: &HeaderValue) -> bool {
    let text = media_type.to_str().unwrap_or_default();
    let essence = text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || essence.ends_with("+json")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_authentication_framing_and_one_hop_are_rejected_in_any_case() {
        for name in [
            "Authorization",
            "X-API-Key",
            "x-api-key",
            "COOKIE",
            "Proxy-Authorization",
            "Proxy-Connection",
            "Proxy-Anything",
            "Host",
            "Content-Length",
            "Transfer-Encoding",
            "Content-Encoding",
            "Accept-Encoding",
            "Connection",
            "Keep-Alive",
            "TE",
            "Trailer",
            "Upgrade",
            "Expect",
            "HTTP2-Settings",
            "X-HTTP-Method-Override",
            "X-Original-URL",
            "X-Forwarded-Host",
            "User-Agent",
        ] {
            let why = parse(name, "hidden-value").expect_err(name);
            let name = name.to_ascii_lowercase();
            assert!(why.starts_with(&format!("the header {name} cannot be set: ")), "{why}");
            assert!(!why.contains("hidden-value"), "{why}");
        }
    }

    #[test]
    fn the_words_for_a_cookie_do_not_speak_of_another_key() {
        let why = parse("Cookie", "a=b").expect_err("a cookie");
        assert!(why.contains("a cookie could be somebody's session"), "{why}");
        assert!(!why.contains("another client"), "{why}");
    }

    #[test]
    fn names_and_values_that_no_header_has_are_rejected_without_the_value() {
        for (name, value) in [
            ("", "hidden"),
            ("a b", "hidden"),
            ("a:b", "hidden"),
            (":authority", "hidden"),
            ("a\r\nHost", "hidden"),
            ("größe", "hidden"),
            ("X-A", "hidden\r\nHost: example.com"),
            ("X-A", "hidden\nb"),
            ("X-A", "hidden\r\n"),
            ("X-A", "hidden\0"),
            ("X-A", "hidden ü"),
        ] {
            let why = parse(name, value).expect_err(name);
            assert!(!why.contains("hidden"), "{why}");
        }
    }

    #[test]
    fn a_header_that_is_too_long_for_a_connection_is_rejected() {
        assert!(parse("X-A", &"x".repeat(LONGEST - 3)).is_ok());
        let why = parse("X-A", &"x".repeat(LONGEST - 2)).expect_err("too long");
        assert_eq!(why, "a header of more than 64 KiB cannot be sent");
    }

    #[test]
    fn other_headers_are_accepted_and_trimmed() {
        for name in ["Idempotency-Key", "X-Request-Id", "traceparent", "If-Match", "Accept", "Via"]
        {
            let (parsed, value) = parse(name, " a-value\t").expect(name);
            assert_eq!(
                (parsed.as_str(), value),
                (&*name.to_ascii_lowercase(), HeaderValue::from_static("a-value"))
            );
        }
    }

    #[test]
    fn a_content_type_names_a_kind_of_json() {
        for good in
            ["application/json", "Application/JSON; charset=utf-8", "application/merge-patch+json"]
        {
            assert!(parse("Content-Type", good).is_ok(), "{good}");
        }
        for bad in ["text/plain", "application/x-www-form-urlencoded", "application/jsonl", ""] {
            assert!(parse("Content-Type", bad).is_err(), "{bad}");
        }
    }
}
