//! Tests of the whole job, natively.

use crate::WordCount;
use p2pjob::testing::Task;

fn count(text: &[u8], chunk_size: u64) -> String {
    Task::new("{}")
        .input("text", text)
        .chunk_size(chunk_size)
        .run::<WordCount>()
        .unwrap()
        .text()
}

#[test]
fn counts_at_unicode_white_space_whatever_the_cut() {
    let text = "to be\tor not\nto\u{3000}be\u{A0}that is\r\nbe".as_bytes();
    let expected = r#"{"be":3,"is":1,"not":1,"or":1,"that":1,"to":2}"#;
    for chunk_size in 1..40 {
        assert_eq!(count(text, chunk_size), expected, "chunks of {chunk_size}");
    }
}

#[test]
fn nothing_is_an_empty_object() {
    assert_eq!(count(b"", 1), "{}");
    assert_eq!(count(b" \n\t\n", 1), "{}");
}

#[test]
fn a_word_without_end_is_one_word() {
    let word = "ab".repeat(2 << 20);
    assert_eq!(count(word.as_bytes(), 1000), format!(r#"{{"{word}":1}}"#));
}

#[test]
fn reports_what_it_counted() {
    let text = "one two\nthree\nfour five six\n";
    let finished = Task::new("{}")
        .input("text", text)
        .chunk_size(8)
        .run::<WordCount>()
        .unwrap();
    let sum = |kind: &str, wanted: &str| -> f64 {
        let same = finished
            .metrics
            .iter()
            .filter(|(k, name, _)| *k == kind && name == wanted);
        same.map(|(.., value)| value).sum()
    };
    assert_eq!(sum("counter", "words"), 6.0);
    assert_eq!(sum("observe", "words_per_chunk"), 6.0);
}
