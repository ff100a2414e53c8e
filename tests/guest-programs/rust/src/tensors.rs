//! Tensors of the host, used well and badly. What came of it is written to the output as text, a line each.

use crate::p2pjob::job::burn_zero_twentytwo::Session;
use crate::p2pjob::job::inputs;
use crate::p2pjob::job::models::Model;
use crate::p2pjob::job::output;
use crate::p2pjob::job::tensors::{Dtype, Error, Op, Tensor, Unary, apply, open_partial, read_partial};

/// Runs the case that `text` names, with the number behind it.
pub fn run(text: &str) {
    let (case, number) = text.split_once(' ').unwrap_or((text, "0"));
    let number: u64 = number.parse().unwrap();
    match case {
        "round-trip" => round_trip(),
        "input" => input(),
        "errors" => errors(),
        "kernel-errors" => kernel_errors(),
        "filled" => drop(bytes(number)),
        "kept" => drop((0..number).map(|_| bytes(64 << 20)).collect::<Vec<_>>()),
        "dropped" => (0..number).for_each(|_| drop(bytes(64 << 20))),
        "handles" => drop((0..number).map(|_| bytes(0)).collect::<Vec<_>>()),
        "operands" => operands(number as usize),
        "beside-memory" => beside_memory(number as usize),
        "memory-first" => memory_first(number as usize),
        "after-drop" => after_drop(),
        "no-handle" => no_handle(),
        "other-resource" => other_resource(),
        "output" => bytes(number).write_output().unwrap(),
        "product" => product(number, 1),
        "products" => {
            // Tells who gives the inputs that it has begun.
            inputs::size(0);
            product(number, 1000);
        }
        "model" => line(&format!("{:?}", Model::load(0).map(drop))),
        "model-index" => line(&format!("{:?}", Model::load(7).map(drop))),
        "burn" => burn(number),
        "opened" => opened(),
        "opened-piece" => {
            open_partial();
            read_partial(0, number as u32);
        }
        "not-opened" => drop(read_partial(0, 1)),
        _ => panic!("no case {case}"),
    }
}

fn line(text: &str) {
    output::write(text.as_bytes());
    output::write(b"\n");
}

fn bytes(length: u64) -> Tensor {
    Tensor::filled(Dtype::U8, &[length], 1.0).unwrap()
}

fn round_trip() {
    let values: Vec<u8> = [1.5f32, -2.0, f32::NAN, 0.0, f32::INFINITY, 6.0]
        .iter()
        .flat_map(|x| x.to_le_bytes())
        .collect();
    let tensor = Tensor::from_bytes(Dtype::F32, &[2, 3], &values).unwrap();
    assert_eq!(tensor.shape(), [2, 3]);
    assert_eq!(tensor.element_type(), Dtype::F32);
    assert_eq!(tensor.read(4, 8).unwrap(), values[4..12]);
    assert_eq!(tensor.read(24, 0).unwrap(), []);
    let scalar = Tensor::filled(Dtype::F64, &[], 0.1).unwrap();
    assert_eq!(scalar.shape(), []);
    assert_eq!(scalar.read(0, 8).unwrap(), 0.1f64.to_le_bytes());
    let truths = Tensor::from_bytes(Dtype::Boolean, &[3], &[0, 7, 1]).unwrap();
    assert_eq!(truths.read(0, 3).unwrap(), [0, 1, 1]);
    tensor.write_output().unwrap();
}

fn input() {
    let tensor = Tensor::from_input(0, 6, Dtype::U16, &[5, 5]).unwrap();
    tensor.write_output().unwrap();
    // Larger than one read of an input.
    Tensor::from_input(1, 1, Dtype::U8, &[3 << 20])
        .unwrap()
        .write_output()
        .unwrap();
}

fn said<T>(result: Result<T, Error>) -> &'static str {
    match result {
        Ok(_) => "ok",
        Err(Error::Shape(_)) => "shape",
        Err(Error::ElementType(_)) => "element-type",
        Err(Error::Argument(_)) => "argument",
        Err(Error::Singular(_)) => "singular",
        Err(Error::NoConvergence(_)) => "no-convergence",
        Err(Error::Model(_)) => "model",
    }
}

fn errors() {
    let far = 1 << 40;
    let small = bytes(4);
    let made = |shape: &[u64]| said(Tensor::filled(Dtype::F64, shape, 0.0));
    for (name, got) in [
        ("no length of one dimension", made(&[far])),
        ("no product", made(&[far, far])),
        ("no product behind nothing", made(&[0, far, far])),
        ("no length at all", made(&[u64::MAX, u64::MAX, u64::MAX])),
        ("rank 17", made(&[1; 17])),
        ("rank 1000", made(&[1; 1000])),
        ("nothing", made(&[0])),
        ("too few bytes", said(Tensor::from_bytes(Dtype::F32, &[2], &[0; 7]))),
        ("too many bytes", said(Tensor::from_bytes(Dtype::F32, &[2], &[0; 9]))),
        (
            "too many bytes at once",
            said(Tensor::from_bytes(Dtype::U8, &[(8 << 20) + 1], &vec![0; (8 << 20) + 1])),
        ),
        ("bytes of texts", said(Tensor::from_bytes(Dtype::Text, &[0], &[]))),
        ("no texts", said(small.texts())),
        ("read behind the end", said(small.read(3, 2))),
        ("read far behind the end", said(small.read(u64::MAX, 2))),
        ("read too much", said(small.read(0, u32::MAX))),
        ("no input", said(Tensor::from_input(9, 0, Dtype::U8, &[1]))),
        ("input too short", said(Tensor::from_input(0, 0, Dtype::U8, &[257]))),
        ("input offset", said(Tensor::from_input(0, u64::MAX, Dtype::U8, &[2]))),
        ("input of texts", said(Tensor::from_input(0, 0, Dtype::Text, &[1]))),
        ("no operands", said(apply(&Op::Concat(0), &[]))),
        ("one operand", said(apply(&Op::Matmul, &[&small]))),
        ("three operands", said(apply(&Op::Matmul, &[&small, &small, &small]))),
        ("long list", said(apply(&Op::Reshape(vec![1; 100_000]), &[&small]))),
    ] {
        line(&format!("{name}: {got}"));
    }
}

fn kernel_errors() {
    let (small, other) = (bytes(4), Tensor::filled(Dtype::F32, &[4], 1.0).unwrap());
    for (name, got) in [
        ("reshape", said(apply(&Op::Reshape(vec![5]), &[&small]))),
        (
            "reshape far",
            said(apply(&Op::Reshape(vec![1 << 40, 1 << 40]), &[&small])),
        ),
        ("expand far", said(apply(&Op::Expand(vec![1 << 40, 4]), &[&small]))),
        ("axis", said(apply(&Op::Softmax(u32::MAX), &[&other]))),
        ("perm", said(apply(&Op::Transpose(vec![1]), &[&small]))),
        ("types", said(apply(&Op::Matmul, &[&small, &other]))),
        (
            "exponential of bytes",
            said(apply(&Op::Unary(Unary::Exponential), &[&small])),
        ),
    ] {
        line(&format!("{name}: {got}"));
    }
}

fn operands(count: usize) {
    let tensor = bytes(1);
    line(said(apply(&Op::Concat(0), &vec![&tensor; count])));
}

fn beside_memory(bytes_of_guest: usize) {
    let kept = bytes(200 << 20);
    drop(std::hint::black_box(vec![1u8; bytes_of_guest]));
    drop(kept);
}

fn memory_first(bytes_of_guest: usize) {
    let kept = std::hint::black_box(vec![1u8; bytes_of_guest]);
    drop(bytes(200 << 20));
    drop(kept);
}

fn no_handle() {
    // SAFETY: there is none; the host has to notice.
    drop(unsafe { Tensor::from_handle(12345) }.shape());
}

fn after_drop() {
    let tensor = bytes(1);
    let handle = tensor.take_handle();
    // SAFETY: the handle was taken from a tensor.
    drop(unsafe { Tensor::from_handle(handle) });
    // SAFETY: there is none; the host has to notice.
    drop(unsafe { Tensor::from_handle(handle) }.shape());
}

fn other_resource() {
    let session = Session::new();
    // SAFETY: there is none; the host has to notice.
    drop(unsafe { Tensor::from_handle(session.take_handle()) }.shape());
}

fn product(n: u64, times: u32) {
    let values: Vec<u8> = (0..1024u32)
        .flat_map(|x| ((x * 7919 % 1000) as f32 / 997.0 - 0.5).to_le_bytes())
        .collect();
    let row = Tensor::from_bytes(Dtype::F32, &[1024], &values).unwrap();
    let wide = apply(&Op::Expand(vec![n, 1024]), &[&row]).unwrap();
    let square = apply(
        &Op::Matmul,
        &[&wide, &apply(&Op::Transpose(vec![1, 0]), &[&wide]).unwrap()],
    )
    .unwrap();
    for _ in 1..times {
        drop(apply(&Op::Matmul, &[&square, &square]).unwrap());
    }
    apply(&Op::Matmul, &[&square, &square]).unwrap().write_output().unwrap();
}

fn burn(number: u64) {
    let session = Session::new();
    let hello = session.hello();
    line(&format!("hello {}", hello.len()));
    line(&format!("submit {:?}", session.submit(&number.to_le_bytes())));
    line(&format!("upload {:?}", session.upload(3, &[2, 2], &[9], &[5; 4])));
    line(&format!("read {:?}", session.read(&[3])));
}

/// In `reduce`, over a partial of 10 bytes and one of 300 000.
fn opened() {
    line(&format!("before {:?}", Tensor::from_partial(0, Dtype::U8, &[0])));
    line(&format!("first {:?}", open_partial()));
    line(&format!("pieces {:?} {:?}", read_partial(8, 100), read_partial(100, 1)));
    line(&format!("far {:?}", Tensor::from_partial(3, Dtype::U16, &[4])));
    line(&format!("farther {:?}", Tensor::from_partial(u64::MAX, Dtype::U16, &[4])));
    line(&format!("texts {:?}", Tensor::from_partial(0, Dtype::Text, &[1])));
    let words = Tensor::from_partial(2, Dtype::U16, &[4]).unwrap();
    words.write_output().unwrap();
    line(&format!("second {:?}", open_partial()));
    let bytes = Tensor::from_partial(1, Dtype::U8, &[299_999]).unwrap();
    line(&format!("third {:?}", open_partial()));
    line(&format!("behind {:?}", Tensor::from_partial(0, Dtype::U8, &[1])));
    bytes.write_output().unwrap();
}
