//! Words: what lies between Unicode white space, found in bytes without decoding them first.
//!
//! The text may be invalid UTF-8. A word is then what `String::from_utf8_lossy(text).split_whitespace()` would show,
//! as the bytes it came from: white space begins with a lead byte, and a lead byte is never part of the sequence
//! before it, valid or not; so a search for the byte patterns of white space finds just those that a decoder finds.

/// What a byte can be to the splitter.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    /// Part of a word.
    Word,
    /// ASCII white space.
    Space,
    /// The first byte of a wide white space character, perhaps.
    Lead,
}

const CLASSES: [Class; 256] = {
    let mut classes = [Class::Word; 256];
    let mut byte = 9;
    while byte <= 13 {
        classes[byte] = Class::Space;
        byte += 1;
    }
    classes[b' ' as usize] = Class::Space;
    classes[0xC2] = Class::Lead;
    classes[0xE1] = Class::Lead;
    classes[0xE2] = Class::Lead;
    classes[0xE3] = Class::Lead;
    classes
};

/// Length in bytes of the wide white space that the bytes begin with, else 0.
fn wide_space(bytes: &[u8]) -> usize {
    match bytes {
        // U+0085, U+00A0
        [0xC2, 0x85 | 0xA0, ..] => 2,
        // U+1680; U+2000..U+200A, U+2028, U+2029, U+202F; U+205F; U+3000
        [0xE1, 0x9A, 0x80, ..]
        | [0xE2, 0x80, 0x80..=0x8A | 0xA8 | 0xA9 | 0xAF, ..]
        | [0xE2, 0x81, 0x9F, ..]
        | [0xE3, 0x80, 0x80, ..] => 3,
        _ => 0,
    }
}

/// Calls `each` with every word of `text`, in order.
pub fn split_words(text: &[u8], mut each: impl FnMut(&[u8])) {
    let mut start = 0;
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        let space = match CLASSES[byte as usize] {
            Class::Word => {
                at += 1;
                continue;
            }
            Class::Space => 1,
            Class::Lead => wide_space(&text[at..]),
        };
        if space == 0 {
            at += 1;
            continue;
        }
        if start < at {
            each(&text[start..at]);
        }
        at += space;
        start = at;
    }
    if start < text.len() {
        each(&text[start..]);
    }
}

/// Splits a text that comes in blocks; a word may lie across two or more of them.
pub struct WordSplitter<F> {
    each: F,
    /// The bytes behind the last ASCII white space seen.
    carry: Vec<u8>,
}

impl<F: FnMut(&[u8])> WordSplitter<F> {
    /// Calls `each` with every word, in order.
    pub const fn new(each: F) -> Self {
        Self { each, carry: Vec::new() }
    }

    /// Takes the next block. Words are complete up to its last ASCII white space; the rest waits.
    pub fn feed(&mut self, block: &[u8]) {
        let is_space = |byte: &u8| CLASSES[*byte as usize] == Class::Space;
        let (Some(first), Some(last)) = (block.iter().position(is_space), block.iter().rposition(is_space)) else {
            self.carry.extend_from_slice(block);
            return;
        };
        self.carry.extend_from_slice(&block[..first]);
        split_words(&self.carry, &mut self.each);
        split_words(&block[first..last], &mut self.each);
        self.carry.clear();
        self.carry.extend_from_slice(&block[last + 1..]);
    }

    /// The end of the text.
    pub fn finish(mut self) {
        split_words(&self.carry, &mut self.each);
    }
}
