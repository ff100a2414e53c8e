//! What must hold of any matrix, over seeded random ones.

use super::{CLASSES, assert_near, assert_same_eigenvalues, matrix, product, session, transposed, values};
use crate::linalg::{Determinant, Factorisation, determinant, eigenvalues, fast, inverse, singular_values, solve};
use crate::tensor::Tensor;

/// Sides around the sizes of blocks.
const SIDES: [usize; 12] = [1, 2, 3, 8, 15, 16, 17, 31, 48, 49, 65, 130];

fn assert_same_determinant(what: &str, x: Determinant, y: Determinant) {
    assert_eq!(x.sign, y.sign, "{what}: {x:?} and {y:?}");
    assert!((x.log_abs - y.log_abs).abs() < 1e-9, "{what}: {x:?} and {y:?}");
}

#[test]
fn a_matrix_times_its_inverse_is_the_identity() {
    let session = session();
    for n in SIDES {
        let a = matrix(n, n, n as u64);
        let identity: Vec<f64> = (0..n * n).map(|at| if at / n == at % n { 1.0 } else { 0.0 }).collect();
        for class in CLASSES {
            let inverse = inverse(&session, class, &a).unwrap();
            assert_near(
                &format!("{n} {class:?}"),
                &values(&product(&a, &inverse)),
                &identity,
                1e-10,
            );
        }
    }
}

#[test]
fn solutions_solve() {
    let session = session();
    for n in SIDES {
        let a = matrix(n, n, 100 + n as u64);
        for columns in [1, 2, 5, 40] {
            let b = matrix(n, columns, 200 + n as u64);
            for class in CLASSES {
                let x = solve(&session, class, &a, &b).unwrap();
                assert_near(
                    &format!("{n} {columns} {class:?}"),
                    &values(&product(&a, &x)),
                    &values(&b),
                    1e-10,
                );
            }
        }
    }
}

#[test]
fn determinants_multiply_and_do_not_depend_on_the_factorisation() {
    let session = session();
    for n in SIDES {
        let (a, b) = (matrix(n, n, 300 + n as u64), matrix(n, n, 400 + n as u64));
        let ab = product(&a, &b);
        for class in CLASSES {
            let of = |a: &Tensor, by| determinant(&session, class, a, by).unwrap();
            let (x, y, xy) = (
                of(&a, Factorisation::Lu),
                of(&b, Factorisation::Lu),
                of(&ab, Factorisation::Lu),
            );
            let both = Determinant {
                value: 0.0,
                sign: x.sign * y.sign,
                log_abs: x.log_abs + y.log_abs,
            };
            assert_same_determinant(&format!("product {n} {class:?}"), xy, both);
            assert_same_determinant(&format!("QR {n} {class:?}"), of(&a, Factorisation::Qr), x);
        }
    }
}

#[test]
fn eigenvalues_have_the_trace_and_the_determinant() {
    let session = session();
    for n in SIDES {
        let a = matrix(n, n, 500 + n as u64);
        let trace: f64 = values(&a).iter().step_by(n + 1).sum();
        for class in CLASSES {
            let what = format!("{n} {class:?}");
            let z = values(&eigenvalues(&session, class, &a).unwrap());
            let sum: f64 = z.iter().step_by(2).sum();
            assert!((sum - trace).abs() < 1e-11 * n as f64, "{what}: {sum} and {trace}");
            assert!(
                z.iter().skip(1).step_by(2).sum::<f64>().abs() < 1e-12 * n as f64,
                "{what}: conjugates"
            );
            let log_abs: f64 = z.chunks(2).map(|z| z[0].hypot(z[1]).ln()).sum();
            let wanted = determinant(&session, class, &a, Factorisation::Lu).unwrap();
            assert!(
                (log_abs - wanted.log_abs).abs() < 1e-8,
                "{what}: {log_abs} and {wanted:?}"
            );
            let other = values(&eigenvalues(&session, class, &transposed(&a)).unwrap());
            assert_same_eigenvalues(&what, &z, &other, 1e-8);
        }
    }
}

#[test]
fn singular_values_are_those_of_the_transposed_matrix_and_of_the_gram_matrix() {
    let session = session();
    for (rows, columns) in [(1, 1), (5, 3), (3, 5), (17, 16), (40, 33), (9, 90), (100, 7), (70, 70)] {
        let a = matrix(rows, columns, 600 + rows as u64);
        for class in CLASSES {
            let what = format!("{rows} {columns} {class:?}");
            let s = values(&singular_values(&session, class, &a).unwrap());
            assert_eq!(s.len(), rows.min(columns));
            assert!(s.is_sorted_by(|x, y| x >= y) && s.iter().all(|s| *s >= 0.0));
            assert_near(
                &what,
                &values(&singular_values(&session, class, &transposed(&a)).unwrap()),
                &s,
                1e-12,
            );
            let gram = if rows < columns {
                product(&a, &transposed(&a))
            } else {
                product(&transposed(&a), &a)
            };
            let mut squares: Vec<f64> = values(&eigenvalues(&session, class, &gram).unwrap())
                .iter()
                .step_by(2)
                .copied()
                .collect();
            squares.reverse();
            assert_near(&what, &s.iter().map(|s| s * s).collect::<Vec<_>>(), &squares, 1e-11);
        }
    }
}

#[test]
fn both_classes_agree_on_eigenvalues() {
    let session = session();
    for n in SIDES {
        let a = matrix(n, n, 700 + n as u64);
        let [x, y] = CLASSES.map(|class| values(&eigenvalues(&session, class, &a).unwrap()));
        assert_same_eigenvalues(&format!("{n}"), &x, &y, 1e-9);
    }
}

#[test]
fn the_fast_product_is_the_product() {
    let session = session();
    for (m, k, n) in [(1, 1, 1), (3, 5, 7), (33, 17, 65), (0, 3, 2), (2, 0, 3), (128, 64, 100)] {
        let (a, b) = (matrix(m, k, 1), matrix(k, n, 2));
        let wanted = product(&a, &b);
        let got = fast::matmul(&session, &a, &b).unwrap();
        assert_eq!(got.shape(), [m, n]);
        assert_near("double", &values(&got), &values(&wanted), 1e-13);
        let got = fast::matmul(&session, &super::single(&a), &super::single(&b)).unwrap();
        assert_near("single", &values(&got), &values(&wanted), 1e-5);
    }
    let a = matrix(6, 4, 3).with_shape("test", &[2, 3, 4]).unwrap();
    assert_eq!(fast::matmul(&session, &a, &matrix(4, 5, 4)).unwrap().shape(), [2, 3, 5]);
    fast::matmul(&session, &a, &matrix(3, 5, 4)).unwrap_err();
    fast::matmul(&session, &matrix(4, 4, 1), &a).unwrap_err();
}
