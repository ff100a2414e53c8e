//! What `describe` may return.

use crate::limits::MAX_INPUTS;
use crate::manifest::{Manifest, ManifestError, is_job_name};
use crate::{JobVerify, ReduceMode};

const SMALL: &str = r#"{"name": "word_count", "version": "0.1.0", "params_schema": {"type": "object"}}"#;

#[test]
fn defaults_fill_what_is_left_out() {
    let manifest = Manifest::parse(SMALL).unwrap();
    assert_eq!(
        (manifest.reduce, manifest.verify, manifest.memory_bytes),
        (ReduceMode::Reduce, JobVerify::Quorum, 0)
    );
    assert!(manifest.inputs.is_empty() && manifest.summary.is_empty());
    let text = serde_json::to_string(&manifest).unwrap();
    assert_eq!(Manifest::parse(&text).unwrap(), manifest);
}

#[test]
fn names_follow_the_rule() {
    for good in ["a", "word_count", "a-b_c9", &"a".repeat(64)] {
        assert!(is_job_name(good), "{good}");
    }
    for bad in [
        "",
        "A",
        "9a",
        "_a",
        "-a",
        "a b",
        "a.b",
        "../a",
        "ä",
        "aÄ",
        "a\n",
        &"a".repeat(65),
    ] {
        assert!(!is_job_name(bad), "{bad:?}");
        let text = serde_json::json!({"name": bad, "version": "1", "params_schema": {}}).to_string();
        assert_eq!(Manifest::parse(&text), Err(ManifestError::Name(bad.to_owned())));
    }
}

#[test]
fn inputs_are_few_and_distinct() {
    let with = |names: Vec<String>| {
        let inputs: Vec<_> = names.iter().map(|name| serde_json::json!({"name": name})).collect();
        Manifest::parse(
            &serde_json::json!({"name": "a", "version": "1", "params_schema": {}, "inputs": inputs}).to_string(),
        )
    };
    assert!(with((0..MAX_INPUTS).map(|at| at.to_string()).collect()).is_ok());
    let many = MAX_INPUTS + 1;
    assert_eq!(
        with((0..many).map(|at| at.to_string()).collect()),
        Err(ManifestError::TooManyInputs(many))
    );
    let twice = vec!["x".to_owned(), "y".to_owned(), "x".to_owned()];
    assert_eq!(with(twice), Err(ManifestError::DuplicateInput("x".to_owned())));
}

#[test]
fn what_is_no_manifest_is_refused() {
    for text in [
        "",
        "null",
        "[]",
        "{}",
        "{\"name\": \"a\"}",
        "\u{0}",
        &"[".repeat(100_000),
        &SMALL[..20],
    ] {
        assert!(matches!(Manifest::parse(text), Err(ManifestError::Shape(_))));
    }
}

#[test]
fn a_check_is_asked_for_only_where_there_is_one() {
    let with = |verify: &str, checked: bool| {
        let text =
            serde_json::json!({"name": "a", "version": "1", "params_schema": {}, "verify": verify, "checked": checked});
        Manifest::parse(&text.to_string())
    };
    let manifest = with("check", true).unwrap();
    assert_eq!((manifest.verify, manifest.checked), (JobVerify::Check, true));
    assert!(with("quorum", true).unwrap().checked);
    assert_eq!(with("check", false), Err(ManifestError::NoCheck));
    // A job without one says nothing of it: its bytes are what they were.
    let plain = Manifest::parse(SMALL).unwrap();
    assert!(!plain.checked && !serde_json::to_string(&plain).unwrap().contains("checked"));
}
