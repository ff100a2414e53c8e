//! GraphQL over a real node: queries, mutations, subscriptions to the end of a task, limits, roles.
//! `P2PJOB_GOLDEN=write cargo test -p p2pjob-tests --test it graphql` writes docs/schema.graphql anew.

use p2pjob_tests::{Cluster, ClusterOptions, HttpClient, Message, Node, Report, WebSocket};
use serde_json::{Value, json};
use std::path::PathBuf;

const PROTOCOL: &str = "graphql-transport-ws";
/// Subscriptions that one connection may have.
const MAX_SUBSCRIPTIONS: usize = 32;

fn node_with(flags: &[&str]) -> Cluster {
    Cluster::start_with(&ClusterOptions {
        nodes: 1,
        flags: ["--slots", "1"]
            .iter()
            .chain(flags)
            .map(|flag| (*flag).to_owned())
            .collect(),
    })
}

#[track_caller]
fn ask_with(http: &HttpClient, query: &str, variables: &Value) -> Report {
    let body = json!({ "query": query, "variables": variables });
    http.post("/graphql", &body).expect_status(200).json()
}

#[track_caller]
fn ask(http: &HttpClient, query: &str) -> Report {
    let answer = ask_with(http, query, &json!({}));
    assert!(answer.find("errors").is_none(), "{answer}");
    answer
}

/// The first error of an answer, which must have this code.
#[track_caller]
fn refused(http: &HttpClient, query: &str, code: &str) -> String {
    let answer = ask_with(http, query, &json!({}));
    assert_eq!(answer.text("errors.0.extensions.code"), code, "{answer}");
    answer.text("errors.0.message").to_owned()
}

fn submit(http: &HttpClient, end: u64) -> String {
    let query = "mutation($params: JSON!) { submit_task(input: { job: \"range_reduce\", params: $params, \
                 config: { verify: \"none\" } }) { task_id message } }";
    let variables = json!({ "params": { "start": 1, "end": end, "operation": "sum" } });
    let answer = ask_with(http, query, &variables);
    answer.text("data.submit_task.task_id").to_owned()
}

fn token(node: &Node, role: &str, name: &str) -> HttpClient {
    let made = node.ask(&["token", "new", "--role", role, "--name", name]);
    node.http().with_token(made.text("token"))
}

/// A connection that is let in.
#[track_caller]
fn connect(http: &HttpClient, payload: &Value) -> WebSocket {
    let mut socket = WebSocket::open(http, "/graphql/ws", PROTOCOL).expect("a WebSocket");
    socket.say(&json!({ "type": "connection_init", "payload": payload }));
    assert_eq!(socket.hear().text("type"), "connection_ack");
    socket
}

fn subscribe(socket: &mut WebSocket, id: &str, query: &str) {
    socket.say(&json!({ "id": id, "type": "subscribe", "payload": { "query": query } }));
}

#[test]
fn the_committed_schema_is_the_one_of_the_code() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/schema.graphql");
    let sdl = http_api::schema_sdl();
    if std::env::var("P2PJOB_GOLDEN").is_ok_and(|mode| mode == "write") {
        std::fs::write(&path, &sdl).expect("docs/schema.graphql is writable");
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    let differing = sdl
        .lines()
        .zip(committed.lines().chain(std::iter::repeat("")))
        .find(|(code, file)| code != file);
    assert!(
        committed == sdl,
        "docs/schema.graphql is not of this code, first at {differing:?}; write it anew with\n  \
         P2PJOB_GOLDEN=write cargo test -p p2pjob-tests --test it graphql"
    );
    for name in [
        "task(",
        "task_id: String!",
        "network_status: NetworkStatus!",
        "submit_task(",
        "task_updated(",
    ] {
        assert!(sdl.contains(name), "the schema has no {name}");
    }
}

#[test]
fn a_task_is_submitted_watched_to_its_end_and_queried() {
    let cluster = node_with(&[]);
    let http = cluster.node(0).http();
    cluster.node(0).await_job("range_reduce");
    let task = submit(&http, 1_000);
    let mut socket = connect(&http, &json!({}));
    let query = format!("subscription {{ task_updated(task_id: \"{task}\") {{ status result result_hash }} }}");
    subscribe(&mut socket, "1", &query);
    let mut last = Report(Value::Null);
    loop {
        let message = socket.hear();
        assert_eq!(message.text("id"), "1");
        if message.text("type") == "complete" {
            break;
        }
        last = message;
    }
    assert_eq!(last.text("payload.data.task_updated.status"), "completed", "{last}");
    assert_eq!(last.number("payload.data.task_updated.result"), 500_500);

    let query = format!(
        "{{ task(task_id: \"{task}\") {{ task_id status owner_id result }} network_status {{ node_id active_tasks \
         pricing_analytics {{ market_condition current_prices }} }} \
         chunks(task_id: \"{task}\") {{ chunk decision replicas {{ node verdict }} }} \
         events(task_id: \"{task}\", limit: 500) {{ items {{ seq type task data }} next_from }} }}"
    );
    let answer = ask(&http, &query);
    assert_eq!(answer.number("data.task.result"), 500_500, "{answer}");
    assert_eq!(answer.text("data.network_status.node_id"), cluster.node(0).name());
    assert_eq!(answer.text("data.chunks.0.decision"), "accepted");
    let events = answer.list("data.events.items");
    assert_eq!(events[0].text("type"), "task_submitted");
    assert!(
        events.iter().any(|event| event.text("type") == "task_completed"),
        "{answer}"
    );
    let others = ask(
        &http,
        "{ jobs { name } peers { node } prices { market_factor } ledger { balance } }",
    );
    assert!(
        others
            .list("data.jobs")
            .iter()
            .any(|job| job.text("name") == "range_reduce")
    );
}

#[test]
fn events_are_followed_from_a_position_in_the_journal() {
    let cluster = node_with(&[]);
    let http = cluster.node(0).http();
    cluster.node(0).await_job("range_reduce");
    let mut socket = connect(&http, &json!({}));
    subscribe(
        &mut socket,
        "live",
        "subscription { events(types: [\"task_completed\"]) { seq type task } }",
    );
    // What is asked on one connection is answered in order: the subscription stands when this is answered.
    subscribe(&mut socket, "now", "query { network_status { journal_seq } }");
    while socket.hear().text("type") != "complete" {}
    let task = submit(&http, 77);
    let live = socket.hear();
    assert_eq!(live.text("payload.data.events.task"), task, "{live}");
    let seq = live.number("payload.data.events.seq");
    let query = format!("subscription {{ events(from: {seq}, types: [\"task_completed\"]) {{ seq }} }}");
    subscribe(&mut socket, "past", &query);
    let past = socket.hear();
    assert_eq!((past.text("id"), past.number("payload.data.events.seq")), ("past", seq));
    subscribe(
        &mut socket,
        "wrong",
        "subscription { events(types: [\"nonsense\"]) { seq } }",
    );
    let wrong = socket.hear();
    assert_eq!(wrong.text("payload.errors.0.extensions.code"), "bad_input", "{wrong}");
}

#[test]
fn tasks_come_in_pages_and_are_submitted_once_per_key() {
    let cluster = node_with(&[]);
    let http = cluster.node(0).http();
    cluster.node(0).await_job("range_reduce");
    let tasks: Vec<String> = (1..=3).map(|end| submit(&http, end)).collect();
    let page = |after: &str| {
        let query = "query($after: String) { tasks(first: 2, after: $after) { edges { cursor node { task_id } } \
                     pageInfo { hasNextPage endCursor } } }";
        let after = if after.is_empty() { Value::Null } else { after.into() };
        ask_with(&http, query, &json!({ "after": after }))
    };
    let first = page("");
    assert!(first.flag("data.tasks.pageInfo.hasNextPage"), "{first}");
    let second = page(first.text("data.tasks.pageInfo.endCursor"));
    assert!(!second.flag("data.tasks.pageInfo.hasNextPage"), "{second}");
    let mut listed: Vec<String> = [first.list("data.tasks.edges"), second.list("data.tasks.edges")]
        .concat()
        .iter()
        .map(|edge| edge.text("node.task_id").to_owned())
        .collect();
    listed.reverse();
    assert_eq!(listed, tasks);
    let other = "{ tasks(filter: { status: [\"failed\"] }, after: \"";
    let query = format!(
        "{other}{}\") {{ edges {{ cursor }} }} }}",
        first.text("data.tasks.pageInfo.endCursor")
    );
    refused(&http, &query, "bad_cursor");

    let once = "mutation { submit_task(input: { task_type: \"range_reduce\", params: { start: 1, end: 9, operation: \
                \"sum\" }, owner_id: \"user123\" }, idempotency_key: \"key-1\") { task_id owner_id } }";
    let (one, two) = (ask(&http, once), ask(&http, once));
    assert_eq!(
        one.text("data.submit_task.task_id"),
        two.text("data.submit_task.task_id")
    );
    assert_eq!(one.text("data.submit_task.owner_id"), "user123");
    refused(&http, &once.replace("end: 9", "end: 10"), "idempotency_key_reused");
}

#[test]
fn bombs_and_wrong_requests_are_refused() {
    let cluster = node_with(&[]);
    let http = cluster.node(0).http();
    let deep = format!("{{ {}name{} }}", "__type(name: \"Task\") { fields { type { ", " } } }");
    ask(&http, &deep);
    let nested: String = "fields { type { ".repeat(12);
    let bomb = format!(
        "{{ __type(name: \"Query\") {{ {nested} name {} }} }}",
        "} } ".repeat(12)
    );
    assert!(refused(&http, &bomb, "bad_input").contains("introspection"));
    let deep = format!(
        "{{ a: __type(name: \"Task\") {{ {} name {} }} }}",
        "ofType { ".repeat(25),
        "} ".repeat(25)
    );
    refused(&http, &deep, "bad_input");
    let aliases: String = (0..1_000)
        .map(|n| format!("a{n}: network_status {{ node_id }} "))
        .collect();
    let problem = http.post("/graphql", &json!({ "query": format!("{{ {aliases} }}") }));
    assert!(
        problem.text().contains("bytes") || problem.text().contains("complex"),
        "{problem}"
    );
    let aliases: String = (0..500)
        .map(|n| format!("a{n}: network_status {{ node_id }} "))
        .collect();
    assert!(refused(&http, &format!("{{ {aliases} }}"), "bad_input").contains("complex"));
    let directives = "@include(if: true) ".repeat(50);
    refused(
        &http,
        &format!("{{ network_status {{ node_id {directives} }} }}"),
        "bad_input",
    );
    let long = format!("{{ network_status {{ node_id }} }} # {}", "x".repeat(40_000));
    http.post("/graphql", &json!({ "query": long }))
        .expect_problem(400, "bad_input");
    http.post("/graphql", &json!([{ "query": "{ jobs { name } }" }]))
        .expect_problem(400, "bad_input");
    http.post("/graphql", &json!({ "variables": {} }))
        .expect_problem(400, "bad_input");
    http.post("/graphql", &json!({ "query": 7 }))
        .expect_problem(400, "bad_input");
    assert!(refused(&http, "{ nothing }", "bad_input").contains("nothing"));
    assert!(refused(&http, "{ task(task_id: \"xyz\") { status } }", "bad_input").contains("64"));
    let absent = format!("{{ task(task_id: \"{}\") {{ status }} }}", "0".repeat(64));
    refused(&http, &absent, "not_found");
    refused(&http, "{ tasks(first: 501) { edges { cursor } } }", "bad_input");
    refused(
        &http,
        "mutation { submit_task(input: { job: \"no_such_job\" }) { task_id } }",
        "not_found",
    );
    refused(
        &http,
        "mutation { publish_job(component_hash: \"nonsense\") { job } }",
        "bad_input",
    );
}

#[test]
fn roles_and_owners_are_those_of_rest() {
    let cluster = node_with(&["--set", "http.anonymous_role=none"]);
    let node = cluster.node(0);
    node.await_job("range_reduce");
    node.http()
        .post("/graphql", &json!({ "query": "{ jobs { name } }" }))
        .expect_problem(401, "unauthenticated");
    let viewer = token(node, "viewer", "vera");
    let message = refused(
        &viewer,
        "mutation { submit_task(input: { job: \"range_reduce\" }) { task_id } }",
        "wrong_role",
    );
    assert!(message.contains("submitter") && message.contains("viewer"), "{message}");
    let (ann, bob) = (token(node, "submitter", "ann"), token(node, "submitter", "bob"));
    let of_ann = submit(&ann, 50);
    let cancel = format!("mutation {{ cancel_task(task_id: \"{of_ann}\") {{ status }} }}");
    let refusal = ask_with(&bob, &cancel, &json!({}));
    let code = refusal.text("errors.0.extensions.code");
    assert!(["not_found", "forbidden"].contains(&code), "{refusal}");
    let made = node.ask(&["token", "new", "--role", "submitter", "--name", "eve", "--own-tasks"]);
    let eve = node.http().with_token(made.text("token"));
    refused(
        &eve,
        &format!("{{ task(task_id: \"{of_ann}\") {{ status }} }}"),
        "not_found",
    );
    refused(
        &eve,
        &format!("{{ chunks(task_id: \"{of_ann}\") {{ chunk }} }}"),
        "not_found",
    );
    let seen = ask(
        &eve,
        "{ tasks { edges { cursor } } events(limit: 500) { items { seq } } }",
    );
    assert!(
        seen.list("data.tasks.edges").is_empty() && seen.list("data.events.items").is_empty(),
        "{seen}"
    );

    // The socket takes the token in its first message, and nobody without one.
    let mut socket = WebSocket::open(&node.http(), "/graphql/ws", PROTOCOL).expect("a WebSocket");
    socket.say(&json!({ "type": "connection_init" }));
    let Ok(Message::Close(_, reason)) = socket.receive() else {
        panic!("a stranger was let in")
    };
    assert!(reason.contains("token"), "{reason}");
    let text = made.text("token");
    let mut socket = connect(&node.http(), &json!({ "authorization": format!("Bearer {text}") }));
    subscribe(
        &mut socket,
        "1",
        &format!("subscription {{ task_updated(task_id: \"{of_ann}\") {{ status }} }}"),
    );
    let answer = socket.hear();
    assert_eq!(answer.text("payload.errors.0.extensions.code"), "not_found", "{answer}");
    let audit = node.ask(&["audit"]);
    let recorded = audit.to_string();
    assert!(recorded.contains("GraphQL submit_task"), "{recorded}");
}

#[test]
fn one_connection_has_room_for_some_subscriptions() {
    let cluster = node_with(&[]);
    let mut socket = connect(&cluster.node(0).http(), &json!({}));
    for number in 0..MAX_SUBSCRIPTIONS {
        subscribe(
            &mut socket,
            &number.to_string(),
            "subscription { events(types: [\"task_failed\"]) { seq } }",
        );
    }
    subscribe(&mut socket, "more", "subscription { events { seq } }");
    let refusal = socket.hear();
    assert_eq!(refusal.text("id"), "more", "{refusal}");
    assert!(refusal.text("payload.errors.0.message").contains("32"), "{refusal}");
    while socket.hear().text("type") != "complete" {}
    socket.say(&json!({ "id": "0", "type": "complete" }));
    while socket.hear().text("id") != "0" {}
    subscribe(
        &mut socket,
        "again",
        "subscription { network_status(every: 1) { node_id } }",
    );
    assert_eq!(socket.hear().text("id"), "again");
    assert!(WebSocket::open(&cluster.node(0).http(), "/graphql/ws", "chat").is_err());
}
