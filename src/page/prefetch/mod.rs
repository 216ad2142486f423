//! Requests ahead of the caller: pages of a list that are fetched before they are asked for.
//!
//! [`AheadByNumber`] and [`AheadByCursor`] stand between a list and the iteration over it, and respond to a request for
//! a page with one that was fetched before, if the list was then as it would be now. So the iteration is as exact as
//! without them.

mod by_cursor;
mod by_number;
mod task;

pub(super) use by_cursor::{AheadByCursor, FetchAfter};
pub(super) use by_number::{AheadByNumber, FetchPage, Means};

/// The most pages that are fetched ahead: as many as there may be idle connections to one host.
pub(super) const MOST_AHEAD: u32 = 16;
