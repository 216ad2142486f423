//! Responses of 200 that report a failure, or may do so: whom a batch counts as invited, and what is sent again.

#![cfg(feature = "sandbox")]
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

use heysync::heylerts::{AlertPatch, NewAlert};
use heysync::heylo::{Community, Journal, NewMember};
use heysync::{Applied, Error, ErrorKind};

#[path = "support/sockets.rs"]
#[allow(dead_code, reason = "each test file uses a part of it")]
mod sockets;

use sockets::{Clients, Server, Step};

/// Bodies that report a failure for certain.
const DENIALS: [&str; 10] = [
    r#"{"ok": false, "error": "e-mail is not valid"}"#,
    r#"{"code": 17, "message": "invalid e-mail"}"#,
    r#"{"detail": "Member can't be invited"}"#,
    r#"{"status": 404, "error": "Not Found", "message": "no such member"}"#,
    r#"{"invited": false, "reason": "e-mail is not valid"}"#,
    r#"{"invited": 0, "reason": "e-mail is not valid"}"#,
    r#"{"status": "false", "message": "no such member"}"#,
    r#"{"error": {"code": "missing", "message": "no such member", "param": "userId"}}"#,
    r#"{"success": false, "data": {"message": "no such member"}}"#,
    r#"{"type": "https://x.example/credit", "title": "You do not have enough credit."}"#,
];

/// Bodies of which the person may be invited, or not.
const DOUBTS: [&str; 10] = [
    r#"{"success": true, "error": "sms was not delivered"}"#,
    r#"{"detail": "Mitglied 2"}"#,
    r#"{"message": "Member was not invited"}"#,
    r#"{"invited": 1, "failed": 1}"#,
    r#"{"invited": false}"#,
    r#"{"data": {"invite": {"id": "i1"}}, "errors": [{"message": "phone is hidden"}]}"#,
    r#"{"results": [{"ok": false, "error": "e-mail is not valid"}]}"#,
    r#"{"error": {"message": "sms failed", "inviteUrl": "https://x.example/i1"}}"#,
    r#"{"u1": "invited", "u2": "failed"}"#,
    r#"{"status": 500, "error": "Internal Server Error"}"#,
];

/// Bodies of a success, with words of failure among others.
const SUCCESSES: [&str; 10] = [
    r#"{"success": true, "message": "No invite was open, a new one was sent"}"#,
    r#"{"detail": "Invitation to No Limits Run Club sent"}"#,
    r#"{"message": "User already exists, added to community"}"#,
    r#"{"inviteId": "i1", "status": "rejected"}"#,
    r#"{"detail": "Expired invitation resent"}"#,
    r#"{"error": {"code": "ok", "message": ""}}"#,
    r#"{"results": [{"id": "i1", "status": "failed"}]}"#,
    r#"{"ok": true, "log": [{"status": "failed"}, {"status": "done"}]}"#,
    r#"{"success": true, "message": "Invitation sent. It cannot be resent for a day."}"#,
    r#"{"id": "i1", "accepted": false}"#,
];

fn serve(bodies: &[&str]) -> Server {
    Server::start(bodies.iter().map(|body| Step::response(200, body)))
}

fn community(server: &Server) -> Community {
    Clients::of(server).heylo.community("abc123")
}

/// The ids of the people for whom a request arrived, in order.
fn asked_for(server: &Server) -> Vec<String> {
    let id = |request: &String| {
        let after = request.split_once(r#""userId":""#).unwrap().1;
        after.split_once('"').unwrap().0.to_owned()
    };
    server.received().iter().map(id).collect()
}

fn sorted<'a>(ids: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut ids: Vec<&str> = ids.collect();
    ids.sort_unstable();
    ids
}

#[test]
fn a_batch_invites_again_whom_the_service_denied_and_nobody_else() {
    let of_classes = SUCCESSES.iter().zip(DENIALS).zip(DOUBTS);
    let bodies: Vec<&str> = of_classes.flat_map(|((good, bad), open)| [*good, bad, open]).collect();
    let people: Vec<String> = (10..40).map(|n| format!("u{n}")).collect();
    let of_class = |class: usize| people.iter().skip(class).step_by(3).collect::<Vec<_>>();

    let first = serve(&bodies);
    let mut invites = community(&first).invite_members(people.iter().map(NewMember::new));
    assert_eq!(invites.by_ref().count(), 30);
    assert_eq!(asked_for(&first), people);
    let journal: Journal = invites.journal().to_string().parse().unwrap();
    assert_eq!(sorted(journal.done()), of_class(0));
    assert_eq!(sorted(journal.failed()), of_class(1));
    assert_eq!(sorted(journal.unknown()), of_class(2));

    let second = serve(&[r#"{"success": true}"#]);
    let rest = community(&second).invite_members(people.iter().map(NewMember::new));
    let mut rest = rest.resume_at(&journal).unwrap();
    assert!(rest.by_ref().all(|outcome| outcome.result.is_ok()));
    assert_eq!(asked_for(&second).iter().collect::<Vec<_>>(), of_class(1));
    assert_eq!(rest.journal().failed().count(), 0);
    assert_eq!(sorted(rest.journal().unknown()), of_class(2));
}

#[test]
fn a_batch_ends_after_three_people_in_doubt_and_keeps_the_rest_for_later() {
    let server = serve(&[DOUBTS[1]]);
    let mut invites =
        community(&server).invite_members((0..9).map(|n| NewMember::new(format!("u{n}"))));
    assert_eq!(invites.by_ref().count(), 3);
    assert_eq!(asked_for(&server), ["u0", "u1", "u2"]);
    assert_eq!((invites.left().len(), invites.journal().unknown().count()), (6, 3));
}

/// Kind of the error, what took effect, and how many requests arrived.
type Ending = (Option<ErrorKind>, Option<Applied>, usize);

fn ending<T>(server: &Server, outcome: heysync::Result<T>) -> Ending {
    let error = outcome.err();
    (error.as_ref().map(Error::kind), error.as_ref().map(Error::applied), server.received().len())
}

#[test]
fn a_removal_and_a_deletion_end_as_the_response_reports() {
    let denied = (Some(ErrorKind::Rejected), Some(Applied::No), 1);
    let open = (Some(ErrorKind::OutcomeUnknown), Some(Applied::Unknown), 1);
    let rows = [(&DENIALS, denied), (&DOUBTS, open), (&SUCCESSES, (None, None, 1))];
    for (bodies, expected) in rows {
        for body in bodies {
            let server = serve(&[body]);
            let removal = community(&server).remove_member("u1");
            assert_eq!(ending(&server, removal), expected, "{body}");
            let server = serve(&[body]);
            let deletion = Clients::of(&server).heylerts.delete_alert("a1");
            assert_eq!(ending(&server, deletion), expected, "{body}");
        }
    }
}

/// A list of alerts before and after one was created.
const LISTS: [&str; 2] = [
    r#"{"items": [], "page": 1, "per_page": 100, "total_items": 0, "total_pages": 0, "has_more": false}"#,
    r#"{"items": [{"id": "a1", "name": "Competitor X", "keyword": "competitor x"}],
        "page": 1, "per_page": 100, "total_items": 1, "total_pages": 1, "has_more": false}"#,
];

#[test]
fn an_alert_is_posted_once_and_looked_for_only_if_the_response_is_in_doubt() {
    let create = |server: &Server| {
        let new = NewAlert::new("Competitor X", "competitor x");
        Clients::of(server).heylerts.create_alert_once(&new)
    };
    let requests = |server: &Server| -> Vec<String> {
        server.received().iter().map(|it| it.split(' ').next().unwrap().to_owned()).collect()
    };
    for body in DENIALS {
        let server = serve(&[LISTS[0], body, LISTS[1]]);
        assert_eq!(create(&server).unwrap_err().kind(), ErrorKind::Rejected, "{body}");
        assert_eq!(requests(&server), ["GET", "POST"], "{body}");
    }
    for body in DOUBTS {
        let server = serve(&[LISTS[0], body, LISTS[1]]);
        assert_eq!(create(&server).unwrap().id, "a1", "{body}");
        assert_eq!(requests(&server), ["GET", "POST", "GET"], "{body}");
    }
}

#[test]
fn a_change_whose_own_flag_is_false_is_in_doubt_although_the_record_came() {
    let body = r#"{"id": "a1", "name": "x", "success": false, "message": "could not save"}"#;
    let server = serve(&[body]);
    let client = Clients::of(&server).heylerts;
    let open = (Some(ErrorKind::OutcomeUnknown), Some(Applied::Unknown), 1);
    let update = client.update_alert("a1", &AlertPatch::new().name("x"));
    assert_eq!(ending(&server, update), open);
    assert_eq!(client.get_alert("a1").unwrap().name, "x");
}
