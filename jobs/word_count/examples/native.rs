//! The same count natively, in one process and in one go: what the benchmarks hold the network against.
//!
//! `cargo run --release --example native -- TEXT` prints the JSON object. A crash loses the run.

use p2pjob::{Counts, WordSplitter, serde_json};
use std::error::Error;
use std::fs::File;
use std::io::{Read, Write};

/// As the platform's largest read.
const BLOCK_BYTES: usize = 1 << 20;

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args_os().nth(1).ok_or("usage: native TEXT")?;
    let mut file = File::open(path)?;
    let mut counts = Counts::new();
    let mut words = WordSplitter::new(|word: &[u8]| counts.add(word));
    let mut block = vec![0; BLOCK_BYTES];
    loop {
        match file.read(&mut block)? {
            0 => break,
            length => words.feed(&block[..length]),
        }
    }
    words.finish();
    let mut out = std::io::stdout().lock();
    serde_json::to_writer(&mut out, &counts)?;
    writeln!(out)?;
    Ok(())
}
