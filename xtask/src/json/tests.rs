//! What is read, and what is refused.

use super::*;

#[test]
fn values_of_every_kind() {
    let text = r#" {"a": [1, -2.5e3, true, null], "b": {"ö\n\u0041\ud83d\ude00": "x"}, "c": []} "#;
    let value = Json::read(text).unwrap();
    assert_eq!(value.get("a").items().len(), 4);
    assert_eq!(value.get("a").items()[1].number(), -2500.0);
    assert_eq!(
        value.get("b").fields()[0],
        ("ö\nA😀".to_owned(), Json::Text("x".to_owned()))
    );
    assert_eq!(value.get("c"), &Json::List(Vec::new()));
    assert_eq!(value.get("d"), &Json::Null);
    assert_eq!(
        Json::read("123456789012345678901234567890").unwrap().text(),
        "123456789012345678901234567890"
    );
}

#[test]
fn what_is_no_json_is_told() {
    for wrong in ["", "{", "[1 2]", "{\"a\" 1}", "\"x", "1 2", "\"\\ud800\"", "nul"] {
        assert!(Json::read(wrong).is_err(), "{wrong}");
    }
    assert!(Json::read(&"[".repeat(1000)).is_err());
}
