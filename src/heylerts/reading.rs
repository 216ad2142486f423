//! One reading of the list of mentions, and what is new in it.

use std::collections::HashSet;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::bookmark::{Bookmark, DONE, UNDATED, before};
use crate::json;
use crate::page::stable_hash;
use crate::time::Timestamp;

/// 2000-01-01, in milliseconds since 1970. Anything earlier stands for no time, as Go's year 1 and a zero do.
const EARLIEST: i64 = 946_684_800_000;
/// 2026-11-01, when this was written: a clock that is earlier is wrong.
const WRITTEN: i64 = 1_793_491_200_000;
/// How far in the future a time may be, as that of another time zone is. Anything later stands for no time.
const AHEAD: Duration = Duration::from_secs(24 * 60 * 60);

/// A mention below so many that are done is not new, whatever its time.
const SURE: usize = DONE / 2;

/// A mention that was read.
struct Item {
    key: u64,
    time: Option<i64>,
    /// The latest that its time can be, by those above it.
    latest: i64,
    /// Whether nothing with an older time stands between it and the recent ones above.
    is_near: bool,
    /// Whether it stands far below those that are done.
    is_far: bool,
    json: Box<RawValue>,
}

/// A new mention.
pub(super) struct Found {
    key: u64,
    /// For how long it is remembered: as long as those of this time.
    kept: i64,
    /// The time before which mentions are late by it, with the overlap.
    measure: Option<i64>,
    /// Its time, or that of those below it.
    order: Option<i64>,
    pub(super) json: Box<RawValue>,
}

impl Found {
    /// Moves a bookmark behind this mention.
    pub(super) fn pass(&self, bookmark: &mut Bookmark, overlap: Duration) {
        bookmark.remember(self.key, self.kept);
        if let Some(time) = self.measure {
            bookmark.advance(time, overlap);
        }
    }
}

/// The mentions that were read, from the top of the list down.
///
/// A bookmark remembers the recent mentions, by their times and the [overlap](super::Follow::overlap), everything that stands
/// above one of those in the list, and the first few below, which are done. So what is unknown and stands above a known
/// mention has appeared since, whatever its time.
pub(super) struct Reading {
    items: Vec<Item>,
    /// The time before which nothing is recent.
    bound: Option<i64>,
    /// If this reading only finds out what is there already: the overlap, since the bound follows from what is read.
    first: Option<Duration>,
    present: i64,
    /// The earliest time of the recent mentions.
    earliest: i64,
    /// How many mentions came that are not recent, since the last one that is.
    behind: usize,
    /// Whether one came that is remembered.
    has_known: bool,
    /// How many mentions came that are done.
    done: usize,
}

impl Reading {
    pub(super) fn new(
        bookmark: &mut Bookmark,
        overlap: Duration,
        is_first: bool,
        now: Timestamp,
    ) -> Reading {
        let now = now.as_millisecond().max(WRITTEN);
        // A clock that was set back by less than a day is behind: the times of a bookmark were the present once.
        let was = bookmark.newest().filter(|newest| newest.saturating_sub(now) < ahead());
        let present = was.map_or(now, |was| was.max(now));
        bookmark.clamp(present, overlap);
        Reading {
            items: Vec::new(),
            bound: bookmark.bound(overlap),
            first: is_first.then_some(overlap),
            present,
            earliest: present,
            behind: 0,
            has_known: false,
            done: 0,
        }
    }

    pub(super) fn push(&mut self, json: Box<RawValue>, bookmark: &Bookmark) {
        let item = self.item(json);
        if let Some(overlap) = self.first {
            self.bound = self.bound.max(item.time.map(|time| before(time, overlap)));
        }
        let is_done = bookmark.is_done(item.key);
        self.has_known |= bookmark.contains(item.key);
        self.done += usize::from(is_done);
        if bookmark.contains(item.key) || self.is_recent(&item) {
            self.behind = 0;
        } else if is_done || item.time.is_some() {
            self.behind += 1;
        }
        let recent = item.time.filter(|_| self.is_recent(&item));
        self.earliest = recent.map_or(self.earliest, |time| self.earliest.min(time));
        self.items.push(item);
    }

    /// Whether nothing that is new can follow: a single time may be wrong.
    pub(super) fn is_past_new(&self) -> bool {
        let is_sure = self.done >= DONE || self.done >= SURE && self.has_known;
        self.behind >= DONE || self.behind > 0 && self.done > 0 || is_sure
    }

    fn item(&self, json: Box<RawValue>) -> Item {
        let item: Value = json::from_slice(json.get().as_bytes()).unwrap_or_default();
        let time = |name: &str| {
            let time: Timestamp = serde_json::from_value(item.get(name)?.clone()).ok()?;
            let latest = self.present.saturating_add(ahead());
            let time = Some(time.as_millisecond()).filter(|time| (EARLIEST..latest).contains(time));
            // Those that follow would otherwise seem late.
            time.map(|time| time.min(self.present))
        };
        let id = match item.get("id") {
            Some(Value::String(id)) if id.contains(char::REPLACEMENT_CHARACTER) => exact(&json, id),
            Some(Value::String(id)) => id.clone(),
            Some(Value::Number(id)) => id.to_string(),
            // Two that are equal in everything are one.
            _ => item.to_string(),
        };
        let time = time("found_at").or_else(|| time("published_at"));
        let (latest, is_near) = (self.earliest, self.behind == 0);
        Item { key: stable_hash(&id), time, latest, is_near, is_far: self.done >= SURE, json }
    }

    fn is_recent(&self, item: &Item) -> bool {
        item.time.is_some_and(|time| self.bound.is_none_or(|bound| time >= bound))
    }

    /// Returns the new mentions, the oldest first, and notes in the bookmark what else was read.
    pub(super) fn finish(mut self, bookmark: &mut Bookmark) -> Vec<Found> {
        let items = std::mem::take(&mut self.items);
        let mut walk = Walk {
            is_bounded: bookmark.remembers_all(),
            clock: bookmark.is_stuck().then_some(self.present),
            reading: &self,
            below: None,
            is_above_known: false,
            new: Vec::new(),
            done: Vec::new(),
        };
        let mut keys = HashSet::new();
        for (nth, item) in items.into_iter().enumerate().rev() {
            if keys.insert(item.key) {
                walk.pass(nth, item, bookmark);
            }
        }
        let Walk { mut new, done, .. } = walk;
        bookmark.set_done(done.into_iter().rev());
        new.sort_by_key(|found| found.order);
        new
    }
}

/// [`AHEAD`] in milliseconds.
fn ahead() -> i64 {
    AHEAD.as_millis() as i64
}

/// Two ids have two texts, also if they are equal once they are decoded, as two lone surrogates are.
fn exact(item: &RawValue, decoded: &str) -> String {
    #[derive(Deserialize)]
    struct HasId<'a> {
        #[serde(borrow)]
        id: &'a RawValue,
    }
    let item: serde_json::Result<HasId<'_>> = serde_json::from_str(item.get());
    item.map_or_else(|_| decoded.to_owned(), |it| format!("{:?}", json::identity(it.id.get())))
}

/// The way up through what was read.
struct Walk<'a> {
    reading: &'a Reading,
    /// Whether a mention without a time would be known here, if it had been read before.
    is_bounded: bool,
    /// This machine's time, if those of the mentions do not show which ones can be forgotten.
    clock: Option<i64>,
    /// The latest time of the recent mentions below.
    below: Option<i64>,
    is_above_known: bool,
    new: Vec<Found>,
    /// The mentions below those that are recent, from the bottom up.
    done: Vec<u64>,
}

impl Walk<'_> {
    fn pass(&mut self, nth: usize, item: Item, bookmark: &mut Bookmark) {
        let (first, is_known) = (self.reading.first, bookmark.contains(item.key));
        let own = item.time.filter(|_| self.reading.is_recent(&item));
        self.is_above_known |= is_known;
        self.is_bounded |= bookmark.is_done(item.key);
        if is_known || !item.is_far || first.is_some() {
            let latest = bookmark.time_of(item.key).min(Some(item.latest));
            self.below = own.or(latest).max(self.below);
        }
        match (first, self.below) {
            (None, below) if !is_known && self.is_new(&item, bookmark) => {
                // A mention above others is not forgotten before them.
                let kept = own.unwrap_or(item.latest).max(below.unwrap_or(i64::MIN));
                let (kept, measure) = (self.clock.unwrap_or(kept), self.clock.or(own));
                self.below = self.clock.or(below);
                let Item { key, json, .. } = item;
                self.new.push(Found { key, kept, measure, order: own.or(below), json });
            }
            (Some(overlap), Some(time)) if own.is_some() => {
                bookmark.remember(item.key, time);
                bookmark.advance(time, overlap);
            }
            // It may be as new as the one above it.
            (Some(_), Some(time)) => bookmark.remember(item.key, item.latest.max(time)),
            (Some(_), None) if item.time.is_none() && item.is_near && nth < UNDATED => {
                bookmark.remember(item.key, item.latest);
            }
            (_, Some(time)) => bookmark.remember(item.key, time),
            (_, None) => self.done.push(item.key),
        }
    }

    fn is_new(&self, item: &Item, bookmark: &Bookmark) -> bool {
        let is_placed = match item.time {
            // Those that are done and stand above known ones were moved there.
            _ if item.is_far && !self.is_above_known => return false,
            _ if bookmark.is_done(item.key) => return false,
            None => self.is_bounded || self.is_above_known || self.below.is_some(),
            Some(_) => self.is_above_known,
        };
        is_placed || self.reading.is_recent(item)
    }
}

#[cfg(test)]
mod tests {
    use std::ops::Range;

    use serde_json::json;

    use super::*;
    use crate::page::checksum;

    const LIST: &str = "heylerts/mentions 0123456789abcdef";
    const MINUTE: i64 = 60_000;
    const DAY: i64 = 24 * 60 * MINUTE;
    const START: i64 = WRITTEN + 10 * DAY;
    const HOUR: Duration = Duration::from_secs(60 * 60);

    type Listed = (i64, Option<i64>);

    /// Reads pages of a hundred, and returns the ids that are new and how many mentions were read.
    fn read(list: &[Listed], now: i64, bookmark: &mut Bookmark) -> (Vec<u64>, usize) {
        let is_first = bookmark.is_unused();
        let now = Timestamp::from_millisecond(now).expect("a moment");
        let mut reading = Reading::new(bookmark, HOUR, is_first, now);
        for page in list.chunks(100) {
            for (id, time) in page {
                let mention = json!({"id": id, "found_at": time}).to_string();
                reading.push(RawValue::from_string(mention).expect("JSON"), bookmark);
            }
            if reading.is_past_new() {
                break;
            }
        }
        bookmark.begin(LIST.to_owned());
        let count = reading.items.len();
        let new = reading.finish(bookmark);
        new.iter().for_each(|found| found.pass(bookmark, HOUR));
        *bookmark = bookmark.to_string().parse().expect("a bookmark");
        (new.iter().map(|found| found.key).collect(), count)
    }

    fn new_in(list: &[Listed], now: i64, bookmark: &mut Bookmark) -> Vec<u64> {
        read(list, now, bookmark).0
    }

    /// Adds a mention a minute, asserts that each comes once, and returns the most that were remembered and read.
    fn follow(
        minutes: Range<i64>,
        list: &mut Vec<Listed>,
        bookmark: &mut Bookmark,
        said: impl Fn(i64) -> Option<i64>,
        clock: impl Fn(i64) -> i64,
    ) -> (usize, usize) {
        let mut most = (0, 0);
        for minute in minutes {
            list.insert(0, (minute, said(minute)));
            let (new, count) = read(list, clock(minute), bookmark);
            assert_eq!(new, keys([minute]), "{minute}");
            most = (most.0.max(bookmark.len()), most.1.max(count));
        }
        most
    }

    fn timed(end: i64) -> Vec<Listed> {
        (1..200).map(|nth| (-nth, Some(end - nth * MINUTE))).collect()
    }

    fn keys(ids: impl IntoIterator<Item = i64>) -> Vec<u64> {
        ids.into_iter().map(|id| stable_hash(&id.to_string())).collect()
    }

    #[test]
    fn the_bookmark_of_a_list_without_any_times_is_bounded() {
        let mut bookmark = Bookmark::default();
        for minute in 0..1_000 {
            let list: Vec<(i64, Option<i64>)> = (0..=minute).rev().map(|id| (id, None)).collect();
            let new = new_in(&list, WRITTEN + minute * MINUTE, &mut bookmark);
            assert_eq!(new, keys((minute > 0).then_some(minute)));
            assert!(bookmark.len() <= UNDATED + 61, "{}", bookmark.len());
        }
    }

    #[test]
    fn times_that_are_hours_ahead_of_this_machine_make_nothing_late() {
        for ahead in [0, 5, 14].map(|hours| hours * 60 * MINUTE) {
            let mut bookmark = Bookmark::default();
            let mut list = Vec::new();
            for minute in (0..3_000).step_by(7) {
                let now = WRITTEN + minute * MINUTE;
                // Every other time is right.
                let time = if minute % 2 == 0 { now + ahead } else { now };
                list.insert(0, (minute, Some(time)));
                let new = new_in(&list, now, &mut bookmark);
                assert_eq!(new, keys((minute > 0).then_some(minute)));
                assert!(bookmark.to_string().len() < 100 + 30 * (16 * 60 / 7 + DONE));
            }
        }
    }

    #[test]
    fn what_is_remembered_and_read_is_bounded_if_new_mentions_have_no_times_of_use() {
        let now = |minute| START + minute * MINUTE;
        let behind = |minute| now(minute) - 2 * DAY;
        let mut list = timed(START);
        let mut bookmark = Bookmark::default();
        new_in(&list, START, &mut bookmark);
        let most = follow(0..620, &mut list, &mut bookmark, |_| None, now);
        assert!(most.0 <= UNDATED + 62 && most.1 <= 700, "without times: {most:?}");

        let (mut list, mut bookmark) = (timed(START - 3 * DAY), Bookmark::default());
        new_in(&list, START - 2 * DAY, &mut bookmark);
        let said = |minute| Some(now(minute));
        let most = follow(0..620, &mut list, &mut bookmark, said, behind);
        assert!(most.0 <= UNDATED + 62 && most.1 <= 700, "a clock behind: {most:?}");
        // The clock is set.
        let most = follow(620..700, &mut list, &mut bookmark, said, now);
        assert!(most.0 <= UNDATED + 62 && most.1 <= 700, "a clock that was behind: {most:?}");

        let (mut list, mut bookmark) = (Vec::new(), Bookmark::default());
        new_in(&list, START, &mut bookmark);
        let most = follow(0..620, &mut list, &mut bookmark, |_| Some(START), now);
        assert!(most.0 <= UNDATED + 62 && most.1 <= 700, "one time for all: {most:?}");
    }

    /// A bookmark as versions wrote it that believed every time.
    fn written(newest: i64, seen: &[(i64, i64)]) -> Bookmark {
        let floor = newest - HOUR.as_millis() as i64;
        let mut state = format!("{LIST} {newest} {floor}");
        for (id, time) in seen {
            state.push_str(&format!(" {:x}@{}", keys([*id])[0], time - floor));
        }
        format!("{state} {}", checksum(&state)).parse().expect("a bookmark")
    }

    #[test]
    fn a_bookmark_with_a_time_in_the_future_is_mended() {
        let far = START + 70 * 365 * DAY;
        for wrong in [Some((-1, Some(far))), None] {
            let mut list: Vec<Listed> = wrong.into_iter().collect();
            list.push((-2, Some(START - 70 * MINUTE)));
            let mut bookmark = written(far, &[(-1, far)]);
            let now = |minute| START + minute * MINUTE;
            let most = follow(0..200, &mut list, &mut bookmark, |minute| Some(now(minute)), now);
            assert!(most.0 <= 130 && most.1 <= 200, "{most:?}");
        }
    }

    #[test]
    fn a_late_mention_above_newer_ones_is_not_forgotten_before_them() {
        let at = |minute| Some(START + minute * MINUTE);
        let mut list: Vec<Listed> = (1..6).map(|nth| (-nth, at(-60 - nth))).collect();
        let mut bookmark = Bookmark::default();
        new_in(&list, START - 60 * MINUTE, &mut bookmark);
        // After a gap: forty, a newer one, one that is late, and one that makes all of them old.
        for (id, minute) in (100..140).map(|id| (id, id - 80)).chain([(1, 60), (2, 0), (3, 120)]) {
            list.insert(0, (id, at(minute)));
        }
        assert_eq!(new_in(&list, START + 121 * MINUTE, &mut bookmark).len(), 43);
        for minute in 122..130 {
            assert!(new_in(&list, START + minute * MINUTE, &mut bookmark).is_empty());
        }
    }

    #[test]
    fn a_reading_goes_on_behind_a_few_times_that_are_wrong() {
        let mut bookmark = Bookmark::default();
        let mut list = vec![(-1, Some(START))];
        new_in(&list, START, &mut bookmark);
        // At the end of a page.
        list.splice(0..0, (0..130).map(|id| (id, Some(if id < 98 { START } else { START - DAY }))));
        assert_eq!(new_in(&list, START, &mut bookmark).len(), 130);
    }

    #[test]
    fn a_new_mention_below_old_ones_that_were_moved_to_the_top_comes() {
        let at = |minute| Some(START + minute * MINUTE);
        for moved in [SURE, DONE - 1] {
            let mut list: Vec<Listed> = (0..150).map(|nth| (-nth, at(-5 * nth))).collect();
            let mut bookmark = Bookmark::default();
            new_in(&list, START, &mut bookmark);
            let first_done = list.iter().position(|(id, _)| bookmark.is_done(keys([*id])[0]));
            let first_done = first_done.expect("one that is done");
            let old: Vec<Listed> = list.drain(first_done..first_done + moved).collect();
            list.insert(0, (1, at(1)));
            list.splice(0..0, old.into_iter().map(|(id, _)| (id, at(2))));
            assert_eq!(new_in(&list, START + 2 * MINUTE, &mut bookmark), keys([1]), "{moved}");
            assert!(new_in(&list, START + 3 * MINUTE, &mut bookmark).is_empty());
        }
    }

    #[test]
    fn one_old_mention_that_was_moved_among_new_ones_does_not_end_the_reading() {
        let at = |minute| Some(START + minute * MINUTE);
        let mut list: Vec<Listed> = (0..150).map(|nth| (-nth, at(-5 * nth))).collect();
        let mut bookmark = Bookmark::default();
        new_in(&list, START, &mut bookmark);
        let first_done = list.iter().position(|(id, _)| bookmark.is_done(keys([*id])[0]));
        let (moved, _) = list.remove(first_done.expect("one that is done"));
        list.splice(0..0, (1..=150).map(|id| (id, at(1))));
        list.insert(50, (moved, at(1)));
        assert_eq!(new_in(&list, START + MINUTE, &mut bookmark).len(), 150);
    }

    #[test]
    fn new_mentions_behind_a_page_that_ends_with_old_ones_which_were_moved_there_come() {
        let at = |minute| Some(START + minute * MINUTE);
        let mut list: Vec<Listed> = (0..150).map(|nth| (-nth, at(-5 * nth))).collect();
        let mut bookmark = Bookmark::default();
        new_in(&list, START, &mut bookmark);
        let first_done = list.iter().position(|(id, _)| bookmark.is_done(keys([*id])[0]));
        let first_done = first_done.expect("one that is done");
        let moved: Vec<Listed> = list.drain(first_done..first_done + SURE).collect();
        list.splice(0..0, (1..=150).map(|id| (id, at(1))));
        list.splice(100 - SURE..100 - SURE, moved.into_iter().map(|(id, _)| (id, at(1))));
        assert_eq!(new_in(&list, START + MINUTE, &mut bookmark).len(), 150);
    }

    #[test]
    fn a_new_mention_behind_a_page_of_late_ones_that_came_before_comes() {
        let (mut list, mut bookmark) = (timed(START), Bookmark::default());
        new_in(&list, START, &mut bookmark);
        for batch in 0..4 {
            let late = 30 * batch + 1..=30 * batch + 30;
            list.splice(0..0, late.map(|id| (id, Some(START - 3 * DAY))));
            assert_eq!(new_in(&list, START + MINUTE, &mut bookmark).len(), 30);
        }
        list.insert(110, (121, Some(START + 2 * MINUTE)));
        assert_eq!(new_in(&list, START + 2 * MINUTE, &mut bookmark), keys([121]));
    }

    #[test]
    fn a_mention_without_a_time_is_remembered_no_longer_than_the_one_above_it() {
        let (mut list, mut bookmark) = (timed(START - 3 * DAY), Bookmark::default());
        new_in(&list, START, &mut bookmark);
        for minute in 0..200 {
            let now = START + minute * MINUTE;
            list.splice(0..0, [(2 * minute + 1, Some(now - 3 * DAY)), (2 * minute, None)]);
            assert_eq!(new_in(&list, now, &mut bookmark).len(), 2);
            assert!(bookmark.len() <= 2 * 61 + 1, "{}", bookmark.len());
        }
    }

    #[test]
    fn a_reading_ends_with_the_page_on_which_the_first_ones_that_are_done_stand() {
        let every = |seconds: i64| -> Vec<Listed> {
            (0..1_000).map(|nth| (-nth, Some(START - nth * seconds * 1_000))).collect()
        };
        let mut bookmark = Bookmark::default();
        new_in(&every(40), START, &mut bookmark);
        assert_eq!(read(&every(40), START, &mut bookmark), (Vec::new(), 100));

        let mut list: Vec<Listed> = (0..1_000).map(|nth| (nth, None)).collect();
        let mut bookmark = Bookmark::default();
        new_in(&list, START, &mut bookmark);
        let is_left = |(id, _): &Listed| *id == 500 || !bookmark.is_done(keys([*id])[0]);
        list.retain(is_left);
        assert_eq!(read(&list, START, &mut bookmark), (Vec::new(), 600));
    }

    #[test]
    fn a_reading_ends_below_known_ones_and_half_of_those_that_were_done_though_their_times_were_changed()
     {
        let at = |minute| Some(START + minute * MINUTE);
        let mut list: Vec<Listed> = (0..1_000).map(|nth| (-nth, at(-nth))).collect();
        let mut bookmark = Bookmark::default();
        new_in(&list, START, &mut bookmark);
        list.drain(61..61 + DONE - SURE);
        list.iter_mut().skip(61).for_each(|(_, time)| *time = at(1));
        assert_eq!(read(&list, START + MINUTE, &mut bookmark), (Vec::new(), 100));
    }

    #[test]
    fn a_reading_ends_below_all_that_were_done_though_their_times_were_changed() {
        let at = |minute| Some(START + minute * MINUTE);
        let mut list: Vec<Listed> = (0..1_000).map(|nth| (-nth, at(-nth))).collect();
        let mut bookmark = Bookmark::default();
        new_in(&list, START, &mut bookmark);
        list.retain(|(id, _)| !bookmark.contains(keys([*id])[0]));
        list.iter_mut().for_each(|(_, time)| *time = at(1));
        let (new, count) = read(&list, START + MINUTE, &mut bookmark);
        assert!(new.is_empty() && count <= 100, "{count}, {new:?}");
    }

    #[test]
    fn a_clock_that_is_behind_by_hours_now_and_then_loses_no_mention_and_repeats_none() {
        for seed in 0..6 {
            let mut random = fastrand::Rng::with_seed(seed);
            let (mut list, mut bookmark, mut id) = (timed(START), Bookmark::default(), 0);
            new_in(&list, START, &mut bookmark);
            for minute in 1..100 {
                let (now, first) = (START + minute * MINUTE, id);
                for _ in 0..[0, 1, 3, 40][random.usize(..4)] {
                    id += 1;
                    let late = if random.u8(..8) == 0 { random.i64(0..50) } else { 0 };
                    list.insert(0, (id, Some(now - late * MINUTE)));
                }
                list.sort_by_key(|(_, time)| std::cmp::Reverse(*time));
                let behind = [0, 0, 0, 1, 10, 50, 70, 200, 1_300][random.usize(..9)];
                let mut new = new_in(&list, now - behind * MINUTE, &mut bookmark);
                let mut expected = keys(first + 1..=id);
                new.sort_unstable();
                expected.sort_unstable();
                assert_eq!(new, expected, "seed {seed}, minute {minute}, {behind} behind");
            }
        }
    }

    #[test]
    fn a_recent_mention_below_one_that_is_done_comes() {
        let at = |minute| Some(START + minute * MINUTE);
        let mut bookmark = Bookmark::default();
        let old = [(-2, at(-90)), (-3, at(-95))];
        new_in(&[&[(-1, at(0))], &old[..]].concat(), START, &mut bookmark);
        let list = [(2, at(2)), (-1, at(0)), old[0], (1, at(1)), old[1]];
        assert_eq!(new_in(&list, START + 2 * MINUTE, &mut bookmark), keys([1, 2]));
    }

    #[test]
    fn the_first_reading_ends_at_the_mentions_before_the_overlap() {
        let list: Vec<Listed> = (0..1_000).map(|nth| (nth, Some(START - nth * MINUTE))).collect();
        let mut bookmark = Bookmark::default();
        let (new, count) = read(&list, START, &mut bookmark);
        assert!(new.is_empty() && count <= 100, "{count}");
        assert_eq!(bookmark.len(), 61);
    }

    #[test]
    fn the_first_reading_remembers_a_bounded_number_without_times() {
        let list: Vec<Listed> = (0..1_000).map(|nth| (nth, None)).collect();
        let mut bookmark = Bookmark::default();
        assert!(new_in(&list, START, &mut bookmark).is_empty());
        assert_eq!(bookmark.len(), UNDATED);
        // Those below one that is old are done.
        let list = [(1, None), (2, Some(START - DAY)), (3, None), (4, None)];
        let mut bookmark = Bookmark::default();
        new_in(&[(0, Some(START)), list[1], list[2]], START, &mut bookmark);
        assert!(bookmark.contains(keys([0])[0]) && bookmark.is_done(keys([3])[0]));
    }

    #[test]
    fn a_machine_without_a_clock_follows_by_the_times_of_the_mentions() {
        let (mut list, mut bookmark) = (timed(WRITTEN), Bookmark::default());
        new_in(&list, 0, &mut bookmark);
        let said = |minute| Some(WRITTEN + minute * MINUTE);
        let most = follow(0..300, &mut list, &mut bookmark, said, |minute| minute);
        assert!(most.0 <= 400, "{most:?}");
        assert_eq!(bookmark.bound(HOUR), Some(WRITTEN - HOUR.as_millis() as i64));
    }

    #[test]
    fn an_old_mention_below_those_that_are_known_is_not_new() {
        let mut bookmark = Bookmark::default();
        new_in(&[(-1, Some(START))], START, &mut bookmark);
        let list = [(-1, Some(START)), (1, Some(START - DAY))];
        assert!(new_in(&list, START, &mut bookmark).is_empty());
    }

    #[test]
    fn a_mention_without_a_time_between_those_that_are_known_and_those_that_are_done_comes() {
        let mut list = timed(START - 2 * HOUR.as_millis() as i64);
        list.insert(0, (0, Some(START)));
        let mut bookmark = Bookmark::default();
        new_in(&list, START, &mut bookmark);
        list.insert(1, (1, None));
        assert_eq!(new_in(&list, START, &mut bookmark), keys([1]));
        assert!(new_in(&list, START, &mut bookmark).is_empty());
    }

    #[test]
    fn ids_with_different_lone_surrogates_are_two_mentions() {
        let mut bookmark = Bookmark::default();
        let mention = |id: &str| {
            RawValue::from_string(format!(r#"{{"id": "{id}", "found_at": {START}}}"#))
                .expect("JSON")
        };
        for (ids, count) in [(&["a"][..], 0), (&[r"\ud800", r"\ud801", "a"], 2)] {
            let now = Timestamp::from_millisecond(START).expect("a moment");
            let mut reading = Reading::new(&mut bookmark, HOUR, count == 0, now);
            ids.iter().for_each(|id| reading.push(mention(id), &bookmark));
            assert_eq!(reading.finish(&mut bookmark).len(), count);
        }
    }
}
