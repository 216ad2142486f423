//! Follows mentions and prints them as they come, for ever, through restarts and outages.
//!
//! ```console
//! $ mention_watch                                                # invented data, without a key
//! $ HEYLERTS_API_KEY=hlt_… mention_watch --sentiment negative --interval 60
//! $ HEYLERTS_API_KEY=hlt_… mention_watch --once                  # for cron: what is new since the last run
//! ```
//!
//! The file `--state` holds what was printed: the next run goes on behind it. It is saved after each mention, so a
//! mention that was printed while the program was killed may be printed once more, and none is left out. The first run
//! prints what comes from its start on; `--since-hours` lets it begin earlier.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use heysync::heylerts::{Bookmark, Client, Follow, Mention};
use heysync::{ErrorKind, Timestamp};
use heysync_programs::failure::print;
use heysync_programs::options::Session;
use heysync_programs::table::printable;
use heysync_programs::{Failure, Filters, Options, Outcome, files};
use serde::{Deserialize, Serialize};

const HOUR: Duration = Duration::from_secs(60 * 60);

/// Follows mentions and prints them as they come, for ever, through restarts and outages
#[derive(Parser)]
#[command(
    after_help = "Set HEYLERTS_API_KEY for the real service. Without it, the sandbox's invented data of the last day is printed."
)]
struct Arguments {
    #[command(flatten)]
    filters: Filters,
    /// The seconds between two requests; up to eight times as many while nothing comes
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    interval: u64,
    /// Print what is new since the last run, and end
    #[arg(long)]
    once: bool,
    /// Let the first run begin so many hours ago
    #[arg(long, value_name = "HOURS")]
    since_hours: Option<u32>,
    /// Print each mention as a line of JSON
    #[arg(long)]
    json: bool,
    /// The file that remembers what was printed [default: mention_watch.state, and none without a key]
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    #[command(flatten)]
    options: Options,
}

fn main() -> ExitCode {
    heysync_programs::main("run it again to go on", run)
}

/// The contents of the state file.
#[derive(Serialize, Deserialize)]
struct State {
    /// When the first run began. It counts until something was printed.
    start: Timestamp,
    bookmark: Bookmark,
}

fn run(arguments: Arguments) -> Outcome {
    let session = arguments.options.heylerts("mention-watch")?;
    let path = arguments.state_file(session.is_sandbox);
    // Two runs with one state would print everything twice.
    let _lock = path.as_deref().map(files::lock).transpose()?;
    let mut state = arguments.load(path.as_deref(), &session)?;
    let mut mentions = arguments.follow(&session, &state)?;
    while let Some(mention) = mentions.next() {
        match mention {
            Ok(mention) => print(line(&mention, arguments.json)?)?,
            Err(error) if arguments.once || !is_outage(&error) => return Err(error.into()),
            // The next reading continues after the last mention.
            Err(error) => session.reporter.note(format!("{error}; going on")),
        }
        state.bookmark = mentions.bookmark();
        save(path.as_deref(), &state)?;
        session.stop.check()?;
    }
    Ok(())
}

/// Whether the service may be back later. A key that is not accepted and the like need somebody.
fn is_outage(error: &heysync::Error) -> bool {
    error.is_temporary()
        || matches!(
            error.kind(),
            ErrorKind::NoResponse | ErrorKind::NotSent | ErrorKind::Unreadable
        )
}

fn save(path: Option<&Path>, state: &State) -> Outcome {
    match path {
        Some(path) => files::write_whole(path, &serde_json::to_vec(state)?),
        None => Ok(()),
    }
}

fn line(mention: &Mention, as_json: bool) -> Outcome<String> {
    if as_json {
        return Ok(serde_json::to_string(mention)? + "\n");
    }
    let found_at = mention.found_at.map(|moment| moment.to_string()).unwrap_or_default();
    let sentiment = mention.sentiment.as_ref().map_or("-", |sentiment| sentiment.as_str());
    let title = mention.title.as_deref().unwrap_or_default();
    let [sentiment, title, url] = [sentiment, title, &mention.url].map(printable);
    Ok(format!("{found_at} {sentiment} {title} {url}\n"))
}

impl Arguments {
    /// Reads the state, or saves a new one, so that a run which is killed before anything came counts as well.
    fn load(&self, path: Option<&Path>, session: &Session<Client>) -> Outcome<State> {
        if let Some(path) = path
            && let Some(saved) = files::read_if_present(path)?
        {
            return serde_json::from_str(&saved).map_err(|error| {
                Failure::from(error).in_file(path).with_line("hint: delete it to begin from now on")
            });
        }
        // The sandbox has no news: it shows what it had.
        let hours = self.since_hours.unwrap_or(if session.is_sandbox { 24 } else { 0 });
        let state = State { start: session.now - HOUR * hours, bookmark: Bookmark::default() };
        save(path, &state)?;
        Ok(state)
    }

    fn follow(&self, session: &Session<Client>, state: &State) -> Outcome<Follow> {
        let mut mentions = self.filters.apply(session.client.mentions());
        // A bookmark knows better than a time what is new.
        if state.bookmark == Bookmark::default() {
            mentions = mentions.since(state.start);
        }
        if self.once || session.is_sandbox {
            return Ok(mentions.new_since(&state.bookmark)?);
        }
        Ok(mentions.follow(Duration::from_secs(self.interval)).resume_at(&state.bookmark)?)
    }

    fn state_file(&self, is_sandbox: bool) -> Option<PathBuf> {
        let default = (!is_sandbox).then(|| PathBuf::from("mention_watch.state"));
        self.state.clone().or(default)
    }
}
