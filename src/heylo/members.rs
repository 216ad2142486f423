//! Inviting and removing people, one at a time or many.

use std::borrow::Borrow;
use std::collections::{HashSet, VecDeque};
use std::fmt;
use std::io;
use std::iter::FusedIterator;

use serde_json::Map;

use super::client::{Community, INVITE_HOST};
use super::invite::NewMember;
use super::journal::{Journal, State};
use super::member_diff::check_not_misread;
use super::role_update::{check_id_in_list, owned, place_in_list, set};
use super::stop_rule::{StopRule, Verdict};
use crate::error::{Applied, Error, ErrorKind, Result};
use crate::pipeline::call::{Call, check_id};
use crate::pipeline::response::RawResponse;
use crate::pipeline::retry::Safety;

/// The kinds of calls for many people, as a journal names them.
const INVITE: &str = "invite";
const REMOVE: &str = "remove";

impl Community {
    /// Invites a person. Heylo sends them an e-mail, unless
    /// [`suppress_emails`](NewMember::suppress_emails) is set.
    ///
    /// Calls `POST /apiv1-create`, `invite`, on a host of its own, which only Heylo's older page documents:
    /// `us-central1-piccup-82257.cloudfunctions.net`, the [`INVITE_HOST`](super::INVITE_HOST). Errors name it. It is
    /// sent again only if the first attempt certainly had no effect.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if the user id is empty, or has white space or an invisible
    /// character around it: to Heylo it would be another person than the one without; or if the `birthDate` is not a date;
    /// [`OutcomeUnknown`](crate::ErrorKind::OutcomeUnknown) if no response came, or one that does not show
    /// whether the person was invited; otherwise see [`ErrorKind`](crate::ErrorKind).
    ///
    /// # Examples
    ///
    /// ```
    /// use heysync::ErrorKind;
    /// use heysync::heylo::NewMember;
    ///
    /// # use heysync::{Config, heylo, sandbox};
    /// # let config = Config::new().transport(sandbox::Heylo::demo()).clock(sandbox::TestClock::new());
    /// # let community = heylo::Client::with_config("key", config)?.community("harbour-runners");
    /// let ada = NewMember::new("user-42").first_name("Ada").email("ada@example.com");
    /// match community.invite(&ada) {
    ///     Ok(_) => println!("invited"),
    ///     Err(error) if error.kind() == ErrorKind::OutcomeUnknown => eprintln!("look in Heylo: {error}"),
    ///     Err(error) => return Err(error),
    /// }
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn invite(&self, member: &NewMember) -> Result<RawResponse> {
        self.client().send_raw(&self.invite_call(member))
    }

    fn invite_call(&self, member: &NewMember) -> Call {
        // It is not documented that a second invite of the same person is the same invite: unsafe, as every POST.
        self.call("apiv1-create", "invite", &[], member.to_fields())
            .require("userId", member.user_id())
            .checked(member.check())
            .safety(Safety::Unsafe)
            .host(INVITE_HOST)
            .outcome_hint("look for the invite in Heylo before sending it again")
    }

    /// Removes a person, and cancels their pending invites.
    ///
    /// Calls `POST /apiv1-remove`, `member`. `user_id` is the stable id in the caller's own system, the same
    /// that they were invited with. If an attempt gets no response and the retry finds nobody to remove, the
    /// removal counts as a success.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if an id is empty, or has white space or an invisible character
    /// around it (somebody who was invited with such an id is removed by a [`Call`](crate::Call));
    /// [`NotFound`](crate::ErrorKind::NotFound) if there was no such member to begin with, or no such community (not
    /// documented; other responses are possible); otherwise see [`ErrorKind`](crate::ErrorKind).
    ///
    /// # Examples
    ///
    /// A removal that an earlier run may have made. The roles show that it is the person who is not found, and not the
    /// community:
    ///
    /// ```
    /// use heysync::ErrorKind;
    ///
    /// # use heysync::{Config, heylo, sandbox};
    /// # let config = Config::new().transport(sandbox::Heylo::demo()).clock(sandbox::TestClock::new());
    /// # let community = heylo::Client::with_config("key", config)?.community("harbour-runners");
    /// for _ in 0..2 {
    ///     match community.remove_member("user-7") {
    ///         Err(error) if error.kind() == ErrorKind::NotFound => drop(community.roles()?),
    ///         result => drop(result?),
    ///     }
    /// }
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn remove_member(&self, user_id: impl AsRef<str>) -> Result<RawResponse> {
        self.client().send_raw(&self.removal_call(user_id.as_ref()))
    }

    fn removal_call(&self, user_id: &str) -> Call {
        // On the host of the newer page, though the older one names the host of invites for it.
        self.call("apiv1-remove", "member", &[("userId", user_id)], Map::new()).removes()
    }

    /// Invites many people, one after the other, as the returned iterator is advanced.
    ///
    /// Each invite is sent as by [`invite`](Community::invite). A user id that comes twice is invited once, with
    /// the data that comes first. See [`Bulk`] for the failures that end it early, and for how to continue.
    ///
    /// # Examples
    ///
    /// ```
    /// use heysync::heylo::NewMember;
    ///
    /// # use heysync::{Config, heylo, sandbox};
    /// # let config = Config::new().transport(sandbox::Heylo::demo()).clock(sandbox::TestClock::new());
    /// # let community = heylo::Client::with_config("key", config)?.community("harbour-runners");
    /// let people = ["user-51", "", "user-53"].map(NewMember::new);
    /// let mut invited = 0;
    /// for outcome in community.invite_members(&people) {
    ///     match outcome.result {
    ///         Ok(_) => invited += 1,
    ///         Err(error) => eprintln!("{:?}: {error}", outcome.user_id),
    ///     }
    /// }
    /// assert_eq!(invited, 2);
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn invite_members<I>(&self, members: I) -> Bulk
    where
        I: IntoIterator<Item: Borrow<NewMember>>,
    {
        let invite = |member: I::Item| Action::Invite(Box::new(member.borrow().clone()));
        Bulk::new(self.clone(), INVITE, members.into_iter().map(invite))
    }

    /// Returns an empty journal of invites to this community, for the first run of a program that keeps one.
    ///
    /// # Examples
    ///
    /// ```
    /// use heysync::heylo::NewMember;
    ///
    /// # use heysync::{Config, heylo, sandbox};
    /// # let config = Config::new().transport(sandbox::Heylo::demo()).clock(sandbox::TestClock::new());
    /// # let community = heylo::Client::with_config("key", config)?.community("harbour-runners");
    /// let mut journal = community.invite_journal();
    /// journal.mark_done("user-51"); // who was invited by other means
    /// let people = ["user-51", "user-52"].map(NewMember::new);
    /// assert_eq!(community.invite_members(people).resume_at(&journal)?.count(), 1);
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn invite_journal(&self) -> Journal {
        Journal::new(INVITE, self.id())
    }

    /// Removes many people, one after the other, as the returned iterator is advanced.
    ///
    /// Each removal is sent as by [`remove_member`](Community::remove_member). A user id that comes twice is
    /// sent once. See [`Bulk`] for the failures that end it early, and for how to continue.
    ///
    /// # Examples
    ///
    /// ```
    /// # use heysync::{Config, heylo, sandbox};
    /// # let config = Config::new().transport(sandbox::Heylo::demo()).clock(sandbox::TestClock::new());
    /// # let community = heylo::Client::with_config("key", config)?.community("harbour-runners");
    /// let leaving = ["user-38", "user-39", "user-40"];
    /// let failed: Vec<String> = community
    ///     .remove_members(leaving)
    ///     .filter(|outcome| !outcome.is_removed())
    ///     .map(|outcome| outcome.user_id)
    ///     .collect();
    /// assert!(failed.is_empty());
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn remove_members<I>(&self, user_ids: I) -> Bulk
    where
        I: IntoIterator<Item: AsRef<str>>,
    {
        let remove = |user_id: I::Item| Action::Remove(user_id.as_ref().to_owned());
        Bulk::new(self.clone(), REMOVE, user_ids.into_iter().map(remove))
    }

    /// Removes, one after the other, the people who are done or [`unknown`](Journal::unknown) in a journal of invites and are
    /// no longer `listed`.
    ///
    /// They are removed as by [`remove_members`](Community::remove_members). Call [`Journal::forget`] for each person who
    /// [is removed](MemberOutcome::is_removed): otherwise a person who comes back is not invited.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](ErrorKind::InvalidInput), before anybody is removed, if the journal is of another community or of
    /// removals; if nobody is listed, which would remove everybody; or if a listed id is empty, or has white space, quotes or
    /// commas around an id of the journal: the list was read wrongly, and that person would be removed.
    ///
    /// # Examples
    ///
    /// ```
    /// # use heysync::{Config, heylo, sandbox};
    /// # let config = Config::new().transport(sandbox::Heylo::demo()).clock(sandbox::TestClock::new());
    /// # let community = heylo::Client::with_config("key", config)?.community("harbour-runners");
    /// let mut journal = community.invite_journal();
    /// for user_id in ["user-6", "user-7"] {
    ///     journal.mark_done(user_id);
    /// }
    /// for outcome in community.remove_unlisted(&journal, ["user-6", "user-51"])? {
    ///     if outcome.is_removed() {
    ///         journal.forget(&outcome.user_id);
    ///     }
    /// }
    /// assert_eq!(journal.done().collect::<Vec<_>>(), ["user-6"]);
    ///
    /// let misread = community.remove_unlisted(&journal, ["user-6 "]).unwrap_err();
    /// assert!(misread.to_string().contains("user-6"));
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn remove_unlisted<I>(&self, invited: &Journal, listed: I) -> Result<Bulk>
    where
        I: IntoIterator<Item: AsRef<str>>,
    {
        self.invite_journal().check_same_work(invited)?;
        let listed = owned(listed);
        let people: Vec<&str> = invited.done().chain(invited.unknown()).collect();
        check_not_misread(&listed, &people.iter().copied().collect())?;
        for (at, id) in listed.iter().enumerate() {
            check_id_in_list(id, at, listed.len(), "people")?;
        }
        if listed.is_empty() && !people.is_empty() {
            return Err(Error::invalid("nobody is listed, which would remove everybody")
                .with_hint("check the list; to remove everybody, use remove_members"));
        }
        let is_listed = set(&listed);
        Ok(self.remove_members(people.into_iter().filter(|id| !is_listed.contains(id))))
    }
}

/// The outcome of a bulk call for one person.
#[derive(Debug)]
#[non_exhaustive]
pub struct MemberOutcome {
    /// The user id.
    pub user_id: String,
    /// Heylo's response, or the error.
    pub result: Result<RawResponse>,
    is_removed: bool,
}

impl MemberOutcome {
    /// Returns whether the person is no member after a removal: it took effect, or the community is known and has no such
    /// member, as after a removal by an earlier run. For an invite it is false.
    ///
    /// A [`NotFound`](crate::ErrorKind::NotFound) alone does not show that, since an unknown community and a wrong base
    /// address cause it as well. So after the first `NotFound` that does not name the person, the roles of the community are
    /// read.
    ///
    /// # Examples
    ///
    /// ```
    /// # use heysync::{Config, heylo, sandbox};
    /// # let config = Config::new().transport(sandbox::Heylo::demo()).clock(sandbox::TestClock::new());
    /// # let client = heylo::Client::with_config("key", config)?;
    /// let is_removed = |community: &str, user_id: &str| {
    ///     client.community(community).remove_members([user_id]).all(|outcome| outcome.is_removed())
    /// };
    /// assert!(is_removed("harbour-runners", "user-7"));
    /// assert!(is_removed("harbour-runners", "user-7")); // again
    /// assert!(!is_removed("no-such-community", "user-7"));
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn is_removed(&self) -> bool {
        self.is_removed
    }
}

/// Calls for many people, one after the other: an iterator of one [`MemberOutcome`] for each.
///
/// Made by [`Community::invite_members`] and [`Community::remove_members`]. It is lazy, and goes as fast as
/// the rate limit allows: 5 people a second. A user id that is given twice is sent once.
///
/// # Failures
///
/// A failure for one person is that person's outcome, and the next person follows. A failure that would repeat for everybody
/// else ends the iterator after this outcome: a rejected key (401, 403), an unknown community,
/// a network that is down ([`NotSent`](crate::ErrorKind::NotSent)), a rate limit that outlasts the deadline, a share
/// that cannot be reached, a [cancellation](crate::Cancellation), a journal that cannot be written, a redirect, and
/// the third server error or lost response in a row.
///
/// Heylo does not document how it rejects an unknown community. The message of a 4xx decides. If the first removal or the
/// first three invites fail with messages that do not name the community or the person, the roles of the community are
/// read once, to find out whether it is known.
///
/// # Continuing later
///
/// Save the [`journal`](Bulk::journal) after each outcome, and give it to [`resume_at`](Bulk::resume_at) in a later
/// run over the same people, or more. That run leaves out those who are done, and sends again what failed. The journal
/// keeps apart those who may have been invited already. If the process may be killed at any moment, advance by
/// [`next_recorded`](Bulk::next_recorded), which writes down each person before the request is sent: nobody is invited twice.
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
/// let total = removals.left().len();
/// assert_eq!(total, 3);
/// while let Some(outcome) = removals.next() {
///     println!("{} of {total} done, {} failed", removals.done_count(), removals.failed_count());
///     if let Err(error) = outcome.result {
///         eprintln!("{}: {error}", outcome.user_id);
///     }
/// }
/// assert_eq!((removals.done_count(), removals.failed_count(), removals.left().len()), (2, 1, 0));
/// println!("{}", removals.journal());
/// # Ok::<(), heysync::Error>(())
/// ```
#[must_use = "nothing is sent before the iterator is advanced"]
pub struct Bulk {
    community: Community,
    operation: &'static str,
    left: VecDeque<Task>,
    /// How many people were given, the same person twice included.
    given: usize,
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
        tasks: impl Iterator<Item = Action>,
    ) -> Bulk {
        let (mut met, mut left) = (HashSet::new(), VecDeque::new());
        let mut given = 0;
        for (place, action) in tasks.enumerate() {
            given += 1;
            let task = Task { place, action };
            // Two people without an id are two mistakes.
            if task.user_id().trim().is_empty() || met.insert(task.user_id().to_owned()) {
                left.push_back(task);
            }
        }
        let journal = Journal::new(operation, community.id());
        Bulk {
            community,
            operation,
            left,
            given,
            journal,
            done: 0,
            failed: 0,
            stop_rule: StopRule::new(operation == REMOVE),
            is_stopped: false,
        }
    }

    /// Continues an earlier run: leaves out those who are done or [`unknown`](Journal::unknown) in its journal, and sends the
    /// call for all others, also for those who failed.
    ///
    /// The people may be others than in that run. The journal of this run begins with all entries of that one, also
    /// those of people who are not in this run. So somebody who was invited, was removed, and is to be invited again is
    /// left out, unless the journal [forgets](Journal::forget) each person who is removed.
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
    /// let rest = community.remove_members(people).resume_at(&saved.parse()?)?;
    /// assert_eq!(rest.count(), 2);
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn resume_at(mut self, journal: &Journal) -> Result<Bulk> {
        self.journal.check_same_work(journal)?;
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

    /// Advances to the next person as [`next`](Iterator::next) does, and calls `write` right before their request is sent: after
    /// the wait for the rate limit, and once, not again before a retry.
    ///
    /// In the journal that `write` receives, a person who is to be invited is [`unknown`](Journal::unknown). If the process
    /// is killed between `write` and the end of the call, nobody knows whether Heylo received the invite; a later run that
    /// resumes this journal leaves the person out. The same holds while it waits before a retry, for example after a 429. If
    /// the process is killed earlier, while it waits for the rate limit, the person is not in the journal.
    ///
    /// A removal can be sent again. For it, `write` receives the [`journal`](Bulk::journal) as it is.
    ///
    /// With a [`DryRun`](crate::DryRun), nothing is sent: `write` is not called, and the journal stays as it is.
    ///
    /// `write` returns an [`io::Result`]. Write the journal whole or not at all, as `save` of
    /// [State files](crate::guide::long_lists#state-files) does. If `write` fails, nothing is sent for this person: their outcome is an error of the kind
    /// [`Output`](crate::ErrorKind::Output), whose source is that of `write`, and the iterator ends.
    ///
    /// # Examples
    ///
    /// ```
    /// use heysync::heylo::NewMember;
    ///
    /// # use heysync::{Config, heylo, sandbox};
    /// # let config = Config::new().transport(sandbox::Heylo::demo()).clock(sandbox::TestClock::new());
    /// # let community = heylo::Client::with_config("key", config)?.community("harbour-runners");
    /// # mod files { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/guide/state_file.rs")); }
    /// # use files::{load, save};
    /// # let path = std::env::temp_dir().join(format!("heysync-{}.journal", std::process::id()));
    /// let mut invites = community.invite_members(["user-51", "user-52"].map(NewMember::new));
    /// while let Some(outcome) = invites.next_recorded(|journal| Ok(save(&path, journal)?)) {
    ///     println!("{}: {}", outcome.user_id, outcome.result.is_ok());
    ///     save(&path, invites.journal())?;
    /// }
    /// # assert_eq!(load::<heysync::heylo::Journal>(&path)?.as_ref(), Some(invites.journal()));
    /// # std::fs::remove_file(&path)?;
    /// assert_eq!(invites.journal().done().count(), 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn next_recorded(
        &mut self,
        mut write: impl FnMut(&Journal) -> io::Result<()>,
    ) -> Option<MemberOutcome> {
        self.advance(Some(&mut write))
    }

    fn advance(&mut self, write: Option<&mut JournalWriter<'_>>) -> Option<MemberOutcome> {
        if self.is_stopped {
            return None;
        }
        let task = self.left.pop_front()?;
        let before = self.journal.state(task.user_id());
        let result = self.send(&task, write);
        let state = task.state(&result);
        let is_printed = result.as_ref().is_err_and(|error| error.kind() == ErrorKind::DryRun);
        self.journal.set(task.user_id(), if is_printed { before } else { Some(state) });
        match state {
            State::Done => self.done += 1,
            State::Failed | State::Unknown => self.failed += 1,
        }
        let verdict = self.stop_rule.judge(&self.community, &result);
        self.is_stopped = verdict == Verdict::End;
        let is_gone = state == State::Done || verdict == Verdict::Absent;
        let is_removed = !task.is_invite() && is_gone;
        Some(MemberOutcome { user_id: task.user_id().to_owned(), result, is_removed })
    }

    fn send(
        &mut self,
        task: &Task,
        mut write: Option<&mut JournalWriter<'_>>,
    ) -> Result<RawResponse> {
        let call = task.call(&self.community);
        let client = self.community.client();
        // Also without a writer: if the transport panics, nobody knows whether the invite was sent.
        let result = client.send_raw_recorded(&call, &mut || {
            if task.is_invite() {
                self.journal.set(task.user_id(), Some(State::Unknown));
            }
            write.as_mut().map_or(Ok(()), |write| write(&self.journal).map_err(unwritten))
        });
        result.map_err(|error| match task.rejection(self.given) {
            Some(rejection) if error.kind() == ErrorKind::InvalidInput => {
                error.map_message(|_| rejection)
            }
            _ => error,
        })
    }

    /// Returns the user ids of the people who are left, in order, without those whose call has failed.
    ///
    /// After the end nobody is left, unless a failure that concerns everybody ended the iterator early. The person with that
    /// failure is not among them: they count in [`failed_count`](Bulk::failed_count).
    pub fn left(&self) -> impl ExactSizeIterator<Item = &str> {
        self.left.iter().map(Task::user_id)
    }

    /// Returns for how many people the call took effect in this run: it succeeded, or its response was a success that
    /// cannot be read, whose [`Error::applied`] is [`Yes`](Applied::Yes).
    pub fn done_count(&self) -> usize {
        self.done
    }

    /// Returns for how many people the call has failed in this run.
    pub fn failed_count(&self) -> usize {
        self.failed
    }
}

impl Iterator for Bulk {
    type Item = MemberOutcome;

    fn next(&mut self) -> Option<MemberOutcome> {
        self.advance(None)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let most = if self.is_stopped { 0 } else { self.left.len() };
        // A failure that concerns everybody may end it after the next person.
        (most.min(1), Some(most))
    }
}

impl FusedIterator for Bulk {}

/// Writes a line with the kind of call, the number of people and the community, and one line for each person who is
/// left. A person for whom nothing is sent, such as one without an id, is not counted and has a line that begins with `!`.
impl fmt::Display for Bulk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (operation, community) = (self.operation, self.community.id());
        let count = self.left.iter().filter(|task| task.rejection(self.given).is_none()).count();
        let people = if count == 1 { "person" } else { "people" };
        let direction = if operation == INVITE { "to" } else { "from" };
        write!(f, "{operation} {count} {people} {direction} {community}")?;
        self.left.iter().try_for_each(|task| match (task.rejection(self.given), &task.action) {
            (Some(rejection), _) => write!(f, "\n! {rejection}"),
            (None, Action::Invite(member)) => write!(f, "\n+ {member}"),
            (None, Action::Remove(user_id)) => write!(f, "\n- {user_id}"),
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

/// Writes a journal to the disk.
type JournalWriter<'a> = dyn FnMut(&Journal) -> io::Result<()> + 'a;

/// The error of a person for whom nothing is sent, since the journal could not be written.
fn unwritten(error: io::Error) -> Error {
    Error::new(ErrorKind::Output, "the journal could not be written; nothing was sent")
        .with_source(error)
        .with_hint("check the disk and the rights to the file, and run it again")
}

pub(crate) struct Task {
    /// Where in the caller's list, from 0.
    place: usize,
    action: Action,
}

pub(crate) enum Action {
    Invite(Box<NewMember>),
    Remove(String),
}

impl Task {
    fn user_id(&self) -> &str {
        match &self.action {
            Action::Invite(member) => member.user_id(),
            Action::Remove(user_id) => user_id,
        }
    }

    fn is_invite(&self) -> bool {
        matches!(self.action, Action::Invite(_))
    }

    /// Why nothing can be sent for this person of `given` people, if so.
    fn rejection(&self, given: usize) -> Option<String> {
        let place = place_in_list(self.place, given, "people");
        let birth_date = match &self.action {
            Action::Invite(member) => member.check(),
            Action::Remove(_) => Ok(()),
        };
        let rejected = check_id("userId", self.user_id()).and(birth_date).err()?;
        Some(format!("{place}: {}", rejected.message()))
    }

    fn call(&self, community: &Community) -> Call {
        match &self.action {
            Action::Invite(member) => community.invite_call(member),
            Action::Remove(user_id) => community.removal_call(user_id),
        }
    }

    /// Returns the entry of a journal for this outcome.
    fn state(&self, result: &Result<RawResponse>) -> State {
        match result.as_ref().map_err(Error::applied) {
            Ok(_) | Err(Applied::Yes) => State::Done,
            Err(Applied::Unknown) if self.is_invite() => State::Unknown,
            // A removal can be sent again.
            Err(_) => State::Failed,
        }
    }
}
