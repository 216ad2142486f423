//! Every fault, in memory and over a socket: how the clients recover or fail.

use std::time::Duration;

use heysync::ErrorKind::{
    self, AppliedUnreadable, NoResponse, NotSent, OutcomeUnknown, RateLimited, Redirect, Rejected,
    Server, Unreadable,
};
use heysync::heylo::NewMember;
use heysync::http::StatusCode;
use heysync::sandbox::heylerts::Mention;
use heysync::sandbox::{Fault, FaultPoint, Framing};

use crate::setup::{Setup, WAYS, Way};

const SECOND: Duration = Duration::from_secs(1);

/// The outcome of a read and of an invite with a fault, and whether the invite took effect.
type Outcome = (Option<ErrorKind>, Option<ErrorKind>, bool);

fn outcome(way: Way, fault: &Fault) -> Outcome {
    let setup = Setup::with(way, |config| config.retries(0));
    setup.services.heylerts.inject(1, fault.clone());
    setup.services.heylo.inject(1, fault.clone());
    let read = setup.heylerts.hello().err();
    let community = setup.heylo.community("book-circle");
    let invited = community.invite(&NewMember::new("user-42")).err();
    let kind = |error: heysync::Error| error.kind();
    setup.clock.advance(500 * SECOND);
    let is_there = !setup.services.heylo.invites("book-circle").is_empty();
    // The fault applied to one request of each service: the next succeeds.
    assert!(setup.heylerts.hello().is_ok(), "{fault:?}");
    assert!(community.roles().is_ok(), "{fault:?}");
    (read.map(kind), invited.map(kind), is_there)
}

/// Every fault with its outcome.
fn faults() -> Vec<(Fault, Outcome)> {
    let teapot = |response: &mut heysync::http::Response<Vec<u8>>| {
        *response.status_mut() = StatusCode::IM_A_TEAPOT;
    };
    let elsewhere = "https://elsewhere.example/".to_owned();
    let (ok, no, yes) = (None, false, true);
    let (lost, broken) = (Some(NoResponse), Some(Server));
    let (unknown, unreadable) = (Some(OutcomeUnknown), Some(Unreadable));
    vec![
        (Fault::RateLimited(Some("1".into())), (Some(RateLimited), Some(RateLimited), no)),
        (Fault::RateLimited(None), (Some(RateLimited), Some(RateLimited), no)),
        (Fault::RequestDelayed(3 * SECOND), (ok, ok, yes)),
        (Fault::ResponseDelayed(3 * SECOND), (ok, ok, yes)),
        (Fault::RequestDelayed(400 * SECOND), (lost, unknown, yes)),
        (Fault::ResponseDelayed(400 * SECOND), (lost, unknown, yes)),
        (Fault::Cut(FaultPoint::BeforeEffect), (lost, unknown, no)),
        (Fault::Cut(FaultPoint::AfterEffect), (lost, unknown, yes)),
        (Fault::ServerError(FaultPoint::BeforeEffect), (broken, unknown, no)),
        (Fault::ServerError(FaultPoint::AfterEffect), (broken, unknown, yes)),
        (Fault::BadGateway(FaultPoint::BeforeEffect), (broken, unknown, no)),
        (Fault::BadGateway(FaultPoint::AfterEffect), (broken, unknown, yes)),
        (Fault::Truncated, (unreadable, Some(AppliedUnreadable), yes)),
        (Fault::SlowBody(3 * SECOND), (ok, ok, yes)),
        (Fault::WrongFraming(Framing::ShortLength), (unreadable, ok, yes)),
        (Fault::WrongFraming(Framing::InvalidLength), (lost, unknown, yes)),
        (Fault::WrongFraming(Framing::InvalidChunk), (unreadable, Some(AppliedUnreadable), yes)),
        (
            Fault::WrongFraming(Framing::MissingLastChunk),
            (unreadable, Some(AppliedUnreadable), yes),
        ),
        (Fault::WrongFraming(Framing::NotHttp), (lost, unknown, yes)),
        (Fault::Oversized, (unreadable, Some(AppliedUnreadable), yes)),
        // Heylo does not document the response to an invite: any JSON is a success.
        (Fault::WrongType, (unreadable, ok, yes)),
        (Fault::Redirect(elsewhere), (Some(Redirect), Some(Redirect), no)),
        (Fault::altered(teapot), (Some(Rejected), Some(Rejected), yes)),
    ]
}

#[test]
fn every_fault_has_the_same_outcome_in_memory_and_over_a_socket() {
    for (fault, expected) in faults() {
        for way in WAYS {
            assert_eq!(outcome(way, &fault), expected, "{way:?} {fault:?}");
        }
    }
}

#[test]
fn an_unreachable_server_closes_the_connection_over_a_socket() {
    let outcomes = WAYS.map(|way| outcome(way, &Fault::Unreachable));
    let in_memory = (Some(NotSent), Some(NotSent), false);
    let over_a_socket = (Some(NoResponse), Some(OutcomeUnknown), false);
    assert_eq!(outcomes, [in_memory, over_a_socket]);
}

#[test]
fn a_delay_passes_on_the_clock_in_memory_and_over_a_socket() {
    for way in WAYS {
        let setup = Setup::new(way);
        setup.services.heylerts.inject(1, Fault::ResponseDelayed(3 * SECOND));
        assert!(setup.heylerts.hello().is_ok());
        assert_eq!(setup.clock.elapsed(), 3 * SECOND, "{way:?}");
    }
}

#[test]
fn an_iteration_is_exact_with_faults_and_a_list_that_changes() {
    for way in WAYS {
        let setup = Setup::new(way);
        let sandbox = &setup.services.heylerts;
        let mentions = sandbox.state().mentions;
        let stays = mentions.iter().skip(3).filter(|it| !it.ignored);
        let stays: Vec<&String> = stays.map(|it| &it.id).collect();
        sandbox.inject(1, Fault::BadGateway(FaultPoint::BeforeEffect));
        sandbox.inject(1, Fault::Truncated);
        sandbox.before(4, |sandbox| {
            sandbox.change(|state| drop(state.mentions.drain(..3)));
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
fn an_invite_whose_response_is_lost_is_sent_once() {
    for way in WAYS {
        let setup = Setup::new(way);
        setup.services.heylo.inject(1, Fault::Cut(FaultPoint::AfterEffect));
        let community = setup.heylo.community("book-circle");
        let outcome = community.invite(&NewMember::new("user-42"));
        assert_eq!(outcome.unwrap_err().kind(), OutcomeUnknown);
        assert_eq!(setup.services.heylo.invites("book-circle").len(), 1);
    }
}

#[test]
fn a_deletion_whose_response_or_body_is_lost_succeeds() {
    let faults = [
        Fault::Cut(FaultPoint::AfterEffect),
        Fault::ServerError(FaultPoint::AfterEffect),
        Fault::Truncated,
        Fault::WrongType,
    ];
    for (way, fault) in WAYS.iter().flat_map(|way| faults.iter().map(move |it| (*way, it))) {
        let setup = Setup::new(way);
        let id = setup.services.heylerts.state().alerts[0].id.clone();
        setup.services.heylerts.inject(1, fault.clone());
        let outcome = setup.heylerts.delete_alert(&id).map_err(|it| it.to_string());
        assert_eq!(outcome, Ok(()), "{way:?} {fault:?}");
        assert_eq!(setup.services.heylerts.state().alerts.len(), 2);
        assert!(setup.heylerts.hello().is_ok());
    }
}
