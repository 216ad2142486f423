//! Connections to a Redis server, and what its errors mean.

use std::fmt;
use std::io;
use std::mem;
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
/// So many replies at most are awaited on one connection by nobody.
const POSTED: usize = 8;
/// A reply on an idle connection is awaited for so long at least.
const IDLE_PATIENCE: Duration = Duration::from_millis(900);
/// So many threads may wait for a resolver or a socket at the same time.
const RESOLVING: usize = 8;

/// A server, and the connections to it that are idle.
pub(crate) struct Connections {
    client: Client,
    /// The server's address without user and password.
    address: String,
    secret: Option<String>,
    idle: Mutex<Vec<Idle>>,
    /// The numbers of posted commands of which the outcome is known: whether each was carried out.
    settled: Mutex<Vec<(u64, bool)>>,
    /// How many threads connect at the moment.
    resolving: Arc<AtomicUsize>,
}

struct Idle {
    connection: Connection,
    /// A connection belongs to the process that opened it, and not to one that was forked.
    process: u32,
    /// The numbers of posted commands whose replies have not been read.
    posted: Vec<u64>,
}

impl Idle {
    fn new(connection: Connection) -> Idle {
        Idle { connection, process: process::id(), posted: Vec::new() }
    }
}

/// An error of Redis, without the password.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Reason(String);

impl Connections {
    pub(crate) fn new(client: Client, address: String, secret: Option<String>) -> Connections {
        let (idle, settled, resolving) = (Mutex::default(), Mutex::default(), Arc::default());
        Connections { client, address, secret, idle, settled, resolving }
    }

    /// Sends a command, and `fallback` in its place if the server does not know the script. Both take no longer than
    /// `time`.
    pub(crate) fn call(&self, commands: &[Cmd; 2], time: Duration) -> Result<Value, Unavailable> {
        let begin = Instant::now();
        let end = begin + time;
        let idle = self.take_idle();
        let is_idle = idle.is_some();
        let first = if is_idle { longest_on_idle(time) } else { time };
        let mut reply = self.call_on(idle, commands, begin + first);
        // The server may have closed idle connections long ago, or the way to it may have forgotten them.
        if is_idle && reply.as_ref().is_err_and(is_lost) {
            self.discard_idle();
            if Instant::now() < end {
                reply = self.call_on(None, commands, end);
            }
        }
        reply.map_err(|error| self.explain(&error))
    }

    /// Sends a command on an idle connection, whose reply is read with that of the next one there: what became of
    /// it is then among [`settled`](Connections::settled), by its number. Returns false if it was not sent.
    pub(crate) fn post(&self, command: &Cmd, number: u64, time: Duration) -> bool {
        let Some(mut idle) = self.take_idle() else {
            return false;
        };
        let is_free = idle.posted.len() < POSTED;
        if is_free && write(&mut idle.connection, command, Instant::now() + time).is_err() {
            self.settle(idle.posted, false);
            return false;
        }
        idle.posted.extend(is_free.then_some(number));
        self.put_back(idle);
        is_free
    }

    /// Reads the replies to what was posted, for no longer than `time` in all.
    pub(crate) fn read_posted(&self, time: Duration) {
        let end = Instant::now() + time;
        let process = process::id();
        let is_awaited = |idle: &mut Idle| idle.process == process && !idle.posted.is_empty();
        let awaited: Vec<Idle> = self.idle().extract_if(.., is_awaited).collect();
        for mut idle in awaited {
            if self.read_replies(&mut idle, end).is_ok() {
                self.put_back(idle);
            }
        }
    }

    /// Returns the numbers of posted commands of which the outcome is known by now: whether each was carried out.
    pub(crate) fn settled(&self) -> Vec<(u64, bool)> {
        mem::take(&mut *self.settled.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn settle(&self, posted: impl IntoIterator<Item = u64>, is_done: bool) {
        let settled = posted.into_iter().map(|number| (number, is_done));
        self.settled.lock().unwrap_or_else(PoisonError::into_inner).extend(settled);
    }

    /// If the connection fails, whatever was posted on it counts as not carried out.
    fn read_replies(&self, idle: &mut Idle, end: Instant) -> Result<(), RedisError> {
        let mut posted = mem::take(&mut idle.posted).into_iter();
        while let Some(number) = posted.next() {
            let reply = read(&mut idle.connection, end);
            self.settle([number], reply.is_ok());
            if let Err(error) = reply
                && !stays_whole(&error)
            {
                self.settle(posted, false);
                return Err(error);
            }
        }
        Ok(())
    }

    /// Calls on an idle connection or a new one, which is kept if it can be used again.
    fn call_on(
        &self,
        idle: Option<Idle>,
        [command, fallback]: &[Cmd; 2],
        end: Instant,
    ) -> Result<Value, RedisError> {
        let mut idle = match idle {
            Some(idle) => idle,
            None => Idle::new(self.connect(end)?),
        };
        let reply = match self.send(&mut idle, command, end) {
            Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                self.send(&mut idle, fallback, end)
            }
            reply => reply,
        };
        if reply.as_ref().map_or_else(stays_whole, |_| true) {
            self.put_back(idle);
        }
        reply
    }

    /// Sends a command, and reads its reply behind those to what was posted before.
    fn send(&self, idle: &mut Idle, command: &Cmd, end: Instant) -> Result<Value, RedisError> {
        if let Err(error) = write(&mut idle.connection, command, end) {
            self.settle(mem::take(&mut idle.posted), false);
            return Err(error);
        }
        self.read_replies(idle, end)?;
        read(&mut idle.connection, end)
    }

    fn connect(&self, end: Instant) -> Result<Connection, RedisError> {
        let has_timeout = match self.client.get_connection_info().addr() {
            ConnectionAddr::Tcp(host, _) | ConnectionAddr::TcpTls { host, .. } => {
                host.parse::<IpAddr>().is_ok()
            }
            _ => false,
        };
        match has_timeout {
            true => self.client.get_connection_with_timeout(left(end)),
            false => self.connect_in_a_thread(end),
        }
    }

    /// The resolver has no timeout, each address has the whole of it, and a socket whose server is stopped has none.
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

    fn take_idle(&self) -> Option<Idle> {
        let mut idle = self.idle();
        let process = process::id();
        idle.retain(|it| it.process == process);
        idle.pop()
    }

    fn put_back(&self, connection: Idle) {
        let mut idle = self.idle();
        if idle.len() < IDLE {
            return idle.push(connection);
        }
        drop(idle);
        self.settle(connection.posted, false);
    }

    fn discard_idle(&self) {
        let discarded = mem::take(&mut *self.idle());
        self.settle(discarded.into_iter().flat_map(|it| it.posted), false);
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
        // A server repeats the arguments of a command that it does not know, and cuts them off.
        let text = text.split(", with args").next().unwrap_or_default();
        let text = match self.secret.as_deref().filter(|secret| !secret.is_empty()) {
            Some(secret) => text.replace(secret, "***"),
            None => text.to_owned(),
        };
        let unavailable = Unavailable::new(message, hint).with_source(Reason(text));
        if is_temporary { unavailable.retry_in(RETRY) } else { unavailable }
    }
}

/// An obstacle that may pass is looked at again after so long.
pub(crate) const RETRY: Duration = Duration::from_millis(100);

/// How much of `time` is for a connection that may lead nowhere any more. If there is enough, the rest is for a new one.
fn longest_on_idle(time: Duration) -> Duration {
    time.min(IDLE_PATIENCE.max(time * 3 / 5))
}

fn timed_out() -> RedisError {
    io::Error::from(io::ErrorKind::TimedOut).into()
}

fn left(end: Instant) -> Duration {
    end.saturating_duration_since(Instant::now()).max(Duration::from_millis(1))
}

fn write(connection: &mut Connection, command: &Cmd, end: Instant) -> Result<(), RedisError> {
    connection.set_write_timeout(Some(left(end)))?;
    // The first command on a connection by TLS waits for the handshake.
    connection.set_read_timeout(Some(left(end)))?;
    connection.send_packed_command(&command.get_packed_command())
}

fn read(connection: &mut Connection, end: Instant) -> Result<Value, RedisError> {
    connection.set_read_timeout(Some(left(end)))?;
    loop {
        match connection.recv_response()? {
            Value::Push { .. } => {}
            reply => return reply.extract_error(),
        }
    }
}

fn is_lost(error: &RedisError) -> bool {
    error.is_timeout() || error.is_io_error() || error.is_connection_dropped()
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
    "allow the user EVAL, EVALSHA, INFO, and what the script calls, on the keys of the prefix",
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
const MESSAGES: [(&str, Meaning); 7] = [
    ("user executing the script", RIGHTS),
    ("unknown command", RIGHTS),
    // One that was renamed.
    ("Unknown Redis command", RIGHTS),
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

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use redis::IntoConnectionInfo;

    use super::*;

    const TIME: Duration = Duration::from_secs(30);

    /// A server that sends each reply after so many commands, and then ends.
    fn serve(replies: &'static [(usize, &str)]) -> Connections {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let connections = connections_to(&listener);
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let (mut bytes, mut buffer) = (Vec::new(), [0; 1024]);
            for (commands, replies) in replies {
                while bytes.iter().filter(|byte| **byte == b'*').count() < *commands {
                    let length = stream.read(&mut buffer).unwrap();
                    bytes.extend_from_slice(&buffer[..length]);
                }
                stream.write_all(replies.as_bytes()).unwrap();
            }
        });
        connections
    }

    fn connections_to(listener: &TcpListener) -> Connections {
        connections(format!("redis://{}", listener.local_addr().unwrap()))
    }

    fn connections(url: String) -> Connections {
        let info = url.as_str().into_connection_info().unwrap();
        let settings = info.redis_settings().clone().set_skip_set_lib_name();
        let client = Client::open(info.set_redis_settings(settings)).unwrap();
        Connections::new(client, url, None)
    }

    fn ping() -> [Cmd; 2] {
        ["PING"; 2].map(redis::cmd)
    }

    #[test]
    fn a_command_is_sent_before_the_replies_to_what_was_posted_are_read() {
        let connections = serve(&[(1, ":1\r\n"), (3, ":2\r\n:3\r\n")]);
        assert_eq!(connections.call(&ping(), TIME).unwrap(), Value::Int(1));
        assert!(connections.post(&ping()[0], 7, TIME));
        assert_eq!(connections.call(&ping(), TIME).unwrap(), Value::Int(3));
        assert_eq!(connections.settled(), [(7, true)]);
    }

    #[test]
    fn whatever_was_posted_and_got_no_reply_counts_as_not_carried_out() {
        let connections = serve(&[(1, ":1\r\n"), (6, ":2\r\n-ERR no\r\n")]);
        connections.call(&ping(), TIME).unwrap();
        assert!((7..11).all(|number| connections.post(&ping()[0], number, TIME)));
        connections.call(&ping(), TIME).unwrap_err();
        assert_eq!(connections.settled(), [(7, true), (8, false), (9, false), (10, false)]);
    }

    #[test]
    fn connections_that_lead_nowhere_any_more_are_replaced_by_one_within_the_same_call() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let connections = connections_to(&listener);
        for _ in 0..IDLE {
            let connection = connections.connect(Instant::now() + TIME).unwrap();
            connections.put_back(Idle::new(connection));
        }
        let replying = thread::spawn(move || {
            let silent = [(); IDLE].map(|()| listener.accept().unwrap());
            let (mut stream, _) = listener.accept().unwrap();
            stream.write_all(b":1\r\n").unwrap();
            (silent, stream)
        });
        assert_eq!(connections.call(&ping(), TIME / 10).unwrap(), Value::Int(1));
        assert_eq!(connections.idle().len(), 1);
        replying.join().unwrap();
    }

    #[test]
    fn a_slow_server_has_the_whole_of_a_short_time_and_most_of_a_long_one() {
        for (time, expected) in [(50, 50), (900, 900), (1000, 900), (1500, 900), (10_000, 6000)] {
            let time = Duration::from_millis(time);
            assert_eq!(longest_on_idle(time), Duration::from_millis(expected));
        }
    }

    #[test]
    fn only_a_few_replies_are_left_unread() {
        let connections = serve(&[(1, ":1\r\n"), (100, "")]);
        connections.call(&ping(), TIME).unwrap();
        let posted = (0..100).filter(|number| connections.post(&ping()[0], *number, TIME));
        assert_eq!(posted.count(), POSTED);
        assert_eq!(connections.settled(), []);
    }

    #[test]
    fn a_connection_that_is_not_kept_leaves_nothing_open_of_what_was_posted_on_it() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let connections = connections_to(&listener);
        for number in 0..=IDLE as u64 {
            let connection = connections.connect(Instant::now() + TIME).unwrap();
            connections.put_back(Idle { posted: vec![number], ..Idle::new(connection) });
        }
        assert_eq!(connections.settled(), [(IDLE as u64, false)]);
        connections.discard_idle();
        assert_eq!(connections.settled().len(), IDLE);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_socket_whose_server_accepts_no_connection_holds_nobody_up() {
        use std::os::unix::net::{UnixListener, UnixStream};

        let path = std::env::temp_dir().join(format!("heysync-full-{}", process::id()));
        let listener = UnixListener::bind(&path).unwrap();
        let most = std::fs::read_to_string("/proc/sys/net/core/somaxconn").unwrap();
        // Also those that were closed wait to be accepted.
        for _ in 0..=most.trim().parse().unwrap() {
            UnixStream::connect(&path).unwrap();
        }
        let connections = connections(format!("redis+unix://{}", path.display()));
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || sender.send(connections.call(&ping(), RETRY / 2)));
        let reply = receiver.recv_timeout(TIME);
        drop(listener);
        std::fs::remove_file(path).unwrap();
        assert!(reply.unwrap().is_err());
    }
}
