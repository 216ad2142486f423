//! Records what a program sends and receives in a file, and plays it back without a network.
//!
//! A [`Recorder`] is a transport around another one. It writes HAR 1.2, which the developer tools of browsers show,
//! without keys, cookies and the fields that you choose. A [`Replay`] is a transport that responds from such a file, also
//! from one that a browser has exported, and rejects what is not in it.
//!
//! # Examples
//!
//! A test that is recorded once, against the sandbox or the real service, and then runs from the file:
//!
//! ```
//! use heysync::har::{Recorder, Replay};
//! use heysync::{Config, ErrorKind, heylerts};
//!
//! # let directory = std::env::temp_dir().join(format!("heysync-har-{}", std::process::id()));
//! # std::fs::create_dir_all(&directory).expect("a directory");
//! # let path = directory.join("stats.har");
//! # let transport = heysync::sandbox::Heylerts::demo();
//! // let path = "tests/stats.har";
//! // let transport = UreqTransport::default();
//! let recorder = Recorder::create(&path, transport)?.scrub("email");
//! let client = heylerts::Client::with_config("hlt_key", Config::new().transport(recorder))?;
//! let total = client.stats()?.total;
//! drop(client);
//!
//! let config = Config::new().transport(Replay::open(&path)?).retries(0);
//! let client = heylerts::Client::with_config("hlt_any_other_key", config)?;
//! assert_eq!(client.stats()?.total, total);
//! let error = client.hello().unwrap_err();
//! assert_eq!(error.kind(), ErrorKind::NotSent);
//! assert!(error.message().contains("is not in the recording"), "{error}");
//! # std::fs::remove_dir_all(directory).expect("the directory");
//! # Ok::<(), heysync::Error>(())
//! ```

mod archive;
mod recorder;
mod replay;
mod scrub;

pub use recorder::Recorder;
pub use replay::Replay;
