//! Products by a tree: factors of like size multiply in less than quadratic time.

use crate::number::Span;
use dashu_int::IBig;
use dashu_int::ops::BitTest;
use p2pjob::prelude::*;

/// Most bits of a product: 300 million digits take 125 MB, half of a sandbox's usual memory.
const MAX_PRODUCT_BITS: u64 = 1_000_000_000;

/// Refuses a product that no node could hold, before anything runs.
pub fn check_size(span: &Span) -> Result<()> {
    if has_zero(span) {
        return Ok(());
    }
    let bits = span.first.0.bit_len().max(span.last.0.bit_len()) as u64;
    let count = u64::try_from(&span.count()).unwrap_or(u64::MAX);
    // The average factor has about as many bits as the largest one.
    let estimate = bits.saturating_mul(count);
    if estimate > MAX_PRODUCT_BITS {
        bail!(
            "the product of {} numbers would have about {} digits; at most 300 million are possible",
            span.count(),
            (estimate as f64 * 0.301) as u64
        );
    }
    Ok(())
}

fn has_zero(span: &Span) -> bool {
    span.first.0 <= IBig::ZERO && span.last.0 >= IBig::ZERO
}

/// The product of all numbers of a span.
pub fn of_span(span: &Span) -> IBig {
    if has_zero(span) {
        return IBig::ZERO;
    }
    let count = u64::try_from(&span.count()).unwrap_or(u64::MAX);
    of_run(&span.first.0, count)
}

/// `first * (first + 1) * ...`, `count` factors.
fn of_run(first: &IBig, count: u64) -> IBig {
    /// Runs this short are multiplied one by one.
    const SHORT: u64 = 16;
    if count <= SHORT {
        let mut product = IBig::ONE;
        let mut factor = first.clone();
        for _ in 0..count {
            product *= &factor;
            factor += IBig::ONE;
        }
        return product;
    }
    let half = count / 2;
    of_run(first, half) * of_run(&(first + IBig::from(half)), count - half)
}

/// The product of numbers that are of like size.
pub fn of_all(mut numbers: Vec<IBig>) -> IBig {
    while numbers.len() > 1 {
        let pairs = numbers.chunks(2).map(|pair| match pair {
            [a, b] => a * b,
            others => others.iter().product(),
        });
        numbers = pairs.collect();
    }
    numbers.pop().unwrap_or(IBig::ONE)
}
