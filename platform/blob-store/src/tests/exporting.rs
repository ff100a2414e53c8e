//! Export: complete, continued, verified.

use super::*;
use crate::ExportError;

#[tokio::test]
async fn every_boundary_size_is_exported_over_whatever_is_there() {
    let dir = folder();
    let store = open(&dir).await;
    let path = dir.path().join("out");
    for size in BOUNDARY_SIZES {
        let hash = store.import_bytes(data(size, 1), &task(1)).await.unwrap();
        assert_eq!(store.export(hash, &path, &|_| ()).await.unwrap(), size);
        assert_eq!(std::fs::read(&path).unwrap(), data(size, 1), "{size} bytes");
        assert!(!dir.path().join("out.part").exists());
    }
}

#[tokio::test]
async fn a_part_is_continued_if_it_agrees_and_replaced_where_it_does_not() {
    let dir = folder();
    let store = open(&dir).await;
    let bytes = data(2 * MIB, 1);
    let hash = store.import_bytes(bytes.clone(), &task(1)).await.unwrap();
    let (path, part) = (dir.path().join("out"), dir.path().join("out.part"));
    let right_half = bytes[..MIB as usize + 77].to_vec();
    let mut wrong_byte = right_half.clone();
    wrong_byte[300_000] ^= 1;
    let too_long = [&bytes[..], &[1, 2, 3]].concat();
    for (name, old) in [
        ("right", right_half),
        ("wrong", wrong_byte),
        ("too long", too_long),
        ("empty", Vec::new()),
    ] {
        std::fs::write(&part, old).unwrap();
        assert_eq!(store.export(hash, &path, &|_| ()).await.unwrap(), 2 * MIB);
        assert_eq!(std::fs::read(&path).unwrap(), bytes, "{name} part");
        std::fs::remove_file(&path).unwrap();
    }
}

#[tokio::test]
async fn a_part_that_agrees_is_not_written_again() {
    let dir = folder();
    let store = open(&dir).await;
    let hash = store.import_bytes(data(2 * MIB, 1), &task(1)).await.unwrap();
    let (path, part) = (dir.path().join("out"), dir.path().join("out.part"));
    std::fs::write(&part, data(2 * MIB, 1)).unwrap();
    let old = std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    std::fs::File::options()
        .write(true)
        .open(&part)
        .unwrap()
        .set_modified(old)
        .unwrap();
    store.export(hash, &path, &|_| ()).await.unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), data(2 * MIB, 1));
    assert_eq!(std::fs::metadata(&path).unwrap().modified().unwrap(), old);
}

#[tokio::test]
async fn a_changed_file_is_found_and_nothing_takes_the_target_s_name() {
    let dir = folder();
    let store = open(&dir).await;
    let bytes = data(2 * MIB, 1);
    let hash = store.import_bytes(bytes.clone(), &task(1)).await.unwrap();
    let file = dir.path().join("data").join(format!("{hash}.data"));
    let mut changed = bytes.to_vec();
    changed[MIB as usize + 5] ^= 1;
    std::fs::write(&file, changed).unwrap();
    let path = dir.path().join("out");
    let damaged = store.export(hash, &path, &|_| ()).await.unwrap_err();
    assert!(
        matches!(damaged, ExportError::Damaged { offset, .. } if offset == MIB),
        "{damaged}"
    );
    assert!(!path.exists());
}

#[tokio::test]
async fn what_is_not_here_and_where_nobody_can_write_is_named() {
    let dir = folder();
    let store = open(&dir).await;
    let unknown = store.export(BlobHash([3; 32]), &dir.path().join("out"), &|_| ()).await;
    assert!(matches!(unknown, Err(ExportError::NotComplete { .. })), "{unknown:?}");
    let hash = store.import_bytes(data(MIB, 1), &task(1)).await.unwrap();
    let nowhere = store
        .export(hash, &dir.path().join("no-such-folder/out"), &|_| ())
        .await
        .unwrap_err();
    assert!(matches!(nowhere, ExportError::NotWritable { .. }), "{nowhere}");
    assert!(nowhere.to_string().contains("no-such-folder/out"), "{nowhere}");
}
