//! The journal of a bulk call: the outcome for each person, as one line of JSON.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// The record of a bulk call, to continue it in a later run: the outcome for each person so far.
///
/// [`Bulk::journal`](super::Bulk::journal) returns it and [`Bulk::resume_at`](super::Bulk::resume_at) takes it. It
/// prints as one line of JSON, which parses back, so it can be kept in a file. It belongs to one community and
/// to one kind of call, and is rejected by every other.
///
/// # Examples
///
/// ```
/// use heysync::heylo::Journal;
///
/// # use heysync::{Config, heylo, sandbox};
/// # let config = Config::new().transport(sandbox::Heylo::demo()).clock(sandbox::TestClock::new());
/// # let community = heylo::Client::with_config("key", config)?.community("harbour-runners");
/// let mut removals = community.remove_members(["user-38", "nobody", "user-40"]);
/// removals.by_ref().take(2).for_each(drop);
///
/// let line = removals.journal().to_string();
/// let journal: Journal = line.parse()?;
/// assert_eq!(journal.done().collect::<Vec<_>>(), ["user-38"]);
/// assert_eq!(journal.failed().collect::<Vec<_>>(), ["nobody"]);
/// # Ok::<(), heysync::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Journal {
    operation: String,
    community_id: String,
    people: BTreeMap<String, State>,
}

/// The outcome for one person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum State {
    Done,
    Failed,
    Unknown,
}

impl Journal {
    pub(crate) fn new(operation: &str, community_id: &str) -> Journal {
        Journal {
            operation: operation.to_owned(),
            community_id: community_id.to_owned(),
            people: BTreeMap::new(),
        }
    }

    /// Returns an error if the other journal is of another kind of call, or of another community.
    pub(crate) fn check_same_work(&self, other: &Journal) -> Result<()> {
        if (&self.community_id, &self.operation) == (&other.community_id, &other.operation) {
            return Ok(());
        }
        let work = |it: &Journal| format!("{}/{}", it.community_id, it.operation);
        let (ours, theirs) = (work(self), work(other));
        Err(Error::invalid(format!("this is the journal of {theirs}, and not of {ours}"))
            .with_hint("each community has a journal of its own for invites, and one for removals"))
    }

    pub(crate) fn state(&self, user_id: &str) -> Option<State> {
        self.people.get(user_id).copied()
    }

    /// Sets the entry of a person; `None` removes it.
    pub(crate) fn set(&mut self, user_id: &str, state: Option<State>) {
        match state {
            Some(state) => drop(self.people.insert(user_id.to_owned(), state)),
            None => drop(self.people.remove(user_id)),
        }
    }

    /// Whether a later run sends nothing for this person.
    pub(crate) fn settles(&self, user_id: &str) -> bool {
        self.state(user_id).is_some_and(|state| state != State::Failed)
    }

    /// Returns the people for whom the call succeeded. A later run leaves them out.
    pub fn done(&self) -> impl Iterator<Item = &str> {
        self.all(State::Done)
    }

    /// Returns the people for whom the call failed without any effect. A later run sends the call again.
    pub fn failed(&self) -> impl Iterator<Item = &str> {
        self.all(State::Failed)
    }

    /// Returns the people who may or may not be invited, since the response was lost. A later run leaves them
    /// out: look for each in Heylo, then [`forget`](Journal::forget) those who are not invited, and
    /// [`mark_done`](Journal::mark_done) those who are.
    ///
    /// A removal is never here, since it can be sent again.
    pub fn unknown(&self) -> impl Iterator<Item = &str> {
        self.all(State::Unknown)
    }

    /// Removes a person from the journal, so that a later run sends the call for them.
    pub fn forget(&mut self, user_id: impl AsRef<str>) {
        self.set(user_id.as_ref(), None);
    }

    /// Records that the call took effect for a person, who may be [`unknown`](Journal::unknown) so far. A later run leaves
    /// them out.
    ///
    /// # Examples
    ///
    /// Somebody has looked for `user-51` in Heylo, and found the invite:
    ///
    /// ```
    /// use heysync::heylo::Journal;
    ///
    /// # let saved = r#"{"operation":"invite","communityId":"abc123","people":{"user-51":"unknown"}}"#;
    /// let mut journal: Journal = saved.parse()?;
    /// assert_eq!(journal.unknown().collect::<Vec<_>>(), ["user-51"]);
    /// journal.mark_done("user-51");
    /// assert_eq!(journal.unknown().count(), 0);
    /// assert_eq!(journal.done().collect::<Vec<_>>(), ["user-51"]);
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn mark_done(&mut self, user_id: impl AsRef<str>) {
        self.set(user_id.as_ref(), Some(State::Done));
    }

    fn all(&self, state: State) -> impl Iterator<Item = &str> {
        let people = self.people.iter().filter(move |(_, of_person)| **of_person == state);
        people.map(|(user_id, _)| user_id.as_str())
    }
}

/// Writes one line of JSON.
impl fmt::Display for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = serde_json::to_string(self).map_err(|_| fmt::Error)?;
        f.write_str(&line)
    }
}

impl FromStr for Journal {
    type Err = Error;

    /// Reads what [`Display`](fmt::Display) writes. White space around it is ignored.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if the string is empty, was cut off, or is no journal. The first
    /// run of a program has no string to parse: it does not resume.
    fn from_str(string: &str) -> Result<Journal> {
        let hint = "restore the file; a run without the journal sends the call for everybody again";
        if string.trim().is_empty() {
            return Err(Error::invalid("the journal is empty").with_hint(hint));
        }
        let rejected = Error::invalid("this is not a journal, or not a whole one").with_hint(hint);
        serde_json::from_str(string).map_err(|error| rejected.with_source(error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_journal_is_one_line_and_parses_back_whatever_the_ids_are() {
        let mut journal = Journal::new("invite", "abc\n\"123\" ");
        let states = [State::Done, State::Failed, State::Unknown];
        for (id, state) in ["", " u1 ", "a\nb", "\u{a0}", "\"", "=", "\u{1F3C3}"]
            .iter()
            .zip(states.into_iter().cycle())
        {
            journal.set(id, Some(state));
        }
        let line = journal.to_string();
        assert!(!line.contains('\n'), "{line}");
        assert_eq!(format!("  {line}\n").parse::<Journal>().ok(), Some(journal.clone()));
        assert!(journal.settles("") && !journal.settles(" u1 ") && journal.settles("a\nb"));
        for end in (0..line.len()).filter(|end| line.is_char_boundary(*end)) {
            assert!(line[..end].parse::<Journal>().is_err(), "{}", &line[..end]);
        }
        journal.forget("a\nb");
        assert!(!journal.settles("a\nb") && !journal.settles("never seen"));
        for text in ["", "{}", "user-1", "[]", "{\"operation\":\"invite\"}"] {
            assert!(text.parse::<Journal>().is_err(), "{text}");
        }
    }
}
