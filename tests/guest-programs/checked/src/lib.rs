//! Integer square roots: finding one takes a loop, checking one takes two products. So one replica of a chunk is enough.

use p2pjob::prelude::*;

struct CheckedRoots;

#[params]
struct Params {
    /// Roots of the numbers below this are summed.
    count: u64,
    /// What goes wrong.
    #[serde(default)]
    fault: Fault,
}

/// What goes wrong, so that a test can see what comes of it.
#[wire]
#[derive(Clone, Copy, PartialEq, Default, p2pjob::schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(crate = "::p2pjob::schemars")]
enum Fault {
    /// Nothing.
    #[default]
    None,
    /// The check returns an error.
    CheckErrs,
    /// The check traps.
    CheckTraps,
    /// The check does not end.
    CheckHangs,
    /// The run returns an error.
    RunErrs,
}

/// First number, first number that is not meant any more, what goes wrong.
type Chunk = (u64, u64, Fault);

impl Job for CheckedRoots {
    type Params = Params;
    type Chunk = Chunk;
    type Partial = Vec<u64>;
    type Output = u64;

    const VERIFY: Verify = Verify::Check;
    const CHECKED: bool = true;

    fn plan(params: &Params, _: &Inputs, hint: &PlanHint) -> Result<Vec<Cut<Chunk>>> {
        let step = hint.chunk_items(params.count);
        let starts = (0..params.count.max(1)).step_by(step as usize);
        Ok(starts
            .map(|from| Cut::new((from, params.count.min(from + step), params.fault)))
            .collect())
    }

    fn run((from, to, fault): Chunk, _: &Slices) -> Result<Vec<u64>> {
        if fault == Fault::RunErrs {
            bail!("the error of run that was asked for");
        }
        Ok((from..to).map(root).collect())
    }

    fn reduce(_: &Params, partials: Partials<Vec<u64>>) -> Result<u64> {
        let mut sum = 0;
        for roots in partials {
            sum += roots?.into_iter().sum::<u64>();
        }
        Ok(sum)
    }

    fn check((from, to, fault): Chunk, _: &Slices, claimed: Claimed<Vec<u64>>) -> Result<bool> {
        match fault {
            Fault::CheckErrs => bail!("the error of check that was asked for"),
            Fault::CheckTraps => panic!("the trap of check that was asked for"),
            Fault::CheckHangs => loop {
                std::hint::black_box(());
            },
            Fault::None | Fault::RunErrs => {}
        }
        // A test compares what two checks draw.
        p2pjob::log::info(format_args!("drew {:?}", p2pjob::entropy(8)));
        let Some(roots) = claimed.value() else {
            return Ok(false);
        };
        let right = |(number, root): (u64, &u64)| {
            let (root, number) = (u128::from(*root), u128::from(number));
            root * root <= number && number < (root + 1) * (root + 1)
        };
        Ok(roots.len() as u64 == to - from && (from..to).zip(&roots).all(right))
    }
}

/// The largest integer whose square is at most `number`: Newton's method from above.
fn root(number: u64) -> u64 {
    if number < 2 {
        return number;
    }
    let mut guess = number;
    loop {
        let next = (guess + number / guess) / 2;
        if next >= guess {
            return guess;
        }
        guess = next;
    }
}

export_job!(CheckedRoots, checked);

#[cfg(test)]
mod tests;
