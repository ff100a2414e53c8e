//! Linear algebra against NumPy and SciPy, against itself, and against hostile input.

mod bits;
mod golden;
mod hostile;
mod properties;

use super::FloatClass;
use crate::session::{Session, Settings};
use crate::tensor::Tensor;

const CLASSES: [FloatClass; 2] = [FloatClass::Exact, FloatClass::Fast];

fn session() -> Session {
    Session::unlimited(Settings {
        threads: 2,
        ..Settings::default()
    })
}

/// Numbers in [-1, 1) from a seed (SplitMix64).
fn random(count: usize, seed: u64) -> Vec<f64> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
    };
    (0..count).map(|_| next()).collect()
}

fn matrix(rows: usize, columns: usize, seed: u64) -> Tensor {
    Tensor::new(&[rows, columns], random(rows * columns, seed)).unwrap()
}

fn single(a: &Tensor) -> Tensor {
    Tensor::new(a.shape(), values(a).iter().map(|value| *value as f32).collect()).unwrap()
}

/// The elements, widened.
fn values(a: &Tensor) -> Vec<f64> {
    match a.try_values::<f32>() {
        Some(values) => values.iter().map(|value| f64::from(*value)).collect(),
        None => a.values::<f64>("test").unwrap().to_vec(),
    }
}

/// A plain product, for checks.
fn product(a: &Tensor, b: &Tensor) -> Tensor {
    let ([m, k], [_, n]) = (a.shape(), b.shape()) else {
        panic!("matrices")
    };
    let (x, y) = (values(a), values(b));
    let mut out = vec![0.0; m * n];
    for i in 0..*m {
        for t in 0..*k {
            for j in 0..*n {
                out[i * n + j] += x[i * k + t] * y[t * n + j];
            }
        }
    }
    Tensor::new(&[*m, *n], out).unwrap()
}

fn transposed(a: &Tensor) -> Tensor {
    let [m, n] = a.shape() else { panic!("a matrix") };
    let x = values(a);
    Tensor::new(&[*n, *m], (0..m * n).map(|at| x[at % m * n + at / m]).collect()).unwrap()
}

fn largest(x: &[f64]) -> f64 {
    x.iter().fold(0.0, |largest, x| {
        if x.abs() > largest || x.is_nan() {
            x.abs()
        } else {
            largest
        }
    })
}

/// Fails unless the values are equal up to `error` times the largest.
fn assert_near(what: &str, got: &[f64], wanted: &[f64], error: f64) {
    assert_eq!(got.len(), wanted.len(), "{what}");
    let size = largest(wanted).max(f64::MIN_POSITIVE);
    for (at, (x, y)) in got.iter().zip(wanted).enumerate() {
        let off = (x - y).abs() / size;
        assert!(
            off <= error,
            "{what}: element {at} is {x}, wanted {y}; off by {off:e} of {size:e}, allowed {error:e}"
        );
    }
}

/// Fails unless the eigenvalues are the same, in whatever order, up to `error` times `size`.
fn assert_same_eigenvalues(what: &str, got: &[f64], wanted: &[f64], error: f64) {
    assert_eq!(got.len(), wanted.len(), "{what}");
    let mut left: Vec<&[f64]> = wanted.chunks(2).collect();
    for value in got.chunks(2) {
        let off = |other: &[f64]| (value[0] - other[0]).hypot(value[1] - other[1]);
        let nearest = (0..left.len())
            .min_by(|x, y| off(left[*x]).total_cmp(&off(left[*y])))
            .unwrap();
        let off = off(left.swap_remove(nearest));
        assert!(
            off <= error,
            "{what}: {value:?} is {off:e} from any other, allowed {error:e}: {got:?} against {wanted:?}"
        );
    }
}
