//! What a transfer costs: CPU seconds to import, fetch over loopback (both ends, verified) and read a blob, by thread.
//!
//! `cargo run -p blob-store --example fetch_cost -- [MiB] [largest datagram in bytes] [bytes per fetch]`
//! Two stores and two endpoints in one process, each endpoint on a runtime of its own. Nothing is left on disk.

use std::collections::BTreeMap;
use std::io::Write;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use blob_store::{BlobStore, Fetch, Pin, StoreOptions, Want};
use iroh::address_lookup::MemoryLookup;
use iroh::endpoint::{MtuDiscoveryConfig, QuicTransportConfig, presets};
use iroh::protocol::Router;
use iroh::{Endpoint, RelayMode};
use job_model::NodeId;
use tokio::runtime::{Builder, Runtime};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Bytes of one read, as the sandboxes do it.
const READ_BYTES: u64 = 1 << 20;
/// Small blobs imported one after the other.
const SMALL_BLOBS: u64 = 10_000;
/// Kernel clock ticks per second, which is what /proc counts in.
const TICKS_PER_SECOND: f64 = 100.0;

/// CPU seconds of this process so far, by the beginning of the thread's name; of threads that ended, under "ended".
fn cpu() -> BTreeMap<String, f64> {
    let mut by_name = BTreeMap::new();
    let mut alive = 0.0;
    for task in std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten() {
        if let Some((name, seconds)) = std::fs::read_to_string(task.path().join("stat"))
            .ok()
            .as_deref()
            .and_then(parse)
        {
            *by_name.entry(name).or_insert(0.0) += seconds;
            alive += seconds;
        }
    }
    let total = std::fs::read_to_string("/proc/self/stat")
        .ok()
        .as_deref()
        .and_then(parse)
        .map_or(0.0, |(_, all)| all);
    by_name.insert("ended".to_owned(), total - alive);
    by_name
}

fn parse(stat: &str) -> Option<(String, f64)> {
    let (name, rest) = stat.split_once('(')?.1.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let ticks = fields.get(11)?.parse::<f64>().ok()? + fields.get(12)?.parse::<f64>().ok()?;
    let name = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '-');
    Some((name.to_owned(), ticks / TICKS_PER_SECOND))
}

fn resident_mib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM"));
    let kib = line
        .and_then(|line| line.split_whitespace().nth(1))
        .and_then(|kib| kib.parse::<f64>().ok());
    kib.unwrap_or(0.0) / 1024.0
}

fn report(what: &str, before: &BTreeMap<String, f64>, since: Instant) {
    let after = cpu();
    let spent = |name: &String| after[name] - before.get(name).copied().unwrap_or(0.0);
    let total: f64 = after.keys().map(spent).sum();
    let parts: Vec<String> = after
        .keys()
        .filter(|name| spent(name) > 0.004)
        .map(|name| format!("{name} {:.2}", spent(name)))
        .collect();
    let wall = since.elapsed().as_secs_f64();
    println!(
        "{what:<8} {total:>6.2} s CPU {wall:>6.2} s wall, peak {:>4.0} MiB [{}]",
        resident_mib(),
        parts.join(", ")
    );
}

async fn endpoint(lookup: &MemoryLookup, datagram: u16) -> Result<Endpoint, Failure> {
    let mut mtu = MtuDiscoveryConfig::default();
    mtu.upper_bound(datagram);
    let transport = QuicTransportConfig::builder().mtu_discovery_config(Some(mtu)).build();
    let endpoint = Endpoint::builder(presets::Minimal)
        .relay_mode(RelayMode::Disabled)
        .clear_ip_transports()
        .bind_addr((Ipv4Addr::LOCALHOST, 0))?
        .address_lookup(lookup.clone())
        .transport_config(transport)
        .bind()
        .await?;
    lookup.add_endpoint_info(endpoint.addr());
    Ok(endpoint)
}

fn runtime(name: &str) -> std::io::Result<Runtime> {
    Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name(name)
        .enable_all()
        .build()
}

fn options(dir: std::path::PathBuf) -> StoreOptions {
    StoreOptions {
        dir,
        quota_bytes: None,
        gc_interval: Duration::from_secs(60),
        min_free_bytes: 0,
    }
}

fn main() -> Result<(), Failure> {
    let arguments: Vec<u64> = std::env::args().skip(1).filter_map(|text| text.parse().ok()).collect();
    let size = arguments.first().copied().unwrap_or(256) << 20;
    let datagram = u16::try_from(arguments.get(1).copied().unwrap_or(1452))?;
    let piece = arguments.get(2).copied().unwrap_or(size).max(1);
    let dir = tempfile::tempdir()?;
    let (provider, receiver) = (runtime("provider")?, runtime("receiver")?);
    let lookup = MemoryLookup::new();
    let pin = Pin::Named("cost".to_owned());

    let file = dir.path().join("input");
    let mut input = std::io::BufWriter::new(std::fs::File::create(&file)?);
    for word in 0..size / 8 {
        input.write_all(&word.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes())?;
    }
    input.flush()?;
    let there = provider.block_on(BlobStore::open(options(dir.path().join("provider"))))?;
    let here = receiver.block_on(BlobStore::open(options(dir.path().join("receiver"))))?;
    let served = provider.block_on(endpoint(&lookup, datagram))?;
    let dialing = receiver.block_on(endpoint(&lookup, datagram))?;
    let _in_runtime = provider.enter();
    let router = Router::builder(served.clone())
        .accept(BlobStore::ALPN, there.protocol())
        .spawn();

    let (before, since) = (cpu(), Instant::now());
    let (hash, _) = provider.block_on(there.import_file(&file, &pin))?;
    report("import", &before, since);

    let (before, since) = (cpu(), Instant::now());
    let providers = [NodeId(*served.id().as_bytes())];
    for offset in (0..size).step_by(usize::try_from(piece)?) {
        let want = Want::Ranges(vec![(offset, piece)]);
        receiver.block_on(here.fetch(
            &dialing,
            Fetch {
                hash,
                providers: &providers,
                want: &want,
                expected_size: Some(size),
                max_size: size,
                pin: &pin,
                progress: &|_| (),
            },
        ))?;
    }
    report("fetch", &before, since);

    let (before, since) = (cpu(), Instant::now());
    let reader = here.reader(receiver.handle().clone());
    for offset in (0..size).step_by(usize::try_from(READ_BYTES)?) {
        std::hint::black_box(reader.read(hash, offset, READ_BYTES)?);
    }
    report("read", &before, since);

    let (before, since) = (cpu(), Instant::now());
    receiver.block_on(async {
        for number in 0..SMALL_BLOBS {
            let bytes = [number.to_le_bytes(); 128].concat();
            here.import_bytes(bytes.into(), &pin).await?;
        }
        Ok::<(), Failure>(())
    })?;
    report("10k 1KiB", &before, since);

    provider.block_on(router.shutdown())?;
    receiver.block_on(async { dialing.close().await });
    receiver.block_on(here.shutdown());
    Ok(())
}
