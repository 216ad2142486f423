//! Sets the members of a role to those of a list, after a dry run.
//!
//! ```console
//! $ HEYLO_API_KEY=… cargo run --example sync_roster -- COMMUNITY ROLE < user-ids.txt
//! $ HEYLO_API_KEY=… cargo run --example sync_roster -- COMMUNITY ROLE --apply < user-ids.txt
//! ```
//!
//! Standard input has one user id per line. Without `--apply` it only prints the changes. Without a key it uses the
//! community `harbour-runners` of the sandbox, whose role `captains` has four members.

use std::env;
use std::error::Error;
use std::io;

use heysync::heylo::{Client, RoleUpdateError};
use heysync::limiter::Share;
use heysync::{Activity, Config, sandbox};

const USAGE: &str = "usage: sync_roster COMMUNITY ROLE [--apply] [--no-share] < user-ids.txt";
/// Does not share the rate limit with other programs.
const NO_SHARE: &str = "--no-share";

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).filter(|it| it != NO_SHARE).collect();
    let (community, role, apply) = match &arguments[..] {
        [community, role] => (community, role, false),
        [community, role, apply] if apply == "--apply" => (community, role, true),
        _ => return Err(USAGE.into()),
    };
    let role = client()?.community(community).role(role);
    let diff = role.plan_members(user_ids()?)?;
    println!("{diff}");
    if !apply {
        println!("nothing was changed: add --apply to do it");
        return Ok(());
    }
    match role.apply(&diff) {
        Ok(change) if change.ignored.is_empty() => println!("{change}"),
        Ok(change) => println!("{change}: {}", change.ignored.join(" ")),
        Err(failed) => return Err(explain(&failed).into()),
    }
    Ok(())
}

fn user_ids() -> io::Result<Vec<String>> {
    let lines = io::stdin().lines().map(|line| Ok(line?.trim().to_owned()));
    lines.filter(|line| line.as_ref().map_or(true, |id| !id.is_empty())).collect()
}

/// Explains an update that failed half-way.
fn explain(failed: &RoleUpdateError) -> String {
    let (error, change) = (&failed.error, &failed.change);
    format!("{failed}: {error}\n{change}; run it again for the rest")
}

/// Creates a client of the service if a key is set, else of the sandbox.
fn client() -> heysync::Result<Client> {
    let config = Config::new().user_agent("sync-roster").observer(|activity: &Activity<'_>| {
        if let Activity::Waiting { .. } | Activity::Retrying { .. } = activity {
            eprintln!("{activity}");
        }
    });
    if env::var_os("HEYLO_API_KEY").is_some() {
        // Other programs with this key take their tokens from the same file.
        let shares = env::args().all(|argument| argument != NO_SHARE);
        let config = if shares { config.share(Share::file()) } else { config };
        return Client::from_env_with(config);
    }
    eprintln!("HEYLO_API_KEY is not set: using the invented data of the sandbox");
    Client::with_config("any-key", config.transport(sandbox::Heylo::demo()))
}
