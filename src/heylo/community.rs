//! One community, to which all calls of Heylo belong.

use serde_json::{Map, Value};

use super::client::Client;
use crate::error::{Error, Result};
use crate::pipeline::call::Call;
use crate::pipeline::retry::Safety;

/// A community (Heylo also says "group"), by its id.
///
/// Nothing is sent to make one, and cloning it is cheap.
///
/// # Examples
///
/// ```
/// # use heysync::{Config, heylo, sandbox};
/// # let config = Config::new().transport(sandbox::Heylo::demo()).clock(sandbox::TestClock::new());
/// # let client = heylo::Client::with_config("key", config)?;
/// let club = client.community("harbour-runners");
/// let captains = club.role("captains").members()?;
/// assert_eq!(captains, ["user-1", "user-2", "user-3", "user-4"]);
/// # Ok::<(), heysync::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Community {
    client: Client,
    id: String,
}

impl Client {
    /// Names the community with this id: `communityId`.
    ///
    /// Nothing is sent. An empty id is refused by the first call, one that Heylo does not know by Heylo.
    ///
    /// # Examples
    ///
    /// ```
    /// use heysync::ErrorKind;
    ///
    /// # use heysync::{Config, heylo, sandbox};
    /// # let config = Config::new().transport(sandbox::Heylo::demo()).clock(sandbox::TestClock::new());
    /// # let client = heylo::Client::with_config("key", config)?;
    /// let nowhere = client.community("");
    /// assert_eq!(nowhere.roles().unwrap_err().kind(), ErrorKind::InvalidInput);
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn community(&self, id: impl Into<String>) -> Community {
        Community { client: self.clone(), id: id.into() }
    }
}

impl Community {
    /// Returns its id.
    pub fn id(&self) -> &str {
        &self.id
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// Checks the ids that a call needs, by name.
    pub(crate) fn check(&self, ids: &[(&str, &str)]) -> Result<()> {
        let own = [("communityId", self.id.as_str())];
        // An empty id might be read as no filter at all. What else is no id, Heylo can tell best.
        let empty = own.iter().chain(ids).find(|(_, id)| id.trim().is_empty());
        match empty {
            Some((name, _)) => Err(Error::invalid(format!("{name} is empty"))),
            None => Ok(()),
        }
    }

    /// States a call about this community: `kind` is the `type` that selects the operation.
    pub(crate) fn call(
        &self,
        endpoint: &str,
        kind: &str,
        fields: Map<String, Value>,
    ) -> Result<Call> {
        // These two last, so that no parameter of the caller's makes it another operation or community.
        let mut body = fields;
        body.insert("type".to_owned(), kind.into());
        body.insert("communityId".to_owned(), self.id.as_str().into());
        Call::post([endpoint]).json(&body)
    }

    /// States a call that only reads, with ids that must not be empty.
    pub(crate) fn read(&self, kind: &str, ids: &[(&str, &str)]) -> Result<Call> {
        let fields = ids.iter().map(|(name, id)| ((*name).to_owned(), (*id).into())).collect();
        let call = self.call("apiv1-fetch", kind, fields)?.safety(Safety::Read);
        self.check(ids).map_err(|refused| refused.with_call(call.name()))?;
        Ok(call)
    }
}
