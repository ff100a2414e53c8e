//! The same count natively, in one process: what the benchmarks hold the network against.
//!
//! `cargo run --release --example native -- TEXT` prints the JSON object on standard output and seconds of CPU on
//! standard error.

use p2pjob::{Counts, WordSplitter, serde_json};
use std::error::Error;
use std::fs::File;
use std::io::Read;

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
    serde_json::to_writer(std::io::stdout().lock(), &counts)?;
    println!();
    eprintln!("cpu_seconds {:.3}", cpu_seconds()?);
    Ok(())
}

/// User and system time of this process so far, from the 14th and 15th field of `/proc/self/stat`, in ticks of 10 ms.
fn cpu_seconds() -> Result<f64, Box<dyn Error>> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let behind_name = stat.rsplit_once(") ").ok_or("/proc/self/stat has no name")?.1;
    let ticks = behind_name.split(' ').skip(11).take(2).map(str::parse::<u64>).sum::<Result<u64, _>>()?;
    Ok(ticks as f64 / 100.0)
}
