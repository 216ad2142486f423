//! Where the file is, and what may be wrong with its place.
#![cfg(target_os = "linux")]

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use heysync::http::{HeaderMap, StatusCode};
use heysync::limiter::{Rate, Share};
use heysync::{Config, Error, ErrorKind, heylo};

use crate::herd::Folder;
use crate::limit::Limit;

/// The folder of a process that takes all tokens that it can; empty for the user's own.
const PLACE: &str = "HEYSYNC_TEST_PLACE";

/// How many tokens a process takes and returns, if not all.
const TOKENS: &str = "HEYSYNC_TEST_TOKENS";

const RATE: Rate = Rate::per_hour(3);

/// Takes tokens until there is none, and returns how many and how many are under way then, or why there is none.
fn take_all(place: &str, rate: Rate) -> Result<(usize, usize), Error> {
    let share = if place.is_empty() { Share::file() } else { Share::file_in(place) };
    let config = Config::new().base_url("http://127.0.0.1:9").rate(rate).share(share);
    let client = heylo::Client::with_config("a-key", config)?;
    let mut plenty = HeaderMap::new();
    plenty.insert("x-ratelimit-remaining", 1_000_000.into());
    for taken in 0.. {
        match client.bucket().try_acquire() {
            Ok(mut permit) => permit.responded(StatusCode::OK, &plenty),
            Err(error) if error.kind() == ErrorKind::SharedLimit => return Err(error.into()),
            Err(_) => return Ok((taken, client.bucket().snapshot().in_flight)),
        }
    }
    unreachable!("the limit is reached before")
}

/// Takes and returns tokens one after the other.
fn take_in_turn(place: &str, tokens: &str) {
    let config = Config::new().base_url("http://127.0.0.1:9").rate(Rate::per_hour(1_000_000));
    let client = heylo::Client::with_config("a-key", config.share(Share::file_in(place))).unwrap();
    for _ in 0..tokens.parse().unwrap() {
        let mut permit = client.bucket().try_acquire().unwrap();
        permit.responded(StatusCode::OK, &HeaderMap::new());
    }
}

/// Not a test: the processes of the tests below begin here.
#[test]
fn a_process_takes_what_it_can() {
    let Ok(place) = env::var(PLACE) else { return };
    if let Ok(tokens) = env::var(TOKENS) {
        return take_in_turn(&place, &tokens);
    }
    match take_all(&place, RATE) {
        Ok((taken, under_way)) => println!("\ntook {taken}; {under_way} under way"),
        Err(error) => println!("\n{:?}: {}; {};", error.kind(), error, error.hint().unwrap_or("")),
    }
}

/// What such a process says that `program` starts, with the path of this program behind `arguments`.
fn said_by(program: &str, arguments: &[&str], place: &Path, set: &[(&str, &str)]) -> String {
    let mut command = match program {
        "" => Command::new(env::current_exe().unwrap()),
        program => {
            let mut command = Command::new(program);
            command.args(arguments).arg(env::current_exe().unwrap());
            command
        }
    };
    command.args(["--exact", "places::a_process_takes_what_it_can", "--nocapture"]);
    command.env_remove("XDG_STATE_HOME").env_remove("HOME").envs(set.iter().copied());
    let output = command.env(PLACE, place).output();
    output.map_or_else(|error| error.to_string(), |it| String::from_utf8_lossy(&it.stdout).into())
}

fn said(place: &Path, set: &[(&str, &str)]) -> String {
    said_by("", &[], place, set)
}

/// What a process says in a world of mounts of its own, which `script` makes of `$1`; `None` if this user may not.
fn said_behind(script: &str, place: &Path) -> Option<String> {
    let script = format!("{script} || exit 77; shift; exec \"$@\"");
    let arguments = ["--mount", "sh", "-c", &script, "sh", place.to_str().unwrap()];
    let said = said_by("unshare", &arguments, place, &[]);
    if !said.contains("test result") {
        println!("left out: only root can mount");
        return None;
    }
    Some(said)
}

fn folder() -> Folder {
    let folder = Folder::new();
    fs::create_dir_all(&folder.0).unwrap();
    folder
}

#[test]
fn the_users_own_folder_is_found_and_a_relative_one_is_not_used() {
    let _limit = Limit::start();
    let folder = folder();
    let home = folder.0.to_str().unwrap();
    let state = folder.0.join("state");
    for (set, place) in [
        ([("XDG_STATE_HOME", state.to_str().unwrap()), ("HOME", "")], "state/heysync"),
        ([("XDG_STATE_HOME", ""), ("HOME", home)], ".local/state/heysync"),
    ] {
        assert!(said(Path::new(""), &set).contains("took 3;"), "{set:?}");
        assert_eq!(fs::read_dir(folder.0.join(place)).unwrap().count(), 1, "{set:?}");
    }
    let relative = [("XDG_STATE_HOME", "state"), ("HOME", home)];
    assert!(said(Path::new(""), &relative).contains("took 0;"));
    let said = said(Path::new(""), &[("HOME", "home")]);
    assert!(said.contains("Configuration") && said.contains("Share::file_in"), "{said}");
    assert!(!Path::new("state").exists() && !Path::new("home").exists());
}

#[test]
fn without_a_home_in_the_environment_it_is_the_one_of_the_user() {
    let _limit = Limit::start();
    let folder = folder();
    let script = "mount --bind \"$1\" \"$(getent passwd \"$(id -u)\" | cut -d: -f6)\"";
    let arguments = ["--mount", "sh", "-c"];
    let script = format!("{script} || exit 77; shift; exec \"$@\"");
    let arguments = [&arguments[..], &[&script, "sh", folder.0.to_str().unwrap()]].concat();
    let said = said_by("unshare", &arguments, Path::new(""), &[]);
    if !said.contains("test result") {
        return println!("left out: only root can mount");
    }
    assert!(said.contains("took 3;"), "{said}");
    assert_eq!(fs::read_dir(folder.0.join(".local/state/heysync")).unwrap().count(), 1);
}

#[test]
fn a_folder_is_one_by_whichever_path_and_mount_it_is_reached() {
    let _limit = Limit::start();
    let folder = folder();
    let [real, link, other] = ["real", "link", "other"].map(|name| folder.0.join(name));
    [&real, &other].into_iter().for_each(|it| fs::create_dir(it).unwrap());
    // Others may write there: the file itself stays the user's own.
    fs::set_permissions(&real, fs::Permissions::from_mode(0o777)).unwrap();
    symlink(&real, &link).unwrap();
    assert!(said(&link, &[]).contains("took 3;"));
    assert!(said(&real, &[]).contains("took 0;"));
    let bound = said_behind("mount --bind \"$1/../real\" \"$1\"", &other);
    assert!(bound.is_none_or(|it| it.contains("took 0;")));
    let file = fs::read_dir(&real).unwrap().next().unwrap().unwrap();
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_folder_that_is_mounted_read_only_gives_no_token() {
    let _limit = Limit::start();
    let folder = folder();
    assert!(said(&folder.0, &[]).contains("took 3;"));
    let script = "mount --bind \"$1\" \"$1\" && mount -o remount,bind,ro \"$1\"";
    let Some(said) = said_behind(script, &folder.0) else { return };
    assert!(said.contains("SharedLimit") && said.contains("who may write there"), "{said}");
}

#[test]
fn a_file_of_another_user_gives_no_token_and_is_left_as_it_is() {
    let _limit = Limit::start();
    let folder = folder();
    assert!(said(&folder.0, &[]).contains("took 3;"));
    let file = fs::read_dir(&folder.0).unwrap().next().unwrap().unwrap().path();
    let before = fs::read(&file).unwrap();
    if chown(&file, Some(65_534), None).is_err() {
        return println!("left out: only root can give a file away");
    }
    let said = said(&folder.0, &[]);
    assert!(said.contains("SharedLimit") && said.contains("who may write there"), "{said}");
    assert_eq!(fs::read(&file).unwrap(), before);
}

/// What a process says if a system call fails (with the files of `paths`, or any), or `None` without strace.
fn said_if(fault: &str, paths: &[&str], place: &Path) -> Option<String> {
    let call = fault.split(':').next().unwrap();
    let (trace, inject) = (format!("trace={call}"), format!("inject={fault}"));
    let arguments = [&["-f", "-qq", "-e", &trace, "-e", &inject], paths].concat();
    let said = said_by("strace", &arguments, place, &[]);
    if !said.contains("test result") {
        println!("left out: there is no strace, or it may not trace");
        return None;
    }
    Some(said)
}

#[test]
fn a_file_system_without_locks_is_named() {
    let _limit = Limit::start();
    let folder = folder();
    for error in ["ENOLCK", "EOPNOTSUPP", "ENOSYS"] {
        let Some(said) = said_if(&format!("flock:error={error}"), &[], &folder.0) else { return };
        assert!(said.contains("SharedLimit") && said.contains("has locks"), "{error}: {said}");
    }
}

#[test]
fn a_process_that_had_no_file_descriptor_left_when_it_began_shares_with_the_others_later() {
    let _limit = Limit::start();
    let folder = folder();
    let config = Config::new().base_url("http://127.0.0.1:9").rate(RATE);
    let config = config.share(Share::file_in(&folder.0));
    let client = heylo::Client::with_config("a-key", config).unwrap();
    client.bucket().try_acquire().unwrap().never_sent();
    let paths = ["-P", "/proc/sys/kernel/random/boot_id"];
    let Some(said) = said_if("openat:error=EMFILE:when=1", &paths, &folder.0) else { return };
    assert!(said.contains("took 3;"), "{said}");
}

/// The system calls of a process that takes and returns so many tokens, as lines of strace, or `None` without it. Those for
/// memory and for the waiting of threads are left out.
fn calls_of(tokens: u32) -> Option<Vec<String>> {
    let folder = folder();
    let lines = folder.0.join("lines");
    let others = "trace=!brk,mmap,munmap,mremap,mprotect,madvise,futex";
    let arguments = ["-f", "-qq", "-e", others, "-o", lines.to_str().unwrap()];
    let said = said_by("strace", &arguments, &folder.0, &[(TOKENS, &tokens.to_string())]);
    if !said.contains("test result: ok") {
        println!("left out: there is no strace, or it may not trace");
        return None;
    }
    Some(fs::read_to_string(lines).unwrap().lines().map(str::to_owned).collect())
}

/// How often each system call is in the lines.
fn count(lines: &[String]) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    let calls = lines.iter().filter_map(|line| line.split_ascii_whitespace().nth(1));
    // A line that was interrupted by another one has a second part.
    for call in calls.filter(|call| *call != "<...") {
        *counts.entry(call.split('(').next().unwrap()).or_default() += 1;
    }
    counts
}

#[test]
fn a_token_is_two_steps_of_one_write_each_which_all_have_one_size() {
    let _limit = Limit::start();
    let (Some(few), Some(many)) = (calls_of(10), calls_of(30)) else { return };
    // The first three make the file.
    let writes = many.iter().filter(|line| line.contains("pwrite64(")).skip(3);
    let sizes: BTreeSet<_> = writes.map(|line| line.rsplit("= ").next().unwrap()).collect();
    assert_eq!(sizes, BTreeSet::from(["2040"]));
    let (few, many) = (count(&few), count(&many));
    let more = |name: &str| many.get(name).unwrap_or(&0) - few.get(name).unwrap_or(&0);
    assert_eq!(["flock", "pread64", "pwrite64"].map(more), [20 * 4, 20 * 2, 20 * 2]);
    let all = many.values().sum::<usize>() - few.values().sum::<usize>();
    // A look at the path in each step, and the number of the process.
    assert!(all <= 20 * 13, "{many:?}, {few:?}");
    assert_eq!(more("openat") + more("fsync") + more("fdatasync") + more("nanosleep"), 0);
}

#[test]
fn a_write_that_fails_in_the_middle_costs_no_token_too_many() {
    let _limit = Limit::start();
    for when in 1..9 {
        let folder = folder();
        let mut taken = 0;
        let fault = format!("pwrite64:error=EIO:when={when}");
        let Some(first) = said_if(&fault, &[], &folder.0) else { return };
        // A release that could not be written is written by the next step.
        assert!(
            !first.contains("took") || first.contains("; 0 under way"),
            "{first}, write {when}"
        );
        for said in [first, said(&folder.0, &[])] {
            let count = said.split("took ").nth(1).and_then(|it| it.split(';').next());
            taken += count.map_or(0, |it| it.parse::<usize>().unwrap());
        }
        assert!(taken <= 3, "{taken}, write {when}");
    }
}

#[test]
fn a_disk_that_becomes_full_costs_no_token_too_many_and_is_used_again_when_there_is_room() {
    let _limit = Limit::start();
    let Some(disk) = crate::files::SmallDisk::new() else {
        return println!("left out: only root can make a small disk");
    };
    let (fill, place) = (disk.0.0.join("fill"), disk.0.0.join("share"));
    let rate = Rate::per_minute(2000).and(Rate::per_hour(90_000));
    let config = Config::new().base_url("http://127.0.0.1:9").rate(rate);
    let client = heylo::Client::with_config("a-key", config.share(Share::file_in(&place))).unwrap();
    let mut plenty = HeaderMap::new();
    plenty.insert("x-ratelimit-remaining", 1_000_000.into());
    let (mut taken, mut failed) = (0, 0);
    for round in 0..2100 {
        match round {
            // A file that is written on the whole disk, and removed later.
            1 => drop(fs::write(&fill, vec![1; 64 * 1024])),
            1000 => fs::remove_file(&fill).unwrap(),
            _ => {}
        }
        match client.bucket().try_acquire() {
            Ok(mut permit) => {
                permit.responded(StatusCode::OK, &plenty);
                taken += 1;
            }
            Err(error) if error.kind() == ErrorKind::SharedLimit => failed += 1,
            Err(_) => {}
        }
        std::thread::sleep(Duration::from_micros(200));
    }
    assert!(failed > 0 && (500..=2000).contains(&taken), "{taken} taken, {failed} failed");
}
