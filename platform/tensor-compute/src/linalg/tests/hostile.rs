//! Shapes, types, values and limits that nobody should send.

use super::{CLASSES, matrix, session};
use crate::error::{ComputeError, Result};
use crate::linalg::{Factorisation, FloatClass, Norm, determinant, eigenvalues, inverse, norm, singular_values, solve};
use crate::session::{Session, Settings};
use crate::tensor::Tensor;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

const NORMS: [Norm; 6] = [
    Norm::Frobenius,
    Norm::One,
    Norm::Infinity,
    Norm::Max,
    Norm::Two,
    Norm::Nuclear,
];

type Operation = fn(&Session, FloatClass, &Tensor) -> Result<()>;

/// Those that factor a matrix.
const FACTORISING: [Operation; 6] = [
    |session, class, a| determinant(session, class, a, Factorisation::Lu).map(drop),
    |session, class, a| determinant(session, class, a, Factorisation::Qr).map(drop),
    |session, class, a| inverse(session, class, a).map(drop),
    |session, class, a| solve(session, class, a, a).map(drop),
    |session, class, a| eigenvalues(session, class, a).map(drop),
    |session, class, a| singular_values(session, class, a).map(drop),
];

/// Every operation on one matrix.
fn all(session: &Session, class: FloatClass, a: &Tensor) -> Vec<Result<()>> {
    let mut out: Vec<_> = FACTORISING
        .iter()
        .map(|operation| operation(session, class, a))
        .collect();
    out.extend(NORMS.map(|kind| norm(session, class, a, kind).map(drop)));
    out
}

#[test]
fn empty_matrices() {
    let (session, empty) = (session(), Tensor::new::<f64>(&[0, 0], vec![]).unwrap());
    for class in CLASSES {
        for by in [Factorisation::Lu, Factorisation::Qr] {
            let one = determinant(&session, class, &empty, by).unwrap();
            assert_eq!((one.value, one.sign, one.log_abs), (1.0, 1.0, 0.0));
        }
        assert_eq!(inverse(&session, class, &empty).unwrap().shape(), [0, 0]);
        assert_eq!(eigenvalues(&session, class, &empty).unwrap().shape(), [0, 2]);
        assert_eq!(singular_values(&session, class, &empty).unwrap().shape(), [0]);
        let sides: [&[usize]; 3] = [&[0], &[0, 0], &[0, 4]];
        for shape in sides {
            let b = Tensor::new::<f64>(shape, vec![]).unwrap();
            assert_eq!(solve(&session, class, &empty, &b).unwrap().shape(), shape);
        }
        let b = Tensor::new::<f64>(&[3, 0], vec![]).unwrap();
        assert_eq!(solve(&session, class, &matrix(3, 3, 1), &b).unwrap().shape(), [3, 0]);
        for shape in [&[0][..], &[0, 0], &[0, 5], &[5, 0]] {
            let a = Tensor::new::<f32>(shape, vec![]).unwrap();
            for kind in NORMS {
                assert_eq!(norm(&session, class, &a, kind).unwrap(), 0.0, "{shape:?} {kind:?}");
            }
            if shape.len() == 2 {
                assert_eq!(singular_values(&session, class, &a).unwrap().shape(), [0]);
            }
        }
    }
}

#[test]
fn shapes_and_types_that_do_not_fit() {
    let session = session();
    let square = matrix(3, 3, 1);
    for class in CLASSES {
        let shapes: [&[usize]; 3] = [&[], &[2, 2, 2], &[1, 1, 1]];
        for shape in shapes {
            let a = Tensor::new(shape, vec![1.0; shape.iter().product()]).unwrap();
            for result in all(&session, class, &a) {
                assert!(
                    matches!(result, Err(ComputeError::Shape { .. })),
                    "{shape:?}: {result:?}"
                );
            }
        }
        let wide = matrix(2, 3, 1);
        for result in [
            determinant(&session, class, &wide, Factorisation::Lu).map(drop),
            inverse(&session, class, &wide).map(drop),
            solve(&session, class, &wide, &wide).map(drop),
            eigenvalues(&session, class, &wide).map(drop),
            solve(&session, class, &square, &wide).map(drop),
            solve(
                &session,
                class,
                &square,
                &matrix(27, 1, 1).with_shape("test", &[3, 3, 3]).unwrap(),
            )
            .map(drop),
        ] {
            assert!(matches!(result, Err(ComputeError::Shape { .. })), "{result:?}");
        }
        let whole = Tensor::new(&[2, 2], vec![1_i64, 2, 3, 4]).unwrap();
        for result in all(&session, class, &whole) {
            assert!(matches!(result, Err(ComputeError::DType { .. })), "{result:?}");
        }
        let narrow = Tensor::new(&[3], vec![1.0_f32; 3]).unwrap();
        assert!(matches!(
            solve(&session, class, &square, &narrow),
            Err(ComputeError::DType { .. })
        ));
    }
}

#[test]
fn elements_that_are_not_finite() {
    let session = session();
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        for (n, at) in [(1, 0), (3, 4), (40, 1599), (40, 777)] {
            let mut elements = super::random(n * n, 5);
            elements[at] = bad;
            let a = Tensor::new(&[n, n], elements).unwrap();
            for class in CLASSES {
                for by in [Factorisation::Lu, Factorisation::Qr] {
                    assert!(determinant(&session, class, &a, by).unwrap().value.is_nan());
                }
                for result in [
                    inverse(&session, class, &a),
                    solve(&session, class, &a, &a),
                    eigenvalues(&session, class, &a),
                    singular_values(&session, class, &a),
                ] {
                    let Err(error @ ComputeError::Argument { .. }) = result else {
                        panic!("{result:?}")
                    };
                    assert!(error.to_string().contains("finite"), "{error}");
                }
                for kind in NORMS {
                    let got = norm(&session, class, &a, kind).unwrap();
                    let infinite = bad.is_infinite() && !matches!(kind, Norm::Two | Norm::Nuclear);
                    assert!(
                        if infinite { got == f64::INFINITY } else { got.is_nan() },
                        "{bad} {kind:?}: {got}"
                    );
                }
                // A right side may hold anything: what it spoils is its own column.
                let b = Tensor::new(&[2, 2], vec![bad, 1.0, 0.0, 2.0]).unwrap();
                let eye = Tensor::new(&[2, 2], vec![1.0, 0.5, 0.0, 1.0]).unwrap();
                let x = super::values(&solve(&session, class, &eye, &b).unwrap());
                assert!(!x[0].is_finite() && x[1] == 0.0 && x[3] == 2.0, "{x:?}");
            }
        }
    }
}

/// The ends of the range of doubles: results or typed errors, and no determinant that is NaN.
#[test]
fn extreme_magnitudes() {
    let session = session();
    for size in [f64::MAX, f64::MIN_POSITIVE, 5e-324, 1e300, 1e-300] {
        for n in [1, 2, 9, 60] {
            let elements = super::random(n * n, 6).iter().map(|x| x * size).collect();
            let a = Tensor::new(&[n, n], elements).unwrap();
            for class in CLASSES {
                for by in [Factorisation::Lu, Factorisation::Qr] {
                    let d = determinant(&session, class, &a, by).unwrap();
                    assert!(
                        !d.value.is_nan() && !d.log_abs.is_nan(),
                        "{size:e} {n} {class:?}: {d:?}"
                    );
                }
                for result in all(&session, class, &a) {
                    assert!(
                        matches!(result, Ok(()) | Err(ComputeError::Singular { .. })),
                        "{size:e} {n}: {result:?}"
                    );
                }
            }
        }
    }
    // Both ends in one matrix, and rows that vanish.
    for (n, seed) in [(4, 1), (9, 2), (33, 3)] {
        let mut elements = super::random(n * n, seed);
        for (at, x) in elements.iter_mut().enumerate() {
            *x *= [1e300, 1e-300, 0.0, 1.0, 5e-324][at * 7 % 5];
        }
        let a = Tensor::new(&[n, n], elements).unwrap();
        for class in CLASSES {
            for result in all(&session, class, &a) {
                let typed = matches!(
                    result,
                    Ok(()) | Err(ComputeError::Singular { .. }) | Err(ComputeError::NoConvergence { .. })
                );
                assert!(typed, "{n} {class:?}: {result:?}");
            }
        }
    }
}

/// Matrices whose eigenvalues lie on a circle, or all in one place, or that the shifts would leave as they are.
#[test]
fn stubborn_eigenvalues() {
    let session = session();
    for n in [2, 3, 4, 5, 16, 33, 64] {
        let cycle = |at: usize| if (at / n + 1) % n == at % n { 1.0 } else { 0.0 };
        let jordan = |at: usize| if at / n + 1 == at % n { 1.0 } else { 0.0 };
        let ones = |_: usize| 1.0;
        let shapes: [&dyn Fn(usize) -> f64; 3] = [&cycle, &jordan, &ones];
        for (kind, element) in shapes.iter().enumerate() {
            let a = Tensor::new(&[n, n], (0..n * n).map(element).collect()).unwrap();
            for class in CLASSES {
                let z = super::values(&eigenvalues(&session, class, &a).unwrap());
                let largest = z.chunks(2).map(|z| z[0].hypot(z[1])).fold(0.0, f64::max);
                let wanted = [1.0, 0.0, n as f64][kind];
                assert!(
                    (largest - wanted).abs() < 1e-9 * (1.0 + wanted),
                    "{n} {kind} {class:?}: {z:?}"
                );
            }
        }
    }
}

#[test]
fn limits_are_kept() {
    let a = matrix(64, 64, 1);
    for class in CLASSES {
        let poor = Session::new(Settings::default(), 1 << 30);
        poor.grant(3_000);
        for result in all(&poor, class, &a).iter().take(6) {
            assert_eq!(*result, Err(ComputeError::OutOfFuel));
        }
        for limit in [0, 40_000, 70_000] {
            let small = Session::new(Settings::default(), limit);
            small.grant(u64::MAX);
            let results = all(&small, class, &a);
            assert!(
                results
                    .iter()
                    .any(|result| matches!(result, Err(ComputeError::Memory { .. })))
            );
            assert!(
                results
                    .iter()
                    .all(|result| matches!(result, Ok(()) | Err(ComputeError::Memory { .. })))
            );
            assert_eq!(small.live_bytes(), 0);
            assert!(small.peak_bytes() <= limit);
        }
        let stopped = Session::unlimited(Settings {
            stop: Arc::new(|| true),
            ..Settings::default()
        });
        for result in all(&stopped, class, &a) {
            assert_eq!(result, Err(ComputeError::Cancelled));
        }
    }
}

/// Class `exact` asks often whether to stop.
#[test]
fn exact_can_be_stopped_on_the_way() {
    let a = matrix(150, 150, 1);
    for (kind, operation) in FACTORISING.iter().enumerate() {
        let asked = Arc::new(AtomicU32::new(0));
        let counter = asked.clone();
        let stop = Arc::new(move || counter.fetch_add(1, Ordering::Relaxed) >= 6);
        let session = Session::unlimited(Settings {
            stop,
            ..Settings::default()
        });
        assert_eq!(
            operation(&session, FloatClass::Exact, &a),
            Err(ComputeError::Cancelled),
            "{kind}"
        );
    }
}
