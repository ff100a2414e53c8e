//! Tests of the whole job, natively: every format, whatever the cut.

use crate::Map;
use p2pjob::testing::Task;

/// The result for every chunk size that may matter, which must always be the same.
#[track_caller]
fn map(params: &str, data: Option<&[u8]>) -> String {
    let results = [1, 2, 3, 5, 8, 13, 1000].map(|chunk_size| {
        let task = Task::new(params).chunk_size(chunk_size);
        let task = data.iter().fold(task, |task, data| task.input("data", *data));
        task.run::<Map>()
            .map_or_else(|error| format!("error: {error}"), |finished| finished.text())
    });
    let plain = |text: &str| {
        text.split_once("chunk ")
            .map_or(text.to_owned(), |(before, _)| before.to_owned())
    };
    assert!(
        results.iter().all(|result| plain(result) == plain(&results[0])),
        "{results:#?}"
    );
    results[6].clone()
}

fn input(function: &str, data: &str) -> String {
    map(&format!(r#"{{"function": "{function}"}}"#), Some(data.as_bytes()))
}

#[test]
fn inline_data() {
    assert_eq!(
        map(r#"{"function": "x ** 2", "data": [1, 2, 30000000000]}"#, None),
        "[1,4,900000000000000000000]"
    );
    assert_eq!(map(r#"{"function": "x", "data": []}"#, None), "[]");
    let mixed = r#"{"function": "str(x).upper()", "data": ["a", 1.5, true, null, [1, "b"], {"k": "v"}]}"#;
    assert_eq!(
        map(mixed, None),
        r#"["A","1.5","TRUE","NONE","[1,\"B\"]","{\"K\":\"V\"}"]"#
    );
    let many: Vec<String> = (0..3000).map(|number| number.to_string()).collect();
    let params = format!(r#"{{"function": "x", "data": [{}]}}"#, many.join(","));
    assert_eq!(map(&params, None), format!("[{}]", many.join(",")));
}

#[test]
fn json_arrays() {
    assert_eq!(input("x * 2", "[1, 2,\n 3]"), "[2,4,6]");
    assert_eq!(input("x", " [ ] \n"), "[]");
    assert_eq!(
        input("x", "[\"a,]\\\"[\", [1, [2]], {\"k\": \",}\"}]"),
        r#"["a,]\"[",[1,[2]],{"k":",}"}]"#
    );
    assert_eq!(input("len(x)", "\u{FEFF}[[1,2],[3]]"), "[2,1]");
    assert_eq!(
        input("x", "[1, 2"),
        "error: plan: the JSON array is not closed: the data ends at byte 5 without `]`"
    );
    assert_eq!(
        input("x", "[1] 2"),
        "error: plan: there is something behind the JSON array (at byte 4)"
    );
    let wrong = input("x", "[1, txt, 2]");
    assert!(wrong.contains("data at byte 3: not JSON: expected ident"), "{wrong}");
    for lacking in ["[1, 2,]", "[1, ,2]", "[,]"] {
        assert!(
            input("x", lacking).starts_with("error: plan: the JSON array lacks a value"),
            "{lacking}"
        );
    }
}

#[test]
fn json_lines() {
    assert_eq!(input("x.a", "{\"a\": 1}\n\n{\"a\": \"two\"}\r\n"), r#"[1,"two"]"#);
    assert_eq!(input("x[0]", "[1, 2]\n[3]\n"), "[1,3]");
    assert_eq!(input("x + x", "\n\n\n\n\n\"a\"\n\"b\""), r#"["aa","bb"]"#);
    assert_eq!(map(r#"{"function": "x", "format": "jsonl"}"#, Some(b" \n \n")), "[]");
    assert!(input("x.b", "{\"a\": 1}\n").contains("data at byte 0: function: "));
}

#[test]
fn lines() {
    assert_eq!(input("x", "1\nab\n\n2.50\n007"), r#"[1,"ab","",2.5,"007"]"#);
    assert_eq!(input("x", ""), "[]");
    assert_eq!(
        map(r#"{"function": "x + x", "as_text": true}"#, Some(b"1\n2\n")),
        r#"["11","22"]"#
    );
    assert_eq!(
        map(r#"{"function": "len(x)", "format": "lines"}"#, Some(b"[1]\n\xFF\xFE\n")),
        "[3,2]"
    );
}

#[test]
fn csv_columns() {
    let csv = b"name,price\r\n\"Ann, \"\"A\"\"\",3\r\n\"two\r\nlines\",4.5\r\n5\" pipe,6\n\n\n";
    let column = |column: &str| map(&format!(r#"{{"function": "x", "column": {column}}}"#), Some(csv));
    assert_eq!(column("\"price\""), "[3,4.5,6]");
    assert_eq!(column("1"), "[3,4.5,6]");
    assert_eq!(column("\"0\""), r#"["Ann, \"A\"","two\r\nlines","5\" pipe"]"#);
    assert_eq!(
        column("\"prize\""),
        "error: plan: there is no column \"prize\"; the columns are name, price"
    );
    assert_eq!(
        column("2"),
        "error: plan: there is no column 2; the columns are name, price"
    );
    let bare = map(
        r#"{"function": "x", "format": "csv", "header": false, "column": 1, "delimiter": ";"}"#,
        Some(b"a;1\nb;2"),
    );
    assert_eq!(bare, "[1,2]");
    assert_eq!(
        map(r#"{"function": "x", "format": "csv"}"#, Some(b"only\n1\n2\n")),
        "[1,2]"
    );
    assert_eq!(map(r#"{"function": "x", "column": "a"}"#, Some(b"a,b\n")), "[]");
    let missing = map(r#"{"function": "x", "format": "csv"}"#, Some(b"a,b\n1,2\n"));
    assert_eq!(missing, "error: plan: column is missing; the columns are a, b");
    let short = map(r#"{"function": "x", "column": "b"}"#, Some(b"a,b\n1,2\n3\n"));
    assert!(short.contains("has 1 fields and no column 1"), "{short}");
}

#[test]
fn what_is_wrong_is_found_by_plan() {
    let none = map(r#"{"function": "x"}"#, None);
    assert_eq!(
        none,
        "error: plan: there is no data; add --input data=PATH, or a parameter data with a list of values"
    );
    assert!(map(r#"{"function": "x", "data": [1]}"#, Some(b"1")).contains("given twice"));
    assert!(input("x +* 2", "1").starts_with("error: plan: function: "));
    assert_eq!(
        input("x * y", "1"),
        "error: plan: function: there is no `y` here; use x (at character 5)"
    );
    assert!(input("x", "{\n\"a\": 1}").contains("not on one line"));
    assert!(map(r#"{"function": "x", "format": "jsonl", "column": 1}"#, Some(b"1")).contains("belong to format csv"));
    assert!(input("1 / x", "1\n0\n").ends_with("data at byte 2: function: division by zero (at character 3)"));
}
