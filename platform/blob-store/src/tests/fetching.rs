//! Fetch over real endpoints: ranges, resume, refusals, several providers.

use std::sync::atomic::{AtomicU64, Ordering};

use super::*;
use crate::{ReadError, SpaceError};

#[tokio::test]
async fn every_boundary_size_arrives() {
    let lookup = MemoryLookup::new();
    let (there, here) = (Node::start(&lookup).await, Node::start(&lookup).await);
    for size in BOUNDARY_SIZES {
        let hash = there.store.import_bytes(data(size, 1), &task(1)).await.unwrap();
        let fetched = here.fetch(hash, &[&there], Want::All).await.unwrap();
        assert_eq!(fetched.bytes_transferred, size, "{size} bytes");
        assert_eq!(here.store.read(hash, 0, size).await.unwrap(), data(size, 1));
        let again = here.fetch(hash, &[], Want::All).await.unwrap();
        assert_eq!(
            (again.bytes_transferred, again.provider),
            (0, None),
            "what is here needs nobody"
        );
    }
}

#[tokio::test]
async fn only_the_named_ranges_are_transferred() {
    let lookup = MemoryLookup::new();
    let (there, here) = (Node::start(&lookup).await, Node::start(&lookup).await);
    let size = 4 * MIB + 100;
    let bytes = data(size, 1);
    let hash = there.store.import_bytes(bytes.clone(), &task(1)).await.unwrap();
    let providers = [there.id()];
    let fetch = async |ranges: &[(u64, u64)]| {
        let want = Want::Ranges(ranges.to_vec());
        let fetch = Fetch {
            expected_size: Some(size),
            ..request(hash, &providers, &want)
        };
        here.store.fetch(&here.endpoint, fetch).await.unwrap().bytes_transferred
    };
    assert_eq!(fetch(&[(MIB, MIB)]).await, MIB, "whole blocks");
    assert_eq!(fetch(&[(MIB, MIB)]).await, 0, "nothing twice");
    assert_eq!(fetch(&[(10, 1)]).await, BLOCK, "one byte costs one block");
    assert_eq!(fetch(&[(2 * MIB - 1, 2)]).await, BLOCK, "of two blocks one is here");
    assert_eq!(fetch(&[(0, 0)]).await, 0, "no bytes, no transfer");
    assert_eq!(
        fetch(&[(size - 1, 1), (3 * MIB, 1)]).await,
        BLOCK + 100,
        "the last block is short"
    );

    assert!(here.store.has_range(hash, MIB, MIB).await && !here.store.has_range(hash, 0, MIB).await);
    assert!(here.store.has_range(hash, size - 1, 1).await && !here.store.has_range(hash, size - 1, 2).await);
    assert!(!here.store.has(hash).await);
    let part = here.store.read(hash, MIB + 3, 1000).await.unwrap();
    assert_eq!(part, bytes.slice(MIB as usize + 3..MIB as usize + 1003));
    let hole = here.store.read(hash, 0, MIB).await;
    assert!(matches!(hole, Err(ReadError::RangeNotHere { .. })), "{hole:?}");
    let here_now = MIB + 3 * BLOCK + BLOCK + 100;
    assert_eq!(here.store.used_bytes().await, here_now - BLOCK);

    let rest = here.fetch(hash, &[&there], Want::All).await.unwrap();
    assert_eq!(rest.bytes_transferred, size - (here_now - BLOCK));
    assert_eq!(here.store.read(hash, 0, size).await.unwrap(), bytes);
    assert_eq!(here.store.used_bytes().await, size);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_aborted_transfer_goes_on_where_it_stopped_even_after_a_restart() {
    let lookup = MemoryLookup::new();
    let there = Node::start(&lookup).await;
    let size = 64 * MIB;
    let hash = there.store.import_bytes(data(size, 1), &task(1)).await.unwrap();
    let dir = folder();
    let store = open(&dir).await;
    let here = Node::serve(&lookup, store, folder()).await;
    let (providers, want) = ([there.id()], Want::All);
    let (arrived, mut wait) = tokio::sync::watch::channel(0);
    let progress = |bytes| arrived.send_modify(|sum| *sum = bytes);
    {
        let fetch = Fetch {
            progress: &progress,
            ..request(hash, &providers, &want)
        };
        tokio::select! {
            done = here.store.fetch(&here.endpoint, fetch) => panic!("done before it was aborted: {done:?}"),
            waited = wait.wait_for(|sum| *sum >= 4 * MIB) => drop(waited.unwrap()),
        }
    }
    here.router.shutdown().await.unwrap();
    here.store.shutdown().await;
    let before = *arrived.borrow();

    let store = open(&dir).await;
    store.collect_garbage_now().await;
    let kept = store.used_bytes().await;
    assert!(kept > 0, "the pin was set before the first byte, so the part is kept");
    let here = Node::serve(&lookup, store, folder()).await;
    let fetched = here.fetch(hash, &[&there], Want::All).await.unwrap();
    let rest = fetched.bytes_transferred;
    assert!(
        rest < size && rest >= size - before - 4 * MIB,
        "{rest} of {size} after {before}"
    );
    assert_eq!(here.store.read(hash, 0, size).await.unwrap(), data(size, 1));
}

#[tokio::test]
async fn a_blob_nobody_has_names_who_was_asked_and_why_each_failed() {
    let lookup = MemoryLookup::new();
    let (first, here) = (Node::start(&lookup).await, Node::start(&lookup).await);
    let stranger = NodeId(*iroh::SecretKey::from_bytes(&[5; 32]).public().as_bytes());
    let (hash, want) = (BlobHash([1; 32]), Want::All);
    let providers = [first.id(), stranger, here.id()];
    let failed = here
        .store
        .fetch(&here.endpoint, request(hash, &providers, &want))
        .await
        .unwrap_err();
    let FetchError::NobodyHasIt { asked, .. } = &failed else {
        panic!("{failed}")
    };
    assert_eq!(asked.iter().map(|asked| asked.node).collect::<Vec<_>>(), providers);
    assert!(asked[0].reason.contains("does not have it"), "{failed}");
    assert!(
        asked[1].reason.contains("cannot connect") || asked[1].reason.contains("no connection"),
        "{failed}"
    );
    assert!(asked[2].reason.contains("this node"), "{failed}");
    assert!(failed.to_string().contains(&first.id().short()), "{failed}");
    let nobody = here.fetch(hash, &[], Want::All).await.unwrap_err();
    assert!(matches!(nobody, FetchError::NobodyToAsk { .. }), "{nobody}");
    assert!(!here.store.has(hash).await);
    assert_eq!(here.store.used_bytes().await, 0);
}

#[tokio::test]
async fn a_wrong_size_or_a_large_one_is_refused_before_data_flows() {
    let lookup = MemoryLookup::new();
    let (there, here) = (Node::start(&lookup).await, Node::start(&lookup).await);
    let hash = there.store.import_bytes(data(MIB, 1), &task(1)).await.unwrap();
    let (providers, want, count) = ([there.id()], Want::All, AtomicU64::new(0));
    let progress = |bytes| count.store(bytes, Ordering::SeqCst);
    let fetch = Fetch {
        progress: &progress,
        ..request(hash, &providers, &want)
    };

    let wrong = here
        .store
        .fetch(
            &here.endpoint,
            Fetch {
                expected_size: Some(MIB + 1),
                ..fetch
            },
        )
        .await
        .unwrap_err();
    let FetchError::SizeMismatch { expected, actual, .. } = wrong else {
        panic!("{wrong}")
    };
    assert_eq!((expected, actual), (MIB + 1, MIB));
    for expected_size in [None, Some(MIB)] {
        let large = here
            .store
            .fetch(
                &here.endpoint,
                Fetch {
                    max_size: MIB - 1,
                    expected_size,
                    ..fetch
                },
            )
            .await;
        assert!(
            matches!(large, Err(FetchError::TooLarge { size: MIB, .. })),
            "{large:?}"
        );
    }
    assert_eq!(count.load(Ordering::SeqCst), 0);
    assert_eq!(here.store.used_bytes().await, 0);
    here.store
        .fetch(
            &here.endpoint,
            Fetch {
                expected_size: Some(MIB),
                ..fetch
            },
        )
        .await
        .unwrap();
    assert_eq!(count.load(Ordering::SeqCst), MIB);
    let late = here
        .store
        .fetch(
            &here.endpoint,
            Fetch {
                expected_size: Some(1),
                ..fetch
            },
        )
        .await;
    assert!(
        matches!(late, Err(FetchError::SizeMismatch { .. })),
        "also when it is here: {late:?}"
    );
}

#[tokio::test]
async fn the_quota_is_checked_for_what_is_missing_before_data_flows() {
    let lookup = MemoryLookup::new();
    let there = Node::start(&lookup).await;
    let hash = there.store.import_bytes(data(4 * MIB, 1), &task(1)).await.unwrap();
    let dir = folder();
    let store = BlobStore::open(StoreOptions {
        quota_bytes: Some(2 * MIB),
        ..options(dir.path())
    })
    .await
    .unwrap();
    let here = Node::serve(&lookup, store, dir).await;
    let refused = here.fetch(hash, &[&there], Want::All).await;
    assert!(
        matches!(refused, Err(FetchError::NoSpace(SpaceError::Quota { .. }))),
        "{refused:?}"
    );
    assert_eq!(here.store.used_bytes().await, 0);
    here.fetch(hash, &[&there], Want::Ranges(vec![(0, MIB)])).await.unwrap();
    let refused = here.fetch(hash, &[&there], Want::Ranges(vec![(MIB, MIB)])).await;
    assert!(
        matches!(refused, Err(FetchError::NoSpace(SpaceError::Quota { .. }))),
        "{refused:?}"
    );
}

#[tokio::test]
async fn the_next_provider_sends_what_the_first_does_not_have() {
    let lookup = MemoryLookup::new();
    let (whole, half, here) = (
        Node::start(&lookup).await,
        Node::start(&lookup).await,
        Node::start(&lookup).await,
    );
    let hash = whole.store.import_bytes(data(8 * MIB, 1), &task(1)).await.unwrap();
    half.fetch(hash, &[&whole], Want::Ranges(vec![(0, 4 * MIB)]))
        .await
        .unwrap();
    let fetched = here.fetch(hash, &[&half, &whole], Want::All).await.unwrap();
    assert_eq!(fetched.provider, Some(whole.id()));
    assert!(fetched.bytes_transferred <= 8 * MIB + BLOCK, "{fetched:?}");
    assert_eq!(here.store.read(hash, 0, 8 * MIB).await.unwrap(), data(8 * MIB, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn fetches_at_the_same_time_share_the_work() {
    let lookup = MemoryLookup::new();
    let (there, here) = (Node::start(&lookup).await, Node::start(&lookup).await);
    let size = 16 * MIB;
    let hash = there.store.import_bytes(data(size, 1), &task(1)).await.unwrap();
    let fetches = (0..12u64).map(|n| {
        let want = if n % 3 == 0 {
            Want::All
        } else {
            Want::Ranges(vec![(n * MIB, 4 * MIB)])
        };
        let (store, endpoint, providers) = (here.store.clone(), here.endpoint.clone(), [there.id()]);
        tokio::spawn(async move {
            store
                .fetch(&endpoint, request(hash, &providers, &want))
                .await
                .unwrap()
                .bytes_transferred
        })
    });
    let fetches: Vec<_> = fetches.collect();
    let mut sum = 0;
    for fetch in fetches {
        sum += fetch.await.unwrap();
    }
    // Those without an expectation may each ask for the last block once, which does not count as transferred.
    assert_eq!(sum, size, "no byte came twice");
    assert_eq!(here.store.read(hash, 0, size).await.unwrap(), data(size, 1));
}

#[tokio::test]
async fn a_provider_that_came_back_is_dialled_again() {
    let lookup = MemoryLookup::new();
    let (there, here) = (Node::start(&lookup).await, Node::start(&lookup).await);
    let first = there.store.import_bytes(data(MIB, 1), &task(1)).await.unwrap();
    let second = there.store.import_bytes(data(MIB, 2), &task(1)).await.unwrap();
    here.fetch(first, &[&there], Want::All).await.unwrap();
    let key = there.endpoint.secret_key().clone();
    let Node {
        store,
        endpoint,
        router,
        _dir: dir,
    } = there;
    endpoint.close().await;
    drop(router);
    store.shutdown().await;
    let store = open(&dir).await;
    let builder = Endpoint::builder(presets::Minimal)
        .relay_mode(RelayMode::Disabled)
        .clear_ip_transports();
    let builder = builder.bind_addr((Ipv4Addr::LOCALHOST, 0)).unwrap().secret_key(key);
    let endpoint = builder.bind().await.unwrap();
    lookup.set_endpoint_info(endpoint.addr());
    let router = Router::builder(endpoint.clone())
        .accept(BlobStore::ALPN, store.protocol())
        .spawn();
    let there = Node {
        store,
        endpoint,
        router,
        _dir: dir,
    };
    here.fetch(second, &[&there], Want::All).await.unwrap();
}

#[tokio::test]
async fn a_provider_with_a_changed_file_is_not_believed() {
    let lookup = MemoryLookup::new();
    let (bad, good, here) = (
        Node::start(&lookup).await,
        Node::start(&lookup).await,
        Node::start(&lookup).await,
    );
    let bytes = data(MIB, 1);
    let hash = good.store.import_bytes(bytes.clone(), &task(1)).await.unwrap();
    bad.store.import_bytes(bytes.clone(), &task(1)).await.unwrap();
    let mut changed = bytes.to_vec();
    changed[500_000] ^= 1;
    std::fs::write(bad.store.data_path(&crate::store::to_hash(&hash)), changed).unwrap();
    let alone = here.fetch(hash, &[&bad], Want::All).await;
    assert!(matches!(alone, Err(FetchError::NobodyHasIt { .. })), "{alone:?}");
    here.fetch(hash, &[&bad, &good], Want::All).await.unwrap();
    assert_eq!(here.store.read(hash, 0, MIB).await.unwrap(), bytes);
}
