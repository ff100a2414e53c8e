//! What happens at a node, heard over HTTP: every event once and in order, also by those who were away or came late.
//! Records the journals that the console's reducer is tested on: `P2PJOB_GOLDEN=write cargo test -p p2pjob-tests recorded`.

use p2pjob_tests::{Cluster, HttpClient, HttpRequest, Node, Report, SseEvent, UpNetwork, text};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Listeners at the same time.
const LISTENERS: usize = 200;
/// What ends a task.
const ENDS: [&str; 3] = ["task_completed", "task_failed", "task_cancelled"];

fn listen(http: &HttpClient, target: &str, last: Option<&str>) -> p2pjob_tests::HttpStream {
    let request = HttpRequest::get(target).header("accept", "text/event-stream");
    let request = last
        .iter()
        .fold(request, |request, last| request.header("last-event-id", last));
    let stream = http.stream(&request);
    assert_eq!(stream.head.status, 200, "{:?}", stream.head);
    assert_eq!(stream.head.header("content-type"), Some("text/event-stream"));
    assert_eq!(stream.head.header("cache-control"), Some("no-store"));
    stream
}

/// Events until one of a task's end, this included.
fn until_end(stream: &mut p2pjob_tests::HttpStream) -> Vec<SseEvent> {
    let mut events = vec![stream.event()];
    while !events
        .last()
        .is_some_and(|event| ENDS.contains(&event.kind.as_deref().unwrap_or_default()))
    {
        events.push(stream.event());
    }
    events
}

/// The part of the journal that a page-wise reader sees.
fn journal(http: &HttpClient, target: &str) -> Vec<Report> {
    let mut records = Vec::new();
    // Without a word about JSON, all events are a stream.
    let http = http.with_header("accept", "application/json");
    let mut page = http.get(&format!("{target}?limit=17")).expect_status(200).json();
    loop {
        records.extend(page.list("items"));
        let Some(cursor) = page.at("next_cursor").as_str() else {
            return records;
        };
        page = http
            .get(&format!("{target}?limit=17&cursor={cursor}"))
            .expect_status(200)
            .json();
    }
}

/// That the stream's events are the journal's records from the first to the last of them: none missing, none twice.
#[track_caller]
fn same(events: &[SseEvent], records: &[Report]) {
    let wanted: Vec<&Report> = records.iter().take(events.len()).collect();
    assert_eq!(events.len(), wanted.len());
    for (event, record) in events.iter().zip(wanted) {
        let data: serde_json::Value = serde_json::from_str(&event.data).expect("an event is JSON");
        assert_eq!(data, record.0);
        assert_eq!(event.id.as_deref(), Some(record.number("seq").to_string().as_str()));
        assert_eq!(event.kind.as_deref(), Some(record.text("type")));
    }
    assert!(
        records
            .windows(2)
            .all(|pair| pair[0].number("seq") < pair[1].number("seq"))
    );
}

fn submit(node: &Node, chunks: u32) -> String {
    node.submit(
        "bench_empty",
        &[
            "--param",
            &format!("chunks={chunks}"),
            "--verify",
            "quorum:2",
            "--no-memo",
        ],
    )
}

#[test]
fn a_task_is_heard_whole_and_a_cut_stream_goes_on_exactly() {
    let cluster = Cluster::start(3);
    let node = cluster.node(0);
    let http = node.http();
    let mut all = listen(&http, "/api/v1/events?from=1", None);
    let task = submit(node, 300);
    let target = format!("/api/v1/tasks/{task}/events");
    let mut first = listen(&http, &target, None);
    let mut heard = vec![first.event(), first.event(), first.event()];
    // Cut in the middle, twice.
    drop(first);
    for _ in 0..2 {
        let last = heard.last().and_then(|event| event.id.clone());
        // What EventSource does: the same address again, with the last id.
        let mut again = listen(&http, &format!("{target}?from=1"), last.as_deref());
        heard.extend([again.event(), again.event()]);
    }
    let last = heard.last().and_then(|event| event.id.clone());
    heard.extend(until_end(&mut listen(&http, &target, last.as_deref())));
    let records = journal(&http, &target);
    same(&heard, &records);
    assert_eq!(records[0].text("type"), "task_submitted");

    // Who hears everything has it too, in the same order.
    let everything = until_end(&mut all);
    same(&everything, &journal(&http, "/api/v1/events"));
    let of_task = |event: &&SseEvent| event.data.contains(&format!("\"task\":\"{task}\""));
    let ids = |events: Vec<&SseEvent>| events.iter().map(|event| event.id.clone()).collect::<Vec<_>>();
    assert_eq!(
        ids(everything.iter().filter(of_task).collect()),
        ids(heard.iter().collect())
    );

    // Only what is asked for.
    let mut ends = listen(&http, "/api/v1/events?from=1&types=task_completed,task_planned", None);
    assert_eq!(ends.event().kind.as_deref(), Some("task_planned"));
    assert_eq!(ends.event().kind.as_deref(), Some("task_completed"));
}

#[test]
fn wrong_places_and_types_are_named() {
    let cluster = Cluster::start(1);
    let http = cluster.node(0).http();
    let with = |name: &str, value: &str| http.send(&HttpRequest::get("/api/v1/events").header(name, value));
    for bad in ["x", "-1", "99999999999999999999", "1,2"] {
        let said = with("last-event-id", bad).expect_problem(400, "bad_input");
        assert!(said.contains("Last-Event-ID"), "{said}");
    }
    with("last-event-id", "4000000000").expect_problem(400, "unknown_event");
    let said = http
        .get("/api/v1/events?types=task_done")
        .expect_problem(400, "bad_input");
    assert!(said.contains("task_done") && said.contains("task_completed"), "{said}");
    for bad in ["from=-1", "from=x", "nonsense=1", "limit=x"] {
        http.get(&format!("/api/v1/events?{bad}"))
            .expect_problem(400, "bad_input");
    }
    let json = |query: &str| {
        http.send(&HttpRequest::get(&format!("/api/v1/events?{query}")).header("accept", "application/json"))
    };
    json("limit=0").expect_problem(400, "bad_input");
    json("cursor=00").expect_problem(400, "bad_cursor");
    let beyond = json("from=4000000000").expect_status(200).json();
    assert!(
        beyond.list("items").is_empty() && beyond.at("next_cursor").is_null(),
        "{beyond}"
    );
    let nobodys = "0".repeat(64);
    http.get(&format!("/api/v1/tasks/{nobodys}/events"))
        .expect_problem(404, "not_found");
    http.get("/api/v1/tasks/abc/events").expect_problem(400, "bad_input");
}

#[test]
fn a_listener_of_a_killed_node_goes_on_after_its_restart() {
    let mut cluster = Cluster::start(3);
    let task = submit(cluster.node(0), 400);
    let target = format!("/api/v1/tasks/{task}/events");
    let mut stream = listen(&cluster.node(0).http(), &target, None);
    let mut heard: Vec<SseEvent> = (0..6).map(|_| stream.event()).collect();
    cluster.kill(0);
    // What was on its way may still come; then the connection ends.
    while let Ok(Some(event)) = stream.try_event() {
        heard.push(event);
    }
    cluster.restart(0);
    let http = cluster.node(0).http();
    let ended = heard
        .iter()
        .any(|event| ENDS.contains(&event.kind.as_deref().unwrap_or_default()));
    if !ended {
        let last = heard.last().and_then(|event| event.id.clone());
        heard.extend(until_end(&mut listen(&http, &target, last.as_deref())));
    }
    same(&heard, &journal(&http, &target));
}

#[test]
fn a_token_for_its_own_tasks_hears_of_no_others() {
    let cluster = Cluster::start(2);
    let node = cluster.node(0);
    let admin = node
        .ask(&["token", "new", "--role", "admin", "--name", "root"])
        .text("token")
        .to_owned();
    let http = node.http().with_token(&admin);
    let token = |name: &str| {
        let wanted = json!({"name": name, "role": "submitter", "own_only": true});
        let made = http.post("/api/v1/tokens", &wanted).expect_status(201).json();
        node.http().with_token(made.text("token"))
    };
    let (ann, bob) = (token("ann"), token("bob"));
    let submit = |who: &HttpClient| {
        let wanted =
            json!({"job": "bench_empty", "params": {"chunks": 5}, "config": {"verify": "none", "memo": false}});
        who.post("/api/v1/tasks", &wanted)
            .expect_status(201)
            .json()
            .text("task_id")
            .to_owned()
    };
    let (of_ann, of_bob) = (submit(&ann), submit(&bob));
    let mut stream = listen(&bob, "/api/v1/events?from=1", None);
    for event in until_end(&mut stream) {
        assert!(
            event.data.contains(&of_bob) && !event.data.contains(&of_ann),
            "{event:?}"
        );
    }
    let page = bob.send(&HttpRequest::get("/api/v1/events").header("accept", "application/json"));
    for record in page.expect_status(200).json().list("items") {
        assert_eq!(record.text("task"), of_bob);
    }
    bob.get(&format!("/api/v1/tasks/{of_ann}/events"))
        .expect_problem(404, "not_found");
    bob.get(&format!("/api/v1/tasks/{of_ann}/result"))
        .expect_problem(404, "not_found");
    // Blobs: bob sees what keeps his own, and nothing of hers.
    let hash = ann
        .send(&HttpRequest::new("POST", "/api/v1/blobs").body("only ann knows that this is here"))
        .expect_status(201)
        .json()
        .text("hash")
        .to_owned();
    let seen = |who: &HttpClient| {
        who.get("/api/v1/blobs?limit=500")
            .expect_status(200)
            .text()
            .contains(&hash)
    };
    assert!(seen(&ann) && seen(&http) && !seen(&bob));
    let pins = bob.get(&format!("/api/v1/blobs/{hash}/pins")).expect_status(200).json();
    assert!(pins.list("items").is_empty(), "{pins}");
}

#[test]
fn many_listeners_hear_the_same() {
    let cluster = Cluster::start(3);
    let node = cluster.node(0);
    let http = node.http();
    let mut streams: Vec<_> = (0..LISTENERS)
        .map(|_| listen(&http, "/api/v1/events?from=1", None))
        .collect();
    let task = submit(node, 500);
    let readers: Vec<_> = streams
        .drain(..)
        .map(|mut stream| std::thread::spawn(move || until_end(&mut stream)))
        .collect();
    let heard: Vec<Vec<SseEvent>> = readers
        .into_iter()
        .map(|reader| reader.join().expect("a reader"))
        .collect();
    same(&heard[0], &journal(&http, "/api/v1/events"));
    assert!(
        heard.iter().all(|other| *other == heard[0]),
        "listeners heard different things"
    );
    assert!(heard[0].last().is_some_and(|end| end.data.contains(&task)));
}

/// What the reducer of the console is tested on, from real nodes: a task that completes, one with a liar, one that fails,
/// one that is cancelled.
#[test]
fn recorded_journals_of_the_console_are_of_today() {
    let network = UpNetwork::start(&["--nodes", "5", "--liars", "1"]);
    let node = network.node(0);
    let http = node.http();
    let words = text(3, 1 << 18);
    let input = format!("text={}", network.file("text", words.as_bytes()).display());
    let lied = node.complete(
        "word_count",
        &["--input", &input, "--chunk-size", "8192", "--verify", "quorum:3"],
    );
    // By now the liar gets nothing more.
    let good = node.complete("bench_empty", &["--param", "chunks=24", "--verify", "quorum:2"]);
    let args = [
        "submit",
        "bench_empty",
        "--wait",
        "--param",
        "chunks=20",
        "--param",
        "fail_every=2",
    ];
    let failed = node.run(&args).report(5);
    let endless = network.file("endless.wasm", &guest_programs::Program::InfiniteLoop.component());
    let job = node
        .ask(&["publish", &endless.display().to_string()])
        .text("job")
        .to_owned();
    let task = node.submit(&job, &["--verify", "quorum:2"]);
    let mut stream = listen(&http, &format!("/api/v1/tasks/{task}/events"), None);
    while stream.event().kind.as_deref() != Some("replicas_assigned") {}
    node.ask(&["cancel", &task, "--reason", "the wrong input"]);
    let id = |report: &Report| report.text("task_id").to_owned();
    let tasks = [
        ("completed", id(&good)),
        ("liar", id(&lied)),
        ("failed", id(&failed)),
        ("cancelled", task),
    ];
    for (name, task) in tasks {
        let report = http.get(&format!("/api/v1/tasks/{task}")).expect_status(200).json();
        keep(name, &journal(&http, &format!("/api/v1/tasks/{task}/events")), &report);
    }
}

/// Writes a journal for the console, or compares what is there with it: the same types of events with the same fields.
/// Beside it lies the node's own report of the task: the reducer must come to the same.
fn keep(name: &str, records: &[Report], report: &Report) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../web-console/tests/fixtures");
    let path = folder.join(format!("{name}.jsonl"));
    if std::env::var("P2PJOB_GOLDEN").is_ok_and(|value| value == "write") {
        std::fs::create_dir_all(&folder).expect("a folder for fixtures");
        let lines: String = records.iter().map(|record| format!("{record}\n")).collect();
        std::fs::write(&path, lines).expect("a fixture");
        let report = serde_json::to_string_pretty(&report.0).expect("JSON") + "\n";
        std::fs::write(folder.join(format!("{name}.report.json")), report).expect("a fixture");
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let kept: Vec<Report> = kept
        .lines()
        .map(|line| Report(serde_json::from_str(line).expect("JSON")))
        .collect();
    let (now, then) = (fields(records), fields(&kept));
    for (kind, (always, ever)) in &now {
        let Some((always_then, ever_then)) = then.get(kind) else {
            continue;
        };
        assert!(
            always.is_subset(ever_then) && always_then.is_subset(ever),
            "{name}: {kind} has {ever:?}, in {} it has {ever_then:?}: record again",
            path.display()
        );
    }
    assert!(
        then.contains_key("task_submitted") && then.len() >= 4,
        "{name}: {:?}",
        then.keys()
    );
}

/// Per type of event: the fields that all have, and those that any has.
fn fields(records: &[Report]) -> BTreeMap<String, (BTreeSet<String>, BTreeSet<String>)> {
    let mut found: BTreeMap<String, (BTreeSet<String>, BTreeSet<String>)> = BTreeMap::new();
    for record in records {
        let names: BTreeSet<String> = record.0.as_object().expect("an object").keys().cloned().collect();
        found
            .entry(record.text("type").to_owned())
            .and_modify(|(always, ever)| {
                always.retain(|name| names.contains(name));
                ever.extend(names.iter().cloned());
            })
            .or_insert_with(|| (names.clone(), names.clone()));
    }
    found
}
