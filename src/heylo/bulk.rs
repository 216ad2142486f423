//! Bulk calls: one call for each of many people.

use std::collections::{HashSet, VecDeque};
use std::fmt;
use std::iter::FusedIterator;

use super::bulk_task::{StopRule, Task};
use super::community::Community;
use super::journal::{Journal, State};
use super::raw_response::RawResponse;
use crate::error::{Error, Result};

/// The outcome of a bulk call for one person.
#[derive(Debug)]
#[non_exhaustive]
pub struct MemberOutcome {
    /// The user id.
    pub user_id: String,
    /// Heylo's response, or the error.
    pub result: Result<RawResponse>,
}

/// Calls for many people, one after the other: an iterator of one [`MemberOutcome`] for each.
///
/// Made by [`Community::invite_members`] and [`Community::remove_members`]. It is lazy, and goes as fast as
/// the rate limit allows: 5 people a second. A user id that comes twice is dealt with once.
///
/// # Failures
///
/// A failure for one person is that person's outcome, and the next person follows. A failure that everybody
/// else would meet as well ends the iterator after its outcome: a rejected key (401, 403), an unknown community,
/// a network that is down ([`NotSent`](crate::ErrorKind::NotSent)), a rate limit that outlasts the deadline, a
/// redirect, and the third server error or lost response in a row.
///
/// Heylo does not document how it rejects an unknown community. The words of a 4xx decide; if the first
/// three have none that do, the roles of the community are read once, to learn whether it is known.
///
/// # Continuing later
///
/// Save the [`journal`](Bulk::journal) after each outcome, and give it to [`resume`](Bulk::resume) in a later
/// run over the same people. That run leaves out those who are done, and sends again what failed. The journal
/// keeps apart those who may have been invited already.
///
/// # Examples
///
/// A progress bar, and a journal that is kept only if it is needed:
///
/// ```
/// # use heysync::{Config, heylo, sandbox};
/// # let config = Config::new().transport(sandbox::Heylo::demo()).clock(sandbox::TestClock::new());
/// # let community = heylo::Client::with_config("key", config)?.community("harbour-runners");
/// let mut removals = community.remove_members(["user-38", "user-39", "nobody", "user-38"]);
/// let total = removals.len();
/// assert_eq!(total, 3);
/// while let Some(outcome) = removals.next() {
///     println!("{} of {total} done, {} failed", removals.done(), removals.failed());
///     if let Err(error) = outcome.result {
///         eprintln!("{}: {error}", outcome.user_id);
///     }
/// }
/// assert_eq!((removals.done(), removals.failed(), removals.len()), (2, 1, 0));
/// println!("{}", removals.journal());
/// # Ok::<(), heysync::Error>(())
/// ```
#[must_use = "nothing is sent before the iterator is advanced"]
pub struct Bulk {
    community: Community,
    operation: &'static str,
    left: VecDeque<Task>,
    journal: Journal,
    done: usize,
    failed: usize,
    stop_rule: StopRule,
    is_stopped: bool,
}

impl Bulk {
    pub(crate) fn new(
        community: Community,
        operation: &'static str,
        tasks: impl Iterator<Item = Task>,
    ) -> Bulk {
        let mut met = HashSet::new();
        let left = tasks.filter(|task| met.insert(task.user_id().to_owned())).collect();
        let journal = Journal::new(operation, community.id());
        Bulk {
            community,
            operation,
            left,
            journal,
            done: 0,
            failed: 0,
            stop_rule: StopRule::default(),
            is_stopped: false,
        }
    }

    /// Continues an earlier run over the same people: leaves out those whom its journal knows as done, or as
    /// possibly invited, and sends the call for all others, those who failed included.
    ///
    /// The journal of this run begins with the entries of that one.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if the journal is of another community or of another
    /// kind of call, or if the iterator was already advanced.
    ///
    /// # Examples
    ///
    /// ```
    /// # use heysync::{Config, heylo, sandbox};
    /// # let config = Config::new().transport(sandbox::Heylo::demo()).clock(sandbox::TestClock::new());
    /// # let community = heylo::Client::with_config("key", config)?.community("harbour-runners");
    /// let people = ["user-7", "user-8", "user-9"];
    /// let mut removals = community.remove_members(people);
    /// removals.next();
    /// let saved = removals.journal().to_string(); // and the script is stopped here
    ///
    /// let rest = community.remove_members(people).resume(&saved.parse()?)?;
    /// assert_eq!(rest.count(), 2);
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn resume(mut self, journal: &Journal) -> Result<Bulk> {
        if !journal.is_of_same_work(&self.journal) {
            return Err(Error::invalid("the journal is of another community or kind of call"));
        }
        if self.done + self.failed > 0 {
            return Err(Error::invalid("a journal is resumed before the first person"));
        }
        self.left.retain(|task| !journal.settles(task.user_id()));
        self.journal = journal.clone();
        Ok(self)
    }

    /// Returns the outcome for each person so far, to continue in a later run.
    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    /// Returns how many people are left. After the end it is 0, unless a failure that concerns everybody ended
    /// it early.
    pub fn len(&self) -> usize {
        self.left.len()
    }

    /// Returns whether nobody is left.
    pub fn is_empty(&self) -> bool {
        self.left.is_empty()
    }

    /// Returns the user ids of the people who are left, in order.
    pub fn left(&self) -> impl Iterator<Item = &str> {
        self.left.iter().map(Task::user_id)
    }

    /// Returns for how many people the call has succeeded in this run.
    pub fn done(&self) -> usize {
        self.done
    }

    /// Returns for how many people the call has failed in this run.
    pub fn failed(&self) -> usize {
        self.failed
    }
}

impl Iterator for Bulk {
    type Item = MemberOutcome;

    fn next(&mut self) -> Option<MemberOutcome> {
        if self.is_stopped {
            return None;
        }
        let task = self.left.pop_front()?;
        let result = task.run(&self.community);
        let state = task.state(&result);
        self.journal.record(task.user_id(), state);
        match state {
            State::Done => self.done += 1,
            State::Failed | State::Unknown => self.failed += 1,
        }
        self.is_stopped = self.stop_rule.ends(&self.community, &result);
        Some(MemberOutcome { user_id: task.user_id().to_owned(), result })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let most = if self.is_stopped { 0 } else { self.left.len() };
        // A failure that concerns everybody may end it after the next person.
        (most.min(1), Some(most))
    }
}

impl FusedIterator for Bulk {}

/// Writes a line with the kind of call, the number of people and the community, and one line for each person who is
/// left.
impl fmt::Display for Bulk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (operation, community) = (self.operation, self.community.id());
        let (count, people) =
            (self.left.len(), if self.left.len() == 1 { "person" } else { "people" });
        let direction = if operation == "invite" { "to" } else { "from" };
        writeln!(f, "{operation} {count} {people} {direction} {community}")?;
        self.left.iter().try_for_each(|task| match task {
            Task::Invite(member) => writeln!(f, "+ {member}"),
            Task::Remove(user_id) => writeln!(f, "- {user_id}"),
        })
    }
}

/// Shows counts alone: a log is no place for people's data.
impl fmt::Debug for Bulk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bulk")
            .field("operation", &self.operation)
            .field("community", &self.community.id())
            .field("done", &self.done)
            .field("failed", &self.failed)
            .field("left", &self.left.len())
            .finish_non_exhaustive()
    }
}
