//! The parts of `mention_report`: what is counted, the charts, and the page.

mod charts;
mod counts;
mod page;

pub use counts::Counts;
pub use page::{Report, render};
