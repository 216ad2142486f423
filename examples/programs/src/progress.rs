//! Progress on standard error: a bar on a terminal, lines elsewhere.

use std::io::{self, IsTerminal};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use heysync::{Activity, Observer};
use indicatif::{ProgressBar, ProgressStyle};

use crate::failure::eprint_line;

/// Without a terminal, lines of progress are at least this far apart, and a shorter wait has none.
const LINE_EVERY: Duration = Duration::from_secs(5);
/// A shorter wait is not shown beside a bar.
const SHORT: Duration = Duration::from_millis(500);

/// Reports what a program does. Clones report to the same bar. It is the observer of the program's client as well,
/// so that a wait for the rate limit is seen beside the progress.
#[derive(Clone, Debug)]
pub struct Reporter {
    volume: Volume,
    counted: Arc<Mutex<Option<Counted>>>,
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

/// The items that are counted now.
#[derive(Debug)]
struct Counted {
    what: &'static str,
    total: Option<u64>,
    done: u64,
    last_line: Instant,
    bar: Option<ProgressBar>,
}

impl Reporter {
    pub fn new(volume: Volume) -> Reporter {
        Reporter { volume, counted: Arc::default() }
    }

    /// Begins to count items called `what`, of which there are `total` if that is known.
    pub fn begin(&self, what: &'static str, total: Option<u64>) {
        let has_bar = self.volume > Volume::Quiet && io::stderr().is_terminal();
        let bar = has_bar.then(|| bar(what, total));
        *self.counted() = Some(Counted { what, total, done: 0, last_line: Instant::now(), bar });
    }

    /// Reports that `done` items are done.
    pub fn at(&self, done: u64) {
        let Some(counted) = &mut *self.counted() else { return };
        counted.done = done;
        if let Some(bar) = &counted.bar {
            bar.set_position(done);
        } else if counted.last_line.elapsed() >= LINE_EVERY {
            counted.last_line = Instant::now();
            self.line(&counted.line());
        }
    }

    /// Ends the count.
    pub fn end(&self) {
        match self.counted().take() {
            Some(Counted { bar: Some(bar), .. }) => bar.finish_and_clear(),
            Some(counted) if counted.total != Some(0) => self.line(&counted.line()),
            _ => {}
        }
    }

    /// Prints a line that is not data.
    pub fn note(&self, line: impl AsRef<str>) {
        if self.volume > Volume::Quiet {
            self.error(line);
        }
    }

    /// Prints a line about a failure, which `--quiet` does not suppress.
    pub fn error(&self, line: impl AsRef<str>) {
        match self.counted().as_ref().and_then(|counted| counted.bar.as_ref()) {
            Some(bar) => bar.println(line.as_ref()),
            None => eprint_line(line.as_ref()),
        }
    }

    fn line(&self, line: &str) {
        if self.volume > Volume::Quiet {
            eprint_line(line);
        }
    }

    /// Shows a message beside the bar, and returns whether there is one.
    fn beside_bar(&self, message: &str) -> bool {
        let counted = self.counted();
        let bar = counted.as_ref().and_then(|counted| counted.bar.as_ref());
        bar.map(|bar| bar.set_message(message.to_owned())).is_some()
    }

    fn counted(&self) -> MutexGuard<'_, Option<Counted>> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counted {
    fn line(&self) -> String {
        let Counted { what, done, .. } = self;
        match self.total {
            Some(total) => format!("{done} of {total} {what}"),
            None => format!("{done} {what}"),
        }
    }
}

fn bar(what: &'static str, total: Option<u64>) -> ProgressBar {
    let (template, length) = match total {
        Some(total) => ("{pos:>7} of {len} {prefix} {bar:20} {wide_msg}", total),
        None => ("{pos:>7} {prefix} {wide_msg}", 0),
    };
    let style = ProgressStyle::with_template(template);
    let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(length).with_style(style).with_prefix(what)
}

/// A wait ends by itself, so it is shown beside the bar, and as a line only if it is long.
impl Observer for Reporter {
    fn observe(&self, activity: &Activity<'_>) {
        match activity {
            _ if self.volume == Volume::Verbose => self.note(activity.to_string()),
            Activity::Waiting { wait, .. } if wait.duration >= SHORT => {
                let message = activity.to_string();
                if !self.beside_bar(&message) && wait.duration >= LINE_EVERY {
                    self.line(&message);
                }
            }
            Activity::Retrying { .. } => {
                let message = activity.to_string();
                if !self.beside_bar(&message) {
                    self.line(&message);
                }
            }
            Activity::Responded { .. } => _ = self.beside_bar(""),
            _ => {}
        }
    }
}
