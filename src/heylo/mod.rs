//! Heylo: the events, attendance, roles and members of communities.
//!
//! Facts are from Heylo's API page: every call is a `POST` whose body names the operation in `type`, the
//! key is a bearer token, and there may be 5 requests a second over all endpoints together. It needs a
//! Business subscription. What an event, a role or an attendance record holds is not documented, so each
//! is handed on whole, as JSON, with its id.
//!
//! # Examples
//!
//! ```no_run
//! use std::time::Duration;
//! use heysync::{Timestamp, heylo};
//! use heysync::heylo::{NewMember, RoleUpdate};
//!
//! # fn main() -> heysync::Result<()> {
//! let client = heylo::Client::from_env()?; // HEYLO_API_KEY
//! let group = client.community("abc123");
//!
//! let last_week = Timestamp::ago(Duration::from_secs(7 * 24 * 60 * 60));
//! for event in group.events().starting_after(last_week) {
//!     let event = event?;
//!     println!("{}: {} people", event.id, group.attendance(&event.id)?.len());
//! }
//!
//! let change = group.role("captains").update(&RoleUpdate::new().add(["u1", "u2"]).remove(["u9"]))?;
//! println!("added {:?}, ignored by Heylo {:?}", change.added, change.ignored);
//!
//! group.invite(&NewMember::new("user-42").first_name("Ada").email("ada@example.com"))?;
//! group.remove_member("user-42")?;
//! # Ok(())
//! # }
//! ```

mod client;
mod community;
mod events;
mod invite;
mod members;
mod record;
mod reply;
mod role_members;
mod role_update;
mod roles;
mod roster;

pub use client::Client;
pub use community::Community;
pub use events::{Attendance, Event, Events};
pub use invite::{Gender, Month, NewMember};
pub use members::{Each, Outcome};
pub use reply::Reply;
pub use role_members::RoleMembers;
pub use role_update::{PartialUpdate, RoleChange, RoleUpdate};
pub use roles::Role;
pub use roster::{MemberChange, MemberPlan};
