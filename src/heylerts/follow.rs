//! Mentions as they come: an endless iterator, and the same without waiting.

use std::collections::VecDeque;
use std::fmt;
use std::iter::FusedIterator;
use std::marker::PhantomData;
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::bookmark::Bookmark;
use super::mentions::Mention;
use super::reading::{Found, Reading};
use crate::error::{Error, ErrorKind, Result};
use crate::json;
use crate::page::Pager;
use crate::time::Timestamp;

/// The default of [`Follow::overlap`].
const OVERLAP: Duration = Duration::from_secs(60 * 60);
/// The longest overlap and the longest interval.
const LONGEST: Duration = Duration::from_secs(31 * 24 * 60 * 60);
/// The default of [`Follow::max_interval`], in intervals.
const SLOWEST: u32 = 8;

/// An iterator over new mentions, as [`follow`](Pager::follow) and [`new_since`](Pager::new_since) return it: the
/// oldest first.
///
/// # What is new
///
/// A mention is new if its id was not yielded before, by this iterator or one whose [`bookmark`](Follow::bookmark) it
/// continues, and if its time ([`found_at`](Mention::found_at), else [`published_at`](Mention::published_at)) is not
/// earlier than the newest one that was yielded, less the [overlap](Follow::overlap) of an hour. So a mention that
/// appears late, with an older time, comes too, as long as it is late by no more than the overlap. Each mention comes
/// once, and none is left out, whatever is added or deleted meanwhile. This assumes what the service documents, that lists
/// are newest first.
///
/// A mention may lack a time. A time before 2000, or more than a day ahead of this machine's clock, counts as none; one
/// that is less ahead counts as the present. Such a mention is new if it stands above one that was there at the last
/// reading, since everything above those is remembered. So is one whose time is too early for its place. This fails if the
/// service lists mentions without a time after all others, since a reading stops before them, or if all mentions nearby
/// are deleted between two readings. A mention that stands below sixteen that are older than the overlap, and above
/// none that is remembered, is not new, whatever its time.
///
/// After 500 mentions of which none has a later time than those before, a mention is older than the overlap by when it was
/// first read, on this machine's clock: the service writes no times, or one for all, or a wrong one is the latest, or the
/// clock is days behind. While it is behind by one day or more, mentions are remembered for up to that much longer.
///
/// While the clock is behind the times of a bookmark by less than a day, the newest of those counts as the present. A
/// bookmark whose times are further in the future counts them as the present. Where it has forgotten what was yielded in the
/// last hour, as bookmarks of older versions may have, or any if the clock is behind by a day or more, a mention of that hour
/// comes again rather than be lost.
///
/// The mentions that are listed when the first reading begins are not new, unless the [`since`](Pager::since) filter
/// sets an earlier start. A program that is killed before its first mention has no bookmark, and its next run begins anew:
/// one that must not lose those either saves the time of its first start, and passes it to `since` until it has a
/// bookmark.
///
/// # Restarts
///
/// [`bookmark`](Follow::bookmark) advances with each mention that is yielded, and with nothing else. A program that is
/// killed at any moment and continues from a saved bookmark loses nothing, and gets again what was yielded after the
/// bookmark was taken: save it after a mention is processed.
///
/// # Waiting
///
/// Each reading requests one page, and more while they hold new mentions. The next reading begins an interval after the
/// last one. While nothing new comes, each interval is twice as long as the one before, up to
/// [`max_interval`](Follow::max_interval), by default eight intervals; after something new, it is the shortest again.
/// Waits are on the client's clock. The mentions of one reading are held in memory until they are yielded.
///
/// # Errors
///
/// A reading that fails is one `Err`, and nothing is lost: the next reading continues, after a wait as if nothing had come.
/// So a program that ignores errors survives outages, and one that does not uses `?`. An error of the kind
/// [`InvalidInput`](ErrorKind::InvalidInput), [`Configuration`](ErrorKind::Configuration) or
/// [`Cancelled`](ErrorKind::Cancelled) would not go away, and ends the iteration. A wait between two readings can be
/// [cancelled](crate::Cancellation), too. A mention that is not a `T` is one `Err`, and counts as yielded. An iterator of
/// [`new_since`](Pager::new_since) ends after a reading that failed.
///
/// # Examples
///
/// With `load` and `save` of [State files](crate::guide::long_lists#state-files):
///
/// ```no_run
/// use std::path::Path;
/// use std::time::Duration;
/// use heysync::heylerts::{self, Sentiment};
///
/// # mod files { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/guide/state_file.rs")); }
/// # use files::{load, save};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let client = heylerts::Client::from_env()?;
/// let state = Path::new("complaints.bookmark");
///
/// let complaints = client.mentions().sentiment(Sentiment::Negative).follow(Duration::from_secs(60));
/// let mut complaints = complaints.resume_at(&load(state)?.unwrap_or_default())?;
/// while let Some(mention) = complaints.next() {
///     match mention {
///         Ok(mention) => println!("{}", mention.url),
///         Err(error) => eprintln!("{error}"), // the next reading goes on, unless the error would not go away
///     }
///     save(state, complaints.bookmark())?;
/// }
/// # Ok(())
/// # }
/// ```
#[must_use = "iterators are lazy: nothing is requested until an item is"]
pub struct Follow<T = Mention> {
    pager: Pager<Mention, Box<RawValue>>,
    list: String,
    bookmark: Bookmark,
    overlap: Duration,
    pace: Option<Pace>,
    /// A reading that failed half-way.
    partial: Option<Reading>,
    /// The new mentions, the oldest first.
    ready: VecDeque<Found>,
    is_finished: bool,
    types: PhantomData<fn() -> T>,
}

/// When the next reading begins.
struct Pace {
    interval: Duration,
    slowest: Duration,
    /// The present interval.
    wait: Duration,
    due: Option<Instant>,
}

impl<T> Pager<Mention, T> {
    /// Returns an endless iterator over the mentions that are new from now on, which reads the list again and again.
    ///
    /// The interval is from 1 millisecond to 31 days. Filters and the page size stay; a [`limit`](Pager::limit) and
    /// a [`prefetch`](Pager::prefetch) do not. See [`Follow`]
    /// for the guarantees, for errors and for restarts.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// # use heysync::{Config, heylerts, sandbox};
    /// # let service = sandbox::Heylerts::demo();
    /// # let clock = sandbox::TestClock::new();
    /// # let (service, config) = (service.clone().clock(clock.clone()), Config::new().clock(clock));
    /// # let client = heylerts::Client::with_config("hlt_key", config.transport(service.clone()))?;
    /// # let alert = client.alerts().next().expect("an alert")?.id;
    /// # let later = service.clone();
    /// # service.before(5, move |_| drop(later.receive(sandbox::heylerts::Mention::new(alert, "News"))));
    /// for mention in client.mentions().follow(Duration::from_secs(60)) {
    ///     println!("{:?}", mention?.title);
    /// #   break;
    /// }
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn follow(self, interval: Duration) -> Follow<T> {
        let slowest = interval.saturating_mul(SLOWEST).min(LONGEST);
        Follow::new(self, Some(Pace { interval, slowest, wait: interval, due: None }))
    }

    /// Returns the mentions that are new since a bookmark of an earlier run, and ends.
    ///
    /// For a script that runs now and then. To its first run, whose bookmark is the default, nothing is new unless the
    /// [`since`](Pager::since) filter sets an earlier start, such as [`Timestamp::UNIX_EPOCH`] for all mentions.
    ///
    /// Everything that is new is read before the first mention is yielded. From then on, the iterator's
    /// [`size_hint`](Iterator::size_hint) is the exact number of those that are left, for a progress bar.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](ErrorKind::InvalidInput) if the bookmark is from mentions with other filters (`since` apart).
    ///
    /// # Examples
    ///
    /// With `load` and `save` of [State files](crate::guide::long_lists#state-files):
    ///
    /// ```no_run
    /// use std::path::Path;
    /// use heysync::heylerts;
    ///
    /// # mod files { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/guide/state_file.rs")); }
    /// # use files::{load, save};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let client = heylerts::Client::from_env()?;
    /// let state = Path::new("mentions.bookmark");
    /// let mut new = client.mentions().new_since(&load(state)?.unwrap_or_default())?;
    /// for mention in &mut new {
    ///     println!("{}", mention?.url);
    /// }
    /// save(state, new.bookmark())?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn new_since(self, bookmark: &Bookmark) -> Result<Follow<T>> {
        Follow::new(self, None).resume_at(bookmark)
    }
}

impl<T> Follow<T> {
    fn new(pager: Pager<Mention, T>, pace: Option<Pace>) -> Follow<T> {
        // Most readings need one page.
        let pager = pager.limit(u64::MAX).prefetch(0).decode_as();
        Follow {
            list: pager.followed().map_or_else(String::new, |list| list.name()),
            pager,
            bookmark: Bookmark::default(),
            overlap: OVERLAP,
            pace,
            partial: None,
            ready: VecDeque::new(),
            is_finished: false,
            types: PhantomData,
        }
    }

    /// Continues from a bookmark. Nothing is sent yet.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](ErrorKind::InvalidInput) if it is from mentions with other filters. The
    /// [`since`](Pager::since) filter may differ.
    pub fn resume_at(mut self, bookmark: &Bookmark) -> Result<Follow<T>> {
        bookmark.check(&self.list)?;
        self.bookmark = bookmark.clone();
        (self.partial, self.is_finished) = (None, false);
        self.ready.clear();
        Ok(self)
    }

    /// Sets how late a mention may appear, by its time, and still come. Default: an hour. At most 31 days.
    ///
    /// An overlap that is wider than that of the run before takes effect with time: mentions from before the reach of the
    /// [bookmark](Follow::resume_at) do not come, since nobody knows whether they came before.
    ///
    /// The ids of the mentions of so long are remembered, and of up to 500 whose times are of no use, so it bounds the
    /// memory and the size of a bookmark.
    pub fn overlap(mut self, overlap: Duration) -> Follow<T> {
        self.overlap = overlap;
        self
    }

    /// Sets the longest interval between two readings, which is reached while nothing new comes. Default: eight
    /// intervals. At most 31 days; less than the interval counts as the interval. It has no effect after
    /// [`new_since`](Pager::new_since), which does not wait between readings.
    pub fn max_interval(mut self, interval: Duration) -> Follow<T> {
        if let Some(pace) = &mut self.pace {
            pace.slowest = interval;
        }
        self
    }

    /// Returns the state after the last item yielded, to continue from in a later run.
    ///
    /// Before the first reading has succeeded, it is the one given to [`resume_at`](Follow::resume_at), or else that of a
    /// program that has read nothing.
    pub fn bookmark(&self) -> Bookmark {
        self.bookmark.clone()
    }

    fn check(&self) -> Result<()> {
        let times = self.pace.iter().flat_map(|pace| [pace.interval, pace.slowest]);
        if times.chain([self.overlap]).any(|time| time > LONGEST) {
            return Err(Error::invalid("the intervals and the overlap must be 31 days at most"));
        }
        if self.pace.as_ref().is_some_and(|pace| pace.interval < Duration::from_millis(1)) {
            return Err(Error::invalid("the interval must be a millisecond at least"));
        }
        Ok(())
    }

    fn now(&self) -> Option<Instant> {
        self.pager.followed().map(|list| list.now())
    }

    /// Waits until the next reading is due.
    fn wait(&self) -> Result<()> {
        let due = self.pace.as_ref().and_then(|pace| pace.due);
        match (self.pager.followed(), due) {
            (Some(list), Some(due)) => list.sleep_until(due),
            _ => Ok(()),
        }
    }

    /// Reads the list once, and sets when it is read again.
    fn read(&mut self) -> Result<()> {
        self.check()?;
        let begun = self.now();
        let outcome = self.read_new();
        let is_quiet = self.ready.is_empty();
        // A failed reading may have taken longer than the interval: a service that is down gets a rest.
        let from = if outcome.is_ok() { begun } else { self.now() };
        match &mut self.pace {
            Some(pace) => pace.schedule(from, is_quiet),
            None => self.is_finished = true,
        }
        outcome
    }

    /// Puts what is new into the queue. If a failure may be temporary, the next reading continues behind it.
    fn read_new(&mut self) -> Result<()> {
        let partial = self.partial.take();
        let is_continued = partial.is_some();
        if !is_continued {
            self.pager.restart_at(&self.pager.top())?;
        }
        let mut reading = partial.unwrap_or_else(|| self.new_reading());
        match self.collect(&mut reading) {
            Ok(()) => {
                self.bookmark.begin(self.list.clone());
                self.ready = reading.finish(&mut self.bookmark).into();
            }
            // The list has become shorter than what was read of it.
            Err(error) if is_continued && is_lasting(&error) => return self.read_new(),
            Err(error) => {
                if error.is_temporary() {
                    self.pager.restart_at(&self.pager.position())?;
                    self.partial = Some(reading);
                }
                return Err(error);
            }
        }
        Ok(())
    }

    /// Begins a reading. If there is neither a bookmark nor a start, it only finds out what is there already.
    fn new_reading(&mut self) -> Reading {
        let has_start = self.pager.followed().is_some_and(|list| list.has_start());
        let is_first = self.bookmark.is_unused() && !has_start;
        Reading::new(&mut self.bookmark, self.overlap, is_first, Timestamp::now())
    }

    /// Reads from the newest mention down to those that cannot be new.
    fn collect(&mut self, reading: &mut Reading) -> Result<()> {
        while let Some(item) = self.pager.next() {
            reading.push(item?, &self.bookmark);
            // The rest of a page costs nothing, and may not be in order.
            if self.pager.size_hint().0 == 0 && reading.is_past_new() {
                break;
            }
        }
        Ok(())
    }
}

/// Whether another reading would fail in the same way.
fn is_lasting(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::InvalidInput | ErrorKind::Configuration | ErrorKind::Cancelled
    )
}

impl Pace {
    fn schedule(&mut self, from: Option<Instant>, is_quiet: bool) {
        self.due = from.and_then(|from| from.checked_add(self.wait));
        let slowest = self.slowest.max(self.interval);
        self.wait = if is_quiet { self.wait.saturating_mul(2).min(slowest) } else { self.interval };
    }
}

impl<T: DeserializeOwned> Follow<T> {
    /// Yields a mention. The bookmark is behind it then, also if it is not a `T`.
    fn yielded(&mut self, found: &Found) -> Result<T> {
        found.pass(&mut self.bookmark, self.overlap);
        let json = found.json.get().as_bytes();
        json::from_slice(json).map_err(|cause| {
            let item = json::from_slice(json).unwrap_or_default();
            self.pager.unreadable(&item, cause)
        })
    }
}

impl<T: DeserializeOwned> Iterator for Follow<T> {
    type Item = Result<T>;

    fn next(&mut self) -> Option<Result<T>> {
        loop {
            if let Some(found) = self.ready.pop_front() {
                return Some(self.yielded(&found));
            }
            if self.is_finished {
                return None;
            }
            if let Err(error) = self.wait().and_then(|()| self.read()) {
                self.is_finished |= is_lasting(&error);
                return Some(Err(error));
            }
        }
    }

    /// At least the mentions that were read and not yet yielded. After its one reading, an iterator of
    /// [`new_since`](Pager::new_since) yields exactly those.
    fn size_hint(&self) -> (usize, Option<usize>) {
        let held = self.ready.len();
        (held, self.is_finished.then_some(held))
    }
}

impl<T: DeserializeOwned> FusedIterator for Follow<T> {}

impl<T> fmt::Debug for Follow<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Follow")
            .field("bookmark", &self.bookmark.to_string())
            .field("is_finished", &self.is_finished)
            .finish_non_exhaustive()
    }
}
