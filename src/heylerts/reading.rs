//! One reading of the list of mentions, and what is new in it.

use std::collections::HashSet;
use std::time::Duration;

use serde_json::Value;
use serde_json::value::RawValue;

use super::bookmark::{Bookmark, DONE, before};
use crate::json;
use crate::page::stable_hash;
use crate::time::Timestamp;

/// 2000-01-01, in milliseconds since 1970. Anything earlier stands for no time, as Go's year 1 and a zero do.
const EARLIEST: i64 = 946_684_800_000;
/// 2026-11-01, when this was written: a clock that is earlier is wrong.
const WRITTEN: i64 = 1_793_491_200_000;
/// How far in the future a time may be, as that of another time zone is. Anything later stands for no time.
const AHEAD: Duration = Duration::from_secs(24 * 60 * 60);

/// How many mentions of a list without any times are remembered before this machine's clock is trusted to forget some.
const UNDATED: usize = 500;

/// A mention that was read.
struct Item {
    key: u64,
    time: Option<i64>,
    /// The latest that its time can be, by those above it.
    latest: i64,
    /// Whether nothing with an older time stands between it and the recent ones above.
    is_near: bool,
    json: Box<RawValue>,
}

/// A new mention.
pub(super) struct Found {
    key: u64,
    /// Its time, or the latest that it can be.
    time: i64,
    /// Whether mentions that are much older than this time are late.
    is_measure: bool,
    /// Its time, or that of the next one below it.
    order: Option<i64>,
    pub(super) json: Box<RawValue>,
}

impl Found {
    /// Moves a bookmark behind this mention.
    pub(super) fn pass(&self, bookmark: &mut Bookmark, overlap: Duration) {
        match self.is_measure {
            true => bookmark.advance(self.key, self.time, overlap),
            false => bookmark.remember(self.key, self.time),
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
    has_times: bool,
    /// The time before which nothing is recent.
    bound: Option<i64>,
    /// If this reading only finds out what is there already: the overlap, since the bound follows from what is read.
    first: Option<Duration>,
    present: i64,
    /// The earliest time of the recent mentions.
    earliest: i64,
    /// How many mentions came that are not recent, since the last one that is.
    behind: usize,
    has_met_done: bool,
}

impl Reading {
    pub(super) fn new(
        bookmark: &mut Bookmark,
        overlap: Duration,
        is_first: bool,
        now: Timestamp,
    ) -> Reading {
        let present = now.as_millisecond().max(WRITTEN);
        bookmark.clamp(present, overlap);
        Reading {
            items: Vec::new(),
            has_times: false,
            bound: if is_first { None } else { bookmark.bound(overlap) },
            first: is_first.then_some(overlap),
            present,
            earliest: present,
            behind: 0,
            has_met_done: false,
        }
    }

    pub(super) fn push(&mut self, json: Box<RawValue>, bookmark: &Bookmark) {
        let item = self.item(json);
        if let Some(overlap) = self.first {
            self.bound = self.bound.max(item.time.map(|time| before(time, overlap)));
        }
        let is_done = bookmark.is_done(item.key);
        if bookmark.contains(item.key) || self.is_recent(&item) {
            self.behind = 0;
        } else if is_done || item.time.is_some() {
            self.behind += 1;
            self.has_met_done |= is_done;
        }
        self.has_times |= item.time.is_some();
        let recent = item.time.filter(|_| self.is_recent(&item));
        self.earliest = recent.map_or(self.earliest, |time| self.earliest.min(time));
        self.items.push(item);
    }

    /// Whether nothing that is new can follow: a single time may be wrong.
    pub(super) fn is_past_new(&self) -> bool {
        self.behind >= DONE || self.behind > 0 && self.has_met_done
    }

    fn item(&self, json: Box<RawValue>) -> Item {
        let item: Value = json::from_slice(json.get().as_bytes()).unwrap_or_default();
        let time = |name: &str| {
            let time: Timestamp = serde_json::from_value(item.get(name)?.clone()).ok()?;
            let latest = self.present.saturating_add(AHEAD.as_millis() as i64);
            let time = Some(time.as_millisecond()).filter(|time| (EARLIEST..latest).contains(time));
            // Those that follow would otherwise seem late.
            time.map(|time| time.min(self.present))
        };
        let id = match item.get("id") {
            Some(Value::String(id)) => id.clone(),
            Some(Value::Number(id)) => id.to_string(),
            // Two that are equal in everything are one.
            _ => item.to_string(),
        };
        let time = time("found_at").or_else(|| time("published_at"));
        let (latest, is_near) = (self.earliest, self.behind == 0);
        Item { key: stable_hash(&id), time, latest, is_near, json }
    }

    fn is_recent(&self, item: &Item) -> bool {
        item.time.is_some_and(|time| self.bound.is_none_or(|bound| time >= bound))
    }

    /// Returns the new mentions, the oldest first, and notes in the bookmark what else was read.
    pub(super) fn finish(mut self, bookmark: &mut Bookmark) -> Vec<Found> {
        let items = std::mem::take(&mut self.items);
        let is_done = |item: &Item| bookmark.is_done(item.key) && !self.is_recent(item);
        let mut walk = Walk {
            first_done: items.iter().position(is_done).unwrap_or(items.len()),
            is_bounded: bookmark.remembers_all(),
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

/// The way up through what was read.
struct Walk<'a> {
    reading: &'a Reading,
    /// The place of the first mention that is done.
    first_done: usize,
    /// Whether a mention without a time would be known here, if it had been read before.
    is_bounded: bool,
    /// The time of the nearest recent mention below.
    below: Option<i64>,
    is_above_known: bool,
    new: Vec<Found>,
    /// The mentions below those that are recent, from the bottom up.
    done: Vec<u64>,
}

impl Walk<'_> {
    fn pass(&mut self, nth: usize, item: Item, bookmark: &mut Bookmark) {
        let Reading { first, has_times, .. } = *self.reading;
        let (is_recent, is_known) = (self.reading.is_recent(&item), bookmark.contains(item.key));
        self.is_above_known |= is_known;
        self.is_bounded |= bookmark.is_done(item.key);
        let own = item.time.filter(|_| is_recent);
        if is_known {
            let latest = bookmark.time_of(item.key).min(Some(item.latest));
            self.below = own.or(latest).max(self.below);
        } else if is_recent {
            self.below = own;
        }
        match (first, self.below) {
            (None, order) if !is_known && self.is_new(nth, &item, bookmark) => {
                let time = own.unwrap_or(item.latest);
                let is_measure = own.is_some() || !has_times && bookmark.len() > UNDATED;
                let Item { key, json, .. } = item;
                self.new.push(Found { key, time, is_measure, order, json });
            }
            (Some(overlap), Some(time)) if is_recent => bookmark.advance(item.key, time, overlap),
            // It may be as new as the one above it.
            (Some(_), Some(time)) => bookmark.remember(item.key, item.latest.max(time)),
            (Some(_), None) if item.time.is_none() && item.is_near && nth < UNDATED => {
                bookmark.remember(item.key, item.latest);
            }
            (_, Some(time)) => bookmark.remember(item.key, time),
            (_, None) => self.done.push(item.key),
        }
    }

    fn is_new(&self, nth: usize, item: &Item, bookmark: &Bookmark) -> bool {
        let is_placed = match item.time {
            _ if bookmark.is_done(item.key) => return false,
            None => self.is_bounded || self.is_above_known || self.below.is_some(),
            Some(_) => self.is_above_known && nth < self.first_done,
        };
        is_placed || self.reading.is_recent(item)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const MINUTE: i64 = 60_000;
    const HOUR: Duration = Duration::from_secs(60 * 60);

    /// The ids that are new in a list of ids and times, which is read at a moment.
    fn new_in(list: &[(i64, Option<i64>)], now: i64, bookmark: &mut Bookmark) -> Vec<u64> {
        let is_first = bookmark.is_unused();
        let now = Timestamp::from_millisecond(now).expect("a moment");
        let mut reading = Reading::new(bookmark, HOUR, is_first, now);
        for (id, time) in list {
            let mention = json!({"id": id, "found_at": time}).to_string();
            reading.push(RawValue::from_string(mention).expect("JSON"), bookmark);
            if reading.is_past_new() {
                break;
            }
        }
        bookmark.begin("heylerts/mentions 0123456789abcdef".to_owned());
        let new = reading.finish(bookmark);
        new.iter().for_each(|found| found.pass(bookmark, HOUR));
        new.iter().map(|found| found.key).collect()
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
}
