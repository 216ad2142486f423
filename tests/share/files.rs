//! Real files, and processes that are killed or stopped.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command};
use std::thread;
use std::time::{Duration, Instant};

use heysync::limiter::{IfUnavailable, Rate, Share, TokenBucket};
use heysync::{Config, ErrorKind, heylerts, heylo, sandbox};

use crate::herd::{self, Folder, HOLD};
use crate::limit::Limit;

const MANY: Rate = Rate::per_second(1_000_000);

fn file_in(folder: &Folder) -> PathBuf {
    let files = fs::read_dir(&folder.0).unwrap().map(|it| it.unwrap().path());
    // On Windows, a process has a file of its own beside the tokens.
    let files: Vec<_> =
        files.filter(|it| it.extension().is_some_and(|it| it == "tokens")).collect();
    assert_eq!(files.len(), 1, "{files:?}");
    files[0].clone()
}

fn signal(child: &Child, signal: &str) {
    let pid = child.id().to_string();
    assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
}

fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let limit = Instant::now() + Duration::from_secs(30);
    while !is_so() {
        assert!(Instant::now() < limit, "{what}");
        thread::sleep(Duration::from_millis(5));
    }
}

fn config(folder: &Folder) -> Config {
    Config::new().share(Share::file_in(&folder.0))
}

#[test]
fn a_kill_at_any_moment_leaves_a_file_that_can_be_used() {
    let _limit = Limit::start();
    let folder = Folder::new();
    let client = herd::sharing(&folder.0, MANY);
    for round in 0..30 {
        let taken = client.bucket().snapshot().granted;
        let mut child = herd::helper("spin", &folder.0);
        wait_until("the child takes tokens", || client.bucket().snapshot().granted > taken);
        thread::sleep(Duration::from_micros(fastrand::u64(0..3000)));
        herd::end(&mut child);
        // There may be no token: while nothing is known about the key, the first request goes alone.
        let permit = client.bucket().try_acquire();
        let is_damaged = permit.is_err_and(|error| error.kind() == ErrorKind::SharedLimit);
        assert!(!is_damaged, "round {round}");
    }
}

#[test]
#[cfg(unix)]
fn a_token_is_kept_by_a_process_that_is_stopped_and_freed_by_one_that_is_killed() {
    let _limit = Limit::start();
    let folder = Folder::new();
    let mut child = herd::helper("hold", &folder.0);
    let client = herd::sharing(&folder.0, HOLD);
    let bucket = client.bucket();
    bucket.set_grace(Duration::from_millis(50));
    wait_until("the child takes the token", || bucket.snapshot().used_elsewhere == 1);
    signal(&child, "-STOP");
    let soon = Instant::now() + Duration::from_millis(400);
    assert_eq!(bucket.acquire(Some(soon), &mut |_| {}).unwrap_err().kind(), ErrorKind::Deadline);
    assert!(Instant::now() < soon + Duration::from_secs(10));
    herd::end(&mut child);
    let later = Instant::now() + Duration::from_secs(20);
    assert!(bucket.acquire(Some(later), &mut |_| {}).is_ok());
}

/// A process in a container, which has process numbers of its own, if this user may make one.
#[cfg(target_os = "linux")]
fn contained(what: &str, folder: &Folder, options: &[&str]) -> Option<Child> {
    let arguments = [&["--pid", "--fork", "--kill-child"], options].concat();
    let probe = Command::new("unshare").args(&arguments).arg("true").output();
    if !probe.is_ok_and(|it| it.status.success()) {
        println!("left out: only root can make a container");
        return None;
    }
    Some(herd::helper_by("unshare", &arguments, what, &folder.0))
}

#[test]
#[cfg(target_os = "linux")]
fn a_container_keeps_its_token_while_it_lives_and_no_longer() {
    let _limit = Limit::start();
    for options in [&["--mount-proc"][..], &[]] {
        let folder = Folder::new();
        let Some(mut child) = contained("hold", &folder, options) else { return };
        let client = herd::sharing(&folder.0, HOLD);
        let bucket = client.bucket();
        bucket.set_grace(Duration::from_millis(50));
        wait_until("the child takes the token", || bucket.snapshot().used_elsewhere == 1);
        let soon = Instant::now() + Duration::from_millis(400);
        assert_eq!(
            bucket.acquire(Some(soon), &mut |_| {}).unwrap_err().kind(),
            ErrorKind::Deadline
        );
        herd::end(&mut child);
        let later = Instant::now() + Duration::from_secs(20);
        assert!(bucket.acquire(Some(later), &mut |_| {}).is_ok());
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_container_with_a_clock_of_its_own_gets_an_error() {
    let _limit = Limit::start();
    let folder = Folder::new();
    let options = ["--mount-proc", "--time", "--boottime", "1000000"];
    let client = herd::sharing(&folder.0, HOLD);
    let permit = client.bucket().try_acquire().unwrap();
    let Some(mut child) = contained("hold", &folder, &options) else { return };
    // It panics, since it gets no token.
    assert!(!child.wait().unwrap().success());
    assert_eq!(
        (client.bucket().snapshot().used_elsewhere, client.bucket().snapshot().in_flight),
        (0, 1)
    );
    permit.never_sent();
    client.bucket().try_acquire().unwrap().never_sent();
}

#[test]
#[cfg(unix)]
fn the_file_is_the_users_own_and_the_key_is_nowhere() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new();
    let config = config(&folder).transport(sandbox::Heylerts::demo());
    let client = heylerts::Client::with_config("hlt_a_secret_of_mine", config).unwrap();
    client.hello().unwrap();
    let file = file_in(&folder);
    let mode = |path: &PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&folder.0), mode(&file)), (0o700, 0o600));
    let bytes = fs::read(&file).unwrap();
    for secret in ["secret_of_mine", "hlt_a_"] {
        assert!(!file.to_string_lossy().contains(secret));
        assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()));
    }
}

#[test]
fn a_damaged_file_is_an_error_of_its_own_kind_and_nothing_is_sent() {
    let folder = Folder::new();
    let service = sandbox::Heylo::demo();
    let config = config(&folder).transport(service.clone());
    let client = heylo::Client::with_config("a-key", config.clone()).unwrap();
    client.community("harbour-runners").roles().unwrap();
    fs::write(file_in(&folder), "not a file of ours").unwrap();
    let error = client.community("harbour-runners").roles().unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::SharedLimit, 0));
    assert!(error.hint().is_some() && error.to_string().contains("damaged"), "{error:?}");
    assert_eq!(service.requests().len(), 1);
    // It was written anew, and all its tokens are out for P' and the grace.
    let bucket = client.bucket();
    assert_eq!((bucket.snapshot().free, bucket.snapshot().in_flight), (0, 0));
}

#[test]
fn whoever_chose_so_goes_on_with_a_part_of_the_limit() {
    let folder = Folder::new();
    fs::create_dir_all(folder.0.join("x")).unwrap();
    let share =
        Share::file_in("/dev/null/x").if_unavailable(IfUnavailable::Proceed { fraction: 0.4 });
    let service = sandbox::Heylo::demo();
    let config =
        Config::new().share(share).transport(service.clone()).deadline(Duration::from_millis(500));
    let client = heylo::Client::with_config("a-key", config).unwrap();
    let sent = (0..5).filter(|_| client.community("harbour-runners").roles().is_ok()).count();
    assert_eq!((sent, client.bucket().snapshot().rate), (2, Rate::per_second(2)));
}

#[test]
fn a_bulk_call_ends_early_if_the_share_cannot_be_reached() {
    let folder = Folder::new();
    let service = sandbox::Heylo::demo();
    fs::write(&folder.0, "a file where a folder should be").unwrap();
    let config = config(&folder).transport(service.clone()).deadline(Duration::from_millis(100));
    let client = heylo::Client::with_config("a-key", config).unwrap();
    let removals =
        client.community("harbour-runners").remove_members(["user-1", "user-2", "user-3"]);
    let kinds: Vec<_> = removals.map(|removal| removal.result.unwrap_err().kind()).collect();
    assert_eq!((kinds, service.requests().len()), (vec![ErrorKind::SharedLimit], 0));
    fs::remove_file(&folder.0).unwrap();
}

#[test]
fn a_lock_that_is_kept_holds_nobody_up_beyond_the_deadline() {
    let _limit = Limit::start();
    let folder = Folder::new();
    let config = config(&folder).transport(sandbox::Heylo::demo());
    let client =
        heylo::Client::with_config("a-key", config.deadline(Duration::from_millis(300))).unwrap();
    let community = client.community("harbour-runners");
    community.roles().unwrap();
    let file = fs::File::open(file_in(&folder)).unwrap();
    file.lock().unwrap();
    let start = Instant::now();
    thread::scope(|scope| {
        let calls: Vec<_> =
            (0..4).map(|_| scope.spawn(|| community.roles().unwrap_err())).collect();
        for call in calls {
            assert_eq!(call.join().unwrap().kind(), ErrorKind::SharedLimit);
        }
    });
    assert!(start.elapsed() < Duration::from_secs(10));
    file.unlock().unwrap();
    community.roles().unwrap();
}

#[test]
fn a_lock_that_is_kept_holds_nobody_up_who_waits_behind_somebody_with_more_time() {
    let _limit = Limit::start();
    let folder = Folder::new();
    let client = herd::sharing(&folder.0, MANY);
    let bucket = client.bucket();
    bucket.try_acquire().unwrap().never_sent();
    let file = fs::File::open(file_in(&folder)).unwrap();
    file.lock().unwrap();
    let later = Instant::now() + Duration::from_secs(20);
    thread::scope(|scope| {
        let first = scope.spawn(|| bucket.acquire(Some(later), &mut |_| {}));
        wait_until("the first waits", || bucket.snapshot().waiting == 1);
        for time in [Duration::ZERO, Duration::from_millis(100)] {
            let soon = Instant::now() + time;
            let error = bucket.acquire(Some(soon), &mut |_| {}).unwrap_err();
            assert_eq!((error.kind(), first.is_finished()), (ErrorKind::SharedLimit, false));
            assert!(error.hint().is_some_and(|hint| hint.contains("a program that is stopped")));
        }
        file.unlock().unwrap();
        assert!(first.join().unwrap().is_ok());
    });
}

#[test]
fn a_release_that_could_not_be_written_is_written_later_even_if_nothing_else_is_sent() {
    let _limit = Limit::start();
    let folder = Folder::new();
    let client = herd::sharing(&folder.0, HOLD);
    let permit = client.bucket().try_acquire().unwrap();
    let file = fs::File::open(file_in(&folder)).unwrap();
    file.lock().unwrap();
    drop(permit);
    file.unlock().unwrap();
    wait_until("the release is written", || client.bucket().snapshot().in_flight == 0);
}

#[test]
fn a_share_makes_its_own_bucket_and_clock() {
    let folder = Folder::new();
    for config in [
        config(&folder).clock(sandbox::TestClock::new()),
        config(&folder).bucket(TokenBucket::new(MANY, heysync::SystemClock)),
        Config::new().share(
            Share::file_in(&folder.0).if_unavailable(IfUnavailable::Proceed { fraction: 1.5 }),
        ),
    ] {
        let error = heylo::Client::with_config("a-key", config).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration);
    }
}

/// A disk of 64 kilobytes, if this user may make one.
#[cfg(target_os = "linux")]
pub(crate) struct SmallDisk(pub(crate) Folder);

#[cfg(target_os = "linux")]
impl SmallDisk {
    pub(crate) fn new() -> Option<SmallDisk> {
        let folder = Folder::new();
        fs::create_dir_all(&folder.0).unwrap();
        let mut command = Command::new("mount");
        command.args(["-t", "tmpfs", "-o", "size=64k", "tmpfs"]).arg(&folder.0);
        let mounted = command.output().is_ok_and(|it| it.status.success());
        mounted.then_some(SmallDisk(folder))
    }
}

#[cfg(target_os = "linux")]
impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0.0).status();
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_disk_that_is_full_is_an_error_until_there_is_room() {
    let Some(disk) = SmallDisk::new() else {
        return println!("left out: only root can make a small disk");
    };
    let fill = disk.0.0.join("fill");
    fs::write(&fill, vec![1; 64 * 1024]).unwrap();
    let client = herd::sharing(&disk.0.0.join("share"), HOLD);
    let error = client.bucket().try_acquire().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SharedLimit);
    assert_eq!(error.hint(), Some("make room on the disk"));
    fs::remove_file(&fill).unwrap();
    client.bucket().try_acquire().unwrap().never_sent();
}
