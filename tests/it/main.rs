//! All integration tests, one binary.

mod absent;
mod crashes;
mod results;
mod sim;
mod tasks;
mod trust;
