//! What an answer says about the rate limit.

use std::time::Duration;

use http::{HeaderMap, StatusCode};

use super::retry_after::retry_after;

/// What an answer says about the rate limit, as its status and headers tell it.
///
/// Heylo documents all these headers, Heylerts `Retry-After` alone; servers like theirs send the others too.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use heysync::http::{HeaderMap, StatusCode};
/// use heysync::limiter::RateLimitHeaders;
///
/// let mut headers = HeaderMap::new();
/// headers.insert("retry-after", "30".parse()?);
/// headers.insert("x-ratelimit-remaining", "none".parse()?);
///
/// let remark = RateLimitHeaders::read(StatusCode::TOO_MANY_REQUESTS, &headers);
/// assert!(remark.refused);
/// assert_eq!(remark.retry_after, Some(Duration::from_secs(30)));
/// assert_eq!(remark.remaining, None);
/// # Ok::<(), heysync::http::header::InvalidHeaderValue>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RateLimitHeaders {
    /// It is a 429: the server refused the request for its rate.
    pub refused: bool,
    /// How long the server asked to wait, by `Retry-After` on a 429 or a 503: a day at most, and never zero.
    /// Nothing where it did not say, or said nothing that makes sense.
    pub retry_after: Option<Duration>,
    /// In what period `limit` and `remaining` count; nothing where that is the period of the rate in force.
    pub period: Option<Duration>,
    /// `X-RateLimit-Limit`: how many requests the server allows in a period.
    pub limit: Option<u32>,
    /// `X-RateLimit-Remaining`: how many of them were left when the server counted this one.
    pub remaining: Option<u32>,
}

impl RateLimitHeaders {
    /// Reads an answer's status and headers. What makes no sense there is left out.
    ///
    /// No header tells the period in which they count, so [`period`](RateLimitHeaders::period) is left open.
    pub fn read(status: StatusCode, headers: &HeaderMap) -> RateLimitHeaders {
        let limit = number(headers, "x-ratelimit-limit");
        let remaining = number(headers, "x-ratelimit-remaining");
        // A limit of nothing, and more left than there is, are no budget of ours.
        let sound = limit.is_none_or(|limit| limit > 0 && remaining.is_none_or(|it| it <= limit));
        RateLimitHeaders {
            refused: status == StatusCode::TOO_MANY_REQUESTS,
            retry_after: retry_after(status, headers),
            period: None,
            limit: limit.filter(|_| sound),
            remaining: remaining.filter(|_| sound),
        }
    }
}

/// Digits and nothing else; a number too large to hold is as good as no limit. Where the header is there more
/// than once, for several limits perhaps, it has to say the same each time.
fn number(headers: &HeaderMap, name: &str) -> Option<u32> {
    let mut values = headers.get_all(name).iter();
    let first = values.next()?;
    let text = values.all(|it| it == first).then(|| first.to_str().ok())??.trim();
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.insert(*name, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn an_answer_tells_what_is_left_of_the_limit() {
        let headers = headers(&[("x-ratelimit-limit", "5"), ("x-ratelimit-remaining", " 0 ")]);
        let remark = RateLimitHeaders::read(StatusCode::OK, &headers);
        assert_eq!((remark.limit, remark.remaining, remark.refused), (Some(5), Some(0), false));
    }

    #[test]
    fn garbage_in_the_headers_says_nothing() {
        for value in [
            "",
            "-1",
            "+3",
            "4.5",
            "1e2",
            "0x5",
            "five",
            "5, 5;w=1",
            "99999999999999999999",
            "5\u{e9}",
        ] {
            let headers =
                headers(&[("x-ratelimit-limit", value), ("x-ratelimit-remaining", value)]);
            assert_eq!(
                RateLimitHeaders::read(StatusCode::OK, &headers),
                RateLimitHeaders::default(),
                "{value:?}"
            );
        }
        let zero = headers(&[("x-ratelimit-limit", "0")]);
        assert_eq!(RateLimitHeaders::read(StatusCode::OK, &zero).limit, None);
    }

    #[test]
    fn more_left_than_there_is_says_nothing() {
        let headers = headers(&[("x-ratelimit-limit", "5"), ("x-ratelimit-remaining", "6")]);
        assert_eq!(RateLimitHeaders::read(StatusCode::OK, &headers), RateLimitHeaders::default());
    }

    #[test]
    fn a_header_that_contradicts_itself_says_nothing() {
        for (second, expected) in [("5", Some(5)), ("100", None), ("", None)] {
            let mut headers = headers(&[("x-ratelimit-limit", "5")]);
            headers.append("x-ratelimit-limit", second.parse().unwrap());
            assert_eq!(RateLimitHeaders::read(StatusCode::OK, &headers).limit, expected);
        }
    }

    #[test]
    fn retry_after_is_heeded_on_a_429_only_where_it_makes_sense() {
        let headers = headers(&[("retry-after", "7")]);
        let remark = RateLimitHeaders::read(StatusCode::TOO_MANY_REQUESTS, &headers);
        assert_eq!((remark.refused, remark.retry_after), (true, Some(Duration::from_secs(7))));
        assert_eq!(RateLimitHeaders::read(StatusCode::OK, &headers), RateLimitHeaders::default());
    }
}
