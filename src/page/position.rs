//! A position in a list, to be written down.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::error::{Error, Result};

/// The place before the first item of a list that goes by cursors. It needs no checksum: cut off, it is no place.
const START: &str = "start";
/// The first character of a checksum, and of nothing else in a line.
const SUM: char = '=';

/// A position in a list: right after the last item that an iterator yielded.
///
/// It prints as one line of visible ASCII and parses back, so that a script can continue in a later run; with serde it
/// is a string. It names the service, the list and a hash of the filters, and another list rejects it. A checksum in it
/// makes a line that was cut off an error, and never another position. It holds no secret: only a number of items, or the
/// ids of two events.
///
/// If the list has not changed, an iterator that is resumed yields exactly the items that were left. If it has changed:
///
/// * Heylerts: the items that were left and still exist all come. Items that were added at the top do not. As many
///   items as were added may come a second time, and as many as were deleted. If a page had left items out that did not
///   come yet, or if three pages began with items that had come, the position ends in `lacking`, and the items that were
///   left are followed by an error with a [`hint`](Error::hint). A service that sorts items with equal times anew for each response can hide some of those
///   before the position: one iterator reads the list again to find them, and a resumed one cannot.
/// * Heylo: exact as long as one of the two events that the position names still exists. If the service does not show
///   what follows the other one, the list is read from its beginning up to there. If both were deleted, the first
///   item is an error with a [`hint`](Error::hint). Events that were added before the position do not
///   come. While a list is read again from its top, since the events at the end of a page were deleted, a position is
///   where the new reading is, and some events that came before may come a second time.
///
/// # Examples
///
/// ```
/// use heysync::page::Position;
///
/// # use heysync::{Config, heylerts, sandbox};
/// # let config = Config::new().transport(sandbox::Heylerts::demo()).clock(sandbox::TestClock::new());
/// # let client = heylerts::Client::with_config("hlt_key", config)?;
/// let mut mentions = client.mentions();
/// mentions.next();
/// let saved = mentions.position().to_string();
///
/// let position: Position = saved.parse()?;
/// assert_eq!(client.mentions().resume_at(&position)?.count(), 136);
/// // Another list rejects it:
/// assert!(client.alerts().resume_at(&position).is_err());
/// # Ok::<(), heysync::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Position {
    list: String,
    place: String,
}

impl Position {
    pub(crate) fn new(list: String, place: String) -> Position {
        Position { list, place }
    }

    /// The place in `list`, if the position is from that list.
    pub(crate) fn place_in(&self, list: &str) -> Result<&str> {
        if self.list == list {
            return Ok(&self.place);
        }
        let (theirs, ours) = (service_and_listing(&self.list), service_and_listing(list));
        Err(Error::invalid(format!(
            "the position is from {theirs}, not from {ours} with these filters"
        )))
    }

    pub(crate) fn unreadable() -> Error {
        Error::invalid("this is not a position, or not a whole one")
            .with_hint("restore the file, or delete it to read from the start")
    }
}

fn service_and_listing(list: &str) -> &str {
    list.split(' ').next().unwrap_or_default()
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.place == START {
            return write!(f, "{} {START}", self.list);
        }
        write!(f, "{} {} {}", self.list, checksum(&self.place), self.place)
    }
}

impl FromStr for Position {
    type Err = Error;

    /// Parses the string that a position printed. White space around it is ignored. Whether it fits a list is checked
    /// by [`Pager::resume_at`](super::Pager::resume_at).
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if the string is empty, was cut off, or cannot be a position. The
    /// first run of a program has no string to parse: it reads the list from its start.
    fn from_str(text: &str) -> Result<Position> {
        if text.trim().is_empty() {
            let hint = "restore the file, or delete it to read from the start";
            return Err(Error::invalid("the position is empty").with_hint(hint));
        }
        let mut parts = text.trim().splitn(3, ' ');
        let (Some(listing), Some(filters), Some(place)) =
            (parts.next(), parts.next(), parts.next())
        else {
            return Err(Position::unreadable());
        };
        let place = whole(place).ok_or_else(Position::unreadable)?;
        Ok(Position { list: format!("{listing} {filters}"), place: place.to_owned() })
    }
}

/// The place behind its checksum, if that fits. Of `37 of 137`, cut off, `37 of 1` would be another place.
fn whole(place: &str) -> Option<&str> {
    if !place.starts_with(SUM) {
        return Some(place);
    }
    let (sum, place) = place.split_once(' ')?;
    (sum == checksum(place)).then_some(place)
}

impl Serialize for Position {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Position {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Position, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// Returns the name of a list in positions: service and list, and a hash of the filters.
pub(crate) fn list_name(listing: &str, filters: &str) -> String {
    // A hash and not the filters: a position is saved in files and printed in logs.
    format!("{listing} {:016x}", stable_hash(filters))
}

/// Returns a hash that stays the same from one build to the next: FNV-1a.
pub(crate) fn stable_hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// Returns the word that shows whether a line was saved whole.
pub(crate) fn checksum(line: &str) -> String {
    format!("{SUM}{:016x}", stable_hash(line))
}

/// Percent-encodes an id, so that it is one word of visible ASCII.
pub(super) fn encode(id: &str) -> String {
    let mut word = String::with_capacity(id.len());
    for byte in id.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b':' => {
                word.push(char::from(byte));
            }
            _ => word.push_str(&format!("%{byte:02X}")),
        }
    }
    word
}

/// Reads an id that [`encode`] wrote; `None` if it wrote no such word.
pub(super) fn decode(word: &str) -> Option<String> {
    let mut parts = word.split('%');
    let mut id = parts.next()?.as_bytes().to_vec();
    for part in parts {
        let (hex, rest) = part.split_at_checked(2)?;
        id.push(u8::from_str_radix(hex, 16).ok()?);
        id.extend_from_slice(rest.as_bytes());
    }
    let id = String::from_utf8(id).ok()?;
    (!id.is_empty() && encode(&id) == word).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_prints_and_parses() {
        let position =
            Position::new(list_name("heylo/communityEvents", "abc"), "after e 1".to_owned());
        assert_eq!(position.to_string().parse::<Position>().expect("a position"), position);
    }

    #[test]
    fn every_id_is_one_word_of_visible_ascii() {
        for id in ["e1", " a ", "\u{a0}", "line\nbreak", "50%", "%20", "\u{feff}é", "a:b-c_d.e~f"]
        {
            let word = encode(id);
            assert!(word.bytes().all(|byte| byte.is_ascii_graphic()), "{word}");
            assert_eq!(decode(&word).as_deref(), Some(id));
        }
        for word in ["", "%", "%2", "%zz", "%c3", "a b", "%61", "%C3%28", "%+1"] {
            assert_eq!(decode(word), None, "{word}");
        }
    }

    #[test]
    fn a_position_of_another_list_is_rejected() {
        let position = Position::new(list_name("heylerts/alerts", ""), "3 of 7".to_owned());
        let error =
            position.place_in(&list_name("heylerts/mentions", "")).expect_err("another list");
        assert!(error.to_string().contains("heylerts/alerts"), "{error}");
        assert!(position.place_in(&list_name("heylerts/alerts", "source=x")).is_err());
        assert!(position.place_in(&list_name("heylerts/alerts", "")).is_ok());
    }

    #[test]
    fn a_position_saved_by_one_build_is_read_by_the_next() {
        assert_eq!(list_name("a/b", ""), "a/b cbf29ce484222325");
        assert_eq!(list_name("a/b", "a"), "a/b af63dc4c8601ec8c");
        assert_eq!(list_name("a/b", "foobar"), "a/b 85944171f73967e8");
    }

    #[test]
    fn a_position_that_was_cut_off_within_its_numbers_or_ids_is_rejected() {
        for place in ["37 of 137", "0 of ?", "7 start", "after e12", "after e12 e11"] {
            let position = Position::new(list_name("heylerts/mentions", ""), place.to_owned());
            let whole = position.to_string();
            assert_eq!(format!(" {whole}\r\n").parse::<Position>().expect("whole"), position);
            for end in 0..whole.len() {
                assert!(whole[..end].parse::<Position>().is_err(), "{}", &whole[..end]);
            }
        }
    }

    #[test]
    fn a_string_that_is_no_position_is_rejected() {
        for text in ["", "x", "x y", "\n"] {
            assert!(text.parse::<Position>().is_err(), "{text:?}");
        }
    }
}
