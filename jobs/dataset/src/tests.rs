//! Tests of the cutting of large data: that only what is needed is read, and that nothing is lost. The formats
//! themselves are tested through the jobs `map` and `map_reduce`.

use crate::{Column, Description, Format, Piece};
use p2pjob::prelude::*;
use p2pjob::testing::Task;

struct Elements;

#[params]
struct Params {
    format: Format,
    column: Option<Column>,
}

impl Job for Elements {
    type Params = Params;
    type Chunk = Piece;
    type Partial = Vec<String>;
    type Output = Vec<usize>;

    fn plan(params: &Params, inputs: &Inputs, hint: &PlanHint) -> Result<Vec<Cut<Piece>>> {
        let column = params.column.as_ref();
        let description = Description {
            data: None,
            format: params.format,
            column,
            header: true,
            delimiter: None,
            as_text: false,
        };
        let cuts = crate::cut(&description, inputs, hint)?;
        Ok(cuts
            .into_iter()
            .map(|(piece, bytes)| crate::attach(piece, inputs, bytes))
            .collect())
    }

    fn run(piece: Piece, slices: &Slices) -> Result<Vec<String>> {
        let mut values = Vec::new();
        piece.for_each(slices, |value| {
            values.push(value.to_string());
            Ok(())
        })?;
        Ok(values)
    }

    fn reduce(_: &Params, partials: Partials<Vec<String>>) -> Result<Vec<usize>> {
        let mut next = 0usize;
        let mut sizes = Vec::new();
        for partial in partials {
            let partial = partial?;
            for value in &partial {
                if *value != next.to_string() {
                    bail!("{value} comes where {next} should");
                }
                next += 1;
            }
            sizes.push(partial.len());
        }
        Ok(sizes)
    }
}

export_job!(Elements, name = "elements");

fn sizes(params: &str, data: String, chunk_size: u64) -> Vec<usize> {
    let task = Task::new(params).input("data", data).chunk_size(chunk_size);
    p2pjob::serde_json::from_str(&task.run::<Elements>().unwrap().text()).unwrap()
}

#[test]
fn data_over_many_blocks_is_cut_near_the_target_and_loses_nothing() {
    const COUNT: usize = 600_000;
    let numbers = |separator: &str| (0..COUNT).map(|n| n.to_string()).collect::<Vec<_>>().join(separator);
    let records = || (0..COUNT).map(|n| format!("\"a\nb\",{n}\n")).collect::<String>();
    for (params, data) in [
        (r#"{"format": "json"}"#, format!("[{}]", numbers(", "))),
        (r#"{"format": "jsonl"}"#, numbers("\n")),
        (r#"{"format": "lines"}"#, numbers("\n")),
        (r#"{"format": "csv", "column": "n"}"#, format!("t,n\n{}", records())),
    ] {
        let bytes = data.len();
        let sizes = sizes(params, data, 1 << 20);
        assert_eq!(sizes.iter().sum::<usize>(), COUNT, "{params}");
        let pieces = bytes.div_ceil(1 << 20);
        assert!((pieces - 1..=pieces).contains(&sizes.len()), "{params}: {sizes:?}");
    }
}
