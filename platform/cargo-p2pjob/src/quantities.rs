//! Quantities as people write and read them: `40ms`, `256MiB`, `2G` fuel, `quorum:3`.

use job_model::{Comparison, FloatClass, MicroCredits, Placement, Priority, VerifyPolicy};
use std::time::Duration;

/// Reads `40ms`, `30s`, `5m`, `2h`, `1d`.
pub fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is no duration; write a number and a unit, such as 40ms, 30s, 5m, 2h or 1d");
    let (number, unit) = split_number(text).ok_or_else(wrong)?;
    let seconds = match unit {
        "ms" => 0.001,
        "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3_600.0,
        "d" => 86_400.0,
        _ => return Err(wrong()),
    };
    Duration::try_from_secs_f64(number * seconds).map_err(|_| wrong())
}

/// Reads a size in bytes: `4096`, `64k`, `256MiB`, `1GB`. Units of bytes count by 1024 with `i`, by 1000 without.
pub fn bytes(text: &str) -> Result<u64, String> {
    let wrong = || format!("{text:?} is no size; write bytes, or a number and a unit, such as 256MiB or 1GB");
    let (number, unit) = split_number(text).ok_or_else(wrong)?;
    let factor: f64 = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1.0,
        "k" | "kb" => 1e3,
        "m" | "mb" => 1e6,
        "g" | "gb" => 1e9,
        "t" | "tb" => 1e12,
        "kib" | "ki" => 1024.0,
        "mib" | "mi" => 1_048_576.0,
        "gib" | "gi" => 1_073_741_824.0,
        "tib" | "ti" => 1_099_511_627_776.0,
        _ => return Err(wrong()),
    };
    whole(number * factor).ok_or_else(wrong)
}

/// Reads an amount of fuel: `1000000`, `5M`, `2G`, `1T`.
pub fn fuel(text: &str) -> Result<u64, String> {
    let wrong = || format!("{text:?} is no amount of fuel; write a number, or one with k, M, G or T, such as 600G");
    let (number, unit) = split_number(text).ok_or_else(wrong)?;
    let factor = match unit {
        "" => 1.0,
        "k" | "K" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        "T" => 1e12,
        _ => return Err(wrong()),
    };
    whole(number * factor).filter(|fuel| *fuel > 0).ok_or_else(wrong)
}

/// Reads `none`, `spot:0.1` (a second replica with this probability), `quorum:3` (this many equal results) or `check` (one
/// replica and the job's own check).
pub fn verify(text: &str) -> Result<VerifyPolicy, String> {
    let wrong =
        || format!("{text:?} is no verification policy; use none, spot:0.1 (0 to 1), quorum:2 (1 to 16) or check");
    let (kind, value) = text
        .split_once(':')
        .map_or((text, None), |(kind, value)| (kind, Some(value)));
    match (kind, value) {
        ("none", None) => Ok(VerifyPolicy::None),
        ("check", None) => Ok(VerifyPolicy::Check),
        ("spot", Some(value)) => {
            let probability: f64 = value.parse().map_err(|_| wrong())?;
            if (0.0..=1.0).contains(&probability) {
                Ok(VerifyPolicy::Spot(probability))
            } else {
                Err(wrong())
            }
        }
        ("quorum", Some(value)) => {
            let replicas: u8 = value.parse().map_err(|_| wrong())?;
            if (1..=16).contains(&replicas) {
                Ok(VerifyPolicy::Quorum(replicas))
            } else {
                Err(wrong())
            }
        }
        _ => Err(wrong()),
    }
}

/// Reads `exact`, `tolerance`, `tolerance:1e-5,1e-6` or `tolerance:1e-5,1e-6,f32`.
pub fn compare(text: &str) -> Result<Comparison, String> {
    text.parse()
        .map_err(|error: job_model::float::ComparisonError| error.to_string())
}

/// Reads a float class by name.
pub fn float_class(text: &str) -> Result<FloatClass, String> {
    named(text, "float class", &["exact", "fast"])
}

/// Reads a priority by name.
pub fn priority(text: &str) -> Result<Priority, String> {
    named(text, "priority", &["low", "normal", "high", "critical"])
}

/// Reads a placement strategy by name; `-` and `_` are the same.
pub fn placement(text: &str) -> Result<Placement, String> {
    let names = [
        "round_robin",
        "least_loaded",
        "power_of_two",
        "cheapest",
        "nearest",
        "data_local",
    ];
    named(&text.replace('-', "_"), "placement", &names)
}

/// Reads an amount of credits.
pub fn credits(text: &str) -> Result<MicroCredits, String> {
    text.parse()
        .map_err(|error: job_model::money::ParseCreditsError| error.to_string())
}

fn named<T: serde::de::DeserializeOwned>(text: &str, what: &str, names: &[&str]) -> Result<T, String> {
    serde_json::from_value(serde_json::Value::String(text.to_owned()))
        .map_err(|_| format!("{text:?} is no {what}; use one of {}", names.join(", ")))
}

fn split_number(text: &str) -> Option<(f64, &str)> {
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.' && c != '_')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    Some((number.replace('_', "").parse().ok()?, unit.trim()))
}

/// A float that counts something, if it can: not negative, and below 2^53 so that it is exact.
fn whole(value: f64) -> Option<u64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let rounded = value.round();
    (0.0..=EXACT).contains(&rounded).then_some(rounded as u64)
}

/// `12 B`, `3.4 MiB`.
pub fn show_bytes(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64 / 1024.0;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS.get(unit).copied().unwrap_or("KiB"))
}

/// `87 ms`, `1.25 s`, `3 min 20 s`, `5 h 12 min`.
pub fn show_millis(millis: u64) -> String {
    let seconds = millis / 1000;
    match millis {
        0..1_000 => format!("{millis} ms"),
        1_000..60_000 => format!("{:.2} s", millis as f64 / 1000.0),
        60_000..3_600_000 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
    }
}

#[cfg(test)]
mod tests;
