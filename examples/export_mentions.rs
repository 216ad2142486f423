//! Exports all mentions as lines of JSON, and goes on where an earlier run stopped.
//!
//! ```console
//! $ HEYLERTS_API_KEY=hlt_… cargo run --example export_mentions -- mentions.jsonl
//! ```
//!
//! The place is kept in `mentions.jsonl.position` until everything is exported, together with how long the
//! file was there; what a run that was killed wrote behind it is cut off, so that no line comes twice. With
//! no key set it exports what the sandbox has made up. Progress goes to standard error.

use std::env;
use std::error::Error;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};

use heysync::page::Position;
use heysync::sandbox;
use heysync::{Activity, Config, heylerts};
use serde_json::Value;

fn main() -> Result<(), Box<dyn Error>> {
    let target = env::args().nth(1).ok_or("usage: export_mentions FILE")?;
    let (target, place) = (PathBuf::from(&target), PathBuf::from(target + ".position"));
    let mut mentions = client()?.mentions().decode_as::<Value>();
    if let Some((length, position)) = saved(&place)? {
        eprintln!("going on from {position}");
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
                save(&place, &mut file, &mentions.position())?;
                return Err(error.into());
            }
        };
        writeln!(file, "{mention}")?;
        exported += 1;
        if exported % 100 == 0 {
            save(&place, &mut file, &mentions.position())?;
            eprintln!("{exported} of {total} mentions");
        }
    }
    file.flush()?;
    eprintln!("{exported} mentions exported to {}", target.display());
    forget(&place)
}

/// The service where there is a key, else the sandbox.
fn client() -> heysync::Result<heylerts::Client> {
    let config = Config::new().user_agent("export-mentions").observer(|activity: &Activity<'_>| {
        if let Activity::Waiting { .. } | Activity::Retrying { .. } = activity {
            eprintln!("{activity}");
        }
    });
    if env::var_os("HEYLERTS_API_KEY").is_some() {
        return heylerts::Client::from_env_with(config);
    }
    eprintln!("HEYLERTS_API_KEY is not set, so this is made up");
    heylerts::Client::with_config("hlt_any_key", config.transport(sandbox::Heylerts::demo()))
}

/// Writes down how long the file is and where the walk stands, at one stroke.
fn save(place: &Path, file: &mut BufWriter<File>, position: &Position) -> io::Result<()> {
    file.flush()?;
    let length = file.get_ref().metadata()?.len();
    let draft = place.with_extension("draft");
    fs::write(&draft, format!("{length} {position}"))?;
    fs::rename(draft, place)
}

fn saved(place: &Path) -> Result<Option<(u64, Position)>, Box<dyn Error>> {
    match fs::read_to_string(place) {
        Ok(text) => {
            let (length, position) = text.split_once(' ').ok_or("the place cannot be read")?;
            Ok(Some((length.parse()?, position.parse()?)))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn forget(place: &Path) -> Result<(), Box<dyn Error>> {
    match fs::remove_file(place) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

fn append(target: &Path) -> std::io::Result<File> {
    OpenOptions::new().create(true).append(true).open(target)
}
