//! History (G8): one suite on SQLite and on PostgreSQL, and real nodes that record into either.

use history::{
    Batch, ChunkChange, ChunkState, ErrorClass, Export, ExportFormat, ExportKind, History, HistoryError, LoadSample,
    PriceSample, Retention, SeriesQuery, Submitted, TaskChange, TaskEnd, TaskFilter,
};
use job_model::task::{Priority, TaskStatus, VerifyPolicy};
use job_model::{BlobHash, JobId, MicroCredits, NodeId, TaskId, UnixMillis};
use p2pjob_tests::{Cluster, ClusterOptions, PATIENCE, POSTGRES_SECRETS, Postgres, Report, wait_until};
use std::collections::BTreeSet;

/// Rows that fill several pages of an export.
const MANY: u32 = 2_500;
/// Nodes that open one database at the same moment.
const SAME_TIME: usize = 8;

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
}

fn id(byte: u8) -> TaskId {
    TaskId([byte; 32])
}

fn submitted(at: u64) -> Submitted {
    Submitted {
        owner: "ann".to_owned(),
        job: JobId([1; 32]),
        job_name: "word_count".to_owned(),
        priority: Priority::High,
        verify: VerifyPolicy::Quorum(2),
        params: r#"{"top":3}"#.to_owned(),
        params_bytes: 6,
        inputs: 1,
        input_bytes: 4_096,
        max_price: Some(MicroCredits(5)),
        at: UnixMillis(at),
        recalled_confidence: 0.94,
    }
}

fn new_task(task: TaskId, at: u64) -> TaskChange {
    TaskChange {
        submitted: Some(Box::new(submitted(at))),
        ..TaskChange::new(task)
    }
}

fn ended(task: TaskId, at: u64) -> TaskChange {
    TaskChange {
        end: Some(TaskEnd {
            status: TaskStatus::Completed,
            at: UnixMillis(at),
            result: Some((BlobHash([9; 32]), 12)),
            detail: String::new(),
        }),
        ..TaskChange::new(task)
    }
}

fn batch(node: NodeId, from_seq: u64, tasks: Vec<TaskChange>, chunks: Vec<ChunkChange>) -> Batch {
    Batch {
        to_seq: from_seq + 1,
        tasks,
        chunks,
        ..Batch::new(node, from_seq)
    }
}

fn finished(chunk: u32) -> ChunkChange {
    ChunkChange {
        replicas: 2,
        outcomes: "0v ".to_owned(),
        workers: "one ".to_owned(),
        wall_us: 40,
        fuel: 7,
        at: UnixMillis(20),
        ..ChunkChange::new(id(1), chunk)
    }
}

fn decided(chunk: u32) -> ChunkChange {
    ChunkChange {
        state: ChunkState::Accepted,
        winner: Some(0),
        outcomes: "1e ".to_owned(),
        verdicts: "0a 1w ".to_owned(),
        workers: "two ".to_owned(),
        error: Some("odd: \"a\", b\nnext \0 line".to_owned()),
        wall_us: 30,
        fuel: 8,
        at: UnixMillis(30),
        ..ChunkChange::new(id(1), chunk)
    }
}

/// A batch counts once, whether its answer arrives or not; later batches add to it.
async fn everything_counts_once(history: &History, node: NodeId) {
    assert_eq!(history.resume(node).await.expect("resumes"), history::Resume::default());
    let mut task = new_task(id(1), 10);
    (task.chunks, task.replicas, task.started_at) = (Some(2), 4, Some(UnixMillis(11)));
    let first = batch(node, 0, vec![task], vec![finished(0), finished(1)]);
    history.record(&first).await.expect("records");
    history.record(&first).await.expect("is there already");

    let resume = history.resume(node).await.expect("resumes");
    assert_eq!((resume.recorded_seq, resume.open.len()), (1, 1));
    assert!(resume.open[0].started);
    assert_eq!(resume.open[0].chunks, [(0, "0v ".to_owned()), (1, "0v ".to_owned())]);

    let mut task = TaskChange::new(id(1));
    (task.accepted, task.price, task.fuel, task.confidence_sum) = (1, MicroCredits(-3), 15, 0.5);
    let second = batch(node, 1, vec![task], vec![decided(0)]);
    history.record(&second).await.expect("records");
    let wrong = batch(node, 7, vec![ended(id(1), 40)], Vec::new());
    let error = history.record(&wrong).await.expect_err("it is elsewhere");
    assert!(
        matches!(
            error,
            HistoryError::Moved {
                found: 2,
                expected: 7,
                ..
            }
        ),
        "{error:?}"
    );

    let row = history.task(node, id(1)).await.expect("reads").expect("is there");
    assert_eq!(
        (row.status.as_str(), row.chunks, row.accepted, row.replicas),
        ("running", 2, 1, 4)
    );
    assert_eq!((row.price, row.fuel, row.confidence), (-3, 15, 0.5));
    assert_eq!(
        (row.priority.as_str(), row.verify.as_str(), row.owner.as_str()),
        ("high", "quorum:2", "ann")
    );
    let chunks = history.chunks(node, id(1), 0, 10).await.expect("reads");
    assert_eq!(chunks.len(), 2);
    let chunk = &chunks[0];
    assert_eq!(
        (chunk.status.as_str(), chunk.winner, chunk.replicas),
        ("accepted", Some(0), 2)
    );
    assert_eq!(
        (chunk.outcomes.as_str(), chunk.workers.as_str()),
        ("0v 1e ", "one two ")
    );
    assert_eq!((chunk.wall_us, chunk.fuel, chunk.changed_at), (40, 15, 30));
    // PostgreSQL keeps no NUL; both databases say the same.
    assert_eq!(chunk.error.as_deref(), Some("odd: \"a\", b\nnext \u{fffd} line"));
    assert_eq!(history.chunks(node, id(1), 1, 10).await.expect("reads").len(), 1);
    let resume = history.resume(node).await.expect("resumes");
    assert_eq!(
        resume.open[0].chunks,
        [(1, "0v ".to_owned())],
        "a decided chunk is not open"
    );

    let unknown = ChunkChange::new(id(99), 0);
    let third = batch(node, 2, vec![ended(id(1), 40), ended(id(98), 41)], vec![unknown]);
    history.record(&third).await.expect("what was pruned is no error");
    let row = history.task(node, id(1)).await.expect("reads").expect("is there");
    assert_eq!(
        (row.status.as_str(), row.ended_at, row.result_bytes),
        ("completed", Some(40), Some(12))
    );
    assert!(history.resume(node).await.expect("resumes").open.is_empty());
}

/// Filters and pages: every task once, in order, ties included.
async fn lists_are_complete(history: &History, node: NodeId) {
    history.resume(node).await.expect("resumes");
    let tasks = (0..25_u8).map(|n| {
        let mut task = new_task(id(n), u64::from(n / 3));
        let submitted = task.submitted.as_mut().expect("new");
        if n % 5 == 0 {
            submitted.owner = String::new();
            submitted.job_name = "map".to_owned();
            task.end = ended(id(n), 100).end;
        }
        task
    });
    history
        .record(&batch(node, 0, tasks.collect(), Vec::new()))
        .await
        .expect("records");
    let all = TaskFilter {
        node: Some(node),
        limit: 7,
        ..TaskFilter::default()
    };
    let mut seen = Vec::new();
    let mut filter = all.clone();
    loop {
        let page = history.tasks(&filter).await.expect("reads");
        seen.extend(page.tasks.iter().map(|row| (row.submitted_at, row.task.clone())));
        let Some(next) = page.next else { break };
        filter.after = Some(next.to_string().parse().expect("its own text"));
    }
    assert_eq!(seen.len(), 25);
    assert_eq!(seen.iter().map(|(_, task)| task).collect::<BTreeSet<_>>().len(), 25);
    assert!(seen.is_sorted_by(|one, other| one.0 >= other.0), "{seen:?}");
    let count = async |filter: TaskFilter| {
        let filter = TaskFilter { limit: 100, ..filter };
        history.tasks(&filter).await.expect("reads").tasks.len()
    };
    let with = |change: fn(&mut TaskFilter)| {
        let mut filter = all.clone();
        change(&mut filter);
        filter
    };
    assert_eq!(count(with(|f| f.status = Some(TaskStatus::Completed))).await, 5);
    assert_eq!(count(with(|f| f.owner = Some(String::new()))).await, 5);
    assert_eq!(count(with(|f| f.job = Some("word_count".to_owned()))).await, 20);
    assert_eq!(count(with(|f| f.job = Some(JobId([1; 32]).to_string()))).await, 25);
    assert_eq!(count(with(|f| f.job = Some("' OR 1 = 1 --".to_owned()))).await, 0);
    assert_eq!(
        count(with(|f| (f.since, f.until) = (Some(UnixMillis(2)), Some(UnixMillis(4))))).await,
        6
    );
    assert_eq!(count(with(|f| f.node = Some(NodeId([0xee; 32])))).await, 0);
}

fn samples(node: NodeId, count: u64) -> Batch {
    let mut batch = Batch::new(node, 0);
    for n in 0..count {
        let at = UnixMillis(1_000 + n * 10);
        batch.load.push(LoadSample {
            at,
            cpu_percent: n as f64,
            net_received_bytes: n * 1_000,
            peers: 3,
            credits: MicroCredits(-7),
            ..LoadSample::default()
        });
        batch.prices.push(PriceSample {
            at,
            factor: 2.0,
            cpu: n as f64,
            ..PriceSample::default()
        });
    }
    batch
}

/// Samples count once and are thinned out by means.
async fn series_are_thinned(history: &History, node: NodeId) {
    history.resume(node).await.expect("resumes");
    let batch = samples(node, 100);
    history.record(&batch).await.expect("records");
    history
        .record(&batch)
        .await
        .expect("samples again are the same samples");
    let query = SeriesQuery {
        node,
        since: UnixMillis(1_000),
        until: UnixMillis(2_000),
        points: 10,
    };
    let load = history.load(&query).await.expect("reads");
    assert_eq!(load.len(), 10);
    assert_eq!((load[1].at, load[1].samples, load[1].cpu_percent), (1_100, 10, 14.5));
    assert_eq!(
        (load[1].net_received_bytes, load[1].peers, load[1].credits),
        (19_000, 3.0, -7.0)
    );
    let prices = history.prices(&query).await.expect("reads");
    assert_eq!((prices.len(), prices[9].cpu, prices[9].factor), (10, 94.5, 2.0));
    let narrow = SeriesQuery {
        until: UnixMillis(1_020),
        points: u32::MAX,
        ..query
    };
    assert_eq!(
        history.load(&narrow).await.expect("reads").len(),
        2,
        "the end is exclusive"
    );
    let backwards = SeriesQuery {
        until: UnixMillis(0),
        points: 0,
        ..query
    };
    assert!(history.load(&backwards).await.expect("reads").is_empty());
}

/// Old things go, open tasks and other nodes' rows stay.
async fn prune_keeps_what_is_wanted(history: &History, node: NodeId) {
    let other = NodeId([0xfe; 32]);
    for owner in [node, other] {
        history.resume(owner).await.expect("resumes");
        let chunk = |n: u8| ChunkChange::new(id(n), 0);
        let mut tasks = vec![new_task(id(1), 1), new_task(id(2), 1), new_task(id(3), 1)];
        tasks[0].end = ended(id(1), 100).end;
        tasks[1].end = ended(id(2), 5_000).end;
        let mut batch = batch(owner, 0, tasks, vec![chunk(1), chunk(2), chunk(3)]);
        batch.load = samples(owner, 100).load;
        history.record(&batch).await.expect("records");
    }
    let retention = Retention {
        tasks_ms: 9_000,
        chunks_ms: 4_000,
        samples_ms: 8_500,
    };
    let pruned = history
        .prune(node, retention, UnixMillis(10_000))
        .await
        .expect("prunes");
    assert_eq!((pruned.tasks, pruned.chunks, pruned.samples), (1, 2, 50));
    assert!(history.task(node, id(1)).await.expect("reads").is_none());
    assert!(history.task(node, id(2)).await.expect("reads").is_some());
    assert!(history.chunks(node, id(2), 0, 9).await.expect("reads").is_empty());
    assert_eq!(
        history.chunks(node, id(3), 0, 9).await.expect("reads").len(),
        1,
        "it is open"
    );
    assert_eq!(
        history.chunks(other, id(1), 0, 9).await.expect("reads").len(),
        1,
        "it is another's"
    );
    let again = history
        .prune(node, retention, UnixMillis(10_000))
        .await
        .expect("prunes");
    assert_eq!(again, history::Pruned::default());
}

async fn export(history: &History, kind: ExportKind, format: ExportFormat, node: NodeId) -> String {
    let wanted = Export {
        kind,
        format,
        node: Some(node),
        since: None,
        until: Some(UnixMillis(1_500)),
    };
    let mut bytes = Vec::new();
    history.export(&wanted, &mut bytes).await.expect("exports");
    String::from_utf8(bytes).expect("text")
}

/// Every row once, in both forms, over several pages.
async fn export_is_complete(history: &History, node: NodeId) {
    history.resume(node).await.expect("resumes");
    let chunks = (0..MANY).map(decided).collect();
    let mut batch = batch(node, 0, vec![new_task(id(1), 10)], chunks);
    batch.load = samples(node, 100).load;
    batch.prices = samples(node, 100).prices;
    history.record(&batch).await.expect("records");
    let lines = export(history, ExportKind::Chunks, ExportFormat::Jsonl, node).await;
    let mut numbers = BTreeSet::new();
    for line in lines.lines() {
        let row: serde_json::Value = serde_json::from_str(line).expect("a line of JSON");
        numbers.insert(row["chunk"].as_u64().expect("a number"));
        assert_eq!(row["task"], id(1).to_string());
        assert!(row.get("task_key").is_none(), "{row}");
    }
    assert_eq!((lines.lines().count(), numbers.len()), (MANY as usize, MANY as usize));
    let csv = export(history, ExportKind::Chunks, ExportFormat::Csv, node).await;
    assert!(csv.starts_with("node,task,chunk,status,winner,"), "{}", &csv[..80]);
    assert!(
        csv.contains("\"odd: \"\"a\"\", b\nnext \u{fffd} line\""),
        "{}",
        &csv[..800]
    );
    // The error text has a line break of its own.
    assert_eq!(csv.lines().count(), 1 + 2 * MANY as usize);
    assert_eq!(
        export(history, ExportKind::Tasks, ExportFormat::Csv, node)
            .await
            .lines()
            .count(),
        2
    );
    assert_eq!(
        export(history, ExportKind::Load, ExportFormat::Jsonl, node)
            .await
            .lines()
            .count(),
        50
    );
    assert_eq!(
        export(history, ExportKind::Prices, ExportFormat::Csv, node)
            .await
            .lines()
            .count(),
        51
    );
}

/// All of it on one database, each part as a node of its own: nodes that share a database do not see each other.
async fn suite(url: &str) {
    // Nodes that start at the same time all bring the tables up to date.
    let openers: Vec<_> = (0..SAME_TIME)
        .map(|_| {
            let url = url.to_owned();
            tokio::spawn(async move { History::open(&url).await })
        })
        .collect();
    let mut opened = Vec::new();
    for opener in openers {
        opened.push(opener.await.expect("does not panic").expect("opens"));
    }
    let history = opened.pop().expect("one of them");
    for other in opened {
        other.close().await;
    }
    Box::pin(everything_counts_once(&history, NodeId([1; 32]))).await;
    lists_are_complete(&history, NodeId([2; 32])).await;
    series_are_thinned(&history, NodeId([3; 32])).await;
    prune_keeps_what_is_wanted(&history, NodeId([4; 32])).await;
    export_is_complete(&history, NodeId([5; 32])).await;
    history.close().await;
    let error = history.resume(NodeId([1; 32])).await.expect_err("it is closed");
    assert_eq!(error.class(), ErrorClass::Unavailable, "{error:?}");
    // What is there is there for the next one, and for readers.
    let reader = History::attach(url).await.expect("attaches");
    let row = reader.task(NodeId([1; 32]), id(1)).await.expect("reads");
    assert_eq!(row.expect("is there").status, "completed");
}

#[test]
fn the_suite_on_sqlite() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("sqlite:{}/history.db", folder.path().display());
    runtime().block_on(Box::pin(suite(&url)));
}

#[test]
fn the_suite_on_postgresql() {
    let Some(server) = Postgres::start() else { return };
    runtime().block_on(Box::pin(suite(&server.create_database("suite"))));
}

fn says_no_secret(text: &str) {
    for secret in POSTGRES_SECRETS.into_iter().chain(["wr0ng"]) {
        assert!(!text.contains(secret), "{text}");
    }
}

#[test]
fn errors_of_postgresql_say_what_to_do_and_no_password() {
    let Some(server) = Postgres::start() else { return };
    let good = server.create_database("things");
    let secret = POSTGRES_SECRETS[1];
    server.sql("postgres", "CREATE ROLE guest LOGIN PASSWORD 'wr0ng'");
    let cases = [
        (
            server.url(server.user(), "wr0ng", "things"),
            "password",
            ErrorClass::BadInput,
        ),
        (
            server.url(server.user(), secret, "nothing"),
            "nothing",
            ErrorClass::BadInput,
        ),
        (
            server.url("guest", "wr0ng", "things"),
            "GRANT CREATE",
            ErrorClass::BadInput,
        ),
        (
            good.replace("postgres://", "mysql://"),
            "postgres://USER",
            ErrorClass::BadInput,
        ),
        (
            format!("postgres://u:{secret}@127.0.0.1:1/db"),
            "start the server",
            ErrorClass::Unavailable,
        ),
    ];
    for (url, mention, class) in cases {
        let error = runtime()
            .block_on(History::open(&url))
            .expect_err("it cannot be opened");
        let text = format!("{error} {error:?}");
        println!("{error}");
        assert!(text.contains(mention), "{text}");
        assert_eq!(error.class(), class, "{text}");
        says_no_secret(&text);
    }
    let opened = runtime().block_on(async {
        let history = History::open(&good).await.expect("opens");
        format!("{history:?} {}", history.shown())
    });
    says_no_secret(&opened);
}

/// `history tasks` at a node.
fn tasks(cluster: &Cluster, more: &[&str]) -> Report {
    let all: Vec<&str> = ["history", "tasks"].iter().chain(more).copied().collect();
    cluster.node(0).ask(&all)
}

/// Waits until these tasks are remembered as ended, each once.
#[track_caller]
fn await_recorded(cluster: &Cluster, wanted: &[String], more: &[&str]) {
    wait_until("the tasks are in the history", PATIENCE, || {
        let report = tasks(cluster, more);
        let ended: Vec<String> = report
            .list("tasks")
            .iter()
            .filter(|task| task.text("status") == "completed")
            .map(|task| task.text("task").to_owned())
            .collect();
        let once = |task: &String| ended.iter().filter(|found| *found == task).count() == 1;
        if ended.len() == wanted.len() && wanted.iter().all(once) {
            Ok(())
        } else {
            Err(report)
        }
    });
}

/// Runs a task that no other's results are known for; its id.
fn run(cluster: &Cluster, salt: u32) -> String {
    let expression = format!("expression=x * {salt}");
    let params = ["start=1", "end=400", "operation=custom", &expression];
    let mut args = vec!["--chunk-size", "20"];
    args.extend(params.iter().flat_map(|param| ["--param", param]));
    cluster
        .node(0)
        .complete("range_reduce", &args)
        .text("task_id")
        .to_owned()
}

/// Rows of an export of chunks, as JSON.
fn exported_chunks(cluster: &Cluster, more: &[&str]) -> Vec<serde_json::Value> {
    let file = cluster.folder().join("chunks.jsonl");
    let path = file.display().to_string();
    let mut args = vec!["history", "export", "--kind", "chunks", "-o", &path];
    args.extend(more);
    let report = cluster.node(0).ask(&args);
    let text = std::fs::read_to_string(&file).expect("the export");
    let rows: Vec<serde_json::Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert_eq!(report.number("rows"), rows.len() as i64);
    rows
}

fn fast_samples() -> Vec<String> {
    let flags = ["--slots", "1", "--set", "history.sample_interval_ms=200"];
    flags.map(str::to_owned).to_vec()
}

#[test]
fn a_node_remembers_every_task_and_chunk_once_over_crashes() {
    let mut cluster = Cluster::start_with(&ClusterOptions {
        nodes: 3,
        flags: fast_samples(),
    });
    let mut done = vec![run(&cluster, 3)];
    // At once: whatever was not written yet is made up for from the journal.
    cluster.kill(0);
    cluster.restart(0);
    cluster.await_mesh();
    done.push(run(&cluster, 4));
    await_recorded(&cluster, &done, &[]);
    for task in &done {
        let report = cluster.node(0).ask(&["status", task]);
        let listed = tasks(&cluster, &[]);
        let row = listed
            .list("tasks")
            .into_iter()
            .find(|row| row.text("task") == task.as_str());
        let row = row.expect("it was there a moment ago");
        for name in ["chunks", "accepted", "failed", "recalled", "replicas", "result_bytes"] {
            assert_eq!(row.number(name), report.number(name), "{name}: {row} {report}");
        }
        assert_eq!(row.text("result_hash"), report.text("result_hash"));
        let rows = exported_chunks(&cluster, &[]);
        let of_task: Vec<_> = rows.iter().filter(|row| row["task"] == task.as_str()).collect();
        assert_eq!(of_task.len() as i64, report.number("chunks"));
        assert!(
            of_task
                .iter()
                .all(|row| row["status"] == "accepted" && row["winner"].is_u64()),
            "{of_task:?}"
        );
    }
    // With the node stopped as well.
    cluster.kill(0);
    assert_eq!(tasks(&cluster, &[]).list("tasks").len(), 2);
    let wrong = cluster.node(0).run(&["history", "tasks", "--status", "gone"]);
    assert_eq!(wrong.code, 2, "{wrong}");
    let load = cluster.node(0).ask(&[
        "history",
        "export",
        "--kind",
        "load",
        "--format",
        "csv",
        "-o",
        "/dev/null",
    ]);
    assert!(load.number("rows") > 0, "{load}");
}

#[test]
fn a_database_that_goes_away_loses_nothing() {
    let Some(mut server) = Postgres::start() else { return };
    let url = server.create_database("network");
    let mut flags = fast_samples();
    flags.extend(["--set".to_owned(), format!("history.url={url}")]);
    let cluster = Cluster::start_with(&ClusterOptions { nodes: 2, flags });
    let here = ["--url", url.as_str()];
    let mut done = vec![run(&cluster, 5)];
    await_recorded(&cluster, &done, &here);
    server.kill();
    // The node does not mind.
    done.push(run(&cluster, 6));
    let log = || std::fs::read_to_string(cluster.node(0).data_dir().join("node.log")).expect("its log");
    wait_until("the node says that it waits", PATIENCE, || {
        if log().contains("history waits") {
            Ok(())
        } else {
            Err(log())
        }
    });
    server.restart();
    done.push(run(&cluster, 7));
    await_recorded(&cluster, &done, &here);
    let rows = exported_chunks(&cluster, &here);
    let each: BTreeSet<(String, u64)> = rows
        .iter()
        .map(|row| (row["task"].to_string(), row["chunk"].as_u64().expect("a number")))
        .collect();
    assert_eq!((rows.len(), each.len()), (60, 60));
    assert!(rows.iter().all(|row| row["status"] == "accepted"));
    let log = log();
    assert_eq!(log.matches("history waits").count(), 1, "{log}");
    says_no_secret(&log);
    let shown = cluster.node(0).run(&["status"]);
    says_no_secret(&shown.to_string());
}

#[test]
fn a_wrong_url_is_refused_at_start() {
    let cluster = Cluster::start(1);
    let dir = cluster.folder().join("other").display().to_string();
    let start = |url: &str| {
        let set = format!("history.url={url}");
        let args = [
            "node",
            "--json",
            "--data-dir",
            &dir,
            "--listen",
            "127.0.0.1:0",
            "--set",
            &set,
        ];
        cluster.program().start(&args).finish()
    };
    let run = start("mysql://me:hunter2@localhost/db");
    run.fails(3, &["history.url", "mysql", "sqlite:PATH"]);
    assert!(!run.to_string().replace(&run.command, "").contains("hunter2"), "{run}");
    let run = start("postgres://me:hunter2@127.0.0.1:1/db");
    run.fails(8, &["127.0.0.1:1", "does not answer"]);
    let said = format!("{}{}", run.stdout, run.stderr);
    assert!(!said.contains("hunter2"), "{said}");
}
