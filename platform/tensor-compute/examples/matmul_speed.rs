//! Speed of the exact matrix product: `matmul_speed [--threads 1,2] [--rounds 5] [--isa avx-512,avx2] [sizes or MxKxN ...]`.
//! One line per size, instruction set and thread count, of f32: `m k n isa threads gflops` (billions of floating-point
//! operations per second of wall time, the best round).

use std::time::Instant;
use tensor_compute::kernels::{Product, matmul_into};
use tensor_compute::{ComputeError, Isa, Session, Settings};

struct Wanted {
    threads: Vec<usize>,
    rounds: usize,
    isas: Vec<Isa>,
    sizes: Vec<[usize; 3]>,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let wanted = parse(std::env::args().skip(1))?;
    for [m, k, n] in wanted.sizes {
        for isa in &wanted.isas {
            for threads in &wanted.threads {
                let session = Session::unlimited(Settings {
                    isa: *isa,
                    threads: *threads,
                    ..Settings::default()
                });
                let speed = measure(&session, [m, k, n], wanted.rounds)?;
                println!("{m} {k} {n} {} {threads} {speed:.1}", isa.name());
            }
        }
    }
    Ok(())
}

fn parse(mut args: impl Iterator<Item = String>) -> Result<Wanted, Box<dyn std::error::Error>> {
    let mut wanted = Wanted {
        threads: vec![1, 2],
        rounds: 5,
        isas: Isa::available(),
        sizes: Vec::new(),
    };
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or(format!("{arg} needs a value"));
        match arg.as_str() {
            "--threads" => wanted.threads = value()?.split(',').map(str::parse).collect::<Result<_, _>>()?,
            "--rounds" => wanted.rounds = value()?.parse()?,
            "--isa" => {
                let names = value()?.to_lowercase();
                wanted
                    .isas
                    .retain(|isa| names.split(',').any(|name| name == isa.name().to_lowercase()));
            }
            _ => {
                let numbers = arg.split('x').map(str::parse).collect::<Result<Vec<usize>, _>>()?;
                wanted.sizes.push(match numbers[..] {
                    [n] => [n; 3],
                    [m, k, n] => [m, k, n],
                    _ => return Err(format!("{arg} is no size; try 1024 or 64x1024x1024").into()),
                });
            }
        }
    }
    if wanted.sizes.is_empty() {
        wanted.sizes = vec![[256; 3], [512; 3], [1024; 3], [2048; 3]];
    }
    Ok(wanted)
}

/// Billions of operations per second.
fn measure(session: &Session, [m, k, n]: [usize; 3], rounds: usize) -> Result<f64, ComputeError> {
    let numbers = |count: usize, factor: usize| -> Vec<f32> {
        (0..count).map(|at| (at * factor % 1000) as f32 / 500.0 - 1.0).collect()
    };
    let (a, b) = (numbers(m * k, 7919), numbers(k * n, 104_729));
    let mut c = vec![0_f32; m * n];
    let mut best = f64::MAX;
    for _ in 0..rounds.max(1) {
        c.fill(0.0);
        let start = Instant::now();
        matmul_into(
            session,
            &Product {
                m,
                k,
                n,
                a: (&a, k, 1),
                b: (&b, n, 1),
            },
            &mut c,
            n,
        )?;
        best = best.min(start.elapsed().as_secs_f64());
    }
    Ok(2.0 * m as f64 * k as f64 * n as f64 / best / 1e9)
}
