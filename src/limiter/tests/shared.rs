//! A file that several processes use: the contract, the promise, and what may become of processes and files.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::limiter::Rate;
use crate::limiter::headers::RateLimitHeaders;
use crate::limiter::ledger::{Lease, Ledger};
use crate::limiter::moment::nanos;
use crate::limiter::share::file::{FileStore, World};
use crate::limiter::share::process::{Life, Process};
use crate::limiter::share::state::Clocks;
use crate::limiter::status::{Outcome, Unavailable};
use crate::limiter::store::{Denied, TokenStore};

use super::clock::Hand;
use super::contract::{self, Stored};
use super::fleet::{self, Fleet};

/// P' of a second, and what the token of a request without a response is held on top.
const HELD: Duration = Duration::from_millis(1006);
const GRACE: Duration = Duration::from_secs(2);
const A_MOMENT: Duration = Duration::from_nanos(1);
const DAY: Duration = Duration::from_secs(86_400);
const FIVE: Rate = Rate::per_second(5);

/// A machine of its own for one test, with a folder that is removed at its end.
pub(crate) struct Machine {
    folder: PathBuf,
    pub(crate) clock: Arc<Hand>,
    /// The clock of the system shows so much less than the time that has passed.
    behind: Arc<AtomicU64>,
    /// How often it was booted, and by how much the time of day was set forward.
    boots: Arc<AtomicU64>,
    ahead: Arc<AtomicU64>,
    dead: Arc<Mutex<BTreeSet<u32>>>,
    stopped: Arc<Mutex<BTreeSet<u32>>>,
    /// Whether its processes are cautious about a key of which nothing is known.
    pub(crate) is_cautious: bool,
}

impl Machine {
    pub(crate) fn new() -> Machine {
        let name = format!("heysync-{}-{:x}", std::process::id(), fastrand::u64(..));
        Machine {
            folder: std::env::temp_dir().join(name),
            clock: Arc::new(Hand::new()),
            behind: Arc::default(),
            boots: Arc::new(AtomicU64::new(1)),
            ahead: Arc::new(AtomicU64::new(nanos(DAY))),
            dead: Arc::default(),
            stopped: Arc::default(),
            is_cautious: false,
        }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.join("a.tokens")
    }

    /// The store of a process.
    fn process(&self, pid: u32) -> FileStore {
        self.process_at(&self.path(), FIVE, move || pid)
    }

    pub(crate) fn process_at(
        &self,
        path: &Path,
        rate: Rate,
        pid: impl Fn() -> u32 + Send + Sync + 'static,
    ) -> FileStore {
        let (clock, behind) = (Arc::clone(&self.clock), Arc::clone(&self.behind));
        let (boots, ahead) = (Arc::clone(&self.boots), Arc::clone(&self.ahead));
        let (dead, stopped) = (Arc::clone(&self.dead), Arc::clone(&self.stopped));
        let life = move |process: &Process| match process.pid {
            pid if dead.lock().unwrap().contains(&pid) => Life::Dead,
            pid if stopped.lock().unwrap().contains(&pid) => Life::Stopped,
            _ => Life::Alive,
        };
        let world = World {
            clocks: Box::new(move |me| Clocks {
                boot: me.boot,
                system: nanos(clock.passed()).wrapping_sub(behind.load(Ordering::SeqCst)),
                day: nanos(clock.passed()) + ahead.load(Ordering::SeqCst),
            }),
            me: Box::new(move || Process::imagined(pid()).in_boot(boots.load(Ordering::SeqCst))),
            life: Box::new(life),
            is_cautious: self.is_cautious,
        };
        FileStore::in_world(path.to_owned(), rate, world)
    }

    fn pass(&self, time: Duration) {
        self.clock.advance(time);
    }

    /// The system is booted, which takes `time`.
    fn boot(&self, time: Duration) {
        self.behind.store(nanos(self.clock.passed()), Ordering::SeqCst);
        self.boots.fetch_add(1, Ordering::SeqCst);
        self.pass(time);
    }

    /// Another machine with the same folder, which has been up for so long.
    fn neighbour(&self, up: Duration) -> Machine {
        let behind = nanos(self.clock.passed()).wrapping_sub(nanos(up));
        Machine {
            folder: self.folder.clone(),
            clock: Arc::clone(&self.clock),
            behind: Arc::new(AtomicU64::new(behind)),
            boots: Arc::new(AtomicU64::new(1000 + nanos(up))),
            ahead: Arc::clone(&self.ahead),
            dead: Arc::default(),
            stopped: Arc::default(),
            is_cautious: self.is_cautious,
        }
    }

    pub(crate) fn kill(&self, pid: u32) {
        self.dead.lock().unwrap().insert(pid);
    }

    fn stop(&self, pid: u32) {
        self.stopped.lock().unwrap().insert(pid);
    }

    /// Writes other bytes into the file.
    fn damage(&self, change: impl FnOnce(&mut Vec<u8>)) {
        let mut bytes = fs::read(self.path()).unwrap();
        change(&mut bytes);
        fs::write(self.path(), bytes).unwrap();
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn take(store: &FileStore) -> Lease {
    store.lease(None).expect("a token")
}

fn take_all(store: &FileStore) -> Vec<Lease> {
    (0..5).map(|_| take(store)).collect()
}

fn answer(store: &FileStore, lease: &Lease) {
    let headers = RateLimitHeaders { success: true, ..RateLimitHeaders::default() };
    store.release(lease, Outcome::Responded(headers));
}

fn refusal() -> RateLimitHeaders {
    let retry_after = Some(Duration::from_secs(1));
    RateLimitHeaders { refused: true, retry_after, ..RateLimitHeaders::default() }
}

fn unavailable(store: &FileStore) -> Unavailable {
    match store.lease(None) {
        Err(Denied::Unavailable(why)) => why,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn has_none(store: &FileStore) {
    store.lease(None).expect_err("no token").not_ready();
}

/// One process with a file of its own each time.
fn alone(machine: &Machine) -> impl Fn(Rate) -> Stored {
    let number = AtomicU32::new(0);
    move |rate| {
        let name = number.fetch_add(1, Ordering::SeqCst).to_string();
        let store = machine.process_at(&machine.folder.join(name), rate, || 1);
        let clock = Arc::clone(&machine.clock);
        (Arc::new(store), Box::new(move |time| clock.advance(time)))
    }
}

#[test]
fn tokens_in_a_file_keep_the_contract() {
    contract::keeps(alone(&Machine::new()));
}

#[test]
fn tokens_in_a_file_begin_with_care() {
    let mut machine = Machine::new();
    machine.is_cautious = true;
    contract::begins_with_care(alone(&machine));
}

#[test]
fn two_processes_with_one_file_keep_the_contract_of_a_share() {
    let machine = Machine::new();
    let number = AtomicU32::new(0);
    contract::shares(Duration::ZERO, |rate| {
        let path = machine.folder.join(number.fetch_add(1, Ordering::SeqCst).to_string());
        let stores = [1, 2].map(|pid| Arc::new(machine.process_at(&path, rate, move || pid)) as _);
        let clock = Arc::clone(&machine.clock);
        (stores, Box::new(move |time| clock.advance(time)))
    });
}

#[test]
fn processes_with_one_file_keep_the_promise_whatever_the_network_does() {
    for (n, p) in [(1, Duration::from_millis(10)), (5, Duration::from_secs(1))] {
        fleet::keeps_the_promise(n, p, 150, |rate| {
            let machine = Machine::new();
            let path = machine.path();
            let store = |pid| Arc::new(machine.process_at(&path, rate, move || pid)) as _;
            let (stores, clock) = ((1..4).map(store).collect(), Arc::clone(&machine.clock));
            Fleet { stores, clock, kept: Box::new(machine) }
        });
    }
}

#[test]
fn the_token_of_a_dead_process_is_back_a_period_and_the_grace_after_it_was_noticed() {
    let machine = Machine::new();
    let (one, other) = (machine.process(1), machine.process(2));
    take_all(&one);
    machine.pass(Duration::from_secs(3600));
    has_none(&other);
    machine.kill(1);
    machine.pass(Duration::from_millis(100));
    has_none(&other);
    machine.pass(HELD + GRACE - A_MOMENT);
    has_none(&other);
    machine.pass(A_MOMENT);
    take_all(&other);
}

#[test]
fn a_process_that_is_stopped_keeps_its_token_and_knows_that_it_does() {
    let machine = Machine::new();
    let (one, other) = (machine.process(1), machine.process(2));
    let leases = take_all(&one);
    machine.pass(Duration::from_secs(86_400));
    has_none(&other);
    assert!(leases.iter().all(|lease| one.stands(lease)));
    leases.iter().for_each(|lease| answer(&one, lease));
    machine.pass(HELD);
    take(&other);
}

#[test]
fn a_process_that_is_stopped_while_it_tries_whether_a_pause_is_over_does_not_stop_the_others() {
    let machine = Machine::new();
    let (one, other) = (machine.process(1), machine.process(2));
    let refused = take(&one);
    one.release(&refused, Outcome::Responded(refusal()));
    machine.pass(Duration::from_secs(1));
    let probe = take(&one);
    machine.pass(Duration::from_secs(3600));
    has_none(&other);
    machine.stop(1);
    machine.pass(Duration::from_millis(50));
    let second = take(&other);
    has_none(&other);
    answer(&other, &second);
    assert_eq!(other.snapshot().paused, None);
    // Its own token is out for as long as it lives.
    assert!(one.stands(&probe) && other.snapshot().in_flight == 1);
}

#[test]
fn the_grace_of_the_dead_process_counts_not_that_of_the_one_that_noticed() {
    for (of_the_dead, of_the_other) in [(30, 0), (0, 30)] {
        let machine = Machine::new();
        let (one, other) = (machine.process(1), machine.process(2));
        let grace = Duration::from_secs(of_the_dead);
        one.set_grace(grace);
        other.set_grace(Duration::from_secs(of_the_other));
        take_all(&one);
        machine.kill(1);
        machine.pass(Duration::from_millis(100));
        has_none(&other);
        machine.pass(HELD + grace - A_MOMENT);
        has_none(&other);
        machine.pass(A_MOMENT);
        take(&other);
    }
}

/// Two processes, one of which has a grace of half a minute and the other none.
fn patient_and_hasty(machine: &Machine) -> (FileStore, FileStore) {
    let (patient, hasty) = (machine.process(1), machine.process(2));
    patient.set_grace(Duration::from_secs(30));
    hasty.set_grace(Duration::ZERO);
    (patient, hasty)
}

#[test]
fn a_token_is_held_for_the_grace_of_its_process_even_if_another_one_takes_all_out() {
    let machine = Machine::new();
    let (patient, hasty) = patient_and_hasty(&machine);
    patient.release(&take(&patient), Outcome::NoResponse);
    hasty.exhaust(None).unwrap();
    machine.pass(HELD);
    assert_eq!(take_all_left(&hasty), 4);
    machine.pass(HELD);
    has_none(&hasty);
}

#[test]
fn a_process_adds_its_own_grace_to_a_state_that_another_one_has_begun_anew() {
    for outcome in [None, Some(Outcome::NoResponse)] {
        let machine = Machine::new();
        let (patient, hasty) = patient_and_hasty(&machine);
        let leases = take_all(&patient);
        leases.iter().for_each(|lease| {
            outcome.into_iter().for_each(|outcome| patient.release(lease, outcome));
        });
        machine.damage(|bytes| bytes.clear());
        unavailable(&hasty);
        has_none(&patient);
        machine.kill(1);
        machine.pass(Duration::from_millis(100));
        has_none(&hasty);
        machine.pass(HELD + Duration::from_secs(29));
        has_none(&hasty);
        machine.pass(Duration::from_secs(1));
        take_all(&hasty);
    }
}

#[test]
fn the_child_of_a_fork_has_none_of_its_parents_tokens() {
    let machine = Machine::new();
    let pid = Arc::new(AtomicU32::new(1));
    let now = Arc::clone(&pid);
    let store = machine.process_at(&machine.path(), FIVE, move || now.load(Ordering::SeqCst));
    let of_parent = take(&store);
    answer(&store, &take(&store));
    pid.store(2, Ordering::SeqCst);
    assert!(!store.stands(&of_parent));
    store.release(&of_parent, Outcome::NeverSent);
    assert_eq!(store.snapshot().used_elsewhere, 2);
    let of_child = (0..3).map(|_| take(&store)).collect::<Vec<_>>();
    has_none(&store);
    pid.store(1, Ordering::SeqCst);
    assert!(of_child.iter().all(|lease| !store.stands(lease)));
    assert_eq!(store.snapshot().in_flight, 4);
}

#[test]
fn a_file_that_is_damaged_is_an_error_and_then_all_tokens_are_out() {
    let damages: [fn(&mut Vec<u8>); 6] = [
        |bytes| bytes.clear(),
        |bytes| bytes.truncate(7),
        |bytes| bytes.truncate(30),
        |bytes| bytes.iter_mut().for_each(|byte| *byte = fastrand::u8(..)),
        |bytes| bytes.fill(0),
        |bytes| bytes.iter_mut().skip(20).for_each(|byte| *byte ^= 0x55),
    ];
    for damage in damages {
        let machine = Machine::new();
        let (one, other) = (machine.process(1), machine.process(2));
        let lease = take(&one);
        machine.damage(damage);
        assert!(unavailable(&other).retry_in.is_none());
        for store in [&one, &other, &machine.process(3)] {
            has_none(store);
        }
        machine.pass(HELD + GRACE - A_MOMENT);
        has_none(&other);
        machine.pass(A_MOMENT);
        // Those that came earlier do not ask again, and the first request is still under way.
        machine.pass(Duration::from_millis(50));
        assert_eq!(take_all_left(&other), 4);
        answer(&one, &lease);
    }
}

#[test]
fn a_damaged_file_has_no_token_for_a_process_that_knew_nothing_of_it() {
    let machine = Machine::new();
    take_all(&machine.process(1));
    machine.damage(|bytes| bytes.truncate(7));
    let other = machine.process(2);
    unavailable(&other);
    has_none(&other);
    has_none(&machine.process(3));
}

#[test]
fn a_write_that_was_cut_off_leaves_the_state_before_it() {
    let machine = Machine::new();
    let store = machine.process(1);
    let lease = take(&store);
    let before = fs::read(machine.path()).unwrap();
    let second = take(&store);
    let after = fs::read(machine.path()).unwrap();
    let changed: Vec<usize> = (0..after.len()).filter(|at| before[*at] != after[*at]).collect();
    for cut in [1, changed.len() / 2, changed.len() - 1] {
        let mut bytes = before.clone();
        changed[..cut].iter().for_each(|at| bytes[*at] = after[*at]);
        fs::write(machine.path(), bytes).unwrap();
        assert_eq!(machine.process(2).snapshot().in_flight, 1, "cut after {cut}");
    }
    // One more is held, since the step that is missing may have been recorded, and damaged later.
    let next = machine.process(3);
    assert_eq!(take_all_left(&next), 3);
    fs::write(machine.path(), after).unwrap();
    assert!(store.stands(&lease) && store.stands(&second));
}

#[test]
fn a_lease_and_a_release_write_one_whole_copy_each_and_nothing_else() {
    let machine = Machine::new();
    let store = machine.process(1);
    let lease = take(&store);
    let again = || {
        take(&store);
    };
    let release = || answer(&store, &lease);
    let steps: [&dyn Fn(); 4] = [&again, &release, &again, &again];
    for (step, begin) in steps.into_iter().zip([2056, 16].into_iter().cycle()) {
        let copy = begin..begin + 2040;
        // As if a longer state had been there.
        machine.damage(|bytes| bytes[copy.clone()][500..].fill(0xAA));
        let before = fs::read(machine.path()).unwrap();
        step();
        let mut after = fs::read(machine.path()).unwrap();
        assert!(after[copy.clone()][500..].iter().all(|byte| *byte == 0), "the copy at {begin}");
        assert!(after[copy.clone()] != before[copy.clone()], "the copy at {begin}");
        after[copy.clone()].copy_from_slice(&before[copy]);
        assert_eq!(after, before, "beside the copy at {begin}");
    }
}

#[test]
fn the_first_lease_of_a_new_file_is_held_even_if_its_record_is_damaged() {
    let damages: [fn(&mut Vec<u8>); 6] = [
        |bytes| bytes.truncate(2056),
        |bytes| bytes.truncate(3000),
        |bytes| bytes[2056..].fill(0),
        |bytes| bytes[2060] ^= 1,
        |bytes| bytes[16..2056].fill(0),
        |bytes| bytes[20] ^= 1,
    ];
    for damage in damages {
        let machine = Machine::new();
        take(&machine.process(1));
        machine.damage(damage);
        assert!(take_all_left(&machine.process(2)) <= 4);
    }
}

#[test]
fn a_file_of_another_version_is_left_as_it_is() {
    let machine = Machine::new();
    take(&machine.process(1));
    machine.damage(|bytes| bytes[12] += 1);
    let bytes = fs::read(machine.path()).unwrap();
    let why =
        crate::Error::from(crate::limiter::AcquireError::from(unavailable(&machine.process(2))));
    assert_eq!(why.kind(), crate::ErrorKind::SharedLimit);
    assert!(why.report().contains("one version of heysync"), "{}", why.report());
    assert!(why.report().contains("the file may be removed"), "{}", why.report());
    assert_eq!(fs::read(machine.path()).unwrap(), bytes);
}

#[test]
fn what_is_no_file_of_ours_is_an_error() {
    let machine = Machine::new();
    fs::create_dir_all(machine.path()).unwrap();
    unavailable(&machine.process(1));
    let elsewhere = machine.folder.join("elsewhere");
    fs::write(&elsewhere, "precious").unwrap();
    let link = machine.folder.join("link");
    symlink(&elsewhere, &link).unwrap();
    unavailable(&machine.process_at(&link, FIVE, || 1));
    assert_eq!(fs::read(&elsewhere).unwrap(), b"precious");
    // A folder in which nobody can create anything.
    unavailable(&machine.process_at(Path::new("/proc/heysync/a.tokens"), FIVE, || 1));
    unavailable(&machine.process_at(Path::new("/dev/null/a.tokens"), FIVE, || 1));
    unavailable(&machine.process_at(Path::new("/dev/full"), FIVE, || 1));
}

#[test]
fn a_file_of_another_user_is_left_as_it_is() {
    let machine = Machine::new();
    take(&machine.process(1));
    if std::os::unix::fs::chown(machine.path(), Some(1), None).is_err() {
        return println!("left out: only root can give a file away");
    }
    let bytes = fs::read(machine.path()).unwrap();
    unavailable(&machine.process(2));
    assert_eq!(fs::read(machine.path()).unwrap(), bytes);
}

#[test]
fn a_file_that_was_removed_is_created_with_all_tokens_out() {
    let machine = Machine::new();
    let (one, other) = (machine.process(1), machine.process(2));
    let leases = [take(&one), take(&one)];
    answer(&one, &leases[0]);
    fs::remove_file(machine.path()).unwrap();
    assert_eq!((one.snapshot().free, one.snapshot().in_flight), (0, 1));
    has_none(&one);
    has_none(&other);
    // The file was written whole, under another name.
    assert_eq!(fs::read_dir(&machine.folder).unwrap().count(), 1);
    machine.pass(HELD + GRACE);
    // One request is under way.
    assert_eq!((0..9).filter(|_| one.lease(None).is_ok()).count(), 4);
}

#[test]
fn a_file_that_was_renamed_or_replaced_is_not_used_any_more() {
    let changes: [fn(&Path); 3] = [
        |path| fs::rename(path, path.with_extension("moved")).unwrap(),
        |path| {
            fs::hard_link(path, path.with_extension("kept")).unwrap();
            fs::remove_file(path).unwrap();
        },
        |path| {
            let copy = path.with_extension("copy");
            fs::copy(path, &copy).unwrap();
            fs::rename(copy, path).unwrap();
        },
    ];
    for change in changes {
        let machine = Machine::new();
        let (one, other) = (machine.process(1), machine.process(2));
        let _ = take(&one);
        let _ = take(&other);
        change(&machine.path());
        let taken =
            take_all_left(&one) + take_all_left(&other) + take_all_left(&machine.process(3));
        assert!(taken <= 3, "{taken} and 2");
    }
}

#[test]
fn an_older_copy_of_the_file_frees_no_token() {
    let changes: [fn(&Path, &Path); 2] = [
        |copy, path| fs::rename(copy, path).unwrap(),
        |copy, path| fs::write(path, fs::read(copy).unwrap()).unwrap(),
    ];
    for change in changes {
        let machine = Machine::new();
        let (one, other) = (machine.process(1), machine.process(2));
        let before = take(&one);
        let copy = machine.path().with_extension("copy");
        fs::copy(machine.path(), &copy).unwrap();
        let after = take(&one);
        answer(&one, &take(&one));
        change(&copy, &machine.path());
        has_none(&one);
        has_none(&other);
        machine.pass(HELD + GRACE);
        machine.pass(Duration::from_millis(50));
        assert!(one.stands(&before) && one.stands(&after));
        assert_eq!(take_all_left(&other), 3);
    }
}

#[test]
fn a_process_notices_an_older_copy_of_the_file_although_another_one_has_taken_many_steps_since() {
    let machine = Machine::new();
    let (one, other) = (machine.process(1), machine.process(2));
    take(&one);
    let copy = fs::read(machine.path()).unwrap();
    for store in [&other, &other, &one] {
        take(store);
    }
    fs::write(machine.path(), copy).unwrap();
    (0..9).for_each(|_| has_none(&one));
    has_none(&other);
    machine.pass(HELD + GRACE);
    assert_eq!(take_all_left(&one), 1);
    assert_eq!((one.snapshot().in_flight, one.snapshot().free), (5, 0));
}

#[test]
fn a_copy_in_the_place_of_the_file_frees_no_token_for_a_process_that_missed_the_last_steps() {
    let machine = Machine::new();
    let (one, other) = (machine.process(1), machine.process(2));
    take(&other);
    take(&one);
    let copy = machine.path().with_extension("copy");
    fs::copy(machine.path(), &copy).unwrap();
    for _ in 0..3 {
        take(&one);
    }
    fs::rename(copy, machine.path()).unwrap();
    has_none(&other);
}

#[test]
fn a_damaged_file_that_has_another_name_is_left_as_it_is() {
    let machine = Machine::new();
    fs::create_dir_all(&machine.folder).unwrap();
    let elsewhere = machine.folder.join("elsewhere");
    fs::write(&elsewhere, "precious").unwrap();
    fs::hard_link(&elsewhere, machine.path()).unwrap();
    unavailable(&machine.process(1));
    assert_eq!(fs::read(&elsewhere).unwrap(), b"precious");
}

#[test]
fn a_clock_that_goes_back_holds_tokens_for_longer_and_never_for_less() {
    let machine = Machine::new();
    machine.pass(Duration::from_secs(500_000));
    let (one, other) = (machine.process(1), machine.process(2));
    take_all(&one).iter().for_each(|lease| answer(&one, lease));
    machine.pass(HELD / 2);
    machine.behind.store(nanos(machine.clock.passed()), Ordering::SeqCst);
    has_none(&other);
    machine.pass(HELD - A_MOMENT);
    has_none(&other);
    machine.pass(A_MOMENT);
    take_all(&other);
}

#[test]
fn a_boot_ends_requests_and_its_time_counts() {
    for up in [Duration::ZERO, HELD, HELD + GRACE - A_MOMENT] {
        let machine = Machine::new();
        machine.pass(DAY);
        let _under_way = take(&machine.process(1));
        machine.boot(up);
        let later = machine.process(1);
        has_none(&later);
        machine.pass(HELD + GRACE - A_MOMENT - up);
        has_none(&later);
        machine.pass(A_MOMENT);
        take_all(&later);
    }
    let machine = Machine::new();
    machine.pass(DAY);
    take_all(&machine.process(1));
    machine.boot(HELD + GRACE);
    take_all(&machine.process(1));
}

#[test]
fn after_a_boot_a_token_is_held_for_the_grace_of_its_process() {
    let machine = Machine::new();
    let (patient, hasty) = patient_and_hasty(&machine);
    take_all(&patient);
    has_none(&hasty);
    machine.boot(HELD);
    let later = machine.process(3);
    has_none(&later);
    machine.pass(Duration::from_secs(30) - A_MOMENT);
    has_none(&later);
    machine.pass(A_MOMENT);
    take_all(&later);
}

#[test]
fn a_boot_leaves_what_is_used_of_a_day() {
    let machine = Machine::new();
    let rate = FIVE.and(Rate::per_day(7));
    let store = || machine.process_at(&machine.path(), rate, || 1);
    let before = store();
    (0..3).for_each(|_| answer(&before, &take(&before)));
    machine.boot(Duration::from_secs(3600));
    assert_eq!(take_all_left(&store()), 4);
}

#[test]
fn after_a_boot_only_the_shortest_limit_is_waited_for_whoever_stated_it() {
    let machine = Machine::new();
    let hour = Rate::per_hour(7);
    let (one, other) = (machine.process_at(&machine.path(), hour, || 1), machine.process(2));
    answer(&one, &take(&one));
    answer(&other, &take(&other));
    machine.boot(HELD);
    let other = machine.process(2);
    has_none(&other);
    machine.pass(GRACE);
    assert_eq!((take_all_left(&other), other.snapshot().rate), (5, FIVE.and(hour)));
}

#[test]
fn a_time_of_day_that_is_set_changes_nothing_but_after_a_boot_it_may_be_waited_for() {
    let machine = Machine::new();
    machine.pass(DAY);
    let store = machine.process(1);
    for ahead in [Duration::ZERO, 400 * DAY, DAY / 2] {
        machine.ahead.store(nanos(ahead), Ordering::SeqCst);
        let leases = take_all(&store);
        has_none(&store);
        leases.iter().for_each(|lease| answer(&store, lease));
        machine.pass(HELD);
    }
    for ahead in [Duration::ZERO, 400 * DAY] {
        machine.boot(Duration::from_secs(10));
        machine.ahead.store(nanos(ahead), Ordering::SeqCst);
        let store = machine.process(1);
        let taken = take_all_left(&store);
        machine.pass(HELD + GRACE);
        assert_eq!(taken + take_all_left(&store), 5);
        machine.pass(DAY);
    }
}

#[test]
fn two_machines_with_one_folder_never_take_more_than_n_and_one_gets_an_error() {
    for up in [A_MOMENT, HELD, DAY, 400 * DAY] {
        let machine = Machine::new();
        machine.pass(DAY);
        let neighbour = machine.neighbour(up);
        let (one, other) = (machine.process(1), neighbour.process(1));
        let lease = take(&one);
        let error = crate::Error::from(crate::limiter::AcquireError::from(unavailable(&other)));
        assert_eq!(error.kind(), crate::ErrorKind::SharedLimit);
        assert!(error.report().contains("another machine"), "{}", error.report());
        assert_eq!(take_all_left(&one), 4);
        answer(&one, &lease);
        // One after the other may use it. The first one does not know that the other began.
        machine.pass(Duration::from_secs(60));
        has_none(&other);
        unavailable(&one);
        machine.pass(HELD + GRACE);
        take_all(&other);
    }
}

#[test]
fn a_file_whose_creation_takes_all_the_time_is_no_locked_one() {
    let machine = Machine::new();
    // Each attempt takes longer than a caller waits for the lock who has no time.
    let slow = || {
        let begin = Instant::now();
        while begin.elapsed() < Duration::from_millis(2) {
            std::hint::spin_loop();
        }
        1
    };
    let store = machine.process_at(&machine.path(), FIVE, slow);
    store.lease(Some(Instant::now())).expect("a token");
}

#[test]
fn a_lock_that_somebody_keeps_is_an_error_in_time() {
    let machine = Machine::new();
    let store = machine.process(1);
    let lease = take(&store);
    let file = fs::File::open(machine.path()).unwrap();
    file.lock().unwrap();
    let start = Instant::now();
    let why = match store.lease(Some(start)) {
        Err(Denied::Unavailable(why)) => why,
        other => panic!("{other:?}"),
    };
    assert!(why.retry_in.is_some());
    // A release that cannot be written is not lost.
    answer(&store, &lease);
    assert!(!store.is_idle());
    file.unlock().unwrap();
    assert_eq!((take_all_left(&store), store.snapshot().in_flight), (4, 4));
    machine.pass(HELD);
    take(&store);
}

fn take_all_left(store: &FileStore) -> usize {
    (0..9).filter(|_| store.lease(None).is_ok()).count()
}

#[test]
fn processes_take_turns_and_one_that_is_late_is_passed_by_and_keeps_its_place() {
    let machine = Machine::new();
    let (one, other, third) = (machine.process(1), machine.process(2), machine.process(3));
    let leases = take_all(&one);
    has_none(&other);
    has_none(&third);
    answer(&one, &leases[0]);
    for _ in 0..20 {
        has_none(&other);
        has_none(&third);
        machine.pass(HELD / 20);
    }
    // It is the turn of the other one, not of the third.
    has_none(&third);
    has_none(&one);
    let soon = third.lease(None).expect_err("no token").not_ready().look_again.unwrap();
    assert!(soon <= Duration::from_millis(50));
    machine.pass(Duration::from_millis(80));
    let taken = take(&third);
    has_none(&other);
    has_none(&one);
    third.release(&taken, Outcome::NeverSent);
    has_none(&one);
    take(&other);
}

#[test]
fn a_process_that_does_not_wait_has_no_place_in_the_line() {
    let machine = Machine::new();
    let (one, other, third) = (machine.process(1), machine.process(2), machine.process(3));
    let leases = take_all(&one);
    other.lease(Some(Instant::now())).expect_err("no token").not_ready();
    has_none(&third);
    one.release(&leases[0], Outcome::NeverSent);
    take(&third);
}

#[test]
fn the_snapshot_shows_what_the_other_processes_use() {
    let machine = Machine::new();
    let (one, other) = (machine.process(1), machine.process(2));
    let leases = [take(&one), take(&one), take(&other)];
    answer(&one, &leases[0]);
    let shown = |store: &FileStore| {
        let it = store.snapshot();
        (it.in_flight, it.free, it.used_elsewhere)
    };
    assert_eq!(shown(&one), (2, 2, 1));
    assert_eq!(shown(&other), (2, 2, 2));
    machine.pass(HELD);
    assert_eq!(shown(&other), (2, 3, 1));
    other.release(&leases[2], Outcome::NoResponse);
    machine.pass(HELD + GRACE - A_MOMENT);
    assert_eq!((shown(&one), shown(&other)), ((1, 3, 1), (1, 3, 1)));
}

#[test]
fn a_lower_rate_of_one_process_holds_for_all_until_nobody_used_the_key_for_ten_periods() {
    let machine = Machine::new();
    let (one, other) =
        (machine.process_at(&machine.path(), Rate::per_second(2), || 1), machine.process(2));
    let lease = take(&one);
    answer(&one, &lease);
    take(&other);
    has_none(&other);
    assert_eq!(other.snapshot().rate, Rate::per_second(2));
    machine.kill(2);
    let later = machine.process(3);
    machine.pass(Duration::from_millis(100));
    has_none(&later);
    machine.pass(HELD + GRACE + 10 * HELD);
    take(&later);
    take_all_left(&later);
    assert_eq!(later.snapshot().rate, FIVE);
}

#[test]
fn a_request_that_the_ledger_did_not_know_counts_from_its_end() {
    for (outcome, held) in [
        (Outcome::Responded(RateLimitHeaders::default()), Some(HELD)),
        (Outcome::NoResponse, Some(HELD + GRACE)),
        (Outcome::NeverSent, None),
    ] {
        let mut ledger = Ledger::new(Rate::per_second(1));
        ledger.charge(outcome, 0);
        assert_eq!(ledger.lease(0).err().map(|it| it.at_least), held);
    }
}

#[test]
fn the_grace_of_a_dead_process_is_its_own() {
    let mut ledger = Ledger::new(Rate::per_second(1));
    let lease = ledger.lease(0).unwrap();
    ledger.give_up(&lease, 0, 0);
    assert_eq!(ledger.lease(0).unwrap_err().at_least, HELD);
    assert_eq!(ledger.grace(), nanos(GRACE));
}
