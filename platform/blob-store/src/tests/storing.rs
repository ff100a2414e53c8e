//! Import, read, write, refuse.

use std::io::Write;

use tokio::runtime::Handle;

use super::*;
use crate::{ImportError, OpenError, ReadError, SpaceError};

#[tokio::test]
async fn every_boundary_size_reads_back_by_every_way_in() {
    let dir = folder();
    let store = open(&dir).await;
    for size in BOUNDARY_SIZES {
        let bytes = data(size, size);
        let hash = store.import_bytes(bytes.clone(), &task(1)).await.unwrap();
        assert_eq!(hash, BlobHash::of(&bytes), "{size} bytes");
        assert_eq!(store.size(hash).await, Some(size));
        assert_eq!(
            store.read(hash, 0, size + 10).await.unwrap(),
            bytes,
            "a read beyond the end gives what is there"
        );

        let other = data(size, size + 1);
        let file = dir.path().join("input");
        std::fs::write(&file, &other).unwrap();
        let (hash, imported) = store.import_file(&file, &task(1)).await.unwrap();
        assert_eq!((hash, imported), (BlobHash::of(&other), size));
        assert_eq!(store.read(hash, 0, size).await.unwrap(), other);
    }
}

#[tokio::test]
async fn reads_give_the_bytes_at_the_offset_and_refuse_what_is_beyond() {
    let dir = folder();
    let store = open(&dir).await;
    let bytes = data(3 * MIB, 1);
    let hash = store.import_bytes(bytes.clone(), &task(1)).await.unwrap();
    for (offset, len) in [(0, 1), (MIB - 1, 2), (3 * MIB - 1, 1), (3 * MIB - 1, 100), (3 * MIB, 5)] {
        let end = (offset + len).min(3 * MIB);
        assert_eq!(
            store.read(hash, offset, len).await.unwrap(),
            bytes.slice(offset as usize..end as usize)
        );
    }
    let beyond = store.read(hash, 3 * MIB + 1, 1).await;
    assert!(
        matches!(beyond, Err(ReadError::BeyondEnd { size, .. }) if size == 3 * MIB),
        "{beyond:?}"
    );
    let unknown = store.read(BlobHash([7; 32]), 0, 1).await;
    assert!(matches!(unknown, Err(ReadError::NotHere { .. })), "{unknown:?}");
    assert!(store.has_range(hash, 0, 3 * MIB).await && !store.has_range(hash, 1, 3 * MIB).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plain_thread_reads_and_writes() {
    let dir = folder();
    let store = open(&dir).await;
    for size in BOUNDARY_SIZES {
        let (bytes, store, handle) = (data(size, 9), store.clone(), Handle::current());
        let work = move || {
            let mut writer = store.writer(handle.clone(), &task(2)).unwrap();
            for piece in bytes.chunks(100_000) {
                writer.write_all(piece).unwrap();
            }
            let (hash, written) = writer.finish().unwrap();
            assert_eq!((hash, written), (BlobHash::of(&bytes), size));
            let reader = store.reader(handle);
            assert_eq!(reader.read(hash, 0, size).unwrap(), bytes);
            let mut half = vec![0; bytes.len() / 2];
            assert_eq!(reader.read_into(hash, size / 2, &mut half).unwrap(), half.len());
            assert_eq!(half, bytes[bytes.len() / 2..][..half.len()]);
        };
        std::thread::spawn(work).join().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_writer_that_is_dropped_stores_nothing() {
    let dir = folder();
    let store = open(&dir).await;
    let (other, handle) = (store.clone(), Handle::current());
    let work = move || {
        let mut writer = other.writer(handle, &task(1)).unwrap();
        writer.write_all(&data(MIB, 1)).unwrap();
    };
    std::thread::spawn(work).join().unwrap();
    // An import that comes later on the same store is done after the abandoned one was refused or still pends.
    store.import_bytes(data(10, 2), &task(1)).await.unwrap();
    assert_eq!(store.used_bytes().await, 10);
}

#[tokio::test]
async fn the_quota_refuses_with_figures_and_nothing_is_stored() {
    let dir = folder();
    let store = BlobStore::open(StoreOptions {
        quota_bytes: Some(MIB),
        ..options(dir.path())
    })
    .await
    .unwrap();
    store.import_bytes(data(MIB / 2, 1), &task(1)).await.unwrap();
    let refused = store.import_bytes(data(MIB, 2), &task(1)).await;
    let Err(ImportError::NoSpace(SpaceError::Quota { needed, used, quota })) = refused else {
        panic!("{refused:?}")
    };
    assert!(
        needed >= MIB && used == MIB / 2 && quota == MIB,
        "{needed} {used} {quota}"
    );
    let file = dir.path().join("large");
    std::fs::write(&file, data(MIB, 3)).unwrap();
    assert!(matches!(
        store.import_file(&file, &task(1)).await,
        Err(ImportError::NoSpace(_))
    ));
    assert_eq!(store.used_bytes().await, MIB / 2);
    store.unpin(&task(1)).await.unwrap();
    store.collect_garbage_now().await;
    store.import_bytes(data(MIB - 8192, 2), &task(1)).await.unwrap();
}

#[tokio::test]
async fn a_full_disk_refuses_before_the_first_byte() {
    let dir = folder();
    let full = StoreOptions {
        min_free_bytes: u64::MAX / 2,
        ..options(dir.path())
    };
    let store = BlobStore::open(full).await.unwrap();
    let refused = store.import_bytes(data(100, 1), &task(1)).await.unwrap_err();
    assert!(
        matches!(refused, ImportError::NoSpace(SpaceError::Disk { .. })),
        "{refused}"
    );
    assert!(refused.to_string().contains("the disk is full"), "{refused}");
    assert_eq!(store.used_bytes().await, 0);
}

#[tokio::test]
async fn a_missing_file_is_named() {
    let dir = folder();
    let store = open(&dir).await;
    let missing = store
        .import_file(&dir.path().join("no-such"), &task(1))
        .await
        .unwrap_err();
    assert!(
        matches!(missing, ImportError::Unreadable { .. }) && missing.to_string().contains("no-such"),
        "{missing}"
    );
    let folder = store.import_file(dir.path(), &task(1)).await.unwrap_err();
    assert!(folder.to_string().contains("no regular file"), "{folder}");
}

#[tokio::test]
async fn a_directory_is_opened_once_and_again_after_shutdown() {
    let dir = folder();
    let store = open(&dir).await;
    let hash = store.import_bytes(data(MIB, 1), &task(1)).await.unwrap();
    let second = BlobStore::open(options(dir.path())).await.unwrap_err();
    let own = format!("process {}", std::process::id());
    assert!(
        matches!(&second, OpenError::InUse { owner, .. } if *owner == own),
        "{second}"
    );
    store.shutdown().await;
    let store = open(&dir).await;
    assert_eq!(store.read(hash, 0, MIB).await.unwrap(), data(MIB, 1));
    assert_eq!(store.used_bytes().await, MIB);
    assert_eq!(store.pins().await.unwrap(), [(task(1), hash)]);
}

#[tokio::test]
async fn another_format_is_not_touched() {
    let dir = folder();
    std::fs::write(dir.path().join("VERSION"), "p2pjob blobs 99\n").unwrap();
    let other = BlobStore::open(options(dir.path())).await.unwrap_err();
    assert!(
        matches!(&other, OpenError::OtherVersion { found, .. } if found == "p2pjob blobs 99"),
        "{other}"
    );
    assert!(!dir.path().join("blobs.db").exists());

    let dir = folder();
    std::fs::write(dir.path().join("blobs.db"), "no version file beside it").unwrap();
    assert!(matches!(
        BlobStore::open(options(dir.path())).await,
        Err(OpenError::OtherVersion { .. })
    ));
}

#[tokio::test]
async fn a_damaged_database_is_an_error_not_a_crash() {
    let dir = folder();
    open(&dir).await.shutdown().await;
    std::fs::write(dir.path().join("blobs.db"), "garbage").unwrap();
    let damaged = BlobStore::open(options(dir.path())).await.unwrap_err();
    assert!(matches!(damaged, OpenError::Damaged { .. }), "{damaged}");
}

#[tokio::test]
async fn a_place_that_cannot_be_written_is_named() {
    let dir = folder();
    let file = dir.path().join("file");
    std::fs::write(&file, "in the way").unwrap();
    let refused = BlobStore::open(options(&file.join("store"))).await.unwrap_err();
    assert!(matches!(refused, OpenError::NotWritable { .. }), "{refused}");
}
