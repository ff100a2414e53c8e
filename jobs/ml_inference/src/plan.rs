//! Cuts the samples.

use crate::Chunk;
use crate::feed::Feed;
use crate::params::{ModelType, Params, Samples};
use p2pjob::prelude::*;

/// Names of the job's inputs for samples, in the order of the model's inputs.
const SAMPLE_INPUTS: [&str; 4] = ["x", "x2", "x3", "x4"];
/// Most bytes of samples in a chunk, unless the user says otherwise.
const MAX_CHUNK_BYTES: u64 = 16 << 20;
/// Most bytes of samples in a chunk's body, which may have 64 KiB with all that is around them.
const MAX_INLINE_BYTES: u64 = 56 << 10;

/// Cuts the task.
pub fn plan(params: &Params, inputs: &Inputs, hint: &PlanHint) -> Result<Vec<Cut<Chunk>>> {
    let model = inputs.get("model")?;
    check_model(model, params.model_type)?;
    let feeds = feeds(params, inputs)?;
    let Some(first) = feeds.first() else {
        bail!("there are no samples; add --input x=PATH, or a parameter input_data with a list of samples");
    };
    let samples = first.samples;
    if let Some(other) = feeds.iter().find(|feed| feed.samples != samples) {
        bail!(
            "the inputs have unequal numbers of samples: {} and {}; the first dimension of each counts them",
            first.describe(),
            other.describe()
        );
    }
    let step = samples_per_chunk(params, &feeds, hint)?;
    let sources: Vec<Source> = inputs.iter().map(|(_, source)| source).collect();
    let mut cuts = Vec::new();
    let mut from = 0;
    while from < samples || cuts.is_empty() {
        let to = from.saturating_add(step).min(samples);
        let mut cut = Cut::new(()).slice(model, 0, model.size());
        let mut own = Vec::new();
        for feed in &feeds {
            let (feed, with_slice) = feed.slice(from..to, &sources, cut);
            own.push(feed);
            cut = with_slice;
        }
        let chunk = Chunk {
            feeds: own,
            samples: to - from,
            batch_size: params.batch_size,
            outputs: params.outputs.clone(),
            top_k: params.top_k,
        };
        cuts.push(Cut {
            chunk,
            slices: cut.slices,
            weight: (to - from).max(1),
        });
        from = to;
    }
    Ok(cuts)
}

fn samples_per_chunk(params: &Params, feeds: &[Feed], hint: &PlanHint) -> Result<u64> {
    let samples = feeds.first().map_or(0, |feed| feed.samples);
    let bytes: u64 = feeds.iter().map(Feed::sample_bytes).fold(0, u64::saturating_add);
    let most = (MAX_CHUNK_BYTES / bytes.max(1)).max(1);
    let batch = params.batch_size.unwrap_or(1);
    let wanted = hint.chunk_size_within(samples, 1, most);
    // Whole batches, so that none is cut in two; a task has no more chunks for that.
    let step = wanted.div_ceil(batch).saturating_mul(batch);
    let inline: u64 = feeds.iter().map(Feed::inline_bytes).fold(0, u64::saturating_add);
    if inline > MAX_INLINE_BYTES {
        bail!(
            "a sample in input_data needs {inline} bytes, and {MAX_INLINE_BYTES} fit in a chunk; save the samples as \
             .npy and bind them: --input x=x.npy"
        );
    }
    let fits = MAX_INLINE_BYTES.checked_div(inline).unwrap_or(u64::MAX).max(1);
    Ok(step.min(fits))
}

fn feeds(params: &Params, inputs: &Inputs) -> Result<Vec<Feed>> {
    let mut feeds = Vec::new();
    match &params.input_data {
        None => {}
        Some(Samples::First(nested)) => feeds.push(Feed::of_json(params.names.first().cloned(), nested)?),
        Some(Samples::Named(named)) => {
            for (name, nested) in named {
                let feed = Feed::of_json(Some(name.clone()), nested);
                feeds.push(feed.map_err(|error| error.context(format_args!("input_data.{name}")))?);
            }
        }
    }
    for (number, input) in SAMPLE_INPUTS.into_iter().enumerate() {
        let Some(source) = inputs.find(input) else {
            continue;
        };
        if !feeds.is_empty() && params.input_data.is_some() {
            bail!("the samples are given twice; use the parameter input_data or --input {input}=PATH, not both");
        }
        let feed = Feed::of_source(params.names.get(number).cloned(), source, params);
        feeds.push(feed.map_err(|error| error.context(format_args!("input {input}")))?);
    }
    Ok(feeds)
}

/// What is certainly no ONNX file is told at once, with the way to one.
fn check_model(model: Source, made_by: ModelType) -> Result<()> {
    let start = model.read_at(0, 16);
    let found = match start.as_slice() {
        [] => Some("empty"),
        [b'P', b'K', 3, 4, ..] => Some("a ZIP archive (a PyTorch .pt, or a Keras .keras file)"),
        [0x89, b'H', b'D', b'F', ..] => Some("an HDF5 file (Keras .h5)"),
        [0x80, 2..=5, ..] => Some("a Python pickle (scikit-learn, or an old PyTorch file)"),
        [_, _, _, _, 0, 0, 0, 0, b'{', ..] => Some(
            "a safetensors file: weights without a network (a result of ml_train_step predicts there, with mode=predict)",
        ),
        [b'\x93', b'N', b'U', b'M', ..] => Some("a .npy file"),
        [_, _, _, _, b'T', b'F', b'L', b'3', ..] => Some("a TensorFlow Lite file"),
        _ => None,
    };
    let Some(found) = found else {
        return Ok(());
    };
    let how = match made_by {
        ModelType::Onnx => "export the model to ONNX; docs/ml.md says how for PyTorch, TensorFlow and scikit-learn",
        ModelType::Pytorch => "export it: torch.onnx.export(model, (sample,), \"model.onnx\", dynamo=True)",
        ModelType::Tensorflow => "export it: python -m tf2onnx.convert --saved-model FOLDER --output model.onnx",
        ModelType::Sklearn => "export it: skl2onnx.to_onnx(model, samples, options={\"zipmap\": False})",
    };
    bail!("the model is no ONNX file but {found}; {how}")
}
