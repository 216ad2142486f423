//! Ctrl-C: the first one lets the request under way end, a second one stops at once.

use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::failure::{Failure, IO, Outcome, STOPPED};

/// Whether the program was asked to stop, by Ctrl-C or SIGTERM.
#[derive(Clone, Debug, Default)]
pub struct Stop {
    requested: Arc<AtomicBool>,
}

impl Stop {
    /// Listens for Ctrl-C and SIGTERM from now on.
    pub fn on_ctrl_c() -> Outcome<Stop> {
        let stop = Stop::default();
        let requested = Arc::clone(&stop.requested);
        let on_signal = move || {
            if requested.swap(true, Ordering::SeqCst) {
                process::exit(i32::from(STOPPED));
            }
            eprintln!("stopping after the request under way; Ctrl-C again stops at once");
        };
        ctrlc::set_handler(on_signal).map_err(|error| Failure::new(IO, error))?;
        Ok(stop)
    }

    pub fn is_requested(&self) -> bool {
        self.requested.load(Ordering::SeqCst)
    }
}
