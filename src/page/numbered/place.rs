//! Where a page is in the list, and what it proves about the end of the list.

use crate::error::{Error, ErrorKind};
use crate::page::progress::PageRequest;
use crate::page::raw_page::RawPage;
use crate::page::seen::Key;
use crate::page::source::{LARGEST_PAGE, no_progress};
use crate::page::span::Span;

/// Whether the numbers of a page prove its place, and that the list reaches it.
///
/// If the server does not report the size of its pages, they have the requested one if a page has it that is not the last,
/// or if the last one ends with the total.
pub(super) fn is_proved(span: &Span, request: PageRequest) -> bool {
    let numbers = &span.page.numbers;
    let end = span.start.saturating_add(span.len());
    let is_said = numbers.per_page.is_some();
    let by_pages = numbers.total_pages.map(|pages| pages > span.request.number);
    match (numbers.has_more.or(by_pages), numbers.total_items) {
        (_, Some(_)) if is_said => true,
        _ if span.len() == 0 => false,
        // Without a number, it may be the last page, sent in place of one after it, with a guess that there is more.
        (Some(true), _) if numbers.page.is_none() => false,
        (Some(true), _) => is_said || span.len() == u64::from(request.per_page),
        (Some(false), Some(total)) => end == total,
        _ => false,
    }
}

/// A page that holds the item before a position, and the one after it if there is one.
pub(super) fn across(behind: u64, page_size: u32) -> Option<PageRequest> {
    let sizes = (1..page_size).rev().chain(page_size + 1..=LARGEST_PAGE);
    let mut sizes = sizes.filter(|size| !behind.is_multiple_of(u64::from(*size)));
    sizes.next().map(|per_page| PageRequest { number: behind / u64::from(per_page) + 1, per_page })
}

/// Whether the page across a position ends with the item before it; `None` if that item is not where it should be.
pub(super) fn ends_with(
    page: &RawPage,
    across: PageRequest,
    behind: u64,
    last: Key,
) -> Option<bool> {
    let keys = page.keys();
    let up_to = usize::try_from(behind % u64::from(across.per_page)).ok()?;
    let is_there = keys.get(up_to.checked_sub(1)?) == Some(&last);
    let is_end = keys.len() == up_to && page.numbers.has_more != Some(true);
    is_there.then_some(is_end)
}

/// Whether a server may mean by this error that a page is after the end of the list.
pub(super) fn may_be_after_the_end(error: &Error, request: PageRequest) -> bool {
    let status = error.status().map(|status| status.as_u16());
    let is_other = error.kind() == ErrorKind::NoProgress;
    request.number > 1 && (is_other || matches!(status, Some(400 | 404 | 410 | 416 | 422)))
}

/// Whether by this error there is no such page, rather than none for anybody so far down.
pub(super) fn is_not_found(error: &Error) -> bool {
    matches!(error.status().map(|status| status.as_u16()), Some(404 | 410 | 416))
}

/// The error of a page that has no items although some follow.
pub(super) fn is_empty(number: u64) -> Error {
    no_progress(format!("page {number} is empty, and the list goes on after the page before it"))
}

/// The error of a page that has the items of this one.
pub(super) fn repeats(number: u64) -> Error {
    no_progress(format!("another page repeats page {number}"))
}

/// The error of a page that the server refuses although it should be there, or may be.
pub(super) fn refused(error: Error, request: PageRequest) -> Error {
    if error.status().is_none() || !may_be_after_the_end(&error, request) {
        return error;
    }
    let number = request.number;
    let hint = format!(
        "the server refuses page {number} of the list, which may be its end or as far as it lets anybody read; what \
         came is complete up to there"
    );
    error.with_hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_page_that_promises_more_does_not_end_the_list() {
        for (has_more, expected) in
            [(json!(true), false), (json!(false), true), (json!(null), true)]
        {
            let text = json!({"items": [{"id": 2}, {"id": 1}], "has_more": has_more}).to_string();
            let page = RawPage::parse(text.into_bytes(), "items", &["id"]).expect("a page");
            let last = page.keys()[1];
            let across = PageRequest { number: 1, per_page: 3 };
            assert_eq!(ends_with(&page, across, 2, last), Some(expected), "{has_more}");
        }
    }
}
