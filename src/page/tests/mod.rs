//! Numbered lists: those that change, servers of all kinds, and positions.

mod changes;
mod gaps;
mod histories;
mod model;
mod positions;
mod servers;
