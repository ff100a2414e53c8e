//! An LSTM layer in one pass over time: the weights of the state are packed once, a step is one product and one walk over its
//! gates, and directions run side by side. The same operations in the same order as one by one: the same bits.

use super::functions::Real;
use super::matmul::Target;
use super::matmul::number::{Number, Path};
use super::matmul::pack::{Lanes, Scratch};
use super::matmul::tiles::Tile;
use super::parts::{Loop, run_on};
use super::threads::{Place, in_parallel};
use crate::Element;
use crate::error::{ComputeError, Result};
use crate::session::Session;
use crate::tensor::Tensor;
use std::sync::{Arc, Mutex, PoisonError};

const OP: &str = "lstm";
/// Operations that a gate costs per element, as `sigmoid` and `tanh` do.
const GATE_FLOPS: u64 = 24;
/// Multiplications of a step below which one thread does all.
const ALONE: usize = 1 << 20;

/// One direction of a layer in `f32`. Gates stand in the order input, output, forget, cell.
pub struct Lstm {
    /// The input times its weights and the biases: `(time, batch, 4 hidden)`.
    pub sums: Tensor,
    /// Weights of the state: `(hidden, 4 hidden)`.
    pub weights: Tensor,
    /// The first state: `(batch, hidden)`.
    pub state: Tensor,
    /// The first cell: `(batch, hidden)`.
    pub cell: Tensor,
    /// Whether time runs backwards.
    pub reverse: bool,
}

/// Runs all directions. For each: states `(time, 1, batch, hidden)` in the order of time, last state, last cell.
pub fn lstm(session: &Session, directions: &[Lstm]) -> Result<Vec<[Tensor; 3]>> {
    for direction in directions {
        direction.check(session)?;
    }
    let results: Vec<_> = directions.iter().map(|_| Mutex::new(None)).collect();
    in_parallel(session, directions.len(), |at| {
        let made = directions[at].run(session)?;
        *results[at].lock().unwrap_or_else(PoisonError::into_inner) = Some(made);
        Ok(())
    })?;
    let taken = results.into_iter().map(|slot| {
        let made = slot.into_inner().unwrap_or_else(PoisonError::into_inner);
        made.ok_or_else(|| ComputeError::Device("a direction of a layer gave nothing".to_owned()))
    });
    taken.collect()
}

/// Memory of a result, and its lease.
fn room(session: &Session, shape: &[usize]) -> Result<(Vec<f32>, Arc<crate::session::Lease>)> {
    let (count, lease) = session.lease_for(OP, shape, crate::DType::F32)?;
    Ok((vec![0.0; count], lease))
}

impl Lstm {
    /// Time, batch, features of the state.
    fn sizes(&self) -> Option<[usize; 3]> {
        let [steps, batch, width] = *self.sums.shape() else {
            return None;
        };
        let hidden = width / 4;
        let fits = self.weights.shape() == [hidden, width]
            && width == 4 * hidden
            && self.state.shape() == [batch, hidden]
            && self.cell.shape() == [batch, hidden];
        fits.then_some([steps, batch, hidden])
    }

    /// Whether shapes fit; pays.
    fn check(&self, session: &Session) -> Result<()> {
        let Some(sizes) = self.sizes() else {
            let shapes = [&self.sums, &self.weights, &self.state, &self.cell].map(Tensor::shape);
            let why = format!("sums, weights, state and cell of shapes {shapes:?} do not fit");
            return Err(ComputeError::Shape { op: OP, why });
        };
        let [steps, batch, hidden] = sizes.map(|size| size as u64);
        let per_feature = hidden.saturating_mul(8).saturating_add(5 * GATE_FLOPS + 8);
        let features = steps.saturating_mul(batch).saturating_mul(hidden);
        let weights = steps.saturating_mul(self.weights.len() as u64);
        let elements = features.saturating_mul(10).saturating_add(weights);
        session.charge(features.saturating_mul(per_feature), elements.saturating_mul(4))
    }

    fn run(&self, session: &Session) -> Result<[Tensor; 3]> {
        let [steps, batch, hidden] = self.sizes().unwrap_or_default();
        let width = 4 * hidden;
        let x = self.sums.values::<f32>(OP)?;
        let (mut shown, shown_lease) = room(session, &[steps, 1, batch, hidden])?;
        let (mut state, state_lease) = room(session, &[batch, hidden])?;
        let (mut cell, cell_lease) = room(session, &[batch, hidden])?;
        state.copy_from_slice(self.state.values::<f32>(OP)?);
        cell.copy_from_slice(self.cell.values::<f32>(OP)?);
        if batch > 0 && hidden > 0 {
            let mut product = Product::new(session, self.weights.values::<f32>(OP)?, (batch, hidden))?;
            let mut sums = Scratch::<f32>::new(session, batch * width)?;
            for step in 0..steps {
                session.go_on()?;
                let at = if self.reverse { steps - 1 - step } else { step };
                let sums = &mut sums.get()[..batch * width];
                sums.fill(0.0);
                product.multiply(session, &state, sums)?;
                run_on(
                    session.settings().isa,
                    Gates {
                        x: &x[at * batch * width..][..batch * width],
                        sums,
                        state: &mut state,
                        cell: &mut cell,
                        hidden,
                    },
                );
                shown[at * batch * hidden..][..batch * hidden].copy_from_slice(&state);
            }
        }
        let share = |values: Vec<f32>| f32::wrap(Arc::new(values));
        Ok([
            session.adopt(&[steps, 1, batch, hidden], share(shown), shown_lease)?,
            session.adopt(&[batch, hidden], share(state), state_lease)?,
            session.adopt(&[batch, hidden], share(cell), cell_lease)?,
        ])
    }
}

/// The product of the state with weights that stay packed.
struct Product {
    tile: Tile<f32>,
    batch: usize,
    hidden: usize,
    /// The weights in panels of columns.
    right: Scratch<f32>,
    /// The state in panels of rows.
    left: Scratch<f32>,
}

impl Product {
    fn new(session: &Session, weights: &[f32], (batch, hidden): (usize, usize)) -> Result<Self> {
        const NO_KERNEL: &str = "there is no kernel for single precision";
        let tile = f32::tile(Path::of(session.settings().isa), batch);
        let tile = tile.ok_or_else(|| ComputeError::Device(NO_KERNEL.to_owned()))?;
        let width = 4 * hidden;
        let mut right = Scratch::new(session, width.next_multiple_of(tile.columns) * hidden)?;
        let lanes = Lanes {
            values: weights,
            lane: 1,
            step: width,
        };
        let panels = right.get().chunks_exact_mut(tile.columns * hidden);
        for (panel, column) in panels.zip((0..width).step_by(tile.columns)) {
            (tile.pack_columns)(lanes.from(column, 0), tile.columns.min(width - column), panel);
        }
        let left = Scratch::new(session, batch.next_multiple_of(tile.rows) * hidden)?;
        Ok(Self {
            tile,
            batch,
            hidden,
            right,
            left,
        })
    }

    /// `sums += state weights`.
    fn multiply(&mut self, session: &Session, state: &[f32], sums: &mut [f32]) -> Result<()> {
        let (tile, batch, hidden, width) = (self.tile, self.batch, self.hidden, 4 * self.hidden);
        let lanes = Lanes {
            values: state,
            lane: hidden,
            step: 1,
        };
        let panels = self.left.get().chunks_exact_mut(tile.rows * hidden);
        for (panel, row) in panels.zip((0..batch).step_by(tile.rows)) {
            (tile.pack_rows)(lanes.from(row, 0), tile.rows.min(batch - row), panel);
        }
        let (left, right) = (self.left.read(), self.right.read());
        let c = Target {
            place: Place(sums.as_mut_ptr()),
            row: width,
        };
        let column_panel = |panel: usize| {
            let column = panel * tile.columns;
            let right = &right[column * hidden..][..tile.columns * hidden];
            for row in (0..batch).step_by(tile.rows) {
                let left = &left[row * hidden..][..tile.rows * hidden];
                let size = (tile.rows.min(batch - row), tile.columns.min(width - column));
                // SAFETY: the tile lies in the sums, and only this part has these columns; `Path::of` found the features.
                unsafe { tile.place(hidden, (left, right), c.from(row, column), size) };
            }
        };
        let panels = width.div_ceil(tile.columns);
        if batch * hidden * width < ALONE {
            (0..panels).for_each(column_panel);
            return Ok(());
        }
        in_parallel(session, panels, |panel| {
            column_panel(panel);
            Ok(())
        })
    }
}

/// One step behind its product.
struct Gates<'a> {
    x: &'a [f32],
    sums: &'a mut [f32],
    state: &'a mut [f32],
    cell: &'a mut [f32],
    hidden: usize,
}

impl Loop for Gates<'_> {
    type Out = ();
    #[inline(always)]
    fn run(self) {
        let hidden = self.hidden;
        for (sum, x) in self.sums.iter_mut().zip(self.x) {
            *sum += *x;
        }
        let states = self.state.chunks_exact_mut(hidden);
        let cells = self.cell.chunks_exact_mut(hidden);
        for (sums, (state, cell)) in self.sums.chunks_exact_mut(4 * hidden).zip(states.zip(cells)) {
            let (gates, fresh) = sums.split_at_mut(3 * hidden);
            for gate in gates.iter_mut() {
                *gate = gate.logistic();
            }
            for fresh in fresh.iter_mut() {
                *fresh = fresh.hyperbolic_tangent();
            }
            let (input, rest) = gates.split_at(hidden);
            let (output, forget) = rest.split_at(hidden);
            for (((cell, forget), input), fresh) in cell.iter_mut().zip(forget).zip(input).zip(&*fresh) {
                *cell = forget * *cell + input * fresh;
            }
            for ((state, output), cell) in state.iter_mut().zip(output).zip(&*cell) {
                *state = output * cell.hyperbolic_tangent();
            }
        }
    }
}
