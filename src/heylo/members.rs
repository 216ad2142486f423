//! Inviting and removing people, one at a time or many.

use std::borrow::Borrow;

use serde_json::Map;

use super::bulk::Bulk;
use super::bulk_task::Task;
use super::client::INVITE_HOST;
use super::community::Community;
use super::invite::NewMember;
use super::raw_response::RawResponse;
use crate::error::Result;
use crate::pipeline::retry::Safety;

impl Community {
    /// Invites a person. Heylo sends them an e-mail, unless
    /// [`suppress_emails`](NewMember::suppress_emails) is set.
    ///
    /// Calls `POST /apiv1-create`, `invite`, on a host of its own, which only Heylo's older page documents. It
    /// is sent again only if the first attempt certainly had no effect.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if the user id is empty;
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
        // It is not documented that a second invite of the same person is the same invite: unsafe, as every POST.
        let call = self
            .call("apiv1-create", "invite", &[], member.to_fields())
            .require("userId", member.user_id())
            .safety(Safety::Unsafe)
            .host(INVITE_HOST)
            .outcome_hint("look for the invite in Heylo before sending it again");
        self.client().send_raw(&call)
    }

    /// Removes a person, and cancels their pending invites.
    ///
    /// Calls `POST /apiv1-remove`, `member`. `user_id` is the stable id in the caller's own system, the same
    /// that they were invited with. If an attempt gets no response and the retry finds nobody to remove, the
    /// removal counts as a success.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if an id is empty;
    /// [`NotFound`](crate::ErrorKind::NotFound) if there was no such member to begin with (not documented;
    /// other responses are possible); otherwise see [`ErrorKind`](crate::ErrorKind).
    ///
    /// # Examples
    ///
    /// A removal that an earlier run may have made:
    ///
    /// ```
    /// use heysync::ErrorKind;
    ///
    /// # use heysync::{Config, heylo, sandbox};
    /// # let config = Config::new().transport(sandbox::Heylo::demo()).clock(sandbox::TestClock::new());
    /// # let community = heylo::Client::with_config("key", config)?.community("harbour-runners");
    /// for _ in 0..2 {
    ///     match community.remove_member("user-7") {
    ///         Err(error) if error.kind() == ErrorKind::NotFound => {}
    ///         result => drop(result?),
    ///     }
    /// }
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn remove_member(&self, user_id: impl AsRef<str>) -> Result<RawResponse> {
        let person = [("userId", user_id.as_ref())];
        // On the host of the newer page, though the older one names the host of invites for it.
        let call = self.call("apiv1-remove", "member", &person, Map::new()).removes();
        self.client().send_raw(&call)
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
        let invite = |member: I::Item| Task::Invite(Box::new(member.borrow().clone()));
        Bulk::new(self.clone(), "invite", members.into_iter().map(invite))
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
    ///     .filter(|outcome| outcome.result.is_err())
    ///     .map(|outcome| outcome.user_id)
    ///     .collect();
    /// assert!(failed.is_empty());
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn remove_members<I>(&self, user_ids: I) -> Bulk
    where
        I: IntoIterator<Item: AsRef<str>>,
    {
        let remove = |user_id: I::Item| Task::Remove(user_id.as_ref().to_owned());
        Bulk::new(self.clone(), "remove", user_ids.into_iter().map(remove))
    }
}
