//! The device against the processor: on whatever wgpu finds under the name in `P2PJOB_TEST_GPU`, else on `llvmpipe`, which
//! is software (Debian's mesa-vulkan-drivers). Without an adapter a test says that it was skipped, and fails when
//! `P2PJOB_REQUIRE_ALL=1`.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use super::accelerator::OnBackend;
use super::{Gpu, adapters};
use burn_cubecl::CubeBackend;
use serde::Deserialize;
use std::sync::{Arc, OnceLock};
use tensor_compute::onnx::Model;
use tensor_compute::{Accelerator, ComputeError, DType, DeviceKind, Op, Scatter, Session, Settings, Tensor, apply};

/// Of the largest absolute value of a result (facts of the library: 1.7e-6 for products of 1024 rows).
const TOLERANCE: f64 = 1e-5;

fn name() -> String {
    std::env::var("P2PJOB_TEST_GPU").unwrap_or_else(|_| "llvmpipe".to_owned())
}

/// The device that all tests share.
fn device() -> Option<Arc<dyn Accelerator>> {
    static OPEN: OnceLock<Option<Arc<dyn Accelerator>>> = OnceLock::new();
    let open = || match adapters::open(&Gpu::Named(name())) {
        Ok(found) => Some(Arc::new(OnBackend::<CubeBackend>::new(found?.device).eager()) as Arc<dyn Accelerator>),
        Err(why) => {
            assert!(std::env::var_os("P2PJOB_REQUIRE_ALL").is_none(), "{why}");
            println!("skipped: {why}; the package mesa-vulkan-drivers has one in software");
            None
        }
    };
    OPEN.get_or_init(open).clone()
}

fn settings() -> Settings {
    Settings {
        threads: 1,
        ..Settings::default()
    }
}

fn near() -> Session {
    Session::unlimited(settings())
}

fn far() -> Option<Session> {
    Some(near().with_accelerator(device()?))
}

fn numbers(x: &Tensor) -> Vec<f64> {
    let wide = apply(&near(), &Op::Cast(DType::F64), &[x]).unwrap().remove(0);
    wide.values::<f64>("test").unwrap().to_vec()
}

/// Equal but for the last digits. What is not finite is not compared: class fast promises nothing of it.
fn close(what: &str, found: &Tensor, wanted: &Tensor) {
    assert_eq!(
        (found.dtype(), found.shape()),
        (wanted.dtype(), wanted.shape()),
        "{what}"
    );
    if wanted.dtype() == DType::Text {
        return;
    }
    let (found, wanted) = (numbers(found), numbers(wanted));
    let largest = wanted
        .iter()
        .filter(|w| w.is_finite())
        .fold(0.0_f64, |m, w| m.max(w.abs()));
    for (f, w) in found.iter().zip(&wanted).filter(|(_, w)| w.is_finite()) {
        let fits = (f - w).abs() <= TOLERANCE * largest + 1e-7;
        assert!(fits, "{what}: {f} instead of {w}, largest {largest}");
    }
}

#[derive(Deserialize)]
struct Golden {
    dtype: DType,
    shape: Vec<usize>,
    hex: String,
}

#[derive(Deserialize)]
struct Case {
    op: Op,
    args: Vec<Golden>,
}

impl Golden {
    fn tensor(&self) -> Tensor {
        let bytes: Vec<u8> = (0..self.hex.len() / 2)
            .map(|at| u8::from_str_radix(&self.hex[2 * at..2 * at + 2], 16).unwrap())
            .collect();
        Tensor::from_le_bytes(self.dtype, &self.shape, &bytes, None).unwrap()
    }
}

/// Runs one on both sides and compares results and prices; how many results were on the device.
fn both(near: &Session, far: &Session, op: &Op, args: &[&Tensor]) -> usize {
    let shapes: Vec<&[usize]> = args.iter().map(|arg| arg.shape()).collect();
    let what = format!("{op:?} of {shapes:?}");
    // What was spent before does not count.
    let _ = (near.take_spent(), far.take_spent());
    let (wanted, found) = (apply(near, op, args), apply(far, op, args));
    assert_eq!(near.take_spent(), far.take_spent(), "{what}");
    let (wanted, found) = match (wanted, found) {
        (Ok(wanted), Ok(found)) => (wanted, found),
        (wanted, found) => {
            assert_eq!(wanted.err(), found.err(), "{what}");
            return 0;
        }
    };
    assert_eq!(wanted.len(), found.len(), "{what}");
    let there = found.iter().filter(|tensor| tensor.device().is_some()).count();
    for (found, wanted) in found.iter().zip(&wanted) {
        close(&what, found, wanted);
    }
    there
}

#[test]
fn the_golden_operations_are_as_on_the_processor() {
    let Some(far) = far() else { return };
    let near = near();
    let cases: Vec<Case> = serde_json::from_str(include_str!("../../../tensor-compute/tests/golden/ops.json")).unwrap();
    let mut there = 0;
    for case in &cases {
        let args: Vec<Tensor> = case.args.iter().map(Golden::tensor).collect();
        there += both(&near, &far, &case.op, &args.iter().collect::<Vec<_>>());
    }
    println!("{there} of {} on the device", cases.len());
    assert!(there > 100, "{there} of {} on the device", cases.len());
}

/// Numbers that look random, the same in every run, between -1 and 1.
fn floats(shape: &[usize], seed: u64) -> Tensor {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1 << 23) as f32 - 1.0
    };
    Tensor::new(shape, (0..shape.iter().product()).map(|_| next()).collect::<Vec<f32>>()).unwrap()
}

#[test]
fn products_and_windows_are_as_on_the_processor() {
    use tensor_compute::{ConvOptions, PoolKind, PoolOptions};
    let Some(far) = far() else { return };
    let near = near();
    let mut there = 0;
    let products: [(&[usize], &[usize]); 6] = [
        (&[1, 1], &[1, 1]),
        (&[65, 33], &[33, 130]),
        (&[4, 17, 31], &[31, 5]),
        (&[3, 1, 8, 5], &[2, 5, 7]),
        (&[2, 3, 16, 16], &[2, 3, 16, 16]),
        (&[1, 256], &[256, 1]),
    ];
    for (a, b) in products {
        there += both(&near, &far, &Op::MatMul, &[&floats(a, 1), &floats(b, 2)]);
    }
    let conv = |strides: &[usize], pad: usize, dilation: usize, groups: usize| ConvOptions {
        strides: strides.to_vec(),
        pads: vec![(pad, pad); strides.len()],
        dilations: vec![dilation; strides.len()],
        groups,
    };
    let convolutions = [
        (vec![2, 4, 19], vec![6, 4, 3], conv(&[2], 1, 1, 1)),
        (vec![2, 4, 13, 11], vec![8, 2, 3, 3], conv(&[1, 2], 1, 1, 2)),
        (vec![1, 3, 16, 16], vec![5, 3, 3, 3], conv(&[1, 1], 2, 2, 1)),
        (vec![1, 2, 6, 7, 5], vec![3, 2, 2, 3, 2], conv(&[1, 1, 1], 0, 1, 1)),
    ];
    for (x, weight, options) in convolutions {
        let bias = floats(&weight[..1], 5);
        there += both(
            &near,
            &far,
            &Op::Conv(options),
            &[&floats(&x, 3), &floats(&weight, 4), &bias],
        );
    }
    let transposed = Op::ConvTranspose {
        conv: conv(&[2, 2], 1, 1, 1),
        output_padding: vec![1, 1],
    };
    there += both(
        &near,
        &far,
        &transposed,
        &[&floats(&[1, 4, 7, 6], 6), &floats(&[4, 3, 3, 3], 7)],
    );
    for kind in [
        PoolKind::Max { indices: false },
        PoolKind::Average { count_padding: true },
        PoolKind::Average { count_padding: false },
    ] {
        let pool = Op::Pool(PoolOptions {
            kind,
            kernel: vec![3, 2],
            strides: vec![2, 2],
            pads: vec![(1, 1), (0, 0)],
            dilations: vec![1, 1],
            ceil: false,
        });
        there += both(&near, &far, &pool, &[&floats(&[2, 3, 12, 10], 8)]);
    }
    assert_eq!(there, 14, "operations on the device");
}

#[test]
fn tensors_stay_on_the_device_between_operations() {
    let Some(far) = far() else { return };
    let near = near();
    let (x, w) = (floats(&[32, 48], 1), floats(&[48, 16], 2));
    let chain = |session: &Session| {
        let run = |op: Op, args: &[&Tensor]| apply(session, &op, args).unwrap().remove(0);
        let product = run(Op::MatMul, &[&x, &w]);
        let turned = run(Op::Transpose(vec![1, 0]), &[&product]);
        let zero = Tensor::new(&[], vec![0.0_f32]).unwrap();
        let positive = run(Op::Compare(tensor_compute::Compare::Greater), &[&turned, &zero]);
        let relu = run(Op::Where, &[&positive, &turned, &zero]);
        let mask = run(Op::Cast(DType::F32), &[&positive]);
        let flat = run(
            Op::Reshape(vec![512]),
            &[&run(Op::Binary(tensor_compute::Binary::Mul), &[&relu, &mask])],
        );
        let soft = run(Op::Softmax { axis: 0 }, &[&flat]);
        vec![turned, positive, relu, mask, flat, soft]
    };
    for (found, wanted) in chain(&far).iter().zip(chain(&near)) {
        assert!(found.device().is_some());
        close("a chain", found, &wanted);
    }
    assert_eq!(far.live_bytes(), 0, "leases are given back");
}

#[test]
fn indices_out_of_range_never_reach_the_device() {
    let Some(far) = far() else { return };
    let near = near();
    let x = floats(&[4, 5], 1);
    let indices = |values: [i64; 5]| Tensor::new(&[1, 5], values.to_vec()).unwrap();
    let fine = indices([0, 3, -1, -4, 2]);
    let updates = floats(&[1, 5], 2);
    let scatter = Op::ScatterElements {
        axis: 0,
        reduction: Scatter::Add,
    };
    let elements = Op::GatherElements { axis: 0 };
    let rows = Op::Gather { axis: 0 };
    assert_eq!(both(&near, &far, &elements, &[&x, &fine]), 1);
    assert_eq!(both(&near, &far, &rows, &[&x, &fine]), 1);
    assert_eq!(both(&near, &far, &scatter, &[&x, &fine, &updates]), 1);
    for hostile in [
        [0, 1, 2, 3, 4],
        [0, 0, 0, 0, -5],
        [i64::MAX, 0, 0, 0, 0],
        [i64::MIN, 0, 0, 0, 0],
    ] {
        let hostile = indices(hostile);
        for (op, args) in [
            (&elements, vec![&x, &hostile]),
            (&rows, vec![&x, &hostile]),
            (&scatter, vec![&x, &hostile, &updates]),
        ] {
            let error = apply(&far, op, &args).unwrap_err();
            assert!(matches!(error, ComputeError::Argument { .. }), "{error}");
            assert_eq!(apply(&near, op, &args).unwrap_err(), error);
        }
    }
}

#[test]
fn limits_hold_on_the_device() {
    let Some(device) = device() else { return };
    let small = Session::new(settings(), 1 << 20).with_accelerator(device);
    small.grant(u64::MAX);
    let x = floats(&[512, 512], 1);
    let error = apply(&small, &Op::MatMul, &[&x, &x])
        .and_then(|made| apply(&small, &Op::MatMul, &[&made[0], &x]).map(|_| made));
    assert!(matches!(error, Err(ComputeError::Memory { .. })), "{error:?}");
    small.grant(10_000);
    assert_eq!(
        apply(&small, &Op::MatMul, &[&x, &x]).unwrap_err(),
        ComputeError::OutOfFuel
    );
    let none = Tensor::new(&[0, 3], Vec::<f32>::new()).unwrap();
    small.grant(u64::MAX);
    let empty = apply(&small, &Op::MatMul, &[&none, &floats(&[3, 2], 1)]).unwrap();
    assert_eq!(empty[0].shape(), [0, 2]);
}

#[test]
fn a_model_is_as_on_the_processor() {
    let Some(far) = far() else { return };
    let near = near();
    for file in [
        include_bytes!("../../../tensor-compute/tests/fixtures/models/mlp.onnx").as_slice(),
        include_bytes!("../../../tensor-compute/tests/fixtures/models/cnn.onnx").as_slice(),
    ] {
        let run = |session: &Session| {
            let model = Model::load(session, file).unwrap();
            let port = &model.inputs()[0];
            let shape: Vec<usize> = port.shape.iter().map(|length| length.unwrap_or(2)).collect();
            let inputs = vec![(port.name.clone(), floats(&shape, 3))];
            session.take_spent();
            let outputs = model.run(session, inputs).unwrap();
            (outputs, session.take_spent())
        };
        let ((wanted, price), (found, paid)) = (run(&near), run(&far));
        assert_eq!(price, paid);
        for ((name, found), (_, wanted)) in found.iter().zip(&wanted) {
            close(name, found, wanted);
        }
    }
}

#[test]
fn software_is_no_gpu_unless_it_is_named() {
    let Some(_) = device() else { return };
    if name() == "llvmpipe" {
        let found = adapters::open(&Gpu::Auto).unwrap();
        assert!(found.is_none_or(|found| found.kind == DeviceKind::Gpu));
    }
    let error = adapters::open(&Gpu::Named("no such thing".to_owned())).err().unwrap();
    assert!(error.contains("there are: \""), "{error}");
}
