//! Every instruction set and thread count gives the same bits.

use super::{Dice, one, session};
use std::hash::{DefaultHasher, Hash, Hasher};
use tensor_compute::{Binary, Compare, DType, Isa, Op, PadMode, Reduce, Scatter, Tensor, Unary};

#[test]
fn every_instruction_set_and_thread_count_gives_the_same_bits() {
    let mut dice = Dice(2);
    let x = dice.floats(&[37, 129, 65]);
    let long = dice.floats(&[300_001]);
    let (row, column) = (dice.floats(&[65]), dice.floats(&[129, 1]));
    let batch = dice.floats(&[3, 8, 70, 71]);
    let eight = dice.floats(&[8]);
    let positive = one(&any(), &Op::Unary(Unary::Abs), &[&eight]);
    let indices = Tensor::new::<i64>(&[50], (0..50).map(|i| i % 37).collect()).unwrap();
    let updates = dice.floats(&[50, 129, 65]);
    let mut cases: Vec<(Op, Vec<&Tensor>)> = vec![
        (Op::Softmax { axis: 2 }, vec![&x]),
        (Op::Softmax { axis: 1 }, vec![&x]),
        (Op::LogSoftmax { axis: 0 }, vec![&long]),
        (Op::LayerNorm { axis: 1, epsilon: 1e-5 }, vec![&x]),
        (Op::LayerNorm { axis: 2, epsilon: 1e-5 }, vec![&x, &row, &row]),
        (
            Op::BatchNorm { epsilon: 1e-5 },
            vec![&batch, &eight, &eight, &eight, &positive],
        ),
        (
            Op::GroupNorm {
                groups: 2,
                epsilon: 1e-5,
            },
            vec![&batch, &eight, &eight],
        ),
        (Op::Transpose(vec![1, 2, 0]), vec![&x]),
        (Op::Transpose(vec![2, 1, 0]), vec![&x]),
        (Op::Concat { axis: 1 }, vec![&x, &x]),
        (
            Op::CumSum {
                axis: 1,
                exclusive: true,
                reverse: true,
            },
            vec![&x],
        ),
        (
            Op::ArgMax {
                axis: 1,
                keep: false,
                last: false,
            },
            vec![&x],
        ),
        (
            Op::TopK {
                k: 5,
                axis: 1,
                largest: true,
            },
            vec![&x],
        ),
        (Op::Gather { axis: 0 }, vec![&x, &indices]),
        (
            Op::Pad {
                mode: PadMode::Reflect,
                pads: vec![(1, 2), (3, 4), (5, 6)],
            },
            vec![&x],
        ),
        (Op::Compare(Compare::Less), vec![&x, &column]),
        (Op::Cast(DType::F16), vec![&x]),
    ];
    let nd = Tensor::new::<i64>(&[50, 1], (0..50).map(|i| i % 37).collect()).unwrap();
    cases.push((
        Op::ScatterNd {
            reduction: Scatter::Add,
        },
        vec![&x, &nd, &updates],
    ));
    for unary in [
        Unary::Exp,
        Unary::Log,
        Unary::Tanh,
        Unary::Erf,
        Unary::Sigmoid,
        Unary::Gelu,
        Unary::GeluTanh,
        Unary::Silu,
        Unary::Mish,
        Unary::Softplus,
        Unary::Sqrt,
        Unary::Round,
        Unary::Sin,
        Unary::Elu { alpha: 1.0 },
    ] {
        cases.push((Op::Unary(unary), vec![&x]));
    }
    for binary in [Binary::Add, Binary::Div, Binary::Pow, Binary::Max] {
        cases.push((Op::Binary(binary), vec![&x, &row]));
        cases.push((Op::Binary(binary), vec![&column, &x]));
    }
    for kind in [
        Reduce::Sum,
        Reduce::Mean,
        Reduce::Max,
        Reduce::Prod,
        Reduce::L2,
        Reduce::LogSumExp,
    ] {
        for axes in [vec![], vec![0], vec![1], vec![2], vec![0, 2]] {
            cases.push((
                Op::Reduce {
                    kind,
                    axes,
                    keep: false,
                },
                vec![&x],
            ));
        }
        cases.push((
            Op::Reduce {
                kind,
                axes: vec![0],
                keep: false,
            },
            vec![&long],
        ));
    }
    for (op, args) in &cases {
        let mut first = None;
        for isa in Isa::available() {
            for threads in 1..=3 {
                let found = one(&session(isa, threads), op, args);
                let mut hasher = DefaultHasher::new();
                for byte in comparable(&found) {
                    byte.hash(&mut hasher);
                }
                let hash = hasher.finish();
                assert_eq!(
                    *first.get_or_insert(hash),
                    hash,
                    "{op:?} with {} and {threads} threads",
                    isa.name()
                );
            }
        }
    }
}

/// Bytes of a tensor; every NaN alike.
fn comparable(x: &Tensor) -> Vec<u8> {
    match x.try_values::<f32>() {
        Some(values) => values
            .iter()
            .flat_map(|v| if v.is_nan() { f32::NAN } else { *v }.to_le_bytes())
            .collect(),
        None => x.to_le_bytes().unwrap(),
    }
}
