//! The table of all operations of both services, and clients to call them.

#![allow(dead_code, reason = "each test file uses a part of it")]

use heysync::heylerts::{AlertPatch, NewAlert};
use heysync::heylo::{NewMember, RoleUpdate};
use heysync::{Config, ErrorKind, Result, Safety, heylerts, heylo};

pub(crate) const HEYLO_KEY: &str = "the-secret-heylo-key-0123456789";
pub(crate) const HEYLERTS_KEY: &str = "hlt_the-secret-heylerts-key-0123456789";

/// A client of each service.
#[derive(Clone, Debug)]
pub(crate) struct Clients {
    pub(crate) heylo: heylo::Client,
    pub(crate) heylerts: heylerts::Client,
}

impl Clients {
    pub(crate) fn with(config: Config) -> Clients {
        Clients {
            heylo: heylo::Client::with_config(HEYLO_KEY, config.clone()).unwrap(),
            heylerts: heylerts::Client::with_config(HEYLERTS_KEY, config).unwrap(),
        }
    }
}

/// An operation of a service.
#[derive(Clone, Copy)]
pub(crate) struct Operation {
    /// The vendor's name, as in the table of the README.
    pub(crate) vendor: &'static str,
    /// The method, as in the table of the README.
    pub(crate) method: &'static str,
    /// The name of the method without its type.
    pub(crate) name: &'static str,
    /// The call, as errors name it.
    pub(crate) call: &'static str,
    pub(crate) safety: Safety,
    /// The ids that [`make`](Operation::make) passes.
    pub(crate) ids: &'static [&'static str],
    /// The body of a good response.
    pub(crate) good: &'static str,
    /// Whether a success may have any body.
    pub(crate) takes_any_body: bool,
    /// Calls the operation.
    pub(crate) make: fn(&Clients) -> Result<()>,
    /// Calls the operation with as many other ids.
    pub(crate) make_with: fn(&Clients, &[&str]) -> Result<()>,
}

impl Operation {
    /// Asserts the outcome of a call whose first response was lost: it was sent again, unless that could do harm.
    pub(crate) fn assert_retried_if_safe(&self, outcome: Result<()>, sent: usize, context: &str) {
        if self.safety == Safety::Unsafe {
            let error = outcome.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::OutcomeUnknown, "{context}");
            assert_eq!((error.attempts(), sent), (1, 1), "{context}");
        } else {
            assert!(outcome.is_ok(), "{context}");
            assert_eq!(sent, 2, "{context}");
        }
    }
}

const LIST: &str = r#"{"items": [], "page": 1, "per_page": 100, "total_items": 0, "total_pages": 0, "has_more": false}"#;

macro_rules! operation {
    (
        $vendor:literal, $method:literal, $call:literal, $safety:ident, $ids:expr, $good:expr,
        $takes_any_body:literal, |$clients:ident, $given:ident| $body:expr
    ) => {{
        const IDS: &[&str] = &$ids;
        fn make_with($clients: &Clients, $given: &[&str]) -> Result<()> {
            $body
        }
        Operation {
            vendor: $vendor,
            method: $method,
            name: name($method),
            call: $call,
            safety: Safety::$safety,
            ids: IDS,
            good: $good,
            takes_any_body: $takes_any_body,
            make: |clients| make_with(clients, IDS),
            make_with,
        }
    }};
}

const ALL: &[Operation] = &[
    operation!(
        "Heylo `communityEvents`, fetch",
        "Community::events",
        "POST /apiv1-fetch communityEvents",
        Read,
        ["c-1"],
        r#"{"events": []}"#,
        false,
        |clients, ids| clients.heylo.community(ids[0]).events().next().transpose().map(drop)
    ),
    operation!(
        "Heylo `eventAttendance`, fetch",
        "Community::attendance",
        "POST /apiv1-fetch eventAttendance",
        Read,
        ["c-1", "e-1"],
        r#"{"attendance": []}"#,
        false,
        |clients, ids| clients.heylo.community(ids[0]).attendance(ids[1]).map(drop)
    ),
    operation!(
        "Heylo `communityRoles`, fetch",
        "Community::roles",
        "POST /apiv1-fetch communityRoles",
        Read,
        ["c-1"],
        r#"{"roles": []}"#,
        false,
        |clients, ids| clients.heylo.community(ids[0]).roles().map(drop)
    ),
    operation!(
        "Heylo `roleMembers`, fetch",
        "RoleMembers::members",
        "POST /apiv1-fetch roleMembers",
        Read,
        ["c-1", "r-1"],
        r#"{"memberUserIds": []}"#,
        false,
        |clients, ids| clients.heylo.community(ids[0]).role(ids[1]).members().map(drop)
    ),
    operation!(
        "Heylo `roleMembers`, update",
        "RoleMembers::update",
        "POST /apiv1-update roleMembers",
        Idempotent,
        ["c-1", "r-1", "u-1"],
        r#"{"addedUserIds": ["u-1"], "removedUserIds": []}"#,
        false,
        |clients, ids| {
            let update = RoleUpdate::new().add([ids[2]]);
            clients.heylo.community(ids[0]).role(ids[1]).update(&update)?;
            Ok(())
        }
    ),
    operation!(
        "Heylo `member`, remove",
        "Community::remove_member",
        "POST /apiv1-remove member",
        Idempotent,
        ["c-1", "u-1"],
        "",
        true,
        |clients, ids| clients.heylo.community(ids[0]).remove_member(ids[1]).map(drop)
    ),
    operation!(
        "Heylo `invite`, create",
        "Community::invite",
        "POST /apiv1-create invite",
        Unsafe,
        ["c-1", "u-1"],
        "",
        true,
        |clients, ids| {
            let member = NewMember::new(ids[1]);
            clients.heylo.community(ids[0]).invite(&member).map(drop)
        }
    ),
    operation!(
        "Heylerts `GET /hello`",
        "Client::hello",
        "GET /hello",
        Read,
        [],
        r#"{"ok": true, "user": {"email": "ada@example.com", "plan": "pro"}}"#,
        false,
        |clients, _ids| clients.heylerts.hello().map(drop)
    ),
    operation!(
        "Heylerts `GET /alerts`",
        "Client::alerts",
        "GET /alerts",
        Read,
        [],
        LIST,
        false,
        |clients, _ids| clients.heylerts.alerts().next().transpose().map(drop)
    ),
    operation!(
        "Heylerts `GET /alerts/{id}`",
        "Client::get_alert",
        "GET /alerts/a-1",
        Read,
        ["a-1"],
        r#"{"id": "a-1"}"#,
        false,
        |clients, ids| clients.heylerts.get_alert(ids[0]).map(drop)
    ),
    operation!(
        "Heylerts `POST /alerts`",
        "Client::create_alert",
        "POST /alerts",
        Unsafe,
        [],
        r#"{"id": "a-1"}"#,
        false,
        |clients, _ids| clients.heylerts.create_alert(&NewAlert::new("n", "k")).map(drop)
    ),
    operation!(
        "Heylerts `PATCH /alerts/{id}`",
        "Client::update_alert",
        "PATCH /alerts/a-1",
        Idempotent,
        ["a-1"],
        r#"{"id": "a-1"}"#,
        false,
        |clients, ids| {
            let patch = AlertPatch::new().active(false);
            clients.heylerts.update_alert(ids[0], &patch).map(drop)
        }
    ),
    operation!(
        "Heylerts `DELETE /alerts/{id}`",
        "Client::delete_alert",
        "DELETE /alerts/a-1",
        Idempotent,
        ["a-1"],
        "",
        true,
        |clients, ids| clients.heylerts.delete_alert(ids[0])
    ),
    operation!(
        "Heylerts `GET /mentions`",
        "Client::mentions",
        "GET /mentions",
        Read,
        [],
        LIST,
        false,
        |clients, _ids| clients.heylerts.mentions().next().transpose().map(drop)
    ),
    operation!(
        "Heylerts `GET /stats`",
        "Client::stats",
        "GET /stats",
        Read,
        [],
        r#"{"total": 3}"#,
        false,
        |clients, _ids| clients.heylerts.stats().map(drop)
    ),
];

/// Every operation of both services.
pub(crate) const OPERATIONS: [Operation; ALL.len()] = *ALL.first_chunk().unwrap();

/// One or two operations of each safety, for tests that take long with every operation.
pub(crate) const SAMPLES: [Operation; 7] = [
    operation("Client::stats"),
    operation("Community::roles"),
    operation("Client::update_alert"),
    operation("Client::delete_alert"),
    operation("Community::remove_member"),
    operation("Client::create_alert"),
    operation("Community::invite"),
];

/// Returns the operation with this method.
pub(crate) const fn operation(method: &str) -> Operation {
    let mut index = 0;
    while !is_equal(OPERATIONS[index].method, method) {
        index += 1;
    }
    OPERATIONS[index]
}

const fn is_equal(left: &str, right: &str) -> bool {
    let (left, right) = (left.as_bytes(), right.as_bytes());
    let mut index = 0;
    while index < left.len() && index < right.len() && left[index] == right[index] {
        index += 1;
    }
    index == left.len() && index == right.len()
}

/// A body that each of the [`SAMPLES`] accepts.
pub(crate) const GOOD: &str = r#"{"total": 3, "roles": [], "id": "a-1"}"#;

const fn name(method: &'static str) -> &'static str {
    let Some((_, name)) = method.split_at_checked(separator(method)) else {
        return method;
    };
    name
}

/// The index behind `::`.
const fn separator(method: &str) -> usize {
    let bytes = method.as_bytes();
    let mut at = 0;
    while bytes[at] != b':' {
        at += 1;
    }
    at + 2
}
