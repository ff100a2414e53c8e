//! Pins and collections.

use super::*;
use job_model::JobId;

#[tokio::test]
async fn a_collection_keeps_what_is_pinned_and_frees_the_rest() {
    let dir = folder();
    let store = open(&dir).await;
    let both = store.import_bytes(data(MIB, 1), &task(1)).await.unwrap();
    store.pin(both, &Pin::Job(JobId([4; 32]))).await.unwrap();
    let large = store.import_bytes(data(MIB, 2), &task(1)).await.unwrap();
    let small = store.import_bytes(data(100, 3), &task(1)).await.unwrap();
    let other = store.import_bytes(data(MIB, 4), &task(2)).await.unwrap();

    store.collect_garbage_now().await;
    assert_eq!(store.list().await.len(), 4, "everything is pinned");
    assert_eq!(store.unpin(&task(1)).await.unwrap(), 3);
    store.collect_garbage_now().await;

    assert!(store.has(both).await && store.has(other).await);
    assert!(!store.has(large).await && !store.has(small).await);
    assert_eq!(store.used_bytes().await, 2 * MIB);
    assert_eq!(store.read(both, 0, MIB).await.unwrap(), data(MIB, 1));
    assert!(store.read(large, 0, 1).await.is_err());
    let files = std::fs::read_dir(dir.path().join("data")).unwrap().count();
    assert_eq!(files, 2, "the files of what was freed are gone");

    let again = store.import_bytes(data(MIB, 2), &task(3)).await.unwrap();
    assert_eq!(
        store.read(again, 0, MIB).await.unwrap(),
        data(MIB, 2),
        "what was freed can come again"
    );
    store.collect_garbage_now().await;
    assert_eq!(store.read(again, 0, MIB).await.unwrap(), data(MIB, 2));
}

#[tokio::test]
async fn a_name_frees_only_itself() {
    let dir = folder();
    let store = open(&dir).await;
    let names = ["a", "a/b", "a%2Fb", "a%", ""];
    for (seed, name) in names.iter().enumerate() {
        store
            .import_bytes(data(10, seed as u64), &Pin::Named((*name).to_owned()))
            .await
            .unwrap();
    }
    let mut pins: Vec<Pin> = store.pins().await.unwrap().into_iter().map(|(pin, _)| pin).collect();
    pins.sort_by_key(|pin| names.iter().position(|name| *pin == Pin::Named((*name).to_owned())));
    assert_eq!(pins, names.map(|name| Pin::Named(name.to_owned())));
    for name in names {
        assert_eq!(store.unpin(&Pin::Named(name.to_owned())).await.unwrap(), 1, "{name:?}");
    }
}

#[tokio::test]
async fn imports_and_collections_at_the_same_time_lose_nothing() {
    let dir = folder();
    let store = open(&dir).await;
    let collecting = {
        let store = store.clone();
        tokio::spawn(async move {
            for _ in 0..40 {
                store.collect_garbage_now().await;
            }
        })
    };
    for round in 0..60 {
        // The same blob is freed and stored again and again, which is where a collection could take the new copy.
        let hash = store.import_bytes(data(3 * BLOCK, 1), &task(1)).await.unwrap();
        let fresh = store
            .import_bytes(data(3 * BLOCK, 100 + round), &task(2))
            .await
            .unwrap();
        assert_eq!(
            store.read(hash, 0, MIB).await.unwrap(),
            data(3 * BLOCK, 1),
            "round {round}"
        );
        assert_eq!(
            store.read(fresh, 0, MIB).await.unwrap(),
            data(3 * BLOCK, 100 + round),
            "round {round}"
        );
        store.unpin(&task(1)).await.unwrap();
    }
    collecting.await.unwrap();
    store.unpin(&task(2)).await.unwrap();
    store.collect_garbage_now().await;
    assert_eq!(store.used_bytes().await, 0);
}

#[tokio::test]
async fn what_a_dead_process_left_is_removed_and_what_is_known_stays() {
    let dir = folder();
    let store = open(&dir).await;
    let hash = store.import_bytes(data(MIB, 1), &task(1)).await.unwrap();
    store.shutdown().await;
    let stranger = dir.path().join("data").join(format!("{}.data", BlobHash([9; 32])));
    let half = dir.path().join("temp").join("0123.temp");
    std::fs::write(&stranger, data(MIB, 2)).unwrap();
    std::fs::write(&half, data(MIB, 3)).unwrap();
    let store = open(&dir).await;
    assert!(!stranger.exists() && !half.exists());
    assert_eq!(store.read(hash, 0, MIB).await.unwrap(), data(MIB, 1));
}
