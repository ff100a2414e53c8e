//! Sums and their like, and products of matrices.

use crate::*;

pub const FOLDS: &[Case] = &[
    ("sum, mean", |d| {
        [out(tensor([7, 9], 1, d).sum()), out(tensor([7, 9], 1, d).mean())].concat()
    }),
    ("sum_dim, mean_dim", |d| {
        [
            out(tensor([7, 9], 1, d).sum_dim(0)),
            out(tensor([7, 9], 1, d).mean_dim(1)),
        ]
        .concat()
    }),
    ("sum_dims", |d| out(tensor([3, 4, 5], 1, d).sum_dims(&[0, 2]))),
    ("prod", |d| {
        [
            out((tensor([9], 1, d) + 1.5).prod()),
            out((tensor([3, 4], 1, d) + 1.5).prod_dim(1)),
        ]
        .concat()
    }),
    ("max, min", |d| {
        [out(tensor([7, 9], 1, d).max()), out(tensor([7, 9], 1, d).min_dim(1))].concat()
    }),
    ("max_abs", |d| {
        [
            out(tensor([7, 9], 1, d).max_abs()),
            out(tensor([7, 9], 1, d).max_abs_dim(0)),
        ]
        .concat()
    }),
    ("arg", |d| {
        [
            out_int(tensor([7, 9], 1, d).argmax(1)),
            out_int(tensor([7, 9], 1, d).argmin(0)),
        ]
        .concat()
    }),
    ("max with places", |d| {
        let (values, places) = tensor([7, 9], 1, d).max_dim_with_indices(1);
        [out(values), out_int(places)].concat()
    }),
    ("sort", |d| {
        let (values, places) = tensor([4, 9], 1, d).sort_descending_with_indices(1);
        [out(values), out_int(places), out(tensor([4, 9], 2, d).sort(0))].concat()
    }),
    ("topk", |d| {
        let (values, places) = tensor([4, 9], 1, d).topk_with_indices(3, 1);
        [out(values), out_int(places)].concat()
    }),
    ("running", |d| {
        let x = || tensor([4, 5], 1, d);
        [
            out(x().cumsum(1)),
            out(x().cumprod(0)),
            out(x().cummax(1)),
            out(x().cummin(1)),
        ]
        .concat()
    }),
    ("variance", |d| out(tensor([4, 9], 1, d).var(1))),
    ("ints", |d| {
        [
            out_int(ints([20], 100, 1, d).sum()),
            out_int(ints([4, 5], 100, 1, d).mean_dim(1)),
        ]
        .concat()
    }),
];

pub const PRODUCTS: &[Case] = &[
    ("matmul", |d| out(tensor([5, 7], 1, d).matmul(tensor([7, 3], 2, d)))),
    ("matmul, stacked", |d| {
        out(tensor([2, 3, 5, 7], 1, d).matmul(tensor([2, 3, 7, 4], 2, d)))
    }),
    ("matmul, broadcast", |d| {
        out(tensor([2, 3, 5, 7], 1, d).matmul(tensor([1, 1, 7, 4], 2, d)))
    }),
    ("matmul of ints", |d| {
        out_int(ints([3, 4], 9, 1, d).matmul(ints([4, 5], 9, 2, d)))
    }),
    ("linear", |d| {
        let bias = Some(tensor([4], 3, d));
        out(module::linear(tensor([2, 3, 5], 1, d), tensor([5, 4], 2, d), bias))
    }),
    ("attention", |d| {
        let t = |seed| tensor([2, 2, 5, 4], seed, d);
        out(module::attention(t(1), t(2), t(3), None, None, Default::default()))
    }),
    ("softmax", |d| {
        let x = || tensor([4, 7], 1, d) * 5.0;
        [
            out(activation::softmax(x(), 1)),
            out(activation::log_softmax(x(), 0)),
            out(activation::softmin(x(), 1)),
        ]
        .concat()
    }),
    ("activations", |d| {
        let x = || tensor([31], 1, d) * 4.0;
        [
            out(activation::relu(x())),
            out(activation::gelu(x())),
            out(activation::sigmoid(x())),
            out(activation::log_sigmoid(x())),
            out(activation::leaky_relu(x(), 0.1)),
            out(activation::hard_sigmoid(x(), 0.2, 0.5)),
            out(activation::silu(x())),
            out(activation::softplus(x(), 1.0)),
            out(activation::mish(x())),
            out(activation::elu(x(), 1.0)),
        ]
        .concat()
    }),
];
