//! The addresses of hosts: looked up in a thread, once a minute at most.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::process;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// For how long the addresses of a host are used without looking it up again.
const FRESH: Duration = Duration::from_secs(60);
/// For how long older addresses are used after a look-up failed.
const FRESH_AFTER_FAILURE: Duration = Duration::from_secs(10);
/// For how long a look-up is waited for when older addresses are known.
const PATIENCE: Duration = Duration::from_secs(1);

type LookUp = dyn Fn(&str) -> io::Result<Vec<SocketAddr>> + Send + Sync;

/// The known hosts, by `host:port`.
pub(crate) struct Names {
    entries: Mutex<HashMap<String, Entry>>,
    changed: Condvar,
    look_up: Box<LookUp>,
}

#[derive(Default)]
struct Entry {
    addresses: Vec<SocketAddr>,
    /// Their order was changed, which holds as long as look-ups find the same ones.
    is_reordered: bool,
    fresh_until: Option<Instant>,
    /// The process that has a thread looking this up. After a fork, the child has no such thread.
    looked_up_by: Option<u32>,
    /// How many look-ups have ended.
    ended: u64,
    /// Why the last one failed.
    failure: Option<(io::ErrorKind, String)>,
}

impl Default for Names {
    fn default() -> Names {
        Names::new(|host| Ok(host.to_socket_addrs()?.collect()))
    }
}

impl Names {
    pub(super) fn new(
        look_up: impl Fn(&str) -> io::Result<Vec<SocketAddr>> + Send + Sync + 'static,
    ) -> Names {
        Names { entries: Mutex::default(), changed: Condvar::new(), look_up: Box::new(look_up) }
    }

    /// Returns the addresses of `host` (`name:port`), without a thread if they are known.
    ///
    /// Callers that need the same host at the same time share one look-up, so that a name server that does
    /// not respond holds up one thread and not one for each attempt.
    pub(crate) fn resolve(
        self: &Arc<Names>,
        host: &str,
        now: Instant,
        timeout: Duration,
    ) -> io::Result<Vec<SocketAddr>> {
        let mut entries = self.lock();
        if let Some(entry) = entries.get(host).filter(|entry| entry.is_fresh(now)) {
            return Ok(entry.addresses.clone());
        }
        let entry = entries.entry(host.to_owned()).or_default();
        let ended = entry.ended;
        if entry.looked_up_by != Some(process::id()) {
            self.start(host, entry)?;
        }
        let patience = if entry.addresses.is_empty() { timeout } else { timeout.min(PATIENCE) };
        let is_pending = |entries: &mut HashMap<String, Entry>| {
            entries.get(host).is_some_and(|entry| entry.ended == ended)
        };
        let waited = self.changed.wait_timeout_while(entries, patience, is_pending);
        let (mut entries, _) = waited.unwrap_or_else(PoisonError::into_inner);
        entries.entry(host.to_owned()).or_default().outcome(ended)
    }

    /// Looks `host` up again when it is next needed: a connection to its addresses failed.
    pub(crate) fn suspect(&self, host: &str) {
        if let Some(entry) = self.lock().get_mut(host) {
            entry.fresh_until = None;
        }
    }

    /// Tries the first address of `host` last from now on: connections were made to another one after it failed.
    pub(crate) fn demote_first(&self, host: &str) {
        if let Some(entry) = self.lock().get_mut(host).filter(|entry| entry.addresses.len() > 1) {
            entry.addresses.rotate_left(1);
            entry.is_reordered = true;
        }
    }

    fn start(self: &Arc<Names>, host: &str, entry: &mut Entry) -> io::Result<()> {
        let (names, name) = (Arc::clone(self), host.to_owned());
        let look_up = move || {
            let outcome = (names.look_up)(&name);
            if let Some(entry) = names.lock().get_mut(&name) {
                entry.end(outcome, Instant::now());
            }
            names.changed.notify_all();
        };
        match thread::Builder::new().name("heysync-lookup".to_owned()).spawn(look_up) {
            Ok(_) => entry.looked_up_by = Some(process::id()),
            Err(error) if entry.addresses.is_empty() => return Err(error),
            Err(error) => entry.end(Err(error), Instant::now()),
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    fn is_fresh(&self, now: Instant) -> bool {
        self.fresh_until.is_some_and(|until| now < until)
    }

    fn end(&mut self, outcome: io::Result<Vec<SocketAddr>>, now: Instant) {
        self.looked_up_by = None;
        self.ended += 1;
        match outcome {
            Ok(addresses) if !addresses.is_empty() => {
                self.is_reordered &= sorted(&addresses) == sorted(&self.addresses);
                if !self.is_reordered {
                    self.addresses = addresses;
                }
                self.fresh_until = Some(now + FRESH);
                self.failure = None;
            }
            Ok(_) => self.fail(io::ErrorKind::NotFound, "the name has no address".to_owned(), now),
            Err(error) => self.fail(error.kind(), error.to_string(), now),
        }
    }

    fn fail(&mut self, kind: io::ErrorKind, message: String, now: Instant) {
        self.failure = Some((kind, message));
        if !self.addresses.is_empty() {
            self.fresh_until = Some(now + FRESH_AFTER_FAILURE);
        }
    }

    /// The addresses, if need be older ones; else why there are none.
    fn outcome(&self, ended: u64) -> io::Result<Vec<SocketAddr>> {
        match &self.failure {
            _ if !self.addresses.is_empty() => Ok(self.addresses.clone()),
            Some((kind, message)) if self.ended > ended => {
                Err(io::Error::new(*kind, message.clone()))
            }
            _ => Err(io::ErrorKind::TimedOut.into()),
        }
    }
}

fn sorted(addresses: &[SocketAddr]) -> Vec<SocketAddr> {
    let mut sorted = addresses.to_vec();
    sorted.sort_unstable();
    sorted
}

impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Names").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc;

    use super::*;

    const LONG: Duration = Duration::from_secs(20);
    const HOST: &str = "service.example:443";

    fn address(last: u8) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, last], 443))
    }

    /// Answers each look-up by the next of `outcomes`, and the count of look-ups so far.
    fn names(outcomes: &'static [Option<u8>]) -> (Arc<Names>, Arc<AtomicUsize>) {
        let count = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&count);
        let names = Names::new(move |_| {
            let nth = counted.fetch_add(1, Ordering::SeqCst);
            let outcome = outcomes.get(nth).copied().flatten();
            outcome.map(|last| vec![address(last)]).ok_or_else(|| io::Error::other("no such name"))
        });
        (Arc::new(names), count)
    }

    #[test]
    fn a_host_is_looked_up_once_a_minute() {
        let (names, count) = names(&[Some(1), Some(2)]);
        let now = Instant::now();
        for after in [0, 1, 59] {
            let known = names.resolve(HOST, now + Duration::from_secs(after), LONG);
            assert_eq!((known.ok(), count.load(Ordering::SeqCst)), (Some(vec![address(1)]), 1));
        }
        let renewed = names.resolve(HOST, now + Duration::from_secs(62), LONG);
        assert_eq!(renewed.ok(), Some(vec![address(2)]));
    }

    #[test]
    fn a_host_is_looked_up_again_after_a_failed_connection() {
        let (names, _) = names(&[Some(1), Some(2)]);
        let now = Instant::now();
        assert_eq!(names.resolve(HOST, now, LONG).ok(), Some(vec![address(1)]));
        names.suspect("another.example:443");
        assert_eq!(names.resolve(HOST, now, LONG).ok(), Some(vec![address(1)]));
        names.suspect(HOST);
        assert_eq!(names.resolve(HOST, now, LONG).ok(), Some(vec![address(2)]));
    }

    #[test]
    fn older_addresses_are_used_when_a_look_up_fails() {
        let (names, count) = names(&[Some(1), None, Some(3)]);
        let now = Instant::now();
        assert_eq!(names.resolve(HOST, now, LONG).ok(), Some(vec![address(1)]));
        names.suspect(HOST);
        for _ in 0..2 {
            assert_eq!(names.resolve(HOST, now, LONG).ok(), Some(vec![address(1)]));
            assert_eq!(count.load(Ordering::SeqCst), 2);
        }
        let later = now + Duration::from_secs(30);
        assert_eq!(names.resolve(HOST, later, LONG).ok(), Some(vec![address(3)]));
    }

    #[test]
    fn an_address_that_failed_is_tried_last_until_look_ups_find_others() {
        let found = [[1, 2, 3], [3, 1, 2], [1, 2, 4]].map(|list| list.map(address).to_vec());
        let count = AtomicUsize::new(0);
        let names = Arc::new(Names::new(move |_| {
            Ok(found[count.fetch_add(1, Ordering::SeqCst).min(2)].clone())
        }));
        let resolved = || names.resolve(HOST, Instant::now(), LONG).ok();
        names.demote_first(HOST);
        assert_eq!(resolved(), Some([1, 2, 3].map(address).to_vec()));
        names.demote_first(HOST);
        for _ in 0..2 {
            assert_eq!(resolved(), Some([2, 3, 1].map(address).to_vec()));
            names.suspect(HOST);
        }
        assert_eq!(resolved(), Some([1, 2, 4].map(address).to_vec()));
    }

    #[test]
    fn a_failed_look_up_is_an_error_and_is_not_remembered() {
        let (names, _) = names(&[None, Some(2)]);
        let failed = names.resolve(HOST, Instant::now(), LONG).map_err(|error| error.to_string());
        assert_eq!(failed, Err("no such name".to_owned()));
        assert_eq!(names.resolve(HOST, Instant::now(), LONG).ok(), Some(vec![address(2)]));
    }

    /// Hangs in each look-up until it receives something.
    fn hanging() -> (Arc<Names>, Arc<AtomicUsize>, mpsc::Sender<()>) {
        let (release, wait) = mpsc::channel();
        let (wait, count) = (Mutex::new(wait), Arc::new(AtomicUsize::new(0)));
        let counted = Arc::clone(&count);
        let names = Names::new(move |_| {
            counted.fetch_add(1, Ordering::SeqCst);
            let wait = wait.lock().unwrap_or_else(PoisonError::into_inner);
            wait.recv().map_err(io::Error::other)?;
            Ok(vec![address(1)])
        });
        (Arc::new(names), count, release)
    }

    #[test]
    fn a_look_up_that_hangs_costs_one_thread_and_no_longer_than_the_timeout() {
        let (names, count, release) = hanging();
        for _ in 0..3 {
            let failed = names.resolve(HOST, Instant::now(), Duration::from_millis(1));
            assert_eq!(failed.map_err(|error| error.kind()), Err(io::ErrorKind::TimedOut));
        }
        assert!(release.send(()).is_ok());
        assert_eq!(names.resolve(HOST, Instant::now(), LONG).ok(), Some(vec![address(1)]));
        assert_eq!(count.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn a_forked_child_starts_a_look_up_of_its_own() {
        let (names, count) = names(&[Some(1)]);
        let of_the_parent = Entry { looked_up_by: Some(process::id() + 1), ..Entry::default() };
        names.lock().insert(HOST.to_owned(), of_the_parent);
        assert_eq!(names.resolve(HOST, Instant::now(), LONG).ok(), Some(vec![address(1)]));
        assert_eq!(count.load(Ordering::SeqCst), 1);
    }
}
