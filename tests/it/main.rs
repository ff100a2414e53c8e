//! All integration tests, one binary.

mod absent;
mod bad_input;
mod crashes;
mod dependency_table;
mod hostile;
mod network;
mod results;
mod sim;
mod tasks;
mod tidy;
mod trust;
