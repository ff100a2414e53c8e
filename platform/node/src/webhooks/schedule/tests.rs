//! Pauses grow, end, and are the same again.

use super::{JITTER_DIVISOR, pause_ms};
use crate::config::WebhookSection;

fn config(first_pause_ms: u64, max_pause_ms: u64) -> WebhookSection {
    WebhookSection {
        first_pause_ms,
        max_pause_ms,
        ..WebhookSection::default()
    }
}

#[test]
fn pauses_double_until_the_longest() {
    let config = config(1_000, 60_000);
    for failures in 1..=100u32 {
        let longest = 1_000u64
            .saturating_mul(1 << failures.saturating_sub(1).min(40))
            .min(60_000);
        let pause = pause_ms(&config, "msg_a", failures);
        let shortest = longest - longest / JITTER_DIVISOR;
        assert!(
            (shortest..=longest).contains(&pause),
            "after {failures} failures: {pause} ms"
        );
    }
}

#[test]
fn jitter_is_drawn_from_the_delivery() {
    let config = config(100_000, 3_600_000);
    assert_eq!(pause_ms(&config, "msg_a", 3), pause_ms(&config, "msg_a", 3));
    let pauses: std::collections::BTreeSet<u64> = (0..100)
        .map(|number| pause_ms(&config, &format!("msg_{number}"), 3))
        .collect();
    assert!(
        pauses.len() > 90,
        "only {} different pauses of 100 deliveries",
        pauses.len()
    );
    assert_ne!(pause_ms(&config, "msg_a", 9), pause_ms(&config, "msg_a", 10));
}

#[test]
fn extremes_do_not_overflow() {
    assert_eq!(pause_ms(&config(0, 0), "msg_a", 1), 0);
    assert_eq!(pause_ms(&config(0, 1_000), "msg_a", u32::MAX), 0);
    for failures in [0, 1, 63, 64, 65, u32::MAX] {
        let pause = pause_ms(&config(u64::MAX, u64::MAX), "msg_a", failures);
        assert!(pause >= u64::MAX - u64::MAX / JITTER_DIVISOR);
    }
}
