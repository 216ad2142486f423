//! Makes a community what a CSV file says: invites, removals, and the members of roles.
//!
//! ```console
//! $ roster_sync                                                  # invented data, without a key
//! $ HEYLO_API_KEY=… roster_sync people.csv --community abc123 --members-role everybody --dry-run
//! ```
//!
//! The file has a row of headings. `userId` is needed; the others are Heylo's fields of a member (`firstName`,
//! `lastName`, `email`, …) and `roles`, with role ids separated by blanks. A role that is in no row is left as it is.
//!
//! Heylo has no list of the members of a community. `--members-role` names a role that every member has; without it
//! the program sets the members of roles, and invites and removes nobody.
//!
//! Nobody is invited twice. Before an invite is sent, its line is on the disk (`--record`). After a kill or a lost
//! response the person is in doubt: listed, and not invited again until somebody has looked (`--invited`,
//! `--not-invited`).

use std::collections::HashSet;
use std::io::{self, Cursor, Read, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use heysync::heylo::{Bulk, Community};
use heysync_programs::confirm::confirm;
use heysync_programs::options::Session;
use heysync_programs::roster::{Invites, People, Plan, Standing};
use heysync_programs::{Failure, Options, Outcome, Reporter, Stop, files};

/// The file of a run without a key and without arguments.
const INVENTED_PEOPLE: &str = include_str!("../../data/people.csv");
/// A role that every member of the sandbox's community has.
const INVENTED_ROLE: &str = "everybody";

/// Makes a community what a CSV file says: invites, removals, and the members of roles
#[derive(Parser)]
#[command(
    after_help = "Set HEYLO_API_KEY for the real service. Without it, the sandbox's invented data is used."
)]
struct Arguments {
    /// The people, or "-" for standard input [default: an invented file, without a key]
    file: Option<PathBuf>,
    /// The community
    #[arg(long, value_name = "ID", default_value = "harbour-runners")]
    community: String,
    /// A role that every member has, which shows whom to invite and whom to remove
    #[arg(long, value_name = "ID")]
    members_role: Option<String>,
    /// Print the plan and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Do not ask, whatever is removed
    #[arg(long)]
    yes: bool,
    /// Ask if more people than this would lose their membership or a role
    #[arg(long, value_name = "COUNT", default_value_t = 5)]
    ask_above: usize,
    /// The record of invites, which the next run needs [default: COMMUNITY.invites.jsonl, and none without a key]
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// Somebody has looked: this person is invited
    #[arg(long, value_name = "USER-ID")]
    invited: Vec<String>,
    /// Somebody has looked: this person is not invited
    #[arg(long, value_name = "USER-ID")]
    not_invited: Vec<String>,
    #[command(flatten)]
    options: Options,
}

fn main() -> ExitCode {
    heysync_programs::main("run it again for the rest; nobody is invited twice", run)
}

fn run(arguments: Arguments) -> Outcome {
    let session = arguments.options.heylo("roster-sync")?;
    let people = People::read(arguments.open_file(session.is_sandbox)?)?;
    let community = session.client.community(&arguments.community);
    let mut invites = arguments.open_record(session.is_sandbox)?;

    let members = arguments.members(&community, session.is_sandbox)?;
    let plan = Plan::new(&people, &community, members.as_ref(), &invites)?;
    writeln!(io::stdout(), "{plan}")?;
    if arguments.dry_run || plan.is_empty() {
        session.reporter.note("nothing was changed");
        return in_doubt(&plan);
    }
    if plan.removals() > arguments.ask_above {
        confirm(
            &format!("{} people would lose something: go on?", plan.removals()),
            arguments.yes,
        )?;
    }
    apply(&plan, &community, &mut invites, &session)?;
    in_doubt(&plan)
}

/// People in doubt are a failure, so that a job which nobody watches reports them.
fn in_doubt(plan: &Plan) -> Outcome {
    match plan.in_doubt.len() {
        0 => Ok(()),
        count => Err(Failure::data(format!("{count} people may have been invited; see the table"))),
    }
}

fn apply(
    plan: &Plan,
    community: &Community,
    invites: &mut Invites,
    session: &Session<impl Sized>,
) -> Outcome {
    let Session { reporter, stop, .. } = session;
    let sent = invite(plan, community, invites, reporter, stop)?;
    let removed = remove(plan, community, invites, reporter, stop)?;
    for diff in &plan.roles {
        stop.check()?;
        let change = community.role(&diff.role_id).apply(diff)?;
        reporter.note(format!("{}: {change}", diff.role_id));
    }
    match sent + removed {
        0 => Ok(()),
        failures => Err(Failure::data(format!("{failures} people failed; see above"))),
    }
}

/// Invites one person after the other, and returns how many invites failed.
fn invite(
    plan: &Plan,
    community: &Community,
    invites: &mut Invites,
    reporter: &Reporter,
    stop: &Stop,
) -> Outcome<usize> {
    reporter.begin("invites", Some(plan.invite.len() as u64));
    let mut bulk = community.invite_members(&plan.invite);
    for member in &plan.invite {
        stop.check()?;
        invites.record(member.user_id(), Standing::InDoubt)?;
        let Some(outcome) = bulk.next() else {
            // A failure that concerns everybody has ended it.
            invites.record(member.user_id(), Standing::NotInvited)?;
            break;
        };
        invites.record_outcome(&outcome.user_id, &outcome.result)?;
        if let Err(error) = &outcome.result {
            reporter.note(format!("{}: {}", outcome.user_id, error.report()));
        }
        reporter.at((plan.invite.len() - bulk.len()) as u64, "invites");
    }
    reporter.end();
    Ok(failures(&bulk))
}

/// Removes one person after the other, and returns how many removals failed.
fn remove(
    plan: &Plan,
    community: &Community,
    invites: &mut Invites,
    reporter: &Reporter,
    stop: &Stop,
) -> Outcome<usize> {
    reporter.begin("removals", Some(plan.remove.len() as u64));
    let mut bulk = community.remove_members(&plan.remove);
    while let Some(outcome) = bulk.next() {
        match &outcome.result {
            // Whoever joins again later is invited again.
            Ok(_) => invites.record(&outcome.user_id, Standing::NotInvited)?,
            Err(error) => reporter.note(format!("{}: {}", outcome.user_id, error.report())),
        }
        reporter.at((plan.remove.len() - bulk.len()) as u64, "removals");
        stop.check()?;
    }
    reporter.end();
    Ok(failures(&bulk))
}

/// Returns how many people failed, and those who were left out after a failure that concerns everybody.
fn failures(bulk: &Bulk) -> usize {
    bulk.failed_count() + bulk.len()
}

impl Arguments {
    fn open_file(&self, is_sandbox: bool) -> Outcome<Box<dyn Read>> {
        match &self.file {
            Some(path) => files::open_input(path),
            None if is_sandbox => Ok(Box::new(Cursor::new(INVENTED_PEOPLE))),
            None => Err(Failure::usage("name the CSV file of the people")),
        }
    }

    fn open_record(&self, is_sandbox: bool) -> Outcome<Invites> {
        let name = || -> PathBuf { format!("{}.invites.jsonl", file_name(&self.community)).into() };
        let mut invites = match &self.record {
            Some(path) => Invites::open(path)?,
            None if is_sandbox => Invites::unsaved(),
            None => Invites::open(&name())?,
        };
        for (ids, standing) in
            [(&self.invited, Standing::Invited), (&self.not_invited, Standing::NotInvited)]
        {
            ids.iter().try_for_each(|id| invites.record(id, standing))?;
        }
        Ok(invites)
    }

    fn members(&self, community: &Community, is_sandbox: bool) -> Outcome<Option<HashSet<String>>> {
        let role = self.members_role.as_deref().or(is_sandbox.then_some(INVENTED_ROLE));
        let members = role.map(|role| community.role(role).members()).transpose()?;
        Ok(members.map(|ids| ids.into_iter().collect()))
    }
}

/// A community's id as the name of a file.
fn file_name(id: &str) -> String {
    id.chars()
        .map(|char| if char.is_ascii_alphanumeric() || char == '-' { char } else { '_' })
        .collect()
}
