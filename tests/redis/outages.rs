//! Redis is away, loses its data, or refuses writes.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use heysync::limiter::{IfUnavailable, Share};
use heysync::{ErrorKind, heylo};

use crate::fleet::{self, Meter, N};
use crate::limit::Limit;
use crate::path::Path;
use crate::redis_server::RedisServer;

/// A client, its Redis and its service.
struct Journey {
    redis: RedisServer,
    meter: Meter,
    client: heylo::Client,
    _limit: Limit,
}

impl Journey {
    /// A client that has sent one request.
    fn begin() -> Option<Journey> {
        let limit = Limit::start();
        let redis = RedisServer::start()?;
        let meter = Meter::start(Duration::ZERO);
        let client = fleet::client("journey", &redis.url(), &meter.url());
        let journey = Journey { redis, meter, client, _limit: limit };
        journey.call().unwrap();
        Some(journey)
    }

    fn call(&self) -> heysync::Result<()> {
        self.client.community("abc").roles().map(drop)
    }

    /// Sends ten requests while something happens to Redis, and expects that none is refused.
    fn stays_inside_the_limit(&self, mut event: impl FnMut(&RedisServer, usize)) {
        for number in 0..10 {
            event(&self.redis, number);
            self.call().unwrap();
        }
        assert_eq!(self.meter.counted(), 11);
        assert!(self.meter.most() <= N && self.meter.refused() == 0);
    }
}

#[test]
fn a_server_that_forgets_its_scripts_gets_them_again() {
    let Some(journey) = Journey::begin() else {
        return;
    };
    journey.stays_inside_the_limit(|redis, _| {
        redis.command(&["SCRIPT", "FLUSH"]);
    });
}

#[test]
fn if_the_data_is_lost_no_window_sees_more_than_n() {
    let Some(journey) = Journey::begin() else {
        return;
    };
    journey.stays_inside_the_limit(|redis, number| {
        if number == 4 {
            redis.command(&["FLUSHALL"]);
        }
    });
}

#[test]
fn a_restart_without_the_data_is_survived_and_no_window_sees_more_than_n() {
    let Some(mut journey) = Journey::begin() else {
        return;
    };
    (0..3).for_each(|_| journey.call().unwrap());
    journey.redis.kill();
    thread::scope(|scope| {
        let waiting = scope.spawn(|| journey.client.community("abc").roles());
        thread::sleep(Duration::from_millis(300));
        journey.redis.start_again();
        waiting.join().unwrap().unwrap();
    });
    (0..6).for_each(|_| journey.call().unwrap());
    assert!(journey.meter.most() <= N && journey.meter.refused() == 0);
}

#[test]
fn while_redis_is_away_a_call_fails_with_an_error_of_its_own_kind() {
    let Some(mut journey) = Journey::begin() else {
        return;
    };
    journey.redis.kill();
    let error = journey.call().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SharedLimit);
    assert!(error.to_string().contains("Redis at 127.0.0.1"), "{error}");
    assert_eq!(journey.meter.counted(), 1);
    journey.redis.start_again();
    journey.call().unwrap();
}

#[test]
fn a_server_that_is_stopped_does_not_hold_up_a_call_beyond_its_deadline() {
    let Some(journey) = Journey::begin() else {
        return;
    };
    let config = fleet::config("hurried", &journey.redis.url(), &journey.meter.url());
    let config = config.deadline(Duration::from_millis(300));
    let hurried = heylo::Client::with_config(fleet::KEY, config).unwrap();
    journey.redis.signal("STOP");
    let begin = Instant::now();
    let error = hurried.community("abc").roles().unwrap_err();
    let took = begin.elapsed();
    journey.redis.signal("CONT");
    assert!(matches!(error.kind(), ErrorKind::SharedLimit | ErrorKind::Deadline), "{error:?}");
    // A second on top, for a machine that is busy.
    assert!(took < Duration::from_millis(1300), "{took:?}");
}

#[test]
fn a_server_that_does_not_begin_tls_holds_no_call_up() {
    let _limit = Limit::start();
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let url = format!("rediss://{}", silent.local_addr().unwrap());
    let config = fleet::config("silent", &url, "http://127.0.0.1:9");
    let client =
        heylo::Client::with_config(fleet::KEY, config.deadline(Duration::from_millis(300)))
            .unwrap();
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || sender.send(client.community("abc").roles().map(drop)));
    let error = receiver.recv_timeout(Duration::from_secs(20)).unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SharedLimit, "{error:?}");
}

#[test]
fn a_server_that_refuses_writes_gives_no_token() {
    let Some(journey) = Journey::begin() else {
        return;
    };
    journey.redis.command(&["CONFIG", "SET", "min-replicas-to-write", "1"]);
    let error = journey.call().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SharedLimit);
    assert_eq!(journey.meter.counted(), 1);
    journey.redis.command(&["CONFIG", "SET", "min-replicas-to-write", "0"]);
    journey.stays_inside_the_limit(|_, _| {});
}

#[test]
fn a_server_that_is_out_of_memory_gives_tokens_or_none_but_never_too_many() {
    let Some(journey) = Journey::begin() else {
        return;
    };
    journey.redis.command(&["CONFIG", "SET", "maxmemory", "1"]);
    journey.stays_inside_the_limit(|_, _| {});
    journey.redis.command(&["FLUSHALL"]);
    let error = journey.call().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SharedLimit);
    assert!(error.to_string().contains("is out of memory"), "{error}");
    assert_eq!(journey.meter.counted(), 11);
}

#[test]
fn a_replica_that_takes_over_gives_no_token_for_a_period() {
    let _limit = Limit::start();
    let (Some(mut primary), Some(replica)) = (RedisServer::start(), RedisServer::start()) else {
        return;
    };
    let path = Path::start(primary.port(), Duration::ZERO);
    let meter = Meter::start(Duration::ZERO);
    let client = fleet::client("failover", &path.url(), &meter.url());
    let call = || drop(client.community("abc").roles().unwrap());
    (0..2).for_each(|_| call());
    replica.command(&["REPLICAOF", "127.0.0.1", &primary.port().to_string()]);
    while !replica.command(&["INFO", "replication"]).contains("master_link_status:up") {
        thread::sleep(Duration::from_millis(20));
    }
    // From now on the replica knows of no request.
    replica.command(&["REPLICAOF", "NO", "ONE"]);
    (0..5).for_each(|_| call());
    primary.kill();
    path.switch_to(replica.port());
    (0..7).for_each(|_| call());
    assert_eq!((meter.counted(), meter.refused()), (14, 0));
    assert!(meter.most() <= N);
}

#[test]
fn a_replica_gives_no_token_until_it_is_the_primary() {
    let Some(journey) = Journey::begin() else {
        return;
    };
    let Some(primary) = RedisServer::start() else {
        return;
    };
    journey.redis.command(&["REPLICAOF", "127.0.0.1", &primary.port().to_string()]);
    let error = journey.call().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SharedLimit);
    journey.redis.command(&["REPLICAOF", "NO", "ONE"]);
    journey.stays_inside_the_limit(|_, _| {});
}

/// A server that gives the same reply to whatever it is sent.
pub(crate) struct Pretender {
    pub(crate) port: u16,
    connections: Arc<AtomicUsize>,
    commands: Arc<AtomicUsize>,
}

impl Pretender {
    pub(crate) fn start(reply: &'static [u8]) -> Pretender {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let pretender = Pretender { port, connections: Arc::default(), commands: Arc::default() };
        let [connections, commands] = [&pretender.connections, &pretender.commands].map(Arc::clone);
        thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                connections.fetch_add(1, Ordering::SeqCst);
                let commands = Arc::clone(&commands);
                thread::spawn(move || {
                    let mut bytes = [0; 16 * 1024];
                    while let Ok(1..) = stream.read(&mut bytes) {
                        commands.fetch_add(1, Ordering::SeqCst);
                        if stream.write_all(reply).is_err() {
                            break;
                        }
                    }
                });
            }
        });
        pretender
    }

    /// How many connections were made so far.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// How often it replied so far.
    pub(crate) fn commands(&self) -> usize {
        self.commands.load(Ordering::SeqCst)
    }
}

#[test]
fn a_server_that_is_no_redis_gives_no_token() {
    let _limit = Limit::start();
    let meter = Meter::start(Duration::ZERO);
    let replies: [&'static [u8]; 12] = [
        b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n",
        b"\xff\xfe\x00\r\n",
        b"+OK\r\n",
        b"$-1\r\n",
        b":1\r\n",
        b"*0\r\n",
        b"*3\r\n:1\r\n:0\r\n",
        b"*-7\r\n",
        b"$999999999999\r\n",
        b"*999999999\r\n",
        b"-ERR something else\r\n",
        b"",
    ];
    thread::scope(|scope| {
        for reply in replies {
            let meter = &meter;
            scope.spawn(move || {
                let url = format!("redis://127.0.0.1:{}", Pretender::start(reply).port);
                let config = fleet::config("deceived", &url, &meter.url());
                let config = config.deadline(Duration::from_millis(500));
                let client = heylo::Client::with_config(fleet::KEY, config).unwrap();
                let error = client.community("abc").roles().unwrap_err();
                let text = String::from_utf8_lossy(reply);
                assert_eq!(error.kind(), ErrorKind::SharedLimit, "{text}: {error:?}");
            });
        }
    });
    assert_eq!(meter.counted(), 0);
}

#[test]
fn while_redis_is_away_a_process_uses_its_fraction_of_the_limit_if_that_was_chosen() {
    let _limit = Limit::start();
    let meter = Meter::start(Duration::ZERO);
    let share = Share::redis("redis://127.0.0.1:9");
    let share = share.if_unavailable(IfUnavailable::Proceed { fraction: 0.4 });
    let config = fleet::config("alone", "", &meter.url()).share(share);
    let client = heylo::Client::with_config(fleet::KEY, config).unwrap();
    (0..5).for_each(|_| drop(client.community("abc").roles().unwrap()));
    assert_eq!((meter.counted(), meter.most(), meter.refused()), (5, 2, 0));
}

#[test]
fn a_call_that_looks_for_a_silent_redis_is_still_sent_with_its_own_share_in_time() {
    let _limit = Limit::start();
    let Some(redis) = RedisServer::start() else {
        return;
    };
    let meter = Meter::start(Duration::ZERO);
    let share = Share::redis(redis.url());
    let share = share.if_unavailable(IfUnavailable::Proceed { fraction: 0.4 });
    let call = |deadline| {
        let config = fleet::config("alone", "", &meter.url()).share(share.clone());
        let config = config.deadline(Duration::from_millis(deadline));
        heylo::Client::with_config(fleet::KEY, config).unwrap().community("abc").roles().map(drop)
    };
    redis.signal("STOP");
    call(20_000).unwrap();
    // From now on the next call looks whether Redis is back, which alone may take longer than this one.
    thread::sleep(Duration::from_millis(1100));
    call(1400).unwrap();
    assert_eq!(meter.counted(), 2);
}
