//! What checks accept and refute. That they accept every right output is also asked by each run of a test.

use super::{noise, npy};
use crate::MatrixOps;
use crate::check::ROUNDS;
use crate::form::number_bytes;
use arrays::ElementType;
use p2pjob::testing::Task;

const HEADER: usize = 128;

fn product(descr: &str, size: u64) -> Task {
    let count = (size * size) as usize;
    let scale = if descr.ends_with("i8") { 1000.0 } else { 1.0 };
    let numbers = |seed| {
        noise(count, seed)
            .into_iter()
            .map(|number| number * scale)
            .collect::<Vec<f64>>()
    };
    Task::new(r#"{"operation": "multiply"}"#)
        .input("a", npy(descr, false, &[size, size], &numbers(5)))
        .input("b", npy(descr, false, &[size, size], &numbers(6)))
        .chunk_size(size)
}

/// The claim with one number replaced.
fn altered(claim: &[u8], element: ElementType, at: usize, alter: impl Fn(f64) -> f64) -> Vec<u8> {
    let size = element.size() as usize;
    let place = HEADER + at * size..HEADER + (at + 1) * size;
    let mut claim = claim.to_vec();
    if element == ElementType::I64 {
        let old = i64::from_le_bytes(claim[place.clone()].try_into().unwrap());
        claim[place].copy_from_slice(&(alter(old as f64) as i64).to_le_bytes());
    } else {
        let old = crate::form::floats(element, &claim[place.clone()])[0];
        claim[place].copy_from_slice(&number_bytes(element, alter(old)));
    }
    claim
}

#[test]
fn a_product_with_one_wrong_number_is_refuted() {
    for (descr, element, least) in [
        ("<f4", ElementType::F32, 1e-2),
        ("<f8", ElementType::F64, 1e-10),
        ("<i8", ElementType::I64, 1.0),
    ] {
        let task = product(descr, 40);
        let right = task.partial::<MatrixOps>(0).unwrap();
        assert_eq!(task.check::<MatrixOps>(0, &right), Ok(true), "{descr}");
        for at in [0, 39, 777, 1599] {
            for sign in [1.0, -1.0] {
                let wrong = altered(&right, element, at, |number| number + sign * least);
                assert_eq!(task.check::<MatrixOps>(0, &wrong), Ok(false), "{descr} at {at}");
            }
        }
        assert_eq!(task.check::<MatrixOps>(0, &right[..right.len() - 1]), Ok(false));
        assert_eq!(task.check::<MatrixOps>(0, b""), Ok(false));
    }
    assert_eq!(ROUNDS, 8, "docs/matrix_ops.md says so");
}

#[test]
fn two_errors_that_cancel_in_half_of_the_vectors_are_refuted() {
    let task = product("<f8", 40);
    let right = task.partial::<MatrixOps>(0).unwrap();
    let once = altered(&right, ElementType::F64, 100, |number| number + 1.0);
    let twice = altered(&once, ElementType::F64, 101, |number| number - 1.0);
    assert_eq!(task.check::<MatrixOps>(0, &twice), Ok(false));
}

#[test]
fn what_is_not_finite_is_left_to_a_second_node() {
    let task = product("<f8", 4);
    let right = task.partial::<MatrixOps>(0).unwrap();
    let strange = altered(&right, ElementType::F64, 3, |_| f64::NAN);
    assert!(
        task.check::<MatrixOps>(0, &strange)
            .unwrap_err()
            .contains("cannot tell")
    );
    let nan = Task::new(r#"{"operation": "multiply", "matrix1": [["NaN"]], "matrix2": [[1.5]]}"#);
    assert!(
        nan.check::<MatrixOps>(0, b"[[\"NaN\"]]\n")
            .unwrap_err()
            .contains("cannot tell")
    );
}

/// Equal elements round the same way in every sum: the errors are a hundred times those of others. Such a product must not
/// be refuted.
#[test]
fn a_product_with_unusual_rounding_is_not_refuted() {
    let size = 400u64;
    let file = npy("<f4", false, &[size, size], &vec![0.1; (size * size) as usize]);
    let task = Task::new(r#"{"operation": "multiply"}"#)
        .input("a", file.clone())
        .input("b", file)
        .chunk_size(4);
    let right = task.partial::<MatrixOps>(1).unwrap();
    assert_ne!(task.check::<MatrixOps>(1, &right), Ok(false));
    let other = product("<f4", 400);
    let garbage = &other.partial::<MatrixOps>(0).unwrap()[HEADER..HEADER + right.len()];
    assert_eq!(task.check::<MatrixOps>(1, garbage), Ok(false));
}

#[test]
fn sums_are_made_again() {
    let task = Task::new(r#"{"operation": "add", "matrix1": [[1.5, "NaN"]], "matrix2": [[1, 2]]}"#);
    assert_eq!(task.check::<MatrixOps>(0, b"[[2.5,\"NaN\"]]\n"), Ok(true));
    assert_eq!(task.check::<MatrixOps>(0, b"[[2.5,3.0]]\n"), Ok(false));
    assert_eq!(
        task.check::<MatrixOps>(0, b"[[2.5000000000000004,\"NaN\"]]\n"),
        Ok(false)
    );
}

#[test]
fn inverses_and_solutions_are_put_back() {
    let size = 30u64;
    let a = npy("<f8", false, &[size, size], &noise(900, 7));
    let inverse = Task::new(r#"{"operation": "inverse"}"#).input("a", a.clone());
    let right = inverse.partial::<MatrixOps>(0).unwrap();
    assert_eq!(inverse.check::<MatrixOps>(0, &right), Ok(true));
    let wrong = altered(&right, ElementType::F64, 31, |number| number * (1.0 + 1e-7));
    assert_eq!(inverse.check::<MatrixOps>(0, &wrong), Ok(false));
    for cols in [1, 20] {
        let b = npy("<f8", false, &[size, cols], &noise((size * cols) as usize, 8));
        let solve = Task::new(r#"{"operation": "solve"}"#)
            .input("a", a.clone())
            .input("b", b);
        let right = solve.partial::<MatrixOps>(0).unwrap();
        assert_eq!(solve.check::<MatrixOps>(0, &right), Ok(true));
        let wrong = altered(&right, ElementType::F64, 3, |number| number + 1e-7);
        assert_eq!(solve.check::<MatrixOps>(0, &wrong), Ok(false));
    }
}

#[test]
fn determinants() {
    let task = Task::new(r#"{"operation": "determinant", "matrix1": [[1, 2], [3, 4]]}"#);
    let claim = |value: f64, sign: f64, log: f64| {
        format!("{{\"value\":{value:?},\"sign\":{sign:?},\"log_abs\":{log:?}}}\n").into_bytes()
    };
    let log = 2f64.ln();
    assert_eq!(
        task.check::<MatrixOps>(0, &claim(-2.0000000000000004, -1.0, log)),
        Ok(true)
    );
    for wrong in [
        claim(2.0, 1.0, log),
        claim(-2.1, -1.0, log),
        claim(-2.0, -1.0, 0.7),
        claim(-2.0, 1.0, log),
    ] {
        assert_eq!(
            task.check::<MatrixOps>(0, &wrong),
            Ok(false),
            "{}",
            String::from_utf8_lossy(&wrong)
        );
    }
    let singular = Task::new(r#"{"operation": "determinant", "matrix1": [[1, 2], [2, 4]]}"#);
    assert!(
        singular
            .check::<MatrixOps>(0, &claim(0.0, 0.0, 1.0))
            .unwrap_err()
            .contains("singular")
    );
}

/// Eigenvalues and singular values of [[4, 1, -2], [0, 2, 5], [1, -3, 1]], from NumPy 2.4.
const SPECTRA: &str = r#""matrix1": [[4, 1, -2], [0, 2, 5], [1, -3, 1]]"#;

#[test]
fn eigenvalues() {
    let task = Task::new(&format!(r#"{{"operation": "eigenvalues", {SPECTRA}}}"#));
    let claim = |values: &[(f64, f64)]| {
        let each: Vec<String> = values
            .iter()
            .map(|(re, im)| format!("{{\"re\":{re:?},\"im\":{im:?}}}"))
            .collect();
        format!("[{}]\n", each.join(",")).into_bytes()
    };
    let (pair, real) = ((RE, IM), (REAL, 0.0));
    let right = [(pair.0, -pair.1), pair, real];
    assert_eq!(task.check::<MatrixOps>(0, &claim(&right)), Ok(true));
    let moved = |by: f64| {
        claim(&[
            (pair.0 - by / 2.0, -pair.1),
            (pair.0 - by / 2.0, pair.1),
            (real.0 + by, 0.0),
        ])
    };
    assert_eq!(task.check::<MatrixOps>(0, &moved(1e-9)), Ok(false));
    assert_eq!(
        task.check::<MatrixOps>(0, &claim(&[real, (pair.0, -pair.1), pair])),
        Ok(false),
        "not sorted"
    );
    // Sum and sum of squares as they should be, and yet other numbers.
    let (sum, squares) = (7.0, pair.0 * pair.0 * 2.0 - pair.1 * pair.1 * 2.0 + real.0 * real.0);
    let first = real.0 + 0.1;
    let (rest, rest_squares) = (sum - first, squares - first * first);
    let half = rest / 2.0;
    let im = (half * half - rest_squares / 2.0).sqrt();
    let forged = [(half, -im), (half, im), (first, 0.0)];
    assert_eq!(task.check::<MatrixOps>(0, &claim(&forged)), Ok(false), "{forged:?}");
}

#[test]
fn singular_values() {
    let task = Task::new(&format!(r#"{{"operation": "singular_values", {SPECTRA}}}"#));
    let claim = |values: [f64; 3]| format!("[{:?},{:?},{:?}]\n", values[0], values[1], values[2]).into_bytes();
    assert_eq!(task.check::<MatrixOps>(0, &claim(SINGULAR)), Ok(true));
    let [one, two, three] = SINGULAR;
    assert_eq!(task.check::<MatrixOps>(0, &claim([two, one, three])), Ok(false));
    assert_eq!(task.check::<MatrixOps>(0, &claim([one + 1e-6, two, three])), Ok(false));
    // The same sum of squares.
    let (other, shrunk) = (
        one + 0.1,
        1.0 - ((one + 0.1) * (one + 0.1) - one * one) / (two * two + three * three),
    );
    let forged = [other, two * shrunk.sqrt(), three * shrunk.sqrt()];
    assert_eq!(task.check::<MatrixOps>(0, &claim(forged)), Ok(false));
}

const RE: f64 = 1.4784642537299353;
const IM: f64 = 4.105979797375112;
const REAL: f64 = 4.043071492540129;
const SINGULAR: [f64; 3] = [5.826567907109684, 4.050405270290381, 3.26271720659995];
