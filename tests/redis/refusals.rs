//! A server that replies with an error: each kind has its hint, and is waited for or not.

use std::error::Error as _;
use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use heysync::{Error, ErrorKind, heylo};

use crate::fleet::{self, Meter, N};
use crate::limit::Limit;
use crate::outages::Pretender;
use crate::path::Path;
use crate::redis_server::{self, RedisServer};

const DEADLINE: Duration = Duration::from_secs(2);

/// The first bytes of a reply; a part of the message; a part of the hint; whether the call waits for its end.
type Row = (&'static str, &'static str, &'static str, bool);

const ROWS: [Row; 25] = [
    ("-READONLY You can't write against a read only replica.", "is a replica", "primary", true),
    ("-READONLY You can't write. script: a7c, on @user_script:60.", "replica", "primary", true),
    // Redis 5 and 6 put the error of a command within a script behind their own.
    (
        "-ERR Error running script (call to f_a7c): @user_script:60: @user_script: 60: -READONLY You can't write",
        "is a replica",
        "primary",
        true,
    ),
    (
        "-ERR Error running script (call to f_a7c): @user_script:60: @user_script: 60: -OOM command not allowed",
        "is out of memory",
        "maxmemory",
        true,
    ),
    (
        "-ERR Error running script (call to f_a7c): @user_script:60: @user_script: 60: -NOAUTH Authentication",
        "rejected the user or password",
        "password",
        false,
    ),
    ("-LOADING Redis is loading the dataset in memory", "is not ready", "wait until", true),
    ("-BUSY Redis is busy running a script. You can only call", "is not ready", "wait until", true),
    ("-OOM command not allowed when used memory > 'maxmemory'.", "memory", "maxmemory", true),
    ("-MISCONF Redis is configured to save RDB snapshots", "refuses writes", "its log", true),
    ("-NOREPLICAS Not enough good replicas to write.", "refuses writes", "its log", true),
    ("-MASTERDOWN Link with MASTER is down", "is not ready", "wait until", true),
    ("-CLUSTERDOWN Hash slot not served", "is not ready", "wait until", true),
    ("-TRYAGAIN Multiple keys request during rehashing", "is not ready", "wait until", true),
    ("-MOVED 3999 127.0.0.1:6381", "is part of a cluster", "cluster mode", false),
    ("-CROSSSLOT Keys in request don't hash to the same slot", "cluster", "cluster mode", false),
    ("-NOAUTH Authentication required.", "rejected the user or password", "password", false),
    ("-WRONGPASS invalid username-password pair", "rejected the user", "password", false),
    ("-ERR Protocol error: unauthenticated multibulk length", "password", "password", false),
    ("-ERR invalid password", "rejected the user or password", "password", false),
    (
        "-ERR Unknown Redis command called from script script: a7c, on @user_script:60.",
        "does not allow",
        "INFO",
        false,
    ),
    (
        "-NOPERM this user has no permissions to run the 'evalsha' command",
        "allow",
        "EVALSHA",
        false,
    ),
    ("-ERR unknown command 'EVALSHA', with args beginning with:", "allow", "EVALSHA", false),
    ("-DENIED Redis is running in protected mode", "no connections", "protected-mode", false),
    ("-ERR max number of clients reached", "too many clients", "maxclients", true),
    ("-ERR something else", "reported an error", "Redis 5", true),
];

fn call(url: &str, meter: &Meter, deadline: Duration) -> Result<(), Error> {
    let config = fleet::config("refused", url, &meter.url()).deadline(deadline);
    heylo::Client::with_config(fleet::KEY, config)?.community("abc").roles().map(drop)
}

#[test]
fn each_error_of_a_server_has_its_hint_and_is_waited_for_if_it_may_pass() {
    let _limit = Limit::start();
    let meter = Meter::start(Duration::ZERO);
    thread::scope(|scope| {
        for (reply, what, hint, waits) in ROWS {
            let meter = &meter;
            scope.spawn(move || {
                let server = Pretender::start(format!("{reply}\r\n").leak().as_bytes());
                let url = format!("redis://127.0.0.1:{}", server.port);
                let error = call(&url, meter, DEADLINE).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::SharedLimit, "{reply}: {error:?}");
                assert!(error.to_string().contains(what), "{reply}: {error}");
                assert!(error.hint().is_some_and(|it| it.contains(hint)), "{reply}: {error:?}");
                assert!(error.source().is_some(), "{reply}: {error:?}");
                assert_eq!(server.connections() + server.commands() > 2, waits, "{reply}");
            });
        }
    });
    assert_eq!(meter.counted(), 0);
}

#[test]
fn a_server_that_is_busy_with_a_script_for_a_while_is_waited_for() {
    let _limit = Limit::start();
    let Some(redis) = RedisServer::with(&["--busy-reply-threshold", "50"]) else {
        return;
    };
    let meter = Meter::start(Duration::ZERO);
    let other = "local from = redis.call('TIME')[1] while redis.call('TIME')[1] - from < 2 do end";
    thread::scope(|scope| {
        scope.spawn(|| redis.command(&["EVAL", other, "0"]));
        thread::sleep(Duration::from_millis(200));
        call(&redis.url(), &meter, Duration::from_secs(20)).unwrap();
    });
    assert_eq!(meter.counted(), 1);
}

#[test]
fn a_missing_password_and_a_cluster_fail_at_once_and_a_replica_without_its_primary_in_time() {
    let _limit = Limit::start();
    let [port, nodes] = [(); 2].map(|()| redis_server::free_port().to_string());
    let nodes = format!("heysync-nodes-{nodes}.conf");
    let its =
        ["--cluster-enabled", "yes", "--cluster-port", &port, "--cluster-config-file", &nodes];
    let (Some(locked), Some(cluster), Some(replica)) = (
        RedisServer::with(&["--requirepass", "right"]),
        RedisServer::with(&its),
        RedisServer::with(&["--replicaof", "127.0.0.1 9", "--replica-serve-stale-data", "no"]),
    ) else {
        return;
    };
    let slots: Vec<String> = (0..16384).map(|it| it.to_string()).collect();
    let slots: Vec<&str> = slots.iter().map(String::as_str).collect();
    cluster.command(&[&["CLUSTER", "ADDSLOTS"], &slots[..]].concat());
    while !cluster.command(&["CLUSTER", "INFO"]).contains("cluster_state:ok") {
        thread::sleep(Duration::from_millis(20));
    }
    let meter = Meter::start(Duration::ZERO);
    for (redis, what, waits) in [
        (&locked, "rejected the user or password", false),
        (&cluster, "is part of a cluster", false),
        (&replica, "is not ready", true),
    ] {
        let begin = Instant::now();
        let error = call(&redis.url(), &meter, DEADLINE).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::SharedLimit, "{error:?}");
        assert!(error.to_string().contains(what) && error.hint().is_some(), "{error:?}");
        assert!(waits || begin.elapsed() < DEADLINE, "{what}: {:?}", begin.elapsed());
    }
    assert_eq!(meter.counted(), 0);
    drop(cluster);
    fs::remove_file(std::env::temp_dir().join(nodes)).unwrap();
}

#[test]
fn a_lower_limit_that_a_replica_never_heard_of_is_learned_again_after_it_took_over() {
    let _limit = Limit::start();
    let (Some(mut primary), Some(replica)) = (RedisServer::start(), RedisServer::start()) else {
        return;
    };
    let path = Path::start(primary.port(), Duration::ZERO);
    let meter = Meter::start_with(Duration::ZERO, &[("x-ratelimit-limit", "3")]);
    let client = fleet::client("failover", &path.url(), &meter.url());
    let call = || drop(client.community("abc").roles().unwrap());
    call();
    assert_eq!(client.bucket().snapshot().rate.requests(), 3);
    primary.kill();
    path.switch_to(replica.port());
    (0..7).for_each(|_| call());
    assert_eq!((client.bucket().snapshot().rate.requests(), meter.refused()), (3, 0));
    assert!(meter.most() <= 3 && N > 3, "{}", meter.most());
}
