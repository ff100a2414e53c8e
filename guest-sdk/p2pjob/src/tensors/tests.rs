//! What needs no node: numbers of all types, and what tensors say without one.

use super::numbers::{half, numbers};
use super::*;

#[test]
fn half_precision_reads_as_written() {
    // Bits and values of IEEE 754 binary16, table of its Wikipedia article and the smallest and largest numbers.
    for (bits, value) in [
        (0x0000, 0.0),
        (0x0001, 2f64.powi(-24)),
        (0x03ff, 1023.0 * 2f64.powi(-24)),
        (0x0400, 2f64.powi(-14)),
        (0x3555, 0.33325195),
        (0x3c00, 1.0),
        (0x3c01, 1.0 + 2f64.powi(-10)),
        (0x7bff, 65504.0),
        (0x7c00, f64::INFINITY),
        (0xfc00, f64::NEG_INFINITY),
        (0xc000, -2.0),
    ] {
        assert!(
            (half(bits) - value).abs() < 1e-8 || half(bits) == value,
            "{bits:#06x}: {}",
            half(bits)
        );
    }
    assert!(half(0x7e00).is_nan());
    assert!(half(0x8000).is_sign_negative());
}

#[test]
fn all_number_types_read_as_f64() {
    assert_eq!(numbers(DType::BF16, &[0x80, 0x3f, 0x20, 0xc1]).unwrap(), [1.0, -10.0]);
    assert_eq!(numbers(DType::I8, &[0xff, 2]).unwrap(), [-1.0, 2.0]);
    assert_eq!(numbers(DType::U8, &[0xff, 2]).unwrap(), [255.0, 2.0]);
    assert_eq!(numbers(DType::I64, &(-5i64).to_le_bytes()).unwrap(), [-5.0]);
    assert_eq!(numbers(DType::U64, &u64::MAX.to_le_bytes()).unwrap(), [2f64.powi(64)]);
    assert_eq!(numbers(DType::F32, &0.5f32.to_le_bytes()).unwrap(), [0.5]);
    assert_eq!(numbers(DType::Bool, &[0, 1]).unwrap(), [0.0, 1.0]);
    assert!(numbers(DType::Text, &[]).is_none());
}

#[test]
#[should_panic(expected = "cargo p2pjob test")]
fn without_a_node_they_say_how_to_test() {
    let _ = Tensor::from_f64(&[1], &[1.0]);
}

#[test]
fn errors_become_errors_of_jobs() {
    let error = crate::Error::from(TensorError::Shape("matmul: (2, 3) by (2, 3)".to_owned()));
    assert_eq!(error.message(), "matmul: (2, 3) by (2, 3)");
}
