//! What is stored in Redis, and what is shown of its URL.

use std::error::Error;
use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use heysync::limiter::Share;
use heysync::{Config, ErrorKind, heylo};

use crate::fleet::{self, Fleet, Meter};
use crate::limit::Limit;
use crate::outages::Pretender;
use crate::redis_server::{self, RedisServer};

#[test]
fn no_api_key_is_stored_and_every_key_expires() {
    let _limit = Limit::start();
    let Some(redis) = RedisServer::start() else {
        return;
    };
    let meter = Meter::start(Duration::ZERO);
    let client = fleet::client("secrets", &redis.url(), &meter.url());
    client.community("abc").roles().unwrap();
    let keys = redis.command(&["KEYS", "*"]);
    let names: Vec<&str> = keys.lines().filter(|line| line.starts_with("heysync:")).collect();
    assert!(names.len() >= 3, "{keys}");
    for name in names {
        let left = redis.command(&["PTTL", name]);
        assert!(left.starts_with(':') && !left.starts_with(":-"), "{name}: {left}");
        assert!(!redis.command(&["DUMP", name]).contains(fleet::KEY) && !name.contains(fleet::KEY));
    }
}

#[test]
fn a_prefix_and_a_database_have_tokens_of_their_own() {
    let _limit = Limit::start();
    let Some(redis) = RedisServer::start() else {
        return;
    };
    redis.command(&["ACL", "SETUSER", "team", "on", ">pw", "~*", "+@all"]);
    let meter = Meter::start(Duration::ZERO);
    let url = format!("redis://team:pw@127.0.0.1:{}", redis.port());
    for share in [
        Share::redis(&url),
        Share::redis(&url).prefix("roster"),
        Share::redis(format!("{url}/3")).prefix("roster"),
    ] {
        let config = fleet::config("own", "", &meter.url()).share(share);
        let client = heylo::Client::with_config(fleet::KEY, config).unwrap();
        client.community("abc").roles().unwrap();
        assert_eq!(client.bucket().snapshot().used_elsewhere, 0);
    }
    let keys = redis.command(&["KEYS", "*"]);
    assert!(keys.contains("\nheysync:{") && keys.contains("\nroster:{"), "{keys}");
    assert!(redis.command(&["INFO", "keyspace"]).contains("db3:keys="));
}

/// What an error shows, with its causes.
fn whole(error: &heysync::Error) -> String {
    let mut text = format!("{error} {error:?}");
    let mut cause = error.source();
    while let Some(error) = cause {
        text += &format!(" {error} {error:?}");
        cause = error.source();
    }
    text
}

#[test]
fn a_wrong_password_fails_at_once_and_is_not_shown() {
    let _limit = Limit::start();
    let Some(redis) = RedisServer::with(&["--requirepass", "right"]) else {
        return;
    };
    let meter = Meter::start(Duration::ZERO);
    for user in [":wrong-secret", "team:wrong-secret", ":wrong%2Dsecret"] {
        let url = format!("redis://{user}@127.0.0.1:{}", redis.port());
        let client = fleet::client("wrong", &url, &meter.url());
        let error = client.community("abc").roles().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::SharedLimit);
        assert!(error.hint().is_some_and(|hint| hint.contains("password")), "{error:?}");
        assert!(error.to_string().contains(&format!("127.0.0.1:{}", redis.port())));
        for shown in [whole(&error), format!("{:?}", Share::redis(&url)), format!("{client:?}")] {
            assert!(!shown.contains("secret"), "{shown}");
        }
    }
    assert_eq!(meter.counted(), 0);
    let url = format!("redis://:right@127.0.0.1:{}/3", redis.port());
    fleet::client("right", &url, &meter.url()).community("abc").roles().unwrap();
    assert_eq!(meter.counted(), 1);
}

#[test]
fn a_database_that_is_not_there_and_missing_rights_are_named_at_once() {
    let _limit = Limit::start();
    let Some(redis) = RedisServer::start() else {
        return;
    };
    redis.command(&["ACL", "SETUSER", "u", "on", ">pw", "~heysync:*", "+eval", "+evalsha"]);
    redis.command(&["ACL", "SETUSER", "v", "on", ">pw", "~heysync:*", "+@all", "-@dangerous"]);
    let meter = Meter::start(Duration::ZERO);
    for (url, hint) in [
        (format!("redis://127.0.0.1:{}/99", redis.port()), "database"),
        (format!("redis://u:pw@127.0.0.1:{}", redis.port()), "what the script calls"),
        (format!("redis://v:pw@127.0.0.1:{}", redis.port()), "INFO"),
    ] {
        let begin = Instant::now();
        let error = fleet::client("a", &url, &meter.url()).community("abc").roles().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::SharedLimit);
        assert!(error.hint().is_some_and(|it| it.contains(hint)), "{error:?}");
        assert!(begin.elapsed() < Duration::from_secs(3), "{:?}", begin.elapsed());
    }
    assert_eq!(meter.counted(), 0);
}

#[test]
fn a_user_who_may_not_see_whether_the_server_was_started_again_gets_no_token() {
    let _limit = Limit::start();
    let meter = Meter::start(Duration::ZERO);
    let Some(redis) = RedisServer::with(&["--user", "u", "on", ">pw", "~*", "+@all", "-info"])
    else {
        return;
    };
    let url = format!("redis://u:pw@127.0.0.1:{}", redis.port());
    let error = fleet::client("u", &url, &meter.url()).community("abc").roles().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SharedLimit);
    assert!(error.hint().is_some_and(|it| it.contains("INFO")), "{error:?}");
    assert_eq!(meter.counted(), 0);
    let rights = ["~heysync:*", "+@read", "+@write", "+eval", "+evalsha", "+info", "+time"];
    redis.command(&[&["ACL", "SETUSER", "u", "reset", "on", ">pw"], &rights[..]].concat());
    fleet::client("u", &format!("{url}/0"), &meter.url()).community("abc").roles().unwrap();
    assert_eq!(meter.counted(), 1);
}

#[test]
fn a_server_that_repeats_the_password_or_a_part_of_it_does_not_make_it_shown() {
    let _limit = Limit::start();
    let meter = Meter::start(Duration::ZERO);
    let replies: [&[u8]; 2] = [
        b"-ERR no user has the password wrong-secret\r\n",
        b"-ERR unknown command 'HELLO', with args beginning with: '3' 'AUTH' 'u' 'wrong-sec' \r\n",
    ];
    for reply in replies {
        let echo = Pretender::start(reply);
        let url = format!("redis://u:wrong-secret@127.0.0.1:{}?protocol=resp3", echo.port);
        let config = fleet::config("echo", &url, &meter.url());
        let config = config.deadline(Duration::from_millis(300));
        let client = heylo::Client::with_config(fleet::KEY, config).unwrap();
        let error = client.community("abc").roles().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::SharedLimit);
        assert!(error.source().is_some() && !whole(&error).contains("sec"), "{}", whole(&error));
    }
}

#[test]
fn a_socket_and_a_connection_by_tls_work_as_well() {
    let _limit = Limit::start();
    let folder = std::env::temp_dir().join(format!("heysync-redis-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let [socket, certificate, key] =
        ["socket", "certificate.pem", "key.pem"].map(|name| folder.join(name));
    let signed = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    fs::write(&certificate, signed.cert.pem()).unwrap();
    fs::write(&key, signed.signing_key.serialize_pem()).unwrap();
    let tls_port = redis_server::free_port();
    let [socket, certificate, key] = [&socket, &certificate, &key].map(|it| it.to_str().unwrap());
    let port = tls_port.to_string();
    let tls = ["--tls-port", &port, "--tls-auth-clients", "no"];
    let files = ["--tls-cert-file", certificate, "--tls-key-file", key, "--unixsocket", socket];
    let Some(_redis) = RedisServer::with(&[&tls[..], &files].concat()) else {
        return;
    };
    for url in [format!("redis+unix://{socket}"), format!("rediss://localhost:{tls_port}/1")] {
        let meter = Meter::start(Duration::ZERO);
        let fleet = Fleet::trusting(Path::new(certificate), &url, &meter.url());
        let begin = Instant::now();
        while meter.counted() < 2 && begin.elapsed() < Duration::from_secs(20) {
            thread::sleep(Duration::from_millis(20));
        }
        drop(fleet);
        assert!(meter.counted() >= 2, "{url}");
    }
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_url_that_cannot_be_used_is_rejected_before_anything_is_sent() {
    for url in [
        "",
        "127.0.0.1",
        "http://:secret@127.0.0.1",
        "redis://:secret@",
        "redis://:secret@127.0.0.1/first",
        "redis://:secret@127.0.0.1:99999",
        "redis://:secret@127.0.0.1?protocol=9",
    ] {
        let config = Config::new().share(Share::redis(url));
        let error = heylo::Client::with_config("abc", config).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration, "{url}");
        let text = whole(&error);
        assert!(text.contains("Redis") && !text.contains("secret"), "{text}");
        assert!(error.hint().is_some_and(|hint| hint.contains("redis://user")), "{error:?}");
    }
}
