//! `ai.onnx.ml`: what prepares features and labels.

use super::super::call::{Call, Run};
use super::super::graph::Attr;
use super::math::map_wide;
use crate::dtype::DType;
use crate::error::Result;
use crate::op::{Binary, Op, Reduce, Unary};
use crate::tensor::Tensor;
use std::collections::HashMap;

pub const TABLE: &[(&str, Run)] = &[
    ("Scaler", scaler),
    ("Normalizer", normalizer),
    ("Imputer", imputer),
    ("Binarizer", binarizer),
    ("LabelEncoder", label_encoder),
    ("CategoryMapper", category_mapper),
    ("OneHotEncoder", one_hot),
    ("FeatureVectorizer", feature_vectorizer),
    ("ArrayFeatureExtractor", array_feature_extractor),
    ("ZipMap", zip_map),
];

/// The operand as a matrix of features: (samples, features), in single precision unless it has double.
pub fn features(call: &Call<'_>, x: &Tensor) -> Result<Tensor> {
    let x = if x.dtype() == DType::F64 {
        x.clone()
    } else {
        call.cast(x, DType::F32)?
    };
    match x.shape() {
        [_, _] => Ok(x),
        [] => call.reshape(&x, &[1, 1]),
        [length] => call.reshape(&x, &[1, *length]),
        [first, rest @ ..] => call.reshape(&x, &[*first, rest.iter().product()]),
    }
}

/// A list of numbers as a row.
fn row(call: &Call<'_>, values: &[f32], dtype: DType) -> Result<Tensor> {
    call.cast(&call.numbers(&[values.len()], values.to_vec())?, dtype)
}

fn scaler(call: &Call<'_>) -> Result<Vec<Tensor>> {
    let given = call.arg(0)?;
    let x = if given.dtype() == DType::F64 {
        given.clone()
    } else {
        call.cast(given, DType::F32)?
    };
    let mut result = x;
    if !call.floats("offset").is_empty() {
        result = call.binary(Binary::Sub, &result, &row(call, call.floats("offset"), result.dtype())?)?;
    }
    if !call.floats("scale").is_empty() {
        result = call.mul(&result, &row(call, call.floats("scale"), result.dtype())?)?;
    }
    Ok(vec![call.cast(&result, DType::F32)?])
}

fn normalizer(call: &Call<'_>) -> Result<Vec<Tensor>> {
    let x = features(call, call.arg(0)?)?;
    let kind = match call.text("norm", "MAX") {
        "L1" => Reduce::L1,
        "L2" => Reduce::L2,
        _ => Reduce::Max,
    };
    let measured = if kind == Reduce::Max {
        call.unary(Unary::Abs, &x)?
    } else {
        x.clone()
    };
    let norm = map_wide(call, &call.reduce(&measured, kind, &[1], true)?, |norm| {
        if norm == 0.0 { 1.0 } else { norm }
    })?;
    let result = call.cast(&call.binary(Binary::Div, &x, &norm)?, DType::F32)?;
    Ok(vec![call.reshape(&result, call.arg(0)?.shape())?])
}

fn imputer(call: &Call<'_>) -> Result<Vec<Tensor>> {
    let x = call.arg(0)?;
    let (values, replaced): (Vec<f64>, f64) = match call.ints("imputed_value_int64s") {
        Some(values) if !x.dtype().is_float() => (
            values.iter().map(|value| *value as f64).collect(),
            call.int("replaced_value_int64", 0) as f64,
        ),
        _ => (
            call.floats("imputed_value_floats")
                .iter()
                .map(|value| f64::from(*value))
                .collect(),
            f64::from(call.float("replaced_value_float", 0.0)),
        ),
    };
    let columns = x.shape().last().copied().unwrap_or(1);
    if values.len() != 1 && values.len() != columns {
        return Err(call.misfit(format!("{} values for {columns} features", values.len())));
    }
    let column = std::cell::Cell::new(0_usize);
    let result = map_wide(call, x, |value| {
        let place = column.get();
        column.set(place + 1);
        if value == replaced || (value.is_nan() && replaced.is_nan()) {
            values[place % columns % values.len()]
        } else {
            value
        }
    })?;
    Ok(vec![result])
}

fn binarizer(call: &Call<'_>) -> Result<Vec<Tensor>> {
    let threshold = f64::from(call.float("threshold", 0.0));
    Ok(vec![map_wide(call, call.arg(0)?, |value| {
        if value > threshold { 1.0 } else { 0.0 }
    })?])
}

/// A key or value of a label map. Floats are told apart by their bits.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Label {
    Int(i64),
    Float(u32),
    Double(u64),
    Text(String),
}

fn labels_of(call: &Call<'_>, name: &str) -> Option<Vec<Label>> {
    for kind in ["strings", "int64s", "floats", "tensor"] {
        return Some(match call.attr(&format!("{name}_{kind}")) {
            Some(Attr::Texts(list)) => list.iter().cloned().map(Label::Text).collect(),
            Some(Attr::Ints(list)) => list.iter().copied().map(Label::Int).collect(),
            Some(Attr::Floats(list)) => list.iter().map(|value| Label::Float(value.to_bits())).collect(),
            Some(Attr::Tensor(tensor)) => labels(tensor)?,
            _ => continue,
        });
    }
    None
}

fn labels(tensor: &Tensor) -> Option<Vec<Label>> {
    if let Some(list) = tensor.try_values::<String>() {
        return Some(list.iter().cloned().map(Label::Text).collect());
    }
    if let Some(list) = tensor.try_values::<i64>() {
        return Some(list.iter().copied().map(Label::Int).collect());
    }
    if let Some(list) = tensor.try_values::<f64>() {
        return Some(list.iter().map(|value| Label::Double(value.to_bits())).collect());
    }
    if let Some(list) = tensor.try_values::<i32>() {
        return Some(list.iter().map(|value| Label::Int(i64::from(*value))).collect());
    }
    if let Some(list) = tensor.try_values::<i16>() {
        return Some(list.iter().map(|value| Label::Int(i64::from(*value))).collect());
    }
    tensor
        .try_values::<f32>()
        .map(|list| list.iter().map(|value| Label::Float(value.to_bits())).collect())
}

/// Labels as a tensor; all are of the kind of the first.
fn tensor_of(call: &Call<'_>, shape: &[usize], list: Vec<Label>, kind: &Label) -> Result<Tensor> {
    let int = |label: &Label| if let Label::Int(value) = label { *value } else { 0 };
    match kind {
        Label::Text(_) => {
            let texts: Vec<String> = list
                .into_iter()
                .map(|label| {
                    if let Label::Text(text) = label {
                        text
                    } else {
                        String::new()
                    }
                })
                .collect();
            call.words(shape, texts)
        }
        Label::Int(_) => call.numbers(shape, list.iter().map(int).collect::<Vec<i64>>()),
        Label::Double(_) => {
            let double = |label: &Label| {
                if let Label::Double(bits) = label {
                    f64::from_bits(*bits)
                } else {
                    0.0
                }
            };
            call.numbers(shape, list.iter().map(double).collect::<Vec<f64>>())
        }
        Label::Float(_) => {
            let float = |label: &Label| {
                if let Label::Float(bits) = label {
                    f32::from_bits(*bits)
                } else {
                    0.0
                }
            };
            call.numbers(shape, list.iter().map(float).collect::<Vec<f32>>())
        }
    }
}

fn label_encoder(call: &Call<'_>) -> Result<Vec<Tensor>> {
    let x = call.arg(0)?;
    let missing = || call.wrong("keys or values are missing".to_owned());
    let (keys, values) = (
        labels_of(call, "keys").ok_or_else(missing)?,
        labels_of(call, "values").ok_or_else(missing)?,
    );
    let kind = values.first().cloned().ok_or_else(missing)?;
    let default = match (&kind, call.tensor("default_tensor").and_then(labels)) {
        (_, Some(list)) if !list.is_empty() => list[0].clone(),
        (Label::Text(_), _) => Label::Text(call.text("default_string", "_Unused").to_owned()),
        (Label::Int(_), _) => Label::Int(call.int("default_int64", -1)),
        (Label::Float(_), _) => Label::Float(call.float("default_float", -0.0).to_bits()),
        (Label::Double(_), _) => Label::Double((-0.0_f64).to_bits()),
    };
    let table: HashMap<Label, Label> = keys.into_iter().zip(values).collect();
    call.charge(16 * x.len(), 8 * x.len())?;
    let _scratch = call.session.lease(64 * x.len() as u64)?;
    let found = labels(x).ok_or_else(|| call.mistyped(x))?;
    let nan = table
        .iter()
        .find(|(key, _)| matches!(key, Label::Float(bits) if f32::from_bits(*bits).is_nan()));
    let encode = |key: &Label| match (key, nan) {
        (Label::Float(bits), Some((_, value))) if f32::from_bits(*bits).is_nan() => value.clone(),
        _ => table.get(key).unwrap_or(&default).clone(),
    };
    Ok(vec![tensor_of(
        call,
        x.shape(),
        found.iter().map(encode).collect(),
        &kind,
    )?])
}

/// Texts to whole numbers or back, by two lists.
fn category_mapper(call: &Call<'_>) -> Result<Vec<Tensor>> {
    let x = call.arg(0)?;
    let (texts, numbers) = (call.texts("cats_strings"), call.ints("cats_int64s").unwrap_or_default());
    call.charge(16 * x.len(), 8 * x.len())?;
    if let Some(values) = x.try_values::<String>() {
        let table: HashMap<&str, i64> = texts.iter().map(String::as_str).zip(numbers.iter().copied()).collect();
        let default = call.int("default_int64", -1);
        let mapped = values
            .iter()
            .map(|text| table.get(text.as_str()).copied().unwrap_or(default))
            .collect();
        return Ok(vec![call.numbers::<i64>(x.shape(), mapped)?]);
    }
    let table: HashMap<i64, &String> = numbers.iter().copied().zip(texts).collect();
    let default = Label::Text(call.text("default_string", "_Unused").to_owned());
    let values = x.values::<i64>(call.node.op)?;
    let mapped = values.iter().map(|key| {
        table
            .get(key)
            .map_or(default.clone(), |text| Label::Text((*text).clone()))
    });
    Ok(vec![tensor_of(call, x.shape(), mapped.collect(), &default)?])
}

fn one_hot(call: &Call<'_>) -> Result<Vec<Tensor>> {
    let x = call.arg(0)?;
    let texts = call.texts("cats_strings");
    let keys: Vec<Label> = match x.dtype() {
        DType::Text => texts.iter().cloned().map(Label::Text).collect(),
        _ => call
            .ints("cats_int64s")
            .unwrap_or_default()
            .iter()
            .copied()
            .map(Label::Int)
            .collect(),
    };
    let table: HashMap<Label, usize> = keys.iter().cloned().enumerate().map(|(at, key)| (key, at)).collect();
    let mut shape = x.shape().to_vec();
    shape.push(keys.len());
    call.charge(16 * x.len(), x.len())?;
    let _scratch = call.session.lease(64 * x.len() as u64)?;
    let found = if x.dtype() == DType::Text {
        labels(x)
    } else {
        labels(&call.cast(x, DType::I64)?)
    };
    let found = found.ok_or_else(|| call.mistyped(x))?;
    let zeros = call.int("zeros", 1) != 0;
    let result = call.session.make::<f32>(call.node.op, &shape, |out| {
        for (line, key) in out.chunks_mut(keys.len().max(1)).zip(&found) {
            match table.get(key).and_then(|place| line.get_mut(*place)) {
                Some(element) => *element = 1.0,
                None if zeros => {}
                None => return Err(call.wrong("a category is not known".to_owned())),
            }
        }
        Ok(())
    })?;
    Ok(vec![result])
}

fn feature_vectorizer(call: &Call<'_>) -> Result<Vec<Tensor>> {
    let parts: Vec<Tensor> = call
        .all()
        .into_iter()
        .map(|x| call.cast(&features(call, x)?, DType::F32))
        .collect::<Result<_>>()?;
    Ok(vec![
        call.one(&Op::Concat { axis: 1 }, &parts.iter().collect::<Vec<_>>())?,
    ])
}

fn array_feature_extractor(call: &Call<'_>) -> Result<Vec<Tensor>> {
    let x = call.arg(0)?;
    let places = call.cast(call.arg(1)?, DType::I64)?;
    let places = call.reshape(&places, &[places.len()])?;
    let x = if x.rank() == 0 {
        call.reshape(x, &[1])?
    } else {
        x.clone()
    };
    let taken = call.one(&Op::Gather { axis: x.rank() - 1 }, &[&x, &places])?;
    // A row of features stays a matrix of one row.
    Ok(vec![if x.rank() == 1 {
        call.reshape(&taken, &[1, places.len()])?
    } else {
        taken
    }])
}

/// The table itself: see the module on models.
fn zip_map(call: &Call<'_>) -> Result<Vec<Tensor>> {
    Ok(vec![call.arg(0)?.clone()])
}
