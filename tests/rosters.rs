//! Work on the members of roles and communities, over sockets, with answers that are lost.

#![cfg(feature = "sandbox")]
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

use std::sync::atomic::{AtomicUsize, Ordering};

use heysync::heylo::{Client, Community, NewMember, RoleMembers, RoleUpdate};
use heysync::sandbox::heylo::{Community as Made, Role};
use heysync::sandbox::{Fault, FaultPoint, Heylo, RequestRecord, Services, TestClock};
use heysync::{Config, ErrorKind};

#[path = "../examples/support/serve.rs"]
mod serve;

use serve::{PATIENCE, Server, serve};

/// A club of `u0` to `u599`, whose captains are `u0` to `u299`, behind a socket.
struct World {
    sandbox: Heylo,
    clock: TestClock,
    club: Community,
    _server: Server,
}

impl World {
    fn new() -> World {
        World::with(Config::new())
    }

    fn with(config: Config) -> World {
        let clock = TestClock::new();
        let captains = Role::new("captains").members(ids(0..300));
        let club = Made::new("club").members(ids(0..600));
        let sandbox = Heylo::new().community(club.role(captains)).clock(clock.clone());
        let services = Services { heylo: sandbox.clone(), ..Services::demo() };
        let server = serve(0, move |request| services.respond(request, PATIENCE)).unwrap();
        let config = config.base_url(server.url()).clock(clock.clone());
        let client = Client::with_config("rosters", config).unwrap();
        World { sandbox, clock, club: client.community("club"), _server: server }
    }

    fn captains(&self) -> RoleMembers {
        self.club.role("captains")
    }

    /// The `nth` request to `endpoint` runs into `inject`.
    fn inject(&self, fault: Fault, endpoint: &'static str, nth: usize) {
        let met = AtomicUsize::new(0);
        let applies = move |request: &RequestRecord| {
            let is_one = request.path.ends_with(endpoint);
            is_one && met.fetch_add(1, Ordering::SeqCst) + 1 == nth
        };
        self.sandbox.inject_if(1, fault, applies);
    }

    fn requests_to(&self, endpoint: &str) -> usize {
        let requests = self.sandbox.requests();
        requests.iter().filter(|request| request.path.ends_with(endpoint)).count()
    }
}

fn ids(numbers: impl IntoIterator<Item = usize>) -> Vec<String> {
    numbers.into_iter().map(|n| format!("u{n}")).collect()
}

#[test]
fn an_update_that_lost_an_answer_tells_what_it_applied_and_not_that_it_was_ignored() {
    for update_returns_only_changes in [false, true] {
        for fault in [
            Fault::Cut(FaultPoint::AfterEffect),
            Fault::Cut(FaultPoint::BeforeEffect),
            Fault::BadGateway(FaultPoint::AfterEffect),
            Fault::Truncated,
        ] {
            let world = World::new();
            world.sandbox.change(|world| {
                world.settings.update_returns_only_changes = update_returns_only_changes
            });
            world.inject(fault.clone(), "/apiv1-update", 2);
            let (mut added, removed) = (ids(300..550), ids(0..120));
            added.push("stranger".to_owned());
            let update = RoleUpdate::new().add(added).remove(removed.clone());
            let change = world.captains().update(&update);
            let told = format!("{fault:?}, {update_returns_only_changes}: {change:?}");
            let change = change.expect(&told);
            assert_eq!(change.added, ids(300..550), "{told}");
            assert_eq!(change.removed, removed, "{told}");
            assert_eq!(change.ignored, ["stranger"], "{told}");
            let mut members = world.captains().members().unwrap();
            members.sort();
            let mut expected = ids(120..550);
            expected.sort();
            assert_eq!(members, expected);
        }
    }
}

#[test]
fn an_update_whose_answers_are_not_lost_reads_nothing_besides() {
    let world = World::new();
    let update = RoleUpdate::new().add(["u400", "stranger"]);
    assert_eq!(world.captains().update(&update).unwrap().ignored, ["stranger"]);
    assert_eq!(world.sandbox.requests().len(), 1);
}

#[test]
fn a_success_that_cannot_be_read_and_did_nothing_is_an_error_with_all_left() {
    let world = World::with(Config::new().retries(0));
    let page = Fault::Altered(|answer| *answer.body_mut() = b"<html>Welcome</html>".to_vec());
    world.inject(page, "/apiv1-update", 1);
    let role = world.club.role("captains");
    let update = RoleUpdate::new().add(["stranger"]);
    let partial = role.update(&update).unwrap_err();
    assert_eq!(partial.error.kind(), ErrorKind::AppliedUnreadable);
    assert_eq!(partial.left, update);
}

#[test]
fn the_third_of_five_requests_fails_and_what_is_left_is_sent_again() {
    let world = World::with(Config::new().retries(0));
    world.inject(Fault::BadGateway(FaultPoint::BeforeEffect), "/apiv1-update", 3);
    let (added, removed) = (ids(300..600), ids(0..300));
    let many: Vec<String> = added.iter().cloned().chain(ids(600..800)).collect();
    let update = RoleUpdate::new().add(many).remove(removed.clone());
    let partial = world.captains().update(&update).unwrap_err();
    assert_eq!(world.requests_to("/apiv1-update"), 3);
    assert_eq!(partial.change.added, added[..200]);
    assert_eq!(partial.change.removed, removed[..200]);
    let rest = world.captains().update(&partial.left).unwrap();
    assert_eq!(rest.added, added[200..]);
    assert_eq!(rest.removed, removed[200..]);
    assert_eq!(rest.ignored, ids(600..800));
    assert_eq!(world.requests_to("/apiv1-update"), 3 + 3);
    assert_eq!(world.captains().members().unwrap(), added);
}

#[test]
fn setting_the_members_tells_the_same_when_answers_are_lost() {
    let world = World::new();
    world.sandbox.change(|world| world.settings.update_returns_only_changes = true);
    world.inject(Fault::Cut(FaultPoint::AfterEffect), "/apiv1-update", 1);
    let change = world.captains().set_members(ids(200..450)).unwrap();
    assert_eq!(change.added, ids(300..450));
    assert_eq!(change.removed, ids(0..200));
    assert_eq!(change.unchanged, ids(200..300));
    assert!(change.ignored.is_empty());
}

#[test]
fn many_removals_go_at_the_buckets_speed_and_succeed_where_an_answer_was_lost() {
    let world = World::new();
    world.inject(Fault::Cut(FaultPoint::AfterEffect), "/apiv1-remove", 7);
    let outcomes: Vec<_> = world.club.remove_each(ids(0..50)).collect();
    assert!(outcomes.iter().all(|outcome| outcome.result.is_ok()));
    assert_eq!(world.sandbox.rate_limit_hits(), 0);
    assert!(world.sandbox.max_in_any_window() <= 5);
    let seconds = world.clock.elapsed().as_secs_f64();
    assert!((9.0..13.0).contains(&seconds), "{seconds} s for 50");
}

#[test]
fn invites_that_broke_off_are_taken_up_again_and_nobody_is_invited_twice() {
    let world = World::new();
    let people = || ids(1000..1030).into_iter().map(NewMember::new);
    world.inject(Fault::Cut(FaultPoint::AfterEffect), "/apiv1-create", 4);
    let first: Vec<_> = world.club.invite_each(people()).take(12).collect();
    let unknown = first[3].result.as_ref().unwrap_err();
    assert_eq!(unknown.kind(), ErrorKind::OutcomeUnknown);
    let last = &first.last().unwrap().user_id;
    let rest = world.club.invite_each(people()).resume_after(last);
    assert_eq!(rest.filter(|outcome| outcome.result.is_ok()).count(), 18);
    let club = world.sandbox.state().communities[0].clone();
    let invited: Vec<String> = club.invites.into_iter().map(|one| one.user_id).collect();
    assert_eq!(invited, ids(1000..1030));
}
