//! Speed of element-wise kernels and normalisations: `cargo run --release -p tensor-compute --example ops_speed [THREADS]`.
//! Prints nanoseconds per element, the best of several runs, for every instruction set.

use std::time::Instant;
use tensor_compute::{Binary, Isa, Op, Reduce, Result, Session, Settings, Tensor, Unary, apply};

fn main() -> Result<()> {
    let threads = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(1);
    let (rows, columns) = (1024, 1024);
    let count = rows * columns;
    let values = (0..count).map(|i| (i % 8191) as f32 / 1000.0 - 4.0).collect();
    let x = Tensor::new::<f32>(&[rows, columns], values)?;
    let row = Tensor::new::<f32>(&[columns], vec![0.5; columns])?;
    let cases: Vec<(&str, Op, Vec<&Tensor>)> = vec![
        ("add", Op::Binary(Binary::Add), vec![&x, &x]),
        ("add a row", Op::Binary(Binary::Add), vec![&x, &row]),
        ("exp", Op::Unary(Unary::Exp), vec![&x]),
        ("tanh", Op::Unary(Unary::Tanh), vec![&x]),
        ("erf", Op::Unary(Unary::Erf), vec![&x]),
        ("gelu", Op::Unary(Unary::Gelu), vec![&x]),
        ("sigmoid", Op::Unary(Unary::Sigmoid), vec![&x]),
        ("log", Op::Unary(Unary::Log), vec![&x]),
        ("softmax", Op::Softmax { axis: 1 }, vec![&x]),
        (
            "layer norm",
            Op::LayerNorm { axis: 1, epsilon: 1e-5 },
            vec![&x, &row, &row],
        ),
        (
            "sum of rows",
            Op::Reduce {
                kind: Reduce::Sum,
                axes: vec![1],
                keep: false,
            },
            vec![&x],
        ),
        (
            "sum of columns",
            Op::Reduce {
                kind: Reduce::Sum,
                axes: vec![0],
                keep: false,
            },
            vec![&x],
        ),
        ("transpose", Op::Transpose(vec![1, 0]), vec![&x]),
    ];
    for isa in Isa::available() {
        let session = Session::unlimited(Settings {
            isa,
            threads,
            ..Settings::default()
        });
        for (name, op, args) in &cases {
            let mut best = f64::INFINITY;
            for _ in 0..15 {
                let start = Instant::now();
                let result = apply(&session, op, args)?;
                best = best.min(start.elapsed().as_secs_f64());
                drop(result);
            }
            println!(
                "{:8} {threads} threads  {name:15} {:7.3} ns",
                isa.name(),
                best * 1e9 / count as f64
            );
        }
    }
    Ok(())
}
