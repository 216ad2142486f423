//! A real redis-server on a port of its own, without persistence, that ends with the test.

use std::fs;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Once;
use std::thread;
use std::time::{Duration, Instant};

/// If this is set, a missing redis-server is a failure.
const REQUIRED: &str = "HEYSYNC_REQUIRE_REDIS";

/// A running server. It is killed when this is dropped.
#[derive(Debug)]
pub(crate) struct RedisServer {
    port: u16,
    arguments: Vec<String>,
    process: Child,
}

impl RedisServer {
    /// Starts a server; `None`, with a message on the standard error, on a machine that has none.
    pub(crate) fn start() -> Option<RedisServer> {
        RedisServer::with(&[])
    }

    /// Starts a server with these arguments.
    pub(crate) fn with(arguments: &[&str]) -> Option<RedisServer> {
        let arguments: Vec<String> = arguments.iter().map(|&it| it.to_owned()).collect();
        // Another process may take the port before the server does.
        for _ in 0..5 {
            let port = free_port();
            let process = match spawn(port, &arguments) {
                Ok(process) => process,
                Err(error) if error.kind() == ErrorKind::NotFound => return left_out(),
                Err(error) => panic!("redis-server does not start: {error}"),
            };
            let mut server = RedisServer { port, arguments: arguments.clone(), process };
            if server.is_ready() {
                return Some(server);
            }
        }
        panic!("redis-server does not answer");
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Ends the server as a crash does: its data is lost.
    pub(crate) fn kill(&mut self) {
        self.process.kill().expect("a running server");
        self.process.wait().expect("an end");
    }

    /// Starts the server again, on the same port and with the same arguments.
    pub(crate) fn start_again(&mut self) {
        let end = Instant::now() + Duration::from_secs(10);
        loop {
            self.process = spawn(self.port, &self.arguments).expect("a server");
            if self.is_ready() {
                return;
            }
            assert!(Instant::now() < end, "redis-server does not start again");
        }
    }

    /// Sends one command, as words, and returns the first bytes of the reply.
    pub(crate) fn command(&self, words: &[&str]) -> String {
        self.try_command(words).expect("a reply of the server")
    }

    /// Another process may have the port, and close the connection.
    fn try_command(&self, words: &[&str]) -> io::Result<String> {
        let mut socket = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port))?;
        let mut bytes = format!("*{}\r\n", words.len());
        for word in words {
            bytes += &format!("${}\r\n{word}\r\n", word.len());
        }
        socket.write_all(bytes.as_bytes())?;
        let mut reply = vec![0; 64 * 1024];
        let length = socket.read(&mut reply)?;
        Ok(String::from_utf8_lossy(&reply[..length]).into_owned())
    }

    /// Sends a signal, such as `STOP` and `CONT`.
    pub(crate) fn signal(&self, name: &str) {
        let id = self.process.id().to_string();
        let status = Command::new("kill").args([&format!("-{name}"), &id]).status();
        assert!(status.expect("the program kill").success());
    }

    fn is_ready(&mut self) -> bool {
        let end = Instant::now() + Duration::from_secs(10);
        let id = format!("process_id:{}\r", self.process.id());
        while Instant::now() < end && matches!(self.process.try_wait(), Ok(None)) {
            // The server of another test may have the port. With a password the reply is NOAUTH.
            let shows = |section, what: &str| {
                let reply = self.try_command(&["INFO", section]);
                reply.is_ok_and(|it| it.contains(what) || it.starts_with("-NOAUTH"))
            };
            if shows("server", &id) && shows("persistence", "\nloading:0") {
                return true;
            }
            thread::sleep(Duration::from_millis(5));
        }
        false
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        // A replica has written what it got from its primary.
        let _ = fs::remove_file(std::env::temp_dir().join(data_file(&self.port.to_string())));
    }
}

/// A server reads and writes no data of another one.
fn data_file(port: &str) -> String {
    format!("heysync-redis-{port}.rdb")
}

fn left_out() -> Option<RedisServer> {
    assert!(
        std::env::var_os(REQUIRED).is_none(),
        "{REQUIRED} is set, and there is no redis-server"
    );
    // A test program shows what is printed only if a test fails, but not what is written.
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let message =
            "left out: tests that need a redis-server, which this machine does not have\n";
        let _ = std::io::stderr().write_all(message.as_bytes());
    });
    None
}

/// A port that nobody uses now.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("an address").port()
}

fn spawn(port: u16, arguments: &[String]) -> std::io::Result<Child> {
    let port = port.to_string();
    let own = ["--port", &port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"];
    let data = ["--dbfilename", &data_file(&port)];
    let folder = std::env::temp_dir();
    Command::new("redis-server")
        .args(own)
        .args(data)
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
}
