//! The record of invites: who was invited, and who may have been.

use std::collections::BTreeMap;
use std::path::Path;

use heysync::{Applied, Timestamp};
use serde::{Deserialize, Serialize};

use crate::failure::Outcome;
use crate::files::Lines;

/// A file with a line before and after each invite.
///
/// The line before is on the disk when the invite is sent. So whoever has one line alone may have been invited: the
/// program was killed, or the response was lost.
#[derive(Debug)]
pub struct Invites {
    /// Without a file nothing is remembered after the run.
    file: Option<Lines>,
    people: BTreeMap<String, Standing>,
}

/// The state of a person's invite.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// An invite was begun, and its outcome is not known.
    InDoubt,
    /// Invited.
    Invited,
    /// Not invited: the invite failed, the person was removed since, or a person has checked.
    NotInvited,
}

#[derive(Serialize, Deserialize)]
struct Line {
    user_id: String,
    standing: Standing,
    at: Timestamp,
}

impl Invites {
    pub fn open(path: &Path) -> Outcome<Invites> {
        let mut people = BTreeMap::new();
        let file = Lines::open(path, |line| {
            let line: Line = serde_json::from_str(line)?;
            people.insert(line.user_id, line.standing);
            Ok(())
        })?;
        Ok(Invites { file: Some(file), people })
    }

    /// Reads the record, and writes nothing: for a dry run. Without a path it is that of invented people.
    pub fn unsaved(path: Option<&Path>) -> Outcome<Invites> {
        let people = match path.filter(|path| path.exists()) {
            Some(path) => Invites::open(path)?.people,
            None => BTreeMap::new(),
        };
        Ok(Invites { file: None, people })
    }

    pub fn standing(&self, user_id: &str) -> Standing {
        self.people.get(user_id).copied().unwrap_or(Standing::NotInvited)
    }

    /// Writes a line, and returns when it is on the disk.
    pub fn record(&mut self, user_id: &str, standing: Standing) -> Outcome {
        if let Some(file) = &mut self.file {
            file.add(&Line { user_id: user_id.to_owned(), standing, at: Timestamp::now() })?;
            file.sync()?;
        }
        self.people.insert(user_id.to_owned(), standing);
        Ok(())
    }

    /// Writes the outcome of an invite that was begun.
    pub fn record_outcome<T>(&mut self, user_id: &str, result: &heysync::Result<T>) -> Outcome {
        match result.as_ref().map_err(heysync::Error::applied) {
            Ok(_) | Err(Applied::Yes) => self.record(user_id, Standing::Invited),
            Err(Applied::No) => self.record(user_id, Standing::NotInvited),
            // The line before stays the last one.
            Err(_) => Ok(()),
        }
    }
}
