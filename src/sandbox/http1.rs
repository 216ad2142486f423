//! HTTP/1.1 on the side of a server: reads requests, encodes responses.

use std::io::{self, BufRead, ErrorKind, Read, Write};

use http::header::{CONNECTION, CONTENT_LENGTH, EXPECT, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, Version};

const MAX_HEAD: usize = 64 * 1024;
const MAX_HEADERS: usize = 100;
const MAX_BODY: usize = 16 * 1024 * 1024;

/// Why there is no request.
#[derive(Debug)]
pub(crate) enum ReadError {
    /// The connection ended, before a request or in the middle of one.
    Closed,
    /// The request is rejected with this status, and the connection closed.
    Rejected(StatusCode),
}

impl From<io::Error> for ReadError {
    fn from(error: io::Error) -> ReadError {
        match error.kind() {
            ErrorKind::WouldBlock | ErrorKind::TimedOut => {
                ReadError::Rejected(StatusCode::REQUEST_TIMEOUT)
            }
            _ => ReadError::Closed,
        }
    }
}

/// Reads the next request. Writes `100 Continue` to `writer` if the client waits for it.
pub(crate) fn read_request(
    reader: &mut impl BufRead,
    writer: &mut impl Write,
) -> Result<Request<Vec<u8>>, ReadError> {
    let head = parse_head(&read_head(reader)?).map_err(ReadError::Rejected)?;
    let length = body_length(&head).map_err(ReadError::Rejected)?;
    if length != Some(0) && expects_continue(&head) {
        writer.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
    }
    let body = match length {
        Some(length) => read_exactly(reader, length)?,
        None => read_chunks(reader)?,
    };
    Ok(head.map(|()| body))
}

/// Whether the client waits for `100 Continue`. HTTP/1.0 does not have it.
fn expects_continue(head: &Request<()>) -> bool {
    let expects = head.headers().get(EXPECT).map(HeaderValue::as_bytes);
    head.version() != Version::HTTP_10
        && expects.is_some_and(|value| value.eq_ignore_ascii_case(b"100-continue"))
}

/// Whether the client keeps the connection open after the response.
pub(crate) fn is_kept_alive(request: &Request<Vec<u8>>) -> bool {
    match request.version() {
        Version::HTTP_10 => has_connection_option(request.headers(), "keep-alive"),
        _ => !has_connection_option(request.headers(), "close"),
    }
}

/// Whether a `Connection` header has this option.
pub(crate) fn has_connection_option(headers: &HeaderMap, option: &str) -> bool {
    let mut lists = headers.get_all(CONNECTION).iter().filter_map(|value| value.to_str().ok());
    lists.any(|list| list.split(',').any(|it| it.trim().eq_ignore_ascii_case(option)))
}

/// Encodes the head of a response. `framing` replaces its `Content-Length` and `Transfer-Encoding`.
pub(crate) fn encode_head(response: &Response<Vec<u8>>, framing: &[String]) -> Vec<u8> {
    let mut head = format!("HTTP/1.1 {}\r\n", response.status()).into_bytes();
    let is_framing = |name: &HeaderName| [CONTENT_LENGTH, TRANSFER_ENCODING].contains(name);
    for (name, value) in response.headers().iter().filter(|(name, _)| !is_framing(name)) {
        head.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
    }
    for line in framing {
        head.extend([line.as_bytes(), b"\r\n"].concat());
    }
    head.extend(b"\r\n");
    head
}

/// Whether a response with this status has no body and no length.
pub(crate) fn has_no_body(status: StatusCode) -> bool {
    let is_empty = [StatusCode::NO_CONTENT, StatusCode::NOT_MODIFIED].contains(&status);
    is_empty || status.is_informational()
}

/// Reads everything up to the empty line, without empty lines before the request.
fn read_head(reader: &mut impl BufRead) -> Result<Vec<u8>, ReadError> {
    // A TLS handshake may contain no line end: do not wait for one.
    let first = match reader.fill_buf() {
        Ok(bytes) => bytes.first().copied(),
        // Before a request began, a 408 would be taken for the response to the next one.
        Err(_) => return Err(ReadError::Closed),
    };
    if first.is_some_and(|byte| !byte.is_ascii_graphic() && !b"\r\n".contains(&byte)) {
        return Err(ReadError::Rejected(StatusCode::BAD_REQUEST));
    }
    let mut head = Vec::new();
    loop {
        let line = read_line(reader, MAX_HEAD - head.len())?;
        match (line.is_empty(), head.is_empty()) {
            (true, true) => {}
            (true, false) => return Ok(head),
            (false, _) => head.extend([line, b"\n".to_vec()].concat()),
        }
        if head.len() >= MAX_HEAD {
            return Err(ReadError::Rejected(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE));
        }
    }
}

/// Reads a line of at most `max` bytes, without its end.
fn read_line(reader: &mut impl BufRead, max: usize) -> Result<Vec<u8>, ReadError> {
    let mut line = Vec::new();
    reader.take(max as u64).read_until(b'\n', &mut line)?;
    match line.pop() {
        Some(b'\n') => {
            line.pop_if(|last| *last == b'\r');
            Ok(line)
        }
        last if line.len() + usize::from(last.is_some()) == max => {
            Err(ReadError::Rejected(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE))
        }
        _ => Err(ReadError::Closed),
    }
}

fn parse_head(head: &[u8]) -> Result<Request<()>, StatusCode> {
    let mut lines = head.strip_suffix(b"\n").unwrap_or(head).split(|byte| *byte == b'\n');
    let mut request = parse_request_line(lines.next().unwrap_or_default())?;
    for (count, line) in lines.enumerate() {
        let (name, value) = parse_header(line).ok_or(StatusCode::BAD_REQUEST)?;
        if count >= MAX_HEADERS {
            return Err(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
        }
        request.headers_mut().append(name, value);
    }
    Ok(request)
}

fn parse_request_line(line: &[u8]) -> Result<Request<()>, StatusCode> {
    let line = std::str::from_utf8(line).map_err(|_| StatusCode::BAD_REQUEST)?;
    let parts: Vec<&str> = line.split(' ').collect();
    let [method, target, version] = parts[..] else {
        return Err(StatusCode::BAD_REQUEST);
    };
    let version = match version {
        "HTTP/1.1" => Version::HTTP_11,
        "HTTP/1.0" => Version::HTTP_10,
        other if other.starts_with("HTTP/") => return Err(StatusCode::HTTP_VERSION_NOT_SUPPORTED),
        _ => return Err(StatusCode::BAD_REQUEST),
    };
    let request = Request::builder().method(method).uri(target).version(version);
    request.body(()).map_err(|_| StatusCode::BAD_REQUEST)
}

fn parse_header(line: &[u8]) -> Option<(HeaderName, HeaderValue)> {
    let colon = line.iter().position(|byte| *byte == b':')?;
    // A name with a blank before the colon, or at the start of the line, is not a valid name.
    let name = HeaderName::from_bytes(&line[..colon]).ok()?;
    let mut value = &line[colon + 1..];
    // Blanks and tabs only: the other white space of `trim_ascii` is not allowed here.
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    Some((name, HeaderValue::from_bytes(value).ok()?))
}

/// Returns the length of the body; `None` if it is in chunks.
fn body_length(head: &Request<()>) -> Result<Option<usize>, StatusCode> {
    let all = |name| head.headers().get_all(name).iter().map(HeaderValue::as_bytes).collect();
    let (codings, lengths): (Vec<&[u8]>, Vec<&[u8]>) =
        (all(TRANSFER_ENCODING), all(CONTENT_LENGTH));
    match (&codings[..], &lengths[..]) {
        ([], []) => Ok(Some(0)),
        ([], [first, rest @ ..]) if rest.iter().all(|it| it == first) => {
            parse_length(first, 10).map(Some)
        }
        // HTTP/1.0 has no transfer codings. Two lengths and two codings show that something is wrong with the request.
        ([coding], []) if head.version() != Version::HTTP_10 => {
            match coding.eq_ignore_ascii_case(b"chunked") {
                true => Ok(None),
                false => Err(StatusCode::NOT_IMPLEMENTED),
            }
        }
        _ => Err(StatusCode::BAD_REQUEST),
    }
}

fn parse_length(digits: &[u8], radix: u32) -> Result<usize, StatusCode> {
    let is_number = !digits.is_empty() && digits.iter().all(|it| char::from(*it).is_digit(radix));
    let text = str::from_utf8(digits).unwrap_or_default();
    match usize::from_str_radix(text, radix) {
        _ if !is_number => Err(StatusCode::BAD_REQUEST),
        Ok(length @ 0..=MAX_BODY) => Ok(length),
        _ => Err(StatusCode::PAYLOAD_TOO_LARGE),
    }
}

fn read_exactly(reader: &mut impl BufRead, length: usize) -> Result<Vec<u8>, ReadError> {
    let mut body = Vec::new();
    reader.take(length as u64).read_to_end(&mut body)?;
    (body.len() == length).then_some(body).ok_or(ReadError::Closed)
}

fn read_chunks(reader: &mut impl BufRead) -> Result<Vec<u8>, ReadError> {
    let mut body = Vec::new();
    loop {
        let line = read_line(reader, MAX_HEAD)?;
        let size = line.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
        let size = parse_length(size, 16).map_err(ReadError::Rejected)?;
        if body.len() + size > MAX_BODY {
            return Err(ReadError::Rejected(StatusCode::PAYLOAD_TOO_LARGE));
        }
        if size == 0 {
            break;
        }
        body.extend(read_exactly(reader, size)?);
        if !read_line(reader, MAX_HEAD)?.is_empty() {
            return Err(ReadError::Rejected(StatusCode::BAD_REQUEST));
        }
    }
    // Trailers are read and ignored.
    let mut left = MAX_HEAD;
    loop {
        let line = read_line(reader, left)?;
        if line.is_empty() {
            return Ok(body);
        }
        left = left.saturating_sub(line.len() + 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: impl AsRef<[u8]>) -> Result<Request<Vec<u8>>, ReadError> {
        read_request(&mut bytes.as_ref(), &mut io::sink())
    }

    fn rejected(bytes: impl AsRef<[u8]>) -> u16 {
        match read(bytes) {
            Err(ReadError::Rejected(status)) => status.as_u16(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_request_is_read_with_a_length_in_chunks_or_without_a_body() {
        for (request, body) in [
            ("POST /x HTTP/1.1\r\nContent-Length: 4\r\n\r\nbodyrest", "body"),
            ("POST /x HTTP/1.1\nContent-Length:4\n\nbody", "body"),
            ("\r\nPOST /x HTTP/1.1\r\nContent-Length: 4\r\nContent-Length: 4\r\n\r\nbody", "body"),
            (
                "POST /x HTTP/1.1\r\nTransfer-Encoding: Chunked\r\n\r\n2;a=b\r\nbo\r\n02\r\ndy\r\n0\r\nx: y\r\n\r\n",
                "body",
            ),
            ("POST /x HTTP/1.1\r\n\r\nrest", ""),
            ("POST /x HTTP/1.1\r\nContent-Length: \t 4 \t\r\n\r\nbody", "body"),
        ] {
            let read = read(request).unwrap();
            assert_eq!((read.uri().path(), read.body().as_slice()), ("/x", body.as_bytes()));
        }
    }

    #[test]
    fn a_malformed_request_is_rejected_with_a_status() {
        for (status, request) in [
            (400, "nonsense\r\n\r\n".to_owned()),
            (400, "GET / HTTP/1.1 extra\r\n\r\n".to_owned()),
            (400, "GET /\u{7f} HTTP/1.1\r\n\r\n".to_owned()),
            (400, "GET / HTTP/1.1\r\nno colon\r\n\r\n".to_owned()),
            (400, "GET / HTTP/1.1\r\nname : value\r\n\r\n".to_owned()),
            (400, "GET / HTTP/1.1\r\na: b\r\n folded\r\n\r\n".to_owned()),
            (400, "GET / HTTP/1.1\r\na: b\rc\r\n\r\n".to_owned()),
            (400, "GET / HTTP/1.1\r\na: b\r\r\n\r\n".to_owned()),
            (400, "GET / HTTP/1.1\r\na: b\x0c\r\n\r\n".to_owned()),
            (400, "GET / HTTP/1.1\r\ntransfer-encoding: chunked\r\ntransfer-encoding: gzip\r\n\r\n0\r\n\r\n".to_owned()),
            (400, "GET / HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n".to_owned()),
            (400, "GET / HTTP/1.1\r\ncontent-length: many\r\n\r\n".to_owned()),
            (400, "GET / HTTP/1.1\r\ncontent-length: +4\r\n\r\n".to_owned()),
            (400, "GET / HTTP/1.1\r\ncontent-length: 4\r\ncontent-length: 5\r\n\r\n".to_owned()),
            (
                400,
                "GET / HTTP/1.1\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n"
                    .to_owned(),
            ),
            (400, "GET / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n-1\r\n".to_owned()),
            (400, "GET / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n1\r\nab\r\n".to_owned()),
            (413, "GET / HTTP/1.1\r\ncontent-length: 99999999999999999999\r\n\r\n".to_owned()),
            (413, "GET / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nffffffff\r\n".to_owned()),
            (431, format!("GET / HTTP/1.1\r\na: {}\r\n\r\n", "x".repeat(MAX_HEAD))),
            (431, format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(MAX_HEADERS + 1))),
            (431, format!("GET / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n{}\r\n", "a: b\r\n".repeat(MAX_HEAD))),
            (501, "GET / HTTP/1.1\r\ntransfer-encoding: gzip, chunked\r\n\r\n".to_owned()),
            (505, "GET / HTTP/2.0\r\n\r\n".to_owned()),
        ] {
            assert_eq!(rejected(&request), status, "{request}");
        }
        assert_eq!(rejected(b"\x16\x03\x01 \xff"), 400);
    }

    #[test]
    fn a_request_that_ends_early_is_no_request() {
        let request = b"POST /x HTTP/1.1\r\nContent-Length: 4\r\n\r\nbody";
        for length in 0..request.len() {
            assert!(matches!(read(&request[..length]), Err(ReadError::Closed)), "{length}");
        }
    }

    #[test]
    fn a_client_that_falls_silent_gets_a_408_only_if_it_has_begun_a_request() {
        /// Falls silent after these bytes.
        struct Silent<'a>(&'a [u8]);
        impl Read for Silent<'_> {
            fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
                match self.0.read(into)? {
                    0 => Err(ErrorKind::WouldBlock.into()),
                    count => Ok(count),
                }
            }
        }
        let read = |bytes| read_request(&mut io::BufReader::new(Silent(bytes)), &mut io::sink());
        assert!(matches!(read(b""), Err(ReadError::Closed)));
        for begun in
            ["GET", "GET / HTTP/1.1\r\na: b\r\n", "GET / HTTP/1.1\r\ncontent-length: 2\r\n\r\na"]
        {
            let outcome = read(begun.as_bytes());
            assert!(
                matches!(outcome, Err(ReadError::Rejected(StatusCode::REQUEST_TIMEOUT))),
                "{begun}: {outcome:?}"
            );
        }
    }

    #[test]
    fn only_a_request_of_http_1_1_with_a_body_is_told_to_continue() {
        for (head, is_told) in [
            ("POST / HTTP/1.1\r\nexpect: 100-Continue\r\ncontent-length: 1", true),
            ("POST / HTTP/1.1\r\nexpect: 100-continue\r\ntransfer-encoding: chunked", true),
            ("POST / HTTP/1.1\r\nexpect: 100-continue\r\ncontent-length: 0", false),
            ("GET / HTTP/1.1\r\nexpect: 100-continue", false),
            ("POST / HTTP/1.0\r\nexpect: 100-continue\r\ncontent-length: 1", false),
            ("POST / HTTP/1.1\r\ncontent-length: 1", false),
        ] {
            let mut interim = Vec::new();
            drop(read_request(&mut format!("{head}\r\n\r\n").as_bytes(), &mut interim));
            assert_eq!(!interim.is_empty(), is_told, "{head}");
        }
    }

    #[test]
    fn no_bytes_cause_a_panic() {
        let mut random = fastrand::Rng::with_seed(5);
        let pieces = [
            "GET ",
            "/ ",
            "HTTP/1.1",
            "\r\n",
            "\n",
            ":",
            "content-length: 5",
            "f",
            "\0",
            "é",
            " ",
            "transfer-encoding: chunked",
            "0",
            "expect: 100-continue",
            "9",
        ];
        for _ in 0..20_000 {
            let count = random.usize(..16);
            let bytes = (0..count).map(|_| pieces[random.usize(..pieces.len())]);
            drop(read(bytes.collect::<String>()));
        }
    }

    #[test]
    fn the_connection_header_decides_what_happens_to_the_connection() {
        let is_kept = |head: &str| is_kept_alive(&read(format!("{head}\r\n\r\n")).unwrap());
        assert!(is_kept("GET / HTTP/1.1"));
        assert!(!is_kept("GET / HTTP/1.1\r\nconnection: TE, Close"));
        assert!(!is_kept("GET / HTTP/1.0"));
        assert!(is_kept("GET / HTTP/1.0\r\nconnection: Keep-Alive"));
    }
}
