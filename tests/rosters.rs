//! Changes to the members of roles and communities, over sockets, with responses that are lost.

#![cfg(feature = "sandbox")]
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

use std::error::Error as _;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use heysync::heylo::{Client, Community, Journal, NewMember, RoleMembers, RoleUpdate};
use heysync::sandbox::heylo::{Community as Made, Role};
use heysync::sandbox::{
    Fault, FaultPoint, Heylo, RequestRecord, Server, Services, TestClock, serve,
};
use heysync::{
    Activity, Applied, Config, DryRun, ErrorKind, SendProgress, Transport, TransportError, http,
};

#[path = "support/limit.rs"]
#[allow(dead_code, reason = "it is kept until the test ends")]
mod limit;

use limit::Limit;

/// A community of `u0` to `u599`, whose captains are `u0` to `u299`, behind a socket.
struct Setup {
    sandbox: Heylo,
    clock: TestClock,
    client: Client,
    community: Community,
    _server: Server,
    _limit: Limit,
}

impl Setup {
    fn new() -> Setup {
        Setup::with(Config::new())
    }

    fn with(config: Config) -> Setup {
        let clock = TestClock::new();
        let captains = Role::new("captains").members(ids(0..300));
        let made = Made::new("club").members(ids(0..600)).role(captains);
        let sandbox = Heylo::new().community(made).clock(clock.clone());
        let services = Services { heylo: sandbox.clone(), ..Services::demo() };
        let server = serve(0, services).unwrap();
        let config = config.base_url(server.url()).clock(clock.clone());
        let client = Client::with_config("rosters", config).unwrap();
        let community = client.community("club");
        Setup { sandbox, clock, client, community, _server: server, _limit: Limit::start() }
    }

    fn captains(&self) -> RoleMembers {
        self.community.role("captains")
    }

    /// The `nth` request to `endpoint` meets the fault.
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
fn an_update_whose_response_was_lost_reports_what_it_applied_and_not_that_it_was_ignored() {
    for update_returns_only_changes in [false, true] {
        for fault in [
            Fault::Cut(FaultPoint::AfterEffect),
            Fault::Cut(FaultPoint::BeforeEffect),
            Fault::BadGateway(FaultPoint::AfterEffect),
            Fault::Truncated,
        ] {
            let setup = Setup::new();
            setup.sandbox.change(|setup| {
                setup.settings.update_returns_only_changes = update_returns_only_changes
            });
            setup.inject(fault.clone(), "/apiv1-update", 2);
            let (mut added, removed) = (ids(300..550), ids(0..120));
            added.push("stranger".to_owned());
            let update = RoleUpdate::new().add(added).remove(removed.clone());
            let change = setup.captains().update(&update);
            let context = format!("{fault:?}, {update_returns_only_changes}: {change:?}");
            let change = change.expect(&context);
            assert_eq!(change.added, ids(300..550), "{context}");
            assert_eq!(change.removed, removed, "{context}");
            assert_eq!(change.ignored, ["stranger"], "{context}");
            let mut members = setup.captains().members().unwrap();
            members.sort();
            let mut expected = ids(120..550);
            expected.sort();
            assert_eq!(members, expected);
        }
    }
}

#[test]
fn an_update_whose_responses_arrive_reads_nothing_else() {
    let setup = Setup::new();
    let update = RoleUpdate::new().add(["u400", "stranger"]);
    assert_eq!(setup.captains().update(&update).unwrap().ignored, ["stranger"]);
    assert_eq!(setup.sandbox.requests().len(), 1);
}

#[test]
fn a_page_in_place_of_a_response_is_an_error_with_all_left() {
    let setup = Setup::with(Config::new().retries(0));
    let page = Fault::altered(|response| *response.body_mut() = b"<html>Welcome</html>".to_vec());
    setup.inject(page, "/apiv1-update", 1);
    let role = setup.community.role("captains");
    let update = RoleUpdate::new().add(["stranger"]);
    let failed = role.update(&update).unwrap_err();
    assert_eq!(failed.kind(), ErrorKind::OutcomeUnknown);
    assert_eq!(failed.left, update);
}

#[test]
fn the_third_of_five_requests_fails_and_the_rest_is_sent_later() {
    let setup = Setup::with(Config::new().retries(0));
    setup.inject(Fault::BadGateway(FaultPoint::BeforeEffect), "/apiv1-update", 3);
    let (added, removed) = (ids(300..600), ids(0..300));
    let many: Vec<String> = added.iter().cloned().chain(ids(600..800)).collect();
    let update = RoleUpdate::new().add(many).remove(removed.clone());
    let failed = setup.captains().update(&update).unwrap_err();
    assert_eq!(setup.requests_to("/apiv1-update"), 3);
    assert_eq!(failed.change.added, added[..200]);
    assert_eq!(failed.change.removed, removed[..200]);
    let rest = setup.captains().update(&failed.left).unwrap();
    assert_eq!(rest.added, added[200..]);
    assert_eq!(rest.removed, removed[200..]);
    assert_eq!(rest.ignored, ids(600..800));
    assert_eq!(setup.requests_to("/apiv1-update"), 3 + 3);
    assert_eq!(setup.captains().members().unwrap(), added);
}

#[test]
fn setting_the_members_reports_the_same_when_responses_are_lost() {
    let setup = Setup::new();
    setup.sandbox.change(|setup| setup.settings.update_returns_only_changes = true);
    setup.inject(Fault::Cut(FaultPoint::AfterEffect), "/apiv1-update", 1);
    let change = setup.captains().set_members(ids(200..450)).unwrap();
    assert_eq!(change.added, ids(300..450));
    assert_eq!(change.removed, ids(0..200));
    assert_eq!(change.unchanged, ids(200..300));
    assert!(change.ignored.is_empty());
}

#[test]
fn many_removals_keep_to_the_rate_limit_and_succeed_if_a_response_was_lost() {
    let setup = Setup::new();
    setup.inject(Fault::Cut(FaultPoint::AfterEffect), "/apiv1-remove", 7);
    let outcomes: Vec<_> = setup.community.remove_members(ids(0..50)).collect();
    assert!(outcomes.iter().all(|outcome| outcome.result.is_ok()));
    assert_eq!(setup.sandbox.rate_limit_hits(), 0);
    assert!(setup.sandbox.max_in_any_window() <= 5);
    let seconds = setup.clock.elapsed().as_secs_f64();
    assert!((9.0..13.0).contains(&seconds), "{seconds} s for 50");
}

#[test]
fn an_unknown_community_costs_one_request() {
    let setup = Setup::new();
    let nowhere = setup.client.community("nowhere");
    let mut removals = nowhere.remove_members(ids(0..100));
    assert_eq!(removals.next().unwrap().result.unwrap_err().kind(), ErrorKind::NotFound);
    assert!(removals.next().is_none());
    assert_eq!((removals.left().len(), setup.sandbox.requests().len()), (99, 1));
}

#[test]
fn a_network_that_is_down_costs_the_attempts_of_one_person() {
    let setup = Setup::with(Config::new().retries(2));
    let attempts = Arc::new(AtomicUsize::new(0));
    let counted = attempts.clone();
    let down = move |_: http::Request<Vec<u8>>, _: Duration| {
        counted.fetch_add(1, Ordering::SeqCst);
        Err(TransportError::never_sent(io::Error::other("no route to host")))
    };
    let config = Config::new().transport(down).clock(setup.clock.clone()).retries(2);
    let community = Client::with_config("key", config).unwrap().community("club");
    let people = || ids(0..100).into_iter().map(NewMember::new);
    let mut invites = community.invite_members(people());
    assert_eq!(invites.by_ref().count(), 1);
    assert_eq!(
        (invites.failed_count(), invites.left().len(), attempts.load(Ordering::SeqCst)),
        (1, 99, 3)
    );

    // Later it is up again, and nobody is left out.
    let journal: Journal = invites.journal().to_string().parse().unwrap();
    let rest = setup.community.invite_members(people()).resume_at(&journal).unwrap();
    assert_eq!(rest.filter(|outcome| outcome.result.is_ok()).count(), 100);
}

#[test]
fn a_journal_forgets_nobody_who_failed_and_nobody_is_invited_twice() {
    let setup = Setup::with(Config::new().retries(0));
    let people = |gender_of_6th: &'static str| {
        let member = move |(n, id)| match n {
            5 => NewMember::new(id).field("gender", gender_of_6th),
            _ => NewMember::new(id),
        };
        ids(1000..1030).into_iter().enumerate().map(member)
    };
    setup.inject(Fault::Cut(FaultPoint::AfterEffect), "/apiv1-create", 4);
    // The twelfth: a fault is not asked about a request that met another.
    setup.inject(Fault::RateLimited(None), "/apiv1-create", 11);
    let mut first = setup.community.invite_members(people("F"));
    let kinds: Vec<_> = first.by_ref().map(|o| o.result.err().map(|e| e.kind())).collect();
    assert_eq!(kinds[3], Some(ErrorKind::OutcomeUnknown));
    assert_eq!(kinds[5], Some(ErrorKind::Rejected));
    assert_eq!((kinds.len(), kinds[11]), (12, Some(ErrorKind::RateLimited)));
    assert_eq!((first.done_count(), first.failed_count(), first.left().len()), (9, 3, 18));
    assert_eq!(first.journal().failed().collect::<Vec<_>>(), ["u1005", "u1011"]);

    let journal: Journal = first.journal().to_string().parse().unwrap();
    let mut second = setup.community.invite_members(people("female")).resume_at(&journal).unwrap();
    assert_eq!((second.left().len(), second.left().next()), (20, Some("u1005")));
    second.by_ref().for_each(drop);
    let journal = second.journal();
    assert_eq!(journal.unknown().collect::<Vec<_>>(), ["u1003"]);
    assert_eq!((journal.done().count(), journal.failed().count()), (29, 0));
    let community = setup.sandbox.state().communities[0].clone();
    let mut invited: Vec<String> = community.invites.into_iter().map(|one| one.user_id).collect();
    invited.sort();
    assert_eq!(invited, ids(1000..1030));
}

#[test]
fn a_person_whose_invite_is_unknown_is_invited_again_only_once_forgotten() {
    let setup = Setup::with(Config::new().retries(0));
    let people = || ["x", "y"].map(NewMember::new);
    setup.inject(Fault::Cut(FaultPoint::BeforeEffect), "/apiv1-create", 1);
    let mut first = setup.community.invite_members(people());
    first.by_ref().for_each(drop);
    let mut journal = first.journal().clone();
    assert!(
        setup.community.invite_members(people()).resume_at(&journal).unwrap().left().len() == 0
    );
    journal.forget("x");
    let rest = setup.community.invite_members(people()).resume_at(&journal).unwrap();
    assert_eq!(rest.left().collect::<Vec<_>>(), ["x"]);
}

#[test]
fn a_person_whose_invite_is_unknown_and_who_is_found_is_marked_done_and_never_in_doubt_again() {
    let setup = Setup::with(Config::new().retries(0));
    let people = || ["x", "y"].map(NewMember::new);
    setup.inject(Fault::Cut(FaultPoint::AfterEffect), "/apiv1-create", 1);
    let mut first = setup.community.invite_members(people());
    first.by_ref().for_each(drop);
    let mut journal = first.journal().clone();
    journal.mark_done("x");
    let rest = setup.community.invite_members(people()).resume_at(&journal).unwrap();
    assert_eq!(rest.left().len(), 0);
    assert_eq!((rest.journal().unknown().count(), rest.journal().done().count()), (0, 2));
}

#[test]
fn the_hint_of_a_journal_that_is_empty_or_torn_names_what_its_loss_would_cost() {
    for line in ["", "{\"operation\":\"inv"] {
        let error = line.parse::<Journal>().unwrap_err();
        let hint = error.hint().unwrap();
        assert!(hint.starts_with("restore the file") && hint.contains("everybody again"), "{hint}");
    }
}

#[test]
fn a_process_that_is_killed_at_any_moment_invites_nobody_twice() {
    for killed_at in 0..4 {
        for is_sent in [false, true] {
            let setup = Setup::new();
            let people = || ids(1000..1004).into_iter().map(NewMember::new);
            let mut first = setup.community.invite_members(people());
            first.by_ref().take(killed_at).for_each(drop);
            let mut saved = String::new();
            // Killed before the request arrives, or before its response does.
            let outcome = first.next_recorded(|journal| {
                saved = journal.to_string();
                if is_sent { Ok(()) } else { Err(io::Error::other("killed")) }
            });
            assert_eq!(outcome.unwrap().result.is_ok(), is_sent);
            drop(first);
            let rest = setup.community.invite_members(people());
            let mut rest = rest.resume_at(&saved.parse().unwrap()).unwrap();
            rest.by_ref().for_each(drop);
            let in_doubt: Vec<String> = rest.journal().unknown().map(str::to_owned).collect();
            assert_eq!(in_doubt, ids(1000 + killed_at..1001 + killed_at));
            assert_eq!(rest.journal().done().count(), 3);
            let invites = setup.requests_to("/apiv1-create");
            assert_eq!(invites, if is_sent { 4 } else { 3 }, "{killed_at}");
        }
    }
}

#[test]
fn a_process_that_is_killed_while_it_waits_for_the_rate_limit_leaves_nobody_in_doubt() {
    let saved = Arc::new(Mutex::new(None::<Journal>));
    let waits = Arc::new(AtomicUsize::new(0));
    let at_wait = (Arc::clone(&saved), Arc::clone(&waits));
    let config = Config::new().observer(move |activity: &Activity<'_>| {
        if let Activity::Waiting { .. } = activity {
            at_wait.1.fetch_add(1, Ordering::SeqCst);
            let saved = at_wait.0.lock().unwrap();
            let in_doubt = saved.iter().flat_map(Journal::unknown).count();
            assert_eq!(in_doubt, 0, "{saved:?}");
        }
    });
    let setup = Setup::with(config);
    let people = ids(1000..1030).into_iter().map(NewMember::new);
    let mut invites = setup.community.invite_members(people);
    let save = |journal: &Journal| *saved.lock().unwrap() = Some(journal.clone());
    let mut sent = 0;
    while let Some(outcome) = invites.next_recorded(|journal| {
        assert_eq!(journal.unknown().count(), 1);
        assert_eq!(setup.requests_to("/apiv1-create"), sent);
        save(journal);
        Ok(())
    }) {
        outcome.result.unwrap();
        save(invites.journal());
        sent += 1;
    }
    assert_eq!((sent, invites.journal().done().count()), (30, 30));
    assert!(waits.load(Ordering::SeqCst) >= 5, "{waits:?}");
}

#[test]
fn a_removal_of_which_the_response_broke_off_has_removed_the_person() {
    let setup = Setup::with(Config::new().retries(0));
    setup.inject(Fault::Truncated, "/apiv1-remove", 1);
    let mut removals = setup.community.remove_members(["u1"]);
    let outcome = removals.next().unwrap();
    assert_eq!(outcome.result.as_ref().unwrap_err().applied(), Applied::Yes);
    assert!(outcome.is_removed());
    assert_eq!(removals.journal().done().collect::<Vec<_>>(), ["u1"]);
}

#[test]
fn a_role_is_not_emptied_for_people_whom_heylo_ignores() {
    let setup = Setup::new();
    let strangers = ["ada@example.com", "bob@example.com"];
    let failed = setup.captains().set_members(strangers).unwrap_err();
    assert_eq!(failed.kind(), ErrorKind::Rejected, "{failed:?}");
    assert!(failed.error.message().contains("added none"), "{failed:?}");
    assert_eq!((failed.change.ignored.len(), failed.change.removed.len()), (2, 0));
    assert_eq!((failed.left.added().len(), failed.left.removed().len()), (0, 300));
    assert_eq!(setup.sandbox.role_members("club", "captains").len(), 300);

    // The additions that took effect count although the response was lost.
    setup.inject(Fault::Cut(FaultPoint::AfterEffect), "/apiv1-update", 1);
    let change = setup.captains().set_members(["u598", "stranger"]).unwrap();
    assert_eq!((change.added.len(), change.removed.len(), change.ignored.len()), (1, 300, 1));

    // One who is a member is enough, and if somebody stays, both sides go into one request.
    let change = setup.captains().set_members(["u599", "stranger"]).unwrap();
    assert_eq!((change.added.len(), change.removed.len(), change.ignored.len()), (1, 1, 1));
    let before = setup.requests_to("/apiv1-update");
    let change = setup.captains().set_members(["u599", "u597", "stranger"]).unwrap();
    assert_eq!((change.added.len(), change.unchanged.len()), (1, 1));
    assert_eq!(setup.requests_to("/apiv1-update"), before + 1);
    setup.captains().remove_all_members().unwrap();
    assert!(setup.sandbox.role_members("club", "captains").is_empty());
}

#[test]
fn nobody_is_removed_for_a_journal_or_a_list_that_is_not_the_right_one() {
    let setup = Setup::new();
    let journal_of = |community: &str| {
        let mut journal = setup.client.community(community).invite_journal();
        for user_id in ["u1", "u2", "u3"] {
            journal.mark_done(user_id);
        }
        journal
    };
    let (ours, others) = (journal_of("club"), journal_of("book-circle"));
    let removals = setup.community.remove_members(["u1"]).journal().clone();
    for (journal, listed, words) in [
        (&others, &["u1"][..], "the journal of book-circle/invite, and not of club/invite"),
        (&removals, &["u1"], "the journal of club/remove, and not of club/invite"),
        (&ours, &[], "nobody is listed"),
        (&ours, &["u1", "u2 ", "u3"], "the user id \"u2 \" seems to be \"u2\""),
        (&ours, &["u1", "\u{feff}u2"], "seems to be \"u2\""),
        (&ours, &["u1", "'u2'"], "seems to be \"u2\""),
        (&ours, &["u1", ""], "the 2nd of 2 people"),
    ] {
        let error = setup.community.remove_unlisted(journal, listed).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
        assert!(error.to_string().contains(words), "{error}");
    }
    assert_eq!(setup.requests_to("/apiv1-remove"), 0);

    let removed = setup.community.remove_unlisted(&ours, ["u2", "u9"]).unwrap();
    let removed: Vec<String> = removed.map(|outcome| outcome.user_id).collect();
    assert_eq!(removed, ["u1", "u3"]);
    assert_eq!(setup.sandbox.member_ids("club").len(), 598);
    // Nobody was invited yet, so an empty list removes nobody.
    let none: [&str; 0] = [];
    let first = setup.community.invite_journal();
    assert_eq!(setup.community.remove_unlisted(&first, none).unwrap().count(), 0);
}

#[test]
fn whoever_is_not_listed_is_removed_once_also_of_a_journal_of_thousands() {
    let setup = Setup::new();
    let people = ids(0..3000);
    let mut journal = setup.community.invite_journal();
    people.iter().for_each(|user_id| journal.mark_done(user_id));
    let listed: Vec<&String> = people.iter().filter(|id| !id.ends_with('7')).collect();
    let removals = setup.community.remove_unlisted(&journal, &listed).unwrap();
    assert_eq!(removals.left().len(), 300);
    for outcome in removals {
        // Most are no members any more.
        assert!(outcome.is_removed() && outcome.user_id.ends_with('7'), "{outcome:?}");
        journal.forget(&outcome.user_id);
    }
    assert_eq!(setup.requests_to("/apiv1-remove"), 300);
    let members = setup.sandbox.member_ids("club");
    assert!(members.len() == 540 && !members.iter().any(|id| id.ends_with('7')));
    assert_eq!(journal.done().count(), 2700);
    assert_eq!(setup.community.remove_unlisted(&journal, &listed).unwrap().left().len(), 0);
}

#[test]
fn a_journal_that_cannot_be_written_ends_the_invites_before_anything_is_sent() {
    let setup = Setup::new();
    let mut invites = setup.community.invite_members(["x", "y", "z"].map(NewMember::new));
    assert!(invites.next_recorded(|_| Ok(())).unwrap().result.is_ok());
    let outcome = invites.next_recorded(|_| Err(io::ErrorKind::StorageFull.into())).unwrap();
    let error = outcome.result.unwrap_err();
    assert_eq!((outcome.user_id.as_str(), error.kind()), ("y", ErrorKind::Output));
    assert_eq!((error.applied(), error.attempts(), error.exit_code()), (Applied::No, 0, 74));
    let source = error.source().and_then(|it| it.downcast_ref::<io::Error>());
    assert_eq!(source.map(io::Error::kind), Some(io::ErrorKind::StorageFull));
    assert!(invites.next_recorded(|_| Ok(())).is_none() && invites.next().is_none());
    assert_eq!(invites.left().collect::<Vec<_>>(), ["z"]);
    assert_eq!(setup.requests_to("/apiv1-create"), 1);

    let rest = setup.community.invite_members(["x", "y", "z"].map(NewMember::new));
    let rest = rest.resume_at(invites.journal()).unwrap();
    assert_eq!(rest.left().collect::<Vec<_>>(), ["y", "z"]);
}

#[test]
fn a_person_is_written_down_once_however_many_attempts_there_are_and_not_if_rejected() {
    let setup = Setup::new();
    setup.inject(Fault::RateLimited(None), "/apiv1-create", 1);
    let mut invites = setup.community.invite_members(["x", " y"].map(NewMember::new));
    let mut written = 0;
    let mut next = || {
        invites.next_recorded(|_| {
            written += 1;
            Ok(())
        })
    };
    assert!(next().unwrap().result.is_ok());
    assert_eq!(next().unwrap().result.unwrap_err().kind(), ErrorKind::InvalidInput);
    assert_eq!((written, setup.requests_to("/apiv1-create")), (1, 2));
}

/// A transport around another one that leaves out what it can.
struct Around(DryRun);

impl Transport for Around {
    fn send_with(
        &self,
        request: http::Request<Vec<u8>>,
        timeout: Duration,
        progress: &mut SendProgress<'_>,
    ) -> Result<http::Response<Vec<u8>>, TransportError> {
        self.0.send_with(request, timeout, progress)
    }
}

#[test]
fn a_dry_run_leaves_the_journal_as_it_is() {
    let saved = r#"{"operation":"invite","communityId":"club","people":{"x":"failed","z":"done"}}"#;
    let journal: Journal = saved.parse().unwrap();
    let dry_run = || DryRun::new().to(io::sink());
    for (config, written) in [
        (Config::new().transport(dry_run()), 0),
        (Config::new().transport(Arc::new(dry_run().sending_reads(Heylo::demo()))), 0),
        (Config::new().transport(Box::new(dry_run()) as Box<dyn Transport>), 0),
        // It does not report that nothing is sent, so what is written has the person in doubt.
        (Config::new().transport(Around(dry_run())), 2),
    ] {
        let client = Client::with_config("key", config.clock(TestClock::new())).unwrap();
        for is_recorded in [true, false] {
            let people = ["x", "y", "z"].map(NewMember::new);
            let invites = client.community("club").invite_members(people);
            let (mut invites, mut count) = (invites.resume_at(&journal).unwrap(), 0);
            let mut next = || match is_recorded {
                true => invites.next_recorded(|_| {
                    count += 1;
                    Ok(())
                }),
                false => invites.next(),
            };
            for _ in 0..2 {
                assert_eq!(next().unwrap().result.unwrap_err().kind(), ErrorKind::DryRun);
            }
            assert!(next().is_none());
            assert_eq!((invites.journal(), invites.failed_count()), (&journal, 2));
            assert_eq!(count, if is_recorded { written } else { 0 });
        }
    }
}

#[test]
fn a_panic_of_the_transport_leaves_the_person_in_doubt_and_is_not_sent_again() {
    let sent = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&sent);
    let transport = move |_: http::Request<Vec<u8>>, _: Duration| {
        let number = count.fetch_add(1, Ordering::SeqCst);
        if number == 0 {
            std::panic::resume_unwind(Box::new("out of memory"));
        }
        Ok::<_, TransportError>(http::Response::new(b"{}".to_vec()))
    };
    let config = Config::new().transport(transport).clock(TestClock::new());
    let community = Client::with_config("key", config).unwrap().community("club");
    let mut invites = community.invite_members(["x", "y"].map(NewMember::new));
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| invites.next()));
    assert!(caught.is_err());
    assert_eq!(invites.journal().unknown().collect::<Vec<_>>(), ["x"]);
    assert_eq!(invites.next().unwrap().user_id, "y");
    let again = community.invite_members(["x", "y"].map(NewMember::new));
    assert_eq!(again.resume_at(invites.journal()).unwrap().left().len(), 0);
}

#[test]
fn the_journal_that_is_written_before_a_removal_doubts_nobody() {
    let setup = Setup::new();
    let mut removals = setup.community.remove_members(["u1", "u2"]);
    removals.next();
    let mut written = None;
    removals.next_recorded(|journal| {
        written = Some(journal.clone());
        Ok(())
    });
    let written = written.unwrap();
    assert_eq!((written.done().collect::<Vec<_>>(), written.unknown().count()), (vec!["u1"], 0));
}

#[test]
fn a_removal_whose_response_was_lost_is_retried_in_a_later_run() {
    let setup = Setup::with(Config::new().retries(0));
    setup.inject(Fault::Cut(FaultPoint::AfterEffect), "/apiv1-remove", 1);
    let mut first = setup.community.remove_members(["u1", "u2"]);
    first.by_ref().for_each(drop);
    assert_eq!(first.journal().failed().collect::<Vec<_>>(), ["u1"]);
    let rest = setup.community.remove_members(["u1", "u2"]).resume_at(first.journal()).unwrap();
    assert_eq!(rest.left().collect::<Vec<_>>(), ["u1"]);
}
