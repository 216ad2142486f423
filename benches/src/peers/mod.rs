//! The clients that are compared: each does the same calls and decodes into types with the same fields.

mod by_heysync;
#[cfg(feature = "reqwest")]
mod by_reqwest;
mod by_ureq;

/// A client. Each method returns the number of items, so that no work can be left out.
pub(crate) trait Peer {
    fn hello(&self) -> usize;
    fn create(&self) -> usize;
    /// The first page of mentions.
    fn mentions(&self) -> usize;
    /// A page of events, in the caller's own type.
    fn events(&self) -> usize;
    /// A page of events with all their fields.
    fn whole_events(&self) -> usize;
    /// All mentions, page by page.
    fn walk(&self) -> usize;
    /// The same, four pages ahead if the client can do that.
    fn walk_ahead(&self) -> usize {
        self.walk()
    }
}

pub(crate) const HEYSYNC: &str = "heysync";
pub(crate) const PLAIN: &str = "plain ureq";

/// The peers of this build, heysync first.
pub(crate) fn names() -> Vec<&'static str> {
    let mut names = vec![HEYSYNC, PLAIN, "careful ureq"];
    if cfg!(feature = "governor") {
        names.push("ureq + governor");
    }
    if cfg!(feature = "reqwest") {
        names.push("reqwest::blocking");
    }
    names
}

pub(crate) fn by_name(name: &str, address: &str) -> Box<dyn Peer> {
    match name {
        HEYSYNC => Box::new(by_heysync::Heysync::new(address)),
        PLAIN => Box::new(by_ureq::Plain::new(address)),
        "careful ureq" => Box::new(by_ureq::Careful::new(address, false)),
        "ureq + governor" => Box::new(by_ureq::Careful::new(address, true)),
        #[cfg(feature = "reqwest")]
        "reqwest::blocking" => Box::new(by_reqwest::Reqwest::new(address)),
        _ => panic!("no peer is called {name:?}"),
    }
}
