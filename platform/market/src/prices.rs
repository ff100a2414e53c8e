//! What one node asks for its resources (E1) and how its prices move with load (E2).
//!
//! Each node prices itself; nobody else computes these numbers, so the load factor is an `f64`. What is signed are
//! whole micro-credits in [`Rates`]. After a restart the factor starts at 1 again: prices are no promise, quotes are.

use job_model::{MicroCredits, Priority, Rates, UnixMillis};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Prices move at most once in this many milliseconds, however often the load is told: one step of the formula.
pub const ADJUST_EVERY_MS: u64 = 10_000;
/// A point of the history is kept once in this many milliseconds.
pub const HISTORY_EVERY_MS: u64 = 60_000;
/// Most points of the history: a day of minutes.
pub const HISTORY_POINTS: usize = 1440;
/// How far the prediction looks ahead, and how far back it looks, in milliseconds.
pub const PREDICTION_MS: u64 = 3_600_000;
/// Fewer points than this make no trend.
const PREDICTION_POINTS_MIN: usize = 3;

/// How a requester is known here (E5); the rule is [`Trust::level`](crate::Trust::level).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReputationLevel {
    /// Caught, or wrong too often.
    Terrible,
    /// Wrong at least once.
    Poor,
    /// Nothing known, or too little.
    #[default]
    Average,
    /// Many right results and no wrong one.
    Good,
    /// Very many right results and no wrong one.
    Excellent,
}

/// One multiplier per reputation level.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReputationMultiplier {
    /// For [`ReputationLevel::Terrible`].
    pub terrible: f64,
    /// For [`ReputationLevel::Poor`].
    pub poor: f64,
    /// For [`ReputationLevel::Average`].
    pub average: f64,
    /// For [`ReputationLevel::Good`].
    pub good: f64,
    /// For [`ReputationLevel::Excellent`].
    pub excellent: f64,
}

impl Default for ReputationMultiplier {
    fn default() -> Self {
        Self {
            terrible: 1.5,
            poor: 1.2,
            average: 1.0,
            good: 0.9,
            excellent: 0.8,
        }
    }
}

/// One multiplier per priority.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct UrgencyMultiplier {
    /// For [`Priority::Low`].
    pub low: f64,
    /// For [`Priority::Normal`].
    pub normal: f64,
    /// For [`Priority::High`].
    pub high: f64,
    /// For [`Priority::Critical`].
    pub critical: f64,
}

impl Default for UrgencyMultiplier {
    fn default() -> Self {
        Self {
            low: 0.8,
            normal: 1.0,
            high: 1.5,
            critical: 2.0,
        }
    }
}

/// How a node prices its resources.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PriceOptions {
    /// Credits per 10^9 fuel.
    pub base_cpu_price: f64,
    /// Credits per 10^9 units of work on an accelerator. No host function declares such work yet, so nothing is charged.
    pub base_gpu_price: f64,
    /// Credits per GiB of sandbox memory and 10^9 fuel.
    pub base_ram_price: f64,
    /// Credits per GiB read or written.
    pub base_disk_price: f64,
    /// Multipliers by priority.
    pub urgency_multiplier: UrgencyMultiplier,
    /// Multipliers by the requester's reputation.
    pub reputation_multiplier: ReputationMultiplier,
    /// How strongly one step answers to load: the factor moves by `rate * (load - target)`.
    pub market_adjustment_rate: f64,
    /// Share of the new value in the price shown, 0..=1; 1 is no smoothing.
    pub price_smoothing: f64,
    /// The load at which prices stand still; 1 is fully busy.
    pub target_load: f64,
    /// Smallest load factor.
    pub factor_min: f64,
    /// Largest load factor.
    pub factor_max: f64,
    /// How long a quote holds, in milliseconds.
    pub quote_validity_ms: u64,
}

impl Default for PriceOptions {
    fn default() -> Self {
        Self {
            base_cpu_price: 0.01,
            base_gpu_price: 0.05,
            base_ram_price: 0.02,
            base_disk_price: 0.005,
            urgency_multiplier: UrgencyMultiplier::default(),
            reputation_multiplier: ReputationMultiplier::default(),
            market_adjustment_rate: 0.1,
            price_smoothing: 0.3,
            target_load: 0.7,
            factor_min: 0.5,
            factor_max: 4.0,
            quote_validity_ms: 60_000,
        }
    }
}

impl PriceOptions {
    /// The multiplier of a priority.
    pub fn urgency(&self, priority: Priority) -> f64 {
        let by = &self.urgency_multiplier;
        match priority {
            Priority::Low => by.low,
            Priority::Normal => by.normal,
            Priority::High => by.high,
            Priority::Critical => by.critical,
        }
    }
    /// The multiplier of a reputation level.
    pub fn reputation(&self, level: ReputationLevel) -> f64 {
        let by = &self.reputation_multiplier;
        match level {
            ReputationLevel::Terrible => by.terrible,
            ReputationLevel::Poor => by.poor,
            ReputationLevel::Average => by.average,
            ReputationLevel::Good => by.good,
            ReputationLevel::Excellent => by.excellent,
        }
    }
    /// The rates at a load factor, for one priority and level.
    pub fn rates(&self, factor: f64, priority: Priority, level: ReputationLevel) -> Rates {
        let times = factor * self.urgency(priority) * self.reputation(level);
        let rate = |base: f64| micro(base * times);
        Rates {
            cpu: rate(self.base_cpu_price),
            ram: rate(self.base_ram_price),
            disk: rate(self.base_disk_price),
        }
    }
}

/// Credits as whole micro-credits, rounded, never negative. A number that is none becomes 0.
fn micro(credits: f64) -> MicroCredits {
    // `as` saturates and turns NaN into 0, which is what is wanted here.
    MicroCredits(((credits * 1e6).round() as i64).max(0))
}

/// How busy the market is here.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// Load under 30 %.
    Low,
    /// Load under 70 %.
    #[default]
    Normal,
    /// Load under 95 %.
    High,
    /// More.
    Critical,
}

impl Condition {
    /// The condition at a load, where 1 is fully busy.
    pub fn of(load: f64) -> Self {
        match load {
            l if l < 0.3 => Self::Low,
            l if l < 0.7 => Self::Normal,
            l if l < 0.95 => Self::High,
            _ => Self::Critical,
        }
    }
}

/// One point of the price history.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct PricePoint {
    /// When.
    pub at: UnixMillis,
    /// The load then, 1 is fully busy.
    pub load: f64,
    /// The load factor then.
    pub factor: f64,
}

/// Prices an hour from now, as far as the past tells.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Prediction {
    /// For when.
    pub at: UnixMillis,
    /// The load factor expected then.
    pub factor: f64,
    /// Rates at that factor, normal priority, average reputation.
    pub rates: Rates,
    /// How it was made, in words.
    pub method: String,
}

/// What a node charges, for people and charts (E2).
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct PriceView {
    /// How busy it is.
    pub condition: Condition,
    /// The last load told, 1 is fully busy.
    pub load: f64,
    /// The load factor in every rate.
    pub factor: f64,
    /// Rates now: normal priority, average reputation. Per 10^9 fuel, per GiB x 10^9 fuel, per GiB moved.
    pub rates: Rates,
    /// Multiplier of each priority: low, normal, high, critical.
    pub urgency: [f64; 4],
    /// In one hour.
    pub prediction: Prediction,
    /// The past, oldest first, at most [`HISTORY_POINTS`].
    pub history: Vec<PricePoint>,
}

/// A node's own prices over time.
#[derive(Clone, Debug)]
pub struct PriceBook {
    options: PriceOptions,
    /// The factor of the formula.
    raw: f64,
    /// The factor after smoothing: the one in the rates.
    factor: f64,
    load: f64,
    /// Sum and count of the loads told since the last step.
    pending: (f64, u32),
    stepped: Option<UnixMillis>,
    history: VecDeque<PricePoint>,
}

impl PriceBook {
    /// Prices that start at the base.
    pub fn new(options: PriceOptions) -> Self {
        Self {
            options,
            raw: 1.0,
            factor: 1.0,
            load: 0.0,
            pending: (0.0, 0),
            stepped: None,
            history: VecDeque::new(),
        }
    }
    /// The options it was made with.
    pub fn options(&self) -> &PriceOptions {
        &self.options
    }
    /// The load factor in the rates now.
    pub fn factor(&self) -> f64 {
        self.factor
    }
    /// Rates for one priority and reputation level, now.
    pub fn rates(&self, priority: Priority, level: ReputationLevel) -> Rates {
        self.options.rates(self.factor, priority, level)
    }

    /// Tells the load (1 is fully busy; more is a queue). Once in [`ADJUST_EVERY_MS`] the mean of what was told moves
    /// the factor: `raw = clamp(raw * (1 + rate * (load - target)))`, `factor += smoothing * (raw - factor)`.
    pub fn observe(&mut self, load: f64, now: UnixMillis) {
        let load = if load.is_finite() { load.clamp(0.0, 10.0) } else { 0.0 };
        self.load = load;
        self.pending = (self.pending.0 + load, self.pending.1.saturating_add(1));
        let Some(last) = self.stepped else {
            self.stepped = Some(now);
            self.remember(now);
            return;
        };
        if now.since(last) < ADJUST_EVERY_MS {
            return;
        }
        let mean = self.pending.0 / f64::from(self.pending.1.max(1));
        let o = &self.options;
        self.raw = clamp(
            self.raw * (1.0 + o.market_adjustment_rate * (mean - o.target_load)),
            o.factor_min,
            o.factor_max,
        );
        self.factor = clamp(
            self.factor + o.price_smoothing * (self.raw - self.factor),
            o.factor_min,
            o.factor_max,
        );
        self.pending = (0.0, 0);
        self.stepped = Some(now);
        self.remember(now);
    }

    fn remember(&mut self, now: UnixMillis) {
        if self
            .history
            .back()
            .is_some_and(|last| now.since(last.at) < HISTORY_EVERY_MS)
        {
            return;
        }
        if self.history.len() == HISTORY_POINTS {
            self.history.pop_front();
        }
        self.history.push_back(PricePoint {
            at: now,
            load: self.load,
            factor: self.factor,
        });
    }

    /// Prices for people.
    pub fn view(&self, now: UnixMillis) -> PriceView {
        let by = &self.options.urgency_multiplier;
        PriceView {
            condition: Condition::of(self.load),
            load: self.load,
            factor: self.factor,
            rates: self.rates(Priority::Normal, ReputationLevel::Average),
            urgency: [by.low, by.normal, by.high, by.critical],
            prediction: self.predict(now),
            history: self.history.iter().copied().collect(),
        }
    }

    /// A least-squares line through the factors of the last hour, read one hour ahead and clamped to the allowed range.
    fn predict(&self, now: UnixMillis) -> Prediction {
        let recent: Vec<(f64, f64)> = self
            .history
            .iter()
            .filter(|point| now.since(point.at) <= PREDICTION_MS)
            .map(|point| (-(now.since(point.at) as f64), point.factor))
            .collect();
        let (factor, method) = match slope(&recent) {
            Some(slope) => {
                let ahead = self.factor + slope * PREDICTION_MS as f64;
                (
                    clamp(ahead, self.options.factor_min, self.options.factor_max),
                    "linear trend of the last hour",
                )
            }
            None => (self.factor, "last value: less than three minutes are known"),
        };
        let rates = self.options.rates(factor, Priority::Normal, ReputationLevel::Average);
        Prediction {
            at: now.plus(PREDICTION_MS),
            factor,
            rates,
            method: method.to_owned(),
        }
    }
}

/// `f64::clamp` without its panic on a range the user wrote the wrong way round.
fn clamp(value: f64, low: f64, high: f64) -> f64 {
    value.min(high).max(low.min(high))
}

/// Slope of the least-squares line, or none for too few or coinciding points.
fn slope(points: &[(f64, f64)]) -> Option<f64> {
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
