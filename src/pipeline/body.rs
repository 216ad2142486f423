//! Reads the body of a response, up to a limit, decompressed.

use std::io::{self, Read};

use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH};

/// Why there is no body.
#[derive(Debug)]
pub(crate) enum Failure {
    TooLarge,
    Lost(io::Error),
}

/// Reads a whole body of at most `limit` bytes before and after decompression. After a failure, `received` is what was
/// received of it, as far as that can be read.
///
/// If it was compressed, the headers that described it are removed.
pub(crate) fn receive(
    mut body: impl Read,
    headers: &mut HeaderMap,
    limit: u64,
    received: &mut Vec<u8>,
) -> Result<(), Failure> {
    receive_as_long_as_stated(&mut body, headers, limit, received)?;
    // A body may be longer than its stated length, and a small one becomes larger by compression.
    read_up_to(&mut body, received, limit.saturating_add(MOST_OVERHEAD))?;
    let codings = codings(headers, received)?;
    if codings.is_empty() && received.len() as u64 > limit {
        return Err(Failure::TooLarge);
    }
    // The last one was applied last. An empty body is in no coding, whatever some servers state with a 204.
    for coding in codings.iter().rev() {
        if !received.is_empty() {
            let mut whole = Vec::new();
            let outcome = decode(received, coding, limit, &mut whole);
            // A page of a proxy may be marked as compressed and be plain.
            if outcome.is_ok() || !whole.is_empty() || received.starts_with(&GZIP_MAGIC) {
                *received = whole;
            }
            outcome?;
        }
    }
    if !codings.is_empty() {
        headers.remove(CONTENT_ENCODING);
        headers.remove(CONTENT_LENGTH);
    }
    Ok(())
}

/// Reads as much of a body as its length is stated to be, without growing the buffer step by step.
fn receive_as_long_as_stated(
    body: &mut impl Read,
    headers: &HeaderMap,
    limit: u64,
    received: &mut Vec<u8>,
) -> Result<(), Failure> {
    let stated = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    // A length that is stated costs a server nothing.
    let length = stated.unwrap_or(0).min(limit).min(MOST_AT_ONCE);
    received.resize(length as usize, 0);
    let (mut filled, mut outcome) = (0, Ok(()));
    while filled < received.len() && outcome.is_ok() {
        match body.read(&mut received[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => outcome = Err(Failure::Lost(error)),
        }
    }
    received.truncate(filled);
    outcome
}

/// The most memory that is reserved for a body before it is received.
const MOST_AT_ONCE: u64 = 1024 * 1024;

/// Appends all of `source`, and reads one byte more than the limit to know whether there is more.
fn read_up_to(source: &mut impl Read, whole: &mut Vec<u8>, limit: u64) -> Result<(), Failure> {
    let left = limit.saturating_sub(whole.len() as u64);
    source.take(left.saturating_add(1)).read_to_end(whole).map_err(Failure::Lost)?;
    if whole.len() as u64 > limit { Err(Failure::TooLarge) } else { Ok(()) }
}

/// The codings of a body, in lower case and in the order in which they were applied.
fn codings(headers: &HeaderMap, body: &[u8]) -> Result<Vec<String>, Failure> {
    let values = headers.get_all(CONTENT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    let named: Vec<String> = values
        .flat_map(|value| value.split(','))
        .map(name)
        .filter(|name| is_coding(name))
        .collect();
    // As a transfer coding, or by a server that forgot to name it. Neither JSON nor text begins like this.
    match named.len() {
        0 if body.starts_with(&GZIP_MAGIC) => Ok(vec!["gzip".to_owned()]),
        0..=MOST_CODINGS => Ok(named),
        layers => Err(layered(layers)),
    }
}

/// The name of a coding, without the quotation marks and parameters that some servers add: `"gzip"`, `gzip;q=1`
fn name(coding: &str) -> String {
    let bare = coding.split(';').next().unwrap_or_default();
    bare.trim_matches([' ', '\t', '"', '\'']).to_ascii_lowercase()
}

/// Servers state charsets and the encodings of e-mail here too, which change nothing.
fn is_coding(name: &str) -> bool {
    let is_charset = ["utf-", "utf8", "iso-", "us-ascii", "windows-"];
    let is_none = ["", "identity", "none", "null", "binary", "8bit", "7bit", "plain"];
    !is_none.contains(&name) && !is_charset.iter().any(|start| name.starts_with(start))
}

/// No server compresses a body more often, and undoing each coding may take as long as the largest body.
const MOST_CODINGS: usize = 3;

fn layered(codings: usize) -> Failure {
    let what = format!(
        "it is compressed {codings} times, and at most {MOST_CODINGS} are undone: find out what compresses it between here and \
         the service"
    );
    Failure::Lost(io::Error::new(io::ErrorKind::Unsupported, what))
}

/// How much longer than its content a compressed body may be, padding included, in bytes.
const MOST_OVERHEAD: u64 = 64 * 1024;

const GZIP_MAGIC: [u8; 3] = [0x1f, 0x8b, 8];

#[cfg(feature = "gzip")]
fn decode(body: &[u8], coding: &str, limit: u64, whole: &mut Vec<u8>) -> Result<(), Failure> {
    match coding {
        "gzip" | "x-gzip" => gunzip(body, limit, whole),
        "deflate" => inflate(body, limit, whole),
        _ => Err(unknown(coding)),
    }
}

#[cfg(not(feature = "gzip"))]
fn decode(_: &[u8], coding: &str, _: u64, _: &mut Vec<u8>) -> Result<(), Failure> {
    Err(unknown(coding))
}

fn unknown(coding: &str) -> Failure {
    let name: String = coding.chars().take(20).collect();
    let what = format!("it is in the coding {name:?}, which was not requested");
    Failure::Lost(io::Error::new(io::ErrorKind::Unsupported, what))
}

/// Decompresses the members of a gzip file (RFC 1952, 2.2), and ignores what is not one behind the first.
#[cfg(feature = "gzip")]
fn gunzip(mut body: &[u8], limit: u64, whole: &mut Vec<u8>) -> Result<(), Failure> {
    let begins_member = |bytes: &[u8]| bytes.iter().zip(GZIP_MAGIC).take(2).all(|(a, b)| *a == b);
    let mut is_first = true;
    while !body.is_empty() && (is_first || begins_member(body)) {
        is_first = false;
        let mut member = flate2::bufread::GzDecoder::new(&mut body);
        read_up_to(&mut member, whole, limit).map_err(|failure| broken(failure, "gzip"))?;
    }
    Ok(())
}

/// Decompresses a zlib stream, or a raw one, which some servers send under the same name.
#[cfg(feature = "gzip")]
fn inflate(body: &[u8], limit: u64, whole: &mut Vec<u8>) -> Result<(), Failure> {
    let is_zlib = matches!(body, [first, second, ..]
        if first & 0x0f == 8 && u16::from_be_bytes([*first, *second]) % 31 == 0);
    let outcome = match is_zlib {
        true => read_up_to(&mut flate2::bufread::ZlibDecoder::new(body), whole, limit),
        false => read_up_to(&mut flate2::bufread::DeflateDecoder::new(body), whole, limit),
    };
    outcome.map_err(|failure| broken(failure, "deflate"))
}

/// flate2's messages, such as "corrupt deflate stream", do not name the coding.
#[cfg(feature = "gzip")]
fn broken(failure: Failure, coding: &str) -> Failure {
    let Failure::Lost(error) = failure else {
        return failure;
    };
    let what = format!("the {coding} body is damaged or incomplete: {error}");
    // The end of the body is not that of the connection.
    Failure::Lost(io::Error::new(io::ErrorKind::InvalidData, what))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: impl Read, headers: &mut HeaderMap, limit: u64) -> Result<Vec<u8>, Failure> {
        let mut received = Vec::new();
        receive(body, headers, limit, &mut received).map(|()| received)
    }

    #[test]
    fn a_body_is_read_up_to_the_limit() {
        let headers = &mut HeaderMap::new();
        assert_eq!(read(&b"12345"[..], headers, 5).ok(), Some(b"12345".to_vec()));
        assert!(matches!(read(&b"123456"[..], headers, 5), Err(Failure::TooLarge)));
        assert!(matches!(read(io::repeat(b' '), headers, 5), Err(Failure::TooLarge)));
        assert_eq!(read(&b"1"[..], headers, u64::MAX).ok(), Some(b"1".to_vec()));
    }

    /// Sends so many bytes with each call.
    struct Slow<'a>(&'a [u8], usize);

    impl Read for Slow<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let (now, rest) = self.0.split_at(self.1.min(self.0.len()).min(buffer.len()));
            buffer[..now.len()].copy_from_slice(now);
            self.0 = rest;
            Ok(now.len())
        }
    }

    #[test]
    fn a_body_is_read_to_its_end_whatever_length_is_stated() {
        for stated in ["5", "0", "3", "99", "18446744073709551615", "-1", "x", ""] {
            let headers = &mut HeaderMap::new();
            headers.insert(CONTENT_LENGTH, http::HeaderValue::from_static(stated));
            for step in 1..7 {
                let body = read(Slow(b"12345", step), headers, 5).ok();
                assert_eq!(body, Some(b"12345".to_vec()), "{stated} {step}");
                assert!(matches!(read(Slow(b"123456", step), headers, 5), Err(Failure::TooLarge)));
            }
        }
    }

    /// Fails after its content.
    struct Broken<'a>(&'a [u8]);

    impl Read for Broken<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            match self.0.is_empty() {
                true => Err(io::ErrorKind::ConnectionReset.into()),
                false => self.0.read(buffer),
            }
        }
    }

    #[test]
    fn what_was_received_of_a_body_is_kept_when_it_breaks_off() {
        for stated in ["99", "2", "0"] {
            let headers = &mut HeaderMap::new();
            headers.insert(CONTENT_LENGTH, http::HeaderValue::from_static(stated));
            let mut received = Vec::new();
            let outcome = receive(Broken(b"12345"), headers, 9, &mut received);
            assert!(matches!(outcome, Err(Failure::Lost(_))), "{stated}");
            assert_eq!(received, b"12345", "{stated}");
        }
    }

    #[test]
    fn what_is_no_coding_changes_nothing() {
        for stated in
            ["utf-8", "UTF8", "none", "binary", "8bit", "iso-8859-1", "identity;q=1", "\"\""]
        {
            let headers = &mut HeaderMap::new();
            headers.insert(CONTENT_ENCODING, http::HeaderValue::from_static(stated));
            assert_eq!(read(&b"{}"[..], headers, 9).ok(), Some(b"{}".to_vec()), "{stated}");
        }
    }

    #[cfg(feature = "gzip")]
    mod gzip {
        use std::io::Write;

        use super::*;

        fn gzipped(body: &[u8]) -> Vec<u8> {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), Default::default());
            assert!(encoder.write_all(body).is_ok());
            encoder.finish().unwrap_or_default()
        }

        fn marked(values: &[&'static str]) -> HeaderMap {
            let values = values.iter().map(|value| http::HeaderValue::from_static(value));
            values.map(|value| (CONTENT_ENCODING, value)).collect()
        }

        fn read_as(codings: &[&'static str], body: &[u8]) -> Result<Vec<u8>, String> {
            read(body, &mut marked(codings), 1000).map_err(|failure| format!("{failure:?}"))
        }

        #[test]
        fn gzip_is_recognized_under_every_name() {
            let body = gzipped(b"hello");
            for codings in [
                &["gzip"][..],
                &["GZIP"],
                &["Gzip"],
                &["x-gzip"],
                &["X-GZip"],
                &["gzip, identity"],
                &["identity,gzip"],
                &[" gzip ,"],
                &["identity", "gzip"],
                &["gzip", ""],
                &["gzip;q=1"],
                &["\"gzip\""],
                &["utf-8, gzip"],
            ] {
                assert_eq!(read_as(codings, &body), Ok(b"hello".to_vec()), "{codings:?}");
            }
            // It is not named, and begins like no other body.
            for codings in [&["identity"][..], &["none"], &[""], &[]] {
                assert_eq!(read_as(codings, &body), Ok(b"hello".to_vec()), "{codings:?}");
            }
        }

        #[test]
        fn another_coding_than_was_requested_is_an_error_that_names_it() {
            for (codings, name) in
                [(&["br"][..], "br"), (&["gzip, zstd"], "zstd"), (&["GZIPPED"], "gzipped")]
            {
                let failure = read_as(codings, b"x").expect_err("an unknown coding");
                assert!(failure.contains("Unsupported") && failure.contains(name), "{failure}");
                assert_eq!(read_as(codings, b""), Ok(Vec::new()));
            }
        }

        #[test]
        fn deflate_is_read_with_the_header_of_zlib_and_without() {
            let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), Default::default());
            let mut raw = flate2::write::DeflateEncoder::new(Vec::new(), Default::default());
            assert!(zlib.write_all(b"hello").is_ok() && raw.write_all(b"hello").is_ok());
            let zlib = zlib.finish().unwrap_or_default();
            for body in [&zlib, &raw.finish().unwrap_or_default()] {
                assert_eq!(read_as(&["Deflate"], body), Ok(b"hello".to_vec()));
            }
            let failure = read_as(&["deflate"], &zlib[..4]).expect_err("a damaged body");
            assert!(failure.contains("the deflate body is damaged"), "{failure}");
        }

        #[test]
        fn several_codings_are_undone_in_turn() {
            let twice = gzipped(&gzipped(b"hello"));
            for codings in [&["gzip, gzip"][..], &["gzip", "x-gzip"]] {
                assert_eq!(read_as(codings, &twice), Ok(b"hello".to_vec()));
            }
        }

        #[test]
        fn a_body_in_too_many_codings_is_an_error_before_any_is_undone() {
            let mut body = b"hello".to_vec();
            for layers in 1..8 {
                body = gzipped(&body);
                let outcome = read_as(&vec!["gzip"; layers], &body);
                match layers {
                    1..=3 => assert_eq!(outcome, Ok(b"hello".to_vec())),
                    _ => {
                        let failure = outcome.expect_err("too many codings");
                        let expected = format!("it is compressed {layers} times, and at most 3");
                        assert!(
                            failure.contains("Unsupported") && failure.contains(&expected),
                            "{failure}"
                        );
                    }
                }
            }
        }

        #[test]
        fn the_headers_of_a_decompressed_body_go() {
            let mut headers = marked(&["gzip"]);
            headers.insert(CONTENT_LENGTH, 25.into());
            assert!(read(&gzipped(b"x")[..], &mut headers, 9).is_ok());
            assert!(headers.is_empty(), "{headers:?}");
        }

        #[test]
        fn an_empty_body_marked_gzip_is_empty() {
            assert_eq!(read_as(&["gzip"], b""), Ok(Vec::new()));
            assert_eq!(read_as(&["gzip"], &gzipped(b"")), Ok(Vec::new()));
        }

        #[test]
        fn padding_behind_the_member_is_ignored() {
            for padding in [&[0; 512][..], b"\r\n", &[0x1f, 0], b"garbage"] {
                let body = [&gzipped(b"hello"), padding].concat();
                assert_eq!(read_as(&["gzip"], &body), Ok(b"hello".to_vec()), "{padding:?}");
                let body = [&gzipped(b""), padding].concat();
                assert_eq!(read_as(&["gzip"], &body), Ok(Vec::new()), "{padding:?}");
            }
        }

        #[test]
        fn several_members_are_one_body() {
            let body = [gzipped(b"hel"), gzipped(b""), gzipped(b"lo"), vec![0; 3]].concat();
            assert_eq!(read_as(&["gzip"], &body), Ok(b"hello".to_vec()));
        }

        #[test]
        fn the_limit_counts_decompressed_bytes_of_all_members() {
            let half = gzipped(&[b' '; 501]);
            assert!(read_as(&["gzip"], &half).is_ok());
            let failure = read_as(&["gzip"], &[&half[..], &half].concat());
            assert_eq!(failure, Err("TooLarge".to_owned()));
        }

        #[test]
        fn what_can_be_read_of_a_damaged_body_is_kept() {
            let text = "nothing repeats ".repeat(2000);
            let whole = gzipped(text.as_bytes());
            for (codings, body, expected) in [
                (&["gzip"][..], &b"<h1>Bad Gateway</h1>"[..], &b"<h1>Bad Gateway</h1>"[..]),
                (&["br"], b"<h1>Bad Gateway</h1>", b"<h1>Bad Gateway</h1>"),
                (&["gzip"], &whole[..whole.len() - 1], text.as_bytes()),
                (&["gzip"], &whole[..5], b""),
            ] {
                let mut received = Vec::new();
                receive(body, &mut marked(codings), 1 << 20, &mut received).unwrap_err();
                assert_eq!(received, expected, "{codings:?}");
            }
        }

        #[test]
        fn a_damaged_body_is_an_error_that_names_gzip() {
            let whole = gzipped(b"hello, hello, hello");
            let mut wrong_sum = whole.clone();
            let at = wrong_sum.len() - 8;
            wrong_sum[at] ^= 1;
            let cut = &whole[..whole.len() / 2];
            let second_cut = [&whole[..], cut].concat();
            for body in [cut, b"{}", b"\x1f\x8b", &wrong_sum, &second_cut, &whole[..1]] {
                let failure = read_as(&["gzip"], body).expect_err("a damaged body");
                assert!(failure.contains("the gzip body is damaged"), "{failure}");
            }
        }
    }
}
