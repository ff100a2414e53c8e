//! Streams that no guest of ours would send: recorded ones with changes. Each ends in an answer or an error, within the
//! memory it was given.

use burn::module::Module;
use burn::nn::transformer::{TransformerEncoderConfig, TransformerEncoderInput};
use burn::nn::{BatchNormConfig, LinearConfig, LstmConfig, conv::Conv2dConfig, pool::MaxPool2dConfig};
use burn::optim::GradientsParams;
use burn::tensor::{Device, Distribution, Int, Tensor, TensorData, activation};
use burn_backend_tests::{Call, install, settings};
use tensor_compute::{BurnHost, BurnUpload, Isa, Session};

/// A generator of changes.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end.max(1)
    }
}

fn gradients<M: Module>(module: &M, loss: Tensor<1>) {
    let grads = GradientsParams::from_grads(loss.backward(), module);
    p2pjob_burn::flat::gradients(&grads, module).unwrap();
}

/// Streams of many kinds of operations.
fn recorded() -> Vec<Vec<Call>> {
    let device = || Device::new(burn_remote::RemoteDevice::default()).autodiff();
    let mut streams = Vec::new();
    let mut record = |act: &dyn Fn(&Device)| {
        let installed = install(settings(Isa::detect(), 1));
        act(&device());
        let calls = installed.record.lock().unwrap().clone();
        streams.push(calls);
    };
    record(&|device| {
        let lstm = LstmConfig::new(3, 4, true).init(device);
        let x = Tensor::<3>::random([2, 3, 3], Distribution::Normal(0.0, 1.0), device);
        let loss = lstm.forward(x, None).0.sum();
        gradients(&lstm, loss);
    });
    record(&|device| {
        let encoder = TransformerEncoderConfig::new(8, 16, 2, 1).init(device);
        let x = Tensor::<3>::random([2, 3, 8], Distribution::Default, device);
        let loss = encoder.forward(TransformerEncoderInput::new(x)).powf_scalar(2.0).mean();
        gradients(&encoder, loss);
    });
    record(&|device| {
        let conv = Conv2dConfig::new([2, 4], [3, 3]).with_groups(2).init(device);
        let norm = BatchNormConfig::new(4).init(device);
        let pool = MaxPool2dConfig::new([2, 2]).init();
        let x = Tensor::<4>::random([2, 2, 7, 6], Distribution::Uniform(-1.0, 1.0), device);
        let y = pool.forward(norm.forward(activation::gelu(conv.forward(x))));
        gradients(&conv, y.sum());
    });
    record(&|device| {
        let layer = LinearConfig::new(4, 5).init(device);
        let x = Tensor::<2>::random([6, 4], Distribution::Bernoulli(0.5), device);
        let places = Tensor::<2, Int>::from_data(TensorData::new(vec![0, 4, 2, 2, 1, 3], [6, 1]), device);
        let scores = activation::log_softmax(layer.forward(x.clone()), 1).gather(1, places.clone());
        let rows = layer
            .forward(x)
            .select(0, places.squeeze_dim::<1>(1))
            .slice([1..5, 0..3])
            .flip([0]);
        let sorted = Tensor::cat(vec![rows.clone(), rows.sort(1)], 0)
            .cumsum(1)
            .clamp(-1.0, 1.0);
        gradients(&layer, scores.sum() + sorted.sum());
    });
    streams
}

fn change(dice: &mut Dice, calls: &mut [Call]) {
    for _ in 0..1 + dice.below(3) {
        let at = dice.below(calls.len());
        let bytes = match &mut calls[at] {
            Call::Submit(bytes) | Call::Read(bytes) => bytes,
            Call::Upload(id, shape, kind, bytes) => match dice.below(4) {
                0 => {
                    *id = dice.below(60) as u64;
                    continue;
                }
                1 => {
                    let huge = [0, 1, 7, 1 << 40, u64::MAX];
                    shape.push(huge[dice.below(huge.len())]);
                    continue;
                }
                2 => kind,
                _ => bytes,
            },
        };
        if bytes.is_empty() {
            continue;
        }
        let place = dice.below(bytes.len());
        match dice.below(6) {
            0 => bytes[place] ^= 1 << dice.below(8),
            1 => bytes[place] = dice.below(256) as u8,
            2 => bytes[place] = [0, 1, 127, 128, 255][dice.below(5)],
            3 => bytes.truncate(place),
            // A long number in the middle of everything.
            4 => drop(bytes.splice(place..place, [255, 255, 255, 255, 255, 255, 255, 255, 127])),
            _ => {
                let from = dice.below(bytes.len());
                let length = (1 + dice.below(40)).min(bytes.len() - from);
                let copy = bytes[from..from + length].to_vec();
                drop(bytes.splice(place..place, copy));
            }
        }
    }
}

/// Plays a stream; returns whether it was refused.
fn play(calls: &[Call], memory: u64) -> bool {
    let account = Session::new(settings(Isa::detect(), 1), memory);
    account.grant(40_000_000);
    let mut session = burn_host::ExactHost.open(&account).unwrap();
    let mut refused = false;
    for call in calls {
        let answer = match call {
            Call::Submit(batch) => session.submit(&account, batch).map(drop),
            Call::Read(name) => session.read(&account, name).map(drop),
            Call::Upload(id, shape, element_type, bytes) => session.upload(
                &account,
                BurnUpload {
                    id: *id,
                    shape,
                    element_type,
                    bytes,
                },
            ),
        };
        refused |= answer.is_err();
    }
    assert!(
        account.peak_bytes() <= memory,
        "{} bytes were leased of {memory}",
        account.peak_bytes()
    );
    drop(session);
    assert_eq!(account.live_bytes(), 0, "memory that nobody holds is still counted");
    refused
}

#[test]
fn changed_streams_end_in_an_answer_or_an_error() {
    let rounds: usize = std::env::var("BURN_BACKEND_FUZZ")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(1500);
    let streams = recorded();
    assert!(
        streams.iter().all(|calls| !play(calls, 64 << 20)),
        "a recorded stream is refused"
    );
    let (mut dice, mut refused) = (Dice(2026), 0);
    for _ in 0..rounds {
        for stream in &streams {
            let mut calls = stream.clone();
            change(&mut dice, &mut calls);
            refused += usize::from(play(&calls, 64 << 20));
        }
    }
    let total = rounds * streams.len();
    println!("{refused} of {total} changed streams were refused");
    assert!(refused > total / 2);
}

#[test]
fn every_prefix_and_reordering_is_answered() {
    for stream in recorded() {
        for end in 0..stream.len() {
            play(&stream[..end], 64 << 20);
            let mut turned = stream.clone();
            turned.rotate_left(end);
            play(&turned, 64 << 20);
        }
        // Too little memory at any point is an error, not an abort.
        for memory in [0, 100, 10_000, 300_000] {
            play(&stream, memory);
        }
    }
}
