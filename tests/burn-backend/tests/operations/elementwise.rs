//! Element by element, and moving elements about.

use crate::*;

pub const ELEMENTWISE: &[Case] = &[
    ("add, broadcast", |d| out(tensor([3, 4], 1, d) + tensor([1, 4], 2, d))),
    ("sub", |d| out(tensor([3, 4], 1, d) - tensor([3, 1], 2, d))),
    ("mul", |d| out(tensor([3, 4], 1, d) * tensor([3, 4], 2, d))),
    ("div", |d| out(tensor([3, 4], 1, d) / (tensor([3, 4], 2, d) + 3.0))),
    ("remainder", |d| {
        out(tensor([3, 4], 1, d).remainder(tensor([3, 4], 2, d) + 2.5))
    }),
    ("remainder of numbers", |d| {
        out((tensor([12], 1, d) * 9.0).remainder_scalar(2.5))
    }),
    ("scalars", |d| out(((tensor([3, 4], 1, d) + 0.5) * 3.0 - 0.25) / 7.0)),
    ("neg, abs, sign", |d| {
        out(-tensor([9], 1, d).abs() + tensor([9], 1, d).sign())
    }),
    ("exp, log", |d| out((tensor([9], 1, d).exp() + 0.5).log())),
    ("log1p, sqrt, recip", |d| {
        out((tensor([9], 1, d).abs().log1p().sqrt() + 1.0).recip())
    }),
    ("sin, cos, tan", |d| {
        out(tensor([9], 1, d).sin() * tensor([9], 2, d).cos() + tensor([9], 3, d).tan())
    }),
    ("tanh, erf", |d| out(tensor([9], 1, d).tanh() * tensor([9], 2, d).erf())),
    ("sinh, cosh", |d| {
        out(tensor([9], 1, d).sinh() * tensor([9], 2, d).cosh())
    }),
    ("inverse functions", |d| {
        out(tensor([9], 1, d).asin() + tensor([9], 2, d).acos() + tensor([9], 3, d).atan())
    }),
    ("atan2", |d| out(tensor([9], 1, d).atan2(tensor([9], 2, d)))),
    ("hyperbolic inverses", |d| {
        out(tensor([9], 1, d).asinh() + (tensor([9], 2, d) * 0.9).atanh())
    }),
    ("powers", |d| {
        out(tensor([9], 1, d).powi_scalar(2) + tensor([9], 1, d).powi_scalar(3))
    }),
    ("powf", |d| {
        out((tensor([9], 1, d) + 2.0).powf(tensor([9], 2, d)) + (tensor([9], 1, d) + 2.0).powf_scalar(1.7))
    }),
    ("round, floor, ceil, trunc", |d| {
        let x = tensor([20], 1, d) * 5.0;
        out(x.clone().round() + x.clone().floor() * 10.0 + x.clone().ceil() * 100.0 + x.trunc() * 1000.0)
    }),
    ("clamp", |d| {
        out(tensor([20], 1, d).clamp(-0.3, 0.4) + tensor([20], 2, d).clamp_min(0.1))
    }),
    ("compare", |d| {
        out_bool(tensor([3, 4], 1, d).greater(tensor([3, 4], 2, d)))
    }),
    ("compare with a number", |d| {
        out_bool(tensor([3, 4], 1, d).lower_equal_elem(0.1))
    }),
    ("equal", |d| {
        out_bool(ints([20], 3, 1, d).equal(ints([20], 3, 2, d)).bool_not())
    }),
    ("not equal", |d| out_bool(ints([20], 3, 1, d).not_equal_elem(1))),
    ("booleans", |d| {
        let (a, b) = (
            tensor([20], 1, d).greater_elem(0.0),
            tensor([20], 2, d).greater_elem(0.0),
        );
        out_bool(a.clone().bool_and(b.clone()).bool_or(a.bool_xor(b)))
    }),
    ("any, all", |d| {
        let x = ints([4, 3], 2, 1, d);
        [
            out_bool(x.clone().any_dim(1)),
            out_bool(x.clone().all_dim(0)),
            out_bool(x.any()),
        ]
        .concat()
    }),
    ("mask_where", |d| {
        let mask = tensor([3, 4], 3, d).greater_elem(0.0);
        out(tensor([3, 4], 1, d).mask_where(mask, tensor([3, 4], 2, d)))
    }),
    ("mask_fill", |d| {
        out(tensor([3, 4], 1, d).mask_fill(tensor([3, 4], 3, d).lower_elem(0.0), -7.5))
    }),
    ("nan and infinity", |d| {
        let x = Tensor::<1>::from_data([f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1.0], d);
        [out_bool(x.clone().is_nan()), out_bool(x.is_inf())].concat()
    }),
    ("whole numbers", |d| {
        let (x, y) = (ints([20], 100, 1, d) - 50, ints([20], 9, 2, d) + 1);
        out_int(x.clone() / y.clone() + x.clone().remainder(y) * 1000 + x.abs() * 10 - 3)
    }),
    ("bits", |d| {
        let (x, y) = (ints([20], 100, 1, d), ints([20], 9, 2, d));
        out_int(x.clone().bitwise_and(y.clone()) + x.clone().bitwise_or_scalar(5) + x.bitwise_left_shift(y))
    }),
    ("float to int and back", |d| out_int((tensor([20], 1, d) * 9.0).int())),
];

pub const MOVES: &[Case] = &[
    ("reshape, swap, permute", |d| {
        out(tensor([2, 3, 4], 1, d)
            .swap_dims(0, 2)
            .reshape([4, 6])
            .transpose()
            .reshape([2, 3, 4])
            .permute([1, 2, 0]))
    }),
    ("flip, expand, repeat", |d| {
        out(tensor([1, 3], 1, d).flip([1]).expand([4, 3]).repeat_dim(1, 2))
    }),
    ("slice", |d| out(tensor([5, 6], 1, d).slice([1..4, 2..6]))),
    ("stepped slice", |d| {
        use burn::tensor::s;
        [
            out(tensor([5, 6], 1, d).slice(s![0..5;2, 1..6;3])),
            out(tensor([5, 6], 1, d).slice(s![1..5;-2, ..])),
        ]
        .concat()
    }),
    ("slice_assign", |d| {
        out(tensor([5, 6], 1, d).slice_assign([1..4, 2..4], tensor([3, 2], 2, d)))
    }),
    ("cat, stack", |d| {
        let parts = vec![tensor([2, 3], 1, d), tensor([1, 3], 2, d), tensor([4, 3], 3, d)];
        let stacked: Tensor<3> = Tensor::stack(vec![tensor([2, 3], 1, d), tensor([2, 3], 2, d)], 1);
        [out(Tensor::cat(parts, 0)), out(stacked)].concat()
    }),
    ("select", |d| out(tensor([5, 6], 1, d).select(1, ints([4], 6, 2, d)))),
    ("select_assign", |d| {
        let indices = ints([4], 5, 2, d);
        out(tensor([5, 6], 1, d).select_assign(0, indices, tensor([4, 6], 3, d), IndexingUpdateOp::Add))
    }),
    ("gather", |d| out(tensor([5, 6], 1, d).gather(1, ints([5, 3], 6, 2, d)))),
    ("scatter", |d| {
        let indices = ints([5, 3], 6, 2, d);
        out(tensor([5, 6], 1, d).scatter(1, indices, tensor([5, 3], 3, d), IndexingUpdateOp::Add))
    }),
    ("unfold", |d| out(tensor([2, 9], 1, d).unfold::<3, _>(1, 4, 2))),
    ("pad", |d| {
        out(tensor([2, 3], 1, d).pad((1, 2, 0, 1), burn::tensor::ops::PadMode::Constant(0.5)))
    }),
    ("zeros, ones, full", |d| {
        out(Tensor::<2>::zeros([2, 3], d) + Tensor::<2>::ones([2, 3], d) + Tensor::<2>::full([2, 3], 2.5, d))
    }),
    ("arange, one_hot", |d| {
        [
            out_int(Tensor::arange(0..7, d)),
            out_int(ints([5], 4, 1, d).one_hot::<2>(4)),
        ]
        .concat()
    }),
    ("cross", |d| out(tensor([4, 3], 1, d).cross(tensor([4, 3], 2, d), 1))),
    ("triangle", |d| {
        out(tensor([4, 5], 1, d).tril(0) + tensor([4, 5], 1, d).triu(1))
    }),
];
