//! Files that survive a kill: written whole or not at all, or line by line.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::failure::{Failure, IO, Outcome};

/// Writes a file whole: at any moment there is the old one or the new one.
pub fn write_whole(path: &Path, contents: &[u8]) -> Outcome {
    replace(path, contents).map_err(|error| of_file(path, &error))
}

fn replace(path: &Path, contents: &[u8]) -> io::Result<()> {
    let draft = beside(path, "draft");
    let mut file = File::create(&draft)?;
    file.write_all(contents)?;
    file.sync_all()?;
    fs::rename(&draft, path)?;
    sync_folder(path)
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
    /// Fails if another process has it open, and if `read` fails.
    pub fn open(path: &Path, mut read: impl FnMut(&str) -> Outcome) -> Outcome<Lines> {
        let error_of = |error: io::Error| of_file(path, &error);
        let mut file = open_locked(path)?;
        let mut reader = BufReader::new(&mut file);
        let (mut whole, mut line) = (0, String::new());
        while reader.read_line(&mut line).map_err(error_of)? > 0 {
            if !line.ends_with('\n') {
                break;
            }
            read(line.trim_end()).map_err(|failure| failure.with_line(path.display()))?;
            whole += line.len() as u64;
            line.clear();
        }
        file.set_len(whole).map_err(error_of)?;
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

fn open_locked(path: &Path) -> Outcome<File> {
    let opened = OpenOptions::new().read(true).append(true).create(true).open(path);
    let file = opened.map_err(|error| of_file(path, &error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::WouldBlock) => {
            Err(Failure::new(IO, format!("{}: another run is writing to it", path.display())))
        }
        Err(fs::TryLockError::Error(error)) => Err(of_file(path, &error)),
    }
}

/// Opens a file to read, or standard input for `-`.
pub fn open_input(path: &Path) -> Outcome<Box<dyn Read>> {
    match path.as_os_str() == "-" {
        true => Ok(Box::new(io::stdin().lock())),
        false => match File::open(path) {
            Ok(file) => Ok(Box::new(file)),
            Err(error) => Err(of_file(path, &error)),
        },
    }
}
