//! Class `exact` gives the same bits with every instruction set and number of threads.

use super::{matrix, single};
use crate::isa::Isa;
use crate::linalg::{Factorisation, FloatClass, Norm, determinant, eigenvalues, inverse, norm, singular_values, solve};
use crate::session::{Session, Settings};
use crate::tensor::Tensor;

fn all_bits(session: &Session, n: usize) -> Vec<Vec<u8>> {
    let class = FloatClass::Exact;
    let a = matrix(n, n, 31);
    let bytes = |tensor: Tensor| tensor.to_le_bytes().unwrap();
    let mut out = Vec::new();
    for by in [Factorisation::Lu, Factorisation::Qr] {
        let d = determinant(session, class, &a, by).unwrap();
        out.push(
            [d.value, d.sign, d.log_abs]
                .iter()
                .flat_map(|part| part.to_le_bytes())
                .collect(),
        );
    }
    for a in [a.clone(), single(&a)] {
        out.push(bytes(inverse(session, class, &a).unwrap()));
        let b = matrix(n, 7, 32);
        let b = if a.dtype() == b.dtype() { b } else { single(&b) };
        out.push(bytes(solve(session, class, &a, &b).unwrap()));
        out.push(bytes(eigenvalues(session, class, &a).unwrap()));
        out.push(bytes(singular_values(session, class, &a).unwrap()));
    }
    out.push(bytes(
        singular_values(session, class, &matrix(n, n / 2 + 3, 33)).unwrap(),
    ));
    for kind in [
        Norm::Frobenius,
        Norm::One,
        Norm::Infinity,
        Norm::Max,
        Norm::Two,
        Norm::Nuclear,
    ] {
        out.push(norm(session, class, &a, kind).unwrap().to_le_bytes().to_vec());
    }
    out
}

#[test]
fn no_instruction_set_and_no_thread_changes_a_bit() {
    // The larger one is split over threads.
    for n in [37, 300] {
        let mut first = None;
        for isa in Isa::available() {
            // Without fused multiply-add in hardware the scalar products take long: one size of threads for the large one.
            for threads in if isa == Isa::Scalar && n > 100 { 2..=2 } else { 1..=3 } {
                let session = Session::unlimited(Settings {
                    isa,
                    threads,
                    ..Settings::default()
                });
                let bits = all_bits(&session, n);
                let first = first.get_or_insert_with(|| bits.clone());
                for (at, (x, y)) in bits.iter().zip(first.iter()).enumerate() {
                    assert!(x == y, "{isa:?}, {threads} threads, {n} rows: result {at} differs");
                }
            }
        }
    }
}
