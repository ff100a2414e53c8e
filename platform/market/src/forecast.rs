//! The line through the past, and how far the one-hour prediction was off: predictions are kept until their hour has come, and compared with what came.
//!
//! Owned by [`PriceBook`](crate::prices::PriceBook); not kept over a restart, as the prices are not.

use job_model::UnixMillis;
use std::collections::VecDeque;

/// Fewer points than this make no trend.
const PREDICTION_POINTS_MIN: usize = 3;
/// Predictions that wait for their hour: one a minute.
const WAITING: usize = 64;
/// Errors that are averaged: a day of minutes.
const ERRORS: usize = 1440;

/// Predictions and what became of them.
#[derive(Clone, Debug, Default)]
pub struct Forecast {
    /// For when, and which factor.
    waiting: VecDeque<(UnixMillis, f64)>,
    /// Relative errors, oldest first.
    errors: VecDeque<f64>,
}

impl Forecast {
    /// A prediction was made. One more than fit drops the oldest.
    pub fn predicted(&mut self, at: UnixMillis, factor: f64) {
        if self.waiting.len() == WAITING {
            self.waiting.pop_front();
        }
        self.waiting.push_back((at, factor));
    }

    /// The factor now: predictions whose hour has come are compared with it. One that is much older says nothing of now,
    /// for instance after a clock that jumped or a machine that slept, and is dropped.
    pub fn came(&mut self, factor: f64, now: UnixMillis, late_ms: u64) {
        while let Some((at, predicted)) = self.waiting.front().copied()
            && at <= now
        {
            self.waiting.pop_front();
            if now.since(at) > late_ms || factor <= 0.0 || !factor.is_finite() {
                continue;
            }
            if self.errors.len() == ERRORS {
                self.errors.pop_front();
            }
            self.errors.push_back(((predicted - factor) / factor).abs());
        }
    }

    /// Mean relative error of the last day's predictions and how many there were; none before the first hour is over.
    pub fn past_error(&self) -> Option<(f64, usize)> {
        let count = self.errors.len();
        (count > 0).then(|| (self.errors.iter().sum::<f64>() / count as f64, count))
    }
}

/// `f64::clamp` without its panic on a range the user wrote the wrong way round.
pub fn clamp(value: f64, low: f64, high: f64) -> f64 {
    value.min(high).max(low.min(high))
}

/// Slope of the least-squares line, or none for too few or coinciding points.
pub fn slope(points: &[(f64, f64)]) -> Option<f64> {
    if points.len() < PREDICTION_POINTS_MIN {
        return None;
    }
    let n = points.len() as f64;
    let mean_x = points.iter().map(|p| p.0).sum::<f64>() / n;
    let mean_y = points.iter().map(|p| p.1).sum::<f64>() / n;
    let spread: f64 = points.iter().map(|p| (p.0 - mean_x).powi(2)).sum();
    let joint: f64 = points.iter().map(|p| (p.0 - mean_x) * (p.1 - mean_y)).sum();
    (spread > 0.0).then(|| joint / spread)
}
