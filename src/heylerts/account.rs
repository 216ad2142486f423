//! Whose key it is.

use serde::Deserialize;

use super::client::Client;
use super::open_enum::open_enum;
use crate::error::Result;
use crate::json::null_as_default;
use crate::pipeline::call::Call;

/// What Heylerts says of a key and its account.
#[derive(Clone, Debug, Deserialize)]
#[non_exhaustive]
pub struct Hello {
    /// Whether the key works. One that does not is an error before, so this is true.
    #[serde(default, deserialize_with = "null_as_default")]
    pub ok: bool,
    /// The account.
    pub user: User,
    /// The limit of the key, as text such as `100/minute`. A [`Rate`](crate::Rate) reads it.
    pub rate_limit: Option<String>,
    /// Where the documentation is.
    pub docs_url: Option<String>,
}

/// The account that a key belongs to.
#[derive(Clone, Debug, Deserialize)]
#[non_exhaustive]
pub struct User {
    /// Its e-mail address.
    pub email: Option<String>,
    /// Its plan.
    pub plan: Plan,
}

open_enum! {
    /// A plan, which decides how many alerts there can be. The quotas are those of Heylerts' page.
    Plan {
        /// Two alerts, and no use of the API.
        Free = "free",
        /// Ten alerts.
        Starter = "starter",
        /// Fifty alerts.
        Pro = "pro",
        /// 250 alerts.
        Business = "business",
    }
}

impl Client {
    /// Tells whether the key works, and whose it is.
    ///
    /// Calls `GET /hello`. A good first call for every program: Heylerts' page asks new integrations to
    /// make it. Where it tells of a lower limit than the one that the client keeps to, the client adopts
    /// it.
    ///
    /// # Errors
    ///
    /// [`Unauthorized`](crate::ErrorKind::Unauthorized) where the key does not work,
    /// [`Forbidden`](crate::ErrorKind::Forbidden) where the plan is Free; else see
    /// [`ErrorKind`](crate::ErrorKind).
    ///
    /// # Examples
    ///
    /// ```
    /// use heysync::heylerts::Plan;
    ///
    /// # use heysync::{Config, heylerts, sandbox};
    /// # let config = Config::new().transport(sandbox::Heylerts::demo()).clock(sandbox::TestClock::new());
    /// # let client = heylerts::Client::with_config("hlt_key", config)?;
    /// let hello = client.hello()?;
    /// assert_eq!(hello.user.plan, Plan::Pro);
    /// assert_eq!(hello.rate_limit.as_deref(), Some("100/minute"));
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn hello(&self) -> Result<Hello> {
        let hello: Hello = self.send(&Call::get(["hello"]))?;
        // The limit may be another one for another plan, some day. What cannot be read changes nothing.
        let told = hello.rate_limit.as_deref().and_then(|text| text.parse().ok());
        told.into_iter().for_each(|rate| self.bucket().adopt(rate));
        Ok(hello)
    }
}
