//! Tests of the whole job, natively.

use crate::RangeReduce;
use p2pjob::testing::{Task, manifest};

fn compute(params: &str) -> String {
    match Task::new(params).run::<RangeReduce>() {
        Ok(finished) => finished.text(),
        Err(error) => format!("error: {error}"),
    }
}

#[test]
fn both_ends_are_included_whatever_the_cut() {
    for chunk_size in [1, 7, 999, 1000, 5000] {
        let with = |operation: &str| {
            compute(&format!(
                r#"{{"start": 1, "end": 1000, "operation": "{operation}", "chunk_size": {chunk_size}}}"#
            ))
        };
        assert_eq!(with("sum"), "500500");
        assert_eq!(with("min"), "1");
        assert_eq!(with("max"), "1000");
        assert_eq!(with("average"), "500.5");
        assert_eq!(with("product").len(), 2568);
    }
    assert_eq!(compute(r#"{"start": 5, "end": 5, "operation": "average"}"#), "5");
    assert_eq!(compute(r#"{"start": -3, "end": -1, "operation": "product"}"#), "-6");
    assert_eq!(compute(r#"{"start": -3, "end": 10, "operation": "product"}"#), "0");
}

#[test]
fn a_product_equals_the_one_by_schoolbook() {
    // Decimal digits, least first, multiplied by each small factor in turn.
    let mut digits = vec![1u32];
    for factor in 2..=1000 {
        let mut carry = 0;
        for digit in &mut digits {
            let value = *digit * factor + carry;
            *digit = value % 10;
            carry = value / 10;
        }
        while carry > 0 {
            digits.push(carry % 10);
            carry /= 10;
        }
    }
    let expected: String = digits
        .iter()
        .rev()
        .map(|digit| char::from(b'0' + *digit as u8))
        .collect();
    assert_eq!(
        compute(r#"{"start": 1, "end": 1000, "operation": "product"}"#),
        expected
    );
}

#[test]
fn large_ranges_have_closed_forms() {
    let sum = compute(r#"{"start": 1, "end": 1000000000000000000, "operation": "sum"}"#);
    assert_eq!(sum, "500000000000000000500000000000000000");
    let far = r#"{"start": "100000000000000000000000000000000000001", "end": "100000000000000000000000000000000000004", "operation": "OP"}"#;
    assert_eq!(
        compute(&far.replace("OP", "average")),
        "100000000000000000000000000000000000002.5"
    );
    assert_eq!(
        compute(&far.replace("OP", "max")),
        "100000000000000000000000000000000000004"
    );
    assert_eq!(
        compute(r#"{"start": "-1000000000000000000000", "end": "1000000000000000000000", "operation": "sum"}"#),
        "0"
    );
}

#[test]
fn a_custom_expression_is_folded() {
    let custom = |expression: &str, combine: &str| {
        let combine = if combine.is_empty() {
            String::new()
        } else {
            format!(r#", "combine": "{combine}""#)
        };
        compute(&format!(
            r#"{{"start": 1, "end": 10, "operation": "custom", "expression": "{expression}"{combine}}}"#
        ))
    };
    assert_eq!(custom("x ** 2", ""), "385");
    assert_eq!(custom("x % 3 == 0", "sum"), "3");
    assert_eq!(custom("x ** 20", "max"), "100000000000000000000");
    assert_eq!(custom("x * x", "average"), "38.5");
    assert_eq!(custom("x / 2", "sum"), "27.5");
    assert_eq!(custom("str(x)", "concat"), "\"12345678910\"");
    assert_eq!(
        custom("x", "a if b"),
        "error: plan: combine: write `if condition { a } else { b }` (at character 3)"
    );
    assert_eq!(custom("x", "a * b"), "3628800");
    assert_eq!(
        custom("1 / (x - 4)", ""),
        "error: run of chunk 1: expression: division by zero (at character 3) for x = 4"
    );
    assert!(custom("y", "").starts_with("error: plan: expression: there is no `y` here; use x"));
}

#[test]
fn what_is_wrong_is_found_by_plan() {
    let plan_error = |params: &str, expected: &str| {
        let error = compute(params);
        assert!(
            error.starts_with("error: plan: ") && error.contains(expected),
            "{params}: {error}"
        );
    };
    plan_error(
        r#"{"start": 2, "end": 1, "operation": "sum"}"#,
        "start (2) is greater than end (1)",
    );
    plan_error(
        r#"{"start": 1, "end": 1, "operation": "custom"}"#,
        "needs an expression in x",
    );
    plan_error(
        r#"{"start": 1, "end": 1, "operation": "sum", "expression": "x"}"#,
        "belong to operation custom",
    );
    plan_error(
        r#"{"start": 1, "end": "1e3", "operation": "sum"}"#,
        "\"1e3\" is not an integer",
    );
    plan_error(
        r#"{"start": 1, "end": 1.5, "operation": "sum"}"#,
        "1.5 is not an integer",
    );
    plan_error(
        r#"{"start": 1, "end": 1000000000000, "operation": "product"}"#,
        "would have about",
    );
    plan_error(
        r#"{"start": 1, "end": 1000000, "operation": "sum", "chunk_size": 2}"#,
        "makes 500000 chunks, at most 10000 are allowed; use at least 100",
    );
}

#[test]
fn numbers_come_in_every_form_a_host_may_send() {
    assert_eq!(
        compute(r#"{"start": 18446744073709551615, "end": 18446744073709551615, "operation": "sum"}"#),
        u64::MAX.to_string()
    );
    let huge = compute(&format!(
        r#"{{"start": 0, "end": {}, "operation": "sum"}}"#,
        "9".repeat(30)
    ));
    assert!(
        huge.ends_with("is too large for a JSON number; write its digits as text"),
        "{huge}"
    );
    let wide = p2pjob::to_cbor(&u128::MAX).unwrap();
    assert_eq!(
        p2pjob::from_cbor::<crate::number::Number>(&wide).unwrap().0,
        u128::MAX.into()
    );
    assert_eq!(compute(r#"{"start": 1.0, "end": "+3", "operation": "sum"}"#), "6");
    assert!(manifest::<RangeReduce>().contains(r#""pattern":"^[+-]?[0-9]+$""#));
}
