//! Exports all mentions as JSON Lines, and resumes where an earlier run stopped.
//!
//! ```console
//! $ HEYLERTS_API_KEY=hlt_… cargo run --example export_mentions -- mentions.jsonl
//! ```
//!
//! Until everything is exported, `mentions.jsonl.position` contains the position in the list and the length of
//! the file at that position. A resumed run truncates the file to that length, so that no line appears twice
//! even if the earlier run was killed. Ctrl-C ends a wait for the rate limit at once. Without a key it exports the
//! invented data of the sandbox. It reports progress on standard error. With `--no-share` it does not share the rate
//! limit with other programs.

use std::env;
use std::error::Error;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};

use heysync::limiter::Share;
use heysync::page::Position;
use heysync::sandbox;
use heysync::{Activity, Cancellation, Config, heylerts};

fn main() -> Result<(), Box<dyn Error>> {
    let target = env::args().nth(1).ok_or("usage: export_mentions FILE [--no-share]")?;
    let (target, state) = (PathBuf::from(&target), PathBuf::from(target + ".position"));
    let mut mentions = client()?.mentions();
    if let Some((length, position)) = load(&state)? {
        eprintln!("resuming at {position}");
        mentions = mentions.resume_at(&position)?;
        File::options().write(true).open(&target)?.set_len(length)?;
    }
    let total = mentions.total_items()?.unwrap_or_default();
    let mut file = BufWriter::new(append(&target)?);
    let mut exported = 0_u64;
    while let Some(mention) = mentions.next() {
        let mention = match mention {
            Ok(mention) => mention,
            Err(error) => {
                save(&state, &mut file, &mentions.position())?;
                return Err(error.into());
            }
        };
        serde_json::to_writer(&mut file, &mention)?;
        file.write_all(b"\n")?;
        exported += 1;
        if exported.is_multiple_of(100) {
            save(&state, &mut file, &mentions.position())?;
            eprintln!("{exported} of {total} mentions");
        }
    }
    file.flush()?;
    eprintln!("{exported} mentions exported to {}", target.display());
    remove(&state)
}

/// Creates a client of the service if a key is set, else of the sandbox.
fn client() -> heysync::Result<heylerts::Client> {
    let stop = Cancellation::new();
    let config = Config::new().user_agent("export-mentions").cancellation(&stop);
    if let Err(error) = ctrlc::set_handler(move || stop.cancel()) {
        eprintln!("Ctrl-C ends the export without saving its position: {error}");
    }
    let config = config.observer(|activity: &Activity<'_>| {
        if let Activity::Waiting { .. } | Activity::Retrying { .. } = activity {
            eprintln!("{activity}");
        }
    });
    if env::var_os("HEYLERTS_API_KEY").is_some() {
        // Other programs with this key take their tokens from the same file.
        let shares = env::args().all(|argument| argument != "--no-share");
        let config = if shares { config.share(Share::file()) } else { config };
        return heylerts::Client::from_env_with(config);
    }
    eprintln!("HEYLERTS_API_KEY is not set: using the invented data of the sandbox");
    heylerts::Client::with_config("hlt_any_key", config.transport(sandbox::Heylerts::demo()))
}

/// Saves the length of the file and the position, atomically.
fn save(state: &Path, file: &mut BufWriter<File>, position: &Position) -> io::Result<()> {
    file.flush()?;
    let length = file.get_ref().metadata()?.len();
    let draft = state.with_extension("draft");
    fs::write(&draft, format!("{length} {position}"))?;
    fs::rename(draft, state)
}

fn load(state: &Path) -> Result<Option<(u64, Position)>, Box<dyn Error>> {
    match fs::read_to_string(state) {
        Ok(text) => {
            let (length, position) = text.split_once(' ').ok_or("the saved position is damaged")?;
            Ok(Some((length.parse()?, position.parse()?)))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn remove(state: &Path) -> Result<(), Box<dyn Error>> {
    match fs::remove_file(state) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

fn append(target: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(target)
}
