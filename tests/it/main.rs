//! All integration tests, one binary.

mod absent;
mod crashes;
mod dependency_table;
mod results;
mod sim;
mod tasks;
mod tidy;
mod trust;
