//! Streams written by hand: what a session accepts, and what it refuses. The guest's side runs in `tests/burn-backend`.

use crate::ExactSession;
use crate::wire::{Hello, MAX_BATCH_BYTES, Message};
use burn_backend::{DType, Distribution, Shape};
use burn_ir::{
    BaseOperationIr, BinaryOpIr, CreationOpIr, CustomOpIr, FloatOperationIr, FullOpIr, InitOperationIr,
    NumericOperationIr, OperationIr, RandomOpIr, ScalarIr, TensorId, TensorIr, TensorStatus,
};
use tensor_compute::{BurnSession, BurnUpload, Session, Settings};

fn tensor(id: u64, shape: &[usize], status: TensorStatus) -> TensorIr {
    TensorIr {
        id: TensorId::new(id),
        shape: Shape::from(shape.to_vec()),
        status,
        dtype: DType::F32,
    }
}

fn new(id: u64, shape: &[usize]) -> TensorIr {
    tensor(id, shape, TensorStatus::NotInit)
}

fn add(left: TensorIr, right: TensorIr, out: TensorIr) -> OperationIr {
    OperationIr::NumericFloat(
        DType::F32,
        NumericOperationIr::Add(BinaryOpIr {
            lhs: left,
            rhs: right,
            out,
        }),
    )
}

fn full(out: TensorIr, value: f64) -> OperationIr {
    let op = FullOpIr {
        out,
        value: ScalarIr::Float(value),
    };
    OperationIr::NumericFloat(DType::F32, NumericOperationIr::Full(op))
}

struct Bench {
    account: Session,
    session: ExactSession,
}

impl Bench {
    fn new(memory: u64) -> Self {
        let account = Session::new(Settings::default(), memory);
        account.grant(u64::MAX);
        Self {
            account,
            session: ExactSession::default(),
        }
    }

    fn run(&mut self, operations: &[OperationIr]) -> Result<(), String> {
        let messages = operations.iter().cloned().map(Message::Operation);
        self.send(&messages.collect::<Vec<_>>())
    }

    fn send(&mut self, messages: &[Message]) -> Result<(), String> {
        let batch: Vec<u8> = messages
            .iter()
            .flat_map(|message| postcard::to_stdvec(message).unwrap())
            .collect();
        self.session
            .submit(&self.account, &batch)
            .map_err(|error| error.to_string())
    }

    fn read(&mut self, tensor: &TensorIr) -> Result<Vec<f32>, String> {
        let name = postcard::to_stdvec(tensor).unwrap();
        let bytes = self
            .session
            .read(&self.account, &name)
            .map_err(|error| error.to_string())?;
        Ok(bytes
            .chunks(4)
            .map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap()))
            .collect())
    }

    fn upload(&mut self, id: u64, shape: &[u64], bytes: &[u8]) -> Result<(), String> {
        let element_type = postcard::to_stdvec(&DType::F32).unwrap();
        let upload = BurnUpload {
            id,
            shape,
            element_type: &element_type,
            bytes,
        };
        self.session
            .upload(&self.account, upload)
            .map_err(|error| error.to_string())
    }
}

#[test]
fn the_greeting_names_the_types() {
    let mut bench = Bench::new(1 << 20);
    let (settings, types): Hello = postcard::from_bytes(&bench.session.hello(&bench.account).unwrap()).unwrap();
    assert_eq!(DType::from(settings.float_dtype), DType::F32);
    assert_eq!(DType::from(settings.int_dtype), DType::I32);
    assert!(types.contains(&DType::F64) && !types.contains(&DType::Flex32));
}

#[test]
fn tensors_live_until_they_are_dropped_or_used_up() {
    let mut bench = Bench::new(1 << 20);
    let bytes: Vec<u8> = [1.0f32, 2.0, 3.0].iter().flat_map(|x| x.to_le_bytes()).collect();
    bench.upload(1, &[3], &bytes).unwrap();
    let init = OperationIr::Init(InitOperationIr { out: new(1, &[3]) });
    let kept = tensor(1, &[3], TensorStatus::ReadOnly);
    let last = tensor(1, &[3], TensorStatus::ReadWrite);
    bench
        .run(&[
            init,
            full(new(2, &[3]), 0.5),
            add(kept.clone(), tensor(2, &[3], TensorStatus::ReadWrite), new(3, &[3])),
        ])
        .unwrap();
    assert_eq!(bench.session.tensors(), 2);
    assert_eq!(bench.account.live_bytes(), 24);
    assert_eq!(
        bench.read(&tensor(3, &[3], TensorStatus::ReadOnly)),
        Ok(vec![1.5, 2.5, 3.5])
    );
    bench
        .run(&[
            OperationIr::Drop(last),
            OperationIr::Drop(tensor(3, &[3], TensorStatus::ReadWrite)),
        ])
        .unwrap();
    assert_eq!((bench.session.tensors(), bench.account.live_bytes()), (0, 0));
    let error = bench.run(&[add(kept.clone(), kept, new(4, &[3]))]).unwrap_err();
    assert!(error.contains("there is no tensor 1"), "{error}");
}

#[test]
fn an_error_is_told_again_whatever_is_asked() {
    let mut bench = Bench::new(1 << 20);
    bench.run(&[full(new(1, &[2]), 1.0)]).unwrap();
    let error = bench
        .run(&[OperationIr::Custom(CustomOpIr::new("mine", &[], &[new(2, &[1])]))])
        .unwrap_err();
    assert!(error.contains("Custom is not offered"), "{error}");
    assert_eq!(bench.read(&tensor(1, &[2], TensorStatus::ReadOnly)), Err(error.clone()));
    assert_eq!(bench.upload(9, &[0], &[]), Err(error));
}

#[test]
fn what_the_stream_says_of_results_is_not_believed() {
    let one = || full(new(1, &[2, 3]), 1.0);
    let input = || tensor(1, &[2, 3], TensorStatus::ReadOnly);
    let refused = |operations: &[OperationIr], why: &str| {
        let error = Bench::new(1 << 20).run(operations).unwrap_err();
        assert!(error.contains(why), "{error}");
    };
    refused(
        &[one(), add(input(), input(), new(2, &[3, 2]))],
        "is float32 of shape [2, 3], not float32 of shape [3, 2]",
    );
    refused(
        &[
            one(),
            add(tensor(1, &[6], TensorStatus::ReadOnly), input(), new(2, &[2, 3])),
        ],
        "of shape [2, 3], not",
    );
    refused(&[one(), add(input(), input(), new(1, &[2, 3]))], "the name 1 is taken");
    refused(
        &[
            one(),
            add(input(), input(), tensor(2, &[2, 3], TensorStatus::ReadWrite)),
        ],
        "has a value already",
    );
    let ints = TensorIr {
        dtype: DType::I32,
        ..new(2, &[2, 3])
    };
    refused(&[one(), add(input(), input(), ints)], "not int32");
}

#[test]
fn shapes_and_memory_are_checked_before_anything_is_made() {
    let refused = |operation: OperationIr| Bench::new(1 << 20).run(&[operation]).unwrap_err();
    assert!(refused(full(new(1, &[1 << 40]), 1.0)).contains("at most"));
    assert!(refused(full(new(1, &[1 << 40, 1 << 40]), 1.0)).contains("at most"));
    assert!(refused(full(new(1, &[1 << 20]), 1.0)).contains("ask for more memory"));
    let random = RandomOpIr {
        out: new(1, &[1 << 30]),
        distribution: Distribution::Normal(0.0, 1.0),
    };
    assert!(refused(OperationIr::Float(DType::F32, FloatOperationIr::Random(random))).contains("memory"));
    let zeros = CreationOpIr { out: new(1, &[1; 40]) };
    assert!(refused(OperationIr::BaseFloat(BaseOperationIr::Zeros(zeros))).contains("dimensions"));
    let mut bench = Bench::new(1 << 20);
    assert!(
        bench
            .upload(1, &[u64::MAX, 2], &[0; 8])
            .unwrap_err()
            .contains("at most")
    );
    assert!(
        Bench::new(1 << 20)
            .upload(1, &[3], &[0; 8])
            .unwrap_err()
            .contains("12 bytes, 8 were given")
    );
}

#[test]
fn bytes_that_are_no_stream_are_refused() {
    let refused = |batch: &[u8]| {
        let bench = &mut Bench::new(1 << 30);
        bench.session.submit(&bench.account, batch).unwrap_err().to_string()
    };
    refused(&[255; 64]);
    refused(&[0]);
    // A vector that claims 2^60 elements.
    refused(&[0, 0, 19, 255, 255, 255, 255, 255, 255, 255, 255, 15]);
    assert!(refused(&vec![0; MAX_BATCH_BYTES + 1]).contains("at most"));
    assert!(refused(&vec![9; MAX_BATCH_BYTES]).len() < 1000);
}

#[test]
fn fuel_ends_a_session() {
    let mut bench = Bench::new(1 << 30);
    bench.account.grant(1_000_000);
    let many: Vec<OperationIr> = (1..2000).map(|id| full(new(id, &[100]), 1.0)).collect();
    assert!(bench.run(&many).unwrap_err().contains("fuel"));
}
