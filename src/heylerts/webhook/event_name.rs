//! The names of events.

use crate::heylerts::open_enum::open_enum;

open_enum! {
    /// What a delivery is about.
    EventName {
        /// A mention was found.
        MentionCreated = "mention.created",
        /// Mentions come faster than usual.
        SpikeDetected = "spike.detected",
    }
}
