use std::error::Error;
use std::fmt::Display;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::Path;
use std::str::FromStr;

/// Reads a state from a file. `None` is the first run: no other failure is.
pub fn load<T>(path: &Path) -> Result<Option<T>, Box<dyn Error>>
where
    T: FromStr<Err: Error + 'static>,
{
    match fs::read_to_string(path) {
        Ok(line) => Ok(Some(line.parse()?)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Writes a state into a file, which has the old state or the new one, and never a part of it.
pub fn save(path: &Path, state: impl Display) -> io::Result<()> {
    let mut draft = path.as_os_str().to_owned();
    draft.push(".draft");
    let mut file = File::create(&draft)?;
    write!(file, "{state}")?;
    file.sync_all()?; // on the disk before it has the name
    fs::rename(draft, path)
}
