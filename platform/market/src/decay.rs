//! Amounts that fade: fixed-point halving over time, the same bits on every machine, with time as input only.
//!
//! Owned by [`credit`](crate::credit). Rounded down at every step, so a faded amount is never more than the exact one.

use job_model::{MicroCredits, UnixMillis};

/// `2^(-2^-k)` for k = 1..=16 in units of `2^-32`, rounded down: the factors of one half-life's binary fractions.
const ROOTS: [u64; 16] = [
    3_037_000_499,
    3_611_622_602,
    3_938_502_375,
    4_112_874_773,
    4_202_935_003,
    4_248_701_964,
    4_271_771_996,
    4_283_353_945,
    4_289_156_690,
    4_292_061_009,
    4_293_513_906,
    4_294_240_539,
    4_294_603_902,
    4_294_785_595,
    4_294_876_444,
    4_294_921_870,
];
/// 1 in units of `2^-32`.
const ONE: u128 = 1 << 32;
/// Whole half-lives after which nothing of an `i64` is left.
const ALL_GONE: u64 = 63;

/// What is left of an amount after some milliseconds, if it halves every `half_life_ms`. A half-life of 0 leaves
/// nothing. Negative amounts fade to nothing at once: only volumes fade, and they have no sign.
pub fn fade(amount: MicroCredits, elapsed_ms: u64, half_life_ms: u64) -> MicroCredits {
    let Some(halvings) = elapsed_ms.checked_div(half_life_ms) else {
        return MicroCredits::ZERO;
    };
    if halvings >= ALL_GONE || amount <= MicroCredits::ZERO {
        return MicroCredits::ZERO;
    }
    // The rest of the time in 65536ths of a half-life, rounded up: rather a little too much faded than too little.
    let rest = u128::from(elapsed_ms % half_life_ms);
    let parts = (rest << ROOTS.len()).div_ceil(u128::from(half_life_ms));
    let whole = if parts >> ROOTS.len() == 0 { ONE } else { ONE / 2 };
    // One factor first, one product then: so that later is never more, whatever is rounded.
    let factor = (0..ROOTS.len())
        .rev()
        .zip(ROOTS)
        .filter(|(bit, _)| parts >> bit & 1 == 1)
        .fold(whole, |factor, (_, root)| factor * u128::from(root) / ONE);
    let left = (u128::from(amount.0.unsigned_abs()) * factor / ONE) >> halvings;
    MicroCredits(i64::try_from(left).unwrap_or(i64::MAX))
}

/// An amount that fades from the moment it was last added to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Fading {
    amount: MicroCredits,
    at: UnixMillis,
}

impl Fading {
    /// What is left now. A clock that went back finds what was left last.
    pub fn left(&self, now: UnixMillis, half_life_ms: u64) -> MicroCredits {
        fade(self.amount, now.since(self.at), half_life_ms)
    }
    /// Adds to what is left; a negative amount takes away, down to nothing.
    pub fn add(&mut self, amount: MicroCredits, now: UnixMillis, half_life_ms: u64) {
        self.amount = (self.left(now, half_life_ms) + amount).max(MicroCredits::ZERO);
        self.at = self.at.max(now);
    }
}
