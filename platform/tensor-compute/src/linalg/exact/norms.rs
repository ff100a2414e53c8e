//! Norms that are sums and maxima.

use super::vector;
use crate::session::Session;

/// The root of the sum of squares; NaN if an element is, infinite if one is.
pub(in crate::linalg) fn frobenius(session: &Session, a: &[f64]) -> f64 {
    vector::length(session.settings().isa, a)
}

/// The largest absolute value.
pub(in crate::linalg) fn largest(session: &Session, a: &[f64]) -> f64 {
    vector::max_abs(session.settings().isa, a)
}

/// The largest sum of absolute values over a column of a matrix with rows of `columns`.
pub(in crate::linalg) fn one(session: &Session, a: &[f64], columns: usize) -> f64 {
    let isa = session.settings().isa;
    let mut sums = vec![0.0; if a.is_empty() { 0 } else { columns }];
    for row in a.chunks(columns.max(1)) {
        vector::add_abs(isa, &mut sums, row);
    }
    vector::max_abs(isa, &sums)
}

/// The largest sum of absolute values over a row.
pub(in crate::linalg) fn infinity(session: &Session, a: &[f64], columns: usize) -> f64 {
    let isa = session.settings().isa;
    let larger = |largest: f64, sum: f64| if sum > largest || sum.is_nan() { sum } else { largest };
    a.chunks(columns.max(1))
        .map(|row| vector::sum_abs(isa, row))
        .fold(0.0, larger)
}
