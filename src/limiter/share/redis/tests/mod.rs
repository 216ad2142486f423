//! Tests of the tokens in a real redis-server, in virtual time: the script reads the time from a key.

mod chaos;
mod machines;
mod many;
mod outages;
mod promise;
mod rates;
mod world;
