//! Every family of operations, on burn's own CPU backend and on a session of class exact: equal within rounding, and the
//! same bits with every instruction set and number of threads.

use burn::module::{Module, Param};
use burn::nn::pool::{AdaptiveAvgPool2dConfig, AvgPool1dConfig, AvgPool2dConfig, MaxPool2dConfig};
use burn::nn::{
    BatchNormConfig, EmbeddingConfig, LayerNormConfig, LinearConfig, PaddingConfig2d,
    conv::{Conv1dConfig, Conv2dConfig, Conv3dConfig, ConvTranspose2dConfig},
};
use burn::tensor::ops::ConvOptions;
use burn::tensor::{Bool, Device, Distribution, IndexingUpdateOp, Int, Tensor, TensorData, activation, module};
use burn_backend_tests::{install, settings};
use std::panic::{AssertUnwindSafe, catch_unwind};
use tensor_compute::Isa;

/// Numbers without a pattern in -1 .. 1.
fn numbers(count: usize, seed: u32) -> Vec<f32> {
    let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(12_345);
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / 8_388_608.0 - 1.0
    };
    (0..count).map(|_| next()).collect()
}

fn tensor<const D: usize>(shape: [usize; D], seed: u32, device: &Device) -> Tensor<D> {
    let values = numbers(shape.iter().product(), seed);
    Tensor::from_data(TensorData::new(values, shape), device)
}

fn ints<const D: usize>(shape: [usize; D], below: i32, seed: u32, device: &Device) -> Tensor<D, Int> {
    let values = numbers(shape.iter().product(), seed).into_iter();
    let values: Vec<i32> = values
        .map(|x| ((x + 1.0) * 0.5 * below as f32) as i32 % below)
        .collect();
    Tensor::from_data(TensorData::new(values, shape), device)
}

fn out<const D: usize>(x: Tensor<D>) -> Vec<f32> {
    p2pjob_burn::flat::values(x).unwrap()
}

fn out_int<const D: usize>(x: Tensor<D, Int>) -> Vec<f32> {
    out(x.float())
}

fn out_bool<const D: usize>(x: Tensor<D, Bool>) -> Vec<f32> {
    out(x.float())
}

type Case = (&'static str, fn(&Device) -> Vec<f32>);

const ELEMENTWISE: &[Case] = &[
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

const MOVES: &[Case] = &[
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

const FOLDS: &[Case] = &[
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

const PRODUCTS: &[Case] = &[
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

/// Loss and gradients of a module: forward and backward operations at once.
fn grads<M: Module>(make: impl Fn(&Device) -> M, loss: impl Fn(&M, &Device) -> Tensor<1>, device: &Device) -> Vec<f32> {
    use burn::optim::GradientsParams;
    // The same initial weights on both: the hosts draw different numbers.
    let device = device.clone().autodiff();
    let module = make(&device);
    let count = p2pjob_burn::flat::count(&module);
    let module = p2pjob_burn::flat::set_parameters(module, &numbers(count, 77)).unwrap();
    let loss = loss(&module, &device);
    let mut all = out(loss.clone());
    let grads = GradientsParams::from_grads(loss.backward(), &module);
    all.extend(p2pjob_burn::flat::gradients(&grads, &module).unwrap());
    all
}

/// The loss with respect to `x` too, through a parameter.
#[derive(Module, Debug)]
struct WithInput<M: Module> {
    input: Param<Tensor<4>>,
    inner: M,
}

fn with_input<M: Module>(shape: [usize; 4], inner: M, device: &Device) -> WithInput<M> {
    WithInput {
        input: Param::from_tensor(Tensor::zeros(shape, device)),
        inner,
    }
}

fn squares<const D: usize>(x: Tensor<D>) -> Tensor<1> {
    (x.clone() * x).sum()
}

const LAYERS: &[Case] = &[
    ("linear layer", |d| {
        grads(
            |d| LinearConfig::new(5, 4).init(d),
            |m, d| squares(m.forward(tensor([3, 5], 1, d))),
            d,
        )
    }),
    ("layer norm", |d| {
        grads(
            |d| LayerNormConfig::new(6).init(d),
            |m, d| squares(m.forward(tensor([3, 4, 6], 1, d)) + 0.1),
            d,
        )
    }),
    ("batch norm", |d| {
        grads(
            |d| BatchNormConfig::new(3).init(d),
            |m, d| squares(m.forward(tensor([4, 3, 5], 1, d)) + 0.1),
            d,
        )
    }),
    ("embedding", |d| {
        grads(
            |d| EmbeddingConfig::new(6, 4).init(d),
            |m, d| squares(m.forward(ints([3, 5], 6, 1, d))),
            d,
        )
    }),
    ("conv1d", |d| {
        let make = |d: &Device| {
            Conv1dConfig::new(4, 6, 3)
                .with_stride(2)
                .with_dilation(2)
                .with_groups(2)
                .init(d)
        };
        grads(make, |m, d| squares(m.forward(tensor([2, 4, 12], 1, d))), d)
    }),
    ("conv2d", |d| {
        let conv = |d: &Device| {
            let padding = PaddingConfig2d::Explicit(1, 1, 1, 1);
            Conv2dConfig::new([3, 4], [3, 3])
                .with_stride([2, 2])
                .with_padding(padding)
                .init(d)
        };
        grads(
            |d| with_input([2, 3, 8, 7], conv(d), d),
            |m, _| squares(m.inner.forward(m.input.val())),
            d,
        )
    }),
    ("conv2d, depthwise", |d| {
        let conv = |d: &Device| Conv2dConfig::new([4, 4], [3, 2]).with_groups(4).init(d);
        grads(
            |d| with_input([2, 4, 6, 5], conv(d), d),
            |m, _| squares(m.inner.forward(m.input.val())),
            d,
        )
    }),
    ("conv3d", |d| {
        let conv = |d: &Device| Conv3dConfig::new([2, 3], [2, 2, 2]).init(d);
        grads(conv, |m, d| squares(m.forward(tensor([1, 2, 4, 5, 3], 1, d))), d)
    }),
    ("conv transposed", |d| {
        let conv = |d: &Device| {
            ConvTranspose2dConfig::new([4, 3], [3, 3])
                .with_stride([2, 2])
                .with_padding([1, 1])
                .with_padding_out([1, 1])
                .init(d)
        };
        grads(
            |d| with_input([2, 4, 4, 5], conv(d), d),
            |m, _| squares(m.inner.forward(m.input.val())),
            d,
        )
    }),
    ("max pool", |d| {
        let pool = MaxPool2dConfig::new([3, 2]).with_strides([2, 2]).init();
        grads(
            |d| with_input([2, 3, 7, 6], LinearConfig::new(1, 1).init(d), d),
            |m, _| squares(pool.forward(m.input.val())),
            d,
        )
    }),
    ("avg pool", |d| {
        let pool = AvgPool2dConfig::new([3, 2])
            .with_strides([2, 1])
            .with_padding(PaddingConfig2d::Explicit(1, 0, 1, 0))
            .init();
        grads(
            |d| with_input([2, 3, 7, 6], LinearConfig::new(1, 1).init(d), d),
            |m, _| squares(pool.forward(m.input.val())),
            d,
        )
    }),
    ("avg pool without padding", |d| {
        out(AvgPool1dConfig::new(3)
            .with_stride(2)
            .init()
            .forward(tensor([2, 3, 9], 1, d)))
    }),
    ("adaptive pool", |d| {
        let pool = AdaptiveAvgPool2dConfig::new([3, 4]).init();
        grads(
            |d| with_input([2, 3, 7, 6], LinearConfig::new(1, 1).init(d), d),
            |m, _| squares(pool.forward(m.input.val())),
            d,
        )
    }),
    ("activations, backward", |d| {
        let loss = |x: Tensor<4>| {
            let x = x * 3.0;
            squares(activation::gelu(x.clone()))
                + squares(activation::relu(x.clone()))
                + squares(activation::sigmoid(x.clone()))
                + squares(activation::log_sigmoid(x.clone()))
                + squares(activation::softmax(x, 3))
        };
        grads(
            |d| with_input([2, 2, 3, 4], LinearConfig::new(1, 1).init(d), d),
            |m, _| loss(m.input.val()),
            d,
        )
    }),
    ("slices and indices, backward", |d| {
        let loss = |x: Tensor<4>, d: &Device| {
            let part = x.clone().slice([0..2, 0..1, 1..3, 0..4]);
            let rows = x.clone().select(3, ints([5], 4, 1, d));
            let picked = x.clone().gather(3, ints([2, 2, 3, 2], 4, 2, d));
            squares(part) + squares(rows) + squares(picked) + squares(x.max_dim(2))
        };
        grads(
            |d| with_input([2, 2, 3, 4], LinearConfig::new(1, 1).init(d), d),
            |m, d| loss(m.input.val(), d),
            d,
        )
    }),
    ("unfold4d", |d| {
        let options = burn::tensor::ops::UnfoldOptions::new([2, 1], [1, 1], [1, 2]);
        out(module::unfold4d(tensor([2, 3, 6, 7], 1, d), [3, 2], options))
    }),
    ("conv function", |d| {
        let options = ConvOptions::new([1], [2], [1], 1);
        out(module::conv1d(
            tensor([1, 2, 5], 1, d),
            tensor([3, 2, 3], 2, d),
            None,
            options,
        ))
    }),
];

fn remote() -> Device {
    Device::new(burn_remote::RemoteDevice::default())
}

/// The first difference of two results, relative to the largest element.
fn difference(expected: &[f32], found: &[f32]) -> Option<String> {
    if expected.len() != found.len() {
        return Some(format!("{} elements, not {}", found.len(), expected.len()));
    }
    let scale = expected
        .iter()
        .fold(1.0f32, |most, x| if x.is_finite() { most.max(x.abs()) } else { most });
    let pairs = expected.iter().zip(found).enumerate();
    let far = |(_, (a, b)): &(usize, (&f32, &f32))| a.to_bits() != b.to_bits() && !((*a - *b).abs() <= 2e-5 * scale);
    pairs
        .into_iter()
        .find(far)
        .map(|(at, (a, b))| format!("element {at} is {b}, not {a}"))
}

fn check(cases: &[Case]) {
    let mut wrong = Vec::new();
    for (name, case) in cases {
        let expected = case(&Device::flex());
        let run = |isa, threads| {
            let _installed = install(settings(isa, threads));
            catch_unwind(AssertUnwindSafe(|| case(&remote()))).map_err(|panic| {
                panic
                    .downcast_ref::<String>()
                    .cloned()
                    .unwrap_or_else(|| "a panic".to_owned())
            })
        };
        let found = match run(Isa::detect(), 2) {
            Ok(found) => found,
            Err(error) => {
                wrong.push(format!("{name}: {error}"));
                continue;
            }
        };
        wrong.extend(difference(&expected, &found).map(|why| format!("{name}: {why}")));
        for isa in Isa::available() {
            let again = run(isa, 1).unwrap_or_default();
            let same = again.iter().map(|x| x.to_bits()).eq(found.iter().map(|x| x.to_bits()));
            if !same {
                wrong.push(format!("{name}: other bits with {}", isa.name()));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        cases.len(),
        wrong.join("\n")
    );
}

#[test]
fn elementwise() {
    check(ELEMENTWISE);
}

#[test]
fn moves() {
    check(MOVES);
}

#[test]
fn folds() {
    check(FOLDS);
}

#[test]
fn products() {
    check(PRODUCTS);
}

#[test]
fn layers() {
    check(LAYERS);
}

#[test]
fn random_numbers_follow_the_seed() {
    let _installed = install(settings(Isa::detect(), 1));
    let draw = |seed: u64| {
        remote().seed(seed);
        let uniform = out(Tensor::<1>::random(
            [20_000],
            Distribution::Uniform(-2.0, 4.0),
            &remote(),
        ));
        let normal = out(Tensor::<1>::random([20_001], Distribution::Normal(1.0, 3.0), &remote()));
        (uniform, normal)
    };
    let (uniform, normal) = draw(7);
    assert_eq!(draw(7), (uniform.clone(), normal.clone()));
    assert_ne!(draw(8).0, uniform);
    let mean = |values: &[f32]| values.iter().map(|x| f64::from(*x)).sum::<f64>() / values.len() as f64;
    let deviation = |values: &[f32]| {
        let middle = mean(values);
        (values.iter().map(|x| (f64::from(*x) - middle).powi(2)).sum::<f64>() / values.len() as f64).sqrt()
    };
    assert!((mean(&uniform) - 1.0).abs() < 0.05 && (deviation(&uniform) - 3f64.sqrt()).abs() < 0.05);
    assert!((mean(&normal) - 1.0).abs() < 0.1 && (deviation(&normal) - 3.0).abs() < 0.1);
    assert!(uniform.iter().all(|x| (-2.0..4.0).contains(x)));
}
