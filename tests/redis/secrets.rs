//! What is stored in Redis, and what is shown of its URL.

use std::error::Error;
use std::time::Duration;

use heysync::limiter::Share;
use heysync::{Config, ErrorKind, heylo};

use crate::fleet::{self, Meter};
use crate::limit::Limit;
use crate::redis_server::RedisServer;

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
    }
}
