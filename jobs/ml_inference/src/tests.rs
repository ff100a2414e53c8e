//! Tests of all that needs no node: how samples are cut, outputs joined, results written. Models run in `tests/it`.

use crate::feed::{Feed, Place};
use crate::outputs::{Elements, Output, Outputs};
use crate::params::{OutputForm, Params, Samples};
use crate::{MlInference, results};
use arrays::{Bytes, ElementType, Nested, Numbers};
use p2pjob::testing::Task;

fn plan_error(task: &Task) -> String {
    match task.run::<MlInference>() {
        Err(error) => error.strip_prefix("plan: ").unwrap_or(&error).to_owned(),
        Ok(_) => panic!("it ran"),
    }
}

/// The first bytes of an ONNX file: field 1, version 8.
const MODEL: &[u8] = &[8, 8];

#[test]
fn what_is_no_model_is_named_with_the_way_to_one() {
    let cases: [(&[u8], &str, &str); 5] = [
        (
            b"PK\x03\x04....",
            "pytorch",
            "a PyTorch .pt, or a Keras .keras file); export it: torch.onnx.export",
        ),
        (
            b"\x89HDF\r\n",
            "tensorflow",
            "Keras .h5); export it: python -m tf2onnx.convert",
        ),
        (
            b"\x80\x04\x95",
            "sklearn",
            "a Python pickle (scikit-learn, or an old PyTorch file); export it: skl2onnx.to_onnx",
        ),
        (
            b"\x20\0\0\0\0\0\0\0{\"a\"",
            "onnx",
            "a safetensors file: weights without a network (a result of ml_train_step predicts there, with mode=predict); \
             export the model to ONNX",
        ),
        (b"", "onnx", "empty"),
    ];
    for (bytes, made_by, wanted) in cases {
        let params = format!(r#"{{"input_data": [[1]], "model_type": "{made_by}"}}"#);
        let said = plan_error(&Task::new(&params).input("model", bytes));
        assert!(
            said.starts_with("the model is no ONNX file but ") && said.contains(wanted),
            "{said}"
        );
    }
}

#[test]
fn what_is_wrong_with_samples_is_told_by_plan() {
    let with = |params: &str| Task::new(params).input("model", MODEL);
    let none = "there are no samples; add --input x=PATH, or a parameter input_data with a list of samples";
    assert_eq!(plan_error(&with("{}")), none);
    let npy =
        |shape: &[u64], bytes: &[u8]| [arrays::npy_header(ElementType::U8, false, shape), bytes.to_vec()].concat();
    let unequal = with("{}")
        .input("x", npy(&[2, 1], b"ab"))
        .input("x2", npy(&[1, 3], b"abc"));
    assert_eq!(
        plan_error(&unequal),
        "the inputs have unequal numbers of samples: uint8 of shape (2, 1) and uint8 of shape (1, 3); the first dimension of \
         each counts them"
    );
    let twice = with(r#"{"input_data": [[1]]}"#).input("x", npy(&[1, 1], b"a"));
    assert!(plan_error(&twice).contains("given twice"));
    let raw = with(r#"{"dtype": "float32", "shape": [3]}"#).input("x", vec![0; 13]);
    assert_eq!(
        plan_error(&raw),
        "input x: 13 bytes are no whole number of samples of float32 with shape [3]"
    );
    assert!(plan_error(&with("{}").input("x", vec![0; 12])).contains("dtype or shape is missing"));
    let cut = with("{}").input("x", npy(&[2, 2], b"abc"));
    assert!(
        plan_error(&cut).contains("is cut off: shape [2, 2] of uint8 needs 4 bytes after the header, and there are 3")
    );
    let texts = [arrays::npy_header_as("<U3", false, &[1]), vec![0; 12]].concat();
    assert!(plan_error(&with("{}").input("x", texts)).contains("holds texts (dtype \"<U3\")"));
    let ragged = plan_error(&with(r#"{"input_data": [[1, 2], [3]]}"#));
    assert!(ragged.contains("all rows must be equally long"), "{ragged}");
    let large = format!(r#"{{"input_data": [[{}]]}}"#, vec!["0.1"; 9000].join(","));
    assert!(plan_error(&with(&large)).contains("fit in a chunk; save the samples as .npy"));
}

#[test]
fn samples_by_name() {
    let params: Params = p2pjob::serde_json::from_str(r#"{"input_data": {"a": [[1, 2]], "b": [[[5]]]}}"#).unwrap();
    let Some(Samples::Named(named)) = params.input_data else {
        panic!()
    };
    let shapes: Vec<(&str, &[u64])> = named
        .iter()
        .map(|(name, nested)| (name.as_str(), &nested.shape[..]))
        .collect();
    assert_eq!(shapes, [("a", &[1, 2][..]), ("b", &[1, 1, 1][..])]);
}

#[test]
fn a_part_of_a_feed_has_its_own_bytes() {
    let nested = Nested {
        shape: vec![3, 2],
        numbers: Numbers::Whole(vec![1, 2, 3, 4, 300, 6]),
    };
    let feed = Feed::of_json(None, &nested).unwrap();
    assert_eq!(
        (feed.element, feed.describe().as_str()),
        (ElementType::I16, "int16 of shape (3, 2)")
    );
    let (part, cut) = feed.slice(1..3, &[], p2pjob::Cut::new(()));
    assert!(cut.slices.is_empty());
    let bytes: Vec<u8> = [3i16, 4, 300, 6]
        .iter()
        .flat_map(|number| number.to_le_bytes())
        .collect();
    assert_eq!((part.range, part.place), ((1, 3), Place::Inline(Bytes(bytes))));
}

fn output(name: &str, shape: &[u64], numbers: &[f32]) -> Output {
    Output {
        name: name.to_owned(),
        shape: shape.to_vec(),
        elements: Elements::Numbers(
            ElementType::F32,
            Bytes(numbers.iter().flat_map(|number| number.to_le_bytes()).collect()),
        ),
    }
}

fn labels(texts: &[&str]) -> Output {
    Output {
        name: "label".to_owned(),
        shape: vec![texts.len() as u64],
        elements: Elements::Texts(texts.iter().map(|text| (*text).to_owned()).collect()),
    }
}

#[test]
fn outputs_of_more_samples_are_put_behind() {
    let mut all = Outputs {
        samples: 1,
        each: vec![output("y", &[1, 2], &[1.0, 2.0]), labels(&["a"])],
    };
    let more = Outputs {
        samples: 2,
        each: vec![output("y", &[2, 2], &[3.0, 4.0, 5.0, 6.0]), labels(&["b", "c"])],
    };
    all.append(more).unwrap();
    assert_eq!(
        all,
        Outputs {
            samples: 3,
            each: vec![
                output("y", &[3, 2], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]),
                labels(&["a", "b", "c"])
            ]
        }
    );
    let wider = Outputs {
        samples: 1,
        each: vec![output("y", &[1, 3], &[0.0; 3]), labels(&["d"])],
    };
    assert!(
        all.append(wider)
            .unwrap_err()
            .message()
            .contains("shape [3, 2] in one batch, and y shape [1, 3]")
    );
    let mut single = Outputs {
        samples: 2,
        each: vec![output("mean", &[], &[1.0])],
    };
    let other = single.clone();
    assert!(
        single
            .append(other)
            .unwrap_err()
            .message()
            .contains("output mean does not count the samples")
    );
}

#[test]
fn the_largest_values_come_first_and_nan_last() {
    let [values, indices] = output("y", &[2, 4], &[1.0, 9.0, f32::NAN, 9.0, -1.0, -2.0, -3.0, 0.0])
        .top(3)
        .unwrap()
        .try_into()
        .unwrap();
    assert_eq!(values, output("y", &[2, 3], &[9.0, 9.0, 1.0, 0.0, -1.0, -2.0]));
    assert_eq!((indices.name.as_str(), &indices.shape[..]), ("y.index", &[2, 3][..]));
    let wanted: Vec<u8> = [1i64, 3, 0, 3, 0, 1]
        .iter()
        .flat_map(|number| number.to_le_bytes())
        .collect();
    assert_eq!(indices.elements, Elements::Numbers(ElementType::I64, Bytes(wanted)));
    assert_eq!(labels(&["a"]).top(1).unwrap(), [labels(&["a"])]);
    assert_eq!(output("y", &[2, 4], &[0.0; 8]).top(9).unwrap()[0].shape, [2, 4]);
}

fn written(outputs: &Outputs, form: OutputForm) -> Result<Vec<u8>, String> {
    let mut out = Vec::new();
    results::write(outputs, form, &mut out)
        .map(|()| out)
        .map_err(|error| error.message().to_owned())
}

#[test]
fn results_as_json_and_files() {
    let both = Outputs {
        samples: 2,
        each: vec![output("y", &[2, 1], &[0.1, f32::INFINITY]), labels(&["é", "no"])],
    };
    let json = r#"{"y":{"dtype":"float32","shape":[2,1],"data":[[0.1],["Infinity"]]},"label":{"dtype":"text","shape":[2],"data":["é","no"]}}"#;
    assert_eq!(
        String::from_utf8(written(&both, OutputForm::Json).unwrap())
            .unwrap()
            .trim_end(),
        json
    );
    assert!(
        written(&both, OutputForm::Npy)
            .unwrap_err()
            .contains("there are 2 outputs (y, label)")
    );
    let archive = written(&both, OutputForm::Auto).unwrap();
    assert_eq!(&archive[..4], b"PK\x03\x04");
    assert!(archive.windows(5).any(|bytes| bytes == b"y.npy"));
    let one = Outputs {
        samples: 2,
        each: vec![both.each[1].clone()],
    };
    let file = written(&one, OutputForm::Auto).unwrap();
    assert!(String::from_utf8_lossy(&file).contains("'descr': '<U2', 'fortran_order': False, 'shape': (2,)"));
    assert!(file.ends_with(&[0xE9, 0, 0, 0, 0, 0, 0, 0, b'n', 0, 0, 0, b'o', 0, 0, 0]));
}
