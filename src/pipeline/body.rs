//! Reads the body of a response, up to a limit, decompressed.

use std::io::{self, Read};

use http::HeaderMap;
#[cfg(feature = "gzip")]
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH};

/// Why there is no body.
#[derive(Debug)]
pub(crate) enum Failure {
    TooLarge,
    Lost(io::Error),
}

/// Reads a whole body of at most `limit` bytes after decompression.
///
/// If it was compressed, the headers that described it go.
pub(crate) fn read(
    mut body: impl Read,
    headers: &mut HeaderMap,
    limit: u64,
) -> Result<Vec<u8>, Failure> {
    #[cfg(feature = "gzip")]
    if is_gzip(headers) {
        headers.remove(CONTENT_ENCODING);
        headers.remove(CONTENT_LENGTH);
        return gunzip(body, limit);
    }
    let _ = headers;
    let mut whole = Vec::new();
    read_up_to(&mut body, &mut whole, limit)?;
    Ok(whole)
}

/// Appends all of `source`, and reads one byte more than the limit to know whether there is more.
fn read_up_to(source: &mut impl Read, whole: &mut Vec<u8>, limit: u64) -> Result<(), Failure> {
    let left = limit.saturating_sub(whole.len() as u64);
    source.take(left.saturating_add(1)).read_to_end(whole).map_err(Failure::Lost)?;
    if whole.len() as u64 > limit { Err(Failure::TooLarge) } else { Ok(()) }
}

/// Whether gzip is the only coding that is named: in any case, under its old name, or beside `identity`.
#[cfg(feature = "gzip")]
fn is_gzip(headers: &HeaderMap) -> bool {
    let values = headers.get_all(CONTENT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    let codings = values.flat_map(|value| value.split(',')).map(|coding| coding.trim());
    let mut named = codings.filter(|it| !it.is_empty() && !it.eq_ignore_ascii_case("identity"));
    let is_gzip = |it: &str| it.eq_ignore_ascii_case("gzip") || it.eq_ignore_ascii_case("x-gzip");
    named.next().is_some_and(is_gzip) && named.next().is_none()
}

/// Decompresses the members of a gzip file (RFC 1952, 2.2), and ignores what is not one behind the first.
#[cfg(feature = "gzip")]
fn gunzip(body: impl Read, limit: u64) -> Result<Vec<u8>, Failure> {
    use std::io::BufRead;

    let mut body = io::BufReader::new(body);
    let (mut whole, mut members) = (Vec::new(), 0);
    // An empty body is no gzip file, but it is what some servers send with a 204 or an empty 200.
    while !body.fill_buf().map_err(Failure::Lost)?.is_empty() {
        if members > 0 && !begins_member(body.buffer()) {
            // Read to its end, so that the connection can be used again.
            drop(io::copy(&mut body.take(MOST_PADDING), &mut io::sink()));
            break;
        }
        let mut member = flate2::bufread::GzDecoder::new(&mut body);
        match read_up_to(&mut member, &mut whole, limit) {
            Err(Failure::Lost(error)) => return Err(Failure::Lost(broken(error))),
            outcome => outcome?,
        }
        members += 1;
    }
    Ok(whole)
}

#[cfg(feature = "gzip")]
const MOST_PADDING: u64 = 64 * 1024;

#[cfg(feature = "gzip")]
fn begins_member(bytes: &[u8]) -> bool {
    const MAGIC: [u8; 2] = [0x1f, 0x8b];
    bytes.iter().zip(MAGIC).all(|(byte, magic)| *byte == magic)
}

/// flate2's messages, such as "corrupt deflate stream", do not name gzip.
#[cfg(feature = "gzip")]
fn broken(error: io::Error) -> io::Error {
    // ureq hands a timeout through the decompression like this.
    if error.get_ref().is_some_and(|inner| inner.is::<ureq::Error>()) {
        return error;
    }
    io::Error::new(error.kind(), format!("the gzip body is damaged or incomplete: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_read_up_to_the_limit() {
        let headers = &mut HeaderMap::new();
        assert_eq!(read(&b"12345"[..], headers, 5).ok(), Some(b"12345".to_vec()));
        assert!(matches!(read(&b"123456"[..], headers, 5), Err(Failure::TooLarge)));
        assert!(matches!(read(io::repeat(b' '), headers, 5), Err(Failure::TooLarge)));
        assert_eq!(read(&b"1"[..], headers, u64::MAX).ok(), Some(b"1".to_vec()));
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
            ] {
                assert_eq!(read_as(codings, &body), Ok(b"hello".to_vec()), "{codings:?}");
            }
            for codings in [&["identity"][..], &["br"], &[""], &["gzip, br"], &["gzipped"], &[]] {
                assert_eq!(read_as(codings, &body), Ok(body.clone()), "{codings:?}");
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
