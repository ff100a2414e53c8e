//! Kernels for x86-64 with AVX-512F: up to 28 of 32 registers (14 rows) hold sums, 2 the columns, 1 the row's element.

use super::tile_kernel;
use std::arch::x86_64::{
    __m512, __m512d, _MM_HINT_T0, _mm_prefetch, _mm512_fmadd_pd, _mm512_fmadd_ps, _mm512_loadu_pd, _mm512_loadu_ps,
    _mm512_set1_pd, _mm512_set1_ps, _mm512_setzero_pd, _mm512_setzero_ps, _mm512_storeu_pd, _mm512_storeu_ps,
};

tile_kernel! {
    /// Any rows by 32 columns of `f32`.
    single, "avx512f", f32, __m512, 2, 16,
    load _mm512_loadu_ps, store _mm512_storeu_ps, splat _mm512_set1_ps, zero _mm512_setzero_ps(),
    chain |a, b, sum| _mm512_fmadd_ps(a, b, sum),
    prefetch |address| _mm_prefetch::<_MM_HINT_T0>(address.cast()),
    left |a, a_row, step, row, height| step * height + row,
}

tile_kernel! {
    /// Any rows by 16 columns of `f64`.
    double, "avx512f", f64, __m512d, 2, 8,
    load _mm512_loadu_pd, store _mm512_storeu_pd, splat _mm512_set1_pd, zero _mm512_setzero_pd(),
    chain |a, b, sum| _mm512_fmadd_pd(a, b, sum),
    prefetch |address| _mm_prefetch::<_MM_HINT_T0>(address.cast()),
    left |a, a_row, step, row, height| step * height + row,
}
