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
    /// The present moment, by the system's wall clock.
    pub fn now() -> Timestamp {
        Timestamp(jiff::Timestamp::now())
    }

    /// The moment that was `duration` before now; the earliest there is, if that is earlier still.
    pub fn ago(duration: Duration) -> Timestamp {
        Timestamp(
            jiff::Timestamp::now()
                .saturating_sub(duration)
                .unwrap_or(jiff::Timestamp::MIN),
        )
    }

    /// The moment so many milliseconds after 1970 began (UTC), or before it where negative.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) beyond the year 9999, as when seconds were
    /// meant to be milliseconds the other way round.
    pub fn from_millisecond(millisecond: i64) -> Result<Timestamp> {
        let refused = |error| Error::invalid("the moment is out of range").with_source(error);
        jiff::Timestamp::from_millisecond(millisecond)
            .map(Timestamp)
            .map_err(refused)
    }

    /// Milliseconds since 1970 began (UTC).
    pub fn as_millisecond(self) -> i64 {
        self.0.as_millisecond()
    }
}

impl TryFrom<SystemTime> for Timestamp {
    type Error = Error;

    fn try_from(time: SystemTime) -> Result<Timestamp> {
        let refused = |error| Error::invalid("the moment is out of range").with_source(error);
        jiff::Timestamp::try_from(time)
            .map(Timestamp)
            .map_err(refused)
    }
}

impl From<Timestamp> for SystemTime {
    fn from(timestamp: Timestamp) -> SystemTime {
        timestamp.0.into()
    }
}

impl FromStr for Timestamp {
    type Err = Error;

    fn from_str(text: &str) -> Result<Timestamp> {
        let text = text.trim();
        let with_offset = text.parse::<jiff::Timestamp>();
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
        text.parse()
            .map_err(|_| de::Error::custom(format_args!("no moment: {text:?}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert_eq!(
            timestamp
                .to_string()
                .parse::<Timestamp>()
                .expect("a moment"),
            timestamp
        );
    }

    #[test]
    fn moments_out_of_range_are_refused() {
        assert!(Timestamp::from_millisecond(i64::MAX).is_err());
        assert_eq!(Timestamp::ago(Duration::MAX).0, jiff::Timestamp::MIN);
    }
}
