//! Float classes and comparisons: their words, and what is refused.

use crate::float::{RawElements, Tolerance};
use crate::{Comparison, FloatClass, Requirements, TaskConfig};

fn read(text: &str) -> Result<Comparison, String> {
    text.parse()
        .map_err(|error: crate::float::ComparisonError| error.to_string())
}

fn tolerance(rtol: f64, atol: f64, raw: Option<RawElements>) -> Comparison {
    Comparison::Tolerance(Tolerance { rtol, atol, raw })
}

#[test]
fn words_are_read_and_written() {
    assert_eq!(read("exact"), Ok(Comparison::Exact));
    assert_eq!(read("tolerance"), Ok(tolerance(1e-5, 1e-6, None)));
    assert_eq!(read("tolerance:1e-4,0"), Ok(tolerance(1e-4, 0.0, None)));
    assert_eq!(read("tolerance(1e-5, 1e-6)"), read("tolerance"));
    assert_eq!(
        read("tolerance:0.01,2,f32"),
        Ok(tolerance(0.01, 2.0, Some(RawElements::F32)))
    );
    for text in ["exact", "tolerance:1e-5,1e-6", "tolerance:0.5,0.0,f64"] {
        assert_eq!(read(text).map(|read| read.to_string()), Ok(text.to_owned()));
    }
}

#[test]
fn what_is_no_comparison_is_refused_with_what_is() {
    for text in [
        "",
        "close",
        "tolerance:",
        "tolerance()",
        "tolerance:1",
        "tolerance:1,2,3",
        "tolerance:1e-5,1e-6,f16",
        "tolerance(1,1",
        "tolerance 1,1",
    ] {
        let told = read(text).expect_err(text);
        assert!(told.contains("tolerance:1e-5,1e-6"), "{told}");
    }
    for text in [
        "tolerance:-1,0",
        "tolerance:1.1,0",
        "tolerance:0,-1",
        "tolerance:nan,0",
        "tolerance:0,inf",
    ] {
        let told = read(text).expect_err(text);
        assert!(told.contains("rtol from 0 to 1"), "{told}");
    }
}

#[test]
fn what_agreed_strictly_has_agreed_loosely() {
    let (strict, loose) = (tolerance(1e-6, 1e-6, None), tolerance(1e-5, 1e-6, None));
    assert!(strict.is_as_strict_as(&loose) && !loose.is_as_strict_as(&strict));
    assert!(Comparison::Exact.is_as_strict_as(&strict) && !strict.is_as_strict_as(&Comparison::Exact));
    let mixed = tolerance(1e-7, 1e-3, None);
    assert!(!mixed.is_as_strict_as(&strict) && !strict.is_as_strict_as(&mixed));
}

#[test]
fn defaults_are_not_written_down() {
    let text = serde_json::to_string(&(Requirements::default(), TaskConfig::default())).expect("JSON");
    for word in ["float_class", "gpu", "compare"] {
        assert!(!text.contains(word), "{text}");
    }
    let fast = Requirements {
        float_class: FloatClass::Fast,
        gpu: true,
        ..Requirements::default()
    };
    let text = serde_json::to_string(&fast).expect("JSON");
    assert!(
        text.contains("\"float_class\":\"fast\"") && text.contains("\"gpu\":true"),
        "{text}"
    );
    assert_eq!(serde_json::from_str::<Requirements>(&text).expect("reads"), fast);
}
