//! Genders, as invites name them.

use std::fmt;
use std::str::FromStr;

use serde::de::{self, Deserializer};
use serde::{Deserialize, Serialize, Serializer};

use crate::error::{Error, Result};

/// A gender, one of the four that Heylo's page on invites lists.
///
/// It is parsed from what Heylo takes, in any case, and from what rosters commonly hold: `m`, `f`, `nb`.
///
/// # Examples
///
/// ```
/// use heysync::heylo::Gender;
///
/// assert_eq!("Female".parse::<Gender>()?, Gender::Female);
/// assert_eq!("M".parse::<Gender>()?, Gender::Male);
/// assert_eq!("nonbinary".parse::<Gender>()?.as_str(), "non-binary");
///
/// let unknown = "fem".parse::<Gender>().unwrap_err();
/// assert_eq!(unknown.message(), r#""fem" is not one of: male, female, non-binary, decline"#);
/// # Ok::<(), heysync::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Gender {
    /// `male`
    Male,
    /// `female`
    Female,
    /// `non-binary`
    NonBinary,
    /// `decline`: the person does not want to name one.
    Decline,
}

impl Gender {
    /// The genders that Heylo lists, in its order.
    pub const KNOWN: &'static [Gender] =
        &[Gender::Male, Gender::Female, Gender::NonBinary, Gender::Decline];

    /// Returns the gender as Heylo writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Gender::Male => "male",
            Gender::Female => "female",
            Gender::NonBinary => "non-binary",
            Gender::Decline => "decline",
        }
    }

    /// Other ways to write it, without blanks and hyphens.
    fn aliases(self) -> &'static [&'static str] {
        match self {
            Gender::Male => &["male", "m", "man"],
            Gender::Female => &["female", "f", "woman"],
            Gender::NonBinary => &["nonbinary", "nb", "enby"],
            Gender::Decline => &["decline", "declined", "declinetosay", "prefernottosay"],
        }
    }
}

impl fmt::Display for Gender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Gender {
    type Err = Error;

    /// Reads a gender. Case, blanks, hyphens and underscores are ignored.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if the text names none of the four.
    fn from_str(text: &str) -> Result<Gender> {
        let is_letter = |c: &char| c.is_alphanumeric();
        let word: String = text.chars().filter(is_letter).flat_map(char::to_lowercase).collect();
        let found = Gender::KNOWN.iter().copied().find(|gender| gender.aliases().contains(&&*word));
        found.ok_or_else(|| {
            let known: Vec<&str> = Gender::KNOWN.iter().map(|gender| gender.as_str()).collect();
            Error::invalid(format!("{text:?} is not one of: {}", known.join(", ")))
        })
    }
}

/// Writes the gender as Heylo does.
impl Serialize for Gender {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// Reads what [`FromStr`] reads.
impl<'de> Deserialize<'de> for Gender {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Gender, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gender_is_parsed_from_every_way_to_write_it() {
        for &gender in Gender::KNOWN {
            let texts = gender.aliases().iter().map(|alias| alias.to_uppercase());
            for text in texts.chain([gender.to_string(), format!(" {gender}\n")]) {
                assert_eq!(text.parse::<Gender>().ok(), Some(gender), "{text}");
            }
            let json = serde_json::to_value(gender).expect("JSON");
            assert_eq!(serde_json::from_value::<Gender>(json).ok(), Some(gender));
        }
        for text in ["non binary", "Non_Binary", "non\u{2011}binary"] {
            assert_eq!(text.parse::<Gender>().ok(), Some(Gender::NonBinary), "{text}");
        }
        for text in ["", "-", "1", "x", "malefemale"] {
            assert!(text.parse::<Gender>().is_err(), "{text}");
        }
    }
}
