//! The parameters of the job.

use arrays::{ElementType, Nested};
use p2pjob::prelude::*;
use p2pjob::schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use p2pjob::serde::de::value::SeqAccessDeserializer;
use p2pjob::serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use std::borrow::Cow;
use std::fmt;

/// Where a model was made. All of them are exported to ONNX first; docs/ml.md says how.
#[params]
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[serde(rename_all = "snake_case")]
pub enum ModelType {
    /// Anywhere.
    #[default]
    Onnx,
    /// PyTorch.
    Pytorch,
    /// TensorFlow or Keras.
    Tensorflow,
    /// scikit-learn.
    Sklearn,
}

/// How the result is written.
#[params]
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[serde(rename_all = "snake_case")]
pub enum OutputForm {
    /// JSON where the samples are JSON; else `.npy` for one output and `.npz` for several.
    #[default]
    Auto,
    /// One object: output to shape, type and nested lists.
    Json,
    /// A NumPy file; for one output.
    Npy,
    /// A NumPy archive with all outputs.
    Npz,
}

/// The samples and what is wanted of the model.
#[params]
pub struct Params {
    /// The samples, where they are few: a list of samples, or an object of such lists by the names of the model's
    /// inputs. Otherwise bind the input `x`.
    #[serde(default)]
    pub(crate) input_data: Option<Samples>,
    /// Where the model was made; the file itself is ONNX.
    #[serde(default)]
    pub(crate) model_type: ModelType,
    /// How many samples go through the model at once; 64, or what the model asks for, unless given.
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub(crate) batch_size: Option<u64>,
    /// Names of the outputs that are wanted; all, unless given.
    #[serde(default)]
    pub(crate) outputs: Vec<String>,
    /// Gives only the largest so many values of every sample, and their indices as `NAME.index`.
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub(crate) top_k: Option<u32>,
    /// How the result is written.
    #[serde(default)]
    pub(crate) output: OutputForm,
    /// Names of the model's inputs that `x`, `x2`, ... are for; its own order, unless given.
    #[serde(default)]
    pub(crate) names: Vec<String>,
    /// Type of the elements of raw samples. A `.npy` file says its own.
    #[serde(default)]
    pub(crate) dtype: Option<ElementType>,
    /// Shape of one raw sample, such as [3, 224, 224].
    #[serde(default)]
    pub(crate) shape: Option<Vec<u64>>,
}

impl Params {
    /// How the result is written, as far as the parameters say.
    pub(crate) fn form(&self) -> OutputForm {
        match self.output {
            OutputForm::Auto if self.input_data.is_some() => OutputForm::Json,
            form => form,
        }
    }
}

/// Samples as JSON.
#[derive(Clone, PartialEq, Debug)]
pub enum Samples {
    /// For the model's first input.
    First(Nested),
    /// By name.
    Named(Vec<(String, Nested)>),
}

impl JsonSchema for Samples {
    fn schema_name() -> Cow<'static, str> {
        "Samples".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let list = generator.subschema_for::<Nested>();
        json_schema!({
            "anyOf": [list, { "type": "object", "additionalProperties": list }],
        })
    }
}

impl<'de> Deserialize<'de> for Samples {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SamplesVisitor)
    }
}

struct SamplesVisitor;

impl<'de> Visitor<'de> for SamplesVisitor {
    type Value = Samples;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of samples, or an object of such lists")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Samples, A::Error> {
        Nested::deserialize(SeqAccessDeserializer::new(list)).map(Samples::First)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Samples, A::Error> {
        let mut named = Vec::new();
        while let Some(entry) = map.next_entry()? {
            named.push(entry);
        }
        Ok(Samples::Named(named))
    }
}
