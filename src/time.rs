//! Moments in UTC, and dates.

use std::borrow::Cow;
use std::fmt;
use std::ops::{Add, AddAssign, Range, Sub, SubAssign};
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use jiff::SignedDuration;
use jiff::civil::{DateTime, date};
use jiff::fmt::rfc2822;
use jiff::fmt::temporal::Pieces;
use jiff::tz::TimeZone;
use serde::de;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::{Error, Result};
use crate::json::{self, FromScalar};

/// The most digits of a fraction of a second that a [`Timestamp`] keeps.
const FRACTION_DIGITS: usize = 9;

/// A moment in time, to the nanosecond, from [`MIN`](Timestamp::MIN) to [`MAX`](Timestamp::MAX).
///
/// Heylerts writes it as an RFC 3339 string, Heylo as milliseconds since 1970. A string is read with `Z`, with an
/// offset, and with a fraction of a second of any length, of which nine digits are kept. A string without an
/// offset is read as UTC: the services do not document it, and services of this kind run on UTC. A date alone is its
/// first moment in UTC. In JSON, a whole number is read as milliseconds since 1970. A timestamp is always written as a
/// string, in UTC, with `Z`.
///
/// # Other types of time
///
/// A [`SystemTime`] converts into a timestamp and back, and other time libraries convert from and to a
/// `SystemTime`. A [`Date`] converts into the first moment of that day in UTC, and [`date`](Timestamp::date) returns the day of
/// a moment.
///
/// # Arithmetic
///
/// A [`Duration`] can be added and subtracted. The result is limited to the range of a timestamp;
/// [`checked_add`](Timestamp::checked_add) and [`checked_sub`](Timestamp::checked_sub) return `None`
/// instead. The difference of two timestamps is a `Duration`, as with [`Instant`](std::time::Instant):
/// zero if the second one is later.
///
/// # Examples
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use heysync::Timestamp;
///
/// let found: Timestamp = "2026-05-08T13:00:00+02:00".parse()?;
/// assert_eq!(found.to_string(), "2026-05-08T11:00:00Z");
/// assert_eq!(found.as_millisecond(), 1_778_238_000_000);
///
/// let later = found + Duration::from_secs(90);
/// assert_eq!(later.to_string(), "2026-05-08T11:01:30Z");
/// assert_eq!(later - found, Duration::from_secs(90));
///
/// assert!(Timestamp::from(SystemTime::now()) > found);
/// # Ok::<(), heysync::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
// In UTC. `jiff::Timestamp` ends 26 hours before the year 9999 does, so that every offset fits.
pub struct Timestamp(DateTime);

impl Timestamp {
    /// The first moment: `-009999-01-01T00:00:00Z`.
    pub const MIN: Timestamp = Timestamp(DateTime::MIN);

    /// The last moment: `9999-12-31T23:59:59.999999999Z`.
    pub const MAX: Timestamp = Timestamp(DateTime::MAX);

    /// The beginning of 1970, in UTC.
    pub const UNIX_EPOCH: Timestamp = Timestamp(date(1970, 1, 1).at(0, 0, 0, 0));

    /// The first moment that is sent: services have no date before the year 1.
    pub(crate) const FIRST_SENT: Timestamp = Timestamp(date(1, 1, 1).at(0, 0, 0, 0));

    /// Returns the present moment, by the wall clock of the system.
    pub fn now() -> Timestamp {
        SystemTime::now().into()
    }

    /// Returns the moment that was `duration` before now, or [`MIN`](Timestamp::MIN) if that is out of range.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use heysync::Timestamp;
    ///
    /// let yesterday = Timestamp::ago(Duration::from_secs(24 * 60 * 60));
    /// assert!(yesterday < Timestamp::now());
    /// ```
    pub fn ago(duration: Duration) -> Timestamp {
        Timestamp::now() - duration
    }

    /// Creates a timestamp from milliseconds since the beginning of 1970 (UTC), which may be negative.
    ///
    /// Heylo writes moments in this way: "unix timestamp in ms".
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if the moment is out of range, as when the number
    /// is of microseconds.
    ///
    /// # Examples
    ///
    /// ```
    /// use heysync::Timestamp;
    ///
    /// let start = Timestamp::from_millisecond(1_778_238_000_000)?;
    /// assert_eq!(start.to_string(), "2026-05-08T11:00:00Z");
    /// assert!(Timestamp::from_millisecond(1_778_238_000_000_000).is_err());
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn from_millisecond(millisecond: i64) -> Result<Timestamp> {
        let since_epoch = SignedDuration::from_millis(millisecond);
        let rejected = |error| Error::invalid("the moment is out of range").with_source(error);
        Timestamp::UNIX_EPOCH.0.checked_add(since_epoch).map(Timestamp).map_err(rejected)
    }

    /// Returns the milliseconds since the beginning of 1970 (UTC), rounded down.
    ///
    /// # Examples
    ///
    /// ```
    /// use heysync::Timestamp;
    ///
    /// let moment: Timestamp = "2026-05-08T11:00:00.123456Z".parse()?;
    /// assert_eq!(moment.as_millisecond(), 1_778_238_000_123);
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn as_millisecond(self) -> i64 {
        let since_epoch = self.0.duration_since(Timestamp::UNIX_EPOCH.0);
        let (seconds, nanoseconds) = (since_epoch.as_secs(), since_epoch.subsec_nanos());
        // Rounded down, as the digits of a fraction are: not towards 1970.
        seconds * 1_000 + i64::from(nanoseconds.div_euclid(1_000_000))
    }

    /// Returns the day of this moment in UTC, or `None` if its year is not from 1 to 9999.
    ///
    /// # Examples
    ///
    /// ```
    /// use heysync::{Date, Timestamp};
    ///
    /// let evening_in_new_york: Timestamp = "2026-05-08T21:00:00-04:00".parse()?;
    /// assert_eq!(evening_in_new_york.date(), Some(Date::new(2026, 5, 9)?));
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn date(self) -> Option<Date> {
        let date = self.0.date();
        (date.year() > 0).then_some(Date(date))
    }

    /// Returns the moment `duration` later, or `None` if it is after [`MAX`](Timestamp::MAX).
    #[must_use = "the timestamp itself does not change"]
    pub fn checked_add(self, duration: Duration) -> Option<Timestamp> {
        self.0.checked_add(duration).ok().map(Timestamp)
    }

    /// Returns the moment `duration` earlier, or `None` if it is before [`MIN`](Timestamp::MIN).
    #[must_use = "the timestamp itself does not change"]
    pub fn checked_sub(self, duration: Duration) -> Option<Timestamp> {
        self.0.checked_sub(duration).ok().map(Timestamp)
    }

    /// Returns the time from `earlier` to this moment, or zero if `earlier` is later. `-` does the same.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use heysync::Timestamp;
    ///
    /// let midnight: Timestamp = "2026-05-08T00:00:00Z".parse()?;
    /// let noon: Timestamp = "2026-05-08T12:00:00Z".parse()?;
    /// assert_eq!(noon.duration_since(midnight), Duration::from_secs(12 * 60 * 60));
    /// assert_eq!(midnight.duration_since(noon), Duration::ZERO);
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn duration_since(self, earlier: Timestamp) -> Duration {
        self.checked_duration_since(earlier).unwrap_or_default()
    }

    /// Returns the time from `earlier` to this moment, or `None` if `earlier` is later.
    #[must_use = "the timestamp itself does not change"]
    pub fn checked_duration_since(self, earlier: Timestamp) -> Option<Duration> {
        Duration::try_from(self.0.duration_since(earlier.0)).ok()
    }
}

impl Add<Duration> for Timestamp {
    type Output = Timestamp;

    /// Returns the moment `duration` later, or [`MAX`](Timestamp::MAX) if that is out of range.
    fn add(self, duration: Duration) -> Timestamp {
        self.checked_add(duration).unwrap_or(Timestamp::MAX)
    }
}

impl Sub<Duration> for Timestamp {
    type Output = Timestamp;

    /// Returns the moment `duration` earlier, or [`MIN`](Timestamp::MIN) if that is out of range.
    fn sub(self, duration: Duration) -> Timestamp {
        self.checked_sub(duration).unwrap_or(Timestamp::MIN)
    }
}

impl Sub for Timestamp {
    type Output = Duration;

    /// Returns [`duration_since`](Timestamp::duration_since).
    fn sub(self, earlier: Timestamp) -> Duration {
        self.duration_since(earlier)
    }
}

impl AddAssign<Duration> for Timestamp {
    fn add_assign(&mut self, duration: Duration) {
        *self = *self + duration;
    }
}

impl SubAssign<Duration> for Timestamp {
    fn sub_assign(&mut self, duration: Duration) {
        *self = *self - duration;
    }
}

impl From<SystemTime> for Timestamp {
    /// Converts a moment of the system's clock. A moment before the year -9999 or after the year 9999
    /// becomes [`MIN`](Timestamp::MIN) or [`MAX`](Timestamp::MAX).
    fn from(time: SystemTime) -> Timestamp {
        match time.duration_since(SystemTime::UNIX_EPOCH) {
            Ok(since) => Timestamp::UNIX_EPOCH + since,
            Err(before) => Timestamp::UNIX_EPOCH - before.duration(),
        }
    }
}

impl From<Timestamp> for SystemTime {
    /// Converts into a moment of the system's clock. On Unix every timestamp fits. A moment before 1601, which
    /// Windows cannot hold, becomes the beginning of 1601 there, and what is less than the 100 nanoseconds in which Windows
    /// counts is cut off.
    fn from(timestamp: Timestamp) -> SystemTime {
        const FROM_1601_TO_1970: Duration = Duration::from_secs(11_644_473_600);
        let epoch = SystemTime::UNIX_EPOCH;
        let since_epoch = timestamp.0.duration_since(Timestamp::UNIX_EPOCH.0);
        let distance = since_epoch.unsigned_abs();
        let time = match since_epoch.is_negative() {
            true => epoch.checked_sub(distance).or_else(|| epoch.checked_sub(FROM_1601_TO_1970)),
            false => epoch.checked_add(distance),
        };
        time.unwrap_or(epoch)
    }
}

impl From<Date> for Timestamp {
    /// Converts a day into its first moment in UTC, for a filter such as
    /// [`starting_after`](crate::page::Pager::starting_after).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use heysync::{Date, Timestamp};
    ///
    /// let day = Date::new(2026, 5, 8)?;
    /// let end = Timestamp::from(day) + Duration::from_secs(24 * 60 * 60);
    /// assert_eq!(end.to_string(), "2026-05-09T00:00:00Z");
    /// # Ok::<(), heysync::Error>(())
    /// ```
    fn from(day: Date) -> Timestamp {
        Timestamp(day.0.at(0, 0, 0, 0))
    }
}

impl FromStr for Timestamp {
    type Err = Error;

    /// Reads RFC 3339, with or without an offset, and a date alone, such as `2026-05-08`, which is its first moment in
    /// UTC. White space around it is ignored.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if the string is not a moment.
    fn from_str(text: &str) -> Result<Timestamp> {
        if let Some(usual) = usual_form(text) {
            return Ok(usual);
        }
        let rejected = |error: jiff::Error| {
            Error::invalid("a moment is written like 2026-05-08T11:00:00Z").with_source(error)
        };
        let text = with_short_fraction(text.trim());
        let pieces = Pieces::parse(&*text).map_err(rejected)?;
        let local = pieces.date().to_datetime(pieces.time().unwrap_or_default());
        match pieces.to_numeric_offset().map(|offset| offset.seconds()) {
            Some(ahead) => local.checked_sub(SignedDuration::from_secs(ahead.into())),
            // 11:00 in Berlin is not 11:00 UTC.
            None if pieces.time_zone_annotation().is_some() => {
                return Err(Error::invalid(
                    "a moment in a time zone needs its offset, like +02:00",
                ));
            }
            // Heylerts shows `Z`. A Python service also writes `datetime.isoformat()` of a naive time.
            None => Ok(local),
        }
        .map(Timestamp)
        .map_err(rejected)
    }
}

/// Reads `2026-05-08T11:00:00Z`, the form that pages of items are full of, at a tenth of the cost of the general way.
fn usual_form(text: &str) -> Option<Timestamp> {
    let text: &[u8; 20] = text.as_bytes().try_into().ok()?;
    let [_, _, _, _, b'-', _, _, b'-', _, _, b'T', _, _, b':', _, _, b':', _, _, b'Z'] = text
    else {
        return None;
    };
    let number = |digits: &[u8]| {
        let digit = |digit: &u8| digit.is_ascii_digit().then(|| i16::from(digit - b'0'));
        digits.iter().try_fold(0, |number, byte| Some(number * 10 + digit(byte)?))
    };
    let two = |at: usize| Some(number(&text[at..at + 2])? as i8);
    let moment =
        DateTime::new(number(&text[..4])?, two(5)?, two(8)?, two(11)?, two(14)?, two(17)?, 0);
    moment.ok().map(Timestamp)
}

/// Leaves out the digits of a fraction of a second after the ninth: .NET writes 7, some languages write 12.
fn with_short_fraction(text: &str) -> Cow<'_, str> {
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    match text.split_once(['.', ',']) {
        Some((whole, rest)) if digits(rest) > FRACTION_DIGITS => {
            let (kept, after) = (&rest[..FRACTION_DIGITS], &rest[digits(rest)..]);
            format!("{whole}.{kept}{after}").into()
        }
        _ => text.into(),
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)?;
        f.write_str("Z")
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Reads a string as [`FromStr`] does and in the other forms that services write, and a whole number as
/// [`from_millisecond`](Timestamp::from_millisecond), also one of thirteen digits in a string. A number of ten digits is of
/// seconds, and one with a point is of seconds or of milliseconds, from 2001 to 2286: PHP, JavaScript and Go write a whole
/// number of seconds without the point.
///
/// The other forms are a zone behind a blank, as in `2026-05-08 11:00:00 +0000` and `2026-05-08 11:00:00 UTC`, and that of
/// HTTP, `Fri, 08 May 2026 11:00:00 GMT`.
impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
        json::scalar(deserializer)
    }
}

impl FromScalar for Timestamp {
    const EXPECTED: &'static str = "a moment, as RFC 3339 text or as milliseconds since 1970";

    fn from_text(text: &str) -> Option<Timestamp> {
        text.parse().ok().or_else(|| other_form(text.trim()))
    }

    fn from_integer(number: i128) -> Option<Timestamp> {
        let milliseconds = if LIKELY_SECONDS.contains(&number) { number * 1_000 } else { number };
        Timestamp::from_millisecond(milliseconds.try_into().ok()?).ok()
    }

    /// Reads seconds or milliseconds, whichever is from 2001 to 2286.
    fn from_float(number: f64) -> Option<Timestamp> {
        let milliseconds = [number * 1_000.0, number];
        let likely = milliseconds.into_iter().find(|number| (1e12..1e13).contains(number))?;
        Timestamp::from_integer(likely.round() as i128)
    }
}

/// From 2001 to 2286. As milliseconds, they are of the first months of 1970.
const LIKELY_SECONDS: Range<i128> = 1_000_000_000..10_000_000_000;

/// The zones of RFC 2822 that have a name, and `UTC`.
const MAIL_ZONES: [&str; 12] =
    ["GMT", "UT", "UTC", "Z", "EST", "EDT", "CST", "CDT", "MST", "MDT", "PST", "PDT"];

fn is_offset(zone: &str) -> bool {
    let digits = zone.strip_prefix(['+', '-']);
    digits.is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Reads what Ruby, Go and databases print, RFC 2822, and a number in a string.
fn other_form(text: &str) -> Option<Timestamp> {
    // Fewer digits are seconds or a date, and more of them another form of one.
    let is_number = text.len() == 13 && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = || Timestamp::from_integer(text.parse().ok().filter(|_| is_number)?);
    let printed = || {
        let in_utc = ["UTC", "GMT", " Z"].iter().find_map(|zone| text.strip_suffix(zone));
        let rest = in_utc.unwrap_or(text).trim_end();
        let joined = rest.replacen(" +", "+", 1).replacen(" -", "-", 1);
        let has_offset = joined.len() < rest.len();
        let zone = if has_offset { "" } else { "Z" };
        (in_utc.is_some() || has_offset).then(|| (joined + zone).parse().ok())?
    };
    let mail = || {
        // An unknown zone would be read as UTC.
        text.split(' ').next_back().filter(|zone| is_offset(zone) || MAIL_ZONES.contains(zone))?;
        let zoned = rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
        Some(Timestamp(zoned.to_zoned(TimeZone::UTC).datetime()))
    };
    number().or_else(printed).or_else(mail)
}

/// A day of the calendar, written `YYYY-MM-DD`. It always exists.
///
/// # Examples
///
/// ```
/// use heysync::Date;
///
/// assert_eq!(Date::new(1815, 12, 10)?.to_string(), "1815-12-10");
/// assert!(Date::new(2023, 2, 29).is_err());
/// # Ok::<(), heysync::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date(jiff::civil::Date);

impl Date {
    /// Returns the day `day` of the month `month`, both counted from 1.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if there is no such day, or if the year is not from
    /// 1 to 9999.
    ///
    /// # Examples
    ///
    /// ```
    /// use heysync::Date;
    ///
    /// let born = Date::new(1815, 12, 10)?;
    /// assert!(born < Date::new(1815, 12, 11)?);
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn new(year: u16, month: u8, day: u8) -> Result<Date> {
        let rejected = || Error::invalid(format!("there is no day {year:04}-{month:02}-{day:02}"));
        let small = |number: u8| i8::try_from(number).map_err(|_| rejected());
        // jiff takes the year 0 too; four digits of it are more often an empty field.
        let year = i16::try_from(year).ok().filter(|year| *year > 0).ok_or_else(rejected)?;
        let date = jiff::civil::Date::new(year, small(month)?, small(day)?);
        date.map(Date).map_err(|_| rejected())
    }

    /// Returns the year, from 1 to 9999.
    ///
    /// # Examples
    ///
    /// ```
    /// use heysync::Date;
    ///
    /// let born: Date = "1815-12-10".parse()?;
    /// assert_eq!((born.year(), born.month(), born.day()), (1815, 12, 10));
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn year(self) -> u16 {
        self.0.year().unsigned_abs()
    }

    /// Returns the month, from 1 to 12.
    pub fn month(self) -> u8 {
        self.0.month().unsigned_abs()
    }

    /// Returns the day of the month, from 1 to 31.
    pub fn day(self) -> u8 {
        self.0.day().unsigned_abs()
    }
}

impl FromStr for Date {
    type Err = Error;

    /// Reads `YYYY-MM-DD`. White space around it is ignored.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if the string has another form, or if the day does not
    /// exist.
    fn from_str(text: &str) -> Result<Date> {
        let text = text.trim();
        let rejected = || Error::invalid(format!("{text:?} is not a day: write it YYYY-MM-DD"));
        // jiff takes more forms, such as a sign before the year. Heylo's page names this one.
        let has_shape = text.len() == 10 && text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
        if !has_shape {
            return Err(rejected());
        }
        let date: jiff::civil::Date = text.parse().map_err(|_| rejected())?;
        if date.year() == 0 { Err(rejected()) } else { Ok(Date(date)) }
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Date {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Date {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Date, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|_| de::Error::custom(format_args!("{text:?} is not a day")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timestamp(text: &str) -> Timestamp {
        text.parse().expect(text)
    }

    #[test]
    fn a_day_begins_at_midnight_in_utc() {
        for day in ["0001-01-01", "1969-12-31", "2024-02-29", "9999-12-31"] {
            let date: Date = day.parse().expect("a day");
            assert_eq!(Timestamp::from(date), timestamp(&format!("{day}T00:00:00Z")));
            assert_eq!(Timestamp::from(date), timestamp(day));
        }
    }

    #[test]
    fn the_day_of_a_moment_is_that_in_utc_and_has_a_year_from_1_to_9999() {
        for (moment, day) in [
            ("0001-01-01T00:00:00Z", Some((1, 1, 1))),
            ("0000-12-31T23:59:59Z", None),
            ("-000001-01-01T00:00:00Z", None),
            ("2024-02-29T23:59:59.999999999Z", Some((2024, 2, 29))),
            ("2024-02-29T23:59:59-00:01", Some((2024, 3, 1))),
            ("9999-12-31T23:59:59.999999999Z", Some((9999, 12, 31))),
        ] {
            let date = timestamp(moment).date();
            assert_eq!(date.map(|date| (date.year(), date.month(), date.day())), day, "{moment}");
            assert_eq!(
                date,
                day.map(|(year, month, day)| Date::new(year, month, day).expect(moment))
            );
        }
    }

    #[test]
    fn the_usual_form_of_a_moment_is_read_as_the_general_way_reads_it() {
        for text in [
            "2026-05-08T11:00:00Z",
            "0000-01-01T00:00:00Z",
            "9999-12-31T23:59:59Z",
            "2024-02-29T12:34:56Z",
        ] {
            let usual = usual_form(text).expect(text);
            assert_eq!(text.replace('Z', "+00:00").parse::<Timestamp>().expect(text), usual);
            assert_eq!(usual.to_string(), text);
        }
        for text in [
            "2025-02-29T12:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-05-08T24:00:00Z",
            "2026-05-08T11:00:0xZ",
            "+026-05-08T11:00:00Z",
        ] {
            assert!(usual_form(text).is_none() && text.parse::<Timestamp>().is_err(), "{text}");
        }
    }

    #[test]
    fn every_form_that_such_services_write_is_read() {
        for text in [
            "2026-05-08T11:00:00Z",
            "2026-05-08T11:00:00.000000Z",
            "2026-05-08T11:00:00+00:00",
            "2026-05-08T11:00:00-00:00",
            "2026-05-08T13:00:00+02:00",
            "2026-05-08T13:00:00+0200",
            "2026-05-08T11:00:00",
            "2026-05-08 11:00:00.000",
            "2026-05-08t11:00:00z",
            " 2026-05-08T11:00:00Z\n",
        ] {
            assert_eq!(timestamp(text).to_string(), "2026-05-08T11:00:00Z", "{text}");
        }
        for text in [
            "",
            "yesterday",
            "2026-13-01T00:00:00Z",
            "1778238000",
            "2026-05-08T11:00:00[Europe/Berlin]",
        ] {
            assert!(text.parse::<Timestamp>().is_err(), "{text}");
        }
    }

    #[test]
    fn fractions_of_any_length_are_cut_to_nanoseconds() {
        for (text, expected) in [
            ("2026-05-08T11:00:00.5Z", "2026-05-08T11:00:00.5Z"),
            ("2026-05-08T11:00:00.1234567Z", "2026-05-08T11:00:00.1234567Z"),
            ("2026-05-08T11:00:00.123456789999Z", "2026-05-08T11:00:00.123456789Z"),
            ("2026-05-08T13:00:00.999999999999999999999+02:00", "2026-05-08T11:00:00.999999999Z"),
            ("2026-05-08T11:00:00,1234567891", "2026-05-08T11:00:00.123456789Z"),
        ] {
            assert_eq!(timestamp(text).to_string(), expected);
            assert_eq!(timestamp(expected).to_string(), expected);
        }
    }

    /// Whether it comes back from the system's time: on Windows, to less than a step of its clock, and not from before 1601.
    fn survives_system_time(moment: Timestamp) -> bool {
        let again = Timestamp::from(SystemTime::from(moment));
        let difference = (moment - again).max(again - moment);
        match cfg!(windows) {
            true => {
                difference < Duration::from_nanos(100) || moment < timestamp("1601-01-01T00:00:00Z")
            }
            false => difference.is_zero(),
        }
    }

    #[test]
    fn the_whole_documented_range_is_read_and_written() {
        for text in [
            "9999-12-31T23:59:59Z",
            "9999-12-31T23:59:59.999999999Z",
            "9999-12-30T22:00:01Z",
            "0000-01-01T00:00:00Z",
            "-009999-01-01T00:00:00Z",
        ] {
            assert_eq!(timestamp(text).to_string(), text);
            let milliseconds = timestamp(text).as_millisecond();
            let again = Timestamp::from_millisecond(milliseconds).expect(text);
            assert!(timestamp(text) - again < Duration::from_millis(1), "{text}");
            assert!(survives_system_time(timestamp(text)), "{text}");
        }
        assert_eq!(timestamp("9999-12-31T23:59:59.999999999Z"), Timestamp::MAX);
        assert!("9999-12-31T23:59:59-01:00".parse::<Timestamp>().is_err());
    }

    #[test]
    fn moments_out_of_range_are_rejected() {
        assert!(Timestamp::from_millisecond(i64::MAX).is_err());
        assert!(Timestamp::from_millisecond(i64::MIN).is_err());
        assert_eq!(Timestamp::ago(Duration::MAX), Timestamp::MIN);
    }

    #[test]
    fn durations_are_added_and_subtracted_up_to_the_ends_of_the_range() {
        let (second, noon) = (Duration::from_secs(1), timestamp("2026-05-08T12:00:00Z"));
        let mut moment = noon;
        moment += second;
        assert_eq!((moment, moment - noon, noon - moment), (noon + second, second, Duration::ZERO));
        moment -= second + second;
        assert_eq!(moment.to_string(), "2026-05-08T11:59:59Z");
        assert_eq!(noon.checked_duration_since(moment), Some(second));
        assert_eq!(moment.checked_duration_since(noon), None);
        assert_eq!((noon + Duration::MAX, noon - Duration::MAX), (Timestamp::MAX, Timestamp::MIN));
        assert_eq!(
            (Timestamp::MAX.checked_add(second), Timestamp::MIN.checked_sub(second)),
            (None, None)
        );
        assert_eq!(Timestamp::MIN + (Timestamp::MAX - Timestamp::MIN), Timestamp::MAX);
    }

    proptest::proptest! {
        #[test]
        fn every_moment_survives_text_and_system_time(seconds in -400_000_000_000_i64..260_000_000_000, nanos in 0_u32..1_000_000_000) {
            let distance = Duration::new(seconds.unsigned_abs(), nanos);
            let moment = match seconds < 0 {
                true => Timestamp::UNIX_EPOCH - distance,
                false => Timestamp::UNIX_EPOCH + distance,
            };
            proptest::prop_assert_eq!(timestamp(&moment.to_string()), moment);
            proptest::prop_assert!(survives_system_time(moment), "{}", moment);
            let cut = Timestamp::from_millisecond(moment.as_millisecond()).expect("in range");
            proptest::prop_assert!(cut <= moment && moment - cut < Duration::from_millis(1));
        }
    }

    #[test]
    fn json_holds_a_moment_as_text_or_as_milliseconds() {
        let read = |json: &str| serde_json::from_str::<Timestamp>(json);
        for json in [
            r#""2026-05-08T13:00:00.5+02:00""#,
            "1778238000500",
            r#""2026-05-08\u005411:00:00.5Z""#,
        ] {
            let moment = read(json).expect(json);
            assert_eq!(
                serde_json::to_string(&moment).ok().as_deref(),
                Some(r#""2026-05-08T11:00:00.5Z""#)
            );
        }
        assert_eq!(read("-1").map(Timestamp::as_millisecond).ok(), Some(-1));
        for json in ["18446744073709551615", "null", "1e300", "[]", "true"] {
            assert!(read(json).is_err(), "{json}");
        }
    }

    #[test]
    fn json_holds_a_moment_as_services_print_it() {
        let read = |json: &str| serde_json::from_str::<Timestamp>(json);
        for json in [
            r#""1778238000000""#,
            "1778238000000.0",
            "1778238000.000000000",
            "1778238000",
            r#""2026-05-08 11:00:00 UTC""#,
            r#""2026-05-08 11:00:00UTC""#,
            r#""2026-05-08T11:00:00 GMT""#,
            r#""2026-05-08 13:00:00 +0200""#,
            r#""2026-05-08 06:00:00 -05:00""#,
            r#""2026-05-08 11:00:00 +0000 UTC""#,
            r#""2026-05-08 11:00:00.000 Z""#,
            r#""2026-05-08 11:00:00+00""#,
            r#"" Fri, 08 May 2026 11:00:00 GMT""#,
            r#""Fri, 8 May 2026 13:00:00 +0200""#,
            r#""Fri, 08 May 2026 11:00:00 UTC""#,
            r#""Fri, 08 May 2026 11:00:00 Z""#,
        ] {
            assert_eq!(read(json).expect(json), timestamp("2026-05-08T11:00:00Z"), "{json}");
        }
        assert_eq!(read("1778238000.5").expect("a float"), timestamp("2026-05-08T11:00:00.5Z"));
        for json in [
            r#""""#,
            r#""UTC""#,
            r#""+0000""#,
            r#""11:00:00 UTC""#,
            r#""2026-05-08 11:00:00 CET""#,
            r#""2026-05-08 11:00:00 +99:00""#,
            r#""08/05/2026 11:00""#,
            r#""1.5e3""#,
            r#""20260508110000""#,
            r#""202605081100""#,
            r#""1778238000""#,
            r#""20260230""#,
            r#""2026""#,
            r#""Fri, 08 May 2026 11:00:00 CEST""#,
            r#""Fri, 08 May 2026 11:00:00 A""#,
            "253402300799.0",
            "1.5",
        ] {
            assert!(read(json).is_err(), "{json}");
        }
    }

    #[test]
    fn system_times_are_converted_before_1970_and_out_of_range() {
        let before = SystemTime::UNIX_EPOCH - Duration::new(1, 500_000_000);
        let moment = Timestamp::from(before);
        assert_eq!(moment.to_string(), "1969-12-31T23:59:58.5Z");
        assert_eq!(moment.as_millisecond(), -1_500);
        assert_eq!(SystemTime::from(moment), before);
        assert_eq!(timestamp("1969-12-31T23:59:59.9995Z").as_millisecond(), -1);
        let far = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(1 << 40));
        // Windows has no such moment.
        let expected = (!cfg!(windows)).then_some(Timestamp::MAX);
        assert_eq!(far.map(Timestamp::from), expected);
    }

    #[test]
    fn a_date_is_one_that_exists_written_in_one_way() {
        let date: Date = " 1815-12-10\n".parse().expect("a day");
        assert_eq!(date.to_string(), "1815-12-10");
        let bad = [
            "1815-13-01",
            "10.12.1815",
            "1815-12-1",
            "-815-12-10",
            "1815\u{2011}12\u{2011}10",
            "0000-01-01",
            "",
        ];
        for text in bad {
            assert!(text.parse::<Date>().is_err(), "{text}");
        }
        assert!(Date::new(0, 1, 1).is_err() && Date::new(2026, 1, 200).is_err());
    }

    #[test]
    fn a_date_is_written_as_text() {
        let date: Date = serde_json::from_str(r#""1815-12-10""#).expect("a day");
        assert_eq!(serde_json::to_string(&date).ok().as_deref(), Some(r#""1815-12-10""#));
        assert!(serde_json::from_str::<Date>(r#""1815-02-29""#).is_err());
    }
}
