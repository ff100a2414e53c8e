//! Mutation fuzzing on stable Rust, bounded in time: seeds are mutated, and inputs that are read in a new way join
//! the seeds. Everything follows from the printed seed and the number of rounds, so a finding can be run again:
//! `--seed S --rounds N TARGET`. A panic prints the input in hex and ends with status 101; a hang or a stack overflow
//! shows by the round that was printed last.

use p2pjob_fuzz::{TARGETS, Target};
use std::collections::HashSet;
use std::panic::AssertUnwindSafe;
use std::process::ExitCode;
use std::time::{Duration, Instant};

const USAGE: &str = "usage: fuzz [--seconds N] [--rounds N] [--seed N] [TARGET...]";
/// Default time for all targets together.
const DEFAULT_SECONDS: u64 = 60;
/// Most inputs kept per target.
const CORPUS_INPUTS: usize = 4096;
/// Largest input, in bytes: past the frame limit once in a while would only be slow.
const INPUT_BYTES: usize = 64 << 10;
/// The clock is read once in this many rounds.
const ROUNDS_PER_LOOK: u64 = 256;

struct Options {
    seconds: u64,
    rounds: u64,
    seed: u64,
    names: Vec<String>,
}

fn options() -> Result<Options, String> {
    let mut options = Options {
        seconds: DEFAULT_SECONDS,
        rounds: u64::MAX,
        seed: 1,
        names: vec![],
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut number = || {
            let text = arguments.next().ok_or(format!("{argument} needs a number; {USAGE}"))?;
            text.parse::<u64>()
                .map_err(|error| format!("{argument} {text}: {error}; {USAGE}"))
        };
        match argument.as_str() {
            "--seconds" => options.seconds = number()?,
            "--rounds" => options.rounds = number()?,
            "--seed" => options.seed = number()?,
            name if TARGETS.iter().any(|(known, ..)| *known == name) => options.names.push(name.to_owned()),
            other => return Err(format!("{other:?} is no target or option; {USAGE}")),
        }
    }
    Ok(options)
}

/// SplitMix64 (Steele, Lea, Flood 2014).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
    fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }
    fn byte(&mut self) -> u8 {
        // Bytes at which CBOR and JSON change their mind come more often.
        const EDGES: &[u8] = &[
            0x00, 0x17, 0x18, 0x1b, 0x1f, 0x3b, 0x5f, 0x7f, 0x81, 0x9b, 0x9f, 0xa1, 0xbf, 0xc1, 0xf6, 0xf9, 0xfb, 0xff,
        ];
        const TEXT: &[u8] = b"\"{}[]:,\\un0-.e";
        match self.below(4) {
            0 => EDGES[self.below(EDGES.len())],
            1 => TEXT[self.below(TEXT.len())],
            _ => self.next() as u8,
        }
    }
}

fn mutate(random: &mut Random, corpus: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = corpus[random.below(corpus.len())].clone();
    for _ in 0..=random.below(6) {
        let at = random.below(bytes.len() + 1);
        let most = 1 << random.below(8);
        let end = (at + 1 + random.below(most)).min(bytes.len());
        match random.below(8) {
            0..=1 if at < bytes.len() => bytes[at] = random.byte(),
            2 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
            3 => bytes.insert(at, random.byte()),
            4 if at < end => drop(bytes.drain(at..end)),
            5 if at < end => {
                let copy = bytes[at..end].to_vec();
                for _ in 0..=random.below(20) {
                    bytes.splice(at..at, copy.iter().copied());
                }
            }
            6 => {
                let other = &corpus[random.below(corpus.len())];
                let from = random.below(other.len() + 1);
                let to = (from + random.below(64)).min(other.len());
                bytes.splice(at..end.max(at), other[from..to].iter().copied());
            }
            _ => bytes.truncate(at),
        }
        bytes.truncate(INPUT_BYTES);
    }
    bytes
}

/// Runs one target until its time or rounds are over. The error is the input that made it panic.
fn fuzz(target: &Target, options: &Options, until: Instant) -> Result<(), Vec<u8>> {
    let (name, run, seeds) = target;
    let mut corpus = seeds();
    let mut seen: HashSet<String> = corpus.iter().map(|input| run(input)).collect();
    let mut random = Random(options.seed);
    let mut told = Instant::now();
    let mut round = 0u64;
    while round < options.rounds {
        if round.is_multiple_of(ROUNDS_PER_LOOK) {
            if Instant::now() >= until {
                break;
            }
            if told.elapsed() >= Duration::from_secs(10) {
                told = Instant::now();
                println!("{name}: round {round}, {} inputs", corpus.len());
            }
        }
        round += 1;
        let input = mutate(&mut random, &corpus);
        let read = std::panic::catch_unwind(AssertUnwindSafe(|| run(&input))).map_err(|_| input.clone())?;
        if corpus.len() < CORPUS_INPUTS && seen.insert(read) {
            corpus.push(input);
        }
    }
    println!(
        "{name}: {round} rounds without a finding, {} ways to be read (seed {})",
        seen.len(),
        options.seed
    );
    Ok(())
}

fn main() -> ExitCode {
    let options = match options() {
        Ok(options) => options,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::from(2);
        }
    };
    let chosen: Vec<&Target> = TARGETS
        .iter()
        .filter(|(name, ..)| options.names.is_empty() || options.names.iter().any(|chosen| chosen == name))
        .collect();
    let share = Duration::from_secs(options.seconds) / u32::try_from(chosen.len()).unwrap_or(1).max(1);
    for target in chosen {
        if let Err(input) = fuzz(target, &options, Instant::now() + share) {
            let hex: String = input.iter().map(|byte| format!("{byte:02x}")).collect();
            eprintln!("{} panicked (seed {}) on: {hex}", target.0, options.seed);
            return ExitCode::from(101);
        }
    }
    ExitCode::SUCCESS
}
