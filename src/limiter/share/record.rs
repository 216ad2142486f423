//! The file of a share: how it is created, locked, read and written.
//!
//! ```text
//! 0                  magic, format                              written once
//! 16                 copy 0: number, length, checksum, state
//! 2056               copy 1: the same
//! 4096               the rest of copy 0, if it is long
//! 4096 + 256 KiB     the rest of copy 1
//! ```
//!
//! A step reads the first page, takes the copy with the higher number and writes the other one: by a single write of
//! 2,040 bytes, whatever the state is. That has room for sixteen requests under way, or for a hundred that ended (more,
//! if many ended at once). Of a longer state, the rest is written before, in its own length.
//!
//! If a write is cut off, by a kill or a full disk, the checksum of its copy is wrong and the copy before it is still
//! there: a lease that was not recorded was not sent, and a release that was not recorded holds its token for longer.
//! Since something else may have damaged a copy whose lease was sent, one more token is held then.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use crate::limiter::status::Unavailable;

/// Another number for every change of the layout, be it only of a type inside the state.
pub(crate) const FORMAT: u32 = 9;
const MAGIC: [u8; 12] = *b"heysync-tkn\n";
const HEADER: usize = 16;
const PAGE: usize = 4096;
/// So much of a copy is in the first page; it is mostly all of it.
const HALF: usize = (PAGE - HEADER) / 2;
const CAPACITY: usize = 256 * 1024;
const COPY_HEADER: usize = 16;
/// A state of so many bytes is written at once.
#[cfg(test)]
pub(crate) const AT_ONCE: usize = HALF - COPY_HEADER;

/// The path of a share's file, and the file while it is open.
#[derive(Debug)]
pub(crate) struct Record {
    path: PathBuf,
    file: Option<File>,
    /// Which file that is.
    identity: Option<Identity>,
}

/// The contents of a file.
#[derive(Debug)]
pub(crate) enum Contents {
    Valid(Copy),
    /// It is not what was written: what it held is lost.
    Damaged,
}

/// One copy of the state, as it was read.
#[derive(Debug)]
pub(crate) struct Copy {
    /// One more for each step.
    pub(crate) number: u64,
    /// The other copy is not what was written: a step may be lost.
    pub(crate) is_torn: bool,
    pub(crate) state: Vec<u8>,
}

/// The lock on a file, until this is dropped.
#[derive(Debug)]
pub(crate) struct Locked<'a> {
    record: &'a Record,
    file: &'a File,
}

impl Record {
    pub(crate) fn new(path: PathBuf) -> Record {
        Record { path, file: None, identity: None }
    }

    /// Forgets the open file: a lock that the parent of a `fork` took would count as ours.
    pub(crate) fn close(&mut self) {
        (self.file, self.identity) = (None, None);
    }

    /// Opens the file unless it is open, and returns whether there is one.
    pub(crate) fn open(&mut self) -> Result<bool, Unavailable> {
        if self.file.is_some() {
            return Ok(true);
        }
        match self.open_ours() {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
            opened => {
                let file = opened.map_err(|error| self.unusable("opened", error))?;
                let metadata = file.metadata().map_err(|error| self.unusable("opened", error))?;
                (self.file, self.identity) = (Some(file), Some(identity(&metadata)));
            }
        }
        Ok(true)
    }

    /// Rejects what is no file of ours before it is opened, since opening a pipe would wait for its other end, and after
    /// that, since somebody may have put it there in between.
    fn open_ours(&self) -> io::Result<File> {
        check(&fs::symlink_metadata(&self.path)?)?;
        let file = options().open(&self.path)?;
        check(&file.metadata()?)?;
        Ok(file)
    }

    /// Creates the file with `state` in it, whole from the beginning. One that another process creates at the same
    /// moment is left as it is.
    pub(crate) fn create(&self, state: &[u8]) -> Result<(), Unavailable> {
        let unusable = |error| self.unusable("created", error);
        if let Some(folder) = self.path.parent() {
            folders().create(folder).map_err(unusable)?;
        }
        let name = format!("{}-{:016x}", std::process::id(), fastrand::u64(..));
        let draft = self.path.with_extension(name);
        let created = whole(&draft, state).and_then(|()| fs::hard_link(&draft, &self.path));
        // If that fails, a file is left over that nobody reads.
        let _ = fs::remove_file(&draft);
        match created {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(unusable(error)),
            _ => Ok(()),
        }
    }

    /// Takes the lock on the open file; `None` if somebody else has it.
    pub(crate) fn try_lock(&self) -> Result<Option<Locked<'_>>, Unavailable> {
        let Some(file) = &self.file else {
            return Ok(None);
        };
        match file.try_lock() {
            Ok(()) => Ok(Some(Locked { record: self, file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(self.unusable("locked", error)),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    fn unusable(&self, done: &str, error: io::Error) -> Unavailable {
        let message = format!("the shared rate limit {} cannot be {done}", self.path.display());
        let hint = match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "make room on the disk",
            _ if done == "locked" => "choose a folder on a file system that has locks",
            _ => "check the folder of the share and who may write there, or choose another one",
        };
        Unavailable::new(message, hint).with_source(error)
    }
}

impl Locked<'_> {
    pub(crate) fn path(&self) -> &Path {
        &self.record.path
    }

    pub(crate) fn unusable(&self, done: &str, error: io::Error) -> Unavailable {
        self.record.unusable(done, error)
    }

    /// Returns whether the path leads to another file, or to none: this one was removed, renamed or replaced.
    pub(crate) fn is_replaced(&self) -> bool {
        let metadata = fs::symlink_metadata(&self.record.path);
        !metadata.is_ok_and(|metadata| Some(identity(&metadata)) == self.record.identity)
    }

    /// Reads the state that was written last.
    pub(crate) fn read(&self) -> Result<Contents, Unavailable> {
        let unusable = |error| self.record.unusable("read", error);
        let mut page = [0; PAGE];
        let length = read_at(self.file, &mut page, 0).map_err(unusable)?;
        let page = &page[..length];
        if !self.is_known(page)? {
            return Ok(Contents::Damaged);
        }
        let read = |number| self.read_copy(page, number).map_err(unusable);
        let copies = [read(0)?, read(1)?];
        let is_single = copies.iter().any(Option::is_none);
        let newest = copies.into_iter().flatten().max_by_key(|copy| copy.number);
        Ok(newest
            .map_or(Contents::Damaged, |copy| Contents::Valid(Copy { is_torn: is_single, ..copy })))
    }

    /// Returns whether the first page begins with our header.
    fn is_known(&self, page: &[u8]) -> Result<bool, Unavailable> {
        let Some((magic, format)) = page.get(..HEADER).map(|it| it.split_at(MAGIC.len())) else {
            return Ok(false);
        };
        let format = format.first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes));
        if magic != MAGIC {
            return Ok(false);
        }
        if format != FORMAT {
            let path = self.record.path.display();
            let message = format!("the shared rate limit {path} has format {format}, not {FORMAT}");
            let hint = "use one version of heysync in all programs; once no program of another version runs, \
                        the file may be removed";
            return Err(Unavailable::new(message, hint));
        }
        Ok(true)
    }

    /// Writes `state` after `last`, in the place of the copy before that, and returns its number.
    pub(crate) fn write(&self, last: &Copy, state: &[u8]) -> Result<u64, Unavailable> {
        let number = last.number.wrapping_add(1);
        let written = copy(number, state);
        if written.len() > CAPACITY {
            let message = format!("the shared rate limit {} is full", self.record.path.display());
            return Err(Unavailable::new(message, "allow fewer requests at the same time"));
        }
        let unusable = |error| self.record.unusable("written", error);
        write_copy(self.file, &written, number).map(|()| number).map_err(unusable)
    }

    /// Writes a file anew that was damaged.
    pub(crate) fn restore(&self, state: &[u8]) -> Result<(), Unavailable> {
        let written = |error| self.record.unusable("written", error);
        if has_other_names(self.file) {
            let error = io::Error::new(ErrorKind::InvalidInput, "it has another name as well");
            return Err(written(error));
        }
        // The second copy must not outlast the first one.
        write_at(self.file, &[0; COPY_HEADER], place_of(1)).map_err(written)?;
        write_new(self.file, state).map_err(written)
    }

    fn read_copy(&self, page: &[u8], place: u64) -> io::Result<Option<Copy>> {
        let begin = place_of(place) as usize;
        let half = page.get(begin..).map_or(&[][..], |half| &half[..HALF.min(half.len())]);
        let Some((header, state)) = half.split_at_checked(COPY_HEADER) else {
            return Ok(None);
        };
        let (number, length, checksum) = fields(header);
        if length == 0 || COPY_HEADER.saturating_add(length) > CAPACITY {
            return Ok(None);
        }
        let mut state = state[..length.min(state.len())].to_vec();
        let missing = length - state.len();
        if missing > 0 {
            let known = state.len();
            state.resize(length, 0);
            let read = read_at(self.file, &mut state[known..], place_of_rest(place))?;
            state.truncate(known + read);
        }
        let is_sound = checksum == checksum_of(number, &state);
        Ok(is_sound.then_some(Copy { number, is_torn: false, state }))
    }
}

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        // If that fails, closing the file releases the lock.
        let _ = self.file.unlock();
    }
}

fn place_of(number: u64) -> u64 {
    HEADER as u64 + (number % 2) * HALF as u64
}

/// The place of what a copy has beyond its half of the first page.
fn place_of_rest(number: u64) -> u64 {
    PAGE as u64 + (number % 2) * CAPACITY as u64
}

fn header() -> Vec<u8> {
    [&MAGIC[..], &FORMAT.to_le_bytes()].concat()
}

fn copy(number: u64, state: &[u8]) -> Vec<u8> {
    let length = u32::try_from(state.len()).unwrap_or(u32::MAX);
    let checksum = checksum_of(number, state).to_le_bytes();
    [&number.to_le_bytes()[..], &length.to_le_bytes(), &checksum, state].concat()
}

/// The number, the length and the checksum of a copy.
fn fields(header: &[u8]) -> (u64, usize, u32) {
    let number = header.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
    let u32_at = |at: usize| {
        header.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |it| u32::from_le_bytes(*it))
    };
    (number, u32_at(8) as usize, u32_at(12))
}

fn checksum_of(number: u64, state: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new_with_initial(FORMAT);
    hasher.update(&number.to_le_bytes());
    hasher.update(state);
    hasher.finalize()
}

/// Writes a whole file.
fn whole(path: &Path, state: &[u8]) -> io::Result<()> {
    write_new(&options().create_new(true).open(path)?, state)
}

/// Writes the first page with both copies, so that a file has two from the beginning: one alone means that the other is damaged.
fn write_new(file: &File, state: &[u8]) -> io::Result<()> {
    write_copy(file, &copy(0, state), 0)?;
    write_copy(file, &copy(1, state), 1)?;
    write_at(file, &header(), 0)
}

/// Writes the part outside of the first page first: until the other one is there, nobody reads it.
fn write_copy(file: &File, copy: &[u8], number: u64) -> io::Result<()> {
    let (head, rest) = copy.split_at(HALF.min(copy.len()));
    if !rest.is_empty() {
        write_at(file, rest, place_of_rest(number))?;
    }
    let mut half = [0; HALF];
    half[..head.len()].copy_from_slice(head);
    write_at(file, &half, place_of(number))
}

/// Rejects what is no file of this user.
fn check(metadata: &fs::Metadata) -> io::Result<()> {
    if !metadata.is_file() {
        return Err(io::Error::new(ErrorKind::InvalidInput, "it is no regular file"));
    }
    if !is_ours(metadata) {
        let reason = "it belongs to another user";
        return Err(io::Error::new(ErrorKind::PermissionDenied, reason));
    }
    Ok(())
}

#[cfg(unix)]
fn options() -> OpenOptions {
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = OpenOptions::new();
    options.read(true).write(true).mode(0o600);
    let no_link = rustix::fs::OFlags::NOFOLLOW.bits();
    options.custom_flags(i32::try_from(no_link).unwrap_or_default());
    options
}

/// The device and the number of a file, which no other one has while it is open.
type Identity = (u64, u64);

#[cfg(unix)]
fn identity(metadata: &fs::Metadata) -> Identity {
    use std::os::unix::fs::MetadataExt;
    (metadata.dev(), metadata.ino())
}

#[cfg(unix)]
fn folders() -> DirBuilder {
    use std::os::unix::fs::DirBuilderExt;
    let mut folders = DirBuilder::new();
    folders.recursive(true).mode(0o700);
    folders
}

#[cfg(unix)]
fn is_ours(metadata: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    metadata.uid() == rustix::process::geteuid().as_raw()
}

#[cfg(unix)]
fn has_other_names(file: &File) -> bool {
    use std::os::unix::fs::MetadataExt;
    file.metadata().is_ok_and(|metadata| metadata.nlink() > 1)
}

#[cfg(unix)]
fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    use std::os::unix::fs::FileExt;
    fill(buffer, |rest, done| file.read_at(rest, offset + done as u64))
}

#[cfg(unix)]
fn write_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
    use std::os::unix::fs::FileExt;
    file.write_all_at(bytes, offset)
}

#[cfg(not(unix))]
fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    options
}

#[cfg(not(unix))]
fn folders() -> DirBuilder {
    let mut folders = DirBuilder::new();
    folders.recursive(true);
    folders
}

#[cfg(not(unix))]
fn is_ours(_: &fs::Metadata) -> bool {
    true
}

/// Files have no number there that can be asked for: one that was replaced is not noticed.
#[cfg(not(unix))]
fn identity(_: &fs::Metadata) -> Identity {
    (0, 0)
}

#[cfg(not(unix))]
fn has_other_names(_: &File) -> bool {
    false
}

#[cfg(not(unix))]
fn read_at(mut file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    use std::io::{Read, Seek, SeekFrom};
    file.seek(SeekFrom::Start(offset))?;
    fill(buffer, |rest, _| file.read(rest))
}

#[cfg(not(unix))]
fn write_at(mut file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
    use std::io::{Seek, SeekFrom, Write};
    file.seek(SeekFrom::Start(offset))?;
    file.write_all(bytes)
}

/// Reads until the buffer is full or the file ends, and returns how much was read.
fn fill(
    buffer: &mut [u8],
    mut read: impl FnMut(&mut [u8], usize) -> io::Result<usize>,
) -> io::Result<usize> {
    let mut done = 0;
    while done < buffer.len() {
        match read(&mut buffer[done..], done) {
            Ok(0) => break,
            Ok(length) => done += length,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(done)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file with a state in it.
    fn created(name: &str) -> (PathBuf, Record) {
        let folder = std::env::temp_dir().join(format!("heysync-{name}-{:x}", fastrand::u64(..)));
        let mut record = Record::new(folder.join("a.tokens"));
        record.create(b"first").expect("a file");
        assert!(record.open().expect("a file"));
        (folder, record)
    }

    fn valid(locked: &Locked<'_>) -> Copy {
        match locked.read() {
            Ok(Contents::Valid(copy)) => copy,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_state_that_has_no_room_is_not_written() {
        let (folder, mut record) = created("room");
        let locked = record.try_lock().expect("locks").expect("a free lock");
        let most = vec![7; CAPACITY - COPY_HEADER];
        locked.write(&valid(&locked), &most).expect("room");
        locked.write(&valid(&locked), &[&most[..], b"!"].concat()).expect_err("no room");
        assert_eq!((valid(&locked).state, valid(&locked).is_torn), (most, false));
        drop(locked);
        record.close();
        fs::remove_dir_all(folder).expect("a folder to remove");
    }

    /// Writes `next` after `last` byte by byte, and looks after each one what is read.
    fn cut_off_anywhere(locked: &Locked<'_>, last: &Copy, next: &[u8]) {
        let number = last.number + 1;
        let begin = place_of(number);
        let half = begin..begin + HALF as u64;
        let rest = place_of_rest(number);
        let rest = rest..rest + next.len().saturating_sub(AT_ONCE) as u64;
        let places: Vec<u64> = rest.chain(half).collect();
        let bytes = || {
            places.iter().map(|at| {
                let mut byte = [0];
                read_at(locked.file, &mut byte, *at).map(|_| byte).expect("a file")
            })
        };
        let before: Vec<_> = bytes().collect();
        locked.write(last, next).expect("room");
        let after: Vec<_> = bytes().collect();
        let put = |byte: &[u8; 1], at: &u64| write_at(locked.file, byte, *at).expect("a file");
        places.iter().zip(&before).for_each(|(at, byte)| put(byte, at));
        // Behind the state there are zeros that nobody reads.
        for (at, byte) in places.iter().zip(&after).take(COPY_HEADER + next.len()) {
            let read = valid(locked);
            assert!(read.number == last.number && read.state == last.state, "cut off at {at}");
            put(byte, at);
        }
        let read = valid(locked);
        assert!(read.number == number && read.state == next && !read.is_torn, "written");
        locked.write(last, next).expect("room");
    }

    #[test]
    fn a_write_that_is_cut_off_after_any_byte_leaves_the_state_before_it() {
        let (folder, mut record) = created("cut");
        let locked = record.try_lock().expect("locks").expect("a free lock");
        let lengths = [300, 200, AT_ONCE, AT_ONCE + 1, 3000, 300, AT_ONCE, 3000, 2500, 400, 40];
        for (step, length) in (1..).zip(lengths) {
            cut_off_anywhere(&locked, &valid(&locked), &vec![step; length]);
        }
        drop(locked);
        record.close();
        fs::remove_dir_all(folder).expect("a folder to remove");
    }
}
