//! Clients inside an async runtime.

#![cfg(feature = "sandbox")]
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

use std::time::Duration;

use heysync::limiter::Rate;
use heysync::sandbox::{Fault, Heylerts, serve};
use heysync::{Cancellation, Config, ErrorKind, heylerts};
use tokio::runtime::Builder;
use tokio::task::spawn_blocking;

#[allow(dead_code, reason = "the limit is only held")]
#[path = "support/limit.rs"]
mod limit;

use limit::Limit;

const AN_HOUR: Duration = Duration::from_secs(3600);

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let _limit = Limit::start();
    // One thread: whatever blocks it stops everything.
    Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
}

#[test]
fn a_client_is_created_cloned_and_dropped_in_async_code_and_calls_in_spawn_blocking() {
    let server = serve(0, Heylerts::demo()).unwrap();
    let url = server.url();
    block_on(async move {
        let client =
            heylerts::Client::with_config("hlt_key", Config::new().base_url(&url)).unwrap();
        let calls: Vec<_> = (0..4)
            .map(|_| {
                let client = client.clone();
                spawn_blocking(move || client.mentions().read_all().unwrap().len())
            })
            .collect();
        for call in calls {
            assert_eq!(call.await.unwrap(), 137);
        }
        // The last one, with its pool of open connections, is dropped on the thread of the runtime.
        drop(client);
    });
    server.stop();
}

#[test]
fn other_tasks_run_while_a_call_waits_and_a_cancellation_ends_it() {
    let service = Heylerts::demo();
    service.inject(1, Fault::RateLimited(Some("3000".to_owned())));
    let stop = Cancellation::new();
    let config = Config::new().transport(service).deadline(AN_HOUR).cancellation(&stop);
    let client = heylerts::Client::with_config("hlt_waits", config).unwrap();
    let error = block_on(async {
        let call = spawn_blocking({
            let client = client.clone();
            move || client.stats()
        });
        while client.bucket().snapshot().waiting == 0 {
            tokio::task::yield_now().await;
        }
        stop.cancel();
        call.await.unwrap().unwrap_err()
    });
    assert_eq!(error.kind(), ErrorKind::Cancelled);
}

#[test]
fn a_future_that_is_dropped_does_not_stop_its_call() {
    let stop = Cancellation::new();
    let config =
        Config::new().transport(Heylerts::demo()).deadline(24 * AN_HOUR).cancellation(&stop);
    let config = config.rate(Rate::new(1, AN_HOUR));
    let client = heylerts::Client::with_config("hlt_dropped", config).unwrap();
    client.hello().unwrap();
    block_on(async {
        let call = spawn_blocking({
            let client = client.clone();
            move || client.hello()
        });
        while client.bucket().snapshot().waiting == 0 {
            tokio::task::yield_now().await;
        }
        drop(call);
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        assert_eq!(client.bucket().snapshot().waiting, 1);
        // Otherwise the runtime would wait for it at the end.
        stop.cancel();
    });
    assert_eq!(client.bucket().snapshot().waiting, 0);
}
