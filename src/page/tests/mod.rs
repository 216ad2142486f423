//! Lists that change, servers of all kinds, and positions.

mod by_cursor;
mod changes;
mod cursor_model;
mod gaps;
mod histories;
mod model;
mod positions;
mod servers;
