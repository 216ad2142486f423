//! `roster_sync` as a process, killed at any moment.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::sync::atomic::{AtomicBool, Ordering};

use heysync::sandbox::{Fault, FaultPoint, Services};
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
fn a_dry_run_prints_the_plan_and_sends_no_change() {
    let folder = Folder::new("dry");
    people(&folder);
    let service = Service::new(Services::demo());
    let output = run(&service, &folder, &["--dry-run"]);
    assert_eq!(output.status.code(), Some(0));
    for words in ["invite", "user-52", "take", "out of the role captains"] {
        assert!(stdout(&output).contains(words), "{words}: {}", stdout(&output));
    }
    let changes = service.services.heylo.requests();
    assert!(changes.iter().all(|request| request.path.ends_with("fetch")));
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
        ("userId\nuser-1\nuser-1\n", "line 3: the user id \"user-1\" comes twice"),
        ("userId,email\nuser-1,a@example.com\n,b@example.com\n", "line 3: "),
        ("userId,birthDate\nuser-1,12/10/1815\n", "line 2: birthDate"),
        ("userId,gender\nuser-1,x\n", "line 2: gender"),
        ("userId\n", "no people"),
    ] {
        folder.write("people.csv", file);
        let output = run(&service, &folder, &[]);
        assert_eq!(output.status.code(), Some(65), "{file:?}: {}", stderr(&output));
        assert!(stderr(&output).contains(reason), "{file:?}: {}", stderr(&output));
    }
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
            |number: usize| requests.get(number).is_some_and(|it| it.operation() == "invite");
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
fn a_person_whose_invite_got_no_response_is_in_doubt() {
    let folder = Folder::new("lost");
    people(&folder);
    let service = Service::new(Services::demo());
    service.services.heylo.inject_if(1, Fault::Cut(FaultPoint::AfterEffect), |request| {
        request.operation().contains("invite")
    });
    let output = run(&service, &folder, &[]);
    assert_eq!(output.status.code(), Some(65), "{}", stderr(&output));
    let again = run(&service, &folder, &[]);
    assert!(stdout(&again).contains("may have been invited"), "{}", stdout(&again));
    assert_eq!(invited(&service.services), ["user-51", "user-52", "user-53"]);
}
