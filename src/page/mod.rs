//! Pagination: lazy iterators over listings, exact while the list changes, and resumable.
//!
//! A [`Pager`] is an iterator of `Result<T>` over the items of a listing; [`Pager::pages`] turns it into one over
//! pages. Nothing is requested before the first item is, and pages are as large as the service allows, since
//! requests are limited.
//!
//! A failed request finishes the iterator: it is one `Err`, and then nothing more comes, so that `.flatten()`,
//! `.filter_map(Result::ok)` and `.collect::<Result<Vec<_>, _>>()` all end. An item that cannot be decoded is one
//! `Err` in its place, and the items after it still come. [`Pager::position`] returns the current position at any
//! time, also after an error; [`Pager::resume_at`] continues from there.
//!
//! # Exactness
//!
//! An item that stays in the list throughout is yielded exactly once, although the list changes while it is read, also
//! by the caller. An iteration that cannot be exact yields an `Err` with a [`hint`](crate::Error::hint), never a silent end. At
//! most 16 bytes are kept for each item yielded.
//!
//! **Heylerts** numbers its pages, newest first: a new item pushes others onto the next page, a deletion pulls them onto
//! the one before. The iterator follows both by the total that each page reports. This assumes that items are *added at
//! the top only*, as the vendor documents ("newest first"). Items that are added while the list is read do not come. A
//! mention that is un-ignored enters the list further down: it comes only if the list was not read that far, and the
//! other mentions still come exactly once, unless one is deleted between the same two pages, which hides its deletion. If
//! the service sorts items with equal times anew for each response, some would
//! be missed at the border of two pages; the list is then read again, up to six times in all, and if items are still
//! missing, an error states how many. If the total changes between the same two pages, this is not detected. A page of more
//! than ten times the items requested is an error, too. A page that has fewer items than its own total and size call for
//! is read again at the end, wherever its items moved meanwhile, and is an error if it still has: every item
//! received has been yielded then. If the last page vanishes before it is requested, the service may send an
//! empty page, the page that is the last one now, or an error: the list ends where its total is.
//!
//! Without a total, the page after the last one may be refused, empty, or the last one again. Then a page of another size,
//! which could hold the last item and the next one, proves the end of the list. If the server has pages of one size only,
//! status 404, 410 or 416 and an empty page are the end, and anything else is an error after the last item.
//!
//! Four things cannot be known, so that items may be missing or come twice without an error:
//!
//! - Without a total, a deletion shows only if a page vanishes although the one before it had `has_more`. That a server
//!   numbers its pages from 0 does not show, either.
//! - If the list is sorted by a time that changes, such as the last update, an item may move to the top from a part that
//!   was not read yet.
//! - If the service sorts items with equal times anew for each response, an iterator that is resumed does not know which
//!   of them came.
//! - A cache may send pages of different age.
//!
//! **Heylo** names the event to continue after, and does not document the response if that event was deleted: an error,
//! an empty page and the first page are all possible. So the iterator asks after the last event *but one*, and the last
//! one must come again, which proves that the event named is still there. If it does not come, the iterator asks after
//! the last event, then after earlier ones, and in the end from the first page on, and leaves out the events that it has
//! yielded. A list of *n* events that does not change takes at most ⌈*n*/99⌉ + 2 requests, if the service fills its
//! pages. Events that are added come if their place was not read yet. If the order is seen to change (an event comes
//! again after the one that was named), the list is read again, up to six times in all, and it is an error if the order
//! changes each time. Heylo reports no total: a change of the order that shows nowhere between two pages, as events with
//! equal times that the service sorts at random, can hide an event. So can an event whose time is edited: one that moves
//! up to before the event named does not come, and if the service sends the event named, too, and that one moves down,
//! those that it passes do not come. If the last two events lead to different places, the event that earlier ones lead
//! to is the next, and it is an error if none does. A service that continues after all events
//! whose time is that of the event named can hide such events after a page that it cuts short, or if they fill a page.
//!
//! The list ends where a page is empty and the last event comes once more. It must be empty twice if the service was
//! seen to cut pages short, which positions remember, or if it is the first page that is requested again. So one empty
//! page that the service sends by mistake hides no event, with two exceptions. The first page of an iterator looks like
//! that of an empty list. And if the first page that the service cuts short is followed by the empty one, and the page
//! that would show the mistake is cut after the same event, this looks like the end of a list.
//!
//! See [`Position`] for iterators that are resumed.
//!
//! # Examples
//!
//! Reading everything, and keeping what came when it breaks off:
//!
//! ```
//! # use heysync::{Config, heylerts, sandbox};
//! # let config = Config::new().transport(sandbox::Heylerts::demo()).clock(sandbox::TestClock::new());
//! # let client = heylerts::Client::with_config("hlt_key", config)?;
//! let mentions = match client.mentions().read_all() {
//!     Ok(mentions) => mentions,
//!     Err(stopped) => {
//!         eprintln!("{}; continue later from {}", stopped.error, stopped.position);
//!         stopped.items
//!     }
//! };
//! assert_eq!(mentions.len(), 137);
//! # Ok::<(), heysync::Error>(())
//! ```
//!
//! A script that is run every now and then, and each time does as much as it has time for, with `load` and `save` of
//! [State files](crate::guide::long_lists#state-files):
//!
//! ```
//! # use heysync::{Config, heylerts, sandbox};
//! # let config = Config::new().transport(sandbox::Heylerts::demo()).clock(sandbox::TestClock::new());
//! # let client = heylerts::Client::with_config("hlt_key", config)?;
//! # mod files { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/guide/state_file.rs")); }
//! # use files::{load, save};
//! # let path = std::env::temp_dir().join(format!("heysync-{}.position", std::process::id()));
//! # for expected in [60, 60, 17, 0] {
//! let mut mentions = client.mentions();
//! if let Some(position) = load(&path)? {
//!     mentions = mentions.resume_at(&position)?;
//! }
//! let some: Vec<heylerts::Mention> = mentions.by_ref().take(60).collect::<heysync::Result<_>>()?;
//! save(&path, mentions.position())?;
//! # assert_eq!(some.len(), expected);
//! # }
//! # std::fs::remove_file(&path)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod cursor;
mod error;
mod numbered;
mod pager;
mod pages;
mod position;
mod prefetch;
mod progress;
mod raw_page;
mod raw_pager;
mod search;
mod seen;
mod source;
mod span;
#[cfg(test)]
mod tests;

pub use error::ReadAllError;
pub use pager::Pager;
pub use pages::{Page, Pages};
pub use position::Position;

pub(crate) use cursor::{Cursor, CursorList};
pub(crate) use numbered::{Numbered, NumberedList};
pub(crate) use position::{checksum, list_name, stable_hash};
pub(crate) use raw_page::RawPage;
pub(crate) use source::FollowedList;
