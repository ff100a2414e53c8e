//! Tasks over HTTP: both shapes of a request, watched to the end, listed in pages, submitted once per key, cancelled, and
//! seen only by whom they concern. What may come in wrong is in `bad_requests`.

use p2pjob_tests::{Cluster, HttpClient, HttpRequest, PATIENCE, Report, check_settled, wait_until};
use serde_json::{Value, json};

mod bad_requests;

/// Sum of 1 to 1000.
const SUM: i64 = 500_500;

fn range(end: u64) -> Value {
    json!({"job": "range_reduce", "params": {"start": 1, "end": end, "operation": "sum"}, "config": {"chunk_size": 100}})
}

/// The same for a network of one node.
fn alone(end: u64) -> Value {
    let mut body = range(end);
    body["config"]["verify"] = json!("none");
    body
}

/// Waits for the end of a task, as a client would: by its tag.
fn finished(http: &HttpClient, task: &str) -> Report {
    let target = format!("/api/v1/tasks/{task}");
    let mut tag = String::new();
    wait_until("the task has ended", PATIENCE, || {
        let answer = http.send(&HttpRequest::get(&target).header("if-none-match", &tag));
        if answer.status() == 304 {
            assert!(answer.body.is_empty(), "{answer}");
            return Err("nothing new".to_owned());
        }
        let answer = answer.expect_status(200);
        tag = answer.header("etag").expect("a tag").to_owned();
        let report = answer.json();
        match report.text("status") {
            "pending" | "running" => Err(report.to_string()),
            _ => Ok(report),
        }
    })
}

fn submit(http: &HttpClient, body: &Value) -> String {
    let answer = http.post("/api/v1/tasks", body).expect_status(201);
    let task = answer.json().text("task_id").to_owned();
    assert_eq!(
        answer.header("location"),
        Some(format!("/api/v1/tasks/{task}").as_str())
    );
    task
}

fn job_list(cluster: &Cluster) {
    cluster.node(0).await_job("range_reduce");
}

#[test]
fn both_shapes_are_submitted_watched_and_bring_the_sum() {
    let cluster = Cluster::start(3);
    job_list(&cluster);
    let http = cluster.node(0).http();
    let theirs = json!({
        "task_type": "range_reduce", "owner_id": "user123", "start": 1, "end": 1000, "operation": "sum",
        "requirements": {"cpu_percent": 50, "ram_gb": 1, "timeout_seconds": 300},
        "config": {"max_price": 1.0, "priority": "high"}
    });
    for (body, owner, priority) in [(range(1000), "", "normal"), (theirs, "user123", "high")] {
        let answer = http.post("/api/v1/tasks", &body).expect_status(201).json();
        assert!(answer.text("message").starts_with("submitted"), "{answer}");
        let task = answer.text("task_id").to_owned();
        let report = finished(&http, &task);
        assert_eq!(report.text("status"), "completed", "{report}");
        assert_eq!(report.at("result"), &json!(SUM), "{report}");
        assert_eq!((report.text("owner"), report.text("priority")), (owner, priority));
        assert!(
            report.at("execution_time").is_number() && report.at("worker_id").is_string(),
            "{report}"
        );
        // The tag of a task that has ended stays.
        let target = format!("/api/v1/tasks/{task}");
        let tag = http.get(&target).header("etag").expect("a tag").to_owned();
        http.send(&HttpRequest::get(&target).header("if-none-match", &tag))
            .expect_status(304);
        // What runs again is what ran.
        let again = http.get(&format!("{target}/request")).expect_status(200).json();
        let second = finished(&http, &submit(&http, &again.0));
        assert_eq!(second.at("result"), &json!(SUM), "{second}");
        assert_eq!(second.text("owner"), owner);
    }
    let status = http.get("/api/v1/network/status").expect_status(200).json();
    assert_eq!(status.text("node_id"), cluster.node(0).name());
    assert_eq!(status.number("peers_count"), 2);
    let analytics = status.at("pricing_analytics");
    assert!(
        analytics["current_prices"]["cpu"].is_number() && analytics["prediction_1h"]["cpu"].is_number(),
        "{status}"
    );
    check_settled(cluster.nodes());
}

#[test]
fn the_record_of_a_task_is_told_chunk_by_chunk() {
    let cluster = Cluster::start(3);
    job_list(&cluster);
    let http = cluster.node(0).http();
    let task = submit(&http, &range(1000));
    assert_eq!(finished(&http, &task).number("accepted"), 10);
    let page = http
        .get(&format!("/api/v1/tasks/{task}/chunks?limit=7"))
        .expect_status(200)
        .json();
    let cursor = page.text("next_cursor").to_owned();
    let rest = http
        .get(&format!("/api/v1/tasks/{task}/chunks?limit=7&cursor={cursor}"))
        .expect_status(200)
        .json();
    let chunks: Vec<Report> = page.list("items").into_iter().chain(rest.list("items")).collect();
    assert_eq!(
        chunks.iter().map(|chunk| chunk.number("chunk")).collect::<Vec<_>>(),
        (0..10).collect::<Vec<_>>()
    );
    assert!(
        chunks
            .iter()
            .all(|chunk| chunk.text("decision") == "accepted" && chunk.list("replicas").len() >= 2)
    );
    assert!(rest.at("next_cursor").is_null(), "{rest}");
    let one = http
        .get(&format!("/api/v1/tasks/{task}/chunks/3"))
        .expect_status(200)
        .json();
    assert_eq!(one, chunks[3]);
    http.get(&format!("/api/v1/tasks/{task}/chunks/10"))
        .expect_problem(404, "not_found");
    let replay = http
        .post(&format!("/api/v1/tasks/{task}/replay"), &json!({"chunk": 3}))
        .expect_status(200)
        .json();
    assert!(replay.flag("same_outcome") && replay.flag("same_fuel"), "{replay}");
    http.get(&format!("/api/v1/tasks/{task}/explain")).expect_status(200);
    http.get(&format!("/api/v1/tasks/{task}/logs?chunk=1"))
        .expect_status(200);
    // Replicas on other nodes are paid: receipts signed by both sides.
    let receipts = wait_until("both sides have signed", PATIENCE, || {
        let page = http
            .get(&format!("/api/v1/tasks/{task}/receipts"))
            .expect_status(200)
            .json();
        let receipts = page.list("items");
        let signed = !receipts.is_empty() && receipts.iter().all(|receipt| receipt.flag("signed_by_both"));
        if signed { Ok(receipts) } else { Err(page) }
    });
    for receipt in &receipts {
        let lines = receipt.list("lines");
        assert_eq!(
            lines.iter().map(|line| line.number("price")).sum::<i64>(),
            receipt.number("amount"),
            "{receipt}"
        );
        assert_eq!(receipt.text("task_id"), task);
    }
    check_settled(cluster.nodes());
}

#[test]
fn lists_are_filtered_and_paged_by_bound_cursors() {
    let cluster = Cluster::start(1);
    job_list(&cluster);
    let http = cluster.node(0).http();
    let tasks: Vec<String> = (1..=7).map(|n| submit(&http, &alone(n * 10))).collect();
    for task in &tasks {
        finished(&http, task);
    }
    let mut found = Vec::new();
    let mut target = "/api/v1/tasks?limit=3&status=completed".to_owned();
    loop {
        let page = http.get(&target).expect_status(200).json();
        let items = page.list("items");
        assert!(items.len() <= 3);
        found.extend(items.iter().map(|task| task.text("task_id").to_owned()));
        let Some(cursor) = page.find("next_cursor").and_then(Value::as_str).map(str::to_owned) else {
            break;
        };
        // The size of a page may change on the way, its filters may not.
        http.get(&format!("/api/v1/tasks?limit=1&status=completed&cursor={cursor}"))
            .expect_status(200);
        http.get(&format!("/api/v1/tasks?status=failed&cursor={cursor}"))
            .expect_problem(400, "bad_cursor");
        http.get(&format!("/api/v1/tasks?cursor={cursor}"))
            .expect_problem(400, "bad_cursor");
        target = format!("/api/v1/tasks?limit=3&status=completed&cursor={cursor}");
    }
    let newest_first: Vec<String> = tasks.iter().rev().cloned().collect();
    assert_eq!(found, newest_first);
    let count = |query: &str| {
        http.get(&format!("/api/v1/tasks?{query}"))
            .expect_status(200)
            .json()
            .list("items")
            .len()
    };
    assert_eq!(count("status=failed"), 0);
    assert_eq!(count("status=failed,completed"), 7);
    assert_eq!(count("status=failed&status=completed"), 7);
    assert_eq!(count("job=range_reduce"), 7);
    assert_eq!(count("job=map"), 0);
    assert_eq!(count("q=range"), 7);
    assert_eq!(count(&format!("q={}", &tasks[2][..12])), 1);
    assert_eq!(count("owner=nobody"), 0);
    assert_eq!(count("until=1"), 0);
    assert_eq!(count("since=1"), 7);
}

#[test]
fn a_key_submits_once_also_over_a_crash() {
    let mut cluster = Cluster::start(1);
    job_list(&cluster);
    let with_key = |key: &str, body: &Value| HttpRequest::post("/api/v1/tasks", body).header("idempotency-key", key);
    let first = cluster
        .node(0)
        .http()
        .send(&with_key("order-1", &range(100)))
        .expect_status(201);
    assert_eq!(first.header("idempotency-replayed"), None);
    let task = first.json().text("task_id").to_owned();
    cluster.kill(0);
    cluster.restart(0);
    job_list(&cluster);
    let http = cluster.node(0).http();
    let again = http.send(&with_key("order-1", &range(100))).expect_status(201);
    assert_eq!(again.json().text("task_id"), task);
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    http.send(&with_key("order-1", &range(200)))
        .expect_problem(422, "idempotency_key_reused");
    // A refused request leaves its key free.
    http.send(&with_key("order-2", &json!({"job": "no_such_job"})))
        .expect_problem(404, "not_found");
    let other = http.send(&with_key("order-2", &range(100))).expect_status(201).json();
    assert_ne!(other.text("task_id"), task);
    assert_eq!(
        http.get("/api/v1/tasks").expect_status(200).json().list("items").len(),
        2
    );
}

#[test]
fn a_quote_starts_nothing_and_a_task_is_cancelled_with_its_reason() {
    let cluster = Cluster::start(1);
    job_list(&cluster);
    let http = cluster.node(0).http();
    let quote = http.post("/api/v1/quote", &range(1000)).expect_status(200).json();
    assert_eq!(quote.number("chunks"), 10, "{quote}");
    assert_eq!(
        http.get("/api/v1/tasks").expect_status(200).json().list("items").len(),
        0
    );
    // One node cannot give three replicas: it waits.
    let mut waiting = range(1000);
    waiting["config"]["verify"] = json!("quorum:3");
    let task = submit(&http, &waiting);
    let cancel = format!("/api/v1/tasks/{task}/cancel");
    let report = http
        .post(&cancel, &json!({"reason": "no more needed"}))
        .expect_status(200)
        .json();
    assert_eq!(
        (report.text("status"), report.text("detail")),
        ("cancelled", "no more needed")
    );
    http.post(&cancel, &json!({})).expect_problem(409, "conflict");
}

#[test]
fn who_sees_only_own_tasks_sees_nothing_of_others() {
    let cluster = Cluster::start(1);
    job_list(&cluster);
    let node = cluster.node(0);
    let token = |name: &str| {
        let made = node.ask(&["token", "new", "--role", "submitter", "--name", name]);
        made.text("token").to_owned()
    };
    let (ann, bob) = (
        node.http().with_token(&token("ann")),
        node.http().with_token(&token("bob")),
    );
    let task = submit(&ann, &alone(100));
    let mine = finished(&ann, &task);
    assert_eq!(mine.text("owner"), "ann");
    assert_eq!(
        bob.get("/api/v1/tasks").expect_status(200).json().list("items").len(),
        0
    );
    assert_eq!(
        bob.get("/api/v1/tasks?owner=ann")
            .expect_status(200)
            .json()
            .list("items")
            .len(),
        0
    );
    assert_eq!(
        ann.get("/api/v1/tasks").expect_status(200).json().list("items").len(),
        1
    );
    let nobody = "ab".repeat(32);
    for part in [
        "",
        "/request",
        "/explain",
        "/chunks",
        "/chunks/0",
        "/logs",
        "/receipts",
        "/events",
        "/result",
    ] {
        // Word for word what is said of a task that is not there.
        let theirs = bob
            .get(&format!("/api/v1/tasks/{task}{part}"))
            .expect_problem(404, "not_found");
        let absent = bob
            .get(&format!("/api/v1/tasks/{nobody}{part}"))
            .expect_problem(404, "not_found");
        assert_eq!(theirs.replace(&task, "ID"), absent.replace(&nobody, "ID"), "{part}");
        ann.get(&format!("/api/v1/tasks/{task}{part}")).expect_status(200);
    }
    bob.post(&format!("/api/v1/tasks/{task}/cancel"), &json!({}))
        .expect_problem(404, "not_found");
    bob.post(&format!("/api/v1/tasks/{task}/replay"), &json!({"chunk": 0}))
        .expect_problem(404, "not_found");
    let mut forged = range(10);
    forged["owner_id"] = json!("ann");
    bob.post("/api/v1/tasks", &forged).expect_problem(400, "bad_input");
}
