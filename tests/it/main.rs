//! All integration tests, one binary.

mod sim;
