//! Servers that page in ways of their own, and servers that repeat themselves.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::error::{Error, ErrorKind};
use crate::page::Numbered;
use crate::page::pager::Pager;
use crate::page::source::PageSource;
use crate::page::tests::model::{
    Item, Model, Race, Respond, envelope, ids, outcome, pager, stubborn, without_more,
};

/// Leaves out the items whose id ends in 7.
fn without_sevens(mut sent: Value) -> Value {
    let items = sent["items"].as_array_mut().expect("items");
    items.retain(|item| item["id"].as_str().is_some_and(|id| !id.ends_with('7')));
    sent
}

fn failure(respond: Respond) -> (usize, Error, usize) {
    let model = Model::still(35, respond);
    let mut items = pager(&model, 10);
    let mut came = 0;
    for item in items.by_ref() {
        match item {
            Ok(_) => came += 1,
            Err(error) => {
                assert!(items.next().is_none());
                return (came, error, model.requests());
            }
        }
    }
    panic!("no error, after {came} items");
}

#[test]
fn an_item_yielded_costs_sixteen_bytes_at_most() {
    for (items, per_page) in [(50_000, 100), (20_000, 10)] {
        let model = Model::new(items, |_| ());
        let mut source = Numbered::new(Arc::clone(&model));
        source.set_page_size(per_page);
        let mut yielded = 0;
        while let Some(page) = source.next_page().expect("a page") {
            yielded += page.items.len();
            drop(page);
            let kept = source.bytes();
            assert!(yielded < 5000 || kept <= 16 * yielded, "{kept} for {yielded}");
        }
        assert_eq!(yielded, items as usize);
    }
}

#[test]
fn a_server_with_larger_pages_than_requested_is_followed() {
    let respond = |list: &[u32], page, _| envelope(list, page, 15);
    let model = Model::still(35, respond);
    assert_eq!(ids(pager(&model, 10)), (0..35).rev().collect::<Vec<_>>());
    // It is never asked for more than the caller wants.
    assert_eq!(model.sizes(), [10; 3]);
    let largest = |list: &[u32], page, per_page| {
        let mut sent = envelope(list, page, per_page);
        sent["per_page"] = json!(u32::MAX);
        sent
    };
    let model = Model::still(35, largest);
    assert_eq!(ids(pager(&model, 10)), (0..35).rev().collect::<Vec<_>>());
}

#[test]
fn a_server_that_repeats_itself_is_an_error() {
    let same_page = |list: &[u32], page, per_page| {
        let mut sent = envelope(list, 1, per_page);
        sent["page"] = json!(page);
        sent["has_more"] = json!(true);
        sent
    };
    let (came, error, requests) = failure(same_page);
    assert_eq!((came, error.kind(), requests), (10, ErrorKind::NoProgress, 3));
    assert!(error.to_string().contains("another page repeats page 1"), "{error}");
}

#[test]
fn pages_in_a_circle_are_an_error() {
    let circle = |list: &[u32], page: u64, per_page| {
        let mut sent = envelope(list, (page - 1) % 2 + 1, per_page);
        sent["page"] = json!(page);
        sent
    };
    let (came, error, requests) = failure(circle);
    assert_eq!((came, error.kind(), requests), (20, ErrorKind::NoProgress, 4));
}

#[test]
fn an_empty_page_that_is_not_the_last_is_an_error() {
    let (came, error, _) = failure(|list, page, per_page| {
        let mut sent = envelope(list, page, per_page);
        sent["has_more"] = json!(true);
        if page == 3 {
            sent["items"] = json!([]);
        }
        sent
    });
    assert_eq!((came, error.kind()), (20, ErrorKind::NoProgress));
    assert!(error.to_string().contains("page 3"), "{error}");
}

#[test]
fn another_page_than_the_one_requested_is_an_error() {
    let (came, error, _) = failure(|list, page, per_page| envelope(list, page.min(2), per_page));
    assert_eq!((came, error.kind()), (20, ErrorKind::NoProgress));
    assert!(error.to_string().contains("page 3 was requested and page 2 came"), "{error}");
}

#[test]
fn a_page_that_should_be_there_and_is_refused_is_an_error() {
    let (came, error, requests) = failure(|list, page, per_page| match page {
        3 => json!({"status": 404}),
        _ => envelope(list, page, per_page),
    });
    assert_eq!((came, error.kind(), requests), (20, ErrorKind::NotFound, 5));
}

#[test]
fn an_item_after_a_total_that_is_too_low_comes() {
    // The total ends at 20, and so do the pages that it counts.
    let cut: Respond = |list, page, per_page| {
        let mut sent = envelope(list, page, per_page);
        sent["total_items"] = json!(20);
        sent
    };
    let silent: Respond = |list, page, per_page| {
        let mut sent = envelope(list, page, per_page);
        (sent["total_items"], sent["has_more"]) = (json!(20), Value::Null);
        sent
    };
    for respond in [cut, silent] {
        for taken in [0, 5, 13] {
            let model = Model::still(35, respond);
            let mut first = pager(&model, 10);
            let mut came = ids(first.by_ref().take(taken));
            came.extend(ids(pager(&model, 10).resume_at(&first.position()).expect("the list")));
            assert_eq!(came, (0..35).rev().collect::<Vec<_>>());
        }
    }
}

/// Puts rows into each page that it has already.
fn with_twins(list: &[u32], page: u64, per_page: u32, of_each: usize, most: usize) -> Value {
    let mut sent = envelope(list, page, per_page);
    let items = sent["items"].as_array().expect("items").clone();
    let rows = items.iter().enumerate().flat_map(|(nth, item)| {
        let times = if nth < most { of_each } else { 1 };
        vec![item.clone(); times]
    });
    sent["items"] = rows.collect();
    sent
}

#[test]
fn a_page_that_has_items_twice_is_as_long_as_its_size_says() {
    let twice: Respond = |list, page, per_page| with_twins(list, page, per_page, 2, usize::MAX);
    let once: Respond = |list, page, per_page| with_twins(list, page, per_page, 2, 1);
    for respond in [twice, once] {
        for taken in 0..=35 {
            let model = Model::still(35, respond);
            let mut first = pager(&model, 10);
            let mut came = ids(first.by_ref().take(taken));
            came.extend(ids(pager(&model, 10).resume_at(&first.position()).expect("the list")));
            assert_eq!(came, (0..35).rev().collect::<Vec<_>>(), "after {taken}");
        }
        let model = Model::still(35, respond);
        assert_eq!((ids(pager(&model, 10)).len(), model.requests()), (35, 4));
    }
}

#[test]
fn a_row_that_a_list_has_twice_counts_towards_its_total() {
    let model = Model::still(12, stubborn::<5>);
    model.list().insert(2, 9);
    assert_eq!(ids(pager(&model, 10)), (0..12).rev().collect::<Vec<_>>());
}

#[test]
fn a_page_that_is_longer_than_the_size_it_states_is_counted() {
    let counted: Respond = |list, page, per_page| {
        let mut sent = envelope(list, page, 25);
        sent["per_page"] = json!(per_page);
        sent
    };
    let without_totals: Respond = |list, page, per_page| {
        let mut sent = envelope(list, page, 25);
        (sent["per_page"], sent["total_items"]) = (json!(per_page), Value::Null);
        sent["total_pages"] = Value::Null;
        sent
    };
    for respond in [counted, without_totals] {
        let model = Model::still(95, respond);
        assert_eq!(ids(pager(&model, 10)), (0..95).rev().collect::<Vec<_>>());
        assert_eq!(model.requests(), 4);
    }
}

#[test]
fn a_total_of_fewer_items_than_its_page_shows_is_none() {
    let zero: Respond = |list, page, per_page| {
        let mut sent = without_more(list, page, per_page);
        (sent["total_items"], sent["total_pages"]) = (json!(0), Value::Null);
        sent
    };
    let model = Model::still(35, zero);
    assert_eq!(ids(pager(&model, 10)), (0..35).rev().collect::<Vec<_>>());
    assert_eq!(model.requests(), 4);
}

#[test]
fn a_total_that_jumps_to_and_fro_ends_in_an_error() {
    let (_, error, requests) = failure(|list, page, per_page| {
        let mut sent = envelope(list, page, per_page);
        sent["total_items"] = json!(if page % 2 == 0 { 10 } else { 35 });
        sent
    });
    assert_eq!(error.kind(), ErrorKind::NoProgress);
    assert!(requests < 120, "{requests} requests");
}

#[test]
fn a_server_with_smaller_pages_than_requested_is_followed() {
    let respond = |list: &[u32], page, _| envelope(list, page, 4);
    let model = Model::still(35, respond);
    assert_eq!(ids(pager(&model, 10)), (0..35).rev().collect::<Vec<_>>());
    assert_eq!(model.requests(), 9);
}

#[test]
fn items_without_ids_and_pages_without_totals_are_read_too() {
    let respond =
        |list: &[u32], page, per_page| json!({"items": envelope(list, page, per_page)["items"]});
    let model = Model::still(35, respond);
    assert_eq!(ids(pager(&model, 10)).len(), 35);
}

#[test]
fn a_page_size_out_of_bounds_sends_nothing() {
    for size in [0, 101] {
        let model = Model::new(3, |_| ());
        let outcomes: Vec<_> = pager(&model, size).collect();
        assert!(matches!(&outcomes[..], [Err(error)] if error.kind() == ErrorKind::InvalidInput));
        assert_eq!(model.requests(), 0);
    }
}

#[test]
fn a_server_that_ignores_the_page_size_and_does_not_say_so_is_read_whole() {
    fn without<const N: u32>(list: &[u32], page: u64, per_page: u32, left_out: &[&str]) -> Value {
        let mut sent = stubborn::<N>(list, page, per_page);
        left_out.iter().for_each(|name| sent[*name] = Value::Null);
        sent
    }
    let servers: [Respond; 5] = [
        stubborn::<20>,
        stubborn::<200>,
        |list, page, size| without::<20>(list, page, size, &["has_more", "total_pages"]),
        |list, page, size| without::<20>(list, page, size, &["has_more", "total_items"]),
        |list, page, size| without::<150>(list, page, size, &["has_more"]),
    ];
    for respond in servers {
        for items in [0, 19, 20, 21, 200, 950] {
            let model = Model::still(items, respond);
            assert_eq!(ids(pager(&model, 100)).len(), items as usize);
        }
        // Resumed on a page of a size that the server does not have.
        let model = Model::still(950, respond);
        let saved = "model 0 300 of 950".parse().expect("a position");
        let rest = ids(pager(&model, 100).resume_at(&saved).expect("the list"));
        assert_eq!(rest, (0..650).rev().collect::<Vec<_>>());
    }
}

#[test]
fn a_list_is_read_whole_though_its_numbers_are_missing_or_deny_that_there_is_more() {
    let servers: [Respond; 2] = [
        |list, page, per_page| {
            let mut sent = stubborn::<20>(list, page, per_page);
            let numbers = ["page", "per_page", "has_more", "total_items", "total_pages"];
            numbers.iter().for_each(|name| sent[*name] = Value::Null);
            sent
        },
        |list, page, per_page| {
            let mut sent = envelope(list, page, per_page);
            sent["has_more"] = false.into();
            sent
        },
    ];
    for respond in servers {
        for items in [0, 19, 20, 21, 100, 101, 250] {
            let model = Model::still(items, respond);
            assert_eq!(ids(pager(&model, 100)).len(), items as usize, "{items}");
        }
    }
}

/// Servers that count more items than they send, with how many of 250 they send.
const LEAVING_OUT: [(Respond, usize); 6] = [
    (|list, page, size| without_sevens(envelope(list, page, size)), 225),
    (|list, page, size| without_sevens(without_more(list, page, size)), 225),
    (|list, page, _| without_sevens(envelope(list, page, 30)), 225),
    (
        |list, page, size| {
            let mut sent = without_sevens(envelope(list, page, size));
            sent["per_page"] = Value::Null;
            sent
        },
        225,
    ),
    // Counts its pages from 0.
    (
        |list, page, size| {
            let mut sent = envelope(list, page + 1, size);
            sent["page"] = page.into();
            sent
        },
        150,
    ),
    (
        |list, page, size| {
            let mut sent = envelope(list, page + 1, size);
            (sent["page"], sent["total_items"]) = (page.into(), Value::Null);
            sent
        },
        150,
    ),
];

#[test]
fn items_that_a_server_counts_and_does_not_send_are_reported_at_the_end() {
    for (nth, (respond, expected)) in LEAVING_OUT.into_iter().enumerate() {
        let model = Model::still(250, respond);
        let (came, error) = outcome(pager(&model, 100));
        let error = error.unwrap_or_else(|| panic!("server {nth}: {came} and no error"));
        assert_eq!((came, error.kind()), (expected, ErrorKind::NoProgress), "server {nth}");
        assert!(error.hint().is_some() && error.to_string().contains("items came"), "{error}");
        assert!(model.requests() <= 12, "{} requests", model.requests());
    }
}

#[test]
fn a_server_that_leaves_items_out_is_read_in_large_pages() {
    let model = Model::still(1000, |list, page, per_page| {
        let mut sent = without_sevens(envelope(list, page, per_page));
        sent["per_page"] = Value::Null;
        sent
    });
    assert_eq!(outcome(pager(&model, 100)).0, 900);
    assert!(model.requests() <= 13, "{} requests", model.requests());
}

#[test]
fn a_null_among_the_items_is_no_item_that_was_left_out() {
    let model = Model::still(35, |list, page, per_page| {
        let mut sent = envelope(list, page, per_page);
        sent["items"][2] = Value::Null;
        sent
    });
    assert_eq!(ids(pager(&model, 10)).len(), 31);
    assert_eq!(model.requests(), 4);
}

#[test]
fn a_page_far_larger_than_requested_is_rejected_and_a_large_one_is_not() {
    for (items, is_rejected) in [(1000, false), (1001, true)] {
        let respond: Respond =
            |list, page, _| json!({"items": envelope(list, page, 2000)["items"]});
        let model = Model::still(items, respond);
        let outcomes: Vec<_> = pager(&model, 100).collect();
        let rejected = outcomes.iter().filter_map(|one| one.as_ref().err());
        let kinds: Vec<ErrorKind> = rejected.map(Error::kind).collect();
        assert_eq!(kinds, [ErrorKind::Unreadable; 1][..usize::from(is_rejected)]);
        assert!(is_rejected || outcomes.len() == 1000);
    }
}

#[test]
fn an_id_that_comes_twice_in_a_page_comes_once() {
    let respond: Respond = |list, page, per_page| {
        let mut sent = envelope(list, page, per_page);
        let items = sent["items"].as_array_mut().expect("items");
        items.push(items[0].clone());
        items.insert(3, items[2].clone());
        sent
    };
    assert_eq!(ids(pager(&Model::still(35, respond), 10)).len(), 35);
}

#[test]
fn a_size_that_no_page_can_have_is_not_believed() {
    let servers: [Respond; 3] = [
        |list, page, per_page| sized(list, page, per_page, u32::MAX),
        |list, page, per_page| sized(list, page, per_page, 100_000),
        |list, page, per_page| sized(list, page, per_page, 101),
    ];
    for respond in servers {
        // A total that falls makes the size of the next page be chosen among all that are possible.
        let model = Model::with(95, |list| list.truncate(list.len().saturating_sub(1)), respond);
        let came = ids(pager(&model, 10));
        assert!(model.list().iter().all(|id| came.contains(id)), "{came:?}");
        assert!(model.requests() < 20, "{} requests", model.requests());
    }
}

/// Numbers that a page may have in place of its own.
fn odd_numbers() -> Vec<Value> {
    let numbers = [
        0,
        1,
        3,
        9,
        10,
        100,
        u64::from(u32::MAX),
        1 << 32,
        1 << 53,
        1 << 63,
        u64::MAX - 1,
        u64::MAX,
    ];
    let others = [json!(null), json!(-1), json!(true), json!(false)];
    numbers.map(Value::from).into_iter().chain(others).collect()
}

#[test]
fn numbers_of_any_size_neither_panic_nor_make_an_iterator_run_on() {
    let list: Vec<u32> = (0..60).collect();
    for seed in 0..3_000 {
        let (list, odd, requests) = (list.clone(), odd_numbers(), Arc::new(AtomicUsize::new(0)));
        let (random, counted) = (Mutex::new(fastrand::Rng::with_seed(seed)), Arc::clone(&requests));
        let respond = move |page: u64, per_page: u32| {
            let mut random = random.lock().expect("no panic before");
            counted.fetch_add(1, Ordering::Relaxed);
            let mut sent = envelope(&list, page, per_page);
            for name in ["page", "per_page", "total_items", "total_pages", "has_more"] {
                if random.u8(..) < 40 {
                    sent[name] = odd[random.usize(..odd.len())].clone();
                }
            }
            sent
        };
        let pager = Pager::<Item>::new(Numbered::new(Arc::new(Race(Box::new(respond)))));
        let behind = [0, 0, 0, 1, 30, 60, u64::MAX - 1, u64::MAX][seed as usize % 8];
        let saved = format!("race 0 {behind} of ?").parse().expect("a position");
        let pager = pager.page_size(7).prefetch(if seed % 3 == 1 { 4 } else { 0 });
        assert!(pager.resume_at(&saved).expect("the list").count() <= 61, "seed {seed}");
        let requests = requests.load(Ordering::Relaxed);
        assert!(requests < 1_000, "seed {seed}: {requests} requests");
    }
}

/// A page as it should be; the first one reports another size.
fn sized(list: &[u32], page: u64, per_page: u32, first: u32) -> Value {
    let mut sent = envelope(list, page, per_page);
    sent["per_page"] = json!(if page == 1 { first } else { per_page });
    sent
}

/// Each page from the second begins with the last item of the page before.
fn overlapping(list: &[u32], page: u64, per_page: u32) -> Value {
    let mut shown = list.to_vec();
    for border in (per_page as usize..list.len()).step_by(per_page as usize) {
        shown[border] = shown[border - 1];
    }
    envelope(&shown, page, per_page)
}

#[test]
fn pages_that_overlap_are_read_six_times_and_their_error_promises_nothing() {
    for (items, missing) in [(600, 59), (2000, 199)] {
        let model = Model::still(items, overlapping);
        let (came, error) = outcome(pager(&model, 10));
        let error = error.expect("an error");
        assert_eq!((came as u32, error.kind()), (items - missing, ErrorKind::NoProgress));
        assert_eq!(model.requests() as u32, items / 10 * 6);
        assert!(error.hint().is_some_and(|hint| hint.contains("others on none")), "{error:?}");
    }
}

#[test]
fn a_page_with_a_null_is_as_long_as_it_says_also_without_totals() {
    let model = Model::still(35, |list, page, size| {
        let mut sent = envelope(list, page, size);
        (sent["total_items"], sent["total_pages"]) = (Value::Null, Value::Null);
        sent["items"][3] = Value::Null;
        sent
    });
    assert_eq!(ids(pager(&model, 10)).len(), 31);
    assert_eq!(model.sizes(), [10; 4]);
}
