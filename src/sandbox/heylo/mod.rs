//! Heylo in memory.
//!
//! [`Heylo`] is the service; [`World`] is what it holds, down to each [`Member`], [`Role`], [`Event`] and
//! [`Invite`]; [`Settings`] choose what the vendor's page leaves open.

mod change;
mod demo;
mod fetch;
mod fields;
mod invite;
mod service;
mod world;

use crate::sandbox::handle::Sandbox;

pub use world::{
    Acknowledgement, Community, Event, EventId, Invite, Member, Role, Settings, Standing, World,
};

/// Heylo in memory.
///
/// # Examples
///
/// ```
/// use std::time::{Duration, UNIX_EPOCH};
/// use heysync::sandbox::Heylo;
/// use heysync::sandbox::heylo::{Community, Event, Role};
///
/// let start = UNIX_EPOCH + Duration::from_secs(1_778_500_000);
/// let heylo = Heylo::new().community(
///     Community::new("abc123")
///         .members(["u1", "u2", "u3"])
///         .role(Role::new("captains").members(["u1"]))
///         .event(Event::new("e1", start).field("title", "Long run").attended("u2", "going")),
/// );
/// assert_eq!(heylo.role_members("abc123", "captains"), ["u1"]);
/// ```
pub type Heylo = Sandbox<World>;

impl Sandbox<World> {
    /// Heylo with two made-up communities.
    ///
    /// `harbour-runners` has the members `user-1` to `user-40` (37 and 38 are hidden, 39 and 40 inactive),
    /// the roles `everybody`, `captains` (`user-1` to `user-4`) and `coaches`, the events `event-001` to
    /// `event-130` with their attendance, and a pending invite for `user-41`. `book-circle` is small.
    pub fn demo() -> Heylo {
        Heylo::demo_with_seed(7)
    }

    /// The same with other titles, places and attendance; equal for equal seeds.
    pub fn demo_with_seed(seed: u64) -> Heylo {
        Heylo::from(demo::world(seed))
    }

    /// Adds a community.
    pub fn community(self, community: Community) -> Heylo {
        self.with(|world| world.communities.push(community))
    }

    /// Who has a role now, in the order they got it; nobody where there is no such role.
    pub fn role_members(&self, community_id: &str, role_id: &str) -> Vec<String> {
        let state = self.state();
        let roles = state.community(community_id).map(|community| &community.roles);
        let role = roles.and_then(|roles| roles.iter().find(|role| role.id == role_id));
        role.map(|role| role.member_ids.clone()).unwrap_or_default()
    }

    /// The ids of a community's members, whatever their standing.
    pub fn member_ids(&self, community_id: &str) -> Vec<String> {
        let state = self.state();
        let members = state.community(community_id).map(|community| community.members.iter());
        members.into_iter().flatten().map(|member| member.user_id.clone()).collect()
    }

    /// The invites of a community that are pending, in the order they were sent.
    pub fn invites(&self, community_id: &str) -> Vec<Invite> {
        let state = self.state();
        let community = state.community(community_id);
        community.map(|community| community.invites.clone()).unwrap_or_default()
    }
}
