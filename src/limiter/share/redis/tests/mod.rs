//! Tests of the tokens in a real redis-server, in virtual time: the script reads the time from a key.

mod ahead;
mod chaos;
mod losses;
mod machines;
mod many;
mod outages;
mod promise;
mod rates;
mod service;
mod steps;
mod world;
