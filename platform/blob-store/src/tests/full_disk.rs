//! A disk that fills up in the middle. Needs a file system that can be filled, so it is not part of every run:
//! `mount -t tmpfs -o size=64m none /mnt/small && TMPDIR=/mnt/small cargo test -p blob-store -- --ignored full_disk`

use std::io::Write;
use std::path::PathBuf;
use std::sync::Mutex;

use super::*;
use crate::{ExportError, SpaceError};

/// Larger file systems are not filled by this test.
const LARGEST: u64 = 128 * MIB;

/// Takes all room that is left, and gives it back when dropped.
struct Filler(PathBuf);

impl Filler {
    fn fill(path: PathBuf) -> Self {
        let mut file = std::fs::File::create(&path).unwrap();
        while file.write_all(&[1; 4096]).is_ok() {}
        Self(path)
    }
}

impl Drop for Filler {
    fn drop(&mut self) {
        std::fs::remove_file(&self.0).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a small file system as TMPDIR"]
async fn full_disk_in_the_middle_is_named_and_work_goes_on_when_there_is_room() {
    let dir = folder();
    let stat = rustix::fs::statvfs(dir.path()).unwrap();
    assert!(
        stat.f_blocks * stat.f_frsize <= LARGEST,
        "TMPDIR is not a small file system"
    );
    let lookup = MemoryLookup::new();
    let there = Node::start(&lookup).await;
    let hash = there.store.import_bytes(data(8 * MIB, 1), &task(1)).await.unwrap();
    let here = Node::serve(&lookup, open(&dir).await, folder()).await;

    let filler = Mutex::new(None);
    let progress = |_| {
        filler
            .lock()
            .unwrap()
            .get_or_insert_with(|| Filler::fill(dir.path().join("filler")));
    };
    let (providers, want) = ([there.id()], Want::All);
    let fetch = Fetch {
        expected_size: Some(8 * MIB),
        progress: &progress,
        ..request(hash, &providers, &want)
    };
    let full = here.store.fetch(&here.endpoint, fetch).await;
    assert!(
        matches!(full, Err(FetchError::NoSpace(SpaceError::Disk { .. }))),
        "{full:?}"
    );
    let again = here.store.fetch(&here.endpoint, fetch).await;
    assert!(
        matches!(again, Err(FetchError::NoSpace(SpaceError::Disk { .. }))),
        "{again:?}"
    );
    drop(filler.lock().unwrap().take());
    here.fetch(hash, &[&there], Want::All).await.unwrap();
    assert_eq!(here.store.read(hash, 0, 8 * MIB).await.unwrap(), data(8 * MIB, 1));

    let path = dir.path().join("out");
    let filled = Filler::fill(dir.path().join("filler"));
    let full = here.store.export(hash, &path, &|_| ()).await;
    assert!(matches!(full, Err(ExportError::DiskFull { .. })), "{full:?}");
    drop(filled);
    here.store.export(hash, &path, &|_| ()).await.unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), data(8 * MIB, 1));
}
