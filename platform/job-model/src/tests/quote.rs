//! Prices are exact, never free, and survive hostile numbers.

use crate::{MicroCredits, Rates, Usage};

const RATES: Rates = Rates {
    cpu: MicroCredits(10_000),
    ram: MicroCredits(20_000),
    disk: MicroCredits(5_000),
};

fn used(fuel: u64, memory_bytes: u64, input_bytes: u64) -> Usage {
    Usage {
        fuel,
        memory_bytes,
        input_bytes,
        output_bytes: 0,
        wall_us: 0,
    }
}

#[test]
fn a_price_is_rounded_up_once() {
    let price = |usage| RATES.price(&usage).0;
    assert_eq!(price(used(0, 0, 0)), 1, "an execution is never free");
    assert_eq!(price(used(1_000_000_000, 0, 0)), 10_000);
    assert_eq!(price(used(1_000_000_000, 1 << 30, 0)), 30_000);
    assert_eq!(price(used(0, 1 << 30, 0)), 1, "memory costs only while fuel burns");
    assert_eq!(price(used(0, 0, 1 << 30)), 5_000);
    assert_eq!(price(used(1, 0, 0)), 1);
    // 0.5 + 0.5 micro-credits are one, not two.
    assert_eq!(price(used(50_000, 0, (1 << 30) / 10_000)), 1);
    assert_eq!(
        price(Usage {
            wall_us: u64::MAX,
            ..used(100_001, 0, 0)
        }),
        2,
        "wall time is not charged"
    );
}

#[test]
fn hostile_numbers_saturate() {
    let most = Usage {
        output_bytes: u64::MAX,
        ..used(u64::MAX, u64::MAX, u64::MAX)
    };
    let of = |rate: i64| {
        Rates {
            cpu: MicroCredits(rate),
            ram: MicroCredits(rate),
            disk: MicroCredits(rate),
        }
        .price(&most)
    };
    assert_eq!(of(i64::MAX), MicroCredits::MAX);
    assert_eq!(of(i64::MIN), MicroCredits(1), "a negative price is no price");
    assert_eq!(of(0), MicroCredits::ZERO);
}
