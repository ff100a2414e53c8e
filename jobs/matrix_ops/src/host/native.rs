//! A plain model of a node for native tests: dense, slow, and right. Spectra are not here; their checks are.

use super::{Determinant, Refusal};
use crate::block::whole_numbers;
use crate::form::{floats, number_bytes};
use crate::params::NormKind;
use arrays::ElementType;
use p2pjob::prelude::*;
use std::io::Write;
use std::ops::Range;

/// A block of a matrix, row-major.
#[derive(Clone, Debug)]
pub struct Block {
    element: ElementType,
    shape: (usize, usize),
    /// As numbers, rounded to the type; empty for whole numbers.
    floats: Vec<f64>,
    /// As whole numbers; empty for floats.
    wholes: Vec<i64>,
}

impl Block {
    /// From a slice of the chunk, from a byte on.
    pub fn from_source(source: Source, offset: u64, element: ElementType, shape: (u64, u64)) -> Result<Self> {
        let wanted = (shape.0 * shape.1 * element.size()) as usize;
        let mut bytes = Vec::new();
        while bytes.len() < wanted {
            let rest = (wanted - bytes.len()).min(1 << 20) as u32;
            let read = source.read_at(offset + bytes.len() as u64, rest);
            if read.is_empty() {
                bail!("the slice ends at {} of {wanted} bytes", bytes.len());
            }
            bytes.extend(read);
        }
        Self::from_bytes(element, shape, &bytes)
    }

    /// From a claimed output, from a byte on.
    pub fn from_claim(claimed: &OpenPartial, offset: u64, element: ElementType, shape: (u64, u64)) -> Result<Self> {
        let wanted = (shape.0 * shape.1 * element.size()) as usize;
        let all = claimed.bytes();
        let bytes = all.get(offset as usize..).and_then(|bytes| bytes.get(..wanted));
        Self::from_bytes(element, shape, bytes.unwrap_or_default())
    }

    /// From little-endian bytes.
    pub fn from_bytes(element: ElementType, shape: (u64, u64), bytes: &[u8]) -> Result<Self> {
        if bytes.len() as u64 != shape.0 * shape.1 * element.size() {
            bail!("{} bytes for shape {shape:?} of {element}", bytes.len());
        }
        let is_float = element.is_float();
        Ok(Self {
            element,
            shape: (shape.0 as usize, shape.1 as usize),
            floats: if is_float { floats(element, bytes) } else { Vec::new() },
            wholes: if is_float {
                Vec::new()
            } else {
                whole_numbers(element, bytes)
            },
        })
    }

    /// Zeros.
    pub fn zeros(element: ElementType, shape: (u64, u64)) -> Result<Self> {
        Self::from_bytes(element, shape, &vec![0; (shape.0 * shape.1 * element.size()) as usize])
    }

    fn of_floats(element: ElementType, shape: (usize, usize), numbers: Vec<f64>) -> Self {
        let round = |number: f64| {
            if element == ElementType::F32 {
                f64::from(number as f32)
            } else {
                number
            }
        };
        Self {
            element,
            shape,
            floats: numbers.into_iter().map(round).collect(),
            wholes: Vec::new(),
        }
    }

    /// The elements of other places, by row and column.
    fn pick(&self, shape: (usize, usize), from: impl Fn(usize, usize) -> (usize, usize)) -> Self {
        let places = || (0..shape.0).flat_map(|row| (0..shape.1).map(move |col| (row, col)));
        let at = |(row, col): (usize, usize)| {
            let (row, col) = from(row, col);
            row * self.shape.1 + col
        };
        Self {
            element: self.element,
            shape,
            floats: places()
                .filter_map(|place| self.floats.get(at(place)).copied())
                .collect(),
            wholes: places()
                .filter_map(|place| self.wholes.get(at(place)).copied())
                .collect(),
        }
    }

    /// In another type.
    pub fn cast(self, from: ElementType, to: ElementType) -> Result<Self> {
        assert_eq!(from, self.element);
        if to.is_float() {
            Ok(Self::of_floats(to, self.shape, self.numbers()?))
        } else {
            Ok(Self { element: to, ..self })
        }
    }

    /// Rows become columns.
    pub fn transposed(&self) -> Result<Self> {
        Ok(self.pick((self.shape.1, self.shape.0), |row, col| (col, row)))
    }

    /// Some rows and columns.
    pub fn part(&self, rows: Range<u64>, cols: Range<u64>) -> Result<Self> {
        assert!(rows.end as usize <= self.shape.0 && cols.end as usize <= self.shape.1);
        let shape = ((rows.end - rows.start) as usize, (cols.end - cols.start) as usize);
        Ok(self.pick(shape, |row, col| (row + rows.start as usize, col + cols.start as usize)))
    }

    /// Blocks below each other (axis 0), or side by side (axis 1).
    pub fn join(blocks: &[Self], axis: usize) -> Result<Self> {
        if axis == 1 {
            let turned: Vec<Self> = blocks.iter().map(Self::transposed).collect::<Result<_>>()?;
            return Self::join(&turned, 0)?.transposed();
        }
        let mut all = blocks[0].clone();
        for block in &blocks[1..] {
            assert_eq!(block.shape.1, all.shape.1);
            all.shape.0 += block.shape.0;
            all.floats.extend(&block.floats);
            all.wholes.extend(&block.wholes);
        }
        Ok(all)
    }

    /// The matrix product.
    pub fn multiply(&self, other: &Self) -> Result<Self> {
        let ((rows, inner), (rows_b, cols)) = (self.shape, other.shape);
        assert_eq!((inner, self.element), (rows_b, other.element));
        let mut product = Self::zeros(self.element, (rows as u64, cols as u64))?;
        let single = self.element == ElementType::F32;
        for (row, col) in (0..rows).flat_map(|row| (0..cols).map(move |col| (row, col))) {
            let at = row * cols + col;
            for k in 0..inner {
                let (left, right) = (row * inner + k, k * cols + col);
                if !self.element.is_float() {
                    let part = self.wholes[left].wrapping_mul(other.wholes[right]);
                    product.wholes[at] = product.wholes[at].wrapping_add(part);
                } else if single {
                    let (left, right) = (self.floats[left] as f32, other.floats[right] as f32);
                    product.floats[at] = left.mul_add(right, product.floats[at] as f32).into();
                } else {
                    product.floats[at] = self.floats[left].mul_add(other.floats[right], product.floats[at]);
                }
            }
        }
        Ok(product)
    }

    fn each(&self, other: &Self, float: impl Fn(f64, f64) -> f64, whole: impl Fn(i64, i64) -> i64) -> Result<Self> {
        assert_eq!((self.shape, self.element), (other.shape, other.element));
        let floats = self
            .floats
            .iter()
            .zip(&other.floats)
            .map(|(a, b)| float(*a, *b))
            .collect();
        let wholes = self
            .wholes
            .iter()
            .zip(&other.wholes)
            .map(|(a, b)| whole(*a, *b))
            .collect();
        Ok(Self {
            wholes,
            ..Self::of_floats(self.element, self.shape, floats)
        })
    }

    /// Sums.
    pub fn add(&self, other: &Self) -> Result<Self> {
        self.each(other, |a, b| a + b, i64::wrapping_add)
    }

    /// Differences.
    pub fn subtract(&self, other: &Self) -> Result<Self> {
        self.each(other, |a, b| a - b, i64::wrapping_sub)
    }

    /// Little-endian bytes.
    pub fn bytes(&self) -> Result<Vec<u8>> {
        if self.element.is_float() {
            return Ok(self
                .floats
                .iter()
                .flat_map(|number| number_bytes(self.element, *number))
                .collect());
        }
        let size = self.element.size() as usize;
        Ok(self
            .wholes
            .iter()
            .flat_map(|number| number.to_le_bytes().into_iter().take(size))
            .collect())
    }

    /// The numbers.
    pub fn numbers(&self) -> Result<Vec<f64>> {
        if self.element.is_float() {
            return Ok(self.floats.clone());
        }
        let unsigned = self.element == ElementType::U64;
        Ok(self
            .wholes
            .iter()
            .map(|whole| if unsigned { *whole as u64 as f64 } else { *whole as f64 })
            .collect())
    }

    /// Appends all bytes to the output.
    pub fn write_output(&self) -> Result<()> {
        OutputWriter::new().write_all(&self.bytes()?)?;
        Ok(())
    }

    fn rows(&self) -> impl Iterator<Item = &[f64]> {
        (0..self.shape.0).map(|row| &self.floats[row * self.shape.1..(row + 1) * self.shape.1])
    }

    /// The Euclidean norm of every row.
    pub fn row_norms(&self) -> Result<Vec<f64>> {
        Ok(self
            .rows()
            .map(|row| row.iter().map(|number| number * number).sum::<f64>().sqrt())
            .collect())
    }

    /// The sum of the absolute values of every row.
    pub fn row_sums(&self) -> Result<Vec<f64>> {
        Ok(self
            .rows()
            .map(|row| row.iter().map(|number| number.abs()).sum())
            .collect())
    }

    /// Smallest and largest element of a block of whole numbers, as bytes of their type; none where it is empty.
    pub fn extremes(&self) -> Result<Option<(Vec<u8>, Vec<u8>)>> {
        let key = |whole: &i64| {
            if self.element == ElementType::U64 {
                i128::from(*whole as u64)
            } else {
                i128::from(*whole)
            }
        };
        let keys = || self.wholes.iter().map(key);
        let bytes = |key: i128| key.to_le_bytes()[..self.element.size() as usize].to_vec();
        Ok(keys()
            .min()
            .zip(keys().max())
            .map(|(least, most)| (bytes(least), bytes(most))))
    }

    /// The inverse.
    pub fn inverse(&self) -> Result<Self> {
        let rows = self.shape.0;
        let mut unit = vec![0.0; rows * rows];
        (0..rows).for_each(|row| unit[row * rows + row] = 1.0);
        Ok(self.solve(&Self::of_floats(self.element, self.shape, unit))?)
    }

    /// The `x` with `self x = b`, by Gauss and Jordan; what the sign and product of the pivots are, too.
    fn eliminate(&self, b: &Self) -> (Self, Vec<f64>, f64) {
        let (rows, cols) = (self.shape.0, b.shape.1);
        let (mut a, mut x, mut sign) = (self.floats.clone(), b.floats.clone(), 1.0);
        let mut pivots = Vec::new();
        for step in 0..rows {
            let size = |row: &usize| a[row * rows + step].abs();
            let best = (step..rows)
                .max_by(|one, other| size(one).total_cmp(&size(other)))
                .unwrap_or(step);
            if best != step {
                sign = -sign;
                (0..rows).for_each(|col| a.swap(step * rows + col, best * rows + col));
                (0..cols).for_each(|col| x.swap(step * cols + col, best * cols + col));
            }
            let pivot = a[step * rows + step];
            pivots.push(pivot);
            if pivot == 0.0 {
                continue;
            }
            for row in (0..rows).filter(|row| *row != step) {
                let factor = a[row * rows + step] / pivot;
                (0..rows).for_each(|col| a[row * rows + col] -= factor * a[step * rows + col]);
                (0..cols).for_each(|col| x[row * cols + col] -= factor * x[step * cols + col]);
            }
        }
        for row in 0..rows {
            (0..cols).for_each(|col| x[row * cols + col] /= a[row * rows + row]);
        }
        (Self::of_floats(self.element, (rows, cols), x), pivots, sign)
    }

    /// The `x` with `self x = b`.
    pub fn solve(&self, b: &Self) -> Result<Self, Refusal> {
        let (solved, pivots, _) = self.eliminate(b);
        let (least, most) = pivots.iter().fold((f64::MAX, 0.0f64), |(least, most), pivot| {
            (least.min(pivot.abs()), most.max(pivot.abs()))
        });
        if !pivots.is_empty() && least <= most * 1e-16 {
            return Err(Refusal::Singular(Error::new(
                "the matrix is singular to working precision",
            )));
        }
        Ok(solved)
    }

    /// The determinant.
    pub fn determinant(&self, _by_qr: bool) -> Result<Determinant> {
        let (_, pivots, sign) = self.eliminate(&Self::zeros(self.element, (self.shape.0 as u64, 0))?);
        let value = pivots.iter().fold(sign, |value, pivot| value * pivot);
        Ok(Determinant {
            value,
            sign: if value == 0.0 {
                0.0
            } else {
                pivots.iter().fold(sign, |sign, pivot| sign * pivot.signum())
            },
            log_abs: pivots.iter().map(|pivot| pivot.abs().ln()).sum(),
        })
    }

    /// Not here.
    pub fn eigenvalues(&self) -> Result<Self> {
        bail!("eigenvalues need a node: cargo p2pjob test jobs/matrix_ops")
    }

    /// Not here.
    pub fn singular_values(&self) -> Result<Self> {
        bail!("singular values need a node: cargo p2pjob test jobs/matrix_ops")
    }

    /// A norm; those of singular values are not here.
    pub fn norm(&self, kind: NormKind) -> Result<f64> {
        let largest = |sums: Vec<f64>| sums.into_iter().fold(0.0, f64::max);
        Ok(match kind {
            NormKind::Frobenius => self.floats.iter().map(|number| number * number).sum::<f64>().sqrt(),
            NormKind::One => largest(self.transposed()?.row_sums()?),
            NormKind::Infinity => largest(self.row_sums()?),
            NormKind::Maximum => largest(self.floats.iter().map(|number| number.abs()).collect()),
            NormKind::Two | NormKind::Nuclear => bail!("this norm needs a node: cargo p2pjob test jobs/matrix_ops"),
        })
    }
}
