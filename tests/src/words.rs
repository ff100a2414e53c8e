//! Texts to count, and their counts by plain Rust: what the job must find too.

use crate::sim::random::Random;
use std::collections::BTreeMap;

/// Words of several scripts and lengths.
const WORDS: [&str; 12] = [
    "the",
    "network",
    "Zürich",
    "naïve",
    "слово",
    "数据",
    "node",
    "chunk",
    "don't",
    "x",
    "e\u{301}tude",
    "quorum",
];
/// What stands between words: Unicode white space of one to three bytes.
const GAPS: [&str; 7] = [" ", " ", " ", "\t", "  ", "\u{a0}", "\u{3000}"];
/// Words that only one seed in so many lines has: they make the result grow with the text.
const RARE_ONE_IN: u64 = 9;

/// A text of at least `bytes` bytes that only its seed determines, with line ends of all kinds.
pub fn text(seed: u64, bytes: usize) -> String {
    let mut random = Random::new(seed);
    let mut text = String::with_capacity(bytes + 128);
    while text.len() < bytes {
        for _ in 0..random.below(14) {
            text.push_str(WORDS[random.below(WORDS.len() as u64) as usize]);
            text.push_str(GAPS[random.below(GAPS.len() as u64) as usize]);
        }
        if random.one_in(RARE_ONE_IN) {
            text.push_str(&format!("w{}", random.below(5_000)));
        }
        text.push_str(if random.one_in(10) { "\r\n" } else { "\n" });
    }
    text
}

/// How often each word occurs.
pub fn count_words(text: &str) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for word in text.split_whitespace() {
        *counts.entry(word.to_owned()).or_insert(0) += 1;
    }
    counts
}
