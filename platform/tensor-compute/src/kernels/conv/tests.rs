//! Against the definition, written as plain loops; and on every path the same bits.

mod edges;
mod joined;

use super::{conv, conv_transpose};
use crate::kernels::matmul::number::Number;
use crate::kernels::matmul::tests::{numbers, sessions};
use crate::{ConvOptions, Session, Settings, Tensor};
use half::f16;

/// A convolution with three spatial dimensions.
struct Case {
    /// n, c, d, h, w.
    x: [usize; 5],
    /// m, c / groups, kernel; transposed: c, m / groups, kernel.
    weight: [usize; 5],
    strides: [usize; 3],
    pads: [(usize, usize); 3],
    dilations: [usize; 3],
    groups: usize,
}

const ONES: [usize; 3] = [1; 3];
const NONE: [(usize, usize); 3] = [(0, 0); 3];

fn case(x: [usize; 5], weight: [usize; 5]) -> Case {
    Case {
        x,
        weight,
        strides: ONES,
        pads: NONE,
        dilations: ONES,
        groups: 1,
    }
}

impl Case {
    /// Options for the last `rank` spatial dimensions.
    fn options(&self, rank: usize) -> ConvOptions {
        let from = 3 - rank;
        ConvOptions {
            strides: self.strides[from..].to_vec(),
            pads: self.pads[from..].to_vec(),
            dilations: self.dilations[from..].to_vec(),
            groups: self.groups,
        }
    }

    fn output(&self) -> [usize; 3] {
        std::array::from_fn(|axis| {
            let padded = self.x[axis + 2] + self.pads[axis].0 + self.pads[axis].1;
            (padded - (self.weight[axis + 2] - 1) * self.dilations[axis] - 1) / self.strides[axis] + 1
        })
    }
}

/// Every index of a box, in row-major order.
fn indices(lengths: [usize; 3]) -> Vec<[usize; 3]> {
    let mut all = Vec::new();
    for a in 0..lengths[0] {
        for b in 0..lengths[1] {
            all.extend((0..lengths[2]).map(|c| [a, b, c]));
        }
    }
    all
}

fn flat(lengths: &[usize], index: &[usize]) -> usize {
    lengths
        .iter()
        .zip(index)
        .fold(0, |at, (length, index)| at * length + index)
}

/// The position of a tap of a window, if it is inside.
fn position(case: &Case, window: [usize; 3], tap: [usize; 3], lengths: &[usize]) -> Option<[usize; 3]> {
    let mut all = [0; 3];
    for axis in 0..3 {
        let at = window[axis] * case.strides[axis] + tap[axis] * case.dilations[axis];
        all[axis] = at.checked_sub(case.pads[axis].0).filter(|at| *at < lengths[axis])?;
    }
    Some(all)
}

fn naive<T: Number>(case: &Case, x: &[T], weight: &[T], bias: &[T]) -> Vec<T> {
    let (output, [n, c, lengths @ ..]) = (case.output(), case.x);
    let [m, in_group, kernel @ ..] = case.weight;
    let mut out = Vec::new();
    for (batch, filter) in (0..n).flat_map(|batch| (0..m).map(move |filter| (batch, filter))) {
        for window in indices(output) {
            let mut sum = T::default();
            for channel in 0..in_group {
                for tap in indices(kernel) {
                    let from = filter / (m / case.groups) * in_group + channel;
                    let right = position(case, window, tap, &lengths)
                        .map_or(T::default(), |[a, b, d]| x[flat(&case.x, &[batch, from, a, b, d])]);
                    let left = weight[flat(&case.weight, &[filter, channel, tap[0], tap[1], tap[2]])];
                    sum = T::chain::<false>(left, right, sum);
                }
            }
            out.push(sum.plus(bias[filter]));
        }
    }
    assert_eq!(c, in_group * case.groups);
    out
}

/// For each tap in order, a chain over the channels.
fn naive_transposed<T: Number>(case: &Case, output: [usize; 3], x: &[T], weight: &[T], bias: &[T]) -> Vec<T> {
    let [n, c, lengths @ ..] = case.x;
    let [_, in_group, kernel @ ..] = case.weight;
    let m = in_group * case.groups;
    let shape = [n, m, output[0], output[1], output[2]];
    let mut out = vec![T::default(); shape.iter().product()];
    for (batch, filter) in (0..n).flat_map(|batch| (0..m).map(move |filter| (batch, filter))) {
        for tap in indices(kernel) {
            for from in indices(lengths) {
                let Some([a, b, d]) = position(case, from, tap, &output) else {
                    continue;
                };
                let mut sum = T::default();
                for channel in 0..c / case.groups {
                    let channel = filter / in_group * (c / case.groups) + channel;
                    let left = weight[flat(&case.weight, &[channel, filter % in_group, tap[0], tap[1], tap[2]])];
                    let right = x[flat(&case.x, &[batch, channel, from[0], from[1], from[2]])];
                    sum = T::chain::<false>(left, right, sum);
                }
                let at = flat(&shape, &[batch, filter, a, b, d]);
                out[at] = out[at].plus(sum);
            }
        }
        for value in out
            .chunks_mut(output.iter().product())
            .nth(batch * m + filter)
            .into_iter()
            .flatten()
        {
            *value = value.plus(bias[filter]);
        }
    }
    out
}

fn singles(count: usize, seed: u64) -> Vec<f32> {
    numbers(count, seed).into_iter().map(|value| value as f32).collect()
}

fn same_bits(left: &[f32], right: &[f32]) -> bool {
    let bits = |value: &f32| {
        if value.is_nan() {
            f32::NAN.to_bits()
        } else {
            value.to_bits()
        }
    };
    left.len() == right.len() && left.iter().zip(right).all(|(x, y)| x.to_bits() == bits(y))
}

fn without(shape: &[usize; 5], missing: usize) -> Vec<usize> {
    shape
        .iter()
        .enumerate()
        .filter(|(at, _)| !(2..2 + missing).contains(at))
        .map(|(_, length)| *length)
        .collect()
}

/// The leading spatial dimensions that a case does not need.
fn missing(case: &Case) -> usize {
    (0..2)
        .take_while(|axis| case.x[axis + 2] == 1 && case.weight[axis + 2] == 1 && case.pads[*axis] == (0, 0))
        .count()
}

fn check(case: &Case, mut poison: impl FnMut(&mut [f32], &mut [f32])) {
    let (mut x, mut weight) = (
        singles(case.x.iter().product(), 1),
        singles(case.weight.iter().product(), 2),
    );
    poison(&mut x, &mut weight);
    let bias = singles(case.weight[0], 3);
    let wanted = naive(case, &x, &weight, &bias);
    let missing = missing(case);
    let x = Tensor::new(&without(&case.x, missing), x).unwrap();
    let weight = Tensor::new(&without(&case.weight, missing), weight).unwrap();
    let bias = Tensor::new(&[case.weight[0]], bias).unwrap();
    for session in sessions() {
        let result = conv(&session, &x, &weight, Some(&bias), &case.options(3 - missing)).unwrap();
        let output = case.output();
        assert_eq!(result.shape()[..2], [case.x[0], case.weight[0]]);
        assert_eq!(result.shape()[2..], output[missing..]);
        assert!(
            same_bits(result.values("test").unwrap(), &wanted),
            "{:?} {:?} {session:?}",
            case.x,
            case.weight
        );
    }
}

fn cases() -> Vec<Case> {
    vec![
        case([1, 3, 1, 1, 20], [5, 3, 1, 1, 4]),
        case([2, 16, 1, 9, 11], [24, 16, 1, 1, 1]),
        Case {
            strides: [1, 2, 2],
            ..case([1, 8, 1, 9, 11], [8, 8, 1, 1, 1])
        },
        Case {
            pads: [(0, 0), (1, 1), (1, 1)],
            ..case([2, 3, 1, 40, 37], [16, 3, 1, 3, 3])
        },
        Case {
            strides: [1, 2, 3],
            pads: [(0, 0), (2, 1), (0, 3)],
            dilations: [1, 2, 1],
            groups: 2,
            ..case([2, 6, 1, 13, 17], [8, 3, 1, 3, 5])
        },
        Case {
            pads: [(0, 0), (1, 1), (1, 1)],
            groups: 7,
            ..case([2, 7, 1, 12, 10], [7, 1, 1, 3, 3])
        },
        Case {
            strides: [1, 2, 2],
            pads: [(0, 0), (2, 2), (2, 2)],
            groups: 4,
            ..case([1, 4, 1, 15, 14], [8, 1, 1, 5, 5])
        },
        Case {
            pads: [(0, 0), (0, 0), (9, 9)],
            groups: 3,
            ..case([1, 3, 1, 1, 4], [3, 1, 1, 1, 7])
        },
        Case {
            pads: [(1, 0), (0, 1), (2, 2)],
            strides: [2, 1, 1],
            ..case([1, 2, 5, 6, 7], [3, 2, 3, 2, 3])
        },
        case([1, 64, 1, 30, 30], [64, 64, 1, 3, 3]),
    ]
}

#[test]
fn it_is_what_the_definition_says_on_every_path() {
    for case in cases() {
        check(&case, |_, _| ());
    }
}

#[test]
fn padding_takes_part_on_every_path() {
    for case in cases().into_iter().filter(|case| case.pads != NONE) {
        check(&case, |x, weight| {
            weight[0] = f32::INFINITY;
            x[1] = f32::from_bits(0xffc0_0007);
        });
    }
}

#[test]
fn whole_numbers_wrap() {
    let case = Case {
        pads: [(0, 0), (1, 1), (1, 1)],
        ..case([1, 3, 1, 5, 6], [4, 3, 1, 3, 3])
    };
    let x: Vec<i8> = (0..90).map(|at| at as i8).collect();
    let weight: Vec<i8> = (0..108).map(|at| (at * 5) as i8).collect();
    let wanted = naive(&case, &x, &weight, &[0; 4]);
    let (x, weight) = (
        Tensor::new(&[1, 3, 5, 6], x).unwrap(),
        Tensor::new(&[4, 3, 3, 3], weight).unwrap(),
    );
    for session in sessions() {
        let result = conv(&session, &x, &weight, None, &case.options(2)).unwrap();
        assert_eq!(result.values::<i8>("test").unwrap(), wanted);
    }
}

#[test]
fn halves_are_rounded_once() {
    let session = Session::unlimited(Settings::default());
    let case = case([1, 4, 1, 6, 6], [5, 4, 1, 3, 3]);
    let narrow = |values: &[f32]| values.iter().map(|value| f16::from_f32(*value)).collect::<Vec<_>>();
    let (x, weight) = (narrow(&singles(144, 4)), narrow(&singles(180, 5)));
    let wide = |values: &[f16]| values.iter().map(|value| value.to_f32()).collect::<Vec<_>>();
    let wanted = narrow(&naive(&case, &wide(&x), &wide(&weight), &[0.0; 5]));
    let (x, weight) = (
        Tensor::new(&[1, 4, 6, 6], x).unwrap(),
        Tensor::new(&[5, 4, 3, 3], weight).unwrap(),
    );
    let result = conv(&session, &x, &weight, None, &case.options(2)).unwrap();
    assert_eq!(result.values::<f16>("test").unwrap(), wanted);
}

#[test]
fn the_transposed_one_is_what_the_definition_says_on_every_path() {
    let cases = [
        (case([2, 3, 1, 1, 7], [3, 4, 1, 1, 3]), [0, 0, 0]),
        (
            Case {
                strides: [1, 2, 2],
                pads: [(0, 0), (1, 1), (1, 0)],
                ..case([1, 8, 1, 9, 8], [8, 6, 1, 3, 4])
            },
            [0, 1, 1],
        ),
        (
            Case {
                strides: [1, 3, 2],
                dilations: [1, 2, 1],
                groups: 2,
                ..case([2, 4, 1, 5, 6], [4, 3, 1, 2, 2])
            },
            [0, 2, 0],
        ),
        (
            Case {
                strides: [2, 1, 1],
                pads: [(1, 1), (0, 0), (0, 1)],
                ..case([1, 2, 3, 4, 5], [2, 2, 3, 2, 2])
            },
            [1, 0, 0],
        ),
    ];
    for (case, more) in cases {
        let output: [usize; 3] = std::array::from_fn(|axis| {
            (case.x[axis + 2] - 1) * case.strides[axis]
                + (case.weight[axis + 2] - 1) * case.dilations[axis]
                + 1
                + more[axis]
                - case.pads[axis].0
                - case.pads[axis].1
        });
        let filters = case.weight[1] * case.groups;
        let (x, weight) = (
            singles(case.x.iter().product(), 6),
            singles(case.weight.iter().product(), 7),
        );
        let bias = singles(filters, 8);
        let wanted = naive_transposed(&case, output, &x, &weight, &bias);
        let missing = missing(&case);
        let x = Tensor::new(&without(&case.x, missing), x).unwrap();
        let weight = Tensor::new(&without(&case.weight, missing), weight).unwrap();
        let bias = Tensor::new(&[filters], bias).unwrap();
        for session in sessions() {
            let operands = (&x, &weight, Some(&bias));
            let result = conv_transpose(&session, operands, &case.options(3 - missing), &more[missing..]).unwrap();
            assert_eq!(result.shape()[2..], output[missing..]);
            assert!(
                same_bits(result.values("test").unwrap(), &wanted),
                "{:?} {:?} {session:?}",
                case.x,
                case.weight
            );
        }
    }
}
