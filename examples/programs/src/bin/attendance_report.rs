//! Writes the attendance of all events in a range of dates as CSV, and prints the most regular members.
//!
//! ```console
//! $ attendance_report                                            # invented data, without a key
//! $ HEYLO_API_KEY=… attendance_report --community abc123 --from 2026-01-01 --output attendance.csv
//! ```
//!
//! The CSV goes to a file or to standard output, and the table then to standard error, so that both can be used.
//! Heylo does not document the fields of an event or of an attendance record. The program reads the ones that are
//! named in `Event` and `Record` below: change them if your community's differ.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt::{self, Display};
use std::path::PathBuf;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

use clap::Parser;
use heysync::heylo::Community;
use heysync::{Date, Timestamp};
use heysync_programs::failure::print;
use heysync_programs::table::{printable, table, to_csv};
use heysync_programs::{Failure, Options, Outcome, Reporter, Stop, files};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Writes the attendance of all events in a range of dates as CSV, and prints the most regular members
#[derive(Parser)]
#[command(
    after_help = "Set HEYLO_API_KEY for the real service. Without it, the sandbox's invented data is used."
)]
struct Arguments {
    /// The community
    #[arg(long, value_name = "ID", default_value = "harbour-runners")]
    community: String,
    /// The first day, in UTC [default: 90 days before now]
    #[arg(long, value_name = "YYYY-MM-DD")]
    from: Option<Date>,
    /// The last day, in UTC [default: until now]
    #[arg(long, value_name = "YYYY-MM-DD")]
    to: Option<Date>,
    /// The CSV file to write [default: standard output]
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// How many members the table has
    #[arg(long, value_name = "COUNT", default_value_t = 10)]
    top: usize,
    /// The statuses that count as present, separated by commas
    #[arg(
        long,
        value_name = "STATUS",
        value_delimiter = ',',
        default_value = "going,attended,checked_in,present"
    )]
    present: Vec<String>,
    #[command(flatten)]
    options: Options,
}

/// The fields of an event that the report has.
#[derive(Deserialize)]
struct Event {
    #[serde(alias = "eventId", deserialize_with = "string")]
    id: String,
    #[serde(alias = "name")]
    title: Option<String>,
    #[serde(alias = "startTime", alias = "start")]
    #[serde(rename = "startTimestamp")]
    start: Option<Moment>,
}

/// A moment as milliseconds since 1970 or in RFC 3339.
#[derive(Deserialize)]
#[serde(untagged)]
enum Moment {
    Milliseconds(i64),
    Text(String),
}

/// The fields of an attendance record that the report has.
#[derive(Deserialize)]
struct Record {
    #[serde(alias = "memberUserId", alias = "memberId", deserialize_with = "string")]
    #[serde(rename = "userId")]
    user_id: String,
    #[serde(alias = "rsvp")]
    status: Option<String>,
}

fn string<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::String(string) => string,
        other => other.to_string(),
    })
}

/// The attendance of one person at one event.
struct Row {
    event: Rc<Event>,
    record: Record,
}

fn main() -> ExitCode {
    heysync_programs::main("nothing was written; run it again", run)
}

fn run(arguments: Arguments) -> Outcome {
    let session = arguments.options.heylo("attendance-report")?;
    let (first, last) = arguments.range(session.now)?;
    let community = session.client.community(&arguments.community);
    let events = community.events().starting_after(first).starting_before(last);
    let events: Vec<Event> = events.decode_as().read_all()?;
    let rows = attendance(&community, events, &session.reporter, &session.stop)?;

    let csv =
        to_csv(["event_id", "start", "title", "user_id", "status"], rows.iter().map(Row::cells))?;
    let table = most_regular(&rows, &arguments);
    match &arguments.output {
        Some(path) => {
            files::write_whole(path, &csv)?;
            print(table)?;
        }
        None => {
            print(String::from_utf8_lossy(&csv))?;
            session.reporter.note(table.trim_end());
        }
    }
    Ok(())
}

impl Arguments {
    /// The moment before the first day and the one after the last.
    fn range(&self, now: Timestamp) -> Outcome<(Timestamp, Timestamp)> {
        let first = match self.from {
            Some(date) => midnight(date)? - Duration::from_millis(1),
            None => now - 90 * DAY,
        };
        let end = self.to.map_or(Ok(now), |date| midnight(date).map(|start| start + DAY))?;
        match first < end {
            true => Ok((first, end)),
            false => Err(Failure::usage("--from is after --to")),
        }
    }
}

fn midnight(date: Date) -> heysync::Result<Timestamp> {
    format!("{date}T00:00:00Z").parse()
}

/// Reads the attendance of each event: one request for each.
fn attendance(
    community: &Community,
    events: Vec<Event>,
    reporter: &Reporter,
    stop: &Stop,
) -> Outcome<Vec<Row>> {
    reporter.begin("events", Some(events.len() as u64));
    let mut rows = Vec::new();
    for (done, event) in (1..).zip(events) {
        stop.check()?;
        let event = Rc::new(event);
        for record in community.attendance(&event.id)? {
            rows.push(Row { event: Rc::clone(&event), record: record.decode()? });
        }
        reporter.at(done);
    }
    reporter.end();
    Ok(rows)
}

impl Row {
    fn cells(&self) -> [String; 5] {
        let Row { event, record } = self;
        let start = event.start.as_ref().map(Moment::to_string).unwrap_or_default();
        let title = event.title.clone().unwrap_or_default();
        let status = record.status.clone().unwrap_or_default();
        [event.id.clone(), start, title, record.user_id.clone(), status]
    }
}

impl Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Moment::Milliseconds(milliseconds) => {
                match Timestamp::from_millisecond(*milliseconds) {
                    Ok(moment) => write!(f, "{moment}"),
                    Err(_) => write!(f, "{milliseconds}"),
                }
            }
            Moment::Text(moment) => f.write_str(moment),
        }
    }
}

/// The members who were present most often.
fn most_regular(rows: &[Row], arguments: &Arguments) -> String {
    let mut counts = BTreeMap::<&str, u32>::new();
    for Row { record, .. } in rows {
        let status = record.status.as_deref().unwrap_or_default();
        if arguments.present.iter().any(|present| present == status) {
            *counts.entry(&record.user_id).or_default() += 1;
        }
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|&(_, count)| Reverse(count));
    let mut table = table(["member", "events"]);
    for (member, count) in counts.into_iter().take(arguments.top) {
        table.add_row([printable(member).into_owned(), count.to_string()]);
    }
    table.trim_fmt() + "\n"
}
