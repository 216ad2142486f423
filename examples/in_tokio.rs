//! Calls from async code: several at once, with a timeout and Ctrl-C.
//!
//! ```console
//! $ cargo run --example in_tokio
//! ```
//!
//! A call blocks its thread until there is a response, and for as long as the rate limit asks it to wait. So:
//!
//! * Make each call within `tokio::task::spawn_blocking`. In an `async fn` itself it would stop all other tasks of that
//!   worker thread, and with the runtime of one thread all tasks.
//! * Take an iterator to its end, or to the end of a page, within one `spawn_blocking`. `next` makes calls.
//! * Do not hold a lock of tokio's, or one that async code waits for, while a call waits for the rate limit.
//! * A future that is dropped does not stop the thread of its `spawn_blocking`: cancel the calls by a `Cancellation`. The
//!   runtime waits for such threads when it ends.
//! * Clients can be created, cloned and dropped in async code; nothing of them blocks or needs a runtime.

use std::time::Duration;

use heysync::heylerts::{self, Sentiment};
use heysync::{CallOptions, Cancellation, Config, ErrorKind, sandbox};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let stop = Cancellation::new();
    let handle = stop.clone();
    ctrlc::set_handler(move || handle.cancel())?;

    let config = Config::new().cancellation(&stop).transport(sandbox::Heylerts::demo());
    let client = heylerts::Client::with_config("hlt_any_key", config)?;

    // One after the other or at once: they share the rate limit and the connections.
    let stats = spawn_blocking({
        let client = client.clone();
        move || client.stats()
    });
    let complaints = spawn_blocking({
        let client = client.clone();
        move || client.mentions().sentiment(Sentiment::Negative).read_all()
    });
    println!("{} mentions, {} complaints", stats.await??.total, complaints.await??.len());

    match within(Duration::from_secs(10), &client).await? {
        Ok(alerts) => println!("{alerts} alerts"),
        Err(error) if error.kind() == ErrorKind::Cancelled => println!("it took too long"),
        Err(error) => return Err(error.into()),
    }
    Ok(())
}

/// Counts the alerts. After `limit` the calls are cancelled, and not only forgotten.
async fn within(
    limit: Duration,
    client: &heylerts::Client,
) -> Result<heysync::Result<usize>, tokio::task::JoinError> {
    let stop = Cancellation::new();
    let client = client.with(CallOptions::new().cancellation(&stop));
    let mut alerts = spawn_blocking(move || Ok(client.alerts().read_all()?.len()));
    match timeout(limit, &mut alerts).await {
        Ok(outcome) => outcome,
        Err(_) => {
            stop.cancel();
            alerts.await
        }
    }
}
