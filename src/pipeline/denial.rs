//! Reports of failure in the body of a success.
//!
//! A body is a denial only if it is certain that nothing took effect, since a batch sends a denied request again. It is in doubt
//! if it reports a failure and may hide an effect, or if it reports a success and may hide the failure of a part. The first rule
//! that applies decides:
//!
//! 1. A field is a [`Sign`] of failure: `ok` is false, `error` holds something, `status` is `failed` or 404, or there are words
//!    beside a `code` of 404 or a `type` of `error`. It is a denial if the report is [alone]: each other field holds nothing, or is
//!    one of a report, which are words, codes, places of a problem, what repeats or describes the request, and ids of what is known
//!    before. It is in doubt beside any other field, if the words are of a success, if something is partial, and if the service
//!    [broke off](broke_off), as a 500, a timeout and a body without its end show. So is a failure with a code of 0 or 2xx, or
//!    of a part (`failedUserIds`), unless its words are [bad](Tone::Bad).
//! 2. A `detail` is the only field, as of FastAPI and Django. Its tone decides: bad is a denial, good is a success, else doubt.
//! 3. An object within another one, in a list, or as JSON in a string fails by rule 1. In `data`, `result` and the like, it is a
//!    denial if the rest is of a report; elsewhere, beside a success and in lists it is in doubt. So are words, states, codes and
//!    flags of several if one failed.
//! 4. Words without a sign of success: bad ones are a denial beside a code that is not known or `"removed": false`, else in doubt,
//!    good ones are a success. What was not done, without words, is in doubt. Beside a success, words of failure are in doubt, as
//!    is a part that is just `failed`.
//!
//! All else is a success, and so is the state of a record:
//!
//! - A failed `status` beside an id denies nothing without words, nor does `"accepted": false`, unless there is nothing but ids of
//!   what is known before. Fields within an object that has an `id` are not searched, nor are notes (`warnings`, `log`) and a
//!   failed `status` in `data` and the like beside a success.
//! - A body that was decoded is data unless it consists of nothing but a report and the fields of an empty page. If it is the
//!   response to a change, a flag of success that is false leaves doubt whatever else there is, as does a report with an `id`.
//! - Of a long body, [a portion](reading) is looked at, so that no body takes long: what is found there is in doubt at most.
//!
//! | rule | outcome | body |
//! |---|---|---|
//! | 1 | denial | `{"error": "gone", "code": 7, "userId": "u1"}` |
//! | 1 | denial | `{"success": false, "data": null}` |
//! | 1 | in doubt | `{"error": "gone", "inviteId": "i1"}` |
//! | 1 | in doubt | `{"status": "error", "message": "Invited, mail failed"}` |
//! | 1 | in doubt | `{"status": 500, "error": "gone"}` |
//! | 1 | in doubt | `{"status": 0, "error": "x"}` |
//! | 1 | in doubt | `{"error": "gone", "inviteI` |
//! | 1 | in doubt | `{"sent": 1, "failed": 1}` |
//! | 2 | denial | `{"detail": "Not found."}` |
//! | 2 | in doubt | `{"detail": "Mitglied 2"}` |
//! | 2 | success | `{"detail": "Member removed"}` |
//! | 3 | denial | `{"data": {"ok": false, "message": "gone"}}` |
//! | 3 | in doubt | `{"invite": {"ok": false, "message": "gone"}}` |
//! | 3 | in doubt | `{"u1": "sent", "u2": "failed"}` |
//! | 3 | in doubt | `{"results": [true, false]}` |
//! | 4 | denial | `{"removed": false, "reason": "not a member"}` |
//! | 4 | in doubt | `{"deleted": false, "id": "a1"}` |
//! | 4 | in doubt | `{"data": {"removeMember": false}}` |
//! | 4 | in doubt | `{"message": "Community not found"}` |
//! | 4 | in doubt | `{"success": true, "message": "Could not be invited"}` |
//! | 4 | in doubt | `{"message": "Invited 1 of 2"}` |
//! | 4 | success | `{"message": "No account found, invitation sent"}` |
//! | record | success | `{"userId": "u1", "status": "rejected"}` |
//! | record | success | `{"inviteId": "i1", "accepted": false}` |
//! | record | success | `{"ok": true, "warnings": ["sms failed"]}` |

mod alone;
mod reading;
mod sign;
mod vocabulary;

use serde_json::{Map, Value};

use super::message;
use super::tone::{self, DONE, Tone};
use super::validation;
use reading::{Portion, read};
use sign::{Sign, Signs};
use vocabulary::{
    GOOD, KNOWN_IDS, NOTES, OUTCOME, WORDS, WRAPPERS, WRITTEN, code, is_any, is_bad, is_code,
    is_empty, is_error_status, is_failure, is_false, is_reported, is_server_error,
};

/// The words of a failure without words.
const UNSAID: &str = "the response reports a failure";

/// The words of a failure beside a success, without words.
const CONTRADICTED: &str = "the response contradicts itself";

/// The words of what was not done, without words.
const UNDONE: &str = "the response reports that nothing was done";

/// The words of what is neither a failure nor a success, without words.
const NEITHER: &str = "the response reports neither success nor failure";

/// How deep JSON may be within strings, lists and objects.
const DEEPEST: u32 = 4;

/// A report of failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Report {
    /// The call failed for certain.
    pub(super) is_failure: bool,
    /// Nothing took effect either; else that is in doubt.
    pub(super) is_denial: bool,
    /// In the service's words.
    pub(super) words: String,
}

impl Report {
    fn new(is_denial: bool, words: String) -> Report {
        Report { is_failure: is_denial, is_denial, words }
    }

    fn doubt(words: String) -> Report {
        Report::new(false, words)
    }

    /// Nothing is certain if not all was looked at, and no effect is excluded if the service broke off, be it within the body.
    fn within(self, portion: &Portion) -> Report {
        let is_denial = self.is_denial && !portion.is_cut && !broke_off(&portion.json);
        Report { is_denial, ..self }.only_if(portion.is_whole)
    }

    fn only_if(self, is_certain: bool) -> Report {
        let Report { is_failure, is_denial, words } = self;
        Report { is_failure: is_failure && is_certain, is_denial: is_denial && is_certain, words }
    }
}

/// Returns the report of failure in a body that holds no value, in the service's words.
pub(super) fn of(body: &[u8]) -> Option<Report> {
    of_portion(&read(body, true)?, DEEPEST)
}

/// Returns the report of failure in a body that was expected to hold a value and does not.
pub(super) fn of_undecodable(body: &[u8]) -> Option<Report> {
    match read(body, false) {
        Some(portion) => of_portion(&portion, DEEPEST),
        // A body that was cut off may be data: only one that consists of nothing but a report is a denial.
        None => of_bare(&reading::read_lenient(body)?),
    }
}

/// Returns the report of failure in a body that was decoded, if it consists of nothing else.
///
/// Ends at the first other field that holds something, so that a page of data costs nothing.
pub(super) fn of_decoded(body: &[u8]) -> Option<Report> {
    let is_list = || body.trim_ascii_start().starts_with(b"[");
    let is_data = alone::holds_data(body) || is_list();
    if is_data { None } else { of_bare(&read(body, false)?) }
}

/// Returns the report in the response to a change that is no success by its own flag, whatever else it holds, or that is a
/// report beside an id, which may be the one of the request.
pub(super) fn of_change(body: &[u8]) -> Option<Report> {
    let Portion { json, .. } = read(body, false)?;
    let object = json.as_object()?;
    let fails = |name: &str, value: &Value| sign::sign(name, value) == Some(Sign::Failure);
    let is_denied = object.iter().any(|(name, flag)| is_any(name, GOOD) && fails(name, flag));
    // What has a name is the thing itself.
    let is_bare = || !has_any(object, "name") && alone::is_alone(object, "id");
    let is_report = || object.iter().any(|(name, it)| fails(name, it)) && is_bare();
    let words = || message::words_in(object).unwrap_or_else(|| UNSAID.to_owned());
    (is_denied || is_report()).then(|| Report::doubt(words()))
}

fn of_portion(portion: &Portion, depth: u32) -> Option<Report> {
    Some(of_json(&portion.json, depth)?.within(portion))
}

/// Whether a service failed on its way, by a code or in words, so that it may have done what was asked: `{"status": 500}`,
/// `{"error": "timeout"}`
fn broke_off(json: &Value) -> bool {
    match json {
        Value::Object(object) => object.iter().any(|(name, value)| {
            (is_code(name) || is_bad(name)) && is_server_error(value) || broke_off(value)
        }),
        Value::Array(items) => items.iter().any(broke_off),
        Value::String(text) if text.contains('{') => {
            read(text.as_bytes(), true).is_some_and(|inner| broke_off(&inner.json))
        }
        Value::String(text) => tone::is_uncertain(text),
        _ => false,
    }
}

fn of_json(json: &Value, depth: u32) -> Option<Report> {
    match json {
        Value::Object(object) => of_object(object, depth),
        Value::Array(items) if depth > 0 => {
            let reports: Option<Vec<Report>> =
                items.iter().map(|item| of_json(item, depth - 1)).collect();
            let all = reports.filter(|reports| !reports.is_empty()).map(joined);
            all.or_else(|| of_list(items, true, depth - 1))
                .or_else(|| complaints(&Map::from_iter([("base".to_owned(), json.clone())])))
        }
        Value::Bool(false) => Some(Report::doubt(UNDONE.to_owned())),
        Value::String(text) if depth > 0 && text.contains('{') => {
            of_portion(&read(text.as_bytes(), true)?, depth - 1)
        }
        _ => None,
    }
}

fn joined(reports: Vec<Report>) -> Report {
    let is_failure = reports.iter().all(|report| report.is_failure);
    let is_denial = reports.iter().all(|report| report.is_denial);
    let words = validation::joined(reports.into_iter().map(|report| report.words));
    Report { is_failure, is_denial, words: words.unwrap_or_default() }
}

fn of_object(object: &Map<String, Value>, depth: u32) -> Option<Report> {
    let signs = Signs::of(object);
    let is_good = signs.has(Sign::Success);
    let detail = || lone_detail(object).filter(|_| !is_good);
    let in_words = || if is_good { partly(object, &signs) } else { in_words(object, &signs) };
    stated(object, &signs)
        .or_else(|| of_detail(detail()?))
        .or_else(|| nested(object, is_good, depth))
        .or_else(in_words)
}

/// The report that the fields of an object state, whatever their words are.
fn stated(object: &Map<String, Value>, signs: &Signs) -> Option<Report> {
    let has_words = has_any(object, WORDS);
    let is_record = signs.has(Sign::Record);
    let words = message::words_in(object).or_else(|| object.iter().find_map(wrapped_words));
    let is_good =
        has_any(object, "message msg detail") && words.as_deref().is_some_and(tone::states_success);
    let is_certain = signs.has(Sign::Failure) || signs.has(Sign::Outcome);
    let is_failure = is_certain
        || signs.has(Sign::Part) && !is_record
        || signs.has(Sign::State) && (has_words || !is_record)
        || signs.has(Sign::Kind) && has_words && !is_record && !is_good;
    let is_unclear = signs.has(Sign::Unclear);
    if !is_failure && !is_unclear {
        return None;
    }
    let is_bad = words.as_deref().is_some_and(|words| tone::tone(words) == Tone::Bad);
    let is_open = signs.has(Sign::Open) || !is_certain && signs.has(Sign::Part);
    let is_alone = !is_unclear && alone::is_alone(object, "");
    let unsaid = match () {
        () if !is_failure => NEITHER,
        () if is_alone => UNSAID,
        () => CONTRADICTED,
    };
    Some(Report::new(is_alone && (is_bad || !is_open), words.unwrap_or_else(|| unsaid.to_owned())))
}

/// `{"success": false, "data": {"message": "gone"}}`
fn wrapped_words((name, inner): (&String, &Value)) -> Option<String> {
    message::words(inner).filter(|_| is_any(name, WRAPPERS))
}

fn has_any(object: &Map<String, Value>, names: &str) -> bool {
    object.iter().any(|(name, value)| is_any(name, names) && !is_empty(value))
}

/// The report in a field of an object, unless it is a record with an id, whose parts may be in any state.
fn nested(object: &Map<String, Value>, is_good: bool, depth: u32) -> Option<Report> {
    if depth == 0 || has_any(object, "id") {
        return None;
    }
    let is_lone = object.len() == 1;
    let of_field = |(name, inner): (&String, &Value)| {
        let is_wrapper = is_any(name, WRAPPERS);
        let report = match inner {
            Value::Object(inner) => of_part(inner, is_good, is_wrapper, depth - 1)
                .or_else(|| if is_wrapper || is_lone { worded(inner, is_good) } else { None }),
            Value::Array(_) if is_good && is_any(name, NOTES) => None,
            Value::Array(items) => of_list(items, is_wrapper && !is_good, depth - 1),
            Value::String(_) if is_wrapper => of_json(inner, depth - 1),
            _ => None,
        }?;
        Some(match message::words_in(object) {
            None => report.only_if(is_wrapper && alone::is_alone(object, name)),
            Some(words) => Report::doubt(if report.words == UNSAID { words } else { report.words }),
        })
    };
    let is_by_id = object.keys().any(|name| !validation::is_name(name));
    let is_of_objects = object.len() > 1 && object.values().all(Value::is_object);
    let is_word = |value: &Value| value.is_string() || is_by_id && is_bare_outcome(value);
    let is_of_words = object.iter().all(|(name, value)| is_word(value) && !is_reported(name));
    let as_map = || of_siblings(&object.values().collect::<Vec<_>>(), is_by_id, depth - 1);
    let found = object.iter().find_map(of_field);
    found.or_else(|| if is_of_objects || is_of_words { as_map() } else { None })
}

/// The report in an object within another one. Beside a success, `data` and the like may be a record with a state.
fn of_part(
    inner: &Map<String, Value>,
    is_good: bool,
    is_wrapper: bool,
    depth: u32,
) -> Option<Report> {
    let signs = Signs::of(inner);
    let is_record = signs.has(Sign::Record);
    let is_open = !is_good && !is_record;
    let has_words = has_any(inner, "message msg reason detail details");
    let is_failed = signs.has(Sign::Failure)
        || signs.has(Sign::Part)
        || signs.has(Sign::Unclear) && !is_record
        || signs.has(Sign::Outcome) && (has_words || !(is_record || is_good && is_wrapper))
        || signs.has(Sign::State) && is_open
        || signs.has(Sign::Kind) && has_words && (is_open || has_any(inner, "code"));
    let stated = || stated(inner, &signs).filter(|_| is_failed);
    stated().or_else(|| nested(inner, is_good || signs.has(Sign::Success), depth))
}

/// The report that an object within another one seems to be by its words.
fn worded(inner: &Map<String, Value>, is_good: bool) -> Option<Report> {
    let signs = Signs::of(inner);
    let is_good = is_good || signs.has(Sign::Success);
    let report = if is_good { partly(inner, &signs) } else { in_words(inner, &signs) };
    report.map(|report| report.only_if(false))
}

/// The report in a list. Within a response's own field, flags and codes are outcomes: `{"results": [true, false]}`
fn of_list(items: &[Value], is_of_response: bool, depth: u32) -> Option<Report> {
    let are_outcomes = is_of_response && items.iter().all(is_bare_outcome);
    of_siblings(&items.iter().collect::<Vec<_>>(), are_outcomes, depth)
}

/// The report in some of several objects or words: `[{"ok": true}, {"ok": false}]`, `["sent", "failed"]`, and by their ids.
fn of_siblings(siblings: &[&Value], is_of_outcomes: bool, depth: u32) -> Option<Report> {
    let objects = || siblings.iter().filter_map(|it| it.as_object());
    let reports: Vec<Report> = objects().filter_map(|item| of_item(item, depth)).collect();
    if !reports.is_empty() {
        return Some(Report::doubt(joined(reports).words));
    }
    let has = |sign| objects().any(|item| Signs::of(item).has(sign));
    if has(Sign::Undone) && has(Sign::Success) {
        return Some(Report::doubt(CONTRADICTED.to_owned()));
    }
    let is_good = |text: &&str| tone::tone(text) == Tone::Good;
    let outcomes = || siblings.iter().filter_map(|it| outcome(it, is_of_outcomes));
    let failed = outcomes().find(|text| is_failure(text))?;
    let mut texts = siblings.iter().filter_map(|it| it.as_str());
    let are_known = texts.all(|text| is_failure(text) || is_good(&text));
    (are_known && (is_of_outcomes || outcomes().any(|text| is_good(&text))))
        .then(|| Report::doubt(failed.to_owned()))
}

/// The report in one of several objects, which may be a mere code: `{"code": 404}`
fn of_item(item: &Map<String, Value>, depth: u32) -> Option<Report> {
    let signs = Signs::of(item);
    let is_code = signs.has(Sign::Kind) && !signs.has(Sign::Record);
    of_part(item, false, false, depth).or_else(|| if is_code { worded(item, false) } else { None })
}

/// `true`, `404`
fn is_bare_outcome(value: &Value) -> bool {
    value.is_boolean()
        || value.is_number() && code(value).is_some_and(|code| (200..600).contains(&code))
}

/// How one of several ended.
fn outcome(sibling: &Value, is_of_outcomes: bool) -> Option<&str> {
    match sibling {
        Value::Bool(is_done) if is_of_outcomes => Some(if *is_done { "done" } else { "failed" }),
        Value::Number(_) if is_of_outcomes && is_error_status(sibling) => Some("failed"),
        Value::Object(object) => {
            object.iter().find(|(name, _)| is_any(name, OUTCOME)).and_then(|(_, it)| it.as_str())
        }
        word => word.as_str(),
    }
}

/// `{"success": true, "message": "1 invited, 1 failed"}`, `{"invited": true, "sms": "failed"}`
fn partly(object: &Map<String, Value>, signs: &Signs) -> Option<Report> {
    let message = message::words_in(object).filter(|_| has_any(object, "message msg detail"));
    let message = message.filter(|words| tone::is_partial(words) || tone::tone(words) == Tone::Bad);
    let is_part = |name: &str| !is_reported(name) && !signs.has(Sign::Record);
    let parts = object.iter().filter(|(name, _)| is_part(name));
    let failed = || parts.filter_map(|(_, it)| it.as_str()).find(|word| is_failure(word));
    message.or_else(|| failed().map(str::to_owned)).map(Report::doubt)
}

/// The report that an object seems to be by its words, without a sign of success.
fn in_words(object: &Map<String, Value>, signs: &Signs) -> Option<Report> {
    // PostgREST: `{"code": "PGRST116", "details": null, "hint": null, "message": "no rows"}`
    let is_of_database = || ["code", "hint", "message"].iter().all(|it| object.contains_key(*it));
    let is_hinted = signs.has(Sign::Hint) || signs.has(Sign::Kind) || is_of_database();
    let names = if is_hinted { WORDS } else { "message msg reason" };
    let has_message = has_any(object, names)
        || object.iter().any(|(name, it)| is_bad(name) && it.is_string() && !is_empty(it));
    let words = message::words_in(object).filter(|_| has_message).or_else(|| sentence(object));
    let tone = words.as_deref().map_or(Tone::Unclear, tone::tone);
    let is_record = signs.has(Sign::Record) && !is_of_known(object);
    let is_data = is_record || object.iter().any(is_data);
    let is_open = signs.has(Sign::Open) || signs.has(Sign::Record);
    let is_certain = tone == Tone::Bad && has_message && !is_open && alone::is_alone(object, "");
    if (signs.has(Sign::Undone) || holds_false(object)) && !is_data {
        return Some(Report::new(is_certain, words.unwrap_or_else(|| UNDONE.to_owned())));
    }
    // The name may be one of a person or an alert.
    let is_kind = signs.has(Sign::Kind) && !has_any(object, "name");
    let is_coded = |(name, it): (&String, &Value)| {
        is_any(name, OUTCOME) && is_code(name) && sign::sign(name, it) == Some(Sign::Hint)
    };
    let bare = || ((is_kind || object.iter().any(is_coded)) && !is_data).then(|| UNSAID.to_owned());
    let is_said = tone == Tone::Bad && !signs.has(Sign::Record) || tone == Tone::Mixed && !is_data;
    match tone {
        Tone::Good => None,
        _ if is_hinted => Some(Report::new(is_certain, words.or_else(bare)?)),
        _ if is_said => words.map(Report::doubt),
        _ => complaints(object),
    }
}

/// `{"deleted": false, "id": "a1"}`, `{"invited": false, "userId": "u1"}`: nothing but ids of what was there before.
fn is_of_known(object: &Map<String, Value>) -> bool {
    let is_left =
        object.iter().any(|(name, value)| is_any(name, "deleted removed") && is_false(value));
    let is_known = |(name, value): (&String, &Value)| {
        is_any(name, KNOWN_IDS)
            || is_left && is_any(name, "id")
            || is_any(name, DONE) && is_empty(value) && !value.is_null()
    };
    object.iter().all(is_known)
}

/// `{"data": {"removeMember": false}}`
fn holds_false(object: &Map<String, Value>) -> bool {
    object.len() == 1 && object.iter().all(|(name, it)| is_any(name, WRAPPERS) && is_lone_false(it))
}

fn is_lone_false(value: &Value) -> bool {
    let within =
        |object: &Map<String, Value>| object.len() == 1 && object.values().all(is_lone_false);
    value.as_object().map_or(*value == false, within)
}

/// `{"result": "Community not found"}`, `{"status": "user_not_found"}`, `{"alert": "The member cannot be invited"}`
fn sentence(object: &Map<String, Value>) -> Option<String> {
    let is_message =
        |name: &str| tone::words(name).last().is_some_and(|it| is_any(it, "message msg"));
    let is_told = |name: &str, text: &str| {
        let is_lone =
            || object.len() == 1 && !is_any(name, WRITTEN) && tone::tone(text) == Tone::Bad;
        is_any(name, OUTCOME) || is_message(name) || is_lone()
    };
    let mut texts = object.iter().filter_map(|(name, it)| Some((name, it.as_str()?)));
    let told = texts.find(|(name, text)| is_told(name, text) && tone::words(text).len() > 1);
    told.map(|(_, text)| text.to_owned())
}

/// The problems of a request by its fields, as Django and Rails list them: `{"email": ["This field is required."]}`
fn complaints(object: &Map<String, Value>) -> Option<Report> {
    let words = validation::joined(validation::by_field(object, false))?;
    let are_lists = |but_for| validation::is_by_field(object, |name| is_any(name, but_for));
    let is_complaint = match tone::tone(&words) {
        Tone::Bad => are_lists(""),
        Tone::Good | Tone::Idle => false,
        // "Enter a valid email address."
        Tone::Mixed | Tone::Unclear => words.ends_with('.') && are_lists(NOTES),
    };
    is_complaint.then(|| Report::doubt(words))
}

fn is_data((name, value): (&String, &Value)) -> bool {
    let is_nested = value.is_object() || value.is_array();
    let is_undone = || sign::sign(name, value) == Some(Sign::Undone);
    is_nested && !is_empty(value) && !is_reported(name) && !is_undone()
}

/// The words of `{"detail": "Not Found"}` with the other fields of RFC 9457 at most.
fn lone_detail(object: &Map<String, Value>) -> Option<String> {
    let is_besides = |(name, value): (&String, &Value)| {
        is_any(name, "detail title type instance")
            || value.is_null()
            || is_reported(name) && is_empty(value)
    };
    let (_, detail) = object.iter().find(|(name, _)| is_any(name, "detail"))?;
    let words = message::words_in(object).filter(|_| object.iter().all(is_besides))?;
    // A list may hold ids.
    (!detail.is_array() || tone::tone(&words) != Tone::Unclear).then_some(words)
}

fn of_detail(words: String) -> Option<Report> {
    match tone::tone(&words) {
        Tone::Good | Tone::Idle => None,
        tone => Some(Report::new(tone == Tone::Bad && !tone::states_success(&words), words)),
    }
}

/// The report of failure that an object consists of.
fn of_bare(portion: &Portion) -> Option<Report> {
    let object = portion.json.as_object().filter(|_| portion.is_whole)?;
    let signs = Signs::of(object);
    let is_bare = object.iter().all(|(name, value)| alone::is_no_data(name) || is_empty(value));
    // `{"status": "failed", "message": "disk full"}` may be the state of something.
    let is_failed = |value: &Value| value.as_str().is_some_and(|text| is_any(text, "failed"));
    let has_state = object.iter().any(|(name, value)| is_any(name, OUTCOME) && is_failed(value));
    if !is_bare || has_state && !signs.has(Sign::Failure) {
        return None;
    }
    let report = stated(object, &signs).or_else(|| of_detail(lone_detail(object)?))?;
    Some(report.within(portion))
}

#[cfg(test)]
mod tests {
    use super::alone::{GLANCE, holds_data};
    use super::*;

    #[test]
    fn data_is_seen_without_decoding_only_where_it_is_certain() {
        for body in [
            r#"{"id": "a1", "error": "x"}"#,
            r#"{"ok": true, "user": {"plan": "pro"}}"#,
            r#"{"error": "x", "items": [null]}"#,
            r#"{"error": "x", "open": true}"#,
        ] {
            assert!(holds_data(body.as_bytes()) && of_decoded(body.as_bytes()).is_none(), "{body}");
        }
        let long = format!(r#"{{"error": "{}é", "id": "a1"}}"#, "x".repeat(GLANCE));
        for body in [
            r#"{"ok": false, "error": "x", "requestId": "r1"}"#,
            r#"{"error": "x", "items": [ ], "data": { }, "note": "", "left": 0, "open": null}"#,
            r#"{"error": "x", "\u0065rror": "y"}"#,
            r#"["a"]"#,
            "",
            "\u{feff}{\"id\": \"a1\"}",
            &long,
        ] {
            assert!(!holds_data(body.as_bytes()), "{body}");
        }
        assert_eq!(of_decoded(long.as_bytes()), None);
    }

    /// Of a body without a report.
    const NOTHING: &str = "";

    fn check(rows: &[(&str, &str)]) {
        for (body, expected) in rows {
            let found = |body: &[u8]| denied(of(body)).unwrap_or_default();
            assert_eq!(found(body.as_bytes()), *expected, "{body}");
            assert_eq!(found(&utf_16(body)), *expected, "{body} in UTF-16");
        }
    }

    fn denied(report: Option<Report>) -> Option<String> {
        let Report { is_denial, words, .. } = report?;
        Some(if is_denial { words } else { format!("in doubt: {words}") })
    }

    fn utf_16(text: &str) -> Vec<u8> {
        format!("\u{feff}{text}").encode_utf16().flat_map(u16::to_le_bytes).collect()
    }

    #[test]
    fn the_table_at_the_top_is_true() {
        let rows = include_str!("denial.rs").lines().filter_map(|line| line.strip_prefix("//! | "));
        let rows: Vec<Vec<&str>> = rows.skip(1).map(|row| row.split(" | ").collect()).collect();
        for row in &rows {
            let outcome = match of(row[2].trim_matches([' ', '|', '`']).as_bytes()) {
                None => "success",
                Some(report) if report.is_denial => "denial",
                Some(_) => "in doubt",
            };
            assert_eq!(outcome, row[1], "{}", row[2]);
        }
        assert_eq!(rows.len(), 25);
    }

    #[test]
    fn a_flag_that_is_false_is_a_denial() {
        check(&[
            (r#"{"isSuccess": false, "message": "gone"}"#, "gone"),
            (r#"{"is_success": false}"#, "the response reports a failure"),
            // Codes that are no words.
            (r#"{"ok": false, "error": "token_revoked"}"#, "token_revoked"),
            (r#"{"ok": false, "error": "is_archived"}"#, "is_archived"),
            (r#"{"IsSuccessful": "false", "msg": "gone"}"#, "gone"),
            (r#"{"ok": "false", "message": "Не найдено"}"#, "Не найдено"),
            (r#"{"success": "failed", "message": "gone"}"#, "gone"),
            (r#"{"d": {"success": false, "message": "gone"}}"#, "gone"),
            (r#"{"ok": 0, "reason": "gone"}"#, "gone"),
        ]);
    }

    #[test]
    fn a_field_of_failure_that_holds_something_is_a_denial() {
        check(&[
            (r#"{"hasFailed": true, "message": "gone"}"#, "gone"),
            (r#"{"wasSuccessful": false, "reason": "gone"}"#, "gone"),
            (r#"{"unsuccessful": true}"#, "the response reports a failure"),
            (r#"{"error": "alert is locked", "locked": true}"#, "alert is locked"),
            (
                r#"{"error": "gone", "alert": {"id": "a1", "status": "active", "enabled": true}}"#,
                "gone",
            ),
            (r#"{"error": "gone", "retryable": true, "notInvited": ["u1"]}"#, "gone"),
            (r#"{"error": "gone", "skipped": [{"userId": "u1"}], "failedCount": 1}"#, "gone"),
            (
                r#"{"status": "fail", "data": {"id": "is unknown"}}"#,
                "the response reports a failure",
            ),
            (r#"{"error": "NOT_INVITED"}"#, "NOT_INVITED"),
            (r#"{"failed": true, "reason": "gone"}"#, "gone"),
            (r#"{"hasErrors": 1, "message": "gone"}"#, "gone"),
            (r#"{"err": "gone"}"#, "gone"),
            (r#"{"exception": "NotFound", "message": "gone"}"#, "gone"),
            (r#"{"fault": {"faultstring": "gone"}}"#, "gone"),
            (r#"{"errcode": 40013, "errmsg": "gone"}"#, "gone"),
            (r#"{"errno": 2, "message": "gone"}"#, "gone"),
            (r#"{"odata.error": {"message": "gone"}}"#, "the response reports a failure"),
            (r#"{"errorDetail": "gone", "message": "sorry"}"#, "sorry"),
            (r#"{"error_summary": "gone"}"#, "the response reports a failure"),
            (r#"{"error": "Не найдено"}"#, "Не найдено"),
            (r#"{"errors": ["見つかりません"]}"#, "見つかりません"),
            (r#"{"error": "Ошибка 0"}"#, "Ошибка 0"),
            (r#"{"data": null, "error": {"code": 5, "message": "gone"}}"#, "gone"),
            (
                r#"{"data": {"invite": null}, "errors": [{"message": "gone", "path": ["x"]}]}"#,
                "gone",
            ),
            (r#"{"errorMessages": ["gone"], "errors": {}}"#, "gone"),
            (r#"{"error": {"code": 200, "message": "invalid e-mail"}}"#, "invalid e-mail"),
            (r#"{"error": {"code": 200, "message": "Server Error"}}"#, "in doubt: Server Error"),
            (r#"{"sent": 0, "failed": 1}"#, "the response reports a failure"),
            (r#"{"sent": [], "failed": ["sms"]}"#, "the response reports a failure"),
            (r#"{"created": null, "error": "gone"}"#, "gone"),
            (r#"{"authenticated": true, "error": "gone"}"#, "gone"),
        ]);
    }

    #[test]
    fn a_field_of_failure_that_holds_nothing_says_nothing() {
        check(&[
            (r#"{"error": "undefined"}"#, NOTHING),
            (r#"{"error": "000000"}"#, NOTHING),
            (r#"{"failureCount": 0, "successCount": 2}"#, NOTHING),
            (r#"{"error": "-", "failed": " "}"#, NOTHING),
            (r#"{"errors": {"email": []}, "error": {"code": 0, "message": ""}}"#, NOTHING),
            (r#"{"errors": [null], "failed": 0, "failures": []}"#, NOTHING),
            (r#"{"errors": [{"code": 200}]}"#, NOTHING),
            (r#"{"errors": "no errors"}"#, NOTHING),
            (r#"{"error": "no error occurred"}"#, NOTHING),
            (r#"{"errors": "none found"}"#, NOTHING),
            (r#"{"errors": "0 of 1 users invited"}"#, "in doubt: 0 of 1 users invited"),
            (r#"{"error": "No error handler for route"}"#, "No error handler for route"),
            (r#"{"failed": "0 of 3"}"#, NOTHING),
            (r#"{"invited": true, "error": ""}"#, NOTHING),
            (r#"{"success": true, "error": "N/A"}"#, NOTHING),
            (r#"{"success": true, "errorCode": "00000"}"#, NOTHING),
            (r#"{"ok": true, "errmsg": "Operation successful"}"#, NOTHING),
            (r#"{"success": true, "error": {"code": 200, "message": "OK"}}"#, NOTHING),
            (r#"{"errcode": 200, "errmsg": "ok"}"#, NOTHING),
            (r#"{"errno": 0, "errmsg": "成功"}"#, NOTHING),
            (r#"{"errorUrl": "https://x.example", "onError": "ignore", "userId": "u1"}"#, NOTHING),
        ]);
    }

    #[test]
    fn an_outcome_of_failure_is_a_denial() {
        check(&[
            (r#"{"result": "error", "message": "gone"}"#, "gone"),
            (r#"{"result": "error: gone"}"#, "the response reports a failure"),
            (r#"{"result": false}"#, "the response reports a failure"),
            (r#"{"status": "false", "message": "gone"}"#, "gone"),
            (r#"{"result": "no"}"#, "the response reports a failure"),
            (r#"{"Ack": "Failure", "message": "gone"}"#, "gone"),
            (r#"{"return_code": "FAIL", "message": "gone"}"#, "gone"),
            (r#"{"status": "fail", "data": {"userId": "x"}}"#, "the response reports a failure"),
            (r#"{"status": "error", "message": "gone", "userId": "u1"}"#, "gone"),
            (r#"{"userId": "u1", "status": "error"}"#, "the response reports a failure"),
            (r#"{"status": "NOT_FOUND", "message": "gone"}"#, "gone"),
            (r#"{"status": "INVALID_ARGUMENT", "message": "gone"}"#, "gone"),
            (r#"{"status": "Too Many Requests", "message": "slow down"}"#, "slow down"),
            (r#"{"status": "KO", "message": "gone"}"#, "gone"),
            (r#"{"result": "NG", "message": "gone"}"#, "gone"),
            (r#"{"status_code": 404.0, "detail": "gone"}"#, "gone"),
            (r#"{"httpStatus": "404 Not Found", "reason": "gone"}"#, "gone"),
        ]);
    }

    #[test]
    fn a_record_may_have_a_state_of_its_own() {
        check(&[
            (r#"{"userId": "u1", "status": "rejected"}"#, NOTHING),
            (r#"{"id": "b1", "state": "failed", "lastError": "disk full"}"#, NOTHING),
            (r#"{"inviteId": "i1", "status": "DENIED"}"#, NOTHING),
            (r#"{"userId": "u1", "city": "Lagos", "state": "NG"}"#, NOTHING),
            (r#"{"inviteId": "i1", "accepted": false}"#, NOTHING),
            (r#"{"id": "a1", "name": "x", "deleted": false}"#, NOTHING),
            (r#"{"userId": "u1", "rejected": true}"#, NOTHING),
            (
                r#"{"id": "a1", "name": "TypeError", "keyword": "TypeError", "description": "x"}"#,
                NOTHING,
            ),
            (r#"{"city": "Lagos", "state": "NG", "message": "Invited"}"#, NOTHING),
            (r#"{"firstName": "Kim", "name": "Ng", "title": "Coach"}"#, NOTHING),
            (r#"{"message": "not a member before", "userId": "u1"}"#, NOTHING),
            (r#"{"inviteId": "i1", "code": 417}"#, NOTHING),
            (r#"{"inviteId": "i1", "code": 482, "message": "Invite sent"}"#, NOTHING),
            (r#"{"status": "locked"}"#, NOTHING),
            (
                r#"{"ok": true, "members": [{"userId": "u1", "status": "error"}, {"userId": "u2", "status": "active"}]}"#,
                NOTHING,
            ),
            (
                r#"{"removed": true, "members": [{"id": "u1", "status": "failed"}, {"id": "u2", "status": "active"}]}"#,
                NOTHING,
            ),
            (r#"{"result": 412}"#, NOTHING),
            (r#"{"status": 201, "statusCode": "200", "result": true}"#, NOTHING),
        ]);
    }

    #[test]
    fn a_code_or_a_kind_of_failure_is_a_denial_beside_words() {
        check(&[
            (r#"{"code": 404, "message": "gone"}"#, "gone"),
            (r#"{"code": "404", "message": "Не найдено"}"#, "Не найдено"),
            (r#"{"code": "NOT_FOUND", "message": "gone"}"#, "gone"),
            (r#"{"Code": "AccessDenied", "Message": "gone"}"#, "gone"),
            (r#"{"type": "error", "message": "gone", "requestId": "r1"}"#, "gone"),
            (r#"{"name": "NotFoundError", "message": "gone"}"#, "gone"),
            (r#"{"__type": "ResourceNotFoundException", "message": "gone"}"#, "gone"),
            (r#"{"code": 404, "message": "Mitglied", "userId": "u1"}"#, "in doubt: Mitglied"),
            (r#"{"type": "error", "message": "Invitation sent"}"#, NOTHING),
        ]);
    }

    #[test]
    fn a_failure_beside_a_success_is_in_doubt() {
        check(&[
            (r#"{"ok": true, "error": "u2 was not invited"}"#, "in doubt: u2 was not invited"),
            (r#"{"success": true, "error": "Mitglied 2"}"#, "in doubt: Mitglied 2"),
            (r#"{"invited": true, "error": "sms not delivered"}"#, "in doubt: sms not delivered"),
            (r#"{"sent": 1, "failed": 1}"#, "in doubt: the response contradicts itself"),
            (r#"{"success": 3, "failure": 1}"#, "in doubt: the response contradicts itself"),
            (
                r#"{"succeeded": ["u1"], "failed": ["sms"]}"#,
                "in doubt: the response contradicts itself",
            ),
            (r#"{"sent": {"email": true}, "errors": ["sms"]}"#, "in doubt: sms"),
            (r#"{"status": "done", "errors": ["sms"]}"#, "in doubt: sms"),
            (
                r#"{"success": true, "data": {"sent": ["email"], "failed": ["sms"]}}"#,
                "in doubt: the response contradicts itself",
            ),
            (
                r#"{"success": true, "data": {"userId": "u1", "errors": [{"channel": "sms"}]}}"#,
                "in doubt: the response contradicts itself",
            ),
            (r#"{"status": "error", "message": "Invitation sent"}"#, "in doubt: Invitation sent"),
            (r#"{"ok": false, "message": "Member removed"}"#, "in doubt: Member removed"),
            (r#"{"status": 0, "error": "Mitglied 2"}"#, "in doubt: Mitglied 2"),
            (r#"{"status": 0, "error": "no such member"}"#, "no such member"),
            (r#"{"status": 200, "error": "no such member"}"#, "no such member"),
        ]);
    }

    #[test]
    fn a_success_needs_no_words() {
        check(&[
            (r#"{"success": true, "message": "No invite was open, a new one was sent"}"#, NOTHING),
            (r#"{"status": "ok", "message": "not yet accepted"}"#, NOTHING),
            (r#"{"status": "pending", "message": "not yet accepted"}"#, NOTHING),
            (r#"{"status": "INVITE_SENT", "message": "not yet accepted"}"#, NOTHING),
            (r#"{"sent": true, "accepted": false}"#, NOTHING),
            (r#"{"result": "450 members notified"}"#, NOTHING),
            (r#"{"ok": true, "message": "Member removed. They can't rejoin."}"#, NOTHING),
            (r#"{"ok": true, "message": "Member removed. They can not rejoin."}"#, NOTHING),
            (
                r#"{"ok": true, "message": "Monica not invited, mail sent"}"#,
                "in doubt: Monica not invited, mail sent",
            ),
            (r#"{"data": {"status": "failed"}, "ok": true}"#, NOTHING),
        ]);
    }

    #[test]
    fn a_lone_detail_of_failure_is_a_denial() {
        check(&[
            (
                r#"{"detail": {"email": ["This field is required."]}}"#,
                "email: This field is required.",
            ),
            (r#"{"detail": ["not found"]}"#, "not found"),
            (r#"{"detail": "It won't be sent"}"#, "It won't be sent"),
            (r#"{"detail": "You have not enough rights"}"#, "You have not enough rights"),
            (r#"{"detail": "Not Found"}"#, "Not Found"),
            (r#"{"Detail": "alert is locked", "error": null}"#, "alert is locked"),
            (r#"{"type": "about:blank", "title": "Gone", "detail": "gone"}"#, "gone"),
            (r#"{"detail": "Community was not removed"}"#, "Community was not removed"),
            (r#"{"detail": "User can't be invited"}"#, "User can't be invited"),
            (r#"{"detail": "No such community"}"#, "No such community"),
            (r#"{"detail": "Bad request"}"#, "Bad request"),
            (r#"{"detail": {"code": "not_found", "message": "no such member"}}"#, "no such member"),
            (r#"{"detail": [{"loc": ["body", "x"], "msg": "required"}]}"#, "body.x: required"),
        ]);
    }

    #[test]
    fn a_lone_detail_of_success_denies_nothing() {
        check(&[
            (r#"{"detail": "Member removed"}"#, NOTHING),
            (r#"{"detail": "Completed with 0 errors"}"#, NOTHING),
            (r#"{"detail": "Invited Bad Bunny"}"#, NOTHING),
            (r#"{"detail": "Alert for Bad Bunny created"}"#, NOTHING),
            (r#"{"detail": "T. Smith was removed"}"#, NOTHING),
            (r#"{"detail": "Invitation to No Limits Run Club sent"}"#, NOTHING),
            (r#"{"detail": "max.muster@runners.example was invited"}"#, NOTHING),
            (r#"{"detail": "Removed 'Max Error' from \"Not Fast\""}"#, NOTHING),
            (r#"{"detail": "Duplicate alert deleted"}"#, NOTHING),
            (r#"{"detail": "No account found, invitation sent"}"#, NOTHING),
            (r#"{"detail": "User already exists, added to community"}"#, NOTHING),
            (r#"{"detail": true}"#, NOTHING),
            (r#"{"detail": {"removed": true}}"#, NOTHING),
            (r#"{"detail": ["u1"]}"#, NOTHING),
            (r#"{"detail": null}"#, NOTHING),
            (r#"{"detail": "queued", "id": "i1"}"#, NOTHING),
            (r#"{"detail": "Not Found", "members": []}"#, NOTHING),
        ]);
    }

    #[test]
    fn any_other_lone_detail_is_in_doubt() {
        check(&[
            (r#"{"detail": ["Completed with errors"]}"#, "in doubt: Completed with errors"),
            (
                r#"{"detail": "Invite pending: user has not accepted"}"#,
                "in doubt: Invite pending: user has not accepted",
            ),
            (r#"{"detail": "Max hasn't joined"}"#, "in doubt: Max hasn't joined"),
            (
                r#"{"detail": "Max will not receive alerts any more"}"#,
                "in doubt: Max will not receive alerts any more",
            ),
            (r#"{"detail": "u1 is blocked"}"#, "in doubt: u1 is blocked"),
            (r#"{"detail": "Alert is disabled"}"#, "in doubt: Alert is disabled"),
            (r#"{"detail": "Участник не удалён"}"#, "in doubt: Участник не удалён"),
            (r#"{"detail": "Mitglied entfernt"}"#, "in doubt: Mitglied entfernt"),
            (
                r#"{"detail": "Max wurde aus Lauftreff Bad Homburg entfernt"}"#,
                "in doubt: Max wurde aus Lauftreff Bad Homburg entfernt",
            ),
            (r#"{"detail": "Too Fast Runners"}"#, "in doubt: Too Fast Runners"),
            (r#"{"detail": "Max Error wurde eingeladen"}"#, "in doubt: Max Error wurde eingeladen"),
            (r#"{"detail": "No Bad News Club"}"#, "in doubt: No Bad News Club"),
            (r#"{"detail": "Account suspended"}"#, "in doubt: Account suspended"),
            (r#"{"detail": "already invited"}"#, "in doubt: already invited"),
            (r#"{"detail": "Completed with errors"}"#, "in doubt: Completed with errors"),
            (
                r#"{"detail": "Invite sent, but not delivered"}"#,
                "in doubt: Invite sent, but not delivered",
            ),
            (r#"{"detail": "2 removed, 1 failed"}"#, "in doubt: 2 removed, 1 failed"),
            (
                r#"{"detail": "Alert does not exist or has been deleted"}"#,
                "in doubt: Alert does not exist or has been deleted",
            ),
            (r#"{"detail": "Registered users only"}"#, "in doubt: Registered users only"),
            (r#"{"detail": "Alert must be paused first"}"#, "in doubt: Alert must be paused first"),
            (
                r#"{"detail": "Welcome to Forbidden City Runners!"}"#,
                "in doubt: Welcome to Forbidden City Runners!",
            ),
        ]);
    }

    #[test]
    fn a_failure_beside_what_took_effect_is_in_doubt() {
        check(&[
            (r#"{"error": "sms failed", "emailSent": true}"#, "in doubt: sms failed"),
            (r#"{"error": "sms failed", "sentCount": 2}"#, "in doubt: sms failed"),
            (r#"{"error": "sms failed", "invited_user_ids": ["u1"]}"#, "in doubt: sms failed"),
            (r#"{"error": "sms failed", "joined": true}"#, "in doubt: sms failed"),
            (r#"{"error": "sms failed", "published": true}"#, "in doubt: sms failed"),
            (
                r#"{"error": "sms failed", "channels": {"email": {"sent": true}}}"#,
                "in doubt: sms failed",
            ),
            (
                r#"{"error": "sms failed", "result": {"email": "sent", "sms": "failed"}}"#,
                "in doubt: sms failed",
            ),
            (
                r#"{"error": "sms failed", "user": {"id": "u1", "invited": true}}"#,
                "in doubt: sms failed",
            ),
            (
                r#"{"status": "error", "message": "no sms", "invite": {"id": "i1"}}"#,
                "in doubt: no sms",
            ),
            (r#"{"errors": ["u2 gone"], "members": [{"userId": "u1"}]}"#, "in doubt: u2 gone"),
            (r#"{"errors": ["u1"], "results": [{"error": "u1"}, {"id": "i2"}]}"#, "in doubt: u1"),
            (r#"{"status": "CompletedWithErrors", "errors": ["sms"]}"#, "in doubt: sms"),
            (r#"{"error": "INVITE_SENT"}"#, "in doubt: INVITE_SENT"),
            (r#"{"error": "ERROR_SUCCESS"}"#, "in doubt: ERROR_SUCCESS"),
            (r#"{"successes": 1, "failures": 1}"#, "in doubt: the response contradicts itself"),
            (r#"{"data": {"invite": {"id": "1"}}, "errors": ["no phone"]}"#, "in doubt: no phone"),
            (r#"{"inviteId": "i1", "error": "no phone"}"#, "in doubt: no phone"),
            (r#"{"invite": {"id": "i1"}, "error": "no phone"}"#, "in doubt: no phone"),
            (r#"{"status": 201, "errors": ["sms not delivered"]}"#, "in doubt: sms not delivered"),
            (r#"{"userId": "u1", "errorId": "e1", "error": "no phone"}"#, "no phone"),
            (r#"{"user": {"id": "u1"}, "error": {"id": "e1", "message": "gone"}}"#, "gone"),
            (r#"{"error": "no sms", "result": {"invited": true}}"#, "in doubt: no sms"),
            (r#"{"errors": ["u2 gone"], "results": [{"ok": true}]}"#, "in doubt: u2 gone"),
            (r#"{"errors": ["u2 gone"], "invites": [{"id": "i1"}]}"#, "in doubt: u2 gone"),
            (r#"{"delivered": 1, "failed": 1}"#, "in doubt: the response contradicts itself"),
            (r#"{"status": "running", "errors": ["sms"]}"#, "in doubt: sms"),
            (r#"{"status": "completed_with_errors", "errors": ["sms"]}"#, "in doubt: sms"),
            (r#"{"status": "PARTIAL", "error": "not found"}"#, "in doubt: not found"),
            (
                r#"{"error": "Operation completed successfully"}"#,
                "in doubt: Operation completed successfully",
            ),
            (r#"{"errorMessage": "Member removed"}"#, "in doubt: Member removed"),
            (r#"{"ok": false, "errors": "none"}"#, "none"),
            (r#"{"errors": ["Member removed"]}"#, "in doubt: Member removed"),
        ]);
    }

    #[test]
    fn words_of_a_success_contradict_a_failure() {
        check(&[
            (r#"{"error": "invite sent but sms failed"}"#, "in doubt: invite sent but sms failed"),
            (r#"{"error": "Created, but mail failed"}"#, "in doubt: Created, but mail failed"),
            (r#"{"ok": false, "error": "sent_with_errors"}"#, "in doubt: sent_with_errors"),
            (
                r#"{"ok": false, "error": "invited_but_email_failed"}"#,
                "in doubt: invited_but_email_failed",
            ),
            (r#"{"ok": false, "error": "token_revoked"}"#, "token_revoked"),
            (
                r#"{"error": {"message": "sms failed", "sentAt": "2026-11-26"}}"#,
                "in doubt: sms failed",
            ),
            (r#"{"error": {"message": "log failed", "affectedRows": 1}}"#, "in doubt: log failed"),
            (
                r#"{"data": {"results": [{"ok": false, "error": "bad address"}]}}"#,
                "in doubt: bad address",
            ),
            (
                r#"{"data": {"results": [{"ok": true}, {"ok": false, "error": "bad address"}]}}"#,
                "in doubt: bad address",
            ),
            (
                r#"{"data": {"members": [{"userId": "u1", "status": "error"}, {"userId": "u2", "status": "active"}]}}"#,
                NOTHING,
            ),
            (r#"{"data": {"tags": ["not found"], "id": "a1"}}"#, NOTHING),
            (
                r#"{"error": "timeout; it may have been sent"}"#,
                "in doubt: timeout; it may have been sent",
            ),
            (
                r#"{"ok": false, "error": "The outcome is unknown"}"#,
                "in doubt: The outcome is unknown",
            ),
            (
                r#"{"error": "The member was invited, but it could not be saved"}"#,
                "in doubt: The member was invited, but it could not be saved",
            ),
            (
                r#"{"success": false, "message": "Member removed but log failed"}"#,
                "in doubt: Member removed but log failed",
            ),
            (
                r#"{"status": "error", "message": "Member removed, but billing failed"}"#,
                "in doubt: Member removed, but billing failed",
            ),
            (
                r#"{"error": {"message": "Member was added but sms failed"}}"#,
                "in doubt: Member was added but sms failed",
            ),
            (
                r#"{"message": "Invited with errors", "errors": ["sms"]}"#,
                "in doubt: Invited with errors",
            ),
            (r#"{"ok": false, "error": "partial_failure"}"#, "in doubt: partial_failure"),
            (r#"{"error": "The invite could not be sent"}"#, "The invite could not be sent"),
            (
                r#"{"error": "Failed to send; nothing was saved"}"#,
                "Failed to send; nothing was saved",
            ),
        ]);
    }

    #[test]
    fn something_new_within_a_result_or_an_error_contradicts_a_failure() {
        check(&[
            (r#"{"hasErrors": true, "result": {"id": 4}, "errors": ["sms"]}"#, "in doubt: sms"),
            (r#"{"error": {"message": "sms failed", "inviteId": "i1"}}"#, "in doubt: sms failed"),
            (
                r#"{"error": {"message": "sms failed", "data": {"inviteId": "i1"}}}"#,
                "in doubt: sms failed",
            ),
            (
                r#"{"error": {"message": "sms failed", "invite": {"id": "i1"}}}"#,
                "in doubt: sms failed",
            ),
            (r#"{"error": {"message": "sms failed", "emailSent": true}}"#, "in doubt: sms failed"),
            (r#"{"error": {"message": "gone", "userId": "u1", "retry": true}}"#, "gone"),
            (r#"{"error": {"message": "gone", "fbtrace_id": "A1", "HostId": "h"}}"#, "gone"),
            (r#"{"errors": {"inviteId": "is required"}, "message": "gone"}"#, "gone"),
        ]);
    }

    #[test]
    fn within_an_error_all_but_words_codes_and_places_leaves_doubt() {
        check(&[
            (r#"{"error": {"message": "sms failed", "invited": ["u1"]}}"#, "in doubt: sms failed"),
            (r#"{"error": {"message": "sms failed", "invited": 1}}"#, "in doubt: sms failed"),
            (
                r#"{"error": {"message": "sms failed", "emailStatus": "sent"}}"#,
                "in doubt: sms failed",
            ),
            (r#"{"error": {"message": "sms failed", "partial": true}}"#, "in doubt: sms failed"),
            (
                r#"{"error": {"message": "sms failed", "dateSent": "2026-11-26 10:00:00"}}"#,
                "in doubt: sms failed",
            ),
            (r#"{"error": {"message": "sms failed", "didInvite": true}}"#, "in doubt: sms failed"),
            (
                r#"{"error": {"message": "sms failed", "inviteUrl": "https://x.example/i1"}}"#,
                "in doubt: sms failed",
            ),
            (r#"{"error": {"message": "sms failed", "uuid": "7d1c"}}"#, "in doubt: sms failed"),
            (
                r#"{"error": {"message": "sms failed", "rolledBack": false}}"#,
                "in doubt: sms failed",
            ),
            (r#"{"error": {"message": "sms failed", "step": "saved"}}"#, "in doubt: sms failed"),
            (r#"{"error": {"message": "sms failed", "members": ["u1"]}}"#, "in doubt: sms failed"),
            (
                r#"{"error": {"message": "sms failed", "cause": {"inviteId": "i1"}}}"#,
                "in doubt: sms failed",
            ),
        ]);
    }

    #[test]
    fn beside_an_error_all_but_a_report_leaves_doubt() {
        check(&[
            (
                r#"{"error": "sms failed", "inviteLink": "https://x.example/i1"}"#,
                "in doubt: sms failed",
            ),
            (
                r#"{"error": "sms failed", "user": {"id": "u1", "joinedAt": "2026-11-26"}}"#,
                "in doubt: sms failed",
            ),
            (
                r#"{"error": "sms failed", "user": {"id": "u1", "invite": {"id": "i1"}}}"#,
                "in doubt: sms failed",
            ),
            (r#"{"error": "sms failed", "rollback": false, "rowId": 7}"#, "in doubt: sms failed"),
            (r#"{"code": 7, "message": "not found", "inviteUrl": "/7"}"#, "in doubt: not found"),
            (r#"{"error": "sms failed", "url": "/invites/7"}"#, "in doubt: sms failed"),
            (r#"{"error": "sms failed", "token": "t"}"#, "in doubt: sms failed"),
            (r#"{"error": "sms failed", "resource": {"id": 7}}"#, "in doubt: sms failed"),
            (r#"{"error": "sms failed", "created": 1732600000}"#, "in doubt: sms failed"),
            (r#"{"error": "sms failed", "id": 7}"#, "in doubt: sms failed"),
            (
                r#"{"error": "sms failed", "log": ["member created", "sms failed"]}"#,
                "in doubt: sms failed",
            ),
            (r#"{"error": "sms failed", "members": [{"name": "Ann"}]}"#, "in doubt: sms failed"),
            (
                r#"{"status": "fail", "data": {"inviteId": "i1"}}"#,
                "in doubt: the response contradicts itself",
            ),
            (
                r#"{"success": false, "data": {"id": "i1"}, "message": "sms failed"}"#,
                "in doubt: sms failed",
            ),
            (
                r#"{"inviteId": "i1", "data": {"success": false, "message": "sms failed"}}"#,
                "in doubt: sms failed",
            ),
        ]);
    }

    #[test]
    fn an_error_with_all_that_describes_it_is_a_denial() {
        check(&[
            (
                r#"{"error": {"message": "gone", "type": "invalid_request_error", "param": "id", "doc_url": "https://x.example"}}"#,
                "gone",
            ),
            (
                r#"{"error": {"message": "gone", "code": 404, "status": "NOT_FOUND", "details": [{"field": "email", "code": "taken"}]}}"#,
                "gone",
            ),
            (r#"{"error": {"message": "gone", "user": {"id": "u1", "enabled": true}}}"#, "gone"),
            (
                r#"{"error": {"message": "gone", "retryAfter": 30, "limit": 5, "rolledBack": true}}"#,
                "gone",
            ),
            (
                r#"{"errors": [{"status": "422", "source": {"pointer": "/data/email"}, "detail": "gone"}], "jsonapi": {"version": "1.1"}}"#,
                "gone",
            ),
            (
                r#"{"errors": {"email": ["is taken"], "address": {"street": ["is required"]}}}"#,
                "email: is taken",
            ),
            (r#"{"success": false, "data": {"message": "gone"}}"#, "gone"),
        ]);
    }

    #[test]
    fn parts_that_failed_are_in_doubt() {
        check(&[
            (
                r#"{"jobId": "b1", "invites": [{"ok": false}]}"#,
                "in doubt: the response reports a failure",
            ),
            (
                r#"{"communityId": "c1", "invites": [{"ok": false}]}"#,
                "in doubt: the response reports a failure",
            ),
            (r#"{"results": ["sent", "error"]}"#, "in doubt: error"),
            (r#"{"u1": "invited", "u2": "failed"}"#, "in doubt: failed"),
            (r#"{"results": {"u1": "failed: bad address"}}"#, "in doubt: failed: bad address"),
            (
                r#"[{"status": "fulfilled"}, {"status": "rejected"}]"#,
                "in doubt: the response reports a failure",
            ),
            (
                r#"{"responses": [{"code": 200}, {"code": 500}]}"#,
                "in doubt: the response reports a failure",
            ),
            (
                r#"{"email": {"status": "sent"}, "sms": {"status": "failed"}}"#,
                "in doubt: the response reports a failure",
            ),
            (
                r#"{"success": true, "results": {"u1": {"status": "sent"}, "u2": {"status": "failed"}}}"#,
                "in doubt: the response reports a failure",
            ),
            (
                r#"{"ok": true, "steps": [{"status": "failed"}, {"status": "done"}]}"#,
                "in doubt: the response reports a failure",
            ),
            (
                r#"{"removed": true, "members": [{"id": "u1", "status": "failed"}, {"id": "u2", "status": "ok"}]}"#,
                "in doubt: failed",
            ),
            (
                r#"{"accepted": ["a@x.example"], "rejected": ["b@x.example"]}"#,
                "in doubt: the response contradicts itself",
            ),
            (r#"{"log": [{"status": "failed"}]}"#, "in doubt: the response reports a failure"),
            (r#"{"ok": true, "log": [{"status": "failed"}, {"status": "done"}]}"#, NOTHING),
            (r#"{"tags": ["error", "trail run"]}"#, NOTHING),
            (r#"{"firstName": "Max", "lastName": "Error"}"#, NOTHING),
            (r#"{"id": "b1", "invites": [{"ok": false}]}"#, NOTHING),
            (
                r#"{"results": [{"id": "i1", "status": "failed"}, {"id": "i2", "status": "pending"}]}"#,
                NOTHING,
            ),
        ]);
    }

    #[test]
    fn a_failure_within_or_beside_a_success_is_in_doubt() {
        check(&[
            (
                r#"{"status": "success", "data": {"status": "failed", "message": "gone"}}"#,
                "in doubt: gone",
            ),
            (r#"{"ok": true, "data": {"status": "failed", "message": "gone"}}"#, "in doubt: gone"),
            (r#"{"invited": true, "sms": "failed"}"#, "in doubt: failed"),
            (
                r#"{"invited": true, "delivery": {"status": "failed"}}"#,
                "in doubt: the response reports a failure",
            ),
            (
                r#"{"message": "Could not send it", "member": {"name": "Ann"}}"#,
                "in doubt: Could not send it",
            ),
            (r#"{"userId": "u1", "ok": true, "lastName": "Error"}"#, NOTHING),
            (r#"{"ok": true, "user": {"name": "Ann", "status": "rejected"}}"#, NOTHING),
            (
                r#"{"invited": true, "emailError": "mailbox is full"}"#,
                "in doubt: the response contradicts itself",
            ),
            (r#"{"inviteError": "u1 is unclear"}"#, "in doubt: the response reports a failure"),
            (
                r#"{"_embedded": {"errors": [{"message": "x"}]}, "_links": {"self": "/x"}}"#,
                "in doubt: x",
            ),
            (
                r#"{"name": "ZodError", "issues": [{"path": ["email"], "message": "Required"}]}"#,
                "in doubt: the response reports a failure",
            ),
            (
                r#"{"messages": [{"severity": "ERROR", "text": "gone"}]}"#,
                "in doubt: the response reports a failure",
            ),
            (
                r#"{"acknowledged": true, "writeErrors": [{"index": 0}]}"#,
                "in doubt: the response contradicts itself",
            ),
            (
                r#"{"success": true, "partial": true}"#,
                "in doubt: the response reports neither success nor failure",
            ),
            (r#"{"userId": "u1", "lastError": "timeout", "recentErrors": ["x y"]}"#, NOTHING),
            (r#"{"severity": "fatal", "message": "gone"}"#, "gone"),
        ]);
    }

    #[test]
    fn words_of_success_and_failure_are_in_doubt() {
        check(&[
            (
                r#"{"success": true, "message": "1 invited, 1 failed"}"#,
                "in doubt: 1 invited, 1 failed",
            ),
            (
                r#"{"success": true, "message": "Could not be invited"}"#,
                "in doubt: Could not be invited",
            ),
            (
                r#"{"success": true, "message": "Removed 2 of 3 members"}"#,
                "in doubt: Removed 2 of 3 members",
            ),
            (r#"{"message": "Invited 1 of 2"}"#, "in doubt: Invited 1 of 2"),
            (r#"{"success": true, "data": {"message": "not found"}}"#, "in doubt: not found"),
            (r#"{"success": true, "data": {"message": "Member removed"}}"#, NOTHING),
            (
                r#"{"status": "ok", "message": "Invited, but the mail could not be sent"}"#,
                "in doubt: Invited, but the mail could not be sent",
            ),
            (
                r#"{"success": true, "message": "Invitation sent. It cannot be resent for a day."}"#,
                NOTHING,
            ),
            (r#"{"success": true, "message": "Invite sent to Epic Fail Runners"}"#, NOTHING),
            (
                r#"{"error": "Failed to send mail but member was added"}"#,
                "in doubt: Failed to send mail but member was added",
            ),
            (
                r#"{"error": "could not send e-mail (invite was created)"}"#,
                "in doubt: could not send e-mail (invite was created)",
            ),
            (
                r#"{"error": "Unable to send mail - invite was created"}"#,
                "in doubt: Unable to send mail - invite was created",
            ),
            (
                r#"{"error": "Failed to notify the members removed"}"#,
                "Failed to notify the members removed",
            ),
        ]);
    }

    #[test]
    fn what_comes_after_the_beginning_of_a_long_body_is_not_looked_at() {
        let sent = vec![r#"{"status": "sent"}"#; reading::MOST_ITEMS].join(",");
        let body = format!(r#"{{"results": [{sent}, {{"ok": false}}]}}"#);
        assert_eq!(of(body.as_bytes()), None);
        let steps = vec!["1"; 1 + reading::MOST_ITEMS].join(",");
        for body in [
            format!(r#"{{"results": [{{"ok": false}}, {sent}]}}"#),
            format!(r#"{{"error": "not found", "limits": [{steps}]}}"#),
            format!(r#"{{"body": "{{\"error\": \"not found\", \"limits\": [{steps}]}}"}}"#),
        ] {
            let report = of(body.as_bytes());
            assert_eq!(report.map(|report| report.is_denial), Some(false), "{body:.60}");
            assert_eq!(of_decoded(body.as_bytes()), None, "{body:.60}");
        }
    }

    #[test]
    fn a_long_list_of_problems_leaves_doubt() {
        for (count, is_denial) in [(2, true), (100, true), (101, false), (9000, false)] {
            let body = format!(r#"{{"errors": [{}]}}"#, vec![r#""not found""#; count].join(","));
            let report = of(body.as_bytes());
            assert_eq!(report.map(|report| report.is_denial), Some(is_denial), "{count}");
        }
    }

    #[test]
    fn a_flag_that_is_false_and_a_report_with_an_id_leave_a_change_in_doubt() {
        for (body, words) in [
            (
                r#"{"id": "a1", "success": false, "message": "could not save"}"#,
                Some("could not save"),
            ),
            (r#"{"id": "a1", "isSuccess": false}"#, Some(UNSAID)),
            (r#"{"id": "r1", "error": {"message": "limit reached"}}"#, Some("limit reached")),
            (r#"{"jsonrpc": "2.0", "id": 1, "error": {"code": 5, "message": "x"}}"#, Some("x")),
            (r#"{"id": "a1", "name": "x", "error": "the last check failed"}"#, None),
            (r#"{"addedUserIds": ["u1"], "error": "u2 is gone"}"#, None),
            (r#"{"id": "a1", "error": null}"#, None),
            (r#"{"id": "a1", "ok": true, "error": "x"}"#, None),
            (r#"{"id": "a1", "data": {"ok": false}}"#, None),
            (r#"[{"ok": false}]"#, None),
            ("ok", None),
        ] {
            let expected = words.map(|words| Report::doubt(words.to_owned()));
            assert_eq!(of_change(body.as_bytes()), expected, "{body}");
        }
    }

    #[test]
    fn times_and_counts_of_what_was_done_contradict_a_failure() {
        check(&[
            (
                r#"{"error": "sms failed", "invitedAt": "2026-11-26T00:00:00Z"}"#,
                "in doubt: sms failed",
            ),
            (r#"{"error": "sms failed", "removedAt": 1700000000000}"#, "in doubt: sms failed"),
            (r#"{"error": "sms failed", "sent_at": "2026-11-26"}"#, "in doubt: sms failed"),
            (r#"{"error": "log failed", "affectedRows": 1}"#, "in doubt: log failed"),
            (
                r#"{"total": 2, "imported": 1, "failed": 1}"#,
                "in doubt: the response contradicts itself",
            ),
            (
                r#"{"invitesSent": 1, "invitesFailed": 1}"#,
                "in doubt: the response contradicts itself",
            ),
            (
                r#"{"error": "sms failed", "channels": {"email": true, "sms": false}}"#,
                "in doubt: sms failed",
            ),
            (r#"{"error": "gone", "sentAt": null, "affectedRows": 0}"#, "gone"),
            (r#"{"error": "gone", "failedAt": "2026-11-26", "usedSeats": 5}"#, "gone"),
        ]);
    }

    #[test]
    fn ids_of_others_are_no_record() {
        check(&[
            (
                r#"{"addedUserIds": ["u1"], "failedUserIds": ["u2"]}"#,
                "in doubt: the response contradicts itself",
            ),
            (
                r#"{"invitedUserIds": ["u1"], "failedUserIds": ["u2"]}"#,
                "in doubt: the response contradicts itself",
            ),
            (
                r#"{"removedUserIds": ["u1"], "errorCount": 1}"#,
                "in doubt: the response contradicts itself",
            ),
            (r#"{"addedUserIds": ["u1"], "failedUserIds": []}"#, NOTHING),
        ]);
    }

    #[test]
    fn a_status_of_failure_within_a_success_is_in_doubt() {
        check(&[
            (
                r#"{"status": "success", "data": {"status": "error", "message": "x"}}"#,
                "in doubt: x",
            ),
            (
                r#"{"results": [{"status": "success"}, {"status": "error", "message": "x"}]}"#,
                "in doubt: x",
            ),
            (
                r#"{"results": [{"userId": "u1", "status": "error", "message": "x"}]}"#,
                "in doubt: x",
            ),
            (r#"{"results": [{"code": 404, "message": "x"}]}"#, "in doubt: x"),
            (r#"{"results": [{"status": 404}]}"#, "in doubt: the response reports a failure"),
            (
                r#"{"ok": true, "responses": [{"status": 404}]}"#,
                "in doubt: the response reports a failure",
            ),
        ]);
    }

    #[test]
    fn items_that_failed_are_in_doubt_under_any_name() {
        check(&[
            (
                r#"[{"status": "ok"}, {"status": "error"}]"#,
                "in doubt: the response reports a failure",
            ),
            (
                r#"{"ok": true, "results": [{"id": "i1", "status": "sent"}, {"id": "i2", "status": "failed"}]}"#,
                "in doubt: failed",
            ),
            (r#"{"members": [{"userId": "u1", "success": false, "error": "x"}]}"#, "in doubt: x"),
            (
                r#"{"invites": [{"email": "a", "status": "sent"}, {"email": "b", "error": "x"}]}"#,
                "in doubt: x",
            ),
            (
                r#"{"results": {"u1": {"success": true}, "u2": {"success": false}}}"#,
                "in doubt: the response reports a failure",
            ),
            (r#"{"u1": {"ok": true}, "u2": {"ok": false, "error": "x"}}"#, "in doubt: x"),
            (
                r#"{"results": {"u1": "sent", "u2": "failed: no such person"}}"#,
                "in doubt: failed: no such person",
            ),
            (
                r#"{"members": [{"id": "u1", "status": "invited"}, {"id": "u2", "status": "rejected"}]}"#,
                NOTHING,
            ),
            (r#"{"ok": true, "warnings": [{"code": 417, "message": "sms failed"}]}"#, NOTHING),
            (r#"{"data": {"street": "Error", "city": "Lagos"}}"#, NOTHING),
            (r#"{"id": "a1", "checks": [{"ok": true}, {"ok": false, "error": "x"}]}"#, NOTHING),
        ]);
    }

    #[test]
    fn lists_of_errors_are_known_by_the_last_word_of_their_names() {
        check(&[
            (
                r#"{"insertedCount": 1, "writeErrors": [{"index": 1}]}"#,
                "in doubt: the response contradicts itself",
            ),
            (
                r#"{"ok": 1, "nInserted": 1, "writeErrors": [{"index": 1}]}"#,
                "in doubt: the response contradicts itself",
            ),
            (r#"{"memberErrors": [{"row": 1}]}"#, "in doubt: the response reports a failure"),
            (
                r#"{"violations": [{"propertyPath": "email"}]}"#,
                "in doubt: the response reports a failure",
            ),
            (r#"{"ok": true, "writeErrors": []}"#, NOTHING),
            (r#"{"id": "a1", "recentErrors": ["x y"]}"#, NOTHING),
        ]);
    }

    #[test]
    fn what_is_missing_beside_a_success_denies_nothing() {
        check(&[
            (r#"{"ok": true, "missingFields": ["birthDate"]}"#, NOTHING),
            (r#"{"success": true, "missing": ["phone"]}"#, NOTHING),
            (r#"{"invited": true, "unknown": ["x"]}"#, NOTHING),
            (
                r#"{"ok": true, "unknownUserIds": ["u2"]}"#,
                "in doubt: the response contradicts itself",
            ),
            (r#"{"missing": ["phone"]}"#, "in doubt: the response reports that nothing was done"),
        ]);
    }

    #[test]
    fn advice_after_a_success_denies_nothing() {
        check(&[
            (r#"{"message": "Invitation sent. Do not reply to this message."}"#, NOTHING),
            (
                r#"{"detail": "Invitation sent. If it does not arrive, check the spam folder."}"#,
                NOTHING,
            ),
            (r#"{"message": "Invite sent! Didn't get it? Check spam."}"#, NOTHING),
            (r#"{"message": "Queued for delivery, will retry if failed"}"#, NOTHING),
            (
                r#"{"message": "Invite sent, but not delivered. If it fails again, ask us."}"#,
                "in doubt: Invite sent, but not delivered. If it fails again, ask us.",
            ),
        ]);
    }

    #[test]
    fn a_part_that_failed_is_in_doubt_unless_it_is_of_a_record() {
        let unsaid = "in doubt: the response reports a failure";
        check(&[
            (r#"{"failureCount": 1, "successCount": 0}"#, unsaid),
            (r#"{"failedUserIds": ["u1"]}"#, unsaid),
            (r#"{"failed_invites": [{"userId": "u1"}]}"#, unsaid),
            (
                r#"{"FailedEntryCount": 1, "Entries": [{"ErrorCode": "gone"}]}"#,
                "in doubt: the response contradicts itself",
            ),
            (r#"{"num_errors": 1}"#, unsaid),
            (r#"{"notInvited": ["u1"]}"#, unsaid),
            (r#"{"unknownUserIds": ["u1"]}"#, unsaid),
            (r#"{"success": true, "data": {"failedCount": 1}}"#, unsaid),
            (r#"{"failedUserIds": ["u1"], "message": "e-mail is invalid"}"#, "e-mail is invalid"),
            (r#"{"failed": 1, "successCount": 2}"#, "in doubt: the response contradicts itself"),
            (r#"{"sent": 1, "errorCount": 1}"#, "in doubt: the response contradicts itself"),
            (r#"{"id": "a1", "errorCount": 3}"#, NOTHING),
            (r#"{"failedAt": "2026-11-26", "errorCodes": [500]}"#, NOTHING),
        ]);
    }

    #[test]
    fn lists_of_complaints_about_fields_are_in_doubt() {
        let required = "in doubt: email: This field is required.";
        check(&[
            (
                r#"{"email": ["Enter a valid email address."]}"#,
                "in doubt: email: Enter a valid email address.",
            ),
            (r#"{"messages": ["Mitglied entfernt."]}"#, NOTHING),
            (r#"{"email": ["Invitation sent."]}"#, NOTHING),
            (r#"{"email": ["This field is required."]}"#, required),
            (r#"{"email": ["can't be blank"]}"#, "in doubt: email: can't be blank"),
            (r#"["Unable to invite."]"#, "in doubt: Unable to invite."),
            (r#"{"invited": ["u1"], "skipped": ["u2"]}"#, NOTHING),
            (r#"{"names": ["Max Error"], "words": ["invalid"]}"#, NOTHING),
            (r#"["u1", "u2"]"#, NOTHING),
        ]);
    }

    #[test]
    fn a_flag_or_an_error_that_is_neither_is_in_doubt() {
        let neither = "in doubt: the response reports neither success nor failure";
        check(&[
            (r#"{"partialSuccess": true}"#, neither),
            (r#"{"isPartial": true, "errors": ["sms"]}"#, "in doubt: sms"),
            (r#"{"success": true, "partial": false}"#, NOTHING),
            (r#"{"success": -1}"#, neither),
            (r#"{"success": -1, "message": "x"}"#, "in doubt: x"),
            (r#"{"ok": "nope", "userId": "u1"}"#, neither),
            (r#"{"success": ""}"#, "in doubt: the response reports that nothing was done"),
            (r#"{"success": "Member removed"}"#, NOTHING),
            (r#"{"succeeded": 1732600000}"#, NOTHING),
            (
                r#"{"error": {"code": 0, "message": "Mitglied nicht gefunden"}}"#,
                "in doubt: Mitglied nicht gefunden",
            ),
            (r#"{"errors": [{"code": 200, "message": "x"}]}"#, "in doubt: x"),
            (r#"{"error": {"code": "ok", "message": "", "log_id": "x"}}"#, NOTHING),
            (r#"{"error": {"code": 0, "message": "no error occurred"}}"#, NOTHING),
            (r#"{"error_code": "SUCCESS", "error_message": "x"}"#, NOTHING),
        ]);
    }

    #[test]
    fn a_code_of_failure_without_words_is_in_doubt_unless_there_is_data() {
        let unsaid = "in doubt: the response reports a failure";
        check(&[
            (r#"{"code": 403}"#, unsaid),
            (r#"{"code": 404, "data": null, "text": "no such group"}"#, unsaid),
            (r#"{"code": "NotFound"}"#, "in doubt: NotFound"),
            (r#"{"code": "USER_NOT_FOUND"}"#, "in doubt: USER_NOT_FOUND"),
            (r#"{"type": "error", "text": "gone"}"#, unsaid),
            (r#"{"code": 417, "invite": {"id": "i1"}}"#, NOTHING),
            (r#"{"code": 404, "reason": "Community deleted"}"#, "in doubt: Community deleted"),
            (r#"{"name": "Max Error"}"#, NOTHING),
            (r#"{"status": "false", "id": "a1"}"#, NOTHING),
            (r#"{"status": "user_not_found", "code": "INVITE_SENT"}"#, "in doubt: user_not_found"),
            (r#"{"type": "error", "message": "not found", "userId": "u1"}"#, "in doubt: not found"),
            (r#"{"id": "a1", "name": "TypeError", "message": "not found"}"#, "in doubt: not found"),
        ]);
    }

    #[test]
    fn words_decide_beside_a_code_that_is_not_known_and_after_what_was_not_done() {
        check(&[
            (r#"{"wasRemoved": false}"#, "in doubt: the response reports that nothing was done"),
            (r#"{"invitedCount": 0, "reason": "x"}"#, "in doubt: x"),
            (r#"{"acknowledged": true, "deletedCount": 0}"#, NOTHING),
            (r#"{"code": 5, "message": "not found", "details": []}"#, "not found"),
            (r#"{"code": 40001, "msg": "invalid token", "data": null}"#, "invalid token"),
            (r#"{"code": "community_not_found", "message": "not found"}"#, "not found"),
            (r#"{"result": -1, "message": "it failed"}"#, "it failed"),
            (
                r#"{"status": "not_authorized", "message": "You are not allowed to invite"}"#,
                "You are not allowed to invite",
            ),
            (r#"{"status": "NOT_INVITED", "message": "email is invalid"}"#, "email is invalid"),
            (r#"{"removed": false, "reason": "not a member"}"#, "not a member"),
            (r#"{"rejected": true, "reason": "not a member"}"#, "not a member"),
            (r#"{"code": 7, "msg": "参数错误"}"#, "in doubt: 参数错误"),
            (r#"{"code": "no_such_group", "message": "u1"}"#, "in doubt: u1"),
            (r#"{"status": "not_authorized", "message": "u1"}"#, "in doubt: u1"),
            (
                r#"{"code": "rest_forbidden", "message": "not allowed", "data": {"status": 401}}"#,
                "in doubt: not allowed",
            ),
            (r#"{"status": 0, "code": 7, "message": "not found"}"#, "in doubt: not found"),
            (r#"{"removed": false}"#, "in doubt: the response reports that nothing was done"),
            (r#"{"deleted": "false"}"#, "in doubt: the response reports that nothing was done"),
            (r#"{"isValid": false, "message": "u1"}"#, "in doubt: u1"),
            (r#"{"accepted": false}"#, "in doubt: the response reports that nothing was done"),
            (r#"{"invited": 0, "reason": "x"}"#, "in doubt: x"),
            (
                r#"{"invited": [], "skipped": ["u1"]}"#,
                "in doubt: the response reports that nothing was done",
            ),
            (r#"{"paused": false}"#, NOTHING),
            (r#"{"invited": false, "reason": "already a member"}"#, "in doubt: already a member"),
            (r#"{"code": 1, "message": "done"}"#, NOTHING),
        ]);
    }

    #[test]
    fn words_alone_are_in_doubt_at_most() {
        check(&[
            (r#"{"message": "Community not found"}"#, "in doubt: Community not found"),
            (r#"{"name": "Community not found"}"#, NOTHING),
            (r#"{"keyword": "cannot log in"}"#, NOTHING),
            (r#"{"Message": "Forbidden", "data": null}"#, "in doubt: Forbidden"),
            (r#"{"message": "Too Many Attempts."}"#, "in doubt: Too Many Attempts."),
            (
                r#"{"message": "Deleted member cannot be invited"}"#,
                "in doubt: Deleted member cannot be invited",
            ),
            (
                r#"{"message": "Community not found or deleted"}"#,
                "in doubt: Community not found or deleted",
            ),
            (
                r#"{"message": "Community not found. It may have been deleted"}"#,
                "in doubt: Community not found. It may have been deleted",
            ),
            (r#"{"message": "1 invited, 1 failed"}"#, "in doubt: 1 invited, 1 failed"),
            (
                r#"{"message": "Community not found", "correlationId": "c1", "version": 2}"#,
                "in doubt: Community not found",
            ),
            (r#"{"status": "locked", "message": "it is locked"}"#, "in doubt: it is locked"),
            (
                r#"{"status": "OVER_LIMIT", "message": "Quota exceeded"}"#,
                "in doubt: Quota exceeded",
            ),
            (r#"{"status": "user_not_found"}"#, "in doubt: user_not_found"),
            (r#"{"result": "Community not found"}"#, "in doubt: Community not found"),
            (r#"{"status": 0, "message": "Community not found"}"#, "in doubt: Community not found"),
            (r#"{"code": 0, "message": "not allowed"}"#, "in doubt: not allowed"),
            (
                r#"{"status": 200, "message": "Community not found"}"#,
                "in doubt: Community not found",
            ),
            (r#"{"errcode": 0, "errmsg": "user not found"}"#, "in doubt: user not found"),
        ]);
    }

    #[test]
    fn other_words_deny_nothing() {
        check(&[
            (r#"{"message": "removed"}"#, NOTHING),
            (r#"{"message": "Mitglied"}"#, NOTHING),
            (r#"{"message": "Invite sent to no-reply@bad.example"}"#, NOTHING),
            (r#"{"message": "No Limits Run Club: invitation sent"}"#, NOTHING),
            (r#"{"message": "Max wurde aus Lauftreff Bad Homburg entfernt"}"#, NOTHING),
            (r#"{"message": "No account found. Invitation sent."}"#, NOTHING),
            (r#"{"message": "User already exists, added to community"}"#, NOTHING),
            (r#"{"message": "Invite on its way, no action needed"}"#, NOTHING),
            (r#"{"message": "Expired invitation resent"}"#, NOTHING),
            (r#"{"message": "Alert deleted and cannot be restored"}"#, NOTHING),
            (r#"{"errorCode": 0, "errorMessage": "Member removed"}"#, NOTHING),
            (r#"{"code": 0, "message": "Mitglied entfernt"}"#, NOTHING),
            (r#"{"code": 200, "message": "no problem here, nothing to do"}"#, NOTHING),
            (r#"{"code": "INVITE_SENT", "message": "Mitglied"}"#, NOTHING),
            (r#"{"name": "Ng", "message": "Invitation sent"}"#, NOTHING),
            (r#"{"title": "No Limits Run"}"#, NOTHING),
        ]);
    }

    #[test]
    fn what_repeats_the_request_or_names_the_program_is_no_effect() {
        check(&[
            (
                r#"{"detail": [{"loc": ["body", "name"], "msg": "Field required", "input": {"x": 1}}]}"#,
                "body.name: Field required",
            ),
            (
                r#"{"detail": "token not valid", "code": "token_not_valid", "messages": [{"token_class": "AccessToken", "message": "Token is invalid"}]}"#,
                "token not valid",
            ),
            (
                r#"{"message": "gone", "exception": "NotFound", "file": "/app/x.php", "line": 12, "trace": [{"function": "x"}]}"#,
                "gone",
            ),
            (
                r#"{"jsonrpc": "2.0", "id": 1, "error": {"code": -32601, "message": "gone"}}"#,
                "gone",
            ),
            (r#"{"id": 1, "error": {"code": -32601, "message": "gone"}}"#, "in doubt: gone"),
            (
                r#"{"statusCode": 404, "headers": {"etag": "x"}, "body": "{\"message\": \"gone\"}"}"#,
                "the response reports a failure",
            ),
            (
                r#"{"statusCode": 404, "body": "{\"inviteId\": \"i1\"}"}"#,
                "in doubt: the response contradicts itself",
            ),
            (r#"{"error": "no sms", "messages": [{"id": "m1"}]}"#, "in doubt: no sms"),
            (r#"{"error": "no sms", "result": 7}"#, "in doubt: no sms"),
            (
                r#"{"ok": false, "error": {"message": "gone", "details": ["row written"]}}"#,
                "in doubt: gone",
            ),
        ]);
    }

    #[test]
    fn what_describes_the_request_contradicts_no_failure() {
        check(&[
            (r#"{"error": "gone", "took": 12, "server": "web-1", "x-request-id": "r1"}"#, "gone"),
            (
                r#"{"ok": false, "error": "user_gone", "response_metadata": {"messages": ["[ERROR] bad"]}}"#,
                "user_gone",
            ),
            (
                r#"{"error": {"message": "gone", "innererror": {"date": "2026-11-26", "client-request-id": "r1"}}}"#,
                "gone",
            ),
            (r#"{"error": "gone", "result": "i1"}"#, "in doubt: gone"),
            (r#"{"error": "gone", "result": "error"}"#, "gone"),
            (r#"{"error": "gone", "response": {"id": "i1"}}"#, "in doubt: gone"),
            (r#"{"error": "gone", "sentTime": "10:00"}"#, "in doubt: gone"),
        ]);
    }

    #[test]
    fn a_service_that_failed_itself_leaves_doubt() {
        check(&[
            (
                r#"{"status": 500, "error": "Internal Server Error"}"#,
                "in doubt: Internal Server Error",
            ),
            (r#"{"statusCode": 503, "message": "no such member"}"#, "in doubt: no such member"),
            (r#"{"code": 500, "message": "gone"}"#, "in doubt: gone"),
            (r#"{"error": {"code": 502, "message": "gone"}}"#, "in doubt: gone"),
            (r#"{"errors": [{"status": "500", "title": "gone"}]}"#, "in doubt: gone"),
            (
                r#"{"statusCode": 200, "body": "{\"status\": 500, \"error\": \"gone\"}"}"#,
                "in doubt: gone",
            ),
            (r#"{"ok": false, "error": "internal_error"}"#, "in doubt: internal_error"),
            (r#"{"error": {"status": "INTERNAL", "message": "x"}}"#, "in doubt: x"),
            (r#"{"error": {"code": 200, "message": "server error"}}"#, "in doubt: server error"),
            (r#"{"error": "Something went wrong"}"#, "in doubt: Something went wrong"),
            (r#"{"error": "socket hang up"}"#, "in doubt: socket hang up"),
            (r#"{"detail": "Internal Server Error"}"#, "in doubt: Internal Server Error"),
            (r#"{"error": {"status": "UNAVAILABLE", "message": "x"}}"#, "in doubt: x"),
            (r#"{"error": "User name unavailable"}"#, "User name unavailable"),
            (r#"{"error": 502}"#, "in doubt: the response reports a failure"),
            (r#"{"ok": false, "error": "504 upstream"}"#, "in doubt: 504 upstream"),
            (
                r#"{"error": "Request failed with status code 502"}"#,
                "in doubt: Request failed with status code 502",
            ),
            (
                r#"{"error": "Request failed with status code 404"}"#,
                "Request failed with status code 404",
            ),
            (r#"{"error": "HTTP_504"}"#, "in doubt: HTTP_504"),
            (r#"{"error": "unknown_error"}"#, "in doubt: unknown_error"),
            (r#"{"error": "write EPIPE"}"#, "in doubt: write EPIPE"),
            (r#"{"error": "EOF"}"#, "in doubt: EOF"),
            (r#"{"error": "The operation was aborted"}"#, "in doubt: The operation was aborted"),
            (r#"{"code": "ECONNRESET", "message": "socket hang up"}"#, "in doubt: socket hang up"),
            (r#"{"code": "ABC123", "message": "socket wrench"}"#, NOTHING),
            // It can do nothing of the kind.
            (r#"{"status": 501, "message": "gone"}"#, "gone"),
        ]);
        let items = br#"{"items": [], "status": 500, "error": "gone"}"#;
        assert_eq!(denied(of_decoded(items)).as_deref(), Some("in doubt: gone"));
    }

    #[test]
    fn a_request_that_timed_out_behind_the_service_is_in_doubt() {
        check(&[
            (r#"{"error": "Gateway timeout"}"#, "in doubt: Gateway timeout"),
            (r#"{"error": "ETIMEDOUT"}"#, "in doubt: ETIMEDOUT"),
            (
                r#"{"ok": false, "code": "ESOCKETTIMEDOUT"}"#,
                "in doubt: the response reports a failure",
            ),
            (r#"{"error": "Request time-out"}"#, "in doubt: Request time-out"),
            (r#"{"ok": false, "message": "upstream timed out"}"#, "in doubt: upstream timed out"),
            (r#"{"detail": "request timed out"}"#, "in doubt: request timed out"),
            (
                r#"{"error": "busy, the request may still complete"}"#,
                "in doubt: busy, the request may still complete",
            ),
        ]);
    }

    #[test]
    fn flags_of_several_people_that_differ_are_in_doubt() {
        let contradicted = "in doubt: the response contradicts itself";
        check(&[
            (r#"{"u1": true, "u2": false}"#, "in doubt: failed"),
            (r#"{"u1": true, "u2": "failed"}"#, "in doubt: failed"),
            (r#"{"u1": true, "u2": true}"#, NOTHING),
            (r#"{"paused": false, "muted": true}"#, NOTHING),
            (r#"[{"invited": true}, {"invited": false}]"#, contradicted),
            (r#"{"results": [{"userId": "u1", "sent": 1}, {"sent": 0}]}"#, contradicted),
            (r#"{"members": [{"removed": false}, {"removed": false}]}"#, NOTHING),
        ]);
    }

    #[test]
    fn bare_flags_and_codes_are_in_doubt_if_one_failed() {
        check(&[
            ("[201, 404]", "in doubt: failed"),
            ("[404]", "in doubt: failed"),
            (r#"{"results": [true, false]}"#, "in doubt: failed"),
            (r#"{"results": [false]}"#, "in doubt: failed"),
            (r#"{"statuses": [200, 404]}"#, "in doubt: failed"),
            (r#"{"u1": 200, "u2": 404}"#, "in doubt: failed"),
            (r#"{"codes": {"u1": 200, "u2": 404}}"#, "in doubt: failed"),
            ("[200, 201]", NOTHING),
            ("[1, 2, 404]", NOTHING),
            (r#"{"scores": [201, 404]}"#, NOTHING),
            (r#"{"results": [true, true]}"#, NOTHING),
        ]);
    }

    #[test]
    fn what_was_not_done_to_something_known_is_in_doubt() {
        let undone = "in doubt: the response reports that nothing was done";
        check(&[
            ("false", undone),
            (r#"{"userId": "u1", "removed": false}"#, undone),
            (r#"{"userId": "u1", "removed": []}"#, undone),
            (r#"{"deleted": false, "id": "a1"}"#, undone),
            (r#"{"data": {"removeMember": false}}"#, undone),
            (r#"{"data": false}"#, undone),
            (r#"{"raw": [], "affected": 0}"#, undone),
            (r#"{"affectedRows": 0, "insertId": 0}"#, undone),
            (r#"{"id": "i1", "accepted": false}"#, NOTHING),
            (r#"{"success": true, "data": false}"#, NOTHING),
            (r#"{"message": "Member removed", "data": false}"#, NOTHING),
            (r#"{"data": {"active": true, "verified": false}}"#, NOTHING),
        ]);
    }

    #[test]
    fn outcomes_under_other_names_are_in_doubt_at_least() {
        let neither = "in doubt: the response reports neither success nor failure";
        check(&[
            (r#"{"level": "error", "message": "Community is archived"}"#, "Community is archived"),
            (r#"{"message": "Community is archived"}"#, "in doubt: Community is archived"),
            (r#"{"detail": "Alert already exists"}"#, "Alert already exists"),
            (r#"{"name": "404 Runners", "message": "Hello"}"#, NOTHING),
            (r#"{"success": true, "data": {"partial": true}}"#, neither),
            (r#"{"response": "error"}"#, "the response reports a failure"),
            (r#"{"stat": "fail"}"#, "the response reports a failure"),
            (r#"{"resultCode": 7, "resultMessage": "not allowed"}"#, "in doubt: not allowed"),
            (
                r#"{"code": "PGRST116", "details": "x", "hint": null, "message": "no rows"}"#,
                "in doubt: no rows",
            ),
            (r#"{"faultcode": "Client", "faultstring": "gone"}"#, "gone"),
            (
                r#"{"flash": {"alert": "Member cannot be invited"}}"#,
                "in doubt: Member cannot be invited",
            ),
            (r#"{"summary": "Invite failed"}"#, "in doubt: Invite failed"),
            (r#"{"responseCode": "05"}"#, neither),
            (r#"{"responseCode": "00"}"#, NOTHING),
            (
                r#"{"responseCode": "99", "responseMessage": "x"}"#,
                "in doubt: the response reports a failure",
            ),
            (
                r#"{"alert": "Member could not be invited."}"#,
                "in doubt: Member could not be invited.",
            ),
            (
                r#"{"type": "https://x.example/credit", "title": "You do not have enough credit."}"#,
                "You do not have enough credit.",
            ),
            (r#"{"done": false, "name": "operations/1"}"#, NOTHING),
            (r#"{"done": false, "message": "it failed"}"#, "in doubt: it failed"),
            (r#"{"message": "Previously failed invite was resent"}"#, NOTHING),
        ]);
    }

    #[test]
    fn a_report_is_found_in_wrappers_lists_and_strings() {
        check(&[
            (
                r#"{"summary": {"sent": 1, "failed": 1}, "requestId": "r1"}"#,
                "in doubt: the response contradicts itself",
            ),
            (r#"{"data": {"status": "error", "message": "gone"}}"#, "gone"),
            (r#"{"meta": {"success": false, "message": "gone"}}"#, "gone"),
            (r#"{"responseStatus": {"errorCode": "NotFound", "message": "gone"}}"#, "gone"),
            (r#"{"status": {"error_code": 1002, "error_message": "gone"}}"#, "gone"),
            (r#"{"statusCode": 200, "body": "{\"error\": \"gone\"}"}"#, "gone"),
            (r#"[{"error": "a"}, {"ok": false, "reason": "b"}]"#, "a; b"),
            (r#"[{"error": "a"}, {"detail": "b"}]"#, "in doubt: a; b"),
            (r#""{\"error\": \"gone\"}""#, "gone"),
            (r#""[{\"ok\": false, \"message\": \"gone\"}]""#, "gone"),
            (r#"{"data": {"invite": {"success": false, "message": "gone"}}}"#, "in doubt: gone"),
            (
                r#"{"data": {"invite": {"errors": [{"message": "gone"}], "user": null}}}"#,
                "in doubt: gone",
            ),
            (r#"{"data": {"message": "not found"}}"#, "in doubt: not found"),
            (r#"{"data": {"invite": {"status": "failed", "id": "i1"}}}"#, NOTHING),
            (r#"{"data": "the error is {gone}"}"#, NOTHING),
            (r#"[{"error": "x"}, {"ok": true}]"#, "in doubt: x"),
            (r#"{"data": [{"error": "x"}]}"#, "in doubt: x"),
            (r#"{"results": [{"id": "i1"}, {"ok": false, "error": "x"}]}"#, "in doubt: x"),
            (r#"{"results": [{"id": "i1", "status": "failed"}]}"#, NOTHING),
            (r#"{"invite": {"error": "x"}}"#, "in doubt: x"),
            (r#"{"apiResponse": {"success": false}}"#, "in doubt: the response reports a failure"),
            (r#"{"alert": {"id": "a1", "status": "failed"}}"#, NOTHING),
            (r#"[["error"]]"#, NOTHING),
            ("[]", NOTHING),
        ]);
    }

    #[test]
    fn a_report_is_found_in_what_is_nearly_json() {
        check(&[
            ("{'error': 'gone', 'code': None}", "gone"),
            (r#"{"error": "gone",}"#, "gone"),
            (r#"{"error": "gone""#, "in doubt: gone"),
            (r#"{"error": "gone", "inviteI"#, "in doubt: gone"),
            (r#"{"error": "gon"#, "in doubt: gon"),
            (r#"{"ok": false, "reason": "gone", "data": {"#, "in doubt: gone"),
            ("{error: 'gone'}", "gone"),
            (r#"callback({"error": "gone"});"#, "gone"),
            (")]}',\n{\"error\": \"gone\"}", "gone"),
            ("while(1);[{'ok': False, 'message': 'gone'}]", "gone"),
            ("\u{feff}{\"error\": \"gone\"}\0\0", "gone"),
            (r#"{"error": "gone"}{"error": "again"}"#, "gone"),
            (r#""error""#, NOTHING),
            ("error: gone", NOTHING),
            ("{name} was removed", NOTHING),
            ("{", NOTHING),
            ("0", NOTHING),
        ]);
    }

    #[test]
    fn a_report_is_found_beside_what_is_nested_too_deeply_to_be_decoded() {
        let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
        for (fields, words) in [
            (r#""error": "gone""#, Some("in doubt: gone")),
            (r#""ok": false, "message": "gone""#, Some("in doubt: gone")),
            (r#""ok": true"#, None),
        ] {
            let body = format!(r#"{{{fields}, "x": {deep}}}"#);
            assert_eq!(denied(of(body.as_bytes())).as_deref(), words, "{fields}");
        }
    }

    #[test]
    fn a_decoded_body_is_a_denial_only_if_it_holds_nothing_else() {
        for (body, words) in [
            (r#"{"addedUserIds": [], "removedUserIds": [], "error": "gone"}"#, Some("gone")),
            (r#"{"items": [], "error": "gone"}"#, Some("gone")),
            (
                r#"{"items": [], "page": 1, "per_page": 100, "has_more": false, "error": "db down"}"#,
                Some("db down"),
            ),
            (r#"{"items": [], "hasMore": true, "totalPages": 1, "error": "gone"}"#, Some("gone")),
            (r#"{"items": [{}], "page": 1, "error": "gone"}"#, None),
            (r#"{"items": [], "page": 1, "error": null}"#, None),
            (r#"{"events": null, "total": 0, "x": "", "errors": ["gone"]}"#, Some("gone")),
            (r#"{"data": null, "errors": [{"message": "gone"}]}"#, Some("gone")),
            (r#"{"code": 404, "message": "gone"}"#, Some("gone")),
            (r#"{"status": "error", "message": "gone"}"#, Some("gone")),
            (r#"{"detail": "gone"}"#, Some("gone")),
            (r#"{"detail": "gone", "items": null, "error": ""}"#, Some("gone")),
            (r#"{"error": "Не найдено", "items": []}"#, Some("Не найдено")),
            (r#"{"events": [], "detail": "No events found"}"#, None),
            (r#"{"total": 0, "detail": "No events found"}"#, None),
            (r#"{"addedUserIds": ["u1"], "error": "u2 is gone"}"#, None),
            (r#"{"items": [{}], "error": "gone"}"#, None),
            (r#"{"total": 7, "error": "gone"}"#, None),
            (r#"{"id": "a1", "failed": true, "code": 404}"#, None),
            (r#"{"x": {"y": 1}, "error": "gone"}"#, None),
            (r#"{"x": 1.5, "error": "gone"}"#, None),
            (r#"{"x": -1, "error": "gone"}"#, None),
            (r#"{"x": true, "error": "gone"}"#, None),
            ("[]", None),
            ("{}", None),
        ] {
            assert_eq!(denied(of_decoded(body.as_bytes())).as_deref(), words, "{body}");
        }
    }

    #[test]
    fn an_item_that_was_cut_off_is_no_denial_for_its_field_called_error() {
        let cut = br#"{"id": "a1", "error": "the last check"#;
        assert_eq!(of_undecodable(cut), None);
        assert_eq!(denied(of_undecodable(b"{'error': 'gone',}")).as_deref(), Some("gone"));
        assert_eq!(
            denied(of_undecodable(br#"{"id": 1, "error": "gone"}"#)).as_deref(),
            Some("in doubt: gone")
        );
    }

    #[test]
    fn what_only_seems_to_be_a_report_is_data_if_it_could_be_decoded() {
        for body in [
            r#"{"message": "Forbidden"}"#,
            r#"{"code": 5, "message": "not found"}"#,
            r#"{"valid": false}"#,
            r#"{"data": {"invite": {"error": "gone"}}}"#,
        ] {
            assert_eq!(of_decoded(body.as_bytes()), None, "{body}");
            assert!(of_undecodable(body.as_bytes()).is_some(), "{body}");
        }
    }
}
