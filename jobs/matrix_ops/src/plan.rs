//! Cuts a task: block-wise operations by rows of the result, so that the outputs one after the other are the result.
//!
//! A matrix in Fortran order is the transpose of one in C order, with the same bytes. So where all operands are in
//! Fortran order and the result is a `.npy`, the transposed task is computed in C order, and the header says Fortran:
//! `(a b)^T = b^T a^T`. That is also all there is to a transpose.

use crate::Chunk;
use crate::form::{Form, Frame, Kind};
use crate::matrix::{Matrix, Place};
use crate::operands;
use crate::params::{NormKind, Operation, OutputForm, Params};
use arrays::ElementType;
use p2pjob::prelude::*;

/// Most bytes of the rows of `a` that a chunk multiplies: they stay in memory.
const MAX_ROWS_BYTES: u64 = 64 << 20;
/// Bytes of the rows (or columns) of `b` that are multiplied at once.
const PANEL_BYTES: u64 = 64 << 20;
/// Most bytes of a chunk's output: half of what the platform allows by default.
const MAX_OUTPUT_BYTES: u64 = 32 << 20;
/// Most bytes of an element as JSON, with its comma.
const JSON_BYTES: u64 = 26;
/// Least arithmetic of a chunk, unless the user says otherwise: below it, placing the chunk costs more.
const MIN_CHUNK_FLOPS: u64 = 200_000_000;
/// Least bytes that a chunk of a sum or transpose reads, unless the user says otherwise.
const MIN_CHUNK_BYTES: u64 = 1 << 20;
/// Most bytes of matrices in a chunk's body, which may have 64 KiB with all that is around them.
const MAX_INLINE_BYTES: u64 = 60 << 10;

/// Cuts the task.
pub fn plan(params: &Params, inputs: &Inputs, hint: &PlanHint) -> Result<Vec<Cut<Chunk>>> {
    if params.norm != NormKind::Frobenius && params.operation != Operation::Norm {
        bail!("the parameter norm belongs to operation norm");
    }
    let (a, b) = operands::find(params, inputs)?;
    let sources: Vec<Source> = inputs.iter().map(|(_, source)| source).collect();
    let form = form_of(params, &a, b.as_ref());
    let mut element = operands::promote(params.operation, a.element, b.as_ref().map(|b| b.element));
    if element == ElementType::F16 && form == Form::Json {
        element = ElementType::F32;
    }
    let work = Work {
        params,
        sources: &sources,
        element,
        form,
    };
    if params.operation.is_blockwise() {
        work.blocks(a, b, hint)
    } else {
        work.whole(&a, b.as_ref())
    }
}

fn form_of(params: &Params, a: &Matrix, b: Option<&Matrix>) -> Form {
    let is_number = matches!(params.operation, Operation::Determinant | Operation::Norm);
    match params.output {
        OutputForm::Json => Form::Json,
        OutputForm::Npy => Form::Npy(false),
        OutputForm::Raw => Form::Raw,
        OutputForm::Auto if is_number => Form::Json,
        OutputForm::Auto if a.is_blob() || b.is_some_and(Matrix::is_blob) => Form::Npy(false),
        OutputForm::Auto => Form::Json,
    }
}

struct Work<'a> {
    params: &'a Params,
    sources: &'a [Source],
    element: ElementType,
    form: Form,
}

impl Work<'_> {
    /// One chunk that has everything.
    fn whole(&self, a: &Matrix, b: Option<&Matrix>) -> Result<Vec<Cut<Chunk>>> {
        check_inline(inline_bytes(a) + b.map_or(0, inline_bytes))?;
        let rows = |rows, cols, vector| Kind::Rows {
            from: 0,
            to: rows,
            rows,
            cols,
            vector,
        };
        let (kind, element) = match (self.params.operation, b) {
            (Operation::Eigenvalues, _) => (Kind::Complex(a.rows), self.element),
            (Operation::SingularValues, _) => (rows(a.rows.min(a.cols), 1, true), self.element),
            (Operation::Determinant, _) => (Kind::Determinant, ElementType::F64),
            (Operation::Norm, _) => (Kind::Number, ElementType::F64),
            (_, Some(b)) => (rows(a.cols, b.cols, b.vector), self.element),
            (_, None) => (rows(a.rows, a.cols, false), self.element),
        };
        let cut = Cut::new(());
        let (a, cut) = a.slice(0..a.line_count(), self.sources, cut);
        let (b, cut) = match b {
            Some(b) => {
                let (b, cut) = b.slice(0..b.line_count(), self.sources, cut);
                (Some(b), cut)
            }
            None => (None, cut),
        };
        let frame = Frame {
            kind,
            element,
            form: self.form,
        };
        Ok(vec![self.finish(cut, (a, b), frame, 1)])
    }

    /// Chunks of rows of the result.
    fn blocks(&self, a: Matrix, b: Option<Matrix>, hint: &PlanHint) -> Result<Vec<Cut<Chunk>>> {
        let is_product = self.params.operation == Operation::Multiply;
        let a = if self.params.operation == Operation::Transpose {
            a.transposed()
        } else {
            a
        };
        let flip = matches!(self.form, Form::Npy(_)) && a.fortran && b.as_ref().is_none_or(|b| b.fortran);
        let (a, b) = match (flip, b) {
            (false, b) => (a, b),
            (true, Some(b)) if is_product => (b.transposed(), Some(a.transposed())),
            (true, b) => (a.transposed(), b.map(Matrix::transposed)),
        };
        let form = if flip { Form::Npy(true) } else { self.form };
        let rows = a.rows;
        let cols = b.as_ref().filter(|_| is_product).map_or(a.cols, |b| b.cols);
        let panel = match &b {
            Some(b) if is_product => self.panel(b),
            _ => 1,
        };
        let step = self.rows_per_chunk(&a, b.as_ref(), cols, hint)?;
        let mut cuts = Vec::new();
        let mut from = 0;
        while from < rows || cuts.is_empty() {
            let to = from.saturating_add(step).min(rows);
            // Rows lie together in C order only; else a chunk sees all.
            let of = |matrix: &Matrix, cut, by_rows: bool| {
                let lines = if by_rows && !matrix.fortran {
                    from..to
                } else {
                    0..matrix.line_count()
                };
                matrix.slice(lines, self.sources, cut)
            };
            let (own_a, cut) = of(&a, Cut::new(()), true);
            let (own_b, cut) = match &b {
                Some(b) => {
                    let (b, cut) = of(b, cut, !is_product);
                    (Some(b), cut)
                }
                None => (None, cut),
            };
            let frame = Frame {
                kind: Kind::Rows {
                    from,
                    to,
                    rows,
                    cols,
                    vector: false,
                },
                element: self.element,
                form,
            };
            cuts.push(self.finish(cut.weight((to - from).max(1)), (own_a, own_b), frame, panel));
            from = to;
        }
        Ok(cuts)
    }

    fn finish(&self, cut: Cut<()>, (a, b): (Matrix, Option<Matrix>), frame: Frame, panel: u64) -> Cut<Chunk> {
        let chunk = Chunk {
            operation: self.params.operation,
            a,
            b,
            element: self.element,
            frame,
            panel,
            norm: self.params.norm,
        };
        Cut {
            chunk,
            slices: cut.slices,
            weight: cut.weight,
        }
    }

    /// Lines of `b` that are multiplied at once. Depends on nothing but `b`, since in C order it orders the additions.
    fn panel(&self, b: &Matrix) -> u64 {
        let bytes = b.line_length().saturating_mul(self.element.size()).max(1);
        (PANEL_BYTES / bytes).clamp(1, b.line_count().max(1))
    }

    fn rows_per_chunk(&self, a: &Matrix, b: Option<&Matrix>, cols: u64, hint: &PlanHint) -> Result<u64> {
        let is_product = self.params.operation == Operation::Multiply;
        let size = self.element.size();
        let written = if self.form == Form::Json { JSON_BYTES } else { size };
        let most = (MAX_OUTPUT_BYTES / cols.saturating_mul(written).max(1))
            .min(MAX_ROWS_BYTES / a.cols.saturating_mul(size).max(1))
            .max(1);
        let least = if is_product {
            MIN_CHUNK_FLOPS / a.cols.saturating_mul(cols).saturating_mul(2).max(1)
        } else {
            MIN_CHUNK_BYTES / cols.saturating_mul(size).max(1)
        };
        let hint = PlanHint {
            chunk_size: self.params.chunk_size.or(hint.chunk_size),
            ..*hint
        };
        let step = hint.chunk_size_within(a.rows, least.min(most), most).min(most);
        let chunks = a.rows.div_ceil(step);
        if chunks > u64::from(hint.max_chunks) {
            bail!(
                "the result has {} rows of {cols} elements, which makes {chunks} chunks; {} are allowed",
                a.rows,
                hint.max_chunks
            );
        }
        self.within_body(a, b, step)
    }

    /// Fewer rows where the bytes of the matrices travel in the chunk.
    fn within_body(&self, a: &Matrix, b: Option<&Matrix>, step: u64) -> Result<u64> {
        let by_rows = |matrix: &Matrix| {
            let whole = inline_bytes(matrix);
            let is_cut = !matrix.fortran && matrix.rows > 0;
            if is_cut { (0, whole / matrix.rows) } else { (whole, 0) }
        };
        let (fixed, per_row) = match (by_rows(a), b) {
            (a, None) => a,
            (a, Some(b)) if self.params.operation == Operation::Multiply => (a.0 + inline_bytes(b), a.1),
            (a, Some(b)) => (a.0 + by_rows(b).0, a.1 + by_rows(b).1),
        };
        check_inline(fixed + per_row)?;
        let fits = (MAX_INLINE_BYTES - fixed).checked_div(per_row).unwrap_or(u64::MAX);
        Ok(step.min(fits).max(1))
    }
}

/// Bytes that travel in the chunk's body.
fn inline_bytes(matrix: &Matrix) -> u64 {
    match &matrix.place {
        Place::Inline(bytes) => bytes.0.len() as u64,
        Place::Slice { .. } => 0,
    }
}

fn check_inline(bytes: u64) -> Result<()> {
    if bytes > MAX_INLINE_BYTES {
        bail!(
            "the matrices in the parameters need {bytes} bytes in one chunk, and {MAX_INLINE_BYTES} fit; save them as \
             .npy and bind them: --input a=a.npy --input b=b.npy"
        );
    }
    Ok(())
}
