use std::error::Error;
use std::fmt::{self, Display};
use std::fs::{self, File, TryLockError};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Keeps other runs from the state until the file that it returns is dropped. A kill releases it, too.
pub fn lock(path: &Path) -> Result<File, InFile> {
    let file = File::create(beside(path, ".lock")).map_err(|error| in_file(path, error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(in_file(path, "another run is using it")),
        Err(TryLockError::Error(error)) => Err(in_file(path, error)),
    }
}

/// Reads a state from a file. `None` is the first run: no other failure is.
pub fn load<T>(path: &Path) -> Result<Option<T>, InFile>
where
    T: FromStr<Err: Into<Box<dyn Error + Send + Sync>>>,
{
    match fs::read_to_string(path) {
        Ok(line) => Ok(Some(line.parse().map_err(|error| in_file(path, error))?)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(in_file(path, error)),
    }
}

/// Writes a state into a file, which has the old state or the new one, and never a part of it.
pub fn save(path: &Path, state: impl Display) -> Result<(), InFile> {
    let write = |draft: &Path| -> io::Result<()> {
        let mut file = File::create(draft)?;
        write!(file, "{state}")?;
        file.sync_all()?; // on the disk before it has the name
        fs::rename(draft, path)
    };
    write(&beside(path, ".draft")).map_err(|error| in_file(path, error))
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// Names the file in an error.
pub fn in_file(path: &Path, error: impl Into<Box<dyn Error + Send + Sync>>) -> InFile {
    InFile(path.to_owned(), error.into())
}

/// An error with the file that it is about. `main` prints its `Debug` form: that of the cause, with its hint.
pub struct InFile(PathBuf, Box<dyn Error + Send + Sync>);

impl fmt::Debug for InFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.0.display())?;
        match self.1.downcast_ref::<heysync::Error>() {
            Some(error) => write!(f, "{error:?}"),
            None => write!(f, "{}", self.1),
        }
    }
}

impl Display for InFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} cannot be used", self.0.display())
    }
}

impl Error for InFile {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.1)
    }
}

/// For functions that write a state and return an error of the standard library.
impl From<InFile> for io::Error {
    fn from(error: InFile) -> io::Error {
        io::Error::other(error)
    }
}
