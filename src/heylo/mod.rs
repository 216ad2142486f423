//! Heylo: the events, attendance, roles and members of communities.
//!
//! By Heylo's API page, every call is a `POST` whose body names the operation in `type`, the key is a bearer
//! token, and 5 requests a second are allowed over all endpoints together. The API needs a Business subscription.
//! The fields of an event, of a role and of an attendance record are not documented, so each of these is kept
//! whole, as JSON, beside its id.
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
//! let community = client.community("abc123");
//!
//! let last_week = Timestamp::ago(Duration::from_secs(7 * 24 * 60 * 60));
//! for event in community.events().starting_after(last_week) {
//!     let event = event?;
//!     println!("{}: {} people", event.id, community.attendance(&event.id)?.len());
//! }
//!
//! let update = RoleUpdate::new().add(["u1", "u2"]).remove(["u9"]);
//! let change = community.role("captains").update(&update)?;
//! println!("added {:?}, ignored by Heylo {:?}", change.added, change.ignored);
//!
//! community.invite(&NewMember::new("user-42").first_name("Ada").email("ada@example.com"))?;
//! community.remove_member("user-42")?;
//! # Ok(())
//! # }
//! ```

mod client;
mod events;
mod invite;
mod journal;
mod listing;
mod member_diff;
mod members;
mod month;
mod record;
mod role_update;
mod roles;
mod stop_rule;

pub use client::{Client, Community, INVITE_HOST};
pub use events::{Attendance, Event, Events};
pub use invite::{Gender, NewMember};
pub use journal::Journal;
pub use member_diff::MemberDiff;
pub use members::{Bulk, MemberOutcome};
pub use month::Month;
pub use role_update::{MemberChange, RoleUpdate, RoleUpdateError};
pub use roles::{Role, RoleMembers};
