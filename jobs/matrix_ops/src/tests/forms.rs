//! How results are written and claimed ones read.

use crate::form::{Form, Frame, Kind};
use arrays::ElementType;

fn frames() -> Vec<Frame> {
    let rows = |from, to, vector| Kind::Rows {
        from,
        to,
        rows: 3,
        cols: if vector { 1 } else { 2 },
        vector,
    };
    let kinds = [
        rows(0, 1, false),
        rows(1, 2, false),
        rows(1, 3, false),
        rows(0, 3, false),
        rows(0, 3, true),
        Kind::Complex(2),
        Kind::Determinant,
        Kind::Number,
    ];
    let forms = [Form::Json, Form::Npy(false), Form::Raw];
    let elements = [ElementType::F32, ElementType::F64];
    let mut frames = Vec::new();
    for kind in kinds {
        for form in forms {
            frames.extend(elements.map(|element| Frame {
                kind: kind.clone(),
                element,
                form,
            }));
        }
    }
    frames
}

fn written(frame: &Frame, data: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    frame.write(data, &mut out).unwrap();
    out
}

#[test]
fn what_is_written_is_read_and_nothing_else() {
    let numbers = [0.1, -2.5e-7, 3e30, f64::NAN, f64::INFINITY, -0.0];
    for frame in frames() {
        let count = frame.elements() as usize;
        let data: Vec<u8> = numbers[..count]
            .iter()
            .flat_map(|number| crate::form::number_bytes(frame.element, *number))
            .collect();
        let out = written(&frame, &data);
        let read = frame
            .read(&out)
            .unwrap_or_else(|| panic!("{frame:?}: {}", String::from_utf8_lossy(&out)));
        assert_eq!(read, data, "{frame:?}");
        assert_eq!(frame.read(&out[1..]), None, "{frame:?}");
        assert_eq!(frame.read(&out[..out.len() - 1]), None, "{frame:?}");
        assert_eq!(frame.read(&[&out[..], b" "].concat()), None, "{frame:?}");
    }
}

#[test]
fn rows_with_other_brackets_or_digits_are_refuted() {
    let kind = Kind::Rows {
        from: 0,
        to: 1,
        rows: 2,
        cols: 2,
        vector: false,
    };
    let frame = Frame {
        kind,
        element: ElementType::I64,
        form: Form::Json,
    };
    assert!(frame.read(b"[[1,2]").is_some());
    for wrong in [
        "[[1],[2]",
        "[1,2]",
        "[[1,2]]\n",
        "[[1, 2]",
        "[[01,2]",
        "[[1,2.0]",
        "[[1,2],[",
        "[[1,x]",
    ] {
        assert_eq!(frame.read(wrong.as_bytes()), None, "{wrong}");
    }
}

#[test]
fn a_number_of_any_size_is_read_as_written() {
    let frame = |element| Frame {
        kind: Kind::Number,
        element,
        form: Form::Json,
    };
    let mut bits = 1u32;
    for _ in 0..20_000 {
        bits = bits.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let single = f32::from_bits(bits);
        if single.is_nan() {
            continue;
        }
        let data = single.to_le_bytes();
        assert_eq!(
            frame(ElementType::F32)
                .read(&written(&frame(ElementType::F32), &data))
                .as_deref(),
            Some(&data[..])
        );
    }
}
