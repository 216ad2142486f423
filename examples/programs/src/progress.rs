//! Progress on standard error: a bar on a terminal, lines elsewhere.

use std::io::{self, IsTerminal};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use heysync::{Activity, Observer};
use indicatif::{ProgressBar, ProgressStyle};

/// Without a terminal, a line is printed after this many items.
const LINE_EVERY: u64 = 500;
/// A shorter wait is not worth a line.
const SHORT: Duration = Duration::from_millis(500);

/// Reports what a program does. Clones report to the same bar. It is the observer of the program's client as well,
/// so that a wait for the rate limit is seen beside the progress.
#[derive(Clone, Debug)]
pub struct Reporter {
    volume: Volume,
    bar: Arc<Mutex<Option<ProgressBar>>>,
}

/// How much is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd)]
pub enum Volume {
    /// Nothing but errors.
    Quiet,
    /// Progress, notes and longer waits.
    Normal,
    /// Every request as well.
    Verbose,
}

impl Reporter {
    pub fn new(volume: Volume) -> Reporter {
        Reporter { volume, bar: Arc::default() }
    }

    /// Begins to count items called `what`, of which there are `total` if that is known.
    pub fn begin(&self, what: &'static str, total: Option<u64>) {
        if self.volume == Volume::Quiet || !io::stderr().is_terminal() {
            return;
        }
        let (template, length) = match total {
            Some(total) => ("{pos:>7} of {len} {prefix} {wide_bar} {msg}", total),
            None => ("{pos:>7} {prefix} {msg}", 0),
        };
        let style =
            ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = ProgressBar::new(length).with_style(style).with_prefix(what);
        *self.bar() = Some(bar);
    }

    /// Reports that `done` items are done.
    pub fn at(&self, done: u64, what: &str) {
        match &*self.bar() {
            Some(bar) => bar.set_position(done),
            None if done.is_multiple_of(LINE_EVERY) => self.line(&format!("{done} {what}")),
            None => {}
        }
    }

    /// Removes the bar.
    pub fn end(&self) {
        if let Some(bar) = self.bar().take() {
            bar.finish_and_clear();
        }
    }

    /// Prints a line that is not data.
    pub fn note(&self, line: impl AsRef<str>) {
        match &*self.bar() {
            Some(bar) => bar.println(line.as_ref()),
            None => self.line(line.as_ref()),
        }
    }

    fn line(&self, line: &str) {
        if self.volume > Volume::Quiet {
            eprintln!("{line}");
        }
    }

    /// Shows a wait beside the bar, since it ends by itself.
    fn wait(&self, activity: &Activity<'_>) {
        match &*self.bar() {
            Some(bar) => bar.set_message(activity.to_string()),
            None => self.line(&activity.to_string()),
        }
    }

    fn bar(&self) -> MutexGuard<'_, Option<ProgressBar>> {
        self.bar.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Reporter {
    fn observe(&self, activity: &Activity<'_>) {
        match activity {
            _ if self.volume == Volume::Verbose => self.note(activity.to_string()),
            Activity::Waiting { wait, .. } if wait.duration >= SHORT => self.wait(activity),
            Activity::Retrying { .. } => self.wait(activity),
            Activity::Responded { .. } => {
                if let Some(bar) = &*self.bar() {
                    bar.set_message("");
                }
            }
            _ => {}
        }
    }
}
