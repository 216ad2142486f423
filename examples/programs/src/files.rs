//! Files that survive a kill: written whole or not at all, or line by line.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::failure::{Failure, IO, NO_INPUT, Outcome};

/// Writes a file whole: at any moment there is the old one or the new one. A device or a pipe is written into.
pub fn write_whole(path: &Path, contents: &[u8]) -> Outcome {
    replace(path, contents).map_err(|error| of_file(path, &error))
}

fn replace(path: &Path, contents: &[u8]) -> io::Result<()> {
    // A symbolic link stays, and its target is replaced.
    let path = &fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let permissions = match fs::metadata(path) {
        Ok(metadata) if !metadata.is_file() => {
            return OpenOptions::new().write(true).open(path)?.write_all(contents);
        }
        Ok(metadata) if metadata.permissions().readonly() => {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        Ok(metadata) => Some(metadata.permissions()),
        Err(_) => None,
    };
    // Two that write the same file at once do not write the same draft.
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let draft = beside(path, &format!("{}-{number}.draft", process::id()));
    let written =
        write_draft(&draft, permissions, contents).and_then(|()| fs::rename(&draft, path));
    if written.is_err() {
        let _ = fs::remove_file(&draft);
    }
    written.and_then(|()| sync_folder(path))
}

fn write_draft(draft: &Path, permissions: Option<Permissions>, contents: &[u8]) -> io::Result<()> {
    let mut file = File::create(draft)?;
    if let Some(permissions) = permissions {
        file.set_permissions(permissions)?;
    }
    file.write_all(contents)?;
    file.sync_all()
}

/// Reads a file as a string, or `None` if there is none.
pub fn read_if_present(path: &Path) -> Outcome<Option<String>> {
    match fs::read_to_string(path) {
        Ok(contents) => Ok(Some(contents)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(of_file(path, &error)),
    }
}

/// Returns the path of a file that belongs to `path`: `mentions.jsonl.state` for `mentions.jsonl`.
pub fn beside(path: &Path, extension: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(extension);
    name.into()
}

/// Makes sure that a new name in a folder outlasts a power cut. Windows has no such call, nor need of it.
fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    match cfg!(unix) {
        true => File::open(folder.unwrap_or(Path::new(".")))?.sync_all(),
        false => Ok(()),
    }
}

fn of_file(path: &Path, error: &io::Error) -> Failure {
    Failure::new(IO, format!("{}: {error}", path.display()))
}

/// A file of lines that only grows. A line that a killed run wrote in part is removed when it is opened.
///
/// It is locked until it is dropped, so that two runs do not write into each other's lines.
#[derive(Debug)]
pub struct Lines {
    path: PathBuf,
    file: File,
    /// The lines that are not in the file yet.
    buffer: Vec<u8>,
}

impl Lines {
    /// Opens or creates the file, and gives each whole line to `read`.
    ///
    /// # Errors
    ///
    /// Fails if another process has it open, if `read` fails, and if the file ends in part of anything but an object
    /// of JSON: it is no file of this program then, and stays as it is.
    pub fn open(path: &Path, mut read: impl FnMut(&str) -> Outcome) -> Outcome<Lines> {
        let error_of = |error: io::Error| of_file(path, &error);
        let mut file = open_locked(path)?;
        let mut reader = BufReader::new(&mut file);
        let (mut whole, mut line, mut number) = (0, Vec::new(), 1);
        // Bytes, since a line in part may end within a character.
        while reader.read_until(b'\n', &mut line).map_err(error_of)? > 0 && line.ends_with(b"\n") {
            whole += line.len() as u64;
            read_line(&line, &mut read).map_err(|failure| failure.in_line(path, number))?;
            line.clear();
            number += 1;
        }
        if !line.is_empty() {
            if !line.starts_with(b"{") {
                return Err(Failure::data("a line of JSON was expected").in_line(path, number));
            }
            file.set_len(whole).map_err(error_of)?;
        }
        file.seek(SeekFrom::End(0)).map_err(error_of)?;
        Ok(Lines { path: path.to_owned(), file, buffer: Vec::new() })
    }

    /// Adds a value as a line of JSON. It is in the file after the next [`write`](Lines::write).
    pub fn add(&mut self, value: &impl serde::Serialize) -> Outcome {
        serde_json::to_writer(&mut self.buffer, value)?;
        self.buffer.push(b'\n');
        Ok(())
    }

    /// Writes the lines that were added.
    pub fn write(&mut self) -> Outcome {
        let written = self.file.write_all(&self.buffer);
        self.buffer.clear();
        written.map_err(|error| of_file(&self.path, &error))
    }

    /// Writes the lines that were added, and returns when they would outlast a power cut.
    pub fn sync(&mut self) -> Outcome {
        self.write()?;
        let synced = self.file.sync_data().and_then(|()| sync_folder(&self.path));
        synced.map_err(|error| of_file(&self.path, &error))
    }
}

fn read_line(line: &[u8], read: &mut impl FnMut(&str) -> Outcome) -> Outcome {
    let line = str::from_utf8(line).map_err(Failure::data)?.trim();
    if line.is_empty() { Ok(()) } else { read(line) }
}

/// Makes sure that no other run uses the files that belong to `path`, until the returned value is dropped.
pub fn lock(path: &Path) -> Outcome<File> {
    open_locked(&beside(path, "lock"))
}

fn open_locked(path: &Path) -> Outcome<File> {
    let error_of = |error: io::Error| of_file(path, &error);
    let file = OpenOptions::new().read(true).append(true).create(true).open(path);
    let file = file.map_err(error_of)?;
    if !file.metadata().map_err(error_of)?.is_file() {
        return Err(Failure::usage(format!("{}: this is no file", path.display())));
    }
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::WouldBlock) => {
            Err(Failure::new(IO, format!("{}: another run is using it", path.display())))
        }
        Err(fs::TryLockError::Error(error)) => Err(error_of(error)),
    }
}

/// Reads a file, or standard input for `-`.
pub fn read_input(path: &Path) -> Outcome<Vec<u8>> {
    let mut contents = Vec::new();
    let read = match path.as_os_str() == "-" {
        true => io::stdin().lock().read_to_end(&mut contents).map(drop),
        false => fs::read(path).map(|read| contents = read),
    };
    match read {
        Ok(()) => Ok(contents),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(Failure::new(NO_INPUT, format!("{}: {error}", path.display())))
        }
        Err(error) => Err(of_file(path, &error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Folder {
            let name = format!("heysync-files-{name}-{}", process::id());
            let path = std::env::temp_dir().join(name);
            fs::create_dir_all(&path).expect("a folder");
            Folder(path)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_file_that_many_write_at_once_is_one_of_theirs_and_no_draft_is_left() {
        let folder = Folder::new("at-once");
        let path = folder.0.join("file");
        std::thread::scope(|scope| {
            for byte in [b'a', b'b'] {
                let path = &path;
                scope.spawn(move || {
                    (0..20).for_each(|_| replace(path, &[byte; 9999]).expect("written"))
                });
            }
        });
        let contents = fs::read(&path).expect("the file");
        assert!(contents == [b'a'; 9999] || contents == [b'b'; 9999]);
        assert_eq!(fs::read_dir(&folder.0).expect("the folder").count(), 1);
    }

    #[test]
    #[cfg(unix)]
    fn a_file_keeps_its_permissions_and_a_link_stays_a_link() {
        use std::os::unix::fs::{PermissionsExt, symlink};

        let folder = Folder::new("link");
        let (path, link) = (folder.0.join("file"), folder.0.join("link"));
        fs::write(&path, "old").expect("written");
        fs::set_permissions(&path, Permissions::from_mode(0o600)).expect("set");
        symlink("file", &link).expect("a link");
        replace(&link, b"new").expect("written");
        assert_eq!(fs::read_to_string(&path).expect("the file"), "new");
        assert!(fs::symlink_metadata(&link).expect("the link").is_symlink());
        assert_eq!(fs::metadata(&path).expect("the file").permissions().mode() & 0o777, 0o600);

        fs::set_permissions(&path, Permissions::from_mode(0o400)).expect("set");
        let refused = replace(&link, b"newer").expect_err("it is read-only");
        assert_eq!(refused.kind(), io::ErrorKind::PermissionDenied);
    }

    #[test]
    #[cfg(unix)]
    fn a_device_is_written_and_not_replaced() {
        use std::os::unix::fs::FileTypeExt;

        replace(Path::new("/dev/null"), b"x").expect("written");
        assert!(fs::metadata("/dev/null").expect("the device").file_type().is_char_device());
    }
}
