//! Counting words fast: an open-addressing table whose keys are bytes in one arena, so that a word costs an
//! allocation only the first time it is seen. The hash has no seed: equal input gives equal output and equal fuel.

use serde::de::{DeserializeSeed, Deserializer, MapAccess, Visitor};
use serde::ser::{SerializeMap, Serializer};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

/// Slots of the first table; a power of two, as every table's number of slots is.
const FIRST_SLOTS: usize = 1024;
/// Odd, with well-mixed bits: 2^64 divided by the golden ratio.
const MULTIPLIER: u64 = 0x9E37_79B9_7F4A_7C15;

/// How often each word was seen. As JSON: one object, word to count, sorted by word. A word that is not valid UTF-8
/// is shown with U+FFFD, as `String::from_utf8_lossy` does; words that then look the same are counted together.
#[derive(Clone, Default)]
pub struct Counts {
    entries: Vec<Entry>,
    /// All words, one behind the other.
    arena: Vec<u8>,
    /// Hash tag and entry number plus one; zero is a free slot. Empty in a value that was just decoded.
    slots: Vec<(u32, u32)>,
}

#[derive(Clone, Copy)]
struct Entry {
    /// The word's first eight bytes, padded with zeros: most words are told apart without a look at the arena.
    head: u64,
    count: u64,
    start: usize,
    length: u32,
}

impl Counts {
    /// No words.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many different words there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// How many words were counted, each as often as it came.
    pub fn total(&self) -> u64 {
        self.entries.iter().map(|entry| entry.count).sum()
    }

    /// Whether no word was counted.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Counts a word once.
    #[inline]
    pub fn add(&mut self, word: &[u8]) {
        self.add_times(word, 1);
    }

    /// Counts a word `times` times.
    #[inline]
    pub fn add_times(&mut self, word: &[u8], times: u64) {
        // At most 7/8 full, so that a probe ends soon.
        if self.entries.len() >= self.slots.len() / 8 * 7 {
            self.grow();
        }
        let head = head_of(word);
        let hash = hash_of(word, head);
        let tag = (hash >> 32) as u32;
        let mask = self.slots.len() - 1;
        let mut at = hash as usize & mask;
        loop {
            let (slot_tag, number) = self.slots[at];
            if number == 0 {
                self.slots[at] = (tag, self.entries.len() as u32 + 1);
                self.push(word, head, times);
                return;
            }
            if slot_tag == tag {
                let entry = &mut self.entries[number as usize - 1];
                if entry.head == head
                    && entry.length as usize == word.len()
                    && (word.len() <= 8 || self.arena[entry.start + 8..entry.start + word.len()] == word[8..])
                {
                    entry.count = entry.count.saturating_add(times);
                    return;
                }
            }
            at = (at + 1) & mask;
        }
    }

    /// Adds all counts of another.
    pub fn merge(&mut self, other: &Self) {
        for (word, count) in other.iter() {
            self.add_times(word, count);
        }
    }

    /// How often a word was seen.
    pub fn get(&self, word: &[u8]) -> u64 {
        self.iter()
            .filter(|(other, _)| *other == word)
            .map(|(_, count)| count)
            .sum()
    }

    /// All words with their counts, in the order of first sight.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], u64)> {
        self.entries.iter().map(|entry| {
            (
                &self.arena[entry.start..entry.start + entry.length as usize],
                entry.count,
            )
        })
    }

    fn push(&mut self, word: &[u8], head: u64, count: u64) {
        let start = self.arena.len();
        self.arena.extend_from_slice(word);
        self.entries.push(Entry {
            head,
            count,
            start,
            length: word.len() as u32,
        });
    }

    /// Doubles the table, or builds it for entries that have none yet.
    #[cold]
    fn grow(&mut self) {
        let slots = ((self.entries.len() + 1) * 2).next_power_of_two().max(FIRST_SLOTS);
        self.slots = vec![(0, 0); slots];
        for (number, entry) in self.entries.iter().enumerate() {
            let word = &self.arena[entry.start..entry.start + entry.length as usize];
            let hash = hash_of(word, entry.head);
            let mut at = hash as usize & (slots - 1);
            while self.slots[at].1 != 0 {
                at = (at + 1) & (slots - 1);
            }
            self.slots[at] = ((hash >> 32) as u32, number as u32 + 1);
        }
    }
}

/// The first eight bytes, little-endian, padded with zeros.
#[inline]
fn head_of(word: &[u8]) -> u64 {
    if let Some(head) = word.first_chunk::<8>() {
        return u64::from_le_bytes(*head);
    }
    if let (Some(first), Some(last)) = (word.first_chunk::<4>(), word.last_chunk::<4>()) {
        // The two overlap; the same bytes meet in the same place.
        let shift = (word.len() - 4) * 8;
        return u64::from(u32::from_le_bytes(*first)) | u64::from(u32::from_le_bytes(*last)) << shift;
    }
    let byte = |at: usize| u64::from(word.get(at).copied().unwrap_or(0));
    byte(0) | byte(1) << 8 | byte(2) << 16
}

#[inline]
fn hash_of(word: &[u8], head: u64) -> u64 {
    let mut hash = (head ^ (word.len() as u64).rotate_left(56)).wrapping_mul(MULTIPLIER);
    if let Some(tail) = word.get(8..) {
        let mut blocks = tail.chunks_exact(8);
        for block in &mut blocks {
            hash = (hash.rotate_left(29) ^ head_of(block)).wrapping_mul(MULTIPLIER);
        }
        hash = (hash.rotate_left(29) ^ head_of(blocks.remainder())).wrapping_mul(MULTIPLIER);
    }
    // The product's low bits know only the low bits of the word; the table looks at the low bits.
    hash ^ (hash >> 29)
}

impl fmt::Debug for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map()
            .entries(self.iter().map(|(word, count)| (String::from_utf8_lossy(word), count)))
            .finish()
    }
}

impl PartialEq for Counts {
    fn eq(&self, other: &Self) -> bool {
        let sorted = |counts: &Self| {
            let mut map = BTreeMap::new();
            counts
                .iter()
                .for_each(|(word, count)| *map.entry(word.to_vec()).or_insert(0) += count);
            map
        };
        sorted(self) == sorted(other)
    }
}

impl Serialize for Counts {
    /// Text formats get sorted words, once each; binary ones the order of first sight, which costs no sort.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut words: Vec<(Cow<'_, str>, u64)> = self
            .iter()
            .map(|(word, count)| (String::from_utf8_lossy(word), count))
            .collect();
        if words.iter().any(|(word, _)| matches!(word, Cow::Owned(_))) || serializer.is_human_readable() {
            words.sort_unstable();
            words.dedup_by(|later, first| {
                let same = later.0 == first.0;
                first.1 += if same { later.1 } else { 0 };
                same
            });
        }
        let mut map = serializer.serialize_map(Some(words.len()))?;
        for (word, count) in &words {
            map.serialize_entry(word, count)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Counts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(CountsVisitor)
    }
}

struct CountsVisitor;

impl<'de> Visitor<'de> for CountsVisitor {
    type Value = Counts;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map from words to counts")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Counts, A::Error> {
        let mut counts = Counts::new();
        while let Some((start, head)) = map.next_key_seed(Key(&mut counts.arena))? {
            let length = (counts.arena.len() - start) as u32;
            counts.entries.push(Entry {
                head,
                count: map.next_value()?,
                start,
                length,
            });
        }
        Ok(counts)
    }
}

/// Reads a key straight into the arena; gives where it begins and its head.
struct Key<'a>(&'a mut Vec<u8>);

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = (usize, u64);

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_> {
    type Value = (usize, u64);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a word")
    }

    fn visit_str<E: serde::de::Error>(self, word: &str) -> Result<Self::Value, E> {
        let start = self.0.len();
        self.0.extend_from_slice(word.as_bytes());
        Ok((start, head_of(word.as_bytes())))
    }
}
