//! Makes a community match a CSV file: invites, removals, and the members of roles.
//!
//! ```console
//! $ roster_sync                                                  # invented data, without a key
//! $ HEYLO_API_KEY=… roster_sync people.csv --community abc123 --members-role everybody --dry-run
//! ```
//!
//! The file has a row of headings. `userId` is needed; the others are Heylo's fields of a member (`firstName`,
//! `lastName`, `email`, …) and `roles`, with role ids separated by blanks. Other columns are not sent. A role that is in
//! no row is left as it is.
//!
//! Heylo has no list of the members of a community. `--members-role` names a role that every member has; without it
//! the program sets the members of roles, and invites and removes nobody.
//!
//! Nobody is invited twice. Right before an invite is sent, its line is on the disk (`--record`). After a kill or a lost
//! response the person is in doubt: listed, and not invited again until somebody has looked (`--invited`,
//! `--not-invited`).

use std::collections::HashSet;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use heysync::heylo::{Bulk, Community, RoleUpdate};
use heysync_programs::confirm::confirm;
use heysync_programs::failure::{IO, print};
use heysync_programs::options::Session;
use heysync_programs::roster::{Invites, People, Plan, Standing};
use heysync_programs::{Failure, Options, Outcome, Reporter, Stop, files};

const PROGRAM: &str = "roster-sync";
/// The file of a run without a key and without arguments.
const INVENTED_PEOPLE: &str = include_str!("../../data/people.csv");
/// A role that every member of the sandbox's community has.
const INVENTED_ROLE: &str = "everybody";
/// How many ids the library puts on each side of a role update.
const IDS_OF_A_REQUEST: usize = 100;

/// Makes a community match a CSV file: invites, removals, and the members of roles
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
    /// A role that every member has, which shows whom to invite and whom to remove; without it, nobody is
    #[arg(long, value_name = "ID")]
    members_role: Option<String>,
    /// Print the plan and its changes as lines of curl, and change nothing
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
    let session = arguments.options.heylo(PROGRAM)?;
    let people = arguments.people(&session)?;
    let community = session.client.community(&arguments.community);
    let mut invites = arguments.open_record(session.is_sandbox)?;

    let members = arguments.members(&community, session.is_sandbox)?;
    if members.is_none() {
        session.reporter.note("without --members-role, nobody is invited or removed");
    }
    let plan = Plan::new(&people, &community, members.as_ref(), &invites)?;
    show(&plan, &people, &arguments)?;
    if !arguments.dry_run && !plan.is_empty() {
        if plan.removals() > arguments.ask_above {
            let question = format!("{} people would lose something: go on?", plan.removals());
            confirm(&question, arguments.yes, &session.stop)?;
        }
        apply(&plan, &community, &mut invites, &session)?;
    }
    // A failure, so that a job which nobody watches reports them.
    match plan.in_doubt.len() {
        0 => Ok(()),
        count => Err(Failure::data(format!("{count} people may have been invited; see the table"))),
    }
}

fn show(plan: &Plan, people: &People, arguments: &Arguments) -> Outcome {
    print(plan.describe(people)).map_err(|failure| match failure.is_closed_pipe() {
        true if !arguments.dry_run => {
            Failure::new(IO, "nobody reads the plan: nothing was changed")
        }
        _ => failure,
    })?;
    if !arguments.dry_run || plan.is_empty() {
        return Ok(());
    }
    print("\n# The same as lines of curl, which were not sent\n")?;
    let client = arguments.options.heylo_as_curl(PROGRAM)?;
    let community = client.community(&arguments.community);
    community.invite_members(&plan.invite).for_each(drop);
    community.remove_members(&plan.remove).for_each(drop);
    for diff in &plan.roles {
        let (added, removed) = (diff.update.added(), diff.update.removed());
        for start in (0..added.len().max(removed.len())).step_by(IDS_OF_A_REQUEST) {
            let part = |ids: &[String]| -> Vec<String> {
                ids.iter().skip(start).take(IDS_OF_A_REQUEST).cloned().collect()
            };
            let update = RoleUpdate::new().add(part(added)).remove(part(removed));
            let _ = community.role(&diff.role_id).update(&update);
        }
    }
    Ok(())
}

fn apply(
    plan: &Plan,
    community: &Community,
    invites: &mut Invites,
    session: &Session<impl Sized>,
) -> Outcome {
    let Session { reporter, stop, .. } = session;
    let not_invited = invite(plan, community, invites, reporter, stop)?;
    let not_removed = remove(plan, community, invites, reporter, stop)?;
    for diff in &plan.roles {
        stop.check()?;
        let change = community.role(&diff.role_id).apply(diff)?;
        reporter.note(format!("{}: {change}", diff.role_id));
    }
    match not_invited + not_removed {
        0 => Ok(()),
        failed => Err(Failure::data(format!("{failed} people failed; see above"))),
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
    let mut last_error = None;
    for (done, member) in (1..).zip(&plan.invite) {
        stop.check()?;
        let outcome = bulk.next_recorded(|_| {
            let written = invites.record(member.user_id(), Standing::InDoubt);
            written.map_err(|failure| io::Error::other(failure.to_string()))
        });
        let Some(outcome) = outcome else { break };
        invites.record_outcome(&outcome.user_id, &outcome.result)?;
        last_error = report(reporter, outcome.user_id, outcome.result);
        reporter.at(done);
    }
    reporter.end();
    failures(&bulk, last_error)
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
    let mut last_error = None;
    for done in 1.. {
        stop.check()?;
        let Some(outcome) = bulk.next() else { break };
        if outcome.is_removed() {
            // A person who is in the file again later is invited again.
            invites.record(&outcome.user_id, Standing::NotInvited)?;
        }
        last_error = report(reporter, outcome.user_id, outcome.result);
        reporter.at(done);
    }
    reporter.end();
    failures(&bulk, last_error)
}

fn report<T>(
    reporter: &Reporter,
    user_id: String,
    result: heysync::Result<T>,
) -> Option<heysync::Error> {
    let error = result.err()?;
    reporter.error(format!("{user_id}: {}", error.report()));
    Some(error)
}

/// Returns how many people failed. An error that ended the calls early concerns everybody, and ends the program.
fn failures(bulk: &Bulk, last_error: Option<heysync::Error>) -> Outcome<usize> {
    match last_error {
        Some(error) if bulk.left().len() > 0 => {
            let left = format!("{} more people were not tried", bulk.left().len());
            Err(Failure::from(error).with_line(left))
        }
        _ => Ok(bulk.failed_count()),
    }
}

impl Arguments {
    fn people(&self, session: &Session<impl Sized>) -> Outcome<People> {
        let people = match &self.file {
            Some(path) => {
                let file = session.stop.while_idle(|| files::read_input(path))?;
                People::read(&file).map_err(|failure| failure.in_file(path))?
            }
            None if session.is_sandbox => People::read(INVENTED_PEOPLE.as_bytes())?,
            None => return Err(Failure::usage("name the CSV file of the people")),
        };
        if !people.left_out.is_empty() {
            let columns = people.left_out.join(", ");
            session.reporter.note(format!("columns that Heylo does not have, left out: {columns}"));
        }
        Ok(people)
    }

    fn open_record(&self, is_sandbox: bool) -> Outcome<Invites> {
        let default = || PathBuf::from(format!("{}.invites.jsonl", file_name(&self.community)));
        let path = self.record.clone().or_else(|| (!is_sandbox).then(default));
        let mut invites = match &path {
            Some(path) if !self.dry_run => Invites::open(path)?,
            path => Invites::unsaved(path.as_deref())?,
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
        let Some(role) = role else { return Ok(None) };
        let members: HashSet<String> = community.role(role).members()?.into_iter().collect();
        match members.is_empty() {
            // Everybody would be invited once more.
            true => Err(Failure::data(format!("the role {role} has no members: name another one"))),
            false => Ok(Some(members)),
        }
    }
}

/// A community's id as the name of a file.
fn file_name(id: &str) -> String {
    id.chars()
        .map(|char| if char.is_ascii_alphanumeric() || char == '-' { char } else { '_' })
        .collect()
}
