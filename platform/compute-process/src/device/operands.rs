//! Operands on their way to the device: sent once, however often they are used.

use super::accelerator::{Held, OnBackend, held};
use burn_backend::{Backend, DType as BurnType, Shape, TensorData, TensorMetadata};
use burn_std::BoolStore;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use tensor_compute::{ComputeError, Data, Result, Tensor};

/// Elements below which a tensor is sent each time: remembering it would cost more.
const REMEMBERED: usize = 256;
/// Copies from which on those of tensors that are gone are looked for only now and then.
const MANY: usize = 256;

/// Copies of tensors that are here too: a model's weights, mostly. A copy goes when its tensor has gone; a tensor that is
/// written to in place is another one, because its buffer is not shared then and moves.
pub(super) struct Uploads<B: Backend>(Mutex<Kept<B>>);

struct Kept<B: Backend> {
    /// By the address of the buffer, which nobody else can have while the weak reference is here.
    copies: HashMap<usize, (Weak<Vec<f32>>, B::FloatTensorPrimitive)>,
    /// When to look for copies of what is gone.
    sweep_at: usize,
}

impl<B: Backend> Default for Uploads<B> {
    fn default() -> Self {
        Self(Mutex::new(Kept {
            copies: HashMap::new(),
            sweep_at: MANY,
        }))
    }
}

impl<B: Backend> Uploads<B> {
    fn get(&self, values: &Arc<Vec<f32>>, send: impl FnOnce() -> B::FloatTensorPrimitive) -> B::FloatTensorPrimitive {
        if values.len() < REMEMBERED {
            return send();
        }
        let address = Arc::as_ptr(values) as usize;
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((owner, copy)) = kept.copies.get(&address)
            && owner.strong_count() > 0
        {
            return copy.clone();
        }
        if kept.copies.len() < MANY || kept.copies.len() >= kept.sweep_at {
            kept.copies.retain(|_, (owner, _)| owner.strong_count() > 0);
            kept.sweep_at = MANY.max(2 * kept.copies.len());
        }
        let copy = send();
        kept.copies.insert(address, (Arc::downgrade(values), copy.clone()));
        copy
    }
}

impl<B: Backend> OnBackend<B> {
    /// A tensor of `float32` on the device, seen under a shape of as many elements.
    pub(super) fn float(&self, tensor: &Tensor, shape: &[usize]) -> Result<B::FloatTensorPrimitive> {
        let there = match held::<B>(tensor) {
            Some(Held::Float(there)) => there,
            Some(Held::Bool(_)) => return Err(wrong(tensor)),
            None => match tensor.data() {
                Data::F32(values) => self.uploads.get(values, || {
                    let data = TensorData::new(values.as_ref().clone(), at_least_one(tensor.shape()));
                    B::float_from_data(data, &self.device)
                }),
                _ => return Err(wrong(tensor)),
            },
        };
        Ok(shaped::<B>(there, shape))
    }

    /// A tensor of booleans on the device.
    pub(super) fn boolean(&self, tensor: &Tensor, shape: &[usize]) -> Result<B::BoolTensorPrimitive> {
        let there = match held::<B>(tensor) {
            Some(Held::Bool(there)) => there,
            Some(Held::Float(_)) => return Err(wrong(tensor)),
            None => {
                let Data::Bool(values) = tensor.data() else {
                    return Err(wrong(tensor));
                };
                let bytes: Vec<u8> = match self.booleans {
                    BoolStore::U32 => values
                        .iter()
                        .flat_map(|value| u32::from(*value).to_ne_bytes())
                        .collect(),
                    BoolStore::U8 | BoolStore::Native => values.iter().map(|value| u8::from(*value)).collect(),
                };
                let shape = at_least_one(tensor.shape());
                B::bool_from_data(
                    TensorData::from_bytes_vec(bytes, shape, BurnType::Bool(self.booleans)),
                    &self.device,
                )
            }
        };
        let shape = at_least_one(shape);
        Ok(if there.shape() == shape {
            there
        } else {
            B::bool_reshape(there, shape)
        })
    }

    /// Indices that the kernel has looked at, from 0 up: once more below `length`, because no kernel of the device looks.
    pub(super) fn indices(&self, tensor: &Tensor, length: usize, shape: &[usize]) -> Result<B::IntTensorPrimitive> {
        let Data::I64(values) = tensor.data() else {
            return Err(wrong(tensor));
        };
        let place = |index: &i64| {
            let at = if *index < 0 {
                index.saturating_add(length as i64)
            } else {
                *index
            };
            i32::try_from(at).ok().filter(|at| (*at as usize) < length && *at >= 0)
        };
        let places: Option<Vec<i32>> = values.iter().map(place).collect();
        let places = places.ok_or_else(|| ComputeError::Device("an index that is out of range".to_owned()))?;
        Ok(B::int_from_data(
            TensorData::new(places, at_least_one(shape)),
            &self.device,
        ))
    }
}

/// The same elements under another shape.
pub(super) fn shaped<B: Backend>(x: B::FloatTensorPrimitive, shape: &[usize]) -> B::FloatTensorPrimitive {
    let shape = at_least_one(shape);
    if x.shape() == shape {
        x
    } else {
        B::float_reshape(x, shape)
    }
}

/// Backends know no tensor without dimensions.
pub(super) fn at_least_one(shape: &[usize]) -> Shape {
    if shape.is_empty() {
        Shape::from(vec![1])
    } else {
        Shape::from(shape.to_vec())
    }
}

/// A kernel hands over what [`super::accelerator`] takes, so this stands for a bug of ours.
pub(super) fn wrong(tensor: &Tensor) -> ComputeError {
    ComputeError::Device(format!(
        "a device was given {} of shape {:?}",
        tensor.dtype(),
        tensor.shape()
    ))
}
