//! Compute credits in whole micro-credits: sums of many small prices stay exact and the same on every node.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Neg, Sub, SubAssign};
use std::str::FromStr;

/// An amount of credits, in millionths of a credit. May be negative (a balance). Arithmetic saturates.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug, Serialize, Deserialize)]
pub struct MicroCredits(pub i64);

/// Why a text is no amount.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected an amount of credits such as 1.5 (at most 6 decimals), got {0:?}")]
pub struct ParseCreditsError(pub String);

impl MicroCredits {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// The largest amount.
    pub const MAX: Self = Self(i64::MAX);

    /// Whole credits.
    pub const fn credits(whole: i64) -> Self {
        Self(whole.saturating_mul(1_000_000))
    }
    /// The amount as a float, for charts and JSON; never for arithmetic that is kept.
    pub fn as_f64(self) -> f64 {
        self.0 as f64 / 1e6
    }
}

impl fmt::Display for MicroCredits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let magnitude = self.0.unsigned_abs();
        let sign = if self.0 < 0 { "-" } else { "" };
        let text = format!("{sign}{}.{:06}", magnitude / 1_000_000, magnitude % 1_000_000);
        f.write_str(text.trim_end_matches('0').trim_end_matches('.'))
    }
}

impl FromStr for MicroCredits {
    type Err = ParseCreditsError;
    fn from_str(text: &str) -> Result<Self, ParseCreditsError> {
        let error = || ParseCreditsError(text.to_owned());
        let (negative, digits) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        if whole.is_empty() || fraction.len() > 6 || !digits.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
            return Err(error());
        }
        let whole: i64 = whole.parse().map_err(|_| error())?;
        let micro: i64 = format!("{fraction:0<6}").parse().map_err(|_| error())?;
        let total = whole
            .checked_mul(1_000_000)
            .and_then(|w| w.checked_add(micro))
            .ok_or_else(error)?;
        Ok(Self(if negative { -total } else { total }))
    }
}

impl Add for MicroCredits {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}
impl Sub for MicroCredits {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}
impl Neg for MicroCredits {
    type Output = Self;
    fn neg(self) -> Self {
        Self(self.0.saturating_neg())
    }
}
impl AddAssign for MicroCredits {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}
impl SubAssign for MicroCredits {
    fn sub_assign(&mut self, other: Self) {
        *self = *self - other;
    }
}
impl Sum for MicroCredits {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Add::add)
    }
}
