//! What `--param` makes of texts.

use super::*;
use serde_json::json;

fn check(text: &str, expected: Value) {
    assert_eq!(read_value(text), expected, "--param x={text}");
}

#[test]
fn json_where_it_parses_else_text() {
    check("5", json!(5));
    check("-7", json!(-7));
    check("2.5", json!(2.5));
    check("true", json!(true));
    check("null", json!(null));
    check("[1, 2]", json!([1, 2]));
    check("\"5\"", json!("5"));
    check("x ** 2", json!("x ** 2"));
    check("sum", json!("sum"));
    check("", json!(""));
    check("2026-11-20", json!("2026-11-20"));
}

#[test]
fn no_digit_of_a_whole_number_is_lost() {
    check("9223372036854775807", json!(i64::MAX));
    check("18446744073709551615", json!(u64::MAX));
    check("18446744073709551616", json!("18446744073709551616"));
    check("-9223372036854775808", json!(i64::MIN));
    check("-9223372036854775809", json!("-9223372036854775809"));
    check("[1, 100000000000000000000]", json!([1, "100000000000000000000"]));
    check("1e30", json!(1e30));
    check("007", json!("007"));
}

#[test]
fn strings_are_left_alone() {
    check(
        r#""a \" 99999999999999999999999""#,
        json!("a \" 99999999999999999999999"),
    );
    check(
        r#"{"99999999999999999999999": 1}"#,
        json!({"99999999999999999999999": 1}),
    );
}

#[test]
fn later_pairs_win_over_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("params.json");
    std::fs::write(&path, r#"{"start": 1, "end": 99999999999999999999}"#).unwrap();
    let object = collect(Some(&path), &["start=2".to_owned(), "operation=sum=all".to_owned()]).unwrap();
    assert_eq!(
        Value::Object(object),
        json!({"start": 2, "end": "99999999999999999999", "operation": "sum=all"})
    );
}

#[test]
fn wrong_pairs_and_files_name_the_remedy() {
    let error = collect(None, &["=5".to_owned()]).unwrap_err();
    assert_eq!(
        (error.exit, error.message.as_str()),
        (Exit::Usage, "parameter \"=5\" has no name and value")
    );
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("list.json");
    std::fs::write(&path, "[1]").unwrap();
    let error = collect(Some(&path), &[]).unwrap_err();
    assert_eq!(error.exit, Exit::BadInput);
    assert!(error.message.ends_with("holds no JSON object"), "{error}");
}
