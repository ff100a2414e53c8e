//! A session's random numbers: the same on every machine, and no other session's business.
//!
//! The generator is PCG XSL-RR 128/64 (O'Neill 2014, "PCG: A Family of Simple Fast Space-Efficient Statistically Good
//! Algorithms for Random Number Generation"), its state and stream filled by SplitMix64 from the seed. Uniform numbers
//! have 53 bits; normal ones come in pairs by Box and Muller (1958) with `libm`'s functions. All is computed in `f64` and
//! then rounded to the tensor's type.

use super::malformed;
use super::step::Step;
use burn_backend::Distribution;
use burn_ir::RandomOpIr;
use tensor_compute::{DType, Result, Tensor};

const MULTIPLIER: u128 = 0x2360_ED05_1FC6_5DA4_4385_DF64_9FCC_F645;
/// 2^-53: the distance of two neighbours of a uniform number in 0 .. 1.
const UNIT: f64 = 1.0 / 9_007_199_254_740_992.0;
/// What an element costs, in floating-point operations: a logarithm, a root and a cosine at most.
const FLOPS_PER_ELEMENT: u64 = 64;

/// A generator.
#[derive(Clone, Debug)]
pub struct Random {
    state: u128,
    increment: u128,
    spare: Option<f64>,
}

impl Default for Random {
    fn default() -> Self {
        Self::new(0)
    }
}

impl Random {
    /// The generator of a seed.
    pub fn new(seed: u64) -> Self {
        let mut mixed = seed;
        let mut next = || {
            mixed = mixed.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mut word = mixed;
            word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            u128::from(word ^ (word >> 31))
        };
        let state = next() << 64 | next();
        let increment = (next() << 64 | next()) | 1;
        Self {
            state,
            increment,
            spare: None,
        }
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.state = self.state.wrapping_mul(MULTIPLIER).wrapping_add(self.increment);
        let folded = (self.state >> 64) as u64 ^ self.state as u64;
        folded.rotate_right((self.state >> 122) as u32)
    }

    /// From 0, included, to 1, excluded.
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 * UNIT
    }

    /// With mean 0 and deviation 1.
    pub fn normal(&mut self) -> f64 {
        if let Some(spare) = self.spare.take() {
            return spare;
        }
        // 1 - unit is never 0, of which there is no logarithm.
        let radius = libm::sqrt(-2.0 * libm::log(1.0 - self.unit()));
        let angle = std::f64::consts::TAU * self.unit();
        self.spare = Some(radius * libm::sin(angle));
        radius * libm::cos(angle)
    }

    fn draw(&mut self, from: Distribution) -> f64 {
        match from {
            Distribution::Default => self.unit(),
            Distribution::Bernoulli(p) => f64::from(u8::from(self.unit() < p)),
            Distribution::Uniform(low, high) => low + (high - low) * self.unit(),
            Distribution::Normal(mean, deviation) => mean + deviation * self.normal(),
        }
    }
}

/// A tensor of random numbers.
pub fn random(step: &mut Step<'_>, op: &RandomOpIr) -> Result<Tensor> {
    let dtype = super::element_type::ours(op.out.dtype)?;
    let shape: &[usize] = &op.out.shape;
    let count = tensor_compute::element_count("random", shape, DType::F64)? as u64;
    step.account
        .charge(count.saturating_mul(FLOPS_PER_ELEMENT), count * dtype.size() as u64)?;
    match dtype {
        DType::Bool | DType::Text => return Err(malformed("random booleans are made by comparing random floats")),
        DType::F32 => {
            return fill(step, shape, |random| {
                below(op.distribution, random.draw(op.distribution))
            });
        }
        DType::F64 => return fill(step, shape, |random| random.draw(op.distribution)),
        _ => {}
    }
    // Whole numbers without a range fill their type.
    let wide = match op.distribution {
        Distribution::Default if dtype.is_int() => fill(step, shape, |random| random.bits().cast_signed())?,
        distribution if dtype.is_int() => fill(step, shape, |random| random.draw(distribution).floor() as i64)?,
        distribution => fill(step, shape, |random| below(distribution, random.draw(distribution)))?,
    };
    step.cast(wide, dtype)
}

/// As `f32`; a number of a half-open range that rounds up to the excluded end becomes the other end.
fn below(distribution: Distribution, x: f64) -> f32 {
    let narrow = x as f32;
    match distribution {
        Distribution::Default if narrow >= 1.0 => 0.0,
        Distribution::Uniform(low, high) if narrow >= high as f32 => low as f32,
        _ => narrow,
    }
}

fn fill<T: tensor_compute::Element>(
    step: &mut Step<'_>,
    shape: &[usize],
    mut draw: impl FnMut(&mut Random) -> T,
) -> Result<Tensor> {
    let (account, random) = (step.account, &mut *step.random);
    account.make("random", shape, |values| {
        for block in values.chunks_mut(1 << 16) {
            account.go_on()?;
            block.iter_mut().for_each(|value| *value = draw(random));
        }
        Ok(())
    })
}
