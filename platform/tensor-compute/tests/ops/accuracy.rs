//! How far functions and sums are from the exact value.

use super::{any, close, one};
use tensor_compute::{Op, Reduce, Tensor, Unary};

/// Distance in units of the last place of the exact value.
fn ulps(found: f32, exact: f64) -> f64 {
    let nearest = exact as f32;
    if found == nearest || found.is_nan() && nearest.is_nan() {
        return 0.0;
    }
    if nearest.is_infinite() || found.is_infinite() {
        return if found == nearest { 0.0 } else { f64::INFINITY };
    }
    let size = nearest.abs().min(3.0e38);
    let unit = f64::from(f32::from_bits(size.to_bits() + 1)) - f64::from(size);
    (f64::from(found) - exact).abs() / unit
}

#[test]
fn functions_keep_their_accuracy_over_the_whole_range() {
    // Every 1009th bit pattern: 4.2 million numbers, denormal, infinite and NaN among them.
    let values: Vec<f32> = (0..=u32::MAX).step_by(1009).map(f32::from_bits).collect();
    let x = Tensor::new::<f32>(&[values.len()], values.clone()).unwrap();
    let exact: [(Unary, fn(f64) -> f64, f64); 5] = [
        (Unary::Exp, libm::exp, 2.0),
        (Unary::Log, libm::log, 2.0),
        (Unary::Tanh, libm::tanh, 2.0),
        (Unary::Sigmoid, |x| 1.0 / (1.0 + libm::exp(-x)), 2.0),
        (Unary::Erf, libm::erf, 4.0),
    ];
    for (op, function, limit) in exact {
        let found = one(&any(), &Op::Unary(op), &[&x]);
        let mut worst = (0.0, 0.0);
        for (x, found) in values.iter().zip(found.values::<f32>("test").unwrap()) {
            let distance = ulps(*found, function(f64::from(*x)));
            if distance > worst.0 {
                worst = (distance, *x);
            }
        }
        println!("{op:?}: at most {:.3} ulp, at {:e}", worst.0, worst.1);
        assert!(worst.0 <= limit, "{op:?}: {} ulp at {:e}", worst.0, worst.1);
    }
}

#[test]
fn long_sums_are_accurate() {
    let x = Tensor::new::<f32>(&[3_000_000, 2], vec![0.1; 6_000_000]).unwrap();
    let sum = one(
        &any(),
        &Op::Reduce {
            kind: Reduce::Sum,
            axes: vec![0],
            keep: false,
        },
        &[&x],
    );
    close(
        "columns",
        &sum,
        &Tensor::new::<f32>(&[2], vec![300_000.0; 2]).unwrap(),
        1e-5,
    );
    let sum = one(
        &any(),
        &Op::Reduce {
            kind: Reduce::Sum,
            axes: vec![],
            keep: false,
        },
        &[&x],
    );
    close("row", &sum, &Tensor::new::<f32>(&[], vec![600_000.0]).unwrap(), 1e-6);
}
