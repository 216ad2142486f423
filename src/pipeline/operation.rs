//! The responses that this version knows: their fields, and the values of open enums.
//!
//! Tests compare them with the models of the services.

use super::call::Call;

/// The known form of the response to a call.
pub(crate) struct Shape {
    /// The call, with `{id}` for an id.
    pub(crate) call: &'static str,
    pub(crate) body: Kind,
}

/// The known form of a value.
pub(crate) enum Kind {
    /// Everything is known, or nothing is documented.
    Any,
    /// One of these strings.
    Values(&'static [&'static str]),
    /// An object with these names.
    Keys(&'static [&'static str]),
    List(&'static Kind),
    Object(&'static [(&'static str, Kind)]),
}

impl Shape {
    /// Returns the shape of the response to a call, if it is a call that this version knows.
    pub(crate) fn of(call: &Call) -> Option<&'static Shape> {
        SHAPES.iter().find(|shape| call.matches(shape.call))
    }
}

use Kind::{Any, Keys, List, Object, Values};

pub(crate) const SHAPES: &[Shape] = &[
    Shape { call: "GET /hello", body: HELLO },
    Shape { call: "GET /alerts", body: Object(ALERTS) },
    Shape { call: "GET /alerts/{id}", body: ALERT },
    Shape { call: "POST /alerts", body: ALERT },
    Shape { call: "PATCH /alerts/{id}", body: ALERT },
    Shape { call: "GET /mentions", body: Object(MENTIONS) },
    Shape { call: "GET /stats", body: STATS },
    // Heylo documents no field of an event, an attendance record or a role.
    Shape { call: "POST /apiv1-fetch communityEvents", body: Object(&[("events", Any)]) },
    Shape { call: "POST /apiv1-fetch eventAttendance", body: Object(&[("attendance", Any)]) },
    Shape { call: "POST /apiv1-fetch communityRoles", body: Object(&[("roles", Any)]) },
    Shape { call: "POST /apiv1-fetch roleMembers", body: Object(&[("memberUserIds", Any)]) },
    Shape {
        call: "POST /apiv1-update roleMembers",
        body: Object(&[("addedUserIds", Any), ("removedUserIds", Any)]),
    },
];

const PLANS: &[&str] = &["free", "starter", "pro", "business"];
const FREQUENCIES: &[&str] = &["daily"];
const SOURCES: &[&str] = &["brave", "reddit", "hackernews"];
const SENTIMENTS: &[&str] = &["positive", "neutral", "negative"];
const CATEGORIES: &[&str] = &["web", "social", "forum"];

const HELLO: Kind = Object(&[
    ("ok", Any),
    ("user", Object(&[("email", Any), ("plan", Values(PLANS))])),
    ("rate_limit", Any),
    ("docs_url", Any),
]);

const ALERT: Kind = Object(&[
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
    ("last_checked_at", Any),
    ("created_at", Any),
    ("x_enabled", Any),
    ("webhook_url", Any),
    ("webhook_configured", Any),
]);

const MENTION: Kind = Object(&[
    ("id", Any),
    ("alert_id", Any),
    ("source", Values(SOURCES)),
    ("url", Any),
    ("title", Any),
    ("snippet", Any),
    ("author", Any),
    ("sentiment", Values(SENTIMENTS)),
    ("relevance_score", Any),
    ("found_at", Any),
    ("published_at", Any),
    ("ignored", Any),
]);

const STATS: Kind = Object(&[
    ("total", Any),
    ("by_source", Keys(SOURCES)),
    ("by_sentiment", Keys(SENTIMENTS)),
    ("by_category", Keys(CATEGORIES)),
]);

const ALERTS: &[(&str, Kind)] = &[
    ("items", List(&ALERT)),
    ("page", Any),
    ("per_page", Any),
    ("total_items", Any),
    ("total_pages", Any),
    ("has_more", Any),
];

const MENTIONS: &[(&str, Kind)] = &[
    ("items", List(&MENTION)),
    ("page", Any),
    ("per_page", Any),
    ("total_items", Any),
    ("total_pages", Any),
    ("has_more", Any),
];
