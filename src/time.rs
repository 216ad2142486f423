//! Moments, as both services write them.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::error::{Error, Result};

/// A moment in time, to the nanosecond, from the year -9999 to 9999.
///
/// Heylerts writes it as RFC 3339 text, Heylo as milliseconds since 1970. Text is read with `Z`, with an
/// offset, with or without fractions of a second; text without any offset is taken for UTC (not
/// documented; decided, since such services run on UTC). It is written with `Z`.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use heysync::Timestamp;
///
/// let found: Timestamp = "2026-05-08T13:00:00+02:00".parse()?;
/// assert_eq!(found.to_string(), "2026-05-08T11:00:00Z");
/// assert_eq!(found.as_millisecond(), 1_778_238_000_000);
/// assert!(Timestamp::ago(Duration::from_secs(60)) < Timestamp::now());
/// # Ok::<(), heysync::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(jiff::Timestamp);

impl Timestamp {
    /// Returns the present moment, by the system's wall clock.
    pub fn now() -> Timestamp {
        Timestamp(jiff::Timestamp::now())
    }

    /// Returns the moment that was `duration` before now; the earliest there is, if that is earlier still.
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
        Timestamp(jiff::Timestamp::now().saturating_sub(duration).unwrap_or(jiff::Timestamp::MIN))
    }

    /// Makes the moment so many milliseconds after 1970 began (UTC), or before it where negative.
    ///
    /// This is how Heylo writes moments: "unix timestamp in ms".
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) beyond the years -9999 and 9999, as where
    /// microseconds were handed in.
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
        let refused = |error| Error::invalid("the moment is out of range").with_source(error);
        jiff::Timestamp::from_millisecond(millisecond).map(Timestamp).map_err(refused)
    }

    /// Returns the milliseconds since 1970 began (UTC). What is finer is cut off.
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
        self.0.as_millisecond()
    }
}

impl TryFrom<SystemTime> for Timestamp {
    type Error = Error;

    /// Takes the moment over.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) beyond the years -9999 and 9999.
    fn try_from(time: SystemTime) -> Result<Timestamp> {
        let refused = |error| Error::invalid("the moment is out of range").with_source(error);
        jiff::Timestamp::try_from(time).map(Timestamp).map_err(refused)
    }
}

impl From<Timestamp> for SystemTime {
    fn from(timestamp: Timestamp) -> SystemTime {
        timestamp.0.into()
    }
}

impl FromStr for Timestamp {
    type Err = Error;

    /// Reads RFC 3339, with or without an offset. White space around it is dropped.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) where the text is no moment.
    fn from_str(text: &str) -> Result<Timestamp> {
        let text = text.trim();
        let with_offset = text.parse::<jiff::Timestamp>();
        // Heylerts shows `Z`. A Python service also writes `datetime.isoformat()` of a naive time: no offset.
        let moment = with_offset.or_else(|_| {
            let utc = text.parse::<DateTime>()?.to_zoned(TimeZone::UTC)?;
            Ok(utc.timestamp())
        });
        let refused = |error: jiff::Error| {
            Error::invalid("a moment is written like 2026-05-08T11:00:00Z").with_source(error)
        };
        moment.map(Timestamp).map_err(refused)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|_| de::Error::custom(format_args!("no moment: {text:?}")))
    }
}

/// A day of the calendar, written `YYYY-MM-DD`. Always one that exists.
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date(jiff::civil::Date);

impl Date {
    /// Makes the day `day` of the month `month`, both counted from 1.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) where there is no such day, or the year is not
    /// from 1 to 9999.
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
        let refused = || Error::invalid(format!("there is no day {year:04}-{month:02}-{day:02}"));
        let small = |number: u8| i8::try_from(number).map_err(|_| refused());
        // jiff takes the year 0 too; four digits of it are more often an empty field.
        let year = i16::try_from(year).ok().filter(|year| *year > 0).ok_or_else(refused)?;
        let date = jiff::civil::Date::new(year, small(month)?, small(day)?);
        date.map(Date).map_err(|_| refused())
    }
}

impl FromStr for Date {
    type Err = Error;

    /// Reads `YYYY-MM-DD` and nothing else.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for another form, or a day that does not exist.
    fn from_str(text: &str) -> Result<Date> {
        let refused = || Error::invalid(format!("{text:?} is no day: write it YYYY-MM-DD"));
        // jiff takes more forms, such as a sign before the year. Heylo's page names this one.
        let is_shape = text.len() == 10 && text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
        if !is_shape {
            return Err(refused());
        }
        text.parse().map(Date).map_err(|_| refused())
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_one_that_exists_written_in_one_way() {
        let date: Date = "1815-12-10".parse().expect("a day");
        assert_eq!(date.to_string(), "1815-12-10");
        for text in
            ["1815-13-01", "10.12.1815", "1815-12-1", "-815-12-10", "1815\u{2011}12\u{2011}10", ""]
        {
            assert!(text.parse::<Date>().is_err(), "{text}");
        }
        assert!(Date::new(0, 1, 1).is_err() && Date::new(2026, 1, 200).is_err());
    }

    #[test]
    fn every_form_that_such_services_write_is_read() {
        for text in [
            "2026-05-08T11:00:00Z",
            "2026-05-08T11:00:00.000000Z",
            "2026-05-08T11:00:00+00:00",
            "2026-05-08T13:00:00+02:00",
            "2026-05-08T11:00:00",
            "2026-05-08 11:00:00.000",
            " 2026-05-08T11:00:00Z\n",
        ] {
            let timestamp: Timestamp = text.parse().expect(text);
            assert_eq!(timestamp.to_string(), "2026-05-08T11:00:00Z", "{text}");
        }
        for text in ["", "yesterday", "2026-13-01T00:00:00Z", "1778238000"] {
            assert!(text.parse::<Timestamp>().is_err(), "{text}");
        }
    }

    #[test]
    fn fractions_survive_a_round_trip() {
        let timestamp: Timestamp = "2026-05-08T11:00:00.123456Z".parse().expect("a moment");
        assert_eq!(timestamp.to_string().parse::<Timestamp>().expect("a moment"), timestamp);
    }

    #[test]
    fn moments_out_of_range_are_refused() {
        assert!(Timestamp::from_millisecond(i64::MAX).is_err());
        assert_eq!(Timestamp::ago(Duration::MAX).0, jiff::Timestamp::MIN);
    }
}
