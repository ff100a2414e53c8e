//! Outputs of a model for some samples, and how those of more samples are put behind them.

use arrays::{Bytes, ElementType};
use p2pjob::prelude::*;

/// The elements of an output.
#[wire]
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Elements {
    /// Numbers of a type, little-endian.
    Numbers(ElementType, Bytes),
    /// Labels.
    Texts(Vec<String>),
}

impl Elements {
    /// The type's name.
    pub const fn type_name(&self) -> &'static str {
        match self {
            Self::Numbers(element, _) => element.name(),
            Self::Texts(_) => "text",
        }
    }
}

/// One output of the model.
#[wire]
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Output {
    /// Its name in the model.
    pub name: String,
    /// Its shape; the first dimension counts the samples.
    pub shape: Vec<u64>,
    /// Its elements, the last index running fastest.
    pub elements: Elements,
}

/// All outputs for some samples.
#[wire]
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Outputs {
    /// How many samples.
    pub samples: u64,
    /// The outputs, in the model's order.
    pub each: Vec<Output>,
}

impl Outputs {
    /// Puts the outputs of more samples behind these.
    pub fn append(&mut self, more: Self) -> Result<()> {
        if self.each.len() != more.each.len() {
            bail!("one part has {} outputs, another {}", self.each.len(), more.each.len());
        }
        for (one, other) in self.each.iter_mut().zip(more.each) {
            one.append(other, self.samples, more.samples)?;
        }
        self.samples += more.samples;
        Ok(())
    }
}

impl Output {
    fn append(&mut self, more: Self, samples: u64, more_samples: u64) -> Result<()> {
        let counts = (self.shape.first(), more.shape.first());
        if counts != (Some(&samples), Some(&more_samples)) {
            bail!(
                "output {} does not count the samples: it has shape {:?} for {samples} of them; run all in one batch \
                 (batch_size and --chunk-size of at least the number of samples), or leave it out with outputs",
                self.name,
                self.shape
            );
        }
        if self.shape[1..] != more.shape[1..] || self.name != more.name {
            bail!(
                "output {} has shape {:?} in one batch, and {} shape {:?} in another; they cannot be joined",
                self.name,
                self.shape,
                more.name,
                more.shape
            );
        }
        match (&mut self.elements, more.elements) {
            (Elements::Numbers(element, bytes), Elements::Numbers(other, more)) if *element == other => {
                bytes.0.extend(more.0);
            }
            (Elements::Texts(texts), Elements::Texts(more)) => texts.extend(more),
            (one, other) => bail!(
                "output {} is {} in one batch and {} in another",
                self.name,
                one.type_name(),
                other.type_name()
            ),
        }
        self.shape[0] = samples + more_samples;
        Ok(())
    }

    /// The `k` largest values of every last dimension, largest first, and their indices; of equal ones the lower index
    /// first, NaN last. An output that is no float, or has no last dimension beside the samples, stays as it is.
    pub fn top(self, k: u32) -> Result<Vec<Self>> {
        let Elements::Numbers(element @ (ElementType::F32 | ElementType::F64), bytes) = &self.elements else {
            return Ok(vec![self]);
        };
        let (Some(width), true) = (self.shape.last().copied(), self.shape.len() >= 2) else {
            return Ok(vec![self]);
        };
        let kept = u64::from(k).min(width) as usize;
        let size = element.size() as usize;
        let number = |bytes: &[u8]| match *element {
            ElementType::F32 => f64::from(f32::from_le_bytes(bytes.try_into().unwrap_or_default())),
            _ => f64::from_le_bytes(bytes.try_into().unwrap_or_default()),
        };
        let (mut values, mut indices) = (Vec::new(), Vec::new());
        for row in bytes.0.chunks_exact((width as usize * size).max(1)) {
            let numbers: Vec<f64> = row.chunks_exact(size).map(number).collect();
            let mut order: Vec<usize> = (0..numbers.len()).collect();
            let key = |at: &usize| {
                if numbers[*at].is_nan() {
                    f64::NEG_INFINITY
                } else {
                    numbers[*at]
                }
            };
            order.sort_by(|one, other| {
                let nan = numbers[*one].is_nan().cmp(&numbers[*other].is_nan());
                nan.then(key(other).total_cmp(&key(one)))
            });
            for at in order.into_iter().take(kept) {
                values.extend(&row[at * size..(at + 1) * size]);
                indices.extend((at as i64).to_le_bytes());
            }
        }
        let mut shape = self.shape.clone();
        if let Some(last) = shape.last_mut() {
            *last = kept as u64;
        }
        let index = Self {
            name: format!("{}.index", self.name),
            shape: shape.clone(),
            elements: Elements::Numbers(ElementType::I64, Bytes(indices)),
        };
        let value = Self {
            name: self.name,
            shape,
            elements: Elements::Numbers(*element, Bytes(values)),
        };
        Ok(vec![value, index])
    }
}
