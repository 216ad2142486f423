//! A program that greets Heylerts, prints all mentions and creates an alert, and uses each feature that is on.

use heysync::{Config, heylerts};

fn config() -> heysync::Result<Config> {
    let config = Config::new();
    #[cfg(feature = "share")]
    let config = config.share(heysync::limiter::Share::file());
    #[cfg(feature = "redis")]
    let config = config.share(heysync::limiter::Share::redis("redis://127.0.0.1"));
    #[cfg(feature = "har")]
    let config = config
        .transport(heysync::har::Recorder::create("x.har", heysync::UreqTransport::default())?);
    #[cfg(feature = "tracing")]
    let config = config.observer(heysync::TracingObserver::new());
    #[cfg(feature = "sandbox")]
    let config = config.transport(heysync::sandbox::Heylerts::demo());
    Ok(config)
}

fn main() -> heysync::Result<()> {
    let key = std::env::var("HEYLERTS_API_KEY").unwrap_or_default();
    let client = heylerts::Client::with_config(key, config()?)?;
    println!("{}", client.hello()?.ok);
    for mention in client.mentions() {
        let mention = mention?;
        println!("{} {}", mention.url, mention.title.unwrap_or_default());
    }
    println!("{}", client.create_alert(&heylerts::NewAlert::new("Our brand", "heysync"))?.id);
    #[cfg(feature = "webhook")]
    println!("{:?}", heylerts::webhook::Verifier::new("secret")?.verify(b"{}", Some("x")).is_ok());
    Ok(())
}
