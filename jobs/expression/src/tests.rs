//! Tests of expressions and folds.

use crate::{Expression, Folded, Folder, Value, decimal_of_ratio, parse_json, write_json};
use dashu_int::{IBig, UBig};

fn json(value: &Value) -> String {
    let mut out = Vec::new();
    match write_json(value, &mut out) {
        Ok(()) => String::from_utf8(out).unwrap(),
        Err(error) => format!("error: {error}"),
    }
}

/// The value of an expression in `x`, as JSON, or its error.
fn eval(text: &str, x: &str) -> String {
    let x = parse_json(x.as_bytes()).unwrap();
    let evaluated = Expression::new("function", text, &["x"]).and_then(|mut expression| expression.eval([x]));
    evaluated.map_or_else(|error| format!("error: {error}"), |value| json(&value))
}

#[track_caller]
fn check(cases: &[(&str, &str, &str)]) {
    for (text, x, expected) in cases {
        assert_eq!(eval(text, x), *expected, "{text} for x = {x}");
    }
}

#[test]
fn the_documented_expressions_work_as_written() {
    check(&[
        ("x * 2", "21", "42"),
        ("x + 10", "-3", "7"),
        ("x ** 2", "12", "144"),
        ("sqrt(x)", "2", "1.4142135623730951"),
        ("sqrt(x)", "16", "4.0"),
        ("str(x).upper()", "\"abc\"", "\"ABC\""),
        ("str(x).upper()", "12.5", "\"12.5\""),
        ("len(str(x))", "1000", "4"),
        ("x > 5", "5", "false"),
        ("x > 5", "5.5", "true"),
        ("x % 2 == 0", "4", "true"),
        ("x % 2 == 0", "-3", "false"),
    ]);
}

#[test]
fn integers_are_exact_at_any_size() {
    check(&[
        ("x * x", "9223372036854775807", "85070591730234615847396907784232501249"),
        ("x + 1", "9223372036854775807", "9223372036854775808"),
        ("x - 1", "9223372036854775808", "9223372036854775807"),
        ("-x", "-9223372036854775808", "9223372036854775808"),
        ("x // -1", "-9223372036854775808", "9223372036854775808"),
        ("x % -1", "-9223372036854775808", "0"),
        ("x ** 40", "10", "10000000000000000000000000000000000000000"),
        ("x + 10000000000000000000000", "1", "10000000000000000000001"),
        ("x // 7", "100000000000000000000000", "14285714285714285714285"),
        ("x % 7", "-100000000000000000000000", "2"),
        ("abs(x)", "-100000000000000000000000", "100000000000000000000000"),
        ("isqrt(x)", "100000000000000000000000000", "10000000000000"),
        ("x == 100000000000000000000000", "100000000000000000000000", "true"),
        ("x > 1e22", "10000000000000000000001", "true"),
        ("x == 1e22", "10000000000000000000000", "true"),
        ("2 ** x", "64", "18446744073709551616"),
        ("int(str(x) + \"0\")", "9223372036854775807", "92233720368547758070"),
        (
            "10 ** x",
            "100000000",
            "error: function: the power would have more than 20 million digits (at character 4)",
        ),
    ]);
}

#[test]
fn operators_answer_as_python_does() {
    check(&[
        ("x / 2", "7", "3.5"),
        ("x / 2", "8", "4.0"),
        ("x // 2", "-7", "-4"),
        ("x // 2", "7.5", "3.0"),
        ("x % 3", "-7", "2"),
        ("x % -3", "7", "-2"),
        ("x % 3", "-7.5", "1.5"),
        ("x ** -1", "2", "0.5"),
        ("2 ** 3 ** x", "2", "512"),
        ("2 ** -x", "2", "0.25"),
        ("x ** 0.5", "9", "3.0"),
        ("10 / x", "100000000000000000000000000000000000000000000", "1e-43"),
        ("x / 3", "1", "0.3333333333333333"),
        ("round(x)", "2.5", "2"),
        ("round(x)", "-3.5", "-4"),
        ("round(x, 2)", "2.675", "2.67"),
        ("round(x, -2)", "150", "200"),
        ("round(x, -2)", "250", "200"),
        ("round(x, -2)", "-251", "-300"),
        ("int(x)", "-3.7", "-3"),
        ("floor(x)", "-3.5", "-4"),
        ("ceil(x)", "1e20", "100000000000000000000"),
        ("x + True", "1", "2"),
        ("True and x > 1 or False", "2", "true"),
        ("x in [1, 2, 3]", "2.0", "true"),
        ("x not in 'abc'", "\"b\"", "false"),
        ("'it\\'s \"' + x", "\"me\"", "\"it's \\\"me\""),
        ("if x > 0 { 'big' } else { 'small' }", "0", "\"small\""),
        ("x.price * 2", "{\"price\": 3}", "6"),
        ("x[1] + x[-1]", "[1, 2, 3]", "5"),
        ("max(x)", "[1, 2.5, 2]", "2.5"),
        ("min(x, 3, 1.5)", "2", "1.5"),
        ("sum(x) / len(x)", "[1, 2]", "1.5"),
        ("x.split(',')", "\"a,b\"", "[\"a\",\"b\"]"),
        ("'-'.join(x)", "[\"a\",\"b\"]", "\"a-b\""),
        ("slice(x, 1, -1)", "\"hallo\"", "\"all\""),
        ("x.find('l')", "\"hallo\"", "2"),
        ("str(x)", "1e16", "\"1e+16\""),
        ("str(x)", "0.00001", "\"1e-05\""),
        ("str(x)", "2.0", "\"2.0\""),
        ("str(x)", "true", "\"True\""),
        ("x", "[1,{\"a\":null}]", "[1,{\"a\":null}]"),
        ("pi * x", "2", "6.283185307179586"),
        ("0xff + x", "1", "256"),
        ("1_000 + x", "1", "1001"),
        ("type(x)", "100000000000000000000", "\"int\""),
        ("bool(x)", "[]", "false"),
        ("x[0] + x[-1]", "\"abc\"", "\"ac\""),
        ("x[0] == 'a' and x[1] < 'c' and x[0] * 2 == 'aa'", "\"abc\"", "true"),
        ("x['k'] and 'k' in x", "{\"k\": true}", "true"),
        ("x == None", "null", "true"),
        ("x.contains(2)", "[1, 2]", "true"),
        ("e ** x", "0", "1.0"),
    ]);
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    check(&[
        ("x +", "1", "error: function: Script is incomplete (at character 4)"),
        (
            "y * 2",
            "1",
            "error: function: there is no `y` here; use x (at character 1)",
        ),
        (
            "x = 2",
            "1",
            "error: function: `=` assigns; write `==` to compare (at character 3)",
        ),
        (
            "x += 2",
            "1",
            "error: function: assignments are not allowed here (at character 3)",
        ),
        (
            "not x",
            "1",
            "error: function: `not` is not available; write !(...) (at character 1)",
        ),
        (
            "-x ** 2",
            "1",
            "error: function: a minus before a power is ambiguous; write -(x ** 2) or (-x) ** 2 (at character 1)",
        ),
        (
            "2 * -x.y[1](3) ** 2",
            "1",
            "error: function: a minus before a power is ambiguous; write -(x ** 2) or (-x) ** 2 (at character 5)",
        ),
        (
            "'abc",
            "1",
            "error: function: this text has no closing quote (at character 1)",
        ),
        (
            "x /* 2",
            "1",
            "error: function: comments are not allowed here (at character 3)",
        ),
        ("", "1", "error: function: the expression is empty"),
        ("x / 0", "1", "error: function: division by zero (at character 3)"),
        (
            "1 < x < 3",
            "2",
            "error: function: cannot compare bool and int by `<`; for a chain write `a < x && x < b` (at character 7)",
        ),
        (
            "x > 5",
            "\"a\"",
            "error: function: cannot compare str and int by `>` (at character 3)",
        ),
        (
            "x + 1",
            "\"a\"",
            "error: function: cannot add str and int; str(...) makes a text of a number (at character 3)",
        ),
        (
            "sqrt(x)",
            "-1",
            "error: function: sqrt(-1) is not defined or too large (at character 1)",
        ),
        (
            "x ** 0.5",
            "-1",
            "error: function: a negative number to a broken power is no real number (at character 3)",
        ),
        ("x * 1e308", "10", "error: the result is infinite"),
        (
            "int(x)",
            "\"ten\"",
            "error: function: int cannot read \"ten\" (at character 1)",
        ),
        (
            "x.upper()",
            "1",
            "error: function: upper needs a text, not int; str(...) makes one (at character 3)",
        ),
        ("5 - 3", "1", "2"),
        (
            "x - -2 ** 2",
            "1",
            "error: function: a minus before a power is ambiguous; write -(x ** 2) or (-x) ** 2 (at character 5)",
        ),
    ]);
    assert!(eval("sqr(x)", "1").starts_with("error: function: there is no function `sqr`; there are abs, "));
    assert!(eval("let y = 1; y", "1").starts_with("error: function: "));
    assert!(eval("while true { }", "1").starts_with("error: function: "));
    assert!(eval(&"x+".repeat(5000), "1").contains("at most 8192 are allowed"));
    assert!(eval(&"(".repeat(4000), "1").starts_with("error: function: "));
}

#[test]
fn json_numbers_are_read_by_the_grammar() {
    for (text, expected) in [
        ("0", "0"),
        ("-0", "0"),
        ("1e3", "1000.0"),
        ("1.50", "1.5"),
        ("-1E-2", "-0.01"),
        ("123456789012345678901234567890", "123456789012345678901234567890"),
    ] {
        assert_eq!(json(&parse_json(text.as_bytes()).unwrap()), expected, "{text}");
    }
    for text in ["", "01", "1.", ".5", "+1", "1e", "- 1", "nan", "1 2", "[1,]", "0x1"] {
        assert!(parse_json(text.as_bytes()).is_err(), "{text}");
    }
}

#[test]
fn ratios_are_exact_or_rounded_to_34_digits() {
    for (numerator, denominator, expected) in [
        (1, 2, "0.5"),
        (-7, 4, "-1.75"),
        (10, 5, "2"),
        (1, 1_048_576, "0.00000095367431640625"),
        (1, 3, "0.3333333333333333333333333333333333"),
        (2, 3, "0.6666666666666666666666666666666667"),
        (-200, 3, "-66.66666666666666666666666666666667"),
        (1, 70, "0.01428571428571428571428571428571429"),
        (0, 7, "0"),
    ] {
        assert_eq!(
            decimal_of_ratio(&IBig::from(numerator), &UBig::from(denominator as u32)),
            expected
        );
    }
    let large = IBig::from(10).pow(50) + IBig::ONE;
    assert_eq!(
        decimal_of_ratio(&large, &UBig::from(3u8)),
        format!("{}67", "3".repeat(49)).replace("67", "4")
    );
    let small = decimal_of_ratio(&IBig::ONE, &(UBig::from(3u8) * UBig::from(10u8).pow(100)));
    assert_eq!(small, "3.333333333333333333333333333333333e-101");
}

fn fold(text: &str, chunks: &[&[&str]]) -> String {
    let mut folder = match Folder::new("reduce_function", text) {
        Ok(folder) => folder,
        Err(error) => return format!("error: {error}"),
    };
    let mut run = || {
        let mut total = Folded::default();
        for values in chunks {
            let mut folded = Folded::default();
            for value in *values {
                folder.add(&mut folded, parse_json(value.as_bytes()).unwrap())?;
            }
            folder.merge(&mut total, Folded::from_wire(folded.to_wire()?)?)?;
        }
        folder.finish(&total)
    };
    run().unwrap_or_else(|error| format!("error: {error}"))
}

#[test]
fn folds_do_not_see_the_cut() {
    let values: &[&str] = &["3", "9223372036854775807", "-1", "2.5"];
    let ints: &[&str] = &["3", "9223372036854775807", "-1"];
    for at in 0..=3 {
        let check = |text: &str, values: &[&str], expected: &str| {
            let (first, last) = values.split_at(at.min(values.len()));
            assert_eq!(fold(text, &[first, &[], last]), expected, "{text} cut at {at}");
        };
        check("sum", ints, "9223372036854775809");
        check("product", ints, "-27670116110564327421");
        check("min", values, "-1");
        check("max", values, "9223372036854775807");
        check("average", ints, "3074457345618258603");
        check("average", &["1", "2"], "1.5");
        check("average", &["1", "2.5"], "1.75");
        check("count", values, "4");
        check("concat", &["\"a\"", "\"b\"", "\"c\""], "\"abc\"");
        check("concat", &["1", "[2,3]", "null"], "[1,2,3,null]");
        check("a + b * 1", ints, "9223372036854775809");
        check("max(a, b)", values, "9223372036854775807");
    }
}

#[test]
fn folds_of_nothing_and_of_the_wrong_thing() {
    assert_eq!(fold("sum", &[]), "0");
    assert_eq!(fold("product", &[&[]]), "1");
    assert_eq!(fold("count", &[]), "0");
    assert_eq!(fold("concat", &[]), "[]");
    assert_eq!(fold("max", &[]), "error: reduce_function: there are no values");
    assert_eq!(
        fold("sum", &[&["\"a\""]]),
        "error: reduce_function: a value is str, not a number"
    );
    assert_eq!(
        fold("sum", &[&["1", "\"a\""]]),
        "error: reduce_function: cannot apply `+` to int and str"
    );
    assert_eq!(
        fold("min", &[&["null"]]),
        "error: reduce_function: cannot compare null and null by `<`"
    );
    assert!(fold("summe", &[]).starts_with("error: reduce_function: there is no fold `summe`; there are sum, "));
    assert!(fold("a + c", &[]).starts_with("error: reduce_function: there is no `c` here; use a, b"));
}
