//! All integration tests, one binary.

#![expect(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

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
