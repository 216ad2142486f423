//! Makes the members of a role those of a list, with a look before the leap.
//!
//! ```console
//! $ HEYLO_API_KEY=… cargo run --example sync_roster -- COMMUNITY ROLE < user-ids.txt
//! $ HEYLO_API_KEY=… cargo run --example sync_roster -- COMMUNITY ROLE --apply < user-ids.txt
//! ```
//!
//! Standard input holds one user id a line. Without `--apply` it only says what it would do. With no key
//! set it works on the sandbox's `harbour-runners`, whose role `captains` has four members.

use std::env;
use std::error::Error;
use std::io;

use heysync::heylo::{Client, PartialUpdate};
use heysync::{Activity, Config, sandbox};

const USAGE: &str = "usage: sync_roster COMMUNITY ROLE [--apply] < user-ids.txt";

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let (community, role, apply) = match &arguments[..] {
        [community, role] => (community, role, false),
        [community, role, apply] if apply == "--apply" => (community, role, true),
        _ => return Err(USAGE.into()),
    };
    let role = client()?.community(community).role(role);
    let plan = role.plan_members(user_ids()?)?;
    println!("to add:    {}", plan.update.added().join(" "));
    println!("to remove: {}", plan.update.removed().join(" "));
    println!("unchanged: {}", plan.unchanged.len());
    if !apply {
        println!("nothing was changed: add --apply to do it");
        return Ok(());
    }
    match role.apply(&plan) {
        Ok(change) if change.ignored.is_empty() => println!("done"),
        Ok(change) => println!("done; Heylo ignored {}", change.ignored.join(" ")),
        Err(partial) => return Err(tell(&partial).into()),
    }
    Ok(())
}

fn user_ids() -> io::Result<Vec<String>> {
    let lines = io::stdin().lines().map(|line| Ok(line?.trim().to_owned()));
    lines.filter(|line| line.as_ref().map_or(true, |id| !id.is_empty())).collect()
}

/// What a person needs to know of an update that failed half-way: run again, it does what is left.
fn tell(partial: &PartialUpdate) -> String {
    let (added, removed) = (partial.change.added.len(), partial.change.removed.len());
    format!("{partial}\n{added} were added and {removed} removed; run it again for the rest")
}

/// The service where there is a key, else the sandbox.
fn client() -> heysync::Result<Client> {
    let config = Config::new().user_agent("sync-roster").observer(|activity: &Activity<'_>| {
        if let Activity::Waiting { .. } | Activity::Retrying { .. } = activity {
            eprintln!("{activity}");
        }
    });
    if env::var_os("HEYLO_API_KEY").is_some() {
        return Client::from_env_with(config);
    }
    eprintln!("HEYLO_API_KEY is not set, so this is made up");
    Client::with_config("any-key", config.transport(sandbox::Heylo::demo()))
}
