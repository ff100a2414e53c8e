//! The model between steps: a safetensors file with the weights under PyTorch's names, the optimiser's memory beside each
//! (`optimiser.moment_1.NAME`, `optimiser.moment_2.NAME`), and in its metadata what the network is, the step and the loss.
//!
//! A file may be anybody's: lengths and places are checked before anything is read from them. Weights of `F64`, `F16` and
//! `BF16` are read too; `F32` is written. Format: <https://github.com/huggingface/safetensors#format>.

use crate::net::{Net, Piece};
use crate::optimiser::State;
use crate::params::OptimiserName;
use arrays::ElementType;
use p2pjob::prelude::*;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The longest head that is read, in bytes: one read of the platform, and far more than the largest network has.
const MAX_HEAD_BYTES: u64 = (1 << 20) - 8;
/// The data begins at a multiple of this.
const ALIGNMENT: usize = 8;

/// How numbers are stored.
#[wire]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// `F16`
    F16,
    /// `BF16`
    BF16,
    /// `F32`
    F32,
    /// `F64`
    F64,
}

impl Kind {
    const fn size(self) -> u64 {
        match self {
            Self::F16 | Self::BF16 => 2,
            Self::F32 => 4,
            Self::F64 => 8,
        }
    }

    fn read(self, bytes: &[u8]) -> Vec<f32> {
        let (halves, _) = bytes.as_chunks();
        match self {
            Self::F16 => ElementType::F16.to_f32(bytes, false),
            Self::F32 => ElementType::F32.to_f32(bytes, false),
            Self::F64 => ElementType::F64.to_f32(bytes, false),
            // The upper half of a float32.
            Self::BF16 => halves
                .iter()
                .map(|half| f32::from_bits(u32::from(u16::from_le_bytes(*half)) << 16))
                .collect(),
        }
    }
}

/// Where a tensor's numbers lie: their type, the first byte.
#[wire]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Place(pub Kind, pub u64);

#[derive(Debug)]
struct Entry {
    kind: String,
    shape: Vec<u64>,
    from: u64,
    to: u64,
}

/// What a file says of its tensors.
#[derive(Debug)]
pub struct Head {
    tensors: BTreeMap<String, Entry>,
    metadata: BTreeMap<String, String>,
}

impl Head {
    /// Reads the head of a file. Errors say what is wrong with it.
    pub fn read(file: Source) -> Result<Self> {
        let length: Option<[u8; 8]> = file.read_at(0, 8).try_into().ok();
        let length = length.map_or(u64::MAX, u64::from_le_bytes);
        if length > MAX_HEAD_BYTES || length + 8 > file.size() {
            bail!(
                "no safetensors file, or one that is cut off: it begins with a head's length of at most {MAX_HEAD_BYTES} \
                 bytes, and has that head; give the result of a step, or the file that safetensors.torch.save_file wrote"
            );
        }
        let text = file.read_at(8, length as u32);
        let parsed: Map<String, Value> = serde_json::from_slice(&text)
            .map_err(|error| Error::new(format_args!("the head of the safetensors file is wrong: {error}")))?;
        let start = length + 8;
        let mut head = Self {
            tensors: BTreeMap::new(),
            metadata: BTreeMap::new(),
        };
        for (name, value) in parsed {
            if name == "__metadata__" {
                let words = value.as_object().into_iter().flatten();
                let words = words.filter_map(|(key, word)| Some((key.clone(), word.as_str()?.to_owned())));
                head.metadata = words.collect();
            } else {
                let entry = entry(&value, start, file.size()).ok_or_else(|| {
                    Error::new(format_args!(
                        "the tensor {name} is malformed or lies outside of the file"
                    ))
                })?;
                head.tensors.insert(name, entry);
            }
        }
        Ok(head)
    }

    /// The shape of a tensor.
    pub fn shape(&self, name: &str) -> Option<&[u64]> {
        self.tensors.get(name).map(|entry| entry.shape.as_slice())
    }

    /// A word of the metadata.
    pub fn word(&self, key: &str) -> Option<&str> {
        self.metadata.get(key).map(String::as_str)
    }

    /// A number of the metadata.
    pub fn number<T: std::str::FromStr>(&self, key: &str) -> Result<Option<T>> {
        match self.word(key).map(|word| (word, word.parse())) {
            None => Ok(None),
            Some((_, Ok(number))) => Ok(Some(number)),
            Some((word, Err(_))) => bail!("its metadata has {key} {word:?}, which is no such number"),
        }
    }

    /// Whether there is a tensor whose name begins so.
    pub fn has_any(&self, prefix: &str) -> bool {
        self.tensors.keys().any(|name| name.starts_with(prefix))
    }

    /// Where the tensors of a network lie, with a word before their names. A missing second bias is one of zeros.
    pub fn places(&self, pieces: &[Piece], prefix: &str) -> Result<Vec<Option<Place>>> {
        let place = |piece: &Piece| {
            let name = format!("{prefix}{}", piece.name);
            let Some(entry) = self.tensors.get(&name) else {
                if piece.is_second_bias() {
                    return Ok(None);
                }
                bail!("the file has no tensor {name}");
            };
            if entry.shape != piece.shape() {
                bail!(
                    "{name} has shape {:?}; the network needs {:?}",
                    entry.shape,
                    piece.shape()
                );
            }
            let kind = match entry.kind.as_str() {
                "F16" => Kind::F16,
                "BF16" => Kind::BF16,
                "F32" => Kind::F32,
                "F64" => Kind::F64,
                other => bail!("{name} has numbers of type {other}; F32, F64, F16 and BF16 are read"),
            };
            let numbers: u64 = entry.shape.iter().product();
            if entry.to - entry.from != numbers * kind.size() {
                bail!(
                    "{name} has {} bytes for {numbers} numbers of type {}",
                    entry.to - entry.from,
                    entry.kind
                );
            }
            Ok(Some(Place(kind, entry.from)))
        };
        pieces.iter().map(place).collect()
    }
}

fn entry(value: &Value, start: u64, size: u64) -> Option<Entry> {
    let numbers = |value: &Value| {
        value
            .as_array()?
            .iter()
            .map(Value::as_u64)
            .collect::<Option<Vec<u64>>>()
    };
    let shape = numbers(value.get("shape")?)?;
    let [from, to] = *numbers(value.get("data_offsets")?)?.as_slice() else {
        return None;
    };
    let (from, to) = (from.checked_add(start)?, to.checked_add(start)?);
    // Products of lengths are taken later.
    shape
        .iter()
        .try_fold(8u64, |bytes, length| bytes.checked_mul(*length))?;
    (from <= to && to <= size).then_some(Entry {
        kind: value.get("dtype")?.as_str()?.to_owned(),
        shape,
        from,
        to,
    })
}

/// First byte and byte behind the last one of these tensors.
pub fn span(pieces: &[Piece], places: &[Option<Place>]) -> (u64, u64) {
    let ends = pieces.iter().zip(places).filter_map(|(piece, place)| {
        let Place(kind, from) = (*place)?;
        Some((from, from + piece.shape().iter().product::<u64>() * kind.size()))
    });
    ends.fold((u64::MAX, 0), |(least, most), (from, to)| {
        (least.min(from), most.max(to))
    })
}

/// The flat numbers of a network from a slice that begins at byte `base` of the file.
pub fn read_flat(net: &Net, places: &[Option<Place>], slice: Source, base: u64) -> Result<Vec<f32>> {
    let mut flat = vec![0.0f32; net.weights() as usize];
    for (piece, place) in net.pieces().iter().zip(places) {
        let Some(Place(kind, from)) = *place else { continue };
        let bytes = piece.shape().iter().product::<u64>() * kind.size();
        let mut read = vec![0; bytes as usize];
        std::io::Read::read_exact(&mut slice.reader_from(from - base), &mut read)?;
        let mut numbers = kind.read(&read).into_iter();
        // A second bias is added to the first, which stands before it; all else is written once.
        piece.indices(|at| flat[at] += numbers.next().unwrap_or(0.0));
    }
    if let Some(at) = flat.iter().position(|number| !number.is_finite()) {
        bail!(
            "model: weight {at} is {}; a model with such weights cannot be trained",
            flat[at]
        );
    }
    Ok(flat)
}

/// A network's weights and the memory of its optimiser.
#[derive(Clone, PartialEq, Debug)]
pub struct ModelFile {
    /// The network.
    pub net: Net,
    /// Which optimiser the memory is of.
    pub optimiser: OptimiserName,
    /// All weights, in the order in which burn visits them.
    pub weights: Vec<f32>,
    /// What the optimiser remembers.
    pub moments: State,
}

/// What is told of the step that made a file.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Told {
    /// Mean loss over the batch, before the step.
    pub loss: f64,
    /// Samples of the batch.
    pub samples: u64,
}

impl ModelFile {
    /// The file's bytes.
    pub fn write(&self, told: Told) -> Result<Vec<u8>> {
        let pieces = self.net.pieces();
        let plain: Vec<&Piece> = pieces.iter().filter(|piece| !piece.is_second_bias()).collect();
        let groups = [
            ("", &self.weights, pieces.iter().collect()),
            ("optimiser.moment_1.", &self.moments.first, plain.clone()),
            ("optimiser.moment_2.", &self.moments.second, plain),
        ];
        let mut head = Map::new();
        head.insert("__metadata__".to_owned(), self.metadata(told));
        let mut at = 0;
        let mut data = Vec::new();
        for (prefix, flat, pieces) in groups.iter().filter(|(_, flat, _)| !flat.is_empty()) {
            for piece in pieces {
                let before = data.len();
                piece.indices(|index| {
                    let number = if piece.is_second_bias() { 0.0 } else { flat[index] };
                    data.extend(number.to_le_bytes());
                });
                let end = at + data.len() - before;
                let entry = json!({"dtype": "F32", "shape": piece.shape(), "data_offsets": [at, end]});
                head.insert(format!("{prefix}{}", piece.name), entry);
                at = end;
            }
        }
        let mut text = serde_json::to_vec(&head)?;
        text.resize(text.len().next_multiple_of(ALIGNMENT), b' ');
        let mut bytes = (text.len() as u64).to_le_bytes().to_vec();
        bytes.extend(text);
        bytes.append(&mut data);
        Ok(bytes)
    }

    fn metadata(&self, told: Told) -> Value {
        // Frameworks look for `format`.
        let mut metadata = json!({
            "format": "pt",
            "model": word(&self.net.architecture),
            "loss_function": word(&self.net.loss),
            "optimiser": word(&self.optimiser),
            "step": self.moments.steps.to_string(),
            "loss": told.loss.to_string(),
            "samples": told.samples.to_string(),
        });
        match self.net.architecture {
            crate::Architecture::Mlp => metadata["activation"] = word(&self.net.activation),
            crate::Architecture::LstmEncoder => metadata["heads"] = json!(self.net.heads.to_string()),
        }
        metadata
    }
}

fn word(value: &impl p2pjob::serde::Serialize) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}
