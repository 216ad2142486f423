//! The contract of a store, and the promise, on a file.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::limiter::Rate;
use crate::limiter::moment::nanos;
use crate::limiter::share::file::{FileStore, World};
use crate::limiter::share::process::{Life, Process};

use super::clock::Hand;
use super::contract;

/// A folder of a test's own, removed at its end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Folder {
        let name = format!("heysync-{}-{:x}", std::process::id(), fastrand::u64(..));
        Folder(std::env::temp_dir().join(name))
    }

    fn file(&self) -> PathBuf {
        self.0.join(format!("{:x}.tokens", fastrand::u64(..)))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The store of an imagined process.
fn store(path: &Path, rate: Rate, pid: u32, clock: &Arc<Hand>) -> FileStore {
    let clock = Arc::clone(clock);
    let world = World {
        now: Box::new(move || nanos(clock.passed())),
        me: Box::new(move || Process::imagined(pid)),
        life: Box::new(|_| Life::Alive),
        is_cautious: false,
    };
    FileStore::in_world(path.to_owned(), rate, world)
}

#[test]
fn tokens_in_a_file_keep_the_contract() {
    let folder = Folder::new();
    contract::keeps(|rate| {
        let clock = Arc::new(Hand::new());
        let store = store(&folder.file(), rate, 1, &clock);
        (Arc::new(store), Box::new(move |time: Duration| clock.advance(time)))
    });
}
