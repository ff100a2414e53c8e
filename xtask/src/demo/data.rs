//! The demo's data: a text and a table, made the same way every time, and what must come out of them.

use crate::process::Failure;
use std::collections::BTreeMap;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

/// Size of the text, in bytes: cut into some dozens of chunks.
const TEXT_BYTES: usize = 4 << 20;
/// Rows of the table.
const ROWS: u32 = 50_000;
/// Words of the text; some appear in several scripts and cases, because words are split at Unicode white space.
const WORDS: [&str; 32] = [
    "the",
    "of",
    "and",
    "network",
    "node",
    "job",
    "chunk",
    "replica",
    "worker",
    "quote",
    "receipt",
    "credit",
    "fuel",
    "task",
    "result",
    "hash",
    "blob",
    "plan",
    "run",
    "reduce",
    "verify",
    "quorum",
    "liar",
    "honest",
    "Müller",
    "naïve",
    "Ελλάδα",
    "слово",
    "言葉",
    "end.",
    "begin,",
    "don't",
];

/// Files, and what the jobs must find in them.
pub struct DataSet {
    /// A text.
    pub text: PathBuf,
    /// How often each word stands in it.
    pub words: BTreeMap<String, u64>,
    /// A table with the columns `city` and `amount`.
    pub table: PathBuf,
    /// The amounts, in order.
    pub amounts: Vec<u64>,
}

/// A linear congruential generator (Knuth, MMIX): the same numbers on every machine.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

/// Writes the files below a folder.
pub fn make(folder: &Path) -> Result<DataSet, Failure> {
    let (text, table) = (folder.join("book.txt"), folder.join("sales.csv"));
    let book = book();
    std::fs::write(&text, &book).map_err(|error| Failure::file("write", &text, &error))?;
    let mut words = BTreeMap::new();
    for word in book.split_whitespace() {
        *words.entry(word.to_owned()).or_insert(0) += 1;
    }
    let amounts = amounts();
    write_table(&table, &amounts).map_err(|error| Failure::file("write", &table, &error))?;
    println!(
        "data: {} ({} words), {} ({ROWS} rows)",
        text.display(),
        words.values().sum::<u64>(),
        table.display()
    );
    Ok(DataSet {
        text,
        words,
        table,
        amounts,
    })
}

fn book() -> String {
    let mut numbers = Numbers(2026);
    let mut text = String::with_capacity(TEXT_BYTES + 64);
    while text.len() < TEXT_BYTES {
        for _ in 0..=numbers.below(14) {
            // Two draws, the smaller counts: some words are frequent, as in a real text.
            let at = numbers.below(WORDS.len() as u64).min(numbers.below(WORDS.len() as u64));
            text.push_str(WORDS.get(at as usize).copied().unwrap_or("the"));
            text.push(if numbers.below(50) == 0 { '\u{2003}' } else { ' ' });
        }
        text.push('\n');
    }
    text
}

fn amounts() -> Vec<u64> {
    let mut numbers = Numbers(7);
    (0..ROWS).map(|_| numbers.below(10_000)).collect()
}

fn write_table(path: &Path, amounts: &[u64]) -> std::io::Result<()> {
    const CITIES: [&str; 4] = ["Athens", "Berlin", "Kyiv", "\"Washington, D.C.\""];
    let mut file = BufWriter::new(std::fs::File::create(path)?);
    writeln!(file, "city,amount")?;
    for (row, amount) in amounts.iter().enumerate() {
        writeln!(
            file,
            "{},{amount}",
            CITIES.get(row % CITIES.len()).copied().unwrap_or("Berlin")
        )?;
    }
    file.flush()
}
