//! The operations that this version has methods for: their names, their paths, and the known form of their responses.
//!
//! Tests compare the forms with the models of the services.

use std::borrow::Cow;

use http::Method;
use serde_json::Value;

use super::call::Call;
use crate::error::CallName;
use crate::json::{self, FromScalar};
use crate::time::Timestamp;

/// An operation of one of the services.
pub(crate) struct Operation {
    /// The name of the operation, which never changes.
    pub(crate) name: &'static str,
    method: Method,
    /// The segments of the path below the base address, with [`ID`] for an id.
    path: &'static [&'static str],
    /// The `type` of the body, if several operations have the path.
    kind: Option<&'static str>,
    /// The known form of the response.
    pub(crate) response: Form,
}

/// Stands for an id in a path.
pub(super) const ID: &str = "{id}";
/// The name of an operation that has no name.
const OTHER: &str = "other";

impl Operation {
    /// Returns the operation of a call, if this version has a method for it.
    pub(crate) fn of(call: &Call) -> Option<&'static Operation> {
        let path: Vec<&str> = call.path().iter().map(String::as_str).collect();
        Operation::find(call.method().as_str(), &path, call.kind().as_deref())
    }

    /// Returns the name of the operation of a call: the one that the call states, else that of the operation, else the `type`
    /// of the body.
    pub(crate) fn name_of(call: &Call) -> Cow<'static, str> {
        let stated = call.stated_operation();
        match (stated, Operation::of(call)) {
            (Some(name), _) => name.to_owned().into(),
            (None, Some(operation)) => operation.name.into(),
            (None, None) => call.shown_kind().map_or(OTHER.into(), Cow::Owned),
        }
    }

    /// Returns the path with `id` in place of each id, below the path `base`.
    pub(crate) fn path_with(&self, base: &str, id: &str) -> String {
        let segments = self.path.iter().map(|segment| if *segment == ID { id } else { segment });
        segments.fold(base.trim_end_matches('/').to_owned(), |path, segment| path + "/" + segment)
    }

    fn find(method: &str, path: &[&str], kind: Option<&str>) -> Option<&'static Operation> {
        OPERATIONS.iter().find(|known| {
            let mut segments = path.iter().zip(known.path);
            known.method == method
                && known.path.len() == path.len()
                && segments.all(|(segment, known)| segment == known || *known == ID)
                && known.kind.is_none_or(|known| kind == Some(known))
        })
    }
}

impl From<&Call> for CallName {
    fn from(call: &Call) -> CallName {
        CallName { name: call.name(), operation: Operation::name_of(call) }
    }
}

const fn of_heylerts(
    name: &'static str,
    method: Method,
    path: &'static [&'static str],
    response: Form,
) -> Operation {
    Operation { name, method, path, kind: None, response }
}

const fn of_heylo(
    name: &'static str,
    path: &'static [&'static str],
    kind: &'static str,
    response: Form,
) -> Operation {
    Operation { name, method: Method::POST, path, kind: Some(kind), response }
}

/// The known form of a value.
pub(crate) enum Form {
    /// Everything is known, or nothing is documented.
    Any,
    /// One of these strings.
    Values(&'static [&'static str]),
    /// `null`, or what this function can read.
    Readable(fn(&Value) -> bool),
    /// An object with these names.
    Keys(&'static [&'static str]),
    List(&'static Form),
    Object(&'static [(&'static str, Form)]),
}

use Form::{Any, Keys, List, Object, Readable, Values};

fn reads<T: FromScalar>(json: &Value) -> bool {
    json::scalar::<_, T>(json).is_ok()
}

const TEXT: Form = Readable(reads::<String>);
const NUMBER: Form = Readable(reads::<f64>);
const FLAG: Form = Readable(reads::<bool>);
const MOMENT: Form = Readable(reads::<Timestamp>);

const FETCH: &[&str] = &["apiv1-fetch"];

// Heylo documents no field of an event, an attendance record or a role, and no response to a removal and an invite.
static OPERATIONS: [Operation; 15] = [
    of_heylo("list_events", FETCH, "communityEvents", Object(&[("events", Any)])),
    of_heylo("list_attendance", FETCH, "eventAttendance", Object(&[("attendance", Any)])),
    of_heylo("list_roles", FETCH, "communityRoles", Object(&[("roles", Any)])),
    of_heylo("list_role_members", FETCH, "roleMembers", Object(&[("memberUserIds", Any)])),
    of_heylo(
        "update_role_members",
        &["apiv1-update"],
        "roleMembers",
        Object(&[("addedUserIds", Any), ("removedUserIds", Any)]),
    ),
    of_heylo("remove_member", &["apiv1-remove"], "member", Any),
    of_heylo("invite_member", &["apiv1-create"], "invite", Any),
    of_heylerts("hello", Method::GET, &["hello"], HELLO),
    of_heylerts("list_alerts", Method::GET, &["alerts"], Object(ALERTS)),
    of_heylerts("get_alert", Method::GET, &["alerts", ID], ALERT),
    of_heylerts("create_alert", Method::POST, &["alerts"], ALERT),
    of_heylerts("update_alert", Method::PATCH, &["alerts", ID], ALERT),
    of_heylerts("delete_alert", Method::DELETE, &["alerts", ID], Any),
    of_heylerts("list_mentions", Method::GET, &["mentions"], Object(MENTIONS)),
    of_heylerts("get_stats", Method::GET, &["stats"], STATS),
];

const PLANS: &[&str] = &["free", "starter", "pro", "business"];
const FREQUENCIES: &[&str] = &["daily"];
const SOURCES: &[&str] = &["brave", "reddit", "hackernews"];
const SENTIMENTS: &[&str] = &["positive", "neutral", "negative"];
const CATEGORIES: &[&str] = &["web", "social", "forum"];

const HELLO: Form = Object(&[
    ("ok", Any),
    ("user", Object(&[("email", TEXT), ("plan", Values(PLANS))])),
    ("rate_limit", Any),
    ("docs_url", TEXT),
]);

const ALERT: Form = Object(&[
    ("id", Any),
    ("name", Any),
    ("keyword", Any),
    ("include_keywords", Any),
    ("exclude_keywords", Any),
    ("ignore_domains", Any),
    ("sources", List(&Values(SOURCES))),
    ("frequency", Values(FREQUENCIES)),
    ("is_active", Any),
    ("mention_count", Any),
    ("last_checked_at", MOMENT),
    ("created_at", MOMENT),
    ("x_enabled", Any),
    ("webhook_url", TEXT),
    ("webhook_configured", Any),
]);

const MENTION: Form = Object(&[
    ("id", Any),
    ("alert_id", TEXT),
    ("source", Values(SOURCES)),
    ("url", Any),
    ("title", TEXT),
    ("snippet", TEXT),
    ("author", TEXT),
    ("sentiment", Values(SENTIMENTS)),
    ("relevance_score", NUMBER),
    ("found_at", MOMENT),
    ("published_at", MOMENT),
    ("ignored", FLAG),
]);

const STATS: Form = Object(&[
    ("total", Any),
    ("by_source", Keys(SOURCES)),
    ("by_sentiment", Keys(SENTIMENTS)),
    ("by_category", Keys(CATEGORIES)),
]);

const ALERTS: &[(&str, Form)] = &page(&ALERT);
const MENTIONS: &[(&str, Form)] = &page(&MENTION);

const fn page(item: &'static Form) -> [(&'static str, Form); 6] {
    [
        ("items", List(item)),
        ("page", Any),
        ("per_page", Any),
        ("total_items", Any),
        ("total_pages", Any),
        ("has_more", Any),
    ]
}
