//! Ratios of integers: as the nearest float, and as exact decimal text.

use dashu_int::ops::{BitTest, DivRem, UnsignedAbs};
use dashu_int::{IBig, UBig};

/// Significant digits of a quotient whose decimals do not end.
const ROUNDED_DIGITS: usize = 34;
/// Most digits behind the point that are written out exactly.
const MAX_EXACT_DECIMALS: usize = 1000;
/// Bits of a quotient before it is rounded to a float: more than a float has, and one to remember the rest.
const QUOTIENT_BITS: isize = 66;

/// The float nearest to `numerator / denominator`; infinite where it is too large. The denominator is not zero.
pub(crate) fn float_of_ratio(numerator: &IBig, denominator: &IBig) -> f64 {
    let negative = (*numerator < IBig::ZERO) != (*denominator < IBig::ZERO);
    let (n, d) = (numerator.unsigned_abs(), denominator.unsigned_abs());
    let shift = QUOTIENT_BITS - (n.bit_len() as isize - d.bit_len() as isize);
    let (quotient, rest) = if shift >= 0 {
        (n << shift as usize).div_rem(&d)
    } else {
        n.div_rem(&(d << -shift as usize))
    };
    // A last bit for the rest: only whether there is one matters for rounding.
    let quotient = (quotient << 1) | UBig::from(u8::from(rest != UBig::ZERO));
    let size = scale(quotient.to_f64().value(), -(shift + 1));
    if negative { -size } else { size }
}

/// `float * 2^exponent`, in steps that do not leave the floats before the result does.
fn scale(mut float: f64, mut exponent: isize) -> f64 {
    const STEP: isize = 1000;
    while exponent < -STEP {
        float *= 2f64.powi(-STEP as i32);
        exponent += STEP;
    }
    while exponent > STEP {
        float *= 2f64.powi(STEP as i32);
        exponent -= STEP;
    }
    float * 2f64.powi(exponent as i32)
}

/// `numerator / denominator` as a JSON number: exactly where the decimals end (within 1000 places), else rounded to
/// 34 significant digits, half to even, but never to less than a whole number. The denominator is positive.
pub fn decimal_of_ratio(numerator: &IBig, denominator: &UBig) -> String {
    let sign = if *numerator < IBig::ZERO { "-" } else { "" };
    let (whole, rest) = numerator.unsigned_abs().div_rem(denominator);
    if rest == UBig::ZERO {
        return format!("{sign}{whole}");
    }
    let decimals = exact_decimals(&rest, denominator);
    if decimals <= MAX_EXACT_DECIMALS {
        let places = rest * UBig::from(10u8).pow(decimals) / denominator;
        return format!("{sign}{whole}.{places:0>decimals$}", places = places.to_string());
    }
    rounded(sign, &numerator.unsigned_abs(), denominator)
}

/// How many decimals `rest / denominator` has; `usize::MAX` where they do not end.
fn exact_decimals(rest: &UBig, denominator: &UBig) -> usize {
    let mut denominator = denominator / dashu_int::ops::Gcd::gcd(rest, denominator);
    let mut strip = |factor: u8| {
        let mut times = 0;
        loop {
            let (quotient, rest) = (&denominator).div_rem(UBig::from(factor));
            if rest != UBig::ZERO {
                return times;
            }
            denominator = quotient;
            times += 1;
        }
    };
    let decimals: usize = strip(2).max(strip(5));
    if denominator == UBig::ONE { decimals } else { usize::MAX }
}

fn rounded(sign: &str, numerator: &UBig, denominator: &UBig) -> String {
    // The exponent of the first digit, within one: the quotient below then has the digits wanted, or one more.
    let digits = |number: &UBig| number.to_string().len() as isize;
    let mut places: isize = (ROUNDED_DIGITS as isize - (digits(numerator) - digits(denominator))).max(0);
    loop {
        let scaled = numerator * UBig::from(10u8).pow(places as usize);
        let (quotient, rest) = scaled.div_rem(denominator);
        if quotient.to_string().len() > ROUNDED_DIGITS && places > 0 {
            places -= 1;
            continue;
        }
        let twice = rest * UBig::from(2u8);
        let up = twice > *denominator || (twice == *denominator && quotient.bit(0));
        let text = (quotient + UBig::from(u8::from(up))).to_string();
        return format!("{sign}{}", place_point(&text, places as usize));
    }
}

/// `digits * 10^-places`, as a JSON number without needless zeros.
fn place_point(digits: &str, places: usize) -> String {
    if places > ROUNDED_DIGITS * 2 {
        let (first, others) = digits.split_at(1);
        let others = others.trim_end_matches('0');
        let point = if others.is_empty() { "" } else { "." };
        return format!("{first}{point}{others}e-{}", places - (digits.len() - 1));
    }
    let padded = format!("{digits:0>width$}", width = places + 1);
    let (whole, fraction) = padded.split_at(padded.len() - places);
    let fraction = fraction.trim_end_matches('0');
    if fraction.is_empty() {
        whole.to_owned()
    } else {
        format!("{whole}.{fraction}")
    }
}
