//! Tokens in Redis, for several machines.
//!
//! * `place`: the server's URL, which opens a store. `connection`: connections to it, and what its errors mean.
//! * `tokens.lua`: the arithmetic, which runs in the server and on its clock. `script`: one call of it.
//! * `store`: the store. `session`: its calls. `known`: what it knows: its own `leases`, the `reports` of those that ended,
//!   and the last reply. `worker`: a thread that renews leases.

mod connection;
mod known;
mod leases;
mod place;
mod reports;
mod script;
mod session;
mod store;
#[cfg(test)]
mod tests;
mod worker;

pub(super) use place::RedisPlace;
