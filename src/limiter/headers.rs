//! The rate limit according to a response: `Retry-After` and `X-RateLimit-*`.

use std::time::Duration;

use http::header::{DATE, RETRY_AFTER};
use http::{HeaderMap, HeaderName, StatusCode};
use jiff::Timestamp;
use jiff::fmt::{rfc2822, strtime};
use jiff::tz::TimeZone;

/// The rate limit according to a response's status and headers.
///
/// Heylo documents all these headers, Heylerts only `Retry-After`; servers like theirs send the others too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct RateLimitHeaders {
    /// Whether the status is 429: the server refused the request because of its rate.
    pub(crate) refused: bool,
    /// Whether it is a 2xx.
    pub(crate) success: bool,
    /// How long the server asks to wait, by `Retry-After` on a 429 or a 503; never zero. A wait of nothing, of less than 20 ms,
    /// or until a moment that is just over, was rounded down on a 429: it is a second.
    pub(crate) retry_after: Option<Duration>,
    /// The period in which `limit` and `remaining` count; `None` for the period of the rate in force.
    pub(crate) period: Option<Duration>,
    /// `X-RateLimit-Limit`: how many requests the server allows in a period.
    pub(crate) limit: Option<u32>,
    /// `X-RateLimit-Remaining`: how many of them were left when the server counted this request.
    pub(crate) remaining: Option<u32>,
    /// `X-RateLimit-Reset` and its relatives: how long what others spent counts at most.
    pub(crate) reset: Option<Duration>,
}

impl RateLimitHeaders {
    /// Reads a response's status and headers, and leaves out values that make no sense.
    ///
    /// The numbers count only on a 2xx or a 429: other responses may come from a proxy, or from a part of the
    /// server that does not know the limit.
    pub(crate) fn read(status: StatusCode, headers: &HeaderMap) -> RateLimitHeaders {
        let refused = status == StatusCode::TOO_MANY_REQUESTS;
        let counts = |_: &u32| refused || status.is_success();
        let limit = number(headers, &LIMIT).filter(counts);
        let remaining = number(headers, &REMAINING).filter(counts);
        // A limit of nothing, and more left than there is, are no budget of ours.
        let sound = limit.is_none_or(|limit| limit > 0 && remaining.is_none_or(|it| it <= limit));
        RateLimitHeaders {
            refused,
            success: status.is_success(),
            retry_after: match refused {
                true => refusal_wait(headers),
                false => retry_after(status, headers),
            },
            period: None,
            limit: limit.filter(|_| sound),
            remaining: remaining.filter(|_| sound),
            // These two show whether others spent something; without them, no look for five more headers.
            reset: if refused || remaining.is_some() { reset(headers) } else { None },
        }
    }
}

const LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");

/// Reads a header of digits only. A number that is too large is as good as no limit. If the header occurs more than
/// once, perhaps for several limits, its values must agree.
fn number(headers: &HeaderMap, name: &HeaderName) -> Option<u32> {
    let mut values = headers.get_all(name).iter();
    let first = values.next()?;
    let text = values.all(|it| it == first).then(|| first.to_str().ok())??.trim();
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

const SECOND: Duration = Duration::from_secs(1);

/// A longer pause is a mistake: a point in time instead of seconds, or a broken clock.
const LONGEST: Duration = Duration::from_secs(366 * 86_400);

/// The two older ways to write a date that RFC 9110 (5.6.7) wants understood.
const OLDER_DATES: [&str; 2] = ["%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"];

/// Returns how long the service asks to wait, on a 429 or a 503: elsewhere the header means nothing.
///
/// It is in seconds, in fractions of them, or a date, which is compared with the response's own `Date`. `None` if it
/// is absent, zero, over already, longer than a year, or unreadable. Of several, which proxies add, the longest holds.
pub(crate) fn retry_after(status: StatusCode, headers: &HeaderMap) -> Option<Duration> {
    if status != StatusCode::TOO_MANY_REQUESTS && status != StatusCode::SERVICE_UNAVAILABLE {
        return None;
    }
    texts(headers, RETRY_AFTER)
        .flat_map(values)
        .filter_map(|text| seconds(text).or_else(|| from_date(text, headers)))
        .filter(|wait| !wait.is_zero() && *wait <= LONGEST)
        .max()
}

/// A shorter wait than this is none: a server that names it again and again would be asked as often.
const SHORTEST_WAIT: Duration = Duration::from_millis(20);

/// How long a 429 asks to wait.
fn refusal_wait(headers: &HeaderMap) -> Option<Duration> {
    let named = retry_after(StatusCode::TOO_MANY_REQUESTS, headers);
    let rounded = || is_asked_for_no_wait(headers).then_some(SECOND);
    named.map(|wait| if wait < SHORTEST_WAIT { SECOND } else { wait }).or_else(rounded)
}

/// Whether `Retry-After` is zero, or a date of this second or the last one: dates and many numbers are rounded down.
fn is_asked_for_no_wait(headers: &HeaderMap) -> bool {
    texts(headers, RETRY_AFTER).flat_map(values).any(|text| {
        let is_over = |at: Timestamp| is_just_over(at, sent(headers));
        seconds(text).is_some_and(|wait| wait.is_zero()) || date(text).is_some_and(is_over)
    })
}

fn is_just_over(at: Timestamp, sent: Timestamp) -> bool {
    let over = sent.duration_since(at);
    !over.is_negative() && over <= jiff::SignedDuration::from_secs(2)
}

/// When the service counts anew: in seconds from now, in seconds or milliseconds since 1970, or as a date, by which a part of a
/// period may be over. Of several, the latest holds.
fn reset(headers: &HeaderMap) -> Option<Duration> {
    let alone = RESETS.into_iter().flat_map(|name| texts(headers, name)).flat_map(values);
    let listed = texts(headers, RATE_LIMIT)
        .flat_map(|text| text.split([',', ';']))
        .filter_map(|part| part.split_once('='))
        .filter(|(name, _)| matches!(name.trim(), "t" | "reset"))
        .map(|(_, value)| value.trim());
    let moments = alone.chain(listed).filter_map(|text| until(text, headers));
    moments.map(|wait| wait.max(SECOND)).filter(|wait| *wait <= LONGEST).max()
}

const RESETS: [HeaderName; 3] = [
    HeaderName::from_static("x-ratelimit-reset"),
    HeaderName::from_static("x-rate-limit-reset"),
    HeaderName::from_static("ratelimit-reset"),
];
const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");

/// Numbers above these are moments since 1970: in seconds, in milliseconds.
const EPOCH: Duration = Duration::from_secs(1_000_000_000);
const MILLISECONDS: Duration = Duration::from_secs(100_000_000_000);

fn until(text: &str, headers: &HeaderMap) -> Option<Duration> {
    let at = match seconds(text) {
        Some(wait) if wait < EPOCH => return Some(wait),
        Some(at) if at < MILLISECONDS => Timestamp::UNIX_EPOCH.checked_add(at).ok()?,
        Some(at) => Timestamp::UNIX_EPOCH.checked_add(at / 1000).ok()?,
        None => date(text).or_else(|| text.parse().ok())?,
    };
    let sent = sent(headers);
    match is_just_over(at, sent) {
        true => Some(Duration::ZERO),
        false => Duration::try_from(at.duration_since(sent)).ok(),
    }
}

/// When the response was sent, on the service's clock if it shows its time.
fn sent(headers: &HeaderMap) -> Timestamp {
    texts(headers, DATE).find_map(date).unwrap_or_else(Timestamp::now)
}

/// The values that a header may hold: proxies join two headers to one, as `30, 30`, and a date has a comma too.
fn values(text: &str) -> impl Iterator<Item = &str> {
    let commas = text.match_indices(',').map(|(at, _)| at);
    let starts = [0].into_iter().chain(commas.clone().map(|at| at + 1));
    let ends: Vec<usize> = commas.chain([text.len()]).collect();
    starts.enumerate().flat_map(move |(nth, start)| {
        // A value reaches to the next comma, or to the one after it.
        let ends: Vec<usize> = ends[nth..].iter().copied().take(2).collect();
        ends.into_iter().map(move |end| text[start..end].trim())
    })
}

fn texts(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &str> {
    let values = headers.get_all(name).into_iter();
    values.filter_map(|value| value.to_str().ok().map(str::trim))
}

/// `120` or `0.931`; no sign, no exponent, no word.
fn seconds(text: &str) -> Option<Duration> {
    let plain = text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let seconds = plain.then(|| text.parse::<f64>().ok()).flatten()?;
    Duration::try_from_secs_f64(seconds).ok()
}

/// The service's clock need not agree with ours, so its date is compared with its own `Date`.
fn from_date(text: &str, headers: &HeaderMap) -> Option<Duration> {
    let sent = texts(headers, DATE).find_map(date)?;
    Duration::try_from(date(text)?.duration_since(sent)).ok()
}

/// A date as HTTP writes it, and as others do: `GMT`, `-0000`, an offset.
fn date(text: &str) -> Option<Timestamp> {
    let older = |format: &&str| strtime::parse(format, text).and_then(|it| it.to_datetime());
    rfc2822::DateTimeParser::new()
        .parse_timestamp(text)
        .or_else(|error| {
            let found = OLDER_DATES.iter().find_map(|format| older(format).ok());
            found.ok_or(error)?.to_zoned(TimeZone::UTC).map(|it| it.timestamp())
        })
        .ok()
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
    fn the_limit_and_the_rest_of_it_are_read() {
        let headers = headers(&[("x-ratelimit-limit", "5"), ("x-ratelimit-remaining", " 0 ")]);
        let read = RateLimitHeaders::read(StatusCode::OK, &headers);
        assert_eq!((read.limit, read.remaining, read.refused), (Some(5), Some(0), false));
        let all = self::headers(&[("x-ratelimit-limit", "5"), ("x-ratelimit-remaining", "5")]);
        let read = RateLimitHeaders::read(StatusCode::OK, &all);
        assert_eq!((read.limit, read.remaining), (Some(5), Some(5)));
    }

    #[test]
    fn the_numbers_count_on_a_success_and_on_a_429_only() {
        let headers = headers(&[("x-ratelimit-limit", "1"), ("x-ratelimit-remaining", "0")]);
        for (status, counts) in [(200, true), (204, true), (429, true), (502, false), (404, false)]
        {
            let read = RateLimitHeaders::read(StatusCode::from_u16(status).unwrap(), &headers);
            assert_eq!(
                (read.limit.is_some(), read.remaining.is_some()),
                (counts, counts),
                "{status}"
            );
        }
    }

    #[test]
    fn garbage_in_the_headers_is_ignored() {
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
            let read = RateLimitHeaders::read(StatusCode::OK, &headers);
            assert_eq!((read.limit, read.remaining), (None, None), "{value:?}");
        }
        let zero = headers(&[("x-ratelimit-limit", "0")]);
        assert_eq!(RateLimitHeaders::read(StatusCode::OK, &zero).limit, None);
    }

    #[test]
    fn more_left_than_there_is_is_ignored() {
        let headers = headers(&[("x-ratelimit-limit", "5"), ("x-ratelimit-remaining", "6")]);
        let read = RateLimitHeaders::read(StatusCode::OK, &headers);
        assert_eq!((read.limit, read.remaining, read.retry_after), (None, None, None));
    }

    #[test]
    fn a_header_that_contradicts_itself_is_ignored() {
        for (second, expected) in [("5", Some(5)), ("100", None), ("", None)] {
            let mut headers = headers(&[("x-ratelimit-limit", "5")]);
            headers.append("x-ratelimit-limit", second.parse().unwrap());
            assert_eq!(RateLimitHeaders::read(StatusCode::OK, &headers).limit, expected);
        }
    }

    #[test]
    fn retry_after_counts_on_a_429_only() {
        let headers = headers(&[("retry-after", "7")]);
        let read = RateLimitHeaders::read(StatusCode::TOO_MANY_REQUESTS, &headers);
        assert_eq!((read.refused, read.retry_after), (true, Some(Duration::from_secs(7))));
        let read = RateLimitHeaders::read(StatusCode::OK, &headers);
        assert_eq!((read.limit, read.remaining, read.retry_after), (None, None, None));
    }

    #[test]
    fn a_wait_that_was_rounded_down_to_nothing_is_a_second() {
        let date = "Thu, 26 Nov 2026 16:00:10 GMT";
        for (value, expected) in [
            ("0", Some(1)),
            ("0.0", Some(1)),
            (date, Some(1)),
            ("Thu, 26 Nov 2026 16:00:09 GMT", Some(1)),
            ("Thu, 26 Nov 2026 16:00:12 GMT", Some(2)),
            ("Thu, 26 Nov 2026 16:00:07 GMT", None),
            ("Thu, 26 Nov 2026 15:00:09 GMT", None),
            ("soon", None),
            ("0.001", Some(1)),
            ("0.019", Some(1)),
        ] {
            let headers = headers(&[("retry-after", value), ("date", date)]);
            let read = RateLimitHeaders::read(StatusCode::TOO_MANY_REQUESTS, &headers);
            assert_eq!(read.retry_after, expected.map(Duration::from_secs), "{value}");
            assert_eq!(RateLimitHeaders::read(StatusCode::OK, &headers).retry_after, None);
        }
    }

    #[test]
    fn the_moment_at_which_a_service_counts_anew_is_read_in_every_usual_form() {
        let date = "Thu, 26 Nov 2026 16:00:10 GMT";
        for (name, value, expected) in [
            ("x-ratelimit-reset", "2", Some(2.0)),
            ("x-ratelimit-reset", "0", Some(1.0)),
            ("x-ratelimit-reset", "7.25", Some(7.25)),
            ("x-ratelimit-reset", "1795708815", Some(5.0)),
            ("x-ratelimit-reset", "1795708815.5", Some(5.5)),
            ("x-ratelimit-reset", "1795708815500", Some(5.5)),
            ("x-ratelimit-reset", "1795708809", Some(1.0)),
            ("x-ratelimit-reset", "1795705215", None),
            ("x-ratelimit-reset", "Thu, 26 Nov 2026 16:00:13 GMT", Some(3.0)),
            ("x-ratelimit-reset", "2026-11-26T16:00:13Z", Some(3.0)),
            ("x-ratelimit-reset", "3, 30", Some(30.0)),
            ("x-ratelimit-reset", "99999999", None),
            ("x-ratelimit-reset", "soon", None),
            ("x-rate-limit-reset", "4", Some(4.0)),
            ("ratelimit-reset", "4", Some(4.0)),
            ("ratelimit", "limit=5, remaining=0, reset=4", Some(4.0)),
            ("ratelimit", "\"default\";r=0;t=4", Some(4.0)),
        ] {
            let fields = [(name, value), ("date", date), ("x-ratelimit-remaining", "0")];
            let headers = headers(&fields);
            let read = RateLimitHeaders::read(StatusCode::OK, &headers).reset;
            assert_eq!(read, expected.map(Duration::from_secs_f64), "{name}: {value}");
            assert_eq!(RateLimitHeaders::read(StatusCode::BAD_GATEWAY, &headers).reset, None);
        }
        let alone = headers(&[("x-ratelimit-reset", "4")]);
        let reset = |status| RateLimitHeaders::read(status, &alone).reset;
        let four = Some(Duration::from_secs(4));
        assert_eq!([StatusCode::TOO_MANY_REQUESTS, StatusCode::OK].map(reset), [four, None]);
    }

    fn wait(status: u16, value: &str, date: Option<&str>) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, value.parse().ok()?);
        date.map(|date| headers.insert(DATE, date.parse().unwrap()));
        retry_after(StatusCode::from_u16(status).unwrap(), &headers)
    }

    #[test]
    fn seconds_and_fractions_are_read() {
        assert_eq!(wait(429, "30", None), Some(Duration::from_secs(30)));
        assert_eq!(wait(503, " 2 ", None), Some(Duration::from_secs(2)));
        assert_eq!(wait(429, "0.931", None), Some(Duration::from_millis(931)));
        assert_eq!(wait(429, "31622400", None), Some(LONGEST));
    }

    #[test]
    fn a_date_is_compared_with_the_responses_own_date() {
        let sent = "Sun, 06 Nov 1994 08:49:37 GMT";
        for later in [
            "Sun, 06 Nov 1994 08:49:47 GMT",
            "Sun, 06 Nov 1994 08:49:47 -0000",
            "Sun, 06 Nov 1994 09:49:47 +0100",
            "06 Nov 1994 08:49:47 +0000",
            "Sunday, 06-Nov-94 08:49:47 GMT",
            "Sun Nov  6 08:49:47 1994",
        ] {
            assert_eq!(wait(429, later, Some(sent)), Some(Duration::from_secs(10)), "{later}");
        }
    }

    #[test]
    fn a_date_without_a_date_to_compare_it_with_is_ignored() {
        let later = "Sun, 06 Nov 1994 08:49:47 GMT";
        assert_eq!(wait(429, later, None), None);
        assert_eq!(wait(429, later, Some("yesterday")), None);
        assert_eq!(wait(429, later, Some(later)), None);
        assert_eq!(wait(429, later, Some("Sun, 06 Nov 1994 08:49:48 GMT")), None);
    }

    #[test]
    fn of_several_the_longest_holds() {
        let mut headers = HeaderMap::new();
        for value in ["soon", "7", "30", "1"] {
            headers.append(RETRY_AFTER, value.parse().unwrap());
        }
        let wait = retry_after(StatusCode::TOO_MANY_REQUESTS, &headers);
        assert_eq!(wait, Some(Duration::from_secs(30)));
    }

    #[test]
    fn of_several_in_one_header_the_longest_holds() {
        let sent = Some("Sun, 06 Nov 1994 08:49:37 GMT");
        let date = "Sun, 06 Nov 1994 08:49:47 GMT";
        for (value, expected) in [
            ("30, 30".to_owned(), 30),
            ("30,7".to_owned(), 30),
            ("7 , 30,".to_owned(), 30),
            ("30, soon".to_owned(), 30),
            (format!("{date}, {date}"), 10),
            (format!("7, {date}, 3"), 10),
        ] {
            assert_eq!(wait(429, &value, sent), Some(Duration::from_secs(expected)), "{value}");
        }
    }

    #[test]
    fn nonsense_is_ignored() {
        for value in [
            "",
            "0",
            "0.0",
            "-5",
            "+5",
            ".",
            "1.2.3",
            "inf",
            "NaN",
            "1e3",
            "soon",
            "31622401",
            "1700000000",
        ] {
            assert_eq!(wait(429, value, None), None, "{value:?}");
        }
        assert_eq!(wait(429, &"9".repeat(400), None), None);
    }

    #[test]
    fn it_is_ignored_on_other_responses() {
        for status in [200, 201, 204, 301, 401, 422, 500, 502] {
            assert_eq!(wait(status, "30", None), None, "{status}");
        }
    }
}
