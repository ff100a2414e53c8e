//! Folds the whole numbers `start` to `end`, both included, exactly at any size. Sums, averages and extremes have
//! closed forms; products go by a tree, so that the factors of each multiplication are of like size.
//! A chunk that is lost is computed again; nothing else depends on it.

mod number;
mod product;

use crate::number::{Number, Span};
use dashu_int::{IBig, UBig};
use expression::{Expression, Folded, Folder, decimal_of_ratio, value_from_int};
use p2pjob::prelude::*;

/// The job.
pub struct RangeReduce;

/// What is computed.
#[params]
#[derive(Clone, Copy, PartialEq, Eq, p2pjob::serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// The sum of the numbers.
    Sum,
    /// Their product.
    Product,
    /// The smallest.
    Min,
    /// The largest.
    Max,
    /// Their mean, exact.
    Average,
    /// `expression` for each number, folded with `combine`.
    Custom,
}

/// The range and what to do with it.
#[params]
pub struct Params {
    /// The first number: an integer, or its digits as text where it is too large for JSON.
    start: Number,
    /// The last number, included.
    end: Number,
    /// What is computed.
    operation: Operation,
    /// For `custom`: an expression in `x`, such as `x ** 2` or `x % 7 == 0`.
    #[serde(default)]
    expression: Option<String>,
    /// For `custom`: how the values are folded: sum (the default), product, min, max, average, count, concat, or an
    /// associative expression in `a` and `b`.
    #[serde(default)]
    combine: Option<String>,
    /// How many numbers a chunk has; overrides the task's chunk size.
    #[serde(default)]
    #[schemars(range(min = 1))]
    chunk_size: Option<u64>,
}

/// One piece of the range.
#[wire]
pub struct Piece {
    span: Span,
    operation: Operation,
    custom: Option<(String, String)>,
}

/// The fold of one piece.
#[wire]
pub enum Partial {
    /// An exact number, little-endian two's complement.
    Exact(Vec<u8>),
    /// Count and value of a custom fold.
    Folded(u64, Option<String>),
}

impl Job for RangeReduce {
    type Params = Params;
    type Chunk = Piece;
    type Partial = Partial;
    type Output = Raw;

    fn plan(params: &Params, _: &Inputs, hint: &PlanHint) -> Result<Vec<Cut<Piece>>> {
        let custom = params.custom()?;
        let whole = params.span()?;
        if params.operation == Operation::Product {
            product::check_size(&whole)?;
        }
        let hint = PlanHint {
            chunk_size: params.chunk_size.or(hint.chunk_size),
            ..*hint
        };
        let pieces = whole.cut(&hint)?.into_iter();
        Ok(pieces
            .map(|span| {
                Cut::new(Piece {
                    span,
                    operation: params.operation,
                    custom: custom.clone(),
                })
            })
            .collect())
    }

    fn run(piece: Piece, _: &Slices) -> Result<Partial> {
        let Span { first, last } = &piece.span;
        let exact = match (piece.operation, piece.custom) {
            (Operation::Custom, Some((expression, combine))) => return run_custom(&piece.span, &expression, &combine),
            (Operation::Custom, None) => bail!("the chunk has no expression"),
            (Operation::Product, _) => product::of_span(&piece.span),
            (Operation::Sum | Operation::Average, _) => (&first.0 + &last.0) * piece.span.count() / IBig::from(2),
            (Operation::Min, _) => first.0.clone(),
            (Operation::Max, _) => last.0.clone(),
        };
        Ok(Partial::Exact(exact.to_le_bytes().into_vec()))
    }

    fn reduce(params: &Params, partials: Partials<Partial>) -> Result<Raw> {
        let text = match params.custom()? {
            Some((_, combine)) => reduce_custom(&combine, partials)?,
            None => reduce_exact(params.operation, &params.span()?.count(), partials)?,
        };
        Ok(Raw(format!("{text}\n").into_bytes()))
    }
}

impl Params {
    fn span(&self) -> Result<Span> {
        if self.start.0 > self.end.0 {
            bail!(
                "start ({}) is greater than end ({}); a range runs upwards",
                self.start.0,
                self.end.0
            );
        }
        Ok(Span {
            first: self.start.clone(),
            last: self.end.clone(),
        })
    }

    /// The expression and the fold of a custom operation, checked as far as that goes without a value.
    fn custom(&self) -> Result<Option<(String, String)>> {
        match (self.operation, &self.expression) {
            (Operation::Custom, None) => bail!("operation custom needs an expression in x, such as \"x ** 2\""),
            (Operation::Custom, Some(expression)) => {
                let combine = self.combine.as_deref().unwrap_or("sum");
                Expression::new("expression", expression, &["x"])?;
                Folder::new("combine", combine)?;
                Ok(Some((expression.clone(), combine.to_owned())))
            }
            (_, None) if self.combine.is_none() => Ok(None),
            _ => bail!("expression and combine belong to operation custom"),
        }
    }
}

fn run_custom(span: &Span, expression: &str, combine: &str) -> Result<Partial> {
    let mut expression = Expression::new("expression", expression, &["x"])?;
    let mut folder = Folder::new("combine", combine)?;
    let mut folded = Folded::default();
    let mut x = span.first.0.clone();
    while x <= span.last.0 {
        let at = |error: &dyn std::fmt::Display| Error::new(format_args!("{error} for x = {x}"));
        let value = expression
            .eval([value_from_int(x.clone())])
            .map_err(|error| at(&error))?;
        folder.add(&mut folded, value).map_err(|error| at(&error))?;
        x += IBig::ONE;
    }
    let (count, value) = folded.to_wire()?;
    Ok(Partial::Folded(count, value))
}

fn reduce_custom(combine: &str, partials: Partials<Partial>) -> Result<String> {
    let mut folder = Folder::new("combine", combine)?;
    let mut total = Folded::default();
    for partial in partials {
        let Partial::Folded(count, value) = partial? else {
            bail!("a partial is of another operation")
        };
        folder.merge(&mut total, Folded::from_wire((count, value))?)?;
    }
    Ok(folder.finish(&total)?)
}

fn reduce_exact(operation: Operation, count: &IBig, partials: Partials<Partial>) -> Result<String> {
    let mut numbers = Vec::new();
    for partial in partials {
        let Partial::Exact(bytes) = partial? else {
            bail!("a partial is of another operation")
        };
        numbers.push(IBig::from_le_bytes(&bytes));
    }
    let result = match operation {
        Operation::Product => product::of_all(numbers),
        Operation::Min => numbers.into_iter().min().unwrap_or_default(),
        Operation::Max => numbers.into_iter().max().unwrap_or_default(),
        Operation::Sum => numbers.into_iter().sum(),
        Operation::Average | Operation::Custom => {
            let count = UBig::try_from(count.clone()).unwrap_or(UBig::ONE);
            return Ok(decimal_of_ratio(&numbers.into_iter().sum(), &count));
        }
    };
    Ok(result.to_string())
}

export_job!(RangeReduce);

#[cfg(test)]
mod tests;
