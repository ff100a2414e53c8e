//! Applies an expression to every value of a data set and folds what comes out: all into one, or by key.
//! A chunk that is lost is computed again; nothing else depends on it.

use dataset::{Column, Description, Format, Piece};
use expression::{Expression, Folded, Folder, group_key};
use p2pjob::prelude::*;
use p2pjob::serde_json::{self, Value as Json};
use std::collections::BTreeMap;

/// The job.
pub struct MapReduce;

/// What is applied to what, and how the values are folded.
#[params]
pub struct Params {
    /// An expression in `x`, applied to every value; `x` itself unless given.
    #[serde(default)]
    map_function: Option<String>,
    /// How the values are folded: sum, product, min, max, average, count, concat, or an associative expression in
    /// `a` and `b`.
    reduce_function: String,
    /// An expression in `x` that names the group of a value; the result is then an object, key to fold.
    #[serde(default)]
    key_function: Option<String>,
    /// The values, where they are few; otherwise bind the input `data`.
    #[serde(default)]
    data: Option<Vec<Json>>,
    /// How the input is written; found out from its beginning unless given.
    #[serde(default)]
    format: Format,
    /// The CSV column, by its name in the header or its number from 0.
    #[serde(default)]
    column: Option<Column>,
    /// Whether the first CSV record names the columns.
    #[serde(default = "yes")]
    header: bool,
    /// What separates CSV fields; a comma unless given.
    #[serde(default)]
    delimiter: Option<char>,
    /// Keeps lines and CSV fields as texts where they look like numbers.
    #[serde(default)]
    as_text: bool,
}

const fn yes() -> bool {
    true
}

/// The expressions, as every chunk carries them.
#[wire]
#[derive(Clone)]
pub struct Functions {
    map: Option<String>,
    reduce: String,
    key: Option<String>,
}

/// The expressions, compiled.
struct Compiled {
    map: Option<Expression>,
    fold: Folder,
    key: Option<Expression>,
}

/// One piece of the data.
#[wire]
pub struct Chunk {
    functions: Functions,
    piece: Piece,
}

/// A fold on the wire: how many values, and their fold as JSON.
type WireFold = (u64, Option<String>);

/// What came of one piece.
#[wire]
pub enum Partial {
    /// All values folded into one.
    Plain(WireFold),
    /// The values of each key folded.
    Keyed(BTreeMap<String, WireFold>),
}

impl Functions {
    fn of(params: &Params) -> Self {
        Self {
            map: params.map_function.clone(),
            reduce: params.reduce_function.clone(),
            key: params.key_function.clone(),
        }
    }

    fn compile(&self) -> Result<Compiled> {
        let in_x = |name, text: &Option<String>| {
            text.as_deref()
                .map(|text| Expression::new(name, text, &["x"]))
                .transpose()
        };
        Ok(Compiled {
            map: in_x("map_function", &self.map)?,
            fold: Folder::new("reduce_function", &self.reduce)?,
            key: in_x("key_function", &self.key)?,
        })
    }
}

impl Job for MapReduce {
    type Params = Params;
    type Chunk = Chunk;
    type Partial = Partial;
    type Output = Raw;
    const INPUTS: &'static [InputDecl] = &[InputDecl::optional(
        "data",
        "a JSON array, JSON lines, CSV or lines, of any size",
    )];

    fn plan(params: &Params, inputs: &Inputs, hint: &PlanHint) -> Result<Vec<Cut<Chunk>>> {
        let functions = Functions::of(params);
        functions.compile()?;
        let description = Description {
            data: params.data.as_deref(),
            format: params.format,
            column: params.column.as_ref(),
            header: params.header,
            delimiter: params.delimiter,
            as_text: params.as_text,
        };
        let cuts = dataset::cut(&description, inputs, hint)?.into_iter();
        let cut = |(piece, bytes)| {
            dataset::attach(
                Chunk {
                    functions: functions.clone(),
                    piece,
                },
                inputs,
                bytes,
            )
        };
        Ok(cuts.map(cut).collect())
    }

    fn run(chunk: Chunk, slices: &Slices) -> Result<Partial> {
        let Compiled {
            mut map,
            mut fold,
            mut key,
        } = chunk.functions.compile()?;
        let mut plain = Folded::default();
        let mut keyed = BTreeMap::<String, Folded>::new();
        chunk.piece.for_each(slices, |x| {
            let folded = match &mut key {
                Some(key) => keyed.entry(group_key(&key.eval([x.clone()])?)?).or_default(),
                None => &mut plain,
            };
            let value = match &mut map {
                Some(map) => map.eval([x])?,
                None => x,
            };
            Ok(fold.add(folded, value)?)
        })?;
        if key.is_none() {
            return Ok(Partial::Plain(plain.to_wire()?));
        }
        let wire = keyed.into_iter().map(|(key, folded)| Ok((key, folded.to_wire()?)));
        Ok(Partial::Keyed(wire.collect::<Result<_>>()?))
    }

    fn reduce(params: &Params, partials: Partials<Partial>) -> Result<Raw> {
        let mut fold = Folder::new("reduce_function", &params.reduce_function)?;
        let mut plain = Folded::default();
        let mut keyed = BTreeMap::<String, Folded>::new();
        for partial in partials {
            match partial? {
                Partial::Plain(wire) => fold.merge(&mut plain, Folded::from_wire(wire)?)?,
                Partial::Keyed(groups) => {
                    for (key, wire) in groups {
                        fold.merge(keyed.entry(key).or_default(), Folded::from_wire(wire)?)?;
                    }
                }
            }
        }
        let text = match params.key_function {
            Some(_) => object(&fold, &keyed)?,
            None => fold.finish(&plain)?,
        };
        Ok(Raw(format!("{text}\n").into_bytes()))
    }
}

/// The folds of all keys as one JSON object, sorted by key.
fn object(fold: &Folder, keyed: &BTreeMap<String, Folded>) -> Result<String> {
    let mut text = String::from("{");
    for (at, (key, folded)) in keyed.iter().enumerate() {
        text.push_str(if at == 0 { "" } else { "," });
        text.push_str(&serde_json::to_string(key)?);
        text.push(':');
        text.push_str(
            &fold
                .finish(folded)
                .map_err(|error| Error::from(error).context(format_args!("key {key:?}")))?,
        );
    }
    text.push('}');
    Ok(text)
}

export_job!(MapReduce);

#[cfg(test)]
mod tests;
