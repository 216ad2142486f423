//! Lists whose pages begin after a named item: those that change, servers of all kinds, and positions.

use std::collections::HashSet;

use fastrand::Rng;
use serde_json::{Value, json};

use super::cursor_model::*;
use crate::error::{Error, ErrorKind};
use crate::page::Position;
use crate::page::pager::Pager;

#[test]
fn a_list_that_stands_still_is_read_whole_in_few_requests() {
    for is_inclusive in [false, true] {
        for items in [0, 1, 2, 3, 98, 99, 100, 101, 197, 198, 199, 200, 230, 298, 990, 2500] {
            let model = Model::still(items, Manner { is_inclusive, ..PLAIN });
            let (ids, error) = read(model.pager(100));
            assert!(error.is_none(), "{error:?}");
            assert_eq!(ids, all(items));
            let most = items.div_ceil(99) as usize + 2;
            let requests = model.requests().len();
            assert!(requests <= most, "{requests} requests for {items}, {is_inclusive}");
        }
    }
}

#[test]
fn a_list_that_stands_still_is_read_whole_from_every_server() {
    for manner in manners() {
        for items in 0..40 {
            let page_size = 6 + items % 3;
            let model = Model::still(items, manner);
            // Where all of the list is in the overlap, the server seems to ignore the cursor.
            if manner.overlap > 0 && items <= 6 {
                continue;
            }
            let (ids, error) = read(model.pager(page_size));
            assert!(error.is_none(), "{manner:?}, {items} items: {error:?}");
            assert_eq!(ids, all(items), "{manner:?}");
        }
    }
}

#[test]
fn small_pages_suffice() {
    for is_inclusive in [false, true] {
        for page_size in [1, 2, 3] {
            let model = Model::still(7, Manner { is_inclusive, ..PLAIN });
            let (ids, error) = read(model.pager(page_size));
            assert!(error.is_none(), "{error:?}");
            assert_eq!((ids, model.requests()[0]), (all(7), (None, page_size)));
            let mut first = model.pager(page_size);
            assert_eq!(read(first.by_ref().take(3)).0, [1, 2, 3]);
            let resumed = model.pager(page_size).resume_at(&first.position());
            let (rest, error) = read(resumed.expect("the same list"));
            assert!(error.is_none(), "{error:?}");
            assert_eq!(rest, [4, 5, 6, 7]);
        }
    }
}

/// Insertions and deletions anywhere; deletions often where the last page ended.
fn churn(seed: u64) -> impl FnMut(&mut Vec<u32>, &[u32]) + Send {
    let mut random = Rng::with_seed(seed);
    let (often, aimed) = (random.f64(), random.f64());
    let mut next = 1_000_000;
    move |list, latest| {
        if random.f64() > often {
            return;
        }
        for _ in 0..random.usize(0..4) {
            if random.bool() {
                next += 1;
                list.insert(random.usize(0..=list.len()), next);
            }
        }
        if random.f64() < aimed {
            let doomed = &latest[random.usize(0..=latest.len())..];
            list.retain(|id| !doomed.contains(id));
        }
        for _ in 0..random.usize(0..3) {
            if !list.is_empty() {
                list.remove(random.usize(0..list.len()));
            }
        }
    }
}

#[test]
fn every_item_that_stayed_comes_exactly_once_whatever_the_server_does() {
    for manner in manners() {
        for seed in 0..150 {
            let items = Rng::with_seed(seed ^ 0xfeed).u32(8..90);
            let page_size = 8 + (seed % 7) as u32;
            let model = Model::new(items, manner, churn(seed));
            let (ids, error) = read(model.pager(page_size));
            assert!(error.is_none(), "{manner:?}, seed {seed}: {error:?}");
            let distinct: HashSet<u32> = ids.iter().copied().collect();
            assert_eq!(distinct.len(), ids.len(), "{manner:?}, seed {seed}: {ids:?}");
            let list = model.list();
            let missing: Vec<&u32> =
                list.iter().filter(|id| **id <= items && !distinct.contains(id)).collect();
            assert!(missing.is_empty(), "{manner:?}, seed {seed}: {missing:?} of {list:?}");
        }
    }
}

#[test]
fn the_last_items_of_each_page_may_be_deleted() {
    for unknown in UNKNOWN {
        for doomed in 1..=4 {
            let delete = move |list: &mut Vec<u32>, latest: &[u32]| {
                let doomed = &latest[latest.len() - doomed.min(latest.len())..];
                list.retain(|id| !doomed.contains(id));
            };
            // Only once in a while: a list of which the end of each page goes at once is soon gone.
            let mut turn = 0;
            let change = move |list: &mut Vec<u32>, latest: &[u32]| {
                turn += 1;
                if turn % 5 == 1 {
                    delete(list, latest);
                }
            };
            let model = Model::new(119, Manner { unknown, ..PLAIN }, change);
            let (ids, error) = read(model.pager(40));
            assert!(error.is_none(), "{unknown:?}, {doomed}: {error:?}");
            let distinct: HashSet<u32> = ids.iter().copied().collect();
            assert_eq!(distinct.len(), ids.len());
            assert!(model.list().iter().all(|id| distinct.contains(id)), "{unknown:?}, {doomed}");
        }
    }
}

#[test]
fn an_iterator_resumed_anywhere_on_a_still_list_yields_exactly_the_rest() {
    for manner in manners() {
        for taken in 0..=25 {
            let model = Model::still(25, manner);
            let mut first = model.pager(8);
            let mut ids = read(first.by_ref().take(taken)).0;
            let saved = first.position().to_string().parse().expect("a position");
            let (rest, error) = read(model.pager(8).resume_at(&saved).expect("the same list"));
            assert!(error.is_none(), "{manner:?}, after {taken}: {error:?}");
            ids.extend(rest);
            assert_eq!(ids, all(25), "{manner:?}, after {taken}");
        }
    }
}

#[test]
fn an_iterator_resumed_on_a_changed_list_is_exact_or_fails() {
    let mut failed = 0;
    for manner in manners() {
        for seed in 0..60 {
            let mut random = Rng::with_seed(seed);
            let model = Model::still(40, manner);
            let mut first = model.pager(9);
            let mut ids = read(first.by_ref().take(random.usize(1..40))).0;
            // The last two that came are the cursors.
            let doomed = &ids[ids.len() - ids.len().min(2)..];
            let doomed: Vec<u32> = doomed.iter().copied().filter(|_| random.bool()).collect();
            model.delete(&doomed);
            let resumed = model.pager(9).resume_at(&first.position()).expect("the same list");
            let (rest, error) = read(resumed);
            ids.extend(rest);
            let distinct: HashSet<u32> = ids.iter().copied().collect();
            assert_eq!(distinct.len(), ids.len(), "{manner:?}, seed {seed}: {ids:?}");
            let is_whole = (1..=40).all(|id| distinct.contains(&id));
            assert!(is_whole || error.is_some(), "{manner:?}, seed {seed}: {ids:?}");
            if let Some(error) = error {
                failed += 1;
                assert!(error.hint().is_some(), "{error:?}");
                assert!(doomed.len() == 2 || is_whole, "{manner:?}, seed {seed}: {error:?}");
            }
        }
    }
    assert!(failed > 0, "both items are gone now and then, and a past list cannot be known");
}

#[test]
fn a_position_survives_the_deletion_of_either_of_its_events_wherever_it_is() {
    for unknown in UNKNOWN {
        for (taken, back) in (2..=40).flat_map(|taken| [(taken, 0), (taken, 1)]) {
            let model = Model::still(40, Manner { unknown, ..PLAIN });
            let mut first = model.pager(9);
            assert_eq!(read(first.by_ref().take(taken as usize)).0, all(taken));
            model.delete(&[taken - back]);
            let rest = model.pager(9).resume_at(&first.position()).expect("the same list");
            let (ids, error) = read(rest);
            assert!(error.is_none(), "{unknown:?}, {taken}, {back}: {error:?}");
            assert_eq!(ids, (taken + 1..=40).collect::<Vec<_>>(), "{unknown:?}, {taken}, {back}");
        }
    }
}

#[test]
fn the_last_item_may_be_deleted_while_an_iterator_that_was_resumed_after_it_looks_for_the_next() {
    for manner in manners() {
        for nth in 1..8 {
            let model = Model::still(7, manner);
            let mut first = model.pager(9);
            let mut ids = read(first.by_ref().take(7)).0;
            let mut turn = 0;
            model.0.lock().expect("no panic before").change = Box::new(move |list, _| {
                turn += 1;
                if turn == nth {
                    list.pop();
                }
            });
            let resumed = model.pager(9).resume_at(&first.position()).expect("the same list");
            let (rest, error) = read(resumed);
            ids.extend(rest);
            assert_eq!(ids, all(7), "{manner:?}, {nth}");
            // Short pages may hide that the item before it is still there.
            let may_fail = |error: Error| error.hint().is_some() && manner.shortest.is_some();
            assert!(error.is_none_or(may_fail), "{manner:?}, {nth}");
        }
    }
}

#[test]
fn a_server_that_starts_again_under_a_resumed_iterator_repeats_nothing() {
    let model = Model::still(40, PLAIN);
    let mut first = model.pager(5);
    let mut ids = read(first.by_ref().take(12)).0;
    let mut resumed = model.pager(5).resume_at(&first.position()).expect("the same list");
    ids.extend(read(resumed.by_ref().take(8)).0);
    // Every cursor that is tried, so that the top of the list comes, which only the first iterator knows.
    model.delete(&[12, 18, 19, 20]);
    let (rest, error) = read(resumed);
    ids.extend(rest);
    assert!(error.is_none(), "{error:?}");
    assert_eq!(ids, all(40));
}

/// Lets the server change its list and fail now and then.
fn disturb(model: &Model, random: &mut Rng, seed: u64) {
    let mut server = model.0.lock().expect("no panic before");
    if !seed.is_multiple_of(3) {
        server.change = Box::new(churn(seed));
    }
    server.faults = if random.u8(..3) == 0 { 0.1 } else { 0.0 };
}

/// Reads a list to its end, stopping and resuming now and then; returns also how often it was resumed.
fn history(model: &Model, random: &mut Rng) -> (Vec<u32>, Option<Error>, usize) {
    let stops = random.u8(..3) == 0;
    let (mut all, mut position) = (Vec::new(), None::<Position>);
    for resumed in 0..60 {
        let prefetch = u32::from(random.u8(..8) == 0);
        let mut pager = model.pager(random.u32(6..15)).prefetch(prefetch);
        if let Some(position) = &position {
            pager = pager.resume_at(position).expect("the same list");
        }
        model.begin();
        let most = if stops { random.usize(..40) } else { usize::MAX };
        let (came, error) = read(pager.by_ref().take(most));
        let is_down = error.as_ref().and_then(Error::status) == Some(DOWN);
        let is_over = error.is_none() && came.len() < most;
        all.extend(came);
        if is_over || error.is_some() && !is_down {
            return (all, error, resumed);
        }
        position = Some(pager.position());
    }
    (all, Some(Error::invalid("stopped").with_hint("stopped")), 60)
}

/// Whether all that stayed comes or an error does; never does anything come twice, nor an error without a hint.
fn is_whole_or_an_error(manner: Manner, seed: u64, errs: bool) -> bool {
    let mut random = Rng::with_seed(seed);
    let items = random.u32(0..90);
    let model = Model::still(items, manner);
    disturb(&model, &mut random, seed);
    if errs {
        model.0.lock().expect("no panic before").mistake = random.usize(2..16);
    }
    let (came, error, resumed) = history(&model, &mut random);
    let distinct: HashSet<u32> = came.iter().copied().collect();
    let is_whole = model.list().iter().all(|id| *id > items || distinct.contains(id));
    let case = format!("{manner:?}, seed {seed}: {error:?}, {came:?}");
    // A position taken while a list is read again that lost its cursors lies before some that came.
    let may_repeat = !seed.is_multiple_of(3) && resumed > 0;
    assert!(distinct.len() == came.len() || may_repeat, "{case}");
    assert!(error.as_ref().is_none_or(|error| error.hint().is_some()), "{case}");
    is_whole || error.is_some()
}

#[test]
fn events_come_exactly_once_or_are_an_error_whatever_fails_and_however_often_it_is_resumed() {
    for (manner, seed) in manners().into_iter().flat_map(|it| (0..60).map(move |seed| (it, seed))) {
        assert!(is_whole_or_an_error(manner, seed, false), "{manner:?}, seed {seed}");
    }
}

/// If a server cuts pages short, the first one that it cuts, then the empty one, and then the one that should show the
/// mistake, cut after the same event, look like the end of a list.
#[test]
fn one_empty_page_by_mistake_is_never_the_end_of_a_changing_list_but_after_a_page_cut_short() {
    let mut silent = 0;
    for (manner, seed) in manners().into_iter().flat_map(|it| (0..50).map(move |seed| (it, seed))) {
        let is_right = is_whole_or_an_error(manner, seed, true);
        assert!(is_right || manner.shortest.is_some(), "{manner:?}, seed {seed}");
        silent += u32::from(!is_right);
    }
    assert!(silent <= 5, "{silent} of 2,500");
}

#[test]
fn a_server_that_refuses_every_cursor_is_an_error_with_a_hint_after_what_came() {
    for status in [400, 404, 422, 500] {
        for (items, taken) in [(3, 0), (8, 0), (30, 0), (8, 3), (30, 4), (30, 8)] {
            let model = Model::still(items, Manner { unknown: Unknown::Error(status), ..PLAIN });
            let mut first = model.pager(8);
            let mut ids = read(first.by_ref().take(taken)).0;
            model.0.lock().expect("no panic before").knows_no_cursor = true;
            let rest = model.pager(8).resume_at(&first.position()).expect("the same list");
            let (came, error) = read(rest);
            ids.extend(came);
            assert_eq!(ids, all(items.min(8)), "{status}, {items}, {taken}");
            let error = error.expect("an error");
            assert_eq!(error.status().map(|status| status.as_u16()), Some(status));
            let hint = error.hint().expect("a hint");
            assert!(hint.contains("refuses to continue the list"), "{hint}");
            let requests = model.requests().len();
            assert!(requests <= 20, "{requests} requests");
        }
    }
}

/// The ids that come, and the error if one does.
fn came(pager: impl Iterator<Item = Result<Value, Error>>) -> (Vec<u32>, Option<Error>) {
    read(pager.map(|item| Ok(serde_json::from_value(item?).expect("an item"))))
}

/// A server that sorts events with equal times anew for each response, in groups of so many.
fn shuffling(items: u32, manner: Manner, group: usize, seed: u64) -> Model {
    let mut random = Rng::with_seed(seed);
    Model::new(items, manner, move |list, _| {
        list.chunks_mut(group).for_each(|ties| random.shuffle(ties));
    })
}

/// Without a total, a shuffle that shows no sign between two pages cannot be noticed.
#[test]
fn a_list_whose_ties_are_shuffled_comes_whole_or_is_an_error_with_few_exceptions() {
    let (mut whole, mut failed, mut silent) = (0, 0, 0);
    for seed in 0..600 {
        let group = [2, 5, 12, 40][seed as usize % 4];
        let unknown = UNKNOWN[seed as usize % 5];
        let model = shuffling(137, Manner { unknown, ..PLAIN }, group, seed);
        let (ids, error) = read(model.pager([10, 20, 50][seed as usize % 3]));
        let distinct: HashSet<u32> = ids.iter().copied().collect();
        assert_eq!(distinct.len(), ids.len(), "seed {seed}: twice");
        match error {
            Some(error) => {
                failed += 1;
                assert!(error.hint().is_some() || error.status().is_some(), "{error:?}");
            }
            None if ids.len() == 137 => whole += 1,
            None => silent += 1,
        }
    }
    assert!(silent < 12 && whole > 150, "{whole} whole, {failed} failed, {silent} silent");
}

#[test]
fn a_list_that_starts_again_after_a_deletion_is_not_taken_for_a_shuffled_one() {
    let mut turn = 0;
    let model = Model::new(60, PLAIN, move |list, latest| {
        turn += 1;
        if turn == 2 {
            let doomed = &latest[latest.len() - 2..];
            list.retain(|id| !doomed.contains(id));
        }
    });
    let (ids, error) = read(model.pager(10));
    assert!(error.is_none(), "{error:?}");
    assert_eq!(ids, all(60));
    assert!(model.requests().len() <= 14, "{} requests", model.requests().len());
}

#[test]
fn an_event_that_moved_up_to_before_the_cursor_comes() {
    // 5 and 6 change places; both orders are stable.
    let mut turn = 0;
    let model = Model::new(12, PLAIN, move |list, _| {
        turn += 1;
        if turn == 1 {
            list.swap(4, 5);
        }
    });
    let (ids, error) = read(model.pager(5));
    assert!(error.is_none(), "{error:?}");
    assert_eq!(ids.iter().copied().collect::<HashSet<u32>>(), all(12).into_iter().collect());
}

#[test]
fn an_event_that_is_moved_down_once_is_no_error() {
    let mut turn = 0;
    let model = Model::new(25, PLAIN, move |list, _| {
        turn += 1;
        if turn == 2 {
            let moved = list.remove(2);
            list.push(moved);
        }
    });
    let (ids, error) = read(model.pager(8));
    assert!(error.is_none(), "{error:?}");
    assert_eq!(ids.len(), 25);
    // The list was read twice: once more to make sure that its order stands.
    assert!(model.requests().len() <= 12, "{:?}", model.requests());
}

#[test]
fn an_event_that_is_added_among_the_last_ones_does_not_make_the_list_read_again() {
    let mut is_added = false;
    let model = Model::new(20, PLAIN, move |list, latest| {
        // The page after the last event was empty; the next one should prove that the event exists.
        if latest.is_empty() && !is_added {
            list.insert(11, 1000);
            is_added = true;
        }
    });
    let (ids, error) = read(model.pager(10));
    assert!(error.is_none(), "{error:?}");
    assert_eq!(ids, (1..=20).chain([1000]).collect::<Vec<u32>>());
    let readings = model.requests().iter().filter(|(after, _)| after.is_none()).count();
    assert_eq!(readings, 1, "{:?}", model.requests());
}

#[test]
fn a_server_that_starts_again_many_times_is_followed_as_long_as_something_new_comes() {
    let mut moments = vec![320, 260, 200];
    let model = Model::new(400, PLAIN, move |list, latest| {
        let last = latest.last().copied().unwrap_or(0);
        if moments.pop_if(|moment| last >= *moment).is_some() {
            list.retain(|id| *id <= last - 40 || *id > last);
        }
    });
    let (ids, error) = read(model.pager(20));
    assert!(error.is_none(), "{error:?}");
    assert_eq!(ids, all(400));
}

/// Deletes some once the server has sent so many pages.
fn deleting(doomed: &'static [u32], pages: usize, items: u32, manner: Manner) -> Model {
    let mut turn = 0;
    Model::new(items, manner, move |list, _| {
        turn += 1;
        if turn == pages {
            list.retain(|id| !doomed.contains(id));
        }
    })
}

#[test]
fn events_that_come_again_after_an_earlier_cursor_do_not_make_the_list_read_again() {
    // The server starts again, and 10 is the latest event of its page; 12 to 16 come again after it.
    let model = deleting(&[11, 17, 18, 19], 2, 40, PLAIN);
    let (ids, error) = read(model.pager(10));
    assert!(error.is_none(), "{error:?}");
    assert_eq!(ids, all(40));
    let readings = model.requests().iter().filter(|(after, _)| after.is_none()).count();
    assert_eq!(readings, 1, "{:?}", model.requests());
}

#[test]
fn the_latest_event_that_is_found_again_is_the_next_cursor() {
    // The page after 9 ends with 14, before anything new.
    let unknown = Unknown::Error(404);
    let model = deleting(&[15, 16, 17], 4, 40, Manner { unknown, ..PLAIN });
    let (ids, error) = read(model.pager(5));
    assert!(error.is_none(), "{error:?}");
    assert_eq!(ids, all(40));
    let cursors: Vec<_> = model.requests().iter().map(|(after, _)| *after).collect();
    assert_eq!(cursors[4..9], [Some(16), Some(17), Some(15), Some(9), Some(14)]);
}

#[test]
fn an_iterator_that_was_used_up_starts_again_at_the_position_it_resumes_at() {
    let model = Model::still(25, PLAIN);
    let start = model.pager(8).position();
    let mut pager = model.pager(8);
    assert_eq!(read(pager.by_ref().take(20)).0.len(), 20);
    let twentieth = pager.position();
    assert_eq!(read(pager.by_ref()).0, [21, 22, 23, 24, 25]);
    let mut pager = pager.resume_at(&twentieth).expect("the same list");
    assert_eq!(read(pager.by_ref()).0, [21, 22, 23, 24, 25]);
    let mut pages = pager.resume_at(&start).expect("the same list").pages();
    let first = pages.next().expect("a page").expect("no error");
    assert_eq!((first.number, first.items.len()), (1, 8));
    let rest = pages.flatten().map(|page| page.items.len()).sum::<usize>();
    assert_eq!(rest, 17);
}

#[test]
fn a_server_that_ignores_the_cursor_is_an_error() {
    for items in [2, 3] {
        let page: Vec<Value> = (0..items).map(|id| json!({"id": id})).collect();
        let (came, error) = failure(responder(move |_, _| json!(page)));
        assert_eq!((came, error.kind()), (items, ErrorKind::NoProgress));
        assert!(error.to_string().starts_with("POST /responder: "), "{error}");
        assert!(error.hint().is_some());
    }
}

#[test]
fn pages_in_a_circle_are_an_error() {
    let (came, error) = failure(responder(|after, _| match after {
        None | Some("c" | "d") => json!([{"id": "a"}, {"id": "b"}]),
        Some(_) => json!([{"id": "c"}, {"id": "d"}]),
    }));
    assert_eq!((came, error.kind()), (4, ErrorKind::NoProgress));
}

#[test]
fn an_id_that_comes_twice_comes_once() {
    for list in [
        json!([{"id": "a"}, {"id": "b"}, {"id": "a"}]),
        json!([{"id": "a"}, {"id": "b"}, {"id": "b"}]),
        json!([{"id": "a"}, {"id": "a"}, {"id": "b"}, {"id": "c"}]),
    ] {
        let listed = list.clone();
        let came: Vec<Value> =
            responder(move |after, _| behind(&listed, after)).map(Result::unwrap).collect();
        let distinct: HashSet<String> = came.iter().map(Value::to_string).collect();
        assert_eq!(distinct.len(), came.len(), "{list}: {came:?}");
        assert!(list.as_array().expect("a list").iter().all(|item| came.contains(item)));
    }
}

#[test]
fn the_end_is_not_believed_if_the_last_item_went_just_before_it() {
    // Short pages hide `d` at first, and `c` is deleted between the second request and the third.
    let pager = responder(|after, nth| match (after, nth) {
        (None, _) => json!([{"id": "a"}, {"id": "b"}, {"id": "c"}]),
        (Some("b"), 2) => json!([{"id": "c"}]),
        (Some("a" | "b"), _) => json!([{"id": "d"}]),
        _ => json!([]),
    });
    let came: Vec<Value> = pager.map(|item| item.expect("an item")["id"].take()).collect();
    assert_eq!(json!(came), json!(["a", "b", "c", "d"]));
}

#[test]
fn one_empty_page_by_mistake_hides_no_event() {
    for is_inclusive in [false, true] {
        for mistake in 2..20 {
            let pager = responder(move |after, nth| {
                let next = after.map_or(0, |id| id.parse().map_or(0, |id: usize| id + 1));
                let start = if is_inclusive { next.saturating_sub(1) } else { next };
                let items = if nth == mistake { 0..0 } else { start.min(57)..(start + 10).min(57) };
                items.map(|id| json!({"id": id.to_string()})).collect()
            });
            let (good, bad): (Vec<_>, Vec<_>) = pager.page_size(10).partition(Result::is_ok);
            assert!(good.len() == 57 || !bad.is_empty(), "{is_inclusive}, {mistake}: {good:?}");
        }
    }
}

#[test]
fn one_empty_page_by_mistake_hides_no_event_after_a_page_of_one() {
    for is_inclusive in [false, true] {
        for mistake in 2..9 {
            let model = Model::still(7, Manner { is_inclusive, ..PLAIN });
            model.0.lock().expect("no panic before").mistake = mistake;
            let (ids, error) = read(model.pager(1));
            assert!(error.is_none(), "{is_inclusive}, {mistake}: {error:?}");
            assert_eq!(ids, all(7), "{is_inclusive}, {mistake}");
        }
    }
}

fn with_changed_order(manner: Manner) -> Model {
    let mut turn = 0;
    Model::new(25, manner, move |list, _| {
        turn += 1;
        // 3 moves down, which shows; 20 moves up to before the cursor, which does not.
        if turn == 2 {
            list[2..].rotate_left(1);
            list[..19].rotate_right(1);
        }
    })
}

#[test]
fn an_event_that_moved_up_unseen_comes_if_another_is_seen_to_move_down() {
    for is_inclusive in [false, true] {
        let model = with_changed_order(Manner { is_inclusive, ..PLAIN });
        let (ids, error) = read(model.pager(8));
        assert!(error.is_none(), "{is_inclusive}: {error:?}");
        assert_eq!(ids.iter().copied().collect::<HashSet<u32>>(), all(25).into_iter().collect());
    }
}

#[test]
fn an_empty_page_by_mistake_does_not_end_the_second_reading_of_a_list_whose_order_changed() {
    let model = with_changed_order(PLAIN);
    assert_eq!(read(model.pager(8)).0.len(), 25);
    let requests = model.requests();
    let second = requests.iter().skip(1).position(|(after, _)| after.is_none());
    let model = with_changed_order(PLAIN);
    model.0.lock().expect("no panic before").mistake = 2 + second.expect("a second reading");
    let (ids, error) = read(model.pager(8));
    assert!(error.is_none(), "{error:?}");
    assert_eq!(ids.len(), 25);
}

#[test]
fn an_event_that_moved_up_unseen_comes_if_another_moved_up_to_between_the_last_two() {
    let mut turn = 0;
    let model = Model::new(25, PLAIN, move |list, _| {
        turn += 1;
        if turn == 1 {
            // 12 is the next after 7 then, and 11 the first of all.
            list[7..12].rotate_right(1);
            list[..12].rotate_right(1);
        }
    });
    let (ids, error) = read(model.pager(8));
    assert!(error.is_none(), "{error:?}");
    assert_eq!(ids.into_iter().collect::<HashSet<u32>>(), all(25).into_iter().collect());
}

#[test]
fn a_list_that_is_read_again_is_asked_as_its_server_was_seen_to_page() {
    let model = with_changed_order(Manner { is_inclusive: true, ..PLAIN });
    assert_eq!(read(model.pager(8)).0.len(), 25);
    let cursors: Vec<_> = model.requests().into_iter().map(|(after, _)| after).collect();
    let second = cursors.iter().rposition(Option::is_none).expect("a second reading");
    assert_eq!(cursors[second + 1], Some(model.list()[7]));
}

#[test]
fn an_event_that_was_named_and_moves_down_hides_none() {
    for (moved, unknown) in (6..=8).flat_map(|moved| UNKNOWN.map(|unknown| (moved, unknown))) {
        for to in 8..25 {
            let mut turn = 0;
            let model = Model::new(25, Manner { unknown, ..PLAIN }, move |list, _| {
                turn += 1;
                if turn == 1 {
                    list[moved - 1..=to - 1].rotate_left(1);
                }
            });
            let (ids, error) = read(model.pager(8));
            assert!(error.is_none(), "{moved} to {to}: {error:?}");
            let distinct: HashSet<u32> = ids.iter().copied().collect();
            assert_eq!((ids.len(), distinct.len()), (25, 25), "{moved} to {to}: {ids:?}");
        }
    }
}

/// The events later than the cursor, or as late as it; `times` are those of the events 0, 1, 2 and so on.
fn by_time(times: Vec<u32>, most: usize, is_inclusive: bool) -> Pager<Value> {
    responder(move |after, _| {
        let after = after.map(|id| times[id.parse::<usize>().expect("an id")]);
        let is_after = |time: u32| match after {
            Some(after) => time > after || is_inclusive && time == after,
            None => true,
        };
        let ids = (0..times.len()).filter(|id| is_after(times[*id])).take(most);
        ids.map(|id| json!({"id": id.to_string()})).collect()
    })
}

#[test]
fn events_with_equal_times_come_though_the_server_continues_after_all_of_them() {
    for ties in 1..=4 {
        let times = (0..90).map(|id| id / ties).collect();
        let (ids, error) = came(by_time(times, 20, false).page_size(20));
        assert!(error.is_none(), "{ties}: {error:?}");
        assert_eq!(ids, (0..90).collect::<Vec<u32>>(), "{ties}");
    }
}

#[test]
fn more_events_with_equal_times_than_a_page_that_is_cut_short_holds_are_an_error() {
    let times = [vec![1, 2, 3], vec![4; 8], vec![5, 6]].concat();
    let (ids, error) = came(by_time(times, 5, true).page_size(10));
    let error = error.unwrap_or_else(|| panic!("{ids:?}"));
    assert_eq!(error.kind(), ErrorKind::NoProgress);
    assert!(error.hint().is_some() && ids.len() < 13, "{ids:?}");
}

#[test]
fn a_position_among_equal_times_that_the_server_passes_over_is_an_error() {
    let times: Vec<u32> = (0..30).map(|id| id / 4).collect();
    let pager = || by_time(times.clone(), 12, false).page_size(12);
    for taken in 1..30 {
        let mut first = pager();
        let (mut ids, error) = came(first.by_ref().take(taken));
        assert!(error.is_none(), "{error:?}");
        let (rest, error) = came(pager().resume_at(&first.position()).expect("the list"));
        ids.extend(rest);
        assert!(ids.len() == 30 || error.is_some_and(|error| error.hint().is_some()), "{ids:?}");
    }
}

#[test]
fn an_item_that_was_moved_down_after_a_position_was_taken_does_not_come_again() {
    let model = Model::still(20, PLAIN);
    let mut first = model.pager(8);
    assert_eq!(read(first.by_ref().take(5)).0, [1, 2, 3, 4, 5]);
    model.delete(&[5]);
    model.0.lock().expect("no panic before").list.push(5);
    let (rest, error) = read(model.pager(8).resume_at(&first.position()).expect("the list"));
    assert!(error.is_none(), "{error:?}");
    assert_eq!(rest, (6..=20).collect::<Vec<_>>());
}

#[test]
fn a_page_that_ends_without_an_id_is_yielded_and_then_an_error() {
    let page = json!([{"id": "a"}, {"title": "nameless"}]);
    let (came, error) = failure(responder(move |_, _| page.clone()));
    assert_eq!((came, error.kind()), (2, ErrorKind::NoProgress));
    let hint = error.hint().expect("a hint");
    assert!(hint.contains("the items up to here are complete"), "{hint}");
}

#[test]
fn an_error_after_an_event_that_came_again_says_that_some_may_be_missing() {
    let (came, error) = failure(responder(|after, _| match after {
        None => json!([{"id": "a"}, {"id": "b"}, {"id": "c"}]),
        Some(_) => json!([{"id": "c"}, {"id": "a"}, {"title": "nameless"}]),
    }));
    assert_eq!((came, error.kind()), (4, ErrorKind::NoProgress));
    let hint = error.hint().expect("a hint");
    assert!(hint.contains("some items up to here may be missing"), "{hint}");
}

#[test]
fn items_without_an_id_are_counted_after_the_one_before_them() {
    let list = json!([{"n": 1}, {"id": "a"}, {"n": 2}, {"n": 3}, {"id": "b"}]);
    let pager = || {
        let list = list.clone();
        responder(move |after, _| behind(&list, after)).page_size(9)
    };
    for taken in 0..=5 {
        let mut first = pager();
        let mut came: Vec<Value> = first.by_ref().take(taken).flatten().collect();
        let saved: Position = first.position().to_string().parse().expect("a position");
        let rest = pager().resume_at(&saved).expect("the same list");
        came.extend(rest.map(|item| item.expect("an item")));
        assert_eq!(json!(came), list, "after {taken}: {saved}");
    }
}

#[test]
fn a_page_far_larger_than_requested_is_rejected() {
    let list = |items: u32| (0..items).map(|id| json!({"id": id.to_string()})).collect::<Vec<_>>();
    let page = list(31);
    let (came, error) = failure(responder(move |_, _| json!(page)));
    assert_eq!((came, error.kind()), (0, ErrorKind::Unreadable));
    let page = json!(list(30));
    assert_eq!(responder(move |after, _| behind(&page, after)).flatten().count(), 30);
}

#[test]
fn an_iterator_resumed_on_a_server_that_was_seen_to_cut_pages_short_loses_no_event_to_an_empty_page()
 {
    let respond = |after: Option<&str>| match after {
        None => vec![0, 1],
        Some(id) => {
            let next = id.parse::<u32>().expect("an id") + 1;
            (next..9).take(1).collect()
        }
    };
    let page = |ids: Vec<u32>| {
        json!(ids.iter().map(|id| json!({"id": id.to_string()})).collect::<Vec<_>>())
    };
    let mut first = responder(move |after, _| page(respond(after)));
    assert_eq!(first.by_ref().take(3).flatten().count(), 3);
    let saved: Position = first.position().to_string().parse().expect("a position");
    for mistake in 1..12 {
        let rest = responder(move |after, nth| match nth {
            nth if nth == mistake => json!([]),
            _ => page(respond(after)),
        });
        let came: Vec<_> = rest.resume_at(&saved).expect("the same list").collect();
        assert_eq!(came.iter().flatten().count(), 6, "{mistake}: {came:?}");
        assert_eq!(came.len(), 6, "{mistake}: {came:?}");
    }
}
