//! How results are written: nested lists, `.npy`, or bare elements; and how a claimed result is read back by a check.

use arrays::{ElementType, Shown, npy_header, npy_header_as};
use p2pjob::prelude::*;
use std::io::Write;

/// How the output is written.
#[wire]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    /// Nested lists.
    Json,
    /// A NumPy file; whether its first index runs fastest.
    Npy(bool),
    /// Bare elements.
    Raw,
}

/// What a chunk's output is.
#[wire]
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Rows `from .. to` of a matrix of `rows` and `cols`.
    Rows {
        /// The first row.
        from: u64,
        /// The row behind the last one.
        to: u64,
        /// Rows of the whole matrix.
        rows: u64,
        /// Its columns.
        cols: u64,
        /// Whether it is a vector: one column, written without its brackets.
        vector: bool,
    },
    /// So many complex numbers: pairs of real and imaginary part.
    Complex(u64),
    /// Value, sign and logarithm of the absolute value.
    Determinant,
    /// One number.
    Number,
}

/// An output: what it is, of what type, and how it is written.
#[wire]
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Frame {
    /// What it is.
    pub kind: Kind,
    /// Type of its elements (of the parts of complex numbers).
    pub element: ElementType,
    /// How it is written.
    pub form: Form,
}

impl Frame {
    /// Number of elements in this chunk's output; complex numbers have two.
    pub fn elements(&self) -> u64 {
        match self.kind {
            Kind::Rows { from, to, cols, .. } => (to - from) * cols,
            Kind::Complex(count) => 2 * count,
            Kind::Determinant => 3,
            Kind::Number => 1,
        }
    }

    /// What stands in front of the elements where they are written as bytes.
    pub fn head(&self) -> Vec<u8> {
        let Form::Npy(fortran) = self.form else {
            return Vec::new();
        };
        match self.kind {
            Kind::Rows { from, .. } if from > 0 => Vec::new(),
            Kind::Rows { rows, vector: true, .. } => npy_header(self.element, false, &[rows]),
            Kind::Rows { rows, cols, .. } if fortran => npy_header(self.element, true, &[cols, rows]),
            Kind::Rows { rows, cols, .. } => npy_header(self.element, false, &[rows, cols]),
            Kind::Complex(count) => npy_header_as(&format!("<c{}", 2 * self.element.size()), false, &[count]),
            Kind::Determinant => npy_header(self.element, false, &[3]),
            Kind::Number => npy_header(self.element, false, &[]),
        }
    }

    /// Writes the output whose elements are these bytes, row-major and little-endian.
    pub fn write(&self, data: &[u8], out: &mut impl Write) -> Result<()> {
        if self.form == Form::Json {
            return self.write_json(data, out);
        }
        out.write_all(&self.head())?;
        out.write_all(data)?;
        Ok(())
    }

    fn write_json(&self, data: &[u8], out: &mut impl Write) -> Result<()> {
        let shown = Shown {
            element: self.element,
            bytes: data,
        };
        match self.kind {
            Kind::Rows {
                from,
                to,
                rows,
                cols,
                vector,
            } => {
                out.write_all(if from == 0 { b"[" } else { b"" })?;
                for row in from..to {
                    out.write_all(if row == 0 { b"" } else { b"," })?;
                    out.write_all(if vector { b"" } else { b"[" })?;
                    for col in 0..cols {
                        out.write_all(if col == 0 { b"" } else { b"," })?;
                        shown.write(((row - from) * cols + col) as usize, out)?;
                    }
                    out.write_all(if vector { b"" } else { b"]" })?;
                }
                out.write_all(if to == rows { b"]\n" } else { b"" })?;
            }
            Kind::Complex(count) => {
                out.write_all(b"[")?;
                for number in 0..count as usize {
                    out.write_all(if number == 0 { b"{\"re\":" } else { b",{\"re\":" })?;
                    shown.write(2 * number, out)?;
                    out.write_all(b",\"im\":")?;
                    shown.write(2 * number + 1, out)?;
                    out.write_all(b"}")?;
                }
                out.write_all(b"]\n")?;
            }
            Kind::Determinant => {
                for (number, name) in ["{\"value\":", ",\"sign\":", ",\"log_abs\":"].into_iter().enumerate() {
                    out.write_all(name.as_bytes())?;
                    shown.write(number, out)?;
                }
                out.write_all(b"}\n")?;
            }
            Kind::Number => {
                shown.write(0, out)?;
                out.write_all(b"\n")?;
            }
        }
        Ok(())
    }

    /// Where the elements of a claimed output begin, or none when it is not what this frame writes. Not for JSON.
    pub fn elements_at(&self, claimed: &OpenPartial) -> Option<u64> {
        let head = self.head();
        let wanted = (head.len() as u64).checked_add(self.elements().checked_mul(self.element.size())?)?;
        let fits = claimed.size() == wanted && claimed.read_at(0, head.len() as u32) == head;
        (self.form != Form::Json && fits).then_some(head.len() as u64)
    }

    /// The elements of a claimed output, or none when it is not what this frame writes.
    pub fn read(&self, claimed: &[u8]) -> Option<Vec<u8>> {
        let wanted = usize::try_from(self.elements() * self.element.size()).ok()?;
        if self.form != Form::Json {
            let data = claimed.strip_prefix(self.head().as_slice())?;
            return (data.len() == wanted).then(|| data.to_vec());
        }
        let text = std::str::from_utf8(claimed).ok()?;
        let between = text.split(['[', ']', '{', '}', ',', ':', '\n']);
        let is_number = |token: &&str| {
            !matches!(
                *token,
                "" | "\"re\"" | "\"im\"" | "\"value\"" | "\"sign\"" | "\"log_abs\""
            )
        };
        let mut data = Vec::with_capacity(wanted.min(claimed.len().saturating_mul(8)));
        for token in between.filter(is_number) {
            data.extend(element_of(self.element, token)?);
        }
        if data.len() != wanted {
            return None;
        }
        // Only one text says these numbers: so brackets and commas stand where they belong.
        let mut again = Vec::with_capacity(claimed.len());
        self.write_json(&data, &mut again).ok()?;
        (again == claimed).then_some(data)
    }
}

/// The bytes of a number as [`Shown`] writes it.
fn element_of(element: ElementType, token: &str) -> Option<Vec<u8>> {
    macro_rules! parse {
        ($rust:ty) => {
            token
                .parse::<$rust>()
                .ok()
                .map(|value| value.to_le_bytes().to_vec())
        };
    }
    let float = match token {
        "\"NaN\"" => Some(f64::NAN),
        "\"Infinity\"" => Some(f64::INFINITY),
        "\"-Infinity\"" => Some(f64::NEG_INFINITY),
        _ => None,
    };
    match (element, float) {
        (ElementType::F32, Some(value)) => Some((value as f32).to_le_bytes().to_vec()),
        (ElementType::F64, Some(value)) => Some(value.to_le_bytes().to_vec()),
        (ElementType::F32, None) => parse!(f32),
        (ElementType::F64, None) => parse!(f64),
        (ElementType::I8, _) => parse!(i8),
        (ElementType::I16, _) => parse!(i16),
        (ElementType::I32, _) => parse!(i32),
        (ElementType::I64, _) => parse!(i64),
        (ElementType::U8, _) => parse!(u8),
        (ElementType::U16, _) => parse!(u16),
        (ElementType::U32, _) => parse!(u32),
        (ElementType::U64, _) => parse!(u64),
        (ElementType::Bool, _) => token.parse::<bool>().ok().map(|value| vec![u8::from(value)]),
        (ElementType::F16, _) => None,
    }
}

/// A number as the bytes of one element.
pub fn number_bytes(element: ElementType, value: f64) -> Vec<u8> {
    if element == ElementType::F32 {
        (value as f32).to_le_bytes().to_vec()
    } else {
        value.to_le_bytes().to_vec()
    }
}

/// Little-endian floats as numbers.
pub fn floats(element: ElementType, bytes: &[u8]) -> Vec<f64> {
    match element {
        ElementType::F32 => bytes
            .as_chunks()
            .0
            .iter()
            .map(|bytes| f64::from(f32::from_le_bytes(*bytes)))
            .collect(),
        _ => bytes
            .as_chunks()
            .0
            .iter()
            .map(|bytes| f64::from_le_bytes(*bytes))
            .collect(),
    }
}
