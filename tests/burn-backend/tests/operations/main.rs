//! Every family of operations, on burn's own CPU backend and on a session of class exact: equal within rounding, and the
//! same bits with every instruction set and number of threads.

mod elementwise;
mod folds;
mod layers;

use burn::module::{Module, Param};
use burn::nn::pool::{AdaptiveAvgPool2dConfig, AvgPool1dConfig, AvgPool2dConfig, MaxPool2dConfig};
use burn::nn::{
    BatchNormConfig, EmbeddingConfig, LayerNormConfig, LinearConfig, PaddingConfig2d,
    conv::{Conv1dConfig, Conv2dConfig, Conv3dConfig, ConvTranspose2dConfig},
};
use burn::tensor::ops::ConvOptions;
use burn::tensor::{Bool, Device, Distribution, IndexingUpdateOp, Int, Tensor, TensorData, activation, module};
use burn_backend_tests::{Call, install, settings};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
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

/// A stream as golden files have it: its name, what the guest sent and was answered.
type Stream = (String, Vec<Call>);

/// Compares a case; the stream of it.
fn compare((name, case): &Case) -> Result<Stream, String> {
    let expected = case(&Device::flex());
    let run = |isa, threads| {
        let installed = install(settings(isa, threads));
        let found = catch_unwind(AssertUnwindSafe(|| case(&remote()))).map_err(|panic| {
            let said = panic.downcast_ref::<String>().cloned();
            format!("{name}: {}", said.unwrap_or_else(|| "a panic".to_owned()))
        })?;
        let calls = installed.record.lock().unwrap().clone();
        Ok::<_, String>((found, calls))
    };
    let (found, calls) = run(Isa::detect(), 2)?;
    if let Some(why) = difference(&expected, &found) {
        return Err(format!("{name}: {why}"));
    }
    for isa in Isa::available() {
        let (again, _) = run(isa, 1)?;
        if !again.iter().map(|x| x.to_bits()).eq(found.iter().map(|x| x.to_bits())) {
            return Err(format!("{name}: other bits with {}", isa.name()));
        }
    }
    Ok(((*name).to_owned(), calls))
}

/// Compares all cases of a family; with P2PJOB_GOLDEN=write their streams become a golden file of burn-host, whose tests
/// send them again without burn.
fn check(family: &str, cases: &[Case]) {
    let (right, wrong): (Vec<_>, Vec<_>) = cases.iter().map(compare).partition(Result::is_ok);
    let wrong: Vec<String> = wrong.into_iter().filter_map(Result::err).collect();
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        cases.len(),
        wrong.join("\n")
    );
    if std::env::var_os("P2PJOB_GOLDEN").is_some_and(|word| word == "write") {
        let streams: Vec<Stream> = right.into_iter().filter_map(Result::ok).collect();
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../platform/burn-host/tests/golden");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(
            folder.join(format!("{family}.bin")),
            postcard::to_stdvec(&streams).unwrap(),
        )
        .unwrap();
    }
}

#[test]
fn elementwise() {
    check("elementwise", elementwise::ELEMENTWISE);
}

#[test]
fn moves() {
    check("moves", elementwise::MOVES);
}

#[test]
fn folds() {
    check("folds", folds::FOLDS);
}

#[test]
fn products() {
    check("products", folds::PRODUCTS);
}

#[test]
fn layers() {
    check("layers", layers::LAYERS);
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
