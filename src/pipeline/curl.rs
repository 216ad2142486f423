//! Requests as lines of curl.

use std::fmt::Write as _;

use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderName, HeaderValue, Method, Request, Uri};

/// Returns the line that sends `request`, with the key as the variable that holds it.
pub(crate) fn line(request: &Request<Vec<u8>>) -> String {
    let mut line = beginning(request.method(), &request.uri().to_string());
    for (name, value) in request.headers() {
        push_header(&mut line, name, value);
    }
    match std::str::from_utf8(request.body()) {
        Ok("") => push_empty_body(&mut line, request.method()),
        Ok(body) if !body.contains('\0') => {
            // Not `--data`, which reads a file if the text begins with `@`.
            line.push_str(" --data-raw ");
            push_quoted(&mut line, body);
        }
        _ => line.push_str(" --data-binary @-"),
    }
    line
}

/// Returns the line for a report that others read: the body is left to standard input, and what may be about people or
/// secret is left out.
pub(crate) fn line_for_report(request: &Request<Vec<u8>>) -> String {
    const ITS_OWN: [&str; 3] = ["accept", "content-type", "user-agent"];
    let mut line = beginning(request.method(), &without_people(request.uri()));
    let left_out = HeaderValue::from_static("[left out]");
    for (name, value) in request.headers() {
        let is_shown = value.is_sensitive() || ITS_OWN.contains(&name.as_str());
        push_header(&mut line, name, if is_shown { value } else { &left_out });
    }
    match request.body().is_empty() {
        true => push_empty_body(&mut line, request.method()),
        false => line.push_str(" --data-binary @-"),
    }
    line
}

fn beginning(method: &Method, address: &str) -> String {
    let mut line = "curl".to_owned();
    match *method {
        Method::GET => {}
        // With `-X HEAD`, curl would wait for a body.
        Method::HEAD => line.push_str(" --head"),
        _ => drop(write!(line, " -X {method}")),
    }
    // These mean sets of addresses to curl.
    if address.contains(['[', ']', '{', '}']) {
        line.push_str(" --globoff");
    }
    line.push(' ');
    push_quoted(&mut line, address);
    line
}

fn push_header(line: &mut String, name: &HeaderName, value: &HeaderValue) {
    let key = match value.is_sensitive() {
        true if name == AUTHORIZATION => Some("Authorization: Bearer $HEYLO_API_KEY"),
        true if name == "x-api-key" => Some("X-API-Key: $HEYLERTS_API_KEY"),
        _ => None,
    };
    line.push_str(" -H ");
    match key {
        // In double quotes, in which the shell puts the variable's value.
        Some(header) => {
            let _ = write!(line, "\"{header}\"");
        }
        None if value.is_sensitive() => push_quoted(line, &format!("{name}: [redacted]")),
        // A header without a value is written with a semicolon; with a colon, curl would leave it out.
        None if value.is_empty() => push_quoted(line, &format!("{name};")),
        None => {
            push_quoted(line, &format!("{name}: {}", String::from_utf8_lossy(value.as_bytes())))
        }
    }
}

/// A body that is empty is not the same as none: the request has a `Content-Length` of 0.
fn push_empty_body(line: &mut String, method: &Method) {
    if matches!(*method, Method::POST | Method::PUT | Method::PATCH) {
        let _ = write!(line, " -H '{CONTENT_TYPE}:' --data-raw ''");
    }
}

/// In single quotes everything stands for itself, except a single quote.
fn push_quoted(line: &mut String, text: &str) {
    line.push('\'');
    line.push_str(&text.replace('\'', r"'\''"));
    line.push('\'');
}

/// The address without segments and parameters that look like addresses of people.
fn without_people(uri: &Uri) -> String {
    let shown = |part: &str| {
        let is_mail = part.contains('@') || part.to_ascii_lowercase().contains("%40");
        if is_mail { "…".to_owned() } else { part.to_owned() }
    };
    let path: Vec<String> = uri.path().split('/').map(shown).collect();
    let query = uri.query().map(|query| {
        let pairs = query.split('&').map(|pair| match pair.split_once('=') {
            Some((name, value)) => format!("{name}={}", shown(value)),
            None => shown(pair),
        });
        format!("?{}", pairs.collect::<Vec<_>>().join("&"))
    });
    let (scheme, host) = (uri.scheme_str().unwrap_or("https"), uri.authority());
    let host = host.map(ToString::to_string).unwrap_or_default();
    format!("{scheme}://{host}{}{}", path.join("/"), query.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(method: &str, uri: &str, headers: &[(&str, &str)], body: &str) -> Request<Vec<u8>> {
        let mut request = Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(body.as_bytes().to_vec()).unwrap()
    }

    #[test]
    fn everything_stands_for_itself_in_single_quotes() {
        let request = request(
            "POST",
            "https://x.test/a",
            &[("x-it", "it's $HOME")],
            "{\"a\":\"it's `x` !\"}",
        );
        let line = line(&request);
        let expected = r#"curl -X POST 'https://x.test/a' -H 'x-it: it'\''s $HOME' --data-raw '{"a":"it'\''s `x` !"}'"#;
        assert_eq!(line, expected);
    }

    #[test]
    fn a_key_is_the_variable_that_holds_it() {
        for (name, value, expected) in [
            ("authorization", "Bearer k", r#" -H "Authorization: Bearer $HEYLO_API_KEY""#),
            ("x-api-key", "hlt_k", r#" -H "X-API-Key: $HEYLERTS_API_KEY""#),
            ("x-other", "k", " -H 'x-other: [redacted]'"),
        ] {
            let mut request = request("GET", "https://x.test/a?b=1", &[], "");
            let mut value = HeaderValue::from_static(value);
            value.set_sensitive(true);
            request.headers_mut().insert(name, value);
            assert_eq!(line(&request), format!("curl 'https://x.test/a?b=1'{expected}"));
            assert_eq!(line_for_report(&request), line(&request));
        }
    }

    #[test]
    fn a_report_shows_no_body_no_address_of_a_person_and_no_header_of_the_users_own() {
        let headers = [("accept", "application/json"), ("x-note", "ada")];
        let uri = "https://x.test/members/ada%40example.com/a@b?q=ada%40example.com&page=1";
        let request = request("PATCH", uri, &headers, r#"{"name":"ada"}"#);
        let line = line_for_report(&request);
        let expected = "curl -X PATCH 'https://x.test/members/…/…?q=…&page=1' -H 'accept: application/json' -H \
                        'x-note: [left out]' --data-binary @-";
        assert_eq!(line, expected);
    }

    #[test]
    fn addresses_that_mean_sets_to_curl_are_taken_as_they_are() {
        let request = request("GET", "http://[::1]:80/a", &[], "");
        assert_eq!(line(&request), "curl --globoff 'http://[::1]:80/a'");
    }

    #[test]
    fn a_head_is_asked_for_without_waiting_for_a_body() {
        let request = request("HEAD", "https://x.test/a", &[], "");
        assert_eq!(line(&request), "curl --head 'https://x.test/a'");
    }
}
