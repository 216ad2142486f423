//! A tour of both services: calls every operation once, and prints the results.
//!
//! ```console
//! $ cargo run --example tour
//! ```
//!
//! Without keys it serves the sandbox (both services in memory, with invented data) on a loopback port, and calls
//! every operation over that socket. With `HEYLO_API_KEY` and `HEYLO_COMMUNITY`, or with `HEYLERTS_API_KEY`, it
//! calls the real service instead, and only reads.

use std::env;
use std::process::ExitCode;
use std::time::Duration;

use console::{Failure, Volume, print_line};
use heysync::heylerts::{AlertPatch, NewAlert, Sentiment, Source};
use heysync::heylo::{Community, Gender, Month, NewMember, RoleUpdate};
use heysync::limiter::Share;
use heysync::sandbox::{self, Services};
use heysync::{Activity, Call, Cancellation, Config, Date, Safety, Timestamp, heylerts, heylo};
use pico_args::Arguments;
use serde_json::Value;

mod console;

const USAGE: &str = "\
Calls every operation once, and prints the results

Usage: tour [OPTIONS]

Options:
      --proxy URL  The proxy to connect through, or \"none\" [default: the proxy of the environment]
      --no-share   Use the whole rate limit of the key, as if no other program used it
  -v, --verbose    Print every request and wait
  -q, --quiet      Print nothing but the results and errors
  -h, --help       Print help

Set HEYLO_API_KEY and HEYLO_COMMUNITY, or HEYLERTS_API_KEY, for the real services, which are only read.
Without them, the sandbox's invented data is used.";

fn main() -> ExitCode {
    console::main(USAGE, run)
}

fn run(mut arguments: Arguments) -> Result<(), Failure> {
    let config = configure(&mut arguments)?;
    let shared = network(config.clone(), &mut arguments)?;
    console::finish(arguments)?;
    let (has_heylo, has_heylerts) = (is_set("HEYLO_API_KEY"), is_set("HEYLERTS_API_KEY"));
    if !has_heylo && !has_heylerts {
        return tour_of_the_sandbox(&config);
    }
    if has_heylo {
        let missing = || Failure::configuration("set HEYLO_COMMUNITY to the id of a community");
        let id = env::var("HEYLO_COMMUNITY").map_err(|_| missing())?;
        print_line("Heylo, read only");
        read_heylo(&heylo::Client::from_env_with(shared.clone())?.community(id))?;
    }
    if has_heylerts {
        print_line("Heylerts, read only");
        read_heylerts(&heylerts::Client::from_env_with(shared)?)?;
    }
    Ok(())
}

fn is_set(name: &str) -> bool {
    env::var_os(name).is_some_and(|value| !value.is_empty())
}

/// A configuration that prints retries, and waits of half a second or more, and ends waits after Ctrl-C.
fn configure(arguments: &mut Arguments) -> Result<Config, Failure> {
    let volume = Volume::read(arguments);
    let stop = Cancellation::new();
    let config = Config::new().user_agent("heysync-tour").cancellation(&stop);
    console::on_ctrl_c(move || stop.cancel())?;
    Ok(config.observer(move |activity: &Activity<'_>| match activity {
        Activity::Waiting { wait, .. } if wait.duration < Duration::from_millis(500) => {
            volume.detail(activity);
        }
        Activity::Waiting { .. } | Activity::Retrying { .. } => volume.note(activity),
        _ => volume.detail(activity),
    }))
}

/// The same for a real service: with a proxy, and with tokens from a file that other programs use too.
fn network(mut config: Config, arguments: &mut Arguments) -> Result<Config, Failure> {
    match arguments.opt_value_from_str::<_, String>("--proxy")?.as_deref() {
        Some("none") => config = config.proxy_from_env(false),
        Some(proxy) => config = config.proxy(proxy),
        None => {}
    }
    match arguments.contains("--no-share") {
        true => Ok(config),
        false => Ok(config.share(Share::file())),
    }
}

fn tour_of_the_sandbox(config: &Config) -> Result<(), Failure> {
    let services = Services::demo();
    let server = sandbox::serve(0, services.clone())?;
    print_line(format!("No keys are set: this is the sandbox, at {}", server.url()));

    print_line("\nHeylo: a community of runners");
    let config = config.clone().base_url(server.url());
    let client = heylo::Client::with_config("any-key", config.clone())?;
    let community = client.community("harbour-runners");
    read_heylo(&community)?;
    change_heylo(&community)?;

    print_line("\nHeylerts: mentions of them");
    let client = heylerts::Client::with_config("hlt_any_key", config)?;
    read_heylerts(&client)?;
    change_heylerts(&client)?;

    let (heylo, heylerts) = (services.heylo.requests().len(), services.heylerts.requests().len());
    let rejected = services.heylo.rate_limit_hits() + services.heylerts.rate_limit_hits();
    print_line(format!(
        "\n{heylo} requests to Heylo and {heylerts} to Heylerts; {rejected} got a 429 for exceeding the limit."
    ));
    Ok(())
}

fn read_heylo(community: &Community) -> heysync::Result<()> {
    let events = community.events().starting_before(Timestamp::now()).read_all()?;
    step("events", format!("{} so far", events.len()));
    if let Some(event) = events.last() {
        let title = event.json["title"].as_str().unwrap_or("untitled");
        let people = community.attendance(&event.id)?.len();
        step("attendance", format!("{people} people for the latest, {title:?}"));
    }
    let roles = community.roles()?;
    let ids: Vec<&str> = roles.iter().map(|role| role.id.as_str()).collect();
    step("roles", ids.join(", "));
    if let Some(role) = roles.last() {
        let members = community.role(&role.id).members()?;
        step("role members", format!("{} are {}", members.join(", "), role.id));
    }
    Ok(())
}

fn change_heylo(community: &Community) -> heysync::Result<()> {
    let captains = community.role("captains");
    let update = RoleUpdate::new().add(["user-7", "user-8", "stranger"]).remove(["user-4"]);
    let change = captains.update(&update)?;
    let (added, removed) = (change.added.join(", "), change.removed.join(", "));
    let ignored = change.ignored.join(", ");
    step("role update", format!("added {added}; removed {removed}; Heylo ignored {ignored}"));

    let plan = captains.plan_members(["user-1", "user-7"])?;
    step(
        "plan for captains",
        format!("{} to remove, {} stay", plan.update.removed().len(), plan.unchanged.len()),
    );
    let change = captains.apply(&plan)?;
    step(
        "captains set",
        format!("{} removed, {} stay", change.removed.len(), change.unchanged.len()),
    );

    let ada = NewMember::new("user-42")
        .first_name("Ada")
        .last_name("Lovelace")
        .email("ada@example.com")
        .birth_date(Date::new(1815, 12, 10)?)
        .gender(Gender::Female)
        .member_since(Month::May, 2024);
    community.invite(&ada)?;
    step("invite", "Ada Lovelace, as user-42");
    community.remove_member("user-42")?;
    step("removal", "user-42, with the pending invite");
    for removed in community.remove_members(["user-39", "nobody", "user-40"]) {
        let is_removed = removed.is_removed();
        let outcome = match removed.result {
            Ok(_) => "removed".to_owned(),
            Err(error) if is_removed => format!("{} (as expected)", error.message()),
            Err(error) => return Err(error),
        };
        step("removals", format!("{}: {outcome}", removed.user_id));
    }
    Ok(())
}

fn read_heylerts(client: &heylerts::Client) -> heysync::Result<()> {
    let hello = client.hello()?;
    step(
        "hello",
        format!("plan {}, limit {}", hello.user.plan, hello.rate_limit.unwrap_or_default()),
    );
    for alert in client.alerts() {
        let alert = alert?;
        step("alert", format!("{:?} found {} mentions", alert.name, alert.mention_count));
    }
    let mut complaints = client.mentions().sentiment(Sentiment::Negative).limit(3);
    let total = complaints.total_items()?.unwrap_or_default();
    step("mentions", format!("{total} negative, the latest are"));
    for mention in complaints {
        let mention = mention?;
        step("", format!("{} ({})", mention.title.unwrap_or_default(), mention.url));
    }
    let stats = client.stats()?;
    let sources: Vec<String> =
        stats.by_source.iter().map(|(name, count)| format!("{count} {name}")).collect();
    step("stats", format!("{} mentions: {}", stats.total, sources.join(", ")));
    Ok(())
}

fn change_heylerts(client: &heylerts::Client) -> heysync::Result<()> {
    let new = NewAlert::new("Race day", "harbour half marathon")
        .exclude_keywords(["job posting"])
        .sources([Source::Reddit]);
    let alert = client.create_alert(&new)?;
    step("alert created", format!("{:?} searches for {:?}", alert.name, alert.keyword));
    let paused = client.update_alert(&alert.id, &AlertPatch::new().active(false))?;
    step("alert updated", if paused.is_active { "still active" } else { "paused" });
    step("alert read", format!("{:?}", client.get_alert(&alert.id)?.name));
    step("its stats", format!("{} mentions", client.alert_stats(&alert.id)?.total));
    let call = Call::get(["mentions"]).query("per_page", 1).safety(Safety::Read);
    let page: Value = client.send(&call)?;
    step("custom call", format!("{} mentions in total", page["total_items"]));
    client.delete_alert(&alert.id)?;
    step("alert deleted", format!("{:?}", alert.name));
    let read_again = client.get_alert(&alert.id);
    let outcome = read_again
        .map_or_else(|error| format!("{} (as expected)", error.message()), |alert| alert.name);
    step("alert read again", outcome);
    Ok(())
}

fn step(name: &str, outcome: impl AsRef<str>) {
    print_line(format!("  {name:<20} {}", outcome.as_ref()));
}
