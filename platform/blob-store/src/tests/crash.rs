//! kill -9 of a process in the middle of a transfer. The process is this test program, started again with the name of
//! one ignored test, which does the work of the child.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use super::*;

/// Bytes of the blob: enough that the child cannot finish between its word and the signal.
const SIZE: u64 = 256 * MIB;
/// What the child has for sure when it is killed.
const FIRST: u64 = 32 * MIB;
const PLACE: &str = "BLOB_STORE_TEST_CHILD";

#[tokio::test(flavor = "multi_thread")]
async fn a_transfer_goes_on_after_kill_9() {
    let lookup = MemoryLookup::new();
    let there = Node::start(&lookup).await;
    let hash = there.store.import_bytes(data(SIZE, 1), &task(1)).await.unwrap();
    let dir = folder();
    let port = there.endpoint.bound_sockets()[0].port();
    let place = format!("{}\n{}\n{port}\n{hash}", dir.path().display(), there.id());
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "tests::crash::child", "--ignored", "--nocapture"])
        .env(PLACE, place)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let said = BufReader::new(child.stdout.take().unwrap())
        .lines()
        .map_while(Result::ok);
    let ready = said.into_iter().any(|line| line.contains("first part is here"));
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(ready, "the child ended before it had the first part");

    let store = open(&dir).await;
    store.collect_garbage_now().await;
    assert!(store.used_bytes().await >= FIRST);
    assert!(store.has_range(hash, 0, FIRST).await);
    let here = Node::serve(&lookup, store, dir).await;
    let rest = here.fetch(hash, &[&there], Want::All).await.unwrap().bytes_transferred;
    assert!(rest > 0 && rest <= SIZE - FIRST, "{rest}");
    let mut offset = 0;
    while offset < SIZE {
        let expected = data(SIZE, 1).slice(offset as usize..(offset + 64 * MIB) as usize);
        assert_eq!(
            here.store.read(hash, offset, 64 * MIB).await.unwrap(),
            expected,
            "at {offset}"
        );
        offset += 64 * MIB;
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "the child of a_transfer_goes_on_after_kill_9"]
async fn child() {
    let place = std::env::var(PLACE).expect("started by the test above only");
    let [dir, provider, port, hash] = place.split('\n').collect::<Vec<_>>().try_into().expect("four lines");
    let store = BlobStore::open(options(Path::new(dir))).await.unwrap();
    let lookup = MemoryLookup::new();
    let here = Node::serve(&lookup, store, folder()).await;
    let provider: NodeId = provider.parse().unwrap();
    let id = iroh::EndpointId::from_bytes(provider.as_bytes()).unwrap();
    let address = (Ipv4Addr::LOCALHOST, port.parse::<u16>().unwrap()).into();
    lookup.add_endpoint_info(iroh::EndpointAddr::new(id).with_ip_addr(address));
    let (providers, hash) = ([provider], hash.parse().unwrap());
    let first = Want::Ranges(vec![(0, FIRST)]);
    here.store
        .fetch(&here.endpoint, request(hash, &providers, &first))
        .await
        .unwrap();
    here.store.sync().await.unwrap();
    println!("first part is here");
    here.store
        .fetch(&here.endpoint, request(hash, &providers, &Want::All))
        .await
        .unwrap();
}
