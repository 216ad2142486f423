use std::process::ExitCode;

use clap::Parser;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use heysync::heylerts::{self, Sentiment, Source};
use heysync::{Result, Timestamp};

/// Prints the addresses of mentions
#[derive(Parser)]
struct Options {
    /// The sentiment
    #[arg(long, value_parser = sentiments())]
    sentiment: Option<Sentiment>,
    /// The source
    #[arg(long)]
    source: Option<Source>,
    /// The first day or moment, such as 2026-05-08 or 2026-05-08T09:00:00+02:00
    #[arg(long)]
    since: Option<Timestamp>,
    /// The most mentions to print
    #[arg(long, default_value_t = 20)]
    limit: u64,
}

/// Shows the sentiments in the help and in the completions of a shell.
fn sentiments() -> impl TypedValueParser<Value = Sentiment> {
    let names = Sentiment::KNOWN.iter().map(Sentiment::as_str);
    PossibleValuesParser::new(names).try_map(|name| name.parse())
}

fn addresses(client: &heylerts::Client, options: &Options) -> Result<Vec<String>> {
    let mut mentions = client.mentions().limit(options.limit);
    if let Some(sentiment) = &options.sentiment {
        mentions = mentions.sentiment(sentiment);
    }
    if let Some(source) = &options.source {
        mentions = mentions.source(source);
    }
    if let Some(since) = options.since {
        mentions = mentions.since(since);
    }
    mentions.map(|mention| Ok(mention?.url)).collect()
}

fn main() -> ExitCode {
    let options = Options::parse(); // prints the help or what is wrong, and exits
    let outcome = heylerts::Client::from_env().and_then(|client| addresses(&client, &options));
    match outcome {
        Ok(addresses) => {
            addresses.iter().for_each(|address| println!("{address}"));
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("Error: {}", error.report());
            ExitCode::from(error.exit_code())
        }
    }
}

#[cfg(test)]
mod tests {
    use heysync::{Config, sandbox};

    use super::*;

    #[test]
    fn the_latest_complaints_are_printed() {
        let service = sandbox::Heylerts::demo();
        let config = Config::new().transport(service.clone()).clock(sandbox::TestClock::new());
        let client = heylerts::Client::with_config("hlt_test", config).expect("a client");
        let words = ["tool", "--sentiment", "negative", "--since", "2026-05-01", "--limit", "5"];
        let options = Options::try_parse_from(words).expect("options");
        assert_eq!(addresses(&client, &options).expect("mentions").len(), 5);
        assert!(service.requests()[0].query.contains("sentiment=negative"));
    }

    #[test]
    fn a_misspelled_value_is_an_error_that_lists_the_others() {
        for words in [["tool", "--sentiment", "negatve"], ["tool", "--source", "redit"]] {
            let error = Options::try_parse_from(words).err().expect("an error").to_string();
            assert!(error.contains("negative") || error.contains("hackernews"), "{error}");
        }
    }
}
