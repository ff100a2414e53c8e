//! Determinants as products that neither overflow nor underflow on the way.

use super::Determinant;

/// A product kept as a fraction in [0.5, 1) and a power of two.
#[derive(Clone, Copy, Debug)]
pub(super) struct PivotProduct {
    fraction: f64,
    exponent: i64,
}

impl PivotProduct {
    /// The empty product, 1.
    pub(super) fn new() -> Self {
        Self {
            fraction: 1.0,
            exponent: 0,
        }
    }

    /// Multiplies by a finite factor.
    pub(super) fn multiply(&mut self, factor: f64) {
        let (fraction, exponent) = libm::frexp(factor);
        let (fraction, carry) = libm::frexp(self.fraction * fraction);
        self.fraction = fraction;
        self.exponent += i64::from(exponent) + i64::from(carry);
    }

    /// Whether a factor was NaN.
    pub(super) fn is_nan(&self) -> bool {
        self.fraction.is_nan()
    }

    /// Changes the sign.
    pub(super) fn negate(&mut self) {
        self.fraction = -self.fraction;
    }

    /// Multiplies by 2 to the power of `exponent`.
    pub(super) fn shift(&mut self, exponent: i64) {
        self.exponent += exponent;
    }

    /// The determinant.
    pub(super) fn finish(self) -> Determinant {
        if self.fraction == 0.0 {
            return Determinant {
                value: 0.0,
                sign: 0.0,
                log_abs: f64::NEG_INFINITY,
            };
        }
        if self.is_nan() {
            return NOT_A_NUMBER;
        }
        // Beyond +-5000 the value is infinite or 0 anyway.
        let exponent = i32::try_from(self.exponent.clamp(-5000, 5000)).unwrap_or(0);
        Determinant {
            value: libm::scalbn(self.fraction, exponent),
            sign: 1.0_f64.copysign(self.fraction),
            log_abs: libm::log(self.fraction.abs()) + self.exponent as f64 * std::f64::consts::LN_2,
        }
    }
}

/// The determinant of a matrix with an element that is not finite.
pub(super) const NOT_A_NUMBER: Determinant = Determinant {
    value: f64::NAN,
    sign: f64::NAN,
    log_abs: f64::NAN,
};
