//! What is computed, and what is refused.

use super::{json, noise, npy, run};
use crate::MatrixOps;
use arrays::Header;
use p2pjob::testing::Task;

fn two(operation: &str, matrix1: &str, matrix2: &str) -> String {
    json(&format!(
        r#"{{"operation": "{operation}", "matrix1": {matrix1}, "matrix2": {matrix2}}}"#
    ))
}

fn one(operation: &str, matrix1: &str) -> String {
    json(&format!(r#"{{"operation": "{operation}", "matrix1": {matrix1}}}"#))
}

#[test]
fn small_matrices_as_json() {
    let (a, b) = ("[[1, 2], [3, 4]]", "[[5, 6], [7, 8]]");
    assert_eq!(two("multiply", a, b), "[[19,22],[43,50]]");
    assert_eq!(two("add", a, b), "[[6,8],[10,12]]");
    assert_eq!(two("subtract", a, b), "[[-4,-4],[-4,-4]]");
    assert_eq!(one("transpose", "[[1, 2, 3], [4, 5, 6]]"), "[[1,4],[2,5],[3,6]]");
    assert_eq!(two("multiply", "[[0.5]]", "[[3]]"), "[[1.5]]");
    assert_eq!(one("inverse", "[[2, 0], [0, 4]]"), "[[0.5,0.0],[0.0,0.25]]");
    assert_eq!(two("solve", "[[2, 0], [0, 4]]", "[1, 2]"), "[0.5,0.5]");
    assert_eq!(two("solve", "[[2, 0], [0, 4]]", "[[1], [2]]"), "[[0.5],[0.5]]");
    let determinant = one("determinant", "[[0, 2], [3, 0]]");
    assert_eq!(determinant, r#"{"value":-6.0,"sign":-1.0,"log_abs":1.791759469228055}"#);
    assert_eq!(one("norm", "[[3, 4]]"), "5.0");
    assert_eq!(
        json(r#"{"operation": "norm", "norm": "one", "matrix1": [[1, -9], [-3, 4]]}"#),
        "13.0"
    );
    assert_eq!(
        one("transpose", r#"[["NaN", "-Infinity"]]"#),
        r#"[["NaN"],["-Infinity"]]"#
    );
}

#[test]
fn empty_matrices() {
    assert_eq!(one("transpose", "[]"), "[]");
    assert_eq!(two("add", "[]", "[]"), "[]");
    assert_eq!(two("multiply", "[[], []]", "[]"), "[[],[]]");
    assert_eq!(two("multiply", "[]", "[]"), "[]");
}

#[test]
fn what_does_not_fit_is_told_by_plan() {
    let cases = [
        (
            two("multiply", "[[1, 2]]", "[[1, 2]]"),
            "multiply needs as many columns of a as rows of b; a has shape (1, 2), b (1, 2)",
        ),
        (
            two("add", "[[1, 2]]", "[[1], [2]]"),
            "add needs equal shapes; a has shape (1, 2), b (2, 1)",
        ),
        (
            one("inverse", "[[1, 2]]"),
            "inverse needs a square matrix; a has shape (1, 2)",
        ),
        (
            one("multiply", "[[1]]"),
            "multiply needs b; add --input b=PATH, or a parameter matrix2 with a list of rows",
        ),
        (
            two("transpose", "[[1]]", "[[1]]"),
            "transpose takes one matrix; leave out matrix2 and input b",
        ),
        (
            one("transpose", "[1, 2]"),
            "transpose needs a matrix; a is a vector of shape (2,)",
        ),
        (
            one("transpose", "[[[1]]]"),
            "matrix1: lists lie 3 deep; a matrix is a list of rows",
        ),
        (
            json(r#"{"operation": "transpose", "matrix1": [[1]], "norm": "two"}"#),
            "the parameter norm belongs to operation norm",
        ),
    ];
    for (said, wanted) in cases {
        assert_eq!(said, format!("error: plan: {wanted}"));
    }
    assert!(one("transpose", "[[1, 2], [3]]").contains("a list at depth 2 has 1 elements where the first has 2"));
    assert!(one("transpose", "[[1], 2]").contains("numbers and lists stand side by side"));
    assert!(one("transpose", r#"[["x"]]"#).contains("\"x\" is no number"));
}

#[test]
fn whole_numbers_never_wrap() {
    let large = "[[4611686018427387904]]";
    assert!(two("add", large, large).contains("may not fit in 64 bits together"));
    assert!(two("multiply", "[[3037000500]]", "[[3037000500]]").contains("may not fit in 64 bits"));
    assert_eq!(
        two("multiply", "[[3037000499]]", "[[3037000499]]"),
        "[[9223372030926249001]]"
    );
    assert_eq!(two("subtract", "[[2147483647]]", "[[-2147483648]]"), "[[4294967295]]");
}

/// Every order of both operands, every type, every cut: the product is that of a plain loop.
#[test]
fn products_of_files_in_any_order_and_cut() {
    let (rows, inner, cols) = (7, 5, 6);
    let whole = |numbers: Vec<f64>| {
        numbers
            .into_iter()
            .map(|number| (number * 100.0).round())
            .collect::<Vec<f64>>()
    };
    let (a, b) = (whole(noise(rows * inner, 1)), whole(noise(inner * cols, 2)));
    let product = |row: usize, col: usize| (0..inner).map(|k| a[row * inner + k] * b[k * cols + col]).sum::<f64>();
    for (kind_a, kind_b, element) in [
        ("<f8", ">f8", "float64"),
        ("<f4", ">f4", "float32"),
        ("<i2", ">i8", "int64"),
        ("<f4", "|u1", "float64"),
    ] {
        let b: Vec<f64> = if kind_b == "|u1" {
            b.iter().map(|number| number.abs()).collect()
        } else {
            b.clone()
        };
        let product = |row: usize, col: usize| {
            if kind_b == "|u1" {
                (0..inner).map(|k| a[row * inner + k] * b[k * cols + col]).sum::<f64>()
            } else {
                product(row, col)
            }
        };
        for (fortran_a, fortran_b) in [(false, false), (false, true), (true, false), (true, true)] {
            for chunk_size in [1, 2, 3, 7, 100] {
                let task = Task::new(r#"{"operation": "multiply"}"#)
                    .input("a", npy(kind_a, fortran_a, &[rows as u64, inner as u64], &a))
                    .input("b", npy(kind_b, fortran_b, &[inner as u64, cols as u64], &b))
                    .chunk_size(chunk_size);
                let finished = task.run::<MatrixOps>().unwrap();
                let flipped = fortran_a && fortran_b;
                let count = if flipped { cols } else { rows } as u64;
                assert_eq!(finished.chunks as u64, count.div_ceil(chunk_size), "{kind_a} {kind_b}");
                let read = read_npy(&finished.output);
                assert_eq!((read.0.element.name(), read.0.fortran), (element, flipped));
                assert_eq!(read.0.shape, [rows as u64, cols as u64]);
                let wanted: Vec<f64> = (0..rows)
                    .flat_map(|row| (0..cols).map(move |col| (row, col)))
                    .map(|(row, col)| product(row, col))
                    .collect();
                assert_eq!(read.1, wanted);
            }
        }
    }
}

/// Header and elements, row-major.
fn read_npy(file: &[u8]) -> (Header, Vec<f64>) {
    let text = String::from_utf8_lossy(&file[10..]).into_owned();
    let between = |from: &str, to: &str| text.split_once(from).unwrap().1.split_once(to).unwrap().0.to_owned();
    let header = Header {
        element: arrays::ElementType::from_code(&between("'descr': '", "'")[1..]).unwrap(),
        big_endian: text.contains("'>"),
        fortran: text.contains("True"),
        shape: between("(", ")")
            .split(',')
            .filter_map(|part| part.trim().parse().ok())
            .collect(),
        offset: 10 + u64::from(u16::from_le_bytes([file[8], file[9]])),
    };
    assert_eq!(header.offset % 64, 0);
    let data = &file[header.offset as usize..];
    let numbers = if header.element.is_float() {
        crate::form::floats(header.element, data)
    } else {
        crate::block::whole_numbers(header.element, data)
            .into_iter()
            .map(|whole| whole as f64)
            .collect()
    };
    let (rows, cols) = (header.shape[0] as usize, header.shape[1] as usize);
    let sorted = if header.fortran {
        (0..rows)
            .flat_map(|row| (0..cols).map(move |col| (row, col)))
            .map(|(row, col)| numbers[col * rows + row])
            .collect()
    } else {
        numbers
    };
    (header, sorted)
}

#[test]
fn sums_and_transposes_of_files() {
    let (a, b) = (noise(12, 3), noise(12, 4));
    let sum: Vec<f64> = a.iter().zip(&b).map(|(a, b)| a + b).collect();
    let turned: Vec<f64> = (0..4)
        .flat_map(|col| (0..3).map(move |row| (row, col)))
        .map(|(row, col)| a[row * 4 + col])
        .collect();
    for (fortran_a, fortran_b) in [(false, false), (false, true), (true, false), (true, true)] {
        for chunk_size in [1, 2, 50] {
            let added = Task::new(r#"{"operation": "add"}"#)
                .input("a", npy("<f8", fortran_a, &[3, 4], &a))
                .input("b", npy(">f8", fortran_b, &[3, 4], &b))
                .chunk_size(chunk_size);
            assert_eq!(read_npy(&added.run::<MatrixOps>().unwrap().output).1, sum);
            for output in ["npy", "raw"] {
                let params = format!(r#"{{"operation": "transpose", "output": "{output}"}}"#);
                let task = Task::new(&params)
                    .input("a", npy(">f8", fortran_a, &[3, 4], &a))
                    .chunk_size(chunk_size);
                let file = task.run::<MatrixOps>().unwrap().output;
                let numbers = if output == "raw" {
                    crate::form::floats(arrays::ElementType::F64, &file)
                } else {
                    read_npy(&file).1
                };
                assert_eq!(numbers, turned, "{output}");
            }
        }
    }
}

#[test]
fn raw_files() {
    let raw = |numbers: &[f32]| {
        numbers
            .iter()
            .flat_map(|number| number.to_le_bytes())
            .collect::<Vec<u8>>()
    };
    let params = r#"{"operation": "multiply", "dtype": "float32", "rows": 1, "cols": 2, "output": "json"}"#;
    let task = Task::new(params)
        .input("a", raw(&[1.0, 2.0]))
        .input("b", raw(&[0.5, 1.0, 2.0, 0.1]));
    assert_eq!(run(&task), "[[4.5,1.2]]");
    let unknown = Task::new(r#"{"operation": "transpose"}"#).input("a", raw(&[1.0]));
    assert!(run(&unknown).contains("input a: no .npy file, and dtype is missing"));
    let odd =
        Task::new(r#"{"operation": "transpose", "dtype": "float32", "rows": 2, "cols": 2}"#).input("a", raw(&[1.0; 3]));
    assert!(run(&odd).contains("3 elements of float32 do not make a matrix of 2 rows and 2 columns"));
}

#[test]
fn matrices_in_the_parameters_have_a_limit() {
    let row = format!("[{}]", vec!["0.1"; 100].join(","));
    let square = format!("[{}]", vec![row; 100].join(","));
    assert!(one("inverse", &square).contains("save them as .npy and bind them"));
    // Cut by rows, they fit.
    assert!(two("add", &square, &square).starts_with("[[0.2,0.2,"));
}

/// Panels order the additions of a product; whole numbers show that none is lost or counted twice.
#[test]
fn panels_of_any_size_make_the_same_product() {
    use crate::form::{Form, Frame, Kind};
    use crate::matrix::{Matrix, Place};
    use arrays::{Bytes, ElementType};
    let (rows, inner, cols) = (3u64, 7u64, 4u64);
    let matrix = |rows: u64, cols: u64, fortran: bool, seed: u64| {
        let numbers = noise((rows * cols) as usize, seed)
            .into_iter()
            .map(|number| (number * 100.0) as i8 as u8);
        Matrix {
            element: ElementType::I8,
            big_endian: false,
            fortran,
            rows,
            cols,
            vector: false,
            lines: (0, if fortran { cols } else { rows }),
            place: Place::Inline(Bytes(numbers.collect())),
        }
    };
    for (fortran_a, fortran_b) in [(false, false), (true, false), (false, true), (true, true)] {
        let product = |panel: u64| {
            let kind = Kind::Rows {
                from: 0,
                to: rows,
                rows,
                cols,
                vector: false,
            };
            let chunk = crate::Chunk {
                operation: crate::Operation::Multiply,
                a: matrix(rows, inner, fortran_a, 1),
                b: Some(matrix(inner, cols, fortran_b, 2)),
                element: ElementType::I64,
                frame: Frame {
                    kind,
                    element: ElementType::I64,
                    form: Form::Raw,
                },
                panel,
                norm: crate::NormKind::Frobenius,
            };
            crate::product::run(&chunk, &p2pjob::Slices::default())
                .unwrap()
                .bytes()
                .unwrap()
        };
        for panel in 1..8 {
            assert_eq!(product(panel), product(100), "panels of {panel}");
        }
    }
}
