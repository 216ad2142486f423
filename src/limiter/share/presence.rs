//! The file that a process in a container keeps locked while it lives.
//!
//! Another container has other process numbers, so it cannot ask whether a process of this one is alive. Nor can a process
//! on Windows without `unsafe`. A lock is seen from everywhere, and the system releases it when the process dies.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::process::{Life, Process};

const EXTENSION: &str = "alive";

/// The files of this process. Several stores with the same tokens have one, which is locked until the last is dropped.
static SHOWN: Mutex<Vec<(PathBuf, Weak<File>)>> = Mutex::new(Vec::new());

/// Creates and locks the file of the process `me` beside `tokens`, and removes those of processes that died.
///
/// The caller holds the lock on the tokens, so nobody looks in between.
pub(super) fn show(tokens: &Path, me: &Process) -> io::Result<Arc<File>> {
    sweep(tokens)?;
    let path = path_of(&fs::canonicalize(tokens)?, me);
    let mut shown = SHOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let known = shown.iter().find(|(known, _)| *known == path).and_then(|(_, file)| file.upgrade());
    // It may have been removed together with its folder.
    if let Some(file) = known.filter(|_| life_by(&path) == Life::Alive) {
        return Ok(file);
    }
    shown.retain(|(known, file)| *known != path && file.strong_count() > 0);
    let file = Arc::new(options().open(&path)?);
    if let Err(TryLockError::Error(error)) = file.try_lock() {
        return Err(error);
    }
    shown.push((path, Arc::downgrade(&file)));
    Ok(file)
}

/// Returns whether a process is alive that has such a file; unknown if it has none.
pub(super) fn life(tokens: &Path, process: &Process) -> Life {
    life_by(&path_of(tokens, process))
}

fn life_by(path: &Path) -> Life {
    // Opening a pipe would wait for its other end.
    if !fs::symlink_metadata(path).is_ok_and(|it| it.is_file()) {
        return Life::Unknown;
    }
    match File::open(path).map(|file| file.try_lock()) {
        Ok(Ok(())) => Life::Dead,
        Ok(Err(TryLockError::WouldBlock)) => Life::Alive,
        _ => Life::Unknown,
    }
}

fn sweep(tokens: &Path) -> io::Result<()> {
    let (Some(folder), Some(stem)) = (tokens.parent(), tokens.file_stem()) else {
        return Ok(());
    };
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let is_ours = path.extension().is_some_and(|it| it == EXTENSION)
            && path.file_stem().map(Path::new).and_then(Path::file_stem) == Some(stem);
        if is_ours && life_by(&path) == Life::Dead {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

fn path_of(tokens: &Path, process: &Process) -> PathBuf {
    tokens.with_extension(format!("{}.{EXTENSION}", process.name()))
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
        options.mode(0o600).custom_flags(i32::try_from(flags.bits()).unwrap_or_default());
    }
    options
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limiter::share::process::without_births;

    #[test]
    fn a_process_is_alive_while_its_file_is_locked_and_the_files_of_dead_ones_are_removed() {
        let _alone = without_births();
        let folder = std::env::temp_dir().join(format!("heysync-alive-{:x}", fastrand::u64(..)));
        fs::create_dir_all(&folder).unwrap();
        let (tokens, others) = (folder.join("a.tokens"), folder.join("b.tokens"));
        let [one, other] = [1, 2].map(Process::imagined);
        for path in [&tokens, &others] {
            fs::write(path, "").unwrap();
        }
        assert_eq!(life(&tokens, &one), Life::Unknown);
        let file = show(&tokens, &one).unwrap();
        let kept = show(&others, &other).unwrap();
        assert_eq!((life(&tokens, &one), life(&tokens, &other)), (Life::Alive, Life::Unknown));
        drop(file);
        assert_eq!((life(&tokens, &one), life(&others, &other)), (Life::Dead, Life::Alive));
        let file = show(&tokens, &other).unwrap();
        assert_eq!((life(&tokens, &one), life(&tokens, &other)), (Life::Unknown, Life::Alive));
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 4);
        // Windows removes no folder with open files.
        drop((kept, file));
        let file = show(&tokens, &one).unwrap();
        assert_eq!((life(&tokens, &other), life(&others, &other)), (Life::Unknown, Life::Dead));
        drop(file);
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_pipe_or_a_link_in_the_place_of_such_a_file_holds_nobody_up() {
        let folder = std::env::temp_dir().join(format!("heysync-alive-{:x}", fastrand::u64(..)));
        fs::create_dir_all(&folder).unwrap();
        let tokens = folder.join("a.tokens");
        fs::write(&tokens, "").unwrap();
        let [piped, linked] = [4, 5].map(Process::imagined);
        // Not by a program: a child that begins has the locks of all tests for a moment.
        let (kind, mode) = (rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR);
        rustix::fs::mknodat(rustix::fs::CWD, path_of(&tokens, &piped), kind, mode, 0).unwrap();
        std::os::unix::fs::symlink(&tokens, path_of(&tokens, &linked)).unwrap();
        for process in [piped, linked] {
            assert_eq!(life(&tokens, &process), Life::Unknown);
            show(&tokens, &process).unwrap_err();
        }
        show(&tokens, &Process::imagined(6)).unwrap();
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_process_with_two_stores_is_alive_until_both_are_dropped() {
        let _alone = without_births();
        let folder = std::env::temp_dir().join(format!("heysync-alive-{:x}", fastrand::u64(..)));
        fs::create_dir_all(folder.join("inner")).unwrap();
        let (tokens, me) = (folder.join("a.tokens"), Process::imagined(3));
        fs::write(&tokens, "").unwrap();
        let first = show(&tokens, &me).unwrap();
        let second = show(&folder.join("inner").join("..").join("a.tokens"), &me).unwrap();
        drop(first);
        assert_eq!(life(&tokens, &me), Life::Alive);
        drop(second);
        assert_eq!(life(&tokens, &me), Life::Dead);
        let removed = show(&tokens, &me).unwrap();
        assert_eq!(life(&tokens, &me), Life::Alive);
        fs::remove_file(path_of(&tokens, &me)).unwrap();
        let anew = [(); 2].map(|()| show(&tokens, &me).unwrap());
        drop(removed);
        let [first, second] = anew;
        drop(first);
        assert_eq!(life(&tokens, &me), Life::Alive);
        drop(second);
        fs::remove_dir_all(folder).unwrap();
    }
}
