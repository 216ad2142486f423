//! Walks over listings that come in pages: lazy, exact while the list changes, and resumable.
//!
//! A [`Walk`] is an iterator of `Result<T>` over the items of a listing. [`Walk::pages`] makes it one over
//! pages. Nothing is requested before the first item is asked for, and pages are as large as the service
//! allows, since requests are what is scarce.
//!
//! A failed request ends the walk: it is yielded as one `Err`, and then there is nothing more, so that
//! `.flatten()`, `.filter_map(Result::ok)` and `.collect::<Result<Vec<_>, _>>()` all end. An item that
//! cannot be decoded is one `Err` in its place, and the walk goes on behind it. [`Walk::position`] tells
//! at any time where the walk stands, also after an error; [`Walk::resume_at`] goes on from there.
//!
//! The two services page differently. Heylerts numbers its pages, newest first, so new items push others
//! onto the next page and deletions pull them onto the one before; a [`Numbered`] walk follows that, and
//! yields every item that was in the list throughout exactly once, also when the caller deletes what it
//! walks over. Heylo names the event to go on after, and a [`Cursor`] walk ends at an empty page.
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
//!     Err(interrupted) => {
//!         eprintln!("{}; go on later from {}", interrupted.error, interrupted.position);
//!         interrupted.items
//!     }
//! };
//! assert_eq!(mentions.len(), 137);
//! # Ok::<(), heysync::Error>(())
//! ```
//!
//! A script that is run every now and then, and each time does as much as it has time for:
//!
//! ```
//! # use heysync::{Config, heylerts, sandbox};
//! # let config = Config::new().transport(sandbox::Heylerts::demo()).clock(sandbox::TestClock::new());
//! # let client = heylerts::Client::with_config("hlt_key", config)?;
//! # let path = std::env::temp_dir().join(format!("heysync-{}.position", std::process::id()));
//! # for expected in [60, 60, 17, 0] {
//! let mut walk = client.mentions();
//! if let Ok(saved) = std::fs::read_to_string(&path) {
//!     walk = walk.resume_at(&saved.parse()?)?;
//! }
//! let some: Vec<heylerts::Mention> = walk.by_ref().take(60).collect::<heysync::Result<_>>()?;
//! std::fs::write(&path, walk.position().to_string()).expect("a writable file");
//! # assert_eq!(some.len(), expected);
//! # }
//! # std::fs::remove_file(&path).expect("the file");
//! # Ok::<(), heysync::Error>(())
//! ```

mod cursor;
mod numbered;
mod pager;
mod position;
mod progress;
mod seen;
mod span;
mod walk;

pub use cursor::{Cursor, CursorList};
pub use numbered::{Numbered, NumberedList};
pub use pager::Pager;
pub use position::Position;
pub use walk::{Interrupted, Page, Pages, Walk};

pub(crate) use pager::sealed::Sealed;
pub(crate) use position::list_name;
pub(crate) use span::NumberedPage;
