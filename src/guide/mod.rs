//! The guide: a chapter for each task. Every program in it is compiled and run by the crate's tests.
//!
//! | you want to | chapter |
//! |---|---|
//! | make the first call | [Getting started](getting_started) |
//! | know why a program waits, bound the wait, or stop it | [Limits and waiting](limits_and_waiting) |
//! | use one key in several programs | [Sharing a key](sharing_a_key) |
//! | handle a failure | [Errors, retries and what to do](errors_and_retries) |
//! | read a long list, continue it later, or follow what is new | [Long lists, resuming, following](long_lists) |
//! | change many people at once | [Bulk changes](bulk_changes) |
//! | receive webhooks | [Webhooks](webhooks) |
//! | test a program without a network | [Testing your code](testing) |
//! | go through a proxy, trust a certificate authority, or rotate a key | [Proxies, certificates, transports](network) |
//! | show progress, see headers, write a log or traces | [Observing](observing) |
//! | call from tokio or axum | [Inside an async program](in_async) |
//! | translate a line of curl | [Coming from curl](coming_from_curl) |
//! | copy a solution | [Recipes](recipes) |
//!
//! The programs run against the sandbox (feature `sandbox`), in memory. `client` stands for your client, and `community`
//! for one of its communities.

/// Links to what features add, within this documentation.
#[cfg(all(
    feature = "redis",
    feature = "share",
    feature = "har",
    feature = "sandbox",
    feature = "tracing",
    feature = "webhook"
))]
macro_rules! links {
    () => {
        include_str!("links.md")
    };
}

/// Links to what features add, at docs.rs: this documentation does not have all of it.
#[cfg(not(all(
    feature = "redis",
    feature = "share",
    feature = "har",
    feature = "sandbox",
    feature = "tracing",
    feature = "webhook"
)))]
macro_rules! links {
    () => {
        include_str!("links_elsewhere.md")
    };
}

#[doc = include_str!("getting_started.md")]
pub mod getting_started {}

#[doc = include_str!("limits_and_waiting.md")]
pub mod limits_and_waiting {}

#[doc = include_str!("sharing_a_key.md")]
///
#[doc = links!()]
pub mod sharing_a_key {}

#[doc = include_str!("errors_and_retries.md")]
pub mod errors_and_retries {}

#[doc = include_str!("long_lists.md")]
#[doc = "```"]
#[doc = include_str!("state_file.rs")]
#[doc = "# let path = Path::new(\"/no/such/folder/of.state\");"]
#[doc = "# let failures = [format!(\"{:?}\", lock(path).unwrap_err()), format!(\"{:?}\", save(path, 1).unwrap_err())];"]
#[doc = "# assert!(failures.iter().all(|it| it.starts_with(\"/no/such/folder/of.state: \") && !it.contains(\"Os {\")));"]
#[doc = "```"]
///
/// `examples/programs/src/files.rs` has a version that also keeps the permissions of the file and follows links.
pub mod long_lists {}

#[doc = include_str!("bulk_changes.md")]
pub mod bulk_changes {}

#[doc = include_str!("webhooks.md")]
///
#[doc = links!()]
pub mod webhooks {}

#[doc = include_str!("testing.md")]
///
#[doc = links!()]
pub mod testing {}

#[doc = include_str!("network.md")]
pub mod network {}

#[doc = include_str!("observing.md")]
///
#[doc = links!()]
pub mod observing {}

#[doc = include_str!("in_async.md")]
pub mod in_async {}

#[doc = include_str!("coming_from_curl.md")]
pub mod coming_from_curl {}

#[doc = include_str!("recipes.md")]
#[doc = "```"]
// `examples/programs`, which depends on clap, compiles and tests it.
#[doc = "# #[cfg(any())] mod tool {"]
#[doc = include_str!("clap_tool.rs")]
#[doc = "# }"]
#[doc = "```"]
pub mod recipes {}
