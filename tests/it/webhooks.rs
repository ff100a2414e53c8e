//! Webhooks as a receiver sees them: signed, repeated until taken, over restarts, and never into private networks.

use hmac::{Hmac, KeyInit, Mac};
use p2pjob_tests::{Cluster, ClusterOptions, Node, PATIENCE, Received, Receiver, Report, wait_until};
use serde_json::json;
use sha2::Sha256;

/// One node that may call receivers on this machine.
fn node_with(settings: &[&str]) -> Cluster {
    let all = ["webhooks.allow_private=true"].iter().chain(settings);
    let flags = all.flat_map(|setting| ["--set".to_owned(), (*setting).to_owned()]);
    Cluster::start_with(&ClusterOptions {
        nodes: 1,
        flags: ["--slots".to_owned(), "1".to_owned()]
            .into_iter()
            .chain(flags)
            .collect(),
    })
}

fn add(node: &Node, receiver: &Receiver, more: &[&str]) -> Report {
    let url = receiver.url();
    node.ask(&[&["webhook", "add", &url], more].concat())
}

/// Runs a small task to its end; its report. The number keeps tasks apart.
fn task(node: &Node, number: u32) -> Report {
    let end = format!("end={number}");
    let params = ["start=1", "operation=sum", &end].map(|param| ["--param", param]);
    node.complete("range_reduce", &[&params.concat()[..], &["--verify", "none"]].concat())
}

fn deliveries(node: &Node, state: &str) -> Vec<Report> {
    node.ask(&["webhook", "deliveries", "--state", state])
        .list("deliveries")
}

/// Waits for exactly one delivery in a state, with at least so many attempts.
#[track_caller]
fn await_delivery(node: &Node, state: &str, attempts: usize) -> Report {
    wait_until(&format!("a delivery is {state}"), PATIENCE, || {
        let found = deliveries(node, state);
        match found.as_slice() {
            [one] if one.list("attempts").len() >= attempts => Ok(one.clone()),
            _ => Err(node.ask(&["webhook", "deliveries"])),
        }
    })
}

/// Verifies as docs/webhooks.md says.
#[track_caller]
fn check_signature(message: &Received, secret: &str) {
    let text = secret.strip_prefix("whsec_").expect("a secret of the documented form");
    let key = data_encoding::BASE64.decode(text.as_bytes()).expect("base64");
    let (id, at) = (message.header("webhook-id"), message.header("webhook-timestamp"));
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).expect("a key");
    mac.update(format!("{id}.{at}.").as_bytes());
    mac.update(&message.body);
    let given = message
        .header("webhook-signature")
        .strip_prefix("v1,")
        .expect("version 1");
    let given = data_encoding::BASE64.decode(given.as_bytes()).expect("base64");
    mac.verify_slice(&given).expect("the signature is valid");
}

#[test]
fn a_receiver_that_fails_twice_gets_it_the_third_time() {
    let cluster = node_with(&["webhooks.first_pause_ms=20"]);
    let node = cluster.node(0);
    let receiver = Receiver::start(&[Some(500), Some(503), Some(204)]);
    let hook = add(node, &receiver, &[]);
    let secret = hook.text("secret");
    let done = task(node, 100);
    let messages = [receiver.next(), receiver.next(), receiver.next()];
    for message in &messages {
        check_signature(message, secret);
        assert_eq!(message.header("webhook-id"), messages[0].header("webhook-id"));
        assert_eq!(message.body, messages[0].body);
        assert_eq!(message.header("content-type"), "application/json");
    }
    let body = messages[2].json();
    assert_eq!(
        (body.text("event"), body.text("status")),
        ("task_completed", "completed")
    );
    assert_eq!(body.text("task_id"), done.text("task_id"));
    assert_eq!(body.text("result_hash"), done.text("result_hash"));
    assert_eq!((body.number("result"), body.text("job_name")), (5_050, "range_reduce"));
    assert!(body.at("timestamp").as_f64().is_some_and(|at| at > 1e9), "{body}");
    let delivered = await_delivery(node, "delivered", 3);
    let statuses: Vec<i64> = delivered
        .list("attempts")
        .iter()
        .map(|attempt| attempt.number("status"))
        .collect();
    assert_eq!(statuses, [500, 503, 204], "{delivered}");
    assert!(deliveries(node, "pending").is_empty() && deliveries(node, "dead").is_empty());
    assert!(receiver.early().is_none(), "a message that was taken is not sent again");
    let listed = node.ask(&["webhook", "list"]);
    assert!(
        listed.find("webhooks.0.secret").is_none(),
        "the secret is shown once: {listed}"
    );
}

#[test]
fn a_node_killed_between_attempts_delivers_after_its_restart() {
    let mut cluster = node_with(&["webhooks.first_pause_ms=2000"]);
    let receiver = Receiver::start(&[Some(500), Some(200)]);
    let hook = add(cluster.node(0), &receiver, &[]);
    let done = task(cluster.node(0), 200);
    let first = receiver.next();
    await_delivery(cluster.node(0), "pending", 1);
    cluster.kill(0);
    assert!(
        receiver.early().is_none(),
        "the node was killed before the second attempt"
    );
    cluster.restart(0);
    let second = receiver.next();
    check_signature(&second, hook.text("secret"));
    assert_eq!(second.header("webhook-id"), first.header("webhook-id"));
    assert_eq!(second.json().text("task_id"), done.text("task_id"));
    await_delivery(cluster.node(0), "delivered", 2);
    // What ended before is not told again, what ends now is told once.
    let next = task(cluster.node(0), 201);
    assert_eq!(receiver.next().json().text("task_id"), next.text("task_id"));
    assert!(receiver.early().is_none());
}

#[test]
fn a_dead_letter_is_listed_and_sent_again() {
    let cluster = node_with(&["webhooks.first_pause_ms=10", "webhooks.max_attempts=2"]);
    let node = cluster.node(0);
    let receiver = Receiver::start(&[Some(302)]);
    add(node, &receiver, &["--event", "task_completed"]);
    task(node, 300);
    let dead = await_delivery(node, "dead", 2);
    let error = dead.text("attempts.1.error");
    assert!(
        error.contains("302") && error.contains("redirects are not followed"),
        "{dead}"
    );
    assert_eq!(dead.text("attempts.1.answer"), "ok");
    let first = [receiver.next(), receiver.next()];
    receiver.answer(&[Some(200)]);
    node.ask(&["webhook", "resend", dead.text("id")]);
    let again = receiver.next();
    assert_eq!(again.header("webhook-id"), first[0].header("webhook-id"));
    assert_eq!(again.body, first[1].body);
    await_delivery(node, "delivered", 3);
    node.run(&["webhook", "resend", dead.text("id")])
        .fails(4, &["no delivery"]);
    node.run(&["webhook", "resend", "nonsense"]).fails(4, &["nonsense"]);
}

#[test]
fn private_receivers_are_refused_unless_allowed() {
    let cluster = Cluster::start(1);
    let node = cluster.node(0);
    let wrong = [
        ("https://127.0.0.1:9/hook", "loopback"),
        ("https://localhost/hook", "loopback"),
        ("https://[::ffff:10.0.0.1]/", "private"),
        ("https://169.254.169.254/latest/meta-data", "link-local"),
        ("http://example.com/", "https://"),
        ("https://user:word@example.com/", "user or password"),
        ("nonsense", "not valid"),
    ];
    for (url, why) in wrong {
        node.run(&["webhook", "add", url]).fails(3, &[why]);
    }
    node.run(&["webhook", "add", "http://127.0.0.1:9/"])
        .fails(3, &["webhooks.allow_private"]);
    assert!(node.ask(&["webhook", "list"]).list("webhooks").is_empty());
    node.run(&["webhook", "remove", "wh_0"]).fails(4, &["wh_0"]);
}

#[test]
fn a_slow_receiver_delays_nobody_else() {
    let cluster = node_with(&[]);
    let node = cluster.node(0);
    let (slow, quick) = (Receiver::start(&[None]), Receiver::start(&[Some(200)]));
    add(node, &slow, &[]);
    add(node, &quick, &[]);
    for number in 400..410 {
        let done = task(node, number);
        // The slow one has messages that it does not answer, and still this one comes at once.
        assert_eq!(quick.next().json().text("task_id"), done.text("task_id"));
        if number == 400 {
            assert_eq!(slow.next().answered, None);
        }
    }
    let listed = node.ask(&["webhook", "list"]);
    let pending: Vec<i64> = listed
        .list("webhooks")
        .iter()
        .map(|hook| hook.number("pending"))
        .collect();
    assert!(pending[0] > 0, "the slow one has answered nothing: {listed}");
}

#[test]
fn gone_ends_a_hook_until_a_test_is_taken() {
    let cluster = node_with(&["webhooks.first_pause_ms=10"]);
    let node = cluster.node(0);
    let receiver = Receiver::start(&[Some(410)]);
    let hook = add(node, &receiver, &[]);
    let id = hook.text("id");
    task(node, 500);
    receiver.next();
    let dead = await_delivery(node, "dead", 1);
    let listed = node.ask(&["webhook", "list"]);
    assert!(listed.text("webhooks.0.disabled.reason").contains("410"), "{listed}");
    node.run(&["webhook", "resend", dead.text("id")])
        .fails(3, &["disabled"]);
    task(node, 501);
    assert_eq!(node.run(&["webhook", "test", id]).code, 8, "a ping that is refused");
    let ping = receiver.next();
    assert_eq!(ping.json().text("event"), "ping", "what ended meanwhile was not sent");
    check_signature(&ping, hook.text("secret"));
    receiver.answer(&[Some(200)]);
    node.ask(&["webhook", "test", id]);
    receiver.next();
    let done = task(node, 502);
    assert_eq!(receiver.next().json().text("task_id"), done.text("task_id"));
    node.ask(&["webhook", "remove", id]);
    assert!(node.ask(&["webhook", "deliveries"]).list("deliveries").is_empty());
}

#[test]
fn hooks_get_the_events_and_owners_they_asked_for() {
    let cluster = node_with(&[]);
    let node = cluster.node(0);
    let (failures, cancels, of_ann) = (
        Receiver::start(&[Some(200)]),
        Receiver::start(&[Some(200)]),
        Receiver::start(&[Some(200)]),
    );
    add(node, &failures, &["--event", "task_failed"]);
    add(node, &cancels, &["--event", "task_cancelled"]);
    add(node, &of_ann, &["--owner", "ann"]);
    task(node, 600);
    let params = ["--param", "chunks=4", "--param", "fail_every=2", "--verify", "none"];
    node.run(&[&["submit", "bench_empty", "--wait"][..], &params].concat())
        .report(5);
    let failed = failures.next().json();
    assert_eq!((failed.text("event"), failed.text("status")), ("task_failed", "failed"));
    assert!(failed.text("failure").contains("2 of 4 chunks failed"), "{failed}");
    assert!(
        failed.at("result").is_null() && failed.at("reason").is_null(),
        "{failed}"
    );
    let waiting = node.submit("bench_empty", &["--param", "chunks=3", "--verify", "quorum:5"]);
    node.ask(&["cancel", &waiting, "--reason", "changed my mind"]);
    let cancelled = cancels.next().json();
    assert_eq!(cancelled.text("task_id"), waiting);
    assert_eq!(cancelled.text("reason"), "changed my mind");
    assert!(failures.early().is_none() && cancels.early().is_none() && of_ann.early().is_none());
}

#[test]
fn webhooks_are_managed_over_http() {
    let cluster = node_with(&["webhooks.first_pause_ms=10", "webhooks.max_attempts=1"]);
    let node = cluster.node(0);
    let http = node.http();
    let receiver = Receiver::start(&[Some(500)]);
    let asked = json!({ "url": receiver.url(), "events": ["task_completed"] });
    let answer = http.post("/api/v1/webhooks", &asked).expect_status(201);
    let place = answer.header("location").expect("a place").to_owned();
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let made = answer.json();
    assert!(made.text("secret").starts_with("whsec_"), "{made}");
    assert!(http.get(&place).expect_status(200).json().find("secret").is_none());
    let wrong = json!({ "url": receiver.url(), "events": ["task_faild"], "secrt": 1 });
    http.post("/api/v1/webhooks", &wrong).expect_problem(400, "bad_input");
    http.post("/api/v1/webhooks", &json!({ "url": "ftp://example.com/" }))
        .expect_problem(400, "bad_input");

    let tested = http
        .post(&format!("{place}/test"), &json!({}))
        .expect_status(200)
        .json();
    assert!(!tested.flag("ok"), "{tested}");
    assert_eq!(tested.number("attempt.status"), 500);
    check_signature(&receiver.next(), made.text("secret"));
    task(node, 700);
    await_delivery(node, "dead", 1);
    task(node, 701);
    wait_until("two dead letters", PATIENCE, || match deliveries(node, "dead").len() {
        2 => Ok(()),
        count => Err(count),
    });
    let page = |query: &str| {
        http.get(&format!("/api/v1/webhooks/deliveries?{query}"))
            .expect_status(200)
            .json()
    };
    let first = page("state=dead&limit=1");
    let cursor = first.text("next_cursor");
    let second = page(&format!("state=dead&limit=1&cursor={cursor}"));
    assert_ne!(first.text("items.0.id"), second.text("items.0.id"));
    assert!(second.at("next_cursor").is_null(), "{second}");
    http.get(&format!("/api/v1/webhooks/deliveries?state=pending&cursor={cursor}"))
        .expect_problem(400, "bad_cursor");
    receiver.answer(&[Some(200)]);
    let id = second.text("items.0.id");
    let again = format!("/api/v1/webhooks/deliveries/{id}/resend");
    http.post(&again, &json!({})).expect_status(200);
    await_delivery(node, "delivered", 2);
    http.delete(&place).expect_status(204);
    http.get(&place).expect_problem(404, "not_found");
    http.post(&again, &json!({})).expect_problem(404, "not_found");
}
