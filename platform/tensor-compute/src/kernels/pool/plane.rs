//! One plane of a pool: one channel of one sample.

use super::Geometry;
use crate::Element;
use crate::kernels::matmul::number::Loops;

/// What can be compared.
pub(super) trait Value: Element + Copy {
    /// Below or equal to all others.
    const LOWEST: Self;
    /// Whether it replaces the largest so far: NaN does, unless there is one.
    fn beats(self, best: Self) -> bool;
    /// The number itself, or the one NaN of results.
    fn settled(self) -> Self;
}

/// What has means and norms.
pub(super) trait Real:
    Value + std::ops::Add<Output = Self> + std::ops::Mul<Output = Self> + std::ops::Div<Output = Self>
{
    /// Without its sign.
    fn abs(self) -> Self;
    /// Rounded correctly.
    fn sqrt(self) -> Self;
    /// The nearest.
    fn from_count(count: usize) -> Self;
    /// Computed in `f64`.
    fn power(self, p: f64) -> Self;
}

macro_rules! reals {
    ($($float:ty),*) => {$(
        impl Value for $float {
            const LOWEST: Self = Self::NEG_INFINITY;
            #[inline(always)]
            fn beats(self, best: Self) -> bool {
                self > best || (self.is_nan() && !best.is_nan())
            }
            #[inline(always)]
            fn settled(self) -> Self {
                if self.is_nan() { Self::NAN } else { self }
            }
        }
        impl Real for $float {
            #[inline(always)]
            fn abs(self) -> Self {
                <$float>::abs(self)
            }
            #[inline(always)]
            fn sqrt(self) -> Self {
                <$float>::sqrt(self)
            }
            fn from_count(count: usize) -> Self {
                count as $float
            }
            #[allow(trivial_numeric_casts, reason = "one of the two is f64")]
            fn power(self, p: f64) -> Self {
                libm::pow(self as f64, p) as $float
            }
        }
    )*};
}

reals!(f32, f64);

macro_rules! whole {
    ($($int:ty),*) => {$(
        impl Value for $int {
            const LOWEST: Self = Self::MIN;
            #[inline(always)]
            fn beats(self, best: Self) -> bool {
                self > best
            }
            #[inline(always)]
            fn settled(self) -> Self {
                self
            }
        }
    )*};
}

whole!(i8, i16, i32, i64, u8, u16, u32, u64);

/// A plane of the operand and of the result.
pub(super) struct Plane<'a, T> {
    pub(super) geometry: &'a Geometry,
    pub(super) x: &'a [T],
    pub(super) out: &'a mut [T],
}

impl<T: Value> Plane<'_, T> {
    /// Calls `take(windows, elements, first)` for each tap of each row of windows: those windows of the row that have it
    /// inside, and where the first of them has it in the plane. Elements are as far apart as windows.
    #[inline(always)]
    fn each_tap(&mut self, mut take: impl FnMut(std::ops::Range<usize>, &mut [T], &[T], usize)) {
        let (windows, [depth, height, width]) = (&self.geometry.windows, self.geometry.input);
        let [_, out_height, out_width] = self.geometry.output;
        for (line, row) in self.out.chunks_exact_mut(out_width).enumerate() {
            for tap in windows.taps() {
                let inside = windows.inside(0, line / out_height, tap[0], depth).zip(windows.inside(
                    1,
                    line % out_height,
                    tap[1],
                    height,
                ));
                let reach = windows.reach(2, tap[2], out_width, width);
                if let Some((d, h)) = inside
                    && reach.first < reach.end
                {
                    let at = (d * height + h) * width;
                    let range = line * out_width + reach.first..line * out_width + reach.end;
                    take(
                        range,
                        &mut row[reach.first..reach.end],
                        &self.x[at + reach.at..at + width],
                        at + reach.at,
                    );
                }
            }
        }
    }
}

impl<T: Value> Plane<'_, T> {
    /// Windows of two by two elements that touch each other and fill the plane: folds both rows at once, from `start` on.
    /// Returns whether the windows are such.
    #[inline(always)]
    fn fold_squares(&mut self, start: T, with: impl Fn(T, T) -> T) -> bool {
        let (windows, [_, height, width]) = (&self.geometry.windows, self.geometry.input);
        let [_, out_height, out_width] = self.geometry.output;
        let touching = windows.kernel == [1, 2, 2] && windows.strides == [1, 2, 2] && windows.dilations[1..] == [1, 1];
        if !touching || windows.pads != [(0, 0); 3] || 2 * out_height > height || 2 * out_width > width {
            return false;
        }
        let planes = self.x.chunks_exact(height * width);
        for (x, out) in planes.zip(self.out.chunks_exact_mut(out_height * out_width)) {
            for (rows, out) in x.chunks_exact(2 * width).zip(out.chunks_exact_mut(out_width)) {
                let (upper, lower) = rows.split_at(width);
                let pairs = upper.as_chunks::<2>().0.iter().zip(lower.as_chunks::<2>().0);
                for (value, (a, b)) in out.iter_mut().zip(pairs) {
                    *value = with(with(with(with(start, a[0]), a[1]), b[0]), b[1]);
                }
            }
        }
        true
    }
}

/// The largest element of each window.
pub(super) struct Largest<'a, T> {
    pub(super) plane: Plane<'a, T>,
}

impl<T: Value> Loops for Largest<'_, T> {
    #[inline(always)]
    fn run<const SOFT: bool>(&mut self) {
        let stride = self.plane.geometry.windows.strides[2];
        let larger = |best: T, x: T| if x.beats(best) { x } else { best };
        if !self.plane.fold_squares(T::LOWEST, larger) {
            self.plane.out.fill(T::LOWEST);
            self.plane.each_tap(|_, best, x, _| combine(best, (x, stride), larger));
        }
        self.plane.out.iter_mut().for_each(|value| *value = value.settled());
    }
}

/// The same, and where it is: the first of equal ones. `before`: elements of the operand before this plane.
pub(super) fn largest_with_indices<T: Value>(mut plane: Plane<'_, T>, indices: &mut [i64], before: usize) {
    let stride = plane.geometry.windows.strides[2];
    plane.out.fill(T::LOWEST);
    indices.fill(-1);
    plane.each_tap(|range, best, x, at| {
        let indices = indices[range].iter_mut().zip(best);
        for (number, ((index, best), x)) in indices.zip(x.iter().step_by(stride)).enumerate() {
            if *index < 0 || x.beats(*best) {
                (*best, *index) = (*x, (before + at + number * stride) as i64);
            }
        }
    });
    plane.out.iter_mut().for_each(|value| *value = value.settled());
}

/// Folds of floats.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Fold {
    /// Over the elements inside.
    MeanInside,
    /// Padding counts.
    MeanPadded,
    /// Sum of absolute values.
    Norm1,
    /// Root of the sum of squares.
    Norm2,
    /// Any exponent.
    Norm(f64),
}

/// How many elements of a window count, along each dimension.
pub(super) struct Counts([Vec<usize>; 3]);

impl Counts {
    pub(super) fn new(geometry: &Geometry, padding: bool) -> Self {
        let windows = &geometry.windows;
        let along = |axis: usize| {
            let after = if padding { windows.pads[axis].1 } else { 0 };
            let before = windows.pads[axis].0;
            let first = if padding { 0 } else { before };
            let counts = |window: usize| {
                let start = window * windows.strides[axis];
                let step = windows.dilations[axis];
                // Taps before `end`, less those before `first`, both counted from the padding's first element.
                let until = |end: usize| end.saturating_sub(start).div_ceil(step).min(windows.kernel[axis]);
                until(before + geometry.input[axis] + after) - until(first)
            };
            (0..geometry.output[axis]).map(counts).collect()
        };
        Self([along(0), along(1), along(2)])
    }
}

/// A mean or norm of each window.
pub(super) struct Folded<'a, T> {
    pub(super) plane: Plane<'a, T>,
    pub(super) how: Fold,
    pub(super) counts: &'a Counts,
}

impl<T: Real> Loops for Folded<'_, T> {
    #[inline(always)]
    fn run<const SOFT: bool>(&mut self) {
        let stride = self.plane.geometry.windows.strides[2];
        let how = self.how;
        self.plane.out.fill(T::default());
        self.plane.each_tap(|_, sum, x, _| match how {
            Fold::MeanInside | Fold::MeanPadded => combine(sum, (x, stride), |sum, x| sum + x),
            Fold::Norm1 => combine(sum, (x, stride), |sum, x| sum + x.abs()),
            Fold::Norm2 => combine(sum, (x, stride), |sum, x| sum + x * x),
            Fold::Norm(p) => combine(sum, (x, stride), |sum, x| sum + x.abs().power(p)),
        });
        let [_, out_height, out_width] = self.plane.geometry.output;
        for (line, row) in self.plane.out.chunks_exact_mut(out_width).enumerate() {
            let Counts([depth, height, width]) = self.counts;
            let lines = depth[line / out_height] * height[line % out_height];
            for (value, count) in row.iter_mut().zip(width) {
                let result = match how {
                    Fold::MeanInside | Fold::MeanPadded if lines * count == 0 => T::default(),
                    Fold::MeanInside | Fold::MeanPadded => *value / T::from_count(lines * count),
                    Fold::Norm1 => *value,
                    Fold::Norm2 => value.sqrt(),
                    Fold::Norm(p) => value.power(1.0 / p),
                };
                *value = result.settled();
            }
        }
    }
}

/// One element of the operand into each of a row.
#[inline(always)]
fn combine<T: Value>(row: &mut [T], (x, stride): (&[T], usize), with: impl Fn(T, T) -> T) {
    if stride == 1 {
        row.iter_mut().zip(x).for_each(|(value, x)| *value = with(*value, *x));
    } else if stride == 2 {
        // A stride that the compiler knows is vectorised.
        let (pairs, rest) = x.as_chunks::<2>();
        let (row, last) = row.split_at_mut(pairs.len().min(row.len()));
        row.iter_mut()
            .zip(pairs)
            .for_each(|(value, x)| *value = with(*value, x[0]));
        last.iter_mut()
            .zip(rest)
            .for_each(|(value, x)| *value = with(*value, *x));
    } else {
        row.iter_mut()
            .zip(x.iter().step_by(stride))
            .for_each(|(value, x)| *value = with(*value, *x));
    }
}
