//! Blobs over HTTP as programs and browsers move them: whole and in parts, cut and resumed, from other nodes, and refused.

use job_model::BlobHash;
use p2pjob_tests::{Cluster, ClusterOptions, HttpClient, HttpRequest, HttpResponse, PATIENCE, wait_until};
use std::io::{Read, Write};

/// Bytes of the blob that is cut into parts: several pieces of a download.
const SIZE: usize = 3 << 20;

/// Bytes that repeat nowhere near each other.
fn bytes(seed: u64, count: usize) -> Vec<u8> {
    let mut state = seed | 1;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        state.to_be_bytes()[0]
    };
    (0..count).map(|_| next()).collect()
}

fn post(target: &str, body: &[u8]) -> HttpRequest {
    HttpRequest::new("POST", target)
        .header("content-type", "application/octet-stream")
        .body(body)
}

#[track_caller]
fn upload(http: &HttpClient, body: &[u8]) -> String {
    let stored = http.send(&post("/api/v1/blobs", body)).expect_status(201);
    let hash = BlobHash::of(body).to_string();
    let json = stored.json();
    assert_eq!(
        (json.text("hash"), json.number("size")),
        (hash.as_str(), body.len() as i64)
    );
    assert_eq!(
        stored.header("location"),
        Some(format!("/api/v1/blobs/{hash}").as_str())
    );
    hash
}

fn listed(http: &HttpClient) -> Vec<String> {
    let page = http.get("/api/v1/blobs?limit=500").expect_status(200).json();
    assert!(page.at("next_cursor").is_null(), "{page}");
    page.list("items")
        .iter()
        .map(|blob| blob.text("hash").to_owned())
        .collect()
}

fn ranged(http: &HttpClient, target: &str, range: &str) -> HttpResponse {
    http.send(&HttpRequest::get(target).header("range", range))
}

#[test]
fn a_blob_goes_in_and_comes_out_whole_and_in_parts() {
    let cluster = Cluster::start(1);
    let http = cluster.node(0).http();
    let data = bytes(1, SIZE);
    let hash = upload(&http, &data);
    let target = format!("/api/v1/blobs/{hash}");
    let etag = format!("\"{hash}\"");
    let whole = http.get(&target).expect_status(200);
    assert!(whole.body == data, "other bytes came back");
    let expected = [
        ("etag", etag.as_str()),
        ("accept-ranges", "bytes"),
        ("content-type", "application/octet-stream"),
        ("x-content-type-options", "nosniff"),
        ("content-length", &SIZE.to_string()),
    ];
    for (name, value) in expected {
        assert_eq!(whole.header(name), Some(value), "{name}");
    }
    let head = http.send(&HttpRequest::new("HEAD", &target)).expect_status(200);
    assert_eq!(head.header("content-length"), Some(SIZE.to_string().as_str()));
    assert!(head.body.is_empty());

    let parts = [
        ("bytes=0-0", 0..1),
        ("bytes=262143-262145", 262_143..262_146),
        ("bytes=1000000-", 1_000_000..SIZE),
        ("bytes=-5", SIZE - 5..SIZE),
        ("bytes=5-99999999999", 5..SIZE),
    ];
    for (range, part) in parts {
        let got = ranged(&http, &target, range).expect_status(206);
        assert!(got.body == data[part.clone()], "{range}");
        let said = format!("bytes {}-{}/{SIZE}", part.start, part.end - 1);
        assert_eq!(got.header("content-range"), Some(said.as_str()), "{range}");
    }
    let beyond = ranged(&http, &target, &format!("bytes={SIZE}-"));
    beyond.expect_problem(416, "range_not_satisfiable");
    assert_eq!(beyond.header("content-range"), Some(format!("bytes */{SIZE}").as_str()));
    assert_eq!(
        ranged(&http, &target, "bytes=0-0,9-9").expect_status(200).body.len(),
        SIZE
    );

    let known = http
        .send(&HttpRequest::get(&target).header("if-none-match", &etag))
        .expect_status(304);
    assert!(known.body.is_empty());
    let conditional = |tag: &str| {
        HttpRequest::get(&target)
            .header("range", "bytes=0-3")
            .header("if-range", tag)
    };
    http.send(&conditional(&etag)).expect_status(206);
    http.send(&conditional("\"other\"")).expect_status(200);

    let named = http
        .get(&format!("{target}?download=..%2Fa%22b.bin&as=text"))
        .expect_status(200);
    assert_eq!(
        named.header("content-disposition"),
        Some("attachment; filename=\"a_b.bin\"; filename*=UTF-8''a_b.bin")
    );
    assert_eq!(named.header("content-type"), Some("text/plain; charset=utf-8"));
    http.get(&format!("{target}?as=html")).expect_problem(400, "bad_input");
    http.get(&format!("{target}?nonsense=1"))
        .expect_problem(400, "bad_input");

    a_cut_download_goes_on(&http, &hash);
    odd_bodies_are_stored(&http);
}

/// A download that is cut goes on where it was.
fn a_cut_download_goes_on(http: &HttpClient, hash: &str) {
    let target = format!("/api/v1/blobs/{hash}");
    let mut cut = vec![0; 1_500_000];
    http.stream(&HttpRequest::get(&target))
        .read_exact(&mut cut)
        .expect("the first half");
    let rest = ranged(http, &target, &format!("bytes={}-", cut.len())).expect_status(206);
    cut.extend(rest.body);
    assert_eq!(BlobHash::of(&cut).to_string(), hash);
}

/// Nothing, and a body without a length.
fn odd_bodies_are_stored(http: &HttpClient) {
    let empty = upload(http, b"");
    assert!(
        http.get(&format!("/api/v1/blobs/{empty}"))
            .expect_status(200)
            .body
            .is_empty()
    );
    ranged(http, &format!("/api/v1/blobs/{empty}"), "bytes=0-").expect_problem(416, "range_not_satisfiable");
    let chunked = HttpRequest::new("POST", "/api/v1/blobs").header("transfer-encoding", "chunked");
    let stored = http
        .send(&chunked.body("5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n"))
        .expect_status(201)
        .json();
    assert_eq!(stored.text("hash"), BlobHash::of(b"hello!").to_string());
}

#[test]
fn what_is_wrong_or_unfinished_is_not_stored() {
    let options = ClusterOptions {
        nodes: 1,
        flags: ["--slots", "1", "--set", "http.max_upload_bytes=100000"]
            .map(str::to_owned)
            .to_vec(),
    };
    let cluster = Cluster::start_with(&options);
    let http = cluster.node(0).http();
    let data = bytes(2, 50_000);
    let other = BlobHash::of(b"other bytes");
    let wrong = http.send(&post(&format!("/api/v1/blobs?hash={other}"), &data));
    assert!(
        wrong.expect_problem(422, "wrong_hash").contains(&other.to_string()),
        "{wrong}"
    );
    for bad in ["abc", &other.to_string().to_uppercase(), "%00"] {
        http.send(&post(&format!("/api/v1/blobs?hash={bad}"), &data))
            .expect_problem(400, "bad_input");
    }
    http.send(&post("/api/v1/blobs", &bytes(3, 100_001)))
        .expect_problem(413, "too_large");
    // The length is believed before a byte is read.
    let mut promised = http.connect();
    let huge = HttpRequest::new("POST", "/api/v1/blobs").header("content-length", "99999999999");
    promised.start(&huge).expect("a request");
    let answer = String::from_utf8(promised.read_to_close().expect("an answer")).expect("text");
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    // And so is none, until there are too many.
    let mut endless = http.connect();
    let chunked = HttpRequest::new("POST", "/api/v1/blobs").header("transfer-encoding", "chunked");
    endless.start(&chunked).expect("a request");
    let chunk = [b"10000\r\n".as_slice(), &[7; 0x10000], b"\r\n"].concat();
    // The server may have hung up before the second.
    let _ = endless.write_all(&chunk).and_then(|()| endless.write_all(&chunk));
    let answer = endless.read_to_close().expect("an answer");
    assert!(
        answer.starts_with(b"HTTP/1.1 413 "),
        "{}",
        String::from_utf8_lossy(&answer)
    );

    // Half of it, then nothing more; with and without closing the other direction.
    for close_all in [false, true] {
        let mut half = http.connect();
        let request = post("/api/v1/blobs", &data[..25_000]).header("content-length", "50000");
        half.start(&request).expect("half a request");
        if close_all {
            drop(half);
            continue;
        }
        half.close_write().expect("a half-closed connection");
        let answer = String::from_utf8(half.read_to_close().expect("an end")).expect("text");
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400 "), "{answer}");
    }
    // The built-in jobs are there, or come meanwhile; nothing else is.
    let page = http.get("/api/v1/blobs?limit=500").expect_status(200).json();
    for blob in page.list("items") {
        assert_eq!(blob.text("pins.0.kind"), "job", "it was stored: {blob}");
    }
    let right = post(&format!("/api/v1/blobs?hash={}", BlobHash::of(&data)), &data);
    http.send(&right).expect_status(201);
    assert!(listed(&http).contains(&BlobHash::of(&data).to_string()));
}

#[test]
fn a_full_store_says_so_before_and_while_it_fills() {
    let options = ClusterOptions {
        nodes: 1,
        flags: ["--slots", "1", "--set", "store.quota_bytes=20000000"]
            .map(str::to_owned)
            .to_vec(),
    };
    let cluster = Cluster::start_with(&options);
    let http = cluster.node(0).http();
    let mut promised = http.connect();
    let large = HttpRequest::new("POST", "/api/v1/blobs").header("content-length", "30000000");
    promised.start(&large).expect("a request");
    let answer = String::from_utf8(promised.read_to_close().expect("an answer")).expect("text");
    assert!(
        answer.starts_with("HTTP/1.1 507 ") && answer.contains("no_room"),
        "{answer}"
    );
    let mut filling = http.connect();
    let chunked = HttpRequest::new("POST", "/api/v1/blobs").header("transfer-encoding", "chunked");
    filling.start(&chunked).expect("a request");
    let chunk = [b"100000\r\n".as_slice(), &bytes(4, 0x10_0000), b"\r\n"].concat();
    let sent = (0..40).take_while(|_| filling.write_all(&chunk).is_ok()).count();
    let answer = filling.read_to_close().expect("an answer");
    let text = String::from_utf8_lossy(&answer);
    assert!(text.starts_with("HTTP/1.1 507 "), "after {sent} MiB: {text}");
    upload(&http, b"there is room for this");
}

#[test]
fn a_blob_of_another_node_is_brought_when_asked_for() {
    let cluster = Cluster::start(2);
    let (owner, other) = (cluster.node(0).http(), cluster.node(1).http());
    let data = bytes(5, SIZE);
    let hash = upload(&owner, &data);
    let target = format!("/api/v1/blobs/{hash}");
    other
        .get(&format!("{target}?local=true"))
        .expect_problem(404, "not_found");
    let part = ranged(&other, &target, "bytes=100-199").expect_status(206);
    assert!(part.body == data[100..200]);
    let whole = other.get(&format!("{target}?local=true")).expect_status(200);
    assert!(whole.body == data);
    let nobodys = BlobHash::of(b"nobody has this");
    other
        .get(&format!("/api/v1/blobs/{nobodys}"))
        .expect_problem(404, "not_found");
    for bad in [
        "abc",
        &hash.to_uppercase(),
        "..%2f..%2fetc%2fpasswd",
        &format!("{hash}0"),
    ] {
        other
            .get(&format!("/api/v1/blobs/{bad}"))
            .expect_problem(400, "bad_input");
    }
}

#[test]
fn blobs_are_listed_in_pages_and_kept_by_name() {
    let cluster = Cluster::start(1);
    let http = cluster.node(0).http();
    let mut mine: Vec<String> = (0..7).map(|seed| upload(&http, &bytes(seed, 1000))).collect();
    let (mut seen, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let after = cursor
            .take()
            .map_or_else(String::new, |cursor| format!("&cursor={cursor}"));
        let page = http
            .get(&format!("/api/v1/blobs?limit=3{after}"))
            .expect_status(200)
            .json();
        seen.extend(page.list("items").iter().map(|blob| blob.text("hash").to_owned()));
        match page.at("next_cursor").as_str() {
            Some(next) => cursor = Some(next.to_owned()),
            None => break,
        }
    }
    assert!(seen.is_sorted(), "{seen:?}");
    mine.sort();
    assert!(mine.iter().all(|hash| seen.contains(hash)), "{mine:?} in {seen:?}");
    http.get("/api/v1/blobs?cursor=0011").expect_problem(400, "bad_cursor");
    http.get("/api/v1/blobs?limit=0").expect_problem(400, "bad_input");
    http.get("/api/v1/blobs?limit=501").expect_problem(400, "bad_input");

    let pins = format!("/api/v1/blobs/{}/pins", mine[0]);
    let names = || {
        let page = http.get(&pins).expect_status(200).json();
        let mut names: Vec<String> = page
            .list("items")
            .iter()
            .map(|pin| pin.text("owner").to_owned())
            .collect();
        names.sort();
        names
    };
    assert_eq!(names(), ["uploaded"]);
    http.send(&HttpRequest::new("PUT", &format!("{pins}/data.v1")))
        .expect_status(204);
    assert_eq!(names(), ["data.v1", "uploaded"]);
    http.delete(&format!("{pins}/uploaded")).expect_status(204);
    http.delete(&format!("{pins}/data.v1")).expect_status(204);
    http.delete(&format!("{pins}/data.v1")).expect_status(204);
    assert_eq!(names(), Vec::<String>::new());
    for bad in ["a%20b", "a%2Fb", "%0a", &"x".repeat(65)] {
        http.send(&HttpRequest::new("PUT", &format!("{pins}/{bad}")))
            .expect_problem(400, "bad_input");
    }
}

#[test]
fn a_result_is_fetched_by_its_task() {
    let cluster = Cluster::start(2);
    let node = cluster.node(0);
    let http = node.http();
    let done = node.complete("bench_empty", &["--param", "chunks=20", "--verify", "none"]);
    let target = format!("/api/v1/tasks/{}/result", done.text("task_id"));
    let result = http.get(&target).expect_status(200);
    assert_eq!(BlobHash::of(&result.body).to_string(), done.text("result_hash"));
    assert_eq!(
        result.header("etag"),
        Some(format!("\"{}\"", done.text("result_hash")).as_str())
    );
    let head = http.send(&HttpRequest::new("HEAD", &target)).expect_status(200);
    assert_eq!(
        head.header("content-length"),
        Some(result.body.len().to_string().as_str())
    );

    let endless = cluster.file("endless.wasm", &guest_programs::Program::InfiniteLoop.component());
    let job = node
        .ask(&["publish", &endless.display().to_string()])
        .text("job")
        .to_owned();
    let task = node.submit(&job, &[]);
    let target = format!("/api/v1/tasks/{task}/result");
    http.get(&target).expect_problem(409, "not_finished");
    node.ask(&["cancel", &task, "--reason", "seen enough"]);
    let gone = wait_until("the task is cancelled", PATIENCE, || {
        let answer = http.get(&target);
        if answer.text().contains("not_finished") {
            Err(answer)
        } else {
            Ok(answer)
        }
    });
    assert!(gone.expect_problem(409, "no_result").contains("seen enough"), "{gone}");
    let nobodys = BlobHash::of(b"no task");
    http.get(&format!("/api/v1/tasks/{nobodys}/result"))
        .expect_problem(404, "not_found");
    http.get("/api/v1/tasks/xyz/result").expect_problem(400, "bad_input");
}
