//! Months, as invites name them.

use std::fmt;
use std::str::FromStr;

use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize, Serializer};

use crate::error::{Error, Result};

/// A month of the year. Heylo takes the first three letters of its English name.
///
/// It is parsed from its English name, in full or short, in any case, and from its number.
///
/// # Examples
///
/// ```
/// use heysync::heylo::Month;
///
/// let september: Month = "september".parse()?;
/// assert_eq!((september.as_str(), september.name(), september.number()), ("Sep", "September", 9));
/// assert_eq!("Sept.".parse::<Month>()?, september);
/// assert_eq!("09".parse::<Month>()?, september);
/// assert_eq!(Month::try_from(9)?, september);
/// assert!("Sol".parse::<Month>().is_err());
/// # Ok::<(), heysync::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "the months need no words")]
pub enum Month {
    January,
    February,
    March,
    April,
    May,
    June,
    July,
    August,
    September,
    October,
    November,
    December,
}

impl Month {
    /// The twelve months, in order.
    pub const KNOWN: &'static [Month] = &[
        Month::January,
        Month::February,
        Month::March,
        Month::April,
        Month::May,
        Month::June,
        Month::July,
        Month::August,
        Month::September,
        Month::October,
        Month::November,
        Month::December,
    ];

    /// Returns the month as this crate sends it: `Jan`, `Feb` and so on.
    pub fn as_str(self) -> &'static str {
        // "May" on one page, "Jan, Feb, etc." on an older copy of it: three letters satisfy both.
        &self.name()[..3]
    }

    /// Returns the English name in full: `January`, `February` and so on.
    pub fn name(self) -> &'static str {
        const NAMES: [&str; 12] = [
            "January",
            "February",
            "March",
            "April",
            "May",
            "June",
            "July",
            "August",
            "September",
            "October",
            "November",
            "December",
        ];
        NAMES[self as usize]
    }

    /// Returns the number of the month, from 1 to 12.
    pub fn number(self) -> u8 {
        self as u8 + 1
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Month {
    type Err = Error;

    /// Reads a name, in full or short, or a number. Case and white space around it are ignored.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if the string names no month.
    fn from_str(string: &str) -> Result<Month> {
        let word = string.trim();
        let word = word.strip_suffix('.').unwrap_or(word);
        let is_called = |month: &Month| {
            let short = month.as_str();
            let is_sept = *month == Month::September && word.eq_ignore_ascii_case("sept");
            is_sept || word.eq_ignore_ascii_case(short) || word.eq_ignore_ascii_case(month.name())
        };
        let by_number = || word.parse::<u8>().ok().and_then(|number| Month::try_from(number).ok());
        let month = Month::KNOWN.iter().copied().find(is_called).or_else(by_number);
        month.ok_or_else(|| {
            Error::invalid(format!("{string:?} is not a month: write it like May, or 1 to 12"))
        })
    }
}

impl TryFrom<u8> for Month {
    type Error = Error;

    /// Returns the month of this number.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if the number is not from 1 to 12.
    fn try_from(number: u8) -> Result<Month> {
        let index = usize::from(number).checked_sub(1);
        let month = index.and_then(|index| Month::KNOWN.get(index)).copied();
        month.ok_or_else(|| Error::invalid(format!("there is no month {number}: they are 1 to 12")))
    }
}

impl From<Month> for u8 {
    fn from(month: Month) -> u8 {
        month.number()
    }
}

/// Writes the short name, as Heylo takes it.
impl Serialize for Month {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// Reads what [`FromStr`] reads, and numbers.
impl<'de> Deserialize<'de> for Month {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Month, D::Error> {
        deserializer.deserialize_any(MonthVisitor)
    }
}

struct MonthVisitor;

impl Visitor<'_> for MonthVisitor {
    type Value = Month;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a month, by its name or number")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Month, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Month, E> {
        let number = u8::try_from(number).unwrap_or(u8::MAX);
        Month::try_from(number).map_err(E::custom)
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Month, E> {
        self.visit_u64(u64::try_from(number).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_is_parsed_from_every_way_to_write_it() {
        for (index, month) in Month::KNOWN.iter().copied().enumerate() {
            let number = index + 1;
            let texts = [
                month.name().to_owned(),
                month.name().to_uppercase(),
                month.as_str().to_lowercase(),
                format!(" {}. ", month.as_str()),
                number.to_string(),
                format!("{number:02}"),
            ];
            for text in texts {
                assert_eq!(text.parse::<Month>().ok(), Some(month), "{text}");
                let json = serde_json::Value::from(text);
                assert_eq!(serde_json::from_value::<Month>(json).ok(), Some(month));
            }
            assert_eq!(Month::try_from(month.number()).ok(), Some(month));
            assert_eq!(serde_json::from_str::<Month>(&number.to_string()).ok(), Some(month));
            assert_eq!(serde_json::to_value(month).ok(), Some(month.as_str().into()));
        }
    }

    #[test]
    fn strings_that_name_no_month_are_rejected() {
        for text in ["", "0", "13", "-1", "256", "Ma", "Janu", "Mai", "J"] {
            assert!(text.parse::<Month>().is_err(), "{text}");
        }
        assert!(Month::try_from(0).is_err() && Month::try_from(13).is_err());
        for json in ["0", "13", "-1", "1e3", "null", "99999999999"] {
            assert!(serde_json::from_str::<Month>(json).is_err(), "{json}");
        }
    }
}
