//! A numbered page, and which positions of the list it covers.

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::progress::Place;
use super::seen::{Key, key};
use crate::json::null_as_default;

/// A page as Heylerts sends it. Only the items must be there.
#[derive(Debug, Deserialize)]
pub(crate) struct NumberedPage {
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) items: Vec<Value>,
    #[serde(default, deserialize_with = "count")]
    pub(crate) page: Option<u64>,
    #[serde(default, deserialize_with = "count")]
    pub(crate) per_page: Option<u64>,
    #[serde(default, deserialize_with = "count")]
    pub(crate) total_items: Option<u64>,
    #[serde(default, deserialize_with = "count")]
    pub(crate) total_pages: Option<u64>,
    pub(crate) has_more: Option<bool>,
}

/// Reads a count; anything else, as the `-1` of servers that do not know, is none.
fn count<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    Value::deserialize(deserializer).map(|count| whole(&count))
}

/// A number without a fraction, such as `35` and `35.0`.
fn whole(number: &Value) -> Option<u64> {
    let exact = |float: &f64| float.fract() == 0.0 && (0.0..=MOST_EXACT).contains(float);
    let float = || number.as_f64().filter(exact).map(|float| float as u64);
    number.as_u64().or_else(float)
}

/// The largest number up to which a float tells every whole one.
const MOST_EXACT: f64 = 9_007_199_254_740_992.0;

/// A page, and which positions of the list it covers.
#[derive(Debug)]
pub(crate) struct Span {
    pub(crate) page: NumberedPage,
    pub(crate) place: Place,
    /// How many positions lie before it.
    pub(crate) start: u64,
}

impl Span {
    /// A server may give smaller pages than it was asked for, and says so in `per_page`.
    pub(crate) fn new(asked: Place, page: NumberedPage) -> Span {
        let given = page.per_page.and_then(|given| u32::try_from(given).ok());
        // Zero would put every page at the top.
        let per_page = given.filter(|given| *given > 0).unwrap_or(asked.per_page);
        let before = asked.number.saturating_sub(1);
        Span {
            place: Place { per_page, ..asked },
            start: before.saturating_mul(per_page.into()),
            page,
        }
    }

    /// The position behind it. A page that more come behind covers all of its positions, however few of
    /// them it shows.
    pub(crate) fn end(&self) -> u64 {
        let shown = self.start.saturating_add(self.page.items.len() as u64);
        if self.has_more() { shown.max(self.full_end()) } else { shown }
    }

    fn full_end(&self) -> u64 {
        self.start.saturating_add(self.place.per_page.into())
    }

    /// What the server says; where it says nothing, whether the total lies further down, or else whether
    /// the page is full.
    pub(crate) fn has_more(&self) -> bool {
        let is_full = self.page.items.len() as u64 >= u64::from(self.place.per_page);
        let total = self.page.total_items;
        let goes_on = || total.map_or(is_full, |total| total > self.full_end());
        self.page.has_more.unwrap_or_else(goes_on)
    }

    /// Said not to be the last, and nothing in it.
    pub(crate) fn contradicts_itself(&self) -> bool {
        self.page.items.is_empty() && self.has_more()
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
        let asked = Place { number, per_page: 100 };
        Span::new(asked, serde_json::from_value(json).expect("a page"))
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
    fn what_is_no_count_is_not_counted_with() {
        for odd in [json!(-1), json!(2.5), json!("35"), json!(1e300), json!(null)] {
            let page = json!({"items": null, "page": odd, "per_page": odd, "total_items": odd,
                "total_pages": odd, "has_more": null});
            let span = span(1, page);
            assert_eq!((span.place.per_page, span.page.total_items), (100, None));
        }
        let span = span(1, json!({"items": [], "total_items": 35.0}));
        assert_eq!(span.page.total_items, Some(35));
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
