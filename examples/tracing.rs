//! Prints the spans of some calls against the sandbox, with a wait for the rate limit and a retry.
//!
//! ```console
//! $ cargo run --features tracing --example tracing
//! ```
//!
//! With `tracing-opentelemetry` in place of `tracing_subscriber::fmt`, the same spans go to a collector.

use std::time::Duration;

use heysync::limiter::Rate;
use heysync::sandbox::{Fault, FaultPoint, Heylerts, TestClock};
use heysync::{CallOptions, Config, TracingObserver, heylerts};
use tracing_subscriber::fmt::format::FmtSpan;

fn main() -> heysync::Result<()> {
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::DEBUG)
        .with_span_events(FmtSpan::CLOSE)
        .without_time()
        .init();

    let service = Heylerts::demo();
    let config = Config::new()
        .observer(TracingObserver::new())
        // In memory, and on a clock that waits in no time.
        .transport(service.clone())
        .clock(TestClock::new())
        .rate(Rate::per_second(2));
    let client = heylerts::Client::with_config("hlt_any_key", config)?;

    service.inject(1, Fault::BadGateway(FaultPoint::BeforeEffect));
    for alert in client.alerts().limit(1).read_all()? {
        println!("{}: {} mentions", alert.name, client.alert_stats(&alert.id)?.total);
    }

    // The rate limit does not fit this deadline, and there is no such alert.
    let quick = client.with(CallOptions::new().deadline(Duration::from_millis(1)));
    let outcomes = [quick.stats().map(drop), client.get_alert("no-such-id").map(drop)];
    outcomes.into_iter().flat_map(Result::err).for_each(|error| println!("{error}"));
    Ok(())
}
