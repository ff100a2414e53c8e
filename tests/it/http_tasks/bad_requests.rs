//! Everything that may come in wrong at the routes of tasks and jobs, and what is said of it.

use super::job_list;
use p2pjob_tests::{Cluster, HttpRequest};
use serde_json::{Value, json};

/// A request, and the status and code it must have; and what its words must name.
struct Bad {
    request: HttpRequest,
    status: u16,
    code: &'static str,
    named: &'static str,
}

fn bad(request: HttpRequest, status: u16, code: &'static str, named: &'static str) -> Bad {
    Bad {
        request,
        status,
        code,
        named,
    }
}

#[expect(clippy::too_many_lines, reason = "one table of requests")]
fn bad_bodies() -> Vec<Bad> {
    let tasks = "/api/v1/tasks";
    let post = |body: Value| HttpRequest::post(tasks, &body);
    let raw = |body: &str| {
        HttpRequest::new("POST", tasks)
            .header("content-type", "application/json")
            .body(body)
    };
    vec![
        bad(post(json!({})), 400, "bad_input", "job"),
        bad(
            post(json!({"job": "range_reduce", "surprise": 1})),
            400,
            "bad_input",
            "surprise",
        ),
        bad(post(json!({"job": 7})), 400, "bad_input", "job"),
        bad(
            post(json!({"job": "nothing_like_it"})),
            404,
            "not_found",
            "nothing_like_it",
        ),
        bad(
            post(json!({"job": "range_reduce", "params": {"start": "x"}})),
            400,
            "bad_input",
            "start",
        ),
        bad(
            post(json!({"job": "range_reduce", "inputs": {"a": "../../etc"}})),
            400,
            "bad_input",
            "inputs.a",
        ),
        bad(
            post(json!({"job": "range_reduce", "config": {"priority": 9}})),
            400,
            "bad_input",
            "config.priority",
        ),
        bad(raw("{"), 400, "bad_input", "JSON"),
        bad(raw(""), 400, "bad_input", "JSON"),
        bad(raw("\u{0}"), 400, "bad_input", "JSON"),
        bad(
            HttpRequest::new("POST", tasks).body("{}"),
            415,
            "wrong_content_type",
            "application/json",
        ),
        bad(
            HttpRequest::new("POST", tasks)
                .header("content-type", "text/plain")
                .body("{}"),
            415,
            "wrong_content_type",
            "text/plain",
        ),
        bad(raw(&" ".repeat(2 << 20)), 413, "too_large", "bytes"),
        bad(
            HttpRequest::new("POST", "/api/v1/jobs")
                .header("content-type", "application/wasm")
                .body("no component"),
            400,
            "bad_input",
            "",
        ),
        bad(
            HttpRequest::post("/api/v1/jobs", &json!({"component": "00"})),
            400,
            "bad_input",
            "component",
        ),
        bad(
            HttpRequest::post("/api/v1/jobs", &json!({"component": "0".repeat(64)})),
            404,
            "not_found",
            "upload",
        ),
    ]
}

fn bad_addresses() -> Vec<Bad> {
    let nobody = "ab".repeat(32);
    let get = |target: &str| HttpRequest::get(target);
    let mut table = vec![
        bad(get("/api/v1/tasks?limit=0"), 400, "bad_input", "limit"),
        bad(get("/api/v1/tasks?limit=501"), 400, "bad_input", "limit"),
        bad(get("/api/v1/tasks?limit=many"), 400, "bad_input", "limit"),
        bad(get("/api/v1/tasks?status=done"), 400, "bad_input", "status"),
        bad(get("/api/v1/tasks?statuses=done"), 400, "bad_input", "statuses"),
        bad(get("/api/v1/tasks?cursor=00"), 400, "bad_cursor", "cursor"),
        bad(get("/api/v1/tasks/nothing"), 400, "bad_input", "64"),
        bad(get("/api/v1/tasks/%2e%2e"), 400, "bad_input", "64"),
        bad(get("/api/v1/tasks/..%2f..%2fetc%2fpasswd"), 400, "bad_input", "64"),
        bad(get("/api/v1/tasks/%00"), 400, "bad_input", "64"),
        bad(get("/api/v1/tasks/%ff%fe"), 400, "bad_input", ""),
        bad(
            get(&format!("/api/v1/tasks/{}", "a".repeat(8_000))),
            400,
            "bad_input",
            "64",
        ),
        bad(
            get(&format!("/api/v1/tasks/{}", nobody.to_uppercase())),
            400,
            "bad_input",
            "lower-case",
        ),
        bad(get(&format!("/api/v1/tasks/{nobody}/chunks/-1")), 400, "bad_input", ""),
        bad(get("/api/v1/jobs/no_such_job"), 404, "not_found", "no_such_job"),
        bad(get("/api/v1/nothing"), 404, "not_found", ""),
        bad(
            HttpRequest::new("DELETE", "/api/v1/tasks"),
            405,
            "method_not_allowed",
            "DELETE",
        ),
        bad(
            HttpRequest::new("PUT", "/api/v1/network/status"),
            405,
            "method_not_allowed",
            "PUT",
        ),
    ];
    for part in ["", "/request", "/explain", "/chunks", "/chunks/0", "/logs", "/receipts"] {
        table.push(bad(
            get(&format!("/api/v1/tasks/{nobody}{part}")),
            404,
            "not_found",
            "no task",
        ));
    }
    table
}

#[test]
fn whatever_comes_in_is_a_problem_that_names_it() {
    let cluster = Cluster::start(1);
    job_list(&cluster);
    let http = cluster.node(0).http();
    for Bad {
        request,
        status,
        code,
        named,
    } in bad_bodies().into_iter().chain(bad_addresses())
    {
        let words = http.send(&request).expect_problem(status, code);
        assert!(words.contains(named), "{request:?}: {words:?} does not name {named:?}");
    }
    let wrong = http.send(&HttpRequest::new("DELETE", "/api/v1/tasks"));
    let allowed = wrong.header("allow").expect("what is allowed");
    assert!(allowed.contains("GET") && allowed.contains("POST"), "{allowed}");
    let head = http
        .send(&HttpRequest::new("HEAD", "/api/v1/network/status"))
        .expect_status(200);
    assert!(head.body.is_empty());
    let options = http.send(&HttpRequest::new("OPTIONS", "/api/v1/tasks"));
    assert!(
        options.header("allow").expect("what is allowed").contains("POST"),
        "{options}"
    );
    // It lives, and nothing was left behind.
    assert_eq!(http.get("/health").expect_status(200).json().text("status"), "ok");
    assert_eq!(
        http.get("/api/v1/tasks").expect_status(200).json().list("items").len(),
        0
    );
}
