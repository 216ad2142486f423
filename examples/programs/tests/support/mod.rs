//! Runs a program as a process against a sandbox on a loopback port.
#![allow(dead_code, clippy::unwrap_used, clippy::panic)]

use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;
use std::{env, fs, io, process, thread};

use heysync::sandbox::{Server, Services, WireResponse, serve};
use http::Request;

/// A program that runs longer hangs.
const LIMIT: Duration = Duration::from_secs(60);

/// A folder that is removed at the end.
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new(name: &str) -> Folder {
        let path = env::temp_dir().join(format!("heysync-programs-{name}-{}", process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.0.join(name)).unwrap()
    }

    pub fn write(&self, name: &str, contents: &str) {
        fs::write(self.0.join(name), contents).unwrap();
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The process id of the program that runs now. A handler waits for it, since the first request may come earlier.
#[derive(Clone, Default)]
pub struct Pid(Arc<(Mutex<Option<u32>>, Condvar)>);

impl Pid {
    fn set(&self, pid: u32) {
        *self.0.0.lock().unwrap() = Some(pid);
        self.0.1.notify_all();
    }

    /// Sends a signal to the program if it still runs.
    pub fn try_signal(&self, name: &str) {
        let pid = self.0.0.lock().unwrap();
        if let Some(pid) = *pid {
            signal(pid, name);
        }
    }

    /// Sends a signal, such as `KILL`, to the program.
    pub fn signal(&self, name: &str) {
        let pid =
            self.0.1.wait_while(self.0.0.lock().unwrap(), |pid| pid.is_none()).unwrap().unwrap();
        let sent = Command::new("kill").args(["-s", name, &pid.to_string()]).status().unwrap();
        assert!(sent.success());
    }
}

/// Both services on a loopback port, with a hook that sees the number of each request, from 0.
pub struct Service {
    pub services: Services,
    pub pid: Pid,
    server: Server,
}

impl Service {
    pub fn new(services: Services) -> Service {
        Service::with_hooks(services, |_, _| {}, |_, _| {})
    }

    /// `before` runs before a request takes effect, `after` before its response is sent.
    pub fn with_hooks(
        services: Services,
        before: impl Fn(usize, &Pid) + Send + Sync + 'static,
        after: impl Fn(usize, &Pid) + Send + Sync + 'static,
    ) -> Service {
        let (pid, count) = (Pid::default(), Mutex::new(0));
        let (inner, of_program) = (services.clone(), pid.clone());
        let handler = move |request: Request<Vec<u8>>| -> WireResponse {
            let number = {
                let mut count = count.lock().unwrap();
                *count += 1;
                *count - 1
            };
            before(number, &of_program);
            let response = inner.respond(request, LIMIT);
            after(number, &of_program);
            response
        };
        let server = serve(0, handler).unwrap();
        Service { services, pid, server }
    }

    /// Runs a program in `folder`, with keys and without a terminal.
    pub fn run(&self, program: &str, folder: &Path, arguments: &[&str]) -> Output {
        let mut command = command(program, folder);
        let url = self.server.url();
        command.envs([("HEYLO_BASE_URL", &url), ("HEYLERTS_BASE_URL", &url)]);
        command.envs([("HEYLO_API_KEY", "heylo-key"), ("HEYLERTS_API_KEY", "hlt_key")]);
        command.env("HEYLO_COMMUNITY", "harbour-runners");
        let child = command.args(arguments).spawn().unwrap();
        self.pid.set(child.id());
        let output = wait(child);
        *self.pid.0.0.lock().unwrap() = None;
        output
    }
}

/// Runs a program without keys: on its own sandbox.
pub fn run_offline(program: &str, folder: &Path, arguments: &[&str]) -> Output {
    run_offline_into(program, folder, arguments, Stdio::piped())
}

pub fn run_offline_into(program: &str, folder: &Path, arguments: &[&str], stdout: Stdio) -> Output {
    wait(command(program, folder).args(arguments).stdout(stdout).spawn().unwrap())
}

/// Runs a program whose standard output and standard error nobody reads.
pub fn run_into_closed_pipes(program: &str, folder: &Path, arguments: &[&str]) -> ExitStatus {
    let closed = || {
        let (reader, writer) = io::pipe().unwrap();
        drop(reader);
        writer
    };
    let mut command = command(program, folder);
    command.stdout(closed()).stderr(closed());
    wait(command.args(arguments).spawn().unwrap()).status
}

/// A server that runs, and is killed at the end or by the limit.
pub struct Running {
    pub child: Child,
    _limit: Sender<()>,
}

impl Running {
    pub fn signal(&self, name: &str) {
        signal(self.child.id(), name);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts a server.
pub fn start(
    program: &str,
    folder: &Path,
    arguments: &[&str],
    variables: &[(&str, &str)],
) -> Running {
    let mut command = command(program, folder);
    let child = command.args(arguments).envs(variables.iter().copied()).spawn().unwrap();
    let (limit, _) = kill_later(child.id());
    Running { child, _limit: limit }
}

fn command(program: &str, folder: &Path) -> Command {
    let path = Path::new(env!("CARGO_BIN_EXE_roster_sync")).with_file_name(program);
    let mut command = Command::new(path);
    for (name, _) in env::vars_os() {
        if name.to_string_lossy().starts_with("HEYL") {
            command.env_remove(name);
        }
    }
    command.env("XDG_STATE_HOME", folder).env("NO_PROXY", "*").current_dir(folder);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn wait(child: Child) -> Output {
    let (done, limit) = kill_later(child.id());
    let output = child.wait_with_output().unwrap();
    drop(done);
    limit.join().unwrap();
    output
}

/// Kills a process that runs too long, unless the sender is dropped before.
fn kill_later(pid: u32) -> (Sender<()>, JoinHandle<()>) {
    let (done, end) = mpsc::channel();
    let limit = thread::spawn(move || {
        if end.recv_timeout(LIMIT) == Err(RecvTimeoutError::Timeout) {
            signal(pid, "KILL");
        }
    });
    (done, limit)
}

fn signal(pid: u32, name: &str) {
    let mut kill = Command::new("kill");
    kill.args(["-s", name, &pid.to_string()]).stderr(Stdio::null()).status().unwrap();
}

pub fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}
