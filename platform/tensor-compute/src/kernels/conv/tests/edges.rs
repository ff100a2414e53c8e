//! Empty dimensions, what is refused, memory, and constants of another implementation.

use crate::kernels::conv::{conv, conv_transpose};
use crate::kernels::matmul::tests::sessions;
use crate::{ComputeError, ConvOptions, Session, Settings, Tensor};

fn ones(shape: &[usize]) -> Tensor {
    Tensor::new(shape, vec![1_f32; shape.iter().product()]).unwrap()
}

#[test]
fn empty_dimensions() {
    let session = Session::unlimited(Settings::default());
    let options = |pad| ConvOptions {
        strides: vec![1],
        pads: vec![(pad, pad)],
        dilations: vec![1],
        groups: 1,
    };
    let shape = |x: &[usize], weight: &[usize], pad| {
        let result = conv(&session, &ones(x), &ones(weight), None, &options(pad)).unwrap();
        assert!(result.values::<f32>("test").unwrap().iter().all(|value| *value == 0.0));
        result.shape().to_vec()
    };
    assert_eq!(shape(&[0, 2, 5], &[3, 2, 3], 0), [0, 3, 3]);
    assert_eq!(shape(&[2, 0, 5], &[3, 0, 3], 0), [2, 3, 3]);
    assert_eq!(shape(&[2, 2, 5], &[0, 2, 3], 0), [2, 0, 3]);
    assert_eq!(shape(&[2, 2, 0], &[3, 2, 3], 2), [2, 3, 2]);
    let result = conv_transpose(
        &session,
        (&ones(&[2, 0, 5]), &ones(&[0, 3, 3]), None),
        &options(0),
        &[0],
    )
    .unwrap();
    assert_eq!(result.shape(), [2, 3, 7]);
}

#[test]
fn what_does_not_fit_is_refused() {
    let session = Session::unlimited(Settings::default());
    let good = ConvOptions {
        strides: vec![1; 2],
        pads: vec![(0, 0); 2],
        dilations: vec![1; 2],
        groups: 1,
    };
    let refused = |x: &[usize], weight: &[usize], options: &ConvOptions| {
        let error = conv(&session, &ones(x), &ones(weight), None, options).unwrap_err();
        assert!(
            matches!(error, ComputeError::Shape { .. } | ComputeError::Argument { .. }),
            "{error}"
        );
        error.to_string()
    };
    assert!(refused(&[1, 2, 4, 4], &[3, 2, 5, 3], &good).contains("5 elements 1 apart (5 long) does not fit 4"));
    assert!(refused(&[1, 3, 4, 4], &[3, 2, 3, 3], &good).contains("3 channels in 1 groups"));
    refused(
        &[1, 4, 4, 4],
        &[3, 2, 3, 3],
        &ConvOptions {
            groups: 2,
            ..good.clone()
        },
    );
    refused(
        &[1, 4, 4, 4],
        &[3, 4, 3, 3],
        &ConvOptions {
            groups: 0,
            ..good.clone()
        },
    );
    refused(
        &[1, 2, 4, 4],
        &[3, 2, 3, 3],
        &ConvOptions {
            strides: vec![1, 0],
            ..good.clone()
        },
    );
}

#[test]
fn windows_that_do_not_fit_are_refused() {
    let session = Session::unlimited(Settings::default());
    let good = ConvOptions {
        strides: vec![1; 2],
        pads: vec![(0, 0); 2],
        dilations: vec![1; 2],
        groups: 1,
    };
    let refused = |x: &[usize], weight: &[usize], options: &ConvOptions| {
        let error = conv(&session, &ones(x), &ones(weight), None, options).unwrap_err();
        assert!(
            matches!(error, ComputeError::Shape { .. } | ComputeError::Argument { .. }),
            "{error}"
        );
        error.to_string()
    };
    refused(
        &[1, 2, 4, 4],
        &[3, 2, 3, 3],
        &ConvOptions {
            dilations: vec![1],
            ..good.clone()
        },
    );
    refused(
        &[1, 2, 4, 4],
        &[3, 2, 3, 3],
        &ConvOptions {
            dilations: vec![usize::MAX; 2],
            ..good.clone()
        },
    );
    refused(
        &[1, 2, 4, 4],
        &[3, 2, 3, 3],
        &ConvOptions {
            pads: vec![(usize::MAX, 1); 2],
            ..good.clone()
        },
    );
    refused(
        &[1, 2, 4, 4],
        &[3, 2, 3, 3],
        &ConvOptions {
            pads: vec![(1 << 39, 1 << 39); 2],
            ..good.clone()
        },
    );
    refused(&[4, 4], &[3, 3], &good);
    refused(&[1, 2, 4, 4], &[3, 2, 0, 3], &good);
    let bias = conv(
        &session,
        &ones(&[1, 2, 4, 4]),
        &ones(&[3, 2, 3, 3]),
        Some(&ones(&[2])),
        &good,
    );
    assert!(matches!(bias, Err(ComputeError::Shape { .. })));
}

#[test]
fn what_does_not_fit_is_refused_transposed() {
    let session = Session::unlimited(Settings::default());
    let good = ConvOptions {
        strides: vec![1; 2],
        pads: vec![(0, 0); 2],
        dilations: vec![1; 2],
        groups: 1,
    };
    let transposed = |x: &[usize], weight: &[usize], options: &ConvOptions, more: &[usize]| {
        conv_transpose(&session, (&ones(x), &ones(weight), None), options, more).unwrap_err()
    };
    transposed(&[1, 2, 4, 4], &[3, 2, 3, 3], &good, &[0, 0]);
    transposed(&[1, 2, 4, 4], &[2, 2, 3, 3], &good, &[0, 1]);
    transposed(&[1, 2, 4, 4], &[2, 2, 3, 3], &good, &[0]);
    transposed(&[1, 2, 0, 4], &[2, 2, 3, 3], &good, &[0, 0]);
    transposed(
        &[1, 2, 4, 4],
        &[2, 2, 3, 3],
        &ConvOptions {
            pads: vec![(4, 4); 2],
            ..good.clone()
        },
        &[0, 0],
    );
    transposed(
        &[1, 2, 4, 4],
        &[2, 2, 3, 3],
        &ConvOptions {
            strides: vec![1 << 40; 2],
            ..good
        },
        &[0, 0],
    );
}

#[test]
fn scratch_space_is_leased() {
    let options = ConvOptions {
        strides: vec![1; 2],
        pads: vec![(1, 1); 2],
        dilations: vec![1; 2],
        groups: 1,
    };
    let session = Session::new(Settings::default(), 16 * 32 * 32 * 4);
    session.grant(u64::MAX);
    let result = conv(
        &session,
        &ones(&[1, 16, 32, 32]),
        &ones(&[16, 16, 3, 3]),
        None,
        &options,
    );
    assert!(matches!(result, Err(ComputeError::Memory { .. })));
    assert_eq!(session.live_bytes(), 0);
}

/// Small numbers in row-major order, as the constants were made from.
fn counting(shape: &[usize], shift: f32) -> Tensor {
    Tensor::new(
        shape,
        (0..shape.iter().product())
            .map(|at: usize| (at % 7) as f32 + shift)
            .collect(),
    )
    .unwrap()
}

/// Constants from onnxruntime 1.31 (all are whole numbers, so that the order of additions does not matter).
#[test]
fn as_in_onnxruntime() {
    for session in sessions() {
        let options = ConvOptions {
            strides: vec![2, 1],
            pads: vec![(1, 0), (0, 2)],
            dilations: vec![2, 1],
            groups: 2,
        };
        let bias = Tensor::new(&[4], vec![1_f32, 2.0, 3.0, 4.0]).unwrap();
        let (x, weight) = (counting(&[1, 4, 4, 3], 0.0), counting(&[4, 2, 2, 3], -3.0));
        let result = conv(&session, &x, &weight, Some(&bias), &options).unwrap();
        assert_eq!(result.shape(), [1, 4, 2, 3]);
        let wanted = [
            17.0, 4.0, -2.0, -17.0, -21.0, -7.0, -18.0, -23.0, -17.0, 8.0, 16.0, 1.0, 24.0, 28.0, 18.0, 7.0, 40.0, 7.0,
            30.0, 12.0, 5.0, -5.0, -13.0, -16.0_f32,
        ];
        assert_eq!(result.values::<f32>("test").unwrap(), wanted);

        let options = ConvOptions {
            strides: vec![2, 1],
            pads: vec![(0, 0), (1, 0)],
            dilations: vec![1, 2],
            groups: 1,
        };
        let bias = Tensor::new(&[2], vec![1_f32, 2.0]).unwrap();
        let (x, weight) = (counting(&[1, 2, 2, 3], 0.0), counting(&[2, 2, 2, 2], -2.0));
        let result = conv_transpose(&session, (&x, &weight, Some(&bias)), &options, &[1, 0]).unwrap();
        assert_eq!(result.shape(), [1, 2, 5, 4]);
        let wanted = [
            -1.0, -4.0, 0.0, -1.0, 1.0, 14.0, 2.0, 5.0, -10.0, -16.0, -3.0, -4.0, 4.0, 12.0, 11.0, 14.0, 1.0, 1.0, 1.0,
            1.0, 4.0, 33.0, 5.0, 12.0, 6.0, 2.0, 0.0, -3.0, 19.0, 41.0, 26.0, 33.0, 12.0, 6.0, -9.0, -12.0, 2.0, 2.0,
            2.0, 2.0_f32,
        ];
        assert_eq!(result.values::<f32>("test").unwrap(), wanted);

        let options = ConvOptions {
            strides: vec![2],
            pads: vec![(0, 0)],
            dilations: vec![1],
            groups: 2,
        };
        let (x, weight) = (counting(&[1, 2, 3], 0.0), counting(&[2, 2, 2], -2.0));
        let result = conv_transpose(&session, (&x, &weight, None), &options, &[0]).unwrap();
        let wanted = [
            0.0, 0.0, -2.0, -1.0, -4.0, -2.0, 0.0, 0.0, 0.0, 1.0, 0.0, 2.0, 6.0, 9.0, 8.0, 12.0, 10.0, 15.0, 12.0,
            -6.0, 16.0, -8.0, 20.0, -10.0_f32,
        ];
        assert_eq!(result.values::<f32>("test").unwrap(), wanted);
    }
}
