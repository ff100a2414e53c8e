//! Against what NumPy and SciPy say (tests/golden/make_linalg.py).

use super::{CLASSES, assert_near, assert_same_eigenvalues, largest, session, single, values};
use crate::error::ComputeError;
use crate::linalg::{Factorisation, FloatClass, Norm, determinant, eigenvalues, inverse, norm, singular_values, solve};
use crate::tensor::Tensor;
use serde_json::Value;

struct Case(Value);

impl Case {
    fn all() -> Vec<Self> {
        let Value::Array(cases) = serde_json::from_str(include_str!("../../../tests/golden/linalg.json")).unwrap()
        else {
            panic!("an array")
        };
        cases.into_iter().map(Self).collect()
    }

    fn name(&self) -> &str {
        self.0["name"].as_str().unwrap()
    }

    fn number(&self, key: &str) -> f64 {
        self.0[key].as_f64().unwrap()
    }

    fn has(&self, key: &str) -> bool {
        self.0.get(key).is_some()
    }

    /// All numbers under a key, in order.
    fn numbers(&self, key: &str) -> Vec<f64> {
        fn all(value: &Value, out: &mut Vec<f64>) {
            match value {
                Value::Array(values) => values.iter().for_each(|value| all(value, out)),
                value => out.push(value.as_f64().unwrap()),
            }
        }
        let mut out = Vec::new();
        all(&self.0[key], &mut out);
        out
    }

    fn matrix(&self) -> Tensor {
        let shape: Vec<usize> = self.numbers("shape").iter().map(|side| *side as usize).collect();
        Tensor::new(&shape, self.numbers("elements")).unwrap()
    }
}

#[test]
fn determinants() {
    let session = session();
    for case in Case::all().iter().filter(|case| case.has("eigenvalues")) {
        for class in CLASSES {
            for by in [Factorisation::Lu, Factorisation::Qr] {
                let what = format!("{} {class:?} {by:?}", case.name());
                let got = determinant(&session, class, &case.matrix(), by).unwrap();
                if !case.has("determinant") {
                    let size = largest(&case.numbers("elements"));
                    let n = case.matrix().shape()[0] as f64;
                    let size = if size == 0.0 { 0.0 } else { n * size.ln() };
                    assert!(got.sign == 0.0 || got.log_abs < size - 20.0, "{what}: {got:?}");
                    continue;
                }
                let wanted = &case.0["determinant"];
                assert_eq!(Some(got.sign), wanted["sign"].as_f64(), "{what}");
                let log_abs = wanted["log_abs"].as_f64().unwrap();
                // The logarithm changes by the relative error of the value.
                let allowed = case.number("error") + 1e-13 * log_abs.abs();
                assert!(
                    (got.log_abs - log_abs).abs() <= allowed,
                    "{what}: {got:?}, wanted {log_abs}"
                );
                let value = got.sign * got.log_abs.exp();
                assert!(
                    got.value == value || (got.value / value - 1.0).abs() < 1e-10,
                    "{what}: {got:?}"
                );
            }
        }
    }
}

#[test]
fn inverses_and_solutions() {
    let session = session();
    for case in Case::all().iter().filter(|case| case.has("inverse")) {
        let a = case.matrix();
        let b = Tensor::new(&[a.shape()[0], 3], case.numbers("right")).unwrap();
        for class in CLASSES {
            let what = format!("{} {class:?}", case.name());
            let got = inverse(&session, class, &a).unwrap();
            assert_eq!(got.shape(), a.shape());
            assert_near(&what, &values(&got), &case.numbers("inverse"), case.number("error"));
            let x = solve(&session, class, &a, &b).unwrap();
            assert_eq!(x.shape(), b.shape());
            assert_near(&what, &values(&x), &case.numbers("solution"), case.number("error"));
            // One column as a vector.
            let n = a.shape()[0];
            let column = Tensor::new(&[n], values(&b).iter().step_by(3).copied().collect()).unwrap();
            let wanted: Vec<f64> = case.numbers("solution").iter().step_by(3).copied().collect();
            let x = solve(&session, class, &a, &column).unwrap();
            assert_eq!(x.shape(), [n]);
            assert_near(&what, &values(&x), &wanted, case.number("error"));
        }
    }
}

#[test]
fn singular_matrices_are_refused() {
    let session = session();
    let cases = Case::all();
    let singular: Vec<_> = cases
        .iter()
        .filter(|case| case.0.get("singular") == Some(&Value::Bool(true)))
        .collect();
    assert!(singular.len() >= 4);
    for case in singular {
        let a = case.matrix();
        let b = Tensor::new(&[a.shape()[0]], vec![1.0; a.shape()[0]]).unwrap();
        for class in CLASSES {
            for result in [inverse(&session, class, &a), solve(&session, class, &a, &b)] {
                let Err(ComputeError::Singular {
                    reciprocal_condition, ..
                }) = result
                else {
                    panic!("{} {class:?}: {result:?}", case.name())
                };
                assert!(
                    (0.0..f64::EPSILON).contains(&reciprocal_condition),
                    "{reciprocal_condition:e}"
                );
            }
        }
    }
}

#[test]
fn eigenvalues_of_all_kinds() {
    let session = session();
    for case in Case::all().iter().filter(|case| case.has("eigenvalues")) {
        let a = case.matrix();
        let error = case.number("eigen_error") * largest(&case.numbers("elements")).max(f64::MIN_POSITIVE);
        for class in CLASSES {
            let what = format!("{} {class:?}", case.name());
            let got = eigenvalues(&session, class, &a).unwrap();
            assert_eq!(got.shape(), [a.shape()[0], 2]);
            let got = values(&got);
            assert_same_eigenvalues(&what, &got, &case.numbers("eigenvalues"), error);
            let pairs: Vec<_> = got.chunks(2).collect();
            assert!(
                pairs.is_sorted_by(|x, y| x[0] < y[0] || (x[0] == y[0] && x[1] <= y[1])),
                "{what}: {got:?}"
            );
        }
    }
}

#[test]
fn singular_values_and_norms() {
    let session = session();
    let kinds = [
        ("frobenius", Norm::Frobenius),
        ("one", Norm::One),
        ("infinity", Norm::Infinity),
        ("maximum", Norm::Max),
        ("two", Norm::Two),
        ("nuclear", Norm::Nuclear),
    ];
    for case in Case::all() {
        let a = case.matrix();
        for class in CLASSES {
            let what = format!("{} {class:?}", case.name());
            let got = singular_values(&session, class, &a).unwrap();
            assert_near(&what, &values(&got), &case.numbers("singular_values"), 1e-13);
            for (name, kind) in kinds {
                let got = norm(&session, class, &a, kind).unwrap();
                assert_near(
                    &format!("{what} {name}"),
                    &[got],
                    &[case.0["norms"][name].as_f64().unwrap()],
                    1e-13,
                );
            }
        }
    }
}

/// Operands of `f32` give what `f64` gives for the same numbers, rounded once.
#[test]
fn single_precision_is_rounded_once() {
    let session = session();
    for case in Case::all()
        .iter()
        .filter(|case| case.has("inverse") && case.number("error") < 1e-10)
    {
        let narrow = single(&case.matrix());
        let wide = Tensor::new(narrow.shape(), values(&narrow)).unwrap();
        let b = Tensor::new(&[narrow.shape()[0], 3], case.numbers("right")).unwrap();
        let (b, wide_b) = (single(&b), Tensor::new(b.shape(), values(&single(&b))).unwrap());
        if largest(&values(&narrow)) == 0.0 || !largest(&values(&narrow)).is_finite() {
            continue; // Out of the range of f32.
        }
        let class = FloatClass::Exact;
        for (got, wanted) in [
            (
                inverse(&session, class, &narrow).unwrap(),
                inverse(&session, class, &wide).unwrap(),
            ),
            (
                solve(&session, class, &narrow, &b).unwrap(),
                solve(&session, class, &wide, &wide_b).unwrap(),
            ),
            (
                singular_values(&session, class, &narrow).unwrap(),
                singular_values(&session, class, &wide).unwrap(),
            ),
        ] {
            assert_eq!(
                got.values::<f32>("test").unwrap(),
                single(&wanted).values::<f32>("test").unwrap()
            );
        }
    }
}
