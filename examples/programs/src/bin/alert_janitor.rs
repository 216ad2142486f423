//! Lists alerts with their counts, and pauses or deletes the stale ones.
//!
//! ```console
//! $ alert_janitor                                                # invented data, without a key
//! $ HEYLERTS_API_KEY=hlt_… alert_janitor --stale-days 60 --pause
//! ```
//!
//! An alert is stale if it is active, older than `--stale-days`, and found nothing in that time. Without `--pause` or
//! `--delete` nothing is changed. Both ask first, and without a terminal they need `--yes`.

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use heysync::heylerts::{Alert, AlertPatch, Client};
use heysync::{ErrorKind, Timestamp};
use heysync_programs::confirm::confirm;
use heysync_programs::failure::{IO, print};
use heysync_programs::options::Session;
use heysync_programs::table::{printable, table};
use heysync_programs::{Failure, Options, Outcome};

/// Lists alerts with their counts, and pauses or deletes the stale ones
#[derive(Parser)]
#[command(
    after_help = "Set HEYLERTS_API_KEY for the real service. Without it, the sandbox's invented data is used."
)]
struct Arguments {
    /// An alert that found nothing for so many days is stale
    #[arg(long, value_name = "DAYS", default_value_t = 30)]
    stale_days: u32,
    /// Pause the stale alerts
    #[arg(long)]
    pause: bool,
    /// Delete the stale alerts, with their mentions
    #[arg(long, conflicts_with = "pause")]
    delete: bool,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    options: Options,
}

/// An alert, and when its latest mention was found.
struct Checked {
    alert: Alert,
    latest: Option<Timestamp>,
    is_stale: bool,
}

fn main() -> ExitCode {
    heysync_programs::main("run it again for the rest", run)
}

fn run(arguments: Arguments) -> Outcome {
    let session = arguments.options.heylerts("alert-janitor")?;
    let alerts = check(&session, arguments.stale_days)?;
    let action = match (arguments.pause, arguments.delete) {
        (true, _) => "pause",
        (_, true) => "delete",
        _ => return print(list(&alerts)),
    };
    print(list(&alerts)).map_err(|failure| match failure.is_closed_pipe() {
        true => Failure::new(IO, "nobody reads the list: nothing was changed"),
        false => failure,
    })?;
    let stale: Vec<&Alert> = alerts.iter().filter(|it| it.is_stale).map(|it| &it.alert).collect();
    if stale.is_empty() {
        session.reporter.note(format!("no alert to {action}"));
        return Ok(());
    }
    let question = format!("{action} {} stale alerts: {}?", stale.len(), names(&stale));
    confirm(&question, arguments.yes, &session.stop)?;
    for alert in stale {
        session.stop.check()?;
        change(&session.client, alert, arguments.delete)?;
        session.reporter.note(format!("{action}d {}", printable(&alert.name)));
    }
    Ok(())
}

fn names(alerts: &[&Alert]) -> String {
    let names: Vec<_> = alerts.iter().map(|alert| printable(&alert.name)).collect();
    names.join(", ")
}

/// Reads all alerts, and the latest mention of each: one request for each alert.
fn check(session: &Session<Client>, stale_days: u32) -> Outcome<Vec<Checked>> {
    let since = session.now - Duration::from_secs(24 * 60 * 60) * stale_days;
    let mut alerts = session.client.alerts();
    session.reporter.begin("alerts", alerts.total_items()?);
    let mut checked = Vec::new();
    while let Some(alert) = alerts.next().transpose()? {
        let latest = session.client.mentions().alert(&alert.id).limit(1).next().transpose()?;
        let latest = latest.and_then(|mention| mention.found_at);
        // An alert without a date of creation may be new.
        let is_old = alert.created_at.is_some_and(|created| created < since);
        let is_stale = alert.is_active && is_old && latest.is_none_or(|latest| latest < since);
        checked.push(Checked { alert, latest, is_stale });
        session.reporter.at(checked.len() as u64);
        session.stop.check()?;
    }
    session.reporter.end();
    Ok(checked)
}

fn list(alerts: &[Checked]) -> String {
    let mut table = table(["alert", "keyword", "mentions", "latest", "state"]);
    for Checked { alert, latest, is_stale } in alerts {
        let latest = latest.map_or_else(|| "never".to_owned(), |latest| latest.to_string());
        let state = match (alert.is_active, is_stale) {
            (false, _) => "paused",
            (true, true) => "stale",
            (true, false) => "active",
        };
        table.add_row([
            &printable(&alert.name),
            &printable(&alert.keyword),
            alert.mention_count.to_string().as_str(),
            &latest,
            state,
        ]);
    }
    table.trim_fmt() + "\n"
}

/// Changes an alert. One that somebody else has deleted meanwhile is no failure.
fn change(client: &Client, alert: &Alert, delete: bool) -> heysync::Result<()> {
    let changed = match delete {
        true => client.delete_alert(&alert.id),
        false => client.update_alert(&alert.id, &AlertPatch::new().active(false)).map(drop),
    };
    changed.or_else(|error| match error.kind() {
        ErrorKind::NotFound => Ok(()),
        _ => Err(error),
    })
}
