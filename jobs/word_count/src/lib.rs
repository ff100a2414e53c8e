//! Counts the words of a text of any size: cut at line ends, counted in pieces, added up.
//! A chunk that is lost is counted again; nothing else depends on it.

use p2pjob::prelude::*;

/// The job.
pub struct WordCount;

impl Job for WordCount {
    type Params = NoParams;
    type Chunk = ();
    type Partial = Counts;
    type Output = Counts;
    const INPUTS: &'static [InputDecl] = &[InputDecl::required("text", "the text, in UTF-8")];

    fn plan(_: &NoParams, inputs: &Inputs, hint: &PlanHint) -> Result<Vec<Cut<()>>> {
        let text = inputs.get("text")?;
        Ok(text.cut_at_lines(hint.chunk_bytes(text.size())))
    }

    fn run(_: (), slices: &Slices) -> Result<Counts> {
        let mut counts = Counts::new();
        slices.get(0).for_each_word(|word| counts.add(word));
        metrics::counter("words", counts.total() as f64);
        metrics::observe("words_per_chunk", counts.total() as f64);
        Ok(counts)
    }

    fn reduce(_: &NoParams, partials: Partials<Counts>) -> Result<Counts> {
        let mut total = Counts::new();
        for partial in partials {
            total.merge(&partial?);
        }
        Ok(total)
    }
}

export_job!(WordCount);

#[cfg(test)]
mod tests;
