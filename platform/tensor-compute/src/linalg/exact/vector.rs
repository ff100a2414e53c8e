//! Loops over vectors that the factorisations are made of. Multiplication and addition are separate (no fused operation), sums
//! run in sixteen lanes that are joined in one fixed tree, and everything else works element by element: so the same source,
//! compiled for several instruction sets, gives the same bits in each.

use crate::isa::Isa;

/// Lanes of a sum: as many as keep the adders of AVX-512 and of NEON busy.
const LANES: usize = 16;

/// Compiles a loop once for each instruction set and picks one when called.
macro_rules! per_isa {
    ($(#[$doc:meta])* fn $name:ident($($arg:ident: $ty:ty),* $(,)?) $(-> $ret:ty)? $body:block) => {
        $(#[$doc])*
        pub(in crate::linalg) fn $name(isa: Isa, $($arg: $ty),*) $(-> $ret)? {
            #[inline(always)]
            fn plain($($arg: $ty),*) $(-> $ret)? $body
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,avx512f")]
            fn avx512($($arg: $ty),*) $(-> $ret)? {
                plain($($arg),*)
            }
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2")]
            fn avx2($($arg: $ty),*) $(-> $ret)? {
                plain($($arg),*)
            }
            #[cfg(target_arch = "x86_64")]
            match isa {
                Isa::Avx512 if is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx2") => {
                    // SAFETY: the processor has AVX-512F and AVX2, as was asked in this line.
                    return unsafe { avx512($($arg),*) };
                }
                Isa::Avx2 if is_x86_feature_detected!("avx2") => {
                    // SAFETY: the processor has AVX2, as was asked in this line.
                    return unsafe { avx2($($arg),*) };
                }
                _ => {}
            }
            let _ = isa;
            plain($($arg),*)
        }
    };
}

#[inline(always)]
fn join(lanes: [f64; LANES]) -> f64 {
    let mut sums = lanes;
    let mut width = LANES / 2;
    while width > 0 {
        for i in 0..width {
            sums[i] += sums[i + width];
        }
        width /= 2;
    }
    sums[0]
}

#[inline(always)]
fn dot_lanes(x: &[f64], y: &[f64]) -> f64 {
    let (x_chunks, x_rest) = x.as_chunks::<LANES>();
    let (y_chunks, y_rest) = y.as_chunks::<LANES>();
    let mut lanes = [0.0; LANES];
    for (xs, ys) in x_chunks.iter().zip(y_chunks) {
        for i in 0..LANES {
            lanes[i] += xs[i] * ys[i];
        }
    }
    for (lane, (x, y)) in lanes.iter_mut().zip(x_rest.iter().zip(y_rest)) {
        *lane += x * y;
    }
    join(lanes)
}

#[inline(always)]
fn add_scaled_row(y: &mut [f64], by: f64, x: &[f64]) {
    for (y, x) in y.iter_mut().zip(x) {
        *y += by * x;
    }
}

per_isa! {
    /// The sum of `x[i] y[i]`.
    fn dot(x: &[f64], y: &[f64]) -> f64 {
        dot_lanes(x, y)
    }
}

per_isa! {
    /// The largest absolute value; NaN if there is one.
    fn max_abs(x: &[f64]) -> f64 {
        let (chunks, rest) = x.as_chunks::<LANES>();
        let mut lanes = [0.0_f64; LANES];
        let mut nan = [0.0_f64; LANES];
        for xs in chunks {
            for i in 0..LANES {
                let size = xs[i].abs();
                // A NaN minus itself stays NaN and so does any sum with it; a finite number gives 0, infinity is taken out.
                nan[i] += if size == f64::INFINITY { 0.0 } else { size * 0.0 };
                lanes[i] = if size > lanes[i] { size } else { lanes[i] };
            }
        }
        for x in rest {
            let size = x.abs();
            nan[0] += if size == f64::INFINITY { 0.0 } else { size * 0.0 };
            lanes[0] = if size > lanes[0] { size } else { lanes[0] };
        }
        let mut largest = lanes[0];
        for lane in &lanes[1..] {
            largest = if *lane > largest { *lane } else { largest };
        }
        largest + join(nan)
    }
}

per_isa! {
    /// `y += by x`.
    fn add_scaled(y: &mut [f64], by: f64, x: &[f64]) {
        add_scaled_row(y, by, x);
    }
}

per_isa! {
    /// `y += by[0] x[0] + by[1] x[1] + ...`, the rows one after another; row `t` starts at `x[t * x_row]`.
    fn add_rows(y: &mut [f64], by: &[f64], x: &[f64], x_row: usize) {
        let n = y.len();
        let (fours, rest) = by.as_chunks::<4>();
        for (t, [b0, b1, b2, b3]) in fours.iter().enumerate() {
            let at = 4 * t * x_row;
            let x0 = &x[at..][..n];
            let x1 = &x[at + x_row..][..n];
            let x2 = &x[at + 2 * x_row..][..n];
            let x3 = &x[at + 3 * x_row..][..n];
            for (j, y) in y.iter_mut().enumerate() {
                *y = (((*y + b0 * x0[j]) + b1 * x1[j]) + b2 * x2[j]) + b3 * x3[j];
            }
        }
        for (t, b) in rest.iter().enumerate() {
            let at = (4 * fours.len() + t) * x_row;
            add_scaled_row(y, *b, &x[at..][..n]);
        }
    }
}

per_isa! {
    /// `y[i] = a[i] . x` for each row `a[i]`, which starts at `a[i * a_row]`.
    fn rows_times(y: &mut [f64], a: &[f64], a_row: usize, x: &[f64]) {
        for (i, y) in y.iter_mut().enumerate() {
            *y = dot_lanes(&a[i * a_row..][..x.len()], x);
        }
    }
}

per_isa! {
    /// `y /= by`.
    fn divide(y: &mut [f64], by: f64) {
        for y in y.iter_mut() {
            *y /= by;
        }
    }
}

per_isa! {
    /// `y *= by`.
    fn scale(y: &mut [f64], by: f64) {
        for y in y.iter_mut() {
            *y *= by;
        }
    }
}

per_isa! {
    /// Adds `|x[i]|` to `y[i]`.
    fn add_abs(y: &mut [f64], x: &[f64]) {
        for (y, x) in y.iter_mut().zip(x) {
            *y += x.abs();
        }
    }
}

per_isa! {
    /// The sum of `|x[i]|`.
    fn sum_abs(x: &[f64]) -> f64 {
        let (chunks, rest) = x.as_chunks::<LANES>();
        let mut lanes = [0.0; LANES];
        for xs in chunks {
            for i in 0..LANES {
                lanes[i] += xs[i].abs();
            }
        }
        for (lane, x) in lanes.iter_mut().zip(rest) {
            *lane += x.abs();
        }
        join(lanes)
    }
}

per_isa! {
    /// Applies `I - tau v v'` with `v = (1, v1, v2)` to three rows from the left.
    fn reflect_rows(rows: [&mut [f64]; 3], v1: f64, v2: f64, tau: f64) {
        let [r0, r1, r2] = rows;
        let (t1, t2) = (tau * v1, tau * v2);
        for ((a, b), c) in r0.iter_mut().zip(r1.iter_mut()).zip(r2.iter_mut()) {
            let sum = (*a + v1 * *b) + v2 * *c;
            *a -= sum * tau;
            *b -= sum * t1;
            *c -= sum * t2;
        }
    }
}

per_isa! {
    /// Applies `I - tau v v'` with `v = (1, v1, v2)` from the right to three neighbouring columns: the first three elements
    /// of every `row` elements of `a`.
    fn reflect_columns(a: &mut [f64], row: usize, v: (f64, f64), tau: f64) {
        let (v1, v2) = v;
        let (t1, t2) = (tau * v1, tau * v2);
        for row in a.chunks_mut(row) {
            if let [a, b, c, ..] = row {
                let sum = (*a + v1 * *b) + v2 * *c;
                *a -= sum * tau;
                *b -= sum * t1;
                *c -= sum * t2;
            }
        }
    }
}

per_isa! {
    /// Row by row `a := (a + u w') (I - tau v v')`, on the columns from the second of `shape` on of rows of as many elements
    /// as its first says; `by` is `(w, v, tau)`.
    fn reflect_each(a: &mut [f64], shape: (usize, usize), u: &[f64], by: (&[f64], &[f64], f64)) {
        let ((columns, first), (w, v, tau)) = (shape, by);
        for (row, u) in a.chunks_exact_mut(columns).zip(u) {
            let row = &mut row[first..];
            add_scaled_row(row, *u, w);
            let along = -tau * dot_lanes(row, v);
            add_scaled_row(row, along, v);
        }
    }
}

/// Rows that [`chase`] turns at a time: two vectors of AVX-512, so that one computes while the other waits.
pub(super) const ROWS: usize = 16;
/// Reflectors between two turns: their columns stay in the first cache.
const SPAN: usize = 64;

per_isa! {
    /// Rows of `shape.0` elements, at most [`ROWS`]: applies `I - tau v v'` from the right to the three columns from
    /// `shape.1` on, the next one to those from `shape.1 + 1` on, and so forth. A reflector is `(v1, v2, tau)` with
    /// `v = (1, v1, v2)`.
    fn chase(rows: &mut [f64], shape: (usize, usize), reflectors: &[[f64; 3]]) {
        let (n, first) = shape;
        let mut turned = [[0.0; ROWS]; SPAN + 2];
        // Columns that are turned already.
        let mut kept = 0;
        for (number, some) in reflectors.chunks(SPAN).enumerate() {
            let from = first + number * SPAN;
            let columns = some.len() + 2;
            for (lane, row) in rows.chunks_exact(n).enumerate() {
                let values = &row[from + kept..from + columns];
                for (column, value) in turned[kept..columns].iter_mut().zip(values) {
                    column[lane] = *value;
                }
            }
            for (at, [v1, v2, tau]) in some.iter().enumerate() {
                let (t1, t2) = (tau * v1, tau * v2);
                if let Some([a, b, c]) = turned[at..].first_chunk_mut::<3>() {
                    for lane in 0..ROWS {
                        let sum = (a[lane] + v1 * b[lane]) + v2 * c[lane];
                        a[lane] -= sum * tau;
                        b[lane] -= sum * t1;
                        c[lane] -= sum * t2;
                    }
                }
            }
            // The last two columns meet the next reflectors; after the last ones it does no harm to write them twice.
            for (lane, row) in rows.chunks_exact_mut(n).enumerate() {
                for (column, value) in turned[..columns].iter().zip(&mut row[from..from + columns]) {
                    *value = column[lane];
                }
            }
            turned.copy_within(some.len()..columns, 0);
            kept = 2;
        }
    }
}

/// Where the squares of numbers neither overflow nor lose digits, with room for a sum.
const SAFE: std::ops::RangeInclusive<f64> = 1e-140..=1e140;

/// The power of two that brings `largest` near 1; 1 where nothing is to be done (safe already, 0, or not finite).
pub(in crate::linalg) fn safe_scale(largest: f64) -> f64 {
    if SAFE.contains(&largest) || largest == 0.0 || !largest.is_finite() {
        return 1.0;
    }
    // Two steps at most would be needed for subnormals; 2^1000 brings them to where squares are safe enough.
    libm::scalbn(1.0, (-libm::ilogb(largest)).clamp(-1000, 1000))
}

/// The root of the sum of squares, without overflow on the way.
pub(in crate::linalg) fn length(isa: Isa, x: &[f64]) -> f64 {
    let squares = dot(isa, x, x);
    if (1e-270..=1e300).contains(&squares) {
        return squares.sqrt();
    }
    let largest = max_abs(isa, x);
    if largest == 0.0 || !largest.is_finite() {
        return largest;
    }
    let by = safe_scale(largest);
    let squares: f64 = x.iter().map(|x| (x * by) * (x * by)).sum();
    squares.sqrt() / by
}

/// A Householder reflector `I - tau v v'` (v[0] = 1) that takes `x` to `(beta, 0, ..., 0)`; `x` becomes `v`. Returns
/// `(beta, tau)`; tau is 0 where nothing has to change. Golub and Van Loan, Matrix Computations, 5.1.
pub(in crate::linalg) fn reflector(isa: Isa, x: &mut [f64]) -> (f64, f64) {
    let Some((alpha, rest)) = x.split_first_mut() else {
        return (0.0, 0.0);
    };
    let first = *alpha;
    *alpha = 1.0;
    let below = length(isa, rest);
    if below == 0.0 {
        return (first, 0.0);
    }
    let beta = -libm::hypot(first, below).copysign(first);
    divide(isa, rest, first - beta);
    (beta, (beta - first) / beta)
}
