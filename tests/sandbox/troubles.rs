//! Every trouble, in memory and over a socket, as the crate's clients get over it or tell of it.

use std::time::Duration;

use heysync::ErrorKind::{
    self, DoneUnreadable, NoAnswer, NotSent, OutcomeUnknown, RateLimited, Redirect, Rejected,
    Server, Unreadable,
};
use heysync::heylo::NewMember;
use heysync::http::StatusCode;
use heysync::sandbox::heylerts::Mention;
use heysync::sandbox::{Moment, Trouble};

use crate::setup::{Setup, WAYS, Way};

const SECOND: Duration = Duration::from_secs(1);

/// How a read ends that runs into a trouble, how an invite ends, and whether somebody was invited.
type Outcome = (Option<ErrorKind>, Option<ErrorKind>, bool);

fn outcome(way: Way, trouble: &Trouble) -> Outcome {
    let setup = Setup::with(way, |config| config.retries(0));
    setup.services.heylerts.trouble(1, trouble.clone());
    setup.services.heylo.trouble(1, trouble.clone());
    let read = setup.heylerts.hello().err();
    let group = setup.heylo.community("book-circle");
    let invited = group.invite(&NewMember::new("user-42")).err();
    let kind = |error: heysync::Error| error.kind();
    let is_there = !setup.services.heylo.invites("book-circle").is_empty();
    // It befell one request of each, and the next is all right.
    assert!(setup.heylerts.hello().is_ok(), "{trouble:?}");
    assert!(group.roles().is_ok(), "{trouble:?}");
    (read.map(kind), invited.map(kind), is_there)
}

/// Every trouble, and how it ends.
fn troubles() -> Vec<(Trouble, Outcome)> {
    let teapot = |answer: &mut heysync::http::Response<Vec<u8>>| {
        *answer.status_mut() = StatusCode::IM_A_TEAPOT;
    };
    let elsewhere = "https://elsewhere.example/".to_owned();
    let (ok, no, yes) = (None, false, true);
    let (lost, broken) = (Some(NoAnswer), Some(Server));
    let (unknown, unreadable) = (Some(OutcomeUnknown), Some(Unreadable));
    vec![
        (Trouble::Refused(Some("1".into())), (Some(RateLimited), Some(RateLimited), no)),
        (Trouble::Refused(None), (Some(RateLimited), Some(RateLimited), no)),
        (Trouble::ArrivesLate(3 * SECOND), (ok, ok, yes)),
        (Trouble::AnsweredLate(3 * SECOND), (ok, ok, yes)),
        (Trouble::ArrivesLate(400 * SECOND), (lost, unknown, yes)),
        (Trouble::AnsweredLate(400 * SECOND), (lost, unknown, yes)),
        (Trouble::Cut(Moment::Before), (lost, unknown, no)),
        (Trouble::Cut(Moment::After), (lost, unknown, yes)),
        (Trouble::ServerError(Moment::Before), (broken, unknown, no)),
        (Trouble::ServerError(Moment::After), (broken, unknown, yes)),
        (Trouble::BadGateway(Moment::Before), (broken, unknown, no)),
        (Trouble::BadGateway(Moment::After), (broken, unknown, yes)),
        (Trouble::Truncated, (unreadable, Some(DoneUnreadable), yes)),
        (Trouble::Oversized, (unreadable, Some(DoneUnreadable), yes)),
        // What an invite is answered with is nobody's business: Heylo does not document it.
        (Trouble::WrongType, (unreadable, ok, yes)),
        (Trouble::Redirect(elsewhere), (Some(Redirect), Some(Redirect), no)),
        (Trouble::Altered(teapot), (Some(Rejected), Some(Rejected), yes)),
    ]
}

#[test]
fn every_trouble_ends_alike_in_memory_and_over_a_socket() {
    for (trouble, expected) in troubles() {
        for way in WAYS {
            assert_eq!(outcome(way, &trouble), expected, "{way:?} {trouble:?}");
        }
    }
}

#[test]
fn a_server_that_cannot_be_reached_is_one_that_hangs_up_where_it_has_a_socket() {
    let outcomes = WAYS.map(|way| outcome(way, &Trouble::Unreachable));
    let in_memory = (Some(NotSent), Some(NotSent), false);
    let over_a_socket = (Some(NoAnswer), Some(OutcomeUnknown), false);
    assert_eq!(outcomes, [in_memory, over_a_socket]);
}

#[test]
fn a_delay_passes_on_the_clock_whoever_waits() {
    for way in WAYS {
        let setup = Setup::new(way);
        setup.services.heylerts.trouble(1, Trouble::AnsweredLate(3 * SECOND));
        assert!(setup.heylerts.hello().is_ok());
        assert_eq!(setup.clock.elapsed(), 3 * SECOND, "{way:?}");
    }
}

#[test]
fn a_walk_gets_over_troubles_and_a_list_that_changes() {
    for way in WAYS {
        let setup = Setup::new(way);
        let sandbox = &setup.services.heylerts;
        let mentions = sandbox.state().mentions;
        let stays = mentions.iter().skip(3).filter(|it| !it.ignored);
        let stays: Vec<&String> = stays.map(|it| &it.id).collect();
        sandbox.trouble(1, Trouble::BadGateway(Moment::Before));
        sandbox.trouble(1, Trouble::Truncated);
        sandbox.before(4, |sandbox| {
            sandbox.change(|world| drop(world.mentions.drain(..3)));
            let alert = sandbox.state().alerts[0].id.clone();
            sandbox.receive(Mention::new(alert, "Just now"));
        });
        let seen = setup.heylerts.mentions();
        let seen: Vec<String> = seen.map(|mention| mention.unwrap().id).collect();
        for id in stays {
            let times = seen.iter().filter(|other| *other == id).count();
            assert_eq!(times, 1, "{way:?} {id}");
        }
    }
}

#[test]
fn an_invite_whose_answer_is_lost_is_sent_once() {
    for way in WAYS {
        let setup = Setup::new(way);
        setup.services.heylo.trouble(1, Trouble::Cut(Moment::After));
        let group = setup.heylo.community("book-circle");
        let outcome = group.invite(&NewMember::new("user-42"));
        assert_eq!(outcome.unwrap_err().kind(), OutcomeUnknown);
        assert_eq!(setup.services.heylo.invites("book-circle").len(), 1);
    }
}

#[test]
fn a_deletion_that_loses_its_answer_or_its_body_is_done() {
    let troubles = [
        Trouble::Cut(Moment::After),
        Trouble::ServerError(Moment::After),
        Trouble::Truncated,
        Trouble::WrongType,
    ];
    for (way, trouble) in WAYS.iter().flat_map(|way| troubles.iter().map(move |it| (*way, it))) {
        let setup = Setup::new(way);
        let id = setup.services.heylerts.state().alerts[0].id.clone();
        setup.services.heylerts.trouble(1, trouble.clone());
        let outcome = setup.heylerts.delete_alert(&id).map_err(|it| it.to_string());
        assert_eq!(outcome, Ok(()), "{way:?} {trouble:?}");
        assert_eq!(setup.services.heylerts.state().alerts.len(), 2);
        assert!(setup.heylerts.hello().is_ok());
    }
}
