//! The thread that renews leases and reports requests again, in real time.

use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use heysync::http::{HeaderMap, StatusCode};
use heysync::limiter::{Permit, TokenBucket};

use crate::fleet::{self, Fleet, Meter, N};
use crate::limit::Limit;
use crate::path::Path;
use crate::redis_server::RedisServer;
use crate::trials::{LATE, is_well};

/// How many requests are under way according to the server: their leases are valid, and were not left to end.
const UNDER_WAY: &str = "local time = redis.call('TIME') \
                         local now = time[1] * 1000000 + time[2] + ARGV[1] * 1000 \
                         return redis.call('ZCOUNT', KEYS[1], string.format('%.0f', now), '+inf')";

/// How many tokens belong to requests that had ended by a moment.
const ENDED: &str = "return redis.call('ZCOUNT', KEYS[1], '-inf', ARGV[1])";

const GRACE: Duration = Duration::from_secs(2);

/// A server and a bucket that has been told by the service that nobody else uses the key.
struct Work {
    redis: RedisServer,
    bucket: TokenBucket,
    _limit: Limit,
}

impl Work {
    fn begin(latency: Duration) -> Option<Work> {
        let limit = Limit::start();
        let redis = RedisServer::start()?;
        let path = Path::start(redis.port(), latency);
        let bucket = fleet::client("worker", &path.url(), "http://127.0.0.1:9").bucket().clone();
        respond(take(&bucket), N - 1);
        thread::sleep(Duration::from_millis(1100));
        Some(Work { redis, bucket, _limit: limit })
    }

    /// How many tokens the server knows.
    fn tokens(&self) -> usize {
        self.key().map_or(0, |key| number(&self.redis.command(&["ZCARD", &key])))
    }

    fn under_way(&self) -> usize {
        let grace = GRACE.as_millis().to_string();
        let key = self.key().unwrap();
        number(&self.redis.command(&["EVAL", UNDER_WAY, "1", &key, &grace]))
    }

    fn key(&self) -> Option<String> {
        key(&self.redis)
    }
}

fn key(redis: &RedisServer) -> Option<String> {
    let keys = redis.command(&["KEYS", "*:tokens"]);
    keys.lines().find(|line| line.starts_with("heysync:")).map(str::to_owned)
}

/// How many requests have ended by now, as far as the server knows. A lease that is left to end does so seconds later.
fn ended(redis: &RedisServer) -> impl Fn() -> usize {
    let soon = SystemTime::now() + GRACE / 4;
    let soon = soon.duration_since(UNIX_EPOCH).unwrap().as_micros().to_string();
    let key = key(redis).unwrap();
    move || number(&redis.command(&["EVAL", ENDED, "1", &key, &soon]))
}

fn take(bucket: &TokenBucket) -> Permit {
    bucket.acquire(Some(Instant::now() + Duration::from_secs(20)), &mut |_| {}).unwrap()
}

fn respond(mut permit: Permit, remaining: usize) {
    let mut headers = HeaderMap::new();
    headers.insert("x-ratelimit-remaining", remaining.into());
    permit.responded(StatusCode::OK, &headers);
}

/// The number in a reply such as `:5`.
fn number(reply: &str) -> usize {
    reply.trim().trim_start_matches(':').parse().unwrap_or_else(|_| panic!("{reply}"))
}

fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let limit = Instant::now() + Duration::from_secs(20);
    while !is_so() {
        assert!(Instant::now() < limit, "{what}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// Whether a lease is valid at each moment of this time; `None` if it was not and this thread, too, came late.
fn is_kept(work: &Work, time: Duration) -> Option<bool> {
    let end = Instant::now() + time;
    let mut latest = Duration::ZERO;
    while Instant::now() < end {
        let begin = Instant::now();
        if work.under_way() == 0 {
            return (latest.max(begin.elapsed()) < LATE).then_some(false);
        }
        thread::sleep(Duration::from_millis(20));
        latest = latest.max(begin.elapsed());
    }
    Some(true)
}

#[test]
fn a_request_that_takes_longer_than_its_lease_keeps_its_token() {
    let Some(work) = Work::begin(Duration::ZERO) else {
        return;
    };
    let _permit = take(&work.bucket);
    assert!(is_well(|_| is_kept(&work, Duration::from_secs(3))));
}

#[test]
fn on_a_slow_way_a_request_keeps_its_token_while_many_others_are_reported() {
    let trial = |_| {
        let Some(work) = Work::begin(Duration::from_millis(300)) else {
            return Some(true);
        };
        let mut permits: Vec<Permit> = thread::scope(|scope| {
            let threads = [(); N].map(|()| scope.spawn(|| take(&work.bucket)));
            threads.map(|it| it.join().unwrap()).into()
        });
        let _permit = permits.pop();
        thread::scope(|scope| {
            for permit in permits {
                scope.spawn(|| respond(permit, 0));
            }
        });
        Some(is_kept(&work, Duration::from_secs(4))? && work.under_way() == 1)
    };
    assert!(is_well(trial));
}

#[test]
fn requests_that_were_given_up_are_reported_to_a_server_that_lost_them_again_and_again() {
    let Some(work) = Work::begin(Duration::ZERO) else {
        return;
    };
    work.bucket.set_grace(Duration::from_secs(20));
    drop([(); N].map(|()| take(&work.bucket)));
    // The last time, the worker has had nothing else to do for long.
    for pause in [0, 0, 6] {
        wait_until("the requests are reported", || work.tokens() == N);
        thread::sleep(Duration::from_secs(pause));
        work.redis.command(&["FLUSHALL"]);
    }
    wait_until("the requests are reported", || work.tokens() == N);
}

#[test]
fn a_worker_that_ended_for_want_of_work_begins_again() {
    let Some(work) = Work::begin(Duration::ZERO) else {
        return;
    };
    thread::sleep(Duration::from_secs(7));
    let _permit = take(&work.bucket);
    thread::sleep(Duration::from_secs(2));
    wait_until("the lease is renewed", || work.under_way() == 1);
}

#[test]
fn a_report_of_which_the_reply_is_lost_is_made_again() {
    let Some(work) = Work::begin(Duration::ZERO) else {
        return;
    };
    let permit = take(&work.bucket);
    work.redis.command(&["CLIENT", "KILL", "TYPE", "normal"]);
    respond(permit, N - 1);
    let ended = ended(&work.redis);
    wait_until("the end is reported", || ended() == 1);
}

#[test]
fn the_end_of_a_request_is_reported_even_if_the_process_ends_at_once() {
    let _limit = Limit::start();
    let Some(redis) = RedisServer::start() else {
        return;
    };
    let meter = Meter::start(Duration::ZERO);
    Fleet::once(&redis.url(), &meter.url());
    let ended = ended(&redis);
    wait_until("the end is reported", || ended() == 1);
}
