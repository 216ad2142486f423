//! The processes that hold tokens, whether they are alive, and the clock that they all read.

use std::sync::RwLock;

use serde::{Deserialize, Serialize};

use crate::limiter::moment::Nanos;

/// A process. A later one with the same number is another one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Process {
    pub(crate) pid: u32,
    /// When it was started, in a unit of the system's; 0 if that is not known.
    started: u64,
    /// Which boot of which machine it runs in, and with which clock; 0 if that is not known.
    pub(crate) boot: u64,
    /// The set of process numbers that `pid` belongs to: a container has its own. 0 if that is not known.
    space: u64,
}

/// The set of process numbers that Linux begins with (`PROC_PID_INIT_INO`), outside of all containers.
const FIRST_SPACE: u64 = 0xEFFF_FFFC;

/// Whether a process runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Life {
    Alive,
    /// It is alive, and does nothing until somebody continues it.
    Stopped,
    Dead,
    /// It runs in another container, or another process may have its number by now.
    Unknown,
}

impl Process {
    /// Returns this process. The child of a `fork` is another one.
    pub(crate) fn current() -> Process {
        static CURRENT: RwLock<Option<Process>> = RwLock::new(None);
        Process::known_by(&CURRENT)
    }

    /// Returns this process as `known`. Threads that look at the same moment must not read it again: they may find no file
    /// descriptor left, and would seem to be another process.
    fn known_by(known: &RwLock<Option<Process>>) -> Process {
        let pid = std::process::id();
        // A lock that the child of a `fork` finds taken is never released.
        let current = known.try_read().ok().and_then(|current| *current);
        // It may have had no file descriptor left before.
        if let Some(current) = current.filter(|it| it.pid == pid && it.boot != 0) {
            return current;
        }
        let current = Process::look(pid);
        if let Ok(mut known) = known.try_write() {
            *known = Some(current);
        }
        current
    }

    /// Returns whether this process still runs, as `observer` can see it.
    pub(crate) fn life(&self, observer: &Process) -> Life {
        if self.boot != observer.boot {
            return if self.boot == 0 || observer.boot == 0 { Life::Unknown } else { Life::Dead };
        }
        if self.space != observer.space {
            return Life::Unknown;
        }
        life(self.pid, self.started)
    }

    /// Returns whether others may be unable to see this process: its numbers are those of a container, or it is not a
    /// system on which a process can be asked for by its number.
    pub(crate) fn is_contained(&self) -> bool {
        cfg!(not(unix)) || !matches!(self.space, 0 | FIRST_SPACE)
    }

    /// Returns a name that no other process of this boot has.
    pub(crate) fn name(&self) -> String {
        format!("{:x}-{}-{:x}", self.space, self.pid, self.started)
    }

    fn look(pid: u32) -> Process {
        Process { pid, started: started(pid).unwrap_or_default(), boot: boot(), space: space() }
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn life(pid: u32, started: u64) -> Life {
    match stat(pid) {
        // A process that has ended and was not waited for yet.
        Some((b'Z' | b'X' | b'x', _)) => Life::Dead,
        Some((_, other)) if started != 0 && other != started => Life::Dead,
        Some((b'T' | b't', _)) if started != 0 => Life::Stopped,
        Some(_) if started != 0 => Life::Alive,
        Some(_) => Life::Unknown,
        // It is gone, or there is no /proc.
        None => signal(pid),
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn started(pid: u32) -> Option<u64> {
    Some(stat(pid)?.1)
}

/// The state of a process, and when it was started in ticks since boot.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn stat(pid: u32) -> Option<(u8, u64)> {
    // A container may have the /proc of another one, where a number means another process.
    let shown = std::fs::read_link("/proc/self").ok()?;
    if shown.to_str()?.parse() != Ok(std::process::id()) {
        return None;
    }
    fields(&std::fs::read(format!("/proc/{pid}/stat")).ok()?)
}

/// The fields 3 and 22 of proc_pid_stat(5). The name before them is in brackets, and may have brackets and blanks in it.
///
/// If the first thread has ended and others have not, the state is that of a process that has ended: field 20 counts threads.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn fields(text: &[u8]) -> Option<(u8, u64)> {
    let after_name = text.iter().rposition(|byte| *byte == b')')? + 1;
    let fields = String::from_utf8_lossy(&text[after_name..]);
    let mut fields = fields.split_ascii_whitespace();
    let state = fields.next()?.bytes().next()?;
    let threads: u32 = fields.nth(16)?.parse().ok()?;
    let state = if state == b'Z' && threads > 1 { b'S' } else { state };
    Some((state, fields.nth(1)?.parse().ok()?))
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn boot() -> u64 {
    let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let digits: String = id.chars().filter(char::is_ascii_hexdigit).take(16).collect();
    let boot = u64::from_str_radix(&digits, 16).unwrap_or_default();
    // Some containers have a clock of their own.
    if boot == 0 { 0 } else { boot ^ namespace("time") }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn space() -> u64 {
    namespace("pid")
}

/// The number of this process's namespace of this kind; 0 if that is not known.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn namespace(kind: &str) -> u64 {
    let link = std::fs::read_link(format!("/proc/self/ns/{kind}")).unwrap_or_default();
    let digits: String = link.to_string_lossy().chars().filter(char::is_ascii_digit).collect();
    digits.parse().unwrap_or_default()
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn life(pid: u32, _: u64) -> Life {
    signal(pid)
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn started(_: u32) -> Option<u64> {
    None
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn boot() -> u64 {
    0
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn space() -> u64 {
    0
}

/// Whether there is a process with this number, which may be a later one.
#[cfg(unix)]
fn signal(pid: u32) -> Life {
    use rustix::io::Errno;
    use rustix::process::{Pid, test_kill_process};
    let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) else {
        return Life::Unknown;
    };
    match test_kill_process(pid) {
        Err(Errno::SRCH) => Life::Dead,
        _ => Life::Unknown,
    }
}

#[cfg(not(unix))]
fn signal(_: u32) -> Life {
    Life::Unknown
}

/// Returns the time since the system was booted, which all processes see alike and nobody can set.
#[cfg(unix)]
pub(crate) fn boot_clock() -> Nanos {
    use rustix::time::{ClockId, clock_gettime};
    // Unlike the other one, it goes on while the machine is asleep.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let clock = ClockId::Boottime;
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let clock = ClockId::Monotonic;
    let time = clock_gettime(clock);
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    seconds.saturating_mul(1_000_000_000).saturating_add(time.tv_nsec.unsigned_abs() as Nanos)
}

/// Returns the time of day.
pub(crate) fn time_of_day() -> Nanos {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    crate::limiter::moment::nanos(now.unwrap_or_default())
}

/// Returns the time of day: on other systems, no clock that counts from boot can be read without `unsafe`.
#[cfg(not(unix))]
pub(crate) fn boot_clock() -> Nanos {
    time_of_day()
}

#[cfg(test)]
impl Process {
    /// Another process that was never started.
    pub(crate) fn imagined(pid: u32) -> Process {
        Process { pid, boot: 1, ..Process::default() }
    }

    pub(crate) fn in_boot(self, boot: u64) -> Process {
        Process { boot, ..self }
    }

    /// The same in a container.
    pub(crate) fn contained(self) -> Process {
        Process { space: 1, ..self }
    }
}

/// Keeps the tests from starting a process until this is dropped. For a moment, a new one has the locks of all files that are
/// open here, so one that is closed meanwhile stays locked.
#[cfg(test)]
pub(crate) fn without_births() -> std::sync::MutexGuard<'static, ()> {
    static BIRTHS: std::sync::Mutex<()> = std::sync::Mutex::new(());
    BIRTHS.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[cfg(all(test, unix))]
mod tests {
    use std::process::{Child, Command, Stdio};

    use super::*;

    fn child() -> Child {
        start(Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null()))
    }

    fn start(command: &mut Command) -> Child {
        let _alone = without_births();
        command.spawn().expect("a process")
    }

    #[test]
    fn a_process_is_alive_until_it_ends_even_if_nobody_waits_for_it() {
        let mut child = child();
        let process = Process::look(child.id());
        assert_eq!(process.life(&Process::current()), Life::Alive);
        child.kill().unwrap();
        // Waiting for it removes it; before that it is a zombie.
        let limit = std::time::Instant::now() + std::time::Duration::from_secs(20);
        while process.life(&Process::current()) != Life::Dead {
            assert!(std::time::Instant::now() < limit, "it stays alive");
            std::thread::yield_now();
        }
        child.wait().unwrap();
        assert_eq!(process.life(&Process::current()), Life::Dead);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_process_whose_first_thread_has_ended_is_alive_while_another_one_runs() {
        for (threads, state) in [(1, b'Z'), (2, b'S')] {
            let numbers = "1 1 1 0 -1 4227084 68 0 0 0 0 0 0 0 20 0";
            let text = format!("9919 (a b) c) Z {numbers} {threads} 0 1597370 0 0 1");
            assert_eq!(fields(text.as_bytes()), Some((state, 1_597_370)));
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_process_is_stopped_until_it_is_continued() {
        let mut child = child();
        let process = Process::look(child.id());
        let limit = std::time::Instant::now() + std::time::Duration::from_secs(20);
        for (signal, life) in [("-STOP", Life::Stopped), ("-CONT", Life::Alive)] {
            let pid = child.id().to_string();
            let sent = start(Command::new("kill").args([signal, &pid])).wait().unwrap();
            assert!(sent.success());
            while process.life(&Process::current()) != life {
                assert!(std::time::Instant::now() < limit, "{signal} changes nothing");
                std::thread::yield_now();
            }
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }

    #[test]
    fn a_process_is_read_once_however_many_threads_look_at_the_same_moment() {
        let read = Process { started: 7, boot: 8, ..Process::look(std::process::id()) };
        let known = RwLock::new(Some(read));
        let other = known.read().expect("no panic");
        assert_eq!(Process::known_by(&known), read);
        drop(other);
        for unknown in [Process { boot: 0, ..read }, Process { pid: read.pid + 1, ..read }] {
            *known.write().expect("no panic") = Some(unknown);
            let current = Process::known_by(&known);
            assert_eq!(
                (current, *known.read().expect("no panic")),
                (Process::look(read.pid), Some(current))
            );
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_later_process_with_the_same_number_is_another_one() {
        let current = Process::current();
        let earlier = Process { started: current.started - 1, ..current };
        assert_eq!(earlier.life(&current), Life::Dead);
        assert_eq!(Process { boot: 1, ..current }.life(&current), Life::Dead);
        assert_eq!(Process { boot: 0, ..current }.life(&current), Life::Unknown);
        assert_eq!(Process { started: 0, ..current }.life(&current), Life::Unknown);
        assert_eq!(Process { space: 1, ..current }.life(&current), Life::Unknown);
    }

    #[test]
    fn the_clock_goes_on() {
        let before = boot_clock();
        assert!(before > 0 && boot_clock() >= before);
    }
}
