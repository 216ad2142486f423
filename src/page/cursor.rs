//! Pages that go on after a named item, as Heylo's `lastEventId`.

use std::collections::HashSet;

use serde_json::Value;

use super::pager::{Leaf, Pager, sealed};
use super::position::Position;
use crate::error::{Error, ErrorKind, Result};

/// The largest page that the services give, in items.
const LARGEST_PAGE: u32 = 100;

/// A listing that goes on after a named item. Sealed: implemented by this crate's listings.
pub trait CursorList: sealed::Sealed {
    /// The listing and its filters, as positions name them.
    #[doc(hidden)]
    fn list_name(&self) -> String;

    /// What the call is named in errors.
    #[doc(hidden)]
    fn call_name(&self) -> String;

    #[doc(hidden)]
    fn fetch(&self, after: Option<&str>, items: u32) -> Result<Vec<Value>>;

    /// The id that the next page can begin after.
    #[doc(hidden)]
    fn id(item: &Value) -> Option<String>;
}

/// Turns pages that begin after a named item.
///
/// Nothing says that a page with fewer items than were asked for is the last, so only an empty page is.
/// Nor is it said whether the named item comes back itself; where it does, it is left out.
#[derive(Debug)]
pub struct Cursor<L> {
    list: L,
    page_size: u32,
    /// The last item of the page before: where the next one begins.
    after: Option<String>,
    /// Every item that a page has begun after.
    used: HashSet<String>,
    pages: u64,
    /// Why the walk cannot go on behind the page it has just yielded.
    dead_end: Option<&'static str>,
    is_at_end: bool,
}

impl<L: CursorList> Cursor<L> {
    pub(crate) fn new(list: L) -> Cursor<L> {
        Cursor {
            list,
            page_size: LARGEST_PAGE,
            after: None,
            used: HashSet::new(),
            pages: 0,
            dead_end: None,
            is_at_end: false,
        }
    }

    pub(crate) fn list_mut(&mut self) -> &mut L {
        &mut self.list
    }

    fn fetch(&self) -> Result<Vec<Value>> {
        if !(1..=LARGEST_PAGE).contains(&self.page_size) {
            let refused = Error::invalid("the page size must be from 1 to 100");
            return Err(refused.with_call(self.list.call_name()));
        }
        let mut page = self.list.fetch(self.after.as_deref(), self.page_size)?;
        let first = page.first().and_then(L::id);
        if first.is_some() && first == self.after {
            page.remove(0);
        }
        Ok(page)
    }

    /// Moves on behind `page`, which must end somewhere new.
    fn advance(&mut self, page: &[Value]) -> Result<()> {
        let Some(last) = page.last().and_then(L::id) else {
            self.dead_end = Some("the last item of a page has no id to go on after");
            return Ok(());
        };
        let is_new = self.after.as_ref() != Some(&last) && !self.used.contains(&last);
        if !is_new {
            return Err(self.stuck(&format!(
                "the page after {:?} ends where one did before",
                self.after()
            )));
        }
        self.used.extend(self.after.replace(last));
        Ok(())
    }

    fn after(&self) -> &str {
        self.after.as_deref().unwrap_or("the beginning")
    }

    fn stuck(&self, what: &str) -> Error {
        let hint = "the list cannot be read to its end; what came before is complete up to here";
        Error::new(ErrorKind::Stuck, what)
            .with_call(self.list.call_name())
            .with_hint(hint)
    }
}

impl<L> sealed::Sealed for Cursor<L> {}

impl<L: CursorList> Pager for Cursor<L> {
    /// The id of the last item that had one.
    type Mark = Option<String>;

    fn turn(&mut self) -> Result<Option<Leaf<Self::Mark>>> {
        if self.is_at_end {
            return Ok(None);
        }
        if let Some(why) = self.dead_end {
            return Err(self.stuck(why));
        }
        let page = self.fetch()?;
        self.is_at_end = page.is_empty();
        if self.is_at_end {
            return Ok(None);
        }
        let mut mark = self.after.clone();
        self.advance(&page)?;
        self.pages += 1;
        let mut items = Vec::with_capacity(page.len());
        for item in page {
            mark = L::id(&item).or(mark);
            items.push((item, mark.clone()));
        }
        let number = self.pages;
        Ok(Some(Leaf {
            items,
            end: mark,
            number,
            total_items: None,
            total_pages: None,
            has_more: None,
        }))
    }

    fn start(&mut self, position: Option<&Position>) -> Result<Self::Mark> {
        let place = position
            .map(|position| position.place_in(&self.list.list_name()))
            .transpose()?;
        let mark = place
            .map(|place| parse(place).ok_or_else(Position::unreadable))
            .transpose()?
            .flatten();
        self.after.clone_from(&mark);
        (self.used, self.pages) = (HashSet::new(), 0);
        (self.dead_end, self.is_at_end) = (None, false);
        Ok(mark)
    }

    fn position(&self, mark: &Self::Mark) -> Position {
        let place = mark
            .as_ref()
            .map_or_else(|| "start".to_owned(), |id| format!("after {id}"));
        Position::new(self.list.list_name(), place)
    }

    fn total_items(&self) -> Option<u64> {
        None
    }

    fn set_page_size(&mut self, items: u32) {
        self.page_size = items;
    }

    fn name(&self) -> String {
        self.list.call_name()
    }
}

/// `None` where this is no place; `Some(None)` is the beginning.
fn parse(place: &str) -> Option<Option<String>> {
    match place {
        "start" => Some(None),
        place => place.strip_prefix("after ").map(|id| Some(id.to_owned())),
    }
}
