//! Tests of the parts that every job leans on: words, lines, cuts, counts, manifest.

use crate::prelude::*;
use crate::testing::{Task, manifest};
use schemars::JsonSchema;
use serde::Deserialize;

fn words_by_std(text: &[u8]) -> Vec<String> {
    String::from_utf8_lossy(text)
        .split_whitespace()
        .map(str::to_owned)
        .collect()
}

fn words_by_us(text: &[u8], block: usize) -> Vec<String> {
    let mut words = Vec::new();
    let mut splitter =
        crate::words::WordSplitter::new(|word: &[u8]| words.push(String::from_utf8_lossy(word).into_owned()));
    text.chunks(block).for_each(|block| splitter.feed(block));
    splitter.finish();
    words
}

/// SplitMix64: a seeded stream of test data.
struct Seeded(u64);

impl Seeded {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }
}

#[test]
fn words_are_what_std_finds_in_the_lossy_text() {
    // Every white space character, whole and torn, beside letters and stray bytes.
    let spaces: Vec<char> = (0..=0x3000)
        .filter_map(char::from_u32)
        .filter(|c| c.is_whitespace())
        .collect();
    assert_eq!(spaces.len(), 25);
    for seed in 0..400 {
        let mut seeded = Seeded(seed);
        let mut text = Vec::new();
        for _ in 0..200 {
            let draw = seeded.next();
            match draw % 5 {
                0 => {
                    let mut utf8 = [0; 4];
                    let space = spaces[(draw >> 8) as usize % spaces.len()].encode_utf8(&mut utf8);
                    let torn = if draw & (1 << 40) == 0 {
                        space.len()
                    } else {
                        (draw >> 41) as usize % space.len()
                    };
                    text.extend_from_slice(&space.as_bytes()[..torn]);
                }
                1 => text.push((draw >> 8) as u8),
                2 => text.extend_from_slice("Grüße, мир€".as_bytes()),
                _ => text.extend_from_slice(&b"plain"[..(draw >> 8) as usize % 6]),
            }
        }
        let expected = words_by_std(&text);
        for block in [1, 2, 3, 7, 64, 10_000] {
            assert_eq!(words_by_us(&text, block), expected, "seed {seed}, blocks of {block}");
        }
    }
}

#[test]
fn counts_equal_a_map_and_survive_the_wire() {
    let mut seeded = Seeded(7);
    let mut counts = Counts::new();
    let mut expected = std::collections::BTreeMap::<String, u64>::new();
    for _ in 0..100_000 {
        // Lengths around the eight bytes that are kept beside the arena.
        let number = seeded.next() % 30_000;
        let word = format!("{number:0width$}", width = (number % 20) as usize);
        counts.add(word.as_bytes());
        *expected.entry(word).or_default() += 1;
    }
    let json = serde_json::to_string(&expected).unwrap();
    assert_eq!(serde_json::to_string(&counts).unwrap(), json);
    let decoded: Counts = crate::from_cbor(&crate::to_cbor(&counts).unwrap()).unwrap();
    let mut merged = Counts::new();
    merged.merge(&decoded);
    merged.merge(&Counts::new());
    assert_eq!(serde_json::to_string(&merged).unwrap(), json);
    assert_eq!(merged, counts);
    // A decoded value has no table yet; adding builds it.
    let mut grown = decoded;
    grown.add_times(b"00001", 5);
    assert_eq!(grown.get(b"00001"), counts.get(b"00001") + 5);
}

#[test]
fn words_that_are_not_utf8_are_shown_with_replacement_and_counted_together() {
    let mut counts = Counts::new();
    for word in [&b"a\xFF"[..], b"a\xFE", b"a\xEF\xBF\xBD", b"b"] {
        counts.add(word);
    }
    assert_eq!(serde_json::to_string(&counts).unwrap(), "{\"a\u{FFFD}\":3,\"b\":1}");
    let decoded: Counts = crate::from_cbor(&crate::to_cbor(&counts).unwrap()).unwrap();
    assert_eq!(serde_json::to_string(&decoded).unwrap(), "{\"a\u{FFFD}\":3,\"b\":1}");
}

struct Lines;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct LinesParams {
    /// Where to begin.
    from: u64,
}

impl Job for Lines {
    type Params = LinesParams;
    type Chunk = ();
    type Partial = Vec<String>;
    type Output = Vec<Vec<String>>;
    const INPUTS: &'static [InputDecl] = &[InputDecl::required("text", "lines")];

    fn plan(params: &LinesParams, inputs: &Inputs, hint: &PlanHint) -> Result<Vec<Cut<()>>> {
        let text = inputs.get("text")?;
        let pieces = text.cut_at_lines_from(params.from, hint.chunk_bytes(text.size()));
        Ok(pieces
            .into_iter()
            .map(|(offset, length)| Cut::new(()).slice(text, offset, length))
            .collect())
    }

    fn run(_: (), slices: &Slices) -> Result<Vec<String>> {
        let mut lines = Vec::new();
        slices.get(0).for_each_line(|line| {
            lines.push(String::from_utf8(line.to_vec())?);
            Ok::<_, Error>(())
        })?;
        crate::log::info(lines.len());
        Ok(lines)
    }

    fn reduce(_: &LinesParams, partials: Partials<Vec<String>>) -> Result<Vec<Vec<String>>> {
        partials.collect()
    }
}

export_job!(Lines, name = "lines");

fn lines(text: &[u8], chunk_size: u64) -> String {
    Task::new(r#"{"from": 0}"#)
        .input("text", text)
        .chunk_size(chunk_size)
        .run::<Lines>()
        .unwrap()
        .text()
}

#[test]
fn cuts_lie_behind_line_ends() {
    assert_eq!(lines(b"", 1), "[[]]");
    assert_eq!(lines(b"a", 1), r#"[["a"]]"#);
    assert_eq!(
        lines(b"a\nb\r\n\nlong line\nc", 1),
        r#"[["a"],["b"],[""],["long line"],["c"]]"#
    );
    assert_eq!(
        lines(b"a\nb\r\n\nlong line\nc\n", 4),
        r#"[["a","b"],["","long line"],["c"]]"#
    );
    assert_eq!(lines(b"aa\nbb\n", 3), r#"[["aa"],["bb"]]"#);
    assert_eq!(lines(b"aa\nbb\n", 100), r#"[["aa","bb"]]"#);
}

#[test]
fn a_line_longer_than_the_looks_and_blocks_is_one_piece() {
    let long = "x".repeat((5 << 20) + 3);
    let text = format!("first\n{long}\nlast");
    let finished = Task::new(r#"{"from": 0}"#)
        .input("text", text)
        .chunk_size(10)
        .run::<Lines>()
        .unwrap();
    assert_eq!(finished.text(), format!(r#"[["first","{long}"],["last"]]"#));
    assert_eq!(finished.log, ["Info: 2", "Info: 1"]);
}

#[test]
fn the_hint_is_bounded_by_the_most_chunks() {
    let hint = PlanHint {
        chunk_size: Some(10),
        target_chunks: 4,
        max_chunks: 5,
    };
    assert_eq!(hint.chunk_bytes(1000), 200);
    assert_eq!(hint.chunk_bytes(30), 10);
    let free = PlanHint {
        chunk_size: None,
        target_chunks: 4,
        max_chunks: 5,
    };
    assert_eq!(free.chunk_items(1000), 250);
    assert_eq!(free.chunk_items(0), 1);
    assert_eq!(free.chunk_bytes(1000), 256 << 10);
    assert_eq!(free.chunk_bytes(64 << 20), 16 << 20);
    assert_eq!(
        PlanHint { max_chunks: 10, ..free }.chunk_bytes(1 << 40),
        (1u64 << 40).div_ceil(10)
    );
}

#[test]
fn errors_name_the_thing() {
    let missing = Task::new(r#"{"from": 0}"#).run::<Lines>().unwrap_err();
    assert_eq!(missing, r#"plan: input "text" is missing; add --input text=PATH"#);
    let wrong = Task::new(r#"{"from": "x"}"#)
        .input("text", "")
        .run::<Lines>()
        .unwrap_err();
    assert!(
        wrong.starts_with("plan: parameters: not a valid LinesParams: "),
        "{wrong}"
    );
    let unknown = Task::new(r#"{"from": 0, "form": 1}"#)
        .input("text", "")
        .run::<Lines>()
        .unwrap_err();
    assert!(unknown.contains("unknown field `form`"), "{unknown}");
    let text = Task::new(r#"{"from": 0}"#)
        .input("text", vec![0xFF])
        .run::<Lines>()
        .unwrap_err();
    assert_eq!(text, "run of chunk 0: invalid utf-8 sequence of 1 bytes from index 0");
}

#[test]
fn the_manifest_has_the_fields_the_platform_reads() {
    let manifest: serde_json::Value = serde_json::from_str(&manifest::<Lines>()).unwrap();
    assert_eq!(manifest["name"], "lines");
    assert_eq!(manifest["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(manifest["reduce"], "reduce");
    assert_eq!(manifest["verify"], "quorum");
    assert_eq!(manifest["memory_bytes"], 0);
    assert_eq!(
        manifest["inputs"],
        serde_json::json!([{"name": "text", "summary": "lines", "required": true}])
    );
    let schema = &manifest["params_schema"];
    assert_eq!(schema["required"], serde_json::json!(["from"]));
    assert_eq!(schema["additionalProperties"], false);
    assert_eq!(schema["properties"]["from"]["description"], "Where to begin.");
}

#[test]
fn readers_stream_and_know_their_position() {
    use std::io::{BufRead, Read};
    let text: Vec<u8> = (0..3_000_000u32).map(|at| (at % 251) as u8).collect();
    crate::testing::simulated::begin(&[&text], Vec::new());
    let source = Source::new(0, text.len() as u64);
    let mut reader = source.reader_from(10);
    let mut first = [0; 5];
    reader.read_exact(&mut first).unwrap();
    assert_eq!(first, [10, 11, 12, 13, 14]);
    assert_eq!(reader.position(), 15);
    assert_eq!(reader.fill_buf().unwrap().len(), (1 << 20) - 5);
    let mut rest = reader.next_block().unwrap();
    assert_eq!(reader.position(), 10 + (1 << 20));
    reader.read_to_end(&mut rest).unwrap();
    assert_eq!(rest, text[15..]);
    assert_eq!(reader.next_block(), None);
    assert_eq!(source.read_all(), text);
}
