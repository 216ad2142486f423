//! Models of servers with a numbered list, and of what changes it.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::error::{CallName, Error, ErrorKind, Result};
use crate::page::pager::Pager;
use crate::page::raw_page::RawPage;
use crate::page::{Numbered, NumberedList};

pub(super) type Change = Box<dyn FnMut(&mut Vec<u32>) + Send>;
pub(super) type Respond = fn(&[u32], u64, u32) -> Value;

/// A list, newest first, that changes before each request but the first.
pub(super) struct Model {
    list: Mutex<Vec<u32>>,
    requests: AtomicUsize,
    sizes: Mutex<Vec<u32>>,
    change: Mutex<Change>,
    respond: Respond,
}

impl Model {
    pub(super) fn new(
        items: u32,
        change: impl FnMut(&mut Vec<u32>) + Send + 'static,
    ) -> Arc<Model> {
        Model::with(items, change, envelope)
    }

    /// A list that stands still, behind a server that responds in its own way.
    pub(super) fn still(items: u32, respond: Respond) -> Arc<Model> {
        Model::with(items, |_| (), respond)
    }

    pub(super) fn with(
        items: u32,
        change: impl FnMut(&mut Vec<u32>) + Send + 'static,
        respond: Respond,
    ) -> Arc<Model> {
        Arc::new(Model {
            list: Mutex::new((0..items).rev().collect()),
            requests: AtomicUsize::new(0),
            sizes: Mutex::default(),
            change: Mutex::new(Box::new(change)),
            respond,
        })
    }

    pub(super) fn list(&self) -> MutexGuard<'_, Vec<u32>> {
        self.list.lock().expect("no panic before")
    }

    /// The sizes that were requested.
    pub(super) fn sizes(&self) -> Vec<u32> {
        self.sizes.lock().expect("no panic before").clone()
    }

    pub(super) fn requests(&self) -> usize {
        self.requests.load(Ordering::Relaxed)
    }
}

impl fmt::Debug for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Model")
    }
}

/// The page as the vendor documents it.
pub(super) fn envelope(list: &[u32], page: u64, per_page: u32) -> Value {
    let total = list.len() as u64;
    let pages = total.div_ceil(u64::from(per_page));
    let before = (page - 1).saturating_mul(u64::from(per_page));
    let items: Vec<Value> = list
        .iter()
        .skip(usize::try_from(before).unwrap_or(usize::MAX))
        .take(per_page as usize)
        .map(|n| json!({"id": n.to_string()}))
        .collect();
    json!({"items": items, "page": page, "per_page": per_page, "total_items": total,
           "total_pages": pages, "has_more": page < pages})
}

/// The same without `has_more`, which follows from the rest.
pub(super) fn without_more(list: &[u32], page: u64, per_page: u32) -> Value {
    let mut sent = envelope(list, page, per_page);
    sent["has_more"] = Value::Null;
    sent
}

impl NumberedList for Arc<Model> {
    fn list_name(&self) -> String {
        "model 0".to_owned()
    }

    fn call_name(&self) -> CallName {
        CallName { name: "GET /model".to_owned(), operation: "list".into() }
    }

    fn unreadable(&self, _item: &Value, cause: serde_json::Error) -> Error {
        Error::new(ErrorKind::Unreadable, "odd").with_source(cause)
    }

    fn fetch(&self, number: u64, per_page: u32) -> Result<RawPage> {
        if self.requests.fetch_add(1, Ordering::Relaxed) > 0 {
            (self.change.lock().expect("no panic before"))(&mut self.list());
        }
        self.sizes.lock().expect("no panic before").push(per_page);
        let page = (self.respond)(&self.list(), number, per_page);
        if let Some(status) = page["status"].as_u64() {
            let status = StatusCode::from_u16(status as u16).expect("a status");
            let refusal = Error::new(ErrorKind::NotFound, "no such page");
            return Err(refusal.with_response(status, http::HeaderMap::new()));
        }
        Ok(RawPage::parse(page.to_string().into_bytes(), "items", &["id"]).expect("a page"))
    }

    fn set_filter(&mut self, _name: &str, _value: Value) {}
}

/// A server by the page that it sends for a number and a size.
pub(super) struct Race<F: ?Sized>(pub(super) Box<F>);

impl<F: ?Sized> fmt::Debug for Race<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Race")
    }
}

impl<F: Fn(u64, u32) -> Value + Send + Sync + ?Sized> NumberedList for Arc<Race<F>> {
    fn list_name(&self) -> String {
        "race 0".to_owned()
    }

    fn call_name(&self) -> CallName {
        CallName { name: "GET /race".to_owned(), operation: "list".into() }
    }

    fn unreadable(&self, _item: &Value, cause: serde_json::Error) -> Error {
        Error::new(ErrorKind::Unreadable, "odd").with_source(cause)
    }

    fn fetch(&self, number: u64, per_page: u32) -> Result<RawPage> {
        let page = (self.0)(number, per_page).to_string().into_bytes();
        Ok(RawPage::parse(page, "items", &["id"]).expect("a page"))
    }

    fn set_filter(&mut self, _name: &str, _value: Value) {}
}

#[derive(Debug, Deserialize)]
pub(super) struct Item {
    pub(super) id: String,
}

pub(super) fn pager(model: &Arc<Model>, per_page: u32) -> Pager<Item> {
    Pager::new(Numbered::new(Arc::clone(model))).page_size(per_page)
}

pub(super) fn ids(pager: impl Iterator<Item = Result<Item>>) -> Vec<u32> {
    pager.map(|item| item.expect("an item").id.parse().expect("a number")).collect()
}

/// Insertions at the top and deletions anywhere, seldom or often, few or many at once.
pub(super) fn churn(seed: u64) -> impl FnMut(&mut Vec<u32>) + Send {
    let mut random = fastrand::Rng::with_seed(seed);
    let often = random.f64();
    let many = random.usize(1..9);
    let mut next = 1_000_000;
    move |list| {
        if random.f64() > often {
            return;
        }
        let burst = if random.u8(..) < 10 { 40 } else { 0 };
        for _ in 0..random.usize(0..=many.max(burst)) {
            if random.bool() {
                next += 1;
                list.insert(0, next);
            } else if !list.is_empty() {
                list.remove(random.usize(0..list.len()));
            }
        }
    }
}

/// How servers respond to a request for a page after the end.
pub(super) const AFTER_THE_END: [Respond; 9] = [
    envelope,
    |list, page, size| instead(list, page, size, |last| envelope(list, last, size)),
    // The last page, under the number that was requested or under none.
    |list, page, size| {
        let mut sent = instead(list, page, size, |last| envelope(list, last, size));
        sent["page"] = page.into();
        sent
    },
    |list, page, size| {
        let mut sent = instead(list, page, size, |last| without_more(list, last, size));
        sent["page"] = Value::Null;
        sent
    },
    |list, page, _| instead(list, page, 4, |last| envelope(list, last, 4)),
    |list, page, size| instead(list, page, size, |_| json!({"status": 404})),
    |list, page, size| instead(list, page, size, |_| json!({"status": 422})),
    |list, page, size| instead(list, page, size.min(7), |_| json!({"status": 400})),
    // Its pages have a size of their own, which it does not report.
    |list, page, _| {
        let mut sent = instead(list, page, 5, |_| json!({"status": 404}));
        sent["per_page"] = Value::Null;
        sent
    },
];

/// A page, or what a server makes of one after the end, given the number of the last one.
pub(super) fn instead(
    list: &[u32],
    page: u64,
    per_page: u32,
    after: impl Fn(u64) -> Value,
) -> Value {
    let last = (list.len() as u64).div_ceil(u64::from(per_page)).max(1);
    if page > last { after(last) } else { envelope(list, page, per_page) }
}

/// A server with pages of this size, whatever was requested, which it does not report.
pub(super) fn stubborn<const N: u32>(list: &[u32], page: u64, _: u32) -> Value {
    let mut sent = envelope(list, page, N);
    sent["per_page"] = Value::Null;
    sent
}

/// The items that come, and the error at the end if there is one.
pub(super) fn outcome(pager: Pager<Item>) -> (usize, Option<Error>) {
    let (good, bad): (Vec<_>, Vec<_>) = pager.partition(Result::is_ok);
    (good.len(), bad.into_iter().find_map(Result::err))
}
