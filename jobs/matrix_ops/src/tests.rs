//! Tests of the whole job, natively, over a plain model of the node; spectra by golden values of NumPy.

use crate::MatrixOps;
use p2pjob::testing::Task;

mod check;
mod forms;
mod operations;

/// The result as text, or the error.
fn run(task: &Task) -> String {
    task.run::<MatrixOps>()
        .map_or_else(|error| format!("error: {error}"), |finished| finished.text())
}

fn json(params: &str) -> String {
    run(&Task::new(params))
}

/// A `.npy` file of numbers in an order of bytes and indices.
fn npy(descr: &str, fortran: bool, shape: &[u64], numbers: &[f64]) -> Vec<u8> {
    let header = arrays::npy_header_as(descr, fortran, shape);
    let (order, code) = descr.split_at(1);
    let of = |number: f64| {
        let mut bytes = match code {
            "f4" => (number as f32).to_le_bytes().to_vec(),
            "f8" => number.to_le_bytes().to_vec(),
            "i8" => (number as i64).to_le_bytes().to_vec(),
            "i4" => (number as i32).to_le_bytes().to_vec(),
            "i2" => (number as i16).to_le_bytes().to_vec(),
            "u1" => vec![number as u8],
            _ => panic!("{code}"),
        };
        if order == ">" {
            bytes.reverse();
        }
        bytes
    };
    let [rows, cols] = [shape[0] as usize, shape.get(1).copied().unwrap_or(1) as usize];
    let stored: Vec<f64> = if fortran {
        (0..cols)
            .flat_map(|col| (0..rows).map(move |row| numbers[row * cols + col]))
            .collect()
    } else {
        numbers.to_vec()
    };
    [header, stored.into_iter().flat_map(of).collect()].concat()
}

/// Numbers that look random, the same in every run.
fn noise(count: usize, seed: u64) -> Vec<f64> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    };
    (0..count).map(|_| next()).collect()
}
