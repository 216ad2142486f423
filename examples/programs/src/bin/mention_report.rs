//! Writes one HTML page with the mentions of a period: charts, the latest ones, and a filter.
//!
//! ```console
//! $ mention_report --output mentions.html                        # invented data, without a key
//! $ HEYLERTS_API_KEY=hlt_… mention_report --days 7 --output week.html
//! ```
//!
//! The page needs no network: it can be mailed, or put anywhere. `--csv` writes the mentions for a spreadsheet as well.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use heysync::heylerts::{Client, Mention};
use heysync_programs::failure::print;
use heysync_programs::options::Session;
use heysync_programs::report::{Report, render};
use heysync_programs::table::to_csv;
use heysync_programs::{Options, Outcome, files};

/// Writes one HTML page with the mentions of a period: charts, the latest ones, and a filter
#[derive(Parser)]
#[command(
    after_help = "Set HEYLERTS_API_KEY for the real service. Without it, the sandbox's invented data is used."
)]
struct Arguments {
    /// The page to write [default: standard output]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// A CSV file to write as well
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
    /// The days before now that the page covers
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=3650))]
    days: u32,
    /// The heading
    #[arg(long, default_value = "Mentions")]
    title: String,
    /// How many of the latest mentions are listed
    #[arg(long, value_name = "COUNT", default_value_t = 500)]
    list: usize,
    #[command(flatten)]
    options: Options,
}

fn main() -> ExitCode {
    heysync_programs::main("nothing was written; run it again", run)
}

fn run(arguments: Arguments) -> Outcome {
    let session = arguments.options.heylerts("mention-report")?;
    let alert_names =
        session.client.alerts().map(|alert| alert.map(|alert| (alert.id, alert.name)));
    let alert_names: BTreeMap<String, String> = alert_names.collect::<heysync::Result<_>>()?;
    let mentions = read(&session, arguments.days)?;

    let page = render(&Report {
        title: &arguments.title,
        days: arguments.days,
        until: session.now,
        mentions: &mentions,
        alert_names: &alert_names,
        listed: arguments.list,
    });
    if let Some(path) = &arguments.csv {
        files::write_whole(path, &to_csv(HEADINGS, mentions.iter().map(cells))?)?;
    }
    match &arguments.output {
        Some(path) => {
            files::write_whole(path, page.as_bytes())?;
            session.reporter.note(format!("{} mentions in {}", mentions.len(), path.display()));
        }
        None => print(page)?,
    }
    Ok(())
}

fn read(session: &Session<Client>, days: u32) -> Outcome<Vec<Mention>> {
    let since = session.now - Duration::from_secs(24 * 60 * 60) * days;
    let mut mentions = session.client.mentions().since(since);
    session.reporter.begin("mentions", mentions.total_items()?);
    let mut read = Vec::new();
    while let Some(mention) = mentions.next().transpose()? {
        read.push(mention);
        session.reporter.at(read.len() as u64);
        session.stop.check()?;
    }
    session.reporter.end();
    Ok(read)
}

const HEADINGS: [&str; 7] = ["id", "found_at", "source", "sentiment", "title", "url", "author"];

fn cells(mention: &Mention) -> [String; 7] {
    [
        mention.id.clone(),
        mention.found_at.map(|moment| moment.to_string()).unwrap_or_default(),
        mention.source.as_ref().map(ToString::to_string).unwrap_or_default(),
        mention.sentiment.as_ref().map(ToString::to_string).unwrap_or_default(),
        mention.title.clone().unwrap_or_default(),
        mention.url.clone(),
        mention.author.clone().unwrap_or_default(),
    ]
}
