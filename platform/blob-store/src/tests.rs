//! Tests of the store with real endpoints on loopback and real directories. Each test names what it shows.

mod crash;
mod exporting;
mod fetching;
mod full_disk;
mod keeping;
mod storing;

use std::net::Ipv4Addr;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use iroh::address_lookup::MemoryLookup;
use iroh::endpoint::presets;
use iroh::protocol::Router;
use iroh::{Endpoint, RelayMode};
use job_model::{BlobHash, NodeId, TaskId};
use tempfile::TempDir;

use crate::{BlobStore, Fetch, FetchError, Fetched, Pin, StoreOptions, Want};

const MIB: u64 = 1 << 20;
const BLOCK: u64 = 16 * 1024;

/// The sizes at which something changes, less one, exact, plus one: BLAKE3 chunk, tree block and inline limit, read size.
const BOUNDARY_SIZES: [u64; 12] = [
    0,
    1,
    1023,
    1024,
    1025,
    BLOCK - 1,
    BLOCK,
    BLOCK + 1,
    2 * BLOCK,
    MIB - 1,
    MIB,
    MIB + 1,
];

fn options(dir: &Path) -> StoreOptions {
    // The interval is longer than any test: collections run when a test asks for one.
    StoreOptions {
        dir: dir.to_owned(),
        quota_bytes: None,
        gc_interval: Duration::from_secs(3600),
        min_free_bytes: 0,
    }
}

async fn open(dir: &TempDir) -> BlobStore {
    BlobStore::open(options(dir.path())).await.unwrap()
}

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

/// Bytes that differ from block to block, and with the seed.
fn data(size: u64, seed: u64) -> Bytes {
    let word = |n: u64| {
        (n ^ (seed << 56))
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            .rotate_left(31)
            .to_le_bytes()
    };
    let mut bytes: Vec<u8> = (0..size.div_ceil(8)).flat_map(word).collect();
    bytes.truncate(size as usize);
    bytes.into()
}

fn task(number: u8) -> Pin {
    Pin::Task(TaskId([number; 32]))
}

/// A store that is reachable over the network.
struct Node {
    store: BlobStore,
    endpoint: Endpoint,
    router: Router,
    _dir: TempDir,
}

impl Node {
    async fn start(lookup: &MemoryLookup) -> Self {
        let dir = folder();
        let store = open(&dir).await;
        Self::serve(lookup, store, dir).await
    }

    async fn serve(lookup: &MemoryLookup, store: BlobStore, dir: TempDir) -> Self {
        let builder = Endpoint::builder(presets::Minimal)
            .relay_mode(RelayMode::Disabled)
            .clear_ip_transports();
        let builder = builder
            .bind_addr((Ipv4Addr::LOCALHOST, 0))
            .unwrap()
            .address_lookup(lookup.clone());
        let endpoint = builder.bind().await.unwrap();
        lookup.add_endpoint_info(endpoint.addr());
        let router = Router::builder(endpoint.clone())
            .accept(BlobStore::ALPN, store.protocol())
            .spawn();
        Self {
            store,
            endpoint,
            router,
            _dir: dir,
        }
    }

    fn id(&self) -> NodeId {
        NodeId(*self.endpoint.id().as_bytes())
    }

    async fn fetch(&self, hash: BlobHash, from: &[&Node], want: Want) -> Result<Fetched, FetchError> {
        let providers: Vec<NodeId> = from.iter().map(|node| node.id()).collect();
        self.store.fetch(&self.endpoint, request(hash, &providers, &want)).await
    }
}

/// A fetch without expectations, pinned for task 1.
fn request<'a>(hash: BlobHash, providers: &'a [NodeId], want: &'a Want) -> Fetch<'a> {
    const PIN: Pin = Pin::Task(TaskId([1; 32]));
    Fetch {
        hash,
        providers,
        want,
        expected_size: None,
        max_size: u64::MAX,
        pin: &PIN,
        progress: &|_| (),
    }
}
