//! What is close, what is apart, and what hostile files come to.

use super::{Finding, compare};
use job_model::Tolerance;
use job_model::float::RawElements;

const STRICT: Tolerance = Tolerance {
    rtol: 1e-5,
    atol: 1e-6,
    raw: None,
};

/// A `.npy` file, version 1.
fn npy(descr: &str, fortran: bool, shape: &str, data: &[u8]) -> Vec<u8> {
    let order = if fortran { "True" } else { "False" };
    let header = format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}\n");
    let length = u16::try_from(header.len()).expect("short");
    [b"\x93NUMPY\x01\x00", &length.to_le_bytes()[..], header.as_bytes(), data].concat()
}

fn f32s(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

fn f64s(values: &[f64]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

#[track_caller]
fn close(reference: &[u8], output: &[u8]) -> f64 {
    match compare(reference, output, &STRICT) {
        Finding::Close(difference) => difference.unwrap_or(f64::NAN),
        other => panic!("expected close, got {other:?}"),
    }
}

#[track_caller]
fn apart(reference: &[u8], output: &[u8]) {
    let found = compare(reference, output, &STRICT);
    assert!(matches!(found, Finding::Apart(_)), "expected apart, got {found:?}");
    let back = compare(output, reference, &STRICT);
    assert!(
        matches!(back, Finding::Apart(_)),
        "expected apart both ways, got {back:?}"
    );
}

#[track_caller]
fn unknown(reference: &[u8], output: &[u8], word: &str) {
    match compare(reference, output, &STRICT) {
        Finding::Unknown(why) => assert!(why.contains(word), "{why:?} does not say {word:?}"),
        other => panic!("expected unknown, got {other:?}"),
    }
}

#[test]
fn the_largest_element_of_a_tensor_sets_the_scale() {
    let of = |values: &[f32]| npy("<f4", false, "(4,)", &f32s(values));
    let reference = of(&[100.0, 1e-3, -50.0, 0.0]);
    // 1e-6 + 1e-5 * 100 = 0.001001 for every element, the small ones too.
    let difference = close(&reference, &of(&[100.0, 1.9e-3, -50.0005, 0.0]));
    assert!((8e-6..1e-5).contains(&difference), "{difference}");
    apart(&reference, &of(&[100.0, 1e-3, -50.0, 0.002]));
    assert_eq!(close(&reference, &reference), 0.0);
    assert_eq!(close(&of(&[0.0; 4]), &of(&[-0.0; 4])), 0.0);
    assert!(close(&of(&[0.0; 4]), &of(&[0.0, 0.0, 5e-7, 0.0])).is_nan(), "no scale");
}

#[test]
fn nan_is_nan_and_an_infinity_has_its_sign() {
    let of = |values: &[f64]| npy("<f8", false, "(3,)", &f64s(values));
    let reference = of(&[f64::NAN, f64::INFINITY, 1.0]);
    let other_nan = f64::from_bits(f64::NAN.to_bits() | 1);
    close(&reference, &of(&[other_nan, f64::INFINITY, 1.000_001]));
    apart(&reference, &of(&[0.0, f64::INFINITY, 1.0]));
    apart(&reference, &of(&[f64::NAN, f64::NEG_INFINITY, 1.0]));
    apart(&reference, &of(&[f64::NAN, f64::MAX, 1.0]));
    apart(&of(&[f64::MAX, 0.0, 0.0]), &of(&[f64::MIN, 0.0, 0.0]));
}

#[test]
fn orders_and_byte_orders_do_not_matter_and_types_do() {
    let rows = f64s(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    let columns = f64s(&[1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
    let big: Vec<u8> = [1.0f64, 2.0, 3.0, 4.0, 5.0, 6.0]
        .iter()
        .flat_map(|v| v.to_be_bytes())
        .collect();
    let reference = npy("<f8", false, "(2, 3)", &rows);
    close(&reference, &npy("<f8", true, "(2, 3)", &columns));
    close(&npy("<f8", true, "(2, 3)", &columns), &reference);
    close(&reference, &npy(">f8", false, "(2, 3)", &big));
    apart(&reference, &npy("<f8", true, "(2, 3)", &rows));
    apart(&reference, &npy("<f8", false, "(3, 2)", &rows));
    apart(&reference, &npy("<f8", false, "(6,)", &rows));
    let single = f32s(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    apart(&reference, &npy("<f4", false, "(2, 3)", &single));
    // Three axes, turned: element (i, j, k) of shape (2, 3, 2).
    let place = |i: usize, j: usize, k: usize| (i * 6 + j * 2 + k) as f64;
    let mut c = Vec::new();
    let mut f = Vec::new();
    for i in 0..2 {
        for j in 0..3 {
            for k in 0..2 {
                c.push(place(i, j, k));
            }
        }
    }
    for k in 0..2 {
        for j in 0..3 {
            for i in 0..2 {
                f.push(place(i, j, k));
            }
        }
    }
    close(
        &npy("<f8", false, "(2, 3, 2)", &f64s(&c)),
        &npy("<f8", true, "(2, 3, 2)", &f64s(&f)),
    );
}

#[test]
fn every_element_type_is_read() {
    let one = |descr: &str, reference: &[u8], near: &[u8], far: &[u8]| {
        let of = |data| npy(descr, false, "(1,)", data);
        close(&of(reference), &of(near));
        apart(&of(reference), &of(far));
    };
    one("<f2", &[0x00, 0x3c], &[0x00, 0x3c], &[0x00, 0x40]);
    // 2^-24, the smallest half, is within atol of zero.
    one("<f2", &[0x00, 0x00], &[0x01, 0x00], &[0x00, 0x7e]);
    one("<f4", &f32s(&[1.0]), &f32s(&[1.000_001]), &f32s(&[1.01]));
    one("<c8", &f32s(&[1.0, 1e-7]), &f32s(&[1.0, 0.0]), &f32s(&[1.0, 0.1]));
    one("<c16", &f64s(&[0.0, 1.0]), &f64s(&[0.0, 1.000_001]), &f64s(&[1.0, 0.0]));
    let big = |re: f64, im: f64| [re.to_be_bytes(), im.to_be_bytes()].concat();
    one(">c16", &big(3.0, 4.0), &big(3.000_001, 4.0), &big(4.0, 3.0));
    one("<i8", &7i64.to_le_bytes(), &7i64.to_le_bytes(), &8i64.to_le_bytes());
    one("|u1", &[255], &[255], &[254]);
    one("|b1", &[1], &[1], &[0]);
    // Large whole numbers that no float tells apart are told apart.
    one(
        "<i8",
        &i64::MAX.to_le_bytes(),
        &i64::MAX.to_le_bytes(),
        &(i64::MAX - 1).to_le_bytes(),
    );
    for descr in ["<U4", "|O", "<M8[s]", "<f16", "f", ""] {
        let of = |byte: u8| npy(descr, false, "(1,)", &[byte; 16]);
        unknown(&of(1), &of(2), "not compared");
    }
}

#[test]
fn a_cut_or_hostile_npy_is_apart_from_a_good_one_and_tells_nothing_about_another() {
    let good = npy("<f8", false, "(2,)", &f64s(&[1.0, 2.0]));
    for length in 6..good.len() {
        let cut = &good[..length];
        apart(&good, cut);
        assert!(matches!(
            compare(cut, &good[..length - 1], &STRICT),
            Finding::Unknown(_) | Finding::Apart(_)
        ));
    }
    let shapes = [
        "(18446744073709551615, 2)",
        "(4611686018427387904, 4)",
        "(-2,)",
        "(2",
        "2)",
        "(2, x)",
        "()",
        "(0,)",
        "(0, 18446744073709551615)",
        "(99999999999999999999999,)",
    ];
    for shape in shapes {
        apart(&good, &npy("<f8", false, shape, &f64s(&[1.0, 2.5])));
    }
    let axes = "1,".repeat(100);
    apart(&good, &npy("<f8", false, &format!("({axes})"), &f64s(&[1.0])));
    // A header that says it has four gigabytes.
    let mut huge = b"\x93NUMPY\x02\x00".to_vec();
    huge.extend_from_slice(&u32::MAX.to_le_bytes());
    huge.extend_from_slice(b"{");
    apart(&good, &huge);
    apart(&good, b"\x93NUMPY\x09\x00\x00\x00");
    // Empty tensors and numbers without axes.
    let empty = |shape| npy("<f8", false, shape, &[]);
    apart(&empty("(0,)"), &empty("(0, 3)"));
    close(
        &npy("<f8", false, "()", &f64s(&[1.0])),
        &npy("<f8", false, "()", &f64s(&[1.000_001])),
    );
}

#[test]
fn json_is_compared_number_by_number() {
    close(b"[[1, 2.5], [3e2, -4]]", b"[[1.0000001,2.5],\n [300.0001,-4]]");
    close(
        br#"{"value": 2.0, "sign": -1}"#,
        br#"{"value": 2.000001, "sign": -1.0}"#,
    );
    close(br#"["a", null, true, NaN]"#, br#"[ "a",null,true,NaN ]"#);
    apart(b"[[1, 2], [3, 4]]", b"[1, 2, 3, 4]");
    apart(b"[1, 2]", b"[1, 2, 3]");
    apart(br#"{"a": 1}"#, br#"{"b": 1}"#);
    apart(br#"["a"]"#, br#"["b"]"#);
    apart(b"[1]", b"[true]");
    apart(b"[1]", b"[1");
    apart(b"[1, null]", b"[1, 0]");
    // One number of an object does not set the scale of another; those of an array do.
    apart(br#"{"value": 1e300, "log": 1.0}"#, br#"{"value": 1e300, "log": 2.0}"#);
    close(br#"[{"re": 1e3, "im": 1e-4}]"#, br#"[{"re": 1e3, "im": 0}]"#);
    apart(br#"[[1e3, 1], [2, 3]]"#, br#"[[1e3, 1], [2, 4]]"#);
    // An escaped quote ends no text.
    apart(br#"["a\"", 1]"#, br#"["a\"", 2]"#);
    close(br#"["\\", 1]"#, br#"["\\", 1.0000001]"#);
}

#[test]
fn pieces_of_a_json_text_are_compared_too() {
    close(b"[[1,2],\n", b"[[1,2.0000001],\n");
    close(b"[3,4],\n[5,6]]", b"[3,4],\n[5.00001,6]]");
    apart(b"[3,4]]", b"[3,5]]");
    close(b"]}", b"] }");
}

#[test]
fn deep_json_costs_its_length_and_no_stack() {
    let deep = |number: &str| format!("{}{number}{}", "[".repeat(1 << 20), "]".repeat(1 << 20));
    close(deep("1").as_bytes(), deep("1.0000001").as_bytes());
    apart(deep("1").as_bytes(), deep("2").as_bytes());
    apart(deep("1").as_bytes(), "[".repeat(1 << 20).as_bytes());
    let closing = "]".repeat(1 << 16) + "1";
    apart(closing.as_bytes(), ("]".repeat(1 << 16) + "2").as_bytes());
}

#[test]
fn what_has_no_form_is_neither_close_nor_apart() {
    unknown(b"1,2,abc", b"1,2,abd", "neither");
    unknown(b"\x00\x01\x02\x03", b"\x00\x01\x02\x04", "tolerance:RTOL,ATOL,f32");
    unknown(b"\"cut", b"\"cu", "neither");
    unknown(b"-", b"+1", "neither");
    assert_eq!(compare(b"any bytes", b"any bytes", &STRICT), Finding::Close(Some(0.0)));
    apart(b"[1]", b"\xff\xff");
    apart(b"", b"[1]");
    apart(&npy("<f4", false, "(1,)", &[0; 4]), b"[0]");
}

#[test]
fn bare_numbers_have_the_type_that_the_task_says() {
    let single = Tolerance {
        raw: Some(RawElements::F32),
        ..STRICT
    };
    let double = Tolerance {
        raw: Some(RawElements::F64),
        ..STRICT
    };
    let near = compare(&f32s(&[1.0, 2.0]), &f32s(&[1.000_001, 2.0]), &single);
    assert!(matches!(near, Finding::Close(Some(_))), "{near:?}");
    let far = compare(&f64s(&[1.0, 2.0]), &f64s(&[1.1, 2.0]), &double);
    assert!(matches!(far, Finding::Apart(Some(_))), "{far:?}");
    let shorter = compare(&f64s(&[1.0, 2.0]), &f64s(&[1.0]), &double);
    assert_eq!(shorter, Finding::Apart(None));
    let odd = compare(&[1; 9], &[2; 9], &double);
    assert!(matches!(odd, Finding::Unknown(_)), "{odd:?}");
}

fn safetensors(header: &str, data: &[u8]) -> Vec<u8> {
    let length = u64::try_from(header.len()).expect("short");
    [&length.to_le_bytes()[..], header.as_bytes(), data].concat()
}

#[test]
fn safetensors_are_compared_by_name() {
    let header = r#"{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"n":{"dtype":"I64","shape":[],"data_offsets":[8,16]}}"#;
    let turned = r#"{"n":{"dtype":"I64","shape":[],"data_offsets":[0,8]},"w":{"dtype":"F32","shape":[2],"data_offsets":[8,16]}}"#;
    let whole = 9i64.to_le_bytes();
    let reference = safetensors(header, &[f32s(&[1.0, 2.0]), whole.to_vec()].concat());
    close(
        &reference,
        &safetensors(turned, &[whole.to_vec(), f32s(&[1.000_001, 2.0])].concat()),
    );
    apart(
        &reference,
        &safetensors(header, &[f32s(&[1.0, 2.1]), whole.to_vec()].concat()),
    );
    apart(
        &reference,
        &safetensors(header, &[f32s(&[1.0, 2.0]), 8i64.to_le_bytes().to_vec()].concat()),
    );
    apart(&reference, &reference[..reference.len() - 1]);
    let brain = r#"{"w":{"dtype":"BF16","shape":[1],"data_offsets":[0,2]}}"#;
    apart(&safetensors(brain, &[0x80, 0x3f]), &safetensors(brain, &[0x81, 0x3f]));
    // Places outside of the file, sizes that do not fit, and nesting without end.
    for place in ["[0,99]", "[8,0]", "[0,4]", "[-1,8]", "[0]", "null"] {
        let hostile = format!(r#"{{"w":{{"dtype":"F32","shape":[2],"data_offsets":{place}}}}}"#);
        apart(&reference, &safetensors(&hostile, &[0; 16]));
    }
    let deep = format!("{{\"w\":{}", "[".repeat(1 << 16));
    apart(&reference, &safetensors(&deep, &[]));
    let huge = r#"{"w":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,16]}}"#;
    apart(&reference, &safetensors(huge, &[0; 16]));
}

/// A ZIP archive of stored files.
fn zip(files: &[(&str, &[u8])], method: u16) -> Vec<u8> {
    let (mut bytes, mut directory) = (Vec::new(), Vec::new());
    for (name, data) in files {
        let (at, size) = (
            u32::try_from(bytes.len()).expect("short"),
            u32::try_from(data.len()).expect("short"),
        );
        let length = u16::try_from(name.len()).expect("short");
        // Version, flags, method, time, date, checksum, sizes, name and extra.
        let common = [
            &20u16.to_le_bytes()[..],
            &[0; 2],
            &method.to_le_bytes(),
            &[0; 8],
            &size.to_le_bytes(),
            &size.to_le_bytes(),
            &length.to_le_bytes(),
            &[0; 2],
        ]
        .concat();
        bytes.extend([&b"PK\x03\x04"[..], &common, name.as_bytes(), data].concat());
        directory.extend(
            [
                &b"PK\x01\x02\x14\x00"[..],
                &common,
                &[0; 10],
                &at.to_le_bytes(),
                name.as_bytes(),
            ]
            .concat(),
        );
    }
    let count = u16::try_from(files.len()).expect("few").to_le_bytes();
    let size = u32::try_from(directory.len()).expect("short").to_le_bytes();
    let at = u32::try_from(bytes.len()).expect("short").to_le_bytes();
    let end = [&b"PK\x05\x06\0\0\0\0"[..], &count, &count, &size, &at, &[0; 2]].concat();
    [bytes, directory, end].concat()
}

#[test]
fn npz_files_are_compared_file_by_file() {
    let array = |values: &[f64]| npy("<f8", false, "(2,)", &f64s(values));
    let (x, near, far) = (array(&[1.0, 2.0]), array(&[1.0, 2.000_001]), array(&[1.0, 2.1]));
    let reference = zip(&[("x.npy", &x), ("y.npy", &x)], 0);
    close(&reference, &zip(&[("y.npy", &near), ("x.npy", &x)], 0));
    apart(&reference, &zip(&[("x.npy", &x), ("y.npy", &far)], 0));
    apart(&reference, &zip(&[("x.npy", &x)], 0));
    apart(&reference, &zip(&[("x.npy", &x), ("z.npy", &x)], 0));
    for length in 4..reference.len() {
        apart(&reference, &reference[..length]);
    }
    unknown(&zip(&[("x.npy", &x)], 8), &zip(&[("x.npy", &near)], 8), "compressed");
    let twice = zip(&[("x.npy", &x), ("x.npy", &x)], 0);
    apart(&reference, &twice);
    // Directories that point anywhere.
    for at in 0..reference.len() {
        let mut hostile = reference.clone();
        hostile[at] = 0xff;
        let _ = compare(&reference, &hostile, &STRICT);
        let _ = compare(&hostile, &reference, &STRICT);
    }
}

#[test]
fn no_bytes_make_it_panic() {
    let mut seed = 7u64;
    let mut byte = || {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (seed >> 56) as u8
    };
    let starts: [&[u8]; 5] = [b"\x93NUMPY\x01\x00", b"PK\x03\x04", b"\x02\0\0\0\0\0\0\0{}", b"[", b""];
    for round in 0..20_000 {
        let mut draw = || {
            let length = usize::from(byte()) % 96;
            let mut bytes = starts[round % starts.len()].to_vec();
            bytes.extend((0..length).map(|_| byte()));
            bytes
        };
        let (one, other) = (draw(), draw());
        let _ = compare(&one, &other, &STRICT);
    }
}
