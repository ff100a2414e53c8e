//! Tests of the whole job, natively: plain and keyed, whatever the cut.

use crate::MapReduce;
use p2pjob::testing::Task;

#[track_caller]
fn reduce(params: &str, data: Option<&str>) -> String {
    let results = [1, 3, 8, 1000].map(|chunk_size| {
        let task = Task::new(params).chunk_size(chunk_size);
        let task = data.iter().fold(task, |task, data| task.input("data", *data));
        task.run::<MapReduce>()
            .map_or_else(|error| format!("error: {error}"), |finished| finished.text())
    });
    assert!(results.iter().all(|result| *result == results[0]), "{results:#?}");
    results[0].clone()
}

#[test]
fn plain_folds_are_exact() {
    let fold = |map: &str, reduce_function: &str| {
        let params =
            format!(r#"{{"map_function": "{map}", "reduce_function": "{reduce_function}", "data": [1, 2, 3, 4]}}"#);
        reduce(&params, None)
    };
    assert_eq!(fold("x ** 2", "sum"), "30");
    assert_eq!(fold("10 ** (10 * x)", "product"), format!("1{}", "0".repeat(100)));
    assert_eq!(fold("x", "average"), "2.5");
    assert_eq!(fold("-x", "min"), "-4");
    assert_eq!(fold("x", "count"), "4");
    assert_eq!(fold("str(x)", "concat"), "\"1234\"");
    assert_eq!(fold("x", "concat"), "[1,2,3,4]");
    assert_eq!(fold("x", "if a > b { a } else { b }"), "4");
    assert_eq!(
        reduce(r#"{"reduce_function": "sum"}"#, Some("[18446744073709551616, 1]")),
        "18446744073709551617"
    );
}

#[test]
fn keyed_folds_give_an_object_sorted_by_key() {
    let params = r#"{"key_function": "x % 3", "reduce_function": "sum", "data": [1, 2, 3, 4, 5, 6, 7]}"#;
    assert_eq!(reduce(params, None), r#"{"0":9,"1":12,"2":7}"#);
    let params = r#"{"key_function": "x.city", "map_function": "x.age", "reduce_function": "average"}"#;
    let people =
        "{\"city\": \"Rom\", \"age\": 30}\n{\"city\": \"Ulm\", \"age\": 41}\n{\"city\": \"Rom\", \"age\": 33}\n";
    assert_eq!(reduce(params, Some(people)), r#"{"Rom":31.5,"Ulm":41}"#);
    let params = r#"{"key_function": "x", "reduce_function": "count", "column": "c"}"#;
    assert_eq!(reduce(params, Some("c,d\nb,1\na,2\nb,3\n")), r#"{"a":1,"b":2}"#);
    assert_eq!(
        reduce(r#"{"key_function": "x", "reduce_function": "max", "data": []}"#, None),
        "{}"
    );
}

#[test]
fn what_is_wrong_is_named() {
    let nothing = reduce(r#"{"reduce_function": "max", "data": []}"#, None);
    assert_eq!(nothing, "error: reduce: reduce_function: there are no values");
    let unknown = reduce(r#"{"reduce_function": "summe", "data": [1]}"#, None);
    assert!(
        unknown.starts_with("error: plan: reduce_function: there is no fold `summe`; there are sum, "),
        "{unknown}"
    );
    let key = reduce(
        r#"{"reduce_function": "sum", "key_function": "k(x)", "data": [1]}"#,
        None,
    );
    assert!(
        key.starts_with("error: plan: key_function: there is no function `k`; "),
        "{key}"
    );
    let text = reduce(r#"{"reduce_function": "sum", "data": ["a"]}"#, None);
    assert_eq!(
        text,
        "error: run of chunk 0: value 0: reduce_function: a value is str, not a number"
    );
}
