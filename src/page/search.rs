//! The search for the page that follows the last item read, when only items can be named as cursors.

use std::sync::Arc;

use super::raw_page::{PageText, RawItem, RawPage};
use super::seen::{Key, Seen};
use super::source::no_progress;
use crate::error::{Error, ErrorKind, Result};

pub(super) type Id = Arc<str>;

/// How far back an earlier item is tried as the cursor if the last two are gone.
const EARLIER: [usize; 3] = [3, 9, 33];

/// A page with the ids and the keys of its items.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) text: PageText,
    pub(super) items: Vec<BatchItem>,
    /// Whether the page is as long as was requested.
    pub(super) is_full: bool,
    /// It starts at the last item read, which came again: what follows should be new.
    pub(super) is_proved: bool,
    /// The first item after the cursor is not the one that followed it before.
    pub(super) is_reordered: bool,
    /// The last item read, if it is among the items for the sake of the trail.
    pub(super) kept: Option<Key>,
}

#[derive(Debug)]
pub(super) struct BatchItem {
    pub(super) raw: RawItem,
    pub(super) id: Option<Id>,
    pub(super) key: Key,
}

impl Batch {
    pub(super) fn new(page: RawPage, requested: u32) -> Batch {
        let item = |raw: &RawItem| BatchItem {
            id: page.id(raw).map(Id::from),
            key: page.key(raw),
            raw: raw.clone(),
        };
        let items: Vec<BatchItem> = page.items.iter().map(item).collect();
        let is_full = items.len() as u64 >= u64::from(requested);
        Batch { items, is_full, text: page.text, is_proved: false, is_reordered: false, kept: None }
    }

    fn place_of(&self, id: &str) -> Option<usize> {
        self.items.iter().rposition(|item| item.id.as_deref() == Some(id))
    }

    /// The items after the one at `place`.
    fn after(mut self, place: usize) -> Batch {
        self.items.drain(..=place);
        self
    }

    /// The items after the last one read, which is at `place`, and those before it that are new: they were added, or moved up
    /// unseen.
    fn beyond(mut self, place: usize, seen: &Seen) -> Batch {
        let is_new = |item: &BatchItem| item.id.is_some() && !seen.contains(item.key);
        let is_any_new = self.items[..place].iter().any(is_new);
        self.is_reordered = place > 0 && self.items.first().is_some_and(is_new);
        if !is_any_new {
            return self.after(place);
        }
        self.kept = Some(self.items[place].key);
        let mut nth = 0;
        self.items.retain(|item| {
            nth += 1;
            // The last one stays, for the trail.
            nth > place || is_new(item)
        });
        self
    }

    fn has_ids(&self) -> bool {
        self.items.iter().any(|item| item.id.is_some())
    }

    /// Whether there is an item to continue after, or one that is new.
    fn leads_on(&self, seen: &Seen) -> bool {
        self.has_ids() || !self.has_all_in(seen)
    }

    fn has_any_of(&self, seen: &Seen) -> bool {
        self.items.iter().any(|item| seen.contains(item.key))
    }

    pub(super) fn has_all_in(&self, seen: &Seen) -> bool {
        self.items.iter().all(|item| seen.contains(item.key))
    }

    fn shares_with(&self, other: &Batch) -> bool {
        self.items.iter().any(|item| other.items.iter().any(|another| another.key == item.key))
    }
}

/// The part of the list that was read last.
#[derive(Debug, Default)]
pub(super) struct Trail {
    /// The ids of the latest items, in their order.
    pub(super) ids: Vec<Id>,
    /// The key of the first item of the list.
    pub(super) first: Option<Key>,
    pub(super) habits: Habits,
    /// Whether the latest page was shorter than requested.
    pub(super) was_short: bool,
    /// How many known items fit into a page, besides some new ones.
    pub(super) room: usize,
    /// Why the server took none of the cursors, so that the list is read from the top again.
    pub(super) refusal: Option<Error>,
    /// Whether items before the trail were yielded by an earlier iterator, so that they are not known here.
    pub(super) has_past: bool,
}

/// Properties of the server that its documentation leaves open, and that its responses have shown.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Habits {
    /// It sends the item that it was given as the cursor.
    pub(super) is_inclusive: bool,
    /// A cursor has led to new items, so that it does not ignore it.
    pub(super) follows: bool,
    /// It has sent a page that was shorter than requested and not the last.
    pub(super) cuts_short: bool,
    /// The most items that a page had.
    pub(super) longest: usize,
}

/// The result of a search.
#[derive(Debug)]
pub(super) enum Found {
    /// The items after the last one.
    Next(Batch),
    /// The top of the list: the server does not know the cursors any more, or they do not show what follows.
    Top(Batch),
    /// The item of the trail with this index is the latest one that still exists.
    BackTo(usize),
    End,
}

#[derive(Clone, Copy)]
enum Step {
    Before,
    Last,
}

/// The proof that the responses give of the last item of a trail.
///
/// Only [`Ends`](Proof::Ends) is the end of the list: an empty page alone may be the response to a deleted cursor, and
/// the last item alone a page that was cut short after it.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Proof {
    /// It may be deleted, and the server may not have understood a cursor.
    Nothing,
    /// It came after the item before it: it exists, and the cursor was understood. Something may follow.
    Exists,
    /// The page after it was empty: nothing follows, if it existed then.
    EndsIfItExists,
    /// It came once more after that, so that it existed then.
    Ends,
}

impl Proof {
    fn with_the_last_item(self) -> Proof {
        match self {
            Proof::Nothing | Proof::Exists => Proof::Exists,
            Proof::EndsIfItExists | Proof::Ends => Proof::Ends,
        }
    }

    /// It may have been deleted since it came.
    fn with_time_passed(self) -> Proof {
        match self {
            Proof::Nothing | Proof::Exists => Proof::Nothing,
            Proof::EndsIfItExists | Proof::Ends => Proof::EndsIfItExists,
        }
    }

    fn exists(self) -> bool {
        matches!(self, Proof::Exists | Proof::Ends)
    }

    fn ends_if_it_exists(self) -> bool {
        matches!(self, Proof::EndsIfItExists | Proof::Ends)
    }
}

/// Looks for the items after the last one of a trail.
///
/// Every item before the last one was yielded, if it still exists. A page that holds the last item, or starts after any
/// item of the trail, or starts at the top of the list, has no gap before it, so that reading on from it misses
/// nothing. The server's response to a cursor that was deleted is not known: an error, an empty page and the top of
/// the list all occur. So neither an empty page nor an error is believed until an item that exists was the cursor.
pub(super) struct Search<'a> {
    fetch: &'a dyn Fn(Option<&str>) -> Result<Batch>,
    trail: &'a mut Trail,
    seen: &'a Seen,
    proof: Proof,
    after_before: Option<Batch>,
    after_last: Option<Batch>,
    refusal: Option<Error>,
}

impl<'a> Search<'a> {
    pub(super) fn new(
        fetch: &'a dyn Fn(Option<&str>) -> Result<Batch>,
        trail: &'a mut Trail,
        seen: &'a Seen,
    ) -> Search<'a> {
        Search {
            fetch,
            trail,
            seen,
            proof: Proof::Nothing,
            after_before: None,
            after_last: None,
            refusal: None,
        }
    }

    pub(super) fn run(mut self) -> Result<Found> {
        // After the last item but one the last one must come, which proves that the cursor was understood. If the end
        // is near, as after a short page, the last item is the cursor first, and the proof comes after it.
        let last_first = self.trail.habits.is_inclusive || self.trail.was_short;
        let steps: &[Step] =
            if last_first { &[Step::Last, Step::Before] } else { &[Step::Before, Step::Last] };
        let mut existed = false;
        for step in steps {
            if let Some(found) = self.take(*step)? {
                return Ok(found);
            }
            existed |= self.proof.exists();
        }
        if existed {
            match self.after_last.take() {
                Some(batch) if last_first => return Ok(Found::Next(batch)),
                held => self.after_last = held,
            }
            // The last item may have been deleted between the two requests.
            self.proof = self.proof.with_time_passed();
            if let Some(found) = self.before()? {
                return Ok(found);
            }
            if let Some(batch) = self.after_last.take_if(|_| self.proof.exists()) {
                return Ok(Found::Next(batch));
            }
        }
        self.without_proof()
    }

    fn take(&mut self, step: Step) -> Result<Option<Found>> {
        match step {
            Step::Before => self.before(),
            Step::Last => self.last(),
        }
    }

    fn ids(&self) -> &[Id] {
        &self.trail.ids
    }

    /// Does as [`ask`](Search::ask); if an empty page is a `proof`, it has to come twice.
    fn ask_well(&mut self, cursor: Option<&Id>, proof: bool) -> Result<Option<Batch>> {
        match self.ask(cursor)? {
            Some(batch) if proof && batch.items.is_empty() => self.ask(cursor),
            other => Ok(other),
        }
    }

    /// Fetches the page after a cursor; `None` if the server refuses the cursor.
    fn ask(&mut self, cursor: Option<&Id>) -> Result<Option<Batch>> {
        match (self.fetch)(cursor.map(|id| &**id)) {
            Ok(batch) => {
                let longest = &mut self.trail.habits.longest;
                *longest = batch.items.len().max(*longest);
                Ok(Some(batch))
            }
            Err(error) if cursor.is_some() && may_be_the_cursor(&error) => {
                let is_first = self.refusal.is_none();
                let is_failure = error.kind() == ErrorKind::Server;
                self.refusal.get_or_insert(error);
                if is_first && is_failure {
                    // The server may be down, and the cursor not gone.
                    self.ask(None)?;
                }
                Ok(None)
            }
            // The first refusal is closer to the cause than the errors of later attempts.
            Err(error) if may_be_the_cursor(&error) => Err(self.refusal.take().unwrap_or(error)),
            Err(error) => Err(error),
        }
    }

    /// Asks after the last item but one; from the top if there is none.
    fn before(&mut self) -> Result<Option<Found>> {
        // At the end of the list, many items fit into the page: they show whether one moved up unseen among them.
        let room =
            self.trail.room.saturating_sub(usize::from(self.trail.habits.is_inclusive)).max(2);
        if self.proof.ends_if_it_exists() && !self.trail.has_past && self.ids().len() > room {
            let far = self.ids().len() - 1 - room;
            if let Some(found) = self.after(self.ids().get(far).cloned())? {
                return Ok(Some(found));
            }
        }
        self.after(self.ids().iter().rev().nth(1).cloned())
    }

    /// Asks after `before`, after which the last item must come.
    fn after(&mut self, before: Option<Id>) -> Result<Option<Found>> {
        let Some(last) = self.ids().last().cloned() else { return Ok(None) };
        let batch = self.ask_well(before.as_ref(), before.is_none())?;
        let Some(batch) = batch else { return Ok(None) };
        if batch.items.is_empty() {
            return Ok(before.is_none().then_some(Found::End));
        }
        let begins_with = batch.items.first().and_then(|item| item.id.clone());
        self.trail.habits.is_inclusive |= begins_with.is_some() && begins_with == before;
        let Some(place) = batch.place_of(&last) else {
            self.after_before = Some(batch);
            return Ok(None);
        };
        self.proof = self.proof.with_the_last_item();
        let has_room = !batch.is_full;
        let mut rest = self.rest_of(batch, place);
        // Near the end, an item that was added among many looks the same.
        rest.is_reordered &= self.proof != Proof::Ends;
        rest.is_proved = true;
        Ok(match self.proof {
            _ if rest.leads_on(self.seen) => Some(Found::Next(rest)),
            Proof::Ends if has_room => Some(Found::End),
            _ => None,
        })
    }

    /// Asks after the last item, as the vendor documents.
    fn last(&mut self) -> Result<Option<Found>> {
        let Some(last) = self.ids().last().cloned() else { return Ok(None) };
        // A server that fills its pages shows in the next one whether something follows.
        let batch = self.ask_well(Some(&last), self.trail.habits.cuts_short)?;
        let Some(batch) = batch else { return Ok(None) };
        if batch.items.is_empty() {
            self.proof = Proof::EndsIfItExists;
            return Ok(None);
        }
        let Some(place) = batch.place_of(&last) else {
            let is_next = self.is_new(&batch) && !self.is_passed();
            if is_next || self.proof.exists() && !self.trail.has_past {
                return Ok(Some(Found::Next(batch)));
            }
            self.after_last = Some(batch);
            return Ok(None);
        };
        let is_top = batch.items.first().map(|item| item.key) == self.trail.first;
        let is_whole = batch.items.len() >= self.seen.len();
        let is_ignored = place > 0 && is_top && is_whole && !self.trail.habits.follows;
        let is_full = batch.is_full || place > 0 && self.may_be_cut(&batch);
        let mut rest = batch.after(place);
        rest.is_proved = true;
        if rest.leads_on(self.seen) {
            return Ok(Some(Found::Next(rest)));
        }
        if is_full || is_ignored {
            return Err(no_progress(format!("the page after {last:?} ends where it begins")));
        }
        Ok(Some(Found::End))
    }

    /// The item of the trail with this index exists, and no page leads on after it.
    fn back_to(&mut self, index: usize) -> Result<Found> {
        if index + 1 < self.ids().len() {
            return Ok(Found::BackTo(index));
        }
        if self.is_contradicted() && !self.trail.habits.cuts_short {
            return Err(disagreement());
        }
        // The last item exists, so that the page after it was what it should be.
        match (self.after_last.take(), self.refusal.take()) {
            (Some(batch), _) => Ok(Found::Next(batch)),
            (None, _) if self.proof.ends_if_it_exists() => self.end_or_before(index),
            (None, Some(refusal)) => Err(refused(refusal)),
            (None, None) => Err(no_progress("no page leads on after the last item")),
        }
    }

    /// The end of the list, if the page after the last item, which exists, is empty once more.
    fn end_or_before(&mut self, index: usize) -> Result<Found> {
        self.proof = self.proof.with_the_last_item();
        if let Some(found) = self.last()? {
            return Ok(found);
        }
        match (self.after_last.take(), self.refusal.take(), index.checked_sub(1)) {
            (None, None, _) => Ok(Found::End),
            // It was deleted meanwhile.
            (_, _, Some(before)) => Ok(Found::BackTo(before)),
            (_, Some(refusal), None) => Err(refused(refusal)),
            (_, None, None) => Err(no_progress("no page leads on after the last item")),
        }
    }

    /// The place in a page of the latest item of the trail, if new items come after it.
    fn place_before_new(&self, batch: &Batch) -> Option<usize> {
        let (_, place) = self.latest_in(batch)?;
        let is_new = |item: &BatchItem| item.id.is_some() && !self.seen.contains(item.key);
        batch.items.iter().skip(place + 1).any(is_new).then_some(place)
    }

    /// Whether a page shows by itself that it misses nothing: the cursor was sent, too, or no known item.
    fn accept(&self, batch: Batch) -> Result<Found, Batch> {
        match self.place_before_new(&batch) {
            Some(place) => Ok(Found::Next(self.rest_of(batch, place))),
            None if self.is_new(&batch) && !self.is_contradicted() => Ok(Found::Next(batch)),
            None => Err(batch),
        }
    }

    /// The items of a page after the one at `place`, and new ones before it. Of a past list, those before it are unknown.
    fn rest_of(&self, batch: Batch, place: usize) -> Batch {
        match self.trail.has_past {
            true => batch.after(place),
            false => batch.beyond(place, self.seen),
        }
    }

    fn is_new(&self, batch: &Batch) -> bool {
        !self.trail.has_past && !batch.has_any_of(self.seen)
    }

    /// Whether the last item but one leads past the last one, which leads on, too. One of them was moved, or the server
    /// leaves out items whose time is that of the cursor, or it knows a cursor that was deleted.
    fn is_contradicted(&self) -> bool {
        let held = [&self.after_before, &self.after_last];
        held.into_iter().all(|page| page.as_ref().is_some_and(|page| self.leads_on(page)))
    }

    /// Whether the last item but one leads on past the last one.
    fn is_passed(&self) -> bool {
        self.after_before.as_ref().is_some_and(|page| self.leads_on(page))
    }

    /// Whether a page is as long as those that the server cuts short.
    fn may_be_cut(&self, batch: &Batch) -> bool {
        let habits = self.trail.habits;
        habits.cuts_short && batch.items.len() >= habits.longest
    }

    /// Whether some item of a page is new.
    fn leads_on(&self, batch: &Batch) -> bool {
        !self.trail.has_past && !batch.has_all_in(self.seen)
    }

    fn accept_held(&mut self) -> Option<Found> {
        if self.is_contradicted() {
            return None;
        }
        match self.after_before.take().map(|batch| self.accept(batch)) {
            Some(Ok(found)) => return Some(found),
            other => self.after_before = other.and_then(Result::err),
        }
        match self.after_last.take().map(|batch| self.accept(batch)) {
            Some(Ok(found)) => return Some(found),
            other => self.after_last = other.and_then(Result::err),
        }
        None
    }

    /// The last item is gone, or the one before it, or both.
    fn without_proof(mut self) -> Result<Found> {
        if let Some(found) = self.accept_held() {
            return Ok(found);
        }
        if let Some(found) = self.after_earlier()? {
            return Ok(found);
        }
        if self.trail.has_past {
            return self.beside_the_top();
        }
        if self.is_contradicted() {
            return self.within_the_top();
        }
        // A page of known items is the top of the list, whatever cursor it was the response to.
        match self.after_before.take().or(self.after_last.take()) {
            Some(batch) => Ok(Found::Top(batch)),
            None => self.read_the_top(),
        }
    }

    /// Looks for the next items after earlier items of the trail.
    fn after_earlier(&mut self) -> Result<Option<Found>> {
        let mut is_at_first = false;
        for back in EARLIER {
            // If the last two contradict each other, the first one may still be before the events that they pass over.
            let first = self.ids().first().filter(|_| self.is_contradicted() && !is_at_first);
            let earlier = self.ids().iter().nth_back(back - 1);
            is_at_first = earlier.is_none();
            let Some(cursor) = earlier.or(first).cloned() else { break };
            let page = self.ask(Some(&cursor))?.filter(|batch| !batch.items.is_empty());
            let Some(batch) = page else { continue };
            let batch = match self.accept(batch) {
                Ok(found) => return Ok(Some(found)),
                Err(batch) => batch,
            };
            if let Some((index, _)) = self.latest_in(&batch) {
                return self.back_to(index).map(Some);
            }
            if self.leads_on(&batch) && !self.is_contradicted() {
                return Ok(Some(Found::Next(batch)));
            }
        }
        Ok(None)
    }

    /// The latest item of the trail that is in the page: its index in the trail, and its place in the page.
    fn latest_in(&self, batch: &Batch) -> Option<(usize, usize)> {
        let found = self.ids().iter().enumerate().rev();
        found
            .map(|(index, id)| (index, batch.place_of(id)))
            .find_map(|(index, place)| Some((index, place?)))
    }

    /// Finds the items after the last one in the first page, if it has room for them.
    fn within_the_top(mut self) -> Result<Found> {
        let Some(top) = self.ask_well(None, true)? else { return Ok(Found::End) };
        if self.place_before_new(&top).is_none() && !top.has_all_in(self.seen) {
            return Ok(Found::Top(top));
        }
        let is_full = top.is_full;
        match (self.accept(top), self.after_before.take()) {
            (Ok(found), _) => Ok(found),
            (Err(_), Some(batch)) if !is_full => Ok(Found::Next(batch)),
            _ => Err(disagreement()),
        }
    }

    fn read_the_top(mut self) -> Result<Found> {
        let top = self.ask_well(None, true)?;
        self.trail.refusal = self.refusal.take().map(refused);
        Ok(top.filter(|top| !top.items.is_empty()).map_or(Found::End, Found::Top))
    }

    /// Finds a page that is surely not the top of the list, whose items an earlier iterator has yielded.
    fn beside_the_top(mut self) -> Result<Found> {
        let Some(top) = self.ask_well(None, true)?.filter(|top| !top.items.is_empty()) else {
            return Ok(Found::End);
        };
        if let Some((index, place)) = self.latest_in(&top) {
            let rest = top.after(place);
            return if rest.has_ids() { Ok(Found::Next(rest)) } else { self.back_to(index) };
        }
        let pages = [self.after_before.take(), self.after_last.take()];
        let mut elsewhere = pages.into_iter().flatten().filter(|page| !page.shares_with(&top));
        // With two of them, the server may leave out events whose time is that of the cursor.
        if let (Some(page), None) = (elsewhere.next(), elsewhere.next()) {
            return Ok(Found::Next(page));
        }
        self.trail.refusal = self.refusal.take().map(refused);
        Ok(Found::Top(top))
    }
}

/// The error of last items that lead to places that differ, none of which can be proved.
fn disagreement() -> Error {
    no_progress("the pages after the last items do not agree on what follows")
}

/// The error of a server that refuses every item of the list as a cursor.
fn refused(error: Error) -> Error {
    error.with_hint(
        "the server refuses to continue the list after any of its last items, also after those that it still has; what \
         came is complete up to there",
    )
}

/// Whether an error may be the server's response to a cursor that it does not know.
fn may_be_the_cursor(error: &Error) -> bool {
    let status = error.status().map(|status| status.as_u16());
    // A 500, too: a database that is given a missing document as its cursor fails.
    matches!(status, Some(400 | 404 | 409 | 410 | 412 | 416 | 422 | 500))
}
