//! A numbered page, and which positions of the list it covers.

use serde::Deserialize;
use serde_json::Value;

use super::seen::{Key, key};

/// A page as Heylerts sends it. Only the items must be there.
#[doc(hidden)]
#[derive(Debug, Deserialize)]
pub struct NumberedPage {
    pub(crate) items: Vec<Value>,
    pub(crate) page: Option<u64>,
    pub(crate) per_page: Option<u32>,
    pub(crate) total_items: Option<u64>,
    pub(crate) total_pages: Option<u64>,
    pub(crate) has_more: Option<bool>,
}

/// A page, and which positions of the list it covers.
#[derive(Debug)]
pub(crate) struct Span {
    pub(crate) page: NumberedPage,
    pub(crate) number: u64,
    pub(crate) per_page: u32,
    /// How many positions lie before it.
    pub(crate) start: u64,
}

impl Span {
    /// A server may give smaller pages than it was asked for, and says so in `per_page`.
    pub(crate) fn new(number: u64, asked: u32, page: NumberedPage) -> Span {
        // Zero would put every page at the top.
        let per_page = page.per_page.filter(|given| *given > 0).unwrap_or(asked);
        Span {
            number,
            per_page,
            start: (number - 1) * u64::from(per_page),
            page,
        }
    }

    /// The position behind it. A page that more come behind covers all of its positions, however few of
    /// them it shows.
    pub(crate) fn end(&self) -> u64 {
        let came = self.page.items.len() as u64;
        let full = if self.page.has_more == Some(true) {
            u64::from(self.per_page)
        } else {
            0
        };
        self.start + came.max(full)
    }

    /// What the server says; where it says nothing, whether the page is full and the total not reached.
    pub(crate) fn has_more(&self) -> bool {
        let full = self.page.items.len() as u64 >= u64::from(self.per_page);
        let short_of_total = self.page.total_items.is_none_or(|total| total > self.end());
        self.page.has_more.unwrap_or(full && short_of_total)
    }

    /// Said not to be the last, and nothing in it.
    pub(crate) fn contradicts_itself(&self) -> bool {
        self.page.items.is_empty() && self.page.has_more == Some(true)
    }

    pub(crate) fn keys(&self) -> Vec<Key> {
        self.page.items.iter().map(key).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn span(number: u64, json: Value) -> Span {
        Span::new(number, 100, serde_json::from_value(json).expect("a page"))
    }

    #[test]
    fn a_server_that_gives_smaller_pages_is_believed() {
        let span = span(
            3,
            json!({"items": [1, 2], "per_page": 20, "has_more": false}),
        );
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
}
