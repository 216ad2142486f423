//! Inviting and removing people, one at a time or many.

use std::fmt;
use std::iter::FusedIterator;

use serde_json::{Map, Value};

use super::community::Community;
use super::invite::NewMember;
use super::reply::Reply;
use crate::error::{Error, ErrorKind, Result};

impl Community {
    /// Invites somebody. Heylo sends them an e-mail, unless [`suppress_emails`](NewMember::suppress_emails)
    /// says not to.
    ///
    /// Calls `POST /apiv1-create`, `invite`, on the host that takes invites: only Heylo's older page
    /// documents this, and it is another host than for everything else. It is sent again only where the
    /// first attempt certainly did nothing.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](ErrorKind::InvalidInput) where the user id is empty;
    /// [`OutcomeUnknown`](ErrorKind::OutcomeUnknown) where no answer came; else see [`ErrorKind`].
    ///
    /// # Examples
    ///
    /// ```
    /// use heysync::ErrorKind;
    /// use heysync::heylo::NewMember;
    ///
    /// # use heysync::{Config, heylo, sandbox};
    /// # let config = Config::new().transport(sandbox::Heylo::demo()).clock(sandbox::TestClock::new());
    /// # let group = heylo::Client::with_config("key", config)?.community("harbour-runners");
    /// let ada = NewMember::new("user-42").first_name("Ada").email("ada@example.com");
    /// match group.invite(&ada) {
    ///     Ok(_) => println!("invited"),
    ///     Err(error) if error.kind() == ErrorKind::OutcomeUnknown => eprintln!("look in Heylo: {error}"),
    ///     Err(error) => return Err(error),
    /// }
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn invite(&self, member: &NewMember) -> Result<Reply> {
        let mut person = member.member.clone();
        // Last, so that no field can make it another person.
        person.insert("userId".to_owned(), member.user_id.as_str().into());
        let mut fields = member.beside.clone();
        fields.insert("member".to_owned(), Value::Object(person));
        // Nothing says that a second invite of the same person is the same invite: unsafe, as every POST.
        let call = self
            .call("apiv1-create", "invite", fields)?
            .on_invite_host()
            .outcome_hint("look for the invite in Heylo before sending it again");
        self.check(&[("userId", member.user_id.as_str())])
            .map_err(|refused| refused.with_call(call.name()))?;
        self.client().send_for_reply(&call)
    }

    /// Removes somebody, and cancels their pending invites.
    ///
    /// Calls `POST /apiv1-remove`, `member`. `user_id` is the stable id in the caller's own system, the
    /// same that they were invited with. Where an attempt got no answer and the next one finds nobody, it
    /// has succeeded.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](ErrorKind::InvalidInput) where an id is empty; [`NotFound`](ErrorKind::NotFound)
    /// where there was no such member to begin with (not documented; other answers are possible); else see
    /// [`ErrorKind`].
    ///
    /// # Examples
    ///
    /// A removal that may have been done by an earlier run:
    ///
    /// ```
    /// use heysync::ErrorKind;
    ///
    /// # use heysync::{Config, heylo, sandbox};
    /// # let config = Config::new().transport(sandbox::Heylo::demo()).clock(sandbox::TestClock::new());
    /// # let group = heylo::Client::with_config("key", config)?.community("harbour-runners");
    /// for _ in 0..2 {
    ///     match group.remove_member("user-7") {
    ///         Err(error) if error.kind() == ErrorKind::NotFound => {}
    ///         result => drop(result?),
    ///     }
    /// }
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn remove_member(&self, user_id: &str) -> Result<Reply> {
        let fields = Map::from_iter([("userId".to_owned(), user_id.into())]);
        // Served by the host of the newer page, though the older one names the host of invites for it.
        let call = self.call("apiv1-remove", "member", fields)?.removes();
        self.check(&[("userId", user_id)]).map_err(|refused| refused.with_call(call.name()))?;
        self.client().send_for_reply(&call)
    }

    /// Invites many people, one after the other, as the iterator is asked for more.
    ///
    /// Each is sent as by [`invite`](Community::invite). One person's failure does not stop the others; a
    /// key that is refused (401) does.
    ///
    /// # Examples
    ///
    /// ```
    /// use heysync::heylo::NewMember;
    ///
    /// # use heysync::{Config, heylo, sandbox};
    /// # let config = Config::new().transport(sandbox::Heylo::demo()).clock(sandbox::TestClock::new());
    /// # let group = heylo::Client::with_config("key", config)?.community("harbour-runners");
    /// let people = ["user-51", "", "user-53"].map(NewMember::new);
    /// let mut invited = 0;
    /// for outcome in group.invite_each(people) {
    ///     match outcome.result {
    ///         Ok(_) => invited += 1,
    ///         Err(error) => eprintln!("{:?}: {error}", outcome.user_id),
    ///     }
    /// }
    /// assert_eq!(invited, 2);
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn invite_each<I>(&self, members: I) -> Each<I::IntoIter>
    where
        I: IntoIterator<Item = NewMember>,
    {
        Each {
            community: self.clone(),
            people: members.into_iter(),
            user_id: |member| member.user_id.clone(),
            deal_with: Community::invite,
            resume_after: None,
            is_finished: false,
        }
    }

    /// Removes many people, one after the other, as the iterator is asked for more.
    ///
    /// Each is sent as by [`remove_member`](Community::remove_member). One person's failure does not stop the
    /// others; a key that is refused (401) does.
    ///
    /// # Examples
    ///
    /// ```
    /// # use heysync::{Config, heylo, sandbox};
    /// # let config = Config::new().transport(sandbox::Heylo::demo()).clock(sandbox::TestClock::new());
    /// # let group = heylo::Client::with_config("key", config)?.community("harbour-runners");
    /// let left_the_club = ["user-38", "user-39", "user-40"];
    /// let failed: Vec<String> = group
    ///     .remove_each(left_the_club)
    ///     .filter(|outcome| outcome.result.is_err())
    ///     .map(|outcome| outcome.user_id)
    ///     .collect();
    /// assert!(failed.is_empty());
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn remove_each<I>(&self, user_ids: I) -> Each<I::IntoIter>
    where
        I: IntoIterator<Item: AsRef<str>>,
    {
        Each {
            community: self.clone(),
            people: user_ids.into_iter(),
            user_id: |user_id| user_id.as_ref().to_owned(),
            deal_with: |community, user_id| community.remove_member(user_id.as_ref()),
            resume_after: None,
            is_finished: false,
        }
    }
}

/// What became of one person, as [`Each`] tells.
#[derive(Debug)]
#[non_exhaustive]
pub struct Outcome {
    /// Who.
    pub user_id: String,
    /// What Heylo said, or why nothing was done.
    pub result: Result<Reply>,
}

/// Work on many people: an iterator of one [`Outcome`] for each.
///
/// It is lazy, and goes as fast as the token bucket lets it: 5 a second. After a 401 it is finished, since
/// all others would fail too. To go on another time, hand the same people in again with
/// [`resume_after`](Each::resume_after).
#[must_use = "nobody is dealt with before the iterator is asked"]
pub struct Each<I: Iterator> {
    community: Community,
    people: I,
    user_id: fn(&I::Item) -> String,
    deal_with: fn(&Community, &I::Item) -> Result<Reply>,
    resume_after: Option<String>,
    is_finished: bool,
}

impl<I: Iterator> Each<I> {
    /// Leaves out everybody up to and with this person, who was dealt with before.
    ///
    /// Where nobody by that id comes, the one outcome is an error of the kind
    /// [`InvalidInput`](ErrorKind::InvalidInput).
    ///
    /// # Examples
    ///
    /// ```
    /// # use heysync::{Config, heylo, sandbox};
    /// # let config = Config::new().transport(sandbox::Heylo::demo()).clock(sandbox::TestClock::new());
    /// # let group = heylo::Client::with_config("key", config)?.community("harbour-runners");
    /// let people = ["user-7", "user-8", "user-9"];
    /// let last = group.remove_each(people).next().expect("one outcome").user_id;
    /// // The script was stopped here, and `last` was saved.
    /// let rest = group.remove_each(people).resume_after(last);
    /// assert_eq!(rest.count(), 2);
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn resume_after(mut self, user_id: impl Into<String>) -> Each<I> {
        self.resume_after = Some(user_id.into());
        self
    }

    fn skip_to_resume(&mut self) -> Option<Outcome> {
        let last = self.resume_after.take()?;
        if self.people.any(|person| (self.user_id)(&person) == last) {
            return None;
        }
        let refused = Error::invalid("nobody by the user id to resume after is among these people");
        Some(Outcome { user_id: last, result: Err(refused) })
    }
}

impl<I: Iterator> Iterator for Each<I> {
    type Item = Outcome;

    fn next(&mut self) -> Option<Outcome> {
        if self.is_finished {
            return None;
        }
        if let Some(refused) = self.skip_to_resume() {
            self.is_finished = true;
            return Some(refused);
        }
        let Some(person) = self.people.next() else {
            self.is_finished = true;
            return None;
        };
        let result = (self.deal_with)(&self.community, &person);
        // A 403 or a 404 may be about this person alone. A key that is refused is refused for everybody.
        let unauthorized = |error: &Error| error.kind() == ErrorKind::Unauthorized;
        self.is_finished = result.as_ref().err().is_some_and(unauthorized);
        Some(Outcome { user_id: (self.user_id)(&person), result })
    }
}

impl<I: Iterator> FusedIterator for Each<I> {}

impl<I: Iterator> fmt::Debug for Each<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Each").field("is_finished", &self.is_finished).finish_non_exhaustive()
    }
}
