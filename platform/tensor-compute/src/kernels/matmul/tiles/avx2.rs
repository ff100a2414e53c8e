//! Kernels for x86-64 with AVX2 and FMA: up to 12 of 16 registers (6 rows) hold sums, 2 the columns, 1 the row's element.

use super::tile_kernel;
use std::arch::x86_64::{
    __m256, __m256d, _MM_HINT_T0, _mm_prefetch, _mm256_fmadd_pd, _mm256_fmadd_ps, _mm256_loadu_pd, _mm256_loadu_ps,
    _mm256_set1_pd, _mm256_set1_ps, _mm256_setzero_pd, _mm256_setzero_ps, _mm256_storeu_pd, _mm256_storeu_ps,
};

tile_kernel! {
    /// Any rows by 16 columns of `f32`.
    single, "avx2,fma", f32, __m256, 2, 8,
    load _mm256_loadu_ps, store _mm256_storeu_ps, splat _mm256_set1_ps, zero _mm256_setzero_ps(),
    chain |a, b, sum| _mm256_fmadd_ps(a, b, sum),
    prefetch |address| _mm_prefetch::<_MM_HINT_T0>(address.cast()),
    left |a, a_row, step, row, height| step * height + row,
}

tile_kernel! {
    /// Any rows by 8 columns of `f64`.
    double, "avx2,fma", f64, __m256d, 2, 4,
    load _mm256_loadu_pd, store _mm256_storeu_pd, splat _mm256_set1_pd, zero _mm256_setzero_pd(),
    chain |a, b, sum| _mm256_fmadd_pd(a, b, sum),
    prefetch |address| _mm_prefetch::<_MM_HINT_T0>(address.cast()),
    left |a, a_row, step, row, height| step * height + row,
}

tile_kernel! {
    /// Any rows by 8 columns of `f32`; rows are not packed.
    narrow_single, "avx2,fma", f32, __m256, 1, 8,
    load _mm256_loadu_ps, store _mm256_storeu_ps, splat _mm256_set1_ps, zero _mm256_setzero_ps(),
    chain |a, b, sum| _mm256_fmadd_ps(a, b, sum),
    prefetch |address| { let _ = address; },
    left |a, a_row, step, row, height| row * a_row + step,
}

tile_kernel! {
    /// Any rows by 8 columns of `f64`; rows are not packed.
    narrow_double, "avx2,fma", f64, __m256d, 2, 4,
    load _mm256_loadu_pd, store _mm256_storeu_pd, splat _mm256_set1_pd, zero _mm256_setzero_pd(),
    chain |a, b, sum| _mm256_fmadd_pd(a, b, sum),
    prefetch |address| { let _ = address; },
    left |a, a_row, step, row, height| row * a_row + step,
}
