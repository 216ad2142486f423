//! The page after a named item, fetched while the caller works on the one before it.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use super::task::Task;
use crate::cancellation::Cancellation;
use crate::clock::Clock;
use crate::error::Result;
use crate::page::raw_page::RawPage;

/// Fetches a page of so many items after the one with this id.
pub(crate) type FetchAfter = Arc<dyn Fn(Option<&str>, u32) -> Result<RawPage> + Send + Sync>;

/// At most one page ahead: which one comes after it is not known before.
#[derive(Default)]
pub(crate) struct AheadByCursor {
    is_on: bool,
    next: Option<Next>,
    /// The iteration names the last item of full pages, too, as it does if the server sends the named item again.
    names_last: bool,
}

struct Next {
    after: String,
    /// The last item of the page.
    last: Option<String>,
    items: u32,
    task: Task<Result<RawPage>>,
}

impl AheadByCursor {
    /// Sets whether pages are fetched ahead.
    pub(crate) fn set(&mut self, is_on: bool) {
        self.is_on = is_on;
    }

    /// Forgets what was fetched, and cancels what is under way.
    pub(crate) fn forget(&mut self) {
        self.next = None;
    }

    /// Returns a page, the one that was fetched ahead if it is that one.
    pub(crate) fn page(
        &mut self,
        fetch: &FetchAfter,
        clock: &Arc<dyn Clock>,
        after: Option<&str>,
        items: u32,
    ) -> Result<RawPage> {
        let ahead = self.next.take().and_then(|next| self.outcome(next, after, items));
        let page = ahead.unwrap_or_else(|| fetch(after, items))?;
        if self.is_on {
            self.next = self.start(fetch, clock, &page, items);
        }
        Ok(page)
    }

    fn outcome(&mut self, next: Next, after: Option<&str>, items: u32) -> Option<Result<RawPage>> {
        if Some(&*next.after) == after && next.items == items {
            return next.task.join();
        }
        self.names_last |= next.last.is_some() && next.last.as_deref() == after;
        None
    }

    /// Begins to fetch the page that the iteration will most likely request after this one: behind the last item but
    /// one of a full page, which proves that the server understands it, and else behind the last one.
    fn start(
        &self,
        fetch: &FetchAfter,
        clock: &Arc<dyn Clock>,
        page: &RawPage,
        items: u32,
    ) -> Option<Next> {
        let id = |place: usize| {
            let item = page.items.iter().rev().nth(place)?;
            page.id(item).map(Cow::into_owned)
        };
        // A single item is the end of the list, which is made sure of.
        let _ = page.items.get(1)?;
        let is_full = page.items.len() as u64 >= u64::from(items);
        let after = id(usize::from(is_full && !self.names_last))?;
        // As the iteration does, which cannot see from one item whether the server goes on.
        let items = items.max(2);
        let (work, named) = (Arc::clone(fetch), after.clone());
        let task = Task::start(clock, &Cancellation::new(), move || work(Some(&named), items))?;
        Some(Next { after, last: id(0), items, task })
    }
}

impl fmt::Debug for AheadByCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let next = self.next.as_ref().map(|next| &next.after);
        f.debug_struct("AheadByCursor").field("next", &next).finish_non_exhaustive()
    }
}
