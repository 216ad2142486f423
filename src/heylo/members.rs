//! Inviting and removing people, one at a time or many.

use std::fmt;
use std::iter::FusedIterator;

use serde_json::{Map, Value};

use super::community::Community;
use super::invite::NewMember;
use super::reply::Reply;
use crate::error::{Error, ErrorKind, Result};

impl Community {
    /// Invites somebody.
    ///
    /// Calls `POST /apiv1-create`, `invite`, on the host that takes invites. It is sent again only where
    /// the first attempt certainly did nothing.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](ErrorKind::InvalidInput) where the user id is empty;
    /// [`OutcomeUnknown`](ErrorKind::OutcomeUnknown) where no answer came; else see [`ErrorKind`].
    pub fn invite(&self, member: &NewMember) -> Result<Reply> {
        let mut person = member.member.clone();
        person.insert("userId".to_owned(), member.user_id.as_str().into());
        let mut fields = member.beside.clone();
        fields.insert("member".to_owned(), Value::Object(person));
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
    /// Calls `POST /apiv1-remove`, `member`. `user_id` is the stable id in the caller's own system. Where
    /// an attempt got no answer and the next one finds nobody, it has succeeded.
    ///
    /// # Errors
    ///
    /// See [`ErrorKind`].
    pub fn remove_member(&self, user_id: &str) -> Result<Reply> {
        let fields = Map::from_iter([("userId".to_owned(), user_id.into())]);
        let call = self.call("apiv1-remove", "member", fields)?.removes();
        self.check(&[("userId", user_id)])
            .map_err(|refused| refused.with_call(call.name()))?;
        self.client().send_for_reply(&call)
    }

    /// Invites many people, one after the other, as the iterator is asked for more.
    ///
    /// One person's failure does not stop the others; a key that is refused (401) does.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use heysync::heylo::NewMember;
    ///
    /// # fn main() -> heysync::Result<()> {
    /// # let group = heysync::heylo::Client::from_env()?.community("abc123");
    /// let people = ["u1", "u2", "u3"].map(|id| NewMember::new(id));
    /// for invited in group.invite_each(people) {
    ///     match invited.result {
    ///         Ok(_) => println!("{}: invited", invited.user_id),
    ///         Err(error) => println!("{}: {error}", invited.user_id),
    ///     }
    /// }
    /// # Ok(())
    /// # }
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
    /// One person's failure does not stop the others; a key that is refused (401) does.
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

/// What became of one person.
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
/// It is lazy, and goes as fast as the token bucket lets it. After a 401 it is finished, since all others
/// would fail too. To go on another time, hand the same people in again with
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
        Some(Outcome {
            user_id: last,
            result: Err(refused),
        })
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
        let unauthorized = |error: &Error| error.kind() == ErrorKind::Unauthorized;
        self.is_finished = result.as_ref().err().is_some_and(unauthorized);
        Some(Outcome {
            user_id: (self.user_id)(&person),
            result,
        })
    }
}

impl<I: Iterator> FusedIterator for Each<I> {}

impl<I: Iterator> fmt::Debug for Each<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Each")
            .field("is_finished", &self.is_finished)
            .finish_non_exhaustive()
    }
}
