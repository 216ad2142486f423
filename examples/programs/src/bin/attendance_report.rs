//! Writes the attendance of all events in a range of dates as CSV, and prints the most regular members.
//!
//! ```console
//! $ attendance_report                                            # invented data, without a key
//! $ HEYLO_API_KEY=… attendance_report --community abc123 --from 2026-01-01 --output attendance.csv
//! ```
//!
//! The CSV goes to a file or to standard output, and the table then to standard error, so that both can be used.
//! Heylo does not document the fields of an event or of an attendance record. The program looks for each under the names
//! in the constants below: change them if your community's differ.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use heysync::heylo::{Attendance, Community, Event};
use heysync::{Date, Timestamp};
use heysync_programs::failure::print;
use heysync_programs::table::{printable, table, to_csv};
use heysync_programs::{Failure, Options, Outcome, Reporter, Stop, files};
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

/// The names of fields; the first one that is there counts.
const START: [&str; 3] = ["startTimestamp", "startTime", "start"];
const TITLE: [&str; 2] = ["title", "name"];
const USER_ID: [&str; 3] = ["userId", "memberUserId", "memberId"];
const STATUS: [&str; 2] = ["status", "rsvp"];

/// The attendance of one person at one event, as the cells of a row.
struct Row {
    event_id: String,
    start: String,
    title: String,
    user_id: String,
    status: String,
}

fn main() -> ExitCode {
    heysync_programs::main("nothing was written; run it again", run)
}

fn run(arguments: Arguments) -> Outcome {
    let session = arguments.options.heylo("attendance-report")?;
    let (first, last) = arguments.range(session.now)?;
    let community = session.client.community(&arguments.community);
    let events = community.events().starting_after(first).starting_before(last);
    let events = events.read_all()?;
    let rows = attendance(&community, &events, &session.reporter, &session.stop)?;

    let headings = ["event_id", "start", "title", "user_id", "status"];
    let cells = |row: &Row| {
        [&row.event_id, &row.start, &row.title, &row.user_id, &row.status].map(String::clone)
    };
    let csv = to_csv(headings, rows.iter().map(cells))?;
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
    events: &[Event],
    reporter: &Reporter,
    stop: &Stop,
) -> Outcome<Vec<Row>> {
    reporter.begin("events", Some(events.len() as u64));
    let mut rows = Vec::new();
    for (done, event) in (1..).zip(events) {
        stop.check()?;
        let records = community.attendance(&event.id)?;
        rows.extend(records.iter().map(|record| Row::new(event, record)));
        reporter.at(done);
    }
    reporter.end();
    match rows.is_empty() || rows.iter().any(|row| !row.user_id.is_empty()) {
        true => Ok(rows),
        false => {
            let names = USER_ID.join(", ");
            let report = format!("no attendance record has a field of these names: {names}");
            Err(Failure::data(report).with_line("hint: put your community's name into USER_ID"))
        }
    }
}

impl Row {
    fn new(event: &Event, record: &Attendance) -> Row {
        Row {
            event_id: event.id.clone(),
            start: moment(&event.json),
            title: text(&event.json, &TITLE),
            user_id: text(&record.json, &USER_ID),
            status: text(&record.json, &STATUS),
        }
    }
}

/// Returns the first field that is there, as a string.
fn text(json: &Value, names: &[&str]) -> String {
    match field(json, names) {
        Some(Value::String(string)) => string.clone(),
        Some(other) => other.to_string(),
        None => String::new(),
    }
}

/// Returns when an event starts: a number is milliseconds since 1970.
fn moment(event: &Value) -> String {
    let milliseconds = field(event, &START).and_then(Value::as_f64);
    let moment = milliseconds.and_then(|it| Timestamp::from_millisecond(it as i64).ok());
    moment.map_or_else(|| text(event, &START), |moment| moment.to_string())
}

fn field<'a>(json: &'a Value, names: &[&str]) -> Option<&'a Value> {
    names.iter().find_map(|name| json.get(name).filter(|value| !value.is_null()))
}

/// The members who were present most often.
fn most_regular(rows: &[Row], arguments: &Arguments) -> String {
    let mut counts = BTreeMap::<&str, u32>::new();
    let is_present = |row: &&Row| arguments.present.contains(&row.status);
    for row in rows.iter().filter(is_present).filter(|row| !row.user_id.is_empty()) {
        *counts.entry(&row.user_id).or_default() += 1;
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|&(_, count)| Reverse(count));
    let mut table = table(["member", "events"]);
    for (member, count) in counts.into_iter().take(arguments.top) {
        table.add_row([printable(member).into_owned(), count.to_string()]);
    }
    table.trim_fmt() + "\n"
}
