//! One community, to which all calls of Heylo belong.

use serde_json::{Map, Value};

use super::client::Client;
use crate::pipeline::call::Call;
use crate::pipeline::retry::Safety;

/// A community, by its id. Heylo also calls it a group.
///
/// Nothing is sent to make one, and cloning it is cheap.
///
/// # Examples
///
/// ```
/// # use heysync::{Config, heylo, sandbox};
/// # let config = Config::new().transport(sandbox::Heylo::demo()).clock(sandbox::TestClock::new());
/// # let client = heylo::Client::with_config("key", config)?;
/// let community = client.community("harbour-runners");
/// let captains = community.role("captains").members()?;
/// assert_eq!(captains, ["user-1", "user-2", "user-3", "user-4"]);
/// # Ok::<(), heysync::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Community {
    client: Client,
    id: String,
}

impl Client {
    /// Returns a handle for the community with this id: `communityId`.
    ///
    /// Nothing is sent. An empty id is rejected by the first call, one that Heylo does not know by Heylo.
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
    pub fn community(&self, id: impl AsRef<str>) -> Community {
        Community { client: self.clone(), id: id.as_ref().to_owned() }
    }
}

impl Community {
    /// Returns the id of the community.
    pub fn id(&self) -> &str {
        &self.id
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// Builds a call about this community; `kind` is the `type` that selects the operation, and an empty id is
    /// rejected. Every other id is for Heylo to judge.
    pub(crate) fn call(
        &self,
        endpoint: &str,
        kind: &str,
        ids: &[(&str, &str)],
        fields: Map<String, Value>,
    ) -> Call {
        let mut body = fields;
        body.extend(ids.iter().map(|(name, id)| ((*name).to_owned(), (*id).into())));
        // These two last, so that no parameter of a caller selects another operation or community.
        body.insert("type".to_owned(), kind.into());
        body.insert("communityId".to_owned(), self.id.as_str().into());
        let call = Call::post([endpoint]).json(&body).require("communityId", &self.id);
        ids.iter().fold(call, |call, (name, id)| call.require(name, id))
    }

    /// Builds a call that only reads.
    pub(crate) fn read(&self, kind: &str, ids: &[(&str, &str)]) -> Call {
        self.call("apiv1-fetch", kind, ids, Map::new()).safety(Safety::Read)
    }
}
