//! The committed description of the API is the one of the code. `P2PJOB_GOLDEN=write cargo test -p p2pjob-tests --test it
//! openapi` writes it anew; the diff is what clients will see.

use p2pjob_tests::Report;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::PathBuf;

fn committed() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/openapi.json")
}

fn description() -> Report {
    Report(serde_json::from_str(http_api::openapi_json()).expect("JSON"))
}

#[test]
fn the_committed_description_is_the_one_of_the_code() {
    let path = committed();
    if std::env::var("P2PJOB_GOLDEN").is_ok_and(|mode| mode == "write") {
        std::fs::write(&path, http_api::openapi_json()).expect("docs/openapi.json is writable");
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    let (code, file) = (http_api::openapi_json().lines(), committed.lines());
    let differing = code.zip(file.chain(std::iter::repeat(""))).enumerate();
    let first = differing.into_iter().find(|(_, (code, file))| code != file);
    assert!(
        committed == http_api::openapi_json(),
        "docs/openapi.json is not of this code, first at {first:?}; write it anew with\n  \
         P2PJOB_GOLDEN=write cargo test -p p2pjob-tests --test it openapi"
    );
}

/// All operations as `METHOD path`, with their description.
fn operations(api: &Report) -> Vec<(String, Value)> {
    let mut found = Vec::new();
    for (path, item) in api.at("paths").as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("operations") {
            if method != "parameters" {
                found.push((format!("{} {path}", method.to_uppercase()), operation.clone()));
            }
        }
    }
    found
}

#[test]
fn every_operation_is_described() {
    let api = description();
    assert_eq!(api.text("openapi"), "3.1.0");
    let operations = operations(&api);
    assert!(operations.len() >= 20, "only {} operations", operations.len());
    let mut ids = BTreeSet::new();
    for (name, operation) in &operations {
        let text = |field: &str| operation[field].as_str().unwrap_or_default();
        assert!(!text("summary").is_empty(), "{name} has no summary");
        assert!(
            ids.insert(text("operationId").to_owned()),
            "{name}: operationId {} is taken",
            text("operationId")
        );
        assert_eq!(operation["tags"].as_array().map(Vec::len), Some(1), "{name} has no tag");
        let answers = operation["responses"].as_object().expect("answers");
        assert!(
            answers.keys().any(|status| status.starts_with('2')),
            "{name} never succeeds"
        );
        // An answer to HEAD has no body.
        let bodies = !name.starts_with("HEAD");
        for (status, answer) in answers
            .iter()
            .filter(|(status, _)| bodies && status.starts_with(['4', '5']))
        {
            let named = answer["$ref"]
                .as_str()
                .and_then(|place| api.0.pointer(place.trim_start_matches('#')));
            let answer = named.unwrap_or(answer);
            let problem = &answer["content"]["application/problem+json"]["schema"]["$ref"];
            assert_eq!(problem, "#/components/schemas/Problem", "{name} {status}");
        }
        if name.contains("/api/v1") {
            for status in ["400", "401", "403", "429", "503"] {
                assert!(answers.contains_key(status), "{name} does not tell of {status}");
            }
        }
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            let about = parameter["description"].as_str().unwrap_or_default();
            assert!(
                !about.is_empty(),
                "{name}: parameter {} is not described",
                parameter["name"]
            );
        }
        let path = name.split_once(' ').map_or("", |(_, path)| path);
        let parameters = operation["parameters"].to_string();
        for part in path.split('/').filter_map(|part| part.strip_prefix('{')) {
            let wanted = format!("\"name\":\"{}\"", part.trim_end_matches('}'));
            assert!(parameters.contains(&wanted), "{name}: {part} is not described");
        }
    }
}

#[test]
fn every_reference_leads_somewhere() {
    let api = description();
    let mut open = vec![&api.0];
    let mut seen = 0;
    while let Some(value) = open.pop() {
        match value {
            Value::Object(fields) => {
                if let Some(Value::String(place)) = fields.get("$ref") {
                    let pointer = place.strip_prefix('#').expect("a place in this document");
                    assert!(api.0.pointer(pointer).is_some(), "{place} is not there");
                    seen += 1;
                }
                open.extend(fields.values());
            }
            Value::Array(items) => open.extend(items),
            _ => {}
        }
    }
    assert!(seen > 50, "only {seen} references: the search is broken");
}
