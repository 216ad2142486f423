//! The names and values by which reports of failure are known.

use std::sync::LazyLock;

use serde_json::Value;

use super::super::tone::{self, Tone};

/// All names and values of reports are shorter.
const LONGEST: usize = 32;

/// Fields that are false of a failure.
pub(super) const GOOD: &str = "ok success succeed succeeded successful";

/// Ends of the names of fields that begin with `error`, `err` or `fault` and hold something of a failure.
const ENDS: &str = "\
    s no code msg message messages string text body cause description detail details info key list name reason response \
    subcode summary title type";

/// Other fields that hold something of a failure.
pub(super) const BAD: &str = "\
    exception exceptions exceptionmessage modelstate fail failed failure failures unsuccessful fielderrors nonfielderrors \
    usererrors validationerrors odataerror innererror stacktrace traceback";

/// Fields that state how a call ended.
pub(super) const OUTCOME: &str = "\
    stat status statuscode httpstatus httpstatuscode httpcode result resultcode outcome ack state returncode retcode ret \
    responsecode response";

/// Fields that name a kind of failure, if they do.
pub(super) const KIND: &str = "type name code kind severity level typename";

/// Fields that hold the words of a report.
pub(super) const WORDS: &str = "message msg detail details reason title description";

/// Lists of notes, which are about no field of the request, and may be about what was mended later.
pub(super) const NOTES: &str = "messages notes info warnings log logs history";

/// Fields that reports of failure consist of besides.
const BESIDES: &str = "instance requestid traceid timestamp path messages";

/// Fields that reports hold besides, for a body that holds no value.
pub(super) const ALSO: &str = "\
    correlationid transactionid links jsonapi jsonrpc field param needed provided file line took elapsed duration time date \
    server host method xrequestid clientrequestid responsemetadata warning";

/// Words in the names of fields about the request or the report itself.
pub(super) const ASIDE: &str = "\
    limit max remaining left retry retryable after reset seats quota seconds doc docs documentation help support version \
    type class";

/// Fields of a problem within an error: which part of the request it is about.
pub(super) const PLACES: &str = "\
    id field fields param parameter property propertypath loc location locations pointer source path instancepath \
    schemapath value input ctx expected received constraints rejectedvalue objectname codes arguments target resource \
    domain extensions index line column row email phone issue";

/// Fields that repeat the request, or name places in the program.
pub(super) const ECHOES: &str = "input rejectedvalue ctx headers trace";

/// Ids of what a request is about, or of the request; any other may be of something new.
pub(super) const KNOWN_IDS: &str = "\
    userid communityid groupid alertid eventid roleid accountid errorid logid spanid hostid fbtraceid";

/// Fields that hold what somebody wrote about something.
pub(super) const WRITTEN: &str = "name keyword label caption slogan subject content text";

/// Fields that are false of what took effect.
pub(super) const UNDONE: &str = "rolledback rollback reverted undone";

/// Fields of a page of a list that are no data.
pub(super) const PAGING: &str = "page perpage pages totalpages hasmore";

/// Fields that hold the response of a service behind the service, or how the call ended.
pub(super) const WRAPPERS: &str =
    "data result response payload body d meta status responsestatus results summary statuses";

/// Fields that are true of what may be done.
pub(super) const ALLOWED: &str = "valid allowed authorized authenticated";

/// Fields that are true of what was not done.
pub(super) const REFUSED: &str = "rejected denied refused declined skipped ignored";

/// Values for a failure of the call.
pub(super) const FAILURES: &str =
    "error errors err fail failed failure failures unsuccessful exception fault fatal notok";

/// Values for a failure of the call, or for the state of something. Error statuses in words are as well.
const STATES: &str = "\
    denied accessdenied permissiondenied rejected unauthenticated invalid invalidargument failedprecondition alreadyexists \
    resourceexhausted deadlineexceeded outofrange unimplemented unavailable aborted";

/// The same of an outcome; elsewhere they are names of people and countries.
pub(super) const SHORT_FAILURES: &str = "ko nok ng no false";

/// Values of an outcome that is a success, or goes on.
pub(super) const GOOD_OUTCOMES: &str = "\
    true ok success succeeded successful done pending processing waiting active open new inprogress complete running \
    enqueued";

/// Strings that report nothing; the empty one is what is left of `"-"`.
const NOTHING: &str = "false no none null nil na undefined ok success noerror noerrors";

/// Whether reports of failure have a field of this name.
pub(super) fn is_reported(name: &str) -> bool {
    // By their lengths, since each success is searched for these names.
    static REPORTED: LazyLock<[Vec<&[u8]>; LONGEST + 1]> = LazyLock::new(|| {
        let mut by_length = [const { Vec::new() }; LONGEST + 1];
        let lists = [GOOD, BAD, OUTCOME, KIND, WORDS, BESIDES];
        for name in lists.into_iter().flat_map(str::split_whitespace) {
            by_length[name.len()].push(name.as_bytes());
        }
        by_length
    });
    let is_known = |plain: &[u8]| {
        let same_length = &REPORTED[plain.len()];
        same_length.iter().any(|known| known.first() == plain.first() && *known == plain)
    };
    is_one(name, |plain| is_known(plain) || is_error_name(plain))
}

/// Whether a field of this name holds something of a failure.
pub(super) fn is_bad(name: &str) -> bool {
    is_one(name, |plain| {
        is_error_name(plain) || BAD.split_ascii_whitespace().any(|it| it.as_bytes() == plain)
    })
}

/// `error`, `errmsg`, `errorCode`, `faultstring`
fn is_error_name(plain: &[u8]) -> bool {
    let starts = ["error", "err", "fault"].into_iter();
    let end = starts.filter_map(|start| plain.strip_prefix(start.as_bytes())).next();
    end.is_some_and(|end| end.is_empty() || ENDS.split(' ').any(|known| known.as_bytes() == end))
}

/// Whether a name is one of these, in any case and with separators or without, also after `is` and the like.
pub(super) fn is_any(name: &str, names: &str) -> bool {
    is_one(name, |plain| names.split_ascii_whitespace().any(|known| known.as_bytes() == plain))
}

fn is_one(name: &str, is_known: impl Fn(&[u8]) -> bool) -> bool {
    // On the stack, since each success is searched for these names.
    let mut buffer = [0; LONGEST];
    plain(name, &mut buffer).is_some_and(|plain| {
        let asks = |verb: &&str| plain.strip_prefix(verb.as_bytes()).is_some_and(&is_known);
        is_known(plain) || ["is", "was", "has", "did"].iter().any(asks)
    })
}

/// The letters and digits of a name, in lower case; `None` if it is none of ours.
fn plain<'a>(name: &'a str, buffer: &'a mut [u8; LONGEST]) -> Option<&'a [u8]> {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    if name.len() <= LONGEST && name.bytes().all(is_plain) {
        return Some(name.as_bytes());
    }
    let mut length = 0;
    for byte in name.bytes().filter(|byte| !byte.is_ascii() || byte.is_ascii_alphanumeric()) {
        *buffer.get_mut(length).filter(|_| byte.is_ascii())? = byte.to_ascii_lowercase();
        length += 1;
    }
    Some(&buffer[..length])
}

/// `"error"`, `"error: gone"`, `"ValidationError"`.
pub(super) fn is_failure(word: &str) -> bool {
    let first = word.split(':').next().unwrap_or_default().trim_end_matches(['.', '!']);
    let ends = ["Error", "Exception", "_ERROR", "_error"];
    is_any(first, FAILURES) || ends.iter().any(|end| word.ends_with(end))
}

/// `"rejected"`, `"NOT_FOUND"`. `"locked"` may be the aim of a call.
pub(super) fn is_state_of_failure(word: &str) -> bool {
    is_any(word, STATES) || tone::is_reason_phrase(word) && !is_any(word, "locked gone")
}

/// 404, `"404"`, `"404 Not Found"`.
pub(super) fn is_error_status(value: &Value) -> bool {
    code(value).is_some_and(|code| (400..600).contains(&code))
}

/// A status after which a request may have been carried out: a failure of the server, or a timeout.
pub(super) fn is_server_error(value: &Value) -> bool {
    code(value).is_some_and(|code| matches!(code, 408 | 500 | 502..=504 | 506..=599))
}

/// 0, `"00000"`, `"ok"`, or a status from 200 to 299.
pub(super) fn is_code_of_success(value: &Value) -> bool {
    code(value).is_some_and(|code| code == 0 || (200..300).contains(&code))
        || value.as_str().is_some_and(|word| is_any(word, "ok success"))
}

/// The number that a value is, or begins with.
pub(super) fn code(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_f64().map(|code| code as i64),
        Value::String(text) => text.split_whitespace().next()?.parse().ok(),
        _ => None,
    }
}

/// Whether words in a field of failure report none: `"no error occurred"`, `"0 of 3"`.
pub(super) fn reports_nothing(text: &str) -> bool {
    is_blank(text) || tone::tone(text) == Tone::Idle
}

/// Whether a field holds a code, by its name.
pub(super) fn is_code(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["code", "status", "no"].iter().any(|end| name.ends_with(end))
}

pub(super) fn is_true(value: &Value) -> bool {
    let is_yes = |text| is_any(text, "true yes 1 ok success");
    value.as_bool().unwrap_or_else(|| value.as_str().is_some_and(is_yes))
}

pub(super) fn is_false(value: &Value) -> bool {
    let is_no = |text| is_any(text, "false no 0");
    *value == false || value.as_f64() == Some(0.0) || value.as_str().is_some_and(is_no)
}

pub(super) fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(list) => list.iter().all(is_empty),
        Value::Object(object) => object.values().all(is_empty),
        Value::String(text) => is_blank(text),
        _ => is_false(value),
    }
}

fn is_blank(text: &str) -> bool {
    is_one(text, |plain| plain.iter().all(|digit| *digit == b'0')) || is_any(text, NOTHING)
}
