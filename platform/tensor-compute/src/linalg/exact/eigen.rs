//! Eigenvalues of a general real matrix: balancing, Hessenberg form, and the implicit double-shift QR iteration of Francis with
//! the deflation test of Ahues and Tisseur (LAPACK Working Note 122, 1997). Golub and Van Loan, Matrix Computations, 7.5.

use super::chase::Chase;
use super::{hessenberg, vector};
use crate::error::{ComputeError, Result};
use crate::isa::Isa;
use crate::session::Session;

/// Sweeps for each row (of ten at least) before the iteration counts as failed.
const SWEEPS_PER_ROW: usize = 30;
/// After this many sweeps without a deflation the shifts are exchanged for others once, and again after as many more.
const STUCK: usize = 10;
/// Below this an element is nothing: the largest of the matrix are above 1e-140.
const TINY: f64 = f64::MIN_POSITIVE / f64::EPSILON;

/// Writes the eigenvalues (real part, imaginary part) into `out`, in no order. Overwrites `a`.
pub(in crate::linalg) fn eigenvalues(session: &Session, a: &mut [f64], n: usize, out: &mut [f64]) -> Result<()> {
    balance(session, a, n)?;
    hessenberg::reduce(session, a, n)?;
    let mut h = Iteration {
        h: a,
        n,
        isa: session.settings().isa,
        chase: Chase::new(session, n)?,
    };
    let (out, _) = out.as_chunks_mut::<2>();
    let mut sweeps_left = SWEEPS_PER_ROW * n.max(STUCK);
    let most = sweeps_left;
    let mut end = n;
    // Rows `end..` are done. Each round takes one or two eigenvalues off the bottom.
    while end > 0 {
        let mut without_deflation = 0;
        let start = loop {
            session.go_on()?;
            let start = h.split(end - 1);
            if start + 2 >= end {
                break start;
            }
            if sweeps_left == 0 {
                let iterations = u32::try_from(most).unwrap_or(u32::MAX);
                return Err(ComputeError::NoConvergence {
                    op: "eigenvalues",
                    iterations,
                });
            }
            sweeps_left -= 1;
            without_deflation += 1;
            let shifts = h.shifts(start, end - 1, without_deflation);
            h.sweep(start, end - 1, shifts);
        };
        if start + 1 == end {
            out[start] = [h.at(start, start), 0.0];
        } else {
            let pair = pair_of(
                h.at(start, start),
                h.at(start, start + 1),
                h.at(start + 1, start),
                h.at(start + 1, start + 1),
            );
            out[start..end].copy_from_slice(&pair);
        }
        end = start;
    }
    Ok(())
}

/// Scales rows and columns by powers of two until they are of like length (Parlett and Reinsch, Numerische Mathematik 13,
/// 1969, with the 2-norm as James, Langou and Lowery advise, arXiv 1401.5766): the same eigenvalues, from smaller errors.
fn balance(session: &Session, a: &mut [f64], n: usize) -> Result<()> {
    let isa = session.settings().isa;
    let _scratch = session.lease(n as u64 * size_of::<f64>() as u64)?;
    let mut column = vec![0.0; n];
    // Each round shrinks the matrix or is the last; a dozen suffice for the worst that doubles can hold.
    for _ in 0..20 {
        session.go_on()?;
        let mut changed = false;
        for i in 0..n {
            for (value, row) in column.iter_mut().zip(a.chunks_exact(n)) {
                *value = row[i];
            }
            let (c, r) = (vector::length(isa, &column), vector::length(isa, &a[i * n..][..n]));
            let by = balance_factor(c, r);
            if by != 1.0 {
                changed = true;
                vector::divide(isa, &mut a[i * n..][..n], by);
                a[i..].iter_mut().step_by(n).for_each(|value| *value *= by);
            }
        }
        if !changed {
            break;
        }
    }
    Ok(())
}

/// By which power of two to multiply a column of length `c` and divide its row of length `r`; 1 where little is won.
fn balance_factor(c: f64, r: f64) -> f64 {
    if !(c > 0.0 && r > 0.0 && c.is_finite() && r.is_finite()) {
        return 1.0;
    }
    let exponent = ((libm::ilogb(r) - libm::ilogb(c)) / 2).clamp(-500, 500);
    let by = libm::scalbn(1.0, exponent);
    if c * by + r / by < 0.95 * (c + r) { by } else { 1.0 }
}

/// Two shifts: real and imaginary part of each. Both real, or conjugates.
#[derive(Clone, Copy)]
struct Shifts {
    first: (f64, f64),
    second: (f64, f64),
}

/// A Hessenberg matrix under iteration.
struct Iteration<'a> {
    h: &'a mut [f64],
    n: usize,
    isa: Isa,
    /// The reflectors of a sweep, for the rows that have time.
    chase: Chase,
}

impl Iteration<'_> {
    fn at(&self, i: usize, j: usize) -> f64 {
        self.h[i * self.n + j]
    }

    /// The first row of the block that ends with row `last` and has no zero on its subdiagonal; what is as good as zero in
    /// front of it is set to zero.
    fn split(&mut self, last: usize) -> usize {
        let mut k = last;
        while k > 0 && !self.negligible(k) {
            k -= 1;
        }
        if k > 0 {
            self.h[k * self.n + k - 1] = 0.0;
        }
        k
    }

    /// Whether the subdiagonal element in row `k` can be set to zero without harm to the eigenvalues.
    fn negligible(&self, k: usize) -> bool {
        let below = self.at(k, k - 1).abs();
        if below <= TINY {
            return true;
        }
        let (d0, d1) = (self.at(k - 1, k - 1), self.at(k, k));
        let mut size = d0.abs() + d1.abs();
        if size == 0.0 {
            size += if k >= 2 { self.at(k - 1, k - 2).abs() } else { 0.0 };
            size += if k + 1 < self.n { self.at(k + 1, k).abs() } else { 0.0 };
        }
        if below > f64::EPSILON * size {
            return false;
        }
        let above = self.at(k - 1, k).abs();
        let (off_large, off_small) = (below.max(above), below.min(above));
        let apart = (d0 - d1).abs();
        let (large, small) = (d1.abs().max(apart), d1.abs().min(apart));
        let sum = large + off_large;
        off_small * (off_large / sum) <= TINY.max(f64::EPSILON * (small * (large / sum)))
    }

    /// The eigenvalues of the last two rows; others where that did not help for long.
    fn shifts(&self, start: usize, last: usize, without_deflation: usize) -> Shifts {
        let (mut a, mut b, mut c, mut d) = (
            self.at(last - 1, last - 1),
            self.at(last - 1, last),
            self.at(last, last - 1),
            self.at(last, last),
        );
        if without_deflation.is_multiple_of(STUCK) {
            let at_top = without_deflation.is_multiple_of(2 * STUCK);
            let (corner, size) = if at_top {
                (
                    self.at(start, start),
                    self.at(start + 1, start).abs() + self.at(start + 2, start + 1).abs(),
                )
            } else {
                (d, c.abs() + self.at(last - 1, last - 2).abs())
            };
            // Far from any likely eigenvalue, and complex, so that a cycle is left.
            (a, b, c, d) = (0.75 * size + corner, -0.4375 * size, size, 0.75 * size + corner);
        }
        let size = a.abs() + b.abs() + c.abs() + d.abs();
        if size == 0.0 {
            return Shifts {
                first: (0.0, 0.0),
                second: (0.0, 0.0),
            };
        }
        let (a, b, c, scaled_d) = (a / size, b / size, c / size, d / size);
        let mean = (a + scaled_d) / 2.0;
        let determinant = (a - mean) * (scaled_d - mean) - b * c;
        let root = determinant.abs().sqrt();
        if determinant >= 0.0 {
            return Shifts {
                first: (mean * size, root * size),
                second: (mean * size, -root * size),
            };
        }
        let (x, y) = (mean + root, mean - root);
        let near = if (x - scaled_d).abs() <= (y - scaled_d).abs() {
            x
        } else {
            y
        };
        Shifts {
            first: (near * size, 0.0),
            second: (near * size, 0.0),
        }
    }

    /// The first column of `(H - first) (H - second)` from row `m` on, up to a factor.
    fn start_vector(&self, m: usize, shifts: Shifts) -> [f64; 3] {
        let ((re1, im1), (re2, im2)) = (shifts.first, shifts.second);
        let (top, next, below) = (self.at(m, m), self.at(m + 1, m + 1), self.at(m + 1, m));
        let size = (top - re2).abs() + im2.abs() + below.abs();
        if size == 0.0 {
            return [0.0; 3];
        }
        let below = below / size;
        let v = [
            below * self.at(m, m + 1) + (top - re1) * ((top - re2) / size) - im1 * (im2 / size),
            below * (top + next - re1 - re2),
            below * self.at(m + 2, m + 1),
        ];
        let sum = v[0].abs() + v[1].abs() + v[2].abs();
        if sum == 0.0 { v } else { v.map(|v| v / sum) }
    }

    /// One double step: a bulge is made at the top of rows `start ..= last` and chased out at the bottom.
    fn sweep(&mut self, start: usize, last: usize, shifts: Shifts) {
        let n = self.n;
        // The bulge may start below two small subdiagonal elements in a row.
        let mut m = last - 2;
        let mut v = self.start_vector(m, shifts);
        while m > start {
            let near = self.at(m - 1, m - 1).abs() + self.at(m, m).abs() + self.at(m + 1, m + 1).abs();
            if self.at(m, m - 1).abs() * (v[1].abs() + v[2].abs()) <= f64::EPSILON * v[0].abs() * near {
                break;
            }
            m -= 1;
            v = self.start_vector(m, shifts);
        }
        self.chase.begin(m);
        for k in m..last {
            let three = k + 2 <= last;
            if k > m {
                v = [
                    self.at(k, k - 1),
                    self.at(k + 1, k - 1),
                    if three { self.at(k + 2, k - 1) } else { 0.0 },
                ];
            }
            let (beta, tau) = small_reflector(&mut v);
            if k > m {
                self.h[k * n + k - 1] = beta;
                self.h[(k + 1) * n + k - 1] = 0.0;
                if three {
                    self.h[(k + 2) * n + k - 1] = 0.0;
                }
            } else if m > start {
                self.h[k * n + k - 1] *= 1.0 - tau;
            }
            if three {
                let rows = &mut self.h[k * n..(k + 3) * n];
                let (r0, rest) = rows.split_at_mut(n);
                let (r1, r2) = rest.split_at_mut(n);
                let rows = [&mut r0[k..=last], &mut r1[k..=last], &mut r2[k..=last]];
                vector::reflect_rows(self.isa, rows, v[1], v[2], tau);
                // The rows that a later step reads; those above wait.
                let end = (k + 3).min(last);
                let below = &mut self.h[(k + 1) * n + k..end * n + k + 3];
                vector::reflect_columns(self.isa, below, n, (v[1], v[2]), tau);
                self.chase.push([v[1], v[2], tau]);
            } else {
                self.chase.catch_up(self.isa, self.h, n, start..last + 1);
                self.reflect_last_two(k, start..last + 1, v[1], tau);
            }
        }
    }

    /// The last reflector of a sweep, on rows and columns `k` and `k + 1`.
    fn reflect_last_two(&mut self, k: usize, rows: std::ops::Range<usize>, v: f64, tau: f64) {
        let n = self.n;
        for j in k..rows.end {
            let sum = self.at(k, j) + v * self.at(k + 1, j);
            self.h[k * n + j] -= sum * tau;
            self.h[(k + 1) * n + j] -= sum * (tau * v);
        }
        for i in rows {
            let sum = self.at(i, k) + v * self.at(i, k + 1);
            self.h[i * n + k] -= sum * tau;
            self.h[i * n + k + 1] -= sum * (tau * v);
        }
    }
}

/// As [`vector::reflector`], for three elements.
fn small_reflector(v: &mut [f64; 3]) -> (f64, f64) {
    let [first, b, c] = *v;
    let largest = first.abs().max(b.abs()).max(c.abs());
    if b == 0.0 && c == 0.0 {
        *v = [1.0, 0.0, 0.0];
        return (first, 0.0);
    }
    let by = vector::safe_scale(largest);
    let (x, y, z) = (first * by, b * by, c * by);
    let beta = -((x * x + y * y) + z * z).sqrt().copysign(x);
    *v = [1.0, y / (x - beta), z / (x - beta)];
    (beta / by, (beta - x) / beta)
}

/// The eigenvalues of a matrix of two rows.
fn pair_of(a: f64, b: f64, c: f64, d: f64) -> [[f64; 2]; 2] {
    if b == 0.0 || c == 0.0 {
        return [[a, 0.0], [d, 0.0]];
    }
    let half = 0.5 * (a - d);
    let (large, small) = (
        b.abs().max(c.abs()),
        b.abs().min(c.abs()).copysign(b) * 1.0_f64.copysign(c),
    );
    let size = half.abs().max(large);
    // The discriminant, over `size`.
    let z = half / size * half + large / size * small;
    if z >= 4.0 * f64::EPSILON * size {
        // The sum that does not cancel first; the other from the product.
        let far = half + (size.sqrt() * z.sqrt()).copysign(half);
        return [[d + far, 0.0], [d - large / far * small, 0.0]];
    }
    let mean = d + half;
    let root = size.sqrt() * z.abs().sqrt();
    if z >= 0.0 {
        [[mean + root, 0.0], [mean - root, 0.0]]
    } else {
        [[mean, root], [mean, -root]]
    }
}
