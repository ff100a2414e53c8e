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

/// Bytes looked at in one step.
const GROUP_BYTES: usize = 64;

/// Which bytes of a group end or may end a word: bit `n` is byte `n`.
#[derive(Clone, Copy)]
struct Marks {
    /// ASCII white space.
    spaces: u64,
    /// The first byte of a wide white space character, perhaps.
    leads: u64,
}

#[cfg(not(target_feature = "simd128"))]
fn marks(group: &[u8; GROUP_BYTES]) -> Marks {
    let mut marks = Marks { spaces: 0, leads: 0 };
    for (at, byte) in group.iter().enumerate() {
        marks.spaces |= u64::from(CLASSES[*byte as usize] == Class::Space) << at;
        marks.leads |= u64::from(CLASSES[*byte as usize] == Class::Lead) << at;
    }
    marks
}

/// Sixteen bytes at a time: in a sandbox every branch is metered, so that fewer and larger steps count double.
#[cfg(target_feature = "simd128")]
fn marks(group: &[u8; GROUP_BYTES]) -> Marks {
    use core::arch::wasm32::{u8x16_eq, u8x16_ge, u8x16_lt, u8x16_splat, u8x16_sub, v128, v128_any_true, v128_or};
    let mut marks = Marks { spaces: 0, leads: 0 };
    let (quarters, _) = group.as_chunks::<16>();
    for (number, quarter) in quarters.iter().enumerate() {
        // SAFETY: both are 16 bytes without padding, and every bit pattern is a v128.
        let bytes = unsafe { core::mem::transmute::<[u8; 16], v128>(*quarter) };
        let blank = u8x16_eq(bytes, u8x16_splat(b' '));
        let control = u8x16_lt(u8x16_sub(bytes, u8x16_splat(9)), u8x16_splat(5));
        marks.spaces |= u64::from(core::arch::wasm32::u8x16_bitmask(v128_or(blank, control))) << (number * 16);
        let wide = u8x16_ge(bytes, u8x16_splat(0xC2));
        if v128_any_true(wide) {
            let lead = v128_or(
                u8x16_eq(bytes, u8x16_splat(0xC2)),
                u8x16_lt(u8x16_sub(bytes, u8x16_splat(0xE1)), u8x16_splat(3)),
            );
            marks.leads |= u64::from(core::arch::wasm32::u8x16_bitmask(lead)) << (number * 16);
        }
    }
    marks
}

/// Calls `each` with every word of `text`, in order.
pub fn split_words(text: &[u8], mut each: impl FnMut(&[u8])) {
    let mut start = 0;
    let mut end_word = |at: usize, space: usize| {
        if start < at {
            each(&text[start..at]);
        }
        start = at + space;
    };
    let (groups, rest) = text.as_chunks::<GROUP_BYTES>();
    for (number, group) in groups.iter().enumerate() {
        let Marks { spaces, leads } = marks(group);
        let mut ends = spaces | leads;
        while ends != 0 {
            let bit = ends.trailing_zeros() as usize;
            ends &= ends - 1;
            let at = number * GROUP_BYTES + bit;
            match spaces >> bit & 1 {
                1 => end_word(at, 1),
                _ => match wide_space(&text[at..]) {
                    0 => {}
                    length => end_word(at, length),
                },
            }
        }
    }
    let base = text.len() - rest.len();
    for (at, byte) in rest.iter().enumerate() {
        match CLASSES[*byte as usize] {
            Class::Word => {}
            Class::Space => end_word(base + at, 1),
            Class::Lead => match wide_space(&rest[at..]) {
                0 => {}
                length => end_word(base + at, length),
            },
        }
    }
    end_word(text.len(), 0);
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
        Self {
            each,
            carry: Vec::new(),
        }
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
