//! Training in burn on a session of class exact: losses fall as on burn's own backend, with the same bits whatever the
//! instruction set and number of threads, and nothing is left behind.

use burn::module::Module;
use burn::nn::loss::{CrossEntropyLossConfig, MseLoss, Reduction};
use burn::nn::transformer::{TransformerEncoder, TransformerEncoderConfig, TransformerEncoderInput};
use burn::nn::{Dropout, DropoutConfig, Gelu, Linear, LinearConfig, Lstm, LstmConfig};
use burn::nn::{conv::Conv2d, conv::Conv2dConfig, pool::MaxPool2d, pool::MaxPool2dConfig};
use burn::optim::{AdamConfig, GradientsParams};
use burn::tensor::{Device, Int, Tensor, TensorData};
use burn_backend_tests::{install, settings};
use p2pjob_burn::flat;
use std::time::Instant;
use tensor_compute::Isa;

fn numbers(count: usize, seed: u32) -> Vec<f32> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / 8_388_608.0 - 1.0
    };
    (0..count).map(|_| next()).collect()
}

fn tensor<const D: usize>(shape: [usize; D], seed: u32, device: &Device) -> Tensor<D> {
    Tensor::from_data(TensorData::new(numbers(shape.iter().product(), seed), shape), device)
}

/// Trains; returns the losses.
fn train<M: Module>(mut module: M, loss: impl Fn(&M) -> Tensor<1>, steps: usize, rate: f64) -> (Vec<f32>, M)
where
    M: 'static,
{
    let weights: Vec<f32> = numbers(flat::count(&module), 5).into_iter().map(|x| x * 0.3).collect();
    module = flat::set_parameters(module, &weights).unwrap();
    let mut adam = AdamConfig::new().init();
    let mut losses = Vec::new();
    for _ in 0..steps {
        let loss = loss(&module);
        losses.extend(flat::values(loss.clone()).unwrap());
        let grads = GradientsParams::from_grads(loss.backward(), &module);
        module = adam.step(rate, module, grads);
    }
    (losses, module)
}

#[derive(Module, Debug)]
struct Mlp {
    a: Linear,
    b: Linear,
    act: Gelu,
}

fn mlp(hidden: usize, steps: usize, device: &Device) -> Vec<f32> {
    let device = device.clone().autodiff();
    let net = Mlp {
        a: LinearConfig::new(16, hidden).init(&device),
        b: LinearConfig::new(hidden, 1).init(&device),
        act: Gelu::new(),
    };
    let x = tensor::<2>([64, 16], 1, &device);
    let y = x.clone().sin().sum_dim(1);
    let forward = |net: &Mlp| net.b.forward(net.act.forward(net.a.forward(x.clone())));
    let loss = |net: &Mlp| MseLoss::new().forward(forward(net), y.clone(), Reduction::Mean);
    train(net, loss, steps, 1e-2).0
}

#[derive(Module, Debug)]
struct Sequence {
    lstm: Lstm,
    encoder: TransformerEncoder,
    head: Linear,
}

fn sequence(width: usize, (samples, length): (usize, usize), steps: usize, device: &Device) -> Vec<f32> {
    let device = device.clone().autodiff();
    let net = Sequence {
        lstm: LstmConfig::new(8, width, true).init(&device),
        encoder: TransformerEncoderConfig::new(width, 2 * width, 4, 1)
            .with_dropout(0.0)
            .init(&device),
        head: LinearConfig::new(width, 1).init(&device),
    };
    let x = tensor::<3>([samples, length, 8], 1, &device);
    let y = x.clone().sum_dim(1).sum_dim(2).reshape([samples, 1]).div_scalar(10.0);
    let loss = |net: &Sequence| {
        let (hidden, _) = net.lstm.forward(x.clone(), None);
        let hidden = net.encoder.forward(TransformerEncoderInput::new(hidden));
        let last = hidden
            .slice([0..samples, length - 1..length, 0..width])
            .reshape([samples, width]);
        MseLoss::new().forward(net.head.forward(last), y.clone(), Reduction::Mean)
    };
    train(net, loss, steps, 1e-3).0
}

#[derive(Module, Debug)]
struct Images {
    conv: Conv2d,
    pool: MaxPool2d,
    dropout: Dropout,
    head: Linear,
}

fn images(steps: usize, device: &Device) -> Vec<f32> {
    let device = device.clone().autodiff();
    let net = Images {
        conv: Conv2dConfig::new([1, 6], [3, 3]).init(&device),
        pool: MaxPool2dConfig::new([2, 2]).with_strides([2, 2]).init(),
        // Nothing is dropped: two backends draw different numbers.
        dropout: DropoutConfig::new(0.0).init(),
        head: LinearConfig::new(6 * 3 * 3, 4).init(&device),
    };
    let x = tensor::<4>([12, 1, 8, 8], 1, &device);
    let classes: Vec<i32> = (0..12).map(|sample| sample % 4).collect();
    let y = Tensor::<1, Int>::from_data(TensorData::new(classes, [12]), &device);
    let cross_entropy = CrossEntropyLossConfig::new().init(&device);
    let loss = |net: &Images| {
        let features = net
            .pool
            .forward(burn::tensor::activation::relu(net.conv.forward(x.clone())));
        let scores = net.head.forward(net.dropout.forward(features.flatten::<2>(1, 3)));
        cross_entropy.forward(scores, y.clone())
    };
    train(net, loss, steps, 1e-2).0
}

fn remote() -> Device {
    Device::new(burn_remote::RemoteDevice::default())
}

/// The losses of a training here and on burn's own backend; the ratio of the times.
fn compare(name: &str, run: impl Fn(&Device) -> Vec<f32>) -> Vec<f32> {
    let timed = |device: &Device| {
        let start = Instant::now();
        (run(device), start.elapsed())
    };
    timed(&Device::flex());
    let (expected, native) = timed(&Device::flex());
    let mut all = Vec::new();
    for isa in Isa::available() {
        for threads in [1, 2, 3] {
            let installed = install(settings(isa, threads));
            let (losses, time) = timed(&remote());
            let traffic = burn_remote::traffic();
            println!(
                "{name}, {} x{threads}: {time:?}, burn's Flex {native:?}, ratio {:.2}; {} operations, {} calls, {} bytes",
                isa.name(),
                time.as_secs_f64() / native.as_secs_f64(),
                traffic.operations,
                traffic.calls,
                traffic.bytes
            );
            all.push(losses);
            drop(installed);
        }
    }
    let bits = |losses: &Vec<f32>| losses.iter().map(|loss| loss.to_bits()).collect::<Vec<_>>();
    assert!(
        all.iter().all(|losses| bits(losses) == bits(&all[0])),
        "{name}: other bits with other settings: {all:?}"
    );
    for (found, expected) in all[0].iter().zip(&expected) {
        assert!(
            (found - expected).abs() <= 2e-3 * expected.abs() + 1e-4,
            "{name}: {:?} instead of {expected:?}",
            all[0]
        );
    }
    let (first, last) = (all[0][0], all[0][all[0].len() - 1]);
    assert!(last < 0.7 * first, "{name}: the loss does not fall: {:?}", all[0]);
    all.swap_remove(0)
}

#[test]
fn an_mlp_learns() {
    compare("MLP 16-64-1", |device| mlp(64, 60, device));
}

#[test]
fn an_lstm_with_encoder_learns() {
    compare("LSTM + encoder, 32", |device| sequence(32, (16, 12), 12, device));
}

#[test]
fn a_small_convolutional_net_learns() {
    compare("CNN", |device| images(30, device));
}

#[test]
#[ignore = "a measurement"]
fn speed_at_width_128() {
    let run = |device: &Device| sequence(128, (64, 48), 2, device);
    let start = Instant::now();
    run(&Device::flex());
    println!("Flex: {:?} a step", start.elapsed() / 2);
    for threads in [1, 2] {
        let _installed = install(settings(Isa::detect(), threads));
        let start = Instant::now();
        run(&remote());
        println!("exact, {threads} threads: {:?} a step", start.elapsed() / 2);
    }
}
