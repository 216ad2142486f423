//! Mentions as they come: nothing is lost and nothing comes twice, whatever happens between two readings.

#![cfg(feature = "sandbox")]
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use heysync::heylerts::{Bookmark, Follow};
use heysync::sandbox::heylerts::Mention;
use heysync::sandbox::{Fault, FaultPoint, Heylerts, Services, TestClock, TimestampFormat, serve};
use heysync::{Config, ErrorKind, Timestamp, UreqTransport, heylerts, http};
use proptest::prelude::*;

#[path = "support/limit.rs"]
#[allow(dead_code, reason = "it is kept until the test ends")]
mod limit;

use limit::Limit;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);
const OUTAGE: Fault = Fault::BadGateway(FaultPoint::BeforeEffect);

struct World {
    clock: TestClock,
    service: Heylerts,
    client: heylerts::Client,
    _limit: Limit,
}

impl World {
    fn new() -> World {
        let clock = TestClock::new();
        let service = Heylerts::demo().clock(clock.clone());
        let config = Config::new().transport(service.clone()).clock(clock.clone()).retries(0);
        World {
            client: heylerts::Client::with_config("hlt_follow", config).unwrap(),
            clock,
            service,
            _limit: Limit::start(),
        }
    }

    /// Adds a mention with a time so long before now, and returns its id.
    fn add(&self, late: Duration) -> String {
        self.add_at(self.service.now() - late)
    }

    fn add_at(&self, time: SystemTime) -> String {
        let alert = self.service.change(|state| state.alerts[0].id.clone());
        self.service.add_mention(Mention::new(alert, "News").found_at(time))
    }

    fn delete(&self, id: &str) {
        self.service.change(|state| state.mentions.retain(|mention| mention.id != id));
    }

    /// An iterator that has found out what is there already.
    fn begun(&self) -> Follow {
        let first = self.new_since(&Bookmark::default());
        self.client.mentions().follow(MINUTE).resume_at(&first.1).unwrap()
    }

    /// What is new since a bookmark, and the bookmark after it.
    fn new_since(&self, bookmark: &Bookmark) -> (Vec<String>, Bookmark) {
        let mut new = self.client.mentions().new_since(bookmark).unwrap();
        let ids = new.by_ref().map(|mention| mention.unwrap().id).collect();
        (ids, new.bookmark())
    }

    fn requests(&self) -> usize {
        self.service.requests().len()
    }
}

fn next_id(follow: &mut Follow) -> String {
    follow.next().unwrap().unwrap().id
}

#[test]
fn what_was_there_before_is_not_new_unless_since_says_so() {
    let world = World::new();
    assert!(world.new_since(&Bookmark::default()).0.is_empty());
    let noon: Timestamp = "2026-05-07T12:00:00Z".parse().unwrap();
    let mut listed: Vec<String> =
        world.client.mentions().since(noon).map(|mention| mention.unwrap().id).collect();
    listed.reverse();
    let new = world.client.mentions().since(noon).new_since(&Bookmark::default()).unwrap();
    let new: Vec<String> = new.map(|mention| mention.unwrap().id).collect();
    assert_eq!(new, listed, "the oldest comes first");
}

#[test]
fn an_unread_account_is_followed_from_its_first_mention() {
    let world = World::new();
    world.service.change(|state| state.mentions.clear());
    let mut follow = world.begun();
    let id = world.add(Duration::ZERO);
    assert_eq!(next_id(&mut follow), id);
}

#[test]
fn a_mention_that_appears_late_comes_if_it_is_late_by_no_more_than_the_overlap() {
    let world = World::new();
    let mut follow = world.begun();
    world.clock.advance(24 * HOUR);
    let newest = world.add(Duration::ZERO);
    assert_eq!(next_id(&mut follow), newest);
    let now = world.service.now();
    let (_too_late, late) =
        (world.add_at(now - HOUR - 2 * SECOND), world.add_at(now - HOUR + 2 * SECOND));
    let saved = follow.bookmark();
    assert_eq!(world.new_since(&saved).0, [late.as_str()]);
    assert_eq!(next_id(&mut follow), late);
    let longer =
        world.client.mentions().follow(MINUTE).overlap(2 * HOUR).resume_at(&saved).unwrap();
    // The older bookmark has forgotten what was before its overlap, so it is not new again.
    assert_eq!(longer.take(1).map(|mention| mention.unwrap().id).collect::<Vec<_>>(), [late]);
}

#[test]
fn mentions_with_equal_times_all_come_however_they_are_split_between_readings() {
    let world = World::new();
    let time = world.service.now() + 5 * MINUTE;
    let mut bookmark = world.new_since(&Bookmark::default()).1;
    let mut came = Vec::new();
    let mut added = Vec::new();
    for _ in 0..5 {
        added.extend([world.add_at(time), world.add_at(time)]);
        let (ids, next) = world.new_since(&bookmark);
        came.extend(ids);
        bookmark = next;
    }
    assert_eq!(came, added);
}

#[test]
fn a_burst_of_many_pages_comes_in_order() {
    let world = World::new();
    let mut follow = world.begun();
    let added: Vec<String> = (0..350).map(|nth| world.add(SECOND * (350 - nth))).collect();
    let came: Vec<String> = (0..350).map(|_| next_id(&mut follow)).collect();
    assert_eq!(came, added);
}

#[test]
fn intervals_double_while_nothing_comes_up_to_eight_and_begin_again() {
    let world = World::new();
    let clock = world.clock.clone();
    let mut follow = world.begun();
    let (service, before) = (world.service.clone(), world.requests());
    // The seventh reading finds a mention.
    let alert = service.change(|state| state.alerts[0].id.clone());
    service.before(before + 7, move |service| {
        let time = service.now();
        service.add_mention(Mention::new(alert, "News").found_at(time));
    });
    let start = clock.elapsed();
    next_id(&mut follow);
    // At 0, 1, 3, 7, 15, 23 and 31 minutes.
    assert_eq!((clock.elapsed() - start).as_secs() / 60, 31);
    let id = world.add(Duration::ZERO);
    assert_eq!(next_id(&mut follow), id);
    assert_eq!((clock.elapsed() - start).as_secs() / 60, 39);
    let id = world.add(Duration::ZERO);
    assert_eq!(next_id(&mut follow), id);
    assert_eq!((clock.elapsed() - start).as_secs() / 60, 40);
}

#[test]
fn a_longest_interval_below_the_interval_counts_as_the_interval() {
    let world = World::new();
    let service = world.service.clone();
    let mut follow = world.begun().max_interval(SECOND);
    let (start, before) = (world.clock.elapsed(), world.requests());
    let alert = service.change(|state| state.alerts[0].id.clone());
    service.before(before + 4, move |service| {
        let time = service.now();
        service.add_mention(Mention::new(alert, "News").found_at(time));
    });
    next_id(&mut follow);
    assert_eq!((world.clock.elapsed() - start).as_secs() / 60, 3);
}

#[test]
fn the_interval_after_a_reading_that_failed_begins_at_its_end() {
    let world = World::new();
    let mut follow = world.begun();
    let clock = world.clock.clone();
    world.service.before(world.requests() + 1, move |_| clock.advance(5 * MINUTE));
    world.service.inject(1, OUTAGE);
    let start = world.clock.elapsed();
    assert!(follow.next().unwrap().is_err());
    let id = world.add(Duration::ZERO);
    assert_eq!(next_id(&mut follow), id);
    assert_eq!((world.clock.elapsed() - start).as_secs() / 60, 6);
}

#[test]
fn an_iterator_that_was_used_starts_again_at_the_bookmark_it_resumes_at() {
    let world = World::new();
    let bookmark = world.new_since(&Bookmark::default()).1;
    let added: Vec<String> = (0..250).map(|nth| world.add(SECOND * (250 - nth))).collect();
    let mut follow = world.begun().resume_at(&bookmark).unwrap();
    assert_eq!(next_id(&mut follow), added[0]);
    // With mentions that were read and not yielded, after half a reading, and at its end.
    let mut follow = follow.resume_at(&bookmark).unwrap();
    assert_eq!([next_id(&mut follow), next_id(&mut follow)], added[..2]);
    let mut follow = follow.resume_at(&bookmark).unwrap();
    world.service.inject_if(1, OUTAGE, |request| request.query.contains("page=2"));
    assert!(follow.next().unwrap().is_err());
    let before = world.requests();
    let mut follow = follow.resume_at(&bookmark).unwrap();
    assert_eq!(next_id(&mut follow), added[0]);
    assert_eq!(world.requests() - before, 3);
    let mut new = world.client.mentions().new_since(&bookmark).unwrap();
    assert_eq!(new.by_ref().count(), 250);
    assert_eq!(new.resume_at(&bookmark).unwrap().count(), 250);
}

#[test]
fn mentions_that_come_while_half_a_reading_waits_push_none_into_view_twice() {
    let world = World::new();
    let mut follow = world.begun();
    let mut added: Vec<String> = (0..250).map(|nth| world.add(SECOND * (250 - nth))).collect();
    world.service.inject_if(1, OUTAGE, |request| request.query.contains("page=2"));
    assert!(follow.next().unwrap().is_err());
    added.extend((0..10).map(|_| world.add(Duration::ZERO)));
    let mut came: Vec<String> = (0..260).map(|_| next_id(&mut follow)).collect();
    came.sort();
    added.sort();
    assert_eq!(came, added);
}

#[test]
fn a_reading_after_a_list_that_contradicted_itself_begins_at_the_first_page() {
    let world = World::new();
    let mut follow = world.begun();
    let added: Vec<String> = (0..250).map(|nth| world.add(SECOND * (250 - nth))).collect();
    let wrong = Fault::altered(|response| {
        let body = String::from_utf8_lossy(response.body()).replace("\"page\":2", "\"page\":7");
        *response.body_mut() = body.into_bytes();
    });
    world.service.inject_if(1, wrong, |request| request.query.contains("page=2"));
    assert_eq!(follow.next().unwrap().unwrap_err().kind(), ErrorKind::NoProgress);
    let before = world.requests();
    assert_eq!(next_id(&mut follow), added[0]);
    let pages: Vec<bool> = world.service.requests()[before..]
        .iter()
        .map(|request| request.query.contains("page=1&"))
        .collect();
    assert_eq!(pages[..2], [true, false]);
}

#[test]
fn an_outage_yields_errors_and_the_iteration_goes_on() {
    let world = World::new();
    let mut follow = world.begun();
    let id = world.add(Duration::ZERO);
    world.service.inject(3, OUTAGE);
    for _ in 0..3 {
        assert_eq!(follow.next().unwrap().unwrap_err().kind(), ErrorKind::Server);
    }
    assert_eq!(next_id(&mut follow), id);
    // At once, and after 1, 2 and 4 minutes.
    assert_eq!(world.clock.elapsed().as_secs() / 60, 7);
}

#[test]
fn a_key_that_is_rejected_for_a_while_does_not_end_it() {
    let world = World::new();
    let mut follow = world.begun();
    let id = world.add(Duration::ZERO);
    let rejected =
        Fault::altered(|response| *response.status_mut() = http::StatusCode::UNAUTHORIZED);
    world.service.inject(1, rejected);
    assert_eq!(follow.next().unwrap().unwrap_err().kind(), ErrorKind::Unauthorized);
    assert_eq!(next_id(&mut follow), id);
}

#[test]
fn a_page_that_fails_is_read_again_without_the_pages_before_it() {
    let world = World::new();
    let mut follow = world.begun();
    let added: Vec<String> = (0..250).map(|nth| world.add(SECOND * (250 - nth))).collect();
    let before = world.requests();
    world.service.inject_if(2, OUTAGE, |request| request.query.contains("page=2"));
    assert_eq!(follow.by_ref().take(2).filter(Result::is_err).count(), 2);
    let came: Vec<String> = (0..250).map(|_| next_id(&mut follow)).collect();
    assert_eq!(came, added);
    assert_eq!(world.requests() - before, 3 + 2);
}

#[test]
fn input_that_cannot_be_used_is_one_error_and_the_end() {
    let world = World::new();
    let day = 24 * HOUR;
    for mut follow in [
        world.client.mentions().follow(Duration::ZERO),
        world.client.mentions().follow(32 * day),
        world.client.mentions().follow(MINUTE).overlap(32 * day),
        world.client.mentions().follow(MINUTE).max_interval(32 * day),
        world.client.mentions().alert("").follow(MINUTE),
        world.client.mentions().page_size(0).follow(MINUTE),
    ] {
        assert_eq!(follow.next().unwrap().unwrap_err().kind(), ErrorKind::InvalidInput);
        assert!(follow.next().is_none());
    }
    assert_eq!(world.requests(), 0);
}

#[test]
fn a_reading_that_fails_ends_new_since_and_the_bookmark_stays() {
    let world = World::new();
    let bookmark = world.new_since(&Bookmark::default()).1;
    let id = world.add(Duration::ZERO);
    world.service.inject(1, OUTAGE);
    let mut new = world.client.mentions().new_since(&bookmark).unwrap();
    assert!(new.next().unwrap().is_err());
    assert!(new.next().is_none());
    assert_eq!(world.new_since(&new.bookmark()).0, [id]);
}

#[test]
fn a_bookmark_is_for_its_filters_and_since_may_differ() {
    let world = World::new();
    let mentions = || world.client.mentions().source("reddit");
    let bookmark = {
        let mut new = mentions().since(Timestamp::now()).new_since(&Bookmark::default()).unwrap();
        assert!(new.next().is_none());
        new.bookmark()
    };
    assert!(mentions().new_since(&bookmark).is_ok());
    let other = world.client.mentions().new_since(&bookmark).unwrap_err();
    assert_eq!(other.kind(), ErrorKind::InvalidInput);
}

#[test]
fn a_mention_that_is_no_t_is_one_error_and_counts_as_yielded() {
    #[derive(serde::Deserialize)]
    struct Rated {
        relevance_score: u8,
    }
    let world = World::new();
    let mut follow = world.begun();
    let id = world.add(Duration::ZERO);
    let decoded = world.client.mentions().decode_as::<Rated>().follow(MINUTE);
    let mut decoded = decoded.resume_at(&follow.bookmark()).unwrap();
    let error = decoded.next().unwrap().map(|rated| rated.relevance_score).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unreadable);
    assert!(String::from_utf8_lossy(error.body()).contains("News"));
    assert_eq!(error.message(), format!("the item {id:?} is not what was expected"));
    assert!(error.hint().is_some_and(|hint| hint.contains("decode_as::<serde_json::Value>()")));
    assert!(world.new_since(&decoded.bookmark()).0.is_empty());
    next_id(&mut follow);
}

#[test]
fn times_without_an_offset_and_lists_that_lag_are_followed() {
    let world = World::new();
    world.service.change(|state| {
        state.settings.timestamp_format = TimestampFormat::NoOffset;
        state.settings.list_lag = 10 * MINUTE;
    });
    let mut follow = world.begun();
    let added: Vec<String> = (0..3).map(|nth| world.add(SECOND * (3 - nth))).collect();
    let came: Vec<String> = (0..3).map(|_| next_id(&mut follow)).collect();
    assert_eq!(came, added);
}

#[test]
fn pages_are_not_fetched_ahead_while_nothing_is_new() {
    let world = World::new();
    let first = world.client.mentions().new_since(&Bookmark::default()).unwrap();
    let saved = first.bookmark();
    let ahead = || world.client.mentions().page_size(10).prefetch(8);
    let mut new = ahead().new_since(&saved).unwrap();
    assert!(new.next().is_none());
    let before = world.requests();
    assert!(ahead().new_since(&new.bookmark()).unwrap().next().is_none());
    assert_eq!(world.requests() - before, 1);
}

#[test]
fn the_memory_is_bounded_by_the_overlap() {
    let world = World::new();
    let mut follow = world.begun();
    for _ in 0..500 {
        world.clock.advance(2 * MINUTE);
        world.add(Duration::ZERO);
        next_id(&mut follow);
        assert!(follow.bookmark().to_string().len() < 100 + 40 * 35);
    }
}

#[test]
fn mentions_are_followed_over_a_socket() {
    let services = Services::demo();
    let server = serve(0, services.clone()).unwrap();
    let config = Config::new().base_url(server.url()).transport(UreqTransport::default());
    let client = heylerts::Client::with_config("hlt_follow_socket", config).unwrap();
    let mut first = client.mentions().new_since(&Bookmark::default()).unwrap();
    assert!(first.next().is_none());
    let alert = client.alerts().next().unwrap().unwrap().id;
    let id = services.heylerts.receive(Mention::new(alert, "News")).unwrap();
    let saved = first.bookmark().to_string();
    let follow = client.mentions().follow(MINUTE).resume_at(&saved.parse().unwrap());
    assert_eq!(next_id(&mut follow.unwrap()), id);
}

#[derive(Clone, Debug)]
enum Step {
    /// Adds a mention that is so many tenths of the overlap older than the newest one.
    Add(u32),
    /// Deletes one of those that are there.
    Delete(prop::sample::Index),
    /// The next requests fail.
    Outage(usize),
    /// Time passes.
    Pass(u64),
    /// Takes so many of those that are new.
    Take(usize),
    Save,
    /// Kills the program, and continues from what was saved.
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => prop_oneof![Just(0), 0_u32..10].prop_map(Step::Add),
        2 => any::<prop::sample::Index>().prop_map(Step::Delete),
        1 => (1_usize..4).prop_map(Step::Outage),
        1 => (1_u64..20_000).prop_map(Step::Pass),
        4 => (1_usize..6).prop_map(Step::Take),
        2 => Just(Step::Save),
        1 => Just(Step::Restart),
    ]
}

/// What a program has to get, by a model that knows the whole history.
struct Model {
    world: World,
    follow: Follow,
    saved: String,
    newest: SystemTime,
    /// New, there, and not yielded.
    pending: BTreeSet<String>,
    /// Deleted before they were yielded: they may come or not.
    deleted: BTreeSet<String>,
    /// Yielded since the last save.
    unsaved: BTreeSet<String>,
}

impl Model {
    fn new() -> Model {
        let world = World::new();
        // Few, in small pages, so that changes meet the borders between them.
        world.service.change(|state| state.mentions.truncate(7));
        let follow = world.client.mentions().page_size(3).follow(MINUTE);
        let follow = follow.resume_at(&world.begun().bookmark()).unwrap();
        let saved = follow.bookmark().to_string();
        let newest = world.service.now();
        let (pending, deleted, unsaved) = Default::default();
        Model { world, follow, saved, newest, pending, deleted, unsaved }
    }

    fn run(&mut self, step: Step) {
        match step {
            Step::Add(late) => {
                self.newest = self.newest.max(self.world.service.now());
                let id = self.world.add_at(self.newest - late * (HOUR / 10));
                self.pending.insert(id);
            }
            Step::Delete(index) if !self.ids().is_empty() => {
                let id = index.get(&self.ids()).clone();
                self.world.delete(&id);
                if self.pending.remove(&id) || self.unsaved.remove(&id) {
                    self.deleted.insert(id);
                }
            }
            Step::Delete(_) => {}
            Step::Outage(requests) => self.world.service.inject(requests, OUTAGE),
            Step::Pass(seconds) => self.world.clock.advance(Duration::from_secs(seconds)),
            Step::Take(count) => self.take(count),
            Step::Save => {
                self.saved = self.follow.bookmark().to_string();
                self.unsaved.clear();
            }
            Step::Restart => {
                let bookmark = self.saved.parse().unwrap();
                let follow = self.world.client.mentions().page_size(3).follow(MINUTE);
                self.follow = follow.resume_at(&bookmark).unwrap();
                self.pending.append(&mut self.unsaved);
            }
        }
    }

    fn ids(&self) -> Vec<String> {
        self.pending.iter().chain(&self.unsaved).cloned().collect()
    }

    fn take(&mut self, count: usize) {
        let left = self.pending.len().saturating_sub(count);
        while self.pending.len() > left {
            let Ok(mention) = self.follow.next().unwrap() else { continue };
            let (id, is_pending) = (mention.id.clone(), self.pending.remove(&mention.id));
            assert!(is_pending || self.deleted.remove(&id), "{id} came twice");
            if is_pending {
                self.unsaved.insert(id);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_lost_and_nothing_but_what_was_not_saved_comes_twice(
        steps in prop::collection::vec(step(), 1..60),
    ) {
        let mut model = Model::new();
        steps.into_iter().for_each(|step| model.run(step));
        model.take(usize::MAX);
        prop_assert!(model.pending.is_empty());
        model.world.service.clear_faults();
        let (rest, _) = model.world.new_since(&model.follow.bookmark());
        let rest: Vec<String> = rest.into_iter().filter(|id| !model.deleted.contains(id)).collect();
        prop_assert_eq!(rest, Vec::<String>::new());
    }
}

#[test]
fn the_size_hint_is_the_number_of_mentions_that_were_read_and_not_yielded() {
    let world = World::new();
    let noon: Timestamp = "2026-05-07T12:00:00Z".parse().unwrap();
    let mentions = || world.client.mentions().since(noon);
    let all = mentions().count();
    let mut new = mentions().new_since(&Bookmark::default()).unwrap();
    assert_eq!(new.size_hint(), (0, None));
    for left in (0..all).rev() {
        new.next().unwrap().unwrap();
        assert_eq!(new.size_hint(), (left, Some(left)));
    }
    assert!(new.next().is_none());
    let mut follow = mentions().follow(MINUTE);
    next_id(&mut follow);
    assert_eq!(follow.size_hint(), (all - 1, None));
    world.service.inject(1, OUTAGE);
    let mut failed = mentions().new_since(&Bookmark::default()).unwrap();
    assert!(failed.next().unwrap().is_err());
    assert_eq!((failed.size_hint(), failed.next().is_none()), ((0, Some(0)), true));
}
