//! Finds the operands of a task and compares their shapes with the operation: what is wrong is told by `plan`.

use crate::matrix::{Matrix, Place};
use crate::params::{Operation, Params};
use arrays::{Bytes, ElementType, Header, Nested};
use p2pjob::prelude::*;

/// Most bytes of a matrix, as stored and in the widest type: far over any disk, and far under what overflows.
const MAX_ELEMENTS: u64 = 1 << 50;

/// The operands.
pub fn find(params: &Params, inputs: &Inputs) -> Result<(Matrix, Option<Matrix>)> {
    let operation = params.operation;
    let a = find_one(params, inputs, None)?;
    if operation.is_of_squares() && a.rows != a.cols {
        bail!("{operation} needs a square matrix; a has shape {}", a.shape());
    }
    if a.vector && operation != Operation::Norm {
        bail!("{operation} needs a matrix; a is a vector of shape {}", a.shape());
    }
    if !operation.is_binary() {
        if params.matrix2.is_some() || inputs.find("b").is_some() {
            bail!("{operation} takes one matrix; leave out matrix2 and input b");
        }
        return Ok((a, None));
    }
    let b = find_one(params, inputs, Some(&a))?;
    let (fits, wanted) = match operation {
        Operation::Multiply => (a.cols == b.rows, "as many columns of a as rows of b"),
        Operation::Solve => (a.rows == b.rows, "as many rows of b as of a"),
        _ => ((a.rows, a.cols) == (b.rows, b.cols), "equal shapes"),
    };
    if !fits {
        bail!("{operation} needs {wanted}; a has shape {}, b {}", a.shape(), b.shape());
    }
    if b.vector && operation != Operation::Solve {
        bail!("{operation} needs matrices; b is a vector of shape {}", b.shape());
    }
    Ok((a, Some(b)))
}

/// The type of the work: whole numbers stay whole, `float32` stays `float32`, and what is mixed becomes `float64`.
pub fn promote(operation: Operation, a: ElementType, b: Option<ElementType>) -> ElementType {
    let half = |element| matches!(element, ElementType::F16 | ElementType::F32);
    let b = b.unwrap_or(a);
    if operation == Operation::Transpose {
        a
    } else if half(a) && half(b) {
        ElementType::F32
    } else if !a.is_float() && !b.is_float() && operation.is_blockwise() {
        ElementType::I64
    } else {
        ElementType::F64
    }
}

/// One operand; the second one where the first is known.
fn find_one(params: &Params, inputs: &Inputs, first: Option<&Matrix>) -> Result<Matrix> {
    let (name, parameter, inline) = match first {
        None => ("a", "matrix1", &params.matrix1),
        Some(_) => ("b", "matrix2", &params.matrix2),
    };
    let found = match (inline, inputs.find(name)) {
        (Some(_), Some(_)) => bail!("{name} is given twice; use the parameter {parameter} or --input {name}=PATH"),
        (None, None) => bail!(
            "{} needs {name}; add --input {name}=PATH, or a parameter {parameter} with a list of rows",
            params.operation
        ),
        (Some(nested), None) => of_json(nested).map_err(|error| error.context(parameter)),
        (None, Some(source)) if Header::is_npy(source) => {
            of_npy(source).map_err(|error| error.context(format_args!("input {name}")))
        }
        (None, Some(source)) => {
            of_raw(params, source, first).map_err(|error| error.context(format_args!("input {name}")))
        }
    };
    let matrix = found?;
    match matrix.rows.checked_mul(matrix.cols) {
        Some(elements) if elements <= MAX_ELEMENTS => Ok(matrix),
        _ => bail!(
            "{name} has shape {}; {MAX_ELEMENTS} elements are allowed",
            matrix.shape()
        ),
    }
}

fn of_json(nested: &Nested) -> Result<Matrix> {
    let (rows, cols, vector) = match nested.shape[..] {
        [rows, cols] => (rows, cols, false),
        [rows] if rows > 0 => (rows, 1, true),
        // No rows: nobody can say how many columns.
        [_] => (0, 0, false),
        _ => bail!("lists lie {} deep; a matrix is a list of rows", nested.shape.len()),
    };
    let (element, bytes) = nested.pack(0, nested.numbers.len());
    Ok(Matrix {
        element,
        big_endian: false,
        fortran: false,
        rows,
        cols,
        vector,
        lines: (0, rows),
        place: Place::Inline(Bytes(bytes)),
    })
}

fn of_npy(source: Source) -> Result<Matrix> {
    let header = Header::read(source)?;
    let (rows, cols, vector) = match header.shape[..] {
        [rows, cols] => (rows, cols, false),
        [rows] => (rows, 1, true),
        _ => bail!(
            "the array has {} dimensions, shape {:?}; a matrix has 2",
            header.shape.len(),
            header.shape
        ),
    };
    let lines = if header.fortran { cols } else { rows };
    Ok(Matrix {
        element: header.element,
        big_endian: header.big_endian,
        fortran: header.fortran,
        rows,
        cols,
        vector,
        lines: (0, lines),
        place: Place::Slice {
            index: source.index(),
            offset: header.offset,
        },
    })
}

fn of_raw(params: &Params, source: Source, first: Option<&Matrix>) -> Result<Matrix> {
    let Some(element) = params.dtype else {
        bail!("no .npy file, and dtype is missing; add --param dtype=float64 (or float32 ...), rows and cols");
    };
    let size = source.size();
    if !size.is_multiple_of(element.size()) {
        bail!("{size} bytes are no whole number of {element}");
    }
    let elements = size / element.size();
    let columns_of = |rows: u64| elements.checked_div(rows).unwrap_or(0);
    let (rows, cols) = match (first, params.rows, params.cols) {
        (None, Some(rows), Some(cols)) => (rows, cols),
        (None, Some(rows), None) => (rows, columns_of(rows)),
        (None, None, Some(cols)) => (columns_of(cols), cols),
        (None, None, None) => bail!("a raw matrix needs --param rows=N --param cols=N"),
        (Some(a), ..) => match params.operation {
            Operation::Multiply => (a.cols, columns_of(a.cols)),
            Operation::Solve => (a.rows, columns_of(a.rows)),
            _ => (a.rows, a.cols),
        },
    };
    if rows.checked_mul(cols) != Some(elements) {
        bail!("{elements} elements of {element} do not make a matrix of {rows} rows and {cols} columns");
    }
    Ok(Matrix {
        element,
        big_endian: false,
        fortran: false,
        rows,
        cols,
        vector: false,
        lines: (0, rows),
        place: Place::Slice {
            index: source.index(),
            offset: 0,
        },
    })
}
