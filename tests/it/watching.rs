//! Watching a network from outside: metrics as Prometheus reads them, the dashboard that asks for them, traces across
//! nodes, and log files.

mod exposition;

use exposition::{check_name, family_of, scrape, value};
use p2pjob_tests::{Cluster, ClusterOptions, Node, PATIENCE, Receiver, Report, count_words, text, wait_until};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Bytes of text to count, in chunks of [`CHUNK_BYTES`].
const TEXT_BYTES: usize = 40_000;
const CHUNK_BYTES: &str = "4000";
const DASHBOARD: &str = include_str!("../../deploy/grafana/p2pjob.json");

fn cluster_with(settings: &[String]) -> Cluster {
    let set = settings
        .iter()
        .flat_map(|setting| ["--set".to_owned(), setting.clone()]);
    Cluster::start_with(&ClusterOptions {
        nodes: 3,
        flags: ["--slots".to_owned(), "1".to_owned()].into_iter().chain(set).collect(),
    })
}

/// Counts words on all nodes; the task's report and how many words there are.
fn count_some(cluster: &Cluster) -> (Report, f64) {
    let words = text(7, TEXT_BYTES);
    let file = cluster.file("words.txt", words.as_bytes());
    let input = format!("text={}", file.display());
    let args = ["--input", &input, "--chunk-size", CHUNK_BYTES, "--verify", "quorum:2"];
    let report = cluster.node(0).complete("word_count", &args);
    (report, count_words(&words).values().sum::<u64>() as f64)
}

#[test]
#[expect(clippy::too_many_lines, reason = "one table of series")]
fn metrics_tell_what_happened() {
    let cluster = cluster_with(&[]);
    let before = scrape(cluster.node(0));
    assert_eq!(value(&before, "p2pjob_tasks_submitted_total"), 0.0);
    let (report, words) = count_some(&cluster);
    let chunks = report.number("chunks") as f64;
    assert!(chunks >= 8.0, "{report}");
    let after = scrape(cluster.node(0));
    for (name, family) in &after {
        check_name(name, family);
    }
    for (series, expected) in [
        ("p2pjob_tasks_submitted_total", 1.0),
        ("p2pjob_tasks_ended_total{status=\"completed\"}", 1.0),
        ("p2pjob_tasks_ended_total{status=\"failed\"}", 0.0),
        ("p2pjob_tasks_active", 0.0),
        ("p2pjob_chunks_planned_total", chunks),
        ("p2pjob_chunks_total{outcome=\"accepted\"}", chunks),
        ("p2pjob_replica_verdicts_total{verdict=\"wrong\"}", 0.0),
        ("p2pjob_memo_lookups_total", chunks),
        ("p2pjob_memo_hits_total", 0.0),
        ("p2pjob_plan_seconds_count", 1.0),
        ("p2pjob_reduce_seconds_count", 1.0),
        ("p2pjob_peers", 2.0),
        ("p2pjob_gpu_devices", 0.0),
        ("p2pjob_job_counter_total{job=\"word_count\",name=\"words\"}", words),
        (
            "p2pjob_job_observed_sum{job=\"word_count\",name=\"words_per_chunk\"}",
            words,
        ),
        (
            "p2pjob_job_observed_count{job=\"word_count\",name=\"words_per_chunk\"}",
            chunks,
        ),
    ] {
        assert_eq!(value(&after, series), expected, "{series}");
    }
    for series in [
        "p2pjob_journal_commit_seconds_count",
        "p2pjob_loop_turn_seconds_count",
        "p2pjob_store_bytes",
        "p2pjob_blob_sent_bytes_total",
        "p2pjob_frame_sent_bytes_total",
        "p2pjob_process_resident_memory_bytes",
        "p2pjob_process_open_files",
        "p2pjob_host_memory_size_bytes",
        "p2pjob_disk_free_bytes",
        "p2pjob_market_factor_ratio",
        "p2pjob_price_credits{resource=\"cpu\"}",
        "p2pjob_http_requests_total{method=\"GET\",route=\"/metrics\",status=\"200\"}",
    ] {
        assert!(value(&after, series) > 0.0, "{series}");
    }
    let ran = |node: &Node| value(&scrape(node), "p2pjob_sandbox_run_seconds_count");
    let all: f64 = cluster.nodes().iter().map(ran).sum();
    assert!(
        all >= 2.0 * chunks,
        "two replicas of each chunk ran somewhere: {all} of {chunks} chunks"
    );
    // What the task itself says of its job's numbers.
    assert_eq!(
        report.at("metrics.values.words.counter").as_f64(),
        Some(words),
        "{report}"
    );
    let task = cluster
        .node(0)
        .http()
        .get(&format!("/api/v1/tasks/{}", report.text("task_id")));
    let shown = task.json().list("metrics");
    let metric = shown.iter().find(|metric| metric.text("name") == "words");
    let metric = metric.unwrap_or_else(|| panic!("no words in {shown:?}"));
    assert_eq!(
        (metric.text("kind"), metric.at("value").as_f64()),
        ("counter", Some(words))
    );
}

#[test]
fn the_dashboard_asks_only_for_what_nodes_tell() {
    let dashboard: Value = serde_json::from_str(DASHBOARD).expect("the dashboard is JSON");
    let cluster = cluster_with(&[]);
    count_some(&cluster);
    // A request is counted when it is answered: the second answer tells of the first.
    scrape(cluster.node(0));
    let known = scrape(cluster.node(0));
    let panels = dashboard["panels"].as_array().expect("panels");
    let ids: BTreeSet<i64> = panels.iter().filter_map(|panel| panel["id"].as_i64()).collect();
    assert_eq!(ids.len(), panels.len(), "ids of panels are unique");
    let variables: Vec<&str> = dashboard["templating"]["list"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|variable| variable["name"].as_str())
        .collect();
    assert_eq!(variables, ["datasource", "instance"]);
    let mut asked = BTreeSet::new();
    for panel in panels.iter().filter(|panel| panel["type"] != "row") {
        let title = panel["title"].as_str().expect("a title");
        assert_eq!(panel["datasource"]["uid"], "${datasource}", "{title}");
        let place = &panel["gridPos"];
        let (x, w) = (place["x"].as_i64().expect("x"), place["w"].as_i64().expect("w"));
        assert!(x + w <= 24, "{title} leaves the grid");
        let targets = panel["targets"].as_array().expect("targets");
        assert!(!targets.is_empty(), "{title} asks for nothing");
        for target in targets {
            let expression = target["expr"].as_str().expect("an expression");
            assert_eq!(
                expression.matches('(').count(),
                expression.matches(')').count(),
                "{expression}"
            );
            asked.extend(names_in(expression));
        }
    }
    assert!(asked.len() > 40, "{asked:?}");
    for name in &asked {
        assert!(
            family_of(&known, name).is_some(),
            "{name} is on the dashboard and not in /metrics"
        );
    }
    // And the other way round: what is told can be seen, but for what only alerts and other tools want.
    let shown: BTreeSet<String> = asked.iter().filter_map(|name| family_of(&known, name)).collect();
    let unseen: Vec<&str> = known
        .keys()
        .filter(|name| !shown.contains(*name))
        .map(String::as_str)
        .collect();
    let not_shown = [
        "p2pjob_chunks_planned_total",
        "p2pjob_event_listeners",
        "p2pjob_process_start_time_seconds",
    ];
    assert_eq!(unseen, not_shown);
}

/// Names of metrics in an expression.
fn names_in(expression: &str) -> Vec<String> {
    let words = expression.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    words
        .filter(|word| word.starts_with("p2pjob_"))
        .map(str::to_owned)
        .collect()
}

/// One span as it arrived.
#[derive(Clone, Debug)]
struct Span {
    node: String,
    name: String,
    trace: String,
    id: String,
    parent: String,
    attributes: BTreeMap<String, String>,
    nanos: (u64, u64),
}

fn attributes(list: &Value) -> BTreeMap<String, String> {
    let pair = |attribute: &Value| {
        let value = &attribute["value"];
        let text = value["stringValue"].as_str().or_else(|| value["intValue"].as_str());
        let text = text.map_or_else(|| value["intValue"].to_string(), str::to_owned);
        Some((attribute["key"].as_str()?.to_owned(), text))
    };
    list.as_array().into_iter().flatten().filter_map(pair).collect()
}

fn spans_of(message: &Value) -> Vec<Span> {
    let mut spans = Vec::new();
    for resource in message["resourceSpans"].as_array().into_iter().flatten() {
        let node = attributes(&resource["resource"]["attributes"])["service.instance.id"].clone();
        for scope in resource["scopeSpans"].as_array().into_iter().flatten() {
            for span in scope["spans"].as_array().into_iter().flatten() {
                let text = |name: &str| span[name].as_str().unwrap_or_default().to_owned();
                let nanos = |name: &str| text(name).parse().unwrap_or_else(|_| panic!("{name} of {span}"));
                spans.push(Span {
                    node: node.clone(),
                    name: text("name"),
                    trace: text("traceId"),
                    id: text("spanId"),
                    parent: text("parentSpanId"),
                    attributes: attributes(&span["attributes"]),
                    nanos: (nanos("startTimeUnixNano"), nanos("endTimeUnixNano")),
                });
            }
        }
    }
    spans
}

#[test]
fn spans_of_all_nodes_join_in_one_trace() {
    let receiver = Receiver::start(&[Some(200)]);
    let endpoint = format!("telemetry.otlp_endpoint={}", receiver.url());
    let cluster = cluster_with(&[endpoint, "telemetry.otlp_headers=[\"x-key: secret\"]".to_owned()]);
    let (report, _) = count_some(&cluster);
    let (task, chunks) = (report.text("task_id").to_owned(), report.number("chunks") as usize);
    let mut spans: Vec<Span> = Vec::new();
    wait_until("the root and two runs of each chunk are exported", PATIENCE, || {
        while let Some(message) = receiver.early() {
            assert_eq!(message.header("content-type"), "application/json");
            assert_eq!(message.header("x-key"), "secret");
            spans.extend(spans_of(&message.json().0));
        }
        let count = |name: &str| spans.iter().filter(|span| span.name == name).count();
        let there = count("task") == 1 && count("run") >= 2 * chunks && count("verify") == chunks;
        if there {
            Ok(())
        } else {
            Err(format!("{} spans, {} runs", spans.len(), count("run")))
        }
    });
    let by_id: BTreeMap<&str, &Span> = spans.iter().map(|span| (span.id.as_str(), span)).collect();
    assert_eq!(by_id.len(), spans.len(), "ids are unique");
    let root = spans.iter().find(|span| span.name == "task").expect("it was counted");
    let requester = cluster.node(0).id().to_string();
    assert_eq!((root.parent.as_str(), &root.node), ("", &requester));
    let mut workers = BTreeSet::new();
    for span in &spans {
        assert_eq!(span.trace, task[..32], "the trace is the task");
        assert_eq!(span.attributes["p2pjob.task"], task);
        assert!(span.nanos.0 <= span.nanos.1);
        match span.name.as_str() {
            "task" => {}
            "plan" | "reduce" | "verify" | "replica" => {
                assert_eq!((&span.parent, &span.node), (&root.id, &requester), "{span:?}");
            }
            "run" | "fetch" => {
                let replica = by_id
                    .get(span.parent.as_str())
                    .unwrap_or_else(|| panic!("no parent of {span:?}"));
                assert_eq!(replica.name, "replica");
                for same in ["p2pjob.chunk", "p2pjob.attempt"] {
                    assert_eq!(replica.attributes[same], span.attributes[same]);
                }
                assert_eq!(replica.attributes["p2pjob.worker"], span.node, "the node that ran it");
                workers.insert(span.node.clone());
            }
            other => panic!("a span called {other}"),
        }
    }
    assert!(workers.len() >= 2, "{workers:?}");
    for name in ["plan", "reduce", "fetch"] {
        assert!(spans.iter().any(|span| span.name == name), "no {name}");
    }
}

#[test]
fn a_receiver_that_is_away_harms_nobody() {
    // A port that nobody listens on.
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let endpoint = format!(
        "telemetry.otlp_endpoint=http://{}",
        free.local_addr().expect("its address")
    );
    drop(free);
    let cluster = cluster_with(&[endpoint]);
    let (report, _) = count_some(&cluster);
    assert_eq!(report.text("status"), "completed");
    wait_until("lost spans are counted", PATIENCE, || {
        let lost = value(&scrape(cluster.node(0)), "p2pjob_trace_spans_dropped_total");
        if lost > 0.0 { Ok(()) } else { Err(lost) }
    });
}

fn log_lines(dir: &Path, node: &str) -> Vec<Value> {
    let Ok(entries) = std::fs::read_dir(dir) else {
        return Vec::new();
    };
    let mine = entries.flatten().filter(|entry| {
        entry
            .file_name()
            .to_string_lossy()
            .starts_with(&format!("p2pjob-{node}."))
    });
    let lines = mine.flat_map(|entry| {
        let text = std::fs::read_to_string(entry.path()).unwrap_or_default();
        text.lines().map(str::to_owned).collect::<Vec<_>>()
    });
    lines
        .map(|line| serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect()
}

#[test]
fn logs_are_json_in_files_of_each_node() {
    let folder = tempfile::tempdir().expect("a folder");
    let logs = folder.path().join("logs");
    let settings = [format!("logs.dir={}", logs.display()), "logs.keep_files=2".to_owned()];
    let cluster = cluster_with(&settings);
    // What a node says at its start is enough.
    for number in 0..3 {
        let line = wait_until("a node has written a line", PATIENCE, || {
            log_lines(&logs, &format!("node-{number}"))
                .into_iter()
                .next()
                .ok_or("no line")
        });
        for field in ["timestamp", "level", "target", "fields"] {
            assert!(!line[field].is_null(), "{field} is missing in {line}");
        }
    }
    drop(cluster);
}

#[test]
fn a_folder_for_logs_that_cannot_be_is_refused() {
    let cluster = Cluster::start(1);
    let file = cluster.file("a-file", b"no folder");
    let setting = format!("logs.dir={}", file.join("logs").display());
    let dir = cluster.folder().join("other").display().to_string();
    let run = cluster
        .program()
        .run(&["node", "--json", "--data-dir", &dir, "--set", &setting]);
    run.fails(10, &["cannot write log files in", "logs.dir"]);
}
