//! Floats: which arithmetic computes them, and when two outputs of it count as the same.
//!
//! Pure words and their text form, which the command line, the HTTP API and manifests share.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Default of [`Tolerance::rtol`]: products of up to 4096 terms in `f32` on different hardware differ by some 1e-6 of the
/// largest element.
pub const DEFAULT_RTOL: f64 = 1e-5;
/// Default of [`Tolerance::atol`].
pub const DEFAULT_ATOL: f64 = 1e-6;

/// Which arithmetic computes floats. Part of what a chunk's result is remembered by: classes never mix.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FloatClass {
    /// One fixed order of operations: the same bits on every node.
    #[default]
    Exact,
    /// Whatever the node computes fastest with, a GPU for one: the same up to rounding.
    Fast,
}

impl FloatClass {
    /// Whether it is the default, which is not written down.
    pub fn is_exact(&self) -> bool {
        *self == Self::Exact
    }
    /// Its word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Fast => "fast",
        }
    }
}

/// Elements of an output that has no header of its own.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RawElements {
    /// IEEE 754 single, little-endian.
    F32,
    /// IEEE 754 double, little-endian.
    F64,
}

/// How far two outputs may be apart: `|x - y| <= atol + rtol * max |reference|`, for every element of a tensor, with the
/// largest element of that tensor in the reference.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tolerance {
    /// Relative part, 0 to 1, of the largest element.
    pub rtol: f64,
    /// Absolute part, not negative.
    pub atol: f64,
    /// What an output without a header of its own consists of; none: such outputs must have the same bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raw: Option<RawElements>,
}

impl Default for Tolerance {
    fn default() -> Self {
        Self {
            rtol: DEFAULT_RTOL,
            atol: DEFAULT_ATOL,
            raw: None,
        }
    }
}

/// When two outputs of a chunk count as the same (D3). Errors, traps and exhausted fuel are always compared exactly.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Comparison {
    /// The same bytes.
    #[default]
    Exact,
    /// Decoded, and close.
    Tolerance(Tolerance),
}

/// What is wrong with a comparison.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ComparisonError {
    /// No such word.
    #[error(
        "{0:?} is no comparison; use exact, tolerance, tolerance:RTOL,ATOL such as tolerance:1e-5,1e-6, or \
         tolerance:RTOL,ATOL,f32 (or f64) for outputs that are bare numbers"
    )]
    Word(String),
    /// A number that is out of range.
    #[error("a tolerance has rtol from 0 to 1 and atol of at least 0, not rtol {rtol} and atol {atol}")]
    Range {
        /// The relative part, as text.
        rtol: String,
        /// The absolute part, as text.
        atol: String,
    },
}

impl Comparison {
    /// Whether it is the default, which is not written down.
    pub fn is_exact(&self) -> bool {
        *self == Self::Exact
    }

    /// What a class is compared by when nobody says.
    pub fn of_class(class: FloatClass) -> Self {
        match class {
            FloatClass::Exact => Self::Exact,
            FloatClass::Fast => Self::Tolerance(Tolerance::default()),
        }
    }

    /// The tolerance, if there is one.
    pub fn tolerance(&self) -> Option<Tolerance> {
        match self {
            Self::Exact => None,
            Self::Tolerance(tolerance) => Some(*tolerance),
        }
    }

    /// Checks the numbers: they may come from a manifest or a request.
    pub fn check(&self) -> Result<(), ComparisonError> {
        let Some(Tolerance { rtol, atol, .. }) = self.tolerance() else {
            return Ok(());
        };
        if (0.0..=1.0).contains(&rtol) && atol >= 0.0 && atol.is_finite() {
            return Ok(());
        }
        Err(ComparisonError::Range {
            rtol: rtol.to_string(),
            atol: atol.to_string(),
        })
    }

    /// Whether results that agreed by this comparison would have agreed by the other one too.
    pub fn is_as_strict_as(&self, other: &Self) -> bool {
        match (self.tolerance(), other.tolerance()) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(own), Some(wanted)) => own.rtol <= wanted.rtol && own.atol <= wanted.atol,
        }
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(Tolerance { rtol, atol, raw }) = self.tolerance() else {
            return f.write_str("exact");
        };
        // Debug writes small numbers with an exponent, as people do.
        write!(f, "tolerance:{rtol:?},{atol:?}")?;
        match raw {
            None => Ok(()),
            Some(RawElements::F32) => f.write_str(",f32"),
            Some(RawElements::F64) => f.write_str(",f64"),
        }
    }
}

impl FromStr for Comparison {
    type Err = ComparisonError;

    /// Reads `exact`, `tolerance`, `tolerance:1e-5,1e-6`, `tolerance:1e-5,1e-6,f32`; `tolerance(1e-5, 1e-6)` is the same.
    fn from_str(text: &str) -> Result<Self, ComparisonError> {
        let wrong = || ComparisonError::Word(text.chars().take(64).collect());
        match text {
            "exact" => return Ok(Self::Exact),
            "tolerance" => return Ok(Self::Tolerance(Tolerance::default())),
            _ => {}
        }
        let rest = text.strip_prefix("tolerance").ok_or_else(wrong)?;
        let inside = rest
            .strip_prefix(':')
            .or_else(|| rest.strip_prefix('(')?.strip_suffix(')'))
            .ok_or_else(wrong)?;
        let parts: Vec<&str> = inside.split(',').map(str::trim).collect();
        let number = |text: &str| text.parse::<f64>().map_err(|_| wrong());
        let (rtol, atol, raw) = match parts.as_slice() {
            [rtol, atol] => (rtol, atol, None),
            [rtol, atol, "f32"] => (rtol, atol, Some(RawElements::F32)),
            [rtol, atol, "f64"] => (rtol, atol, Some(RawElements::F64)),
            _ => return Err(wrong()),
        };
        let comparison = Self::Tolerance(Tolerance {
            rtol: number(rtol)?,
            atol: number(atol)?,
            raw,
        });
        comparison.check().map(|()| comparison)
    }
}
