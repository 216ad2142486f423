//! Heylo in memory.
//!
//! [`Heylo`](crate::sandbox::Heylo) is the service. [`State`] is its data, with each [`Member`], [`Role`], [`Event`] and [`Invite`].
//! [`Settings`] choose the behaviour that the vendor does not document.

mod fields;
mod invite;
mod service;
mod state;

use std::time::SystemTime;

use crate::sandbox::handle::Sandbox;
use crate::sandbox::wall_clock;

pub use state::{
    Community, Event, EventIdFormat, Invite, Member, MemberStatus, MonthFormat, Role, Settings,
    State, SuccessBody, UnknownCursor,
};

impl Sandbox<State> {
    /// Creates Heylo with two invented communities.
    ///
    /// `harbour-runners` has the members `user-1` to `user-40` (37 and 38 are hidden, 39 and 40 inactive),
    /// the roles `everybody`, `captains` (`user-1` to `user-4`) and `coaches`, the events `event-001` to
    /// `event-130` with their attendance, and a pending invite for `user-41`. `book-circle` is small.
    pub fn demo() -> Sandbox<State> {
        Sandbox::<State>::demo_with_seed(7)
    }

    /// Creates the communities of [`demo`](Sandbox::demo) with other titles, places and attendance. Equal seeds
    /// give equal data.
    pub fn demo_with_seed(seed: u64) -> Sandbox<State> {
        Sandbox::from(state::demo(seed, wall_clock::first_day()))
    }

    /// Creates the communities of [`demo`](Sandbox::demo) as of another day than 2026-05-08: `event-120` begins at `today`.
    ///
    /// For a program that asks for the last days by the clock of the system.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::SystemTime;
    /// use heysync::{Config, Timestamp, heylo, sandbox};
    ///
    /// let service = sandbox::Heylo::demo_at(SystemTime::now());
    /// let client = heylo::Client::with_config("key", Config::new().transport(service))?;
    /// let coming = client.community("harbour-runners").events().starting_after(Timestamp::now());
    /// assert_eq!(coming.count(), 10);
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn demo_at(today: SystemTime) -> Sandbox<State> {
        Sandbox::from(state::demo(7, today)).today(today)
    }

    /// Adds a community.
    pub fn community(self, community: Community) -> Sandbox<State> {
        self.with(|state| state.communities.push(community))
    }

    /// Returns the ids of the members of a role, in the order in which they got it; none if there is no such role.
    pub fn role_members(
        &self,
        community_id: impl AsRef<str>,
        role_id: impl AsRef<str>,
    ) -> Vec<String> {
        let state = self.state();
        let roles = state.community(community_id.as_ref()).map(|community| &community.roles);
        let role = roles.and_then(|roles| roles.iter().find(|role| role.id == role_id.as_ref()));
        role.map(|role| role.member_ids.clone()).unwrap_or_default()
    }

    /// Returns the ids of the members of a community, whatever their status.
    pub fn member_ids(&self, community_id: impl AsRef<str>) -> Vec<String> {
        let state = self.state();
        let members =
            state.community(community_id.as_ref()).map(|community| community.members.iter());
        members.into_iter().flatten().map(|member| member.user_id.clone()).collect()
    }

    /// Returns the pending invites of a community, in the order in which they were sent.
    pub fn invites(&self, community_id: impl AsRef<str>) -> Vec<Invite> {
        let state = self.state();
        let community = state.community(community_id.as_ref());
        community.map(|community| community.invites.clone()).unwrap_or_default()
    }
}
