//! Both shapes of a request, and everything that can be wrong with them, by name.

use super::{read_task, request_of};
use crate::caller::Caller;
use crate::problem::Problem;
use job_model::{FloatClass, MicroCredits, Placement, Priority, Requirements, TaskConfig, TaskSpec, VerifyPolicy};
use node::config::Role;
use node::control::protocol::{InputSource, SubmitRequest};
use serde_json::{Value, json};
use std::net::{IpAddr, Ipv4Addr};

fn caller(role: Role, token: Option<&str>) -> Caller {
    Caller {
        role,
        name: token.unwrap_or("anonymous").to_owned(),
        token: token.map(|_| "id".to_owned()),
        own_only: false,
        address: IpAddr::V4(Ipv4Addr::LOCALHOST),
    }
}

fn read(text: &str) -> Result<SubmitRequest, Problem> {
    read_task(text.as_bytes(), &caller(Role::Submitter, Some("ann"))).map(|read| read.submit)
}

fn params(request: &SubmitRequest) -> Value {
    serde_json::from_str(&request.params_json).expect("JSON")
}

#[test]
fn the_documents_shape_becomes_a_task() {
    let text = r#"{"task_type": "range_reduce", "start": 1, "end": 1000, "operation": "sum",
        "requirements": {"cpu_percent": 50.0, "ram_gb": 1, "timeout_seconds": 300},
        "config": {"max_price": 1.0, "priority": "high"}}"#;
    let request = read(text).expect("the documents' own example");
    assert_eq!(request.job, "range_reduce");
    assert_eq!(params(&request), json!({"start": 1, "end": 1000, "operation": "sum"}));
    assert_eq!(request.requirements.cpu_percent, 50);
    assert_eq!(request.requirements.memory_bytes, 1 << 30);
    assert_eq!(request.requirements.timeout_ms, 300_000);
    assert_eq!(request.config.max_price, Some(MicroCredits::credits(1)));
    assert_eq!(request.config.priority, Priority::High);
    assert!(request.verify_default);
    assert_eq!(request.owner, "ann");
}

#[test]
fn parameters_may_also_have_their_own_object() {
    let request = read(r#"{"task_type": "map", "parameters": {"a": 1}, "b": 2}"#).expect("both places");
    assert_eq!(params(&request), json!({"a": 1, "b": 2}));
}

#[test]
fn our_shape_becomes_a_task() {
    let hash = "ab".repeat(32);
    let text = json!({
        "job": "word_count", "params": {"top": 3}, "inputs": {"text": hash},
        "requirements": {"memory_bytes": 1024, "fuel": 7, "output_bytes": 9, "disk_bytes": 5},
        "config": {"verify": "spot:0.25", "placement": "cheapest", "memo": false, "deadline_ms": 10, "chunk_size": 4}
    });
    let request = read(&text.to_string()).expect("a good request");
    assert_eq!(
        request.inputs,
        [("text".to_owned(), InputSource::Hash(hash.parse().expect("a hash")))]
    );
    let expected = Requirements {
        memory_bytes: 1024,
        fuel: 7,
        output_bytes: 9,
        disk_bytes: 5,
        ..Requirements::default()
    };
    assert_eq!(request.requirements, expected);
    let expected = TaskConfig {
        verify: VerifyPolicy::Spot(0.25),
        placement: Placement::Cheapest,
        memo: false,
        deadline_ms: Some(10),
        chunk_size: Some(4),
        ..TaskConfig::default()
    };
    assert_eq!(request.config, expected);
    assert!(!request.verify_default);
}

#[test]
fn no_digit_of_a_large_number_is_lost() {
    let digits = "123456789012345678901234567890";
    let request = read(&format!(
        r#"{{"job": "map", "params": {{"n": {digits}, "deep": [{{"m": -{digits}}}]}}}}"#
    ));
    let request = request.expect("large numbers");
    assert_eq!(
        params(&request),
        json!({"n": digits, "deep": [{"m": format!("-{digits}")}]})
    );
}

#[test]
fn every_wrong_field_is_named() {
    let table: &[(&str, &[&str])] = &[
        ("{}", &["job"]),
        (r#"{"job": 5}"#, &["job"]),
        (r#"{"job": ""}"#, &["job"]),
        (r#"{"task_type": null}"#, &["task_type"]),
        (r#"{"job": "a", "surprise": 1, "another": 2}"#, &["another", "surprise"]),
        (r#"{"job": "a", "params": [1]}"#, &["params"]),
        (
            r#"{"job": "a", "inputs": {"x": "12", "y": 5}}"#,
            &["inputs.x", "inputs.y"],
        ),
        (r#"{"job": "a", "inputs": "x"}"#, &["inputs"]),
        (
            r#"{"job": "a", "requirements": {"cpu_percent": 0, "ram_gb": -1, "fuel": 0, "gb": 1}}"#,
            &[
                "requirements.cpu_percent",
                "requirements.ram_gb",
                "requirements.fuel",
                "requirements.gb",
            ],
        ),
        (
            r#"{"job": "a", "requirements": {"memory_bytes": 1, "ram_gb": 1, "timeout_ms": 1, "timeout_seconds": 1}}"#,
            &["requirements.memory_bytes", "requirements.timeout_ms"],
        ),
        (
            r#"{"job": "a", "config": {"priority": "urgent", "verify": "quorum:0", "placement": 1, "memo": "no"}}"#,
            &["config.verify", "config.priority", "config.placement", "config.memo"],
        ),
        (
            r#"{"job": "a", "config": {"max_price": -1, "deadline_ms": 1.5}}"#,
            &["config.max_price", "config.deadline_ms"],
        ),
        (r#"{"job": "a", "config": {"verify": "spot:nan"}}"#, &["config.verify"]),
        ("[]", &["body"]),
        ("7", &["body"]),
    ];
    for (text, expected) in table {
        let problem = read(text).expect_err(text);
        let mut named: Vec<&str> = problem.errors.iter().map(|error| error.field.as_str()).collect();
        let mut expected = expected.to_vec();
        named.sort_unstable();
        expected.sort_unstable();
        assert_eq!(named, expected, "{text}");
        assert_eq!((problem.status, problem.code.as_str()), (400, "bad_input"));
    }
}

#[test]
fn what_is_no_json_is_told() {
    for text in ["", "{", "{\"job\": }", "nul", "{\"job\": \"a\"} x", "{\"job\": 1e999}"] {
        let problem = read(text).expect_err(text);
        assert!(problem.detail.contains("JSON"), "{}", problem.detail);
    }
    let caller = caller(Role::Submitter, None);
    assert!(
        read_task(b"{\"job\": \"\xff\"}", &caller)
            .expect_err("no UTF-8")
            .detail
            .contains("UTF-8")
    );
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    assert!(read(&deep).is_err());
}

#[test]
fn the_owner_is_the_token_unless_an_operator_says_otherwise() {
    let text = br#"{"job": "a", "owner_id": "bob"}"#;
    let owner = |role, token| read_task(text, &caller(role, token)).map(|read| read.submit.owner);
    assert_eq!(owner(Role::Submitter, Some("bob")).expect("its own name"), "bob");
    assert_eq!(owner(Role::Operator, Some("ann")).expect("an operator"), "bob");
    assert_eq!(owner(Role::Submitter, None).expect("a label"), "bob");
    let problem = owner(Role::Submitter, Some("ann")).expect_err("somebody else");
    assert_eq!(problem.errors[0].field, "owner_id");
}

#[test]
fn floats_have_a_class_a_device_and_a_comparison() {
    let asked = read(
        r#"{"job": "map", "requirements": {"float_class": "fast", "gpu": true}, "config": {"compare": "tolerance:1e-4,0"}}"#,
    );
    let asked = asked.expect("a good request");
    assert_eq!(asked.requirements.float_class, FloatClass::Fast);
    assert!(asked.requirements.gpu && !asked.class_default && !asked.compare_default);
    assert_eq!(asked.config.compare.to_string(), "tolerance:0.0001,0.0");
    let usual = read(r#"{"job": "map"}"#).expect("a good request");
    assert!(usual.class_default && usual.compare_default && !usual.requirements.gpu);
    let wrong = r#"{"job": "map", "requirements": {"float_class": "quick", "gpu": 1}, "config": {"compare": "close"}}"#;
    let problem = read_task(wrong.as_bytes(), &caller(Role::Submitter, None)).expect_err("three wrong fields");
    let mut fields: Vec<&str> = problem.errors.iter().map(|error| error.field.as_str()).collect();
    fields.sort_unstable();
    assert_eq!(
        fields,
        ["config.compare", "requirements.float_class", "requirements.gpu"]
    );
}

#[test]
fn a_gpu_share_is_taken_and_told() {
    let read = read_task(
        br#"{"task_type": "matrix_ops", "requirements": {"gpu_percent": 50.0}}"#,
        &caller(Role::Submitter, None),
    );
    assert!(read.expect("the documents' example").note.contains("gpu_percent"));
}

#[test]
fn gigabytes_of_a_machine_are_at_most_the_largest_sandbox() {
    let of = |text: &[u8]| {
        read_task(text, &caller(Role::Submitter, None))
            .expect("a good request")
            .fitted(256 << 20)
    };
    let fitted = of(br#"{"task_type": "map", "requirements": {"ram_gb": 1, "gpu_percent": 1}}"#);
    assert_eq!(fitted.submit.requirements.memory_bytes, 256 << 20);
    assert!(
        fitted.note.contains("ram_gb") && fitted.note.contains("gpu_percent"),
        "{}",
        fitted.note
    );
    let small = of(br#"{"task_type": "map", "requirements": {"ram_gb": 0.125}}"#);
    assert_eq!(
        (small.submit.requirements.memory_bytes, small.note.as_str()),
        (128 << 20, "")
    );
    let meant = of(br#"{"job": "map", "requirements": {"memory_bytes": 1073741824}}"#);
    assert_eq!(meant.submit.requirements.memory_bytes, 1 << 30);
}

#[test]
fn a_task_can_be_asked_for_again() {
    let request = read(
        r#"{"job": "map", "params": {"n": null, "l": [1, 2.5, "x"]}, "config": {"max_price": 0.5, "verify": "quorum:3", "compare": "tolerance"},
            "requirements": {"float_class": "fast", "gpu": true}}"#,
    );
    let request = request.expect("a good request");
    let spec = TaskSpec {
        job: job_model::JobId([5; 32]),
        job_name: "map".to_owned(),
        params: job_model::codec::encode_json(&params(&request)),
        inputs: Vec::new(),
        requirements: request.requirements.clone(),
        config: request.config.clone(),
    };
    let text = serde_json::to_string(&request_of(&spec, "")).expect("JSON");
    let again = read(&text).expect("what we say ourselves");
    assert_eq!(again.job, spec.job.to_string());
    assert_eq!(params(&again), params(&request));
    assert_eq!(
        (again.requirements, again.config),
        (request.requirements, request.config)
    );
}
