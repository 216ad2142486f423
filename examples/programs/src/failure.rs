//! How a program ends: an exit code by the convention of `sysexits.h`, and a report on standard error.

use std::fmt;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use clap::Parser;
use heysync::ErrorKind;

/// The result of a program's steps.
pub type Outcome<T = ()> = Result<T, Failure>;

/// The command line is wrong.
pub const USAGE: u8 = 64;
/// An input file is wrong.
pub const DATA: u8 = 65;
/// An input file is not there.
pub const NO_INPUT: u8 = 66;
/// A file could not be read or written.
pub const IO: u8 = 74;
/// Somebody has to confirm first.
pub const NOT_CONFIRMED: u8 = 77;
/// The program was stopped by a signal: 128 and the number of SIGINT, as a shell counts it.
pub const STOPPED: u8 = 130;

/// Why a program ends early: the report for standard error, and the exit code.
#[derive(Debug)]
pub struct Failure {
    report: String,
    code: u8,
}

impl Failure {
    pub fn new(code: u8, report: impl fmt::Display) -> Failure {
        Failure { report: report.to_string(), code }
    }

    /// A failure of the command line.
    pub fn usage(report: impl fmt::Display) -> Failure {
        Failure::new(USAGE, report)
    }

    /// A failure of an input file.
    pub fn data(report: impl fmt::Display) -> Failure {
        Failure::new(DATA, report)
    }

    /// The program was asked to stop.
    pub fn stopped() -> Failure {
        Failure::new(STOPPED, "stopped")
    }

    /// Adds a line to the report.
    #[must_use]
    pub fn with_line(mut self, line: impl fmt::Display) -> Failure {
        self.report = format!("{}\n  {line}", self.report);
        self
    }

    /// Puts the place in a file in front of the report.
    #[must_use]
    pub fn in_line(self, path: &Path, number: u64) -> Failure {
        let Failure { report, code } = self;
        Failure { report: format!("line {number}: {report}"), code }.in_file(path)
    }

    /// Puts the name of a file in front of the report.
    #[must_use]
    pub fn in_file(mut self, path: &Path) -> Failure {
        self.report = format!("{}: {}", path.display(), self.report);
        self
    }

    /// Whether the reader of standard output went away.
    pub fn is_closed_pipe(&self) -> bool {
        self.code == 0
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.report)
    }
}

/// The library's report has the host, the causes and a hint; its exit code is by the same convention.
impl From<heysync::Error> for Failure {
    fn from(error: heysync::Error) -> Failure {
        let failure = Failure::new(error.exit_code(), error.report());
        match error.kind() {
            ErrorKind::SharedLimit => failure.with_line("hint: or leave it out by --no-share"),
            _ => failure,
        }
    }
}

impl From<heysync::heylo::RoleUpdateError> for Failure {
    fn from(failed: heysync::heylo::RoleUpdateError) -> Failure {
        let change = format!("done before that: {}", failed.change);
        Failure::from(heysync::Error::from(failed)).with_line(change)
    }
}

/// Only the error counts: the programs that read a whole list need all of it.
impl<T> From<heysync::page::ReadAllError<T>> for Failure {
    fn from(failed: heysync::page::ReadAllError<T>) -> Failure {
        heysync::Error::from(failed).into()
    }
}

/// A reader that went away, such as `head`, is no failure.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Failure::new(0, ""),
            _ => Failure::new(IO, error),
        }
    }
}

impl From<csv::Error> for Failure {
    fn from(error: csv::Error) -> Failure {
        let message = error.to_string();
        match error.into_kind() {
            csv::ErrorKind::Io(error) => error.into(),
            _ => Failure::data(message),
        }
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Failure {
        match error.is_io() {
            true => io::Error::from(error).into(),
            false => Failure::data(error),
        }
    }
}

/// Parses the command line, runs the program, and reports how it ended. After Ctrl-C it prints `how_to_go_on`.
pub fn main<Arguments: Parser>(
    how_to_go_on: &str,
    run: impl FnOnce(Arguments) -> Outcome,
) -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // It goes to standard error, or to standard output if somebody asked for help.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { USAGE } else { 0 });
        }
    };
    match run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) if failure.code == 0 => ExitCode::SUCCESS,
        Err(failure) => {
            match failure.code {
                STOPPED => eprint_line(format!("stopped: {how_to_go_on}")),
                _ => eprint_line(format!("Error: {failure}")),
            }
            ExitCode::from(failure.code)
        }
    }
}

/// Prints a line on standard error. Unlike `eprintln`, it does not panic if nobody reads it any more.
pub fn eprint_line(line: impl fmt::Display) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// Prints data on standard output, all of it.
pub fn print(data: impl fmt::Display) -> Outcome {
    let mut stdout = io::stdout().lock();
    let printed = write!(stdout, "{data}").and_then(|()| stdout.flush());
    printed.map_err(|error| match error.kind() {
        io::ErrorKind::BrokenPipe => error.into(),
        _ => Failure::new(IO, format!("standard output: {error}")),
    })
}
