//! Days of the calendar.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::error::{Error, Result};

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
    /// Makes the day `day` of the month `month`, both counted from 1.
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
}

impl FromStr for Date {
    type Err = Error;

    /// Reads `YYYY-MM-DD`. White space around it is ignored.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if the text has another form, or if the day does not
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
