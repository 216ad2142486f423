//! Ctrl-C: the first one lets the request under way end, a second one stops at once.

use std::io::{self, IsTerminal};
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use heysync::Cancellation;

use crate::failure::{Failure, IO, Outcome, STOPPED, eprint_line};

/// Whether the program was asked to stop, by Ctrl-C or SIGTERM. It ends the waits of the program's client as well.
#[derive(Clone, Debug, Default)]
pub struct Stop {
    cancellation: Cancellation,
    is_idle: Arc<AtomicBool>,
}

impl Stop {
    /// Listens for Ctrl-C and SIGTERM from now on.
    pub fn on_ctrl_c() -> Outcome<Stop> {
        let stop = Stop::default();
        let handler = stop.clone();
        listen(move || handler.signalled()).map_err(|error| Failure::new(IO, error))?;
        Ok(stop)
    }

    fn signalled(&self) {
        if self.is_idle.load(Ordering::SeqCst) {
            eprint_line("\nstopped: nothing was changed");
            process::exit(i32::from(STOPPED));
        }
        if self.cancellation.is_cancelled() {
            process::exit(i32::from(STOPPED));
        }
        // Before the message: the program might end while it is printed.
        self.cancellation.cancel();
        // Below a progress bar.
        let newline = if io::stderr().is_terminal() { "\n" } else { "" };
        eprint_line(format!(
            "{newline}stopping after the request under way; Ctrl-C again stops at once"
        ));
    }

    /// Returns the cancellation for the client's calls.
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

    /// Waits for somebody to type. Meanwhile no request is under way, so the first Ctrl-C stops at once.
    pub fn while_idle<T>(&self, wait: impl FnOnce() -> T) -> T {
        self.is_idle.store(true, Ordering::SeqCst);
        let outcome = wait();
        self.is_idle.store(false, Ordering::SeqCst);
        outcome
    }
}

/// Not SIGHUP: `nohup` makes a program ignore it, and a handler would undo that.
#[cfg(unix)]
fn listen(on_signal: impl Fn() + Send + 'static) -> std::io::Result<()> {
    use signal_hook::consts::{SIGINT, SIGTERM};

    let mut signals = signal_hook::iterator::Signals::new([SIGINT, SIGTERM])?;
    std::thread::spawn(move || signals.forever().for_each(|_| on_signal()));
    Ok(())
}

#[cfg(not(unix))]
fn listen(on_signal: impl Fn() + Send + 'static) -> Result<(), ctrlc::Error> {
    ctrlc::set_handler(on_signal)
}
