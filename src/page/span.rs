//! A numbered page, and the positions of the list that it covers.

use super::progress::PageRequest;
use super::raw_page::{Numbers, RawPage};
use super::seen::{self, Key};
use super::source::is_acceptable_length;

/// A total from here on is no count, but the -1 of a server that does not know.
const UNKNOWN: u64 = 1 << 53;

/// A page and the positions of the list that it covers.
#[derive(Debug)]
pub(crate) struct Span {
    pub(crate) page: RawPage,
    pub(crate) request: PageRequest,
    /// How many positions lie before it.
    pub(crate) start: u64,
}

impl Span {
    /// A server may send smaller or larger pages than it was asked for, and reports their size in `per_page`.
    pub(crate) fn new(request: PageRequest, page: RawPage) -> Span {
        let given = page.numbers.per_page.and_then(|given| u32::try_from(given).ok());
        // Zero would put every page at the top.
        let per_page = given.filter(|given| *given > 0).unwrap_or(request.per_page);
        let before = request.number.saturating_sub(1);
        Span {
            request: PageRequest { per_page, ..request },
            start: before.saturating_mul(per_page.into()),
            page,
        }
    }

    pub(crate) fn len(&self) -> u64 {
        self.page.items.len() as u64
    }

    /// The position after it. A page that is not the last covers all of its positions, however few items it shows.
    pub(crate) fn end(&self) -> u64 {
        let shown = self.start.saturating_add(self.len());
        if self.has_more() { shown.max(self.full_end()) } else { shown }
    }

    /// The position after it if it has all of its items.
    pub(crate) fn full_end(&self) -> u64 {
        self.start.saturating_add(self.request.per_page.into())
    }

    /// `has_more`; without it, whether the total lies further down, or else whether the number of pages does, or else
    /// whether the page is full. If the server does not report the size of its pages, it may not be the requested one, so that
    /// only the items count.
    ///
    /// An end that is not certain costs one more request rather than the rest of the list: if the totals of a page with
    /// items contradict its `has_more`, or if a short first page has no numbers at all.
    pub(crate) fn has_more(&self) -> bool {
        let numbers = &self.page.numbers;
        let is_counted = numbers.per_page.is_none() && !self.page.items.is_empty();
        let end = if is_counted { self.start.saturating_add(self.len()) } else { self.full_end() };
        let by_total = || self.total_items().map(|total| total > end);
        let by_pages = || numbers.total_pages.map(|pages| pages > self.request.number);
        let is_full = || self.len() >= u64::from(self.request.per_page);
        let has_items = !self.page.items.is_empty();
        let is_contradicted = || has_items && by_total() == Some(true) && by_pages() != Some(false);
        match numbers.has_more {
            Some(has_more) => has_more || is_contradicted(),
            // A total may be cut off at a round number, and the number of pages not.
            None if is_full() && by_pages() == Some(true) => true,
            None => by_total()
                .or_else(by_pages)
                .unwrap_or_else(|| is_full() || is_counted && self.request.number == 1),
        }
    }

    /// How many of the items that it should hold, by its own numbers, it does not show.
    ///
    /// Its total and its size decide. Without a total, a page that is called the last by `has_more` and is not by
    /// the number of pages should be full.
    pub(crate) fn left_out(&self) -> u64 {
        let numbers = &self.page.numbers;
        let size = u64::from(self.request.per_page);
        let known = numbers.total_items.filter(|total| *total < UNKNOWN);
        let is_cut = || {
            let is_last = numbers.has_more == Some(false) && !self.page.items.is_empty();
            is_last && numbers.total_pages.is_some_and(|pages| self.request.number < pages)
        };
        let expected = match known {
            // The last page should hold the rest.
            Some(total) if !self.has_more() => total.saturating_sub(self.start),
            Some(total) => total.saturating_sub(self.start).min(size),
            None if is_cut() => size,
            None => 0,
        };
        expected.saturating_sub(self.len()).saturating_sub(self.page.holes)
    }

    /// The total, unless it is below what the page itself shows at the place of its number.
    pub(crate) fn total_items(&self) -> Option<u64> {
        let shown = self.start.saturating_add(self.len());
        self.page.numbers.total_items.filter(|total| self.len() == 0 || *total >= shown)
    }

    /// Whether it shows more than its total, if its size and so its place are known.
    pub(crate) fn denies_its_total(&self) -> bool {
        let numbers = &self.page.numbers;
        let is_placed = numbers.per_page.is_some() && numbers.total_items.is_some();
        is_placed && self.total_items().is_none()
    }

    /// Whether it is empty and not the last.
    pub(crate) fn contradicts_itself(&self) -> bool {
        self.page.items.is_empty() && self.has_more()
    }

    /// The number of items that the server puts on a page without saying so, if this page shows that it does not
    /// follow the request.
    pub(crate) fn unsaid_per_page(&self) -> Option<u32> {
        let items = u32::try_from(self.len()).ok().filter(|items| *items > 0)?;
        let is_said = self.page.numbers.per_page.is_some();
        let is_odd =
            items > self.request.per_page || items < self.request.per_page && self.has_more();
        Some(items).filter(|_| !is_said && is_odd)
    }

    /// Whether it has as many items as its size.
    pub(crate) fn is_full(&self) -> bool {
        self.start.saturating_add(self.len()) == self.full_end()
    }

    pub(crate) fn keys(&self) -> Vec<Key> {
        self.page.keys()
    }
}

impl Numbers {
    /// Whether they show the end of the list.
    pub(crate) fn counts(&self) -> bool {
        self.total_items.is_some() || self.total_pages.is_some()
    }

    /// The number of the last page, of pages that have so many items unless the server says otherwise.
    pub(crate) fn last_page(&self, per_page: u32) -> Option<u64> {
        let size = self.per_page.filter(|size| *size > 0).unwrap_or(per_page.into());
        let total = self.total_items.filter(|total| *total < UNKNOWN);
        let by_total = total.map(|total| total.div_ceil(size));
        by_total.or(self.total_pages).map(|last| last.max(1))
    }
}

/// Replaces a size that no page can have by the one in use. If the page is not as long as its size, it has to be counted.
///
/// A size is measured by what the server was asked for, at most as many as are `wanted`: measured by its own sizes, it could double
/// them with each page. A size that only repeats the request proves nothing if pages were seen to be larger.
pub(crate) fn bound_size(page: &mut RawPage, request: PageRequest, wanted: u32) {
    let (in_use, asked) = (u64::from(request.per_page), request.per_page.min(wanted));
    let repeats = page.numbers.per_page == Some(wanted.into());
    if page.numbers.per_page.is_some_and(|size| !is_acceptable_length(size, asked)) {
        page.numbers.per_page = Some(in_use).filter(|size| page.items.len() as u64 <= *size);
    }
    let size = page.numbers.per_page.filter(|size| *size > 0).unwrap_or(in_use);
    leave_out_twins(page, request.number, size);
    let is_other = asked < request.per_page || is_echo(page, request.number, size);
    if page.items.len() as u64 > size || repeats && is_other {
        page.numbers.per_page = None;
    }
}

/// Whether a page shows that its size only repeats the request: the list has fewer pages than it would have of that size; or
/// the page has fewer items, and the list has more pages, or other pages follow and nothing counts the items.
///
/// A short first page without any sign of others may be the only one, or of a server with smaller pages.
fn is_echo(page: &RawPage, number: u64, size: u64) -> bool {
    let numbers = &page.numbers;
    let is_short = page.items.len() as u64 + page.holes < size;
    let by_pages = || numbers.total_pages.map(|pages| pages > number);
    let has_more = || numbers.has_more.or_else(by_pages).unwrap_or(number == 1);
    let Some(total) = numbers.total_items.filter(|total| *total < UNKNOWN) else {
        return is_short && has_more();
    };
    let of_size = total.div_ceil(size).max(1);
    numbers
        .total_pages
        .map(|pages| pages.max(1))
        .is_some_and(|pages| pages < of_size || is_short && pages > of_size)
}

/// Drops what a page has twice if only that makes it longer than its size, or than the rest of the list.
fn leave_out_twins(page: &mut RawPage, number: u64, size: u64) {
    let start = number.saturating_sub(1).saturating_mul(size);
    let rest = page.numbers.total_items.map(|total| total.saturating_sub(start));
    let room = rest.unwrap_or(size).min(size);
    if page.items.len() as u64 <= room {
        return;
    }
    let firsts = seen::firsts(page.keys().into_iter());
    if firsts.len() as u64 <= room {
        page.items = firsts.into_iter().map(|nth| page.items[nth].clone()).collect();
    }
}

/// Finds out which page came by its number: the requested one, or the last or the first one if the requested one is after
/// the end, as some servers send then. Any other page is an error.
pub(crate) fn place(page: &RawPage, request: PageRequest) -> Result<PageRequest, String> {
    let number = request.number;
    let last = page.numbers.last_page(request.per_page);
    let is_last = |other| match page.numbers.counts() {
        true => last == Some(other) || other == 1 && last.is_some_and(|last| last < number),
        false => page.numbers.has_more == Some(false),
    };
    match page.numbers.page {
        Some(other) if other < number && is_last(other) => {
            Ok(PageRequest { number: other, ..request })
        }
        Some(other) if other != number => {
            Err(format!("page {number} was requested and page {other} came"))
        }
        _ => Ok(request),
    }
}

/// The number of the last page, by the numbers of this one.
pub(crate) fn last_page(page: &RawPage, request: PageRequest) -> Option<u64> {
    page.numbers.last_page(request.per_page)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn span(number: u64, json: Value) -> Span {
        let request = PageRequest { number, per_page: 100 };
        let page = RawPage::parse(json.to_string().into_bytes(), "items", &["id"]);
        Span::new(request, page.expect("a page"))
    }

    #[test]
    fn a_server_that_gives_smaller_pages_is_believed() {
        let span = span(3, json!({"items": [1, 2], "per_page": 20, "has_more": false}));
        assert_eq!((span.start, span.end(), span.has_more()), (40, 42, false));
    }

    #[test]
    fn a_short_page_with_more_behind_it_covers_all_its_positions() {
        let span = span(1, json!({"items": [1, 2], "has_more": true}));
        assert_eq!((span.end(), span.has_more()), (100, true));
    }

    #[test]
    fn without_a_word_on_more_a_full_page_short_of_the_total_has_more() {
        let items: Vec<u32> = (0..100).collect();
        assert!(span(1, json!({"items": items})).has_more());
        assert!(span(1, json!({"items": items, "total_items": 101})).has_more());
        assert!(!span(1, json!({"items": items, "total_items": 100})).has_more());
        assert!(!span(1, json!({"items": [], "total_items": 7})).has_more());
    }

    #[test]
    fn without_a_word_on_more_a_short_page_is_not_the_end_of_a_longer_list() {
        let short = span(1, json!({"items": [1, 2], "total_items": 101}));
        assert_eq!((short.has_more(), short.end()), (true, 100));
        assert!(span(1, json!({"items": [], "total_items": 101})).contradicts_itself());
    }

    #[test]
    fn an_end_that_the_totals_contradict_is_not_believed_until_a_page_is_empty() {
        let numbers = json!({"total_items": 250, "total_pages": 3, "has_more": false});
        let with = |items: Value| {
            let mut page = numbers.clone();
            page["items"] = items;
            page
        };
        assert!(span(1, with((0..100).collect())).has_more());
        assert!(!span(2, with(json!([]))).has_more());
        assert!(
            !span(
                1,
                json!({"items": [1], "total_items": 250, "total_pages": 1, "has_more": false})
            )
            .has_more()
        );
    }

    #[test]
    fn a_short_first_page_without_any_numbers_may_be_of_a_server_with_smaller_pages() {
        assert!(span(1, json!({"items": [1, 2]})).has_more());
        assert_eq!(span(1, json!({"items": [1, 2]})).unsaid_per_page(), Some(2));
        assert!(!span(2, json!({"items": [1, 2]})).has_more());
        assert!(!span(1, json!({"items": []})).has_more());
    }

    #[test]
    fn a_page_shows_by_its_own_numbers_how_many_items_it_leaves_out() {
        for (number, page, expected) in [
            (1, json!({"items": [1, 2], "per_page": 3, "total_items": 7}), 1),
            (3, json!({"items": [1], "per_page": 3, "total_items": 7}), 0),
            (3, json!({"items": [], "per_page": 3, "total_items": 7, "has_more": false}), 1),
            (2, json!({"items": [1], "per_page": 3, "total_items": "7"}), 2),
            (2, json!({"items": [1, null, null], "per_page": 3, "total_items": 7}), 0),
            (4, json!({"items": [], "per_page": 3, "total_items": 7}), 0),
            (1, json!({"items": [1], "per_page": 3, "total_items": u64::MAX}), 0),
            (1, json!({"items": [1], "per_page": 3, "total_items": -1}), 0),
            (2, json!({"items": [1], "per_page": 3, "total_pages": 3, "has_more": false}), 2),
            (3, json!({"items": [1], "per_page": 3, "total_pages": 3, "has_more": false}), 0),
            (3, json!({"items": [], "per_page": 3, "total_pages": 4, "has_more": false}), 0),
            (
                1,
                json!({"items": [1, 2], "per_page": 2, "total_items": 7, "total_pages": 1, "has_more": false}),
                5,
            ),
            (1, json!({"items": [1], "has_more": true}), 0),
            (1, json!({"items": [1]}), 0),
        ] {
            assert_eq!(span(number, page.clone()).left_out(), expected, "{page}");
        }
    }

    #[test]
    fn a_size_is_bounded_by_what_was_asked_for_and_not_by_earlier_sizes() {
        let bounded = |items: usize, size: u64, in_use: u32| {
            let json = json!({"items": vec![1; items], "per_page": size}).to_string();
            let mut page = RawPage::parse(json.into_bytes(), "items", &[]).expect("a page");
            bound_size(&mut page, PageRequest { number: 1, per_page: in_use }, 100);
            page.numbers.per_page
        };
        for (items, size, in_use, expected) in [
            (3, 1000, 100, Some(1000)),
            (3, 1001, 100, Some(100)),
            (3, 1001, 1000, Some(1000)),
            (3, u64::MAX, 7, Some(7)),
            (8, u64::MAX, 7, None),
        ] {
            assert_eq!(bounded(items, size, in_use), expected, "{items}, {size}, {in_use}");
        }
    }

    #[test]
    fn numbers_beyond_all_bounds_are_borne() {
        for per_page in [0, 1, u64::from(u32::MAX), u64::MAX] {
            for number in [0, 1, u64::MAX] {
                let page = json!({"items": [1], "per_page": per_page, "total_items": u64::MAX,
                    "total_pages": u64::MAX});
                let span = span(number, page);
                assert!(span.start <= span.end());
            }
        }
    }
}
