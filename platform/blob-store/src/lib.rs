//! Content by hash on one node: stores blobs, fetches them from peers verified and resumable, keeps what is pinned and
//! deletes the rest, within a quota.
//!
//! One [`BlobStore`] owns one directory; a second one on the same directory is refused. Handles are cheap to clone and
//! may be used from any task. Of iroh only two things show: the endpoint that a fetch dials with, and the protocol
//! handler that serves this store to peers.
//!
//! On a crash at any moment: what was pinned and complete is there again, half-fetched blobs continue, temporary files
//! are removed at the next start. Writes of the last half second may be missing unless [`BlobStore::sync`] returned.

mod claims;
mod collect;
mod dial;
mod export;
mod fetch;
mod hold;
mod import;
mod open;
mod pin;
mod read;
mod receive;
mod serve;
mod space;
mod store;
mod writer;

pub use export::ExportError;
pub use fetch::{Asked, Fetch, FetchError, Fetched, Want};
pub use import::ImportError;
pub use open::{OpenError, StoreOptions};
pub use pin::Pin;
pub use read::{BlockingReader, OpenedBlob, ReadError};
pub use serve::BlobServer;
pub use space::{SpaceError, StoredBlob};
pub use store::{BlobStore, StoreError};
pub use writer::BlobWriter;

/// Blobs up to this size live in the database instead of a file of their own.
pub(crate) const INLINE_BYTES: u64 = 16 * 1024;

#[cfg(test)]
mod tests;
