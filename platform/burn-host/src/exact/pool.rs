//! Pools and their gradients.

use super::malformed;
use super::step::Step;
use super::strided::change;
use tensor_compute::{Binary, DType, Element, Op, PoolKind, PoolOptions, Result, Tensor};

/// Windows of a pool of up to three spatial dimensions, as burn describes them.
#[derive(Clone, Debug)]
pub struct Windows {
    /// Their sizes.
    pub kernel: Vec<usize>,
    /// Their distances.
    pub stride: Vec<usize>,
    /// Padding on both sides.
    pub padding: Vec<usize>,
    /// Distance of a window's elements.
    pub dilation: Vec<usize>,
    /// Whether a last window that is cut off counts.
    pub ceil: bool,
}

impl Windows {
    fn pool(&self, kind: PoolKind) -> Op {
        Op::Pool(PoolOptions {
            kind,
            kernel: self.kernel.clone(),
            strides: self.stride.clone(),
            pads: self.padding.iter().map(|pad| (*pad, *pad)).collect(),
            dilations: self.dilation.clone(),
            ceil: self.ceil,
        })
    }
}

/// The largest element of each window.
pub fn max(step: &Step<'_>, x: &Tensor, windows: &Windows) -> Result<Tensor> {
    step.op(&windows.pool(PoolKind::Max { indices: false }), &[x])
}

/// The largest element of each window, and its place among the spatial elements of its channel.
pub fn max_with_indices(step: &Step<'_>, x: &Tensor, windows: &Windows, places: DType) -> Result<[Tensor; 2]> {
    let mut results =
        tensor_compute::apply(step.account, &windows.pool(PoolKind::Max { indices: true }), &[x])?.into_iter();
    let (Some(values), Some(flat)) = (results.next(), results.next()) else {
        return Err(malformed("a pool gave too few results"));
    };
    let plane = Tensor::new(&[], vec![spatial(x)? as i64])?;
    let within = step.binary(Binary::Mod, &flat, &plane)?;
    Ok([values, step.cast(within, places)?])
}

/// The mean of each window.
pub fn average(step: &Step<'_>, x: &Tensor, windows: &Windows, count_padding: bool) -> Result<Tensor> {
    step.op(&windows.pool(PoolKind::Average { count_padding }), &[x])
}

/// Elements of one channel of one sample.
fn spatial(x: &Tensor) -> Result<usize> {
    match x.shape().get(2..) {
        Some(lengths) => Ok(lengths.iter().product()),
        None => Err(malformed(&format!("a pool over a tensor of shape {:?}", x.shape()))),
    }
}

/// Floats that gradients are summed in.
trait Real: Element + Copy + std::ops::AddAssign + std::ops::Div<Output = Self> {
    fn from_count(count: usize) -> Self;
}

impl Real for f32 {
    fn from_count(count: usize) -> Self {
        count as Self
    }
}

impl Real for f64 {
    fn from_count(count: usize) -> Self {
        count as Self
    }
}

/// Zeros like `x`, in a type that sums are made in, and the gradient in that type.
fn prepared(step: &Step<'_>, x: &Tensor, grad: Tensor, op: &str) -> Result<(Tensor, Tensor)> {
    let same_outer = x.rank() == grad.rank() && x.rank() >= 2 && x.shape()[..2] == grad.shape()[..2];
    if !same_outer || !x.dtype().is_float() || x.dtype() != grad.dtype() {
        return Err(malformed(&format!(
            "{op}: a {} operand of shape {:?} and a {} gradient of shape {:?} do not belong together",
            x.dtype(),
            x.shape(),
            grad.dtype(),
            grad.shape()
        )));
    }
    let wide = if x.dtype() == DType::F64 {
        DType::F64
    } else {
        DType::F32
    };
    step.account
        .charge(4 * grad.len() as u64, (x.len() + grad.len()) as u64 * 8)?;
    Ok((
        step.full(x.shape(), wide, burn_ir::ScalarIr::Int(0))?,
        step.cast(grad, wide)?,
    ))
}

/// Calls `$act` with the elements of `$zeros`, to write, and those of `$grad`, in the type of both.
macro_rules! sum_into {
    ($step:expr, $zeros:expr, $grad:expr, $act:expr) => {
        if $zeros.dtype() == DType::F64 {
            change::<f64>($step.account, $zeros, |out| $act(out, $grad.values::<f64>("pool")?))
        } else {
            change::<f32>($step.account, $zeros, |out| $act(out, $grad.values::<f32>("pool")?))
        }
    };
}

/// The gradient of a maximum's operand: each window's goes to the place it came from.
pub fn max_backward(step: &Step<'_>, [x, places, grad]: [Tensor; 3]) -> Result<Tensor> {
    let dtype = x.dtype();
    let plane = spatial(&x)?;
    let (zeros, grad) = prepared(step, &x, grad, "max_pool_backward")?;
    if places.shape() != grad.shape() {
        return Err(malformed("max_pool_backward: there is one place for each gradient"));
    }
    let places = step.cast(places, DType::I64)?;
    let places = places.values::<i64>("max_pool_backward")?;
    let window_count = spatial(&grad)?;
    let result = sum_into!(step, zeros, grad, |out, values| scatter(
        out,
        values,
        places,
        (plane, window_count)
    ))?;
    step.cast(result, dtype)
}

fn scatter<T: Real>(out: &mut [T], values: &[T], places: &[i64], (plane, windows): (usize, usize)) -> Result<()> {
    if values.is_empty() {
        return Ok(());
    }
    for (channel, (values, places)) in values.chunks(windows).zip(places.chunks(windows)).enumerate() {
        for (value, place) in values.iter().zip(places) {
            let place = usize::try_from(*place).ok().filter(|place| *place < plane);
            let place = place.ok_or_else(|| malformed("max_pool_backward: a place outside of its channel"))?;
            out[channel * plane + place] += *value;
        }
    }
    Ok(())
}

/// For each spatial dimension and each window along it: first element, last + 1, and what it counts in a mean.
type Spans = Vec<Vec<(usize, usize, usize)>>;

/// The spans of a pool's windows, as [`average`] has them.
fn window_spans(x: &[usize], grad: &[usize], windows: &Windows, count_padding: bool) -> Option<Spans> {
    let spatial = windows.kernel.len();
    if x.len() != spatial + 2 || grad.len() != x.len() {
        return None;
    }
    let axis = |axis: usize| {
        let (length, kernel, padding) = (x[axis + 2], windows.kernel[axis], *windows.padding.get(axis)?);
        let stride = *windows.stride.get(axis)?;
        let window = |at: usize| {
            let start = at.checked_mul(stride)?;
            let end = start
                .checked_add(kernel)?
                .min(length.checked_add(padding.checked_mul(2)?)?);
            let (from, to) = (start.max(padding) - padding, end.saturating_sub(padding).min(length));
            let count = if count_padding {
                end.checked_sub(start)?
            } else {
                to.checked_sub(from)?
            };
            (to >= from).then_some((from, to, count))
        };
        (0..grad[axis + 2]).map(window).collect()
    };
    (0..spatial).map(axis).collect()
}

/// The gradient of a mean's operand: each window's is shared by its elements.
pub fn average_backward(
    step: &Step<'_>,
    [x, grad]: [Tensor; 2],
    windows: &Windows,
    count_padding: bool,
) -> Result<Tensor> {
    let spans = window_spans(x.shape(), grad.shape(), windows, count_padding)
        .ok_or_else(|| malformed("avg_pool_backward: the gradient does not fit the windows"))?;
    spread(step, &x, grad, &spans)
}

/// The spans of an adaptive mean with `to` windows over `from` elements.
fn adaptive_span(from: usize, to: usize) -> Vec<(usize, usize, usize)> {
    let scaled = |at: usize, up: u128| ((at as u128 * from as u128 + up) / to.max(1) as u128) as usize;
    let window = |at: usize| {
        let (start, end) = (scaled(at, 0), scaled(at + 1, to as u128 - 1));
        (start, end, end - start)
    };
    (0..to).map(window).collect()
}

fn adaptive_spans(step: &Step<'_>, x: &[usize], windows: &[usize]) -> Result<Spans> {
    if x.len() != windows.len() + 2 {
        return Err(malformed(&format!(
            "an adaptive pool to {windows:?} over a tensor of shape {x:?}"
        )));
    }
    // The result is leased by the caller after this; the spans are no longer than its longest dimension.
    let spans: u64 = windows
        .iter()
        .fold(0u64, |sum, count| sum.saturating_add(*count as u64));
    let _scratch = step
        .account
        .lease(spans.saturating_mul(size_of::<(usize, usize, usize)>() as u64))?;
    Ok(x[2..]
        .iter()
        .zip(windows)
        .map(|(from, to)| adaptive_span(*from, *to))
        .collect())
}

/// The mean of windows that cover each spatial dimension evenly.
pub fn adaptive(step: &Step<'_>, x: &Tensor, windows: &[usize]) -> Result<Tensor> {
    let mut shape = x.shape().get(..2).unwrap_or_default().to_vec();
    shape.extend(windows);
    let dtype = x.dtype();
    let wide = if dtype == DType::F64 { DType::F64 } else { DType::F32 };
    tensor_compute::element_count("adaptive_avg_pool", &shape, wide)?;
    let spans = adaptive_spans(step, x.shape(), windows)?;
    let zeros = step.full(&shape, wide, burn_ir::ScalarIr::Int(0))?;
    step.account
        .charge(4 * (x.len() + zeros.len()) as u64, 8 * (x.len() + zeros.len()) as u64)?;
    let x = step.cast(x.clone(), wide)?;
    let plane = spatial(&x)?;
    let lengths = x.shape()[2..].to_vec();
    let planes = (plane, windows.iter().product());
    let result = sum_into!(step, zeros, x, |out, values| means(
        step,
        (out, values),
        planes,
        (&spans, &lengths)
    ))?;
    step.cast(result, dtype)
}

fn means<T: Real>(
    step: &Step<'_>,
    (out, values): (&mut [T], &[T]),
    (plane, total): (usize, usize),
    (spans, lengths): (&Spans, &[usize]),
) -> Result<()> {
    each_window(spans, |window, count, spans| {
        step.account.go_on()?;
        for (values, out) in values.chunks(plane.max(1)).zip(out.chunks_mut(total.max(1))) {
            each_element(spans, lengths, |at| out[window] += values[at]);
            out[window] = out[window] / T::from_count(count);
        }
        Ok(())
    })
}

/// The gradient of an adaptive mean's operand.
pub fn adaptive_backward(step: &Step<'_>, [x, grad]: [Tensor; 2]) -> Result<Tensor> {
    let windows = grad.shape().get(2..).unwrap_or_default().to_vec();
    let spans = adaptive_spans(step, x.shape(), &windows)?;
    spread(step, &x, grad, &spans)
}

/// Each window's gradient, divided by its count, added to each of its elements; windows in row-major order.
fn spread(step: &Step<'_>, x: &Tensor, grad: Tensor, spans: &Spans) -> Result<Tensor> {
    let (dtype, plane, lengths) = (x.dtype(), spatial(x)?, x.shape()[2..].to_vec());
    let (zeros, grad) = prepared(step, x, grad, "avg_pool_backward")?;
    let total = spatial(&grad)?;
    let planes = (plane, total);
    let result = sum_into!(step, zeros, grad, |out, values| shares(
        step,
        (out, values),
        planes,
        (spans, &lengths)
    ))?;
    step.cast(result, dtype)
}

fn shares<T: Real>(
    step: &Step<'_>,
    (out, values): (&mut [T], &[T]),
    (plane, total): (usize, usize),
    (spans, lengths): (&Spans, &[usize]),
) -> Result<()> {
    each_window(spans, |window, count, spans| {
        step.account.go_on()?;
        for (values, out) in values.chunks(total.max(1)).zip(out.chunks_mut(plane.max(1))) {
            let share = values[window] / T::from_count(count);
            each_element(spans, lengths, |at| out[at] += share);
        }
        Ok(())
    })
}

/// Calls `act` with each window's number, its count and its span along each dimension, in row-major order.
fn each_window(spans: &Spans, mut act: impl FnMut(usize, usize, &[(usize, usize, usize)]) -> Result<()>) -> Result<()> {
    let total: usize = spans.iter().map(Vec::len).product();
    let mut here = vec![(0, 0, 0); spans.len()];
    for window in 0..total {
        let mut rest = window;
        for (span, along) in here.iter_mut().zip(spans).rev() {
            *span = along[rest % along.len()];
            rest /= along.len();
        }
        // Padding may be any number, so their product may be too large for one; a mean over so many is 0 either way.
        act(
            window,
            here.iter()
                .fold(1usize, |count, (_, _, along)| count.saturating_mul(*along)),
            &here,
        )?;
    }
    Ok(())
}

/// Calls `act` with the place of each element of a window within its channel, in row-major order.
fn each_element(spans: &[(usize, usize, usize)], lengths: &[usize], mut act: impl FnMut(usize)) {
    let total: usize = spans.iter().map(|(from, to, _)| to - from).product();
    for element in 0..total {
        let (mut rest, mut at, mut stride) = (element, 0, 1);
        for ((from, to, _), length) in spans.iter().zip(lengths).rev() {
            at += (from + rest % (to - from)) * stride;
            rest /= to - from;
            stride *= length;
        }
        act(at);
    }
}
