//! `requirements` and `config` of a request, in both vocabularies. Pure functions over values.

use super::fields::Fields;
use super::named;
use crate::extract::shown;
use crate::problem::FieldError;
use job_model::float::ComparisonError;
use job_model::{
    Comparison, FloatClass, MicroCredits, Placement, Priority, Requirements, TaskConfig, VerifyPolicy, limits,
};
use serde_json::{Map, Value};

/// Bytes of a GiB.
const GIB: f64 = 1_073_741_824.0;
/// Most memory of one sandbox that can be asked for, in GiB.
const MAX_RAM_GIB: f64 = 65_536.0;
/// Longest time of one replica, in seconds: a year.
const MAX_SECONDS: f64 = 31_536_000.0;
/// Most percent of one core, or of one GPU.
const MAX_PERCENT: u64 = 6_400;
/// The highest price limit, in credits.
const MAX_CREDITS: f64 = 1e9;

/// What a node must offer, as it was read.
pub struct Needs {
    /// For the node.
    pub needs: Requirements,
    /// The job's own float class is wanted.
    pub class_default: bool,
    /// Memory was given in GiB: what a machine should have, not what a sandbox needs.
    pub machine_memory: bool,
    /// What was taken and not considered; may be empty.
    pub note: String,
}

/// Reads what a node must offer.
pub fn requirements(given: Option<Map<String, Value>>, errors: &mut Vec<FieldError>) -> Needs {
    let mut fields = Fields::new("requirements", given.unwrap_or_default());
    let defaults = Requirements::default();
    let any = (0, u64::MAX);
    let some = (1, u64::MAX);
    let cpu = fields.whole("cpu_percent", (1, MAX_PERCENT), errors);
    let ram = fields.number("ram_gb", (f64::MIN_POSITIVE, MAX_RAM_GIB), errors);
    let memory = fields.whole("memory_bytes", any, errors);
    let seconds = fields.number("timeout_seconds", (0.001, MAX_SECONDS), errors);
    let millis = fields.whole("timeout_ms", some, errors);
    let share = fields.number("gpu_percent", (0.0, MAX_PERCENT as f64), errors);
    let gpu = fields.flag("gpu", errors).unwrap_or(defaults.gpu);
    let class = fields.read("float_class", errors, float_class);
    both(("memory_bytes", memory.is_some()), ("ram_gb", ram.is_some()), errors);
    both(
        ("timeout_ms", millis.is_some()),
        ("timeout_seconds", seconds.is_some()),
        errors,
    );
    let needs = Requirements {
        cpu_percent: cpu.map_or(defaults.cpu_percent, |cpu| u32::try_from(cpu).unwrap_or(u32::MAX)),
        memory_bytes: memory
            .or(ram.map(|gib| (gib * GIB) as u64))
            .unwrap_or(defaults.memory_bytes),
        disk_bytes: fields.whole("disk_bytes", any, errors).unwrap_or(defaults.disk_bytes),
        timeout_ms: millis
            .or(seconds.map(|seconds| (seconds * 1e3).round() as u64))
            .unwrap_or(defaults.timeout_ms),
        fuel: fields.whole("fuel", some, errors).unwrap_or(defaults.fuel),
        output_bytes: fields
            .whole("output_bytes", any, errors)
            .unwrap_or(defaults.output_bytes),
        float_class: class.unwrap_or(defaults.float_class),
        gpu,
    };
    fields.finish(errors);
    let note = match share {
        Some(share) if share > 0.0 && !gpu => {
            "gpu_percent was not considered: say \"gpu\": true for nodes that offer a GPU"
        }
        _ => "",
    };
    Needs {
        needs,
        class_default: class.is_none(),
        machine_memory: ram.is_some(),
        note: note.to_owned(),
    }
}

fn both(one: (&str, bool), other: (&str, bool), errors: &mut Vec<FieldError>) {
    if one.1 && other.1 {
        let message = format!("give it or {}, not both", other.0);
        errors.push(FieldError::new(format!("requirements.{}", one.0), message));
    }
}

/// How to run it, as it was read.
pub struct Settings {
    /// For the node.
    pub config: TaskConfig,
    /// The job's own verification is wanted.
    pub verify_default: bool,
    /// The job's own comparison is wanted.
    pub compare_default: bool,
}

/// Reads how to run it.
pub fn config(given: Option<Map<String, Value>>, errors: &mut Vec<FieldError>) -> Settings {
    let mut fields = Fields::new("config", given.unwrap_or_default());
    let defaults = TaskConfig::default();
    let range = (0.0, MAX_CREDITS);
    let price = fields.number("max_price_credits", range, errors);
    let price = price.or(fields.number("max_price", range, errors));
    let verify = fields.read("verify", errors, verify);
    let compare = fields.read("compare", errors, compare);
    let config = TaskConfig {
        priority: fields.read("priority", errors, priority).unwrap_or(defaults.priority),
        max_price: price.map(|credits| MicroCredits((credits * 1e6).round() as i64)),
        deadline_ms: fields.whole("deadline_ms", (1, u64::MAX), errors),
        chunk_size: fields.whole("chunk_size", (1, u64::MAX), errors),
        verify: verify.unwrap_or(defaults.verify),
        compare: compare.unwrap_or(defaults.compare),
        placement: fields
            .read("placement", errors, placement)
            .unwrap_or(defaults.placement),
        memo: fields.flag("memo", errors).unwrap_or(defaults.memo),
    };
    fields.finish(errors);
    Settings {
        config,
        verify_default: verify.is_none(),
        compare_default: compare.is_none(),
    }
}

fn float_class(text: &str) -> Result<FloatClass, String> {
    named(text).ok_or_else(|| format!("expected exact or fast, got {:?}", shown(text)))
}

fn compare(text: &str) -> Result<Comparison, String> {
    text.parse().map_err(|error: ComparisonError| error.to_string())
}

fn priority(text: &str) -> Result<Priority, String> {
    named(text).ok_or_else(|| format!("expected low, normal, high or critical, got {:?}", shown(text)))
}

fn placement(text: &str) -> Result<Placement, String> {
    let names = "round_robin, least_loaded, power_of_two, cheapest, nearest or data_local";
    named(text).ok_or_else(|| format!("expected {names}, got {:?}", shown(text)))
}

fn verify(text: &str) -> Result<VerifyPolicy, String> {
    let read = match text.split_once(':') {
        None if text == "none" => Some(VerifyPolicy::None),
        None if text == "check" => Some(VerifyPolicy::Check),
        Some(("spot", share)) => {
            let share: Option<f64> = share.parse().ok();
            share
                .filter(|share| (0.0..=1.0).contains(share))
                .map(VerifyPolicy::Spot)
        }
        Some(("quorum", count)) => {
            let count: Option<u8> = count.parse().ok();
            let fits = |count: &u8| (1..=limits::MAX_ATTEMPTS).contains(&u32::from(*count));
            count.filter(fits).map(VerifyPolicy::Quorum)
        }
        _ => None,
    };
    read.ok_or_else(|| {
        let most = limits::MAX_ATTEMPTS;
        format!(
            "expected none, spot:0.1 (0 to 1), quorum:2 (1 to {most}) or check, got {:?}",
            shown(text)
        )
    })
}
