//! burn's layers and their gradients.

use crate::*;

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

pub const LAYERS: &[Case] = &[
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
