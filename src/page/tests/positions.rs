//! Iterators that are resumed.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::error::ErrorKind;
use crate::page::Numbered;
use crate::page::pager::Pager;
use crate::page::tests::model::{
    AFTER_THE_END, Item, Model, Race, Respond, churn, envelope, ids, outcome, pager, stubborn,
};

/// The first page, whatever was requested, without any numbers.
fn first_only(list: &[u32], _: u64, per_page: u32) -> Value {
    json!({"items": envelope(list, 1, per_page)["items"]})
}

#[test]
fn a_position_beyond_all_bounds_ends() {
    for place in [
        "18446744073709551615 of ?",
        "18446744073709551615 of 18446744073709551615",
        "0 of 18446744073709551615",
        "18446744073709551614 of 18446744073709551615",
    ] {
        for (per_page, respond) in [1, 3, 100]
            .into_iter()
            .flat_map(|size| [(size, envelope as Respond), (size, first_only)])
        {
            let model = Model::still(25, respond);
            let saved = format!("model 0 {place}").parse().expect("a position");
            let rest = pager(&model, per_page).resume_at(&saved).expect("the list");
            assert!(outcome(rest).0 <= 25, "{place}");
        }
    }
}

#[test]
fn an_iterator_resumed_at_any_position_yields_exactly_the_rest() {
    for taken in 0..=25 {
        let model = Model::new(25, |_| ());
        let mut first = pager(&model, 10);
        let head = ids(first.by_ref().take(taken));
        let saved = first.position().to_string().parse().expect("a position");
        let rest = ids(pager(&model, 10).resume_at(&saved).expect("the same list"));
        assert_eq!([head, rest].concat(), (0..25).rev().collect::<Vec<_>>(), "after {taken}");
    }
}

#[test]
fn an_iterator_resumed_after_a_page_does_not_read_it_again_however_few_items_it_had() {
    let respond = |list: &[u32], page, per_page| {
        let mut sent = envelope(list, page, per_page);
        sent["items"].as_array_mut().expect("items").pop();
        sent
    };
    let model = Model::still(30, respond);
    let mut first = pager(&model, 10);
    assert_eq!(first.by_ref().take(9).count(), 9);
    let rest = pager(&model, 10).resume_at(&first.position());
    let (came, error) = outcome(rest.expect("the same list"));
    assert!(error.is_some_and(|error| error.kind() == ErrorKind::NoProgress));
    // One of the pages was read again, to make sure that it is short each time.
    assert_eq!((came, model.requests()), (18, 4));
}

#[test]
fn a_resumed_iterator_misses_no_item_that_moved_up_meanwhile() {
    for seed in 0..2000 {
        let model = Model::new(40, churn(seed));
        let before: HashSet<u32> = model.list().iter().copied().collect();
        let mut first = pager(&model, 7);
        let head: HashSet<u32> = ids(first.by_ref().take(seed as usize % 40)).into_iter().collect();
        let rest: HashSet<u32> =
            ids(pager(&model, 7).resume_at(&first.position()).expect("the same list"))
                .into_iter()
                .collect();
        let list = model.list();
        let mut stayed = list.iter().filter(|id| before.contains(id));
        assert!(stayed.all(|id| head.contains(id) || rest.contains(id)), "seed {seed}");
    }
}

#[test]
fn a_position_at_the_end_is_resumed_whatever_the_server_sends_for_a_page_after_it() {
    for (nth, respond) in AFTER_THE_END.into_iter().enumerate() {
        for (items, place, expected) in
            [(30, "30 of 30", 0), (20, "30 of 30", 0), (20, "26 of 31", 5), (0, "5 of 5", 0)]
        {
            let model = Model::still(items, respond);
            let saved = format!("model 0 {place}").parse().expect("a position");
            let rest = ids(pager(&model, 10).resume_at(&saved).expect("the list"));
            assert_eq!(rest.len(), expected, "server {nth}, {place}");
        }
    }
}

#[test]
fn a_resumed_iterator_finds_out_how_many_items_a_page_has_if_nothing_says_so() {
    let bare: Respond = |list, page, _| json!({"items": envelope(list, page, 23)["items"]});
    let with_more: Respond = |list, page, _| {
        let sent = envelope(list, page, 23);
        json!({"items": sent["items"], "has_more": sent["has_more"]})
    };
    for respond in [stubborn::<23>, stubborn::<4>, bare, with_more] {
        for taken in 0..=57 {
            let model = Model::still(57, respond);
            let saved = format!("model 0 {taken} of ?").parse().expect("a position");
            let rest = ids(pager(&model, 10).resume_at(&saved).expect("the list"));
            assert_eq!(rest, (0..57 - taken).rev().collect::<Vec<_>>(), "after {taken}");
        }
    }
}

#[test]
fn a_position_within_a_page_much_larger_than_requested_is_not_its_end() {
    let empty: Respond = |list, page, _| {
        let sent = envelope(list, page, 20);
        json!({"items": sent["items"], "per_page": 20, "has_more": sent["has_more"]})
    };
    let null: Respond = |list, page, _| {
        let sent = envelope(list, page, 20);
        let items = if page > 1 { Value::Null } else { sent["items"].clone() };
        json!({"items": items, "per_page": 20, "has_more": false})
    };
    for respond in [empty, null] {
        let model = Model::still(10, respond);
        let saved = "model 0 1 of ?".parse().expect("a position");
        let rest = ids(pager(&model, 1).resume_at(&saved).expect("the list"));
        assert_eq!(rest, (0..9).rev().collect::<Vec<_>>());
    }
}

#[test]
fn a_resumed_iterator_requests_the_page_size_anew() {
    let model = Model::still(35, |list, page, per_page| envelope(list, page, per_page.min(4)));
    let mut first = pager(&model, 10);
    assert_eq!(first.by_ref().count(), 35);
    let resumed = first.resume_at(&pager(&model, 10).position()).expect("the list");
    let before = model.requests();
    assert_eq!(ids(resumed), (0..35).rev().collect::<Vec<_>>());
    assert_eq!(model.sizes()[before], 10);
}

#[test]
fn an_impossible_position_is_an_error_and_not_the_end() {
    let model = Model::still(35, envelope);
    for place in ["999999999 of 1", "36 of 35", "-1 of 35", "x of 35", "3", "3 of"] {
        let saved = format!("model 0 {place}").parse().expect("the shape of a position");
        let refused = pager(&model, 10).resume_at(&saved).expect_err(place);
        assert_eq!(refused.kind(), ErrorKind::InvalidInput);
    }
    assert_eq!(model.requests(), 0);
}

/// Pages that begin with the last item of the page before.
fn sharing(list: &[u32], page: u64, per_page: u32) -> Value {
    let step = u64::from(per_page).saturating_sub(1).max(1);
    let start = (page.saturating_sub(1) * step) as usize;
    let shown: Vec<u32> = list.iter().copied().skip(start).take(per_page as usize).collect();
    let mut sent = envelope(&shown, 1, per_page);
    sent["page"] = json!(page);
    sent["total_items"] = json!(list.len());
    sent["total_pages"] = json!((list.len() as u64).saturating_sub(1).div_ceil(step).max(1));
    sent["has_more"] = json!(start + shown.len() < list.len());
    sent
}

#[test]
fn a_position_in_pages_that_overlap_is_resumed_without_a_loss_or_ends_in_an_error() {
    let mut whole = 0;
    for (size, then) in [(10, 10), (10, 20), (5, 7), (7, 5), (20, 10), (5, 20)] {
        for stop in 1..=35 {
            let model = Model::still(35, sharing);
            let mut first = pager(&model, size);
            let mut came = ids(first.by_ref().take(stop));
            let mut rest = Vec::new();
            let mut error = None;
            for item in pager(&model, then).resume_at(&first.position()).expect("the list") {
                match item {
                    Ok(item) => rest.push(item.id.parse::<u32>().expect("a number")),
                    Err(last) => error = Some(last),
                }
            }
            came.extend(rest);
            let distinct: HashSet<u32> = came.into_iter().collect();
            whole += u32::from(error.is_none());
            let case = format!("{size}, then {then}, after {stop}: {error:?}");
            assert!(distinct.len() == 35 || error.is_some(), "{case}");
            assert!(error.is_none_or(|error| error.hint().is_some()), "{case}");
        }
    }
    assert!(whole >= 10, "{whole}");
}

#[test]
fn a_row_that_is_listed_twice_does_not_come_again_after_a_position_between_the_two() {
    let model = Model::still(30, |list, page, per_page| {
        let twice: Vec<u32> = list.iter().flat_map(|id| [*id, *id]).collect();
        envelope(&twice, page, per_page)
    });
    for stop in 1..30 {
        let mut first = pager(&model, 10);
        let mut came = ids(first.by_ref().take(stop));
        came.extend(ids(pager(&model, 10).resume_at(&first.position()).expect("the list")));
        assert_eq!(came, (0..30).rev().collect::<Vec<_>>(), "after {stop}");
    }
}

fn without_totals(list: &[u32], page: u64, per_page: u32) -> Value {
    let mut sent = envelope(list, page, per_page);
    (sent["total_items"], sent["total_pages"]) = (Value::Null, Value::Null);
    sent
}

fn bare(list: &[u32], page: u64, per_page: u32) -> Value {
    json!({"items": envelope(list, page, per_page)["items"]})
}

/// As `bare`, with pages of another size than was requested.
fn larger(list: &[u32], page: u64, _: u32) -> Value {
    bare(list, page, 20)
}

/// Positions in a list of 35, with how many items follow; none is an error.
const NEAR_THE_END: [(Respond, &str, Option<usize>); 15] = [
    (envelope, "36 of ?", None),
    (envelope, "999999999 of ?", None),
    (without_totals, "36 of ?", None),
    (without_totals, "50 of ?", None),
    (without_totals, "999999999 of ?", None),
    (without_totals, "45 of 100", None),
    (bare, "36 of ?", None),
    (bare, "41 of ?", None),
    (bare, "50 of ?", None),
    (without_totals, "35 of ?", Some(0)),
    (without_totals, "34 of ?", Some(1)),
    (bare, "35 of ?", Some(0)),
    (bare, "12 of ?", Some(23)),
    (larger, "30 of ?", Some(5)),
    (larger, "36 of ?", None),
];

#[test]
fn a_position_beyond_the_end_is_an_error_with_a_hint_also_without_totals() {
    for (respond, place, expected) in NEAR_THE_END {
        let model = Model::still(35, respond);
        let saved = format!("model 0 {place}").parse().expect("a position");
        let (came, error) = outcome(pager(&model, 10).resume_at(&saved).expect("the list"));
        match (expected, error) {
            (Some(expected), None) => assert_eq!(came, expected, "{place}"),
            (None, Some(error)) => {
                assert_eq!(error.kind(), ErrorKind::InvalidInput, "{place}: {error}");
                assert!(error.hint().is_some());
            }
            (_, error) => panic!("{place}: {came}, {error:?}"),
        }
    }
}

#[test]
fn a_position_at_the_end_of_a_list_without_totals_costs_a_few_requests() {
    for (respond, most) in [(without_totals as Respond, 2), (bare, 4)] {
        let model = Model::still(40, respond);
        let saved = "model 0 40 of ?".parse().expect("a position");
        let rest = pager(&model, 10).resume_at(&saved).expect("the list");
        assert_eq!(outcome(rest).0, 0);
        assert!(model.requests() <= most, "{} requests", model.requests());
    }
}

/// Pages of at most seven items, or of twenty-five, whose size the server reports as the one that was requested.
const ECHOES: [Respond; 4] = [
    |list, page, size| echo(list, page, size.min(7), size),
    |list, page, size| echo(list, page, 25, size),
    |list, page, size| {
        let mut sent = echo(list, page, size.min(7), size);
        sent["has_more"] = Value::Null;
        sent
    },
    // It counts its items and its pages.
    |list, page, size| {
        let mut sent = envelope(list, page, size.min(7));
        sent["per_page"] = json!(size);
        sent
    },
];

fn echo(list: &[u32], page: u64, size: u32, requested: u32) -> Value {
    let mut sent = without_totals(list, page, size);
    sent["per_page"] = json!(requested);
    sent
}

#[test]
fn a_size_that_only_repeats_the_request_costs_no_item_wherever_an_iterator_is_resumed() {
    for (nth, respond) in ECHOES.into_iter().enumerate() {
        for (size, then) in [(10, 10), (20, 10), (10, 20), (5, 20), (20, 4)] {
            for (items, stop) in
                [30, 35, 37, 40].into_iter().flat_map(|n| (0..=n + 1).map(move |stop| (n, stop)))
            {
                let model = Model::still(items, respond);
                let mut first = pager(&model, size);
                let head = ids(first.by_ref().take(stop as usize));
                let rest = pager(&model, then).resume_at(&first.position()).expect("the list");
                let case = format!("server {nth}: {size}, then {then}, {stop} of {items}");
                let all = [head, ids(rest)].concat();
                assert_eq!(all, (0..items).rev().collect::<Vec<_>>(), "{case}");
            }
        }
    }
}

#[test]
fn a_size_that_only_repeats_the_request_loses_no_item_silently_where_a_total_fits_it() {
    let (mut whole, mut cases) = (0, 0);
    for (size, then) in [(10, 10), (20, 10), (10, 20), (5, 20), (20, 4)] {
        for (items, stop) in
            [30, 35, 37, 40].into_iter().flat_map(|n| (0..=n + 1).map(move |stop| (n, stop)))
        {
            let model = Model::still(items, |list, page, size| {
                let mut sent = envelope(list, page, 25);
                sent["per_page"] = json!(size);
                sent
            });
            let mut first = pager(&model, size);
            let head = ids(first.by_ref().take(stop as usize)).len();
            let (rest, error) =
                outcome(pager(&model, then).resume_at(&first.position()).expect("the list"));
            let case = format!("{size}, then {then}, {stop} of {items}: {error:?}");
            assert!(error.is_some() || head + rest == items as usize, "{case}");
            cases += 1;
            whole += u32::from(error.is_none());
            assert!(error.is_none_or(|error| error.hint().is_some()), "{case}");
        }
    }
    assert!(whole * 5 >= cases * 4, "{whole} of {cases}");
}

#[test]
fn a_position_counts_what_came_though_the_total_says_that_there_is_less() {
    let totals: [Respond; 2] = [
        |list, page, size| {
            let mut sent = envelope(list, page, size);
            (sent["total_items"], sent["total_pages"]) = (json!(0), Value::Null);
            sent
        },
        |list, page, size| {
            let mut sent = envelope(list, page, size);
            (sent["total_items"], sent["total_pages"]) = (json!(20), Value::Null);
            sent
        },
    ];
    for (nth, respond) in totals.into_iter().enumerate() {
        for stop in 0..=35 {
            let model = Model::still(35, respond);
            let mut first = pager(&model, 10);
            let head = ids(first.by_ref().take(stop));
            let rest = pager(&model, 10).resume_at(&first.position()).expect("the list");
            let all = [head, ids(rest)].concat();
            assert_eq!(all, (0..35).rev().collect::<Vec<_>>(), "server {nth}, after {stop}");
        }
    }
}

#[test]
fn an_iterator_that_came_to_a_dead_end_reads_on_once_it_is_resumed() {
    let grows = Arc::new(AtomicBool::new(true));
    let (mut next, still_grows) = (1000, Arc::clone(&grows));
    let model = Model::new(35, move |list| {
        // Each page pushes down what was read of the one before.
        for _ in 0..if still_grows.load(Ordering::Relaxed) { 10 } else { 0 } {
            next += 1;
            list.insert(0, next);
        }
    });
    let mut stuck = pager(&model, 10);
    let error = stuck.by_ref().find_map(Result::err).expect("a dead end");
    assert!(error.to_string().contains("in a row held no new item"), "{error}");
    grows.store(false, Ordering::Relaxed);
    let behind = model.list().len() - 25;
    let place = format!("model 0 {behind} of ?").parse().expect("a position");
    let rest = stuck.resume_at(&place).expect("the list");
    assert_eq!(ids(rest), (0..25).rev().collect::<Vec<_>>());
}

#[test]
fn the_end_of_a_list_without_totals_takes_two_requests_if_it_is_empty_or_refused() {
    let refuses: Respond = |list, page, size| match (page - 1) * u64::from(size) < list.len() as u64
    {
        true => without_totals(list, page, size),
        false => json!({"status": 404}),
    };
    for (respond, most) in [(bare as Respond, 2), (without_totals, 2), (refuses, 2), (envelope, 1)]
    {
        let model = Model::still(40, respond);
        let saved = "model 0 40 of ?".parse().expect("a position");
        assert_eq!(ids(pager(&model, 10).resume_at(&saved).expect("the list")), [0; 0]);
        assert_eq!(model.requests(), most);
    }
}

#[test]
fn an_item_that_is_pushed_behind_the_end_while_a_position_is_looked_for_does_not_come_again() {
    let mut requests = 1;
    let add = move |list: &mut Vec<u32>| {
        requests += 1;
        if requests == 6 {
            list.insert(0, 1000);
        }
    };
    let model = Model::with(40, add, |list, page, _| bare(list, page, 10));
    let saved = "model 0 40 of ?".parse().expect("a position");
    assert_eq!(ids(pager(&model, 10).resume_at(&saved).expect("the list")), [0; 0]);
    assert!(model.list().contains(&1000));
}

/// The numbers and sizes of the pages that an iterator requests which is resumed, on a server with pages of this size, which
/// reports no numbers, or those of the page.
fn requests_from(behind: u64, items: u64, size: u64, reports: bool) -> Vec<(u64, u32)> {
    let requests = Arc::new(Mutex::new(Vec::new()));
    let asked = Arc::clone(&requests);
    let respond = move |number: u64, per_page: u32| {
        asked.lock().expect("no panic before").push((number, per_page));
        let ids = ((number - 1) * size..items).take(size as usize);
        let items: Vec<Value> = ids.map(|id| json!({"id": id.to_string()})).collect();
        match reports {
            true => json!({"items": items, "page": number, "per_page": size}),
            false => json!({"items": items}),
        }
    };
    let pager: Pager<Item> = Pager::new(Numbered::new(Arc::new(Race(Box::new(respond)))));
    let position = format!("race 0 {behind} of ?").parse().expect("a position");
    let rest = ids(pager.page_size(10).resume_at(&position).expect("the same list"));
    assert_eq!(rest.len() as u64, items - behind);
    let requests = requests.lock().expect("no panic before");
    requests.clone()
}

#[test]
fn a_resumed_iterator_measures_the_pages_once_and_not_by_the_page_of_the_position() {
    let requests = requests_from(5, 9, 10, false);
    assert_eq!(requests.iter().filter(|request| **request == (1, 10)).count(), 1, "{requests:?}");
    // Once to measure, and once in case that the first page is sent again after the end.
    let requests = requests_from(25, 37, 4, false);
    assert_eq!(requests[..2], [(3, 10), (1, 10)]);
    assert_eq!(requests.iter().filter(|(number, _)| *number == 1).count(), 2, "{requests:?}");
    // The server reports their size.
    let requests = requests_from(25, 37, 4, true);
    assert!(requests.iter().all(|(number, _)| *number > 1), "{requests:?}");
}

#[test]
fn a_position_at_the_end_of_a_page_that_promises_more_is_an_error() {
    let respond = |number: u64, per_page: u32| {
        let start = (number - 1) * u64::from(per_page);
        let ids = (start..20).take(per_page as usize);
        let items: Vec<Value> = ids.map(|id| json!({"id": id.to_string()})).collect();
        json!({"has_more": !items.is_empty(), "items": items})
    };
    let pager: Pager<Item> = Pager::new(Numbered::new(Arc::new(Race(Box::new(respond)))));
    let position = "race 0 20 of ?".parse().expect("a position");
    let (came, error) = outcome(pager.page_size(10).resume_at(&position).expect("the same list"));
    assert_eq!(came, 0);
    assert!(error.is_some_and(|error| error.hint().is_some()));
}
