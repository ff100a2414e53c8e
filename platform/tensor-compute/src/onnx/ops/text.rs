//! Texts, and counts of word sequences.

use super::super::call::{Call, Run};
use super::super::graph::Attr;
use crate::error::Result;
use crate::op::Op;
use crate::tensor::Tensor;
use std::collections::HashMap;

pub const TABLE: &[(&str, Run)] = &[("TfIdfVectorizer", tf_idf), ("StringConcat", concat)];

/// Words as texts, whatever they were.
fn words(call: &Call<'_>, x: &Tensor) -> Result<Vec<String>> {
    if let Some(texts) = x.try_values::<String>() {
        return Ok(texts.to_vec());
    }
    let _scratch = call.session.lease(64 * x.len() as u64)?;
    let numbers = call.cast(x, crate::DType::I64)?;
    Ok(numbers
        .values::<i64>(call.node.op)?
        .iter()
        .map(i64::to_string)
        .collect())
}

/// The grams of the pool: each with the column it counts in and its weight.
fn pool(call: &Call<'_>) -> Result<HashMap<Vec<String>, (usize, f32)>> {
    let weights = call.floats("weights");
    let items: Vec<String> = match call.attr("pool_strings") {
        Some(Attr::Texts(texts)) => texts.clone(),
        _ => call
            .ints("pool_int64s")
            .unwrap_or_default()
            .iter()
            .map(i64::to_string)
            .collect(),
    };
    let counts = call.ints("ngram_counts").unwrap_or_default();
    let columns = call.ints("ngram_indexes").unwrap_or_default();
    let mut grams = HashMap::new();
    let mut gram = 0;
    for (at, start) in counts.iter().enumerate() {
        let end = counts
            .get(at + 1)
            .map_or(items.len(), |end| usize::try_from(*end).unwrap_or(0));
        let part = usize::try_from(*start).ok().and_then(|start| items.get(start..end));
        for words in part
            .ok_or_else(|| call.wrong("the counts do not fit the pool".to_owned()))?
            .chunks_exact(at + 1)
        {
            let column = columns.get(gram).and_then(|column| usize::try_from(*column).ok());
            let column = column.filter(|column| *column < 1 << 24);
            let column = column.ok_or_else(|| call.wrong("a gram has no column".to_owned()))?;
            grams.insert(words.to_vec(), (column, weights.get(gram).copied().unwrap_or(1.0)));
            gram += 1;
        }
    }
    Ok(grams)
}

fn tf_idf(call: &Call<'_>) -> Result<Vec<Tensor>> {
    let x = call.arg(0)?;
    let grams = pool(call)?;
    let width = grams.values().map(|(column, _)| column + 1).max().unwrap_or(0);
    let size = |name: &str, default: i64| usize::try_from(call.int(name, default)).unwrap_or(0).min(1 << 16);
    let (least, most, skips) = (
        size("min_gram_length", 1).max(1),
        size("max_gram_length", 1),
        size("max_skip_count", 0),
    );
    let _weights = call.session.lease(4 * width as u64)?;
    let mut weights = vec![1.0_f32; width];
    grams.values().for_each(|(column, weight)| weights[*column] = *weight);
    let mode = call.text("mode", "TF");
    let (rows, length, shape) = match x.shape() {
        [length] => (1, *length, vec![width]),
        [rows, length] => (*rows, *length, vec![*rows, width]),
        other => return Err(call.misfit(format!("takes one or two dimensions, not {other:?}"))),
    };
    let longest = grams.keys().map(Vec::len).max().unwrap_or(0).min(most);
    let spread = skips.min(length) + 1;
    let windows = x
        .len()
        .saturating_mul(spread)
        .saturating_mul(longest.saturating_mul(longest));
    call.charge(windows.saturating_mul(16), x.len())?;
    let words = words(call, x)?;
    let result = call.session.make::<f32>(call.node.op, &shape, |out| {
        for row in 0..rows {
            let line = &words[row * length..(row + 1) * length];
            for size in least..=longest {
                // A gram of one word has no gaps that could be longer.
                for step in 1..=if size == 1 { 1 } else { spread } {
                    for start in 0..length.saturating_sub((size - 1).saturating_mul(step)) {
                        let gram: Vec<String> = line.iter().skip(start).step_by(step).take(size).cloned().collect();
                        if let Some((column, _)) = grams.get(&gram) {
                            out[row * width + column] += 1.0;
                        }
                    }
                }
            }
        }
        for (at, element) in out.iter_mut().enumerate() {
            let weight = weights[at % width];
            *element = match mode {
                "IDF" if *element > 0.0 => weight,
                "TFIDF" => *element * weight,
                _ => *element,
            };
        }
        Ok(())
    })?;
    Ok(vec![result])
}

fn concat(call: &Call<'_>) -> Result<Vec<Tensor>> {
    let (a, b) = (call.arg(0)?, call.arg(1)?);
    let mut shape = vec![1; a.rank().max(b.rank())];
    let rank = shape.len();
    for tensor in [a, b] {
        for (at, length) in tensor.shape().iter().enumerate().filter(|(_, length)| **length != 1) {
            shape[rank - tensor.rank() + at] = *length;
        }
    }
    let wide = |tensor: &Tensor| call.one(&Op::Expand(shape.clone()), &[tensor]);
    let (a, b) = (wide(a)?, wide(b)?);
    let (a, b) = (a.values::<String>(call.node.op)?, b.values::<String>(call.node.op)?);
    let bytes: usize = a.iter().chain(b).map(String::len).sum();
    call.charge(0, bytes)?;
    // Texts are bounded by what is there twice over; their handles are leased with the tensor.
    let _scratch = call.session.lease(bytes as u64)?;
    let joined: Vec<String> = a.iter().zip(b).map(|(a, b)| format!("{a}{b}")).collect();
    Ok(vec![call.words(&shape, joined)?])
}
