//! How far a program has read the mentions, to be written down.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::error::{Error, Result};
use crate::page::checksum;

/// The state of a bookmark of a program that has read nothing.
const UNUSED: &str = "unused";
/// How many mentions are remembered below those that are recent. A mention without a time is new or not by its place beside
/// them.
pub(super) const DONE: usize = 32;
/// How many mentions without a newer time are remembered before this machine's clock is trusted to forget some.
pub(super) const UNDATED: usize = 500;

/// How to go on without a bookmark. With [`Bookmark::default`] and without `since`, all mentions in the list count as old.
const WITHOUT: &str = "restore the file, or begin without it: with Bookmark::default(), and the filter `since` with the time \
                       of the last run; without that filter, the mentions since then are lost";

/// How far a program has read the mentions: the state of a [`Follow`](super::Follow).
///
/// It prints as one line of visible ASCII and parses back, so that a later run continues; with serde it is a string.
/// The default is the bookmark of a program that has read nothing. The line ends with a checksum: an empty string, or a
/// line that was cut off or changed, is an error and never another bookmark.
///
/// To keep it in a file, use `load` and `save` of [State files](crate::guide::long_lists#state-files): a program that is
/// killed while it writes leaves the old bookmark or the new one.
///
/// It holds the time of the newest mention that was yielded, and a hash of the id of each one within the
/// [overlap](super::Follow::overlap) before it, of those that stand above one of these in the list, and of the 32 below:
/// some 25 bytes for each. It holds no secret.
///
/// # Examples
///
/// ```
/// use heysync::heylerts::Bookmark;
///
/// # use heysync::{Config, heylerts, sandbox};
/// # let config = Config::new().transport(sandbox::Heylerts::demo()).clock(sandbox::TestClock::new());
/// # let client = heylerts::Client::with_config("hlt_key", config)?;
/// let mut new = client.mentions().new_since(&Bookmark::default())?;
/// assert!(new.next().is_none()); // nothing is new to the first run
///
/// let saved = new.bookmark().to_string();
/// let bookmark: Bookmark = saved.parse()?;
/// assert_eq!(client.mentions().new_since(&bookmark)?.count(), 0);
/// // Other filters make another list:
/// assert!(client.mentions().source("reddit").new_since(&bookmark).is_err());
/// # Ok::<(), heysync::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Bookmark {
    /// The name of the list with its filters; empty as long as nothing was read.
    list: String,
    /// The time of the newest mention that was yielded, in milliseconds since 1970.
    newest: Option<i64>,
    /// Everything before this time is done.
    floor: Option<i64>,
    /// The mentions since then that were yielded, by a hash each, with their times and in the order of the list.
    seen: HashMap<u64, (i64, u64)>,
    /// The same, in the order of their times.
    by_time: BTreeMap<(i64, u64), u64>,
    /// How many mentions were remembered.
    count: u64,
    /// The mentions below those in the list, from the top down.
    done: VecDeque<u64>,
}

impl PartialEq for Bookmark {
    fn eq(&self, other: &Bookmark) -> bool {
        self.state() == other.state()
    }
}

impl Eq for Bookmark {}

impl Bookmark {
    pub(super) fn is_unused(&self) -> bool {
        self.list.is_empty()
    }

    /// Rejects a bookmark of another list.
    pub(super) fn check(&self, list: &str) -> Result<()> {
        if self.is_unused() || self.list == list {
            return Ok(());
        }
        Err(Error::invalid("the bookmark is from mentions with other filters"))
    }

    /// States that the list is read from here on. Before that, a bookmark is unused.
    pub(super) fn begin(&mut self, list: String) {
        self.list = list;
    }

    /// The time of the newest mention that was yielded.
    pub(super) fn newest(&self) -> Option<i64> {
        self.newest
    }

    /// The time before which nothing is new: by the overlap, or by what earlier runs have done.
    pub(super) fn bound(&self, overlap: Duration) -> Option<i64> {
        let bound = self.newest.map(|newest| before(newest, overlap));
        self.floor.max(bound)
    }

    /// Counts times in the future as the present: those of a wrong mention, or from before this machine's clock was set back.
    pub(super) fn clamp(&mut self, present: i64, overlap: Duration) {
        self.newest = self.newest.map(|newest| newest.min(present));
        if self.floor.is_some_and(|floor| floor > present) {
            self.floor = Some(before(present, overlap));
        }
        let ahead = self.by_time.split_off(&(present, u64::MAX));
        for key in ahead.into_values() {
            self.seen.remove(&key);
            self.remember(key, present);
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.seen.len()
    }

    pub(super) fn contains(&self, key: u64) -> bool {
        self.seen.contains_key(&key)
    }

    pub(super) fn time_of(&self, key: u64) -> Option<i64> {
        self.seen.get(&key).map(|(time, _)| *time)
    }

    /// Whether a mention is one of those below the recent ones.
    pub(super) fn is_done(&self, key: u64) -> bool {
        self.done.contains(&key)
    }

    /// Whether nothing that was read was forgotten.
    pub(super) fn remembers_all(&self) -> bool {
        self.done.len() < DONE
    }

    /// Whether so many mentions were remembered without a later time among them that nothing would ever be forgotten: they
    /// have no usable times, or a wrong one is the newest.
    pub(super) fn is_stuck(&self) -> bool {
        let since = self.newest.unwrap_or(i64::MIN);
        self.by_time.range((since, 0)..).nth(UNDATED).is_some()
    }

    /// Forgets the mentions before the overlap, now that one with this time was yielded.
    pub(super) fn advance(&mut self, time: i64, overlap: Duration) {
        self.newest = self.newest.max(Some(time));
        self.floor = self.bound(overlap);
        while let Some(entry) = self.by_time.first_entry()
            && Some(entry.key().0) < self.floor
        {
            let key = entry.remove();
            self.seen.remove(&key);
            self.done.push_front(key);
        }
        self.done.truncate(DONE);
    }

    /// Remembers a mention for as long as those of this time. Of equal times, the first remembered is the first forgotten.
    pub(super) fn remember(&mut self, key: u64, time: i64) {
        self.count += 1;
        if let Some(earlier) = self.seen.insert(key, (time, self.count)) {
            self.by_time.remove(&earlier);
        }
        self.by_time.insert((time, self.count), key);
        self.done.retain(|done| *done != key);
    }

    /// Remembers the mentions that were read below the recent ones, from the top down.
    pub(super) fn set_done(&mut self, read: impl Iterator<Item = u64>) {
        let mut done: VecDeque<u64> = read.take(DONE).collect();
        let others = self.done.iter().copied().filter(|key| !done.contains(key));
        done.extend(others.collect::<Vec<u64>>());
        done.truncate(DONE);
        self.done = done;
    }

    /// The words of the line before its checksum.
    fn state(&self) -> String {
        if self.is_unused() {
            return UNUSED.to_owned();
        }
        let number =
            |time: Option<i64>| time.map_or_else(|| "-".to_owned(), |time| time.to_string());
        let mut state = format!("{} {} {}", self.list, number(self.newest), number(self.floor));
        let base = self.floor.unwrap_or_default();
        for ((time, _), key) in &self.by_time {
            // Times near each other are short numbers.
            state.push_str(&format!(" {key:x}@{}", i128::from(*time) - i128::from(base)));
        }
        self.done.iter().for_each(|key| state.push_str(&format!(" {key:x}")));
        state
    }
}

/// The time so long before another one, in milliseconds.
pub(super) fn before(time: i64, overlap: Duration) -> i64 {
    time.saturating_sub(i64::try_from(overlap.as_millis()).unwrap_or(i64::MAX))
}

impl fmt::Display for Bookmark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state();
        write!(f, "{state} {}", checksum(&state))
    }
}

impl FromStr for Bookmark {
    type Err = Error;

    /// Parses the string that a bookmark printed. White space around it is ignored.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if the string is empty, was cut off, or is no bookmark. The
    /// first run of a program has no string to parse: it begins with the default.
    fn from_str(text: &str) -> Result<Bookmark> {
        let text = text.trim();
        if text.is_empty() {
            return Err(Error::invalid("the bookmark is empty").with_hint(WITHOUT));
        }
        let whole = text.rsplit_once(' ').filter(|(state, sum)| *sum == checksum(state));
        whole.and_then(|(state, _)| parse(state)).ok_or_else(|| {
            Error::invalid("this is not a bookmark, or not a whole one").with_hint(WITHOUT)
        })
    }
}

fn parse(state: &str) -> Option<Bookmark> {
    if state == UNUSED {
        return Some(Bookmark::default());
    }
    let mut words = state.split(' ');
    let list = format!("{} {}", words.next()?, words.next()?);
    let number = |word: &str| match word {
        "-" => Some(None),
        word => word.parse().ok().map(Some),
    };
    let (newest, floor) = (number(words.next()?)?, number(words.next()?)?);
    let mut bookmark = Bookmark { list, newest, floor, ..Bookmark::default() };
    for word in words {
        let Some((key, time)) = word.split_once('@') else {
            bookmark.done.push_back(u64::from_str_radix(word, 16).ok()?);
            continue;
        };
        let time = time.parse::<i64>().ok()?.checked_add(floor.unwrap_or_default())?;
        bookmark.remember(u64::from_str_radix(key, 16).ok()?, time);
    }
    Some(bookmark)
}

impl Serialize for Bookmark {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Bookmark {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Bookmark, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn bookmark(mentions: &[(u64, i64)]) -> Bookmark {
        let mut bookmark = Bookmark::default();
        bookmark.begin("heylerts/mentions 0123456789abcdef".to_owned());
        for (key, time) in mentions {
            bookmark.remember(*key, *time);
            bookmark.advance(*time, MINUTE);
        }
        bookmark
    }

    #[test]
    fn what_is_older_than_the_overlap_is_forgotten() {
        let bookmark = bookmark(&[(1, 0), (2, 30_000), (3, 30_000), (4, 90_000)]);
        assert_eq!(bookmark.bound(MINUTE), Some(30_000));
        assert_eq!([1, 2, 3, 4].map(|key| bookmark.contains(key)), [false, true, true, true]);
    }

    #[test]
    fn a_larger_overlap_makes_nothing_new_again() {
        let bookmark = bookmark(&[(1, 0), (2, 90_000)]);
        assert_eq!(bookmark.bound(10 * MINUTE), Some(30_000));
        assert_eq!(bookmark.bound(Duration::ZERO), Some(90_000));
    }

    #[test]
    fn a_line_that_was_cut_off_or_changed_or_is_something_else_is_rejected() {
        let used = bookmark(&[(1, 0), (0xfeed, 1000), (2, 3_600_000)]);
        for whole in [used.to_string(), Bookmark::default().to_string()] {
            assert!(format!(" {whole}\r\n").parse::<Bookmark>().is_ok(), "{whole}");
            for end in 0..whole.len() {
                assert!(whole[..end].parse::<Bookmark>().is_err(), "{}", &whole[..end]);
                assert!(whole[end + 1..].parse::<Bookmark>().is_err(), "{}", &whole[end + 1..]);
                let without = format!("{}{}", &whole[..end], &whole[end + 1..]);
                assert!(without.parse::<Bookmark>().is_err(), "{without}");
            }
        }
        let torn = [" \n", "\0\0\0\0", "heylerts/mentions 0123 3 of 17", "x", "{}", "a b 1 2 zz@1"];
        for text in torn {
            assert!(text.parse::<Bookmark>().is_err(), "{text}");
            let summed = format!("{text} {}", checksum(text)).parse::<Bookmark>();
            assert!(summed.is_err(), "{text}");
        }
    }

    #[test]
    fn the_hint_for_a_bookmark_without_a_checksum_names_the_filter_that_loses_no_mention() {
        let line = bookmark(&[(1, 0)]).to_string();
        let (state, _) = line.rsplit_once(' ').expect("a checksum");
        let error = state.parse::<Bookmark>().expect_err("no checksum");
        assert!(error.hint().is_some_and(|hint| hint.contains("`since`")), "{error}");
    }

    #[test]
    fn the_bookmark_of_a_program_that_has_read_nothing_parses_back() {
        let line = Bookmark::default().to_string();
        assert_eq!(line.parse::<Bookmark>().ok(), Some(Bookmark::default()));
        let error = "".parse::<Bookmark>().expect_err("no bookmark");
        assert!(error.report().to_string().contains("Bookmark::default()"), "{error}");
    }

    #[test]
    fn a_mention_with_a_later_time_stays_known_for_longer() {
        let mut bookmark = bookmark(&[(1, 0), (2, 1000)]);
        bookmark.remember(1, 50_000);
        bookmark.advance(100_000, MINUTE);
        assert_eq!([1, 2].map(|key| bookmark.contains(key)), [true, false]);
        assert_eq!([1, 2].map(|key| bookmark.is_done(key)), [false, true]);
    }

    #[test]
    fn times_in_the_future_count_as_the_present() {
        let mut bookmark = bookmark(&[(1, 0), (2, 4_000_000), (3, 4_000_000)]);
        bookmark.remember(4, 5_000);
        bookmark.clamp(10_000, MINUTE);
        assert_eq!(bookmark.bound(MINUTE), Some(-50_000));
        assert_eq!([2, 3, 4].map(|key| bookmark.time_of(key)), [10_000, 10_000, 5_000].map(Some));
        bookmark.remember(5, 75_000);
        bookmark.advance(75_000, MINUTE);
        assert_eq!([2, 3, 4, 5].map(|key| bookmark.contains(key)), [false, false, false, true]);
    }

    proptest! {
        #[test]
        fn a_bookmark_is_one_line_that_parses_back(
            mentions in prop::collection::vec((any::<u64>(), -1_000_000_i64..1_000_000), 0..40),
        ) {
            let bookmark = bookmark(&mentions);
            let line = bookmark.to_string();
            prop_assert!(line.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()));
            prop_assert_eq!(line.parse::<Bookmark>().expect("a bookmark"), bookmark);
        }
    }
}
