//! The formula of E1, the moving factor, and what is shown of it (E2).

use super::{RATES, T0};
use crate::ReputationLevel::{Average, Excellent, Good, Poor, Terrible};
use crate::prices::{ADJUST_EVERY_MS, HISTORY_EVERY_MS, HISTORY_POINTS, PriceBook};
use crate::{Condition, PriceOptions};
use job_model::{MicroCredits, Priority, Rates, UnixMillis, Usage};

#[test]
fn the_defaults_are_the_documented_ones() {
    let options = PriceOptions::default();
    assert_eq!(options.rates(1.0, Priority::Normal, Average), RATES);
    let cpu = |priority, level| options.rates(1.0, priority, level).cpu.0;
    let by_priority = [Priority::Low, Priority::Normal, Priority::High, Priority::Critical];
    assert_eq!(
        by_priority.map(|priority| cpu(priority, Average)),
        [8_000, 10_000, 15_000, 20_000]
    );
    let by_level = [Terrible, Poor, Average, Good, Excellent];
    assert_eq!(
        by_level.map(|level| cpu(Priority::Normal, level)),
        [15_000, 12_000, 10_000, 9_000, 8_000]
    );
}

#[test]
fn a_price_is_the_sum_over_resources() {
    let usage = Usage {
        fuel: 2_000_000_000,
        input_bytes: 1 << 30,
        output_bytes: 1 << 30,
        memory_bytes: 1 << 29,
        wall_us: 9,
    };
    // 2 * 0.01 + 2 * 0.5 * 0.02 + 2 * 0.005
    assert_eq!(RATES.price(&usage), MicroCredits(50_000));
    assert_eq!(RATES.price(&Usage::default()), MicroCredits(1), "never free");
    assert_eq!(
        Rates::default().price(&usage),
        MicroCredits::ZERO,
        "except at no rates at all"
    );
    let all = Usage {
        fuel: u64::MAX,
        input_bytes: u64::MAX,
        output_bytes: u64::MAX,
        memory_bytes: u64::MAX,
        wall_us: 0,
    };
    let dear = MicroCredits::MAX;
    assert_eq!(
        Rates {
            cpu: dear,
            ram: dear,
            disk: dear
        }
        .price(&all),
        MicroCredits::MAX,
        "saturates"
    );
}

/// Tells one load for some steps of the formula.
fn run(book: &mut PriceBook, from: UnixMillis, load: f64, steps: u64) -> UnixMillis {
    for step in 0..=steps {
        book.observe(load, from.plus(step * ADJUST_EVERY_MS));
    }
    from.plus((steps + 1) * ADJUST_EVERY_MS)
}

#[test]
fn load_moves_prices_within_bounds() {
    let mut book = PriceBook::new(PriceOptions::default());
    run(&mut book, T0, 0.7, 50);
    assert!((book.factor() - 1.0).abs() < 1e-9, "at the target nothing moves");
    let now = run(&mut book, T0.plus(1_000_000), 1.0, 1);
    // One or two steps of 1.03, smoothed by 0.3.
    assert!(book.factor() > 1.0 && book.factor() < 1.03, "{}", book.factor());
    let now = run(&mut book, now, 5.0, 500);
    assert!((book.factor() - 4.0).abs() < 1e-6, "{}", book.factor());
    run(&mut book, now, 0.0, 500);
    assert!((book.factor() - 0.5).abs() < 1e-6, "{}", book.factor());
    book.observe(f64::NAN, now.plus(100_000_000));
    assert!(book.factor().is_finite());
}

#[test]
fn asking_often_does_not_move_prices_faster() {
    let mut often = PriceBook::new(PriceOptions::default());
    let mut seldom = PriceBook::new(PriceOptions::default());
    for second in 0..=100 {
        often.observe(1.0, T0.plus(second * 1000));
    }
    run(&mut seldom, T0, 1.0, 10);
    assert!((often.factor() - seldom.factor()).abs() < 1e-12);
}

#[test]
fn the_view_tells_condition_history_and_prediction() {
    let mut book = PriceBook::new(PriceOptions::default());
    assert_eq!(
        book.view(T0).prediction.method,
        "last value: less than three minutes are known; no prediction has come to its hour yet"
    );
    let steps = HISTORY_EVERY_MS / ADJUST_EVERY_MS * 30;
    let now = run(&mut book, T0, 0.72, steps);
    let view = book.view(now);
    assert_eq!(view.condition, Condition::High);
    assert_eq!(view.history.len(), 31);
    assert_eq!(
        view.prediction.method,
        "linear trend of the last hour; no prediction has come to its hour yet"
    );
    assert!(view.prediction.factor > view.factor, "rising load, rising prices");
    assert!(view.prediction.rates.cpu > view.rates.cpu);
    for minute in 0..2 * HISTORY_POINTS as u64 {
        book.observe(0.1, now.plus(minute * HISTORY_EVERY_MS));
    }
    let view = book.view(now.plus(2 * HISTORY_POINTS as u64 * HISTORY_EVERY_MS));
    assert_eq!(view.history.len(), HISTORY_POINTS);
    assert_eq!(view.condition, Condition::Low);
    let loads = [0.0, 0.3, 0.7, 0.95].map(Condition::of);
    assert_eq!(
        loads,
        [Condition::Low, Condition::Normal, Condition::High, Condition::Critical]
    );
}

#[test]
fn a_prediction_is_held_against_what_came() {
    let mut book = PriceBook::new(PriceOptions::default());
    let minute = |minute: u64| T0.plus(minute * HISTORY_EVERY_MS);
    // Nothing moves: after the first hour the predictions were right.
    (0..59).for_each(|at| book.observe(0.7, minute(at)));
    assert_eq!(book.view(minute(59)).prediction.past_error, None);
    (59..90).for_each(|at| book.observe(0.7, minute(at)));
    let calm = book.view(minute(90)).prediction.past_error.unwrap();
    assert!(calm < 1e-9, "{calm}");
    // Then it does, and what was predicted before the rush turns out wrong.
    (90..150).for_each(|at| book.observe(3.0, minute(at)));
    let prediction = book.view(minute(150)).prediction;
    assert!(prediction.past_error.unwrap() > 0.05, "{prediction:?}");
    assert!(
        prediction.method.contains("predictions of the last day were "),
        "{}",
        prediction.method
    );
    // A machine that slept for a week compares nothing with anything.
    let before = prediction.past_error;
    book.observe(0.0, minute(20_000));
    assert_eq!(book.view(minute(20_000)).prediction.past_error, before);
}
