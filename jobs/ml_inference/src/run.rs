//! Runs the model over the samples of a chunk.

use crate::Chunk;
use crate::feed::{Feed, Place};
use crate::outputs::{Elements, Output, Outputs};
use arrays::{Bytes, ElementType};
use p2pjob::models::{Model, Port};
use p2pjob::prelude::*;
use p2pjob::tensors::{DType, Tensor};

/// Samples of one run of the model, unless the user or the model says otherwise.
const DEFAULT_BATCH: u64 = 64;
/// Bytes of one read of a slice.
const READ_BYTES: u32 = 1 << 20;

/// The outputs for the samples of a chunk.
pub fn run(chunk: &Chunk, slices: &Slices) -> Result<Outputs> {
    let model = Model::load(0)?;
    let ports = model.inputs();
    let wanted = wanted_outputs(chunk, &model.outputs())?;
    let mut fed = Vec::new();
    for (feed, port) in assign(&chunk.feeds, &ports)? {
        let tensor = samples(feed, slices)?;
        let dtype = port.dtype;
        let tensor = if tensor.dtype() == dtype {
            tensor
        } else {
            tensor.cast(dtype)?
        };
        fed.push((port.name.as_str(), tensor));
    }
    // A model may be made for batches of one size: the last one is filled up, and what comes of that is left out.
    let fixed = ports.iter().find_map(|port| port.shape.first().copied().flatten());
    let batch = fixed
        .map_or(chunk.batch_size.unwrap_or(DEFAULT_BATCH), |fixed| fixed as u64)
        .max(1);
    let mut all: Option<Outputs> = None;
    let mut from = 0;
    while from < chunk.samples || all.is_none() {
        let to = from.saturating_add(batch).min(chunk.samples);
        let missing = fixed.map_or(0, |_| batch - (to - from));
        let mut parts = Vec::new();
        for (name, tensor) in &fed {
            parts.push((*name, part(tensor, from, to, missing)?));
        }
        let bound: Vec<(&str, &Tensor)> = parts.iter().map(|(name, tensor)| (*name, tensor)).collect();
        let outputs = collect(&wanted, model.run(&bound)?, to - from, missing, chunk.top_k)?;
        match &mut all {
            Some(all) => all.append(outputs)?,
            None => all = Some(outputs),
        }
        from = to;
        p2pjob::progress(from, chunk.samples);
    }
    metrics::counter("samples", chunk.samples as f64);
    Ok(all.unwrap_or_default())
}

/// Which feed is for which input of the model.
fn assign<'a>(feeds: &'a [Feed], ports: &'a [Port]) -> Result<Vec<(&'a Feed, &'a Port)>> {
    let takes = || format!("the model takes {}", describe(ports));
    let mut assigned: Vec<(&Feed, &Port)> = Vec::new();
    for feed in feeds {
        let is_free = |port: &&Port| !assigned.iter().any(|(_, taken)| taken.name == port.name);
        let port = match &feed.name {
            Some(name) => ports.iter().filter(is_free).find(|port| port.name == *name),
            None => ports.iter().find(is_free),
        };
        let Some(port) = port else {
            match &feed.name {
                Some(name) => bail!("the model has no input {name:?} left; {}", takes()),
                None => bail!("there are samples for {} inputs; {}", feeds.len(), takes()),
            }
        };
        let inner = port.shape.get(1..).unwrap_or_default();
        let fits = port.shape.len() == feed.shape.len() + 1
            && inner
                .iter()
                .zip(&feed.shape)
                .all(|(wanted, given)| wanted.is_none_or(|wanted| wanted as u64 == *given));
        if !fits {
            bail!(
                "input {} takes {}, and the samples are {}",
                port.name,
                describe_port(port),
                feed.describe()
            );
        }
        if port.dtype == DType::Text {
            bail!(
                "input {} takes texts, which samples cannot be; export the model with numbers",
                port.name
            );
        }
        assigned.push((feed, port));
    }
    if let Some(port) = ports
        .iter()
        .find(|port| !assigned.iter().any(|(_, taken)| taken.name == port.name))
    {
        bail!("there are no samples for input {}; {}", port.name, takes());
    }
    Ok(assigned)
}

fn describe(ports: &[Port]) -> String {
    let each: Vec<String> = ports
        .iter()
        .map(|port| format!("{}: {}", port.name, describe_port(port)))
        .collect();
    each.join("; ")
}

fn describe_port(port: &Port) -> String {
    let length = |length: &Option<usize>| length.map_or("any".to_owned(), |length| length.to_string());
    let shape: Vec<String> = port.shape.iter().map(length).collect();
    format!("{} of shape ({})", port.dtype, shape.join(", "))
}

/// The names of the outputs that are wanted, in the order of the user, else of the model.
fn wanted_outputs(chunk: &Chunk, ports: &[Port]) -> Result<Vec<String>> {
    if chunk.outputs.is_empty() {
        return Ok(ports.iter().map(|port| port.name.clone()).collect());
    }
    for name in &chunk.outputs {
        if !ports.iter().any(|port| port.name == *name) {
            bail!("the model has no output {name:?}; it gives {}", describe(ports));
        }
    }
    Ok(chunk.outputs.clone())
}

fn length(value: u64) -> Result<usize> {
    usize::try_from(value).map_err(|_| Error::new(format_args!("a dimension of {value} is too large")))
}

/// The samples of the chunk as a tensor.
fn samples(feed: &Feed, slices: &Slices) -> Result<Tensor> {
    let dtype = feed.element.dtype();
    let there = if feed.fortran {
        feed.samples
    } else {
        feed.range.1 - feed.range.0
    };
    let mut shape = [there]
        .iter()
        .chain(&feed.shape)
        .map(|length_| length(*length_))
        .collect::<Result<Vec<_>>>()?;
    if feed.fortran {
        shape.reverse();
    }
    let tensor = match (&feed.place, feed.big_endian) {
        (Place::Inline(bytes), _) => Tensor::from_bytes(dtype, &shape, &bytes.0)?,
        (Place::Slice { index, offset }, false) => Tensor::from_input(*index, *offset, dtype, &shape)?,
        (Place::Slice { index, offset }, true) => {
            let source = slices.get(*index);
            let mut bytes = Vec::new();
            while offset + (bytes.len() as u64) < source.size() {
                bytes.extend(source.read_at(offset + bytes.len() as u64, READ_BYTES));
            }
            bytes
                .chunks_exact_mut(feed.element.size() as usize)
                .for_each(<[u8]>::reverse);
            Tensor::from_bytes(dtype, &shape, &bytes)?
        }
    };
    if !feed.fortran {
        return Ok(tensor);
    }
    rows(&tensor.transpose()?, feed.range.0, feed.range.1)
}

/// Some samples.
fn rows(tensor: &Tensor, from: u64, to: u64) -> Result<Tensor> {
    let range = length(from)?..length(to)?;
    Ok(tensor.slice(std::slice::from_ref(&range))?)
}

/// Some samples, and so many zeros behind them.
fn part(tensor: &Tensor, from: u64, to: u64, missing: u64) -> Result<Tensor> {
    let part = rows(tensor, from, to)?;
    if missing == 0 {
        return Ok(part);
    }
    let mut shape = tensor.shape();
    if let Some(first) = shape.first_mut() {
        *first = length(missing)?;
    }
    Ok(Tensor::concat(
        &[&part, &Tensor::filled(tensor.dtype(), &shape, 0.0)?],
        0,
    )?)
}

/// The wanted outputs of one run of the model.
fn collect(
    wanted: &[String],
    mut given: Vec<(String, Tensor)>,
    samples: u64,
    missing: u64,
    top_k: Option<u32>,
) -> Result<Outputs> {
    let mut each = Vec::new();
    for name in wanted {
        let Some(at) = given.iter().position(|(given, _)| given == name) else {
            bail!("the model gave no output {name:?}");
        };
        let (name, tensor) = given.swap_remove(at);
        let output = output_of(name, &tensor, samples, missing)?;
        match top_k {
            Some(k) => each.extend(output.top(k)?),
            None => each.push(output),
        }
    }
    Ok(Outputs { samples, each })
}

fn output_of(name: String, tensor: &Tensor, samples: u64, missing: u64) -> Result<Output> {
    let filled = missing > 0
        && tensor
            .shape()
            .first()
            .is_some_and(|count| *count as u64 == samples + missing);
    let mut shape: Vec<u64> = tensor.shape().into_iter().map(|length| length as u64).collect();
    if filled && let Some(first) = shape.first_mut() {
        *first = samples;
    }
    let count: u64 = shape.iter().product();
    let elements = match element(tensor.dtype()) {
        None => {
            let mut texts = tensor.to_texts()?;
            texts.truncate(count as usize);
            Elements::Texts(texts)
        }
        Some(element) => {
            let mut bytes = if tensor.dtype() == DType::BF16 {
                tensor.cast(DType::F32)?.to_bytes()?
            } else {
                tensor.to_bytes()?
            };
            bytes.truncate((count * element.size()) as usize);
            Elements::Numbers(element, Bytes(bytes))
        }
    };
    Ok(Output { name, shape, elements })
}

/// The type an output is written in; none for texts.
const fn element(dtype: DType) -> Option<ElementType> {
    Some(match dtype {
        DType::F16 => ElementType::F16,
        DType::BF16 | DType::F32 => ElementType::F32,
        DType::F64 => ElementType::F64,
        DType::I8 => ElementType::I8,
        DType::I16 => ElementType::I16,
        DType::I32 => ElementType::I32,
        DType::I64 => ElementType::I64,
        DType::U8 => ElementType::U8,
        DType::U16 => ElementType::U16,
        DType::U32 => ElementType::U32,
        DType::U64 => ElementType::U64,
        DType::Bool => ElementType::Bool,
        DType::Text => return None,
    })
}
