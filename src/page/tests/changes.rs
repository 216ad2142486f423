//! Lists that change while they are read.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::error::{Error, ErrorKind, Result};
use crate::page::Numbered;
use crate::page::pager::Pager;
use crate::page::tests::model::{
    AFTER_THE_END, Item, Model, Race, Respond, churn, envelope, ids, instead, outcome, pager,
    without_more,
};

/// A server that sorts items with equal times anew for each response, in groups of so many.
fn shuffling(group: usize, seed: u64, items: u32) -> Arc<Model> {
    let mut random = fastrand::Rng::with_seed(seed);
    let shuffle = move |list: &mut Vec<u32>| {
        list.chunks_mut(group).for_each(|ties| random.shuffle(ties));
    };
    Model::new(items, shuffle)
}

/// Deletions only, often enough at the end.
fn shrink(seed: u64) -> impl FnMut(&mut Vec<u32>) + Send {
    let mut random = fastrand::Rng::with_seed(seed);
    let often = random.f64();
    move |list| {
        if random.f64() < often && !list.is_empty() {
            list.remove(random.usize(0..list.len()));
            let most = list.len().min(12);
            list.truncate(list.len() - random.usize(0..=most));
        }
    }
}

/// Reads a list under churn: the items that stayed throughout, the items that came, and the error if any.
fn history(seed: u64, per_page: u32) -> (Vec<u32>, Vec<u32>, Option<Error>) {
    let items = fastrand::Rng::with_seed(seed ^ 0xfeed).u32(0..60);
    let respond = if seed % 4 == 1 { without_more } else { envelope };
    let model = Model::with(items, churn(seed), respond);
    let before: HashSet<u32> = model.list().iter().copied().collect();
    let (mut came, mut error) = (Vec::new(), None);
    for item in pager(&model, per_page) {
        match item {
            Ok(item) => came.push(item.id.parse().expect("a number")),
            Err(stuck) => error = Some(stuck),
        }
    }
    let list = model.list();
    let stayed = list.iter().copied().filter(|id| before.contains(id)).collect();
    (stayed, came, error)
}

#[test]
fn whatever_stayed_in_the_list_throughout_comes_exactly_once() {
    for seed in 0..10_000 {
        let (stayed, came, error) = history(seed, 4 + (seed % 9) as u32);
        assert!(error.is_none(), "seed {seed}: {error:?}");
        let distinct: HashSet<u32> = came.iter().copied().collect();
        assert_eq!(distinct.len(), came.len(), "seed {seed}: {came:?}");
        assert!(stayed.iter().all(|id| distinct.contains(id)), "seed {seed}: {stayed:?}, {came:?}");
    }
}

/// With pages so small, a list can be pushed down by whole pages between any two requests, which is
/// what a server does that repeats itself. Then there may be an error, but never a silent miss.
#[test]
fn on_the_smallest_pages_an_iteration_is_exact_or_fails() {
    let mut failed = 0;
    for seed in 0..2_000 {
        let (stayed, came, error) = history(seed, 1 + (seed % 3) as u32);
        failed += u32::from(error.is_some());
        let distinct: HashSet<u32> = came.iter().copied().collect();
        assert_eq!(distinct.len(), came.len(), "seed {seed}: {came:?}");
        let is_whole = stayed.iter().all(|id| distinct.contains(id));
        assert!(is_whole || error.is_some(), "seed {seed}: {stayed:?}, {came:?}");
    }
    assert!(failed < 40, "{failed} of 2,000 failed");
}

#[test]
fn deleting_each_item_that_comes_deletes_everything() {
    for (items, per_page) in [(0, 3), (1, 3), (3, 3), (10, 3), (250, 100), (7, 1)] {
        let model = Model::new(items, |_| ());
        for item in pager(&model, per_page) {
            let id = item.expect("an item").id.parse::<u32>().expect("a number");
            model.list().retain(|other| *other != id);
        }
        assert!(model.list().is_empty(), "{items} items in pages of {per_page}");
    }
}

#[test]
fn a_list_that_stands_still_costs_one_request_for_each_page() {
    for (items, requests) in [(0, 1), (1, 1), (9, 1), (10, 1), (11, 2), (30, 3), (31, 4)] {
        let model = Model::new(items, |_| ());
        assert_eq!(ids(pager(&model, 10)).len(), items as usize);
        assert_eq!(model.requests(), requests, "{items} items");
    }
}

#[test]
fn a_list_that_loses_an_item_before_every_response_is_read_to_its_end() {
    let oldest: fn(&mut Vec<u32>) = |list| list.truncate(list.len() - 1);
    let newest: fn(&mut Vec<u32>) = |list| {
        list.remove(0);
    };
    for (lose, per_page) in [(oldest, 100), (newest, 100), (oldest, 20), (newest, 30)] {
        let model = Model::new(5000, lose);
        let came = ids(pager(&model, per_page));
        let distinct: HashSet<u32> = came.iter().copied().collect();
        assert_eq!(distinct.len(), came.len());
        let list = model.list();
        assert!(list.iter().all(|id| distinct.contains(id)));
        let trusting = 5000_usize.div_ceil(per_page as usize);
        let requests = model.requests();
        assert!(requests < 2 * trusting, "{requests} requests for {trusting} pages of {per_page}");
    }
}

#[test]
fn deleting_each_item_that_comes_costs_hardly_more_requests() {
    let model = Model::new(1050, |_| ());
    for item in pager(&model, 100) {
        let id = item.expect("an item").id.parse::<u32>().expect("a number");
        model.list().retain(|other| *other != id);
    }
    assert!(model.list().is_empty());
    assert_eq!(model.requests(), 12);
}

#[test]
fn a_list_that_became_shorter_is_read_whole_however_the_server_says_so() {
    for (nth, respond) in AFTER_THE_END.into_iter().enumerate() {
        for seed in 0..400 {
            let model = Model::with([21, 31, 60][seed as usize % 3], shrink(seed), respond);
            let came = ids(pager(&model, 10));
            let distinct: HashSet<u32> = came.iter().copied().collect();
            assert_eq!(distinct.len(), came.len(), "server {nth}, seed {seed}");
            let list = model.list();
            let is_whole = list.iter().all(|id| distinct.contains(id));
            assert!(is_whole, "server {nth}, seed {seed}: {list:?}, {came:?}");
        }
    }
}

#[test]
fn a_list_whose_ties_are_shuffled_comes_whole_or_is_an_error() {
    let (mut whole, mut failed) = (0, 0);
    for seed in 0..400 {
        let model = shuffling([2, 5, 12, 40][seed as usize % 4], seed, 137);
        let outcomes: Vec<Result<Item>> = pager(&model, [10, 20, 50][seed as usize % 3]).collect();
        let ids: HashSet<&str> = outcomes.iter().flatten().map(|item| item.id.as_str()).collect();
        let errors: Vec<&Error> = outcomes.iter().filter_map(|one| one.as_ref().err()).collect();
        assert_eq!(ids.len() + errors.len(), outcomes.len(), "seed {seed}: twice");
        match &errors[..] {
            [] => assert_eq!((ids.len(), whole += 1), (137, ()), "seed {seed}"),
            [error] => {
                failed += 1;
                assert_eq!(error.kind(), ErrorKind::NoProgress);
                assert!(error.hint().is_some(), "{error:?}");
            }
            _ => panic!("seed {seed}: {errors:?}"),
        }
    }
    assert!(whole > 9 * failed, "{failed} of 400 failed");
}

/// The same list, to which items are added and in which others are deleted now and then.
fn shuffling_and_changing(group: usize, seed: u64) -> Arc<Model> {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut next = 1_000;
    Model::new(137, move |list| {
        list.chunks_mut(group).for_each(|ties| random.shuffle(ties));
        if random.u8(..) < 40 {
            next += 1;
            list.insert(0, next);
        }
        if random.u8(..) < 20 {
            list.remove(random.usize(0..list.len()));
        }
    })
}

#[test]
fn a_list_that_changes_while_its_ties_are_shuffled_comes_whole_or_is_an_error_with_few_exceptions()
{
    let (mut silent, mut whole) = (0, 0);
    for seed in 0..400 {
        let model = shuffling_and_changing([2, 5, 12, 40][seed as usize % 4], seed);
        let outcomes: Vec<Result<Item>> = pager(&model, [10, 20, 50][seed as usize % 3]).collect();
        let ids: HashSet<u32> =
            outcomes.iter().flatten().map(|item| item.id.parse().expect("a number")).collect();
        let is_error = outcomes.iter().any(Result::is_err);
        assert_eq!(ids.len() + usize::from(is_error), outcomes.len(), "seed {seed}: twice");
        let is_whole = model.list().iter().all(|id| *id > 137 || ids.contains(id));
        whole += u32::from(is_whole && !is_error);
        silent += u32::from(!is_whole && !is_error);
    }
    // A shuffle between two pages whose totals differ shows nowhere.
    assert!(silent < 30 && whole > 270, "{silent} of 400 silent, {whole} whole");
}

#[test]
fn a_permanent_shuffle_that_leaves_items_out_is_reported() {
    // Of each pair across a border, the one that was not read yet moves up.
    let mut turn = 0;
    let hide = move |list: &mut Vec<u32>| {
        turn += 1;
        let border = turn % 3 * 10;
        if border > 0 {
            list.swap(border - 1, border);
        }
    };
    let model = Model::new(30, hide);
    let outcomes: Vec<Result<Item>> = pager(&model, 10).collect();
    let came = outcomes.iter().filter(|one| one.is_ok()).count();
    let is_reported = outcomes.iter().any(Result::is_err);
    assert!(came == 30 || is_reported, "{came} of 30 and no error");
}

#[test]
fn one_insertion_and_one_deletion_between_two_pages_are_no_error() {
    for doomed in [0, 5, 15, 34] {
        let mut turn = 0;
        let model = Model::new(35, move |list| {
            turn += 1;
            if turn == 1 {
                list.remove(doomed);
                list.insert(0, 1000);
            }
        });
        let came = ids(pager(&model, 10));
        let distinct: HashSet<u32> = came.iter().copied().collect();
        assert_eq!(distinct.len(), came.len());
        assert!(model.list().iter().all(|id| *id == 1000 || distinct.contains(id)), "{doomed}");
        assert!(model.requests() <= 8, "{} requests", model.requests());
    }
}

#[test]
fn a_page_that_was_refused_while_the_list_was_shorter_comes() {
    let refusing: Respond =
        |list, page, size| instead(list, page, size, |_| json!({"status": 404}));
    let mut turn = 0;
    let model = Model::with(
        101,
        move |list| {
            turn += 1;
            match turn {
                1 => drop(list.remove(50)),
                2 => list.insert(0, 1000),
                _ => {}
            }
        },
        refusing,
    );
    let (came, error) = outcome(pager(&model, 100));
    assert_eq!((came, error.map(|error| error.to_string())), (101, None));
}

#[test]
fn a_page_that_the_list_has_no_more_is_not_taken_for_one_that_the_server_repeats() {
    let own: Respond = |list, page, size| {
        let mut sent = instead(list, page, size, |last| envelope(list, last, size));
        sent["page"] = page.into();
        sent
    };
    let unsaid: Respond = |list, page, size| {
        let mut sent = instead(list, page, size, |last| envelope(list, last, size));
        sent["page"] = Value::Null;
        sent
    };
    for respond in [own, unsaid] {
        let mut turn = 0;
        // Of three pages, the items of the second are left.
        let model = Model::with(
            250,
            move |list| {
                turn += 1;
                if turn == 2 {
                    *list = list[100..200].to_vec();
                }
            },
            respond,
        );
        let (came, error) = outcome(pager(&model, 100));
        assert_eq!((came, error.map(|error| error.to_string())), (200, None));
    }
}

#[test]
fn a_page_that_was_short_because_the_list_changed_is_read_again() {
    // The server counts before an item is deleted, and selects after it.
    for is_last in [false, true] {
        let turn = AtomicUsize::new(0);
        let list = Mutex::new((0..250).rev().collect::<Vec<u32>>());
        let race = move |page: u64, size: u32| {
            let mut list = list.lock().expect("no panic before");
            let mut sent = envelope(&list, page, size);
            let is_due = turn.fetch_add(1, Ordering::Relaxed) == if is_last { 2 } else { 1 };
            if is_due {
                let gone = list.remove((page as usize - 1) * 100 + 7);
                let items = sent["items"].as_array_mut().expect("items");
                let gone = json!(gone.to_string());
                items.retain(|item| item["id"] != gone);
            }
            sent
        };
        let server = Arc::new(Race(Box::new(race)));
        let pager: Pager<Item> = Pager::new(Numbered::new(server)).page_size(100);
        let (came, error) = outcome(pager);
        assert!(error.is_none(), "{error:?}");
        assert_eq!(came, 249);
    }
}

#[test]
fn the_last_page_that_comes_again_for_one_that_has_vanished_is_the_end() {
    // Pages of ten, whatever is requested, without totals and numbers.
    let respond: Respond = |list, page, _| {
        let last = (list.len() as u64).div_ceil(10).max(1);
        let sent = envelope(list, page.min(last), 10);
        json!({"items": sent["items"], "has_more": sent["has_more"]})
    };
    let mut requests = 1;
    let shorten = move |list: &mut Vec<u32>| {
        requests += 1;
        if requests == 3 {
            list.truncate(20);
        }
    };
    let model = Model::with(25, shorten, respond);
    assert_eq!(ids(pager(&model, 10)), (5..25).rev().collect::<Vec<_>>());
    assert_eq!(model.requests(), 3);
}
