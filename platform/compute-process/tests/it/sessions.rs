//! What a session computes, charges and refuses: as one in this process would.

use crate::rig::{Bench, MEMORY_BYTES, host};
use tensor_compute::linalg::{self, Factorisation, MatrixOp, Norm};
use tensor_compute::{
    Binary, ComputeError, DType, FastAnswer, FastHost, FastRequest, FloatClass, Op, Session, Settings, Tensor, apply,
};

const VALUES: [f32; 9] = [4.0, 1.0, 2.0, 1.0, 5.0, 3.0, 2.0, 3.0, 6.0];

fn bytes(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

fn here() -> (Session, Tensor) {
    let session = Session::new(
        Settings {
            threads: 1,
            ..Settings::default()
        },
        MEMORY_BYTES,
    );
    session.grant(u64::MAX / 2);
    (session, Tensor::new(&[3, 3], VALUES.to_vec()).unwrap())
}

#[test]
fn operations_give_and_cost_what_they_do_here() {
    let host = host();
    let mut bench = Bench::new(&host, 1);
    let (session, x) = here();
    let there = bench.bytes(DType::F32, &[3, 3], &bytes(&VALUES));
    assert_eq!((there.dtype, there.shape), (DType::F32, vec![3, 3]));
    for op in [Op::MatMul, Op::Binary(Binary::Add), Op::Concat { axis: 1 }] {
        bench.account.take_spent();
        session.take_spent();
        let wanted = apply(&session, &op, &[&x, &x]).unwrap().remove(0);
        let operands = vec![there.id, there.id];
        let made = bench.tensor(FastRequest::Apply { op, operands }).unwrap();
        assert_eq!(made.shape, wanted.shape());
        assert_eq!(
            bench.floats(made.id, wanted.len()),
            wanted.values::<f32>("test").unwrap()
        );
        assert_eq!(bench.account.take_spent(), session.take_spent());
    }
}

#[test]
fn linear_algebra_is_faers() {
    let host = host();
    let mut bench = Bench::new(&host, 1);
    let (session, x) = here();
    let there = bench.bytes(DType::F32, &[3, 3], &bytes(&VALUES)).id;
    for op in [
        MatrixOp::Inverse,
        MatrixOp::Eigenvalues,
        MatrixOp::SingularValues,
        MatrixOp::Transpose,
    ] {
        let wanted = op.run(&session, FloatClass::Fast, &[&x]).unwrap();
        let made = bench
            .tensor(FastRequest::Matrix {
                op,
                operands: vec![there],
            })
            .unwrap();
        assert_eq!(
            bench.floats(made.id, wanted.len()),
            wanted.values::<f32>("test").unwrap(),
            "{op:?}"
        );
    }
    let by = Factorisation::Lu;
    let determinant = bench
        .ask(FastRequest::Determinant { of: there, by }, &[])
        .unwrap()
        .answer;
    let wanted = linalg::determinant(&session, FloatClass::Fast, &x, by).unwrap();
    assert_eq!(determinant, FastAnswer::Determinant(wanted));
    let norm = bench
        .ask(
            FastRequest::Norm {
                of: there,
                norm: Norm::Two,
            },
            &[],
        )
        .unwrap()
        .answer;
    let wanted = linalg::norm(&session, FloatClass::Fast, &x, Norm::Two).unwrap();
    assert_eq!(norm, FastAnswer::Number(wanted));
}

#[test]
fn errors_are_those_of_the_kernels() {
    let host = host();
    let mut bench = Bench::new(&host, 1);
    let (session, x) = here();
    let there = bench.bytes(DType::F32, &[3, 3], &bytes(&VALUES)).id;
    let op = Op::Reshape(vec![2, 2]);
    let wanted = apply(&session, &op, &[&x]).unwrap_err();
    let operands = vec![there];
    assert_eq!(bench.tensor(FastRequest::Apply { op, operands }), Err(wanted));
    let zero = bench.filled(&[4, 4], 0.0).unwrap().id;
    let singular = bench.tensor(FastRequest::Matrix {
        op: MatrixOp::Inverse,
        operands: vec![zero],
    });
    assert!(
        matches!(singular, Err(ComputeError::Singular { op: "inverse", .. })),
        "{singular:?}"
    );
    // The session lives on.
    assert!(bench.filled(&[4, 4], 0.0).is_ok());
}

#[test]
fn memory_and_fuel_end_where_they_do_here() {
    let host = host();
    let mut bench = Bench::new(&host, 1);
    let quarter = MEMORY_BYTES as usize / 16;
    let first = bench.filled(&[quarter], 1.0).unwrap();
    assert_eq!(bench.account.live_bytes(), 4 * quarter as u64);
    let elsewhere = bench.account.lease(MEMORY_BYTES / 2).unwrap();
    bench.filled(&[quarter], 1.0).unwrap();
    let error = bench.filled(&[1], 1.0).unwrap_err();
    assert!(matches!(error, ComputeError::Memory { .. }), "{error}");
    drop(elsewhere);
    bench.filled(&[quarter], 1.0).unwrap();
    // What is dropped makes room before the request that says so.
    let request = FastRequest::Filled {
        dtype: DType::F32,
        shape: vec![2 * quarter],
        value: 0.0,
    };
    bench.session.ask(&bench.account, vec![first.id], request, &[]).unwrap();
    assert_eq!(bench.account.live_bytes(), MEMORY_BYTES);
    bench.account.grant(100_000);
    assert_eq!(bench.filled(&[quarter], 1.0), Err(ComputeError::OutOfFuel));
    assert_eq!(bench.account.fuel_left(), 0);
}

#[test]
fn requests_that_cannot_be_are_errors_and_no_deaths() {
    let host = host();
    let mut bench = Bench::new(&host, 1);
    let nothing = [
        FastRequest::Finish { of: 77 },
        FastRequest::Put {
            to: 1,
            offset: u64::MAX,
        },
        FastRequest::RunModel {
            model: 5,
            inputs: Vec::new(),
        },
        FastRequest::Read {
            of: 1,
            offset: 0,
            length: 1,
        },
        FastRequest::BurnRead { of: 3 },
        FastRequest::Apply {
            op: Op::MatMul,
            operands: vec![9, 9],
        },
    ];
    for request in nothing {
        let error = bench.ask(request, &[1, 2, 3]).unwrap_err();
        assert!(error.to_string().contains("there is no"), "{error}");
    }
    let huge = FastRequest::Begin {
        dtype: DType::F32,
        shape: vec![usize::MAX, usize::MAX],
    };
    assert!(matches!(bench.ask(huge, &[]), Err(ComputeError::Shape { .. })));
    let FastAnswer::Made(file) = bench
        .ask(
            FastRequest::Begin {
                dtype: DType::U8,
                shape: vec![3],
            },
            &[],
        )
        .unwrap()
        .answer
    else {
        panic!("no number")
    };
    let beyond = bench.ask(FastRequest::Put { to: file, offset: 2 }, &[1, 2]);
    assert!(matches!(beyond, Err(ComputeError::Argument { .. })), "{beyond:?}");
    let error = bench.ask(FastRequest::LoadModel { file }, &[]).unwrap_err();
    assert!(matches!(error, ComputeError::Model { .. }), "{error}");
}

#[test]
fn models_run_there() {
    let host = host();
    let mut bench = Bench::new(&host, 1);
    let model = include_bytes!("../../../tensor-compute/tests/fixtures/models/mlp.onnx");
    let begin = FastRequest::Begin {
        dtype: DType::U8,
        shape: vec![model.len()],
    };
    let FastAnswer::Made(file) = bench.ask(begin, &[]).unwrap().answer else {
        panic!("no number")
    };
    bench.ask(FastRequest::Put { to: file, offset: 0 }, model).unwrap();
    let loaded = bench.ask(FastRequest::LoadModel { file }, &[]).unwrap().answer;
    let FastAnswer::Model { id, inputs, outputs } = loaded else {
        panic!("{loaded:?}")
    };
    let shape: Vec<usize> = inputs[0].shape.iter().map(|length| length.unwrap_or(2)).collect();
    let x = bench.filled(&shape, 0.25).unwrap();
    let request = FastRequest::RunModel {
        model: id,
        inputs: vec![(inputs[0].name.clone(), x.id)],
    };
    let made = bench.tensor(request).unwrap();
    let session = Session::unlimited(Settings::default());
    let here = tensor_compute::onnx::Model::load(&session, model).unwrap();
    let x = Tensor::filled(&session, "x", (DType::F32, &shape), 0.25).unwrap();
    let wanted = here.run(&session, vec![(inputs[0].name.clone(), x)]).unwrap();
    assert_eq!(outputs.len(), wanted.len());
    let wanted = &wanted[0].1;
    assert_eq!(made.shape, wanted.shape());
    assert_eq!(
        bench.floats(made.id, wanted.len()),
        wanted.values::<f32>("test").unwrap()
    );
}

#[test]
fn sessions_of_one_owner_share_a_process_and_nothing_else() {
    let host = host();
    let mut first = Bench::new(&host, 1);
    let mut second = Bench::new(&host, 1);
    let tensor = first.filled(&[2], 1.0).unwrap();
    let error = second.ask(
        FastRequest::Read {
            of: tensor.id,
            offset: 0,
            length: 8,
        },
        &[],
    );
    assert!(error.unwrap_err().to_string().contains("there is no tensor"));
    drop(first);
    assert!(second.filled(&[2], 1.0).is_ok());
}

#[test]
fn a_program_that_is_not_there_says_so() {
    let mut options = crate::rig::options("off");
    options.program = "/nonexistent/program".into();
    let host = compute_process::ProcessHost::new(options);
    let opening = tensor_compute::FastOpening {
        owner: [0; 32],
        threads: 1,
        stop: std::sync::Arc::new(|| false),
    };
    let error = host.open(opening).err().unwrap().to_string();
    assert!(
        error.contains("could not start the compute process /nonexistent/program"),
        "{error}"
    );
}

#[test]
fn the_processor_is_described_where_no_gpu_is_wanted() {
    let host = host();
    let named = host.describe(false).unwrap();
    assert!(named.name.starts_with("processor") && named.gflops == 0.0, "{named:?}");
    let found = host.describe(true).unwrap();
    assert_eq!(found.kind, tensor_compute::DeviceKind::Cpu);
    assert!(
        found.gflops > 0.01 && found.gbytes_per_s > 0.01 && found.gflops_f16.is_none(),
        "{found:?}"
    );
}
