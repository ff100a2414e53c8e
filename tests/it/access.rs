//! Who may do what over HTTP, from where, how often, and the record of it: at real nodes, through real sockets.

use p2pjob_tests::{Cluster, ClusterOptions, HttpClient, HttpRequest, Node, PATIENCE, Program, wait_until};
use serde_json::{Value, json};
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

/// Exit code of the command line for bad input.
const BAD_INPUT: i32 = 3;
/// Exit code of the command line when something is not to be had now.
const UNAVAILABLE: i32 = 8;
/// Far more than ending needs, far less than a stream lasts.
const SECONDS: Duration = Duration::from_secs(20);

/// One node with these values of the configuration.
fn one_node(settings: &[&str]) -> Cluster {
    let flags = settings
        .iter()
        .flat_map(|pair| ["--set".to_owned(), (*pair).to_owned()]);
    Cluster::start_with(&ClusterOptions {
        nodes: 1,
        flags: flags.collect(),
    })
}

/// A new token's text and id.
fn token(node: &Node, role: &str, name: &str, more: &[&str]) -> (String, String) {
    let made = node.ask(&[&["token", "new", "--role", role, "--name", name], more].concat());
    (made.text("token").to_owned(), made.text("id").to_owned())
}

/// A task that nobody has to be able to run.
fn some_task() -> Value {
    json!({"job": "bench_empty", "params": {"chunks": 1}})
}

#[test]
fn every_role_may_what_it_may() {
    let cluster = one_node(&["http.anonymous_role=none"]);
    let node = cluster.node(0);
    node.await_job("bench_empty");
    let http = node.http();
    let roles = ["viewer", "submitter", "operator", "admin"];
    let clients: Vec<HttpClient> = roles
        .iter()
        .map(|role| http.with_token(&token(node, role, &format!("a-{role}"), &[]).0))
        .collect();
    let hash = "ab".repeat(32);
    let cases: [(&str, String, Option<Value>, usize); 12] = [
        ("GET", "/api/v1/network/status".to_owned(), None, 0),
        ("GET", "/api/v1/session".to_owned(), None, 0),
        ("GET", "/api/v1/peers".to_owned(), None, 0),
        ("GET", format!("/api/v1/tasks/{hash}"), None, 0),
        ("POST", "/api/v1/quote".to_owned(), Some(some_task()), 1),
        ("POST", "/api/v1/tasks".to_owned(), Some(some_task()), 1),
        (
            "POST",
            format!("/api/v1/tasks/{hash}/cancel"),
            Some(json!({"reason": "no"})),
            1,
        ),
        ("DELETE", format!("/api/v1/blobs/{hash}/pins/mine"), None, 2),
        ("GET", "/api/v1/webhooks".to_owned(), None, 2),
        ("GET", "/api/v1/tokens".to_owned(), None, 3),
        (
            "POST",
            "/api/v1/tokens".to_owned(),
            Some(json!({"name": "", "role": "viewer"})),
            3,
        ),
        ("GET", "/api/v1/audit/verify".to_owned(), None, 3),
    ];
    for (method, path, body, least) in &cases {
        let request = HttpRequest::new(method, path);
        let request = body.iter().fold(request, |request, body| request.json(body));
        http.send(&request).expect_problem(401, "unauthenticated");
        for (rank, client) in clients.iter().enumerate() {
            let answer = client.send(&request);
            if rank < *least {
                let said = answer.expect_problem(403, "wrong_role");
                assert!(said.contains(roles[rank]) && said.contains(roles[*least]), "{said}");
            } else {
                assert!(
                    ![401, 403, 405].contains(&answer.status()) && answer.status() < 500,
                    "{method} {path}: {answer}"
                );
            }
        }
    }
    for path in ["/health", "/ready"] {
        http.get(path).expect_status(200);
    }
    clients[3]
        .send(&HttpRequest::new("PATCH", "/api/v1/peers"))
        .expect_problem(405, "method_not_allowed");
    clients[3].get("/api/v1/no/such/thing").expect_problem(404, "not_found");
}

#[test]
fn a_token_that_does_not_count_is_told_why() {
    let cluster = one_node(&[]);
    let node = cluster.node(0);
    let http = node.http();
    let ask = |token: &str| http.with_token(token).get("/api/v1/session");
    let (brief, _) = token(node, "admin", "brief", &["--expires", "1ms"]);
    wait_until("the token has expired", PATIENCE, || {
        let answer = ask(&brief);
        if answer.status() == 401 { Ok(()) } else { Err(answer) }
    });
    ask(&brief).expect_problem(401, "token_expired");
    let (good, id) = token(node, "viewer", "good", &[]);
    assert_eq!(ask(&good).expect_status(200).json().text("name"), "good");
    let mut stream = http
        .with_token(&good)
        .stream(&HttpRequest::get("/api/v1/events").header("accept", "text/event-stream"));
    assert_eq!(stream.head.status, 200);
    node.ask(&["token", "revoke", &id]);
    ask(&good).expect_problem(401, "token_revoked");
    while stream.line().expect("the stream ends cleanly").is_some() {}
    ask(&format!("p2pjob_{id}_{}", "0".repeat(64))).expect_problem(401, "token_unknown");
    ask("p2pjob").expect_problem(401, "token_malformed");
    let basic = http.with_header("authorization", "Basic YTpi").get("/api/v1/session");
    basic.expect_problem(401, "token_malformed");
    assert!(basic.header("www-authenticate").is_some());
    let listed = node.ask(&["token", "list"]);
    assert!(
        !listed.to_string().contains(good.rsplit('_').next().expect("a secret")),
        "{listed}"
    );
}

#[test]
fn only_this_machine_needs_no_token() {
    let cluster = one_node(&[
        "http.anonymous_role=submitter",
        "http.allowed_origins=[\"https://lab.example\"]",
    ]);
    let node = cluster.node(0);
    let http = node.http();
    let me = http.get("/api/v1/session").expect_status(200).json();
    assert!(me.flag("anonymous") && me.text("role") == "submitter", "{me}");
    for proxy in ["x-forwarded-for", "forwarded", "via"] {
        let said = http
            .with_header(proxy, "10.0.0.1")
            .get("/api/v1/session")
            .expect_problem(401, "unauthenticated");
        assert!(said.contains("proxy"), "{said}");
    }
    for host in ["evil.example", "127.0.0.1.evil.example:80"] {
        http.with_header("host", host)
            .get("/api/v1/session")
            .expect_problem(421, "wrong_host");
        http.with_header("host", host)
            .get("/")
            .expect_problem(421, "wrong_host");
    }
    let evil = http.with_header("origin", "https://evil.example");
    let answer = evil.post("/api/v1/tasks", &some_task());
    answer.expect_problem(403, "foreign_origin");
    assert_eq!(answer.header("access-control-allow-origin"), None);
    evil.get("/api/v1/session").expect_problem(401, "unauthenticated");
    let cross = http.with_header("sec-fetch-site", "cross-site");
    cross
        .post("/api/v1/tasks", &some_task())
        .expect_problem(403, "foreign_origin");
    let socket = HttpRequest::get("/graphql/ws")
        .header("upgrade", "websocket")
        .header("connection", "upgrade")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
        .header("sec-websocket-protocol", "graphql-transport-ws");
    evil.send(&socket).expect_problem(403, "foreign_origin");
    http.with_header("origin", node.http_url())
        .send(&socket)
        .expect_status(101);

    let lab = http.with_header("origin", "https://lab.example");
    let preflight = HttpRequest::new("OPTIONS", "/api/v1/tasks").header("access-control-request-method", "POST");
    let answer = lab.send(&preflight).expect_status(204);
    assert_eq!(
        answer.header("access-control-allow-origin"),
        Some("https://lab.example")
    );
    assert_eq!(answer.header("access-control-allow-credentials"), None);
    evil.send(&preflight).expect_problem(403, "foreign_origin");
    lab.post("/api/v1/tasks", &some_task())
        .expect_problem(403, "foreign_origin");
    let (text, _) = token(node, "viewer", "lab", &[]);
    let answer = lab.with_token(&text).get("/api/v1/session").expect_status(200);
    assert_eq!(
        answer.header("access-control-allow-origin"),
        Some("https://lab.example")
    );
    for name in [
        "content-security-policy",
        "x-content-type-options",
        "referrer-policy",
        "x-frame-options",
        "vary",
    ] {
        assert!(answer.header(name).is_some(), "{name}: {answer}");
    }
    assert_eq!(answer.header("strict-transport-security"), None);
}

/// The cookie that a login sets.
fn log_in(http: &HttpClient, token: &str) -> String {
    let answer = http
        .post("/api/v1/session", &json!({"token": token}))
        .expect_status(200);
    let cookie = answer.header("set-cookie").expect("a cookie");
    assert!(
        cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"),
        "{cookie}"
    );
    cookie.split(';').next().expect("its value").to_owned()
}

#[test]
fn a_session_lasts_until_its_token_ends() {
    let mut cluster = one_node(&[]);
    let (text, id) = token(cluster.node(0), "viewer", "ada", &[]);
    let http = cluster.node(0).http();
    let cookie = log_in(&http, &text);
    let ada = http.with_header("cookie", &cookie);
    let me = ada.get("/api/v1/session").expect_status(200).json();
    assert!(me.text("name") == "ada" && !me.flag("anonymous"), "{me}");
    let csrf = me.text("csrf_header").to_owned();
    ada.post("/api/v1/tasks", &some_task()).expect_problem(403, "csrf");
    ada.with_header(&csrf, "1")
        .post("/api/v1/tasks", &some_task())
        .expect_problem(403, "wrong_role");
    let forged = http
        .with_header("cookie", &cookie.replace('.', ".1"))
        .get("/api/v1/session");
    forged.expect_problem(401, "session_over");

    cluster.kill(0);
    cluster.restart(0);
    let node = cluster.node(0);
    let ada = node.http().with_header("cookie", &cookie);
    assert_eq!(ada.get("/api/v1/session").expect_status(200).json().text("name"), "ada");
    let other = log_in(&node.http(), &text);
    let leaving = node.http().with_header("cookie", &other).with_header(&csrf, "1");
    leaving.delete("/api/v1/session").expect_status(204);
    leaving.get("/api/v1/session").expect_problem(401, "session_over");
    node.ask(&["token", "revoke", &id]);
    let answer = ada.get("/api/v1/session");
    assert!(
        answer.expect_problem(401, "session_over").contains("revoked"),
        "{answer}"
    );
    assert!(
        answer
            .header("set-cookie")
            .is_some_and(|cookie| cookie.contains("Max-Age=0")),
        "{answer}"
    );
}

#[test]
fn guessing_tokens_is_slowed_down() {
    let cluster = one_node(&[]);
    let http = cluster.node(0).http();
    let guess = json!({"token": format!("p2pjob_{}_{}", "0".repeat(12), "0".repeat(64))});
    let answers: Vec<u16> = (0..30).map(|_| http.post("/api/v1/session", &guess).status()).collect();
    assert_eq!(answers[0], 401);
    assert!(answers.contains(&429), "{answers:?}");
    http.get("/api/v1/session").expect_status(200);
    http.post("/api/v1/session", &json!({"tokne": "x"}))
        .expect_problem(400, "bad_input");
}

#[test]
fn nobody_may_ask_without_end() {
    let cluster = one_node(&["http.rate_per_second=1", "http.rate_burst=10"]);
    let node = cluster.node(0);
    let http = node.http();
    let (text, _) = token(node, "viewer", "busy", &[]);
    let answers: Vec<_> = (0..15).map(|_| http.get("/api/v1/session")).collect();
    let refused = answers
        .iter()
        .find(|answer| answer.status() == 429)
        .expect("one is refused");
    refused.expect_problem(429, "too_many_requests");
    let wait: u64 = refused
        .header("retry-after")
        .and_then(|text| text.parse().ok())
        .expect("seconds");
    assert!((1..=11).contains(&wait), "{wait}");
    http.with_token(&text).get("/api/v1/session").expect_status(200);
}

#[test]
fn slow_and_huge_requests_are_cut() {
    let cluster = one_node(&["http.read_timeout_ms=500", "http.max_body_bytes=2000"]);
    let node = cluster.node(0);
    let http = node.http().with_timeout(SECONDS);
    let slow = HttpRequest::new("POST", "/api/v1/tasks")
        .header("content-type", "application/json")
        .header("content-length", "100")
        .body("{");
    http.send(&slow).expect_problem(408, "slow_body");
    for beginning in ["", "GET /health HTTP/1.1\r\nhost: 127"] {
        let mut connection = http.connect();
        connection.write_all(beginning.as_bytes()).expect("it is open");
        connection.read_to_close().expect("the node ends it");
    }
    let mut half = http.connect();
    half.start(&slow).expect("it is open");
    half.close_write().expect("it is open");
    half.read_to_close().expect("the node ends it");

    let large = http.post("/api/v1/tasks", &json!({"job": "x".repeat(3_000)}));
    large.expect_problem(413, "too_large");
    let body = format!("bb8\r\n{}\r\n0\r\n\r\n", "x".repeat(3_000));
    let chunked = HttpRequest::new("POST", "/api/v1/tasks")
        .header("content-type", "application/json")
        .header("transfer-encoding", "chunked")
        .body(body);
    http.send(&chunked).expect_problem(413, "too_large");
    let head = http
        .with_header("x-large", &"x".repeat(100_000))
        .try_send(&HttpRequest::get("/health"));
    assert!(head.as_ref().map_or(true, |answer| answer.status() == 431), "{head:?}");
    let lines = (0..200).fold(HttpRequest::get("/health"), |request, at| {
        request.header(&format!("x-{at}"), "1")
    });
    let head = http.try_send(&lines);
    assert!(head.as_ref().map_or(true, |answer| answer.status() == 431), "{head:?}");
    http.get("/health").expect_status(200);
}

#[test]
fn one_address_has_its_share_of_connections() {
    let cluster = one_node(&["http.max_connections=4"]);
    let http = cluster.node(0).http().with_timeout(SECONDS);
    let health = HttpRequest::get("/health");
    let mut held: Vec<_> = (0..2).map(|_| http.connect()).collect();
    for connection in &mut held {
        assert_eq!(connection.send(&health).expect("an answer").status(), 200);
    }
    let third = http.try_send(&health);
    assert!(
        third.as_ref().map_or(true, |answer| answer.status() == 503),
        "{third:?}"
    );
    assert_eq!(held[0].send(&health).expect("the others go on").status(), 200);
    held.pop();
    wait_until("the share is free again", PATIENCE, || match http.try_send(&health) {
        Ok(answer) if answer.status() == 200 => Ok(()),
        Ok(answer) => Err(answer.to_string()),
        Err(error) => Err(error.to_string()),
    });
}

#[test]
fn tls_is_spoken_with_a_certificate_of_the_nodes_own() {
    let mut cluster = one_node(&["http.tls=self_signed"]);
    let url = cluster.node(0).http_url().to_owned();
    assert!(url.starts_with("https://"), "{url}");
    let certificate = {
        let http = cluster.node(0).http();
        let mut connection = http.connect();
        let answer = connection
            .send(&HttpRequest::get("/health"))
            .expect("an answer")
            .expect_status(200);
        assert_eq!(
            answer.header("strict-transport-security"),
            None,
            "browsers must not be locked out of this host"
        );
        assert_eq!(connection.protocol().as_deref(), Some("http/1.1"));
        let plain = http
            .with_tls(false)
            .with_timeout(SECONDS)
            .try_send(&HttpRequest::get("/health"));
        assert!(
            plain.as_ref().map_or(true, |answer| answer.status() == 400),
            "{plain:?}"
        );
        connection.certificate().expect("a certificate")
    };
    let findings = cluster.node(0).run(&["doctor"]).stdout;
    assert!(findings.contains("sha256:"), "{findings}");
    cluster.kill(0);
    cluster.restart(0);
    let again = cluster.node(0).http().connect().certificate().expect("a certificate");
    assert_eq!(certificate, again, "it is kept");
}

#[test]
fn wrong_settings_are_start_errors() {
    let cluster = one_node(&[]);
    let start = |settings: &[&str], data_dir: &Path| {
        let dir = data_dir.display().to_string();
        let mut args = vec!["--json", "node", "--data-dir", &dir];
        args.extend(settings.iter().flat_map(|pair| ["--set", pair]));
        cluster.program().run(&args)
    };
    let dir = cluster.folder().join("other");
    start(&["http.tls=files"], &dir).fails(UNAVAILABLE, &["http.tls_cert"]);
    let missing = [
        "http.tls=files",
        "http.tls_cert=/no/cert.pem",
        "http.tls_key=/no/key.pem",
    ];
    start(&missing, &dir).fails(UNAVAILABLE, &["/no/cert.pem"]);
    let taken = cluster.node(0).http_url().trim_start_matches("http://").to_owned();
    start(&[&format!("http.listen={taken}")], &dir).fails(UNAVAILABLE, &[&taken, "http.listen"]);
    std::fs::write(dir.join("tokens.json"), "{").expect("a damaged file");
    start(&[], &dir).fails(BAD_INPUT, &["tokens.json", "move it away"]);
}

#[test]
fn what_was_done_is_recorded_and_tampering_is_found() {
    let mut cluster = one_node(&[]);
    let node = cluster.node(0);
    node.await_job("bench_empty");
    let http = node.http();
    let (viewer, _) = token(node, "viewer", "vera", &[]);
    let (submitter, id) = token(node, "submitter", "sam", &[]);
    http.with_token(&viewer)
        .post("/api/v1/tasks", &some_task())
        .expect_problem(403, "wrong_role");
    let made = http
        .with_token(&submitter)
        .post("/api/v1/tasks", &some_task())
        .expect_status(201);
    let place = made.header("location").expect("a place").to_owned();
    node.ask(&["token", "revoke", &id]);
    let (admin, _) = token(node, "admin", "root", &[]);
    let page = http
        .with_token(&admin)
        .get("/api/v1/audit?limit=500")
        .expect_status(200)
        .json();
    let rows: Vec<String> = page
        .list("items")
        .iter()
        .map(|row| {
            format!(
                "{} {} {} {}",
                row.text("actor"),
                row.text("action"),
                row.text("target"),
                row.text("outcome")
            )
        })
        .collect();
    let position = |wanted: &str| {
        let found = rows.iter().position(|row| row.starts_with(wanted));
        found.unwrap_or_else(|| panic!("{wanted:?} is not in {rows:#?}"))
    };
    let order = [
        position("local token new viewer vera"),
        position("vera POST /api/v1/tasks /api/v1/tasks refused"),
        position(&format!("sam POST /api/v1/tasks {place} ok")),
        position(&format!("local token revoke {id}")),
    ];
    assert!(order.is_sorted(), "{rows:#?}");
    assert!(
        !page
            .to_string()
            .contains(submitter.rsplit('_').next().expect("a secret")),
        "no secret is recorded"
    );
    let verdict = http
        .with_token(&admin)
        .get("/api/v1/audit/verify")
        .expect_status(200)
        .json();
    assert!(verdict.flag("sound"), "{verdict}");
    let head = node.ask(&["audit", "verify"]).text("report.head").to_owned();
    node.ask(&["token", "list"]);
    assert_eq!(
        node.ask(&["audit", "verify", "--expect", &head]).text("report.head"),
        head
    );

    cluster.kill(0);
    tampering_is_found(&cluster, &head);
    cluster.restart(0);
    assert!(cluster.node(0).ask(&["audit"]).number("head.seq") >= 3);
}

/// Changes the log of a node that does not run, in two ways.
fn tampering_is_found(cluster: &Cluster, head: &str) {
    let file = cluster.node(0).data_dir().join("audit.jsonl");
    let text = std::fs::read_to_string(&file).expect("the log");
    std::fs::write(&file, text.replacen("vera", "vick", 1)).expect("tampering");
    let verify = |expect: &[&str]| {
        let path = file.display().to_string();
        cluster
            .program()
            .run(&[&["--json", "audit", "verify", &path], expect].concat())
    };
    let found = verify(&[]).report(BAD_INPUT);
    assert!(!found.flag("sound") && found.number("problem.record") == 1, "{found}");
    let lines: Vec<&str> = text.lines().collect();
    std::fs::write(&file, format!("{}\n", lines[..lines.len() - 1].join("\n"))).expect("a cut end");
    verify(&[]).report(0);
    let found = verify(&["--expect", head]).report(BAD_INPUT);
    assert_eq!(
        found.number("problem.record"),
        i64::try_from(lines.len()).expect("few lines"),
        "{found}"
    );
}

#[test]
fn ctrl_c_ends_open_streams_at_once() {
    let cluster = one_node(&[]);
    let dir = cluster.folder().join("interrupted");
    let args = [
        "--json",
        "node",
        "--data-dir",
        &dir.display().to_string(),
        "--listen",
        "127.0.0.1:0",
    ];
    let running = Program::new(cluster.folder()).start(&args);
    let url = wait_until("the node is ready", PATIENCE, || {
        let text = std::fs::read_to_string(dir.join("node.json")).map_err(|error| error.to_string())?;
        let info: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
        info["http"].as_str().map(str::to_owned).ok_or(text)
    });
    let http = HttpClient::new(&url);
    let mut stream = http.stream(&HttpRequest::get("/api/v1/events").header("accept", "text/event-stream"));
    let mut idle = http.connect();
    idle.send(&HttpRequest::get("/health")).expect("an answer");
    let asked = Instant::now();
    running.interrupt();
    while stream.line().expect("the stream ends cleanly").is_some() {}
    idle.read_to_close().expect("idle connections are closed");
    let run = running.finish();
    assert!(asked.elapsed() < SECONDS, "{:?}: {run}", asked.elapsed());
    assert_eq!(run.code, 0, "{run}");
}
