//! Whole models against onnxruntime: networks and the exports of scikit-learn. `tests/golden/make_models.py` made the files.

use std::path::{Path, PathBuf};
use tensor_compute::onnx::{Model, check};
use tensor_compute::{DType, Isa, Session, Settings, Tensor};

/// Largest distance from onnxruntime, relative to the largest number of the tensor.
const TOLERANCE: f64 = 1e-5;

const MODELS: [&str; 11] = [
    "mlp",
    "cnn",
    "transformer",
    "lstm",
    "forest",
    "logistic",
    "perceptron",
    "boosting",
    "machine",
    "machine_two",
    "forest_two",
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/models")
}

struct Records {
    bytes: Vec<u8>,
    at: usize,
}

impl Records {
    fn take(&mut self, count: usize) -> &[u8] {
        let found = &self.bytes[self.at..self.at + count];
        self.at += count;
        found
    }

    fn word(&mut self) -> usize {
        u32::from_le_bytes(self.take(4).try_into().unwrap()) as usize
    }

    fn tensor(&mut self) -> Tensor {
        let kind = self.word();
        let rank = self.word();
        let shape: Vec<usize> = (0..rank)
            .map(|_| u64::from_le_bytes(self.take(8).try_into().unwrap()) as usize)
            .collect();
        let count: usize = shape.iter().product();
        let dtype = match kind {
            1 => DType::F32,
            7 => DType::I64,
            9 => DType::Bool,
            11 => DType::F64,
            8 => {
                let text = |records: &mut Self| {
                    let length = records.word();
                    String::from_utf8(records.take(length).to_vec()).unwrap()
                };
                let texts = (0..count).map(|_| text(self)).collect();
                return Tensor::new::<String>(&shape, texts).unwrap();
            }
            other => panic!("element type {other}"),
        };
        Tensor::from_le_bytes(dtype, &shape, self.take(count * dtype.size()), None).unwrap()
    }
}

fn read(path: PathBuf) -> Vec<Tensor> {
    let mut records = Records {
        bytes: std::fs::read(path).unwrap(),
        at: 0,
    };
    let count = records.word();
    (0..count).map(|_| records.tensor()).collect()
}

fn run(name: &str, settings: Settings) -> Vec<Tensor> {
    let session = Session::unlimited(settings);
    let bytes = std::fs::read(folder().join(format!("{name}.onnx"))).unwrap();
    let model = Model::load(&session, &bytes).unwrap();
    let names = model.inputs().iter().map(|port| port.name.clone());
    let inputs = names.zip(read(folder().join(format!("{name}.in.bin")))).collect();
    model
        .run(&session, inputs)
        .unwrap()
        .into_iter()
        .map(|(_, tensor)| tensor)
        .collect()
}

fn compare(name: &str, got: &Tensor, expected: &Tensor) {
    assert_eq!(
        (got.shape(), got.dtype()),
        (expected.shape(), expected.dtype()),
        "{name}"
    );
    match expected.dtype() {
        DType::F32 => {
            let (a, b) = (
                got.values::<f32>("test").unwrap(),
                expected.values::<f32>("test").unwrap(),
            );
            let most = b.iter().fold(0.0_f64, |most, value| most.max(f64::from(value.abs())));
            let far = a
                .iter()
                .zip(b)
                .map(|(a, b)| (f64::from(*a) - f64::from(*b)).abs())
                .fold(0.0, f64::max);
            assert!(
                far <= TOLERANCE * most,
                "{name}: {far:e} away where the largest is {most:e}"
            );
        }
        DType::I64 => assert_eq!(
            got.values::<i64>("test").unwrap(),
            expected.values::<i64>("test").unwrap(),
            "{name}"
        ),
        DType::Text => {
            assert_eq!(
                got.values::<String>("test").unwrap(),
                expected.values::<String>("test").unwrap(),
                "{name}"
            );
        }
        other => panic!("{name}: an output of {other}"),
    }
}

#[test]
fn models_give_what_onnxruntime_gives() {
    for name in MODELS {
        let expected = read(folder().join(format!("{name}.out.bin")));
        let got = run(name, Settings::default());
        assert_eq!(got.len(), expected.len(), "{name}");
        got.iter()
            .zip(&expected)
            .for_each(|(got, expected)| compare(name, got, expected));
    }
}

#[test]
fn instruction_sets_and_threads_change_no_bit() {
    for name in ["mlp", "cnn", "transformer", "lstm", "forest", "machine"] {
        let bits = |isa, threads| -> Vec<Option<Vec<u8>>> {
            run(
                name,
                Settings {
                    isa,
                    threads,
                    ..Settings::default()
                },
            )
            .iter()
            .map(Tensor::to_le_bytes)
            .collect()
        };
        let first = bits(Isa::Scalar, 1);
        for isa in Isa::available() {
            for threads in [1, 2, 3] {
                assert_eq!(
                    bits(isa, threads),
                    first,
                    "{name} with {} and {threads} threads",
                    isa.name()
                );
            }
        }
    }
}

#[test]
fn memory_is_given_back() {
    let session = Session::new(Settings::default(), 64 << 20);
    session.grant(1 << 40);
    let bytes = std::fs::read(folder().join("transformer.onnx")).unwrap();
    let model = Model::load(&session, &bytes).unwrap();
    let loaded = session.live_bytes();
    let input = read(folder().join("transformer.in.bin")).remove(0);
    for _ in 0..3 {
        let results = model.run(&session, vec![("x".to_owned(), input.clone())]).unwrap();
        assert!(session.live_bytes() > loaded);
        drop(results);
        assert_eq!(session.live_bytes(), loaded);
    }
    drop(model);
    assert_eq!(session.live_bytes(), 0);
}

#[test]
fn a_check_says_what_is_in_a_model() {
    let report = check(&std::fs::read(folder().join("cnn.onnx")).unwrap()).unwrap();
    assert_eq!(report.opset, 18);
    assert!(
        report.operators.contains(&("Conv".to_owned(), 3, None)),
        "{:?}",
        report.operators
    );
    assert_eq!(report.inputs[0].shape, [None, Some(3), Some(64), Some(64)]);
    // Three kernels with biases, two normalisations of four lists, the last layer.
    assert_eq!(
        report.parameters,
        (3 * 4 + 4 * 6 + 6 * 8) * 9 + 18 + (4 + 6) * 4 + 10 * 8 + 10
    );
    let report = check(&std::fs::read(folder().join("forest.onnx")).unwrap()).unwrap();
    assert!(
        report
            .operators
            .iter()
            .any(|(name, _, why)| name == "ai.onnx.ml::TreeEnsembleClassifier" && why.is_none())
    );
}

#[test]
fn wrong_inputs_are_told_by_name() {
    let session = Session::unlimited(Settings::default());
    let model = Model::load(&session, &std::fs::read(folder().join("mlp.onnx")).unwrap()).unwrap();
    let say = |name: &str, tensor: Tensor| {
        model
            .run(&session, vec![(name.to_owned(), tensor)])
            .unwrap_err()
            .to_string()
    };
    let fits = Tensor::new(&[1, 20], vec![0_f32; 20]).unwrap();
    assert!(say("y", fits.clone()).contains("there is no input \"y\"; there are [\"x\"]"));
    assert!(say("x", Tensor::new(&[1, 20], vec![0_f64; 20]).unwrap()).contains("takes float32, not float64"));
    assert!(
        say("x", Tensor::new(&[1, 21], vec![0_f32; 21]).unwrap()).contains("takes the shape [any, 20], not [1, 21]")
    );
    assert!(
        model
            .run(&session, vec![])
            .unwrap_err()
            .to_string()
            .contains("\"x\" is missing")
    );
    let twice = vec![("x".to_owned(), fits.clone()), ("x".to_owned(), fits.clone())];
    assert!(
        model
            .run(&session, twice)
            .unwrap_err()
            .to_string()
            .contains("given twice")
    );
    // No sample at all is a batch too.
    let none = Tensor::new::<f32>(&[0, 20], vec![]).unwrap();
    assert_eq!(
        model.run(&session, vec![("x".to_owned(), none)]).unwrap()[0].1.shape(),
        [0, 5]
    );
}
