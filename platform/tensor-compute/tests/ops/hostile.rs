//! Arguments that fit nothing: errors, not panics, and no memory asked for.

use super::{Dice, one};
use tensor_compute::{Binary, Op, PadMode, Reduce, Scatter, Session, Settings, SliceRange, Tensor, Unary, apply};

#[test]
fn arguments_that_fit_nothing_are_errors() {
    let limited = Session::new(Settings::default(), 1 << 20);
    limited.grant(u64::MAX);
    let x = Dice(3).floats(&[2, 3]);
    let i = Tensor::new::<i64>(&[1], vec![7]).unwrap();
    let huge = Tensor::new::<f32>(&[1 << 40, 0], vec![]).unwrap();
    let range = |start, count, step| SliceRange { start, count, step };
    let cases: Vec<(Op, Vec<&Tensor>)> = vec![
        (Op::Expand(vec![1 << 40, 2, 3]), vec![&x]),
        (Op::Expand(vec![1 << 17, 2, 3]), vec![&x]),
        (Op::Expand(vec![usize::MAX, usize::MAX, 2, 3]), vec![&x]),
        (Op::Expand([vec![1; 15], vec![2, 3]].concat()), vec![&x]),
        (Op::Reshape(vec![usize::MAX, 6]), vec![&x]),
        (Op::Tile(vec![usize::MAX, usize::MAX]), vec![&x]),
        (Op::Tile(vec![1]), vec![&x]),
        (Op::Transpose(vec![0, 0]), vec![&x]),
        (Op::Transpose(vec![0, usize::MAX]), vec![&x]),
        (Op::Concat { axis: 2 }, vec![&x]),
        (Op::Concat { axis: 0 }, vec![]),
        (Op::Slice(vec![range(0, 2, 1), range(2, 2, 1)]), vec![&x]),
        (Op::Slice(vec![range(0, 2, 0), range(0, 1, 1)]), vec![&x]),
        (
            Op::Slice(vec![range(usize::MAX, 1, 1), range(0, usize::MAX, i64::MIN)]),
            vec![&x],
        ),
        (Op::Flip(vec![1, 1]), vec![&x]),
        (
            Op::Pad {
                mode: PadMode::Edge,
                pads: vec![(i64::MAX, i64::MAX), (0, 0)],
            },
            vec![&x],
        ),
        (
            Op::Pad {
                mode: PadMode::Constant,
                pads: vec![(i64::MIN, 0), (0, 0)],
            },
            vec![&x],
        ),
        (
            Op::Reduce {
                kind: Reduce::Sum,
                axes: vec![0, 0],
                keep: false,
            },
            vec![&x],
        ),
        (
            Op::Reduce {
                kind: Reduce::Sum,
                axes: vec![2],
                keep: true,
            },
            vec![&x],
        ),
        (
            Op::Reduce {
                kind: Reduce::Any,
                axes: vec![],
                keep: true,
            },
            vec![&x],
        ),
        (
            Op::ArgMax {
                axis: 9,
                keep: true,
                last: false,
            },
            vec![&x],
        ),
        (
            Op::ArgMax {
                axis: 1,
                keep: true,
                last: false,
            },
            vec![&huge],
        ),
        (
            Op::CumSum {
                axis: usize::MAX,
                exclusive: false,
                reverse: false,
            },
            vec![&x],
        ),
        (
            Op::TopK {
                k: 4,
                axis: 1,
                largest: true,
            },
            vec![&x],
        ),
        (Op::Softmax { axis: 2 }, vec![&x]),
        (Op::Softmax { axis: 0 }, vec![&i]),
        (Op::LayerNorm { axis: 2, epsilon: 0.0 }, vec![&x]),
        (Op::LayerNorm { axis: 1, epsilon: 0.0 }, vec![&x, &huge]),
        (Op::BatchNorm { epsilon: 0.0 }, vec![&x, &x, &x, &x, &x]),
        (
            Op::GroupNorm {
                groups: 0,
                epsilon: 0.0,
            },
            vec![&x, &x, &x],
        ),
        (Op::Gather { axis: 0 }, vec![&x, &i]),
        (Op::Gather { axis: 2 }, vec![&x, &i]),
        (Op::GatherElements { axis: 0 }, vec![&x, &i]),
        (Op::GatherNd { batch_dims: 0 }, vec![&x, &i]),
        (Op::GatherNd { batch_dims: 9 }, vec![&x, &i]),
        (
            Op::ScatterNd {
                reduction: Scatter::Add,
            },
            vec![&x, &i, &x],
        ),
        (
            Op::ScatterElements {
                axis: 0,
                reduction: Scatter::Add,
            },
            vec![&x, &i, &x],
        ),
        (Op::Binary(Binary::Add), vec![&x, &i]),
        (Op::Binary(Binary::Add), vec![&x, &huge]),
        (Op::Binary(Binary::And), vec![&x, &x]),
        (Op::Unary(Unary::Exp), vec![&i]),
        (Op::Where, vec![&x, &x, &x]),
        (Op::Unary(Unary::Exp), vec![]),
    ];
    for (op, args) in cases {
        let error = apply(&limited, &op, &args)
            .err()
            .unwrap_or_else(|| panic!("{op:?} gave a result"));
        println!("{error}");
    }
    let empty = apply(
        &limited,
        &Op::Reduce {
            kind: Reduce::Sum,
            axes: vec![1],
            keep: false,
        },
        &[&huge],
    );
    assert!(empty.is_err(), "2^40 zeros fit no session of 1 MiB");
    let none = one(&limited, &Op::Softmax { axis: 1 }, &[&huge]);
    assert_eq!(none.shape(), [1 << 40, 0]);
    drop(none);
    assert_eq!(limited.live_bytes(), 0);
}
