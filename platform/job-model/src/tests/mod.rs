//! Unit tests of the vocabulary. Encodings are tested in `tests/wire.rs`.

mod chunk;
mod errors;
mod float;
mod ids;
mod manifest;
mod metric;
mod money;
mod outcome;
mod quote;
mod sign;
mod task;
