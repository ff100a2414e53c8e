//! The wire and journal encoding, as one test binary: golden bytes per version, hostile bytes, limits.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod golden_bytes;
mod hostile;
mod samples;
