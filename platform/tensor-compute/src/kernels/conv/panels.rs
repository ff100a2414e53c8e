//! The convolution of floats as matrix products: the weight times a matrix with one column per window. That matrix is never
//! made: panels of it, as wide as a kernel's tile, are packed straight from the (padded) operand, used with every filter
//! while they are in the first cache, and finished there.

use super::{Finish, Geometry, Operands};
use crate::error::Result;
use crate::kernels::matmul::Target;
use crate::kernels::matmul::number::{Loops, Number, Path, vectorised};
use crate::kernels::matmul::pack::{Buffers, Lanes, Scratch};
use crate::kernels::matmul::tiles::Tile;
use crate::kernels::threads::{Place, in_parallel};
use crate::session::Session;
use std::ops::Range;

/// Most steps of k in a panel.
const STEPS: usize = 384;
/// Multiplications below which one thread does all.
const ALONE: usize = 1 << 18;
/// Panels between two looks whether the session is to stop.
const PANELS_A_LOOK: usize = 16;
/// How many times as large as the operand it may be with its padding; more is left to the windows one by one.
const PADDED_TIMES: usize = 4;
/// Elements that padding may add in any case.
const PADDED_MORE: usize = 1 << 14;

/// Lengths of the padded operand; none if padding would make it much larger.
pub(super) fn padded_lengths(geometry: &Geometry) -> Option<[usize; 3]> {
    let mut lengths = geometry.input;
    let mut count = 1_usize;
    for (length, (before, after)) in lengths.iter_mut().zip(geometry.windows.pads) {
        *length = length.checked_add(before)?.checked_add(after)?;
        count = count.checked_mul(*length)?;
    }
    let most = geometry.input_len().saturating_mul(PADDED_TIMES);
    (count <= most.saturating_add(PADDED_MORE)).then_some(lengths)
}

/// What is the same for all parts.
struct Panels<'a, T> {
    geometry: &'a Geometry,
    operands: Operands<'a, T>,
    tile: Tile<T>,
    path: Path,
    /// Lengths of the padded operand.
    padded: [usize; 3],
    /// For each element of a chain, how far behind the window's first element it lies in the padded operand.
    offsets: Vec<usize>,
    /// The weights of all groups in panels of rows: block of steps by block, panel by panel.
    left: Scratch<T>,
    out: Place<T>,
}

/// Neighbouring windows whose elements lie equally far apart.
struct Run {
    /// The first one's place in the panel.
    at: usize,
    /// Its first element in the padded operand.
    base: usize,
    count: usize,
}

/// `out` is zero and not empty.
pub(super) fn run<T: Number>(
    session: &Session,
    geometry: &Geometry,
    operands: Operands<'_, T>,
    (tile, padded): (Tile<T>, [usize; 3]),
    out: &mut [T],
) -> Result<()> {
    let chain = geometry.channels * geometry.taps();
    let _offsets = session.lease((chain * size_of::<usize>()) as u64)?;
    let alone = out.len().saturating_mul(chain) < ALONE;
    let work = Panels {
        geometry,
        operands,
        tile,
        path: Path::of(session.settings().isa),
        padded,
        offsets: offsets(geometry, padded),
        left: packed_weights(session, geometry, operands.weight, &tile)?,
        out: Place(out.as_mut_ptr()),
    };
    let panels = Buffers::new(session, tile.columns * chain.min(STEPS));
    let is_padded = padded != geometry.input;
    let copies = Buffers::new(
        session,
        if is_padded {
            geometry.channels * volume(padded)
        } else {
            0
        },
    );
    let (images, threads) = (geometry.batch * geometry.groups, session.settings().threads);
    let length = geometry.output_len();
    let with_image = |image: usize, then: &dyn Fn(&[T]) -> Result<()>| {
        let count = geometry.channels * geometry.input_len();
        let x = operands.x.get(image * count..).unwrap_or_default();
        let x = x.get(..count).unwrap_or_default();
        if !is_padded {
            return then(x);
        }
        copies.with(|copy| {
            work.pad(x, copy);
            then(copy)
        })
    };
    let whole = |image| {
        with_image(image, &|x| {
            panels.with(|panel| work.part(session, (image, x), 0..length, panel))
        })
    };
    if alone || threads == 1 {
        return (0..images).try_for_each(|image| session.go_on().and_then(|()| whole(image)));
    }
    if images >= 2 * threads {
        return in_parallel(session, images, whole);
    }
    let share = length.div_ceil(2 * threads).next_multiple_of(tile.columns);
    (0..images).try_for_each(|image| {
        with_image(image, &|x| {
            in_parallel(session, length.div_ceil(share), |part| {
                let windows = part * share..length.min((part + 1) * share);
                panels.with(|panel| work.part(session, (image, x), windows, panel))
            })
        })
    })
}

fn volume(lengths: [usize; 3]) -> usize {
    lengths.iter().product()
}

fn offsets(geometry: &Geometry, [depth, height, width]: [usize; 3]) -> Vec<usize> {
    let [along_depth, along_height, along_width] = geometry.windows.dilations;
    let within =
        |tap: [usize; 3]| (tap[0] * along_depth * height + tap[1] * along_height) * width + tap[2] * along_width;
    let channels = 0..geometry.channels;
    channels
        .flat_map(|channel| geometry.windows.taps().map(move |tap| (channel, tap)))
        .map(|(channel, tap)| channel * depth * height * width + within(tap))
        .collect()
}

fn packed_weights<T: Number>(
    session: &Session,
    geometry: &Geometry,
    weight: &[T],
    tile: &Tile<T>,
) -> Result<Scratch<T>> {
    let (chain, filters) = (geometry.channels * geometry.taps(), geometry.filters);
    let rows = filters.next_multiple_of(tile.rows);
    let mut left = Scratch::new(session, geometry.groups * rows * chain)?;
    let mut rest = left.get();
    for group in 0..geometry.groups {
        for step in (0..chain).step_by(STEPS) {
            let steps = STEPS.min(chain - step);
            for row in (0..filters).step_by(tile.rows) {
                let (panel, behind) = rest.split_at_mut(tile.rows * steps);
                let lanes = Lanes {
                    values: weight,
                    lane: chain,
                    step: 1,
                };
                (tile.pack_rows)(
                    lanes.from(group * filters + row, step),
                    tile.rows.min(filters - row),
                    panel,
                );
                rest = behind;
            }
        }
    }
    Ok(left)
}

impl<T: Number> Panels<'_, T> {
    /// Copies an image to the middle of its padding.
    fn pad(&self, x: &[T], copy: &mut [T]) {
        copy.fill(T::default());
        let ([depth, height, width], [_, padded_height, padded_width]) = (self.geometry.input, self.padded);
        let [(front, _), (top, _), (left, _)] = self.geometry.windows.pads;
        for (line, row) in x.chunks_exact(width.max(1)).enumerate() {
            let (plane, h) = (line / height, line % height);
            let (channel, d) = (plane / depth, plane % depth);
            let to = channel * volume(self.padded) + ((d + front) * padded_height + h + top) * padded_width + left;
            copy[to..][..width].copy_from_slice(row);
        }
    }

    /// These windows of one image (batch and group), with all filters.
    fn part(&self, session: &Session, (image, x): (usize, &[T]), windows: Range<usize>, panel: &mut [T]) -> Result<()> {
        let (filters, length) = (self.geometry.filters, self.geometry.output_len());
        let (tile, group) = (&self.tile, image % self.geometry.groups);
        let chain = self.offsets.len();
        let left = &self.left.read()[group * filters.next_multiple_of(tile.rows) * chain..];
        let mut runs = Vec::new();
        for start in windows.clone().step_by(tile.columns) {
            let width = tile.columns.min(windows.end - start);
            if ((start - windows.start) / tile.columns).is_multiple_of(PANELS_A_LOOK) {
                session.go_on()?;
            }
            self.find_runs(start, width, &mut runs);
            let c = Target {
                place: Place(self.out.at(image * filters * length + start)),
                row: length,
            };
            let mut left = left;
            for offsets in self.offsets.chunks(STEPS) {
                let panel = &mut panel[..tile.columns * offsets.len()];
                self.pack(x, &runs, offsets, panel);
                for row in (0..filters).step_by(tile.rows) {
                    let (rows, behind) = left.split_at(tile.rows * offsets.len());
                    let size = (tile.rows.min(filters - row), width);
                    // SAFETY: these windows of this image's filters lie in the result, and only this part has them;
                    // `Path::of` found the features.
                    unsafe { tile.place(offsets.len(), (rows, panel), c.from(row, 0), size) };
                    left = behind;
                }
            }
            vectorised(
                self.path,
                &mut Finishing {
                    c,
                    size: (filters, width),
                    finish: self.operands.finish,
                    first: group * filters,
                },
            );
        }
        Ok(())
    }

    /// Where the windows from `start` on lie.
    fn find_runs(&self, start: usize, width: usize, runs: &mut Vec<Run>) {
        let [_, height, row] = self.padded;
        let [_, out_height, out_width] = self.geometry.output;
        let [along_depth, along_height, along_width] = self.geometry.windows.strides;
        runs.clear();
        let mut at = 0;
        while at < width {
            let (line, first) = ((start + at) / out_width, (start + at) % out_width);
            let count = (out_width - first).min(width - at);
            let (d, h) = (line / out_height * along_depth, line % out_height * along_height);
            let base = (d * height + h) * row + first * along_width;
            match runs.last_mut() {
                Some(last) if last.base + last.count * along_width == base => last.count += count,
                _ => runs.push(Run { at, base, count }),
            }
            at += count;
        }
    }

    /// For each step its element of every window. Lanes without a window keep what they had: nobody reads their sums.
    fn pack(&self, x: &[T], runs: &[Run], offsets: &[usize], panel: &mut [T]) {
        let (lanes, stride) = (self.tile.columns, self.geometry.windows.strides[2]);
        for run in runs {
            let (x, panel) = (&x[run.base..], &mut panel[run.at..]);
            match (stride, run.count) {
                (1, 8) => copy::<T, 8>(x, offsets, panel, lanes),
                (1, 16) => copy::<T, 16>(x, offsets, panel, lanes),
                (1, 32) => copy::<T, 32>(x, offsets, panel, lanes),
                (1, count) => {
                    for (step, offset) in offsets.iter().enumerate() {
                        panel[step * lanes..][..count].copy_from_slice(&x[*offset..][..count]);
                    }
                }
                (_, count) => {
                    for (step, offset) in offsets.iter().enumerate() {
                        let from = x[*offset..].iter().step_by(stride);
                        let to = &mut panel[step * lanes..][..count];
                        to.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
                    }
                }
            }
        }
    }
}

/// `N` neighbours for each step.
fn copy<T: Number, const N: usize>(x: &[T], offsets: &[usize], panel: &mut [T], lanes: usize) {
    for (step, offset) in offsets.iter().enumerate() {
        let to = panel.get_mut(step * lanes..).and_then(<[T]>::first_chunk_mut::<N>);
        let from = x.get(*offset..).and_then(<[T]>::first_chunk::<N>);
        if let (Some(to), Some(from)) = (to, from) {
            *to = *from;
        }
    }
}

/// [`Finish`] over filters from `first` on.
struct Finishing<'a, T> {
    c: Target<T>,
    size: (usize, usize),
    finish: Finish<'a, T>,
    first: usize,
}

impl<T: Number> Loops for Finishing<'_, T> {
    #[inline(always)]
    fn run<const SOFT: bool>(&mut self) {
        for filter in 0..self.size.0 {
            // SAFETY: whoever made this has these windows of the filters to itself.
            self.finish
                .apply(self.first + filter, unsafe { self.c.row(filter, self.size.1) });
        }
    }
}
