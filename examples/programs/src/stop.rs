//! Ctrl-C: the first one lets the request under way end, a second one stops at once.

use std::process;

use heysync::Cancellation;

use crate::failure::{Failure, IO, Outcome, STOPPED};

/// Whether the program was asked to stop, by Ctrl-C or SIGTERM. It ends the waits of the program's client as well.
#[derive(Clone, Debug, Default)]
pub struct Stop {
    cancellation: Cancellation,
}

impl Stop {
    /// Listens for Ctrl-C and SIGTERM from now on.
    pub fn on_ctrl_c() -> Outcome<Stop> {
        let stop = Stop::default();
        let cancellation = stop.cancellation.clone();
        let on_signal = move || {
            if cancellation.is_cancelled() {
                process::exit(i32::from(STOPPED));
            }
            eprintln!("stopping after the request under way; Ctrl-C again stops at once");
            cancellation.cancel();
        };
        ctrlc::set_handler(on_signal).map_err(|error| Failure::new(IO, error))?;
        Ok(stop)
    }

    /// What cancels the calls of a client.
    pub fn cancellation(&self) -> &Cancellation {
        &self.cancellation
    }

    /// Fails if the program was asked to stop. To be called between two steps.
    pub fn check(&self) -> Outcome {
        match self.cancellation.is_cancelled() {
            true => Err(Failure::stopped()),
            false => Ok(()),
        }
    }
}
