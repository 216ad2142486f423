//! The parts that some examples share: exit codes by `sysexits.h`, reports on standard error, Ctrl-C.

#![allow(dead_code, reason = "each program uses a part")]

use std::fmt;
use std::io::{self, ErrorKind, Write as _};
use std::process::{self, ExitCode};
use std::sync::atomic::{AtomicBool, Ordering};

use pico_args::Arguments;

/// The command line is wrong.
const USAGE: u8 = 64;
/// A socket or a file could not be used.
const IO: u8 = 74;
/// The environment is wrong.
const CONFIGURATION: u8 = 78;
/// The program was stopped by Ctrl-C.
const STOPPED: u8 = 130;

/// Why a program ends early: the report, and the exit code.
#[derive(Debug)]
pub(crate) struct Failure {
    report: String,
    code: u8,
}

impl Failure {
    /// An environment variable is missing or wrong.
    pub(crate) fn configuration(report: impl fmt::Display) -> Failure {
        Failure { report: report.to_string(), code: CONFIGURATION }
    }

    /// A socket could not be used.
    pub(crate) fn socket(address: impl fmt::Display, error: impl fmt::Display) -> Failure {
        Failure { report: format!("{address}: {error}"), code: IO }
    }
}

impl From<heysync::Error> for Failure {
    fn from(error: heysync::Error) -> Failure {
        Failure { report: error.report(), code: error.exit_code() }
    }
}

impl From<heysync::heylo::RoleUpdateError> for Failure {
    fn from(error: heysync::heylo::RoleUpdateError) -> Failure {
        heysync::Error::from(error).into()
    }
}

impl From<pico_args::Error> for Failure {
    fn from(error: pico_args::Error) -> Failure {
        Failure { report: format!("{error}\n  hint: --help lists the options"), code: USAGE }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        Failure { report: error.to_string(), code: IO }
    }
}

/// How much is printed on standard error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd)]
pub(crate) enum Volume {
    /// Nothing but errors.
    Quiet,
    /// Notes and longer waits.
    Normal,
    /// Every request as well.
    Verbose,
}

impl Volume {
    /// Reads `--quiet` and `--verbose`.
    pub(crate) fn read(arguments: &mut Arguments) -> Volume {
        let is_verbose = arguments.contains(["-v", "--verbose"]);
        match arguments.contains(["-q", "--quiet"]) {
            true => Volume::Quiet,
            false if is_verbose => Volume::Verbose,
            false => Volume::Normal,
        }
    }

    /// Prints a line that is not data.
    pub(crate) fn note(self, line: impl fmt::Display) {
        if self > Volume::Quiet {
            print_error(line);
        }
    }

    /// Prints a line about a single request.
    pub(crate) fn detail(self, line: impl fmt::Display) {
        if self == Volume::Verbose {
            print_error(line);
        }
    }
}

/// Prints `usage` if `--help` is there; else runs the program, and reports how it ended.
pub(crate) fn main(usage: &str, run: impl FnOnce(Arguments) -> Result<(), Failure>) -> ExitCode {
    let mut arguments = Arguments::from_env();
    if arguments.contains(["-h", "--help"]) {
        print_line(usage.trim_end());
        return ExitCode::SUCCESS;
    }
    match run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure { code: STOPPED, .. }) => {
            print_error("stopped: run it again");
            ExitCode::from(STOPPED)
        }
        Err(Failure { report, code }) => {
            print_error(format!("Error: {report}"));
            ExitCode::from(code)
        }
    }
}

/// Fails if there are arguments that nothing has read. To be called when all options are read.
pub(crate) fn finish(arguments: Arguments) -> Result<(), Failure> {
    match last_argument(arguments)? {
        None => Ok(()),
        Some(extra) => Err(unexpected(&extra)),
    }
}

/// Returns the argument that is no option, or fails if there is another one.
pub(crate) fn last_argument(arguments: Arguments) -> Result<Option<String>, Failure> {
    let rest = arguments.finish().into_iter();
    let mut rest = rest.map(|argument| argument.to_string_lossy().into_owned());
    let first = rest.next();
    match first.iter().find(|first| first.starts_with('-')).cloned().or_else(|| rest.next()) {
        None => Ok(first),
        Some(extra) => Err(unexpected(&extra)),
    }
}

fn unexpected(argument: &str) -> Failure {
    let report = format!("{argument:?} is not expected\n  hint: --help lists the options");
    Failure { report, code: USAGE }
}

/// Prints a line of data. If nobody reads it any more, the program has nothing left to do and ends.
pub(crate) fn print_line(line: impl fmt::Display) {
    let mut stdout = io::stdout().lock();
    match writeln!(stdout, "{line}").and_then(|()| stdout.flush()) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::BrokenPipe => process::exit(0),
        Err(error) => {
            print_error(format!("Error: standard output: {error}"));
            process::exit(i32::from(IO));
        }
    }
}

/// Prints a line on standard error. Unlike `eprintln`, it does not panic if nobody reads it any more.
pub(crate) fn print_error(line: impl fmt::Display) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// Calls `stop` at the first Ctrl-C or SIGTERM. A second one ends the program at once.
pub(crate) fn on_ctrl_c(stop: impl Fn() + Send + 'static) -> Result<(), Failure> {
    let was_stopped = AtomicBool::new(false);
    let on_signal = move || {
        if was_stopped.swap(true, Ordering::SeqCst) {
            process::exit(i32::from(STOPPED));
        }
        print_error("stopping after the request under way; Ctrl-C again stops at once");
        stop();
    };
    ctrlc::set_handler(on_signal).map_err(|error| Failure { report: error.to_string(), code: IO })
}
