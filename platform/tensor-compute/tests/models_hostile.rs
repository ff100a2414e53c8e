//! Model files that lie: every one is refused with words, and none brings the process down.

use std::path::Path;
use tensor_compute::onnx::{Model, check};
use tensor_compute::{ComputeError, DType, Session, Settings, Tensor};

/// A field of a message.
fn field(number: u64, content: &[u8]) -> Vec<u8> {
    let mut out = varint(number << 3 | 2);
    out.extend(varint(content.len() as u64));
    out.extend(content);
    out
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut out = Vec::new();
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
    out
}

fn int(number: u64, value: i64) -> Vec<u8> {
    [varint(number << 3), varint(value as u64)].concat()
}

fn node(op: &str, inputs: &[&str], outputs: &[&str], attributes: &[Vec<u8>]) -> Vec<u8> {
    let mut out: Vec<u8> = inputs.iter().flat_map(|name| field(1, name.as_bytes())).collect();
    out.extend(outputs.iter().flat_map(|name| field(2, name.as_bytes())));
    out.extend(field(4, op.as_bytes()));
    out.extend(attributes.iter().flat_map(|attribute| field(5, attribute)));
    field(1, &out)
}

fn graph_attribute(name: &str, graph: &[u8]) -> Vec<u8> {
    [field(1, name.as_bytes()), field(6, graph), int(20, 5)].concat()
}

fn port(number: u64, name: &str, kind: i64) -> Vec<u8> {
    let tensor = field(1, &int(1, kind));
    field(number, &[field(1, name.as_bytes()), field(2, &tensor)].concat())
}

/// A model with the input `x` and the output `y`.
fn model(parts: &[Vec<u8>]) -> Vec<u8> {
    let graph = [parts.concat(), port(11, "x", 1), port(12, "y", 1)].concat();
    [field(7, &graph), field(8, &int(2, 18))].concat()
}

fn session() -> Session {
    let session = Session::new(
        Settings {
            threads: 1,
            ..Settings::default()
        },
        32 << 20,
    );
    session.grant(20_000_000);
    session
}

fn refusal(bytes: &[u8]) -> ComputeError {
    Model::load(&session(), bytes).map(|_| ()).unwrap_err()
}

#[track_caller]
fn refused(bytes: &[u8], words: &str) {
    let said = refusal(bytes).to_string();
    assert!(said.contains(words), "{said}");
}

#[test]
fn graphs_that_cannot_run_are_refused_by_name() {
    refused(b"", "no graph");
    refused(b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", "does not end");
    refused(
        &model(&[node("Relu", &["z"], &["y"], &[])]),
        "its input \"z\" is given by no node before it",
    );
    let cycle = [
        node("Relu", &["b"], &["a"], &[]),
        node("Relu", &["a"], &["b"], &[]),
        node("Relu", &["a"], &["y"], &[]),
    ];
    refused(
        &model(&cycle),
        "node \"a\" (Relu): its input \"b\" is given by no node before it (a missing input, or a cycle)",
    );
    let twice = [node("Relu", &["x"], &["y"], &[]), node("Neg", &["x"], &["y"], &[])];
    refused(
        &model(&twice),
        "node \"y\" (Neg): model: the value \"y\" is given twice",
    );
    refused(
        &model(&[node("Relu", &["x"], &["a"], &[])]),
        "the output \"y\" is given by no node",
    );
    refused(&[field(7, &[]), field(8, &int(2, 99))].concat(), "operator set 99");
}

#[test]
fn all_unknown_operators_are_named_at_once() {
    let parts = [
        node("Frobnicate", &["x"], &["a"], &[]),
        node("RandomNormal", &[], &["b"], &[]),
        node("Relu", &["x"], &["y"], &[]),
    ];
    let error = refusal(&model(&parts));
    let ComputeError::Unsupported { operators } = &error else {
        panic!("{error}")
    };
    assert_eq!(operators.len(), 2);
    assert!(
        operators[0].starts_with("Frobnicate") && operators[1].contains("random"),
        "{operators:?}"
    );
    let report = check(&model(&parts)).unwrap();
    let found: Vec<bool> = report.operators.iter().map(|(_, _, why)| why.is_some()).collect();
    assert_eq!(found, [true, true, false], "{:?}", report.operators);
}

#[test]
fn constants_are_bounded_before_memory_is_taken() {
    let constant = |parts: &[Vec<u8>]| {
        model(&[
            field(5, &[parts.concat(), field(8, b"w")].concat()),
            node("Add", &["x", "w"], &["y"], &[]),
        ])
    };
    refused(&constant(&[int(1, 1 << 30), int(1, 1 << 30), int(2, 1)]), "at most");
    refused(&constant(&[int(1, -5), int(2, 1)]), "negative length");
    refused(
        &constant(&[int(1, 100), int(2, 1), field(9, &[0; 8])]),
        "has 400 bytes, 8 were given",
    );
    refused(&constant(&[int(1, 3), int(2, 1)]), "0 of 3 elements");
    refused(&constant(&[int(1, 3), int(2, 77)]), "element type 77");
    let external = field(13, &[field(1, b"location"), field(2, b"../../etc/passwd")].concat());
    refused(
        &constant(&[int(1, 1), int(2, 1), external, int(14, 1)]),
        "data lie in another file",
    );
    // More than the session may hold.
    let error = refusal(&constant(&[int(1, 100 << 20), int(2, 1)]));
    assert!(matches!(error, ComputeError::Memory { .. }), "{error}");
}

#[test]
fn nesting_and_loops_end() {
    let mut graph = node("Relu", &["x"], &["deep"], &[]);
    for _ in 0..200 {
        graph = node(
            "If",
            &["x"],
            &["y"],
            &[
                graph_attribute("then_branch", &graph),
                graph_attribute("else_branch", &[]),
            ],
        );
    }
    refused(&model(&[graph]), "nested more than");
    // A loop whose condition stays true stops when the fuel is spent.
    let body = [
        node("Identity", &["go"], &["on"], &[]),
        port(11, "at", 7),
        port(11, "go", 9),
        port(12, "on", 9),
    ]
    .concat();
    let endless = model(&[
        node("Loop", &["", ""], &[], &[graph_attribute("body", &body)]),
        node("Relu", &["x"], &["y"], &[]),
    ]);
    let session = session();
    let loaded = Model::load(&session, &endless).unwrap();
    let x = Tensor::new(&[], vec![1_f32]).unwrap();
    assert_eq!(
        loaded.run(&session, vec![("x".to_owned(), x)]).unwrap_err(),
        ComputeError::OutOfFuel
    );
    // A function that calls itself.
    let function = [field(1, b"F"), field(4, b"x"), field(5, b"y"), field(10, b"own"), {
        let call = [field(1, b"x"), field(2, b"y"), field(4, b"F"), field(7, b"own")].concat();
        field(7, &call)
    }]
    .concat();
    let call = field(
        1,
        &[field(1, b"x"), field(2, b"y"), field(4, b"F"), field(7, b"own")].concat(),
    );
    let bytes = [model(&[call]), field(25, &function)].concat();
    refused(&bytes, "a function calls itself");
}

#[test]
fn a_functions_operators_and_arguments_work() {
    let reference = [field(1, b"alpha"), field(21, b"slope"), int(20, 1)].concat();
    let inner = [
        field(1, b"x"),
        field(2, b"y"),
        field(4, b"LeakyRelu"),
        field(5, &reference),
    ]
    .concat();
    let function = [
        field(1, b"F"),
        field(4, b"x"),
        field(5, b"y"),
        field(6, b"slope"),
        field(10, b"own"),
        field(7, &inner),
        field(9, &int(2, 18)),
    ]
    .concat();
    let slope = [
        field(1, b"slope"),
        vec![2 << 3 | 5],
        0.25_f32.to_le_bytes().to_vec(),
        int(20, 1),
    ]
    .concat();
    let call = field(
        1,
        &[
            field(1, b"x"),
            field(2, b"y"),
            field(4, b"F"),
            field(7, b"own"),
            field(5, &slope),
        ]
        .concat(),
    );
    let bytes = [model(&[call]), field(25, &function)].concat();
    let session = session();
    let loaded = Model::load(&session, &bytes).unwrap();
    let x = Tensor::new(&[2], vec![-4_f32, 4.0]).unwrap();
    let results = loaded.run(&session, vec![("x".to_owned(), x)]).unwrap();
    assert_eq!(results[0].1.values::<f32>("test").unwrap(), [-1.0, 4.0]);
}

/// SplitMix64 (Steele, Lea and Flood, 2014).
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn mutate(bytes: &mut Vec<u8>, state: &mut u64) {
    // Structure stands around the weights: half of the changes go to the first and last 2000 bytes.
    for _ in 0..1 + next(state) % 4 {
        let length = bytes.len().max(1) as u64;
        let near = next(state) % length.min(2000);
        let at = match next(state) % 4 {
            0 => near,
            1 => length - 1 - near,
            _ => next(state) % length,
        } as usize;
        // Most changes keep the lengths, so that many files get as far as to run.
        match next(state) % 16 {
            0 => bytes.truncate(at),
            1 => bytes.insert(at.min(bytes.len()), next(state) as u8),
            2 if at < bytes.len() => drop(bytes.remove(at)),
            _ => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = if next(state).is_multiple_of(2) {
                        next(state) as u8
                    } else {
                        *byte ^ 1 << (next(state) % 8)
                    };
                }
            }
        }
    }
}

#[test]
fn mutated_models_never_panic() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/models");
    let mut ran = 0;
    let mut state = 7;
    for name in [
        "mlp",
        "cnn",
        "transformer",
        "lstm",
        "forest",
        "forest_two",
        "logistic",
        "boosting",
        "machine",
        "machine_two",
    ] {
        let original = std::fs::read(folder.join(format!("{name}.onnx"))).unwrap();
        for _ in 0..400 {
            let mut bytes = original.clone();
            mutate(&mut bytes, &mut state);
            let _ = check(&bytes);
            let session = session();
            let Ok(model) = Model::load(&session, &bytes) else {
                continue;
            };
            let zeros = |port: &tensor_compute::onnx::Port| {
                let shape: Vec<usize> = port.shape.iter().map(|length| length.unwrap_or(1).min(128)).collect();
                let count: usize = shape.iter().product::<usize>().min(1 << 16) * port.dtype.size();
                let tensor = match port.dtype {
                    DType::Text => return None,
                    dtype => Tensor::from_le_bytes(dtype, &shape, &vec![1; count], None).ok()?,
                };
                Some((port.name.clone(), tensor))
            };
            let inputs = model.inputs().iter().filter_map(zeros).collect();
            ran += usize::from(model.run(&session, inputs).is_ok());
        }
    }
    // Many changes touch weights only: the test would be idle if nothing ran.
    assert!(ran > 200, "{ran} models ran");
}
