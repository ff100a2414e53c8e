//! The wire and journal encoding, as one test binary: golden bytes per version, hostile bytes, limits.

mod golden_bytes;
mod hostile;
mod samples;
