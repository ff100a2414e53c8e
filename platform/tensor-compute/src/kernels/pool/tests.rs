//! Against the definition, written as plain loops, and against constants from onnxruntime 1.31.

use super::pool;
use crate::kernels::matmul::tests::{numbers, sessions};
use crate::{ComputeError, PoolKind, PoolOptions, Session, Settings, Tensor};
use half::bf16;

fn options(kind: PoolKind, kernel: &[usize]) -> PoolOptions {
    let rank = kernel.len();
    PoolOptions {
        kind,
        kernel: kernel.to_vec(),
        strides: vec![1; rank],
        pads: vec![(0, 0); rank],
        dilations: vec![1; rank],
        ceil: false,
    }
}

/// The elements of a two-dimensional window: flat position and value; and how many with padding.
fn window(x: &[f64], size: (usize, usize), o: &PoolOptions, at: (usize, usize)) -> (Vec<(usize, f64)>, usize) {
    let (mut inside, mut padded) = (Vec::new(), 0);
    for row in 0..o.kernel[0] {
        for column in 0..o.kernel[1] {
            let (r, c) = (
                at.0 * o.strides[0] + row * o.dilations[0],
                at.1 * o.strides[1] + column * o.dilations[1],
            );
            if r < size.0 + o.pads[0].0 + o.pads[0].1 && c < size.1 + o.pads[1].0 + o.pads[1].1 {
                padded += 1;
            }
            let place = r.checked_sub(o.pads[0].0).zip(c.checked_sub(o.pads[1].0));
            if let Some((r, c)) = place.filter(|(r, c)| *r < size.0 && *c < size.1) {
                inside.push((r * size.1 + c, x[r * size.1 + c]));
            }
        }
    }
    (inside, padded)
}

fn naive(kind: PoolKind, (inside, padded): (Vec<(usize, f64)>, usize)) -> (f64, i64) {
    let values = || inside.iter().map(|(_, value)| *value);
    match kind {
        PoolKind::Max { .. } => {
            let mut best = (f64::NEG_INFINITY, -1);
            for (at, value) in &inside {
                if best.1 < 0 || *value > best.0 || (value.is_nan() && !best.0.is_nan()) {
                    best = (*value, *at as i64);
                }
            }
            best
        }
        PoolKind::Average { count_padding } => {
            let count = if count_padding { padded } else { inside.len() };
            (values().fold(0.0, |sum, value| sum + value) / count as f64, 0)
        }
        PoolKind::Lp { p: 1.0 } => (values().fold(0.0, |sum, value| sum + value.abs()), 0),
        PoolKind::Lp { p: 2.0 } => (values().fold(0.0, |sum, value| sum + value * value).sqrt(), 0),
        PoolKind::Lp { p } => (
            libm::pow(
                values().fold(0.0, |sum, value| sum + libm::pow(value.abs(), p)),
                1.0 / p,
            ),
            0,
        ),
    }
}

const KINDS: [PoolKind; 6] = [
    PoolKind::Max { indices: true },
    PoolKind::Average { count_padding: false },
    PoolKind::Average { count_padding: true },
    PoolKind::Lp { p: 1.0 },
    PoolKind::Lp { p: 2.0 },
    PoolKind::Lp { p: 3.5 },
];

#[test]
fn it_is_what_the_definition_says_on_every_path() {
    let (height, width) = (19, 23);
    let mut values = numbers(6 * height * width, 1);
    values[40] = f64::NAN;
    values[41] = f64::INFINITY;
    values[500..540].fill(f64::NEG_INFINITY);
    values[900] = values[901];
    let x = Tensor::new(&[2, 3, height, width], values.clone()).unwrap();
    for kind in KINDS {
        let base = options(kind, &[3, 2]);
        let all = [
            base.clone(),
            PoolOptions {
                strides: vec![2, 3],
                pads: vec![(1, 0), (0, 1)],
                ..base.clone()
            },
            PoolOptions {
                strides: vec![3, 2],
                pads: vec![(1, 1), (1, 1)],
                dilations: vec![2, 3],
                ceil: true,
                ..base.clone()
            },
            PoolOptions {
                kernel: vec![19, 23],
                ..base.clone()
            },
            PoolOptions {
                strides: vec![4, 4],
                ceil: true,
                ..base
            },
        ];
        for (options, session) in all
            .iter()
            .flat_map(|o| sessions().into_iter().map(move |session| (o, session)))
        {
            let results = pool(&session, &x, options).unwrap();
            let [_, _, rows, columns] = *results[0].shape() else {
                panic!("rank")
            };
            let found = results[0].values::<f64>("test").unwrap();
            for (at, value) in found.iter().enumerate() {
                let plane = at / (rows * columns);
                let part = &values[plane * height * width..][..height * width];
                let place = (at / columns % rows, at % columns);
                let (wanted, index) = naive(kind, window(part, (height, width), options, place));
                assert!(
                    value.to_bits() == wanted.to_bits() || (value.is_nan() && wanted.is_nan()),
                    "{options:?} {at}"
                );
                if let Some(indices) = results.get(1) {
                    let index = index + (plane * height * width) as i64;
                    assert_eq!(indices.values::<i64>("test").unwrap()[at], index, "{options:?} {at}");
                }
            }
        }
    }
}

fn single(shape: &[usize]) -> Tensor {
    Tensor::new(
        shape,
        (0..shape.iter().product())
            .map(|at: usize| at as f32)
            .collect::<Vec<_>>(),
    )
    .unwrap()
}

#[test]
fn sizes_follow_onnx() {
    let session = Session::unlimited(Settings::default());
    let length = |input: usize, kernel, stride, pads, ceil| {
        let base = options(PoolKind::Max { indices: false }, &[kernel]);
        let options = PoolOptions {
            strides: vec![stride],
            pads: vec![pads],
            ceil,
            ..base
        };
        pool(&session, &single(&[1, 1, input]), &options).map(|results| results[0].shape()[2])
    };
    assert_eq!(length(6, 3, 2, (0, 0), false), Ok(2));
    assert_eq!(length(6, 3, 2, (0, 0), true), Ok(3));
    // A last window that would begin in the padding after does not count.
    assert_eq!(length(5, 2, 3, (0, 1), true), Ok(2));
    assert_eq!(length(6, 2, 3, (0, 1), true), Ok(2));
    assert_eq!(length(6, 1, 3, (1, 1), true), Ok(3));
    assert_eq!(length(1, 2, 2, (0, 0), true), Ok(1));
    assert!(matches!(
        length(1, 2, 2, (0, 0), false),
        Err(ComputeError::Shape { .. })
    ));
    assert!(matches!(length(1, 3, 2, (0, 0), true), Err(ComputeError::Shape { .. })));
    assert!(matches!(length(0, 3, 2, (0, 0), true), Err(ComputeError::Shape { .. })));
}

#[test]
fn types_and_ranks() {
    let session = Session::unlimited(Settings::default());
    let bytes = Tensor::new(&[1, 1, 4], vec![3_u8, 1, 200, 7]).unwrap();
    let max = options(PoolKind::Max { indices: true }, &[2]);
    let results = pool(&session, &bytes, &max).unwrap();
    assert_eq!(results[0].values::<u8>("test").unwrap(), [3, 200, 200]);
    assert_eq!(results[1].values::<i64>("test").unwrap(), [0, 2, 2]);
    let mean = options(PoolKind::Average { count_padding: false }, &[2]);
    assert!(matches!(pool(&session, &bytes, &mean), Err(ComputeError::DType { .. })));
    let brain = Tensor::new(&[1, 1, 3], [1.0, 2.0, 257.0].map(bf16::from_f32).to_vec()).unwrap();
    let result = pool(&session, &brain, &mean).unwrap();
    assert_eq!(
        result[0].values::<bf16>("test").unwrap(),
        [1.5, 129.0].map(bf16::from_f32)
    );
    let cube = pool(
        &session,
        &single(&[1, 1, 2, 3, 4]),
        &options(PoolKind::Max { indices: true }, &[2, 2, 2]),
    )
    .unwrap();
    assert_eq!(
        cube[0].values::<f32>("test").unwrap(),
        [17.0, 18.0, 19.0, 21.0, 22.0, 23.0]
    );
    assert_eq!(pool(&session, &single(&[0, 2, 5]), &max).unwrap()[0].shape(), [0, 2, 4]);
}

#[test]
fn what_does_not_fit_is_refused() {
    let session = Session::unlimited(Settings::default());
    let base = options(PoolKind::Max { indices: false }, &[2, 2]);
    let refused = |x: &[usize], options: &PoolOptions| pool(&session, &single(x), options).unwrap_err();
    refused(&[1, 1, 4], &base);
    refused(&[1, 1], &base);
    refused(
        &[1, 1, 4, 4],
        &PoolOptions {
            kernel: vec![0, 2],
            ..base.clone()
        },
    );
    refused(
        &[1, 1, 4, 4],
        &PoolOptions {
            kernel: vec![5, 2],
            ..base.clone()
        },
    );
    refused(
        &[1, 1, 4, 4],
        &PoolOptions {
            strides: vec![0, 2],
            ..base.clone()
        },
    );
    refused(
        &[1, 1, 4, 4],
        &PoolOptions {
            kernel: vec![usize::MAX; 2],
            ..base.clone()
        },
    );
    refused(
        &[1, 1, 4, 4],
        &PoolOptions {
            pads: vec![(1 << 40, 1 << 40); 2],
            ..base.clone()
        },
    );
    refused(
        &[1, 1, 4, 4],
        &PoolOptions {
            kind: PoolKind::Lp { p: f64::NAN },
            ..base.clone()
        },
    );
    refused(
        &[1, 1, 4, 4],
        &PoolOptions {
            kind: PoolKind::Lp { p: 0.0 },
            ..base
        },
    );
}

#[test]
fn a_window_wholly_in_the_padding() {
    let session = Session::unlimited(Settings::default());
    for (kind, wanted) in [
        (PoolKind::Max { indices: true }, f32::NEG_INFINITY),
        (PoolKind::Average { count_padding: false }, 0.0),
        (PoolKind::Lp { p: 2.0 }, 0.0),
    ] {
        let options = PoolOptions {
            pads: vec![(2, 0)],
            ..options(kind, &[2])
        };
        let results = pool(&session, &single(&[1, 1, 3]), &options).unwrap();
        assert_eq!(results[0].values::<f32>("test").unwrap()[0], wanted);
        assert!(
            results
                .get(1)
                .is_none_or(|indices| indices.values::<i64>("test").unwrap()[0] == -1)
        );
    }
}

#[test]
fn as_in_onnxruntime() {
    let session = Session::unlimited(Settings::default());
    let values: Vec<f32> = (0..20).map(|at| (at % 7) as f32).collect();
    let x = Tensor::new(&[1, 1, 4, 5], values).unwrap();
    let close = |options: &PoolOptions, wanted: &[f32]| {
        let results = pool(&session, &x, options).unwrap();
        let found = results[0].values::<f32>("test").unwrap();
        assert_eq!(found.len(), wanted.len());
        assert!(
            found.iter().zip(wanted).all(|(x, y)| (x - y).abs() < 1e-5),
            "{found:?} {wanted:?}"
        );
        results
    };
    let mean = |count_padding| options(PoolKind::Average { count_padding }, &[3, 2]);
    let cut = |base| PoolOptions {
        strides: vec![2, 2],
        pads: vec![(1, 0), (0, 1)],
        ceil: true,
        ..base
    };
    close(&cut(mean(false)), &[3.0, 1.5, 3.0, 3.5, 3.166_666_7, 2.333_333_3]);
    close(&cut(mean(true)), &[2.0, 1.0, 1.0, 3.5, 3.166_666_7, 1.166_666_6]);
    let apart = |count_padding| PoolOptions {
        kernel: vec![2, 2],
        strides: vec![1, 2],
        pads: vec![(1, 1), (1, 1)],
        dilations: vec![2, 1],
        ..mean(count_padding)
    };
    close(
        &apart(false),
        &[5.0, 3.0, 1.5, 1.5, 3.0, 3.25, 3.0, 2.75, 3.0, 3.0, 4.5, 3.0],
    );
    close(
        &apart(true),
        &[1.25, 1.5, 0.75, 0.75, 3.0, 3.25, 1.5, 2.75, 3.0, 0.75, 2.25, 1.5],
    );
    let largest = options(PoolKind::Max { indices: true }, &[3, 3]);
    let largest = PoolOptions {
        strides: vec![2, 2],
        pads: vec![(1, 0), (1, 0)],
        ceil: true,
        ..largest
    };
    let results = close(&largest, &[6.0, 6.0, 4.0, 6.0, 6.0, 6.0]);
    assert_eq!(results[1].values::<i64>("test").unwrap(), [6, 6, 4, 6, 6, 13]);
    let norm = PoolOptions {
        strides: vec![2, 3],
        ..options(PoolKind::Lp { p: 3.0 }, &[2, 2])
    };
    close(&norm, &[6.993_191, 4.641_589, 4.641_589, 7.398_637]);
}
