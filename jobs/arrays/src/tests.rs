//! Tests of headers, numbers and archives.

use crate::zip::crc32;
use crate::*;
use p2pjob::serde::ser::{Serialize, Serializer};

/// JSON as parameters travel.
struct Travelling(p2pjob::serde_json::Value);

impl Serialize for Travelling {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use p2pjob::serde_json::Value;
        match &self.0 {
            Value::Number(number) => match (number.as_i64(), number.as_f64()) {
                (Some(whole), _) => serializer.serialize_i64(whole),
                (None, float) => serializer.serialize_f64(float.unwrap_or(f64::NAN)),
            },
            Value::Array(items) => serializer.collect_seq(items.iter().cloned().map(Travelling)),
            // A unit would travel as an empty list.
            Value::Null => serializer.serialize_none(),
            other => other.serialize(serializer),
        }
    }
}

fn nested(json: &str) -> Result<Nested, String> {
    let value = p2pjob::serde_json::from_str(json).map_err(|error| error.to_string())?;
    let bytes = p2pjob::to_cbor(&Travelling(value)).map_err(|error| error.to_string())?;
    p2pjob::from_cbor(&bytes).map_err(|error| error.to_string())
}

#[test]
fn headers_are_those_of_numpy() {
    // numpy.save of zeros((3, 4)), NumPy 2.4.
    let mut wanted = b"\x93NUMPY\x01\x00v\x00{'descr': '<f8', 'fortran_order': False, 'shape': (3, 4), }".to_vec();
    wanted.resize(127, b' ');
    wanted.push(b'\n');
    assert_eq!(npy_header(ElementType::F64, false, &[3, 4]), wanted);
    assert!(
        String::from_utf8_lossy(&npy_header(ElementType::U8, false, &[3]))
            .contains("'|u1', 'fortran_order': False, 'shape': (3,), }")
    );
    assert!(String::from_utf8_lossy(&npy_header(ElementType::F32, false, &[])).contains("'shape': (), }"));
    assert_eq!(npy_header(ElementType::F64, true, &[u64::MAX; 16]).len() % 64, 0);
}

#[test]
fn lists_have_one_shape() {
    let one = nested("[[1, 2, 3], [4, 5, 6]]").unwrap();
    assert_eq!((one.shape.as_slice(), one.smallest()), (&[2, 3][..], ElementType::I8));
    assert_eq!(one.pack(3, 5), (ElementType::I8, vec![4, 5]));
    assert_eq!(nested("[[], []]").unwrap().shape, [2, 0]);
    assert_eq!(nested("[]").unwrap().shape, [0]);
    assert!(nested("3").unwrap().shape.is_empty());
    let mixed = nested(r#"[1, 2.5, "NaN", true]"#).unwrap();
    let Numbers::Float(values) = &mixed.numbers else {
        panic!()
    };
    assert_eq!(
        (values[0], values[1], values[3], mixed.smallest()),
        (1.0, 2.5, 1.0, ElementType::F32)
    );
    assert_eq!(nested("[0.1]").unwrap().smallest(), ElementType::F64);
    assert_eq!(nested("[-32768, 0]").unwrap().smallest(), ElementType::I16);
    assert_eq!(
        nested("[9223372036854775807]").unwrap().pack(0, 1),
        (ElementType::I64, i64::MAX.to_le_bytes().to_vec())
    );
    for wrong in [
        "[[1], 2]",
        "[1, [2]]",
        "[[1, 2], [3]]",
        "[[], 1]",
        "[[[1]], [1]]",
        r#"["a"]"#,
        "[null]",
        "[{}]",
    ] {
        assert!(nested(wrong).is_err(), "{wrong}");
    }
    let deep = format!("{}1{}", "[".repeat(17), "]".repeat(17));
    assert!(nested(&deep).unwrap_err().contains("more than 16 deep"));
}

#[test]
fn numbers_are_shown_with_the_fewest_digits() {
    let show = |element, bytes: &[u8]| {
        let mut out = Vec::new();
        Shown { element, bytes }
            .write(0, &mut out)
            .map(|()| String::from_utf8(out).unwrap())
    };
    assert_eq!(show(ElementType::F32, &0.1f32.to_le_bytes()).unwrap(), "0.1");
    assert_eq!(
        show(ElementType::F64, &f64::NEG_INFINITY.to_le_bytes()).unwrap(),
        "\"-Infinity\""
    );
    assert_eq!(
        show(ElementType::F16, &0x3555u16.to_le_bytes()).unwrap(),
        "0.333251953125"
    );
    assert_eq!(
        show(ElementType::F16, &1u16.to_le_bytes()).unwrap(),
        "5.960464477539063e-8"
    );
    assert_eq!(
        show(ElementType::U64, &u64::MAX.to_le_bytes()).unwrap(),
        "18446744073709551615"
    );
    assert_eq!(show(ElementType::Bool, &[1]).unwrap(), "true");
    assert!(show(ElementType::F32, &[0; 3]).is_err());
}

#[test]
fn lists_of_nothing_have_a_limit() {
    let mut out = Vec::new();
    assert!(write_nested(&[1 << 40, 0], &mut out, &mut |_, _| Ok(())).is_err());
    write_nested(&[2, 0, 3], &mut out, &mut |_, _| Ok(())).unwrap();
    assert_eq!(out, b"[[],[]]");
}

#[test]
fn archives() {
    assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
    let mut archive = ZipWriter::new();
    archive.add("a.npy", b"abc").unwrap();
    let bytes = archive.finish().unwrap();
    // 30 and 46 bytes of headers, twice the name, the content, 22 bytes of end.
    assert_eq!(bytes.len(), 30 + 46 + 2 * 5 + 3 + 22);
}

#[test]
fn every_type_has_one_code() {
    for element in ElementType::ALL {
        assert_eq!(ElementType::from_code(element.code()), Some(element));
        assert_eq!(ElementType::from_code(element.name()), Some(element));
    }
    assert_eq!(ElementType::from_code("c16"), None);
}
