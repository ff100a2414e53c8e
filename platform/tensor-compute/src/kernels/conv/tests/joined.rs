//! What is joined to a convolution gives the bits of one operation after the other, and costs the same work.

use super::sessions;
use crate::kernels::matmul::tests::numbers;
use crate::kernels::{Then, conv_then};
use crate::{ConvOptions, OPERATION_FUEL, Op, Session, Tensor, Unary, apply};

/// Shapes of x and weight, strides, pads, groups.
type Shapes = (&'static [usize], &'static [usize], usize, (usize, usize), usize);

const CASES: [Shapes; 6] = [
    (&[2, 3, 13, 35], &[17, 3, 3, 3], 1, (1, 1), 1),
    (&[1, 8, 9, 40], &[32, 4, 1, 1], 1, (0, 0), 2),
    (&[1, 40, 16, 16], &[30, 40, 3, 3], 1, (1, 1), 1),
    (&[5, 4, 12, 21], &[6, 2, 5, 5], 2, (2, 1), 2),
    // More padding than operand, and one channel per group.
    (&[1, 2, 5, 5], &[3, 2, 3, 3], 90, (90, 90), 1),
    (&[1, 3, 8, 8], &[3, 1, 3, 3], 1, (1, 1), 3),
];

fn tensor(shape: &[usize], seed: u64) -> Tensor {
    let count = shape.iter().product();
    let values = numbers(count, seed).into_iter().map(|value| value as f32).collect();
    Tensor::new::<f32>(shape, values).unwrap()
}

fn bits(tensor: &Tensor) -> Vec<u8> {
    tensor.to_le_bytes().unwrap()
}

/// The result and what it cost.
fn priced(session: &Session, work: impl FnOnce() -> Tensor) -> (Vec<u8>, u64) {
    session.take_spent();
    let made = bits(&work());
    (made, session.take_spent())
}

#[test]
fn a_joined_normalisation_and_relu_change_nothing() {
    for (x, weight, stride, pads, groups) in CASES {
        let filters = weight[0];
        let (x, weight) = (tensor(x, 1), tensor(weight, 2));
        let mut vectors: Vec<Tensor> = (3..7).map(|seed| tensor(&[filters], seed)).collect();
        let positive = numbers(filters, 9).into_iter().map(|value| value.abs() as f32 + 0.1);
        vectors[3] = Tensor::new::<f32>(&[filters], positive.collect()).unwrap();
        let bias = tensor(&[filters], 8);
        let options = ConvOptions {
            strides: vec![stride; 2],
            pads: vec![pads; 2],
            dilations: vec![1; 2],
            groups,
        };
        let mut first = None;
        for session in sessions() {
            let one = |op: Op, operands: &[&Tensor]| apply(&session, &op, operands).unwrap().remove(0);
            let apart = priced(&session, || {
                let sums = one(Op::Conv(options.clone()), &[&x, &weight, &bias]);
                let [a, b, c, d] = [0, 1, 2, 3].map(|at: usize| &vectors[at]);
                let scaled = one(Op::BatchNorm { epsilon: 1e-3 }, &[&sums, a, b, c, d]);
                one(Op::Unary(Unary::Relu), &[&scaled])
            });
            let joined = priced(&session, || {
                let norm = Some((std::array::from_fn(|at| &vectors[at]), 1e-3));
                let then = Then { norm, relu: true };
                conv_then(&session, (&x, &weight, Some(&bias)), &options, then).unwrap()
            });
            assert!(joined.0 == apart.0, "{session:?}");
            // A normalisation by itself pays for six casts that are none: of its five operands and its result.
            assert_eq!(joined.1 + 6 * OPERATION_FUEL, apart.1, "{session:?}");
            assert!(*first.get_or_insert(joined.0.clone()) == joined.0, "{session:?}");
        }
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let session = Session::unlimited(crate::Settings::default());
    let (x, weight, short) = (tensor(&[1, 2, 4, 4], 1), tensor(&[3, 2, 3, 3], 2), tensor(&[2], 3));
    let options = ConvOptions {
        strides: vec![1; 2],
        pads: vec![(0, 0); 2],
        dilations: vec![1; 2],
        groups: 1,
    };
    let then = Then {
        norm: Some(([&short; 4], 1e-5)),
        relu: false,
    };
    let refused = conv_then(&session, (&x, &weight, None), &options, then).unwrap_err();
    assert!(
        refused.to_string().contains("takes as many numbers, not [2]"),
        "{refused}"
    );
    let whole = |shape: &[usize]| Tensor::new::<i32>(shape, vec![1; shape.iter().product()]).unwrap();
    let refused = conv_then(
        &session,
        (&whole(&[1, 2, 4, 4]), &whole(&[3, 2, 3, 3]), None),
        &options,
        then,
    );
    assert!(refused.unwrap_err().to_string().contains("float32 and float64 only"));
}
