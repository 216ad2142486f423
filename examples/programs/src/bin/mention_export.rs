//! Exports mentions as JSON Lines into a file, and later only those that are new.
//!
//! ```console
//! $ mention_export --output mentions.jsonl                       # invented data, without a key
//! $ HEYLERTS_API_KEY=hlt_… mention_export --output mentions.jsonl
//! ```
//!
//! The file is all that counts: a mention whose whole line is in it is exported, every other one is not. So a run that
//! was killed loses and repeats nothing. The next run removes a line that was written in part and goes on behind the
//! last whole one.
//!
//! `mentions.jsonl.state` holds the time of the newest mention when a run last completed. The next run asks for the
//! mentions since an hour before that (`--overlap`), so that one which arrives late with an older time is exported too,
//! and leaves out those that the file has. Without the state file, which can be deleted at any time, it reads the whole
//! list once more.

use std::collections::HashSet;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use heysync::Timestamp;
use heysync::heylerts::{Client, Mentions};
use heysync_programs::files::{self, Lines};
use heysync_programs::options::Session;
use heysync_programs::{Failure, Filters, Options, Outcome};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Exports mentions as JSON Lines into a file, and later only those that are new
#[derive(Parser)]
#[command(
    after_help = "Set HEYLERTS_API_KEY for the real service. Without it, the sandbox's invented data is used."
)]
struct Arguments {
    /// The file to write, and to continue
    #[arg(long, short, value_name = "FILE", default_value = "mentions.jsonl")]
    output: PathBuf,
    #[command(flatten)]
    filters: Filters,
    /// How late a mention may arrive behind newer ones, in minutes
    #[arg(long, value_name = "MINUTES", default_value_t = 60)]
    overlap: u32,
    #[command(flatten)]
    options: Options,
}

/// The contents of the state file.
#[derive(Serialize, Deserialize)]
struct State {
    /// The filters of the file. A file of other filters is not continued.
    filters: Vec<String>,
    /// When the newest mention was found that the last complete run exported.
    newest: Option<Timestamp>,
}

/// The mentions that the file has.
#[derive(Default)]
struct Exported {
    ids: HashSet<String>,
    newest: Option<Timestamp>,
}

/// The fields of a line that the next run needs.
#[derive(Deserialize)]
struct Line {
    id: String,
    #[serde(default)]
    found_at: Value,
}

impl Exported {
    /// Returns whether the mention is new.
    fn insert(&mut self, id: &str, found_at: &Value) -> bool {
        self.newest = self.newest.max(Timestamp::deserialize(found_at).ok());
        self.ids.insert(id.to_owned())
    }
}

fn main() -> ExitCode {
    heysync_programs::main("run it again to go on", run)
}

fn run(arguments: Arguments) -> Outcome {
    let session = arguments.options.heylerts("mention-export")?;
    let mut exported = Exported::default();
    let mut file = Lines::open(&arguments.output, |line| {
        let line: Line = serde_json::from_str(line)?;
        exported.insert(&line.id, &line.found_at);
        Ok(())
    })?;
    let state = arguments.load_state(&exported, session.is_sandbox)?;
    // Saved before the first line, so that a file of other filters is recognized even if this run is killed.
    arguments.save_state(&state)?;

    let before = exported.ids.len();
    let mentions = arguments.mentions(session.client.mentions(), &state);
    export(mentions, &mut file, &mut exported, &session)?;
    // A time in the future, by a wrong clock, would leave out what comes until then.
    let newest = exported.newest.min(Some(session.now));
    arguments.save_state(&State { newest, ..state })?;
    let new = exported.ids.len() - before;
    session.reporter.note(format!("{new} new mentions in {}", arguments.output.display()));
    Ok(())
}

/// Writes the mentions that the file does not have, each with one call of the system.
///
/// They are written as they were sent, so that none whose fields are not what is documented stops the export.
fn export(
    mut mentions: Mentions<Value>,
    file: &mut Lines,
    exported: &mut Exported,
    session: &Session<Client>,
) -> Outcome {
    session.reporter.begin("mentions", mentions.total_items()?);
    let mut without_id = 0;
    for (done, mention) in (1..).zip(mentions) {
        let mention = mention?;
        match mention["id"].as_str() {
            Some(id) if exported.insert(id, &mention["found_at"]) => {
                file.add(&mention)?;
                file.write()?;
            }
            Some(_) => {}
            None => without_id += 1,
        }
        session.reporter.at(done);
        session.stop.check()?;
    }
    session.reporter.end();
    file.sync()?;
    match without_id {
        0 => Ok(()),
        count => Err(Failure::data(format!("{count} mentions have no id, and were left out"))),
    }
}

impl Arguments {
    fn mentions(&self, mentions: Mentions, state: &State) -> Mentions<Value> {
        let mentions = self.filters.apply(mentions).decode_as();
        let overlap = Duration::from_secs(60) * self.overlap;
        match state.newest.and_then(|moment| moment.checked_sub(overlap)) {
            Some(since) => mentions.since(since),
            None => mentions,
        }
    }

    fn state_file(&self) -> PathBuf {
        files::beside(&self.output, "state")
    }

    /// Reads the state of the last run. An empty output file has none: somebody deleted it, to begin again.
    fn load_state(&self, exported: &Exported, is_sandbox: bool) -> Outcome<State> {
        let invented = is_sandbox.then(|| "invented data".to_owned());
        let filters = invented.into_iter().chain(self.filters.names()).collect();
        let none = State { filters, newest: None };
        let path = self.state_file();
        let Some(saved) = files::read_if_present(&path)?.filter(|_| !exported.ids.is_empty())
        else {
            return Ok(none);
        };
        let state: State = serde_json::from_str(&saved).map_err(|error| {
            Failure::from(error).in_file(&path).with_line("hint: delete it to read the whole list")
        })?;
        match state.filters == none.filters {
            true => Ok(state),
            false => {
                let (its, these) = (named(&state.filters), named(&none.filters));
                let report = format!("it holds {its}, and these would be {these}");
                let hint = "hint: choose another file";
                Err(Failure::usage(report).in_file(&self.output).with_line(hint))
            }
        }
    }

    fn save_state(&self, state: &State) -> Outcome {
        files::write_whole(&self.state_file(), &serde_json::to_vec(state)?)
    }
}

fn named(filters: &[String]) -> String {
    match filters {
        [] => "all mentions".to_owned(),
        filters => format!("mentions with {}", filters.join(", ")),
    }
}
