//! Every path gives the bits of three plain loops.

use super::{Product, matmul, matmul_into};
use crate::{ComputeError, Element, Isa, Session, Settings, Tensor};
use half::{bf16, f16};

/// Every instruction set of this processor with 1, 2 and 3 threads.
pub(crate) fn sessions() -> Vec<Session> {
    let mut sessions = Vec::new();
    for isa in Isa::available() {
        for threads in [1, 2, 3] {
            sessions.push(Session::unlimited(Settings {
                isa,
                threads,
                ..Settings::default()
            }));
        }
    }
    sessions
}

/// Numbers between -1 and 1 that differ in all their bits.
pub(crate) fn numbers(count: usize, seed: u64) -> Vec<f64> {
    let mut state = seed.wrapping_mul(2) + 1;
    let next = |_| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
    };
    (0..count).map(next).collect()
}

fn singles(count: usize, seed: u64) -> Vec<f32> {
    numbers(count, seed).into_iter().map(|value| value as f32).collect()
}

/// Bits, with one NaN for all.
fn bits32(values: &[f32]) -> Vec<u32> {
    values
        .iter()
        .map(|value| {
            if value.is_nan() {
                f32::NAN.to_bits()
            } else {
                value.to_bits()
            }
        })
        .collect()
}

/// Three plain loops.
fn naive(p: &Product<'_, f32>, c: &mut [f32], c_row: usize) {
    for i in 0..p.m {
        for j in 0..p.n {
            for s in 0..p.k {
                let (a, b) = (p.a.0[i * p.a.1 + s * p.a.2], p.b.0[s * p.b.1 + j * p.b.2]);
                c[i * c_row + j] = a.mul_add(b, c[i * c_row + j]);
            }
        }
    }
}

fn same_everywhere((m, k, n): (usize, usize, usize), (a_turned, b_turned): (bool, bool)) {
    let (a, b) = (singles(m * k, 1), singles(k * n, 2));
    let product = Product {
        m,
        k,
        n,
        a: if a_turned { (&a, 1, m) } else { (&a, k, 1) },
        b: if b_turned { (&b, 1, k) } else { (&b, n, 1) },
    };
    // Rows of the result are apart, and what is between them stays.
    let c_row = n + 3;
    let start = singles(m * c_row, 3);
    let mut wanted = start.clone();
    naive(&product, &mut wanted, c_row);
    for session in sessions() {
        let mut c = start.clone();
        matmul_into(&session, &product, &mut c, c_row).unwrap();
        assert!(
            bits32(&c) == bits32(&wanted),
            "{m} {k} {n} {a_turned} {b_turned} {session:?}"
        );
        assert_eq!(session.live_bytes(), 0);
    }
}

#[test]
fn all_paths_give_the_bits_of_plain_loops() {
    let shapes = [
        (1, 1, 1),
        (1, 7, 1),
        (1, 300, 700),
        (700, 300, 1),
        (5, 17, 33),
        (33, 17, 5),
        (13, 400, 100),
        (31, 33, 35),
        (14, 64, 32),
        (28, 385, 64),
        (131, 777, 93),
        (93, 31, 1031),
        (257, 100, 259),
        (64, 1, 64),
        (3, 1000, 40),
        (200, 513, 9),
        (17, 20, 4000),
        (1500, 40, 20),
        (2, 600, 2),
    ];
    for shape in shapes {
        for turned in [(false, false), (false, true), (true, false), (true, true)] {
            same_everywhere(shape, turned);
        }
    }
}

#[test]
fn doubles_give_the_bits_of_plain_loops() {
    for (m, k, n) in [(1, 5, 600), (61, 500, 45), (130, 390, 77), (77, 33, 3)] {
        let (a, b) = (numbers(m * k, 4), numbers(k * n, 5));
        let mut wanted = vec![0.0_f64; m * n];
        for (at, sum) in wanted.iter_mut().enumerate() {
            for s in 0..k {
                *sum = a[at / n * k + s].mul_add(b[s * n + at % n], *sum);
            }
        }
        for session in sessions() {
            let mut c = vec![0.0; m * n];
            matmul_into(
                &session,
                &Product {
                    m,
                    k,
                    n,
                    a: (&a, k, 1),
                    b: (&b, n, 1),
                },
                &mut c,
                n,
            )
            .unwrap();
            assert!(
                c.iter().zip(&wanted).all(|(x, y)| x.to_bits() == y.to_bits()),
                "{m} {k} {n} {session:?}"
            );
        }
    }
}

#[test]
fn nan_and_infinity_pass_and_every_nan_is_the_same() {
    for (m, k, n) in [(3, 9, 50), (40, 200, 70)] {
        let (mut a, mut b) = (singles(m * k, 6), singles(k * n, 7));
        a[k + 2] = f32::from_bits(0xffc1_2345);
        a[2 * k + 1] = f32::INFINITY;
        b[n + 4] = 0.0;
        b[5 * n + 6] = f32::from_bits(0x7fd0_0001);
        b[6 * n + 7] = f32::NEG_INFINITY;
        let product = Product {
            m,
            k,
            n,
            a: (&a, k, 1),
            b: (&b, n, 1),
        };
        let mut wanted = vec![0.0; m * n];
        naive(&product, &mut wanted, n);
        assert!(wanted[n..2 * n].iter().all(|value| value.is_nan()));
        assert!(wanted[2 * n + 4].is_nan() && wanted[7].is_infinite());
        for session in sessions() {
            let mut c = vec![0.0_f32; m * n];
            matmul_into(&session, &product, &mut c, n).unwrap();
            let raw: Vec<u32> = c.iter().map(|value| value.to_bits()).collect();
            assert!(raw == bits32(&wanted), "{session:?}");
        }
    }
}

#[test]
fn empty_dimensions() {
    let session = Session::unlimited(Settings::default());
    for (a, b, c) in [
        ([0, 3], [3, 4], [0, 4]),
        ([2, 3], [3, 0], [2, 0]),
        ([2, 0], [0, 4], [2, 4]),
    ] {
        let zeros = |shape: &[usize]| Tensor::new(shape, vec![1_f32; shape.iter().product()]).unwrap();
        let product = matmul(&session, &zeros(&a), &zeros(&b)).unwrap();
        assert_eq!(product.shape(), c);
        assert!(product.values::<f32>("test").unwrap().iter().all(|value| *value == 0.0));
    }
}

#[test]
fn wrong_slices_and_types_are_refused() {
    let session = Session::unlimited(Settings::default());
    let (a, b) = (vec![1_f32; 6], vec![1_f32; 6]);
    let product = |k, row| Product {
        m: 2,
        k,
        n: 3,
        a: (&a, row, 1),
        b: (&b, 3, 1),
    };
    assert!(matmul_into(&session, &product(2, 2), &mut [0.0; 6], 3).is_ok());
    assert!(matmul_into(&session, &product(3, 3), &mut [0.0; 6], 3).is_err());
    assert!(matmul_into(&session, &product(2, 5), &mut [0.0; 6], 3).is_err());
    assert!(matmul_into(&session, &product(2, usize::MAX), &mut [0.0; 6], 3).is_err());
    assert!(matmul_into(&session, &product(2, 2), &mut [0.0; 6], 2).is_err());
    assert!(matmul_into(&session, &product(2, 2), &mut [0.0; 5], 3).is_err());
    let halves = vec![f16::ONE; 4];
    let product = Product {
        m: 2,
        k: 2,
        n: 2,
        a: (&halves, 2, 1),
        b: (&halves, 2, 1),
    };
    let refused = matmul_into(&session, &product, &mut [f16::ZERO; 4], 2);
    assert!(matches!(refused, Err(ComputeError::DType { .. })));
}

fn counted<T: Element>(shape: &[usize], from: impl Fn(usize) -> T) -> Tensor {
    Tensor::new(shape, (0..shape.iter().product()).map(from).collect()).unwrap()
}

#[test]
fn batches_and_vectors_follow_numpy() {
    let cases: [(&[usize], &[usize], &[usize]); 9] = [
        (&[3], &[3], &[]),
        (&[3], &[3, 4], &[4]),
        (&[2, 3], &[3], &[2]),
        (&[5, 2, 3], &[3], &[5, 2]),
        (&[3], &[5, 3, 4], &[5, 4]),
        (&[5, 2, 3], &[3, 4], &[5, 2, 4]),
        (&[2, 3], &[5, 3, 4], &[5, 2, 4]),
        (&[7, 1, 2, 3], &[5, 3, 4], &[7, 5, 2, 4]),
        (&[0, 2, 3], &[1, 3, 4], &[0, 2, 4]),
    ];
    for session in sessions() {
        for (a, b, c) in cases {
            let x = counted(a, |at| at as i64 % 11 - 5);
            let y = counted(b, |at| at as i64 % 7 - 3);
            let product = matmul(&session, &x, &y).unwrap();
            assert_eq!(product.shape(), c, "{a:?} {b:?}");
            let (m, n) = (if a.len() > 1 { 2 } else { 1 }, if b.len() > 1 { 4 } else { 1 });
            let (x, y) = (x.values::<i64>("test").unwrap(), y.values::<i64>("test").unwrap());
            for (at, value) in product.values::<i64>("test").unwrap().iter().enumerate() {
                let (batch, i, j) = (at / (m * n), at / n % m, at % n);
                // The only case with two batch dimensions has the left one outside.
                let left = if a.len() == 4 {
                    batch / 5
                } else if a.len() > 2 {
                    batch
                } else {
                    0
                };
                let right = if b.len() > 2 { batch % 5 } else { 0 };
                let wanted: i64 = (0..3)
                    .map(|s| x[left * m * 3 + i * 3 + s] * y[right * 3 * n + s * n + j])
                    .sum();
                assert_eq!(*value, wanted, "{a:?} {b:?} {at}");
            }
        }
    }
}

#[test]
fn shapes_and_types_that_do_not_fit_are_refused() {
    let session = Session::unlimited(Settings::default());
    let ones = |shape: &[usize]| counted(shape, |_| 1_f32);
    for (a, b) in [
        (vec![], vec![3]),
        (vec![2, 3], vec![2, 3]),
        (vec![2, 2, 3], vec![3, 3, 4]),
    ] {
        let refused = matmul(&session, &ones(&a), &ones(&b)).unwrap_err();
        assert!(
            matches!(&refused, ComputeError::Shape { why, .. } if why.contains(&format!("{a:?}"))),
            "{refused}"
        );
    }
    let whole = counted(&[3, 3], |_| 1_i32);
    assert!(matches!(
        matmul(&session, &ones(&[3, 3]), &whole),
        Err(ComputeError::DType { .. })
    ));
    let flags = counted(&[3, 3], |_| true);
    assert!(matches!(
        matmul(&session, &flags, &flags),
        Err(ComputeError::DType { .. })
    ));
}

#[test]
fn whole_numbers_wrap() {
    for session in sessions() {
        let x = counted(&[9, 100], |at| at as i8);
        let y = counted(&[100, 70], |at| (at * 3) as i8);
        let product = matmul(&session, &x, &y).unwrap();
        for (at, value) in product.values::<i8>("test").unwrap().iter().enumerate() {
            let wanted: i64 = (0..100)
                .map(|s| ((at / 70 * 100 + s) as i8 as i64) * (((s * 70 + at % 70) * 3) as i8 as i64))
                .sum();
            assert_eq!(*value, wanted as i8);
        }
    }
}

#[test]
fn halves_are_multiplied_as_singles_and_rounded_once() {
    let session = Session::unlimited(Settings::default());
    let a: Vec<f32> = singles(6 * 90, 8);
    let half = |values: &[f32]| values.iter().map(|value| f16::from_f32(*value)).collect::<Vec<_>>();
    let brain = |values: &[f32]| values.iter().map(|value| bf16::from_f32(*value)).collect::<Vec<_>>();
    let x = Tensor::new(&[6, 90], half(&a)).unwrap();
    let y = Tensor::new(&[90, 6], half(&a)).unwrap();
    let product = matmul(&session, &x, &y).unwrap();
    let single: Vec<f32> = half(&a).iter().map(|value| value.to_f32()).collect();
    let mut wanted = vec![0.0; 36];
    naive(
        &Product {
            m: 6,
            k: 90,
            n: 6,
            a: (&single, 90, 1),
            b: (&single, 6, 1),
        },
        &mut wanted,
        6,
    );
    assert_eq!(product.values::<f16>("test").unwrap(), half(&wanted));
    let x = Tensor::new(&[1, 540], brain(&a)).unwrap();
    let y = Tensor::new(&[540, 1], brain(&a)).unwrap();
    let sum = brain(&a)
        .iter()
        .fold(0.0_f32, |sum, value| value.to_f32().mul_add(value.to_f32(), sum));
    assert_eq!(
        matmul(&session, &x, &y).unwrap().values::<bf16>("test").unwrap(),
        brain(&[sum])
    );
}

#[test]
fn work_is_charged_and_memory_is_bounded() {
    let ones = |shape: &[usize]| counted(shape, |_| 1_f32);
    let (x, y) = (ones(&[100, 200]), ones(&[200, 300]));
    let session = Session::new(Settings::default(), 100 * 300 * 4);
    session.grant(u64::MAX);
    // The result fits, the packed operands do not.
    assert!(matches!(matmul(&session, &x, &y), Err(ComputeError::Memory { .. })));
    assert_eq!(session.live_bytes(), 0);
    assert_eq!(session.flops(), 2 * 100 * 200 * 300);
    session.grant(1000);
    assert_eq!(matmul(&session, &x, &y).unwrap_err(), ComputeError::OutOfFuel);
}
