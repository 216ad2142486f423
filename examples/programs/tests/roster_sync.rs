//! `roster_sync` as a process, killed at any moment.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::sync::atomic::{AtomicBool, Ordering};

use heysync::sandbox::heylo::{Community, Role};
use heysync::sandbox::{Fault, FaultPoint, Heylo, RequestRecord, Services};
use support::{Folder, Pid, Service, stderr, stdout};

const COMMUNITY: &str = "harbour-runners";
const ARGUMENTS: [&str; 3] = ["people.csv", "--members-role", "everybody"];

/// The people of the community, and three who are to be invited. Two of the first are captains.
fn people(folder: &Folder) {
    let mut file = "userId,firstName,email,roles\n".to_owned();
    for number in (1..=38).chain(51..=53) {
        let roles = if number <= 2 { "captains" } else { "" };
        file += &format!("user-{number},Name {number},user-{number}@example.com,{roles}\n");
    }
    folder.write("people.csv", &file);
}

fn invited(services: &Services) -> Vec<String> {
    let mut ids: Vec<_> =
        services.heylo.invites(COMMUNITY).into_iter().map(|invite| invite.user_id).collect();
    ids.retain(|id| id.starts_with("user-5"));
    ids.sort();
    ids
}

fn run(service: &Service, folder: &Folder, more: &[&str]) -> std::process::Output {
    service.run("roster_sync", &folder.0, &[&ARGUMENTS, more].concat())
}

#[test]
fn it_invites_removes_and_sets_the_roles() {
    let folder = Folder::new("roster");
    people(&folder);
    let service = Service::new(Services::demo());
    let output = run(&service, &folder, &[]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(invited(&service.services), ["user-51", "user-52", "user-53"]);
    assert_eq!(service.services.heylo.role_members(COMMUNITY, "captains"), ["user-1", "user-2"]);

    let again = run(&service, &folder, &[]);
    assert_eq!(again.status.code(), Some(0));
    assert!(stdout(&again).contains("was invited, and is no member yet"), "{}", stdout(&again));
    assert_eq!(invited(&service.services).len(), 3);
}

#[test]
fn without_a_role_of_all_members_it_reports_that_nobody_is_invited_or_removed() {
    let folder = Folder::new("no-members-role");
    folder.write("people.csv", "userId,roles\nuser-1,\nuser-52,\n");
    let service = Service::new(Services::demo());
    let output = service.run("roster_sync", &folder.0, &["people.csv"]);
    assert_eq!((output.status.code(), &*stdout(&output)), (Some(0), "nothing to change\n"));
    assert!(stderr(&output).contains("without --members-role, nobody is"), "{}", stderr(&output));
}

#[test]
fn a_dry_run_prints_the_plan_and_sends_no_change() {
    let folder = Folder::new("dry");
    people(&folder);
    let service = Service::new(Services::demo());
    let output = run(&service, &folder, &["--dry-run"]);
    assert_eq!(output.status.code(), Some(0));
    for words in ["invite", "user-52", "take", "out of the role captains"] {
        assert!(stdout(&output).contains(words), "{words}: {}", stdout(&output));
    }
    assert!(
        stdout(&output).contains("3 to invite, 2 to take out of a role"),
        "{}",
        stdout(&output)
    );
    let lines: Vec<_> =
        stdout(&output).lines().filter(|it| it.starts_with("curl ")).map(str::to_owned).collect();
    assert_eq!(lines.len(), 4, "three invites and one update: {lines:?}");
    assert!(lines[0].contains("/apiv1-create") && lines[0].contains(r#""userId":"user-51""#));
    assert!(
        lines[3].contains("/apiv1-update")
            && lines[3].contains(r#""removedUserIds":["user-3","user-4"]"#)
    );
    assert!(
        lines
            .iter()
            .all(|line| line.contains("Bearer $HEYLO_API_KEY") && !line.contains("heylo-key"))
    );
    let changes = service.services.heylo.requests();
    assert!(changes.iter().all(|request| request.path.ends_with("fetch")));
    assert!(!folder.0.join("harbour-runners.invites.jsonl").exists());
}

#[test]
fn an_update_of_many_people_is_as_many_lines_as_requests() {
    let folder = Folder::new("many-lines");
    let ids: Vec<String> = (1..=130).map(|number| format!("m{number}")).collect();
    let community = Community::new("club")
        .members(ids.clone())
        .role(Role::new("all").members(ids.clone()))
        .role(Role::new("new"));
    let services = Services { heylo: Heylo::new().community(community), ..Services::new() };
    let service = Service::new(services);
    folder.write(
        "people.csv",
        &ids.iter().fold("userId,roles\n".to_owned(), |file, id| file + id + ",new\n"),
    );
    let arguments = ["people.csv", "--community", "club", "--members-role", "all"];
    let plan = service.run("roster_sync", &folder.0, &[&arguments[..], &["--dry-run"]].concat());
    assert_eq!(plan.status.code(), Some(0), "{}", stderr(&plan));
    let lines = stdout(&plan).lines().filter(|line| line.starts_with("curl ")).count();
    let done = service.run("roster_sync", &folder.0, &arguments);
    assert_eq!(done.status.code(), Some(0), "{}", stderr(&done));
    let requests = service.services.heylo.requests();
    assert_eq!(lines, requests.iter().filter(|request| request.path.ends_with("update")).count());
    assert_eq!(service.services.heylo.role_members("club", "new").len(), 130);
}

#[test]
fn a_file_as_a_spreadsheet_saves_it_changes_nothing_else() {
    let folder = Folder::new("spreadsheet");
    let mut file = "\u{FEFF}E-Mail;User ID;\"First name\";roles;Notes\r\n".to_owned();
    for number in 1..=38 {
        let roles = if number <= 4 { "captains" } else { "" };
        file += &format!(
            "USER-{number}@EXAMPLE.COM;user-{number};\"Name, {number}\";{roles};late\r\n\r\n"
        );
    }
    folder.write("people.csv", &(file + ";;;;\r\n"));
    let service = Service::new(Services::demo());
    let output = run(&service, &folder, &[]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(stdout(&output), "nothing to change\n");
    assert!(stderr(&output).contains("left out: Notes"), "{}", stderr(&output));
}

#[test]
fn a_key_that_is_revoked_in_the_middle_ends_the_run_and_nobody_is_in_doubt() {
    let folder = Folder::new("revoked");
    people(&folder);
    let services = Services::demo();
    let heylo = services.heylo.clone();
    // The requests are the members, the captains, and the three invites.
    let revoke = move |number, _: &Pid| {
        if number == 3 {
            heylo.change(|state| state.keys = vec!["another".to_owned()]);
        }
    };
    let service = Service::with_hooks(services, revoke, |_, _| {});
    let output = run(&service, &folder, &[]);
    assert_eq!(output.status.code(), Some(77), "{}", stderr(&output));
    assert!(stderr(&output).contains("1 more people were not tried"), "{}", stderr(&output));
    assert_eq!(invited(&service.services), ["user-51"]);
    assert_eq!(service.services.heylo.requests().len(), 4, "nothing after the rejected invite");

    service.services.heylo.change(|state| state.keys.clear());
    let again = run(&service, &folder, &[]);
    assert_eq!(again.status.code(), Some(0), "{}", stderr(&again));
    assert_eq!(invited(&service.services), ["user-51", "user-52", "user-53"]);
}

#[test]
fn people_whose_invites_met_a_broken_server_are_in_doubt_even_if_the_run_is_quiet() {
    let folder = Folder::new("broken");
    people(&folder);
    let service = Service::new(Services::demo());
    let is_invite = |request: &RequestRecord| request.kind().contains("invite");
    service.services.heylo.inject_if(100, Fault::ServerError(FaultPoint::AfterEffect), is_invite);
    let output = run(&service, &folder, &["--quiet"]);
    assert_ne!(output.status.code(), Some(0));
    assert!(stderr(&output).contains("user-51: "), "{}", stderr(&output));
    service.services.heylo.clear_faults();
    let again = run(&service, &folder, &[]);
    assert_eq!(again.status.code(), Some(65), "{}", stderr(&again));
    assert_eq!(stdout(&again).matches("may have been invited").count(), 3, "{}", stdout(&again));
    let invites = service.services.heylo.requests();
    assert_eq!(invites.iter().filter(|request| is_invite(request)).count(), 3);
}

#[test]
fn a_record_that_is_damaged_or_in_use_is_refused_and_nothing_is_sent() {
    let folder = Folder::new("record");
    people(&folder);
    let service = Service::new(Services::demo());
    let record = "harbour-runners.invites.jsonl";
    for (contents, code, report) in [
        (
            "{\"user_id\":\"u\",\"standing\":\"invited\",\"at\":\"2026-01-01T00:00:00Z\"}\nnonsense\n",
            65,
            "line 2",
        ),
        ("{\"user_id\":\"u\",\"standing\":\"of a later version\"}\n", 65, "line 1"),
        ("a password", 65, "a line of JSON was expected"),
    ] {
        folder.write(record, contents);
        let output = run(&service, &folder, &[]);
        assert_eq!(output.status.code(), Some(code), "{}", stderr(&output));
        assert!(
            stderr(&output).contains(record) && stderr(&output).contains(report),
            "{}",
            stderr(&output)
        );
        assert_eq!(folder.read(record), contents);
    }
    folder.write(record, "");
    let in_use = std::fs::File::open(folder.0.join(record)).unwrap();
    in_use.lock().unwrap();
    let output = run(&service, &folder, &[]);
    assert_eq!(output.status.code(), Some(74), "{}", stderr(&output));
    assert!(stderr(&output).contains("another run is using it"), "{}", stderr(&output));
    assert!(service.services.heylo.requests().is_empty());
}

#[test]
fn a_role_whose_people_are_no_members_yet_is_not_emptied() {
    let folder = Folder::new("waiting");
    people(&folder);
    let file = folder.read("people.csv").replace(",captains\n", ",\n");
    folder
        .write("people.csv", &file.replace("user-51@example.com,", "user-51@example.com,captains"));
    let service = Service::new(Services::demo());
    let output = run(&service, &folder, &[]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stdout(&output).contains("the role captains stays"), "{}", stdout(&output));
    assert_eq!(service.services.heylo.role_members(COMMUNITY, "captains").len(), 4);
}

#[test]
fn a_user_id_in_other_capitals_is_not_somebody_else() {
    let folder = Folder::new("capitals");
    people(&folder);
    folder.write("people.csv", &folder.read("people.csv").replace("\nuser-7,", "\nUser-7,"));
    let service = Service::new(Services::demo());
    let output = run(&service, &folder, &[]);
    assert_eq!(output.status.code(), Some(65), "{}", stderr(&output));
    assert!(stderr(&output).contains(r#""User-7" is "user-7" in Heylo"#), "{}", stderr(&output));
}

#[test]
fn many_removals_need_somebody_who_agrees() {
    let folder = Folder::new("many");
    folder.write("people.csv", "userId\nuser-1\nuser-2\n");
    let service = Service::new(Services::demo());
    let refused = run(&service, &folder, &[]);
    assert_eq!(refused.status.code(), Some(77), "{}", stderr(&refused));
    assert!(stderr(&refused).contains("36 people would lose something"), "{}", stderr(&refused));
    assert_eq!(service.services.heylo.role_members(COMMUNITY, "everybody").len(), 38);
}

#[test]
fn a_file_with_a_mistake_is_refused_with_its_line() {
    let folder = Folder::new("mistakes");
    let service = Service::new(Services::demo());
    for (file, reason) in [
        ("userId\nuser-1\nuser-1\n", "line 3: the user id \"user-1\" comes twice, first in line 2"),
        ("userId,email\nu1,Ada@x.test\nu2,ada@X.test\n", "line 3: the address"),
        ("name,email\nAda,a@x.test\n", "line 1: there is no column userId, only: name, email"),
        ("userId,email,E-mail\nu1,a,b\n", "line 1: there are two columns email"),
        ("userId,email\nu1\n", "line: 2"),
        ("userId,email\nuser-1,a@example.com\n,b@example.com\n", "line 3: "),
        ("userId,birthDate\nuser-1,12/10/1815\n", "line 2: birthDate"),
        ("userId,gender\nuser-1,x\n", "line 2: gender"),
        ("userId\n", "no people"),
    ] {
        folder.write("people.csv", file);
        let output = run(&service, &folder, &[]);
        assert_eq!(output.status.code(), Some(65), "{file:?}: {}", stderr(&output));
        assert!(stderr(&output).contains("people.csv: "), "{file:?}: {}", stderr(&output));
        assert!(stderr(&output).contains(reason), "{file:?}: {}", stderr(&output));
    }
    std::fs::write(folder.0.join("people.csv"), b"userId,firstName\nu1,J\xFCrgen\n").unwrap();
    let output = run(&service, &folder, &[]);
    assert!(stderr(&output).contains("line 2: this is not UTF-8"), "{}", stderr(&output));
    assert!(service.services.heylo.requests().is_empty());
}

/// Kills the program at the invite of `user-52`, runs it again, and checks that nobody is invited twice.
#[cfg(unix)]
fn kill_at_an_invite(name: &str, kill_before_effect: bool) {
    let folder = Folder::new(name);
    people(&folder);
    let services = Services::demo();
    let (heylo, is_killed) = (services.heylo.clone(), AtomicBool::new(false));
    let kill = move |number: usize, pid: &Pid| {
        let requests = heylo.requests();
        let is_invite =
            |number: usize| requests.get(number).is_some_and(|it| it.kind() == "invite");
        // Before it takes effect, the request is not in the log yet: the one before it is the first invite.
        let Some(at) = number.checked_sub(usize::from(kill_before_effect)) else { return };
        let count = (0..=at).filter(|&number| is_invite(number)).count();
        let expected = if kill_before_effect { 1 } else { 2 };
        if is_invite(at) && count == expected && !is_killed.swap(true, Ordering::SeqCst) {
            pid.signal("KILL");
        }
    };
    let service = match kill_before_effect {
        true => Service::with_hooks(services, kill, |_, _| {}),
        false => Service::with_hooks(services, |_, _| {}, kill),
    };
    let killed = run(&service, &folder, &[]);
    assert_eq!(killed.status.code(), None, "it was killed: {}", stderr(&killed));

    let again = run(&service, &folder, &[]);
    assert_eq!(again.status.code(), Some(65), "{}", stderr(&again));
    assert!(stdout(&again).contains("user-52"), "{}", stdout(&again));
    assert!(stdout(&again).contains("may have been invited"), "{}", stdout(&again));
    // The killed request may have taken effect, before or after its sender was gone.
    let mut expected = vec!["user-51", "user-53"];
    let is_invited = invited(&service.services).contains(&"user-52".to_owned());
    expected.extend(is_invited.then_some("user-52"));
    expected.sort_unstable();
    assert_eq!(invited(&service.services), expected);

    let settled = if is_invited { "--invited" } else { "--not-invited" };
    let last = run(&service, &folder, &[settled, "user-52"]);
    assert_eq!(last.status.code(), Some(0), "{}", stderr(&last));
    assert_eq!(invited(&service.services), ["user-51", "user-52", "user-53"]);
}

#[test]
#[cfg(unix)]
fn after_a_kill_before_an_invite_takes_effect_the_person_is_in_doubt_and_nobody_is_invited_twice() {
    kill_at_an_invite("kill-before", true);
}

#[test]
#[cfg(unix)]
fn after_a_kill_once_an_invite_took_effect_the_person_is_in_doubt_and_nobody_is_invited_twice() {
    kill_at_an_invite("kill-after", false);
}

#[test]
#[cfg(unix)]
fn after_a_kill_while_it_waits_for_the_rate_limit_nobody_is_in_doubt() {
    let folder = Folder::new("kill-waiting");
    people(&folder);
    let more = (54..=58).map(|number| format!("user-{number},Name,user-{number}@example.com,\n"));
    folder.write("people.csv", &(folder.read("people.csv") + &more.collect::<String>()));
    let record = folder.0.join("harbour-runners.invites.jsonl");
    // Five requests a second: the two readings and three invites, then a wait.
    let kill = move |number: usize, pid: &Pid| {
        let (record, pid) = (record.clone(), pid.clone());
        let is_written = move || {
            let lines = std::fs::read_to_string(&record).unwrap_or_default();
            lines.contains(r#""user_id":"user-53","standing":"invited""#)
        };
        if number == 4 {
            std::thread::spawn(move || {
                while !is_written() {
                    std::thread::yield_now();
                }
                pid.try_signal("KILL");
            });
        }
    };
    let service = Service::with_hooks(Services::demo(), |_, _| {}, kill);
    let killed = run(&service, &folder, &[]);
    assert_eq!(killed.status.code(), None, "it was killed: {}", stderr(&killed));
    assert_eq!(invited(&service.services), ["user-51", "user-52", "user-53"]);

    let again = run(&service, &folder, &[]);
    assert_eq!(again.status.code(), Some(0), "{}{}", stdout(&again), stderr(&again));
    assert!(!stdout(&again).contains("may have been invited"), "{}", stdout(&again));
    assert_eq!(invited(&service.services).len(), 8);
}

#[test]
fn a_person_whose_invite_got_no_response_is_in_doubt() {
    let folder = Folder::new("lost");
    people(&folder);
    let service = Service::new(Services::demo());
    service.services.heylo.inject_if(1, Fault::Cut(FaultPoint::AfterEffect), |request| {
        request.kind().contains("invite")
    });
    let output = run(&service, &folder, &[]);
    assert_eq!(output.status.code(), Some(65), "{}", stderr(&output));
    let again = run(&service, &folder, &[]);
    assert!(stdout(&again).contains("may have been invited"), "{}", stdout(&again));
    assert_eq!(invited(&service.services), ["user-51", "user-52", "user-53"]);
}

#[test]
fn refusals_by_the_rate_limit_delay_the_invites_and_nobody_is_in_doubt() {
    let folder = Folder::new("refusals");
    people(&folder);
    let service = Service::new(Services::demo());
    let every_other = |request: &RequestRecord| request.number % 2 == 1;
    let refused = Fault::RateLimited(Some("1".to_owned()));
    service.services.heylo.inject_if(3, refused, every_other);
    let output = run(&service, &folder, &[]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(invited(&service.services), ["user-51", "user-52", "user-53"]);
    assert_eq!(service.services.heylo.role_members(COMMUNITY, "captains"), ["user-1", "user-2"]);
}
