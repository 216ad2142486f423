//! Connections to a Redis server, and what its errors mean.

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::process;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use redis::{
    Client, Cmd, Connection, ConnectionAddr, ErrorKind, RedisError, ServerErrorKind, Value,
};

use crate::limiter::status::Unavailable;

/// More idle connections than this are closed.
const IDLE: usize = 8;
/// So many threads may wait for a resolver at the same time.
const RESOLVING: usize = 8;

/// A server, and the connections to it that are idle.
pub(crate) struct Connections {
    client: Client,
    /// The server's address without user and password.
    address: String,
    secret: Option<String>,
    idle: Mutex<Vec<Idle>>,
    /// How many threads connect at the moment.
    resolving: Arc<AtomicUsize>,
}

struct Idle {
    connection: Connection,
    /// A connection belongs to the process that opened it, and not to one that was forked.
    process: u32,
}

/// An error of Redis, without the password.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Reason(String);

impl Connections {
    pub(crate) fn new(client: Client, address: String, secret: Option<String>) -> Connections {
        let (idle, resolving) = (Mutex::default(), Arc::default());
        Connections { client, address, secret, idle, resolving }
    }

    /// Sends a command, and `fallback` in its place if the server does not know the script. Both take no longer than
    /// `time`.
    pub(crate) fn call(&self, commands: &[Cmd; 2], time: Duration) -> Result<Value, Unavailable> {
        let end = Instant::now() + time;
        let mut connection = self.take_idle();
        let is_idle = connection.is_some();
        let mut reply = self.try_call(&mut connection, commands, end);
        // The server may have closed an idle connection long ago.
        if is_idle && reply.as_ref().is_err_and(is_closed) {
            self.idle().clear();
            connection = None;
            reply = self.try_call(&mut connection, commands, end);
        }
        let is_whole = reply.as_ref().map_or_else(stays_whole, |_| true);
        if let Some(connection) = connection.filter(|_| is_whole) {
            self.put_back(connection);
        }
        reply.map_err(|error| self.explain(&error))
    }

    fn try_call(
        &self,
        connection: &mut Option<Connection>,
        [command, fallback]: &[Cmd; 2],
        end: Instant,
    ) -> Result<Value, RedisError> {
        let connection = match connection {
            Some(connection) => connection,
            None => connection.insert(self.connect(end)?),
        };
        match send(connection, command, end) {
            Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                send(connection, fallback, end)
            }
            reply => reply,
        }
    }

    fn connect(&self, end: Instant) -> Result<Connection, RedisError> {
        let needs_resolver = match self.client.get_connection_info().addr() {
            ConnectionAddr::Tcp(host, _) | ConnectionAddr::TcpTls { host, .. } => {
                host.parse::<IpAddr>().is_err()
            }
            _ => false,
        };
        match needs_resolver {
            true => self.connect_in_a_thread(end),
            false => self.client.get_connection_with_timeout(left(end)),
        }
    }

    /// The resolver has no timeout, and each address has the whole of it.
    fn connect_in_a_thread(&self, end: Instant) -> Result<Connection, RedisError> {
        if self.resolving.fetch_add(1, Ordering::SeqCst) >= RESOLVING {
            self.resolving.fetch_sub(1, Ordering::SeqCst);
            return Err(timed_out());
        }
        let (sender, receiver) = mpsc::channel();
        let (client, resolving) = (self.client.clone(), Arc::clone(&self.resolving));
        let connect = move || {
            // If nobody waits for it any more, it is closed.
            let _ = sender.send(client.get_connection_with_timeout(left(end)));
            resolving.fetch_sub(1, Ordering::SeqCst);
        };
        let thread = thread::Builder::new().name("heysync-redis-connect".to_owned()).spawn(connect);
        if let Err(error) = thread {
            self.resolving.fetch_sub(1, Ordering::SeqCst);
            return Err(error.into());
        }
        receiver.recv_timeout(left(end)).unwrap_or_else(|_| Err(timed_out()))
    }

    fn take_idle(&self) -> Option<Connection> {
        let mut idle = self.idle();
        let process = process::id();
        idle.retain(|it| it.process == process);
        idle.pop().map(|it| it.connection)
    }

    fn put_back(&self, connection: Connection) {
        let mut idle = self.idle();
        if idle.len() < IDLE {
            idle.push(Idle { connection, process: process::id() });
        }
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn not_a_reply(&self) -> Unavailable {
        let message = format!("the server at {} did not respond as Redis does", self.address);
        Unavailable::new(message, "check the address of Redis").retry_in(RETRY)
    }

    fn explain(&self, error: &RedisError) -> Unavailable {
        let (what, hint, is_temporary) = meaning(error);
        let message = format!("Redis at {} {what}", self.address);
        let text = error.to_string();
        let text = match self.secret.as_deref().filter(|secret| !secret.is_empty()) {
            Some(secret) => text.replace(secret, "***"),
            None => text,
        };
        let unavailable = Unavailable::new(message, hint).with_source(Reason(text));
        if is_temporary { unavailable.retry_in(RETRY) } else { unavailable }
    }
}

/// An obstacle that may pass is looked at again after so long.
pub(crate) const RETRY: Duration = Duration::from_millis(100);

fn timed_out() -> RedisError {
    io::Error::from(io::ErrorKind::TimedOut).into()
}

fn left(end: Instant) -> Duration {
    end.saturating_duration_since(Instant::now()).max(Duration::from_millis(1))
}

fn send(connection: &mut Connection, command: &Cmd, end: Instant) -> Result<Value, RedisError> {
    connection.set_write_timeout(Some(left(end)))?;
    connection.set_read_timeout(Some(left(end)))?;
    command.query(connection)
}

fn is_closed(error: &RedisError) -> bool {
    !error.is_timeout() && (error.is_io_error() || error.is_connection_dropped())
}

/// Whether the connection can be used again. After a failover, the address of the old primary may lead to the new one.
fn stays_whole(error: &RedisError) -> bool {
    let is_reply = matches!(error.kind(), ErrorKind::Server(_) | ErrorKind::Extension);
    is_reply && !matches!(code(error), Some("READONLY" | "MASTERDOWN"))
}

/// The fault of the server, the remedy, and whether the fault may end by itself.
type Meaning = (&'static str, &'static str, bool);

const REJECTED: Meaning =
    ("rejected the user or password", "check the user and password of the Redis URL", false);
const RIGHTS: Meaning = (
    "does not allow what the tokens need",
    "allow the user EVAL, EVALSHA, and what the script calls, on the keys of the prefix",
    false,
);

fn meaning(error: &RedisError) -> Meaning {
    const ADDRESS: &str = "check that Redis is running and that its address is right";
    let is_about = |what: &str| error.detail().is_some_and(|detail| detail.contains(what));
    if let Some(meaning) = code(error).and_then(meaning_of_code) {
        return meaning;
    }
    match error.kind() {
        ErrorKind::AuthenticationFailed => REJECTED,
        ErrorKind::InvalidClientConfig => ("cannot be used so", "check the Redis URL", false),
        ErrorKind::Server(_) | ErrorKind::Extension => {
            let known = MESSAGES.iter().find(|(text, _)| is_about(text));
            known.map_or(("reported an error", "Redis 5 or later is needed", true), |it| it.1)
        }
        _ if error.is_timeout() => ("did not respond in time", ADDRESS, true),
        ErrorKind::Io => ("cannot be reached", ADDRESS, true),
        _ => ("did not respond as Redis does", "check the address of Redis", true),
    }
}

/// The word with which a reply that is an error begins. Redis 5 and 6 put the error of a command within a script behind
/// their own: `ERR Error running script (call to f_…): @user_script:9: @user_script: 9: -OOM …`.
fn code(error: &RedisError) -> Option<&str> {
    let within = error.detail().and_then(|detail| detail.split_once(": -"));
    let within = within.and_then(|(_, rest)| rest.split_ascii_whitespace().next());
    within.or_else(|| error.code())
}

/// The meaning of replies that begin with `ERR`, by a part of them.
const MESSAGES: [(&str, Meaning); 6] = [
    ("user executing the script", RIGHTS),
    ("unknown command", RIGHTS),
    ("invalid password", REJECTED),
    // A long command before the password.
    ("unauthenticated", REJECTED),
    ("DB index", ("has no such database", "check the database number of the Redis URL", false)),
    ("max number of clients", ("has too many clients", "raise its maxclients", true)),
];

/// The meaning of the word with which a reply that is an error begins.
fn meaning_of_code(code: &str) -> Option<Meaning> {
    Some(match code {
        "WRONGPASS" | "NOAUTH" => REJECTED,
        "NOPERM" => RIGHTS,
        "READONLY" => ("is a replica", "use the address of the primary", true),
        "OOM" => ("is out of memory", "raise its maxmemory", true),
        "MISCONF" | "NOREPLICAS" => {
            ("refuses writes", "see its log: it cannot save or replicate its data", true)
        }
        "MOVED" | "ASK" | "CROSSSLOT" => {
            ("is part of a cluster", "use a server that is not in cluster mode", false)
        }
        "DENIED" => ("takes no connections from here", "set its password or protected-mode", false),
        "LOADING" | "MASTERDOWN" | "CLUSTERDOWN" | "TRYAGAIN" | "BUSY" => {
            ("is not ready", "wait until it is ready", true)
        }
        _ => return None,
    })
}

impl fmt::Debug for Connections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Connections").field(&self.address).finish()
    }
}
