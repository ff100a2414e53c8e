//! How long determinant, inverse, solution, eigenvalues, singular values and product take in `f64`, for both float classes.
//!
//! `cargo run --release --example linalg_speed -- [THREADS [ROUNDS [N ...]]]` prints a line `OPERATION N CLASS MILLISECONDS` for
//! each: the best of the rounds, by the wall clock. With `-` in place of sizes it repeats them for each line of its standard
//! input, so that a script can take turns with another library on a busy machine.

use std::io::BufRead;
use std::time::Instant;
use tensor_compute::linalg::{self, Factorisation, FloatClass};
use tensor_compute::{Op, Result, Session, Settings, Tensor};

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let mut number = |default| arguments.next().and_then(|text| text.parse().ok()).unwrap_or(default);
    let (threads, rounds) = (number(2), number(5));
    let rest: Vec<String> = arguments.collect();
    let wait = rest.iter().any(|text| text == "-");
    let sizes: Vec<usize> = rest.iter().filter_map(|text| text.parse().ok()).collect();
    let sizes = if sizes.is_empty() { vec![256, 512] } else { sizes };
    let session = Session::unlimited(Settings {
        threads,
        ..Settings::default()
    });
    if !wait {
        return measure(&session, rounds, &sizes);
    }
    for _ in std::io::stdin().lock().lines() {
        measure(&session, rounds, &sizes)?;
        println!();
    }
    Ok(())
}

fn measure(session: &Session, rounds: usize, sizes: &[usize]) -> Result<()> {
    for n in sizes {
        let a = matrix(*n)?;
        let b = matrix(*n)?;
        for class in [FloatClass::Exact, FloatClass::Fast] {
            let time = |name: &str, work: &dyn Fn() -> Result<()>| -> Result<()> {
                let mut best = f64::INFINITY;
                for _ in 0..rounds {
                    let start = Instant::now();
                    work()?;
                    best = best.min(start.elapsed().as_secs_f64());
                }
                println!("{name} {n} {class:?} {:.3}", best * 1e3);
                Ok(())
            };
            time("product", &|| match class {
                FloatClass::Exact => tensor_compute::apply(session, &Op::MatMul, &[&a, &b]).map(drop),
                FloatClass::Fast => linalg::fast::matmul(session, &a, &b).map(drop),
            })?;
            time("determinant", &|| {
                linalg::determinant(session, class, &a, Factorisation::Lu).map(drop)
            })?;
            time("determinant-qr", &|| {
                linalg::determinant(session, class, &a, Factorisation::Qr).map(drop)
            })?;
            time("inverse", &|| linalg::inverse(session, class, &a).map(drop))?;
            time("solve", &|| linalg::solve(session, class, &a, &b).map(drop))?;
            time("eigenvalues", &|| linalg::eigenvalues(session, class, &a).map(drop))?;
            time("singular-values", &|| {
                linalg::singular_values(session, class, &a).map(drop)
            })?;
        }
    }
    Ok(())
}

/// Numbers in [-1, 1) that look random.
fn matrix(n: usize) -> Result<Tensor> {
    let mut state = 3_u64;
    let values = (0..n * n).map(|_| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f64 / f64::from(1 << 23) - 1.0
    });
    Tensor::new(&[n, n], values.collect())
}
