//! Numbered lists: those that change, servers of all kinds, and positions.

mod changes;
mod gaps;
mod model;
mod positions;
mod servers;
