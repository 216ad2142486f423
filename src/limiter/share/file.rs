//! Tokens in a file, for all processes of a machine.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use crate::limiter::ledger::{GRACE, Lease};
use crate::limiter::moment::{Nanos, NotReady, held, nanos};
use crate::limiter::rate::Rate;
use crate::limiter::status::{Outcome, Snapshot, Unavailable, WaitReason};
use crate::limiter::store::{Denied, TokenStore};

use super::presence;
use super::process::{Life, Process, boot_clock, time_of_day};
use super::record::{Contents, Copy, Locked, Record};
use super::state::{Clocks, Elsewhere, State};

/// A step tries for so long to get the lock, which others hold for microseconds.
const PATIENCE: Duration = Duration::from_millis(20);
/// It tries for so long even if the caller has no time.
const LEAST_PATIENCE: Duration = Duration::from_millis(1);
/// The first pause between two attempts, and the longest.
const PAUSE: Duration = Duration::from_micros(50);
const LONGEST_PAUSE: Duration = Duration::from_millis(2);
/// When a call tries again after that.
const TRY_AGAIN: Duration = Duration::from_millis(5);
/// Releases that could not be written are tried again this often.
const CATCH_UP: Duration = Duration::from_millis(100);
/// A token that was taken so shortly before is still there.
const SURE: Duration = Duration::from_millis(100);

/// The number of a state that was lost: every other one is older.
const LOST: u64 = u64::MAX;

/// The requests that this program has under way. Another program that takes its place in the same process, by `exec`,
/// knows nothing of them.
static UNDER_WAY: Mutex<BTreeSet<u64>> = Mutex::new(BTreeSet::new());

/// Tokens in a file.
///
/// Each step takes the lock of the file, reads the [`State`], changes it and writes it back, which takes microseconds.
/// A process that dies meanwhile releases the lock; one that is stopped holds the others up until their deadlines.
#[derive(Debug)]
pub(crate) struct FileStore {
    inner: Mutex<Inner>,
    /// Releases that are not written yet.
    late: Mutex<Vec<(u64, Outcome)>>,
    /// Whether a thread tries to write them, and the store that it needs for that.
    is_catching_up: AtomicBool,
    me: Weak<FileStore>,
    world: World,
}

/// How a store sees time, its own process and others.
pub(crate) struct World {
    pub(crate) clocks: Box<dyn Fn(&Process) -> Clocks + Send + Sync>,
    pub(crate) me: Box<dyn Fn() -> Process + Send + Sync>,
    pub(crate) life: Box<dyn Fn(&Process) -> Life + Send + Sync>,
    /// Whether somebody outside of the share may use the key as well.
    pub(crate) is_cautious: bool,
}

#[derive(Debug)]
struct Inner {
    record: Record,
    own: Own,
}

/// The knowledge of this process alone.
#[derive(Debug)]
struct Own {
    process: Process,
    /// Locked, to show other containers that this process is alive.
    presence: Option<Arc<File>>,
    rates: Vec<Rate>,
    grace: Duration,
    is_cautious: bool,
    /// The state that was written last, and its number.
    known: Option<(u64, u64)>,
    /// Our requests under way, and when each began to take its token.
    under_way: BTreeMap<u64, Instant>,
    /// When our other tokens are back.
    back: VecDeque<Nanos>,
}

impl World {
    pub(crate) fn real() -> World {
        World {
            clocks: Box::new(|me| Clocks {
                boot: me.boot,
                system: boot_clock(),
                day: time_of_day(),
            }),
            me: Box::new(Process::current),
            life: Box::new(|process| process.life(&Process::current())),
            is_cautious: true,
        }
    }
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World").finish_non_exhaustive()
    }
}

impl Own {
    /// Notices a `fork`: the requests under way are those of the parent.
    fn be(&mut self, process: Process, record: &mut Record) {
        if self.process != process {
            record.close();
            (self.process, self.presence) = (process, None);
            self.under_way.clear();
            self.back.clear();
        }
    }

    /// Notices that the file is another one, or none: every state in it is older than the one that we knew.
    fn lose(&mut self, record: &mut Record) {
        record.close();
        self.known = self.known.map(|(epoch, _)| (epoch, LOST));
    }

    /// Whether others can see that this process is alive. If the file was lost, its folder may be another one.
    fn is_shown(&self) -> bool {
        let is_lost = self.known.is_some_and(|(_, number)| number == LOST);
        !self.process.is_contained() || self.presence.is_some() && !is_lost
    }

    /// Adds what the state does not know, if it is not the one that we knew, or is an older copy of that: its tokens are out, and
    /// ours under way.
    fn reclaim(&self, state: &mut State, number: u64, now: Nanos) {
        let is_other = |(epoch, known): &(u64, u64)| *epoch != state.epoch || number < *known;
        let Some((epoch, _)) = self.known.filter(is_other) else {
            return;
        };
        if epoch == state.epoch {
            // Other processes notice this, even if more steps were written to the copy than they have seen.
            state.epoch = fastrand::u64(..);
        }
        state.exhaust(now);
        for token in self.under_way.keys() {
            state.take_back(self.process, *token, now);
        }
    }

    /// The state of a file that was not there.
    fn first_state(&self, clocks: Clocks) -> Result<State, Elsewhere> {
        let rate = self.rates.first().copied().unwrap_or(Rate::unlimited());
        let mut state = State::new(fastrand::u64(..), rate, self.is_cautious, clocks);
        let now = state.at(clocks)?;
        state.keep(&self.rates, self.grace, now);
        // If there was a file before, requests were sent that the new one must count.
        self.reclaim(&mut state, 0, now);
        Ok(state)
    }

    /// The state of a file that was damaged: nobody knows which tokens are out, so all are.
    fn state_after_damage(&self, clocks: Clocks) -> Result<State, Elsewhere> {
        let mut state = self.first_state(clocks)?;
        let now = state.at(clocks)?;
        state.exhaust(now);
        Ok(state)
    }

    /// Shows `work` the state as it is now, without writing it.
    fn look<T>(
        &self,
        mut state: State,
        clocks: Clocks,
        work: &mut impl FnMut(&mut State, &Own, Nanos) -> T,
    ) -> Result<T, Elsewhere> {
        let now = state.at(clocks)?;
        state.keep(&self.rates, self.grace, now);
        Ok(work(&mut state, self, now))
    }

    /// Counts a token that is on its way back.
    fn return_token(&mut self, outcome: Outcome, now: Nanos) {
        self.back.retain(|back| *back > now);
        let period = self.rates.iter().map(Rate::period).min().unwrap_or_default();
        let later = match outcome {
            Outcome::Responded(_) => 0,
            Outcome::NoResponse => nanos(self.grace),
            Outcome::NeverSent => return,
        };
        self.back.push_back(now.saturating_add(later).saturating_add(held(period)));
    }
}

impl FileStore {
    pub(crate) fn open(path: PathBuf, rate: Rate) -> Arc<FileStore> {
        Arc::new_cyclic(|me| FileStore {
            me: Weak::clone(me),
            ..FileStore::in_world(path, rate, World::real())
        })
    }

    pub(crate) fn in_world(path: PathBuf, rate: Rate, world: World) -> FileStore {
        let own = Own {
            process: (world.me)(),
            presence: None,
            rates: vec![rate],
            grace: GRACE,
            is_cautious: world.is_cautious,
            known: None,
            under_way: BTreeMap::new(),
            back: VecDeque::new(),
        };
        let inner = Mutex::new(Inner { record: Record::new(path), own });
        FileStore {
            inner,
            late: Mutex::default(),
            is_catching_up: AtomicBool::new(false),
            me: Weak::new(),
            world,
        }
    }

    /// Changes the state, or fails if the lock is not to be had by then.
    fn step<T>(
        &self,
        by: Option<Instant>,
        work: impl FnMut(&mut State, &Own, Nanos) -> T,
    ) -> Result<T, Unavailable> {
        self.insist(by, true, work)
    }

    /// Looks at the state and changes nothing, not even a damaged file.
    fn look<T>(&self, work: impl FnMut(&mut State, &Own, Nanos) -> T) -> Result<T, Unavailable> {
        self.insist(None, false, work)
    }

    fn insist<T>(
        &self,
        by: Option<Instant>,
        changes: bool,
        mut work: impl FnMut(&mut State, &Own, Nanos) -> T,
    ) -> Result<T, Unavailable> {
        let start = Instant::now();
        let end = by.map_or(start + PATIENCE, |by| by.min(start + PATIENCE));
        let end = end.max(start + LEAST_PATIENCE);
        let mut pause = PAUSE;
        loop {
            // After a `fork`, a thread of the parent may seem to have this lock for ever.
            let inner = match self.inner.try_lock() {
                Ok(inner) => Some(inner),
                Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
                Err(TryLockError::WouldBlock) => None,
            };
            if let Some(mut inner) = inner
                && let Some(done) = self.attempt(&mut inner, changes, &mut work)?
            {
                return Ok(done);
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(busy().retry_in(TRY_AGAIN));
            }
            thread::sleep(pause.min(left));
            pause = (2 * pause).min(LONGEST_PAUSE);
        }
    }

    /// `None` if somebody else has the lock, or the file was removed meanwhile.
    fn attempt<T>(
        &self,
        Inner { record, own }: &mut Inner,
        changes: bool,
        work: &mut impl FnMut(&mut State, &Own, Nanos) -> T,
    ) -> Result<Option<T>, Unavailable> {
        own.be((self.world.me)(), record);
        if !record.open()? {
            let seen = self.without_file(record, own, changes, work)?;
            if seen.is_some() || !record.open()? {
                return Ok(seen);
            }
        }
        let Some(locked) = record.try_lock()? else {
            return Ok(None);
        };
        if locked.is_replaced() {
            drop(locked);
            own.lose(record);
            return Ok(None);
        }
        let clocks = (self.world.clocks)(&own.process);
        match decode(&locked)? {
            Some((last, state)) if changes => self.change(&locked, &last, state, own, work),
            Some((_, state)) => Ok(Some(own.look(state, clocks, work)?)),
            None => {
                let restored = own.state_after_damage(clocks)?;
                changes.then(|| locked.restore(&encode(&restored)?)).transpose()?;
                Err(damaged(record))
            }
        }
    }

    /// Creates the file, or shows what would be in it if nothing is to be changed.
    fn without_file<T>(
        &self,
        record: &Record,
        own: &Own,
        changes: bool,
        work: &mut impl FnMut(&mut State, &Own, Nanos) -> T,
    ) -> Result<Option<T>, Unavailable> {
        let clocks = (self.world.clocks)(&own.process);
        let state = own.first_state(clocks)?;
        if changes {
            record.create(&encode(&state)?)?;
            return Ok(None);
        }
        Ok(Some(own.look(state, clocks, work)?))
    }

    fn change<T>(
        &self,
        locked: &Locked<'_>,
        last: &Copy,
        mut state: State,
        own: &mut Own,
        work: &mut impl FnMut(&mut State, &Own, Nanos) -> T,
    ) -> Result<Option<T>, Unavailable> {
        let now = state.at((self.world.clocks)(&own.process))?;
        state.keep(&own.rates, own.grace, now);
        own.reclaim(&mut state, last.number, now);
        if last.is_torn {
            state.charge(now);
        }
        self.see_who_lives(locked, own, &mut state, now)?;
        let late = std::mem::take(&mut *self.late());
        for (token, outcome) in &late {
            state.release(own.process, *token, *outcome, now);
        }
        let done = work(&mut state, own, now);
        let written = encode(&state).and_then(|bytes| locked.write(last, &bytes));
        let number = written.inspect_err(|_| self.late().extend(&late))?;
        own.known = Some((state.epoch, number));
        for (token, outcome) in late {
            under_way().remove(&token);
            own.return_token(outcome, now);
        }
        Ok(Some(done))
    }

    /// Frees the tokens of processes that died, and shows that this one lives.
    fn see_who_lives(
        &self,
        locked: &Locked<'_>,
        own: &mut Own,
        state: &mut State,
        now: Nanos,
    ) -> Result<(), Unavailable> {
        let life = self.life(locked.path(), own.process);
        if own.is_shown() {
            state.look_after(now, life);
            return Ok(());
        }
        // Those who died can no longer be recognized after this.
        state.bury(now, life);
        let shown = presence::show(locked.path(), &own.process);
        own.presence = Some(shown.map_err(|error| locked.unusable("shown to be in use", error))?);
        Ok(())
    }

    /// Writes releases that could not be written, in a thread of its own: nobody else can have those tokens, and this
    /// process may not take a step for long. If there is no thread, the next step does it.
    fn catch_up(&self) {
        if self.is_catching_up.swap(true, Ordering::SeqCst) {
            return;
        }
        let me = Weak::clone(&self.me);
        let work = move || {
            while let Some(store) = me.upgrade() {
                if store.has_caught_up() {
                    return;
                }
                let _ = store.step(None, |_, _, _| {});
                drop(store);
                thread::sleep(CATCH_UP);
            }
        };
        if thread::Builder::new().name("heysync-share".to_owned()).spawn(work).is_err() {
            self.is_catching_up.store(false, Ordering::SeqCst);
        }
    }

    /// Whether the thread can end: a release that came in between needs it still.
    fn has_caught_up(&self) -> bool {
        if !self.late().is_empty() {
            return false;
        }
        self.is_catching_up.store(false, Ordering::SeqCst);
        self.late().is_empty() || self.is_catching_up.swap(true, Ordering::SeqCst)
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn late(&self) -> MutexGuard<'_, Vec<(u64, Outcome)>> {
        self.late.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a process is alive that has a request under way. A request of our own is, while we know of it.
    fn life(&self, path: &Path, me: Process) -> impl Fn(&Process, u64) -> Life {
        let seen: RefCell<Vec<(Process, Life)>> = RefCell::default();
        move |process, token| {
            if *process == me {
                return if under_way().contains(&token) { Life::Alive } else { Life::Dead };
            }
            let known = seen.borrow().iter().find(|(it, _)| it == process).map(|(_, life)| *life);
            known.unwrap_or_else(|| {
                let life = match (self.world.life)(process) {
                    Life::Unknown => presence::life(path, process),
                    known => known,
                };
                seen.borrow_mut().push((*process, life));
                life
            })
        }
    }
}

impl TokenStore for FileStore {
    fn lease(&self, by: Option<Instant>) -> Result<Lease, Denied> {
        let (token, begin) = (fastrand::u64(..), Instant::now());
        under_way().insert(token);
        let leased = self.step(by, |state, own, now| {
            let stays = |it: &NotReady| by.is_none_or(|by| Instant::now() + it.at_least <= by);
            state.lease(own.process, token, now, stays)
        });
        match leased {
            Ok(Ok(())) => {
                self.inner().own.under_way.insert(token, begin);
                Ok(Lease::new(token, 0))
            }
            failed => {
                under_way().remove(&token);
                failed??;
                Err(busy().into())
            }
        }
    }

    fn stands(&self, lease: &Lease) -> bool {
        let mut inner = self.inner();
        let Inner { record, own } = &mut *inner;
        own.be((self.world.me)(), record);
        let since = own.under_way.get(&lease.id).copied();
        drop(inner);
        match since {
            None => false,
            Some(since) if since.elapsed() < SURE => true,
            Some(_) => {
                let holds = self.look(|state, own, _| state.holds(own.process, lease.id));
                holds.unwrap_or(false)
            }
        }
    }

    fn release(&self, lease: &Lease, outcome: Outcome) {
        let mut inner = self.inner();
        let Inner { record, own } = &mut *inner;
        own.be((self.world.me)(), record);
        let is_ours = own.under_way.remove(&lease.id).is_some();
        drop(inner);
        if is_ours {
            self.late().push((lease.id, outcome));
            if self.step(None, |_, _, _| {}).is_err() {
                self.catch_up();
            }
        }
    }

    fn outlook(&self, ahead: usize) -> NotReady {
        let outlook = self.look(|state, own, now| state.outlook(own.process, ahead, now));
        outlook.unwrap_or_else(|why| NotReady {
            at_least: why.retry_in.unwrap_or_default(),
            look_again: None,
            reason: WaitReason::Unavailable,
        })
    }

    fn tighten(&self, rate: Rate) {
        let rates = &mut self.inner().own.rates;
        if !rates.contains(&rate) {
            rates.push(rate);
        }
    }

    fn exhaust(&self, by: Option<Instant>) -> Result<(), Unavailable> {
        self.step(by, |state, _, now| state.exhaust(now))
    }

    fn set_grace(&self, grace: Duration) {
        self.inner().own.grace = grace;
    }

    fn snapshot(&self) -> Snapshot {
        let snapshot = self.look(|state, own, now| {
            let (snapshot, out) = state.snapshot(now);
            let back = own.back.iter().filter(|back| **back > now).count();
            let ours = back + state.held_by(own.process);
            Snapshot { used_elsewhere: out.saturating_sub(ours), ..snapshot }
        });
        snapshot.unwrap_or_else(|_| {
            let rates = self.inner().own.rates.clone();
            Snapshot::full(rates.into_iter().fold(Rate::unlimited(), Rate::and))
        })
    }

    /// The file remembers what this store forgets.
    fn is_idle(&self) -> bool {
        self.inner().own.under_way.is_empty() && self.late().is_empty()
    }
}

fn under_way() -> MutexGuard<'static, BTreeSet<u64>> {
    UNDER_WAY.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The state and the copy that it was read from; `None` if the file is damaged.
fn decode(locked: &Locked<'_>) -> Result<Option<(Copy, State)>, Unavailable> {
    let Contents::Valid(copy) = locked.read()? else {
        return Ok(None);
    };
    Ok(postcard::from_bytes(&copy.state).ok().map(|state| (copy, state)))
}

fn encode(state: &State) -> Result<Vec<u8>, Unavailable> {
    postcard::to_allocvec(state).map_err(|error| {
        Unavailable::new("the shared rate limit cannot be encoded", "report this")
            .with_source(error)
    })
}

impl From<Elsewhere> for Unavailable {
    fn from(_: Elsewhere) -> Unavailable {
        let message = "the shared rate limit is in use on another machine, or in a container with its own clock";
        Unavailable::new(message, "share by Redis, or by a folder on a disk of this machine")
    }
}

fn busy() -> Unavailable {
    let message = "the shared rate limit is locked by another process";
    Unavailable::new(message, "look for a program that is stopped, and continue or end it")
}

fn damaged(record: &Record) -> Unavailable {
    let path = record.path().display();
    let message =
        format!("the shared rate limit {path} was damaged, so all its tokens count as used");
    Unavailable::new(message, "try again after a period; the file is written anew")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_child_of_a_fork_opens_the_file_anew_since_a_lock_of_its_parent_would_count_as_its_own() {
        let folder = std::env::temp_dir().join(format!("heysync-fork-{:x}", fastrand::u64(..)));
        let path = folder.join("a.tokens");
        let store = FileStore::in_world(path, Rate::per_second(5), World::real());
        store.lease(None).expect("a token");
        let mut inner = store.inner();
        let Inner { record, own } = &mut *inner;
        assert!(record.try_lock().expect("a file with locks").is_some());
        own.be(Process::imagined(1), record);
        assert!(record.try_lock().expect("no file").is_none());
        std::fs::remove_dir_all(folder).expect("a folder to remove");
    }

    #[test]
    #[cfg(unix)]
    fn a_token_that_was_taken_some_time_ago_is_looked_for_before_the_request_is_sent() {
        let folder = std::env::temp_dir().join(format!("heysync-stands-{:x}", fastrand::u64(..)));
        let path = folder.join("a.tokens");
        let [store, other] =
            [(); 2].map(|()| FileStore::in_world(path.clone(), Rate::per_second(5), World::real()));
        let lease = store.lease(None).expect("a token");
        std::fs::write(&path, "damaged").expect("a file to damage");
        other.lease(None).expect_err("the damage is noticed");
        // However long that took.
        store.inner().own.under_way.insert(lease.id, Instant::now() + PATIENCE * 1000);
        assert!(store.stands(&lease));
        let long_ago = Instant::now().checked_sub(SURE).expect("a clock that has run for so long");
        store.inner().own.under_way.insert(lease.id, long_ago);
        assert!(!store.stands(&lease));
        std::fs::remove_dir_all(folder).expect("a folder to remove");
    }

    #[test]
    fn a_lease_that_was_denied_and_a_token_that_is_back_are_forgotten() {
        let folder = std::env::temp_dir().join(format!("heysync-forget-{:x}", fastrand::u64(..)));
        let time = Arc::new(std::sync::atomic::AtomicU64::new(0));
        let shown = Arc::clone(&time);
        let clocks = move |me: &Process| {
            let system = shown.load(Ordering::SeqCst);
            Clocks { boot: me.boot, system, day: time_of_day() }
        };
        let world = World { clocks: Box::new(clocks), is_cautious: false, ..World::real() };
        let store = FileStore::in_world(folder.join("a.tokens"), Rate::per_second(1), world);
        for _ in 0..3 {
            time.fetch_add(nanos(Duration::from_secs(10)), Ordering::SeqCst);
            let lease = store.lease(None).expect("a token");
            fastrand::seed(7);
            let denied = fastrand::u64(..);
            fastrand::seed(7);
            store.lease(None).expect_err("no token");
            assert!(under_way().contains(&lease.id) && !under_way().contains(&denied));
            store.release(&lease, Outcome::NoResponse);
            assert_eq!(store.inner().own.back.len(), 1);
        }
        std::fs::remove_dir_all(folder).expect("a folder to remove");
    }

    #[test]
    fn a_process_that_is_stopped_while_it_takes_a_token_looks_for_it_before_the_request_is_sent() {
        let folder = std::env::temp_dir().join(format!("heysync-begin-{:x}", fastrand::u64(..)));
        let read = Arc::new(Mutex::new(None));
        let noted = Arc::clone(&read);
        let clocks = move |me: &Process| {
            *noted.lock().expect("no panic") = Some(Instant::now());
            (World::real().clocks)(me)
        };
        let world = World { clocks: Box::new(clocks), ..World::real() };
        let store = FileStore::in_world(folder.join("a.tokens"), Rate::per_second(5), world);
        let lease = store.lease(None).expect("a token");
        // However long it took from the reading of the clock to the end.
        assert!(store.inner().own.under_way[&lease.id] <= read.lock().expect("no panic").unwrap());
        std::fs::remove_dir_all(folder).expect("a folder to remove");
    }

    #[test]
    #[cfg(unix)]
    fn the_child_of_a_fork_in_a_container_shows_that_it_lives() {
        let folder = std::env::temp_dir().join(format!("heysync-child-{:x}", fastrand::u64(..)));
        let path = folder.join("a.tokens");
        let current = Process::current();
        let [parent, child] =
            [1, 2].map(|pid| Process::imagined(pid).in_boot(current.boot).contained());
        let me = Arc::new(Mutex::new(parent));
        let now = Arc::clone(&me);
        let now = move || *now.lock().expect("no panic");
        let world = World { me: Box::new(now), is_cautious: false, ..World::real() };
        let store = FileStore::in_world(path.clone(), Rate::per_second(5), world);
        store.lease(None).expect("a token");
        assert_eq!(presence::life(&path, &child), Life::Unknown);
        *me.lock().expect("no panic") = child;
        store.lease(None).expect("a token");
        assert_eq!(presence::life(&path, &child), Life::Alive);
        std::fs::remove_dir_all(folder).expect("a folder to remove");
    }

    #[test]
    #[cfg(unix)]
    fn a_program_that_took_the_place_of_another_one_in_its_process_gives_up_the_tokens_of_that() {
        let folder = std::env::temp_dir().join(format!("heysync-exec-{:x}", fastrand::u64(..)));
        let time = Arc::new(std::sync::atomic::AtomicU64::new(nanos(SURE)));
        let shown = Arc::clone(&time);
        let clocks = move |me: &Process| Clocks {
            boot: me.boot,
            system: shown.load(Ordering::SeqCst),
            day: time_of_day(),
        };
        let world = World { clocks: Box::new(clocks), is_cautious: false, ..World::real() };
        let store = FileStore::in_world(folder.join("a.tokens"), Rate::per_second(5), world);
        let [before, kept] = [(); 2].map(|()| store.lease(None).expect("a token"));
        assert!(under_way().remove(&before.id));
        time.fetch_add(nanos(SURE), Ordering::SeqCst);
        store.release(&kept, Outcome::NeverSent);
        assert_eq!((store.snapshot().in_flight, store.snapshot().free), (0, 4));
        assert!(!under_way().contains(&kept.id));
        std::fs::remove_dir_all(folder).expect("a folder to remove");
    }

    #[test]
    #[cfg(unix)]
    fn a_process_in_a_container_looks_who_died_before_it_removes_their_files() {
        let _alone = crate::limiter::share::process::without_births();
        let folder = std::env::temp_dir().join(format!("heysync-died-{:x}", fastrand::u64(..)));
        let path = folder.join("a.tokens");
        let current = Process::current();
        let [dead, next] = [1, 2].map(|pid| {
            let me = Process::imagined(pid).in_boot(current.boot).contained();
            let world = World { me: Box::new(move || me), is_cautious: false, ..World::real() };
            FileStore::in_world(path.clone(), Rate::per_second(5), world)
        });
        dead.lease(None).expect("a token");
        drop(dead);
        next.lease(None).expect("a token");
        assert_eq!(next.snapshot().in_flight, 1);
        std::fs::remove_dir_all(folder).expect("a folder to remove");
    }

    #[test]
    #[cfg(unix)]
    fn a_process_in_a_container_shows_that_it_lives_in_a_folder_that_was_made_anew() {
        let folder = std::env::temp_dir().join(format!("heysync-anew-{:x}", fastrand::u64(..)));
        let path = folder.join("a.tokens");
        let me = Process::current().contained();
        let world = World { me: Box::new(move || me), ..World::real() };
        let store = FileStore::in_world(path.clone(), Rate::per_second(5), world);
        for _ in 0..2 {
            // A step that finds the folder removed may take all the time that it has.
            let shows = |_: &i32| {
                let _ = store.lease(None);
                presence::life(&path, &me) == Life::Alive
            };
            assert!((0..50).find(shows).is_some());
            std::fs::remove_dir_all(&folder).expect("a folder to remove");
        }
    }

    #[test]
    #[cfg(unix)]
    fn a_process_in_a_container_shows_that_it_lives_although_the_file_was_replaced() {
        let folder = std::env::temp_dir().join(format!("heysync-copied-{:x}", fastrand::u64(..)));
        let path = folder.join("a.tokens");
        let me = Process::current().contained();
        let world = World { me: Box::new(move || me), ..World::real() };
        let store = FileStore::in_world(path.clone(), Rate::per_second(5), world);
        store.lease(None).expect("a token");
        let copy = folder.join("copy");
        std::fs::copy(&path, &copy).expect("a copy");
        std::fs::rename(&copy, &path).expect("another file");
        assert_eq!(store.snapshot().in_flight, 1);
        assert_eq!(presence::life(&path, &me), Life::Alive);
        std::fs::remove_dir_all(folder).expect("a folder to remove");
    }
}
