//! Operations against NumPy and SciPy (`golden/ops.json`, written by `golden/make_ops.py`), against naive loops on random
//! shapes, over instruction sets and threads, and with arguments that fit nothing.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "ops/accuracy.rs"]
mod accuracy;
#[path = "ops/bits.rs"]
mod bits;
#[path = "ops/hostile.rs"]
mod hostile;

use serde::Deserialize;
use tensor_compute::{Binary, Compare, DType, Isa, Op, Reduce, Session, Settings, Tensor, apply};

#[derive(Deserialize)]
struct Golden {
    dtype: DType,
    shape: Vec<usize>,
    hex: String,
}

#[derive(Deserialize)]
struct Case {
    family: String,
    op: Op,
    args: Vec<Golden>,
    results: Vec<Golden>,
    /// Of the largest absolute value of the result; 0: equal.
    tolerance: f64,
}

impl Golden {
    fn tensor(&self) -> Tensor {
        let digit = |byte: u8| (byte as char).to_digit(16).unwrap() as u8;
        let bytes: Vec<u8> = self
            .hex
            .as_bytes()
            .chunks(2)
            .map(|pair| digit(pair[0]) << 4 | digit(pair[1]))
            .collect();
        Tensor::from_le_bytes(self.dtype, &self.shape, &bytes, None).unwrap()
    }
}

fn session(isa: Isa, threads: usize) -> Session {
    Session::unlimited(Settings {
        isa,
        threads,
        ..Settings::default()
    })
}

fn any() -> Session {
    session(Isa::detect(), 2)
}

fn one(session: &Session, op: &Op, args: &[&Tensor]) -> Tensor {
    apply(session, op, args)
        .unwrap_or_else(|error| panic!("{op:?}: {error}"))
        .remove(0)
}

/// The elements as `f64`.
fn numbers(x: &Tensor) -> Vec<f64> {
    one(&any(), &Op::Cast(DType::F64), &[x])
        .values::<f64>("test")
        .unwrap()
        .to_vec()
}

fn close(what: &str, found: &Tensor, wanted: &Tensor, tolerance: f64) {
    assert_eq!(
        (found.dtype(), found.shape()),
        (wanted.dtype(), wanted.shape()),
        "{what}"
    );
    if !wanted.dtype().is_float() {
        assert_eq!(found.to_le_bytes(), wanted.to_le_bytes(), "{what}");
        return;
    }
    let (found, wanted) = (numbers(found), numbers(wanted));
    let largest = wanted
        .iter()
        .filter(|w| w.is_finite())
        .fold(0.0_f64, |m, w| m.max(w.abs()));
    for (f, w) in found.iter().zip(&wanted) {
        let fits = f == w || f.is_nan() && w.is_nan() || (f - w).abs() <= tolerance * largest;
        assert!(fits, "{what}: {f} instead of {w}, tolerance {tolerance} of {largest}");
    }
}

fn family(name: &str, at_least: usize) {
    let cases: Vec<Case> = serde_json::from_str(include_str!("golden/ops.json")).unwrap();
    let session = any();
    let mut count = 0;
    for case in cases.iter().filter(|case| case.family == name) {
        count += 1;
        let args: Vec<Tensor> = case.args.iter().map(Golden::tensor).collect();
        let shapes: Vec<&[usize]> = args.iter().map(Tensor::shape).collect();
        let what = format!("{:?} of {shapes:?} {:?}", case.op, args.first().map(Tensor::dtype));
        let found =
            apply(&session, &case.op, &args.iter().collect::<Vec<_>>()).unwrap_or_else(|e| panic!("{what}: {e}"));
        assert_eq!(found.len(), case.results.len(), "{what}");
        for (found, wanted) in found.iter().zip(&case.results) {
            close(&what, found, &wanted.tensor(), case.tolerance);
        }
    }
    assert!(count >= at_least, "{count} cases of {name}");
}

#[test]
fn unary_is_as_numpy_computes_it() {
    family("unary", 70);
}

#[test]
fn binary_is_as_numpy_computes_it() {
    family("binary", 100);
}

#[test]
fn comparisons_are_as_numpy_makes_them() {
    family("compare", 15);
}

#[test]
fn casts_are_as_numpy_makes_them() {
    family("cast", 14);
}

#[test]
fn shapes_are_as_numpy_makes_them() {
    family("shape", 20);
}

#[test]
fn folds_are_as_numpy_computes_them() {
    family("reduce", 90);
}

#[test]
fn normalisations_are_as_scipy_computes_them() {
    family("norm", 10);
}

#[test]
fn gather_and_scatter_are_as_numpy_does_them() {
    family("index", 15);
}

/// Numbers that look random, the same in every run.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    fn floats(&mut self, shape: &[usize]) -> Tensor {
        let values = (0..shape.iter().product())
            .map(|_| (self.next() >> 40) as f32 / (1 << 21) as f32 - 4.0)
            .collect();
        Tensor::new::<f32>(shape, values).unwrap()
    }
}

#[test]
fn broadcasting_is_as_naive_indexing() {
    let mut dice = Dice(1);
    for _ in 0..300 {
        let rank = dice.below(5);
        let wide: Vec<usize> = (0..rank).map(|_| dice.below(5)).collect();
        let mut narrow = |shape: &[usize]| -> Vec<usize> {
            let from = dice.below(rank + 1);
            shape[from..]
                .iter()
                .map(|length| if dice.below(3) == 0 { 1 } else { *length })
                .collect()
        };
        let (a_shape, b_shape) = (narrow(&wide), narrow(&wide));
        let (a, b) = (dice.floats(&a_shape), dice.floats(&b_shape));
        let sum = one(&any(), &Op::Binary(Binary::Sub), &[&a, &b]);
        let shape = sum.shape().to_vec();
        let at = |t: &Tensor, flat: usize| {
            let (mut flat, mut place, mut step) = (flat, 0, 1);
            let lead = shape.len() - t.rank();
            for axis in (0..shape.len()).rev() {
                let index = flat % shape[axis];
                flat /= shape[axis];
                if axis >= lead {
                    let length = t.shape()[axis - lead];
                    place += if length == 1 { 0 } else { index * step };
                    step *= length;
                }
            }
            t.values::<f32>("test").unwrap()[place]
        };
        for (flat, found) in sum.values::<f32>("test").unwrap().iter().enumerate() {
            assert_eq!(*found, at(&a, flat) - at(&b, flat), "{a_shape:?} {b_shape:?}");
        }
    }
}

#[test]
fn texts_are_cast_and_compared() {
    let x = Tensor::new::<f32>(&[6], vec![1.0, -0.5, 1e20, f32::NAN, f32::INFINITY, 1e-7]).unwrap();
    let text = one(&any(), &Op::Cast(DType::Text), &[&x]);
    let wanted = ["1", "-0.5", "1e20", "NaN", "INF", "1e-7"].map(str::to_owned);
    assert_eq!(text.values::<String>("test").unwrap(), wanted);
    close("back", &one(&any(), &Op::Cast(DType::F32), &[&text]), &x, 0.0);
    let equal = one(&any(), &Op::Compare(Compare::Equal), &[&text, &text]);
    assert_eq!(equal.values::<bool>("test").unwrap(), [true; 6]);
    let bad = Tensor::new::<String>(&[1], vec!["seven".to_owned()]).unwrap();
    let error = apply(&any(), &Op::Cast(DType::I64), &[&bad]).unwrap_err().to_string();
    assert!(error.contains("seven") && error.contains("int64"), "{error}");
}

#[test]
fn not_a_number_and_infinity_pass_through() {
    let x = Tensor::new::<f32>(&[2, 3], vec![1.0, f32::NAN, 2.0, f32::NEG_INFINITY, 0.0, f32::INFINITY]).unwrap();
    let largest = one(
        &any(),
        &Op::Reduce {
            kind: Reduce::Max,
            axes: vec![1],
            keep: false,
        },
        &[&x],
    );
    let largest = largest.values::<f32>("test").unwrap();
    assert!(largest[0].is_nan() && largest[1] == f32::INFINITY);
    let top = apply(
        &any(),
        &Op::TopK {
            k: 3,
            axis: 1,
            largest: true,
        },
        &[&x],
    )
    .unwrap();
    assert_eq!(top[1].values::<i64>("test").unwrap(), [1, 2, 0, 2, 1, 0]);
    let softmax = one(&any(), &Op::Softmax { axis: 1 }, &[&x]);
    assert!(softmax.values::<f32>("test").unwrap()[..3].iter().all(|v| v.is_nan()));
}
