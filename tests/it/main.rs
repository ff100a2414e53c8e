//! All integration tests, one binary.

#![expect(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod absent;
mod accelerated;
mod access;
mod bad_input;
mod checks;
mod crashes;
mod dependency_table;
mod devices;
mod fast_floats;
mod graphql;
mod history;
mod hostile;
mod http_blobs;
mod http_events;
mod http_tasks;
mod ledger;
mod network;
mod openapi;
mod results;
mod sim;
mod tasks;
mod tidy;
mod training;
mod trust;
mod watching;
mod webhooks;
