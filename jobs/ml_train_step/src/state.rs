//! The model between steps: a safetensors file with the weights, the optimiser's memory, and in its metadata the step, the
//! loss and what the network is.
//!
//! Tensors, all `F32` of one dimension: `weights`, then `moment_1` and `moment_2` where the optimiser has them. Metadata:
//! `step`, `loss` and `samples` of the step that made it, `net` (JSON).

use crate::nets::Net;
use p2pjob::prelude::*;
use p2pjob_burn::optimiser::State as Moments;
use serde_json::{Map, Value, json};

/// The longest head that is read.
const MAX_HEAD_BYTES: u64 = 1 << 20;

/// Weights and optimiser.
pub struct TrainingState {
    /// All weights, in the order in which burn visits them.
    pub weights: Vec<f32>,
    /// What the optimiser remembers.
    pub moments: Moments,
    /// The network, where the file says it.
    pub net: Option<Net>,
}

/// Checks in `plan` that an input can be a model at all.
pub fn check_head(model: &Source) -> Result<()> {
    let head: Option<[u8; 8]> = model.read_at(0, 8).try_into().ok();
    match head.map(u64::from_le_bytes) {
        Some(length) if length <= MAX_HEAD_BYTES && length + 8 <= model.size() => Ok(()),
        _ => bail!("model is no safetensors file; it is the result of a step, or has a float32 tensor named weights"),
    }
}

impl TrainingState {
    /// Reads a file.
    pub fn read(bytes: &[u8]) -> Result<Self> {
        let cut = || Error::new("model: the safetensors file is cut off or its head is wrong");
        let (length, rest) = bytes.split_first_chunk().ok_or_else(cut)?;
        let length = usize::try_from(u64::from_le_bytes(*length)).map_err(|_| cut())?;
        let (head, data) = rest.split_at_checked(length).ok_or_else(cut)?;
        let head: Map<String, Value> = serde_json::from_slice(head)?;
        let tensor = |name: &str| match head.get(name) {
            None => Ok(Vec::new()),
            Some(entry) => floats(name, entry, data),
        };
        let weights = tensor("weights")?;
        if weights.is_empty() {
            bail!("model: the file has no tensor named weights");
        }
        let said = |name: &str| {
            head.get("__metadata__")
                .and_then(|metadata| metadata.get(name))
                .and_then(Value::as_str)
        };
        Ok(Self {
            weights,
            moments: Moments {
                steps: said("step").and_then(|step| step.parse().ok()).unwrap_or(0),
                first: tensor("moment_1")?,
                second: tensor("moment_2")?,
            },
            net: said("net").and_then(|net| serde_json::from_str(net).ok()),
        })
    }

    /// Writes a file; `told` is the loss and the number of samples of the step that made it.
    pub fn write(&self, net: &Net, told: Option<(f64, u64)>) -> Result<Vec<u8>> {
        let mut metadata = json!({
            "step": self.moments.steps.to_string(),
            "net": serde_json::to_string(net)?,
        });
        if let Some((loss, samples)) = told {
            metadata["loss"] = json!(loss.to_string());
            metadata["samples"] = json!(samples.to_string());
        }
        let all = [
            ("weights", &self.weights),
            ("moment_1", &self.moments.first),
            ("moment_2", &self.moments.second),
        ];
        let mut head = Map::new();
        head.insert("__metadata__".to_owned(), metadata);
        let mut at = 0;
        for (name, values) in all.iter().filter(|(_, values)| !values.is_empty()) {
            let end = at + 4 * values.len();
            let entry = json!({"dtype": "F32", "shape": [values.len()], "data_offsets": [at, end]});
            head.insert((*name).to_owned(), entry);
            at = end;
        }
        let mut text = serde_json::to_vec(&head)?;
        // The data begins at a multiple of 8.
        text.resize(text.len().next_multiple_of(8), b' ');
        let mut bytes = (text.len() as u64).to_le_bytes().to_vec();
        bytes.extend(text);
        for (_, values) in all {
            bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
        }
        Ok(bytes)
    }
}

fn floats(name: &str, entry: &Value, data: &[u8]) -> Result<Vec<f32>> {
    let number = |value: Option<&Value>| value.and_then(Value::as_u64).and_then(|at| usize::try_from(at).ok());
    let offsets = entry.get("data_offsets");
    let (from, to) = (
        number(offsets.and_then(|at| at.get(0))),
        number(offsets.and_then(|at| at.get(1))),
    );
    let bytes = from.zip(to).and_then(|(from, to)| data.get(from..to));
    match (entry.get("dtype").and_then(Value::as_str), bytes) {
        (Some("F32"), Some(bytes)) if bytes.len().is_multiple_of(4) => Ok(bytes
            .as_chunks()
            .0
            .iter()
            .map(|chunk| f32::from_le_bytes(*chunk))
            .collect()),
        (Some("F32"), _) => bail!("model: the tensor {name} lies outside of the file"),
        (dtype, _) => bail!("model: the tensor {name} is {}, not F32", dtype.unwrap_or("of no type")),
    }
}
