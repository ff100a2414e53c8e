//! Kernels for 64-bit ARM: up to 24 of 32 registers (8 rows) hold sums, 3 the columns, 1 the row's element.

use super::tile_kernel;
use std::arch::aarch64::{
    float32x4_t, float64x2_t, vdupq_n_f32, vdupq_n_f64, vfmaq_f32, vfmaq_f64, vld1q_f32, vld1q_f64, vst1q_f32,
    vst1q_f64,
};

tile_kernel! {
    /// Any rows by 12 columns of `f32`.
    single, "neon", f32, float32x4_t, 3, 4,
    load vld1q_f32, store vst1q_f32, splat vdupq_n_f32, zero vdupq_n_f32(0.0),
    chain |a, b, sum| vfmaq_f32(sum, a, b),
    prefetch |address| { let _ = address; },
    left |a, a_row, step, row, height| step * height + row,
}

tile_kernel! {
    /// Any rows by 6 columns of `f64`.
    double, "neon", f64, float64x2_t, 3, 2,
    load vld1q_f64, store vst1q_f64, splat vdupq_n_f64, zero vdupq_n_f64(0.0),
    chain |a, b, sum| vfmaq_f64(sum, a, b),
    prefetch |address| { let _ = address; },
    left |a, a_row, step, row, height| step * height + row,
}

tile_kernel! {
    /// Any rows by 8 columns of `f32`; rows are not packed.
    narrow_single, "neon", f32, float32x4_t, 2, 4,
    load vld1q_f32, store vst1q_f32, splat vdupq_n_f32, zero vdupq_n_f32(0.0),
    chain |a, b, sum| vfmaq_f32(sum, a, b),
    prefetch |address| { let _ = address; },
    left |a, a_row, step, row, height| row * a_row + step,
}

tile_kernel! {
    /// Any rows by 8 columns of `f64`; rows are not packed.
    narrow_double, "neon", f64, float64x2_t, 4, 2,
    load vld1q_f64, store vst1q_f64, splat vdupq_n_f64, zero vdupq_n_f64(0.0),
    chain |a, b, sum| vfmaq_f64(sum, a, b),
    prefetch |address| { let _ = address; },
    left |a, a_row, step, row, height| row * a_row + step,
}
