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
use std::error::Error;
use std::time::Duration;

use heysync::heylerts::{AlertPatch, NewAlert, Sentiment, Source};
use heysync::heylo::{Community, Gender, Month, NewMember, RoleUpdate};
use heysync::limiter::Share;
use heysync::sandbox::{self, Services};
use heysync::{Activity, Call, Config, Date, Safety, Timestamp, heylerts, heylo};
use serde_json::Value;

fn main() -> Result<(), Box<dyn Error>> {
    let (has_heylo, has_heylerts) = (is_set("HEYLO_API_KEY"), is_set("HEYLERTS_API_KEY"));
    if !has_heylo && !has_heylerts {
        return tour_of_the_sandbox();
    }
    if has_heylo {
        let id = env::var("HEYLO_COMMUNITY")
            .map_err(|_| "set HEYLO_COMMUNITY to the id of a community")?;
        println!("Heylo, read only");
        read_heylo(&heylo::Client::from_env_with(shared())?.community(id))?;
    }
    if has_heylerts {
        println!("Heylerts, read only");
        read_heylerts(&heylerts::Client::from_env_with(shared())?)?;
    }
    Ok(())
}

fn is_set(name: &str) -> bool {
    env::var_os(name).is_some_and(|value| !value.is_empty())
}

/// A configuration that prints retries, and waits of half a second or more.
fn print_waits() -> Config {
    Config::new().user_agent("heysync-tour").observer(|activity: &Activity<'_>| match activity {
        Activity::Waiting { wait, .. } if wait.duration < Duration::from_millis(500) => {}
        Activity::Waiting { .. } | Activity::Retrying { .. } => println!("      … {activity}"),
        _ => {}
    })
}

/// The same, with tokens from a file that other programs use too. `--no-share` leaves that out.
fn shared() -> Config {
    match env::args().any(|argument| argument == "--no-share") {
        true => print_waits(),
        false => print_waits().share(Share::file()),
    }
}

fn tour_of_the_sandbox() -> Result<(), Box<dyn Error>> {
    let services = Services::demo();
    let server = sandbox::serve(0, services.clone())?;
    println!("No keys are set: this is the sandbox, at {}", server.url());

    println!("\nHeylo: a community of runners");
    let config = print_waits().base_url(server.url());
    let community = heylo::Client::with_config("any-key", config)?.community("harbour-runners");
    read_heylo(&community)?;
    change_heylo(&community)?;

    println!("\nHeylerts: mentions of them");
    let config = print_waits().base_url(server.url());
    let client = heylerts::Client::with_config("hlt_any_key", config)?;
    read_heylerts(&client)?;
    change_heylerts(&client)?;

    let (heylo, heylerts) = (services.heylo.requests().len(), services.heylerts.requests().len());
    let rejected = services.heylo.rate_limit_hits() + services.heylerts.rate_limit_hits();
    println!(
        "\n{heylo} requests to Heylo and {heylerts} to Heylerts; {rejected} got a 429 for exceeding the limit."
    );
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
        "roster plan",
        format!("{} to remove, {} stay", plan.update.removed().len(), plan.unchanged.len()),
    );
    let change = captains.apply(&plan)?;
    step(
        "roster set",
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
        let outcome = removed
            .result
            .map_or_else(|error| error.message().to_owned(), |_| "removed".to_owned());
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
    step("alert read again", read_again.map_or_else(|error| error.to_string(), |alert| alert.name));
    Ok(())
}

fn step(name: &str, outcome: impl AsRef<str>) {
    println!("  {name:<20} {}", outcome.as_ref());
}
